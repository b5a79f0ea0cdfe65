"""Another source port for a UDP socket: what opening a new one brings, for half of the work."""

from __future__ import annotations

import ctypes
import socket
import sys
from collections.abc import Callable
from functools import cache

_NOWHERE = bytes(128)  # a sockaddr of the family AF_UNSPEC, as long as any


@cache
def _dissolve() -> Callable[[int, bytes, int], int] | None:
    """connect(2) as the system has it, since Python's takes no address of the family AF_UNSPEC; None where it does not free the port."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        connect = ctypes.PyDLL(None).connect
        connect.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("127.0.0.1", 9))  # sends nothing
            freed = connect(probe.fileno(), _NOWHERE, 16) == 0 and probe.getsockname()[1] == 0
    except (OSError, AttributeError):
        return None
    return connect if freed else None


def renewed(sock: socket.socket, address: tuple[object, ...]) -> bool:
    """Connects a non-blocking UDP socket to `address` once more, from a source port that the kernel draws anew. False where it cannot: it is to be closed.

    What came to the old port is thrown away after nothing more can come, so that it is never taken for the answer to a later question.
    Standard: connect(2), AF_UNSPEC; RFC 5452 section 9.2 (a port for each question). Cost: no question.
    """
    dissolve = _dissolve()
    if dissolve is None or dissolve(sock.fileno(), _NOWHERE, 16) != 0:
        return False
    try:
        while True:
            sock.recv(1)
    except BlockingIOError:
        pass
    except OSError:
        return False
    try:
        sock.connect(address)
    except OSError:
        return False
    return True
