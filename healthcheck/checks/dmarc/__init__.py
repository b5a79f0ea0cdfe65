"""DMARC (RFC 9989, reports RFC 9990): which policy holds for the From domain and below it, and where its reports go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ...model import Answer, Outcome, Question, ScanInput
from ..base import Later
from ..facts import Facts
from .below import Below, asked_of, in_mx, in_spf, judged, kinds, policy_of, questions, unused
from .judge import judge
from .legacy import OldView, old_view, org_of
from .record import DmarcRecord, parse, select
from .reports import ReportCheck, after, first_of, look
from .walk import Step, Walk, drawn, names, walk

if TYPE_CHECKING:
    from ...edge.dns import Seam
    from ...edge.world import Session

__all__ = ["TOPIC", "DmarcFacts", "ReportCheck", "first", "foresee", "gather", "judge"]

TOPIC = "dmarc"
ROLES = frozenset({"dmarc", "dmarc-report", "dmarc-root", "mx"})
_THERE = {"ok": True, "private": True, "no-address": True, "no-such-name": False}  # states of an MX host


@dataclass(frozen=True, slots=True)
class DmarcFacts:
    """What is known of DMARC.

    record      the record that holds for the domain, as published; found_at the domain whose _dmarc carries it
    org         the organizational domain by the tree walk; None where it is not known
    several_at  the first name of the walk with several records, which count as none; several: all of them (RFC 9989 section 4.10)
    policy      in effect for mail with this From domain, after t=y: none | quarantine | reject; None where there is no DMARC
    asked       the same before t=y; applies: which tag says so, p | sp | np
    orgs        domain -> its organizational domain or None, for the From domain and the envelope domain
    known       False: whether there is a record could not be found out
    walk        the tree walk, name by name, in the order of asking
    old         what a receiver still on RFC 7489 decides; old_orgs: as orgs, by the public suffix list
    below       sub-domains: those that the scan met by name, then one that exists and one that does not
    unused      tags about sub-domains in the record that no sub-domain follows
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
    several: tuple[str, ...] = ()
    walk: tuple[Step, ...] = ()
    old: OldView | None = None
    old_orgs: Mapping[str, str] = field(default_factory=dict)
    below: tuple[Below, ...] = ()
    unused: tuple[str, ...] = ()


def first(wanted: ScanInput) -> Iterator[Question]:
    """Every name of the walk at once: what one answers hardly ever saves the next. RFC 9989 section 4.10."""
    for start in dict.fromkeys((wanted.domain.name, wanted.mail_from or wanted.domain.name)):
        for name in names(start):
            yield Question(f"_dmarc.{name}", "TXT", "dmarc")
    yield Question(wanted.domain.name, "TXT", "dmarc-root")


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """The report domains of a record, whether they agree to take the reports, and the sub-domains that the scan meets. Pure."""
    if question.role == "dmarc-report":
        yield from after(question, answer)
    elif not answer.found:
        return
    elif question.role == "dmarc":
        found = select(answer)
        if len(found) == 1:
            yield from first_of(parse(found[0]), question.name.removeprefix("_dmarc."))
    elif question.role == "mx":
        yield from asked_of(question.name, in_mx(question.name, [host for _, host in answer.mx()]))
    elif question.role == "dmarc-root":
        yield from asked_of(question.name, in_spf(question.name, answer))


def gather(session: Session, facts: Facts) -> DmarcFacts:
    """Walk from the From domain (and the envelope domain), then look at where the reports go, and at sub-domains met by name.

    Waits only through the seam. Cost: at most 17 questions, 24 for the report domains and 8 for sub-domains.
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
    # whether the name exists decides between sp and np (section 4.10.1), a record at the wrong place shows, and SPF names sub-domains
    root = dns.ask_all([Question(domain, "TXT", "dmarc-root")])[0]
    if record is not None and mine.found_at is not None:
        reports = look(dns, record, mine.found_at, answers)
        opinion = Later(partial(_opinion, record, mine.found_at))
    exists = _exists(mine, root, facts)
    rows = kinds(domain, answers)
    return DmarcFacts(
        domain=domain,
        known=mine.known,
        record=record.text if record else None,
        found_at=mine.found_at,
        org=mine.org,
        several_at=mine.several[0] if mine.several else None,
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
        several=mine.several,
        walk=drawn(mine, answers),
        old_orgs={start: org_of(start) for start in starts},
        below=(*_met(dns, facts, root, answers), *rows),
        unused=unused(record, mine.found_at, rows) if record and mine.found_at else (),
        **_in_effect(mine, exists, answers),
    )


def _in_effect(mine: Walk, exists: bool | None, answers: Mapping[str, Answer]) -> dict[str, Any]:
    """The policy for mail from the domain itself, and beside it the one that RFC 7489 gives."""
    chosen = policy_of(mine, exists)
    if mine.record is None or chosen is None:
        return {"policy": None, "asked": None, "applies": None, "old": old_view(mine, answers, None, None)}
    tag, asked = chosen
    policy = mine.record.lowered(asked)
    return {"policy": policy, "asked": asked, "applies": tag, "old": old_view(mine, answers, policy, tag)}


def _exists(mine: Walk, root: Answer, facts: Facts) -> bool | None:
    """RFC 9989 section 3.2.13 and appendix A.4: a domain does not exist where the DNS says NXDOMAIN (RFC 8020); one with any record does.

    NXDOMAIN behind an alias speaks of the alias's target (RFC 6604 section 2).
    """
    if mine.found_at == mine.domain or root.aliases:
        return True
    if root.unsure and not root.looped:
        # an answer of another type tells as much
        return facts.mx.exists if facts.mx is not None else None
    return root.outcome is not Outcome.NXDOMAIN


def _met(dns: Seam, facts: Facts, root: Answer, answers: Mapping[str, Answer]) -> tuple[Below, ...]:
    """The sub-domains that the scan met by name."""
    domain = facts.input.domain.name
    hosts = {host.host: _THERE.get(host.state) for host in facts.mx.hosts} if facts.mx is not None else {}
    envelope = facts.input.mail_from or ""
    sources = {
        **dict.fromkeys(in_mx(domain, (envelope,)), "envelope"),
        **dict.fromkeys(in_spf(domain, root), "spf"),
        **dict.fromkeys(in_mx(domain, hosts), "mx"),
    }
    chosen = questions(domain, answers, sources)
    more = tuple(dict.fromkeys(name for each in chosen.values() for name in each))
    theirs = dict(zip(more, dns.ask_all([Question(f"_dmarc.{n}", "TXT", "dmarc-below") for n in more]), strict=True))
    return tuple(judged(name, sources[name], hosts.get(name), {**answers, **theirs}) for name in chosen)


def _opinion(record: DmarcRecord, at: str) -> dict[str, Any]:
    from ...edge.libs import dmarc_opinion

    opinion = dmarc_opinion(record.text, at)
    # a value that is discarded for its default is a fault to some readers and none to others: no opinion on that
    agrees = None if opinion.valid is None or record.bad else opinion.valid == record.usable
    if opinion.valid and agrees and record.p:
        agrees = opinion.values.get("p") == record.p and opinion.values.get("adkim") == record.adkim and opinion.values.get("aspf") == record.aspf
    return {"agrees": agrees, "says": opinion.says}
