"""Sockets that are renewed in place of closed, and the waits of questions (edge/renew.py, edge/sockets.py, edge/timers.py)."""

import random
import socket
import sys
import time
from types import SimpleNamespace

import pytest
from support import Nameserver, reply_to

from healthcheck.edge import renew, timers
from healthcheck.edge.loop import Loop
from healthcheck.edge.renew import renewed
from healthcheck.edge.timers import Timers
from healthcheck.edge.world import World
from healthcheck.model import Outcome, Question

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems keep the port of a socket whose association is dissolved")


@pytest.fixture
def server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
        there.bind(("127.0.0.1", 0))
        there.settimeout(5)
        yield there


@pytest.fixture
def line(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.setblocking(False)
        here.connect(server.getsockname())
        yield here


@LINUX
def test_a_renewed_socket_has_another_port_and_works(server, line):
    seen = {line.getsockname()[1]}
    for n in range(50):
        assert renewed(line, server.getsockname())
        seen.add(line.getsockname()[1])
        line.send(b"%d" % n)
        data, peer = server.recvfrom(64)
        assert (data, peer) == (b"%d" % n, line.getsockname())
    assert len(seen) > 45  # the kernel draws from some 28,000


@LINUX
def test_what_came_to_the_old_port_is_no_answer_to_a_later_question(server, line):
    old = line.getsockname()
    for _ in range(20):
        server.sendto(b"guessed", old)
    assert renewed(line, server.getsockname())
    server.sendto(b"too late", old)
    with pytest.raises(BlockingIOError):
        line.recv(64)


@LINUX
def test_a_socket_whose_server_is_gone_is_not_renewed(line, server):
    at = server.getsockname()
    server.close()
    line.send(b"anybody?")
    for _ in range(200):  # until the refusal is there
        time.sleep(0.005)
        if not renewed(line, at):
            break
        line.send(b"anybody?")
    else:
        pytest.fail("a refused socket was renewed two hundred times")


def test_where_the_system_frees_no_port_nothing_is_renewed(server, line, monkeypatch):
    monkeypatch.setattr(renew, "_dissolve", lambda: None)
    assert not renewed(line, server.getsockname())


@pytest.mark.parametrize("frees", [True, False])
def test_many_questions_of_one_loop_have_a_port_each(frees, monkeypatch, patient):
    """And no more sockets than are under way at once, where they can be renewed."""
    if not frees:
        monkeypatch.setattr(renew, "_dissolve", lambda: None)
    made = []
    real = socket.socket.__init__
    with Nameserver(lambda query, _: reply_to(query, "@ 300 A 192.0.2.1")) as nameserver:
        monkeypatch.setattr(socket.socket, "__init__", lambda self, *args, **more: (made.append(self), real(self, *args, **more))[1])
        loop = Loop(most=20)
        loop.together = True
        world = World.live([nameserver.at])
        for part in range(8):
            with world.open(loop=loop, deadline=60.0) as session:
                answers = session.dns.ask_all([Question(f"n{part}-{n}.example.com", "A", fixed=True) for n in range(50)])
                assert {a.outcome for a in answers} == {Outcome.FOUND}
        loop.close()
        world.close()
        assert len(nameserver.ports) == 400
        assert len(set(nameserver.ports)) > 380
        if frees and sys.platform.startswith("linux"):
            assert len(made) < 150
    assert all(s.fileno() == -1 for s in made)


def test_sockets_that_stand_ready_for_one_server_keep_no_other_from_its_own(monkeypatch):
    from healthcheck.edge import flight, sockets

    monkeypatch.setattr(sockets, "free", flight.Purse(4))
    answer = lambda query, _: reply_to(query, "@ 300 A 192.0.2.1")  # noqa: E731
    with Nameserver(answer) as one, Nameserver(answer) as other:
        loop = Loop(most=20)
        loop.together = True
        for server in (one, other, one, other):
            world = World.live([server.at])
            with world.open(loop=loop, deadline=5.0) as session:
                found = session.dns.ask_all([Question(f"n{n}.example.com", "A", fixed=True) for n in range(12)])
                assert {a.outcome for a in found} == {Outcome.FOUND}
            world.close()
        loop.close()


# ------------------------------------------------------------------ waits


def job(until=1e9, began=0.0):
    return SimpleNamespace(line=SimpleNamespace(until=until), began=began, turn=0, over=False)


def test_waits_end_in_the_order_of_their_ends_as_in_a_sorted_list(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(timers, "time", SimpleNamespace(monotonic=lambda: clock.now))
    for seed in range(60):
        dice, held, expected = random.Random(seed), Timers(), []
        jobs = [job(until=100 + dice.choice((2.0, 4.0, 50.0)), began=99 + dice.random()) for _ in range(30)]
        clock.now = 100.0
        for _ in range(300):
            clock.now += dice.random() / 20
            one = dice.choice(jobs)
            if dice.random() < 0.2:
                one.over = True
            wait = dice.choice((1.2, 2.0, 1.6, 8.0))
            held.start(one, wait)
            expected = [e for e in expected if e[1] is not one]
            expected.append((min(clock.now + wait, one.line.until, max(one.began + timers.LONGEST, clock.now + 0.3)), one))
            live = [e for e in expected if not e[1].over]
            assert held.next() == min((due for due, _ in live), default=None)
            ended = list(held.ended(clock.now))
            assert sorted(map(id, ended)) == sorted(id(who) for due, who in live if due <= clock.now)
            expected = [e for e in live if e[0] > clock.now]


def test_a_wait_that_is_begun_anew_ends_once(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(timers, "time", SimpleNamespace(monotonic=lambda: clock.now))
    held, one = Timers(), job()
    held.start(one, 1.0)
    clock.now = 0.5
    held.start(one, 1.0)
    assert list(held.ended(1.2)) == []
    assert held.next() == 1.5
    assert list(held.ended(1.5)) == [one]
    assert held.next() is None
