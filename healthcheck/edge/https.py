"""One GET by HTTPS, of a policy or a logo: to the addresses that the seam looked up, behind the guard, with an end in octets and in time.

The protocol is h11's; the connection, and when it ends, is ours. RFC 9110, RFC 9112.
"""

from __future__ import annotations

import logging
import ssl
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from urllib.parse import quote

from ..model import Fetch, Fetched, Reached
from .conversation import Conversation
from .guard import PUBLIC, Ended, Policy
from .hands import Hands
from .reach import unfetched
from .tls import certificate, strict

AGENT = "healthcheck (mail domain check)"
ADDRESSES = 6  # tried for one URL
HEAD = 16384  # octets of the status line and the headers together
HEADERS = 100
WASTE = 8  # octets on the wire for each of the body: chunks of one octet need six

# which of several failures is told: the one that says most of the host
_TELLING = (Reached.CLOSED, Reached.REFUSED, Reached.TIMEOUT, Reached.NO_ROUTE, Reached.NOT_ASKED, Reached.GUARDED)


class Fetcher:
    """Port[Fetch, Fetched]. Thread-safe; belongs to a World.

    policy   what may be connected to
    cafile   a PEM file of certificate authorities in place of the system's
    """

    def __init__(self, policy: Policy = PUBLIC, *, cafile: str = "") -> None:
        self.policy = policy
        self._cafile = cafile
        self._hands = Hands("https")

    def begin(self, wanted: Fetch, until: float) -> Future[Fetched]:
        done: Future[Fetched] = Future()
        refused = [(a, why) for a in wanted.addresses if (why := self.policy.permitted(a, self.policy.fetch))]
        if len(refused) == len(wanted.addresses):
            reached = Reached.GUARDED if refused else Reached.NOT_ASKED
            done.set_result(unfetched(wanted, "; ".join(f"{a}: not connected, {why}" for a, why in refused) or "no address is known", reached))
            return done
        self._hands.do(lambda: done.set_result(self._fetch(wanted, until)), lambda: done.set_result(unfetched(wanted, "not asked: closed")))
        return done

    def close(self) -> None:
        self._hands.close()

    def _fetch(self, wanted: Fetch, until: float) -> Fetched:
        """Never raises."""
        try:
            if time.monotonic() >= until:
                return unfetched(wanted, "not asked: no time was left")
            with Conversation(self.policy, self.policy.fetch, until, self._hands) as talk:
                try:
                    _connect(talk, wanted.addresses[:ADDRESSES])
                    return _get(talk, wanted, strict(self._cafile, ("http/1.1",)))
                except Ended as ended:
                    return Fetched(wanted.url, ended.reached, address=talk.address, detail=ended.detail)
        except Exception as error:
            logging.getLogger(__name__).exception("a fetch failed")
            return unfetched(wanted, f"a fault of the program: {type(error).__name__}")


def _connect(talk: Conversation, addresses: tuple[str, ...]) -> None:
    """To the first address that takes a connection. Raises Ended with the most telling failure, and what became of each."""
    failed: list[Ended] = []
    for at, address in enumerate(addresses):
        try:
            return talk.connect(address, share=at + 1 < len(addresses))
        except Ended as ended:
            failed.append(ended)
    worst = min(failed, key=lambda ended: _TELLING.index(ended.reached))
    raise Ended(worst.reached, "; ".join(ended.detail for ended in failed))


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


def _get(talk: Conversation, wanted: Fetch, context: ssl.SSLContext) -> Fetched:
    got = Fetched(wanted.url, Reached.OK, address=talk.address)
    shaken = talk.secure(context, wanted.host)
    got = replace(got, certificate=certificate(shaken, wanted.host))
    if shaken.refused:
        return replace(got, reached=Reached.CERTIFICATE, detail=f"{talk.address}: the certificate is refused ({shaken.why})")
    try:
        return _exchange(talk, wanted, got)
    except Ended as ended:
        return replace(got, reached=ended.reached, detail=ended.detail)


def _exchange(talk: Conversation, wanted: Fetch, got: Fetched) -> Fetched:
    import h11

    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD)
    try:
        asked = h11.Request(method="GET", target=quote(wanted.path, safe="/%:=&?~+!$,;'@()*-._"), headers=_headers(wanted.host))
        talk.send((http.send(asked) or b"") + (http.send(h11.EndOfMessage()) or b""))
    except (h11.LocalProtocolError, UnicodeError) as error:
        return replace(got, reached=Reached.NOT_ASKED, detail=f"this cannot be asked: {error}")
    try:
        head = _head(talk, http)
        got = replace(got, status=head.status, content_type=head.get("content-type"), location=head.get("location"))
        if head.status != 200:
            return got  # a redirect or an error: what it says beside that is of no use
        encoding = head.get("content-encoding").strip().lower()
        if encoding not in ("", "identity"):
            return replace(got, reached=Reached.PROTOCOL, detail=f"{talk.address}: content-encoding {encoding[:40]}, which was not asked for")
        declared = head.get("content-length").strip()
        if declared.isdigit() and int(declared) > wanted.limit:
            return replace(got, reached=Reached.TOO_LARGE, detail=f"{talk.address}: {declared} octets, and at most {wanted.limit} are read")
        return replace(got, body=_body(talk, http, wanted.limit))
    except Ended as ended:
        return replace(got, reached=ended.reached, detail=ended.detail)
    except h11.RemoteProtocolError as error:
        if error.error_status_hint == 431:
            return replace(got, reached=Reached.TOO_LARGE, detail=f"{talk.address}: its header is longer than {HEAD} octets")
        if http.their_state is h11.ERROR and http.trailing_data[1]:
            return replace(got, reached=Reached.CLOSED, detail=f"{talk.address}: the connection ended before its answer did")
        return replace(got, reached=Reached.PROTOCOL, detail=f"{talk.address}: no HTTP ({error})"[:200])


def _headers(host: str) -> list[tuple[str, str]]:
    return [("Host", host), ("User-Agent", AGENT), ("Accept", "*/*"), ("Accept-Encoding", "identity"), ("Connection", "close")]


def _head(talk: Conversation, http: object) -> _Head:
    """The final status and headers. Raises Ended and h11.RemoteProtocolError."""
    import h11

    assert isinstance(http, h11.Connection)
    taken = 0
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            data = talk.receive()
            taken += len(data)
            if taken > HEAD * 4:  # interim answers without end
                raise Ended(Reached.TOO_LARGE, f"{talk.address}: its header is longer than {HEAD} octets")
            if not data:
                held = http.trailing_data[0]
                if held and not held.startswith(b"HTTP/"[: len(held)]):
                    raise Ended(Reached.PROTOCOL, f"{talk.address}: no HTTP answer")
                raise Ended(Reached.CLOSED, f"{talk.address}: the connection ended before its answer did")
            http.receive_data(data)
        elif isinstance(event, h11.Response):
            if len(event.headers) > HEADERS:
                raise Ended(Reached.TOO_LARGE, f"{talk.address}: more than {HEADERS} headers")
            return _Head(event.status_code, tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in event.headers))
        elif not isinstance(event, h11.InformationalResponse) or event.status_code == 101:
            raise Ended(Reached.PROTOCOL, f"{talk.address}: no HTTP answer")


def _body(talk: Conversation, http: object, limit: int) -> bytes:
    """Raises Ended and h11.RemoteProtocolError."""
    import h11

    assert isinstance(http, h11.Connection)
    body = bytearray()
    taken = 0
    while True:
        event = http.next_event()
        if isinstance(event, h11.Data):
            body += event.data
            if len(body) > limit:
                raise Ended(Reached.TOO_LARGE, f"{talk.address}: more than {limit} octets")
        elif isinstance(event, h11.EndOfMessage):
            return bytes(body)
        elif event is h11.NEED_DATA:
            data = talk.receive()
            taken += len(data)
            if taken > limit * WASTE + HEAD:
                raise Ended(Reached.TOO_LARGE, f"{talk.address}: more than {limit} octets")
            http.receive_data(data)  # b"" is the end of the connection
        else:
            raise Ended(Reached.CLOSED, f"{talk.address}: the connection ended before its answer did")
