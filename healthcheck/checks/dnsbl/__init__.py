"""Topic dnsbl: is a sending address, or the domain, on a blocklist? RFC 5782.

Four states for each list and subject, never two: listed, not-listed, refused (the list does not answer this resolver) and
unknown (no answer, or one that cannot be believed). A list is believed only after its self-test of RFC 5782 section 5.

Which lists are asked says lists.py; what an answer says, answers.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from publicsuffixlist import PublicSuffixList

from ...catalog import Blocklist
from ...model import Answer, Question, ScanInput
from ..addresses import is_address, is_reachable, parse, reversed_labels
from .answers import LISTED, NOT_LISTED, Listing, believe, listing, read_answer
from .judge import judge
from .lists import Lists, Unasked, asked_by_default, chosen, configured, dead, masked, unasked

if TYPE_CHECKING:
    from ...edge.dns import Seam
    from ...edge.world import Session
    from ..facts import Facts

__all__ = [
    "TOPIC",
    "DnsblFacts",
    "Listing",
    "chosen",
    "configured",
    "first",
    "foresee",
    "gather",
    "judge",
    "masked",
    "read_answer",
    "registered",
    "spf_singles",
]

TOPIC = "dnsbl"
ROLES = frozenset({"mx-host", "dnsbl-spf", "dnsbl-spf-host"})
RECORD_LIMIT = 8192  # characters of an SPF record that are read
EXTRA = 8  # at most so many addresses that the user did not name: SPF's first, then those of the MX hosts


# ------------------------------------------------------------------ facts


@dataclass(frozen=True, slots=True)
class DnsblFacts:
    """listed: True where a sending address or the domain is on a list; False where every list answered and none has one; else None.

    needs_key   names of lists that are asked with a key only, and were not
    not_asked   every list that is known and was not asked, with the reason; dead: the lists that are never asked, and since when they are gone
    """

    listed: bool | None
    lists: tuple[Listing, ...]
    needs_key: tuple[str, ...]
    not_asked: tuple[Unasked, ...] = ()
    dead: Mapping[str, str] | None = None


# ------------------------------------------------------------------ which questions


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def registered(domain: str) -> str:
    """The registered domain (one label below a public suffix) of a name, or the name itself. Pure."""
    return _suffixes().privatesuffix(domain) or domain


def _names(wanted: ScanInput) -> list[str]:
    """The domains to ask about: what was scanned and what was sent from, each with its registered domain, which is what lists hold."""
    given = [wanted.domain.name, *([wanted.mail_from] if wanted.mail_from else [])]
    return list(dict.fromkeys(n for name in given for n in (name, registered(name))))


def _question(row: Blocklist, subject: str) -> Question:
    return Question(_name(row.kind, row.zone, row.secret, subject), "A", role="dnsbl", fixed=True)


def _name(kind: str, zone: str, secret: str, subject: str) -> str:
    front = reversed_labels(subject) if kind == "ip" else subject
    return f"{front}.{zone.replace('{key}', secret) if secret else zone}".lower()


def _points(row: Blocklist) -> tuple[str, str]:
    """What must be listed and what must not: the row's own, else those of RFC 5782 section 5."""
    default = ("127.0.0.2", "127.0.0.1") if row.kind == "ip" else ("test", "invalid")
    return row.test_listed or default[0], row.test_clean or default[1]


def _self_test(row: Blocklist) -> list[Question]:
    """What must be listed, and what must not be."""
    return [_test(row.kind, row.zone, row.secret, point) for point in _points(row)]


@lru_cache(maxsize=1024)  # the same for every scan
def _test(kind: str, zone: str, secret: str, point: str) -> Question:
    return Question(_name(kind, zone, secret, point), "A", fixed=True, shared=True)


def _asked_about(lists: Lists, address: str) -> Iterator[Blocklist]:
    """The lists that hold addresses of this kind. A list of domains is never asked about an address."""
    if is_reachable(address):
        version = parse(address).version
        yield from (row for row in lists if row.kind == "ip" and (version == 4 or row.ipv6))


def first(wanted: ScanInput, lists: Lists | None = None) -> Iterator[Question]:
    """Self-tests, and everything about the addresses and names that the user gave. Pure."""
    lists = asked_by_default() if lists is None else lists
    yield Question(wanted.mail_from or wanted.domain.name, "TXT", role="dnsbl-spf")
    for row in lists:
        yield from _self_test(row)
    for ip in wanted.ips:
        yield from (_question(row, ip) for row in _asked_about(lists, ip))
    for name in _names(wanted):
        yield from (_question(row, name) for row in lists if row.kind == "domain")


def foresee(question: Question, answer: Answer, lists: Lists | None = None) -> Iterator[Question]:
    """Blocklist questions about the addresses of mail hosts, and about the single addresses that the domain's SPF record names. Pure."""
    lists = asked_by_default() if lists is None else lists
    addresses: Iterable[str] = ()
    if question.role in ("mx-host", "dnsbl-spf-host"):
        addresses = answer.values
    elif question.role == "dnsbl-spf":
        record = _spf(answer)
        addresses = spf_singles(record)
        yield from _spf_hosts(record, answer.name)
    for address in list(addresses)[:EXTRA]:
        if is_address(address):
            yield from (_question(row, address) for row in _asked_about(lists, address))


def _spf(answer: Answer) -> str:
    """The one SPF record among the TXT records of a name, "" where there is none, or no single one. RFC 7208 section 4.5."""
    records = [text for text in answer.values if text[:7].lower().rstrip() == "v=spf1"]
    return records[0] if len(records) == 1 else ""


def _spf_hosts(record: str, domain: str) -> list[Question]:
    """The hosts that an SPF record authorises by name in its own terms, at most EXTRA."""
    hosts = dict.fromkeys((match.group(1) or domain).lower().rstrip(".") for match in _HOST.finditer(record[:RECORD_LIMIT]))
    return [Question(host, "A", role="dnsbl-spf-host") for host in hosts][:EXTRA]


_HOST = re.compile(r"(?i)(?<= )\+?a(?::([^\s/%]+))?(?= |$)")  # an a term without a range or a macro
_TERM = re.compile(r"^\+?(ip4|ip6):(.+)$", re.IGNORECASE)


def spf_singles(record: str) -> list[str]:
    """The single addresses that an SPF record authorises in its own terms (no network, no include, no other qualifier). Pure.

    >>> spf_singles("v=spf1 ip4:192.0.2.1 ip4:192.0.2.0/24 ip6:2001:db8::1/128 ?ip4:192.0.2.9 -all")
    ['192.0.2.1', '2001:db8::1']
    """
    terms = record[:RECORD_LIMIT].split()
    if not terms or terms[0].lower() != "v=spf1":
        return []
    out = []
    for term in terms[1:]:
        if match := _TERM.match(term):
            address, _, prefix = match.group(2).partition("/")
            version = 4 if match.group(1).lower() == "ip4" else 6
            if is_address(address) and parse(address).version == version and prefix in ("", "32" if version == 4 else "128"):
                out.append(str(parse(address)))
    return list(dict.fromkeys(out))


# ------------------------------------------------------------------ gather


def gather(session: Session, facts: Facts) -> DnsblFacts:
    """Ask every list about every subject, and each list's self-test before it is believed."""
    lists = chosen(session.world)
    pairs = [(row, subject, role) for subject, role in _subjects(session.dns, facts) for row in _for(lists, subject, role)]
    asked = {id(row) for row, _, _ in pairs}
    used = [row for row in lists if id(row) in asked]
    questions = [q for row in used for q in _self_test(row)] + [_question(row, subject) for row, subject, _ in pairs]
    answers = iter(session.dns.ask_all(questions))
    believed = {row.zone: believe(row, next(answers), next(answers)) for row in used}
    out = tuple(listing(row, subject, role, answer, believed[row.zone]) for (row, subject, role), answer in zip(pairs, answers, strict=True))
    left = unasked(lists)
    return DnsblFacts(_listed(out), out, tuple(x.name for x in left if x.zone and "{key}" in x.zone), left, dead())


def _subjects(dns: Seam, facts: Facts) -> list[tuple[str, str]]:
    """What to ask about, with its role; an address counts in its first role only."""
    wanted = facts.input
    domain = wanted.mail_from or wanted.domain.name
    record = _spf(dns.ask(domain, "TXT"))
    named = [*spf_singles(record), *(ip for answer in dns.ask_all(_spf_hosts(record, domain)) for ip in answer.values)]
    out: dict[str, str] = dict.fromkeys(wanted.ips, "given")
    extra = [(ip, "spf") for ip in named] + [(ip, "mx") for ip in (facts.mx.addresses if facts.mx else ())]
    extra = [(ip, role) for ip, role in extra if is_address(ip) and is_reachable(ip)]
    roles = dict(reversed(extra))  # the first role holds
    for ip in [ip for ip in dict.fromkeys(ip for ip, _ in extra) if ip not in out][:EXTRA]:
        out[ip] = roles[ip]
    return [*out.items(), *((name, "domain") for name in _names(wanted))]


def _for(lists: Lists, subject: str, role: str) -> list[Blocklist]:
    return [row for row in lists if row.kind == "domain"] if role == "domain" else list(_asked_about(lists, subject))


def _listed(lists: tuple[Listing, ...]) -> bool | None:
    senders = [x for x in lists if x.role != "mx"]
    if any(x.state == LISTED for x in senders):
        return True
    return False if senders and all(x.state == NOT_LISTED for x in senders) else None
