"""Topic ptr: the reverse name of each sending address, and whether it leads back (FCrDNS). RFC 1912 section 2.1, RFC 8601 section 2.7.3."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ..catalog import DATA
from ..model import Answer, Finding, Question, ScanInput, Status
from .addresses import is_reachable, parse, reversed_labels
from .base import could_not_check, finding

if TYPE_CHECKING:
    from ..edge.world import Session
    from .facts import Facts

TOPIC = "ptr"
NAMES = 10  # as for SPF (RFC 7208 section 4.6.4): names beyond the tenth are not looked at


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
    """fcrdns: does every address have a name that leads back to it? None: not known for one of them, or none was given."""

    fcrdns: bool | None
    ips: Mapping[str, PtrAddress]


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:
    """The reverse name of each address. Pure."""
    for ip in wanted.ips:
        if is_reachable(ip):
            yield Question(_reverse(ip), "PTR", role="ptr")


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """The addresses of the reverse names, of the family that was asked about. Pure."""
    if question.role == "ptr":
        rtype = "AAAA" if answer.name.endswith("ip6.arpa") else "A"
        for name in answer.values[:NAMES]:
            yield Question(name, rtype, role="ptr-name")


def gather(session: Session, facts: Facts) -> PtrFacts:
    """Look up the reverse name of each --ip, and the addresses of that name."""
    reachable = [ip for ip in facts.input.ips if is_reachable(ip)]
    answers = dict(zip(reachable, session.dns.ask_all([Question(_reverse(ip), "PTR", role="ptr") for ip in reachable]), strict=True))
    ips = {ip: _address(session, ip, answers[ip]) if ip in answers else PtrAddress(ip, (), "private") for ip in facts.input.ips}
    states = {a.state for a in ips.values()} - {"private"}
    fcrdns = False if states & {"no-name", "not-confirmed"} else True if states == {"confirmed"} else None
    return PtrFacts(fcrdns, ips)


def _address(session: Session, ip: str, answer: Answer) -> PtrAddress:
    if answer.unsure:
        return PtrAddress(ip, (), "unknown", answer=answer)
    if not answer.found:
        return PtrAddress(ip, (), "no-name", answer=answer)
    address = parse(ip)
    names = answer.values[:NAMES]
    forward = session.dns.ask_all([Question(name, "A" if address.version == 4 else "AAAA", role="ptr-name") for name in names])
    # RFC 8601 section 2.7.3: one of its names has to have the address among its own
    confirmed = tuple(name for name, a in zip(names, forward, strict=True) if a.found and address in {parse(v) for v in a.values})
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
    if not ptr.ips:
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
