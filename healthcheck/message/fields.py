"""Where a header begins in a text, and its fields, also where copying broke their lines. RFC 5322 section 2.2; Latin-1 text with LF. Linear."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..bounce.formats.mime import charset_text

MAX_FIELDS = 1000
MAX_VALUE = 16384  # characters of a field's body
MAX_ABOVE = 300  # lines above the header that are looked through

_KNOWN = frozenset((
    "received", "return-path", "delivered-to", "x-original-to", "envelope-to", "from", "to", "cc", "bcc", "subject", "date", "message-id", "reply-to", "sender",
    "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-language", "content-id", "dkim-signature", "in-reply-to",
    "references", "authentication-results", "received-spf", "list-unsubscribe", "list-unsubscribe-post", "list-id", "list-post", "list-help", "list-subscribe",
    "precedence", "feedback-id", "user-agent", "importance", "priority", "auto-submitted", "thread-topic", "thread-index", "accept-language", "arc-seal",
    "arc-message-signature", "arc-authentication-results", "domainkey-signature", "dkim-filter", "errors-to", "organization", "comments", "keywords", "tls-required",
))  # fmt: skip
_STRUCTURED = frozenset(
    ("received", "dkim-signature", "authentication-results", "received-spf", "domainkey-signature", "references", "to", "cc", "list-unsubscribe")
)
_SIGNATURES = frozenset(("dkim-signature", "arc-message-signature", "domainkey-signature"))
_FIELD = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,75})[ \t]{0,3}:(.*)", re.DOTALL)
_LIST_OF_NAMES = re.compile(r"[A-Za-z-]{2,40}(?:[:;]|$)")


@dataclass(frozen=True, slots=True)
class Field:
    """One header field. `value` unfolded and decoded from 8 bits, `raw` as it stood there (Latin-1, LF); order: its place from the top."""

    name: str
    value: str
    order: int = 0
    raw: str = ""

    @property
    def key(self) -> str:
        return self.name.lower()


def is_field(line: str) -> str:
    """The name of the field that a line begins, where it is a known one, else ""."""
    found = _FIELD.match(line[:200])
    if found is None:
        return ""
    name = found[1].lower()
    return name if name in _KNOWN or name.startswith(("x-", "arc-", "list-", "resent-", "dkim-", "authentication-results-", "received-", "content-")) else ""


def starts(raw: str) -> int | None:
    """Where the header begins; None where there is none. Words of a person may stand above it."""
    at, tried = 0, 0
    if raw.startswith(("From ", ">From ")):  # mbox
        at = raw.find("\n") + 1
    while 0 <= at < len(raw) and tried < MAX_ABOVE:
        end = raw.find("\n", at)
        line = raw[at : end if end >= 0 else len(raw)]
        if is_field(line) and _enough(raw, at):
            return at
        at, tried = (end + 1 if end >= 0 else -1), tried + 1
    return None


def _enough(raw: str, at: int) -> bool:
    """Do header fields stand here: two known ones in the lines that follow, or one that only a server writes?"""
    names = set()
    for line in raw[at : at + 20_000].split("\n")[:60]:
        if name := is_field(line):
            names.add(name)
            if name in ("received", "authentication-results", "dkim-signature", "arc-seal", "received-spf") or len(names) > 1:
                return True
        elif not line.strip() and names:
            return False
    return False


def spaced(raw: str) -> str:
    """Without the blank lines that some pages put between all lines of a header."""
    head = raw[:20_000].split("\n")
    blank = sum(not line.strip() for line in head[:40])
    named = sum(bool(is_field(line)) for line in head[:40])
    if blank < 3 or named < 3 or not is_field(head[0]):
        return raw
    kept: list[str] = []
    lines = raw.split("\n")
    for n in range(0, len(lines) - 1, 2):
        if lines[n + 1].strip() or not lines[n].strip():
            # the rhythm ends: is it a body?
            return raw if n < 8 else "\n".join([*kept, *lines[n:]])
        kept.append(lines[n])
    return "\n".join([*kept, lines[-1]] if len(lines) % 2 else kept)


def split_fields(raw: str) -> tuple[list[Field], int, bool]:
    """(fields, where the body starts, whether folds were lost and mended)."""
    groups: list[list[str]] = []
    current: list[str] | None = None
    mended, key = False, ""
    lines = raw.split("\n")
    for number, line in enumerate(lines):
        first = line[:1]
        folded = current is not None and (first == " " or first == "\t")  # noqa: PLR1714 - there may be a million of them
        if folded and line[1:2] > " ":
            current.append(line)  # type: ignore[union-attr]
        elif not line.strip():
            following = lines[number + 1] if number + 1 < len(lines) else ""
            if folded and following[:1] in (" ", "\t") and following.strip():
                current.append(line)  # type: ignore[union-attr] # RFC 5322 section 4.2: a folded line of blanks alone
            elif _goes_on(groups, lines, number):
                mended = True
            else:
                return _made(groups), _place(lines, number + 1, raw), mended
        elif folded:
            current.append(line)  # type: ignore[union-attr]
        elif (found := _FIELD.match(line)) and not (key in _SIGNATURES and _LIST_OF_NAMES.match(found[2])) and _begins(found, key):
            if len(groups) >= MAX_FIELDS:
                return _made(groups), _place(lines, number, raw), mended
            current, key = [line], found[1].lower()
            groups.append(current)
        elif current is not None and _continues(key, current[-1], lines, number):
            current.append(f" {line}")
            mended = True
        else:
            return _made(groups), _place(lines, number, raw), mended
    return _made(groups), len(raw), mended


def _place(lines: list[str], number: int, raw: str) -> int:
    """Where a line begins in the text."""
    return min(sum(map(len, lines[:number])) + number, len(raw))


def _begins(found: re.Match[str], before: str) -> bool:
    """A line with a colon begins a field, unless it is more likely the rest of the one before whose fold was lost ("google.com: domain of …")."""
    name = found[1].lower()
    if name in _KNOWN or "-" in name:
        return True
    return "." not in name and before not in _STRUCTURED and not before.startswith("arc-") and found[2][:1] in ("", " ", "\t")


def _goes_on(groups: list[list[str]], lines: list[str], number: int) -> bool:
    """Does the header go on after a blank line, which the page that it was copied from put there?"""
    seen = {is_field(group[0]) for group in groups}
    following = next((n for n in range(number + 1, min(number + 4, len(lines))) if lines[n].strip()), None)
    if following is None or "from" in seen or ("subject" in seen and "date" in seen):
        return False
    name = is_field(lines[following])
    return name in ("received", "dkim-signature", "authentication-results", "from", "to", "subject", "date", "message-id", "return-path") or name.startswith(
        "arc-"
    )


def _continues(key: str, last: str, lines: list[str], number: int) -> bool:
    """Does a line without a name belong to the field before it? Where more fields follow, or where that field was not finished."""
    for line in lines[number + 1 : number + 13]:
        if not line.strip():
            break
        if is_field(line):
            return True
    return (key in _STRUCTURED or key.startswith("arc-")) and (last.rstrip()[-1:] in ";,(=:" or "=" in lines[number][:40])


def _made(groups: list[list[str]]) -> list[Field]:
    out = []
    for order, group in enumerate(groups):
        raw = "\n".join(group)
        name, _, value = raw.partition(":")
        value = " ".join(part.strip() for part in value[: MAX_VALUE * 2].split("\n")).strip()[:MAX_VALUE]
        if not value.isascii():
            value = charset_text(value.encode("latin-1", "replace"), "")
        out.append(Field(name.strip(), value, order, raw))
    return out
