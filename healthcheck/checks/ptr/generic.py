"""Names that nobody chose for a mail host: a provider's pattern for an address, names for inside use, the names of large receivers.

The words stand in data/reverse_names.toml.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache

from ...catalog import DATA
from ..addresses import parse, reversed_labels


@cache
def words() -> dict[str, frozenset[str]]:
    """The lists of data/reverse_names.toml."""
    return {key: frozenset(held) for key, held in tomllib.loads((DATA / "reverse_names.toml").read_text(encoding="utf-8")).items()}


def reverse_name(ip: str) -> str:
    """The name at which the PTR record of an address stands. Pure. RFC 1035 section 3.5, RFC 3596 section 2.5."""
    return parse(ip).reverse_pointer


def looks_generic(name: str, ip: str) -> bool:
    """Does a reverse name look like a provider's pattern rather than one that somebody chose for a mail host? Pure.

    A guess from words and numbers (data/reverse_names.toml); no standard says what a generic name is.

    >>> looks_generic("203-0-113-9.dyn.example.net", "203.0.113.9"), looks_generic("mail.example.com", "203.0.113.9")
    (True, False)
    """
    parts = {w.rstrip("0123456789") for w in re.split(r"[.-]", name.lower())}
    if parts & words()["ours"]:
        return False
    return bool(parts & words()["strong"]) or (_holds(name.lower(), ip) and (bool(parts & words()["words"]) or _spelt_out(name.lower(), ip)))


def _holds(name: str, ip: str) -> bool:
    """Do two or more numbers of the address stand in the name's first labels?"""
    if ":" in ip:
        return reversed_labels(ip)[:15].replace(".", "")[::-1] in name.replace(".", "").replace("-", "")
    octets, numbers = ip.split("."), re.findall(r"\d+", name)
    return len({o for o in octets if o in numbers or o.zfill(3) in numbers}) >= 2 or _in_hex(ip) in name


def _spelt_out(name: str, ip: str) -> bool:
    """Does the whole address stand in the name, in either direction?"""
    if ":" in ip:
        return True
    octets, numbers = ip.split("."), [n.lstrip("0") or "0" for n in re.findall(r"\d+", name)]
    return _in_hex(ip) in name or any(numbers[i : i + 4] in (octets, octets[::-1]) for i in range(len(numbers))) or "".join(o.zfill(3) for o in octets) in name


def _in_hex(ip: str) -> str:
    return f"{int(parse(ip)):08x}"


def receiver_of(name: str) -> str:
    """The domain of a large receiver that this name is, or lies in; "" where it is none. Pure.

    >>> receiver_of("mail.gmail.com"), receiver_of("mail.example.com")
    ('gmail.com', '')
    """
    return next((domain for domain in sorted(words()["receivers"]) if name == domain or name.endswith("." + domain)), "")
