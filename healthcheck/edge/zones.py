"""Answers from zone files, laid over the live DNS or instead of it.

A file with an SOA is authoritative at and below its origin, down to its NS cuts: what it does not hold does not exist. The
records of a file without SOA are merged, record set by record set, over what lies beneath.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from ..errors import ZoneError
from ..model import Location, Outcome
from . import codec
from .codec import CNAME, DNAME, DS, NS, NXDOMAIN, RR, RRSIG, SOA, Reply
from .line import Ask, Done, Line, Source
from .zonefile import Row, read_file

OUTSIDE = "zone files"  # Answer.server of a name that no file holds, where nobody else may be asked
BESIDE_CNAME = {RRSIG, int(dns.rdatatype.NSEC), int(dns.rdatatype.NSEC3)}
Sets = dict[int, list[Row]]


def parents(name: bytes) -> Iterator[bytes]:
    """The names above a canonical name, nearest first, the root last."""
    while name != b"\0":
        name = name[name[0] + 1 :]
        yield name


def within(name: bytes, above: bytes) -> bool:
    return name == above or above in parents(name)


@dataclass(slots=True)
class Zone:
    """The records at and below an origin. `origin` None: a file without SOA, whose records are merged."""

    file: str
    origin: bytes | None = None
    sets: dict[bytes, Sets] = field(default_factory=dict)
    nodes: set[bytes] = field(default_factory=set)  # every name that exists, those without records included (RFC 8020)
    negative_ttl: int = 0

    def add(self, owner: bytes, row: Row) -> None:
        at = self.sets.setdefault(owner, {})
        at.setdefault(int(row.data.rdtype), []).append(row)
        if CNAME in at and not BESIDE_CNAME.issuperset(set(at) - {CNAME}):
            # RFC 2181 section 10.1; name servers refuse to load such a zone
            raise ZoneError(f"{row.file}:{row.line}: {codec.name_text(owner)} has a CNAME and other records beside it")
        self.nodes.add(owner)
        for name in parents(owner):
            if name in self.nodes or (self.origin is not None and not within(name, self.origin)):
                break
            self.nodes.add(name)

    def held(self, name: bytes, rtype: int, do: bool, *, owner: bytes | None = None) -> Reply | None:
        """The record set at a name, or the CNAME in its place; None where it has neither. `owner`: for a wildcard's answer."""
        at = self.sets.get(name, {})
        rows = at.get(rtype) or at.get(CNAME)
        if not rows:
            return None
        shown = owner or name
        ttl = min(row.ttl for row in rows)  # RFC 2181 section 5.2: one TTL a set
        signatures = [r for r in at.get(RRSIG, ()) if r.data.covers() == rows[0].data.rdtype] if do else []
        records = tuple(codec.record_of(shown, ttl, row.data) for row in rows)
        return Reply(records=records, draft=True, server=_server(rows[0]), rrsets=_rrsets(shown, [rows, signatures]))

    def negative(self, rcode: int) -> Reply:
        return Reply(rcode=rcode, negative_ttl=self.negative_ttl, draft=True, server=f"zone file {Path(self.file).name}")

    def answer(self, name: bytes, rtype: int, do: bool) -> Reply | None:
        """What an authoritative server would say of a name within this zone; None below a cut, where it has no say."""
        above = [n for n in (name, *parents(name)) if self.origin is not None and within(n, self.origin)]
        for node in reversed(above[:-1]):
            at = self.sets.get(node, {})
            # RFC 1034 section 4.2.1: the NS of a cut belong to the zone below; RFC 4035 section 2.4: its DS does not
            if NS in at and not (node == name and rtype == DS):
                return None
        for node in reversed(above[1:]):
            if rows := self.sets.get(node, {}).get(DNAME):
                return self._dname(name, node, rows[0])
        if name in self.nodes:
            return self.held(name, rtype, do) or self.negative(codec.NOERROR)
        encloser = next(n for n in above if n in self.nodes)
        star = b"\1*" + encloser
        if star in self.nodes:  # RFC 4592 section 3.3.1
            return self.held(star, rtype, do, owner=name) or self.negative(codec.NOERROR)
        return self.negative(NXDOMAIN)

    def _dname(self, name: bytes, node: bytes, row: Row) -> Reply:
        # RFC 6672 section 3.1: the labels below the DNAME stay, the rest is replaced
        target = name[: len(name) - len(node)] + codec.record_of(node, row.ttl, row.data).target
        if len(target) > 255:
            return Reply(Outcome.ERROR, detail="the DNAME makes a name over 255 octets (YXDOMAIN)", server=_server(row))
        alias = RR(name, CNAME, row.ttl, codec.name_text(target), target=target)
        return Reply(records=(alias,), draft=True, server=_server(row), rrsets=lambda: [_alias(alias)])


def _server(row: Row) -> str:
    return f"zone file {Path(row.file).name}:{row.line}"


def _alias(record: RR) -> dns.rrset.RRset:
    owner, target = (dns.name.from_wire(n, 0)[0] for n in (record.owner, record.target))
    return dns.rrset.from_text(owner, record.ttl, dns.rdataclass.IN, dns.rdatatype.CNAME, target.to_text())


def _rrsets(owner: bytes, groups: Iterable[list[Row]]) -> Callable[[], list[dns.rrset.RRset]]:
    def build() -> list[dns.rrset.RRset]:
        name = dns.name.from_wire(owner, 0)[0]
        return [dns.rrset.from_rdata_list(name, min(r.ttl for r in rows), [r.data for r in rows]) for rows in groups if rows]

    return build


@dataclass(frozen=True, slots=True)
class ZoneSet:
    """Everything that some files hold."""

    zones: dict[bytes, Zone]
    patch: Zone
    files: tuple[str, ...]

    @classmethod
    def read(cls, paths: Iterable[str | Path]) -> ZoneSet:
        """Raises ZoneError, with file, line and reason."""
        zones: dict[bytes, Zone] = {}
        patch = Zone("")
        files = tuple(str(p) for p in paths)
        for path in files:
            rows = read_file(path)
            tops = [_top(row, zones) for row in rows if row.data.rdtype == SOA]
            for top in tops:
                zones[top.origin or b""] = top
            if not tops:
                _merge(patch, path, rows)
                continue
            mine = {z.origin: z for z in tops}
            for row in rows:
                owner = row.owner.to_digestable()
                zone = next((mine[n] for n in (owner, *parents(owner)) if n in mine), None)
                if zone is None:
                    shown = " and ".join(codec.name_text(z.origin or b"\0") for z in tops)
                    raise ZoneError(
                        f"{row.file}:{row.line}: {row.owner.to_text(True)} is outside the zone {shown}, so that no name server would answer with it."
                    )
                zone.add(owner, row)
        return cls(zones, patch, files)

    def zone_of(self, name: bytes, rtype: int) -> Zone | None:
        """The file's zone that a name belongs to: the deepest one. RFC 4035 section 2.4: DS belongs to the parent's side."""
        names = parents(name) if rtype == DS else (n for n in (name, *parents(name)))
        return next((self.zones[n] for n in names if n in self.zones), None)

    def answer(self, name: bytes, rtype: int, do: bool) -> Reply | None:
        if patched := self.patch.held(name, rtype, do):
            return patched
        zone = self.zone_of(name, rtype)
        return None if zone is None else zone.answer(name, rtype, do)

    def knows(self, name: bytes) -> bool:
        """Whether a file has a say about this name."""
        return name in self.patch.sets or ((zone := self.zone_of(name, 0)) is not None and zone.answer(name, 0, False) is not None)

    def patched(self, name: bytes, rtype: int, do: bool, reply: Reply) -> Reply:
        """A "does not exist" from beneath, after the merge: the name may exist by what a file without SOA adds."""
        if reply.rcode != NXDOMAIN or reply.failure is not None or reply.records:
            return reply
        if name in self.patch.nodes:
            return replace(self.patch.negative(codec.NOERROR), negative_ttl=reply.negative_ttl, server="zone file " + self._names())
        star = next((b"\1*" + n for n in parents(name) if n in self.patch.nodes), b"")
        return self.patch.held(star, rtype, do, owner=name) or reply

    def trimmed(self, name: bytes, reply: Reply) -> Reply:
        """An answer from beneath, cut off where one of its aliases leads to a name that a file holds."""
        aliases = {r.owner: r for r in reply.records if r.rtype == CNAME}
        kept: list[RR] = []
        while (alias := aliases.pop(name, None)) is not None:
            kept.append(alias)
            name = alias.target
            if self.knows(name):
                return replace(reply, rcode=codec.NOERROR, records=tuple(kept), negative_ttl=None, wire=b"", rrsets=lambda: [_alias(r) for r in kept])
        return reply

    def locate(self, name: bytes, rtype: int) -> Location | None:
        zone = self.zone_of(name, rtype)
        for held in (self.patch, zone):
            rows = held.sets.get(name, {}).get(rtype) if held is not None else None
            if rows:
                return Location(rows[0].file, rows[0].line)
        return None

    def _names(self) -> str:
        return ", ".join(Path(f).name for f in self.files)


def _top(row: Row, zones: dict[bytes, Zone]) -> Zone:
    origin = row.owner.to_digestable()
    if (other := zones.get(origin)) is not None:
        raise ZoneError(f"{row.file}:{row.line}: the zone {codec.name_text(origin)} has an SOA in {other.file} already.")
    return Zone(row.file, origin, nodes={origin}, negative_ttl=min(row.ttl, int(row.data.to_text().split()[-1])))


def _merge(patch: Zone, path: str, rows: Iterable[Row]) -> None:
    """A later file's record set stands in place of an earlier one's."""
    fresh = Zone(path)
    for row in rows:
        fresh.add(row.owner.to_digestable(), row)
    for owner, sets in fresh.sets.items():
        at = patch.sets.setdefault(owner, {})
        if CNAME in sets or CNAME in at:
            at.clear()
        at.update(sets)
    patch.nodes |= fresh.nodes - {b"\0"}
    patch.file = path


@dataclass(frozen=True, slots=True)
class ZoneFiles:
    """The source that answers from files first. `beneath` None: nobody else is asked.

    claims   names under these do not exist where no file holds them (the demo world's top-level domains)
    """

    held: ZoneSet
    beneath: Source | None = None
    claims: tuple[bytes, ...] = ()

    def line(self, until: float) -> Line:
        return _ZoneLine(self, self.beneath.line(until) if self.beneath else None)


class _ZoneLine:
    def __init__(self, source: ZoneFiles, beneath: Line | None) -> None:
        self._held, self._claims, self._beneath = source.held, source.claims, beneath

    def put(self, ask: Ask, done: Done) -> None:
        held = self._held
        if ask.at:
            self._put_at(ask, done)
        elif (reply := held.answer(ask.name, ask.rtype, ask.do)) is not None:
            done(held.patched(ask.name, ask.rtype, ask.do, reply))
        elif any(within(ask.name, claim) for claim in self._claims):
            done(held.patched(ask.name, ask.rtype, ask.do, Reply(rcode=NXDOMAIN, draft=True, server="zone files of the demo world")))
        elif self._beneath is None:
            outside = Reply(rcode=NXDOMAIN, draft=True)
            wild = held.patched(ask.name, ask.rtype, ask.do, outside)
            done(wild if wild.records else Reply(Outcome.NOT_ASKED, detail="not asked: no zone file holds this name", server=OUTSIDE))
        else:
            self._beneath.put(ask, lambda reply: done(held.patched(ask.name, ask.rtype, ask.do, held.trimmed(ask.name, reply))))

    def _put_at(self, ask: Ask, done: Done) -> None:
        """What a nameserver itself says is about what is published, and says nothing of a draft."""
        if self._beneath is None or self._held.knows(ask.name) or any(within(ask.name, claim) for claim in self._claims):
            done(Reply(Outcome.NOT_ASKED, detail="not asked: only zone files answer here", server=OUTSIDE))
        else:
            self._beneath.put(ask, done)

    def close(self) -> None:
        if self._beneath is not None:
            self._beneath.close()
