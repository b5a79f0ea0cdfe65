"""Where the reports go, and whether a domain of somebody else has agreed to take them. RFC 9990 section 4; RFC 9991 section 5 says
the same of ruf.

The grant of a domain is asked first: where it is there, it matters no more to whom the domain belongs. Of a domain below the policy's
own one the walk is asked first: it is as a rule of the same organization.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model import Answer, Question
from .record import DmarcRecord, parse, select
from .walk import Walk, names, walk

if TYPE_CHECKING:
    from ...edge.dns import Seam

MAX_DESTINATIONS = 12  # report domains that are looked at
MAX_QUESTIONS = 24  # for all of them together
NAME_LIMIT = 253  # characters of a name without its last dot (RFC 1035 section 2.3.4)
ROLE = "dmarc-report"
THEIRS = "dmarc-theirs"
_MARK = "._report._dmarc."


@dataclass(frozen=True, slots=True)
class ReportCheck:
    """One domain that reports go to.

    external     is it of another organization? None: not known, or of no matter since it has agreed
    authorised   will receivers send there? None: could not be found out (`unsure` says why)
    why          where they will not: missing (no grant) | elsewhere (the grant sends them on to another host) | too-long (no name
                 for a grant)
    looked_at    False: beyond the domains that one scan looks at
    """

    domain: str
    external: bool | None
    authorised: bool | None
    answer: Answer | None = None
    unsure: tuple[Answer, ...] = ()
    looked_at: bool = True
    why: str = ""


def authorization(at: str, destination: str) -> str:
    """The name by which a report domain agrees to take another domain's reports. RFC 9990 section 4 steps 2 and 3.

    >>> authorization("example.com", "reports.example.net")
    'example.com._report._dmarc.reports.example.net'
    """
    return f"{at}{_MARK}{destination}"


def destinations(record: DmarcRecord) -> tuple[str, ...]:
    """The domains of every rua and ruf address, once each, in the order published. Pure."""
    return tuple(dict.fromkeys(r.domain for r in record.reports if r.domain))


def _nameable(at: str, destination: str) -> bool:
    """RFC 9990 section 4 step 4: where the name of a grant would be too long, there is none."""
    return len(authorization(at, destination)) <= NAME_LIMIT


def _asked(record: DmarcRecord, at: str) -> tuple[list[str], list[str]]:
    """The domains whose walk is asked first, and those whose grant is."""
    wanted = [d for d in destinations(record)[:MAX_DESTINATIONS] if d != at]
    # what stands below a public suffix belongs to others
    near = [d for d in wanted if not _nameable(at, d) or (record.psd != "y" and d.endswith(f".{at}"))]
    return near, [d for d in wanted if d not in near]


def _grant(at: str, destination: str) -> Question:
    return Question(authorization(at, destination), "TXT", ROLE)


def _between(destination: str, at: str) -> list[str]:
    """The names of a walk that that of the policy's own domain did not ask."""
    known = set(names(at))
    return [name for name in names(destination) if name not in known]


def first_of(record: DmarcRecord, at: str) -> Iterator[Question]:
    """What is asked of a record's report domains before anything is known of them. Pure."""
    near, far = _asked(record, at)
    yield from (_grant(at, d) for d in far)
    yield from (Question(f"_dmarc.{name}", "TXT", THEIRS) for d in near for name in _between(d, at))


def after(question: Question, answer: Answer) -> Iterator[Question]:
    """Without a grant it matters whether the domain is of the same organization: its walk. Pure."""
    if _MARK in question.name and not (answer.found and select(answer)):
        destination = question.name.partition(_MARK)[2]
        yield from (Question(f"_dmarc.{name}", "TXT", THEIRS) for name in names(destination))


class _Look:
    """The questions of one record's report domains, and what they brought. `left`: how many may still be asked."""

    def __init__(self, dns: Seam, at: str, answers: Mapping[str, Answer]) -> None:
        self.dns, self.at, self.left = dns, at, MAX_QUESTIONS
        self.grants: dict[str, Answer] = {}
        self.steps: dict[str, Answer] = {name: answers[name] for name in names(at) if name in answers}
        self.walks: dict[str, Walk] = {}

    def ask_grants(self, wanted: list[str]) -> None:
        wanted = wanted[: max(0, self.left)]
        self.left -= len(wanted)
        self.grants.update(zip(wanted, self.dns.ask_all([_grant(self.at, d) for d in wanted]), strict=True))

    def ask_walks(self, wanted: list[str]) -> None:
        new: list[str] = []
        able: list[str] = []
        for destination in wanted:
            more = [name for name in names(destination) if name not in self.steps and name not in new]
            if len(more) > self.left:
                continue
            new += more
            able.append(destination)
            self.left -= len(more)
        self.steps.update(zip(new, self.dns.ask_all([Question(f"_dmarc.{name}", "TXT", THEIRS) for name in new]), strict=True))
        self.walks.update((d, walk(d, self.steps)) for d in able)


def look(dns: Seam, record: DmarcRecord, at: str, answers: Mapping[str, Answer]) -> tuple[ReportCheck, ...]:
    """Every destination of a record, judged. Waits through the seam. Cost: a question a domain, and its walk where it has not
    agreed; at most 24. Domains beyond that are told as not looked at. `answers`: those of the walk that found the record."""
    asked = _Look(dns, at, answers)
    home = walk(at, asked.steps)
    near, far = _asked(record, at)
    asked.ask_grants(far)
    asked.ask_walks(near)
    asked.ask_grants([d for d in near if d in asked.walks and _nameable(at, d) and _foreign(asked.walks[d], home) is not False])
    asked.ask_walks([d for d in far if d in asked.grants and not _granted(asked.grants[d], record, d)])
    return tuple(_check(d, record, home, asked, within=n < MAX_DESTINATIONS) for n, d in enumerate(destinations(record)))


def _foreign(theirs: Walk, home: Walk) -> bool | None:
    """Is it another organization? RFC 9990 section 4 compares the organizational domains of the record's place and of the address."""
    return theirs.org != home.org if home.org_known and theirs.org_known else None


def _check(destination: str, record: DmarcRecord, home: Walk, asked: _Look, *, within: bool) -> ReportCheck:
    if destination == home.domain:
        return ReportCheck(destination, False, True)
    grant, theirs = asked.grants.get(destination), asked.walks.get(destination)
    if grant is not None and _granted(grant, record, destination):
        return ReportCheck(destination, None, True, grant)
    nameable = _nameable(home.domain, destination)
    external = _foreign(theirs, home) if theirs is not None else None
    if external is False:
        # only a destination of another organization has to agree
        return ReportCheck(destination, False, True, grant)
    if not within or theirs is None or (nameable and grant is None):
        return ReportCheck(destination, None, None, grant, looked_at=False)
    refused = bool(external) and (grant is None or grant.found or grant.absent or grant.looped)
    doubts = (*(_doubts(home, theirs) if external is None else ()), *((grant,) if grant is not None and grant.unsure and not grant.looped else ()))
    why = "too-long" if grant is None else "elsewhere" if grant.found and select(grant) else "missing"
    return ReportCheck(destination, external, False if refused else None, grant, doubts, why=why if refused else "")


def _doubts(home: Walk, theirs: Walk) -> tuple[Answer, ...]:
    return tuple(dict.fromkeys((*home.unsure, *theirs.unsure)))


def _granted(grant: Answer, record: DmarcRecord, destination: str) -> bool:
    """Does the domain agree? RFC 9990 section 4 step 8: one record that can be read will do, however many there are.

    A grant may put an address in the place of ours (step 9); where that is at another host, reports go to neither.
    """
    tags = {r.tag for r in record.reports if r.domain == destination}
    granted = [parse(text) for text in select(grant)] if grant.found else []
    return bool(granted) and not any(r.tag in tags and r.domain != destination for read in granted for r in read.reports)
