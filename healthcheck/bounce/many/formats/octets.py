"""The octets of a file, unpacked and as UTF-8: what is packed, and how, is seen by what is in it. RFC 1952."""

from __future__ import annotations

import bz2
import codecs
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from . import Told

HEAD = 1 << 16  # octets by which a file is recognised
READ = 1 << 17  # octets that are read at a time
_GZIP, _BZIP, _XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ"


class Octets:
    """`chunks()` of an open file. position: how many of its own octets were read."""

    def __init__(self, file: BinaryIO, told: Told) -> None:
        self._file, self.told, self.position = file, told, 0

    def chunks(self) -> Iterator[bytes]:
        return self._recoded(self._unpacked())

    def _read(self, size: int = HEAD) -> bytes:
        octets = self._file.read(size)
        self.position += len(octets)
        return octets

    def _unpacked(self) -> Iterator[bytes]:
        """The octets of the file, unpacked where it is packed. One that breaks off gives what stands before."""
        first = self._read()
        if first.startswith(_GZIP):
            yield from self._gunzipped(first)
            return
        if first.startswith((_BZIP, _XZ)):
            packed = io.BufferedReader(_Joined(first, self._read))
            try:
                with bz2.BZ2File(packed) if first.startswith(_BZIP) else lzma.LZMAFile(packed) as opened:
                    while octets := opened.read(HEAD):
                        yield octets
            except (EOFError, OSError, lzma.LZMAError):
                self.told.trouble(0, "packed")
            return
        while first:
            yield first
            first = self._read(READ)

    def _gunzipped(self, octets: bytes) -> Iterator[bytes]:
        """RFC 1952; also several members in a row, as logs are joined."""
        one = zlib.decompressobj(31)
        while True:
            try:
                out = one.decompress(octets, READ)
            except zlib.error:
                self.told.trouble(0, "packed")
                return
            if out:
                yield out
            octets = one.unconsumed_tail
            if one.eof:
                octets = one.unused_data.lstrip(b"\0") or self._read()
                if not octets.startswith(_GZIP):
                    return
                one = zlib.decompressobj(31)
            elif not octets and not (octets := self._read()):
                self.told.trouble(0, "packed")
                return

    def _recoded(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """UTF-16 as UTF-8, without a byte order mark; line ends of a lone CR as LF."""
        first = next(chunks, b"")
        if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            decoder = codecs.getincrementaldecoder("utf-16")("replace")
            yield decoder.decode(first).encode()
            for octets in chunks:
                yield decoder.decode(octets).encode()
            return
        first = first.removeprefix(codecs.BOM_UTF8)
        mac = b"\r" in first and b"\n" not in first
        yield first.replace(b"\r", b"\n") if mac else first
        for octets in chunks:
            yield octets.replace(b"\r", b"\n") if mac else octets


class _Joined(io.RawIOBase):
    """Octets that were read already, then those that follow."""

    def __init__(self, first: bytes, read: Callable[[int], bytes]) -> None:
        self._first, self._following = first, read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        octets = self._first[: len(buffer)] if self._first else self._following(len(buffer))
        self._first = self._first[len(octets) :] if self._first else b""
        buffer[: len(octets)] = octets
        return len(octets)
