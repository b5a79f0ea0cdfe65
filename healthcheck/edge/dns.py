"""The one DNS seam of a scan: everything, the three libraries included, asks through it.

One entry for each (name, type, DO): asked once, joined by whoever waits, kept for the whole scan. A question can be demanded
(somebody waits for it, it is charged to a budget and stands in the transcript) or speculated (a topic foresees that it will
be demanded). Speculation changes when a question goes out, never what a report says.

What is charged is messages, each once, in the order of demand. The target of an alias that an answer did not bring along is a
message of its own, on a name that data chose, a selector's alias as any other; it is charged where its question is waited for,
whether or not speculation has asked it by then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..model import Answer, Fetch, Outcome, Question, Secure, Timing
from .asked import as_asked, parsed, place, put_to
from .codec import Malformed, name_text, tidy
from .libraries import ForLibraries
from .line import Line
from .loop import Loop
from .memo import Head, Key, Memo

if TYPE_CHECKING:
    from .world import World

DEMANDED = 100  # messages on names that scanned data chose, the targets of aliases among them
LED = 40  # of these, the targets to which questions of fixed lists are led: selectors that are aliases leave something for SPF
FIXED = 600  # questions of fixed lists
SPECULATIVE = 50  # messages on names that scanned data chose, sent and not charged so far
GRACE = 0.05  # seconds past the deadline that an answer on its way into the memo may take
ROOT = Question(".", "NS", shared=True)  # every resolver that has a way out knows it

Foresee = Callable[[Question, Answer], Iterable[Question | Fetch]]

_log = logging.getLogger(__name__)


class Seam(Memo, ForLibraries):
    """See docs/architecture.md. Thread-safe; no method raises on what the network says."""

    def __init__(
        self, world: World, line: Line, loop: Loop, foresee: Foresee | None, opened: float, deadline: float, fetch: Callable[[Fetch], None] | None = None
    ) -> None:
        super().__init__(world, line, loop, opened + deadline)
        self.faults: list[Exception] = []  # what a topic's foresee raised: a fault of ours, kept for the tests
        self._foresee, self._fetch, self._opened, self._deadline = foresee, fetch, opened, deadline
        self._ended: float | None = None
        self._proven = {server: bool(world.validates(server)) for server in world.nameservers}
        self._demanded: dict[Key, Answer | None] = {}  # in the order of demand
        self._paid: dict[Key, bool] = {}  # by `fixed`
        self._spent = {False: 0, True: 0}  # how many of them
        self._led = 0
        self._names: dict[tuple[str, str], tuple[str, str, Key]] = {}
        self._early: dict[bool, set[Key]] = {False: set(), True: set()}  # speculated and not charged so far, by `fixed`

    # ------------------------------------------------------------------ asking

    def ask(self, name: str, rtype: str, *, fixed: bool = False, shared: bool = False) -> Answer:
        """The answer to one question, demanded: waits until it is known, at most until the scan's time is over.

        `name` in any case, with or without the trailing dot. Outcomes other than found, nodata and nxdomain say only that
        it could not be looked up; `detail` says why. Never raises. Cost: one question, none where it was asked before.
        """
        return self.ask_all((Question(name, rtype, fixed=fixed, shared=shared),))[0]

    def ask_all(self, questions: Iterable[Question]) -> tuple[Answer, ...]:
        """The answers to several questions, in the order asked: starts all, then waits. Charged in that order. Never raises."""
        with self._lock:
            started = [self._demand_at(q) if q.at else self._demand(q) for q in questions]
        if any(isinstance(item, Head) and item.final is None for item in started):
            self._loop.look()
        return tuple([item if isinstance(item, Answer) else self._await(item) for item in started])

    def demand(self, questions: Iterable[Question]) -> None:
        """Starts several questions and waits for none. Charged now, in that order; ask_all gives their answers later. Never raises."""
        with self._lock:
            for q in questions:
                self._demand_at(q) if q.at else self._demand(q)
        self._loop.look()

    def here(self, questions: Sequence[Question]) -> tuple[tuple[Answer, ...], dict[Question, Answer]] | None:
        """What ask_all would answer, where all of it is here and no alias is to be charged; else None. Nothing is asked or charged by this.

        Beside the answers those of questions that nobody has demanded so far, for `same`.
        """
        with self._lock:
            found = [item for q in questions if (item := self._here(q)) is not None]
        if len(found) < len(questions):
            return None
        answers = tuple([item if isinstance(item, Answer) else self._believed(self._sure(item, item.answer)) for item in found])  # type: ignore[arg-type]
        return answers, {q: a for q, a, item in zip(questions, answers, found, strict=True) if not isinstance(item, Answer) or q.at}

    def same(self, told: Mapping[Question, Answer]) -> bool:
        """Demands what `here` told of. Is it told the very same? All of it is demanded and charged by then, whatever comes out; but where the
        budget may not do for all of it nothing is demanded, and the answer is no."""
        with self._lock:
            if any(spent + len(told) > limit for spent, limit in ((self._spent[False], DEMANDED), (self._spent[True], FIXED))):
                return False
        return self.ask_all(told) == tuple(told.values())

    def ask_at(self, address: str, name: str, rtype: str) -> Answer:
        """One question put to the nameserver at a literal address, without RD: what it says itself. Several at once: ask_all, with `Question.at`.

        `authoritative` tells whether it holds the zone; a server that neither has it nor asks on (lame) is an ERROR with False. A CNAME is
        not followed: NOT_ASKED, with its target in `aliases`. An address that the World's guard does not let through is NOT_ASKED with the reason,
        and `server` the address: no question of this scan, and not in its transcript. What zone files answer for is NOT_ASKED by them. Never raises.
        Cost: one question, charged as any other; at most 3 seconds. Standard: RFC 1034 sections 4.3.1 and 5.3.3.
        """
        return self.ask_all((Question(name, rtype, at=address),))[0]

    def ask_each(self, name: str, rtype: str) -> tuple[Answer, ...]:
        """The same question put to each of at most two configured nameservers by itself; one answer where there is one only."""
        servers = self._world.nameservers[:2]
        if len(servers) < 2:
            return (self.ask(name, rtype),)
        with self._lock:
            started = [self._demand(Question(name, rtype), server=server) for server in servers]
        return tuple([item if isinstance(item, Answer) else self._await(item) for item in started])

    def foresee(self, questions: Iterable[Question]) -> None:
        """Speculation: starts the questions and waits for nothing. What is over its budget is left out, without a trace."""
        with self._lock:
            for question in questions:
                self._guess(question)

    @property
    def settled(self) -> bool:
        """Is nothing under way, so that only a demand can bring more? For those who run many scans (bulk.py)."""
        return self._open == 0

    def transcript(self) -> tuple[Answer, ...]:
        """Every demanded question with its answer, once each, in the order of demand."""
        with self._lock:
            return tuple(a for a in self._demanded.values() if a is not None)

    def timing(self) -> Timing:
        """Questions put to the wire or the zone files (retries left out), how many of them differ, milliseconds since open."""
        with self._lock:
            until = self._ended if self._ended is not None else time.monotonic()
            return Timing(self._sent, self._distinct, round((until - self._opened) * 1000, 1))

    def close(self) -> None:
        """Ends the scan: whatever is asked afterwards is NOT_ASKED."""
        with self._lock:
            if self._ended is None:
                self._ended = time.monotonic()
        self._line.close()
        self._leave()
        with self._lock:
            for head in self._heads.values():
                if head.answer is None:
                    head.answer = Answer(head.name, head.rtype, Outcome.TIMEOUT, detail="the scan ended before an answer came")
                    self._open -= not head.held
                    head.held = b""
        self._loop.tell()

    # ------------------------------------------------------------------ demand

    def _demand_at(self, question: Question) -> Answer | Head:
        return self._kept_from(question) or self._demand(question, server=place(question))

    def _kept_from(self, question: Question) -> Answer | None:
        """The answer to a question that the guard does not let through."""
        if why := self._barred(question):
            return Answer(tidy(question.name), question.rtype.upper(), Outcome.NOT_ASKED, detail=f"{question.at}: not asked, {why}", server=question.at)
        return None

    def _here(self, question: Question) -> Answer | Head | None:
        """A question's answer, or the entry from which it follows without anything being asked; else None. The caller holds the lock."""
        if (answer := self._kept_from(question)) is not None:
            return answer
        try:
            key = put_to(self._named(question)[2], question)
        except Malformed:
            return None
        head = self._heads.get(key)
        if head is None or head.final is not None:
            return head.final if head is not None else None
        if head.answer is None or len(head.trail) > 1 or self._would_probe(head):
            return None
        if head.answer.outcome is Outcome.NXDOMAIN and self._world.sceptical:
            root = self._heads.get(self._named(ROOT)[2])
            return head if root is not None and root.final is not None else None
        return head

    def _barred(self, question: Question) -> str:
        """Why the guard does not let a question to where it is meant for; the line asks the guard again where it opens the socket."""
        return self._world.guard.permitted(question.at, self._world.guard.ask) if question.at else ""

    def _named(self, question: Question) -> tuple[str, str, Key]:
        """As parsed(), once a scan: what is foreseen is demanded later."""
        asked = question.name, question.rtype
        if (known := self._names.get(asked)) is None:
            known = self._names[asked] = parsed(*asked)
        return known

    def _demand(self, question: Question, *, do: bool = False, server: str = "") -> Answer | Head:
        """The caller holds the lock."""
        try:
            name, rtype, key = self._named(question)
        except Malformed as error:
            name, rtype = tidy(question.name), question.rtype.upper()
            refused = Answer(name, rtype, Outcome.ERROR, detail=str(error))
            return self._demanded.setdefault((name.encode("utf-8", "replace"), -1, do, rtype), refused) or refused
        if do or question.signed or server:
            key = (key[0], key[1], do or question.signed, server)
        head = self._heads.get(key)
        if key in self._demanded:
            held = self._demanded[key]
            if held is not None and held.outcome is Outcome.NOT_ASKED and head is None:
                return held
        else:
            # what is shared belongs to the World, whoever asks first
            if not question.shared and (refusal := self._charge(key, fixed=question.fixed)):
                answer = self._demanded[key] = Answer(name, rtype, Outcome.NOT_ASKED, detail=refusal)
                # an answer that speculation brought is not used: what a report says does not depend on luck
                self._heads.pop(key, None)
                return answer
            self._early[True].discard(key)
            self._demanded[key] = None
        if head is None and (late := self._over()):
            answer = self._demanded[key] = Answer(name, rtype, Outcome.NOT_ASKED, detail=late)
            return answer
        if head is not None and head.held and head.final is None and not self._over() and self._room((head.held, *key[1:]), fixed=False):
            self._release(head)  # those that are demanded together are led on together
        if head is not None and question.role in head.roles:
            return head
        return self._enter(key, head, as_asked(question, name, rtype))

    def _charge(self, key: Key, *, fixed: bool, led: bool = False) -> str:
        """Charges a message, unless it is paid for; else why it cannot be. `led`: a question of a fixed list leads to it."""
        if key not in self._paid:
            limit = FIXED if fixed else DEMANDED
            if self._spent[fixed] >= limit:
                return f"not asked: this scan has spent its {limit} questions"
            if led and self._led >= LED:
                return f"not asked: this scan has spent the {LED} questions that it keeps for aliases of selectors and lists"
            self._spent[fixed] += 1
            self._led += led
            self._paid[key] = fixed
            self._early[False].discard(key)
        return ""

    def _charge_aliases(self, head: Head) -> Answer | None:
        """Charges the targets that a demanded question was led to so far, and asks the one it is held at; its answer where they are
        more than is left. What speculation brought from beyond is not used. The caller holds the lock."""
        for target in (*[raw.key[0] for raw in head.trail[1:]], *([head.held] if head.held else [])):
            refusal = self._over() if target == head.held else ""
            if not refusal and head.key in self._paid:  # else it belongs to the World, with all that it leads to
                refusal = self._charge((target, *head.key[1:]), fixed=False, led=self._paid[head.key])
            if refusal:
                shown = name_text(target)
                aliases = head.aliases[: head.aliases.index(shown) + 1]
                return Answer(head.name, head.rtype, Outcome.NOT_ASKED, aliases=aliases, detail=f"an alias leads to {shown}; {refusal}")
        if head.held:
            self._release(head)
        return None

    def _over(self) -> str:
        if self._ended is not None:
            return "not asked: the scan is over"
        if time.monotonic() >= self._end:
            return f"not asked: the scan's time ({self._deadline:g} s) was over"
        return ""

    def _await(self, head: Head) -> Answer:
        if head.final is not None:
            return head.final
        refused = self._led_on(head) if head.answer is None or len(head.trail) > 1 else None
        if refused is not None:
            answer = refused
        elif head.answer is None:
            words = f"no answer before the scan's time ({self._deadline:g} s) was over"
            answer = Answer(head.name, head.rtype, Outcome.TIMEOUT, aliases=head.aliases, detail=words)
        else:
            answer = self._believed(self._sure(head, head.answer))
        with self._lock:
            if head.final is None:
                head.final = answer
                self._demanded[head.key] = answer
            return head.final

    def _led_on(self, head: Head) -> Answer | None:
        """Waits until a demanded question is answered, charging its aliases as it is led on; its answer where they are more than is left."""
        while self._loop.wait(lambda: head.answer is not None or head.held != b"", self._end + GRACE):
            answered = head.answer is not None  # and so all its aliases are known
            with self._lock:
                refused = self._charge_aliases(head)
            if refused or answered:
                return refused
        return None

    def _believed(self, answer: Answer) -> Answer:
        """The answer, but for an NXDOMAIN of a resolver that says the same of the root.

        The root exists. A resolver without a way out, or a captive one, that denies it denies everything, and then its word is
        no answer about any name.
        """
        if (
            answer.outcome is not Outcome.NXDOMAIN
            or answer.authoritative
            or not self._world.sceptical
            or answer.name == "."
            or answer.secure in (Secure.YES, Secure.DRAFT)
        ):
            return answer
        root = self.ask(ROOT.name, ROOT.rtype, shared=True)
        if root.outcome is not Outcome.NXDOMAIN:
            return answer
        return replace(answer, outcome=Outcome.ERROR, detail=f"{answer.server}: denies that the root of the DNS exists, so that nothing it denies is believed")

    # ------------------------------------------------------------------ speculation

    def _guess(self, question: Question) -> None:
        """The caller holds the lock."""
        try:
            name, rtype, key = self._named(question)
        except Malformed:
            return
        if question.at and self._barred(question):
            return
        key = put_to(key, question)
        head = self._heads.get(key)
        if head is None and (self._demanded.get(key) is not None or self._over() or not self._room(key, fixed=question.fixed or question.shared)):
            return
        self._enter(key, head, as_asked(question, name, rtype))

    def _room(self, key: Key, *, fixed: bool) -> bool:
        if key in self._raws:
            return True  # it is no further message
        early = self._early[fixed]
        if len(early) + self._spent[True] >= FIXED if fixed else len(early) >= SPECULATIVE:
            return False
        early.add(key)
        return True

    def _enter(self, key: Key, head: Head | None, question: Question) -> Head:
        """The entry of a question; asked where it is new, and foreseen where its role is. The caller holds the lock."""
        if head is None:
            head = self._heads[key] = Head(key, question.name, question.rtype, question.shared)
            self._open += 1
            head.roles[question.role] = question
            self._follow(head, key[0])
        elif question.role not in head.roles:
            head.roles[question.role] = question
            if head.answer is not None:
                self._settled(question, head.answer)
        return head

    def _settled(self, question: Question, answer: Answer) -> None:
        if self._foresee is None:
            return
        try:
            for more in self._foresee(question, answer):
                if isinstance(more, Question):
                    self._guess(more)
                elif self._fetch is not None:
                    self._fetch(more)
        except Exception as error:
            # what a topic foresees is a convenience: its fault must not cost an answer
            self.faults.append(error)
            _log.exception("foresee failed for %s %s (role %r)", question.name, question.rtype, question.role)
