"""The stage of the stories: NSD with unbound before it, a real Postfix, and a receiver that refuses in a large provider's words. All on loopback.

A story is told twice, with a domain in which one thing is broken and with one in which all is well: the same mail, the same refusal.
"""

from __future__ import annotations

import shutil
import smtplib
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from healthcheck.edge.world import World
from healthcheck.model import Record
from healthcheck.model.lists import Blocklist
from tests.real.mtas import POSTFIX_MAIN, POSTFIX_MASTER
from tests.real.servers import Servers, find, free_port
from tests.support.signing import NOW, Keys, rsa_keys, sign

ACCEPTING = "lena@taken.example"  # a mailbox that takes everything
LIST = Blocklist(
    zone="bl.lists.example", name="A list of addresses", kind="ip", weight="high", source="-", seen="2026-11", codes={"127.0.0.2": "sends spam"},
    delist="https://lists.example/remove",
)  # fmt: skip
Records = Mapping[str, Sequence[str] | str | None]
KEYS = rsa_keys(2048)


def text(value: str) -> str:
    """A TXT value as a zone file has it, in strings that stay short enough when {d} is filled in."""
    return " ".join('"' + value[n : n + 120].replace("\\", "\\\\").replace('"', '\\"') + '"' for n in range(0, len(value), 120)) or '""'


@dataclass(frozen=True)
class Part:
    """One telling of a story: whose mail it is, and from which address it leaves. `host` is the name of the server that sends it."""

    domain: str
    ip: str
    broken: bool

    @property
    def host(self) -> str:
        return f"mail.{self.domain}"

    @property
    def sender(self) -> str:
        return f"news@{self.domain}"

    def fill(self, words: str) -> str:
        return words.replace("{d}", self.domain).replace("{ip}", self.ip).replace("{reversed}", ".".join(reversed(self.ip.split("."))))


@dataclass(frozen=True)
class Mail:
    """What is handed to a Postfix: over which of its names it comes in (`by`), and from whom, where that is not the server itself."""

    octets: bytes
    mail_from: str
    by: str
    client: str | None = None  # "name address": what connected to it


def written(part: Part, *, from_: str = "", to: str = "lena@receiver.example", body: str = "Dear Lena,\r\n\r\nour offer of the week.\r\n") -> bytes:
    """A mail of the story's domain, unsigned."""
    fields = (
        f"From: Shop <{from_ or part.sender}>",
        f"To: <{to}>",
        "Subject: Offer of the week",
        "Date: Sun, 22 Nov 2026 11:58:00 +0000",
        f"Message-ID: <{part.domain}.1@{part.domain}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
    )
    return ("\r\n".join(fields) + "\r\n\r\n" + body).encode()


def plain(part: Part) -> Mail:
    return Mail(written(part), part.sender, part.host)


def signed(part: Part, keys: Keys = KEYS, **options: object) -> Mail:
    return Mail(sign(written(part), keys, d=part.domain, **options), part.sender, part.host)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Story:
    """One thing that is broken.

    broken, well  what the zone holds beside, or in place of, the usual records ("@ TXT", "_dmarc TXT" …; None: it is not there). {d}, {ip}
                  are the domain and its address; a name that ends in a dot is absolute
    mail          the mail that is sent; healthy: the one of the telling in which all is well, where it is another
    reply         what the receiver says, in the words of a large provider; stage: after MAIL, RCPT or DATA
    """

    number: int
    name: str
    reply: str
    broken: Records
    mail: Callable[[Part], Mail] = plain
    healthy: Callable[[Part], Mail] | None = None
    well: Records = field(default_factory=dict)
    stage: str = "DATA"
    recipient: str = ""  # "": lena, at a domain of the receiver

    @property
    def slug(self) -> str:
        return f"{self.number:02}-{self.name}"

    @property
    def sick(self) -> Part:
        return Part(f"story{self.number:02}.example", f"192.0.2.{self.number}", True)

    @property
    def sound(self) -> Part:
        return Part(f"well{self.number:02}.example", f"192.0.2.{100 + self.number}", False)

    def to(self, part: Part) -> str:
        """Whom the mail is for: each telling has a recipient of its own, whom the receiver refuses."""
        return self.recipient if self.recipient and part.broken else f"lena@{'now' if part.broken else 'old'}{self.number:02}.receiver.example"

    def letter(self, part: Part) -> Mail:
        return self.mail(part) if part.broken or self.healthy is None else self.healthy(part)


USUAL: Records = {
    "@ MX": "10 mail.{d}.",
    "@ A": "{ip}",
    "mail A": "{ip}",
    "mail TXT": text("v=spf1 a -all"),
    "@ TXT": text("v=spf1 ip4:{ip} -all"),
    "_dmarc TXT": text("v=DMARC1; p=reject; rua=mailto:dmarc@{d}"),
    "s1._domainkey TXT": text(KEYS.record),
    "{reversed}.in-addr.arpa. PTR": "mail.{d}.",
}


def records(story: Story, part: Part) -> Iterator[tuple[str, str]]:
    """(absolute owner name, the rest of the line) of a telling's records."""
    for key, values in {**USUAL, **(story.broken if part.broken else story.well)}.items():
        name, rtype = part.fill(key).split()
        owner = name if name.endswith(".") else f"{part.domain}." if name == "@" else f"{name}.{part.domain}."
        for value in [values] if isinstance(values, str) else values or ():
            yield owner, f"IN {rtype} {part.fill(value)}"


SOA = "@ IN SOA ns1.example. hostmaster.example. 1 7200 3600 1209600 300\n@ IN NS ns1.example.\n"
ZONES = {
    ".": "",
    "example": "ns1 IN A 127.0.0.1\n",
    "2.0.192.in-addr.arpa": "",
    "lists.example": '2.0.0.127.bl IN A 127.0.0.2\n2.0.0.127.bl IN TXT "sends spam"\n',
}


def zone_files(folder: Path, stories: Sequence[Story]) -> dict[str, Path]:
    rows: dict[str, list[str]] = {origin: [] for origin in ZONES}
    for story in stories:
        for part in (story.sick, story.sound):
            for owner, rest in records(story, part):
                origin = max((z for z in ZONES if owner.endswith(f".{z}." if z != "." else ".")), key=len)
                rows[origin].append(f"{owner} {rest}")
    paths = {}
    for origin, body in ZONES.items():
        paths[origin] = folder / f"{origin.strip('.') or 'root'}.zone"
        at = "." if origin == "." else f"{origin}."
        paths[origin].write_text(f"$ORIGIN {at}\n$TTL 300\n{SOA}{body}" + "\n".join(rows[origin]) + "\n")
    return paths


class Receiver:
    """An SMTP server for every recipient (RFC 5321): some it refuses, at a stage and in words; what it takes it files by the recipient."""

    def __init__(self, refusals: Mapping[str, tuple[str, str]]) -> None:
        self.mails: dict[str, list[bytes]] = {}
        self.greetings: dict[str, str] = {}
        self._filed = threading.Condition()
        outer = self

        class Session(socketserver.StreamRequestHandler):
            timeout = 20

            def handle(self) -> None:
                try:
                    outer._talk(self, refusals)
                except (OSError, TimeoutError):
                    return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Session)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="story-receiver")
        self._thread.start()

    def _talk(self, session: socketserver.StreamRequestHandler, refusals: Mapping[str, tuple[str, str]]) -> None:
        def say(reply: str) -> None:
            session.wfile.write("".join(f"{line}\r\n" for line in reply.split("\n")).encode())

        say("220 mx.receiver.example ESMTP")
        to = greeting = ""
        while line := session.rfile.readline(4096):
            verb, words = line[:4].upper(), line.decode("latin-1")
            if verb == b"EHLO":
                greeting = words.split()[1]
                say("250-mx.receiver.example\n250 ENHANCEDSTATUSCODES")
            elif verb == b"RCPT":
                to = words.partition("<")[2].partition(">")[0].lower()
                stage, reply = refusals.get(to, ("", ""))
                say(reply if stage == "RCPT" else "250 2.1.5 ok")
            elif verb == b"DATA":
                say("354 go on")
                octets = b""
                while (part := session.rfile.readline(65536)) not in (b".\r\n", b""):
                    octets += part[1:] if part.startswith(b"..") else part
                stage, reply = refusals.get(to, ("", ""))
                with self._filed:
                    self.greetings[to] = greeting
                    if stage != "DATA":
                        self.mails.setdefault(to, []).append(octets)
                        self._filed.notify_all()
                say(reply if stage == "DATA" else "250 2.0.0 taken")
            elif verb == b"QUIT":
                say("221 2.0.0 bye")
                return
            else:
                say("250 2.0.0 ok")

    def take(self, to: str, seconds: float = 40) -> bytes:
        """The next mail for an address; waits for it."""
        with self._filed:
            assert self._filed.wait_for(lambda: self.mails.get(to), seconds), f"no mail came for {to}"
            return self.mails[to].pop(0)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@dataclass
class Stage:
    """What plays in all stories."""

    folder: Path
    nameserver: str
    receiver: Receiver
    ports: dict[str, int]  # name of a Postfix' host -> where it listens
    bounces: dict[str, bytes] = field(default_factory=dict)  # "story01.example" -> the notice that Postfix wrote

    def world(self) -> World:
        world = World.live(nameservers=[self.nameserver], bogus_probe="bogus.example")
        world.blocklists = (LIST,)
        return world

    def over(self, beneath: World, *changes: Record | str) -> World:
        """The world with changes published: proposals, or lines of a zone file (with an SOA: a whole zone)."""
        lines = []
        for change in changes:
            if isinstance(change, str):
                lines.append(change)
            else:
                lines += [f"{change.name}. 300 IN {change.rtype} {text(value) if change.rtype == 'TXT' else value}" for value in change.proposed]
        path = self.folder / f"patch{time.monotonic_ns()}.records"
        path.write_text("\n".join(lines) + "\n")
        world = World.zones([path], beneath=beneath)
        world.blocklists = beneath.blocklists
        return world

    def send(self, mail: Mail, to: str) -> None:
        """Hand a mail to the Postfix of its `by`."""
        with _connected(self.ports[mail.by]) as smtp:
            if mail.client:
                name, address = mail.client.split()
                smtp.ehlo()
                code, said = smtp.docmd("XCLIENT", f"NAME={name} ADDR={address} HELO={name} PROTO=ESMTP")
                assert code == 220, said
                smtp.helo_resp = smtp.ehlo_resp = None
                smtp.ehlo(name)
            smtp.sendmail(mail.mail_from, [to], mail.octets)

    def arrives(self, mail: Mail, ip: str) -> str:
        """The mail as it lies in a mailbox that took it, with what the receiver's server writes on top."""
        self.send(mail, ACCEPTING)
        got = self.receiver.take(ACCEPTING).decode("latin-1").replace("\r\n", "\n")
        date = format_datetime(datetime.fromtimestamp(NOW, UTC))
        top = f"Return-Path: <{mail.mail_from}>\nReceived: from {mail.by} ({mail.by} [{ip}])\n\tby mx.receiver.example with ESMTPS id 1; {date}\n"
        return top + got


def _connected(port: int) -> smtplib.SMTP:
    until = time.monotonic() + 20
    while True:
        try:
            return smtplib.SMTP("127.0.0.1", port, timeout=20, local_hostname="app.sender.example")
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@contextmanager
def _postfix(folder: Path, receiver: Receiver, names: Sequence[str]) -> Iterator[dict[str, int]]:
    """One Postfix with a port for each name that it goes by."""
    program = find("postfix")
    assert program is not None
    conf = folder / "conf"
    for name in ("conf", "queue", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    ports: dict[str, int] = {}
    while len(ports) < len(names):
        if (port := free_port()) not in ports.values():
            ports[names[len(ports)]] = port
    main = POSTFIX_MAIN.format(folder=folder, inbox=receiver.port, routes="{ unused.example = smtp:[127.0.0.1]:1 }")
    main = main.replace("mynetworks = 127.0.0.0/8", "mynetworks = 127.0.0.0/8 192.0.2.0/24 198.51.100.0/24")
    (conf / "main.cf").write_text(main + "smtpd_authorized_xclient_hosts = 127.0.0.0/8\nin_flow_delay = 0\n")
    rest = POSTFIX_MASTER.partition("\n")[2]
    (conf / "master.cf").write_text("".join(f"127.0.0.1:{port} inet n - n - - smtpd -o myhostname={name}\n" for name, port in ports.items()) + rest)
    ask = (program, "-c", str(conf))
    subprocess.run([*ask, "start"], check=True, capture_output=True, timeout=60)
    try:
        yield ports
    finally:
        subprocess.run([*ask, "stop"], check=False, capture_output=True, timeout=60)


@contextmanager
def stage(stories: Sequence[Story]) -> Iterator[Stage]:
    """Everything started, each story's mail sent twice, and the notices of Postfix at hand."""
    folder = Path(tempfile.mkdtemp(prefix="healthcheck-story-"))
    folder.chmod(0o755)  # the daemons read it as users of their own
    letters = [(story, part, story.letter(part)) for story in stories for part in (story.sick, story.sound)]
    refusals = {story.to(part): (story.stage, part.fill(story.reply)) for story, part, _ in letters if story.stage != "MAIL"}
    receiver = Receiver(refusals)
    try:
        with Servers(folder) as servers, _postfix(folder, receiver, list(dict.fromkeys(mail.by for _, _, mail in letters))) as ports:
            nsd = servers.nsd(zone_files(folder, stories))
            unbound = servers.unbound({".": nsd}, {}, "example")
            made = Stage(folder, f"127.0.0.1:{unbound}", receiver, ports)
            for story, part, mail in letters:
                made.send(mail, story.to(part))
            for _, part, mail in letters:
                made.bounces[part.domain] = receiver.take(mail.mail_from)
            yield made
    finally:
        receiver.close()
        shutil.rmtree(folder, ignore_errors=True)
