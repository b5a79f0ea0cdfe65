"""A mark certificate (VMC or CMC), held against the draft: for whom it was issued, until when, and with which logo. Pure; never raises.

Standard: draft-fetch-validation-vmc-wchuang sections 3 to 5; requirements for the issuance of mark certificates (bimigroup.org).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .svg import known, opened

if TYPE_CHECKING:
    from ...edge.certificates import Described

_DATA = re.compile(rb"data:image/svg\+xml(?:;[a-z-]+=[A-Za-z0-9-]+)?;base64,([A-Za-z0-9+/=\s]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark certificate as it was served.

    kind       VMC | CMC | "" (its type is not stated)
    chain      known (leads to an authority that is known to issue them) | unknown-root | incomplete | self-signed | unreadable
    problems   why receivers do not take it: unreadable | expired | not-yet-valid | wrong-name | no-usage | no-logo | several |
               self-signed | incomplete | issuer-expired
    sha256     of the logo in it
    """

    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    mark_type: str = ""
    kind: str = ""
    chain: str = "unreadable"
    problems: tuple[str, ...] = ()
    soon: bool = False
    sha256: str = ""


def read(body: bytes, allowed: tuple[str, ...], now: datetime) -> Mark:
    """Judge a file of certificates, PEM. `allowed`: the names one of which it has to be for. Pure; never raises."""
    from ...edge.certificates import describe_all, led_to

    found = [c for c in describe_all(body) if c is not None]
    if not found:
        return Mark(problems=("unreadable",))
    own = [c for c in found if not c.authority] or found[:1]
    mark = own[0]
    above = [c for c in found if c is not mark]
    chain = led_to([mark.der, *(c.der for c in above)])
    image = logo_in(mark.logotype)
    problems = [
        *(["expired"] if mark.not_after < now else ["not-yet-valid"] if now < mark.not_before else []),
        *([] if _for_one_of(mark, allowed) else ["wrong-name"]),
        *([] if known()["mark"]["usage"] in mark.usages else ["no-usage"]),
        *([] if image else ["no-logo"]),
        *(["several"] if len(own) > 1 else []),
        *([chain] if chain in ("self-signed", "incomplete") else []),
        *(["issuer-expired"] if any(not c.not_before <= now <= c.not_after for c in above) else []),
    ]
    kind = mark.fields.get(known()["mark"]["type"], "")
    return Mark(
        subject=mark.subject,
        issuer=mark.issuer,
        names=mark.names[:20],
        not_before=mark.not_before,
        not_after=mark.not_after,
        mark_type=kind[:60],
        kind="" if not kind else "CMC" if kind in known()["mark"]["common"] else "VMC",
        chain=chain,
        problems=tuple(problems),
        soon=mark.not_before <= now <= mark.not_after and mark.not_after - now < timedelta(days=known()["mark"]["soon"]),
        sha256=hashlib.sha256(image).hexdigest() if image else "",
    )


def _for_one_of(mark: Described, allowed: tuple[str, ...]) -> bool:
    return bool({name.rstrip(".") for name in mark.names} & set(allowed))


def logo_in(logotype: bytes | None) -> bytes | None:
    """The logo out of the logotype extension, where it stands as a data: URL; None where there is none. Pure; never raises. RFC 9399, RFC 6170 section 4.

    The extension is not read as ASN.1: the URL is looked for, and its own length says where it ends.
    """
    if logotype is None or (found := _DATA.search(logotype)) is None:
        return None
    end = _end(logotype, found.start())
    try:
        data = base64.b64decode(b"".join(logotype[found.start(1) : min(end, found.end(1))].split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return opened(data) or None


def _end(octets: bytes, at: int) -> int:
    """Where the IA5String ends whose value begins at `at`: its length stands before it (X.690 section 8.1.3)."""
    for size in range(5):
        head = at - size - 2
        if head < 0 or octets[head] != 0x16:
            continue
        first = octets[head + 1]
        if (size == 0 and first < 0x80) or (size and first == 0x80 + size):
            length = int.from_bytes(octets[at - size : at], "big") if size else first
            if at + length <= len(octets):
                return at + length
    return len(octets)
