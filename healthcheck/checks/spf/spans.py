"""Sets of addresses, IPv4 and IPv6 on one axis, as sorted spans that neither touch nor overlap. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network, summarize_address_range

Spans = tuple[tuple[int, int], ...]  # each from its first to its last address

_SIX = 1 << 40  # where IPv6 begins on the axis: far enough from the last IPv4 address that the two never touch
ALL_FOUR = ((0, (1 << 32) - 1),)
ALL_SIX = ((_SIX, _SIX + (1 << 128) - 1),)
EVERYTHING: Spans = ALL_FOUR + ALL_SIX


def span_of(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    base = _SIX if network.version == 6 else 0
    return base + int(network.network_address), base + int(network.broadcast_address)


def span(address: str, width: int | None = None) -> tuple[int, int]:
    """The addresses of a network as it is written: an address, and how many bits of it count (None: all). Raises ValueError.

    >>> span("192.0.2.9", 31) == span_of(IPv4Network("192.0.2.8/31"))
    True
    """
    if width is not None:
        return _wide(address, width)
    single = ip_address(address)
    at = int(single) + (_SIX if single.version == 6 else 0)
    return at, at


@lru_cache(maxsize=4096)  # those of a service, which many domains include
def _wide(address: str, width: int) -> tuple[int, int]:
    return span_of(ip_network(f"{address}/{width}", strict=False))


def merge(parts: Iterable[tuple[int, int]]) -> Spans:
    """The union of some spans.

    >>> merge([(4, 9), (1, 2), (3, 3), (20, 30)])
    ((1, 9), (20, 30))
    """
    out: list[tuple[int, int]] = []
    for first, last in sorted(parts):
        if out and first <= out[-1][1] + 1:
            if last > out[-1][1]:
                out[-1] = (out[-1][0], last)
        else:
            out.append((first, last))
    return tuple(out)


def meet(one: Spans, other: Spans) -> Spans:
    """What both hold."""
    out: list[tuple[int, int]] = []
    i = j = 0
    while i < len(one) and j < len(other):
        first, last = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if first <= last:
            out.append((first, last))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(out)


def minus(one: Spans, other: Spans) -> Spans:
    """What the first holds and the second does not.

    >>> minus(((1, 9),), ((3, 4), (8, 20)))
    ((1, 2), (5, 7))
    """
    out: list[tuple[int, int]] = []
    j = 0
    for begin, last in one:
        first = begin
        while j < len(other) and other[j][1] < first:
            j += 1
        k = j
        while k < len(other) and other[k][0] <= last:
            if other[k][0] > first:
                out.append((first, other[k][0] - 1))
            first = max(first, other[k][1] + 1)
            k += 1
        if first <= last:
            out.append((first, last))
    return tuple(out)


def count4(spans: Spans) -> int:
    """How many IPv4 addresses."""
    return sum(last - first + 1 for first, last in spans if last < _SIX)


def count64(spans: Spans) -> int:
    """How many IPv6 networks of 64 bits, begun ones counted: single IPv6 addresses say nothing to anybody."""
    return sum(((last - _SIX) >> 64) - ((first - _SIX) >> 64) + 1 for first, last in spans if first >= _SIX)


def networks(spans: Spans) -> Iterator[IPv4Network | IPv6Network]:
    """The same as networks, as few as it takes."""
    for first, last in spans:
        if first >= _SIX:
            yield from summarize_address_range(IPv6Address(first - _SIX), IPv6Address(last - _SIX))
        else:
            yield from summarize_address_range(IPv4Address(first), IPv4Address(last))


def written(network: IPv4Network | IPv6Network) -> str:
    """As an SPF term without its qualifier: "ip4:192.0.2.1", "ip6:2001:db8::/32"."""
    single = network.prefixlen == network.max_prefixlen
    return f"ip{network.version}:{network.network_address if single else network}"
