"""Topic mta-sts (RFC 8461): the record that says there is a policy, the policy, and whether it stands for the hosts that take the mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ...model import Answer, Fetch, Question, ScanInput
from .. import web
from ..base import Later
from ..facts import Facts
from .judge import judge
from .policy import Policy, Problem, covered, nearly, read_policy, read_record, select

if TYPE_CHECKING:
    from ...edge.world import Session

__all__ = ["TOPIC", "MtaStsFacts", "first", "foresee", "gather", "judge"]

TOPIC = "mta-sts"
ROLES = frozenset({"mta-sts", "mta-sts-policy"})
LIMIT = 65536  # RFC 8461 section 3.3 suggests 64 kilobytes
SHOWN_POLICY = 4096
_DEAD = ("null", "literal", "no-such-name", "no-address")  # MX hosts that take no mail, with a policy or without


@dataclass(frozen=True, slots=True)
class MtaStsFacts:
    """What is known of MTA-STS.

    state     present | none | several (which count as none) | broken (no sender takes the record) | unknown
    record    as published; the first of several; id: as published
    url       where the policy has to be; policy_state: not-asked, or what came of asking (checks/web.py); status: of HTTP
    problem   of the policy host's certificate
    policy    the file, its first 4096 characters; problems and odd: what is wrong in it
    covers    mail host -> does a pattern of the policy stand for it? Empty where the policy or the mail hosts are not known
    """

    domain: str
    state: str
    record: str | None = None
    id: str | None = None
    url: str = ""
    policy_state: str = "not-asked"
    status: int | None = None
    content_type: str = ""
    location: str = ""
    detail: str = ""
    problem: str = ""
    policy: str | None = None
    mode: str | None = None
    max_age: int | None = None
    mx: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    odd: tuple[Problem, ...] = ()
    covers: Mapping[str, bool] = field(default_factory=dict)
    opinion: Mapping[str, Any] = field(default_factory=dict)
    answer: Answer | None = None
    evidence: tuple[Answer, ...] = ()
    reports: Answer | None = None


def first(wanted: ScanInput) -> Iterator[Question]:
    """The record. Pure."""
    yield Question(f"_mta-sts.{wanted.domain.name}", "TXT", role="mta-sts")


def foresee(question: Question, answer: Answer) -> Iterator[Question | Fetch]:
    """Where there is a record: the address of the policy host, then the policy itself, so that it is on its way at once. Pure."""
    if question.role == "mta-sts":
        if select(answer) or nearly(answer):
            domain = question.name.removeprefix("_mta-sts.")
            yield web.first(_url(domain), "mta-sts-policy")
            yield Question(f"_smtp._tls.{domain}", "TXT", role="mta-sts-reports")
    else:
        yield from web.follow(question, answer, "mta-sts-policy", LIMIT)


def _url(domain: str) -> str:
    return f"https://mta-sts.{domain}/.well-known/mta-sts.txt"


def gather(session: Session, facts: Facts) -> MtaStsFacts:
    """Look up the record; where there is one, fetch the policy and hold it against the mail hosts.

    Cost: one question; with a record three more and one request, which was started when the record came.
    """
    domain = facts.input.domain.name
    answer = session.dns.ask(f"_mta-sts.{domain}", "TXT")
    if answer.unsure:
        return MtaStsFacts(domain, "unknown", answer=answer)
    records = select(answer)
    meant = records or nearly(answer)
    if not meant:
        return MtaStsFacts(domain, "none", answer=answer)
    record = read_record(meant[0])
    state = "several" if len(records) > 1 else "broken" if record.problem else "present"
    visit = web.visit(session, _url(domain), LIMIT)
    got = visit.got
    policy = read_policy(got.body) if got is not None and visit.state == "ok" else Policy()
    text = got.body.decode("utf-8", "replace") if got is not None and visit.state == "ok" else None
    return MtaStsFacts(
        domain=domain,
        state=state,
        record=record.text,
        id=record.id,
        url=visit.url,
        policy_state=visit.state,
        status=got.status or None if got is not None else None,
        content_type=got.content_type if got is not None else "",
        location=got.location if got is not None else "",
        detail=got.detail if got is not None else "",
        problem=visit.problem,
        policy=text[:SHOWN_POLICY] if text is not None else None,
        mode=policy.mode,
        max_age=policy.max_age,
        mx=policy.mx,
        problems=policy.problems,
        odd=policy.odd,
        covers=_covers(facts, policy),
        opinion=Later(partial(_opinion, record.text, record.problem, text, policy)),
        answer=answer,
        evidence=visit.evidence(*(text or "").splitlines()[:12]),
        reports=session.dns.ask(f"_smtp._tls.{domain}", "TXT") if facts.tls_rpt is None else None,
    )


def _covers(facts: Facts, policy: Policy) -> dict[str, bool]:
    """The hosts that take mail, those that are known to be dead left out."""
    if facts.mx is None or policy.mode not in ("enforce", "testing"):
        return {}
    return {host.host: covered(host.host, policy.mx) for host in facts.mx.hosts if host.state not in _DEAD}


def _opinion(record: str, problem: str, text: str | None, policy: Policy) -> dict[str, Any]:
    from ...edge.libs import text_opinion

    said = text_opinion("mta-sts", record)
    agrees = None if said.valid is None else said.valid == (not problem)
    if text is None:
        return {"agrees": agrees, "says": said.says}
    of_policy = text_opinion("mta-sts-policy", text)
    # what is only odd here is a fault to some readers and none to others: no opinion on that
    policy_agrees = None if of_policy.valid is None or policy.odd else of_policy.valid == (not policy.problems)
    return {"agrees": agrees, "says": said.says, "policy_agrees": policy_agrees, "policy_says": of_policy.says}
