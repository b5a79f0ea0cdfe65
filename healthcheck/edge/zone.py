"""One zone's records, and what a name server that holds them would say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from ..errors import ZoneError
from ..model import Outcome
from . import codec
from .codec import CNAME, DNAME, DS, NS, NXDOMAIN, RR, RRSIG, SOA, Reply
from .zonefile import Noted, Row, Slip

BESIDE_CNAME = {RRSIG, int(dns.rdatatype.NSEC), int(dns.rdatatype.NSEC3)}
_PROVIDED = {SOA, NS, DS, codec.DNSKEY, RRSIG, int(dns.rdatatype.NSEC), int(dns.rdatatype.NSEC3PARAM), int(dns.rdatatype.CDS), int(dns.rdatatype.CDNSKEY)}
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
    torn: dict[tuple[bytes, int], str] = field(default_factory=dict)  # record sets that cannot be read as a whole, with the reason; type 0: any
    unsaid: set[tuple[bytes, int]] = field(default_factory=set)  # record sets of which the file says nothing
    provider: bool = False  # octoDNS: SOA, NS and signatures at the top are the provider's
    broken: str = ""  # why the file could not be read at all

    def add(self, owner: bytes, row: Row, noted: Noted | None = None) -> None:
        at = self.sets.setdefault(owner, {})
        kind = int(row.data.rdtype)
        if not BESIDE_CNAME.issuperset(set(at) | {kind}) and (kind == CNAME or CNAME in at) and not (kind == CNAME and set(at) <= {CNAME}):
            # RFC 2181 section 10.1; name servers refuse to load such a zone
            if noted is None:
                raise ZoneError(f"{row.file}:{row.line}: {codec.name_text(owner)} has a CNAME and other records beside it")
            alias = row if kind == CNAME else at[CNAME][0]
            name = codec.name_text(owner)
            values = {"at": name, "target": alias.data.to_text().rstrip("."), "reason": "apex" if owner == self.origin else "beside"}
            if not any(s.code == "ZON007" and s.name == name for s in noted.slips):
                noted.slips.append(Slip("ZON007", name, "CNAME", alias.file, alias.line, alias.raw.strip()[:300], values))
            if kind == CNAME:
                return
            at.pop(CNAME)
        if kind == SOA and kind in at:
            return
        if kind == CNAME and kind in at and noted is not None and row.data not in [one.data for one in at[kind]]:
            # RFC 2181 section 10.1: an alias has one canonical name; name servers refuse a second record
            name, first = codec.name_text(owner), at[kind][0].data.to_text().rstrip(".")
            values = {"at": name, "target": first, "reason": "several"}
            noted.slips.append(Slip("ZON007", name, "CNAME", row.file, row.line, row.raw.strip()[:300], values))
        at.setdefault(kind, []).append(row)
        self.exist(owner)

    def exist(self, owner: bytes) -> None:
        self.nodes.add(owner)
        for name in parents(owner):
            if name in self.nodes or (self.origin is not None and not within(name, self.origin)):
                break
            self.nodes.add(name)

    def held(self, name: bytes, rtype: int, do: bool, *, owner: bytes | None = None) -> Reply | None:
        """The record set at a name, or the CNAME in its place; None where it has neither. `owner`: for a wildcard's answer."""
        at = self.sets.get(name, {})
        if self.torn and (why := self.torn.get((name, rtype)) or self.torn.get((name, 0))):
            return Reply(Outcome.ERROR, detail=why, draft=True, server=f"zone file {Path(self.file).name}")
        rows = _once(at.get(rtype) or at.get(CNAME) or [])
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
        if self.broken:
            return Reply(Outcome.ERROR, detail=self.broken, draft=True, server=f"zone file {Path(self.file).name}")
        if (name, rtype) in self.unsaid or (self.provider and name == self.origin and rtype not in self.sets.get(name, {}) and rtype in _PROVIDED):
            return None
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
        if (star, rtype) in self.unsaid:
            return None
        if star in self.nodes:  # RFC 4592 section 3.3.1
            return self.held(star, rtype, do, owner=name) or self.negative(codec.NOERROR)
        return self.negative(NXDOMAIN)

    def _dname(self, name: bytes, node: bytes, row: Row) -> Reply:
        # RFC 6672 section 3.1: the labels below the DNAME stay, the rest is replaced
        target = name[: len(name) - len(node)] + codec.record_of(node, row.ttl, row.data).target
        if len(target) > 255:
            return Reply(Outcome.ERROR, detail="the DNAME makes a name over 255 octets (YXDOMAIN)", server=_server(row))
        alias = RR(name, CNAME, row.ttl, codec.name_text(target), target=target)
        return Reply(records=(alias,), draft=True, server=_server(row), rrsets=lambda: [alias_set(alias)])


def _once(rows: list[Row]) -> list[Row]:
    """RFC 2181 section 5: name servers drop a record that stands there twice."""
    return rows if len(rows) < 2 else list({row.data: row for row in reversed(rows)}.values())[::-1]


def _server(row: Row) -> str:
    return f"zone file {Path(row.file).name}:{row.line}"


def alias_set(record: RR) -> dns.rrset.RRset:
    owner, target = (dns.name.from_wire(n, 0)[0] for n in (record.owner, record.target))
    return dns.rrset.from_text(owner, record.ttl, dns.rdataclass.IN, dns.rdatatype.CNAME, target.to_text())


def _rrsets(owner: bytes, groups: Iterable[list[Row]]) -> Callable[[], list[dns.rrset.RRset]]:
    def build() -> list[dns.rrset.RRset]:
        name = dns.name.from_wire(owner, 0)[0]
        return [dns.rrset.from_rdata_list(name, min(r.ttl for r in rows), [r.data for r in rows]) for rows in groups if rows]

    return build
