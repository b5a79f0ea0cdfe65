"""Findings about SPF. Pure. RFC 7208."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...model import Answer, Choice, Finding, Outcome, Record, Status
from ..base import because, could_not_check, finding
from ..facts import Facts
from .propose import ending, fresh, merged, without
from .record import SpfRecord, Term, nearly, parse, select
from .tree import MAX_LOOKUPS, MAX_VOIDS, Node

if TYPE_CHECKING:
    from . import SpfFacts

BAD = (Status.WARN, Status.FAIL, Status.UNKNOWN)
NEAR = 9  # look-ups from which one more service breaks the record
SHOWN = 12  # faults of one kind that are shown one by one


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
    if counted and not any(f.status in BAD for f in about_record):
        yield finding("SPF001", Status.PASS, spf.domain, [spf.answer], domain=spf.domain, text=spf.record, lookups=spf.lookups_at_least)
    told = any(f.code == "SPF999" for f in about_record)
    # one note a topic says that something lies outside the zone files
    yield from (f for f in _addresses(spf) if not (told and f.code == "SPF999"))
    yield from _from_domain(spf)


def change(spf: SpfFacts, proposed: str, current: tuple[str, ...] = ()) -> Record | None:
    """A change of the SPF record. None where what stands there is not the user's to change: behind an alias, or at a service."""
    if spf.answer is None or spf.answer.aliases or not spf.ours:
        return None
    return Record(spf.domain, "TXT", current or ((spf.record,) if spf.record else ()), (proposed,))


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
    yield from _syntax(spf, record_read, answer)
    if record_read.valid:
        yield from _ends(spf, record_read, answer)
        yield from _terms(spf, record_read, answer)
        if spf.tree is not None:
            yield from _branches(spf, record_read, spf.tree)
            yield from _counts(spf, spf.tree, answer)


def _missing(facts: Facts, spf: SpfFacts, answer: Answer) -> Iterator[Finding]:
    if meant := nearly(answer):
        yield finding("SPF024", Status.FAIL, spf.domain, [answer], domain=spf.domain, text=meant[0][:200])
        return
    record = None
    choices: list[Choice] = []
    if facts.input.ips and spf.ours and not answer.aliases:
        record = change(spf, fresh(facts.input.ips))
    elif spf.ours:
        has_mx = spf.mx is not None and spf.mx.found and any(host != "." for _, host in spf.mx.mx())
        if has_mx:
            choices.append(Choice("mx", {"domain": spf.domain}, change(spf, "v=spf1 mx ~all")))
        choices += [Choice("service", {"domain": spf.domain}), Choice("nobody", {"domain": spf.domain}, change(spf, "v=spf1 -all"))]
    yield finding("SPF002", Status.FAIL, spf.domain, [answer], record=record, choices=choices, domain=spf.domain)


def _syntax(spf: SpfFacts, record: SpfRecord, answer: Answer) -> Iterator[Finding]:
    if record.too_long:
        yield finding("SPF005", Status.FAIL, spf.domain, [answer], domain=spf.domain, term=record.text[:60] + "…", reason=because("SPF005", "too-long"))
    for term in record.errors[:SHOWN]:
        yield finding("SPF005", Status.FAIL, spf.domain, [answer], domain=spf.domain, term=term.text[:120], reason=because("SPF005", term.error or ""))


def _ends(spf: SpfFacts, record: SpfRecord, answer: Answer) -> Iterator[Finding]:
    end = record.all
    if end is None and record.redirect is None:
        # RFC 7208 section 4.7: without "all" the result is neutral
        yield finding("SPF009", Status.WARN, spf.domain, [answer], record=change(spf, ending(record)), domain=spf.domain)
    elif end is not None and end.qualifier == "+":
        yield finding("SPF007", Status.FAIL, spf.domain, [answer], choices=[Choice("list"), Choice("service")], domain=spf.domain, term=end.text)
    elif end is not None and end.qualifier == "?":
        yield finding("SPF008", Status.WARN, spf.domain, [answer], record=change(spf, ending(record)), domain=spf.domain)
    ignored = record.modifier("redirect")
    if end is not None and ignored is not None:
        # RFC 7208 section 6.1: redirect is ignored when there is an "all" anywhere
        proposed = change(spf, without(record, [ignored.text]))
        yield finding("SPF011", Status.WARN, spf.domain, [answer], record=proposed, domain=spf.domain, term=ignored.text, all=end.text)
    if record.after_all and end is not None:
        terms = " ".join(t.text for t in record.after_all[:SHOWN])
        yield finding("SPF023", Status.WARN, spf.domain, [answer], domain=spf.domain, terms=terms, all=end.text, choices=[Choice("move"), Choice("drop")])


def _terms(spf: SpfFacts, record: SpfRecord, answer: Answer) -> Iterator[Finding]:
    for term in record.evaluated:
        if term.name == "ptr":
            # RFC 7208 section 5.5: ptr SHOULD NOT be published
            yield finding("SPF010", Status.WARN, spf.domain, [answer], domain=spf.domain, term=term.text)
            break
    if wide := [t.text for t in record.evaluated if t.qualifier == "+" and _too_wide(t)]:
        yield finding("SPF028", Status.WARN, spf.domain, [answer], domain=spf.domain, terms=" ".join(wide[:SHOWN])[:300])
    if macros := [t.text for t in record.evaluated if t.macros]:
        yield finding("SPF016", Status.NOTE, spf.domain, [answer], domain=spf.domain, terms=" ".join(macros[:SHOWN])[:300])


def _too_wide(term: Term) -> bool:
    """More than any organization has: over 16 million IPv4 addresses, or a sixteenth of what IPv6 holds."""
    narrow = {"ip4": (8, None), "ip6": (None, 16), "a": (8, 16), "mx": (8, 16)}.get(term.name)
    if narrow is None:
        return False
    return any(least is not None and given is not None and given < least for given, least in zip((term.cidr4, term.cidr6), narrow, strict=True))


_BROKEN = {"several": "SPF015", "syntax": "SPF015", "loop": "SPF014"}


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
        yield finding("SPF004", status, domain, _evidence(tree), choices=[Choice("drop", values), Choice("subdomain", values)], **values)
    else:
        unsure = [a for a in (*(n.answer for n in tree.walk()), *spf.answers) if a is not None and a.unsure and _failed(a)]
        yield from could_not_check("SPF", domain, unsure)
        if not tree.complete and not unsure:
            yield finding("SPF027", Status.NOTE, domain, [answer], domain=domain, count=tree.lookups)
        elif tree.lookups >= NEAR:
            yield finding("SPF025", Status.NOTE, domain, _evidence(tree), domain=domain, count=tree.lookups)
    if tree.voids > MAX_VOIDS:
        empty = [a for a in spf.answers if a.absent]
        yield finding("SPF006", Status.WARN, domain, empty or [answer], domain=domain, count=tree.voids, names=", ".join(a.name for a in empty[:SHOWN]))


def _failed(answer: Answer) -> bool:
    """Asked and not answered, or kept from being asked by the scan; not what the walk itself left out, nor a loop of aliases."""
    left_out = answer.outcome is Outcome.NOT_ASKED and not (answer.server or answer.detail)
    return not left_out and not answer.looped


def _evidence(tree: Node) -> list[Answer]:
    return [n.answer for n in tree.walk() if n.answer is not None][:24]


_RESULTS = {
    "pass": ("SPF017", Status.PASS),
    "fail": ("SPF018", Status.FAIL),
    "softfail": ("SPF019", Status.FAIL),
    "neutral": ("SPF020", Status.WARN),
    "permerror": ("SPF021", Status.FAIL),
}


def _addresses(spf: SpfFacts) -> Iterator[Finding]:
    """What a receiver would make of each given address."""
    assert spf.answer is not None
    # of a term that cannot be read our own words are better than pyspf's
    broken = next((t for t in parse(spf.record).errors), None) if spf.record else None
    told = f"“{broken.text[:120]}”: {because('SPF005', broken.error or '')}" if broken else ""
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
        record = change(spf, spf.covering) if spf.covering and ip in spf.covers else None
        choices = () if record or code in ("SPF017", "SPF021") else (Choice("allow", values), Choice("route", values))
        yield finding(code, status, ip, evidence, record=record, choices=choices, **values)


def _from_domain(spf: SpfFacts) -> Iterator[Finding]:
    """The From domain's own record, where the envelope carries another domain. It decides nothing here, so a note."""
    node = spf.from_domain
    if node is None or node.answer is None or node.answer.unsure or node.error != "none":
        return
    yield finding("SPF026", Status.NOTE, node.domain, [node.answer], domain=node.domain, envelope=spf.domain)
