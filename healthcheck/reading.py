"""Many inputs read into one memory: by this process alone, or by several that each remember a part. healthcheck/many.py says what is made of it."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from threading import Lock
from typing import Any

from .bounce.many.sources import Feed, FileRead, Part, Source, Told, With, part_events
from .bounce.many.tally import Many
from .errors import OurFault
from .model import Event

SMALL = 4 << 20  # octets of a file that is not worth being cut up
TOGETHER = 64  # files of a folder that a process is handed at once
AHEAD = 3  # tasks that a process is handed and has not answered
# What it costs to pack up what is remembered, in readings of an event (bench/many.py: 20 µs): of an address, and of each of its rows
PACK, PACK_ROW, ROWS = 0.09, 0.07, 8
STEP = 2000  # events between two looks at the clock


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is. octets of the files, packed as they are; `of` is None where the size of an input is not known."""

    files: int
    of_files: int
    events: int
    octets: int
    of: int | None


def can_spread() -> bool:
    """Can this system make processes that begin with what this one knows?"""
    return sys.platform != "darwin" and "fork" in multiprocessing.get_all_start_methods()


@contextlib.contextmanager
def collecting_less() -> Iterator[None]:
    """Looks for garbage in cycles seldom: events make none, and every look walks through all that is remembered."""
    global _sparing, _usual
    with _lock:  # of several at once, in a server, the first changes it and the last puts it back
        if not _sparing:
            _usual = gc.get_threshold()
            gc.set_threshold(50_000, 50, 1000)
        _sparing += 1
    try:
        yield
    finally:
        with _lock:
            _sparing -= 1
            if not _sparing:
                gc.set_threshold(*_usual)


_sparing, _usual, _lock = 0, gc.get_threshold(), Lock()


# ------------------------------------------------------------------ reading


class Reading:
    """Some inputs while they are read: what is told of each, and how far it is."""

    def __init__(self, wanted: list[Feed], given: With, progress: Callable[[Progress], None] | None, events_to: Callable[[Event], None] | None) -> None:
        self.feeds, self.given = wanted, given
        self._progress, self._events_to = progress, events_to
        self._told: dict[str, Told] = {}
        self._order: dict[str, int] = {}
        sizes = [feed.size for feed in wanted]
        self._of = None if None in sizes else sum(size or 0 for size in sizes)
        self._done = self._octets = self._events = 0
        self._next = time.monotonic() + 0.1
        self._own: dict[int, Told] = {}  # what this process was told in pieces, where there are several
        self._rows: dict[int, Any] = {}

    def alone(self) -> Many:
        held = Many()
        for number, feed in enumerate(self.feeds):
            self._one(Source(feed, self.given, number), held)
        return held

    def _one(self, source: Source, held: Many) -> None:
        """Reads one input in this process."""
        add, before, to = held.add, 0, self._events_to
        left = STEP
        for event in source.events():
            add(event)
            if to is not None:
                to(event)
            left -= 1
            if not left:
                left = STEP
                self._events += STEP
                self._octets += source.position - before
                before = source.position
                self.tell()
        self._events += STEP - left
        self._octets += source.position - before
        self.finish(source.number, source.told)

    def finish(self, number: int, told: Told) -> None:
        """Files away what is told of an input. Mails of one folder are told of together."""
        feed = self.feeds[number]
        name = feed.name
        if feed.group and (told.form == "mail" or (told.form == "unknown" and not told.bad)):
            name = told.name = feed.group
        if name in self._told:
            self._told[name].take(told)
        else:
            self._told[name] = told
            self._order[name] = number
        self._order[name] = min(self._order[name], number)
        self._done += 1
        self.tell()

    def tell(self, last: bool = False) -> None:
        if self._progress is None or (not last and time.monotonic() < self._next):
            return
        self._next = time.monotonic() + 0.1
        of = self._of
        self._progress(Progress(self._done, len(self.feeds), self._events, min(self._octets, of) if of is not None else self._octets, of))

    def files(self) -> tuple[FileRead, ...]:
        return tuple(self._told[name].done() for name in sorted(self._told, key=lambda name: (self._order[name], name)))

    # -------------------------------------------------------------- several processes

    def spread(self, jobs: int) -> Many:
        """Reads in several processes, of which this is one: files as they are, large tables and lists of objects cut up. A log, a mailbox and a pipe
        are read by one."""
        self.given.kinds.of_text("550 5.1.1 User unknown")  # what every process needs is loaded once
        context: Any = multiprocessing.get_context("fork")
        workers: list[_Worker] = []
        try:
            for _ in range(jobs - 1):
                here, there = context.Pipe()
                process = context.Process(target=_serve, args=(there, [*(w.pipe for w in workers), here], self.feeds, self.given), daemon=True)
                process.start()
                there.close()
                workers.append(_Worker(process, here))
            held, handed, ending = Many(), 0, False
            for task in self._tasks(held):
                handed += task[2]
                ending = ending or (self._of is not None and self._of - handed <= self._while_packing(held))
                if ending:  # meanwhile the others pack up what they remember, which takes as long
                    _end(workers)
                    self._mine(task, held)
                else:
                    self._hand_out(workers, task, held)
            _end(workers)
            while any(w.open for w in workers):
                self._answered(workers)
            return self._gathered(workers, held)
        finally:
            for worker in workers:
                worker.pipe.close()
                worker.process.terminate()
            for worker in workers:
                worker.process.join()

    def _while_packing(self, held: Many) -> float:
        """How many octets are read in the time in which another process packs up what it remembers, if that is about as much as this one does."""
        if not held.ledger or not self._events:
            return 0.0
        rows = min(ROWS, held.events / len(held.ledger))
        return len(held.ledger) * (PACK + PACK_ROW * rows) * self._octets / self._events

    def _tasks(self, held: Many) -> Iterator[tuple[str, Any, int]]:
        """(kind, what, octets) of everything that is to be done; a stream that cannot be opened twice and is not to be cut up is read here."""
        together: list[int] = []
        for number, feed in enumerate(self.feeds):
            if feed.size is not None and feed.size < SMALL:
                together.append(number)
                if len(together) >= TOGETHER or not feed.group:
                    yield "feeds", together, sum(self.feeds[one].size or 0 for one in together)
                    together = []
                continue
            source = Source(feed, self.given, number)
            if source.divisible:
                before = 0
                for part in source.parts():
                    yield "part", part, source.position - before
                    before = source.position
                told = source.told
                told.rows = 0
                self.finish(number, told)
            elif feed.size is None:
                self._one(source, held)
            else:
                source.close()
                yield "feeds", [number], feed.size
        if together:
            yield "feeds", together, sum(self.feeds[one].size or 0 for one in together)

    def _hand_out(self, workers: list[_Worker], task: tuple[str, Any, int], held: Many) -> None:
        """Gives a task to whom has the least to do; where everybody is busy it is done here, unless it takes long and others would wait for the next."""
        least = min(workers, key=lambda w: w.open)
        while least.open >= AHEAD:
            self._answered(workers, 0.0)
            if least.open < AHEAD:
                break
            if task[0] == "part" or task[2] < SMALL:
                self._mine(task, held)
                return
            self._answered(workers, 0.2)
            least = min(workers, key=lambda w: w.open)
        least.open += 1
        try:
            least.pipe.send(task)
        except OSError:
            raise OurFault("a process that was reading has ended") from None

    def _mine(self, task: tuple[str, Any, int], held: Many) -> None:
        kind, what, octets = task
        if kind == "feeds":
            for number in what:
                self._one(Source(self.feeds[number], self.given, number), held)
            return
        before = held.events
        told = self._own.setdefault(what.number, Told(what.name))
        for event in part_events(what, told, self.given, self._rows):
            held.add(event)
        self._events += held.events - before
        self._octets += octets
        self.tell()

    def _answered(self, workers: list[_Worker], seconds: float = 0.2) -> None:
        for pipe in wait([w.pipe for w in workers if w.open], timeout=seconds):
            worker = next(w for w in workers if w.pipe is pipe)
            files, events, octets = _received(worker)
            worker.open -= 1
            self._done += files
            self._events += events
            self._octets += octets
        self.tell()

    def _gathered(self, workers: list[_Worker], held: Many) -> Many:
        """What every process remembers, as one; and what it tells of its inputs."""
        done = self._done
        for number, one in sorted(self._own.items()):
            self.finish(number, one)
        for worker in workers:
            theirs, told = _received(worker)
            if held.events:
                held.merge(theirs)
            else:
                held = theirs
            for number, one in sorted(told.items()):
                self.finish(number, one)
        self._done = min(done, len(self.feeds))
        return held


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    open: int = 0  # tasks that it has not answered
    ended: bool = False  # it was told that no more will come


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        if not worker.ended:
            worker.ended = True
            try:
                worker.pipe.send(None)
            except OSError:
                raise OurFault("a process that was reading has ended") from None


def _received(worker: _Worker) -> Any:
    try:
        answer = worker.pipe.recv()
    except (EOFError, OSError):
        raise OurFault("a process that was reading has ended") from None
    if isinstance(answer, OurFault):
        raise answer
    return answer


def _take(pipe: Connection, tasks: queue.SimpleQueue[Any]) -> None:
    with contextlib.suppress(EOFError, OSError):
        while (task := pipe.recv()) is not None:
            tasks.put(task)
    tasks.put(None)


def _serve(pipe: Connection, others: list[Connection], wanted: list[Feed], given: With) -> None:
    """One process: reads what it is handed, says after each task how much that was, and hands over what it remembers at the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who reads the results; it ends this one
    for other in others:
        other.close()
    held, told, rows = Many(), dict[int, Told](), dict[int, Any]()
    add = held.add
    # what comes is taken at once, so that whoever sends it never waits for this one to have done with the last
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_take, args=(pipe, tasks), daemon=True).start()
    try:
        while (task := tasks.get()) is not None:
            kind, what, octets = task
            before, files = held.events, 0
            if kind == "part":
                part: Part = what
                if part.number not in told:
                    told[part.number] = Told(part.name)
                for event in part_events(part, told[part.number], given, rows):
                    add(event)
            else:
                for number in what:
                    source = Source(wanted[number], given, number)
                    for event in source.events():
                        add(event)
                    told[number] = source.told
                    files += 1
            pipe.send((files, held.events - before, octets))
        pipe.send((held, told))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # whoever reads has ended
    except Exception as fault:
        with contextlib.suppress(OSError):
            pipe.send(OurFault(f"{type(fault).__name__}: {fault}"))
    finally:
        pipe.close()
        os._exit(0)  # what is remembered need not be taken apart piece by piece
