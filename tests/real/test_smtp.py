"""The greeting, against mail hosts on loopback: good, self-signed, wrong name, without STARTTLS, hanging, turning away, garbage."""

import ssl
import threading
import time

import pytest
from support.tls import LOOPBACK, Authority, Listener, mail_host

from healthcheck.edge.guard import Policy
from healthcheck.edge.reach import Greet
from healthcheck.edge.smtp import Greeter
from healthcheck.model import Reached

HOST = "mx.example.com"


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def good(ca):
    return ca.context([HOST])


def greet(script, ca, *, seconds=5.0, host=HOST, name=""):
    with Listener(script) as server:
        port = Greeter(Policy(greet=server.port, also=LOOPBACK), cafile=ca.cafile, name=name)
        try:
            got = port.begin(Greet(host, "127.0.0.1"), time.monotonic() + seconds).result(seconds + 3)
        finally:
            port.close()
        assert not [t for t in threading.enumerate() if t.name == "smtp"]
        return got, server.accepted


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_good_host(ca, version):
    said = []
    got, connections = greet(mail_host(ca.context([HOST], most=version), said=said), ca)
    assert (got.reached, got.starttls, got.stage, got.detail, got.injected) == (Reached.OK, True, "", "", False)
    assert got.banner == "mx.example.com ESMTP"
    assert got.ehlo == ("mx.example.com", "PIPELINING", "STARTTLS", "8BITMIME")
    assert got.protocol == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
    assert got.cipher
    assert (got.certificate.problem, got.certificate.names, len(got.certificate.chain)) == ("", (HOST,), 2)
    assert said == [b"EHLO [127.0.0.1]\r\n", b"STARTTLS\r\n", b"QUIT\r\n"]
    assert connections == 1


def test_the_name_that_is_said(ca, good):
    said = []
    greet(mail_host(good, said=said), ca, name="check.example.net")
    assert said[0] == b"EHLO check.example.net\r\n"


def test_a_host_name_with_its_dot(ca, good):
    assert greet(mail_host(good), ca, host=HOST + ".")[0].certificate.problem == ""


# ------------------------------------------------------------------ certificates

BAD = [
    ({"self_signed": True}, [HOST], "self-signed"),
    ({}, ["other.example.com"], "wrong-name"),
    ({"expired": True}, [HOST], "expired"),
    ({"early": True}, [HOST], "not-yet-valid"),
]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("how", "names", "problem"), BAD, ids=[case[2] for case in BAD])
def test_a_bad_certificate_is_told_and_the_conversation_comes_to_its_end(ca, how, names, problem, version):
    said = []
    got, connections = greet(mail_host(ca.context(names, most=version, **how), said=said), ca)
    assert (got.reached, got.starttls, got.certificate.problem, got.stage) == (Reached.OK, True, problem, "")
    assert got.protocol in ("TLSv1.2", "TLSv1.3")
    assert got.cipher
    assert got.certificate.chain
    assert connections == 2  # the second to see that TLS works for those who do not ask for the certificate
    assert said[-1] == b"QUIT\r\n"


def test_an_authority_that_nobody_knows(ca, tmp_path):
    got, _ = greet(mail_host(Authority(tmp_path, "another root").context([HOST])), ca)
    assert got.certificate.problem == "untrusted"


def test_what_the_first_look_found_stays_where_there_is_no_second(ca):
    """A host that takes one connection of a client, and turns the next away."""
    context, seen = ca.context(["other.example.com"]), []

    def script(line):
        seen.append(1)
        (mail_host(context) if len(seen) == 1 else mail_host(None, banner=b"421 4.7.0 Too many connections\r\n"))(line)

    got, connections = greet(script, ca)
    assert connections == 2
    assert (got.reached, got.starttls, got.certificate.problem) == (Reached.OK, True, "wrong-name")
    assert got.banner == "mx.example.com ESMTP"


def test_old_versions_of_tls_are_seen(ca):
    got, connections = greet(mail_host(ca.old([HOST])), ca)
    assert (got.reached, got.starttls, got.protocol, got.stage, connections) == (Reached.OK, True, "TLSv1.1", "tls", 2)
    assert "TLS failed" in got.detail


@pytest.mark.skipif(ssl.OPENSSL_VERSION_INFO < (3,), reason="OpenSSL 1.1 takes these ciphers for strong")
def test_ciphers_that_are_given_up_are_seen(ca):
    context = ca.context([HOST], most=ssl.TLSVersion.TLSv1_2, ciphers="AES128-CCM8:@SECLEVEL=0", rsa_key=True)
    got, connections = greet(mail_host(context), ca)
    assert (got.reached, got.protocol, got.cipher, got.stage, connections) == (Reached.OK, "TLSv1.2", "AES128-CCM8", "tls", 2)


def test_what_mail_servers_take_by_default_is_not_called_weak(ca):
    context = ca.context([HOST], most=ssl.TLSVersion.TLSv1_2, ciphers="AES128-SHA:AES256-SHA:@SECLEVEL=0", rsa_key=True)
    got, connections = greet(mail_host(context), ca)
    assert (got.reached, got.protocol, got.stage, connections) == (Reached.OK, "TLSv1.2", "", 1)


# ------------------------------------------------------------------ what hosts say


def host(**how):
    return lambda context: mail_host(context, **how)


def slow(line):
    line.hang()


def dripping(line):
    while line.send(b"220-wait\r\n") and not line.over.wait(0.02):
        pass


def long_line(line):
    while line.send(b"220 " + b"x" * 4096):
        pass


def many_lines(line):
    while line.send(b"220-" + b"x" * 400 + b"\r\n"):
        pass


def closes_after(count):
    def script(line):
        for step in (b"220 mx.example.com\r\n", b"250-mx.example.com\r\n250 STARTTLS\r\n", b"220 go\r\n")[:count]:
            line.send(step)
            if not line.until():
                return

    return script


def no_tls(line):
    mail_host(None)(line)
    line.until(b"\x00\x01")  # something of the handshake's first message
    line.send(b"220 what\r\n" * 9)


CASES = [
    # name, script, reached, starttls, stage
    ("none", host(ehlo=b"250-mx.example.com\r\n250 PIPELINING\r\n"), Reached.OK, False, ""),
    ("none-one-line", host(ehlo=b"250 mx.example.com\r\n"), Reached.OK, False, ""),
    ("named-starttls", host(ehlo=b"250 STARTTLS.example.com\r\n"), Reached.OK, False, ""),
    ("only-greeting-named-so", host(ehlo=b"250-STARTTLS\r\n250 SIZE\r\n"), Reached.OK, False, ""),  # the first line is no extension
    ("lower-case", host(ehlo=b"250-mx\r\n250 starttls\r\n"), Reached.OK, True, ""),
    ("bare-lf", host(banner=b"220 mx\n", ehlo=b"250-mx\n250 STARTTLS\n", starttls=b"220 go\n"), Reached.OK, True, ""),
    ("long-banner", host(banner=b"220-one\r\n220-two\r\n220 three\r\n"), Reached.OK, True, ""),
    ("refused-454", host(starttls=b"454 4.7.0 TLS not available\r\n"), Reached.OK, True, "starttls"),
    ("refused-501", host(starttls=b"501 5.5.4 No\r\n"), Reached.OK, True, "starttls"),
    ("busy", host(banner=b"421 4.3.2 Try again later\r\n"), Reached.OK, None, "banner"),
    ("turned-away", host(banner=b"554 5.7.1 Your address is listed\r\n"), Reached.OK, None, "banner"),
    ("no-ehlo", host(ehlo=b"502 5.5.1 Not implemented\r\n"), Reached.OK, False, "ehlo"),
    ("ehlo-refused", host(ehlo=b"550 5.7.1 Go away\r\n"), Reached.OK, None, "ehlo"),
    ("hangs", lambda _: slow, Reached.TIMEOUT, None, "banner"),
    ("drips", lambda _: dripping, Reached.TIMEOUT, None, "banner"),
    ("garbage", host(banner=b"\x00\xff\xfe\x01 what\r\n"), Reached.PROTOCOL, None, "banner"),
    ("http", host(banner=b"HTTP/1.1 400 Bad Request\r\n"), Reached.PROTOCOL, None, "banner"),
    ("no-code", host(banner=b"22x mx.example.com\r\n"), Reached.PROTOCOL, None, "banner"),
    ("garbage-later", host(ehlo=b"hello\r\n"), Reached.PROTOCOL, None, "ehlo"),
    ("long-line", lambda _: long_line, Reached.PROTOCOL, None, "banner"),
    ("many-lines", lambda _: many_lines, Reached.PROTOCOL, None, "banner"),
    ("closed", lambda _: closes_after(0), Reached.CLOSED, None, "banner"),
    ("closed-after-banner", lambda _: closes_after(1), Reached.CLOSED, None, "ehlo"),
    ("closed-after-ehlo", lambda _: closes_after(2), Reached.CLOSED, True, "starttls"),
    ("closed-in-tls", lambda _: mail_host(None), Reached.CLOSED, True, "tls"),
    ("no-tls-behind-it", lambda _: no_tls, Reached.TLS, True, "tls"),
]


@pytest.mark.parametrize(("script", "reached", "starttls", "stage"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_hosts_say(ca, good, script, reached, starttls, stage):
    start = time.monotonic()
    got, _ = greet(script(good), ca, seconds=1.2 if reached is Reached.TIMEOUT else 10.0)
    assert (got.reached, got.starttls, got.stage) == (reached, starttls, stage), got.detail
    assert time.monotonic() - start < 6
    assert bool(got.detail) is (reached is not Reached.OK or stage != "")
    assert bool(got.protocol) is (reached is Reached.OK and starttls is True and stage == "")
    assert (got.certificate is not None) is bool(got.protocol)


def test_what_is_said_in_the_clear_before_tls_is_discarded_and_told(ca, good):
    """RFC 3207 section 6; CVE-2011-0411."""
    stray = b"220 go\r\n250-mx.example.com\r\n250 AUTH PLAIN\r\n"
    got, _ = greet(mail_host(good, starttls=stray), ca)
    assert got.injected
    assert (got.reached, got.protocol != "", got.certificate.problem) == (Reached.OK, True, "")
    assert "AUTH PLAIN" not in got.ehlo


def test_what_a_host_says_is_shown_without_control_characters(ca, good):
    got, _ = greet(mail_host(good, banner=b"220 mx \x1b[31m\x07\xff\r\n"), ca)
    assert "\x1b" not in got.banner
    assert got.banner.isprintable()


def test_a_host_that_waits_a_while_before_it_speaks(ca, good):
    """postscreen and others let a client wait; what it takes in all counts."""

    def script(line):
        line.over.wait(0.4)
        mail_host(good)(line)

    got, _ = greet(script, ca, seconds=3)
    assert (got.reached, got.starttls) == (Reached.OK, True)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "127.1", "mx.example.com", "fe80::1%lo"])
def test_what_the_guard_refuses_is_never_connected(ca, address):
    port = Greeter(cafile=ca.cafile)
    got = port.begin(Greet(HOST, address), time.monotonic() + 5).result(0)
    port.close()
    assert (got.reached, got.starttls, got.banner) == (Reached.GUARDED, None, "")


def test_closing_ends_what_is_under_way_at_once(ca):
    with Listener(slow) as server:
        port = Greeter(Policy(greet=server.port, also=LOOPBACK), cafile=ca.cafile)
        held = [port.begin(Greet(f"mx{n}.example.com", "127.0.0.1"), time.monotonic() + 60) for n in range(40)]
        while server.accepted < 32:
            time.sleep(0.01)
        start = time.monotonic()
        port.close()
        assert time.monotonic() - start < 2
        assert not [t for t in threading.enumerate() if t.name == "smtp"]
        assert all(future.result(0).reached.unsure or future.result(0).reached is Reached.CLOSED for future in held)
