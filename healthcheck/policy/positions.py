"""Where each key and each value of a TOML file stands. The standard library's reader gives no lines; this one gives nothing else. Pure.

It is for a text that tomllib has read: what is wrong with a text is told by tomllib, and this reader stops quietly where it does not follow.
Standard: TOML 1.0.0.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

Place = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]\}\n#]+")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def lines_of(text: str) -> Mapping[Place, int]:
    """The line, from 1, of each table, key and element of an array. Pure; never raises.

    >>> lines_of('a = 1\\n[[domain]]\\nassert = [\\n  "x",\\n]')[("domain", 0, "assert", 0)]
    4
    """
    reader = _Reader(text)
    with contextlib.suppress(IndexError, ValueError):  # a text that tomllib does not take either
        reader.read()
    return reader.lines


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[Place, int] = {}
        self._counts: dict[Place, int] = {}
        self._counted = (0, 1)  # an offset, and its line

    @property
    def line(self) -> int:
        at, number = self._counted
        number += self.text.count("\n", at, self.at)
        self._counted = (self.at, number)
        return number

    def read(self) -> None:
        table: Place = ()
        while True:
            self._skip(_BLANK)
            if self.at >= len(self.text):
                return
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()

    def _header(self) -> Place:
        line = self.line
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        keys = self._key()
        self.at = self.text.index("]", self.at) + (2 if array else 1)
        place = self._within(keys[:-1])
        place = (*place, keys[-1])
        if array:
            number = self._counts.get(place, 0)
            self._counts[place] = number + 1
            self.lines.setdefault(place, line)
            place = (*place, number)
        elif place in self._counts:
            place = (*place, self._counts[place] - 1)
        self.lines.setdefault(place, line)
        return place

    def _within(self, keys: list[str]) -> Place:
        """A dotted name in a header: through an array of tables it leads into the last of them."""
        place: Place = ()
        for key in keys:
            place = (*place, key)
            if place in self._counts:
                place = (*place, self._counts[place] - 1)
        return place

    def _key(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip(_SPACE)
            if self.text[self.at] in "\"'":
                keys.append(self._string())
            else:
                found = _BARE.match(self.text, self.at)
                if found is None:
                    raise ValueError
                keys.append(found[0])
                self.at = found.end()
            self._skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _pair(self, table: Place) -> None:
        line = self.line
        keys = self._key()
        if self.text[self.at] != "=":
            raise ValueError
        self.at += 1
        place = table
        for key in keys:
            place = (*place, key)
            self.lines.setdefault(place, line)
        self._skip(_SPACE)
        self._value(place)

    def _value(self, place: Place) -> None:
        first = self.text[self.at]
        if first in "\"'":
            self._string()
        elif first == "[":
            self._array(place)
        elif first == "{":
            self._inline(place)
        else:
            self._skip(_SCALAR)

    def _array(self, place: Place) -> None:
        self.at += 1
        number = 0
        while True:
            self._skip(_BLANK)
            if self.text[self.at] == "]":
                self.at += 1
                return
            self.lines[(*place, number)] = self.line
            self._value((*place, number))
            number += 1
            self._skip(_BLANK)
            if self.text[self.at] == ",":
                self.at += 1

    def _inline(self, place: Place) -> None:
        self.at += 1
        while True:
            self._skip(_BLANK)
            if self.text[self.at] == "}":
                self.at += 1
                return
            self._pair(place)
            self._skip(_BLANK)
            if self.text[self.at] == ",":
                self.at += 1

    def _string(self) -> str:
        quote = self.text[self.at]
        if self.text.startswith(quote * 3, self.at):
            return self._long(quote)
        self.at += 1
        out: list[str] = []
        while (char := self.text[self.at]) != quote:
            if char == "\n":
                raise ValueError
            if char == "\\" and quote == '"':
                self.at += 1
                char = _ESCAPES.get(self.text[self.at], self.text[self.at])
            out.append(char)
            self.at += 1
        self.at += 1
        return "".join(out)

    def _long(self, quote: str) -> str:
        begin = self.at + 3
        at = begin
        while not self.text.startswith(quote * 3, at):
            at += 2 if self.text[at] == "\\" and quote == '"' else 1
        while self.text.startswith(quote, at + 3):  # up to two quotes may stand before the closing three
            at += 1
        self.at = at + 3
        return self.text[begin:at]
