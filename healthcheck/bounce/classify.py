"""Bounce -> Failure: why it came back, who has to act, and what that means for the message and for the address.

The cause comes first, from whichever row is most specific; party, type, finality and suppression are then separate
questions, because one word for all of them is how good addresses get deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..catalog import CauseRow, Rule, catalog
from ..model import Because, Bounce, Confidence, Evidence, Failure, Party, Retry, Sender, Suppress, Type
from .corroborate import UNDECIDED
from .readings import Reading, Verdict, decision, reading
from .rules import Seen, impersonal, located, see
from .said import METHODS
from .said import said as stated
from .shape import HARD, SOFT
from .weights import Candidate

# What a paste is as a whole, where its form says so, goes before every word in it.
NOTICES = {
    "auto-reply": "auto-reply",
    "complaint": "complaint",
    "auth-failure-report": "not-a-bounce",
    "challenge": "challenge-response",
    "receipt": "delivered",
    "not-a-bounce": "not-a-bounce",
}
DELIVERED = ("delivered", "relayed", "expanded")
WAITING = ("greylisted", "rate-limited", "mailbox-busy", "server-full")  # a 4yz of these is deferred, not a bounce
NO_EVIDENCE = Evidence()  # one for all: it is frozen, and nothing was looked up yet


def classify(bounce: Bounce) -> Failure:
    """The diagnosis of one bounce, before anything is looked up.

    The result is what the receiver's words and codes say, not what is true: `confidence` tells how far such a reading
    can be trusted, `rivals` what else it could be, and `corroborate` asks the DNS.
    Never raises on what the bounce says. Pure; about 0.03 ms after the first call.
    Standard: RFC 5321 section 4.2, RFC 3463, RFC 3464 and the sources that each rule names.

    >>> from healthcheck.model import Reply
    >>> classify(Bounce(Reply(550, "5.1.1", "550 5.1.1 User unknown"))).cause
    'user-unknown'
    """
    text = impersonal(bounce)
    seen = see(bounce, text)
    read = reading(seen, text)
    verdict = read.verdict or _judged(seen, read)
    winner = verdict.winner
    span, said = located(winner, text)
    if (verdict.party.side == "sender" or verdict.party in UNDECIDED) and (more := stated(text)):
        said = {**more, **{key: value for key, value in said.items() if value}}
    return Failure(
        bounce=_with_sender(bounce, said),
        cause=winner.cause,
        party=verdict.party,
        type=verdict.type,
        final=verdict.final,
        suppress=verdict.suppress,
        scope=verdict.scope,
        confidence=verdict.confidence,
        because=_because(bounce, winner, span),
        rivals=verdict.rivals,
        retry=verdict.retry,
        provider=verdict.provider,
        rule=verdict.rule,
        evidence=NO_EVIDENCE,
        said=tuple((method, said[method]) for method in METHODS if said.get(method)) if said else (),
    )


def _judged(seen: Seen, read: Reading) -> Verdict:
    """The verdict on whatever reply is seen and read so; kept with the reading."""
    form = _by_form(seen, read.found)
    winner, confidence, rivals = decision(read.found, form) if form else read.decision
    if form and form.cause == "delay-warning" and seen.notice != "delay":
        confidence = Confidence.LIKELY  # it waits, so much a log line says; a notice would also say that this is all
    row, rule = catalog().causes[winner.cause], winner.rule
    type_, final = _type(seen, winner.cause, row, rule), _final(seen)
    read.verdict = Verdict(
        winner=winner,
        party=row.party,
        type=type_,
        final=final,
        suppress=_suppress(seen, winner, row, final, doubtful=confidence is not Confidence.CERTAIN and _blames_the_sender(read.found)),
        scope=(rule and rule.scope) or row.scope,
        confidence=confidence,
        rivals=rivals,
        retry=_retry(row, rule, type_),
        provider=(rule and rule.provider) or seen.provider,
        rule=rule.id if rule else None,
    )
    return read.verdict


def _by_form(seen: Seen, found: tuple[Candidate, ...]) -> Candidate | None:
    """The cause that the form of the paste gives away: whatever its words are, or where they say nothing."""
    if cause := NOTICES.get(seen.notice):
        return Candidate(cause, "form", f"form {seen.notice}", 1000)
    if seen.action in DELIVERED:
        return Candidate("delivered", "form", f"action {seen.action}", 1000)
    if _accepted(seen, found):
        return Candidate("delivered", "form", f"code {seen.code}", 1000, marks=(str(seen.code),))
    if _is_delay(seen) and (not found or found[0].cause == "unknown"):
        return Candidate("delay-warning", "form", "form delay", 1000)
    return None


def _accepted(seen: Seen, found: tuple[Candidate, ...]) -> bool:
    """Whether a 2yz reply is what it says: nothing around it tells of a failure, and no words of its own ("250 Ok, discarded: infected")."""
    if not (seen.code and seen.code // 100 == 2) or seen.action or seen.notice:
        return False
    if (seen.enhanced or "2")[0] in "45":
        return False
    return not found or found[0].source not in ("provider", "general")


def _is_delay(seen: Seen) -> bool:
    return seen.notice == "delay" or seen.action == "delayed"


def _type(seen: Seen, cause: str, row: CauseRow, rule: Rule | None) -> Type | None:
    """The first that fits; see docs/architecture.md."""
    if row.party is Party.NOT_A_BOUNCE:
        return Type.NONE
    if own := (rule and rule.type) or row.type:
        # RFC 3463 section 3.3: X.2.2 is to be used as a persistent transient failure, whatever its class
        return Type.DEFERRED if own is Type.SOFT and _is_delay(seen) else own
    if seen.code and seen.digit == "5":
        return Type.HARD
    if _is_delay(seen) or (seen.digit == "4" and cause in WAITING and not _failed(seen)):
        return Type.DEFERRED
    if seen.digit:
        return Type.SOFT if seen.digit == "4" else Type.HARD
    return {HARD: Type.HARD, SOFT: Type.SOFT}.get(seen.said)


def _failed(seen: Seen) -> bool:
    return seen.action == "failed" or seen.notice == "bounce"


def _final(seen: Seen) -> bool | None:
    if seen.notice in NOTICES or seen.action in DELIVERED:
        return None
    if _failed(seen):
        return True
    if _is_delay(seen):
        return False
    return True if (seen.given and seen.given >= 500) or seen.said == HARD else None


def _blames_the_sender(found: tuple[Candidate, ...]) -> bool:
    """Do any words, however weak, speak of a fault of the sender's ("Mailbox unavailable. SPAM")?"""
    causes = catalog().causes
    return any(c.source in ("provider", "general", "weak") and causes[c.cause].party.side == "sender" for c in found)


def _suppress(seen: Seen, winner: Candidate, row: CauseRow, final: bool | None, *, doubtful: bool) -> Suppress:
    """The row's own word, else the cause's; `now` needs something that says this is permanent, more than a bare reply code, and no words that
    blame the sender beside a reading that is not certain."""
    rule = winner.rule
    if rule and rule.suppress:
        return rule.suppress
    if row.suppress is not Suppress.NOW or winner.cause == "complaint":
        return row.suppress
    if winner.source == "basic" or doubtful:
        return Suppress.COUNT
    permanent = seen.digit == "5" or seen.said == HARD or bool(rule and rule.permanent) or (final is True and seen.digit != "4") or _failed(seen)
    return Suppress.NOW if permanent and not _is_delay(seen) else Suppress.COUNT


def _retry(row: CauseRow, rule: Rule | None, type_: Type | None) -> Retry | None:
    if row.after_fix and type_ is not Type.DEFERRED and not (rule and rule.retry):
        return Retry(None)
    if type_ in (Type.NONE, Type.HARD) and not (rule and rule.retry):
        return None
    when = (rule and rule.retry) or row.retry
    until = (rule and rule.retry_until) or row.retry_until
    return Retry((when[0], when[1]), until) if when else (Retry(None) if row.after_fix else None)


def _because(bounce: Bounce, winner: Candidate, span: tuple[int, int] | None) -> tuple[Because, ...]:
    if span is None:
        return (Because(winner.name, "", (0, 0), None),) if winner.weight else ()
    start, end = span
    shift = bounce.input_span
    there = (shift[0] + start, shift[0] + end) if shift else None
    return (Because(winner.name, bounce.reply.text[start:end], span, there),)


def _with_sender(bounce: Bounce, said: Mapping[str, str]) -> Bounce:
    """What the receiver wrote of the sender (named parts of the rule), where nothing better is known."""
    if not said or not any(said.get(k) for k in ("from_domain", "mail_from", "ip", "selector")):
        return bounce
    old = bounce.sender or Sender(source="reply")
    ip, selector = said.get("ip"), said.get("selector")
    new = replace(
        old,
        from_domain=old.from_domain or _name(said.get("from_domain")),
        mail_from=old.mail_from or _name(said.get("mail_from")),
        ips=old.ips or ((ip,) if ip else ()),
        selectors=old.selectors or ((selector,) if selector else ()),
    )
    return replace(bounce, sender=new)


def _name(text: str | None) -> str | None:
    return text.rpartition("@")[2].strip(".<>[]'\"").lower() or None if text else None
