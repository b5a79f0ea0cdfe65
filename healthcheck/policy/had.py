"""A fact of one report: its value, or that what it is about is not there, or that it could not be had. Pure.

Law 1: a null is unknown, unless the report shows that there is nothing; then it is absent, which fails an assertion, with the answers as
evidence. What in a report shows which of the two, stands in data/facts.toml; nothing of it is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..model import Answer, Report
from .facts import ANY, EACH, Fact, Segments, catalogue, joined, split

VALUE, ABSENT, UNKNOWN = "value", "absent", "unknown"
_SLOT = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Had:
    """state: value | absent | unknown. why: the words for the last two; floor: where it is unknown, it is at least this much.

    counts: False where it is unknown by the user's own choice, not by anything that went wrong.
    """

    state: str
    value: Any = None
    why: str = ""
    floor: Any = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class _Frame:
    """A row that bears on a fact. here: the path of the catalogue; real: the same place in the report."""

    row: Fact
    here: Segments
    real: Segments

    def bound(self, path: Segments) -> Segments:
        """A path that a condition of the row names, with the keys of this place."""
        same = 0
        while same < min(len(path), len(self.here)) and path[same] == self.here[same]:
            same += 1
        return (*self.real[: len(self.real) - (len(self.here) - same)], *path[same:])


class Facts:
    """The facts of one report, for assertions. `have` is asked with concrete paths: a number in place of [], a key in place of *."""

    def __init__(self, report: Report) -> None:
        self._facts = report.facts
        self._answers = {(a.name.lower().rstrip("."), a.rtype): a for a in report.transcript}

    def each(self, path: Segments) -> Iterator[Had]:
        """The fact at every place that the path names. An empty list or map is one absent fact."""
        at = next((n for n, part in enumerate(path) if part in (EACH, ANY)), None)
        if at is None:
            yield self.have(path)
            return
        held = self.have(path[:at])
        if held.state != VALUE:
            yield held
            return
        keys = [str(n) for n in range(len(held.value))] if path[at] == EACH else list(held.value)
        if not self._whole(path[:at]):  # what is not there may be otherwise
            yield Had(UNKNOWN, why=_word("unknown"))
        elif not keys:
            yield self._empty(path[:at])
        for key in keys:
            yield from self.each((*path[:at], key, *path[at + 1 :]))

    def have(self, path: Segments) -> Had:
        known = catalogue()
        topic = known.topics[path[0]]
        if path[0] not in self._facts:
            return Had(UNKNOWN, why=_word("left_out", topic=path[0].replace("_", "-")), counts=False)
        frames = {n + 1: _Frame(row, here, path[: n + 1]) for n, (row, here) in enumerate(self._steps(path)) if row is not None}
        leaf = frames.get(len(path)) or frames.get(len(path) - 1)
        always = leaf is not None and leaf.row.always
        if not always:
            settled = all(map(self._holds, topic.known)) if topic.known else self._answered(topic.asked)
            if not settled:
                return Had(UNKNOWN, why=_word("unknown"))
            if any(map(self._holds, topic.absent)) or (topic.record and self._raw(split(topic.record)) is None):
                return Had(ABSENT, why=_word("absent"))
        return self._walk(path, frames, always)

    def _steps(self, path: Segments) -> Iterator[tuple[Fact | None, Segments]]:
        """As Catalogue.steps, one for each segment: the row that a `like` leads to, where there is one."""
        shape = self._shape(path)
        rows = list(catalogue().steps(shape))
        out: list[tuple[Fact | None, Segments]] = []
        for row, here in rows:
            if out and out[-1][0] is not None and out[-1][0].like and split(out[-1][0].like) == here:
                out[-1] = (row, here) if row is not None else (None, here)
            else:
                out.append((row, here))
        yield from out

    def _shape(self, path: Segments) -> Segments:
        """The path with [] for each number that stands for an element of a list."""
        value: Any = self._facts
        out: list[str] = []
        for part in path:
            out.append(EACH if isinstance(value, list | tuple) else part)
            value = _step(value, part)
        return tuple(out)

    def _about(self, frame: _Frame) -> Had | None:
        """What the conditions of a row say, or None where they let the fact stand."""
        row = frame.row
        questions = [q for q in row.asked if "{*}" not in q]
        if questions and not self._answered(questions):
            return Had(UNKNOWN, why=_word("unknown"))
        if not all(self._holds(cond, frame) for cond in row.known):
            return Had(UNKNOWN, why=_word("unknown"), floor=self._floor(row))
        if any(self._holds(cond, frame) for cond in row.absent) and (row.kind == "object" or self._raw(frame.real) is None):
            return None if row.kind == "object" and not row.null and self._raw(frame.real) is None else Had(ABSENT, why=_word("absent"))
        if row.needs:
            needed = self.have(frame.bound(split(row.needs)))
            return None if needed.state == VALUE else needed
        return None

    def _walk(self, path: Segments, frames: Mapping[int, _Frame], always: bool) -> Had:
        """From the topic down to the fact; the first row that speaks against it decides."""
        value: Any = self._facts
        for n, part in enumerate(path, 1):
            frame = frames.get(n)
            if not _holds_key(value, part):
                above = frames.get(n - 1)
                return self._missing(above.row if above is not None else None, path[:n])
            if frame is not None and not always and (told := self._about(frame)) is not None:
                return told
            value = _step(value, part)
            if value is None:
                return self._null(frame.row if frame is not None else catalogue().row(self._shape(path[:n])))
            if frame is not None and frame.row.unsure and value in frame.row.unsure:
                draft = value == "draft"
                return Had(UNKNOWN, why=_word("draft" if draft else "unknown"), counts=not draft)
        return Had(VALUE, value)

    def _null(self, row: Fact | None) -> Had:
        if row is not None and row.none:
            return Had(ABSENT, why=_word("absent"))
        floor = self._floor(row) if row is not None else None
        return Had(UNKNOWN, why=_word("unknown") if floor is None else _word("floor", floor=str(floor)), floor=floor)

    def _empty(self, path: Segments) -> Had:
        """What an empty list or map says: that there is none, unless its row says that it may not be all."""
        row = catalogue().row(self._shape(path))
        if row is not None and row.given:
            return Had(UNKNOWN, why=_word("not_given"))
        if row is not None and not all(map(self._holds, row.complete)):
            return Had(UNKNOWN, why=_word("unknown"))
        return Had(ABSENT, why=_word("empty", path=joined(path)))

    def _whole(self, path: Segments) -> bool:
        """Is all of a list there?"""
        row = catalogue().row(self._shape(path))
        for need in row.whole if row is not None else ():
            if " " in need:
                if not self._holds(need):
                    return False
            elif any(had.state == UNKNOWN for had in self.each(split(need))):
                return False
        return True

    def _floor(self, row: Fact) -> Any:
        return self._raw(split(row.floor)) if row.floor else None

    def _missing(self, row: Fact | None, path: Segments) -> Had:
        """A key that a map does not hold."""
        if row is not None and row.none:
            return Had(ABSENT, why=_word("absent"))
        questions = [q.replace("{*}", path[-1]) for q in row.asked] if row is not None else []
        if questions and all((found := self._answer(q)) is not None and found.absent for q in questions):
            return Had(ABSENT, why=_word("absent"))
        return Had(UNKNOWN, why=_word("missing", key=path[-1]))

    # -------------------------------------------------------------- conditions and questions

    def _holds(self, condition: str, frame: _Frame | None = None) -> bool:
        """A condition of data/facts.toml over what stands in the report as it is."""
        path, operator, value = _condition(condition)
        held = self._raw(frame.bound(path) if frame is not None else path)
        return held in value if operator == "in" else type(held) is type(value) and held == value

    def _raw(self, path: Segments) -> Any:
        value: Any = self._facts
        for part in path:
            value = _step(value, part)
        return value

    def _answered(self, questions: Iterable[str]) -> bool:
        """Was each of the questions answered, one way or the other?"""
        return all((found := self._answer(question)) is not None and not found.unsure for question in questions)

    def _answer(self, question: str) -> Answer | None:
        rtype, _, name = question.partition(" ")
        filled = _SLOT.sub(lambda slot: str(self._raw(split(slot[1])) or ""), name)
        return self._answers.get((filled.lower().rstrip("."), rtype))

    def evidence(self, path: Segments) -> tuple[Answer, ...]:
        """The answers that a fact rests on, as far as data/facts.toml names the questions."""
        questions = list(catalogue().topics[path[0]].asked)
        for row, here in catalogue().steps(path):
            key = path[len(here)] if row is not None and len(path) > len(here) else ""
            questions += [q.replace("{*}", key) for q in (row.asked if row is not None else ()) if "{*}" not in q or key not in ("", ANY)]
        return tuple(dict.fromkeys(found for q in questions if (found := self._answer(q)) is not None))


def _holds_key(value: Any, part: str) -> bool:
    return int(part) < len(value) if isinstance(value, list | tuple) else isinstance(value, Mapping) and part in value


def _step(value: Any, part: str) -> Any:
    if isinstance(value, list | tuple):
        return value[int(part)] if part.isdecimal() and int(part) < len(value) else None
    return value.get(part) if isinstance(value, Mapping) else None


@cache
def _condition(text: str) -> tuple[Segments, str, Any]:
    from .grammar import read

    path, operator, value, *_ = read(text)
    return path, operator, value


def _word(key: str, /, **slots: str) -> str:
    text = catalogue().words[key]
    for name, value in slots.items():
        text = text.replace("{" + name + "}", value)
    return text
