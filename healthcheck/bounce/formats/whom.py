"""Whom a reply, a sentence or a log line is about: the address that it names as the one that was refused.

An address counts only where its place says so: between angle brackets right after the codes, or beside a cue of data/formats.toml,
[whom]. Any other may be the sender's, or that of somebody to write to, and a wrong recipient is worse than none.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from . import clean, data

MAX_TRIES = 12
BEFORE, AFTER = 60, 40

_AFTER_CODE = re.compile(r"(?:\A|[\s:;,'\"`(=])(?:[245]\d\d[ \n-]|[245]\.\d\.\d{1,3}:?\s)[#(]?\s?<?\Z")
_ASIDE = frozenset(" \t\n\r\f\v\xa0\u3000<>\"'`“”‘’‹›()[]{},;:|\\*=@，。、；：！？（）「」【】…")
# a domain in ASCII ends where ASCII ends, since in Chinese and Japanese no blank follows it
_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,9}")
_KEY = re.compile(r"[\"']([\w-]{2,30})[\"'] {0,2}(?::|=>) {0,2}\[?[\"']?\Z")  # {'email': 'lena@example.com'}
_NAME = re.compile(r"[\w-]{2,30}\Z")
_OPENING, _CLOSING = " <\"'`“”‘’‹›([{*", " >\"'`“”‘’‹›)]*"


class _Cues(NamedTuple):
    sure_after: tuple[str, ...]
    sure: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    not_before: tuple[str, ...]
    not_after: tuple[str, ...]
    names: frozenset[str]


@cache
def _cues() -> _Cues:
    table = data()["whom"]
    return _Cues(
        tuple(table["sure_after"]),
        tuple(table["sure"]),
        tuple(table["before"]),
        tuple(table["after"]),
        tuple(table["not_before"]),
        tuple(table["not_after"]),
        frozenset(table["names"]),
    )


def whom(text: str) -> str | None:
    """The address that a text names as the one that failed, or None. The first that a cue names. Pure."""
    if "@" not in text:
        return None
    cues, at = _cues(), text.find("@")
    for _ in range(MAX_TRIES):
        if at < 0:
            break
        start, end = _word(text, at)
        lead, tail = text[max(0, start - BEFORE) : start], _tail(text, end)
        if not tail.startswith(cues.not_after) and _leads(lead, tail, cues) and (one := clean(text[start:end].rstrip(".!?"))):
            return one
        at = text.find("@", at + 1)
    return None


def _word(text: str, at: int) -> tuple[int, int]:
    """From where to where the word around an @ goes. RFC 5321 section 4.5.3.1."""
    start, masked = at, 0
    while start > max(0, at - 64) and text[start - 1] not in _ASIDE:
        start -= 1
    while start == at - masked and masked < 64 and text[start - 1 : start] == "*":  # "***@example.com": whoever pasted it did not want to say
        start, masked = start - 1, masked + 1
    if found := _DOMAIN.match(text, at + 1):
        return start, found.end()
    end = at + 1
    while end < min(len(text), at + 255) and text[end] not in _ASIDE:
        end += 1
    return start, end


def _leads(lead: str, tail: str, cues: _Cues) -> bool:
    said = " ".join(lead.casefold().split()).rstrip(_OPENING)
    name = _NAME.search(said.rstrip(" =")) if said.endswith("=") else None
    said = said.rstrip(" :=：").rstrip(_OPENING)
    if said.endswith(cues.sure) or tail.startswith(cues.sure_after):
        return True
    if said.endswith(cues.not_before):
        return False
    if lead[-1:] in _QUOTES and (key := _KEY.search(lead[-48:])) and key.group(1).lower() in _keys():
        return True
    return (
        (name is not None and (name.group(0) in cues.names or name.group(0) in _keys()))
        or said.endswith(cues.before)
        or tail.startswith(cues.after)
        or bool(_AFTER_CODE.search(lead))
    )


_QUOTES = frozenset("'\"")


@cache
def _keys() -> frozenset[str]:
    """The names under which programs keep a recipient."""
    return frozenset(data()["json"]["recipient"])


def _tail(text: str, end: int) -> str:
    return " ".join(text[end : end + AFTER].lstrip(_CLOSING).casefold().split())


def is_senders(text: str, start: int, end: int) -> bool:
    """Whether the words around an address, which goes from `start` to `end`, say that it is the sender's: "<a@b>: Sender address rejected"."""
    cues = _cues()
    return _tail(text, end).startswith(cues.not_after) or text[max(0, start - BEFORE) : start].casefold().rstrip(" :=<\"'").endswith(cues.not_before)


def greeted(text: str) -> set[str]:
    """The addresses that lines near the top greet, in any language: "Dear paula@example.com,". They are of whoever wrote the mail that came back."""
    out: set[str] = set()
    for line in [bare for line in text[:4000].split("\n") if (bare := line.strip())][:MAX_ABOVE]:
        at = line.find("@")
        if at < 0 or len(line) > MAX_GREETING or not line.endswith(_GREETS):
            continue
        start, end = _word(line, at)
        said, one = _WORDS.findall(line[:start]), clean(line[start:end].rstrip(".!?"))
        if one and 0 < len(said) <= 2 and not line[end:].strip(_CLOSING).strip("".join(_GREETS)) and not _leads(line[:start], "", _cues()):
            out.add(one)
    return out


MAX_ABOVE, MAX_GREETING = 15, 120
_WORDS = re.compile(r"[^\W\d_]{2,40}")
_GREETS = (",", ":", "!", "،", "、", "，", "！", "：", "様", "님")
