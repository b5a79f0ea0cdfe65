"""Which rows of the knowledge base speak about a reply: one `re2.Set` over every wording, an index over every code.

A candidate's weight is computed from how specific it is, never from where its row stands in a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reading of a reply: the cause, what speaks for it, and the words it rests on."""

    cause: str
    source: str  # provider | general | weak | specific | esp | generic | basic
    name: str  # the rule's id, or "code X.7.1", "code 550"
    weight: int
    span: tuple[int, int] | None = None
    rule: Rule | None = None
    groups: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Index:
    set: Any  # re2.Set
    owners: tuple[tuple[Rule, int], ...]  # pattern number -> its rule, and the length of its literal
    searchers: tuple[str, ...]  # pattern number -> the pattern
    by_code: Mapping[str, tuple[Rule, ...]]  # rules that have codes and no words
    signs: Mapping[int, str]  # pattern number -> provider


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
    wordings = re2.Set.SearchSet(_options())
    owners: list[tuple[Rule, int]] = []
    patterns: list[str] = []
    by_code: dict[str, list[Rule]] = {}
    for rule in book.rules:
        own = [(fragment(text), len(text)) for text in rule.text]
        if rule.pattern:
            own.append((rule.pattern, _literal(rule.pattern)))
        for pattern, length in own:
            wordings.Add(pattern)
            patterns.append(pattern)
            owners.append((rule, length))
        if not own:
            for code in rule.codes:
                by_code.setdefault(code, []).append(rule)
    signs: dict[int, str] = {}
    for provider in book.providers.values():
        for sign in provider.signs:
            wordings.Add(fragment(sign))
            signs[len(patterns)] = provider.id
            patterns.append(fragment(sign))
            owners.append((book.rules[0], 0))
    wordings.Compile()
    return _Index(wordings, tuple(owners), tuple(patterns), {k: tuple(v) for k, v in by_code.items()}, signs)


@cache
def _searcher(pattern: str) -> Any:
    return re2.compile(pattern, options=_options())


@cache
def _hosts() -> tuple[tuple[str, str], ...]:
    """(suffix, provider), longest suffix first."""
    pairs = [(host.lstrip("."), p.id) for p in catalog().providers.values() for host in p.hosts]
    return tuple(sorted(pairs, key=lambda pair: -len(pair[0])))


@cache
def _domains() -> Mapping[str, str]:
    return {domain: p.id for p in catalog().providers.values() for domain in p.domains}


def provider_of_host(host: str | None) -> str | None:
    """The provider whose servers carry this name, or None."""
    if not host:
        return None
    name = host.lower().rstrip(".")
    if name in catalog().providers:
        return name
    return next((p for suffix, p in _hosts() if name == suffix or name.endswith("." + suffix)), None)


def code_fits(codes: tuple[str, ...], reply_code: int | None, enhanced: str | None) -> bool | None:
    """Whether a row's `codes` hold: None where the row has none. Each kind that it names has to match.

    >>> code_fits(("X.7.26", "5xx"), 550, "5.7.26")
    True
    """
    if not codes:
        return None
    wanted_enhanced = [c for c in codes if "." in c]
    wanted_basic = [c for c in codes if "." not in c]
    digit = str(reply_code)[0] if reply_code else (enhanced or " ")[0]
    if wanted_enhanced and not (enhanced and (enhanced in wanted_enhanced or "X" + enhanced[1:] in wanted_enhanced)):
        return False
    return not wanted_basic or any(c == str(reply_code) or (c.endswith("xx") and c[0] == digit) for c in wanted_basic)


def recognised(bounce: Bounce, matched: Iterator[int] | tuple[int, ...]) -> dict[str, str]:
    """The providers that this reply may come from, and by what: sign, host or domain."""
    out: dict[str, str] = {}
    for number in matched:
        if provider := _index().signs.get(number):
            out[provider] = "sign"
    for host in (bounce.receiver, bounce.remote_mta):
        if (provider := provider_of_host(host)) and provider not in out:
            out[provider] = "host"
    if bounce.esp and bounce.esp in catalog().providers:
        out.setdefault(bounce.esp, "host")
    domain = (bounce.recipient or "").rpartition("@")[2].lower()
    if provider := _domains().get(domain):
        out.setdefault(provider, "domain")
    return out


def candidates(bounce: Bounce) -> tuple[list[Candidate], dict[str, str]]:
    """Every reading of a bounce, heaviest first, and the providers that were recognised. Pure.

    An equal weight is settled by the longer match, then by the rule's name, so that the answer never depends on file order.
    """
    book, index = catalog(), _index()
    text = bounce.reply.text
    code, enhanced = bounce.reply.code, bounce.reply.enhanced or bounce.status
    matched = tuple(index.set.Match(text) or ()) if text else ()  # Match gives None for no match
    known = recognised(bounce, matched)
    best: dict[str, tuple[int, int]] = {}  # rule id -> (weight, pattern number)
    for number in matched:
        if number in index.signs:
            continue
        rule, length = index.owners[number]
        if rule.stage and rule.stage != bounce.stage:
            continue
        weight = _weight(rule, length, code_fits(rule.codes, code, enhanced), rule.provider in known)
        if weight is not None and weight > best.get(rule.id, (0, 0))[0]:
            best[rule.id] = (weight, number)
    out = [_worded(index, number, weight, text) for weight, number in best.values()]
    for rule in {r.id: r for key in _code_keys(code, enhanced) for r in index.by_code.get(key, ())}.values():
        if not code_fits(rule.codes, code, enhanced):
            continue
        if rule.provider in known:
            weight = PROVIDER_CODE
        elif rule.hosts:
            continue
        elif rule.provider and enhanced and book.enhanced(enhanced) is None:
            weight = VENDOR_CODE
        else:
            weight = WEAK if rule.weak else SPECIFIC_CODE + 1
        out.append(Candidate(rule.cause, "provider" if rule.provider else "general", rule.id, weight, _code_span(text, code, enhanced), rule))
    out += _registered(bounce, book, code, enhanced)
    if bounce.stage == "mail":
        out = [_of_the_sender(c, book) for c in out]
    out.sort(key=lambda c: (-c.weight, c.name))
    return out, known


def _of_the_sender(candidate: Candidate, book: Catalog) -> Candidate:
    """An address that is refused in reply to MAIL FROM is the sender's: no recipient was named yet (RFC 5321 section 3.3)."""
    if book.causes[candidate.cause].party is not Party.RECIPIENT_ADDRESS:
        return candidate
    return replace(candidate, cause="sender-address-invalid", rule=None)


def _weight(rule: Rule, length: int, fits: bool | None, known: bool) -> int | None:
    """The weight of a row whose words matched, or None where it does not hold."""
    if fits is False or (rule.hosts and not known):
        return None
    agreeing = AGREEING_CODE if fits and any("." in c for c in rule.codes) else 4 if fits else 0
    agreeing += AGREEING_CODE if rule.stage else 0
    length = min(length, LONGEST)
    if rule.weak:
        return min(SPECIFIC_CODE - 1, WEAK + length // 3 + agreeing // 2)
    base = GENERAL if rule.provider is None else PROVIDER_KNOWN if known else PROVIDER_TEXT
    return base + length + agreeing


def _worded(index: _Index, number: int, weight: int, text: str) -> Candidate:
    rule = index.owners[number][0]
    match = _searcher(index.searchers[number]).search(text)
    groups = {k: v for k, v in match.groupdict().items() if v} if match and rule.pattern else None
    source = "weak" if rule.weak else "provider" if rule.provider else "general"
    return Candidate(rule.cause, source, rule.id, weight, match.span() if match else None, rule, groups)


def _code_keys(code: int | None, enhanced: str | None) -> Iterator[str]:
    if enhanced:
        yield enhanced
        yield "X" + enhanced[1:]
    if code:
        yield str(code)
        yield f"{code // 100}xx"


def _code_span(text: str, code: int | None, enhanced: str | None) -> tuple[int, int] | None:
    """Where the code stands in the text, enhanced before basic."""
    for wanted in filter(None, (enhanced, str(code) if code else None)):
        if (at := text.find(wanted)) >= 0:
            return at, at + len(wanted)
    return None


def _cause_of(row: CodeRow, four: bool) -> str:
    return row.cause4 if four and row.cause4 else row.cause


def _registered(bounce: Bounce, book: Catalog, code: int | None, enhanced: str | None) -> Iterator[Candidate]:
    text = bounce.reply.text
    four = (enhanced or str(code or ""))[:1] == "4"
    if row := book.enhanced(enhanced):
        specific = row.strength == "specific"
        yield Candidate(
            _cause_of(row, four),
            "specific" if specific else "generic",
            f"code {row.code}",
            SPECIFIC_CODE if specific else GENERIC_CODE,
            _code_span(text, None, enhanced),
        )
    if row := book.basic(code):
        yield Candidate(_cause_of(row, four), "basic", f"code {row.code}", BASIC_CODE, _code_span(text, code, None))
    if bounce.esp and bounce.esp in book.esps:
        said = {word.casefold() for word in bounce.esp_terms}
        causes = [c for c, words in book.esps[bounce.esp].equivalents.items() if {w.casefold() for w in words.values()} <= said]
        if len(causes) == 1:  # words that stand for several causes say only hard or soft
            yield Candidate(causes[0], "esp", f"{bounce.esp} {'/'.join(bounce.esp_terms)}", ESP_WORD, None)
