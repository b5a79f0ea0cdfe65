"""Topic dane: each code has a world where it must appear, and one where it must not. Real servers: tests/real/test_dnssec.py."""

import hashlib
import json
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from support.faults import Faults
from support.tls import Authority
from support.validating import Validating

from healthcheck.catalog import catalog
from healthcheck.checks import first, foresee, needed
from healthcheck.checks.dane import parse
from healthcheck.edge.certificates import describe
from healthcheck.edge.world import World
from healthcheck.model import Certificate, Domain, Greeted, Reached, ScanInput, Status
from healthcheck.render.json import report as as_json
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
FILES = [WORLDS / "dane.zone", WORLDS / "dane-open.zone"]
UNSIGNED = {"open.test", "bare.test"}
DAMAGED = {
    ("_25._tcp.short.dane.test", "TLSA"): [bytes((3, 1, 1)) + b"w" * n for n in (16, 32)] + [bytes((3, 1, 1)) + b"x" * 32],
    # the digits of a digest, taken for octets once more
    ("_25._tcp.twice.dane.test", "TLSA"): [bytes((3, 1, 1)) + b"8" * 64],
    ("_25._tcp.odd.dane.test", "TLSA"): [
        bytes(f) + b"9" * n for f, n in (((4, 1, 1), 32), ((3, 2, 1), 32), ((3, 1, 3), 32), ((3, 1, 0), 4), ((3, 1, 2), 32), ((3, 1, 1), 0))
    ],
}
BROKEN = {("_25._tcp.forged.dane.test", "TLSA")}
FAULTS = {"servfail": {("_25._tcp.failing.dane.test", "TLSA")}, "timeout": {("_25._tcp.slow.dane.test", "TLSA")}}


def world_of(validates=True):
    return Faults(Validating(World.zones(FILES, only=True), unsigned=UNSIGNED, bogus=BROKEN, octets=DAMAGED, validates=validates), **FAULTS)


def look(domain, world, topics=("dane",)):
    try:
        report = scan(domain, world=world, topics=topics)
    finally:
        world.close()
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            assert "None" not in text.format(**finding.values)
    return report


def codes(report):
    return {f.code for f in report.findings}


ALL = {code for code, row in catalog().checks.items() if row.topic == "dane"}

# domain, state of its first host, codes that must appear (those of the topic that may not: all others)
CASES = [
    ("works.dane.test", "works", {"DAN009", "DAN010"}),
    ("paired.dane.test", "works", {"DAN010", "DAN011"}),
    ("issued.dane.test", "works", {"DAN010", "DAN011"}),
    ("anchored.dane.test", "works", {"DAN010"}),
    ("without.dane.test", "none", {"DAN001"}),
    ("partly.dane.test", "works", {"DAN008", "DAN009", "DAN010"}),
    ("pkixed.dane.test", "unusable", {"DAN005"}),
    ("damaged.dane.test", "works", {"DAN006", "DAN010", "DAN011"}),
    ("doubled.dane.test", "unusable", {"DAN005"}),
    ("oddly.dane.test", "unusable", {"DAN005"}),
    ("whole.dane.test", "works", {"DAN007", "DAN010", "DAN011"}),
    ("certificate.dane.test", "works", {"DAN010", "DAN015"}),
    ("wildly.dane.test", "works", {"DAN009", "DAN010"}),
    ("pointing.dane.test", "works", {"DAN009", "DAN010"}),
    ("aliased.dane.test", "works", {"DAN009", "DAN010"}),
    ("outwards.dane.test", "ignored", {"DAN003"}),
    ("awayed.dane.test", "none", {"DAN001"}),
    ("unsigned-host.dane.test", "ignored", {"DAN003"}),
    ("unsigned-none.dane.test", "none", {"DAN001"}),
    ("hosted.open.test", "works", {"DAN002", "DAN009"}),
    ("bare.test", "none", {"DAN001"}),
    ("failed.dane.test", "failing", {"DAN004"}),
    ("forged-records.dane.test", "failing", {"DAN004"}),
    ("slowed.dane.test", "unknown", {"DAN000"}),
    ("nullmx.dane.test", None, {"DAN017"}),
    ("silent.dane.test", None, {"DAN017"}),
    ("implicit.dane.test", "works", {"DAN009", "DAN010"}),
    ("outside.dane.test", "unknown", {"DAN999"}),
    ("crowd.dane.test", "works", {"DAN007", "DAN009", "DAN010", "DAN011", "DAN015"}),
]
UNPROVEN = ("works.dane.test", {"DAN000", "DAN009"})
DRAFT = ("works.dane.test", {"DAN009", "DAN016"})
# the host was asked for its certificate: what it does, records (a digest of its own key, or of another), whether the resolver validates
GREETED = [
    ("fits", "own", True, {"DAN009", "DAN010", "DAN013"}),
    ("fits", "other", True, {"DAN009", "DAN010", "DAN012"}),
    ("fits", "issuer", True, {"DAN010", "DAN013"}),
    ("wrong name", "issuer", True, {"DAN010", "DAN012"}),
    ("no TLS", "own", True, {"DAN009", "DAN010", "DAN014"}),
    ("fits", "other", False, {"DAN000", "DAN009", "DAN012"}),
    ("away", "own", True, {"DAN009", "DAN010"}),
]
TABLES = [(must, ALL - must) for *_, must in (*CASES, UNPROVEN, DRAFT, *GREETED)]


@pytest.mark.parametrize(("domain", "state", "must"), CASES, ids=[case[0] for case in CASES])
def test_the_state_and_what_is_said(domain, state, must):
    report = look(domain, world_of())
    assert codes(report) & ALL == must
    hosts = report.facts["dane"]["hosts"]
    assert (hosts[0]["state"] if hosts else None) == state
    json.dumps(as_json(report))


def test_without_proof_nothing_is_said_of_the_records_but_what_they_hold():
    report = look(UNPROVEN[0], world_of(validates=False))
    assert codes(report) == UNPROVEN[1]
    assert report.facts["dane"]["hosts"][0]["state"] == "unproven"
    assert report.verdict is Status.NOTE


def test_a_draft_is_a_note():
    report = look(DRAFT[0], World.zones(FILES, only=True))
    assert codes(report) == DRAFT[1]
    assert report.verdict is Status.NOTE


def test_mail_hosts_that_could_not_be_looked_up():
    report = look("works.dane.test", Faults(World.zones(FILES, only=True), timeout={("works.dane.test", "MX")}))
    assert codes(report) & ALL == {"DAN000"}


@pytest.mark.parametrize(
    ("domain", "code", "status"),
    [
        ("without.dane.test", "DAN001", Status.NOTE),
        ("hosted.open.test", "DAN002", Status.NOTE),
        ("unsigned-host.dane.test", "DAN003", Status.WARN),
        ("failed.dane.test", "DAN004", Status.FAIL),
        ("pkixed.dane.test", "DAN005", Status.WARN),
        ("works.dane.test", "DAN010", Status.PASS),
    ],
)
def test_how_bad_it_is(domain, code, status):
    assert {f.status for f in look(domain, world_of()).findings if f.code == code} == {status}


@pytest.mark.parametrize(
    ("domain", "code", "words"),
    [
        ("without.dane.test", "DAN001", "so that they could be published"),
        ("unsigned-none.dane.test", "DAN001", "a host is in a zone that is not signed"),
        ("bare.test", "DAN001", "the domain itself is not signed"),
        ("unsigned-host.dane.test", "DAN003", "the addresses of the host are not signed"),
        ("failed.dane.test", "DAN004", "SERVFAIL"),
        ("pkixed.dane.test", "DAN005", "usages 0 and 1 are not for mail between servers"),
        ("doubled.dane.test", "DAN005", "the digest has not the length"),
    ],
)
def test_what_it_says(domain, code, words):
    finding = next(f for f in look(domain, world_of()).findings if f.code == code)
    assert words in catalog().checks[code].message.format(**finding.values)


@pytest.mark.parametrize(
    ("domain", "base"), [("aliased.dane.test", "one.dane.test"), ("outwards.dane.test", "mx.open.test"), ("works.dane.test", "one.dane.test")]
)
def test_the_name_that_an_alias_leads_to_comes_first(domain, base):
    """RFC 7672 section 2.2.3."""
    assert look(domain, world_of()).facts["dane"]["hosts"][0]["base"] == base


def test_no_more_than_eight_hosts_are_looked_at():
    world = world_of()
    report = look("crowd.dane.test", world)
    assert report.facts["dane"]["left"] == 1
    assert len({name for name, rtype in world.asked if rtype == "TLSA"}) == 9  # with the target of an alias among the records


def test_records_are_asked_for_before_anybody_demands_them():
    world = world_of()
    topics = needed(["dane"])
    wanted = ScanInput(Domain.parse("aliased.dane.test"), (), (), None, "sending", "", ("dane",))
    with world.open(foresee(topics)) as session:
        session.dns.foresee(first(wanted, topics))
        early = {name for name, rtype in world.asked if rtype == "TLSA"}
        assert session.dns.transcript() == ()
    world.close()
    assert early == {"_25._tcp.one.dane.test", "_25._tcp.toone.dane.test"}
    report = look("aliased.dane.test", world_of())
    assert early == {a.name for a in report.transcript if a.rtype == "TLSA"}
    assert report.timing.questions == report.timing.distinct


class Host:
    """The port 25 of every mail host: one certificate, or none."""

    def __init__(self, does, chain):
        self.does, self.chain = does, tuple(c.public_bytes(Encoding.DER) for c in chain)

    def begin(self, greet, until):
        future = Future()
        leaf = describe(self.chain[0])
        certificate = Certificate(leaf.subject, leaf.issuer, leaf.names, leaf.not_before, leaf.not_after, "", self.chain)
        told = {
            "no TLS": Greeted(greet.host, greet.address, Reached.OK, "220 hello", ("mx", "PIPELINING"), False),
            "away": Greeted(greet.host, greet.address, Reached.TIMEOUT, stage="connect"),
        }
        future.set_result(told.get(self.does) or Greeted(greet.host, greet.address, Reached.OK, "220 hello", ("mx", "STARTTLS"), True, certificate=certificate))
        return future

    def close(self):
        return


@pytest.mark.parametrize(("does", "whose", "validates", "must"), GREETED, ids=[f"{c[0]}-{c[1]}-{'-'.join(sorted(c[3]))}" for c in GREETED])
def test_what_the_host_itself_shows(tmp_path, does, whose, validates, must):
    chain, _ = Authority(tmp_path).issue(["other.example" if does == "wrong name" else "one.dane.test"])
    key = hashlib.sha256(describe(chain[0 if whose == "own" else 1].public_bytes(Encoding.DER)).spki).digest()
    held = {("_25._tcp.one.dane.test", "TLSA"): [bytes((2 if whose == "issuer" else 3, 1, 1)) + key]}
    world = Validating(World.zones(FILES, only=True), unsigned=UNSIGNED, octets=held, validates=validates, now=datetime.now(UTC))
    world.greeter = Host(does, chain)
    try:
        report = scan("works.dane.test", world=world, topics=["dane", "starttls"], starttls=True)
    finally:
        world.close()
    assert codes(report) & ALL == must
    assert {f.status for f in report.findings if f.code in ("DAN012", "DAN014")} <= {Status.FAIL if validates else Status.WARN}
    for finding in report.findings:
        if finding.code in ALL:
            assert finding.evidence
            assert "{" not in catalog().checks[finding.code].message.format(**finding.values)


PARSED = [
    ("3 1 1 " + "ab" * 32, ""),
    ("3 1 2 " + "ab" * 64, ""),
    ("2 0 1 " + "AB" * 32, ""),
    ("3 1 0 " + "ab" * 91, ""),
    ("3 1 1 " + "ab" * 31, "length"),
    ("3 1 1 " + "ab" * 33, "length"),
    ("3 1 2 " + "ab" * 32, "length"),
    ("3 1 1", "length"),
    ("3 1 0 abcd", "full"),
    ("0 0 1 " + "ab" * 32, "pkix"),
    ("1 1 1 " + "ab" * 32, "pkix"),
    ("4 1 1 " + "ab" * 32, "usage"),
    ("255 1 1 " + "ab" * 32, "usage"),
    ("3 2 1 " + "ab" * 32, "selector"),
    ("3 1 3 " + "ab" * 32, "matching"),
]


@pytest.mark.parametrize(("value", "problem"), PARSED)
def test_one_record(value, problem):
    found = parse(value)
    assert found is not None
    assert found.problem == problem


@pytest.mark.parametrize("value", ["", "3 1", "x 1 1 ab", "-1 1 1 ab"])
def test_what_is_no_record(value):
    assert parse(value) is None
