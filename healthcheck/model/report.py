"""What a scan found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .dns import Answer
from .domain import Domain
from .values import frozen

if TYPE_CHECKING:
    from .policy import Assertion, Ignored, Warned


class Status(StrEnum):
    """What a finding says. UNKNOWN: could not find out. It is never a synonym of absent."""

    PASS = "pass"
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


VERDICT_ORDER = (Status.FAIL, Status.UNKNOWN, Status.WARN, Status.NOTE, Status.PASS)


def worst(statuses: Any) -> Status:
    """The verdict over some statuses: fail > unknown > warn > note > pass; pass where there are none.

    >>> worst([Status.NOTE, Status.UNKNOWN, Status.PASS]).value
    'unknown'
    """
    return min(statuses, key=VERDICT_ORDER.index, default=Status.PASS)


@dataclass(frozen=True, slots=True)
class Record:
    """A change of one record set: what stands there now and what to publish instead (TXT values unquoted)."""

    name: str
    rtype: str
    current: tuple[str, ...]
    proposed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several cures between which only the user can choose; `key` names its sentence in the finding's row."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Location:
    file: str
    line: int


@frozen
class Finding:
    """One thing that was found out. Its words stand in the row `code` of data/checks.toml.

    subject   the name or address it is about; values: the slots of the row's message; evidence: the answers it rests on.
    record    the record to publish, only by the rules of a safe proposal; else `choices`, else the row says why there is none.
    """

    code: str
    status: Status
    subject: str
    values: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Answer, ...] = ()
    record: Record | None = None
    choices: tuple[Choice, ...] = ()
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class ScanInput:
    """What to scan. ips, selectors and mail_from are what the user, or the bounce, said of the sender."""

    domain: Domain
    ips: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()
    mail_from: str | None = None  # domain of the envelope sender; None: the same domain
    profile: str = "sending"
    source: str = ""  # as given, for the caller to recognise its input
    topics: tuple[str, ...] | None = None  # None: all
    starttls: bool = False  # may the mail hosts be connected to?
    helo: str | None = None  # the name that the sending servers say in EHLO


@frozen
class TopicResult:
    verdict: Status
    summary: str
    done: bool = True


@dataclass(frozen=True, slots=True)
class Timing:
    questions: int  # sent, retries left out
    distinct: int
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a scan found out. `facts` is what was gathered, ready for JSON; `transcript` every question with its answer."""

    input: ScanInput
    domain: Domain
    profile: str
    scanned_at: datetime
    verdict: Status
    topics: Mapping[str, TopicResult]
    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]
    transcript: tuple[Answer, ...]
    timing: Timing
    left_out: tuple[str, ...] = ()  # topics that were asked for and are not built
    # what the policy of the repository makes of it (policy/apply.py): ignored findings are no longer among `findings`
    assertions: tuple[Assertion, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    warnings: tuple[Warned, ...] = ()
    new: tuple[Finding, ...] | None = None  # those that the baseline does not hold; None: there is no baseline
