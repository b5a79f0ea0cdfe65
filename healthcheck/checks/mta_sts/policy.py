"""The record and the policy of MTA-STS, read as RFC 8461 section 3 has them. Pure; raises nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...model import Answer

MAX_AGE = 31557600  # RFC 8461 section 3.2
MODES = ("enforce", "testing", "none")
SHOWN = 120  # characters of a line that are shown
MOST = 5  # problems of a kind that are kept
PATTERNS = 100  # mx patterns that are read

_VERSION = re.compile(r"v=STSv1[ \t]*(?:;|$)")
_NEARLY = re.compile(r"\W{0,4}v?\W{0,3}sts\W{0,2}v?\W?\d?\b", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_VALUE = re.compile(r"[\x21-\x3a\x3c\x3e-\x7e]+")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MX = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


# ------------------------------------------------------------------ the record


@dataclass(frozen=True, slots=True)
class StsRecord:
    """One record. id: as published, where there is one; problem: why senders do not use it, "" where they do."""

    text: str
    id: str | None
    problem: str = ""


def texts(answer: Answer) -> tuple[str, ...]:
    if answer.values:
        return answer.values
    return tuple(b"".join(s).decode("utf-8", "backslashreplace") for s in answer.strings)


def select(answer: Answer) -> tuple[str, ...]:
    """The MTA-STS records among the TXT records of a name: RFC 8461 section 3.1 discards every other text."""
    return tuple(text for text in texts(answer) if _VERSION.match(text[:64]))


def nearly(answer: Answer) -> tuple[str, ...]:
    """Records that were meant as MTA-STS and are none ("v=STSV1; id=1")."""
    good = select(answer)
    return tuple(text for text in texts(answer) if text not in good and _NEARLY.match(text[:40]))


def read_record(text: str) -> StsRecord:
    """Read one record: a version, then an id among fields that may be unknown. RFC 8461 section 3.1."""
    version, *parts = text[:4096].split(";")
    fields = [part.strip(" \t") for part in parts]
    if fields and not fields[-1]:
        fields.pop()  # a delimiter may end the record
    found = next((f.partition("=")[2] for f in fields if f.startswith("id=")), None)
    if not _VERSION.match(text[:64]):
        return StsRecord(text, found, "version")
    broken = [f for f in fields if not f.startswith("id=") and not (_NAME.fullmatch(f.partition("=")[0]) and _VALUE.fullmatch(f.partition("=")[2]))]
    if broken:
        return StsRecord(text, found, "bad-field")
    if found is None:
        return StsRecord(text, None, "no-id")
    if not _ID.fullmatch(found):
        return StsRecord(text, found, "id-too-long" if len(found) > 32 and found.isalnum() and found.isascii() else "bad-id")
    # the grammar has white space before the first ";", the rule for discarding records has none (erratum 6285)
    return StsRecord(text, found, "space" if version != "v=STSv1" else "")


def mended(record: StsRecord) -> str | None:
    """The record as it was meant, its id kept as far as it may stand there; None where nothing of an id is left."""
    id_ = re.sub(r"[^A-Za-z0-9]", "", record.id or "")[:32]
    return f"v=STSv1; id={id_};" if id_ else None


# ------------------------------------------------------------------ the policy


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at a line of the file (0: the file as a whole). reason: a key of the row's words."""

    reason: str
    line: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy file. problems: why it is none by the standard; odd: what the standard does not have and most senders let pass.

    What can be read is kept beside the problems: a sender that is less strict goes by it.
    """

    mode: str | None = None
    max_age: int | None = None
    mx: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    odd: tuple[Problem, ...] = ()


def read_policy(body: bytes) -> Policy:
    """Read a policy file: lines of "name: value", each ended by LF or CRLF, in any order. Pure. RFC 8461 section 3.2."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return Policy(problems=(Problem("not-text"),))
    if not text.strip():
        return Policy(problems=(Problem("empty"),))
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        return Policy(problems=(Problem("markup"),))
    problems: list[Problem] = []
    odd: list[Problem] = []
    if text.startswith("\ufeff"):
        problems.append(Problem("byte-order-mark", 1))
        text = text[1:]
    values: dict[str, str] = {}
    at: dict[str, Problem] = {}
    mx: list[str] = []
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    for number, whole in enumerate(lines, 1):
        line = whole.removesuffix("\r")
        here = Problem("", number, line.strip()[:SHOWN])
        if not line.strip(" \t"):
            odd.append(_why(here, "blank-line"))
            continue
        raw, colon, value = line.partition(":")
        name, value = raw.strip(" \t"), value.strip(" \t")
        if _CONTROL.search(line):
            problems.append(_why(here, "control"))
            continue
        if not colon or not _NAME.fullmatch(name) or not value:
            problems.append(_why(here, "bad-line"))
            continue
        if raw != name:
            odd.append(_why(here, "space"))
        if name == "mx":
            if reason := _bad_pattern(value):
                problems.append(_why(here, reason))
            elif len(mx) < PATTERNS:
                mx.append(value.lower())
        elif name in values:
            # RFC 8461 section 3.2: all but the first are ignored
            odd.append(_why(here, "repeated"))
        elif name in ("version", "mode", "max_age"):
            values[name], at[name] = value, here
    return _judged(values, at, tuple(dict.fromkeys(mx)), problems, odd)


def _why(here: Problem, reason: str) -> Problem:
    return Problem(reason, here.line, here.text)


def _bad_pattern(value: str) -> str:
    """Why a value of mx is none: a host name, or one whose first label is "*". RFC 8461 sections 3.2 and 4.1."""
    if _MX.fullmatch(value) and len(value) <= 255:
        return ""
    if any(c in value for c in ", \t;"):
        return "mx-list"
    if value.endswith(".") and _MX.fullmatch(value[:-1]):
        return "mx-dot"
    return "mx-wildcard" if "*" in value or value.startswith(".") else "bad-mx"


def _judged(values: dict[str, str], at: dict[str, Problem], mx: tuple[str, ...], problems: list[Problem], odd: list[Problem]) -> Policy:
    for name in ("version", "mode", "max_age"):
        if name not in values:
            problems.append(Problem(f"no-{name.replace('_', '-')}"))
    if values.get("version", "STSv1") != "STSv1":
        problems.append(_why(at["version"], "bad-version"))
    mode, age = values.get("mode"), values.get("max_age")
    if mode is not None and mode not in MODES:
        problems.append(_why(at["mode"], "bad-mode"))
        mode = None
    seconds = int(age) if age is not None and re.fullmatch(r"[0-9]{1,10}", age) else None
    if age is not None and (seconds is None or seconds > MAX_AGE):
        problems.append(_why(at["max_age"], "bad-max-age" if seconds is None else "max-age-too-large"))
        seconds = None
    if mode in ("enforce", "testing") and not mx and not any(p.reason in ("bad-mx", "mx-list", "mx-dot", "mx-wildcard") for p in problems):
        problems.append(Problem("no-mx"))
    return Policy(mode, seconds, mx, tuple(problems[:MOST]), tuple(odd[:MOST]))


def covered(host: str, patterns: tuple[str, ...]) -> bool:
    """Does one of the patterns stand for a mail host? A "*" stands for one label, the left-most. Pure. RFC 8461 section 4.1.

    >>> covered("mx1.example.com", ("*.example.com",)), covered("a.mx.example.com", ("*.example.com",)), covered("example.com", ("*.example.com",))
    (True, False, False)
    """
    host = host.lower().rstrip(".")
    return any(p == host or (p.startswith("*.") and host.partition(".")[2] == p[2:] != "") for p in patterns)


def written(mode: str, max_age: int, mx: tuple[str, ...]) -> tuple[str, ...]:
    """The lines of a policy file."""
    return ("version: STSv1", f"mode: {mode}", *(f"mx: {p}" for p in mx), f"max_age: {max_age}")
