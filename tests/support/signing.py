"""Signed mail made in the test: keys, DKIM signatures by dkimpy in every shape, ARC sets, and the DNS in which the keys stand."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import dkim
import dkim.crypto
import nacl.signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dkim.canonicalization import CanonicalizationPolicy

from healthcheck.edge.world import World
from tests.support.worlds import world_of

NOW = 1795348800.0  # 2026-11-22 12:00 UTC

MESSAGE = (
    b"Received: from out.example.com (out.example.com [192.0.2.7]) by mx.example.net with ESMTPS id 1;\r\n Sun, 22 Nov 2026 11:59:00 +0000\r\n"
    b"From: Ann Example <ann@example.com>\r\n"
    b"To: Bob <bob@example.net>, Carol <carol@example.org>\r\n"
    b"Subject: Offer for November\r\n"
    b"Date: Sun, 22 Nov 2026 11:58:58 +0000\r\n"
    b"Message-ID: <20261122.1@example.com>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
    b"Dear Bob,\r\n"
    b"\r\n"
    b"here is what we spoke  of: caf\xc3\xa9 \xe2\x82\xac 12.\r\n"
    b"From here on it is easy.\r\n"
    b"\r\n"
    b"Ann\r\n"
)


@dataclass(frozen=True)
class Keys:
    """A private key as dkimpy takes it, and the record that publishes the public one."""

    private: bytes
    record: str
    kind: str

    @property
    def algorithm(self) -> bytes:
        return b"ed25519-sha256" if self.kind == "ed25519" else b"rsa-sha256"


@cache
def rsa_keys(bits: int = 1024, number: int = 0) -> Keys:
    """An RSA key pair, made once a run."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=max(bits, 1024)) if bits >= 1024 else None
    if key is None:
        return _small(bits)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Keys(private, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}", "rsa")


@cache
def ed25519_keys(number: int = 0) -> Keys:
    key = nacl.signing.SigningKey.generate()
    return Keys(base64.b64encode(bytes(key)), f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(key.verify_key)).decode()}", "ed25519")


def _small(bits: int) -> Keys:
    """A key of fewer bits than any library makes today: two primes found here."""
    import random

    source = random.Random(8301)

    def prime(size: int) -> int:
        while True:
            n = source.getrandbits(size) | (3 << (size - 2)) | 1
            if all(n % p for p in (3, 5, 7, 11, 13, 17, 19, 23)) and (n - 1) % 65537 and all(pow(a, n - 1, n) == 1 for a in (2, 3, 5, 7)):
                return n

    p, q = prime(bits // 2), prime(bits - bits // 2)
    d = pow(65537, -1, (p - 1) * (q - 1))
    numbers = [0, p * q, 65537, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]

    def tlv(tag: int, body: bytes) -> bytes:
        size = len(body)
        length = bytes([size]) if size < 128 else bytes([0x80 | ((size.bit_length() + 7) // 8)]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
        return bytes([tag]) + length + body

    def integer(n: int) -> bytes:
        return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))

    private = base64.encodebytes(tlv(0x30, b"".join(integer(n) for n in numbers)))
    public = tlv(0x30, integer(p * q) + integer(65537))
    pem = b"-----BEGIN RSA PRIVATE KEY-----\n" + private + b"-----END RSA PRIVATE KEY-----\n"
    return Keys(pem, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}", "rsa")


class Signer(dkim.DKIM):
    """dkimpy's signer with tags of our choice: `tags` replaces, adds or (None) leaves out."""

    def __init__(self, *args, tags: Mapping[str, str | None] | None = None, **options):
        super().__init__(*args, **options)
        self.tags = dict(tags or {})
        self.should_not_sign = set()

    def gen_header(self, fields, *args, **options):
        chosen = {name.decode(): value for name, value in fields if value is not False}
        chosen["t"] = str(int(NOW) - 60).encode()
        b = chosen.pop("b")
        chosen.update({name: value.encode() for name, value in self.tags.items() if value is not None})
        for name in [n for n, v in self.tags.items() if v is None]:
            chosen.pop(name, None)
        return super().gen_header([*((n.encode(), v) for n, v in chosen.items()), (b"b", b)], *args, **options)


def sign(
    message: bytes,
    keys: Keys,
    *,
    d: str = "example.com",
    s: str = "s1",
    canonical: str = "relaxed/relaxed",
    length: bool = False,
    headers: Sequence[str] | None = None,
    algorithm: bytes | None = None,
    tags: Mapping[str, str | None] | None = None,
) -> bytes:
    """The message with a DKIM-Signature on top, by dkimpy. `tags` puts in what dkimpy would not write (x=, z=, i=, v=2 …)."""
    header, body = canonical.split("/")
    signer = Signer(message, signature_algorithm=algorithm or keys.algorithm, tags=tags)
    field_ = signer.sign(
        s.encode(),
        d.encode(),
        keys.private,
        canonicalize=(header.encode(), body.encode()),
        include_headers=[h.encode() for h in headers] if headers else None,
        length=length,
    )
    return field_ + message


def seal(message: bytes, keys: Keys, instance: int, *, d: str, s: str = "arc", said: str = "pass", results: str = "dkim=pass header.d=example.com") -> bytes:
    """The message with an ARC set on top. dkimpy's own ARC.sign needs a package that is not ours; its parts do as well."""
    policy = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
    number = str(instance).encode()
    common = [(b"i", number), (b"a", b"rsa-sha256"), (b"d", d.encode()), (b"s", s.encode()), (b"t", str(int(NOW)).encode())]
    results_field = b"ARC-Authentication-Results: i=" + number + b"; " + d.encode() + b"; " + results.encode() + b"\r\n"
    arc = dkim.ARC(message)
    arc.hasher = dkim.HASH_ALGORITHMS[b"rsa-sha256"]
    private = dkim.crypto.parse_pem_private_key(keys.private)
    body = base64.b64encode(arc.hasher(policy.canonicalize_body(arc.body)).digest())
    names = [b"from", b"to", b"subject", b"date", b"message-id"]
    fields = [*common, (b"c", b"relaxed/relaxed"), (b"h", b":".join(names)), (b"bh", body), (b"b", b"0" * 60)]
    message_field = b"ARC-Message-Signature: " + arc.gen_header(fields, names, policy, b"ARC-Message-Signature", private)
    whole = dkim.ARC(message_field + results_field + message)
    whole.hasher = arc.hasher
    ordered = [pair for number_, pair in reversed(whole.sorted_arc_headers()[1]) if said != "fail" or number_ == instance]
    order = [b"arc-authentication-results", b"arc-message-signature", b"arc-seal"]
    ordered.sort(key=lambda pair: (int(re.search(rb"i=(\d+)", pair[1])[1]), order.index(pair[0].lower())))
    whole.headers = list(reversed(ordered))
    sealed = whole.gen_header([*common, (b"cv", said.encode()), (b"b", b"0" * 60)], [name for name, _ in ordered], policy, b"ARC-Seal", private)
    return b"ARC-Seal: " + sealed + message_field + results_field + message


@dataclass
class Zones:
    """Where keys stand, as text for world_of."""

    records: dict[str, list[str]] = field(default_factory=dict)

    def key(self, keys: Keys | str, d: str = "example.com", s: str = "s1") -> Zones:
        text = keys if isinstance(keys, str) else keys.record
        pieces = " ".join('"' + text[n : n + 200].replace('"', '\\"') + '"' for n in range(0, len(text), 200)) or '""'
        self.records.setdefault(d, []).append(f"{s}._domainkey IN TXT {pieces}")
        return self

    def world(self, folder: Path) -> World:
        zones = {d: "\n".join(lines) for d, lines in self.records.items()}
        return world_of(folder, zones or {"example.com": ""})


def swap(message: bytes, old: bytes, new: bytes) -> bytes:
    """The message with one thing altered, which has to be there."""
    assert old in message, old
    return message.replace(old, new, 1)
