"""Findings about the text of one record: what copying did to it, its ending, terms that say nothing or too much. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...model import Answer, Choice, Finding, Status
from ..base import because, finding
from .paste import MECHANISMS, reason
from .propose import breaks, change, duplicates, ending, mended, without, without_numbers
from .reach import is_large, is_wide, overlapping
from .record import LOOKUP_TERMS, SpfRecord
from .size import PLAIN, USUAL

if TYPE_CHECKING:
    from . import SpfFacts

SHOWN = 12  # faults of one kind that are shown one by one
_VALIDATED = re.compile(r"%\{p", re.IGNORECASE)


def judge(spf: SpfFacts, record: SpfRecord, answer: Answer) -> Iterator[Finding]:
    """What can be said of a record without looking at what it names; of a broken one only where it is broken."""
    yield from _syntax(spf, record, answer)
    if record.valid:
        yield from _ends(spf, record, answer)
        yield from _repeated(spf, record, answer)
        yield from _terms(spf, record, answer)
    yield from _size(spf, answer)


def _syntax(spf: SpfFacts, record: SpfRecord, answer: Answer) -> Iterator[Finding]:
    if record.too_long:
        yield finding("SPF005", Status.FAIL, spf.domain, [answer], domain=spf.domain, term=record.text[:60] + "…", reason=because("SPF005", "too-long"))
    joined = dict(breaks(answer, record.text))
    # one record mends everything that copying broke; where something else is broken besides, there is none
    text = mended(answer, record.text) if joined or record.errors else None
    proposed = change(spf, text) if text else None
    if joined:
        values: dict[str, Any] = {"domain": spf.domain, "terms": " ".join(term[:120] for term in list(joined.values())[:SHOWN])}
        yield finding("SPF030", Status.FAIL, spf.domain, [answer], record=proposed, **values)
    told = set(joined.values())
    for term in [t for t in record.errors if t.text not in told][:SHOWN]:
        why = because("SPF005", reason(term))
        yield finding("SPF005", Status.FAIL, spf.domain, [answer], record=proposed, domain=spf.domain, term=term.text[:120], reason=why)


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


def _repeated(spf: SpfFacts, record: SpfRecord, answer: Answer) -> Iterator[Finding]:
    """Terms that stand there twice, or within another one."""
    if again := duplicates(record, spf.domain):
        twice = [record.terms[n] for n in again]
        wasted = sum(t.name in LOOKUP_TERMS for t in twice)
        values: dict[str, Any] = {"domain": spf.domain, "terms": " ".join(t.text for t in twice[:SHOWN])[:300], "count": wasted}
        # a receiver asks for each of them, so that it counts against the ten (RFC 7208 section 4.6.4)
        status = Status.WARN if wasted else Status.NOTE
        yield finding("SPF031", status, spf.domain, [answer], record=change(spf, without_numbers(record, again)), **values)
    if within := overlapping(record):
        pairs = ", ".join(f"{narrow.text} ({wide.text})" for narrow, wide in within[:SHOWN])
        numbers = [n for n, term in enumerate(record.terms) if any(term is narrow for narrow, _ in within)]
        proposed = change(spf, without_numbers(record, numbers))
        yield finding("SPF032", Status.NOTE, spf.domain, [answer], record=proposed, domain=spf.domain, pairs=pairs[:400])


def _terms(spf: SpfFacts, record: SpfRecord, answer: Answer) -> Iterator[Finding]:
    values: dict[str, Any] = {"domain": spf.domain}
    for term in record.evaluated:
        if term.name == "ptr":
            # RFC 7208 section 5.5: ptr SHOULD NOT be published
            yield finding("SPF010", Status.WARN, spf.domain, [answer], term=term.text, **values)
            break
    passing = [t for t in record.evaluated if t.qualifier == "+"]
    if wide := [t.text for t in passing if is_wide(t)]:
        yield finding("SPF028", Status.WARN, spf.domain, [answer], terms=" ".join(wide[:SHOWN])[:300], **values)
    if large := [t.text for t in passing if is_large(t)]:
        yield finding("SPF038", Status.NOTE, spf.domain, [answer], terms=" ".join(large[:SHOWN])[:300], **values)
    if macros := [t.text for t in record.evaluated if t.macros]:
        yield finding("SPF016", Status.NOTE, spf.domain, [answer], terms=" ".join(macros[:SHOWN])[:300], **values)
    if validated := [t.text for t in record.evaluated if _VALIDATED.search(t.value)]:
        # RFC 7208 section 7.2: "p" is there for old records, and is not to be used
        yield finding("SPF036", Status.WARN, spf.domain, [answer], terms=" ".join(validated[:SHOWN])[:300], **values)
    # RFC 7208 section 6: a modifier that nobody knows is ignored, so that "include=" names nobody
    meant = [t.text for t in record.terms if t.modifier and t.name in (*MECHANISMS, "ip", "ipv4", "ipv6")]
    if meant:
        drop = Choice("drop", {**values, "terms": " ".join(meant[:SHOWN])[:300]}, change(spf, without(record, meant)))
        yield finding("SPF034", Status.WARN, spf.domain, [answer], choices=[Choice("mechanism"), drop], terms=" ".join(meant[:SHOWN])[:300], **values)


def _size(spf: SpfFacts, answer: Answer) -> Iterator[Finding]:
    """RFC 7208 section 3.4: the answer should fit into one datagram, and all TXT records of the name are in it."""
    size = spf.size
    if size is None or size.answer <= PLAIN:
        return
    status = Status.WARN if size.answer > USUAL else Status.NOTE
    values: dict[str, Any] = {
        "domain": spf.domain,
        "octets": size.answer,
        "limit": USUAL if size.answer > USUAL else PLAIN,
        "own": size.record,
        "records": size.records,
    }
    others = [Choice("clean", values)] if size.records > 1 else []
    yield finding("SPF033", status, spf.domain, [answer], choices=[*others, Choice("split", values)], **values)
