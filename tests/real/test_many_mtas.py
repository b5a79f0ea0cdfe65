"""500 mixed mails through a real Postfix and a real Exim on loopback: what the report counts is what the receiving server answered."""

from __future__ import annotations

import gzip
import random
import re
import shutil
import smtplib
import socketserver
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from healthcheck.many import Result, many
from healthcheck.model import Action, Happened

from .mtas import EXIM, POSTFIX_MAIN, POSTFIX_MASTER, SENDER, Site, _connected, exim_program, message
from .servers import find, free_port
from .test_mtas import lacks

COUNT = 500
# the local part says what the server is to answer to RCPT; the numbers are the reply codes
ANSWERS = {
    "ok": "250 2.1.5 ok",
    "later": "450 4.7.1 Greylisted, please try again later",
    "full": "452 4.2.2 The mailbox is over quota",
    "gone": "550 5.1.1 <{to}>: Recipient address rejected: User unknown",
    "spam": "554 5.7.1 Service unavailable; client host [127.0.0.1] blocked using zen.spamhaus.org",
}
SHARE = {"ok": 250, "later": 50, "full": 50, "gone": 100, "spam": 50}


class Answering:
    """An SMTP server (RFC 5321) that answers each RCPT as its local part says, and counts its answers by recipient."""

    def __init__(self) -> None:
        self.answered: dict[str, set[int]] = {}
        lock, outer = threading.Lock(), self

        class Session(socketserver.StreamRequestHandler):
            timeout = 20

            def handle(self) -> None:
                try:
                    self._talk()
                except (OSError, TimeoutError):
                    return

            def _say(self, *lines: str) -> None:
                self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

            def _talk(self) -> None:
                self._say("220 mx1.example.com ESMTP")
                while line := self.rfile.readline(4096):
                    match line[:4].upper():
                        case b"EHLO":
                            self._say("250-mx1.example.com", "250 ENHANCEDSTATUSCODES")
                        case b"RCPT":
                            found = re.search(rb"<([^>]+)>", line)
                            assert found is not None
                            to = found.group(1).decode()
                            answer = ANSWERS[to.partition(".")[0]].format(to=to)
                            with lock:
                                outer.answered.setdefault(to, set()).add(int(answer[:3]))
                            self._say(answer)
                        case b"DATA":
                            self._say("354 go on")
                            while self.rfile.readline(65536) not in (b".\r\n", b""):
                                pass
                            self._say("250 2.0.0 taken")
                        case b"QUIT":
                            self._say("221 2.0.0 bye")
                            return
                        case _:
                            self._say("250 2.0.0 ok")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Session)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="smtp-answering")
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def recipients() -> list[str]:
    out = [f"{kind}.{n}@unknown.example" for kind, share in SHARE.items() for n in range(share)]
    random.Random(8).shuffle(out)
    assert len(out) == COUNT
    return out


@dataclass
class Delivered:
    """What a server answered, and the log of the MTA that it answered."""

    answered: dict[str, set[int]]
    log: Path


def settled(log: Path, server: Answering) -> None:
    """Waits until every recipient was answered, and the log holds as many results."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        held = log.read_text() if log.exists() else ""
        if len(server.answered) == COUNT and len(re.findall(r" status=| => | \*\* | == ", held)) >= COUNT:
            return
        time.sleep(0.2)


@pytest.fixture(scope="module")
def postfix() -> Iterator[Delivered]:
    """Postfix keeps in its queue what is refused for now."""
    if reason := lacks(find("postfix"), "postfix"):
        pytest.skip(f"postfix {reason}")
    program, server, site = find("postfix"), Answering(), Site.of({})
    assert program is not None
    try:
        for name in ("conf", "queue", "data"):
            (site.folder / name).mkdir()
        shutil.chown(site.folder / "data", "postfix")
        port = free_port()
        main = POSTFIX_MAIN.format(folder=site.folder, inbox=site.inbox.port, routes=f"{{ unknown.example = smtp:[127.0.0.1]:{server.port} }}")
        main = main.replace("maximal_queue_lifetime = 0", "maximal_queue_lifetime = 1d\nminimal_backoff_time = 4000s\nmaximal_backoff_time = 4000s")
        (site.folder / "conf" / "main.cf").write_text(main)
        (site.folder / "conf" / "master.cf").write_text(POSTFIX_MASTER.format(port=port))
        ask = (program, "-c", str(site.folder / "conf"))
        subprocess.run([*ask, "start"], check=True, capture_output=True, timeout=60)
        log = site.folder / "mail.log"
        try:
            with _connected(port) as smtp:
                deliver(smtp)
            settled(log, server)
        finally:
            subprocess.run([*ask, "stop"], check=False, capture_output=True, timeout=60)
        yield Delivered(server.answered, log)
    finally:
        server.close()
        site.close()


def deliver(smtp: smtplib.SMTP) -> None:
    """As newsletters go out: some mails with one recipient, some with several."""
    left = recipients()
    while left:
        several = left[: 1 + len(left) % 5]
        left = left[len(several) :]
        smtp.sendmail(SENDER, several, message(several[0]))


@pytest.fixture(scope="module")
def exim() -> Iterator[Delivered]:
    """Exim without retry rules gives up at once on what is refused for now."""
    if reason := lacks(exim_program(), "Debian-exim"):
        pytest.skip(f"exim (HEALTHCHECK_EXIM, or on the path) {reason}")
    program, server, site = exim_program(), Answering(), Site.of({})
    assert program is not None
    try:
        for name in ("spool", "log"):
            (site.folder / name).mkdir()
            shutil.chown(site.folder / name, "Debian-exim", "Debian-exim")
        conf = site.folder / "exim.conf"
        conf.write_text(EXIM.format(program=program, folder=site.folder, routes=f"unknown.example 127.0.0.1::{server.port}", inbox=site.inbox.port))
        left = recipients()
        while left:
            several = left[: 1 + len(left) % 5]
            left = left[len(several) :]
            command = [program, "-C", str(conf), "-odf", "-f", SENDER, *several]
            subprocess.run(command, input=message(several[0]).encode(), check=True, capture_output=True, timeout=60)
        log = site.folder / "log" / "mainlog"
        settled(log, server)
        yield Delivered(server.answered, log)
    finally:
        server.close()
        site.close()


def codes(delivered: Delivered) -> Counter[int]:
    """How many recipients got which answer."""
    assert all(len(each) == 1 for each in delivered.answered.values())
    return Counter(next(iter(each)) for each in delivered.answered.values())


def check(result: Result, answered: Counter[int], *, given_up: bool) -> None:
    counts = result.rates.total.counts
    assert counts.delivered == answered[250] == SHARE["ok"]
    assert counts.hard == answered[550] == SHARE["gone"]
    assert counts.block == answered[554] == SHARE["spam"]
    if given_up:  # greylisting and a full mailbox that ended as failures
        assert (counts.soft, counts.uncounted, counts.deferred) == (answered[452], answered[450], 0)
    else:
        assert (counts.soft, counts.uncounted, counts.deferred) == (0, 0, answered[450] + answered[452])
    assert counts.delivered + counts.bounced + counts.uncounted + counts.deferred == COUNT == sum(answered.values())
    decided = {one.recipient: one.action for one in result.decisions(every=True)}
    assert {to for to, action in decided.items() if action is Action.SUPPRESS} == {f"gone.{n}@unknown.example" for n in range(SHARE["gone"])}
    (sender,) = result.rates.by["sender"]
    assert sender.name == "shop.example"
    (file,) = result.files
    assert file.bad == 0


@pytest.mark.real
@pytest.mark.parametrize("packed", [False, True])
def test_postfix(postfix: Delivered, packed: bool, tmp_path: Path) -> None:
    log = postfix.log
    if packed:
        log = tmp_path / "mail.log.1.gz"
        log.write_bytes(gzip.compress(postfix.log.read_bytes()))
    result = many([log])
    check(result, codes(postfix), given_up=False)
    assert result.files[0].kind == "postfix"
    causes = Counter(row.said.cause for row in events(log) if row.said)
    assert causes == {"user-unknown": 100, "ip-blocklisted": 50, "greylisted": 50, "mailbox-full": 50}


@pytest.mark.real
def test_exim(exim: Delivered) -> None:
    result = many([exim.log])
    check(result, codes(exim), given_up=True)
    assert result.files[0].kind == "exim"
    found = events(exim.log)
    final = Counter(row.said.cause for row in found if row.said and row.happened is Happened.BOUNCED)
    assert final == {"user-unknown": 100, "ip-blocklisted": 50, "greylisted": 50, "mailbox-full": 50}


def events(log: Path) -> list:  # type: ignore[type-arg]
    out: list = []  # type: ignore[type-arg]
    many([log], events_to=out.append)
    return out
