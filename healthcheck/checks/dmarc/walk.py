"""The DNS tree walk: which record holds for a domain, and which domain is its organizational one. RFC 9989 section 4.10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...model import Answer
from ..base import outside_zone_files
from .record import DmarcRecord, parse, select, texts

MAX_WALK = 8

Found = list[tuple[str, DmarcRecord]]


def names(domain: str) -> tuple[str, ...]:
    """The names whose _dmarc is asked, in order: the domain, then its parents, at most eight.

    Standard: RFC 9989 section 4.10 steps 3, 4 and 7: a name of eight labels or more goes on with its last seven.

    >>> names("a.example.com")
    ('a.example.com', 'example.com', 'com')
    >>> len(names("a.b.c.d.e.f.g.h.i.j.k.example.com"))
    8
    """
    labels = domain.split(".")
    parents = labels[1:] if len(labels) < MAX_WALK else labels[-(MAX_WALK - 1) :]
    return (domain, *(".".join(parents[n:]) for n in range(len(parents))))


@dataclass(frozen=True, slots=True)
class Step:
    """One name of the walk, as the page draws it.

    state    record | several | other (text that is no DMARC record) | none | unknown | outside (of the zone files) |
             not-needed (the walk had ended)
    skipped  labels that were passed over to get here from the step before, beyond the usual one
    marks    author (the domain asked for), org (its organizational domain), holds (the record that is applied), stop (psd ended the walk)
    """

    name: str
    state: str
    record: str | None = None
    psd: str | None = None
    skipped: int = 0
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """What the walk from one domain brought.

    org          its organizational domain; None where an answer that decides it could not be had
    found_at     where the record stands that holds for the domain; None where there is none, or it is not known
    record       that record
    several      names with more than one record: each counts as a name without any, and the walk goes on
    known        False: an answer that decides which record holds could not be had
    by_psd       a psd=y or psd=n tag decided
    """

    domain: str
    org: str | None
    found_at: str | None
    record: DmarcRecord | None
    several: tuple[str, ...]
    known: bool
    org_known: bool
    by_psd: bool
    answers: tuple[Answer, ...]

    @property
    def unsure(self) -> tuple[Answer, ...]:
        return tuple(a for a in self.answers if a.unsure and not a.looped)


def walk(domain: str, answers: Mapping[str, Answer]) -> Walk:
    """The walk over answers that were already had (name -> answer to TXT _dmarc.<name>). Pure. RFC 9989 section 4.10."""
    found: Found = []
    seen: list[Answer] = []
    several: list[str] = []
    gap = None
    for name in names(domain):
        answer = answers[name]
        seen.append(answer)
        if answer.unsure and not answer.looped:
            # A top-level domain has to say psd=y (RFC 9989 section 5.2), so that the domain right below it is the organizational
            # one, which a record found there says as well; and with --only-zone no file holds a top-level domain.
            if "." in name or not (outside_zone_files(answer) or any(at.count(".") == 1 for at, _ in found)):
                gap = gap or name
            continue
        records = select(answer)
        if len(records) > 1:
            # RFC 9989 section 4.10 steps 2 and 6: they are all discarded, and only a psd tag of a single record stops the walk
            several.append(name)
        elif records:
            record = parse(records[0])
            found.append((name, record))
            if ends(record):
                break
    org, at, record_of = _decide(domain, found)
    own = found[0] if found and found[0][0] == domain else None
    # RFC 9989 section 4.10.1: the author domain's record goes before everything, so a gap above it hides only the org domain
    holds = own or ((at, record_of) if at and record_of else None)
    known = bool(own) or gap is None
    sure = gap is None
    return Walk(
        domain=domain,
        org=org if sure else None,
        found_at=holds[0] if holds and known else None,
        record=holds[1] if holds and known else None,
        several=tuple(several),
        known=known,
        org_known=sure,
        by_psd=any(ends(record) for _, record in found),
        answers=tuple(seen),
    )


def ends(record: DmarcRecord) -> bool:
    """Does a walk end with this record? Pure. RFC 9989 section 4.10 steps 2 and 6: it does by psd=n and psd=y, also where it started."""
    return record.psd in ("n", "y")


def _decide(domain: str, found: Found) -> tuple[str, str | None, DmarcRecord | None]:
    """The organizational domain and the record that holds there. RFC 9989 section 4.10.2."""
    for name, record in found:
        if record.psd == "n":
            return name, name, record
        # psd=y where the walk started says that the domain itself is a public suffix: its organizational domain cannot lie below it
        if record.psd == "y" and name != domain:
            below = domain.split(".")[-(name.count(".") + 2) :]
            org = ".".join(below)
            # RFC 9989 section 4.10.1: author domain, organizational domain, public suffix domain, in this order
            return org, *next(((n, r) for n, r in found if n == org), (name, record))
    if found:
        name, record = min(found, key=lambda pair: pair[0].count("."))
        return name, name, record
    return domain, None, None


def drawn(done: Walk, answers: Mapping[str, Answer]) -> tuple[Step, ...]:
    """The steps of a walk, in the order of asking, those after its end included. Pure."""
    steps: list[Step] = []
    before = done.domain
    for number, name in enumerate(names(done.domain)):
        reached = number < len(done.answers)
        state, record = _state(answers[name]) if reached else ("not-needed", None)
        read = parse(record) if record is not None else None
        marks = [
            *(["author"] if name == done.domain else []),
            *(["org"] if name == done.org else []),
            *(["holds"] if name == done.found_at else []),
            *(["stop"] if read is not None and ends(read) else []),
        ]
        skipped = max(0, before.count(".") - name.count(".") - 1)
        steps.append(Step(name, state, record, read.psd if read else None, skipped, tuple(marks)))
        before = name
    return tuple(steps)


def _state(answer: Answer) -> tuple[str, str | None]:
    if answer.unsure and not answer.looped:
        return ("outside" if outside_zone_files(answer) else "unknown"), None
    records = select(answer)
    if len(records) == 1:
        return "record", records[0]
    if records:
        return "several", None
    return ("other" if texts(answer) else "none"), None
