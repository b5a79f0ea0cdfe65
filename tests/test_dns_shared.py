"""What scans that run at once share, and what a library finds in the messages of the seam."""

import threading
import time

import dns.message
import dns.rdataclass
import dns.resolver
import pytest
from support import Faults, Nameserver, reply_to, world_of

from healthcheck.edge.world import World
from healthcheck.model import Outcome, Question

RECORDS = """
@ TXT "v=spf1 -all"
@ TXT "other"
@ MX 10 MX
mx A 192.0.2.1
mx AAAA 2001:db8::1
alias CNAME mx
chain CNAME alias
*.wild A 192.0.2.3
"""
SHAPES = [
    ("example.com", "TXT", ['"other"', '"v=spf1 -all"']),
    ("EXAMPLE.com", "TXT", ['"other"', '"v=spf1 -all"']),
    ("example.com", "MX", ["10 mx.example.com."]),
    ("mx.example.com", "AAAA", ["2001:db8::1"]),
    ("alias.example.com", "A", ["192.0.2.1"]),
    ("Chain.example.com", "A", ["192.0.2.1"]),
    ("any.wild.example.com", "A", ["192.0.2.3"]),
    ("alias.example.com", "CNAME", ["mx.example.com."]),
]


@pytest.mark.parametrize("wire", [False, True], ids=["zone-file", "wire"])
def test_what_exists_is_found_by_dnspython(wire, tmp_path):
    inner = world_of(tmp_path, {"example.com": RECORDS})

    def handler(query, tcp):
        with inner.open() as session:
            return session.dns.query(query)

    with Nameserver(handler) as server:
        world = World.live([server.at]) if wire else inner
        with world.open() as session:
            plain = dns.resolver.Resolver(configure=False)
            plain.nameservers = [session.dns]
            for resolver in (session.dns.resolver(), plain):
                for name, rtype, values in SHAPES:
                    assert sorted(r.to_text().lower() for r in resolver.resolve(name, rtype)) == values, (name, rtype)
                with pytest.raises(dns.resolver.NoAnswer):
                    resolver.resolve("alias.example.com", "TXT")
                with pytest.raises(dns.resolver.NXDOMAIN):
                    resolver.resolve("gone.example.com", "A")
            # the message itself: its sections can be searched, and it can be sent on
            message = session.dns.query(dns.message.make_query("chain.example.com", "A"))
            assert message.get_rrset(message.answer, dns.name.from_text("mx.example.com."), dns.rdataclass.IN, dns.rdatatype.A)
            assert dns.message.from_wire(message.to_wire()).answer == message.answer


LIST = [Question(f"{n}.list.example", "A", fixed=True, shared=True) for n in range(5)]


def test_scans_at_once_ask_a_shared_question_once():
    def handler(query, tcp):
        time.sleep(0.01)
        return reply_to(query, "@ 300 A 127.0.0.2")

    answers, counts = [], []

    def one(world, gate):
        with world.open() as session:
            gate.wait()
            answers.append(session.dns.ask_all(LIST))
            counts.append(session.dns.timing())

    with Nameserver(handler) as server:
        world, gate = World.live([server.at]), threading.Barrier(12)
        threads = [threading.Thread(target=one, args=(world, gate)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.asked) == len(LIST)
    assert len(answers) == 12
    assert {a.values for each in answers for a in each} == {("127.0.0.2",)}
    assert sum(t.questions for t in counts) == len(LIST)
    assert all(t.questions == t.distinct for t in counts)


def test_who_waits_beside_a_scan_that_ends_asks_by_itself(tmp_path):
    inner = world_of(tmp_path, {"list.example": "0 A 127.0.0.2"})
    world = Faults(inner, silent={"0.list.example"})
    with world.open(deadline=5) as waiting:
        with world.open(deadline=0.2) as asking:
            asking.dns.foresee(LIST[:1])
            waiting.dns.foresee(LIST[:1])
            assert len(world.asked) == 1
            assert asking.dns.ask_all(LIST[:1])[0].outcome is Outcome.TIMEOUT
            world.silent = frozenset()
        assert waiting.dns.ask_all(LIST[:1])[0].values == ("127.0.0.2",)
    assert len(world.asked) == 2


def test_a_scan_that_has_ended_is_told_nothing(tmp_path):
    inner = world_of(tmp_path, {"list.example": "0 A 127.0.0.2"})
    world = Faults(inner, slow={"0.list.example": 0.1})
    with world.open() as asking:
        asking.dns.foresee(LIST[:1])
        with world.open() as gone:
            gone.dns.foresee(LIST[:1])
        assert asking.dns.ask_all(LIST[:1])[0].found
    assert gone.dns.ask("0.list.example", "A", shared=True).outcome in (Outcome.NOT_ASKED, Outcome.TIMEOUT)
