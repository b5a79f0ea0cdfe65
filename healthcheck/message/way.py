"""The way of a message: its hops in the order of travel, whose hosts they are, where it entered the receiver's system, and what went wrong on the way.

A Received field says what its writer noted, and below the receiver's own ones anything may be forged. So the receiver's hosts are
found from the top (the newest field is the receiver's), the sender's from the bottom, and what lies between belongs to neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from ..bounce.rules import provider_of_host
from ..model import Hop, Side
from .received import inner, plain_ip, read_received, signed_in

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

MAX_HOPS = 100  # RFC 5321 section 6.3: a server may take a message with so many for a loop
SLOW = 300.0  # seconds between two hops from which on a hop is called slow
SKEW = 60.0  # seconds by which a message may arrive before it was sent
MAX_VISITS = 2  # of one host, from elsewhere each time: once, and once more where a forwarder sends it back


@dataclass(frozen=True, slots=True)
class Way:
    """hops: the oldest first. The rest are places in it, or None.

    entry    the hop with which it came into the receiver's system: its client's address is the one that SPF was judged on
    left     the last hop in the sender's system
    slow     the hop before which the message waited longest, where that was SLOW or more
    skews    (place, seconds): hops that note an earlier time than the one before, by more than SKEW
    loops    hosts that had the message too often, each with the places where it came in
    seconds  from the first date to the last; None where there are not two
    left_out how many fields there were beyond MAX_HOPS
    """

    hops: tuple[Hop, ...]
    entry: int | None = None
    left: int | None = None
    slow: int | None = None
    skews: tuple[tuple[int, float], ...] = ()
    loops: tuple[tuple[str, tuple[int, ...]], ...] = ()
    seconds: float | None = None
    left_out: int = 0

    @property
    def receivers(self) -> tuple[str, ...]:
        """The receiver's hosts, as they call themselves, the newest first."""
        return tuple(dict.fromkeys(hop.by for hop in reversed(self.hops) if hop.side is Side.RECEIVER and hop.by))

    @property
    def ip(self) -> str | None:
        """The address that connected to the receiver, by the Received fields."""
        return None if self.entry is None else self.hops[self.entry].ip


def read_way(
    fields: Sequence[str], *, own: Iterable[str | None] = (), judged_ip: str | None = None, refused_by: str | None = None, judging: Iterable[str] = ()
) -> Way:
    """The way that Received fields tell, in the order in which they stand in the message (the newest first). Pure, never raises.

    own         domains of the sender: of From and of the envelope
    judged_ip   the address that a result of the receiver's says SPF was judged on: the hop that notes it is where the message entered
    refused_by  of a bounce: the host that said no. Where it wrote none of the fields, they end before the receiver
    judging     authserv-ids of results above every field, which are the receiver's hosts too

    Cost: well under a millisecond a field. Standard: RFC 5321 section 4.4.

    >>> way = read_way([
    ...     "from out.example.com (out.example.com [192.0.2.7]) by mx.example.net with ESMTPS id 2; Sun, 22 Nov 2026 12:00:09 +0000",
    ...     "from [10.0.0.5] (laptop [10.0.0.5]) by out.example.com with ESMTPSA id 1; Sun, 22 Nov 2026 12:00:00 +0000"])
    >>> way.ip, [hop.side.value for hop in way.hops], way.seconds
    ('192.0.2.7', ['sender', 'receiver'], 9.0)
    """
    kept = list(enumerate(fields))[:MAX_HOPS]
    hops = [read_received(value, order) for order, value in reversed(kept)]
    hops = _delayed([_inside(hop, oldest=n == 0) for n, hop in enumerate(hops)])
    run = _receivers(hops, refused_by, tuple(judging))
    entry = _entry(hops, run, judged_ip)
    first = entry if entry is not None else (min(run) if run else len(hops))
    hops = _sided(hops, first, {o for name in own if name and (o := org(name))})
    left = max((n for n, hop in enumerate(hops) if hop.side is Side.SENDER), default=None)
    times = [hop.at for hop in hops if hop.at is not None]
    slowest = max((n for n, hop in enumerate(hops) if hop.delay_s is not None), key=lambda n: hops[n].delay_s or 0, default=None)
    return Way(
        hops=tuple(hops),
        entry=entry,
        left=left,
        slow=slowest if slowest is not None and (hops[slowest].delay_s or 0) >= SLOW else None,
        skews=tuple((n, hop.delay_s) for n, hop in enumerate(hops) if hop.delay_s is not None and hop.delay_s < -SKEW),
        loops=_loops(hops),
        seconds=times[-1] - times[0] if len(times) > 1 else None,
        left_out=max(0, len(fields) - MAX_HOPS),
    )


def _inside(hop: Hop, *, oldest: bool) -> Hop:
    """With `internal` where the client is on this host or in its own network.

    Who hands in a message without signing in (a local account, a web form) writes its oldest field; further up that is a program of the host.
    """
    there = hop.internal or inner(hop.ip) or (hop.ip is None and _unqualified(hop.from_name))
    return replace(hop, internal=there, submission=hop.submission and (oldest or signed_in(hop)))


def _delayed(hops: list[Hop]) -> list[Hop]:
    out: list[Hop] = []
    for hop in hops:
        before = out[-1].at if out else None
        out.append(replace(hop, delay_s=hop.at - before) if hop.at is not None and before is not None else hop)
    return out


# ------------------------------------------------------------------ whose host it is


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@lru_cache(maxsize=1024)
def org(name: str | None) -> str | None:
    """The organizational domain of a host by the public suffix list, or None for what is no host name with a dot. Names alone, asks nothing."""
    bare = (name or "").strip("[]<>.").lower()
    if "." not in bare or len(bare) > 255 or plain_ip(bare) or any(c in bare for c in " @/:"):
        return None
    if bare.count(".") == 1:
        return bare
    found = _suffixes().privatesuffix(bare)
    return str(found) if found else bare


def _unqualified(name: str | None) -> bool:
    """A name that only its own network knows: one label, "localhost", ".internal" and the like."""
    if not name or name.startswith("["):
        return False
    bare = name.rstrip(".").lower()
    return "." not in bare or bare.endswith((".local", ".internal", ".localdomain", ".lan", ".localhost", ".home.arpa", ".corp", ".home"))


def same_side(one: str | None, other: str | None) -> bool:
    """Do two host names belong to one organization: by their organizational domain, or as hosts of one provider (data/replies)?

    Names alone decide: it does not say that whoever gave the name is entitled to it.
    """
    mine, theirs = org(one), org(other)
    if mine is None or theirs is None:
        return False
    return mine == theirs or ((provider := provider_of_host(one)) is not None and provider == provider_of_host(other))


def _own_network(by: str | None) -> bool:
    """A host that gives no name by which it could be told from its neighbours."""
    return by is None or _unqualified(by) or inner(plain_ip(by))


def _receivers(hops: list[Hop], refused_by: str | None, judging: tuple[str, ...]) -> list[int]:
    """Places of the receiver's hops: from the newest down, as long as one organization wrote them, and to the hop whose client is outside."""
    name = next((hop.by for hop in reversed(hops) if not _own_network(hop.by)), None)
    if not hops or (refused_by and not same_side(refused_by, name) and refused_by != name):
        return []
    run: list[int] = []
    for n in range(len(hops) - 1, -1, -1):
        hop = hops[n]
        theirs = hop.by == name or same_side(hop.by, name) or any(same_side(hop.by, one) for one in judging)
        if hop.submission or not (theirs or _own_network(hop.by)):
            break  # who is let in as a user is the sender's side, also on the receiver's own system
        run.append(n)
        if _from_outside(hop, hops[n - 1] if n else None, name):
            return run
    while len(run) > 1 and _own_network(hops[run[-1]].by):
        run.pop()  # a nameless host below the receiver's is the sender's
    return run


def _from_outside(hop: Hop, before: Hop | None, name: str | None) -> bool:
    """Did this hop take the message from another organization's host? `before`: the next older one."""
    if hop.internal:
        return False
    if hop.ip is None:
        return org(hop.from_name) is not None and not same_side(hop.from_name, name)
    if hop.ptr:
        return not same_side(hop.ptr, name)  # what the server found out goes before what the client said
    if not same_side(hop.from_name, name):
        return True
    if "Microsoft SMTP Server" in hop.text:
        return False  # it notes no reverse names, and its inner hosts may have public addresses
    # a name of the receiver's own that nobody looked up: to be believed where no look-up failed and that host had it before
    return "unknown" in hop.text.lower() or before is None or (before.by or "").lower() != (hop.from_name or "").lower()


def _entry(hops: list[Hop], run: list[int], judged_ip: str | None) -> int | None:
    """The hop with which the message came in. What the receiver says it judged goes before what the names look like."""
    if not run:
        return None
    if judged_ip is not None and (noted := [n for n, hop in enumerate(hops) if hop.ip == judged_ip and not hop.submission]):
        return noted[-1]
    oldest = min(run)
    if hops[oldest].ip and not hops[oldest].internal:
        return oldest
    outside = [n for n in run if hops[n].ip and not hops[n].internal]
    if outside:
        return max(outside)
    return oldest if not hops[oldest].internal and hops[oldest].from_name else None


def _sided(hops: list[Hop], first: int, own: set[str]) -> list[Hop]:
    """Each hop with its side. `first`: the place of the receiver's first hop."""
    out: list[Hop] = []
    start = next((hop.by for hop in hops[:first] if not _own_network(hop.by)), None)
    senders = True
    for n, hop in enumerate(hops):
        if n >= first:
            side = Side.RECEIVER
        else:
            mine = n == 0 or _own_network(hop.by) or hop.submission or hop.internal or same_side(hop.by, start) or (senders and org(hop.by) in own)
            senders = senders and mine
            side = Side.SENDER if senders else Side.BETWEEN
        out.append(replace(hop, side=side))
    return out


def _loops(hops: list[Hop]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Hosts that had the message twice under one id, or came to it more than twice from elsewhere. RFC 5321 section 6.3."""
    ids: dict[tuple[str, str], list[int]] = {}
    visits: dict[str, list[int]] = {}
    before: str | None = None
    for n, hop in enumerate(hops):
        by = (hop.by or "").lower()
        if not by or _own_network(by):
            continue  # a content filter on the same host
        if len(hop.id) > 1 and hop.protocol != "local":
            ids.setdefault((by, hop.id), []).append(n)
        if by != before and not (hop.internal and visits.get(by)):
            visits.setdefault(by, []).append(n)
        before = by
    found = {host: places for (host, _), places in ids.items() if len(places) > 1}
    found |= {host: places for host, places in visits.items() if len(places) > MAX_VISITS}
    return tuple((host, tuple(places)) for host, places in found.items())
