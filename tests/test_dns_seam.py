"""The seam: one entry a question, budgets, deadline, speculation, transcript; and the libraries' way through it."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import pytest
from support import Faults, Nameserver, reply_to, world_of

from healthcheck.edge import dns as seam_module
from healthcheck.edge.world import World
from healthcheck.model import Outcome, Question, Secure

pytestmark = pytest.mark.usefixtures("no_thread_left")

RECORDS = """
@ TXT "v=spf1 include:b.example.com -all"
@ MX 10 mx
mx A 192.0.2.1
www CNAME mx
far CNAME host.elsewhere.test.
loop CNAME loop2
loop2 CNAME loop
"""


@pytest.fixture
def world(tmp_path):
    return world_of(tmp_path, {"example.com": RECORDS})


def numbered(count, fixed=False, start=0):
    return [Question(f"n{k}.example.com", "A", fixed=fixed) for k in range(start, start + count)]


# ------------------------------------------------------------------ one entry a question


def test_sixteen_threads_join_one_question():
    with Nameserver(lambda q, tcp: (0.1, reply_to(q, "@ 300 A 192.0.2.1"))) as server, World.live([server.at]).open() as session:
        gate = threading.Barrier(16)

        def ask(_):
            gate.wait()
            return session.dns.ask("a.example.com", "A")

        with ThreadPoolExecutor(16) as pool:
            answers = set(pool.map(ask, range(16)))
        assert len(answers) == 1
        assert len(server.asked) == 1
        assert (session.dns.timing().questions, session.dns.timing().distinct) == (1, 1)
        assert len(session.dns.transcript()) == 1


def test_case_and_trailing_dot_make_no_other_question(world):
    with world.open() as session:
        first = session.dns.ask("MX.example.com.", "a")
        assert session.dns.ask("mx.EXAMPLE.com", "A") is first
        assert session.dns.timing().questions == 1


def test_two_worlds_never_see_each_others_answers():
    def serve(octet):
        return lambda q, tcp: reply_to(q, f"@ 300 A 192.0.2.{octet}")

    with Nameserver(serve(1)) as one, Nameserver(serve(2)) as two:
        worlds = {"192.0.2.1": World.live([one.at]), "192.0.2.2": World.live([two.at])}

        def scan(number):
            value = f"192.0.2.{number % 2 + 1}"
            with worlds[value].open() as session:
                answers = session.dns.ask_all([Question(f"n{k}.example.com", "A", shared=k % 2 == 0) for k in range(20)])
            return {a.values for a in answers} == {(value,)}

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(scan, range(32)))


def test_shared_answers_are_kept_by_the_world_and_others_are_not():
    with Nameserver(lambda q, tcp: reply_to(q, "@ 300 A 127.0.0.2")) as server:
        world = World.live([server.at])
        for _ in range(3):
            with world.open() as session:
                assert session.dns.ask("2.0.0.127.list.example", "A", shared=True).found
                assert session.dns.ask("own.example.com", "A").found
    names = [name for name, _, _ in server.asked]
    assert names.count("2.0.0.127.list.example") == 1
    assert names.count("own.example.com") == 3


def test_a_shared_failure_is_forgotten_soon(monkeypatch):
    monkeypatch.setattr("healthcheck.edge.keeping.KEEP_FAILURE", 0.05)
    with Nameserver(lambda q, tcp: reply_to(q, rcode=5)) as server:
        world = World.live([server.at])
        for pause in (0, 0, 0.1):
            time.sleep(pause)
            with world.open() as session:
                session.dns.ask("x.example", "A", shared=True)
    assert len(server.asked) == 2


def test_each_nameserver_is_asked_by_itself():
    with Nameserver(lambda q, tcp: reply_to(q, rcode=3)) as one, Nameserver(lambda q, tcp: reply_to(q, rcode=2)) as two:
        with World.live([one.at, two.at]).open() as session:
            answers = session.dns.ask_each("_domainkey.example.com", "TXT")
            assert [a.outcome for a in answers] == [Outcome.NXDOMAIN, Outcome.SERVFAIL]
            assert [a.server for a in answers] == [one.at, two.at]
            assert session.dns.timing().questions == session.dns.timing().distinct == 2
        with World.live([one.at]).open() as session:
            assert len(session.dns.ask_each("_domainkey.example.com", "TXT")) == 1


# ------------------------------------------------------------------ aliases, over whatever source


def test_aliases_from_zone_files_are_followed(world):
    with world.open() as session:
        answer = session.dns.ask("www.example.com", "A")
        assert (answer.values, answer.aliases, answer.secure) == (("192.0.2.1",), ("mx.example.com",), Secure.DRAFT)
        assert session.dns.ask("www.example.com", "CNAME").values == ("mx.example.com",)
        assert session.dns.ask("loop.example.com", "A").outcome is Outcome.ERROR
        assert session.dns.ask("loop2.example.com", "A").outcome is Outcome.ERROR
        far = session.dns.ask("far.example.com", "A")
        assert (far.outcome, far.aliases, far.server) == (Outcome.NOT_ASKED, ("host.elsewhere.test",), "zone files")


# ------------------------------------------------------------------ budgets and deadline


def test_budgets_are_charged_in_the_order_of_demand(world):
    with world.open() as session:
        free = session.dns.ask_all(numbered(101))
        assert [a.outcome for a in free[:100]] == [Outcome.NXDOMAIN] * 100
        assert free[100].outcome is Outcome.NOT_ASKED
        assert "100 questions" in free[100].detail
        fixed = session.dns.ask_all(numbered(601, fixed=True, start=1000))
        assert {a.outcome for a in fixed[:600]} == {Outcome.NXDOMAIN}
        assert fixed[600].outcome is Outcome.NOT_ASKED
        assert session.dns.ask("s.example.com", "A", shared=True).outcome is Outcome.NXDOMAIN
        assert session.dns.ask("n0.example.com", "A").outcome is Outcome.NXDOMAIN
        assert session.dns.ask("n100.example.com", "A").outcome is Outcome.NOT_ASKED
        assert len(session.dns.transcript()) == 703


def test_an_answer_that_speculation_brought_is_not_used_beyond_the_budget(world):
    with world.open() as session:
        session.dns.foresee([Question("mx.example.com", "A")])
        session.dns.ask_all(numbered(100))
        assert session.dns.ask("mx.example.com", "A").outcome is Outcome.NOT_ASKED


def test_speculation_has_its_own_cap_and_costs_no_demand(world):
    with world.open() as session:
        session.dns.foresee(numbered(200))
        assert session.dns.timing().questions == seam_module.SPECULATIVE
        assert session.dns.transcript() == ()
        session.dns.ask_all(numbered(30))  # demanded: these no longer weigh on it
        session.dns.foresee(numbered(200, start=500))
        assert session.dns.timing().questions == seam_module.SPECULATIVE + 30
        assert {a.outcome for a in session.dns.ask_all(numbered(70, start=30))} == {Outcome.NXDOMAIN}
        session.dns.foresee(numbered(700, fixed=True, start=2000))
        assert session.dns.timing().questions <= seam_module.SPECULATIVE + 30 + 70 + 600


def test_after_the_deadline_everything_answers_at_once(tmp_path):
    world = Faults(world_of(tmp_path, {"example.com": RECORDS}), silent={"n1.example.com"})
    began = time.monotonic()
    with world.open(deadline=0.3) as session:
        assert session.dns.ask("mx.example.com", "A").found
        under_way = session.dns.ask("n1.example.com", "A")
        assert under_way.outcome is Outcome.TIMEOUT
        later = session.dns.ask("n2.example.com", "A")
        assert later.outcome is Outcome.NOT_ASKED
        assert "0.3 s" in later.detail
        assert session.dns.ask("mx.example.com", "A").found
        assert session.dns.ask("n1.example.com", "A") is under_way
        assert [a.outcome for a in session.dns.transcript()] == [Outcome.FOUND, Outcome.TIMEOUT, Outcome.NOT_ASKED]
    assert time.monotonic() - began < 1


def test_silent_servers_do_not_hold_a_scan_beyond_its_deadline():
    with Nameserver(lambda q, tcp: None) as one, Nameserver(lambda q, tcp: None) as two:
        began = time.monotonic()
        with World.live([one.at, two.at]).open(deadline=2) as session:
            session.dns.foresee(numbered(300, fixed=True))
            for number in range(6):  # one after the other, as in a chain
                assert session.dns.ask(f"chain{number}.example.com", "TXT").outcome in (Outcome.TIMEOUT, Outcome.NOT_ASKED)
        assert time.monotonic() - began < 2.6


def test_many_questions_without_an_answer_wait_for_one_deadline(tmp_path):
    world = Faults(world_of(tmp_path, {"example.com": RECORDS}), silent={"*"})
    began = time.monotonic()
    with world.open(deadline=0.2) as session:
        assert {a.outcome for a in session.dns.ask_all(numbered(300, fixed=True))} == {Outcome.TIMEOUT}
    assert time.monotonic() - began < 0.6


def test_a_closed_session_answers_and_wakes_who_waits(tmp_path):
    world = Faults(world_of(tmp_path, {"example.com": RECORDS}), silent={"n1.example.com"})
    session = world.open()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(session.dns.ask, "n1.example.com", "A")
        time.sleep(0.05)
        session.close()
        assert waiting.result(timeout=1).outcome is Outcome.TIMEOUT
    assert session.dns.ask("mx.example.com", "A").outcome is Outcome.NOT_ASKED


def test_closing_ends_every_socket_with_questions_under_way():
    threads = set(threading.enumerate())  # a scan that another test started in a pool may still be under way
    with Nameserver(lambda q, tcp: None) as server:
        before = len(os.listdir("/dev/fd"))
        session = World.live([server.at]).open()
        session.dns.foresee(numbered(50))
        assert len(os.listdir("/dev/fd")) >= before + 50
        assert len(set(threading.enumerate()) - threads) == 1  # the nameserver's: a scan needs no thread
        session.close()
        assert len(os.listdir("/dev/fd")) == before


# ------------------------------------------------------------------ speculation handed in


def test_foresee_is_called_once_for_each_role(world):
    calls = []

    def foresee(question, answer):
        calls.append((question.role, question.name, question.rtype, answer.outcome))
        if question.role == "mx":
            yield from (Question(host, "A", "mx-host") for _, host in answer.mx())

    with world.open(foresee) as session:
        session.dns.foresee([Question("example.com", "MX", "mx")])
        assert ("mx-host", "mx.example.com", "A", Outcome.FOUND) in calls
        session.dns.ask_all([Question("example.com", "MX", "mx")])
        session.dns.ask_all([Question("mx.example.com", "A", "spf-a")])
        session.dns.ask("mx.example.com", "A")
        session.dns.ask("mx.example.com", "A")
        assert session.dns.timing().questions == 2
    assert sorted(role for role, name, _, _ in calls if name == "mx.example.com") == ["", "mx-host", "spf-a"]
    assert len([c for c in calls if c[0] == "mx"]) == 1


def test_what_was_foreseen_is_on_its_way_before_it_is_demanded():
    def handler(query, tcp):
        name = query.question[0].name.to_text(True)
        return reply_to(query, "@ 300 MX 10 mx.example.com." if name == "example.com" else "@ 300 A 192.0.2.1")

    def foresee(question, answer):
        if question.rtype == "MX":
            yield from (Question(host, kind, "host") for _, host in answer.mx() for kind in ("A", "AAAA"))

    with Nameserver(handler) as server, World.live([server.at]).open(foresee) as session:
        session.dns.ask("example.com", "MX")
        time.sleep(0.1)
        assert len(server.asked) == 3
        session.dns.ask("mx.example.com", "A")
        assert len(server.asked) == 3
        assert session.dns.timing().questions == 3


def test_a_foresee_that_fails_costs_no_answer_and_is_told_in_tests(world):
    def foresee(question, answer):
        raise KeyError("a fault of ours")

    def scan():
        with world.open(foresee) as session:
            assert session.dns.ask("mx.example.com", "A").found

    with pytest.raises(KeyError):
        scan()


def test_a_long_chain_of_foreseen_questions_needs_no_stack(world):
    def foresee(question, answer):
        number = int(question.name.split(".")[0][1:])
        if number < 500:
            yield Question(f"n{number + 1}.example.com", "A", "next", fixed=True)

    with world.open(foresee) as session:
        session.dns.foresee([Question("n0.example.com", "A", "next", fixed=True)])
        assert session.dns.timing().questions == 501


def test_faults_give_their_outcomes(tmp_path):
    world = Faults(
        world_of(tmp_path, {"example.com": RECORDS}),
        servfail={"a.example.com"},
        timeout={("b.example.com", "TXT")},
        refused={"*.c.example.com"},
        bogus={"d.example.com"},
        truncated={"e.example.com"},
        nxdomain={("example.com", "MX")},
        slow={"mx.example.com": 0.1},
    )
    with world.open() as session:
        ask = session.dns.ask
        outcomes = [ask(*q).outcome for q in (("a.example.com", "A"), ("b.example.com", "TXT"), ("b.example.com", "A"), ("x.c.example.com", "A"))]
        assert outcomes == [Outcome.SERVFAIL, Outcome.TIMEOUT, Outcome.NXDOMAIN, Outcome.REFUSED]
        assert [ask(*q).outcome for q in (("d.example.com", "A"), ("e.example.com", "A"), ("example.com", "MX"))] == [
            Outcome.BOGUS,
            Outcome.ERROR,
            Outcome.NXDOMAIN,
        ]
        began = time.monotonic()
        assert ask("mx.example.com", "A").found
        assert time.monotonic() - began >= 0.1
    with Faults(world_of(tmp_path, {"example.com": RECORDS}), down=True).open() as session:
        assert session.dns.ask("example.com", "MX").outcome is Outcome.TIMEOUT


# ------------------------------------------------------------------ the libraries' way


def test_a_dnspython_resolver_asks_through_the_seam(tmp_path):
    records = RECORDS + 'long TXT "one" "two"\nonly A 192.0.2.9\n'
    world = Faults(world_of(tmp_path, {"example.com": records}), servfail={"sf.example.com"}, timeout={"to.example.com"}, refused={"no.example.com"})
    with world.open() as session:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [session.dns]
        assert resolver.resolve("long.example.com", "TXT")[0].strings == (b"one", b"two")
        www = resolver.resolve("www.example.com", "A")
        assert www[0].address == "192.0.2.1"
        assert www.canonical_name.to_text() == "mx.example.com."
        with pytest.raises(dns.resolver.NXDOMAIN):
            resolver.resolve("gone.example.com", "A")
        with pytest.raises(dns.resolver.NoAnswer):
            resolver.resolve("only.example.com", "TXT")
        for name in ("sf", "to", "no"):
            began = time.monotonic()
            with pytest.raises(dns.resolver.NoNameservers):
                resolver.resolve(f"{name}.example.com", "A")
            assert time.monotonic() - began < 0.5
        assert [(a.name, a.outcome) for a in session.dns.transcript()][-1] == ("no.example.com", Outcome.REFUSED)
        assert session.dns.timing().questions == len(world.asked)
        assert session.dns.ask("long.example.com", "TXT").values == ("onetwo",)
        assert session.dns.timing().questions == len(world.asked)
        assert session.dns.resolver().resolve("example.com", "MX")[0].preference == 10


def test_signatures_come_only_where_they_are_asked_for():
    def handler(query, tcp):
        signed = ["@ 300 RRSIG A 8 2 300 20300101000000 20200101000000 1 example.com. AAAA"] if query.ednsflags & dns.flags.DO else []
        return reply_to(query, "@ 300 A 192.0.2.1", *signed)

    with Nameserver(handler) as server, World.live([server.at]).open() as session:
        plain = session.dns.query(dns.message.make_query("example.com", "A"))
        signed = session.dns.query(dns.message.make_query("example.com", "A", want_dnssec=True))
        again = session.dns.query(dns.message.make_query("example.com", "A", want_dnssec=True))
        assert [len(m.answer) for m in (plain, signed, again)] == [1, 2, 2]
        assert session.dns.ask("example.com", "A").values == ("192.0.2.1",)
        assert session.dns.timing().questions == 2
        chaos = session.dns.query(dns.message.make_query("version.bind", "TXT", "CH"))
        assert chaos.rcode() == dns.rcode.REFUSED
