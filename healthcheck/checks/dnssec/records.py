"""DS, DNSKEY, NSEC3PARAM and RRSIG, read from presentation form. Pure. RFC 4034, RFC 3110, RFC 5155 section 4."""

from __future__ import annotations

import base64
import binascii
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ...catalog import DATA
from ...model import Answer


@cache
def numbers() -> Mapping[str, Any]:
    """data/dnssec.toml, read once a process."""
    return tomllib.loads((DATA / "dnssec.toml").read_text(encoding="utf-8"))


def _row(kind: str, number: int) -> Mapping[str, Any]:
    row: Mapping[str, Any] = numbers()[kind].get(str(number), {})
    return row


@dataclass(frozen=True, slots=True)
class Key:
    """One DNSKEY, `record` as it is published. `bits` and `exponent` of an RSA key. `secure_entry`: the SEP flag, which a DS points at as a rule (RFC 4034 section 2.1.1)."""

    tag: int
    algorithm: int
    name: str
    weak: bool
    secure_entry: bool
    bits: int | None
    exponent: int | None
    record: str

    def shown(self) -> str:
        return f"{self.name} {self.bits} ({self.tag})" if self.bits else f"{self.name} ({self.tag})"


@dataclass(frozen=True, slots=True)
class Ds:
    """One DS. matches: is it the digest of a key that the zone has? None: not to be compared (its hash is not known here)."""

    tag: int
    algorithm: int
    digest_type: int
    digest_name: str
    weak: bool
    digest: str
    matches: bool | None

    def shown(self) -> str:
        return f"{self.tag} {self.algorithm} {self.digest_type} {self.digest}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One RRSIG: for which type, from when until when."""

    covers: str
    begins: datetime
    expires: datetime
    tag: int
    signer: str


def keys_of(values: Iterable[str]) -> tuple[Key, ...]:
    """The zone's keys; those that are revoked or none of a zone are left out (RFC 4034 section 2.1.1, RFC 5011 section 2.1)."""
    return tuple(key for value in values if (key := _key(value)) is not None)


def _key(value: str) -> Key | None:
    try:
        rdata = _octets(value)
    except (ValueError, OverflowError, binascii.Error):
        return None
    flags, protocol, algorithm = rdata[0] << 8 | rdata[1], rdata[2], rdata[3]
    if protocol != 3 or not flags & 0x0100 or flags & 0x0080:
        return None
    row = _row("algorithm", algorithm)
    bits, exponent = _rsa(rdata[4:]) if row.get("rsa") else (None, None)
    return Key(_tag(rdata), algorithm, row.get("name", str(algorithm)), bool(row.get("weak")), bool(flags & 1), bits, exponent, value)


def _octets(record: str) -> bytes:
    flags, protocol, algorithm, text = record.split(maxsplit=3)
    return int(flags).to_bytes(2, "big") + bytes((int(protocol), int(algorithm))) + base64.b64decode("".join(text.split()), validate=True)


def _rsa(octets: bytes) -> tuple[int | None, int | None]:
    """Length and exponent of an RSA key. RFC 3110 section 2."""
    if not octets:
        return None, None
    size, at = (octets[0], 1) if octets[0] else (int.from_bytes(octets[1:3], "big"), 3)
    exponent, modulus = octets[at : at + size], octets[at + size :]
    if not exponent or not modulus:
        return None, None
    return int.from_bytes(modulus, "big").bit_length(), int.from_bytes(exponent, "big")


def _tag(rdata: bytes) -> int:
    """RFC 4034 appendix B."""
    if rdata[3] == 1:  # appendix B.1: of an RSAMD5 key two octets near its end
        return int.from_bytes(rdata[-3:-1], "big")
    total = sum(octet << 8 if n % 2 == 0 else octet for n, octet in enumerate(rdata))
    return (total + (total >> 16)) & 0xFFFF


def ds_of(zone: str, values: Iterable[str], keys: Iterable[Key]) -> tuple[Ds, ...]:
    """The DS records of a zone, each compared with its keys. RFC 4034 section 5.1.4."""
    out = []
    for value in values:
        try:
            tag, algorithm, kind, digest = value.split(maxsplit=3)
            fields = int(tag), int(algorithm), int(kind), "".join(digest.split()).lower()
        except ValueError:
            continue
        row = _row("digest", fields[2])
        known = "hash" in row and "name" in _row("algorithm", fields[1])
        matches = any(_digest(row["hash"], zone, key) == fields[3] for key in keys if key.algorithm == fields[1]) if known else None
        out.append(Ds(*fields[:3], row.get("name", kind), bool(row.get("weak")), fields[3], matches))
    return tuple(out)


def _digest(function: str, zone: str, key: Key) -> str:
    owner = b"".join(bytes((len(label),)) + label for label in zone.encode("ascii").split(b".")) + b"\0"
    return hashlib.new(function, owner + _octets(key.record), usedforsecurity=False).hexdigest()


def iterations_of(answer: Answer | None) -> int | None:
    """Additional iterations of NSEC3; None where the zone has no NSEC3PARAM that counts. RFC 5155 sections 4.1.2 and 4.1.3."""
    if answer is None:
        return None
    found = [value.split() for value in (answer.values or answer.unchecked)]
    counts = [int(f[2]) for f in found if len(f) >= 3 and f[1] == "0" and f[2].isdigit()]
    return max(counts, default=None)


def signatures_of(answer: Answer) -> tuple[Signature, ...]:
    """The signatures that came with an answer. RFC 4034 section 3.2."""
    out = []
    for value in answer.signatures:
        fields = value.split()
        try:
            expires, begins = _moment(fields[4]), _moment(fields[5])
            out.append(Signature(fields[0], begins, expires, int(fields[6]), fields[7].rstrip(".") or "."))
        except (ValueError, IndexError):
            continue
    return tuple(out)


def _moment(text: str) -> datetime:
    if len(text) == 14:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return datetime.fromtimestamp(int(text), UTC)
