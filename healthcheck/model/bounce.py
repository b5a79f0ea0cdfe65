"""What a pasted bounce is read as, and what is concluded from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from .report import Finding


class Kind(StrEnum):
    """What was pasted."""

    REPLY = "reply"
    TRANSCRIPT = "transcript"
    DSN = "dsn"
    BOUNCE = "bounce"
    WEBHOOK = "webhook"
    LOG = "log"
    PHRASE = "phrase"
    REPORT = "report"  # a complaint (ARF) or an authentication-failure report
    UNRECOGNISED = "unrecognised"


class Party(StrEnum):
    """Who has to act."""

    SENDER_AUTHENTICATION = "sender-authentication"
    SENDER_REPUTATION = "sender-reputation"
    SENDER_CONTENT = "sender-content"
    SENDER_CONFIG = "sender-config"
    RECIPIENT_ADDRESS = "recipient-address"
    RECIPIENT_MAILBOX = "recipient-mailbox"
    RECIPIENT_POLICY = "recipient-policy"
    NETWORK = "network"
    UNKNOWN = "unknown"
    NOT_A_BOUNCE = "not-a-bounce"

    @property
    def side(self) -> str:
        """sender | recipient | network | unknown | none."""
        return "none" if self is Party.NOT_A_BOUNCE else self.value.partition("-")[0]


class Suppress(StrEnum):
    """What to do with the address."""

    NOW = "now"
    COUNT = "count"
    HOLD = "hold"
    NEVER = "never"


class Type(StrEnum):
    HARD = "hard"
    SOFT = "soft"
    DEFERRED = "deferred"
    NONE = "none"


class Confidence(StrEnum):
    CERTAIN = "certain"  # meant to be right in 99 of 100; measured at 99 on labelled bounces, 97 on lines that nobody had read
    LIKELY = "likely"  # meant to be right in 90 of 100; measured at 93 to 95
    GUESS = "guess"


class EvidenceVerdict(StrEnum):
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    CANNOT_TELL = "cannot tell"
    NOT_LOOKED_AT = "not looked at"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply. `code` and `enhanced` as on the wire, or None. `text` is decoded, continuation lines joined by a
    space, repeated codes dropped; `code` and `enhanced` themselves stay in the text where they stood first."""

    code: int | None
    enhanced: str | None
    text: str
    wrapped_by: Reply | None = None  # the outer reply, where a relay passed on what another server had said


@dataclass(frozen=True, slots=True)
class Sender:
    """What is known of the sender, and from where: form | headers | reply | webhook.

    own_ips: the user said that the addresses are theirs. Without it no record may authorise them: an address out of a pasted
    bounce may be a forwarder's, a mailing list's, or that of whoever forged the sender.
    """

    from_domain: str | None = None
    mail_from: str | None = None  # domain of the envelope sender
    ips: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()
    source: str = "form"
    own_ips: bool = False


@dataclass(frozen=True, slots=True)
class Bounce:
    """One failed (or delayed, or delivered) recipient, as read; nothing decided yet.

    action   failed | delayed | delivered | relayed | expanded, from a DSN or said by the log or the mail; else None
    status   the DSN's Status field; the reply's own enhanced code goes before it
    notice   what the paste as a whole is, where its form says so: "auto-reply", "complaint", "auth-failure-report",
             "challenge", "receipt", "delay", "bounce" (a bounce mail that is no delay notice), else ""
    esp      the service whose event or phrase this is ("amazon_ses"), with its own words in esp_terms ("Permanent", "General")
    receiver the host that said no, or the provider's id where only that is known
    stage    connect | helo | mail | rcpt | data, where the input shows it
    input_span  where reply.text stands in the decoded input, as (from, to) code points, or None
    """

    reply: Reply
    recipient: str | None = None
    action: str | None = None
    status: str | None = None
    notice: str = ""
    esp: str | None = None
    esp_terms: tuple[str, ...] = ()
    receiver: str | None = None
    reporting_mta: str | None = None
    remote_mta: str | None = None
    stage: str | None = None
    at: str | None = None
    message_id: str | None = None
    campaign: str | None = None
    sender: Sender | None = None
    input_span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Because:
    """What decided: the rule, the words it matched and where they stand in reply.text (and in the input, where known)."""

    rule: str
    text: str
    span: tuple[int, int]
    input_span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Rival:
    """A reading that lost. `why_not` is a key of [why_not] in data/words.toml."""

    cause: str
    rule: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Retry:
    """When to try again: `when` is (least, most) seconds, or None for "after the fix"; `until` seconds to keep trying."""

    when: tuple[int, int] | None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the DNS, and the message that came back, say of the diagnosis. `why_not` is a key of [evidence] in data/words.toml, where nothing was scanned
    or nothing can be told."""

    verdict: EvidenceVerdict = EvidenceVerdict.NOT_LOOKED_AT
    promoted_from: str | None = None
    topics: tuple[str, ...] = ()
    support: tuple[Finding, ...] = ()
    against: tuple[Finding, ...] = ()
    why_not: str | None = None
    domain: str | None = None  # which domain was scanned
    left_out: tuple[str, ...] = ()  # topics that the cause asks for and that are not built yet
    of: str = "sender"  # whose domain it is: sender | recipient; nothing of a recipient's domain is the sender's to change
    message: str = ""  # what of the message was examined beside the DNS: whole | headers | failed (it could not be, just now); "" where none came back


@dataclass(frozen=True, slots=True)
class Failure:
    """What became of one recipient, and why. The axes are separate; see docs/architecture.md.

    type, final: None where the input does not say. retry: None where there is nothing to retry.
    fix: the finding whose record cures it, selected from the evidence; the words come from the cause's or the rule's row.
    """

    bounce: Bounce
    cause: str
    party: Party
    type: Type | None
    final: bool | None
    suppress: Suppress
    scope: str  # address | domain
    confidence: Confidence
    because: tuple[Because, ...] = ()
    rivals: tuple[Rival, ...] = ()
    retry: Retry | None = None
    provider: str | None = None
    rule: str | None = None
    evidence: Evidence = field(default_factory=Evidence)
    fix: Finding | None = None
    said: tuple[tuple[str, str], ...] = ()  # what the receiver wrote of SPF, DKIM and DMARC into its reply: ("dkim", "fail") …

    @property
    def side(self) -> str:
        return self.party.side


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer to one paste: what it was recognised as, and a Failure for each recipient.

    `failures` is empty only where nothing was recognised (kind UNRECOGNISED); `looked_for` is then a key of [unrecognised] in data/words.toml.
    left_out: how many of several events could not be read, and are not answered.
    """

    source: str
    kind: Kind
    format: str | None
    failures: tuple[Failure, ...]
    looked_for: str = ""
    left_out: int = 0
