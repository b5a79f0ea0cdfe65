"""A bounce joined with evidence: what the receiver said, and what the sender's DNS says of it."""

import pytest
from support import Faults

from healthcheck import explain, scan
from healthcheck.checks import TOPICS
from healthcheck.edge.world import World
from healthcheck.explain import BUILT, MAX_SCANS, diagnose, join, plan, plans
from healthcheck.model import EvidenceVerdict

DMARC = "550 5.7.26 Unauthenticated email from shop.example is not accepted due to domain's DMARC policy."
NO_REASON = "550 5.7.1 Delivery not authorized, message refused"


@pytest.fixture(scope="module")
def world():
    return World.demo()


def one(text, world, **said):
    (failure,) = explain(text, world=world, **said).failures
    return failure


def test_every_topic_that_explain_scans_is_built():
    names = {topic.TOPIC for topic in TOPICS} if not isinstance(next(iter(TOPICS)), str) else set(TOPICS)
    assert names == set(BUILT)


def test_confirmed_with_the_record_to_publish(world):
    failure = one(DMARC, world, ips=("203.0.113.77",))
    assert failure.evidence.verdict is EvidenceVerdict.CONFIRMED
    assert "SPF018" in {f.code for f in failure.evidence.support}
    assert failure.fix.record.name == "shop.example"
    assert "ip4:203.0.113.77" in failure.fix.record.proposed[0]
    for term in failure.fix.record.current[0].split():
        assert term in failure.fix.record.proposed[0], "no term that authorises mail today is dropped"


def test_an_address_out_of_the_bounce_is_never_authorised(world):
    text = "550 5.7.23 The message was rejected because of SPF violation: domain [shop.example] with ip: [203.0.113.77] did not pass"
    failure = one(text, world, from_domain="shop.example")
    assert failure.suppress == "never"
    assert failure.fix is None or failure.fix.record is None
    for finding in failure.evidence.support:
        assert finding.record is None or "203.0.113.77" not in " ".join(finding.record.proposed)


def test_refuted_when_all_is_well_today(world):
    failure = one("550 5.7.23 SPF validation failed", world, from_domain="healthy.example", ips=("192.0.2.25",))
    assert failure.evidence.verdict is EvidenceVerdict.REFUTED
    assert "SPF017" in {f.code for f in failure.evidence.against}
    assert failure.fix is None


def test_a_refusal_without_a_reason_is_undecided_and_looked_at(world):
    failure = one(NO_REASON, world, from_domain="healthy.example", ips=("192.0.2.25",))
    assert (failure.cause, failure.side, failure.suppress) == ("policy-unstated", "unknown", "never")
    assert failure.evidence.verdict is EvidenceVerdict.CANNOT_TELL
    assert failure.evidence.why_not == "nothing-found"


def test_evidence_promotes_and_says_so(world):
    failure = one(NO_REASON, world, from_domain="listed.example", ips=("198.51.100.66",))
    assert (failure.cause, failure.side, failure.suppress) == ("ip-blocklisted", "sender", "never")
    assert failure.evidence.promoted_from == "policy-unstated"
    assert failure.evidence.support


def test_without_a_sender_it_asks_for_one(world):
    failure = one(NO_REASON, world)
    assert failure.evidence.verdict is EvidenceVerdict.NOT_LOOKED_AT
    assert failure.evidence.why_not == "no-sender"


@pytest.mark.parametrize(
    "text",
    ["550 5.1.1 User unknown", "552 5.2.2 Mailbox full", "550 5.2.1 Mailbox disabled", "553 5.1.3 Invalid address syntax", "551 5.1.6 User has moved"],
)
def test_a_recipients_cause_never_looks_at_the_sender(text, world):
    failure = one(text, world, from_domain="broken-spf.example", ips=("203.0.113.9",))
    assert failure.side == "recipient"
    assert failure.evidence.support == ()
    assert failure.fix is None


def test_a_silent_dns_confirms_and_refutes_nothing(world):
    with_faults = Faults(world, servfail={"*"})
    failure = one(DMARC, with_faults, ips=("203.0.113.77",))
    assert failure.evidence.verdict is EvidenceVerdict.CANNOT_TELL
    assert failure.evidence.why_not == "could-not-look-up"
    assert failure.fix is None


def test_pending_then_joined(world):
    answer = diagnose(DMARC, ips=("203.0.113.77",), pending=True)
    assert answer.failures[0].evidence.verdict is EvidenceVerdict.PENDING
    (wanted,) = plans(answer)
    report = scan(wanted.domain, ips=wanted.ips, topics=wanted.topics, world=world)
    assert join(answer, {wanted: report}).failures[0].evidence.verdict is EvidenceVerdict.CONFIRMED


def test_a_paste_of_many_senders_is_bounded():
    text = "\n".join(f"550 5.7.26 Unauthenticated email from n{i}.example is not accepted due to domain's DMARC policy." for i in range(9))
    answer = diagnose(text, pending=True)
    assert len(answer.failures) == 9
    assert len(plans(answer)) == MAX_SCANS
    assert {f.evidence.why_not for f in answer.failures[MAX_SCANS:]} == {"too-many-senders"}


def test_a_foreign_domain_in_the_text_of_a_recipient_cause_is_no_sender():
    failure = diagnose("550 5.1.1 <nobody@victim.example>: User unknown").failures[0]
    assert failure.bounce.sender is None
    assert (plan(failure).of, plan(failure).domain) == ("recipient", "victim.example")


@pytest.mark.parametrize(
    "text",
    [
        "550 5.1.0 <news@shop.example>: Sender address rejected: undeliverable address: host mx.shop.example[192.0.2.1] said: 550 5.1.1 User unknown",
        "550-Verification failed for <news@shop.example>\n550-Called: 192.0.2.1\n550-Sent: RCPT TO:<news@shop.example>\n"
        "550-Response: 550 5.1.1 User unknown\n550 Sender verify failed",
        "host mx.example.net[192.0.2.9] said: 553 5.1.8 <news@shop.example>... Domain of sender address news@shop.example does not exist (in reply to MAIL FROM command)",
    ],
)
def test_what_a_receiver_finds_out_about_the_sender_never_costs_the_recipient(text):
    failure = diagnose(text).failures[0]
    assert (failure.cause, failure.side, failure.suppress) == ("sender-address-invalid", "sender", "never")
