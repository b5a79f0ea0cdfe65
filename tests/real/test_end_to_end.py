"""A scan through real servers: unbound validates and asks NSD (a signed and an unsigned zone) and rbldnsd (two blocklists)."""

import tempfile
from pathlib import Path

import pytest

from healthcheck.catalog import Blocklist
from healthcheck.edge.world import World
from healthcheck.model import Outcome, Secure, Status
from healthcheck.scan import scan

from .servers import Servers, find, sign

pytestmark = pytest.mark.real

KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtV452445A/+6ClVyT9U3NYR+aNHxYdBO0BmGhjLaRV7GdOVyzLUggKmCkTBt+kUhysoF5iOsinnoVtB5Y88wZVlo119ot92MT3i3"
    "Q+b/qID78ORGOmt6NQ6/EAkYzYXA1J2WvX54f4ax7495uy452Jq9OEMljhbInxD4MtlceW0Tm/vK23NSXC+qT7OAnjObzlBXwQeUuTR1xl7O0GQMUDWnazhJPl1M2JfqhzmTMhLfrS3KGFfU"
    "yayH+FyYHFrI51xGRbovR0uJoXhhbQD74p304CR6XPG6rF3EPz/B3+gKVR/0fVDf0qnN7bVo5h2DRvsNLucpbc25awFcS/tNZQIDAQAB"
)
HEAD = "$ORIGIN {0}.\n$TTL 300\n@ IN SOA ns1.{0}. hostmaster.{0}. 1 7200 3600 1209600 300\n@ IN NS ns1.{0}.\nns1.{0}. IN A 192.0.2.53\n"
MAIL = f"""@ IN MX 10 mx1
@ IN MX 20 mx2
mx1 IN A 192.0.2.10
mx2 IN A 192.0.2.11
mail IN A 192.0.2.25
@ IN TXT "v=spf1 mx ip4:192.0.2.25 -all"
_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@signed.test"
s1._domainkey IN TXT "v=DKIM1; k=rsa; p={KEY[:200]}" "{KEY[200:]}"
"""
PLAIN = """@ IN MX 10 mx
mx IN A 192.0.2.66
@ IN TXT "v=spf1 ip4:192.0.2.66 ~all"
"""
REVERSE = """25 IN PTR mail.signed.test.
66 IN PTR mx.plain.test.
"""
LISTS = (
    Blocklist(zone="bl.lists.test", name="A list of addresses", kind="ip", weight="high", source="-", seen="2026-11", codes={"127.0.0.2": "sends spam"}),
    Blocklist(zone="dbl.lists.test", name="A list of domains", kind="domain", weight="high", source="-", seen="2026-11", codes={"127.0.1.2": "spam"}),
)


@pytest.fixture(scope="module")
def servers():
    missing = [name for name in ("nsd", "unbound", "rbldnsd") if not find(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian's packages of these names)")
    # not pytest's own folder, which is its user's alone: rbldnsd gives up root before it reads
    with tempfile.TemporaryDirectory(prefix="healthcheck-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield from _run(folder)


def _run(folder):
    zones, anchors = {}, {}
    for origin, body in {"signed.test": MAIL, "bogus.test": "@ IN A 192.0.2.99\n", "plain.test": PLAIN, "2.0.192.in-addr.arpa": REVERSE}.items():
        plain = folder / f"{origin}.zone"
        plain.write_text(HEAD.format(origin) + body)
        zones[origin] = plain
        if origin in ("signed.test", "bogus.test"):
            zones[origin] = folder / f"{origin}.signed"
            anchors[origin] = sign(plain, origin, zones[origin])
    # the anchor of bogus.test belongs to another key: nothing there can be validated
    anchors["bogus.test"] = sign(folder / "bogus.test.zone", "bogus.test", folder / "unused.signed")
    soa = "$SOA 300 ns1.lists.test hostmaster.lists.test 1 600 300 86400 300\n$NS 300 ns1.lists.test\n"
    (folder / "bl.ip4").write_text(f":127.0.0.2:listed\n{soa}127.0.0.2\n192.0.2.66\n")
    (folder / "dbl.names").write_text(f":127.0.1.2:listed\n{soa}test\nplain.test\n")
    with Servers(folder) as running:
        nsd = running.nsd(zones)
        rbldnsd = running.rbldnsd({"bl.lists.test": ("ip4set", folder / "bl.ip4"), "dbl.lists.test": ("dnset", folder / "dbl.names")})
        stubs = {**dict.fromkeys(zones, nsd), "bl.lists.test": rbldnsd, "dbl.lists.test": rbldnsd}
        yield running.unbound(stubs, anchors, "plain.test")


@pytest.fixture
def world(servers):
    world = World.live(nameservers=[f"127.0.0.1:{servers}"], bogus_probe="bogus.test")
    world.blocklists = LISTS
    yield world
    world.close()


def codes(report, *statuses):
    return {f.code for f in report.findings if not statuses or f.status in statuses}


def test_a_signed_zone_with_everything_in_order(world):
    report = scan("signed.test", ips=["192.0.2.25"], selectors=["s1"], world=world)
    assert not codes(report, Status.FAIL, Status.UNKNOWN)
    assert {"MX010", "PTR005", "DBL008"} <= codes(report)
    answers = {(a.name, a.rtype): a for a in report.transcript}
    assert answers["signed.test", "MX"].secure is Secure.YES
    assert answers["signed.test", "TXT"].secure is Secure.YES
    assert report.facts["spf"]["verdicts"]["192.0.2.25"]["result"] == "pass"
    assert report.facts["dnsbl"]["listed"] is False
    assert report.timing.questions == report.timing.distinct
    assert report.timing.elapsed_ms < 5000


def test_an_unsigned_zone_on_both_blocklists(world):
    report = scan("plain.test", ips=["192.0.2.66"], world=world)
    assert {"DBL001", "DBL004"} <= codes(report, Status.FAIL)
    answers = {(a.name, a.rtype): a for a in report.transcript}
    assert answers["plain.test", "MX"].secure is not Secure.YES
    assert report.facts["dnsbl"]["listed"] is True
    assert {(x["zone"], x["subject"], x["state"]) for x in report.facts["dnsbl"]["lists"]} == {
        ("bl.lists.test", "192.0.2.66", "listed"),
        ("dbl.lists.test", "plain.test", "listed"),
    }


def test_a_name_that_is_not_there(world):
    assert "DOM001" in codes(scan("nobody.signed.test", world=world), Status.FAIL)


def test_broken_dnssec_is_unknown_and_never_absent(world):
    report = scan("bogus.test", world=world, topics=["mx", "spf", "dmarc"])
    assert report.verdict is Status.UNKNOWN
    assert not codes(report, Status.FAIL)
    assert {a.outcome for a in report.transcript if a.name == "bogus.test"} == {Outcome.BOGUS}
