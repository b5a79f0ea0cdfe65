"""One assertion over one report: it holds, it fails, or it is unknown. Pure."""

from __future__ import annotations

from typing import Any

from ..catalog import catalog
from ..model import Answer, Assertion, Finding, Location, Report, Status
from .grammar import Line, moment
from .had import ABSENT, UNKNOWN, VALUE, Facts, Had

HOLDS, FAILS = "holds", "fails"


def judge(line: Line, report: Report, location: Location | None = None, facts: Facts | None = None) -> Assertion:
    """What a report says to an assertion. Pure; never raises on what the report holds.

    holds    the fact is known, and the comparison is true of it; of every element where the path names several
    fails    it is known and the comparison is false, or what it is about is known to be absent
    unknown  it could not be had: never a fail, and never a pass
    A path that names several values fails where there are none of them: nothing was shown.
    facts: those of the report, where many lines are judged.
    """
    facts = facts or Facts(report)
    found = list(facts.each(line.path))
    verdicts = [_one(line, had) for had in found]
    if line.operator == "contains" and line.several:
        result = HOLDS if HOLDS in verdicts else UNKNOWN if UNKNOWN in verdicts else FAILS
    else:
        result = FAILS if FAILS in verdicts else UNKNOWN if UNKNOWN in verdicts else HOLDS
    # of several, the words are those of the first that decided it
    why = next((had.why for had, verdict in zip(found, verdicts, strict=True) if verdict == result and had.why), "") if result != HOLDS else ""
    values = [had.value for had in found if had.state == VALUE]
    actual: Any = values if line.several else values[0] if values else None
    return Assertion(
        text=line.text,
        result=result,
        actual=_plain(actual),
        why=why,
        location=location,
        evidence=_evidence(line, report, facts, result),
        counts=result != UNKNOWN or (any(had.counts for had in found if had.state == UNKNOWN) and not _outside(line.topic, report)),
    )


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _one(line: Line, had: Had) -> str:
    if had.state == ABSENT:
        return FAILS
    if had.state == UNKNOWN:
        return _by_floor(line, had.floor)
    return HOLDS if _true(line, had.value) else FAILS


def _by_floor(line: Line, floor: Any) -> str:
    """What is known to be at least so much decides some comparisons."""
    if not isinstance(floor, int) or not isinstance(line.value, int | float):
        return UNKNOWN
    if line.operator in ("<", "<=", "=="):
        over = floor >= line.value if line.operator == "<" else floor > line.value
        return FAILS if over else UNKNOWN
    if line.operator in (">", ">=", "!="):
        over = floor >= line.value if line.operator == ">=" else floor > line.value
        return HOLDS if over else UNKNOWN
    return UNKNOWN


def _true(line: Line, actual: Any) -> bool:
    wanted: Any = line.value
    if line.fact.kind == "time":
        return _timed(line, str(actual))
    match line.operator:
        case "==":
            return bool(_plain(actual) == wanted)
        case "!=":
            return bool(_plain(actual) != wanted)
        case "<":
            return bool(actual < wanted)
        case "<=":
            return bool(actual <= wanted)
        case ">":
            return bool(actual > wanted)
        case ">=":
            return bool(actual >= wanted)
        case "in":
            return actual in wanted
    # contains: a list of several places is looked into, one text is searched
    if isinstance(actual, str):
        return actual == wanted if line.several else wanted in actual
    return wanted in actual


def _timed(line: Line, actual: str) -> bool:
    at = moment(actual)
    if at is None:
        return False
    if line.operator == "in":
        return at in [moment(str(one)) for one in line.value]
    than = moment(str(line.value))
    assert than is not None  # the grammar takes no other
    order = (at > than) - (at < than)
    return {"==": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[line.operator]


def _evidence(line: Line, report: Report, facts: Facts, result: str) -> tuple[Answer, ...]:
    """The answers that the fact rests on; of one that is unknown those, too, that its topic lacks."""
    lacks = [a for f in _of_topic(line.topic, report) if _open(f) for a in f.evidence if a.unsure] if result == UNKNOWN else []
    return tuple(dict.fromkeys((*facts.evidence(line.path), *lacks)))


def _of_topic(topic: str, report: Report) -> list[Finding]:
    return [f for f in report.findings if catalog().checks[f.code].topic.replace("-", "_") == topic]


def _open(finding: Finding) -> bool:
    return finding.status is Status.UNKNOWN or finding.code.endswith("999")


def _outside(topic: str, report: Report) -> bool:
    """Could the topic not be looked at only because its names lie outside the zone files?"""
    left = [f for f in _of_topic(topic, report) if _open(f)]
    return bool(left) and all(f.code.endswith("999") for f in left)
