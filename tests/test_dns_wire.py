"""Questions over UDP and TCP, against nameservers on loopback that misbehave in one way each."""

import socket
import struct
import time

import dns.flags
import dns.message
import pytest
from support import Nameserver, reply_to

from healthcheck.edge import codec
from healthcheck.edge.world import World
from healthcheck.model import Outcome, Question, Secure

pytestmark = pytest.mark.usefixtures("no_thread_left")

TXT = '@ 300 TXT "v=spf1 -all"'


def plain(query, tcp):
    return reply_to(query, TXT)


def ask(*servers, name="a.example.com", rtype="TXT", deadline=15.0, probe="bogus.test"):
    world = World.live([s if isinstance(s, str) else s.at for s in servers], bogus_probe=probe)
    with world.open(deadline=deadline) as session:
        return session.dns.ask(name, rtype)


# ------------------------------------------------------------------ the good case


def test_an_answer_is_read():
    with Nameserver(lambda q, tcp: reply_to(q, '@ 300 TXT "v=spf1 " "-all"', '@ 200 TXT "other"')) as server:
        answer = ask(server, name="A.Example.COM.")
    assert answer.outcome is Outcome.FOUND
    assert answer.name == "a.example.com"
    assert answer.values == ("other", "v=spf1 -all")
    assert answer.strings == ((b"other",), (b"v=spf1 ", b"-all"))
    assert answer.ttl == 200
    assert answer.server == server.at
    assert answer.secure is Secure.UNKNOWN
    query = server.queries[0]
    assert query.edns == 0
    assert query.payload == 1232
    assert query.flags & (dns.flags.RD | dns.flags.AD) == dns.flags.RD | dns.flags.AD
    assert not query.ednsflags


@pytest.mark.parametrize(
    ("record", "rtype", "value"),
    [
        ("@ 300 A 192.0.2.1", "A", "192.0.2.1"),
        ("@ 300 AAAA 2001:db8::1", "AAAA", "2001:db8::1"),
        ("@ 300 MX 10 MX.example.net.", "MX", "10 mx.example.net"),
        ("@ 300 MX 0 .", "MX", "0 ."),
        ("@ 300 PTR host.example.net.", "PTR", "host.example.net"),
        ("@ 300 NS ns1.example.net.", "NS", "ns1.example.net"),
        ("@ 300 CNAME other.example.net.", "CNAME", "other.example.net"),
        ("@ 300 SOA ns1.example.net. h.example.net. 1 2 3 4 5", "SOA", "ns1.example.net h.example.net 1 2 3 4 5"),
        ("@ 300 SRV 1 2 25 mx.example.net.", "SRV", "1 2 25 mx.example.net"),
        ("@ 300 TLSA 3 1 1 " + "ab" * 32, "TLSA", "3 1 1 " + "ab" * 32),
        ('@ 300 CAA 0 issue "ca.example"', "CAA", '0 issue "ca.example"'),
        ('@ 300 TXT "caf\\195\\169 \\255"', "TXT", "café \\xff"),
    ],
)
def test_record_types_are_shown_as_people_write_them(record, rtype, value):
    with Nameserver(lambda q, tcp: reply_to(q, record)) as server:
        assert ask(server, rtype=rtype).values == (value,)


@pytest.mark.parametrize(("rcode", "outcome"), [(0, Outcome.NODATA), (3, Outcome.NXDOMAIN)])
def test_absence_is_told_apart(rcode, outcome):
    with Nameserver(lambda q, tcp: reply_to(q, rcode=rcode, soa="example.com.")) as server:
        answer = ask(server)
    assert answer.outcome is outcome
    assert answer.ttl == 60
    assert answer.absent


def test_each_question_has_its_own_port_and_id():
    with Nameserver(plain) as server, World.live([server.at]).open() as session:
        session.dns.ask_all([Question(f"n{k}.example.com", "TXT") for k in range(40)])
    assert len(set(server.ports)) > 35
    assert len({q.id for q in server.queries}) > 35


# ------------------------------------------------------------------ answers that are none


def test_wrong_answers_are_ignored_and_the_right_one_is_waited_for():
    def liars(query, tcp):
        wrong_id = reply_to(query, '@ 300 TXT "wrong id"')
        wrong_id.id ^= 1
        other = dns.message.make_query("b.example.com", "TXT", id=query.id)
        wrong_name = reply_to(other, '@ 300 TXT "wrong name"')
        no_answer = dns.message.make_query("a.example.com", "TXT", id=query.id)
        return [wrong_id, wrong_name, no_answer, b"\x00", (0.05, reply_to(query, TXT))]

    with Nameserver(liars) as server:
        assert ask(server).values == ("v=spf1 -all",)
    assert len(server.asked) == 1


def test_truncation_goes_on_over_tcp():
    def handler(query, tcp):
        response = reply_to(query, f'@ 300 TXT "{"x" * 200}"' if tcp else TXT)
        if not tcp:
            response.flags |= dns.flags.TC
        return response

    with Nameserver(handler) as server:
        answer = ask(server)
    assert answer.values == ("x" * 200,)
    assert [over_tcp for _, _, over_tcp in server.asked] == [False, True]


def test_truncation_without_tcp_is_no_answer():
    def handler(query, tcp):
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return response

    with Nameserver(handler, tcp=False) as server:
        answer = ask(server)
    assert answer.outcome is Outcome.ERROR
    assert "truncated" in answer.detail
    assert not answer.absent


def test_formerr_is_asked_again_without_edns_and_remembered():
    def old(query, tcp):
        return reply_to(query, TXT) if query.edns < 0 else reply_to(query, rcode=1)

    with Nameserver(old) as server, World.live([server.at]).open() as session:
        assert session.dns.ask("a.example.com", "TXT").found
        assert session.dns.ask("b.example.com", "TXT").found
        assert session.dns.timing().questions == 2
    assert [q.edns for q in server.queries] == [0, -1, -1]


def test_malformed_answers_are_an_error():
    def handler(query, tcp):
        return reply_to(query, TXT).to_wire()[:-15]

    with Nameserver(handler) as server:
        answer = ask(server)
    assert answer.outcome is Outcome.ERROR
    assert "malformed" in answer.detail


def test_a_lame_answer_goes_on_to_the_next_server():
    def lame(query, tcp):
        return dns.message.make_response(query)  # neither authoritative nor recursive, and nothing in it

    with Nameserver(lame) as bad, Nameserver(plain) as good:
        assert ask(bad, good).server == good.at
        alone = ask(bad)
    assert alone.outcome is Outcome.ERROR
    assert "lame" in alone.detail


# ------------------------------------------------------------------ servers that say no, or nothing


@pytest.mark.parametrize(("rcode", "outcome"), [(2, Outcome.SERVFAIL), (5, Outcome.REFUSED), (9, Outcome.REFUSED), (4, Outcome.ERROR)])
def test_a_server_that_says_no(rcode, outcome):
    with Nameserver(lambda q, tcp: reply_to(q, rcode=rcode)) as server:
        answer = ask(server)
    assert answer.outcome is outcome
    assert answer.unsure
    assert server.at in answer.detail


@pytest.mark.parametrize("rcode", [2, 5])
def test_fail_over_after_servfail_and_refused(rcode):
    with Nameserver(lambda q, tcp: reply_to(q, rcode=rcode)) as bad, Nameserver(plain) as good:
        answer = ask(bad, good)
    assert answer.found
    assert answer.server == good.at


def test_a_refusal_without_the_question_is_understood():
    with Nameserver(lambda q, tcp: struct.pack("!HHHHHH", q.id, 0x8005, 0, 0, 0, 0)) as server:
        assert ask(server).outcome is Outcome.REFUSED


def test_a_lost_datagram_is_asked_again():
    seen = []

    def forgetful(query, tcp):
        seen.append(query)
        return reply_to(query, TXT) if len(seen) > 1 else None

    with Nameserver(forgetful) as server, World.live([server.at]).open() as session:
        assert session.dns.ask("a.example.com", "TXT").found
        assert session.dns.timing().questions == 1


def test_a_slow_answer_to_the_first_try_still_counts():
    with Nameserver(lambda q, tcp: (1.5, reply_to(q, TXT))) as server:
        began = time.monotonic()
        assert ask(server).found
    assert time.monotonic() - began < 2.0


def test_silence_is_a_timeout_within_five_seconds_and_the_server_goes_last():
    with Nameserver(lambda q, tcp: None) as dead, Nameserver(plain) as good, World.live([dead.at, good.at]).open() as session:
        began = time.monotonic()
        answers = session.dns.ask_all([Question(f"n{k}.example.com", "TXT") for k in range(5)])
        assert all(a.found for a in answers)
        assert time.monotonic() - began < 3
        began = time.monotonic()
        assert session.dns.ask("later.example.com", "TXT").found
        assert time.monotonic() - began < 0.5


def test_every_server_silent_is_a_timeout():
    with Nameserver(lambda q, tcp: None) as dead:
        began = time.monotonic()
        answer = ask(dead)
    assert answer.outcome is Outcome.TIMEOUT
    assert 3 < time.monotonic() - began < 5.5
    assert dead.at in answer.detail
    assert len(dead.asked) == 3


def test_a_port_that_nobody_listens_on_is_soon_told():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.monotonic()
    answer = ask(f"127.0.0.1:{port}")
    assert answer.unsure
    assert "refused" in answer.detail
    assert time.monotonic() - began < 1.5


# ------------------------------------------------------------------ aliases


def test_aliases_are_followed_within_an_answer():
    with Nameserver(lambda q, tcp: reply_to(q, "@ 300 CNAME b.example.com.", "b.example.com. 100 A 192.0.2.7")) as server:
        answer = ask(server, rtype="A")
    assert (answer.values, answer.aliases, answer.ttl) == (("192.0.2.7",), ("b.example.com",), 100)
    assert len(server.asked) == 1


def test_an_answer_that_holds_only_the_alias_is_asked_on():
    def handler(query, tcp):
        name = query.question[0].name.to_text()
        return reply_to(query, "@ 300 A 192.0.2.7") if name.startswith("b.") else reply_to(query, "@ 300 CNAME b.example.com.")

    with Nameserver(handler) as server:
        answer = ask(server, rtype="A")
    assert (answer.values, answer.aliases) == (("192.0.2.7",), ("b.example.com",))


def test_an_alias_to_a_name_without_the_record_is_nodata():
    with Nameserver(lambda q, tcp: reply_to(q, "@ 300 CNAME b.example.com.", soa="example.com.")) as server:
        answer = ask(server)
    assert answer.outcome is Outcome.NODATA
    assert answer.aliases == ("b.example.com",)


def test_alias_loops_and_long_chains_are_errors():
    def loop(query, tcp):
        first = query.question[0].name.to_text()[0]
        return reply_to(query, f"@ 300 CNAME {'b' if first == 'a' else 'a'}.example.com.")

    def chain(query, tcp):
        number = int(query.question[0].name.to_text().split(".")[0][1:])
        return reply_to(query, f"@ 300 CNAME n{number + 1}.example.com.")

    with Nameserver(loop) as server:
        answer = ask(server, rtype="A")
        assert (answer.outcome, "loop" in answer.detail) == (Outcome.ERROR, True)
    with Nameserver(chain) as server:
        answer = ask(server, name="n1.example.com", rtype="A")
        assert answer.outcome is Outcome.ERROR
        assert len(server.asked) <= 9


# ------------------------------------------------------------------ DNSSEC


def validating(query, tcp):
    name = query.question[0].name.to_text(True)
    if name.startswith(("bogus", "broken")):
        return reply_to(query, "@ 300 A 192.0.2.66") if query.flags & dns.flags.CD else reply_to(query, rcode=2)
    return reply_to(query, "@ 300 A 192.0.2.1", ad=name.startswith("signed"))


def test_ad_counts_from_a_resolver_that_was_shown_to_validate():
    with Nameserver(validating) as server:
        world = World.live([server.at], bogus_probe="bogus.test")
        with world.open() as session:
            assert session.dns.ask("signed.example.com", "A").secure is Secure.YES
            # an answer without AD waits for no probe, so it says the same whether it came before the probe's end or after
            assert session.dns.ask("plain.example.com", "A").secure is Secure.UNKNOWN
            assert session.dns.ask("broken.example.com", "A").outcome is Outcome.BOGUS
            assert not [a for a in session.dns.transcript() if a.name == "bogus.test"]
        with world.open() as session:
            assert session.dns.ask("plain.example.com", "A").secure is Secure.NO


def test_ad_from_anybody_else_counts_for_nothing():
    with Nameserver(lambda q, tcp: reply_to(q, "@ 300 A 192.0.2.1", ad=True)) as server:
        assert ask(server, rtype="A").secure is Secure.UNKNOWN


def test_servfail_that_cd_turns_into_an_answer_needs_a_validating_resolver():
    def handler(query, tcp):
        if query.question[0].name.to_text(True) == "bogus.test":
            return reply_to(query, "@ 300 A 192.0.2.66")  # it does not validate
        return validating(query, tcp)

    with Nameserver(handler) as server:
        assert ask(server, name="broken.example.com", rtype="A").outcome is Outcome.SERVFAIL


def test_extended_errors_say_bogus():
    with Nameserver(lambda q, tcp: reply_to(q, rcode=2, ede=7)) as server:
        answer = ask(server)
    assert answer.outcome is Outcome.BOGUS
    with Nameserver(lambda q, tcp: reply_to(q, rcode=2, ede=22)) as server:
        answer = ask(server)
    assert answer.outcome is Outcome.SERVFAIL
    assert "extended error 22" in answer.detail


# ------------------------------------------------------------------ octets


def test_hostile_octets_never_do_harm():
    good = reply_to(dns.message.make_query("a.example.com", "TXT"), TXT, "@ 300 MX 1 mx.example.com.").to_wire()
    for at in range(12, len(good)):
        for value in (0, 0xC0, 0xFF, 0x3F):
            try:
                codec.read(good[:at] + bytes((value,)) + good[at + 1 :])
            except codec.Malformed:
                continue
    loop = good[:12] + b"\xc0\x0c\0\x10\0\1"
    with pytest.raises(codec.Malformed):
        codec.read(loop)


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example", "", "é.example", "a b.example", ".".join(["a" * 60] * 5)])
def test_names_that_cannot_be_asked_are_an_error(name):
    with Nameserver(plain) as server:
        answer = ask(server, name=name)
        assert answer.outcome is Outcome.ERROR
        assert "cannot be asked" in answer.detail
        assert not server.asked


def test_odd_names_keep_their_octets():
    wire = b"\x03a.b\x02\x00\xff\x07example\x00"
    assert codec.name_wire(codec.name_text(wire)) == wire


@pytest.mark.parametrize("rtype", ["ANY", "NONSENSE", "AXFR", "OPT"])
def test_types_that_cannot_be_asked_are_an_error(rtype):
    with Nameserver(plain) as server:
        assert ask(server, rtype=rtype).outcome is Outcome.ERROR
        assert not server.asked
