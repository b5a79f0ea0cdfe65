"""Thinking ahead: what can be made of the answers that are here, while a scan waits for those of its longest chain.

A topic whose turn comes later is gathered on trial. It is told what is here, and nothing is asked, charged or waited for; what is not here ends the
trial. In its own turn all that it was told is asked for, properly and in the same order, and what it made holds only where it is told the very same.
So a report, its transcript and what it charges are those of a scan that thinks of nothing before its turn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from .checks import judged, key_of
from .checks.facts import Facts
from .model import Answer, Fetch, Fetched, Finding, Question

if TYPE_CHECKING:
    from .edge.world import Session

_FACTS = tuple(f.name for f in dataclasses.fields(Facts))


class NotYet(BaseException):
    """What a trial wants to know is not here. No Exception, so that no topic takes it for a fault that it knows what to do with."""


class _SoFar(Facts):
    """Facts, without those that may still change: reading one of them ends the trial."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        raise NotYet(name)


class _Trial:
    """A session that tells what is here, and notes what it told. Whatever else a topic wants of it ends the trial."""

    def __init__(self, session: Session) -> None:
        self._session, self.now = session, session.now
        self.dns = self.fetch = self.world = self
        self._told: dict[Question, Answer] = {}
        self._others: list[tuple[Callable[[], Any], Any]] = []  # how to ask for it properly, and what it was

    def __getattr__(self, name: str) -> Any:
        raise NotYet(name)

    # what a topic knows as session.dns

    def ask(self, name: str, rtype: str) -> Answer:
        return self.ask_all((Question(name, rtype),))[0]

    def ask_at(self, address: str, name: str, rtype: str) -> Answer:
        return self.ask_all((Question(name, rtype, at=address),))[0]

    def ask_all(self, questions: Iterable[Question]) -> tuple[Answer, ...]:
        if (here := self._session.dns.here(tuple(questions))) is None:
            raise NotYet
        answers, new = here
        self._told |= new
        return answers

    # session.fetch

    def get(self, fetch: Fetch) -> Fetched:
        port = self._session.fetch
        if (got := port.here(fetch)) is None:
            raise NotYet
        self._others.append((lambda: port.get(fetch), got))
        return got

    # session.world

    @property
    def only_zone(self) -> bool:
        return self._session.world.only_zone

    @property
    def nameservers(self) -> tuple[str, ...]:
        return self._session.world.nameservers

    @property
    def bogus_probe(self) -> str:
        return self._session.world.bogus_probe

    def validates(self, server: str) -> bool | None:
        world = self._session.world
        known = world.validates(server)
        self._others.append((lambda: world.validates(server), known))
        return known

    def holds(self) -> bool:
        """Asks for all of it, in the topic's turn. Is it the very same?"""
        return self._session.dns.same(self._told) and all(ask() == told for ask, told in self._others)


class Ahead:
    """What was thought ahead in one scan. Used by the thread that scans; `made` also by those of topics that wait for hosts.

    before    the topics whose turn came before the wait; later: those whose turn comes after it; each in their order
    waiting   the topic that waits
    findings  topic id -> what it finds, for those that were judged; of a topic that is not in it nothing is known here. Who looks at a topic once
              more takes it out where something else comes of that
    """

    def __init__(self, session: Session, facts: Facts, before: Sequence[ModuleType], waiting: ModuleType, later: Sequence[ModuleType]) -> None:
        self._session, self._facts = session, facts
        self._unjudged = [topic for topic in before if topic is not waiting]
        self._later = list(later)
        # what a topic looks at once more may still change: its own findings hold until then, and nobody else's may rest on it
        self._open = {key_of(topic.TOPIC) for topic in (*before, *later) if topic not in self._unjudged or hasattr(topic, "again")}
        self._values: dict[str, tuple[Any, _Trial]] = {}
        self.findings: dict[str, tuple[Finding, ...]] = {}

    def think(self) -> bool:
        """One thing that can be thought of now; False where there is none."""
        return self._judge_one() or self._gather_one()

    def _judge_one(self) -> bool:
        while self._unjudged:
            topic = self._unjudged.pop(0)
            try:
                self.findings[topic.TOPIC] = judged(topic, self._so_far(key_of(topic.TOPIC)))
                return True
            except NotYet:
                continue  # it has to see what is still to come
        return False

    def _gather_one(self) -> bool:
        for topic in self._later:
            trial = _Trial(self._session)
            try:
                value = topic.gather(cast("Session", trial), self._so_far())
            except NotYet:
                continue
            except Exception:
                self._later.remove(topic)  # if it is a fault, its turn will tell
                return True
            self._later.remove(topic)
            self._values[key_of(topic.TOPIC)] = value, trial
            self._open.discard(key_of(topic.TOPIC))
            self._unjudged.append(topic)
            return True
        return False

    def _so_far(self, own: str = "") -> Facts:
        view = _SoFar.__new__(_SoFar)
        for name in _FACTS:
            if name in self._values:
                setattr(view, name, self._values[name][0])
            elif name == own or name not in self._open:
                setattr(view, name, getattr(self._facts, name))
        return view

    def tried(self, topic: ModuleType) -> bool:
        """Is there a trial of this topic, so that nothing is waited for in its turn?"""
        return key_of(topic.TOPIC) in self._values

    def made(self, topic: ModuleType) -> Any:
        """What a topic gathers, in its turn: from its trial where that holds. Where it does not, no other one counts, and each is gathered in its turn."""
        value, trial = self._values.get(key_of(topic.TOPIC), (None, None))
        if trial is not None:
            if trial.holds():
                return value
            # others may have built on it
            self._values.clear()
            self.findings.clear()
        return topic.gather(self._session, self._facts)
