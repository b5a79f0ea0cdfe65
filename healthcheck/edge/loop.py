"""Where a scan waits: its sockets, its timers, and the bell that wakes it. It moves octets and decides nothing.

There is no thread here. Whoever waits for an answer serves the sockets meanwhile, so that no answer is handed from one thread
to another; where several threads wait on one loop, one serves and the others are told. Many scans may share a loop (bulk.py).
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from . import poll
from .flight import Job
from .sockets import Sockets
from .timers import Timers

AT_ONCE = 256  # questions under way on one loop
SLEEP = 1.0  # seconds; nobody sleeps longer in one go

_here: ContextVar[Loop | None] = ContextVar("the loop of the scan that is being opened", default=None)


def here() -> Loop:
    """The loop of the session that is being opened in this context; a new one where there is none."""
    return _here.get() or Loop()


class Loop(Sockets):
    """Sockets and timers, served by whoever waits. Thread-safe.

    lock   held while anything of the scans on this loop changes; never while somebody sleeps
    idle   called where nothing has arrived and somebody is about to sleep; True where it did something instead
    """

    def __init__(self, most: int = AT_ONCE) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self.most = most  # questions under way at once; the others wait their turn
        self.under_way = 0
        self.idle: Callable[[], bool] | None = None
        self._bell = self._rope = -1
        self._rung = False
        self._timers = Timers()
        self.timer = self._timers.start
        self._turn: deque[Job] = deque()  # that wait for their turn, or for a socket
        self._posted: deque[Callable[[], None]] = deque()
        self._serving = threading.Lock()
        self._news = threading.Condition()
        self._others = 0  # threads that wait while another one serves

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """What is opened within is served by this loop."""
        token = _here.set(self)
        try:
            yield
        finally:
            _here.reset(token)

    @property
    def room(self) -> bool:
        """Is it worth beginning more? Not where as many questions wait for their turn already as may be under way at once."""
        return len(self._turn) < self.most

    # -------------------------------------------------------------- waiting

    def wait(self, ready: Callable[[], bool], until: float) -> bool:
        """Serves until `ready`, at most until then (time.monotonic), or until the loop is closed. Whether it is ready."""
        quiet = False
        while not ready():
            if self._posted:
                self._run_posted()
                continue
            left = until - time.monotonic()
            if left <= 0 or self._closed:
                self.look()  # what has arrived counts before what is late
                return ready()
            if quiet and self.idle is not None and self.idle():
                quiet = False
            elif self._poll is not None and self._serving.acquire(blocking=False):
                try:
                    quiet = not self._step(left if quiet else 0.0)
                finally:
                    self._serving.release()
                    if self._others:
                        self.tell()
            elif self._poll is None and not quiet:
                quiet = True
            else:
                self._stand_by(ready, left)
        return True

    def look(self) -> None:
        """Takes what has arrived, and waits for nothing."""
        if (self._tries or self._outbox) and not self._closed and self._serving.acquire(blocking=False):
            try:
                self._step(0.0)
            finally:
                self._serving.release()
                if self._others:
                    self.tell()

    def _stand_by(self, ready: Callable[[], bool], left: float) -> None:
        """Another thread serves, or there is no socket: somebody else brings the answer, and tells."""
        with self._news:
            self._others += 1
            try:
                if not (ready() or self._posted or self._closed) and (self._poll is None or self._serving.locked()):
                    self._news.wait(min(left, SLEEP))
            finally:
                self._others -= 1

    def tell(self) -> None:
        """Whoever waits looks again."""
        if self._asleep and not self._rung:
            self._rung = True
            with contextlib.suppress(OSError):
                os.write(self._rope, b"!")
        if self._others:
            with self._news:
                self._news.notify_all()

    def post(self, call: Callable[[], None]) -> None:
        """Has it called by whoever waits next, or waits now: for a thread that finds the lock taken."""
        self._posted.append(call)
        self.tell()

    def _run_posted(self) -> None:
        with self.lock:
            while self._posted:
                self._posted.popleft()()

    def close(self) -> None:
        """Ends the waiting of everybody. The lines on it are closed before."""
        self._closed = True
        self.tell()
        with self._serving, self.lock:
            self._bury()
            self._outbox.clear()
            if self._poll is not None:
                self._poll.close()
                self._poll = None
                for fd in (self._bell, self._rope) if self._bell >= 0 else ():
                    os.close(fd)

    # -------------------------------------------------------------- one round

    def _step(self, most: float) -> bool:
        """Takes what has arrived; where nothing has, sleeps for at most so many seconds. Whether there was anything to do."""
        assert self._poll is not None
        with self.lock:
            self._start_waiting()
            self._send_all()
            pause = 0.0
            if most > 0:
                ends = self._timers.next()
                pause = min(most, SLEEP) if ends is None else min(most, SLEEP, ends - time.monotonic())
                self._hang_bell()
                pause = max(0.0, min(pause, 0.02) if self._turn or self._bell < 0 else pause)
                self._bury()
            self._asleep = pause > 0 and self._bell >= 0  # who cannot be woken sleeps for a moment only
        try:
            events = self._poll.poll(0.0 if self._posted else pause)
        finally:
            self._asleep = False
        with self.lock:
            for fd, mask in events:
                try:
                    self._event(fd, mask)
                except Exception:
                    # a fault of ours must not leave every other question of the scan without an answer
                    logging.getLogger(__name__).exception("a DNS question was lost")
            # what has arrived counts before what is late: a process that was kept busy has not lost its answers
            rung = self._ring_timers()
            self._send_all()  # whoever looked may be away for long before the next round, and what is to be sent has its wait running
            return rung or bool(events)

    def _event(self, fd: int, mask: int) -> None:
        if fd == self._bell:
            self._rung = False
            os.read(fd, 64)
            if self._poll is not None:
                self._poll.again(fd, poll.READ)
        elif (each := self._tries.get(fd)) is not None and not each.job.over:
            if each.got is None:
                self._datagrams(each)
            else:
                self._stream(each, mask)

    def _ring_timers(self) -> bool:
        rung = False
        for job in self._timers.ended(time.monotonic()):
            rung = True
            job.line.late(job)
        return rung

    def _start_waiting(self) -> None:
        while self._turn and self.under_way < self.most:
            job = self._turn.popleft()
            if not job.over and not self._start(job):
                self._turn.appendleft(job)
                return

    # -------------------------------------------------------------- for lines (the lock is held)

    def enqueue(self, job: Job) -> None:
        """Starts a question, now or when its turn comes. Raises OSError where this process can wait on no socket at all."""
        if self._poll is None:
            self._begin()
        if self._turn or self.under_way >= self.most or not self._start(job):
            self._turn.append(job)

    def _begin(self) -> None:
        self._poll = poll.new()

    def _hang_bell(self) -> None:
        """Before the first sleep: until then nobody has to be woken. There is none as long as this process can open no more."""
        if self._bell >= 0:
            return
        assert self._poll is not None
        try:
            self._bell, self._rope = os.pipe()
        except OSError:
            return
        os.set_blocking(self._bell, False)
        os.set_blocking(self._rope, False)
        self._poll.add(self._bell, poll.READ)

    def _start(self, job: Job) -> bool:
        """False where no socket is free in this process just now."""
        job.started, job.began = True, time.monotonic()  # what waited for its turn has not been on its way yet
        self.under_way += 1
        if job.line.next(job):
            return True
        job.started = False
        self.under_way -= 1
        return False

    def end(self, job: Job) -> None:
        """Is done with a question that was enqueued, answered or not."""
        if job.over:
            return
        job.over = True
        self.under_way -= job.started
        for each in job.tries:
            self.drop(each)
        job.tries = []  # a timer may hold the question a while longer: it holds nothing else then
