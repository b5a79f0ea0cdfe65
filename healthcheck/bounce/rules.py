"""Which rows of the knowledge base speak about a reply: one automaton over every fragment, an index over every code.

A pattern is tried only on a text in which the words occur that it needs (bounce/needs.py); those words are in the same automaton. It is built
at once and takes one pass over a text, whatever the text: an `re2.Set` of as many words makes its states as texts come in, which costs a
millisecond a line until it has seen every word.

What was seen of a reply is all that its reading depends on; bounce/readings.py weighs it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

import re2
from ahocorasick_rs import BytesAhoCorasick

from ..catalog import Catalog, Rule, catalog
from ..model import Bounce
from .needs import Need, needs
from .weights import Candidate, Codes, sorted_codes, source_of, weight_of

K = TypeVar("K")
V = TypeVar("V")


class Seen(NamedTuple):
    """What was seen of a reply: our words in it by their numbers, codes, providers, the service's own words."""

    words: frozenset[int]
    code: int | None
    enhanced: str | None
    known: frozenset[str]  # providers
    stage: str | None
    esp: str | None
    terms: tuple[str, ...]
    of_sender: bool = False  # an address that is refused can only be the sender's


class Wording(NamedTuple):
    """One fragment or pattern of a row, with what it amounts to: the provider known or not, codes that agree or not."""

    rule: str  # its id
    stage: str | None
    provider: str | None
    codes: Codes | None
    unknown: tuple[Candidate | None, Candidate | None]  # without, with an agreeing code; None: does not hold
    known: tuple[Candidate | None, Candidate | None]


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A pattern of a row. Two are the same only where they are one object, so that it is quick as a key."""

    pattern: str
    needs: int  # a bit each
    reach: int  # the most that it can weigh
    wording: Wording


@dataclass(frozen=True, slots=True)
class _Index:
    words: BytesAhoCorasick  # fragments, signs and needed words, case-folded
    whole: frozenset[int]  # words that begin or end with a digit, and are none within a longer number
    rows: Mapping[int, tuple[Wording, ...]]  # number of a word -> the rows that have this fragment
    fragments: frozenset[int]  # the numbers in `rows`
    triers: frozenset[int]  # the numbers in `tries`
    needers: frozenset[int]  # the numbers in `met`
    signs: Mapping[int, str]  # number of a word -> provider
    signed: frozenset[int]  # the numbers in `signs`
    met: Mapping[int, int]  # number of a word -> the needs that it meets, a bit each
    tries: Mapping[int, tuple[Form, ...]]  # number of a word -> the patterns whose first need it meets, those of the longest reach first
    always: tuple[Form, ...]  # patterns that need no word
    by_code: Mapping[str, tuple[Rule, ...]]  # rules that have codes and no words


def _options() -> Any:
    options = re2.Options()
    options.case_sensitive = False
    return options


def fragment(text: str) -> str:
    """The pattern of a row's `text`: any white space for a space, and no digit before or after a digit."""
    out = r"\s+".join(re2.escape(word) for word in text.split(" "))
    return (r"\b" if text[0].isdigit() else "") + out + (r"\b" if text[-1].isdigit() else "")


def _literal(pattern: str) -> int:
    """How many characters of a pattern are literal, roughly: what stands outside groups, classes and escapes."""
    bare = re2.sub(r"\(\?P<\w+>|\[[^\]]*\]|\\.|[.*+?(){}|^$]|\{\d*,?\d*\}", "", pattern)
    return len(bare)


@cache
def _index() -> _Index:
    index = build(catalog())
    gc.freeze()  # it lives as long as the process: no collection needs to walk through it
    return index


class _Words:
    """The words of the automaton, as they are collected: one keeps its number."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, bool], int] = {}

    def number(self, word: str, whole: bool = False) -> int:
        return self.numbers.setdefault((word.lower(), whole and (word[0].isdigit() or word[-1].isdigit())), len(self.numbers))


def build(book: Catalog) -> _Index:
    """Index every wording of a knowledge base. About 0.4 s for two thousand rows, once a process."""
    words = _Words()
    rows: dict[int, list[Wording]] = {}
    met: dict[int, int] = {}
    tries: dict[int, list[Form]] = {}
    numbered: dict[Need, int] = {}
    always: list[Form] = []
    by_code: dict[str, list[Rule]] = {}
    for rule in book.rules:
        for text in rule.text:
            rows.setdefault(words.number(text, True), []).append(_wording(rule, fragment(text), text, len(text)))
        if not rule.text and not rule.pattern:
            for code in rule.codes:
                by_code.setdefault(code, []).append(rule)
    signs = {words.number(sign, True): provider.id for provider in book.providers.values() for sign in provider.signs}
    for rule, pattern in ((rule, rule.pattern) for rule in book.rules if rule.pattern):
        wording = _wording(rule, pattern, "", rule.length or _literal(pattern))
        wanted = needs(pattern)
        for need in wanted:
            bit = numbered.setdefault(need, 1 << len(numbered))
            for word in need:
                met[words.number(word)] = met.get(words.number(word), 0) | bit
        form = Form(pattern, sum(numbered[need] for need in wanted), max(one.weight for one in (*wording.unknown, *wording.known) if one), wording)
        for word in wanted[0] if wanted else ():
            tries.setdefault(words.number(word), []).append(form)
        if not wanted:
            always.append(form)
    return _Index(
        BytesAhoCorasick([word.encode() for word, _ in words.numbers]),
        frozenset(number for (_, whole), number in words.numbers.items() if whole),
        _tuples(rows),
        frozenset(rows),
        frozenset(tries),
        frozenset(met),
        signs,
        frozenset(signs),
        met,
        {number: tuple(sorted(forms, key=_reach)) for number, forms in tries.items()},
        tuple(sorted(always, key=_reach)),
        _tuples(by_code),
    )


_number = itemgetter(0)


def _reach(form: Form) -> int:
    return -form.reach


def _tuples(lists: Mapping[K, list[V]]) -> dict[K, tuple[V, ...]]:
    return {key: tuple(values) for key, values in lists.items()}


def _wording(rule: Rule, pattern: str, text: str, length: int) -> Wording:
    def pair(known: bool) -> tuple[Candidate | None, Candidate | None]:
        return tuple(  # type: ignore[return-value]
            None if weight is None else Candidate(rule.cause, source_of(rule), rule.id, weight, None, rule, pattern, text)
            for weight in (weight_of(rule, length, fits, known) for fits in (False, True))
        )

    return Wording(rule.id, rule.stage, rule.provider, sorted_codes(rule.codes) if rule.codes else None, pair(False), pair(True))


@cache
def _searcher(pattern: str) -> Any:
    return re2.compile(pattern, options=_options())


@cache
def _octet_searcher(pattern: str) -> Any:
    return re2.compile(pattern.encode(), options=_options())


@cache
def _tester(pattern: str) -> Callable[[bytes], list[int] | None]:
    """Whether a pattern matches, without where: a set of one costs half of a search. Compiled when it is tried first."""
    one = re2.Set.SearchSet(_options())
    one.Add(pattern)
    one.Compile()
    match: Callable[[bytes], list[int] | None] = one.Match
    return match


@cache
def _roughly(pattern: str) -> Callable[[bytes], list[int] | None]:
    """Whether a text could match: with gaps of any length. A counted gap has a state for each length, which no memory cache holds."""
    return _tester(re2.sub(r"\{0,\d\d+\}", "*", re2.sub(r"\{1,\d\d+\}", "+", pattern)))


@cache
def _hosts() -> Mapping[str, str]:
    """Suffix of a host's name -> provider."""
    out: dict[str, str] = {}
    for p in catalog().providers.values():
        for host in p.hosts:
            out.setdefault(host.lstrip("."), p.id)
    return out


@cache
def _domains() -> Mapping[str, str]:
    return {domain: p.id for p in catalog().providers.values() for domain in p.domains}


def provider_of_host(host: str | None) -> str | None:
    """The provider whose servers carry this name, or None. The longest suffix that is known decides."""
    if not host:
        return None
    name = host.lower().rstrip(".")
    if name in catalog().providers:
        return name
    hosts = _hosts()
    while name:
        if name in hosts:
            return hosts[name]
        name = name.partition(".")[2]
    return None


_NONE: Mapping[str, str] = {}


def recognised(bounce: Bounce, matched: Set[int]) -> Mapping[str, str]:
    """The providers that this reply may come from, and by what: sign, host or domain."""
    index = _index()
    out = {index.signs[number]: "sign" for number in matched & index.signed}
    host, other = bounce.receiver, bounce.remote_mta
    if host and (provider := provider_of_host(host)):
        out.setdefault(provider, "host")
    if other and other != host and (provider := provider_of_host(other)):
        out.setdefault(provider, "host")
    if bounce.esp and bounce.esp in catalog().providers:
        out.setdefault(bounce.esp, "host")
    if bounce.recipient and (provider := _domains().get(bounce.recipient.rpartition("@")[2].lower())):
        out.setdefault(provider, "domain")
    return out or _NONE


class Sight(NamedTuple):
    """A reply as the knowledge base sees it. `seen` is all that its reading depends on, beside the patterns that match."""

    seen: Seen
    known: Mapping[str, str]  # the providers that were recognised, and by what: sign, host or domain


def see(bounce: Bounce) -> Sight:
    """Look for every fragment and sign at once. Pure; one pass over the text."""
    index, reply = _index(), bounce.reply
    text = " ".join(reply.text.lower().split()).encode("utf-8", "replace")
    found = index.words.find_matches_as_indexes(text, overlapping=True)
    matched = frozenset(map(_number, found))
    if edged := matched & index.whole:
        within = {number for number, start, end in found if number in edged and _whole(text, start, end)}
        matched = matched - edged | within
    known = recognised(bounce, matched)
    enhanced = reply.enhanced or bounce.status
    return Sight(Seen(matched, reply.code, enhanced, frozenset(known), bounce.stage, bounce.esp, bounce.esp_terms, _of_sender(bounce, enhanced)), known)


def _of_sender(bounce: Bounce, enhanced: str | None) -> bool:
    """Whether an address that is refused must be the sender's: in reply to MAIL FROM no recipient was named yet (RFC 5321 section 3.3), and X.1.7
    and X.1.8, also around a quoted reply, are about the sender's address by definition (RFC 3463 section 3.2)."""
    if bounce.stage == "mail" or (enhanced or "")[1:] in (".1.7", ".1.8"):
        return True
    outer = bounce.reply.wrapped_by
    while outer:
        if (outer.enhanced or "")[1:] in (".1.7", ".1.8"):
            return True
        outer = outer.wrapped_by
    return False


def _whole(text: bytes, start: int, end: int) -> bool:
    """Whether no digit, letter or underscore touches a digit at the edge of a match: of ASCII, as for RE2's word boundary."""
    before, after = text[start - 1 : start] if start else b"", text[end : end + 1]
    first, last = text[start : start + 1], text[end - 1 : end]
    return not ((first.isdigit() and (before.isalnum() or before == b"_")) or (last.isdigit() and (after.isalnum() or after == b"_")))


def wordings(seen: Seen) -> Iterable[Wording]:
    """Every row that has one of the fragments."""
    index = _index()
    return [wording for number in seen.words & index.fragments for wording in index.rows[number]]


def worth_trying(seen: Seen, least: int) -> tuple[Form, ...]:
    """The patterns that can weigh `least`, of those whose every need occurs. Pure."""
    index = _index()
    met = 0
    for number in seen.words & index.needers:
        met |= index.met[number]
    tried = {}
    for some in [*map(index.tries.__getitem__, seen.words & index.triers), index.always]:
        for form in some:  # those with the longest reach first
            if form.reach < least:
                break
            if (needed := form.needs) & met == needed:
                tried[form] = True
    return tuple(tried)


def matching(forms: tuple[Form, ...], text: str) -> tuple[Form, ...]:
    """Those of some patterns that match. Most of the cost of a diagnosis. Pure."""
    if not forms:
        return ()
    octets = text.encode("utf-8", "replace")
    return tuple([form for form in forms if _roughly(form.pattern)(octets) and _tester(form.pattern)(octets)])


def coded(code: int | None, enhanced: str | None) -> Iterable[Rule]:
    """The rows that have no words, only codes, and name one of these."""
    keys = [*((enhanced, "X" + enhanced[1:]) if enhanced else ()), *((str(code), f"{code // 100}xx") if code else ())]
    return {rule.id: rule for key in keys for rule in _index().by_code.get(key, ())}.values()


def located(candidate: Candidate, text: str) -> tuple[tuple[int, int] | None, Mapping[str, str]]:
    """Where the words or the code of a candidate stand in the reply, and what its pattern names. Pure."""
    if candidate.span is not None:
        return candidate.span, {}
    if not candidate.pattern:
        for mark in candidate.marks:
            if (at := text.find(mark)) >= 0:
                return (at, at + len(mark)), {}
        return None, {}
    wanted = candidate.fragment
    if not text.isascii():
        match = _searcher(candidate.pattern).search(text)
        return (match.span(), {k: v for k, v in match.groupdict().items() if v}) if match else (None, {})
    if wanted and "  " not in text and text.isprintable():
        # the usual case without a search by RE2; a fragment with a digit at its edge needs a boundary there
        at = text.lower().find(wanted)
        if at >= 0 and not wanted[0].isdigit() and not wanted[-1].isdigit():
            return (at, at + len(wanted)), {}
    # over octets, because the search over a str counts characters, which costs more than the search
    match = _octet_searcher(candidate.pattern).search(text.encode())
    if match is None:
        return None, {}
    return match.span(), {} if wanted else {k.decode(): v.decode() for k, v in match.groupdict().items() if v}
