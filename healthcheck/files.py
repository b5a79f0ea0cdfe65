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
    named = shown or str(path)
    try:
        with open(path, "rb") as file:
            octets = file.read(most + 1)
    except OSError as fault:
        raise InputError(f"{named} cannot be read: {reason(fault)}.") from None
    except ValueError:
        raise InputError(f"{str(path)[:60]!r} is no file name.") from None
    if len(octets) > most:
        raise InputError(f"{named} {too_large}")
    return octets
