"""Slips in zone files, as findings. No topic of its own gathering: what the files hold was looked through when they were read.

A slip is told with its file and line, and with what stands there as evidence. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..catalog import catalog
from ..model import Answer, Finding, Location, Outcome, Secure, Status
from .base import because, finding

if TYPE_CHECKING:
    from ..edge.zonefile import Slip

TOPIC = "zone"


def judge(domain: str, slips: Iterable[Slip]) -> Iterator[Finding]:
    """A finding for each slip; one that says that there is none, where there is none. RFC 1035 section 5."""
    none = True
    for slip in slips:
        none = False
        row = catalog().checks[slip.code]
        values: dict[str, Any] = dict(slip.values)
        if "reason" in values:
            values["reason"] = because(slip.code, values["reason"])
        evidence = Answer(slip.name, slip.rtype or "ANY", Outcome.FOUND, (slip.text,) if slip.text else (), secure=Secure.DRAFT, server=_server(slip))
        yield replace(finding(slip.code, row.severity, slip.name or domain, [evidence], **values), location=Location(slip.file, slip.line))
    if none:
        yield finding("ZON001", Status.PASS, domain, domain=domain)


def _server(slip: Slip) -> str:
    return f"zone file {Path(slip.file).name}:{slip.line}"
