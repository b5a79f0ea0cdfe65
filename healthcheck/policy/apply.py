"""Policy and Report -> the report as the repository sees it, and its exit code. Pure.

policy.given(domain)        what to scan a domain with
policy.applied(report)      the report with assertions, ignored findings, warnings, and what is new
policy.exit_code(report)    0, 1 or 3
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from ..catalog import catalog
from ..model import VERDICT_ORDER, Finding, Ignored, Report, Status, TopicResult, Warned, worst
from ..profiles import profiles
from .baseline import Baseline
from .had import UNKNOWN, Facts
from .judge import FAILS, judge
from .reader import Config, Ignore

FAIL_ON = ("fail", "warn", "note", "never")


@dataclass(frozen=True)
class Policy:
    """What a run goes by.

    usual   what holds where nobody says otherwise: profile, ips, selectors …, and fail_on and unknown
    forced  what the command line says, which goes before the file
    """

    usual: Mapping[str, Any]
    forced: Mapping[str, Any] = field(default_factory=dict)
    config: Config | None = None
    baseline: Baseline | None = None
    writes: str | None = None  # the file of the baseline that this run makes, so that nothing in it is new

    def settings(self, domain: str) -> dict[str, Any]:
        """All settings of a domain: the command line, then the domain, then the defaults of the file, then the usual. Pure."""
        own = self.config.of(domain).given if self.config is not None else {}
        return {**self.usual, **own, **self.forced}

    def given(self, domain: str) -> dict[str, Any]:
        """What scan takes. Topics that are named bring starttls with them, and the other way round. Pure."""
        from ..checks import given_topics

        all_of_it = self.settings(domain)
        topics, starttls = given_topics(all_of_it.get("topics") or (), starttls=bool(all_of_it.get("starttls")))
        return {key: value for key, value in all_of_it.items() if key not in ("fail_on", "unknown")} | {"topics": topics, "starttls": starttls}

    def applied(self, report: Report) -> Report:
        """The report as the repository sees it. Its findings, topics and verdict are without what is ignored. Pure."""
        domain = report.domain.name
        today = report.scanned_at.date()
        lines = self.config.of(domain).lines if self.config is not None else ()
        facts = Facts(report)
        report = replace(report, assertions=tuple(judge(line, report, at, facts) for line, at in lines))
        if self.config is not None and self.config.ignores:
            report = ignoring(report, self.config.ignores, today)
        if self.writes:
            return replace(report, new=())
        return report if self.baseline is None else replace(report, new=self.baseline.new(report))

    def exit_code(self, report: Report) -> int:
        """0, 1 or 3 for a report that the policy was applied to."""
        settings = self.settings(report.domain.name)
        return exit_code(report, settings["fail_on"], settings["unknown"])


def exit_code(report: Report, fail_on: str, unknown: str | None) -> int:
    """0, 1 or 3 for one report; 1 wins over 3. With a baseline only new findings count; an assertion that fails is a finding. Pure.

    fail_on  the least finding that counts: fail | warn | note | never
    unknown  what a core check or an assertion that could not be made counts as: fail | warn | pass; None: it is exit 3
    """
    if fail_on == "never":
        return 0
    bad = (Status.FAIL, Status.WARN, Status.NOTE)[: FAIL_ON.index(fail_on) + 1]
    counted = report.findings if report.new is None else report.new
    core = profiles()[report.profile].core
    blind = any(f.status is Status.UNKNOWN and catalog().checks[f.code].topic in core for f in report.findings)
    blind = blind or any(a.result == UNKNOWN and a.counts for a in report.assertions)
    failed = any(f.status in bad for f in counted) or any(a.result == FAILS for a in report.assertions)
    if failed or (blind and unknown in bad):
        return 1
    return 3 if blind and unknown is None else 0


# ------------------------------------------------------------------ what is ignored


def ignoring(report: Report, ignores: Iterable[Ignore], today: date) -> Report:
    """The report without the findings that are ignored on that day, which stand in `ignored`, and a warning for each entry that is over. Pure.

    What passed needs no entry, and what could not be looked up has none: nobody knows it.
    """
    held: list[Ignored] = []
    warned: list[Warned] = []
    kept: list[Finding] = []
    rows = tuple(ignores)
    for finding in report.findings:
        own = [row for row in rows if finding.status not in (Status.PASS, Status.UNKNOWN) and _about(row, finding, report.domain.name)]
        current = next((row for row in own if row.expires >= today), None)
        if current is not None:
            held.append(Ignored(finding, current.reason, current.expires, current.location))
            continue
        kept.append(finding)
        for row in own:
            told = Warned(f"{row.code} is no longer ignored: its entry expired on {row.expires} ({row.reason})", row.location)
            if told not in warned:
                warned.append(told)
    if not held:
        return replace(report, warnings=(*report.warnings, *warned))
    core = profiles()[report.profile].core
    rows_of = catalog().checks
    return replace(
        report,
        findings=tuple(kept),
        ignored=(*report.ignored, *held),
        warnings=(*report.warnings, *warned),
        topics={name: _topic(name, result, kept, held) for name, result in report.topics.items()},
        verdict=worst(f.status for f in kept if f.status is not Status.UNKNOWN or rows_of[f.code].topic in core),
    )


def _about(row: Ignore, finding: Finding, domain: str) -> bool:
    return row.code == finding.code and row.domain in (None, domain) and (row.subject is None or row.subject.lower() == finding.subject.lower())


def _topic(name: str, result: TopicResult, kept: Iterable[Finding], held: Iterable[Ignored]) -> TopicResult:
    """A topic's verdict without what is ignored; a note where nothing else is said of it: what is ignored is no pass."""
    rows = catalog().checks
    gone = [one.finding for one in held if rows[one.finding.code].topic == name]
    if not gone:
        return result
    own = [f for f in kept if rows[f.code].topic == name]
    if not own:
        return TopicResult(Status.NOTE, rows[gone[0].code].title)
    first = min(own, key=lambda f: VERDICT_ORDER.index(f.status))
    return TopicResult(first.status, rows[first.code].title)
