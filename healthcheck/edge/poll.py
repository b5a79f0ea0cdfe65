"""Which sockets have something: epoll, or poll where there is none. Each event comes once, and is asked for again."""

from __future__ import annotations

import errno
import select
import socket
from typing import Protocol

READ, WRITE = select.POLLIN, select.POLLOUT  # epoll's are the same
SPENT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)  # no socket is to be had just now
NONBLOCK: int = getattr(socket, "SOCK_NONBLOCK", 0)  # 0: it has to be set afterwards


class Poll(Protocol):
    def add(self, fd: int, mask: int) -> None: ...

    def again(self, fd: int, mask: int) -> None:
        """Asks for the next event of one that is known."""

    def forget(self, fd: int) -> None:
        """Its socket is about to be closed."""

    def poll(self, seconds: float) -> list[tuple[int, int]]: ...

    def close(self) -> None: ...


def new() -> Poll:
    """Raises OSError where this process can open no more."""
    return Epoll() if hasattr(select, "epoll") else Plain()


class Epoll:
    def __init__(self) -> None:
        held = select.epoll()
        self._once = select.EPOLLONESHOT
        self._register, self._modify, self.close = held.register, held.modify, held.close
        self.poll = held.poll

    def add(self, fd: int, mask: int) -> None:
        self._register(fd, mask | self._once)

    def again(self, fd: int, mask: int) -> None:
        self._modify(fd, mask | self._once)

    def forget(self, fd: int) -> None:
        """The kernel forgets a socket that is closed."""


class Plain:
    """What every Unix has. A socket that another thread adds while one sleeps is seen when it wakes."""

    def __init__(self) -> None:
        self._held = select.poll()

    def add(self, fd: int, mask: int) -> None:
        self._held.register(fd, mask)

    again = add

    def forget(self, fd: int) -> None:
        try:
            self._held.unregister(fd)
        except KeyError:
            return

    def poll(self, seconds: float) -> list[tuple[int, int]]:
        found = self._held.poll(seconds * 1000)
        for fd, _ in found:
            self._held.unregister(fd)
        return found

    def close(self) -> None:
        return
