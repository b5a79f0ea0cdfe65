"""The entries of a log, whole: each begins with a date, goes on where its line was wrapped, and ends where the next begins; and lists of a queue. Linear."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..reply import find_code
from . import Found, data, only_address

MAX_LINE, MAX_LINES = 6000, 3000
MAX_BELOW = 25  # lines of one entry
_AT_LEAST, _AT_MOST = 50, 132  # characters of a line that may have been wrapped

DATE = re.compile(r"^(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?: ?[+-]\d\d:?\d\d|Z)?)")
_ENTRY = re.compile(DATE.pattern + r" \S{1,255} [A-Za-z][\w./-]{1,60}(?:\[\d{1,9}\])?: (?:[0-9A-Za-z]{6,20}: )?")


def beside_replies(text: str) -> str:
    """A text without the entries of a log that say how a connection went, where what is left holds one: the reply cut off in front, not the "lost connection" after it."""
    lines = text.split("\n")[:MAX_LINES]
    aside = tuple(data()["log"]["aside"])
    kept = [line for line in lines if not (entry := _ENTRY.match(line)) or not line[entry.end() :].startswith(aside)]
    left = "\n".join(kept)
    return left if len(kept) < len(lines) and ("(in reply to " in left or any(find_code(line[:MAX_LINE], loose=False)[0] for line in kept)) else text


def unwrapped(lines: list[str]) -> list[str]:
    """Each entry on one line: one begins where a line begins with a date."""
    out: list[str] = []
    for line in lines:
        bare = line.strip()
        if out and bare and not DATE.match(bare) and len(out[-1]) < MAX_LINE:
            out[-1] += " " + bare
        else:
            out.append(bare)
    return out


def untorn(lines: list[str], of_line: Callable[[str], tuple[str, Found] | None]) -> list[tuple[str, Found]]:
    """The entries, each with the lines below it that are its own: what was wrapped goes on without a date, indented or after a line of some length."""
    out: list[tuple[str, Found]] = []
    for n, line in enumerate(lines):
        if (got := of_line(line)) is None:
            continue
        whole, below = line.strip(), n + 1
        if line.count("(") <= line.count(")"):
            while below < min(len(lines), n + MAX_BELOW) and _goes_on(lines[below - 1], lines[below], of_line):
                whole, below = f"{whole} {lines[below].strip()}", below + 1
        again = of_line(whole) if below > n + 1 else None
        out.append(again if again is not None and again[0] == got[0] else got)
    return out


def _goes_on(line: str, below: str, of_line: Callable[[str], tuple[str, Found] | None]) -> bool:
    bare = below.strip()
    torn = below[:1] in " \t" or bare[:1] in ":;," or _AT_LEAST <= len(line) <= _AT_MOST
    return bool(bare) and torn and not DATE.match(bare) and of_line(bare) is None


def waiting(lines: list[str]) -> list[tuple[str, Found]]:
    """What a list of the queue says: why, between brackets, and below it, far to the right, each address that waits. Postfix's postqueue, Sendmail's mailq."""
    out: list[tuple[str, Found]] = []
    why: list[str] = []
    for line in lines:
        bare = line.strip()
        opened = sum(part.count("(") - part.count(")") for part in why)
        if opened > 0 and len(why) < MAX_BELOW and bare:
            why.append(bare)
        elif bare.startswith("(") and line[:20].strip():
            why = [bare]
        elif why and line[:20].isspace() and (one := only_address(bare)):
            out.append(("postfix-log", Found(one, " ".join(why)[1:].removesuffix(")"), "delayed")))
        else:
            why = []
    return out[:MAX_LINES]
