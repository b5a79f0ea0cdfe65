"""One message as it arrived: the way it took, what its signatures are worth, what receivers wrote into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .bounce import Bounce, Sender
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
    submission the client was a user of this host: authenticated, a local account, a web form; mail_from: the envelope sender as noted
    internal   the field names no client, or one on this host or in its own network: the message only changed programs
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
    submission: bool = False
    internal: bool = False
    mail_from: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature, as a verifier judges it today.

    result   pass | fail | neutral | policy | temperror | permerror (RFC 8601 section 2.7.1), or "unknown" with not-verified
    reason   "" for pass, else one of: body-altered, header-altered, key-missing, key-revoked, key-unreadable, key-type (k= is not what a= asks for),
             key-hash (h= of the key leaves out the hash), key-service (s= of the key leaves out mail), wrong-key (the key published today did not make this
             signature), expired, not-yet-valid, weak-key, weak-hash, unsupported, malformed, from-not-signed, wrong-domain (i= lies outside d=), strict-key
             (t=s, and i= is below d=), could-not-look-up, not-verified (only headers were pasted: neither pass nor fail)
    header   which signed fields were altered, as far as that can be shown: their names, joined by ", "
    change   what was done, where that can be shown: a key of [change] in data/message.toml; body_change likewise, of the body; shown: the words that
             came in, went or were rewritten, shortened
    header_intact, body_intact   does b= hold for the header, bh= for the body? None: cannot be told. They are said whatever the result is
    algorithm  a=; canonical: c= written out ("relaxed/simple"); identity: i=, "" where it is not given; b: the first characters of b=, as
             header.b of RFC 6008 names a signature; order: its place among the DKIM-Signature fields, from the top
    body_length the l= tag; appended: octets of the body that it leaves out
    at, expires  t= and x=
    aligned  strict | relaxed | no | None (unknown), against the From domain
    notes    keys of [note]: several-records, short-key, testing-key, body-length, expired-since (valid when it arrived)
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
    change: str = ""
    body_change: str = ""
    shown: str = ""
    header_intact: bool | None = None
    body_intact: bool | None = None
    canonical: str = ""
    identity: str = ""
    b: str = ""
    order: int = 0
    appended: int | None = None
    notes: tuple[str, ...] = ()


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
    body-altered-by-list, altered-since (the message changed after the receiver looked), envelope-rewritten, key-rotated, expired-since, policy-changed,
    only-headers, could-not-look-up, receiver-could-not-look-up, other-signature, unexplained). because: what shows it, as (key of [shows], value)."""

    claim: Claim
    ours: str
    reason: str
    because: tuple[tuple[str, str], ...] = ()


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
class ArcSet:
    """One instance of an ARC chain: who sealed, and does what it sealed hold? message, seal: pass | fail | unknown; reason: why not, as of a Signature,
    or incomplete, repeated, said-fail, bad-status, signs-seal. said: cv=; results: its ARC-Authentication-Results, unfolded, without i=."""

    instance: int
    d: str = ""
    s: str = ""
    said: str = ""
    message: str = "unknown"
    seal: str = "unknown"
    reason: str = ""
    results: str = ""


@dataclass(frozen=True, slots=True)
class ArcSeen:
    """The ARC chain (RFC 8617 section 5.2). result: pass | fail | none | unknown; sealers: d= of each set, oldest first.

    reason     "" for pass and none, else why: incomplete, repeated, too-many, said-fail, bad-status, seal-fails, message-altered, only-headers,
               could-not-look-up, …; broke_at: the instance at which it broke
    intact_from  the lowest instance from which on nobody altered the message: every ARC-Message-Signature from there up holds (oldest-pass of RFC 8617
               section 5.2). Where it is above 1, the message was altered after the set below it was written
    """

    result: str
    reason: str = ""
    sealers: tuple[str, ...] = ()
    evidence: tuple[Answer, ...] = ()
    sets: tuple[ArcSet, ...] = ()
    broke_at: int | None = None
    intact_from: int | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """The connecting address, and whose it is by what the message shows. whose: sender | forwarder | mailing-list | forged | unknown.

    Only the sender's own may stand in the sender's SPF record, so `ours` alone allows a proposal; unknown does not.
    because: keys of [whose] in data/message.toml, each with the words of the message that say so.
    """

    ip: str | None
    whose: str
    because: tuple[tuple[str, str], ...] = ()

    @property
    def ours(self) -> bool:
        return self.whose == "sender"


@dataclass(frozen=True, slots=True)
class Examination:
    """What happened to a message: the answer of examine().

    kind        message | headers | dsn (its returned original was taken) | unrecognised
    recognised  what was met in the paste and undone: keys of [recognised] in data/message.toml
    entry       place among the hops of the one with which it came into the receiver's system, left: of the last one in the sender's; None where
                that does not show
    bounces     of a dsn: whom it is about, which server said no (remote_mta), at which step (stage), in which words
    dkim        where nothing was asked (offline), what the message alone shows
    """

    source: str
    kind: str
    hops: tuple[Hop, ...] = ()
    spf: SpfSeen | None = None
    dkim: tuple[Signature, ...] = ()
    dmarc: DmarcSeen | None = None
    arc: ArcSeen | None = None
    address: Address | None = None
    claimed: tuple[Claim, ...] = ()
    differences: tuple[Difference, ...] = ()
    sender: Sender | None = None
    findings: tuple[Finding, ...] = ()
    transcript: tuple[Answer, ...] = ()
    whole_body: bool = False  # is the body there as it was sent? Else no signature can be verified
    recognised: tuple[str, ...] = ()
    entry: int | None = None
    left: int | None = None
    bounces: tuple[Bounce, ...] = ()
