"""When something happened, in the ways in which logs and exports write it; seconds since 1970 UTC.

A time without a zone is taken for UTC. A syslog time has no year (RFC 3164 section 4.1.2): it gets the one in which it is not in the future.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_MONTHS = {name: number for number, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)}
_NUMERIC = re.compile(r"(\d{1,2})[-./](\d{1,2})[-./](\d{4})(?:,? (\d{1,2}):(\d\d)(?::(\d\d))?(?:\.\d{1,9})?(?: ?([AaPp])\.?[Mm]\.?)?)?\Z")
_BLANK_ZONE = re.compile(r" (?=(?:[+-]\d\d:?\d\d|Z)\Z)| UTC\Z| GMT\Z")
_LEAST, _MOST = 0.0, 4102444800.0  # 1970 to 2100: what is outside is no time of a mail


def moment(text: str) -> float | None:
    """The time that a text names: seconds, milli- or microseconds since 1970, RFC 3339 and its relatives, RFC 5322, day-month-year. None where it is none.

    Of 03-04-2026 the first is the day, with slashes (03/04/2026) the month, unless only the other way is a date. Never raises.

    >>> moment("2026-01-15T08:00:00Z") == moment("1768464000") == moment("15-01-2026 08:00:00") == moment("Thu, 15 Jan 2026 08:00:00 +0000")
    True
    """
    text = text.strip()
    if not text:
        return None
    try:
        if text[0].isdigit() and 9 <= len(text) <= 30 and text.replace(".", "", 1).isdigit():
            return _epoch(float(text))
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return _otherwise(text)
    return _seconds(at)


def _epoch(value: float) -> float | None:
    while value > 1e11:  # milli-, micro-, nanoseconds
        value /= 1000
    return value if _LEAST <= value <= _MOST else None


def _seconds(at: datetime) -> float | None:
    try:
        value = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return value if _LEAST <= value <= _MOST else None


def _otherwise(text: str) -> float | None:
    text = text[:80]
    if found := _NUMERIC.match(text):
        return _numbered(found, text)
    bare = _BLANK_ZONE.sub("", text, count=1) if text.endswith(("UTC", "GMT")) else _BLANK_ZONE.sub("", text)
    if bare != text or (len(text) > 10 and text[4] in "/." and text[:4].isdigit()):
        try:
            return _seconds(datetime.fromisoformat(bare.replace("/", "-", 2)))
        except ValueError:
            pass
    try:
        return _seconds(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _numbered(found: re.Match[str], text: str) -> float | None:
    one, two, year, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    half = (found.group(7) or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    slashed = "/" in text
    for month, day in ((one, two), (two, one)) if slashed else ((two, one), (one, two)):
        try:
            return _seconds(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
        except ValueError:
            continue
    return None


class LogTimes:
    """The times of a log's lines: RFC 3339, Exim's own, or syslog's without a year, which is the last one that is not after `now`. Keeps the last day."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._minute, self._at = "", 0.0  # the minute that was read last, and its start

    def of(self, line: str) -> float | None:
        """The time at the start of a line, or None."""
        if line[:1] == "<" and (closing := line.find(">", 1, 6)) > 0:  # the priority of RFC 3164
            line = line[closing + 1 :]
        if line[:1].isdigit():
            return self._dated(line)
        if len(line) < 15 or line[9] != ":":
            return None
        minute = line[:12]
        if minute != self._minute:
            start = self._syslog(minute)
            if start is None:
                return None
            self._minute, self._at = minute, start
        seconds = line[13:15]
        return self._at + int(seconds) if seconds.isdigit() else None

    def _dated(self, line: str) -> float | None:
        end = line.find(" ", 11)
        head = line[: end if end > 0 else 40]
        if head[10:11] == " " and line[end + 1 : end + 2] in "+-" and line[end + 2 : end + 6].isdigit():
            head += line[end + 1 : end + 6]
        try:
            return _seconds(datetime.fromisoformat(head))
        except ValueError:
            return moment(head)

    def _syslog(self, minute: str) -> float | None:
        month = _MONTHS.get(minute[:3])
        day, hour, late = minute[4:6].strip(), minute[7:9], minute[10:12]
        if month is None or not (day.isdigit() and hour.isdigit() and late.isdigit()):
            return None
        latest = datetime.fromtimestamp(self._now, UTC) + timedelta(days=1)
        for year in range(latest.year, latest.year - 9, -1):  # 29 February comes every four years, once in eight
            try:
                at = datetime(year, month, int(day), int(hour), int(late), tzinfo=UTC)
            except ValueError:
                continue
            if at <= latest:
                return at.timestamp()
        return None
