"""Why an entry of a master file cannot be read, and what stands there that is not to be read. Pure but for one table."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from functools import cache
from typing import Any

import dns.exception
import dns.rdatatype
import dns.ttl

from ..catalog import DATA
from .entries import Entry

_NUMBER = re.compile(r"[0-9]+")
_TTL = re.compile(r"[0-9]+\s*[a-z]{1,7}|-[0-9]+", re.IGNORECASE)
_BY_WORDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("parentheses", lambda w: "parenthes" in w),
    ("quote", lambda w: "quoted string" in w or "unbalanced quote" in w),
    ("long-string", lambda w: "string too long" in w),
    ("address", lambda w: "ipv4" in w or "ipv6" in w or "address" in w),
    ("label", lambda w: "label" in w or "name" in w),
)


@cache
def pseudo_types() -> dict[str, dict[str, Any]]:
    """The types of providers that are none of the DNS, from data/pseudo_types.toml; read when one is met."""
    return tomllib.loads((DATA / "pseudo_types.toml").read_text(encoding="utf-8"))


def is_type(word: str) -> bool:
    try:
        return word.isalnum() and not word.isdigit() and dns.rdatatype.is_singleton(dns.rdatatype.from_text(word)) is not None
    except (dns.exception.DNSException, ValueError):
        return False


def reason_of(entry: Entry, found: list[tuple[str, bool, int]], rtype: str, words: str) -> tuple[str, int]:
    """Why a record cannot be read, as a key of ZON002's reasons, and the line where it shows."""
    said = words.lower()
    texts = [text for text, _, _ in found]
    if "parenthes" not in said and rtype in ("MX", "SRV"):
        at = next(n for n, text in enumerate(texts) if text.upper() == rtype)
        if at + 1 < len(texts) and not _NUMBER.fullmatch(texts[at + 1]):
            return "priority", entry.line
    if any(_TTL.fullmatch(text) and not is_ttl(text) for text in texts[:3]) and ("unknown rdatatype" in said or "ttl" in said):
        return "ttl", entry.line
    if entry.raw.lstrip()[:4].upper() == "$TTL":
        return "ttl", entry.line
    if rtype in ("A", "AAAA") and "malformed" in said:
        return "address", entry.line
    for reason, fits in _BY_WORDS:
        if fits(said):
            long = next((at for text, _, at in found if len(text) > 255), 0) if reason == "long-string" else 0
            return reason, entry.line + long
    return ("type" if "unknown rdatatype" in said else "other"), entry.line


def is_ttl(text: str) -> bool:
    try:
        dns.ttl.from_text(text)
    except dns.exception.DNSException:
        return False
    return True
