"""The findings of an earlier report, so that a run fails on new ones only.

A baseline is what --write-baseline wrote ("baseline/1"), or a former report as JSON, an array of them, or JSON lines. A finding is known
where the same code stood there about the same subject of the same domain, at least as bad; where it stood there once and is found twice,
one of the two is new. What could not be looked up is never known.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import InputError
from ..files import octets_of, reason
from ..model import VERDICT_ORDER, Finding, Report, Status

Entry = tuple[str, str, str, str]  # domain, code, subject, status
_KEPT = (Status.FAIL, Status.WARN, Status.NOTE)
MOST = 64 << 20  # octets


class Baseline:
    """Which findings are known."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._held = Counter(entries)

    def new(self, report: Report) -> tuple[Finding, ...]:
        """The findings of a report that the baseline does not hold, in the report's order; those that passed or are unknown are none. Pure."""
        left = Counter(self._held)
        out: list[Finding] = []
        for finding in report.findings:
            if finding.status not in _KEPT:
                continue
            same = [(*_about(report, finding), status.value) for status in VERDICT_ORDER[: VERDICT_ORDER.index(finding.status) + 1]]
            # of those that were as bad or worse, the least bad: a worse one may be found yet
            known = next((entry for entry in reversed(same) if left[entry]), None)
            if known is None:
                out.append(finding)
            else:
                left[known] -= 1
        return tuple(out)


def _about(report: Report, finding: Finding) -> tuple[str, str, str]:
    return report.domain.name, finding.code, finding.subject.lower()


def entries(report: Report) -> tuple[Entry, ...]:
    """What a report puts into a baseline. Pure."""
    return tuple((*_about(report, f), f.status.value) for f in report.findings if f.status in _KEPT)


def written(held: Iterable[Entry]) -> str:
    """The text of a baseline: one finding a line and in order, so that a change of it reads well. Pure."""
    rows = [json.dumps(dict(zip(("domain", "code", "subject", "status"), row, strict=True)), ensure_ascii=False) for row in sorted(held)]
    return '{"schema": "baseline/1", "findings": [' + ("\n  " + ",\n  ".join(rows) + "\n" if rows else "") + "]}\n"


def write(path: str, held: Iterable[Entry]) -> None:
    """Write a baseline: whole, or not at all. Raises InputError."""
    beside = f"{path}.part"
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(written(held))
        os.replace(beside, path)
    except OSError as fault:
        raise InputError(f"{path} cannot be written: {reason(fault)}.") from None


def read(path: str) -> Baseline:
    """Read a baseline file. Raises InputError, with the line where there is one."""
    octets = octets_of(path, MOST, "is larger than 64 MiB. --write-baseline FILE writes a short one.")
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: this is no text in UTF-8. Expected: a report as JSON or JSON lines, or what --write-baseline wrote.") from None
    return Baseline(_entries(text, path))


def _entries(text: str, path: str) -> Iterator[Entry]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        yield from _of_lines(text, path)
        return
    for value in whole if isinstance(whole, list) else [whole]:
        yield from _of(value, path)


def _of_lines(text: str, path: str) -> Iterator[Entry]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as fault:
            told = fault.msg if isinstance(fault, json.JSONDecodeError) else "it is nested too deep"
            raise InputError(f"{path}:{number}: this is no JSON: {told}. Expected: a report as JSON or JSON lines, or what --write-baseline wrote.") from None
        yield from _of(value, f"{path}:{number}")


def _of(value: Any, where: str) -> Iterator[Entry]:
    schema = value.get("schema") if isinstance(value, Mapping) else None
    if schema == "error/1":
        return
    try:
        if schema == "baseline/1":
            yield from ((str(row["domain"]), str(row["code"]), str(row["subject"]).lower(), str(row["status"])) for row in value["findings"])
            return
        if schema == "report/1":
            for row in value["findings"]:
                yield str(value["domain"]), str(row["code"]), str(row["subject"]).lower(), str(row["status"])
            return
    except (LookupError, TypeError) as fault:
        raise InputError(f"{where}: this {schema} lacks {fault}. Expected: a report as a scan printed it, or what --write-baseline wrote.") from None
    raise InputError(f"{where}: this is no report of a scan. Expected: a report as JSON or JSON lines, or what --write-baseline wrote.")
