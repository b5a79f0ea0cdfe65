"""Where the reports go, and whether a domain of somebody else has agreed to take them. RFC 9990 section 4.

The grant of a domain is asked first: where it is there, it matters no more to whom the domain belongs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model import Answer, Question
from .record import DmarcRecord, select
from .walk import Walk, names, walk

if TYPE_CHECKING:
    from ...edge.dns import Seam

MAX_DESTINATIONS = 12  # report domains that are looked at
MAX_QUESTIONS = 24  # for all of them together
ROLE = "dmarc-report"
_MARK = "._report._dmarc."


@dataclass(frozen=True, slots=True)
class ReportCheck:
    """One domain that reports go to.

    external     is it of another organization? None: not known, or of no matter since it has agreed
    authorised   will receivers send there? None: could not be found out (`unsure` says why)
    looked_at    False: beyond the domains that one scan looks at
    """

    domain: str
    external: bool | None
    authorised: bool | None
    answer: Answer | None = None
    unsure: tuple[Answer, ...] = ()
    looked_at: bool = True


def authorization(at: str, destination: str) -> str:
    """The name by which a report domain agrees to take another domain's reports. RFC 9990 section 4.

    >>> authorization("example.com", "reports.example.net")
    'example.com._report._dmarc.reports.example.net'
    """
    return f"{at}{_MARK}{destination}"


def destinations(record: DmarcRecord) -> tuple[str, ...]:
    """The domains of every rua and ruf address, once each, in the order published. Pure."""
    return tuple(dict.fromkeys(r.domain for r in record.reports if r.domain))


def _inside(destination: str, at: str) -> bool:
    # a sub-domain of the policy's own domain would be external only with a psd=n of its own
    return destination == at or destination.endswith(f".{at}")


def _outside(record: DmarcRecord, at: str) -> list[str]:
    return [d for d in destinations(record)[:MAX_DESTINATIONS] if not _inside(d, at)]


def first_of(record: DmarcRecord, at: str) -> Iterator[Question]:
    """The grants of a record's report domains. Pure."""
    yield from (Question(authorization(at, d), "TXT", ROLE) for d in _outside(record, at))


def after(question: Question, answer: Answer) -> Iterator[Question]:
    """Without a grant it matters whether the domain is of the same organization: its walk. Pure."""
    if _MARK in question.name and not (answer.found and select(answer)):
        destination = question.name.partition(_MARK)[2]
        yield from (Question(f"_dmarc.{name}", "TXT", "dmarc-theirs") for name in names(destination))


def look(dns: Seam, record: DmarcRecord, at: str, mine: Walk) -> tuple[ReportCheck, ...]:
    """Every destination of a record, judged. Waits through the seam. Cost: a question a domain, and its walk where it has not
    agreed; at most 24. Domains beyond that are told as not looked at."""
    outside = _outside(record, at)
    grants = dict(zip(outside, dns.ask_all(list(first_of(record, at))), strict=True))
    left = MAX_QUESTIONS - len(grants)
    walks: dict[str, tuple[str, ...]] = {}
    asked: set[str] = set()
    for destination, grant in grants.items():
        if grant.found and select(grant):
            continue
        more = [n for n in names(destination) if n not in asked]
        if len(more) > left:
            continue
        walks[destination] = names(destination)
        asked.update(more)
        left -= len(more)
    wanted = list(dict.fromkeys(n for walked in walks.values() for n in walked))
    answers = dict(zip(wanted, dns.ask_all([Question(f"_dmarc.{n}", "TXT", "dmarc-theirs") for n in wanted]), strict=True))
    return tuple(_check(d, at, mine, grants.get(d), {n: answers[n] for n in walks[d]} if d in walks else None) for d in destinations(record))


def _check(destination: str, at: str, mine: Walk, grant: Answer | None, theirs: dict[str, Answer] | None) -> ReportCheck:
    if _inside(destination, at):
        return ReportCheck(destination, False, True)
    if grant is None:
        return ReportCheck(destination, None, None, looked_at=False)
    if grant.found and select(grant):
        return ReportCheck(destination, None, True, grant)
    if theirs is None:
        return ReportCheck(destination, None, None, grant, looked_at=False)
    walked = walk(destination, theirs)
    # RFC 9990 section 4: whose the two are is compared by their organizational domains
    external = walked.org != mine.org if mine.org_known and walked.org_known else None
    if external is False:
        # RFC 9990 section 4: only a destination of another organization has to agree
        return ReportCheck(destination, False, True, grant)
    no_grant = grant.found or grant.absent or grant.looped
    doubts = tuple(a for a in (*((*mine.unsure, *walked.unsure) if external is None else ()), grant) if a.unsure and not a.looped)
    return ReportCheck(destination, external, False if no_grant and external else None, grant, doubts)
