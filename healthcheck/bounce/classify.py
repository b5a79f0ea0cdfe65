"""Bounce -> Failure: why it came back, who has to act, and what that means for the message and for the address.

The cause comes first, from whichever row is most specific; party, type, finality and suppression are then separate
questions, because one word for all of them is how good addresses get deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..catalog import CauseRow, Rule, catalog
from ..model import Because, Bounce, Evidence, Failure, Party, Retry, Sender, Suppress, Type
from .corroborate import UNDECIDED
from .readings import decision, reading
from .rules import located, see
from .said import METHODS
from .said import said as stated
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
HARD_WORDS = ("permanent", "hardbounce", "hard", "hard_bounce", "hard bounce")  # a service's own words for a final failure
SOFT_WORDS = ("transient", "softbounce", "soft", "soft_bounce", "soft bounce", "deferred", "undetermined")
NO_EVIDENCE = Evidence()  # one for all: it is frozen, and nothing was looked up yet
PHRASE_WORDS = {"hard bounce": HARD_WORDS, "soft bounce": SOFT_WORDS}  # the same as the head of a pasted phrase


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
    sight = see(bounce)
    found, made = reading(sight, bounce.reply.text)
    form = _by_form(bounce, found)
    winner, confidence, rivals = decision(found, form) if form else made
    span, said = located(winner, bounce.reply.text)
    causes = catalog().causes
    row, rule = causes[winner.cause], winner.rule
    if row.party.side == "sender" or row.party in UNDECIDED:
        said = {**stated(bounce.reply.text), **{key: value for key, value in said.items() if value}}
    type_ = _type(bounce, winner.cause, row, rule)
    final = _final(bounce)
    return Failure(
        bounce=_with_sender(bounce, said),
        cause=winner.cause,
        party=row.party,
        type=type_,
        final=final,
        suppress=_suppress(bounce, winner, row, final),
        scope=(rule and rule.scope) or row.scope,
        confidence=confidence,
        because=_because(bounce, winner, span),
        rivals=rivals,
        retry=_retry(row, rule, type_),
        provider=_provider(winner, sight.known),
        rule=rule.id if rule else None,
        evidence=NO_EVIDENCE,
        said=tuple((method, said[method]) for method in METHODS if said.get(method)),
    )


def _by_form(bounce: Bounce, found: tuple[Candidate, ...]) -> Candidate | None:
    """The cause that the form of the paste gives away: whatever its words are, or where they say nothing."""
    if cause := NOTICES.get(bounce.notice):
        return Candidate(cause, "form", f"form {bounce.notice}", 1000)
    if bounce.action in DELIVERED:
        return Candidate("delivered", "form", f"action {bounce.action}", 1000)
    if _accepted(bounce, found):
        return Candidate("delivered", "form", f"code {bounce.reply.code}", 1000, _start(bounce))
    if _is_delay(bounce) and (not found or found[0].cause == "unknown"):
        return Candidate("delay-warning", "form", "form delay", 1000)
    return None


def _accepted(bounce: Bounce, found: tuple[Candidate, ...]) -> bool:
    """Whether a 2yz reply is what it says: nothing around it tells of a failure, and no words of its own ("250 Ok, discarded: infected")."""
    if not (bounce.reply.code and bounce.reply.code // 100 == 2) or bounce.action or bounce.notice:
        return False
    if (bounce.reply.enhanced or bounce.status or "2")[0] in "45":
        return False
    return not found or found[0].source not in ("provider", "general")


def _start(bounce: Bounce) -> tuple[int, int] | None:
    at = bounce.reply.text.find(str(bounce.reply.code))
    return (at, at + 3) if at >= 0 else None


def _is_delay(bounce: Bounce) -> bool:
    return bounce.notice == "delay" or bounce.action == "delayed"


def _class(bounce: Bounce) -> str:
    """ "4", "5" or "": the class of the innermost reply, else of its enhanced code, else of the DSN's Status."""
    for value in (bounce.reply.code, bounce.reply.enhanced, bounce.status):
        if value and str(value)[0] in "45":
            return str(value)[0]
    return ""


def _said(bounce: Bounce, words: tuple[str, ...]) -> bool:
    """Whether the service that sent the mail calls it so: in its event, or at the head of a phrase without a code."""
    if bounce.esp_terms and any(term.casefold() in words for term in bounce.esp_terms):
        return True
    heads = [head.casefold().lstrip() for head in (bounce.reply.text[:24], *bounce.esp_terms)] if not _class(bounce) else []
    return any(head.startswith(phrase) and meant is words for phrase, meant in PHRASE_WORDS.items() for head in heads)


def _type(bounce: Bounce, cause: str, row: CauseRow, rule: Rule | None) -> Type | None:
    """The first that fits; see docs/architecture.md."""
    if row.party is Party.NOT_A_BOUNCE:
        return Type.NONE
    if own := (rule and rule.type) or row.type:
        # RFC 3463 section 3.3: X.2.2 is to be used as a persistent transient failure, whatever its class
        return Type.DEFERRED if own is Type.SOFT and _is_delay(bounce) else own
    digit = _class(bounce)
    if bounce.reply.code and digit == "5":
        return Type.HARD
    if _is_delay(bounce) or (digit == "4" and cause in WAITING and not _failed(bounce)):
        return Type.DEFERRED
    if digit == "4":
        return Type.SOFT
    if digit == "5":
        return Type.HARD
    if _said(bounce, HARD_WORDS):
        return Type.HARD
    return Type.SOFT if _said(bounce, SOFT_WORDS) else None


def _failed(bounce: Bounce) -> bool:
    return bounce.action == "failed" or bounce.notice == "bounce"


def _final(bounce: Bounce) -> bool | None:
    if bounce.notice in NOTICES or bounce.action in DELIVERED:
        return None
    if _failed(bounce):
        return True
    if _is_delay(bounce):
        return False
    reply = bounce.reply
    while reply.wrapped_by:  # the outer reply is the one that was given to the sender
        reply = reply.wrapped_by
    outer = reply.code or (reply.enhanced and int(reply.enhanced[0]) * 100) or bounce.reply.code
    if outer and outer >= 500:
        return True
    if _said(bounce, HARD_WORDS):
        return True
    return None


def _suppress(bounce: Bounce, winner: Candidate, row: CauseRow, final: bool | None) -> Suppress:
    """The row's own word, else the cause's; `now` needs something that says this is permanent, and more than a bare reply code."""
    rule = winner.rule
    if rule and rule.suppress:
        return rule.suppress
    if row.suppress is not Suppress.NOW or winner.cause == "complaint":
        return row.suppress
    if winner.source == "basic":
        return Suppress.COUNT
    permanent = (
        _class(bounce) == "5" or _said(bounce, HARD_WORDS) or bool(rule and rule.permanent) or (final is True and _class(bounce) != "4") or _failed(bounce)
    )
    return Suppress.NOW if permanent and not _is_delay(bounce) else Suppress.COUNT


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


_SURENESS = {"sign": 0, "host": 1, "domain": 2}


def _provider(winner: Candidate, known: Mapping[str, str]) -> str | None:
    if winner.rule and winner.rule.provider:
        return winner.rule.provider
    if not known:
        return None
    return min(known, key=lambda provider: _SURENESS[known[provider]])  # of several the one that was recognised first


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
