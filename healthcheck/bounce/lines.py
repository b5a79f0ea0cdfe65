"""Replies as people paste them: one, several, each on its lines, perhaps with a word before it. Linear."""

from __future__ import annotations

import csv
import re

from .formats import Found, address, only_address
from .formats.blocks import colon
from .formats.notices import has
from .formats.whom import is_senders, whom
from .reply import find_code, find_enhanced

PHRASE_LIMIT = 600
MAX_FOUND = 300

_OPENS = re.compile(
    r"^[\s\"'`*#>\[(•–-]{0,6}(?:S: ?|<<< ?|<- {1,2}|\[S\] ?|SERVER -> CLIENT: ?|(?:smtp|lmtp|x-postfix|x-unix|SMTP|X-Postfix)\s?;\s?|(?i:error|diagnostic-code|diagnostic code|remote server returned|response|reply|reason|status code|smtp code|reply code|error code|status|code|bounce reason|remote host said)\s?[:=]\s?['\"]?(?:smtp\s?;\s?)?)?"
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
        if not bare or _RULE.issuperset(bare):
            going, hyphen = None, False
            named = None
            continue
        head, rest = _address_before(bare)
        found = _OPENS.match(rest)
        if not found and (label := _LABEL.match(rest)):
            rest = rest[label.end() :]
            found = _OPENS.match(rest)
        if found:
            same = going is not None and ((hyphen and found.group(1) == code) or (found.group(1) is None and going == [code]))
            if same and going is not None:
                going.append(bare)
            else:
                going = [rest]
                out.append((going, head or named))
                if len(out) > MAX_FOUND:
                    break
            code, hyphen = found.group(1), found.group(2) == "-" and found.group(1) is not None
            named = None
        elif going is not None and (hyphen or line[:1] in " \t" or len(going[-1]) >= 45 or _BARE.fullmatch(going[-1]) or bare.startswith("...")):
            going.append(bare)
        else:
            going = None
            named = only_address(bare)
    if out:
        return _distinct([Found(recipient or recipient_of(lines), "\n".join(lines)) for lines, recipient in out[:MAX_FOUND]], text)
    if strict:
        return []
    return _anywhere(text)


def _distinct(found: list[Found], text: str) -> list[Found]:
    """Each reply once: a program repeats what it was told in words of its own. Of a list "address: words" the entries without a code too."""
    if len(found) == 1:
        return found
    if any(one.recipient for one in found) and len(listed := colon(text)) > len(found):
        return listed
    out: dict[tuple[str | None, int | None, str], Found] = {}
    for one in found:
        code, words = find_code(one.text)[0], _LEAD.sub("", one.text, count=1).casefold()
        if code is not None:
            out.pop((one.recipient, None, words), None)
        elif any(words == other and one.recipient == recipient for recipient, _, other in out):
            continue
        out.setdefault((one.recipient, code, words), one)
    return list(out.values())


_BARE = re.compile(r"[245]\d\d(?:[ -][245]\.\d\.\d{1,3})?:?")  # a line of codes alone: the words were wrapped
_LEAD = re.compile(r"\A(?:[A-Za-z ]{1,30}[:=] )?(?:[245]\d\d[ -])?")
# "Gemeldeter Fehler: 550 5.1.1 …": a label in any language, where both codes follow
_LABEL = re.compile(r"[^:：<>@]{2,40}[:：]\s{0,8}(?=[245]\d\d[ -][245]\.\d\.\d{1,3}\b)")
_UNSEEN = "\ufeff\u200b\u200c\u200d\u2060"
_ITEM = re.compile(r"(?:[-*•·–]\s{1,4}|\(?\d{1,3}[.)]\s{1,4})(?=\S)")


_RULE = frozenset("|-+=: \t")  # of these is the line below the head of a table


def _rows(text: str) -> list[Found]:
    """The rows of a table that was exported: fields between commas, semicolons, tabs or bars, one of them an address, one a reply."""
    if "@" not in text and "\t" not in text and "|" not in text:
        return []
    lines = [line for line in text.split("\n")[:5000] if line.strip() and not _RULE.issuperset(line)]
    for delimiter in ("\t", ";", ",", "|"):
        out: list[Found] = []
        if not lines or lines[-1].count(delimiter) < 1:
            continue
        if "@" not in text and delimiter not in "\t|":
            continue
        for line in lines[: MAX_FOUND + 1]:
            one = _row(line[:4000], delimiter, named="@" in text)
            if one is not None:
                out.append(one)
        # a head line may have none; a line of prose with a comma in it is no table
        if out and len(out) >= len(lines[: MAX_FOUND + 1]) - 1:
            return out[:MAX_FOUND]
    return []


_BARE_CODE = re.compile(r"[45]\d\d")


def _row(line: str, delimiter: str, *, named: bool) -> Found | None:
    if _OPENS.match(line):
        return None  # a reply with such a character in it
    try:
        fields = [field.strip() for field in next(csv.reader([line], delimiter=delimiter))]
    except (csv.Error, StopIteration):
        return None
    addresses = {one: None for field in fields if (one := only_address(field))}
    recipient = next(iter(addresses)) if len(addresses) == 1 else None  # of two one is the sender's, and nothing says which
    reply = next((field for field in fields if _OPENS.match(field) and len(field) > 8), None)
    if (named and not addresses) or not reply or len(fields) < 2:
        return None
    code = next((field for field in fields if _BARE_CODE.fullmatch(field)), "")  # the codes in columns of their own
    return Found(recipient, f"{code} {reply}" if code and not _BARE_CODE.match(reply) else reply)


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


def recipient_of(lines: list[str]) -> str | None:
    """The address between angle brackets at the start of a reply, as Postfix and Sendmail write the one that was refused; else one beside a cue."""
    head = lines[0]
    if "@" not in head and len(lines) == 1:
        return None
    opening = head.find("<", 0, 24)
    if opening >= 0 and (at := head.find("@", opening, opening + 330)) > 0:
        closing = head.find(">", at)
        if closing > 0 and is_senders(head, opening, closing):
            return whom(head[closing:])
        if one := address(head[opening : opening + 330]):
            return one
    return whom("\n".join(lines[:20]))


def _anywhere(text: str) -> list[Found]:
    """One reply for each line with a code in it, where those are several short lines; else the whole text as one."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines:
        return []
    having = [line for line in lines[:2000] if _has_code(line)]
    if not having:
        return []
    if len(having) > 1 and len(having) == len(lines) and len({find_code(line)[0] for line in having}) >= 1 and all(len(line) > 30 for line in lines):
        return [Found(recipient_of([line]), line) for line in having[:MAX_FOUND]]
    if len(lines) <= 12:
        return [Found(recipient_of(having), "\n".join(lines))]
    at = lines.index(having[0])
    return [Found(recipient_of(having), "\n".join(lines[at : at + 6]))]


def _has_code(line: str) -> bool:
    """Whether a line holds a code of a reply. A number that only looks like one needs words of a bounce beside it."""
    line = line[:2000]
    code, _, end = find_code(line, loose=False)
    return code is not None or find_enhanced(line, beside=end) is not None or (find_code(line)[0] is not None and has(line.casefold(), "phrase", "words"))


def coded_line(text: str) -> str:
    """The first line that holds a reply code at a place for one, or ""."""
    return next((bare for line in text.split("\n")[:200] if find_code(bare := line.strip()[:2000], loose=False)[0]), "")
