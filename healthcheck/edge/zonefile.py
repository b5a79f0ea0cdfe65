"""Master files (RFC 1035 section 5) in, records with file and line out. dnspython reads each record, we cut the file into records.

Two ways of reading. As it stands, a file with a fault is refused, as name servers do (ZoneError). With `slips`, a record that cannot
be read is noted there, with its line, and the rest is read all the same: whoever checks a file before it is published wants all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.ttl
import dns.zonefile

from ..errors import ZoneError
from .entries import Entry, entries, tokens
from .unread import is_ttl, is_type, pseudo_types, reason_of
from .zonetext import exported, origin_of, text_of

DEFAULT_TTL = 3600  # seconds, where a file gives none
MAX_SLIPS = 200  # in one file; one with more is no zone file
DIRECTIVES = ("$GENERATE", "$ORIGIN", "$TTL")  # those that dnspython follows; $INCLUDE is ours
MAX_INCLUDES = 16  # files that include one another

_KEY = re.compile(r"(?:^|/)K[^/]+\.\+\d{3}\+\d{5}\.key$")  # as dnssec-keygen names them
_AGE = re.compile(r"(?<=\s)\[AG(?:E|ING):\d+\](?=\s)", re.IGNORECASE)  # when a host of Windows registered itself
_PLACE = re.compile(r"^.+:\d+: ")
_NO_ORIGIN = dns.name.from_text("no-origin-is-known.invalid.")  # stands for it until a relative name needs one


@dataclass(frozen=True, slots=True)
class Slip:
    """Something that somebody did not mean to write. code: a row of data/checks_zone.toml; values: the slots of its message.

    name   the owner of the record, as far as it is known, without the dot at its end; rtype: its type
    text   what stands there
    """

    code: str
    name: str
    rtype: str
    file: str
    line: int
    text: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file. end: its last line; raw: how it is written, where slips are looked for; origin: of the names that it is written with;
    named: the line of its owner, where that is another one of the same file."""

    owner: dns.name.Name
    ttl: int
    data: dns.rdata.Rdata
    file: str  # as it was named by the user
    line: int
    end: int = 0
    raw: str = ""
    origin: dns.name.Name | None = None
    named: int = 0


@dataclass(slots=True)
class Noted:
    """What is noticed while reading: slips, the record sets of which a record could not be read, each with the reason, and those that only a provider
    knows: a pseudo-type stands there for them."""

    slips: list[Slip] = field(default_factory=list)
    torn: dict[tuple[dns.name.Name, str], str] = field(default_factory=dict)  # type "": any
    unsaid: set[tuple[dns.name.Name, str]] = field(default_factory=set)


class _Collector:
    """Stands where dnspython's reader expects the transaction of a zone, and keeps its records."""

    def __init__(self) -> None:
        self.found: list[tuple[dns.name.Name, int, dns.rdata.Rdata]] = []
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
        self.found.append((owner, ttl, data))


# ------------------------------------------------------------------ files


def read_file(path: str | Path, noted: Noted | None = None, *, root: Path | None = None) -> tuple[Row, ...]:
    """Every record of a master file.

    noted  where slips go; None: the first one is refused
    root   the folder that $INCLUDE may not leave, and that its paths may be relative to; None: as the process sees them

    The origin of relative names is `$ORIGIN`, else the absolute owner of an SOA record, else the name of the file
    ("shop.example.zone", "db.shop.example"). A file that gives no TTL gets an hour.
    Raises ZoneError, with file, line and reason. Standard: RFC 1035 section 5, RFC 2308 section 4 ($TTL).
    """
    shown = str(path)
    if shown.lower().endswith((".json", ".toml")):
        raise ZoneError(
            f"{shown}: this format is not read. Give a master file (RFC 1035 section 5; BIND, NSD and Knot write them), as in example.com.zone, "
            "or a zone of octoDNS, as in example.com.yaml."
        )
    return tuple(read_text(text_of(path), shown, noted, root=root))


def read_text(text: str, shown: str, noted: Noted | None = None, *, root: Path | None = None, directives: tuple[str, ...] | None = None) -> Iterator[Row]:
    """The records of a master file's text; `shown` is its name. `directives`: those that it may use; None: all. Raises ZoneError."""
    origin = origin_of(text, shown)
    reading = _Reading(origin, noted, root, directives)
    reading.default = None if "$TTL" in text.upper() else DEFAULT_TTL
    before = len(noted.slips) if noted else 0
    rows = reading.read(text, shown)
    if noted and not rows and len(noted.slips) > before:
        first = noted.slips[before]
        raise ZoneError(f"{first.file}:{first.line}: {first.values['detail']}. Not one record of this file can be read.")
    for row in rows:
        if origin is None and (row.owner.is_subdomain(_NO_ORIGIN) or _NO_ORIGIN.to_text() in row.data.to_text()):
            raise ZoneError(
                f"{row.file}:{row.line}: a name without a dot at its end, and no origin is known. "
                "Write $ORIGIN at the top, give the SOA record's owner in full, or name the file after its zone (example.com.zone)."
            )
        yield row if origin is None or row.data.rdtype != dns.rdatatype.SOA else _at_top(row, origin, noted is not None, exported(text) is not None)


def _at_top(row: Row, origin: dns.name.Name, careful: bool, export: bool) -> Row:
    """An SOA record is about its zone, also where its owner lacks the dot: else nothing of the zone would be within it. slips.py tells that dot."""
    labels = origin.labels[:-1] + origin.labels
    twice = dns.name.Name(labels) if origin != dns.name.root and sum(len(label) + 1 for label in labels) <= 255 else origin
    if export and row.owner in (dns.name.root, twice):
        return replace(row, owner=origin, raw="")
    return replace(row, owner=origin) if careful and row.owner == twice else row


# ------------------------------------------------------------------ reading


class _Reading:
    """One file, and what it includes."""

    def __init__(self, origin: dns.name.Name | None, noted: Noted | None, root: Path | None, directives: tuple[str, ...] | None) -> None:
        self.noted, self.root, self.directives = noted, root, directives
        self.origin = self.last = origin or _NO_ORIGIN
        self.default: int | None = DEFAULT_TTL
        self._reader: Any = None
        self._within: list[Path] = []

    def read(self, text: str, shown: str) -> list[Row]:
        if self._reader is None:
            self._collector: Any = _Collector()
            made: Any = dns.zonefile.Reader
            allowed = DIRECTIVES if self.directives is None else self.directives  # dnspython finds one within parentheses, too
            self._reader = made(dns.tokenizer.Tokenizer("", shown), dns.rdataclass.IN, self._collector, allow_directives=allowed, default_ttl=self.default)
            self._reader.current_origin, self._reader.last_name = self.origin, self.last
        rows: list[Row] = []
        slipped = 0
        for entry in entries(text):
            first = entry.raw.split(None, 1)[0].upper()
            if first[0] == "$" and self.directives is not None and first not in self.directives:
                raise ZoneError(f"{shown}:{entry.line}: zone file directive '{first}' is not allowed")
            try:
                if first == "$INCLUDE":
                    rows += self._included(entry, shown)
                else:
                    rows += self._entry(entry, shown)
            except (dns.exception.DNSException, OSError, ValueError) as error:
                if self.noted is not None and self._provided(entry):
                    continue
                words = _PLACE.sub("", str(error).strip()) or type(error).__name__
                slipped += 1
                if self.noted is None or slipped > MAX_SLIPS or first == "$INCLUDE":
                    raise ZoneError(f"{shown}:{entry.line}: {words}") from None
                self._unreadable(entry, shown, words)
        return rows

    def _entry(self, entry: Entry, shown: str) -> Iterator[Row]:
        if entry.open:
            raise ValueError("unbalanced parentheses: the one that is opened here is never closed")
        reader, collector = self._reader, self._collector
        codec = reader.tok.idna_codec
        written = _AGE.sub(" ", entry.raw) if "[" in entry.raw else entry.raw
        reader.tok = dns.tokenizer.Tokenizer(written + "\n", shown, idna_codec=codec)
        collector.found.clear()
        origin = reader.current_origin
        reader.read()
        if self.noted is not None and entry.raw[:7].upper() == "$ORIGIN":
            self._origin(entry, shown, origin)
        raw = entry.raw if self.noted is not None else ""
        return (Row(owner, ttl, data, shown, entry.line, entry.end, raw, origin) for owner, ttl, data in tuple(collector.found))

    def _included(self, entry: Entry, shown: str) -> list[Row]:
        """RFC 1035 section 5.1: the origin of the file that includes stands again after it."""
        found, _, _ = tokens(entry.raw)
        if len(found) < 2:
            raise ValueError("$INCLUDE names no file")
        named = found[1][0]
        path = self._path(named, shown)
        if path is None:
            return []
        if path.resolve() in self._within or len(self._within) >= MAX_INCLUDES:
            raise ValueError(f"{path} includes itself")
        reader = self._reader
        saved = {key: getattr(reader, key) for key in ("current_origin", "last_name", "last_ttl", "last_ttl_known", "default_ttl", "default_ttl_known")}
        if len(found) > 2:
            reader.current_origin = dns.name.from_text(found[2][0], reader.current_origin)
        self._within.append(path.resolve())
        try:
            return self.read(text_of(path), str(path))
        finally:
            self._within.pop()
            for key, value in saved.items():
                setattr(reader, key, value)

    def _path(self, named: str, shown: str) -> Path | None:
        """Where an included file is: as the process sees it, or beside the one that includes it; of a folder that was given, never outside of it.

        None for a key of DNSSEC that is not there, as it seldom is in a repository: a file of this name holds a DNSKEY record and nothing else.
        """
        folders = (Path(), Path(shown).parent) if self.root is None else (Path(shown).parent, self.root)
        places = [folder / named for folder in folders]
        open_to_us = [path for path in places if self.root is None or path.resolve().is_relative_to(self.root.resolve())]
        if (found := next((path for path in open_to_us if path.is_file()), None)) is not None:
            return found
        if _KEY.search(named):
            return None
        if len(open_to_us) < len(places):
            raise ValueError(f"$INCLUDE {named} leads out of {self.root}")
        raise FileNotFoundError(f"$INCLUDE {named}: there is no such file" + (f" in {self.root}" if self.root else ""))

    def _origin(self, entry: Entry, shown: str, before: dns.name.Name) -> None:
        """`$ORIGIN sub.example.com` without a dot at its end is relative to the origin before it."""
        found, _, _ = tokens(entry.raw)
        said, top = found[1][0].lower(), before.to_text(omit_final_dot=True).lower()
        if self.noted is not None and not said.endswith(".") and (said == top or said.endswith("." + top)) and before != dns.name.root:
            becomes = self._reader.current_origin.to_text(omit_final_dot=True)
            values = {"reason": "owner", "written": found[1][0], "becomes": becomes, "at": becomes}
            self.noted.slips.append(Slip("ZON004", top, "", shown, entry.line, entry.raw.strip(), values))

    # ------------------------------------------------------------------ what cannot be read

    def _unreadable(self, entry: Entry, shown: str, words: str) -> None:
        assert self.noted is not None
        found, _, _ = tokens(entry.raw)
        inherited = entry.raw[:1] in " \t"
        owner, rtype = (None, "") if entry.raw.startswith("$") else self._whose(found, inherited)
        if owner is not None and not inherited:
            self._reader.last_name = owner
        name = "" if owner is None else owner.to_text(omit_final_dot=True).lower()
        reason, line = reason_of(entry, found, rtype, words)
        shown_text = next((row for row in entry.raw.split("\n") if row.strip()), "").strip()
        values = {"reason": reason, "detail": words, "what": f"{rtype} {name}".strip() or shown_text[:60]}
        self.noted.slips.append(Slip("ZON002", name, rtype, shown, line, shown_text[:300], values))
        if owner is not None:
            self.noted.torn.setdefault((owner, rtype), f"a record at {Path(shown).name}:{line} cannot be read")

    def _provided(self, entry: Entry) -> bool:
        """A pseudo-type, of which the provider makes records when it is asked: what they are, the file does not say."""
        found, _, _ = tokens(entry.raw)
        words, inherited = [text for text, _, _ in found], entry.raw[:1] in " \t"
        for at, word in enumerate(words[:5]):
            if at == 0 and not inherited:
                continue
            if (kind := pseudo_types().get(word.upper())) is None:
                if word.upper() in ("IN", "AWS") or is_ttl(word):
                    continue
                return False
            owner, _ = self._whose(found, inherited)
            if owner is None or self.noted is None:
                return False
            self._reader.last_name = owner
            named = words[at + 1].upper() if at + 1 < len(words) and is_type(words[at + 1]) else ""
            self.noted.unsaid |= {(owner, rtype) for rtype in (*kind["instead"], named) if rtype}
            return True
        return False

    def _whose(self, found: list[tuple[str, bool, int]], inherited: bool) -> tuple[dns.name.Name | None, str]:
        """The owner and the type that a record was to have, as far as they can be read."""
        words = [text for text, quoted, _ in found]
        rtype = next((w.upper() for w in words[0 if inherited else 1 :][:4] if is_type(w)), "")
        if inherited:
            return self._reader.last_name, rtype
        try:
            return dns.name.from_text(words[0], self._reader.current_origin), rtype
        except (dns.exception.DNSException, IndexError, UnicodeError):
            return None, rtype
