"""Topic recipient. Being built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import Answer, Fetch, Finding, Question, ScanInput

if TYPE_CHECKING:
    from ..edge.world import Session
    from .facts import Facts

TOPIC = "recipient"


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """What was found out."""


def first(wanted: ScanInput) -> Iterator[Question]:  # noqa: ARG001
    yield from ()


def foresee(question: Question, answer: Answer) -> Iterator[Question | Fetch]:  # noqa: ARG001
    yield from ()


def gather(session: Session, facts: Facts) -> RecipientFacts:  # noqa: ARG001
    return RecipientFacts()


def judge(facts: Facts) -> Iterator[Finding]:  # noqa: ARG001
    yield from ()
