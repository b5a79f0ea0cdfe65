"""The inputs of many bounces: files, folders (of mails, or a maildir) and standard input, as Feeds that open themselves when their turn comes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from .bounce.many.sources import Feed
from .errors import InputError
from .files import reason

_MAILDIR = {"cur", "new", "tmp"}


def feeds(paths: Iterable[str | Path | Feed]) -> list[Feed]:
    """The inputs behind some paths, those of a folder by name, each file once; "-" is standard input.

    Raises InputError for a path that is not there or cannot be read; a file within a folder is told of when it is read.
    """
    out: list[Feed] = []
    seen: set[tuple[int, int]] = set()
    for path in paths:
        for feed, place in _of(path):
            if place is None or place not in seen:
                out.append(feed)
            if place is not None:
                seen.add(place)
    return out


def _of(path: str | Path | Feed) -> Iterator[tuple[Feed, tuple[int, int] | None]]:
    if isinstance(path, Feed):
        yield path, None
        return
    name = str(path)
    if not name:
        raise InputError("A file without a name was given.")
    if name == "-":
        yield Feed("standard input", _standard_input), None
        return
    try:
        place = Path(name)
        if place.is_dir():
            yield from _folder(place)
            return
        about = place.stat()
        if not os.access(place, os.R_OK):
            raise InputError(f"{name} cannot be read: permission denied.")
    except ValueError:
        raise InputError(f"{name[:60]!r} is no file name.") from None
    except OSError as fault:
        raise InputError(f"{name} cannot be read: {reason(fault)}.") from None
    yield Feed(name, partial(_opened, name), about.st_size if place.is_file() else None), (about.st_dev, about.st_ino)


def _folder(folder: Path) -> Iterator[tuple[Feed, tuple[int, int] | None]]:
    """The files of a folder and those below it, without hidden ones, and without what a maildir holds of mails that are still being delivered."""
    for where, names, files in os.walk(folder):
        maildir = set(names) >= {"cur", "new"}
        names[:] = sorted(name for name in names if not (maildir and name == "tmp") and (not name.startswith(".") or {"cur", "new"} & _inside(where, name)))
        for name in sorted(files):
            path = os.path.join(where, name)
            if name.startswith(".") or (maildir and name.startswith(("dovecot", "maildir", "courier", "subscriptions"))):
                continue
            try:
                about = os.stat(path)
            except OSError:
                about = None
            size, place = (about.st_size, (about.st_dev, about.st_ino)) if about else (None, None)
            yield Feed(path, partial(_opened, path), size, str(folder)), place


def _inside(where: str, name: str) -> set[str]:
    """The subfolders of a maildir begin with a dot."""
    try:
        return set(os.listdir(os.path.join(where, name)))
    except OSError:
        return set()


def _opened(path: str) -> BinaryIO:
    return open(path, "rb", buffering=0)  # blocks are large; a buffer would copy them once more  # type: ignore[return-value]


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        return io.BytesIO()
    return sys.stdin.buffer
