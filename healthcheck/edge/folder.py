"""Which files a folder of zones holds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ZoneError
from . import yamlfiles
from .entries import tokens
from .zonetext import may_be_master, origin_of, text_of

# what BIND brings along on Debian, Red Hat, SUSE and FreeBSD: the zones of the machine itself, and the list of root servers
_STOCK = {"db.0", "db.127", "db.255", "db.empty", "db.local", "db.root", "db.cache", "named.ca", "named.empty", "named.localhost", "named.loopback"}
_STOCK |= {"127.0.0.zone", "localhost.zone", "empty.db", "localhost-forward.db", "localhost-reverse.db"}
MAX_FILES = 20_000


@dataclass(frozen=True, slots=True)
class File:
    """A file to read. root: the folder that was given, which what it includes may not leave; None where the file itself was given."""

    path: str
    root: Path | None = None
    escaped: bool | None = None  # octoDNS: whether semicolons are written with a backslash, where the folder tells


def files_of(paths: Iterable[str | Path]) -> tuple[list[File], tuple[str, ...]]:
    """The zone files among some paths, folders looked through, and what was passed over, in words.

    In a folder those count that are named as zone files are: *.zone, *.db, db.*, and *.yaml where it holds records as octoDNS writes them; and
    whatever begins with an SOA record, since zones are often called after the domain alone. What another one includes is no zone of its own. Raises ZoneError for a folder without any.
    """
    out: list[File] = []
    notes: list[str] = []
    for path in paths:
        if not Path(path).is_dir():
            out.append(File(str(path)))
            continue
        found = list(_found(Path(path), notes))
        if not found:
            raise ZoneError(
                f"{path}: no zone file is in this folder. They are named *.zone, *.db, db.* or, for octoDNS, *.yaml after their zone, or begin with an SOA record."
            )
        out += found
    return out, tuple(notes)


def _found(folder: Path, notes: list[str]) -> Iterator[File]:
    named: list[Path] = []
    likely: list[Path] = []
    others: set[Path] = set()
    configured: list[Path] = []
    for path in _files(folder, notes):
        if _is_zone(path, notes):
            named.append(path)
        elif yamlfiles.is_yaml(path):
            configured.append(path)
        elif not path.name.startswith(".") and path.name.lower() not in _STOCK:
            likely += [path] if may_be_master(path) else []
            others.add(path.resolve())
        if len(named) > MAX_FILES:
            raise ZoneError(f"{folder}: more than {MAX_FILES} zone files")
    named += _of_their_own(likely, [path for path in named if not yamlfiles.is_yaml(path)])
    included = {path for master in named if not yamlfiles.is_yaml(master) for path in _included(master, folder)}
    yaml = [path for path in named if yamlfiles.is_yaml(path)]
    escaped = yamlfiles.escapes(map(_text, (*yaml, *configured))) if yaml else None
    yield from (File(str(path), folder, escaped) for path in sorted(named) if path.resolve() not in included)
    if left := len(others - included - {path.resolve() for path in named}):
        notes.append(f"{left} file{'s' if left > 1 else ''} in {folder}, not named as zone files, passed over.")


def _files(folder: Path, notes: list[str]) -> Iterator[Path]:
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(at, name) for name in sorted(files)):
            if path.resolve().is_relative_to(folder.resolve()):
                yield path
            else:
                notes.append(f"{path} leads out of {folder} and was passed over.")


def _of_their_own(likely: list[Path], named: list[Path]) -> Iterator[Path]:
    """Files that begin as zones do, of zones that no file of a zone's usual name holds: beside that, another one is a copy."""
    if likely:
        known = {origin_of(_text(path), str(path)) for path in named}
        yield from (path for path in likely if (origin := origin_of(_text(path), str(path))) is not None and origin not in known)


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
    if not yamlfiles.origin_of(path) or not yamlfiles.is_zone(_text(path)):
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
