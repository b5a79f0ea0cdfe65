"""One connection to a host, to a permitted address and with an end: what it takes in all is counted, not what one read takes."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from types import TracebackType

from ..model import Reached
from .guard import Ended, Policy
from .hands import Hands
from .tls import Shaken, shake

SHARE = 3.0  # seconds for one address, where others are left to be tried


class Conversation:
    """A context manager; leaving it closes the connection. Every method raises Ended, and nothing else, on what the network does."""

    def __init__(self, policy: Policy, port: int, until: float, hands: Hands) -> None:
        self._policy, self._port, self._until, self._hands = policy, port, until, hands
        self._connection: socket.socket | None = None
        self.address = ""

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._hands.released(self._connection)
            self._connection.close()
            self._connection = None

    @property
    def left(self) -> float:
        return self._until - time.monotonic()

    def connect(self, address: str, *, share: bool = False) -> None:
        """`share`: other addresses are left to be tried, so that this one may not take all the time."""
        until = min(self._until, time.monotonic() + SHARE) if share else self._until
        held: list[socket.socket] = []

        def hold(made: socket.socket) -> None:
            held.append(made)
            self._hands.holding(made)

        try:
            self._connection = self._policy.connect(address, self._port, until, hold)
        except Ended:
            for made in held:
                self._hands.released(made)
            raise
        self.address = address

    @property
    def local(self) -> str:
        """The address that this end of the connection has."""
        return str(self._here().getsockname()[0]).partition("%")[0]

    def _here(self) -> socket.socket:
        if self._connection is None:
            raise Ended(Reached.CLOSED, f"{self.address}: closed")
        if self.left <= 0:
            raise Ended(Reached.TIMEOUT, f"{self.address}: time was over")
        self._connection.settimeout(self.left)
        return self._connection

    def secure(self, context: ssl.SSLContext, host: str) -> Shaken:
        """TLS from here on. A certificate that is not trusted is a result, after which nothing more can be read or sent."""
        plain = self._here()
        try:
            if not host.strip(".") or host.startswith(".") or not host.encode("idna"):
                raise UnicodeError("empty label")
        except UnicodeError as error:
            raise Ended(Reached.NOT_ASKED, f"{host[:80]} is no host name ({error})") from None
        try:
            wrapped = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        except (ValueError, OSError) as error:  # the other side has gone already
            raise Ended(Reached.CLOSED, f"{self.address}: {error}") from None
        # wrapping has taken the connection over from the plain socket
        self._hands.holding(wrapped)
        self._hands.released(plain)
        self._connection = wrapped
        try:
            shaken = shake(wrapped)
        except OSError as error:
            raise self._ended(error, "in the TLS handshake") from None
        if shaken.refused:
            self._drop()
        return shaken

    def send(self, data: bytes) -> None:
        try:
            self._here().sendall(data)
        except OSError as error:
            raise self._ended(error, "while it was asked") from None

    def receive(self, most: int = 16384) -> bytes:
        """What has come, b"" where the other side has closed the connection as it should."""
        try:
            return self._here().recv(most)
        except OSError as error:
            raise self._ended(error, "before its answer ended") from None

    def linger(self, seconds: float) -> None:
        """Waits a moment for what is answered last, and reads it away, so that the other side sees a proper end."""
        connection = self._here()
        connection.settimeout(min(seconds, self.left))
        with contextlib.suppress(OSError):
            connection.recv(4096)

    def waiting(self) -> bytes:
        """What has come in the clear and was not read yet; waits for nothing. Not for a connection with TLS."""
        connection = self._here()
        connection.setblocking(False)
        try:
            return connection.recv(16384)
        except OSError:
            return b""

    def _ended(self, error: OSError, where: str) -> Ended:
        if isinstance(error, TimeoutError):
            return Ended(Reached.TIMEOUT, f"{self.address}: no answer in time, {where}")
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or not isinstance(error, ssl.SSLError):
            return Ended(Reached.CLOSED, f"{self.address}: the connection ended {where}")
        reason = (error.reason or "").replace("_", " ").lower()
        return Ended(Reached.TLS, f"{self.address}: TLS failed {where}" + (f" ({reason})" if reason else ""))
