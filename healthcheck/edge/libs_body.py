"""What was done to a body: known changes are undone until the hash is that of bh=. What fits is shown, what does not is not said.

RFC 6377 section 5: lists append footers and wrap messages; gateways put warnings in, convert encodings, break long lines.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import quopri
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .libs_text import canonical_body

MAX_BODY = 2 << 20
MAX_CONVERTED = 512 << 10
MAX_OCTETS = 32 << 20
LINE = 60  # what a line costs beside its octets
DIGEST = 300  # what a digest costs, in octets
MAX_LINES = 5000  # at whose ends a footer is looked for
MAX_DEEP = 160  # lines of a body within which any range of lines may have come in
REACH = 60
MAX_SHOWN = 300


@dataclass(frozen=True, slots=True)
class BodyChange:
    """change: a key of [change]; shown: the words that came in, shortened; or of what was rewritten nothing."""

    change: str
    shown: str = ""


@dataclass(slots=True)
class Purse:
    """What all searches of one message may cost together."""

    octets: int = MAX_OCTETS

    def spend(self, size: int) -> bool:
        self.octets -= size
        return self.octets > 0


def search(body: bytes, form: str, wanted: bytes, hasher: Callable[..., Any], purse: Purse, length: int | None = None) -> BodyChange | None:
    """What was done to a body, so that undone it has the hash `wanted`; None where that cannot be shown.

    body is as it came, lines ending in CRLF; length is l=. Pure. Cost: at most 32 MiB of hashing, under a third of a second.
    """
    if len(body) > MAX_BODY or not purse.spend(len(body)):
        return None
    canonical = canonical_body(body, form)

    def fits(octets: bytes) -> bool:
        if not purse.spend(2 * len(octets) + LINE * octets.count(b"\n")):
            return False
        again = canonical_body(octets, form)
        if length is not None:
            if len(again) < length:
                return False
            again = again[:length]
        return bool(hasher(again).digest() == wanted)

    if length is not None and len(canonical) < length:
        return BodyChange("cut-short")
    if length is None and hasher(canonical_body(b"", form)).digest() == wanted:
        return BodyChange("footer", _shown(canonical))
    if length is None and (found := _appended(canonical, wanted, hasher, purse)):
        return found
    for change, octets, shown in _conversions(body) if len(body) <= MAX_CONVERTED else ():
        if fits(octets):
            return BodyChange(change, shown)
    return _inserted(canonical, wanted, hasher, purse) if length is None else None


def _shown(octets: bytes) -> str:
    return octets[: 2 * MAX_SHOWN].decode("utf-8", "replace").strip()[:MAX_SHOWN]


def _appended(canonical: bytes, wanted: bytes, hasher: Callable[..., Any], purse: Purse) -> BodyChange | None:
    """Is a beginning of the body, up to the end of a line, what was signed?"""
    ends: list[int] = []
    at = len(canonical) - 2
    for _ in range(4 * MAX_LINES):
        at = canonical.rfind(b"\r\n", 0, at)
        if at <= 0 or len(ends) >= MAX_LINES:
            break
        if canonical[at - 1 : at] != b"\n":  # a beginning that ends in an empty line is none of its own
            ends.append(at + 2)
    if not purse.spend(DIGEST * len(ends)):
        return None
    state, start = hasher(), 0
    for end in reversed(ends):
        state.update(canonical[start:end])
        start = end
        if state.copy().digest() == wanted:
            return BodyChange("footer", _shown(canonical[end:]))
    return None


def _inserted(canonical: bytes, wanted: bytes, hasher: Callable[..., Any], purse: Purse) -> BodyChange | None:
    """Is the body without some lines within it what was signed? Warnings stand at the top of a part, footers at the end of one."""
    count = canonical.count(b"\r\n")
    if count > MAX_LINES or not purse.spend(DIGEST * count):
        return None
    lines = canonical.split(b"\r\n")[:-1]
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line) + 2)
    states = [hasher()]
    for line in lines:
        after = states[-1].copy()
        after.update(line + b"\r\n")
        states.append(after)
    for start, stop in _ranges(lines):
        rest = canonical[offsets[stop] :]
        if not purse.spend(len(rest) + DIGEST):
            return None
        state = states[start].copy()
        state.update(rest)
        if state.digest() == wanted:
            return BodyChange("banner" if start == 0 else "inserted", _shown(canonical[offsets[start] : offsets[stop]]))
    return None


def _ranges(lines: list[bytes]) -> Iterator[tuple[int, int]]:
    """Lines that may have come in, as (first, one past the last): those before a boundary and after the top of a part first."""
    count = len(lines)
    tops = [0, *(n + 1 for n, line in enumerate(lines) if not line)][:200]
    ends = [n for n, line in enumerate(lines) if line.startswith(b"--")][:200]
    for top in tops[:40]:
        yield from ((top, stop) for stop in range(top + 1, min(count, top + REACH) + 1))
    for end in ends[:40]:
        yield from ((start, end) for start in range(end - 1, max(0, end - REACH) - 1, -1))
    if count <= MAX_DEEP:
        yield from ((start, stop) for start in range(count) for stop in range(start + 1, count + 1))


# ------------------------------------------------------------------ the same words, written otherwise


def _conversions(body: bytes) -> Iterator[tuple[str, bytes, str]]:
    yield "from-escaped", re.sub(rb"(?m)^>From ", b"From ", body), ">From "
    yield "dots", re.sub(rb"(?m)^\.\.", b".", body), ".."
    yield "dots", re.sub(rb"(?m)^\.", b"..", body), "."
    yield "long-lines", re.sub(rb"!\r\n ", b"", body), "!"
    yield "blank-lines", body.lstrip(b"\r\n"), ""
    yield "blank-lines", b"\r\n" + body, ""
    yield "trailing-space", re.sub(rb"(?m)^--\r$", b"-- \r", body), "-- "
    yield "trailing-space", b"\r\n".join(line.rstrip(b" \t") for line in body.split(b"\r\n")), ""
    yield "tabs", body.replace(b"\t", b" "), ""
    yield "line-ends", body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n"), ""
    yield from (("charset", octets, "") for octets in _charsets(body))
    yield from (("transfer-encoding", octets, "") for octets in _encodings(body))
    yield from (("wrapped", octets, "") for octets in _parts(body))


def _charsets(body: bytes) -> Iterator[bytes]:
    if body.isascii():
        return
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        for charset in ("latin-1", "cp1252"):
            yield body.decode(charset, "replace").encode("utf-8")
        return
    for charset in ("latin-1", "cp1252", "iso-8859-15", "cp1250", "koi8-r", "cp1251"):
        try:
            yield text.encode(charset)
        except UnicodeEncodeError:
            continue
    yield body.replace(b"\xc2\xa0", b" ")
    try:
        # read as Latin-1 and written as UTF-8 by somebody on the way
        yield text.encode("cp1252").decode("utf-8").encode("utf-8")
        yield text.encode("latin-1").decode("utf-8").encode("utf-8")
    except UnicodeError:
        return


def _encodings(body: bytes) -> Iterator[bytes]:
    """A body of one part, converted between 8bit, quoted-printable and base64 on its way (RFC 2045 section 6, RFC 6152 section 3)."""
    plain = body
    if re.search(rb"=(?:[0-9A-F]{2}|\r\n)", body):
        plain = quopri.decodestring(body)
        yield plain
    elif re.fullmatch(rb"(?:[A-Za-z0-9+/]{4,100}={0,2}\r\n)+(?:\r\n)*", body):
        try:
            plain = base64.b64decode(body)
        except (binascii.Error, ValueError):
            return
        yield re.sub(rb"\r?\n", b"\r\n", plain)
        plain = re.sub(rb"\r?\n", b"\r\n", plain)
    text = plain.replace(b"\r\n", b"\n")
    for tabs in (False, True):
        yield quopri.encodestring(text, quotetabs=tabs).replace(b"\n", b"\r\n")
    for source in (plain, text, plain.rstrip(b"\r\n")):
        coded = base64.b64encode(source)
        for width in (76, 72, 64):
            yield b"".join(coded[n : n + width] + b"\r\n" for n in range(0, len(coded), width))


def _parts(body: bytes) -> Iterator[bytes]:
    """The content of each part: a message that was wrapped, with a footer as a part of its own, is there whole."""
    borders = list(itertools.islice(re.finditer(rb"(?m)^--[^\r\n]{1,80}\r?$", body), 12))
    for n, border in enumerate(borders):
        top = body.find(b"\r\n\r\n", border.start())
        if top < 0:
            return
        for end in borders[n + 1 :]:
            if end.start() > top + 4:
                yield body[top + 4 : end.start()]
