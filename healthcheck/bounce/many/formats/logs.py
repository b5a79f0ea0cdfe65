"""Logs of Postfix, Exim and Sendmail: each try for a recipient is an event, the queue's id is the message's, the sender stands on another line.

What is no mail of ours is passed over: refusals of mail that others brought (NOQUEUE, rejected RCPT), mail for mailboxes on this machine, notices
(the null sender), handing over to a filter on this machine, probes of addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ....model import Event, Happened
from ...formats import Found, address
from ...formats.logs import of_line
from . import Told, With, counted, data, settled
from .kinds import How
from .times import LogTimes

QUEUED = 1 << 16  # mails whose sender is held; Postfix and Exim say when one has left the queue
LONGEST = 8000  # characters of a line

_POSTFIX = re.compile(r"(?:\]: |: )([0-9A-Za-z]{5,20}): (from=<|to=<|removed$|host )")
_EXIM_ID = r"([A-Za-z0-9]{6}-[A-Za-z0-9]{6,11}-[A-Za-z0-9]{2,4})"
_EXIM = re.compile(rf"(?:^|[ \]]){_EXIM_ID} (<=|=>|->|\*\*|==|Completed)(?: |$)")
_SENDMAIL = re.compile(r"\]: ([0-9A-Za-z]{8,20}): (from=|to=|[0-9A-Za-z]{8,20}: sender notify: )")
_TO = re.compile(r"<([^<>\s]{1,320})>")
_MARKS = {"postfix": ("status=", "qmgr[", "postfix"), "sendmail": ("stat=", "sendmail[", "sm-mta[", "mailer=")}
_LOCAL_RELAY = ("local", "virtual", "none", "dovecot", "maildrop", "cyrus", "procmail")
_HERE = ("127.0.0.1", "::1", "localhost")
_ACTION = {"delivered": Happened.DELIVERED, "delayed": Happened.DEFERRED, "failed": Happened.BOUNCED}
_GIVEN_UP = ("status=expired", "status=force-expired")


class Mail:
    """A mail in the queue: its sender (None: not seen), and of each recipient the last try."""

    __slots__ = ("refused", "sender", "tries")

    def __init__(self) -> None:
        self.sender: str | None = None
        self.refused = ""
        self.tries: dict[str, Found] = {}


class Lines:
    """The events of a log's lines. One for each file."""

    def __init__(self, told: Told, given: With) -> None:
        self.told, self.given = told, given
        self._times = LogTimes(given.now)
        self._queue: dict[str, Mail] = {}

    def events(self, line: str, number: int) -> Iterator[Event]:
        """The events of one line: as a rule one or none. Never raises."""
        told = self.told
        told.rows += 1
        if len(line) > LONGEST:
            line = line[:LONGEST]
        if any(mark in line for mark in _MARKS["postfix"]) and (found := _POSTFIX.search(line)):
            yield from self._postfix(line, number, found)
        elif any(mark in line for mark in _MARKS["sendmail"]) and (found := _SENDMAIL.search(line)):
            yield from self._sendmail(line, number, found)
        elif found := _EXIM.search(line[:200]):
            yield from self._exim(line, number, found)

    def _mail(self, name: str) -> Mail:
        mail = self._queue.get(name)
        if mail is None:
            if len(self._queue) >= QUEUED:
                del self._queue[next(iter(self._queue))]
            mail = self._queue[name] = Mail()
        return mail

    def _recognised(self, kind: str) -> None:
        if self.told.kind in ("log", "unknown"):
            self.told.kind = kind

    # -------------------------------------------------------------- Postfix

    def _postfix(self, line: str, number: int, found: re.Match[str]) -> Iterator[Event]:
        name, what = found.groups()
        self._recognised("postfix")
        if what == "removed":
            self._queue.pop(name, None)
        elif what == "host ":
            if " refused to talk to me: " in line:
                self._mail(name).refused = line[found.start(2) :]
        elif what == "from=<":
            sender = line[found.end() :].partition(">")[0]
            mail = self._mail(name)
            if any(mark in line for mark in _GIVEN_UP):  # "from=<…>, status=expired, returned to sender": it names no recipient
                for recipient, one in list(mail.tries.items()):
                    yield from self._made(line, number, name, recipient, one, Happened.BOUNCED, mail)
                mail.tries.clear()
            else:
                mail.sender = sender
        else:
            got = of_line(line)
            if "status=deliverable" in line or "status=undeliverable" in line:  # a probe, not a mail: verify(8)
                self.told.passed += 1
            elif got is not None and got[1].recipient is not None:
                yield from self._tried(line, number, name, got[1])
            else:
                self.told.trouble(number, "line")

    def _tried(self, line: str, number: int, name: str, one: Found) -> Iterator[Event]:
        mail = self._queue.get(name) or Mail()
        relay = line[line.find("relay=") + 6 :].partition(",")[0] if "relay=" in line else ""
        host, bracket, where = relay.partition("[")
        local = (bracket and "/" in where) or (not bracket and (host in _LOCAL_RELAY or "/" in host) and (host != "none"))
        handed = where.partition("]")[0] in _HERE and " queued as " in one.text
        if mail.sender == "" or local or handed:
            self.told.passed += 1
            return
        if mail.refused and one.action != "delivered" and "said: " not in one.text and "refused to talk" not in one.text:
            one.text = mail.refused
        happened = _ACTION.get(one.action or "")
        recipient = self.given.address(one.recipient or "")
        if happened is None or not recipient:
            self.told.trouble(number, "line")
            return
        if happened is Happened.DEFERRED:
            self._mail(name).tries[recipient] = one
        elif recipient in mail.tries:
            del mail.tries[recipient]
        yield from self._made(line, number, name, recipient, one, happened, mail)

    # -------------------------------------------------------------- Exim

    def _exim(self, line: str, number: int, found: re.Match[str]) -> Iterator[Event]:
        name, what = found.groups()
        rest = line[found.end() :]
        if what in ("<=", "Completed"):
            self._recognised("exim")
            if what == "<=":
                sender = rest.partition(" ")[0]
                self._mail(name).sender = "" if sender == "<>" else sender
            else:
                self._queue.pop(name, None)
            return
        got = of_line(line)
        if got is None or got[1].recipient is None or got[0] != "exim-log":
            if "@" in rest[:300] and (" R=" in rest or " T=" in rest or ": " in rest):
                self.told.trouble(number, "line")
            return
        self._recognised("exim")
        one, mail = got[1], self._queue.get(name) or Mail()
        happened = _ACTION.get(one.action or "")
        recipient = self.given.address(one.recipient or "")
        if mail.sender == "" or (happened is Happened.DELIVERED and " H=" not in rest):  # a notice; a mailbox, a file or a program here
            self.told.passed += 1
            return
        if happened is None or not recipient:
            self.told.trouble(number, "line")
            return
        if happened is Happened.DEFERRED:
            self._mail(name).tries[recipient] = one
        else:
            before = mail.tries.pop(recipient, None)
            if (
                before is not None
                and happened is Happened.BOUNCED
                and any(words in one.text for words in data()["log"]["retry_over"])
                and "SMTP error" not in one.text
            ):
                one.text = before.text  # that the time is over says less than what was answered last
        yield from self._made(line, number, name, recipient, one, happened, mail)

    # -------------------------------------------------------------- Sendmail

    def _sendmail(self, line: str, number: int, found: re.Match[str]) -> Iterator[Event]:
        name, what = found.groups()
        self._recognised("sendmail")
        if what == "from=":
            text = line[found.end() :].partition(",")[0]
            self._mail(name).sender = text.strip("<> ")
        elif what == "to=":
            yield from self._stat(line, number, name)
        elif "Cannot send message" in line or "Cannot send within" in line:
            mail = self._queue.pop(name, None)
            for recipient, one in mail.tries.items() if mail else ():
                yield from self._made(line, number, name, recipient, one, Happened.BOUNCED, mail or Mail())

    def _stat(self, line: str, number: int, name: str) -> Iterator[Event]:
        mail = self._queue.get(name) or Mail()
        got = of_line(line)
        if got is None:
            self.told.trouble(number, "line")
            return
        one = got[1]
        happened = _ACTION.get(one.action or "")
        mailer = line[line.find("mailer=") + 7 :].partition(",")[0].strip() if "mailer=" in line else ""
        if mail.sender == "" or mailer in ("local", "prog", "*file*", "*include*") or happened is None:
            self.told.passed += 1
            return
        start = line.find("to=") + 3
        end = min((at for mark in (", ctladdr=", ", delay=", ", xdelay=", ", mailer=", ", stat=") if (at := line.find(mark, start)) >= 0), default=len(line))
        to = line[start:end]
        names = _TO.findall(to) or [part for part in to.split(",") if "@" in part]
        recipients = [recipient for part in names if (recipient := self.given.address(address(part) or ""))]
        if not recipients:
            self.told.trouble(number, "line")
        for recipient in recipients:
            if happened is Happened.DEFERRED:
                self._mail(name).tries[recipient] = one
            else:
                mail.tries.pop(recipient, None)
            yield from self._made(line, number, name, recipient, one, happened, mail)

    # -------------------------------------------------------------- all

    def _made(self, line: str, number: int, name: str, recipient: str, one: Found, happened: Happened, mail: Mail) -> Iterator[Event]:
        said, given = None, self.given
        if happened is not Happened.DELIVERED:
            action = "failed" if happened is Happened.BOUNCED else "delayed"
            said = given.kinds.of_text(one.text, How(one.status, action, stage=one.stage), recipient, one.remote)
            if happened is Happened.BOUNCED:
                happened = settled(happened, said)
        if happened is Happened.OTHER:
            self.told.passed += 1
            return
        event = Event(
            happened,
            recipient,
            self._times.of(line),
            said,
            name,
            given.campaign,
            given.sender(mail.sender) if mail.sender else "",
            given.provider(recipient, said, one.remote),
            f"{self.told.name}:{number}",
        )
        yield counted(self.told, event)
