"""The three worlds, and what a World keeps between scans."""

import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest
from support import Nameserver, reply_to, world_of, zone_file

from healthcheck.edge.world import World
from healthcheck.errors import InputError, ZoneError
from healthcheck.model import Outcome, Question, Secure


def nothing():
    return World.zones([], only=True)


# ------------------------------------------------------------------ live


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("192.0.2.53", "192.0.2.53"),
        ("192.0.2.53:5353", "192.0.2.53:5353"),
        ("2001:db8::53", "2001:db8::53"),
        ("[2001:db8::53]:5353", "[2001:db8::53]:5353"),
        (" [2001:db8::53]", "2001:db8::53"),
    ],
)
def test_nameservers_are_understood(given, shown):
    world = World.live([given, "198.51.100.53", given])
    assert world.nameservers == (shown, "198.51.100.53")
    assert world.describe == f"resolvers {shown}, 198.51.100.53"
    assert not world.only_zone


@pytest.mark.parametrize("given", ["dns.example.com", "192.0.2", "192.0.2.53:0", "192.0.2.53:99999", "", "[192.0.2", "https://192.0.2.53", "1.2.3.4.5"])
def test_what_is_no_nameserver_is_refused(given):
    with pytest.raises(InputError, match="no nameserver"):
        World.live([given])


def test_the_systems_resolvers_are_used(tmp_path):
    conf = tmp_path / "resolv.conf"
    conf.write_text("search example.com\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n")
    world = World.live(resolv_conf=str(conf))
    assert world.nameservers == ("192.0.2.1", "192.0.2.2", "192.0.2.3")


@pytest.mark.parametrize("text", [None, "", "# nothing\n", "nameserver\n", "nameserver not-an-address\n", b"\xff\xfe\x00"])
def test_without_a_resolver_every_question_says_so_at_once(tmp_path, text):
    conf = tmp_path / "resolv.conf"
    if text is not None:
        conf.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = set(threading.enumerate())  # a scan that another test started in a pool may still be under way
    world = World.live(resolv_conf=str(conf))
    with world.open() as session:
        for answer in session.dns.ask_all([Question("example.com", "MX"), Question("example.com", "TXT")]):
            assert answer.outcome is Outcome.ERROR
            assert "no resolver is configured" in answer.detail
            assert answer.unsure
    assert world.nameservers == ()
    assert not any(t.name == "dns-io" for t in set(threading.enumerate()) - before)


def test_a_bogus_probe_that_cannot_be_asked_is_refused():
    with pytest.raises(InputError):
        World.live(["192.0.2.1"], bogus_probe="a..b")


def test_the_probe_is_asked_once_for_many_scans():
    def handler(query, tcp):
        bogus = query.question[0].name.to_text(True) == "bogus.test"
        if bogus and not query.flags & 0x10:
            return reply_to(query, rcode=2)
        return reply_to(query, "@ 300 A 192.0.2.1", ad=True)

    with Nameserver(handler) as server:
        world = World.live([server.at], bogus_probe="bogus.test")
        for _ in range(3):
            with world.open() as session:
                assert session.dns.ask("example.com", "A").secure is Secure.YES
        first = [name for name, _, _ in server.asked].count("bogus.test")
        world.close()
        with world.open() as session:
            session.dns.ask("example.com", "A")
        assert [name for name, _, _ in server.asked].count("bogus.test") == 2 * first


# ------------------------------------------------------------------ sessions


def test_a_session_has_a_clock_and_its_world(tmp_path):
    world = world_of(tmp_path, {"example.com": "@ A 192.0.2.1"})
    with world.open() as session:
        assert session.world is world
        assert abs(session.now - datetime.now(UTC)) < timedelta(seconds=5)
        assert session.now.tzinfo is UTC
    world.clock = lambda: datetime(2026, 1, 2, tzinfo=UTC)
    with world.open() as session:
        assert session.now.year == 2026


def test_a_world_of_files_opens_no_thread_and_no_socket(tmp_path, monkeypatch):
    world = world_of(tmp_path, {"example.com": "@ A 192.0.2.1"})
    assert (world.describe, world.nameservers, world.only_zone) == ("zone file example.com.zone", (), True)

    def refuse(*args, **options):
        raise AssertionError("a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "socketpair", refuse)
    with world.open() as session:
        assert session.dns.ask("example.com", "A").found
        assert session.dns.ask("example.net", "A").outcome is Outcome.NOT_ASKED


def test_files_over_a_live_world_ask_it_for_the_rest(tmp_path):
    with Nameserver(lambda q, tcp: reply_to(q, "@ 300 A 192.0.2.77")) as server:
        world = World.zones([zone_file(tmp_path, "example.com", "@ A 192.0.2.1")], beneath=World.live([server.at]))
        assert world.describe == f"zone file example.com.zone over resolver {server.at}"
        assert world.nameservers == (server.at,)
        with world.open() as session:
            assert session.dns.ask("example.com", "A").values == ("192.0.2.1",)
            assert session.dns.ask("example.net", "A").values == ("192.0.2.77",)
            assert session.dns.timing().questions == 2
        assert len(server.asked) == 1


# ------------------------------------------------------------------ the demo world


@pytest.fixture
def folder(tmp_path):
    zone_file(tmp_path, "shop.example", '@ TXT "v=spf1 -all"\n@ MX 10 mx\nmx A 192.0.2.10\n')
    zone_file(tmp_path, "list.example.net", "2.0.0.127 A 127.0.0.2\n10.2.0.192 A 127.0.0.3\n")
    return tmp_path


def outcomes(world, *questions):
    with world.open() as session:
        return [session.dns.ask(*q).outcome for q in questions]


def test_the_demo_world_answers_for_its_names_only(folder):
    world = World.demo(nothing(), folder=folder)
    found = outcomes(world, ("shop.example", "TXT"), ("gone.shop.example", "A"), ("nobody.example", "A"), ("x.test", "MX"), ("example", "NS"))
    assert found == [Outcome.FOUND, *[Outcome.NXDOMAIN] * 4]
    assert outcomes(world, ("example.com", "MX"), ("2.0.0.127.list.example.net", "A"), ("notexample", "A")) == [Outcome.NOT_ASKED] * 3


def test_a_real_domain_is_scanned_beneath_the_demo_and_a_demo_domain_among_its_lists(folder):
    beneath = nothing()
    world = World.demo(beneath, folder=folder)
    assert world.for_domain("example.com") is beneath
    assert world.for_domain("notexample") is beneath
    own = world.for_domain("shop.example")
    assert outcomes(own, ("10.2.0.192.list.example.net", "A"), ("shop.example", "MX"), ("x.test", "A")) == [Outcome.FOUND, Outcome.FOUND, Outcome.NXDOMAIN]
    assert beneath.for_domain("shop.example") is beneath


def test_a_stray_record_in_the_demo_is_refused(folder):
    (folder / "patch.zone").write_text("www.example.com. A 192.0.2.1\n")
    with pytest.raises(ZoneError, match=r"www\.example\.com"):
        World.demo(nothing(), folder=folder)


def test_a_resolver_that_denies_the_root_is_not_believed(tmp_path):
    """A machine without a way out: its resolver says NXDOMAIN to everything, the root included. Nothing is called missing."""
    from healthcheck import scan

    with Nameserver(lambda query, _: reply_to(query, rcode=3)) as server:
        world = World.live([server.at])
        world.sceptical = True
        report = scan("firm.example", ips=("192.0.2.7",), selectors=("s1",), world=world)
        assert report.verdict == "unknown"
        assert not [f for f in report.findings if f.status in ("fail", "warn", "pass")]
        assert "the root" in report.findings[0].evidence[0].detail
        world.close()


def test_a_resolver_that_knows_the_root_is_believed(tmp_path):
    from healthcheck import scan

    def answers(query, _):
        if query.question[0].name.to_text() == ".":
            return reply_to(query, "@ 300 NS a.root.example.")
        return reply_to(query, rcode=3, soa="example.")

    with Nameserver(answers) as server:
        world = World.live([server.at])
        world.sceptical = True
        assert "DOM001" in {f.code for f in scan("firm.example", world=world).findings}
        world.close()
