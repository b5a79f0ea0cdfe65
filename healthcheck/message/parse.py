"""What was pasted: header fields alone, a whole message, or a bounce, of which the message that came back is taken.

People copy headers out of web pages, quotations and trackers, which add a table above them, marks before each line, blank lines between,
and lose the blanks that fold a field. What was undone is told (`how`), because a signature holds only over the octets as they were sent.
Octets are handled as Latin-1 text, in which nothing can fail (see bounce/formats/mime.py). Linear, bounded, never raises but for the size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..bounce.formats import body_marks, cut_original, dsn, paste
from ..bounce.formats import mime as bounce_mime
from ..bounce.formats.mime import Part, parameter
from ..bounce.formats.notices import from_daemon
from ..bounce.read import read as read_bounce
from ..errors import TooLargeError
from ..model import MAX_INPUT, Bounce, Claim, Kind
from . import data
from .fields import MAX_FIELDS, Field, is_field, spaced, split_fields, starts

MAX_DEPTH = 3  # bounces inside forwarded mails


@dataclass(frozen=True, slots=True)
class Pasted:
    """What was recognised.

    kind        headers | message | dsn (the fields are those of the message that came back, if it did) | unrecognised
    how         what was met and undone, keys of [recognised] in data/message.toml
    raw         the message with CRLF line ends, for a verifier; whole_body: are its octets those that were sent?
    said        what a table above the headers says (Gmail's “show original”)
    bounces     of a bounce: whom it is about and who said no; form: which program's notice it is (bounce.read.Reading.format), "" where that is not known
    """

    kind: str
    fields: tuple[Field, ...] = ()
    body: str = ""
    raw: bytes = b""
    whole_body: bool = False
    how: tuple[str, ...] = ()
    said: tuple[Claim, ...] = ()
    bounces: tuple[Bounce, ...] = ()
    form: str = ""

    def all(self, name: str) -> list[Field]:
        return [one for one in self.fields if one.key == name]

    def first(self, name: str) -> str:
        return next((one.value for one in self.fields if one.key == name), "")


def read_message(text: str | bytes, source: str = "") -> Pasted:
    """Recognise what was pasted, and take its header and body apart.

    text     octets, or text (its octets are taken to be UTF-8); any line ends
    source   names the input in an error

    Raises TooLargeError over MAX_INPUT octets; nothing else, whatever the input. Cost: pure, below a second for 1 MiB.
    Standard: RFC 5322 section 2.2, RFC 6522 and RFC 3464 (the message that came back).

    >>> pasted = read_message("> Received: from a by b; Sun, 22 Nov 2026 12:00:00 +0000\\n> From: lena@example.com\\n> Subject: x")
    >>> pasted.kind, pasted.how, [one.name for one in pasted.fields]
    ('headers', ('quoted',), ['Received', 'From', 'Subject'])
    """
    octets = text.encode("utf-8", "surrogateescape" if _only_escapes(text) else "replace") if isinstance(text, str) else bytes(text)
    if len(octets) > MAX_INPUT:
        name = f"{source}: " if source else ""
        raise TooLargeError(f"{name}{len(octets):,} octets were given; at most {MAX_INPUT:,} are read. Paste the headers alone.")
    if octets[:2] in (b"\xff\xfe", b"\xfe\xff"):  # a text file of Windows
        octets = octets.decode("utf-16", "replace").encode("utf-8", "replace")
    octets = octets.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"")
    raw = octets.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("latin-1")
    pasted = _read(raw, 0)
    if pasted.kind == "dsn":
        reading = read_bounce(text, source)
        pasted = replace(pasted, bounces=tuple(reading.bounces[:50]), form=reading.format or "")
    return pasted


def below_words(pasted: Pasted) -> bool:
    """Is it the header of a message that stands below other words, such as a reply? What a program shows of a quoted mail (From, Sent, To) is none. Pure."""
    return pasted.kind != "dsn" and "above" in pasted.how and any(one.key in ("received", "message-id", "dkim-signature") for one in pasted.fields)


def _only_escapes(text: str) -> bool:
    return all("\udc80" <= c <= "\udcff" for c in text if "\ud800" <= c <= "\udfff") if not text.isascii() else True


def _read(raw: str, depth: int) -> Pasted:
    how: list[str] = []
    raw = raw.strip("\n")
    raw, said = _without_table(raw)
    if said:
        how.append("gmail-original")
    if "```" in raw and (blocks := paste.fenced(raw)[0]):
        raw, how = max(blocks, key=len).strip("\n"), [*how, "fenced"]
    for undo, name in ((paste.dedented, "indented"), (paste.unquoted, "quoted"), (spaced, "spaced")):
        undone = undo(raw)
        if undone != raw:
            raw, how = undone.strip("\n"), [*how, name]
    start = starts(raw)
    if start is None:
        if (back := _of_text(raw, depth)) is not None:
            return back
        return Pasted("unrecognised", said=said, how=tuple(how))
    if start:
        how.append("above")
        # a notice pasted without its header, with the message that came back below
        if (back := _of_text(raw, depth)) is not None:
            return back
    pasted = _taken(raw[start:], tuple(how), said)
    mended = "\n".join(one.raw for one in pasted.fields) + "\n\n" + pasted.body
    return _returned(pasted, mended, depth) or pasted


# ------------------------------------------------------------------ where the header is

_ROW = re.compile(r"^[ \t>]*(SPF|DKIM|DMARC):?[ \t]+'?([A-Za-z]{4,12})'?(?:[ \t]([^\n]{0,200}))?$", re.MULTILINE)
_VERDICTS = frozenset(("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"))
_IP_IN = re.compile(r"[0-9A-Fa-f]{0,4}(?:[.:][0-9A-Fa-f]{0,4}){3,8}")
_DOMAIN_IN = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")


def _without_table(raw: str) -> tuple[str, tuple[Claim, ...]]:
    """The source without the table that Gmail shows above it, and what that table says. The labels are the same in every language."""
    rows = [found for found in _ROW.finditer(raw[:6000]) if found[2].lower() in _VERDICTS]
    if not rows:
        return raw, ()
    claims = []
    for found in rows:
        rest, properties = found[3] or "", {}
        if ip := _IP_IN.search(rest):
            properties["client-ip"] = ip[0].strip(".:")
        elif domain := _DOMAIN_IN.search(rest):
            properties["header.d"] = domain[0].lower()
        claims.append(
            Claim(
                found[1].lower(),
                found[2].lower(),
                "google.com",
                properties=properties,
                field_name="show-original",
                order=-1,
                trusted=True,
                text=found[0].strip(),
            )
        )
    below = raw[rows[-1].end() :].lstrip("\n")
    return below, tuple(claims)


# ------------------------------------------------------------------ fields and body


def _taken(raw: str, how: tuple[str, ...], said: tuple[Claim, ...]) -> Pasted:
    fields, at, mended = split_fields(raw)
    body = raw[at:]
    head = "\n".join(one.raw for one in fields)
    if mended:
        how = (*how, "unfolded")
    if len(fields) >= MAX_FIELDS:
        how = (*how, "too-many-fields")
    there = bool(body.strip())
    whole = there and set(how) <= {"gmail-original", "above", "dsn-original"} and _complete(fields, body)
    octets = f"{head}\n\n{body}".replace("\n", "\r\n").encode("latin-1", "replace")
    return Pasted("message" if there else "headers", tuple(fields), body, octets, whole, how, said)


def _complete(fields: list[Field], body: str) -> bool:
    """Is the body there to its end? Of a multipart its closing boundary says so; of others nothing does."""
    kind = next((one.value for one in fields if one.key == "content-type"), "")
    if kind.strip().lower().startswith("multipart/") and (boundary := parameter(kind, "boundary")):
        return f"--{boundary}--" in body
    return True


# ------------------------------------------------------------------ the message that came back

_RETURNED = ("message/rfc822", "message/global", "text/rfc822-headers", "text/rfc822-header", "message/rfc822-headers", "message/global-headers")


def _returned(outer: Pasted, raw: str, depth: int) -> Pasted | None:
    """Of a bounce: the message that came back. None where it is no bounce."""
    mail = bounce_mime.parse(raw, utf8=False)
    if not mail.was_mail:
        return None
    status = any(part.kind in ("message/delivery-status", "message/global-delivery-status", "message/feedback-report") for part in mail.parts)
    # a message without From is not yet a bounce
    if not (status or ("from" in mail.headers and from_daemon(mail)) or "x-failed-recipients" in mail.headers):
        inside = next((part for part in mail.of("message/rfc822", "message/global")), None)
        if inside is not None and depth < MAX_DEPTH and (found := _read(_text(inside), depth + 1)).kind == "dsn":
            return found  # a bounce that was forwarded as an attachment
        return None
    for part in mail.of(*_RETURNED):
        if (got := _original(_text(part), part)) is not None:
            return replace(got, whole_body=got.whole_body and _closed(mail, raw) and not _said_cut(mail.body))
    body = mail.body
    return _below(body) or _lost(body) or _lost(outer.body) or Pasted("dsn", how=(*outer.how, "no-original"), said=outer.said)


def _closed(mail: bounce_mime.Mail, raw: str) -> bool:
    """Did the bounce itself come to its end? A paste that was cut ends within what came back."""
    boundary = parameter(mail.headers.get("content-type", [""])[0], "boundary")
    return not boundary or f"--{boundary}--" in raw


def _said_cut(text: str) -> bool:
    """Does it say that what comes back, or came back, was cut? Servers write so above it, or in the place of what they left out."""
    low = text.casefold()
    return any(mark in low for mark in data()["returned"]["cut"])


def _text(part: Part) -> str:
    """The part's octets, decoded where they were encoded for transport."""
    encoding = part.headers.get("content-transfer-encoding", [""])[0].strip().lower()
    return part.text.encode("utf-8", "replace").decode("latin-1") if encoding in ("base64", "quoted-printable") else part.raw


def _original(raw: str, part: Part | None) -> Pasted | None:
    raw = raw.lstrip("\n")
    start = starts(raw)
    if start is None:
        return None
    got = _taken(raw[start:], ("dsn-original" if part is not None and "headers" not in part.kind else "dsn-headers",), ())
    if not got.fields:
        return None
    # a returned header ends where its part ends; what a notice put below its text is not surely the message to its end
    whole = got.whole_body and part is not None and part.kind in ("message/rfc822", "message/global") and not _said_cut(got.body)
    return replace(got, kind="dsn", whole_body=whole)


def _below(body: str) -> Pasted | None:
    """The header that a notice quotes below its own words."""
    low = body.casefold()
    notice, headers = cut_original(body, low, body_marks(low))
    if not headers:
        return None
    below = body[len(notice) :].encode("utf-8", "replace").decode("latin-1")
    return _original("\n".join(_unindented(below.split("\n")[:2000])), None)


def _lost(body: str) -> Pasted | None:
    """A returned header that nothing announces: a paragraph, or what follows a ruled line, made of the fields of a mail."""
    text = body if body.isascii() else body.encode("utf-8", "replace").decode("latin-1")
    lines = text.split("\n")[:5000]
    at, before = 0, ""
    for number, line in enumerate(lines):
        if not before.strip() or before.startswith("--"):
            names = {name for one in lines[number : number + 40] if (name := is_field(one))} if is_field(line) else set()
            if "from" in names and len(names & {"received", "message-id", "date", "to", "subject", "return-path", "mime-version"}) > 2:
                return _original(text[at:], None)
        at, before = at + len(line) + 1, line
    return None


def _unindented(lines: list[str]) -> Iterator[str]:
    margin = next((len(line) - len(line.lstrip(" ")) for line in lines if is_field(line.strip())), 0)
    for line in lines:
        yield line[margin:] if line[:margin].strip() == "" else line


def _of_text(raw: str, depth: int) -> Pasted | None:
    """A bounce without its header: a pasted multipart body, a delivery status, or a notice, with what came back below."""
    if depth:
        return None
    mail = bounce_mime.parse(raw, utf8=False)
    if not mail.was_mail and len(mail.parts) > 1:
        for part in mail.of(*_RETURNED):
            if (got := _original(_text(part), part)) is not None:
                return got
    low = raw.casefold()
    if len(low) == len(raw) and dsn.has_fields(low):
        below = dsn.groups(raw).below
        return (_original(below, None) if below else None) or Pasted("dsn", how=("no-original",))
    if len(low) == len(raw) and (got := _below(raw)) is not None:
        return got
    kind = read_bounce(raw.encode("latin-1", "replace")).kind
    return Pasted("dsn", how=("no-original",)) if kind in (Kind.DSN, Kind.BOUNCE) else None
