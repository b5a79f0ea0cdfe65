"""The published facts, for the command line, the API and the docs. Pure."""

from __future__ import annotations

from typing import Any

from ..policy.facts import Fact, can_be_asserted, catalogue


def topics() -> tuple[str, ...]:
    return tuple(catalogue().topics)


def chosen(topic: str | None = None) -> tuple[Fact, ...]:
    return tuple(fact for fact in catalogue().facts.values() if topic in (None, fact.topic))


def row(fact: Fact) -> dict[str, Any]:
    """One fact as JSON. words: all that an assertion may compare it with, where that is a closed list."""
    return {
        "path": fact.path,
        "type": fact.type,
        "unit": fact.unit or None,
        "meaning": fact.meaning,
        "topic": fact.topic.replace("_", "-"),
        "words": [word for word in fact.words if word not in fact.unsure] or None,
        "assertable": bool(fact.same_as) or can_be_asserted(fact),
        "same_as": fact.same_as or None,
        "fields_of": fact.like or None,
    }


def rows(topic: str | None = None) -> list[dict[str, Any]]:
    """Every fact, or those of a topic (with underscores), in the order of data/facts.toml."""
    return [row(fact) for fact in chosen(topic)]


def text(topic: str | None = None) -> str:
    """The facts that an assertion may name, one a line."""
    kept = [fact for fact in chosen(topic) if fact.same_as or can_be_asserted(fact)]
    width = min(44, max((len(fact.path) for fact in kept), default=0))
    lines = []
    for fact in kept:
        kind = f"{fact.type}, {fact.unit}" if fact.unit else fact.type
        lines.append(f"{fact.path:<{width}}  {fact.meaning} ({kind})")
    return "\n".join(lines)
