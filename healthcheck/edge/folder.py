"""Which files a folder of zones holds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ZoneError
from . import octodns
from .entries import tokens
from .zonefile import text_of

# what Debian's BIND brings along: the zones of the machine itself, and the list of root servers
_STOCK = {"db.0", "db.127", "db.255", "db.empty", "db.local", "db.root", "db.cache"}
MAX_FILES = 20_000


@dataclass(frozen=True, slots=True)
class File:
    """A file to read. root: the folder that was given, which what it includes may not leave; None where the file itself was given."""

    path: str
    root: Path | None = None
    escaped: bool | None = None  # octoDNS: whether semicolons are written with a backslash, where the folder tells


def files_of(paths: Iterable[str | Path]) -> tuple[list[File], tuple[str, ...]]:
    """The zone files among some paths, folders looked through, and what was passed over, in words.

    In a folder those count that are named as zone files are: *.zone, *.db, db.*, and *.yaml where it holds records as octoDNS writes them.
    What another one includes is no zone of its own. Raises ZoneError for a folder without any.
    """
    out: list[File] = []
    notes: list[str] = []
    for path in paths:
        if not Path(path).is_dir():
            out.append(File(str(path)))
            continue
        found = list(_found(Path(path), notes))
        if not found:
            raise ZoneError(f"{path}: no zone file is in this folder. They are named *.zone, *.db, db.* or, for octoDNS, *.yaml after their zone.")
        out += found
    return out, tuple(notes)


def _found(folder: Path, notes: list[str]) -> Iterator[File]:
    named: list[Path] = []
    others: set[Path] = set()
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(at, name)
            if not path.resolve().is_relative_to(folder.resolve()):
                notes.append(f"{path} leads out of {folder} and was passed over.")
            elif _is_zone(path, notes):
                named.append(path)
            elif not name.startswith("."):
                others.add(path.resolve())
        if len(named) > MAX_FILES:
            raise ZoneError(f"{folder}: more than {MAX_FILES} zone files")
    included = {path for master in named if not octodns.is_yaml(master) for path in _included(master, folder)}
    yaml = [path for path in named if octodns.is_yaml(path)]
    escaped = octodns.escapes(_text(path) for path in (*yaml, *(p for p in others if p.suffix == ".yaml"))) if yaml else None
    yield from (File(str(path), folder, escaped) for path in named if path.resolve() not in included)
    if left := len(others - included):
        notes.append(f"{left} file{'s' if left > 1 else ''} in {folder}, not named as zone files, passed over.")


def _is_zone(path: Path, notes: list[str]) -> bool:
    name = path.name.lower()
    if name.startswith(".") or name.endswith(("~", ".bak", ".swp", ".jnl", ".signed")):
        return False
    if name in _STOCK:
        notes.append(f"{path} is one of those that BIND brings along and was passed over.")
        return False
    if name.endswith((".zone", ".db")) or name.startswith("db."):
        return True
    if not name.endswith(".yaml"):
        return False
    if not octodns.origin_of(path) or not octodns.is_zone(_text(path)):
        notes.append(f"{path} is no zone as octoDNS writes them and was passed over.")
        return False
    return True


def _text(path: Path) -> str:
    """A YAML file's text, "" where it is none: nobody said that it is a zone."""
    try:
        return text_of(path)
    except ZoneError:
        return ""


def _included(path: Path, folder: Path) -> Iterator[Path]:
    for line in text_of(path).split("\n"):
        if line[:8].upper() == "$INCLUDE" and len(found := tokens(line)[0]) > 1:
            for beside in (path.parent / found[1][0], folder / found[1][0]):
                if beside.is_file():
                    yield beside.resolve()
                    break
