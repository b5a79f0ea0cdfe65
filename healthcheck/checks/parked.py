"""What a domain wants that neither sends nor takes mail, by the user's own word (profile "non-sending"): "v=spf1 -all" (RFC 7208
section 10.1.2), a null MX (RFC 7505) and DMARC with p=reject (RFC 9989 section 4.7).

No topic: it reads what they gathered, and its findings stand among theirs. A record that it proposes outright lets nobody in and
shuts out nobody who is let in today. Where something speaks for mail that is sent all the same (an SPF record that names senders, a
DKIM key, mail hosts that work, a sending address or a selector in the input), or where that could not be found out, the user chooses
and reads what stands against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..model import Answer, Choice, Finding, Record, Status
from .base import because, finding

if TYPE_CHECKING:
    from .facts import Facts
    from .spf.tree import Node

CLOSED = "v=spf1 -all"
NULL_MX = "0 ."
REJECT = ("v=DMARC1", "p=reject")
SHOWN = 8  # senders that a choice names
_SPF = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)  # RFC 7208 section 4.5
_DMARC = re.compile(r"\s*v\s*=\s*dmarc1", re.IGNORECASE)
_LEFT_OUT = ("v", "p", "sp", "np", "t", "pct", "rf", "ri")  # replaced by p=reject for all, or gone with RFC 9989


def judge(topic: str, facts: Facts) -> Iterator[Finding]:
    """The findings of one topic ("spf", "mx", "dmarc") about a domain that is parked. Pure.

    Nothing where all is as it should be, where it could not be looked up (the topic says so), and where the domain does not exist.
    """
    if facts.mx is not None and facts.mx.exists is False:
        return
    match topic:
        case "mx":
            yield from _mx(facts)
        case "spf":
            yield from _spf(facts)
        case "dmarc":
            yield from _dmarc(facts)


def _entered(facts: Facts) -> tuple[str, ...]:
    """What the same input says that sends."""
    given = facts.input
    return (*given.ips, *given.selectors, *((given.mail_from,) if given.mail_from else ()))


def _against(code: str, **found: tuple[str, ...]) -> str:
    """What speaks against closing the domain, in words: the row's reason for each kind, and what was found. Nothing where nothing does."""
    return "; ".join(f"{because(code, kind)}{', '.join(names[:SHOWN])}" for kind, names in found.items() if names)[:600]


def _mx(facts: Facts) -> Iterator[Finding]:
    mx = facts.mx
    if mx is None or mx.state not in ("none", "implicit", "present"):
        return
    record = None if mx.answer.aliases else Record(mx.domain, "MX", mx.answer.values, (NULL_MX,))
    if mx.state == "present":
        hosts = ", ".join(mx.answer.values)
        choices = [Choice("null", {"domain": mx.domain}, record), Choice("keep", {"domain": mx.domain})]
        yield finding("PRK003", Status.WARN, mx.domain, [mx.answer], choices=choices, domain=mx.domain, hosts=hosts)
        return
    # RFC 5321 section 5.1: without MX records its own address takes the mail; without one of those nobody tries for long
    status = Status.WARN if mx.state == "implicit" else Status.NOTE
    addresses = ", ".join(a for host in mx.hosts for a in host.addresses)
    reason = because("PRK002", mx.state)
    yield finding("PRK002", status, mx.domain, (mx.answer, *mx.others), record=record, domain=mx.domain, reason=reason, addresses=addresses)


# ------------------------------------------------------------------ spf


def _present(facts: Facts) -> tuple[Answer, tuple[str, ...], Node | None] | None:
    """The domain's own SPF records, with the tree of the one; None where they are not known."""
    domain, spf = facts.input.domain.name, facts.spf
    if spf is None:
        return None
    own = spf.domain == domain
    answer = spf.answer if own else spf.from_domain.answer if spf.from_domain is not None else None
    if answer is None or (answer.unsure and not answer.looped):
        return None
    return answer, tuple(text for text in answer.values if _SPF.match(text)), spf.tree if own else spf.from_domain


def _spf(facts: Facts) -> Iterator[Finding]:
    present = _present(facts)
    why = _open(*present[1:]) if present is not None else None
    if present is None or why is None:
        return
    domain, (answer, found, _) = facts.input.domain.name, present
    record = None if answer.aliases or answer.looped else Record(domain, "TXT", found, (CLOSED,))
    # a proposal never drops a term that authorises mail today: what names anybody is for the user to give up
    against = _against("PRK001", named=_senders(facts) or (), given=_entered(facts))
    choices = [Choice("close", {"domain": domain, "against": against}, record), Choice("sends", {"domain": domain})] if record and against else []
    yield finding(
        "PRK001",
        Status.WARN if why == "soft" else Status.FAIL,
        domain,
        [answer],
        record=None if choices else record,
        choices=choices,
        domain=domain,
        reason=because("PRK001", why),
        text=f"“{found[0][:200]}”" if len(found) == 1 else "",
    )


def _senders(facts: Facts) -> tuple[str, ...] | None:
    """What the SPF records name that may send, as it stands there; None where that is not known."""
    present = _present(facts)
    if present is None:
        return None
    _, found, tree = present
    why = _open(found, tree)
    if why is None:
        # closed; or a redirect whose target gave no answer
        return None if tree is not None and any(node.error == "unknown" for node in tree.walk()) else ()
    if why in ("missing", "soft"):
        return ()
    # several records are an error today, and one that cannot be read is: what they name was meant to send all the same
    named = tuple(word for text in found for word in text.split()[1:] if word[0] not in "-~?" and _names(word))
    return named or (found if why == "open" else ())


def _names(word: str) -> bool:
    """Is it no modifier, or the one that leads to another record?"""
    name, equals, _ = word.partition("=")
    return not equals or ":" in name or name.lower() == "redirect"


def _open(found: tuple[str, ...], tree: Node | None) -> str | None:
    """Why the record does not say that nobody sends; None where it does, or where that could not be found out."""
    if len(found) != 1:
        return "several" if found else "missing"
    if found[0].lower().split() == CLOSED.split():
        return None
    if tree is None or tree.error not in (None, "unknown"):
        return "open"
    end = _end(tree)
    if end is None:
        # a redirect whose target gave no answer; anything else without an "all" ends in neutral (RFC 7208 section 4.7)
        return None if any(node.error == "unknown" for node in tree.walk()) else "soft" if _nobody(tree) else "open"
    if not _nobody(tree):
        return "open"
    return None if end == "-" else "soft" if end in "~?" else "open"


def _nobody(tree: Node) -> bool:
    """Is nobody let pass, as far as the record and everything it names says?"""
    named = [t for node in tree.walk() for t in node.terms if not _is_all(t) and "=" not in t.partition(":")[0]]
    return not [t for t in named if t[0] not in "-~?"]


def _is_all(term: str) -> bool:
    return term.lower().lstrip("+-~?") == "all"


def _end(tree: Node) -> str | None:
    """The qualifier of the "all" that ends the record, or of the one that it is redirected to; None where there is none."""
    for term in tree.terms:
        if _is_all(term):
            return term[0] if term[0] in "+-~?" else "+"
    onward = next((node for node in tree.children if node.via.lower().startswith("redirect=")), None)
    return _end(onward) if onward is not None else None


# ------------------------------------------------------------------ dmarc


def _dmarc(facts: Facts) -> Iterator[Finding]:
    dmarc = facts.dmarc
    if dmarc is None or not dmarc.known or not dmarc.answers:
        return
    why = _weak(facts)
    if why is None:
        return
    own = dmarc.answers[0]
    record = None if own.aliases or own.unsure else Record(own.name, "TXT", own.values, (*_others(own), _rejecting(facts)))
    senders, dkim = _senders(facts), facts.dkim
    unknown = (*(("SPF",) if senders is None else ()), *(("DKIM",) if dkim is None or (dkim.unsure and not dkim.usable) else ()))
    # a proposal makes DMARC stricter only where nothing is known that could send
    against = _against("PRK004", named=senders or (), keys=dkim.usable if dkim else (), given=_entered(facts), unknown=unknown)
    choices = [Choice("reject", {"domain": dmarc.domain, "against": against}, record), Choice("sends", {"domain": dmarc.domain})] if record and against else []
    evidence = [a for a in dmarc.answers if a.found and any(_DMARC.match(text) for text in a.values)] or dmarc.answers
    yield finding(
        "PRK004",
        Status.WARN if why in ("quarantine", "testing", "below") else Status.FAIL,
        dmarc.domain,
        evidence,
        record=None if choices else record,
        choices=choices,
        domain=dmarc.domain,
        name=own.name,
        reason=because("PRK004", why),
    )


def _weak(facts: Facts) -> str | None:
    """Why mail in the domain's name, or below it, is not refused; None where it is, or where that could not be found out."""
    dmarc = facts.dmarc
    assert dmarc is not None
    record = dmarc.parsed
    if record is None:
        return "several" if dmarc.several else "missing"
    if record.recovered:
        return "broken"  # as good as p=none, or no DMARC at all (RFC 9989 section 4.10.1)
    if dmarc.asked is None:
        return None  # whether the name exists, and so which tag holds, was not answered
    if dmarc.asked != "reject":
        return dmarc.asked
    if record.testing:
        return "testing"
    weaker = dmarc.found_at == dmarc.domain and (record.for_subdomains, record.for_nonexistent) != ("reject", "reject")
    return "below" if weaker else None


def _others(own: Answer) -> tuple[str, ...]:
    """What stands at the name and is no DMARC record, well or badly written."""
    return tuple(text for text in own.values if not _DMARC.match(text))


def _rejecting(facts: Facts) -> str:
    """The domain's own record with p=reject for itself and all below it, its report addresses kept; a fresh one where it has none."""
    dmarc = facts.dmarc
    assert dmarc is not None
    if dmarc.parsed is None or dmarc.found_at != dmarc.domain:
        return "; ".join(REJECT)
    bad = {tag for tag, _, why in dmarc.parsed.bad if why.startswith("bad-")}
    kept = [f"{tag}={value}" for tag, value in dmarc.parsed.tags if tag not in _LEFT_OUT and tag not in bad]
    return "; ".join([*REJECT, *kept])
