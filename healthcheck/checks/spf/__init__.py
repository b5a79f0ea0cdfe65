"""SPF (RFC 7208): who may send for the envelope domain, what that costs a receiver, and what it says of the given addresses.

Judged on the domain of the envelope sender (`mail_from`, or the domain itself); the From domain's own record is looked at
beside it where the two differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from ...model import Answer, Question, ScanInput
from ..base import Later
from ..facts import Facts
from .flatten import flatten
from .judge import judge
from .propose import covering
from .reach import Reaching, authorised, range_of
from .record import parse, select
from .size import Size, size_of
from .spans import minus
from .tree import MAX_HOSTS, MAX_LOOKUPS, MAX_VOIDS, Builder, Node, Walk
from .vendors import service

if TYPE_CHECKING:
    from ...edge.dns import Seam
    from ...edge.libs import SpfVerdict
    from ...edge.world import Session

__all__ = ["TOPIC", "SpfFacts", "first", "foresee", "gather", "judge"]

TOPIC = "spf"
RECORDS = ("spf", "spf-envelope", "spf-include")  # roles of a question for a record: the From domain's, the envelope's, one below
ROLES = frozenset({*RECORDS, "spf-mx"})
FORESEEN = 24  # names of one record; no working record has more


@dataclass(frozen=True, slots=True)
class SpfFacts:
    """What is known of SPF.

    domain        the envelope domain, on which SPF is judged
    record        its one record; None where there is none, several, or it could not be looked up
    verdicts      each given address -> what a receiver would make of it
    lookups       worst case of the whole tree; None where it could not be counted to the end (then lookups_at_least holds)
    tree          the include tree; None where the envelope domain has no single record
    includes      every name that the tree includes or redirects to
    own_addresses single addresses that the record itself names: ip4 and ip6 without a range, and the hosts of its a and mx
    covering      the record with the given addresses that it does not cover added, tried out; None where there is no such
    opinion       what checkdmarc makes of it: {"agrees", "says", "lookups"}; worked out when it is read, and no finding rests on it
    ours          False: the envelope domain is of another name, so as a rule a service's; no change of it is proposed
    void_lookups_ipv6  void look-ups for a sender with an IPv6 address; None where they could not be counted to the end
    authorised    reach.Authorised, worked out when it is read; None where there is no single record that can be read
    vendors       the record's own includes with the service that each belongs to, where data/esps.toml knows it
    nested        own includes that another own include brings as well: (the term, the other one)
    size          what the TXT records of the name take in an answer; None where there is no single record
    flattening    a preview of the record with its names written out; worked out when it is read, and never proposed
    answers       those of the tree; what pyspf asked besides stands in the verdicts
    crowded       mx terms with more than ten hosts: the record's name, the term, the answer
    """

    domain: str
    record: str | None
    verdicts: Mapping[str, SpfVerdict]
    lookups: int | None
    void_lookups: int | None
    tree: Node | None
    lookups_at_least: int = 0
    includes: tuple[str, ...] = ()
    own_addresses: tuple[str, ...] = ()
    covering: str | None = None
    covers: tuple[str, ...] = ()
    from_domain: Node | None = None
    opinion: Mapping[str, object] = field(default_factory=dict)
    answer: Answer | None = None
    mx: Answer | None = None
    ours: bool = True
    answers: tuple[Answer, ...] = ()
    void_lookups_ipv6: int | None = None
    authorised: Mapping[str, object] | None = None
    vendors: tuple[Mapping[str, object], ...] = ()
    nested: tuple[tuple[str, str], ...] = ()
    size: Size | None = None
    flattening: Mapping[str, object] = field(default_factory=dict)
    crowded: tuple[tuple[str, str, Answer], ...] = ()


def first(wanted: ScanInput) -> Iterator[Question]:
    """The TXT records of the envelope domain and of the From domain."""
    yield Question(wanted.domain.name, "TXT", "spf")
    if wanted.mail_from and wanted.mail_from != wanted.domain.name:
        yield Question(wanted.mail_from, "TXT", "spf-envelope")


def foresee(question: Question, answer: Answer) -> Iterator[Question]:
    """What a record will make us ask: its includes, its hosts, and the addresses of its MX hosts. Pure."""
    if not answer.found:
        return
    if question.role == "spf-mx":
        for _, host in answer.mx()[:MAX_HOSTS]:
            if host != ".":
                yield Question(host, "A", "spf-host")
                yield Question(host, "AAAA", "spf-host")
    elif question.role in RECORDS:
        found = select(answer)
        record = parse(found[0]) if len(found) == 1 else None
        if record is None or not record.valid:
            return
        named = [t for t in record.evaluated if not t.macros and t.name in ("include", "redirect", "a", "mx", "exists")]
        # records first: the longest chain leads through them
        for term in sorted(named[:FORESEEN], key=lambda term: term.name not in ("include", "redirect")):
            rtype, role = {"mx": ("MX", "spf-mx"), "a": ("A", "spf-host"), "exists": ("A", "spf-host")}.get(term.name, ("TXT", "spf-include"))
            yield Question(term.target(question.name), rtype, role)
            if term.name == "a":
                yield Question(term.target(question.name), "AAAA", role)
        explained = record.modifier("exp")
        if explained and not explained.macros:
            yield Question(explained.target(question.name), "TXT", "spf-exp")


def gather(session: Session, facts: Facts) -> SpfFacts:
    """Ask for the tree of the envelope domain, and let pyspf judge each given address. Waits on the network only through the seam.

    Cost: at most 48 questions a tree, and what pyspf asks for macros and ptr; each name once.
    """
    from ...edge.libs import spf_verdict

    dns = session.dns
    wanted = facts.input
    domain = wanted.mail_from or wanted.domain.name
    walk = Walk(dns)
    walk.set_out(domain)
    side = Walk(dns, left=16)
    if domain != wanted.domain.name:
        side.set_out(wanted.domain.name)
    sender = f"postmaster@{domain}"
    # while the last hosts are on their way: pyspf seldom needs them
    verdicts = {ip: spf_verdict(dns, ip, sender, domain) for ip in wanted.ips}
    reaching = Reaching(walk)
    builder = Builder(walk, reaching)
    walk.arrived()
    builder.begin(domain)
    walk.arrive()
    side.arrive()
    tree = builder.tree(domain)
    other = Builder(side, Reaching(side)).tree(wanted.domain.name) if domain != wanted.domain.name else None
    proposed, covers = _try_out(dns, tree, verdicts, sender)
    single = tree if tree.record is not None else None
    has_tree = tree.record is not None and tree.error is None
    return SpfFacts(
        domain=domain,
        record=tree.record,
        verdicts=verdicts,
        lookups=tree.lookups if has_tree and tree.complete else None,
        void_lookups=tree.voids if has_tree and tree.voids_complete else None,
        tree=single,
        lookups_at_least=tree.lookups,
        includes=tuple(dict.fromkeys(n.domain for n in tree.walk() if n is not tree)),
        own_addresses=_own_addresses(walk, domain),
        covering=proposed,
        covers=covers,
        from_domain=other,
        opinion=Later(lambda: _opinion(walk, tree)),
        answer=walk.answers[domain, "TXT"],
        mx=dns.ask(domain, "MX") if tree.error == "none" else None,
        ours=_related(domain, wanted.domain.name),
        answers=tuple(walk.answers.values()),
        **_more(walk, tree, reaching),
    )


def _more(walk: Walk, tree: Node, reaching: Reaching) -> dict[str, Any]:
    """What is known of the one record that can be read, and of the room that it takes."""
    answer = walk.answers[tree.domain, "TXT"]
    size = size_of(answer, tree.record) if tree.record is not None else None
    if tree.record is None or tree.error:
        return {"size": size}
    record = parse(tree.record)
    return {
        "size": size,
        "void_lookups_ipv6": tree.voids6 if tree.voids6_complete else None,
        "authorised": Later(lambda: asdict(authorised(reaching.of(tree.domain)))),
        "vendors": tuple(_vendors(tree)),
        "nested": tuple(_nested(tree, reaching)),
        "flattening": Later(lambda: asdict(flatten(record, tree.domain, reaching))),
        "crowded": tuple((name, term.text, found) for name, term, found in walk.crowded()),
    }


def _vendors(tree: Node) -> Iterator[dict[str, object]]:
    for node in tree.children:
        if found := service(node.domain):
            yield {"term": node.via, "id": found.id, "name": found.name, "lookups": node.lookups + 1}
    # a name with macros is no branch of the tree, and tells its service all the same
    for term in tree.macros:
        if found := service(term.partition(":")[2].partition("/")[0]):
            yield {"term": term, "id": found.id, "name": found.name, "lookups": None}


def _nested(tree: Node, reaching: Reaching) -> Iterator[tuple[str, str]]:
    """Own includes that stand in the branch of another own include, which lets everything pass that they do."""
    below = {node.via: {n.domain for n in node.walk()} - {node.domain} for node in tree.children}
    for node in tree.children:
        reach = reaching.of(node.domain)
        plain = node.via.lower().lstrip("+").startswith("include:")
        for other in tree.children if plain and reach.complete and not node.error else ():
            outer = other.via.lower().lstrip("+").startswith("include:") and node.domain in below[other.via]
            if outer and other.domain != node.domain and not minus(reach.passed, reaching.of(other.domain).passed):
                yield node.via, other.via
                break


def _try_out(dns: Seam, tree: Node, verdicts: Mapping[str, SpfVerdict], sender: str) -> tuple[str | None, tuple[str, ...]]:
    """The record with the uncovered addresses added, and those that pass by it. Every one that passed has to pass still."""
    missing = tuple(ip for ip, v in verdicts.items() if v.result in ("fail", "softfail", "neutral"))
    if not missing or tree.record is None or tree.error:
        return None, ()
    from ...edge.libs import spf_verdict

    record = covering(parse(tree.record), missing)
    after = {ip: spf_verdict(dns, ip, sender, tree.domain, record=record) for ip in verdicts}
    if any(v.result == "pass" and after[ip].result != "pass" for ip, v in verdicts.items()):
        return None, ()
    covers = tuple(ip for ip in missing if after[ip].result == "pass")
    if len(covers) < len(missing):
        # an earlier term refuses some of them by name: those stay for the user to decide
        record = covering(parse(tree.record), covers)
    return (record, covers) if covers else (None, ())


def _related(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _own_addresses(walk: Walk, domain: str) -> tuple[str, ...]:
    record = walk.records.get(domain)
    if not record or not record.valid:
        return ()
    out: list[str] = []
    for term in record.evaluated:
        if term.qualifier != "+" or term.macros:
            continue
        if term.name in ("ip4", "ip6"):
            first, last = range_of(term)
            out += [str(ip_address(term.value))] if first == last else []
        elif term.name in ("a", "mx") and term.cidr4 in (None, 32):
            target = term.target(domain)
            hosts = [host for _, host in walk.answers[target, "MX"].mx()][:MAX_HOSTS] if term.name == "mx" else [target]
            out += [value for host in hosts if (host, "A") in walk.answers for value in walk.answers[host, "A"].values]
    return tuple(dict.fromkeys(out))


def _opinion(walk: Walk, tree: Node) -> dict[str, object]:
    """What checkdmarc makes of the record, over the answers that are here anyway; agrees is None where it cannot say."""
    if tree.record is None:
        return {"agrees": None, "says": ""}
    from ...edge.libs import spf_opinion

    opinion = spf_opinion(tree.record, tree.domain, walk.answers.values())
    within = tree.lookups <= MAX_LOOKUPS and tree.voids <= MAX_VOIDS and not walk.crowded()
    ours = tree.error is None and within and not any(n.error for n in tree.walk())
    agrees = None if opinion.valid is None or not tree.complete else opinion.valid == ours
    return {"agrees": agrees, "says": opinion.says, "lookups": opinion.values.get("lookups")}
