"""One message as it arrived: the way it took, what its signatures are worth, what receivers wrote into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .bounce import Sender
from .dns import Answer
from .report import Finding


class Side(StrEnum):
    """Whose host wrote a Received field."""

    SENDER = "sender"
    BETWEEN = "between"  # a relay, a mailing list, a forwarder
    RECEIVER = "receiver"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Hop:
    """One Received field, in the order of travel (the oldest first).

    from_name  the name after "from": what the client said in HELO, or was called; helo: only where it is sure to be the HELO
    ip, ptr    the client's address and reverse name as the server noted them; None where it noted none
    by         the host that wrote the field; protocol: "ESMTPS" …; tls: version and cipher as noted, "" where none is
    at         seconds since 1970 UTC, None where no date can be read; zone: minutes east of UTC as written
    delay_s    seconds since the hop before, None where one of the two has no date; negative where clocks disagree
    order      its place among the Received fields of the message, from the top, 0 being the newest
    """

    from_name: str | None
    by: str | None
    ip: str | None
    ptr: str | None = None
    helo: str | None = None
    protocol: str = ""
    tls: str = ""
    id: str = ""
    for_: str = ""
    at: float | None = None
    zone: int | None = None
    delay_s: float | None = None
    side: Side = Side.UNKNOWN
    order: int = 0
    text: str = ""  # the field, unfolded, shortened


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature, or one of an ARC set, as a verifier judges it today.

    result   pass | fail | neutral | temperror | permerror | policy (RFC 8601 section 2.7.1)
    reason   "" for pass, else one of: body-altered, header-altered, key-missing, key-revoked, key-unreadable, expired, not-yet-valid,
             weak-key, weak-hash, unsupported, malformed, wrong-domain, could-not-look-up, not-verified (only headers were pasted)
    header   which signed field was altered, where that can be told; body_length: the l= tag
    aligned  strict | relaxed | no | None (unknown), against the From domain
    """

    d: str
    s: str
    result: str
    reason: str = ""
    header: str = ""
    algorithm: str = ""
    bits: int | None = None
    signed: tuple[str, ...] = ()
    body_length: int | None = None
    aligned: str | None = None
    at: float | None = None
    expires: float | None = None
    evidence: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """What one receiver wrote of one method: a part of Authentication-Results, Received-SPF, ARC-Authentication-Results or a header of its own.

    method   spf | dkim | dmarc | arc | compauth | …; result in lower case; properties: "smtp.mailfrom" -> "…", "header.d" -> "…"
    who      the authserv-id, or the host, "" where the field names none (Microsoft's own form); field: the header's name
    trusted  was it written on the receiver's side, by the host that the relay chain shows? A claim further down may be forged
    """

    method: str
    result: str
    who: str = ""
    reason: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    field_name: str = ""
    order: int = 0
    trusted: bool | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a receiver's claim and our own reckoning part. reason: key of [difference] in data/message.toml (record-changed, forwarded,
    body-altered-by-list, envelope-rewritten, key-rotated, only-headers, could-not-look-up, unexplained)."""

    claim: Claim
    ours: str
    reason: str


@dataclass(frozen=True, slots=True)
class SpfSeen:
    """SPF of the connecting address and the envelope sender, by pyspf today. result as in RFC 7208 section 2.6, or "unknown" where nothing is known to judge."""

    result: str
    ip: str | None = None
    mail_from: str | None = None
    helo: str | None = None
    mechanism: str | None = None
    problem: str = ""
    aligned: str | None = None
    evidence: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class DmarcSeen:
    """DMARC by RFC 9989. result: pass | fail | none | temperror | permerror | unknown; policy: what applies to the From domain; by: the identifiers that align."""

    result: str
    from_domain: str | None = None
    policy: str | None = None
    disposition: str | None = None
    by: tuple[str, ...] = ()
    evidence: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class ArcSeen:
    """The ARC chain (RFC 8617). result: pass | fail | none | unknown; sealers: d= of each set, oldest first."""

    result: str
    reason: str = ""
    sealers: tuple[str, ...] = ()
    evidence: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class Examination:
    """What happened to a message: the answer of examine(). kind: message | headers | dsn (its returned original was taken) | unrecognised."""

    source: str
    kind: str
    hops: tuple[Hop, ...] = ()
    spf: SpfSeen | None = None
    dkim: tuple[Signature, ...] = ()
    dmarc: DmarcSeen | None = None
    arc: ArcSeen | None = None
    claimed: tuple[Claim, ...] = ()
    differences: tuple[Difference, ...] = ()
    sender: Sender | None = None
    findings: tuple[Finding, ...] = ()
    transcript: tuple[Answer, ...] = ()
    whole_body: bool = False  # is the body there as it was sent? Else no signature can be verified
