"""Topic starttls: do the mail hosts take TLS, and with which certificate? Only where the user asks for it, as it connects to port 25.

RFC 3207 (STARTTLS), RFC 7435 (opportunistic: senders take any certificate), RFC 8461 and RFC 7672 (where they do not), RFC 8996 (versions).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ...model import Answer, Certificate, Greeted, Question, Reached, ScanInput
from ..addresses import is_reachable, parse
from ..base import ZONE_FILES, as_evidence
from ..tlsa import selected, verdict
from .judge import judge as judge

if TYPE_CHECKING:
    from ...edge.world import Session
    from ..facts import Facts

TOPIC = "starttls"
ROLES: frozenset[str] = frozenset()
HOSTS = 8  # best host first; of each one address of either family
SOON = 10  # a certificate is old when less than a tenth of its life is left
SHOWN = 8


# ------------------------------------------------------------------ facts


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate as it was shown. problem: as a sender that looks at it would see it, "" where there is none.

    key, whole  SHA-256 of the public key and of the certificate, hexadecimal: the data of a TLSA record 3 1 1 and 3 0 1
    """

    problem: str
    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    old: bool
    key: str
    whole: str


@dataclass(frozen=True, slots=True)
class StarttlsHost:
    """One mail host at one of its addresses.

    state     secured       TLS came about
              not-offered   the host does not offer STARTTLS; masked: something on the way overwrote the word
              refused       it offers STARTTLS and refuses it; failing: it fails in the handshake
              turned-away   it ended the conversation before it could be seen (banner, EHLO); slow: it took too long
              no-smtp       what it says is no SMTP
              closed-port   nobody listens on port 25; silent: no answer at all
              no-route      this machine has no way there; guarded: no public address; not-asked
    dane      what a sender with DANE makes of the certificate: matches | differs | name | expired; "" without records that it uses
    weak      TLS came about only with what is given up elsewhere: old versions, weak ciphers, short keys
    injected  something came in the clear between the answer to STARTTLS and TLS
    """

    host: str
    address: str
    state: str
    banner: str = ""
    extensions: tuple[str, ...] = ()
    protocol: str = ""
    cipher: str = ""
    certificate: Shown | None = None
    dane: str = ""
    weak: bool = False
    injected: bool = False
    detail: str = ""
    evidence: Answer | None = None

    @property
    def connected(self) -> bool:
        """Did somebody take the connection? Then port 25 is open on the way out of here."""
        return self.state not in ("closed-port", "silent", "no-route", "guarded", "not-asked")


@dataclass(frozen=True, slots=True)
class StarttlsFacts:
    """asked: whether the user asked for it. left: how many mail hosts were not connected to."""

    domain: str
    asked: bool
    hosts: tuple[StarttlsHost, ...] = ()
    left: int = 0


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:  # noqa: ARG001
    """Nothing: the addresses of the mail hosts are asked for by topic mx. Pure."""
    yield from ()


def foresee(question: Question, answer: Answer) -> Iterator[Question]:  # noqa: ARG001
    yield from ()


def gather(session: Session, facts: Facts) -> StarttlsFacts:
    """Greets each mail host at one address of either family, all at once.

    Cost: no question; one connection for each of at most 16 addresses, two where the certificate or the version is not what it should be;
    at most 12 seconds in all.
    """
    domain = facts.input.domain.name
    if not facts.input.starttls or facts.mx is None:
        return StarttlsFacts(domain, facts.input.starttls)
    from ...edge.reach import Greet

    able = [h for h in facts.mx.hosts if h.state == "ok"]
    greets = [Greet(h.host, address) for h in able[:HOSTS] for address in _addresses(h.addresses)]
    for greet in greets:
        session.greet.start(greet)
    hosts = tuple(_host(session, facts, session.greet.get(greet)) for greet in greets)
    return StarttlsFacts(domain, True, hosts, max(0, len(able) - HOSTS))


def _addresses(addresses: tuple[str, ...]) -> list[str]:
    """The first that can be reached of each family."""
    firsts = {parse(a).version: a for a in reversed(addresses) if is_reachable(a)}
    return [firsts[version] for version in sorted(firsts)]


_STATES = {
    Reached.NOT_ASKED: "not-asked",
    Reached.GUARDED: "guarded",
    Reached.NO_ROUTE: "no-route",
    Reached.REFUSED: "closed-port",
    Reached.PROTOCOL: "no-smtp",
}


def _state(got: Greeted) -> str:
    if got.reached in _STATES:
        return _STATES[got.reached]
    if got.stage == "tls" and got.reached is not Reached.OK:
        return "slow" if got.reached is Reached.TIMEOUT else "failing"
    if got.reached is Reached.TIMEOUT:
        return "silent" if got.stage == "connect" else "slow"
    if got.reached is not Reached.OK:
        return "closed-port" if got.stage == "connect" else "turned-away"
    if got.starttls is False:
        # a firewall that reads along writes the word over with X (Cisco's “inspect esmtp”)
        return "masked" if any(set(line.upper()) <= set("XA ") and len(line) > 6 for line in got.ehlo[1:]) else "not-offered"
    if got.starttls is None:
        return "turned-away"
    return "refused" if got.stage == "starttls" else "secured"


def _host(session: Session, facts: Facts, got: Greeted) -> StarttlsHost:
    shown = _shown(got.certificate, session.now) if got.certificate else None
    lines = [got.detail if got.stage else "", got.banner, *got.ehlo[1:], f"{got.protocol} {got.cipher}".strip()]
    if shown is not None:
        lines += [f"{shown.subject} ({shown.issuer})", ", ".join(shown.names[:SHOWN]), f"{shown.not_before:%Y-%m-%d} … {shown.not_after:%Y-%m-%d}"]
    evidence = as_evidence(got, *filter(None, lines))
    if session.world.only_zone and got.reached is Reached.NOT_ASKED:
        evidence = replace(evidence, server=ZONE_FILES)  # the user's choice, and no failure
    return StarttlsHost(
        host=got.host,
        address=got.address,
        state=_state(got),
        banner=got.banner,
        extensions=got.ehlo[1:],
        protocol=got.protocol,
        cipher=got.cipher,
        certificate=shown,
        dane=_dane(facts, got, session.now),
        weak=got.stage == "tls" and got.reached is Reached.OK,
        injected=got.injected,
        detail=got.detail,
        evidence=evidence,
    )


def _shown(certificate: Certificate, now: datetime) -> Shown:
    own = certificate.chain[0] if certificate.chain else b""
    key = selected(own, 1)
    life = certificate.not_after - certificate.not_before
    old = timedelta(0) < certificate.not_after - now < min(life / SOON, timedelta(days=14))
    return Shown(
        certificate.problem,
        certificate.subject,
        certificate.issuer,
        certificate.names,
        certificate.not_before,
        certificate.not_after,
        old,
        hashlib.sha256(key).hexdigest() if key else "",
        hashlib.sha256(own).hexdigest() if own else "",
    )


def _dane(facts: Facts, got: Greeted, now: datetime) -> str:
    held = next((h for h in facts.dane.hosts if h.host == got.host), None) if facts.dane else None
    if held is None or got.certificate is None:
        return ""
    return verdict(held.usable, got.certificate, (got.host, held.base, facts.input.domain.name), now)
