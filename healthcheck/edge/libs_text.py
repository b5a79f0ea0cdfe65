"""A message as a verifier sees it: fields, body, canonical forms, tags; and the one call by which dkimpy checks a signature.

dkimpy's own reader gives up on a field with an odd octet, and its patterns are quadratic in runs of white space. So the message is taken
apart here, in linear time, and dkimpy is handed the fields that a signature names and a body in its canonical form. RFC 6376 section 3.4.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dkim
import dkim.crypto
from dkim.canonicalization import Relaxed, Simple

from .libs_key import Key

MAX_MESSAGE = 4 << 20
MAX_FIELD = 16384  # of a signature; those seen have under 4 KB
MAX_BLANK = 200  # white space in a row, within a signature
MAX_NAMES = 400  # in h=
MAX_SIGNED = 1 << 20

Field = tuple[bytes, bytes]  # the name, with the blanks before its colon if any, and what follows it with its CRLF

HASHES = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
_FIELD = re.compile(rb"^([!-9;-~]{1,200}[ \t]{0,8}):([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)
_BLANKS = re.compile(rb"[ \t]+")
_LONG_BLANK = re.compile(rb"[ \t\r\n]{%d}" % MAX_BLANK)
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
# RFC 8017 section 9.2, note 1: what stands before the digest in a signature
_PREFIX = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
}

_quiet = logging.getLogger("healthcheck.dkim")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False  # dkimpy logs what it was handed, and nothing pasted may be logged
_quiet.disabled = True


@dataclass(frozen=True)
class Letter:
    """A message taken apart. body is None where no empty line ends the header: only fields were given."""

    fields: tuple[Field, ...]
    body: bytes | None

    @cached_property
    def by_name(self) -> dict[bytes, list[int]]:
        """Lower-case name -> the places of its fields, from the top."""
        out: dict[bytes, list[int]] = {}
        for place, (name, _) in enumerate(self.fields):
            out.setdefault(name.lower().rstrip(), []).append(place)
        return out

    @cached_property
    def _bodies(self) -> dict[str, bytes]:
        return {}

    def canonical_body(self, form: str) -> bytes:
        if form not in self._bodies:
            self._bodies[form] = canonical_body(self.body or b"", form)
        return self._bodies[form]

    def named(self, name: bytes) -> list[Field]:
        return [self.fields[place] for place in self.by_name.get(name, ())]


def split(raw: bytes) -> Letter:
    """Take a message apart. Lines end in CRLF or LF. What is no field in the header is passed over. Pure; linear; never raises."""
    raw = raw[:MAX_MESSAGE].lstrip(b"\r\n")
    if raw[:3] == b"\xef\xbb\xbf":
        raw = raw[3:]
    end = re.search(rb"(?:\A|\n)\r?\n", raw)
    head = raw[: end.start() + 1] if end else raw
    body = None if end is None else raw[end.end() :].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    fields = ((name, value.replace(b"\n", b"\r\n") + b"\r\n") for name, value in _FIELD.findall(head.replace(b"\r\n", b"\n")))
    return Letter(tuple(fields), body)


# ------------------------------------------------------------------ canonical forms


def canonical_body(body: bytes, form: str) -> bytes:
    """The body in "simple" or "relaxed" form. Pure; linear. RFC 6376 sections 3.4.3 and 3.4.4."""
    if form == "relaxed":
        # once runs are single, what stands before a line's end is gone in one step
        body = _BLANKS.sub(b" ", body).replace(b" \r\n", b"\r\n").rstrip(b" ")
    stop = len(body.rstrip(b"\r\n"))
    # of what ends it only whole CRLFs are empty lines; a bare CR is text
    stop = len(body) if body.endswith(b"\r") else stop + body[stop:].rfind(b"\r\r") + 1
    if stop:
        return body[:stop] + b"\r\n"
    return b"" if form == "relaxed" else b"\r\n"


def canonical_field(field: Field, form: str) -> bytes:
    """One field as it is hashed. Pure. RFC 6376 sections 3.4.1 and 3.4.2."""
    pairs: list[Field] = (Relaxed if form == "relaxed" else Simple).canonicalize_headers([field])
    return pairs[0][0] + b":" + pairs[0][1]


def select(letter: Letter, names: Iterable[str]) -> tuple[Field, ...]:
    """The fields that h= names, in its order, each name's from the bottom up; what is not there is nothing. RFC 6376 section 5.4.2."""
    left = {name: list(places) for name, places in letter.by_name.items()}
    out = []
    for text in names:
        places = left.get(text.encode("utf-8", "surrogateescape"))
        if places:
            out.append(letter.fields[places.pop()])
    return tuple(out)


def without_b(value: bytes) -> bytes:
    """A signature field with an empty b=. Pure. RFC 6376 section 3.5. `value` has passed `tame`."""
    emptied: bytes = dkim.RE_BTAG.sub(b"\\1", value)
    return emptied


def tame(value: bytes) -> bool:
    """Is a signature short and plain enough for patterns that are quadratic in white space?"""
    return len(value) <= MAX_FIELD and not _LONG_BLANK.search(value)


# ------------------------------------------------------------------ tags


def tags_of(value: bytes) -> dict[str, str] | None:
    """The tags of a signature, unfolded; None where it is no list of tags. Pure. RFC 6376 section 3.2."""
    if not tame(value):
        return None
    out: dict[str, str] = {}
    parts = value.decode("utf-8", "surrogateescape").replace("\r\n", "").split(";")
    if not parts[-1].strip():
        parts.pop()  # one semicolon may end the list
    for part in parts:
        name, equals, text = part.partition("=")
        name = name.strip(" \t")
        if not equals or not _TAG.fullmatch(name) or name in out:
            return None
        out[name] = text.strip(" \t")
    return out


def forms_of(text: str) -> tuple[str, str] | None:
    """c= as (header, body), None where it names a form that there is not. RFC 6376 section 3.5."""
    header, slash, body = squeezed(text).lower().partition("/")
    body = body if slash else "simple"
    return (header, body) if {header, body} <= {"simple", "relaxed"} else None


def squeezed(text: str) -> str:
    return re.sub(r"[ \t\r\n]+", "", text)


def octets(text: str) -> bytes | None:
    try:
        return base64.b64decode(squeezed(text).encode("ascii"), validate=True) or None
    except (binascii.Error, UnicodeError, ValueError):
        return None


# ------------------------------------------------------------------ the check itself


def holds(signed: Sequence[Field], own: Field, algorithm: str, form: str, b: bytes, key: Key, extra: Sequence[Field] = ()) -> bool:
    """Does b= hold over these fields? By dkimpy; the body is not looked at. False also where dkimpy cannot make sense of it.

    signed  the fields in the order of h=; own: the signature's own field; extra: a From that h= does not count, and dkimpy does
    """
    signer = dkim.DKIM(logger=_quiet, minkey=0)
    # from the bottom up, as h= picks them; blanks before a colon count in the simple form alone
    fields = [*extra, *reversed(signed)]
    signer.headers = [(name.rstrip(), value) for name, value in fields] if form == "relaxed" else fields
    sig: dict[bytes, Any] = {
        b"a": algorithm.encode(),
        b"b": base64.b64encode(b),
        b"c": f"{form}/simple".encode(),
        b"d": b"example",
        b"s": b"key",
    }
    try:
        return bool(signer.verify_sig(sig, [name.lower().rstrip() for name, _ in signed], own, lambda *_, **__: key.record))
    except Exception:
        # what escapes dkimpy: nacl's ValueError for a signature of a wrong length, AssertionError, DKIMException
        return False


def digest_within(b: bytes, key: Key) -> tuple[str, bytes] | None:
    """The hash that an RSA signature was made over, with its name, by opening it with the public key; None where this key did not make it.

    So one can tell a header that was changed from a signature that is not this key's. Pure. RFC 8017 section 8.2.2.
    """
    if key.type != "rsa" or key.public is None:
        return None
    length = (int(key.public["modulus"]).bit_length() + 7) // 8
    if len(b) != length:
        return None
    try:
        opened = bytes(dkim.crypto.rsa_encrypt(b, key.public, length))
    except Exception:
        return None
    padding, _, rest = opened[2:].partition(b"\0")
    if opened[:2] != b"\0\1" or len(padding) < 8 or padding.strip(b"\xff"):
        return None
    for name, prefix in _PREFIX.items():
        if rest.startswith(prefix) and len(rest) == len(prefix) + HASHES[name]().digest_size:
            return name, rest[len(prefix) :]
    return None
