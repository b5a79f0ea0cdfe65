"""A nameserver on loopback, UDP and TCP on one ephemeral port, whose behaviour a test writes as a function."""

from __future__ import annotations

import contextlib
import heapq
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from itertools import count

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Sent = dns.message.Message | bytes | tuple[float, "dns.message.Message | bytes"]
Handler = Callable[[dns.message.Message, bool], "Sent | Iterable[Sent] | None"]


def reply_to(query: dns.message.Message, *records: str, rcode: int = 0, soa: str = "", ede: int | None = None, ad: bool = False) -> dns.message.Message:
    """A recursive server's answer. `records` in presentation form, with "@" for the name that was asked."""
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(dns.rcode.Rcode.make(rcode))
    if ad:
        response.flags |= dns.flags.AD
    for text in records:
        owner, ttl, rtype, data = text.split(None, 3)
        name = query.question[0].name.to_text() if owner == "@" else owner
        found = next((r for r in response.answer if r.name.to_text() == name and r.rdtype == dns.rdatatype.from_text(rtype)), None)
        fresh = dns.rrset.from_text(name, int(ttl), "IN", rtype, data)
        if found is not None:
            found.update(fresh)
        else:
            response.answer.append(fresh)
    if soa:
        response.authority.append(dns.rrset.from_text(soa, 300, "IN", "SOA", f"ns1.{soa} hostmaster.{soa} 1 7200 3600 1209600 60"))
    if ede is not None:
        response.use_edns(0, options=[dns.edns.EDEOption(ede)])
    return response


class Nameserver:
    """with Nameserver(handler) as server: World.live([server.at])

    handler(query, over_tcp) gives one message, octets, several of them, (seconds, message) to hold one back, or None for silence.
    """

    def __init__(self, handler: Handler, *, delay: float = 0.0, tcp: bool = True) -> None:
        self.handler, self.delay, self.tcp = handler, delay, tcp
        self.asked: list[tuple[str, str, bool]] = []  # name, type, over TCP
        self.queries: list[dns.message.Message] = []
        self.ports: list[int] = []  # source port of each UDP query

    def __enter__(self) -> Nameserver:
        for _ in range(50):
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._udp.bind(("127.0.0.1", 0))
            self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
            self.port = self._udp.getsockname()[1]
            if not self.tcp:
                break
            self._listen = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                self._listen.bind(("127.0.0.1", self.port))
                self._listen.listen(16)
                break
            except OSError:
                self._listen.close()
                self._udp.close()
        self.at = f"127.0.0.1:{self.port}"
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="test-nameserver")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join()

    def _run(self) -> None:
        held: list = []
        order, streams = count(), {}
        sockets = [self._udp, *([self._listen] if self.tcp else [])]
        try:
            while not self._stop:
                pause = min(0.02, max(0.0, held[0][0] - time.monotonic())) if held else 0.02
                for ready in select.select([*sockets, *streams], [], [], pause)[0]:
                    if ready is self._udp:
                        self._datagram(held, order)
                    elif self.tcp and ready is self._listen:
                        streams[ready.accept()[0]] = bytearray()
                    elif not self._stream(ready, streams[ready]):
                        del streams[ready]
                        ready.close()
                while held and held[0][0] <= time.monotonic():
                    _, _, data, peer = heapq.heappop(held)
                    with contextlib.suppress(OSError):
                        self._udp.sendto(data, peer)
        finally:
            for each in (*sockets, *streams):
                each.close()

    def _datagram(self, held: list, order) -> None:
        data, peer = self._udp.recvfrom(65535)
        self.ports.append(peer[1])
        for wait, octets in self._answers(data, False):
            heapq.heappush(held, (time.monotonic() + self.delay + wait, next(order), octets, peer))

    def _stream(self, stream: socket.socket, got: bytearray) -> bool:
        try:
            data = stream.recv(65537)
        except OSError:
            return False
        got += data
        if len(got) >= 2 and len(got) >= 2 + int.from_bytes(got[:2], "big"):
            for _, octets in self._answers(bytes(got[2:]), True):
                stream.sendall(struct.pack("!H", len(octets)) + octets)
            got.clear()
        return bool(data)

    def _answers(self, data: bytes, tcp: bool) -> list[tuple[float, bytes]]:
        query = dns.message.from_wire(data)
        question = query.question[0]
        self.asked.append((question.name.to_text(True), dns.rdatatype.to_text(question.rdtype), tcp))
        self.queries.append(query)
        given = self.handler(query, tcp)
        if given is None:
            return []
        several = given if isinstance(given, list) else [given]
        pairs = [item if isinstance(item, tuple) else (0.0, item) for item in several]
        return [(wait, item if isinstance(item, bytes) else item.to_wire()) for wait, item in pairs]
