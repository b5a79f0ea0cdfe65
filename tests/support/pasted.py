"""The forms in which people paste one and the same bounce mail: other line ends, quoted, only its body."""

from __future__ import annotations

import binascii
import email
import re
from collections.abc import Callable
from email.message import Message
from html import unescape


def lf(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def quoted(octets: bytes, mark: bytes = b"> ") -> bytes:
    return b"\n".join(mark + line for line in lf(octets).split(b"\n"))


def undecoded_body(octets: bytes) -> bytes:
    """What follows the header in the source of the mail."""
    return lf(octets).partition(b"\n\n")[2]


def body(octets: bytes) -> str:
    """What a mail program shows below the header: each text part decoded, HTML as its words, and what came back. Pictures are left out."""
    shown: list[str] = []
    _collect(email.message_from_bytes(lf(octets)), shown)
    text = "\n\n".join(shown)
    return text if len(text.strip()) > 20 else undecoded_body(octets).decode("utf-8", "replace")


def _collect(part: Message, shown: list[str]) -> None:
    kind, inside = part.get_content_type(), part.get_payload()
    if kind == "multipart/alternative" and isinstance(inside, list):
        _collect(next((p for p in inside if p.get_content_type() == "text/plain"), inside[0]), shown)
    elif kind == "message/delivery-status" and isinstance(inside, list):
        shown.append("\n\n".join("\n".join(f"{name}: {value}" for name, value in group.items()) for group in inside))
    elif kind.startswith("message/") and part.get("content-transfer-encoding", "").lower() == "base64":  # RFC 2046 forbids it, and it is done
        text = "".join(one.get_payload() for one in inside) if isinstance(inside, list) else str(inside)
        shown.append(body(binascii.a2b_base64(text)))
    elif kind.startswith("message/") and isinstance(inside, list):
        shown.append(_decoded(inside[0].as_bytes(), "utf-8"))
    elif isinstance(inside, list):
        for one in inside:
            _collect(one, shown)
    elif kind.startswith(("text/", "message/")):
        text = _decoded(part.get_payload(decode=True) or b"", part.get_content_charset() or "utf-8")
        shown.append(_words(text) if kind == "text/html" else text)


def _decoded(octets: bytes, charset: str) -> str:
    for codec in (charset, "utf-8", "latin-1"):
        try:
            return octets.decode(codec)
        except (LookupError, UnicodeError):
            continue
    return ""


def _words(html: str) -> str:
    html = re.sub(r"(?is)<(style|script|head|title)\b.*?</\1>|<!--.*?-->", " ", html).replace("\n", " ")
    html = re.sub(r"(?i)<(?:br|/?(?:p|div|tr|li|h\d|table|ul|ol|pre|blockquote))\b[^<>]*>", "\n", html)
    return "\n".join(" ".join(line.split()) for line in unescape(re.sub(r"<[/!A-Za-z][^<>]*>", "", html)).split("\n"))


FORMS: dict[str, Callable[[bytes], bytes | str]] = {
    "crlf": lambda octets: lf(octets).replace(b"\n", b"\r\n"),
    "cr": lambda octets: lf(octets).replace(b"\n", b"\r"),
    "quoted": quoted,
    "quoted twice": lambda octets: quoted(quoted(octets)),
    "quoted without a blank": lambda octets: quoted(octets, b">"),
    "body": body,
    "undecoded body": undecoded_body,
    "quoted body": lambda octets: quoted(body(octets).encode()),
}
