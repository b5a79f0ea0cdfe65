"""What is asked of the tables of the tool, checks, codes, causes, facts and problems, and what is answered."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from .schemas import Open, Verdict


class CodePath(BaseModel):
    code: str = Field(description="An enhanced status code or a reply code.", json_schema_extra={"example": "5.7.26"})


class CheckPath(BaseModel):
    code: str = Field(description="A finding's code or slug.", json_schema_extra={"example": "SPF004"})


class ProblemPath(BaseModel):
    slug: str = Field(description="The last part of a problem's type.", json_schema_extra={"example": "too-many-requests"})


class ProblemOut(Open):
    """A type of problem."""

    type: str
    title: str
    status: int
    detail: str
    do: str = Field(description="What to do about it.")


class ProblemsOut(Open):
    problems: list[ProblemOut]


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
