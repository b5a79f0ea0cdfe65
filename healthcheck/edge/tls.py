"""TLS as a receiver of mail would judge it: the handshake, the certificates that were shown, and what is wrong with them.

The verdict is OpenSSL's, against the certificate authorities that this system trusts; what is told of a certificate that was refused comes
from the same handshake, which ends before a single octet of content was read or sent.
"""

from __future__ import annotations

import functools
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..model import Certificate

_DER = 2  # _ssl.ENCODING_DER


@dataclass(frozen=True, slots=True)
class Shaken:
    """What a handshake showed. refused: OpenSSL's number for why the certificate is not trusted, 0 where it is, None where it was not asked."""

    chain: tuple[bytes, ...]
    refused: int | None = 0
    why: str = ""
    protocol: str = ""
    cipher: str = ""


@functools.lru_cache(maxsize=8)
def strict(cafile: str = "", alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """TLS 1.2 and later, certificate and name verified; by the system's authorities, or by those of a PEM file alone.

    Standard: RFC 8996 (TLS 1.0 and 1.1 are gone), RFC 9525 (the common name counts for nothing).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT")  # OpenSSL's own, as mail servers have them: Python's are stricter, and what they refuse others take
    context.hostname_checks_common_name = False
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if cafile:
        context.load_verify_locations(cafile)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if not context.cert_store_stats()["x509_ca"] and not _has_folder():
            import certifi  # a system without any (a lean container): else every certificate would seem untrusted

            context.load_verify_locations(certifi.where())
    return context


def _has_folder() -> bool:
    folder = ssl.get_default_verify_paths().capath
    return bool(folder) and next(Path(folder).glob("*.0"), None) is not None


@functools.lru_cache(maxsize=1)
def lenient() -> ssl.SSLContext:
    """Whatever a host can do, and any certificate: only to see what it speaks. Nothing that is said through it is believed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:!aNULL:@SECLEVEL=0")
    return context


def shake(connection: ssl.SSLSocket) -> Shaken:
    """The handshake of a connection that was wrapped without it. A certificate that is not trusted is a result, with `refused`; the connection is of no use then.

    Raises ssl.SSLError for other faults of TLS, OSError (TimeoutError) for those of the connection.
    """
    try:
        connection.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return Shaken(_chain(connection), error.verify_code or 1, error.verify_message or "", *_spoken(connection))
    unasked = connection.context.verify_mode is ssl.CERT_NONE
    return Shaken(_chain(connection), None if unasked else 0, "", *_spoken(connection))


def _chain(connection: ssl.SSLSocket) -> tuple[bytes, ...]:
    # the same method that is public from Python 3.13 on (get_unverified_chain)
    inner = getattr(connection, "_sslobj", None)
    shown = inner.get_unverified_chain() if inner is not None else None
    return tuple(c.public_bytes(_DER) for c in shown or ())


def _spoken(connection: ssl.SSLSocket) -> tuple[str, str]:
    """Protocol and cipher, as far as the handshake came."""
    cipher = connection.cipher()
    protocol = connection.version()
    if protocol is None and cipher is not None and cipher[1] == "TLSv1.3":
        protocol = cipher[1]  # its ciphers are its own (RFC 8446 section B.4)
    return protocol or "", cipher[0] if cipher else ""


def certificate(shaken: Shaken, host: str, now: datetime | None = None) -> Certificate | None:
    """The certificate that was shown, judged for this host name; None where none was seen. Never raises on what it holds."""
    if not shaken.chain:
        return None
    from .certificates import seen  # cryptography takes a while to load, and most runs of the command line connect to nobody

    got = seen(shaken.chain, host, now or datetime.now(UTC), trusted=None if shaken.refused is None else shaken.refused == 0)
    # OpenSSL has the last word where it was asked: what it takes has no problem
    return replace(got, problem="") if got is not None and shaken.refused == 0 else got


def issued(certificate: bytes, issuer: bytes) -> bool:
    """Did one certificate (DER) issue another: the name, and the signature? Pure; False for what cannot be read. RFC 5280 section 6.1.3."""
    from cryptography import x509

    try:
        x509.load_der_x509_certificate(certificate).verify_directly_issued_by(x509.load_der_x509_certificate(issuer))
    except Exception:
        # a wrong signature, another name, a kind of key that is not known, no certificate at all
        return False
    return True
