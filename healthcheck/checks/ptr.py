"""Topic ptr: the reverse name of each sending address, and whether it leads back (FCrDNS). RFC 1912 section 2.1, RFC 8601 section 2.7.3.

For a domain that takes mail (profile "receiving") the addresses of its mail hosts are looked at the same way.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from ..catalog import DATA
from ..model import Answer, Finding, Outcome, Question, ScanInput, Status
from ..profiles import profiles
from .addresses import is_address, is_reachable, parse, reversed_labels
from .base import could_not_check, finding

if TYPE_CHECKING:
    from ..edge.world import Session
    from .facts import Facts

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
    """

    fcrdns: bool | None
    ips: Mapping[str, PtrAddress]
    mail_hosts: Mapping[str, PtrAddress] = field(default_factory=dict)
    hosts_unsure: tuple[Answer, ...] = ()


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:
    """The reverse name of each address; for a domain that takes mail, its mail hosts. Pure."""
    for ip in wanted.ips:
        if is_reachable(ip):
            yield Question(_reverse(ip), "PTR", role="ptr")
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
            yield from (Question(_reverse(ip), "PTR", role="ptr-of-host") for ip in answer.values[:MAIL_HOSTS] if is_reachable(ip))


def gather(session: Session, facts: Facts) -> PtrFacts:
    """Look up the reverse name of each --ip, and the addresses of that name; the same for the mail hosts where the profile asks for it.

    Cost: at most 11 questions for each --ip, and 8 times 5 for the mail hosts, besides those that the topic mx asks anyway.
    """
    ips = _look_up(session, facts.input.ips, NAMES, "ptr")
    states = {a.state for a in ips.values()} - {"private"}
    fcrdns = False if states & {"no-name", "not-confirmed"} else True if states == {"confirmed"} else None
    if not profiles()[facts.input.profile].mail_hosts:
        return PtrFacts(fcrdns, ips)
    answer = session.dns.ask(facts.input.domain.name, "MX")
    hosts = session.dns.ask_all(list(_addresses_of(answer)))
    addresses = dict.fromkeys(ip for a in hosts for ip in a.values if is_reachable(ip))
    unsure = tuple(a for a in (answer, *hosts) if a.unsure and not a.looped)
    return PtrFacts(fcrdns, ips, _look_up(session, tuple(addresses)[:MAIL_HOSTS], THEIR_NAMES, "ptr-of-host"), unsure)


def _addresses_of(answer: Answer) -> Iterator[Question]:
    """The questions for the addresses of the mail hosts that an MX answer names. RFC 7505: "." is none."""
    for _, host in answer.mx()[:MAIL_HOSTS]:
        if host not in ("", ".") and not is_address(host):
            yield Question(host, "A", role="ptr-host")
            yield Question(host, "AAAA", role="ptr-host")


def _look_up(session: Session, ips: tuple[str, ...], most: int, role: str) -> dict[str, PtrAddress]:
    reachable = [ip for ip in ips if is_reachable(ip)]
    answers = dict(zip(reachable, session.dns.ask_all([Question(_reverse(ip), "PTR", role=role) for ip in reachable]), strict=True))
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


def _reverse(ip: str) -> str:
    return parse(ip).reverse_pointer


# ------------------------------------------------------------------ generic names


@cache
def _words() -> dict[str, frozenset[str]]:
    return {key: frozenset(words) for key, words in tomllib.loads((DATA / "reverse_names.toml").read_text(encoding="utf-8")).items()}


def looks_generic(name: str, ip: str) -> bool:
    """Does a reverse name look like a provider's pattern rather than one that somebody chose for a mail host? Pure.

    A guess from words and numbers (data/reverse_names.toml); no standard says what a generic name is.

    >>> looks_generic("203-0-113-9.dyn.example.net", "203.0.113.9"), looks_generic("mail.example.com", "203.0.113.9")
    (True, False)
    """
    words = {w.rstrip("0123456789") for w in re.split(r"[.-]", name.lower())}
    if words & _words()["ours"]:
        return False
    return bool(words & _words()["strong"]) or (_holds(name.lower(), ip) and (bool(words & _words()["words"]) or _spelt_out(name, ip)))


def _holds(name: str, ip: str) -> bool:
    """Do two or more numbers of the address stand in the name's first labels?"""
    if ":" in ip:
        return reversed_labels(ip)[:15].replace(".", "")[::-1] in name.replace(".", "").replace("-", "")
    octets, numbers = ip.split("."), re.findall(r"\d+", name)
    return len({o for o in octets if o in numbers or o.zfill(3) in numbers}) >= 2


def _spelt_out(name: str, ip: str) -> bool:
    """Does the whole address stand in the name, in either direction?"""
    if ":" in ip:
        return True
    octets, numbers = ip.split("."), [n.lstrip("0") or "0" for n in re.findall(r"\d+", name)]
    return any(numbers[i : i + 4] in (octets, octets[::-1]) for i in range(len(numbers))) or "".join(o.zfill(3) for o in octets) in name


# ------------------------------------------------------------------ judge


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about reverse names. Pure. RFC 1912 section 2.1; Gmail refuses mail from an address without one (550 5.7.25)."""
    ptr = facts.ptr
    if ptr is None:
        return
    if not ptr.ips and not ptr.mail_hosts and not ptr.hosts_unsure:
        yield finding("PTR004", Status.NOTE, facts.input.domain.name, domain=facts.input.domain.name)
    for ip, at in ptr.ips.items():
        evidence = (*([at.answer] if at.answer else []), *at.forward)
        names = ", ".join(at.names)
        match at.state:
            case "private":
                yield finding("PTR006", Status.NOTE, ip, ip=ip)
            case "unknown":
                yield from could_not_check("PTR", ip, evidence)
            case "no-name":
                yield finding("PTR001", Status.FAIL, ip, evidence, ip=ip, name=_reverse(ip))
            case "not-confirmed":
                found = ", ".join(v for a in at.forward for v in a.values)
                yield finding("PTR002" if found else "PTR007", Status.FAIL, ip, evidence, ip=ip, names=names, found=found)
            case _:
                if at.generic:
                    yield finding("PTR003", Status.WARN, ip, evidence, ip=ip, names=at.generic)
                yield finding("PTR005", Status.PASS, ip, evidence, ip=ip, names=", ".join(at.confirmed))
    yield from _mail_hosts(ptr, facts.input.domain.name)


def _mail_hosts(ptr: PtrFacts, domain: str) -> Iterator[Finding]:
    """The addresses that take the mail: they answer with bounces of their own, which others judge by their reverse name."""
    good = [at for at in ptr.mail_hosts.values() if at.state == "confirmed"]
    for ip, at in ptr.mail_hosts.items():
        evidence = (*([at.answer] if at.answer else []), *at.forward)
        if at.state == "no-name":
            yield finding("PTR008", Status.WARN, ip, evidence, ip=ip, name=_reverse(ip), domain=domain)
        elif at.state == "not-confirmed":
            yield finding("PTR009", Status.WARN, ip, evidence, ip=ip, names=", ".join(at.names), domain=domain)
    unsure = [a for at in ptr.mail_hosts.values() if at.state == "unknown" for a in ([at.answer] if at.answer else []) + list(at.forward)]
    yield from could_not_check("PTR", domain, [*ptr.hosts_unsure, *unsure])
    if good:
        evidence_of = [a for at in good for a in ([at.answer] if at.answer else []) + list(at.forward)]
        yield finding("PTR010", Status.PASS, domain, evidence_of, domain=domain, hosts=", ".join(f"{at.ip} ({at.confirmed[0]})" for at in good))
