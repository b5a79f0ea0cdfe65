"""What the reverse names and the HELO name mean. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...model import Finding, Record, Status
from ..base import because, could_not_check, finding
from .generic import reverse_name

if TYPE_CHECKING:
    from ..facts import Facts
    from . import PtrFacts
    from .helo import Helo

# what a form of the name is to receivers that look at it
_FORMS = {"literal": Status.WARN, "internal": Status.WARN}
_REFUSED = ("fail", "softfail", "permerror")


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about reverse names and the name in EHLO. Pure. RFC 1912 section 2.1, RFC 5321 section 4.1.1.1; Gmail refuses mail from an address without
    a reverse name (550 5.7.25).
    """
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
                yield finding("PTR001", Status.FAIL, ip, evidence, ip=ip, name=reverse_name(ip))
                if ":" in ip:
                    yield finding("PTR012", Status.NOTE, ip, evidence, ip=ip, name=reverse_name(ip))
            case "not-confirmed":
                found = ", ".join(v for a in at.forward for v in a.values)
                yield finding("PTR002" if found else "PTR007", Status.FAIL, ip, evidence, ip=ip, names=names, found=found)
            case _:
                if at.generic:
                    yield finding("PTR003", Status.WARN, ip, evidence, ip=ip, names=at.generic)
                yield finding("PTR005", Status.PASS, ip, evidence, ip=ip, names=", ".join(at.confirmed))
    yield from _mail_hosts(ptr, facts.input.domain.name)
    if ptr.helo is not None:
        yield from _helo(ptr.helo, {facts.input.domain.name, facts.input.mail_from or ""})


def _mail_hosts(ptr: PtrFacts, domain: str) -> Iterator[Finding]:
    """The addresses that take the mail: they answer with bounces of their own, which others judge by their reverse name."""
    good = [at for at in ptr.mail_hosts.values() if at.state == "confirmed"]
    for ip, at in ptr.mail_hosts.items():
        evidence = (*([at.answer] if at.answer else []), *at.forward)
        if at.state == "no-name":
            yield finding("PTR008", Status.WARN, ip, evidence, ip=ip, name=reverse_name(ip), domain=domain)
        elif at.state == "not-confirmed":
            yield finding("PTR009", Status.WARN, ip, evidence, ip=ip, names=", ".join(at.names), domain=domain)
    unsure = [a for at in ptr.mail_hosts.values() if at.state == "unknown" for a in ([at.answer] if at.answer else []) + list(at.forward)]
    yield from could_not_check("PTR", domain, [*ptr.hosts_unsure, *unsure])
    if good:
        evidence_of = [a for at in good for a in ([at.answer] if at.answer else []) + list(at.forward)]
        yield finding("PTR010", Status.PASS, domain, evidence_of, domain=domain, hosts=", ".join(f"{at.ip} ({at.confirmed[0]})" for at in good))


# ------------------------------------------------------------------ the name in EHLO


def _helo(helo: Helo, taken: set[str]) -> Iterator[Finding]:
    """`taken`: the domains that SPF is judged for anyway."""
    name, answers = helo.name, helo.answers
    if helo.kind != "name":
        yield finding("PTR016", _FORMS.get(helo.kind, Status.FAIL), name, helo=name, reason=because("PTR016", helo.kind))
        return
    found = ", ".join(helo.leads_to)
    if helo.receiver:
        yield finding("PTR017", Status.WARN, name, answers, helo=name, receiver=helo.receiver)
    elif all(a.absent or a.looped for a in answers):
        # RFC 5321 section 2.3.5: only names that resolve may be said
        yield finding("PTR014", Status.FAIL, name, answers, helo=name)
    elif helo.not_of:
        # RFC 5321 section 4.1.4: no receiver may refuse for that alone, and many count it
        yield finding("PTR015", Status.WARN, name, answers, helo=name, ips=", ".join(helo.not_of), found=found or "–")
    elif helo.of and not any(a.unsure for a in answers):
        yield finding("PTR013", Status.PASS, name, answers, helo=name, ips=", ".join(helo.of))
    elif helo.leads_to and not helo.of:
        yield finding("PTR021", Status.NOTE, name, answers, helo=name, found=found)
    yield from could_not_check("PTR", name, (a for a in (*answers, *helo.unsure) if not a.looped))
    if helo.generic:
        yield finding("PTR018", Status.WARN, name, answers, helo=name)
    yield from _helo_spf(helo, taken)


def _helo_spf(helo: Helo, taken: set[str]) -> Iterator[Finding]:
    """RFC 7208 section 2.3: receivers may judge the name by itself, and of a bounce there is nothing else to judge."""
    name, evidence = helo.name, ((helo.text,) if helo.text else ())
    failing = {ip: result for ip, result in helo.spf.items() if result in _REFUSED}
    if failing:
        results = ", ".join(f"{ip}: {result}" for ip, result in failing.items())
        yield finding("PTR019", Status.WARN, name, evidence, helo=name, results=results, published="; ".join(helo.text.values if helo.text else ()))
    elif helo.of and not helo.receiver and name not in taken and set(helo.spf.values()) == {"none"}:
        # “a” lets pass the addresses of this name alone: only where each of them is one that the user named
        own = helo.text is not None and helo.text.absent and not helo.text.aliases and len(helo.of) == len(helo.leads_to)
        record = Record(name, "TXT", (), ("v=spf1 a -all",)) if own else None
        yield finding("PTR020", Status.NOTE, name, evidence, record=record, helo=name)
