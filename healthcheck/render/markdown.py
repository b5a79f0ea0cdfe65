"""Reports and diagnoses as Markdown: for a step's summary, a comment, a ticket. Pure.

What was looked up stands in code spans and fenced blocks alone, where no mark-up, link, mention or reference comes about; what
stands outside is ours (CommonMark 0.31, and the tables of GitHub).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import HealthcheckError
from ..model import Assertion, Diagnosis, Failure, Finding, Record, Report, Status
from . import escape, receivers, words
from .escape import code, fence, filled, sentence
from .json import plain
from .pieces import Context, answer, evidence, ignored, known, place_of, record, records, shown_place, word, worst_first
from .sarif import link


def heading() -> str:
    return f"# {word('heading')}\n\n"


# ------------------------------------------------------------------ reports


def report(value: Report, context: Context) -> str:
    """A report: its verdict, a table of topics, what needs a person with its evidence folded, and what passed in one line each."""
    verdict = value.verdict.value
    lines = [f"## {words.ICONS[verdict]} {code(value.domain.shown)}", "", f"{sentence(words.verdict(value.profile, verdict))}.", ""]
    lines += [*_table(value), ""]
    rest = list(worst_first(value))
    for finding in rest:
        lines += _finding(value, finding, context)
    if not rest:
        lines += [word("none"), ""]
    lines += _assertions(value, context)
    lines += _ignored(value)
    lines += [f"> {word('expired')}: {code(one.text)}\n" for one in value.warnings]
    lines += _passed(value)
    timing = value.timing
    lines.append(f"{timing.distinct} DNS, {timing.elapsed_ms / 1000:.2f} s, {value.scanned_at:%Y-%m-%d %H:%M:%S} UTC")
    return "\n".join(lines) + "\n"


def _table(value: Report) -> Iterator[str]:
    """Topics with their verdict and the codes found: all ours, so that no cell can be broken."""
    yield f"| {word('topic')} | {word('verdict')} | {word('findings')} |"
    yield "|---|---|---|"
    for topic, result in value.topics.items():
        codes = dict.fromkeys(f.code for f in value.findings if words.row_of(f).topic == topic and f.status is not Status.PASS)
        verdict = result.verdict.value
        yield f"| {words.word('topic', topic)} | {words.ICONS[verdict]} {words.word('status', verdict)} | {', '.join(codes) or '–'} |"


def _finding(value: Report, finding: Finding, context: Context) -> Iterator[str]:
    row, values, status = words.row_of(finding), words.slots(finding), finding.status.value
    fix = words.fix(finding)
    place = shown_place(place_of(finding, context), context.root)
    yield f"### {words.ICONS[status]} {finding.code} {filled(row.title, values)}"
    yield ""
    yield f"**{words.word('status', status)}**" + (f", {code(place)}" if place else "") + f": {filled(row.message, values)}"
    if known(value, finding):
        yield from ("", word("baseline"))
    yield from ("", f"{word('why')} {filled(row.why, values)}", "", f"{word('do')} {filled(row.fix, values)}", "")
    for one in records(finding):
        yield from _record(one)
    if finding.record is None and not finding.choices and fix["why_no_record"]:
        yield from (filled(row.why_no_record or "", values), "")
    if finding.evidence:
        yield from _folded(word("evidence"), [*fence(evidence(finding)), ""])
    yield f"{word('see')} {', '.join(f'[{sentence(ref)}]({page})' if (page := link(ref)) else sentence(ref) for ref in row.refs)}"
    yield ""


def _record(one: Record) -> Iterator[str]:
    yield words.fill(sentence(word("publish")), {"type": one.rtype, "name": code(one.name)})
    yield ""
    yield from fence(record(one))
    yield ""


def _folded(title: str, inner: list[str]) -> Iterator[str]:
    yield from (f"<details><summary>{title}</summary>", "", *inner, "</details>", "")


def _assertions(value: Report, context: Context) -> Iterator[str]:
    if not value.assertions:
        return
    yield from (f"### {word('assertions')}", "")
    for one in value.assertions:
        yield _assertion(one, context)
    yield ""
    if seen := [answer(a) for one in value.assertions if one.result != "holds" for a in one.evidence]:
        yield from _folded(word("evidence"), [*fence(seen), ""])


def _assertion(one: Assertion, context: Context) -> str:
    icon = words.ICONS[{"holds": "pass", "fails": "fail"}.get(one.result, "unknown")]
    said = code(one.why) if one.why else words.fill(sentence(word("actual")), {"actual": code(words.shown(plain(one.actual)))})
    place = shown_place(one.location, context.root)
    return f"- {icon} {code(one.text)} {word(one.result)}. {said}" + (f" ({code(place)})" if place else "")


def _ignored(value: Report) -> Iterator[str]:
    if value.ignored:
        yield from (f"### {word('ignored_heading')}", "")
        yield from (f"- {one.finding.code} {code(one.finding.subject)}: {code(ignored(one))}" for one in value.ignored)
        yield ""


def _passed(value: Report) -> Iterator[str]:
    if passed := [f for f in value.findings if f.status is Status.PASS]:
        lines = [f"- {f.code} {filled(words.row_of(f).message, words.slots(f))}" for f in passed]
        yield from _folded(f"{word('passed')} ({len(passed)})", [*lines, ""])


def failed(source: str, fault: HealthcheckError) -> str:
    """An input that could not be answered."""
    return f"## {words.ICONS['unknown']} {code(source, 200)}\n\n{word('failed')}: {code(fault.detail)}\n"


# ------------------------------------------------------------------ bounces


def diagnosis(value: Diagnosis) -> str:
    """A diagnosis: whose side it is first, then what to do, what the address needs, and what it rests on."""
    lines = [f"## {code(value.source)}: {words.kind(value.kind, value.format)}" if value.source else f"## {words.kind(value.kind, value.format)}", ""]
    if note := words.note(value):
        lines += [sentence(note), ""]
    for failure in value.failures:
        lines += _failure(failure)
    return "\n".join(lines) + "\n"


def _failure(failure: Failure) -> Iterator[str]:
    cause, fix = words.cause_of(failure), words.failure_fix(failure)
    sure = words.word("confidence", failure.confidence.value)
    yield from (f"### {words.side(failure)}: {sentence(cause.title)}", "", f"{code(failure.cause)}; {sentence(sure)}", "")
    if failure.bounce.recipient:
        yield from (f"{word('recipient')}: {code(failure.bounce.recipient)}", "")
    if failure.bounce.reply.text:
        yield from (f"{word('reply')}:", "", *fence([escape.line(failure.bounce.reply.text)]), "")
    yield from (sentence(words.explanation(failure)), "")
    yield from _fix(failure, fix)
    yield from (f"{word('address')}: {sentence(words.address(failure))}", "", f"{word('retry')}: {sentence(words.failure_retry(failure))}", "")
    yield from (f"- {sentence(page['title'])}: <{page['url']}>" for page in receivers.pages(failure))
    rests = [f"{word('because')}: {escape.line(one.text)} ({one.rule})" for one in failure.because]
    rests += [f"{sign} {one.code} {escape.line(words.message(one))}" for sign, those in _sides(failure) for one in those]
    rests += [f"    {seen}" for _, those in _sides(failure) for one in those for seen in evidence(one)]
    if rests:
        yield ""
        yield from _folded(word("evidence"), [*fence(rests), ""])


def _sides(failure: Failure) -> tuple[tuple[str, tuple[Finding, ...]], ...]:
    return (("+", failure.evidence.support), ("-", failure.evidence.against))


def _fix(failure: Failure, fix: dict[str, Any]) -> Iterator[str]:
    """What to do. Where a finding was selected, its sentences may hold what was looked up, and so stand in code spans."""
    shown = code if failure.fix is not None or words.suggestion(failure) else sentence
    yield from (f"{word('do')} {shown(fix['summary'])}", "")
    yield from (f"{n}. {shown(step)}" for n, step in enumerate(fix["steps"], 1))
    yield ""
    if failure.fix is not None:
        for one in records(failure.fix):
            yield from _record(one)
