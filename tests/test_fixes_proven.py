"""Fixes are proven: each proposed record of each finding, of all topics, in all worlds and the demo, is laid over the world that
showed it as a user would lay it (a zone file without SOA), and the domain is scanned again. The finding is gone, nothing that
passed fails, and every sender that pyspf passed before passes still; nobody is let in who was not named.

What has no record has choices, or says why none can be proposed: all findings, counted and printed.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import test_checks_auth as auth
import test_checks_net as net

from healthcheck.catalog import DATA, catalog
from healthcheck.edge import codec, libs
from healthcheck.edge.codec import name_text
from healthcheck.edge.world import World
from healthcheck.edge.zones import ZoneSet
from healthcheck.errors import DomainError
from healthcheck.model import PROFILES, VERDICT_ORDER, Domain, Finding, Record, Report, Status, worst
from healthcheck.render import words
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
STRANGER = "203.0.113.254"  # no world names it
USUAL = ("192.0.2.1", "192.0.2.25", "198.51.100.5", "203.0.113.1", "2001:db8:5::1")
LISTS = (net.GOOD, net.NAMES)
EXPLAINED = ("DMA", "PRK")  # families whose choices come with why they are left to the user, beside the sentences of the choices


@dataclass(frozen=True)
class Place:
    """A world: its files, the senders that are followed through every change, and the extra inputs to scan with."""

    files: tuple[str, ...]
    senders: tuple[str, ...] = USUAL
    lists: tuple = ()
    given: tuple[dict, ...] = field(default=({}, {"ips": ["192.0.2.1"], "selectors": ["s1"]}, {"ips": ["192.0.2.9", "203.0.113.200"]}))
    spf: bool = False  # SPF is at play: at least five of the senders pass somewhere


DNSBL = ("dnsbl-good", "dnsbl-world", "dnsbl-parked", "dnsbl-refusing", "dnsbl-empty", "dnsbl-names", "dnsbl-bits", "dnsbl-domains", "dnsbl-bad")
PLACES = {
    "spf": Place(
        ("spf-cases",), ("192.0.2.1", "192.0.2.25", "192.0.2.7", "198.51.100.5", "203.0.113.1", "203.0.113.7", "2001:db8:5::1", "2001:db8::7"), spf=True
    ),
    "spf-deep": Place(
        ("spf-deep",), ("192.0.2.1", "192.0.2.9", "192.0.2.11", "192.0.2.14", "198.51.100.5", "203.0.113.1", "203.0.113.70", "2001:db8:5::1"), spf=True
    ),
    "alignment": Place(("alignment-cases",), ("192.0.2.1", "192.0.2.9", "192.0.2.25", "198.51.100.5", "203.0.113.1")),
    "dkim": Place(("dkim-cases",)),
    "dmarc": Place(("dmarc-cases", "dmarc-agreed", "dmarc-refusing")),
    "mx": Place(("mx-cases",)),
    "ptr": Place(("ptr-reverse4", "ptr-reverse6", "ptr-names"), given=tuple({"ips": [row[0]]} for row in net.PTR)),
    "dnsbl": Place(DNSBL, lists=LISTS, given=({}, {"ips": ["192.0.2.66"]}, {"ips": ["192.0.2.99"]})),
    "adversarial": Place(("adversarial",), ("192.0.2.1", "192.0.2.2", "192.0.2.9", "198.51.100.1", "198.51.100.5", "2001:db8::1")),
    "profiles": Place(
        ("profiles", "profiles-reverse"),
        ("192.0.2.1", "192.0.2.25", "192.0.2.31", "192.0.2.32", "198.51.100.5", "203.0.113.1", "2001:db8::1"),
        given=tuple({**given, "profile": profile} for profile in PROFILES for given in ({}, {"ips": ["192.0.2.1"]}, {"ips": ["203.0.113.200"]})),
    ),
    "demo": Place(
        tuple(path.name for path in sorted((DATA / "demo").glob("*.zone"))),
        ("198.51.100.10", "198.51.100.130", "192.0.2.25", "192.0.2.10", "192.0.2.121", "198.51.100.66", "203.0.113.77", "2001:db8:1::25"),
        given=({}, {"ips": ["203.0.113.77"]}, {"ips": ["198.51.100.10"]}),
        spf=True,
    ),
}


def _more() -> dict[str, Place]:
    """A world that nobody has entered above is a world all the same."""
    entered = {name for place in PLACES.values() for name in place.files}
    return {path.stem: Place((path.stem,)) for path in sorted(WORLDS.glob("*.zone")) if path.stem not in entered}


ALL = {**PLACES, **_more()}
# what the tables of the topics' tests scan with besides: (domain, options), by the first file of their world
TOLD = [
    (auth.FILES[topic][0], case if case.endswith((".test", ".example")) else f"{case}.{auth.ZONES[topic]}", options)
    for topic, case, options, *_ in auth.CASES
    if options and not {"failing", "changed"} & set(options) and topic in auth.FILES
]

kinds: Counter[str] = Counter()  # how each finding that was met is cured
by_code: dict[str, set[str]] = {}
passed_somewhere: dict[str, set[str]] = {}


def paths(place: Place) -> list[Path]:
    return [(WORLDS / f"{name}.zone") if not name.endswith(".zone") else DATA / "demo" / name for name in place.files]


def domains(place: Place) -> list[str]:
    """Every name of the files that mail could be about: it has text, mail hosts or an alias, or records of ours below it; and
    the first few of those that are only hosts. Names that a blocklist or a reverse zone is made of are none."""
    held = ZoneSet.read(paths(place))
    about, hosts = set(), set()
    for zone in (*held.zones.values(), held.patch):
        for wire in zone.nodes:
            name = name_text(wire)
            at = {int(t) for t in zone.sets.get(wire, ())}
            telling = name.startswith("_") or at & {codec.TXT, codec.MX, codec.CNAME}
            bare = ".".join(label for label in name.split(".") if not label.startswith("_")) if name.startswith("_") else name
            if bare.endswith(".arpa") or bare.startswith("*") or bare.partition(".")[0].isdigit():
                continue
            try:
                (about if telling else hosts).add(Domain.parse(bare).name)
            except DomainError:
                continue
    return sorted(about | set(sorted(hosts)[:3]))


def cases(name: str) -> Iterator[tuple[str, dict]]:
    place = ALL[name]
    for domain in domains(place):
        for given in place.given:
            yield domain, given
    for first, domain, options in TOLD:
        if first == place.files[0]:
            yield domain, options


def quoted(octets: bytes) -> str:
    pieces = [octets[i : i + 255] for i in range(0, len(octets), 255)] or [b""]
    return " ".join('"' + "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\{c:03d}" for c in piece) + '"' for piece in pieces)


def published(record: Record, world: World, file: Path) -> World:
    """The world with the change laid over it, from a zone file; other records of the same name and type stay."""
    with world.open() as session:
        stands = session.dns.ask(record.name, record.rtype)
    assert set(record.current) <= set(stands.values), "what the proposal takes for the present record is not there"
    assert record.proposed, "a proposal says what to publish"
    kept = [n for n, value in enumerate(stands.values) if value not in record.current]
    if record.rtype == "TXT":
        rows = [*map(quoted, (text.encode("utf-8", "backslashreplace") for text in record.proposed)), *(quoted(b"".join(stands.strings[n])) for n in kept)]
    else:
        rows = [*record.proposed, *(stands.values[n] for n in kept)]
    file.write_text("".join(f"{record.name}. 300 IN {record.rtype} {row}\n" for row in rows), encoding="ascii")
    changed = World.zones([file], beneath=world)
    changed.blocklists = world.blocklists
    return changed


def verdicts(world: World, domain: str, senders: tuple[str, ...]) -> dict[str, str]:
    with world.open(deadline=30) as session:
        return {ip: libs.spf_verdict(session.dns, ip, f"postmaster@{domain}", domain).result for ip in senders}


def by_subject(report: Report) -> dict[tuple[str, str], Status]:
    out: dict[tuple[str, str], list[Status]] = {}
    for finding in report.findings:
        out.setdefault((catalog().checks[finding.code].topic, finding.subject), []).append(finding.status)
    return {key: worst(statuses) for key, statuses in out.items()}


def keys(report: Report) -> set[tuple[str, str]]:
    return {(f.code, f.subject) for f in report.findings}


@dataclass
class Proof:
    """One scan, and what each of its proposals does to it."""

    name: str
    world: World
    domain: str
    given: dict
    file: Path

    def check(self, seen: set) -> list[str]:
        before = scan(self.domain, world=self.world, **self.given)
        envelope = str((before.facts.get("spf") or {}).get("domain") or self.domain)
        faults: list[str] = []
        senders: dict[str, str] | None = None
        for finding in before.findings:
            if finding.status is Status.PASS:
                continue
            told = self._sorted(finding)
            if told:
                faults.append(told)
            for record, chosen in [(finding.record, False), *((c.record, True) for c in finding.choices)]:
                key = (finding.code, finding.subject, record, chosen, json.dumps(self.given))
                if record is None or key in seen:
                    continue
                seen.add(key)
                if senders is None:
                    senders = verdicts(self.world, envelope, (*ALL[self.name].senders, STRANGER))
                    passed_somewhere.setdefault(self.name, set()).update(ip for ip, result in senders.items() if result == "pass")
                faults += [
                    f"{self.name}: {self.domain} {self.given}: {finding.code} {record.proposed}: {why}"
                    for why in self._harm(finding, record, chosen, before, envelope, senders)
                ]
        return faults

    def _sorted(self, finding: Finding) -> str:
        """Count how the finding is cured; what is wrong where it is in no way."""
        kind = "record" if finding.record else "choices" if finding.choices else "reason" if catalog().checks[finding.code].why_no_record else "nothing"
        kinds[kind] += 1
        by_code.setdefault(finding.code, set()).add(kind)
        if kind == "choices" and finding.code[:3] in EXPLAINED and not words.fix(finding)["why_no_record"]:
            kind = "nothing"
        return f"{self.name}: {self.domain}: {finding.code} has neither record nor choices nor a reason" if kind == "nothing" else ""

    def _harm(self, finding: Finding, record: Record, chosen: bool, before: Report, envelope: str, senders: dict[str, str]) -> Iterator[str]:
        world = published(record, self.world, self.file)
        after = scan(self.domain, world=world, **self.given)
        kinds["choice proven" if chosen else "record proven"] += 1
        if (finding.code, finding.subject) in keys(after):
            yield "the finding is still there"
        was, now = by_subject(before), by_subject(after)
        for key, status in was.items():
            if status in (Status.PASS, Status.NOTE) and now.get(key) is Status.FAIL and not chosen:
                yield f"{key} was {status} and fails now"
        for topic, result in before.topics.items():
            if result.verdict is Status.PASS and after.topics[topic].verdict is Status.FAIL and not chosen:
                yield f"the topic {topic} passed and fails now"
        if not chosen and VERDICT_ORDER.index(after.verdict) < VERDICT_ORDER.index(before.verdict):
            yield f"the report went from {before.verdict} to {after.verdict}"
        # what closes a domain over a record that lets somebody in is a choice, and refuses everybody; proposed outright it refuses
        # nobody who passed
        closing = chosen and self.given.get("profile") == "non-sending" and finding.code.startswith("PRK")
        for ip, result in verdicts(world, envelope, tuple(senders)).items():
            if closing:
                if result == "pass" and senders[ip] != "pass":
                    yield f"{ip} had {senders[ip]} and passes SPF now"
                continue
            if senders[ip] == "pass" and result != "pass":
                yield f"{ip} passed SPF and has {result} now"
            # in place of an error, or of no record at all, what the record names passes; nobody whom it does not name ever does
            named = ip in self.given.get("ips", ()) or (senders[ip] in ("permerror", "none", "temperror") and ip != STRANGER)
            if result == "pass" and senders[ip] != "pass" and not named:
                yield f"{ip} had {senders[ip]} and passes SPF now"


@pytest.mark.parametrize("name", ALL)
def test_each_proposal_cures_and_harms_nothing(name, tmp_path):
    place = ALL[name]
    world = World.demo(World.zones([], only=True)) if name == "demo" else World.zones(paths(place), only=True)
    world.blocklists = place.lists
    faults: list[str] = []
    seen: set = set()
    scans = 0
    try:
        for domain, given in cases(name):
            scans += 1
            at = world.for_domain(domain)
            at.blocklists = place.lists
            faults += Proof(name, at, domain, given, tmp_path / "draft.records").check(seen)
    finally:
        world.close()
    print(f"\n{name}: {scans} scans, {len(seen)} proposals laid over and scanned again, {len(faults)} faults")
    assert not faults, "\n".join(faults)
    assert scans


def test_every_finding_with_a_cure_is_covered():
    """After the worlds: every code that was met has a record, choices or a reason; one that only failing answers bring has a reason."""
    if not by_code:
        pytest.skip("the worlds were not scanned in this run")
    rows = catalog().checks
    wanted = {code for code, row in rows.items() if row.severity is not Status.PASS}
    covered = {code for code in wanted if ("nothing" not in by_code.get(code, ())) and (code in by_code or rows[code].why_no_record)}
    met = kinds["record"] + kinds["choices"] + kinds["reason"] + kinds["nothing"]
    shown = ", ".join(f"{kinds[k]} {words}" for k, words in (("record", "with a record"), ("choices", "with choices"), ("reason", "with the reason why not")))
    print(f"\nfindings met: {met} ({shown}); {kinds['record proven']} records and {kinds['choice proven']} choices proven by a second scan")
    print(f"codes: {len(covered)} of {len(wanted)} ({100 * len(covered) / len(wanted):.0f} %); met in the worlds: {len(wanted & set(by_code))}")
    assert covered == wanted, sorted(wanted - covered)


def test_five_senders_pass_where_spf_is_at_play():
    for name, place in PLACES.items():
        assert len(set(place.senders)) >= 5, name
        if place.spf and name in passed_somewhere:
            assert len(passed_somewhere[name] & set(place.senders)) >= 5, (name, passed_somewhere[name])
