"""The name that a sending server says in EHLO. RFC 5321 sections 2.3.5, 4.1.1.1 and 4.1.3, RFC 7208 section 2.3.

It cannot be seen in the DNS: the user, or a bounce, says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...model import Answer, Question, ScanInput
from ..addresses import is_address, is_reachable, parse
from .generic import looks_generic, receiver_of, words

if TYPE_CHECKING:
    from ...edge.dns import Seam

JUDGED = 4  # sending addresses that SPF is judged for


@dataclass(frozen=True, slots=True)
class Helo:
    """The name in EHLO.

    kind      name | literal (an address in brackets) | address (without them) | localhost | bare (one label) | internal | invalid
    leads_to  the addresses of the name; of: the sending addresses among them; not_of: those that it certainly does not lead to
    receiver  the domain of a large receiver that it claims to be; "" where it is none
    spf       RFC 7208's result for the name as a bounce is judged by it, by sending address; empty where that was not judged
    """

    name: str
    kind: str
    leads_to: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    not_of: tuple[str, ...] = ()
    generic: bool = False
    receiver: str = ""
    spf: Mapping[str, str] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()  # A and AAAA
    text: Answer | None = None
    unsure: tuple[Answer, ...] = ()  # what kept SPF from being judged


def kind_of(name: str) -> str:
    """What a server says in EHLO is by its form. Pure. RFC 5321 section 4.1.3.

    >>> kind_of("mail.example.com"), kind_of("[192.0.2.1]"), kind_of("192.0.2.1"), kind_of("server1"), kind_of("mail.corp")
    ('name', 'literal', 'address', 'bare', 'internal')
    """
    if name.startswith("["):
        inner = name.strip("[]").removeprefix("ipv6:")
        return "literal" if name.endswith("]") and is_address(inner) else "invalid"
    if is_address(name):
        return "address"
    last = name.rpartition(".")[2]
    if name == "localhost" or last in ("localhost", "localdomain"):
        return "localhost"
    if "." not in name:
        return "bare"
    if last in words()["internal"]:
        return "internal"
    return "name" if all(label and len(label) < 64 and label.replace("-", "").replace("_", "").isalnum() for label in name.split(".")) else "invalid"


def asked_of(wanted: ScanInput) -> tuple[Question, ...]:
    """What is asked about the name, where it is one. Pure."""
    if wanted.helo is None or kind_of(wanted.helo) != "name":
        return ()
    return tuple(Question(wanted.helo, rtype, role="helo") for rtype in ("A", "AAAA", "TXT"))


def helo_of(dns: Seam, wanted: ScanInput) -> Helo | None:
    """Look up the name in EHLO. Cost: 3 questions, and what its SPF record leads to for at most 4 sending addresses."""
    name = wanted.helo
    if name is None:
        return None
    if (kind := kind_of(name)) != "name":
        return Helo(name, kind)
    a, aaaa, text = dns.ask_all(asked_of(wanted))
    leads_to = tuple(v for answer in (a, aaaa) if answer.found for v in answer.values)
    known = {parse(v) for v in leads_to}
    ips = [ip for ip in wanted.ips if is_reachable(ip)]
    of = tuple(ip for ip in ips if parse(ip) in known)
    not_of = tuple(ip for ip in ips if ip not in of and not (a if parse(ip).version == 4 else aaaa).unsure)
    generic = any(looks_generic(name, ip) for ip in (ips or leads_to))
    spf, unsure = _judged(dns, name, text, ips[:JUDGED])
    # of a name under theirs that leads elsewhere, and of their very domain where there is nothing to compare it with
    receiver = receiver_of(name) if (not_of and not of) or (not ips and receiver_of(name) == name) else ""
    return Helo(name, kind, leads_to, of, not_of, generic, receiver, spf, (a, aaaa), text, unsure)


def _judged(dns: Seam, name: str, text: Answer, ips: list[str]) -> tuple[dict[str, str], tuple[Answer, ...]]:
    from ...edge.libs import spf_verdict

    if text.unsure and not text.looped:
        return {}, (text,)
    if not any(v[:6].lower() == "v=spf1" for v in text.values):
        return dict.fromkeys(ips, "none"), ()
    # RFC 7208 section 2.4: with the null sender of a bounce, postmaster at this name is judged
    verdicts = [spf_verdict(dns, ip, "", name) for ip in ips]
    return {v.ip: v.result for v in verdicts if v.known}, tuple(a for v in verdicts for a in v.unsure)
