"""What goes wrong on the way is never called missing, listed or clean."""

import socket
import time
from pathlib import Path

import pytest
from support import Faults
from support.storm import BROKEN

from healthcheck.catalog import DATA, Blocklist, catalog
from healthcheck.edge.world import World
from healthcheck.model import Outcome, Status
from healthcheck.scan import scan

DEMO = sorted((DATA / "demo").glob("*.zone"))
FAULTS = ("servfail", "timeout", "refused", "truncated", "error", "bogus")
ASKED = {"ips": ["203.0.113.77"], "selectors": ["shop"]}
# a NOTE that says something about what was asked for, not about what the DNS holds
HARMLESS = {"PTR004", "PTR006"}


def faulty(**faults):
    return Faults(World.zones(DEMO, only=True), **faults)


def look(world, domain="shop.example", **options):
    try:
        return scan(domain, world=world, **{**ASKED, **options})
    finally:
        world.close()


def codes(report, *statuses):
    return {f.code for f in report.findings if not statuses or f.status in statuses}


@pytest.mark.parametrize("fault", [*FAULTS, "down"])
def test_with_no_answer_at_all_every_topic_says_that_it_could_not_look(fault):
    report = look(faulty(**({"down": True} if fault == "down" else {fault: {"*"}})))
    # that DNSSEC is broken is what a resolver that refuses for it says; nothing else may be made of it
    told = BROKEN & {"SEC002"} if fault == "bogus" else set()
    assert codes(report, Status.FAIL, Status.WARN, Status.PASS) == told, fault
    assert codes(report, Status.NOTE) <= HARMLESS
    assert {name for name, result in report.topics.items() if result.verdict is not Status.UNKNOWN} == ({"dnssec"} if told else set())
    assert report.verdict is (Status.FAIL if told else Status.UNKNOWN)
    assert report.facts["dnsbl"]["listed"] is None
    assert report.facts["ptr"]["fcrdns"] is None


# where it strikes, what may then not be said
ONE = [
    ("mx", {("shop.example", "MX")}, {"MX001", "MX002", "MX003", "DOM001", "MX010"}),
    ("mx-host", {"mx.shop.example"}, {"MX006", "MX007", "MX010"}),
    ("ptr", {"77.113.0.203.in-addr.arpa"}, {"PTR001", "PTR002", "PTR007"}),
    ("ptr-name", {"mail2.shop.example"}, {"PTR002", "PTR007"}),
    ("list", {"77.113.0.203.zen.spamhaus.org"}, {"DBL001"}),
    ("self-test", {"2.0.0.127.zen.spamhaus.org"}, {"DBL001", "DBL006"}),
    ("spf", {("shop.example", "TXT")}, {"DOM001"}),
    ("dmarc", {"_dmarc.shop.example"}, set()),
    ("selector", {"shop._domainkey.shop.example"}, set()),
    ("include", {"_spf.newsletter.example"}, set()),
]
ABSENT = {"spf": "none", "dmarc": "missing"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("where", "places", "must_not"), ONE, ids=[case[0] for case in ONE])
def test_one_fault_is_told_as_unknown(where, places, must_not, fault):
    report = look(faulty(**{fault: places}))
    assert not must_not & codes(report)
    names = {place if isinstance(place, str) else place[0] for place in places}
    failed = {a.name for a in report.transcript if a.unsure}
    assert failed >= names
    # each question that failed is evidence of an UNKNOWN, or of nothing: it may never be the reason for an absence
    rows = catalog().checks
    for finding in report.findings:
        if finding.code in BROKEN and any(a.outcome is Outcome.BOGUS for a in finding.evidence):
            continue
        if finding.status in (Status.FAIL, Status.WARN, Status.PASS) and finding.evidence and all(a.unsure for a in finding.evidence):
            pytest.fail(f"{finding.code} ({rows[finding.code].title}) rests on answers that never came")
    assert [f for f in report.findings if f.status is Status.UNKNOWN and {a.name for a in f.evidence} & names], where


@pytest.mark.parametrize("fault", FAULTS)
def test_lists_that_fail_are_neither_clean_nor_listing(fault):
    zones = [row.zone for row in catalog().blocklists if row.ask]
    report = look(faulty(**{fault: {f"*.{zone}" for zone in zones}}), domain="listed.example", ips=["198.51.100.66"])
    assert {x["state"] for x in report.facts["dnsbl"]["lists"]} == {"unknown"}
    assert not codes(report) & {"DBL001", "DBL002", "DBL003", "DBL004", "DBL008"}
    assert report.topics["dnsbl"].verdict is Status.UNKNOWN


def test_a_failed_self_test_takes_the_word_of_its_list_only():
    report = look(faulty(timeout={"2.0.0.127.zen.spamhaus.org"}), domain="listed.example", ips=["198.51.100.66"])
    states = {(x["zone"], x["subject"]): x["state"] for x in report.facts["dnsbl"]["lists"]}
    assert states["zen.spamhaus.org", "198.51.100.66"] == "unknown"
    assert states["bl.spamcop.net", "198.51.100.66"] == "listed"


def test_a_lying_resolver_is_found_out_by_the_self_test():
    # a resolver that says NXDOMAIN for everything below a list would make every address clean
    report = look(faulty(nxdomain={"*.zen.spamhaus.org"}), domain="listed.example", ips=["198.51.100.66"])
    assert {x["state"] for x in report.facts["dnsbl"]["lists"] if x["zone"] == "zen.spamhaus.org"} == {"unknown"}
    assert "DBL006" in codes(report, Status.UNKNOWN)


def test_with_every_server_silent_a_scan_ends_in_time():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        world = World.live(nameservers=[f"127.0.0.1:{silent.getsockname()[1]}"])
        world.blocklists = (Blocklist(zone="bl.test", name="bl", kind="ip", weight="high", source="-", seen="-"),)
        began = time.monotonic()
        try:
            report = scan("shop.example", world=world, **ASKED)
        finally:
            world.close()
        assert time.monotonic() - began < 16
    assert report.verdict is Status.UNKNOWN
    assert not codes(report, Status.FAIL, Status.WARN, Status.PASS)


def test_without_any_resolver_the_report_says_so_at_once(tmp_path: Path):
    empty = tmp_path / "resolv.conf"
    empty.write_text("# no nameserver\n")
    world = World.live(resolv_conf=str(empty))
    began = time.monotonic()
    report = look(world)
    assert time.monotonic() - began < 2
    assert report.verdict is Status.UNKNOWN
    assert not codes(report, Status.FAIL, Status.WARN, Status.PASS)
    assert any("no resolver" in a.detail for a in report.transcript)
