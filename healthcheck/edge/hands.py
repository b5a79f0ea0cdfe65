"""Threads for what waits on hosts: made when there is work, gone when there is none, never more than so many."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

MOST = 32  # conversations at once in one World; the others wait their turn
PATIENCE = 5.0  # seconds that closing waits for what was cut off

Work = Callable[[], None]


class Hands:
    """Runs work in threads of its own. Thread-safe; belongs to a port of a World.

    A thread ends when nothing is left to do, so that none stands idle and none is left behind. `close` cuts off the connections under way.
    """

    def __init__(self, name: str, most: int = MOST) -> None:
        self._name, self._most = name, most
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Work, Work]] = deque()
        self._threads: set[threading.Thread] = set()
        self._open: set[socket.socket] = set()
        self._closed = False

    def do(self, work: Work, instead: Work) -> None:
        """Has the work done soon; `instead` is called in its place where it is not (closed before its turn came, or no thread is to be had).

        Blocks nobody and never raises. Neither may raise.
        """
        thread = None
        with self._lock:
            taken = not self._closed
            if taken:
                self._waiting.append((work, instead))
                if len(self._threads) < self._most:
                    thread = threading.Thread(target=self._serve, name=self._name)
                    self._threads.add(thread)
        if not taken:
            instead()
        elif thread is not None:
            try:
                thread.start()
            except RuntimeError:  # the system gives no more threads, or the interpreter ends
                self._gone(thread)

    def _gone(self, thread: threading.Thread) -> None:
        with self._lock:
            self._threads.discard(thread)
            left = [] if self._threads else list(self._waiting)
            if left:
                self._waiting.clear()
        for _, instead in left:
            instead()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads.discard(threading.current_thread())
                    return
                work, _ = self._waiting.popleft()
            work()

    def holding(self, connection: socket.socket) -> None:
        """A connection that `close` cuts off; at once where that has been called already. To be released before it is closed."""
        with self._lock:
            self._open.add(connection)
            if self._closed:
                _cut(connection)

    def released(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def close(self) -> None:
        """Ends what is under way and takes nothing more. Afterwards no thread is left. To be called as often as one likes."""
        with self._lock:
            self._closed = True
            left, threads = list(self._waiting), list(self._threads)
            self._waiting.clear()
            for connection in self._open:
                _cut(connection)  # under the lock, so that it is the same connection still: see released
        for _, instead in left:
            instead()
        until = time.monotonic() + PATIENCE
        for thread in threads:
            if thread is not threading.current_thread() and thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # the method of the plain socket: that of an SSLSocket would have its reader go on without TLS
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
