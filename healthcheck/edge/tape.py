"""Recording and replay at the one seam: sessions that note what they are told, and sessions that say it again.

A recording holds what was demanded and what came of it, as the seam gave it to the topics: outcomes that say "could not be looked up" among them.
What lies beneath (retries, speculation, budgets, who validates) has had its say by then. So a replay needs no network and no clock, and what
it is asked beyond the recording is NOT_ASKED, never absent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

import dns.name
import dns.rdatatype
import dns.rrset

from ..catalog import Blocklist
from ..errors import InputError
from ..model import Answer, Outcome, Question, ScanInput, Timing
from .asked import named
from .codec import Malformed, name_text, tidy
from .dns import ROOT, Foresee, Seam
from .line import AT, Nowhere
from .loop import Loop
from .memo import Head
from .reach import Got, Reaches, Wanted_contra, unfetched, ungreeted
from .recording import Command, Key, Place, Recording, Taken, digests, inputs_of
from .world import BOGUS_PROBE, Session, World
from .zones import ZoneSet

MISSING = "not asked: it is not in the recording"
SHOWN = 8  # names in one sentence


def _key(question: Question, do: bool, server: str) -> Key:
    """A question as it stands in a recording; one that cannot be asked too."""
    try:
        name, rtype = named(question.name, question.rtype)
    except Malformed:
        name, rtype = tidy(question.name), question.rtype.upper()
    return name, rtype, do or question.signed, server


class _View(World):
    """A World as one session sees it, so that what is asked of the World itself is noted, or said again, for that session."""

    __slots__ = ("says",)
    says: Callable[[str], bool | None]

    @classmethod
    def of(cls, world: World, says: Callable[[str], bool | None]) -> World:
        view = cls.__new__(cls)
        view.__dict__ = world.__dict__
        view.says = says
        return view

    def validates(self, server: str) -> bool | None:
        return self.says(server)


# ------------------------------------------------------------------ recording


class _Noting(Seam):
    """The seam, and a note of every demanded question with its answer."""

    taken: Taken

    def _demand_at(self, question: Question) -> Answer | Head:
        item = super()._demand_at(question)
        if self._barred(question) and isinstance(item, Answer):
            self.taken.barred[_key(question, False, AT + question.at.lower())] = item
        return item

    def _demand(self, question: Question, *, do: bool = False, server: str = "") -> Answer | Head:
        item = super()._demand(question, do=do, server=server)
        self.taken.answers.setdefault(key := _key(question, do, server))
        if isinstance(item, Answer):
            self.taken.answers[key] = item
        return item

    def _await(self, head: Head) -> Answer:
        answer = super()._await(head)
        name, rtype, do, server = head.key
        self.taken.answers[name_text(name), dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype)), do, server] = answer
        return answer

    def timing(self) -> Timing:
        self.taken.timing = super().timing()
        return self.taken.timing


class _Recorded(Session):
    """A session that is taken down."""

    seam = _Noting
    dns: _Noting

    def __init__(self, world: World, foresee: Foresee | None, deadline: float, loop: Loop | None, done: Callable[[Taken], None]) -> None:
        super().__init__(world, foresee, deadline, loop)
        self.taken = self.dns.taken = Taken(self.now)
        self.world = _View.of(world, self._validates)
        self._world, self._done, self._open = world, done, True

    def _validates(self, server: str) -> bool | None:
        known = self.taken.validates[server] = self._world.validates(server)
        return known

    def close(self) -> None:
        if self._open:
            self._open = False
            self.taken.fetched.update(self.fetch.demanded())
            self.taken.greeted.update(self.greet.demanded())
            self._done(self.taken)
        super().close()


class Recorder:
    """Takes down every session of a World from now on. Thread-safe as far as sessions are: each notes its own, and is added when it is closed.

    recorder = Recorder(world)
    scan("example.com", world=world)
    with open("scan.json", "w", encoding="utf-8") as file:
        recorder.write(file)
    """

    def __init__(self, world: World) -> None:
        """Raises ZoneError where a zone file of the world cannot be read any more."""
        self._taken: list[Taken] = []
        self._lists: tuple[Blocklist, ...] | None = None
        zones = digests(world.files.files if world.files else ())  # without care nobody is told of their lines
        self._place = Place(world.describe, world.bogus_probe, world.nameservers, world.only_zone, zones)
        for one in world.each():
            one.tape = self

    def open(
        self, world: World, foresee: Foresee | None, deadline: float, loop: Loop | None, about: ScanInput | str, lists: Iterable[Blocklist] | None
    ) -> Session:
        session = _Recorded(world, foresee, deadline, loop, self._taken.append)
        session.taken.domain, session.taken.inputs = _about(about)
        if lists is not None:
            self._lists = tuple(lists)
        return session

    def recording(self, command: Command | None = None, made_by: str = "") -> Recording:
        """What was taken down so far, in the order in which sessions were closed."""
        return Recording(self._place, tuple(self._taken), command or Command(), self._lists, made_by=made_by)

    def write(self, file: TextIO, command: Command | None = None, made_by: str = "") -> None:
        """Raises OSError as the file does."""
        self.recording(command, made_by).write(file)


def _about(about: ScanInput | str) -> tuple[str, Mapping[str, Any]]:
    return (about, {"message": True}) if isinstance(about, str) else (about.domain.name, inputs_of(about))


# ------------------------------------------------------------------ replay


class _Saying(Seam):
    """The seam of a replay: what was taken down is said again, and nothing else is known."""

    taken: Taken

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._said: dict[Key, Answer] = {}

    def foresee(self, questions: Iterable[Question]) -> None:  # noqa: ARG002 - all that will be known is known
        return

    def _demand_at(self, question: Question) -> Answer | Head:
        key = _key(question, False, AT + question.at.lower())
        return self.taken.barred.get(key) or (self._demand(question, server=key[3]) if key in self.taken.answers else super()._demand_at(question))

    def _demand(self, question: Question, *, do: bool = False, server: str = "") -> Answer | Head:
        key = _key(question, do, server)
        answer = self.taken.answers.get(key)
        if answer is None:
            try:
                named(question.name, question.rtype)
            except Malformed:
                return super()._demand(question, do=do, server=server)  # what cannot be asked is told without anybody's help
            answer = Answer(key[0], key[1], Outcome.NOT_ASKED, detail=MISSING)
        self._said.setdefault(key, answer)
        return answer

    def transcript(self) -> tuple[Answer, ...]:
        """In the order in which it was taken down, whoever asks first here; what the seam itself asked is in it."""
        own = (ROOT.name, ROOT.rtype, False, "")
        with self._lock:
            told = {key: answer for key, answer in self.taken.answers.items() if answer is not None and (key in self._said or key == own)}
            return (*told.values(), *(answer for key, answer in self._said.items() if key not in told), *super().transcript())

    def timing(self) -> Timing:
        return self.taken.timing or Timing(0, 0, 0.0)

    def _brought(self, item: Answer | Head) -> tuple[list[dns.rrset.RRset], list[dns.rrset.RRset]]:
        """The records of an answer, for those who speak dnspython: no recording holds messages."""
        if not isinstance(item, Answer):
            return super()._brought(item)
        owner, ttl, out = item.name, item.ttl or 0, []
        for alias in item.aliases:
            out.append(dns.rrset.from_text(owner + ".", ttl, "IN", "CNAME", alias + "."))
            owner = alias
        if item.found:
            texts = [_text(item, n) for n in range(len(item.values))]
            out.append(dns.rrset.from_text_list(owner.rstrip(".") + ".", ttl, "IN", item.rtype, texts, origin=dns.name.root, relativize=False))
        return out, []


def _text(answer: Answer, number: int) -> str:
    """A record in presentation form."""
    if answer.rtype != "TXT":
        return answer.values[number]
    strings = answer.strings[number] if answer.strings else (answer.values[number].encode("utf-8", "surrogateescape"),)
    return " ".join('"' + "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\{c:03d}" for c in one) + '"' for one in strings)


class _Hosts(Reaches[Wanted_contra, Got]):
    """What was asked of hosts, said again."""

    def __init__(self, held: Mapping[Wanted_contra, Got], say: Callable[[Wanted_contra, str], Got]) -> None:
        self._held, self._say, self._got = held, say, {}

    def start(self, wanted: Wanted_contra) -> None:  # noqa: ARG002
        return

    def get(self, wanted: Wanted_contra) -> Got:
        return self._got.setdefault(wanted, self._held.get(wanted) or self._say(wanted, MISSING))

    @property
    def settled(self) -> bool:
        return True

    def transcript(self) -> tuple[Got, ...]:
        return (*(got for wanted, got in self._held.items() if wanted in self._got), *(got for wanted, got in self._got.items() if wanted not in self._held))


class _Replayed(Session):
    """A session that says again what another one was told, at the time at which that one was opened."""

    seam = _Saying
    dns: _Saying

    def __init__(self, world: World, deadline: float, loop: Loop | None, taken: Taken) -> None:
        super().__init__(world, None, deadline, loop)
        self.now, self.dns.taken = taken.now, taken
        self.fetch, self.greet = _Hosts(taken.fetched, unfetched), _Hosts(taken.greeted, ungreeted)
        self.world = _View.of(world, taken.validates.get)


class _Player:
    """Which session of a recording is said again: one about the same domain, with the same inputs where there is one, each once as long as there are more."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._played: set[int] = set()
        self._lock = threading.Lock()

    def open(
        self, world: World, _foresee: Foresee | None, deadline: float, loop: Loop | None, about: ScanInput | str, _lists: Iterable[Blocklist] | None
    ) -> Session:
        """Raises InputError where nothing was taken down about this domain."""
        return _Replayed(world, deadline, loop, self._taken(*_about(about)))

    def _taken(self, domain: str, inputs: Mapping[str, Any]) -> Taken:
        scans = self._recording.scans
        same = [n for n, one in enumerate(scans) if one.domain == domain]
        if not same:
            what = f"holds nothing about {domain}" if domain else "holds nothing of this kind"
            raise InputError(f"{self._recording.path or 'The recording'} {what}. It is about: {shown(self._recording.domains)}.")

        def apart(number: int) -> int:
            """How much a session was told otherwise."""
            theirs = scans[number].inputs
            return sum(theirs.get(key) != inputs.get(key) for key in {*theirs, *inputs})

        least = min(map(apart, same))
        like = [n for n in same if apart(n) == least]
        with self._lock:
            number = next((n for n in like if n not in self._played), like[0])
            self._played.add(number)
        return scans[number]


def shown(names: Iterable[str]) -> str:
    """Some names, for a sentence."""
    held = tuple(names)
    return (", ".join(held[:SHOWN]) + (", …" if len(held) > SHOWN else "")) or "no domain"


def replayed(recording: Recording, zones: Iterable[str | Path] = ()) -> World:
    """A World that says again what was taken down. zones: the zone files that it was made with, where they were read with care: a report shows their lines.

    Raises InputError where they are not the same files, ZoneError for one that cannot be read.
    """
    paths, place = tuple(zones), recording.place
    called, names = recording.path or "The recording", shown(name for name, _ in place.zones)
    if place.zones and not paths:
        raise InputError(f"{called} was made with zone files, whose lines its report shows. Name them again: {names}.")
    if paths and not place.zones:
        raise InputError(f"{called} was made without zone files. Leave them out.")
    held = ZoneSet.read(paths, careful=True) if paths else None
    if held is not None and [digest for _, digest in digests(held.files)] != [digest for _, digest in place.zones]:
        raise InputError(f"{called} was made with other zone files, or with these as they were before ({names}).")
    nowhere, probe = Nowhere(Outcome.NOT_ASKED, MISSING), place.probe or BOGUS_PROBE
    world = World(nowhere, describe=place.describe, nameservers=place.nameservers, only_zone=place.only_zone, bogus_probe=probe, held=held)
    world.blocklists = recording.lists
    world.tape = _Player(recording)
    return world
