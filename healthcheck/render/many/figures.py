"""Numbers and times as people read them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal


def number(value: float) -> str:
    """With commas.

    >>> number(1234567)
    '1,234,567'
    """
    return f"{value:,}"


def percent(value: float | None) -> str:
    """Rounded down, so that what is shown never stands beyond a line that was not crossed.

    >>> percent(4.999), percent(0.0312), percent(12.34), percent(0)
    ('4.99 %', '0.031 %', '12.3 %', '0 %')
    """
    if value is None:
        return "–"
    exact = Decimal(repr(float(value)))
    places = "1" if exact >= 100 else "0.1" if exact >= 10 else "0.01" if exact >= Decimal("0.1") else "0.001"
    short = exact.quantize(Decimal(places), rounding=ROUND_DOWN).normalize()
    return ("under 0.001" if not short and exact else f"{short:f}") + " %"


def when(at: float | None) -> str | None:
    """Seconds since 1970 as RFC 3339, UTC; None for no time, and for one that no calendar has."""
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None


def moment(text: str | None) -> str:
    """RFC 3339 as it is read best: "2026-11-20 08:14"."""
    return f"{text[:10]} {text[11:16]}" if text else "–"
