"""What a name alone says of an address: a slip of the finger, a throw-away service, a role, a parked domain. Pure; nobody is asked.

Which domains are widely used, how fingers slip and which names stand for a role is data (data/recipients.toml).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from .catalog import DATA, catalog
from .kept import kept

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

LEAST = 5  # letters of a name that is compared by letters; shorter ones are within a slip of too many others
SURE = 7  # from here on any one slip is told, before only those that fingers make
LONG = 9  # from here on two slips are told


@dataclass(frozen=True, slots=True)
class Slip:
    """A domain that was probably meant. kind: a key of [reasons] of the finding: swapped, left-out, doubled, extra, other, two,
    suffix, suffix-and-letters, subdomain, dots."""

    meant: str
    kind: str


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """One row of [[mailbox]]: where the customers of a provider have their addresses."""

    name: str
    domains: tuple[str, ...]
    only: bool = False
    word: bool = False
    slips: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """One mailbox domain, cut at its first dot."""

    domain: str
    name: str
    suffix: str
    only: bool
    word: bool


# ------------------------------------------------------------------ slips


@lru_cache(maxsize=4096)
def likely_meant(domain: str) -> Slip | None:
    """The widely used mailbox domain that this one was probably typed for, or None. Pure; a guess from the name alone.

    domain   lower case, A-labels, without a trailing dot.
    One slip (a letter left out, doubled, swapped or struck beside; Damerau-Levenshtein distance 1) is told, two for names of nine
    letters and more; in short names only what fingers and ears confuse, and none at all below five letters. Suffixes count as
    slips where they do not exist and are one slip away, and a few that do (data/recipients.toml). A domain that is itself well
    known is never called a slip. None does not mean that the address is right.

    >>> likely_meant("gmial.com"), likely_meant("ymail.com")
    (Slip(meant='gmail.com', kind='swapped'), None)
    """
    if well_known(domain) or disposable((domain,)):
        return None
    for row in _mailboxes():
        if domain in row.slips:
            return Slip(row.slips[domain], "other")
    found = min(_candidates(domain), key=lambda c: c[0], default=None)
    return found[1] if found else None


def _candidates(domain: str) -> Iterator[tuple[int, Slip]]:
    """(how far, slip) of each domain that may have been meant, the widely used first; subdomains and stray dots the nearest."""
    name, _, suffix = domain.partition(".")
    if name in _data()["slips"]["prefixes"] and suffix in _targets():
        yield 0, Slip(suffix, "subdomain")
    if meant := _without_dots().get(domain.replace(".", "")):
        yield 1, Slip(meant, "dots")
    for target in _by_suffix().get(suffix, ()):
        if kind := _name_slip(name, target.name, target.word):
            yield (2 if kind == "two" else 1), Slip(target.domain, kind)
    for target in _by_name().get(name, ()):
        if target.suffix != suffix and _suffix_slip(suffix, target.suffix, target.name, target.only):
            yield 1, Slip(target.domain, "suffix")
    for other in _suffixes_near(suffix):
        for target in _by_suffix()[other]:
            if _name_slip(name, target.name, target.word) not in (None, "two") and _suffix_slip(suffix, other, target.name, False):
                yield 3, Slip(target.domain, "suffix-and-letters")


def _name_slip(typed: str, meant: str, word: bool) -> str | None:
    """How a name differs from the one that was meant, where fingers slip like that; else None."""
    if len(meant) < LEAST or abs(len(typed) - len(meant)) > (2 if len(meant) >= LONG else 1) or not typed:
        return None
    kind, at = _one_slip(typed, meant)
    if kind is None:
        return "two" if len(meant) >= LONG and not word and typed[0] == meant[0] and distance(typed, meant) == 2 else None
    if word:
        return kind if kind in ("swapped", "doubled") else None
    if kind in ("swapped", "doubled"):
        return kind
    if len(meant) >= SURE:  # fingers know the first letter
        return None if kind == "other" and at == 0 and not _near(typed[0], meant[0]) else kind
    if at == 0:
        return None
    if kind == "extra":
        return kind if any(_near(typed[at], meant[i]) for i in (at - 1, at) if 0 <= i < len(meant)) else None
    return kind if kind == "left-out" or _near(typed[at], meant[at]) else None


def _one_slip(typed: str, meant: str) -> tuple[str | None, int]:
    """(kind, place) of the one slip between two words; (None, 0) where there are more, or none."""
    at = 0
    while at < min(len(typed), len(meant)) and typed[at] == meant[at]:
        at += 1
    tail = 0
    while tail < min(len(typed), len(meant)) - at and typed[-1 - tail] == meant[-1 - tail]:
        tail += 1
    was, is_ = meant[at : len(meant) - tail], typed[at : len(typed) - tail]
    if len(was) == 1 and not is_:
        return "left-out", at
    if len(is_) == 1 and not was:
        return ("doubled" if at and typed[at] == typed[at - 1] else "extra"), at
    if len(was) == len(is_) == 1:
        return "other", at
    if len(was) == 2 and was == is_[::-1]:
        return "swapped", at
    return None, 0


def distance(one: str, other: str) -> int:
    """The Damerau-Levenshtein distance (optimal string alignment): letters left out, put in, changed, or swapped with the next. Pure.

    >>> distance("gmial", "gmail"), distance("protonmial", "protonmail"), distance("", "abc")
    (1, 1, 3)
    """
    before: list[int] = []
    above = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, above = above, row
    return above[-1]


def _suffix_slip(typed: str, meant: str, name: str, only: bool) -> bool:
    """Was this suffix probably typed for that one? A suffix that exists counts as meant, but for the few that people land on."""
    if not typed or not (near := _suffix_near(typed, meant)):
        return only and len(name) >= LEAST and bool(typed) and _exists(typed)
    if near == "listed":
        return len(name) >= LEAST
    return near == "twice" or (only and len(name) >= LEAST) or not _exists(typed)


@lru_cache(maxsize=4096)
def _suffix_near(typed: str, meant: str) -> str:
    """How near a suffix is to another one: twice (it stands there again), listed, slip, or "" where it is not near."""
    if typed in (f"{meant}.{meant}", meant + meant):
        return "twice"
    if typed in _data()["slips"]["suffixes"].get(meant, ()):
        return "listed"
    return "slip" if typed and abs(len(typed) - len(meant)) < 2 and distance(typed, meant) == 1 else ""


@lru_cache(maxsize=1024)
def _suffixes_near(typed: str) -> tuple[str, ...]:
    return tuple(suffix for suffix in _by_suffix() if suffix != typed and _suffix_near(typed, suffix))


@lru_cache(maxsize=1024)
def _exists(suffix: str) -> bool:
    """Can domains be registered below it? Under a label that no suffix begins with: some registries sell below single letters."""
    return bool(_suffixes().publicsuffix(f"health-check.{suffix}", accept_unknown=False) == suffix)


# ------------------------------------------------------------------ what is known of a name


def well_known(domain: str) -> bool:
    """Is this a domain where many people have their mailbox (data/recipients.toml, and the receivers of data/replies)? Pure.

    >>> well_known("gmail.com"), well_known("example.com")
    (True, False)
    """
    return domain in catalog().mailbox_domains


def disposable(names: Iterable[str]) -> str | None:
    """The service of throw-away addresses that one of these names (the domain, its mail hosts) belongs to, or None. Pure.

    The list is short and grows old: None does not mean that the address will last.

    >>> disposable(["mailinator.com"]), disposable(["example.com"])
    ('Mailinator', None)
    """
    found: str | None = _listed(names, _disposable())
    return found


def parking(nameservers: Iterable[str]) -> tuple[str, str] | None:
    """(who, "parked" or "expired") where a domain's nameservers are those of a parking service or for domains that nobody paid for. Pure.

    >>> parking(["ns1.sedoparking.com"])
    ('Sedo', 'parked')
    """
    found: tuple[str, str] | None = _listed(nameservers, _parking())
    return found


def role_of(address: str) -> str | None:
    """Which kind of role the local part of an address stands for: standard, lists, machine or common; None for a person's, as far as its name says.

    address   an address, or a local part alone; "+tag" is passed over. Pure; no mailbox is asked.
    A role address works as any other: it is read by whoever has the role, by several people, or by nobody.
    Standard: RFC 2142 (standard, lists), RFC 5233 section 1 (the tag).

    >>> role_of("Postmaster@example.com"), role_of("office+news@example.com"), role_of("jane@example.com")
    ('standard', 'common', None)
    """
    local = address.rpartition("@")[0] or address
    local = local.strip().strip('"').lower().partition("+")[0]
    rows = _data()["role"]
    lists = rows["lists"]
    if any(local.endswith(s) and local != s for s in lists["suffixes"]) or any(local.startswith(p) for p in lists["prefixes"]):
        return "lists"
    return next((kind for kind, row in rows.items() if local in row.get("names", ())), None)


def corrected(address: str) -> str | None:
    """The address with the domain that was probably meant, or None. Never to be used without asking its owner. Pure.

    >>> corrected("jane@gmial.com"), corrected("jane@example.com")
    ('jane@gmail.com', None)
    """
    local, at, domain = address.strip().strip("<>").rpartition("@")
    slip = likely_meant(domain.lower().rstrip(".")) if local and at else None
    return f"{local}@{slip.meant}" if slip else None


def _listed(names: Iterable[str], listed: Mapping[str, Any]) -> Any:
    """The first row that holds a name, or a name above it."""
    for name in names:
        labels = name.lower().rstrip(".").split(".")
        for i in range(len(labels)):
            if (row := listed.get(".".join(labels[i:]))) is not None:
                return row
    return None


# ------------------------------------------------------------------ rows


@cache
def _data() -> Mapping[str, Any]:
    path = DATA / "recipients.toml"
    return kept("recipients", (path,), lambda: tomllib.loads(path.read_text(encoding="utf-8")))


@cache
def _mailboxes() -> tuple[Mailboxes, ...]:
    return tuple(
        Mailboxes(row["name"], tuple(row["domains"]), row.get("only", False), row.get("word", False), row.get("slips", {})) for row in _data()["mailbox"]
    )


@cache
def _targets() -> frozenset[str]:
    return frozenset(domain for row in _mailboxes() for domain in row.domains)


@cache
def _all_targets() -> tuple[Target, ...]:
    """Each mailbox domain, the most widely used first."""
    return tuple(Target(d, *d.partition(".")[::2], row.only, row.word) for row in _mailboxes() for d in row.domains)


@cache
def _by_suffix() -> Mapping[str, tuple[Target, ...]]:
    return {suffix: tuple(t for t in _all_targets() if t.suffix == suffix) for suffix in dict.fromkeys(t.suffix for t in _all_targets())}


@cache
def _by_name() -> Mapping[str, tuple[Target, ...]]:
    return {name: tuple(t for t in _all_targets() if t.name == name) for name in dict.fromkeys(t.name for t in _all_targets())}


@cache
def _without_dots() -> Mapping[str, str]:
    return {t.domain.replace(".", ""): t.domain for t in reversed(_all_targets()) if len(t.name) >= LEAST}


@cache
def _disposable() -> Mapping[str, str]:
    return {domain: row["name"] for row in _data()["disposable"] for domain in row["domains"]}


@cache
def _parking() -> Mapping[str, tuple[str, str]]:
    return {host: (row["name"], row["state"]) for row in _data()["parking"] for host in row["hosts"]}


@cache
def _beside() -> frozenset[tuple[str, str]]:
    """Pairs of letters that stand beside each other on a keyboard, or are taken for one another."""
    out = {(a, b) for group in _data()["slips"]["alike"] for a in group for b in group if a != b}
    for rows in _data()["slips"]["keyboards"]:
        for y, keys in enumerate(rows):
            for x, key in enumerate(keys):
                near = [(x - 1, y), (x + 1, y), (x, y + 1), (x - 1, y + 1)]  # each row stands half a key to the right of the one above
                out |= {pair for i, j in near if j < len(rows) and 0 <= i < len(rows[j]) for pair in ((key, rows[j][i]), (rows[j][i], key))}
    return frozenset(out)


def _near(one: str, other: str) -> bool:
    return (one, other) in _beside()


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # 30 to 150 ms, once a process, and only where a name is near a mailbox domain's

    return PublicSuffixList()


def registered(domain: str) -> str:
    """The registered domain (one label below a public suffix) of a name, or the name itself. Pure."""
    return domain if domain.count(".") < 2 else _suffixes().privatesuffix(domain) or domain
