"""Certificates, read: the ones that servers show, and the mark certificates of BIMI. Nobody else imports `cryptography` for them.

Everything here is pure, and nothing raises on what octets hold: what cannot be read is None. Standard: RFC 5280, RFC 9525.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning

from ..model import Certificate

MOST = 12  # certificates of one file that are read; a chain has four
LOGOTYPE = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.12")  # RFC 9399 (RFC 3709)
_PEM_BEGIN, _PEM_END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_NEVER = datetime(1, 1, 1, tzinfo=UTC)

# odd serial numbers and the like are read all the same, and are no business of whoever reads standard error
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)


@dataclass(frozen=True, slots=True)
class Described:
    """One certificate.

    names        dNSName entries of subjectAltName, in lower case, as they stand there; the common name counts for nothing (RFC 9525 section 2)
    self_signed  issued by itself, its signature checked
    authority    basicConstraints say that it may issue others
    usages       object identifiers of the extended key usage; empty where there is none
    fields       the subject, by object identifier
    spki         SubjectPublicKeyInfo, DER: what TLSA records with selector 1 are about (RFC 6698 section 2.1.2)
    logotype     the value of the logotype extension, DER
    """

    der: bytes
    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    self_signed: bool
    authority: bool
    usages: tuple[str, ...]
    spki: bytes
    fields: Mapping[str, str] = field(default_factory=dict)
    logotype: bytes | None = None


def describe(data: bytes) -> Described | None:
    """A certificate, DER or the first of a PEM text; None for what is none. Pure; never raises. Standard: RFC 5280."""
    loaded = _load(data)
    return _described(loaded) if loaded is not None else None


def describe_all(pem: bytes) -> tuple[Described | None, ...]:
    """Each certificate of a PEM text in its order, at most MOST; None for one that cannot be read. Pure; never raises. RFC 7468 section 5."""
    return tuple(describe(part) for part in _parts(pem))


def name_matches(host: str, names: Iterable[str]) -> bool:
    """Does one of the names of a certificate stand for a host? Pure.

    Standard: RFC 9525 section 6.3: a wildcard is the whole left-most label and stands for one label.

    >>> name_matches("mta-sts.example.com", ["*.example.com"]), name_matches("a.b.example.com", ["*.example.com"])
    (True, False)
    """
    host = host.lower().rstrip(".")
    parent = host.partition(".")[2]
    return any(name == host or (bool(parent) and "." in parent and name == f"*.{parent}") for name in (n.lower().rstrip(".") for n in names))


def seen(chain: Sequence[bytes], host: str, now: datetime, *, trusted: bool | None) -> Certificate | None:
    """What a server showed, as a receiver judges it; None where it showed nothing. Pure; never raises.

    chain    DER, the server's own first
    trusted  whether the chain was found to lead to a root that the system trusts, whatever its dates and its name; None: nobody looked
    """
    if not chain:
        return None
    own = describe(chain[0])
    if own is None:
        return Certificate("", "", (), _NEVER, _NEVER, "unreadable", tuple(chain))
    found = (
        (own.not_after < now, "expired"),
        (now < own.not_before, "not-yet-valid"),
        (not name_matches(host, own.names), "wrong-name"),
        (own.self_signed and trusted is not True, "self-signed"),
        (trusted is False, "untrusted"),
    )
    problem = next((word for held, word in found if held), "")
    return Certificate(own.subject, own.issuer, own.names, own.not_before, own.not_after, problem, tuple(chain))


def led_to(chain: Sequence[bytes]) -> str:
    """Where a mark certificate's chain leads: known | unknown-root | incomplete | self-signed | unreadable. Pure; never raises.

    The first certificate's issuer is looked for among the others, in any order, and among the roots of the authorities that issue mark
    certificates as far as they are known here; every signature on the way is checked, dates are not. Standard: RFC 5280 section 6.1.
    """
    loaded = [_load(der) for der in chain[:MOST]]
    if not loaded or loaded[0] is None:
        return "unreadable"
    others = [c for c in loaded[1:] if c is not None]
    at, steps = loaded[0], 0
    if _issued(at, at):
        return "self-signed"
    while steps <= len(others):
        if any(_der(at) == _der(root) or _issued(at, root) for root in _roots()):
            return "known"
        above = next((c for c in others if _issued(at, c)), None)
        if above is None:
            # RFC 5280 section 6.1: the root itself may be left out of the file, an authority between may not
            return "unknown-root" if steps else "incomplete"
        if _der(above) == _der(at):
            return "unknown-root"
        at, steps = above, steps + 1
    return "unknown-root"


def mark_roots() -> bytes:
    """The roots of the authorities that issue mark certificates for BIMI, PEM, as checkdmarc ships them; b"" where it ships none.

    Its file is read without importing it. An authority that is not there may be new: not known is not untrusted.
    """
    spec = importlib.util.find_spec("checkdmarc")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "resources" / "MVACAs.pem"
        if path.is_file():
            return path.read_bytes()
    return b""


# ------------------------------------------------------------------ reading


def _parts(pem: bytes) -> list[bytes]:
    parts = []
    for piece in pem.split(_PEM_BEGIN)[1 : MOST + 1]:
        body, end, _ = piece.partition(_PEM_END)
        parts.append(_PEM_BEGIN + body + (end or b""))
    return parts


def _load(data: bytes) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(_parts(data)[0]) if _PEM_BEGIN in data else x509.load_der_x509_certificate(data)
    except Exception:
        # ASN.1 that somebody else wrote: the reader raises ValueError, and sometimes others
        return None


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        if certificate.issuer != issuer.subject:
            return False
        certificate.verify_directly_issued_by(issuer)
    except Exception:
        # a wrong signature, a kind of key that is not known, names that cannot be read
        return False
    return True


@cache
def _roots() -> tuple[x509.Certificate, ...]:
    return tuple(c for part in _parts(mark_roots()) if (c := _load(part)) is not None)


def _described(certificate: x509.Certificate) -> Described | None:
    try:
        # the dates and the key are read when they are asked for, and may be broken by themselves
        return Described(
            der=_der(certificate),
            subject=_shown(certificate.subject),
            issuer=_shown(certificate.issuer),
            names=_names(certificate),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            self_signed=_issued(certificate, certificate),
            authority=_authority(certificate),
            usages=_usages(certificate),
            spki=certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            fields={a.oid.dotted_string: str(a.value) for a in certificate.subject},
            logotype=_logotype(certificate),
        )
    except Exception:
        return None


def _shown(name: x509.Name) -> str:
    """The common name and the organization of a subject, for people; the whole where it has neither."""
    oids = (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME)
    found = [str(a.value) for oid in oids for a in name.get_attributes_for_oid(oid)]
    return (", ".join(dict.fromkeys(found)) or name.rfc4514_string())[:200]


def _extension(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> object:
    try:
        return certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    value = _extension(certificate, x509.OID_SUBJECT_ALTERNATIVE_NAME)
    if not isinstance(value, x509.SubjectAlternativeName):
        return ()
    return tuple(dict.fromkeys(str(n).lower() for n in value.get_values_for_type(x509.DNSName)))


def _authority(certificate: x509.Certificate) -> bool:
    value = _extension(certificate, x509.OID_BASIC_CONSTRAINTS)
    return isinstance(value, x509.BasicConstraints) and value.ca


def _usages(certificate: x509.Certificate) -> tuple[str, ...]:
    value = _extension(certificate, x509.OID_EXTENDED_KEY_USAGE)
    return tuple(oid.dotted_string for oid in value) if isinstance(value, x509.ExtendedKeyUsage) else ()


def _logotype(certificate: x509.Certificate) -> bytes | None:
    value = _extension(certificate, LOGOTYPE)
    return value.value if isinstance(value, x509.UnrecognizedExtension) else None
