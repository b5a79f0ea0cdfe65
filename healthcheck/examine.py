"""The third question: what happened to this message?

examine(text, …) -> Examination     what was pasted, its way, what receivers wrote, and SPF, DKIM, DMARC and ARC as a receiver would find them today
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .bounce.classify import classify
from .errors import DomainError, InputError
from .message import content, relay
from .message.dates import read_date
from .message.judge import DmarcPolicy, differences, dmarc_seen, spf_seen, with_alignment
from .message.parse import Pasted, below_words, read_message
from .message.results import judged, judged_ip, read_results
from .message.shows import Seen, of_copy, unsigned_copy
from .message.shows import findings as shows
from .message.way import Way, read_way
from .message.whose import domain_of, marks, whose
from .model import (
    Answer,
    ArcSeen,
    Claim,
    DmarcSeen,
    Domain,
    Examination,
    Outcome,
    Question,
    Sender,
    Signature,
    SpfSeen,
    check_ip,
    check_selector,
)

if TYPE_CHECKING:
    from .edge.dns import Seam
    from .edge.libs import Asks, SpfVerdict
    from .edge.world import Session, World

DEADLINE = 15.0  # seconds; what has not been answered by then is reported as not looked up
MAX_WALKS = 6  # signing domains whose organizational domain is looked for


def examine(
    text: str | bytes,
    *,
    from_domain: str | None = None,
    mail_from: str | None = None,
    ips: tuple[str, ...] = (),
    world: World | None = None,
    offline: bool = False,
    source: str = "",
    deadline: float = DEADLINE,
    returned_only: bool = False,
) -> Examination:
    """Say which way a message took, what its signatures are worth, and where what receivers wrote differs from what is found today.

    text       header fields, a whole message, or a bounce, of which the message that came back is taken; as copied from a mail program or a
               web page, quoted, in any line ends. At most 1 MiB.
    from_domain, mail_from, ips   what the user says of the sender, where the paste does not say it or says it wrongly: the domain of From, of the
               envelope sender, the address that connected to the receiver. They go before what was read; the first address is judged.
    offline    ask no network: then spf and dmarc are None, and of signatures only that is said which the message alone shows.
    world      where DNS questions go; the system's resolvers where None.
    returned_only   of a paste that holds a bounce: look nothing up where no message came back, or stands below the reply

    Returns an Examination. What servers wrote is shown as they wrote it; below the receiver's own fields anybody may have written it, and
    `trusted` says of each result whether the receiver did. Keys and records are those of today: on the day on which the message was sent the
    DNS may have said something else.
    Raises TooLargeError for more than 1 MiB, InputError for a domain or address that is none; never on what is pasted or the network says.
    Cost: offline below a second, for a common message some milliseconds; else at most 100 questions and `deadline` seconds.
    Standard: RFC 5321 section 4.4, RFC 5322, RFC 6376, RFC 7208, RFC 8601, RFC 8617, RFC 9989.

    >>> seen = examine("Received: from a.example (a.example [192.0.2.7]) by mx.example.net with ESMTP id 1; Sun, 22 Nov 2026 12:00:00 +0000\\n"
    ...                "From: lena@example.com\\n", offline=True)
    >>> seen.kind, seen.sender.from_domain, seen.sender.ips
    ('headers', 'example.com', ('192.0.2.7',))
    """
    form = Sender(
        Domain.parse(from_domain).name if from_domain else None,
        Domain.parse(mail_from).name if mail_from else None,
        tuple(check_ip(ip) for ip in ips),
        own_ips=bool(ips),
    )
    read = _read(read_message(text, source), form)
    if offline or not read.asks_something or (returned_only and not read.returned):
        return _offline(read, source)
    if world is not None:
        return _asked(read, source, world, deadline)
    from .edge.world import World

    live = World.live()
    try:
        return _asked(read, source, live, deadline)
    finally:
        live.close()


# ------------------------------------------------------------------ what the paste says


@dataclass(frozen=True, slots=True)
class _Read:
    """All that is known without the DNS."""

    pasted: Pasted
    form: Sender
    way: Way
    claims: tuple[Claim, ...]
    from_domain: str | None
    mail_from: str | None  # an address, a domain, "" for the null sender, None where it is not known
    ip: str | None
    helo: str | None

    @property
    def asks_something(self) -> bool:
        return bool(self.pasted.fields or self.from_domain)

    @property
    def returned(self) -> bool:
        """Is it a message that came back, or one below something else? A bounce's own header is neither."""
        return bool(self.pasted.fields) and (self.pasted.kind == "dsn" or below_words(self.pasted))

    @property
    def arrived(self) -> float | None:
        """When the receiver took it, by the receiver's clock; else the last time that any server noted, of a bounce the last try; else Date."""
        if self.way.entry is not None and (at := self.way.hops[self.way.entry].at) is not None:
            return at
        noted = [hop.at for hop in reversed(self.way.hops) if hop.at is not None][:1]
        noted += [moment.at for b in self.pasted.bounces[:1] if b.at and (moment := read_date(b.at)) is not None]
        if noted:
            return max(noted)
        date = read_date(self.pasted.first("date"))
        return date.at if date else None

    @property
    def unsigned(self) -> bool:
        """May it have been signed though no signature is there?"""
        return unsigned_copy(self.pasted, received=self.way.entry is not None)

    def left_out(self, signatures: Sequence[Signature]) -> bool:
        """Are there more signatures than were verified?"""
        return len(self.pasted.all("dkim-signature")) > len(signatures)

    @property
    def subject(self) -> str:
        return self.from_domain or "message"


def _read(pasted: Pasted, form: Sender) -> _Read:
    bounced = next((s for b in pasted.bounces if (s := classify(b).bounce.sender) is not None), None)
    domain = form.from_domain or _domain(content.from_domain(pasted)) or (_domain(bounced.from_domain) if bounced else None)
    refused_by = next((b.remote_mta for b in pasted.bounces if b.remote_mta), None)
    path = next((one.value.strip().strip("<>").strip() for one in pasted.all("return-path")), None)
    own = (domain, domain_of(path), form.mail_from)
    fields = pasted.all("received")
    values, places = [one.value for one in fields], [one.order for one in fields]
    ends = next((one.order for one in pasted.fields if one.key in ("from", "subject", "to", "date", "message-id", "dkim-signature")), len(pasted.fields))
    found = read_results(pasted.fields)
    way = read_way(values, own=own, refused_by=refused_by)
    claims = judged(found, way, places, ends)
    said_ip = judged_ip((*pasted.said, *claims))
    if said_ip and said_ip != way.ip and not refused_by:
        way = read_way(values, own=own, judged_ip=said_ip)
        claims = judged(found, way, places, ends)
    claims = (*pasted.said, *claims)
    entry = None if way.entry is None else way.hops[way.entry]
    told = (form.ips or tuple(filter(None, (said_ip, way.ip))) or (bounced.ips if bounced else ()))[:1]
    envelopes = (form.mail_from, _said(claims, "smtp.mailfrom"), path, entry.mail_from if entry else None, bounced.mail_from if bounced else None)
    mail_from = next((one for one in envelopes if one is not None), None)
    # RFC 7208 section 2.4: of the null sender the name in HELO is judged, so that a reply which names a domain names that one
    helo = bounced.mail_from if bounced and mail_from == "" else None
    return _Read(
        pasted=pasted,
        form=form,
        way=way,
        claims=claims,
        from_domain=domain,
        mail_from=mail_from,
        ip=told[0] if told else None,
        helo=_said(claims, "smtp.helo") or (entry.helo if entry else None) or helo,
    )


def _domain(name: str | None) -> str | None:
    """A domain out of a pasted mail, where it is one that can be asked."""
    try:
        return Domain.parse(name).name if name else None
    except DomainError:
        return None


def _said(claims: Sequence[Claim], name: str) -> str | None:
    """What the receiver itself says of an SPF identity."""
    return next((value.strip("<>") for claim in claims if claim.trusted and claim.method == "spf" and (value := claim.properties.get(name)) is not None), None)


# ------------------------------------------------------------------ without and with the DNS


class _NoNetwork:
    """Answers every question with "not asked"."""

    def ask(self, name: str, rtype: str) -> Answer:
        return Answer(name, rtype, Outcome.NOT_ASKED, server="offline", detail="offline")


def _offline(read: _Read, source: str) -> Examination:
    signatures, arc = _verified(read, _NoNetwork(), read.arrived or 0.0) if read.pasted.fields else ((), None)
    return _examination(read, source, signatures, arc)


def _verified(read: _Read, asks: Asks, now: float) -> tuple[tuple[Signature, ...], ArcSeen | None]:
    if not any(one.key in ("dkim-signature", "arc-seal", "arc-message-signature") for one in read.pasted.fields):
        return (), ArcSeen("none")  # dkimpy need not be loaded
    from .edge.libs_verify import verify_arc, verify_dkim

    whole = read.pasted.whole_body
    signatures = verify_dkim(read.pasted.raw, asks, now=now, from_domain=read.from_domain, at=read.arrived, whole_body=whole)
    return of_copy(signatures) if read.returned else signatures, verify_arc(read.pasted.raw, asks, now=now, whole_body=whole)


def _asked(read: _Read, source: str, world: World, deadline: float) -> Examination:
    about = read.from_domain or domain_of(read.mail_from) or ""
    world = world.for_domain(about)
    with world.open(deadline=deadline, about=about) as session:
        dns = session.dns
        _foresee(read, dns)
        now = session.now.timestamp()
        spf_domain = _domain(domain_of(read.mail_from)) or (_domain(read.helo) if read.mail_from == "" else None)
        policy = _policy(session, read.from_domain, (spf_domain,)) if read.from_domain else None
        verdict, record = _spf(read, dns, spf_domain)
        signatures, arc = _verified(read, dns, now)
        if policy is not None and (more := tuple(dict.fromkeys(one.d for one in signatures if _domain(one.d) and one.d not in policy.orgs))[:MAX_WALKS]):
            policy = replace(policy, orgs={**policy.orgs, **_orgs(dns, more)})
        orgs = policy.orgs if policy else {}
        signatures = with_alignment(signatures, read.from_domain, orgs)
        spf = spf_seen(verdict, ip=read.ip, mail_from=read.mail_from, helo=read.helo, from_domain=read.from_domain, orgs=orgs, evidence=record)
        dmarc = dmarc_seen(read.from_domain, policy, spf, signatures, unsigned=read.unsigned or read.left_out(signatures)) if policy else None
        return _examination(read, source, signatures, arc, spf, dmarc, session.dns.transcript())


def _foresee(read: _Read, dns: Seam) -> None:
    """Every question that the message alone leads to, started at once."""
    from .checks.dmarc.walk import names

    asked = [Question(f"_dmarc.{name}", "TXT") for name in (names(read.from_domain) if read.from_domain else ())]
    if envelope := _domain(domain_of(read.mail_from)):
        asked += [Question(envelope, "TXT"), *(Question(f"_dmarc.{name}", "TXT") for name in names(envelope))]
    if read.pasted.fields and b"ignature:" in read.pasted.raw:
        from .edge.libs_verify import key_names

        asked += [Question(name, "TXT") for name in key_names(read.pasted.raw)]
    dns.foresee(dict.fromkeys(asked))


def _spf(read: _Read, dns: Seam, domain: str | None) -> tuple[SpfVerdict | None, tuple[Answer, ...]]:
    """(the verdict, the answers that it starts from). None where no address or no domain is known."""
    if read.ip is None or domain is None:
        return None, ()
    from .edge.libs import spf_verdict

    mail_from = read.mail_from or ""
    sender = mail_from if "@" in mail_from or not mail_from else f"postmaster@{mail_from}"
    verdict = spf_verdict(dns, read.ip, sender, read.helo or domain)
    return verdict, (dns.ask(domain, "TXT"),)


def _policy(session: Session, domain: str, others: Iterable[str | None]) -> DmarcPolicy:
    """What DMARC asks of the From domain, by the same walk as the topic dmarc. RFC 9989 section 4.10."""
    from .checks.dmarc.below import policy_of
    from .checks.dmarc.walk import names, walk

    dns = session.dns
    asked = names(domain)
    answers = dict(zip(asked, dns.ask_all([Question(f"_dmarc.{name}", "TXT") for name in asked]), strict=True))
    mine = walk(domain, answers)
    root = dns.ask(domain, "TXT")
    exists = True if mine.found_at == domain or root.aliases else None if root.unsure and not root.looped else root.outcome is not Outcome.NXDOMAIN
    chosen = policy_of(mine, exists)
    usable = mine.record is not None and mine.record.usable
    policy = mine.record.lowered(chosen[1]) if mine.record is not None and chosen is not None else None
    orgs = {domain: mine.org if mine.org_known else None}
    orgs.update(_orgs(dns, [name for name in dict.fromkeys(others) if name and name != domain]))
    return DmarcPolicy(
        known=mine.known and (chosen is not None or not usable),
        published=usable,
        policy=policy,
        adkim=mine.record.adkim if mine.record else "r",
        aspf=mine.record.aspf if mine.record else "r",
        orgs=orgs,
        evidence=tuple(a for a in mine.answers if a.found or a.unsure) or mine.answers[:1],
    )


def _orgs(dns: Seam, domains: Iterable[str]) -> dict[str, str | None]:
    """The organizational domain of each by the tree walk; None where an answer that decides is missing."""
    from .checks.dmarc.walk import names, walk

    out: dict[str, str | None] = {}
    for domain in domains:
        asked = names(domain)
        found = walk(domain, dict(zip(asked, dns.ask_all([Question(f"_dmarc.{name}", "TXT") for name in asked]), strict=True)))
        out[domain] = found.org if found.org_known else None
    return out


# ------------------------------------------------------------------ the answer


def _examination(
    read: _Read,
    source: str,
    signatures: tuple[Signature, ...],
    arc: ArcSeen | None,
    spf: SpfSeen | None = None,
    dmarc: DmarcSeen | None = None,
    transcript: tuple[Answer, ...] = (),
) -> Examination:
    pasted, way = read.pasted, read.way
    refused = tuple(b.recipient for b in pasted.bounces)
    found = marks(((one.name, one.value) for one in pasted.fields), read.mail_from, refused=refused)
    address = whose(
        read.ip,
        hops=way.hops,
        found=found,
        from_domain=read.from_domain,
        mail_from=read.mail_from,
        spf=spf,
        signatures=signatures,
        arc=arc,
        refused=refused,
    )
    looked = bool(transcript)
    apart = differences(read.claims, spf=spf, signatures=signatures, dmarc=dmarc, arc=arc, hops=way.hops, marks=found) if looked else ()
    findings = [*relay.findings(pasted, way, read.claims, read.subject), *content.findings(pasted, way, signatures)]
    if looked:
        from .checks.base import could_not_check

        findings += shows(Seen(pasted, read.from_domain, spf, signatures, dmarc, address, found), unsigned=read.unsigned)
        findings += could_not_check("MSG", read.subject, (a for a in transcript if not a.looped))
    return Examination(
        source=source,
        kind=pasted.kind,
        hops=way.hops,
        spf=spf,
        dkim=signatures,
        dmarc=dmarc,
        arc=arc,
        address=address,
        claimed=read.claims,
        differences=apart,
        sender=_sender(read, signatures, own=address.ours),
        findings=tuple(findings),
        transcript=transcript,
        whole_body=pasted.whole_body,
        recognised=pasted.how,
        entry=way.entry,
        left=way.left,
        bounces=pasted.bounces,
    )


def _sender(read: _Read, signatures: Sequence[Signature], *, own: bool) -> Sender | None:
    """What a scan of the sender can start from. The address is the sender's own only where the user, or the message, says so."""
    envelope = _domain(domain_of(read.mail_from))
    if read.from_domain is None and envelope is None and read.ip is None:
        return None
    selectors = [s for one in signatures if one.d and one.d == read.from_domain and (s := _selector(one.s))]
    given = read.form.from_domain or read.form.mail_from or read.form.ips
    return Sender(
        read.from_domain,
        envelope,
        (read.ip,) if read.ip else (),
        tuple(dict.fromkeys(selectors)),
        "form" if given else "headers",
        own_ips=read.form.own_ips or own,
    )


def _selector(text: str) -> str | None:
    try:
        return check_selector(text)
    except InputError:
        return None
