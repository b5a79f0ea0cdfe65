"""Blocks of whole lines of a stream, none of which ends within a quoted field of a table, as far as that can be told. Linear."""

from __future__ import annotations

from collections.abc import Callable, Iterator

BLOCK = 1 << 17  # octets of lines that are read at a time
UNCLOSED = 8 << 20  # octets after which a quotation mark is taken for a stray one


def blocks(following: Callable[[], bytes], *, quotes: bool) -> Iterator[tuple[int, bytes]]:
    """(number of the first line, octets) of whole lines. With `quotes` none ends within a quoted field, as far as that can be told."""
    held, line = b"", 1
    while octets := following():
        held += octets
        while len(held) < BLOCK and (octets := following()):
            held += octets
        cut = held.rfind(b"\n") + 1
        if quotes and cut and held.count(b'"', 0, cut) % 2:
            cut = _closed(held, cut) or (cut if len(held) > UNCLOSED else 0)
        if not cut:
            if len(held) > UNCLOSED * 2:  # a line without an end
                yield line, held
                line, held = line + held.count(b"\n"), b""
            continue
        part, held = held[:cut], held[cut:]
        yield line, part
        line += part.count(b"\n")
    if held:
        yield line, held


def _closed(octets: bytes, cut: int) -> int:
    """The end of the last line before `cut` with an even number of quotation marks before it; 0 where the last few hundred lines have none."""
    odd = True
    end = cut
    for _ in range(500):
        start = octets.rfind(b"\n", 0, end - 1) + 1
        if not start:
            return 0
        odd ^= octets.count(b'"', start, end) % 2 == 1
        if not odd:
            return start
        end = start
    return 0


def past_head(first: int, octets: bytes) -> tuple[int, bytes]:
    """Without the head of a table, and what stands before it. The head may have a quoted field of several lines."""
    text = octets
    while text:
        at = 0
        while True:
            end = text.find(b"\n", at) + 1 or len(text)
            if text.count(b'"', 0, end) % 2 == 0 or end >= len(text):
                break
            at = end
        head, text = text[:end], text[end:]
        first += head.count(b"\n")
        if head.strip() and not head.lower().startswith(b"sep="):
            return first, text
    return first, b""
