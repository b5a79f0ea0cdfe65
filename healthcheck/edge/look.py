"""What the rules about slips read of a record, and of the records around it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .codec import CNAME, MX, SPF, TXT
from .entries import tokens
from .yamlfiles import is_yaml
from .zone import parents, within
from .zonefile import Row, Slip

if TYPE_CHECKING:
    from .zones import ZoneSet

IS_SPF = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Written:
    """A record of a master file as somebody wrote it. owner: None where it is that of the record before; fields: after the type."""

    owner: str | None
    fields: tuple[str, ...]


def written(row: Row) -> Written | None:
    """How a record is written; None where that cannot be told apart ($GENERATE, YAML)."""
    if not row.raw or row.raw.startswith("$") or is_yaml(row.file):
        return None
    found, _, _ = tokens(row.raw)
    words = [text for text, _, _ in found]
    inherited = row.raw[:1] in " \t"
    kind = row.data.rdtype.name
    at = next((n for n in range(0 if inherited else 1, len(words)) if words[n].upper() == kind), None)
    return None if at is None else Written(None if inherited else words[0], tuple(words[at + 1 :]))


class Look:
    """What the rules have to know of the other records."""

    def __init__(self, held: ZoneSet) -> None:
        self.held = held
        self.aliased = {wire_of(target_of(row)) for row in held.rows() if row.data.rdtype == CNAME}

    def meant(self, name: bytes, top: bytes) -> bool:
        """Does a file hold the name, or a wildcard nearer to it than the one for all that a zone does not hold?"""
        return name in self.held.names or any(b"\1*" + above in self.held.names for above in parents(name) if within(above, top) and above != top)

    def at(self, name: str, rtype: int) -> list[Row]:
        return self.held.rows_at(name, rtype)

    def mail(self, name: str) -> bool:
        """Is this the top of a zone, or a name with mail records of its own?"""
        return name in self.held.tops or any(self.at(name, MX)) or any(IS_SPF.match(text_of(row)) for row in self.at(name, TXT))


def text_of(row: Row) -> str:
    """The text of a TXT record as receivers join it."""
    if row.data.rdtype not in (TXT, SPF):
        return ""
    return b"".join(strings_of(row)).decode("utf-8", "replace")


def strings_of(row: Row) -> tuple[bytes, ...]:
    data: Any = row.data
    return tuple(data.strings)


def target_of(row: Row) -> str:
    """The name that an alias leads to, without the dot at its end."""
    data: Any = row.data
    return str(data.target.to_text(omit_final_dot=True)).lower()


def owner_of(row: Row) -> str:
    return row.owner.to_text(omit_final_dot=True).lower()


def slip_of(code: str, row: Row, values: dict[str, str], line: int = 0) -> Slip:
    shown = next((part.strip() for part in row.raw.split("\n") if part.strip()), "")
    return Slip(code, owner_of(row), row.data.rdtype.name, row.file, line or row.line, shown[:300], values)


def doubled(name: str, origin: str) -> bool:
    """Does a name that the origin will be appended to end in the origin already?"""
    name = name.lower()
    return "." in origin and not name.endswith(".") and (name == origin or name.endswith("." + origin))


def wire_of(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode("ascii", "replace") for label in name.split(".")) + b"\0"


def line_of(row: Row, said: str) -> int:
    """The line of a record on which something stands; its first one where it cannot be told."""
    for n, line in enumerate(row.raw.split("\n")) if row.end > row.line and said else ():
        if said in line:
            return min(row.line + n, row.end)
    return row.line
