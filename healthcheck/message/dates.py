"""The dates that servers and programs write into a message: RFC 5322 section 3.3, its obsolete forms (section 4.3), and what else is met."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import data

MAX_DATE = 200  # characters
_MONTHS = {name: number for number, name in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?(?:\s?(?P<half>[ap]m)\b)?"
_ZONE = r"(?:\s{0,40}(?P<zone>(?:gmt|utc)?[+-]\d{2}:?\d{2}|[a-z]{1,5}\b))?"
_FORMS = (
    re.compile(rf"(?P<day>\d{{1,2}})[ -]{{1,40}}(?P<month>{_MONTH})[a-z]{{0,6}}\.?[ -]{{1,40}}(?P<year>\d{{2,4}})[ ,:]{{1,40}}{_CLOCK}{_ZONE}", re.IGNORECASE),
    re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})[ t]{_CLOCK}{_ZONE}", re.IGNORECASE),
    re.compile(
        rf"\b(?P<month>{_MONTH})[a-z]{{0,6}} {{1,2}}(?P<day>\d{{1,2}}),? {_CLOCK} (?:(?P<zone>[+-]\d{{4}}|[a-z]{{1,5}}) )?(?P<year>\d{{4}})\b", re.IGNORECASE
    ),
    re.compile(rf"\b(?P<month>{_MONTH})[a-z]{{0,6}} (?P<day>\d{{1,2}}), (?P<year>\d{{4}})[ ,]{{1,3}}(?:at )?{_CLOCK}{_ZONE}", re.IGNORECASE),
)
_QUICK = re.compile(rf"\d:\d\d|{_MONTH}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Moment:
    """at: seconds since 1970 UTC; zone: minutes east of UTC as written, None where none (or "-0000") was; then `at` takes UTC for it.

    span: where it stands in the text that was read.
    """

    at: float
    zone: int | None
    span: tuple[int, int]


def read_date(text: str) -> Moment | None:
    """The first date in a text, or None where there is none that a calendar knows. Never raises.

    A zone of letters that RFC 5322 section 4.3 does not define counts as "-0000": the time is taken as UTC.
    Standard: RFC 5322 sections 3.3 and 4.3 (years of two and three digits, letters for zones, comments).

    >>> read_date("Sun, 22 Nov 2026 11:59:00 -0500 (EST)").at
    1795366740.0
    >>> read_date("22 Nov 26 16:59 UT").zone
    0
    >>> read_date("Sun, 31 Feb 2026 11:59:00 +0000") is None
    True
    """
    text = text[:MAX_DATE]
    if not _QUICK.search(text):
        return None
    bare = _blanked(text)
    for form in _FORMS:
        if (found := form.search(bare)) and (moment := _moment(found)):
            return moment
    return None


def _blanked(text: str) -> str:
    """The text with its comments made blanks, so that places stay. RFC 5322 section 3.2.2."""
    if "(" not in text:
        return text.replace("\t", " ")
    out, depth = [], 0
    for c in text:
        depth += c == "("
        out.append(" " if depth or c == "\t" else c)
        depth -= c == ")" and depth > 0
    return text.replace("\t", " ") if depth else "".join(out)  # a comment that never ends hides nothing


def _moment(found: re.Match[str]) -> Moment | None:
    month = found["month"].lower()
    year, hour = int(found["year"]), int(found["hour"])
    if len(found["year"]) == 2:  # RFC 5322 section 4.3
        year += 2000 if year < 50 else 1900
    elif len(found["year"]) == 3:
        year += 1900
    half = (found["half"] or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    second = min(int(found["second"] or 0), 60)
    zone = _minutes(found["zone"] or "")
    try:
        # a leap second (60) is the one before it
        when = datetime(year, int(month) if month.isdigit() else _MONTHS[month[:3]], int(found["day"]), hour, int(found["minute"]), min(second, 59), tzinfo=UTC)
        at = (when - timedelta(minutes=zone or 0)).timestamp()
    except (ValueError, OverflowError):
        return None
    return Moment(at, zone, found.span())


def _minutes(zone: str) -> int | None:
    """Minutes east of UTC; None for "-0000", which says that the zone is not known (RFC 5322 section 3.3), and for what is no zone."""
    zone = zone.lower()
    if digits := re.fullmatch(r"(?:gmt|utc)?([+-])(\d\d):?(\d\d)", zone):
        minutes = int(digits[2]) * 60 + int(digits[3])
        if zone == "-0000" or minutes > 24 * 60:
            return None
        return -minutes if digits[1] == "-" else minutes
    found = data()["zones"].get(zone)
    return int(found) if found is not None else None
