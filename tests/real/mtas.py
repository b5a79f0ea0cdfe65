"""A real Postfix and a real Exim on loopback, each an instance of its own, and small SMTP servers that refuse, hang up, or take what comes.

Mails go from the MTA to one server for each way of failing; the notice that the MTA then writes goes to one that takes it.
"""

from __future__ import annotations

import os
import shutil
import smtplib
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .servers import PATHS, find, free_port

SENDER = "paula@shop.example"


@dataclass
class Manner:
    """What a server says: to the connection, to RCPT, to the mail. "" is to hang up without a word."""

    greeting: str = "220 mx1.example.com ESMTP"
    rcpt: str = "250 2.1.5 ok"
    mail: str = "250 2.0.0 taken"


class Receiver:
    """An SMTP server of one manner (RFC 5321); what it takes is kept in `mails`."""

    def __init__(self, manner: Manner) -> None:
        self.mails: list[bytes] = []
        outer = self

        class Session(socketserver.StreamRequestHandler):
            timeout = 20

            def handle(self) -> None:
                try:
                    outer._talk(manner, self)
                except (OSError, TimeoutError):
                    return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Session)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="smtp-receiver")
        self._thread.start()

    def _talk(self, manner: Manner, session: socketserver.StreamRequestHandler) -> None:
        def say(reply: str) -> bool:
            """Whether the session goes on after a reply."""
            if not reply:
                return False
            session.wfile.write("".join(f"{line}\r\n" for line in reply.split("\n")).encode())
            return not reply.startswith("421")

        if not say(manner.greeting):
            return
        while line := session.rfile.readline(4096):
            match line[:4].upper():
                case b"EHLO":
                    on = say("250-mx1.example.com\n250 ENHANCEDSTATUSCODES")
                case b"RCPT":
                    on = say(manner.rcpt)
                case b"DATA":
                    say("354 go on")
                    octets = b""
                    while (part := session.rfile.readline(65536)) not in (b".\r\n", b""):
                        octets += part
                    if manner.mail.startswith("250"):
                        self.mails.append(octets.replace(b"\r\n", b"\n").replace(b"\n..", b"\n."))
                    on = say(manner.mail)
                case b"QUIT":
                    say("221 2.0.0 bye")
                    on = False
                case _:
                    on = say("250 ok")
            if not on:
                return

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@dataclass
class Site:
    """The servers of a test, by the domain that they take mail for."""

    receivers: dict[str, Receiver]
    inbox: Receiver
    refused_port: int  # nothing listens here
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="healthcheck-mta-")))

    @classmethod
    def of(cls, manners: Mapping[str, Manner | None]) -> Site:
        site = cls({name: Receiver(manner) for name, manner in manners.items() if manner}, Receiver(Manner()), free_port())
        site.folder.chmod(0o755)  # the daemons read it as users of their own
        return site

    @property
    def ports(self) -> dict[str, int]:
        return {name: receiver.port for name, receiver in self.receivers.items()}

    def wait(self, count: int, seconds: float = 40) -> list[bytes]:
        """The notices that came back, once there are so many or the time is over."""
        until = time.monotonic() + seconds
        while len(self.inbox.mails) < count and time.monotonic() < until:
            time.sleep(0.05)
        return list(self.inbox.mails)

    def close(self) -> None:
        for receiver in (*self.receivers.values(), self.inbox):
            receiver.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def message(recipient: str) -> str:
    return f"From: Paula <{SENDER}>\nTo: {recipient}\nSubject: Offer\nMessage-ID: <{recipient.replace('@', '.')}@shop.example>\n\nHello\n"


POSTFIX_MAIN = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mta.example.net
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{inbox}
transport_maps = inline:{{ {routes} }}
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_tls_security_level = none
maximal_queue_lifetime = 0
bounce_queue_lifetime = 0
alias_maps =
alias_database =
local_recipient_maps =
"""

POSTFIX_MASTER = """127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def postfix_bounces(site: Site, recipients: list[str]) -> tuple[list[bytes], str]:
    """The notices of a Postfix that tries each mail once, and its log. It is ended before this returns."""
    program = find("postfix")
    assert program is not None
    conf = site.folder / "conf"
    for name in ("conf", "queue", "data"):
        (site.folder / name).mkdir()
    shutil.chown(site.folder / "data", "postfix")
    port = free_port()
    routes = ", ".join(f"{{ {domain} = smtp:[127.0.0.1]:{where} }}" for domain, where in {**site.ports, "closed.example": site.refused_port}.items())
    (conf / "main.cf").write_text(POSTFIX_MAIN.format(folder=site.folder, inbox=site.inbox.port, routes=routes))
    (conf / "master.cf").write_text(POSTFIX_MASTER.format(port=port))
    ask = (program, "-c", str(conf))
    subprocess.run([*ask, "start"], check=True, capture_output=True, timeout=60)
    try:
        with _connected(port) as smtp:
            for recipient in recipients:
                smtp.sendmail(SENDER, [recipient], message(recipient))
        return site.wait(len(recipients)), (site.folder / "mail.log").read_text()
    finally:
        subprocess.run([*ask, "stop"], check=False, capture_output=True, timeout=60)


def _connected(port: int) -> smtplib.SMTP:
    until = time.monotonic() + 20
    while True:
        try:
            return smtplib.SMTP("127.0.0.1", port, timeout=20)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


EXIM = """exim_path = {program}
deliver_drop_privilege = true
keep_environment =
primary_hostname = mta.example.net
qualify_domain = example.net
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
trusted_users = root
begin routers
all:
  driver = manualroute
  route_list = {routes}; * 127.0.0.1::{inbox}
  self = send
  transport = out
begin transports
out:
  driver = smtp
  hosts_avoid_tls = *
  connect_timeout = 10s
  command_timeout = 10s
begin retry
"""


def exim_program() -> str | None:
    """The unpacked Exim that HEALTHCHECK_EXIM names, else an installed one."""
    named = os.environ.get("HEALTHCHECK_EXIM", "")
    return named if named and Path(named).is_file() else find("exim4") or shutil.which("exim", path=PATHS)


def exim_bounces(site: Site, recipients: list[str]) -> tuple[list[bytes], str]:
    """The notices of an Exim without retry rules, which tries each mail once, and its log. No daemon: each mail is a process that ends."""
    program = exim_program()
    assert program is not None
    for name in ("spool", "log"):
        (site.folder / name).mkdir()
        shutil.chown(site.folder / name, "Debian-exim", "Debian-exim")
    conf = site.folder / "exim.conf"
    routes = "; ".join(f"{domain} 127.0.0.1::{where}" for domain, where in {**site.ports, "closed.example": site.refused_port}.items())
    conf.write_text(EXIM.format(program=program, folder=site.folder, routes=routes, inbox=site.inbox.port))
    for recipient in recipients:
        command = [program, "-C", str(conf), "-odf", "-f", SENDER, recipient]
        subprocess.run(command, input=message(recipient).encode(), check=True, capture_output=True, timeout=60)
    return site.wait(len(recipients)), (site.folder / "log" / "mainlog").read_text()
