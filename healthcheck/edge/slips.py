"""Slips in zone files that the checks cannot see: the record that was meant is not the one that the DNS would hold.

A comment cuts it, a dot is missing, it stands at a name that nobody asks. What the checks do see is theirs to tell; here it would be told twice.
Every rule asks for two signs at least, since a zone may hold what looks odd to a stranger: a name's form, and what stands there. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from ipaddress import ip_address
from itertools import accumulate
from typing import TYPE_CHECKING

from .codec import CNAME, DNAME, MX, NS, PTR, SOA, SPF, SRV, TXT
from .entries import tokens
from .look import IS_SPF, Look, doubled, line_of, owner_of, slip_of, strings_of, text_of, wire_of, written
from .misplaced import misplaced
from .yamlfiles import is_yaml
from .zonefile import Row, Slip

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

    from .zones import ZoneSet

TARGETS = {NS: (0,), CNAME: (0,), PTR: (0,), DNAME: (0,), MX: (1,), SRV: (3,), SOA: (0, 1)}  # which fields of a record are names

_TAGGED = re.compile(r"\W{0,3}(?:v\s*=\s*(?:DMARC1|DKIM1|STSv1|TLSRPTv1|BIMI1)|[kptnhs]\s*=)", re.IGNORECASE)
_TAG = re.compile(r";\s*[a-z]{1,8}\s*=", re.IGNORECASE)
_HOLDS_HOST = re.compile(r"[+?~-]?(include|a|mx|exists|ptr|redirect|exp)[:=](.+)", re.IGNORECASE)
_SPF_CUT = re.compile(r";\s*(?:[+?~-]?all\b|(?:include|ip4|ip6|exists|redirect)[:=]|[+?~-]?(?:a|mx)(?:[\s:/]|$))", re.IGNORECASE)
_ODD = re.compile(r"[^a-z0-9._-]", re.IGNORECASE)
_CIDR = re.compile(r"(?:/\d{1,2})?(?://\d{1,3})?$")
_BEGINS_TERM = re.compile(r"(?<=[\w.])(?:(?:include|ip4|ip6|exists|redirect)[:=]|v=spf1)|(?<=[a-z0-9])[-~?+]all$", re.IGNORECASE)
_REVERSE = (".in-addr.arpa", ".ip6.arpa")


def find(held: ZoneSet) -> Iterator[Slip]:
    """The slips in what was read, in the order of the files. Cost: a few microseconds a record."""
    look = Look(held)
    for rows in held.record_sets():
        yield from _twice(rows)
        rules = _RULES.get(int(rows[0].data.rdtype), ())
        for row in rows:
            if row.raw:
                yield from _dots(look, row)
                for rule in rules:
                    yield from rule(look, row)


# ------------------------------------------------------------------ how it is written


def _cut(_: Look, row: Row) -> Iterator[Slip]:
    """A semicolon outside quotation marks begins a comment (RFC 1035 section 5.1), and the rest of the record is gone."""
    if row.data.rdtype not in (TXT, SPF) or ";" not in row.raw or is_yaml(row.file) or row.raw.startswith("$"):
        return
    found, comment, at = tokens(row.raw)
    if not comment or not found or found[-1][1]:
        return
    said = text_of(row)
    if not ((_TAG.match(comment) and _TAGGED.match(said)) or (_SPF_CUT.match(comment) and said.lower().startswith("v=spf1"))):
        return
    yield slip_of("ZON003", row, {"at": owner_of(row), "left": text_of(row)[:120], "gone": comment.strip()[:120]}, row.line + at)


def _dots(look: Look, row: Row) -> Iterator[Slip]:
    """A name without a dot at its end has the zone's name appended (RFC 1035 section 5.1)."""
    if row.origin is None:
        return
    origin = row.origin.to_text(omit_final_dot=True).lower()
    if int(row.data.rdtype) not in TARGETS and origin not in row.raw.lower():
        return
    how = written(row)
    if how is None:
        return
    if how.owner and doubled(how.owner, origin):
        becomes = f"{how.owner}.{origin}".lower()
        yield slip_of("ZON004", row, {"reason": "owner", "written": how.owner, "becomes": becomes, "at": becomes})
    for at in TARGETS.get(int(row.data.rdtype), ()):
        if at < len(how.fields):
            yield from _host(look, row, how.fields[at], origin)


def _host(look: Look, row: Row, said: str, origin: str) -> Iterator[Slip]:
    host = said.lower()
    becomes = host if host.endswith(".") else f"{host}.{origin}"
    values = {"written": said, "becomes": becomes, "at": owner_of(row)}
    if row.data.rdtype == MX and "@" in host.replace("\\@", "@") and host != "@":
        yield slip_of("ZON016", row, values)
    elif host.endswith(".") or "." not in host:
        return
    elif row.data.rdtype == MX and _is_address(host):
        yield slip_of("ZON016", row, values)
    elif doubled(host, origin) or (row.data.rdtype == PTR and ("." + origin).endswith(_REVERSE)):
        yield slip_of("ZON004", row, {"reason": "target", **values})
    elif _is_public(host) and not look.meant(wire_of(becomes), wire_of(origin)):
        yield slip_of("ZON004", row, {"reason": "foreign", **values})


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(only_icann=True)


def _is_public(host: str) -> bool:
    """Is this a name below a public suffix, or one of the top-level domains that are set aside (RFC 6761 section 6), as hosts of others are?"""
    if not re.fullmatch(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z]{2,}", host):
        return False
    return host.endswith((".example", ".test", ".invalid")) or _suffixes().privatesuffix(host, accept_unknown=False) is not None


def _twice(rows: list[Row]) -> Iterator[Slip]:
    """A record set holds no record twice (RFC 2181 section 5): name servers drop the second one."""
    seen = set()
    for row in rows if len(rows) > 1 else ():
        if row.data in seen and row.raw:
            yield slip_of("ZON014", row, {"what": f"{row.data.rdtype.name} {owner_of(row)}"})
        seen.add(row.data)


def _reverse(_: Look, row: Row) -> Iterator[Slip]:
    """A PTR record of an address belongs below in-addr.arpa or ip6.arpa. Other PTR records (RFC 6763) have names with underscores."""
    if row.data.rdtype != PTR:
        return
    owner = owner_of(row)
    labels = owner.split(".")
    if not owner.endswith(_REVERSE):
        if labels[0].isdigit() and not any(label.startswith("_") for label in labels):
            yield slip_of("ZON013", row, {"at": owner, "reason": "forward"})
        return
    depth = len(labels) - 2
    most = 4 if owner.endswith(_REVERSE[0]) else 32
    # RFC 2317 section 4 puts a label of its own between
    if depth > most and all(label.isdigit() for label in labels[:-2]) | (most == 32):
        yield slip_of("ZON013", row, {"at": owner, "reason": "deep"})


def _spf_type(look: Look, row: Row) -> Iterator[Slip]:
    """RFC 7208 section 3.1: receivers read TXT alone."""
    if row.data.rdtype == SPF and not any(IS_SPF.match(text_of(r)) for r in look.at(owner_of(row), TXT)):
        yield slip_of("ZON015", row, {"at": owner_of(row), "text": text_of(row)[:120]})


# ------------------------------------------------------------------ what it says


def _terms(_: Look, row: Row) -> Iterator[Slip]:
    """Two terms without a space between, which the syntax lets pass as one odd name; and a dot at the end, which is of no use there."""
    text = text_of(row)
    if not IS_SPF.match(text):
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
            yield slip_of("ZON012", row, {"at": owner_of(row), "term": term[:120], "parts": parts[:160]}, line_of(row, term))
        elif found and "%" not in term and _ODD.search(_CIDR.sub("", found[2])):
            yield slip_of("ZON018", row, {"at": owner_of(row), "term": term[:120]}, line_of(row, term))
        elif found and found[2].endswith("."):
            yield slip_of("ZON005", row, {"at": owner_of(row), "term": term[:120]}, line_of(row, term))


def _wildcards(look: Look, row: Row) -> Iterator[Slip]:
    """RFC 4592: a wildcard answers for every name below that does not exist, those of policies included."""
    if not row.owner.is_wild() or row.data.rdtype != CNAME:
        return
    below = owner_of(row).removeprefix("*.")
    if look.mail(below) and any(look.at(below, MX)) and not (look.at(f"_dmarc.{below}", TXT) or look.at(f"_dmarc.{below}", CNAME)):
        yield slip_of("ZON017", row, {"at": owner_of(row), "right": f"_dmarc.{below}"})


_RULES: dict[int, tuple[Callable[[Look, Row], Iterable[Slip]], ...]] = {
    TXT: (_cut, misplaced, _terms),
    SPF: (_cut, _spf_type, _terms),
    CNAME: (misplaced, _wildcards),
    PTR: (_reverse,),
}


def in_order(slips: Iterable[Slip]) -> tuple[Slip, ...]:
    """Slips by their place, each once."""
    seen: dict[tuple[str, str, int, str], Slip] = {}
    for slip in slips:
        seen.setdefault((slip.code, slip.file, slip.line, slip.values.get("term", slip.text)), slip)
    return tuple(sorted(seen.values(), key=lambda s: (s.file, s.line, s.code)))
