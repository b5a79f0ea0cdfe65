"""DNS messages as octets: names, a query, and a lean reader of answers (RFC 1035 section 4).

dnspython builds an object for each field; a scan reads some two hundred answers and needs a few of them, so the record
types that mail checks live on are read here and every other type is handed to dnspython.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple

import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from ..model import Outcome

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, DNAME, OPT, DS, RRSIG, DNSKEY, TLSA, SPF = 1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41, 43, 46, 48, 52, 99
_OF_DNSSEC = {DNSKEY: 3, RRSIG: 8}  # fields before the octets, which dnspython writes in groups
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH, BADVERS = 0, 1, 2, 3, 4, 5, 9, 16
# RFC 8914 sections 4.7 to 4.13: DNSSEC Bogus, Signature Expired, Signature Not Yet Valid, DNSKEY Missing, RRSIGs Missing,
# No Zone Key Bit Set, NSEC Missing
BOGUS_CODES = frozenset(range(6, 13))
EDNS_SIZE = 1232  # octets that pass every path unfragmented (RFC 9715)

_PLAIN = re.compile(r"[!-\[\]-~]+")  # printable ASCII without space and backslash
_NAME = re.compile(r"[!-,\-/-\[\]-~]{1,63}(?:\.[!-,\-/-\[\]-~]{1,63})*")  # labels of it
_ODD = re.compile(rb"[^!-~]|[.\\]")
_HEAD = struct.Struct("!HHHHHH")
_RR = struct.Struct("!HHIH")
_KIND = struct.Struct("!HH")
_LONG = struct.Struct("!I")
_SIZES = tuple(bytes((size,)) for size in range(64))


class Malformed(ValueError):
    """Octets that are no DNS message, or a name that cannot be asked."""


class RR(NamedTuple):
    """One record. `owner` and a CNAME's `target` are canonical names on the wire; `value` is what an Answer shows."""

    owner: bytes
    rtype: int
    ttl: int
    value: str
    strings: tuple[bytes, ...] = ()
    target: bytes = b""


@dataclass(slots=True)
class Reply:
    """What one question put to one source brought: records with a usable rcode (0 or 3), or a `failure`.

    turned   SERVFAIL that became an answer with the CD bit
    wire     the message as it came; `rrsets` instead where it came from a zone file
    """

    failure: Outcome | None = None
    rcode: int = NOERROR
    records: tuple[RR, ...] = ()
    negative_ttl: int | None = None  # from the SOA in the authority section (RFC 2308 section 5), None where it has none
    ad: bool = False
    turned: bool = False
    detail: str = ""
    server: str = ""
    draft: bool = False
    wire: bytes = b""
    rrsets: Callable[[], list[dns.rrset.RRset]] | None = None
    authoritative: bool | None = None  # the AA bit, where a question was put to one nameserver; else None

    def sections(self) -> tuple[list[dns.rrset.RRset], list[dns.rrset.RRset]]:
        """The answer and authority sections for those who speak dnspython. Never raises: unreadable is empty."""
        if not self.wire:
            return (self.rrsets() if self.rrsets else []), []
        try:
            message = dns.message.from_wire(self.wire, ignore_trailing=True)
        except (dns.exception.DNSException, ValueError, struct.error):
            return [], []
        return message.answer, message.authority

    def signed(self, rtype: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The signatures over an answer of this type, and, where it came with checking disabled, the records. Presentation form."""
        if self.wire and not self.turned and _SIGNED not in self.wire:
            return (), ()
        signatures: list[str] = []
        unchecked: list[str] = []
        for rrset in self.sections()[0]:
            if rrset.rdtype == RRSIG and rrset.covers == rtype:
                signatures += [_text(RRSIG, data) for data in rrset]
            elif rrset.rdtype == rtype and self.turned:
                unchecked += [_text(rtype, data) for data in rrset]
        return tuple(sorted(signatures)), tuple(sorted(unchecked))


_SIGNED = struct.pack("!HH", RRSIG, 1)  # type and class of a signature: a message without these octets holds none


class Heard(NamedTuple):
    """A message off the wire, before anybody decided what it means."""

    rcode: int
    truncated: bool
    authoritative: bool
    recursive: bool
    ad: bool
    records: tuple[RR, ...]
    negative_ttl: int | None
    edes: tuple[tuple[int, str], ...]


# ------------------------------------------------------------------ names


def tidy(text: str) -> str:
    """A name in lower case, without the dot that ends it; the root stays "."."""
    text = text.lower()
    return text[:-1] if len(text) > 1 and text[-1] == "." and text[-2] not in ".\\" else text


def name_wire(text: str) -> bytes:
    """A name as lower-case octets; `text` without the dot that ends it. Raises Malformed, in words, for a name that cannot be asked. RFC 1035 section 3.1."""
    if text == ".":
        return b"\0"
    if "\\" in text:
        try:
            return dns.name.from_text(text).to_digestable()
        except (dns.exception.DNSException, ValueError) as error:
            raise Malformed(f"this name cannot be asked: {error}") from None
    if not _NAME.fullmatch(text) or len(text) > 253:
        raise Malformed("this name cannot be asked: " + _why_not(text))
    return b"".join([_SIZES[len(label)] + label for label in text.lower().encode("ascii").split(b".")]) + b"\0"


def _why_not(text: str) -> str:
    if not _PLAIN.fullmatch(text):
        return "it is empty, or holds spaces or characters that are not ASCII"
    sizes = [len(label) for label in text.split(".")]
    return "a label is over 63 octets" if max(sizes) > 63 else "it has an empty label" if not min(sizes) else "it is over 255 octets"


@lru_cache(maxsize=8192)
def name_text(wire: bytes) -> str:
    """A canonical name as text, without the trailing dot; odd octets escaped as in a zone file."""
    if wire == b"\0":
        return "."
    labels, at = [], 0
    while wire[at]:
        label = wire[at + 1 : at + 1 + wire[at]]
        at += 1 + wire[at]
        if _ODD.search(label):
            label = _ODD.sub(lambda m: b"\\" + (m[0] if m[0] in b".\\" else b"%03d" % m[0][0]), label)
        labels.append(label)
    return b".".join(labels).decode("ascii")


def _read_name(b: bytes, at: int) -> tuple[bytes, int]:
    parts: list[bytes] = []
    after, limit, total = -1, at, 1
    while n := b[at]:
        if n >= 0xC0:
            if after < 0:
                after = at + 2
            at = (n & 0x3F) << 8 | b[at + 1]
            # RFC 1035 section 4.1.4: a pointer names a prior occurrence; so it always goes back, and reading ends
            if at >= limit:
                raise Malformed("a compression pointer that does not point back")
            limit = at
        elif n > 63:
            raise Malformed("a label of unknown kind")
        else:
            total += n + 1
            if total > 255:
                raise Malformed("a name over 255 octets")
            parts.append(b[at : at + n + 1])
            at += n + 1
    # length octets are below 64 and so stay as they are: lower() touches A-Z only
    return b"".join(parts).lower() + b"\0", (at + 1 if after < 0 else after)


# ------------------------------------------------------------------ asking


_OPT = b"\0\0\x29" + struct.pack("!HIH", EDNS_SIZE, 0, 0)
_OPT_DO = b"\0\0\x29" + struct.pack("!HIH", EDNS_SIZE, 0x8000, 0)


def section(name: bytes, rtype: int) -> bytes:
    """The question section of a query, and of its answer: name, type, class IN."""
    return name + _KIND.pack(rtype, 1)


def query(ident: int, asked: bytes, *, do: bool = False, cd: bool = False, edns: bool = True) -> bytes:
    """A question as octets: RD, AD (RFC 6840 section 5.7: tell me whether you validated), EDNS0 with 1232 octets. `asked`: its section."""
    head = _HEAD.pack(ident, 0x0130 if cd else 0x0120, 1, 0, 0, int(edns))
    return head + asked + ((_OPT_DO if do else _OPT) if edns else b"")


def is_answer(b: bytes, ident: int, asked: bytes) -> bool:
    """Whether these octets claim to answer our question: same ID, same question. Anything else is somebody else's."""
    if len(b) < 12 or (b[0] << 8 | b[1]) != ident or b[2] & 0xF8 != 0x80:
        return False
    if b[4:6] == b"\0\0":
        # a server that could not read the query, or will not say, may leave the question out
        return b[3] & 15 in (FORMERR, SERVFAIL, NOTIMP, REFUSED)
    theirs = b[12 : 12 + len(asked)]
    # a server may write the name in capitals of its own; type and class are as they were asked
    return b[4:6] == b"\0\1" and (theirs == asked or (theirs[:-4].lower() == asked[:-4] and theirs[-4:] == asked[-4:]))


# ------------------------------------------------------------------ reading


def read(b: bytes, asked: bytes = b"") -> Heard:
    """An answer, read as far as it is needed. `asked`: the question section that it was seen to hold. Raises Malformed."""
    try:
        return _read(b, asked)
    except (IndexError, struct.error, ValueError, dns.exception.DNSException) as error:
        raise Malformed(str(error) or "the message ends too early") from None


def _read(b: bytes, asked: bytes) -> Heard:
    _, flags, questions, answers, authority, additional = _HEAD.unpack_from(b)
    at, qname = 12, b""
    if asked and questions == 1:
        at, qname = 12 + len(asked), asked[:-4]
    else:
        for _ in range(questions):
            qname, at = _read_name(b, at)
            at += 4
    rcode, truncated = flags & 15, bool(flags & 0x200)
    records: list[RR] = []
    negative: int | None = None
    edes: list[tuple[int, str]] = []
    if truncated:
        answers = authority = additional = 0
    for _ in range(answers):
        if b[at] == 0xC0 and b[at + 1] == 12:
            owner, at = qname, at + 2
        else:
            owner, at = _read_name(b, at)
        rtype, rclass, ttl, size = _RR.unpack_from(b, at)
        at += 10
        if at + size > len(b):
            raise Malformed("a record runs past the end of the message")
        if rclass == 1 and rtype != RRSIG:
            records.append(_record(b, (at, at + size), owner, rtype, ttl if ttl < 1 << 31 else 0))
        at += size
    if rcode or not records or all(r.rtype == CNAME for r in records):
        for _ in range(authority + additional):
            while 0 < (n := b[at]) < 0xC0:  # whose it is makes no difference
                at += n + 1
            rtype, rclass, ttl, size = _RR.unpack_from(b, at := at + (2 if n else 1))
            at += 10
            if at + size > len(b):
                raise Malformed("a record runs past the end of the message")
            if rtype == SOA and rclass == 1 and size >= 22:
                negative = min(ttl, _LONG.unpack_from(b, at + size - 4)[0])
            elif rtype == OPT:
                rcode |= (ttl >> 24) << 4
                if size:
                    edes.extend(_extended_errors(b[at : at + size]))
            at += size
    return Heard(rcode, truncated, bool(flags & 0x400), bool(flags & 0x80), bool(flags & 0x20), tuple(records), negative, tuple(edes))


def _extended_errors(options: bytes) -> Iterable[tuple[int, str]]:
    at = 0
    while at + 4 <= len(options):
        code, size = struct.unpack_from("!HH", options, at)
        if code == 15 and size >= 2:  # RFC 8914 section 2
            yield struct.unpack_from("!H", options, at + 4)[0], options[at + 6 : at + 4 + size].decode("utf-8", "replace").rstrip("\0")
        at += 4 + size


def _record(b: bytes, span: tuple[int, int], owner: bytes, rtype: int, ttl: int) -> RR:
    at, end = span
    size = end - at
    if rtype == A and size == 4:
        return RR(owner, A, ttl, socket.inet_ntoa(b[at:end]))
    if rtype in (TXT, SPF):
        strings = []
        while at < end:
            n = b[at]
            if at + 1 + n > end:
                raise Malformed("a character string runs past its record")
            strings.append(b[at + 1 : at + 1 + n])
            at += 1 + n
        return RR(owner, rtype, ttl, b"".join(strings).decode("utf-8", "backslashreplace"), tuple(strings))
    if rtype == MX:
        host, after = _read_name(b, at + 2)
        value, target = f"{b[at] << 8 | b[at + 1]} {name_text(host)}", host
    elif rtype in (NS, CNAME, PTR, DNAME):
        target, after = _read_name(b, at)
        value = name_text(target)
    elif rtype == SOA:
        first, after = _read_name(b, at)
        second, after = _read_name(b, after)
        numbers = struct.unpack_from("!IIIII", b, after)
        value, target, after = " ".join((name_text(first), name_text(second), *map(str, numbers))), first, after + 20
    elif rtype == SRV:
        host, after = _read_name(b, at + 6)
        value, target = " ".join((*map(str, struct.unpack_from("!HHH", b, at)), name_text(host))), host
    else:
        if rtype == AAAA and size == 16:
            return RR(owner, AAAA, ttl, str(IPv6Address(b[at:end])))
        if rtype == TLSA and size >= 3:
            # as it is published, also where a digest has not its length: dnspython takes that for no record, and the answer for none
            return RR(owner, TLSA, ttl, f"{b[at]} {b[at + 1]} {b[at + 2]} {b[at + 3 : end].hex()}".rstrip())
        if rtype == DS and size >= 4:
            return RR(owner, DS, ttl, f"{b[at] << 8 | b[at + 1]} {b[at + 2]} {b[at + 3]} {b[at + 4 : end].hex()}".rstrip())
        data = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype), b, at, size)
        return RR(owner, rtype, ttl, _text(rtype, data))
    if after != end:
        raise Malformed("a name runs past its record")
    return RR(owner, rtype, ttl, value, target=target)


def _text(rtype: int, data: dns.rdata.Rdata) -> str:
    """Presentation form, octets in one piece (RFC 4034 sections 2.2 and 3.2)."""
    text = data.to_text()
    fields = text.split()
    at = _OF_DNSSEC.get(rtype, len(fields))
    return text if at + 1 >= len(fields) else " ".join(fields[:at]) + " " + "".join(fields[at:])


def record_of(owner: bytes, ttl: int, data: dns.rdata.Rdata) -> RR:
    """A record that dnspython read from a zone file, as the wire would have brought it."""
    b = data.to_wire() or b""
    return _record(b, (0, len(b)), owner, int(data.rdtype), ttl)
