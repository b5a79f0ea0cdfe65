"""Questions as they are asked: names and types in one way of writing, and the keys under which a scan keeps them. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import dns.exception
import dns.rdatatype

from ..model import Question
from . import codec
from .codec import Malformed, name_text, name_wire, tidy
from .line import AT

if TYPE_CHECKING:
    from .memo import Key


def parsed(name: str, rtype: str) -> tuple[str, str, Key]:
    """Name and type as they are shown, and the key of the entry of a plain question for them. Raises Malformed."""
    name, rtype = tidy(name), rtype.upper()
    number = _number(rtype)
    return name, rtype, (name_wire(name), number, False, "")


@lru_cache(maxsize=256)
def _number(rtype: str) -> int:
    try:
        number = int(dns.rdatatype.from_text(rtype))
    except (dns.exception.DNSException, ValueError):
        raise Malformed(f"“{rtype}” is no DNS record type") from None
    # RFC 6895 section 3.1: 128 to 255 are meta types; RFC 8482: ANY is not answered any more
    if number == codec.OPT or 128 <= number <= 255 or number == 0:
        raise Malformed(f"type {rtype} cannot be asked")
    return number


def named(name: str, rtype: str) -> tuple[str, str]:
    """Name and type as they are asked, in one way of writing. Raises Malformed for what cannot be asked. Pure."""
    wire, number, _, _ = parsed(name, rtype)[2]
    return name_text(wire), dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))


def place(question: Question) -> str:
    """Whom a question is put to, as it stands in a key: "" for the resolvers."""
    return AT + question.at.lower() if question.at else ""


def put_to(key: Key, question: Question) -> Key:
    """The key of a question that is signed, or put to one nameserver, from that of the plain one."""
    return (key[0], key[1], question.signed, place(question)) if question.signed or question.at else key


def as_asked(question: Question, name: str, rtype: str) -> Question:
    return question if question.name == name and question.rtype == rtype else question._replace(name=name, rtype=rtype)
