"""The include tree of an SPF record: gathered level by level, then counted. RFC 7208 sections 4.6.4, 5.2 and 6.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ...model import Answer, Outcome, Question, frozen
from .reach import Reaching
from .record import LOOKUP_TERMS, SpfRecord, Term, parse, select
from .spans import count4, count64
from .vendors import vendor_of

MAX_LOOKUPS = 10  # RFC 7208 section 4.6.4
MAX_VOIDS = 2
MAX_HOSTS = 10  # names of one mx or ptr term
# A tree that needs more questions than this is far beyond the limit; the rest of the budget is left to the other topics.
QUESTIONS = 48
COUNT_LIMIT = 1000


class AsksAll(Protocol):
    def demand(self, questions: Iterable[Question]) -> None: ...
    def here(self, questions: Sequence[Question]) -> object | None: ...
    def ask_all(self, questions: Iterable[Question]) -> tuple[Answer, ...]: ...


@frozen
class Node:
    """One record of the tree. `lookups` and `voids` are those of the whole branch, in the worst case, the voids for a sender
    with an IPv4 address; `voids6` for one with an IPv6 address, whose look-ups ask the hosts for AAAA.

    via       the term that leads here ("include:_spf.example.net"); "" at the top
    error     none | several | syntax | loop | unknown (could not be looked up) | too-many (beyond what is walked); None where fine
    complete  False: the counts are at least
    repeated  this domain stands in the tree before; its branch is shown there and counted here again
    macros    terms that only a message can expand
    ipv4      addresses that the branch lets pass, each counted once; ipv6_64 the same in networks of 64 bits
    counted   False: those two are at least (macros, ptr, exists, or something that could not be looked up)
    vendor    the service whose record this is, by data/esps.toml; "" where it is none of those
    """

    domain: str
    record: str | None
    terms: tuple[str, ...]
    lookups: int
    voids: int
    error: str | None
    via: str = ""
    complete: bool = True
    voids_complete: bool = True
    repeated: bool = False
    macros: tuple[str, ...] = ()
    children: tuple[Node, ...] = ()
    answer: Answer | None = None
    voids6: int = 0
    voids6_complete: bool = True
    ipv4: int = 0
    ipv6_64: int = 0
    counted: bool = True
    vendor: str = ""

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True)
class Walk:
    """What the questions brought; filled by `set_out` and `arrive`, read by Builder."""

    dns: AsksAll
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    records: dict[str, SpfRecord | None] = field(default_factory=dict)
    left: int = QUESTIONS
    out: list[tuple[str, str]] = field(default_factory=list)  # demanded, and not waited for so far
    order: list[tuple[str, str]] = field(default_factory=list)  # the same, when some of them were taken early
    counted: dict[tuple[str, str, str], tuple[int, bool]] = field(default_factory=dict)  # the void look-ups of terms, once

    def demand(self, pairs: Iterable[tuple[str, str]]) -> None:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self.answers and pair not in self.out]
        for name, rtype in new[self.left :]:
            self.answers[name, rtype] = Answer(name, rtype, Outcome.NOT_ASKED)
        new = new[: self.left]
        self.left -= len(new)
        self.out += new
        self.dns.demand(_questions(new))

    def arrive(self, only: str = "") -> None:
        """Waits for what was demanded; `only`: the questions of this type."""
        self._take([pair for pair in self.out if not only or pair[1] == only])
        for pair in self.order:  # what is told of them does not depend on which came first
            self.answers[pair] = self.answers.pop(pair)

    def arrived(self) -> None:
        """Takes what is here of what was demanded, and waits for nothing. All that is left is waited for after this, at once."""
        self.order = self.out
        self._take([pair for pair in self.out if self.dns.here(_questions((pair,))) is not None])

    def _take(self, those: list[tuple[str, str]]) -> None:
        self.answers.update(zip(those, self.dns.ask_all(_questions(those)), strict=True))
        self.out = [pair for pair in self.out if pair not in self.answers]

    def set_out(self, domain: str) -> None:
        """Demands the whole tree: records level by level, then the hosts of all of them at once; IPv6 last, if there is room."""
        level = [domain]
        while level:
            self.demand((name, "TXT") for name in level)
            self.arrive()
            below: list[str] = []
            for name in level:
                found = select(self.answers[name, "TXT"])
                record = self.records[name] = parse(found[0]) if len(found) == 1 else None
                if record and record.valid:
                    below += [t.target(name) for t in record.evaluated if t.name in ("include", "redirect") and not t.macros]
            level = [name for name in dict.fromkeys(below) if name not in self.records]
        hosts = [(t.target(n), "MX" if t.name == "mx" else "A") for n, t in self._hosted()]
        self.demand(hosts)
        self.arrive("MX")
        exchanges = [host for n, rtype in hosts if rtype == "MX" for host in self.exchanges(n)]
        self.demand((host, "A") for host in exchanges)
        # RFC 7208 section 5.7: exists asks for A whatever the sender's address
        own = [t.target(n) for n, t in self._hosted() if t.name == "a"]
        self.demand((host, "AAAA") for host in (*own, *exchanges))

    def _hosted(self) -> Iterator[tuple[str, Term]]:
        for name, record in self.records.items():
            if record and record.valid:
                yield from ((name, t) for t in record.evaluated if t.name in ("a", "mx", "exists") and not t.macros)

    def exchanges(self, name: str) -> list[str]:
        """The hosts of an mx term, as many as a receiver looks at."""
        answer = self.answers.get((name, "MX"))
        return [host for _, host in answer.mx() if host != "."][:MAX_HOSTS] if answer and answer.found else []

    def holds(self, name: str, term: Term) -> bool:
        """Are the hosts of an a or mx term here, with all their addresses?"""
        hosts = [term.target(name)]
        if term.macros or term.name not in ("a", "mx") or (term.name == "mx" and (hosts[0], "MX") not in self.answers):
            return False
        return all((host, rtype) in self.answers for host in (self.exchanges(hosts[0]) if term.name == "mx" else hosts) for rtype in ("A", "AAAA"))

    # ---------------------------------------------------------------- counting

    def voids(self, name: str, term: Term, rtype: str = "A") -> tuple[int, bool]:
        """Void look-ups of one term for an IPv4 sender (AAAA: for one with IPv6), and whether that is all there can be.

        RFC 7208 section 4.6.4: a look-up is void where the name does not exist or has no such record.
        """
        key = name, term.text, rtype
        if (before := self.counted.get(key)) is None:
            before = self.counted[key] = self._voids(name, term, rtype)
        return before

    def _voids(self, name: str, term: Term, rtype: str) -> tuple[int, bool]:
        if term.macros or term.name == "ptr":
            return 0, False
        target = term.target(name)
        if term.name == "exists":
            return _void(self.answers[target, "A"])
        if term.name == "mx":
            answer = self.answers[target, "MX"]
            if not answer.found:
                return _void(answer)
            each = [_void(self.answers[host, rtype]) for host in self.exchanges(target)]
            return sum(n for n, _ in each), all(sure for _, sure in each)
        return _void(self.answers[target, rtype])

    def crowded(self) -> tuple[tuple[str, Term, Answer], ...]:
        """The mx terms with more than ten hosts, each with its record's name and the answer.

        RFC 7208 section 4.6.4: such a term is a permanent error.
        """
        out = []
        for name, term in self._hosted():
            answer = self.answers[term.target(name), "MX"] if term.name == "mx" else None
            if answer is not None and answer.found and len(answer.values) > MAX_HOSTS:
                out.append((name, term, answer))
        return tuple(out)


def _questions(pairs: Iterable[tuple[str, str]]) -> list[Question]:
    return [Question(name, rtype, role_of(rtype)) for name, rtype in pairs]


def role_of(rtype: str) -> str:
    return {"TXT": "spf-include", "MX": "spf-mx"}.get(rtype, "spf-host")


def _void(answer: Answer) -> tuple[int, bool]:
    if answer.absent or answer.looped:
        return 1, True
    return 0, answer.found


@dataclass(slots=True)
class Builder:
    """Makes the tree of what was gathered. Pure. A domain's branch is shown once and counted each time it is reached."""

    walk: Walk
    reaching: Reaching
    totals: dict[str, Node] = field(default_factory=dict)
    early: dict[str, Node] = field(default_factory=dict)

    def begin(self, domain: str) -> None:
        """What waits for nothing that is not here: branches of the record that lead no further, and the hosts that it names itself.
        To be called while the hosts of others are on their way."""
        record, vendor = self.walk.records.get(domain), vendor_of(domain)
        for term in record.evaluated if record is not None and record.valid else ():
            name = term.target(domain)
            below = self.walk.records.get(name) if term.name in ("include", "redirect") and not term.macros else None
            if below is not None and name != domain and all(t.name not in LOOKUP_TERMS or self.walk.holds(name, t) for t in below.evaluated):
                self.early.setdefault(name, self._fresh(name, term.text, (domain, name), vendor_of(name) or vendor))
            elif self.walk.holds(domain, term):
                self.walk.voids(domain, term)
                self.walk.voids(domain, term, "AAAA")
                self.reaching.matches(term, domain)

    def tree(self, domain: str) -> Node:
        return self.node(domain, "", ())

    def node(self, domain: str, via: str, path: tuple[str, ...], vendor: str = "") -> Node:
        if domain in path:
            return Node(domain, None, (), 0, 0, "loop", via)
        if before := self.totals.get(domain):
            return replace(before, via=via, repeated=True, children=(), macros=(), answer=None)
        # what a service's record includes is the service's, unless it is another one's
        vendor, early = vendor_of(domain) or vendor, self.early.get(domain)
        same = early is not None and (early.via, early.vendor) == (via, vendor)
        out = self.totals[domain] = early if early is not None and same else self._fresh(domain, via, (*path, domain), vendor)
        return out

    def _fresh(self, domain: str, via: str, path: tuple[str, ...], vendor: str) -> Node:
        answer = self.walk.answers[domain, "TXT"]
        record = self.walk.records[domain]
        bare = Node(domain, None, (), 0, 0, None, via, answer=answer, vendor=vendor)
        if answer.unsure and not answer.looped:
            error = "too-many" if answer.outcome is Outcome.NOT_ASKED and not answer.server and not answer.detail else "unknown"
            return replace(bare, error=error, complete=False, voids_complete=False, voids6_complete=False, counted=False)
        if record is None:
            void = 0 if answer.found else 1
            return replace(bare, error="several" if select(answer) else "none", voids=void, voids6=void)
        if not record.valid:
            return replace(bare, error="syntax", record=record.text, terms=_shown(record))
        return self._counted(record, via, path, answer, vendor)

    def _counted(self, record: SpfRecord, via: str, path: tuple[str, ...], answer: Answer, vendor: str) -> Node:
        domain = path[-1]
        lookups = voids = voids6 = 0
        complete = voids_complete = voids6_complete = True
        children: list[Node] = []
        for term in record.evaluated:
            if term.name not in LOOKUP_TERMS:
                continue
            lookups += 1
            if term.name in ("include", "redirect"):
                if term.macros:
                    complete = voids_complete = voids6_complete = False
                    continue
                child = self.node(term.target(domain), term.text, path, vendor)
                children.append(child)
                lookups, voids, voids6 = lookups + child.lookups, voids + child.voids, voids6 + child.voids6
                complete = complete and child.complete
                voids_complete, voids6_complete = voids_complete and child.voids_complete, voids6_complete and child.voids6_complete
            else:
                count, sure = self.walk.voids(domain, term)
                voids, voids_complete = voids + count, voids_complete and sure
                count, sure = self.walk.voids(domain, term, "AAAA")
                voids6, voids6_complete = voids6 + count, voids6_complete and sure
        reach = self.reaching.of(domain)
        return Node(
            domain,
            record.text,
            _shown(record),
            min(lookups, COUNT_LIMIT),
            min(voids, COUNT_LIMIT),
            None,
            via,
            complete and lookups <= COUNT_LIMIT,
            voids_complete,
            macros=tuple(t.text[:300] for t in record.evaluated if t.macros),
            children=tuple(children),
            answer=answer,
            voids6=min(voids6, COUNT_LIMIT),
            voids6_complete=voids6_complete,
            ipv4=count4(reach.passed),
            ipv6_64=count64(reach.passed),
            counted=reach.complete,
            vendor=vendor,
        )


def _shown(record: SpfRecord) -> tuple[str, ...]:
    return tuple(t.text[:300] for t in record.terms)
