"""The JSON objects of a stream, one by one, whatever stands between them: lines, an array, an array within an object, objects in a row. RFC 8259.

Memory holds one object, and what was read ahead. What is no object is told, and reading goes on at the next line that begins like one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from . import Told
from .tables import text_of

LARGEST = 8 << 20  # octets of one object, after which it is none, or a list of many
AHEAD = 1 << 18
_WRAPPED = re.compile(
    r"""\s*\{[^\[]{0,4000}?"(?:events|items|results|Bounces|bounces|Records|records|data|Messages|messages|SuppressedDestinationSummaries)"\s*:\s*\["""
)
_BEGINS = re.compile(r"\n[ \t]*([{\[])")
_BETWEEN = " \t\r\n,;]\x1e\ufeff"


def objects(blocks: Callable[[], bytes], told: Told, line: int = 1, lines: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, object) of everything in a stream; `blocks` gives the next octets, b"" at the end.

    line: the number of the first line; lines: whether every object is known to stand on a line of its own.
    """
    return iter(_Pieces(blocks, told, line, lines))


class _Pieces:
    """The text that was read ahead, how far it was taken, and the number of the line there."""

    def __init__(self, blocks: Callable[[], bytes], told: Told, line: int, lines: bool) -> None:
        self._blocks, self._told = blocks, told
        self._text, self._at, self._line, self._first = "", 0, line, line
        self._rest = b""  # the start of a line, or of a character, whose end was not read yet
        self._ended = False
        self._inside = False  # of the list of an object that is too large to be taken whole
        self._lines = lines  # one object a line, so far
        self._decoder = json.JSONDecoder(strict=False)

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        while self._begin():
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as fault:
                broken = not isinstance(fault, json.JSONDecodeError) or self._malformed(fault)
                if not broken and self._longer():
                    continue
                self._told.rows += 1
                self._told.trouble(self._line, "cut" if self._ended and not broken else "json")
                self._skip()
                continue
            start = self._line
            self._forward(end)
            alone = start == self._line and (end >= len(self._text) or self._text[end] in "\r\n")
            self._lines = alone and (self._lines or start == self._first)
            if isinstance(value, dict):
                yield start, value
            else:
                self._told.rows += 1
                self._told.trouble(start, "json")

    def _begin(self) -> bool:
        """Goes to where the next object begins. False at the end."""
        while True:
            if len(self._text) - self._at < 1024 and not self._ended:
                self._more(AHEAD)
            text, at = self._text, self._at
            while at < len(text) and text[at] in _BETWEEN:
                if self._inside and text[at] == "]":  # the list is over; what follows in its object is paging and the like
                    while self._blocks():
                        pass
                    return False
                at += 1
            self._forward(at)
            if at < len(text) and text[at] == "[":
                self._at += 1
            elif at < len(text):
                return True
            elif self._ended:
                return False

    def _forward(self, at: int) -> None:
        self._line += self._text.count("\n", self._at, at)
        self._at = at

    def _more(self, least: int) -> None:
        """Reads on, by whole lines where there are any."""
        held = [self._text[self._at :]]
        while least > 0 and not self._ended:
            octets = self._blocks()
            if not octets:
                self._ended = True
                held.append(text_of(self._rest, self._told, self._line))
                self._rest = b""
                break
            octets = self._rest + octets
            cut = octets.rfind(b"\n") + 1 or max(0, len(octets) - 4)
            while 0 < cut < len(octets) and octets[cut] & 0xC0 == 0x80:  # not within a character
                cut -= 1
            self._rest = octets[cut:]
            held.append(text_of(octets[:cut], self._told, self._line))
            least -= cut
        self._text, self._at = "".join(held), 0

    def _malformed(self, fault: json.JSONDecodeError) -> bool:
        """Whether more octets could not make an object of it."""
        if self._lines and (end := self._text.find("\n", self._at)) >= 0 and end > fault.pos - 1:
            return True
        return not (fault.pos >= len(self._text) - 12 or fault.msg.startswith("Unterminated string"))

    def _longer(self) -> bool:
        """Reads more of an object that goes on, or goes into the list that makes it so large. False where neither is to be had."""
        size = len(self._text) - self._at
        if (size > AHEAD * 2 or self._ended) and not self._inside and (found := _WRAPPED.match(self._text, self._at)):
            self._forward(found.end())
            self._inside = True
            return True
        if self._ended or size >= LARGEST:
            return False
        self._more(max(AHEAD, size))
        return True

    def _skip(self) -> None:
        """Goes to the next line that begins like an object."""
        after = _BEGINS.search(self._text, self._at + 1)
        while after is None and not self._ended:
            self._forward(max(self._at, len(self._text) - 2))
            self._more(AHEAD)
            after = _BEGINS.search(self._text, self._at)
        self._forward(after.start(1) if after else len(self._text))
