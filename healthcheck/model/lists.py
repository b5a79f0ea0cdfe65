"""Rows of knowledge about who signs mail and who keeps lists: what data/selectors.toml and data/blocklists.toml hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A service that signs mail: what esps.toml and selectors.toml say of it together. How the columns are read: data/selectors.toml."""

    id: str
    name: str = ""
    selectors: tuple[str, ...] = ()
    dated: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    rua: tuple[str, ...] = ()
    spf: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()
    source: str = ""
    seen: str = ""  # when its selectors were last seen in a public source; "": not yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocklist:
    zone: str
    name: str
    kind: str  # ip | domain
    weight: str  # critical | high | medium | low | info
    source: str
    seen: str
    codes: Mapping[str, str] = field(default_factory=dict)  # "127.0.0.2" -> meaning; "bit 2" for bitmask lists
    not_listed: Mapping[str, str] = field(default_factory=dict)  # answers that are no listing (white lists, neutral)
    refusals: Mapping[str, str] = field(default_factory=dict)  # answers that say no
    bitmask: bool = False
    any_code: bool = False  # any answer in 127.0.0.0/8 that is no refusal is a listing
    ipv6: bool = False
    test_listed: str | None = None  # address or name that must be listed
    test_clean: str | None = None  # and one that must not
    weights: Mapping[str, str] = field(default_factory=dict)  # answers that weigh something else than the list does
    needs_key: bool = False  # "{key}" stands in the zone
    key: str | None = None  # the name under which the configuration holds its key
    secret: str = field(default="", repr=False)  # the key itself, in lists made from the configuration; never in a row
    replaces: str | None = None  # the zone that is not asked where this one is
    ask: bool = True  # asked by default
    clouds: str | None = None  # whom it refuses as a whole, in words
    terms: str = ""
    lookup: str | None = None
    delist: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandList:
    """A list that is used by receivers and has no public zone: it can only be looked up by hand."""

    name: str
    kind: str
    weight: str
    terms: str
    lookup: str
    source: str
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadList:
    zone: str
    since: str
    note: str
    source: str = ""
