"""Where in the zone files a finding is about: the record among those of its set, and the line among those of its record. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Finding, Location
from .codec import MX, SPF, TXT
from .look import line_of, text_of
from .zonefile import Row
from .zones import ZoneSet

_KINDS = {"TXT": TXT, "MX": MX}
_MARKS = {"spf": ("v=spf1", "spf1", "spf"), "dmarc": ("dmarc",), "dkim": ("dkim", "p="), "mta-sts": ("sts",), "tls-rpt": ("tlsrpt",), "bimi": ("bimi",)}
_SAID = ("term", "terms", "part", "parts", "host", "tags", "text")  # slots of a message that quote a record
_SEVERAL = ("SPF003", "DMA003", "DKM007")  # the second one is the one too many


def place(held: ZoneSet, finding: Finding, topic: str) -> Location | None:
    """File and line that a finding is about; None where no file holds a record that it rests on. `topic`: that of the finding's row."""
    rows = list(_rows(held, finding))
    if not rows:
        return None
    said = [str(finding.values[key]) for key in _SAID if finding.values.get(key)]
    row = _chosen(rows, topic, said, finding.code)
    for text in said:
        for piece in (text, *text.split()):
            if len(piece) > 1 and (line := line_of(row, piece)) != row.line:
                return Location(row.file, line)
    return Location(row.file, row.line)


def _rows(held: ZoneSet, finding: Finding) -> Iterator[Row]:
    """The records of the files that the finding rests on, those of its first answer first."""
    for answer in finding.evidence:
        if not answer.found:
            continue
        if answer.rtype.upper() not in ("GET", "SMTP") and (kind := _kind(answer.rtype)):
            for name in (answer.name, *answer.aliases):
                if rows := held.rows_at(name, kind):
                    yield from rows
                    break
            else:
                yield from held.rows_at(answer.name, 5)
        if _any(held, answer.name):
            return


def _any(held: ZoneSet, name: str) -> bool:
    return any(held.rows_at(name, kind) for kind in (TXT, MX, SPF, 5, 1, 28))


def _kind(rtype: str) -> int:
    from dns import exception, rdatatype

    try:
        return int(rdatatype.from_text(rtype))
    except (exception.DNSException, ValueError):
        return 0


def _chosen(rows: list[Row], topic: str, said: list[str], code: str) -> Row:
    """The record that is meant: the one that is quoted, else the one that looks like the topic's."""
    shown = [(row, text_of(row) or row.data.to_text()) for row in rows]
    if code == "MX004" and (null := [row for row, text in shown if text.endswith(" .")]):
        return null[0]
    marks = _MARKS.get(topic, ())
    for mark in marks:
        if own := [row for row, text in shown if mark in text.lower().lstrip("\"'“”‘’«» \t")[:24]]:
            shown = [(row, text) for row, text in shown if row in own]
            break
    for quote in said:
        for piece in (quote, *quote.split()):
            if own := [row for row, text in shown if len(piece) > 2 and piece.lower() in text.lower()]:
                return own[-1] if code in _SEVERAL else own[0]
    return shown[-1][0] if code in _SEVERAL else shown[0][0]
