"""When a provider was not itself: it denied users that it has, or hardly anybody got through to it. What was said on such a day is no news of an address.

The day is a UTC day. A provider is compared with its own days before, and with what the others did on the same day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...model import Outage
from .ledger import CLOSED, DAY, SOFT, UNKNOWN_TIME, State
from .policy import Policy, outage_rules
from .tally import Many, Sample, counts, earliest

_SHOWN = 10


@dataclass(slots=True)
class _Day:
    """What one provider did on one day."""

    delivered: int = 0
    seen: int = 0  # delivered and failed
    denied: int = 0
    unreached: int = 0
    sample: tuple[Sample, ...] = ()


Days = dict[str, dict[int, _Day]]


def outages(many: Many, policy: Policy) -> tuple[Outage, ...]:
    """The days on which a provider was not itself, by provider and day. Pure; some 0.2 s for a million addresses.

    "denies"       it called at least `outage_min` users unknown, `outage_factor` times as many as on its usual day with mail in the 30 days before,
                   and a share of its mail that is as much larger; and the others together did not. Without three earlier days with mail nothing is
                   known of a usual day: then there is no outage to tell, and patterns says that it could not be checked.
    "unreachable"  of at least five messages four in five failed, or wait, since its servers were not to be reached; and it took mail on another day.

    proven counts the addresses that were denied then and took mail later: that shows that the denials were wrong.
    """
    days = provider_days(many)
    found = [*_denying(days, policy), *_unreachable(days)]
    return tuple(sorted(_proven(many, found), key=lambda outage: (outage.provider, outage.start, outage.kind)))


def provider_days(many: Many) -> Days:
    """What each provider did on each day that is known, out of the tally, and of the ledger for what is still under way."""
    rules = outage_rules()
    out: Days = {}
    for (provider, day), row in many.tally.by_provider.items():
        if day is not None:
            c = counts(row)
            out.setdefault(provider, {})[day] = _Day(c.delivered, c.delivered + c.bounced + c.uncounted)
    for key, cell in many.tally.cells.items():
        if key.day is None or key.kind not in (CLOSED, SOFT):
            continue
        one = out[key.provider][key.day]
        if key.cause in rules["denies"]:
            one.denied += cell.number
        elif key.cause in rules["unreachable"]:
            one.unreached += cell.number
        else:
            continue
        one.sample = earliest(one.sample + cell.sample, _SHOWN)
    for recipient, (at, _, source, said, provider, _, _) in many.under_way():
        if said is not None and said.cause in rules["unreachable"] and at != UNKNOWN_TIME:
            one = out.setdefault(provider, {}).setdefault(int(at // DAY), _Day())
            one.seen += 1
            one.unreached += 1
            one.sample = earliest((*one.sample, (at, source, recipient)), _SHOWN)
    return out


def _everybody(days: Days) -> dict[int, _Day]:
    out: dict[int, _Day] = {}
    for provider in days.values():
        for day, one in provider.items():
            whole = out.setdefault(day, _Day())
            whole.seen += one.seen
            whole.denied += one.denied
            whole.delivered += one.delivered
    return out


@dataclass(slots=True)
class _Before:
    """The usual day with mail, of those within the history."""

    days: int = 0
    denied: int = 0
    seen: int = 0
    delivered: int = 0

    @property
    def usual(self) -> float:
        return self.denied / self.days if self.days else 0.0


def before(days: dict[int, _Day], day: int, without: dict[int, _Day] | None = None) -> _Before:
    """The days before; `without` takes one provider's part out of everybody's."""
    out = _Before()
    for earlier in range(day - outage_rules()["history_days"], day):
        if one := days.get(earlier):
            mine = (without or {}).get(earlier, _NOTHING)
            out.days += 1
            out.denied += one.denied - mine.denied
            out.seen += one.seen - mine.seen
            out.delivered += one.delivered - mine.delivered
    return out


_NOTHING = _Day()


def suspects(days: Days, policy: Policy) -> Iterator[tuple[str, int, _Day, _Before]]:
    """Days on which a provider denied many while the others were as always; whether that is more than usual is not asked yet."""
    everybody = _everybody(days)
    for provider, own in days.items():
        for day, one in own.items():
            if one.denied < policy.outage_min:
                continue
            others = everybody[day].denied - one.denied
            if others < max(policy.outage_min, policy.outage_factor * before(everybody, day, own).usual):
                yield provider, day, one, before(own, day)


def _denying(days: Days, policy: Policy) -> Iterator[Outage]:
    for provider, day, one, past in suspects(days, policy):
        if past.days < outage_rules()["history_least"] or one.denied < policy.outage_factor * past.usual:
            continue
        # a day with ten times the mail has ten times the unknown users, and is no outage
        if past.delivered and one.denied * past.seen < policy.outage_factor * past.denied * one.seen:
            continue
        yield Outage(provider, "denies", day * DAY, (day + 1) * DAY, one.denied, past.usual, sources=tuple(s[1] for s in one.sample))


def _unreachable(days: Days) -> Iterator[Outage]:
    rules = outage_rules()
    for provider, own in days.items():
        for day, one in own.items():
            if one.unreached < rules["unreachable_least"] or one.unreached * 100 < rules["unreachable_percent"] * one.seen:
                continue
            if any(other.delivered for at, other in own.items() if at != day):
                yield Outage(provider, "unreachable", day * DAY, (day + 1) * DAY, one.unreached, 0.0, sources=tuple(s[1] for s in one.sample))


def _proven(many: Many, found: list[Outage]) -> Iterator[Outage]:
    """Each with the number of addresses that it denied and that took mail afterwards."""
    denying = [outage for outage in found if outage.kind == "denies"]
    alive = dict.fromkeys(range(len(denying)), 0)
    causes = outage_rules()["denies"]
    for _, state in many.addresses() if denying else ():
        if state.delivered and state.failed:
            for n, outage in enumerate(denying):
                alive[n] += _alive(state, outage, causes)
    yield from (replace(outage, proven=alive[n]) for n, outage in enumerate(denying))
    yield from (outage for outage in found if outage.kind != "denies")


def _alive(state: State, outage: Outage, causes: list[str]) -> bool:
    denied = [
        row[0]
        for row in state.failed
        if row[3] in (CLOSED, SOFT) and row[5] == outage.provider and outage.start <= row[0] < outage.end and row[4].cause in causes
    ]
    taken = state.last_delivery() if denied else None
    return taken is not None and taken[0] > max(denied)
