"""What goes into the API and what comes out, for validation and for the OpenAPI description."""

from __future__ import annotations

from typing import Any, Literal

from flask_openapi3 import RawModel  # type: ignore[attr-defined]
from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["pass", "note", "warn", "fail", "unknown"]
ProfileName = Literal["sending", "bulk", "non-sending", "receiving"]
TopicName = Literal[
    "mx", "recipient", "spf", "dkim", "dmarc", "alignment", "ptr", "dnsbl", "mta-sts", "tls-rpt", "dane", "dnssec", "starttls", "bimi", "nameservers"
]  # fmt: skip
CellState = Literal["broken", "met", "unknown", "not-in-dns", "not-asked"]
FailOn = Literal["fail", "warn", "note", "never"]
Unknown = Literal["fail", "warn", "pass"]

TAG = {"ETag": {"description": "Weak: the same for two reports that say the same at different times.", "schema": {"type": "string"}}}
LEFT = {
    "RateLimit-Limit": {"description": "How many requests of this kind a minute allows.", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "How many of them are left.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until the oldest of them is forgotten.", "schema": {"type": "integer"}},
}
NOT_CHANGED: dict[str, Any] = {"description": "What If-None-Match names is still what would be said", "headers": TAG}


class Problem(BaseModel):
    """An error. RFC 9457."""

    type: str = Field(default="about:blank", description="What kind of problem it is: a path on this server, where a GET tells what it means.")
    title: str
    status: int
    detail: str = Field(description="What was wrong, where, and what to do.")
    errors: list[dict[str, str]] = Field(default=[], description="Each field that cannot be used: where it stands, and what is wrong with it.")


class DomainPath(BaseModel):
    domain: str = Field(description="The domain to check. Capitals, a trailing dot and U-labels are understood.", json_schema_extra={"example": "shop.example"})


class CodePath(BaseModel):
    code: str = Field(description="An enhanced status code or a reply code.", json_schema_extra={"example": "5.7.26"})


class CheckPath(BaseModel):
    code: str = Field(description="A finding's code or slug.", json_schema_extra={"example": "SPF004"})


class ProblemPath(BaseModel):
    slug: str = Field(description="The last part of a problem's type.", json_schema_extra={"example": "too-many-requests"})


class BadgeQuery(BaseModel):
    ip: list[str] = Field(
        default=[], max_length=16, description="An address that the mail is sent from; repeatable.", json_schema_extra={"example": ["203.0.113.77"]}
    )
    selector: list[str] = Field(default=[], max_length=16, description="A DKIM selector in use; repeatable.", json_schema_extra={"example": ["s1"]})
    profile: ProfileName = Field(default="sending", description="What the domain is for; non-sending is a parked one, which neither sends nor takes mail.")


class ScanQuery(BadgeQuery):
    mail_from: str | None = Field(
        default=None, description="The domain of the envelope sender, where it differs.", json_schema_extra={"example": "bounces.shop.example"}
    )
    topic: list[TopicName] = Field(default=[], max_length=15, description="Report on these topics only; repeatable. Usual are all but recipient and starttls.")
    starttls: bool = Field(
        default=False, description="Connect to the domain's mail hosts on port 25 and say how they take TLS. Nothing is connected there otherwise."
    )
    helo: str | None = Field(
        default=None, max_length=300, description="The name that the sending servers say in EHLO.", json_schema_extra={"example": "mail.shop.example"}
    )
    fail_on: FailOn = Field(default="fail", description="The least severe finding with which `passed` is false; never: it is true whatever is found.")
    unknown: Unknown | None = Field(
        default=None, description="What a core check that could not be made counts as. Without it `exit_code` is 3 and `passed` null, where nothing failed."
    )


class ScanBody(BaseModel):
    """What to check, and the zones to check it in before they are published. Who answers DNS questions cannot be chosen."""

    model_config = ConfigDict(extra="forbid", strict=True)

    domain: str = Field(description="The domain to check.", examples=["shop.example"])
    ips: list[str] = Field(default=[], max_length=16, description="Addresses that the mail is sent from.")
    selectors: list[str] = Field(default=[], max_length=16, description="DKIM selectors in use.")
    mail_from: str | None = Field(default=None, description="The domain of the envelope sender, where it differs.")
    profile: ProfileName = Field(default="sending", description="What the domain is for.")
    topics: list[TopicName] = Field(default=[], max_length=15, description="Report on these topics only. Usual are all but recipient and starttls.")
    starttls: bool = Field(default=False, description="Connect to the domain's mail hosts on port 25 and say how they take TLS.")
    helo: str | None = Field(default=None, max_length=300, description="The name that the sending servers say in EHLO.")
    fail_on: FailOn = Field(default="fail", description="The least severe finding with which `passed` is false.")
    unknown: Unknown | None = Field(default=None, description="What a core check that could not be made counts as.")
    zone: str | dict[str, str] | None = Field(
        default=None,
        description="A master file (RFC 1035 section 5) as text, or several by their names; laid over the live DNS. At most 1 MiB, 10000 lines and 16 texts. "
        "$INCLUDE and $GENERATE are refused.",
    )
    only_zone: bool = Field(default=False, description="Ask nothing but the zones; what they do not hold is reported as not asked.")


class ScanRaw(RawModel):
    mimetypes: list[str] = ["application/json"]  # noqa: RUF012  (the library's own shape)


class ExplainBody(BaseModel):
    """What came back, and what is known of the sender."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid", strict=True)

    text: str = Field(description="A reply, a transcript, a log line, or a whole bounce mail. At most 1 MiB.")
    from_domain: str | None = Field(default=None, alias="from", description="The domain of the From header.")
    mail_from: str | None = Field(default=None, description="The domain of the envelope sender.")
    ip: str | list[str] | None = Field(default=None, description="An address that the mail was sent from, or several.")
    selectors: list[str] = Field(default=[], description="DKIM selectors in use.")
    offline: bool = Field(default=False, description="True: ask no network; the evidence is then “not looked at”.")


class ExplainQuery(BaseModel):
    """For a raw body: the same fields in the query."""

    from_domain: str | None = Field(default=None, alias="from")
    mail_from: str | None = None
    ip: list[str] = []
    selector: list[str] = []
    offline: bool = False


class ExplainRaw(RawModel):
    mimetypes: list[str] = ["application/json", "message/rfc822", "text/plain"]  # noqa: RUF012  (the library's own shape)


class ExamineBody(ExplainBody):
    """A message, and what is known of its sender."""

    text: str = Field(description="The header of a message, its whole source, or a bounce, of which the message that came back is taken. At most 1 MiB.")
    ip: str | list[str] | None = Field(
        default=None, description="The address, of the sender's, that connected to the receiver; of several the first is judged."
    )
    selectors: list[str] = Field(default=[], description="DKIM selectors in use; they are handed on in the answer's `sender`.")
    offline: bool = Field(default=False, description="True: ask no network; SPF and DMARC are then null.")
    redact: bool = Field(default=False, description="True: the local part of every address in the answer is masked.")


class ExamineQuery(ExplainQuery):
    redact: bool = False


class Open(BaseModel):
    """Fields may be added."""

    model_config = ConfigDict(extra="allow")


class RecordOut(Open):
    name: str
    type: str
    current: list[str]
    proposed: list[str]


class ChoiceOut(Open):
    summary: str
    record: RecordOut | None


class FixOut(Open):
    summary: str
    steps: list[str]
    record: RecordOut | None
    choices: list[ChoiceOut]
    why_no_record: str | None


class AnswerOut(Open):
    name: str
    type: str
    outcome: Literal["found", "nodata", "nxdomain", "servfail", "refused", "timeout", "bogus", "error", "not-asked"]
    values: list[str]
    ttl: int | None
    secure: Literal["yes", "no", "unknown", "draft"]


class FindingOut(Open):
    code: str
    slug: str
    topic: str
    status: Verdict
    subject: str
    title: str
    message: str
    why: str
    fix: FixOut
    evidence: list[AnswerOut]
    breaks: list[str] = Field(default=[], description="In a report: ids of the requirements that this finding breaks.")
    location: dict[str, Any] | None
    refs: list[str]


class RequirementOut(Open):
    """What a receiver asks of senders. `met` means that nothing in the DNS stands against it, `by` names the codes that break it."""

    id: str
    receiver: str
    applies: Literal["all", "bulk"]
    title: str
    text: str
    state: Literal["broken", "met", "unknown", "not-in-dns"]
    by: list[str]
    since: str
    page: str
    source: str
    seen: str


class CellOut(Open):
    """A field of the matrix of requirements by receivers. `requirement` is null where the receiver asks nothing of the kind."""

    kind: str
    title: str
    receiver: str
    requirement: str | None
    small: CellState = Field(description="For a sender below the receiver's limit for bulk mail.")
    bulk: CellState = Field(description="For a sender in bulk; told whatever the profile is, empty only where the domain does not send.")
    by: list[str] = Field(description="Codes of the findings that break it, leave it open, or show that it is met.")


class InputOut(Open):
    source: str
    ips: list[str]
    selectors: list[str]
    mail_from: str | None
    profile: ProfileName
    topics: list[TopicName] | None = Field(description="The topics that were asked for; null for the usual ones.")
    starttls: bool
    helo: str | None


class TopicOut(Open):
    verdict: Verdict
    summary: str


class ReportOut(Open):
    """A report. `unknown` means that something could not be looked up, never that it is absent."""

    schema_: Literal["report/1"] = Field(alias="schema")
    input: InputOut
    domain: str
    profile: str
    scanned_at: str
    verdict: Verdict
    counts: dict[str, int]
    topics: dict[str, TopicOut]
    findings: list[FindingOut]
    requirements: list[RequirementOut]
    requirements_matrix: list[CellOut]
    facts: dict[str, Any]
    dns: dict[str, Any]
    passed: bool | None = Field(description="Whether a pipeline goes on; null where a core topic could not be checked and nothing failed.")
    exit_code: Literal[0, 1, 3] = Field(description="What the command line exits with for this report.")
    fail_on: FailOn
    unknown: Unknown | None


class ShieldOut(Open):
    """An endpoint badge of shields.io."""

    schemaVersion: Literal[1]
    label: str
    message: str
    color: str


class ProblemOut(Open):
    """A type of problem."""

    type: str
    title: str
    status: int
    detail: str
    do: str = Field(description="What to do about it.")


class ProblemsOut(Open):
    problems: list[ProblemOut]


class EvidenceOut(Open):
    verdict: Literal["confirmed", "refuted", "cannot tell", "not looked at", "pending"]
    promoted_from: str | None
    topics: list[str]
    support: list[FindingOut]
    against: list[FindingOut]
    why_not: str | None


class PageOut(Open):
    kind: Literal["refusal", "delist", "postmaster", "help"]
    title: str
    url: str


class FailureOut(Open):
    recipient: str | None
    action: str | None
    reply: dict[str, Any]
    provider: str | None
    cause: str
    party: str
    side: Literal["sender", "recipient", "network", "unknown", "none"]
    type: Literal["hard", "soft", "deferred", "none"] | None
    final: bool | None
    suppress: Literal["now", "count", "hold", "never"]
    scope: Literal["address", "domain"]
    confidence: Literal["certain", "likely", "guess"]
    because: list[dict[str, Any]]
    rivals: list[dict[str, Any]]
    explanation: str
    retry: dict[str, Any] | None
    fix: FixOut
    pages: list[PageOut]
    hygiene: str | None
    unsuppress: str | None
    sender: dict[str, Any] | None
    evidence: EvidenceOut
    equivalents: dict[str, dict[str, str]]


class DiagnosisOut(Open):
    """A diagnosis, with a failure for each recipient; `failures` is empty only where nothing was recognised."""

    schema_: Literal["diagnosis/1"] = Field(alias="schema")
    input: dict[str, Any]
    failures: list[FailureOut]


class HopOut(Open):
    """One Received field, in the order of travel."""

    from_: str | None = Field(alias="from")
    by: str | None
    ip: str | None
    ptr: str | None
    helo: str | None
    protocol: str
    tls: str
    at: str | None
    delay_s: float | None = Field(description="Seconds since the hop before; negative where clocks disagree.")
    side: Literal["sender", "between", "receiver", "unknown"]


class SignatureOut(Open):
    d: str
    s: str
    result: Literal["pass", "fail", "neutral", "policy", "temperror", "permerror", "unknown"]
    reason: str = Field(description="Why it does not hold, as one word; empty for a pass.")
    meaning: str
    fix: str | None
    aligned: Literal["strict", "relaxed", "no"] | None


class SpfOut(Open):
    result: str
    ip: str | None
    mail_from: str | None
    aligned: Literal["strict", "relaxed", "no"] | None


class DmarcOut(Open):
    result: Literal["pass", "fail", "none", "temperror", "permerror", "unknown"]
    policy: str | None
    by: list[str] = Field(description="The identifiers that passed and align: “spf:…”, “dkim:…”.")


class ClaimOut(Open):
    method: str
    result: str
    who: str
    trusted: bool | None = Field(description="False: the line came with the message, so that anybody may have written it.")


class DifferenceOut(Open):
    claim: ClaimOut
    ours: str
    reason: str


class ExaminationOut(Open):
    """What happened to a message. `unknown` and `temperror` say that something could not be seen or looked up, never that it failed."""

    schema_: Literal["examination/1"] = Field(alias="schema")
    input: dict[str, Any]
    summary: dict[str, Any]
    advice: list[dict[str, str]]
    hops: list[HopOut]
    address: dict[str, Any] | None
    spf: SpfOut | None
    dkim: list[SignatureOut]
    dmarc: DmarcOut | None
    arc: dict[str, Any] | None
    claimed: list[ClaimOut]
    differences: list[DifferenceOut]
    sender: dict[str, Any] | None
    bounces: list[dict[str, Any]]
    findings: list[FindingOut]


class CodeOut(Open):
    code: str
    kind: Literal["enhanced", "basic"]
    registered: bool
    name: str
    meaning: dict[str, str | None]
    cause: str | None


class CheckOut(Open):
    code: str
    slug: str
    topic: str
    severity: Verdict
    title: str


class CauseOut(Open):
    slug: str
    title: str
    party: str
    side: str
    suppress: str


class CodesOut(Open):
    codes: list[CodeOut]


class ChecksOut(Open):
    checks: list[CheckOut]


class CausesOut(Open):
    causes: list[CauseOut]


class FactOut(Open):
    path: str = Field(description="Where it stands below `facts` in a report; [] is each element of a list, * each key of a map.")
    type: str
    unit: str | None
    meaning: str
    topic: str
    words: list[str] | None
    assertable: bool


class FactsOut(Open):
    facts: list[FactOut]


# ------------------------------------------------------------------ many bounces
MailKind = Literal["marketing", "transactional", "cold"]
Band = Literal["good", "watch", "bad", "critical", "emergency"]


class RatesQuery(BaseModel):
    sent: int = Field(ge=1, le=10**12, description="Messages that were sent.")
    hard: int = Field(default=0, ge=0, le=10**12, description="Failures that close the address.")
    soft: int = Field(default=0, ge=0, le=10**12, description="Final failures for a reason that may pass.")
    block: int = Field(default=0, ge=0, le=10**12, description="Refused for something at the sender's side, or by the recipient's rules.")
    complaint: int = Field(default=0, ge=0, le=10**12, description="Reported as spam.")
    deferred: int = Field(default=0, ge=0, le=10**12, description="Put off, and no final result known.")
    kind: MailKind = Field(default="marketing", description="Which bands hold; cold: mail to people who did not ask for it.")


class RateOut(Open):
    """One measure. percent is null where it cannot be told; `why` and `text` say the reason."""

    measure: Literal["hard", "soft", "block", "total", "deferred", "complaint"]
    title: str
    count: int
    of: int | None
    percent: float | None
    band: Band | None
    advice: str | None
    why: str | None
    text: str | None
    lines: list[str] = Field(description="Lines of others that it has crossed.")


class RatesOut(Open):
    schema_: Literal["rates/1"] = Field(alias="schema")
    kind: MailKind
    rates: list[RateOut]
    worst: Band | None
    lines: list[dict[str, Any]]


class BouncesQuery(BaseModel):
    name: str = Field(default="upload", max_length=200, description="What the file is called in the report.")
    sent: int | None = Field(default=None, ge=0, le=10**12, description="Messages that were sent, where the file does not say.")
    kind: MailKind = "marketing"
    most: int = Field(default=1000, ge=0, le=100000, description="Addresses that are named, the worst first; the counts are those of all.")


class BouncesRaw(RawModel):
    mimetypes: list[str] = [  # noqa: RUF012  (the library's own shape)
        "application/octet-stream", "text/csv", "application/json", "application/x-ndjson", "text/plain", "application/mbox", "message/rfc822", "application/gzip",
    ]  # fmt: skip


class DecisionOut(Open):
    recipient: str
    action: Literal["suppress", "hold", "count", "keep"]
    why: str
    text: str
    cause: str | None
    since: str | None
    source: str
    count: int
    limit: int
    expires: str | None
    sources: list[str]


class BouncesOut(Open):
    """A report about many bounces. A pattern of state could-not-check is neither found nor absent."""

    schema_: Literal["bounces/1"] = Field(alias="schema")
    input: dict[str, Any]
    summary: dict[str, Any]
    patterns: list[dict[str, Any]]
    rates: dict[str, Any]
    causes: list[dict[str, Any]]
    outages: list[dict[str, Any]]
    decisions: dict[str, Any]
    offers: list[dict[str, Any]]
    policy: dict[str, Any]
