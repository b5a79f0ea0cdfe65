"""SPF records to publish. Each keeps every term that authorises mail today, adds no address that the user did not call theirs,
and never says +all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from .record import LOOKUP_TERMS, SpfRecord, parse
from .tree import MAX_LOOKUPS

_WEAKEST = {"-": 0, "~": 1, "?": 2}


def address_term(ip: str) -> str:
    return f"ip{ip_address(ip).version}:{ip}"


def covering(record: SpfRecord, ips: Sequence[str]) -> str:
    """The record with these addresses before its "all" (or its redirect), every other character as it was.

    >>> covering(parse("v=spf1 mx ~all"), ["192.0.2.7"])
    'v=spf1 mx ip4:192.0.2.7 ~all'
    """
    parts = record.text.rstrip(" ").split(" ")
    ends = [n for n, part in enumerate(parts) if n and (part.lstrip("+-~?").lower() == "all" or part.lower().startswith("redirect="))]
    at = ends[0] if ends else len(parts)
    return " ".join([*parts[:at], *map(address_term, ips), *parts[at:]])


def fresh(ips: Sequence[str]) -> str:
    """A first record for a domain that has none: the user's own addresses, everything else marked as suspicious."""
    return " ".join(["v=spf1", *map(address_term, ips), "~all"])


def without(record: SpfRecord, texts: Sequence[str]) -> str:
    """The record without some terms, which authorise nothing."""
    return " ".join(part for part in record.text.split(" ") if part not in texts)


def ending(record: SpfRecord, qualifier: str = "~") -> str:
    """The record with its ?all, or with nothing at its end, made ~all. Senders that pass are matched before it.

    >>> ending(parse("v=spf1 mx ?all"))
    'v=spf1 mx ~all'
    """
    parts = record.text.rstrip(" ").split(" ")
    swapped = [f"{qualifier}all" if part.lower() == "?all" else part for part in parts]
    return " ".join(swapped) if swapped != parts else " ".join([*parts, f"{qualifier}all"])


def merged(texts: Sequence[str]) -> str | None:
    """One record in place of several, where that keeps every term and stays within the limit; else None.

    None too where one of them refuses addresses before its end, redirects, explains or says +all: there only the user
    knows which was meant.

    >>> merged(["v=spf1 mx ~all", "v=spf1 include:_spf.example.net -all"])
    'v=spf1 mx include:_spf.example.net ~all'
    """
    records = [parse(text) for text in texts]
    if any(not r.valid or any(t.modifier for t in r.terms) or r.after_all for r in records):
        return None
    terms = [t for r in records for t in r.terms if t.name != "all"]
    if any(t.qualifier != "+" for t in terms):
        return None
    ends = [r.all.qualifier if r.all else "?" for r in records]
    if "+" in ends:
        return None
    names = list({t.text.lower(): t.text for t in reversed(terms)}.values())[::-1]
    if sum(1 for t in parse(" ".join(["v=spf1", *names])).terms if t.name in LOOKUP_TERMS) > MAX_LOOKUPS:
        return None
    # the end that refuses least: a sender that either record let through is not refused by the merged one
    return " ".join(["v=spf1", *names, max(ends, key=_WEAKEST.__getitem__) + "all"])
