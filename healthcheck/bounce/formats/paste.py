"""What pasting does to a text: marks of quotation, fences, escapes, an indentation, lines lost or wrapped. Linear; each is looked for before it is undone.

Texts here are the octets as Latin-1 (see mime.py) or decoded, as it may be: only ASCII is looked at.
"""

from __future__ import annotations

import json
import re
from html import unescape

from .mime import Headers

MAX_LINES = 3000
MAX_BLOCKS = 50
MAX_SCAN = 100_000


def unquoted(raw: str) -> str:
    """Without the marks of a quotation, where most lines have one, or where a notice's address does. Lines of a transcript (>>> RCPT …) are no quotation."""
    bare = _unquoted(raw)
    if "> <" in bare and ("\n> <" in bare or bare.startswith("> <")):  # lines that were wrapped again have lost theirs
        bare = _MARKED.sub("", bare)
    return bare


_MARKED = re.compile(r"(?m)^> ?(?!>|$)")


def _unquoted(raw: str) -> str:
    if "|" in raw[:40] and (unbarred := _barred(raw)):
        return unbarred
    if ">" not in raw[:4000]:
        return raw
    for _ in range(4):
        if raw.count(">") * 10 < raw.count("\n") * 3:
            return raw
        lines = raw.split("\n")
        filled = [line for line in lines[:MAX_LINES] if line.strip()]
        if not filled:
            return raw
        quoted = [line for line in filled if line.lstrip()[:1] == ">" and not line.lstrip().startswith(">>> ")]
        if len(quoted) * 10 < len(filled) * 6:
            return raw
        bare = [line.lstrip()[1:] for line in lines if line.lstrip()[:1] == ">" or not line.strip()]
        # "> " or ">": of a text that was quoted without the blank, a line that begins with one is a folded header field
        spaced = sum(line[:1] == " " for line in bare) * 10 > sum(line.strip() not in ("", ">") for line in bare) * 9
        raw = "\n".join(line.removeprefix(" ") if spaced else line for line in bare)
    return raw


def _barred(raw: str) -> str:
    """A quotation with bars, or "". The rows of a table have several bars."""
    lines = raw.split("\n")
    filled = [line.lstrip() for line in lines[:MAX_LINES] if line.strip()]
    if len(filled) < 2 or any(line[:1] != "|" for line in filled) or sum(line.rstrip().endswith("|") for line in filled) * 2 > len(filled):
        return ""
    return "\n".join(line.lstrip()[1:].removeprefix(" ") for line in lines)


def dedented(raw: str) -> str:
    """Without an indentation that all lines have: a block of code, as forums and trackers want it."""
    if raw[:2] != "  " and raw[:1] not in "\t\n":
        return raw
    lines = raw.split("\n")
    filled = [line for line in lines if line.strip()]
    if len(filled) < 3:
        return raw
    first = filled[0]
    depth = min(4, len(first) - len(first.lstrip(" \t"))) if first[:1] != "\t" else 1
    if depth == 0 or (depth < 2 and first[:1] != "\t"):
        return raw
    margin = first[:depth]
    if not all(line.startswith(margin) for line in filled):
        return raw
    return "\n".join(line[depth:] if line.strip() else "" for line in lines)


def fenced(raw: str) -> tuple[list[str], str]:
    """The blocks between Markdown's fences, and the text without its fences. No block where there is no fence."""
    blocks: list[str] = []
    inside: list[str] | None = None
    out: list[str] = []
    for line in raw.split("\n"):
        at = line.find("```")
        if at < 0 or line[:at].strip(" \t>*-"):
            out.append(line)
            if inside is not None:
                inside.append(line)
            continue
        if inside is None:
            inside = []
        else:
            blocks.append("\n".join(inside))
            inside = None
        out.append("")
    if inside:
        blocks.append("\n".join(inside))
    return blocks[:MAX_BLOCKS], "\n".join(out)


# A backslash and a letter that stand for a line end or a character: not those of a Windows path (…\node, \temp).
_ESCAPED = re.compile(r"\\(?:r\\n|n)(?![a-z])|\\u00([0-9a-fA-F]{2})|\\([\"/])")


def json_string(text: str) -> str | None:
    """The text of a pasted JSON string, or None where it is none. RFC 8259 section 7."""
    bare = text.strip()
    if len(bare) < 2 or bare[0] != '"' or bare[-1] != '"' or "\\" not in bare:
        return None
    try:
        value = json.loads(bare, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def unescaped(text: str) -> str:
    """Line ends and characters that came as an escape of JSON or of a programming language."""
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)) if found.group(1) else found.group(2) or "\n", text)


_BOLD = re.compile(r"(?:\*\*|__)([245]\d\d(?:[ -][245]\.\d\.\d{1,3})?)(?:\*\*|__)(?=[\s:,;.-])")


def unbolded(text: str) -> str:
    """The codes of a reply without the stars that make them bold in Markdown."""
    return _BOLD.sub(r"\1", text) if "**" in text or "__" in text else text


_BASIC = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&"))


def basic_entities(raw: str) -> str:
    """The entities that a page's source has for ASCII, where no tag stands beside them: text that was copied from a source."""
    if "&lt;" in raw and "&gt;" in raw and "<" not in raw:
        for entity, instead in _BASIC:
            raw = raw.replace(entity, instead)
    return raw


_ENTITY = re.compile(r"&(?:lt|gt|quot|amp|nbsp|#\d{1,5}|#x[0-9A-Fa-f]{1,4});")


def without_entities(text: str) -> str:
    """HTML's entities as what they stand for, in a text without tags."""
    return unescape(text) if "&" in text and _ENTITY.search(text) else text


_FIELD = re.compile(
    r"[ \t](?=(?:Reporting-MTA|Arrival-Date|Received-From-MTA|Final-Recipient|Original-Recipient|Action|Status|Remote-MTA|Diagnostic-Code|"
    r"Last-Attempt-Date|Final-Log-ID|Will-Retry-Until|X-Postfix-Queue-ID|X-Postfix-Sender)\s?:)"
)
_ANGLED = re.compile(r"[ \t](?=<([^<>\s@]{1,64}@[^<>\s@]{1,255})>: )")


def relined(text: str) -> str:
    """The lines of a report or a notice that was pasted into a field of one line, which drops line ends."""
    if "Final-Recipient" in text or "Diagnostic-Code" in text:
        return _FIELD.sub("\n", text)
    seen: set[str] = set()

    def starts(found: re.Match[str]) -> str:
        one = found.group(1).casefold()  # a reply repeats the address that it is about
        if one in seen:
            return " "
        seen.add(one)
        return "\n\n"

    if ">: " not in text or len({one.casefold() for one in _ANGLED.findall(text[:MAX_SCAN])}) < 2:
        return text
    return _ANGLED.sub(starts, text)


# ECMA-48 section 8.3.117: what colours a terminal, with the escape character, with a program's way to write it, or without it (lost in copying).
_COLOUR = re.compile(r"(?:\x1b|\^\[|#033|\\033|\\e|\\x1b|\\u001[bB]|\u241b)\[[0-9;?]{0,20}[A-Za-z]|\[(?:\d|[349][0-7]|\d{1,3}(?:;\d{1,3}){1,4})m")


def uncoloured(text: str) -> str:
    """Without the sequences that colour a terminal."""
    return _COLOUR.sub("", text) if "\x1b[" in text or "[0m" in text else text


_UNSEEN = (b"\xe2\x80\x8b", b"\xe2\x81\xa0", b"\xef\xbb\xbf", b"\xe2\x80\xac", b"\xe2\x80\xaa")  # no width: U+200B, U+2060, U+FEFF; directions
_BLANKS = (b"\xc2\xa0", b"\xe2\x80\xaf", b"\xe2\x80\x87")  # U+00A0, U+202F, U+2007
_NEW_LINES = (b"\xe2\x80\xa8", b"\xe2\x80\xa9")  # U+2028, U+2029


def plain_blanks(octets: bytes) -> bytes:
    """UTF-8 with blanks for those that may not break, and without characters of no width, which web pages and office programs put between words."""
    if not any(mark in octets for mark in (*_UNSEEN, *_BLANKS, *_NEW_LINES)):
        return octets
    try:
        octets.decode("utf-8")
    except UnicodeError:
        return octets  # another character set, in which these octets are letters
    for marks, instead in ((_UNSEEN, b""), (_BLANKS, b" "), (_NEW_LINES, b"\n")):
        for mark in marks:
            octets = octets.replace(mark, instead)
    return octets


_TERMINALS = (80, 100, 120, 132)  # columns
_NEW_ENTRY = re.compile(r"[\s\"'<>*#-]{0,8}(?:[2-5]\d\d[ -]|[A-Z][A-Za-z-]{1,30}: |\d{4}-\d\d-\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:)")


def uncut(text: str) -> str:
    """Whole lines of those that a terminal broke where they were full, in the middle of words. Lines wrapped at blanks stay: they differ in length."""
    lines = text.split("\n")
    if len(lines) < 2 or len(lines) > MAX_LINES:
        return text
    lengths = [len(line) for line in lines]
    width = max(lengths)
    full = lengths.count(width)
    if not 60 <= width <= 250 or (full < 3 and width not in _TERMINALS) or any(width - 12 < length < width for length in lengths[:-1]):
        return text
    out: list[str] = []
    going = False
    for line in lines:
        if going and line and not _NEW_ENTRY.match(line):
            out[-1] += line
        else:
            out.append(line)
        going = len(line) == width
    return "\n".join(out)


_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\n")


_SOFT_BREAK = re.compile(r"^.{69,75}=$", re.MULTILINE)  # RFC 2045 section 6.7: lines of 76 characters at most


def encoding_of(raw: str) -> Headers:
    """The transfer encoding that a body pasted from a mail's source is still in. RFC 2045 section 6."""
    if raw.count("=\n") >= 2 or ("=\n" in raw and ("=3D" in raw or _SOFT_BREAK.search(raw))):
        return {"content-transfer-encoding": ["quoted-printable"]}
    lines = raw.strip().split("\n", 3)
    if len(lines) > 2 and len(lines[0]) == len(lines[1]) >= 60 and _BASE64.issuperset(raw):
        return {"content-transfer-encoding": ["base64"]}
    return {}
