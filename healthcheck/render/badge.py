"""A domain's badge: an SVG picture of our own drawing, and the JSON that shields.io draws one from. Pure.

It says the verdict in two words and no more. It is public wherever it is shown, so nothing that was looked up stands in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..model import Report
from . import words
from .escape import line, xml

# the colours of the pages (static/style.css); white text on each has a contrast of 4.5 or more (WCAG 2.2, 1.4.3)
COLOURS = {"pass": "#1b6640", "note": "#1b6640", "warn": "#815000", "fail": "#a3261b", "unknown": "#565f6c"}
GROUND = "#1e2530"
_NARROW, _WIDE = frozenset("fijlrt.,:;!|'()[]I "), frozenset("mwMW@%")


@dataclass(frozen=True, slots=True)
class Badge:
    """label and message: its two halves; colour: of the second; title: what a screen reader says."""

    label: str
    message: str
    colour: str
    title: str
    fails: bool = False


def of(report: Report) -> Badge:
    """The badge of a report."""
    return badge(report.domain.name, report.verdict.value)


def badge(domain: str, verdict: str = "unknown") -> Badge:
    """The badge of a domain with this verdict; without one, that it could not be checked (a fault, a full queue, a scan under way)."""
    label, message = words.word("badge", "label"), words.word("badge", verdict)
    title = words.fill(words.word("badge", "title"), {"domain": line(domain, 100), "message": message})
    return Badge(label, message, COLOURS[verdict], title, verdict == "fail")


def shields(value: Badge) -> dict[str, Any]:
    """The endpoint JSON of shields.io. isError keeps the colour of a problem from being overridden where it is shown."""
    out: dict[str, Any] = {"schemaVersion": 1, "label": value.label, "message": value.message, "color": value.colour}
    return out | ({"isError": True} if value.fails else {})


def svg(value: Badge) -> str:
    """The picture: 20 pixels high, with the fonts of whoever looks at it. Each text is told its width, so that no font breaks out."""
    left, right = _width(value.label), _width(value.message)
    a, b = left + 12, right + 12
    title = xml(value.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{a + b}" height="20" viewBox="0 0 {a + b} 20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<path fill="{GROUND}" d="M4 0h{a - 4}v20H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4z"/>'
        f'<path fill="{xml(value.colour)}" d="M{a} 0h{b - 4}a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H{a}z"/>'
        '<g fill="#fff" font-family="system-ui, -apple-system, \'Segoe UI\', \'DejaVu Sans\', sans-serif" font-size="11" aria-hidden="true">'
        f'<text x="6" y="14" textLength="{left}" lengthAdjust="spacingAndGlyphs">{xml(value.label)}</text>'
        f'<text x="{a + 6}" y="14" textLength="{right}" lengthAdjust="spacingAndGlyphs">{xml(value.message)}</text>'
        "</g></svg>\n"
    )


def _width(text: str) -> int:
    """About as wide as a sans-serif face of 11 pixels sets it.

    >>> _width("mail") < _width("problems")
    True
    """
    return round(sum(3.6 if c in _NARROW else 9.4 if c in _WIDE else 6.4 for c in text))
