"""Rates with their bands, the lines that others draw, what others have, and why messages failed. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from ...bounce.many.rates import DIMENSIONS, MEASURES, day_name, denominator
from ...bounce.many.rates import words as known_rates
from ...model import Counts, Rate, RateRow
from ..words import fill
from .figures import number
from .said import plain, provider_name, say, side_of, title_of

if TYPE_CHECKING:
    from ...bounce.many.policy import Policy
    from ...many import Result

SHOWN = 25  # rows of a dimension; the others are summed
DAYS = 92  # the newest days
CAUSES = 60
BANDS = ("emergency", "critical", "bad", "watch", "good")  # worst first


def rate_json(rate: Rate, policy: Policy) -> dict[str, Any]:
    """One measure: its figure, its band and what to do in it; `text` says why there is none."""
    known = known_rates()
    row, slots = known["measure"][rate.measure], {"count": number(rate.count), "of": number(rate.of or 0), "min": policy.min_sample}
    return {
        "measure": rate.measure,
        "title": row["title"],
        "count": rate.count,
        "of": rate.of,
        "percent": rate.percent,
        "band": rate.band,
        "band_title": known["band"][rate.band]["title"] if rate.band else None,
        "band_text": known["band"][rate.band]["text"] if rate.band else None,
        "advice": row["advice"].get(rate.band) if rate.band else None,
        "why": rate.why or None,
        "text": fill(known["why"][rate.why], slots) if rate.why else None,
        "lines": list(rate.lines),
    }


def row_json(row: RateRow, policy: Policy) -> dict[str, Any]:
    """One campaign, provider, sending domain or day; `worst` is the band of its worst measure, None where nothing of it is judged."""
    rates = [rate_json(rate, policy) for rate in row.rates]
    worst = min((rate for rate in rates if rate["band"]), key=lambda rate: BANDS.index(rate["band"]), default={"band": None, "measure": None})
    name = provider_name(row.name) if row.dimension == "provider" else row.name or say("report", "unnamed")
    sent = row.rate("total").of
    out = {"name": row.name, "title": name, "sent": sent, "counts": _counts(row.counts), "rates": rates}
    return out | {"worst": worst["band"], "worst_measure": worst["measure"]}


def lines_json(row: RateRow) -> list[dict[str, Any]]:
    """Every line of others that is drawn for the whole, with whether it was crossed: True, False, or None where there is no rate to tell by."""
    out = []
    for line in known_rates()["line"]:
        rate = row.rate(line["measure"])
        crossed = None if rate.percent is None else line["id"] in rate.lines
        if "total" in line["dimensions"]:
            out.append({**{key: line[key] for key in ("id", "who", "measure", "at", "text", "source", "seen")}, "crossed": crossed})
    return out


def rates(result: Result) -> dict[str, Any]:
    found, policy = result.rates, result.policy
    kind = known_rates()["kind"][found.kind]
    return {
        "kind": found.kind,
        "kind_title": kind["title"],
        "bands": {name: list(kind[name]) for name in MEASURES if name in kind},
        "total": row_json(found.total, policy),
        "by": {dimension: _dimension(dimension, found.by.get(dimension, ()), policy) for dimension in DIMENSIONS},
        "lines": lines_json(found.total),
        "benchmarks": [plain(table) for table in known_rates()["benchmark"]],
    }


def _dimension(name: str, rows: Sequence[RateRow], policy: Policy) -> dict[str, Any]:
    """The worst rows of a dimension (of days the newest), and what the others add up to. A dimension of which nothing is known has no rows."""
    if len(rows) == 1 and not rows[0].name:
        rows = ()
    shown = list(rows[-DAYS:]) if name == "day" else heapq.nsmallest(SHOWN, rows, key=_worst_first)
    names = {row.name for row in shown}
    others = [row.counts for row in rows if row.name not in names] if len(shown) < len(rows) else []
    return {"count": len(rows), "rows": [row_json(row, policy) for row in shown], "others": _summed(others) if others else None}


def _worst_first(row: RateRow) -> tuple[int, int, int, str]:
    worst = min((BANDS.index(rate.band) for rate in row.rates if rate.band), default=len(BANDS))
    return worst, -row.counts.bounced, -max(row.counts.seen, row.counts.sent), row.name


def _counts(counts: Counts) -> dict[str, int]:
    return {**asdict(counts), "total": counts.bounced}


def _summed(rows: Sequence[Counts]) -> dict[str, Any]:
    """Many rows as one, which is shown and not judged."""
    sums = Counts(**{field.name: sum(getattr(one, field.name) for one in rows) for field in fields(Counts)})
    return {"number": len(rows), "sent": sum(map(denominator, rows)), "counts": _counts(sums)}


def causes(result: Result) -> list[dict[str, Any]]:
    """Why messages failed, the most frequent cause first, with the earliest places where each was read."""
    numbers: dict[str, int] = {}
    days: dict[str, dict[str, int]] = {}
    samples: dict[str, list[tuple[float, str]]] = {}
    for key, cell in result.many.tally.cells.items():
        numbers[key.cause] = numbers.get(key.cause, 0) + cell.number
        day = day_name(key.day)
        per = days.setdefault(key.cause, {})
        per[day] = per.get(day, 0) + cell.number
        kept = samples.setdefault(key.cause, [])
        kept += [(at, source) for at, source, _ in cell.sample]
        if len(kept) > 100:
            kept[:] = sorted(set(kept))[:3]
    out = []
    for cause in sorted(numbers, key=lambda cause: (-numbers[cause], cause))[:CAUSES]:
        sources = [source for _, source in sorted(set(samples[cause]))][:3]
        newest = dict(sorted(days[cause].items())[-DAYS:])
        out.append({"cause": cause, "title": title_of(cause), "side": side_of(cause), "count": numbers[cause], "sources": sources, "days": newest})
    return out
