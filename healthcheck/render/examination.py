"""The JSON of an examination, `examination/1`, with its words. Field names are a contract: added to, never renamed. Pure.

The pages and the text for a terminal are made of this value too, so that what is masked here is masked everywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..bounce.classify import classify
from ..message import data
from ..model import Address, Answer, ArcSeen, ArcSet, Bounce, Claim, Difference, DmarcSeen, Examination, Hop, Signature, SpfSeen
from . import json as parts
from . import words
from .happened import advice, identity, looked_up, say, slots, summary
from .redact import redacted


def examination(value: Examination, *, redact: bool = False) -> dict[str, Any]:
    """An examination as `examination/1`. Pure.

    redact   mask the local part of every address in it, also within what servers wrote, evidence and findings

    `spf` and `dmarc` are null where nothing was looked up or nothing is there to be judged; a result "unknown" or "temperror" says that
    something could not be seen or looked up, never that it failed. `claimed` is what the message says that others found: where
    `trusted` is false anybody may have written it.
    """
    given = slots(value)
    out: dict[str, Any] = {
        "schema": "examination/1",
        "input": {
            "source": value.source,
            "kind": value.kind,
            "meaning": say("pasted_kind", value.kind),
            "recognised": [{"key": key, "meaning": say("recognised", key)} for key in value.recognised],
            "whole_body": value.whole_body,
            "looked_up": looked_up(value),
            "redacted": redact,
        },
        "summary": summary(value),
        "advice": advice(value),
        "hops": [hop(one, n, value) for n, one in enumerate(value.hops)],
        "entry": value.entry,
        "left": value.left,
        "address": address(value.address),
        "spf": spf(value.spf, given),
        "dkim": [signature(one) for one in value.dkim],
        "dmarc": dmarc(value.dmarc, given),
        "arc": arc(value.arc),
        "claimed": [claim(one) for one in value.claimed],
        "differences": [difference(one) for one in value.differences],
        "sender": {**(parts.sender(value.sender) or {}), "own_ips": value.sender.own_ips} if value.sender else None,
        "bounces": [bounce(one) for one in value.bounces],
        "findings": [parts.finding(one) for one in value.findings],
        "dns": {"distinct": len({(a.name, a.rtype) for a in value.transcript})},
    }
    return redacted(out) if redact else out


def moment(seconds: float | None) -> str | None:
    """RFC 3339 in UTC, to the second; None where there is none, or none that a calendar has."""
    if seconds is None:
        return None
    try:
        return parts.when(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _answers(answers: tuple[Answer, ...]) -> list[dict[str, Any]]:
    return [parts.answer(one) for one in dict.fromkeys(answers)]


# ------------------------------------------------------------------ the way


def hop(value: Hop, place: int, seen: Examination) -> dict[str, Any]:
    """One hop. `entry`: with it the message came into the receiver's system; `left`: the last of the sender's."""
    return {
        "from": value.from_name,
        "by": value.by,
        "ip": value.ip,
        "ptr": value.ptr,
        "helo": value.helo,
        "protocol": value.protocol,
        "tls": value.tls,
        "at": moment(value.at),
        "delay_s": value.delay_s,
        "side": value.side.value,
        "zone_min": value.zone,
        "id": value.id,
        "for": value.for_,
        "mail_from": value.mail_from,
        "submission": value.submission,
        "internal": value.internal,
        "entry": place == seen.entry,
        "left": place == seen.left,
        "order": value.order,
        "text": value.text,
    }


def address(value: Address | None) -> dict[str, Any] | None:
    """Whose the connecting address is. Only the sender's own may stand in the sender's SPF record."""
    if value is None:
        return None
    return {
        "ip": value.ip,
        "whose": value.whose,
        "title": say("whose_is", value.whose),
        "meaning": say("whose_is", value.whose, "meaning"),
        "because": [{"key": key, "meaning": say("whose", key), "value": shown} for key, shown in value.because],
    }


# ------------------------------------------------------------------ authentication


def spf(value: SpfSeen | None, given: dict[str, Any]) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "result": value.result,
        "ip": value.ip,
        "identity": identity(value) or None,
        "mail_from": value.mail_from,
        "helo": value.helo,
        "mechanism": value.mechanism,
        "problem": value.problem,
        "aligned": value.aligned,
        "meaning": say("spf", value.result, **given),
        "evidence": _answers(value.evidence),
    }


def signature(value: Signature) -> dict[str, Any]:
    """One signature, what is wrong with it, and what the signer can do."""
    return {
        "d": value.d,
        "s": value.s,
        "result": value.result,
        "reason": value.reason,
        "title": say("reason", value.reason),
        "meaning": say("reason", value.reason, "meaning"),
        "fix": say("reason", value.reason, "fix") or None,
        "aligned": value.aligned,
        "header": value.header,
        "change": value.change,
        "body_change": value.body_change,
        "changes": [say("change", key) for key in dict.fromkeys((value.change, value.body_change)) if key],
        "shown": value.shown,
        "header_intact": value.header_intact,
        "body_intact": value.body_intact,
        "algorithm": value.algorithm,
        "canonical": value.canonical,
        "bits": value.bits,
        "identity": value.identity,
        "signed": list(value.signed),
        "body_length": value.body_length,
        "appended": value.appended,
        "at": moment(value.at),
        "expires": moment(value.expires),
        "b": value.b,
        "order": value.order,
        "notes": [{"key": key, "meaning": say("note", key)} for key in value.notes],
        "evidence": _answers(value.evidence),
    }


def dmarc(value: DmarcSeen | None, given: dict[str, Any]) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "result": value.result,
        "from_domain": value.from_domain,
        "policy": value.policy,
        "disposition": value.disposition,
        "by": list(value.by),
        "meaning": say("dmarc", value.result, policy=value.policy or "none", **given),
        "evidence": _answers(value.evidence),
    }


def arc(value: ArcSeen | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "result": value.result,
        "reason": value.reason,
        "title": say("reason", value.reason),
        "meaning": " ".join(filter(None, (say("arc", value.result, sealers=", ".join(value.sealers)), say("reason", value.reason, "meaning")))),
        "sealers": list(value.sealers),
        "broke_at": value.broke_at,
        "intact_from": value.intact_from,
        "sets": [_set(one) for one in value.sets],
        "evidence": _answers(value.evidence),
    }


def _set(value: ArcSet) -> dict[str, Any]:
    return {
        "instance": value.instance,
        "d": value.d,
        "s": value.s,
        "said": value.said,
        "message": value.message,
        "seal": value.seal,
        "reason": value.reason,
        "title": say("reason", value.reason),
        "results": value.results,
    }


# ------------------------------------------------------------------ what others wrote


def claim(value: Claim) -> dict[str, Any]:
    return {
        "method": value.method,
        "result": value.result,
        "who": value.who,
        "reason": value.reason,
        "properties": dict(value.properties),
        "field": value.field_name,
        "order": value.order,
        "trusted": value.trusted,
        "text": value.text,
    }


def difference(value: Difference) -> dict[str, Any]:
    """Where a receiver's result and ours part, why, and what shows it."""
    return {
        "claim": claim(value.claim),
        "ours": value.ours,
        "reason": value.reason,
        "title": say("difference", value.reason),
        "meaning": say("difference", value.reason, "meaning"),
        "fix": say("difference", value.reason, "fix") or None,
        "because": [{"key": key, "meaning": say("shows", key), "value": _shows(key, shown)} for key, shown in dict.fromkeys(value.because)],
    }


def _shows(key: str, value: str) -> str:
    """What shows a reason; where it is itself a key (a reason, a change), its words."""
    table = data()["change" if key == "change" else "reason"]
    return say("change" if key == "change" else "reason", value) if key in ("change", "ours") and value in table else value


def bounce(value: Bounce) -> dict[str, Any]:
    """Who said no, at which step, in which words, and whose side the reply puts it on."""
    failure = classify(value)
    return {
        "recipient": value.recipient,
        "action": value.action,
        "remote_mta": value.remote_mta or value.receiver,
        "reporting_mta": value.reporting_mta,
        "stage": value.stage,
        "at_stage": words.word("stage", value.stage) if value.stage else None,
        "reply": parts.reply(value.reply),
        "cause": failure.cause,
        "title": words.cause_of(failure).title,
        "side": failure.side,
    }
