"""What two mail servers said to each other: Sendmail's transcripts, transcripts that people paste, Postfix's In:/Out:."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..reply import stage_of
from . import Found, address, clean, data, holds, only_address

MAX_FOUND = 500


@dataclass(slots=True)
class Exchange:
    """One reply with the command that it answers ("" for the greeting)."""

    command: str
    lines: list[str] = field(default_factory=list)
    after: str = ""  # the last line below it that is neither: "Connection closed by foreign host."

    @property
    def code(self) -> str:
        return self.lines[-1].lstrip()[:3] if self.lines else ""


# ------------------------------------------------------------------ Sendmail

_TALKING = "while talking to "
_FATAL = (
    "had permanent fatal errors",
    "had fatal errors",
    "had transient non-fatal errors",
    "had delivery problems",
    "had delivery errors",
    "had permanent delivery errors",
    "had temporary delivery errors",
    "addresses have delivery notifications",
    "had successful delivery",
)
_TRANSCRIPT = ("transcript of session follows", "transcript of the session follows")


def sendmail(body: str) -> list[Found]:
    """The two blocks of a Sendmail notice: the addresses with their reasons, and the transcript. Versions 5 and 8, and what imitates them."""
    low = body.casefold()
    at = min((p for mark in _TRANSCRIPT if (p := low.find(mark)) >= 0), default=-1)
    fatal = min((p for mark in _FATAL if (p := low.find(mark)) >= 0), default=-1)
    if at < 0 and fatal < 0:
        return []
    listed = _listed(body[fatal : at if at > fatal else len(body)]) if fatal >= 0 else []
    transcript = body[body.find("\n", at) + 1 :] if at >= 0 else ""
    host, exchanges, said = _transcript(transcript)
    if not listed:
        listed = _asked([e for e in exchanges if e.code[:1] in ("4", "5")])
    if not listed:
        for line in said:
            if (one := address(line)) and not any(f.recipient == one for f in listed):
                listed.append(Found(one))
                break
    if not listed and exchanges:
        listed = _asked(exchanges) or [Found(None) for e in exchanges if e.code[:1] in ("4", "5")][:1]
    for found in listed:
        _fill(found, host, exchanges, said, len(listed))
    return listed


def _asked(exchanges: list[Exchange]) -> list[Found]:
    """The recipients that RCPT TO commands named, each once."""
    return [Found(one) for one in dict.fromkeys(_rcpt(e.command) for e in exchanges) if one]


def _listed(block: str) -> list[Found]:
    out: list[Found] = []
    open_reason = False
    for line in block.split("\n")[1:]:
        bare = line.strip()
        if out and bare.startswith("-----"):
            break  # the next block: a transcript, the reason, the mail that came back
        if not bare or bare.startswith("-----"):
            open_reason = False
            continue
        if bare.startswith("(reason: ") or open_reason:
            if out:
                reason = bare.removeprefix("(reason: ").removesuffix(")")
                if not reason.isdigit() or (len(reason) == 3 and reason[0] in "45"):  # else the exit status of a program
                    out[-1].text += (" " if out[-1].text else "") + reason
                open_reason = not bare.endswith(")")
            continue
        if bare.startswith("(expanded from"):
            if out and not out[-1].recipient:
                out[-1].recipient = address(bare)
            continue
        if bare.startswith(">>> "):
            bare = bare[4:]
        if len(out) < MAX_FOUND:
            head, gap, rest = bare.partition(">") if bare.startswith("<") else (bare, "", "")
            recipient = clean(head[1:]) if gap else only_address(bare) or address(bare)
            found = Found(recipient)
            rest = rest.strip()
            if rest.startswith("(") and rest.endswith(")") and rest != "(unrecoverable error)":
                found.text = rest[1:-1]
            elif not gap and bare.endswith("]") and " [" in bare:
                found.text = bare[bare.find(" [") + 2 : -1]
            elif bare.startswith("[Status:"):  # Zoho
                found.text = bare[1:-1]
            if recipient or bare.startswith(('"|', '"/', "|", "/")):  # a pipe or a file
                out.append(found)
    return out


def _transcript(text: str) -> tuple[str | None, list[Exchange], list[str]]:
    host, command = None, ""
    exchanges: list[Exchange] = []
    said: list[str] = []
    for line in text.split("\n")[:2000]:
        bare = line.strip()
        if bare.startswith(">>> "):
            command = bare[4:]
        elif bare.startswith("<<<"):
            reply = bare[3:].strip()
            last = exchanges[-1] if exchanges else None
            if last and last.command == command and last.lines and reply[:3] == last.code and last.lines[-1].lstrip()[3:4] == "-":
                last.lines.append(reply)
            else:
                exchanges.append(Exchange(command, [reply]))
        elif not bare.startswith("<") and _COMMAND.match(bare):
            command = bare  # its mark was lost: people's mail programs take ">>>" for a quotation
        elif bare.startswith(("----- ", "Reporting-MTA:", "Final-Recipient:", "Original-Recipient:", "Return-Path:", "Received:")) or (
            bare.startswith("--") and len(bare) > 30
        ):
            break
        elif (at := bare.casefold().find(_TALKING)) >= 0:
            host = bare[at + len(_TALKING) :].rstrip(":. ")[:255]
        elif bare:
            said.append(bare)
    return host, exchanges, said


def _rcpt(command: str) -> str | None:
    return address(command) if command[:8].casefold() == "rcpt to:" else None


def _fill(found: Found, host: str | None, exchanges: list[Exchange], said: list[str], count: int) -> None:
    """The reply of one listed address: the reason, or the longer form of it that the transcript has."""
    found.remote = found.remote or host
    refused = [e for e in exchanges if e.code[:1] in ("4", "5") and not e.lines[0].startswith("503")] or [e for e in exchanges if e.code[:1] in ("4", "5")]
    mine = None
    if found.recipient:
        low = found.recipient.casefold()
        mine = next((e for e in refused if low in e.command.casefold()), None) or next((e for e in refused if low in " ".join(e.lines).casefold()), None)
    if mine is None and found.text:
        mine = next((e for e in refused if e.lines[0].startswith(found.text[:40])), None)
    if mine is None and refused and not found.text:
        mine = refused[-1] if count == 1 or len(refused) == 1 else None
    if mine is not None:
        found.stage = stage_of(mine.command[:24]) or ("connect" if not mine.command else None)
        if not found.text or (found.text[:3] == mine.code and (len(mine.lines) > 1 or found.text[3:4] == "-")):
            found.text = "\n".join(mine.lines)
    if mine is None and count == 1 and found.text and not any(c.isdigit() for c in found.text):
        found.text = next((line for line in said if line[:3].isdigit()), found.text)  # the same with its codes
    if not found.text.strip() or found.text.strip().isdigit():
        own = (
            [line for line in said if found.recipient and found.recipient.casefold() in line.casefold()]
            or [line for line in said if line[:3].isdigit()]
            or said
        )
        if own:
            found.text = (found.text + " " if found.text else "") + (" ".join(said) if own is said or len(said) < 4 else own[0])


# ------------------------------------------------------------------ transcripts as pasted

_CLIENT = re.compile(
    r"^\s{0,8}(?:\[[^\]]{1,40}\]\s{0,3}|\d{4}-\d\d-\d\d[T ][\d:.,+Z ]{5,24}\s?|\d\d:\d\d:\d\d[.,]?\d{0,6}\s)?(?:CLIENT -> SERVER:|C: |C>|>>> |-> | ~> |~> | -> |=> |Out: ?|In:  |send: b?'|SEND |CMD: |> )\s{0,4}(.{0,1000})$"
)
_SERVER = re.compile(
    r"^\s{0,8}(?:\[[^\]]{1,40}\]\s{0,3}|\d{4}-\d\d-\d\d[T ][\d:.,+Z ]{5,24}\s?|\d\d:\d\d:\d\d[.,]?\d{0,6}\s)?(?:SERVER -> CLIENT:|S: |S>|<<< |<~\* |<~  |<~ |<- |<\*\* |<-  |<= |reply: b?'|RECV |RESP: |< )\s{0,4}(.{0,2000})$"
)
# What a program's own log says before it, after a time and a level of any form.
_LOGGED = re.compile(
    r"(?i)^.{0,200}?(?:(?P<client>\bC: |\bC>|client sent: |sending command: |sent command: |sending: |command sent: |smtp command: |>>> |--> )"
    r"|(?P<server>\bS: |\bS>|writing response to client: |received reply: |server replied: |server response: |response: |reply: |received: |<<< |<-- ))"
    r"[\"'\s]{0,4}(?:\\n|\\r){0,2}(?P<said>.{0,2000})$"
)
_COMMAND = re.compile(r"(?i)^(?:ehlo|helo|lhlo|mail from:|rcpt to:|data$|bdat |starttls|auth |rset|quit|vrfy |expn |noop|\.$|xforward )")
_REPLY = re.compile(r"^([2-5]\d\d)([ -]|$)")


_IN_LOG = re.compile(r"(?i)[:>] ?[\"']?(?:MAIL FROM:|RCPT TO:)")
WRAPPED = 45  # characters of a line that may have been wrapped
MAX_SEEN, MAX_LINE = 20_000, 2400


def transcript(body: str) -> list[Exchange]:
    """The commands and replies of a pasted SMTP session, or [] where it is none: at least one command and one reply after it. RFC 5321 appendix D.

    Understood are C:/S:, >>>/<<<, ->/<- (swaks), CLIENT -> SERVER (PHPMailer), send:/reply: (smtplib), In:/Out: (Postfix's to the postmaster), and bare lines.
    """
    exchanges: list[Exchange] = []
    command, commands, above = "", 0, ""
    swapped = "\n Out: 220" in body or "\nOut: 220" in body or body.startswith(("Out: 220", " Out: 220"))
    if swapped:  # Postfix as the server: Out is what it said
        body = body.replace("In:  ", "C: ").replace("Out: ", "S: ")
    logged = bool(_IN_LOG.search(body[:MAX_SEEN]))
    for line in body.split("\n")[:5000]:
        server = _SERVER.match(line)
        client = None if server else _CLIENT.match(line)
        text = (server or client).group(1) if (server or client) else line  # type: ignore[union-attr]
        if logged and not server and not client and (found := _LOGGED.match(line[:MAX_LINE])):
            text = found.group("said")
            server, client = (found, None) if found.group("server") else (None, found)
        bare = text.strip().rstrip("\"'").removesuffix("\\r\\n").removesuffix("'").strip()
        if not server and _COMMAND.match(bare):
            command = bare
            commands += 1
            continue
        if not client and (found := _REPLY.match(bare)):
            last = exchanges[-1] if exchanges else None
            if last and last.command == command and last.lines and last.code == found.group(1) and last.lines[-1].strip()[3:4] == "-":
                last.lines.append(bare)
            else:
                exchanges.append(Exchange(command, [bare]))
        elif exchanges and not client and not server and len(bare) > 12:
            last = exchanges[-1]
            if (
                len(above) >= WRAPPED
                and last.lines
                and above.endswith(last.lines[-1][-20:])
                and not last.after
                and not holds(bare.casefold(), data()["session"]["ended"])
            ):
                last.lines[-1] += f" {bare}"  # a line that was wrapped
            else:
                last.after = bare[:300]
        above = line.rstrip()
    if not commands or not any(e.command for e in exchanges):
        return []
    return exchanges


def of_transcript(exchanges: list[Exchange]) -> list[Found]:
    """What a session says of each recipient: refused ones with their reply, and all accepted ones where a later stage failed or the message was taken."""
    out: list[Found] = []
    accepted: list[str] = []
    sender_done = False
    for e in exchanges:
        stage = stage_of(e.command[:12]) if e.command and e.command != "." else ("data" if e.command == "." else "connect")
        first = e.code[:1]
        text = "\n".join(e.lines)
        if stage == "rcpt":
            recipient = _rcpt(e.command)
            if e.code == "503" and sender_done and len(out) == 1:  # its sender was refused, and that is why
                out[0].recipient = out[0].recipient or recipient
            elif first in ("4", "5"):
                out.append(Found(recipient, text, stage="rcpt"))
            elif recipient:
                accepted.append(recipient)
        elif first in ("4", "5") and not sender_done and not (stage == "helo" and e.command[:4].casefold() == "ehlo"):
            if stage == "data" and e.code == "503" and out:
                continue
            if e.command[:4].casefold() in ("quit", "rset", "noop"):
                continue
            for recipient in accepted or [None]:  # type: ignore[list-item]
                out.append(Found(recipient, text, stage=stage))
            sender_done = True
        elif stage == "data" and first == "2":
            out.extend(Found(recipient, text, action="delivered", stage="data") for recipient in accepted)
        if len(out) >= MAX_FOUND:
            break
    if not out:
        last = next((e for e in reversed(exchanges) if e.command[:4].casefold() not in ("quit", "rset")), exchanges[-1])
        # after 354 the message was not taken: the session broke off (RFC 5321 section 4.1.1.4)
        text = "\n".join(last.lines) if last.code[:1] != "3" else last.after
        out.append(Found(accepted[0] if accepted else None, text, stage=stage_of(last.command[:12])))
    return out
