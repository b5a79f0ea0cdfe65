"""The JSON of reports, diagnoses and errors. Field names are a contract: added to, never renamed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from .. import profiles
from ..errors import HealthcheckError
from ..model import Answer, Asked, Assertion, Cell, Diagnosis, Evidence, Failure, Finding, Location, Reply, Report, Sender, Status
from . import receivers, words


def plain(value: Any) -> Any:
    """A value as JSON has it: mappings with string keys, lists, strings, numbers, null. Octets become text, sets a sorted list."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:  # by far the most
        return value
    if kind is dict or kind is list:
        return {k if type(k) is str else str(plain(k)): plain(v) for k, v in value.items()} if kind is dict else [plain(v) for v in value]
    if isinstance(value, bool | int | float):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, str):
        return str(value.value) if isinstance(value, Enum) else value
    if isinstance(value, Mapping):
        return {str(plain(k)): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(v) for v in value), key=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime):
        return when(value)
    return str(value)


def when(moment: datetime) -> str:
    """RFC 3339, in UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def answer(value: Answer) -> dict[str, Any]:
    return {
        "name": value.name,
        "type": value.rtype,
        "outcome": value.outcome.value,
        "values": list(value.values),
        "ttl": value.ttl,
        "secure": value.secure.value,
        "aliases": list(value.aliases),
        "detail": value.detail,
        "server": value.server,
    }


def finding(value: Finding, of: str = "sender") -> dict[str, Any]:
    """One finding with its words, its fix and its evidence. of: whose domain it is about; nothing of a recipient's is there to be changed."""
    row = words.row_of(value)
    slots = words.slots(value)
    return {
        "code": value.code,
        "slug": row.slug,
        "topic": row.topic,
        "status": value.status.value,
        "subject": value.subject,
        "title": words.fill(row.title, slots),
        "message": words.message(value),
        "why": words.fill(row.why, slots),
        "fix": words.fix_of_theirs(value) if of == "recipient" else words.fix(value),
        "evidence": [answer(a) for a in value.evidence],
        "location": place(value.location),
        "refs": list(row.refs),
    }


def counts(report: Report) -> dict[str, int]:
    seen = Counter(f.status for f in report.findings)
    return {status.value: seen.get(status, 0) for status in Status}


def asked(value: Asked) -> dict[str, Any]:
    """What a receiver asks, and whether the report shows it broken. met: nothing in the DNS stands against it."""
    row = value.requirement
    receiver = profiles.receivers()[row.receiver]
    return {
        "id": row.id,
        "receiver": receiver.name,
        "applies": row.applies,
        "title": row.title,
        "text": row.text,
        "state": value.state,
        "by": list(value.by),
        "since": row.since,
        "reply": row.reply,
        "page": receiver.page,
        "source": row.source,
        "seen": row.seen,
    }


def cell(value: Cell) -> dict[str, Any]:
    """A field of the matrix: what one receiver asks of one kind, for small and for bulk senders. `by`: the findings that decide it."""
    row = value.requirement
    return {
        "kind": value.kind,
        "title": profiles.words("kind", value.kind),
        "receiver": profiles.receivers()[value.receiver].name,
        "requirement": row.id if row else None,
        "small": value.small,
        "bulk": value.bulk,
        "by": list(value.by),
    }


def place(value: Location | None) -> dict[str, Any] | None:
    return {"file": value.file, "line": value.line} if value else None


def assertion(value: Assertion) -> dict[str, Any]:
    """What a report says to a line of the configuration. `why`: why it is unknown, or that there is nothing to compare."""
    return {
        "text": value.text,
        "result": value.result,
        "actual": plain(value.actual),
        "why": value.why or None,
        "location": place(value.location),
        "evidence": [answer(a) for a in value.evidence],
    }


def report(value: Report) -> dict[str, Any]:
    """A report as `report/1`. Pure.

    The verdict is the worst finding's, where unknown counts only in the core topics (mx, spf, dmarc); a finding of status "unknown"
    says that something could not be looked up, never that it is absent.
    """
    from ..checks.base import Later  # whoever has a report has loaded the checks; an offline explain has not, and starts the quicker

    given = value.input
    requirements = profiles.asked(value)
    return {
        "schema": "report/1",
        "input": {
            "source": given.source or given.domain.name,
            "ips": list(given.ips),
            "selectors": list(given.selectors),
            "mail_from": given.mail_from,
            "profile": given.profile,
            "topics": None if given.topics is None else list(given.topics),
            "starttls": given.starttls,
            "helo": given.helo,
        },
        "domain": value.domain.name,
        "domain_shown": value.domain.shown,
        "profile": value.profile,
        "scanned_at": when(value.scanned_at),
        "verdict": value.verdict.value,
        "counts": counts(value),
        "topics": {name: {"verdict": t.verdict.value, "summary": t.summary} for name, t in value.topics.items()},
        "findings": [
            {**finding(f), "breaks": [row.id for row in profiles.broken_by(requirements, f)], "new": None if value.new is None else f in value.new}
            for f in value.findings
        ],
        "assertions": [assertion(a) for a in value.assertions],
        "ignored": [{**finding(i.finding), "reason": i.reason, "expires": i.expires.isoformat(), "entry": place(i.location)} for i in value.ignored],
        "warnings": [{"text": w.text, "location": place(w.location)} for w in value.warnings],
        "requirements": [asked(a) for a in requirements],
        "requirements_matrix": [cell(c) for c in profiles.matrix(value)],
        "facts": {name: fact if isinstance(fact, Later) else plain(fact) for name, fact in value.facts.items()},
        "left_out": list(value.left_out),
        "dns": {"questions": value.timing.questions, "distinct": value.timing.distinct, "elapsed_ms": round(value.timing.elapsed_ms, 1)},
    }


# ------------------------------------------------------------------ bounces


def reply(value: Reply) -> dict[str, Any]:
    return {
        "code": value.code,
        "enhanced": value.enhanced,
        "text": value.text,
        "meaning": words.meaning(value),
        "wrapped_by": reply(value.wrapped_by) if value.wrapped_by else None,
    }


def sender(value: Sender | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "from_domain": value.from_domain,
        "mail_from": value.mail_from,
        "ips": list(value.ips),
        "selectors": list(value.selectors),
        "source": value.source,
    }


def evidence(value: Evidence) -> dict[str, Any]:
    return {
        "verdict": value.verdict.value,
        "promoted_from": value.promoted_from,
        "topics": list(value.topics),
        "domain": value.domain,
        "of": value.of,
        "support": [finding(f, value.of) for f in value.support],
        "against": [finding(f, value.of) for f in value.against],
        "meaning": words.evidence_word(value, value.verdict.value),
        "message": {"examined": value.message, "meaning": words.word("evidence_message", value.message)} if value.message else None,
        "why_not": words.evidence_word(value, value.why_not) if value.why_not else None,
        "left_out": list(value.left_out),
    }


def failure(value: Failure) -> dict[str, Any]:
    """What became of one recipient, and why, with its words."""
    bounce, cause = value.bounce, words.cause_of(value)
    retry = value.retry
    return {
        "recipient": bounce.recipient,
        "action": bounce.action,
        "status": bounce.status,
        "reply": reply(bounce.reply),
        "provider": value.provider,
        "at": bounce.at,
        "message_id": bounce.message_id,
        "campaign": bounce.campaign,
        "reporting_mta": bounce.reporting_mta,
        "remote_mta": bounce.remote_mta,
        "stage": bounce.stage,
        "cause": value.cause,
        "title": cause.title,
        "party": value.party.value,
        "side": value.side,
        "side_title": words.side(value),
        "type": value.type.value if value.type else None,
        "final": value.final,
        "suppress": value.suppress.value,
        "scope": value.scope,
        "confidence": value.confidence.value,
        "because": [{"rule": b.rule, "text": b.text, "span": list(b.span), "input_span": list(b.input_span) if b.input_span else None} for b in value.because],
        "rivals": [{"cause": r.cause, "rule": r.rule, "why_not": words.word("why_not", r.why_not)} for r in value.rivals],
        "explanation": words.explanation(value),
        "address": words.address(value),
        "retry": {"when": list(retry.when) if retry.when else "after-fix", "until": retry.until} if retry else None,
        "fix": words.failure_fix(value),
        "pages": receivers.pages(value),
        "hygiene": cause.hygiene,
        "unsuppress": cause.unsuppress if value.suppress is cause.suppress else None,
        "sender": sender(bounce.sender),
        "said": [{"method": method, "result": result} for method, result in value.said],
        "suggestion": words.suggestion(value),
        "role": words.role(value),
        "evidence": evidence(value.evidence),
        "equivalents": words.equivalents(value.cause),
    }


def diagnosis(value: Diagnosis) -> dict[str, Any]:
    """A diagnosis as `diagnosis/1`. Pure. `failures` is empty only where nothing was recognised.

    `note`: what was looked for, where nothing was recognised; or that some events among several could not be read.
    """
    out: dict[str, Any] = {
        "schema": "diagnosis/1",
        "input": {"source": value.source, "kind": value.kind.value, "format": value.format},
        "failures": [failure(f) for f in value.failures],
    }
    if note := words.note(value):
        out["note"] = note
    return out


# ------------------------------------------------------------------ errors


def error(source: str, fault: HealthcheckError) -> dict[str, Any]:
    """An input that could not be answered, as `error/1`, beside others that were."""
    return {"schema": "error/1", "input": {"source": source}, "error": {"title": fault.title, "detail": fault.detail}}


def problem(status: int, title: str, detail: str, *, kind: str = "about:blank", **more: Any) -> dict[str, Any]:
    """An error over HTTP. `kind` is the type, a URI; with about:blank the status says what kind it is. Standard: RFC 9457 section 3.1."""
    return {"type": kind, "title": title, "status": status, "detail": detail, **more}


def written(value: Any, encoding: str | None = None, *, indent: bool = False) -> str:
    """JSON as it is read best: in one line, or with an indent of two; with every letter escaped where the encoding of the output cannot take them all."""
    import json

    import orjson

    options = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
    how: dict[str, Any] = {"indent": 2} if indent else {"separators": (",", ":")}
    try:
        text = orjson.dumps(value, _inner, options | orjson.OPT_INDENT_2 if indent else options).decode()
    except orjson.JSONEncodeError as error:  # half a surrogate pair, a number of more than 64 bits, a key that is no text
        if (why := error.__cause__) is not None and not isinstance(why, Exception):
            raise why from None  # Ctrl-C, while something was worked out
        text = json.dumps(value, ensure_ascii=False, **how)
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, **how)
    return text


def _inner(value: Any) -> Any:
    """What is a kind of something that JSON has: facts worked out when they are read, words of an enum, named tuples."""
    if isinstance(value, dict):
        return dict(value.items())
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (str, int)):
        return str(value) if isinstance(value, str) else int(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")
