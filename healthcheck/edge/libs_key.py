"""The public key of a signature: asked through the seam, read by us, handed to dkimpy in a form that it cannot misread.

dkimpy takes the first TXT record whatever it is, calls a revoked key broken, and knows neither h= nor t=s; so the record is read here
(RFC 6376 section 3.6.1), and dkimpy is given nothing but the key itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import dkim.crypto

from ..model import Answer, Outcome
from .libs import Asks, key_octets

MAX_RECORD = 16384
MAX_RECORDS = 8
MAX_BITS = 8192  # the exponentiation is bought by whoever publishes the key
MAX_EXPONENT = 1 << 33
LEAST_BITS = 1024  # RFC 8301 section 3.2
ED25519_OCTETS = 32  # RFC 8463 section 4

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


@dataclass(frozen=True, slots=True)
class Key:
    """One key record. error: "" or the reason of Signature that it leads to: key-revoked, key-unreadable, unsupported (a k= that nobody knows).

    record is the same key as dkimpy is given it; public the modulus and exponent of an RSA key.
    """

    type: str = "rsa"
    bits: int | None = None
    hashes: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    testing: bool = False
    strict: bool = False
    error: str = ""
    record: bytes = b""
    public: Any = None

    def refuses(self, kind: str, hashing: str, *, below: bool) -> str:
        """Why this key does not do for a signature by `kind` and `hashing`, "" where it does. RFC 6376 sections 3.6.1 and 6.1.2."""
        if self.error:
            return self.error
        if self.type != kind:
            return "key-type"
        if self.hashes and hashing not in self.hashes:
            return "key-hash"
        if self.services and not {"*", "email"} & set(self.services):
            return "key-service"
        return "strict-key" if self.strict and below else ""


def host(text: str) -> str | None:
    """A domain as it is asked for (lower case, A-labels, no dot at the end), or None where it can be no name in the DNS. Pure."""
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        # RFC 8616 section 4: d= and s= may be U-labels
        try:
            import idna

            name = idna.encode(name[:255], uts46=True).decode("ascii")
        except (UnicodeError, ValueError):
            return None
    labels = name.split(".")
    return name if len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels) else None


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a selector: the answer, and every record there that may be a key, as read."""

    answer: Answer | None
    keys: tuple[Key, ...] = ()
    several: bool = False

    @property
    def missing(self) -> str:
        """Why there is no key, "" where there is one. A look-up that failed never says that the key is missing."""
        if self.answer is None or (self.answer.unsure and not self.answer.looped):
            return "could-not-look-up"
        return "" if self.keys else "key-missing"


def look_up(asks: Asks, selector: str, domain: str) -> Found:
    """The key records at `selector`._domainkey.`domain`. Cost: one question. Never raises. RFC 6376 section 3.6.2."""
    name = host(f"{selector}._domainkey.{domain}")
    if name is None:
        # too long, or no name at all: nothing can be published there
        return Found(Answer(f"{selector}._domainkey.{domain}"[:253], "TXT", Outcome.NXDOMAIN, detail="no name that the DNS can hold"))
    answer = asks.ask(name, "TXT")
    texts = [_text(strings) for strings in answer.strings] or list(answer.values) if answer.found else []
    # RFC 6376 section 3.6.2.2: with several records the outcome is undefined, so each is tried; other text (SPF by a wildcard) is no key
    meant = [t for t in texts if _meant(t)] or texts
    return Found(answer, tuple(read_key(t) for t in meant[:MAX_RECORDS]), len(texts) > 1)


def _text(strings: tuple[bytes, ...]) -> str:
    return b"".join(strings).decode("utf-8", "backslashreplace")


def _meant(text: str) -> bool:
    return bool(re.match(r"\s*(?:v\s*=\s*DKIM1|[kpthsng]\s*=)", text[:64], re.IGNORECASE))


@lru_cache(maxsize=256)
def read_key(text: str) -> Key:
    """Read one key record. Pure; never raises. RFC 6376 section 3.6.1, RFC 8463 section 4."""
    tags: dict[str, str] = {}
    if len(text) > MAX_RECORD:
        return Key(error="key-unreadable")
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not name and not equals and not value.strip():
            continue
        # RFC 6376 section 3.2: what is no list of tags, or names one twice, is void as a whole
        if not equals or not _TAG.fullmatch(name) or name in tags or (name == "v" and tags):
            return Key(error="key-unreadable")
        tags[name] = value.strip()
    if tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        return Key(error="key-unreadable")
    flags = _list(tags.get("t", ""))
    kind = tags.get("k", "rsa").lower()
    bits, public, octets, error = _public(kind, tags["p"])
    return Key(
        type=kind[:32],
        bits=bits,
        hashes=_list(tags.get("h", "")),
        services=_list(tags.get("s", "")),
        testing="y" in flags,
        strict="s" in flags,
        error=error,
        record=b"" if error else b"k=" + kind.encode("ascii") + b"; p=" + octets,
        public=public,
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v.strip().lower()[:64] for v in text.split(":") if v.strip()))[:16]


def _public(kind: str, text: str) -> tuple[int | None, Any, bytes, str]:
    clean = re.sub(r"\s", "", text)
    if not clean:
        return None, None, b"", "key-revoked"
    octets = key_octets(clean)
    if kind not in ("rsa", "ed25519"):
        return None, None, b"", "unsupported"
    if octets is None:
        return None, None, b"", "key-unreadable"
    if kind == "ed25519":
        return (256, octets, clean.encode("ascii"), "") if len(octets) == ED25519_OCTETS else (None, None, b"", "key-unreadable")
    try:
        public = dkim.crypto.parse_public_key(octets)
        modulus, exponent = int(public["modulus"]), int(public["publicExponent"])
    except Exception:
        # dkimpy's ASN.1 reader raises whatever broken octets lead it to (IndexError, AssertionError, TypeError …)
        return None, None, b"", "key-unreadable"
    bits = modulus.bit_length()
    if bits > MAX_BITS or bits < 64 or modulus % 2 == 0 or not 2 < exponent < MAX_EXPONENT:
        return bits or None, None, b"", "key-unreadable"
    return bits, public, clean.encode("ascii"), ""
