"""A DKIM key record read tag by tag: RFC 6376 section 3.6.1, RFC 8301, RFC 8463. Pure; raises nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ...model import Answer

RECORD_LIMIT = 16384
ED25519_OCTETS = 32  # RFC 8463 section 4
_PIECE = re.compile(r"[A-Za-z0-9+/=\s\"]{24,}")  # base64 and nothing else
_MARKS = re.compile("[\"'\\\\()\u2018\u2019\u201c\u201d]")  # what stands around a key where it is shown, and is no part of it
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class DkimKey:
    """One key record.

    type      rsa | ed25519 | whatever k= says
    bits      of the modulus; 256 for Ed25519; None where the key cannot be read, or is revoked
    revoked   p= is there and empty
    testing   t=y; strict: t=s (the signing identity may not be a sub-domain)
    hashes    h= as given, () for any; services: s= as given, () for any
    error     None, or why it is no usable record: no-key, bad-version, bad-tags, bad-base64, quoted, bad-key, unknown-type
    """

    type: str
    bits: int | None
    revoked: bool
    testing: bool
    strict: bool
    hashes: tuple[str, ...]
    services: tuple[str, ...]
    error: str | None
    notes: str = ""

    @property
    def sha256(self) -> bool:
        return not self.hashes or "sha256" in self.hashes

    @property
    def for_mail(self) -> bool:
        return not self.services or bool({"*", "email"} & set(self.services))

    @property
    def usable(self) -> bool:
        """May a verifier use it? RFC 8301 section 3.2: not below 1024 bits."""
        return self.error is None and not self.revoked and self.sha256 and self.for_mail and (self.type != "rsa" or (self.bits or 0) >= 1024)


def texts(answer: Answer) -> tuple[str, ...]:
    if answer.values:
        return answer.values
    return tuple(b"".join(s).decode("utf-8", "backslashreplace") for s in answer.strings)


def looks_like_key(text: str) -> bool:
    """Is this TXT record meant as a key? Some names under _domainkey carry other text (SPF by a wildcard, say)."""
    return bool(re.match(r"\s*(?:v\s*=\s*DKIM|[kpthsng]\s*=)", text[:64], re.IGNORECASE))


def split_apart(records: tuple[str, ...]) -> bool:
    """Is one key spread over several records, as happens where its strings were entered one by one? Pure. RFC 6376 section 3.6.2.2.

    >>> split_apart(("v=DKIM1; p=MIIBIjANBgkqhkiG9w0BAQ", "EFAAOCAQ8AMIIBCgKCAQEAodn09hxXuPpp"))
    True
    """
    return len(records) > 1 and any(looks_like_key(r) for r in records) and any(_PIECE.fullmatch(r) for r in records)


@lru_cache(maxsize=256)
def parse(text: str) -> DkimKey:
    """Read one key record. Pure. Standard: RFC 6376 section 3.6.1."""
    tags: dict[str, str] = {}
    order: list[str] = []
    error = None
    for part in text[:RECORD_LIMIT].split(";"):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not name and not equals and not value.strip():
            continue
        if not equals or not _TAG.fullmatch(name) or name in tags:
            # RFC 6376 section 3.2: a list that is no list, or a tag that stands twice, is invalid as a whole
            error = "bad-tags"
            continue
        tags[name] = value.strip()
        order.append(name)
    if "v" in tags and (tags["v"] != "DKIM1" or order[0] != "v"):
        # RFC 6376 section 3.6.1: v= is DKIM1 and stands first, or is left out
        error = error or "bad-version"
    kind = tags.get("k", "rsa").lower()
    flags = _list(tags.get("t", ""))
    bits, revoked = None, False
    if "p" not in tags:
        error = error or "no-key"
    elif not re.sub(r"\s", "", tags["p"]):
        revoked = True
    else:
        bits, why = _length(kind, tags["p"])
        error = error or why
    hashes, services = _list(tags.get("h", "")), _list(tags.get("s", ""))
    return DkimKey(kind[:32], bits, revoked, "y" in flags, "s" in flags, hashes, services, error, tags.get("n", "")[:200])


def _list(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v.strip().lower()[:64] for v in text.split(":") if v.strip()))[:16]


def _length(kind: str, text: str) -> tuple[int | None, str | None]:
    from ...edge.libs import key_octets, rsa_bits

    if kind not in ("rsa", "ed25519"):
        return None, "unknown-type"
    octets = key_octets(text)
    if octets is None:
        return None, "quoted" if _MARKS.search(text) else "bad-base64"
    if kind == "ed25519":
        return (256, None) if len(octets) == ED25519_OCTETS else (None, "bad-key")
    bits = rsa_bits(octets)
    return bits, None if bits else "bad-key"
