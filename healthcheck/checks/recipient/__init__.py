"""Topic recipient: may mail be sent to this domain, and was it meant at all? RFC 5321 section 5.1, RFC 7505; said only where it is asked for.

It looks at a domain as somebody does who wants to write to it, and not as its owner: whether it takes mail, whether its name is a
slip of the finger for a widely used mailbox domain, and whether its addresses last. No mailbox is asked about, and nobody is
connected to. What a name alone says is in healthcheck/mailboxes.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...mailboxes import corrected, disposable, likely_meant, parking, registered, role_of, well_known
from ...model import Answer, Finding, Question, ScanInput, Status
from ..base import because, could_not_check, finding

if TYPE_CHECKING:
    from ...edge.world import Session
    from ..facts import Facts

__all__ = ["TOPIC", "RecipientFacts", "corrected", "first", "foresee", "gather", "judge", "likely_meant", "role_of", "well_known"]

TOPIC = "recipient"
ROLES: frozenset[str] = frozenset()


# ------------------------------------------------------------------ facts


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """takes_mail: True where a mail host with an address is named; False where the domain is not there, says that it takes none
    (null MX), or names no host that leads anywhere; None where that is not known, or only the domain's own address is left.

    state        as in the topic mx: present | null | implicit | none | no-domain | unknown; unreachable: no host leads anywhere
    well_known   one of the widely used mailbox domains
    meant, slip  the mailbox domain that was probably meant, and how the name differs; None: no slip is seen
    same_hosts   its mail goes to the same hosts as that of the domain it looks like: both are the provider's, and it is no slip
    disposable   the service of throw-away addresses it belongs to, as far as it is listed
    parking      where its nameservers park domains: who; parking_state: parked | expired
    nameservers  those of the registered domain; None: not known
    """

    domain: str
    takes_mail: bool | None
    state: str
    well_known: bool
    meant: str | None
    slip: str | None
    same_hosts: bool
    disposable: str | None
    parking: str | None
    parking_state: str | None
    nameservers: tuple[str, ...] | None
    of_meant: Answer | None = None
    of_nameservers: Answer | None = None


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:
    """The nameservers of the registered domain, and the mail hosts of the domain that may have been meant. Pure."""
    domain = wanted.domain.name
    yield Question(registered(domain), "NS", role="recipient-ns")
    if slip := likely_meant(domain):
        yield Question(slip.meant, "MX", role="recipient-meant")


def foresee(question: Question, answer: Answer) -> Iterator[Question]:  # noqa: ARG001
    """Nothing follows from these answers. Pure."""
    yield from ()


def gather(session: Session, facts: Facts) -> RecipientFacts:
    """Look up who serves the domain, and who takes the mail of the domain that it looks like.

    Cost: two questions at most, besides those of the topic mx; both go out with the first.
    """
    domain, mx = facts.input.domain.name, facts.mx
    slip = likely_meant(domain)
    of_meant = session.dns.ask(slip.meant, "MX") if slip else None
    servers = session.dns.ask(registered(domain), "NS")
    state, takes = _takes(facts)
    hosts = tuple(h.host for h in mx.hosts) if mx else ()
    stood = parking(servers.values)
    same = bool(of_meant and {host for _, host in of_meant.mx()} & set(hosts) - {".", ""})
    return RecipientFacts(
        domain=domain,
        takes_mail=takes,
        state=state,
        well_known=well_known(domain),
        meant=slip.meant if slip and not same else None,
        slip=slip.kind if slip and not same else None,
        same_hosts=same,
        disposable=disposable((domain, *hosts)),
        parking=stood[0] if stood else None,
        parking_state=stood[1] if stood else None,
        nameservers=None if servers.unsure else servers.values,
        of_meant=of_meant,
        of_nameservers=servers,
    )


def _takes(facts: Facts) -> tuple[str, bool | None]:
    """(state, does it take mail?), from what the topic mx found. A host that could not be looked up may be the one that works."""
    mx = facts.mx
    if mx is None:
        return "unknown", None
    if mx.state != "present":
        return mx.state, False if mx.state in ("null", "none", "no-domain") else None
    if any(h.state == "ok" for h in mx.hosts):
        return "present", True
    if any(h.state == "unknown" for h in mx.hosts):
        return "unknown", None
    return "unreachable", None if len(mx.answer.values) > len(mx.hosts) else False  # hosts beyond the first were not looked up


# ------------------------------------------------------------------ judge

_STATES = {
    "present": ("RCP001", Status.PASS),
    "no-domain": ("RCP002", Status.FAIL),
    "null": ("RCP003", Status.FAIL),
    "none": ("RCP004", Status.FAIL),
    "unreachable": ("RCP005", Status.FAIL),
    "implicit": ("RCP006", Status.WARN),
}


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about a domain that mail is to be sent to. Pure. RFC 5321 section 5.1, RFC 7505 section 3.

    None of them proposes a record: what the domain publishes is its owner's, and what can be changed is the address.
    """
    found, mx = facts.recipient, facts.mx
    if found is None or mx is None:
        return
    evidence = (mx.answer, *mx.others, *(a for h in mx.hosts for a in h.answers))
    if told := _STATES.get(found.state):
        hosts = ", ".join(h.host for h in mx.hosts if h.state == "ok") if found.takes_mail else ", ".join(h.host for h in mx.hosts)
        addresses = ", ".join(a for h in mx.hosts for a in h.addresses)
        code, status = told
        open_ = found.state == "unreachable" and found.takes_mail is None
        yield finding(code, Status.WARN if open_ else status, found.domain, evidence, domain=found.domain, hosts=hosts, addresses=addresses)
    unsure = (*(evidence if found.state == "unknown" else ()), *((found.of_nameservers,) if found.of_nameservers else ()))
    yield from could_not_check("RCP", found.domain, unsure)
    yield from _slips(found, mx.answer)
    if found.disposable:
        yield finding("RCP009", Status.WARN, found.domain, (mx.answer,), domain=found.domain, service=found.disposable)
    if found.parking and found.of_nameservers:
        yield finding(
            "RCP010",
            Status.NOTE,
            found.domain,
            (found.of_nameservers,),
            domain=found.of_nameservers.name,
            servers=", ".join(found.nameservers or ()),
            reason=because("RCP010", found.parking_state or "parked"),
            who=found.parking,
        )


def _slips(found: RecipientFacts, answer: Answer) -> Iterator[Finding]:
    """That the name was probably mistyped. Where it takes mail that is somebody else's, which is worse than a bounce."""
    if not found.meant or not found.slip:
        return
    evidence = (answer, *((found.of_meant,) if found.of_meant else ()))
    values: dict[str, Any] = {"domain": found.domain, "meant": found.meant, "reason": because("RCP007", found.slip)}
    if found.takes_mail or found.state == "implicit":
        yield finding("RCP008", Status.WARN, found.domain, evidence, **values)
    else:
        yield finding("RCP007", Status.FAIL if found.takes_mail is False else Status.WARN, found.domain, evidence, **values)
