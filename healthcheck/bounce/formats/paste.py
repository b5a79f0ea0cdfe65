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
    """Without the marks of a quotation, where most lines have one. Lines of a transcript (>>> RCPT …) are no quotation."""
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
