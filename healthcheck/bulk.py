"""The first question, for many domains: so many at once that nobody waits, and no more than the resolvers should bear.

    run(items, begin, loop) -> (item, Report or fault), as they finish        one thread, one loop, many scans
    spread(items, work, jobs) -> results, as they finish                      several processes, each with a `run` of its own

A scan is begun, which sends out its first questions; their answers lead to others without anybody waiting for them (the
topics' `foresee`). Once nothing more is under way it is finished, which is thinking alone, as a rule. So one thread is enough
to keep hundreds of questions under way, and memory holds what is under way and nothing else.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import HealthcheckError, OurFault
from .model import Report

if TYPE_CHECKING:
    from .edge.loop import Loop
    from .scan import Begun

MOST = 100  # scans under way in one process
READY = 8  # scans that wait for nothing but to be finished, which is work for longer than the answers to new ones take
DEPTH = 8  # scans that are finished while another one waits, one within the other
AHEAD = 8  # items that a process has before it can begin them, so that it never waits for one
COLLECT = 500  # scans; 600 of them left nothing that counting references does not free, and a look costs as much as four
NONE_NOW = 0.01  # seconds, after which it is asked again where there was no item
LONG = 3600.0


class Item(NamedTuple):
    """A domain to scan, and where it was named: the line of a file, or nowhere (0) for one of the command line."""

    number: int
    source: str
    file: str = ""
    line: int = 0


Items = Iterator[Item | None]  # None: none just now, ask again
Begin = Callable[[Item], "Begun"]


# ------------------------------------------------------------------ one process


class _Running:
    """The scans under way on one loop."""

    def __init__(self, loop: Loop) -> None:
        self.begun: list[tuple[Item, Begun]] = []
        self.done: deque[tuple[Item, Report | HealthcheckError]] = deque()
        self._loop, self._depth, self._thread = loop, 0, get_ident()

    def begin(self, item: Item, begin: Begin) -> None:
        try:
            self.begun.append((item, begin(item)))
        except Exception as fault:
            self.done.append((item, _fault(fault)))

    def finish_one(self) -> bool:
        """Finishes a scan that waits for nothing. Also called by the loop, while one that is being finished waits after all.

        Nothing in another thread than its own: a topic that waits for a host may have one (checks.PATIENT).
        """
        if self._depth >= DEPTH or get_ident() != self._thread:
            return False
        for at, (item, scan) in enumerate(self.begun):
            if scan.settled:
                del self.begun[at]
                self._depth += 1
                try:
                    self.done.append((item, scan.finish()))
                except Exception as fault:
                    self.done.append((item, _fault(fault)))
                finally:
                    self._depth -= 1
                return True
        return False

    def wants_more(self, most: int) -> bool:
        """Is it worth beginning another one? Not where enough of them wait for nothing but to be finished: what is begun is held in memory, and
        an item that this process does not take is there for another one."""
        return len(self.begun) < most and self._loop.room and sum(scan.settled for _, scan in self.begun) < READY

    def wait(self, seconds: float, most: int) -> None:
        """Until there is something to do, at most so long. most: as in `run`; 0 where there is nothing to begin."""
        self._loop.wait(lambda: bool(self.done) or any(scan.settled for _, scan in self.begun) or self.wants_more(most), time.monotonic() + seconds)

    def close(self) -> None:
        for _, scan in self.begun:
            with contextlib.suppress(Exception):
                scan.close()


def _fault(fault: Exception) -> HealthcheckError:
    """The fault as a value: the other inputs of the same call are answered all the same."""
    return fault if isinstance(fault, HealthcheckError) else OurFault(f"{type(fault).__name__}: {fault}")


def run(items: Items, begin: Begin, loop: Loop, *, most: int = MOST) -> Iterator[tuple[Item, Report | HealthcheckError]]:
    """Each item with its report, or with the fault that kept it from one, as they finish. Never raises on what the network says.

    items  read as there is room for more; None where there is none just now, and it is to be asked again
    begin  what begins the scan of an item on this loop
    loop   an edge.loop.Loop, whose `most` is the cap on questions under way; closed in the end, as is every scan
    """
    running = _Running(loop)
    loop.idle, loop.together = running.finish_one, True
    over = False
    try:
        while True:
            # the answers that are there first: what they lead to is on its way while the next scan is begun
            loop.look()
            late = False
            while not over and not late and running.wants_more(most):
                item = next(items, _OVER)
                over, late = item is _OVER, item is None
                if item is not None and not over:
                    running.begin(item, begin)
                    loop.look()
            while running.done:
                yield running.done.popleft()
            if not running.begun and over:
                return
            if not running.finish_one():
                running.wait(NONE_NOW if late else LONG, 0 if over or late else most)
    finally:
        running.close()
        loop.close()


_OVER = Item(-1, "")


@contextlib.contextmanager
def sparing() -> Iterator[Callable[[], None]]:
    """Has garbage looked for now and then only, which is a quarter of the work otherwise. To be told of each scan that is done.

    For a process that does nothing else. What was loaded before is not looked at (gc.freeze): a look at it would come before the first question.
    """
    count = 0

    def collect() -> None:
        nonlocal count
        count += 1
        if count % COLLECT == 0:
            gc.collect()

    was = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield collect
    finally:
        gc.unfreeze()
        if was:
            gc.enable()


# ------------------------------------------------------------------ several processes


@dataclass(slots=True)
class _Worker:
    process: Any
    pipe: Connection
    wants: int = AHEAD  # items that it asked for
    handed: dict[int, Item] = field(default_factory=dict)  # those that it has not answered, by number


def cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def can_spread() -> bool:
    """Can this system make processes that begin with what this one knows? Elsewhere one process does it all."""
    return sys.platform != "darwin" and "fork" in multiprocessing.get_all_start_methods()


def spread(items: Items, work: Callable[[Items], Iterator[tuple[Item, Any]]], jobs: int) -> Iterator[tuple[Item, Any]]:
    """Each item with its result, as they finish, over several processes. Results have to fit through a pipe (pickle).

    work  called once in each process: its items to (item, result), as `run` does it. A process asks for items as it begins them, so that
          those of a slow one are few
    A process that dies gives an OurFault for each item that it had been handed. Leaving early ends every process.
    """
    context: Any = multiprocessing.get_context("fork")
    workers: list[_Worker] = []
    try:
        for _ in range(jobs):
            here, there = context.Pipe()
            others = [*(w.pipe for w in workers), here]
            process = context.Process(target=_serve, args=(there, others, work), daemon=True)
            process.start()
            there.close()
            workers.append(_Worker(process, here))
        more = True
        while True:
            more = more and _hand_out(workers, items)
            busy = {w.pipe: w for w in workers if more or w.handed}
            if not busy:
                return
            # somebody whose wish is still open was told that there is none just now
            for pipe in wait(list(busy), NONE_NOW if more and any(w.wants for w in workers) else None):
                yield from _received(busy[pipe], workers)  # type: ignore[index]
    finally:
        for worker in workers:
            worker.pipe.close()
            worker.process.terminate()
        for worker in workers:
            worker.process.join()


def _hand_out(workers: list[_Worker], items: Items) -> bool:
    """Hands each process what it asked for. False where there are no more items."""
    if not workers:
        raise OurFault("every process of this scan has ended")
    while asking := [w for w in workers if w.wants]:
        most = max(asking, key=lambda w: w.wants)
        batch: list[Item] = []
        over = late = False
        while len(batch) < most.wants and not over and not late:
            item = next(items, _OVER)
            over, late = item is _OVER, item is None
            if item is not None and not over:
                batch.append(item)
        most.wants -= len(batch)
        most.handed.update((item.number, item) for item in batch)
        if batch:
            with contextlib.suppress(OSError):  # it has died: reading from it will tell
                most.pipe.send(batch)
        if over:
            _nothing_more(workers)
        if over or late:
            return late
    return True


def _nothing_more(workers: list[_Worker]) -> None:
    for worker in workers:
        with contextlib.suppress(OSError):
            worker.pipe.send(None)


def _received(worker: _Worker, workers: list[_Worker]) -> Iterator[tuple[Item, Any]]:
    try:
        while worker.pipe.poll():
            number, result = worker.pipe.recv()
            if number < 0:
                worker.wants += result
            else:
                yield worker.handed.pop(number), result
    except (EOFError, OSError):
        worker.process.join()
        workers.remove(worker)
        worker.pipe.close()
        for item in worker.handed.values():
            yield item, OurFault(f"the process that scanned it has ended (exit code {worker.process.exitcode})")


def _serve(pipe: Connection, others: list[Connection], work: Callable[[Items], Iterator[tuple[Item, Any]]]) -> None:
    """One process: takes items from the pipe as it has room for them, and sends back what it made of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who reads the results; it ends this one
    for other in others:
        other.close()
    under_way = 0

    def items() -> Items:
        nonlocal under_way
        held: deque[Item] = deque()
        coming, more = AHEAD, True  # how many it asked for
        while more or held:
            if not coming and len(held) <= AHEAD // 2:
                coming = AHEAD - len(held)
                pipe.send((_OVER.number, coming))
            # waits where it has nothing else to do
            while more and coming and (pipe.poll() or not (held or under_way)):
                batch = pipe.recv()
                more = batch is not None
                coming -= len(batch or ())
                held.extend(batch or ())
            if held:
                under_way += 1
                yield held.popleft()
            elif more:
                yield None

    try:
        for item, result in work(items()):
            under_way -= 1
            pipe.send((item.number, result))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # whoever reads has ended
