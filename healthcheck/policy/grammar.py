"""The grammar of an assertion, one comparison a line. Closed and hand-read: there is nothing that could be evaluated.

    assertion  =  path operator value
    path       =  name { "." name | "[]" }        [] stands for each element of a list, * for each key of a map
    name       =  letters, digits, "_", "-"  |  "*"  |  a string in quotes, for keys with dots in them
    operator   =  "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "contains"
    value      =  string | number | true | false | "[" [ value { "," value } ] "]"
    string     =  "…" or '…', with \\" \\' and \\\\
    number     =  digits, with "-" in front or a fraction behind

A path with [] or * has to be true of each element, and of one at least; for `contains` one of them has to be the value.
There is no `and` and no `or`: one line more says `and`, and `in` says most of what `or` is wanted for.

    parse(text) -> Line         raises Slip, with the place and what was expected
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from .facts import ANY, EACH, Fact, Segments, can_be_asserted, catalogue, joined, split

LONGEST = 500
OPERATORS = ("==", "!=", "<=", ">=", "<", ">", "in", "contains")
ORDERED = ("<", "<=", ">", ">=")
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<op>==|!=|<=|>=|<|>)
  | (?P<each>\[\](?!\s*$))
  | (?P<punct>[\[\],.*])
  | (?P<string>"(?:[^"\\]|\\["'\\])*"|'(?:[^'\\]|\\["'\\])*')
  | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
  | (?P<word>[A-Za-z0-9_-]+)
)""",
    re.VERBOSE,
)


class Slip(Exception):
    """A line that is no assertion. at: the column, from 1; expected: what could stand there."""

    def __init__(self, at: int, problem: str, expected: str) -> None:
        super().__init__(problem)
        self.at, self.problem, self.expected = at, problem, expected


@dataclass(frozen=True, slots=True)
class Line:
    """One assertion. path: its segments, with the names that same_as leads to; fact: the row of it."""

    text: str
    path: Segments
    operator: str
    value: Any
    fact: Fact

    @property
    def several(self) -> bool:
        """Does the path name several values?"""
        return EACH in self.path or ANY in self.path

    @property
    def topic(self) -> str:
        return self.path[0]


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(text: str) -> Line:
    """Read one assertion. Raises Slip. Pure.

    >>> line = parse('spf.lookups <= 10')
    >>> line.path, line.operator, line.value
    (('spf', 'lookups'), '<=', 10)
    """
    path, operator, value, at, places = read(text)
    fact = _fact(path, at)
    shown = fact
    if fact.same_as:
        path = split(fact.same_as)
        fact = catalogue().facts[fact.same_as]
        shown = replace(fact, path=shown.path)
    _fits(Line(text, path, operator, value, shown), places)
    return Line(text.strip(), path, operator, value, fact)


def read(text: str) -> tuple[Segments, str, Any, int, tuple[int, int]]:
    """The path, operator and value of a line by its form alone, the column of the path, and those of operator and value. Raises Slip. Pure."""
    if len(text) > LONGEST:
        raise Slip(LONGEST, f"the line is longer than {LONGEST} characters", "one comparison")
    tokens = _Tokens(text)
    at = tokens.peek().at
    path = _path(tokens)
    op = tokens.take()
    if op.kind != "op" and op.text not in ("in", "contains"):
        raise Slip(op.at, f"{_shown(op)} stands where the operator has to be", _operators(op.text))
    value_at = tokens.peek().at
    value = _value(tokens)
    left = tokens.peek()
    if left.kind != "end":
        also = "one comparison a line: write a second line for “and”" if left.text in ("and", "or", "&&", "||") else "the end of the line"
        raise Slip(left.at, f"{_shown(left)} stands behind the comparison", also)
    return path, op.text, value, at, (op.at, value_at)


def _operators(text: str) -> str:
    near = {"=": "==", "is": "==", "eq": "==", "===": "==", "<>": "!=", "=<": "<=", "=>": ">=", "has": "contains", "includes": "contains"}.get(text)
    return f"{near}" if near else f"one of {' '.join(OPERATORS)}"


class _Tokens:
    def __init__(self, text: str) -> None:
        self._held = list(self._read(text))
        self._next = 0

    def _read(self, text: str) -> Iterator[_Token]:
        at = 0
        end = len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise self._strange(text, at)
            kind = str(found.lastgroup)
            yield _Token(kind, found[kind], found.start(kind) + 1)
            at = found.end()
        yield _Token("end", "", end + 1)

    @staticmethod
    def _strange(text: str, at: int) -> Slip:
        if text[at] in "\"'":
            return Slip(at + 1, "this string is not closed", f"a second {text[at]}; inside a string only \\\" \\' and \\\\ are escapes")
        if text[at] in "“”„‘’":
            return Slip(at + 1, f"{text[at]} is a curly quote", "a straight one, \" or '")
        if text[at] == "=":
            return Slip(at + 1, "a single = compares nothing", "==")
        return Slip(at + 1, f"{text[at]} has no meaning here", "a path, an operator and a value, as in spf.lookups <= 10")

    def peek(self) -> _Token:
        return self._held[self._next]

    def take(self) -> _Token:
        token = self._held[self._next]
        if token.kind != "end":
            self._next += 1
        return token


def _shown(token: _Token) -> str:
    return "the end of the line" if token.kind == "end" else f"“{token.text[:40]}”"


def _path(tokens: _Tokens) -> Segments:
    out: list[str] = []
    while True:
        token = tokens.take()
        if token.kind == "string":
            out.append(_unquoted(token.text))
        elif token.kind in ("word", "number") or token.text == ANY:
            # a key that is all digits and dots was read as one number: 192.0
            out += token.text.split(".") if token.kind == "number" else [token.text]
        else:
            raise Slip(token.at, f"{_shown(token)} stands where a path has to be", "a path, as in spf.lookups")
        while tokens.peek().kind == "each":
            tokens.take()
            out.append(EACH)
        if tokens.peek().text != ".":
            return tuple(out)
        tokens.take()


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _value(tokens: _Tokens, depth: int = 0) -> Any:
    token = tokens.take()
    if token.kind == "string":
        return _unquoted(token.text)
    if token.kind == "number":
        return float(token.text) if "." in token.text else int(token.text)
    if token.text in ("true", "false"):
        return token.text == "true"
    if token.text == "[" and depth == 0:
        return _list(tokens)
    expected = "a string in quotes, a number, true, false, or a list in [ ]"
    if token.kind == "word":
        wrong = {"True": "true", "False": "false", "TRUE": "true", "FALSE": "false", "yes": "true", "no": "false"}.get(token.text)
        raise Slip(token.at, f"“{token.text[:40]}” is no value", wrong or f'"{token.text[:40]}" in quotes, a number, true, false, or a list in [ ]')
    raise Slip(token.at, f"{_shown(token)} stands where the value has to be", expected)


def _list(tokens: _Tokens) -> list[Any]:
    out: list[Any] = []
    while tokens.peek().text != "]":
        out.append(_value(tokens, 1))
        token = tokens.peek()
        if token.text == ",":
            tokens.take()
        elif token.text != "]":
            raise Slip(token.at, f"{_shown(token)} stands in a list", "a comma, or ] at its end")
    tokens.take()
    return out


# ------------------------------------------------------------------ what goes together


def _fact(path: Segments, at: int) -> Fact:
    known = catalogue()
    fact = known.row(path)
    name = joined(path)
    if fact is None:
        near = known.nearest(path)
        told = "one of the paths of `healthcheck facts`" + (f". Did you mean {' or '.join(near)}?" if near else "")
        inner = known.row(path[:2])
        if inner is not None and inner.kind.startswith("map of") and len(path) > 3 and known.row((*path[:2], ANY, path[-1])) is not None:
            told = f"the key in quotes where it has dots in it: {joined((*path[:2], '.'.join(path[2:-1]), path[-1]))}"
        raise Slip(at, f"there is no fact “{name[:80]}”", told)
    if fact.same_as or can_be_asserted(fact):
        return fact
    below = [f.path for f in known.facts.values() if f.path.startswith(f"{fact.path}.") or f.path.startswith(f"{fact.path}[]")][:3]
    listed = f"one of its fields, as in {', '.join(below)}" if below else "another fact"
    raise Slip(at, f"“{name[:80]}” is {_a(fact.kind)}, which is not compared", listed)


def _a(kind: str) -> str:
    return ("an " if kind[0] in "aeiou" else "a ") + kind


def _fits(line: Line, places: tuple[int, int]) -> None:
    """Whether operator and value suit the type of the fact. Raises Slip."""
    fact, op, value = line.fact, line.operator, line.value
    at_op, at_value = places
    listed = fact.kind == "list of strings"
    if op in ORDERED and fact.kind not in ("integer", "time"):
        raise Slip(at_op, f"{fact.path} is {_a(fact.kind)}, which {op} does not order", "== != in contains" if listed or fact.kind == "string" else "== or !=")
    if op == "contains":
        if fact.kind not in ("string", "list of strings") and not line.several:
            raise Slip(at_op, f"{fact.path} is {_a(fact.kind)}, which contains nothing", "== != in")
        _of(fact, value, at_value, inside=True)
        if fact.kind == "string" and line.several:
            _word(fact, value, at_value)
        return
    if op == "in" and not isinstance(value, list):
        raise Slip(at_value, "“in” looks for the fact in a list", f"a list, as in {fact.path} in [{_sample(fact)}, …]")
    if op != "in" and isinstance(value, list) != listed:
        raise Slip(at_value, f"{fact.path} is {_a(fact.kind)}", "a list of strings; `contains` asks for one of them" if listed else _sample(fact))
    if op == "in" and listed:
        raise Slip(at_op, f"{fact.path} is a list", "contains, which asks whether the list holds a value")
    if op == "in" and not value:
        raise Slip(at_value, "the list is empty, so that nothing is in it", "a value at least")
    for one in value if isinstance(value, list) else [value]:
        _of(fact, one, at_value, inside=listed)
        _word(fact, one, at_value)


def _of(fact: Fact, value: Any, at: int, *, inside: bool = False) -> None:
    kind = "string" if inside and fact.kind in ("string", "list of strings") else fact.kind
    right = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": isinstance(value, int | float) and not isinstance(value, bool),
        "time": isinstance(value, str) and moment(value) is not None,
    }.get(kind, isinstance(value, list))
    if not right:
        raise Slip(at, f"{fact.path} is {_a(fact.kind)}, and {_told(value)} is none", _sample(fact))


def _word(fact: Fact, value: Any, at: int) -> None:
    """Whether a string can ever be the value. Raises Slip."""
    if not fact.words or not isinstance(value, str):
        return
    sure = [word for word in fact.words if word not in fact.unsure]
    if value in fact.unsure:
        raise Slip(at, f"{fact.path} is “{value}” where it could not be told, and the assertion is unknown then", f"one of {_all(sure)}")
    if value not in sure:
        near = difflib.get_close_matches(value.lower(), sure, 1)
        raise Slip(at, f"{fact.path} is never “{value[:40]}”", f"one of {_all(sure)}" + (f". Did you mean “{near[0]}”?" if near else ""))


def _all(words: list[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _told(value: Any) -> str:
    return (
        str(value).lower() if isinstance(value, bool) else f'"{value[:40]}"' if isinstance(value, str) else "a list" if isinstance(value, list) else str(value)
    )


def _sample(fact: Fact) -> str:
    if fact.words:
        return f"one of {_all([word for word in fact.words if word not in fact.unsure])}"
    return {"string": 'a string, as in "example.com"', "boolean": "true or false", "integer": "a number", "time": 'a date, as in "2027-01-31"'}.get(
        fact.kind, "a list"
    )


def moment(text: str) -> datetime | None:
    """A date or time as it is written in ISO 8601, in UTC where it does not say. Pure.

    >>> moment("2027-01-31").isoformat()
    '2027-01-31T00:00:00+00:00'
    """
    from datetime import UTC

    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
