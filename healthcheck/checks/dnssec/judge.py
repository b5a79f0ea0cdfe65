"""What is found about DNSSEC. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...model import Answer, Finding, Outcome, Status
from ..base import because, could_not_check, finding
from .records import signatures_of

if TYPE_CHECKING:
    from ..facts import Facts
    from . import DnssecFacts

SOON = 48  # hours
LIVED = 7 * 24  # a signature that is made for less is made anew all the time, and is always about to end
SHORT, MODERN = 1024, 2048  # bits of an RSA key
COSTLY = 50  # NSEC3 iterations beyond which resolvers take a denial for unsigned, or fail
EXPONENT = 65537
LARGEST = 2**32


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about DNSSEC. Pure. RFC 4033 section 5 (the four states), RFC 4035 section 5, RFC 9276 section 3.1, RFC 9905.

    Unsigned is a note: nobody refuses mail for it. "Bogus" is said only on the word of a resolver that validates.
    """
    at = facts.dnssec
    if at is None:
        return
    evidence = (at.soa, at.ds_answer, at.key_answer)
    match at.state:
        case "bogus":
            what = ", ".join(dict.fromkeys(a.rtype for a in at.broken))
            values: dict[str, Any] = {
                "domain": at.domain,
                "what": what,
                "server": at.resolver.server,
                "reason": because("SEC002", at.reason),
                "when": _when(at),
            }
            yield finding("SEC002", Status.FAIL, at.domain, (*at.broken, at.ds_answer, *_signed(at.broken)), **values)
        case "unknown":
            yield from _unknown(at)
        case "draft":
            yield finding("SEC012", Status.NOTE, at.domain, (at.soa,), domain=at.domain)
        case "insecure":
            yield _insecure(at, evidence)
        case "secure":
            yield _secure(at, evidence)
    yield from _hosts(facts, at)
    if at.state != "draft":
        yield from _keys(at)
        yield from _signatures(at)


def _unknown(at: DnssecFacts) -> Iterator[Finding]:
    evidence = (at.soa, at.ds_answer, at.key_answer)
    if at.linked is False:
        # two answers that contradict each other: that needs no validating resolver
        entries = "; ".join(entry.shown() for entry in at.ds)
        yield finding("SEC003", Status.FAIL, at.domain, evidence, zone=at.zone or at.domain, ds=entries, keys=_shown(at))
    if at.reason == "unanswered":
        yield from could_not_check("SEC", at.domain, (at.soa, at.key_answer))
        return
    detail = f"{at.resolver.server}: {because('SEC000', at.reason)} ({at.resolver.probe})"
    yield finding("SEC000", Status.UNKNOWN, at.domain, evidence, what=at.domain, outcome=at.reason, detail=detail)


def _insecure(at: DnssecFacts, evidence: tuple[Answer, ...]) -> Finding:
    values: dict[str, Any] = {"domain": at.domain, "zone": at.zone or at.domain, "server": at.resolver.server, "probe": at.resolver.probe, "keys": _shown(at)}
    if at.keys and at.ds_answer.outcome is Outcome.NODATA:
        return finding("SEC004", Status.NOTE, at.domain, evidence, **values)
    if at.keys and at.ds:
        return finding("SEC014", Status.WARN, at.domain, evidence, **values)
    return finding("SEC001", Status.NOTE, at.domain, evidence, **values)


def _secure(at: DnssecFacts, evidence: tuple[Answer, ...]) -> Finding:
    values: dict[str, Any] = {"domain": at.domain, "zone": at.zone or at.domain, "server": at.resolver.server, "probe": at.resolver.probe, "keys": _shown(at)}
    return finding("SEC011", Status.PASS, at.domain, evidence, **values)


def _hosts(facts: Facts, at: DnssecFacts) -> Iterator[Finding]:
    hosts = facts.mx.hosts if facts.mx else ()
    others = any(at.hosts.get(h.host) in ("secure", "insecure") for h in hosts)
    for host in hosts:
        if at.hosts.get(host.host) == "bogus" and (host.host != at.domain or at.state != "bogus"):
            broken = [a for a in host.answers if a.outcome is Outcome.BOGUS]
            yield finding("SEC013", Status.WARN if others else Status.FAIL, host.host, broken, domain=at.domain, host=host.host, server=broken[0].server)


def _keys(at: DnssecFacts) -> Iterator[Finding]:
    zone = at.zone or at.domain
    if weak := [key for key in at.keys if key.weak]:
        yield finding("SEC005", Status.WARN, at.domain, (at.key_answer,), zone=zone, keys=", ".join(key.shown() for key in weak))
    if old := [entry for entry in at.ds if entry.weak]:
        # a validator that knows SHA-256 passes over SHA-1 beside it (RFC 4509 section 3)
        status = Status.WARN if len(old) == len(at.ds) else Status.NOTE
        yield finding("SEC006", status, at.domain, (at.ds_answer,), zone=zone, digests=", ".join(f"{e.digest_name} ({e.tag})" for e in old))
    if short := [key for key in at.keys if key.bits and key.bits < MODERN]:
        status = Status.WARN if any((key.bits or 0) < SHORT for key in short) else Status.NOTE
        yield finding("SEC007", status, at.domain, (at.key_answer,), zone=zone, keys=", ".join(key.shown() for key in short))
    if odd := [key for key in at.keys if key.exponent and not EXPONENT <= key.exponent <= LARGEST]:
        shown = ", ".join(f"{key.shown()}: {key.exponent if key.exponent and key.exponent < LARGEST else f'> {LARGEST}'}" for key in odd)
        yield finding("SEC008", Status.NOTE, at.domain, (at.key_answer,), zone=zone, keys=shown)
    if at.iterations:
        status = Status.WARN if at.iterations > COSTLY else Status.NOTE
        yield finding("SEC009", status, at.domain, filter(None, (at.nsec3_answer,)), zone=zone, iterations=at.iterations)


def _signatures(at: DnssecFacts) -> Iterator[Finding]:
    if at.state != "secure" or at.expires is None or at.hours_left is None or at.lifetime_hours is None:
        return
    if 0 <= at.hours_left < SOON and at.lifetime_hours >= LIVED:
        signed = _signed((at.soa, at.key_answer))
        yield finding("SEC010", Status.WARN, at.domain, signed, zone=at.zone or at.domain, expires=f"{at.expires:%Y-%m-%d %H:%M} UTC", hours=at.hours_left)


def _signed(answers: Iterable[Answer]) -> tuple[Answer, ...]:
    """The signatures that came with some answers, as evidence: RRSIG records of the same names."""
    return tuple(Answer(a.name, "RRSIG", Outcome.FOUND, a.signatures, server=a.server) for a in answers if a.signatures)


def _when(at: DnssecFacts) -> str:
    """(2026-11-20 08:00 UTC), where it is a matter of dates."""
    moments = {"expired": [s.expires for a in at.broken for s in signatures_of(a)], "not-yet": [s.begins for a in at.broken for s in signatures_of(a)]}
    found = moments.get(at.reason)
    return f" ({max(found):%Y-%m-%d %H:%M} UTC)" if found else ""


def _shown(at: DnssecFacts) -> str:
    return ", ".join(key.shown() for key in at.keys) or "-"
