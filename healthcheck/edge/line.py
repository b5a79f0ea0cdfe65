"""What stands between the seam and whatever answers: a Source is opened once a scan and gives a Line to put questions to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..model import Outcome
from .codec import Reply
from .guard import PUBLIC, Policy

AT = "@"  # in front of the address of a nameserver that scanned data chose


class Ask(NamedTuple):
    """One question for a line. `cd`: checking disabled (RFC 4035 section 3.2.2).

    server   this one of the configured nameservers, or AT and any address, and no other
    policy   which addresses may be asked where `server` is none of the configured ones
    """

    name: bytes  # canonical, see codec.name_wire
    rtype: int
    do: bool = False
    cd: bool = False
    server: str = ""
    policy: Policy = PUBLIC

    @property
    def at(self) -> str:
        """The address that scanned data chose, "" where the configured nameservers are asked."""
        return self.server[1:] if self.server[:1] == AT else ""


Done = Callable[[Reply], None]


class Line(Protocol):
    def put(self, ask: Ask, done: Done) -> None:
        """Starts a question. `done` is called at most once, from any thread, perhaps before this returns. Never raises."""

    def close(self) -> None:
        """Ends every socket of this line. What is under way is never answered."""


class Source(Protocol):
    def line(self, until: float) -> Line:
        """A line for one scan, whose time is up at `until` (time.monotonic). Its sockets are served by `loop.here()`."""


@dataclass(frozen=True, slots=True)
class Nowhere:
    """The source, and the line, of a machine where nobody can be asked: every question says so at once."""

    failure: Outcome
    detail: str
    server: str = ""

    def line(self, until: float) -> Line:  # noqa: ARG002 - the protocol's shape
        return self

    def put(self, ask: Ask, done: Done) -> None:  # noqa: ARG002
        done(Reply(self.failure, detail=self.detail, server=self.server))

    def close(self) -> None:
        return
