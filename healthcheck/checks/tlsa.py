"""TLSA records against the certificates that a mail host shows. Shared by topics; pure. RFC 6698 section 2.1, RFC 7671 section 5, RFC 7672 section 3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from ..model import Certificate

MATCHES, DIFFERS, NAME, EXPIRED = "matches", "differs", "name", "expired"


class Record(Protocol):
    """A TLSA record that a sender can use. data: hexadecimal."""

    @property
    def usage(self) -> int: ...

    @property
    def selector(self) -> int: ...

    @property
    def matching(self) -> int: ...

    @property
    def data(self) -> str: ...


def selected(certificate: bytes, selector: int) -> bytes | None:
    """What a record is compared with: the certificate itself (0) or its public key (1); None for any other, or one that cannot be read. RFC 6698 section 2.1.2."""
    if selector == 0:
        return certificate
    if selector != 1:
        return None
    from ..edge.certificates import describe

    described = describe(certificate)
    return described.spki if described else None


def fits(record: Record, certificate: bytes) -> bool:
    """Is this the certificate (DER) that a record is about? Pure. RFC 6698 section 2.1.3.

    It says nothing of where in the chain it has to stand: see `verdict`.
    """
    octets = selected(certificate, record.selector)
    if octets is None:
        return False
    try:
        data = bytes.fromhex(record.data)
    except ValueError:
        return False
    match record.matching:
        case 0:
            return data == octets
        case 1:
            return data == hashlib.sha256(octets).digest()
        case 2:
            return data == hashlib.sha512(octets).digest()
    return False


def stands(record: Record, chain: Sequence[bytes]) -> bool:
    """Does a record stand for a chain (DER, the host's own certificate first), dates and names aside? Pure.

    Usages 3 and 1 are about the host's own certificate; 2 and 0 about an authority above it, whose signatures are followed down to it
    (RFC 7671 sections 5.1 to 5.4). Usages 0 and 1 ask besides for an authority that is trusted anyway, which is not looked at here.
    """
    if not chain:
        return False
    if record.usage in (1, 3):
        return fits(record, chain[0])
    if record.usage not in (0, 2):
        return False
    from ..edge.tls import issued

    above = list(chain[1:])
    if record.matching == 0 and record.selector == 0:
        # RFC 7671 section 5.2.2: a whole certificate in the record need not be sent
        above.append(bytes.fromhex(record.data))
    at = chain[0]
    while above:
        step = next((c for c in above if issued(at, c)), None)
        if step is None:
            return False
        if fits(record, step):
            return True
        above.remove(step)
        at = step
    return False


def verdict(records: Iterable[Record], certificate: Certificate, names: Iterable[str], now: datetime) -> str:
    """What a sender with DANE makes of a certificate: "" without a record that it uses, else matches | differs | name | expired. Pure.

    records  those that can be used in mail: usages 2 and 3 (RFC 7672 section 3.1.3 leaves 0 and 1 out); others are passed over
    names    the mail host, the name that the records are published for, the domain whose mail it takes (RFC 7672 section 3.2.2)

    With usage 3 neither name nor dates count (RFC 7671 section 5.1); with usage 2 both do.
    """
    used = [r for r in records if r.usage in (2, 3)]
    if not used:
        return ""
    if any(r.usage == 3 and stands(r, certificate.chain) for r in used):
        return MATCHES
    if not any(r.usage == 2 and stands(r, certificate.chain) for r in used):
        return DIFFERS
    if not certificate.not_before <= now <= certificate.not_after:
        return EXPIRED
    from ..edge.certificates import name_matches

    return MATCHES if any(name_matches(name, certificate.names) for name in names) else NAME
