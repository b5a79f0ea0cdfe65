"""The first question: is this domain's mail set up right?

scan(domain, …) -> Report
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from enum import Enum
from functools import cache, partial
from itertools import chain
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .ahead import Ahead
from .catalog import catalog
from .checks import LONGEST, PATIENT, STAGES, TOPICS, first, foresee, judged, key_of, mx, needed, wished
from .checks.base import Later, as_evidence, one_note
from .checks.dnsbl import chosen, masked
from .checks.facts import Facts
from .errors import InputError
from .model import VERDICT_ORDER, Answer, Domain, Finding, Report, ScanInput, Status, TopicResult, check_ip, given_helo, given_selectors, worst
from .profiles import check_profile, profiles

if TYPE_CHECKING:
    from .edge.loop import Loop
    from .edge.world import Session, World
    from .edge.zones import ZoneSet

DEADLINE = 15.0  # seconds; what has not been answered by then is reported as not looked up
MAX_IPS = 16
MAX_SELECTORS = 16
# of a domain that does not exist only these say something of their own; the others would repeat that it is not there
SPEAK_WITHOUT_DOMAIN = ("mx", "recipient", "ptr", "dnsbl")

Progress = Callable[[str, Status], None]


def scan(
    domain: str | Domain,
    *,
    ips: Iterable[str] = (),
    selectors: Iterable[str] = (),
    mail_from: str | Domain | None = None,
    profile: str = "sending",
    topics: Iterable[str] | None = None,
    starttls: bool = False,
    helo: str | None = None,
    world: World | None = None,
    source: str = "",
    progress: Progress | None = None,
    deadline: float = DEADLINE,
) -> Report:
    """Check whether a domain's mail is set up right, and report each problem with its evidence and what to publish instead.

    domain     the domain of the From header, as a person writes it: a pasted URL, an address, capitals and U-labels are understood.
    ips        the addresses that the mail is sent from, as text (at most 16); they are judged as the user's own.
    selectors  DKIM selectors that are in use (at most 16), or DKIM-Signature headers that name them; others are looked for besides.
    mail_from  the domain of the envelope sender where it is another one; SPF is judged on it.
    profile    what the domain is for: "sending" (the default), "bulk", "non-sending" or "receiving" (healthcheck/profiles.py).
    topics     the topics to report on (ids such as "spf"); None for all but "recipient". What they need from others is gathered quietly.
    starttls   connect to the domain's mail hosts on port 25 and say how they take TLS; nothing is connected there unless it is asked for.
    helo       the name that the sending servers say in EHLO.
    world      where questions go: World.live(), World.zones(…) or World.demo(); the system's resolvers where None.
    source     as given by the caller, to find its input again; not read.
    progress   called as progress(topic id, verdict so far) once for each reported topic, in this thread.
    deadline   seconds for all questions together.

    Returns a Report: the verdict is the worst of its findings (fail > unknown > warn > note > pass), where an unknown counts
    only in the profile's core topics (mx, spf and dmarc; mx alone for "receiving"). It says what the DNS publishes now, as this
    resolver sees it. It does not say that mail will be delivered: content, reputation and the wishes of recipients are not in the
    DNS. UNKNOWN is never "absent".
    A domain that does not exist is a report (DOM001), and topics that are not built are named in `left_out`.

    Raises DomainError or InputError for what is no domain, address, selector or profile; never raises on what the network says.

    Cost: some 40 questions and 10 for each blocklisted subject, at most 100 + 600 (fixed lists); as long as the longest chain of
    questions that depend on each other (4 to 6 round trips as a rule), at most `deadline` seconds and a little.

    Standard: RFC 5321, RFC 7505 (mx), RFC 7208 (spf), RFC 6376 (dkim), RFC 9989 (dmarc, alignment), RFC 5782 (dnsbl), RFC 1912 (ptr).

    >>> from healthcheck.edge.world import World
    >>> with_demo = World.demo()
    >>> scan("healthy.example", world=with_demo).verdict in ("pass", "note")
    True
    >>> with_demo.close()
    """
    wanted, left_out = _wanted(domain, ips, selectors, mail_from, profile, topics, source, starttls, helo)
    if world is not None:
        return _scan(wanted, left_out, world, progress, deadline)
    from .edge.world import World

    live = World.live()
    try:
        return _scan(wanted, left_out, live, progress, deadline)
    finally:
        live.close()


def _wanted(
    domain: str | Domain,
    ips: Iterable[str],
    selectors: Iterable[str],
    mail_from: str | Domain | None,
    profile: str,
    topics: Iterable[str] | None,
    source: str,
    starttls: bool,
    helo: str | None,
) -> tuple[ScanInput, tuple[str, ...]]:
    """The input, checked and normalised, and the topics that were asked for and are not built."""
    at = domain if isinstance(domain, Domain) else Domain.parse(domain)
    envelope = None if mail_from is None else (mail_from if isinstance(mail_from, Domain) else Domain.parse(mail_from)).name
    said = given_helo(helo) if helo else None
    addresses = tuple(dict.fromkeys(check_ip(ip) for ip in ips))
    names = tuple(dict.fromkeys(name for s in selectors for name in given_selectors(s, at.name)))
    for given, most, what in ((addresses, MAX_IPS, "sending addresses"), (names, MAX_SELECTORS, "selectors")):
        if len(given) > most:
            raise InputError(f"{len(given)} {what} were given; one scan takes at most {most}. Scan again with the rest.")
    asked = None if topics is None else tuple(dict.fromkeys(topics))
    built = {topic.TOPIC for topic in TOPICS}
    left_out = tuple(t for t in asked or () if t not in built)
    kept = None if asked is None else tuple(t for t in asked if t in built)
    return ScanInput(at, addresses, names, None if envelope == at.name else envelope, check_profile(profile), source, kept, starttls, said), left_out


def _scan(wanted: ScanInput, left_out: tuple[str, ...], world: World, progress: Progress | None, deadline: float) -> Report:
    return Begun(wanted, left_out, world, deadline).finish(progress)


class Begun:
    """A scan whose first questions are out. For those who run many (bulk.py); `scan` begins and finishes at once.

    One that is `settled` has all the answers that speculation brings, so that finishing it seldom waits.
    """

    def __init__(self, wanted: ScanInput, left_out: tuple[str, ...], world: World, deadline: float = DEADLINE, loop: Loop | None = None) -> None:
        world = world.for_domain(wanted.domain.name)  # a demo world answers for its own domains only
        lists = chosen(world)
        self._wanted, self._left_out = wanted, left_out
        self._gathered = needed(wished(wanted))
        self._session = world.open(foresee(self._gathered, lists), deadline=deadline, loop=loop, about=wanted, lists=lists)
        try:
            # what others follow from goes out first
            self._session.dns.foresee(first(wanted, [t for t in self._gathered if t in STAGES[0]], lists))
            self._session.dns.foresee(first(wanted, [t for t in self._gathered if t not in STAGES[0]], lists))
        except BaseException:  # Ctrl-C among them
            self._session.close()
            raise

    @property
    def settled(self) -> bool:
        return self._session.settled

    def finish(self, progress: Progress | None = None) -> Report:
        """The report; waits for what is still missing. To be called once. Raises nothing that `scan` does not."""
        wanted, facts = self._wanted, Facts(self._wanted)
        reported = list(wished(wanted))

        def tell(topic: ModuleType) -> None:
            if progress and topic.TOPIC in reported:
                progress(topic.TOPIC, worst(f.status for f in judged(topic, facts)))

        with self._session as session:
            stages = [[topic for topic in stage if topic in self._gathered] for stage in STAGES]
            ahead = Ahead(session, facts, stages[0], LONGEST, [*chain(*stages[1:])])
            for stage, topics in zip(STAGES, stages, strict=True):
                for topic, value in _gather(topics, session, ahead, patient=stage is PATIENT):
                    setattr(facts, key_of(topic.TOPIC), value)
                    if not hasattr(topic, "again"):
                        tell(topic)
                for topic in (topic for topic in topics if hasattr(topic, "again")):
                    value = topic.again(session, facts)
                    if value is not getattr(facts, key_of(topic.TOPIC)):
                        setattr(facts, key_of(topic.TOPIC), value)
                        ahead.findings.pop(topic.TOPIC, None)
                    tell(topic)
            return _report(wanted, facts, reported, self._left_out, session, ahead.findings)

    def close(self) -> None:
        """Ends a scan that will not be finished."""
        self._session.close()


def _gather(topics: list[ModuleType], session: Session, ahead: Ahead, *, patient: bool) -> Iterator[tuple[ModuleType, Any]]:
    """What each topic gathers: in one thread, one after the other, since speculation has asked by now, or is asking, what each one waits for.

    Topics that wait for hosts have a thread each, where anything is under way: a host that hangs delays what is said of it, and nothing else.
    """
    in_threads = [topic for topic in topics if not ahead.tried(topic)] if patient and not session.settled else []
    for topic in topics:
        if topic is LONGEST:
            with session.meanwhile(ahead.think):
                value = ahead.made(topic)
            yield topic, value
        elif len(in_threads) < 2 or topic not in in_threads:
            yield topic, ahead.made(topic)
    if len(in_threads) < 2:
        return
    with ThreadPoolExecutor(len(in_threads)) as pool:
        under_way = {pool.submit(ahead.made, topic): topic for topic in in_threads}
        for done in as_completed(under_way):
            yield under_way[done], done.result()


def begin(domain: str, *, world: World, loop: Loop, deadline: float = DEADLINE, source: str = "", **given: Any) -> Begun:
    """A scan of the same inputs as `scan`, begun on a loop that it shares with others. Raises DomainError or InputError."""
    inputs = {"ips": (), "selectors": (), "mail_from": None, "profile": "sending", "topics": None, "starttls": False, "helo": None} | given
    wanted, left_out = _wanted(domain, source=source, **inputs)
    return Begun(wanted, left_out, world, deadline, loop)


def _report(
    wanted: ScanInput, facts: Facts, reported: list[str], left_out: tuple[str, ...], session: Session, known: Mapping[str, tuple[Finding, ...]]
) -> Report:
    gone = facts.mx is not None and facts.mx.exists is False
    by_topic: dict[str, tuple[Finding, ...]] = {}
    for topic in TOPICS:
        if topic.TOPIC in reported:
            silent = gone and topic.TOPIC not in SPEAK_WITHOUT_DOMAIN
            found = () if silent else known[topic.TOPIC] if topic.TOPIC in known else judged(topic, facts)
            by_topic[topic.TOPIC] = one_note(found, wanted.domain.name)
    # asked for spf alone, a domain that is not there is told all the same, once
    absence = judged(mx, facts) if gone else ()
    findings = [f for name in reported for f in by_topic[name]]
    findings += [f for f in absence if f not in findings]
    if (files := session.world.files) is not None:
        findings, by_topic, reported = _in_files(files, wanted, findings, by_topic, reported)
    now: datetime = session.now
    return Report(
        input=wanted,
        domain=wanted.domain,
        profile=wanted.profile,
        scanned_at=now,
        verdict=_verdict(findings, wanted.profile),
        topics={name: _topic_result(by_topic[name] or absence) for name in reported},
        findings=tuple(sorted(findings, key=_rank)),
        facts=Later(lambda: {key: Later(partial(_plain, value)) for key, value in _gathered(facts, reported)}),
        transcript=(*masked(session.dns.transcript(), chosen(session.world)), *_connected(session)),  # never with the key of a list in it
        timing=session.dns.timing(),
        left_out=left_out,
    )


def _in_files(
    files: ZoneSet, wanted: ScanInput, findings: list[Finding], by_topic: dict[str, tuple[Finding, ...]], reported: list[str]
) -> tuple[list[Finding], dict[str, tuple[Finding, ...]], list[str]]:
    """What zone files add: the slips in them, where the report is about all topics, and the place of each finding."""
    from .checks import zone
    from .edge.places import place

    rows = catalog().checks
    findings = [f if f.location else dataclasses.replace(f, location=place(files, f, rows[f.code].topic)) for f in findings]
    slips = files.slips_of(wanted.domain.name) if wanted.topics is None else None
    if slips is None:
        return findings, by_topic, reported
    own = tuple(zone.judge(wanted.domain.name, slips))
    return [*findings, *own], {**by_topic, zone.TOPIC: own}, [*reported, zone.TOPIC]


def _connected(session: Session) -> Iterator[Answer]:
    """What was asked of hosts by HTTPS and SMTP, in the shape of answers."""
    yield from (as_evidence(got, f"HTTP {got.status} {got.content_type}".strip()) for got in session.fetch.transcript())
    yield from (as_evidence(got, got.banner) for got in session.greet.transcript())


def _verdict(findings: Iterable[Finding], profile: str) -> Status:
    """The report's verdict. An UNKNOWN outside the profile's core topics is listed and does not change it."""
    rows, core = catalog().checks, profiles()[profile].core
    return worst(f.status for f in findings if f.status is not Status.UNKNOWN or rows[f.code].topic in core)


def _topic_result(findings: tuple[Finding, ...]) -> TopicResult:
    """A topic's verdict, with the title of its worst finding (the first of those) as its summary. Silence is no pass."""
    if not findings:
        return TopicResult(Status.UNKNOWN, "")
    first_worst = min(findings, key=_rank)
    return TopicResult(first_worst.status, catalog().checks[first_worst.code].title)


def _rank(finding: Finding) -> int:
    """The worst first."""
    return VERDICT_ORDER.index(finding.status)


# ------------------------------------------------------------------ facts as JSON

_ANSWER = re.compile(r"\bAnswer\b")  # in the type of a field: it holds answers, which are evidence and not facts


def _gathered(facts: Facts, reported: list[str]) -> Iterable[tuple[str, Any]]:
    for name in reported:
        value = getattr(facts, key_of(name), None)
        if value is not None:
            yield key_of(name), value


# Later: JSON-ready by itself, and worked out only for those who read it
_AS_IT_IS = frozenset((str, int, bool, type(None), Later))


@cache
def _shown(kind: Any) -> tuple[str, ...] | None:
    """The fields of a dataclass that are facts; None for any other type."""
    if not dataclasses.is_dataclass(kind):
        return None
    return tuple(f.name for f in dataclasses.fields(kind) if not _ANSWER.search(str(f.type)))


def _plain(value: Any) -> Any:
    """Facts as JSON-ready values: dataclasses as mappings, enums as their values, answers left out (they are evidence)."""
    kind: Any = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is tuple or kind is list:
        return [v if type(v) in _AS_IT_IS else _plain(v) for v in value]
    if (names := _shown(kind)) is not None:
        return {name: v if type(v := getattr(value, name)) in _AS_IT_IS else _plain(v) for name in names}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(v) for v in value), key=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, datetime):
        return value.isoformat()
    return value
