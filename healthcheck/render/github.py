"""Reports as annotations of a GitHub Actions run: workflow commands on standard output. Pure.

GitHub shows ten of each kind a step; what is beyond that is counted in one notice, and not lost in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import HealthcheckError
from ..model import Assertion, Finding, Location, Report, Status
from . import escape, words
from .json import plain
from .pieces import Context, body, core, known, path, place_of, title, word, worst_first

MOST = 10
SEEN = 8  # answers that an annotation shows
LONGEST = 3000  # characters of a message: GitHub cuts what is far longer
KINDS = ("error", "warning", "notice")
_KIND = {Status.FAIL: "error", Status.WARN: "warning", Status.NOTE: "notice", Status.UNKNOWN: "warning"}


@dataclass(frozen=True, slots=True)
class Annotation:
    """kind: error, warning or notice; command: the line as the runner reads it."""

    kind: str
    command: str


def command(kind: str, message: str, *, heading: str, place: Location | None, root: str) -> Annotation:
    """One annotation. Whatever the message holds, it is one line and one command."""
    given = {"title": escape.line(heading, 200)}
    if place:
        given = {"file": path(place.file, root)[0], "line": str(max(1, place.line)), **given}
    shown = ",".join(f"{key}={escape.attribute(value)}" for key, value in given.items())
    return Annotation(kind, f"::{kind} {shown}::{escape.data(message)}")


def annotated(report: Report, context: Context) -> list[Annotation]:
    """Those of a report, worst first. What the baseline holds is no news and is left out; what passed is none."""
    out = [command("warning", one.text, heading=word("expired"), place=one.location, root=context.root) for one in report.warnings]
    out += [_assertion(report, one, context) for one in report.assertions if one.result != "holds"]
    out += [_finding(report, one, context) for one in worst_first(report) if not known(report, one)]
    return sorted(out, key=lambda one: KINDS.index(one.kind))


def _finding(report: Report, finding: Finding, context: Context) -> Annotation:
    kind = _KIND[finding.status]
    if finding.status is Status.UNKNOWN and not (core(report, finding) and context.blind_counts()):
        kind = "notice"
    message = _cut("\n".join(body(finding, LONGEST // 6, SEEN)))
    heading = f"{finding.code} {report.domain.name}: {title(finding)}"
    return command(kind, message, heading=heading, place=place_of(finding, context), root=context.root)


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return words.fill(word("cut"), {"text": text[:LONGEST].rstrip(), "count": len(text) - LONGEST})


def _assertion(report: Report, one: Assertion, context: Context) -> Annotation:
    said = escape.line(one.why) or words.fill(word("actual"), {"actual": escape.line(words.shown(plain(one.actual)))})
    kind = "error" if one.result == "fails" else "warning"
    heading = f"{report.domain.name}: {word('assertion')}"
    return command(kind, f"{escape.line(one.text)}: {word(one.result)}. {_cut(said)}", heading=heading, place=one.location or context.place, root=context.root)


def failed(source: str, fault: HealthcheckError, context: Context) -> list[Annotation]:
    """An input that could not be answered."""
    return [command("error", f"{source[:200]}: {escape.line(fault.detail)}", heading=word("failed"), place=context.place, root=context.root)]


def line(report: Report) -> str:
    """A line of the step's log for each domain, so that it is seen there also where all is well."""
    return f"{words.ICONS[report.verdict.value]} {report.domain.name}: {words.verdict(report.profile, report.verdict.value)}"


@dataclass
class Step:
    """The annotations of one step: at most ten of each kind, and one notice that counts the others."""

    _shown: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    _hidden: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    _last: Annotation | None = None  # the tenth notice, whose place the count of the hidden ones may need

    def add(self, those: list[Annotation]) -> Iterator[str]:
        for one in those:
            if self._shown[one.kind] < MOST - (one.kind == "notice"):
                self._shown[one.kind] += 1
                yield one.command
            elif one.kind == "notice" and self._last is None:
                self._last = one
            else:
                self._hidden[one.kind] += 1

    def end(self) -> Iterator[str]:
        if not any(self._hidden.values()):
            if self._last:
                yield self._last.command
            return
        self._hidden["notice"] += self._last is not None
        told = [words.fill(word(f"{'one' if n == 1 else 'many'}_{kind}"), {"count": n}) for kind, n in self._hidden.items() if n]
        text = words.fill(word("hidden"), {"count": sum(self._hidden.values()), "hidden": ", ".join(told), "most": MOST})
        yield command("notice", text, heading=word("hidden_title"), place=None, root=".").command
