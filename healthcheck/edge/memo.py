"""The entries of a scan: each (name, type, DO) put to the line once, its aliases followed, its DNSSEC state judged.

A raw entry is one question with one message. A head is a question as it was meant: it walks over raw entries, one for each
message that its aliases need. Raw entries wait for nothing but the line, so that no loop of aliases can lock anything. An alias
for whose target there is no room among the speculated messages is held: the head goes on once it is demanded, and paid for.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from ..model import Answer, Outcome, Question, Secure
from . import codec
from .codec import Reply, name_text, name_wire
from .line import AT, Ask, Line
from .loop import Loop

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
    pooled: bool  # shared because the World says so of all, for as long as the TTL allows
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
    trail: list[Raw] = field(default_factory=list)
    held: bytes = b""  # the target of an alias that is not asked before it is charged
    seen: tuple[bytes, ...] = ()
    aliases: tuple[str, ...] = ()
    ttl: int = 1 << 31  # the least of its aliases'
    roles: dict[str, Question] = field(default_factory=dict)
    answer: Answer | None = None  # as it arrived
    final: Answer | None = None  # as it was demanded: does not change any more


@dataclass(slots=True, eq=False)
class Probe:
    """Whether a server validates: SERVFAIL for a known bogus name, and an answer for it with the CD bit."""

    known: bool = False
    replies: dict[bool, Reply] = field(default_factory=dict)


class Memo:
    """The entries of one scan. Thread-safe: all that changes them holds the lock of the loop."""

    def __init__(self, world: World, line: Line, loop: Loop, end: float) -> None:
        self._world, self._line, self._loop, self._end = world, line, loop, end
        self._lock = loop.lock
        self._raws: dict[Key, Raw] = {}
        self._heads: dict[Key, Head] = {}
        self._pooled = world.pooled
        self._open = 0  # heads under way: without an answer, and not held
        self._sent = self._distinct = 0
        self._closed = False
        self._proven: dict[str, bool] = {}  # which nameservers the World knew to validate when this scan began
        self._probes: dict[str, Probe] = {}
        self._inbox: deque[tuple[Raw, Reply]] = deque()
        self._sorting = False

    def _settled(self, question: Question, answer: Answer) -> None:
        """Called once for each role of a question whose answer is there, before anybody who waits for it goes on."""
        raise NotImplementedError

    def _room(self, key: Key, *, fixed: bool) -> bool:
        """May this message go out before it is charged? Counts it among the speculated ones where it is new."""
        raise NotImplementedError

    # ------------------------------------------------------------------ the line

    def _follow(self, head: Head, target: bytes) -> None:
        """Puts the next question of a head: its own name, or the target of an alias."""
        key = (target, *head.key[1:]) if head.trail else head.key
        raw = self._raws.get(key)
        if raw is not None:
            head.trail.append(raw)
            raw.waiters.append(head)
            if raw.reply is not None:
                self._arrived(raw, raw.reply)
            return
        raw = self._raws[key] = Raw(key, head.shared or (self._pooled and not key[3]), not head.shared)
        head.trail.append(raw)
        raw.waiters.append(head)
        if raw.shared:
            self._share(raw)
        else:
            self._put(raw)

    def _release(self, head: Head) -> None:
        """Asks the target that a head was held at."""
        target, head.held = head.held, b""
        self._open += 1
        self._follow(head, target)

    def _put(self, raw: Raw) -> None:
        self._sent += 1
        self._distinct += not raw.mine
        raw.mine = True
        name, rtype, do, server = raw.key
        self._line.put(Ask(name, rtype, do, False, server, self._world.guard), partial(self._arrived, raw))

    def _share(self, raw: Raw) -> None:
        """A question whose answer holds for every scan: from the World, from the scan that is asking it just now, else asked here."""
        reply, ask = self._world.share(raw.key, partial(self._told, raw))
        if reply is not None:
            self._arrived(raw, reply)
        elif ask:
            self._put(raw)

    def _told(self, raw: Raw, reply: Reply | None) -> None:
        """Another scan has brought the answer, or (None) has ended first."""
        if self._closed:
            return
        if reply is not None:
            self._arrived(raw, reply)
        elif self._lock.acquire(blocking=False):
            try:
                self._share(raw)
            finally:
                self._lock.release()
            self._loop.tell()
        else:
            self._loop.post(partial(self._told, raw, reply))

    def _leave(self) -> None:
        """Ends the scan's part in what is shared: somebody else is to ask what will not be answered here."""
        self._closed = True
        for raw in list(self._raws.values()):
            if raw.shared and raw.mine and raw.reply is None:
                self._world.share_failed(raw.key)

    def _arrived(self, raw: Raw, reply: Reply) -> None:
        """From any thread. One that comes from another scan must not wait for this one's lock, as that may be waiting for its own."""
        if not self._lock.acquire(blocking=False):
            self._loop.post(partial(self._arrived, raw, reply))
            return
        try:
            self._inbox.append((raw, reply))
            # whoever is here already takes along what it leads to: no recursion, however long a chain is
            if not self._sorting:
                self._sort()
        finally:
            self._lock.release()
        self._loop.tell()

    def _sort(self) -> None:
        self._sorting = True
        try:
            while self._inbox:
                raw, reply = self._inbox.popleft()
                fresh, raw.reply = raw.reply is None, reply
                heads, raw.waiters = raw.waiters, []
                if raw.shared and raw.mine and fresh:
                    self._world.remember(raw.key, reply, pooled=raw.pooled)
                if reply.ad or reply.turned or (raw.key[2] and _wants_proof(raw.key, reply)):
                    self._probe(reply.server)
                for head in heads:
                    self._advance(head, reply)
        finally:
            self._sorting = False

    def _advance(self, head: Head, reply: Reply) -> None:
        if head.answer is not None:
            return
        try:
            found = self._read(head, reply)
        except Exception as error:
            _log.exception("an answer could not be read")
            found = Answer(head.name, head.rtype, Outcome.ERROR, detail=f"this answer could not be read: {error}")
        if isinstance(found, bytes):
            if head.shared or self._room((found, *head.key[1:]), fixed=False):
                self._follow(head, found)
            else:
                head.held = found
                self._open -= 1
            return
        head.answer = found
        self._open -= 1
        for question in list(head.roles.values()):
            self._settled(question, found)

    def _read(self, head: Head, reply: Reply) -> Answer | bytes:
        """The answer that this reply completes, or the alias to ask next."""
        start = owner = head.trail[-1].key[0]
        if reply.failure is not None:
            return _answer(head, reply.failure, reply, detail=reply.detail)
        rtype, records = head.key[1], reply.records
        head.seen = (*head.seen, owner)
        if records and rtype != codec.CNAME:
            aliases = {r.owner: r for r in records if r.rtype == codec.CNAME}
            while (alias := aliases.get(owner)) is not None:
                owner = alias.target
                head.aliases = (*head.aliases, name_text(owner))
                head.ttl = min(head.ttl, alias.ttl)
                if owner in head.seen:
                    return _answer(head, Outcome.ERROR, reply, detail="a CNAME loop")
                if len(head.aliases) > ALIASES:
                    return _answer(head, Outcome.ERROR, reply, detail=f"more than {ALIASES} CNAMEs in a row")
                head.seen = (*head.seen, owner)
        if rows := [r for r in records if r.rtype == rtype and r.owner == owner]:
            if len(rows) > 1:
                rows = sorted({(r.value, r.strings): r for r in rows}.values(), key=_order)
            return _answer(head, Outcome.FOUND, reply, rows=rows, ttl=min([head.ttl, *[r.ttl for r in rows]]))
        # RFC 6604 section 2: the rcode is about the last name of the chain
        if reply.rcode == codec.NXDOMAIN:
            return _answer(head, Outcome.NXDOMAIN, reply, ttl=reply.negative_ttl)
        # RFC 2308 section 2.2: with an SOA it is the end, without one the target was not looked up
        if owner != start and reply.negative_ttl is None:
            return owner if not head.key[3].startswith(AT) else _answer(head, Outcome.NOT_ASKED, reply, detail="an alias, which is not followed here")
        return _answer(head, Outcome.NODATA, reply, ttl=reply.negative_ttl)

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
            probe.known = True
            self._loop.tell()

        name = name_wire(self._world.bogus_probe)
        self._line.put(Ask(name, codec.A, server=server), lambda reply: done(False, reply))
        self._line.put(Ask(name, codec.A, cd=True, server=server), lambda reply: done(True, reply))
        return probe

    def _would_probe(self, head: Head) -> bool:
        """Would `_sure` have to find out first whether a server validates?"""
        replies = [raw.reply for raw in head.trail if raw.reply is not None]
        return any((r.ad or r.turned or _wants_proof(head.key, r)) and not self._world.learned(r.server) for r in replies)

    def _sure(self, head: Head, answer: Answer) -> Answer:
        """The answer with its DNSSEC state. RFC 6840 section 5.8: an AD bit is worth what its resolver is worth."""
        if answer.secure is Secure.DRAFT or head.key[3][:1] == AT:
            return answer
        first = head.trail[0].reply if len(head.trail) == 1 else None
        if first is not None and not (first.ad or first.turned or head.key[2] or self._proven.get(first.server, False)):
            return answer  # as nearly all are: nobody says that it was validated
        replies = [raw.reply for raw in head.trail if raw.reply is not None]
        # An answer without AD waits for no probe: what counts for it is what was known before, so that its state does not depend
        # on which answer came first.
        validating = bool(replies)
        for reply in replies:
            if reply.ad or reply.turned or _wants_proof(head.key, reply):
                if (probe := self._probe(reply.server)) is not None:
                    self._loop.wait(lambda probe=probe: probe.known, min(time.monotonic() + PROBE_WAIT, self._end))  # type: ignore[misc]
                validating = bool(self._world.validates(reply.server)) and validating
            else:
                validating = self._proven.get(reply.server, False) and validating
        if answer.outcome is Outcome.SERVFAIL and replies and replies[-1].turned and self._world.validates(replies[-1].server):
            return replace(answer, outcome=Outcome.BOGUS, detail=f"{answer.detail}; an answer comes with checking disabled, so DNSSEC is broken here")
        if not validating or answer.unsure:
            return answer
        return replace(answer, secure=Secure.YES if all(reply.ad for reply in replies) else Secure.NO)


def _answer(head: Head, outcome: Outcome, reply: Reply, *, rows: list[codec.RR] = [], ttl: int | None = None, detail: str = "") -> Answer:  # noqa: B006 - never changed
    drawn = Secure.DRAFT if reply.draft and reply.failure is None and not detail else Secure.UNKNOWN
    values = tuple([r.value for r in rows])
    strings = tuple([r.strings for r in rows]) if head.key[1] == codec.TXT else ()
    signatures, unchecked = reply.signed(head.key[1]) if head.key[2] else ((), ())
    told, aa = detail or reply.detail, reply.authoritative
    return Answer(head.name, head.rtype, outcome, values, ttl, drawn, head.aliases, told, strings, reply.server, signatures, unchecked, aa)


def _wants_proof(key: Key, reply: Reply) -> bool:
    """Who asks for signatures wants to know whether the resolver validates, also where its answer claims nothing."""
    return key[2] and reply.failure is None and not reply.draft


def _order(record: codec.RR) -> tuple[int, str, tuple[bytes, ...]]:
    return (int(record.value.partition(" ")[0]) if record.rtype == codec.MX else 0, record.value, record.strings)
