"""Findings about DMARC. Pure. RFC 9989, RFC 9990."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...model import Answer, Choice, Finding, Record, Status
from ..base import because, could_not_check, finding
from ..facts import Facts
from .record import POLICIES, DmarcRecord, nearly, select

if TYPE_CHECKING:
    from . import DmarcFacts

BAD = (Status.WARN, Status.FAIL, Status.UNKNOWN)
STARTER = "v=DMARC1; p=none"  # asks nothing of receivers, names no address
SHOWN = 8


def judge(facts: Facts) -> Iterator[Finding]:
    """The findings about the record that holds for the From domain, or about there being none. Pure. RFC 9989."""
    dmarc = facts.dmarc
    if dmarc is None:
        return
    out = list(_findings(dmarc))
    yield from out
    if dmarc.parsed is not None and dmarc.policy and not any(f.status in BAD for f in out):
        values: dict[str, Any] = {"domain": dmarc.domain, "policy": dmarc.policy, "found_at": dmarc.found_at, "applies": dmarc.applies}
        yield finding("DMA001", Status.PASS, dmarc.domain, _holding(dmarc), **values)


def _holding(dmarc: DmarcFacts) -> list[Answer]:
    return [a for a in dmarc.answers if a.name == f"_dmarc.{dmarc.found_at}"]


def _findings(dmarc: DmarcFacts) -> Iterator[Finding]:
    if dmarc.known and dmarc.parsed is not None:
        yield from _record(dmarc, dmarc.parsed)
        return
    if dmarc.several_at and dmarc.known:
        yield from _several(dmarc)
        return
    doubts = list(could_not_check("DMA", dmarc.domain, dmarc.unsure))
    if not dmarc.known:
        yield from doubts
        return
    yield from (f for f in doubts if f.status is Status.NOTE)
    yield from _missing(dmarc)


def _several(dmarc: DmarcFacts) -> Iterator[Finding]:
    answer = next(a for a in dmarc.answers if a.name == f"_dmarc.{dmarc.several_at}")
    texts = select(answer)
    mine = dmarc.several_at == dmarc.domain and not answer.aliases
    choices = [Choice("keep", {"text": text[:300]}, Record(answer.name, "TXT", texts, (text,)) if mine else None) for text in texts[:SHOWN]]
    yield finding("DMA003", Status.FAIL, dmarc.domain, [answer], choices=choices, name=answer.name, count=len(texts))


def _missing(dmarc: DmarcFacts) -> Iterator[Finding]:
    own = dmarc.answers[0]
    if meant := nearly(own):
        yield finding("DMA014", Status.FAIL, dmarc.domain, [own], name=own.name, text=meant[0][:200])
        return
    record = None if own.aliases else Record(own.name, "TXT", (), (STARTER,))
    if dmarc.root is not None and dmarc.root.found and (astray := select(dmarc.root)):
        yield finding("DMA017", Status.FAIL, dmarc.domain, [dmarc.root, own], record=record, domain=dmarc.domain, name=own.name, text=astray[0][:200])
        return
    yield finding("DMA002", Status.FAIL, dmarc.domain, dmarc.answers, record=record, domain=dmarc.domain, name=own.name)


def _record(dmarc: DmarcFacts, record: DmarcRecord) -> Iterator[Finding]:
    evidence = _holding(dmarc)
    name = evidence[0].name
    values: dict[str, Any] = {"domain": dmarc.domain, "found_at": dmarc.found_at, "name": name}
    if not record.usable:
        p = dict(record.tags).get("p", "")
        proposed = _change(dmarc, evidence[0], _with_policy(record)) if not p else None
        choices = () if proposed else tuple(Choice("policy", {"policy": policy}) for policy in POLICIES)
        yield finding("DMA004", Status.FAIL, dmarc.domain, evidence, record=proposed, choices=choices, p=p[:60], **values)
        return
    if record.p is None:
        # RFC 9989 section 4.7: treated as p=none, since there is somewhere to report to
        yield finding("DMA005", Status.WARN, dmarc.domain, evidence, p=dict(record.tags).get("p", "")[:60], **values)
    for tag, value, why in [b for b in record.bad if not (b[0] == "p" and record.p is None)][:SHOWN]:
        yield finding(
            "DMA013",
            Status.WARN,
            dmarc.domain,
            evidence,
            tag=tag,
            value=value,
            part=f"{tag}={value}" if value else tag,
            reason=because("DMA013", why),
            **values,
        )
    yield from _strength(dmarc, record, evidence)
    yield from _where(dmarc, record, evidence)


def _strength(dmarc: DmarcFacts, record: DmarcRecord, evidence: list[Answer]) -> Iterator[Finding]:
    values: dict[str, Any] = {"domain": dmarc.domain, "found_at": dmarc.found_at}
    rank = POLICIES.index
    if dmarc.asked == "none":
        yield finding("DMA007", Status.WARN, dmarc.domain, evidence, policy="none", applies=dmarc.applies, **values)
    if record.testing and record.policy != "none":
        yield finding("DMA009", Status.WARN, dmarc.domain, evidence, policy=record.policy, effect=record.lowered(record.policy), **values)
    if record.sp and rank(record.sp) < rank(record.policy):
        yield finding("DMA010", Status.WARN, dmarc.domain, evidence, sp=record.sp, p=record.policy, **values)
    if record.np and rank(record.np) < rank(record.for_subdomains):
        yield finding("DMA011", Status.WARN, dmarc.domain, evidence, np=record.np, other=record.for_subdomains, **values)
    if dmarc.found_at != dmarc.domain:
        yield finding("DMA015", Status.NOTE, dmarc.domain, evidence, policy=dmarc.policy or "", applies=dmarc.applies or "", **values)
    if dmarc.asked is None:
        yield from could_not_check("DMA", dmarc.domain, [a for a in (dmarc.root,) if a is not None])
    if record.removed:
        pct = dict(record.tags).get("pct", "100")
        # a receiver of the old standard applies p to a part only: without pct it would become stricter there
        harmless = pct == "100" or record.policy == "none"
        proposed = _change(dmarc, evidence[0], _without(record, record.removed)) if harmless else None
        yield finding("DMA012", Status.NOTE, dmarc.domain, evidence, record=proposed, tags=", ".join(record.removed), **values)


def _where(dmarc: DmarcFacts, record: DmarcRecord, evidence: list[Answer]) -> Iterator[Finding]:
    """Where the reports go. RFC 9990 section 4."""
    values: dict[str, Any] = {"domain": dmarc.domain, "found_at": dmarc.found_at}
    if not any(r.tag == "rua" for r in record.reports):
        status = Status.WARN if dmarc.asked == "none" else Status.NOTE
        yield finding("DMA006", status, dmarc.domain, evidence, **values)
    if sized := [r.text for r in record.reports if r.sized]:
        yield finding("DMA016", Status.NOTE, dmarc.domain, evidence, addresses=", ".join(sized)[:300], **values)
    doubts: list[Answer] = []
    for check in dmarc.reports:
        if check.external is not False and check.authorised is False and check.answer is not None:
            if check.external is None and check.unsure:
                doubts += check.unsure
                continue
            yield finding("DMA008", Status.WARN, check.domain, [*evidence, check.answer], destination=check.domain, name=check.answer.name, **values)
        elif check.authorised is None:
            doubts += check.unsure
    yield from could_not_check("DMA", dmarc.domain, doubts)


def _change(dmarc: DmarcFacts, answer: Answer, text: str) -> Record | None:
    """A change of the record, where it stands in the domain's own zone."""
    if answer.aliases or dmarc.record is None:
        return None
    return Record(answer.name, "TXT", (dmarc.record,), (text,))


def _without(record: DmarcRecord, tags: tuple[str, ...]) -> str:
    parts = [part.strip() for part in record.text.split(";")]
    return "; ".join(part for part in parts if part and part.partition("=")[0].strip().lower() not in tags)


def _with_policy(record: DmarcRecord) -> str:
    version, *rest = [part.strip() for part in record.text.split(";") if part.strip()]
    return "; ".join([version, "p=none", *rest])
