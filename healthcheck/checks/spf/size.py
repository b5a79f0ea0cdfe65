"""How much room a record set takes in an answer. Pure. RFC 1035 section 4.2.1, RFC 7208 section 3.4."""

from __future__ import annotations

from dataclasses import dataclass

from ...model import Answer

PLAIN = 512  # octets of a UDP answer to a resolver without EDNS (RFC 1035 section 4.2.1)
USUAL = 1232  # what resolvers take by UDP since the DNS flag day of 2020
_HEADER, _QUESTION, _OPT = 12, 4, 11
_RECORD = 12  # owner as a pointer, type, class, TTL, length


@dataclass(frozen=True, slots=True)
class Size:
    """The TXT records of a name as one answer.

    answer   octets of the answer with all of them, EDNS included
    record   octets of the SPF record's text; strings: in how many strings it is written
    records  how many TXT records stand there, the SPF record included
    """

    answer: int
    record: int
    strings: int
    records: int


def size_of(answer: Answer, record: str) -> Size:
    """The size of an answer and of the one SPF record in it."""
    sets = answer.strings or tuple((v.encode("utf-8", "surrogateescape"),) for v in answer.values)
    total = _HEADER + _wire(answer.name) + _QUESTION + _OPT
    total += sum(_RECORD + sum(len(s) + 1 for s in strings) for strings in sets)
    total += sum(_RECORD + _wire(name) for name in answer.aliases)
    at = answer.values.index(record) if record in answer.values else 0
    own = sets[at] if at < len(sets) else ()
    return Size(total, sum(map(len, own)), len(own), len(sets))


def _wire(name: str) -> int:
    return len(name) + 2
