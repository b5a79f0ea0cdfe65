"""Questions to nameservers over UDP and TCP: whom to ask next, and what an answer is worth.

Each question goes out from a fresh socket, so from a source port that the kernel drew, with a random ID, and the answer's ID
and question are compared (RFC 5452 section 9). What does not fit is ignored, and the wait goes on.

A question is tried at most three times, over the servers in turn, in five seconds together. SERVFAIL, REFUSED, a lame answer
or none at all go on to the next server; truncation goes on over TCP (RFC 7766 section 5); FORMERR goes on without EDNS
(RFC 6891 section 7). SERVFAIL twice is asked once more with the CD bit, to see whether DNSSEC is the reason.
"""

from __future__ import annotations

import errno
import socket
import time
from dataclasses import dataclass
from ipaddress import ip_address

import dns.rcode

from ..model import Outcome
from . import codec
from .codec import Heard, Malformed, Reply
from .flight import Job, Server, State, Try
from .line import Ask, Done, Line
from .loop import Loop, here

WAITS = (1.2, 2.0, 1.6)  # seconds for each try
TCP_WAIT = 2.5
CD_WAIT = 1.0
DOWN_PAUSE = 0.15  # seconds before a port that nobody listens on is tried again
SLOW_AFTER = 3  # time-outs in a row, after which a server goes last
_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPERM, errno.EACCES)
# of several failures the one that says most is told
_RANK = (Outcome.BOGUS, Outcome.SERVFAIL, Outcome.REFUSED, Outcome.ERROR, Outcome.TIMEOUT)


def _nobody(_: Reply) -> None:
    """Whom a question tells that is over."""


@dataclass(frozen=True, slots=True)
class Resolvers:
    """The source that asks nameservers."""

    servers: tuple[Server, ...]

    def line(self, until: float) -> Line:
        return Wire(self.servers, until, here())


class Wire:
    """A line to nameservers. put() and close() may be called from any thread; the rest is called by the loop."""

    waits: tuple[float, ...] = WAITS
    tcp_wait = TCP_WAIT
    longest = 4.9  # seconds after which no further try begins

    def __init__(self, servers: tuple[Server, ...], until: float, loop: Loop) -> None:
        self.until, self._loop = until, loop
        self._direct: Direct | None = None
        self._states = [State(s) for s in servers]
        self._plan = self._planned(self._states)
        self._jobs: set[Job] = set()
        self._closed = False

    def put(self, ask: Ask, done: Done) -> None:
        with self._loop.lock:
            if self._closed:
                return
            states = self._states
            if ask.server or len(states) > 1:
                if ask.at:
                    self._direct = self._direct or Direct(self.until, self._loop)
                    self._direct.put(ask, done)
                    return
                # servers that keep silent go last for the rest of this scan; sorted() keeps the configured order otherwise
                states = sorted((s for s in states if ask.server in ("", s.server.label)), key=lambda s: s.silent >= SLOW_AFTER)
            if not states:
                done(Reply(Outcome.ERROR, detail=f"{ask.server} is not among the nameservers"))
                return
            self._begin(ask, done, states)

    def _planned(self, states: list[State]) -> tuple[State, ...]:
        """Whom to try, in turn."""
        return tuple((states * len(self.waits))[: len(self.waits)])

    def _begin(self, ask: Ask, done: Done, states: list[State]) -> None:
        plan = self._plan if states is self._states else self._planned(states)
        job = Job(self, ask, codec.section(ask.name, ask.rtype), done, plan)
        self._jobs.add(job)
        try:
            self._loop.enqueue(job)
        except OSError as error:
            self._finish(job, Reply(Outcome.ERROR, detail=f"no socket can be waited on: {error.strerror or error}"))

    def close(self) -> None:
        """Ends every socket of this line. What is under way is never answered."""
        with self._loop.lock:
            if self._direct is not None:
                self._direct.close()
            self._closed = True
            for job in self._jobs:
                self._loop.end(job)
                job.done = _nobody
            self._jobs.clear()

    def _finish(self, job: Job, reply: Reply) -> None:
        self._loop.end(job)
        self._jobs.discard(job)
        done, job.done = job.done, _nobody
        done(reply)

    def next(self, job: Job) -> bool:
        """The next try, or the end. False only where no socket is free for the first try."""
        if job.at >= len(job.plan):
            self._give_up(job)
            return True
        state = job.plan[job.at]
        # a second try at the same server goes out from the same socket, so that a late answer to the first still counts
        each = next((t for t in job.tries if t.state is state and t.got is None), None) if job.tries else None
        try:
            each = each or self._loop.open(job, state)
        except OSError as error:
            job.at += 1
            self._no_socket(job, state, error)
            return True
        if each is None:
            if not job.sent:
                return False
            job.at += 1
            self._failed(job, state, Outcome.ERROR, "no socket was free")
            return True
        job.at += 1
        self._loop.timer(job, self.waits[min(job.sent, len(self.waits) - 1)])
        job.sent += 1
        self._loop.send(each)
        return True

    def _no_socket(self, job: Job, state: State, error: OSError) -> None:
        self._failed(job, state, Outcome.ERROR, error.strerror or str(error))

    def late(self, job: Job) -> None:
        now = time.monotonic()
        if not job.checking:
            last = job.tries[-1] if job.tries else None
            if last is not None:
                last.state.silent += 1
                words = "no answer" if last.got is None else "the answer is truncated, and TCP brought none"
                self._remember(job, last.state, Outcome.TIMEOUT, words)
                if last.got is not None:  # a connection that hangs is not waited for any longer
                    self._loop.drop(last)
            if now < min(self.until, job.began + self.longest):
                self.next(job)
                return
        job.at = len(job.plan)
        self._give_up(job)

    def heard(self, each: Try, data: bytes) -> None:
        job, state = each.job, each.state
        state.silent = 0
        try:
            heard = codec.read(data, job.asked)
        except Malformed as error:
            self._failed(job, state, Outcome.ERROR, f"a malformed answer ({error})", each)
            return
        rcode = heard.rcode
        if heard.truncated:
            if each.got is None:
                self._again(each, socket.SOCK_STREAM)
            else:
                self._failed(job, state, Outcome.ERROR, "the answer is truncated, also over TCP", each)
        elif rcode in (codec.NOERROR, codec.NXDOMAIN):
            # RFC 2308 section 2.2: NODATA and a referral look alike; who neither has the zone nor recurses said nothing
            if rcode == codec.NOERROR and not heard.records and heard.negative_ttl is None and not (heard.authoritative or heard.recursive):
                self._failed(job, state, Outcome.ERROR, "a lame answer: this server neither has the zone nor asks on", each)
            else:
                self._answered(each, heard, data)
        elif rcode in (codec.FORMERR, codec.NOTIMP, codec.BADVERS) and each.edns:
            state.edns = False
            self._again(each, socket.SOCK_DGRAM if each.got is None else socket.SOCK_STREAM)
        elif job.checking:
            self._give_up(job)
        else:
            self._refused(each, heard)

    def _answered(self, each: Try, heard: Heard, data: bytes) -> None:
        job = each.job
        if job.checking and job.worst is not None:
            job.worst.turned = True
            job.worst.wire = data if job.ask.do else b""
            self._give_up(job)
            return
        self._finish(job, Reply(None, heard.rcode, heard.records, heard.negative_ttl, heard.ad, server=each.state.server.label, wire=data))

    def _refused(self, each: Try, heard: Heard) -> None:
        job, state = each.job, each.state
        words = "".join(f", extended error {code} {text}".rstrip() for code, text in heard.edes)
        if heard.rcode == codec.SERVFAIL:
            if any(code in codec.BOGUS_CODES for code, _ in heard.edes):
                self._remember(job, state, Outcome.BOGUS, "SERVFAIL" + words)
                self._give_up(job)
                return
            job.servfails += 1
            self._failed(job, state, Outcome.SERVFAIL, "SERVFAIL" + words, each)
            return
        job.plan, job.at = tuple(s for s in job.plan[job.at :] if s is not state), 0  # it would say the same again
        outcome = Outcome.REFUSED if heard.rcode in (codec.REFUSED, codec.NOTAUTH) else Outcome.ERROR
        self._failed(job, state, outcome, dns.rcode.to_text(dns.rcode.Rcode.make(heard.rcode)) + words, each)

    def lost(self, each: Try, error: OSError) -> None:
        job, state = each.job, each.state
        words = error.strerror or str(error)
        if each.got is not None:
            self._failed(job, state, Outcome.ERROR, f"the answer is truncated, and TCP failed ({words})", each)
            return
        self._loop.drop(each)
        if isinstance(error, ConnectionRefusedError):
            words = "no DNS server listens there (connection refused)"
        self._remember(job, state, Outcome.ERROR, words)
        if job.checking or job.at >= len(job.plan):
            self._give_up(job)
        elif job.plan[job.at] is state:
            self._loop.timer(job, DOWN_PAUSE)
        else:
            self.next(job)

    def _failed(self, job: Job, state: State, outcome: Outcome, words: str, each: Try | None = None) -> None:
        self._remember(job, state, outcome, words)
        if each is not None:
            self._loop.drop(each)
        if job.servfails >= 2 or job.checking or job.at >= len(job.plan):
            self._give_up(job)
        else:
            self.next(job)

    @staticmethod
    def _remember(job: Job, state: State, outcome: Outcome, words: str) -> None:
        told = f"{state.server.label}: {words}"
        if told not in job.told:
            job.told = (*job.told, told)
        if job.worst is None or _RANK.index(outcome) < _RANK.index(job.worst.failure or Outcome.TIMEOUT):
            job.worst = Reply(outcome, server=state.server.label)

    def _again(self, each: Try, kind: int) -> None:
        """The same question to the same server from a new socket; not counted as a try."""
        job, state = each.job, each.state
        self._loop.drop(each)
        try:
            new = self._loop.open(job, state, cd=each.cd, kind=kind)
        except OSError:
            new = None
        if new is None:
            self._failed(job, state, Outcome.ERROR, "no socket was free")
        elif kind == socket.SOCK_STREAM:
            self._loop.timer(job, CD_WAIT if job.checking else self.tcp_wait)
            self._loop.connect(new)
        else:
            self._loop.send(new)

    def _give_up(self, job: Job) -> None:
        worst = job.worst or Reply(Outcome.TIMEOUT)
        broken = worst.failure is Outcome.BOGUS and job.ask.do  # known without asking again, but not why
        if (worst.failure is Outcome.SERVFAIL or broken) and not job.checking and not job.ask.cd and time.monotonic() < self.until:
            job.checking = True
            state = next(s for s in self._states if s.server.label == worst.server)
            try:
                each = self._loop.open(job, state, cd=True)
            except OSError:
                each = None
            if each is not None:
                self._loop.timer(job, CD_WAIT)
                self._loop.send(each)
                return
        worst.detail = "; ".join(job.told)
        self._finish(job, worst)


class Direct(Wire):
    """Questions to the one nameserver at an address that scanned data chose: guarded, without RD, and what it says is taken as it is."""

    waits = (1.0, 1.8)  # a dead server costs three seconds, in which everything else goes on
    tcp_wait = 1.7
    longest = 1.2

    def __init__(self, until: float, loop: Loop) -> None:
        super().__init__((), until, loop)
        self._at: dict[str, State] = {}

    def put(self, ask: Ask, done: Done) -> None:
        """The caller holds the lock. The address that is judged is the one that the socket is bound to a moment later."""
        policy = ask.policy
        if why := policy.permitted(ask.at, policy.ask):
            done(Reply(Outcome.NOT_ASKED, detail=f"{ask.at}: not asked, {why}", server=ask.at))
            return
        if (state := self._at.get(ask.at)) is None:
            literal = ip_address(ask.at)
            family, place = (socket.AF_INET, (ask.at, policy.ask)) if literal.version == 4 else (socket.AF_INET6, (ask.at, policy.ask, 0, 0))
            state = self._at[ask.at] = State(Server(ask.at, family, place))
        self._begin(ask, done, [state])

    def heard(self, each: Try, data: bytes) -> None:
        try:
            heard = codec.read(data, each.job.asked)
        except Malformed:
            heard = None
        if heard is None or heard.truncated or heard.rcode not in (codec.NOERROR, codec.NXDOMAIN):
            super().heard(each, data)
            return
        label = each.state.server.label
        records = heard.records
        if not heard.authoritative and not records and each.job.ask.rtype == codec.NS:
            records = _delegation(data, each.job.ask.name)
        if heard.authoritative or records:
            reply = Reply(None, heard.rcode, records, heard.negative_ttl, server=label, wire=data, authoritative=heard.authoritative)
        else:
            # RFC 1034 section 4.3.1: what it does not hold it can at best refer to; its word that something is missing counts for nothing
            reply = Reply(Outcome.ERROR, detail=f"{label}: a lame answer: this server does not hold the zone", server=label, authoritative=False)
        self._finish(each.job, reply)

    def lost(self, each: Try, error: OSError) -> None:
        if error.errno in _NO_WAY:
            self._no_socket(each.job, each.state, error)
        else:
            super().lost(each, error)

    def _no_socket(self, job: Job, state: State, error: OSError) -> None:
        # it says nothing of the server
        self._finish(job, Reply(Outcome.NOT_ASKED, detail=f"{state.server.label}: no way there from this machine ({error.strerror or error})"))

    def _give_up(self, job: Job) -> None:
        reply = job.worst or Reply(Outcome.TIMEOUT, server=job.plan[0].server.label if job.plan else "")
        reply.detail = "; ".join(job.told)
        self._finish(job, reply)


def _delegation(data: bytes, name: bytes) -> tuple[codec.RR, ...]:
    """The nameservers that a referral names for exactly this zone. RFC 1034 section 4.3.2, step 3b."""
    found = []
    for rrset in Reply(wire=data).sections()[1]:
        if rrset.rdtype == codec.NS and rrset.name.to_digestable() == name:
            found += [codec.record_of(name, rrset.ttl, item) for item in rrset]
    return tuple(found)
