"""What goes in and comes out where rates are judged and many bounces are read."""

from __future__ import annotations

from typing import Any, Literal

from flask_openapi3 import RawModel  # type: ignore[attr-defined]
from pydantic import BaseModel, Field

from .schemas import Open

MailKind = Literal["marketing", "transactional", "cold"]
Band = Literal["good", "watch", "bad", "critical", "emergency"]


class RatesQuery(BaseModel):
    sent: int = Field(ge=1, le=10**12, description="Messages that were sent.", json_schema_extra={"example": 12000})
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
    sent: int | None = Field(
        default=None, ge=0, le=10**12, description="Messages that were sent, where the file does not say.", json_schema_extra={"example": 12000}
    )
    kind: MailKind = "marketing"
    most: int = Field(default=1000, ge=0, le=100000, description="Addresses that are named, the worst first; the counts are those of all.")


class BouncesRaw(RawModel):
    mimetypes: list[str] = [  # noqa: RUF012  (the library's own shape)
        "application/octet-stream", "text/csv", "application/json", "application/x-ndjson", "text/plain", "application/mbox", "message/rfc822",
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
