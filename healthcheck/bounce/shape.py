"""What the form of a bounce says, its words aside: the class of its code, the code that the sender was given, a service's hard or soft."""

from __future__ import annotations

from ..model import Bounce

HARD, SOFT = "hard", "soft"
HARD_WORDS = ("permanent", "hardbounce", "hard", "hard_bounce", "hard bounce")  # a service's own words for a final failure
SOFT_WORDS = ("transient", "softbounce", "soft", "soft_bounce", "soft bounce", "deferred", "undetermined")
HEADS = {"hard bounce": HARD, "soft bounce": SOFT}  # the same as the head of a pasted phrase


def class_of(bounce: Bounce) -> str:
    """ "4", "5" or "": the class of the innermost reply, else of its enhanced code, else of the DSN's Status."""
    reply = bounce.reply
    if reply.code and 400 <= reply.code < 600:
        return "5" if reply.code >= 500 else "4"
    for value in (reply.enhanced, bounce.status):
        if value and value[0] in "45":
            return value[0]
    return ""


def code_given(bounce: Bounce) -> int | None:
    """The code that was given to the sender: that of the outermost reply, in hundreds where only its enhanced code is there."""
    reply = bounce.reply
    while reply.wrapped_by:
        reply = reply.wrapped_by
    return reply.code or (int(reply.enhanced[0]) * 100 if reply.enhanced else None) or bounce.reply.code


def said_of(bounce: Bounce, digit: str) -> str:
    """What the service that sent the mail calls it, HARD, SOFT or "": in its event, or at the head of a phrase without a code."""
    terms = [term.casefold() for term in bounce.esp_terms]
    if any(term in HARD_WORDS for term in terms):
        return HARD
    said = SOFT if any(term in SOFT_WORDS for term in terms) else ""
    if digit:
        return said
    heads = [head.lstrip() for head in (bounce.reply.text[:24].casefold(), *terms)]
    found = [meant for head, meant in HEADS.items() if any(one.startswith(head) for one in heads)]
    return HARD if HARD in found else said or (found[0] if found else "")
