"""Replies as people paste them: one, several, each on its lines, perhaps with a word before it. Linear."""

from __future__ import annotations

import csv
import re

from .formats import Found, address, only_address
from .reply import find_code, find_enhanced

PHRASE_LIMIT = 600
MAX_FOUND = 300

_OPENS = re.compile(
    r"^[\s\"'*#>\[(•–-]{0,6}(?:(?:smtp|lmtp|x-postfix|x-unix|SMTP|X-Postfix)\s?;\s?|(?i:error|diagnostic-code|diagnostic code|remote server returned|response|reply|reason|status|code|bounce reason|remote host said)\s?[:=]\s?['\"]?(?:smtp\s?;\s?)?)?"
    r"#?\s?(?:([2-5]\d\d)([ \-]|$|[:;,.)'\"])|([245]\.[0-7]\.\d{1,3})(?:[ \-:;,)]|$))"
)


def pasted_replies(text: str, *, strict: bool = False) -> list[Found]:
    """Every reply in a text. A reply starts on a line that opens with a code; lines "550-" go on, so does a line that was wrapped.

    `strict`: only lines that open with a code. Otherwise, where no line does, a text with a code anywhere is one reply.
    """
    if (rows := _rows(text)) and not strict:
        return rows
    out: list[tuple[list[str], str | None]] = []
    going: list[str] | None = None
    code, hyphen, named = None, False, None
    for line in text.split("\n")[:5000]:
        bare = line.strip().strip(_UNSEEN)
        if item := _ITEM.match(bare):
            bare, going, hyphen = bare[item.end() :], None, False  # each item of a list stands by itself
        if not bare:
            going, hyphen = None, False
            named = None
            continue
        head, rest = _address_before(bare)
        found = _OPENS.match(rest)
        if found:
            same = going is not None and hyphen and found.group(1) == code
            if same and going is not None:
                going.append(bare)
            else:
                going = [rest]
                out.append((going, head or named))
                if len(out) > MAX_FOUND:
                    break
            code, hyphen = found.group(1), found.group(2) == "-" and found.group(1) is not None
            named = None
        elif going is not None and (hyphen or line[:1] in " \t" or len(going[-1]) >= 45):
            going.append(bare)
        else:
            going = None
            named = only_address(bare)
    if out:
        return [Found(recipient or _recipient(lines), "\n".join(lines)) for lines, recipient in out[:MAX_FOUND]]
    if strict:
        return []
    return _anywhere(text)


_UNSEEN = "\ufeff\u200b\u200c\u200d\u2060"
_ITEM = re.compile(r"(?:[-*•·–]\s{1,4}|\(?\d{1,3}[.)]\s{1,4})(?=\S)")


def _rows(text: str) -> list[Found]:
    """The rows of a table that was exported: fields between commas, semicolons, tabs or bars, one of them an address, one a reply."""
    lines = [line for line in text.split("\n")[:5000] if line.strip()]
    for delimiter in ("\t", ";", ",", "|"):
        out: list[Found] = []
        if not lines or lines[-1].count(delimiter) < 1 or "@" not in text:
            continue
        for line in lines[: MAX_FOUND + 1]:
            one = _row(line[:4000], delimiter)
            if one is not None:
                out.append(one)
        # a head line may have none; a line of prose with a comma in it is no table
        if out and len(out) >= len(lines[: MAX_FOUND + 1]) - 1:
            return out[:MAX_FOUND]
    return []


def _row(line: str, delimiter: str) -> Found | None:
    if _OPENS.match(line):
        return None  # a reply with such a character in it
    try:
        fields = [field.strip() for field in next(csv.reader([line], delimiter=delimiter))]
    except (csv.Error, StopIteration):
        return None
    recipient = next((one for field in fields if (one := only_address(field))), None)
    reply = next((field for field in fields if _OPENS.match(field) and len(field) > 8), None)
    return Found(recipient, reply) if recipient and reply and len(fields) > 1 else None


def _address_before(line: str) -> tuple[str | None, str]:
    """ "lena@example.com: 550 …" -> the address and the rest."""
    at = line.find("@", 0, 300)
    if at < 0:
        return None, line
    for mark in (": ", " - ", "\t", "; ", ", ", " | ", ">: "):
        end = line.find(mark, at)
        if 0 < end < 330 and (one := only_address(line[: end + (mark == ">: ")])) and _OPENS.match(line[end + len(mark) :]):
            return one, line[end + len(mark) :]
    return None, line


def _recipient(lines: list[str]) -> str | None:
    """The address that a reply names between angle brackets at its start, as Postfix and Sendmail write the one that was refused."""
    head = lines[0][:120]
    opening = head.find("<")
    if 0 <= opening < 24 and "@" in lines[0]:
        return address(lines[0][opening : opening + 330])
    return None


def _anywhere(text: str) -> list[Found]:
    """One reply for each line with a code in it, where those are several short lines; else the whole text as one."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines:
        return []
    having = [line for line in lines[:2000] if _has_code(line)]
    if not having:
        return []
    if len(having) > 1 and len(having) == len(lines) and len({find_code(line)[0] for line in having}) >= 1 and all(len(line) > 30 for line in lines):
        return [Found(_recipient([line]), line) for line in having[:MAX_FOUND]]
    if len(lines) <= 12:
        return [Found(_recipient(having), "\n".join(lines))]
    at = lines.index(having[0])
    return [Found(_recipient(having), "\n".join(lines[at : at + 6]))]


def _has_code(line: str) -> bool:
    code, _, end = find_code(line[:2000])
    return code is not None or find_enhanced(line[:2000], beside=end) is not None
