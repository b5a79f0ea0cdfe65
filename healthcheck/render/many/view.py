"""A result about many bounces as `bounces/1`: every value with its words, worst first. Pure. Text and pages are made of this."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...bounce.many.policy import words as known_rules
from ...bounce.many.rates import day_name
from ...model import Action, Decision, Offer, Outage, Report
from ..words import fill
from .figures import number, when
from .found import NONE, pattern_json, summary_json, worst_first
from .rates import causes as causes_json
from .rates import rates as rates_json
from .said import plain, provider_name, say, title_of

if TYPE_CHECKING:
    from ...bounce.many.formats import FileRead
    from ...bounce.many.policy import Policy
    from ...many import Result

DECISIONS = 10_000  # addresses that JSON names; the CSV has all of them
FILES, TROUBLES, SOURCES, OFFERS = 200, 50, 10, 100
ORDER = (Action.SUPPRESS, Action.HOLD, Action.COUNT, Action.KEEP)
DAY = 86400


def as_json(result: Result, *, most: int = DECISIONS, scans: Mapping[str, Report] = NONE, decisions: Iterable[Decision] | None = None) -> dict[str, Any]:
    """A result as `bounces/1`. Pure; about 20 µs for each address that failed.

    most   how many decisions are named, the worst first; `decisions.left_out` says how many were not. The counts are always those of all.
    scans  reports about the senders that patterns blame, by domain, where such were made: each is joined to all its patterns
    decisions  result.decisions(), where they are worked out already

    A rate whose percent is null could not be computed, or is not judged: `why` and `text` say which. A pattern of state "could-not-check" is neither
    found nor absent.
    """
    given = _input(result)
    chosen, counts = _chosen(result.decisions() if decisions is None else decisions, most)
    patterns = sorted((pattern_json(pattern, scans) for pattern in result.patterns), key=worst_first)
    rates = rates_json(result)
    named = [_decision(decision, result.policy) for decision in chosen]
    return {
        "schema": "bounces/1",
        "input": given,
        "summary": summary_json(given, rates, patterns, counts),
        "patterns": patterns,
        "rates": rates,
        "causes": causes_json(result),
        "outages": [_outage(outage) for outage in result.outages],
        "decisions": {
            "counts": counts,
            "rows": named,
            "left_out": sum(counts.values()) - len(named),
        },
        "offers": [_offer(offer) for offer in result.offers[:OFFERS]],
        "policy": {field.name: plain(getattr(result.policy, field.name)) for field in fields(result.policy)},
    }


# ------------------------------------------------------------------ what was read


def _input(result: Result) -> dict[str, Any]:
    days = sorted(day for _, day in result.many.tally.by_provider if day is not None)
    troubles = (trouble for file in result.files for trouble in file.troubles)
    return {
        "files": [_file(file) for file in result.files[:FILES]],
        "files_left_out": max(0, len(result.files) - FILES),
        "events": result.many.events,
        "addresses": sum(1 for _ in result.many.addresses()),
        "first_day": day_name(days[0]) if days else None,
        "last_day": day_name(days[-1]) if days else None,
        "troubles": [{"file": one.file, "line": one.line or None, "text": one.words} for one in islice(troubles, TROUBLES)],
        "bad": sum(file.bad for file in result.files),
        "sent": result.sent,
    }


def _file(file: FileRead) -> dict[str, Any]:
    """What a file was taken for, and what came of it. `bad` rows could not be read; `passed` ones tell nothing of a delivery."""
    return {name: getattr(file, name) for name in ("name", "form", "kind", "title", "rows", "events", "passed", "bad")} | {"unreadable": file.unreadable}


# ------------------------------------------------------------------ decisions


def _chosen(decisions: Iterable[Decision], most: int) -> tuple[list[Decision], dict[str, int]]:
    """The worst decisions, and how many there are of each action. One pass; holds `most` of them."""
    counts = dict.fromkeys((action.value for action in ORDER), 0)

    def seen() -> Iterator[Decision]:
        for decision in decisions:
            counts[decision.action.value] += 1
            yield decision

    rank = {action: n for n, action in enumerate(ORDER)}
    chosen = heapq.nsmallest(most, seen(), key=lambda d: (rank[d.action], d.limit - d.count, d.recipient))
    return chosen, counts


def decision_slots(decision: Decision, policy: Policy) -> dict[str, Any]:
    """What fills the sentences of a decision."""
    span = decision.last - decision.since if decision.last is not None and decision.since is not None else 0
    least = policy.full_min_span_days if decision.why.startswith("full") else policy.soft_min_span_days
    return {
        "count": decision.count,
        "limit": decision.limit,
        "days": max(1, int(span // DAY)) if span else least,
        "cause": title_of(decision.cause),
        "provider": provider_name(decision.provider),
        "window": policy.soft_window_days,
        "hours": policy.outage_hold_hours,
    }


def _decision(decision: Decision, policy: Policy) -> dict[str, Any]:
    row, slots = known_rules()["why"][decision.why], decision_slots(decision, policy)
    return {
        "recipient": decision.recipient,
        "action": decision.action.value,
        "why": decision.why,
        "title": fill(row["title"], slots),
        "text": fill(row["text"], slots),
        "next": fill(row["next"], slots),
        "cause": decision.cause,
        "since": when(decision.since),
        "source": decision.source,
        "count": decision.count,
        "limit": decision.limit,
        "last": when(decision.last),
        "expires": when(decision.expires),
        "sources": list(decision.sources),
        "scope": decision.scope,
        "provider": decision.provider,
        "delivered": when(decision.delivered),
        "reply": decision.text,
    }


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "domain": offer.domain,
        "cause": offer.cause,
        "title": title_of(offer.cause),
        "addresses": offer.addresses,
        "since": when(offer.since),
        "sources": list(offer.sources[:SOURCES]),
    }


def _outage(outage: Outage) -> dict[str, Any]:
    start, end = when(outage.start), when(outage.end)
    slots = {"provider": provider_name(outage.provider), "day": (start or "")[:10], "count": number(outage.count), "usual": f"{outage.usual:g}"}
    return {
        "provider": outage.provider,
        "kind": outage.kind,
        "text": fill(say("outage", outage.kind, "text"), {**slots, "proven": number(outage.proven)}),
        "start": start,
        "end": end,
        "count": outage.count,
        "usual": outage.usual,
        "proven": outage.proven,
        "sources": list(outage.sources[:SOURCES]),
    }
