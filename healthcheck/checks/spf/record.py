"""An SPF record read term by term, as RFC 7208 section 12 writes it. Pure; asks nothing and raises nothing.

checkdmarc stops at the first fault and refuses some legal records; pyspf only says that there is a fault. A person wants
to know which terms are wrong, and why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from ...model import Answer

QUALIFIERS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
LOOKUP_TERMS = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
TERM_LIMIT = 1024  # the longest domain name has 253 octets; a longer term is hostile or broken
RECORD_LIMIT = 8192

_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_MECHANISM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*)((?:[:/].*)?)", re.DOTALL)
_CIDR = re.compile(r"(?:/(\d{1,4}))?(?://(\d{1,4}))?$")
_EXPAND = re.compile(r"%(?:\{([A-Za-z])(\d*)(r?)[.\-+,/_=]*\}|[%_-])", re.IGNORECASE)
_TOP_LABEL = re.compile(r"[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9-]*[A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Term:
    """One term. error: None, or what is wrong as a word ("bad-domain"); macros: needs a message to be expanded."""

    text: str
    name: str
    qualifier: str = "+"
    value: str = ""
    cidr4: int | None = None
    cidr6: int | None = None
    modifier: bool = False
    macros: bool = False
    error: str | None = None

    def target(self, domain: str) -> str:
        """The name that this term looks up, lower case without the trailing dot; meaningless where it has macros."""
        return (self.value or domain).lower().rstrip(".")


@dataclass(frozen=True)
class SpfRecord:
    """One record, read. What follows from it is worked out once: a record of a service is met again and again."""

    text: str
    terms: tuple[Term, ...]
    too_long: bool = False

    @cached_property
    def errors(self) -> tuple[Term, ...]:
        return tuple(t for t in self.terms if t.error)

    @cached_property
    def valid(self) -> bool:
        # RFC 7208 section 4.6: an error anywhere in the record is a permerror, also behind "all"
        return not self.errors and not self.too_long

    @property
    def all(self) -> Term | None:
        return next((t for t in self.terms if t.name == "all" and not t.modifier), None)

    @property
    def redirect(self) -> Term | None:
        """The redirect that counts: none where there is an "all" (RFC 7208 section 6.1)."""
        return None if self.all else self.modifier("redirect")

    def modifier(self, name: str) -> Term | None:
        return next((t for t in self.terms if t.modifier and t.name == name), None)

    @cached_property
    def evaluated(self) -> tuple[Term, ...]:
        """The mechanisms that can be tested, in order, "all" included; then the redirect that counts.

        RFC 7208 section 5.1: mechanisms after "all" are never tested.
        """
        out: list[Term] = []
        for term in self.terms:
            if term.modifier:
                continue
            out.append(term)
            if term.name == "all":
                break
        redirect = self.redirect
        return (*out, redirect) if redirect else tuple(out)

    @property
    def after_all(self) -> tuple[Term, ...]:
        """Mechanisms that are never tested."""
        mechanisms = [t for t in self.terms if not t.modifier]
        first = next((n for n, t in enumerate(mechanisms) if t.name == "all"), len(mechanisms))
        return tuple(mechanisms[first + 1 :])


def texts(answer: Answer) -> tuple[tuple[bytes, str], ...]:
    """Each TXT record as octets (its strings joined without a space, RFC 7208 section 3.3) and as text for people."""
    if answer.strings:
        joined = [b"".join(strings) for strings in answer.strings]
        shown = answer.values if len(answer.values) == len(joined) else tuple(raw.decode("utf-8", "backslashreplace") for raw in joined)
        return tuple(zip(joined, shown, strict=True))
    return tuple((value.encode("utf-8", "backslashreplace"), value) for value in answer.values)


def select(answer: Answer) -> tuple[str, ...]:
    """The SPF records among the TXT records of a name. RFC 7208 section 4.5: the version, then a space or the end."""
    return tuple(shown for raw, shown in texts(answer) if raw[:6].lower() == b"v=spf1" and raw[6:7] in (b"", b" "))


_NEARLY = re.compile(r"\W{0,4}(?:v\W{0,3}=?\W{0,3})?spf\s?[123v]?(?:\b|(?=(?:include|ip[46]|a|mx|exists|redirect|all)\b))", re.IGNORECASE)
_TERMISH = re.compile(r"include:|ip[46]:|redirect=|[-~?+]all\b", re.IGNORECASE)


def nearly(answer: Answer) -> tuple[str, ...]:
    """TXT records that were meant as SPF and that no receiver reads as such ("v=spf1;…", "spf1 …", "v=spf2 …")."""
    good = select(answer)
    return tuple(shown for _, shown in texts(answer) if shown not in good and _NEARLY.match(shown[:40]) and _TERMISH.search(shown[:RECORD_LIMIT]))


@lru_cache(maxsize=1024)
def parse(text: str) -> SpfRecord:
    """Read one record (with its "v=spf1"). Every term comes back, the broken ones with their error. Pure."""
    if len(text) > RECORD_LIMIT:
        return SpfRecord(text, (), too_long=True)
    # RFC 7208 section 4.6.1: terms are separated by spaces, and by nothing else
    terms = [_term(part) for part in text[6:].split(" ") if part]
    for name in ("redirect", "exp"):
        # RFC 7208 section 6: each of these at most once
        for n in [n for n, t in enumerate(terms) if t.modifier and t.name == name][1:]:
            terms[n] = _broken(terms[n].text, name, "repeated")
    return SpfRecord(text, tuple(terms))


def _broken(text: str, name: str, error: str) -> Term:
    return Term(text, name, error=error)


def _term(text: str) -> Term:
    if len(text) > TERM_LIMIT:
        return _broken(text, "", "too-long")
    if any(not 0x21 <= ord(c) <= 0x7E for c in text):
        # RFC 7208 section 4.6.1: US-ASCII without control characters
        return _broken(text, "", "bad-character")
    if found := _MODIFIER.fullmatch(text):
        return _modifier(text, found.group(1).lower(), found.group(2))
    found = _MECHANISM.fullmatch(text)
    if not found:
        if _is_ip4(text.partition("/")[0]):
            return _broken(text, "", "bare-address")
        # octets that are no UTF-8 are shown as \xff
        return _broken(text, "", "bad-character" if "\\x" in text else "unknown-term")
    qualifier, name, rest = found.group(1) or "+", found.group(2).lower(), found.group(3)
    reader = {"all": _all, "include": _needs_domain, "exists": _needs_domain, "a": _host, "mx": _host, "ptr": _ptr, "ip4": _ip4, "ip6": _ip6}.get(name)
    return reader(text, name, qualifier, rest) if reader else _broken(text, name, "unknown-term")


def _modifier(text: str, name: str, value: str) -> Term:
    if name in ("redirect", "exp"):
        error = domain_error(value)
        return Term(text, name, "", value, modifier=True, macros="%" in value, error=error)
    # RFC 7208 section 6: unknown modifiers are ignored, but their macro-string has to be one
    return Term(text, name, "", value, modifier=True, macros="%" in value, error=macro_error(value, explaining=False))


def _all(text: str, name: str, qualifier: str, rest: str) -> Term:
    return Term(text, name, qualifier, error="extra-value" if rest else None)


def _needs_domain(text: str, name: str, qualifier: str, rest: str) -> Term:
    value = rest[1:] if rest.startswith(":") else ""
    error = "missing-domain" if not value else "address-in-place-of-name" if _is_ip4(value) else domain_error(value)
    return Term(text, name, qualifier, value, macros="%" in value, error=error)


def _ptr(text: str, name: str, qualifier: str, rest: str) -> Term:
    if not rest:
        return Term(text, name, qualifier)
    return _needs_domain(text, name, qualifier, rest)


def _host(text: str, name: str, qualifier: str, rest: str) -> Term:
    cidr = _CIDR.search(rest)
    four, six = (cidr.group(1), cidr.group(2)) if cidr else (None, None)
    spec = rest[: cidr.start()] if cidr else rest
    value = spec[1:]
    term = Term(text, name, qualifier, value, int(four) if four else None, int(six) if six else None, macros="%" in value)
    error = None
    if spec and (not spec.startswith(":") or not value):
        error = "missing-domain" if spec == ":" else "bad-prefix"
    elif _bad_length(four, 32) or _bad_length(six, 128):
        error = "bad-prefix"
    elif value:
        error = "address-in-place-of-name" if _is_ip4(value) else domain_error(value)
    return Term(text, name, qualifier, value, term.cidr4, term.cidr6, macros=term.macros, error=error)


def _ip4(text: str, name: str, qualifier: str, rest: str) -> Term:
    address, slash, length = rest[1:].partition("/")
    error = None
    if not rest.startswith(":") or not _is_ip4(address):
        error = "bad-address"
    elif slash and (not length.isdigit() or _bad_length(length, 32)):
        error = "bad-prefix"
    return Term(text, name, qualifier, address, int(length) if slash and not error else None, error=error)


def _ip6(text: str, name: str, qualifier: str, rest: str) -> Term:
    address, slash, length = rest[1:].partition("/")
    error = None
    try:
        IPv6Address(address)
    except AddressValueError:
        error = "bad-address"
    if not rest.startswith(":") or "%" in address:
        error = "bad-address"
    elif slash and not error and (not length.isdigit() or _bad_length(length, 128)):
        error = "bad-prefix"
    return Term(text, name, qualifier, address, None, int(length) if slash and not error else None, error=error)


def _bad_length(text: str | None, most: int) -> bool:
    # RFC 7208 section 5.6: no leading zero
    return bool(text) and (not text.isascii() or (len(text) > 1 and text.startswith("0")) or len(text) > 3 or int(text) > most)  # type: ignore[union-attr, arg-type]


def _is_ip4(text: str) -> bool:
    try:
        return str(IPv4Address(text)) == text
    except AddressValueError:
        return False


def macro_error(text: str, *, explaining: bool) -> str | None:
    """What is wrong with a macro-string, or None. RFC 7208 section 7.1."""
    at = 0
    while (percent := text.find("%", at)) >= 0:
        found = _EXPAND.match(text, percent)
        if not found:
            return "bad-macro"
        letter, digits = found.group(1), found.group(2)
        if letter and (letter.lower() not in "slodiphcrtv" or (not explaining and letter.lower() in "crt") or (digits and int(digits[:4]) == 0)):
            # RFC 7208 section 7.2: c, r and t only in explanations; section 7.3: a number of labels is at least 1
            return "bad-macro"
        at = found.end()
    return None


def domain_error(text: str) -> str | None:
    """What is wrong with a domain-spec, or None. RFC 7208 section 7.1: it ends in a macro or in a top label with a dot before it."""
    if not text:
        return "missing-domain"
    if error := macro_error(text, explaining=False):
        return error
    ends = [m.end() for m in _EXPAND.finditer(text)]
    if ends and ends[-1] == len(text):
        return None
    if "%" in text:
        body = text[ends[-1] :] if ends else text
        last = body.rstrip(".") if not body.endswith("..") else ""
        label = last.rpartition(".")[2] if "." in last else ""
        return None if label and _TOP_LABEL.fullmatch(label) else "bad-domain"
    name = text[:-1] if text.endswith(".") else text
    labels = name.split(".")
    if len(labels) < 2 or not _TOP_LABEL.fullmatch(labels[-1]):
        return "bad-domain"
    return None
