"""What a World keeps longer than a scan: answers to questions that many scans share, and which resolvers were shown to validate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .codec import Reply

if TYPE_CHECKING:
    from .memo import Key

KEEP = 3600  # seconds that the World keeps a shared answer
KEEP_FAILURE = 60
POOLED = 300  # seconds that one of many scans may use the answer of another
MOST_KEPT = 4096  # far more than all lists' self-tests
MOST_POOLED = 32768

Told = Callable[[Reply | None], None]


class Keeping:
    """The memory of a World (edge/world.py), for its seams. Thread-safe."""

    def __init__(self) -> None:
        self.pooled = False  # many scans: every answer is kept for the next ones as long as its TTL says, at most POOLED seconds
        self._lock = threading.Lock()
        self._kept: dict[Key, tuple[float, Reply]] = {}
        self._asking: dict[Key, list[Told]] = {}  # shared questions under way, and the scans that wait beside the one that asks
        self._validating: dict[str, tuple[float, bool | None]] = {}

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()
            self._validating.clear()

    def share(self, key: Key, told: Told) -> tuple[Reply | None, bool]:
        """The kept answer to a shared question, or whether the caller is to ask it. Neither: a scan is asking it now, and `told` will
        be called, from any thread, with its answer, or with None where that scan ended first."""
        with self._lock:
            until, reply = self._kept.get(key, (0.0, None))
            if reply is not None and time.monotonic() < until:
                return reply, False
            if (waiting := self._asking.get(key)) is not None:
                waiting.append(told)
                return None, False
            self._asking[key] = []
            return None, True

    def remember(self, key: Key, reply: Reply, *, pooled: bool = False) -> None:
        """Keeps the answer to a shared question, and tells the scans that wait for it. `pooled`: to one that is shared by its TTL alone."""
        keep: float = KEEP if reply.failure is None else KEEP_FAILURE
        if pooled:
            # RFC 2308 section 5: what has no SOA is not kept; what failed is asked again by the next one
            ttl = min((r.ttl for r in reply.records), default=reply.negative_ttl or 0) if reply.failure is None else 0
            keep = min(ttl, POOLED)
        with self._lock:
            if len(self._kept) > (MOST_POOLED if self.pooled else MOST_KEPT):
                now = time.monotonic()
                self._kept = {k: held for k, held in self._kept.items() if held[0] > now and held[1].failure is None}
                if len(self._kept) > MOST_KEPT * 4:
                    self._kept.clear()
            if keep:
                self._kept[key] = (time.monotonic() + keep, reply)
            waiting = self._asking.pop(key, [])
        for told in waiting:
            told(reply)

    def share_failed(self, key: Key) -> None:
        """The scan that was asking a shared question ended without an answer."""
        with self._lock:
            waiting = self._asking.pop(key, [])
        for told in waiting:
            told(None)

    def validates(self, server: str) -> bool | None:
        """Whether a resolver was shown to validate DNSSEC; None: not known."""
        with self._lock:
            until, value = self._validating.get(server, (0.0, None))
            return value if time.monotonic() < until else None

    def learned(self, server: str) -> bool:
        """Whether it was tried not long ago to find out, with whatever result."""
        with self._lock:
            return time.monotonic() < self._validating.get(server, (0.0, None))[0]

    def learn(self, server: str, value: bool | None) -> None:
        with self._lock:
            self._validating[server] = (time.monotonic() + (KEEP_FAILURE if value is None else KEEP), value)
