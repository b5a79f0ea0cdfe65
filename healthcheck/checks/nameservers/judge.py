"""What the nameservers' answers mean for mail. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import TYPE_CHECKING

from ...model import Answer, Finding, Outcome, Status
from ..addresses import parse
from ..base import ZONE_FILES, because, could_not_check, finding

if TYPE_CHECKING:
    from ..facts import Facts
    from . import NameserverHost, NameserversFacts

DAY = 86400
EXPIRE = 7 * DAY  # RFC 1912 section 2.2 asks for two to four weeks; below one a long weekend is enough
NEGATIVE = DAY  # RFC 2308 section 5: one to three hours work well, above a day is problematic
REFRESH = DAY
_CODES = {"lame": "NSV005", "refused": "NSV006", "fails": "NSV007"}


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about the nameservers of the domain's zone. Pure. RFC 1034 section 4.2.2, RFC 2181 section 10.3, RFC 2182, RFC 1912 section 2.

    A server that did not answer is never a failure by itself: the network between here and there may be the reason.
    """
    held = facts.nameservers
    if held is None:
        return
    if held.alias is not None:
        yield from _alias(held, held.alias)
    match held.state:
        case "unknown":
            yield from could_not_check("NSV", held.domain, [*held.answers, *([held.soa_answer] if held.soa_answer else [])])
        case "shared":
            yield finding("NSV020", Status.NOTE, held.domain, held.answers, domain=held.domain)
        case "none":
            if held.alias is None:
                evidence = (*held.answers, *([held.soa_answer] if held.soa_answer else []))
                yield finding("NSV021", Status.WARN, held.zone or held.domain, evidence, zone=held.zone)
        case _:
            yield from _delegation(held)
            yield from _servers(held, resolved=not held.broken)
            yield from _agreement(held)
            yield from _soa(held)


# ------------------------------------------------------------------ names and addresses


def _delegation(held: NameserversFacts) -> Iterator[Finding]:
    zone, hosts, evidence = held.zone or "", held.hosts, held.answers[-1:]
    looked_up = [h for h in hosts if h.state != "not-looked-up"]
    if len(hosts) == 1:
        # no receiver feels it while the one server runs
        yield finding("NSV001", Status.NOTE, zone, evidence, zone=zone, host=hosts[0].name)
    unsure = [a for h in looked_up if h.state == "unknown" for a in h.answers]
    yield from could_not_check("NSV", zone, unsure)
    good = [h for h in looked_up if h.addresses and not _private(h)]
    for host in looked_up:
        if host.state == "no-address":
            status = Status.WARN if good or unsure or len(hosts) > len(looked_up) else Status.FAIL
            yield finding("NSV002", status, host.name, (*evidence, *host.answers), zone=zone, host=host.name)
        if _private(host):
            yield finding(
                "NSV017", Status.WARN, host.name, (*evidence, *host.answers, *host.direct[:1]), zone=zone, host=host.name, address=", ".join(host.addresses)
            )
        if host.alias:
            yield finding("NSV003", Status.WARN, host.name, (*evidence, *host.answers), zone=zone, host=host.name, target=host.alias)
    if len(hosts) > 1 and len(good) == len(hosts) and (net := _together(good)):
        yield finding("NSV004", Status.NOTE, zone, (*evidence, *(a for h in good for a in h.answers)), zone=zone, net=net)
    if held.parent is not None and not held.broken and held.parent_answer is not None:
        yield from _parent(held, held.parent_answer)
    if len(hosts) > 1 and len(good) == len(looked_up) and not held.broken and not any(h.alias for h in hosts):
        shown = ", ".join(h.name for h in hosts)
        yield finding("NSV018", Status.PASS, zone, (*evidence, *(a for h in good for a in h.answers)), zone=zone, hosts=shown)


def _private(host: NameserverHost) -> bool:
    return host.says == "guarded" or (host.state == "private" and host.says == "not-asked")


def _together(hosts: list[NameserverHost]) -> str:
    """The one address or /24 that all servers lie in; "" where they are spread. RFC 2182 section 3.1."""
    addresses = {parse(a) for h in hosts for a in h.addresses}
    if len(addresses) == 1:
        return str(next(iter(addresses)))
    nets = {str(ip_network((a, 24 if a.version == 4 else 48), strict=False)) for a in addresses}
    return nets.pop() if len(nets) == 1 else ""


def _parent(held: NameserversFacts, answer: Answer) -> Iterator[Finding]:
    """RFC 1034 section 4.2.2: the records at the cut are to be the same on both sides, and often are not."""
    above, own = set(held.parent or ()), {h.name for h in held.hosts}
    if above == own:
        return
    # whom the zone above names is asked first by everybody; one that only the zone itself names is asked by some
    status = Status.WARN if above - own else Status.NOTE
    evidence = (answer, *held.answers[-1:])
    above_only, own_only = ", ".join(sorted(above - own)) or "–", ", ".join(sorted(own - above)) or "–"
    yield finding("NSV013", status, held.zone or "", evidence, zone=held.zone, above=above_only, own=own_only)


# ------------------------------------------------------------------ what they answer


def _servers(held: NameserversFacts, *, resolved: bool) -> Iterator[Finding]:
    zone = held.zone or ""
    asked = [h for h in held.hosts if h.address and h.says != "guarded"]
    if held.drafted:
        # a file under test tells nothing of the servers that are to hold it
        yield from could_not_check("NSV", zone, [Answer(zone, "SOA", Outcome.NOT_ASKED, server=ZONE_FILES)])
        return
    answering = [h for h in asked if h.says == "answers"]
    if asked and not answering and all(h.says in ("recursive", "lame") for h in asked) and any(h.says == "recursive" for h in asked):
        # nameservers of a zone do not all turn into resolvers: something on the way answers for them
        yield finding("NSV009", Status.UNKNOWN, zone, (h.direct[0] for h in asked), zone=zone, hosts=_shown(asked))
        return
    silent = [h for h in asked if h.says == "silent"]
    # definite, and nobody left who might answer: a resolver found no answer either
    failing = not answering and not silent and not resolved and all(h.says in ("lame", "refused", "fails", "recursive") for h in asked)
    for host in asked:
        says = "lame" if host.says == "recursive" else host.says
        if code := _CODES.get(says):
            yield finding(
                code,
                Status.FAIL if failing else Status.WARN,
                host.name,
                host.direct,
                zone=zone,
                host=host.name,
                address=host.address,
                detail=host.direct[0].detail,
            )
    if answering:
        for host in silent:
            yield finding("NSV008", Status.WARN, host.name, host.direct, zone=zone, host=host.name, address=host.address, others=_shown(answering))
    unsure = [a for h in asked if h.says == "unknown" or (h.says == "silent" and not answering) for a in h.direct]
    yield from could_not_check("NSV", zone, [*unsure, *(held.answers if held.broken and not failing else ())])


def _shown(hosts: list[NameserverHost]) -> str:
    return ", ".join(f"{h.name} ({h.address})" for h in hosts)


def _agreement(held: NameserversFacts) -> Iterator[Finding]:
    """Do the servers say the same? What was not answered with authority is left out."""
    answering = [h for h in held.hosts if h.says == "answers"]
    if not answering:
        return
    differ = []
    for at, code in ((1, "NSV010"), (2, "NSV011")):
        said = {h.name: (h, h.direct[at], _set(h.direct[at])) for h in answering if h.direct[at].authoritative and not h.direct[at].unsure}
        if len({values for _, _, values in said.values()}) > 1:
            differ.append(code)
            shown = "; ".join(f"{name}: {' | '.join(sorted(values)) or '–'}" for name, (_, _, values) in said.items())
            lasting = not _catching_up([h for h, _, _ in said.values()])
            yield finding(
                code,
                Status.FAIL if lasting else Status.WARN,
                held.domain,
                (*(a for _, a, _ in said.values()), *(h.direct[0] for h, _, _ in said.values())),
                domain=held.domain,
                answers=shown,
                reason=because(code, "lasting" if lasting else "catching-up"),
            )
    serials = {h.name: h.serial for h in answering if h.serial is not None}
    if len(set(serials.values())) > 1:
        shown = ", ".join(f"{name}: {serial}" for name, serial in serials.items())
        yield finding("NSV012", Status.NOTE, held.zone or "", (h.direct[0] for h in answering), zone=held.zone, serials=shown)
    unseen = [a for h in answering for a in h.direct if a.outcome in (Outcome.TIMEOUT, Outcome.SERVFAIL, Outcome.ERROR, Outcome.REFUSED)]
    yield from could_not_check("NSV", held.domain, unseen)
    everyone = [h for h in held.hosts if h.address and h.says != "guarded"]
    if not differ and not unseen and len(answering) == len(everyone):
        yield finding("NSV019", Status.PASS, held.zone or "", (a for h in answering for a in h.direct), zone=held.zone, hosts=_shown(answering))


def _set(answer: Answer) -> frozenset[str]:
    """What two servers have to agree on: the mail hosts, or the SPF record."""
    if answer.rtype == "TXT":
        return frozenset(v for v in answer.values if v[:6].lower() == "v=spf1")
    return frozenset(answer.values)


def _catching_up(hosts: list[NameserverHost]) -> bool:
    """May a secondary be on its way to the newer zone? Servers of one primary have the same MNAME, and serials that differ until then."""
    read = [h.direct[0].values[0].split() for h in hosts if h.direct[0].found]
    return len(read) == len(hosts) and len({fields[0] for fields in read}) == 1 and len({fields[2] for fields in read}) > 1


# ------------------------------------------------------------------ the top of the zone


def _alias(held: NameserversFacts, target: str) -> Iterator[Finding]:
    """RFC 1034 section 3.6.2: where an alias stands, nothing else does; and the top of a zone has SOA and NS."""
    beside = sorted({a.rtype for a in held.beside if a.found and not a.aliases})
    # some resolvers see the alias, some the rest, as the one or the other was asked for first
    status = Status.FAIL if {"MX", "TXT"} & set(beside) else Status.WARN
    yield finding("NSV014", status, held.alias_at, held.beside, name=held.alias_at, target=target, beside=", ".join(beside) or "SOA, NS")


def _soa(held: NameserversFacts) -> Iterator[Finding]:
    soa, zone = held.soa, held.zone or ""
    if soa is None or held.soa_answer is None:
        if held.soa_answer is not None:
            yield from could_not_check("NSV", zone, [held.soa_answer])
        return
    evidence = (held.soa_answer,)
    if soa.expire < soa.refresh + soa.retry:
        yield finding("NSV015", Status.WARN, zone, evidence, zone=zone, expire=soa.expire, refresh=soa.refresh, retry=soa.retry)
    odd = []
    if soa.refresh + soa.retry <= soa.expire < EXPIRE:
        odd.append("expire")
    if soa.refresh > REFRESH:
        odd.append("refresh")
    if soa.negative_ttl > NEGATIVE:
        odd.append("negative")
    if soa.serial == 0:
        odd.append("serial")
    if "@" in soa.rname:
        odd.append("rname")
    if soa.mname in (".", "") or "@" in soa.mname:
        odd.append("mname")
    if odd:
        shown = "; ".join(because("NSV016", key).format(**_numbers(held)) for key in odd)
        yield finding("NSV016", Status.NOTE, zone, evidence, zone=zone, oddities=shown)


def _numbers(held: NameserversFacts) -> dict[str, object]:
    soa = held.soa
    assert soa is not None
    return {"expire": soa.expire, "refresh": soa.refresh, "negative": soa.negative_ttl, "rname": soa.rname, "mname": soa.mname}
