"""The index of the knowledge base's wordings: one automaton over every fragment, patterns by the words that they need, rules by their codes.

    index()     -> Index     of the catalog, once a process; what took time of it is kept from one run to the next (kept.py)
    prepare()                builds what the first few texts can do without

Rows are spelled out when a text first needs them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import re2
from ahocorasick_rs import BytesAhoCorasick

from ..catalog import Catalog, Rule, catalog, sources
from ..kept import kept
from .needs import Need, needs
from .weights import Candidate, Codes, sorted_codes, source_of, weight_of

_HERE = Path(__file__).parent
FEW, SHORT = 8, 2048  # texts, and octets of one, that are looked through without the automaton

K = TypeVar("K")
V = TypeVar("V")


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


class _Made(dict[K, V]):
    """A mapping whose values are made when they are first asked for: a process that reads one reply needs a hundred of ten thousand."""

    def __init__(self, kept: Any, make: Callable[[Any], V]) -> None:
        super().__init__()
        self._kept, self._make = kept, make

    def __missing__(self, key: K) -> V:
        return self.setdefault(key, self._make(self._kept[key]))  # of two threads the first one's, so that a Form is one object


class _Finder:
    """Where words occur in a text: all of them in one pass of an automaton. Building that takes as long as looking for each word alone in some
    twenty short texts, so that whoever has a single reply is answered without it."""

    def __init__(self, words: list[bytes]) -> None:
        self._words = words
        self._alone = FEW
        self._automaton: BytesAhoCorasick | None = None

    def find(self, text: bytes) -> list[tuple[int, int, int]]:
        """(number of a word, where it begins, where it ends) of every occurrence, in no order."""
        if self._automaton is None and self._alone and len(text) <= SHORT:
            self._alone -= 1
            return list(self._one_by_one(text))
        found: list[tuple[int, int, int]] = self.built().find_matches_as_indexes(text, overlapping=True)
        return found

    def built(self) -> BytesAhoCorasick:
        if self._automaton is None:
            self._automaton = BytesAhoCorasick(self._words)
        return self._automaton

    def _one_by_one(self, text: bytes) -> Iterator[tuple[int, int, int]]:
        for number, word in enumerate(self._words):
            start = text.find(word)
            while start >= 0:
                yield number, start, start + len(word)
                start = text.find(word, start + 1)


class _Kept(NamedTuple):
    """The index as it is kept from one run to the next: rows of the knowledge base and patterns by their numbers."""

    words: list[bytes]
    whole: frozenset[int]
    rows: dict[int, tuple[tuple[int, str], ...]]  # (number of a rule, its fragment)
    signs: dict[int, str]
    met: dict[int, int]
    forms: list[tuple[int, int, int, int]]  # number of a rule, length that weighs, needs, reach
    tries: dict[int, tuple[int, ...]]
    always: tuple[int, ...]
    by_code: dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Index:
    words: _Finder  # fragments, signs and needed words, case-folded
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


def fragment(text: str) -> str:
    """The pattern of a row's `text`: any white space for a space, and no digit before or after a digit."""
    out = r"\s+".join(re2.escape(word) for word in text.split(" "))
    return (r"\b" if text[0].isdigit() else "") + out + (r"\b" if text[-1].isdigit() else "")


def _literal(pattern: str) -> int:
    """How many characters of a pattern are literal, roughly: what stands outside groups, classes and escapes."""
    bare = re2.sub(r"\(\?P<\w+>|\[[^\]]*\]|\\.|[.*+?(){}|^$]|\{\d*,?\d*\}", "", pattern)
    return len(bare)


@cache
def index() -> Index:
    book = catalog()
    files = (*sources(), *(_HERE / name for name in ("index.py", "needs.py", "weights.py")))
    made = _opened(book, kept("index", files, lambda: build(book)))
    gc.freeze()  # it lives as long as the process: no collection needs to walk through it
    return made


def prepare() -> None:
    """Build what the first answers can do without, so that none of the later ones waits for it."""
    index().words.built()


def _opened(book: Catalog, index: _Kept) -> Index:
    """The index with what its numbers stand for."""

    def form(kept: tuple[int, int, int, int]) -> Form:
        number, length, needed, reach = kept
        rule = book.rules[number]
        return Form(rule.pattern or "", needed, reach, _wording(rule, rule.pattern or "", "", length))

    def wording(kept: tuple[int, str]) -> Wording:
        number, text = kept
        return _wording(book.rules[number], fragment(text), text, len(text))

    forms: _Made[int, Form] = _Made(index.forms, form)
    return Index(
        words=_Finder(index.words),
        whole=index.whole,
        rows=_Made(index.rows, lambda some: tuple(map(wording, some))),
        fragments=frozenset(index.rows),
        triers=frozenset(index.tries),
        needers=frozenset(index.met),
        signs=index.signs,
        signed=frozenset(index.signs),
        met=index.met,
        tries=_Made(index.tries, lambda some: tuple(map(forms.__getitem__, some))),
        always=tuple(map(forms.__getitem__, index.always)),
        by_code={code: tuple(map(book.rules.__getitem__, some)) for code, some in index.by_code.items()},
    )


class _Words:
    """The words of the automaton, as they are collected: one keeps its number."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, bool], int] = {}

    def number(self, word: str, whole: bool = False) -> int:
        return self.numbers.setdefault((word.lower(), whole and (word[0].isdigit() or word[-1].isdigit())), len(self.numbers))


def build(book: Catalog) -> _Kept:
    """Index every wording of a knowledge base. 0.8 s for three thousand rows, where no run before has kept it."""
    words = _Words()
    rows: dict[int, list[tuple[int, str]]] = {}
    met: dict[int, int] = {}
    forms: list[tuple[int, int, int, int]] = []
    tries: dict[int, list[int]] = {}
    numbered: dict[Need, int] = {}
    always: list[int] = []
    by_code: dict[str, list[int]] = {}
    for number, rule in enumerate(book.rules):
        for text in rule.text:
            rows.setdefault(words.number(text, True), []).append((number, text))
        if not rule.text and not rule.pattern:
            for code in rule.codes:
                by_code.setdefault(code, []).append(number)
    signs = {words.number(sign, True): provider.id for provider in book.providers.values() for sign in provider.signs}
    for number, rule in enumerate(book.rules):
        if not rule.pattern:
            continue
        length = rule.length or _literal(rule.pattern)
        wording, wanted = _wording(rule, rule.pattern, "", length), needs(rule.pattern)
        for need in wanted:
            bit = numbered.setdefault(need, 1 << len(numbered))
            for word in need:
                met[words.number(word)] = met.get(words.number(word), 0) | bit
        reach = max(one.weight for one in (*wording.unknown, *wording.known) if one)
        for word in wanted[0] if wanted else ():
            tries.setdefault(words.number(word), []).append(len(forms))
        if not wanted:
            always.append(len(forms))
        forms.append((number, length, sum(numbered[need] for need in wanted), reach))

    def reach_of(one: int) -> int:
        return -forms[one][-1]

    return _Kept(
        words=[word.encode() for word, _ in words.numbers],
        whole=frozenset(number for (_, whole), number in words.numbers.items() if whole),
        rows=_tuples(rows),
        signs=signs,
        met=met,
        forms=forms,
        tries={number: tuple(sorted(some, key=reach_of)) for number, some in tries.items()},
        always=tuple(sorted(always, key=reach_of)),
        by_code=_tuples(by_code),
    )


def _tuples(lists: Mapping[K, list[V]]) -> dict[K, tuple[V, ...]]:
    return {key: tuple(values) for key, values in lists.items()}


def _wording(rule: Rule, pattern: str, text: str, length: int) -> Wording:
    def pair(known: bool) -> tuple[Candidate | None, Candidate | None]:
        return tuple(  # type: ignore[return-value]
            None if weight is None else Candidate(rule.cause, source_of(rule), rule.id, weight, None, rule, pattern, text)
            for weight in (weight_of(rule, length, fits, known) for fits in (False, True))
        )

    return Wording(rule.id, rule.stage, rule.provider, sorted_codes(rule.codes) if rule.codes else None, pair(False), pair(True))
