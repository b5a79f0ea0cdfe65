"""Bounce mail, family by family. A reader takes a Mail and gives what it found; the first that finds something wins.

The literal markers by which families are told apart stand in data/formats.toml.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import re2

from .mime import Headers, Mail, headers_of, is_mail, words

MAX_NOTICE = 300_000  # characters of a notice that are looked through; what is longer holds a mail that came back, or nothing
_FILE = Path(__file__).parents[2] / "data" / "formats.toml"


@dataclass(slots=True)
class Found:
    """One recipient in a notice, as it stands there: `text` may have several lines, nothing is decided yet."""

    recipient: str | None
    text: str = ""
    action: str | None = None
    status: str | None = None
    remote: str | None = None
    stage: str | None = None
    at: str | None = None
    terms: tuple[str, ...] = ()
    queue: str | None = None  # what a log calls the mail


@cache
def data() -> Mapping[str, Any]:
    """The markers of data/formats.toml, read once."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


class _Format(NamedTuple):
    id: str
    senders: tuple[str, ...]
    subjects: tuple[str, ...]
    headers: tuple[str, ...]
    bodies: tuple[str, ...]
    any: bool  # one of these is enough


@cache
def _formats() -> tuple[tuple[_Format, ...], tuple[_Format, ...]]:
    """All families, and those that need no mark in the body."""
    every = tuple(
        _Format(
            row["id"],
            tuple(row.get("from", ())),
            tuple(row.get("subject", ())),
            tuple(row.get("header", ())),
            tuple(row.get("body", ())),
            row.get("any", False),
        )
        for row in data()["format"]
    )
    return every, tuple(one for one in every if one.any or not one.bodies)


@dataclass(frozen=True, slots=True)
class Marks:
    """Many literal marks, looked for in one pass. A line end counts as a blank, since texts are wrapped anywhere."""

    all: tuple[str, ...]
    set: Any  # re2.Set

    @classmethod
    def of(cls, marks: Iterable[str]) -> Marks:
        every = tuple(dict.fromkeys(marks))
        options = re2.Options()
        options.literal = True
        wanted = re2.Set.SearchSet(options)
        for mark in every:
            wanted.Add(flat(mark))
        wanted.Compile()
        return cls(every, wanted)

    def within(self, low: str) -> list[str]:
        """Those that occur in a text, in their own order. `low` is case-folded, and flat."""
        return [self.all[number] for number in self.set.Match(low.encode("utf-8", "replace")) or ()]


def flat(text: str) -> str:
    """A text of the same length on one line."""
    return text.replace("\n", " ")


@cache
def _body_marks() -> Marks:
    return Marks.of((*data()["original"]["lines"], *(mark for row in data()["format"] for mark in row.get("body", ()))))


@cache
def _original_lines() -> frozenset[str]:
    return frozenset(data()["original"]["lines"])


def body_marks(low: str) -> frozenset[str]:
    """The marks of a body, for `cut_original` and `format_of`. `low` is the case-folded body, with what came back."""
    return frozenset(_body_marks().within(flat(low)))


def holds(text: Container[str], marks: Iterable[str]) -> bool:
    """Whether any of the marks is in a text, or among names."""
    for mark in marks:  # noqa: SIM110 - a loop takes half the time of any() over a generator, and this is where reading spends it
        if mark in text:
            return True
    return False


def format_of(mail: Mail, low: str, here: frozenset[str]) -> str | None:
    """The id of the family that a mail is of. `low` is its case-folded notice, `here` the marks of its whole body."""
    sender = mail.first("from").lower()
    subject = words(mail.first("subject")).casefold() if mail.headers else ""
    one_line = flat(low) if here else ""
    for name, senders, subjects, headers, bodies, one in _formats()[0 if here else 1]:
        said = bool(bodies) and not here.isdisjoint(bodies) and any(mark in (low if "\n" in mark else one_line) for mark in bodies)
        if one:
            if said or holds(sender, senders) or holds(subject, subjects) or holds(mail.headers, headers):
                return name
        elif (
            (said or not bodies)
            and (not headers or holds(mail.headers, headers))
            and (not senders or holds(sender, senders))
            and (not subjects or holds(subject, subjects))
        ):
            return name
    return None


def cut_original(body: str, low: str, here: frozenset[str]) -> tuple[str, Headers]:
    """The notice without the copy of the mail that came back, and that mail's header fields.

    Only a marker at the start of a line counts.
    """
    end = len(body)
    if len(low) == len(body):
        for mark in here & _original_lines():
            at = low.find(mark, 0, end)
            while at >= 0:
                line = low.rfind("\n", 0, at) + 1
                if not low[line:at].strip(" \t-=*|>"):
                    end = line
                    break
                at = low.find(mark, at + 1, end)
    if end == len(body):
        return _cut_header(body, low)
    below = body[body.find("\n", end) + 1 :] if "\n" in body[end:] else ""
    while below[:1] in ("-", "=", "\n"):
        below = below.partition("\n")[2]
    if below.startswith((" ", "\t")):  # indented as a block
        below = "\n".join(line.strip() if ":" in line[:40] else line for line in below[:20000].split("\n"))
    return body[:end], headers_of(below)[0]


_FIRST_FIELDS = ("\nreceived: ", "\nreturn-path: ", "\ndkim-signature: ", "\nfrom: ", "\nmime-version: ")


def _cut_header(body: str, low: str) -> tuple[str, Headers]:
    """The same where no known marker stands: the header of a mail below a ruled line ("-----", perhaps with words of its own in it)."""
    if len(low) != len(body) or ("\n---" not in low and "\n===" not in low and "\n___" not in low and "\n***" not in low and "\n+++" not in low):
        return body, {}
    at = min((place for name in _FIRST_FIELDS if (place := low.find(name)) > 0), default=-1)
    if at < 0:
        return body, {}
    above = body[:at].rstrip()
    line = above.rfind("\n") + 1
    if not above[line:].strip().startswith(("-----", "=====", "_____", "*****", "+++++")):
        return body, {}
    headers = headers_of(body[at + 1 :])[0]
    return (body[:line], headers) if is_mail(headers) else (body, {})


_ATOM = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.")
_NOT_LOCAL = frozenset(" \t,;:<>()[]\\|")
_NOT_HOST = frozenset(' \t,;:<>()[]\\/|"@!#$%&*=')
_WIDE = frozenset("、。，．：；！？（）［］｛｝「」『』【】《》〈〉“”‘’„«»　")  # punctuation that stands in no address, and before one without a blank
_ASCII = re.compile(r"[\x00-\x7f]*")
_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")


def address(text: str) -> str | None:
    """The address in a field or a line: of `<a@b>` what is inside, else the first word with an @. None where there is none. RFC 5322 section 3.4."""
    text = text.strip()[:2000]
    at = text.find("@")
    if at < 0:
        return None
    opening = text.rfind("<", 0, at)
    if opening >= 0 and (closing := text.find(">", at)) > 0 and (inside := clean(text[opening + 1 : closing])):
        return inside
    if text.startswith('"') and '"@' in text:
        return clean(text.partition(" ")[0] if " " not in text.partition('"@')[0] else text)
    while at >= 0:
        start = at
        while start and (text[start - 1] in _ATOM or (ord(text[start - 1]) > 127 and text[start - 1] not in _WIDE)):
            start -= 1
        end = at + 1
        while end < len(text) and (text[end] in _HOST or ord(text[end]) > 127):
            end += 1
        if found := clean(text[start:end].strip("'`.")):
            return found
        at = text.find("@", at + 1)
    return None


def clean(text: str) -> str | None:
    """An address without brackets, source route and `mailto:`, or None where it is none."""
    text = text.strip().strip("<>").strip().removeprefix("mailto:").removeprefix("MAILTO:")
    if text.startswith("@") and ":" in text:  # RFC 5321 appendix C: a source route, to be ignored
        text = text.partition(":")[2]
    local, at, host = text.rpartition("@")
    host = host.rstrip(".>")
    if not host.isascii() and (top := host.rpartition(".")[2])[:1].isascii():  # words of a language without blanks that follow the address
        host = host[: len(host) - len(top)] + _ASCII.match(top).group(0)  # type: ignore[union-attr]
    if not at or not local or not host or len(text) > 320 or "\n" in text:
        return None
    if not _NOT_LOCAL.isdisjoint(local) and not (len(local) > 2 and local.startswith('"') and local.endswith('"')):
        return None
    if not _NOT_HOST.isdisjoint(host) and not (host.startswith("[") and host.endswith("]")):
        return None
    return f"{local}@{host}"


def only_address(line: str) -> str | None:
    """The address of a line that holds nothing else (but angle brackets, or the copy that a mail program added as mailto link)."""
    line = line.strip()
    if "@" not in line or len(line) > 700:
        return None
    for mark in ("<mailto:", " (", "<"):
        if (at := line.find(mark)) > 0 and "@" in line[:at] and "@" in line[at:]:
            line = line[:at]
    line = line.strip().rstrip(",;:")
    if line.startswith("-> "):
        line = line[3:]
    return clean(line)
