"""Findings about how mail hosts take TLS. Pure. RFC 3207, RFC 7435, RFC 8461 section 4, RFC 8996."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...model import Finding, Status
from ..base import because, could_not_check, finding
from ..tlsa import MATCHES

if TYPE_CHECKING:
    from ..facts import Facts
    from . import Shown, StarttlsFacts, StarttlsHost

SHOWN = 4
LASTING = ("expired", "not-yet-valid", "unreadable")  # what nobody chooses; the rest works between senders that do not look
OLD = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1")  # RFC 8996, RFC 7568


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about TLS of the mail hosts. Pure. A sender without a policy takes any certificate (RFC 7435), and without TLS sends in the clear."""
    said, mx = facts.starttls, facts.mx
    if said is None or mx is None:
        return
    if not said.asked:
        yield finding("TLS007", Status.NOTE, said.domain, domain=said.domain)
        return
    unsure = (mx.answer, *mx.others) if mx.state == "unknown" else tuple(a for h in mx.hosts if h.state == "unknown" for a in h.answers)
    yield from could_not_check("TLS", said.domain, unsure)
    if not [h for h in said.hosts if h.state != "guarded"]:
        if not any(a.unsure for a in unsure):
            reason = because("TLS014", "guarded" if said.hosts else "none")
            yield finding("TLS014", Status.NOTE, said.domain, (mx.answer, *_evidence(said.hosts)), domain=said.domain, reason=reason)
        return
    found = list(_merged([*_unreached(said), *(f for host in said.hosts for f in _one(facts, host))]))
    yield from found
    bad = {f.subject for f in found if f.status in (Status.FAIL, Status.WARN, Status.UNKNOWN)}
    good = [h for h in said.hosts if h.state == "secured" and h.host not in bad]
    if good:
        told = {h.host: _spoken(h) for h in reversed(good)}
        hosts = ", ".join(f"{host} ({told[host]})" for host in dict.fromkeys(h.host for h in good))
        yield finding("TLS010", Status.PASS, said.domain, _evidence(good), domain=said.domain, hosts=hosts)


def _spoken(host: StarttlsHost) -> str:
    return host.protocol.replace("TLSv", "TLS ")


def _evidence(hosts: Iterable[StarttlsHost]) -> list[Any]:
    return [h.evidence for h in hosts if h.evidence is not None]


def _merged(findings: Iterable[Finding]) -> Iterator[Finding]:
    """What holds of both addresses of a host in the same way is said once."""
    kept: dict[object, Finding] = {}
    for f in findings:
        values = {k: v for k, v in f.values.items() if k != "address"}
        key = (f.code, f.status, f.subject, tuple(sorted(values.items())))
        if (held := kept.get(key)) is None or not f.values.get("address"):
            kept[key if held is None else len(kept)] = f
            continue
        addresses = f"{held.values['address']}, {f.values['address']}"
        kept[key] = replace(held, values={**held.values, "address": addresses}, evidence=tuple(dict.fromkeys((*held.evidence, *f.evidence))))
    yield from kept.values()


# ------------------------------------------------------------------ hosts that were not spoken with


def _unreached(said: StarttlsFacts) -> Iterator[Finding]:
    """A host without a connection. Where none at all was made, the way out of here may be what is closed: that says nothing of the hosts."""
    open_here = any(h.connected for h in said.hosts)
    waiting = [h for h in said.hosts if h.state in ("silent", "no-route")]
    if waiting and not open_here:
        reason = because("TLS001", "silent" if any(h.state == "silent" for h in waiting) else "no-route")
        hosts = ", ".join(dict.fromkeys(f"{h.host} ({h.address})" for h in waiting))
        yield finding("TLS001", Status.UNKNOWN, said.domain, _evidence(waiting), domain=said.domain, hosts=hosts, reason=reason)
    for host in said.hosts:
        taken = any(h.connected for h in said.hosts if h.host == host.host)
        if host.state == "closed-port" or (host.state == "silent" and open_here):
            values: dict[str, Any] = {"host": host.host, "address": host.address, "domain": said.domain, "reason": because("TLS011", host.state)}
            # by its other address the host is reached all the same, a little later
            yield finding("TLS011", Status.NOTE if taken else Status.WARN, host.host, _evidence([host]), **values)
        elif host.state == "not-asked" or (host.state == "no-route" and open_here and not taken):
            yield from could_not_check("TLS", host.host, _evidence([host]))


# ------------------------------------------------------------------ one host


def _demand(facts: Facts, host: StarttlsHost) -> str:
    """Who insists on TLS with this host: mta-sts | dane | testing, or "" where senders do as they like."""
    sts = facts.mta_sts
    mode = sts.mode if sts is not None and sts.policy_state == "ok" else None
    if mode == "enforce":
        return "mta-sts"
    # RFC 7672 section 2.2: secure and usable records, with a next hop that is secure itself
    if facts.dane is not None and facts.dane.mx_state == "secure" and any(h.host == host.host and h.state == "works" for h in facts.dane.hosts):
        return "dane"
    return "testing" if mode == "testing" else ""


def _one(facts: Facts, host: StarttlsHost) -> Iterator[Finding]:
    demand = _demand(facts, host)
    values: dict[str, Any] = {"domain": facts.input.domain.name, "host": host.host, "address": host.address, "detail": host.detail, "banner": host.banner}
    evidence = _evidence([host])
    match host.state:
        case "turned-away" | "slow":
            reason = because("TLS012", "slow" if host.state == "slow" else "said" if host.detail[:1].isdigit() and host.detail[3:4] == " " else "closed")
            yield finding("TLS012", Status.UNKNOWN, host.host, evidence, reason=reason.format(**values), **values)
        case "no-smtp":
            yield finding("TLS013", Status.WARN, host.host, evidence, **values)
        case "not-offered" | "masked":
            status = Status.FAIL if demand in ("mta-sts", "dane") else Status.WARN
            words: dict[str, Any] = {"reason": because("TLS002", host.state), "effect": because("TLS002", f"then-{demand or 'nobody'}")}
            yield finding("TLS002", status, host.host, evidence, **words, **values)
        case "refused" | "failing":
            words = {"reason": because("TLS003", host.state).format(**values), "effect": because("TLS003", f"then-{demand or 'nobody'}")}
            yield finding("TLS003", Status.FAIL if demand in ("mta-sts", "dane") else Status.WARN, host.host, evidence, **words, **values)
        case "secured":
            yield from _secured(host, demand, values)


def _secured(host: StarttlsHost, demand: str, values: dict[str, Any]) -> Iterator[Finding]:
    evidence = _evidence([host])
    if host.injected:
        yield finding("TLS008", Status.WARN, host.host, evidence, **values)
    if host.weak or host.protocol in OLD:
        reason = because("TLS006", "version" if host.protocol in OLD else "weak")
        yield finding("TLS006", Status.WARN, host.host, evidence, reason=reason, protocol=_spoken(host), cipher=host.cipher or "-", **values)
    if host.certificate is None:
        return
    values = values | _words(host.certificate)
    problem = host.certificate.problem
    if problem and demand in ("mta-sts", "testing"):
        words: dict[str, Any] = {"reason": because("TLS004", problem).format(**values), "effect": because("TLS005", demand)}
        yield finding("TLS005", Status.FAIL if demand == "mta-sts" else Status.WARN, host.host, evidence, **words, **values)
    elif problem and host.dane != MATCHES:
        reason = because("TLS004", problem).format(**values)
        yield finding("TLS004", Status.WARN if problem in LASTING else Status.NOTE, host.host, evidence, reason=reason, **values)
    elif not problem and host.certificate.old:
        yield finding("TLS009", Status.NOTE, host.host, evidence, **values)


def _words(shown: Shown) -> dict[str, Any]:
    names = ", ".join(shown.names[:SHOWN]) + (", …" if len(shown.names) > SHOWN else "")
    dates = {"since": f"{shown.not_before:%Y-%m-%d}", "until": f"{shown.not_after:%Y-%m-%d %H:%M} UTC"}
    return {"names": names or "-", "issuer": shown.issuer[:100] or "-", **dates}
