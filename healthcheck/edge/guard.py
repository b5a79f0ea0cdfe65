"""Where scanned data may lead a connection: to public addresses, at the ports of its purpose, and nowhere else.

A record names whom it likes: a host in the network of this machine, its loopback, the metadata service of its cloud. So every connection
that follows from one is opened here, to the literal address that was judged in the same call. No name is resolved on the way, and what a
name says a moment later does not matter.
"""

from __future__ import annotations

import errno
import socket
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from ..model import Reached

DATA = Path(__file__).parent.parent / "data" / "special_addresses.toml"
HTTPS, SMTP, DNS = 443, 25, 53

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# RFC 4291 section 2.4 and the registry of the IPv6 address space: what is given to hosts lies in here
_UNICAST = IPv6Network("2000::/3")
_NO_ROUTE = frozenset(
    getattr(errno, name)
    for name in ("ENETUNREACH", "EHOSTUNREACH", "ENETDOWN", "EHOSTDOWN", "EADDRNOTAVAIL", "EAFNOSUPPORT", "EPROTONOSUPPORT", "EPERM", "EACCES")
    if hasattr(errno, name)
)


class Ended(Exception):
    """No connection was made, or it did not come to its end: how far it came, and why."""

    def __init__(self, reached: Reached, detail: str) -> None:
        super().__init__(detail)
        self.reached, self.detail = reached, detail


@lru_cache(maxsize=1)
def _special() -> tuple[tuple[Network, str], ...]:
    rows = tomllib.loads(DATA.read_text(encoding="utf-8"))["network"]
    return tuple((ip_network(row["net"]), f"{row['name']}, {row['net']}") for row in rows)


@lru_cache(maxsize=4096)
def _why_not(text: str) -> str:
    """Why this is no public address; "" where it is one."""
    try:
        address: Address = ip_address(text)
    except ValueError:
        # also 127.1, 0x7f.1, 017700000001, 2130706433: forms that some libraries would turn into an address
        return "no address"
    if getattr(address, "scope_id", None):
        return "an interface of this machine (RFC 4007 section 11)"
    for net, why in _special():
        if net.version == address.version and address in net:
            return why
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return "no global unicast address"
    return "" if address.is_global and not address.is_multicast else "no public address"


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be connected to. PUBLIC is the one of every live World; tests make others.

    fetch, greet, ask   the port for HTTPS, for SMTP and for questions to nameservers
    also                networks that are let through although they are not public
    """

    fetch: int = HTTPS
    greet: int = SMTP
    ask: int = DNS
    also: tuple[str, ...] = ()

    def permitted(self, address: str, port: int) -> str:
        """ "" where this literal address may be connected to at this port, else why not. Pure; never raises.

        It says nothing of who is there. Standard: RFC 6890 and the registries named in data/special_addresses.toml.

        >>> PUBLIC.permitted("192.168.1.1", 443)
        'private network, 192.168.0.0/16'
        """
        if port not in (self.fetch, self.greet, self.ask):
            return f"port {port} is not connected to"
        if not isinstance(address, str):
            return "no address"
        why = _why_not(address)
        return "" if not why or (self.also and self._let_through(address)) else why

    def _let_through(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return any(address in net for net in map(ip_network, self.also) if net.version == address.version)

    def connect(self, address: str, port: int, until: float, hold: Callable[[socket.socket], None] | None = None) -> socket.socket:
        """A TCP connection to this literal address, where it is permitted; `until` as of time.monotonic. Raises Ended, and nothing else.

        hold   is handed the socket before it connects, for who wants to cut it off
        """
        if why := self.permitted(address, port):
            raise Ended(Reached.GUARDED, f"{address}: not connected, {why}")
        literal = ip_address(address)
        left = until - time.monotonic()
        if left <= 0:
            raise Ended(Reached.NOT_ASKED, f"{address}: no time was left")
        try:
            made = socket.socket(socket.AF_INET if literal.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        except OSError as error:
            raise _ended(address, error) from None
        try:
            if hold is not None:
                hold(made)
            made.settimeout(left)
            made.connect((str(literal), port))
        except OSError as error:
            made.close()
            raise _ended(address, error) from None
        except BaseException:
            made.close()
            raise
        return made


def _ended(address: str, error: OSError) -> Ended:
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return Ended(Reached.TIMEOUT, f"{address}: no answer")
    if error.errno == errno.ECONNREFUSED:
        return Ended(Reached.REFUSED, f"{address}: nobody listens")
    if error.errno in _NO_ROUTE:
        return Ended(Reached.NO_ROUTE, f"{address}: no way there from this machine ({error.strerror})")
    if error.errno in (errno.ECONNRESET, errno.ECONNABORTED):
        return Ended(Reached.CLOSED, f"{address}: closed at once")
    return Ended(Reached.NOT_ASKED, f"{address}: {error.strerror or error}")


PUBLIC = Policy()


def permitted(address: str, port: int) -> str:
    """PUBLIC.permitted: "" where this literal address may be connected to at this port, else why not. Pure; never raises.

    >>> permitted("169.254.169.254", 443)
    'metadata service of a cloud, 169.254.169.254/32'
    """
    return PUBLIC.permitted(address, port)
