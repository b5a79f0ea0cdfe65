"""Replies as people paste them: one, several, each on its lines, perhaps with a word before it. Linear."""

from __future__ import annotations

import csv
import re
from functools import cache

from .formats import Found, address, data, only_address
from .formats.blocks import colon
from .formats.notices import has
from .formats.whom import is_senders, whom
from .reply import announced, find_code, find_enhanced

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
    code, hyphen, named, above = None, False, None, ""
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
        if found and found.group(2) == ")" and "(" not in rest[: found.start(1)]:
            found = None  # the end of "(code: 550): …"
        if found:
            same = going is not None and (
                (bare[:1] == "(" and found.group(3) and len(above) >= 45)
                or (hyphen and found.group(1) == code)
                or (found.group(1) is None and len(going) == 1 and _ONLY.fullmatch(going[0]))
            )
            if same and going is not None:
                going[0] = going[0] if hyphen or bare[:1] == "(" or going[0] == code else f"{code}"  # "SMTP code: 550", the rest on the next line
                going.append(bare if hyphen or bare[:1] == "(" else rest[found.start(3) :])
            else:
                going = [rest]
                if above and (begun := _begun(above, found.group(1))):  # "message "550-…", and its last line here
                    going.insert(0, begun)
                out.append((going, head or named))
                if len(out) > MAX_FOUND:
                    break
            code, hyphen = found.group(1), found.group(2) == "-" and found.group(1) is not None
            named = None
        elif (
            going is not None
            and not own_words(bare)
            and (hyphen or line[:1] in " \t" or len(above) >= 45 or _BARE.fullmatch(going[-1]) or bare.startswith("..."))
        ):
            going.append(bare)
        else:
            going = None
            named = only_address(bare)
        above = bare
    if (
        out and len(out[0][0][0]) < LEAST and not any(len(lines) > 1 or not _ONLY.fullmatch(lines[0]) for lines, _ in out)
    ):  # codes alone: the words stand elsewhere
        out = [] if coded_line(text, more=True) else _described(out, text)
    if out:
        return _distinct([Found(recipient or recipient_of(lines), "\n".join(lines)) for lines, recipient in out[:MAX_FOUND]], text)
    if strict:
        return []
    return _anywhere(text)


LEAST = 60  # characters of a line that surely has more than codes
# a code and nothing else, perhaps with what it is called before it, perhaps in brackets
_ONLY = re.compile(r"(?:[^\d:=]{2,30}[:=]\s?)?[(\[#\"']{0,2}[245]\d\d(?:[ -]#?[245]\.\d{1,3}\.\d{1,3})?[)\].:;,\"']{0,3}")
_ENDS = re.compile(r"(?<=[\s\"'(])([245]\d\d)[ -]?\Z")
_HEADING = re.compile(r"(?:\*\*|__|#{1,4} )[^*_#]{2,60}(?:\*\*|__)?:?|[^:]{2,30}:")


def _begun(above: str, code: str | None) -> str:
    """The first line of a reply that stands behind other words, on the line above the one that opens with its code; the code that ends that line."""
    if code is None:
        return ended.group(1) if (ended := _ENDS.search(above)) and ended.start() else ""
    at = above.rfind(f"{code}-")
    return above[at:] if at > 0 and not above[at - 1].isalnum() else ""


def _described(out: list[tuple[list[str], str | None]], text: str) -> list[tuple[list[str], str | None]]:
    """A code alone with the words of the next paragraph but headings: a table of codes, taken apart."""
    if len(out) != 1 or len(text) > PHRASE_LIMIT:
        return out
    below = text.partition(out[0][0][0])[2].split("\n")[1:]
    words = [bare for line in below if (bare := line.strip()) and not _HEADING.fullmatch(bare) and only_address(bare) is None]
    return [([out[0][0][0], " ".join(words)], out[0][1])] if words and has(" ".join(words).casefold(), "phrase", "words") else out


def alone_above(text: str, said: str) -> str | None:
    """The address alone on a line above a reply, or beside its label there, where it is the only one: lists and forms put it so. None where a label says that it is the sender's."""
    if "@" not in text or "\n" not in text:
        return None
    at = text.find(said[:40])
    if at <= 0 and (line := coded_line(text)):
        at = text.find(line)
    if at <= 0 or "@" not in text[:at]:
        return None
    found: dict[str, None] = {}
    for line in text[:at].split("\n")[:40]:
        if "@" not in line:
            continue
        label, colon_, value = line.strip().rpartition(": ")
        one = only_address(value)
        if one is None or (colon_ and (len(label) > 30 or is_senders(line, line.find(value), len(line)))):
            return None  # it stands in a sentence, which says who it is
        found[one] = None
    return next(iter(found)) if len(found) == 1 else None


def _distinct(found: list[Found], text: str) -> list[Found]:
    """Each reply once: a program repeats what it was told in words of its own. Of a list "address: words" the entries without a code too."""
    if len(found) == 1:
        return found
    if any(one.recipient for one in found) and len(listed := colon(text)) > len(found):
        return listed
    out: dict[tuple[str | None, int | None, str], Found] = {}
    said = {find_code(one.text)[0] for one in found if not _ONLY.fullmatch(one.text)}
    found = [one for one in found if one.recipient or not _ONLY.fullmatch(one.text) or find_code(one.text)[0] not in said]  # "(550)", once more
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
    lines = [line for line in _rejoined(text.split("\n")[:5000]) if line.strip() and not _RULE.issuperset(line)]
    for delimiter in _DELIMITERS:
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


MAX_FIELD = 10  # lines


def _rejoined(lines: list[str]) -> list[str]:
    """Rows whose last field was wrapped, each on one line: a quotation is open, or the bar at the end is missing. RFC 4180 section 2."""
    out: list[str] = []
    for line in lines:
        last = out[-1] if out else ""
        barred = last[:1] == "|" and not last.rstrip().endswith("|")
        if (barred or (last.count('"') % 2 and ("," in last or ";" in last or "\t" in last))) and line.strip() and len(last) < 4000:
            out[-1] = f"{last} {line.strip()}"
        else:
            out.append(line)
    return out


_DELIMITERS = ("\t", ";", ",", "|")
_BARE_CODE = re.compile(r"[45]\d\d")


def _row(line: str, delimiter: str, *, named: bool) -> Found | None:
    if _OPENS.match(line):
        return None  # a reply with such a character in it
    try:
        fields = [field.strip() for field in next(csv.reader([line], delimiter=delimiter))]
    except (csv.Error, StopIteration):
        return None
    addresses = {one: None for field in fields if (one := _alone(field))}
    recipient = next(iter(addresses)) if len(addresses) == 1 else None  # of two one is the sender's, and nothing says which
    reply = next((field for field in fields if _OPENS.match(field) and len(field) > 8), None)
    if reply is None and len(addresses) == 1:
        reply = next((field for field in fields if len(field) > 24 and find_code(field, loose=False)[0]), None)
    if reply is None and len(addresses) == 1 and any(map(_BARE_CODE.fullmatch, fields)):
        reply = max((field for field in fields if " " in field and not only_address(field)), key=len, default=None)
    if (named and not addresses) or not reply or len(fields) < 2:
        return None
    code = next((field for field in fields if _BARE_CODE.fullmatch(field)), "")  # the codes in columns of their own
    return Found(recipient, f"{code} {reply}" if code and not _BARE_CODE.match(reply) else reply)


def _alone(field: str) -> str | None:
    """The address that a field is; not one behind a name ("to=lena@example.com")."""
    one = only_address(field)
    return one if one is not None and "=" not in one.partition("@")[0].lstrip("=") else None


def _address_before(line: str) -> tuple[str | None, str]:
    """ "lena@example.com: 550 …" -> the address and the rest."""
    at = line.find("@", 0, 300)
    if at < 0:
        return None, line
    for mark in (": ", " - ", "\t", "; ", ", ", " | ", ">: ", " -> ", " => ", " → ", ":", " "):
        end = line.find(mark, at)
        if 0 < end < 330 and _OPENS.match(rest := line[end + len(mark) :]) and (one := _alone(line[: end + (mark == ">: ")])):
            return one, rest
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
        if " " not in head[opening:at] and (one := address(head[opening : opening + 330])):
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
    if len(lines) > 1 and (rows := [one for line in _rejoined(lines)[:MAX_FOUND] for delimiter in _DELIMITERS if (one := _row(line, delimiter, named=True))]):
        return rows  # of a table, between other words
    if (
        len(having) > 1
        and len(having) == len(lines)
        and len({find_code(line)[0] for line in having}) >= 1
        and not any(line[:1].islower() or len(line) <= 30 for line in lines)
    ):
        return [Found(recipient_of([line]), line) for line in having[:MAX_FOUND]]
    if len(lines) <= 12:
        return [Found(recipient_of(having), _alone_said("\n".join(lines)))]
    at = lines.index(having[0])
    return [Found(recipient_of(having), "\n".join(lines[at : at + 6]))]


def own_words(line: str) -> bool:
    """Whether a line begins as people's own sentences around a reply do."""
    return line.casefold().startswith(_after())


@cache
def _after() -> tuple[str, ...]:
    return tuple(data()["prose"]["after"])


_QUOTATION = re.compile(r"([\"“„«`])\s?([45]\d\d[ -][^\"”“»`]{8,3000})[\"”“»`]")
_SENTENCE = re.compile(r"(?<=[.!?\"”»…)])\s{1,3}(?=[^\W\d_]|¿)|\s-{1,2}\s(?=[^\W\d_])|\n")
MAX_SENTENCES = 40


def _alone_said(text: str) -> str:
    """A reply without what people wrote around it: what they say of themselves ("we have SPF and DKIM") is nothing that the receiver said."""
    code, start, _ = find_code(text, loose=False)
    if code is None:
        return text
    lead = f" {text[:start].casefold()} "
    theirs = has(lead, "prose", "own")
    if not theirs and "?" not in text[start:]:
        return text
    if theirs and (quoted := _QUOTATION.search(text)) is not None:
        return quoted.group(2).strip()
    for found in list(_SENTENCE.finditer(text, start))[:MAX_SENTENCES]:
        if own_words(text[found.end() : found.end() + 40]):
            text = text[: found.start()]
            break
    return text[start:] if theirs and not has(lead, "prose", "layered") else text


_QUOTES = frozenset('"“„«‘`>*(')


def _has_code(line: str) -> bool:
    """Whether a line holds a code of a reply. A number that only looks like one needs words of a bounce beside it."""
    line = line[:2000]
    code, at, end = find_code(line, loose=False)
    if (
        code is not None and at > 0 and line[at - 1] in _QUOTES and find_enhanced(line, beside=end) is None and not announced(line[max(0, at - 32) : at])
    ):  # a number in quotes may be anything
        low = line.casefold()
        return has(low, "prose", "of_mail") or has(low, "phrase", "words")
    return code is not None or find_enhanced(line, beside=end) is not None or (find_code(line)[0] is not None and has(line.casefold(), "phrase", "words"))


def coded_line(text: str, *, more: bool = False) -> str:
    """The first line that holds a reply code at a place for one, or "". `more`: and something else."""
    return next(
        (bare for line in text.split("\n")[:200] if find_code(bare := line.strip()[:2000], loose=False)[0] and not (more and _ONLY.fullmatch(bare))), ""
    )
