"""A mail taken apart, for reading bounces: headers, readable text, delivery status, what came back.

Bounce mails are broken in ways that a MIME parser for good mails stumbles over (headers lost, boundaries indented, parts cut off,
only the body pasted), so this one is made for them. Structure is found in Latin-1, in which each octet is one character and nothing
can fail; parts are decoded when somebody reads them. Linear in the size of the input, never raises.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from .html import html_text

MAX_DEPTH = 20
MAX_PARTS = 200
MAX_HEADERS = 1000
MAX_HEADER = 8192
MAX_HEADER_BLOCK = 1 << 18

Headers = dict[str, list[str]]

# Two of these make the start of a text the header of a mail.
_MAIL_HEADERS = {
    *("from", "to", "subject", "date", "received", "return-path", "message-id", "mime-version", "content-type", "delivered-to", "auto-submitted"),
    *("reply-to", "sender", "x-mailer", "envelope-to", "content-transfer-encoding", "x-original-to", "sent", "cc", "x-failed-recipients"),
}
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def headers_of(raw: str, *, limit: int = MAX_HEADERS) -> tuple[Headers, int]:
    """The header fields at the start of `raw`, unfolded, and where the body starts. RFC 5322 section 2.2."""
    start = 0
    while raw.startswith("\n", start):
        start += 1
    if raw.startswith(("From ", ">From "), start):  # mbox
        start = raw.find("\n", start) + 1 or len(raw)
    end = raw.find("\n\n", start, start + MAX_HEADER_BLOCK)
    block = raw[start : end if end >= 0 else start + MAX_HEADER_BLOCK]
    after = min(start + len(block) + 2, len(raw)) if end >= 0 else len(raw)
    # unfolded at once; only what is no clean block of fields is read line by line
    unfolded = _FOLD.sub(" ", block) if "\n " in block or "\n\t" in block else block
    if " \n" in block or "\t\n" in block:
        return _by_line(block, start, after, limit)
    if len(unfolded) < MAX_HEADER:
        fields = _FIELD.findall(unfolded.rstrip())  # no other value ends in a blank here
        if len(fields) == unfolded.count("\n") + 1 and len(fields) <= limit:
            out: Headers = {}
            for name, value in fields:
                key = name.lower()
                if key in out:
                    out[key].append(value)
                else:
                    out[key] = [value]
            return out, after
    return _by_line(block, start, after, limit)


_FOLD = re.compile(r"\n[ \t]+")
_FIELD = re.compile(r"^([A-Za-z0-9_-]{1,76})[ \t]*:[ \t]*(.*)$", re.MULTILINE)


def _by_line(block: str, start: int, after: int, limit: int) -> tuple[Headers, int]:
    """The fields of a block up to the first line that is none."""
    out: Headers = {}
    position, last, count = start, None, 0
    for line in block.split("\n"):
        first = line[:1]
        if first == " " or first == "\t":  # noqa: PLR1714 - an empty line is neither
            if last is None:
                return {}, 0
            if len(last[-1]) < MAX_HEADER:
                last[-1] = f"{last[-1]} {line.strip()}"
        else:
            name, colon, value = line.partition(":")
            key = _key(name) if colon else ""
            if not key:
                return out, position
            count += 1
            if count > limit:
                break
            last = out.get(key)
            if last is None:
                last = out[key] = []
            last.append(value.strip()[:MAX_HEADER])
        position += len(line) + 1
    return out, after


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    """The name of a field in lower case, or "" where it is none. RFC 5322 section 2.2."""
    bare = name.rstrip()
    return bare.lower() if len(name) <= 76 and _NAME.issuperset(bare) else ""


def is_mail(headers: Headers) -> bool:
    return len(_MAIL_HEADERS & headers.keys()) >= 2


def parameter(value: str, name: str) -> str:
    """One parameter of a Content-Type, unquoted, or "". RFC 2045 section 5.1."""
    low, at = value.lower(), 0
    while (at := low.find(name, at)) >= 0:
        before, rest = low[:at].rstrip(" \t"), value[at + len(name) :].lstrip(" \t")
        if before.endswith(";") and rest.startswith("="):
            rest = rest[1:].lstrip(" \t")
            if rest.startswith('"'):
                return rest[1:].partition('"')[0]
            return rest.partition(";")[0].strip()
        at += len(name)
    return ""


@dataclass(slots=True)
class Part:
    """A leaf of a mail. `raw` is Latin-1 text as it came; `text` is what a person would read."""

    kind: str  # "text/plain", lower case
    headers: Headers
    raw: str
    utf8: bool = False  # the input was text already, so an 8-bit part is UTF-8 whatever it declares
    _text: str | None = None

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = _decoded(self)
        return self._text


@dataclass(slots=True)
class Mail:
    headers: Headers
    kind: str
    parts: list[Part] = field(default_factory=list)
    was_mail: bool = False  # it had a header of its own
    _body: str | None = None

    def first(self, name: str) -> str:
        return self.headers.get(name, ("",))[0]

    def of(self, *kinds: str) -> Iterator[Part]:
        return (part for part in self.parts if part.kind in kinds)

    @property
    def body(self) -> str:
        """What a person reads: the text parts before what came back; the HTML ones where there is no other text."""
        if self._body is None:
            plain: list[str] = []
            html: list[str] = []
            for part in self.parts:
                if part.kind.startswith("message/") and part.kind not in _STATUS and (plain or html):
                    break
                if part.kind == "text/plain":
                    plain.append(part.text)
                elif part.kind == "text/html":
                    html.append(part.text)
            text = "\n\n".join(plain)
            if not text.strip() or (html and len(text) < 40):
                text = "\n\n".join([text, *(html_text(h) for h in html)])
            self._body = text
        return self._body


_STATUS = frozenset(("message/delivery-status", "message/global-delivery-status", "message/feedback-report", "message/disposition-notification"))


def parse(raw: str, *, utf8: bool) -> Mail:
    """Take a mail apart. `raw` is Latin-1 with LF line ends; a text without a header gives one text part, or the parts of a pasted multipart body."""
    headers, start = headers_of(raw)
    if not is_mail(headers) and not ("content-type" in headers and len(headers) > 1):
        headers, start = {}, 0
    kind_field = headers.get("content-type", [""])[0]
    mail = Mail(headers, kind_field.partition(";")[0].strip().lower(), was_mail=bool(headers))
    body = raw[start:]
    if not headers and (boundary := _pasted_boundary(body)):
        kind_field = f'multipart/mixed; boundary="{boundary}"'
    _walk(mail.parts, headers if headers else {}, kind_field, body, utf8, 0)
    return mail


def _pasted_boundary(body: str) -> str:
    """The boundary of a multipart whose header was not pasted: a line "--x" with Content-… below it."""
    at, tried = 0 if body.startswith("--") else body.find("\n--") + 1, 0
    while (at or body.startswith("--")) and tried < 30:
        end = body.find("\n", at)
        if end < 0:
            break
        line, below = body[at + 2 : end].strip(), body[end + 1 : end + 9].lower()
        if line and " " not in line and below == "content-":
            # one that first comes far down is of the mail that came back
            return line if at < 200 or 0 <= body.find("--" + line) < 200 else ""
        tried += 1
        at = body.find("\n--", end) + 1
        if not at:
            break
    return ""


def _walk(out: list[Part], headers: Headers, kind_field: str, body: str, utf8: bool, depth: int) -> None:
    kind = kind_field.partition(";")[0].strip().lower() or "text/plain"
    if kind.startswith("multipart/") and depth < MAX_DEPTH:
        boundary = parameter(kind_field, "boundary")
        pieces = _pieces(body, boundary) if boundary else []
        if len(pieces) > 1:
            if pieces[0].strip() and depth == 0 and len(pieces[0]) > 200:
                out.append(Part("text/preamble", {}, pieces[0], utf8))
            for piece in pieces[1:]:
                if len(out) >= MAX_PARTS:
                    return
                below, start = headers_of(piece) if not piece.startswith("\n") else ({}, 0)
                if below and "content-type" not in below and not any(name.startswith("content-") for name in below):
                    below, start = {}, 0  # a part without a header of its own whose text looks like one
                _walk(out, below, below.get("content-type", [""])[0], piece[start:], utf8, depth + 1)
            return
        kind = "text/plain"  # the boundary never comes: read it as text
    out.append(Part(kind, headers, body, utf8))


def _pieces(body: str, boundary: str) -> list[str]:
    """Preamble and parts. A delimiter is "--boundary" at the start of a line with nothing but blanks after it. RFC 2046 section 5.1.1."""
    mark = "--" + boundary
    out: list[str] = []
    start, at = 0, 0 if body.startswith(mark) else body.find("\n" + mark)
    while at >= 0 and len(out) <= MAX_PARTS:
        after = at + len(mark) + (body[at] == "\n")
        end = body.find("\n", after)
        rest = body[after : end if end >= 0 else len(body)].strip()
        if rest in ("", "--"):
            out.append(body[start:at])
            start = end + 1 if end >= 0 else len(body)
            if rest == "--":
                return out
            at = body.find("\n" + mark, start - 1)
        else:
            at = body.find("\n" + mark, after)
    out.append(body[start:])
    return out


_CHARSETS = {
    "unicode-1-1-utf-7": "utf-7",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "iso-2022-jp": "iso2022_jp_ext",
    "us-ascii": "ascii",
    "unknown-8bit": "utf-8",
    "iso-8859-8-i": "iso-8859-8",
}
_BINARY_CODECS = frozenset(
    ("base64", "hex", "bz2", "zlib", "zip", "quopri", "uu", "rot13", "rot_13", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined")
)


def charset_text(octets: bytes, charset: str) -> str:
    """Octets as text: the declared character set where it fits, else UTF-8, else what the octets look like. Never raises."""
    name = charset.strip().strip("\"'").lower()[:40]
    name = _CHARSETS.get(name, name)
    tries = [name] if name and name not in ("ascii", "utf-8") and name.removesuffix("_codec") not in _BINARY_CODECS else []
    if b"\x1b$" in octets or b"\x1b(" in octets:
        tries.insert(0, "iso2022_jp_ext")
    for codec in (*tries, "utf-8"):
        try:
            return octets.decode(codec)
        except (LookupError, UnicodeError, ValueError):
            continue
    if tries:
        try:
            text = octets.decode(tries[0], "replace")
            if text.count("\ufffd") * 20 < len(text):
                return text
        except (LookupError, UnicodeError, ValueError):
            pass
    for codec in ("euc_jp", "cp1252"):
        try:
            return octets.decode(codec)
        except UnicodeError:
            continue
    return octets.decode("latin-1")


def _decoded(part: Part) -> str:
    encoding = part.headers.get("content-transfer-encoding", [""])[0].strip().lower()
    if not encoding and part.raw.isascii() and "\x1b" not in part.raw and not part.headers.get("content-type", [""])[0].lower().count("charset"):
        return _lf(part.raw)  # nothing to decode
    octets: bytes = part.raw.encode("latin-1", "replace")
    encoded = True
    try:
        if encoding == "base64":
            octets = binascii.a2b_base64(octets + b"===")
        elif encoding == "quoted-printable":
            octets = binascii.a2b_qp(octets)
        else:
            encoded = False
    except (binascii.Error, ValueError):
        encoded = False
    charset = parameter(part.headers.get("content-type", [""])[0], "charset")
    if part.utf8 and not encoded and not octets.isascii():
        charset = "utf-8"
    return _lf(charset_text(octets, charset))


def _lf(text: str) -> str:
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


_WORD = re.compile(r"=\?([A-Za-z0-9_.:*-]{1,60})\?([BbQq])\?([^?\s]{0,4000})\?=")


def words(value: str) -> str:
    """A header field with its encoded words decoded. RFC 2047. Raw 8-bit octets are decoded as UTF-8, or left."""
    if "=?" not in value:
        return value if value.isascii() else charset_text(value.encode("latin-1", "replace"), "")
    out: list[str] = []
    end = 0
    for found in _WORD.finditer(value):
        between = value[end : found.start()]
        if between.strip() or not out:  # blanks between two encoded words are dropped (RFC 2047 section 6.2)
            out.append(between)
        data = found.group(3).encode("latin-1", "replace")
        try:
            octets = binascii.a2b_base64(data + b"===") if found.group(2) in "Bb" else binascii.a2b_qp(data, header=True)
        except (binascii.Error, ValueError):
            octets = data
        out.append(charset_text(octets, found.group(1).partition("*")[0]))
        end = found.end()
    out.append(value[end:])
    return "".join(out)
