"""When a question that is on its way has waited long enough. Called with the lock of the loop held."""

from __future__ import annotations

import time
from bisect import insort
from collections import deque
from collections.abc import Iterator
from operator import itemgetter

from .flight import Job

LONGEST = 5.0  # seconds that one question may take

_Row = deque[tuple[float, Job, int]]  # when, whose, and which of its waits


class Timers:
    """The waits of many questions. Nearly all of them end by an answer, so that one that is over costs nothing but being passed over.

    Those of the same length end in the order in which they began: a row for each length, and no heap. What the end of a scan cuts short stands in
    the row of that scan's end.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[float, float], _Row] = {}

    def start(self, job: Job, wait: float) -> None:
        """The next wait of a question, in seconds; an earlier one is forgotten."""
        job.turn += 1
        now = time.monotonic()
        last = max(job.began + LONGEST, now + 0.3)
        until = job.line.until
        due = min(now + wait, until, last)
        key = (0.0, until) if due == until else (LONGEST, 0.0) if due == last else (wait, 0.0)
        if (row := self._rows.get(key)) is None:
            row = self._rows[key] = deque()
        if due == last:  # few wait so long, and these did not begin in the order of their ends
            insort(row, (due, job, job.turn), key=itemgetter(0))
        else:
            row.append((due, job, job.turn))

    def next(self) -> float | None:
        """When the next of them ends (time.monotonic), None where there is none."""
        row = self._first()
        return row[0][0] if row is not None else None

    def ended(self, now: float) -> Iterator[Job]:
        """Those that have ended by now, the earliest first."""
        while (row := self._first()) is not None and row[0][0] <= now:
            yield row.popleft()[1]

    def _first(self) -> _Row | None:
        """The row of the earliest end."""
        first: _Row | None = None
        for key, row in list(self._rows.items()):
            while row and (row[0][1].over or row[0][1].turn != row[0][2]):
                row.popleft()
            if not row:
                del self._rows[key]
            elif first is None or row[0][0] < first[0][0]:
                first = row
        return first
