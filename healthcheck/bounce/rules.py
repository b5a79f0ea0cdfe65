"""Which rows of the knowledge base speak about a reply: one `re2.Set` over every fragment, a filter over every pattern, an index over every code.

Fragments and patterns are kept apart because a set of literals stays small: its states are built as texts come in, and patterns
with repeats beside them make it ten times slower on the first text of each kind. `re2.Filter` tries a pattern only where the literal
words that it needs occur.

A candidate's weight is computed from how specific it is, never from where its row stands in a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

import re2

from ..catalog import Catalog, CodeRow, Rule, catalog
from ..model import Bounce, Party

# How much a kind of match weighs before the length of what matched is added. A wording goes before a registered code,
# a provider's own wording before a general one, a weak wording only before codes that say nothing.
PROVIDER_KNOWN = 45
PROVIDER_TEXT = 24
PROVIDER_CODE = 42  # the code alone, the provider recognised
VENDOR_CODE = 38  # a code that no registry holds, one provider's own
GENERAL = 20
AGREEING_CODE = 12
SPECIFIC_CODE = 20
ESP_WORD = 18
WEAK = 6
GENERIC_CODE = 5
BASIC_CODE = 2
LONGEST = 60  # characters of a match that count


class Candidate(NamedTuple):
    """A reading of a reply: the cause, what speaks for it, and the words it rests on.

    Where that is, `located` finds for the winner: it costs more than all the weighing. `marks` are the codes that it rests on.
    """

    cause: str
    source: str  # provider | general | weak | specific | esp | generic | basic
    name: str  # the rule's id, or "code X.7.1", "code 550"
    weight: int
    span: tuple[int, int] | None = None
    rule: Rule | None = None
    pattern: str = ""  # what matched, as RE2
    fragment: str = ""  # the same as the row has it, "" for a pattern
    marks: tuple[str, ...] = ()


class _Codes(NamedTuple):
    """A row's `codes`, sorted by kind."""

    enhanced: frozenset[str]
    basic: frozenset[str]
    classes: frozenset[str]  # "4", "5" of 4xx, 5xx


class _Wording(NamedTuple):
    """One fragment or pattern of a row, with what it amounts to: the provider known or not, codes that agree or not."""

    rule: str  # its id
    stage: str | None
    provider: str | None
    codes: _Codes | None
    unknown: tuple[Candidate | None, Candidate | None]  # without, with an agreeing code; None: does not hold
    known: tuple[Candidate | None, Candidate | None]


@dataclass(frozen=True, slots=True)
class _Index:
    fragments: Any  # re2.Set
    patterns: Any  # re2.Filter
    of_fragment: tuple[tuple[_Wording, ...], ...]  # number in the set -> the rows that have it
    of_pattern: tuple[_Wording, ...]
    by_code: Mapping[str, tuple[Rule, ...]]  # rules that have codes and no words
    signs: Mapping[int, str]  # number in the set -> provider


def _options() -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.max_mem = 512 << 20
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
    return build(catalog())


def build(book: Catalog) -> _Index:
    """Compile every wording of a knowledge base. About 0.2 s for a thousand rows, once a process."""
    fragments, patterns = re2.Set.SearchSet(_options()), re2.Filter()
    numbers: dict[str, int] = {}
    of_fragment: list[list[_Wording]] = []
    of_pattern: list[_Wording] = []
    by_code: dict[str, list[Rule]] = {}

    def number(text: str) -> int:
        if text not in numbers:
            numbers[text] = len(of_fragment)
            fragments.Add(fragment(text))
            of_fragment.append([])
        return numbers[text]

    for rule in book.rules:
        for text in rule.text:
            of_fragment[number(text)].append(_wording(rule, fragment(text), text, len(text)))
        if rule.pattern:
            patterns.Add(rule.pattern, _options())
            of_pattern.append(_wording(rule, rule.pattern, "", rule.length or _literal(rule.pattern)))
        if not rule.text and not rule.pattern:
            for code in rule.codes:
                by_code.setdefault(code, []).append(rule)
    signs = {number(sign): provider.id for provider in book.providers.values() for sign in provider.signs}
    fragments.Compile()
    if of_pattern:
        patterns.Compile()
    return _Index(fragments, patterns, tuple(map(tuple, of_fragment)), tuple(of_pattern), {k: tuple(v) for k, v in by_code.items()}, signs)


def _wording(rule: Rule, pattern: str, text: str, length: int) -> _Wording:
    def pair(known: bool) -> tuple[Candidate | None, Candidate | None]:
        return tuple(  # type: ignore[return-value]
            None if weight is None else Candidate(rule.cause, _source(rule), rule.id, weight, None, rule, pattern, text)
            for weight in (_weight(rule, length, fits, known) for fits in (False, True))
        )

    return _Wording(rule.id, rule.stage, rule.provider, _sorted(rule.codes) if rule.codes else None, pair(False), pair(True))


def _source(rule: Rule) -> str:
    return "weak" if rule.weak else "provider" if rule.provider else "general"


@cache
def _searcher(pattern: str | bytes) -> Any:
    return re2.compile(pattern, options=_options())


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


def _sorted(codes: tuple[str, ...]) -> _Codes:
    basic = [c for c in codes if "." not in c]
    return _Codes(
        frozenset(c for c in codes if "." in c), frozenset(c for c in basic if not c.endswith("xx")), frozenset(c[0] for c in basic if c.endswith("xx"))
    )


def code_fits(codes: tuple[str, ...], reply_code: int | None, enhanced: str | None) -> bool | None:
    """Whether a row's `codes` hold: None where the row has none. Each kind that it names has to match.

    >>> code_fits(("X.7.26", "5xx"), 550, "5.7.26")
    True
    """
    return _fit(_sorted(codes), reply_code, enhanced) if codes else None


def _fit(wanted: _Codes, reply_code: int | None, enhanced: str | None) -> bool:
    if wanted.enhanced and not (enhanced and (enhanced in wanted.enhanced or "X" + enhanced[1:] in wanted.enhanced)):
        return False
    if not (wanted.basic or wanted.classes):
        return True
    return str(reply_code) in wanted.basic or (str(reply_code)[0] if reply_code else (enhanced or " ")[0]) in wanted.classes


def recognised(bounce: Bounce, matched: list[int]) -> dict[str, str]:
    """The providers that this reply may come from, and by what: sign, host or domain."""
    signs = _index().signs
    out = {signs[number]: "sign" for number in matched if number in signs}
    for host in (bounce.receiver,) if bounce.receiver == bounce.remote_mta else (bounce.receiver, bounce.remote_mta):
        if host and (provider := provider_of_host(host)) and provider not in out:
            out[provider] = "host"
    if bounce.esp and bounce.esp in catalog().providers:
        out.setdefault(bounce.esp, "host")
    domain = (bounce.recipient or "").rpartition("@")[2].lower()
    if provider := _domains().get(domain):
        out.setdefault(provider, "domain")
    return out


def candidates(bounce: Bounce) -> tuple[list[Candidate], dict[str, str]]:
    """Every reading of a bounce, heaviest first, and the providers that were recognised. Pure.

    An equal weight is settled by the rule's name, so that the answer never depends on file order.
    """
    book, index = catalog(), _index()
    text = bounce.reply.text
    code, enhanced = bounce.reply.code, bounce.reply.enhanced or bounce.status
    octets = text.encode("utf-8", "replace")
    matched: list[int] = (index.fragments.Match(octets) or []) if text else []  # Match gives None for no match
    found = [wording for number in matched for wording in index.of_fragment[number]]
    if text and index.of_pattern:
        found += [index.of_pattern[number] for number in index.patterns.Match(octets) or ()]
    known = recognised(bounce, matched)
    best: dict[str, Candidate] = {}
    for rule, stage, provider, codes, unknown, of_known in found:
        if stage and stage != bounce.stage:
            continue
        fits = codes is not None and _fit(codes, code, enhanced)
        if codes is not None and not fits:
            continue
        one = (of_known if provider in known else unknown)[fits]
        if one is not None and (rule not in best or one.weight > best[rule].weight):
            best[rule] = one
    coded, registered = _of_codes(code, enhanced)
    out = [*best.values(), *(one for provider, of_known, unknown in coded if (one := of_known if provider in known else unknown)), *registered]
    if bounce.esp and (said := _said(bounce.esp, bounce.esp_terms)):
        out.append(said)
    if bounce.stage == "mail":
        out = [_of_the_sender(c, book) for c in out]
    out.sort(key=_rank)
    return out, known


def _rank(candidate: Candidate) -> tuple[int, str]:
    return -candidate.weight, candidate.name


def _of_the_sender(candidate: Candidate, book: Catalog) -> Candidate:
    """An address that is refused in reply to MAIL FROM is the sender's: no recipient was named yet (RFC 5321 section 3.3)."""
    if book.causes[candidate.cause].party is not Party.RECIPIENT_ADDRESS:
        return candidate
    return candidate._replace(cause="sender-address-invalid", rule=None)


def _weight(rule: Rule, length: int, fits: bool, known: bool) -> int | None:
    """The weight of a row whose words matched, or None where it does not hold. `fits`: it has codes, and they agree."""
    if (rule.codes and not fits) or (rule.hosts and not known):
        return None
    agreeing = AGREEING_CODE if fits and any("." in c for c in rule.codes) else 4 if fits else 0
    agreeing += AGREEING_CODE if rule.stage else 0
    length = min(length, LONGEST)
    if rule.weak:
        return min(SPECIFIC_CODE - 1, WEAK + length // 3 + agreeing // 2)
    base = GENERAL if rule.provider is None else PROVIDER_KNOWN if known else PROVIDER_TEXT
    return base + length + agreeing


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
    match = _searcher(candidate.pattern.encode()).search(text.encode())
    if match is None:
        return None, {}
    return match.span(), {} if wanted else {k.decode(): v.decode() for k, v in match.groupdict().items() if v}


def _code_keys(code: int | None, enhanced: str | None) -> Iterator[str]:
    if enhanced:
        yield enhanced
        yield "X" + enhanced[1:]
    if code:
        yield str(code)
        yield f"{code // 100}xx"


def _cause_of(row: CodeRow, four: bool) -> str:
    return row.cause4 if four and row.cause4 else row.cause


@lru_cache(maxsize=4096)  # there are not many pairs of codes, and none of a text's words is kept
def _of_codes(code: int | None, enhanced: str | None) -> tuple[tuple[tuple[str | None, Candidate | None, Candidate | None], ...], tuple[Candidate, ...]]:
    """What the codes alone say: rows that have no words (provider, where it is known, where it is not), and the registries."""
    book, index = catalog(), _index()
    marks = tuple(filter(None, (enhanced, str(code) if code else None)))
    coded = []
    for rule in {r.id: r for key in _code_keys(code, enhanced) for r in index.by_code.get(key, ())}.values():
        if not code_fits(rule.codes, code, enhanced):
            continue
        weight: int | None = WEAK if rule.weak else SPECIFIC_CODE + 1
        if rule.hosts:
            weight = None
        elif rule.provider and enhanced and book.enhanced(enhanced) is None:
            weight = VENDOR_CODE
        one = Candidate(rule.cause, "provider" if rule.provider else "general", rule.id, PROVIDER_CODE, None, rule, marks=marks)
        coded.append((rule.provider, one, one._replace(weight=weight) if weight is not None else None))
    return tuple(coded), tuple(_registered(book, code, enhanced))


def _registered(book: Catalog, code: int | None, enhanced: str | None) -> Iterator[Candidate]:
    four = (enhanced or str(code or ""))[:1] == "4"
    if enhanced and (row := book.enhanced(enhanced)):
        specific = row.strength == "specific"
        weight = SPECIFIC_CODE if specific else GENERIC_CODE
        yield Candidate(_cause_of(row, four), "specific" if specific else "generic", f"code {row.code}", weight, marks=(enhanced,))
    if row := book.basic(code):
        yield Candidate(_cause_of(row, four), "basic", f"code {row.code}", BASIC_CODE, marks=(str(code),))


@cache
def _vocabulary(esp: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """A service's own words for each cause, case-folded."""
    row = catalog().esps.get(esp)
    return tuple((cause, frozenset(w.casefold() for w in words.values())) for cause, words in row.equivalents.items()) if row else ()


def _said(esp: str, terms: tuple[str, ...]) -> Candidate | None:
    """What the service's words stand for. Words that stand for several causes say only hard or soft."""
    said = {word.casefold() for word in terms}
    causes = [cause for cause, words in _vocabulary(esp) if words <= said]
    return Candidate(causes[0], "esp", f"{esp} {'/'.join(terms)}", ESP_WORD) if len(causes) == 1 else None
