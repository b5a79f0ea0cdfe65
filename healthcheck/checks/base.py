"""What the topics share: making a finding, and saying that something could not be looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..catalog import catalog
from ..model import Answer, Choice, Fetched, Finding, Greeted, Outcome, Reached, Record, Status

ZONE_FILES = "zone files"  # the `server` of an answer that --only-zone does not hold


def finding(
    code: str,
    status: Status,
    subject: str,
    evidence: Iterable[Answer] = (),
    *,
    record: Record | None = None,
    choices: Iterable[Choice] = (),
    **values: Any,
) -> Finding:
    """One finding. `values` are the slots of the message of its row in the catalog; the words are never here. Pure.

    The same answer twice in `evidence` is kept once.
    """
    return Finding(code, status, subject, values, tuple(dict.fromkeys(evidence)), record, tuple(choices))


def outside_zone_files(answer: Answer) -> bool:
    """Was this not asked because only zone files are to answer, and none of them holds it?"""
    return answer.outcome is Outcome.NOT_ASKED and answer.server.startswith(ZONE_FILES)


def could_not_check(prefix: str, subject: str, answers: Iterable[Answer]) -> Iterator[Finding]:
    """`<prefix>000` UNKNOWN, with the answers that are neither found nor absent as evidence; nothing where there is none.

    Where every such answer lies outside the zone files of --only-zone it is one NOTE `<prefix>999`: a file under test
    cannot hold what other domains publish, so neither the verdict nor the exit code may change. Pure.
    Slots: {what} the questions, {outcome} and {detail} of the first one.
    """
    unsure = tuple(dict.fromkeys(a for a in answers if a.unsure))
    if not unsure:
        return
    outside = all(outside_zone_files(a) for a in unsure)
    told = next((a for a in unsure if not outside_zone_files(a)), unsure[0])
    code, status = (f"{prefix}999", Status.NOTE) if outside else (f"{prefix}000", Status.UNKNOWN)
    yield finding(code, status, subject, unsure, what=asked(unsure), outcome=told.outcome.value, detail=told.detail or told.outcome.value)


def one_note(findings: Iterable[Finding], subject: str) -> tuple[Finding, ...]:
    """A topic's findings with its notes about what lies outside the zone files (`…999`) made one, in the first one's place. Pure."""
    kept = tuple(findings)
    notes = [f for f in kept if f.code.endswith("999")]
    if len(notes) < 2:
        return kept
    one = next(could_not_check(notes[0].code[:-3], subject, (a for note in notes for a in note.evidence)))
    return tuple(one if f is notes[0] else f for f in kept if f is notes[0] or f not in notes)


def because(code: str, key: str) -> str:
    """The words for why, from the row of a finding; the key itself, made readable, where the row has none. Pure."""
    return catalog().checks[code].reasons.get(key, key.replace("-", " "))


class Later(dict[str, Any]):
    """Facts that are worked out when they are first read: for what no finding rests on. `work` is pure.

    A dict, so that the facts stay ready for JSON as they are.
    """

    def __init__(self, work: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__(pending=None)  # json looks at the size before it reads
        self._work: Callable[[], Mapping[str, Any]] | None = work

    def _read(self) -> Later:
        if (work := self._work) is not None:
            made = work()
            if self._work is not None:
                self._work = None
                dict.clear(self)
                dict.update(self, made)
        return self

    def __getitem__(self, key: str) -> Any:
        return dict.__getitem__(self._read(), key)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self._read(), key)

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self._read())

    def __len__(self) -> int:
        return dict.__len__(self._read())

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self._read(), other._read() if isinstance(other, Later) else other)

    def __repr__(self) -> str:
        return dict.__repr__(self._read())

    def get(self, key: str, default: Any = None) -> Any:
        return dict.get(self._read(), key, default)

    def keys(self) -> Any:
        return dict.keys(self._read())

    def values(self) -> Any:
        return dict.values(self._read())

    def items(self) -> Any:
        return dict.items(self._read())


_OUTCOMES = {
    Reached.OK: Outcome.FOUND,
    Reached.NOT_ASKED: Outcome.NOT_ASKED,
    Reached.NO_ROUTE: Outcome.NOT_ASKED,
    Reached.GUARDED: Outcome.NOT_ASKED,
    Reached.REFUSED: Outcome.REFUSED,
    Reached.TIMEOUT: Outcome.TIMEOUT,
}


def as_evidence(got: Fetched | Greeted, *shown: str) -> Answer:
    """What a connection brought, in the shape of an answer, so that it can stand among a finding's evidence. `shown`: the lines that it rests on. Pure.

    The name is the URL, or host and port; the type is GET or SMTP; REFUSED here means that nobody listens.
    """
    name, kind = (got.url, "GET") if isinstance(got, Fetched) else (f"{got.host}:25", "SMTP")
    return Answer(name, kind, _OUTCOMES.get(got.reached, Outcome.ERROR), shown if got.reached is Reached.OK else (), detail=got.detail, server=got.address)


def asked(answers: Iterable[Answer], most: int = 4) -> str:
    """The questions of some answers, for a slot: "TXT example.com, A mx.example.net, …"."""
    names = list(dict.fromkeys(f"{a.rtype} {a.name}" for a in answers))
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def as_of(answer: Answer, rtype: str = "TXT", *, proposed: Iterable[str], name: str = "") -> Record:
    """A proposal for the record set that `answer` is about: what stands there now, and what to publish instead. Pure."""
    return Record(name or answer.name, rtype, answer.values, tuple(proposed))
