"""The DNS tree walk: which record holds for a domain, and which domain is its organizational one. RFC 9989 section 4.10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...model import Answer
from ..base import outside_zone_files
from .record import DmarcRecord, parse, select

MAX_WALK = 8


def names(domain: str) -> tuple[str, ...]:
    """The names whose _dmarc is asked, in order: the domain, then its parents, at most eight.

    Standard: RFC 9989 section 4.10: a name of eight labels or more goes on with its last seven.

    >>> names("a.example.com")
    ('a.example.com', 'example.com', 'com')
    """
    labels = domain.split(".")
    parents = labels[1:] if len(labels) < MAX_WALK else labels[-(MAX_WALK - 1) :]
    return (domain, *(".".join(parents[n:]) for n in range(len(parents))))


@dataclass(frozen=True, slots=True)
class Walk:
    """What the walk from one domain brought.

    org          its organizational domain; None where an answer that decides it could not be had
    found_at     where the record stands that holds for the domain; None where there is none, or it is not known
    record       that record
    several_at   a name with more than one record, which ends the discovery there
    known        False: an answer that decides which record holds could not be had
    """

    domain: str
    org: str | None
    found_at: str | None
    record: DmarcRecord | None
    several_at: str | None
    known: bool
    org_known: bool
    answers: tuple[Answer, ...]

    @property
    def unsure(self) -> tuple[Answer, ...]:
        return tuple(a for a in self.answers if a.unsure and not a.looped)


def walk(domain: str, answers: Mapping[str, Answer]) -> Walk:
    """The walk over answers that were already had (name -> answer to TXT _dmarc.<name>). Pure. RFC 9989 section 4.10."""
    found: list[tuple[str, DmarcRecord]] = []
    seen: list[Answer] = []
    several = gap = None
    for name in names(domain):
        answer = answers[name]
        seen.append(answer)
        if answer.unsure and not answer.looped:
            # A top-level domain can only say (psd=y) that the domain below it is the organizational one, which a record found
            # there says as well; and with --only-zone no file holds a top-level domain.
            if "." in name or not (found or outside_zone_files(answer)):
                gap = gap or name
            continue
        texts = select(answer)
        if len(texts) > 1:
            # several at a name count as none there, and the discovery ends
            several = name
            break
        if texts:
            record = parse(texts[0])
            found.append((name, record))
            if record.psd == "n" or (record.psd == "y" and name != domain):
                break
    org, at, record_of = _decide(domain, found)
    own = found[0] if found and found[0][0] == domain else None
    # RFC 9989 section 4.10.1: the author domain's record goes before everything, so a gap above it hides only the org domain
    holds = own or ((at, record_of) if at and record_of else None)
    known = bool(own) or gap is None
    return Walk(
        domain=domain,
        org=org if gap is None else (own[0] if own and own[1].psd == "n" else None),
        found_at=holds[0] if holds and known else None,
        record=holds[1] if holds and known else None,
        several_at=several,
        known=known,
        org_known=gap is None or bool(own and own[1].psd == "n"),
        answers=tuple(seen),
    )


def _decide(domain: str, found: list[tuple[str, DmarcRecord]]) -> tuple[str, str | None, DmarcRecord | None]:
    """The organizational domain and the record that holds there. RFC 9989 section 4.10.2."""
    for name, record in found:
        if record.psd == "n":
            return name, name, record
        if record.psd == "y" and name != domain:
            below = domain.split(".")[-(name.count(".") + 2) :]
            org = ".".join(below)
            return org, *next(((n, r) for n, r in found if n == org), (name, record))
    if found:
        name, record = min(found, key=lambda pair: pair[0].count("."))
        return name, name, record
    return domain, None, None
