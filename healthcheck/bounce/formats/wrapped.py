"""Replies as programs hand them on: the exception of a library, the pop-up of a mail program (data/formats.toml, [[wrapped]])."""

from __future__ import annotations

import re
from functools import cache

from . import Found, clean, data, holds
from .paste import unescaped

MAX_FOUND = 100
MAX_TEXT = 20_000


@cache
def _rows() -> tuple[tuple[tuple[str, ...], re.Pattern[str], str | None], ...]:
    return tuple((tuple(row["marks"]), re.compile(row["pattern"], re.DOTALL), row.get("stage")) for row in data()["wrapped"])


def wrapped(text: str, low: str) -> list[Found]:
    """The replies that a program's own words hold, each once. `low` is the case-folded text."""
    text = text[:MAX_TEXT]
    out: dict[tuple[str | None, str], Found] = {}
    for marks, pattern, stage in _rows():
        if not holds(low, marks):
            continue
        for found in pattern.finditer(text):
            parts = found.groupdict()
            one = Found(clean(parts.get("recipient") or ""), _reply(parts), stage=stage)
            out.setdefault((one.recipient, one.text), one)
            if len(out) >= MAX_FOUND:
                break
        if out:
            break
    return list(out.values())


def _reply(parts: dict[str, str | None]) -> str:
    """Code, enhanced code and text on one line, as a server sends them; what the text begins with is not said twice."""
    text = unescaped(parts.get("text") or "").strip()
    for part in (parts.get("enhanced"), parts.get("code")):
        if part and not text.startswith(part):
            text = f"{part} {text}"
    return text
