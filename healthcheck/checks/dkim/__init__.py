"""DKIM (RFC 6376): which keys the domain publishes, as far as that can be found out without a signature.

A selector cannot be listed, only guessed. So a key that is found is a fact, and none found is not: only where the DNS says,
beyond doubt, that nothing exists below _domainkey (RFC 8020) may it be said that no key is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...catalog import Esp, catalog
from ...model import Answer, Outcome, Question, ScanInput, Secure
from ..facts import Facts
from .judge import judge
from .record import DkimKey, looks_like_key, parse, texts

if TYPE_CHECKING:
    from ...edge.dns import Seam
    from ...edge.world import Session

__all__ = ["TOPIC", "DkimFacts", "SelectorFacts", "first", "foresee", "gather", "judge"]

TOPIC = "dkim"
PROBE = "healthcheck-probe-7d41c09e"  # nobody's selector: what answers to it is a wildcard
MAX_HINTED = 40
_INCLUDE = ("include:", "redirect=", "+include:", "?include:", "~include:")


@dataclass(frozen=True, slots=True)
class SelectorFacts:
    """One selector. source: given | common | provider. state: key | several | no-key | absent | unknown | wildcard.

    type, bits, revoked, testing … are those of its key record; None where there is none to be read.
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
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class DkimFacts:
    """What is known of DKIM.

    selectors  those that were given, and those that were found
    wildcard   does every selector get an answer? None where it could not be found out; revoked_wildcard: with an empty key
    no_keys    True only where it is certain that no key is published; None where it cannot be told; False where one is
    tried      selectors whose name was answered, one way or the other
    domainkey  what _domainkey answered; confirmed: what each nameserver said of it, where that was needed
    """

    domain: str
    selectors: Mapping[str, SelectorFacts]
    wildcard: bool | None
    revoked_wildcard: bool
    no_keys: bool | None
    tried: int
    domainkey: Answer | None = None
    probe: Answer | None = None
    confirmed: tuple[Answer, ...] = ()
    unsure: tuple[Answer, ...] = ()

    @property
    def usable(self) -> tuple[str, ...]:
        """Selectors whose key a verifier may use."""
        return tuple(name for name, s in self.selectors.items() if s.usable)


def key_name(selector: str, domain: str) -> str:
    """RFC 6376 section 3.6.2.1."""
    return f"{selector}._domainkey.{domain}"


def _question(selector: str, domain: str) -> Question:
    return Question(key_name(selector, domain), "TXT", "dkim", fixed=True)


def first(wanted: ScanInput) -> Iterator[Question]:
    """_domainkey itself, the wildcard probe, the given and the common selectors: all at once."""
    domain = wanted.domain.name
    yield Question(f"_domainkey.{domain}", "TXT", "dkim", fixed=True)
    for selector in dict.fromkeys((PROBE, *wanted.selectors, *catalog().common_selectors)):
        if _fits(selector, domain):
            yield _question(selector, domain)


def _fits(selector: str, domain: str) -> bool:
    return len(key_name(selector, domain)) <= 253


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """The selectors of a service, as soon as an MX host or an SPF include names it. Pure."""
    if not answer.found or question.role not in ("mx", "spf"):
        return
    hosts = [host for _, host in answer.mx()] if question.role == "mx" else []
    names = _included(answer) if question.role == "spf" else []
    for selector in hinted(hosts, names):
        if _fits(selector, question.name):
            yield _question(selector, question.name)


def _included(answer: Answer) -> list[str]:
    words = [word.lower() for text in texts(answer) if text[:6].lower() == "v=spf1" for word in text[:8192].split(" ")]
    return [word.partition(":")[2] or word.partition("=")[2] for word in words if word.startswith(_INCLUDE)]


def hinted(mx_hosts: Iterable[str], includes: Iterable[str]) -> tuple[str, ...]:
    """The selectors of the services that these MX hosts and SPF names belong to. Pure."""
    hosts, names = tuple(mx_hosts), tuple(includes)
    if not hosts and not names:
        return ()
    out = [s for esp in catalog().esps.values() for s in esp.selectors if _uses(esp, hosts, names)]
    return tuple(dict.fromkeys(out))[:MAX_HINTED]


def _uses(esp: Esp, hosts: tuple[str, ...], names: tuple[str, ...]) -> bool:
    mx = any(_below(host, suffix) for host in hosts for suffix in esp.mx)
    return mx or any(name == row or (row.startswith(".") and name.endswith(row)) for name in names for row in esp.spf)


def _below(host: str, suffix: str) -> bool:
    bare = suffix.lstrip(".")
    return host == bare or host.endswith(f".{bare}")


def gather(session: Session, facts: Facts) -> DkimFacts:
    """Ask for every selector that was given, is common, or belongs to a service in use. Waits only through the seam.

    Cost: one question for each, all at once and all on fixed names; two more to confirm that nothing is published.
    """
    dns = session.dns
    domain = facts.input.domain.name
    sources = _sources(dns, facts, domain)
    names = [s for s in sources if _fits(s, domain)]
    asked = [Question(f"_domainkey.{domain}", "TXT", "dkim", fixed=True), *(_question(s, domain) for s in (PROBE, *names))]
    domainkey, probe, *answers = dns.ask_all(asked)
    everywhere = frozenset(probe.values) if probe.found else frozenset()
    selectors: dict[str, SelectorFacts] = {}
    for name, answer in zip(names, answers, strict=True):
        read = _selector(name, sources[name], answer, everywhere)
        if sources[name] == "given" or read.state in ("key", "several"):
            selectors[name] = read
    found = any(s.state in ("key", "several") for s in selectors.values())
    confirmed: tuple[Answer, ...] = ()
    no_keys: bool | None = False if found else None
    if not found and not any(a.found for a in (probe, *answers)) and domainkey.outcome is Outcome.NXDOMAIN and not domainkey.aliases:
        # RFC 8020: nothing exists below a name that does not exist (of an alias RFC 6604 says it of the target only). Some servers say NXDOMAIN of names that have names below
        # them, so it has to be signed, to come from the zone itself, or to be said twice.
        if domainkey.secure not in (Secure.YES, Secure.DRAFT):
            confirmed = dns.ask_each(domainkey.name, "TXT")
        sure = domainkey.secure in (Secure.YES, Secure.DRAFT) or (len(confirmed) > 1 and all(a.outcome is Outcome.NXDOMAIN for a in confirmed))
        no_keys = True if sure else None
    revoked = bool(everywhere) and all(looks_like_key(t) and parse(t).revoked for t in everywhere)
    return DkimFacts(
        domain=domain,
        selectors=selectors,
        wildcard=True if probe.found else (False if probe.absent else None),
        revoked_wildcard=revoked,
        no_keys=no_keys,
        tried=sum(1 for a in answers if not a.unsure or a.looped),
        domainkey=domainkey,
        probe=probe,
        confirmed=confirmed,
        unsure=tuple(a for a in (domainkey, *answers) if a.unsure and not a.looped),
    )


def _sources(dns: Seam, facts: Facts, domain: str) -> dict[str, str]:
    hosts: list[str] = []
    if facts.mx is not None:
        hosts = [host for _, host in dns.ask(domain, "MX").mx()]
    includes = facts.spf.includes if facts.spf is not None else ()
    out = dict.fromkeys(facts.input.selectors, "given")
    for source, names in (("provider", hinted(hosts, includes)), ("common", catalog().common_selectors)):
        out.update((name, source) for name in names if name not in out)
    return out


def _selector(name: str, source: str, answer: Answer, everywhere: frozenset[str]) -> SelectorFacts:
    if not answer.found:
        state = "absent" if answer.absent or answer.looped else "unknown"
        return SelectorFacts(name, source, state, answer=answer)
    # a wildcard's answer is no sign that this selector is in use
    state = "wildcard" if everywhere and frozenset(answer.values) == everywhere else ""
    keys = [t for t in texts(answer) if looks_like_key(t)]
    if not keys:
        return SelectorFacts(name, source, state or "no-key", error="no-key", answer=answer)
    key: DkimKey = parse(keys[0])
    several = len(keys) > 1
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
        error=key.error,
        answer=answer,
    )
