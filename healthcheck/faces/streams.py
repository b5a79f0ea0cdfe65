"""What a command reads and writes: files, standard input, lists of domains, and the output of an earlier run."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ..errors import InputError, OurFault, TooLargeError
from ..files import head_of, reason
from ..model import MAX_INPUT, Domain, Location

if TYPE_CHECKING:
    from ..bulk import Item

LONGEST_LINE = 4096  # octets that are read of one
NO_LIST = 1 << 20  # octets of one line, after which a file is no list of domains


# ------------------------------------------------------------------ what to scan


def entries(path: str) -> Iterator[tuple[str, int]]:
    """The domains of a file with the numbers of their lines; "-" is standard input. # starts a comment, blank lines are passed over.

    Reads as it goes. Raises InputError for what cannot be read, and for a file without line ends.
    """
    named = shown(path)
    with _opened(path) as file:
        number = 0
        while octets := file.readline(LONGEST_LINE):
            number += 1
            held = len(octets)
            last = octets
            while not last.endswith(b"\n") and (last := file.readline(LONGEST_LINE)):  # far too long: told once, and passed over
                held += len(last)
                if held > NO_LIST:
                    raise InputError(f"{named}:{number}: this line is longer than 1 MiB. Give a list of domains, one a line.")
            text = octets.decode("utf-8-sig" if number == 1 else "utf-8", "replace").partition("#")[0].strip()
            if text:
                yield text, number


@contextlib.contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if path == "-":
        if sys.stdin is None:
            raise InputError("Standard input is closed. Name a file.")
        yield sys.stdin.buffer
        return
    readable(path)
    with open(path, "rb") as file:
        yield file


def standard_input() -> bytes:
    """Up to 1 MiB and one octet of it. Raises InputError, never an OSError."""
    if sys.stdin is None:
        raise InputError("Standard input is closed. Name a file.")
    try:
        return sys.stdin.buffer.read(MAX_INPUT + 1)
    except OSError as fault:
        raise InputError(f"{shown('-')} cannot be read: {reason(fault)}.") from None


def shown(source: str) -> str:
    return "Standard input" if source == "-" else source


BOUNCE = ("Give the bounce itself, without its attachments.", "Give a bounce mail, or the reply of the receiving server.")


def octets_of(source: str, wanted: tuple[str, str] = BOUNCE) -> bytes:
    """What a file, or standard input, holds. Raises InputError, TooLargeError in words; never an OSError.

    wanted   what to give instead of something too large, and of nothing
    """
    named = shown(source)
    if not source:
        raise InputError("A file without a name was given.")
    if source != "-" and Path(source).is_dir():
        raise InputError(f"{named} is a directory. Give a file.")
    octets = standard_input() if source == "-" else head_of(source, MAX_INPUT + 1)
    if len(octets) > MAX_INPUT:
        raise TooLargeError(f"{named} is larger than 1 MiB. {wanted[0]}")
    if not octets.strip(b"\0 \t\r\n"):
        raise InputError(f"{named} is empty. {wanted[1]}")
    return octets


def pipe_is_closed() -> None:
    """What is still held goes nowhere, so that Python does not complain when it ends."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def readable(path: str) -> None:
    """Raises InputError, in words, for what is no file that can be read."""
    if not path:
        raise InputError("A file without a name was given.")
    if Path(path).is_dir():
        raise InputError(f"{path} is a directory. Give a file.")
    try:
        with open(path, "rb"):
            pass
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {reason(fault)}.") from None


def named(names: Iterable[str], files: Iterable[str]) -> Iterator[Item]:
    """Every domain of the command line, then those of the files."""
    from ..bulk import Item

    number = 0
    for name in names:
        yield Item(number, name)
        number += 1
    for path in files:
        for text, line in entries(path):
            yield Item(number, text, shown(path), line)
            number += 1


def told(item: Item, detail: str) -> str:
    """A fault with its place, or its input, in front."""
    if item.line:
        return f"{item.file}:{item.line}: {detail}"
    return detail if not item.source else f"{item.source[:120]}: {detail}"


def named_place(item: Item) -> Location | None:
    """Where a domain was named, if it was in a file."""
    return Location(item.file, item.line) if item.line and item.file != shown("-") else None


# ------------------------------------------------------------------ what stands in the output already


class Done:
    """The output of an earlier run, to be added to: JSON lines, of which the last may be half written."""

    def __init__(self, path: str) -> None:
        """Raises InputError where the file is none of ours: nothing is added to it then, and nothing taken away."""
        self.path, self._held = path, set[bytes]()
        self.count = 0
        whole = 0
        try:
            if Path(path).is_dir():
                raise InputError(f"{path} is a directory. Name the file of JSON lines to write to.")
            with open(path, "ab+") as file:
                file.seek(0)
                for number, line in enumerate(file, 1):
                    if not self._take(line, number):
                        break
                    whole += len(line)
                file.truncate(whole)
        except OSError as fault:
            raise InputError(f"{path} cannot be written: {reason(fault)}.") from None

    def _take(self, line: bytes, number: int) -> bool:
        ended = line.endswith(b"\n")
        try:
            value = json.loads(line)
            source, domain = value["input"]["source"], value.get("domain")
            if value["schema"] not in ("report/1", "error/1"):
                raise ValueError
        except (ValueError, LookupError, TypeError, AttributeError):
            if not ended and (b'{"schema":'.startswith(line[:10]) or line.startswith(b'{"schema":')):
                return False  # the line that was being written when it was stopped: its domain is scanned again
            raise InputError(f"{self.path}:{number}: this is no JSON line of a scan, so that nothing was added to the file. Name another one.") from None
        if not ended:
            return False
        if domain:
            self._held.add(_hash(domain))
        elif value.get("error", {}).get("title") != OurFault.title:
            self._held.add(_hash("?" + str(source)))
        self.count += 1
        return True

    def left(self, items: Iterable[Item]) -> Iterator[Item]:
        """Those that do not stand there, each once."""
        number = 0
        for item in items:
            try:
                key = _hash(Domain.parse(item.source).name)
            except InputError:
                key = _hash("?" + item.source)
            if key not in self._held:
                self._held.add(key)
                yield item._replace(number=number)
                number += 1


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
