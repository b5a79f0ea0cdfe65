"""Lines of mail server logs that hold a delivery result: Postfix, Sendmail, Exim, PowerMTA, Exchange, IIS, OpenSMTPD, qmail.

What stands before the line's own part (a container's name, a time, a pod) does not matter. A line gives one Found, or None where it is no such line. Linear: keys are looked for by str methods, patterns see one line.
"""

from __future__ import annotations

import csv
import re

from . import Found, address, clean, data, holds
from .entries import DATE, MAX_LINE, MAX_LINES, untorn, unwrapped, waiting
from .whom import whom

MAX_FOUND = 300

_STATUS = {
    "sent": "delivered",
    "delivered": "delivered",
    "deferred": "delayed",
    "bounced": "failed",
    "expired": "failed",
    "undeliverable": "failed",
    "softbounce": "delayed",
    "softbounced": "delayed",
}


def of_text(text: str) -> list[tuple[str, Found]]:
    """Every delivery result in a text, with the format of its line. A line that was wrapped is read whole."""
    lines = text.split("\n")[:MAX_LINES]
    if "\n(" in text and (queued := waiting(lines)):
        return queued
    found = [got for line in lines if (got := of_line(line))]
    if len(lines) > 1:
        if found and (" ** " in text or " == " in text or "NOQUEUE: " in text):
            found = untorn(lines, of_line) or found
        if ("status=" in text or "stat=" in text or " T=" in text) and not any(one.recipient and (one.text or one.action == "delivered") for _, one in found):
            whole = [got for line in unwrapped(lines) if (got := of_line(line))]
            torn = any(line.count("(") > line.count(")") for line in lines if "status=" in line)
            found = whole if not found or any(one.recipient for _, one in whole) or (torn and len(whole) >= len(found)) else found
        if "refused to talk to me: " in text:
            _add_refused(found, lines)
        if found and found[0][0] == "qmail-log":
            _name_qmail(found, lines)
    return found[:MAX_FOUND]


_REFUSED = re.compile(r" ([0-9A-Za-z]{6,20}): (host \S{3,300} refused to talk to me: [45]\d\d.{0,1500})")


def _add_refused(found: list[tuple[str, Found]], lines: list[str]) -> None:
    """A line that says only that the last of several hosts was not reached gets the reply that another of them gave to the same mail.

    Postfix logs a host that refused on a line of its own, and the result with what it tried last.
    """
    refused = {got.group(1): got.group(2) for line in lines if (got := _REFUSED.search(line[:MAX_LINE]))}
    for name, one in found:
        mine = next((text for queue, text in refused.items() if queue == one.queue), None) if name == "postfix-log" else None
        if mine and one.action != "delivered" and "said: " not in one.text and "refused to talk" not in one.text:
            one.text = mine
            one.remote = one.remote or mine.split(" ", 2)[1].partition("[")[0]


def of_line(line: str) -> tuple[str, Found] | None:
    """The format of a log line and what it says of its recipient."""
    line = line.strip()[:MAX_LINE]
    if len(line) < 20:
        return None
    for name, reader in _READERS:
        found = reader(line)
        if found is not None:
            found.recipient = found.recipient or whom(found.text)
            return name, found
    return None


def _value(line: str, key: str, ends: str = ",") -> str:
    """The value of key=… up to a comma, <…> whole."""
    at = line.find(key)
    while at > 0 and (line[at - 1].isalnum() or line[at - 1] == "_"):
        at = line.find(key, at + 1)
    if at < 0:
        return ""
    rest = line[at + len(key) :]
    if rest.startswith("<"):
        return rest[1:].partition(">")[0]
    for end in ends:
        rest = rest.partition(end)[0]
    return rest.strip()


def _at(line: str) -> str | None:
    found = DATE.match(line)
    return found.group(0).strip() if found else None


_QUEUE = re.compile(r" ([0-9A-Za-z]{6,20}): to=<")
_CUT = re.compile(r"\bstatus=(?:bounced|deferred|undeliverable|expired|softbounce) \(")


def _postfix(line: str) -> Found | None:
    if "status=" in line and ("to=<" in line or ("=sent" not in line and _CUT.search(line))):  # the left side may be cut off
        state = _value(line, "status=", ", (")
        if state not in _STATUS:
            return None
        opening = line.find("(", line.find("status="))
        text = line[opening + 1 :].rstrip() if opening > 0 else ""
        text = text.removesuffix(")")
        relay = _value(line, "relay=", ",[")
        return Found(
            clean(_value(line, "to=")),
            text,
            None if state == "sent" and holds(text.casefold(), data()["accepted"]["not_delivered"]) else _STATUS[state],
            _value(line, "dsn=") or None,
            relay if relay not in ("", "none", "local", "virtual") else None,
            at=_at(line),
            queue=named.group(1) if (named := _QUEUE.search(line)) else None,
        )
    if "NOQUEUE: " in line or ": reject: " in line or "milter-reject: " in line:
        at = line.find("reject")
        colon = line.find("]: ", at)
        if at < 0 or colon < 0:
            return None
        text = line[colon + 3 :]
        for mark in ("; from=<", "; proto=", "; to=<", "; helo=<"):
            text = text.partition(mark)[0]
        stage = {"RCPT": "rcpt", "MAIL": "mail", "DATA": "data", "END-": "data", "EHLO": "helo", "HELO": "helo", "CONN": "connect"}
        word = line[at:].partition(": ")[2][:4].upper()
        return Found(clean(_value(line, "to=<", ">")), text, "failed", stage=stage.get(word), at=_at(line))
    return None


def _sendmail(line: str) -> Found | None:
    if "ruleset=check_" in line and "reject=" in line:
        stage = {"rcpt": "rcpt", "mail": "mail", "rela": "connect"}.get(line.partition("ruleset=check_")[2][:4])
        recipient = address(_value(line, "arg1=")) if stage == "rcpt" else None
        return Found(recipient, line[line.find("reject=") + 7 :].strip(), "failed", stage=stage, at=_at(line))
    if "stat=" not in line or not ("dsn=" in line or ("to=" in line and ("mailer=" in line or "delay=" in line))) or "result=" in line:
        return None
    stat = line[line.find("stat=") + 5 :]
    low = stat.casefold()
    action = "delivered" if low.startswith("sent") else "delayed" if low.startswith(("deferred", "queued")) else "failed"
    reply = _value(line, "reply=", "")
    stat = stat.partition(", ")[0] if "reply=" in stat else stat
    to = line[line.find("to=") + 3 :] if "to=" in line else ""
    relay = _value(line, "relay=", ",[").rstrip(". ")
    text = reply or stat
    return Found(address(to.partition(", ")[0]), text, action, _value(line, "dsn=") or None, relay or None, at=_at(line))


# "== a@b R=dnslookup T=remote_smtp defer (110): Connection timed out H=mx.example.com [192.0.2.1]: …"
_EXIM_DEFER = re.compile(r" defer \(-?\d{1,5}\)(?:: ([^:]{3,200}?))?(?= H=|: |$)")
_EXIM_REJECT = re.compile(r" rejected (?:after )?(RCPT|MAIL|DATA|EHLO|HELO|connection)(?: <([^<>\s]{1,320})>)?(?:: | from )(.{3,2000})")


_EXIM_ID = re.compile(r"\b[A-Za-z0-9]{6}-[A-Za-z0-9]{6,11}-[A-Za-z0-9]{2,4}\Z")


def _exim(line: str) -> Found | None:
    if " rejected " in line and " H=" in line and (refused := _EXIM_REJECT.search(line)):
        stage = {"RCPT": "rcpt", "MAIL": "mail", "DATA": "data", "connection": "connect"}.get(refused.group(1), "helo")
        return Found(clean(refused.group(2) or "") if stage == "rcpt" else None, refused.group(3), "failed", stage=stage, at=_at(line))
    for mark, action in ((" ** ", "failed"), (" == ", "delayed"), (" => ", "delivered"), (" -> ", "delivered")):
        at = line.find(mark)
        if 0 < at < 80 or (at > 0 and _EXIM_ID.search(line, max(0, at - 24), at)):
            rest = line[at + 4 :]
            recipient = address(rest[:700].partition(" R=")[0].partition(" T=")[0].partition(": ")[0])
            routed = " T=" in line or " R=" in line
            if recipient is None or not (routed or (action != "delivered" and ": " in rest)):
                return None  # "a@b -> c@d: 550 …" is somebody's own way to write who wrote to whom
            host = rest[rest.find(" H=") + 3 :].partition(" ")[0].rstrip(":") if " H=" in rest else None
            text = _exim_said(rest) if action != "delivered" else rest[rest.find('C="') + 3 :].partition('"')[0] if 'C="' in rest else ""
            return Found(recipient, text, action, None, host, at=_at(line))
    return None


def _exim_said(rest: str) -> str:
    """What went wrong, of the part of a line after the mark: the reply where there is one, else the system's own words."""
    at = rest.find("SMTP error from")
    if at < 0:
        colon = rest.find(": ", rest.find("]") if " H=" in rest else 0)
        deferred = _EXIM_DEFER.search(rest)
        if deferred and deferred.group(1) and (colon < 0 or deferred.end(1) > colon or " H=" in rest):
            after = rest[colon + 2 :] if colon > deferred.end() else ""
            return f"{deferred.group(1)} {after}".strip()
        at = colon + 2 if colon >= 0 else 0
    return rest[at:].replace("\\n", "\n")  # Exim writes the line ends of a reply like this


def _powermta(line: str) -> Found | None:
    """A record of PowerMTA's accounting file: type,timeLogged,…,rcpt,…,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat…"""
    if line[:2] not in ("b,", "t,", "d,", "f,") and line[:3] not in ("rb,", "rs,", "tq,"):
        return None
    try:
        fields = next(csv.reader([line]))
    except (csv.Error, StopIteration):
        return None
    addresses = [one for field in fields[:9] if "@" in field and (one := clean(field))]
    if len(fields) < 6 or not addresses:
        return None
    kind = fields[0]
    action = {"b": "failed", "rb": "failed", "t": "delayed", "tq": "delayed", "d": "delivered"}.get(kind)
    status, text, mta, terms = None, "", None, ()
    for n, field in enumerate(fields):
        low = field.strip().casefold()
        if low in ("failed", "delayed", "relayed", "delivered") and n + 1 < len(fields):
            action = {"relayed": "delivered"}.get(low, low)
            status = fields[n + 1].strip().partition(" ")[0] or None
            text = fields[n + 2] if n + 2 < len(fields) else ""
            text = text or fields[n + 1].partition("(")[2].rstrip(")")
            mta = (fields[n + 3].partition(" ")[0] or None) if n + 3 < len(fields) else None
            if n + 4 < len(fields) and fields[n + 4]:
                terms = (fields[n + 4],)  # type: ignore[assignment]
            break
    else:
        text = next((f for f in fields if f[:5].casefold() == "smtp;"), "")
    return Found(addresses[-1], text.strip(), action, status, mta, at=fields[1] or None, terms=terms)


def _opensmtpd(line: str) -> Found | None:
    if "result=" not in line or ("rcpt=" not in line and "to=<" not in line):
        return None
    result = _value(line, "result=", " ").strip('"').casefold()
    action = {"ok": "delivered", "tempfail": "delayed", "permfail": "failed", "loop": "failed"}.get(result)
    if action is None:
        return None
    text = line[line.find("stat=") + 5 :].strip().strip('"') if "stat=" in line else ""
    text = text.partition('" ')[0]
    return Found(clean(_value(line, "rcpt=<", ">")) or clean(_value(line, "to=<", ">")), text, action, at=_at(line))


def _qmail(line: str) -> Found | None:
    at = line.find("delivery ")
    if at < 0:
        return _qmail_bare(line)
    for mark, action in ((": failure: ", "failed"), (": deferral: ", "delayed"), (": success: ", "delivered")):
        if mark in line[at : at + 60]:
            return Found(None, _spaced(line.partition(mark)[2]), action, at=_at(line))
    return None


def _spaced(text: str) -> str:
    return text.replace("_", " ").replace("./Remote host said:", ". Remote host said:").partition("/Giving up on ")[0].rstrip("/")


_UNDERSCORED = re.compile(r"(?:(failure|deferral|success): )?([A-Za-z0-9][^\s_]{0,60}(?:_[^\s_]{1,300}){3,400})/?")


def _qmail_bare(line: str) -> Found | None:
    """The text of a delivery alone, in which a blank is an underscore and a line end a slash."""
    if line.count("_") < 3 or "." not in line or not (found := _UNDERSCORED.fullmatch(line)):
        return None
    if not found.group(1) and "_said:_" not in line and not line.endswith("./"):
        return None
    return Found(None, _spaced(found.group(2)), {"failure": "failed", "deferral": "delayed", "success": "delivered"}.get(found.group(1) or ""))


_QMAIL_START = re.compile(r"starting delivery (\d{1,12}): msg \d{1,20} to (?:remote|local) (\S{3,320})")
_QMAIL_END = re.compile(r"delivery (\d{1,12}): (?:failure|deferral|success): ")


def _name_qmail(found: list[tuple[str, Found]], lines: list[str]) -> None:
    """A delivery's recipient stands on the line that started it."""
    started: dict[str, str] = {}
    ended: list[str] = []
    for line in lines:
        if start := _QMAIL_START.search(line[:MAX_LINE]):
            started[start.group(1)] = start.group(2)
        elif end := _QMAIL_END.search(line[:MAX_LINE]):
            ended.append(end.group(1))
    for number, (_, one) in zip(ended, found, strict=False):
        one.recipient = one.recipient or clean(started.get(number, ""))


def _exchange(line: str) -> Found | None:
    """A row of Exchange's SMTP send log (…,<,"550 5.1.1 …",) or of its message tracking log (FAIL, RecipientStatus)."""
    if line.count(",") < 6:
        return None
    try:
        fields = [f.strip() for f in next(csv.reader([line]))]
    except (csv.Error, StopIteration):
        return None
    if "<" in fields[4:9] and (n := fields.index("<", 4)) + 1 < len(fields) and fields[n + 1][:3].isdigit():
        return Found(None, fields[n + 1], at=fields[0] or None)
    event = next((f for f in fields if f in ("FAIL", "DEFER", "DSN", "BADMAIL", "SENDEXTERNAL")), None)
    if event is None:
        return None
    recipient = next((one for f in fields if "@" in f and "<" not in f and (one := clean(f.partition(";")[0]))), None)
    text = next((f for f in fields if f[:1] in "[{'\"2345" and ("LED=" in f or (f[:3].isdigit() and f[3:4] in " -"))), "")
    if not text:
        return None
    return Found(recipient, text.strip("[]'"), {"FAIL": "failed", "DEFER": "delayed", "SENDEXTERNAL": "delivered"}.get(event), at=fields[0] or None)


_AMAVIS = re.compile(r"\bamavis\[\d{1,9}\]: \([\d-]{3,20}\) (Blocked [A-Z-]{3,20}) \{[^}]{0,200}\}.{0,300}? -> <([^<>\s]{3,320})>")


def _amavis(line: str) -> Found | None:
    if " Blocked " not in line or not (found := _AMAVIS.search(line)):
        return None
    return Found(clean(found.group(2)), found.group(1), "failed", stage="data", at=_at(line))


_IIS = re.compile(r" - (?:[A-Za-z]{4}\+)?([2-5]\d\d\+\S{3,2000}) ")


def _iis(line: str) -> Found | None:
    """A row of the log of Windows' SMTP service, in which a blank is a plus: OutboundConnectionResponse … 550+5.1.1+User+unknown."""
    if "OutboundConnectionResponse" not in line or not (found := _IIS.search(line)):
        return None
    return Found(None, found.group(1).replace("+", " "), at=_at(line))


_READERS = (
    ("postfix-log", _postfix),
    ("sendmail-log", _sendmail),
    ("opensmtpd-log", _opensmtpd),
    ("powermta-log", _powermta),
    ("exchange-log", _exchange),
    ("exim-log", _exim),
    ("qmail-log", _qmail),
    ("amavis-log", _amavis),
    ("iis-log", _iis),
)
