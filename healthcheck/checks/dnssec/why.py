"""Why DNSSEC is broken: what came with checking disabled, or what the resolver says of it. Pure. RFC 4035 section 5.3, RFC 8914."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from ...model import Answer
from .records import Ds, Key, numbers, signatures_of

_EXTENDED = re.compile(r"extended error (\d+)")


def why_bogus(broken: Iterable[Answer], entries: tuple[Ds, ...], keys: tuple[Key, ...], now: datetime) -> str:
    """A key of [SEC002.reasons]: no-key | expired | not-yet | no-signature | wrong-signature | unsaid.

    Only what was seen is said: an answer that came with checking disabled, with its signatures; else the resolver's own words.
    """
    seen = [a for a in broken if a.unchecked]
    if any(a.rtype == "DNSKEY" for a in seen) and keys and entries and all(e.matches is False for e in entries):
        return "no-key"
    for answer in seen:
        signatures = signatures_of(answer)
        if not signatures:
            return "no-signature"
        if all(s.expires < now for s in signatures):
            return "expired"
        if all(s.begins > now for s in signatures):
            return "not-yet"
    codes = [code for a in broken for code in _EXTENDED.findall(a.detail)]
    said = next((numbers()["extended_error"][code] for code in codes if code in numbers()["extended_error"]), None)
    return said or ("wrong-signature" if seen else "unsaid")
