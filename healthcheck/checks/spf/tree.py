"""The include tree of an SPF record: gathered level by level, then counted. RFC 7208 sections 4.6.4, 5.2 and 6.1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ...model import Answer, Outcome, Question
from .record import LOOKUP_TERMS, SpfRecord, Term, parse, select

MAX_LOOKUPS = 10  # RFC 7208 section 4.6.4
MAX_VOIDS = 2
MAX_HOSTS = 10  # names of one mx or ptr term
# A tree that needs more questions than this is far beyond the limit; the rest of the budget is left to the other topics.
QUESTIONS = 48
COUNT_LIMIT = 1000


class AsksAll(Protocol):
    def ask_all(self, questions: Iterable[Question]) -> tuple[Answer, ...]: ...


@dataclass(frozen=True, slots=True)
class Node:
    """One record of the tree. `lookups` and `voids` are those of the whole branch, in the worst case.

    via       the term that leads here ("include:_spf.example.net"); "" at the top
    error     none | several | syntax | loop | unknown (could not be looked up) | too-many (beyond what is walked); None where fine
    complete  False: the counts are at least
    repeated  this domain stands in the tree before; its branch is shown there and counted here again
    macros    terms that only a message can expand
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

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True)
class Walk:
    """What the questions brought; filled by `gather`, read by `build`."""

    dns: AsksAll
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    records: dict[str, SpfRecord | None] = field(default_factory=dict)
    left: int = QUESTIONS

    def ask(self, pairs: Iterable[tuple[str, str]]) -> None:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self.answers]
        for name, rtype in new[self.left :]:
            self.answers[name, rtype] = Answer(name, rtype, Outcome.NOT_ASKED)
        new = new[: self.left]
        self.left -= len(new)
        for pair, answer in zip(new, self.dns.ask_all([Question(n, t, role_of(t)) for n, t in new]), strict=True):
            self.answers[pair] = answer

    def gather(self, domain: str) -> None:
        """Ask for the whole tree: records level by level, then the hosts of all of them at once."""
        level = [domain]
        while level:
            self.ask((name, "TXT") for name in level)
            below: list[str] = []
            for name in level:
                found = select(self.answers[name, "TXT"])
                record = self.records[name] = parse(found[0]) if len(found) == 1 else None
                if record and record.valid:
                    below += [t.target(name) for t in record.evaluated if t.name in ("include", "redirect") and not t.macros]
            level = [name for name in dict.fromkeys(below) if name not in self.records]
        hosts = [(t.target(n), "MX" if t.name == "mx" else "A") for n, t in self._hosted()]
        self.ask(hosts)
        self.ask((host, "A") for n, rtype in hosts if rtype == "MX" for host in self._exchanges(n))

    def _hosted(self) -> Iterator[tuple[str, Term]]:
        for name, record in self.records.items():
            if record and record.valid:
                yield from ((name, t) for t in record.evaluated if t.name in ("a", "mx", "exists") and not t.macros)

    def _exchanges(self, name: str) -> list[str]:
        answer = self.answers.get((name, "MX"))
        return [host for _, host in answer.mx() if host != "."][:MAX_HOSTS] if answer and answer.found else []

    # ---------------------------------------------------------------- counting

    def voids(self, name: str, term: Term) -> tuple[int, bool]:
        """Void look-ups of one term for an IPv4 sender, and whether that is all there can be.

        RFC 7208 section 4.6.4: a look-up is void where the name does not exist or has no such record.
        """
        if term.macros:
            return 0, False
        if term.name == "ptr":
            return 0, False
        target = term.target(name)
        if term.name == "mx":
            answer = self.answers[target, "MX"]
            if not answer.found:
                return _void(answer)
            each = [_void(self.answers[host, "A"]) for host in self._exchanges(target)]
            return sum(n for n, _ in each), all(sure for _, sure in each)
        return _void(self.answers[target, "A"])


def role_of(rtype: str) -> str:
    return {"TXT": "spf-include", "MX": "spf-mx"}.get(rtype, "spf-host")


def _void(answer: Answer) -> tuple[int, bool]:
    if answer.absent or answer.looped:
        return 1, True
    return 0, answer.found


@dataclass(slots=True)
class _Builder:
    walk: Walk
    totals: dict[str, Node] = field(default_factory=dict)

    def node(self, domain: str, via: str, path: tuple[str, ...]) -> Node:
        if domain in path:
            return Node(domain, None, (), 0, 0, "loop", via)
        if before := self.totals.get(domain):
            return Node(domain, before.record, before.terms, before.lookups, before.voids, before.error, via, before.complete, before.voids_complete, True)
        out = self.totals[domain] = self._fresh(domain, via, (*path, domain))
        return out

    def _fresh(self, domain: str, via: str, path: tuple[str, ...]) -> Node:
        answer = self.walk.answers[domain, "TXT"]
        record = self.walk.records[domain]
        if answer.unsure and not answer.looped:
            error = "too-many" if answer.outcome is Outcome.NOT_ASKED and not answer.server and not answer.detail else "unknown"
            return Node(domain, None, (), 0, 0, error, via, False, False, answer=answer)
        if record is None:
            several = select(answer)
            error = "several" if several else "none"
            return Node(domain, None, (), 0, 0 if answer.found else 1, error, via, answer=answer)
        shown = tuple(t.text[:300] for t in record.terms)
        if not record.valid:
            return Node(domain, record.text, shown, 0, 0, "syntax", via, answer=answer)
        return self._counted(record, via, path, answer)

    def _counted(self, record: SpfRecord, via: str, path: tuple[str, ...], answer: Answer) -> Node:
        domain = path[-1]
        shown = tuple(t.text[:300] for t in record.terms)
        lookups = voids = 0
        complete = voids_complete = True
        children: list[Node] = []
        for term in record.evaluated:
            if term.name not in LOOKUP_TERMS:
                continue
            lookups += 1
            if term.name in ("include", "redirect"):
                if term.macros:
                    complete = voids_complete = False
                    continue
                child = self.node(term.target(domain), term.text, path)
                children.append(child)
                lookups, voids = lookups + child.lookups, voids + child.voids
                complete, voids_complete = complete and child.complete, voids_complete and child.voids_complete
            else:
                count, sure = self.walk.voids(domain, term)
                voids, voids_complete = voids + count, voids_complete and sure
        macros = tuple(t.text[:300] for t in record.evaluated if t.macros)
        counts = min(lookups, COUNT_LIMIT), min(voids, COUNT_LIMIT)
        complete = complete and lookups <= COUNT_LIMIT
        return Node(domain, record.text, shown, *counts, None, via, complete, voids_complete, False, macros, tuple(children), answer)


def build(walk: Walk, domain: str) -> Node:
    """The tree of what was gathered. Pure. A domain's branch is shown once and counted each time it is reached."""
    return _Builder(walk).node(domain, "", ())
