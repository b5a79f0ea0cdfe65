"""A master file cut into its entries, and an entry into its tokens (RFC 1035 section 5.1). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r'(?P<quoted>"(?:[^"\\]|\\.)*"?)|(?P<comment>;.*)|(?P<break>\n)|[()]|(?P<word>(?:[^\s;()"\\]|\\.)+)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record or directive as it is written, over one line or, within parentheses, over several. open: its parenthesis is never closed."""

    line: int
    end: int
    raw: str
    open: bool = False


def entries(text: str) -> Iterator[Entry]:
    """A master file cut into entries; blank lines and comments are left out. After a parenthesis that is never closed it goes on with the
    next line that begins a record, so that one slip hides no more than one record. Pure."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if "(" not in line:
            if (bare := line.strip()) and not bare.startswith(";"):
                yield Entry(at + 1, at + 1, line)
            at += 1
            continue
        end = _closed(lines, at)
        if end is None:
            end = at + 1
            while end < len(lines) and (not lines[end].strip() or lines[end][0] in ' \t);"'):
                end += 1
            yield Entry(at + 1, at + 1, line, open=True)
            at = end
            continue
        yield Entry(at + 1, end + 1, "\n".join(lines[at : end + 1]))
        at = end + 1


def _closed(lines: list[str], at: int) -> int | None:
    """The line on which the parentheses that are opened on a line are closed again; None where they never are."""
    depth = 0
    for number in range(at, len(lines)):
        line = lines[number]
        if "(" in line or ")" in line:
            for token in _TOKEN.finditer(line):
                depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth <= 0:
            return number
    return None


def tokens(raw: str) -> tuple[list[tuple[str, bool, int]], str, int]:
    """(text, whether it is quoted, line within the entry) of each token; the first comment, and its line. Pure.

    >>> tokens('www TXT "a b" ; c')[0][2]
    ('a b', True, 0)
    """
    out: list[tuple[str, bool, int]] = []
    comment, comment_at, line = "", 0, 0
    for token in _TOKEN.finditer(raw):
        if token["break"]:
            line += 1
        elif token["comment"]:
            if not comment:
                comment, comment_at = token["comment"], line
        elif token["quoted"] is not None:
            out.append((token["quoted"].strip('"'), True, line))
        elif token["word"]:
            out.append((token["word"], False, line))
    return out, comment, comment_at
