"""IP addresses as the checks see them: which can be reached at all, and how one is turned round for a look-up."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# RFC 5737, RFC 3849: reserved for documentation, and ordinary addresses here, so that examples can be scanned
_DOCUMENTATION = tuple(ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
# what Python calls global and nobody can reach: translations of an IPv4 address stand for that address, not for a host of their own
_TRANSLATED = tuple(ip_network(n) for n in ("64:ff9b::/96", "2002::/16", "2001::/32", "192.88.99.0/24"))


@lru_cache(maxsize=1024)  # a scan wants to know it of each address again and again
def is_address(text: str) -> bool:
    """Is this an IP address (also one in brackets)? Pure.

    >>> is_address("192.0.2.1"), is_address("mx.example.net")
    (True, False)
    """
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def is_reachable(text: str) -> bool:
    """Can this address be reached from the Internet, as far as its number says? Documentation addresses count as such. Pure.

    Standard: RFC 6890 (special-purpose addresses).

    >>> is_reachable("192.0.2.1"), is_reachable("10.0.0.1"), is_reachable("::1")
    (True, False, False)
    """
    address = parse(text)
    if any(address in net for net in _DOCUMENTATION if net.version == address.version):
        return True
    if any(address in net for net in _TRANSLATED if net.version == address.version):
        return False
    return address.is_global and not address.is_multicast


@lru_cache(maxsize=1024)
def reversed_labels(text: str) -> str:
    """The address turned round, as it stands in in-addr.arpa, ip6.arpa or in front of a blocklist's name. Pure.

    Standard: RFC 1035 section 3.5, RFC 3596 section 2.5, RFC 5782 sections 2.1 and 2.4.

    >>> reversed_labels("192.0.2.99")
    '99.2.0.192'
    """
    return parse(text).reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


@lru_cache(maxsize=1024)
def parse(text: str) -> IPv4Address | IPv6Address:
    """The address as a value. Raises ValueError. Pure."""
    return ip_address(text)
