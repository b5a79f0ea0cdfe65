"""The sockets of a loop: a source port of its own for each question, and the octets that go through them (edge/loop.py serves them)."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from itertools import chain

from . import codec, poll
from .flight import Job, State, Try, free
from .renew import renewed

_close = socket.SocketType.close  # without what socket.socket does for makefile(), which nobody calls here
READY = 256  # sockets that stand ready for one nameserver
HANDFUL = 64  # sockets that a loop asks of its process in one go


class Sockets:
    """What is called here is called with the lock of the loop held.

    together  questions go out once a round, one after the other, for those who run many scans: a nameserver on the same machine is woken
              less often, and so takes the processor less often. A scan by itself wants each to be on its way at once.
    """

    def __init__(self) -> None:
        self.together = False
        self._poll: poll.Poll | None = None
        self._tries: dict[int, Try] = {}  # by file descriptor
        self._spent: list[Try] = []  # done with, and renewed or closed when there is nothing else to do
        self._ready: dict[str, list[socket.socket]] = {}  # by nameserver: connected, each from a port that no question has gone out from
        self._allowed = 0  # sockets that it may open besides
        self._random: Iterator[int] = iter(())
        self._closed = False
        self._asleep = False
        self._outbox: list[Try] = []  # what goes out in this round

    def open(self, job: Job, state: State, *, cd: bool = False, kind: int = socket.SOCK_DGRAM) -> Try | None:
        """A socket on a port that nothing has gone out from, with a random ID, or None where none is free. Raises OSError where there can be none."""
        fresh = True
        if kind == socket.SOCK_DGRAM and (ready := self._ready.get(state.server.label)):
            sock, fresh = ready.pop(), False
        else:
            if not self._allowed and not self._allowance():
                return None
            try:
                sock = socket.socket(state.server.family, kind | poll.NONBLOCK)
            except OSError as error:
                if error.errno in poll.SPENT:
                    return None
                raise
            self._allowed -= 1
            if not poll.NONBLOCK:
                sock.setblocking(False)
        if (ident := next(self._random, -1)) < 0:
            self._random = iter(struct.unpack("128H", os.urandom(256)))
            ident = next(self._random)
        each = Try(job, state, sock, sock.fileno(), ident, state.edns, cd or job.ask.cd, fresh)
        job.tries.append(each)
        return each

    def _allowance(self) -> int:
        self._bury()
        self._allowed = self._allowed or free.take(HANDFUL)
        if not self._allowed:
            self._end_ready()  # those of the other nameservers
        return self._allowed

    def send(self, each: Try) -> None:
        if self.together and not self._asleep:
            self._outbox.append(each)
        else:
            self._send(each)

    def _send_all(self) -> None:
        while self._outbox:
            out, self._outbox = self._outbox, []
            for each in out:
                if not (each.gone or each.job.over):
                    self._send(each)

    def _send(self, each: Try) -> None:
        assert self._poll is not None
        try:
            if each.fd not in self._tries:
                if each.fresh:
                    # the kernel draws the source port, and drops what comes from elsewhere (RFC 5452 sections 9.1 and 9.2)
                    each.sock.connect(each.state.server.address)
                    self._poll.add(each.fd, poll.READ)
                else:
                    self._poll.again(each.fd, poll.READ)
                self._tries[each.fd] = each
            each.sock.send(each.packet())
        except BlockingIOError:
            return  # the send buffer is full: the timer tries again
        except OSError as error:
            each.job.line.lost(each, error)

    def drop(self, each: Try) -> None:
        """Is done with a socket. It is closed when there is time for it."""
        if not each.gone:
            each.gone = True
            self._tries.pop(each.fd, None)
            self._spent.append(each)
        if not each.job.over and each in each.job.tries:
            each.job.tries.remove(each)

    def _bury(self) -> None:
        """Renews or closes the sockets that are done with."""
        for each in self._spent:
            if not self._renew(each):
                self._end(each.sock)
        self._spent.clear()
        if self._closed:
            self._end_ready()
        if self._allowed > HANDFUL or self._closed:
            free.give(self._allowed)
            self._allowed = 0

    def _renew(self, each: Try) -> bool:
        """Has a socket stand ready for a later question to the same nameserver. Not one that scanned data chose: few are asked twice."""
        if not self.together or self._closed or each.got is not None or each.job.ask.at:
            return False
        server = each.state.server
        ready = self._ready.setdefault(server.label, [])
        if len(ready) >= READY or not renewed(each.sock, server.address):
            return False
        ready.append(each.sock)
        return True

    def _end_ready(self) -> None:
        for sock in chain.from_iterable(self._ready.values()):
            self._end(sock)
        self._ready.clear()

    def _end(self, sock: socket.socket) -> None:
        if self._poll is not None:
            self._poll.forget(sock.fileno())
        _close(sock)
        self._allowed += 1

    # -------------------------------------------------------------- octets

    def _datagrams(self, each: Try) -> None:
        while not (each.gone or each.job.over):
            try:
                data = each.sock.recv(65535)
            except BlockingIOError:
                assert self._poll is not None
                self._poll.again(each.fd, poll.READ)
                return
            except OSError as error:
                each.job.line.lost(each, error)
                return
            # what does not fit is somebody else's, and the wait goes on (RFC 5452 section 9)
            if codec.is_answer(data, each.ident, each.job.asked):
                each.job.line.heard(each, data)
                return

    def connect(self, each: Try) -> None:
        """Starts the question over TCP. RFC 7766 section 8: two octets of length, then the message."""
        assert self._poll is not None
        packet = each.packet()
        each.out, each.got = len(packet).to_bytes(2, "big") + packet, bytearray()
        try:
            each.sock.connect(each.state.server.address)
        except BlockingIOError:
            pass
        except OSError as error:
            each.job.line.lost(each, error)
            return
        self._poll.add(each.fd, poll.WRITE)
        self._tries[each.fd] = each

    def _stream(self, each: Try, mask: int) -> None:
        got, held = each.got, self._poll
        assert got is not None
        assert held is not None
        try:
            if mask & poll.WRITE and each.out:
                each.out = each.out[each.sock.send(each.out) :]
                held.again(each.fd, poll.WRITE if each.out else poll.READ)
                return
            data = each.sock.recv(65537)
        except BlockingIOError:
            held.again(each.fd, poll.WRITE if each.out else poll.READ)
            return
        except OSError as error:
            each.job.line.lost(each, error)
            return
        got += data
        size = int.from_bytes(got[:2], "big") + 2
        if len(got) >= max(size, 14):
            message = bytes(got[2:size])
            if codec.is_answer(message, each.ident, each.job.asked):
                each.job.line.heard(each, message)
            else:
                each.job.line.lost(each, ConnectionError("the answer is to another question"))
        elif not data:
            each.job.line.lost(each, ConnectionError("the connection ended too early"))
        else:
            held.again(each.fd, poll.READ)
