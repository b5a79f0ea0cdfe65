"""Slips in zone files that the checks cannot see: the record that was meant is not the one that the DNS would hold.

A comment cuts it, a dot is missing, it stands at a name that nobody asks. What the checks do see is theirs to tell; here it would be told twice.
Every rule asks for two signs at least, since a zone may hold what looks odd to a stranger: a name's form, and what stands there. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from .codec import CNAME, DNAME, MX, NS, PTR, SOA, SPF, SRV, TXT
from .entries import tokens
from .octodns import is_yaml
from .zonefile import Row, Slip

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

    from .zones import ZoneSet

TARGETS = {NS: (0,), CNAME: (0,), PTR: (0,), DNAME: (0,), MX: (1,), SRV: (3,), SOA: (0, 1)}  # which fields of a record are names
_OWNERS_OF_MAIL = (TXT, MX, CNAME, SPF)

_TAGGED = re.compile(r"\W{0,3}(?:v\s*=\s*(?:DMARC1|DKIM1|STSv1|TLSRPTv1|BIMI1)|[kptnhs]\s*=)", re.IGNORECASE)
_TAG = re.compile(r";\s*[a-z]{1,8}\s*=", re.IGNORECASE)
_DMARC = re.compile(r"\W{0,3}v\s*=\s*DMARC1\b", re.IGNORECASE)
_DKIM = re.compile(r"\W{0,3}(?:v\s*=\s*DKIM1\b|(?:[a-z]=[^;]{0,40};\s*){0,4}p\s*=\s*MI[A-Za-z0-9+/ ]{40})", re.IGNORECASE)
_STS = re.compile(r"\W{0,3}v\s*=\s*STSv1\b", re.IGNORECASE)
_TLSRPT = re.compile(r"\W{0,3}v\s*=\s*TLSRPTv1\b", re.IGNORECASE)
_BIMI = re.compile(r"\W{0,3}v\s*=\s*BIMI1\b", re.IGNORECASE)
_SPF = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
_HOLDS_HOST = re.compile(r"[+?~-]?(include|a|mx|exists|ptr|redirect|exp)[:=](.+)", re.IGNORECASE)
_SPF_CUT = re.compile(r";\s*(?:[+?~-]?all\b|(?:include|ip4|ip6|exists|redirect)[:=]|[+?~-]?(?:a|mx)(?:[\s:/]|$))", re.IGNORECASE)
_ODD = re.compile(r"[^a-z0-9._-]", re.IGNORECASE)
_CIDR = re.compile(r"(?:/\d{1,2})?(?://\d{1,3})?$")
_BEGINS_TERM = re.compile(r"(?<=[\w.])(?:(?:include|ip4|ip6|exists|redirect)[:=]|v=spf1)|(?<=[a-z0-9])[-~?+]all$", re.IGNORECASE)
_REVERSE = (".in-addr.arpa", ".ip6.arpa")


@dataclass(frozen=True, slots=True)
class Written:
    """A record of a master file as somebody wrote it. owner: None where it is that of the record before; fields: after the type."""

    owner: str | None
    fields: tuple[str, ...]


def written(row: Row) -> Written | None:
    """How a record is written; None where that cannot be told apart ($GENERATE, YAML)."""
    if not row.raw or row.raw.startswith("$") or is_yaml(row.file):
        return None
    found, _, _ = tokens(row.raw)
    words = [text for text, _, _ in found]
    inherited = row.raw[:1] in " \t"
    kind = row.data.rdtype.name
    at = next((n for n in range(0 if inherited else 1, len(words)) if words[n].upper() == kind), None)
    return None if at is None else Written(None if inherited else words[0], tuple(words[at + 1 :]))


def find(held: ZoneSet) -> Iterator[Slip]:
    """The slips in what was read, in the order of the files. Cost: a few microseconds a record."""
    look = _Look(held)
    for rows in held.record_sets():
        yield from _twice(rows)
        rules = _RULES.get(int(rows[0].data.rdtype), ())
        for row in rows:
            if row.raw:
                yield from _dots(look, row)
                for rule in rules:
                    yield from rule(look, row)


class _Look:
    """What the rules have to know of the other records."""

    def __init__(self, held: ZoneSet) -> None:
        self.held = held
        self.aliased = {wire_of(target_of(row)) for row in held.rows() if row.data.rdtype == CNAME}

    def exists(self, name: bytes) -> bool:
        """Does a file hold the name, or a wildcard in its place?"""
        return self.held.holds(name)

    def at(self, name: str, rtype: int) -> list[Row]:
        return self.held.rows_at(name, rtype)

    def mail(self, name: str) -> bool:
        """Is this the top of a zone, or a name with mail records of its own?"""
        return name in self.held.tops or any(self.at(name, MX)) or any(_SPF.match(text_of(row)) for row in self.at(name, TXT))


def text_of(row: Row) -> str:
    """The text of a TXT record as receivers join it."""
    if row.data.rdtype not in (TXT, SPF):
        return ""
    return b"".join(strings_of(row)).decode("utf-8", "replace")


def strings_of(row: Row) -> tuple[bytes, ...]:
    data: Any = row.data
    return tuple(data.strings)


def target_of(row: Row) -> str:
    """The name that an alias leads to, without the dot at its end."""
    data: Any = row.data
    return str(data.target.to_text(omit_final_dot=True)).lower()


def owner_of(row: Row) -> str:
    return row.owner.to_text(omit_final_dot=True).lower()


def _slip(code: str, row: Row, values: dict[str, str], line: int = 0) -> Slip:
    shown = next((part.strip() for part in row.raw.split("\n") if part.strip()), "")
    return Slip(code, owner_of(row), row.data.rdtype.name, row.file, line or row.line, shown[:300], values)


# ------------------------------------------------------------------ how it is written


def _cut(_: _Look, row: Row) -> Iterator[Slip]:
    """A semicolon outside quotation marks begins a comment (RFC 1035 section 5.1), and the rest of the record is gone."""
    if row.data.rdtype not in (TXT, SPF) or ";" not in row.raw or is_yaml(row.file) or row.raw.startswith("$"):
        return
    found, comment, at = tokens(row.raw)
    if not comment or not found or found[-1][1]:
        return
    said = text_of(row)
    if not ((_TAG.match(comment) and _TAGGED.match(said)) or (_SPF_CUT.match(comment) and said.lower().startswith("v=spf1"))):
        return
    yield _slip("ZON003", row, {"at": owner_of(row), "left": text_of(row)[:120], "gone": comment.strip()[:120]}, row.line + at)


def _dots(look: _Look, row: Row) -> Iterator[Slip]:
    """A name without a dot at its end has the zone's name appended (RFC 1035 section 5.1)."""
    if row.origin is None:
        return
    origin = row.origin.to_text(omit_final_dot=True).lower()
    if int(row.data.rdtype) not in TARGETS and origin not in row.raw.lower():
        return
    how = written(row)
    if how is None:
        return
    if how.owner and _doubled(how.owner, origin):
        yield _slip("ZON004", row, {"reason": "owner", "written": how.owner, "becomes": owner_of(row), "at": owner_of(row)})
    for at in TARGETS.get(int(row.data.rdtype), ()):
        if at < len(how.fields):
            yield from _host(look, row, how.fields[at], origin)


def _host(look: _Look, row: Row, said: str, origin: str) -> Iterator[Slip]:
    host = said.lower()
    becomes = host if host.endswith(".") else f"{host}.{origin}"
    values = {"written": said, "becomes": becomes, "at": owner_of(row)}
    if row.data.rdtype == MX and "@" in host.replace("\\@", "@") and host != "@":
        yield _slip("ZON016", row, values)
    elif host.endswith(".") or "." not in host:
        return
    elif row.data.rdtype == MX and _is_address(host):
        yield _slip("ZON016", row, values)
    elif _doubled(host, origin) or (row.data.rdtype == PTR and ("." + origin).endswith(_REVERSE)):
        yield _slip("ZON004", row, {"reason": "target", **values})
    elif _is_public(host) and not look.exists(wire_of(becomes)):
        yield _slip("ZON004", row, {"reason": "foreign", **values})


def _doubled(name: str, origin: str) -> bool:
    """Does a name that the origin will be appended to end in the origin already?"""
    name = name.lower()
    return "." in origin and not name.endswith(".") and (name == origin or name.endswith("." + origin))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def wire_of(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode("ascii", "replace") for label in name.split(".")) + b"\0"


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(only_icann=True)


def _is_public(host: str) -> bool:
    """Is this a name below a public suffix, as hosts of others are?"""
    return bool(re.fullmatch(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z]{2,}", host)) and _suffixes().privatesuffix(host, accept_unknown=False) is not None


def _twice(rows: list[Row]) -> Iterator[Slip]:
    """A record set holds no record twice (RFC 2181 section 5): name servers drop the second one."""
    seen = set()
    for row in rows if len(rows) > 1 else ():
        if row.data in seen and row.raw:
            yield _slip("ZON014", row, {"what": f"{row.data.rdtype.name} {owner_of(row)}"})
        seen.add(row.data)


# ------------------------------------------------------------------ where it stands


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


def _dmarc_at(look: _Look, row: Row, labels: list[str]) -> str | None:
    """Where the record belongs, None where it stands right, or where nobody can tell."""
    rest = ".".join(labels[1:])
    right = f"_dmarc.{rest}"
    if not _near(labels[0], "_dmarc") or labels[0] == "_dmarc":
        return None
    if row.data.rdtype == CNAME:
        target = target_of(row) + "."
        return right if (labels[0].startswith("_") or "_dmarc." in target) and not look.exists(wire_of(right)) else None
    if not _DMARC.match(text_of(row)) or any(_DMARC.match(text_of(r)) for r in look.at(right, TXT)):
        return None
    return right


def _dkim_at(look: _Look, row: Row, labels: list[str]) -> str | None:
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


def _sts_at(look: _Look, row: Row, labels: list[str]) -> str | None:
    if not _STS.match(text_of(row)) or labels[0] == "_mta-sts":
        return None
    if _bare(labels[0]) in ("mtasts", "mtast", "mtastsv1"):
        return "_mta-sts." + ".".join(labels[1:])
    return "_mta-sts." + ".".join(labels) if look.mail(".".join(labels)) else None


def _tls_rpt_at(look: _Look, row: Row, labels: list[str]) -> str | None:
    if not _TLSRPT.match(text_of(row)) or labels[:2] == ["_smtp", "_tls"]:
        return None
    first, second = _bare(labels[0]), _bare(labels[1]) if len(labels) > 1 else ""
    if {first, second} <= {"smtp", "tls", "tsl", "smpt", "stmp"}:
        return "_smtp._tls." + ".".join(labels[2:])
    if first in ("smtptls", "tls", "smtp", "tlsrpt", "tlssmtp"):
        return "_smtp._tls." + ".".join(labels[1:])
    return "_smtp._tls." + ".".join(labels) if look.mail(".".join(labels)) else None


def _bimi_at(look: _Look, row: Row, labels: list[str]) -> str | None:
    if not _BIMI.match(text_of(row)) or labels[1:2] == ["_bimi"]:
        return None
    for n, label in enumerate(labels[:2]):
        if label.endswith(("_bimi", "-bimi")) and len(label) > 5:
            return ".".join([label[:-5], "_bimi", *labels[n + 1 :]])
        if _bare(label) == "bimi":
            return ".".join([*(labels[:n] or ["default"]), "_bimi", *labels[n + 1 :]])
    return "default._bimi." + ".".join(labels) if look.mail(".".join(labels)) else None


_PLACES: tuple[Callable[[_Look, Row, list[str]], str | None], ...] = (_dmarc_at, _dkim_at, _sts_at, _tls_rpt_at, _bimi_at)


def _misplaced(look: _Look, row: Row) -> Iterator[Slip]:
    """A record that nobody asks for at this name. What another record of the files leads to by an alias stands where it is meant to."""
    if row.data.rdtype not in (TXT, CNAME) or row.owner.to_digestable() in look.aliased or row.owner.is_wild():
        return
    labels = owner_of(row).split(".")
    right = next((found for place in _PLACES if (found := place(look, row, labels))), None)
    how = written(row)
    if right is None or (how and how.owner and row.origin and _doubled(how.owner, row.origin.to_text(True).lower())):
        return
    said = text_of(row) or row.data.to_text()
    yield _slip("ZON006", row, {"at": owner_of(row), "text": said[:80], "right": right})


def _reverse(_: _Look, row: Row) -> Iterator[Slip]:
    """A PTR record of an address belongs below in-addr.arpa or ip6.arpa. Other PTR records (RFC 6763) have names with underscores."""
    if row.data.rdtype != PTR:
        return
    owner = owner_of(row)
    labels = owner.split(".")
    if not owner.endswith(_REVERSE):
        if labels[0].isdigit() and not any(label.startswith("_") for label in labels):
            yield _slip("ZON013", row, {"at": owner, "reason": "forward"})
        return
    depth = len(labels) - 2
    most = 4 if owner.endswith(_REVERSE[0]) else 32
    # RFC 2317 section 4 puts a label of its own between
    if depth > most and all(label.isdigit() for label in labels[:-2]) | (most == 32):
        yield _slip("ZON013", row, {"at": owner, "reason": "deep"})


def _spf_type(look: _Look, row: Row) -> Iterator[Slip]:
    """RFC 7208 section 3.1: receivers read TXT alone."""
    if row.data.rdtype == SPF and not any(_SPF.match(text_of(r)) for r in look.at(owner_of(row), TXT)):
        yield _slip("ZON015", row, {"at": owner_of(row), "text": text_of(row)[:120]})


# ------------------------------------------------------------------ what it says


def _terms(_: _Look, row: Row) -> Iterator[Slip]:
    """Two terms without a space between, which the syntax lets pass as one odd name; and a dot at the end, which is of no use there."""
    text = text_of(row)
    if not _SPF.match(text):
        return
    seams = set(accumulate(len(part) for part in strings_of(row)))
    for word in re.finditer(r"\S+", text):
        term = word[0]
        found = _HOLDS_HOST.fullmatch(term)
        inner = _BEGINS_TERM.search(term, found.start(2) + 1) if found else _BEGINS_TERM.search(term, 1)
        if inner and word.start() + inner.start() in seams:
            continue  # two strings of a record that run into each other: SPF030 tells it
        if inner and "%{" not in term[: inner.start()]:
            parts = f"{term[: inner.start()]} {term[inner.start() :]}"
            yield _slip("ZON012", row, {"at": owner_of(row), "term": term[:120], "parts": parts[:160]}, line_of(row, term))
        elif found and "%" not in term and _ODD.search(_CIDR.sub("", found[2])):
            yield _slip("ZON018", row, {"at": owner_of(row), "term": term[:120]}, line_of(row, term))
        elif found and found[2].endswith("."):
            yield _slip("ZON005", row, {"at": owner_of(row), "term": term[:120]}, line_of(row, term))


def line_of(row: Row, said: str) -> int:
    """The line of a record on which something stands; its first one where it cannot be told."""
    for n, line in enumerate(row.raw.split("\n")) if row.end > row.line and said else ():
        if said in line:
            return min(row.line + n, row.end)
    return row.line


def _wildcards(look: _Look, row: Row) -> Iterator[Slip]:
    """RFC 4592: a wildcard answers for every name below that does not exist, those of policies included."""
    if not row.owner.is_wild() or row.data.rdtype != CNAME:
        return
    below = owner_of(row).removeprefix("*.")
    if look.mail(below) and any(look.at(below, MX)) and not (look.at(f"_dmarc.{below}", TXT) or look.at(f"_dmarc.{below}", CNAME)):
        yield _slip("ZON017", row, {"at": owner_of(row), "right": f"_dmarc.{below}"})


_RULES: dict[int, tuple[Callable[[_Look, Row], Iterable[Slip]], ...]] = {
    TXT: (_cut, _misplaced, _terms),
    SPF: (_cut, _spf_type, _terms),
    CNAME: (_misplaced, _wildcards),
    PTR: (_reverse,),
}


def in_order(slips: Iterable[Slip]) -> tuple[Slip, ...]:
    """Slips by their place, each once."""
    seen: dict[tuple[str, str, int, str], Slip] = {}
    for slip in slips:
        seen.setdefault((slip.code, slip.file, slip.line, slip.values.get("term", slip.text)), slip)
    return tuple(sorted(seen.values(), key=lambda s: (s.file, s.line, s.code)))
