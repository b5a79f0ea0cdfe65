"""Tables: CSV exports of services, and any other with a column of addresses and one that says what happened. RFC 4180, read leniently.

Rows are read by the csv module from blocks of whole lines; a row costs as much as it has fields, since none becomes a mapping.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ....catalog import catalog
from ....model import Event, Happened
from . import Told, With, data, happened_words, plain, settled
from .kinds import How
from .times import moment

DELIMITERS = ",;\t|"
SPAN = 40  # lines of one row, after which a quotation mark is taken for a stray one
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\Z")
_CODE = re.compile(r"[245]\d\d\Z")
_FINAL = (Happened.BOUNCED, Happened.DEFERRED)

csv.field_size_limit(1 << 20)


@dataclass(frozen=True, slots=True)
class Table:
    """Which column holds what, by position (-1: none does), and how its words are read."""

    kind: str  # id of a [[table]], or "csv"
    esp: str | None
    delimiter: str
    width: int
    recipient: int
    event: int = -1
    detail: int = -1  # class, severity or type beside the event
    text: int = -1
    code: int = -1
    enhanced: int = -1
    at: int = -1
    message: int = -1
    campaign: int = -1
    sender: int = -1
    remote: int = -1
    always: Happened | None = None
    term: str = ""
    words: tuple[tuple[str, Happened], ...] = ()
    head: tuple[str, ...] = ()


def table_of(line: str) -> Table | list[str]:
    """The table that begins with this line; else the names that its head holds, where it looks like one."""
    best: list[str] = []
    for delimiter in sorted(DELIMITERS, key=line.count, reverse=True):
        try:
            head = next(csv.reader([line], delimiter=delimiter))
        except (csv.Error, StopIteration):
            continue
        if len(head) < 2:
            continue
        if found := _resolved(head, delimiter):
            return found
        best = best or head
    return best


@cache
def _names() -> dict[str, tuple[str, ...]]:
    return {field: tuple(plain(name) for name in names) for field, names in data()["columns"].items()}


_FIELDS = {"kind": "detail"}  # a name of the data that has another meaning in Table


def _resolved(head: Sequence[str], delimiter: str) -> Table | None:
    names = [plain(name) for name in head]
    places = {name: at for at, name in reversed(list(enumerate(names)))}
    shown = tuple(name.strip() for name in head)
    for row in data()["table"]:
        if all(need in places for need in row["needs"]):
            columns: dict[str, Any] = {_FIELDS.get(field, field): places.get(name, -1) for field, name in row["columns"].items()}
            words = tuple((plain(word), Happened(what)) for word, what in row.get("words", {}).items())
            always = Happened(row["always"]) if "always" in row else None
            return Table(row["id"], row["esp"], delimiter, len(head), **columns, always=always, term=row.get("term", ""), words=words, head=shown)
    taken: set[int] = set()
    columns = {}
    for field, synonyms in _names().items():
        at = next((places[name] for name in synonyms if name in places and places[name] not in taken), -1)
        if at >= 0:
            taken.add(at)
        columns[_FIELDS.get(field, field)] = at
    if columns["recipient"] < 0 or (columns["event"] < 0 and columns["text"] < 0 and columns["detail"] < 0):
        return None
    return Table("csv", None, delimiter, len(head), **columns, head=shown)


class Rows:
    """The events of a table's blocks. One for each table, so that what its words mean is looked up once."""

    def __init__(self, table: Table, told: Told, given: With) -> None:
        self.table, self.told, self.given = table, told, given
        self._known: dict[tuple[str, str, str, str], tuple[Happened | None, How]] = {}
        self._own = dict(table.words)
        self._services = catalog().services
        self._campaigns: dict[str, str] = {}
        self._days: dict[str, float] = {}  # "2026-01-15 " -> its first second
        self._nothing = frozenset(data()["nothing"]["words"])
        service = self._services.get(table.esp or "")
        # a service's own word where others write the receiver's reply
        self._vocabulary = frozenset(value for word in service.words for value in word.last if not value.isdigit()) if service else frozenset[str]()

    def events(self, text: str, first: int) -> Iterator[Event]:
        """The events of whole lines; `first` is the number of the first one. What cannot be read is told and left out. Never raises."""
        lines = list(io.StringIO(text, newline=""))
        at = 0
        while at < len(lines):
            stray = -1
            for event in self._part(lines, at, first):
                if isinstance(event, int):
                    stray = event
                    break
                yield event
            if stray < 0:
                return
            at = stray + 1

    def _part(self, lines: list[str], begin: int, first: int) -> Iterator[Event | int]:
        """The events from a line on; a number is that of a line whose quotation mark is never closed, where reading has to begin anew."""
        table, told = self.table, self.told
        rows = csv.reader(lines[begin:] if begin else lines, delimiter=table.delimiter)
        width, last = table.width, 0
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error:
                told.rows += 1
                told.trouble(first + begin + last, "quote")
                yield begin + last
                return
            line, now = begin + last, rows.line_num
            if now - last > 1 and (len(row) != width or now - last > SPAN):
                told.rows += 1
                told.trouble(first + line, "quote")
                yield line
                return
            last = now
            if not row or (len(row) == 1 and not row[0].strip()):
                continue
            told.rows += 1
            if len(row) != width and not self._fits(row):
                ends = begin + now == len(lines) and not lines[-1].endswith(("\n", "\r"))
                if ends and len(row) < width:
                    told.trouble(first + line, "cut")
                else:
                    told.trouble(first + line, "fields", found=len(row), wanted=width)
                continue
            event = self._event(row, first + line)
            if event is not None:
                yield event

    def _fits(self, row: list[str]) -> bool:
        """Whether a row of another width can be meant: empty fields too many at the end, or the last ones left out that nobody needs."""
        if len(row) > self.table.width:
            return not any(field.strip() for field in row[self.table.width :])
        table = self.table
        needed = (table.recipient, table.event, table.text, table.at)
        if len(row) <= max(needed) or len(row) < 2:
            return False
        row.extend([""] * (table.width - len(row)))
        return True

    def _event(self, row: list[str], line: int) -> Event | None:
        table, told, given = self.table, self.told, self.given
        recipient = given.address(row[table.recipient])
        word = row[table.event] if table.event >= 0 else ""
        detail = row[table.detail] if table.detail >= 0 else ""
        enhanced = row[table.enhanced] if table.enhanced >= 0 else ""
        code = row[table.code] if table.code >= 0 else ""
        known = self._known.get((word, detail, enhanced, code))
        if known is None:
            known = self._meaning(word, detail, enhanced, code)
        happened, how = known
        if happened is Happened.OTHER:
            told.passed += 1
            return None
        text = row[table.text] if table.text >= 0 else ""
        if happened is None:
            happened = self._by_text(text, word)
            if happened is None:
                told.trouble(line, "event", column=table.head[table.event] if table.event >= 0 else "", found=word or text)
                return None
        if not recipient:
            told.trouble(line, "address", column=table.head[table.recipient], found=row[table.recipient])
            return None
        remote = row[table.remote] if table.remote >= 0 else None
        said = None
        if happened in _FINAL or happened is Happened.COMPLAINT:
            if text in self._vocabulary:
                how, text = how._replace(terms=(*how.terms, text)), ""
            said = given.kinds.of_text(self._reply(text, code), how, recipient, remote)
            if happened is Happened.BOUNCED:
                happened = settled(happened, said)
                if happened is Happened.OTHER:
                    told.passed += 1
                    return None
                if happened not in _FINAL and happened is not Happened.COMPLAINT:
                    said = None
        told.events += 1
        return Event(
            happened,
            recipient,
            self._at(row[table.at]) if table.at >= 0 else None,
            said,
            row[table.message] if table.message >= 0 else "",
            (self._campaign(row[table.campaign]) if table.campaign >= 0 else "") or given.campaign,
            given.sender(row[table.sender]) if table.sender >= 0 else "",
            given.provider(recipient, said, remote),
            f"{told.name}:{line}",
        )

    def _at(self, text: str) -> float | None:
        """`moment`, quickly for the form that most exports have: 2026-01-15 08:00:00, on the day of the row before or one like it."""
        if len(text) == 19 and text[13] == text[16] == ":":
            start = self._days.get(text[:11])
            if start is None:
                start = self._day(text[:11])
            hour, minute, second = text[11:13], text[14:16], text[17:19]
            if start >= 0 and hour.isdigit() and minute.isdigit() and second.isdigit() and hour < "24" and minute < "60" and second < "60":
                return start + (int(hour) * 3600 + int(minute) * 60 + int(second))
        return moment(text)

    def _day(self, text: str) -> float:
        start = moment(text[:10]) if text[4] == text[7] == "-" and text[10] in " T" else None
        if len(self._days) < 1 << 12:
            self._days[text] = -1.0 if start is None else start
        return -1.0 if start is None else start

    def _campaign(self, text: str) -> str:
        known = self._campaigns.get(text)
        if known is None:
            known = self.given.name(text)
            known = "" if known.casefold() in self._nothing else known
            if len(self._campaigns) < 1 << 14:
                self._campaigns[text] = known
        return known

    def _reply(self, text: str, code: str) -> str:
        code = code.strip()
        return f"{code} {text}".rstrip() if _CODE.match(code) and not text.startswith(code) else text

    def _meaning(self, word: str, detail: str, enhanced: str, code: str) -> tuple[Happened | None, How]:
        """What happened by the words of a row, and how its reply is to be read. None: the reply has to tell."""
        table, words = self.table, happened_words()
        status = enhanced.strip()
        said = plain(word)
        if _ENHANCED.match(word.strip()):  # a column “status” may hold one or the other
            status, said = word.strip(), ""
        happened = table.always or self._own.get(said) or words.get(said)
        if happened is Happened.BOUNCED and plain(detail) in data()["going_on"]["words"]:
            happened = Happened.DEFERRED
        if happened is None and not said:
            happened = words.get(plain(detail))
        action = {Happened.BOUNCED: "failed", Happened.DEFERRED: "delayed"}.get(happened) if happened else None
        notice = "complaint" if happened is Happened.COMPLAINT else ""
        terms = tuple(term for term in (table.term, word.strip(), detail.strip()) if term and not _ENHANCED.match(term))
        how = How(status if _ENHANCED.match(status) else None, action, notice, table.esp, self._spoken(terms))
        if len(self._known) < 1 << 14:
            self._known[word, detail, enhanced, code] = (happened, how)
        return happened, how

    def _spoken(self, terms: tuple[str, ...]) -> tuple[str, ...]:
        """The service's words as its events have them: exports write “Hard bounce” or “hard-bounced” for “hard_bounce”."""
        service = self._services.get(self.table.esp or "")
        if service is None:
            return terms
        mine = {plain(one): one for word in service.words for one in (*word.first, *word.last)}
        return tuple(mine.get(plain(term)) or mine.get(plain(term).removesuffix("d")) or term for term in terms)

    def _by_text(self, text: str, word: str) -> Happened | None:
        """What happened where no word says it: a table of replies is one of failures, unless a reply says that the mail was taken."""
        if self.table.event >= 0 and plain(word) and not _ENHANCED.match(word.strip()):
            return None
        text = text.strip()
        if not text:
            return Happened.BOUNCED if _ENHANCED.match(word.strip()) and word.strip()[0] in "45" else None
        return Happened.DELIVERED if text.startswith("2") and _CODE.match(text[:3]) else Happened.BOUNCED


def text_of(octets: bytes, told: Told, first: int) -> str:
    """Octets as text: UTF-8, and lines that are not as windows-1252, which is told."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        pass
    out = []
    for number, line in enumerate(octets.splitlines(keepends=True)):
        try:
            out.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            told.trouble(first + number, "encoding", left_out=False)
            out.append(line.decode("cp1252", "replace"))
    return "".join(out)
