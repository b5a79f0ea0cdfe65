"""Files of many bounces that were handed in over the web: read in a small pool of their own, so that pages, scans and /healthz never wait for one.

    Uploads.start(octets, name, …) -> Upload    begins to read; answers at once
    Uploads.find(id) -> Upload | None           one that is under way, or was done in the last minutes

A file lies without a name among the system's temporary files, and is gone before its report is there. What is kept for some minutes is the report and
the lists for import, under an address that cannot be guessed; nothing is logged.
"""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import re
import secrets
import tempfile
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from ..errors import BusyError, HealthcheckError, InputError, TooLargeError
from .jobs import Faulty

if TYPE_CHECKING:
    from ..many import Result
    from ..model import Decision

LIMIT = 20 << 20  # octets of a file
UNPACKED = 200 << 20  # octets, where it is packed
EVENTS = 400_000  # of one file; each address takes some 0.5 kB of memory while it is read
SECONDS = 90.0  # of reading
KEEP = 600  # seconds that a report lives
MOST = 24  # reports that are kept at all
ADDRESSES = 200  # that a page names
BATCH = 2000  # decisions
PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
TOO_LARGE = f"The file is larger than {LIMIT >> 20} MiB. Pack it as .gz, hand in a part, or use the command line: healthcheck bounces FILE"
TOO_MUCH = f"There is more in this file than a page can take: up to {EVENTS:,} events. Hand in a part, or use the command line: healthcheck bounces FILE"
_ODD = re.compile(r"[^\w.()+ -]")


class Upload:
    """One file: how far it was read, then its report."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self.id = secrets.token_urlsafe(16)
        self.name, self.options = name, options
        self.events = 0
        self.report: dict[str, Any] | None = None
        self.lists: dict[str, bytes] = {}  # for import; packed
        self.fault: HealthcheckError | None = None
        self.started = time.monotonic()
        self.ended: float | None = None
        self._over = threading.Event()

    def finish(self, fault: HealthcheckError | None = None) -> None:
        self.fault, self.ended = fault, time.monotonic()
        self._over.set()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        return self._over.wait(seconds)

    def list_of(self, kind: str) -> str | None:
        packed = self.lists.get(kind)
        return zlib.decompress(packed).decode("utf-8") if packed is not None else None


class Uploads:
    """workers: files that are read at a time; queue: files that may wait; more raises BusyError (HTTP 503)."""

    def __init__(self, *, workers: int = 2, queue: int = 8, most: int = ADDRESSES) -> None:
        self.workers, self.queue, self.most = workers, queue, most
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="bounces")
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Upload] = OrderedDict()

    def start(self, octets: IO[bytes], name: str, options: dict[str, Any], *, most: int | None = None) -> Upload:
        """Take a file and begin to read it. Raises BusyError, TooLargeError; what is wrong with the file itself is in `fault` when it is over.

        octets   read to its end, and not closed; at most LIMIT
        name     as its owner calls it; only for the report
        options  kind of mail, and how many were sent
        most     how many addresses the report names
        """
        upload = Upload(safe_name(name), options)
        with self._lock:
            self._forget()
            under_way = sum(not one.over for one in self._kept.values())
            if under_way >= self.workers + self.queue:
                raise BusyError(f"{under_way} files are being read or wait. Try again in half a minute.", 30)
            self._kept[upload.id] = upload
        file = tempfile.TemporaryFile(prefix="healthcheck-")  # noqa: SIM115  it has no name, and is gone when it is closed, or this process ends
        try:
            _copied(octets, file)
            reading = self._pool.submit(self._run, upload, file, self.most if most is None else most)
            reading.add_done_callback(lambda done: file.close() if done.cancelled() else None)
        except BaseException:
            file.close()
            self.drop(upload)
            raise
        return upload

    def _run(self, upload: Upload, file: IO[bytes], most: int) -> None:
        fault: HealthcheckError | None = None
        try:
            with file:
                result = _read(file, upload)
            upload.report, upload.lists = _told(result, most)
        except HealthcheckError as said:
            fault = said
        except Exception as surprise:
            # what kind of fault, and not its message: that may quote the file
            logging.getLogger("healthcheck").error("reading an upload failed: %s", type(surprise).__name__)
            fault = Faulty("Reading the file stopped on a fault of ours, and nothing of it is kept. Trying again may help.")
        upload.finish(fault)

    def find(self, id_: str) -> Upload | None:
        with self._lock:
            self._forget()
            return self._kept.get(id_)

    def drop(self, upload: Upload) -> None:
        """Forget one before its time."""
        with self._lock:
            self._kept.pop(upload.id, None)

    def _forget(self) -> None:
        """Drop what is older than KEEP, and the oldest over MOST. Never one that is under way."""
        now = time.monotonic()
        for id_ in [i for i, one in self._kept.items() if one.ended is not None and now - one.ended > KEEP]:
            del self._kept[id_]
        spare = [i for i, one in self._kept.items() if one.over]
        for id_ in spare[: max(0, len(self._kept) - MOST)]:
            del self._kept[id_]

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def safe_name(name: str) -> str:
    """The last part of a file's name, with nothing in it that a path or a terminal could take amiss.

    >>> safe_name("C:\\\\exports\\\\march.csv"), safe_name("../../etc/passwd"), safe_name("..")
    ('march.csv', 'passwd', 'upload')
    """
    last = re.split(r"[/\\]", name)[-1]
    short = _ODD.sub("_", last).strip(". ")[-80:].encode()[-120:].decode("utf-8", "ignore")
    return short or "upload"


def _copied(octets: IO[bytes], file: IO[bytes]) -> None:
    left = LIMIT
    while block := octets.read(1 << 16):
        left -= len(block)
        if left < 0:
            raise TooLargeError(TOO_LARGE)
        file.write(block)


# ------------------------------------------------------------------ reading


class _Watched:
    """A file that is read no longer than for its time."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.until = file, time.monotonic() + SECONDS

    def read(self, size: int = -1) -> bytes:
        if time.monotonic() > self.until:
            raise TooLargeError(TOO_MUCH)
        return self.file.read(size)

    def close(self) -> None:
        pass  # whoever opened it does that


def _read(file: IO[bytes], upload: Upload) -> Result:
    """What the file amounts to. Raises InputError where nothing in it was understood, TooLargeError where it is too much for a page."""
    from ..many import Feed, Progress, many

    def progress(now: Progress) -> None:
        upload.events = now.events
        if now.events > EVENTS:
            raise TooLargeError(TOO_MUCH)

    _unpacks_to_little(file)
    file.seek(0)
    result = many([Feed(upload.name, lambda: cast(BinaryIO, _Watched(file)))], progress=progress, **upload.options)
    if result.nothing_read:
        troubles = [f"{one.where}: {one.words}" for read in result.files for one in read.troubles]
        raise InputError("; ".join(troubles[:3]) or f"{upload.name}: no event of a message was found in it.")
    return result


def _unpacks_to_little(file: IO[bytes]) -> None:
    """A small file can unpack to a disk full. Raises TooLargeError for one that does, InputError for one that is packed twice."""
    file.seek(0)
    head = file.read(6)
    opener = next((opener for magic, opener in PACKED.items() if head.startswith(magic)), None)
    if opener is None:
        return
    file.seek(0)
    size, first = 0, True
    try:
        with opener(file) as unpacked:
            while block := unpacked.read(1 << 18):
                if first and block.startswith(tuple(PACKED)):
                    raise InputError("The file is packed twice. Unpack it once, then hand it in.")
                first = False
                size += len(block)
                if size > UNPACKED:
                    raise TooLargeError(TOO_MUCH)
    except (EOFError, OSError, zlib.error, lzma.LZMAError):
        return  # broken: what can be read of it is read, and the report says so


def _told(result: Result, most: int) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The report, and the lists of what to do with every address: in one pass, and packed, since they may be large."""
    from ..bounce.many.formats.lists import lines, services
    from ..render.many import as_json

    kinds: tuple[str | None, ...] = (None, *services())
    packers, out = {kind: zlib.compressobj(1) for kind in kinds}, {kind: bytearray() for kind in kinds}
    heads = {kind: sum(1 for _ in lines((), kind)) for kind in kinds}

    def passed_on() -> Iterator[Decision]:
        begun, rest = False, result.decisions()
        while (some := list(islice(rest, BATCH))) or not begun:
            for kind in kinds:
                text = "".join(islice(lines(some, kind), heads[kind] if begun else 0, None))
                out[kind] += packers[kind].compress(text.encode("utf-8", "replace"))
            begun = True
            yield from some

    report = as_json(result, most=most, decisions=passed_on())
    return report, {kind or "decisions": bytes(out[kind] + packers[kind].flush()) for kind in kinds}
