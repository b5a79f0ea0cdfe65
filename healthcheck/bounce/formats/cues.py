"""Notices in an MTA's own words: an address after one cue, the reason after another (data/formats.toml, [cue]).

Exchange, Gmail, Domino, MailMarshal, KDDI, James, Oracle Messaging Server, InterScan, IMail, m-FILTER and what is written like them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from ..reply import find_code, find_enhanced, stage_of
from . import Found, Marks, address, data, flat, only_address
from .notices import has

MAX_FOUND = 200
MAX_REASON = 25
MAX_REASONS = 50

_EXCHANGE = re.compile(
    r"^(?:[^#\n]{0,255}\s)?#?\s?(?:<\s?)?#(?:<\s?#)?(?:[245]\d\d[ ;]|[245]\.\d)|^(?:Remote Server (?:at \S{1,255} )?returned\b|.{0,80}'[245]\d\d [245]\.\d)|^[245]\d\d[ -][245]\.\d{1,3}\.\d{1,3}[ ;]"
)


def exchange(body: str) -> list[Found]:
    """Address, then perhaps a host, then the reply with #, ## or in quotes: "Diagnostic information for administrators" of Exchange 2007 to 365, in any language."""
    lines = [line.strip() for line in body.split("\n")]
    out: list[Found] = []
    generating = None
    for i, line in enumerate(lines):
        if not line or not ("#" in line or "'" in line or line[0] in "245" or "Remote Server" in line) or not _EXCHANGE.match(line):
            continue  # the first is what the pattern needs, and cheaper
        recipient, host = None, None
        for back in range(i - 1, max(-1, i - 7), -1):
            above = lines[back]
            if not above:
                continue
            if (recipient := only_address(above)) is not None:
                break
            if " " not in above and "." in above and "@" not in above:
                host = above
        if recipient is None:
            continue
        text = [line]
        for below in lines[i + 1 : i + 40]:
            if not below or "##" in text[-1]:
                break
            text.append(below)
        if not any(f.recipient == recipient for f in out):
            out.append(Found(recipient, " ".join(text), remote=host or generating))
        if len(out) >= MAX_FOUND:
            break
    return out


class _Cues(NamedTuple):
    marks: Marks
    recipient: frozenset[str]
    reason: frozenset[str]
    instead: Mapping[str, str]


@cache
def _cues() -> _Cues:
    table = data()["cue"]
    return _Cues(Marks.of((*table["recipient"], *table["reason"])), frozenset(table["recipient"]), frozenset(table["reason"]), table["instead"])


def cued(body: str, low: str) -> list[Found]:
    """The addresses after the cues for one, with the text after the cue for a reason (one for all where there is only one)."""
    if len(low) != len(body):  # case folding changed lengths: places would not fit
        low = body.lower()
        if len(low) != len(body):
            return []
    one_line = flat(low)
    here = _cues().marks.within(one_line)
    found: list[tuple[int, Found]] = []
    for cue in here:
        if cue not in _cues().recipient or _cues().instead.get(cue) in here:
            continue
        within = low if "\n" in cue else one_line
        at, tries = within.find(cue), 0
        while at >= 0 and tries < MAX_FOUND:
            found.extend(_addresses(body, at + len(cue)))
            tries += 1
            at = within.find(cue, at + len(cue))
    return _joined(body, sorted(found, key=lambda pair: pair[0]), _reasons(body, one_line, here)) if found else []


def reason(body: str, low: str) -> str:
    """The text after a cue for a reason that holds most of a reply, or "". Where it is known already whom a notice is about."""
    one_line = flat(low)
    found = _reasons(body, one_line, _cues().marks.within(one_line)) if len(low) == len(body) else []
    return max((text for _, text in found), key=weight, default="")


def _reasons(body: str, one_line: str, here: list[str]) -> list[tuple[int, str]]:
    out: list[tuple[int, str]] = []
    for cue in here:
        if cue not in _cues().reason:
            continue
        at, tries = one_line.find(cue), 0
        while at >= 0 and tries < MAX_REASONS:
            if not one_line[at - 1 : at].isalnum() and (text := _reason(body, at + len(cue))):
                out.append((at, text))
            tries += 1
            at = one_line.find(cue, at + len(cue))
    return sorted(out)


def _addresses(body: str, at: int) -> list[tuple[int, Found]]:
    """The address right after a cue; else those on the next lines, each alone on its line."""
    end = body.find("\n", at)
    end = len(body) if end < 0 else end
    line = body[at:end]
    if line.strip(" .:;<(\t-=|*"):
        one = address(line) if "@" in line and line.find("@") < 330 else None
        if one:
            return [(at, Found(one))]
        return []
    out: list[tuple[int, Found]] = []
    place = end + 1
    for line in body[place : place + 20000].split("\n")[:MAX_FOUND]:
        if line.strip():
            one = only_address(line.partition("; ")[0]) or (
                address(line) if not out and line.count("@") < 3 and (" ... " in line or "mailto:" in line or line.strip()[:1] in "<-*(") else None
            )
            if one is None and not out and ":" in line and (head := line.strip().partition(": ")[0]) != line.strip():
                one = only_address(head)
            if one is None:
                break
            rest = line.partition("...")[2].strip() if " ... " in line else ""
            out.append((place, Found(one, rest)))
        place += len(line) + 1
    return out


def _reason(body: str, at: int) -> str:
    """The text after a cue up to an empty line; of the next paragraph where the line ends with the cue."""
    lines: list[str] = []
    for n, line in enumerate(body[at : at + 6000].split("\n")):
        bare = line.strip()
        if not bare or set(bare) <= set("-=*_+|"):
            if lines:
                break
            if n > 4:
                break
            continue
        if lines and bare.startswith(("----", "-------")):
            break
        if lines and bare.casefold().startswith(
            ("recipient address:", "original address:", "remote system:", "message details:", "learn more", "for further", "bcc:", "reporting-mta:")
        ):
            break
        if not (n == 0 and bare.strip(":. ") == ""):
            lines.append(bare.lstrip(":").strip() if n == 0 else bare)
        if len(lines) >= MAX_REASON:
            break
    return "\n".join(line for line in lines if line)


def weight(text: str) -> int:
    """How much of a reply is in a text: both codes, a code, words, nothing."""
    code, _, end = find_code(text[:2000], loose=False)
    return 4 * (code is not None) + 2 * (find_enhanced(text[:2000], code, beside=end) is not None) + (text != "")


def _line_at(body: str, place: int) -> str:
    """The sentence around a cue: its paragraph, and the next one where it is a line that ends there."""
    paragraphs: list[list[str]] = [[]]
    for line in body[body.rfind("\n", 0, place) + 1 :][:3000].split("\n"):
        if line.strip():
            paragraphs[-1].append(line.strip())
        elif len(paragraphs[0]) > 1 or len(paragraphs) > 1:
            break
        elif paragraphs[0]:
            paragraphs.append([])
    said = " ".join(line for lines in paragraphs for line in lines[:4] if only_address(line) is None)[:1000]
    return said if has(said.casefold(), "phrase", "words") else ""  # what says nothing of a bounce is no reason


def _joined(body: str, found: list[tuple[int, Found]], reasons: list[tuple[int, str]]) -> list[Found]:
    out: list[Found] = []
    places: list[int] = []
    for place, one in found:
        if not any(f.recipient == one.recipient for f in out):
            out.append(one)
            places.append(place)
    for i, one in enumerate(out):
        if one.text:
            continue
        nearest = [text for at, text in reasons if places[i] < at < (places[i + 1] if i + 1 < len(places) else len(body))]
        pool = nearest if nearest and len(out) > 1 else [text for _, text in reasons]
        if nearest and max(map(weight, nearest)) == max(map(weight, pool)):
            pool = nearest  # what stands above the address may be the head of a list
        if pool:
            one.text = max(pool, key=weight)
        else:
            one.text = _line_at(body, places[i])
    command = body.casefold().rfind("smtp command\n")
    if command >= 0:  # m-FILTER names the command on the line after it
        stage = stage_of(body[command + 13 : command + 40].partition("\n")[0])
        for one in out:
            one.stage = one.stage or stage
    return out
