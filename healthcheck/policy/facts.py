"""The published facts: data/facts.toml as rows.

    catalogue().facts["spf.lookups"]            Fact
    catalogue().row(("spf", "tree", "[]", …))   the row of a path, over `like`
    catalogue().nearest("spf.lokups")           what was probably meant

Pure but for reading the package's own file, once a process. Raises CatalogError for a bad row.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..catalog import DATA
from ..catalog import _row as row_of
from ..catalog import _toml as toml_of
from ..errors import CatalogError

Segments = tuple[str, ...]

SCALARS = ("string", "integer", "boolean", "time")
EACH, ANY = "[]", "*"  # every element of a list, every key of a map


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One path. The fields are told at the head of data/facts.toml; `kind` is its type without “or null”."""

    path: str
    kind: str
    meaning: str
    topic: str
    unit: str = ""
    null: bool = False
    words: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    none: bool = False
    given: bool = False
    complete: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    always: bool = False
    needs: str = ""
    floor: str = ""
    like: str = ""
    same_as: str = ""

    @property
    def type(self) -> str:
        return f"{self.kind} or null" if self.null else self.kind

    @property
    def segments(self) -> Segments:
        return split(self.path)

    @property
    def item(self) -> str:
        """Of what a list or a map is: "strings", "objects" …; "" for everything else."""
        return self.kind.partition(" of ")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFacts:
    """What holds for all facts of a topic but those that always stand. record: where this fact is null the mechanism is not there."""

    asked: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    record: str = ""


def split(path: str) -> Segments:
    """The segments of a path of the catalogue. Pure.

    >>> split("mx.hosts[].addresses")
    ('mx', 'hosts', '[]', 'addresses')
    """
    return tuple(re.findall(r"\[\]|[^.\[]+", path))


def joined(segments: Segments) -> str:
    """A path as people write it; a key that is no plain word in quotes. Pure.

    >>> joined(("ptr", "ips", "192.0.2.1", "names", "[]"))
    'ptr.ips."192.0.2.1".names[]'
    """
    out = ""
    for part in segments:
        if part == EACH:
            out += part
        else:
            plain = part == ANY or re.fullmatch(r"[A-Za-z0-9_-]+", part)
            out += ("." if out else "") + (part if plain else '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return out


@dataclass(frozen=True, slots=True)
class Catalogue:
    facts: Mapping[str, Fact]
    topics: Mapping[str, TopicFacts]
    words: Mapping[str, str]
    by_segments: Mapping[Segments, Fact]

    def steps(self, segments: Segments) -> Iterator[tuple[Fact | None, Segments]]:
        """Each prefix of a path with its row, if it has one, and the path of the catalogue that it is like. Pure."""
        here: Segments = ()
        for part in segments:
            here = self._below(here, part)
            row = self.by_segments.get(here)
            if row is not None and row.like:
                yield row, here
                here = split(row.like)
                row = self.by_segments.get(here)
            yield row, here

    def _below(self, here: Segments, part: str) -> Segments:
        above = self.by_segments.get(here)
        if above is not None and above.kind.startswith("map of") and part != EACH:
            return (*here, ANY)
        return (*here, part)

    def row(self, segments: Segments) -> Fact | None:
        """The row of a path, or None where there is no such path. The elements of a list or map of scalars have a row of their own kind. Pure."""
        found = None
        for row, _ in self.steps(segments):
            found = row
        if found is not None or len(segments) < 2:
            return found
        above = self.row(segments[:-1])
        if above is None or (segments[-1] == EACH and not above.kind.startswith("list of")):
            return None
        if above.kind.startswith("map of") or segments[-1] == EACH:
            kind = above.item.partition(" or ")[0].removesuffix("s")
            null = above.item.endswith("or null")
            return Fact(path=joined(segments), kind=kind, meaning=above.meaning, topic=above.topic, null=null, none=above.none, always=above.always)
        return None

    def assertable(self) -> tuple[str, ...]:
        """Every path that an assertion may name, as it is written in the catalogue."""
        return tuple(path for path, fact in self.facts.items() if can_be_asserted(fact))

    def nearest(self, segments: Segments, most: int = 3) -> tuple[str, ...]:
        """The paths that were probably meant, the likeliest first; none where nothing is near. Pure.

        A key of a map is taken for itself, so that dkim.selectors.s1.bit finds dkim.selectors.s1.bits.
        """
        shaped: list[str] = []
        for known in self.assertable():
            parts = split(known)
            at = parts.index(ANY) if ANY in parts else -1
            shaped.append(joined((*parts[:at], segments[at], *parts[at + 1 :])) if 0 < at < len(segments) and parts[:at] == segments[:at] else known)
        name = joined(segments).lower()
        ratios = {path: difflib.SequenceMatcher(None, path, name).ratio() for path in difflib.get_close_matches(name, shaped, most, 0.75)}
        found = [path for path, ratio in ratios.items() if ratio > max(ratios.values()) - 0.08]
        if not found:  # the last name of it alone, as in "lookups"
            found = [path for path in shaped if split(path)[-1] == segments[-1].lower()][:most]
        return tuple(found)


def can_be_asserted(fact: Fact) -> bool:
    return fact.kind in (*SCALARS, "list of strings")


@cache
def catalogue() -> Catalogue:
    """The published facts, loaded once."""
    raw = toml_of(DATA / "facts.toml")
    facts: dict[str, Fact] = {}
    topics: dict[str, TopicFacts] = {}
    for topic, table in raw["topic"].items():
        topics[topic] = row_of(TopicFacts, "facts.toml", topic, {key: value for key, value in table.items() if key != "facts"})
        for row in table["facts"]:
            fact = _fact(topic, row)
            if fact.path in facts:
                raise CatalogError(f"facts.toml: {fact.path} stands there twice.")
            facts[fact.path] = fact
    for fact in facts.values():
        for name in filter(None, (fact.needs, fact.floor, fact.like, fact.same_as)):
            if name not in facts and not any(path.startswith(f"{name}.") for path in facts):
                raise CatalogError(f"facts.toml: {fact.path}: there is no fact “{name}”.")
    return Catalogue(facts, topics, raw["words"], {split(path): fact for path, fact in facts.items()})


def _fact(topic: str, row: Mapping[str, Any]) -> Fact:
    path, kind = f"{topic}.{row.get('path', '?')}", str(row.get("type", ""))
    null = kind.endswith(" or null") and not kind.startswith("map of")
    kind = kind.removesuffix(" or null") if null else kind
    rest = {key: value for key, value in row.items() if key != "type"}
    fact: Fact = row_of(Fact, "facts.toml", path, {**rest, "path": path, "kind": kind, "null": null, "topic": topic})
    if kind not in (*SCALARS, "object") and not re.fullmatch(r"(list|map) of (strings|booleans|objects|lists)( or null)?", kind):
        raise CatalogError(f"facts.toml: {path}: “{kind}” is no type.")
    if set(fact.unsure) - set(fact.words):
        raise CatalogError(f"facts.toml: {path}: a word of `unsure` is not among its words.")
    return fact
