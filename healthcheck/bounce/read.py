"""What was pasted? One reader for each kind; the first that recognises its own answers."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from ..errors import TooLargeError
from ..model import MAX_INPUT, Kind
from . import webhooks
from .build import Reading, bounce_of
from .events import is_form
from .formats import MAX_NOTICE, Found, data
from .formats import logs as log_lines
from .formats.blocks import angle, exchange2003
from .formats.cues import cued, exchange
from .formats.mime import Headers, charset_text, headers_of, html_text, is_mail, parse
from .formats.notices import has
from .formats.session import of_transcript, sendmail, transcript
from .lines import PHRASE_LIMIT, pasted_replies
from .mail import is_html, mail_of

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
    shown = text if isinstance(text, str) else _shown(octets)
    if not octets.strip():
        return Reading(Kind.UNRECOGNISED, None, (), shown, "empty")
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
    raw = octets.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("latin-1")
    return _spanned(_read(raw, shown, is_text), shown)


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
        out.append(replace(bounce, input_span=(at, at + len(text))) if at >= 0 else bounce)
    return Reading(reading.kind, reading.format, tuple(out), shown, reading.looked_for)


def _read(raw: str, shown: str, is_text: bool) -> Reading:
    start = raw.lstrip()[:1]
    if start in ("{", "[") or is_form(raw.strip()):
        got = webhooks.read(shown)
        if got is not None:
            return Reading(Kind.WEBHOOK, got[0], got[1])
        if start == "{" or raw.lstrip()[1:].lstrip()[:1] in ("{", "["):
            plain = _plain(shown)
            return plain if plain.kind not in (Kind.UNRECOGNISED, Kind.PHRASE) else Reading(Kind.UNRECOGNISED, None, (), "", "json")
    if raw.startswith("From ") and (several := _mbox(raw, is_text)) is not None:
        return several
    mail = parse(_unquoted(raw), utf8=is_text)
    if not mail.was_mail and len(mail.parts) == 1:
        mail.parts[0].headers = _encoding_of(mail.parts[0].raw)
    reading = mail_of(mail)
    if reading is not None:
        return reading
    if mail.was_mail:
        return Reading(Kind.UNRECOGNISED, None, (), "", "mail")
    plain = _plain(mail.parts[0].text if len(mail.parts) == 1 else mail.body)
    if plain.kind in (Kind.UNRECOGNISED, Kind.PHRASE) and (below := _source_below(mail.parts[0].raw, is_text)) is not None:
        return below
    return plain


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
MAX_MAILS = 100


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


MAX_BOUNCES = 500
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\n")


def _encoding_of(raw: str) -> Headers:
    """The transfer encoding that a body pasted from a mail's source is still in. RFC 2045 section 6."""
    if raw.count("=\n") >= 2 or ("=3D" in raw and "=\n" in raw):
        return {"content-transfer-encoding": ["quoted-printable"]}
    lines = raw.strip().split("\n", 3)
    if len(lines) > 2 and len(lines[0]) == len(lines[1]) >= 60 and _BASE64.issuperset(raw):
        return {"content-transfer-encoding": ["base64"]}
    return {}


def _unquoted(raw: str) -> str:
    """Without the marks of a quotation, where most lines have one. Lines of a transcript (>>> RCPT …) are no quotation."""
    if ">" not in raw[:4000] and "|" not in raw[:200]:
        return raw
    for _ in range(4):
        if raw.count(">") * 10 < raw.count("\n") * 3:
            return raw
        lines = raw.split("\n")
        filled = [line for line in lines[:3000] if line.strip()]
        if not filled:
            return raw
        quoted = [line for line in filled if line.lstrip()[:1] == ">" and not line.lstrip().startswith(">>> ")]
        if len(quoted) * 10 < len(filled) * 6:
            return raw
        bare = [line.lstrip()[1:] for line in lines if line.lstrip()[:1] == ">" or not line.strip()]
        # "> " or ">": of a text that was quoted without the blank, a line that begins with one is a folded header field
        spaced = sum(line[:1] == " " for line in bare) * 10 > sum(line.strip() not in ("", ">") for line in bare) * 9
        raw = "\n".join(line.removeprefix(" ") if spaced else line for line in bare)
    return raw


# ------------------------------------------------------------------ what is no mail


def _plain(text: str) -> Reading:
    """A transcript, log lines, replies or a phrase."""
    text = (html_text(text) if is_html(text) else text)[:MAX_NOTICE]
    exchanges = transcript(text)
    if exchanges:
        return Reading(Kind.TRANSCRIPT, None, tuple(bounce_of(one) for one in of_transcript(exchanges)))
    logged = [got for line in text.split("\n")[:3000] if (got := log_lines.of_line(line))][: log_lines.MAX_FOUND]
    if logged:
        return Reading(Kind.LOG, logged[0][0], tuple(bounce_of(one) for _, one in logged))
    low = text.casefold()
    pasted = angle(text) or (sendmail(text) if "-----" in text else []) or exchange(text) or exchange2003(text)
    if not pasted and len(low) == len(text):
        pasted = cued(text, low) if has(low, "phrase", "words") else []
        if len(pasted) == 1 and not any(c.isdigit() for c in pasted[0].text) and (opening := pasted_replies(text, strict=True)):
            pasted[0].text = "\n".join(one.text for one in opening)  # the reply stands apart from the address
        for one in pasted:
            one.text = one.text or " ".join(text.split())[:PHRASE_LIMIT]
    if pasted and any(one.text for one in pasted):
        return Reading(Kind.BOUNCE if "\n" in text.strip() else Kind.REPLY, None, tuple(bounce_of(one, default="") for one in pasted))
    replies = pasted_replies(text)
    if replies:
        return Reading(Kind.REPLY, None, tuple(bounce_of(one, default="") for one in replies))
    bare = " ".join(text.split())
    if len(bare) <= PHRASE_LIMIT and has(f"{bare.casefold()} ", "phrase", "words"):
        notice = "auto-reply" if has(bare.casefold(), "auto_reply", "bodies") else ""
        return Reading(Kind.PHRASE, None, (replace(bounce_of(Found(None, text.strip())), notice=notice),))
    for table, notice in (("auto_reply", "auto-reply"), ("complaint", "complaint")):  # the body of one, without its header
        if has(bare[:600].casefold(), table, "bodies"):
            answer = replace(bounce_of(Found(None, bare[:PHRASE_LIMIT])), notice=notice)
            return Reading(Kind.REPORT if notice == "complaint" else Kind.BOUNCE, notice, (answer,))
    return Reading(Kind.UNRECOGNISED, None, (), "", "text")


def known_formats() -> tuple[str, ...]:
    """The ids of every family that is recognised, for the documentation."""
    return tuple(dict.fromkeys(row["id"] for row in data()["format"]))
