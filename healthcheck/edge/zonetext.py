"""A master file before its records are read: its text, whether it is one, and the zone that it is about."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import dns.exception
import dns.name

from ..errors import ZoneError
from .entries import Entry, entries, tokens

MAX_FILE = 64 << 20  # octets

_ORIGIN = re.compile(r"^\$ORIGIN\s+(\S+\.)\s*(?:;.*)?$", re.IGNORECASE)
_SOA = re.compile(r"^([^\s;$(]+\.|\.)\s+(?:(?:\d\w*|IN)\s+){0,2}SOA\s", re.IGNORECASE | re.MULTILINE)
_EXPORTED = re.compile(r"^;;[ \t]*Domain:[ \t]+(\S+)[ \t]*\n;;[ \t]*Exported:", re.MULTILINE)
_ENDINGS = re.compile(r"\.(?:zone|db|dns|hosts|txt|zonefile|bind)$", re.IGNORECASE)
_BEGINNINGS = re.compile(r"^(?:db|pri|named)\.", re.IGNORECASE)
_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})*\.[a-z][a-z0-9-]+", re.IGNORECASE)
_OTHER = re.compile(
    r"\.(?:bak|c|cfg|conf|css|csv|html?|inc|ini|j2|jnl|js|json|log|md|old|orig|php|pl|py|rb|rst|sh|sql|svg|swp|tf|tmpl|toml|xml|ya?ml)$", re.IGNORECASE
)


def text_of(path: str | Path) -> str:
    """A file's text. Raises ZoneError for what is no text in UTF-8, too large, or not there.

    Comments of a master file may hold any octet, as in BIND; a byte order mark tells UTF-16, in which Windows writes what is redirected.
    """
    shown = str(path)
    try:
        octets = Path(path).read_bytes()
    except OSError as error:
        raise ZoneError(f"{shown}: {error.strerror or error}") from None
    if len(octets) > MAX_FILE:
        raise ZoneError(f"{shown}: the file is over {MAX_FILE >> 20} MiB")
    try:
        text = octets.decode("utf-16" if octets[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        plain = "" if shown.lower().endswith((".yaml", ".yml")) else _without_odd_comments(octets)
        if not plain:
            raise ZoneError(f"{shown}:{octets.count(10, 0, error.start) + 1}: the file is not text in UTF-8") from None
        text = plain
    return text.replace("\r\n", "\n")


def _without_odd_comments(octets: bytes) -> str:
    """The text, where what is no UTF-8 stands in comments alone, else ""."""
    lines = octets.decode("utf-8", "surrogateescape").split("\n")
    for n, line in enumerate(lines):
        if any("\udc80" <= c <= "\udcff" for c in line):
            comment = tokens(line)[1]
            kept = line[: len(line) - len(comment)] if comment and line.endswith(comment) else line
            if any("\udc80" <= c <= "\udcff" for c in kept):
                return ""
            lines[n] = kept + comment.encode("ascii", "replace").decode()
    return "\n".join(lines)


# ------------------------------------------------------------------ is it one


def is_master(text: str) -> bool:
    """Does a text begin as zones do, with an SOA record, whatever its file is called? Pure."""
    first = next((e for e in islice(entries(text), 20) if not e.raw.startswith("$")), None)
    return first is not None and any(word.upper() == "SOA" and not quoted for word, quoted, _ in tokens(first.raw)[0][:5])


def may_be_master(path: Path) -> bool:
    """Is it worth a look whether this file is a zone? Its name speaks of nothing else, and it begins like one."""
    name = path.name
    if _OTHER.search(name) or not ("." not in name or _HOST.fullmatch(name) or _ENDINGS.search(name) or _BEGINNINGS.search(name)):
        return False
    try:
        with path.open("rb") as file:
            head = file.read(1 << 14)
    except OSError:
        return False
    return b"\0" not in head and is_master(head.decode("utf-8-sig", "replace").replace("\r\n", "\n"))


# ------------------------------------------------------------------ what it is about


def exported(text: str) -> dns.name.Name | None:
    """The zone that an export by Cloudflare names in its head. Its SOA record is written without the dot at its owner's end, or at the root,
    and stands for the zone all the same; who exports there says that it has to be edited. Pure."""
    found = _EXPORTED.search(text[:2000])
    return _name(found[1].rstrip(".")) if found else None


def named_origin(shown: str) -> str:
    """The zone that a file is named after, "" where its name is none.

    >>> named_origin("zones/db.shop.example"), named_origin("shop.example.zone"), named_origin("records.zone")
    ('shop.example', 'shop.example', '')
    """
    name = Path(shown).name
    bare = _BEGINNINGS.sub("", name)
    shorter = _ENDINGS.sub("", bare)
    # a lone word ("records.zone") names no zone: whoever has a top-level domain writes $ORIGIN
    return next((one for one in (shorter, bare) if "." in one and one != name), "")


def origin_of(text: str, shown: str) -> dns.name.Name | None:
    """What relative names at the top of a file stand for: `$ORIGIN` before the first record, else the absolute owner of an SOA record, else the zone that
    the file is named after. None where nothing says it. Raises ZoneError for an origin that is no name."""
    if (name := exported(text)) is not None:
        return name
    said, where = "", 0
    if (first := _first_origin(text)) is not None and (found := _ORIGIN.match(first.raw)):
        said, where = found[1], first.line
    elif found := _SOA.search(text):
        said, where = found[1], text.count("\n", 0, found.start()) + 1
    if said:
        try:
            return dns.name.from_text(said)
        except dns.exception.DNSException as error:
            raise ZoneError(f"{shown}:{where}: {error}") from None
    bare = Path(shown).name
    whole = bare if _HOST.fullmatch(bare) and not _OTHER.search(bare) and not _ENDINGS.search(bare) and is_master(text) else ""
    return _name(named_origin(shown) or whole)


def _first_origin(text: str) -> Entry | None:
    """The $ORIGIN that stands before every record."""
    for entry in entries(text):
        if not entry.raw.startswith("$"):
            return None
        if entry.raw[:7].upper() == "$ORIGIN":
            return entry
    return None


def _name(text: str) -> dns.name.Name | None:
    try:
        return dns.name.from_text(text) if text else None
    except dns.exception.DNSException:
        return None
