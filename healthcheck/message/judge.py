"""From facts to a verdict, as the receiver would have had it: alignment, SPF, DMARC; and where what a receiver wrote differs from it, why.

Pure: the look-ups are made by `examine`, and come in as arguments. A reason is given only where something in the message or the DNS shows
it; else the difference is "unexplained". RFC 7208, RFC 8601, RFC 9989.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..model import Answer, ArcSeen, Claim, Difference, DmarcSeen, Hop, Side, Signature, SpfSeen
from .way import same_side
from .whose import Marks, domain_of, named, said, same_name

ALIGNED = ("strict", "relaxed")
# every reason that a Difference may have: keys of [difference] in data/message.toml
REASONS = frozenset(
    (
        "record-changed", "policy-changed", "key-rotated", "expired-since", "local-policy",
        "forwarded", "envelope-rewritten", "other-identity", "other-address",
        "body-altered-by-list", "altered-since", "signature-removed", "written-before", "not-the-receiver",
        "only-headers", "no-address", "could-not-look-up", "receiver-could-not-look-up", "unexplained",
    )
)  # fmt: skip
KEY_GONE = frozenset({"key-missing", "key-revoked", "wrong-key", "key-unreadable"})
ALTERED = frozenset({"body-altered", "header-altered"})


class Verdict(Protocol):
    """What is read of edge.libs.SpfVerdict."""

    @property
    def result(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def mechanism(self) -> str | None: ...
    @property
    def unsure(self) -> tuple[Answer, ...]: ...


@dataclass(frozen=True, slots=True)
class DmarcPolicy:
    """What the DNS says of the From domain, out of the facts of the topic dmarc.

    known      False: a record that decides could not be looked up; published: is there a record that counts?
    policy     what applies to the From domain today: none | quarantine | reject, sp=, np= and t=y reckoned in
    orgs       domain -> its organizational domain by the tree walk, None where that is not known; of From and every identifier
    """

    known: bool
    published: bool = False
    policy: str | None = None
    adkim: str = "r"
    aspf: str = "r"
    orgs: Mapping[str, str | None] = field(default_factory=dict)
    evidence: tuple[Answer, ...] = ()


# ------------------------------------------------------------------ alignment, SPF, DMARC


def alignment(identifier: str | None, from_domain: str | None, orgs: Mapping[str, str | None]) -> str | None:
    """How an identifier stands to the From domain: strict | relaxed | no, or None where that cannot be told. Pure. RFC 9989 section 4.4.

    >>> alignment("mail.example.com", "example.com", {"mail.example.com": "example.com", "example.com": "example.com"})
    'relaxed'
    """
    if not identifier or not from_domain:
        return None
    one, other = identifier.lower().rstrip("."), from_domain.lower().rstrip(".")
    if one == other:
        return "strict"
    mine, theirs = orgs.get(one), orgs.get(other)
    if mine is None or theirs is None:
        return None
    return "relaxed" if mine == theirs else "no"


def with_alignment(signatures: Iterable[Signature], from_domain: str | None, orgs: Mapping[str, str | None]) -> tuple[Signature, ...]:
    """The signatures, each with `aligned` filled in. Pure."""
    return tuple(replace(s, aligned=alignment(s.d, from_domain, orgs)) for s in signatures)


def spf_seen(
    verdict: Verdict | None,
    *,
    ip: str | None,
    mail_from: str | None,
    helo: str | None = None,
    from_domain: str | None = None,
    orgs: Mapping[str, str | None] | None = None,
    evidence: Iterable[Answer] = (),
) -> SpfSeen:
    """SPF as the receiver would have found it today. verdict: edge.libs.spf_verdict, None where no address or no domain is known: "unknown".

    mail_from is the envelope sender, "" for the null sender, which SPF judges by HELO (RFC 7208 section 2.4). Pure.
    """
    identity = domain_of(mail_from) or (helo or "").lower().rstrip(".") or None
    if verdict is None or verdict.result == "error":
        # whose name it is shows without the address, where the envelope sender is known
        problem, whose = verdict.problem if verdict else "", alignment(identity, from_domain, orgs or {}) if mail_from is not None else None
        return SpfSeen("unknown", ip, mail_from, helo, problem=problem, aligned=whose, evidence=tuple(evidence))
    return SpfSeen(
        result=verdict.result,
        ip=ip,
        mail_from=mail_from,
        helo=helo,
        mechanism=verdict.mechanism,
        problem=verdict.problem,
        aligned=alignment(identity, from_domain, orgs or {}),
        evidence=(*evidence, *verdict.unsure),
    )


def dmarc_seen(from_domain: str | None, policy: DmarcPolicy, spf: SpfSeen | None, signatures: Sequence[Signature], *, unsigned: bool = False) -> DmarcSeen:
    """DMARC as the receiver would have found it today: pass | fail | none | temperror | unknown. Pure. RFC 9989 sections 4.4 and 5.3.

    temperror: a look-up that decides failed. unknown: the message does not say enough (no connecting address, headers alone, `unsigned`: a copy
    that may have been taken before it was signed, or with more signatures than were verified), so that an identifier may have passed; never fail for what was not seen.
    """
    if not from_domain:
        return DmarcSeen("unknown")
    seen = DmarcSeen("none", from_domain, policy.policy if policy.published else None, evidence=policy.evidence)
    if not policy.known:
        return replace(seen, result="temperror", policy=None)
    if not policy.published:
        return seen
    modes = {"dkim": ALIGNED[: 1 if policy.adkim == "s" else 2], "spf": ALIGNED[: 1 if policy.aspf == "s" else 2]}
    rows = [("dkim", s.d, s.result, s.aligned, s.header_intact is not False) for s in signatures]
    if spf is not None:
        rows.append(("spf", domain_of(spf.mail_from) or spf.helo or "", spf.result, spf.aligned, True))
    by = tuple(f"{kind}:{name}" for kind, name, result, how, _ in rows if result == "pass" and how in modes[kind])
    if by:
        return replace(seen, result="pass", disposition="none", by=tuple(dict.fromkeys(by)))
    # what may have passed, had it been seen or looked up, and would then be aligned
    open_ = [
        (result, how) for kind, _, result, how, able in rows if able and (how is None or how in modes[kind]) and result in ("pass", "temperror", "unknown")
    ]
    if any(result == "temperror" or (result == "pass" and how is None) for result, how in open_):
        return replace(seen, result="temperror")
    if open_ or spf is None or unsigned:
        return replace(seen, result="unknown")
    return replace(seen, result="fail", disposition=policy.policy)


# ------------------------------------------------------------------ what receivers wrote, and we find


@dataclass(frozen=True, slots=True)
class _Ours:
    spf: SpfSeen | None
    signatures: Sequence[Signature]
    dmarc: DmarcSeen | None
    arc: ArcSeen | None
    hops: Sequence[Hop]
    marks: Marks

    @property
    def between(self) -> Hop | None:
        return next((hop for hop in self.hops if hop.side is Side.BETWEEN), None)


def differences(
    claims: Iterable[Claim],
    *,
    spf: SpfSeen | None,
    signatures: Sequence[Signature],
    dmarc: DmarcSeen | None,
    arc: ArcSeen | None,
    hops: Sequence[Hop] = (),
    marks: Marks | None = None,
) -> tuple[Difference, ...]:
    """Where what was written in the message differs from what we find today, with the reason that something shows. Pure.

    A reason never says more than is there: "key-rotated" needs a receiver that can be believed and a key that is gone, "forwarded" a hop
    in between, "body-altered-by-list" the marks of a list. `marks`: whose.marks(…) of the message.
    """
    ours = _Ours(spf, signatures, dmarc, arc, hops, marks or Marks())
    out: list[Difference] = []
    for claim in claims:
        found = _difference(claim, ours, out)
        if found is not None:
            out.append(found)
    return tuple(out)


def _difference(claim: Claim, ours: _Ours, before: Sequence[Difference]) -> Difference | None:
    if claim.method == "spf" and ours.spf is not None and ours.spf.result != "unknown":
        return _spf(claim, ours, ours.spf)
    if claim.method == "dkim":
        return _dkim(claim, ours)
    if claim.method == "dmarc" and ours.dmarc is not None:
        return _dmarc(claim, ours, ours.dmarc, before)
    if claim.method == "arc" and ours.arc is not None:
        return _arc(claim, ours, ours.arc)
    return None


def _believed(claim: Claim, ours: _Ours) -> bool:
    """May the claim be taken for a receiver's own words: written on the receiver's side, or by a host that the relay chain shows?"""
    if claim.trusted:
        return True
    return bool(claim.who) and any(_took_over(hop) and (same_name(claim.who, hop.by) or same_side(claim.who, hop.by)) for hop in ours.hops)


def _took_over(hop: Hop) -> bool:
    """Did the host that wrote this field take the message from another organization's?"""
    if hop.side in (Side.BETWEEN, Side.RECEIVER):
        return True
    client = hop.ptr or hop.from_name
    return not (hop.internal or hop.submission) and bool(hop.ip and client) and not same_side(client, hop.by)


# ------------------------------------------------------------------ SPF


def _spf(claim: Claim, ours: _Ours, spf: SpfSeen) -> Difference | None:
    theirs = said(claim)
    if theirs == spf.result:
        return None
    reason, because = _spf_reason(claim, theirs, ours, spf)
    return Difference(claim, spf.result, reason, because)


def _spf_reason(claim: Claim, theirs: str, ours: _Ours, spf: SpfSeen) -> tuple[str, tuple[tuple[str, str], ...]]:
    domain, ip = domain_of(named(claim, "mail_from")), named(claim, "ip")
    mine = domain_of(spf.mail_from)
    if domain and mine and domain != mine:
        shown = (("claimed", domain), ("ours", mine))
        rewritten = ours.marks.envelope or any(_rewritten(hop.mail_from, ours) for hop in ours.hops)
        return ("envelope-rewritten", (*shown, ("envelope", rewritten))) if isinstance(rewritten, str) and rewritten else ("other-identity", shown)
    if ip and spf.ip and ip != spf.ip:
        hop = next((hop for hop in ours.hops if hop.ip == ip), None)
        shown = (("claimed", ip), ("ours", spf.ip))
        if hop is not None and ours.between is not None:
            return "forwarded", (*shown, ("hop", ours.between.by or ours.between.ip or ""))
        return "other-address", shown
    if theirs == "temperror":
        return "receiver-could-not-look-up", (("claimed", claim.text[:200]),)
    if spf.result == "temperror":
        return "could-not-look-up", tuple(("answer", f"{a.name} {a.rtype}: {a.outcome.value}") for a in spf.evidence if a.unsure)[:3]
    if not claim.trusted and ours.between is not None and not ip:
        return "forwarded", (("hop", ours.between.by or ours.between.ip or ""),)
    if _believed(claim, ours) and domain and domain == mine and (ip is None or ip == spf.ip):
        # the same address and the same domain: what differs is the record
        return "record-changed", (("claimed", theirs), ("ours", spf.result), ("identity", domain))
    return "unexplained", ()


def _rewritten(address: str | None, ours: _Ours) -> bool:
    return bool(address) and ours.marks.rewritten(address or "")


# ------------------------------------------------------------------ DKIM


def _dkim(claim: Claim, ours: _Ours) -> Difference | None:
    theirs = said(claim)
    about = _about(claim, ours.signatures)
    if not about:
        d = named(claim, "d") or domain_of(named(claim, "i"))
        if theirs == "pass" and d:
            return Difference(claim, "none", "signature-removed", (("claimed", d),))
        return None
    if any(_same(theirs, s.result) for s in about):
        return None
    signature = next((s for s in about if s.result == "pass"), about[0])
    if theirs == "none" and not (named(claim, "d") or named(claim, "b")):
        return Difference(claim, signature.result, "unexplained", ())
    reason, because = _dkim_reason(claim, theirs, ours, signature)
    return Difference(claim, signature.result, reason, because)


def _about(claim: Claim, signatures: Sequence[Signature]) -> list[Signature]:
    """The signatures that a claim may speak of. header.b tells them apart (RFC 6008), then d= and s=."""
    b, d, s, i = (named(claim, name) for name in ("b", "d", "s", "i"))
    if b and (found := [x for x in signatures if len(b) >= 6 and x.b.startswith(b.strip('"')[:16])]):
        return found
    d = (d or domain_of(i) or "").lower().rstrip(".")
    named_ = [x for x in signatures if not d or x.d.lower() == d or domain_of(x.identity) == d]
    return [x for x in named_ if not s or x.s.lower() == s.lower()]


def _same(theirs: str, result: str) -> bool:
    """A pass is a pass; of what is none, receivers use fail, neutral, policy and permerror each in their own way."""
    if "pass" in (theirs, result) or "temperror" in (theirs, result):
        return theirs == result
    return theirs != "none" and result != "unknown"


def _dkim_reason(claim: Claim, theirs: str, ours: _Ours, signature: Signature) -> tuple[str, tuple[tuple[str, str], ...]]:
    at = f"{signature.s}._domainkey.{signature.d}"
    if signature.reason == "not-verified":
        return "only-headers", ()
    if signature.result == "temperror":
        return "could-not-look-up", (("key", at),)
    if theirs == "temperror":
        return "receiver-could-not-look-up", (("claimed", claim.text[:200]),)
    if theirs == "pass":
        if not _believed(claim, ours):
            return "not-the-receiver", (("claimed", claim.who),)
        if signature.reason in KEY_GONE:
            return "key-rotated", (("key", at), ("ours", signature.reason))
        if signature.reason in ALTERED:
            return _altered(claim, ours, signature)
        if signature.reason in ("weak-key", "weak-hash"):
            return "local-policy", (("ours", signature.reason),)
        return "unexplained", (("ours", signature.reason),)
    if signature.result == "pass":
        words = f"{claim.reason} {claim.text}".lower()
        if "expired-since" in signature.notes or "expired" in words:
            return "expired-since", (("claimed", claim.text[:200]),)
        if _believed(claim, ours) and "key" in words.replace("domainkey", "") and "bit" not in words:
            # it found no key, or no good one, and there is one today
            return "record-changed", (("key", at), ("claimed", claim.text[:200]))
    return "unexplained", ()


def _altered(claim: Claim, ours: _Ours, signature: Signature) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A receiver saw it hold, and today it does not, with the same key: so the message changed after that receiver looked."""
    shown = [("change", signature.body_change or signature.change)] if signature.body_change or signature.change else []
    shown += [("shown", signature.shown)] if signature.shown else []
    if ours.marks.is_list:
        return "body-altered-by-list", (*shown, ("list", ours.marks.list_[0]))
    return "altered-since", (*shown, ("claimed", claim.who))


# ------------------------------------------------------------------ DMARC, ARC


def _dmarc(claim: Claim, ours: _Ours, dmarc: DmarcSeen, before: Sequence[Difference]) -> Difference | None:
    theirs = said(claim)
    if theirs == dmarc.result:
        return None
    # what made SPF or DKIM differ makes DMARC differ
    mine = [d for d in before if d.claim.who == claim.who and d.claim.method in ("dkim", "spf") and d.reason != "unexplained"]
    reason, because = "unexplained", ()  # type: tuple[str, tuple[tuple[str, str], ...]]
    if theirs == "temperror":
        reason, because = "receiver-could-not-look-up", (("claimed", claim.text[:200]),)
    elif dmarc.result == "temperror":
        reason = "could-not-look-up"
    elif dmarc.result == "unknown":
        if any(s.reason == "not-verified" for s in ours.signatures):
            reason = "only-headers"
        elif ours.spf is None or ours.spf.result == "unknown":
            reason = "no-address"
    elif "none" in (theirs, dmarc.result):
        if _believed(claim, ours):
            reason, because = "policy-changed", (("claimed", theirs), ("ours", dmarc.policy or "none"))
    elif mine:
        reason, because = mine[0].reason, mine[0].because
    elif theirs == "fail" and ours.between is not None and not claim.trusted:
        reason, because = "forwarded", (("hop", ours.between.by or ours.between.ip or ""),)
    return Difference(claim, dmarc.result, reason, because)


def _arc(claim: Claim, ours: _Ours, arc: ArcSeen) -> Difference | None:
    theirs = said(claim)
    if theirs == arc.result or theirs not in ("pass", "fail", "none", "temperror"):
        return None
    reason, because = "unexplained", ()  # type: tuple[str, tuple[tuple[str, str], ...]]
    if arc.result == "unknown":
        reason = "only-headers" if arc.reason == "only-headers" else "could-not-look-up"
    elif theirs == "temperror":
        reason = "receiver-could-not-look-up"
    elif theirs == "none" and arc.sets and not claim.trusted:
        reason, because = "written-before", (("sealed", arc.sealers[0] if arc.sealers else ""),)
    elif theirs == "pass" and not _believed(claim, ours):
        reason, because = "not-the-receiver", (("claimed", claim.who),)
    elif theirs == "pass" and arc.reason in KEY_GONE:
        reason, because = "key-rotated", (("ours", arc.reason),)
    elif theirs == "pass" and arc.reason == "message-altered":
        reason, because = "altered-since", (("claimed", claim.who),)
    return Difference(claim, arc.result, reason, because)
