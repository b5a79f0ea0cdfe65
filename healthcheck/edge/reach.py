"""The second port of a World: hosts that are asked by HTTPS and SMTP, not by DNS. What a scan asks of them, once each.

A World has a `fetcher` and a `greeter`; a Session has a `Reaches` for each, which starts a request once, whoever asks first, and waits for it.
The ones that connect are edge/https.py and edge/smtp.py, behind edge/guard.py. `Rows` and `Spoken` answer from a file, as zone files do for the DNS.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ..errors import InputError
from ..model import Certificate, Fetch, Fetched, Greeted, Reached
from .loop import Loop

WAIT = 8.0  # seconds that one request may take from its start, connecting and reading together
GREETING = 12.0  # the same for a mail host: some let a client wait for six seconds before they say a word
GRACE = 0.25  # seconds past its end that a request may take to say so itself

Wanted_contra = TypeVar("Wanted_contra", contravariant=True)
Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Greet:
    """One conversation with a mail host on port 25, at one address that the seam looked up."""

    host: str
    address: str


class Port(Protocol[Wanted_contra, Got]):
    """Who connects. Thread-safe; belongs to a World. `begin` never raises and never blocks; the future never holds an exception."""

    def begin(self, wanted: Wanted_contra, until: float) -> Future[Got]: ...

    def close(self) -> None: ...


def unfetched(fetch: Fetch, detail: str, reached: Reached = Reached.NOT_ASKED) -> Fetched:
    return Fetched(fetch.url, reached, detail=detail)


def ungreeted(greet: Greet, detail: str, reached: Reached = Reached.NOT_ASKED) -> Greeted:
    return Greeted(greet.host, greet.address, reached, detail=detail)


@dataclass(frozen=True)
class Nobody(Generic[Wanted_contra, Got]):
    """The port of a World that connects to nothing."""

    say: Callable[[Wanted_contra, str], Got]
    detail: str = "nothing is connected here: only zone files answer"

    def begin(self, wanted: Wanted_contra, until: float) -> Future[Got]:  # noqa: ARG002 - the protocol's shape
        done: Future[Got] = Future()
        done.set_result(self.say(wanted, self.detail))
        return done

    def close(self) -> None:
        return


class Rows:
    """The fetches of a World of files: a TOML file with one table a URL. What it does not hold is NOT_ASKED.

        ["https://mta-sts.example.com/.well-known/mta-sts.txt"]
        content_type = "text/plain"
        body = "..."            # or  file = "logo.svg", beside the TOML file
        status = 200            # optional; reached, location, detail as in Fetched

    Raises InputError, with the file, for one that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            rows: Mapping[str, Mapping[str, object]] = tomllib.loads(path.read_text(encoding="utf-8"))
            self._held = {url: self._row(path, url, row) for url, row in rows.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: {error}") from None

    @staticmethod
    def _row(path: Path, url: str, row: Mapping[str, object]) -> Fetched:
        body = (path.parent / str(row["file"])).read_bytes() if "file" in row else str(row.get("body", "")).encode()
        reached = Reached(str(row.get("reached", "ok")))
        return Fetched(
            url,
            reached,
            int(str(row.get("status", 200 if reached is Reached.OK else 0))),
            str(row.get("content_type", "")),
            body,
            str(row.get("location", "")),
            detail=str(row.get("detail", "")),
        )

    def begin(self, wanted: Fetch, until: float) -> Future[Fetched]:  # noqa: ARG002
        done: Future[Fetched] = Future()
        done.set_result(self._held.get(wanted.url) or unfetched(wanted, "no file of this world holds it"))
        return done

    def close(self) -> None:
        return


class Spoken:
    """The mail hosts of a World of files: a TOML file with one table a host, whichever of its addresses. What it does not hold is NOT_ASKED.

        ["mx1.example.com"]
        banner = "mx1.example.com ESMTP"
        ehlo = ["mx1.example.com", "STARTTLS"]
        protocol = "TLSv1.3"     # of TLS that came about; without it the host offers none
        problem = "wrong-name"   # optional, as in Certificate; names: optional, else the host's own; days: how long it is still valid

    Raises InputError, with the file, for one that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            rows: Mapping[str, Mapping[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
            self._held = {host: self._row(host, row) for host, row in rows.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: {error}") from None

    @staticmethod
    def _row(host: str, row: Mapping[str, Any]) -> Greeted:
        now, protocol = datetime.now(UTC).replace(microsecond=0), str(row.get("protocol", ""))
        dates = now - timedelta(days=30), now + timedelta(days=int(row.get("days", 60)))
        names = tuple(row.get("names", (host,)))
        shown = Certificate(f"CN={names[0]}", "CN=Demo authority", names, *dates, str(row.get("problem", ""))) if protocol else None
        reached, ehlo = Reached(str(row.get("reached", "ok"))), tuple(row.get("ehlo", ()))
        return Greeted(host, "", reached, str(row.get("banner", "")), ehlo, "STARTTLS" in ehlo, protocol, str(row.get("cipher", "")), shown)

    def begin(self, wanted: Greet, until: float) -> Future[Greeted]:  # noqa: ARG002
        done: Future[Greeted] = Future()
        held = self._held.get(wanted.host)
        done.set_result(replace(held, address=wanted.address) if held else ungreeted(wanted, "no file of this world holds it"))
        return done

    def close(self) -> None:
        return


def _nothing() -> None:
    return


class Reaches(Generic[Wanted_contra, Got]):
    """One scan's requests through a port: each made once. Thread-safe as far as a scan needs it: `start` holds the loop's lock, `get` none.

    loop   serves the DNS meanwhile, so that who waits here keeps nobody else waiting; several scans may share it (bulk.py)
    most   seconds that one request may take from its start
    """

    def __init__(self, port: Port[Wanted_contra, Got], say: Callable[[Wanted_contra, str], Got], end: float, loop: Loop, most: float = WAIT) -> None:
        self._port, self._say, self._end, self._loop, self._most = port, say, end, loop, most
        self._made: dict[Wanted_contra, tuple[Future[Got], float]] = {}
        self._got: dict[Wanted_contra, Got] = {}

    def start(self, wanted: Wanted_contra) -> None:
        """Starts a request and waits for nothing; once, whoever asks first."""
        if wanted not in self._made:
            until = min(self._end, time.monotonic() + self._most)
            future = self._port.begin(wanted, until)
            self._made[wanted] = future, until
            if not future.done():
                loop = self._loop
                future.add_done_callback(lambda _: loop.post(_nothing))  # whoever waits on the loop looks again

    def get(self, wanted: Wanted_contra) -> Got:
        """What a request brought; started where it was not. Waits as long as it may take from its start, and never beyond the scan's time. Never raises."""
        if (held := self._got.get(wanted)) is not None:
            return held
        self.start(wanted)
        future, until = self._made[wanted]
        self._loop.wait(future.done, until + GRACE)
        got = future.result() if future.done() else self._say(wanted, "no answer before the scan's time was over")
        return self._got.setdefault(wanted, got)

    def here(self, wanted: Wanted_contra) -> Got | None:
        """What `get` would bring without waiting; None where it would wait, or start something. It is not demanded by this."""
        made = self._made.get(wanted)
        return self._got.get(wanted) or (made[0].result() if made is not None and made[0].done() else None)

    @property
    def settled(self) -> bool:
        """Is nothing under way?"""
        return all(future.done() for future, _ in tuple(self._made.values()))

    def transcript(self) -> tuple[Got, ...]:
        """What was demanded, in the order of demand."""
        return tuple(self._got.values())

    def demanded(self) -> dict[Wanted_contra, Got]:
        """The same, by what was wanted."""
        return dict(self._got)
