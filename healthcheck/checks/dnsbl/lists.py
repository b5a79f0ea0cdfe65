"""Which lists are asked, with which keys, and how a key is kept out of everything that is shown.

The configuration is the environment: HEALTHCHECK_DNSBL_KEYS ("spamhaus=…,abusix=…") holds keys, HEALTHCHECK_DNSBL the path of a TOML file:

    ask = ["dnsbl.dronebl.org"]      # lists of data/blocklists.toml that are not asked by default
    skip = ["dnsrbl.swinog.ch"]      # and those that are not to be asked
    [keys]
    spamhaus = "…"
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...catalog import Blocklist, catalog
from ...errors import InputError
from ...model import Answer, frozen

if TYPE_CHECKING:
    from ...edge.world import World

KEYS, FILE = "HEALTHCHECK_DNSBL_KEYS", "HEALTHCHECK_DNSBL"
HIDDEN = "KEY"  # stands where a key stood
_KEY = re.compile(r"[A-Za-z0-9_-]{6,63}")  # one label; a shorter one could not be hidden without hiding other words

Lists = tuple[Blocklist, ...]


@frozen
class Unasked:
    """A list that is known and was not asked. why: its reason in words; lookup: where a person can ask."""

    name: str
    zone: str | None
    weight: str
    why: str
    lookup: str | None


@cache
def asked_by_default() -> Lists:
    """The rows that are asked where nothing is configured."""
    return tuple(row for row in catalog().blocklists if row.ask and not row.needs_key)


def chosen(world: World) -> Lists:
    """The lists that are asked in this world: its own, else the configured ones; a world of zone files has no use for keys.

    Raises InputError for a configuration that cannot be read.
    """
    if world.blocklists is not None:
        return tuple(world.blocklists)
    if world.only_zone or world.describe.startswith("the demo world"):
        return asked_by_default()
    return configured(os.environ)


def configured(environ: Mapping[str, str]) -> Lists:
    """The lists that a configuration asks for, those of the default where it says nothing. Reads the file that it names.

    Raises InputError, which never holds a key, for a file that cannot be read, a list or owner of a key that is not known, and a key that is none.
    """
    return _configured(environ.get(KEYS, ""), environ.get(FILE, ""))


@lru_cache(maxsize=8)
def _configured(pairs: str, path: str) -> Lists:
    ask, skip, keys = _file(path) if path else ((), (), {})
    keys = {**keys, **_pairs(pairs)}
    rows, owners = catalog().blocklists, {row.key for row in catalog().blocklists if row.key}
    for owner, key in keys.items():
        if owner not in owners:
            raise InputError(f"No blocklist takes a key that is called “{owner[:40]}”. Known are {', '.join(sorted(filter(None, owners)))}.")
        if not _KEY.fullmatch(key):
            raise InputError(f"The key for “{owner}” is none: 6 to 63 letters, digits and hyphens make one.")
    known = {row.zone for row in rows}
    for zone in (*ask, *skip):
        if zone not in known:
            raise InputError(f"{path}: “{zone[:60]}” is no list of data/blocklists.toml.")
    keyed = [_filled(row, keys[row.key]) for row in rows if row.key in keys and row.zone not in skip]
    gone = {*skip, *(row.replaces for row in keyed)}
    return (*(row for row in rows if (row.ask or row.zone in ask) and not row.needs_key and row.zone not in gone), *keyed)


def _filled(row: Blocklist, key: str) -> Blocklist:
    """A row with its key, and with what it shares with the row that it replaces."""
    old = next((r for r in catalog().blocklists if r.zone == row.replaces), row)
    same = {name: getattr(row, name) or getattr(old, name) for name in ("codes", "refusals", "weights", "test_listed", "test_clean")}
    return replace(row, secret=key, **same)


def _pairs(text: str) -> dict[str, str]:
    out = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        owner, equals, key = pair.partition("=")
        if not equals:
            raise InputError(f"{KEYS} is to be read as owner=key, with commas between: spamhaus=…,abusix=…")
        out[owner.strip().lower()] = key.strip()
    return out


def _file(path: str) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]:
    try:
        raw: dict[str, Any] = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {(error.strerror or 'it is not there').lower()}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # what the parser says may hold a piece of the file, and so of a key
        raise InputError(f"{path} is no TOML file.") from None
    ask, skip, keys = raw.pop("ask", []), raw.pop("skip", []), raw.pop("keys", {})
    texts = [*ask, *skip] if isinstance(ask, list) and isinstance(skip, list) else [None]
    if raw or not isinstance(keys, dict) or not all(isinstance(t, str) for t in (*texts, *keys.values())):
        raise InputError(f"{path}: “ask” and “skip” are lists of zones, [keys] holds keys; nothing else stands there.")
    return tuple(ask), tuple(skip), {str(owner).lower(): key for owner, key in keys.items()}


# ------------------------------------------------------------------ what is not asked


def unasked(lists: Lists) -> tuple[Unasked, ...]:
    """The lists that are known and not among these, each with its reason. Pure."""
    zones = {row.zone for row in lists} | {row.replaces for row in lists}
    out = [Unasked(row.name, row.zone, row.weight, row.note or row.terms, row.lookup) for row in catalog().blocklists if row.zone not in zones]
    return (*out, *(Unasked(row.name, None, row.weight, row.terms, row.lookup) for row in catalog().hand_lists))


@cache
def dead() -> Mapping[str, str]:
    """The lists that are never asked: zone (with all below it) -> since when it is gone."""
    return {row.zone: row.since for row in catalog().dead_lists}


# ------------------------------------------------------------------ keys are never shown


def hidden(answer: Answer, secret: str) -> Answer:
    """An answer as it may be shown: KEY in place of the key. Pure."""
    if not secret:
        return answer
    held = re.compile(re.escape(secret), re.IGNORECASE)  # names are asked in lower case

    def hide(text: str) -> str:
        return held.sub(HIDDEN, text)

    return replace(answer, name=hide(answer.name), detail=hide(answer.detail), aliases=tuple(map(hide, answer.aliases)), values=tuple(map(hide, answer.values)))


def masked(answers: Iterable[Answer], lists: Lists | None) -> tuple[Answer, ...]:
    """A transcript as it may be shown: no key of these lists in it. Pure."""
    out = tuple(answers)
    for secret in dict.fromkeys(row.secret for row in lists or () if row.secret):
        held = secret.lower()
        out = tuple(hidden(a, secret) if held in a.name or a.values or a.detail or a.aliases else a for a in out)
    return out
