"""Blocklists as they are really served, by rbldnsd on loopback: one that works (IPv4 and IPv6), one that refuses, one that lists the
world, one whose domain lapsed into a parking page, one that was emptied, and lists of domains with codes and with bits."""

import tempfile
from pathlib import Path

import pytest

from healthcheck.edge.world import World
from healthcheck.model import Status
from healthcheck.model.lists import Blocklist
from healthcheck.scan import scan

from .servers import Servers, find

pytestmark = pytest.mark.real

SOA = "$SOA 300 ns1.lists.test hostmaster.lists.test 1 600 300 86400 300\n$NS 300 ns1.lists.test\n"
FILES = {
    "bl": ("combined", f"{SOA}$DATASET ip4set:four @\n:127.0.0.2:sends spam\n127.0.0.2\n192.0.2.66\n198.51.100.0/28 :127.0.0.10:policy\n"
           "$DATASET ip6trie:six @\n:127.0.0.2:sends spam\n2001:db8::66\n"),
    "refusing": ("ip4trie", f":127.255.255.254:public resolver\n{SOA}0.0.0.0/0\n"),
    "world": ("ip4trie", f":127.0.0.2:listed\n{SOA}0.0.0.0/0\n"),
    "parked": ("ip4trie", f":203.0.113.80:a parking page\n{SOA}0.0.0.0/0\n"),
    "empty": ("ip4set", f":127.0.0.2:listed\n{SOA}"),
    "names": ("dnset", f":127.0.1.2:spam\n{SOA}test\n.bad.test\n"),
    "bits": ("dnset", f":127.0.0.2:black\n{SOA}test :127.0.0.14:all\nbad.test :127.0.0.6:black and grey\nblocked.test :127.0.0.1:refused\n"),
}  # fmt: skip


def row(name, kind="ip", **more):
    return Blocklist(zone=f"{name}.lists.test", name=name, kind=kind, weight="high", source="-", seen="2026-11", **more)


CODES = {"127.0.0.2": "spam", "127.0.0.10": "policy"}
ROWS = {
    "bl": row("bl", codes=CODES, ipv6=True),
    "refusing": row("refusing", codes=CODES, refusals={"127.255.255.254": "a public resolver"}, clouds="This list refuses public resolvers."),
    **{name: row(name, codes=CODES) for name in ("world", "parked", "empty")},
    "names": row("names", "domain", codes={"127.0.1.2": "spam"}),
    "bits": row("bits", "domain", bitmask=True, codes={"bit 2": "black", "bit 4": "grey", "bit 8": "red"}, refusals={"bit 1": "blocked"}),
}


@pytest.fixture(scope="module")
def server():
    if not find("rbldnsd"):
        pytest.skip("not installed: rbldnsd (Debian's package of this name)")
    with tempfile.TemporaryDirectory(prefix="healthcheck-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # rbldnsd gives up root before it reads
        for key, (_, text) in FILES.items():
            (folder / key).write_text(text)
        with Servers(folder) as running:
            yield running.rbldnsd({f"{key}.lists.test": (kind, folder / key) for key, (kind, _) in FILES.items()})


@pytest.fixture
def look(server):
    worlds = []

    def at(domain, *names, **options):
        world = World.live([f"127.0.0.1:{server}"])
        world.blocklists = tuple(ROWS[name] for name in names)
        worlds.append(world)
        return scan(domain, world=world, topics=["dnsbl"], **options)

    yield at
    for world in worlds:
        world.close()


def states(report):
    return {(x["name"], x["subject"]): (x["state"], x["reason"]) for x in report.facts["dnsbl"]["lists"]}


@pytest.mark.parametrize(
    ("name", "ip", "state", "reason"),
    [
        ("bl", "192.0.2.66", "listed", None),
        ("bl", "198.51.100.5", "listed", None),
        ("bl", "192.0.2.99", "not-listed", None),
        ("bl", "2001:db8::66", "listed", None),
        ("bl", "2001:db8::99", "not-listed", None),
        ("refusing", "192.0.2.66", "refused", "refused"),
        ("world", "192.0.2.66", "unknown", "self-test"),
        ("parked", "192.0.2.66", "unknown", "rewritten"),
        ("empty", "192.0.2.66", "unknown", "self-test"),
    ],
)
def test_the_four_states_of_an_address(look, name, ip, state, reason):
    report = look("good.test", name, ips=[ip])
    assert states(report)[name, ip] == (state, reason)
    found = {f.code for f in report.findings}
    assert ("DBL001" in found) is (state == "listed")
    assert ("DBL008" in found) is (state == "not-listed")


@pytest.mark.parametrize(
    ("name", "domain", "state"),
    [
        ("names", "bad.test", "listed"),
        ("names", "good.test", "not-listed"),
        ("bits", "bad.test", "listed"),
        ("bits", "blocked.test", "refused"),
        ("bits", "good.test", "not-listed"),
    ],
)
def test_the_states_of_a_domain(look, name, domain, state):
    assert states(look(domain, name))[name, domain][0] == state


def test_all_of_them_at_once_claim_nothing_that_is_false(look):
    report = look("good.test", *ROWS, ips=["192.0.2.99"])
    assert report.facts["dnsbl"]["listed"] is None
    found = {f.code: f.status for f in report.findings}
    assert not {"DBL001", "DBL004", "DBL008"} & set(found)
    assert found["DBL011"] is Status.UNKNOWN
    assert {"DBL005", "DBL006", "DBL007", "DBL010"} <= set(found)


def test_the_servers_answer_as_these_lists_do(look):
    """What the other cases rest on: the list that lists the world does list both test points, and so on."""
    answers = {a.name: a.values for a in look("good.test", *ROWS, ips=["192.0.2.99"]).transcript}
    assert answers["1.0.0.127.world.lists.test"] == answers["2.0.0.127.world.lists.test"] == ("127.0.0.2",)
    assert answers["99.2.0.192.refusing.lists.test"] == ("127.255.255.254",)
    assert answers["99.2.0.192.parked.lists.test"] == ("203.0.113.80",)
    assert answers["2.0.0.127.empty.lists.test"] == ()


def test_self_tests_are_asked_once_for_many_scans(server):
    world = World.live([f"127.0.0.1:{server}"])
    world.blocklists = (ROWS["bl"],)
    first = scan("good.test", world=world, topics=["dnsbl"], ips=["192.0.2.99"])
    second = scan("good.test", world=world, topics=["dnsbl"], ips=["192.0.2.99"])
    world.close()
    assert first.timing.questions - second.timing.questions >= 2
    assert states(first) == states(second)
