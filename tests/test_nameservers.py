"""Topic nameservers: worlds are zone files, those that a resolver sees and those that single servers hold."""

import random
import socket
import time
import tomllib
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import dns.flags
import dns.rrset
import pytest
from support import Faults, Nameserver
from support.nameserver import reply_to

from healthcheck.catalog import DATA, catalog
from healthcheck.edge.codec import NS, Reply
from healthcheck.edge.guard import Policy
from healthcheck.edge.line import AT, Ask, Done, Line
from healthcheck.edge.world import World
from healthcheck.edge.zones import ZoneSet
from healthcheck.model import Outcome, Question, Status
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
RESOLVED = WORLDS / "nameservers.zone"
LAME, RESOLVER = "lame", "resolver"
# what each server has, by its address; every other one of 192.0.2.0/24 and 198.51.100.0/24 holds all that a resolver sees
SERVERS: dict[str, object] = {
    "192.0.2.100": WORLDS / "nameservers-top.zone",
    "192.0.2.11": LAME,
    "192.0.2.12": Outcome.REFUSED,
    "192.0.2.13": Outcome.SERVFAIL,
    "192.0.2.14": Outcome.TIMEOUT,
    "192.0.2.15": WORLDS / "nameservers-other.zone",
    "192.0.2.16": WORLDS / "nameservers-old.zone",
    "192.0.2.17": RESOLVER,
    "198.51.100.17": RESOLVER,
}


class Fleet(World):
    """The live DNS as files: what a resolver sees, and what each nameserver says itself (Seam.ask_at)."""

    def __init__(self, resolved: Path = RESOLVED, servers: dict[str, object] = SERVERS) -> None:
        self.resolved = ZoneSet.read([resolved])
        self.servers = {at: ZoneSet.read([has]) if isinstance(has, Path) else has for at, has in servers.items()}
        self.asked: list[Ask] = []
        super().__init__(self, describe="a fleet", nameservers=("192.0.2.53",))
        self.guard = Policy(also=("192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"))
        self.blocklists = ()

    def line(self, until: float) -> Line:
        return _FleetLine(self)


class _FleetLine:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    def close(self) -> None:
        return

    def put(self, ask: Ask, done: Done) -> None:
        fleet = self.fleet
        fleet.asked.append(ask)
        if not ask.at:
            reply = fleet.resolved.answer(ask.name, ask.rtype, False)
            done(Reply(Outcome.SERVFAIL, server="192.0.2.53") if reply is None else replace(reply, draft=False, server="192.0.2.53"))
            return
        if why := ask.policy.permitted(ask.at, ask.policy.ask):
            done(Reply(Outcome.NOT_ASKED, detail=why, server=ask.at))
            return
        has = fleet.servers.get(ask.at, fleet.resolved)
        if isinstance(has, Outcome):
            done(Reply(has, detail=f"{ask.at}: {has.value}", server=ask.at))
        elif has == LAME:
            done(Reply(Outcome.ERROR, detail="lame", server=ask.at, authoritative=False))
        else:
            held = has if isinstance(has, ZoneSet) else fleet.resolved
            done(self._of(held, ask, authoritative=has != RESOLVER))

    @staticmethod
    def _of(held: ZoneSet, ask: Ask, *, authoritative: bool) -> Reply:
        reply = held.answer(ask.name, ask.rtype, False)
        if reply is not None:
            return replace(reply, draft=False, server=ask.at, authoritative=authoritative)
        cut = held.zone_of(ask.name, NS)
        if ask.rtype == NS and cut is not None and (delegation := cut.held(ask.name, NS, False)):
            return replace(delegation, draft=False, server=ask.at, authoritative=False)
        return Reply(Outcome.ERROR, detail="lame", server=ask.at, authoritative=False)


def look(domain, world=None, **more):
    world = world or Fleet()
    report = scan(domain, world=world, topics=["nameservers"], **more)
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            text.format(**finding.values)  # a slot without its value raises KeyError
    return report


def codes(report, *statuses):
    return {f.code for f in report.findings if not statuses or f.status in statuses}


QUIET = {f"NSV{n:03}" for n in range(18)} | {"NSV020", "NSV021", "NSV999"}
CASES = [
    ("good", {"NSV018", "NSV019"}, QUIET),
    ("sub.good", {"NSV018", "NSV019"}, QUIET),
    ("deep.sub.good", {"NSV018", "NSV019"}, QUIET),
    ("web.good", {"NSV018", "NSV019"}, QUIET),
    ("cut.sub.good", {"NSV001", "NSV019"}, {"NSV018", "NSV013"}),
    ("six", {"NSV018", "NSV019"}, QUIET),
    ("alone", {"NSV001"}, {"NSV018", "NSV002"}),
    ("gone", {"NSV002", "NSV019"}, {"NSV018", "NSV001", "NSV000"}),
    ("all-gone", {"NSV002"}, {"NSV018", "NSV019"}),
    ("aliased", {"NSV003", "NSV019"}, {"NSV018", "NSV014"}),
    ("together", {"NSV004", "NSV018"}, {"NSV001"}),
    ("lame", {"NSV005"}, {"NSV006", "NSV019", "NSV009"}),
    ("forwarding", {"NSV005"}, {"NSV009", "NSV019"}),
    ("refused", {"NSV006"}, {"NSV005", "NSV007", "NSV019"}),
    ("failing", {"NSV007"}, {"NSV005", "NSV006", "NSV019"}),
    ("dead", {"NSV008"}, {"NSV005", "NSV000", "NSV019"}),
    ("all-dead", {"NSV000"}, {"NSV008", "NSV019"}),
    ("all-refuse", {"NSV005", "NSV006"}, {"NSV000", "NSV019"}),
    ("hijacked", {"NSV009"}, {"NSV005", "NSV019"}),
    ("two-minds", {"NSV010", "NSV011"}, {"NSV012", "NSV019"}),
    ("behind", {"NSV010", "NSV011", "NSV012"}, {"NSV019"}),
    ("slightly-behind", {"NSV012", "NSV019"}, {"NSV010", "NSV011"}),
    ("moved", {"NSV013", "NSV019"}, {"NSV008"}),
    ("hidden", {"NSV013", "NSV018", "NSV019"}, {"NSV008"}),
    ("top-alias", {"NSV014"}, {"NSV021", "NSV020"}),
    ("mixed", {"NSV014"}, {"NSV021"}),
    ("expiring", {"NSV015", "NSV019"}, {"NSV016"}),
    ("odd", {"NSV016", "NSV019"}, {"NSV015"}),
    ("inside", {"NSV017", "NSV019"}, {"NSV018", "NSV008"}),
    ("barred", {"NSV017"}, {"NSV018", "NSV008", "NSV000"}),
    ("shared", {"NSV020"}, {"NSV021", "NSV018"}),
    ("unnamed", {"NSV021"}, {"NSV020", "NSV018"}),
    ("lost", {"NSV005", "NSV006"}, {"NSV000", "NSV018", "NSV019"}),
]
FILES = [
    ("good", {"NSV018", "NSV999"}, {"NSV000", "NSV019"}),
    ("alone", {"NSV001", "NSV999"}, {"NSV018", "NSV019"}),
    ("odd", {"NSV016", "NSV999"}, {"NSV000"}),
    ("inside", {"NSV017"}, {"NSV018"}),
]
TABLES = [(must, must_not) for _, must, must_not in (*CASES, *FILES)]


@pytest.mark.parametrize(("name", "must", "must_not"), CASES, ids=[case[0] for case in CASES])
def test_nameservers(name, must, must_not):
    found = codes(look(f"{name}.test"))
    assert must <= found
    assert not must_not & found


@pytest.mark.parametrize(("name", "must", "must_not"), FILES, ids=[case[0] for case in FILES])
def test_of_a_draft_only_what_the_files_say(name, must, must_not):
    report = look(f"{name}.test", World.zones([RESOLVED], only=True))
    assert must <= codes(report)
    assert not must_not & codes(report)
    assert not codes(report, Status.UNKNOWN)
    assert {h["says"] for h in report.facts["nameservers"]["hosts"]} == {"not-asked"}


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("gone", "NSV002", Status.WARN),
        ("all-gone", "NSV002", Status.FAIL),
        ("lame", "NSV005", Status.WARN),
        ("all-refuse", "NSV005", Status.WARN),  # a resolver has an answer: not everybody is refused
        ("lost", "NSV005", Status.FAIL),
        ("lost", "NSV006", Status.FAIL),
        ("dead", "NSV008", Status.WARN),
        ("all-dead", "NSV000", Status.UNKNOWN),
        ("two-minds", "NSV010", Status.FAIL),
        ("two-minds", "NSV011", Status.FAIL),
        ("behind", "NSV010", Status.WARN),
        ("behind", "NSV011", Status.WARN),
        ("slightly-behind", "NSV012", Status.NOTE),
        ("moved", "NSV013", Status.WARN),
        ("hidden", "NSV013", Status.NOTE),
        ("top-alias", "NSV014", Status.WARN),
        ("mixed", "NSV014", Status.FAIL),
        ("hijacked", "NSV009", Status.UNKNOWN),
    ],
)
def test_how_bad_it_is(name, code, status):
    assert {f.status for f in look(f"{name}.test").findings if f.code == code} == {status}


def test_both_answers_are_the_evidence_where_servers_differ():
    finding = next(f for f in look("two-minds.test").findings if f.code == "NSV011")
    assert {(a.server, a.values) for a in finding.evidence if a.rtype == "TXT"} == {
        ("198.51.100.1", ("v=spf1 mx -all",)),
        ("192.0.2.15", ("v=spf1 ip4:192.0.2.99 -all",)),
    }
    assert "192.0.2.99" in finding.values["answers"]


def test_the_facts():
    facts = look("sub.good.test").facts["nameservers"]
    assert facts["zone"] == "good.test"
    assert facts["domain"] == "sub.good.test"
    assert [(h["name"], h["address"], h["says"], h["serial"]) for h in facts["hosts"]] == [
        ("a1.ns.test", "192.0.2.1", "answers", 10),
        ("a2.ns.test", "198.51.100.1", "answers", 10),
    ]
    assert facts["soa"] == {
        "mname": "a1.ns.test", "rname": "hostmaster.good.test", "serial": 10, "refresh": 7200, "retry": 3600, "expire": 1209600, "negative_ttl": 300,
    }  # fmt: skip
    assert facts["parent"] == ["a1.ns.test", "a2.ns.test"]


@pytest.mark.parametrize("name", ["good", "sub.good", "two-minds", "dead"])
def test_what_it_costs(name):
    world = Fleet()
    report = look(f"{name}.test", world)
    assert len([a for a in world.asked if a.at]) <= 7
    # MX with its hosts, TXT and A are asked by other topics too
    assert report.timing.questions <= 20


def test_what_is_not_public_is_never_asked():
    for name in ("inside", "barred"):
        world = Fleet()
        told = look(f"{name}.test", world)
        refused = [a for f in told.findings for a in f.evidence if a.outcome is Outcome.NOT_ASKED]
        assert refused
        assert all(a.detail for a in refused)


@pytest.mark.parametrize("rtype", ["servfail", "timeout", "refused", "bogus", "error"])
def test_what_was_not_answered_is_unknown_and_never_absent(rtype):
    world = Faults(Fleet(), **{rtype: {("good.test", "NS")}})
    world.guard = Policy()
    report = look("good.test", world)
    assert codes(report) == {"NSV000"}
    assert codes(report, Status.UNKNOWN) == {"NSV000"}


def test_an_address_that_was_not_found_out_is_unknown():
    report = look("good.test", Faults(World.zones([RESOLVED], only=True), timeout={"a1.ns.test"}))
    assert "NSV000" in codes(report, Status.UNKNOWN)
    assert not codes(report) & {"NSV002", "NSV018"}


def test_outside_the_zone_files_is_a_note():
    report = look("elsewhere.example", World.zones([RESOLVED], only=True))
    assert codes(report) == {"NSV999"}


def test_a_domain_that_is_not_there_costs_nothing_here():
    world = Fleet()
    report = look("nobody.good.test", world)
    assert codes(report) == {"DOM001"}


# ------------------------------------------------------------------ one question to one server (Seam.ask_at)


def says(query, *records, aa=True, rcode=0, soa="", authority=""):
    reply = reply_to(query, *records, rcode=rcode, soa=soa)
    reply.flags &= ~dns.flags.RA
    if aa:
        reply.flags |= dns.flags.AA
    if authority:
        reply.authority.append(dns.rrset.from_text(*authority.split(None, 4)))
    return reply


SAID = {
    "has.test": (lambda q: says(q, "@ 300 MX 10 mx.test."), Outcome.FOUND, True),
    "none.test": (lambda q: says(q, soa="test."), Outcome.NODATA, True),
    "no-soa.test": (says, Outcome.NODATA, True),
    "nobody.test": (lambda q: says(q, rcode=3, soa="test."), Outcome.NXDOMAIN, True),
    "lame.test": (lambda q: says(q, aa=False), Outcome.ERROR, False),
    "upwards.test": (lambda q: says(q, aa=False, authority=". 300 IN NS a.root-servers.net."), Outcome.ERROR, False),
    "referred.test": (lambda q: says(q, aa=False, authority="referred.test. 300 IN NS ns.elsewhere.test."), Outcome.ERROR, False),
    "denied.test": (lambda q: says(q, aa=False, rcode=3, soa="test."), Outcome.ERROR, False),
    "cached.test": (lambda q: says(q, "@ 300 MX 10 mx.test.", aa=False), Outcome.FOUND, False),
    "alias.test": (lambda q: says(q, "@ 300 CNAME elsewhere.test."), Outcome.NOT_ASKED, True),
    "refused.test": (lambda q: says(q, aa=False, rcode=5), Outcome.REFUSED, None),
    "not-auth.test": (lambda q: says(q, aa=False, rcode=9), Outcome.REFUSED, None),
    "fails.test": (lambda q: says(q, aa=False, rcode=2), Outcome.SERVFAIL, None),
    "garbage.test": (lambda q: q.id.to_bytes(2, "big") + b"\x84\0\0\1\0\5\0\0\0\0" + q.to_wire()[12:40], Outcome.ERROR, None),
    "silent.test": (lambda q: None, Outcome.TIMEOUT, None),
}


@pytest.fixture
def server():
    def handler(query, tcp):
        name = query.question[0].name.to_text(True)
        if name == "long.test":
            whole = says(query, "@ 300 MX 10 mx.test.")
            if not tcp:
                whole.flags |= dns.flags.TC
            return whole
        return SAID.get(name, (says,))[0](query)

    with Nameserver(handler) as running:
        yield running


def at_loopback(server):
    world = World.live([server.at])
    world.guard = Policy(ask=server.port, also=("127.0.0.0/8",))
    return world


def test_what_one_server_says_is_told_apart(server):
    with at_loopback(server).open() as session:
        answers = session.dns.ask_all([Question(name, "MX", at="127.0.0.1") for name in SAID])
    told = {a.name: (a.outcome, a.authoritative) for a in answers}
    assert told == {name: (outcome, authoritative) for name, (_, outcome, authoritative) in SAID.items()}
    assert next(a for a in answers if a.name == "alias.test").aliases == ("elsewhere.test",)
    assert "elsewhere.test" not in {name for name, _, _ in server.asked}, "an alias is not followed"
    assert all(a.detail for a in answers if a.unsure)
    assert not any(query.flags & dns.flags.RD for query in server.queries), "RFC 1034 section 5.3.3"
    assert {a.secure.value for a in answers} == {"unknown"}


def test_a_delegation_is_read_from_a_referral(server):
    with at_loopback(server).open() as session:
        answer = session.dns.ask_at("127.0.0.1", "referred.test", "NS")
    assert (answer.outcome, answer.values, answer.authoritative) == (Outcome.FOUND, ("ns.elsewhere.test",), False)


def test_a_long_answer_comes_over_tcp(server):
    with at_loopback(server).open() as session:
        answer = session.dns.ask_at("127.0.0.1", "long.test", "MX")
    assert (answer.outcome, answer.authoritative) == (Outcome.FOUND, True)
    assert [tcp for _, _, tcp in server.asked] == [False, True]


def test_a_server_that_is_not_there(server):
    with at_loopback(server).open() as session:
        began = time.monotonic()
        refused = session.dns.ask_at("127.0.0.77", "has.test", "MX")
        assert time.monotonic() - began < 3.2
    assert refused.unsure
    assert refused.authoritative is None


def test_no_thread_and_no_socket_is_left(server, no_thread_left):
    with at_loopback(server).open() as session:
        session.dns.foresee([Question("silent.test", "MX", at="127.0.0.1")])
        session.dns.ask_at("127.0.0.1", "has.test", "MX")
        held = session._own
    assert not held._tries
    assert held.under_way == 0


def test_a_world_of_files_asks_no_server(server):
    for world in (World.zones([RESOLVED], only=True), World.zones([RESOLVED], beneath=at_loopback(server))):
        world.guard = Policy(ask=server.port, also=("127.0.0.0/8",))
        with world.open() as session:
            answer = session.dns.ask_at("127.0.0.1", "good.test", "MX")
        assert (answer.outcome, answer.server) == (Outcome.NOT_ASKED, "zone files")
    assert server.asked == []


def test_it_is_charged_and_stands_in_the_transcript(server):
    with at_loopback(server).open() as session:
        answers = [session.dns.ask_at("127.0.0.1", "has.test", rtype) for rtype in ("MX", "MX")]
        assert session.dns.transcript() == (answers[0],)
        assert session.dns.timing().questions == 1
        over = session.dns.ask_all([Question(f"n{n}.test", "MX", at="127.0.0.1") for n in range(110)])
    assert [a.outcome for a in over] == [Outcome.NODATA] * 99 + [Outcome.NOT_ASKED] * 11


# ------------------------------------------------------------------ the guard


def targets(number):
    """Addresses that are not public, in all the forms in which one may be hidden in another, from a fixed seed."""
    dice = random.Random(20261122)
    networks = [ip_network(row["net"]) for row in tomllib.loads((DATA / "special_addresses.toml").read_text(encoding="utf-8"))["network"]]
    inside = [n for n in networks if n.version == 4]
    for at in range(number):
        net = dice.choice(networks)
        yield str(net[dice.randrange(min(net.num_addresses, 1 << 60))])
        four = dice.choice(inside)
        v4 = int(four[dice.randrange(four.num_addresses)])
        forms = (f"::ffff:{v4 >> 16:x}:{v4 & 0xFFFF:x}", f"64:ff9b::{v4 >> 16:x}:{v4 & 0xFFFF:x}", f"2002:{v4 >> 16:x}:{v4 & 0xFFFF:x}::1", str(v4), hex(v4))
        yield forms[at % len(forms)]


def test_ten_thousand_addresses_that_are_not_public_get_no_packet(monkeypatch):
    reached = []

    def connect(self, where):
        reached.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "sendto", connect)
    chosen = list(targets(5000))
    assert len(chosen) == 10000
    world = World.live(["127.0.0.1:9"])
    with world.open() as session:
        session.dns.foresee([Question("example.com", "SOA", at=address) for address in chosen])
        answers = session.dns.ask_all([Question("example.com", "SOA", at=address) for address in chosen])
        assert {a.outcome for a in answers} == {Outcome.NOT_ASKED}
        assert session.dns.transcript() == ()
        # the line has a guard of its own, where the socket is opened
        told = []
        for address in chosen[:2000]:
            session.dns._line.put(Ask(b"\7example\3com\0", 6, server=AT + address), told.append)
    assert {reply.failure for reply in told} == {Outcome.NOT_ASKED}
    assert len(told) == 2000
    assert reached == []
    world.close()
