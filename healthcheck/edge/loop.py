"""Sockets, timers and the thread beneath edge/wire.py: it moves octets and decides nothing."""

from __future__ import annotations

import contextlib
import errno
import heapq
import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from . import codec
from .codec import Reply
from .line import Ask, Done

AT_ONCE = 256  # questions under way on one line
LONGEST = 5.0  # seconds that one question may take
_SPENT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def _socket_limit() -> int:
    try:
        import resource
    except ImportError:
        return 256
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 4096 if soft < 0 else max(64, min(4096, soft // 2))


_FREE = threading.Semaphore(_socket_limit())  # sockets that all lines of this process together may still open


@dataclass(frozen=True, slots=True)
class Server:
    """A nameserver: how it is shown, and where it is."""

    label: str  # "192.0.2.53", "127.0.0.1:5353"
    family: int
    address: tuple[Any, ...]


@dataclass(slots=True, eq=False)
class State:
    """What this scan learned of a server."""

    server: Server
    silent: int = 0
    edns: bool = True


@dataclass(slots=True, eq=False)
class Try:
    """One socket of one question."""

    job: Job
    state: State
    sock: socket.socket
    ident: int
    edns: bool
    cd: bool
    connected: bool = False
    out: bytes = b""  # TCP: what is still to be sent
    got: bytearray | None = None  # TCP: what was received; None over UDP

    def packet(self) -> bytes:
        ask = self.job.ask
        return codec.query(self.ident, ask.name, ask.rtype, do=ask.do, cd=self.cd, edns=self.edns)

    def answers(self, data: bytes) -> bool:
        return codec.is_answer(data, self.ident, self.job.ask.name, self.job.ask.rtype)


@dataclass(slots=True, eq=False)
class Job:
    """One question on its way."""

    ask: Ask
    done: Done
    began: float
    plan: deque[State] = field(default_factory=deque)  # the servers still to be tried
    tries: list[Try] = field(default_factory=list)
    sent: int = 0
    turn: int = 0  # which wait is running: a timer of an earlier turn says nothing
    servfails: int = 0
    checking: bool = False  # asking with CD after SERVFAIL
    over: bool = False
    worst: Reply | None = None
    told: list[str] = field(default_factory=list)


class Loop:
    """The IO thread of one line. It starts with the first question and ends with close(). Subclasses decide."""

    def __init__(self, until: float) -> None:
        self.until = until
        self._new: deque[Job] = deque()
        self._waiting: deque[Job] = deque()
        self._live: set[Job] = set()
        self._timers: list[tuple[float, int, Job, int]] = []
        self._order = count()
        self._lock = threading.Lock()
        self._closed = False
        self._rung = False
        self._held = False
        self._sent = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, job: Job) -> None:
        raise NotImplementedError

    def next(self, job: Job) -> bool:
        raise NotImplementedError

    def late(self, job: Job) -> None:
        raise NotImplementedError

    def heard(self, each: Try, data: bytes) -> None:
        raise NotImplementedError

    def lost(self, each: Try, error: OSError) -> None:
        raise NotImplementedError

    # -------------------------------------------------------------- any thread

    def put(self, ask: Ask, done: Done) -> None:
        self._new.append(Job(ask, done, time.monotonic()))
        if not self._held:
            self._ring()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Questions put within go out together, and have gone out when it ends.

        One thread that works out questions and one that sends them would only take the interpreter from each other.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
            if self._new and threading.current_thread() is not self._thread:
                self._sent.clear()
                self._ring()
                self._sent.wait(0.05)

    def _ring(self) -> None:
        with self._lock:
            if self._closed:
                return
            if self._thread is None:
                self._select = selectors.DefaultSelector()
                self._bell, self._rope = socket.socketpair()
                self._bell.setblocking(False)
                self._select.register(self._bell, selectors.EVENT_READ, None)
                self._thread = threading.Thread(target=self._run, name="dns-io", daemon=True)
                self._thread.start()
            elif not self._rung and threading.current_thread() is not self._thread:
                self._rung = True
                self._rope.send(b"!")

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._thread is not None:
                self._rope.send(b"!")
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    # -------------------------------------------------------------- IO thread

    def _run(self) -> None:
        try:
            while not self._closed:
                try:
                    self._step()
                except Exception:
                    # a fault of ours must not leave every other question of the scan without an answer
                    logging.getLogger(__name__).exception("a DNS question was lost")
        finally:
            for job in self._live:
                job.over = True
                for each in job.tries:
                    self.drop(each)
            self._select.close()
            with self._lock:
                self._bell.close()
                self._rope.close()

    def _step(self) -> None:
        self._begin_all()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, job, turn = heapq.heappop(self._timers)
            if not job.over and job.turn == turn:
                self.late(job)
        while self._waiting and len(self._live) < AT_ONCE:
            job = self._waiting.popleft()
            if not self._start(job):
                self._waiting.appendleft(job)
                break
        if self._new:
            return
        pause = min(1.0, max(0.0, self._timers[0][0] - time.monotonic())) if self._timers else 1.0
        for key, mask in self._select.select(min(pause, 0.02) if self._waiting else pause):
            each: Try | None = key.data
            if each is None:
                with self._lock:
                    self._rung = False
                self._bell.recv(64)
            elif each.job.over or each.sock.fileno() < 0:
                continue  # an earlier event of this round ended it
            elif each.got is None:
                self._datagrams(each)
            else:
                self._stream(each, mask)
            # what an answer leads to goes out before the answers behind it are read: chains are what a scan waits for
            self._begin_all()

    def _begin_all(self) -> None:
        while self._new:
            self.begin(self._new.popleft())
        if not self._sent.is_set():
            self._sent.set()

    def enqueue(self, job: Job) -> None:
        if self._waiting or len(self._live) >= AT_ONCE or not self._start(job):
            self._waiting.append(job)

    def _start(self, job: Job) -> bool:
        """False where no socket is free in this process just now."""
        self._live.add(job)
        if self.next(job):
            return True
        self._live.discard(job)
        return False

    def timer(self, job: Job, wait: float) -> None:
        """The next wait of a question; an earlier one is forgotten."""
        job.turn += 1
        now = time.monotonic()
        due = min(now + wait, self.until, max(job.began + LONGEST, now + 0.3))
        heapq.heappush(self._timers, (due, next(self._order), job, job.turn))

    def open(self, job: Job, state: State, *, cd: bool = False, kind: int = socket.SOCK_DGRAM) -> Try | None:
        """A fresh socket with a random ID, or None where none is free. Raises OSError where there can be none."""
        if not _FREE.acquire(blocking=False):
            return None
        try:
            sock = socket.socket(state.server.family, kind)
        except OSError as error:
            _FREE.release()
            if error.errno in _SPENT:
                return None
            raise
        sock.setblocking(False)
        each = Try(job, state, sock, int.from_bytes(os.urandom(2), "big"), state.edns, cd or job.ask.cd)
        job.tries.append(each)
        return each

    def send(self, each: Try) -> None:
        try:
            if not each.connected:
                # the kernel draws the source port, and drops what comes from elsewhere (RFC 5452 sections 9.1 and 9.2)
                each.sock.connect(each.state.server.address)
                self._select.register(each.sock, selectors.EVENT_READ, each)
                each.connected = True
            each.sock.send(each.packet())
        except BlockingIOError:
            return  # the send buffer is full: the timer tries again
        except OSError as error:
            self.lost(each, error)

    def drop(self, each: Try) -> None:
        if each.sock.fileno() >= 0:
            with contextlib.suppress(KeyError, ValueError):  # not registered yet
                self._select.unregister(each.sock)
            each.sock.close()
            _FREE.release()
        if not each.job.over and each in each.job.tries:
            each.job.tries.remove(each)

    def finish(self, job: Job, reply: Reply) -> None:
        job.over = True
        for each in job.tries:
            self.drop(each)
        self._live.discard(job)
        job.done(reply)

    def _datagrams(self, each: Try) -> None:
        while not each.job.over and each.sock.fileno() >= 0:
            try:
                data = each.sock.recv(65535)
            except BlockingIOError:
                return
            except OSError as error:
                self.lost(each, error)
                return
            if each.answers(data):
                self.heard(each, data)
                return

    # -------------------------------------------------------------- TCP

    def connect(self, each: Try) -> None:
        """Starts the question over TCP. RFC 7766 section 8: two octets of length, then the message."""
        packet = each.packet()
        each.out, each.got = len(packet).to_bytes(2, "big") + packet, bytearray()
        try:
            each.sock.connect(each.state.server.address)
        except BlockingIOError:
            pass
        except OSError as error:
            self.lost(each, error)
            return
        self._select.register(each.sock, selectors.EVENT_WRITE, each)

    def _stream(self, each: Try, mask: int) -> None:
        got = each.got
        assert got is not None
        try:
            if mask & selectors.EVENT_WRITE and each.out:
                each.out = each.out[each.sock.send(each.out) :]
                if not each.out:
                    self._select.modify(each.sock, selectors.EVENT_READ, each)
                return
            data = each.sock.recv(65537)
        except BlockingIOError:
            return
        except OSError as error:
            self.lost(each, error)
            return
        got += data
        size = int.from_bytes(got[:2], "big") + 2
        if len(got) >= max(size, 14):
            message = bytes(got[2:size])
            if each.answers(message):
                self.heard(each, message)
            else:
                self.lost(each, ConnectionError("the answer is to another question"))
        elif not data:
            self.lost(each, ConnectionError("the connection ended too early"))
