"""Whose is the connecting address? A mailing list, a forwarder and a forger send from hosts that are none of the sender's.

An SPF record that lists such a host lets everybody behind it send in the sender's name, so their addresses are never proposed. What shows a
relay stands in data/relays.toml; an address is called the sender's only where the message proves it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..model import Address, ArcSeen, Claim, Hop, Side, Signature, SpfSeen
from .way import org, same_side

_FILE = Path(__file__).parents[1] / "data" / "relays.toml"
MAX_SHOWN = 120
# every key that Address.because may have: keys of [whose] in data/message.toml
BECAUSE = frozenset(
    (
        "spf-covers", "signed", "ptr", "list-field", "forward-field", "envelope", "hop-between", "sealed",
        "signed-by-other", "signature-fails", "envelope-of-other", "no-signature", "spf", "nothing-shown", "no-address",
    )
)  # fmt: skip


@cache
def relays() -> Mapping[str, Any]:
    """data/relays.toml, read once."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in relays()[kind]["envelope"]), re.DOTALL)


def domain_of(address: str | None) -> str | None:
    """The domain of an address, or of a bare domain, in lower case; None of nothing. Pure."""
    text = (address or "").strip().strip("<>").rstrip(".").lower()
    return text.rpartition("@")[2] or None


def same_name(one: str | None, other: str | None) -> bool:
    return bool(one) and bool(other) and (one or "").rstrip(".").lower() == (other or "").rstrip(".").lower()


def said(claim: Claim) -> str:
    """The result of a claim in the words of RFC 8601."""
    return str(relays()["results"].get(claim.result, claim.result))


def named(claim: Claim, what: str) -> str | None:
    """What a claim says it is about: "ip", "mail_from", "d", "s", "i", "b"."""
    return next((value for name in relays()["properties"][what] if (value := claim.properties.get(name))), None)


# ------------------------------------------------------------------ marks


@dataclass(frozen=True, slots=True)
class Marks:
    """What in a message speaks of a relay. list_, forward: fields, as written; envelope: an envelope sender that a relay wrote, "" where none did."""

    list_: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()
    envelope: str = ""
    list_envelope: bool = False

    @property
    def is_list(self) -> bool:
        """Two signs, or one that only list software makes: a newsletter carries some of the fields too."""
        return bool(self.list_) and (self.list_envelope or len(self.list_) > 1)

    def rewritten(self, address: str) -> bool:
        return bool(_pattern("forwarder").fullmatch(address.lower()[:400]) or _pattern("list").fullmatch(address.lower()[:400]))


def marks(fields: Iterable[tuple[str, str]], mail_from: str | None = None, *, refused: Iterable[str | None] = ()) -> Marks:
    """What the fields of a message, (name, value) from the top, and its envelope sender say of relays. Pure; linear.

    refused   of a bounce: the recipients to whom it could not be delivered

    >>> marks([("List-Post", "<mailto:list@lists.example.net>")], "list-bounces@lists.example.net").is_list
    True
    """
    rows = relays()
    listed: list[str] = []
    forward: list[str] = []
    delivered: dict[str, str] = {}
    for name, value in fields:
        low, words = name.strip().lower(), " ".join(value[:400].split())
        shown = f"{name.strip()}: {words}"[:MAX_SHOWN]
        if low in rows["list"]["fields"] or (low == "precedence" and words.lower() in rows["list"]["precedence"]):
            listed.append(shown)
        elif low in rows["forwarder"]["fields"]:
            forward.append(shown)
        elif low == "delivered-to" and "@" in words:
            delivered.setdefault(words.lower().strip("<>"), shown)
        if low == "return-path" and mail_from is None:
            mail_from = words
    if delivered and len({domain_of(address) for address in (*delivered, *filter(None, refused))}) > 1:
        # delivered in one place, and then in another, or on its way there
        forward.extend(list(delivered.values())[:2])
    sender = (mail_from or "").strip().strip("<>").lower()[:400]
    is_list, is_forwarder = bool(_pattern("list").fullmatch(sender)), bool(_pattern("forwarder").fullmatch(sender))
    return Marks(tuple(listed[:5]), tuple(forward[:5]), sender if is_list or is_forwarder else "", is_list)


def own_list(found: Marks, from_domain: str | None) -> bool:
    """Is the list one of the organization in From: a list's own mail, or a message whose From the list wrote? Pure.

    Only where all that names the list's home, the addresses in its fields and its envelope sender, is of that organization.
    """
    homes = {org(name) for text in found.list_ for name in _ADDRESS.findall(text)} | ({org(domain_of(found.envelope))} if found.list_envelope else set())
    return bool(homes) and bool(from_domain) and homes == {org(from_domain)} and not found.forward


_ADDRESS = re.compile(r"@([A-Za-z0-9.-]{1,200})")

# ------------------------------------------------------------------ whose


def whose(
    ip: str | None,
    *,
    hops: Sequence[Hop],
    found: Marks,
    from_domain: str | None,
    mail_from: str | None,
    spf: SpfSeen | None,
    signatures: Sequence[Signature],
    arc: ArcSeen | None = None,
    refused: Iterable[str | None] = (),
) -> Address:
    """Whose the connecting address is, by what the message shows: sender | forwarder | mailing-list | forged | unknown. Pure.

    Without an address (ip None) it is that of whoever handed the message on last, and only a relay is told.
    sender    SPF passes for it with an aligned domain; or its reverse name, as the receiver noted it, belongs to the From domain; or the
              message came straight from it and holds an aligned signature
    forged    nothing but the From field speaks of the domain: no signature holds, the envelope is another's, SPF does not pass. It may also
              be a service that nobody told the domain's owner of: the words have to leave that open
    refused   of a bounce: the recipients to whom it could not be delivered. Then a host in between that had the message for the same recipient may as well
              be the sender's own way out (a gateway, a smarthost), and is not called a forwarder's for that alone
    Never from a name that the client gave itself. "unknown" is no permission: what is not shown to be the sender's is not to be proposed.
    """
    if not from_domain:
        return Address(ip, "unknown", (("no-address", ""),))
    hop = next((h for h in reversed(hops) if h.ip == ip and ip is not None), None)
    recipients = {name.strip("<> ").lower() for name in refused if name}
    between = [h for h in hops if h.side is Side.BETWEEN and (not recipients or _sent_on(h, recipients, arc, from_domain))]
    found = Marks() if own_list(found, from_domain) else found
    if spf is not None and spf.result == "pass" and spf.aligned in ("strict", "relaxed"):
        return Address(ip, "sender", (("spf-covers", spf.mechanism or ""),))
    if found.is_list or (found.list_ and (between or _elsewhere(mail_from, from_domain))):
        return Address(ip, "mailing-list", _because(found.list_, "list-field", found.envelope, between))
    if found.forward or found.envelope or between or _sealed(arc, from_domain, hops):
        sealed = [("sealed", d) for d in _sealed(arc, from_domain, hops)]
        return Address(ip, "forwarder", (*_because(found.forward, "forward-field", found.envelope, between), *sealed))
    if ip is None:
        return Address(ip, "unknown", (("no-address", ""),))
    good = [s for s in signatures if s.result == "pass"]
    own = next((s for s in good if s.aligned in ("strict", "relaxed")), None)
    if own is not None:
        return Address(ip, "sender", (("signed", own.d),))
    if hop is not None and hop.ptr and same_side(hop.ptr, from_domain):
        return Address(ip, "sender", (("ptr", hop.ptr),))
    return _nobody(ip, hop, from_domain, mail_from, spf, signatures, good)


def _nobody(
    ip: str,
    hop: Hop | None,
    from_domain: str,
    mail_from: str | None,
    spf: SpfSeen | None,
    signatures: Sequence[Signature],
    good: Sequence[Signature],
) -> Address:
    if good:
        return Address(ip, "unknown", (("signed-by-other", good[0].d),))
    claimed = [s for s in signatures if s.aligned != "no"]
    if claimed:
        # a signature that does not hold may be the domain's own, altered on the way
        return Address(ip, "unknown", (("signature-fails", f"{claimed[0].d}: {claimed[0].reason}"),))
    named_ = hop is not None and (same_side(hop.helo, from_domain) or same_side(hop.from_name, from_domain))
    if (
        not mail_from
        or not _elsewhere(mail_from, from_domain)
        or named_
        or spf is None
        or spf.result not in ("fail", "softfail", "none", "neutral", "permerror")
    ):
        return Address(ip, "unknown", (("nothing-shown", ""),))
    return Address(ip, "forged", (("envelope-of-other", domain_of(mail_from) or ""), ("no-signature", ""), ("spf", spf.result)))


def _elsewhere(mail_from: str | None, from_domain: str) -> bool:
    domain = domain_of(mail_from)
    return bool(domain) and org(domain) != org(from_domain)


def _because(fields: Sequence[str], key: str, envelope: str, between: Sequence[Hop]) -> tuple[tuple[str, str], ...]:
    out = [(key, text) for text in fields[:3]]
    out += [("envelope", envelope)] if envelope else []
    out += [("hop-between", h.by or h.ip or "") for h in between[:2]]
    return tuple(out)


def _sent_on(hop: Hop, recipients: set[str], arc: ArcSeen | None, from_domain: str) -> bool:
    """Does it show that this host of neither side sent the message on to another recipient: by whom it had it for, or by a seal of its own?"""
    had = hop.for_.strip("<> ").lower()
    if had:
        return had not in recipients
    return arc is not None and any(s.seal == "pass" and same_side(s.d, hop.by) and not same_side(s.d, from_domain) for s in arc.sets)


def _sealed(arc: ArcSeen | None, from_domain: str, hops: Sequence[Hop]) -> list[str]:
    """Domains that sealed the message and are neither the sender's nor the receiver's: it went through their hands."""
    receivers = [h.by for h in hops if h.side is Side.RECEIVER]
    if arc is None or not receivers:
        return []
    held = [s.d for s in arc.sets if s.seal == "pass"]
    return [d for d in held if not same_side(d, from_domain) and not any(same_side(d, by) for by in receivers)][:2]
