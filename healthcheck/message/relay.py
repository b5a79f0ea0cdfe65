"""What the way of a message, and what receivers wrote on it, give to say: findings, with the lines that show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..catalog import catalog
from ..model import Answer, Claim, Finding, Hop, Outcome, Status
from .content import received_line, spell
from .parse import Pasted
from .way import Way

# servers that write one of these note it where there was TLS (RFC 3848); of others nothing can be said
_SAYS_TLS = frozenset(("SMTP", "ESMTP", "ESMTPA", "UTF8SMTP", "LMTP"))


def findings(pasted: Pasted, way: Way, claims: Sequence[Claim], subject: str) -> tuple[Finding, ...]:
    """About the relay chain, the claims that the receiver did not write, and whether the body is whole. Pure, never raises.

    Delays and clocks are what servers noted; below the receiver's own lines anybody may have noted anything.
    """
    out = [*_way(pasted, way, subject)]
    forged = [claim for claim in claims if claim.trusted is False]
    if forged:
        who = list(dict.fromkeys(claim.who or claim.field_name for claim in forged))[:5]
        evidence = tuple(Answer(claim.field_name, "header", Outcome.FOUND, (claim.text,)) for claim in forged[:5])
        out.append(Finding("MSG008", Status.NOTE, subject, {"count": len(forged), "who": who}, evidence))
    if not pasted.whole_body and pasted.all("dkim-signature"):
        out.append(Finding("MSG009", Status.NOTE, subject, {"reason": _because("MSG009", _why_not_whole(pasted))}))
    return tuple(out)


def _because(code: str, key: str, **values: Any) -> str:
    text = catalog().checks[code].reasons[key]
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def _why_not_whole(pasted: Pasted) -> str:
    if pasted.kind == "dsn" and not pasted.body.strip():
        return "dsn-headers"
    if not pasted.body.strip():
        return "only-headers"
    return "undone" if {"quoted", "indented", "spaced", "unfolded", "fenced"} & set(pasted.how) else "cut"


def _way(pasted: Pasted, way: Way, subject: str) -> Iterator[Finding]:
    if not way.hops:
        if pasted.fields:
            yield Finding("MSG002", Status.NOTE, subject, {}, (Answer("Received", "header", Outcome.NODATA),))
        return
    total = _because("MSG001", "total", time=spell(way.seconds)) if way.seconds and way.seconds > 0 else ""
    entry = None if way.entry is None else way.hops[way.entry]
    if entry is not None and entry.by and (client := entry.ip or entry.from_name):
        entered = _because("MSG001", "entered", by=entry.by, client=client)
    else:
        entered = _because("MSG001", "refused" if pasted.kind == "dsn" else "nowhere")
    shown = (entry or way.hops[-1],)
    yield Finding(
        "MSG001", Status.PASS, subject, {"count": len(way.hops), "total": total, "entered": entered}, tuple(received_line(h.text, h.order) for h in shown)
    )
    yield from _delays(way, subject)
    for host, places in way.loops:
        evidence = tuple(received_line(way.hops[n].text, way.hops[n].order) for n in places[:6])
        yield Finding("MSG005", Status.WARN, subject, {"host": host, "count": len(places)}, evidence)
    if entry is not None and entry.ip and not entry.tls and entry.protocol in _SAYS_TLS:
        yield Finding("MSG006", Status.NOTE, subject, {"by": entry.by or "", "protocol": entry.protocol}, (received_line(entry.text, entry.order),))
    if way.left_out or len(way.hops) > 50:
        yield Finding("MSG007", Status.WARN, subject, {"count": len(way.hops) + way.left_out, "left_out": way.left_out})


def _delays(way: Way, subject: str) -> Iterator[Finding]:
    if way.slow is not None:
        hop, before = way.hops[way.slow], way.hops[way.slow - 1]
        values = {"time": spell(hop.delay_s or 0), "seconds": int(hop.delay_s or 0), "by": _host(hop), "waited_at": _host(before)}
        yield Finding("MSG003", Status.NOTE, subject, values, _pair(hop, before))
    for place, seconds in way.skews[:5]:
        hop, before = way.hops[place], way.hops[place - 1]
        values = {"time": spell(seconds), "seconds": int(-seconds), "by": _host(hop), "before": _host(before)}
        yield Finding("MSG004", Status.NOTE, subject, values, _pair(hop, before))


def _host(hop: Hop) -> str:
    return hop.by or hop.from_name or f"Received {hop.order + 1}"


def _pair(hop: Hop, before: Hop) -> tuple[Answer, ...]:
    return received_line(hop.text, hop.order), received_line(before.text, before.order)
