"""The shapes that cross a wall: frozen values, no behaviour beyond reading themselves.

A domain's way: Question -> Answer -> (facts of a topic) -> Finding -> Report.
A bounce's way: text -> Bounce -> Failure -> Diagnosis.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import idna

from .errors import DomainError, InputError


MAX_INPUT = 1 << 20  # octets of pasted text that are answered; more is HTTP 413, or exit 2


class Status(StrEnum):
    """What a finding says. UNKNOWN: could not find out. It is never a synonym of absent."""

    PASS = "pass"
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


VERDICT_ORDER = (Status.FAIL, Status.UNKNOWN, Status.WARN, Status.NOTE, Status.PASS)


def worst(statuses: Any) -> Status:
    """The verdict over some statuses: fail > unknown > warn > note > pass; pass where there are none.

    >>> worst([Status.NOTE, Status.UNKNOWN, Status.PASS]).value
    'unknown'
    """
    return min(statuses, key=VERDICT_ORDER.index, default=Status.PASS)


class Outcome(StrEnum):
    """The outcome of one DNS question. Nine, never two: a bool for "exists" is a bug."""

    FOUND = "found"
    NODATA = "nodata"  # the name exists, without records of this type
    NXDOMAIN = "nxdomain"  # the name does not exist, nor anything below it (RFC 8020)
    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    BOGUS = "bogus"  # a validating resolver says that DNSSEC is broken here
    ERROR = "error"  # a malformed answer, a CNAME loop, a name that cannot be asked …
    NOT_ASKED = "not-asked"  # budget or deadline spent, or a name outside the files with --only-zone


class Secure(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    DRAFT = "draft"  # the answer came from a zone file, not from the DNS


# ------------------------------------------------------------------ domains


_URL = re.compile(r"^[a-z][a-z0-9+.-]*://([^/?#]*)", re.IGNORECASE)
_IPV4 = re.compile(r"^\d{1,3}(\.\d{1,3}){3}$")


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain name, ready to be asked: lower case, A-labels, no trailing dot."""

    name: str
    shown: str  # with U-labels, for people

    @classmethod
    def parse(cls, text: str) -> Domain:
        """The domain that a person meant: a pasted URL, an address, a trailing dot and capitals are all understood.

        Raises DomainError, with what to enter instead, for anything that cannot be one. Pure.
        Standard: RFC 1035 section 2.3.4 (63 octets a label, 253 a name), RFC 5891 (IDNA).

        >>> Domain.parse("https://Example.COM:443/path").name
        'example.com'
        >>> Domain.parse("Jane <jane@bücher.example>").name
        'xn--bcher-kva.example'
        """
        raw = text.strip().strip("\"'`,;").strip()
        short = raw if len(raw) <= 60 else raw[:57] + "…"
        if not raw:
            raise DomainError("Nothing was entered. Enter a domain such as example.com.")
        if any(ord(c) < 32 or ord(c) == 127 for c in raw):
            raise DomainError("The name holds control characters. Enter a domain such as example.com.")
        if url := _URL.match(raw):
            raw = url.group(1).rpartition("@")[2]
        elif "@" in raw:
            raw = raw.rpartition("@")[2].rstrip(">) ")
        elif "/" in raw:
            raw = raw.partition("/")[0]
        if raw.startswith("[") or raw.count(":") > 1 or _IPV4.match(raw):
            raise DomainError(
                f"“{short}” is an IP address. Enter the domain that the mail is sent from; an address goes into the field for sending addresses (--ip)."
            )
        host, _, port = raw.partition(":")
        if port and not port.isdigit():
            raise DomainError(f"“{short}” is no domain name. Enter a domain such as example.com.")
        host = host.replace("。", ".").rstrip(".").strip()
        if not host or host.startswith(".") or ".." in host:
            raise DomainError(f"“{short}” has an empty label (two dots in a row, or a dot in front). Enter a domain such as example.com.")
        labels = [_label(label, short) for label in host.split(".")]
        if marked := [i for i, label in enumerate(labels) if label.startswith("_")]:
            labels = labels[marked[-1] + 1 :]  # _dmarc.example.com, s1._domainkey.example.com: the domain it belongs to
        name = ".".join(labels)
        if len(name) > 253:
            raise DomainError(f"“{short}” is {len(name)} characters long; a domain name has at most 253 (RFC 1035 section 2.3.4).")
        if len(labels) < 2:
            raise DomainError(f"“{short}” is a top-level domain or a lone host name. Enter a domain with a dot, such as example.com.")
        if labels[-1].isdigit():
            raise DomainError(f"“{short}” ends in a number, which no top-level domain does. Enter a domain such as example.com.")
        return cls(name, ".".join(_shown(label) for label in labels))

    def __str__(self) -> str:
        return self.name


def _label(label: str, short: str) -> str:
    if label.isascii():
        out = label.lower()
        if not re.fullmatch(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", out):
            raise DomainError(f"“{short}” has a label with characters that no domain name holds: “{label[:40]}”. Letters, digits and hyphens make a label.")
    else:
        try:
            out = idna.encode(label, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            if len(label) > 63:
                raise DomainError(f"“{short}” has a label of {len(label)} characters; a label has at most 63 (RFC 1035 section 2.3.4).") from None
            raise DomainError(f"“{short}” is no internationalised domain name: {error}.") from None
    if len(out) > 63:
        raise DomainError(f"“{short}” has a label of {len(out)} characters; a label has at most 63 (RFC 1035 section 2.3.4).")
    return out


def _shown(label: str) -> str:
    if label.startswith("xn--"):
        try:
            return idna.decode(label)
        except (idna.IDNAError, UnicodeError):
            return label
    return label


# ------------------------------------------------------------------ DNS


@dataclass(frozen=True, slots=True)
class Question:
    """One DNS question. `name` is lower case, A-labels, without the trailing dot; `rtype` is "TXT", "MX" …

    role    why it is asked, for the topics' foresee: an answer to a question with role "mx-host" is foreseen as such
    fixed   its name comes from a fixed list (blocklists, common selectors) and is charged to that budget
    shared  its answer holds for every scan (a blocklist's self-test) and is kept by the World for an hour
    """

    name: str
    rtype: str
    role: str = ""
    fixed: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question brought.

    values   presentation form, one per record: "192.0.2.1", "10 mx.example.net", the joined strings of a TXT record.
             Names without the trailing dot (the root is "."). Only FOUND has any.
    strings  TXT only: the character strings of each record as octets, before joining.
    aliases  the CNAME targets followed, in order.
    secure   DNSSEC state: yes only from a resolver that was shown to validate.
    detail   what went wrong, in words, where something did ("192.0.2.53: timed out after 3 tries").
    server   who answered ("192.0.2.53", "zone file shop.zone:3"), or "".
    """

    name: str
    rtype: str
    outcome: Outcome
    values: tuple[str, ...] = ()
    ttl: int | None = None
    secure: Secure = Secure.UNKNOWN
    aliases: tuple[str, ...] = ()
    detail: str = ""
    strings: tuple[tuple[bytes, ...], ...] = ()
    server: str = ""

    @property
    def found(self) -> bool:
        return self.outcome is Outcome.FOUND

    @property
    def absent(self) -> bool:
        """True only where the DNS said that there is none. Not the opposite of `found`."""
        return self.outcome in (Outcome.NODATA, Outcome.NXDOMAIN)

    @property
    def unsure(self) -> bool:
        """Neither found nor absent: nothing may be concluded but that it could not be looked up."""
        return not (self.found or self.absent)

    def mx(self) -> tuple[tuple[int, str], ...]:
        """MX values as (preference, host), best first; a null MX is (0, ".")."""
        pairs = []
        for value in self.values:
            preference, _, host = value.partition(" ")
            pairs.append((int(preference), host))
        return tuple(sorted(pairs))


# ------------------------------------------------------------------ findings and reports


@dataclass(frozen=True, slots=True)
class Record:
    """A change of one record set: what stands there now and what to publish instead (TXT values unquoted)."""

    name: str
    rtype: str
    current: tuple[str, ...]
    proposed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several cures between which only the user can choose; `key` names its sentence in the finding's row."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Location:
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found out. Its words stand in the row `code` of data/checks.toml.

    subject   the name or address it is about; values: the slots of the row's message; evidence: the answers it rests on.
    record    the record to publish, only by the rules of a safe proposal; else `choices`, else the row says why there is none.
    """

    code: str
    status: Status
    subject: str
    values: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Answer, ...] = ()
    record: Record | None = None
    choices: tuple[Choice, ...] = ()
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class ScanInput:
    """What to scan. ips, selectors and mail_from are what the user, or the bounce, said of the sender."""

    domain: Domain
    ips: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()
    mail_from: str | None = None  # domain of the envelope sender; None: the same domain
    profile: str = "sending"
    source: str = ""  # as given, for the caller to recognise its input
    topics: tuple[str, ...] | None = None  # None: all


@dataclass(frozen=True, slots=True)
class TopicResult:
    verdict: Status
    summary: str
    done: bool = True


@dataclass(frozen=True, slots=True)
class Timing:
    questions: int  # sent, retries left out
    distinct: int
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a scan found out. `facts` is what was gathered, ready for JSON; `transcript` every question with its answer."""

    input: ScanInput
    domain: Domain
    profile: str
    scanned_at: datetime
    verdict: Status
    topics: Mapping[str, TopicResult]
    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]
    transcript: tuple[Answer, ...]
    timing: Timing
    left_out: tuple[str, ...] = ()  # topics that were asked for and are not built

    def of(self, *topics: str) -> tuple[Finding, ...]:
        """The findings of some topics, in the report's order."""
        from .catalog import catalog

        return tuple(f for f in self.findings if catalog().checks[f.code].topic in topics)


# ------------------------------------------------------------------ bounces


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
    CERTAIN = "certain"  # right in at least 99 of 100
    LIKELY = "likely"  # in at least 90
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
    """What is known of the sender, and from where: form | headers | reply | webhook."""

    from_domain: str | None = None
    mail_from: str | None = None  # domain of the envelope sender
    ips: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()
    source: str = "form"


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
    """What the DNS says of the diagnosis. `why_not` is a key of [evidence] in data/words.toml, where nothing was scanned
    or nothing can be told."""

    verdict: EvidenceVerdict = EvidenceVerdict.NOT_LOOKED_AT
    promoted_from: str | None = None
    topics: tuple[str, ...] = ()
    support: tuple[Finding, ...] = ()
    against: tuple[Finding, ...] = ()
    why_not: str | None = None
    domain: str | None = None  # which domain was scanned
    left_out: tuple[str, ...] = ()  # topics that the cause asks for and that are not built yet


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

    @property
    def side(self) -> str:
        return self.party.side


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer to one paste: what it was recognised as, and a Failure for each recipient.

    `failures` is empty only where nothing was recognised (kind UNRECOGNISED).
    """

    source: str
    kind: Kind
    format: str | None
    failures: tuple[Failure, ...]


def check_ip(text: str) -> str:
    """An address in its canonical form.

    Raises InputError for anything else. Pure.

    >>> check_ip(" 2001:DB8::1 ")
    '2001:db8::1'
    """
    from ipaddress import ip_address

    try:
        return str(ip_address(text.strip().strip("[]")))
    except ValueError:
        raise InputError(f"“{text.strip()[:60]}” is no IP address. Give one address such as 192.0.2.1 or 2001:db8::1.") from None


def check_selector(text: str) -> str:
    """A DKIM selector (one or more labels) in lower case.

    Raises InputError for anything else. Pure. Standard: RFC 6376 section 3.1.
    """
    out = text.strip().lower().removesuffix("._domainkey").strip(".")
    if not out or len(out) > 190 or not all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in out.split(".")):
        raise InputError(f"“{text.strip()[:60]}” is no DKIM selector. It is the s= of a signature, such as s1 or 2026-05.mail.")
    return out
