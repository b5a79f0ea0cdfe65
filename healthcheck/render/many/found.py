"""The patterns that were found, and the paragraph on top that says what to do first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...bounce.many.survey import words as known_patterns
from ...model import Pattern, Report, Scan, Status
from ..words import ORDER, fill, message
from .figures import number, percent, when
from .said import provider_name, say, title_of, words

NONE: Mapping[str, Report] = {}
GRAVE = ("emergency", "critical", "bad")


def pattern_json(pattern: Pattern, scans: Mapping[str, Report] = NONE) -> dict[str, Any]:
    """A pattern with its words, and with what the scan of its sender found, where one was made. Of state "could-not-check" it is neither found nor absent, and `text` says what was missing."""
    known = known_patterns()
    row = known[pattern.slug]
    figures = {key: number(value) if isinstance(value, int) and not isinstance(value, bool) else value for key, value in pattern.values.items()}
    slots = {**figures, "count": number(pattern.count), "of": number(pattern.of or 0)}
    if "provider" in slots:
        slots["provider"] = provider_name(str(slots["provider"]))
    spoken = {**row, **row.get("choices", {}).get(pattern.variant, {})}
    unsure = pattern.state != "found"
    return {
        "slug": pattern.slug,
        "variant": pattern.variant or None,
        "state": pattern.state,
        "tone": "unknown" if unsure else _tone(pattern.slug),
        "title": fill(spoken["title"], slots),
        "meaning": fill(spoken["meaning"], slots),
        "next": [fill(step, slots) for step in spoken["next"]],
        "text": fill(known["why"][pattern.why], slots) if pattern.why else None,
        "values": dict(pattern.values),
        "count": pattern.count,
        "of": pattern.of,
        "events": [{"source": e.source, "at": when(e.at), "recipient": e.recipient, "cause": e.cause, "title": title_of(e.cause)} for e in pattern.events],
        "addresses": list(pattern.addresses),
        "scan": _scan(pattern.scan, scans.get(pattern.scan.domain)) if pattern.scan else None,
    }


def _scan(wanted: Scan, report: Report | None) -> dict[str, Any]:
    """Which scan explains the cluster; `verdict` and `findings` (those that are no pass, the worst first) only once it was made."""
    out: dict[str, Any] = {"domain": wanted.domain, "topics": list(wanted.topics), "verdict": None, "findings": []}
    if report is not None:
        found = sorted((f for f in report.findings if f.status is not Status.PASS), key=lambda f: ORDER.index(f.status.value))
        out["verdict"] = report.verdict.value
        out["findings"] = [{"code": f.code, "status": f.status.value, "subject": f.subject, "text": message(f)} for f in found]
    return out


def _tone(slug: str) -> str:
    return next((tone for tone, slugs in words()["urgency"].items() if slug in slugs), "warn")


def worst_first(row: Mapping[str, Any]) -> tuple[bool, int, int, str]:
    """The order of patterns: what makes everything else worse goes first; what could not be told goes last."""
    slugs = [slug for slugs in words()["urgency"].values() for slug in slugs]
    return row["state"] != "found", slugs.index(row["slug"]) if row["slug"] in slugs else len(slugs), -row["count"], row["title"]


def summary_json(given: Mapping[str, Any], rates: Mapping[str, Any], patterns: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> dict[str, Any]:
    """One paragraph: what was read, what to do first, and what after it. `state` as of a report: fail, warn, pass, unknown."""
    total = rates["total"]
    slots = {
        "events": number(given["events"]),
        "addresses": number(given["addresses"]),
        "bounced": number(sum(total["counts"][kind] for kind in ("hard", "soft", "block"))),
        "suppress": number(counts["suppress"]),
        "hold": number(counts["hold"]),
        "unread": number(given["bad"]),
    }
    if not given["events"]:
        return {"state": "unknown", "text": fill(say("summary", "nothing", "text"), slots), "first": None}
    worst = _worst(total["rates"])
    found = [row for row in patterns if row["state"] == "found"]
    parts = [_counted(total, slots)]
    first, state = None, "pass"
    if found:
        first, state = found[0]["slug"], found[0]["tone"]
        parts.append(fill(say("summary", "first", "text"), {"what": found[0]["title"], "next": found[0]["next"][0]}))
    elif worst:
        first, state = f"{worst['measure']}-{worst['band']}", "fail" if worst["band"] != "bad" else "warn"
        what = fill(say("summary", "rate", "text"), {"measure": worst["title"], "percent": percent(worst["percent"]), "band": worst["band_title"]})
        parts.append(fill(say("summary", "first", "text"), {"what": what, "next": worst["advice"]}))
    for action in ("suppress", "hold"):
        if counts[action]:
            parts.append(fill(say("summary", action, "text" if first else "alone"), slots))
            first = first or action
            state = "warn" if state == "pass" else state
    if not first:
        parts.append(fill(say("summary", "fine", "text"), slots))
    if worst and found:
        state = "fail" if worst["band"] != "bad" else state
    if given["bad"]:
        parts.append(fill(say("summary", "unread", "text"), slots))
    return {"state": state, "text": " ".join(parts), "first": first}


def _counted(total: Mapping[str, Any], slots: Mapping[str, str]) -> str:
    whole = next(rate for rate in total["rates"] if rate["measure"] == "total")
    key = "counted" if whole["percent"] is None else "rated"
    return fill(say("summary", key, "text"), {**slots, "percent": percent(whole["percent"]), "of": number(whole["of"] or 0), "why": whole["text"] or ""})


def _worst(rates: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The measure in the worst band, where one is bad or worse."""
    judged = [rate for rate in rates if rate["band"] in GRAVE]
    return min(judged, key=lambda rate: GRAVE.index(rate["band"])) if judged else None
