"""Master files (RFC 1035 section 5) in, records with file and line out. dnspython reads, we remember where."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.tokenizer
import dns.zonefile

from ..errors import ZoneError

DEFAULT_TTL = 3600  # seconds, where a file gives none
MAX_FILE = 64 << 20  # octets

_ORIGIN = re.compile(r"^\$ORIGIN\s+(\S+\.)\s*(?:;.*)?$", re.IGNORECASE | re.MULTILINE)
_SOA = re.compile(r"^([^\s;$(]+\.|\.)\s+(?:(?:\d\w*|IN)\s+){0,2}SOA\s", re.IGNORECASE | re.MULTILINE)
_NAMED = re.compile(r"^(?:db\.(?P<after>.+)|(?P<before>.+)\.(?:zone|db))$", re.IGNORECASE)
_PLACE = re.compile(r"^.+:\d+: ")
_NO_ORIGIN = dns.name.from_text("no-origin-is-known.invalid.")  # stands for it until a relative name needs one


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file."""

    owner: dns.name.Name
    ttl: int
    data: dns.rdata.Rdata
    file: str  # as it was named by the user
    line: int


class _Collector:
    """Stands where dnspython's reader expects the transaction of a zone, and keeps each record with its place."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.tokens: Any = None
        self.manager = self

    def origin_information(self) -> tuple[dns.name.Name, bool, dns.name.Name]:
        return dns.name.root, False, dns.name.root

    def check_put_rdataset(self, _: Any) -> None:
        return

    def _set_origin(self, _: Any) -> None:
        return

    def add_unicode(self, _: Any) -> None:
        return

    def add(self, owner: dns.name.Name, ttl: int, data: dns.rdata.Rdata) -> None:
        file, line = self.tokens.where()
        self.rows.append(Row(owner, ttl, data, str(file), line))


class _Reader(dns.zonefile.Reader):
    """dnspython's reader, told where a record began: its own place is where the record ended."""

    inside = 0  # the line on which the record began that is being read

    def _rr_line(self) -> None:
        self._placed(super()._rr_line)

    def _generate_line(self) -> None:
        self._placed(super()._generate_line)

    def _placed(self, read: Callable[[], None]) -> None:
        collector: Any = self.txn
        collector.tokens, before = self.tok, len(collector.rows)
        self.inside = self.tok.where()[1]
        read()
        collector.rows[before:] = [replace(row, line=self.inside) for row in collector.rows[before:]]
        self.inside = 0


def read_file(path: str | Path) -> tuple[Row, ...]:
    """Every record of a master file.

    The origin of relative names is `$ORIGIN`, else the absolute owner of an SOA record, else the name of the file
    ("shop.example.zone", "db.shop.example"). A file that gives no TTL gets an hour.
    Raises ZoneError, with file, line and reason. Standard: RFC 1035 section 5, RFC 2308 section 4 ($TTL).
    """
    shown = str(path)
    if shown.lower().endswith((".yaml", ".yml", ".json", ".toml")):
        raise ZoneError(f"{shown}: this format is not read. Give a master file (RFC 1035 section 5; BIND, NSD and Knot write them), as in example.com.zone.")
    try:
        octets = Path(path).read_bytes()
    except OSError as error:
        raise ZoneError(f"{shown}: {error.strerror or error}") from None
    if len(octets) > MAX_FILE:
        raise ZoneError(f"{shown}: the file is over {MAX_FILE >> 20} MiB")
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ZoneError(f"{shown}:{octets.count(10, 0, error.start) + 1}: the file is not text in UTF-8") from None
    return tuple(read_text(text, shown))


def read_text(text: str, shown: str) -> Iterator[Row]:
    """The records of a master file's text; `shown` is its name. Raises ZoneError."""
    collector = _Collector()
    origin = _origin(text, shown)
    tokens = dns.tokenizer.Tokenizer(text if text.endswith("\n") else text + "\n", shown)
    default = None if "$TTL" in text.upper() else DEFAULT_TTL
    reader = _Reader(tokens, dns.rdataclass.IN, collector, allow_include=True, default_ttl=default)  # type: ignore[arg-type]
    reader.current_origin = reader.last_name = origin or _NO_ORIGIN
    try:
        reader.read()
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise ZoneError(_words(error, shown, reader)) from None
    finally:
        for included in (reader.current_file, *(saved[3] for saved in reader.saved_state)):
            if included is not None:
                included.close()
    for row in collector.rows:
        if origin is None and (row.owner.is_subdomain(_NO_ORIGIN) or _NO_ORIGIN.to_text() in row.data.to_text()):
            raise ZoneError(
                f"{row.file}:{row.line}: a name without a dot at its end, and no origin is known. "
                "Write $ORIGIN at the top, give the SOA record's owner in full, or name the file after its zone (example.com.zone)."
            )
    yield from collector.rows


def _origin(text: str, shown: str) -> dns.name.Name | None:
    if found := _ORIGIN.search(text) or _SOA.search(text):
        try:
            return dns.name.from_text(found[1])
        except dns.exception.DNSException as error:
            raise ZoneError(f"{shown}:{text.count(chr(10), 0, found.start()) + 1}: {error}") from None
    named = _NAMED.match(Path(shown).name)
    name = (named["after"] or named["before"]) if named else ""
    # a lone word ("records.zone") names no zone: whoever has a top-level domain writes $ORIGIN
    try:
        return dns.name.from_text(name) if "." in name else None
    except dns.exception.DNSException:
        return None


def _words(error: Exception, shown: str, reader: _Reader) -> str:
    text = _PLACE.sub("", str(error).strip())  # dnspython's own place, which may be a line late
    file, line = reader.tok.where()
    if reader.inside:
        line = reader.inside
    elif reader.tok.ungotten_char == "\n":
        line -= 1
    return f"{file or shown}:{line}: {text or type(error).__name__}"
