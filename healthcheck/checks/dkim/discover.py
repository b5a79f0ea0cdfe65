"""Which selectors to ask for. A selector cannot be listed, only guessed: by the services that a domain's records name, and by habit. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from ...catalog import catalog
from ...model import Answer
from ...model.lists import Signer
from .record import texts

MAX_HINTED = 40  # selectors of services, of one domain
MAX_DATED = 24  # selectors made of a date, of one domain
MONTHS, YEARS = 12, 4  # how far back those reach
_INCLUDE = re.compile(r"^[+?~-]?(?:include:|redirect=)(.+)$")
_MAILTO = re.compile(r"mailto:[^@,;!\s]+@([A-Za-z0-9._-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hint:
    """A service that the domain's records name. by: mx | spf | rua, the record that does; selectors: those it signs under."""

    service: str
    by: str
    selectors: tuple[str, ...]


def included(answer: Answer) -> list[str]:
    """The names that the SPF record of an answer refers to, in lower case. Pure. RFC 7208 sections 5.2, 6.1."""
    words = [word.lower() for text in texts(answer) if text[:6].lower() == "v=spf1" for word in text[:8192].split(" ")]
    return [found.group(1).rstrip(".") for word in words if (found := _INCLUDE.match(word))]


def report_domains(answer: Answer) -> list[str]:
    """The domains that the DMARC record of an answer sends its reports to. Pure. RFC 9989 section 4.7, tags rua and ruf."""
    found = (m for text in texts(answer) if text[:8].upper().startswith("V=DMARC1") for m in _MAILTO.finditer(text[:8192]))
    return list(dict.fromkeys(m.group(1).lower().rstrip(".") for m in found))


def hints(mx_hosts: Iterable[str], includes: Iterable[str], reports: Iterable[str] = (), now: datetime | None = None) -> tuple[Hint, ...]:
    """The services that MX hosts, SPF names and report addresses belong to, each with its selectors. Pure.

    A hint is a question worth asking and no more: that the service really signs for the domain only a key can tell.
    `now` fills selectors that carry a date; without it those are left out.

    >>> [(h.service, h.by) for h in hints(["mx.zoho.eu"], ["spf.mtasv.net"])]
    [('Postmark', 'spf'), ('Zoho Mail', 'mx')]
    >>> hints([], ["1234567.spf04.hubspotemail.net"])[0].selectors[:2]
    ('hs1-1234567', 'hs2-1234567')
    """
    known = _index()
    named: dict[str, str] = {}
    for name in includes:
        # a row is a name of its own, or (with a dot in front) all names below it
        for signer in (*known.spf.get(name, ()), *(id for suffix in _above(name) for id in known.spf.get(f".{suffix}", ()))):
            named.setdefault(signer, name)
    by_mx = {signer for host in mx_hosts for suffix in _suffixes(host) for signer in known.mx.get(suffix, ())}
    by_rua = {signer for domain in reports for suffix in _suffixes(domain) for signer in known.rua.get(suffix, ())}
    found = named.keys() | by_mx | by_rua
    out = []
    for signer in (s for s in catalog().signers.values() if s.id in found) if found else ():
        by = "mx" if signer.id in by_mx else "spf" if signer.id in named else "rua"
        if signer.selectors or signer.dated:
            out.append(Hint(signer.name, by, tuple(_filled(signer, named.get(signer.id), now))))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class _Index:
    """The names by which services are known -> their ids, in the order of the catalog; of mx, rua and keys without the dot in front."""

    mx: dict[str, list[str]]
    rua: dict[str, list[str]]
    keys: dict[str, list[str]]
    spf: dict[str, list[str]]


@cache
def _index() -> _Index:
    index = _Index({}, {}, {}, {})
    for signer in catalog().signers.values():
        for held, names in ((index.mx, signer.mx), (index.rua, signer.rua), (index.keys, signer.keys), (index.spf, signer.spf)):
            for name in names:
                held.setdefault(name if held is index.spf else name.lstrip("."), []).append(signer.id)
    return index


def _above(name: str) -> Iterator[str]:
    """The names above a name, the nearest first."""
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _suffixes(name: str) -> tuple[str, ...]:
    return (name, *_above(name))


def hinted(mx_hosts: Iterable[str], includes: Iterable[str], reports: Iterable[str] = (), now: datetime | None = None) -> tuple[str, ...]:
    """The selectors of `hints`, each once, at most MAX_HINTED. Pure."""
    found = hints(mx_hosts, includes, reports, now)
    return tuple(dict.fromkeys(s for hint in found for s in hint.selectors))[:MAX_HINTED]


def _filled(signer: Signer, named: str | None, now: datetime | None) -> Iterator[str]:
    label = (named or "").partition(".")[0]
    for selector in signer.selectors:
        if "{label}" not in selector:
            yield selector
        elif label.isalnum():
            yield selector.replace("{label}", label)
    if now is not None:
        yield from dates(signer.dated, now)


def dates(shapes: Iterable[str], now: datetime) -> tuple[str, ...]:
    """Selectors of these shapes for the last months (or years, where a shape holds no month), the newest first; at most MAX_DATED. Pure.

    >>> dates(["s{Y}"], datetime(2026, 11, 22))
    ('s2026', 's2025', 's2024', 's2023')
    """
    out = []
    for shape in shapes:
        months = range(MONTHS) if "{m}" in shape else range(0, 12 * YEARS, 12)
        for back in months:
            year, month = divmod(now.year * 12 + now.month - 1 - back, 12)
            out.append(shape.replace("{Y}", f"{year:04}").replace("{y}", f"{year % 100:02}").replace("{m}", f"{month + 1:02}"))
    return tuple(dict.fromkeys(out))[:MAX_DATED]


def service_of(target: str) -> str | None:
    """The service that an alias' target belongs to, by name; None where it is none that is known. Pure.

    >>> service_of("k1.shop.example.dkim.amazonses.com")
    'Amazon SES'
    """
    known, signers = _index().keys, catalog().signers
    found = {signer for suffix in _suffixes(target) for signer in known.get(suffix, ())}
    return next((s.name for s in signers.values() if s.id in found), None) if found else None
