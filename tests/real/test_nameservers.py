"""Nameservers that differ, as they really answer: NSD on several loopback addresses and one port, seen through unbound and asked directly."""

import socket
import tempfile
import time
from pathlib import Path

import pytest

from healthcheck.edge.guard import PUBLIC, Policy
from healthcheck.edge.world import World
from healthcheck.model import Outcome, Question, Status
from healthcheck.scan import scan

from .servers import Servers, find, free_port

pytestmark = pytest.mark.real

SOA = "$ORIGIN {0}.\n$TTL 300\n@ IN SOA ns1.hosts.test. hostmaster.{0}. {1} 7200 3600 1209600 300\n"
MAIL = '@ IN MX 10 mx.hosts.test.\n@ IN TXT "v=spf1 mx -all"\n'
HOSTS = "@ IN NS ns1\nmx IN A 192.0.2.10\n" + "".join(f"ns{n} IN A 127.0.0.{n + 1}\n" for n in range(1, 7))
# 127.0.0.2 and .3 hold the zones, .4 other ones, .5 is another server that has none of them, .6 keeps silent, .7 holds the zone above alone
NAMED = {"same.test": (1, 2), "differing.test": (1, 3), "lame.test": (1, 4), "dead.test": (1, 5), "long.test": (1, 2)}
PARENT = "@ IN NS ns6.hosts.test.\n" + "".join(f"{zone.removesuffix('.test')} IN NS ns{n}.hosts.test.\n" for zone, ns in NAMED.items() for n in ns)
LOOPBACK = "127.0.0.0/8"


def text_of(zone, serial=1, mail=MAIL):
    return SOA.format(zone, serial) + "".join(f"@ IN NS ns{n}.hosts.test.\n" for n in NAMED[zone]) + mail


class Nsd(Servers):
    """NSD at addresses of its own, all on one port."""

    def at(self, port: int, addresses: tuple[str, ...], zones: dict[str, str]) -> None:
        config = ["server:", *(f"  ip-address: {a}@{port}" for a in addresses), "  server-count: 1", '  username: ""', '  chroot: ""']
        config += [f'  zonesdir: "{self.folder}"', f'  pidfile: "{self.folder}/nsd.pid"', f'  xfrdfile: "{self.folder}/xfrd.state"']
        config += [f'  zonelistfile: "{self.folder}/zone.list"', '  database: ""', "  rrl-ratelimit: 0", "remote-control:", "  control-enable: no"]
        for zone, text in zones.items():
            (self.folder / f"{zone}.zone").write_text(text)
            config += ["zone:", f'  name: "{zone}"', f'  zonefile: "{zone}.zone"']
        path = self.folder / "nsd.conf"
        path.write_text("\n".join(config) + "\n")
        process = self.start("nsd", find("nsd") or "nsd", "-d", "-c", str(path))
        self._until_it_answers(process, addresses[0], port)

    def _until_it_answers(self, process, address, port):
        import dns.exception
        import dns.message
        import dns.query

        until = time.monotonic() + 10
        while time.monotonic() < until and process.poll() is None:
            try:
                dns.query.udp(dns.message.make_query("test", "SOA"), address, port=port, timeout=0.3)
                return
            except (dns.exception.DNSException, OSError):
                time.sleep(0.05)
        raise RuntimeError("nsd does not answer:\n" + (self.folder / "nsd.log").read_text(errors="replace")[-2000:])


@pytest.fixture(scope="module")
def port_and_resolver():
    missing = [name for name in ("nsd", "unbound") if not find(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian's packages of these names)")
    with tempfile.TemporaryDirectory(prefix="healthcheck-") as name:
        folders = [Path(name) / part for part in ("main", "other", "lame", "resolver", "above")]
        for folder in folders:
            folder.mkdir()
        long = MAIL + "".join(f'@ IN TXT "{"x" * 200} {n}"\n' for n in range(20))  # more than a datagram holds
        zones = {zone: text_of(zone, mail=long if zone == "long.test" else MAIL) for zone in NAMED}
        zones |= {"hosts.test": SOA.format("hosts.test", 1) + HOSTS, "test": SOA.format("test", 1) + PARENT}
        other = {"differing.test": text_of("differing.test", mail='@ IN MX 10 old.hosts.test.\n@ IN TXT "v=spf1 ip4:192.0.2.99 -all"\n')}
        port = free_port()
        with Nsd(folders[0]) as main, Nsd(folders[1]) as differing, Nsd(folders[2]) as lame, Servers(folders[3]) as resolver, Nsd(folders[4]) as above:
            # 127.0.0.1 for the resolver's stub zones
            main.at(port, ("127.0.0.1", "127.0.0.2", "127.0.0.3"), zones)
            differing.at(port, ("127.0.0.4",), other)
            lame.at(port, ("127.0.0.5",), {"elsewhere.test": SOA.format("elsewhere.test", 1) + "@ IN NS ns4.hosts.test.\n"})
            above.at(port, ("127.0.0.7",), {"test": zones["test"]})
            at = resolver.unbound({zone: port for zone in zones if zone != "test"} | {"test": port}, {}, "same.test")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
                silent.bind(("127.0.0.6", port))
                yield port, f"127.0.0.1:{at}"


@pytest.fixture
def world(port_and_resolver):
    port, resolver = port_and_resolver
    world = World.live([resolver])
    world.blocklists = ()
    world.guard = Policy(ask=port, also=(LOOPBACK,))
    yield world
    world.close()


def codes(report, *statuses):
    return {f.code for f in report.findings if not statuses or f.status in statuses}


CASES = [
    ("same", {"NSV018", "NSV019"}, {"NSV005", "NSV006", "NSV008", "NSV010", "NSV011", "NSV013", "NSV017", "NSV000"}),
    ("differing", {"NSV010", "NSV011"}, {"NSV019", "NSV012", "NSV000"}),
    ("lame", {"NSV006"}, {"NSV019", "NSV000"}),  # NSD refuses what it does not have
    ("dead", {"NSV008"}, {"NSV019", "NSV000"}),
    ("long", {"NSV019"}, {"NSV007", "NSV000"}),  # over TCP
]


@pytest.mark.parametrize(("name", "must", "must_not"), CASES, ids=[case[0] for case in CASES])
def test_what_real_servers_say(world, name, must, must_not):
    began = time.monotonic()
    report = scan(f"{name}.test", world=world, topics=["nameservers"])
    assert must <= codes(report)
    assert not must_not & codes(report)
    assert time.monotonic() - began < 4
    facts = report.facts["nameservers"]
    assert facts["zone"] == f"{name}.test"
    assert facts["parent"] == sorted(f"ns{n}.hosts.test" for n in NAMED[f"{name}.test"])


def test_a_dead_nameserver_makes_the_whole_scan_no_longer_than_three_seconds(world):
    began = time.monotonic()
    report = scan("dead.test", world=world)
    assert time.monotonic() - began < 4
    assert "NSV008" in codes(report, Status.WARN)
    assert "MX010" in codes(report)


def test_one_question_to_one_server(world):
    with world.open() as session:
        good = session.dns.ask_at("127.0.0.2", "same.test", "MX")
        refused = session.dns.ask_at("127.0.0.5", "same.test", "MX")
        silent = session.dns.ask_at("127.0.0.6", "same.test", "MX")
        missing = session.dns.ask_at("127.0.0.2", "nobody.same.test", "A")
        delegated = session.dns.ask_at("127.0.0.5", "same.elsewhere.test", "NS")
        listed = session.dns.transcript()
    assert (good.outcome, good.values, good.authoritative, good.server) == (Outcome.FOUND, ("10 mx.hosts.test",), True, "127.0.0.2")
    assert refused.outcome is Outcome.REFUSED
    assert silent.outcome is Outcome.TIMEOUT
    assert (missing.outcome, missing.authoritative) == (Outcome.NXDOMAIN, True)
    assert delegated.authoritative
    assert listed == (good, refused, silent, missing, delegated)


def test_the_same_question_to_several_servers_is_several(world):
    with world.open() as session:
        answers = session.dns.ask_all([Question("differing.test", "TXT"), *(Question("differing.test", "TXT", at=f"127.0.0.{n}") for n in (2, 4))])
        again = session.dns.ask_at("127.0.0.4", "differing.test", "TXT")
        assert session.dns.timing().questions == 3
    assert [a.values for a in answers] == [("v=spf1 mx -all",), ("v=spf1 mx -all",), ("v=spf1 ip4:192.0.2.99 -all",)]
    assert again == answers[2]
    assert answers[0].authoritative is None


# ------------------------------------------------------------------ the guard


@pytest.mark.parametrize("address", ["127.0.0.2", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.2", "64:ff9b::7f00:2", "2002:7f00:2::1", "224.0.0.1", "0.0.0.0", "127.2", "0x7f000002", "localhost", ""])  # fmt: skip
def test_what_is_not_public_gets_no_packet(port_and_resolver, monkeypatch, address):
    _, resolver = port_and_resolver
    reached = []
    connect = socket.socket.connect

    def counted(self, where):
        reached.append(where)
        return connect(self, where)

    monkeypatch.setattr(socket.socket, "connect", counted)
    world = World.live([resolver])
    try:
        with world.open() as session:
            if address:
                answer = session.dns.ask_at(address, "same.test", "SOA")
                assert answer.outcome is Outcome.NOT_ASKED
                assert answer.detail
            assert [where for where in reached if f"{where[0]}:{where[1]}" != resolver] == []
    finally:
        world.close()


def test_a_scan_asks_no_server_of_the_network_it_runs_in(port_and_resolver, monkeypatch):
    """The zone names servers on loopback: with the policy of every live World none of them gets a packet."""
    _, resolver = port_and_resolver
    reached = []
    connect = socket.socket.connect

    def counted(self, where):
        reached.append(f"{where[0]}:{where[1]}")
        return connect(self, where)

    monkeypatch.setattr(socket.socket, "connect", counted)
    world = World.live([resolver])
    world.blocklists = ()
    try:
        assert world.guard is PUBLIC
        report = scan("same.test", world=world, topics=["nameservers"])
    finally:
        world.close()
    assert set(reached) == {resolver}
    assert "NSV017" in codes(report)
    assert not {"NSV018", "NSV019"} & codes(report)
