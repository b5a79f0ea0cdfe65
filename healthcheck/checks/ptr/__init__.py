"""Topic ptr: the reverse name of each sending address, and whether it leads back (FCrDNS). RFC 1912 section 2.1, RFC 8601 section 2.7.3.

For a domain that takes mail (profile "receiving") the addresses of its mail hosts are looked at the same way. The name that the sending
servers say in EHLO is looked at where the user gives it (helo.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...model import Answer, Outcome, Question, ScanInput
from ...profiles import profiles
from ..addresses import is_address, is_reachable, parse
from .generic import looks_generic as looks_generic
from .generic import reverse_name
from .helo import Helo, asked_of, helo_of
from .judge import judge as judge

if TYPE_CHECKING:
    from ...edge.world import Session
    from ..facts import Facts

TOPIC = "ptr"
ROLES = frozenset({"ptr", "ptr-of-host", "ptr-mx", "ptr-host"})
NAMES = 10  # as for SPF (RFC 7208 section 4.6.4): names beyond the tenth are not looked at
MAIL_HOSTS = 8  # addresses of mail hosts, best host first; those beyond are not looked at
THEIR_NAMES = 4


# ------------------------------------------------------------------ facts


@dataclass(frozen=True, slots=True)
class PtrAddress:
    """One sending address. state: confirmed | not-confirmed | no-name | private | unknown. generic: the name that looks like a provider's pattern."""

    ip: str
    names: tuple[str, ...]
    state: str
    confirmed: tuple[str, ...] = ()  # the names that lead back to the address
    generic: str | None = None
    answer: Answer | None = None
    forward: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class PtrFacts:
    """fcrdns: does every address have a name that leads back to it? None: not known for one of them, or none was given.

    mail_hosts  the same for the addresses of the mail hosts, where the profile asks for it; hosts_unsure: what kept one from being known
    helo        the name in EHLO; None where it was not given
    """

    fcrdns: bool | None
    ips: Mapping[str, PtrAddress]
    mail_hosts: Mapping[str, PtrAddress] = field(default_factory=dict)
    hosts_unsure: tuple[Answer, ...] = ()
    helo: Helo | None = None


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:
    """The reverse name of each address, and the name in EHLO; for a domain that takes mail, its mail hosts. Pure."""
    yield from asked_of(wanted)
    for ip in wanted.ips:
        if is_reachable(ip):
            yield Question(reverse_name(ip), "PTR", role="ptr")
    if profiles()[wanted.profile].mail_hosts:
        yield Question(wanted.domain.name, "MX", role="ptr-mx")


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """The addresses of the reverse names, of the family that was asked about; before them those of the mail hosts. Pure."""
    match question.role:
        case "ptr" | "ptr-of-host":
            rtype = "AAAA" if answer.name.endswith("ip6.arpa") else "A"
            for name in answer.values[: NAMES if question.role == "ptr" else THEIR_NAMES]:
                yield Question(name, rtype, role="ptr-name")
        case "ptr-mx":
            yield from _addresses_of(answer)
        case "ptr-host":
            yield from (Question(reverse_name(ip), "PTR", role="ptr-of-host") for ip in answer.values[:MAIL_HOSTS] if is_reachable(ip))


def gather(session: Session, facts: Facts) -> PtrFacts:
    """Look up the reverse name of each --ip, and the addresses of that name; the same for the mail hosts where the profile asks for it.

    Cost: at most 11 questions for each --ip, and 8 times 5 for the mail hosts, besides those that the topic mx asks anyway;
    3 for a name in EHLO, and what its SPF record leads to.
    """
    ips = _look_up(session, facts.input.ips, NAMES, "ptr")
    helo = helo_of(session.dns, facts.input)
    states = {a.state for a in ips.values()} - {"private"}
    fcrdns = False if states & {"no-name", "not-confirmed"} else True if states == {"confirmed"} else None
    if not profiles()[facts.input.profile].mail_hosts:
        return PtrFacts(fcrdns, ips, helo=helo)
    answer = session.dns.ask(facts.input.domain.name, "MX")
    hosts = session.dns.ask_all(list(_addresses_of(answer)))
    addresses = dict.fromkeys(ip for a in hosts for ip in a.values if is_reachable(ip))
    unsure = tuple(a for a in (answer, *hosts) if a.unsure and not a.looped)
    return PtrFacts(fcrdns, ips, _look_up(session, tuple(addresses)[:MAIL_HOSTS], THEIR_NAMES, "ptr-of-host"), unsure, helo)


def _addresses_of(answer: Answer) -> Iterator[Question]:
    """The questions for the addresses of the mail hosts that an MX answer names. RFC 7505: "." is none."""
    for _, host in answer.mx()[:MAIL_HOSTS]:
        if host not in ("", ".") and not is_address(host):
            yield Question(host, "A", role="ptr-host")
            yield Question(host, "AAAA", role="ptr-host")


def _look_up(session: Session, ips: tuple[str, ...], most: int, role: str) -> dict[str, PtrAddress]:
    reachable = [ip for ip in ips if is_reachable(ip)]
    answers = dict(zip(reachable, session.dns.ask_all([Question(reverse_name(ip), "PTR", role=role) for ip in reachable]), strict=True))
    return {ip: _address(session, ip, answers[ip], most) if ip in answers else PtrAddress(ip, (), "private") for ip in ips}


def _address(session: Session, ip: str, answer: Answer, most: int) -> PtrAddress:
    if answer.unsure:
        return PtrAddress(ip, (), "unknown", answer=answer)
    if not answer.found:
        return PtrAddress(ip, (), "no-name", answer=answer)
    address = parse(ip)
    rtype = "A" if address.version == 4 else "AAAA"
    names = answer.values[:most]
    forward = session.dns.ask_all([Question(name, rtype, role="ptr-name") for name in names])
    # RFC 8601 section 2.7.3: one of its names has to have the address among its own
    confirmed = tuple(name for name, a in zip(names, forward, strict=True) if a.found and address in {parse(v) for v in a.values})
    if not confirmed and most < NAMES:
        # a name that was not asked for may be the one that leads back
        forward = (*forward, *(Answer(name, rtype, Outcome.NOT_ASKED) for name in answer.values[most:NAMES]))
    state = "confirmed" if confirmed else "unknown" if any(a.unsure for a in forward) else "not-confirmed"
    generic = next((name for name in names if looks_generic(name, ip)), None) if state == "confirmed" else None
    return PtrAddress(ip, names, state, confirmed, generic, answer, forward)
