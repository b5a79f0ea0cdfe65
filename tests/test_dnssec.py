"""Topic dnssec: each code has a world where it must appear, and one where it must not. Real servers: tests/real/test_dnssec.py."""

import json
from pathlib import Path

import pytest
from support.faults import WORDS, Faults
from support.validating import Validating

from healthcheck.catalog import catalog
from healthcheck.checks.dnssec.records import ds_of, keys_of
from healthcheck.edge.world import World
from healthcheck.model import Outcome, Status
from healthcheck.render.json import report as as_json
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
FILES = [WORLDS / "dnssec.zone", WORLDS / "dnssec-parent.zone"]
UNSIGNED = {"plain.dnssec.test", "island.dnssec.test"}
BROKEN = {
    "*.expired.dnssec.test",
    "*.early.dnssec.test",
    "*.moved.dnssec.test",
    "*.stripped.dnssec.test",
    "*.emptied.dnssec.test",
    ("forged.dnssec.test", "MX"),
}


def world_of(**options):
    return Validating(World.zones(FILES, only=True), **{"unsigned": UNSIGNED, "bogus": BROKEN} | options)


def look(world, domain, topics=("dnssec",)):
    try:
        report = scan(domain, world=world, topics=topics)
    finally:
        world.close()
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            text.format(**finding.values)
        assert "None" not in row.message.format(**finding.values)
    return report


def codes(report):
    return {f.code for f in report.findings}


ALL = {code for code, row in catalog().checks.items() if row.topic == "dnssec"}

# name, what the resolver does otherwise, state, reason, codes that must appear (those of the topic that may not: all others)
CASES = [
    ("good", {}, "secure", "", {"SEC011"}),
    ("plain", {}, "insecure", "", {"SEC001"}),
    ("island", {}, "insecure", "", {"SEC004"}),
    ("expired", {}, "bogus", "expired", {"SEC002"}),
    ("early", {}, "bogus", "not-yet", {"SEC002"}),
    ("moved", {}, "bogus", "no-key", {"SEC002"}),
    ("stripped", {}, "bogus", "no-signature", {"SEC002"}),
    ("forged", {}, "bogus", "wrong-signature", {"SEC002"}),
    ("emptied", {}, "bogus", "no-signature", {"SEC002"}),
    ("old", {}, "secure", "", {"SEC005", "SEC006", "SEC007", "SEC008", "SEC011"}),
    ("old", {"unsigned": {"old.dnssec.test"}}, "insecure", "", {"SEC005", "SEC006", "SEC007", "SEC008", "SEC014"}),
    ("short", {}, "secure", "", {"SEC006", "SEC007", "SEC011"}),
    ("odd", {}, "secure", "", {"SEC008", "SEC011"}),
    ("hashed", {}, "secure", "", {"SEC009", "SEC011"}),
    ("costly", {}, "secure", "", {"SEC009", "SEC011"}),
    ("best", {}, "secure", "", {"SEC011"}),
    ("soon", {}, "secure", "", {"SEC010", "SEC011"}),
    ("fresh", {}, "secure", "", {"SEC011"}),
    ("hosts", {}, "secure", "", {"SEC011", "SEC013"}),
    ("onehost", {}, "secure", "", {"SEC011", "SEC013"}),
    # a resolver that does not validate
    ("good", {"validates": False}, "unknown", "not-validating", {"SEC000"}),
    ("plain", {"validates": False}, "unknown", "not-validating", {"SEC000"}),
    ("island", {"validates": False}, "unknown", "not-validating", {"SEC000"}),
    ("expired", {"validates": False}, "unknown", "not-validating", {"SEC000"}),
    ("moved", {"validates": False}, "unknown", "not-validating", {"SEC000", "SEC003"}),
    ("emptied", {"validates": False}, "unknown", "not-validating", {"SEC000", "SEC003"}),
    ("unread", {"validates": False}, "unknown", "not-validating", {"SEC000"}),
    ("good", {"validates": None}, "unknown", "not-shown", {"SEC000"}),
]
TABLES = [(must, ALL - must) for *_, must in CASES]


@pytest.mark.parametrize(("name", "options", "state", "reason", "must"), CASES, ids=[f"{c[0]}-{'-'.join(sorted(c[4]))}-{c[3]}" for c in CASES])
def test_the_state_and_what_is_said(name, options, state, reason, must):
    report = look(world_of(**options), f"{name}.dnssec.test")
    assert codes(report) == must
    facts = report.facts["dnssec"]
    assert (facts["state"], facts["reason"]) == (state, reason)
    assert facts["resolver"]["server"] == "192.0.2.53"
    assert facts["zone"] == f"{name}.dnssec.test" or state == "bogus"
    json.dumps(as_json(report))


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("plain", "SEC001", Status.NOTE),
        ("island", "SEC004", Status.NOTE),
        ("expired", "SEC002", Status.FAIL),
        ("old", "SEC006", Status.WARN),
        ("short", "SEC006", Status.NOTE),
        ("old", "SEC007", Status.NOTE),
        ("short", "SEC007", Status.WARN),
        ("hashed", "SEC009", Status.NOTE),
        ("costly", "SEC009", Status.WARN),
        ("hosts", "SEC013", Status.WARN),
        ("onehost", "SEC013", Status.FAIL),
    ],
)
def test_how_bad_it_is(name, code, status):
    assert {f.status for f in look(world_of(), f"{name}.dnssec.test").findings if f.code == code} == {status}


def test_the_words_name_the_resolver_the_proof_and_the_keys():
    finding = next(f for f in look(world_of(), "good.dnssec.test").findings if f.code == "SEC011")
    said = catalog().checks["SEC011"].message.format(**finding.values)
    assert said.startswith("192.0.2.53 validates DNSSEC (it refuses bogus.invalid) and takes good.dnssec.test for secure. Keys: ECDSAP256SHA256 (")
    said = catalog().checks["SEC010"].message
    finding = next(f for f in look(world_of(), "soon.dnssec.test").findings if f.code == "SEC010")
    assert said.format(**finding.values) == "A signature of soon.dnssec.test ends on 2026-11-23 08:00 UTC, in 20 hours."
    assert [(a.name, a.rtype) for a in finding.evidence] == [("soon.dnssec.test", "RRSIG")] * 2
    finding = next(f for f in look(world_of(), "expired.dnssec.test").findings if f.code == "SEC002")
    said = catalog().checks["SEC002"].message.format(**finding.values)
    assert said == "192.0.2.53 rejects the answer about expired.dnssec.test (SOA, DNSKEY, MX): the signatures have expired (2026-11-01 00:00 UTC)."
    assert "RRSIG" in {a.rtype for a in finding.evidence}


def test_an_unknown_here_does_not_change_the_verdict():
    assert look(world_of(validates=False), "good.dnssec.test").verdict is Status.PASS


def test_a_name_within_a_zone_is_told_by_its_zone():
    for name in ("shop", "deep.down.shop"):
        facts = look(world_of(), f"{name}.good.dnssec.test").facts["dnssec"]
        assert (facts["state"], facts["zone"], facts["linked"]) == ("secure", "good.dnssec.test", True)
        assert len(facts["keys"]) == 2


@pytest.mark.parametrize("fault", ["timeout", "servfail", "refused", "error"])
def test_no_failure_is_called_bogus_or_unsigned(fault):
    report = look(Faults(World.zones(FILES, only=True), **{fault: {"*"}}), "good.dnssec.test")
    assert codes(report) & ALL == {"SEC000"}
    assert (report.facts["dnssec"]["state"], report.facts["dnssec"]["reason"]) == ("unknown", "unanswered")


def test_servfail_from_a_resolver_that_was_not_shown_to_validate_is_no_bogus():
    world = world_of(bogus=(), validates=False)
    broken = Faults(world, servfail={"good.dnssec.test"})
    assert look(broken, "good.dnssec.test").facts["dnssec"]["state"] == "unknown"


@pytest.mark.parametrize(("code", "reason"), [(7, "expired"), (8, "not-yet"), (9, "no-key"), (10, "no-signature"), (6, "unsaid")])
def test_the_resolvers_own_word_for_why(code, reason, monkeypatch):
    monkeypatch.setitem(WORDS, "bogus", (Outcome.BOGUS, f"192.0.2.53: SERVFAIL, extended error {code}"))
    facts = look(Faults(World.zones(FILES, only=True), bogus={"good.dnssec.test"}), "good.dnssec.test").facts["dnssec"]
    assert (facts["state"], facts["reason"]) == ("bogus", reason)


DRAFT = ({"SEC012"}, ALL - {"SEC012"})
OUTSIDE = ({"SEC999"}, ALL - {"SEC999"})
TABLES += [DRAFT, OUTSIDE]


def test_a_draft_is_a_note():
    report = look(World.zones(FILES, only=True), "good.dnssec.test")
    assert codes(report) == DRAFT[0]
    assert report.facts["dnssec"]["state"] == "draft"


def test_outside_the_zone_files_is_a_note():
    report = look(World.zones(FILES, only=True), "elsewhere.example")
    assert {c for c in codes(report) if c.startswith("SEC")} == OUTSIDE[0]
    assert report.verdict is Status.NOTE


def test_what_is_unsigned_stays_so_in_the_first_scan_and_the_next():
    """An answer without AD claims nothing: whether its resolver validates is found out for it."""
    world = world_of()
    states = [scan("plain.dnssec.test", world=world, topics=["dnssec"]).facts["dnssec"]["state"] for _ in range(2)]
    world.close()
    assert states == ["insecure", "insecure"]


# RFC 4034 section 5.4: a key and its DS; RFC 4509 section 2.3: the same key with SHA-256
RFC_KEY = "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw=="
RFC_DS = ["60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"]


def test_the_examples_of_the_standards():
    keys = keys_of([RFC_KEY])
    assert (keys[0].tag, keys[0].bits, keys[0].exponent, keys[0].weak) == (60485, 1024, 3, True)
    assert [entry.matches for entry in ds_of("dskey.example.com", RFC_DS, keys)] == [True, True]
    assert [entry.matches for entry in ds_of("other.example.com", RFC_DS, keys)] == [False, False]


@pytest.mark.parametrize("value", ["", "257", "257 3 13", "257 3 13 !!", "x y z w", "70000 3 13 AAAA", "0 3 13 AAAA", "385 3 13 AAAA", "257 2 13 AAAA"])
def test_what_is_no_key_of_a_zone_is_passed_over(value):
    assert keys_of([value]) == ()
