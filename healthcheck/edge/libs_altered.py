"""Which signed field was altered, and how: known rewrites are undone, one by one and in twos and threes, until the hash is the signed one.

Only what makes the signature hold again is said, so nothing here is a guess. Where nothing does, nothing is said.
RFC 6377 section 5 has the list of what lists do to mail; Exchange, gateways and relays add their own.
"""

from __future__ import annotations

import base64
import itertools
import quopri
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.header import decode_header
from typing import Any

from .libs_text import Field, Letter, canonical_field

MAX_TRIES = 6000
MAX_OCTETS = 24 << 20
MAX_ED25519 = 800  # one is a tenth of a millisecond
MAX_CANDIDATES = 220  # of one field
MAX_VALUE = 4096
MAX_SHOWN = 160

ADDRESSES = frozenset({b"from", b"to", b"cc", b"reply-to", b"sender"})
ENCODINGS = (b"7bit", b"8bit", b"quoted-printable", b"base64", b"binary")
TYPES = (b"text/plain; charset=utf-8", b"text/plain; charset=us-ascii", b"text/plain", b'text/plain; charset="utf-8"', b"text/html; charset=utf-8")
# what a field that went missing most often said
USUAL: dict[bytes, tuple[bytes, ...]] = {
    b"mime-version": (b"1.0",),
    b"content-type": TYPES,
    b"content-transfer-encoding": ENCODINGS,
    b"list-unsubscribe-post": (b"List-Unsubscribe=One-Click",),
}
SPELLINGS: dict[bytes, tuple[bytes, ...]] = {
    b"message-id": (b"Message-ID", b"Message-Id", b"Message-id"),
    b"mime-version": (b"MIME-Version", b"Mime-Version"),
    b"cc": (b"Cc", b"CC"),
    b"content-id": (b"Content-ID", b"Content-Id"),
    b"list-id": (b"List-Id", b"List-ID"),
}


@dataclass(slots=True)
class Budget:
    """What all searches of one message may cost together."""

    tries: int = MAX_TRIES
    octets: int = MAX_OCTETS

    def spend(self, size: int) -> bool:
        self.tries -= 1
        self.octets -= size
        return self.tries > 0 and self.octets > 0


@dataclass(frozen=True, slots=True)
class Altered:
    """What was found: the fields by name, the kind of change (key of [change]), and the words."""

    header: str
    change: str
    shown: str = ""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way in which a field may have been otherwise: its canonical octets then (b"" for a field that was not there)."""

    change: str
    piece: bytes
    shown: str = ""


@dataclass(slots=True)
class _Slot:
    """One field of the hashed header, in its place: as it is, and as it may have been."""

    name: str
    piece: bytes
    ways: list[_Way]


@dataclass(slots=True)
class _Search:
    """One signature's search: the hashed header in pieces, and how to know that it is the signed one."""

    slots: list[_Slot]
    tail: bytes
    form: str
    hasher: Callable[..., Any]
    fits: Callable[[bytes], bool]
    budget: Budget
    spent: bool = False

    def right(self, pieces: Iterable[bytes], tail: bytes | None = None) -> bool:
        octets = b"".join(pieces) + (self.tail if tail is None else tail)
        if self.spent or not self.budget.spend(len(octets)):
            self.spent = True
            return False
        return self.fits(self.hasher(octets).digest())


def search(
    letter: Letter,
    signed: Sequence[Field],
    names: Sequence[str],
    own: Field,
    form: str,
    hasher: Callable[..., Any],
    fits: Callable[[bytes], bool],
    budget: Budget,
    copies: dict[bytes, bytes],
) -> Altered | None:
    """What was altered in the signed header, or None where it cannot be shown.

    signed, names, own  the fields as `libs_text.select` has them, the names of h=, the signature's field without its b=
    fits    does this digest belong to the signature?
    copies  z= of the signature: name -> the field as it was signed (RFC 6376 section 3.5)
    """
    slots = _slots(letter, signed, names, form, copies)
    work = _Search(slots, canonical_field(own, form).rstrip(), form, hasher, fits, budget)
    found = _undone(work, _singly(slots))
    if found is None and form == "simple":
        found = _spacing(work, signed, own) or _all_at_once(work, signed)
    return found or _undone(work, _together(slots))


def _undone(work: _Search, combinations: Iterable[tuple[tuple[int, _Way], ...]]) -> Altered | None:
    for combination in combinations:
        pieces = dict(combination)
        if work.right(pieces[n].piece if n in pieces else slot.piece for n, slot in enumerate(work.slots)):
            found = [(work.slots[n].name, way) for n, way in combination]
            return Altered(", ".join(dict.fromkeys(n for n, _ in found)), found[0][1].change, "; ".join(w.shown for _, w in found if w.shown)[:MAX_SHOWN])
        if work.spent:
            return None
    return None


def _singly(slots: Sequence[_Slot]) -> Iterator[tuple[tuple[int, _Way], ...]]:
    for n, slot in enumerate(slots):
        yield from (((n, way),) for way in slot.ways)


def _together(slots: Sequence[_Slot]) -> Iterator[tuple[tuple[int, _Way], ...]]:
    """Of several fields at once only the likelier ways of each: a list sets a tag, an address to reply to, and fields of its own."""
    ways = {n: slot.ways for n, slot in enumerate(slots) if slot.ways}
    for size, most in ((2, 16), (3, 6), (4, 3)):
        for places in itertools.combinations(ways, size):
            yield from (tuple(zip(places, chosen, strict=True)) for chosen in itertools.product(*(ways[n][:most] for n in places)))


# ------------------------------------------------------------------ how a field may have been


def _slots(letter: Letter, signed: Sequence[Field], names: Sequence[str], form: str, copies: dict[bytes, bytes]) -> list[_Slot]:
    out = []
    rest = list(signed)
    for text in names:
        name = text.encode("utf-8", "surrogateescape")
        if rest and rest[0][0].lower().rstrip() == name:
            field = rest.pop(0)
            slot = _Slot(field[0].decode("ascii", "replace").strip(), canonical_field(field, form), [])
            made = _ways(letter, field, copies)
            shown = [_Way("added", b"", _words(field[1]))]
        else:
            slot = _Slot(text.encode("utf-8", "replace").decode("ascii", "replace").title(), b"", [])
            made, shown = _lost(letter, name, copies), []
        seen = {slot.piece}
        for change, value, words in itertools.islice(made, MAX_CANDIDATES):
            piece = canonical_field((field[0] if slot.piece else slot.name.encode(), value), form)
            if piece not in seen and len(value) <= 2 * MAX_VALUE:
                seen.add(piece)
                slot.ways.append(_Way(change, piece, words))
        slot.ways[1:1] = shown
        out.append(slot)
    return out


Made = Iterator[tuple[str, bytes, str]]


def _ways(letter: Letter, field: Field, copies: dict[bytes, bytes]) -> Made:
    """(change, value as it may have been, what to show), the likeliest first."""
    name, raw = field[0].lower().rstrip(), field[1]
    if name in copies:
        yield "rewritten", b" " + copies[name] + b"\r\n", _words(copies[name])
    if len(raw) > MAX_VALUE:
        return
    if name == b"subject":
        yield from _tags(raw)
    for other in _elsewhere(letter, name):
        yield "rewritten", other, _words(raw)
    if name in ADDRESSES:
        yield from (("rewritten", value, _words(raw)) for value in _addresses(raw))
    for _, instead in letter.named(name):
        if instead != raw:
            yield "added", instead, _words(raw)
    if name == b"content-transfer-encoding":
        yield from (("transfer-encoding", _as_value(e), _words(raw)) for e in ENCODINGS)
    if name in (b"content-type", b"content-transfer-encoding"):
        yield from (("wrapped", value, _words(raw)) for value in inner(letter, name))
    if name == b"content-type":
        yield from (("content-type", value, _words(raw)) for value in _types(raw))
    if name == b"date":
        yield "rewritten", re.sub(rb"\s*\([^()]{0,20}\)", b"", raw), _words(raw)
        yield from (("rewritten", raw.rstrip() + zone + b"\r\n", _words(raw)) for zone in (b" (UTC)", b" (GMT)"))
        yield from (("rewritten", re.sub(rb"(?:GMT|[+-]0000)", zone, raw), _words(raw)) for zone in (b"GMT", b"+0000", b"-0000"))
    yield from (("re-encoded", value, _words(raw)) for value in _encodings(raw))
    if name != b"subject":
        yield from _ends(raw)


def _lost(letter: Letter, name: bytes, copies: dict[bytes, bytes]) -> Made:
    if name in copies:
        yield "removed", _as_value(copies[name]), _words(copies[name])
    for value in USUAL.get(name, ()):
        yield "removed", _as_value(value), value.decode()
    for other in _elsewhere(letter, name):
        yield "removed", other, _words(other)


def _as_value(text: bytes) -> bytes:
    return b" " + text.strip() + b"\r\n"


def _words(value: bytes) -> str:
    return " ".join(value.decode("utf-8", "replace").split())[:MAX_SHOWN]


def _tags(raw: bytes) -> Made:
    """A subject without some words near its beginning, or its end: "[list] ", "EXTERNAL: ", "***SPAM***", "(fwd)"."""
    edges = [m.end() for m in re.finditer(rb"\A[ \t]*|[ \t\r\n]+", raw)][:14]
    for first, stop in itertools.combinations(edges, 2):
        yield "subject-tag", raw[:first] + raw[stop:], _words(raw[first:stop])
    for m in re.finditer(rb"\[[^\[\]]{1,80}\][ \t]?|\*{2,5}[^*]{1,40}\*{2,5}[ \t]?", raw[:400]):
        yield "subject-tag", raw[: m.start()] + raw[m.end() :], _words(m[0])
    yield from _ends(raw, "subject-tag")


def _ends(raw: bytes, change: str = "rewritten") -> Made:
    edges = [m.start() for m in re.finditer(rb"[ \t\r\n]+", raw.rstrip())][-6:]
    for at in reversed(edges):
        yield change, raw[:at] + b"\r\n", _words(raw[at:])


def _elsewhere(letter: Letter, name: bytes) -> Iterator[bytes]:
    """Values that other fields keep of this one: X-Original-From, Original-Subject, Resent-To; for From also Reply-To and Cc."""
    others = [n for n in letter.by_name if n.endswith(b"-" + name) and n != name][:8]
    if name in (b"from", b"reply-to", b"sender"):
        others += [n for n in (b"reply-to", b"from", b"sender", b"cc") if n != name and n in letter.by_name]
    for other in others:
        value = letter.named(other)[-1][1]
        if len(value) <= MAX_VALUE:
            yield value
            if name == b"from" and (via := re.match(rb"\s*[\"']?(.{1,120}?)[\"']?\s+via\b", letter.named(b"from")[-1][1], re.DOTALL)):
                # a list that took the From for itself: "Ann via List <list@…>"; the address is left in another field
                address = re.search(rb"[^\s<>\",]{1,128}@[^\s<>\",]{1,253}", value)
                if address:
                    yield b" " + via[1] + b" <" + address[0] + b">\r\n"
                    yield b' "' + via[1] + b'" <' + address[0] + b">\r\n"


def _addresses(raw: bytes) -> Iterator[bytes]:
    """The same address written otherwise: name with or without quotes, bare or in brackets, domain in lower case."""
    yield re.sub(rb'"([^"\\\r\n]{1,120})"[ \t]*<', rb"\1 <", raw)
    yield re.sub(rb"([\s,])([A-Za-z0-9][^\"<>,@]{0,120}?)[ \t]+<", rb'\1"\2" <', raw)
    yield re.sub(rb"(?:\"[^\"]{0,120}\"|[^<>,\"@]{0,120})<([^<>\s]{1,300})>", rb" \1", raw)
    yield re.sub(rb"<([^<>\s]{1,300})>", rb"\1", raw)
    yield re.sub(rb"([^\s<>,\"]{1,128}@[^\s<>,\"]{1,253})", rb"<\1>", raw)
    yield re.sub(rb"@[^\s<>,\"]{1,253}", lambda m: m[0].lower(), raw)
    yield b" undisclosed-recipients:;\r\n"
    # addresses that were put in the end of the list
    for m in reversed(list(re.finditer(rb",", raw))[-3:]):
        yield raw[: m.start()] + b"\r\n"


def _types(raw: bytes) -> Iterator[bytes]:
    yield re.sub(rb'="([^"\s;]{1,100})"', rb"=\1", raw)
    yield re.sub(rb'=([^"\s;]{1,100})', rb'="\1"', raw)
    yield raw.lower()
    for one in (b"utf-8", b"UTF-8", b"us-ascii", b"US-ASCII", b"iso-8859-1", b"ISO-8859-1", b"windows-1252"):
        yield re.sub(rb'(?i)(charset=)"?[^";\s]{1,40}"?', rb"\1" + one, raw)
        yield re.sub(rb'(?i)(charset=)"?[^";\s]{1,40}"?', rb'\1"' + one + b'"', raw)
    yield re.sub(rb"(?is);\s*(?:charset|format|delsp|name|method)=[^;]{0,100}", b"", raw.rstrip()) + b"\r\n"
    yield from (_as_value(t) for t in TYPES)


def _encodings(raw: bytes) -> Iterator[bytes]:
    """Encoded words decoded, or words encoded. RFC 2047."""
    text = raw.strip()
    if b"=?" in text and text.count(b"=?") <= 20:
        try:
            decoded = b"".join(part if isinstance(part, bytes) else part.encode() for part, _ in decode_header(text.decode("ascii", "replace")))
        except (ValueError, LookupError):  # email.errors.HeaderParseError is a ValueError's cousin of old
            return
        except Exception:
            return
        yield _as_value(decoded)
        text = decoded
    elif text.isascii():
        return
    for charset in (b"utf-8", b"UTF-8"):
        yield b" =?" + charset + b"?B?" + base64.b64encode(text) + b"?=\r\n"
        yield b" =?" + charset + b"?Q?" + quopri.encodestring(text, header=True).replace(b"=\n", b"").strip() + b"?=\r\n"


def inner(letter: Letter, name: bytes) -> Iterator[bytes]:
    """What the first parts of the body say in a field of this name: a list that adds a footer may have wrapped the message. RFC 2045."""
    body = (letter.body or b"")[:65536]
    for block in re.findall(rb"(?:^|\r\n)--[^\r\n]{1,80}\r\n((?:[!-9;-~]{1,60}:[^\r\n]{0,400}\r\n(?:[ \t][^\r\n]{0,400}\r\n){0,8}){1,12})", body)[:4]:
        found = re.search(rb"(?im)^" + re.escape(name) + rb":((?:[^\r\n]*)(?:\r\n[ \t][^\r\n]*)*\r\n)", block)
        if found:
            yield found[1]


# ------------------------------------------------------------------ white space, where "simple" counts it


def _spaced(field: Field) -> Iterator[Field]:
    """The same field, spaced, folded and spelt as programs do it. It stands for what "relaxed" would not have noticed."""
    name, raw = field
    if len(raw) > MAX_VALUE:
        return
    text = raw.rstrip(b"\r\n")
    flat = re.sub(rb"\r\n([ \t])", rb"\1", text)
    values = [text, flat, re.sub(rb"[ \t]*\r\n[ \t]+", b" ", text), re.sub(rb"\r\n[ \t]+", b"\r\n\t", text), re.sub(rb"\r\n[ \t]+", b"\r\n ", text)]
    values += [re.sub(rb"[ \t]+", b" ", flat), re.sub(rb",[ \t]*(?!\r)", b",\r\n\t", flat), re.sub(rb",[ \t]*(?!\r)", b",\r\n ", flat)]
    values += [re.sub(rb";[ \t]*(?!\r)", b";" + fold, flat) for fold in (b"\r\n\t", b"\r\n ", b" ")]
    spellings = dict.fromkeys((name, name.rstrip(), *SPELLINGS.get(name.lower().rstrip(), ()), name.title(), name.lower()))
    for value in dict.fromkeys(values):
        for start in (value, b" " + value.lstrip(b" \t"), value.lstrip(b" \t"), b"  " + value.lstrip(b" \t"), b"\t" + value.lstrip(b" \t")):
            for end in (start, start.rstrip(b" \t"), start + b" "):
                yield from ((spelling, end + b"\r\n") for spelling in spellings)


def _spacing(work: _Search, signed: Sequence[Field], own: Field) -> Altered | None:
    pieces = [slot.piece for slot in work.slots]
    for variant in dict.fromkeys(canonical_field(f, work.form).rstrip() for f in _spaced(own)):
        if work.right(pieces, variant):
            return Altered(own[0].decode("ascii", "replace"), "whitespace")
    for n, field in zip([n for n, piece in enumerate(pieces) if piece], signed, strict=True):
        for piece in dict.fromkeys(canonical_field(f, work.form) for f in _spaced(field)):
            if work.right([*pieces[:n], piece, *pieces[n + 1 :]]):
                return Altered(work.slots[n].name, "whitespace")
    return None


CHANGES: tuple[Callable[[bytes], bytes], ...] = (
    lambda v: re.sub(rb"\r\n([ \t])", rb"\1", v),
    lambda v: re.sub(rb"[ \t]*\r\n[ \t]+", b" ", v),
    lambda v: re.sub(rb"\r\n[ \t]+", b"\r\n\t", v),
    lambda v: re.sub(rb"\r\n[ \t]+", b"\r\n ", v),
    lambda v: b" " + v.lstrip(b" \t"),
    lambda v: re.sub(rb"[ \t]+(?=\r\n)", b"", v),
)


def _all_at_once(work: _Search, signed: Sequence[Field]) -> Altered | None:
    """A program that rewrites one field's white space does the same to all."""
    present = [n for n, slot in enumerate(work.slots) if slot.piece]
    for change in CHANGES:
        pieces = [slot.piece for slot in work.slots]
        names = []
        for n, (name, value) in zip(present, signed, strict=True):
            if len(value) > MAX_VALUE:
                continue
            pieces[n] = canonical_field((name, change(value[:-2]).rstrip(b"\r\n") + b"\r\n"), work.form)
            if pieces[n] != work.slots[n].piece:
                names.append(work.slots[n].name)
        if names and work.right(pieces):
            return Altered(", ".join(dict.fromkeys(names)), "whitespace")
    return None
