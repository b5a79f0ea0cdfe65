"""Rates with their denominator, and the bands they fall in. What cannot be computed, or should not be judged, says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ...catalog import DATA
from ...catalog import _toml as toml_of
from ...errors import InputError
from ...model import Counts, Rate, RateRow, Rates
from .ledger import DAY, day_of
from .policy import Policy
from .tally import Many, counts

MEASURES = ("hard", "soft", "block", "total", "deferred", "complaint")
DIMENSIONS = ("campaign", "provider", "sender", "day")


@cache
def words() -> Mapping[str, Any]:
    """data/rates.toml: bands for each kind of mail, words of bands and measures, [[line]] and [[benchmark]]. Read once."""
    return toml_of(DATA / "rates.toml")


def kinds() -> tuple[str, ...]:
    return tuple(words()["kind"])


def rates(many: Many, policy: Policy | None = None, *, kind: str = "marketing", sent: int | None = None) -> Rates:
    """How much of what was sent came back, as a whole and by campaign, provider, sending domain and day. Pure; about 0.1 s for a million addresses.

    kind   marketing | transactional | cold: which bands hold
    sent   how many messages were sent, where the input does not show it; it is the denominator of the whole, and of a campaign that is the only one

    A denominator is what was sent, or what was delivered, failed and is under way, whichever is more; without what the service dropped. Where
    neither deliveries nor messages sent are in the input there is none, and percent is None. Complaints are measured against deliveries, where these
    are known. Below `policy.min_sample` messages percent is None too. Final failures by greylisting, a busy mailbox or a full server are in the
    denominator and in no rate; a deferred message counts once, and only while nothing final is known.
    Raises InputError for an unknown kind, or a negative `sent`.
    """
    policy = policy or Policy()
    _check(kind, sent)
    groups = _groups(many)
    whole = groups["total"].get("", Counts())
    shows = whole.delivered + whole.sent > 0
    given = {"": sent} if sent is not None else {}
    total = _row("total", "", whole, kind, policy, given.get(""), shows)
    by = {}
    for dimension in DIMENSIONS:
        named = groups[dimension]
        alone = sent if dimension == "campaign" and len(named) == 1 else None
        # of a provider that took nothing at all the failures are the whole, as long as deliveries elsewhere show that the input has them
        rows = [_row(dimension, name, c, kind, policy, alone, shows if dimension == "provider" else c.delivered + c.sent > 0) for name, c in named.items()]
        by[dimension] = tuple(sorted(rows, key=_day_order if dimension == "day" else _largest))
    return Rates(kind, total, by)


def calculate(
    *,
    sent: int,
    hard: int = 0,
    soft: int = 0,
    block: int = 0,
    complaint: int = 0,
    deferred: int = 0,
    kind: str = "marketing",
    policy: Policy | None = None,
) -> RateRow:
    """The row of one send out of its bare figures. Pure.

    Raises InputError for a negative figure, or one that is larger than what was sent.

    >>> calculate(sent=10000, hard=320).rate("hard").band
    'bad'
    """
    _check(kind, sent)
    figures = {"hard": hard, "soft": soft, "block": block, "complaint": complaint, "deferred": deferred}
    for name, figure in figures.items():
        if figure < 0:
            raise InputError(f"{name}: expected 0 or more, got {figure}.")
        if figure > sent:
            raise InputError(f"{name}: expected at most the {sent} messages that were sent, got {figure}.")
    if hard + soft + block + deferred > sent:
        raise InputError(f"expected at most {sent} bounces and deferrals together, as many as were sent, got {hard + soft + block + deferred}.")
    return _row("total", "", Counts(sent=sent, **figures), kind, policy or Policy(), sent, True)


def _check(kind: str, sent: int | None) -> None:
    if kind not in words()["kind"]:
        raise InputError(f"There is no kind of mail “{kind[:60]}”. Known: {', '.join(kinds())}.")
    if sent is not None and sent < 0:
        raise InputError(f"sent: expected 0 or more, got {sent}.")


# ------------------------------------------------------------------ counting up


def day_name(day: int | None) -> str:
    """ "2021-04-26", "" for a day that is not known."""
    return "" if day is None else datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")


def _groups(many: Many) -> dict[str, dict[str, Counts]]:
    """The counts of the whole ("") and of each name of each dimension, with the deferred messages that are under way."""
    sums: dict[str, dict[Any, int]] = {name: {} for name in ("total", *DIMENSIONS)}
    waits: dict[str, dict[Any, int]] = {name: {} for name in sums}
    for (provider, day), row in many.tally.by_provider.items():
        _plus(sums["provider"], provider, row)
        _plus(sums["day"], day, row)
        _plus(sums["total"], "", row)
    for (campaign, sender, _), row in many.tally.by_mail.items():
        _plus(sums["campaign"], campaign, row)
        _plus(sums["sender"], sender, row)
    for _, (at, _, _, _, provider, campaign, sender) in many.under_way():
        for dimension, name in (("total", ""), ("provider", provider), ("campaign", campaign), ("sender", sender), ("day", day_of(at))):
            _plus(waits[dimension], name, 1)
    return {
        dimension: {
            day_name(name) if dimension == "day" else name: counts(sums[dimension].get(name, 0), waits[dimension].get(name, 0))
            for name in {**sums[dimension], **waits[dimension]}
        }
        for dimension in sums
    }


def _plus(rows: dict[Any, int], name: Any, number: int) -> None:
    rows[name] = rows.get(name, 0) + number


def _largest(row: RateRow) -> tuple[int, str]:
    return -max(row.counts.seen, row.counts.sent), row.name


def _day_order(row: RateRow) -> tuple[bool, str]:
    return not row.name, row.name  # a day that is not known comes last


def denominator(c: Counts) -> int:
    """What was sent: as counted at the start, or as it turned up at the end. What the service dropped was not sent."""
    return max(c.sent - c.dropped, c.seen)


# ------------------------------------------------------------------ judging


def _row(dimension: str, name: str, c: Counts, kind: str, policy: Policy, sent: int | None, shows: bool) -> RateRow:
    of = sent if sent is not None else denominator(c) if shows else None
    figures = {"hard": c.hard, "soft": c.soft, "block": c.block, "total": c.bounced, "deferred": c.deferred, "complaint": c.complaint}
    row = []
    for measure in MEASURES:
        base = c.delivered if measure == "complaint" and c.delivered and sent is None else of
        row.append(_rate(dimension, name, measure, figures[measure], base, kind, policy, shows))
    return RateRow(dimension, name, c, tuple(row))


def _rate(dimension: str, name: str, measure: str, count: int, of: int | None, kind: str, policy: Policy, shows: bool) -> Rate:
    if of is None:
        return Rate(measure, count, None, why="no-denominator" if dimension == "total" or shows else "no-deliveries")
    if count > of:
        return Rate(measure, count, of, why="sent-too-few")
    if of < policy.min_sample:
        return Rate(measure, count, of, why="few")
    percent = 100 * count / of
    lines = tuple(row["id"] for row in words()["line"] if _crossed(row, dimension, name, measure, percent))
    edges = words()["kind"][kind].get(measure)
    if edges is None or dimension not in words()["measure"][measure]["dimensions"]:
        return Rate(measure, count, of, percent, None, "no-band", lines)
    return Rate(measure, count, of, percent, band(percent, edges), "", lines)


def band(percent: float, edges: Iterable[float]) -> str:
    """The name of the band; one begins at its edge, and below the first edge all is good."""
    return str(words()["names"][sum(percent >= edge for edge in edges)])


def _crossed(line: Mapping[str, Any], dimension: str, name: str, measure: str, percent: float) -> bool:
    if line["measure"] != measure or percent < line["at"] or dimension not in line["dimensions"]:
        return False
    return dimension != "provider" or "provider" not in line or line["provider"] == name
