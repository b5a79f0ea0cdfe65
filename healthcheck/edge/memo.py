"""The entries of a scan: each (name, type, DO) put to the line once, its aliases followed, its DNSSEC state judged.

A raw entry is one question with one message. A head is a question as it was meant: it walks over raw entries, one for each
message that its aliases need. Raw entries wait for nothing but the line, so that no loop of aliases can lock anything.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..model import Answer, Outcome, Question, Secure
from . import codec
from .codec import Reply, name_text, name_wire
from .line import Ask, Line

if TYPE_CHECKING:
    from .world import World

ALIASES = 8
PROBE_WAIT = 3.0  # seconds that a demanded answer waits to learn whether its resolver validates

Key = tuple[bytes, int, bool, str]  # name, type, DO, "" or the one server that is asked

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Raw:
    """One question to the line, with one message as its reply."""

    key: Key
    shared: bool
    reply: Reply | None = None
    mine: bool = False  # this scan put it to its line; else the World had it, or another scan is asking
    waiters: list[Head] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Head:
    """One question as it was meant: its aliases followed to the end."""

    key: Key
    name: str
    rtype: str
    shared: bool
    fixed: bool
    trail: list[Raw] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)
    aliases: tuple[str, ...] = ()
    ttls: list[int] = field(default_factory=list)
    roles: dict[str, Question] = field(default_factory=dict)
    known: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None  # as it arrived
    final: Answer | None = None  # as it was demanded: does not change any more
    demanded: bool = False


@dataclass(slots=True, eq=False)
class Probe:
    """Whether a server validates: SERVFAIL for a known bogus name, and an answer for it with the CD bit."""

    known: threading.Event = field(default_factory=threading.Event)
    replies: dict[bool, Reply] = field(default_factory=dict)


class Memo:
    """The entries of one scan. Thread-safe."""

    def __init__(self, world: World, line: Line, end: float) -> None:
        self._world, self._line, self._end = world, line, end
        self._lock = threading.Lock()
        self._raws: dict[Key, Raw] = {}
        self._heads: dict[Key, Head] = {}
        self._sent = 0
        self._closed = False
        self._proven: dict[str, bool] = {}  # which nameservers the World knew to validate when this scan began
        self._probes: dict[str, Probe] = {}
        self._inbox: deque[tuple[Raw, Reply]] = deque()
        self._sorting = threading.Lock()

    def _settled(self, question: Question, answer: Answer) -> None:
        """Called once for each role of a question whose answer is there, before anybody who waits for it goes on."""
        raise NotImplementedError

    # ------------------------------------------------------------------ the line

    def _follow(self, head: Head, target: bytes) -> None:
        """Puts the next question of a head: its own name, or the target of an alias."""
        key = (target, *head.key[1:])
        with self._lock:
            raw = self._raws.get(key)
            new = raw is None
            if raw is None:
                raw = self._raws[key] = Raw(key, head.shared)
            head.trail.append(raw)
            raw.waiters.append(head)
            known = raw.reply
        if known is not None:
            self._arrived(raw, known)
        elif new and head.shared:
            self._share(raw)
        elif new:
            self._put(raw)

    def _put(self, raw: Raw) -> None:
        with self._lock:
            raw.mine = True
            self._sent += 1
        name, rtype, do, server = raw.key
        self._line.put(Ask(name, rtype, do, server=server), lambda reply: self._arrived(raw, reply))

    def _share(self, raw: Raw) -> None:
        """A question whose answer holds for every scan: from the World, from the scan that is asking it just now, else asked here."""

        def told(reply: Reply | None) -> None:
            if self._closed:
                return
            if reply is None:  # the scan that asked ended first
                self._share(raw)
            else:
                self._arrived(raw, reply)

        reply, ask = self._world.share(raw.key, told)
        if reply is not None:
            self._arrived(raw, reply)
        elif ask:
            self._put(raw)

    def _leave(self) -> None:
        """Ends the scan's part in what is shared: somebody else is to ask what will not be answered here."""
        self._closed = True
        for raw in list(self._raws.values()):
            if raw.shared and raw.mine and raw.reply is None:
                self._world.share_failed(raw.key)

    def _arrived(self, raw: Raw, reply: Reply) -> None:
        self._inbox.append((raw, reply))
        self._sort()

    def _sort(self) -> None:
        # whoever is here already takes along what others bring meanwhile: no recursion, however long a chain is
        while self._inbox and self._sorting.acquire(blocking=False):
            try:
                while self._inbox:
                    raw, reply = self._inbox.popleft()
                    with self._lock:
                        fresh, raw.reply = raw.reply is None, reply
                        heads, raw.waiters = raw.waiters, []
                    if raw.shared and raw.mine and fresh:
                        self._world.remember(raw.key, reply)
                    if reply.ad or reply.turned:
                        self._probe(reply.server)
                    for head in heads:
                        self._advance(head, reply)
            finally:
                self._sorting.release()

    def _advance(self, head: Head, reply: Reply) -> None:
        try:
            found = self._read(head, reply)
        except Exception as error:
            _log.exception("an answer could not be read")
            found = Answer(head.name, head.rtype, Outcome.ERROR, detail=f"this answer could not be read: {error}")
        if isinstance(found, bytes):
            self._follow(head, found)
            return
        with self._lock:
            head.answer = found
            roles = list(head.roles.values())
        for question in roles:
            self._settled(question, found)
        head.known.set()

    def _read(self, head: Head, reply: Reply) -> Answer | bytes:
        """The answer that this reply completes, or the alias to ask next."""
        start = head.trail[-1].key[0]
        base = Answer(head.name, head.rtype, Outcome.ERROR, aliases=head.aliases, detail=reply.detail, server=reply.server)
        if reply.failure is not None:
            return replace(base, outcome=reply.failure)
        rtype, owner = head.key[1], start
        aliases = {} if rtype == codec.CNAME else {r.owner: r for r in reply.records if r.rtype == codec.CNAME}
        head.seen.add(owner)
        while (alias := aliases.get(owner)) is not None:
            owner = alias.target
            head.aliases = (*head.aliases, name_text(owner))
            head.ttls.append(alias.ttl)
            if owner in head.seen:
                return replace(base, aliases=head.aliases, detail="a CNAME loop")
            if len(head.aliases) > ALIASES:
                return replace(base, aliases=head.aliases, detail=f"more than {ALIASES} CNAMEs in a row")
            head.seen.add(owner)
        base = replace(base, aliases=head.aliases, secure=Secure.DRAFT if reply.draft else Secure.UNKNOWN)
        if records := [r for r in reply.records if r.owner == owner and r.rtype == rtype]:
            rows = sorted({(r.value, r.strings): r for r in records}.values(), key=_order)
            values = tuple(r.value for r in rows)
            strings = tuple(r.strings for r in rows) if rtype == codec.TXT else ()
            ttl = min(*head.ttls, *(r.ttl for r in rows), 1 << 31)
            return replace(base, outcome=Outcome.FOUND, values=values, strings=strings, ttl=ttl)
        # RFC 6604 section 2: the rcode is about the last name of the chain
        if reply.rcode == codec.NXDOMAIN:
            return replace(base, outcome=Outcome.NXDOMAIN, ttl=reply.negative_ttl)
        # RFC 2308 section 2.2: with an SOA it is the end, without one the target was not looked up
        if owner != start and reply.negative_ttl is None:
            return owner
        return replace(base, outcome=Outcome.NODATA, ttl=reply.negative_ttl)

    # ------------------------------------------------------------------ DNSSEC

    def _probe(self, server: str) -> Probe | None:
        """Starts to find out whether this server validates, unless the World knows. Its questions belong to the World."""
        if self._world.learned(server):
            return None
        with self._lock:
            if probe := self._probes.get(server):
                return probe
            probe = self._probes[server] = Probe()

        def done(cd: bool, reply: Reply) -> None:
            probe.replies[cd] = reply
            if len(probe.replies) < 2:
                return
            plain, unchecked = probe.replies[False], probe.replies[True]
            refused = plain.failure in (Outcome.SERVFAIL, Outcome.BOGUS)
            # shown to validate, shown not to, or (it was not to be had either way) still unknown
            if plain.failure is None or (refused and unchecked.failure is None):
                self._world.learn(server, refused and bool(unchecked.records))
            else:
                self._world.learn(server, None)
            probe.known.set()

        name = name_wire(self._world.bogus_probe)
        self._line.put(Ask(name, codec.A, server=server), lambda reply: done(False, reply))
        self._line.put(Ask(name, codec.A, cd=True, server=server), lambda reply: done(True, reply))
        return probe

    def _sure(self, head: Head, answer: Answer) -> Answer:
        """The answer with its DNSSEC state. RFC 6840 section 5.8: an AD bit is worth what its resolver is worth."""
        replies = [raw.reply for raw in head.trail if raw.reply is not None]
        if answer.secure is Secure.DRAFT or not replies:
            return answer
        for reply in replies:
            if (reply.ad or reply.turned) and (probe := self._probe(reply.server)) is not None:
                probe.known.wait(max(0.0, min(PROBE_WAIT, self._end - time.monotonic())))
        # An answer without AD waits for no probe: what counts for it is what was known before, so that its state does not depend
        # on which answer came first.
        validating = all(self._world.validates(r.server) if r.ad or r.turned else self._proved(r.server) for r in replies)
        if answer.outcome is Outcome.SERVFAIL and replies[-1].turned and self._world.validates(replies[-1].server):
            return replace(answer, outcome=Outcome.BOGUS, detail=f"{answer.detail}; an answer comes with checking disabled, so DNSSEC is broken here")
        if answer.unsure or not validating:
            return answer
        return replace(answer, secure=Secure.YES if all(reply.ad for reply in replies) else Secure.NO)

    def _proved(self, server: str) -> bool:
        return self._proven.get(server, False)


def _order(record: codec.RR) -> tuple[int, str, tuple[bytes, ...]]:
    return (int(record.value.partition(" ")[0]) if record.rtype == codec.MX else 0, record.value, record.strings)
