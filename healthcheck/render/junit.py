"""Reports as JUnit XML, in the form that Jenkins, GitLab and others read: a suite a domain, a test case a finding. Pure.

What could not be checked is an error, never a failure: nothing was found to be wrong. What the configuration ignores is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import HealthcheckError
from ..model import Assertion, Finding, Ignored, Report, Status
from . import escape, words
from .escape import xml
from .json import plain, when
from .pieces import Context, answer, body, ignored, known, place_of, shown_place, title, word

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="healthcheck">\n'
END = "</testsuites>\n"

_Case = tuple[str, str, str, str, str]  # class, name, outcome (failure, error, skipped, ""), message, text


def suite(report: Report, context: Context) -> str:
    """A domain's suite. Problems are failures; warnings and notes are by --fail-on, else they stand in the case's output."""
    cases = [*(_finding(report, one, context) for one in report.findings), *(_ignored(report, one, context) for one in report.ignored)]
    cases += [_assertion(report, one, context) for one in report.assertions]
    properties = {"domain": report.domain.name, "profile": report.profile, "verdict": report.verdict.value}
    notes = [f"{shown_place(one.location, context.root)} {escape.line(one.text)}".strip() for one in report.warnings]
    return _suite(report.domain.name, cases, properties, when(report.scanned_at).removesuffix("Z"), report.timing.elapsed_ms / 1000, notes)


def failed(source: str, fault: HealthcheckError, context: Context) -> str:
    """An input that could not be answered: a suite with one error."""
    place = shown_place(context.place, context.root)
    text = "\n".join(filter(None, (place, escape.line(fault.detail))))
    return _suite(escape.line(source, 200), [("healthcheck", word("failed"), "error", fault.title, text)], {}, "", 0, [])


def _outcome(status: Status, context: Context) -> str:
    if status is Status.UNKNOWN:  # with --unknown pass or warn it fails nothing, and stays in sight
        return "error" if context.blind_counts() else "skipped"
    return "failure" if status is Status.FAIL or context.counts(status) else ""


def _finding(report: Report, finding: Finding, context: Context) -> _Case:
    row = words.row_of(finding)
    name = f"{finding.code} {row.slug}: {escape.line(finding.subject, 200)}"
    text = [shown_place(place_of(finding, context), context.root), *body(finding)]
    outcome = _outcome(finding.status, context)
    if outcome and known(report, finding):
        outcome, text = "", [word("baseline"), *text]
    if finding.status is Status.PASS:
        text = text[1:2]
    return f"{report.domain.name}.{row.topic}", name, outcome, title(finding), "\n".join(filter(None, text))


def _ignored(report: Report, one: Ignored, context: Context) -> _Case:
    where, name, _, _, text = _finding(report, one.finding, context)
    return where, name, "skipped", ignored(one), text


def _assertion(report: Report, one: Assertion, context: Context) -> _Case:
    outcome = {"holds": "", "fails": "failure"}.get(one.result, _outcome(Status.UNKNOWN, context))
    said = escape.line(one.why) or words.fill(word("actual"), {"actual": escape.line(words.shown(plain(one.actual)))})
    text = [shown_place(one.location, context.root), f"{escape.line(one.text)}: {word(one.result)}. {said}", *map(answer, one.evidence)]
    return f"{report.domain.name}.policy", escape.line(one.text), outcome, said, "\n".join(filter(None, text))


def _suite(name: str, cases: list[_Case], properties: dict[str, str], timestamp: str, seconds: float, notes: list[str]) -> str:
    counts = {kind: sum(case[2] == kind for case in cases) for kind in ("failure", "error", "skipped")}
    head = {"name": name, "tests": len(cases), "failures": counts["failure"], "errors": counts["error"], "skipped": counts["skipped"]}
    head |= {"time": f"{max(0.0, seconds):.3f}"} | ({"timestamp": timestamp} if timestamp else {})
    lines = [f"<testsuite {_attributes(head)}>"]
    if properties:
        lines.append("  <properties>" + "".join(f"<property {_attributes({'name': k, 'value': v})}/>" for k, v in properties.items()) + "</properties>")
    seen: dict[tuple[str, str], int] = {}
    for case in cases:
        lines += _case(case, seen)
    if notes:
        lines.append(f"  <system-err>{_block(chr(10).join(notes))}</system-err>")
    return "\n".join([*lines, "</testsuite>"]) + "\n"


def _case(case: _Case, seen: dict[tuple[str, str], int]) -> Iterator[str]:
    where, name, outcome, message, text = case
    seen[where, name] = seen.get((where, name), 0) + 1
    if seen[where, name] > 1:  # readers tell cases apart by class and name
        name = f"{name} ({seen[where, name]})"
    yield f"  <testcase {_attributes({'classname': where, 'name': name, 'time': '0'})}>"
    if outcome:
        kind = {} if outcome == "skipped" else {"type": name.partition(" ")[0]}
        yield f"    <{outcome} {_attributes({'message': message, **kind})}>{_block(text)}</{outcome}>"
    elif text:
        yield f"    <system-out>{_block(text)}</system-out>"
    yield "  </testcase>"


def _block(text: str) -> str:
    """Text between tags: its own line ends may stay as they are."""
    return xml(text).replace("&#10;", "\n")


def _attributes(values: dict[str, object] | dict[str, str]) -> str:
    return " ".join(f'{key}="{xml(value)}"' for key, value in values.items())
