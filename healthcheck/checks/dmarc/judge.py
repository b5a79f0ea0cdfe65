"""Findings about DMARC. Pure. RFC 9989, RFC 9990."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...model import Answer, Choice, Finding, Status
from ..base import because, could_not_check, finding
from ..facts import Facts
from . import propose
from .record import POLICIES, DmarcRecord, nearly, parse, select
from .reports import authorization

if TYPE_CHECKING:
    from . import DmarcFacts

BAD = (Status.WARN, Status.FAIL, Status.UNKNOWN)
SHOWN = 8
_rank = POLICIES.index


def judge(facts: Facts) -> Iterator[Finding]:
    """The findings about the record that holds for the From domain, or about there being none. Pure. RFC 9989."""
    dmarc = facts.dmarc
    if dmarc is None:
        return
    out = list(_findings(facts, dmarc))
    yield from out
    if dmarc.parsed is not None and dmarc.policy and dmarc.policy != "none" and not any(f.status in BAD for f in out):
        values: dict[str, Any] = {"domain": dmarc.domain, "policy": dmarc.policy, "found_at": dmarc.found_at, "applies": dmarc.applies}
        yield finding("DMA001", Status.PASS, dmarc.domain, _holding(dmarc), **values)


def _holding(dmarc: DmarcFacts) -> list[Answer]:
    return [_answer(dmarc, dmarc.found_at)] if dmarc.found_at else []


def _answer(dmarc: DmarcFacts, at: str) -> Answer:
    return next(a for a in dmarc.answers if a.name == f"_dmarc.{at}")


def _findings(facts: Facts, dmarc: DmarcFacts) -> Iterator[Finding]:
    yield from _several(facts, dmarc)
    if dmarc.known and dmarc.parsed is not None:
        yield from _record(facts, dmarc, dmarc.parsed)
    elif not dmarc.known:
        yield from could_not_check("DMA", dmarc.domain, dmarc.unsure)
    elif not dmarc.several:
        yield from (f for f in could_not_check("DMA", dmarc.domain, dmarc.unsure) if f.status is Status.NOTE)
        yield from _missing(facts, dmarc)
    yield from _old(dmarc)


def _several(facts: Facts, dmarc: DmarcFacts) -> Iterator[Finding]:
    """RFC 9989 section 4.10 steps 2 and 6: several at a name are all discarded, and the walk goes on."""
    for at in dmarc.several:
        answer = _answer(dmarc, at)
        found = select(answer)
        mine = at == dmarc.domain and not answer.aliases
        choices = []
        for text in found[:SHOWN]:
            read = parse(text)
            # the one that is kept comes into effect: a stricter one is for the user to publish, not for us to hand over
            safe = mine and (propose.asks_nothing(read) or propose.parked(facts))
            choices.append(Choice("keep", {"text": text[:300]}, propose.in_place(answer, found, text) if safe else None))
        status = Status.FAIL if at == dmarc.domain or dmarc.parsed is None else Status.WARN
        effect = "passed-over" if dmarc.parsed is not None else "nothing"
        yield finding("DMA003", status, dmarc.domain, [answer], choices=choices, name=answer.name, count=len(found), reason=because("DMA003", effect))


def _missing(facts: Facts, dmarc: DmarcFacts) -> Iterator[Finding]:
    own = dmarc.answers[0]
    if meant := nearly(own):
        yield finding("DMA014", Status.FAIL, dmarc.domain, [own], name=own.name, text=meant[0][:200])
        return
    record = propose.starter(facts, own)
    if dmarc.root is not None and dmarc.root.found and (astray := select(dmarc.root)):
        yield finding("DMA017", Status.FAIL, dmarc.domain, [dmarc.root, own], record=record, domain=dmarc.domain, name=own.name, text=astray[0][:200])
        return
    yield finding("DMA002", Status.FAIL, dmarc.domain, dmarc.answers, record=record, domain=dmarc.domain, name=own.name)


def _record(facts: Facts, dmarc: DmarcFacts, record: DmarcRecord) -> Iterator[Finding]:
    evidence = _holding(dmarc)
    name = evidence[0].name
    values: dict[str, Any] = {"domain": dmarc.domain, "found_at": dmarc.found_at, "name": name}
    yield from _recovered(dmarc, record, evidence, values)
    if not record.usable:
        return
    yield from _broken(dmarc, record, evidence, values)
    yield from _strength(facts, dmarc, record, evidence)
    yield from _below(dmarc, record, evidence)
    yield from _where(dmarc, record, evidence)


def _recovered(dmarc: DmarcFacts, record: DmarcRecord, evidence: list[Answer], values: dict[str, Any]) -> Iterator[Finding]:
    """RFC 9989 section 4.10.1: without a valid p, and with an sp or np that is not valid, it is p=none where there is somewhere to
    report to, and no DMARC at all otherwise."""
    if not record.recovered:
        return
    bad = record.bad_policies
    asks = dict(record.tags).get("p", "none").lower()
    values = {**values, "p": asks[:60], "reason": because("DMA004", "bad" if bad else "missing"), "part": ", ".join(f"“{t}={v}”" for t, v in bad)}
    if not record.usable:
        proposed = propose.instead(dmarc, evidence[0], propose.asking_nothing(record)) if asks == "none" else None
        tags = [tag for tag, _ in bad] or ["p"]
        choices = () if proposed else tuple(Choice("policy", {"tag": tag, "policy": policy}) for tag in tags for policy in POLICIES)
        yield finding("DMA004", Status.FAIL, dmarc.domain, evidence, record=proposed, choices=choices, **values)
        return
    # which policy a misspelt one was meant to be, and whether some receiver follows sp= beside it today, nobody can tell
    plain = asks == "none" and all(propose.below(record, tag) == "none" for tag in ("sp", "np"))
    proposed = propose.instead(dmarc, evidence[0], propose.with_policy(record, "none")) if plain else None
    yield finding("DMA005", Status.WARN, dmarc.domain, evidence, record=proposed, **values)


def _broken(dmarc: DmarcFacts, record: DmarcRecord, evidence: list[Answer], values: dict[str, Any]) -> Iterator[Finding]:
    """Values that do not count, tags that the standard does not know, and those that it knows no more."""
    for tag, value, why in [b for b in record.bad if b[2] != "bad-policy"][:SHOWN]:
        part, reason = f"{tag}={value}" if value else tag, because("DMA013", why)
        yield finding("DMA013", Status.WARN, dmarc.domain, evidence, tag=tag, value=value, part=part, reason=reason, **values)
    if record.unknown:
        yield finding("DMA019", Status.NOTE, dmarc.domain, evidence, tags=", ".join(record.unknown[:SHOWN]), **values)
    if record.removed:
        percent = dict(record.tags).get("pct", "100")
        # a receiver of the old standard applies p to a part only: without pct it would become stricter there
        harmless = percent == "100" or propose.asks_nothing(record)
        proposed = propose.instead(dmarc, evidence[0], propose.without(record, record.removed)) if harmless else None
        yield finding("DMA012", Status.NOTE, dmarc.domain, evidence, record=proposed, tags=", ".join(record.removed), **values)


def _strength(facts: Facts, dmarc: DmarcFacts, record: DmarcRecord, evidence: list[Answer]) -> Iterator[Finding]:
    values: dict[str, Any] = {"domain": dmarc.domain, "found_at": dmarc.found_at}
    if dmarc.asked == "none":
        unused = propose.parked(facts) and dmarc.found_at == dmarc.domain and record.p == "none"
        proposed = propose.instead(dmarc, evidence[0], propose.with_policy(record, "reject")) if unused else None
        # the large receivers' rules are met by p=none: it is a note on protection, but for a domain that has no mail to lose
        yield finding("DMA007", Status.WARN if unused else Status.NOTE, dmarc.domain, evidence, record=proposed, policy="none", applies=dmarc.applies, **values)
    strictest = max(record.policy, record.for_subdomains, record.for_nonexistent, key=_rank)
    if record.testing and strictest != "none":
        yield finding("DMA009", Status.WARN, dmarc.domain, evidence, policy=strictest, effect=record.lowered(strictest), **values)
    if dmarc.found_at != dmarc.domain:
        yield finding("DMA015", Status.NOTE, dmarc.domain, evidence, policy=dmarc.policy or "", applies=dmarc.applies or "", **values)
    if dmarc.asked is None:
        yield from could_not_check("DMA", dmarc.domain, [a for a in (dmarc.root,) if a is not None])


def _below(dmarc: DmarcFacts, record: DmarcRecord, evidence: list[Answer]) -> Iterator[Finding]:
    """Which sub-domains are protected less. RFC 9989 section 4.10.1."""
    values: dict[str, Any] = {"domain": dmarc.domain, "found_at": dmarc.found_at}
    if dmarc.unused:
        # a record holds for its own name; the names below follow their organizational domain
        holds = next(row.found_at for row in dmarc.below if row.source == "any")
        yield finding("DMA020", Status.NOTE, dmarc.domain, evidence, tags=", ".join(dmarc.unused), org=dmarc.org or "", holds=holds or "", **values)
    if record.sp and not record.recovered and "sp" not in dmarc.unused and _rank(record.sp) < _rank(record.policy):
        yield finding("DMA010", Status.WARN, dmarc.domain, evidence, sp=record.sp, p=record.policy, **values)
    if record.np and not record.recovered and "np" not in dmarc.unused and _rank(record.np) < _rank(record.for_subdomains):
        yield finding("DMA011", Status.WARN, dmarc.domain, evidence, np=record.np, other=record.for_subdomains, **values)
    weaker = [row for row in dmarc.below if row.own and row.policy and dmarc.policy and _rank(row.policy) < _rank(dmarc.policy)]
    for row in weaker:
        own = [row.answer] if row.answer is not None else []
        yield finding("DMA021", Status.WARN, row.name, [*own, *evidence], name=row.name, weaker=row.policy, policy=dmarc.policy, **values)
    yield from could_not_check("DMA", dmarc.domain, [row.answer for row in dmarc.below if row.answer is not None and not row.answer.looped])


def _where(dmarc: DmarcFacts, record: DmarcRecord, evidence: list[Answer]) -> Iterator[Finding]:
    """Where the reports go. RFC 9990 sections 3.4 and 4, RFC 9991 section 5."""
    values: dict[str, Any] = {"domain": dmarc.domain, "found_at": dmarc.found_at}
    if not record.served:
        status = Status.WARN if dmarc.asked == "none" else Status.NOTE
        yield finding("DMA006", status, dmarc.domain, evidence, **values)
    if sized := [r.text for r in record.reports if r.sized]:
        proposed = propose.instead(dmarc, evidence[0], propose.unsized(record))
        yield finding("DMA016", Status.NOTE, dmarc.domain, evidence, record=proposed, addresses=", ".join(sized)[:300], **values)
    doubts: list[Answer] = []
    for check in dmarc.reports:
        if check.authorised is False:
            told = {**values, "destination": check.domain, "name": authorization(str(dmarc.found_at), check.domain), "reason": because("DMA008", check.why)}
            yield finding("DMA008", Status.WARN, check.domain, [*evidence, *([check.answer] if check.answer else [])], **told)
        elif check.authorised is None:
            doubts += check.unsure
    yield from could_not_check("DMA", dmarc.domain, doubts)
    if left := [check.domain for check in dmarc.reports if not check.looked_at]:
        yield finding("DMA022", Status.NOTE, dmarc.domain, evidence, count=len(dmarc.reports), left=", ".join(left)[:300], **values)


def _old(dmarc: DmarcFacts) -> Iterator[Finding]:
    """Where receivers of the old and the new standard decide otherwise."""
    old = dmarc.old
    if old is None or not old.differs or old.why is None:
        return
    nothing = because("DMA018", "nothing")
    before = f"{old.policy}{f' {old.percent} %' if old.percent < 100 else ''} ({old.found_at})" if old.policy else nothing
    now = f"{dmarc.policy} ({dmarc.found_at})" if dmarc.policy else nothing
    evidence = [a for a in dmarc.answers if a.found] or list(dmarc.answers)
    yield finding("DMA018", Status.NOTE, dmarc.domain, evidence, domain=dmarc.domain, now=now, before=before, reason=because("DMA018", old.why))
