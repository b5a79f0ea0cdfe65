"""Many domains from the command line: read them line by line, scan them, print as they finish, and go on where it stopped.

Memory holds what is under way, never the list nor the reports.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import click

from .. import bulk
from ..bulk import Item, Items
from ..errors import HealthcheckError, InputError, OurFault
from ..model import Domain, Report
from .outputs import Output, Sinks
from .streams import named_place, pipe_is_closed, told

if TYPE_CHECKING:
    from ..edge.world import World
    from ..policy.apply import Policy
    from ..policy.baseline import Entry
    from ..render.pieces import Context
    from .tapes import Tape

FEW = 8  # domains that are not worth a process of their own
PRINTED = ("text", "json", "jsonl")  # the formats that Printer writes itself; the others are put together by faces/outputs.py
BEHIND = 400  # results that are held back, so that they are printed in the order of the input


class Result(NamedTuple):
    """What is left of a report once it is rendered. code: what it adds to the exit code; failed: there is no report; kept: for a baseline;
    parts: what it is in each further format."""

    code: int
    text: str
    failed: bool
    kept: tuple[Entry, ...] = ()
    parts: dict[str, Any] | None = None


# ------------------------------------------------------------------ printing


class Bar:
    """How far it is, on standard error where that is a terminal."""

    def __init__(self, total: int | None) -> None:
        self.total, self.count, self.bad = total, 0, 0
        self.on = total != 1 and sys.stderr is not None and sys.stderr.isatty()
        self._began = self._next = time.monotonic()

    def step(self, failed: bool) -> None:
        self.count += 1
        self.bad += failed
        now = time.monotonic()
        if self.on and now >= self._next:
            self._next = now + 0.1
            rate = self.count / max(now - self._began, 0.001)
            left = f", about {max(0, self.total - self.count) / rate:.0f} s left" if self.total else ""
            of = f" of {self.total}" if self.total else ""
            width = 24 * self.count // self.total if self.total else 0
            drawn = f"[{'#' * min(24, width):24}] " if self.total else ""
            bad = f", {self.bad} could not be scanned" if self.bad else ""
            click.echo(f"\r\033[K{drawn}{self.count}{of} domains, {rate:.0f} a second{left}{bad}", nl=False, err=True)

    def clear(self) -> None:
        if self.on:
            click.echo("\r\033[K", nl=False, err=True)


@dataclass
class Printer:
    """Results to a stream: text and the elements of a JSON array in the order of the input, JSON lines as they finish."""

    form: str
    out: TextIO | None  # None: standard output
    bar: Bar
    alone: bool
    sinks: Sinks | None = None  # what else is written; standard output too where `form` is none of those that are printed here
    codes: set[int] = field(default_factory=set)
    kept: list[Entry] = field(default_factory=list)
    count: int = 0
    _held: dict[int, tuple[Item, Result]] = field(default_factory=dict)
    _next: int = 0

    @property
    def behind(self) -> bool:
        return len(self._held) > BEHIND

    def take(self, item: Item, result: Result) -> None:
        self.codes.add(result.code)
        self.kept += result.kept
        self.bar.step(result.failed)
        if self.form == "jsonl":
            self._print(item, result)
            if self.sinks is None:
                return
        self._held[item.number] = (item, result)
        while self._next in self._held:
            first, done = self._held.pop(self._next)
            self._next += 1
            if self.form != "jsonl":
                self._print(first, done)
            if self.sinks is not None and done.parts is not None:
                self.sinks.add(done.parts)

    def _print(self, item: Item, result: Result) -> None:
        printed = self.form in PRINTED
        if result.failed and self.form != "github" and (self.form not in ("json", "jsonl") or self.out is not None):
            self.bar.clear()
            click.echo(told(item, json.loads(result.text)["error"]["detail"]) if self.form == "jsonl" else result.text, err=True)
        if not printed or (result.failed and self.form == "text"):
            return
        text = result.text
        if self.form == "json" and not self.alone:
            text = ("[\n  " if self.count == 0 else ",\n  ") + text.replace("\n", "\n  ")
        self.count += 1
        if self.out is not None:
            self.out.write(text + "\n")
            self.out.flush()
            return
        if self.bar.on and sys.stdout.isatty():
            self.bar.clear()
        click.echo(text, nl=self.form != "json" or self.alone)

    def end(self) -> None:
        self.bar.clear()
        if self.form == "json" and not self.alone:
            click.echo("\n]" if self.count else "[]")


# ------------------------------------------------------------------ scanning


@dataclass(frozen=True)
class Wanted:
    """How to scan, and how to show it. `given`: ips, selectors, mail_from, profile and deadline of every scan."""

    world: World
    given: dict[str, Any]
    form: str
    code_of: Callable[[Report], int]
    at_once: int = 500
    jobs: int | None = None
    encoding: str | None = None
    policy: Policy | None = None
    outputs: tuple[Output, ...] = ()
    context: Context | None = None
    tape: Tape | None = None  # where the run is recorded, or replayed

    @property
    def forms(self) -> tuple[str, ...]:
        """What a report is rendered as beside what Printer writes."""
        here = () if self.form in PRINTED else (self.form,)
        return tuple(dict.fromkeys((*here, *(one.form for one in self.outputs))))

    def of(self, item: Item) -> dict[str, Any]:
        """How to scan this one: what its own settings say, where a configuration has some."""
        if self.policy is None:
            return self.given
        try:
            return self.given | self.policy.given(Domain.parse(item.source).name)
        except InputError:  # no domain: scan says so
            return self.given

    def rendered(self, item: Item, answer: Report | HealthcheckError) -> Result:
        from ..policy.baseline import entries
        from ..render import json as as_json
        from ..render import text as as_text
        from ..render.pieces import placed

        if isinstance(answer, HealthcheckError):
            code = 4 if isinstance(answer, OurFault) else 2
            parts = self._parts(item, answer)
            if self.form not in ("json", "jsonl"):
                return Result(code, told(item, answer.detail), True, (), parts)
            value = as_json.error(item.source, answer)
            if item.line:
                value["input"] |= {"file": item.file, "line": item.line}
            return Result(code, self._written(value), True, (), parts)
        try:
            if self.policy is not None:
                answer = self.policy.applied(answer)
            answer = placed(answer, self.world.locate)
            text = "" if self.form not in PRINTED else as_text.report(answer) if self.form == "text" else self._written(as_json.report(answer))
            parts = self._parts(item, answer)
        except Exception as fault:
            return self.rendered(item, OurFault(f"{type(fault).__name__}: {fault}"))
        return Result(self.code_of(answer), text, False, entries(answer) if self.policy is not None and self.policy.writes else (), parts)

    def _parts(self, item: Item, answer: Report | HealthcheckError) -> dict[str, Any] | None:
        """What this input is in each further format; None where there is none."""
        if not self.forms:
            return None
        from ..render import outputs
        from ..render.pieces import Context

        context = replace(self.context or Context(), place=named_place(item))
        if isinstance(answer, HealthcheckError):
            return {form: outputs.failed(form, item.source, answer, context) for form in self.forms}
        if self.policy is not None:
            name = answer.domain.name
            own = self.policy.settings(name)
            said = self.policy.config.domains.get(name) if self.policy.config is not None else None
            place = context.place or (said.location if said is not None else None)
            context = replace(context, fail_on=own["fail_on"], unknown=own["unknown"], place=place)
        return {form: outputs.part(form, answer, context) for form in self.forms}

    def _written(self, value: Any) -> str:
        from ..render.json import written

        return written(value, self.encoding, indent=self.form == "json")

    def work(self, items: Items, share: int = 1) -> Iterator[tuple[Item, Result]]:
        """Scans in this process; `share`: how many others share the cap on questions under way."""
        from ..edge.loop import Loop
        from ..scan import begin

        loop = Loop(max(1, self.at_once // share))
        self.world.pooled = True
        with bulk.sparing() as collect:
            for item, answer in bulk.run(items, lambda item: begin(item.source, world=self.world, loop=loop, source=item.source, **self.of(item)), loop):
                yield item, self.rendered(item, answer)
                collect()

    def _warm(self) -> None:
        """Loads what every process needs before there are several: once, and held in memory once."""
        from ..edge.libs import prepare
        from ..edge.world import World
        from ..scan import scan

        prepare()
        self.rendered(Item(0, "example.com"), scan("example.com", world=World.zones([], only=True)))

    def alone(self, item: Item) -> Result:
        """One scan by itself, which thinks while it waits."""
        from ..scan import scan

        try:
            return self.rendered(item, scan(item.source, world=self.world, source=item.source, **self.of(item)))
        except HealthcheckError as fault:
            return self.rendered(item, fault)
        except Exception as fault:
            return self.rendered(item, OurFault(f"{type(fault).__name__}: {fault}"))

    def results(self, items: Iterator[Item], printer: Printer) -> Generator[tuple[Item, Result]]:
        if self.tape is not None and self.tape.plays:  # nothing is waited for, and the order is that of then
            yield from ((item, self.alone(item)) for item in items)
            return
        few = [item for _, item in zip(range(FEW + 1), items, strict=False)]
        jobs = self.jobs or bulk.cpus()
        if len(few) == 1:
            yield few[0], self.alone(few[0])
        elif len(few) <= FEW or jobs == 1 or not bulk.can_spread():
            yield from self.work(chain(few, items))
        else:
            self._warm()
            for item, result in bulk.spread(_held_back(chain(few, items), printer), lambda part: self.work(part, jobs), jobs):
                yield item, result if isinstance(result, Result) else self.rendered(item, result)


def _held_back(items: Iterator[Item], printer: Printer) -> Items:
    """The items, and none just now while too many results wait for an earlier one to be printed."""
    for item in items:
        while printer.behind:
            yield None
        yield item


def scan_all(wanted: Wanted, items: Iterator[Item], *, total: int | None, out: str | None) -> int:
    """Scan all, print each, and return the exit code: 4 before 2 before 1 before 3 before 0; 130 where it was stopped.

    total  how many there are, where that is known
    out    the file of JSON lines that results are added to; None: standard output
    """
    first = [item for _, item in zip(range(2), items, strict=False)]
    alone = len(first) == 1
    if out and not first:
        click.echo(f"Nothing is left to scan: every domain stands in {out}.", err=True)
    bar = Bar(1 if alone else total)
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(open(out, "a", encoding="utf-8")) if out else None
        here = "" if wanted.form in PRINTED else wanted.form
        sinks = stack.enter_context(Sinks(wanted.outputs, here=here, alone=alone)) if wanted.forms else None
        printer = Printer(wanted.form, stream, bar, alone, sinks)
        results = stack.enter_context(contextlib.closing(wanted.results(chain(first, items), printer)))
        try:
            if sinks is not None:
                sinks.begin()
            for item, result in results:
                printer.take(item, result)
                if wanted.tape is not None:
                    wanted.tape.note(item)
            printer.end()
            code = next(code for code in (4, 2, 1, 3, 0) if code in {0, *printer.codes})
            if sinks is not None:
                sinks.end(code, wanted.tape.clock() if wanted.tape is not None else None)
        except KeyboardInterrupt:
            printer.end()
            click.echo(_how_to_go_on(bar, out), err=True)
            return 130
        except BrokenPipeError:  # a reader that has seen enough (`| head -1`) ends it quietly
            pipe_is_closed()
    if wanted.policy is not None and wanted.policy.writes:
        from ..policy import baseline

        baseline.write(wanted.policy.writes, printer.kept)
    return next(code for code in (4, 2, 1, 3, 0) if code in {0, *printer.codes})


def _how_to_go_on(bar: Bar, out: str | None) -> str:
    of = f" of {bar.total}" if bar.total else ""
    if bar.total == 1:
        return "Stopped."
    if out:
        return f"Stopped after {bar.count}{of} domains; they stand in {out}. The same command again goes on with the others."
    return f"Stopped after {bar.count}{of} domains. With --resume OUT.jsonl a scan writes to that file, and the same command again goes on with the others."


def exit_code(report: Report, fail_on: str, unknown: str | None) -> int:
    """0, 1 or 3 for one report; 1 wins over 3."""
    from ..policy import apply

    return apply.exit_code(report, fail_on, unknown)
