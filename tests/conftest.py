"""Every test runs offline: a connection or a datagram to anything but loopback is a failure of the test that tries it."""

from __future__ import annotations

import ipaddress
import socket
import threading

import pytest

from healthcheck.edge import timers
from healthcheck.edge.wire import Wire
from healthcheck.edge.world import World

_REAL = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto", "sendmsg", "bind")}
_WHERE = {"connect": 0, "connect_ex": 0, "bind": 0, "sendto": -1, "sendmsg": 3}
_REAL_LOOKUP = socket.getaddrinfo


class NotLoopback(AssertionError):
    """A test tried to reach the network."""


def _loopback(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket's path
    host = str(address[0])
    try:
        return host in ("localhost", "") or ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guarded(name: str):
    def call(self, *args, **options):
        at = _WHERE[name]
        address = args[at] if len(args) > max(at, 0) else None
        if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple) and not _loopback(address):
            raise NotLoopback(f"a test may reach loopback only, and this one tried {address}")
        return _REAL[name](self, *args, **options)

    return call


def _lookup(host, *args, **options):
    if host not in (None, "", "localhost"):
        try:
            ipaddress.ip_address(str(host).partition("%")[0])  # turning digits into an address reaches nobody
        except ValueError:
            raise NotLoopback(f"a test may not look up {host!r} through the system") from None
    return _REAL_LOOKUP(host, *args, **options)


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No socket leaves this machine, and what a topic's foresee raises is not swallowed."""
    for name in _REAL:
        monkeypatch.setattr(socket.socket, name, _guarded(name), raising=True)
    monkeypatch.setattr(socket, "getaddrinfo", _lookup)
    monkeypatch.setattr(World, "strict", True)


@pytest.fixture
def no_thread_left():
    """The IO threads of scans that a test opened have ended when it ends."""
    before = set(threading.enumerate())
    yield
    left = [t for t in set(threading.enumerate()) - before if t.name == "dns-io"]
    assert not left


@pytest.fixture
def patient(monkeypatch):
    """No question is asked again because the machine is busy, and none is given up: an answer that is late is not lost."""
    monkeypatch.setattr(Wire, "waits", (60.0,))
    monkeypatch.setattr(Wire, "longest", 60.0)
    monkeypatch.setattr(timers, "LONGEST", 60.0)
