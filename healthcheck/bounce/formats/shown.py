"""The header of a notice as people's mail programs show it: "Von: … An: … Betreff: …", in the language of the reader.

It is read as the header that it shows, so that the reader's own address is never taken for the one that failed. The labels stand in
data/formats.toml, [shown].
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from . import data, holds

MAX_ABOVE = 4000  # characters in which the block has to begin
MAX_BLOCK = 14  # lines
MAX_LABEL = 32

_FIELDS = ("from", "to", "subject", "date", "cc")
_MARKS = " \t>*_|"
_SOURCE = re.compile(r"[A-Za-z][A-Za-z0-9]{1,20}(?:-[A-Za-z0-9]{1,20}){1,4}: ")


@cache
def _labels() -> Mapping[str, str]:
    """What a field is called, case-folded -> the field's name. RFC 5322 section 3.6."""
    return {label: name for name in _FIELDS for label in data()["shown"][name]}


@cache
def _senders() -> re.Pattern[str]:
    """A line that names the sender, in octets as Latin-1."""
    words = {form for label in data()["shown"]["from"] for form in (label, label.capitalize(), label.upper())}
    labels = "|".join(re.escape(word.encode().decode("latin-1")) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?m)^[ \t>*_|]{{0,4}}(?:{labels})[ *_]{{0,3}}(?:\xc2\xa0)?[*_]{{0,2}}(?::|\xef\xbc\x9a)")


def _field(line: str) -> tuple[str, str]:
    """The field that a line shows, and its value: ("from", "MAILER-DAEMON@…"), or ("", "")."""
    text = line[:1000].encode("latin-1", "replace").decode("utf-8", "replace").strip(_MARKS)
    head, colon, value = text.replace("：", ":", 1).partition(":")
    name = _labels().get(head.strip(_MARKS + "\xa0\u200e\u200f").casefold(), "") if colon and len(head) <= MAX_LABEL else ""
    return name, value.strip(_MARKS + "\xa0\u200e\u200f")


def as_mail(raw: str) -> tuple[str, str] | None:
    """A text with such a block near its top as the source of a mail, and what stands below the block; None where there is none, or a person wrote it.

    `raw` is octets as Latin-1 (see mime.py). Linear.
    """
    found = _senders().search(raw[:MAX_ABOVE])
    if found is None:
        return None
    above, lines = raw[: found.start()].split("\n")[:-1], raw[found.start() :].split("\n")
    while above and _field(above[-1])[0]:
        lines.insert(0, above.pop())
    if above and _SOURCE.match(above[-1]):
        return None
    fields: dict[str, str] = {}
    last, used = "", 0
    for line in lines[:MAX_BLOCK]:
        name, value = _field(line)
        if name:
            fields.setdefault(name, value)
            last = name
        elif last and line[:1] in " \t" and line.strip():
            fields[last] += " " + line.encode("latin-1", "replace").decode("utf-8", "replace").strip()
        elif _SOURCE.match(line):
            return None  # other fields too: it is the source of a mail
        elif line.strip() or len(fields) > 1:
            break
        used += 1
    if "from" not in fields or len(fields) < 2:
        return None
    sender, subject = fields["from"].casefold(), " ".join(fields.get("subject", "").casefold().split())
    if not holds(sender, data()["daemon"]["senders"]) and not holds(subject, data()["daemon"]["subjects"]):
        return None
    below = "\n".join(lines[used:]).lstrip("\n")
    header = "\n".join(f"{name.capitalize()}: {' '.join(value.split())}" for name, value in fields.items() if value)
    return header.encode("utf-8", "replace").decode("latin-1") + "\n\n" + below, below
