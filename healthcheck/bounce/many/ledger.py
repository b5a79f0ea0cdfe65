"""What is remembered of one address, and what is decided about it.

A `State` is a bounded choice from the events of an address, and the choice from a union is the choice from the choices: so adding and merging are
commutative, associative and idempotent, and neither the order of files nor how a stream was split changes anything. Nothing is thrown away because
of a later delivery: what a delivery clears, and whether it was one (a bounce may follow it), is seen when a decision is asked for.

Kept are, of each address: the newest eight deliveries and deferred messages; of soft bounces (full mailboxes apart) the newest fifteen messages, and
the first of each of the newest 91 days; of what closes an address the first and the last of each cause; the newest refusals by policy, and of what is
nobody's fault here; the first complaint and unsubscription, the last drop by a service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from zlib import crc32

from ...model import Event, Happened, Party, Said, Suppress

UNKNOWN_TIME = float("-inf")  # sorts before every time; None on the outside
FAR = 1e15  # a time beyond that, or one that is no number, is none
DAY = 86400

# What an event is filed as. The order is that of the code below, not of importance.
IGNORED, SENT, DELIVERED, DEFERRED, CLOSED, HELD, FULL, SOFT, NEVER, UNCOUNTED, COMPLAINED, LEFT, DROPPED = range(13)

KEPT_FINAL, KEPT_DEFERRED, KEPT_SOFT, KEPT_DAYS, KEPT_HELD, KEPT_NEVER = 4, 8, 15, 91, 5, 8

UNSTATED = Said("unknown", Party.UNKNOWN, None, Suppress.COUNT, "address", "guess")  # a failure of which the source says nothing at all
_WAITING = frozenset(("greylisted", "mailbox-busy", "server-full", "delay-warning"))
_BACK = (CLOSED, HELD, FULL, SOFT)
_BY_CAUSE = {"complaint": COMPLAINED, "esp-suppressed": DROPPED}  # a service that lists these among its bounces

Delivered = tuple[float, int, str]  # at, message, source
Deferred = tuple[float, int, str, Said | None, str, str, str]  # at, message, source, said, provider, campaign, sender
Failed = tuple[float, int, str, int, Said, str]  # at, message, source, filed as, said, provider


def filed(event: Event) -> int:
    """What an event counts as: one of the thirteen above. Pure; never looks at anything but the event.

    A failure by a sender-side cause is NEVER, whatever its `suppress` says: the second law is kept here, and no policy can undo it.
    """
    happened = event.happened
    if happened is Happened.DELIVERED:
        return DELIVERED
    if happened is Happened.BOUNCED:
        return _failure(event.said or UNSTATED)
    if happened is Happened.DEFERRED:
        return DEFERRED
    if happened is Happened.SENT:
        return SENT
    if happened is Happened.COMPLAINT:
        return COMPLAINED
    if happened is Happened.UNSUBSCRIBED:
        return LEFT
    return DROPPED if happened is Happened.DROPPED else IGNORED


def _failure(said: Said) -> int:
    party, suppress, cause = said.party, said.suppress, said.cause
    if party is Party.NOT_A_BOUNCE:
        return _BY_CAUSE.get(cause, IGNORED)
    if party is Party.RECIPIENT_ADDRESS or party is Party.RECIPIENT_MAILBOX:
        if suppress is Suppress.NOW:
            return CLOSED
        if suppress is Suppress.COUNT:
            return FULL if cause == "mailbox-full" else SOFT
        return UNCOUNTED if cause in _WAITING else HELD if suppress is Suppress.HOLD else NEVER
    if party is Party.RECIPIENT_POLICY:
        return NEVER if suppress is Suppress.NEVER else HELD
    if party is Party.NETWORK or party is Party.UNKNOWN:
        if suppress is not Suppress.NEVER:
            return SOFT
        return UNCOUNTED if cause in _WAITING else NEVER
    return NEVER


def message_key(event: Event, at: float) -> int:
    """A number that is the same for all events of one message. Without an id, what failed on one day in one campaign is taken for one message,
    and the number is negative."""
    if event.message:
        return crc32(event.message.encode("utf-8", "backslashreplace"))
    return -1 - crc32(f"{event.campaign}\n{day_of(at)}".encode("utf-8", "backslashreplace"))


def time_of(event: Event) -> float:
    at = event.at
    return at if at is not None and -FAR < at < FAR else UNKNOWN_TIME


def day_of(at: float) -> int | None:
    """The UTC day, in days since 1970."""
    return None if at == UNKNOWN_TIME else int(at // DAY)


class State(NamedTuple):
    """What is remembered of one address: a value of bounded size (one delivery: some 300 octets; at most a few hundred rows)."""

    delivered: tuple[Delivered, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    failed: tuple[Failed, ...] = ()

    def add(self, event: Event) -> State:
        """The state with one more event of this address. Adding an event again changes nothing. Pure; about 1 µs for a delivery."""
        return self.put(event, filed(event))

    def put(self, event: Event, kind: int) -> State:
        """`add` for who knows already what the event is filed as."""
        if kind <= SENT:
            return self
        at = event.at
        if at is None or not -FAR < at < FAR:
            at = UNKNOWN_TIME
        row = (at, message_key(event, at), event.source)
        if kind == DELIVERED:
            kept, deferred, failed = self
            if not kept:
                kept = (row,)
            elif row[:2] > kept[-1][:2]:  # as a rule events come in the order of time
                kept = (*(kept if len(kept) < KEPT_FINAL else kept[1:]), row)
            else:
                kept = _newest((*kept, row))
            return _state(State, (kept, deferred, failed))
        if kind == DEFERRED:
            tried = (*row, event.said, event.provider or event.domain, event.campaign, event.sender)
            return State(self.delivered, _tried((*self.deferred, tried)), self.failed)
        fault = (*row, kind, event.said or UNSTATED, event.provider or event.domain)
        return State(self.delivered, self.deferred, chosen((*self.failed, fault)) if self.failed else (fault,))

    def merge(self, other: State) -> State:
        """What one state would be that had seen the events of both. Commutative, associative, idempotent. Pure."""
        if self == other:
            return self
        return State(
            _newest(self.delivered + other.delivered) if self.delivered and other.delivered else self.delivered or other.delivered,
            _tried(self.deferred + other.deferred) if self.deferred and other.deferred else self.deferred or other.deferred,
            chosen(self.failed + other.failed) if self.failed and other.failed else self.failed or other.failed,
        )

    def last_delivery(self) -> Delivered | None:
        """The newest delivery that was one: a server may take a message and send it back later, and that message was not delivered. Sent back for
        something at the sender's side it was: else a sender's fault could keep a count from ending."""
        back = {row[1]: row[0] for row in self.failed if row[1] >= 0 and row[3] in _BACK}  # rows go up in time: the latest stays
        for row in reversed(self.delivered):
            if back.get(row[1], UNKNOWN_TIME) < row[0] or row[1] not in back:
                return row
        return None

    def open(self) -> tuple[Deferred, ...]:
        """The deferred messages of which nothing final is known. A message without an id has ended when anything to this address ended later."""
        if not self.deferred:
            return ()
        ends = [(row[0], row[1]) for row in self.delivered] + [(row[0], row[1]) for row in self.failed if row[3] <= UNCOUNTED]
        if not ends:
            return self.deferred
        keys, last = {key for _, key in ends}, max(ends)[0]
        last_unnamed = max((at for at, key in ends if key < 0), default=None)
        forgotten = self.delivered[0][0] if len(self.delivered) == KEPT_FINAL else UNKNOWN_TIME  # older ones ended, as far as anybody remembers
        out = []
        for row in self.deferred:
            at, key = row[0], row[1]
            ended = (key in keys if key >= 0 else last >= at) or (last_unnamed is not None and last_unnamed >= at) or at < forgotten
            if not ended:
                out.append(row)
        return tuple(out)


EMPTY = State()
_state = tuple.__new__  # State(…) without its detour through keywords: it is made once for each event


# ------------------------------------------------------------------ the bounded choices


def _newest(rows: Iterable[Delivered]) -> tuple[Delivered, ...]:
    """The newest deliveries. Of two that differ in nothing but where they stand, the first place is kept."""
    out: list[Delivered] = []
    for row in sorted(rows, reverse=True):
        if out and out[-1][0] == row[0] and out[-1][1] == row[1]:
            out[-1] = row
        elif len(out) == KEPT_FINAL:
            break
        else:
            out.append(row)
    return tuple(out[::-1])


def _tried(rows: tuple[Deferred, ...]) -> tuple[Deferred, ...]:
    """The newest deferred messages, each with its last try."""
    if len(rows) == 1:
        return rows
    best: dict[int, Deferred] = {}
    for row in sorted(rows, key=_tried_order):
        old = best.get(row[1])
        if old is None or row[0] > old[0]:
            best[row[1]] = row
    return tuple(sorted(best.values(), key=_tried_order)[-KEPT_DEFERRED:])


def _tried_order(row: Deferred) -> tuple[float, int, str, str, str, str, str, str]:
    return (*row[:3], row[3].cause if row[3] else "", row[3].text if row[3] else "", *row[4:])


def order(row: Failed) -> tuple[float, int, str, int, str, str, str, str]:
    """By time. The rest only makes it a total order, so that equal choices are made of equal sets."""
    at, key, source, kind, said, provider = row
    return (at, key, source, kind, said.cause, provider, said.text, said.rule or "")


def chosen(rows: Iterable[Failed]) -> tuple[Failed, ...]:
    """What is kept of failures, complaints and drops. chosen(chosen(a) + b) == chosen(a + b)."""
    groups: dict[int, list[Failed]] = {}
    for row in sorted(rows, key=order):
        groups.setdefault(row[3], []).append(row)
    kept: dict[tuple[float, int, str, int, str, str, str, str], Failed] = {}
    for kind, group in groups.items():
        for row in _CHOICES[kind](group):
            kept[order(row)] = row
    return tuple(kept[key] for key in sorted(kept))


def _by_message(rows: Sequence[Failed], most: int) -> list[Failed]:
    """The newest messages, each with its last failure (of several at one time the first in order)."""
    best: dict[int, Failed] = {}
    for row in rows:
        old = best.get(row[1])
        if old is None or row[0] > old[0]:
            best[row[1]] = row
    return sorted(best.values(), key=order)[-most:]


def _soft(rows: Sequence[Failed]) -> list[Failed]:
    """Enough to tell how many in a row and over how many days, within any window: the newest, and the first of each day."""
    first: dict[int | None, Failed] = {}
    for row in rows:
        first.setdefault(day_of(row[0]), row)
    return _by_message(rows, KEPT_SOFT) + list(first.values())[-KEPT_DAYS:]


def _ends(rows: Sequence[Failed]) -> list[Failed]:
    """The first and the last of each cause; one whose time is known goes before one whose is not."""
    out: dict[str, list[Failed]] = {}
    for row in rows:
        out.setdefault(row[4].cause, []).append(row)
    return [end for group in out.values() for end in (next((r for r in group if r[0] != UNKNOWN_TIME), group[0]), group[-1])]


def _first(rows: Sequence[Failed]) -> list[Failed]:
    return [next((r for r in rows if r[0] != UNKNOWN_TIME), rows[0])]


_CHOICES: dict[int, Callable[[Sequence[Failed]], list[Failed]]] = {
    CLOSED: _ends,
    HELD: lambda rows: _by_message(rows, KEPT_HELD),
    FULL: _soft,
    SOFT: _soft,
    NEVER: lambda rows: _by_message(rows, KEPT_NEVER),
    UNCOUNTED: lambda rows: _by_message(rows, KEPT_NEVER),
    COMPLAINED: _first,
    LEFT: _first,
    DROPPED: lambda rows: [rows[-1]],
}
