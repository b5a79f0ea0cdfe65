"""What many bounces are read from: streams of octets, recognised by what is in them, turned into events one by one.

    source = Source(Feed("export.csv", lambda: open("export.csv", "rb")), With(now))
    for event in source.events(): …
    source.told.done()          # FileRead: what it was taken for, how much was read, what could not be

Memory is flat, whatever the size: a block of lines, or one mail, or one JSON object. Nothing here opens a file or a connection: a Feed brings its own
way to be opened. For several processes `parts()` cuts a stream into pieces that any `part_events` can read; see healthcheck/many.py.
"""

from __future__ import annotations

import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from ...model import Event
from .. import events as foreign
from ..plain import seems
from .formats import FileRead, Told, Trouble, With, data, plain
from .formats.blocks import blocks, past_head
from .formats.logs import _EXIM, _POSTFIX, _SENDMAIL, Lines
from .formats.mails import LARGEST, is_mail, is_mbox, mailbox, one_mail
from .formats.objects import Objects
from .formats.octets import HEAD, Octets
from .formats.pieces import objects
from .formats.tables import Rows, Table, table_of, text_of

__all__ = ["Feed", "FileRead", "Part", "Source", "Told", "Trouble", "With", "part_events"]

_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Feed:
    """An input by name, with the way to open it. size: octets of the file, where it is known; group: the folder with whose other mails it is told of."""

    name: str
    open: Callable[[], BinaryIO]
    size: int | None = None
    group: str = ""


class Part(NamedTuple):
    """Some whole lines of an input, enough to read them anywhere. number: which input; first: the number of the first line."""

    number: int
    name: str
    form: str
    kind: str
    table: Table | None
    first: int
    octets: bytes


class Source:
    """One input that is being read. Recognised when it is made; whatever is wrong with it is told, never raised."""

    def __init__(self, feed: Feed, given: With, number: int = 0) -> None:
        self.told, self.number = Told(feed.name), number
        self._given, self._feed = given, feed
        self._file: BinaryIO | None = None
        self._octets: Octets | None = None
        self._table: Table | None = None
        self._chunks: Iterator[bytes] = iter(())
        self._head = b""
        try:
            self._file = feed.open()
            self._begin()
        except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as fault:
            reason = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
            self.told.trouble(0, "opened", reason=str(reason).lower())
            self.told.form = "unknown"

    @property
    def position(self) -> int:
        """Octets of the file that were read, packed as they are."""
        return self._octets.position if self._octets else 0

    # -------------------------------------------------------------- octets

    def _begin(self) -> None:
        self._octets = Octets(self._file, self.told) if self._file else None
        self._chunks = self._octets.chunks() if self._octets else iter(())
        head = b""
        while len(head) < HEAD and (octets := next(self._chunks, b"")):
            head += octets
        self._head = head
        self._recognise(head)

    def _next(self) -> bytes:
        """The next octets, the head among them; b"" at the end."""
        if self._head:
            head, self._head = self._head, b""
            return head
        return next(self._chunks, b"")

    # -------------------------------------------------------------- recognition

    def _recognise(self, head: bytes) -> None:
        """By what is in it: the name of a file says nothing."""
        told = self.told
        start = head.lstrip()
        if not start:
            told.trouble(0, "empty", left_out=False)
        elif start.startswith(_ZIP):
            told.trouble(0, "zip")
        elif _is_binary(head):
            told.trouble(0, "binary")
        elif is_mbox(head):
            told.form = told.kind = "mbox"
        elif _is_json(start):
            told.form = told.kind = "json"
        elif is_mail(head):
            told.form = told.kind = "mail"
        else:
            self._lines(head)

    def _lines(self, head: bytes) -> None:
        told = self.told
        text = head.decode("utf-8", "replace")
        lines = [line for line in text.split("\n")[:400] if line.strip()]
        if any(_POSTFIX.search(line) or _EXIM.search(line[:200]) or _SENDMAIL.search(line) for line in lines):
            told.form = told.kind = "log"
            return
        if lines[0].lower().startswith("sep=") and len(lines) > 1:  # what Excel is told
            lines = lines[1:]
        found = table_of(lines[0])
        if isinstance(found, Table):
            told.form, told.kind, self._table = "csv", found.kind, found
        elif seems("\n".join(lines[:40])) == "log":
            told.form = told.kind = "log"
        elif len(found) > 1 and all(0 < len(name.strip()) < 60 for name in found):
            wanted = data()["wanted"]["event" if _has(found, "recipient") else "recipient"]
            told.trouble(1, "columns", wanted=wanted, found=", ".join(found))
        else:
            told.trouble(1, "form")

    # -------------------------------------------------------------- events

    def events(self) -> Iterator[Event]:
        """Every event, in the order of the input. Never raises; what cannot be read is told."""
        try:
            match self.told.form:
                case "csv" | "log":
                    for part in self._blocks():
                        yield from self._of_part(part)
                    self._end_of_lines()
                case "json":
                    yield from self._json()
                case "mbox":
                    for line, octets in mailbox(self._next):
                        yield from one_mail(octets, self.told, self._given, f"{self.told.name}:{line}")
                case "mail":
                    held = b""
                    while len(held) < LARGEST and (octets := self._next()):
                        held += octets
                    yield from one_mail(held, self.told, self._given, self.told.name)
        finally:
            self.close()

    def _json(self) -> Iterator[Event]:
        read = Objects(self.told, self._given)
        if foreign.is_form(self._head[:4096].decode("utf-8", "replace").strip()):
            for first, octets in blocks(self._next, quotes=False):
                for number, line in enumerate(text_of(octets, self.told, first).splitlines(), first):
                    for value in foreign.pieces(line.strip())[0] if line.strip() else ():
                        yield from read.events(number, value)
            return
        for number, value in objects(self._next, self.told):
            yield from read.events(number, value)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    # -------------------------------------------------------------- parts

    @property
    def divisible(self) -> bool:
        """Whether `parts` can cut it: tables, and JSON with an object a line. A log is read by one, since the sender stands on another line."""
        if self.told.form == "csv":
            return True
        line = self._head.partition(b"\n")[0].strip()
        return self.told.form == "json" and line.startswith(b"{") and line.endswith(b"}") and b"\n" in self._head

    def parts(self) -> Iterator[Part]:
        """Pieces of whole lines for `part_events`. What is wrong with the stream itself is told here."""
        try:
            yield from self._blocks()
        finally:
            self.close()

    def _blocks(self) -> Iterator[Part]:
        table, told = self._table, self.told
        skipped = False
        for first, octets in blocks(self._next, quotes=table is not None):
            number, rows = past_head(first, octets) if table is not None and not skipped else (first, octets)
            skipped = True
            if rows:
                yield Part(self.number, told.name, told.form, told.kind, table, number, rows)

    _rows: Rows | None = None
    _log: Lines | None = None

    def _of_part(self, part: Part) -> Iterator[Event]:
        if part.table is not None:
            self._rows = self._rows or Rows(part.table, self.told, self._given)
            yield from self._rows.events(text_of(part.octets, self.told, part.first), part.first)
            return
        log = self._log = self._log or Lines(self.told, self._given)
        lines = part.octets.decode("utf-8", "replace").split("\n")
        last = lines.pop()
        for number, line in enumerate(lines, part.first):
            yield from log.events(line.rstrip("\r"), number)
        if last:
            yield from self._last_line(log, last, part.first + len(lines))

    def _last_line(self, log: Lines, line: str, number: int) -> Iterator[Event]:
        """The events of a line that does not end. Where it tells of a try and cannot be read, it was cut."""
        told = self.told
        events, bad, named = told.events + told.passed, told.bad, len(told.troubles)
        yield from log.events(line, number)
        if told.bad > bad or (told.events + told.passed == events and " to=<" in line):
            told.bad = bad
            del told.troubles[named:]
            told.trouble(number, "cut")

    def _end_of_lines(self) -> None:
        told = self.told
        if told.form == "log" and told.kind == "log" and not told.events and not told.passed:
            told.form, told.kind = "unknown", "unknown"
            told.trouble(0, "form")


def part_events(part: Part, told: Told, given: With, rows: dict[int, Rows]) -> Iterator[Event]:
    """The events of a piece. rows: what is kept from one piece of an input to the next, by the input's number."""
    told.form, told.kind = part.form, told.kind if told.kind != "unknown" else part.kind
    if part.table is not None:
        reader = rows.get(part.number)
        if reader is None or reader.told is not told:
            reader = rows[part.number] = Rows(part.table, told, given)
        yield from reader.events(text_of(part.octets, told, part.first), part.first)
        return
    read = Objects(told, given)
    given_once = iter((part.octets,))
    for number, value in objects(lambda: next(given_once, b""), told, part.first, lines=True):
        yield from read.events(number, value)


_CONTROLS = bytes(c for c in range(32) if c not in (9, 10, 12, 13, 27)) + b"\x7f"
_JSON_LIST = re.compile(rb"\[\s*(?:[{\[\]]|\Z)")


def _is_binary(head: bytes) -> bool:
    return len(head) - len(head.translate(None, _CONTROLS)) > len(head) // 50 + 2


def _is_json(start: bytes) -> bool:
    if start[:1] == b"{":
        return True
    return (
        bool(_JSON_LIST.match(start))
        or start.startswith(b"mandrill_events=")
        or (b"\n" not in start and foreign.is_form(start.decode("utf-8", "replace").strip()))
    )


def _has(head: list[str], field: str) -> bool:
    names = {plain(name) for name in data()["columns"][field]}
    return any(plain(name) in names for name in head)
