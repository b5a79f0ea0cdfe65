"""(Failure, Report, Shown) -> Failure with what supports the receiver's claim and what speaks against it.

Which findings confirm or refute which cause is data (data/evidence.toml); the record to publish is a finding's own, so that
this room only selects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..catalog import CauseRow, EvidenceRow, catalog, findings_of
from ..model import Confidence, Evidence, EvidenceVerdict, Failure, Finding, Party, Report, Retry, Status, Suppress

UNDECIDED = (Party.UNKNOWN, Party.RECIPIENT_POLICY)  # refusals that the evidence may turn into a sender's fault
RECIPIENT_DOMAIN = ("mx", "recipient")  # what "recipient-domain" in a cause's `scan` stands for
_THEIRS = {"recipient-domain", "mta-sts", "dane"}  # looked at on the recipient's domain, where a cause asks for nothing else
MESSAGE = "message"  # the topic of what a message shows
_METHOD = {"spf": "MSG065", "dkim": "MSG050", "dmarc": "MSG068"}  # what of the message speaks for a method's pass


@dataclass(frozen=True, slots=True)
class Shown:
    """What the message that came back shows: the findings of `examine` about it, and whose message it is.

    extent   whole | headers: how much of it came back; failed: it could not be examined just now, and nothing is known of it
    """

    extent: str
    from_domain: str | None = None
    findings: tuple[Finding, ...] = ()


def whose(row: CauseRow) -> str:
    """Whose domain a cause's `scan` is about: sender | recipient. Pure."""
    return "recipient" if row.scan and set(row.scan) <= _THEIRS else "sender"


def topics_of(row: CauseRow) -> tuple[str, ...]:
    """The topics of checks/ that a cause's `scan` stands for. Pure."""
    return tuple(dict.fromkeys(topic for name in row.scan for topic in (RECIPIENT_DOMAIN if name == "recipient-domain" else (name,))))


def by_message(failure: Failure) -> bool:
    """Can what the message shows tell something of this failure? Of a recipient's or the network's fault it never can. Pure."""
    known = catalog()
    if known.causes[failure.cause].party in UNDECIDED:
        return any(_of_message(step.codes) for step in known.promotions)
    row = known.evidence.get(failure.cause)
    return row is not None and failure.side == "sender" and _of_message((*row.confirms, *row.refutes))


def _of_message(codes: Iterable[str]) -> bool:
    return any(catalog().checks[code].topic == MESSAGE for code in codes)


def corroborate(failure: Failure, report: Report, shown: Shown | None = None) -> Failure:
    """The failure with its evidence.

    confirmed    a finding shows the fault that the receiver named; `fix` is the finding that mends it
    refuted      what the receiver named was looked at, completely, and is in order today
    cannot tell  neither; `evidence.why_not` says why

    Where the domain that was scanned is the recipient's (`evidence.of`), what is found is shown and there is never a `fix`: nothing
    there is the sender's to change. A domain that was said not to take mail and takes some today is not to be given up as a whole:
    suppress is then "count" and scope "address".

    A refusal that gave no reason (policy-unstated, policy-other) takes the cause that the evidence shows, and says so in
    `evidence.promoted_from`; cause, party, side and suppress are then the new cause's.
    shown: what the message that came back shows; it counts only where it is a message of the sender that the failure is about, and where the
    message can decide at all. Where what the receiver asked for holds in it (`decides`), the claim is refuted whatever the DNS shows besides.
    It speaks of the DNS as of `report.scanned_at`, not of the day of the bounce. Pure.
    """
    row = catalog().evidence.get(failure.cause)
    if whose(catalog().causes[failure.cause]) == "recipient":
        return _of_recipient(failure, _without_records(report), row)
    report = _with_message(failure, _without_foreign_addresses(failure, report), shown)
    told = _joined(failure, report, row)
    extent = shown.extent if shown is not None and by_message(failure) else ""
    return replace(told, evidence=replace(told.evidence, message=extent)) if extent else told


def _with_message(failure: Failure, report: Report, shown: Shown | None) -> Report:
    """The report with the findings about the message, where that is of the sender that the failure is about."""
    sender = failure.bounce.sender
    if shown is None or not by_message(failure) or sender is None or sender.from_domain not in (None, shown.from_domain):
        return report
    return replace(report, findings=(*report.findings, *shown.findings))


def _joined(failure: Failure, report: Report, row: EvidenceRow | None) -> Failure:
    party = catalog().causes[failure.cause].party
    if party in UNDECIDED:
        return _promoted(failure, report) or _told(failure, report, row, shows_fix=False)
    return _told(failure, report, row, shows_fix=True)


def _without_records(report: Report) -> Report:
    """The report of a domain that is not the sender's: what its owner could publish is nobody else's to propose."""
    return replace(report, findings=tuple(replace(f, record=None, choices=()) for f in report.findings))


def _of_recipient(failure: Failure, report: Report, row: EvidenceRow | None) -> Failure:
    told = _told(failure, report, row, shows_fix=False)
    evidence = replace(told.evidence, of="recipient")
    # the domain takes mail after all: one failure is counted, and no address is given up for it
    lives = evidence.verdict is EvidenceVerdict.REFUTED and failure.suppress is Suppress.NOW
    softer = replace(told, suppress=Suppress.COUNT, scope="address") if lives else told
    return replace(softer, evidence=evidence)


def _without_foreign_addresses(failure: Failure, report: Report) -> Report:
    """The report without any record that authorises an address which the user did not call theirs."""
    sender = failure.bounce.sender
    if sender is None or sender.own_ips or not sender.ips:
        return report
    return replace(report, findings=tuple(replace(f, record=None) if _authorises(f, sender.ips) else f for f in report.findings))


def _authorises(finding: Finding, ips: tuple[str, ...]) -> bool:
    return finding.record is not None and any(
        ip in text and not any(ip in old for old in finding.record.current) for text in finding.record.proposed for ip in ips
    )


def _with(findings: Iterable[Finding], codes: tuple[str, ...], *statuses: Status) -> tuple[Finding, ...]:
    return tuple(f for f in findings if f.code in codes and (not statuses or f.status in statuses))


def _about(failure: Failure, finding: Finding) -> bool:
    """Whether a finding about one address is about an address of this bounce; findings about names always are."""
    ips = failure.bounce.sender.ips if failure.bounce.sender else ()
    subject = finding.subject
    return not _is_address(subject) or subject in ips


def _is_address(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()


def _told(failure: Failure, report: Report, row: EvidenceRow | None, *, shows_fix: bool) -> Failure:
    topics = tuple(report.topics)
    if row is None:
        return replace(failure, evidence=_evidence(failure, report, EvidenceVerdict.CANNOT_TELL, why_not="nothing-found"))
    speaks = (Status.FAIL, Status.WARN, Status.NOTE)
    theirs = whose(catalog().causes[failure.cause]) == "recipient"  # that a recipient asks for something is no fault there
    why_not: str | None
    bad = tuple(f for f in _with(report.findings, row.confirms, *speaks, *([Status.PASS] if theirs else [])) if _about(failure, f))
    bad = tuple(f for f in bad if not _passed_there(failure, f))
    if any(f.code == "MSG063" and f.evidence and f.evidence[0].found for f in report.findings):  # a signature, and not only a copy without one
        bad = tuple(_softened(f) for f in bad)
    good = tuple(f for f in _with(report.findings, row.refutes, Status.PASS) if _about(failure, f))
    foreign = _foreign(failure, row, bad)
    if _holds(failure, row, {f.code for f in good}):
        verdict, why_not = EvidenceVerdict.REFUTED, "message-holds"
    elif any(f.status is Status.FAIL or (f.code in row.warned and f.status is Status.WARN) for f in bad):
        verdict, why_not = EvidenceVerdict.CONFIRMED, "passed-on" if _passed_on(bad) else "another-sender" if foreign else None
    elif (
        not [f for f in bad if f.code != "MSG070"]
        and row.enough
        and all(any(f.code == code for f in good) for code in row.enough)
        and not _with(report.findings, row.unless)
    ):
        verdict, why_not = EvidenceVerdict.REFUTED, None if theirs else "changed-since"
    else:
        verdict, why_not = EvidenceVerdict.CANNOT_TELL, _why_not(failure, report, row, topics)
    evidence = _evidence(failure, report, verdict, bad, good, why_not)
    mends = shows_fix and verdict is not EvidenceVerdict.REFUTED
    return replace(failure, evidence=evidence, fix=_fix(_mendable(failure, bad, why_not, row), row.outcome) if mends else None)


def _holds(failure: Failure, row: EvidenceRow, passed: set[str]) -> bool:
    """Does what the receiver asked for hold in the message? What it wrote itself to have passed needs no proof of ours."""
    if passed & set(row.decides) or (failure.rule in row.either_rules and passed & set(row.either)):
        return True
    theirs = {_METHOD[method] for method, result in failure.said if result == "pass"}
    return bool(row.together) and bool(passed & set(row.together)) and passed | theirs >= set(row.together)


def _foreign(failure: Failure, row: EvidenceRow | None, bad: Iterable[Finding]) -> bool:
    """May it have been sent from an address that is not the user's? Then a forwarder, a list or a forger looks the same, and nothing may be amiss.

    The address is out of the bounce itself; or it is not known, and the message shows nothing that only the domain's owner could have put there.
    """
    sender = failure.bounce.sender
    if row is None or not row.needs_ip or sender is None or sender.own_ips:
        return False
    return bool(sender.ips) or any(f.code == "MSG062" and f.status is Status.FAIL for f in bad)


def _softened(finding: Finding) -> Finding:
    """What is wrong with one key or signature, where another could not be verified: that one may hold, and nothing is borne out by the first."""
    mine = catalog().checks[finding.code].topic == "dkim" or (finding.code != "MSG053" and "MSG051" <= finding.code <= "MSG062")
    return replace(finding, status=Status.WARN) if mine and finding.status is Status.FAIL else finding


def _passed_there(failure: Failure, finding: Finding) -> bool:
    """Did the receiver itself write that this method passed? Then what is wrong with it is not what it refused the message for."""
    topic = catalog().checks[finding.code].topic
    method = "dkim" if topic == MESSAGE and "MSG050" <= finding.code <= "MSG064" else topic
    return ("pass" in [result for name, result in failure.said if name == method]) and method in ("spf", "dkim")


def _mendable(failure: Failure, bad: tuple[Finding, ...], why_not: str | None, row: EvidenceRow) -> tuple[Finding, ...]:
    """What there is to mend, by what the message shows: nothing about an address that is a forwarder's, a list's or a forger's; nothing in the SPF of
    an envelope sender that does not count for the author."""
    own = failure.bounce.sender is not None and failure.bounce.sender.own_ips  # the user knows better than the message whose it is
    relay = tuple(f for f in bad if f.code == "MSG070" and not own)
    if any(f.values.get("kind") == "forged" and why_not == "another-sender" for f in relay):
        return relay
    seen = [f for f in bad if f.status is Status.FAIL and catalog().checks[f.code].topic == MESSAGE and f.code not in row.outcome]
    if seen and seen[0].code in row.first:
        return (seen[0],)
    if any(f.code == "MSG066" for f in seen):
        bad = tuple(f for f in bad if catalog().checks[f.code].topic != "spf")
    if not relay:
        return bad
    # of a relay's address, and of its envelope sender (MSG066), nothing is the author's to mend
    return tuple(f for f in bad if f.status is Status.FAIL and not _is_address(f.subject)) or relay


def _passed_on(bad: Iterable[Finding]) -> bool:
    """Does the message show that a list or a forwarder altered it? Then it is theirs to mend."""
    return any(f.code == "MSG053" and f.status is Status.FAIL for f in bad)


def _why_not(failure: Failure, report: Report, row: EvidenceRow, topics: tuple[str, ...]) -> str:
    """Why nothing is concluded: first what could not be looked up (nothing that the user adds helps as long), then what the user could add."""
    theirs = whose(catalog().causes[failure.cause]) == "recipient"
    open_ = [f for f in findings_of(report, topics) if f.status is Status.UNKNOWN or (theirs and f.code.endswith("999"))]
    if any(answer.unsure for f in open_ for answer in f.evidence):
        return "could-not-look-up"
    if row.needs_ip and not (failure.bounce.sender and failure.bounce.sender.ips):
        return "no-ip"
    if row.why_not == "message-needed" and (seen := [f for f in report.findings if catalog().checks[f.code].topic == MESSAGE]):
        return "message-open" if any(f.status is Status.UNKNOWN for f in seen) else "message-seen"
    return row.why_not


def _evidence(
    failure: Failure,
    report: Report,
    verdict: EvidenceVerdict,
    support: tuple[Finding, ...] = (),
    against: tuple[Finding, ...] = (),
    why_not: str | None = None,
    promoted_from: str | None = None,
) -> Evidence:
    wanted = topics_of(catalog().causes[promoted_from or failure.cause])
    left_out = tuple(topic for topic in wanted if topic not in report.topics)
    return Evidence(verdict, promoted_from, tuple(report.topics), support, against, why_not, report.domain.name, left_out)


def _fix(support: tuple[Finding, ...], outcome: tuple[str, ...] = ()) -> Finding | None:
    """The finding that mends it: one with a record to publish first, then one with choices, then the worst. outcome: codes that are none, beside others."""
    failing = [f for f in support if f.status is Status.FAIL] or list(support)
    failing = [f for f in failing if f.code not in outcome] or failing
    return next((f for f in failing if f.record), None) or next((f for f in failing if f.choices), None) or next(iter(failing), None)


def _promoted(failure: Failure, report: Report) -> Failure | None:
    """The failure under the cause that the evidence shows, or None where it shows none."""
    for step in catalog().promotions:
        found = tuple(f for f in _with(report.findings, step.codes, Status.FAIL) if _about(failure, f))
        if not found:
            continue
        row = catalog().causes[step.cause]
        told = catalog().evidence.get(step.cause)
        more = tuple(f for f in _with(report.findings, told.confirms, Status.FAIL, Status.WARN) if _about(failure, f) and f not in found) if told else ()
        why_not = "another-sender" if _foreign(failure, told, found + more) else None
        evidence = _evidence(failure, report, EvidenceVerdict.CONFIRMED, found + more, why_not=why_not, promoted_from=failure.cause)
        return replace(
            failure,
            cause=step.cause,
            party=row.party,
            suppress=row.suppress if row.suppress is not Suppress.NOW else Suppress.NEVER,
            scope=row.scope,
            confidence=Confidence(step.confidence),
            retry=Retry(None) if row.after_fix else failure.retry,
            evidence=evidence,
            fix=_fix(_mendable(failure, found + more, why_not, told), told.outcome) if told else _fix(found + more),
        )
    return None
