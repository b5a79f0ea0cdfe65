"""Which addresses a record lets pass: its terms in their order, its includes, its hosts. Pure. RFC 7208 sections 4.6, 5 and 6.

What only a message can decide (macros, ptr, exists) is left out, and said so: then what is counted is "at least".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...model import frozen
from .record import SpfRecord, Term
from .spans import EVERYTHING, Spans, count4, count64, meet, merge, minus, networks, span

if TYPE_CHECKING:
    from .tree import Walk

MOST_SPANS = 2000  # of one record; no working record comes near
SHOWN = 48
WIDE4 = 8  # an IPv4 network this short or shorter: over 16 million addresses, more than any organization sends from
WIDE6 = 16
LARGE4 = 15  # from 131,072 addresses on: more than one sender's mail servers need
LARGE6 = 31  # larger than what a provider is given as a rule (RFC 6177 and the registries' policies: /32)
MANY = 1 << 24  # addresses from which a whole tree is as good as open


@frozen
class Reach:
    """The addresses that a record lets pass. complete False: at least these (macros, ptr, exists, or a record that is not there)."""

    passed: Spans = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Authorised:
    """The addresses that pass, counted, for people and JSON.

    ipv4       how many IPv4 addresses pass, each counted once
    ipv6_64    how many IPv6 networks of 64 bits have one that passes
    ranges     the networks, as few as it takes, the first 48; ranges_total says how many there are
    everybody  every address of the Internet passes, of one family at least
    complete   False: at least these; what macros, ptr and exists let pass, and what could not be looked up, comes on top
    """

    ipv4: int
    ipv6_64: int
    ranges: tuple[str, ...]
    ranges_total: int
    everybody: bool
    complete: bool


@dataclass(slots=True)
class Reaching:
    """Works out the reach of the records of a walk, each once."""

    walk: Walk
    known: dict[str, Reach] = field(default_factory=dict)
    hosts: dict[tuple[str, str], tuple[Spans, bool]] = field(default_factory=dict)  # what the a and mx terms of a record match, once it is all here

    def of(self, domain: str, path: tuple[str, ...] = ()) -> Reach:
        """What an include of `domain` matches (RFC 7208 section 5.2: what passes there)."""
        if domain in path:
            return Reach((), False)  # a permanent error: nothing passes by it
        if (before := self.known.get(domain)) is not None:
            return before
        record = self.walk.records.get(domain)
        out = self._evaluate(record, domain, (*path, domain)) if record is not None and record.valid else Reach((), False)
        self.known[domain] = out
        return out

    def _evaluate(self, record: SpfRecord, domain: str, path: tuple[str, ...]) -> Reach:
        passed: Spans = ()
        undecided: Spans = EVERYTHING
        complete = True
        for passing, terms in _runs(record):
            matched, sure = self._matched(terms, domain, path)
            complete = complete and sure
            # RFC 7208 section 4.6.2: the first term that matches decides
            hit = meet(matched, undecided)
            undecided = minus(undecided, hit)
            if passing:
                passed = merge((*passed, *hit))
            if len(passed) > MOST_SPANS:
                return Reach(passed[:MOST_SPANS], False)
        return Reach(passed, complete)

    def _matched(self, terms: list[Term], domain: str, path: tuple[str, ...]) -> tuple[Spans, bool]:
        parts: list[tuple[int, int]] = []
        sure = True
        seen: set[str] = set()
        for term in terms:
            key = term.text.lstrip("+-~?").lower()
            if key in seen:
                continue
            seen.add(key)
            found, certain = self.matches(term, domain, path)
            parts += found
            sure = sure and certain
        return merge(parts), sure

    def matches(self, term: Term, domain: str, path: tuple[str, ...] = ()) -> tuple[Spans, bool]:
        """The addresses that one term matches, and whether that is all of them."""
        if term.name == "all":
            return EVERYTHING, True
        if term.name in ("ip4", "ip6"):
            return (range_of(term),), True
        if term.macros or term.name in ("ptr", "exists"):
            return (), False
        if term.name in ("include", "redirect"):
            below = self.of(term.target(domain), path or (domain,))
            return below.passed, below.complete
        return self._hosts(term, domain)

    def _hosts(self, term: Term, domain: str) -> tuple[Spans, bool]:
        key = domain, term.text
        if (before := self.hosts.get(key)) is None:
            before = self._addresses(term, domain)
            if self.walk.holds(domain, term):
                self.hosts[key] = before
        return before

    def _addresses(self, term: Term, domain: str) -> tuple[Spans, bool]:
        hosts, sure = [term.target(domain)], True
        if term.name == "mx":
            answer = self.walk.answers.get((hosts[0], "MX"))
            sure = answer is not None and (answer.found or answer.absent)
            hosts = self.walk.exchanges(hosts[0])
        parts: list[tuple[int, int]] = []
        for host in hosts:
            for rtype, width in (("A", term.cidr4), ("AAAA", term.cidr6)):
                answer = self.walk.answers.get((host, rtype))
                if answer is None or (answer.unsure and not answer.looped):
                    sure = False
                elif answer.found:
                    parts += [span(value, width) for value in answer.values]
        return merge(parts), sure


def range_of(term: Term) -> tuple[int, int]:
    """The addresses of an ip4 or ip6 term."""
    return span(term.value, term.cidr4 if term.name == "ip4" else term.cidr6)


def _runs(record: SpfRecord) -> Iterator[tuple[bool, list[Term]]]:
    """The terms in their order, those that follow each other and say the same (pass, or anything else) taken together."""
    run: list[Term] = []
    passing = True
    for term in record.evaluated:
        # a redirect passes what passes there (RFC 7208 section 6.1)
        now = term.modifier or term.qualifier == "+"
        if run and now != passing:
            yield passing, run
            run = []
        passing = now
        run.append(term)
    if run:
        yield passing, run


def authorised(reach: Reach) -> Authorised:
    """A reach, counted."""
    found: list[str] = []
    total = 0
    for network in networks(reach.passed):
        total += 1
        if total <= SHOWN:
            found.append(str(network.network_address if network.prefixlen == network.max_prefixlen else network))
    whole = any(meet(reach.passed, family) == family for family in ((EVERYTHING[0],), (EVERYTHING[1],)))
    return Authorised(count4(reach.passed), count64(reach.passed), tuple(found), total, whole, reach.complete)


def is_wide(term: Term) -> bool:
    """More than any organization sends from: 16 million IPv4 addresses and more, or a 65,536th of IPv6."""
    return _shorter(term, WIDE4, WIDE6)


def is_large(term: Term) -> bool:
    """More than the servers of one sender, and not yet wide."""
    return not is_wide(term) and _shorter(term, LARGE4, LARGE6)


def _shorter(term: Term, four: int, six: int) -> bool:
    if term.name not in ("ip4", "ip6", "a", "mx"):
        return False
    return (term.cidr4 is not None and term.cidr4 <= four) or (term.cidr6 is not None and term.cidr6 <= six)


def overlapping(record: SpfRecord) -> tuple[tuple[Term, Term], ...]:
    """ip4 and ip6 terms that lie within another one of the same record, each with the widest that holds it.

    Only where no term refuses anything before the end: then whether the narrower one stands there changes no verdict
    (RFC 7208 section 4.6.2).
    """
    terms = [t for t in record.evaluated if not t.modifier and t.name != "all"]
    if any(t.qualifier != "+" for t in terms):
        return ()
    # the widest of those that begin together first
    ranges = sorted(((range_of(t), t) for t in terms if t.name in ("ip4", "ip6")), key=lambda pair: (pair[0][0], -pair[0][1]))
    out: list[tuple[Term, Term]] = []
    held, holder = (-1, -1), None
    for found, term in ranges:
        if holder is not None and found[1] <= held[1]:
            if found != held:
                out.append((term, holder))
        else:
            held, holder = found, term
    return tuple(out)
