"""Topic mx: who takes the domain's mail. RFC 5321 section 5, RFC 7505 (null MX), RFC 2181 section 10.3 (no alias)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..model import Answer, Finding, Outcome, Question, ScanInput, Status
from .addresses import is_address, is_reachable
from .base import could_not_check, finding

if TYPE_CHECKING:
    from ..edge.dns import Seam
    from ..edge.world import Session
    from .facts import Facts

TOPIC = "mx"
ROLES = frozenset({"mx"})
HOSTS = 20  # more hosts than any honest domain has; those beyond are not looked up


# ------------------------------------------------------------------ facts


@dataclass(frozen=True, slots=True)
class MxHost:
    """One mail host. state: ok | null | no-address | no-such-name | private | literal | unknown; alias: where its name leads."""

    host: str
    preference: int
    addresses: tuple[str, ...]
    state: str
    alias: str | None = None
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class MxFacts:
    """state: present | null | implicit | none | no-domain | unknown. exists: False only where the DNS says that the domain is not there."""

    domain: str
    state: str
    exists: bool | None
    hosts: tuple[MxHost, ...]
    answer: Answer
    others: tuple[Answer, ...] = ()  # what else was asked to decide the state

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that takes the domain's mail, best host first, once each."""
        return tuple(dict.fromkeys(a for h in self.hosts if h.state == "ok" for a in h.addresses))


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:
    """What can be asked before anything is known. Pure."""
    yield Question(wanted.domain.name, "MX", role="mx")


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """The addresses of the hosts that an MX answer names, or of the domain itself where it names none. Pure."""
    if question.role != "mx":
        return
    implicit = [answer.name] if answer.outcome is Outcome.NODATA else []
    for host in [host for _, host in answer.mx()][:HOSTS] or implicit:
        if _can_be_asked(host):
            yield Question(host, "A", role="mx-host")
            yield Question(host, "AAAA", role="mx-host")


def gather(session: Session, facts: Facts) -> MxFacts:
    """Look up the domain's mail hosts and their addresses."""
    seam, domain = session.dns, facts.input.domain.name
    answer = seam.ask(domain, "MX")
    if answer.unsure:
        return MxFacts(domain, "unknown", None, (), answer)
    # RFC 6604 section 2: NXDOMAIN of an alias speaks of its target only
    if answer.outcome is Outcome.NXDOMAIN and not answer.aliases:
        # RFC 8020: NXDOMAIN speaks for the whole name. Servers that say so of one type only exist, so a second type is heard.
        text = seam.ask(domain, "TXT")
        if text.found or text.outcome is Outcome.NODATA:
            return MxFacts(domain, "none", True, (), answer, (text,))
        return MxFacts(domain, "no-domain", False, (), answer, (text,))
    if answer.found:
        pairs = answer.mx()
        _look_up(seam, [host for _, host in pairs[:HOSTS] if _can_be_asked(host)])
        hosts = tuple(_host(seam, preference, host) for preference, host in pairs[:HOSTS])
        return MxFacts(domain, "null" if all(h.state == "null" for h in hosts) else "present", True, hosts, answer)
    # RFC 5321 section 5.1: without MX records the domain's own addresses take its mail
    _look_up(seam, [domain])
    host = _host(seam, 0, domain)
    state = {"unknown": "unknown", "ok": "implicit", "private": "implicit"}.get(host.state, "none")
    return MxFacts(domain, state, True, (host,) if host.addresses else (), answer, host.answers)


def _can_be_asked(host: str) -> bool:
    return host not in ("", ".") and not is_address(host)


def _look_up(seam: Seam, hosts: list[str]) -> None:
    seam.ask_all([Question(host, rtype, role="mx-host") for host in hosts for rtype in ("A", "AAAA")])


def _host(seam: Seam, preference: int, host: str) -> MxHost:
    if host in ("", "."):
        return MxHost(".", preference, (), "null")
    if is_address(host):
        return MxHost(host, preference, (), "literal")
    answers = (seam.ask(host, "A"), seam.ask(host, "AAAA"))
    addresses = tuple(value for answer in answers if answer.found for value in answer.values)
    if not addresses and any(a.looped for a in answers):  # a CNAME stands for every type: what one type shows to lead nowhere leads nowhere
        return MxHost(host, preference, (), "no-address", None, answers)
    if addresses:
        state = "ok" if any(is_reachable(a) for a in addresses) else "private"
        if state == "private" and any(a.unsure for a in answers):
            state = "unknown"
    elif any(a.unsure for a in answers):
        state = "unknown"
    else:
        state = "no-such-name" if all(a.outcome is Outcome.NXDOMAIN for a in answers) else "no-address"
    alias = next((a.aliases[-1] for a in answers if a.aliases), None)
    return MxHost(host, preference, addresses, state, alias, answers)


# ------------------------------------------------------------------ judge


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about who takes the domain's mail. Pure. RFC 5321 section 5.1, RFC 7505, RFC 2181 section 10.3."""
    mx = facts.mx
    if mx is None:
        return
    evidence = (mx.answer, *mx.others)
    match mx.state:
        case "unknown":
            yield from could_not_check("MX", mx.domain, evidence)
        case "no-domain":
            yield finding("DOM001", Status.FAIL, mx.domain, evidence, domain=mx.domain)
        case "none":
            yield finding("MX001", Status.FAIL if _sends(facts) else Status.NOTE, mx.domain, evidence, domain=mx.domain)
        case "implicit":
            yield finding("MX002", Status.WARN, mx.domain, evidence, domain=mx.domain, addresses=", ".join(mx.hosts[0].addresses))
            yield from _host_findings(mx)
        case "null":
            yield finding("MX003", _null_status(facts), mx.domain, evidence, domain=mx.domain, text=", ".join(mx.answer.values))
        case _:
            yield from _present(mx)


def _present(mx: MxFacts) -> Iterator[Finding]:
    if any(h.state == "null" for h in mx.hosts):
        # RFC 7505 section 3: a null MX beside others is no null MX, and no valid set either
        others = ", ".join(f"{h.preference} {h.host}" for h in mx.hosts if h.state != "null")
        yield finding("MX004", Status.FAIL, mx.domain, (mx.answer,), domain=mx.domain, others=others)
    yield from _host_findings(mx)
    working = [h for h in mx.hosts if h.state == "ok"]
    if working:
        yield finding(
            "MX010",
            Status.PASS,
            mx.domain,
            (mx.answer, *(a for h in working for a in h.answers)),
            domain=mx.domain,
            hosts=", ".join(f"{h.preference} {h.host}" for h in working),
        )
    if len(mx.hosts) == 1 and working:
        yield finding("MX009", Status.NOTE, mx.domain, (mx.answer,), domain=mx.domain, host=mx.hosts[0].host)


_HOST_CODES = {"no-such-name": "MX006", "no-address": "MX006", "private": "MX007", "literal": "MX008"}


def _host_findings(mx: MxFacts) -> Iterator[Finding]:
    # one host that works takes the mail in place of a broken one; where a host could not be looked up it may be that one
    others = len(mx.answer.values) > HOSTS or any(h.state in ("ok", "unknown") for h in mx.hosts)
    status = Status.WARN if others else Status.FAIL
    for host in mx.hosts:
        values: dict[str, Any] = {"domain": mx.domain, "host": host.host, "addresses": ", ".join(host.addresses), "target": host.alias or ""}
        evidence = (mx.answer, *host.answers)
        if host.state == "unknown":
            yield from could_not_check("MX", host.host, host.answers)
        elif code := _HOST_CODES.get(host.state):
            yield finding(code, status, host.host, evidence, **values)
        # RFC 5321 section 5.1: an MX record names a host with addresses of its own; RFC 2181 section 10.3: never an alias
        if host.alias and mx.state == "present":
            yield finding("MX005", Status.WARN, host.host, evidence, **values)


def _sends(facts: Facts) -> bool:
    return not facts.sends_nothing


def _null_status(facts: Facts) -> Status:
    """RFC 7505 section 4.2: receivers may refuse mail from a domain that takes none; for one that sends none it is right."""
    if not _sends(facts):
        return Status.NOTE
    return Status.FAIL if facts.input.ips or (facts.spf and facts.spf.record) else Status.WARN
