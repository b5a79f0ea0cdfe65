"""How a mail host greets and takes TLS: banner, EHLO, STARTTLS, QUIT. Nothing is ever sent that could lead to a message.

RFC 5321 sections 3.1, 4.1.1.1 and 4.2, RFC 3207.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future
from dataclasses import replace

from ..model import Certificate, Greeted, Reached
from .conversation import Conversation
from .guard import PUBLIC, Ended, Policy
from .hands import Hands
from .reach import Greet, ungreeted
from .tls import Shaken, certificate, lenient, strict

LINE = 4096  # octets; RFC 5321 section 4.5.3.1.5 allows 512, and hosts are known that send more
REPLY = 32768
FAREWELL = 0.5  # seconds that an answer to QUIT is waited for
AGAIN = 1.0  # seconds that have to be left for a second look to be worth it


class Greeter:
    """Port[Greet, Greeted]. Thread-safe; belongs to a World.

    policy   what may be connected to
    cafile   a PEM file of certificate authorities in place of the system's
    name     what is said in EHLO; the address of this end where it is "" (RFC 5321 section 4.1.3)
    """

    def __init__(self, policy: Policy = PUBLIC, *, cafile: str = "", name: str = "") -> None:
        self.policy = policy
        self._cafile, self._name = cafile, name
        self._hands = Hands("smtp")

    def begin(self, wanted: Greet, until: float) -> Future[Greeted]:
        done: Future[Greeted] = Future()
        if why := self.policy.permitted(wanted.address, self.policy.greet):
            done.set_result(ungreeted(wanted, f"{wanted.address}: not connected, {why}", Reached.GUARDED))
            return done
        self._hands.do(lambda: done.set_result(self._greet(wanted, until)), lambda: done.set_result(ungreeted(wanted, "not asked: closed")))
        return done

    def close(self) -> None:
        self._hands.close()

    def _greet(self, wanted: Greet, until: float) -> Greeted:
        """Never raises."""
        try:
            if time.monotonic() >= until:
                return ungreeted(wanted, "not asked: no time was left")
            got, shaken = self._once(wanted, until, careful=True)
            # what a sender without a policy does: TLS with whatever certificate and version there is (RFC 7435)
            failed = got.stage == "tls" and got.reached in (Reached.TLS, Reached.CLOSED)
            if (failed or (shaken is not None and shaken.refused)) and until - time.monotonic() > AGAIN:
                return _joined(got, self._once(wanted, until, careful=False)[0])
            return got
        except Exception as error:
            logging.getLogger(__name__).exception("a greeting failed")
            return ungreeted(wanted, f"a fault of the program: {type(error).__name__}")

    def _once(self, wanted: Greet, until: float, *, careful: bool) -> tuple[Greeted, Shaken | None]:
        with Conversation(self.policy, self.policy.greet, until, self._hands) as talk:
            session = _Session(talk, wanted, self._name)
            try:
                talk.connect(wanted.address)
                session.greet()
                if session.got.stage == "tls":
                    session.secure(strict(self._cafile) if careful else lenient())
            except Ended as ended:
                session.got = replace(session.got, reached=ended.reached, detail=ended.detail)
            return session.got, session.shaken


def _joined(first: Greeted, second: Greeted) -> Greeted:
    """What the first look found out, with what only the second could: that TLS is spoken all the same, and which."""
    if not second.protocol:
        return first
    judged: Certificate | None = first.certificate or second.certificate
    stage = "" if first.reached is Reached.OK else "tls"
    return replace(second, certificate=judged, detail=first.detail, injected=first.injected or second.injected, stage=stage)


class _Session:
    """One conversation. `got` is what is known so far; `got.stage` where it stands."""

    def __init__(self, talk: Conversation, wanted: Greet, name: str) -> None:
        self._talk, self._wanted, self._name = talk, wanted, name
        self._buffer = b""
        self.got = Greeted(wanted.host, wanted.address, Reached.OK, stage="connect")
        self.shaken: Shaken | None = None

    def greet(self) -> None:
        """Up to the answer to STARTTLS; stage "tls" where that is yes. Raises Ended."""
        self._at("banner")
        code, lines = self._reply()
        self.got = replace(self.got, banner=_shown(lines))
        if code != 220:
            # RFC 5321 section 3.1: 554 in place of a greeting; section 4.2.4.2: 421 says as much for now
            return self._turned_away(code, lines)
        self._at("ehlo")
        code, lines = self._command(f"EHLO {self._name or _literal(self._talk.local)}")
        if code != 250:
            # RFC 5321 section 4.1.4: 500 and 502 are those of a host without extensions; others refuse this client
            if code in (500, 502):
                self.got = replace(self.got, starttls=False)
            return self._turned_away(code, lines)
        self.got = replace(self.got, ehlo=tuple(lines), starttls=any(line.split(" ")[0].upper() == "STARTTLS" for line in lines[1:]))
        if not self.got.starttls:
            return self._farewell()
        self._at("starttls")
        code, lines = self._command("STARTTLS")
        if code != 220:
            return self._turned_away(code, lines)
        # RFC 3207 section 6: whatever came in the clear after the answer is not the host's word (CVE-2011-0411)
        stray = self._buffer + self._talk.waiting()
        self._buffer = b""
        self.got = replace(self.got, injected=bool(stray))
        self._at("tls")
        return None

    def secure(self, context: object) -> None:
        """The handshake, judged; then QUIT. Raises Ended."""
        import ssl

        assert isinstance(context, ssl.SSLContext)
        host = self._wanted.host.rstrip(".")
        self.shaken = shaken = self._talk.secure(context, host)
        self.got = replace(self.got, protocol=shaken.protocol, cipher=shaken.cipher, certificate=certificate(shaken, host))
        if shaken.refused:
            self._at("")
            self.got = replace(self.got, detail=f"{self._wanted.address}: the certificate is refused ({shaken.why})")
        else:
            self._farewell()

    def _at(self, stage: str) -> None:
        self.got = replace(self.got, stage=stage)

    def _turned_away(self, code: int, lines: list[str]) -> None:
        stage = self.got.stage
        self._farewell()
        self.got = replace(self.got, stage=stage, detail=f"{code} {_shown(lines)}"[:300])

    def _farewell(self) -> None:
        """QUIT; what is answered, and whether, does not matter. The conversation has come to its end."""
        self._at("")
        try:
            self._talk.send(b"QUIT\r\n")
            self._talk.linger(FAREWELL)
        except Ended:
            return

    # ------------------------------------------------------------------ replies

    def _command(self, line: str) -> tuple[int, list[str]]:
        self._talk.send(line.encode("ascii") + b"\r\n")
        return self._reply()

    def _reply(self) -> tuple[int, list[str]]:
        """One reply: its code and the text of its lines. RFC 5321 section 4.2.1. Raises Ended."""
        lines: list[str] = []
        taken = 0
        while True:
            line = self._line()
            taken += len(line)
            code, mark = line[:3], line[3:4]
            if taken > REPLY or not code.isdigit() or code[:1] not in (b"2", b"3", b"4", b"5") or mark not in (b" ", b"-", b""):
                raise Ended(Reached.PROTOCOL, f"{self._wanted.address}: no SMTP ({_printable(line)[:80]})")
            lines.append(_printable(line[4:]))
            if mark != b"-":
                return int(code), lines

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > LINE:
                raise Ended(Reached.PROTOCOL, f"{self._wanted.address}: no SMTP (a line of more than {LINE} octets)")
            data = self._talk.receive()
            if not data:
                raise Ended(Reached.CLOSED, f"{self._wanted.address}: the connection ended before its answer did")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.removesuffix(b"\r")


def _shown(lines: list[str]) -> str:
    return " ".join(filter(None, (line.strip() for line in lines)))


def _printable(octets: bytes) -> str:
    return "".join(c if c.isprintable() else "�" for c in octets.decode("utf-8", "replace"))


def _literal(address: str) -> str:
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"
