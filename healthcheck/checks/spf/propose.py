"""SPF records to publish. Each keeps every term that authorises mail today, adds no address that the user did not call theirs,
and never says +all. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ...model import Answer, Record
from .paste import lost_spaces, mend
from .reach import is_wide, range_of
from .record import LOOKUP_TERMS, SpfRecord, Term, parse, texts
from .tree import MAX_LOOKUPS

if TYPE_CHECKING:
    from . import SpfFacts

_WEAKEST = {"-": 0, "~": 1, "?": 2}


def change(spf: SpfFacts, proposed: str, current: tuple[str, ...] = ()) -> Record | None:
    """A change of the SPF record. None where what stands there is not the user's to change: behind an alias, or at a service."""
    if spf.answer is None or spf.answer.aliases or not spf.ours:
        return None
    return Record(spf.domain, "TXT", current or ((spf.record,) if spf.record else ()), (proposed,))


def breaks(answer: Answer, shown: str) -> tuple[tuple[int, str], ...]:
    """Where the strings of one TXT record were joined without the space that belongs there, and the terms that came of it."""
    at = _number(answer, shown)
    return lost_spaces(answer.strings[at]) if at is not None and at < len(answer.strings) else ()


def mended(answer: Answer, shown: str) -> str | None:
    """One TXT record with what copying did to it undone; None where it was whole, or would not be a record that may be proposed:
    one that can be read, and lets nobody pass by "+all" or by a network of millions."""
    at = _number(answer, shown)
    if at is None:
        return None
    text = mend(texts(answer)[at][0], tuple(place for place, _ in breaks(answer, shown))).text
    if text is None:
        return None
    record = parse(text)
    opens = any(t.qualifier == "+" and (t.name == "all" or is_wide(t)) for t in record.evaluated)
    return None if opens else text


def _number(answer: Answer, shown: str) -> int | None:
    return next((n for n, (_, text) in enumerate(texts(answer)) if text == shown), None)


def address_term(ip: str) -> str:
    return f"ip{ip_address(ip).version}:{ip}"


def covering(record: SpfRecord, ips: Sequence[str]) -> str:
    """The record with these addresses before its "all" (or its redirect), every other character as it was.

    >>> covering(parse("v=spf1 mx ~all"), ["192.0.2.7"])
    'v=spf1 mx ip4:192.0.2.7 ~all'
    """
    parts = record.text.rstrip(" ").split(" ")
    ends = [n for n, part in enumerate(parts) if n and (part.lstrip("+-~?").lower() == "all" or part.lower().startswith("redirect="))]
    at = ends[0] if ends else len(parts)
    return " ".join([*parts[:at], *map(address_term, ips), *parts[at:]])


def fresh(ips: Sequence[str]) -> str:
    """A first record for a domain that has none: the user's own addresses, everything else marked as suspicious."""
    return " ".join(["v=spf1", *map(address_term, ips), "~all"])


def without(record: SpfRecord, texts: Sequence[str]) -> str:
    """The record without some terms, which authorise nothing."""
    return " ".join(part for part in record.text.split(" ") if part not in texts)


def same(term: Term, domain: str) -> tuple[object, ...]:
    """What two mechanisms share that match the same addresses, however they are written."""
    if term.macros:
        return (term.text.lstrip("+-~?"),)  # a capital letter of a macro has a meaning of its own (RFC 7208 section 7.3)
    if term.name in ("ip4", "ip6"):
        return range_of(term)
    if term.name in ("all", "ptr"):
        return (term.name, term.value.lower())
    wide4, wide6 = (32 if term.cidr4 is None else term.cidr4), (128 if term.cidr6 is None else term.cidr6)
    return (term.name, term.target(domain), wide4, wide6)


def duplicates(record: SpfRecord, domain: str) -> tuple[int, ...]:
    """Which terms say again what one before them said: numbers in record.terms. They are never decisive: the first match is
    (RFC 7208 section 4.6.2), so that taking them out changes no verdict."""
    seen: set[tuple[object, ...]] = set()
    out = []
    tested = {id(t) for t in record.evaluated if not t.modifier}
    for n, term in enumerate(record.terms):
        if id(term) in tested:
            key = same(term, domain)
            if key in seen:
                out.append(n)
            seen.add(key)
    return tuple(out)


def without_numbers(record: SpfRecord, numbers: Collection[int]) -> str:
    """The record without some of its terms, every other character as it was."""
    out: list[str] = []
    n = -1
    for part in record.text[:6].split(" ") + record.text[7:].split(" "):
        if part and out:
            n += 1
            if n in numbers:
                continue
        out.append(part)
    return " ".join(out)


def ending(record: SpfRecord, qualifier: str = "~") -> str:
    """The record with its ?all, or with nothing at its end, made ~all. Senders that pass are matched before it.

    >>> ending(parse("v=spf1 mx ?all"))
    'v=spf1 mx ~all'
    """
    parts = record.text.rstrip(" ").split(" ")
    swapped = [f"{qualifier}all" if part.lower() == "?all" else part for part in parts]
    return " ".join(swapped) if swapped != parts else " ".join([*parts, f"{qualifier}all"])


def merged(texts: Sequence[str]) -> str | None:
    """One record in place of several, where that keeps every term and stays within the limit; else None.

    None too where one of them refuses addresses before its end, redirects, explains or says +all: there only the user
    knows which was meant.

    >>> merged(["v=spf1 mx ~all", "v=spf1 include:_spf.example.net -all"])
    'v=spf1 mx include:_spf.example.net ~all'
    """
    records = [parse(text) for text in texts]
    if any(not r.valid or any(t.modifier for t in r.terms) or r.after_all for r in records):
        return None
    terms = [t for r in records for t in r.terms if t.name != "all"]
    if any(t.qualifier != "+" for t in terms):
        return None
    ends = [r.all.qualifier if r.all else "?" for r in records]
    if "+" in ends:
        return None
    names = list({t.text.lower(): t.text for t in reversed(terms)}.values())[::-1]
    if sum(1 for t in parse(" ".join(["v=spf1", *names])).terms if t.name in LOOKUP_TERMS) > MAX_LOOKUPS:
        return None
    # the end that refuses least: a sender that either record let through is not refused by the merged one
    return " ".join(["v=spf1", *names, max(ends, key=_WEAKEST.__getitem__) + "all"])
