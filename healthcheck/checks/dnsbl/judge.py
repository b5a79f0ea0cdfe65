"""Findings about blocklists. Pure. RFC 5782."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...model import Finding, Status
from ..base import because, could_not_check, finding, outside_zone_files
from ..facts import Facts
from .answers import LISTED, NOT_LISTED, Listing

_CODES = {"given": "DBL001", "spf": "DBL002", "mx": "DBL003", "domain": "DBL004"}


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about blocklists. Pure. RFC 5782; how much a listing weighs is the list's `weight` in data/blocklists.toml."""
    if facts.dnsbl is None:
        return
    lists, domain = facts.dnsbl.lists, facts.input.domain.name
    for x in (x for x in lists if x.state == LISTED):
        yield finding(
            _CODES[x.role],
            _status(x),
            x.subject,
            x.answers,
            about=x.subject,
            list=x.name,
            zone=x.zone,
            codes=", ".join(x.codes),
            meaning=x.meaning or ", ".join(x.codes),
            page=x.delist or x.lookup or x.zone,
        )
    for why, code in (("refused", "DBL005"), ("self-test", "DBL006"), ("rewritten", "DBL007"), ("strange", "DBL009")):
        those = [x for x in lists if x.reason == why]
        if those:
            yield finding(code, Status.UNKNOWN, domain, (a for x in those for a in x.answers), **_about(those))
    away = [x for x in lists if x.reason == "refused" and x.clouds]
    if away:
        yield finding("DBL010", Status.NOTE, domain, (a for x in away for a in x.answers), clouds=" ".join(dict.fromkeys(x.clouds or "" for x in away)))
    silent = [a for x in lists if x.reason == "silent" for a in x.answers]
    yield from could_not_check("DBL", domain, silent)
    yield from _clean(lists, domain)


def _clean(lists: tuple[Listing, ...], domain: str) -> Iterator[Finding]:
    """A clean bill only where every list that was asked answered: one that said nothing may hold the entry that matters."""
    clean = [x for x in lists if x.state == NOT_LISTED]
    if not clean or any(x.state == LISTED for x in lists):
        return
    left = [x for x in lists if x.state != NOT_LISTED]
    evidence = [x.answers[0] for x in clean]
    values = {"count": len({x.zone for x in clean}), **_about(clean)}
    if not left:
        yield finding("DBL008", Status.PASS, domain, evidence, **values)
        return
    outside = all(a.found or a.absent or outside_zone_files(a) for x in left for a in x.answers) and all(x.reason == "silent" for x in left)
    yield finding("DBL011", Status.NOTE if outside else Status.UNKNOWN, domain, evidence, left=", ".join(dict.fromkeys(x.name for x in left)), **values)


def _about(those: list[Listing]) -> dict[str, Any]:
    """Slots that name some lists, what they were asked about, and where to look by hand."""
    return {
        "lists": ", ".join(dict.fromkeys(x.name for x in those)),
        "subjects": ", ".join(dict.fromkeys(x.subject for x in those)),
        "pages": ", ".join(dict.fromkeys(x.lookup for x in those if x.lookup)) or ", ".join(dict.fromkeys(x.zone for x in those)),
        "why": "; ".join(dict.fromkeys(x.meaning for x in those if x.meaning)) or because("DBL005", "refused"),
    }


def _status(x: Listing) -> Status:
    """A list that many receivers obey weighs more; an address that takes mail, and perhaps sends none, weighs least."""
    heavy, light = x.weight in ("critical", "high", "medium"), x.weight == "low"
    if x.role == "mx":
        return Status.NOTE
    if x.role == "spf":
        return Status.WARN if heavy else Status.NOTE
    if x.role == "domain" and x.weight == "medium":
        return Status.WARN
    return Status.FAIL if heavy else Status.WARN if light else Status.NOTE
