"""Faults laid over a World, so that a test says what goes wrong and the zone files stay what users write.

    world = Faults(World.zones([...], only=True), servfail={"b.example"}, timeout={("example.com", "MX")})

A place is a name (all its types), a (name, type), "*" for every question, or "*.example.com" for a name and all below it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from typing import Any

import dns.rdatatype

from healthcheck.edge.codec import NXDOMAIN, Reply, name_text
from healthcheck.edge.line import Ask, Done, Line
from healthcheck.edge.world import World
from healthcheck.model import Outcome

Place = str | tuple[str, str]
Places = Collection[Place]

WORDS = {
    "servfail": (Outcome.SERVFAIL, "192.0.2.53: SERVFAIL"),
    "timeout": (Outcome.TIMEOUT, "192.0.2.53: no answer"),
    "refused": (Outcome.REFUSED, "192.0.2.53: REFUSED"),
    "bogus": (Outcome.BOGUS, "192.0.2.53: SERVFAIL, extended error 6"),
    "error": (Outcome.ERROR, "192.0.2.53: a malformed answer"),
    "truncated": (Outcome.ERROR, "192.0.2.53: the answer is truncated, and TCP failed (Connection refused)"),
    "not_asked": (Outcome.NOT_ASKED, "not asked"),
}


class Faults(World):
    """A World in which some questions go wrong.

    servfail, timeout, refused, bogus, error, truncated, not_asked   that outcome, at once
    nxdomain   a lie: the name does not exist
    silent     no answer ever, so that only the scan's deadline ends the wait
    slow       place -> seconds that the answer is held
    down       no resolver answers anything: every question is a time-out
    """

    def __init__(
        self,
        world: World,
        *,
        servfail: Places = (),
        timeout: Places = (),
        refused: Places = (),
        bogus: Places = (),
        error: Places = (),
        truncated: Places = (),
        not_asked: Places = (),
        nxdomain: Places = (),
        silent: Places = (),
        slow: Mapping[Any, float] | None = None,
        down: bool = False,
    ) -> None:
        plain = {"servfail": servfail, "refused": refused, "bogus": bogus, "error": error, "truncated": truncated, "not_asked": not_asked}
        plain["timeout"] = {"*"} if down else timeout
        self.failing = {k: frozenset(_tidy(p) for p in v) for k, v in plain.items()}
        self.lying = frozenset(_tidy(p) for p in nxdomain)
        self.silent = frozenset(_tidy(p) for p in silent)
        self.slow = {_tidy(p): seconds for p, seconds in (slow or {}).items()}
        self.asked: list[tuple[str, str]] = []  # every question that came to the line
        self.inner = world
        super().__init__(
            self,
            describe=world.describe,
            nameservers=world.nameservers,
            only_zone=world.only_zone,
            bogus_probe=world.bogus_probe,
        )
        self.clock, self.blocklists = world.clock, world.blocklists

    def line(self, until: float) -> Line:
        return _FaultyLine(self, self.inner.source.line(until))

    def locate(self, name: str, rtype: str):
        return self.inner.locate(name, rtype)


class _FaultyLine:
    def __init__(self, faults: Faults, inner: Line) -> None:
        self.faults, self.inner = faults, inner
        self.timers: list[threading.Timer] = []
        self.closed = False

    def put(self, ask: Ask, done: Done) -> None:
        faults, name, rtype = self.faults, name_text(ask.name), dns.rdatatype.to_text(ask.rtype)
        faults.asked.append((name, rtype))
        if _fits(faults.silent, name, rtype):
            return
        answer = self._failure(name, rtype)
        seconds = next((s for place, s in faults.slow.items() if _fits({place}, name, rtype)), 0.0)
        if seconds:
            self._later(seconds, lambda: done(answer) if answer else self.inner.put(ask, done))
        elif answer:
            done(answer)
        else:
            self.inner.put(ask, done)

    def _failure(self, name: str, rtype: str) -> Reply | None:
        for fault, places in self.faults.failing.items():
            if _fits(places, name, rtype):
                outcome, detail = WORDS[fault]
                return Reply(outcome, detail=detail, server="192.0.2.53")
        if _fits(self.faults.lying, name, rtype):
            return Reply(rcode=NXDOMAIN, negative_ttl=60, server="192.0.2.53")
        return None

    def _later(self, seconds: float, call) -> None:
        timer = threading.Timer(seconds, lambda: None if self.closed else call())
        timer.daemon = True
        self.timers.append(timer)
        timer.start()

    def close(self) -> None:
        self.closed = True
        for timer in self.timers:
            timer.cancel()
        until = time.monotonic() + 1
        for timer in self.timers:
            timer.join(max(0.0, until - time.monotonic()))
        self.inner.close()


def _tidy(place: Place) -> Place:
    if isinstance(place, str):
        return place.lower().rstrip(".")
    return place[0].lower().rstrip("."), place[1].upper()


def _fits(places: Collection[Place], name: str, rtype: str) -> bool:
    if not places:
        return False
    for place in places:
        at, kind = (place, rtype) if isinstance(place, str) else place
        if kind == rtype and (at in ("*", name) or (at.startswith("*.") and (name == at[2:] or name.endswith(at[1:])))):
            return True
    return False
