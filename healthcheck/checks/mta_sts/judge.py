"""Findings about MTA-STS. Pure. RFC 8461."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...model import Answer, Choice, Finding, Record, Status
from ..base import because, could_not_check, finding
from ..facts import Facts
from .policy import mended, read_record, select, texts, written

if TYPE_CHECKING:
    from . import MtaStsFacts

DAY, WEEK = 86400, 604800
SHOWN = 8
BAD = (Status.WARN, Status.FAIL, Status.UNKNOWN)
NO_MAIL = ("null", "none", "no-domain")  # states of mx: nobody delivers there, so nothing has to be protected
NO_HOST = ("no-such-name", "no-address", "guarded")


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about the record, the policy host, the policy and the hosts that it stands for. Pure. RFC 8461 sections 3 to 5."""
    sts = facts.mta_sts
    if sts is None or sts.answer is None:
        return
    out = list(_findings(facts, sts))
    yield from out
    outside = any(f.code.endswith("999") for f in out)
    if sts.state == "present" and sts.mode in ("enforce", "testing") and sts.covers and not outside and not any(f.status in BAD for f in out):
        hosts = ", ".join(list(sts.covers)[:SHOWN])
        yield finding("STS016", Status.PASS, sts.domain, (sts.answer, *sts.evidence), domain=sts.domain, mode=sts.mode, age=_days(sts.max_age), hosts=hosts)


def _findings(facts: Facts, sts: MtaStsFacts) -> Iterator[Finding]:
    answer = sts.answer
    assert answer is not None
    takes_none = facts.mx is not None and facts.mx.state in NO_MAIL
    if sts.state == "unknown":
        yield from could_not_check("STS", sts.domain, [answer])
        return
    if takes_none:
        yield finding("STS015", Status.NOTE, sts.domain, [answer, *([facts.mx.answer] if facts.mx else [])], domain=sts.domain, name=answer.name)
        return
    if sts.state == "none" and facts.mx is not None and facts.mx.state == "unknown":
        # whether anybody delivers there is not known, so neither is whether a policy is missed
        yield from could_not_check("STS", sts.domain, [facts.mx.answer, *facts.mx.others])
        return
    if sts.state == "none":
        yield finding("STS001", Status.NOTE, sts.domain, [answer], domain=sts.domain, name=answer.name)
        return
    yield from _record(sts, answer)
    yield from _reached(sts, answer)
    if sts.policy_state == "ok":
        yield from _policy(facts, sts, (answer, *sts.evidence))


# ------------------------------------------------------------------ the record


def _record(sts: MtaStsFacts, answer: Answer) -> Iterator[Finding]:
    """RFC 8461 section 3.1: senders take exactly one valid record; anything else is no policy to them."""
    # a policy that comes into effect may keep mail out: only one that asks for nothing is handed over as a record to publish
    safe = sts.mode in ("testing", "none") and not sts.problems and not answer.aliases
    if sts.state == "several":
        found = select(answer)
        choices = [
            Choice("keep", {"text": text[:300]}, _in_place(answer, found, text) if safe and not read_record(text).problem else None) for text in found[:SHOWN]
        ]
        yield finding("STS002", Status.WARN, sts.domain, [answer], choices=choices, name=answer.name, count=len(found))
    if sts.state == "broken" and sts.record is not None:
        record = read_record(sts.record)
        text = mended(record)
        proposed = _in_place(answer, [sts.record], text) if safe and text else None
        values: dict[str, Any] = {"name": answer.name, "text": sts.record[:200], "reason": because("STS003", record.problem)}
        yield finding("STS003", Status.WARN, sts.domain, [answer], record=proposed, **values)


def _in_place(answer: Answer, old: tuple[str, ...] | list[str], text: str) -> Record:
    """The record set with one text in place of some; what else stands at the name stays."""
    current = texts(answer)
    return Record(answer.name, "TXT", current, (*(t for t in current if t not in old), text))


# ------------------------------------------------------------------ the policy host


def _reached(sts: MtaStsFacts, answer: Answer) -> Iterator[Finding]:
    """RFC 8461 section 3.3: without a policy that can be fetched senders go on as if there were none, or by one that they still hold."""
    host = f"mta-sts.{sts.domain}"
    values: dict[str, Any] = {"domain": sts.domain, "host": host, "url": sts.url, "http": sts.status or "", "location": sts.location[:200]}
    evidence = (answer, *sts.evidence)
    match sts.policy_state:
        case "ok":
            return
        case "unknown":
            yield from could_not_check("STS", host, sts.evidence)
        case "certificate":
            yield finding("STS006", Status.WARN, host, evidence, reason=because("STS006", sts.problem), detail=sts.detail, **values)
        case state if state in NO_HOST:
            addresses = ", ".join(v for a in sts.evidence if a.rtype in ("A", "AAAA") for v in a.values)
            yield finding("STS004", Status.WARN, host, evidence, reason=because("STS004", state), addresses=addresses, **values)
        case state:
            reason = because("STS005", state).format(**values)
            yield finding("STS005", Status.WARN, host, evidence, reason=reason, detail=sts.detail, **values)


# ------------------------------------------------------------------ the policy


def _policy(facts: Facts, sts: MtaStsFacts, evidence: tuple[Answer, ...]) -> Iterator[Finding]:
    values: dict[str, Any] = {"domain": sts.domain, "url": sts.url}
    if sts.content_type.partition(";")[0].strip().lower() != "text/plain":
        # RFC 8461 section 3.2: the media type has to be text/plain, and senders should look; its parameters do not matter
        yield finding("STS010", Status.WARN, sts.domain, evidence, type=sts.content_type[:80] or because("STS010", "none"), **values)
    for code, problems in (("STS007", sts.problems), ("STS008", sts.odd)):
        for p in problems:
            yield finding(code, Status.WARN, sts.domain, evidence, reason=because(code, p.reason), line=p.line, text=p.text, **values)
    if sts.mode == "none":
        yield finding("STS012", Status.NOTE, sts.domain, evidence, **values)
        return
    if sts.mode == "testing":
        yield finding("STS013", Status.NOTE, sts.domain, evidence, **values)
    yield from _hosts(facts, sts, evidence)
    yield from _age(sts, evidence)
    if sts.reports is not None and sts.mode is not None:
        if sts.reports.absent:
            yield finding("STS014", Status.NOTE, sts.domain, [*evidence, sts.reports], name=sts.reports.name, **values)
        yield from could_not_check("STS", sts.domain, [sts.reports])


def _hosts(facts: Facts, sts: MtaStsFacts, evidence: tuple[Answer, ...]) -> Iterator[Finding]:
    """RFC 8461 section 4.1: under enforce a sender never delivers to a host that no pattern stands for."""
    if sts.mode is None:
        return
    if facts.mx is not None and facts.mx.state == "unknown":
        yield from could_not_check("STS", sts.domain, [facts.mx.answer, *facts.mx.others])
    missing = tuple(host for host, held in sts.covers.items() if not held)
    whole = written(sts.mode, sts.max_age if sts.max_age is not None else WEEK, (*sts.mx, *missing))
    for host in missing:
        status = Status.FAIL if sts.mode == "enforce" else Status.WARN
        yield finding(
            "STS009",
            status,
            host,
            [*evidence, *([facts.mx.answer] if facts.mx else [])],
            domain=sts.domain,
            url=sts.url,
            host=host,
            mode=sts.mode,
            patterns=", ".join(sts.mx[:SHOWN]),
            effect=because("STS009", sts.mode),
            lines=", ".join(f"“mx: {h}”" for h in missing[:SHOWN]),
            policy=", ".join(f"“{line}”" for line in whole[: 4 * SHOWN]),
        )


def _age(sts: MtaStsFacts, evidence: tuple[Answer, ...]) -> Iterator[Finding]:
    """RFC 8461 section 3.2: weeks are meant. What senders hold for less than a day an attacker only has to wait out."""
    if sts.max_age is None or sts.max_age >= WEEK or (sts.mode == "testing" and sts.max_age >= DAY):
        return
    status = Status.WARN if sts.max_age < DAY and sts.mode == "enforce" else Status.NOTE
    yield finding("STS011", status, sts.domain, evidence, domain=sts.domain, url=sts.url, seconds=sts.max_age, age=_days(sts.max_age))


def _days(seconds: int | None) -> str:
    """A duration as a number of days, for a slot."""
    return "" if seconds is None else f"{seconds / DAY:.1f}".removesuffix(".0")
