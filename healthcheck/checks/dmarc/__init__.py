"""DMARC (RFC 9989, reports RFC 9990): which policy holds for the From domain, and where its reports go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ...model import Answer, Outcome, Question, ScanInput
from ..base import Later
from ..facts import Facts
from .judge import judge
from .record import DmarcRecord, parse, select
from .walk import Walk, names, walk

if TYPE_CHECKING:
    from ...edge.world import Session

__all__ = ["TOPIC", "DmarcFacts", "ReportCheck", "first", "foresee", "gather", "judge"]

TOPIC = "dmarc"
MAX_DESTINATIONS = 4  # report domains that are looked at; receivers need serve no more than two addresses


@dataclass(frozen=True, slots=True)
class ReportCheck:
    """One domain that reports go to. external, authorised: None where it could not be found out. RFC 9990 section 4."""

    domain: str
    external: bool | None
    authorised: bool | None
    answer: Answer | None = None
    unsure: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class DmarcFacts:
    """What is known of DMARC.

    record      the record that holds for the domain, as published; found_at the domain whose _dmarc carries it
    org         the organizational domain by the tree walk; None where it is not known
    policy      in effect for mail with this From domain, after t=y: none | quarantine | reject; None where there is no DMARC
    asked       the same before t=y; applies: which tag says so, p | sp | np
    orgs        domain -> its organizational domain or None, for the From domain and the envelope domain
    known       False: whether there is a record could not be found out
    """

    domain: str
    known: bool
    record: str | None
    found_at: str | None
    org: str | None
    several_at: str | None
    policy: str | None
    asked: str | None
    applies: str | None
    adkim: str
    aspf: str
    testing: bool
    tags: Mapping[str, str]
    orgs: Mapping[str, str | None]
    reports: tuple[ReportCheck, ...] = ()
    opinion: Mapping[str, Any] = field(default_factory=dict)
    exists: bool | None = None
    root: Answer | None = None
    answers: tuple[Answer, ...] = ()
    unsure: tuple[Answer, ...] = ()
    parsed: DmarcRecord | None = None


def first(wanted: ScanInput) -> Iterator[Question]:
    """Every name of the walk at once: what one answers hardly ever saves the next. RFC 9989 section 4.10."""
    for start in dict.fromkeys((wanted.domain.name, wanted.mail_from or wanted.domain.name)):
        for name in names(start):
            yield Question(f"_dmarc.{name}", "TXT", "dmarc")


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """The report domains of a record: their own walk, and whether they agree to take the reports. Pure."""
    if question.role != "dmarc" or not answer.found:
        return
    found = select(answer)
    if len(found) == 1:
        at = question.name.removeprefix("_dmarc.")
        for name in _asked_of(parse(found[0]), at):
            yield Question(name, "TXT", "dmarc-report")


def _destinations(record: DmarcRecord) -> tuple[str, ...]:
    return tuple(dict.fromkeys(r.domain for r in record.reports if r.domain))[:MAX_DESTINATIONS]


def _inside(destination: str, at: str) -> bool:
    return destination == at or destination.endswith(f".{at}")


def _asked_of(record: DmarcRecord, at: str) -> Iterator[str]:
    for destination in _destinations(record):
        if not _inside(destination, at):
            yield from (f"_dmarc.{name}" for name in names(destination))
            yield authorization(at, destination)


def authorization(at: str, destination: str) -> str:
    """The name by which a report domain agrees to take another domain's reports. RFC 9990 section 4."""
    return f"{at}._report._dmarc.{destination}"


def gather(session: Session, facts: Facts) -> DmarcFacts:
    """Walk from the From domain (and the envelope domain), then look at where the reports go. Waits only through the seam.

    Cost: at most 16 questions, and 9 for each report domain (at most 4 of those).
    """
    dns = session.dns
    wanted = facts.input
    domain = wanted.domain.name
    starts = tuple(dict.fromkeys((domain, wanted.mail_from or domain)))
    asked = tuple(dict.fromkeys(name for start in starts for name in names(start)))
    answers = dict(zip(asked, dns.ask_all([Question(f"_dmarc.{n}", "TXT", "dmarc") for n in asked]), strict=True))
    walks = {start: walk(start, answers) for start in starts}
    mine = walks[domain]
    record = mine.record
    reports: tuple[ReportCheck, ...] = ()
    opinion: Mapping[str, Any] = {"agrees": None, "says": ""}
    root = None
    if record is None or mine.found_at != domain:
        # whether the name exists decides between sp and np, and a record at the wrong place shows
        root = dns.ask(domain, "TXT")
    if record is not None and mine.found_at is not None:
        reports = _reports(dns, record, mine.found_at, mine.org)
        opinion = Later(partial(_opinion, record, mine.found_at))
    exists = None if root is None or (root.unsure and not root.looped) else root.outcome is not Outcome.NXDOMAIN or bool(root.aliases)
    exists = True if mine.found_at == domain else exists
    policy = _policy(mine, exists)
    return DmarcFacts(
        domain=domain,
        known=mine.known,
        record=record.text if record else None,
        found_at=mine.found_at,
        org=mine.org,
        several_at=mine.several_at,
        policy=record.lowered(policy[1]) if record and policy else None,
        asked=policy[1] if policy else None,
        applies=policy[0] if policy else None,
        adkim=record.adkim if record else "r",
        aspf=record.aspf if record else "r",
        testing=bool(record and record.testing),
        tags=dict(record.tags) if record else {},
        orgs={start: w.org if w.org_known else None for start, w in walks.items()},
        reports=reports,
        opinion=opinion,
        exists=exists,
        root=root,
        answers=mine.answers,
        unsure=tuple(dict.fromkeys(a for w in walks.values() for a in w.unsure)),
        parsed=record,
    )


def _policy(mine: Walk, exists: bool | None) -> tuple[str, str] | None:
    """Which tag holds for mail from this domain, and what it asks. RFC 9989 section 4.7; None where there is no DMARC or it is open."""
    record = mine.record
    if record is None or not record.usable:
        return None
    if mine.found_at == mine.domain:
        return "p", record.policy
    if exists is None and record.for_nonexistent != record.for_subdomains:
        return None
    if exists is False and record.np:
        return "np", record.np
    return ("sp", record.sp) if record.sp else ("p", record.policy)


def _reports(dns: Any, record: DmarcRecord, at: str, org: str | None) -> tuple[ReportCheck, ...]:
    wanted = tuple(dict.fromkeys(_asked_of(record, at)))
    answers = dict(zip(wanted, dns.ask_all([Question(name, "TXT", "dmarc-report") for name in wanted]), strict=True))
    out = []
    for destination in _destinations(record):
        if _inside(destination, at):
            out.append(ReportCheck(destination, False, True))
            continue
        theirs = walk(destination, {name: answers[f"_dmarc.{name}"] for name in names(destination)})
        grant = answers[authorization(at, destination)]
        external = None if org is None or not theirs.org_known or theirs.org is None else theirs.org != org
        granted = bool(select(grant)) if grant.found else (False if grant.absent or grant.looped else None)
        unsure = tuple(a for a in (*(theirs.unsure if external is None else ()), grant) if a.unsure and not a.looped)
        # RFC 9990 section 4: only a destination of another organization has to agree
        out.append(ReportCheck(destination, external, True if external is False else granted, grant, unsure if external is not False else ()))
    return tuple(out)


def _opinion(record: DmarcRecord, at: str) -> dict[str, Any]:
    from ...edge.libs import dmarc_opinion

    opinion = dmarc_opinion(record.text, at)
    # a value that is discarded for its default is a fault to some readers and none to others: no opinion on that
    agrees = None if opinion.valid is None or record.bad else opinion.valid == record.usable
    if opinion.valid and agrees and record.p:
        agrees = opinion.values.get("p") == record.p and opinion.values.get("adkim") == record.adkim and opinion.values.get("aspf") == record.aspf
    return {"agrees": agrees, "says": opinion.says}
