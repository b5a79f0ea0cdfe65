"""The topics, in the order they are gathered. A list you can read: no discovery, nothing that registers itself.

A topic is a module with TOPIC, ROLES, first, foresee, gather and judge (docs/architecture.md). One may read what those before it put into the
facts; one with `again` looks once more when its whole stage is there. Topics meet in checks/facts.py, never by import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

from ..catalog import Blocklist
from ..errors import InputError
from ..model import Answer, Fetch, Finding, Question, ScanInput
from ..profiles import profiles, weigh
from . import alignment, bimi, dane, dkim, dmarc, dnsbl, dnssec, mta_sts, mx, nameservers, parked, ptr, recipient, spf, starttls, tls_rpt
from .facts import Facts

STAGES: tuple[tuple[ModuleType, ...], ...] = (
    # the longest chain last: what the others have to think over costs no time then
    (mx, dmarc, ptr, tls_rpt, dkim, dnsbl, spf),
    (alignment, dnssec, dane, recipient),  # what spf, dkim and dmarc found; and what is charged to the scan's questions after the core topics
    (mta_sts, bimi, starttls, nameservers),  # what is connected to, or asked directly: each waits for its own hosts only
)
PATIENT = STAGES[-1]
LONGEST = spf  # whose questions depend on each other the longest: the others are asked after it, and thought of while it waits
# said only where somebody asks for it
OPTIONAL = ("starttls", "recipient")
TOPICS: tuple[ModuleType, ...] = tuple(topic for stage in STAGES for topic in stage)
# the order in which a report shows them
SHOWN = ("mx", "recipient", "spf", "dkim", "dmarc", "alignment", "ptr", "dnsbl", "mta-sts", "tls-rpt", "dane", "dnssec", "starttls", "bimi", "nameservers")
# what a topic reads from the facts, and so has to be gathered with it
NEEDS: dict[str, tuple[str, ...]] = {
    "spf": ("mx",),  # whether the domain is there at all
    "dmarc": ("mx",),
    "mx": ("spf",),  # how bad it is to take no mail depends on whether the domain sends any
    "dkim": ("mx", "spf"),
    "alignment": ("mx", "spf", "dkim", "dmarc"),
    "dnsbl": ("mx",),
    "recipient": ("mx",),
    "mta-sts": ("mx",),
    "tls-rpt": ("mx",),
    "dane": ("mx", "dnssec"),
    "dnssec": ("mx",),
    "starttls": ("mx", "dane", "dnssec", "mta-sts"),  # how bad it is depends on who asks for TLS
    "bimi": ("mx", "dmarc"),
    "nameservers": ("mx",),
}

Foresee = Callable[[Question, Answer], Iterable[Question | Fetch]]


def given_topics(names: Iterable[str], *, starttls: bool = False) -> tuple[tuple[str, ...] | None, bool]:
    """The topics that a person named, in the order of a report, and whether the mail hosts are to be connected to. None: the usual topics.

    Who names "starttls" asks for it, and who asks for it wants it reported. Raises InputError for a name that is no topic. Pure.

    >>> given_topics(["dane", "mx"], starttls=True)
    (('mx', 'dane', 'starttls'), True)
    """
    given = [part for name in names for part in name.lower().replace(",", " ").split()]
    if wrong := [name for name in given if name not in SHOWN]:
        raise InputError(f"There is no topic “{wrong[0][:60]}”. Known: {', '.join(SHOWN)}.")
    if not given:
        return None, starttls
    connect = starttls or "starttls" in given
    return tuple(name for name in SHOWN if name in given or (connect and name == "starttls")), connect


def wished(wanted: ScanInput) -> tuple[str, ...]:
    """The topics to report on, in the order of a report: those that were asked for, else all but those that are only said when asked for. Pure."""
    if wanted.topics is not None:
        return tuple(name for name in SHOWN if name in wanted.topics)
    return tuple(name for name in SHOWN if name not in OPTIONAL or (name == "starttls" and wanted.starttls))


def needed(wanted: Iterable[str] | None) -> tuple[ModuleType, ...]:
    """The topics to gather so that the wanted ones can be judged, in the order of STAGES; all for None. Pure.

    >>> [topic.TOPIC for topic in needed(["dkim"])]
    ['mx', 'dkim', 'spf']
    """
    if wanted is None:
        return TOPICS
    names = set(wanted)
    names |= {need for name in names for need in NEEDS.get(name, ())}
    return tuple(topic for topic in TOPICS if topic.TOPIC in names)


def key_of(topic: str) -> str:
    """The name of a topic among the facts. Pure."""
    return topic.replace("-", "_")


def judged(topic: ModuleType, facts: Facts) -> tuple[Finding, ...]:
    """What a topic finds, as the profile of the scan weighs it: the one place where a profile has its say. Pure.

    A domain that the user calls parked has findings of its own beside those of the topic (checks/parked.py).
    """
    profile = profiles()[facts.input.profile]
    own = parked.judge(topic.TOPIC, facts) if profile.parked else ()
    return weigh(profile.id, (*topic.judge(facts), *own))


def first(wanted: ScanInput, topics: Iterable[ModuleType] = TOPICS, lists: tuple[Blocklist, ...] | None = None) -> Iterator[Question]:
    """Every question that can be asked before anything is known, that of the longest chain (spf) first. Pure."""
    for topic in _longest_first(topics):
        yield from (dnsbl.first(wanted, lists) if topic is dnsbl else topic.first(wanted))


def _longest_first(topics: Iterable[ModuleType]) -> list[ModuleType]:
    """That of the longest chain of questions before the others."""
    return sorted(topics, key=lambda topic: topic is not LONGEST)


def foresee(topics: Iterable[ModuleType] = TOPICS, lists: tuple[Blocklist, ...] | None = None) -> Foresee:
    """A function that says which questions an answer will lead to, over some topics and blocklists. Pure, also what it returns.

    A question's role says which topic asked it, and why; a topic is told of the roles that it names (ROLES) and of no other.
    What follows a space in a role is the topic's own.
    """
    by_role: dict[str, list[ModuleType]] = {}
    for topic in _longest_first(topics):
        for role in topic.ROLES:
            by_role.setdefault(role, []).append(topic)

    def over_topics(question: Question, answer: Answer) -> Iterable[Question | Fetch]:
        told = by_role.get(question.role.partition(" ")[0])
        return () if told is None else led_to(told, question, answer)

    def led_to(told: list[ModuleType], question: Question, answer: Answer) -> Iterator[Question | Fetch]:
        for topic in told:
            yield from (dnsbl.foresee(question, answer, lists) if topic is dnsbl else topic.foresee(question, answer))

    return over_topics
