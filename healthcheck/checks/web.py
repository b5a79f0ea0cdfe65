"""What topics share of asking an HTTPS host for a file: its addresses, the request, how far it came.

The order of look-ups is fixed (A, and AAAA only where there is no A), so that what was foreseen and what is demanded are the same request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model import Answer, Fetch, Fetched, Outcome, Question, Reached
from .base import ZONE_FILES, as_evidence

if TYPE_CHECKING:
    from ..edge.world import Session


@dataclass(frozen=True, slots=True)
class Visit:
    """One file that was asked for.

    state    ok (status 200) | redirect | status (any other) | certificate | no-such-name | no-address | unknown (nothing may be concluded), or how far
             the connection came: guarded | refused | tls | protocol | too-large | closed
    problem  of the certificate: expired | not-yet-valid | wrong-name | self-signed | untrusted | unreadable, else ""
    answers  the host's addresses
    """

    url: str
    state: str
    got: Fetched | None
    answers: tuple[Answer, ...]
    only_zone: bool = False

    @property
    def problem(self) -> str:
        if self.state != "certificate" or self.got is None:
            return ""
        return (self.got.certificate.problem if self.got.certificate else "") or "untrusted"

    def evidence(self, *shown: str) -> tuple[Answer, ...]:
        """The addresses, then the request; `shown`: lines of the file that a finding rests on."""
        if self.got is None:
            return self.answers
        line = f"HTTP {self.got.status} {self.got.content_type} {self.got.location}".strip()
        told = as_evidence(self.got, line, *shown)
        # with zone files alone nothing is connected: that is the choice of the user, and no failure
        outside = self.only_zone and self.got.reached is Reached.NOT_ASKED
        return (*self.answers, replace(told, server=ZONE_FILES) if outside else told)


def host_of(url: str) -> str:
    return url.removeprefix("https://").partition("/")[0].lower()


def wish(url: str, addresses: tuple[str, ...], limit: int) -> Fetch | None:
    """The request, or None where it is none that is made (another port, a user in the URL). Pure."""
    try:
        return Fetch(url, addresses, limit)
    except ValueError:
        return None


def first(url: str, role: str) -> Question:
    """The first look-up for a URL; its role carries the URL to `follow`. Pure."""
    return Question(host_of(url), "A", role=f"{role} {url}")


def follow(question: Question, answer: Answer, role: str, limit: int) -> Iterator[Question | Fetch]:
    """What an answer to `first` leads to: the request itself, or the look-up of the other family. Pure."""
    kind, _, url = question.role.partition(" ")
    if kind != role:
        return
    if answer.found:
        if (fetch := wish(url, answer.values, limit)) is not None:
            yield fetch
    elif question.rtype == "A":
        yield Question(question.name, "AAAA", role=question.role)


def visit(session: Session, url: str, limit: int) -> Visit:
    """Asks for a file and waits for it. Never raises. Cost: at most two questions and one request of at most `limit` octets.

    A redirect is not followed.
    """
    only_zone = session.world.only_zone
    answers: tuple[Answer, ...] = (session.dns.ask(host_of(url), "A"),)
    if not answers[0].found:
        answers = (*answers, session.dns.ask(host_of(url), "AAAA"))
    addresses = next((a.values for a in answers if a.found), ())
    if not addresses:
        unsure = any(a.unsure and not a.looped for a in answers)
        gone = all(a.outcome is Outcome.NXDOMAIN for a in answers)
        return Visit(url, "unknown" if unsure else "no-such-name" if gone else "no-address", None, answers, only_zone)
    fetch = wish(url, addresses, limit)
    got = Fetched(url, Reached.NOT_ASKED) if fetch is None else session.fetch.get(fetch)
    return Visit(url, _state(got), got, answers, only_zone)


def _state(got: Fetched) -> str:
    if got.reached.unsure:
        return "unknown"
    if got.reached is not Reached.OK:
        return got.reached.value
    return "ok" if got.status == 200 else "redirect" if 300 <= got.status < 400 else "status"
