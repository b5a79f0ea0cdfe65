"""Reports and diagnoses as text for a terminal. Pure.

What was looked up is hostile: control characters, escape sequences among them, are shown as U+FFFD and never sent to a terminal.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from .. import profiles
from ..model import PROFILES, Answer, Cell, Diagnosis, EvidenceVerdict, Failure, Finding, Record, Reply, Report, Requirement, Status
from . import receivers, words

WIDTH = 100
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # the bidi overrides turn a line around
_WORDS = {"pass": "passed", "note": "note", "warn": "warning", "fail": "problem", "unknown": "could not check"}


def clean(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)


def wrapped(text: str, indent: str = "    ", first: str | None = None) -> Iterator[str]:
    lead = indent if first is None else first
    body = clean(" ".join(str(text).split()))
    yield from textwrap.wrap(body, WIDTH, initial_indent=lead, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [lead.rstrip()]


def _counted(report: Report) -> str:
    parts = []
    for status in words.ORDER:
        n = sum(f.status.value == status for f in report.findings)
        if n:
            many = words.word("status", status, "many", _WORDS[status])
            parts.append(f"{n} {many if n > 1 or status in ('unknown', 'pass') else _WORDS[status]}")
    return ", ".join(parts)


def report(value: Report, *, evidence: bool = True) -> str:
    """A report, the verdict first, then what needs a person, then what passed."""
    verdict = value.verdict.value
    shown = value.domain.shown if value.domain.shown == value.domain.name else f"{value.domain.shown} ({value.domain.name})"
    lines = [f"{words.ICONS[verdict]} {clean(shown)}: {words.verdict(value.profile, verdict)}", f"  {_counted(value)}", ""]
    if value.profile != PROFILES[0]:
        lines[1:1] = wrapped(f"{profiles.profiles()[value.profile].name} ({value.profile}).", "  ")
    requirements = profiles.asked(value)
    for topic, result in value.topics.items():
        name = words.word("topic", topic)
        lines += wrapped(result.summary, " " * 6, f"  {words.ICONS[result.verdict.value]} {name}: ")
    lines.append("")
    lines += _assertions(value)
    for status in words.ORDER[:-1]:
        for finding in value.findings:
            if finding.status.value == status:
                lines += [*_finding(finding, evidence), *_known(value, finding), *_breaks(profiles.broken_by(requirements, finding)), ""]
    passed = [f for f in value.findings if f.status is Status.PASS]
    if passed:
        lines.append("Passed")
        for finding in passed:
            lines += wrapped(words.message(finding), " " * 6, f"  ✓ {finding.code} ")
        lines.append("")
    lines += _ignored(value)
    lines += _matrix(value)
    timing = value.timing
    lines.append(f"{timing.distinct} DNS questions in {timing.elapsed_ms / 1000:.2f} s, at {value.scanned_at:%Y-%m-%d %H:%M:%S} UTC.")
    return "\n".join(line.rstrip() for line in lines) + "\n"


_RESULTS = {"holds": "pass", "fails": "fail", "unknown": "unknown"}


def _assertions(report: Report) -> Iterator[str]:
    """What the configuration asserts: those that do not hold first, each with its place and what was found."""
    ordered = sorted(report.assertions, key=lambda one: ("fails", "unknown", "holds").index(one.result))
    if ordered:
        yield words.word("asserted", "assertions")
    for one in ordered:
        at = f" [{clean(one.location.file)}:{one.location.line}]" if one.location else ""
        yield from wrapped(f"{one.text}{at}", " " * 6, f"  {words.ICONS[_RESULTS[one.result]]} {words.word('asserted', one.result)}: ")
        if one.result != "holds":
            found = "; ".join(filter(None, (one.why, "" if one.actual is None or one.actual == [] else shown_value(one.actual))))
            yield from wrapped(found or shown_value(one.actual), " " * 12, "      Found: ")
            for answer in one.evidence:
                yield from wrapped(_answer(answer), " " * 12, "      Seen: ")
    if ordered:
        yield ""


def shown_value(value: object) -> str:
    """What a fact holds, as it is written in an assertion; long lists cut short."""
    if isinstance(value, list):
        return "[" + ", ".join(shown_value(one) for one in value[:8]) + (", …]" if len(value) > 8 else "]")
    return f'"{value[:200]}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def _known(report: Report, finding: Finding) -> Iterator[str]:
    if report.new is not None and finding.status in (Status.FAIL, Status.WARN, Status.NOTE):
        yield f"    {words.word('asserted', 'new' if finding in report.new else 'known')}"


def _ignored(report: Report) -> Iterator[str]:
    """What the configuration ignores, with its reason, and what there is to say of the configuration itself."""
    if report.ignored:
        yield words.word("asserted", "ignored")
    for one in report.ignored:
        at = f" [{clean(one.location.file)}:{one.location.line}]" if one.location else ""
        until = words.fill(words.word("asserted", "until"), {"expires": one.expires.isoformat(), "reason": one.reason})
        yield from wrapped(f"{words.message(one.finding)} {until}{at}", " " * 6, f"  - {one.finding.code} ")
    for warned in report.warnings:
        at = f" [{clean(warned.location.file)}:{warned.location.line}]" if warned.location else ""
        yield from wrapped(f"{warned.text}{at}", " " * 6, f"  {words.ICONS['warn']} ")
    if report.ignored or report.warnings:
        yield ""


def _breaks(those: Iterable[Requirement]) -> Iterator[str]:
    """Which receivers ask for what is amiss here."""
    for row in those:
        receiver = profiles.receivers()[row.receiver].name
        yield from wrapped(f"{receiver}, {profiles.words('applies', row.applies)}: {row.text}", " " * 12, "    Breaks: ")


_SIGNS = {"broken": "fail", "met": "pass", "unknown": "unknown", "not-in-dns": "note"}
_TITLE, _FIELD = 34, 16  # columns of the matrix


def _matrix(report: Report) -> Iterator[str]:
    """What receivers ask, one line a kind and a column a receiver: first of every sender, then of bulk senders besides."""
    cells = profiles.matrix(report)
    if not cells:
        return
    signs = {**{state: words.ICONS[sign] for state, sign in _SIGNS.items()}, "not-asked": "-"}
    yield profiles.words("title", "title")
    yield from wrapped(", ".join(f"{sign} {profiles.words('short', state)}" for state, sign in signs.items()), "  ")
    names = [receiver.name for receiver in profiles.receivers().values()]
    for who, kept in (("all", [c for c in cells if c.small != "not-asked"]), ("bulk", [c for c in cells if c.small == "not-asked" and c.bulk != "not-asked"])):
        yield _columns(f"  {profiles.words('applies', who)}", names)
        for kind in dict.fromkeys(c.kind for c in kept):
            own = {c.receiver: c for c in kept if c.kind == kind}
            yield _columns(f"    {profiles.words('kind', kind)}", [_field(own.get(receiver), signs) for receiver in profiles.receivers()])
    yield ""


def _field(cell: Cell | None, signs: Mapping[str, str]) -> str:
    if cell is None:
        return signs["not-asked"]
    return f"{signs[cell.bulk]} {', '.join(cell.by[:1])}{' …' if len(cell.by) > 1 else ''}"


def _columns(first: str, rest: Iterable[str]) -> str:
    return f"{first:<{_TITLE + 4}}" + "".join(f"{text:<{_FIELD}}" for text in rest)


def _finding(finding: Finding, evidence: bool) -> Iterator[str]:
    row, status = words.row_of(finding), finding.status.value
    at = f" [{clean(finding.location.file)}:{finding.location.line}]" if finding.location else ""
    yield f"{words.ICONS[status]} {status.upper()} {finding.code} {clean(words.fill(row.title, words.slots(finding)))}{at}"
    yield from wrapped(words.message(finding))
    yield from wrapped(words.fill(row.why, words.slots(finding)), first="    Why: ")
    yield from _fix(words.fix(finding), finding)
    if evidence:
        for answer in finding.evidence:
            yield from wrapped(_answer(answer), " " * 10, "    Seen: ")
    yield f"    See: {', '.join(row.refs)}"


def _fix(fix: dict[str, object], finding: Finding | None) -> Iterator[str]:
    yield from wrapped(str(fix["summary"]), first="    Do: ")
    for n, step in enumerate(_texts(fix["steps"]), 1):
        yield from wrapped(step, " " * 7, f"    {n}. ")
    if finding is not None:
        yield from _record(finding.record)
        for choice, spelled in zip(finding.choices, fix["choices"], strict=True):  # type: ignore[call-overload]
            yield from wrapped(spelled["summary"], " " * 6, "    Or: ")
            yield from _record(choice.record)
    if fix["why_no_record"]:
        yield from wrapped(str(fix["why_no_record"]))


def _texts(values: object) -> Iterable[str]:
    return values if isinstance(values, list) else ()


def _record(record: Record | None) -> Iterator[str]:
    """The record to publish, on lines of its own and never wrapped, so that it can be copied."""
    if record is None:
        return
    yield f"    Publish {record.rtype} at {clean(record.name)}:"
    yield from (f"      - {clean(value)}" for value in record.current)
    yield from (f"      + {clean(value)}" for value in record.proposed)


def _answer(answer: Answer) -> str:
    values = "; ".join(answer.values) if answer.values else words.word("outcome", answer.outcome.value)
    where = f" ({answer.detail})" if answer.unsure and answer.detail else ""
    return f"{answer.name} {answer.rtype}: {values}{where}"


# ------------------------------------------------------------------ bounces


def diagnosis(value: Diagnosis) -> str:
    """A diagnosis, whose side it is first."""
    lines = [f"{clean(value.source)}: {words.kind(value.kind, value.format)}" if value.source else words.kind(value.kind, value.format), ""]
    if note := words.note(value):
        lines += [*wrapped(note, ""), *([""] if value.failures else [])]
    for failure in value.failures:
        lines += [*_failure(failure), ""]
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _failure(failure: Failure) -> Iterator[str]:
    cause, bounce = words.cause_of(failure), failure.bounce
    sure = words.word("confidence", failure.confidence.value)
    yield f"{words.side(failure)}: {cause.title} ({failure.cause}; {sure})"
    if bounce.recipient:
        yield f"  Recipient: {clean(bounce.recipient)}"
    yield from _reply(bounce.reply)
    if failure.said:
        yield from wrapped(", ".join(f"{method.upper()} {result}" for method, result in failure.said), " " * 9, f"  {words.word('said', 'title')}: ")
    yield ""
    yield from wrapped(words.explanation(failure), "  ")
    yield from _fix(words.failure_fix(failure), failure.fix)
    for page in receivers.pages(failure):
        yield from wrapped(f"{page['title']}: {page['url']}", " " * 6, "    Page: ")
    yield from wrapped(words.address(failure), first="    Address: ")
    if meant := words.suggestion(failure):
        yield from wrapped(meant["text"], " " * 6, "    Typo: ")
    if role := words.role(failure):
        yield from wrapped(words.word("role", role), " " * 6, "    Role: ")
    if cause.hygiene:
        yield from wrapped(cause.hygiene, " " * 6, "    List: ")
    yield from wrapped(words.failure_retry(failure), first="    Retry: ")
    for because in failure.because:
        yield from wrapped(f"“{because.text}” ({because.rule})", " " * 10, "    Because: ")
    for rival in failure.rivals:
        yield from wrapped(f"{rival.cause}: {words.word('why_not', rival.why_not)}", " " * 10, "    Not: ")
    yield from _evidence(failure)


def _reply(reply: Reply) -> Iterator[str]:
    yield from wrapped(reply.text, " " * 9, "  Reply: ")
    spelled = words.meaning(reply)
    if spelled:
        code = reply.enhanced or reply.code
        yield from wrapped("; ".join(part for part in spelled.values() if part), " " * 9, f"  {code}: ")


def _evidence(failure: Failure) -> Iterator[str]:
    found = failure.evidence
    if found.verdict is EvidenceVerdict.NOT_LOOKED_AT and not found.why_not:
        return
    of = f" at {found.domain}" if found.domain else ""
    why = f" {words.evidence_word(found, found.why_not)}" if found.why_not else ""
    if found.of == "recipient" and found.domain:
        of, why = f"{of}, the recipient's domain", why or f" {words.evidence_word(found, found.verdict.value)}"
    yield from wrapped(f"{found.verdict.value}{of}.{why}", " " * 6, "    Evidence: ")
    for sign, findings in (("+", found.support), ("-", found.against)):
        for finding in findings:
            yield from wrapped(f"{finding.code} {words.message(finding)}", " " * 10, f"      {sign} ")
    if found.message:
        parts = [words.word("evidence_message", found.message), words.word("evidence_message", "examine_cli")]
        yield from wrapped(" ".join(parts), " " * 6, "    Message: ")
