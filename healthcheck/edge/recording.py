"""What the scans of a run asked and were told, as a file: JSON with `"schema": "recording/1"`, one look at the DNS to a line.

    Taken      what one session asked, what it was told, and when; made and played by edge/tape.py
    Recording  all of a run, and the command that it was made by

What was pasted is not in it: questions are, with the names and addresses that were asked for. Keys of blocklists are not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TextIO

from ..catalog import Blocklist, catalog
from ..errors import InputError, ZoneError
from ..files import octets_of, reason
from ..model import Answer, Fetch, Fetched, Greeted, ScanInput, Timing
from .codec import tidy
from .plain import NotPlain, as_plain, from_plain
from .reach import Greet

SCHEMA = "recording/1"
MOST = 256 << 20  # octets of a file that are read
HIDDEN = "key-not-recorded"  # a label that stands where the key of a blocklist stood; a replay takes it for the key, and shows it no more than one

Key = tuple[str, str, bool, str]  # name, type, DO, "" or the one server that was asked


@dataclass(slots=True)
class Taken:
    """What one session asked and was told.

    domain     what it was about; "" where nobody said
    inputs     what else it was scanned with, ready for JSON
    answers    every question that was demanded, in the order of demand; None: nobody waited for it
    barred     questions that the guard let through to nobody, which are no part of a transcript
    validates  what was said of resolvers: does it validate? None: not known
    """

    now: datetime
    domain: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    timing: Timing | None = None
    validates: dict[str, bool | None] = field(default_factory=dict)
    answers: dict[Key, Answer | None] = field(default_factory=dict)
    barred: dict[Key, Answer] = field(default_factory=dict)
    fetched: dict[Fetch, Fetched] = field(default_factory=dict)
    greeted: dict[Greet, Greeted] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """The world that was asked, as a report shows it. zones: name and digest (SHA-256) of each zone file that was read with care;
    probe: the name by which it is found out who validates."""

    describe: str = ""
    probe: str = ""
    nameservers: tuple[str, ...] = ()
    only_zone: bool = False
    zones: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """An input of the command: what was to be scanned, and the line of the file that named it."""

    source: str
    file: str = ""
    line: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """What made a recording. options: those that decide what is asked, where they were given; inputs: in the order in which they were done."""

    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Given, ...] = ()
    ended: datetime | None = None


def inputs_of(wanted: ScanInput) -> dict[str, Any]:
    """What a scan is told beside its domain, as it stands in a recording."""
    out: dict[str, Any] = as_plain(replace(wanted, source=""))
    del out["domain"]
    return out


# ------------------------------------------------------------------ the file


@dataclass(frozen=True, slots=True)
class Recording:
    """All that a run asked and was told. path: the file that it was read from. lists: the blocklists that were asked."""

    place: Place
    scans: tuple[Taken, ...]
    command: Command = Command()
    lists: tuple[Blocklist, ...] | None = None
    path: str = ""
    made_by: str = ""

    @classmethod
    def read(cls, path: str | Path) -> Recording:
        """Raises InputError, in words, for a file that is no recording, is cut short, or is of another version."""
        value = _document(path)
        made_by = value.get("made_by", "")
        try:
            scans = tuple(_taken(one, f"scans[{n}]") for n, one in enumerate(_list(value.get("scans"), "scans")))
            given = dict(value.get("command", {}))
            options = given.pop("options", {})
            if not isinstance(options, dict) or not isinstance(made_by, str):
                raise NotPlain("command.options is no table")
            command = replace(from_plain(Command, given, "command"), options=options)
            return cls(from_plain(Place, value.get("world"), "world"), scans, command, _lists(value.get("blocklists")), str(path), made_by)
        except (NotPlain, TypeError, ValueError) as error:
            raise InputError(f"{path} is a recording that was changed or damaged: {error}.") from None

    def write(self, file: TextIO) -> None:
        """The whole file, in a deterministic order. Raises OSError as the file does."""
        say = _hiding(row.secret for row in self.lists or ())
        head = {"schema": SCHEMA, "made_by": self.made_by, "command": as_plain(self.command, say), "world": as_plain(self.place, say)}
        if self.lists is not None:
            head["blocklists"] = [_row(row, say) for row in self.lists]
        file.write(json.dumps(head, indent=2).removesuffix("\n}") + ',\n  "scans": [')
        for number, one in enumerate(self.scans):
            file.write((",\n" if number else "\n") + "".join(_written(one, say)))
        file.write(("\n  " if self.scans else "") + "]\n}\n")

    @property
    def domains(self) -> tuple[str, ...]:
        """What its scans were about."""
        return tuple(dict.fromkeys(filter(None, (one.domain for one in self.scans))))


def digests(files: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Each file with its SHA-256; "" for one that is not on the disk (a draft that came over HTTP). Raises ZoneError."""
    out = []
    for name in files:
        try:
            out.append((Path(name).name, hashlib.sha256(Path(name).read_bytes()).hexdigest() if Path(name).is_file() else ""))
        except OSError as error:
            raise ZoneError(f"{name} cannot be read: {reason(error)}.") from None
    return tuple(out)


# ------------------------------------------------------------------ writing


def _hiding(secrets: Iterable[str]) -> Any:
    if not (held := [re.escape(s) for s in dict.fromkeys(secrets) if s]):
        return lambda text: text
    pattern = re.compile("|".join(held), re.IGNORECASE)  # names are asked in lower case
    return lambda text: pattern.sub(HIDDEN, text)


def _row(row: Blocklist, say: Any) -> Any:
    return row.zone if row in catalog().blocklists else as_plain(row, say)


def _written(one: Taken, say: Any) -> Iterator[str]:
    head = {"domain": say(one.domain), "inputs": as_plain(one.inputs, say), "now": one.now.isoformat()}
    if one.timing is not None:
        head["timing"] = as_plain(one.timing)
    if one.validates:
        head["validates"] = dict(sorted(one.validates.items()))
    lists = {
        "dns": [_asked(key, answer, say) for key, answer in one.answers.items() if answer is not None],
        "barred": [_asked(key, answer, say) for key, answer in one.barred.items()],
        "https": [{"fetch": as_plain(wanted, say), "brought": as_plain(got, say)} for wanted, got in one.fetched.items()],
        "smtp": [{"greet": as_plain(wanted, say), "brought": as_plain(got, say)} for wanted, got in one.greeted.items()],
    }
    yield "    " + json.dumps(head, indent=2).replace("\n", "\n    ").removesuffix("\n    }")
    for name, rows in lists.items():
        if rows or name == "dns":
            yield f',\n      "{name}": [' + ",".join("\n        " + json.dumps(row) for row in rows) + ("\n      ]" if rows else "]")
    yield "\n    }"


def _asked(key: Key, answer: Answer, say: Any) -> dict[str, Any]:
    """One question with its answer. What follows from the rest is left out: that a TXT record is one string, that a name is as it was asked."""
    row: dict[str, Any] = as_plain(answer, say)
    out = {"name": row.pop("name"), "type": row.pop("rtype"), **row}
    if answer.strings == (usual := _usual(answer)):
        out.pop("strings", None)
    elif usual and not answer.strings:
        out["strings"] = []
    name, rtype, do, server = key
    if tidy(say(name)) != tidy(out["name"]):
        out["asked"] = say(name)
    if rtype != answer.rtype:
        out["asked_type"] = rtype
    return out | ({"dnssec": True} if do else {}) | ({"of": server} if server else {})


def _usual(answer: Answer) -> tuple[tuple[bytes, ...], ...]:
    if answer.rtype != "TXT" or not all(value.isascii() for value in answer.values):
        return ()
    return tuple((value.encode("ascii"),) for value in answer.values)


# ------------------------------------------------------------------ reading


def _document(path: str | Path) -> dict[str, Any]:
    octets = octets_of(path, MOST, f"is larger than {MOST >> 20} MiB, which no recording is that can be played.")
    try:
        value = json.loads(octets)
    except (ValueError, RecursionError):
        if octets.lstrip()[:400].startswith(b"{") and b'"schema": "recording/' in octets[:400]:
            raise InputError(f"{path} is a recording that is cut short or damaged. Record it again.") from None
        raise InputError(f"{path} is no recording. Name a file that “healthcheck scan --record FILE” wrote.") from None
    said = value.get("schema") if isinstance(value, dict) else None
    if said != SCHEMA:
        if isinstance(said, str) and said.startswith("recording/"):
            raise InputError(f"{path} is a recording of version {said.partition('/')[2][:20]}, and this program plays version 1. Record it again.")
        raise InputError(f"{path} is no recording. Name a file that “healthcheck scan --record FILE” wrote.")
    assert isinstance(value, dict)
    return value


def _list(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        raise NotPlain(f"{at} is no list")
    return value


def _lists(value: Any) -> tuple[Blocklist, ...] | None:
    if value is None:
        return None
    known = {row.zone: row for row in catalog().blocklists}
    rows = (known.get(one) if isinstance(one, str) else from_plain(Blocklist, one, "blocklists") for one in _list(value, "blocklists"))
    return tuple(row for row in rows if row is not None)  # one that this program does not know any more is not asked


def _taken(value: Any, at: str) -> Taken:
    if not isinstance(value, dict):
        raise NotPlain(f"{at} is no table")
    known = {"domain", "inputs", "now", "timing", "validates", "dns", "barred", "https", "smtp"}
    if unknown := next((key for key in value if key not in known), None):
        raise NotPlain(f"{at}.{unknown} is not known")
    if not isinstance(inputs := value.get("inputs", {}), dict):
        raise NotPlain(f"{at}.inputs is no table")
    timing = from_plain(Timing | None, value.get("timing"), f"{at}.timing")
    return Taken(
        now=from_plain(datetime, value.get("now"), f"{at}.now"),
        domain=from_plain(str, value.get("domain", ""), f"{at}.domain"),
        inputs=inputs,
        timing=timing,
        validates=dict(from_plain(Mapping[str, bool | None], value.get("validates", {}), f"{at}.validates")),
        answers=dict(_question(one, f"{at}.dns[{n}]") for n, one in enumerate(_list(value.get("dns"), f"{at}.dns"))),
        barred=dict(_question(one, f"{at}.barred[{n}]") for n, one in enumerate(_list(value.get("barred", []), f"{at}.barred"))),
        fetched=dict(_pair(one, "fetch", Fetch, Fetched, f"{at}.https[{n}]") for n, one in enumerate(_list(value.get("https", []), f"{at}.https"))),
        greeted=dict(_pair(one, "greet", Greet, Greeted, f"{at}.smtp[{n}]") for n, one in enumerate(_list(value.get("smtp", []), f"{at}.smtp"))),
    )


def _question(value: Any, at: str) -> tuple[Key, Answer]:
    if not isinstance(value, dict):
        raise NotPlain(f"{at} is no table")
    row = dict(value)
    row["rtype"] = row.pop("type", None)
    asked, asked_type = row.pop("asked", None), row.pop("asked_type", None)
    do, server = row.pop("dnssec", False), row.pop("of", "")
    usual = "strings" not in row
    answer: Answer = from_plain(Answer, row, at)
    if usual and (strings := _usual(answer)):
        answer = replace(answer, strings=strings)
    if (odd := next((value for value in answer.values if not _is_value(answer.rtype, value)), None)) is not None:
        raise NotPlain(f"{at}: “{odd[:40]}” is no {answer.rtype} record")
    key = (tidy(answer.name) if asked is None else asked, answer.rtype if asked_type is None else asked_type, do, server)
    return from_plain(tuple[str, str, bool, str], list(key), at), answer


# what is read by its form wherever an answer is read: a recording that was changed must not get that far
_FORMS = {"MX": re.compile(r"[0-9]{1,5} \S+"), "SOA": re.compile(r"\S+ \S+(?: [0-9]{1,10}){5}")}


def _is_value(rtype: str, value: str) -> bool:
    if rtype in ("A", "AAAA"):
        try:
            return ip_address(value).version == (4 if rtype == "A" else 6)
        except ValueError:
            return False
    return rtype not in _FORMS or _FORMS[rtype].fullmatch(value) is not None


def _pair(value: Any, name: str, wanted: type, got: type, at: str) -> tuple[Any, Any]:
    if not isinstance(value, dict) or set(value) != {name, "brought"}:
        raise NotPlain(f"{at} is no {name} with what it brought")
    return from_plain(wanted, value[name], f"{at}.{name}"), from_plain(got, value["brought"], f"{at}.brought")
