"""What a report about many bounces draws: geometry alone, no markup. Pure. Under each picture stands a table with the same figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

WIDTH, HEIGHT = 680, 240
LEFT, RIGHT, TOP, BOTTOM = 50, 108, 14, 26  # room for the figures beside the rail, the names of the lines, and the days beneath
DAYS = 92  # days that are drawn at most: the newest
BARS = 12
ROW = 30  # height of a bar with its name
NAME = 190  # room for a name beside its bar
T = TypeVar("T")


def rates_by_day(rows: Sequence[tuple[str, Mapping[str, float | None]]], lines: Iterable[tuple[str, float]], measures: Sequence[str]) -> dict[str, Any] | None:
    """Percentages over the days, with horizontal lines where a band begins. None where fewer than two days have one.

    rows   (day, measure -> percent); a day whose rate could not be told, or was not judged, is a gap and not a zero
    lines  (name, percent); those far above all that was measured are left out
    """
    days = _days(rows)
    if len(days) < 2:
        return None
    series = [(measure, [(when, row.get(measure)) for when, row in days]) for measure in measures]
    values = [value for _, points in series for _, value in points if value is not None]
    if sum(value is not None for _, value in series[0][1]) < 2:
        return None
    marks = sorted(lines, key=lambda line: line[1])
    highest = max(values)
    above = next((percent for _, percent in marks if percent > highest), highest)
    steps = _steps(max(above, highest, 1.0) * 1.08)
    x, y = _across(days[0][0], days[-1][0]), _up(steps[-1])
    return {
        **_frame(days, x),
        "ticks": [{"y": y(step), "text": f"{step:g} %"} for step in steps],
        "bands": _named([(y(percent), name, percent) for name, percent in marks if percent <= steps[-1]]),
        "series": [{"measure": measure, "parts": _parts(points, x, y), "dots": _dots(points, x, y)} for measure, points in series],
    }


def counts_by_day(rows: Sequence[tuple[str, Mapping[str, int]]], kinds: Sequence[str]) -> dict[str, Any] | None:
    """Counts of each day, stacked in the order of `kinds`. None where no day is known, or there is nothing to stack.

    rows   (day, kind -> count)
    """
    days = _days(rows)
    highest = max((sum(counts.get(kind, 0) for kind in kinds) for _, counts in days), default=0)
    if not highest:
        return None
    steps = _steps(highest * 1.05)
    x, y = _across(days[0][0], days[-1][0]), _up(steps[-1])
    wide = max(2.0, min(28.0, (WIDTH - LEFT - RIGHT) / ((days[-1][0] - days[0][0]).days + 1) * 0.8))
    drawn = []
    for when, counts in days:
        at = 0
        for kind in kinds:
            if count := counts.get(kind, 0):
                upper = y(at + count)
                drawn.append({"kind": kind, "x": round(x(when) - wide / 2, 1), "y": upper, "width": round(wide, 1), "height": round(y(at) - upper, 1)})
                at += count
    ticks = [{"y": y(step), "text": _short(step)} for step in steps if step == int(step)]
    return {**_frame(days, x), "ticks": ticks, "bars": drawn}


def lying(rows: Sequence[tuple[str, Mapping[str, int]]], kinds: Sequence[str]) -> dict[str, Any] | None:
    """Rows with a name and counts as lying, stacked bars, the largest first. None where there is nothing to draw."""
    shown = sorted(rows, key=lambda row: (-sum(row[1].get(k, 0) for k in kinds), row[0]))[:BARS]
    top = max((sum(counts.get(k, 0) for k in kinds) for _, counts in shown), default=0)
    if not top:
        return None
    room = WIDTH - NAME - 70
    out = []
    for n, (name, counts) in enumerate(row for row in shown if any(row[1].get(k, 0) for k in kinds)):
        at, parts = float(NAME), []
        for kind in kinds:
            if counts.get(kind):
                wide = max(1.0, room * counts[kind] / top)
                parts.append({"kind": kind, "x": round(at, 1), "width": round(wide, 1)})
                at += wide
        total = sum(counts.get(k, 0) for k in kinds)
        out.append({"name": name if len(name) <= 26 else name[:25] + "…", "y": n * ROW + 6, "parts": parts, "end": round(at + 8, 1), "text": f"{total:,}"})
    return {"width": WIDTH, "height": len(out) * ROW + 8, "name": NAME, "rows": out}


# ------------------------------------------------------------------ scales


def _named(lines: Sequence[tuple[float, str, float]]) -> list[dict[str, Any]]:
    """Lines with a place for the name of each, the lowest first: no two names lie upon one another."""
    out: list[dict[str, Any]] = []
    free = float(HEIGHT)
    for y, name, percent in lines:
        free = min(y + 4, free - 13)
        out.append({"y": y, "name_y": round(free, 1), "name": name, "percent": percent})
    return out


def _frame(days: Sequence[tuple[date, Any]], x: Callable[[date], float]) -> dict[str, Any]:
    return {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "base": HEIGHT - BOTTOM, "days": _labels([when for when, _ in days], x)}


def _days(rows: Sequence[tuple[str, T]]) -> list[tuple[date, T]]:
    """In the order of time, no more than the newest; what has no time is on no day."""
    out = []
    for name, row in rows:
        try:
            out.append((date.fromisoformat(name), row))
        except ValueError:
            continue
    out.sort(key=lambda pair: pair[0])
    return [pair for pair in out if (out[-1][0] - pair[0]).days < DAYS]


def _across(first: date, last: date) -> Callable[[date], float]:
    """A day's place from left to right. A single day stands in the middle."""
    span, room = (last - first).days, WIDTH - LEFT - RIGHT - 24
    return lambda when: round(LEFT + 12 + (room * (when - first).days / span if span else room / 2), 1)


def _up(top: float) -> Callable[[float], float]:
    return lambda value: round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top, 1)


def _steps(highest: float) -> list[float]:
    """Three to six round figures from 0 to the first that is not below `highest`."""
    size = 10.0 ** (len(str(int(highest))) - 1) if highest >= 1 else 0.1
    step = next(part * size for part in (0.2, 0.25, 0.5, 1, 2, 2.5) if part * size * 5 >= highest)
    number = max(1, -int(-highest // step))
    return [round(n * step, 6) for n in range(number + 1)]


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if letter == 'k' else size):g} {letter}"
    return f"{value:g}"


def _labels(days: Sequence[date], x: Callable[[date], float]) -> list[dict[str, Any]]:
    """At most six days, evenly chosen, with the year where it changes."""
    step = max(1, -(-len(days) // 6))
    out = []
    for n, when in enumerate(days[::step]):
        text = f"{when.day} {when:%b}" + (f" {when.year}" if n == 0 or when.year != days[::step][n - 1].year else "")
        out.append({"x": x(when), "text": text})
    return out


def _parts(points: Sequence[tuple[date, float | None]], x: Callable[[date], float], y: Callable[[float], float]) -> list[str]:
    """The lines between points that are known; a day that is not known parts them."""
    parts: list[list[str]] = [[]]
    for when, value in points:
        if value is None:
            parts.append([])
        else:
            parts[-1].append(f"{x(when)},{y(value)}")
    return [" ".join(part) for part in parts if len(part) > 1]


def _dots(points: Sequence[tuple[date, float | None]], x: Callable[[date], float], y: Callable[[float], float]) -> list[dict[str, float]]:
    return [{"x": x(when), "y": y(value)} for when, value in points if value is not None]
