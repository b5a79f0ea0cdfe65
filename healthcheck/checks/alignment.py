"""Alignment (RFC 9989 section 4.4): can SPF or DKIM speak for the From domain, and does one of them today?

DMARC passes where one identifier that passed belongs to the From domain: the same domain (strict), or the same
organizational domain by the tree walk (relaxed).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..model import Answer, Choice, Finding, Outcome, Question, ScanInput, Status
from .base import because, could_not_check, finding
from .facts import Facts

TOPIC = "alignment"
ROLES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """One identifier. relaxed, strict: would it align; asked: the mode that the policy asks; usable: has the mechanism what it
    needs to pass; aligned: does it pass and align today. None: cannot be told."""

    mechanism: str  # spf | dkim
    identifier: str
    relaxed: bool | None
    strict: bool
    asked: str  # relaxed | strict
    usable: bool | None
    aligned: bool | None
    selector: str | None = None
    why: str = ""  # result of SPF, or state of the key
    relaxed_old: bool | None = None  # would it align for a receiver still on RFC 7489, by the public suffix list


@dataclass(frozen=True, slots=True)
class AlignmentFacts:
    """The table. dmarc: can DMARC pass today? None where it cannot be told; policy: what is at stake."""

    domain: str
    org: str | None
    rows: tuple[Row, ...]
    dmarc: bool | None
    policy: str | None
    known: bool
    evidence: tuple[Answer, ...] = ()
    unsure: tuple[Answer, ...] = ()

    def of(self, mechanism: str) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.mechanism == mechanism)


def first(_: ScanInput) -> Iterator[Question]:
    """Nothing of its own: everything comes from spf, dkim and dmarc."""
    yield from ()


def foresee(_: Question, __: Answer) -> Iterator[Question]:
    """Nothing."""
    yield from ()


def gather(_: object, facts: Facts) -> AlignmentFacts:
    """The table, from what the other topics gathered. Asks nothing."""
    domain = facts.input.domain.name
    envelope = facts.input.mail_from or domain
    dmarc = facts.dmarc
    orgs = dmarc.orgs if dmarc else {}
    org = orgs.get(domain)
    old = None if dmarc is None else dmarc.old_orgs.get(envelope) == dmarc.old_orgs.get(domain)
    rows = [replace(_spf(facts, domain, envelope, org, orgs.get(envelope)), relaxed_old=old), *_dkim(facts, domain)]
    verdicts = [row.aligned for row in rows]
    return AlignmentFacts(
        domain=domain,
        org=org,
        rows=tuple(rows),
        dmarc=True if True in verdicts else (None if None in verdicts else False),
        policy=dmarc.policy if dmarc else None,
        known=bool(dmarc and dmarc.known),
        evidence=tuple(_evidence(facts)),
        unsure=tuple(dmarc.unsure) if dmarc and (not dmarc.known or None in [row.relaxed for row in rows]) else (),
    )


def _both(one: bool | None, other: bool | None) -> bool | None:
    """And, over three values: a no decides, a not-known leaves it open."""
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _spf(facts: Facts, domain: str, envelope: str, org: str | None, other: str | None) -> Row:
    spf = facts.spf
    usable, why = None, ""
    if spf is not None:
        results = [v.result if v.known else "temperror" for v in spf.verdicts.values()]
        if results:
            # every given address is to pass: a sender that passes from one server only fails from the other
            usable = False if any(r not in ("pass", "temperror") for r in results) else (None if "temperror" in results else True)
            why = " ".join(dict.fromkeys(results))
        elif spf.answer is not None and not spf.answer.unsure and spf.record is None:
            usable, why = False, "none"
    asked = "strict" if facts.dmarc and facts.dmarc.aspf == "s" else "relaxed"
    strict = envelope == domain
    relaxed = True if strict else (None if org is None or other is None else org == other)
    return Row("spf", envelope, relaxed, strict, asked, usable, _both(strict if asked == "strict" else relaxed, usable), why=why)


def _dkim(facts: Facts, domain: str) -> Iterator[Row]:
    dkim = facts.dkim
    asked = "strict" if facts.dmarc and facts.dmarc.adkim == "s" else "relaxed"
    if dkim is None:
        return
    named = [s for s in dkim.selectors.values() if s.state != "wildcard" or s.source == "given"]
    for read in named:
        usable = None if read.state == "unknown" else read.usable
        yield Row("dkim", domain, True, True, asked, usable, usable, read.selector, read.state, True)
    if not any(row.usable for row in named):
        # a key under a selector that nobody named may still be there, unless it is certain that there is none
        usable = False if dkim.no_keys else None
        yield Row("dkim", domain, True, True, asked, usable, usable, None, "none" if usable is False else "unknown", True)


def _evidence(facts: Facts) -> Iterator[Answer]:
    if facts.spf is not None and facts.spf.answer is not None:
        yield facts.spf.answer
    if facts.dkim is not None:
        yield from (s.answer for s in facts.dkim.selectors.values() if s.answer is not None)
        if facts.dkim.domainkey is not None:
            yield facts.dkim.domainkey
    if facts.dmarc is not None:
        yield from (a for a in facts.dmarc.answers if a.name == f"_dmarc.{facts.dmarc.found_at}")


def judge(facts: Facts) -> Iterator[Finding]:
    """Can DMARC pass, and by what? Pure. RFC 9989 section 4.4."""
    table = facts.alignment
    if table is None:
        return
    out = list(_findings(facts, table))
    # whatever failed, one thing is always known: that it could not be told
    yield from out or could_not_check("ALN", table.domain, [Answer(f"_dmarc.{table.domain}", "TXT", Outcome.NOT_ASKED)])


def _findings(facts: Facts, table: AlignmentFacts) -> Iterator[Finding]:
    spf = table.of("spf")[0]
    good = [row for row in table.rows if row.aligned]
    if not good or any(row.relaxed is None for row in table.rows):
        yield from could_not_check("ALN", table.domain, table.unsure)
    values: dict[str, Any] = {"domain": table.domain, "envelope": spf.identifier, "policy": table.policy or "", "org": table.org or ""}
    yield from _modes(table, spf, values)
    if good:
        by = ", ".join(dict.fromkeys(f"{row.mechanism.upper()} ({row.selector or row.identifier})" for row in good))
        yield finding("ALN001", Status.PASS, table.domain, table.evidence, by=by, **values)
        kinds = {row.mechanism for row in good}
        if len(kinds) == 1 and not any(row.aligned is None and row.mechanism not in kinds for row in table.rows):
            # RFC 9989 section 7.4: who publishes p=reject must not rest on SPF alone, which breaks when mail is forwarded
            status = Status.WARN if kinds == {"spf"} and table.policy == "reject" else Status.NOTE
            yield finding("ALN006", status, table.domain, table.evidence, by=by, **values)
    elif facts.parked and table.known and facts.dkim is not None and not facts.dkim.unsure:
        # who sends no mail wants none to pass in its name
        yield finding("ALN007", Status.PASS, table.domain, table.evidence, **values)
    elif table.dmarc is False:
        # without a policy nothing is refused for it, but the large receivers ask for alignment from bulk senders
        status = Status.FAIL if table.policy in ("quarantine", "reject") else Status.WARN
        yield finding("ALN002", status, table.domain, table.evidence, spf=spf.why or "none", **values)
    elif table.known:
        yield finding("ALN005", Status.UNKNOWN, table.domain, table.evidence, **values)


def _modes(table: AlignmentFacts, spf: Row, values: dict[str, Any]) -> Iterator[Finding]:
    if spf.asked == "strict" and spf.relaxed and not spf.strict:
        yield finding("ALN004", Status.WARN, table.domain, table.evidence, choices=[Choice("envelope", values), Choice("relax", values)], **values)
    elif spf.relaxed is False:
        yield finding("ALN003", Status.NOTE, table.domain, table.evidence, **values)
    if spf.asked == "relaxed" and None not in (spf.relaxed, spf.relaxed_old) and spf.relaxed != spf.relaxed_old:
        # RFC 9989 section 4.10.2 finds the organizational domain by the walk, RFC 7489 section 3.2 by the public suffix list
        reason = because("ALN008", "walk-only" if spf.relaxed else "list-only")
        yield finding("ALN008", Status.NOTE, table.domain, table.evidence, reason=reason, **values)
