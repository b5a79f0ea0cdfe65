"""What a message shows of its own authentication, as findings: which signature of the author's holds, which does not and why, whether the envelope
sender belongs to the author, what DMARC comes to.

`examine` tells them, and `explain` takes them for evidence of what a receiver claimed. Nothing here ever proposes a record: what the DNS can
mend is said by the topics of a scan, which look at the domain and not at one message. RFC 6376, RFC 9989 section 4.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..catalog import catalog
from ..model import Address, Answer, DmarcSeen, Finding, Outcome, Signature, SpfSeen, Status
from . import data
from .content import lines, shortened
from .judge import ALIGNED
from .parse import Pasted
from .whose import Marks, domain_of, own_list

# why a signature of the author's does not hold -> the finding that says so; what is not here could not be verified (MSG063)
CODES: Mapping[str, str] = {
    "body-altered": "MSG051",
    "header-altered": "MSG052",
    "expired": "MSG054",
    "not-yet-valid": "MSG055",
    "key-missing": "MSG056",
    "key-revoked": "MSG056",
    "key-unreadable": "MSG057",
    "key-type": "MSG057",
    "key-hash": "MSG057",
    "key-service": "MSG057",
    "strict-key": "MSG057",
    "wrong-key": "MSG058",
    "weak-key": "MSG059",
    "weak-hash": "MSG059",
    "malformed": "MSG060",
    "unsupported": "MSG060",
    "from-not-signed": "MSG060",
    "wrong-domain": "MSG060",
}
ALTERED = ("body-altered", "header-altered")
STRICT = {"fail": Status.FAIL, "unknown": Status.WARN, "pass": Status.NOTE}  # what strict alignment means beside what DMARC comes to
MAX_SAID = 5  # signatures that are told of one by one


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found out about one message. marks: whose.marks(…) of it; address: of the one that connected; relay: who passed it on (relay_of)."""

    pasted: Pasted
    from_domain: str | None
    spf: SpfSeen | None
    signatures: Sequence[Signature]
    dmarc: DmarcSeen | None
    address: Address | None
    marks: Marks

    @property
    def subject(self) -> str:
        return self.from_domain or "message"

    @property
    def result(self) -> str:
        return self.dmarc.result if self.dmarc else "unknown"

    @property
    def decided(self) -> bool:
        """Is it known what the DMARC record asks for? Then an identifier that passes and does not count is not aligned as it asks."""
        return self.result in STRICT

    def counts(self, method: str, name: str) -> bool:
        """Does an identifier that passed count for DMARC?"""
        return self.dmarc is not None and f"{method}:{name}" in self.dmarc.by

    @property
    def relay(self) -> str:
        """mailing-list | forwarder, where the message shows that one passed it on; else "". A list of the author's own organization is none."""
        own = own_list(self.marks, self.from_domain)
        if (self.marks.is_list and not own) or (self.address is not None and self.address.whose == "mailing-list"):
            return "mailing-list"
        if self.marks.forward or (self.marks.envelope and not own) or (self.address is not None and self.address.whose == "forwarder"):
            return "forwarder"
        return ""


def unsigned_copy(pasted: Pasted, *, received: bool) -> bool:
    """May a message without a signature have been signed all the same? Pure.

    A bounce returns the message as the server that reports it had it. Some sign before they take a message into their queue, and their copy
    holds the signature; others sign as they hand it on (`[returned]` in data/message.toml). That tells only of what they offered to another server,
    which refused it. received: the copy shows that it had left the sender.
    """
    if pasted.all("dkim-signature") or received:
        return False
    if pasted.kind == "dsn":
        return pasted.form not in data()["returned"]["signed"] or not any(b.remote_mta for b in pasted.bounces)
    return len({one.key for one in pasted.fields} & {"from", "date", "message-id", "received"}) < 4


def of_copy(signatures: Sequence[Signature]) -> tuple[Signature, ...]:
    """The signatures over a message that came back in a bounce: what the server that reports it may have done is not called an alteration. Pure.

    It may have cut the body, or given it another encoding, and left out fields; so may each server on the way back. Where it is shown that words were
    put in (undoing it makes the signature hold), that was done before; else a body that does not fit is one that could not be compared.
    """
    return tuple(_of_copy(one) for one in signatures)


def _of_copy(one: Signature) -> Signature:
    body = one.body_intact is False and one.body_change in ("", *_remade())
    header = one.header_intact is False and one.change in ("", *_remade())
    if not body and not header:
        return one
    said = replace(
        one,
        body_intact=None if body else one.body_intact,
        body_change="" if body else one.body_change,
        header_intact=None if header else one.header_intact,
        change="" if header else one.change,
        notes=(*one.notes, "copy-differs"),
    )
    if one.reason not in ALTERED:
        return said
    if said.header_intact is False:
        return replace(said, reason="header-altered")
    if said.body_intact is False:
        return replace(said, reason="body-altered")
    return replace(said, result="unknown", reason="not-verified")


def _remade() -> Sequence[str]:
    return data()["returned"]["remade"]  # type: ignore[no-any-return]


def findings(seen: Seen, *, unsigned: bool = False) -> tuple[Finding, ...]:
    """What the message shows, the likelier cause of a refusal first. Pure.

    unsigned   a copy without a signature may have been taken before it was signed: then nothing is called missing

    FAIL says that this stands against the message at a receiver that asks for it; beside another identifier that passes it is WARN or NOTE. What
    could not be verified is UNKNOWN, and what a list or a forwarder did is called theirs (MSG053).
    """
    if seen.from_domain is None or not seen.pasted.fields:
        return ()
    own = [one for one in seen.signatures if one.aligned in ALIGNED]
    held = [one for one in own if one.result == "pass"]
    left = [] if held else list(_left(seen))
    # one that was not verified may hold, and then the others' faults were no reason to refuse the message
    open_ = bool(left) or any(one.reason not in CODES for one in own if one.result != "pass")
    out = [*_held(seen, held), *_broken(seen, own, bad=Status.WARN if held or open_ else Status.FAIL), *left]
    spf, none = list(_spf(seen)), [] if own or left else list(_no_own(seen, unsigned=unsigned))
    out += [*none, *spf] if seen.signatures or seen.relay else [*spf, *none]
    return (*out, *_relayed(seen), *_dmarc(seen))


def _finding(code: str, status: Status, seen: Seen, evidence: tuple[Answer, ...], **values: Any) -> Finding:
    return Finding(code, status, seen.subject, {"from": seen.from_domain or "", **values}, evidence)


def _because(code: str, key: str) -> str:
    return catalog().checks[code].reasons[key]


# ------------------------------------------------------------------ signatures


def _held(seen: Seen, held: Sequence[Signature]) -> Iterator[Finding]:
    # RFC 9989 section 4.4: where all that hold join by the organization, and the record asks for the very name, none speaks for the author
    strict = seen.decided and bool(held) and all(one.aligned == "relaxed" and not seen.counts("dkim", one.d) for one in held)
    for one in held[:1] if not strict else ():
        yield _finding("MSG050", Status.PASS, seen, _field(seen, one), d=one.d, s=one.s)
    for one in held[:MAX_SAID]:
        if one.body_length is not None and one.appended:
            yield _finding("MSG064", Status.WARN, seen, _field(seen, one), d=one.d, s=one.s, octets=one.appended, length=one.body_length)
    if strict:
        yield _finding("MSG067", STRICT[seen.result], seen, (*_field(seen, held[0]), *_policy(seen)), identity=held[0].d, tag="adkim")


def _broken(seen: Seen, own: Sequence[Signature], *, bad: Status) -> Iterator[Finding]:
    for one in [s for s in own if s.result != "pass"][:MAX_SAID]:
        code = CODES.get(one.reason, "")
        values = {"d": one.d, "s": one.s, "key": f"{one.s}._domainkey.{one.d}"}
        if not code:
            reason = one.reason if one.reason in catalog().checks["MSG063"].reasons else "not-verified"
            reason = "copy-differs" if "copy-differs" in one.notes else reason
            yield _finding("MSG063", Status.UNKNOWN, seen, _field(seen, one), why=_because("MSG063", reason), **values)
        elif one.reason in ALTERED and seen.relay:
            marks = lines(seen.pasted, *_names(seen.marks))
            yield _finding(
                "MSG053",
                bad,
                seen,
                (*_field(seen, one), *marks),
                relay=_because("MSG053", seen.relay),
                what=_what(one, "MSG053"),
                done=_what(one, "MSG053", words=False),
                **values,
            )
        else:
            yield _finding(code, bad, seen, _field(seen, one), **_values(one, code), **values)


def _left(seen: Seen) -> Iterator[Finding]:
    """Signatures that were not looked at, since there are more than verifiers take (edge/libs_verify)."""
    fields = seen.pasted.all("dkim-signature")[len(seen.signatures) :]
    if fields:
        why = _because("MSG063", "too-many").replace("{count}", str(len(fields)))
        evidence = (Answer("DKIM-Signature", "header", Outcome.FOUND, (shortened(fields[0].value),)),)
        yield _finding("MSG063", Status.UNKNOWN, seen, evidence, why=why, d=seen.from_domain, s="?", key="?")


def _values(one: Signature, code: str) -> dict[str, Any]:
    if one.reason in ALTERED:
        return {"what": _what(one, code), "done": _what(one, code, words=False), "header": one.header or "?"}
    if one.reason in ("expired", "not-yet-valid"):
        return {"time": _moment(one.expires if one.reason == "expired" else one.at)}
    return {"why": _because(code, one.reason), "bits": one.bits or 0} if one.reason in catalog().checks[code].reasons else {}


def _moment(seconds: float | None) -> str:
    from datetime import UTC, datetime

    try:
        return f"{datetime.fromtimestamp(seconds or 0, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _what(one: Signature, code: str, *, words: bool = True) -> str:
    """What was done, in words of data/message.toml; `words`: with those of the message that came or went."""
    done = [str(data()["change"][key]) for key in dict.fromkeys((one.change, one.body_change)) if key in data()["change"]]
    if not done:
        return _because(code, "unseen")
    return "; ".join(done) + (f" (“{shortened(one.shown)}”)" if one.shown and words else "")


def _no_own(seen: Seen, *, unsigned: bool) -> Iterator[Finding]:
    """No signature is the author's. That is a fault only where it was not passed by SPF: for what asks for DKIM itself a warning says enough."""
    open_ = [one for one in seen.signatures if one.aligned is None]
    holding = [one for one in seen.signatures if one.result == "pass" and one.aligned == "no"]
    # without a DMARC record nothing asks for one of the author's own; receivers that ask by themselves are told by a warning too
    status = Status.WARN if seen.result in ("pass", "unknown", "temperror", "none") else Status.FAIL
    if unsigned and not seen.signatures:
        yield _finding(
            "MSG063", Status.UNKNOWN, seen, lines(seen.pasted, "DKIM-Signature"), why=_because("MSG063", "unsigned-copy"), d=seen.from_domain, s="?", key="?"
        )
    elif open_:
        yield _finding("MSG063", Status.UNKNOWN, seen, _field(seen, open_[0]), why=_because("MSG063", "organization"), d=open_[0].d, s=open_[0].s, key="?")
    elif holding:
        yield _finding("MSG061", status, seen, _field(seen, holding[0]), d=holding[0].d, s=holding[0].s)
    else:
        others = ", ".join(dict.fromkeys(one.d for one in seen.signatures if one.d))
        why = _because("MSG062", "others" if others else "none").replace("{others}", others)
        yield _finding("MSG062", status, seen, lines(seen.pasted, "From", "DKIM-Signature"), why=why)


def _field(seen: Seen, one: Signature) -> tuple[Answer, ...]:
    """The signature itself, and the key that it was held against."""
    fields = seen.pasted.all("dkim-signature")
    value = shortened(fields[one.order].value) if one.order < len(fields) else ""
    return Answer("DKIM-Signature", "header", Outcome.FOUND, (value,)), *one.evidence


def _names(marks: Marks) -> list[str]:
    """The names of the fields that speak of a relay."""
    return list(dict.fromkeys(shown.partition(":")[0] for shown in (*marks.list_, *marks.forward)))[:3]


# ------------------------------------------------------------------ SPF and DMARC


def _spf(seen: Seen) -> Iterator[Finding]:
    spf = seen.spf
    if spf is None or spf.aligned is None:
        return
    identity = domain_of(spf.mail_from) or spf.helo or ""
    evidence = (_envelope(seen, spf), *lines(seen.pasted, "From"), *spf.evidence)
    if spf.aligned == "no":
        status = Status.NOTE if seen.relay or seen.result == "pass" else Status.FAIL if seen.result == "fail" else Status.WARN
        yield _finding("MSG066", status, seen, evidence, identity=identity)
    elif spf.result == "pass" and spf.aligned == "relaxed" and seen.decided and not seen.counts("spf", identity):
        yield _finding("MSG067", STRICT[seen.result], seen, (*evidence, *_policy(seen)), identity=identity, tag="aspf")
    elif spf.result == "pass":
        yield _finding("MSG065", Status.PASS, seen, evidence, identity=identity, ip=spf.ip or "")


def _relayed(seen: Seen) -> Iterator[Finding]:
    """The address that connected is a list's, a forwarder's, or of somebody who has nothing of the author's but the From line."""
    address = seen.address
    key = seen.relay or (address.whose if address is not None and address.whose == "forged" else "")
    if not key:
        return
    shown = [f"{why}: {value}" if value else why for why, value in (address.because if address is not None and address.whose == key else ())]
    marks = lines(seen.pasted, *_names(seen.marks)) if _names(seen.marks) else lines(seen.pasted, "From", "DKIM-Signature")
    ip = address.ip if address is not None and address.ip else _because("MSG070", "no-address")
    yield _finding("MSG070", Status.NOTE, seen, marks, ip=ip, whose=_because("MSG070", key), kind=key, shown=shown)


def _envelope(seen: Seen, spf: SpfSeen) -> Answer:
    """The envelope sender as it is known: from Return-Path, from a server's line or result, or as the user said."""
    sender = spf.mail_from if spf.mail_from is not None else ""
    return Answer("Return-Path" if seen.pasted.all("return-path") else "MAIL FROM", "header", Outcome.FOUND, (shortened(f"<{sender}>"),))


def _policy(seen: Seen) -> tuple[Answer, ...]:
    return seen.dmarc.evidence if seen.dmarc else ()


def _dmarc(seen: Seen) -> Iterator[Finding]:
    dmarc = seen.dmarc
    if dmarc is not None and dmarc.result == "pass":
        by = [f"{kind.upper()} ({name})" for kind, _, name in (one.partition(":") for one in dmarc.by)]
        yield _finding("MSG068", Status.PASS, seen, (*lines(seen.pasted, "From"), *dmarc.evidence), by=by)
    elif dmarc is not None and dmarc.result == "fail":
        status = Status.FAIL if dmarc.policy in ("quarantine", "reject") else Status.WARN
        yield _finding("MSG069", status, seen, (*lines(seen.pasted, "From"), *dmarc.evidence), policy=dmarc.policy or "none")
