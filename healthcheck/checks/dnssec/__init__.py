"""Topic dnssec: is the domain's zone signed, and does what it says hold? RFC 4033 to 4035, RFC 6840, RFC 9276, RFC 9904.

The state comes from a resolver that was shown to validate: it refuses a name that is signed wrongly on purpose, and answers for it
with checking disabled. From any other the state is unknown. DS and DNSKEY are a second opinion on how the zone is signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ...model import Answer, Outcome, Question, ScanInput, Secure
from .judge import judge as judge
from .records import Ds, Key, ds_of, iterations_of, keys_of, signatures_of
from .why import why_bogus

if TYPE_CHECKING:
    from ...edge.dns import Seam
    from ...edge.world import Session
    from ..facts import Facts

TOPIC = "dnssec"
ROLES = frozenset({"dnssec-key", "dnssec-soa"})
CLIMB = 3  # how many names above the domain are asked for the zone that holds it

_STATES = {Secure.YES: "secure", Secure.NO: "insecure", Secure.DRAFT: "draft", Secure.UNKNOWN: "unknown"}


# ------------------------------------------------------------------ facts


@dataclass(frozen=True, slots=True)
class Resolver:
    """Who said so. validates: True or False as it was shown with `probe`, a name that is signed wrongly on purpose; None: not shown."""

    server: str
    validates: bool | None
    probe: str


@dataclass(frozen=True, slots=True)
class DnssecFacts:
    """state: secure | insecure | bogus | unknown | draft (from a zone file).

    reason      bogus: a key of [SEC002.reasons]; unknown: unanswered | not-validating | not-shown
    zone        the name whose zone holds the domain; None where it was not found out
    linked      does a DS at the parent match a key of the zone? None: there is none of the one or the other, or it was not told
    iterations  of NSEC3 (RFC 9276); None: none, or not known
    expires     when the first record set that was looked at is without a valid signature; hours_left until then, of lifetime_hours
    hosts       the state of each mail host's addresses
    validating  the resolvers that were shown to validate
    """

    domain: str
    zone: str | None
    state: str
    reason: str
    resolver: Resolver
    ds: tuple[Ds, ...]
    keys: tuple[Key, ...]
    linked: bool | None
    iterations: int | None
    expires: datetime | None
    hours_left: int | None
    lifetime_hours: int | None
    hosts: Mapping[str, str]
    validating: tuple[str, ...]
    all_validate: bool
    soa: Answer
    ds_answer: Answer
    key_answer: Answer
    nsec3_answer: Answer | None
    broken: tuple[Answer, ...] = ()  # BOGUS
    others: tuple[Answer, ...] = ()  # what was asked to find the zone

    def state_of(self, answer: Answer) -> str:
        """The state of another answer of this scan. Pure. An answer that claims nothing, from a resolver shown to validate, is insecure."""
        if answer.outcome is Outcome.BOGUS:
            return "bogus"
        if answer.unsure:
            return "unknown"
        if answer.secure is Secure.UNKNOWN and answer.server in self.validating and (self.all_validate or not answer.aliases):
            return "insecure"
        return _STATES[answer.secure]


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:
    """Whether the domain is the top of a zone, how it is linked, and its keys. Pure."""
    yield from _about(wanted.domain.name)


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """The same of the name above where the domain is no top of a zone; of a signed zone how it denies. Pure."""
    if question.role == "dnssec-key" and answer.found:
        yield _nsec3(question.name)
    elif question.role == "dnssec-soa" and not answer.found and not answer.unsure and (above := _above(question.name)):
        yield from _about(above)


def _about(name: str) -> tuple[Question, Question, Question]:
    return (
        Question(name, "SOA", role="dnssec-soa", signed=True),
        Question(name, "DS", role="dnssec-ds"),
        Question(name, "DNSKEY", role="dnssec-key", signed=True),
    )


def _nsec3(name: str) -> Question:
    return Question(name, "NSEC3PARAM", role="dnssec-nsec3")


def _above(name: str) -> str:
    """The name above, "" where that is a top-level domain."""
    above = name.partition(".")[2]
    return above if "." in above else ""


def gather(session: Session, facts: Facts) -> DnssecFacts:
    """Find out the state of the domain and of its mail hosts' addresses.

    Cost: 3 questions (5 for a signed zone, where one more is asked for the signatures of what is broken), 1 more for each name above,
    at most 3, where the domain is no zone of its own; 2 an hour to see whether the resolver validates.
    """
    seam, domain = session.dns, facts.input.domain.name
    soa = seam.ask_all([_about(domain)[0]])[0]
    zone, others = _zone(seam, domain, soa)
    ds, key = seam.ask_all(_about(zone or domain)[1:])
    nsec3 = seam.ask_all([_nsec3(zone or domain)])[0] if key.found or key.unchecked else None
    mx = (facts.mx.answer, *facts.mx.others) if facts.mx else ()
    about = (soa, key, *others, *mx)
    broken = tuple(a for a in about if a.outcome is Outcome.BOGUS)
    # a record set that is broken by itself, asked for once more with its signatures
    more = [Question(a.name, a.rtype, signed=True) for a in broken if a.rtype not in ("SOA", "DNSKEY")]
    broken = (*(a for a in broken if a.rtype in ("SOA", "DNSKEY")), *(a for a in seam.ask_all(more) if a.outcome is Outcome.BOGUS)) or broken

    keys = keys_of(key.values or key.unchecked)
    entries = ds_of(zone or domain, ds.values, keys)
    told = next((a for a in (*broken, soa, key, *others) if not a.unsure or a.outcome is Outcome.BOGUS), soa)
    server, probe = told.server, session.world.bogus_probe
    resolver = Resolver(server, session.world.validates(server), probe)
    state, reason = _state(told, resolver)
    if state == "bogus":
        reason = why_bogus(broken, entries, keys, session.now)
    validating = tuple(s for s in session.world.nameservers if session.world.validates(s))
    expires, left, lifetime = _expiry((soa, key, *others), session.now)
    out = DnssecFacts(
        domain, zone, state, reason, resolver, entries, keys, _linked(ds, key, entries), iterations_of(nsec3), expires, left, lifetime, {}, validating,
        set(validating) == set(session.world.nameservers), soa, ds, key, nsec3, broken, others,
    )  # fmt: skip
    hosts = {h.host: _host_state(out, h.answers) for h in facts.mx.hosts if h.answers} if facts.mx else {}
    return replace(out, hosts=hosts)


def _zone(seam: Seam, domain: str, soa: Answer) -> tuple[str | None, tuple[Answer, ...]]:
    """The name of the zone that holds the domain, and what was asked above it. An alias' SOA is that of its target."""
    name, at = domain, soa
    others: list[Answer] = []
    for _ in range(CLIMB + 1):
        if at.found and not at.aliases:
            return name, tuple(others)
        if at.unsure or not (name := _above(name)):
            break
        at = seam.ask_all([_about(name)[0]])[0]
        others.append(at)
    return None, tuple(others)


def _state(told: Answer, resolver: Resolver) -> tuple[str, str]:
    if told.outcome is Outcome.BOGUS:
        return "bogus", ""
    if told.unsure:
        return "unknown", "unanswered"
    state = _STATES[told.secure]
    if state != "unknown":
        return state, ""
    return state, "not-validating" if resolver.validates is False else "not-shown"


def _linked(ds: Answer, key: Answer, entries: tuple[Ds, ...]) -> bool | None:
    """RFC 4035 section 5.2: a zone is linked where one DS matches one key; DS that nobody here can compare say nothing."""
    if not ds.found or not (key.found or key.unchecked or key.outcome is Outcome.NODATA):
        return None
    told = [entry.matches for entry in entries if entry.matches is not None]
    return any(told) if told else None


def _expiry(answers: tuple[Answer, ...], now: datetime) -> tuple[datetime | None, int | None, int | None]:
    """Of each record set the signature that lasts longest; of those the one that ends first: when, hours until then, hours that it is made for."""
    best = [max(found, key=lambda s: s.expires) for a in answers if (found := signatures_of(a))]
    ends = min(best, key=lambda s: s.expires, default=None)
    if ends is None:
        return None, None, None
    return ends.expires, int((ends.expires - now).total_seconds() // 3600), int((ends.expires - ends.begins).total_seconds() // 3600)


def _host_state(facts: DnssecFacts, answers: tuple[Answer, ...]) -> str:
    states = {facts.state_of(a) for a in answers if not a.looped}
    # RFC 7672 section 2.1.1: the addresses of a host are secure where all of them are
    return next((s for s in ("bogus", "unknown", "draft", "insecure", "secure") if s in states), "unknown")
