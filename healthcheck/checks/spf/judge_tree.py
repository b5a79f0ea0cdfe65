"""Findings about what a record leads to: broken branches, look-ups, and how many addresses pass in the end. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...model import Answer, Choice, Finding, Outcome, Status
from ..base import because, could_not_check, finding
from .propose import change, without
from .reach import MANY, is_wide
from .record import SpfRecord
from .tree import MAX_HOSTS, MAX_LOOKUPS, MAX_VOIDS, Node

if TYPE_CHECKING:
    from . import SpfFacts

NEAR = 9  # look-ups from which one more service breaks the record
SHOWN = 12  # faults of one kind that are shown one by one
_BROKEN = {"several": "SPF015", "syntax": "SPF015", "loop": "SPF014"}


def judge(spf: SpfFacts, record: SpfRecord, tree: Node, answer: Answer) -> Iterator[Finding]:
    """What the tree of a valid record comes to."""
    yield from _branches(spf, record, tree)
    yield from _crowded(spf)
    yield from _counts(spf, tree, answer)
    yield from _voids(spf, tree, answer)
    yield from _nested(spf, record, tree)
    yield from _open_branches(spf, record, tree)


def _branches(spf: SpfFacts, record: SpfRecord, tree: Node) -> Iterator[Finding]:
    """Faults below the top. RFC 7208 section 5.2: a branch that is a permerror makes the whole a permerror."""
    shown = 0
    for node in tree.walk():
        if node is tree or not node.error or node.repeated or shown >= SHOWN:
            continue
        shown += 1
        evidence = [a for a in (spf.answer, node.answer) if a is not None]
        values: dict[str, Any] = {"domain": spf.domain, "via": node.via, "branch": node.domain, "reason": node.error}
        if node.error == "none":
            code = "SPF012" if node.via.lower().startswith("redirect=") else "SPF013"
            own = [t.text for t in record.terms if t.text == node.via]
            # without any other term the record would refuse everybody: whether that is meant, only the user knows
            others = any(t.name != "all" for t in record.evaluated if t.text not in own)
            drop = (Choice("remove", values, change(spf, without(record, own)) if others else None),) if own and code == "SPF013" else ()
            yield finding(code, Status.FAIL, spf.domain, evidence, choices=(Choice("correct", values), *drop), **values)
        elif node.error in _BROKEN:
            yield finding(_BROKEN[node.error], Status.FAIL, spf.domain, evidence, **{**values, "reason": because(_BROKEN[node.error], node.error)})


def _crowded(spf: SpfFacts) -> Iterator[Finding]:
    """RFC 7208 section 4.6.4: an mx term with more than ten hosts is a permanent error for whoever gets there."""
    assert spf.answer is not None
    for at, term, answer in spf.crowded[:SHOWN]:
        values: dict[str, Any] = {"domain": spf.domain, "record_at": at, "term": term, "name": answer.name, "count": len(answer.values), "most": MAX_HOSTS}
        yield finding("SPF035", Status.FAIL, spf.domain, [spf.answer, answer], **values)


def _counts(spf: SpfFacts, tree: Node, answer: Answer) -> Iterator[Finding]:
    domain = spf.domain
    if tree.lookups > MAX_LOOKUPS:
        # RFC 7208 section 4.6.4 limits the evaluation: an address that is matched before the eleventh still passes
        early = bool(spf.verdicts) and all(v.known and v.result != "permerror" for v in spf.verdicts.values())
        costly = max(tree.children, key=lambda n: n.lookups, default=None)
        values: dict[str, Any] = {
            "domain": domain,
            "record_at": domain,
            # what is not walked to its end needs so many, and more
            "count": f"{tree.lookups}{'' if tree.complete else '+'}",
            "costly": costly.via if costly else "",
            "most": costly.lookups + 1 if costly else 0,
        }
        status = Status.WARN if early else Status.FAIL
        choices = [Choice("drop", values), Choice("subdomain", values), Choice("flatten", values)]
        yield finding("SPF004", status, domain, _evidence(tree), choices=choices, **values)
        return
    unsure = [a for a in (*(n.answer for n in tree.walk()), *spf.answers) if a is not None and a.unsure and _failed(a)]
    yield from could_not_check("SPF", domain, unsure)
    if not tree.complete and not unsure:
        yield finding("SPF027", Status.NOTE, domain, [answer], domain=domain, count=tree.lookups)
    elif tree.complete and not unsure and tree.lookups >= NEAR:  # else there may be more, and it is over
        yield finding("SPF025", Status.NOTE, domain, _evidence(tree), domain=domain, count=tree.lookups)


def _failed(answer: Answer) -> bool:
    """Asked and not answered, or kept from being asked by the scan; not what the walk itself left out, nor a loop of aliases.

    The IPv6 addresses of a host are asked to count what passes; that count is "at least" without them, and no verdict rests on it.
    """
    left_out = answer.outcome is Outcome.NOT_ASKED and not (answer.server or answer.detail)
    return not left_out and not answer.looped and answer.rtype != "AAAA"


def _evidence(tree: Node) -> list[Answer]:
    return [n.answer for n in tree.walk() if n.answer is not None][:24]


def _voids(spf: SpfFacts, tree: Node, answer: Answer) -> Iterator[Finding]:
    """RFC 7208 section 4.6.4: a sender with an IPv6 address has its own look-ups, which names without AAAA leave empty."""
    values: dict[str, Any] = {"domain": spf.domain, "limit": MAX_VOIDS}
    if tree.voids > MAX_VOIDS:
        empty = [a for a in spf.answers if a.absent and a.rtype != "AAAA"]
        names = ", ".join(a.name for a in empty[:SHOWN])
        yield finding("SPF006", Status.WARN, spf.domain, empty or [answer], count=tree.voids, names=names, **values)
    elif tree.voids6 > MAX_VOIDS:
        empty = [a for a in spf.answers if a.absent and a.rtype != "A"]
        names = ", ".join(a.name for a in empty[:SHOWN])
        # where nothing with IPv6 passes anyway, its senders get an error in place of a refusal
        status = Status.WARN if tree.ipv6_64 or not tree.counted else Status.NOTE
        choices = [Choice("addresses", values), Choice("publish", values)]
        yield finding("SPF029", status, spf.domain, empty or [answer], choices=choices, count=tree.voids6, names=names, **values)


def _nested(spf: SpfFacts, record: SpfRecord, tree: Node) -> Iterator[Finding]:
    """An include that another include of the same record brings as well."""
    for term, by in spf.nested[:SHOWN]:
        node = next((n for n in tree.children if n.via == term), None)
        if node is None:
            continue
        values: dict[str, Any] = {"domain": spf.domain, "via": term, "by": by, "count": node.lookups + 1}
        choices = [Choice("drop", values, change(spf, without(record, [term]))), Choice("keep", values)]
        yield finding("SPF037", Status.NOTE, spf.domain, _evidence(tree), choices=choices, **values)


def _open_branches(spf: SpfFacts, record: SpfRecord, tree: Node) -> Iterator[Finding]:
    """Branches that let a large part of the Internet pass, where the record itself does not already."""
    if tree.ipv4 < MANY and tree.ipv6_64 < 1 << 64:
        return
    everybody = spf.authorised is not None and bool(spf.authorised["everybody"])
    if not everybody and tree.ipv4 < MANY:
        return  # networks of 64 bits are counted where they are begun: as many as there are need not be all
    if any(t.qualifier == "+" and (t.name == "all" or is_wide(t)) for t in record.evaluated):
        return  # SPF007 and SPF028 say so
    wide = [n for n in tree.walk() if n is not tree and n.ipv4 >= MANY and not any(c.ipv4 >= MANY for c in n.children)]
    for node in wide[:SHOWN]:
        evidence = [a for a in (spf.answer, node.answer) if a is not None]
        values: dict[str, Any] = {"domain": spf.domain, "via": node.via, "branch": node.domain, "count": f"{node.ipv4:,}"}
        yield finding("SPF039", Status.FAIL if everybody else Status.WARN, spf.domain, evidence, **values)
    if not wide:
        yield finding("SPF028", Status.WARN, spf.domain, _evidence(tree), domain=spf.domain, terms=" ".join(tree.terms[:SHOWN])[:300])
