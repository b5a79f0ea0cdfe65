"""Topic nameservers: do the servers of the domain's zone all answer, and do they say the same about its mail?

RFC 1034 sections 4.1 and 4.2.2, RFC 2181 section 10.3, RFC 2182, RFC 1912 section 2. Each server is asked directly (Seam.ask_at): a resolver
shows one answer, and what another server says is what other senders and receivers go by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from ...model import Answer, Outcome, Question, ScanInput, Secure
from ..addresses import is_reachable
from ..base import outside_zone_files
from .judge import judge as judge

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

    from ...edge.dns import Seam
    from ...edge.world import Session
    from ..facts import Facts

TOPIC = "nameservers"
NAMES = 6  # nameservers whose addresses are looked up
SERVERS = 4  # of them are asked, at one address each
CLIMB = 4  # names from the domain upwards at which its zone may begin

# the roles of questions, each followed by the domain that is scanned or the zone in question
_ZONE, _HOST, _PARENT, _TOP = "nsv-zone ", "nsv-host ", "nsv-parent ", "nsv-top "
ROLES = frozenset(role.rstrip() for role in (_ZONE, _HOST, _PARENT, _TOP))


# ------------------------------------------------------------------ facts


@dataclass(frozen=True, slots=True)
class NameserverHost:
    """One nameserver.

    state    ok | no-address | private | unknown | not-looked-up; alias: where its name leads
    address  the one that was asked; "" where none was
    says     answers | lame | recursive (answered as a resolver would) | refused | fails | silent | guarded | unknown | not-asked
    serial   of the zone, as this server has it
    """

    name: str
    addresses: tuple[str, ...]
    state: str
    alias: str | None = None
    address: str = ""
    says: str = "not-asked"
    serial: int | None = None
    answers: tuple[Answer, ...] = ()
    direct: tuple[Answer, ...] = ()  # SOA of the zone, MX and TXT of the domain, as this server has them


@dataclass(frozen=True, slots=True)
class Soa:
    """RFC 1035 section 3.3.13; negative_ttl: how long a "does not exist" is kept (RFC 2308 section 5)."""

    mname: str
    rname: str
    serial: int
    refresh: int
    retry: int
    expire: int
    negative_ttl: int


@dataclass(frozen=True, slots=True)
class NameserversFacts:
    """state: found | none (a zone without NS records) | shared (no zone of its own below a public suffix) | unknown.

    zone    the zone that holds the domain; parent: the nameservers that the zone above names for it, None where that was not seen
    alias   where an alias stands that may not stand there (at the top of a zone, or beside other records), its target; alias_at: its name
    drafted the zone comes from a file, so that its servers were not asked
    broken  its servers are known from the zone above alone: the resolver got no answer
    """

    domain: str
    zone: str | None
    state: str
    hosts: tuple[NameserverHost, ...] = ()
    soa: Soa | None = None
    parent: tuple[str, ...] | None = None
    alias: str | None = None
    alias_at: str = ""
    drafted: bool = False
    broken: bool = False
    answers: tuple[Answer, ...] = ()  # NS, from the domain upwards
    soa_answer: Answer | None = None
    parent_answer: Answer | None = None
    beside: tuple[Answer, ...] = ()  # what was asked at that name


# ------------------------------------------------------------------ which zone


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@lru_cache(maxsize=4096)
def _registered(domain: str) -> str:
    return domain if domain.count(".") < 2 else _suffixes().privatesuffix(domain) or domain


def _candidates(domain: str) -> list[str]:
    """The names at which the zone of a domain may begin, nearest first: never at a public suffix."""
    top, names = _registered(domain), [domain]
    while names[-1] != top and "." in names[-1]:
        names.append(names[-1].partition(".")[2])
    return names[:CLIMB] if len(names) <= CLIMB else [*names[: CLIMB - 1], top]


def _above(zone: str) -> str:
    return zone.partition(".")[2]


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:
    """The nameservers of each name at which the zone may begin, and of what lies above. Pure."""
    domain = wanted.domain.name
    for name in _candidates(domain):
        yield Question(name, "NS", role=_ZONE + domain)
    yield Question(_above(_registered(domain)), "NS", role=_PARENT + _registered(domain))


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """The addresses of the nameservers, and what each is asked. Pure. Nothing where a file holds the zone: a draft has no servers yet."""
    if not question.role.startswith("nsv-"):
        return
    kind, about = question.role[: question.role.index(" ") + 1], question.role.partition(" ")[2]
    live = answer.found and answer.secure is not Secure.DRAFT
    if kind == _ZONE and answer.found and not answer.aliases:
        for host in sorted(set(answer.values))[:NAMES]:
            yield Question(host, "A", role=f"{_HOST}{answer.name} {about}" if live else "")
    elif kind == _HOST and live:
        zone, _, domain = about.partition(" ")
        yield from _questions(_best(answer.values), zone, domain)
    elif kind == _PARENT and live:
        yield from (Question(host, "A", role=_TOP + about) for host in sorted(answer.values)[:1])
    elif kind == _TOP and live:
        yield from (Question(about, "NS", at=address) for address in answer.values[:1])


def _questions(address: str, zone: str, domain: str) -> tuple[Question, ...]:
    if not address:
        return ()
    return Question(zone, "SOA", at=address), Question(domain, "MX", at=address), Question(domain, "TXT", at=address)


def _best(addresses: tuple[str, ...]) -> str:
    """The address to ask a nameserver at: the first that can be reached; else the first, which the guard judges."""
    return next((a for a in addresses if is_reachable(a)), next(iter(addresses), ""))


def gather(session: Session, facts: Facts) -> NameserversFacts:
    """Find the zone of the domain and its nameservers, and ask at most four of them, at one address each, for SOA, MX and TXT.

    What the zone above says is asked of one of its servers. Waits at most some 3 seconds for servers that are dead.
    Cost: 1 to 4 questions for the zone, 1 or 2 for each of at most 6 nameservers, 3 to each of 4 of them, and 3 to see the zone above:
    15 for a domain with two nameservers.
    """
    seam, domain = session.dns, facts.input.domain.name
    if facts.mx is not None and facts.mx.exists is False:
        return NameserversFacts(domain, None, "unknown")
    answers: list[Answer] = []
    for name in _candidates(domain):
        answers.append(seam.ask(name, "NS"))
        if (answers[-1].unsure and not answers[-1].looped) or (answers[-1].found and not answers[-1].aliases):
            break
    last = answers[-1]
    at_domain = (answers[0], *seam.ask_all([Question(domain, "MX"), Question(domain, "TXT")]))  # as the topics mx and spf did
    if last.found and not last.aliases:
        drafted = last.secure is Secure.DRAFT
        parent = None if drafted else _seen_above(seam, last.name)
        held = _of_zone(seam, domain, last.name, last.values, tuple(answers), parent, drafted=drafted)
        told = (*at_domain, *(a for h in held.hosts for a in h.direct[1:]))
        return replace(held, **_alias(told, domain, top=last.name == domain))
    if last.unsure and not last.looped:
        # SERVFAIL is what a resolver says where every server of a zone is lame: the zone above tells which those are
        zone = _registered(domain)
        parent = _seen_above(seam, zone) if last.outcome in (Outcome.SERVFAIL, Outcome.TIMEOUT) else None
        if parent is not None and parent.found and not parent.authoritative:
            return _of_zone(seam, domain, zone, parent.values, tuple(answers), parent, broken=True)
        return NameserversFacts(domain, None, "unknown", answers=tuple(answers))
    top = _soa_answer(seam, last.name)
    if last.aliases or top.aliases:
        told = (last, top, *(at_domain if last.name == domain else ()))
        return NameserversFacts(domain, last.name, "none", answers=tuple(answers), soa_answer=top, **_alias(told, last.name, top=True))
    state = "unknown" if top.unsure else "none" if top.found else "shared"
    return NameserversFacts(domain, last.name if top.found else None, state, answers=tuple(answers), soa=_soa(top), soa_answer=top)


def _of_zone(
    seam: Seam, domain: str, zone: str, names: Iterable[str], answers: tuple[Answer, ...], parent: Answer | None, *, drafted: bool = False, broken: bool = False
) -> NameserversFacts:
    listed = sorted(set(names))
    hosts = _hosts(seam, listed[:NAMES])
    if not drafted:
        hosts = _asked(seam, zone, domain, hosts)
    hosts += [NameserverHost(name, (), "not-looked-up") for name in listed[NAMES:]]
    own = next((h.direct[0] for h in hosts if h.says == "answers" and h.direct[0].found), None)
    # of a zone in a file, and where no server was to be asked, the resolver's word is what there is
    soa_answer = own or (None if broken else _soa_answer(seam, zone))
    above = tuple(sorted(set(parent.values))) if parent is not None and parent.found and not parent.authoritative else None
    return NameserversFacts(
        domain,
        zone,
        "found",
        tuple(hosts),
        _soa(soa_answer),
        above,
        drafted=drafted,
        broken=broken,
        answers=answers,
        soa_answer=soa_answer,
        parent_answer=parent,
    )


def _alias(told: tuple[Answer, ...], name: str, *, top: bool) -> dict[str, Any]:
    """The fields about an alias that may not be there: at the `top` of a zone, or beside other records. RFC 1034 section 3.6.2."""
    told = tuple(a for a in told if a.name == name)
    target = next((a.aliases[-1] for a in told if a.aliases), None)
    if target is None or not (top or any(a.found and not a.aliases for a in told)):
        return {}
    return {"alias": target, "alias_at": name, "beside": tuple(a for a in told if a.aliases or a.found)}


def _soa_answer(seam: Seam, zone: str) -> Answer:
    """A resolver's word, asked as the topic dnssec asks it: one question for both."""
    return seam.ask_all([Question(zone, "SOA", signed=True)])[0]


def _seen_above(seam: Seam, zone: str) -> Answer | None:
    """The delegation of a zone as one server of the zone above has it. None where that cannot be seen."""
    above = seam.ask(_above(zone), "NS")
    if not above.found or above.secure is Secure.DRAFT:
        return None
    at = seam.ask(min(above.values), "A")
    return seam.ask_at(at.values[0], zone, "NS") if at.found else None


def _hosts(seam: Seam, names: list[str]) -> list[NameserverHost]:
    first_asked = seam.ask_all([Question(name, "A") for name in names])
    # an IPv6 address matters only where there is no other
    also = [name for name, a in zip(names, first_asked, strict=True) if not a.found]
    second = dict(zip(also, seam.ask_all([Question(name, "AAAA") for name in also]), strict=True))
    return [_host(name, (a, second[name]) if name in second else (a,)) for name, a in zip(names, first_asked, strict=True)]


def _host(name: str, answers: tuple[Answer, ...]) -> NameserverHost:
    addresses = tuple(value for answer in answers if answer.found for value in answer.values)
    without = "unknown" if any(a.unsure and not a.looped for a in answers) else "no-address"
    state = without if not addresses else "ok" if any(map(is_reachable, addresses)) else "private"
    alias = next((a.aliases[-1] for a in answers if a.aliases), None)
    return NameserverHost(name, addresses, state, alias, answers=answers)


def _asked(seam: Seam, zone: str, domain: str, hosts: list[NameserverHost]) -> list[NameserverHost]:
    """Puts three questions to each of the first servers that have an address; all of them at once."""
    places = {h.name: _best(h.addresses) for h in hosts if h.addresses}
    chosen = list(places)[:SERVERS]
    answers = iter(seam.ask_all([q for name in chosen for q in _questions(places[name], zone, domain)]))
    direct = {name: (next(answers), next(answers), next(answers)) for name in chosen}
    return [_told(h, places[h.name], direct[h.name]) if h.name in direct else h for h in hosts]


def _told(host: NameserverHost, address: str, direct: tuple[Answer, Answer, Answer]) -> NameserverHost:
    soa = direct[0]
    # one of three questions may get lost on the way; a server that answers another one is not dead
    says = next((said for said in map(_says, direct) if said != "silent"), "silent") if _says(soa) == "silent" else _says(soa)
    if soa.authoritative and soa.absent:
        says = "lame"  # it holds a zone above, and knows nothing of this one
    serial = read.serial if says == "answers" and (read := _soa(soa)) else None
    return NameserverHost(host.name, host.addresses, host.state, host.alias, address, says, serial, host.answers, direct)


_SAYS = {Outcome.REFUSED: "refused", Outcome.TIMEOUT: "silent", Outcome.SERVFAIL: "fails", Outcome.BOGUS: "fails", Outcome.ERROR: "fails"}


def _says(answer: Answer) -> str:
    if answer.authoritative:
        return "answers"
    if answer.authoritative is False:
        return "recursive" if answer.found else "lame"
    if answer.outcome is Outcome.NOT_ASKED:
        return "guarded" if answer.server and not outside_zone_files(answer) else "unknown"
    return _SAYS.get(answer.outcome, "unknown")


def _soa(answer: Answer | None) -> Soa | None:
    fields = answer.values[0].split() if answer is not None and answer.found and not answer.aliases else []
    if len(fields) != 7:
        return None
    serial, refresh, retry, expire, minimum = map(int, fields[2:])
    return Soa(fields[0], fields[1], serial, refresh, retry, expire, min(minimum, answer.ttl if answer and answer.ttl is not None else minimum))
