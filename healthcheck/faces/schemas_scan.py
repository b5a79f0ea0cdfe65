"""What a scan takes and what a report holds, for validation and for the OpenAPI description."""

from __future__ import annotations

from typing import Any, Literal

from flask_openapi3 import RawModel  # type: ignore[attr-defined]
from pydantic import BaseModel, ConfigDict, Field

from .schemas import FindingOut, Open, Verdict

ProfileName = Literal["sending", "bulk", "non-sending", "receiving"]
TopicName = Literal[
    "mx", "recipient", "spf", "dkim", "dmarc", "alignment", "ptr", "dnsbl", "mta-sts", "tls-rpt", "dane", "dnssec", "starttls", "bimi", "nameservers"
]  # fmt: skip
CellState = Literal["broken", "met", "unknown", "not-in-dns", "not-asked"]
FailOn = Literal["fail", "warn", "note", "never"]
Unknown = Literal["fail", "warn", "pass"]


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
