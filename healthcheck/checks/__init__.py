"""The topics, in the order they are gathered. A list you can read: no discovery, nothing that registers itself.

A topic is a module with TOPIC, first, foresee, gather and judge (docs/architecture.md). Those of one stage do not need each
other; a later stage may read what an earlier one put into the facts. Topics meet in checks/facts.py, never by import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

from ..catalog import Blocklist
from ..model import Answer, Fetch, Finding, Question, ScanInput
from ..profiles import profiles, weigh
from . import alignment, bimi, dane, dkim, dmarc, dnsbl, dnssec, mta_sts, mx, nameservers, parked, ptr, recipient, spf, starttls, tls_rpt
from .facts import Facts

STAGES: tuple[tuple[ModuleType, ...], ...] = (
    (mx, dmarc, ptr, tls_rpt, dnssec, recipient, spf),  # the longest chain last: what the others have to think over costs no time then
    (dkim,),  # hints from mx and spf
    (alignment, dnsbl, dane),  # what spf, dkim and dmarc found; the addresses of mx and spf
    (mta_sts, bimi, starttls, nameservers),  # what is connected to, or asked directly: each waits for its own hosts only
)
PATIENT = STAGES[-1]
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
    "dnsbl": ("mx", "spf"),
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


def wished(wanted: ScanInput) -> tuple[str, ...]:
    """The topics to report on, in the order of a report: those that were asked for, else all but those that are only said when asked for. Pure."""
    if wanted.topics is not None:
        return tuple(name for name in SHOWN if name in wanted.topics)
    return tuple(name for name in SHOWN if name not in OPTIONAL or (name == "starttls" and wanted.starttls))


def needed(wanted: Iterable[str] | None) -> tuple[ModuleType, ...]:
    """The topics to gather so that the wanted ones can be judged, in the order of STAGES; all for None. Pure.

    >>> [topic.TOPIC for topic in needed(["dnsbl"])]
    ['mx', 'spf', 'dnsbl']
    """
    if wanted is None:
        return TOPICS
    names = set(wanted)
    names |= {need for name in names for need in NEEDS.get(name, ())}
    return tuple(topic for topic in TOPICS if topic.TOPIC in names)


def judged(topic: ModuleType, facts: Facts) -> tuple[Finding, ...]:
    """What a topic finds, as the profile of the scan weighs it: the one place where a profile has its say. Pure.

    A domain that the user calls parked has findings of its own beside those of the topic (checks/parked.py).
    """
    profile = profiles()[facts.input.profile]
    own = parked.judge(topic.TOPIC, facts) if profile.parked else ()
    return weigh(profile.id, (*topic.judge(facts), *own))


def first(wanted: ScanInput, topics: Iterable[ModuleType] = TOPICS, lists: tuple[Blocklist, ...] | None = None) -> Iterator[Question]:
    """Every question that can be asked before anything is known, that of the longest chain (spf) first. Pure."""
    for topic in sorted(topics, key=lambda topic: topic is not spf):
        yield from (dnsbl.first(wanted, lists) if topic is dnsbl else topic.first(wanted))


def foresee(topics: Iterable[ModuleType] = TOPICS, lists: tuple[Blocklist, ...] | None = None) -> Foresee:
    """A function that says which questions an answer will lead to, over some topics and blocklists. Pure, also what it returns.

    A question's role says which topic asked it, and why; a topic passes over roles that it does not know.
    """
    chosen = tuple(topics)

    def over_topics(question: Question, answer: Answer) -> Iterator[Question | Fetch]:
        for topic in chosen:
            yield from (dnsbl.foresee(question, answer, lists) if topic is dnsbl else topic.foresee(question, answer))

    return over_topics
