"""Files that a user names, read whole: the one place that says in words what is wrong with one."""

from __future__ import annotations

from pathlib import Path

from .errors import InputError


def reason(fault: OSError) -> str:
    """Why the system refused, as it stands after a colon."""
    return (fault.strerror or str(fault)).lower()


def octets_of(path: str | Path, most: int, too_large: str, *, shown: str = "") -> bytes:
    """What a file holds. Raises InputError, never an OSError.

    most       octets that are taken; too_large: what a file with more is told, after its name
    shown      what the file is called in words; its path where ""
    """
    octets = head_of(path, most + 1, shown=shown)
    if len(octets) > most:
        raise InputError(f"{shown or path} {too_large}")
    return octets


def head_of(path: str | Path, most: int, *, shown: str = "") -> bytes:
    """The first octets of a file, at most so many. Raises InputError, never an OSError."""
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError as fault:
        raise InputError(f"{shown or path} cannot be read: {reason(fault)}.") from None
    except ValueError:
        raise InputError(f"{str(path)[:60]!r} is no file name.") from None
