"""Mails: bounce notices, complaints, automatic answers; one in a file, or many in a mailbox. RFC 5322, RFC 4155, RFC 3464, RFC 5965."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ....model import MAX_INPUT, Event
from ...formats.mime import headers_of
from ...read import read
from . import Told, With, counted
from .objects import event_of
from .times import moment

LARGEST = MAX_INPUT  # octets of a mail that are read; what came back may be larger, and says nothing new
_FROM = re.compile(rb"From [^\n]{1,300}\d\d:\d\d")
_FIELD = re.compile(rb"[A-Za-z][A-Za-z0-9-]{1,60}:")


def is_mail(head: bytes) -> bool:
    """Whether octets begin like a mail: two header fields at least, one of them that every mail has. RFC 5322 section 3.6."""
    top = re.split(rb"\r?\n\r?\n", head.lstrip(b"\r\n\xef\xbb\xbf")[:20000], maxsplit=1)[0]
    lines = [line for line in top.splitlines() if line[:1] not in b" \t"]
    fields = [line.partition(b":")[0].lower() for line in lines if _FIELD.match(line)]
    known = {
        b"from",
        b"received",
        b"return-path",
        b"date",
        b"message-id",
        b"subject",
        b"delivered-to",
        b"to",
        b"mime-version",
        b"x-envelope-from",
        b"content-type",
    }
    return len(fields) >= 2 and len(fields) >= len(lines) - 1 and bool(known.intersection(fields)) and b"@" in top + b"@" * (b"received" in fields)


def is_mbox(head: bytes) -> bool:
    """Whether octets begin like a mailbox: a From line, then a mail. RFC 4155."""
    return bool(_FROM.match(head)) and is_mail(head.partition(b"\n")[2])


def one_mail(octets: bytes, told: Told, given: With, source: str) -> Iterator[Event]:
    """The events of a mail. One that is no bounce is passed over. Never raises."""
    told.rows += 1
    reading = read(octets[:LARGEST])
    if not reading.bounces:
        told.passed += 1
        return
    at = _date(octets)
    any_ = False
    for bounce in reading.bounces:
        event = event_of(bounce, given, source, at=at)
        if event is not None:
            any_ = True
            yield counted(told, event)
    if not any_:
        told.passed += 1


def _date(octets: bytes) -> float | None:
    """When the notice was written."""
    headers, _ = headers_of(octets[:50_000].replace(b"\r\n", b"\n").decode("latin-1"))
    for value in headers.get("date", ())[:1]:
        return moment(re.sub(r"\s*\([^)]*\)\s*$", "", value))
    return None


def mailbox(blocks: Callable[[], bytes]) -> Iterator[tuple[int, bytes]]:
    """(line, octets) of each mail of a mailbox, without its From line. Of one that is larger than LARGEST the end is left out; memory holds one."""
    rest, number, begun = b"", 0, 0
    mail: list[bytes] = []
    size, blank = 0, True
    while True:
        octets = blocks()
        lines = (rest + octets).splitlines(keepends=True)
        rest = lines.pop() if lines and octets and not lines[-1].endswith(b"\n") else b""
        if len(rest) > LARGEST:
            rest = rest[:LARGEST]
        for line in lines:
            number += 1
            if blank and line.startswith(b"From ") and _FROM.match(line):
                if mail:
                    yield begun, b"".join(mail)
                mail, size, begun = [], 0, number
            elif size < LARGEST:
                mail.append(line[1:] if line.startswith(b">From ") else line)
                size += len(line)
            blank = not line.strip()
        if not octets:
            if mail:
                yield begun, b"".join(mail)
            return
