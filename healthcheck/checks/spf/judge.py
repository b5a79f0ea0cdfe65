"""Findings about SPF. Pure. RFC 7208. What one record says is in judge_text, what its tree comes to in judge_tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...model import Answer, Choice, Finding, Status
from ..base import because, could_not_check, finding
from ..facts import Facts
from . import judge_text, judge_tree
from .paste import reason
from .propose import change, fresh, mended, merged
from .record import nearly, parse, select

if TYPE_CHECKING:
    from . import SpfFacts

BAD = (Status.WARN, Status.FAIL, Status.UNKNOWN)


def judge(facts: Facts) -> Iterator[Finding]:
    """The findings about the record of the envelope domain, then one for each given address. Pure. RFC 7208."""
    spf = facts.spf
    if spf is None or spf.answer is None:
        return
    known = not spf.answer.unsure or spf.tree is not None or spf.answer.looped
    if not known:
        yield from could_not_check("SPF", spf.domain, [spf.answer])
        return
    about_record = list(_record(facts, spf))
    yield from about_record
    counted = spf.lookups is not None
    # a large answer is the doing of whatever else stands at the name, and says nothing of the record
    if counted and not any(f.status in BAD and f.code != "SPF033" for f in about_record):
        yield finding("SPF001", Status.PASS, spf.domain, [spf.answer], domain=spf.domain, text=spf.record, lookups=spf.lookups_at_least)
    told = any(f.code == "SPF999" for f in about_record)
    # one note a topic says that something lies outside the zone files
    yield from (f for f in _addresses(facts, spf) if not (told and f.code == "SPF999"))
    yield from _from_domain(spf)


def _record(facts: Facts, spf: SpfFacts) -> Iterator[Finding]:
    answer = spf.answer
    assert answer is not None
    found = select(answer)
    if not found:
        yield from _missing(facts, spf, answer)
        return
    if len(found) > 1:
        # RFC 7208 section 4.5: more than one record is a permerror, whatever they say
        one = merged(found)
        record = change(spf, one, found) if one else None
        yield finding(
            "SPF003", Status.FAIL, spf.domain, [answer], record=record, choices=() if record else (Choice("merge"),), domain=spf.domain, count=len(found)
        )
        return
    record_read = parse(found[0])
    yield from judge_text.judge(spf, record_read, answer)
    if record_read.valid and spf.tree is not None:
        yield from judge_tree.judge(spf, record_read, spf.tree, answer)


def _missing(facts: Facts, spf: SpfFacts, answer: Answer) -> Iterator[Finding]:
    if meant := nearly(answer):
        text = mended(answer, meant[0]) if len(meant) == 1 else None
        record = change(spf, text, meant) if text else None
        yield finding("SPF024", Status.FAIL, spf.domain, [answer], record=record, domain=spf.domain, text=meant[0][:200])
        return
    record = None
    choices: list[Choice] = []
    if facts.input.ips and _sends(facts) and spf.ours and not answer.aliases:
        record = change(spf, fresh(facts.input.ips))
    elif spf.ours:
        has_mx = spf.mx is not None and spf.mx.found and any(host != "." for _, host in spf.mx.mx())
        if has_mx:
            choices.append(Choice("mx", {"domain": spf.domain}, change(spf, "v=spf1 mx ~all")))
        choices += [Choice("service", {"domain": spf.domain}), Choice("nobody", {"domain": spf.domain}, change(spf, "v=spf1 -all"))]
    yield finding("SPF002", Status.FAIL, spf.domain, [answer], record=record, choices=choices, domain=spf.domain)


def _sends(facts: Facts) -> bool:
    """Not where the user says that the domain sends nothing: an address given all the same is then for the user to explain."""
    return facts.input.profile != "non-sending"


_RESULTS = {
    "pass": ("SPF017", Status.PASS),
    "fail": ("SPF018", Status.FAIL),
    "softfail": ("SPF019", Status.FAIL),
    "neutral": ("SPF020", Status.WARN),
    "permerror": ("SPF021", Status.FAIL),
}


def _addresses(facts: Facts, spf: SpfFacts) -> Iterator[Finding]:
    """What a receiver would make of each given address."""
    assert spf.answer is not None
    # of a term that cannot be read our own words are better than pyspf's
    broken = next((t for t in parse(spf.record).errors), None) if spf.record else None
    told = f"“{broken.text[:120]}”: {because('SPF005', reason(broken))}" if broken else ""
    for ip, verdict in spf.verdicts.items():
        evidence = [spf.answer, *verdict.unsure]
        values: dict[str, Any] = {"ip": ip, "domain": spf.domain, "term": verdict.mechanism or "", "problem": told or verdict.problem[:200]}
        if not verdict.known:
            # a failed look-up is a temperror: nothing is said of the address (RFC 7208 section 2.6.6)
            unsure = [a for a in verdict.unsure if a.unsure]
            outside = list(could_not_check("SPF", ip, unsure))
            if outside and outside[0].code == "SPF999":
                yield outside[0]
            else:
                yield finding("SPF022", Status.UNKNOWN, ip, evidence, **values)
            continue
        if verdict.result == "none":
            continue
        code, status = _RESULTS[verdict.result]
        record = change(spf, spf.covering) if spf.covering and ip in spf.covers and _sends(facts) else None
        choices = () if record or code in ("SPF017", "SPF021") else (Choice("allow", values), Choice("route", values))
        yield finding(code, status, ip, evidence, record=record, choices=choices, **values)


def _from_domain(spf: SpfFacts) -> Iterator[Finding]:
    """The From domain's own record, where the envelope carries another domain. It decides nothing here, so a note."""
    node = spf.from_domain
    if node is None or node.answer is None or node.answer.unsure or node.error != "none":
        return
    yield finding("SPF026", Status.NOTE, node.domain, [node.answer], domain=node.domain, envelope=spf.domain)
