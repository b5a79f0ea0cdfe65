"""One question on its way to a nameserver, and how many sockets this process may still open."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Protocol

from ..errors import InputError
from . import codec
from .codec import Reply
from .line import Ask, Done


def _socket_limit() -> int:
    try:
        import resource
    except ImportError:
        return 256
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 4096 if soft < 0 else max(64, min(4096, soft // 2))


class Purse:
    """Sockets that all loops of this process together may still open. A loop takes some at a time, and gives back what is left."""

    def __init__(self, held: int) -> None:
        self._held, self._lock = held, threading.Lock()

    def take(self, most: int) -> int:
        with self._lock:
            taken = min(most, self._held)
            self._held -= taken
            return taken

    def give(self, number: int) -> None:
        with self._lock:
            self._held += number


free = Purse(_socket_limit())


@dataclass(frozen=True, slots=True)
class Server:
    """A nameserver: how it is shown, and where it is."""

    label: str  # "192.0.2.53", "127.0.0.1:5353"
    family: int
    address: tuple[Any, ...]


_SERVER = re.compile(r"\[(?P<v6>[^\]]+)\](?::(?P<port6>\d+))?|(?P<v4>[0-9.]+)(?::(?P<port4>\d+))?|(?P<bare>[0-9a-fA-F:.]+(?:%\w+)?)")


def server_of(text: str, port: int = 53) -> Server:
    """The nameserver that a text names: "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:5353". Raises InputError. Looks up no name."""
    found = _SERVER.fullmatch(text.strip())
    refusal = InputError(f"“{text.strip()[:60]}” is no nameserver. Give its address: 192.0.2.53, 192.0.2.53:5353, 2001:db8::53 or [2001:db8::53]:5353.")
    if found is None:
        raise refusal
    host = found["v6"] or found["v4"] or found["bare"]
    given = found["port6"] or found["port4"]
    port = int(given) if given else port
    try:
        address: tuple[Any, ...]
        family, address = (socket.AF_INET, (host, port)) if ip_address(host).version == 4 else (socket.AF_INET6, (host, port, 0, 0))
        if "%" in host:  # the scope is an interface, which the system knows by a number
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
    except (ValueError, OSError, OverflowError):
        raise refusal from None
    if not 0 < port < 65536:
        raise refusal
    shown = f"[{host}]" if ":" in host and port != 53 else host
    return Server(shown if port == 53 else f"{shown}:{port}", family, address)


@dataclass(slots=True, eq=False)
class State:
    """What this scan learned of a server."""

    server: Server
    silent: int = 0
    edns: bool = True


class Decides(Protocol):
    """The line that a question belongs to: it decides, the loop carries out. Called with the loop's lock held."""

    until: float

    def next(self, job: Job) -> bool: ...
    def late(self, job: Job) -> None: ...
    def heard(self, each: Try, data: bytes) -> None: ...
    def lost(self, each: Try, error: OSError) -> None: ...


@dataclass(slots=True, eq=False)
class Try:
    """One socket of one question."""

    job: Job
    state: State
    sock: socket.socket
    fd: int
    ident: int
    edns: bool
    cd: bool
    fresh: bool = True  # not connected yet
    gone: bool = False
    out: bytes = b""  # TCP: what is still to be sent
    got: bytearray | None = None  # TCP: what was received; None over UDP

    def packet(self) -> bytes:
        ask = self.job.ask
        packet = codec.query(self.ident, self.job.asked, do=ask.do, cd=self.cd, edns=self.edns)
        # RFC 1034 section 5.3.3: a nameserver is asked for what it holds itself, without RD (the lowest bit of the third octet)
        return packet if not (ask.server and ask.at) else packet[:2] + bytes((packet[2] & 0xFE,)) + packet[3:]


@dataclass(slots=True, eq=False)
class Job:
    """One question on its way."""

    line: Decides
    ask: Ask
    asked: bytes  # as it stands in the message
    done: Done
    plan: tuple[State, ...]  # the servers to be tried, in order
    began: float = 0.0
    tries: list[Try] = field(default_factory=list)
    started: bool = False
    at: int = 0  # how many of the plan have been tried
    sent: int = 0
    turn: int = 0  # which wait is running: a timer of an earlier turn says nothing
    servfails: int = 0
    checking: bool = False  # asking with CD after SERVFAIL
    over: bool = False
    worst: Reply | None = None
    told: tuple[str, ...] = ()
