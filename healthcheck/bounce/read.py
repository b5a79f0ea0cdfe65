"""What was pasted? One reader for each kind; the first that recognises its own answers."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice, pairwise

from ..errors import TooLargeError
from ..model import MAX_INPUT, Kind
from . import webhooks
from .build import Reading
from .events import MAX_EVENTS, is_form, objects
from .formats import data, paste
from .formats.json_text import texts
from .formats.mime import Mail, charset_text, headers_of, is_mail, parse
from .formats.shown import as_mail
from .formats.whom import whom
from .mail import mail_of
from .plain import read_plain

__all__ = ["Reading", "known_formats", "read"]


def read(text: str | bytes, source: str = "") -> Reading:
    """Recognise what was pasted and read every failed recipient from it.

    In: a reply, an SMTP transcript, a log line, a bounce mail (whole, or its body, quoted, or as HTML), a delivery status, an event of an
    e-mail service, a phrase; octets or text, any line ends, any encoding. `source` names the input in an error ("bounce.eml").
    Out: the kind, the format's id, and a Bounce for each recipient; nothing is decided about causes. Kind UNRECOGNISED has no bounces.
    Raises TooLargeError over MAX_INPUT octets; nothing else, whatever the input.
    Cost: pure; linear in the input, under a second for 1 MiB.
    Standard: RFC 5321 section 4.2, RFC 3464, RFC 6533, RFC 5965, RFC 8098, RFC 3834.

    >>> read("550 5.1.1 <lena@example.com>: no such mailbox").bounces[0].reply.enhanced
    '5.1.1'
    """
    is_text = isinstance(text, str)
    octets = text.encode("utf-8", "surrogateescape" if _surrogates(text) else "strict") if isinstance(text, str) else bytes(text)
    if len(octets) > MAX_INPUT:
        name = f"{source}: " if source else ""
        raise TooLargeError(f"{name}{len(octets):,} octets were given; at most {MAX_INPUT:,} are read. Paste the notice without the mail that came back.")
    if octets.isascii() and len(octets.translate(None, _SPECIAL)) == len(octets) and octets.strip():  # most: nothing to decode, nothing to mend
        raw = octets.decode("ascii")
        return _spanned(_read(raw, raw, is_text), raw)
    shown = text if isinstance(text, str) else _shown(octets)
    if not octets.strip():
        return Reading(Kind.UNRECOGNISED, None, (), shown, "empty")
    if octets.startswith(_COMPOUND):
        return Reading(Kind.UNRECOGNISED, None, (), shown, "msg")
    if b"\0" in octets and not _stray_nul(octets):
        if octets[:2] in (b"\xff\xfe", b"\xfe\xff"):  # a text file of Windows
            try:
                return read(octets.decode("utf-16"), source)
            except UnicodeError:
                pass
        return Reading(Kind.UNRECOGNISED, None, (), shown, "binary")
    if _is_binary(octets[:4096]):
        return Reading(Kind.UNRECOGNISED, None, (), shown, "binary")
    octets = octets.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"")
    if not octets.isascii() and (mended := paste.plain_blanks(octets)) is not octets:
        octets, shown = mended, mended.decode("utf-8")
    raw = octets.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("latin-1")
    if "\x1b[" in raw:
        raw, shown = paste.uncoloured(raw), paste.uncoloured(shown)
    return _spanned(_read(raw, shown, is_text), shown)


_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Microsoft's compound file: what Outlook saves a mail as
_SPECIAL = bytes(c for c in range(32) if c not in (9, 10, 12)) + b"\x7f"  # among them CR, and ESC that changes the character set
_CONTROLS = bytes(c for c in range(32) if c not in (9, 10, 12, 13, 27)) + b"\x7f"


def _is_binary(head: bytes) -> bool:
    return len(head) - len(head.translate(None, _CONTROLS)) > len(head) // 50 + 2


def _stray_nul(octets: bytes) -> bool:
    """Whether a few NUL octets stand in a text, or some more in the body of a mail (the mail that came back may hold anything)."""
    first, count = octets.find(b"\0"), octets.count(b"\0")
    if first < 200 or count * 50 > len(octets):
        return False
    if count * 500 <= len(octets):
        return True
    headers, _ = headers_of(octets[:first].replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("latin-1"))
    return is_mail(headers) and "from" in headers


def _surrogates(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)


def _shown(octets: bytes) -> str:
    head = octets[:65536].decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    charset = ""
    low = head.lower()
    if (at := low.find("charset=")) >= 0 and not octets.isascii():
        charset = head[at + 8 : at + 50].strip('"').partition("\n")[0].partition(";")[0].strip('" ')
    return charset_text(octets, charset)


def _spanned(reading: Reading, shown: str) -> Reading:
    """Say where each reply stands in the input, where it stands there word for word."""
    out, from_ = [], 0
    for bounce in reading.bounces:
        text = bounce.reply.text
        at = shown.find(text, from_) if text else -1
        if at < 0 and text and from_:
            at = shown.find(text)
        if at >= 0:
            from_ = at
            object.__setattr__(bounce, "input_span", (at, at + len(text)))  # nobody has seen it yet, and a copy costs as much as reading a line
        out.append(bounce)
    return Reading(reading.kind, reading.format, tuple(out), shown, reading.looked_for, reading.left_out)


def _read(raw: str, shown: str, is_text: bool) -> Reading:
    start = raw.lstrip()[:1]
    if start in ("{", "[", '"'):
        shown = shown or charset_text(raw.encode("latin-1", "replace"), "")
    if start in ("{", "[") or is_form(raw.strip()):
        got = webhooks.read(shown)
        if got is not None:
            return Reading(Kind.WEBHOOK, got[0], got[1], left_out=got[2])
        if start == "{" or raw.lstrip()[1:].lstrip()[:1] in ("{", "["):
            plain = _within(shown) or _of_json(shown) or read_plain(shown)
            return plain if plain.kind not in (Kind.UNRECOGNISED, Kind.PHRASE) else Reading(Kind.UNRECOGNISED, None, (), "", "json")
    elif start == '"' and (inside := paste.json_string(shown)) is not None:
        return _read(inside.encode("utf-8", "surrogatepass").decode("latin-1"), inside, True)
    if raw.startswith("From ") and (several := _mbox(raw, is_text)) is not None:
        return several
    if "```" in raw:
        blocks, raw = paste.fenced(raw)
        if fenced := _joined([_read(block, "", is_text) for block in blocks]):
            one = fenced.bounces[0]
            if len(fenced.bounces) > 1 or one.recipient or not (named := whom(raw)):
                return fenced
            return replace(fenced, bounces=(replace(one, recipient=named),))  # the words around a block may say whom it is about
    raw = paste.unquoted(paste.dedented(paste.basic_entities(raw)))
    if "\n" not in raw.strip():
        raw = paste.relined(raw)
        if "\n" not in raw.strip():  # one line is a reply, a log line or a phrase
            line = raw if raw.isascii() else charset_text(raw.encode("latin-1"), "utf-8" if is_text else "")
            return _within(line) or read_plain(line)
    mail = parse(raw, utf8=is_text)
    if "from" not in mail.headers and (headed := as_mail(raw)) is not None:
        source, below = headed
        for whole in (parse(source, utf8=True), parse(below, utf8=is_text)):
            if (of_notice := mail_of(whole)) is not None and of_notice.bounces:
                return of_notice
    return _mail_or_plain(mail, is_text)


def _mail_or_plain(mail: Mail, is_text: bool) -> Reading:
    if not mail.was_mail and len(mail.parts) == 1:
        mail.parts[0].headers = paste.encoding_of(mail.parts[0].raw)
    reading = mail_of(mail)
    if reading is not None:
        return reading
    if mail.was_mail:
        return Reading(Kind.UNRECOGNISED, None, (), "", "mail")
    text = mail.parts[0].text if len(mail.parts) == 1 else mail.body
    plain = _within(text) or read_plain(text)
    if plain.kind in (Kind.UNRECOGNISED, Kind.PHRASE) and (below := _source_below(mail.parts[0].raw, is_text)) is not None:
        return below
    return plain


def _within(text: str) -> Reading | None:
    """The events of a service that stand inside other text, after a log's prefix or cut short."""
    got = webhooks.read_within(text)
    return Reading(Kind.WEBHOOK, got[0], got[1]) if got else None


def _of_json(shown: str) -> Reading | None:
    """What the strings of JSON of no known service hold: log lines, replies, notices. None where it is no JSON, but something like it."""
    readings, room, events = [], MAX_JSON, list(islice(objects(shown), MAX_EVENTS))
    for text, recipient in (pair for event in events for pair in texts(event)):
        room -= len(text) + JSON_EACH
        if room < 0:
            break
        one = read_plain(text)
        if one.kind in (Kind.UNRECOGNISED, Kind.PHRASE) or not any(b.reply.code or b.reply.enhanced for b in one.bounces):
            continue
        readings.append(replace(one, bounces=tuple(b if b.recipient else replace(b, recipient=recipient) for b in one.bounces)))
    joined = _joined(readings)
    if joined is None:
        return Reading(Kind.UNRECOGNISED, None, (), "", "json") if events else None
    if any(b.recipient for b in joined.bounces) or (named := whom(" ".join(shown[:MAX_JSON].split()))) is None:
        return joined
    return replace(joined, bounces=tuple(replace(b, recipient=named) for b in joined.bounces))


def _joined(readings: list[Reading]) -> Reading | None:
    """Several readings as one, what is said twice once; None where nothing was more than a phrase."""
    known = [one for one in readings if one.bounces and one.kind is not Kind.PHRASE]
    if not known:
        return None
    bounces = {(b.recipient, b.reply.code, b.reply.text): b for one in known for b in one.bounces}
    return Reading(known[0].kind, known[0].format, tuple(bounces.values())[:MAX_BOUNCES])


def _source_below(raw: str, is_text: bool) -> Reading | None:
    """The bounce whose source was pasted below some words of one's own: a paragraph that is the header of a mail."""
    at = -1
    for _ in range(40):
        at = raw.find("\n\n", at + 1)
        if at < 0:
            return None
        headers, _start = headers_of(raw[at : at + 20_000])
        if is_mail(headers) and "from" in headers and len(headers) >= 3:
            return mail_of(parse(raw[at:].lstrip("\n"), utf8=is_text))
    return None


_FROM_LINE = re.compile(r"(?:\A|\n\n)From [^\n]{1,300}\d\d:\d\d:\d\d[^\n]{0,40}\n(?=[A-Za-z-]{2,40}:)")
MAX_MAILS = 1000


def _mbox(raw: str, is_text: bool) -> Reading | None:
    """Several mails in one file, each after a "From " line: the bounces of all. RFC 4155."""
    starts = [found.start() for found in _FROM_LINE.finditer(raw)][:MAX_MAILS]
    if len(starts) < 2:
        return None
    readings = [_read(raw[a:b].lstrip("\n").partition("\n")[2], "", is_text) for a, b in pairwise([*starts, len(raw)])]
    known = [reading for reading in readings if reading.bounces]
    if not known:
        return Reading(Kind.UNRECOGNISED, None, (), "", "mail")
    return Reading(known[0].kind, known[0].format, tuple(bounce for reading in known for bounce in reading.bounces)[:MAX_BOUNCES])


MAX_BOUNCES = 1000
MAX_JSON, JSON_EACH = 200_000, 100  # characters of strings that are looked through, and how many each counts for


def known_formats() -> tuple[str, ...]:
    """The ids of every family that is recognised, for the documentation."""
    return tuple(dict.fromkeys(row["id"] for row in data()["format"]))
