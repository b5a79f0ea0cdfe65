"""What the formats for CI have in common: where a finding stands, what it rests on, and what it counts for. Pure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ..model import Answer, Finding, Ignored, Location, Record, Report, Status
from ..profiles import profiles
from . import escape, words

Locate = Callable[[str, str], Location | None]

_ASIDE = ("TXT", "MX", "CNAME", "A", "AAAA", "NS")


@dataclass(frozen=True, slots=True)
class Context:
    """How to render, beside the report itself.

    root     the folder that paths are shown relative to: where CI has checked out the repository
    fail_on  fail, warn, note or never: what counts as a failure
    unknown  fail, warn or pass: what counts for the thing that could not be checked; None: the default (exit 3)
    passed   whether what passed is listed where a format leaves it out as a rule (SARIF)
    place    where the domain was named (a file of domains, the configuration), for findings that stand nowhere else
    """

    root: str = "."
    fail_on: str = "fail"
    unknown: str | None = None
    passed: bool = False
    place: Location | None = None

    def counts(self, status: Status) -> bool:
        """Is a finding of this status a failure?"""
        order = ("fail", "warn", "note")
        return self.fail_on in order and status.value in order[: order.index(self.fail_on) + 1]

    def blind_counts(self) -> bool:
        """Does it matter for the exit code that something could not be checked?"""
        return self.unknown is None or (self.unknown in ("fail", "warn") and self.counts(Status(self.unknown)))


def core(report: Report, finding: Finding) -> bool:
    """Is it about a topic without which nothing can be said (mx, spf, dmarc as a rule)?"""
    return words.row_of(finding).topic in profiles()[report.profile].core


# ------------------------------------------------------------------ places


def placed(report: Report, locate: Locate) -> Report:
    """The report, its findings with the file and line of the record that they are about, where a zone file holds it.

    locate  World.locate. A finding that has its place keeps it. Of a record that is missing the place is that of its zone.
    """

    def at(finding: Finding) -> Finding:
        return finding if finding.location or not (found := _find(finding, report.domain.name, locate)) else replace(finding, location=found)

    findings = tuple(map(at, report.findings))
    if findings == report.findings and not report.ignored:
        return report
    ignored = tuple(replace(one, finding=at(one.finding)) for one in report.ignored)
    return replace(report, findings=findings, ignored=ignored, new=None if report.new is None else tuple(map(at, report.new)))


def _find(finding: Finding, domain: str, locate: Locate) -> Location | None:
    asked: list[tuple[str, str]] = [(finding.record.name, finding.record.rtype)] if finding.record else []
    asked += [(choice.record.name, choice.record.rtype) for choice in finding.choices if choice.record]
    asked += [(answer.name, answer.rtype) for answer in finding.evidence if answer.found]
    asked += [(domain, rtype) for rtype in ("SOA", *_ASIDE)]
    return next((found for name, rtype in asked if (found := locate(name, rtype))), None)


def place_of(finding: Finding, context: Context) -> Location | None:
    return finding.location or context.place


def path(file: str, root: str) -> tuple[str, bool]:
    """A file's path with slashes, and whether it lies within `root`: then it is relative to it, which is how CI names the files of a repository."""
    whole, top = Path(os.path.abspath(file)), Path(os.path.abspath(root))
    inside = whole.is_relative_to(top)
    return (whole.relative_to(top) if inside else whole).as_posix(), inside


def uri(file: str, root: str) -> tuple[str, bool]:
    """The same as a URI reference (RFC 3986): relative within the root, else file:///…"""
    shown, inside = path(file, root)
    if not inside:
        return (Path(shown) if Path(shown).is_absolute() else PurePosixPath("/", shown)).as_uri(), False
    return PurePosixPath("/", shown).as_uri().removeprefix("file:///"), True


def shown_place(location: Location | None, root: str) -> str:
    return f"{path(location.file, root)[0]}:{location.line}" if location else ""


# ------------------------------------------------------------------ findings


def known(report: Report, finding: Finding) -> bool:
    """Does the baseline hold it already, so that it is no news?"""
    return report.new is not None and finding not in report.new


def worst_first(report: Report) -> Iterator[Finding]:
    """The findings, those first that need a person; what passed is left out."""
    for status in words.ORDER[:-1]:
        yield from (finding for finding in report.findings if finding.status.value == status)


def title(finding: Finding) -> str:
    return escape.line(words.fill(words.row_of(finding).title, words.slots(finding)), 200)


def evidence(finding: Finding, most: int = escape.MOST) -> list[str]:
    """Each answer on a line: the question, and the records, or the outcome."""
    return [answer(one, most) for one in finding.evidence]


def answer(value: Answer, most: int = escape.MOST) -> str:
    held = "; ".join(escape.line(v, most) for v in value.values) if value.values else words.word("outcome", value.outcome.value)
    where = f" ({escape.line(value.detail, most)})" if value.unsure and value.detail else ""
    return f"{escape.line(value.name)} {value.rtype}: {held}{where}"


def record(value: Record) -> list[str]:
    """A change of a record set as lines that can be copied: what goes, and what comes. Never cut."""
    return [*(f"- {escape.visible(one)}" for one in value.current), *(f"+ {escape.visible(one)}" for one in value.proposed)]


def records(finding: Finding) -> list[Record]:
    return [one for one in (finding.record, *(choice.record for choice in finding.choices)) if one]


def body(finding: Finding, most: int = escape.MOST, seen: int = 1000) -> list[str]:
    """The finding in plain lines: what was found, why it matters, what to do, the record to publish, and what was seen (so many answers)."""
    row, values = words.row_of(finding), words.slots(finding)
    fix = words.fix(finding)
    lines = [escape.line(words.message(finding), most), f"{word('why')} {escape.line(words.fill(row.why, values), most)}"]
    lines.append(f"{word('do')} {escape.line(fix['summary'], most)}")
    for one in records(finding):
        lines += [words.fill(word("publish"), {"type": one.rtype, "name": escape.line(one.name)}), *(f"  {part}" for part in record(one))]
    lines += [f"{word('seen')} {one}" for one in evidence(finding, most)[:seen]]
    if (more := len(finding.evidence) - seen) > 0:
        lines.append(words.fill(word("more"), {"count": more}))
    return [*lines, f"{word('see')} {', '.join(row.refs)}"]


def ignored(value: Ignored) -> str:
    """Why it counts for nothing, and until when."""
    return words.fill(word("ignored"), {"reason": escape.line(value.reason), "expires": value.expires.isoformat()})


def word(key: str) -> str:
    return words.word("ci", key)
