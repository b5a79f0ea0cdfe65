"""Counters over a stream of events, and the ledger beside them. All of it only adds up, so that halves of a stream can be counted apart and merged.

A row of counters is one whole number with 32 bits for each column: adding rows is adding numbers. Rows are kept by (provider, day) and by
(campaign, sender, day); failures also as cells by cause, with the three earliest places where each was seen.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from ...model import Counts, Event, Said
from .ledger import (
    CLOSED,
    COMPLAINED,
    DAY,
    DEFERRED,
    DELIVERED,
    DROPPED,
    EMPTY,
    FAR,
    FULL,
    HELD,
    LEFT,
    NEVER,
    SENT,
    SOFT,
    UNCOUNTED,
    UNSTATED,
    Deferred,
    State,
    filed,
    time_of,
)

HOUR = 3600
SAMPLE = 3  # places that a cell remembers
_BITS = 32
_COLUMNS = ("delivered", "hard", "soft", "block", "uncounted", "complaint", "unsubscribed", "dropped", "sent")  # the most frequent first: small numbers
_COLUMN = {
    DELIVERED: "delivered", CLOSED: "hard", HELD: "block", FULL: "soft", SOFT: "soft", NEVER: "block", UNCOUNTED: "uncounted",
    COMPLAINED: "complaint", LEFT: "unsubscribed", DROPPED: "dropped", SENT: "sent",
}  # fmt: skip
_ONE = tuple(1 << _BITS * _COLUMNS.index(_COLUMN[kind]) if kind in _COLUMN else 0 for kind in range(13))
_MASK = (1 << _BITS) - 1

Sample = tuple[float, str, str]  # at, source, recipient


class CellKey(NamedTuple):
    """Failures that have all of this in common. kind is what they are filed as (ledger.py); day is None where the time is unknown."""

    cause: str
    kind: int
    provider: str
    campaign: str
    sender: str
    day: int | None
    blocklist: str


class Cell(NamedTuple):
    """How many, and the earliest places: one after the other without a tuple of each, since most cells are of one failure, and there are many."""

    number: int
    places: tuple[Any, ...]

    @property
    def sample(self) -> tuple[Sample, ...]:
        return tuple(zip(self.places[::3], self.places[1::3], self.places[2::3], strict=True))


def _cell(number: int, sample: Iterable[Sample]) -> Cell:
    return Cell(number, tuple(chain.from_iterable(sample)))


def counts(row: int, deferred: int = 0) -> Counts:
    """A row of counters, unpacked."""
    return Counts(**{name: row >> _BITS * n & _MASK for n, name in enumerate(_COLUMNS)}, deferred=deferred)


def earliest(samples: Iterable[Sample], most: int = SAMPLE) -> tuple[Sample, ...]:
    return tuple(sorted(samples)[:most])


@dataclass(slots=True)
class Tally:
    """How many messages met which end. Counts what it is given: an event that is read twice counts twice. Deferred messages are the ledger's matter,
    since whether one has ended is only known when all events are there.

    by_provider   (provider, day) -> row; by_mail: (campaign, sender, day) -> row; unpacked by `counts`
    cells         CellKey -> how many failed so, and a sample of where they stand
    hours         (hour, provider, blocklist) -> how many refusals named a listing, for what happened within a day but not on one day
    """

    by_provider: dict[tuple[str, int | None], int] = field(default_factory=dict)
    by_mail: dict[tuple[str, str, int | None], int] = field(default_factory=dict)
    cells: dict[CellKey, Cell] = field(default_factory=dict)
    hours: dict[tuple[int, str], int] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """Count one event. About 1 µs, a failure 3 µs."""
        self.put(event, filed(event))

    def put(self, event: Event, kind: int) -> None:
        one = _ONE[kind]
        if not one:
            return
        at = event.at
        day = int(at // DAY) if at is not None and -FAR < at < FAR else None
        provider = event.provider or event.domain
        taken = (provider, day)
        rows = self.by_provider
        rows[taken] = rows.get(taken, 0) + one
        sent = (event.campaign, event.sender, day)
        mails = self.by_mail
        mails[sent] = mails.get(sent, 0) + one
        if CLOSED <= kind <= UNCOUNTED:
            self._failure(event, kind, provider, day)

    def _failure(self, event: Event, kind: int, provider: str, day: int | None) -> None:
        said = event.said or UNSTATED
        key = CellKey(said.cause, kind, provider, event.campaign, event.sender, day, said.blocklist or "")
        sample = (time_of(event), event.source, event.recipient)
        cell = self.cells.get(key)
        if cell is None:
            self.cells[key] = Cell(1, sample)
        elif len(cell.places) < 3 * SAMPLE or sample < cell.places[-3:]:
            self.cells[key] = _cell(cell.number + 1, earliest((*cell.sample, sample)))
        else:
            self.cells[key] = Cell(cell.number + 1, cell.places)
        if day is not None and kind == NEVER and said.cause in LISTED:
            hour = (int(sample[0] // HOUR), provider)
            self.hours[hour] = self.hours.get(hour, 0) + 1

    def merge(self, other: Tally) -> None:
        """Add what other has counted. In place; other is left alone."""
        _add(self.by_provider, other.by_provider)
        _add(self.by_mail, other.by_mail)
        _add(self.hours, other.hours)
        for key, cell in other.cells.items():
            mine = self.cells.get(key)
            self.cells[key] = cell if mine is None else _cell(mine.number + cell.number, earliest(mine.sample + cell.sample))

    def total(self) -> int:
        return sum(self.by_mail.values())


LISTED = frozenset(("ip-blocklisted", "domain-blocklisted"))


def _add(mine: dict[Any, int], other: dict[Any, int]) -> None:
    for key, row in other.items():
        mine[key] = mine.get(key, 0) + row


@dataclass(slots=True)
class Many:
    """All that is kept of a stream: a State for each address and the Tally. Events come in any order; picklable.

    ledger   recipient -> State. An event that names no recipient but a message is kept under a key that begins with a NUL, so that its deferrals
             can be told from its end; no decision is made about it.
    events   how many were added; latest is the newest time among them
    """

    ledger: dict[str, State] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    events: int = 0
    latest: float | None = None

    def add(self, event: Event) -> None:
        """Take in one event. About 3 µs; a failure of an address that failed before up to 30 µs."""
        self.events += 1
        kind = filed(event)
        at = event.at
        if at is not None and -FAR < at < FAR and (self.latest is None or at > self.latest):
            self.latest = at
        self.tally.put(event, kind)
        if kind > SENT:
            key = event.recipient or (event.message and f"\0{event.message}")
            if key:
                ledger = self.ledger
                ledger[key] = ledger.get(key, EMPTY).put(event, kind)

    def __getstate__(self) -> tuple[Any, ...]:
        """Plain values, with each Said once: a million states go to another process of this program in a second."""
        saids: dict[Said | None, int] = {}
        plain: dict[str, Any] = {}
        for key, (delivered, deferred, failed) in self.ledger.items():
            if not deferred and not failed:
                plain[key] = delivered
                continue
            tried = tuple((*row[:3], saids.setdefault(row[3], len(saids)), *row[4:]) for row in deferred)
            plain[key] = [delivered, tried, tuple((*row[:4], saids.setdefault(row[4], len(saids)), row[5]) for row in failed)]
        return marshal.dumps(plain, 2), list(saids), self.tally, self.events, self.latest

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        plain, saids, self.tally, self.events, self.latest = state
        ledger: dict[str, State] = {}
        for key, kept in marshal.loads(plain).items():  # noqa: S302 - what another process of this program has written
            if type(kept) is tuple:
                ledger[key] = tuple.__new__(State, (kept, (), ()))
                continue
            delivered, deferred, failed = kept
            tried = tuple((*row[:3], saids[row[3]], *row[4:]) for row in deferred)
            ledger[key] = State(delivered, tried, tuple((*row[:4], saids[row[4]], row[5]) for row in failed))
        self.ledger = ledger

    def merge(self, other: Many) -> None:
        """Take in what other has taken in. In place; other is left alone. The order of merges changes nothing."""
        ledger = self.ledger
        for key, state in other.ledger.items():
            mine = ledger.get(key)
            ledger[key] = state if mine is None else mine.merge(state)
        self.tally.merge(other.tally)
        self.events += other.events
        if other.latest is not None and (self.latest is None or other.latest > self.latest):
            self.latest = other.latest

    def addresses(self) -> Iterator[tuple[str, State]]:
        """Every address with its state, in no order."""
        return ((key, state) for key, state in self.ledger.items() if key[0] != "\0")

    def under_way(self) -> Iterator[tuple[str, Deferred]]:
        """Every deferred message of which nothing final is known, with its recipient ("" where none was named)."""
        for key, state in self.ledger.items():
            if state.deferred:
                for row in state.open():
                    yield ("" if key[0] == "\0" else key), row


__all__ = ["DEFERRED", "LISTED", "Cell", "CellKey", "Many", "Sample", "Tally", "counts", "earliest"]
