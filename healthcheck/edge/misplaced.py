"""Records that stand at a name where nobody looks for them. What another record of the files leads to by an alias stands where it is meant to. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .codec import CNAME, TXT
from .look import Look, doubled, owner_of, slip_of, target_of, text_of, wire_of, written
from .zonefile import Row, Slip

_DMARC = re.compile(r"\W{0,3}v\s*=\s*DMARC1\b", re.IGNORECASE)
_DKIM = re.compile(r"\W{0,3}(?:v\s*=\s*DKIM1\b|(?:[a-z]=[^;]{0,40};\s*){0,4}p\s*=\s*MI[A-Za-z0-9+/ ]{40})", re.IGNORECASE)
_STS = re.compile(r"\W{0,3}v\s*=\s*STSv1\b", re.IGNORECASE)
_TLSRPT = re.compile(r"\W{0,3}v\s*=\s*TLSRPTv1\b", re.IGNORECASE)
_BIMI = re.compile(r"\W{0,3}v\s*=\s*BIMI1\b", re.IGNORECASE)


def _near(label: str, wanted: str) -> bool:
    """Is a label another one, misspelt?"""
    if label == wanted or abs(len(label) - len(wanted)) > 2:
        return False
    before = list(range(len(wanted) + 1))
    for n, one in enumerate(label, 1):
        row = [n]
        for m, other in enumerate(wanted, 1):
            row.append(min(before[m] + 1, row[m - 1] + 1, before[m - 1] + (one != other)))
        before = row
    return before[-1] <= 2


def _bare(label: str) -> str:
    return re.sub(r"[^a-z0-9]", "", label)


def _dmarc_at(look: Look, row: Row, labels: list[str]) -> str | None:
    """Where the record belongs, None where it stands right, or where nobody can tell."""
    rest = ".".join(labels[1:])
    right = f"_dmarc.{rest}"
    if not _near(labels[0], "_dmarc") or labels[0] == "_dmarc":
        return None
    if row.data.rdtype == CNAME:
        target = target_of(row) + "."
        return right if (labels[0].startswith("_") or "_dmarc." in target) and wire_of(right) not in look.held.names else None
    if not _DMARC.match(text_of(row)) or any(_DMARC.match(text_of(r)) for r in look.at(right, TXT)):
        return None
    return right


def _dkim_at(look: Look, row: Row, labels: list[str]) -> str | None:
    alias = row.data.rdtype == CNAME
    target = target_of(row) + "." if alias else ""
    if "_domainkey" in labels[1:] or not (re.search(r"(?:^|\.)(?:_?domainkey|_?dkim)\.", target) if alias else _DKIM.match(text_of(row))):
        return None
    for n, label in enumerate(labels[:4]):
        rest = ".".join(labels[n + 1 :])
        if (_near(label, "_domainkey") or label.endswith(("_domainkey", "-domainkey"))) and look.mail(rest):
            selector = ".".join(labels[:n]) or re.sub(r"[_-]domainkeys?$", "", label).strip("_-") or "selector"
            return f"{selector}._domainkey.{rest}"
    if labels[0] == "_domainkey" and not alias:
        rest = ".".join(labels[1:])
        return f"selector._domainkey.{rest}" if look.mail(rest) else f"{labels[1]}._domainkey.{'.'.join(labels[2:])}"
    name = ".".join(labels)
    return f"selector._domainkey.{name}" if not alias and look.mail(name) else None


def _sts_at(look: Look, row: Row, labels: list[str]) -> str | None:
    if row.data.rdtype == CNAME:
        return _handed_over(look, row, "_mta-sts", ".".join(labels[1:])) if _bare(labels[0]) == "mtasts" else None
    if not _STS.match(text_of(row)) or labels[0] == "_mta-sts":
        return None
    if _bare(labels[0]) in ("mtasts", "mtast", "mtastsv1"):
        return "_mta-sts." + ".".join(labels[1:])
    return "_mta-sts." + ".".join(labels) if look.mail(".".join(labels)) else None


def _handed_over(look: Look, row: Row, wanted: str, rest: str) -> str | None:
    """An alias to the record of another domain belongs where the record does."""
    right = f"{wanted}.{rest}"
    other = owner_of(row) != right and target_of(row).startswith(wanted + ".")
    return right if other and wire_of(right) not in look.held.names else None


def _tls_rpt_at(look: Look, row: Row, labels: list[str]) -> str | None:
    if row.data.rdtype == CNAME:
        wide = _bare(labels[0]) in ("smtptls", "tlsrpt", "tlssmtp")
        return _handed_over(look, row, "_smtp._tls", ".".join(labels[1 if wide else 2 :]))
    if not _TLSRPT.match(text_of(row)) or labels[:2] == ["_smtp", "_tls"]:
        return None
    first, second = _bare(labels[0]), _bare(labels[1]) if len(labels) > 1 else ""
    if {first, second} <= {"smtp", "tls", "tsl", "smpt", "stmp"}:
        return "_smtp._tls." + ".".join(labels[2:])
    if first in ("smtptls", "tls", "smtp", "tlsrpt", "tlssmtp"):
        return "_smtp._tls." + ".".join(labels[1:])
    return "_smtp._tls." + ".".join(labels) if look.mail(".".join(labels)) else None


def _bimi_at(look: Look, row: Row, labels: list[str]) -> str | None:
    if not _BIMI.match(text_of(row)) or labels[1:2] == ["_bimi"]:
        return None
    for n, label in enumerate(labels[:2]):
        if label.endswith(("_bimi", "-bimi")) and len(label) > 5:
            return ".".join([label[:-5], "_bimi", *labels[n + 1 :]])
        if _bare(label) == "bimi":
            return ".".join([*(labels[:n] or ["default"]), "_bimi", *labels[n + 1 :]])
    return "default._bimi." + ".".join(labels) if look.mail(".".join(labels)) else None


_PLACES: tuple[Callable[[Look, Row, list[str]], str | None], ...] = (_dmarc_at, _dkim_at, _sts_at, _tls_rpt_at, _bimi_at)


def misplaced(look: Look, row: Row) -> Iterator[Slip]:
    """A record that nobody asks for at this name. What another record of the files leads to by an alias stands where it is meant to."""
    if row.data.rdtype not in (TXT, CNAME) or row.owner.to_digestable() in look.aliased or row.owner.is_wild():
        return
    labels = owner_of(row).split(".")
    right = next((found for place in _PLACES if (found := place(look, row, labels))), None)
    how = written(row)
    if right is None or (how and how.owner and row.origin and doubled(how.owner, row.origin.to_text(True).lower())):
        return
    said = text_of(row) or row.data.to_text()
    line = row.named if row.owner != row.origin else 0  # in YAML a name stands above its records
    yield slip_of("ZON006", row, {"at": owner_of(row), "text": said[:80], "right": right}, line)
