"""Scans with faults injected at random, compared with the same scan without any: what is said under faults is said without them too, or it is unknown.

A storm is a seed. Two kinds: `seam` puts an outcome in place of an answer, `wire` serves the zones on loopback and spoils the packets.
"""

from __future__ import annotations

import random
import struct
from functools import cache
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from healthcheck.catalog import DATA
from healthcheck.edge.world import World
from healthcheck.model import Outcome, Report, Status
from healthcheck.scan import scan

from .authority import Authority
from .faults import Faults
from .nameserver import Nameserver

WORLDS = Path(__file__).resolve().parents[1] / "worlds"
DEMO = sorted((DATA / "demo").glob("*.zone"))
SEAM = ("servfail", "timeout", "refused", "bogus", "error", "truncated", "not_asked")
WIRE = ("servfail", "silent", "refused", "formerr", "wrong-id", "wrong-question", "lame", "truncated", "slow", "garbage", "notimp")
WIRE_DEADLINE = 0.7  # seconds: less than the first try waits, so that silence costs no more
# What may be said under faults alone, since it says less than what is said without: how much could be counted.
LESS = {"SPF027", "PTR004", "PTR006"}
# What is true wherever one of the others is found, and is said in its place where that could not be found out. Each rests on answers: a record at
# the wrong name is missing at the right one; terms that lead nowhere for either family of addresses lead nowhere for IPv6; hosts that take no mail
# and have no TLSA record have none where it is not known that they take no mail.
IMPLIED = {"DMA002": {"DMA017"}, "SPF029": {"SPF006"}, "DAN001": {"DAN017"}}
# Of a domain that does not exist nothing exists below it (RFC 8020), whether or not a second type could be heard, without which it is not called so;
# and what its parent's zone is like is told where it is not.
for nothing in ("SPF002", "DMA002", "DKM009", "ALN002", "STS001", "TRP001", "BIM001", "SEC012", "NSV001"):
    IMPLIED.setdefault(nothing, set()).add("DOM001")
# What a resolver says by refusing: DNSSEC is broken. It is an answer, where it is BOGUS and no mere SERVFAIL.
BROKEN = {"SEC002", "SEC013"}


def _world(*names: str) -> tuple[Path, ...]:
    return tuple(WORLDS / f"{name}.zone" for name in names)


DMARC = _world("dmarc-cases", "dmarc-agreed", "dmarc-refusing")
DKIM = _world("dkim-find", "dkim-service")
SUBJECTS: list[tuple[tuple[Path, ...], str, list[str], list[str]]] = [
    *((tuple(DEMO), f"{name}.example", ["203.0.113.77"], ["shop"]) for name in ("shop", "saas", "newsletter", "nodmarc", "broken-spf")),
    *((tuple(DEMO), name, ["198.51.100.66"], []) for name in ("listed.example", "healthy.example")),
    (tuple(DEMO), "parked.example", [], []),
    *((_world("mx-cases"), f"{name}.mx.test", [], []) for name in ("good", "half", "aliased", "implicit", "mixed", "none", "missing")),
    *((_world("spf-cases"), f"{name}.spf.test", ["192.0.2.1", "192.0.2.9"], []) for name in ("good", "eleven", "deep", "voids", "several", "include-none")),
    *((_world("dkim-cases"), f"{name}.dkim.test", [], ["s1"]) for name in ("good", "none", "ed", "wild", "several", "parked", "looped")),
    *((_world("dkim-cases"), f"{name}.dkim.test", [], []) for name in ("good", "none", "wild", "wild-key", "wild-real", "hidden", "spf-wild")),
    *((DKIM, f"{name}.find.test", [], []) for name in ("strict", "dangling", "wild-alias", "pieces", "dated", "reports", "portal", "service", "nothing")),
    *((DMARC, f"{name}.dmarc.test", [], []) for name in ("good", "foreign", "missing", "child.weak-sub", "several", "stray")),
    *((_world("alignment-cases"), f"{name}.align.test", ["192.0.2.1"], ["s1"]) for name in ("both", "strict", "nothing", "dkim-only")),
    *(
        (_world("adversarial"), f"{name}.adv.test", ["192.0.2.1"], ["s1"])
        for name in (
            "bomb",
            "inc-chain",
            "inc-loop",
            "mx-loop",
            "macros",
            "rl1",
            "mxself",
            "m-rua",
            "m-cname",
            "x.m-psdy",
            "m-wild",
            "k2048",
            "ktwo",
            "x-50",
            "park2",
        )
    ),
]

_Fault = dict[str, set[Any]]


@cache
def world_of(files: tuple[Path, ...]) -> World:
    return World.zones(files, only=True)


@cache
def authority_of(files: tuple[Path, ...]) -> Authority:
    return Authority([path for path in files if " SOA " in path.read_text(encoding="utf-8")])


@cache
def without_faults(n: int, kind: str = "seam") -> Report:
    files, domain, ips, selectors = SUBJECTS[n]
    if kind == "seam":
        return scan(domain, world=world_of(files), ips=ips, selectors=selectors)
    return _over_the_wire(n, {}, 15.0)


def _over_the_wire(n: int, faults: _Fault, deadline: float) -> Report:
    files, domain, ips, selectors = SUBJECTS[n]
    held = authority_of(files)

    def handler(query: dns.message.Message, tcp: bool):
        asked = query.question[0]
        name, rtype = asked.name.to_text(True).lower(), dns.rdatatype.to_text(asked.rdtype)
        fault = next((kind for kind, places in faults.items() if _hit(places, name, rtype)), "")
        return _spoiled(fault, query, held.answer(query), tcp)

    with Nameserver(handler) as server:
        world = World.live([server.at])
        try:
            return scan(domain, world=world, ips=ips, selectors=selectors, deadline=deadline)
        finally:
            world.close()


def _hit(places: set[Any], name: str, rtype: str) -> bool:
    return bool(places) and any(
        (name, rtype) == place or name == place or (isinstance(place, str) and place.startswith("*.") and (name == place[2:] or name.endswith(place[1:])))
        for place in places
    )


def _spoiled(fault: str, query: dns.message.Message, good: dns.message.Message, tcp: bool):
    """What the server sends in place of a good answer."""
    rcodes = {"servfail": dns.rcode.SERVFAIL, "refused": dns.rcode.REFUSED, "formerr": dns.rcode.FORMERR, "notimp": dns.rcode.NOTIMP}
    if fault in rcodes:
        bad = dns.message.make_response(query, recursion_available=True)
        bad.set_rcode(rcodes[fault])
        return bad
    if fault == "silent" or (fault == "truncated" and tcp):
        return None
    if fault == "truncated":
        cut = dns.message.make_response(query, recursion_available=True)
        cut.flags |= dns.flags.TC
        return cut
    if fault == "lame":  # neither has the zone nor asks on: a referral to the root
        lame = dns.message.make_response(query)
        lame.authority.append(dns.rrset.from_text(".", 300, "IN", "NS", "a.root.example."))
        return lame
    if fault == "garbage":
        return good.to_wire()[:12] + b"\xff" * 9
    if fault == "slow":
        return [(WIRE_DEADLINE * 2, good)]
    if fault == "wrong-id":
        # somebody else's word, and a false one: had it been believed, the name would be called missing
        lie = dns.message.make_response(query, recursion_available=True)
        lie.set_rcode(dns.rcode.NXDOMAIN)
        octets = lie.to_wire()
        return struct.pack("!H", (query.id + 1) & 0xFFFF) + octets[2:]
    if fault == "wrong-question":
        other = dns.message.make_query("somebody.else.example.", "A")
        other.id = query.id
        lie = dns.message.make_response(other, recursion_available=True)
        lie.set_rcode(dns.rcode.NXDOMAIN)
        return lie
    return good


def storm(seed: int, kind: str) -> list[str]:
    """What one seed brought that was false; [] where nothing was."""
    dice = random.Random(f"{kind} {seed}")
    n = dice.randrange(len(SUBJECTS))
    files, domain, ips, selectors = SUBJECTS[n]
    plain = without_faults(n, kind)
    asked = sorted({(a.name, a.rtype) for a in plain.transcript})
    faults: _Fault = {}
    for _ in range(dice.choice((1, 1, 2, 4, 12, 40))):
        name, rtype = dice.choice(asked)
        place = dice.choice(((name, rtype), name, "*." + ".".join(name.split(".")[-3:])))
        faults.setdefault(dice.choice(SEAM if kind == "seam" else WIRE), set()).add(place)
    broken = Faults(world_of(files), **faults) if kind == "seam" else None
    report = scan(domain, world=broken, ips=ips, selectors=selectors) if broken else _over_the_wire(n, faults, WIRE_DEADLINE)
    return [f"{kind} seed {seed}: {domain} with {faults}: {wrong}" for wrong in falsehoods(plain, report)]


def falsehoods(plain: Report, report: Report) -> list[str]:
    """What a report says that the same scan without faults does not: each finding that is no UNKNOWN, each state of a list. Pure."""
    out = []
    known = {(f.code, f.subject) for f in plain.findings}
    told = {code for code, _ in known}
    for f in report.findings:
        if IMPLIED.get(f.code, set()) & told or (f.code in BROKEN and any(a.outcome is Outcome.BOGUS for a in f.evidence)):
            continue
        if f.status is not Status.UNKNOWN and not f.code.endswith("999") and f.code not in LESS and (f.code, f.subject) not in known:
            out.append(f"adds {f.code} about {f.subject}: {dict(f.values)}")
        if f.status in (Status.FAIL, Status.WARN, Status.PASS) and f.evidence and all(a.unsure and "loop" not in a.detail for a in f.evidence):
            out.append(f"{f.code} rests on nothing that was answered")
    clean = _states(plain)
    out += [f"{place} is called {state}" for place, state in _states(report).items() if state in ("listed", "not-listed") and state != clean.get(place)]
    if report.facts["dkim"]["no_keys"] is True and plain.facts["dkim"]["no_keys"] is not True:
        out.append("no_keys")
    if report.facts["dnsbl"]["listed"] is not None and report.facts["dnsbl"]["listed"] is not plain.facts["dnsbl"]["listed"]:
        out.append(f"listed = {report.facts['dnsbl']['listed']}")
    out += [f"{name} says nothing" for name, result in report.topics.items() if not result.summary]
    return out


def _states(report: Report) -> dict[tuple[str, str], str]:
    return {(x["zone"], x["subject"]): x["state"] for x in report.facts["dnsbl"]["lists"]}
