"""Which words a text has to contain before a pattern can match it, so that few patterns are tried on a text.

`re2.Filter` does the same, but looks for its words with 8 MB of states, which a thousand patterns in a dozen languages overrun: it then
spends its time building them anew. These words go into the one `re2.Set` of the fragments instead, which has room.
"""

from __future__ import annotations

import re
from itertools import product
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

SHORTEST = 3  # octets of a word that is worth looking for
MOST_EXACT = 48  # strings that one piece of a pattern may stand for, spelled out
MOST_WORDS = 64  # alternatives that one requirement may have
MOST_NEEDS = 3  # requirements that are checked of a pattern

Need = frozenset[str]  # one of these has to occur; a space stands for any white space
_Exact = frozenset[str] | None  # every string that a piece matches, white space as one space; None: too many to spell out
_EMPTY: _Exact = frozenset({""})
_LETTERS = re.compile(r"\\p(?:[LN]|\{L\w?\}|\{N\w?\})")  # RE2's letters and digits, which the standard library writes \w


def needs(pattern: str) -> tuple[Need, ...]:
    """The requirements of an RE2 pattern, the strictest first: of each, one word has to occur in a text that matches.

    Necessary, never sufficient: a text that holds the words may still not match. Empty where nothing can be required, and for syntax that the
    standard library's parser does not know. Lower case; to be looked for without regard to case. Pure; about 1 ms.

    >>> [sorted(need) for need in needs(r"(?s)\\b(?:mailbox|inbox)\\b.{0,40}\\bfull\\b")]
    [['inbox', 'mailbox'], ['full']]
    """
    try:
        exact, found = _sequence(_parser.parse(_LETTERS.sub(r"\\w", pattern)))
    except (ValueError, OverflowError, _parser.error):
        return ()
    if exact is not None:
        found = [*found, exact]
    good = {need for need in found if need and len(need) <= MOST_WORDS and min(map(_worth, need)) >= SHORTEST}
    return tuple(sorted(good, key=_strictness)[:MOST_NEEDS])


def _worth(word: str) -> int:
    return SHORTEST if word == "@" else len(word.strip().encode())  # half of all replies quote no address


def _sequence(nodes: Any) -> tuple[_Exact, list[Need]]:
    """Pieces one after another: what they spell together as long as that is little, else what each needs."""
    run: _Exact = _EMPTY
    whole = True
    found: list[Need] = []
    for kind, value in nodes:
        exact, inner = _node(kind, value)
        found += inner
        joined = run is not None and exact is not None and len(run) * len(exact) <= MOST_EXACT
        if joined:
            run = frozenset((a + b).replace("  ", " ") for a, b in product(run or (), exact or ()))
            continue
        whole = False
        if run is not None:
            found.append(run)
        run = exact if exact is not None else _EMPTY
    if whole:
        return run, found
    if run is not None:
        found.append(run)
    return None, found


def _node(kind: Any, value: Any) -> tuple[_Exact, list[Need]]:
    if kind is op.LITERAL:
        return frozenset({" " if chr(value).isspace() else chr(value).lower()}), []
    if kind is op.AT:
        return _EMPTY, []
    if kind is op.IN:
        return _characters(value), []
    if kind is op.SUBPATTERN:
        return _sequence(value[-1])
    if kind is op.BRANCH:
        return _branches([_sequence(branch) for branch in value[1]])
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
        return _repeat(*value)
    return None, []


def _characters(members: Any) -> _Exact:
    if list(members) == [(op.CATEGORY, op.CATEGORY_SPACE)]:
        return frozenset({" "})
    if len(members) <= 4 and all(kind is op.LITERAL for kind, _ in members):
        return frozenset(" " if chr(value).isspace() else chr(value).lower() for _, value in members)
    return None


def _repeat(least: int, most: Any, nodes: Any) -> tuple[_Exact, list[Need]]:
    exact, found = _sequence(nodes)
    if exact == frozenset({" "}):
        return (exact if least else frozenset({"", " "})), []
    if exact is not None and most == 1:
        return (exact if least else exact | {""}), found if least else []
    if not least:
        return None, []
    return None, found + ([exact] if exact is not None else [])


def _branches(branches: list[tuple[_Exact, list[Need]]]) -> tuple[_Exact, list[Need]]:
    """Alternatives: all spelled out where each is, else one need that takes the best of each."""
    if all(exact is not None for exact, _ in branches):
        together = frozenset().union(*(exact or () for exact, _ in branches))
        if len(together) <= MOST_EXACT:
            return together, []
    best: list[list[Need]] = []
    for exact, found in branches:
        choices = {need for need in [*found, *([exact] if exact is not None else [])] if need and min(map(_worth, need)) >= SHORTEST}
        if not choices:
            return None, []
        best.append(sorted(choices, key=_strictness))
    # the strictest of each branch is one need, the next of each another; a branch that has no more lends its strictest
    return None, [frozenset().union(*(own[n] if n < len(own) else own[0] for own in best)) for n in range(min(MOST_NEEDS, max(map(len, best))))]


def _strictness(need: Need) -> tuple[int, int, list[str]]:
    return -min(*map(_worth, need), 6), len(need), sorted(need)
