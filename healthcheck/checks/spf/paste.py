"""What copying does to a record: curly quotes, spaces that are none, dashes that are no minus, commas, strings joined without a space.

Only what can be undone without knowing what was meant is undone here. Pure. RFC 7208 sections 3.3 and 4.6.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .record import RECORD_LIMIT, Term, parse

MECHANISMS = ("include", "a", "mx", "ip4", "ip6", "exists", "ptr", "all")

# what stands in place of what; the keys are reasons of SPF005
_REPLACED: dict[str, tuple[str, str]] = {
    # the double and single quotation marks of all scripts, the primes, the full-width one
    "curly-quotes": ("\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a\u2032\u2033\uff02\uff07", ""),
    "no-break-space": ("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000", " "),
    "invisible": ("\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", ""),
    "dash": ("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"),
    "tilde": ("\u02dc\u223c\uff5e", "~"),
    "tab": ("\t\r\n\v\f", " "),
    "quotes": ("\"'`", ""),
}
_CHARS = {char: (kind, plain) for kind, (chars, plain) in _REPLACED.items() for char in chars}
_WIDE = range(0xFF01, 0xFF5F)  # the full-width forms of ASCII

_VERSION = re.compile(r"\s*(?:v\s*[=:]?\s*)?spf\s*1(?![0-9])[\s;,:.]*", re.IGNORECASE)
_STARTS = re.compile(r"[+?~-]?(?:(?:include|a|mx|ip4|ip6|exists|ptr)[:/]|(?:redirect|exp)=|[+?~-]all$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mended:
    """A record with the damage undone. damage: what was undone, as reasons of SPF005; text is None where it is no record even so."""

    text: str | None
    damage: tuple[str, ...] = ()


def readable(raw: bytes) -> str:
    """Octets as the characters that were meant: UTF-8, else what Windows writes."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _plain(text: str) -> tuple[str, list[str]]:
    """The text in plain characters, and which kinds of others it had."""
    out: list[str] = []
    kinds: list[str] = []
    for char in text:
        if char in _CHARS:
            kind, plain = _CHARS[char]
        elif ord(char) in _WIDE:
            kind, plain = "wide-letters", chr(ord(char) - 0xFEE0)
        else:
            out.append(char)
            continue
        kinds.append(kind)
        out.append(plain)
    return "".join(out), list(dict.fromkeys(kinds))


def mend(raw: bytes, breaks: tuple[int, ...] = ()) -> Mended:
    r"""A record, with what copying did to it undone. `breaks`: places in `raw` where a space was lost between two strings.

    The text is None where it was whole, or is no valid record even so: then somebody has to read it. Never a guess at a name or an
    address: those stay as they stand.

    >>> mend("\u201cv=spf1 include:_spf.example.com, \u2013all\u201d".encode()).text
    'v=spf1 include:_spf.example.com -all'
    """
    pieces = [raw[a:b] for a, b in zip((0, *breaks), (*breaks, len(raw)), strict=True)]
    before = readable(raw)
    text, damage = _plain(" ".join(map(readable, pieces)))
    if breaks:
        damage.append("joined")
    version = _VERSION.match(text)
    if not version:
        return Mended(None, tuple(damage))
    rest = text[version.end() :]
    if version.group().strip().lower() != "v=spf1" or (rest and not text[: version.end()].endswith(" ")):
        damage.append("version")
    terms, more = _terms(rest)
    whole = " ".join(["v=spf1", *terms])
    damage = list(dict.fromkeys([*damage, *more]))
    if not damage or whole == before or not parse(whole).valid:
        return Mended(None, tuple(damage))
    return Mended(whole, tuple(damage))


def _terms(rest: str) -> tuple[list[str], list[str]]:
    """The terms, with what separates them and what was torn apart put right."""
    terms: list[str] = []
    damage: list[str] = []
    # a comma may stand in a macro (RFC 7208 section 7.1), and in nothing else that works
    spaced = rest if "%{" in rest else re.sub("[,;]", " ", rest)
    if spaced != rest:
        damage.append("separator")
    for token in spaced.split():
        plain = token.strip(",;").replace("\\", "")
        if plain != token:
            damage.append("separator")
        if not plain:
            continue
        last = terms[-1] if terms else ""
        # "include: _spf.example.com", "- all"
        if (last.endswith((":", "=")) and last[:-1].lstrip("+-~?").lower() in (*MECHANISMS, "redirect")) or (
            last in "+-~?" and last and plain.lower() == "all"
        ):
            terms[-1] = last + plain
            damage.append("torn")
        else:
            terms.append(plain)
    return terms, damage


def reason(term: Term) -> str:
    """Why a term cannot be read: the damage that copying did to it where it shows any, else the error of its syntax."""
    _, kinds = _plain(readable(term.text.encode("utf-8", "surrogateescape")))
    if kinds:
        return kinds[0]
    if term.text != (bare := term.text.strip(",;")) and (not bare or parse(f"v=spf1 {bare}").valid):
        return "separator"
    if term.error in ("missing-domain", "bad-address") and term.text.endswith(":"):
        return "torn"
    return term.error or ""


def lost_spaces(strings: tuple[bytes, ...]) -> tuple[tuple[int, str], ...]:
    """Where two strings of a record were joined in the middle of what should be two terms: the place, and the term that it made.

    RFC 7208 section 3.3: strings are joined without adding a space. That a term is cut in two by the end of a string is in
    order, and is told apart by what stands on both sides: here a whole term ends and another one begins.
    """
    out: list[tuple[int, str]] = []
    whole = b"".join(strings)
    at = 0
    if len(whole) > RECORD_LIMIT:
        return ()
    for piece in strings[:-1]:
        at += len(piece)
        left = whole[:at].rpartition(b" ")[2].decode("ascii", "replace")
        right = whole[at:].partition(b" ")[0].decode("ascii", "replace")
        if not left or not right:
            continue
        ends = left.lower() == "v=spf1" or parse(f"v=spf1 {left}").valid
        if ends and _begins(left, right):
            out.append((at, left + right))
    return tuple(out)


def _begins(left: str, right: str) -> bool:
    if not parse(f"v=spf1 {right}").valid:
        return False
    if _STARTS.match(right):
        return True
    # "a", "mx" and "ptr" are ends of names too: only where what they were joined to cannot be read
    return right.lower().lstrip("+-~?") in MECHANISMS and (left.lower() == "v=spf1" or not parse(f"v=spf1 {left}{right}").valid)
