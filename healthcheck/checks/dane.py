"""Topic dane: TLSA records of the mail hosts, and whether senders may use them. RFC 6698, RFC 7671, RFC 7672 (SMTP).

Whether the certificate fits is told where the mail hosts were asked (topic starttls); nothing is connected for it here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ..model import Answer, Finding, Outcome, Question, ScanInput, Status
from .base import because, could_not_check, finding

if TYPE_CHECKING:
    from ..edge.world import Session
    from .facts import Facts

TOPIC = "dane"
ROLES = frozenset({"mx", "mx-host"})
HOSTS = 8  # best host first; those beyond are not looked up
LENGTHS = {1: 32, 2: 64}  # octets of SHA2-256 and SHA2-512 (RFC 6698 section 2.1.3)
DIGESTS = {1: "sha256", 2: "sha512"}


# ------------------------------------------------------------------ facts


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One TLSA record. problem: "" where a sender can use it, else a key of [DAN006.reasons]."""

    usage: int
    selector: int
    matching: int
    data: str  # hexadecimal, lower case
    problem: str = ""

    def shown(self) -> str:
        short = self.data if len(self.data) <= 64 else self.data[:61] + "…"
        return f"{self.usage} {self.selector} {self.matching} {short}"


@dataclass(frozen=True, slots=True)
class DaneHost:
    """One mail host.

    state      works       records that senders use, in signed zones
               unusable    records in signed zones, none of which a sender can use
               ignored     records that no sender looks at, as the host's addresses or the records are not signed
               unproven    records, and whether they are signed is not known
               draft       records in a zone file
               none        no record
               failing     the host is in a signed zone, and asking for its records fails (SERVFAIL, or DNSSEC is broken)
               unknown     it could not be looked up
    addresses  the DNSSEC state of the host's addresses: secure | insecure | bogus | unknown | draft
    base       the name that the records are published for: the host's, or that which it is an alias of
    """

    host: str
    state: str
    addresses: str
    base: str
    records: tuple[Tlsa, ...] = ()
    answers: tuple[Answer, ...] = ()

    @property
    def usable(self) -> tuple[Tlsa, ...]:
        return tuple(r for r in self.records if not r.problem)


@dataclass(frozen=True, slots=True)
class DaneFacts:
    """mx_state: the DNSSEC state of the MX records. left: how many mail hosts were not looked at."""

    domain: str
    mx_state: str
    hosts: tuple[DaneHost, ...]
    left: int


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:  # noqa: ARG001 - it begins with the answer about MX
    """Nothing before the mail hosts are known. Pure."""
    yield from ()


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """The records of the hosts that an MX answer names, and of the names that these are aliases of. Pure."""
    if question.role == "mx":
        hosts = [host for _, host in answer.mx()][:HOSTS] if answer.found else [answer.name] if answer.outcome is Outcome.NODATA else []
        yield from (_question(host) for host in hosts if host not in ("", "."))
    elif question.role == "mx-host" and answer.aliases and not answer.unsure:
        yield _question(answer.aliases[-1])


def _question(base: str) -> Question:
    return Question(f"_25._tcp.{base}", "TLSA", role="dane", signed=True)


def gather(session: Session, facts: Facts) -> DaneFacts:
    """Look up the TLSA records of each mail host. Cost: one question for each of at most 8 hosts, two where it is an alias."""
    mx, dnssec, domain = facts.mx, facts.dnssec, facts.input.domain.name
    if mx is None or dnssec is None:
        return DaneFacts(domain, "unknown", (), 0)
    hosts = [h for h in mx.hosts if h.state not in ("null", "literal", "no-such-name", "no-address")]
    looked = [(h, [_question(base) for base in dict.fromkeys(filter(None, (h.alias, h.host)))]) for h in hosts[:HOSTS]]
    session.dns.ask_all([question for _, questions in looked for question in questions])
    found = tuple(_host(facts, host.host, host.alias, session.dns.ask_all(questions)) for host, questions in looked)
    return DaneFacts(domain, dnssec.state_of(mx.answer), found, max(0, len(hosts) - HOSTS))


def _host(facts: Facts, host: str, alias: str | None, answers: tuple[Answer, ...]) -> DaneHost:
    assert facts.dnssec is not None
    state_of = facts.dnssec.state_of
    addresses = facts.dnssec.hosts.get(host, "unknown")
    # RFC 7672 section 2.2.3: the records of the expanded name come first; the host's own count where that one has none
    at = next((a for a in answers if a.found), None)
    if at is None:
        state = "none"
        failed = [a for a in answers if a.unsure]
        if failed:
            hard = [a for a in failed if a.outcome in (Outcome.SERVFAIL, Outcome.BOGUS)]
            state = "failing" if hard and addresses == "secure" else "unknown"
        return DaneHost(host, state, addresses, host, (), answers)
    base = at.name.removeprefix("_25._tcp.")
    records = tuple(r for value in at.values if (r := parse(value)) is not None)
    # RFC 7672 section 2.2.2: of an alias whose target is not signed the records at its own, signed name still count
    standing = "secure" if state_of(at) == "secure" and alias and base == host else addresses
    state = _state((standing, state_of(at)), any(not r.problem for r in records))
    return DaneHost(host, state, addresses, base, records, (at, *(a for a in answers if a is not at)))


def _state(standing: tuple[str, str], usable: bool) -> str:
    """RFC 7672 section 2.2: addresses and records have to be secure, each by itself."""
    if "insecure" in standing:
        return "ignored"
    if "draft" in standing:
        return "draft"
    if "unknown" in standing or "bogus" in standing:
        return "unproven"
    return "works" if usable else "unusable"


def parse(value: str) -> Tlsa | None:
    """A TLSA record from presentation form; None for what is none. Pure. RFC 6698 section 2.1, RFC 7672 section 3.1.

    >>> parse("3 1 1 abcd").problem
    'length'
    """
    fields = value.split()
    if len(fields) < 3 or not all(f.isdigit() for f in fields[:3]):
        return None
    usage, selector, matching = (int(f) for f in fields[:3])
    data = "".join(fields[3:]).lower()
    return Tlsa(usage, selector, matching, data, _problem(usage, selector, matching, data))


def _problem(usage: int, selector: int, matching: int, data: str) -> str:
    if usage in (0, 1):
        return "pkix"  # RFC 7672 section 3.1.3
    if usage not in (2, 3):
        return "usage"
    if selector not in (0, 1):
        return "selector"
    if matching not in (0, 1, 2):
        return "matching"
    octets = len(data) // 2
    if octets == LENGTHS.get(matching, octets) and octets:
        # the shortest that a key or a certificate can be, by far (a P-256 key has 91 octets, an Ed25519 key 44)
        return "" if matching or octets >= 40 else "full"
    # hexadecimal digits that were taken for octets make a digest of twice the length
    return "length"


# ------------------------------------------------------------------ judge


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about DANE. Pure. RFC 7672 sections 2.2 and 3.1, RFC 7671 section 8. A domain without DANE gets a note."""
    dane = facts.dane
    if dane is None or facts.mx is None:
        return
    unsure = tuple(a for h in dane.hosts if h.state == "unknown" for a in h.answers)
    if facts.mx.state == "unknown":
        yield from could_not_check("DAN", dane.domain, (facts.mx.answer, *facts.mx.others))
        return
    if not dane.hosts:
        yield finding("DAN017", Status.NOTE, dane.domain, (facts.mx.answer,), domain=dane.domain)
        return
    yield from could_not_check("DAN", dane.domain, unsure)
    for host in dane.hosts:
        yield from _one(facts, dane, host)
    yield from _together(facts, dane)


def _one(facts: Facts, dane: DaneFacts, host: DaneHost) -> Iterator[Finding]:
    values: dict[str, Any] = {"domain": dane.domain, "host": host.host, "name": f"_25._tcp.{host.base}", "records": _shown(host.records)}
    match host.state:
        case "failing":
            failed = [a for a in host.answers if a.unsure]
            values["name"], values["outcome"], values["detail"] = failed[0].name, failed[0].outcome.value, failed[0].detail or failed[0].outcome.value
            yield finding("DAN004", Status.FAIL, host.host, failed, **values)
        case "ignored":
            which = "addresses" if host.addresses == "insecure" else "records"
            yield finding("DAN003", Status.WARN, host.host, host.answers[:1], reason=because("DAN003", which), **values)
        case "unusable":
            reasons = _reasons(host)
            yield finding("DAN005", Status.WARN, host.host, host.answers[:1], reason=reasons, **values)
        case "unproven":
            detail = f"{host.answers[0].server}: {because('DAN000', 'unproven')}"
            yield finding("DAN000", Status.UNKNOWN, host.host, host.answers[:1], what=values["name"], outcome="unproven", detail=detail)
        case "draft":
            yield finding("DAN016", Status.NOTE, host.host, host.answers[:1], **values)
    if host.state in ("works", "unproven", "draft"):
        yield from _records(host, values)
    if host.state in ("works", "unproven") and host.usable:
        yield from _greeted(facts, host, values)


def _records(host: DaneHost, values: dict[str, Any]) -> Iterator[Finding]:
    """About the records themselves. RFC 7671 sections 5.1, 8.1 and 10.1.2."""
    evidence = host.answers[:1]
    if broken := [r for r in host.records if r.problem]:
        yield finding("DAN006", Status.WARN, host.host, evidence, reason=_reasons(host), **values | {"records": _shown(broken)})
    if full := [r for r in host.usable if r.matching == 0]:
        yield finding("DAN007", Status.NOTE, host.host, evidence, **values | {"records": _shown(full)})
    if pinned := [r for r in host.usable if (r.usage, r.selector) == (3, 0)]:
        yield finding("DAN015", Status.NOTE, host.host, evidence, **values | {"records": _shown(pinned)})
    if len(host.usable) == 1 and host.usable[0].usage == 3:
        yield finding("DAN009", Status.NOTE, host.host, evidence, **values)
    # RFC 7671 section 8.1: the present key and the next one; section 8.4: the present key and the authority that signs the next
    if any(_differ(a, b) for a, b in combinations([r for r in host.usable if r.selector == 1 or r.usage == 2], 2)):
        yield finding("DAN011", Status.PASS, host.host, evidence, **values | {"records": _shown(host.usable)})


def _differ(one: Tlsa, other: Tlsa) -> bool:
    """Do two records stand for two keys? Digests of two kinds may be of the same key (RFC 7671 section 9), and so may records of two usages."""
    if one.selector == other.selector and one.matching == other.matching:
        return one.data != other.data
    if one.selector == other.selector and 0 in (one.matching, other.matching):
        whole, digest = (one, other) if one.matching == 0 else (other, one)
        return hashlib.new(DIGESTS[digest.matching], bytes.fromhex(whole.data)).hexdigest() != digest.data
    return one.usage != other.usage


def _greeted(facts: Facts, host: DaneHost, values: dict[str, Any]) -> Iterator[Finding]:
    """What the host itself showed, where it was asked. RFC 7672 section 2.2: with records that can be used, TLS and a fitting certificate are a must."""
    seen = [s for s in facts.starttls.hosts if s.host == host.host] if facts.starttls else []
    status = Status.FAIL if host.state == "works" else Status.WARN
    evidence = host.answers[:1]
    if plain := [s for s in seen if s.state in ("not-offered", "masked", "refused")]:
        yield finding("DAN014", status, host.host, (*evidence, *(s.evidence for s in plain if s.evidence)), **values, address=plain[0].address)
    shown = [s for s in seen if s.dane]
    if odd := [s for s in shown if s.dane != "matches"]:
        key = odd[0].certificate.key if odd[0].certificate else ""
        told = values | {"reason": because("DAN012", odd[0].dane), "address": odd[0].address, "key": key}
        yield finding("DAN012", status, host.host, (*evidence, *(s.evidence for s in odd if s.evidence)), **told)
    elif shown:
        yield finding("DAN013", Status.PASS, host.host, (*evidence, *(s.evidence for s in shown if s.evidence)), **values)


def _together(facts: Facts, dane: DaneFacts) -> Iterator[Finding]:
    assert facts.mx is not None
    working = [h for h in dane.hosts if h.state == "works"]
    without = [h for h in dane.hosts if h.state == "none"]
    evidence = [a for h in dane.hosts for a in h.answers[:1]]
    values: dict[str, Any] = {"domain": dane.domain, "hosts": _names(working), "others": _names(without)}
    if len(without) == len(dane.hosts):
        states = {h.addresses for h in without}
        # who could publish them: a host in an unsigned zone has to be signed first
        reason = (
            "ready"
            if states == {"secure"} and dane.mx_state == "secure"
            else "host"
            if "insecure" in states
            else "domain"
            if dane.mx_state == "insecure"
            else "open"
        )
        yield finding("DAN001", Status.NOTE, dane.domain, evidence, reason=because("DAN001", reason), **values | {"hosts": _names(without)})
    elif without and any(h.state in ("works", "draft", "unproven") for h in dane.hosts):
        there = [h for h in dane.hosts if h.state in ("works", "draft", "unproven")]
        yield finding("DAN008", Status.WARN, dane.domain, evidence, **values | {"hosts": _names(there)})
    if not working:
        return
    if dane.mx_state == "secure":
        yield finding("DAN010", Status.PASS, dane.domain, (facts.mx.answer, *(h.answers[0] for h in working)), **values)
    elif dane.mx_state == "insecure":
        yield finding("DAN002", Status.NOTE, dane.domain, (facts.mx.answer, *(h.answers[0] for h in working)), **values)


def _reasons(host: DaneHost) -> str:
    return ", ".join(dict.fromkeys(because("DAN006", r.problem) for r in host.records if r.problem))


def _shown(records: tuple[Tlsa, ...] | list[Tlsa]) -> str:
    return "; ".join(r.shown() for r in records)


def _names(hosts: list[DaneHost]) -> str:
    return ", ".join(h.host for h in hosts) or "-"
