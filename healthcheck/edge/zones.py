"""Answers from zone files, laid over the live DNS or instead of it.

A file with an SOA is authoritative at and below its origin, down to its NS cuts: what it does not hold does not exist. The
records of a file without SOA are merged, record set by record set, over what lies beneath.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from ..errors import InputError, ZoneError
from ..model import Domain, Location, Outcome
from . import codec, octodns, slips, yamlfiles
from .codec import CNAME, DS, MX, NS, NXDOMAIN, RR, SOA, TXT, Reply
from .folder import File, files_of
from .line import Ask, Done, Line, Source
from .look import text_of
from .zone import Sets, Zone, alias_set, parents, within
from .zonefile import Noted, Row, Slip, read_file, read_text

OUTSIDE = "zone files"  # Answer.server of a name that no file holds, where nobody else may be asked


@dataclass(frozen=True)
class ZoneSet:
    """Everything that some files hold. slips: None where they were not looked for; notes: what was passed over, in words."""

    zones: dict[bytes, Zone]
    patch: Zone
    files: tuple[str, ...]
    slips: tuple[Slip, ...] | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, paths: Iterable[str | Path], *, careful: bool = False) -> ZoneSet:
        """Files and folders. `careful`: look for slips, and read on past what cannot be read; else the first fault is refused.

        Raises ZoneError, with file, line and reason.
        """
        given, notes = files_of(paths)
        return cls._read(((file, None) for file in given), None, Noted() if careful else None, notes)

    @classmethod
    def of(cls, texts: Mapping[str, str], directives: tuple[str, ...] = ("$ORIGIN", "$TTL", "$GENERATE")) -> ZoneSet:
        """The texts of files by their names, read with care; of the directives only these are followed, and no other file is opened. Raises ZoneError."""
        escaped = yamlfiles.escapes(text for name, text in texts.items() if yamlfiles.is_yaml(name))
        return cls._read(((File(name, None, escaped), text) for name, text in texts.items()), directives, Noted(), ())

    @classmethod
    def _read(cls, given: Iterable[tuple[File, str | None]], directives: tuple[str, ...] | None, noted: Noted | None, notes: tuple[str, ...]) -> ZoneSet:
        zones: dict[bytes, Zone] = {}
        patch, files = Zone(""), []
        for file, text in given:
            files.append(file.path)
            (_add_yaml if yamlfiles.is_yaml(file.path) else partial(_add_master, patch))(zones, file, noted, text, directives)
        held = cls(zones, patch, tuple(files), None if noted is None else (), notes)
        return held if noted is None else replace(held, slips=slips.in_order([*noted.slips, *slips.find(held)]))

    # ------------------------------------------------------------------ for those who look at the files themselves

    @cached_property
    def tops(self) -> frozenset[str]:
        return frozenset(map(codec.name_text, self.zones))

    def record_sets(self) -> Iterator[list[Row]]:
        for zone in (*self.zones.values(), self.patch):
            for sets in zone.sets.values():
                yield from (rows for rows in sets.values() if rows)

    def rows(self) -> Iterator[Row]:
        return (row for rows in self.record_sets() for row in rows)

    def rows_at(self, name: str, rtype: int) -> list[Row]:
        """The record set of a name as it is written, double records included."""
        try:
            wire = codec.name_wire(name)
        except codec.Malformed:
            return []
        zone = self.zone_of(wire, rtype)
        return next((rows for held in (self.patch, zone) if held is not None and (rows := held.sets.get(wire, {}).get(rtype))), [])

    @cached_property
    def names(self) -> frozenset[bytes]:
        """Every name that the files hold, wildcards as they are written."""
        return frozenset().union(*(zone.nodes for zone in (*self.zones.values(), self.patch)))

    def domains(self) -> tuple[str, ...]:
        """Every domain that the files hold mail records of, and the top of every zone; reverse zones and names below a cut are none."""
        return self._domains

    @cached_property
    def _domains(self) -> tuple[str, ...]:
        found = {name for name in map(_domain, self.tops) if name}
        helpers = self._helpers()
        for zone in (*self.zones.values(), self.patch):
            for owner, sets in zone.sets.items():
                for name in _of_mail(codec.name_text(owner), sets, helpers):
                    if name not in found and _domain(name) == name and not self._cut_off(name) and not self._doubled(name):
                        found.add(name)
        if self.patch.sets and not any(self._of_patch(name) for name in found):
            names = {n for n in map(_domain, map(codec.name_text, self.patch.sets)) if n}
            found |= {n for n in names if not any(n.endswith("." + other) for other in names)}
        return tuple(sorted(found, key=lambda name: name.split(".")[::-1]))

    def slips_of(self, domain: str) -> tuple[Slip, ...] | None:
        """The slips that belong into the report of a domain: those at and below it that are nearer to no other one of the files. Those of
        zones without a domain (reverse zones) go to the first one. None where slips were not looked for."""
        return None if self.slips is None else tuple(self._by_domain.get(domain, ()))

    @cached_property
    def _by_domain(self) -> dict[str, list[Slip]]:
        domains, out = self.domains(), dict[str, list[Slip]]()
        known = set(domains)
        for slip in self.slips or ():
            labels = slip.name.split(".")
            above = (".".join(labels[n:]) for n in range(len(labels)))
            out.setdefault(next((name for name in above if name in known), domains[0] if domains else ""), []).append(slip)
        return out

    def selectors(self, domain: str) -> tuple[str, ...]:
        """The DKIM selectors that the files hold a record of."""
        return tuple(self._selectors.get(domain, ()))

    @cached_property
    def _selectors(self) -> dict[str, list[str]]:
        out: dict[str, list[str]] = {}
        for zone in (*self.zones.values(), self.patch):
            for name in map(codec.name_text, zone.sets):
                selector, below, domain = name.partition("._domainkey.")
                if below and not selector.startswith(("*", "_adsp")):  # RFC 5617 section 4.1: a policy of former days, and no key
                    out.setdefault(domain, []).append(selector)
        return out

    def _helpers(self) -> set[str]:
        """Names that SPF records of the files hand over to: parts of a record, and no domains of their own."""
        terms = (term for row in self.rows() if row.data.rdtype == TXT for term in text_of(row).split())
        handed = (term for term in terms if term.lstrip("+?~-").startswith(("include:", "redirect=")))
        return {term.partition(":" if ":" in term else "=")[2].lower().rstrip(".") for term in handed}

    def _doubled(self, name: str) -> bool:
        """Does a name end in the zone's name twice? A dot is missing then, and nobody has such a domain."""
        zone = self.zone_of(codec.name_wire(name), 0)
        top = codec.name_text(zone.origin) if zone is not None and zone.origin else ""
        return bool(top) and name.endswith(f"{top}.{top}")

    def _cut_off(self, name: str) -> bool:
        wire = codec.name_wire(name)
        zone = self.zone_of(wire, 0)
        return zone is not None and any(NS in zone.sets.get(n, {}) for n in (wire, *parents(wire)) if n != zone.origin and within(n, zone.origin or b""))

    def _of_patch(self, name: str) -> bool:
        wire = codec.name_wire(name)
        return any(within(n, wire) for n in self.patch.sets)

    def zone_of(self, name: bytes, rtype: int) -> Zone | None:
        """The file's zone that a name belongs to: the deepest one. RFC 4035 section 2.4: DS belongs to the parent's side."""
        names = parents(name) if rtype == DS else (n for n in (name, *parents(name)))
        return next((self.zones[n] for n in names if n in self.zones), None)

    def answer(self, name: bytes, rtype: int, do: bool) -> Reply | None:
        # what is no part of a zone's file is asked where the zone is
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
                return replace(reply, rcode=codec.NOERROR, records=tuple(kept), negative_ttl=None, wire=b"", rrsets=lambda: [alias_set(r) for r in kept])
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


def _add_master(
    patch: Zone, zones: dict[bytes, Zone], file: File, noted: Noted | None, text: str | None = None, directives: tuple[str, ...] | None = None
) -> None:
    before, unsaid_before = (dict(noted.torn), set(noted.unsaid)) if noted else ({}, set())
    rows = read_file(file.path, noted, root=file.root) if text is None else tuple(read_text(text, file.path, noted, directives=directives))
    tops = [_top(row, zones) for row in _firsts(rows)]
    for top in tops:
        zones[top.origin or b""] = top
    torn = {(owner.to_digestable(), _kind(kind)): why for (owner, kind), why in (noted.torn if noted else {}).items() if (owner, kind) not in before}
    unsaid = {(owner.to_digestable(), _kind(kind)) for owner, kind in (noted.unsaid if noted else set()) - unsaid_before}
    if not tops:
        _merge(patch, file.path, rows, noted)
        patch.torn |= torn
        return
    mine = {z.origin: z for z in tops}
    for row in rows:
        owner = row.owner.to_digestable()
        zone = next((mine[n] for n in (owner, *parents(owner)) if n in mine), None)
        if zone is not None:
            zone.add(owner, row, noted)
            continue
        shown = " and ".join(codec.name_text(z.origin or b"\0") for z in tops)
        if noted is None:
            raise ZoneError(f"{row.file}:{row.line}: {row.owner.to_text(True)} is outside the zone {shown}, so that no name server would answer with it.")
        values = {"at": row.owner.to_text(True), "zone": shown}
        noted.slips.append(Slip("ZON008", codec.name_text(tops[0].origin or b""), row.data.rdtype.name, row.file, row.line, row.raw.strip()[:300], values))
    for (owner, kind), why in torn.items():
        if zone := next((mine[n] for n in (owner, *parents(owner)) if n in mine), None):
            zone.torn[owner, kind] = why
            zone.exist(owner)
    for owner, kind in unsaid:
        if zone := next((mine[n] for n in (owner, *parents(owner)) if n in mine), None):
            zone.unsaid.add((owner, kind))
            zone.exist(owner)


def _add_yaml(zones: dict[bytes, Zone], file: File, noted: Noted | None, text: str | None = None, _: tuple[str, ...] | None = None) -> None:
    before = dict(noted.torn) if noted else {}
    read = octodns.read_file(file.path, noted, root=file.root, text=text, escaped=file.escaped)
    origin = read.origin.to_digestable()
    zone = zones.get(origin)
    if zone is None:
        zone = zones[origin] = Zone(file.path, origin, nodes={origin}, provider=True)
    elif not zone.provider or yamlfiles.home_of(zone.file) != yamlfiles.home_of(file.path):
        raise ZoneError(f"{file.path}: the zone {codec.name_text(origin)} stands in {zone.file} already.")
    zone.broken = zone.broken or read.broken
    for row in read.rows:
        zone.add(row.owner.to_digestable(), row, noted)
    for owner in read.owners:
        zone.exist(owner.to_digestable())
    zone.unsaid |= {(owner.to_digestable(), _kind(kind)) for owner, kind in read.unsaid}
    zone.torn |= {(owner.to_digestable(), _kind(kind)): why for (owner, kind), why in (noted.torn if noted else {}).items() if (owner, kind) not in before}


def _kind(rtype: str) -> int:
    try:
        return int(dns.rdatatype.from_text(rtype)) if rtype else 0
    except dns.exception.DNSException:
        return 0


def _firsts(rows: Iterable[Row]) -> Iterator[Row]:
    """The SOA records, one a zone: a second one of the same zone is in the same file."""
    return iter({row.owner: row for row in reversed([row for row in rows if row.data.rdtype == SOA])}.values())


def _top(row: Row, zones: dict[bytes, Zone]) -> Zone:
    origin = row.owner.to_digestable()
    if (other := zones.get(origin)) is not None:
        raise ZoneError(f"{row.file}:{row.line}: the zone {codec.name_text(origin)} has an SOA in {other.file} already.")
    return Zone(row.file, origin, nodes={origin}, negative_ttl=min(row.ttl, int(row.data.to_text().split()[-1])))


_BESIDE = ("_dmarc", "_mta-sts")


def _of_mail(owner: str, sets: Sets, helpers: set[str]) -> Iterator[str]:
    """The domain that the records at a name belong to, where they are about mail."""
    labels = owner.split(".")
    if "*" in labels or "_report" in labels:
        return
    if labels[0] in _BESIDE:
        yield ".".join(labels[1:])
    elif labels[:2] == ["_smtp", "_tls"] or labels[1:2] == ["_bimi"]:
        yield ".".join(labels[2:])
    elif "_domainkey" in labels:
        yield ".".join(labels[labels.index("_domainkey") + 1 :])
    elif MX in sets or (owner not in helpers and any(text_of(row).lower().startswith("v=spf1") for row in sets.get(TXT, ()))):
        yield owner


def _domain(name: str) -> str:
    """The domain to scan, or "" for a reverse zone, a top-level domain, a wildcard, a name with an underscore."""
    try:
        domain = Domain.parse(name).name
    except InputError:
        return ""
    return "" if domain.endswith(".arpa") else domain


def _merge(patch: Zone, path: str, rows: Iterable[Row], noted: Noted | None = None) -> None:
    """A later file's record set stands in place of an earlier one's."""
    fresh = Zone(path)
    for row in rows:
        fresh.add(row.owner.to_digestable(), row, noted)
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
