"""DNSSEC and DANE as they are really served: NSD with a signed zone above signed, broken and unsigned ones; unbound, which validates, and one that does not."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.dnssec
import dns.name
import dns.zone
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from healthcheck.edge.world import World
from healthcheck.model import Outcome, Secure, Status
from healthcheck.scan import scan

from .servers import Servers, find

pytestmark = pytest.mark.real

HEAD = "$ORIGIN {0}.\n$TTL 300\n@ IN SOA ns1.{0}. hostmaster.{0}. 1 7200 3600 1209600 300\n@ IN NS ns1.{0}.\nns1.{0}. IN A 192.0.2.53\n"
MAIL = '@ IN MX 10 mx\nmx IN A 192.0.2.10\n@ IN TXT "v=spf1 mx -all"\n'
TLSA = "_25._tcp.mx IN TLSA 3 1 1 " + "ab" * 32 + "\n"
BODIES = {
    "good.test": MAIL + TLSA + "_25._tcp.mx IN TLSA 3 1 1 " + "cd" * 32 + "\nshop IN MX 10 mx\nbare IN A 192.0.2.11\nwithout IN MX 10 bare\n",
    "soon.test": MAIL,
    "expired.test": MAIL + TLSA,
    "early.test": MAIL,
    "forged.test": MAIL + TLSA,
    "moved.test": MAIL,
    "stripped.test": MAIL,
    "plain.test": MAIL + TLSA,
    "island.test": MAIL,
    "hosted.test": "@ IN MX 10 mx.good.test.\n",
    "half.test": "@ IN MX 10 mx.good.test.\n@ IN MX 20 mx.expired.test.\n",
    "probe.test": "@ IN A 192.0.2.99\n",
}
SIGNED = ("good.test", "soon.test", "expired.test", "early.test", "forged.test", "moved.test", "island.test", "half.test", "probe.test")
LINKED = (*(name for name in SIGNED if name != "island.test"), "stripped.test")
# days before and after now
VALID = {"expired.test": (-30, -2), "early.test": (2, 30), "soon.test": (-13, 1)}


def new_key():
    private = ec.generate_private_key(ec.SECP256R1())
    return private, dns.dnssec.make_dnskey(private.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, flags=257)


def sign(text, origin, target, pair, since=-1, until=20):
    zone = dns.zone.from_text(text, origin=origin, relativize=False)
    now = datetime.now(UTC)
    with zone.writer() as transaction:
        dns.dnssec.sign_zone(
            zone, transaction, keys=[pair], inception=now + timedelta(days=since), expiration=now + timedelta(days=until), add_dnskey=True, dnskey_ttl=300,
            deterministic=False,
        )  # fmt: skip
    zone.to_file(str(target), relativize=False)


def ds(origin, key):
    return f"{origin}. IN DS {dns.dnssec.make_ds(dns.name.from_text(origin), key, dns.dnssec.DSDigest.SHA256).to_text()}"


def write(folder):
    """The zone files; the trust anchor of the zone above."""
    zones, above = {}, HEAD.format("test")
    for origin, body in BODIES.items():
        path, pair = folder / f"{origin}.zone", new_key()
        text = HEAD.format(origin) + body
        above += f"{origin}. IN NS ns1.{origin}.\n"
        if origin in SIGNED:
            sign(text, origin, path, pair, *VALID.get(origin, ()))
        else:
            path.write_text(text)
        if origin in LINKED:
            # a DS of another key: what is left at the registrar after a move
            above += ds(origin, new_key()[1] if origin in ("moved.test", "probe.test") else pair[1]) + "\n"
        if origin == "forged.test":
            signed = path.read_text()
            assert " 10 mx.forged.test." in signed
            path.write_text(signed.replace(" 10 mx.forged.test.", " 10 mx.plain.test."))
        zones[origin] = path
    pair = new_key()
    zones["test"] = folder / "test.zone"
    sign(above, "test", zones["test"], pair)
    return zones, ds("test", pair[1])


@pytest.fixture(scope="module")
def resolvers():
    missing = [name for name in ("nsd", "unbound") if not find(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian's packages of these names)")
    with tempfile.TemporaryDirectory(prefix="healthcheck-") as name:
        folder = Path(name)
        (folder / "plain").mkdir()
        zones, anchor = write(folder)
        with Servers(folder) as running, Servers(folder / "plain") as others:
            nsd = running.nsd(zones)
            stubs = dict.fromkeys(zones, nsd)
            yield {"validating": running.unbound(stubs, {"test": anchor}, "plain.test"), "plain": others.unbound(stubs, {}, "plain.test")}


@pytest.fixture
def look(resolvers):
    worlds = []

    def at(domain, resolver="validating", topics=("dnssec", "dane")):
        world = World.live([f"127.0.0.1:{resolvers[resolver]}"], bogus_probe="probe.test")
        worlds.append(world)
        return scan(domain, world=world, topics=topics)

    yield at
    for world in worlds:
        world.close()


def codes(report):
    return {f.code for f in report.findings if f.code[:3] in ("SEC", "DAN")}


STATES = [
    ("good.test", "secure", "", {"SEC011", "DAN010", "DAN011"}),
    ("shop.good.test", "secure", "", {"SEC011", "DAN010", "DAN011"}),
    ("without.good.test", "secure", "", {"SEC011", "DAN001"}),
    ("soon.test", "secure", "", {"SEC011", "SEC010", "DAN001"}),
    ("expired.test", "bogus", "expired", {"SEC002", "DAN000"}),
    ("early.test", "bogus", "not-yet", {"SEC002", "DAN000"}),
    ("forged.test", "bogus", "wrong-signature", {"SEC002", "DAN000"}),
    ("moved.test", "bogus", "no-key", {"SEC002", "DAN000"}),
    ("stripped.test", "bogus", "no-signature", {"SEC002", "DAN000"}),
    ("plain.test", "insecure", "", {"SEC001", "DAN003"}),
    ("island.test", "insecure", "", {"SEC004", "DAN001"}),
    ("hosted.test", "insecure", "", {"SEC001", "DAN002", "DAN011"}),
    ("half.test", "secure", "", {"SEC011", "SEC013", "DAN000", "DAN010", "DAN011"}),
]


@pytest.mark.parametrize(("domain", "state", "reason", "must"), STATES, ids=[case[0] for case in STATES])
def test_the_states(look, resolvers, domain, state, reason, must):
    report = look(domain)
    facts = report.facts["dnssec"]
    assert (facts["state"], facts["reason"]) == (state, reason)
    assert facts["resolver"] == {"server": f"127.0.0.1:{resolvers['validating']}", "validates": True, "probe": "probe.test"}
    assert codes(report) == must


@pytest.mark.parametrize("domain", [case[0] for case in STATES])
def test_a_resolver_that_does_not_validate_says_nothing_of_the_state(look, domain):
    report = look(domain, "plain")
    facts = report.facts["dnssec"]
    assert (facts["state"], facts["reason"], facts["resolver"]["validates"]) == ("unknown", "not-validating", False)
    assert {f.status for f in report.findings if f.code == "SEC000"} == {Status.UNKNOWN}
    assert not codes(report) & {"SEC001", "SEC002", "SEC004", "SEC011", "DAN002", "DAN003", "DAN004", "DAN005", "DAN008", "DAN010"}
    # what contradicts itself is seen by anybody
    assert ("SEC003" in codes(report)) is (domain in ("moved.test", "stripped.test"))


def test_the_records_are_shown_as_they_are_published(look):
    report = look("good.test")
    answers = {(a.name, a.rtype): a for a in report.transcript}
    tlsa = answers["_25._tcp.mx.good.test", "TLSA"]
    assert set(tlsa.values) == {"3 1 1 " + "ab" * 32, "3 1 1 " + "cd" * 32}
    assert tlsa.secure is Secure.YES
    assert tlsa.signatures[0].startswith("TLSA 13 ")
    assert answers["good.test", "DNSKEY"].values[0].startswith("257 3 13 ")
    assert report.facts["dnssec"]["linked"] is True
    assert report.facts["dnssec"]["keys"][0]["tag"] == report.facts["dnssec"]["ds"][0]["tag"]


def test_what_is_broken_holds_no_value_but_says_why(look):
    report = look("expired.test")
    soa = next(a for a in report.transcript if a.rtype == "SOA")
    assert soa.outcome is Outcome.BOGUS
    assert soa.values == ()
    assert soa.unchecked
    assert soa.signatures
    assert not [f for f in report.findings if f.code == "DAN001"]


def test_the_state_does_not_depend_on_what_was_scanned_before(resolvers):
    world = World.live([f"127.0.0.1:{resolvers['validating']}"], bogus_probe="probe.test")
    try:
        seen = [scan(domain, world=world, topics=["dnssec"]).facts["dnssec"]["state"] for domain in ("plain.test", "good.test", "plain.test", "expired.test")]
    finally:
        world.close()
    assert seen == ["insecure", "secure", "insecure", "bogus"]
