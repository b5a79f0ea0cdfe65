"""Things that are worked out from the package's own files once, and kept from one run to the next: the knowledge base, its index.

    kept("catalog", files, make) -> what make() gives

What is kept is used only where it is certainly right: its key is a hash of what every one of `files` holds, of this file and of Python's
version, and a hash of itself stands beside it. A file that anybody else could have written is passed over: it has to belong to whoever
runs this, to root or to the owner of the package, and to be writable by its owner alone. Reading it makes nothing but values of this package: no function
of another module can be named in it. Whatever goes wrong, make() is called.

It stands in the package's __pycache__, else in $XDG_CACHE_HOME/healthcheck (~/.cache/healthcheck); HEALTHCHECK_CACHE names another folder, or is
"off". PYTHONDONTWRITEBYTECODE, which keeps compiled modules out of the package's folder, keeps it out of there, too.
"""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PACKAGE = Path(__file__).resolve().parent
MAGIC = b"healthcheck kept 1\n"
SIZE = 32  # octets of a hash
MOST = 64 << 20  # octets of a file that is looked at
_PLAIN = frozenset({("builtins", "frozenset"), ("builtins", "set")})


def kept(name: str, files: Iterable[Path], make: Callable[[], T]) -> T:
    """What make() gives, from the last run where nothing has changed since. Raises what make() raises, and nothing else.

    files   everything of the package that the result depends on: data and code
    """
    there = [folder / f"{name}{mark}.{sys.implementation.cache_tag}.kept" for folder, mark in _folders()]
    if not there:
        return make()
    try:
        key = _key(name, tuple(files))
    except OSError:
        return make()
    for path in there:
        octets = _read(path)
        if octets is not None and (found := _loaded(octets, key)) is not None:
            return found  # type: ignore[no-any-return]
    made = make()
    _write((path for path in there if not (sys.dont_write_bytecode and path.is_relative_to(PACKAGE))), key, made)
    return made


def _folders() -> Iterator[tuple[Path, str]]:
    """Where it may stand, and what its name has there: in a folder that several copies of the package share, whose it is."""
    given = os.environ.get("HEALTHCHECK_CACHE", "")
    if given == "off" or not hasattr(os, "geteuid"):  # where files have no owner, nobody can be trusted
        return
    if given:
        yield Path(given), ""
        return
    yield PACKAGE / "__pycache__", ""
    home = os.environ.get("XDG_CACHE_HOME", "") or (os.path.join(os.environ["HOME"], ".cache") if os.environ.get("HOME") else "")
    if os.path.isabs(home):
        yield Path(home) / "healthcheck", "-" + hashlib.blake2b(os.fsencode(PACKAGE), digest_size=4).hexdigest()


def _key(name: str, files: tuple[Path, ...]) -> bytes:
    told = hashlib.blake2b(repr((name, sys.version_info[:], sys.implementation.name)).encode(), digest_size=SIZE)
    for path in (*files, Path(__file__)):
        told.update(_hash_of(path))
    return told.digest()


@cache
def _hash_of(path: Path) -> bytes:
    """Of a file's name within the package and what it holds, once a process. Raises OSError."""
    octets = path.read_bytes()
    return hashlib.blake2b(f"{path.name}\0{len(octets)}\0".encode() + octets, digest_size=SIZE).digest()


def _read(path: Path) -> bytes | None:
    """The file, where nobody but its trusted owner could have written it."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    with open(handle, "rb", closefd=True) as file:
        told = os.fstat(handle)
        trusted = told.st_uid in (os.geteuid(), 0, PACKAGE.stat().st_uid)
        if not (trusted and stat.S_ISREG(told.st_mode) and not told.st_mode & 0o022 and told.st_size <= MOST):
            return None
        try:
            return file.read()
        except OSError:
            return None


def row(cls: Any, values: tuple[Any, ...]) -> Any:
    """A frozen dataclass with these values of its fields, which were checked when it was made first."""
    made = object.__new__(cls)
    for name, value in zip(_names(cls), values, strict=True):
        object.__setattr__(made, name, value)
    return made


@cache
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


class _Reader(pickle.Unpickler):
    """Makes values of this package, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        here = getattr(sys.modules.get(module), name, None) if module.startswith("healthcheck.") else None
        if (module, name) not in _PLAIN and not (here is row or (isinstance(here, type) and here.__module__ == module)):
            raise pickle.UnpicklingError(f"{module}.{name} is no value of this package")
        return super().find_class(module, name)


class _Writer(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            return row, (type(value), tuple(getattr(value, name) for name in _names(type(value))))  # a third of the time of what dataclasses do
        return NotImplemented


def _loaded(octets: bytes, key: bytes) -> Any:
    """What a file holds, None where it is of another key, cut short or changed."""
    start = len(MAGIC) + 2 * SIZE
    body = octets[start:]
    if octets[:start] != MAGIC + key + hashlib.blake2b(body, digest_size=SIZE).digest():
        return None
    collecting = gc.isenabled()
    gc.disable()  # tens of thousands of values are made, and none is garbage
    try:
        return _Reader(BytesIO(body)).load()
    except Exception:
        return None
    finally:
        if collecting:
            gc.enable()


def _write(there: Iterable[Path], key: bytes, made: Any) -> None:
    """To the first place that can be written; where none can, the next run works it out again."""
    try:
        into = BytesIO()
        _Writer(into, 5).dump(made)
    except Exception:
        return
    body = into.getvalue()
    octets = MAGIC + key + hashlib.blake2b(body, digest_size=SIZE).digest() + body
    for path in there:
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(octets)
                os.fchmod(file.fileno(), 0o644 & ~0o022)
            os.replace(beside, path)
        except OSError:
            with suppress(OSError):
                beside.unlink()
            continue
        return
