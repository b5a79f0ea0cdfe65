"""Notices that name an address and put what happened below it: Postfix, qmail, Courier, Exim, Yahoo, OpenSMTPD, Exchange up to 2003.

Readers take the notice (line ends LF, the returned mail cut off) and give a Found for each address. Linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..reply import stage_of
from . import Found, address, clean, data, holds, only_address

MAX_FOUND = 500
MAX_TEXT = 40  # lines of one recipient's text

_QMAIL = (
    ("does not like recipient", "rcpt"),
    ("sender was rejected", "mail"),
    ("my name was rejected", "helo"),
    ("greeting failed", "connect"),
    ("failed on data command", "data"),
    ("failed after i sent the message", "data"),
    ("connected to ", "connect"),
)
_QMAIL_END = ("giving up on ", "i'm not going to try again", "i have given up", "--- ")


def angle(body: str) -> list[Found]:
    """`<address>:` at the start of a line, the text after it and below it up to an empty line. Postfix, qmail, Courier, Yahoo, MX Logic …"""
    out: list[Found] = []
    lines = body.split("\n")
    i = 0
    while i < len(lines) and len(out) < MAX_FOUND:
        line = lines[i].strip()
        i += 1
        if not line.startswith("<") or line.startswith("<<<") or ("@" not in line and not _hidden(line)):
            continue
        above = _CODES_END.search(lines[i - 2].rstrip()[-40:]) if i > 1 else None  # "550 5.1.1", and the line was wrapped before "<address>:"
        head = line
        while (opened := head.count("(") > head.count(")")) and "expanded from" in head and i < len(lines) and lines[i].strip() and len(head) < 800:
            head += " " + lines[i].strip()
            i += 1
        if not opened and head.endswith(">") and i < len(lines) and lines[i].strip().startswith("(expanded from"):
            head += " " + lines[i].strip()
            i += 1
        close = head.find(">") if _hidden(line) else _closing(head)
        recipient = clean(head[1:close]) if close > 0 else None
        if recipient is None and not _hidden(line):
            continue
        rest = head[close + 1 :].lstrip()
        if one := _in_brackets(recipient, rest):
            out.append(one)
            continue
        if rest.startswith("(") and "expanded from" in rest[:20]:
            rest = rest[rest.find("):") + 1 if "):" in rest else rest.rfind(")") + 1 :].lstrip()
        if not rest.startswith(":"):
            continue
        text = [rest[1:].strip()] if rest[1:].strip() else []
        while i < len(lines) and len(text) < MAX_TEXT:
            below = lines[i].strip()
            if not below:
                if text or i + 1 >= len(lines):
                    break
                i += 1
                continue
            # an indented line is wrapped text, whatever it starts with
            if below.startswith("<") and "@" in below and ">:" in below and lines[i][:1] == "<" and not below.startswith(("<<<", f"<{recipient}>")):
                break
            text.append(below)
            i += 1
        one = _from_angle(recipient, text)
        if above is not None:
            one.text = f"{above.group(1)} <{recipient}>: {one.text}"
        out.append(one)
    return out


_CODES_END = re.compile(r"(?:\A|[\s:])([245]\d\d(?:[ -][245]\.\d{1,3}\.\d{1,3})?)\Z")


def _hidden(line: str) -> bool:
    """Whether a reply follows something between angle brackets that is no address: what people put there instead of it."""
    return ">: host " in line and "@" not in line[: line.find(">: host ")]


def _in_brackets(recipient: str | None, rest: str) -> Found | None:
    """ "<a@b> (host 'mx' rejected command 'RCPT TO:<a@b>' with code 550 (5.1.1) 'no such user')": Stalwart."""
    if not rest.startswith("(") or not rest.endswith(")") or not holds(rest.casefold(), data()["stalwart"]["reasons"]):
        return None
    delivered = holds(rest.casefold(), data()["stalwart"]["delivered"])
    found = _WITH_CODE.search(rest)
    text = f"{found.group(1)} {'' if found.group(2) == '0.0.0' else found.group(2)} {found.group(3)}" if found else rest[1:-1]
    host = _QUOTED_HOST.search(rest)
    return Found(recipient, " ".join(text.split()), "delivered" if delivered else None, remote=host.group(1) if host else None)


_WITH_CODE = re.compile(r" with code ([2-5]\d\d) \((\d\.\d{1,3}\.\d{1,3})\) '(.{0,2000})'\)\Z")
_QUOTED_HOST = re.compile(r"(?:host|to) '([A-Za-z0-9_.-]{3,255})'")


def _closing(line: str) -> int:
    at = line.find("@")
    return line.find(">", at)


def _from_angle(recipient: str | None, lines: list[str]) -> Found:
    stage, kept = None, []
    for line in lines:
        low = line.casefold()
        stage = stage or next((s for mark, s in _QMAIL if mark in low), None)
        if low.startswith(_QMAIL_END):
            continue
        kept.append(line)
    got = [line[4:] for line in kept if line.startswith("<<< ")]
    asked = [line for line in kept if line.startswith(">>> ")]
    if got:  # Courier
        return Found(recipient, "\n".join(got), stage=stage_of(asked[-1][4:24]) if asked else None, remote=_host_line(kept[0]))
    for n, line in enumerate(kept):
        if line.startswith("Remote host said:"):
            return Found(recipient, "\n".join([line[17:].strip(), *kept[n + 1 :]]), stage=stage)
    return Found(recipient, "\n".join(kept), stage=stage)


def _host_line(line: str) -> str | None:
    name = line.partition(" ")[0].partition("[")[0].rstrip(":.")
    return name if "." in name and "@" not in name and len(name) < 256 else None


def exim(body: str) -> list[Found]:
    """An indented address with its text indented further below it. Exim, Mail.ru.

    What stands there instead of an address (a pipe, a file) has its address on a line "generated by …".
    """
    out: list[Found] = []
    current: Found | None = None
    text: list[str] = []
    indent, gap = 0, False

    def close() -> None:
        if current is not None and (text or current.recipient):
            current.text = "\n".join(text)
            if not any(f.recipient == current.recipient and (f.text == current.text or not f.recipient) for f in out):
                out.append(current)

    for line in _exim_lines(body):
        bare = line.strip()
        depth, below_gap, gap = len(line) - len(line.lstrip(" \t")), gap, not bare
        if not bare:
            if text:
                close()
                current, text = None, []
        elif depth == 0 and current is not None and text and not below_gap:
            text.append(bare)  # wrapped, its indentation lost: a block ends with an empty line
        elif depth == 0 or len(out) >= MAX_FOUND:
            close()
            current, text = None, []
        elif (current is None or depth < indent or (depth == indent and only_address(bare))) and (one := _exim_head(bare)):
            close()
            current, text, indent = one, [one.text] if one.text else [], depth
        elif current is not None:
            if (origin := _generated(bare)) is not None:
                current.recipient = current.recipient or origin
            elif len(text) < MAX_TEXT:
                text.append(bare)
    close()
    return [f for f in out if f.recipient or f.text]


def _exim_lines(body: str) -> Iterator[str]:
    """The lines below "The following address(es) failed:", up to what a pipe printed."""
    started = False
    for line in body.split("\n"):
        low = line.casefold()
        if started and low.startswith(("the following text was generated", "------ pipe", "------ save")):
            return
        if started:
            yield line
        started = started or "failed:" in low or "address(es)" in low or "an mx or srv" in low


def _exim_head(line: str) -> Found | None:
    if (whole := only_address(line)) is not None:
        return Found(whole)
    if line.startswith("<") and ">:" in line and (one := address(line)):
        return Found(one, line.partition(">:")[2].strip())
    if line.startswith(("save to ", "pipe to ", "host ", "SMTP error from ", "an undisclosed address")):
        return Found(None, line)
    if " " not in line and len(line) < 64 and "=" not in line and not line.startswith(("-", "*", "#")):
        return Found(None)  # a local part without its domain
    head, colon, rest = line.partition(": ")
    if colon and (one := only_address(head)) is not None:
        return Found(one, rest)
    return None


def _generated(line: str) -> str | None:
    low = line.casefold()
    if "generated by " in low or "generated from " in low:
        return address(line)
    return None


# the word between them is in the language of the server: on, am, le, el, il, em, op, den, w dniu, в …
_ON_DATE = re.compile(
    r"^'?([^\s'<>]{1,320}@[^\s'<>]{1,255})'? (?:[^\W\d_]{1,3} )?(?:[^\W\d_]{1,10}[.,]{1,2} )?\d{1,4}[ /.-](?:\d{1,2}|[^\W\d_]{3,12}\.?)[ /.-]\d{2,4}\b"
)


def exchange2003(body: str) -> list[Found]:
    """ "address on DATE", with the reason indented below. Exchange 5.5 to 2003; the last line names a MSEXCH code."""
    out: list[Found] = []
    current: list[str] | None = None
    for line in body.split("\n"):
        bare = line.strip()
        if (found := _ON_DATE.match(bare)) and (one := clean(found.group(1))):
            current = []
            out.append(Found(one))
            continue
        if current is None:
            continue
        if not bare and current:
            current = None
            continue
        if bare and not bare.startswith(("The MTS-ID of", ";p=")):
            current.append(bare)
            out[-1].text = " ".join(current)
    return out[:MAX_FOUND]


def colon(body: str) -> list[Found]:
    """ "address: text", each from a line of its own on. OpenSMTPD, DragonFly, and lists that people keep. A line below goes on where it was wrapped."""
    out: list[Found] = []
    going = False
    for line in body.split("\n"):
        bare = line.strip()
        one = None
        if "@" in bare and ": " in bare:
            head, _, rest = bare.partition(": ")
            if rest and not rest.lstrip().startswith("<"):
                one = only_address(head)
        if one is not None:
            if going and out[-1].recipient == one and _open(out[-1].text):  # a reply that names its address on a line of its own
                out[-1].text += "\n" + bare
            elif len(out) >= MAX_FOUND:
                break
            else:
                out.append(Found(one, rest.strip()))
            going = True
        elif going and bare and (line[:1] in " \t" or _open(out[-1].text)) and out[-1].text.count("\n") < MAX_TEXT:
            out[-1].text += "\n" + bare
        else:
            going = False
    return out


def _open(text: str) -> bool:
    """Whether a text that "(in reply to …)" ends goes on below, as Postfix wraps it."""
    return " said:" in text and not text.endswith("command)")
