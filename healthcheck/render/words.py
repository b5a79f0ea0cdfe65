"""From values to sentences: the slots of a row filled, an enum's value spelled out. Pure.

Every sentence comes from data/*.toml; what stands here is only how they are put together.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from ..catalog import CauseRow, CheckRow, Rule, catalog
from ..mailboxes import corrected, role_of
from ..model import Choice, Diagnosis, Evidence, EvidenceVerdict, Failure, Finding, Kind, Party, Record, Reply, Retry, Status, Suppress
from ..profiles import profiles
from . import services

_PARTS = ("title", "name", "text", "meaning", "summary")
ICONS = {"pass": "✓", "note": "i", "warn": "!", "fail": "✗", "unknown": "?"}
ORDER = ("fail", "unknown", "warn", "note", "pass")  # as findings are shown: what needs a person first


@lru_cache(maxsize=4096)
def _pieces(sentence: str) -> tuple[tuple[str, str | None], ...]:
    """A row's sentence as what stands before each slot, and the slot's name. Raises ValueError."""
    return tuple((before, name) for before, name, _, _ in string.Formatter().parse(sentence))


def shown(value: Any) -> str:
    """A slot's value as people read it: lists with commas, truth as yes and no."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {shown(v)}" for k, v in value.items())
    if isinstance(value, Iterable):
        return ", ".join(shown(v) for v in value)
    return str(value)


def fill(sentence: str, values: Mapping[str, Any]) -> str:
    """A row's sentence with its slots filled. A slot without a value shows as “…”; never raises on what a value holds.

    >>> fill("{record_at} needs {count} look-ups.", {"record_at": "example.com", "count": 12})
    'example.com needs 12 look-ups.'
    """
    # no attributes and no indices of a slot: what fills it was looked up from strangers
    try:
        pieces = _pieces(sentence)
    except ValueError:
        return sentence
    return "".join([before if name is None else before + shown(values.get(name, "…")) for before, name in pieces])


def word(table: str, key: object, part: str | None = None, default: str | None = None) -> str:
    """The words for a key of a table in data/words.toml; the key itself, made readable, where there are none.

    A row is a sentence, or a table of parts; `part` picks one ("title", "text" …).
    """
    row = catalog().words.get(table, {})
    row = row.get(str(key)) if isinstance(row, Mapping) else None
    fallback = str(key).replace("-", " ").replace("_", " ") if default is None else default
    if row is None:
        return fallback
    if isinstance(row, Mapping):
        return str(row.get(part, fallback)) if part else str(next((row[p] for p in _PARTS if p in row), fallback))
    return fallback if part and part not in _PARTS else str(row)


def verdict(profile: str, status: str) -> str:
    """The report's verdict in words, those of its profile where it has its own."""
    return profiles()[profile].verdict.get(status) or word("verdict", status)


def row_of(finding: Finding) -> CheckRow:
    return catalog().checks[finding.code]


def slots(finding: Finding) -> dict[str, Any]:
    return {"subject": finding.subject, **finding.values}


def message(finding: Finding) -> str:
    """What was found, with the values of this case."""
    return fill(row_of(finding).message, slots(finding))


def _record(record: Record | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {"name": record.name, "type": record.rtype, "current": list(record.current), "proposed": list(record.proposed)}


def _choice(finding: Finding, choice: Choice) -> dict[str, Any]:
    sentence = row_of(finding).choices.get(choice.key, choice.key.replace("-", " "))
    return {"summary": fill(sentence, {**slots(finding), **choice.values}), "record": _record(choice.record)}


def fix(finding: Finding) -> dict[str, Any]:
    """What to change about a finding: {summary, steps, record, choices, why_no_record}.

    `record` is the record to publish, by the rules of a safe proposal; null with `choices` where only the user can choose, and where
    nothing safe can be proposed. `why_no_record` says why it is null: beside choices why it is left to the user (the row's reason
    "choices", where its sentences do not say so already), else the row's own reason, which speaks of a case without choices.
    """
    row, values = row_of(finding), slots(finding)
    why = None if finding.record is not None else row.reasons.get("choices") if finding.choices else row.why_no_record
    return {
        "summary": fill(row.fix, values),
        "steps": [fill(step, values) for step in row.steps],
        "record": _record(finding.record),
        "choices": [_choice(finding, choice) for choice in finding.choices],
        "why_no_record": fill(why, values) if why else None,
    }


def fix_of_theirs(finding: Finding) -> dict[str, Any]:
    """The same for a finding about the recipient's domain: what the sender can do about the address, and never a change of that domain."""
    if row_of(finding).topic == "recipient":
        return fix(finding)
    words = "evidence_recipient"
    return {"summary": word(words, "fix"), "steps": [], "record": None, "choices": [], "why_no_record": word(words, "no_record")}


# ------------------------------------------------------------------ bounces


def evidence_word(evidence: Evidence, key: str) -> str:
    """The words for a verdict, or a reason, of the evidence: those of the recipient's domain where that was looked at, those of the message where it decided."""
    own = catalog().words["evidence_recipient"] if evidence.of == "recipient" else catalog().words["evidence_message"] if by_message(evidence) else {}
    return str(own[key]) if key in own else word("evidence", key)


def by_message(evidence: Evidence) -> bool:
    """Was it the message that decided, and nothing in the DNS of the sender?"""
    decided = evidence.against if evidence.verdict is EvidenceVerdict.REFUTED else [f for f in evidence.support if f.status is Status.FAIL] or evidence.support
    return bool(evidence.message and decided) and all(row_of(f).topic == "message" for f in decided)


def suggestion(failure: Failure) -> dict[str, str] | None:
    """{address, domain, text} where the recipient's domain looks like a slip of the finger for a widely used one; else None.

    A guess from the name, where nothing was looked up; with evidence, only what the evidence shows. The address is never changed: the
    suggestion is there to ask its owner.
    """
    cause, recipient, evidence = cause_of(failure), (failure.bounce.recipient or "").strip().strip("<>"), failure.evidence
    if "recipient-domain" not in cause.scan or not (address := corrected(recipient)):
        return None
    looked = evidence.of == "recipient" and evidence.verdict not in (EvidenceVerdict.NOT_LOOKED_AT, EvidenceVerdict.PENDING)
    if looked and not any("meant" in finding.values for finding in evidence.support):
        return None
    old, meant = recipient.rpartition("@")[2], address.rpartition("@")[2]
    return {"address": address, "domain": meant, "text": fill(word("recipient", "did_you_mean"), {"address": address, "domain": old, "meant": meant})}


def role(failure: Failure) -> str | None:
    """Which kind of role the recipient's address stands for (a key of [role]), where the failure is about the address; else None."""
    recipient = failure.bounce.recipient
    return role_of(recipient) if recipient and "@" in recipient and failure.side == "recipient" else None


def cause_of(failure: Failure) -> CauseRow:
    return catalog().causes[failure.cause]


def rule_named(rule_id: str | None) -> Rule | None:
    return rules_by_id().get(rule_id or "")


_RULES: dict[int, dict[str, Rule]] = {}


def rules_by_id() -> Mapping[str, Rule]:
    known = catalog()
    if id(known) not in _RULES:
        _RULES[id(known)] = {rule.id: rule for rule in known.rules}
    return _RULES[id(known)]


def explanation(failure: Failure) -> str:
    """What happened, for a person who did not set the mail system up: the cause's meaning, and the rule's own note."""
    rule = rule_named(failure.rule)
    parts = [cause_of(failure).meaning, rule.note if rule else None]
    return " ".join(part.strip() for part in parts if part)


def address(failure: Failure) -> str:
    """What to do with the address. The cause's own sentence only where the answer was not softened (a 4yz counts, it does not suppress)."""
    cause = cause_of(failure)
    if failure.suppress is cause.suppress and not _of_others(failure):
        return cause.address
    return word("suppress", failure.suppress.value)


def _of_others(failure: Failure) -> bool:
    """Is it a list, a forwarder or a forger who caused it? Then nothing says that the fault is on the sender's side."""
    return failure.evidence.why_not == "passed-on" or (failure.fix is not None and failure.fix.code == "MSG070")


def side(failure: Failure) -> str:
    """Whose side it is, as a headline: of what a list, a forwarder or a forger did, theirs."""
    return word("evidence_message", "others") if _of_others(failure) else word("side", failure.side)


def failure_fix(failure: Failure) -> dict[str, Any]:
    """What to do about a failure, in the same shape as a finding's fix.

    Where the evidence selected a finding (`failure.fix`), its record, choices and steps go first, and the cause's follow.
    """
    cause = cause_of(failure)
    if failure.fix is None:
        if failure.evidence.verdict is EvidenceVerdict.REFUTED and failure.evidence.of == "sender" and failure.side == "sender":
            # what the cause advises is in order already
            return {"summary": word("refuted", "fix"), "steps": [word("refuted", "step")], "record": None, "choices": [], "why_no_record": None}
        summary, steps = _advice(failure, cause)
        if meant := suggestion(failure):
            sentence = word("recipient", "suppress" if failure.suppress is Suppress.NOW else "ask")
            steps = [fill(sentence, {"old": failure.bounce.recipient, "address": meant["address"]}), *steps]
        return {"summary": summary, "steps": steps, "record": None, "choices": [], "why_no_record": None}
    own = fix(failure.fix)
    if row_of(failure.fix).topic == "message":
        return own  # it is about this very message, and the cause's steps are for whoever has not seen it
    return {**own, "steps": [*own["steps"], *(step for step in cause.steps if step not in own["steps"])]}


def _advice(failure: Failure, cause: CauseRow) -> tuple[str, list[str]]:
    """The cause's advice, or other words where this answer does more or less to the address than the cause does as a rule."""
    if failure.suppress is cause.suppress or Suppress.NOW not in (failure.suppress, cause.suppress):
        return cause.fix, list(cause.steps)
    if failure.suppress is Suppress.NOW:
        return word("hardened", "fix"), [word("hardened", "step")]
    rest = [step for step in cause.steps if "suppression list" not in step]
    if failure.suppress is Suppress.COUNT:
        return word("softened", "fix"), [word("softened", "step"), *rest]
    return cause.fix, rest


def meaning(reply: Reply) -> dict[str, str | None] | None:
    """The code spelled out: {class, subject, detail}, or None for a reply without any code.

    The enhanced code goes before the reply code. Standard: RFC 3463 sections 2 to 4, RFC 5321 section 4.2.1.
    """
    if reply.enhanced:
        head, subject, _ = reply.enhanced.split(".", 2)
        row = catalog().enhanced(reply.enhanced)
        detail = row.meaning if row else word("unrecognised", "detail", default="This detail is not registered; the class and the subject still hold.")
        return {"class": _digit("class", head), "subject": _digit("subject", subject), "detail": detail}
    if reply.code:
        basic = catalog().basic(reply.code)
        return {"class": _digit("class", str(reply.code)[0]), "subject": None, "detail": basic.meaning if basic else None}
    return None


def _digit(table: str, digit: str) -> str | None:
    """The row of a class or subject; subjects may be written "7" or "X.7.XXX"."""
    rows = catalog().words.get(table, {})
    row = rows.get(digit, rows.get(f"X.{digit}", rows.get(f"{digit}.X")))
    if isinstance(row, Mapping):
        name, text = row.get("name") or row.get("title"), row.get("meaning") or row.get("text")
        return f"{name}: {text}" if name and text else str(name or text or "")
    return str(row) if row is not None else None


def equivalents(cause: str) -> dict[str, dict[str, str]]:
    """What the mail services that most people use call this cause, by the service's id."""
    return services.equivalents(cause)


def span_of_time(seconds: int) -> str:
    """
    >>> span_of_time(300), span_of_time(5400), span_of_time(259200)
    ('5 minutes', '90 minutes', '3 days')
    """
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {name}{'s' if seconds != size else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"


def range_of_time(least: int, most: int) -> str:
    """
    >>> range_of_time(300, 900), range_of_time(900, 14400), range_of_time(60, 60)
    ('5 to 15 minutes', '15 minutes to 4 hours', '1 minute')
    """
    if least == most:
        return span_of_time(least)
    first, second = span_of_time(least), span_of_time(most)
    number, _, unit = first.partition(" ")
    return f"{number} to {second}" if unit.rstrip("s") == second.partition(" ")[2].rstrip("s") else f"{first} to {second}"


def bare_url(url: str) -> str:
    """
    >>> bare_url("https://postmaster.example.com/"), bare_url("mailto:unblock@example.com"), bare_url("https://example.com/a/b")
    ('postmaster.example.com', 'unblock@example.com', 'example.com/a/b')
    """
    return url.removeprefix("mailto:").partition("://")[2].rstrip("/") if "://" in url else url.removeprefix("mailto:")


def cause_type(cause: CauseRow) -> str:
    """A key of [cause_type]: whether a cause is hard or soft, where no reply is at hand."""
    if cause.party is Party.NOT_A_BOUNCE:
        return "none"
    if cause.type:
        return cause.type.value
    return "by-reply-now" if cause.suppress is Suppress.NOW else "by-reply"


def failure_retry(failure: Failure) -> str:
    """When to send again after this failure, as one sentence."""
    if failure.party is Party.NOT_A_BOUNCE:
        return word("retry", "no-bounce")
    if failure.retry is None or (failure.suppress is Suppress.NOW and cause_of(failure).suppress is not Suppress.NOW):
        return word("retry", {Suppress.COUNT: "count", Suppress.HOLD: "hold"}.get(failure.suppress, "none"))
    return retry(failure.retry)


def retry(value: Retry | None) -> str:
    """When to send again, as one sentence."""
    if value is None:
        return word("retry", "none", default="Do not send it again: the same answer would come back.")
    if value.when is None:
        return word("retry", "after-fix", default="Send it again once the fault is mended; before that the same answer comes back.")
    wait = range_of_time(*value.when)
    if value.until:
        sentence = word("retry", "until", default="Wait {wait} between tries, and keep trying for up to {until}.")
        return fill(sentence, {"wait": wait, "until": span_of_time(value.until)})
    return fill(word("retry", "when", default="Try again after {wait}."), {"wait": wait})


def kind(value: Kind, form: str | None) -> str:
    said = word("kind", value.value)
    return f"{said} ({form})" if form and form != value.value else said


def note(answer: Diagnosis) -> str | None:
    """What was expected, where nothing was recognised; what is not answered, where events were left out. None where all of it is answered."""
    if not answer.failures:
        return word("unrecognised", answer.looked_for or "text", default=word("unrecognised", "text"))
    return fill(word("unrecognised", "left_out"), {"count": answer.left_out}) if answer.left_out else None
