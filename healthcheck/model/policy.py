"""What the policy of a repository (.healthcheck.toml) makes of a report: assertions, findings that are ignored, and what is new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from .dns import Answer
from .report import Finding, Location


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion, and what a report says to it.

    text      as it stands in the file
    result    holds | fails | unknown: the fact could not be had, which is never a fail
    actual    what was compared: the value, or a list where the path names several; None where there is none
    why       why it is unknown, or that what it is about is not there; "" where `actual` says it all
    evidence  the answers that the fact rests on, as far as its topic names them
    counts    False: unknown only because it lies outside the zone files of --only-zone, which changes no exit code
    """

    text: str
    result: str
    actual: Any = None
    why: str = ""
    location: Location | None = None
    evidence: tuple[Answer, ...] = ()
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Ignored:
    """A finding that the configuration takes for known until `expires`, that day included. It counts for nothing and stays visible."""

    finding: Finding
    reason: str
    expires: date
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """Something about the configuration that is to be mended, and that does not keep it from being used."""

    text: str
    location: Location | None = None
