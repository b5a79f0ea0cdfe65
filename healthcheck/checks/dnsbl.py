"""Topic dnsbl: is a sending address, or the domain, on a blocklist? RFC 5782.

Four states for each list and subject, never two: listed, not-listed, refused (the list does not answer this resolver) and
unknown (no answer, or one that cannot be believed). A list is believed only after its self-test of RFC 5782 section 5.

Which lists are asked is `World.blocklists` where that is set (tests, later the configuration), else those rows of
data/blocklists.toml that are asked by default and need no key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from publicsuffixlist import PublicSuffixList

from ..catalog import Blocklist, catalog
from ..model import Answer, Finding, Question, ScanInput, Status
from .addresses import is_address, is_reachable, parse, reversed_labels
from .base import because, could_not_check, finding

if TYPE_CHECKING:
    from ..edge.world import Session, World
    from .facts import Facts

TOPIC = "dnsbl"
EXTRA = 8  # at most so many addresses that the user did not name: SPF's first, then those of the MX hosts
LISTED, NOT_LISTED, REFUSED, UNKNOWN = "listed", "not-listed", "refused", "unknown"

Lists = tuple[Blocklist, ...]


# ------------------------------------------------------------------ facts


@dataclass(frozen=True, slots=True)
class Listing:
    """One list and one subject. role: given | spf | mx | domain, why the subject was asked about.

    reason   where the state is unknown or refused: why, as a key: refused | silent | self-test | rewritten | strange | outside
    """

    zone: str
    name: str
    kind: str  # of the list: ip | domain
    weight: str
    subject: str
    role: str
    state: str
    codes: tuple[str, ...] = ()
    meaning: str = ""
    delist: str | None = None
    lookup: str | None = None
    reason: str | None = None
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class DnsblFacts:
    """listed: True where a sending address or the domain is on a list; False where every list answered and none has one; else None."""

    listed: bool | None
    lists: tuple[Listing, ...]
    needs_key: tuple[str, ...]  # names of lists that are asked with a key only, and were not


# ------------------------------------------------------------------ which questions


@cache
def _default() -> Lists:
    return tuple(row for row in catalog().blocklists if row.ask and not row.needs_key)


def chosen(world: World) -> Lists:
    """The lists that are asked in this world: its own, else those asked by default."""
    return _default() if world.blocklists is None else tuple(world.blocklists)


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
    front = reversed_labels(subject) if row.kind == "ip" else subject
    return Question(f"{front}.{row.zone}", "A", role="dnsbl", fixed=True)


def _points(row: Blocklist) -> tuple[str, str]:
    """What must be listed and what must not: the row's own, else those of RFC 5782 section 5."""
    default = ("127.0.0.2", "127.0.0.1") if row.kind == "ip" else ("test", "invalid")
    return row.test_listed or default[0], row.test_clean or default[1]


def _self_test(row: Blocklist) -> tuple[Question, Question]:
    listed, clean = (_question(row, point).name for point in _points(row))
    return Question(listed, "A", fixed=True, shared=True), Question(clean, "A", fixed=True, shared=True)


def _asked_about(lists: Lists, address: str) -> Iterator[Blocklist]:
    """The lists that hold addresses of this kind. A list of domains is never asked about an address."""
    if is_reachable(address):
        version = parse(address).version
        yield from (row for row in lists if row.kind == "ip" and (version == 4 or row.ipv6))


def first(wanted: ScanInput, lists: Lists | None = None) -> Iterator[Question]:
    """Self-tests, and everything about the addresses and names that the user gave. Pure."""
    lists = _default() if lists is None else lists
    yield Question(wanted.mail_from or wanted.domain.name, "TXT", role="dnsbl-spf")
    for row in lists:
        yield from _self_test(row)
    for ip in wanted.ips:
        yield from (_question(row, ip) for row in _asked_about(lists, ip))
    for name in _names(wanted):
        yield from (_question(row, name) for row in lists if row.kind == "domain")


def foresee(question: Question, answer: Answer, lists: Lists | None = None) -> Iterator[Question]:
    """Blocklist questions about the addresses of mail hosts, and about the single addresses that the domain's SPF record names. Pure."""
    lists = _default() if lists is None else lists
    addresses: Iterable[str] = ()
    if question.role in ("mx-host", "dnsbl-spf-host"):
        addresses = answer.values
    elif question.role == "dnsbl-spf":
        addresses = (ip for text in answer.values for ip in spf_singles(text))
        for host in (match.group(1) or answer.name for text in answer.values for match in _HOST.finditer(text)):
            yield Question(host.lower(), "A", role="dnsbl-spf-host")
    for address in list(addresses)[:EXTRA]:
        if is_address(address):
            yield from (_question(row, address) for row in _asked_about(lists, address))


_HOST = re.compile(r"(?i)(?<= )\+?a(?::([^\s/%]+))?(?= |$)")  # an a term without a range or a macro
_TERM = re.compile(r"^\+?(ip4|ip6):(.+)$", re.IGNORECASE)


def spf_singles(record: str) -> list[str]:
    """The single addresses that an SPF record authorises in its own terms (no network, no include, no other qualifier). Pure.

    >>> spf_singles("v=spf1 ip4:192.0.2.1 ip4:192.0.2.0/24 ip6:2001:db8::1/128 ?ip4:192.0.2.9 -all")
    ['192.0.2.1', '2001:db8::1']
    """
    terms = record.split()
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
    pairs = [(row, subject, role) for subject, role in _subjects(facts) for row in _for(lists, subject, role)]
    used = tuple(row for row in lists if any(row is r for r, _, _ in pairs))
    tests = [_self_test(row) for row in used]
    questions = [q for test in tests for q in test] + [_question(row, subject) for row, subject, _ in pairs]
    answers = dict(zip(((q.name, q.rtype) for q in questions), session.dns.ask_all(questions), strict=True))

    def answer(question: Question) -> Answer:
        return answers[question.name, question.rtype]

    believed = {row.zone: _believe(row, *map(answer, _self_test(row))) for row in used}
    out = tuple(_listing(row, subject, role, answer(_question(row, subject)), believed[row.zone]) for row, subject, role in pairs)
    return DnsblFacts(_listed(out), out, tuple(row.name for row in catalog().blocklists if row.needs_key))


def _subjects(facts: Facts) -> list[tuple[str, str]]:
    """What to ask about, with its role; an address counts in its first role only."""
    wanted = facts.input
    out: dict[str, str] = dict.fromkeys(wanted.ips, "given")
    extra = [(ip, "spf") for ip in (facts.spf.own_addresses if facts.spf else ())] + [(ip, "mx") for ip in (facts.mx.addresses if facts.mx else ())]
    extra = [(ip, role) for ip, role in extra if is_address(ip) and is_reachable(ip)]
    roles = dict(reversed(extra))  # the first role holds
    for ip in [ip for ip in dict.fromkeys(ip for ip, _ in extra) if ip not in out][:EXTRA]:
        out[ip] = roles[ip]
    return [*out.items(), *((name, "domain") for name in _names(wanted))]


def _for(lists: Lists, subject: str, role: str) -> list[Blocklist]:
    return [row for row in lists if row.kind == "domain"] if role == "domain" else list(_asked_about(lists, subject))


# ------------------------------------------------------------------ reading an answer


def read_answer(row: Blocklist, answer: Answer) -> tuple[str, tuple[str, ...], str, str | None]:
    """What one answer of a list says: (state, codes, meaning, reason). Pure.

    listed only for an answer in 127.0.0.0/8 that the row explains (or that a row with any_code leaves open).
    Standard: RFC 5782 section 2.3 (127.0.0.0/8), RFC 6471 section 3.

    >>> row = Blocklist(zone="bl.example", name="Example", kind="ip", weight="low", source="-", seen="-", codes={"127.0.0.2": "sends spam"})
    >>> from healthcheck.model import Outcome
    >>> read_answer(row, Answer("9.2.0.192.bl.example", "A", Outcome.FOUND, ("127.0.0.2",)))
    ('listed', ('127.0.0.2',), 'sends spam', None)
    """
    if answer.unsure:
        return UNKNOWN, (), "", "silent"
    if not answer.found:
        return NOT_LISTED, (), "", None
    read = [(value, *_value(row, value)) for value in answer.values]
    # the worst reading of the answer as a whole holds: a refusal beside a listing is a refusal, a foreign address spoils it all
    for state, reason in ((UNKNOWN, "rewritten"), (REFUSED, "refused"), (LISTED, None), (UNKNOWN, "strange")):
        those = [(value, meaning) for value, s, meaning, r in read if s == state and r == reason]
        if those:
            return state, tuple(v for v, _ in those), "; ".join(dict.fromkeys(m for _, m in those if m)), reason
    return NOT_LISTED, tuple(v for v, *_ in read), "; ".join(m for _, _, m, _ in read if m), None


def _value(row: Blocklist, value: str) -> tuple[str, str, str | None]:
    """(state, meaning, reason) of one address in an answer."""
    if not value.startswith("127."):
        return UNKNOWN, "", "rewritten"  # a resolver that rewrites, or a domain that lapsed and is parked
    if value in row.refusals:
        return REFUSED, row.refusals[value], "refused"
    if value.startswith("127.255.255."):
        return REFUSED, "", "refused"  # the convention that Spamhaus began and others follow
    if row.bitmask:
        return _bits(row, int(value.rpartition(".")[2]))
    for codes, state in ((row.not_listed, NOT_LISTED), (row.codes, LISTED)):
        for code, meaning in codes.items():
            if value == code or (code.endswith(".") and value.startswith(code)):
                return state, meaning, None
    # RFC 5782 section 5: 127.0.0.1 is never a listing where a list does not say so itself
    return (LISTED, "", None) if row.any_code and value != "127.0.0.1" else (UNKNOWN, "", "strange")


def _bits(row: Blocklist, octet: int) -> tuple[str, str, str | None]:
    for name, meaning in row.refusals.items():
        if name.startswith("bit ") and octet & int(name[4:]):
            return REFUSED, meaning, "refused"
    meanings = [meaning for name, meaning in row.codes.items() if octet & int(name.removeprefix("bit "))]
    return (LISTED, "; ".join(meanings), None) if meanings else (UNKNOWN, "", "strange")


def _believe(row: Blocklist, listed: Answer, clean: Answer) -> tuple[str | None, tuple[Answer, ...]]:
    """Why a list is not believed, or None where it passed its self-test; with the two answers. RFC 5782 section 5."""
    state, _, _, reason = read_answer(row, listed)
    clean_state, _, _, clean_reason = read_answer(row, clean)
    if REFUSED in (state, clean_state):
        why: str | None = "refused"
    elif "rewritten" in (reason, clean_reason):
        why = "rewritten"
    elif listed.unsure or clean.unsure:
        why = "silent"
    else:
        # found is enough for the test point: lists answer it with codes of their own
        why = None if listed.found and not clean.found else "self-test"
    return why, (listed, clean)


def _listing(row: Blocklist, subject: str, role: str, answer: Answer, believed: tuple[str | None, tuple[Answer, ...]]) -> Listing:
    state, codes, meaning, reason = read_answer(row, answer)
    why, tests = believed
    if why and state in (LISTED, NOT_LISTED):
        state, codes, reason = (REFUSED if why == "refused" else UNKNOWN), (), why
        meaning = next((m for _, _, m, r in (read_answer(row, t) for t in tests) if r == "refused"), "")
    answers = (answer, *tests)
    return Listing(row.zone, row.name, row.kind, row.weight, subject, role, state, codes, meaning, row.delist, row.lookup or row.delist, reason, answers)


def _listed(lists: tuple[Listing, ...]) -> bool | None:
    senders = [x for x in lists if x.role != "mx"]
    if any(x.state == LISTED for x in senders):
        return True
    return False if senders and all(x.state == NOT_LISTED for x in senders) else None


# ------------------------------------------------------------------ judge


_CODES = {"given": "DBL001", "spf": "DBL002", "mx": "DBL003", "domain": "DBL004"}


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about blocklists. Pure. RFC 5782; how much a listing weighs is the list's `weight` in data/blocklists.toml."""
    if facts.dnsbl is None:
        return
    lists, domain = facts.dnsbl.lists, facts.input.domain.name
    for x in (x for x in lists if x.state == LISTED):
        yield finding(
            _CODES[x.role],
            _status(x),
            x.subject,
            x.answers,
            about=x.subject,
            list=x.name,
            zone=x.zone,
            codes=", ".join(x.codes),
            meaning=x.meaning or ", ".join(x.codes),
            page=x.delist or x.lookup or x.zone,
        )
    for why, code in (("refused", "DBL005"), ("self-test", "DBL006"), ("rewritten", "DBL007"), ("strange", "DBL009")):
        those = [x for x in lists if x.reason == why]
        if those:
            yield finding(code, Status.UNKNOWN, domain, (a for x in those for a in x.answers), **_about(those))
    silent = [a for x in lists if x.reason == "silent" for a in x.answers]
    yield from could_not_check("DBL", domain, silent)
    clean = [x for x in lists if x.state == NOT_LISTED]
    if clean and not any(x.state == LISTED for x in lists):
        yield finding("DBL008", Status.PASS, domain, (x.answers[0] for x in clean), count=len({x.zone for x in clean}), **_about(clean))


def _about(those: list[Listing]) -> dict[str, Any]:
    """Slots that name some lists, what they were asked about, and where to look by hand."""
    return {
        "lists": ", ".join(dict.fromkeys(x.name for x in those)),
        "subjects": ", ".join(dict.fromkeys(x.subject for x in those)),
        "pages": ", ".join(dict.fromkeys(x.lookup for x in those if x.lookup)) or ", ".join(dict.fromkeys(x.zone for x in those)),
        "why": "; ".join(dict.fromkeys(x.meaning for x in those if x.meaning)) or because("DBL005", "refused"),
    }


def _status(x: Listing) -> Status:
    """A list that many receivers obey weighs more; an address that takes mail, and perhaps sends none, weighs least."""
    heavy, light = x.weight in ("critical", "high", "medium"), x.weight == "low"
    if x.role == "mx":
        return Status.NOTE
    if x.role == "spf":
        return Status.WARN if heavy else Status.NOTE
    if x.role == "domain" and x.weight == "medium":
        return Status.WARN
    return Status.FAIL if heavy else Status.WARN if light else Status.NOTE
