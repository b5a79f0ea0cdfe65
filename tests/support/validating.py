"""A resolver that validates DNSSEC, laid over zone files: what it would hand to the seam, without a server.

    world = Validating(World.zones([...], only=True), unsigned={"plain.test"}, bogus={"expired.test", ("forged.test", "MX")})

Every name that the files hold is answered with AD, but those at and below `unsigned`. What is `bogus` is SERVFAIL, and comes with checking
disabled; `octets` stand in place of what a file can hold. `validates` False: it sets no AD and answers for the probe; None: it says nothing of the probe. Real servers: tests/real/test_dnssec.py.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import dns.rdatatype

from healthcheck.edge.codec import RR, A, Reply, name_text, name_wire, read, section
from healthcheck.edge.line import Ask, Done, Line
from healthcheck.edge.world import World
from healthcheck.model import Outcome

from .faults import Place, _fits, _tidy

SERVER = "192.0.2.53"


class Validating(World):
    def __init__(
        self,
        world: World,
        *,
        unsigned: Collection[str] = (),
        bogus: Collection[Place] = (),
        octets: Mapping[tuple[str, str], Sequence[bytes]] | None = None,
        validates: bool | None = True,
        detail: str = "192.0.2.53: SERVFAIL",
        now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC),
    ) -> None:
        self.inner, self.validating, self.words = world, validates, detail
        self.unsigned = frozenset(name for name in unsigned)
        self.octets = octets or {}
        self.bogus = frozenset(_tidy(p) for p in bogus)
        super().__init__(self, describe=f"resolver {SERVER}", nameservers=(SERVER,), only_zone=world.only_zone, bogus_probe="bogus.invalid")
        self.clock = lambda: now

    def line(self, until: float) -> Line:
        return _Line(self, self.inner.source.line(until))

    def locate(self, name: str, rtype: str):
        return self.inner.locate(name, rtype)


class _Line:
    def __init__(self, world: Validating, inner: Line) -> None:
        self.world, self.inner = world, inner

    def put(self, ask: Ask, done: Done) -> None:
        world, name, rtype = self.world, name_text(ask.name), dns.rdatatype.to_text(ask.rtype)
        if name == world.bogus_probe:
            done(self.probed(ask))
        else:
            self.inner.put(ask, lambda reply: done(self.seen(name, rtype, reply)))

    def probed(self, ask: Ask) -> Reply:
        if self.world.validating is None:
            return Reply(Outcome.TIMEOUT, detail="no answer", server=SERVER)
        if self.world.validating and not ask.cd:
            return Reply(Outcome.SERVFAIL, detail=self.world.words, server=SERVER)
        return Reply(records=(RR(name_wire(self.world.bogus_probe), A, 300, "192.0.2.1"),), server=SERVER)

    def seen(self, name: str, rtype: str, reply: Reply) -> Reply:
        world = self.world
        if reply.failure is not None:
            return reply
        # a DS stands in the zone above
        at = name.partition(".")[2] if rtype == "DS" else name
        if world.validating and _fits(world.bogus, at, rtype):
            return Reply(Outcome.SERVFAIL, turned=True, detail=world.words, server=SERVER, rrsets=reply.rrsets)
        if held := world.octets.get((name, rtype)):
            message = struct.pack("!HHHHHH", 0, 0x8180, 1, len(held), 0, 0) + (asked := section(name_wire(name), dns.rdatatype.from_text(rtype)))
            message += b"".join(b"\xc0\x0c" + asked[-4:] + struct.pack("!IH", 300, len(rdata)) + rdata for rdata in held)
            reply = replace(reply, rcode=0, records=read(message, asked).records, rrsets=None)
        signed = not any(at == u or at.endswith("." + u) for u in world.unsigned)
        return replace(reply, draft=False, server=SERVER, ad=bool(world.validating) and signed)

    def close(self) -> None:
        self.inner.close()
