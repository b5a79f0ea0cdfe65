"""What a domain is for, and what receivers ask of it: rows of data/profiles.toml and data/requirements.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .report import Status
from .values import frozen

PROFILES = ("sending", "bulk", "non-sending", "receiving")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeighRule:
    """What a profile makes of some findings. It does exactly one of status, at_most, instead, drop and keep."""

    why: str
    codes: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()  # every finding of them that could be checked
    beside: tuple[str, ...] = ()  # only where one of these is among the topic's findings
    status: Status | None = None
    at_most: Status | None = None
    instead: str | None = None  # the code that stands in its place, with the same values and evidence
    drop: bool = False
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """parked: the user says that the domain neither sends nor takes mail. mail_hosts: their reverse names are looked up."""

    id: str
    name: str
    text: str
    core: tuple[str, ...]
    requirements: tuple[str, ...]  # all, bulk
    parked: bool = False
    mail_hosts: bool = False
    verdict: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[WeighRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    id: str
    name: str
    page: str
    bulk: str  # whom it counts as a bulk sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What one receiver asks. `breaks` are sets of codes, here spelled out; `together`: it takes a failing finding of each set.

    open   for each set the codes that keep it from being called met; met: those that show that it is
    kinds  its rows of the matrix: one for each set, or the one that `kind` says
    """

    id: str
    receiver: str
    applies: str  # all | bulk
    title: str
    text: str
    source: str
    seen: str
    since: str
    breaks: tuple[tuple[str, ...], ...] = ()
    together: bool = False
    open: tuple[tuple[str, ...], ...] = ()
    met: tuple[tuple[str, ...], ...] = ()
    in_dns: bool = True
    reply: str | None = None
    kind: str = ""
    kinds: tuple[str, ...] = ()


@frozen
class Asked:
    """A requirement as a report bears on it. state: broken | met | unknown | not-in-dns; by: codes of the findings that break it.

    met says that nothing in the DNS stands against it, not that every mail meets it.
    """

    requirement: Requirement
    state: str
    by: tuple[str, ...] = ()


@frozen
class Cell:
    """One field of the matrix: what a receiver asks of one kind, and what a report shows of it.

    small, bulk  what it is for a small sender and for one that sends in bulk: broken | met | unknown | not-in-dns | not-asked
    by           codes of the findings that decide it: those that break it, leave it open, or show that it is met
    requirement  None where this receiver asks nothing of the kind
    """

    kind: str
    receiver: str
    small: str
    bulk: str
    by: tuple[str, ...] = ()
    requirement: Requirement | None = None
