"""A recording with real parts: unbound that validates, NSD, a policy host, a mail host that takes TLS and one that is gone. Replayed when all of them are."""

import socket
import tempfile
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from support.tls import LOOPBACK, Authority, Listener, answer, https, mail_host

from healthcheck.edge.guard import Policy
from healthcheck.edge.https import Fetcher
from healthcheck.edge.reach import Greet
from healthcheck.edge.smtp import Greeter
from healthcheck.edge.tape import Recorder
from healthcheck.edge.world import World
from healthcheck.model import Greeted, Outcome, Secure
from healthcheck.render import json as as_json
from healthcheck.render import markdown
from healthcheck.render import text as as_text
from healthcheck.render.pieces import Context
from healthcheck.scan import scan

from .servers import Servers, find, sign

pytestmark = pytest.mark.real

HEAD = "$ORIGIN {0}.\n$TTL 300\n@ IN SOA ns1.{0}. hostmaster.{0}. 1 7200 3600 1209600 300\n@ IN NS ns1.{0}.\nns1.{0}. IN A 127.0.0.1\n"
MAIL = """@ IN MX 10 mx
@ IN MX 20 gone
mx IN A 192.0.2.10
gone IN A 192.0.2.11
mta-sts IN A 127.0.0.1
@ IN TXT "v=spf1 mx -all"
_dmarc IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@signed.test"
_mta-sts IN TXT "v=STSv1; id=1"
_smtp._tls IN TXT "v=TLSRPTv1; rua=mailto:tls@signed.test"
"""
REVERSE = "10 IN PTR mx.signed.test.\n11 IN PTR gone.signed.test.\n"
STS = b"version: STSv1\r\nmode: enforce\r\nmx: mx.signed.test\r\nmax_age: 604800\r\n"


class Near:
    """The real greeter; what stands at a documentation address is found on loopback."""

    def __init__(self, greeter):
        self.greeter = greeter

    def begin(self, wanted, until):
        there = Greet(wanted.host, {"192.0.2.10": "127.0.0.1", "192.0.2.11": "127.0.0.2"}[wanted.address])
        done: Future[Greeted] = Future()
        self.greeter.begin(there, until).add_done_callback(lambda got: done.set_result(replace(got.result(), address=wanted.address)))
        return done

    def close(self):
        self.greeter.close()


def shown(report):
    return as_json.written(as_json.report(report), "utf-8", indent=2), as_text.report(report), markdown.report(report, Context())


@pytest.fixture(scope="module")
def resolver():
    if missing := [name for name in ("nsd", "unbound") if not find(name)]:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian's packages of these names)")
    with tempfile.TemporaryDirectory(prefix="healthcheck-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        zones, anchors = {}, {}
        for origin, body in {"signed.test": MAIL, "bogus.test": "@ IN A 192.0.2.99\n", "2.0.192.in-addr.arpa": REVERSE}.items():
            plain = folder / f"{origin}.zone"
            plain.write_text(HEAD.format(origin) + body)
            zones[origin] = folder / f"{origin}.signed"
            anchors[origin] = sign(plain, origin, zones[origin])
        anchors["bogus.test"] = sign(folder / "bogus.test.zone", "bogus.test", folder / "unused.signed")  # another key: nothing there can be validated
        with Servers(folder) as running:
            nsd = running.nsd(zones)
            yield running.unbound(dict.fromkeys(zones, nsd), anchors, "signed.test")


def test_a_scan_of_everything_comes_out_again_when_all_servers_are_gone(resolver, tmp_path, monkeypatch):
    ca = Authority(tmp_path)
    page = answer(STS, "200 OK", "Content-Type: text/plain")
    with Listener(https(ca.context(["mta-sts.signed.test"]), page)) as web, Listener(mail_host(ca.context(["mx.signed.test"]))) as mail:
        world = World.live([f"127.0.0.1:{resolver}"], bogus_probe="bogus.test")
        world.blocklists = ()
        world.guard = Policy(fetch=web.port, greet=mail.port, also=LOOPBACK)
        world.fetcher, world.greeter = Fetcher(world.guard, cafile=ca.cafile), Near(Greeter(world.guard, cafile=ca.cafile))
        recorder = Recorder(world)
        report = scan("signed.test", ips=("192.0.2.10",), starttls=True, world=world)
        told = shown(report)
        world.close()
    answers = {(a.name, a.rtype): a for a in reversed(report.transcript)}  # the first: the nameservers are asked the same directly, and nobody listens there
    assert answers["signed.test", "MX"].secure is Secure.YES
    assert answers["https://mta-sts.signed.test/.well-known/mta-sts.txt", "GET"].outcome is Outcome.FOUND
    assert answers["mx.signed.test:25", "SMTP"].values == ("mx.example.com ESMTP",)
    assert answers["gone.signed.test:25", "SMTP"].outcome is Outcome.REFUSED
    assert report.facts["dnssec"]["resolver"]["validates"] is True

    path = tmp_path / "run.json"
    with path.open("w", encoding="ascii") as file:
        recorder.write(file)

    def refused(*_args, **_options):
        raise AssertionError("a replay opened a socket")

    monkeypatch.setattr(socket, "socket", refused)
    again = World.replay(path)
    replayed = scan("signed.test", ips=("192.0.2.10",), starttls=True, world=again)
    assert shown(replayed) == told
    assert replayed.timing == report.timing
    assert (replayed.scanned_at, replayed.transcript) == (report.scanned_at, report.transcript)
