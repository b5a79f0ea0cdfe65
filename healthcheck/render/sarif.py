"""Reports as SARIF 2.1.0 (OASIS, errata 01): one run, a rule for each code, a result for each finding. Pure.

A finding that could not be checked is a result of kind "open", and so of level "none" (section 3.27.10): never a failure, and
never taken for absent. Notes, warnings and problems are of kind "fail" and differ in level.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from ..catalog import CheckRow, catalog
from ..errors import HealthcheckError
from ..model import Assertion, Finding, Ignored, Location, Report, Status, Warned
from . import escape, words
from .json import plain, when
from .pieces import Context, answer, evidence, ignored, known, place_of, record, records, uri, word

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ASSERTION = "POLICY"  # the rule of the assertions of a configuration, which have no code
LEVELS = {Status.FAIL: "error", Status.WARN: "warning", Status.NOTE: "note", Status.UNKNOWN: "none", Status.PASS: "none"}
KINDS = {Status.UNKNOWN: "open", Status.PASS: "pass"}
_RFC = re.compile(r"^RFC (\d+)(?: section ([\d.]+\d|\d))?")
_PLACEHOLDER = re.compile(r"\{(\d+)\}")


def _text(text: object, most: int = escape.MOST) -> str:
    """Text of a message. What SARIF reads as a link (section 3.11.6) or as a placeholder (3.11.5) is neither."""
    return _PLACEHOLDER.sub(r"{{\1}}", escape.line(text, most)).replace("](", "] (")


# ------------------------------------------------------------------ rules


def link(ref: str) -> str | None:
    """The page of a reference, where it is an RFC or an address itself.

    >>> link("RFC 7208 section 4.6.4")
    'https://www.rfc-editor.org/rfc/rfc7208#section-4.6.4'
    """
    if ref.startswith("https://"):
        return ref
    if not (found := _RFC.match(ref)):
        return None
    return f"https://www.rfc-editor.org/rfc/rfc{found[1]}" + (f"#section-{found[2]}" if found[2] else "")


def rule(row: CheckRow) -> dict[str, Any]:
    """A check as a reportingDescriptor (section 3.49). The words of a case are not known here: its slots show as “…”."""
    help_lines = [words.fill(row.fix, {}), *(f"{n}. {words.fill(step, {})}" for n, step in enumerate(row.steps, 1))]
    linked = [f"[{escape.sentence(ref)}]({page})" if (page := link(ref)) else escape.sentence(ref) for ref in row.refs]
    pages = [page for ref in row.refs if (page := link(ref))]
    level = LEVELS[row.severity]
    out: dict[str, Any] = {
        "id": row.code,
        "name": row.slug,
        "shortDescription": {"text": _text(words.fill(row.title, {}))},
        "fullDescription": {"text": _text(words.fill(row.why, {}))},
        "help": {
            "text": "\n".join([*map(_text, help_lines), f"{word('see')} {', '.join(row.refs)}"]),
            "markdown": "\n".join([escape.sentence(help_lines[0]), "", *map(escape.sentence, help_lines[1:]), "", f"{word('see')} {', '.join(linked)}"]),
        },
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["email", row.topic], "since": row.since, "problem.severity": level if level in ("error", "warning") else "recommendation"},
    }
    return out | ({"helpUri": pages[0]} if pages else {})


def _rule(code: str) -> dict[str, Any]:
    if code != ASSERTION:
        return rule(catalog().checks[code])
    text = word("assertion")
    return {
        "id": ASSERTION,
        "name": "policy-assertion",
        "shortDescription": {"text": text},
        "fullDescription": {"text": word("assertion_why")},
        "help": {"text": word("assertion_why")},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["email", "policy"]},
    }


# ------------------------------------------------------------------ results


def results(report: Report, context: Context) -> list[dict[str, Any]]:
    """A report's results, without the index of their rule, which the log adds. What passed only where it is asked for."""
    seen: dict[str, int] = {}
    shown = [f for f in report.findings if context.passed or f.status is not Status.PASS]
    out = [_result(report, finding, context, seen) for finding in shown]
    out += [_suppressed(report, one, context, seen) for one in report.ignored]
    return out + [_asserted(report, one, seen) | _where(report, one.location or context.place, context) for one in report.assertions if _wanted(one, context)]


def _wanted(one: Assertion, context: Context) -> bool:
    return context.passed or one.result != "holds"


def _result(report: Report, finding: Finding, context: Context, seen: dict[str, int]) -> dict[str, Any]:
    fix = words.fix(finding)
    out: dict[str, Any] = {
        "ruleId": finding.code,
        "kind": KINDS.get(finding.status, "fail"),
        "level": LEVELS[finding.status],
        "message": {"text": _text(words.message(finding))},
        **_where(report, place_of(finding, context), context),
        "partialFingerprints": _fingerprints(finding.code, report.domain.name, finding.subject, seen),
        "properties": {
            "domain": report.domain.name,
            "topic": words.row_of(finding).topic,
            "status": finding.status.value,
            "subject": escape.line(finding.subject),
            "fix": escape.line(fix["summary"]),
            "records": [{"name": escape.line(r.name), "type": r.rtype, "change": record(r)} for r in records(finding)],
            "evidence": evidence(finding),
        },
    }
    if report.new is not None:
        out["baselineState"] = "unchanged" if known(report, finding) else "new"
    return out


def _suppressed(report: Report, one: Ignored, context: Context, seen: dict[str, int]) -> dict[str, Any]:
    """A finding that the configuration ignores, with its reason (section 3.35)."""
    suppression: dict[str, Any] = {"kind": "external", "justification": ignored(one)}
    if one.location:
        suppression["location"] = _physical(one.location, context)
    out = _result(report, one.finding, context, seen)
    out.pop("baselineState", None)
    return {**out, "suppressions": [suppression]}


def _asserted(report: Report, one: Assertion, seen: dict[str, int]) -> dict[str, Any]:
    status = {"holds": Status.PASS, "fails": Status.FAIL}.get(one.result, Status.UNKNOWN)
    said = escape.line(one.why) or words.fill(word("actual"), {"actual": escape.line(words.shown(plain(one.actual)))})
    return {
        "ruleId": ASSERTION,
        "kind": KINDS.get(status, "fail"),
        "level": LEVELS[status],
        "message": {"text": _text(f"{one.text}: {word(one.result)}. {said}")},
        "partialFingerprints": _fingerprints(ASSERTION, report.domain.name, one.text, seen),
        "properties": {"domain": report.domain.name, "assertion": escape.line(one.text), "result": one.result, "evidence": [answer(a) for a in one.evidence]},
    }


def _fingerprints(code: str, domain: str, subject: str, seen: dict[str, int]) -> dict[str, str]:
    """What tells that two runs found the same (section 3.27.17). GitHub goes by primaryLocationLineHash, whose end counts equal ones."""
    key = sha256("\0".join((code, domain, subject)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    seen[key] = seen.get(key, 0) + 1
    return {"healthcheck/v1": f"{key}:{seen[key]}", "primaryLocationLineHash": f"{key}:{seen[key]}"}


def _where(report: Report, place: Location | None, context: Context) -> dict[str, Any]:
    location = _physical(place, context) if place else {}
    return {"locations": [{**location, "logicalLocations": [{"name": report.domain.name, "fullyQualifiedName": report.domain.name, "kind": "resource"}]}]}


def _physical(place: Location, context: Context) -> dict[str, Any]:
    where, inside = uri(place.file, context.root)
    artifact = {"uri": where, "uriBaseId": "%SRCROOT%"} if inside else {"uri": where}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": max(1, place.line)}}}


# ------------------------------------------------------------------ the log


def warned(one: Warned, context: Context) -> dict[str, Any]:
    """Something about the configuration, as a notification (section 3.58)."""
    out: dict[str, Any] = {"level": "warning", "message": {"text": _text(one.text)}}
    return out | ({"locations": [_physical(one.location, context)]} if one.location else {})


def failed(source: str, fault: HealthcheckError, context: Context) -> dict[str, Any]:
    """An input that could not be answered, as a notification."""
    out: dict[str, Any] = {"level": "error", "message": {"text": _text(f"{source[:200]}: {fault.title}. {fault.detail}")}}
    return out | ({"locations": [_physical(context.place, context)]} if context.place else {})


class Log:
    """The log, written as the reports come: results first, then the rules that they name. Holds no result."""

    def __init__(self) -> None:
        self._rules: dict[str, int] = {}
        self._notes: dict[str, list[dict[str, Any]]] = {"toolExecutionNotifications": [], "toolConfigurationNotifications": []}
        self._any = self._failed = False

    def head(self) -> str:
        return f'{{"$schema": {json.dumps(SCHEMA)}, "version": "2.1.0", "runs": [{{"columnKind": "unicodeCodePoints", "results": ['

    def add(self, part: Mapping[str, Any]) -> str:
        """part  {"results", "warned", "failed"}, as render/outputs.py makes it of a report or a fault"""
        for one in part["warned"]:
            if one not in self._notes["toolConfigurationNotifications"]:  # it is about the configuration, which all domains share
                self._notes["toolConfigurationNotifications"].append(one)
        self._notes["toolExecutionNotifications"] += part["failed"]
        return "".join(self._result(one) for one in part["results"])

    def _result(self, one: Mapping[str, Any]) -> str:
        index = self._rules.setdefault(one["ruleId"], len(self._rules))
        comma, self._any = "," if self._any else "", True
        return f"{comma}\n{json.dumps({'ruleId': one['ruleId'], 'ruleIndex': index, **one})}"

    def end(self, code: int, ended: Any) -> str:
        """code  the exit code; ended: the time, aware, of the end of the run"""
        from .. import __version__

        driver = {
            "name": "healthcheck",
            "semanticVersion": __version__,
            "shortDescription": {"text": word("tool")},
            "rules": [_rule(name) for name in self._rules],
        }
        bad = bool(self._notes["toolExecutionNotifications"])
        invocation = {"executionSuccessful": not bad and code in (0, 1, 3), "exitCode": code, "endTimeUtc": when(ended)}
        invocation |= {key: value for key, value in self._notes.items() if value}
        tail = {"tool": {"driver": driver}, "invocations": [invocation], "automationDetails": {"id": "healthcheck/"}}
        return f"\n], {json.dumps(tail)[1:]}]}}\n"


def document(parts: Iterable[Mapping[str, Any]], code: int, ended: Any) -> str:
    """A whole log at once."""
    log = Log()
    return log.head() + "".join(map(log.add, parts)) + log.end(code, ended)
