"""DKIM (RFC 6376): which keys the domain publishes, as far as that can be found out without a signature.

A selector cannot be listed, only guessed. So a key that is found is a fact, and none found is not: only where the DNS proves
that nothing exists below _domainkey (RFC 8020, and a signature on the denial) may it be said that no key is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...catalog import catalog
from ...model import Answer, Outcome, Question, ScanInput, Secure, frozen
from ..facts import Facts
from .discover import MAX_HINTED, Hint, dates, hinted, hints, included, report_domains, service_of
from .judge import judge
from .record import DkimKey, looks_like_key, parse, split_apart, texts

if TYPE_CHECKING:
    from ...edge.dns import Seam
    from ...edge.world import Session

__all__ = ["TOPIC", "DkimFacts", "SelectorFacts", "first", "foresee", "gather", "hinted", "judge"]

TOPIC = "dkim"
ROLES = frozenset({"mx", "spf", "dkim-dmarc"})
MAX_HELD = 120  # selectors of zone files, of one domain
PROBE = "healthcheck-probe-7d41c09e"  # nobody's selector: what answers to it is a wildcard
KEYS = ("key", "several")  # states of a selector with a key of its own


@frozen
class SelectorFacts:
    """One selector. source: given | zone | provider | common | dated. state: key | several | no-key | absent | dangling | unknown | wildcard.

    type, bits, revoked, testing … are those of its key record; None where there is none to be read.
    alias      the name that the selector is an alias of, at the end of the chain; service: whose that is, where it is known
    """

    selector: str
    source: str
    state: str
    type: str | None = None
    bits: int | None = None
    revoked: bool | None = None
    testing: bool | None = None
    strict: bool | None = None
    usable: bool = False
    error: str | None = None
    alias: str | None = None
    service: str | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class DkimFacts:
    """What is known of DKIM.

    selectors  those that were given, and those that were found
    wildcard   does every selector get an answer? None where it could not be found out; revoked_wildcard: with an empty key
    no_keys    True only where it is proven that no key is published; None where it cannot be told; False where one is
    tried      selectors whose name was answered, one way or the other
    domainkey  what _domainkey answered; denied: the DNS says that it does not exist (proof only where the denial is signed)
    asked      every selector that was asked for, in order; hints: the services that the domain's records name
    dangling   selectors that nobody named and that are aliases of a name without a record
    """

    domain: str
    selectors: Mapping[str, SelectorFacts]
    wildcard: bool | None
    revoked_wildcard: bool
    no_keys: bool | None
    tried: int
    domainkey: Answer | None = None
    probe: Answer | None = None
    denied: bool = False
    unsure: tuple[Answer, ...] = ()
    asked: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    dangling: tuple[SelectorFacts, ...] = ()

    @property
    def usable(self) -> tuple[str, ...]:
        """Selectors whose key a verifier may use."""
        return tuple(name for name, s in self.selectors.items() if s.usable)


def key_name(selector: str, domain: str) -> str:
    """RFC 6376 section 3.6.2.1."""
    return f"{selector}._domainkey.{domain}"


def _question(selector: str, domain: str) -> Question:
    return Question(key_name(selector, domain), "TXT", "dkim", fixed=True)


def _fits(selector: str, domain: str) -> bool:
    return len(key_name(selector, domain)) <= 253


def first(wanted: ScanInput) -> Iterator[Question]:
    """_domainkey itself, the wildcard probe, the given and the common selectors: all at once. Pure."""
    domain = wanted.domain.name
    yield Question(f"_domainkey.{domain}", "TXT", "dkim", fixed=True)
    yield Question(f"_dmarc.{domain}", "TXT", "dkim-dmarc")  # asked by the topic dmarc too: one question
    for selector in dict.fromkeys((PROBE, *wanted.selectors, *catalog().common_selectors)):
        if _fits(selector, domain):
            yield _question(selector, domain)


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """The selectors of a service, as soon as an MX host, an SPF include or a report address names it. Reads the clock, for selectors with a date."""
    if not answer.found or question.role not in ("mx", "spf", "dkim-dmarc"):
        return
    hosts = [host for _, host in answer.mx()] if question.role == "mx" else []
    names = included(answer) if question.role == "spf" else []
    reports = report_domains(answer) if question.role == "dkim-dmarc" else []
    domain = question.name.removeprefix("_dmarc.") if question.role == "dkim-dmarc" else question.name
    for selector in hinted(hosts, names, reports, datetime.now(UTC)):
        if _fits(selector, domain):
            yield _question(selector, domain)


def gather(session: Session, facts: Facts) -> DkimFacts:
    """Ask for every selector that was given, is common, or belongs to a service in use. Waits only through the seam.

    Cost: one question for each, all at once and all on fixed names. What the tree of SPF adds, `again` looks at.
    """
    domain = facts.input.domain.name
    found_hints = _hints(session.dns, facts, domain, session.now)
    return _look(session.dns, domain, _sources(facts, found_hints, session), found_hints)


def again(session: Session, facts: Facts) -> DkimFacts | None:
    """The same with the services that includes of includes name, and with selectors made of a date where no key was found and one may be there.

    Cost: nothing where neither is the case; one question for each selector more, at most MAX_DATED of those with a date.
    """
    dkim, domain, dns = facts.dkim, facts.input.domain.name, session.dns
    if dkim is None or dkim.probe is None:
        return dkim
    keyless = dkim.no_keys is not False and not dkim.denied and not dkim.probe.found and not facts.parked
    named = included(dns.ask(domain, "TXT"))
    if not keyless and not hints((), [name for name in (facts.spf.includes if facts.spf is not None else ()) if name not in named]):
        return dkim
    found_hints = _hints(dns, facts, domain, session.now)
    sources = _sources(facts, found_hints, session)
    for selector in dates(catalog().dated_selectors, session.now) if keyless else ():
        sources.setdefault(selector, "dated")
    if all(name in dkim.asked or not _fits(name, domain) for name in sources):
        return dkim
    return _look(dns, domain, sources, found_hints)


def _look(dns: Seam, domain: str, sources: Mapping[str, str], found_hints: tuple[Hint, ...]) -> DkimFacts:
    names = [s for s in sources if _fits(s, domain)]
    asked = [Question(f"_domainkey.{domain}", "TXT", "dkim", fixed=True), *(_question(s, domain) for s in (PROBE, *names))]
    domainkey, probe, *answers = dns.ask_all(asked)
    # RFC 8020: nothing exists below a name that does not exist; of an alias RFC 6604 says it of the target only
    denied = domainkey.outcome is Outcome.NXDOMAIN and not domainkey.aliases
    return _facts(domain, domainkey, probe, sources, dict(zip(names, answers, strict=True)), found_hints, denied)


def _facts(
    domain: str, domainkey: Answer, probe: Answer, sources: Mapping[str, str], held: Mapping[str, Answer], found_hints: tuple[Hint, ...], denied: bool
) -> DkimFacts:
    """What the answers come to. Pure."""
    selectors = {name: _selector(name, sources[name], answer, probe) for name, answer in held.items()}
    wildcard = _wildcard(probe, held.values())
    if wildcard is None:
        _withhold(selectors)
    # a key that is not there is told of those that were named, one that is there of all
    kept = {name: s for name, s in selectors.items() if s.source == "given" or s.state in KEYS or (s.source == "zone" and s.state == "no-key")}
    found = any(s.state in KEYS for s in kept.values())
    # Some servers deny names that have nothing but names below them. A signature on the denial, or the zone itself, proves it.
    proven = denied and domainkey.secure in (Secure.YES, Secure.DRAFT) and not any(a.found for a in (probe, *held.values()))
    everywhere = texts(probe) if probe.found else ()
    unsure = [domainkey, *([probe] if wildcard is None else []), *held.values()]
    return DkimFacts(
        domain=domain,
        selectors=kept,
        wildcard=wildcard,
        revoked_wildcard=bool(everywhere) and all(looks_like_key(t) and parse(t).revoked for t in everywhere),
        no_keys=False if found else True if proven else None,
        tried=sum(1 for a in held.values() if not a.unsure or a.looped),
        domainkey=domainkey,
        probe=probe,
        denied=denied,
        unsure=tuple(a for a in unsure if a.unsure and not a.looped),
        asked=tuple(held),
        hints=found_hints,
        dangling=tuple(s for s in selectors.values() if s.state == "dangling"),
    )


def _wildcard(probe: Answer, answers: Iterable[Answer]) -> bool | None:
    """Does every selector get an answer? Where the probe got none, one selector that does not exist says that there is no wildcard (RFC 4592)."""
    if probe.found:
        return True
    if probe.absent or any(a.outcome is Outcome.NXDOMAIN and not a.aliases for a in answers):
        return False
    return None


def _withhold(selectors: dict[str, SelectorFacts]) -> None:
    """While a wildcard is possible, a key that stands under several guessed selectors is no sign that one of them is in use."""
    guessed = [s for s in selectors.values() if s.source not in ("given", "zone") and s.answer is not None and s.answer.found]
    seen: dict[tuple[str, ...], int] = {}
    for s in guessed:
        values = s.answer.values if s.answer is not None else ()
        seen[values] = seen.get(values, 0) + 1
    for s in guessed:
        if s.answer is not None and seen[s.answer.values] > 1:
            selectors[s.selector] = SelectorFacts(s.selector, s.source, "unknown", answer=s.answer)


def _hints(dns: Seam, facts: Facts, domain: str, now: datetime) -> tuple[Hint, ...]:
    hosts = [host for _, host in dns.ask(domain, "MX").mx()] if facts.mx is not None else []
    includes = (*included(dns.ask(domain, "TXT")), *(facts.spf.includes if facts.spf is not None else ()))
    return hints(hosts, includes, report_domains(dns.ask(f"_dmarc.{domain}", "TXT")), now)


def _sources(facts: Facts, found: tuple[Hint, ...], session: Session) -> dict[str, str]:
    out = dict.fromkeys(facts.input.selectors, "given")
    # zone files under test name their selectors themselves
    held = session.world.files.selectors(facts.input.domain.name) if session.world.files is not None else ()
    out.update((name, "zone") for name in held[:MAX_HELD] if name not in out)
    provider = tuple(dict.fromkeys(s for hint in found for s in hint.selectors))[:MAX_HINTED]
    for source, names in (("provider", provider), ("common", catalog().common_selectors)):
        out.update((name, source) for name in names if name not in out)
    return out


def _selector(name: str, source: str, answer: Answer, probe: Answer) -> SelectorFacts:
    alias = answer.aliases[-1] if answer.aliases else None
    service = service_of(alias) if alias else None
    if not answer.found:
        # an alias that leads nowhere is worth a word, but not where each selector has the same one
        nowhere = source != "given" and answer.absent and alias is not None and probe.absent and answer.aliases != probe.aliases
        state = "dangling" if nowhere else "absent" if answer.absent or answer.looped else "unknown"
        return SelectorFacts(name, source, state, alias=alias, service=service, answer=answer)
    # a wildcard's answer is no sign that this selector is in use
    state = "wildcard" if probe.found and frozenset(answer.values) == frozenset(probe.values) else ""
    held = texts(answer)
    keys = [t for t in held if looks_like_key(t)]
    if not keys:
        return SelectorFacts(name, source, state or "no-key", error="no-key", alias=alias, service=service, answer=answer)
    key: DkimKey = parse(keys[0])
    pieces = split_apart(held)
    apart = pieces and key.error is not None
    # RFC 6376 section 3.6.2.2: there is one record; beside a whole key a piece of another one is one too many
    several = len(keys) > 1 or (pieces and not apart)
    return SelectorFacts(
        selector=name,
        source=source,
        state=state or ("several" if several else "key"),
        type=key.type,
        bits=key.bits,
        revoked=key.revoked,
        testing=key.testing,
        strict=key.strict,
        usable=key.usable and not several,
        error="split-records" if apart else key.error,
        alias=alias,
        service=service,
        answer=answer,
    )
