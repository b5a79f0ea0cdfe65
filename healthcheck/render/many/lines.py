"""A report about many bounces as text for a terminal. Pure. What the input says is shown without control characters."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...bounce.many.rates import words as known_rates
from ...model import Report
from ..text import clean
from ..words import ICONS, fill
from .figures import moment, number, percent
from .found import NONE
from .page import TONES, counted, shorten, span
from .said import say
from .view import ORDER, as_json

if TYPE_CHECKING:
    from ...many import Result

ADDRESSES = 40  # decisions of each action that are named
ROWS = 10  # rows of a dimension
NARROW, WIDE = 40, 160
PROOFS = 5


def text(result: Result, *, width: int = 100, most: int = ADDRESSES, scans: Mapping[str, Report] = NONE) -> str:
    """A report: what to do first, patterns, rates, addresses, what was read.

    width  columns of the terminal, within 40 and 160
    scans  reports about the senders that patterns blame, by domain
    most   addresses that are named of each action but `keep`, the worst first
    """
    report = as_json(result, most=most * 4, scans=scans)
    page = _Page(max(NARROW, min(width, WIDE)))
    return "\n".join(line.rstrip() for line in page.lines(report, most)) + "\n"


class _Page:
    def __init__(self, width: int) -> None:
        self.width = width

    def wrap(self, body: str, indent: str = "  ", first: str | None = None) -> Iterator[str]:
        lead = indent if first is None else first
        shown = clean(" ".join(str(body).split()))
        yield from textwrap.wrap(shown, self.width, initial_indent=lead, subsequent_indent=indent, break_on_hyphens=False) or [lead.rstrip()]

    def lines(self, report: Mapping[str, Any], most: int) -> Iterator[str]:
        state = report["summary"]["state"]
        yield f"{ICONS[state]} {say('report', 'title')}"
        yield from self.wrap(report["summary"]["text"])
        yield ""
        yield from self.patterns(report["patterns"])
        yield from self.rates(report)
        yield from self.causes(report["causes"])
        yield from self.listed(say("section", "outages"), [(row["text"], row["sources"]) for row in report["outages"]], "!")
        yield from self.decisions(report["decisions"], most)
        offers = [(f"{row['domain']}: {row['title']} ({number(row['addresses'])})", row["sources"]) for row in report["offers"]]
        yield from self.listed(say("section", "offers"), offers, "i")
        yield from self.read(report)

    # ------------------------------------------------------------------ patterns

    def patterns(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        if not rows:
            return
        yield say("section", "patterns")
        for row in rows:
            if row["state"] != "found":
                yield from self.wrap(f"{row['title']}: {row['text'] or say('tone', 'unknown')}", "      ", f"  {ICONS['unknown']} ")
                continue
            yield from self.wrap(row["title"], "      ", f"  {ICONS[row['tone']]} ")
            yield from self.wrap(row["meaning"], "      ")
            for n, step in enumerate(row["next"], 1):
                yield from self.wrap(step, "         ", f"      {n}. ")
            if row["scan"] and row["scan"]["verdict"]:
                yield from self.scanned(row["scan"])
            elif row["scan"] and row["scan"]["domain"]:
                yield from self.wrap(f"{say('report', 'scan-command')} healthcheck scan {row['scan']['domain']}", "         ", "      > ")
            for proof in row["events"][:PROOFS]:
                yield from self.wrap(f"{proof['source']}  {moment(proof['at'])}  {proof['recipient']}  {proof['cause']}", "         ", "      - ")
            if len(row["events"]) > PROOFS:
                yield f"        {fill(say('report', 'more'), {'count': len(row['events']) - PROOFS})}"
        yield ""

    def scanned(self, scan: Mapping[str, Any]) -> Iterator[str]:
        yield from self.wrap(fill(say("report", "scanned"), {"domain": scan["domain"]}), "         ", f"      {ICONS[scan['verdict']]} ")
        for finding in scan["findings"][:PROOFS]:
            yield from self.wrap(f"{finding['code']} {finding['text']}", "            ", f"        {ICONS[finding['status']]} ")

    # ------------------------------------------------------------------ rates

    def rates(self, report: Mapping[str, Any]) -> Iterator[str]:
        rates = report["rates"]
        yield from self.wrap(f"{say('section', 'rates')}: {rates['kind_title']}", "  ", "")
        for rate in rates["total"]["rates"]:
            yield from self.rate(rate)
        for line in rates["lines"]:
            if line["crossed"]:
                yield from self.wrap(f"{say('report', 'crossed')} {line['text']}", "      ", f"  {ICONS['fail']} ")
        yield from self.wrap(counted(report))
        yield ""
        for dimension, rows in rates["by"].items():
            if rows["rows"]:
                yield from self.dimension(dimension, rows)

    def rate(self, rate: Mapping[str, Any]) -> Iterator[str]:
        tone = ICONS[TONES[rate["band"]]] if rate["band"] else " "
        if rate["percent"] is None:
            yield from self.wrap(f"{rate['title']}: {rate['text']}", "      ", f"  {ICONS['unknown']} ")
            return
        band = f"  {rate['band_title']}" if rate["band"] else ""
        figures = f"{percent(rate['percent'])} ({number(rate['count'])} {say('report', 'of')} {number(rate['of'])}){band}"
        yield from self.wrap(f"{rate['title']}: {figures}", "      ", f"  {tone} ")
        if rate["advice"] and rate["band"] != "good":
            yield from self.wrap(rate["advice"], "      ")

    def dimension(self, name: str, rows: Mapping[str, Any]) -> Iterator[str]:
        """A small table: the name, what was sent, what failed and how, the worst band."""
        shown = rows["rows"][-ROWS:] if name == "day" else rows["rows"][:ROWS]
        room = max(14, min(self.width - 65, max(len(row["title"]) for row in shown)))
        yield f"{say('dimension', name)} ({number(rows['count'])})"
        heads = "".join(f"{say('short', key):>10}" for key in ("sent", "hard", "soft", "block"))
        yield f"  {say('dimension', name, 'text')[:room]:<{room}}{heads}"
        for row in shown:
            yield self.row(row, room)
        left = rows["count"] - len(shown)
        if left:
            yield f"  {fill(say('report', 'earlier' if name == 'day' else 'others'), {'count': number(left)})}"
        yield ""

    def row(self, row: Mapping[str, Any], room: int) -> str:
        figures = {rate["measure"]: rate for rate in row["rates"]}
        cells = [number(row["sent"]) if row["sent"] is not None else "–"]
        for key in ("hard", "soft", "block"):
            rate = figures[key]
            cells.append(percent(rate["percent"]) if rate["percent"] is not None else number(rate["count"]))
        why = next((rate["why"] for rate in row["rates"] if rate["why"] not in (None, "no-band")), None)
        band = known_rates()["band"][row["worst"]]["title"] if row["worst"] else say("unjudged", why) if why else ""
        if row["worst"] not in (None, "good"):
            band += f", {say('short', row['worst_measure'])}"
        return f"  {clean(shorten(row['title'], room)):<{room}}" + "".join(f"{cell:>10}" for cell in cells) + f"  {band}"

    def causes(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        if not rows:
            return
        yield say("section", "causes")
        for row in rows[:ROWS]:
            where = f"  ({row['sources'][0]})" if row["sources"] else ""
            yield from self.wrap(f"{row['title']}, {row['cause']}: {say('side', row['side'])}{where}", "          ", f"  {number(row['count']):>7} ")
        if len(rows) > ROWS:
            yield f"  {fill(say('report', 'others'), {'count': len(rows) - ROWS})}"
        yield ""

    # ------------------------------------------------------------------ addresses

    def decisions(self, decisions: Mapping[str, Any], most: int) -> Iterator[str]:
        yield say("section", "decisions")
        if not any(decisions["counts"].values()):
            yield from self.wrap(say("report", "no-decisions"))
        for action in ORDER:
            count = decisions["counts"][action.value]
            if not count:
                continue
            yield from self.wrap(f"{say('action', action)}: {number(count)}. {say('action', action, 'text')}", "      ", f"  {ICONS[TONES[action]]} ")
            rows = [row for row in decisions["rows"] if row["action"] == action] if action != "keep" else []
            for row in rows[:most]:
                yield from self.wrap(self.decision(row), "          ", "      - ")
            if rows and count > len(rows[:most]):
                yield f"        {fill(say('report', 'more'), {'count': number(count - len(rows[:most]))})}"
        yield ""

    def decision(self, row: Mapping[str, Any]) -> str:
        parts = [f"{row['recipient']}: {row['title']}"]
        if row["limit"]:
            parts.append(f"{row['count']} {say('report', 'of')} {row['limit']}")
        if row["cause"]:
            parts.append(row["cause"])
        if row["since"]:
            parts.append(f"{say('report', 'since')} {moment(row['since'])}")
        if row["expires"]:
            parts.append(f"{say('report', 'until')} {row['expires'][:10]}")
        return ", ".join(parts) + (f"  ({row['source']})" if row["source"] else "")

    def listed(self, title: str, rows: Sequence[tuple[str, Sequence[str]]], icon: str) -> Iterator[str]:
        if not rows:
            return
        yield title
        for body, sources in rows:
            yield from self.wrap(f"{body}  ({', '.join(sources[:3])})" if sources else body, "      ", f"  {icon} ")
        yield ""

    # ------------------------------------------------------------------ what was read

    def read(self, report: Mapping[str, Any]) -> Iterator[str]:
        given = report["input"]
        yield say("section", "read")
        for file in given["files"][:ROWS]:
            yield from self.wrap(f"{file['name']}: {file['title']}, {number(file['events'])} {say('report', 'events')}", "      ")
        left = len(given["files"][ROWS:]) + given["files_left_out"]
        if left:
            yield f"  {fill(say('report', 'files-left-out'), {'count': number(left)})}"
        if given["bad"]:
            yield from self.wrap(fill(say("report", "unread"), {"count": number(given["bad"])}), "      ", f"  {ICONS['unknown']} ")
        for row in given["troubles"][: 2 * ROWS]:
            where = f"{row['file']}:{row['line']}" if row["line"] else row["file"]
            yield from self.wrap(f"{where}: {row['text']}", "          ", "      - ")
        yield from self.wrap(span(report))
