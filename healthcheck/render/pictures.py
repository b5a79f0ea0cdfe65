"""What the pages draw: marked words, the SPF include tree as rows, a gauge. Pure: geometry and order, no markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

WINDOW = 900  # code points shown before and after what is marked
MOST = 6000  # a text up to this length is shown whole


def marked(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[str, bool]]:
    """A text cut into pieces, each with whether it is marked. Spans that overlap are merged, those outside the text dropped.

    >>> marked("550 5.7.26 denied", [(4, 10)])
    [('550 ', False), ('5.7.26', True), (' denied', False)]
    """
    merged: list[tuple[int, int]] = []
    for start, end in sorted((a, b) for a, b in spans if 0 <= a < b <= len(text)):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    out, at = [], 0
    for start, end in merged:
        out += [(text[at:start], False), (text[start:end], True)]
        at = end
    return [(piece, mark) for piece, mark in [*out, (text[at:], False)] if piece]


# what may stand between two words of a reply as it was pasted: white space, a quotation mark, the code of a continuation line
_BETWEEN = r"(?:\s|>|\||[2-5]\d\d[ -](?:[245]\.\d{1,3}\.\d{1,3}\s)?)+"


def located(text: str, wanted: str) -> list[tuple[int, int]]:
    """Where the words of `wanted` stand in a text that may have them on several lines, the codes of continuation lines left out.

    >>> located("550-5.7.26 not accepted due\\n550 5.7.26 to policy", "accepted due to policy")
    [(15, 27), (39, 48)]
    """
    tokens = wanted.split()[:80]
    if not tokens:
        return []
    found = re.search(_BETWEEN.join(f"({re.escape(token)})" for token in tokens), text, re.IGNORECASE)
    if not found:
        return []
    out: list[tuple[int, int]] = []
    for n in range(1, len(tokens) + 1):
        start, end = found.span(n)
        if out and not text[out[-1][1] : start].strip(" "):
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out


def window(text: str, spans: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """The part of a long text around what is marked, and the spans in it."""
    if len(text) <= MOST:
        return text, spans
    inside = [s for s in spans if 0 <= s[0] < s[1] <= len(text)]
    first = min((a for a, _ in inside), default=0)
    start = text.rfind("\n", 0, max(0, first - WINDOW)) + 1 if first > WINDOW else 0
    end = min(len(text), max(start + MOST // 2, min(max((b for _, b in inside), default=0), start + MOST) + WINDOW))
    head, tail = ("… " if start else ""), (" …" if end < len(text) else "")
    return head + text[start:end] + tail, [(a - start + len(head), b - start + len(head)) for a, b in inside if b <= end]


def tree_rows(node: Mapping[str, Any] | None, most: int = 60) -> list[dict[str, Any]]:
    """The SPF include tree, a row for each record: depth, domain, via, lookups, voids, error, repeated, vendor, and what its branch
    lets pass (`ipv4` addresses, `ipv6_64` networks, `counted` False where that is at least).

    Rows beyond `most` are left out; the last row then says how many ("more").
    """
    rows: list[dict[str, Any]] = []
    left_out = 0
    stack: list[tuple[Mapping[str, Any], int]] = [(node, 0)] if isinstance(node, Mapping) else []
    while stack:
        item, depth = stack.pop()
        if len(rows) >= most:
            left_out += 1
        else:
            keys = ("domain", "via", "lookups", "voids", "voids6", "error", "repeated", "record", "complete", "vendor", "ipv4", "ipv6_64", "counted")
            rows.append({"depth": min(depth, 6), **{key: item.get(key) for key in keys}})
        stack.extend((child, depth + 1) for child in reversed(item.get("children") or ()) if isinstance(child, Mapping))
    if left_out:
        rows.append({"depth": 0, "more": left_out})
    return rows


def gauge(value: int | None, limit: int, width: int = 240) -> dict[str, Any] | None:
    """A bar of `width` units for a count with a limit: where it ends, and where the limit stands."""
    if value is None:
        return None
    top = max(value, limit) + 2
    return {"value": value, "limit": limit, "width": width, "bar": round(width * value / top), "mark": round(width * limit / top), "over": value > limit}
