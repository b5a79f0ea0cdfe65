"""The second question: why did this mail come back, and what do I change?

diagnose   text -> Diagnosis        what the words and codes say; no network
plans      Diagnosis -> ScanPlan …  the scans that would tell more
look       text -> Shown            what the message that came back shows, where it can decide; by `examine`
join       Diagnosis, reports, Shown -> Diagnosis   with what supports and what contradicts it
explain    these in a row
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from .bounce.classify import classify
from .bounce.corroborate import MESSAGE, Shown, by_message, corroborate, topics_of, whose
from .bounce.phrase import phrase, service_word
from .bounce.read import read
from .catalog import CauseRow, catalog
from .errors import DomainError
from .model import Bounce, Diagnosis, Domain, Evidence, EvidenceVerdict, Failure, Kind, Party, Report, Sender, Status, check_ip, check_selector

if TYPE_CHECKING:
    from .edge.world import World

MAX_SCANS = 4  # distinct domains that one paste is scanned for


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """A scan that would tell more about one or several failures of a paste. of: whose domain it is, sender | recipient."""

    domain: str
    mail_from: str | None
    ips: tuple[str, ...]
    selectors: tuple[str, ...]
    topics: tuple[str, ...]
    of: str = "sender"
    helo: str | None = None


def explain(
    text: str | bytes,
    *,
    from_domain: str | None = None,
    mail_from: str | None = None,
    ips: tuple[str, ...] = (),
    selectors: tuple[str, ...] = (),
    offline: bool = False,
    world: World | None = None,
    source: str = "",
) -> Diagnosis:
    """Say why a mail came back, whose fault it is, what to do with the address, and what to change.

    text       what was pasted: a reply line, several, a transcript, a log line, a bounce mail, an event of a mail service.
               Octets are decoded by their own charset; at most 1 MiB.
    from_domain, mail_from, ips, selectors   what the user says of the sender: the domain of the From header, of the envelope
               sender, the sending addresses, the DKIM selectors. They go before what the paste says.
    offline    ask no network at all; then `evidence.verdict` is "not looked at".
    world      where DNS questions go; the system's resolvers where None.

    Returns a Diagnosis with one Failure for each recipient. It says what the receiver claimed and what the sender's DNS says
    of it today, or the DNS of the recipient's domain where that decides (`evidence.of`; never a mailbox); it does not know what the
    DNS said on the day of the bounce. Where the message came back with the bounce, or its header, and can decide (SPF, DKIM, DMARC, a refusal
    without a reason, or one about an address, which may be a forwarder's), it is examined too (`evidence.message`). An empty `failures` means that nothing was
    recognised, not that nothing is wrong.
    Raises TooLargeError for more than 1 MiB, InputError for an address, selector or domain that is none; never on what the
    network says.
    Cost: offline below 1 ms for a reply; else one scan of the named topics for each distinct domain (at most four), at most 15 s each,
    and one examination of the message.
    Standard: RFC 5321, RFC 3463, RFC 3464, RFC 5965.

    >>> answer = explain("550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown", offline=True)
    >>> answer.failures[0].cause, answer.failures[0].suppress.value
    ('user-unknown', 'now')
    """
    answer = diagnose(text, from_domain=from_domain, mail_from=mail_from, ips=ips, selectors=selectors, source=source, pending=not offline)
    if offline:
        return answer
    from .scan import scan

    reports = {
        plan: scan(plan.domain, mail_from=plan.mail_from, ips=plan.ips, selectors=plan.selectors, topics=plan.topics, helo=plan.helo, world=world)
        for plan in plans(answer)
    }
    shown = look(text, from_domain=from_domain, mail_from=mail_from, ips=ips, world=world) if looks(answer) else None
    return join(answer, reports, shown)


def diagnose(
    text: str | bytes,
    *,
    from_domain: str | None = None,
    mail_from: str | None = None,
    ips: tuple[str, ...] = (),
    selectors: tuple[str, ...] = (),
    source: str = "",
    pending: bool = False,
) -> Diagnosis:
    """What the words and codes say. With `pending`, a failure whose evidence a scan could bring says "pending". No network."""
    form = Sender(
        Domain.parse(from_domain).name if from_domain else None,
        Domain.parse(mail_from).name if mail_from else None,
        tuple(check_ip(ip) for ip in ips),
        tuple(check_selector(s) for s in selectors),
        "form",
        own_ips=bool(ips),
    )
    reading = read(text, source)
    bounces, kind = reading.bounces, reading.kind
    if words := service_word(reading.text) or (phrase(reading.text) if reading.unread else None):
        bounces, kind = (words,), Kind.PHRASE
    elif kind in (Kind.REPLY, Kind.TRANSCRIPT) and reading.format is None:
        bounces = _with_header(bounces, text, source)
    failures = [_judged(classify(_with_form(bounce, form)), pending) for bounce in bounces]
    return _at_most_max_scans(Diagnosis(source, kind, reading.format, tuple(failures), "" if failures else reading.looked_for, reading.left_out))


def _with_header(bounces: tuple[Bounce, ...], text: str | bytes, source: str) -> tuple[Bounce, ...]:
    """Replies, with what the header of the message says of its sender, where somebody pasted that below them."""
    if any(b.sender is not None for b in bounces) or not _has_header(text):
        return bounces
    from .bounce.build import sender_of
    from .message.parse import below_words, read_message

    pasted = read_message(text, source)
    if not below_words(pasted):
        return bounces
    header: dict[str, list[str]] = {}
    for one in pasted.fields:
        header.setdefault(one.key, []).append(one.value)
    sender = sender_of(header, None)
    return tuple(replace(b, sender=sender) for b in bounces)


def _has_header(text: str | bytes) -> bool:
    return bool(_HEADER.search(text if isinstance(text, bytes) else text.encode("utf-8", "replace")))


def _with_form(bounce: Bounce, form: Sender) -> Bounce:
    """The form first, then what the paste itself says of the sender."""
    if not (form.from_domain or form.mail_from or form.ips or form.selectors):
        return bounce
    old = bounce.sender
    if old is None or (form.from_domain and old.from_domain not in (None, form.from_domain)):
        return replace(bounce, sender=form)  # another domain than the paste names: its addresses and selectors are not this one's
    merged = Sender(
        form.from_domain or old.from_domain,
        form.mail_from or old.mail_from,
        form.ips or old.ips,
        form.selectors or old.selectors,
        "form" if form.from_domain or form.mail_from else old.source,
        own_ips=form.own_ips,
    )
    return replace(bounce, sender=merged)


def _judged(failure: Failure, pending: bool) -> Failure:
    """The failure with the reason why it was not looked at, or "pending" where a scan would tell more."""
    wanted = plan(failure)
    if isinstance(wanted, ScanPlan):
        verdict = EvidenceVerdict.PENDING if pending else EvidenceVerdict.NOT_LOOKED_AT
        evidence = Evidence(verdict, topics=wanted.topics, why_not="pending" if pending else "offline", domain=wanted.domain, of=wanted.of)
        return replace(failure, evidence=evidence)
    row = catalog().causes[failure.cause]
    return replace(failure, evidence=Evidence(why_not=wanted, left_out=topics_of(row) if wanted == "topic-not-built" else (), of=whose(row)))


def plan(failure: Failure) -> ScanPlan | str:
    """The scan that would tell more about a failure, or the reason (a key of [evidence] in words.toml) why there is none.

    Recipient-address, recipient-mailbox and network causes never look at the sender; where a look at the recipient's domain tells
    something, that is scanned. Pure.
    """
    row = catalog().causes[failure.cause]
    if row.party is Party.NOT_A_BOUNCE:
        return "not-a-bounce"
    if not row.scan:
        return "recipient-side" if row.party.side == "recipient" else "network" if row.party.side == "network" else "nothing-to-scan"
    topics = tuple(topic for topic in topics_of(row) if topic in _built())
    if not topics:
        return "topic-not-built"
    return _of_recipient(failure, row, topics) if whose(row) == "recipient" else _of_sender(failure, topics)


@cache
def _built() -> frozenset[str]:
    """The topics that have codes: of the topics themselves an answer offline has no use, and importing them takes a sixth of a second."""
    return frozenset(row.topic for row in catalog().checks.values())


def __getattr__(name: str) -> Any:
    if name == "BUILT":
        from .checks import TOPICS

        return tuple(topic.TOPIC for topic in TOPICS)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _of_sender(failure: Failure, topics: tuple[str, ...]) -> ScanPlan | str:
    sender = failure.bounce.sender
    if sender is None or not (name := _scannable(sender.from_domain) or _scannable(sender.mail_from)):
        return "no-sender"
    mail_from = _scannable(sender.mail_from)
    told = catalog().evidence.get(failure.cause)
    if told and told.domain == "mail_from" and mail_from and failure.rule not in told.header_rules:
        name = mail_from
    selectors = sender.selectors if name == sender.from_domain else ()
    return ScanPlan(name, mail_from if mail_from != name else None, sender.ips, selectors, topics, helo=_helo(failure))


def _helo(failure: Failure) -> str | None:
    """The name in EHLO, where the refusal is about it: a server that reports its own failure names itself as it greets (RFC 3464 section 2.2.2)."""
    if failure.cause != "helo-invalid" or failure.bounce.action != "failed":
        return None
    return _scannable(failure.bounce.reporting_mta)


def _of_recipient(failure: Failure, row: CauseRow, topics: tuple[str, ...]) -> ScanPlan | str:
    """The recipient's domain and nothing else of the paste: nobody is asked about the mailbox."""
    local, at, domain = (failure.bounce.recipient or "").strip().strip("<>").rpartition("@")
    if not (local and at and (name := _scannable(domain))):
        return "no-recipient"
    told = catalog().evidence.get(row.slug)
    if row.party is Party.RECIPIENT_ADDRESS and told and not told.enough and name in catalog().mailbox_domains:
        return "known-mailboxes"  # the DNS of a large provider says nothing of one of its mailboxes
    return ScanPlan(name, None, (), (), topics, "recipient")


def _scannable(name: str | None) -> str | None:
    """A domain out of a pasted mail, where it is one that can be asked."""
    if not name:
        return None
    try:
        return Domain.parse(name).name
    except DomainError:
        return None


def plans(diagnosis: Diagnosis) -> tuple[ScanPlan, ...]:
    """The distinct scans that would tell more, in the order of the failures. Pure."""
    out: dict[ScanPlan, None] = {}
    for failure in diagnosis.failures:
        if failure.evidence.verdict is EvidenceVerdict.PENDING and isinstance(wanted := plan(failure), ScanPlan):
            out[wanted] = None
    return tuple(out)


# ------------------------------------------------------------------ the message that came back


def looks(diagnosis: Diagnosis) -> bool:
    """Would an examination of the message tell more of a failure that is pending? Pure."""
    return any(f.evidence.verdict is EvidenceVerdict.PENDING and f.evidence.of == "sender" and by_message(f) for f in diagnosis.failures)


def look(
    text: str | bytes,
    *,
    from_domain: str | None = None,
    mail_from: str | None = None,
    ips: tuple[str, ...] = (),
    world: World | None = None,
    deadline: float = 15.0,
) -> Shown | None:
    """What the message in a paste shows of its own authentication, or None where no message is there.

    A message is what came back in a bounce, or a header below the reply; the header of the bounce itself is none. Raises as `examine` does.
    Cost: one Session of at most 100 questions where there is a message; else none.
    """
    if not _has_header(text):
        return None
    from .examine import examine

    seen = examine(text, from_domain=from_domain, mail_from=mail_from, ips=ips, world=world, deadline=deadline, returned_only=True)
    if seen.sender is None or not seen.transcript:
        return None
    findings = tuple(f for f in seen.findings if f.code in _weighed() or f.status is Status.UNKNOWN)
    return Shown("whole" if seen.whole_body else "headers", seen.sender.from_domain, findings)


_HEADER = re.compile(rb"(?im)^[> \t]{0,40}from[ \t]{0,10}:")


@cache
def _weighed() -> frozenset[str]:
    """The codes about a message that the table of evidence names."""
    known = catalog()
    rows = [(*row.confirms, *row.refutes) for row in known.evidence.values()] + [step.codes for step in known.promotions]
    return frozenset(code for codes in rows for code in codes if known.checks[code].topic == MESSAGE)


def _at_most_max_scans(diagnosis: Diagnosis) -> Diagnosis:
    allowed = set(plans(diagnosis)[:MAX_SCANS])
    failures = tuple(f if f.evidence.verdict is not EvidenceVerdict.PENDING or plan(f) in allowed else _one_too_many(f) for f in diagnosis.failures)
    return replace(diagnosis, failures=failures)


def _one_too_many(failure: Failure) -> Failure:
    of = failure.evidence.of
    return replace(failure, evidence=Evidence(why_not=f"too-many-{of}s", of=of))


def join(diagnosis: Diagnosis, reports: Mapping[ScanPlan, Report], shown: Shown | None = None, *, looking: bool = False) -> Diagnosis:
    """The diagnosis with each pending failure corroborated by its report, and by what the message shows. Pure.

    looking   the message is still being examined: what it can decide stays pending
    """
    failures = []
    for failure in diagnosis.failures:
        wanted = plan(failure) if failure.evidence.verdict is EvidenceVerdict.PENDING else ""
        report = reports.get(wanted) if isinstance(wanted, ScanPlan) else None
        failures.append(failure if report is None or (looking and by_message(failure)) else corroborate(failure, report, shown))
    return replace(diagnosis, failures=tuple(failures))
