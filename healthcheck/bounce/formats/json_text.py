"""JSON that is no event of a known service: the log line, the reply or the notice that its strings hold (data/formats.toml, [json]).

A program's error, a container's log, a gateway's record: nobody can list them all, but a reply in a string is a reply.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from . import clean, data
from .notices import has

MAX_TEXTS = 500
MAX_NODES = 20_000
MAX_DEPTH = 40
LEAST = 8  # characters of a string that may hold a reply
_CODE = re.compile(r"4(?:21|22|3[0-9]|4[0-9]|5[0-9]|71)|5[0-7][0-9]")  # of HTTP's codes few are among them
_HAS_CODE = re.compile(r"[245]\d\d|[245]\.\d\.\d")


@cache
def _names(kind: str) -> frozenset[str]:
    return frozenset(data()["json"][kind])


def texts(value: Any) -> list[tuple[str, str | None]]:
    """Each string that may hold a reply, with the address that stands beside it, or above it, under a name for a recipient. Pure."""
    out: dict[tuple[str, str | None], None] = {}
    waiting: list[tuple[Any, str | None, int]] = [(value, None, 0)]  # the next one last
    for _ in range(MAX_NODES):
        if not waiting or len(out) >= MAX_TEXTS:
            break
        item, recipient, depth = waiting.pop()
        if isinstance(item, str):
            if len(item) >= LEAST and _HAS_CODE.search(item):
                out.setdefault((item, recipient))
        elif isinstance(item, list) and depth < MAX_DEPTH:
            waiting += [(one, recipient, depth + 1) for one in reversed(item[:MAX_TEXTS])]
        elif isinstance(item, dict) and depth < MAX_DEPTH:
            recipient = _recipient(item) or recipient
            if composed := _composed(item):
                out.setdefault((composed, recipient))
            rest = [(one, recipient, depth + 1) for name, one in list(item.items())[:MAX_TEXTS] if not (composed and name.lower() in _names("text"))]
            waiting += reversed(rest)
    return list(out)


def _recipient(fields: dict[str, Any]) -> str | None:
    for name, value in fields.items():
        if name.lower() == "envelope" and isinstance(value, dict) and (address := _recipient(value)):
            return address
        if name.lower().lstrip("_") in _names("recipient"):
            one = value[0] if isinstance(value, list) and value else value
            if isinstance(one, str) and (address := clean(one)):
                return address
    return None


def _composed(fields: dict[str, Any]) -> str:
    """The reply of an object that has its parts apart: a code, perhaps an enhanced one, a text. A code of HTTP may look the same, so a bare "code" needs more."""
    low = {name.lower(): value for name, value in fields.items()}
    code = _first(low, "code")
    enhanced = _first(low, "enhanced")
    if isinstance(enhanced, list) and len(enhanced) == 3:
        enhanced = ".".join(str(part) for part in enhanced)
    text = _first(low, "text")
    if isinstance(text, list):
        text = " ".join(str(part) for part in text[:50])
    if not isinstance(text, str) or not _CODE.fullmatch(str(code)):
        return ""
    if not enhanced and not any("smtp" in name for name in low) and not has(text.casefold(), "phrase", "words"):
        return ""
    return text if text.startswith(str(code)) else " ".join(str(part) for part in (code, enhanced, text) if part)


def _first(low: dict[str, Any], kind: str) -> Any:
    return next((low[name] for name in data()["json"][kind] if low.get(name)), None)
