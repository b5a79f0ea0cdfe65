"""What goes into the API and what comes out, for validation and for the OpenAPI description: what is shared, and what is about bounces and messages."""

from __future__ import annotations

from typing import Any, Literal

from flask_openapi3 import RawModel  # type: ignore[attr-defined]
from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["pass", "note", "warn", "fail", "unknown"]

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


class ExplainBody(BaseModel):
    """What came back, and what is known of the sender."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid", strict=True)

    text: str = Field(description="A reply, a transcript, a log line, or a whole bounce mail. At most 1 MiB.")
    from_domain: str | None = Field(default=None, alias="from", description="The domain of the From header.")
    mail_from: str | None = Field(default=None, description="The domain of the envelope sender.")
    ip: str | list[str] | None = Field(default=None, description="An address that the mail was sent from, or several.")
    selectors: list[str] = Field(default=[], description="DKIM selectors in use.")
    offline: bool = Field(default=False, description="True: ask no network; the evidence is then “not looked at”.")
    redact: bool = Field(default=False, description="True: the local part of every address in the answer is masked.")


class ExplainQuery(BaseModel):
    """The same fields in the query: for a raw body, and for what a body in JSON leaves out."""

    from_domain: str | None = Field(default=None, alias="from")
    mail_from: str | None = None
    ip: list[str] = []
    selector: list[str] = []
    offline: bool = False
    redact: bool = Field(default=False, description="True: the local part of every address in the answer is masked.")


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


class ExamineQuery(ExplainQuery):
    """The same fields in the query: for a raw body, and for what a body in JSON leaves out."""


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


class EvidenceOut(Open):
    verdict: Literal["confirmed", "refuted", "cannot tell", "not looked at", "pending"]
    promoted_from: str | None
    topics: list[str]
    support: list[FindingOut]
    against: list[FindingOut]
    why_not: str | None
    meaning: str = Field(description="The verdict in words.")
    message: dict[str, Any] | None = Field(description="What of the message that came back was examined too: whole, headers, or failed; null where none did.")


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
