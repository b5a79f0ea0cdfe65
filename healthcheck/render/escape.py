"""What strangers wrote, made harmless for each format: it changes nothing outside the field that it stands in. Pure.

A TXT record may hold anything: control characters, terminal sequences, workflow commands, markup, overrides of the writing
direction, half a code point. What cannot be seen is shown as U+FFFD; what a format would take for its own is escaped as it asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import words

MOST = 4000  # characters of one value that the formats for CI show; JSON has them all

# Controls (but tab and line feed), what turns a line around or cannot be seen, halves of code points, and what XML 1.0 does not know (section 2.2)
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: object) -> str:
    """The text with all that cannot be seen, or that a terminal would obey, as U+FFFD. Tabs and line feeds stay.

    >>> visible("a\\x1b[31mb\\u202ec")
    'a�[31mb�c'
    """
    return _UNSEEN.sub("\ufffd", str(text))


def line(text: object, most: int = MOST) -> str:
    """The text on one line, cut where it is longer than `most` characters; what is left out is counted."""
    flat = visible(" ".join(str(text).split()))
    if len(flat) <= most:
        return flat
    return words.fill(words.word("ci", "cut"), {"text": flat[:most].rstrip(), "count": len(flat) - most})


# ------------------------------------------------------------------ XML


def xml(text: object) -> str:
    """Text for an element or a quoted attribute. Line feeds and tabs are written as references, so that no parser folds them.

    >>> xml("a]]>b\\x00")
    'a]]&gt;b�'
    """
    out = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("'", "&apos;")
    return out.replace("\n", "&#10;").replace("\t", "&#9;")


# ------------------------------------------------------------------ workflow commands


def data(text: object) -> str:
    """The message of a workflow command: on one line, whatever it holds.

    >>> data("100%\\n::error::x")
    '100%25%0A::error::x'
    """
    return visible(text).replace("%", "%25").replace("\n", "%0A")


def attribute(text: object) -> str:
    """A property of a workflow command (file, title …).

    >>> attribute("a,b::c")
    'a%2Cb%3A%3Ac'
    """
    return data(text).replace(":", "%3A").replace(",", "%2C")


# ------------------------------------------------------------------ Markdown


def code(text: object, most: int = 400) -> str:
    """A code span: no mark-up, no link, no mention and no reference to an issue comes about in it. Not for a table's cells.

    >>> code("a`b"), code("")
    ('``a`b``', '` `')
    """
    flat = line(text, most) or " "
    run = "`" * (1 + max((len(found) for found in re.findall("`+", flat)), default=0))
    pad = " " if flat[0] == "`" or flat[-1] == "`" else ""
    return f"{run}{pad}{flat}{pad}{run}"


def fence(lines: list[str]) -> list[str]:
    """A fenced block, with a fence that nothing in it can close. Each line stays one line (CommonMark section 4.5)."""
    body = [visible(one.replace("\n", " ").replace("\t", " ")) for one in lines]
    run = "`" * max(3, 1 + max((len(found) for one in body for found in re.findall("`+", one)), default=0))
    return [f"{run}text", *body, run]


_MARKS = re.compile(r"(\{\w+\})|([\\`*_\[\]<>|~#&!$])")


def sentence(text: str) -> str:
    """A sentence of our own as Markdown: what would be mark-up in it is none. Slots stay slots.

    >>> sentence("_dmarc.{at_name}: p=none *")
    '\\\\_dmarc.{at_name}: p=none \\\\*'
    """
    return _MARKS.sub(lambda found: found[1] or "\\" + found[2], " ".join(text.split()))


def filled(template: str, values: Mapping[str, Any]) -> str:
    """A row's sentence as Markdown, each value in it a code span unless it is a number."""
    return words.fill(sentence(template), {key: value if str(value).isdecimal() else code(words.shown(value)) for key, value in values.items()})
