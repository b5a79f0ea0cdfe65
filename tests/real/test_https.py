"""The fetch, against servers on loopback that do what servers do, and worse: good, wrong name, expired, redirecting, endless, slow, garbage."""

import socket
import ssl
import threading
import time

import dns.rdatatype
import pytest
from support import Nameserver, reply_to
from support.tls import LOOPBACK, Authority, Listener, answer, https

from healthcheck.bulk import Item, run
from healthcheck.edge.guard import Policy
from healthcheck.edge.https import Fetcher
from healthcheck.edge.loop import Loop
from healthcheck.edge.world import World
from healthcheck.model import Fetch, Reached
from healthcheck.scan import begin

HOST = "mta-sts.example.com"
POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmax_age: 604800\r\n"


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def good(ca):
    return ca.context([HOST, "*.pages.example.com"])


def fetch(listener, ca, *, seconds=5.0, addresses=("127.0.0.1",), url=f"https://{HOST}/.well-known/mta-sts.txt", limit=65536):
    port = Fetcher(Policy(fetch=listener.port, also=LOOPBACK), cafile=ca.cafile)
    try:
        return port.begin(Fetch(url, tuple(addresses), limit), time.monotonic() + seconds).result(seconds + 3)
    finally:
        port.close()
        assert not [t for t in threading.enumerate() if t.name == "https"]


def through(ca, context, say, **how):
    with Listener(https(context, say)) as server:
        return fetch(server, ca, **how)


# ------------------------------------------------------------------ what works


def test_a_policy_is_fetched(ca, good):
    asked = []
    with Listener(https(good, lambda line, head: (asked.append(head), answer(POLICY, "200 OK", "Content-Type: text/plain")(line, head)))) as server:
        got = fetch(server, ca)
    assert (got.reached, got.status, got.content_type, got.body, got.location) == (Reached.OK, 200, "text/plain", POLICY, "")
    assert got.address == "127.0.0.1"
    head = asked[0].decode()
    assert head.startswith("GET /.well-known/mta-sts.txt HTTP/1.1\r\n")
    assert "\r\nHost: mta-sts.example.com\r\n" in head
    assert "\r\nAccept-Encoding: identity\r\n" in head
    assert got.certificate.problem == ""
    assert got.certificate.names == (HOST, "*.pages.example.com")
    assert len(got.certificate.chain) == 2  # the server's own and the authority's


def test_the_name_that_is_asked_for_is_said_in_the_handshake(ca):
    seen = []
    context = ca.context([HOST])
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    assert through(ca, context, answer(b"x")).reached is Reached.OK
    assert seen == [HOST]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_of_tls(ca, version):
    assert through(ca, ca.context([HOST], most=version), answer(b"x")).reached is Reached.OK


def test_a_wildcard_stands_for_one_label(ca, good):
    assert through(ca, good, answer(b"x"), url="https://logo.pages.example.com/a.svg").reached is Reached.OK
    got = through(ca, good, answer(b"x"), url="https://a.logo.pages.example.com/a.svg")
    assert (got.reached, got.certificate.problem) == (Reached.CERTIFICATE, "wrong-name")


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nversi\r\n2\r\non\r\n0\r\nTrailer: x\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (CHUNKED, b"version"),
        (b"HTTP/1.0 200 OK\r\n\r\nversion", b"version"),  # ends with the connection
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nversion", b"version"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Encoding: identity\r\n\r\nversion", b"version"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nversion", b"ver"),  # says less than it sends: the rest is nobody's
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_forms_of_a_body(ca, good, raw, body):
    got = through(ca, good, lambda line, _: line.send(raw))
    assert (got.reached, got.status, got.body) == (Reached.OK, 200, body)


@pytest.mark.parametrize(("status", "location"), [("301 Moved", "https://10.0.0.1/"), ("302 Found", "https://169.254.169.254/latest/"), ("404 Not Found", "")])
def test_what_is_no_200_is_an_answer_and_nothing_is_followed(ca, good, status, location):
    headers = [f"Location: {location}"] if location else []
    with Listener(https(good, answer(b"elsewhere", status, *headers))) as server:
        got = fetch(server, ca)
        assert server.accepted == 1
    assert (got.reached, got.status, got.location, got.body) == (Reached.OK, int(status[:3]), location, b"")


# ------------------------------------------------------------------ certificates

BAD = [
    ({"expired": True}, [HOST], "expired"),
    ({"early": True}, [HOST], "not-yet-valid"),
    ({}, ["other.example.com"], "wrong-name"),
    ({"common": HOST}, ["other.example.com"], "wrong-name"),  # RFC 9525 section 2: the common name counts for nothing
    ({"common": HOST}, [], "wrong-name"),
    ({"self_signed": True}, [HOST], "self-signed"),
    ({"self_signed": True, "expired": True}, [HOST], "expired"),
]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("how", "names", "problem"), BAD, ids=[f"{case[2]}-{at}" for at, case in enumerate(BAD)])
def test_a_bad_certificate_is_told_and_nothing_is_asked(ca, how, names, problem, version):
    asked = []
    got = through(ca, ca.context(names, most=version, **how), lambda line, head: asked.append(head))
    assert (got.reached, got.certificate.problem, got.body, got.status) == (Reached.CERTIFICATE, problem, b"", 0)
    assert got.certificate.chain
    assert not asked


def test_an_authority_that_nobody_knows(ca, tmp_path):
    other = Authority(tmp_path, "another root")
    got = through(ca, other.context([HOST]), answer(b"x"))
    assert (got.reached, got.certificate.problem) == (Reached.CERTIFICATE, "untrusted")
    assert len(got.certificate.chain) == 2


def test_without_a_file_the_system_decides(ca, good):
    with Listener(https(good, answer(b"x"))) as server:
        port = Fetcher(Policy(fetch=server.port, also=LOOPBACK))
        got = port.begin(Fetch(f"https://{HOST}/", ("127.0.0.1",)), time.monotonic() + 5).result(8)
        port.close()
    assert (got.reached, got.certificate.problem) == (Reached.CERTIFICATE, "untrusted")


# ------------------------------------------------------------------ what does not work


def endless(line, _):
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while line.send(b"400\r\n" + b"x" * 1024 + b"\r\n"):
        pass


def endless_plain(line, _):
    line.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while line.send(b"x" * 4096):
        pass


def crumbs(line, _):
    """Chunks of one octet, each with an extension that is longer than the rest."""
    line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while line.send((b"1;" + b"e" * 900 + b"\r\nx\r\n") * 8):
        pass


def drip(line, _):
    line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    while line.send(b"x") and not line.over.wait(0.02):
        pass


def drip_head(line, _):
    line.send(b"HTTP/1.1 200 OK\r\n")
    while line.send(b"X: y\r\n") and not line.over.wait(0.02):
        pass


def interim(line, _):
    while line.send(b"HTTP/1.1 100 Continue\r\n\r\n"):
        pass


def say(raw):
    return lambda line, _: line.send(raw)


FAULTS = [
    ("endless", endless, Reached.TOO_LARGE),
    ("endless-plain", endless_plain, Reached.TOO_LARGE),
    ("crumbs", crumbs, Reached.TOO_LARGE),
    ("drip", drip, Reached.TIMEOUT),
    ("drip-head", drip_head, Reached.TIMEOUT),
    ("interim", interim, Reached.TOO_LARGE),
    ("hang", lambda line, _: line.hang(), Reached.TIMEOUT),
    ("declared-too-long", say(b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n"), Reached.TOO_LARGE),
    ("says-more-than-it-sends", say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nversion"), Reached.CLOSED),
    ("chunk-cut-off", say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nversion"), Reached.CLOSED),
    ("closes-at-once", lambda line, _: None, Reached.CLOSED),
    ("closes-in-the-head", say(b"HTTP/1.1 200 OK\r\nContent-"), Reached.CLOSED),
    ("huge-header", say(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40000 + b"\r\n\r\n"), Reached.TOO_LARGE),
    ("many-headers", say(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), Reached.TOO_LARGE),
    ("huge-status", say(b"HTTP/1.1 200 " + b"O" * 40000), Reached.TOO_LARGE),
    ("http-0.9", say(b"<html>version: STSv1</html>\r\n\r\n"), Reached.PROTOCOL),
    ("http-0.9-without-an-end", say(b"version: STSv1"), Reached.PROTOCOL),
    ("garbage", say(bytes(range(256)) * 8 + b"\r\n\r\n"), Reached.PROTOCOL),
    ("two-lengths", say(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\nversion"), Reached.PROTOCOL),
    ("negative-length", say(b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\nversion"), Reached.PROTOCOL),
    ("bad-chunk", say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nversion\r\n0\r\n\r\n"), Reached.PROTOCOL),
    ("other-coding", say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), Reached.PROTOCOL),
    ("gzip", say(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"), Reached.PROTOCOL),
    ("another-protocol", say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), Reached.PROTOCOL),
    ("smtp", say(b"220 mx.example.com ESMTP\r\n\r\n"), Reached.PROTOCOL),
]


@pytest.mark.parametrize(("script", "reached"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_every_fault_has_its_name_and_its_end(ca, good, script, reached):
    start = time.monotonic()
    got = through(ca, good, script, seconds=0.8 if reached is Reached.TIMEOUT else 10.0)
    assert got.reached is reached, got.detail
    assert got.body == b""
    assert got.detail.startswith("127.0.0.1: ")
    assert got.certificate.problem == ""
    assert time.monotonic() - start < 5


def test_a_body_that_ends_without_a_proper_end_was_cut_off(ca, good):
    """RFC 9112 section 9.8: without close_notify nobody knows whether an answer without a length is whole."""

    def cut(line, _):
        line.send(b"HTTP/1.0 200 OK\r\n\r\nversion")
        socket.socket.shutdown(line.connection, socket.SHUT_RDWR)

    assert through(ca, good, cut).reached is Reached.CLOSED


NO_TLS = [
    ("plain-http", lambda line: line.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Reached.TLS),
    ("closes", lambda line: None, Reached.CLOSED),
    ("hangs", lambda line: line.hang(), Reached.TIMEOUT),
    ("alert", lambda line: line.send(b"\x15\x03\x03\x00\x02\x02\x28"), Reached.TLS),
]


@pytest.mark.parametrize(("script", "reached"), [case[1:] for case in NO_TLS], ids=[case[0] for case in NO_TLS])
def test_no_tls(ca, script, reached):
    def first_hello(line):
        line.until(b"\x00\x01")  # something of the client's first message
        script(line)

    with Listener(first_hello) as server:
        got = fetch(server, ca, seconds=0.6 if reached is Reached.TIMEOUT else 10.0)
    assert got.reached is reached, got.detail
    assert got.certificate is None


def test_old_versions_of_tls_are_no_answer(ca):
    assert through(ca, ca.old([HOST]), answer(b"x")).reached is Reached.TLS


# ------------------------------------------------------------------ addresses


def test_the_next_address_is_tried_and_nobody_else_is_asked(ca, good):
    with Listener(https(good, answer(b"x"))) as server:
        got = fetch(server, ca, addresses=("127.0.0.9", "10.0.0.1", "127.0.0.1"))
        assert (got.reached, got.address, got.body) == (Reached.OK, "127.0.0.1", b"x")


def test_version_6(ca, good):
    try:
        server = Listener(https(good, answer(b"x")), "::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        assert fetch(server, ca, addresses=("::1",)).address == "::1"


def test_nobody_listens(ca, good):
    with Listener(https(good, answer(b"x"))) as server:
        got = fetch(server, ca, addresses=("127.0.0.8", "127.0.0.9"))
    assert got.reached is Reached.REFUSED
    assert "127.0.0.8" in got.detail
    assert "127.0.0.9" in got.detail


class Connects:
    """socket.connect with a script: address -> the error that the system would raise."""

    def __init__(self, monkeypatch, errors):
        self.tried = []

        def connect(_socket, address):
            self.tried.append(address)
            raise errors[address[0]]

        monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.mark.parametrize(
    ("errors", "reached"),
    [
        ({"198.51.100.1": TimeoutError("timed out"), "2001:db8::1": OSError(101, "Network is unreachable")}, Reached.TIMEOUT),
        ({"198.51.100.1": OSError(113, "No route to host"), "2001:db8::1": OSError(101, "Network is unreachable")}, Reached.NO_ROUTE),
        ({"198.51.100.1": ConnectionRefusedError(111, "Connection refused"), "2001:db8::1": TimeoutError("timed out")}, Reached.REFUSED),
        ({"198.51.100.1": ConnectionResetError(104, "Connection reset"), "2001:db8::1": OSError(101, "Network is unreachable")}, Reached.CLOSED),
        ({"198.51.100.1": OSError(24, "Too many open files"), "2001:db8::1": OSError(24, "Too many open files")}, Reached.NOT_ASKED),
    ],
)
def test_which_failure_is_told(monkeypatch, errors, reached):
    connects = Connects(monkeypatch, errors)
    port = Fetcher(Policy(also=("198.51.100.0/24", "2001:db8::/32")))
    got = port.begin(Fetch(f"https://{HOST}/", tuple(errors)), time.monotonic() + 5).result(8)
    port.close()
    assert got.reached is reached
    assert [address[:2] for address in connects.tried] == [(address, 443) for address in errors]
    assert all(address in got.detail for address in errors)


# ------------------------------------------------------------------ the port


def test_begin_never_blocks_and_what_comes_too_late_is_not_asked(ca, good):
    with Listener(https(good, lambda line, _: line.hang())) as server:
        port = Fetcher(Policy(fetch=server.port, also=LOOPBACK), cafile=ca.cafile)
        start = time.monotonic()
        held = [port.begin(Fetch(f"https://{HOST}/{n}", ("127.0.0.1",)), time.monotonic() + 0.7) for n in range(100)]
        assert time.monotonic() - start < 1
        assert len([t for t in threading.enumerate() if t.name == "https"]) <= 32
        got = [future.result(5) for future in held]
        assert time.monotonic() - start < 3
        port.close()
    reached = {g.reached for g in got}
    assert reached == {Reached.TIMEOUT, Reached.NOT_ASKED}
    assert sum(g.reached is Reached.TIMEOUT for g in got) >= 32


def test_closing_ends_what_is_under_way_at_once(ca, good):
    with Listener(https(good, lambda line, _: line.hang())) as server:
        port = Fetcher(Policy(fetch=server.port, also=LOOPBACK), cafile=ca.cafile)
        held = [port.begin(Fetch(f"https://{HOST}/{n}", ("127.0.0.1",)), time.monotonic() + 60) for n in range(40)]
        while server.accepted < 32:
            time.sleep(0.01)
        time.sleep(0.1)
        start = time.monotonic()
        port.close()
        assert time.monotonic() - start < 2
        assert not [t for t in threading.enumerate() if t.name == "https"]
        assert {future.result(0).reached for future in held} <= {Reached.CLOSED, Reached.NOT_ASKED, Reached.TLS}
        late = port.begin(Fetch(f"https://{HOST}/", ("127.0.0.1",)), time.monotonic() + 5).result(0)
        assert late.reached is Reached.NOT_ASKED
        port.close()


def test_no_thread_stands_idle(ca, good):
    with Listener(https(good, answer(b"x"))) as server:
        port = Fetcher(Policy(fetch=server.port, also=LOOPBACK), cafile=ca.cafile)
        assert port.begin(Fetch(f"https://{HOST}/", ("127.0.0.1",)), time.monotonic() + 5).result(8).reached is Reached.OK
        until = time.monotonic() + 2
        while [t for t in threading.enumerate() if t.name == "https"] and time.monotonic() < until:
            time.sleep(0.01)
        assert not [t for t in threading.enumerate() if t.name == "https"]
        port.close()


@pytest.mark.parametrize(
    ("url", "addresses", "reached"),
    [
        (f"https://{HOST}/", (), Reached.NOT_ASKED),
        (f"https://{HOST}/", ("10.0.0.1", "::1"), Reached.GUARDED),
        (f"https://{'a' * 70}.example.com/", ("127.0.0.1",), Reached.NOT_ASKED),
        ("https://bücher.example.com/", ("127.0.0.1",), Reached.CERTIFICATE),
    ],
)
def test_what_cannot_be_asked(ca, good, url, addresses, reached):
    with Listener(https(good, answer(b"x"))) as server:
        port = Fetcher(Policy(fetch=server.port, also=("127.0.0.0/8",)), cafile=ca.cafile)
        got = port.begin(Fetch(url, addresses), time.monotonic() + 5).result(8)
        port.close()
    assert got.reached is reached
    assert got.detail


# ------------------------------------------------------------------ in a scan


def resolver(query, _tcp):
    """Any domain has a record that says there is a policy, and a policy host on loopback."""
    name, rtype = query.question[0].name.to_text(True), dns.rdatatype.to_text(query.question[0].rdtype)
    if name.startswith("_mta-sts.") and rtype == "TXT":
        return reply_to(query, '@ 60 TXT "v=STSv1; id=1"')
    if name.startswith("mta-sts.") and rtype == "A":
        return reply_to(query, "@ 60 A 127.0.0.1")
    if rtype == "MX":
        return reply_to(query, "@ 60 MX 10 mx.example.com.")
    return reply_to(query, soa="example.com.")


def in_bulk(ca, script, count, deadline):
    """Reports of some domains scanned at once in one thread, and the seconds that it took."""
    with Listener(script) as server, Nameserver(resolver) as names:
        world = World.live([names.at], guard=(guard := Policy(fetch=server.port, also=LOOPBACK)))
        world.fetcher = Fetcher(guard, cafile=ca.cafile)
        loop = Loop()
        items = [Item(n, f"d{n}.example.com") for n in range(count)]
        start = time.monotonic()
        done = list(run(iter(items), lambda item: begin(item.source, world=world, loop=loop, deadline=deadline, topics=("mta-sts", "mx")), loop))
        seconds = time.monotonic() - start
        world.close()
    return [report for _, report in done], seconds


def test_who_waits_for_a_host_is_told_when_it_has_answered(ca):
    def script(line):
        line.over.wait(0.3)
        https(ca.context([f"mta-sts.d{n}.example.com" for n in range(8)]), answer(POLICY, "200 OK", "Content-Type: text/plain"))(line)

    reports, seconds = in_bulk(ca, script, 8, 8.0)
    assert [report.facts["mta_sts"]["policy_state"] for report in reports] == ["ok"] * 8
    assert seconds < 4


def test_hosts_that_hang_cost_the_time_of_one(ca):
    reports, seconds = in_bulk(ca, lambda line: line.hang(), 12, 1.0)
    assert {report.facts["mta_sts"]["policy_state"] for report in reports} == {"unknown"}
    assert seconds < 5
