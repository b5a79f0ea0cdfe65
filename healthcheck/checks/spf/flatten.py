"""A preview of a flattened record: names written out as the addresses that stand behind them today. Pure.

It is shown and never proposed. A service moves its servers without telling anybody: from then on the record refuses mail that is
right, and lets through what the service gave up. RFC 7208 section 10.1.2 asks senders to keep their records current.
"""

from __future__ import annotations

from dataclasses import dataclass

from .reach import Reaching
from .record import LOOKUP_TERMS, SpfRecord, Term
from .spans import Spans, count4, merge, networks, written
from .tree import Walk
from .vendors import vendor_of

ONE_RECORD = 450  # octets of a record that leave room for the rest of an answer of 512 (RFC 7208 section 3.4)
LONGEST = 8000  # octets of a preview that are shown
_NAMES = ("include", "a", "mx")


@dataclass(frozen=True, slots=True)
class Flattening:
    """What the record would be with its names written out.

    text      the record; None where nothing could be written out, or it would be too long to show (then octets says how long)
    replaced  the terms that were written out; kept: those that cost look-ups still (macros, ptr, exists, redirect, unknown)
    networks  how many ip4 and ip6 terms it takes; octets: how long the record gets; records: in how many it would have to be cut
    lookups   what is left of the look-ups, counted in the record itself
    vendors   the services whose addresses would be frozen
    valid_for seconds that all the answers behind it hold, after which nobody vouches for it; None where it rests on none
    """

    text: str | None
    replaced: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    networks: int = 0
    octets: int = 0
    records: int = 1
    lookups: int = 0
    vendors: tuple[str, ...] = ()
    valid_for: int | None = None


def flatten(record: SpfRecord, domain: str, reaching: Reaching) -> Flattening:
    """The record with every include, a and mx whose addresses are all known written out, each in its own place and with its own
    qualifier, so that the first match stays the first (RFC 7208 section 4.6.2)."""
    out: list[str] = []
    replaced: list[str] = []
    kept: list[str] = []
    count = 0
    for term in record.terms:
        spans = _written_out(term, domain, reaching)
        if spans is None:
            if term.name in LOOKUP_TERMS and term in record.evaluated:
                kept.append(term.text)
            out.append(term.text)
            continue
        sign = "" if term.qualifier == "+" else term.qualifier
        found = [sign + written(network) for network in networks(spans)]
        count += len(found)
        out += found
        replaced.append(term.text)
    if not replaced:
        return Flattening(None, kept=tuple(kept))
    text = " ".join(["v=spf1", *dict.fromkeys(out)])
    names = [t for t in record.terms if t.text in replaced]
    seen: set[str] = set()
    ttls = [ttl for t in names for ttl in _ttls(t.target(domain), reaching.walk, seen)]
    return Flattening(
        text if len(text) <= LONGEST else None,
        tuple(replaced),
        tuple(kept),
        count,
        len(text),
        -(-len(text) // ONE_RECORD),
        len(kept),
        tuple(dict.fromkeys(filter(None, (vendor_of(t.target(domain)) for t in names if t.name == "include")))),
        min(ttls, default=None),
    )


def _written_out(term: Term, domain: str, reaching: Reaching) -> Spans | None:
    """The addresses of a term, where all of them are known and they are not the whole Internet; else None."""
    if term.modifier or term.macros or term.name not in _NAMES:
        return None
    spans, sure = reaching.matches(term, domain)
    return merge(spans) if sure and spans and count4(spans) < 1 << 32 else None


def _ttls(name: str, walk: Walk, seen: set[str]) -> list[int]:
    """How long the answers behind a name hold."""
    if name in seen:
        return []
    seen.add(name)
    hosts = (name, *walk.exchanges(name))
    held = [walk.answers.get((host, rtype)) for host in hosts for rtype in ("TXT", "A", "AAAA", "MX")]
    out = [a.ttl for a in held if a is not None and a.found and a.ttl is not None]
    record = walk.records.get(name)
    for term in record.evaluated if record is not None and record.valid else ():
        if term.name in ("include", "redirect", "a", "mx") and not term.macros:
            out += _ttls(term.target(name), walk, seen)
    return out
