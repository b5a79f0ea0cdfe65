"""Every code, phrase and term that the field's explainers name gets its own right answer.

The table is what a person pastes after having read one of them; the expectations are decisions, not votes: where
explainers disagree, RFC 3463, RFC 5321 or the provider's own documentation decides (docs/decisions.md).
"""

import pytest

from healthcheck import explain

# text, cause, side, type, suppress
CASES = {
    "550 5.1.1 does not exist": ("550 5.1.1 The email account that you tried to reach does not exist.", "user-unknown", "recipient", "hard", "now"),
    "550 5.1.1 user unknown": ("550 5.1.1 User unknown", "user-unknown", "recipient", "hard", "now"),
    "550 5.1.0 address rejected": ("550 5.1.0 Address rejected.", "user-unknown", "recipient", "hard", "now"),
    "550 5.1.2 bad destination": ("550 5.1.2 Bad destination system", "domain-not-found", "recipient", "hard", "now"),
    "550 5.1.10 no MX": ("550 5.1.10 Domain not found / No MX record", ("null-mx", "domain-not-found"), "recipient", "hard", "now"),
    "550 5.1.10 recipient": ("550 5.1.10 Recipient address rejected", ("null-mx", "user-unknown"), "recipient", "hard", "now"),
    "550 5.2.1 disabled": ("550 5.2.1 Mailbox disabled for this recipient", "mailbox-disabled", "recipient", "hard", "now"),
    "550 5.2.0 inactive": ("550 5.2.0 Mailbox inactive / no longer accepting mail", "mailbox-disabled", "recipient", "hard", "now"),
    "550 5.7.1 not authorized": ("550 5.7.1 Delivery not authorized, message refused", "policy-unstated", "unknown", "hard", "never"),
    "550 5.7.1 local policy": ("550 5.7.1 Message rejected due to local policy", "policy-unstated", "unknown", "hard", "never"),
    "550 5.7.1 by policy": ("550 5.7.1 Message rejected by policy", "policy-unstated", "unknown", "hard", "never"),
    "550 5.7.1 denied by policy": ("550 5.7.1 denied by policy", "policy-unstated", "unknown", "hard", "never"),
    "451 4.7.1 denied by policy": ("451 4.7.1 denied by policy", "policy-unstated", "unknown", "soft", "never"),
    "550 5.7.1 spam": ("550 5.7.1 Message rejected as spam", "content-spam", "sender", "hard", "never"),
    "550 5.7.1 spam policy": ("550 5.7.1 Message rejected due to spam policy", "content-spam", "sender", "hard", "never"),
    "550 5.7.26": ("550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.", "auth-dmarc", "sender", "hard", "never"),
    "550 5.7.26 bare": ("550 5.7.26", "auth-dmarc", "sender", "hard", "never"),
    "550 5.7.23": ("550 5.7.23 SPF validation failed", "auth-spf", "sender", "hard", "never"),
    "550 5.7.0 authentication": ("550 5.7.0 Authentication failure", ("auth-other", "smtp-auth-required"), "sender", "hard", "never"),
    "550 5.7.350": (
        "550 5.7.350 Remote server returned message detected as spam -> 550 5.7.1 Message rejected as spam",
        "content-spam",
        "sender",
        "hard",
        "never",
    ),
    "550 5.7.708": (
        "550 5.7.708 Access denied, traffic not accepted from this IP",
        ("reputation-low", "sender-account-blocked", "ip-blocklisted"),
        "sender",
        "hard",
        "never",
    ),
    "551 5.1.6": ("551 5.1.6 User not local; please try <other@example.net>", "mailbox-moved", "recipient", "hard", "now"),
    "551 bare": ("551 User not local", "mailbox-moved", "recipient", "hard", "now"),
    "552 5.2.2": ("552 5.2.2 Mailbox full", "mailbox-full", "recipient", "soft", "count"),
    "553 5.1.3": ("553 5.1.3 Invalid address syntax", "address-syntax", "recipient", "hard", "now"),
    "553 5.1.3 sender": ("553 5.1.3 Invalid sender address format", "sender-address-invalid", "sender", "hard", "never"),
    "553 does not exist": ("553 User does not exist", "user-unknown", "recipient", "hard", "now"),
    "553 5.7.1": ("553 5.7.1 Relaying denied", "relay-denied", "sender", "hard", "never"),
    "554 5.7.1 blacklisted": (
        "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org",
        "ip-blocklisted",
        "sender",
        "hard",
        "never",
    ),
    "554 transaction failed": ("554 Transaction failed", "policy-unstated", "unknown", "hard", "never"),
    "550 hard bounce deferred": ("550 hard bounce deferred", ("unknown", "policy-unstated"), "unknown", "hard", ("count", "never")),
    "421 4.7.0": ("421 4.7.0 Try again later, closing connection.", "rate-limited", "sender", "deferred", "never"),
    "421 4.7.28": (
        "421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address.",
        "rate-limited",
        "sender",
        "deferred",
        "never",
    ),
    "451 4.7.650": (
        "451 4.7.650 The mail server [192.0.2.7] has been temporarily rate limited due to IP reputation.",
        ("rate-limited", "reputation-low"),
        "sender",
        "deferred",
        "never",
    ),
    "451 4.7.1 try later": ("451 4.7.1 Greylisted, try again later", "greylisted", "network", "deferred", "never"),
    "450 4.7.1 greylisted": ("450 4.7.1 Greylisted - please try again later", "greylisted", "network", "deferred", "never"),
    "450 4.2.0": ("450 4.2.0 Mailbox temporarily unavailable", "mailbox-busy", "recipient", "deferred", "never"),
    "450 4.2.1": ("450 4.2.1 Mailbox temporarily disabled", ("mailbox-busy", "mailbox-disabled"), "recipient", ("deferred", "soft"), ("never", "count")),
    "450 4.1.1": ("450 4.1.1 Mailbox temporarily unavailable", None, "recipient", ("soft", "deferred"), ("count", "never")),
    "451 4.3.0": ("451 4.3.0 Temporary server failure", "server-error", "network", "soft", "count"),
    "451 local problem": ("451 Temporary local problem", "server-error", "network", "soft", "count"),
    "451 4.4.316": ("451 4.4.316 Connection refused [Message=Socket error code 10061]", "network-error", "network", "soft", "count"),
    "421 4.4.1": ("421 4.4.1 Connection timed out", "network-error", "network", "soft", "count"),
    "421 4.3.2": ("421 4.3.2 System not accepting messages", "server-error", "network", "soft", "count"),
    "421 bare": ("421 Service temporarily unavailable", "server-error", "network", "soft", "count"),
    "452 4.2.2": ("452 4.2.2 Mailbox full", "mailbox-full", "recipient", "soft", "count"),
    "452 4.3.1": ("452 4.3.1 Insufficient system storage", "server-full", "network", "deferred", "never"),
    "452 4.5.3": ("452 4.5.3 Too many recipients", "too-many-recipients", "sender", "soft", "never"),
    "250 2.0.0": ("250 2.0.0 OK", "delivered", "none", "none", "never"),
    "mimecast reviewer": ("Hard Bounce - Rejected by Reviewer", "policy-other", "recipient", "hard", "hold"),
    "mimecast no such user": ("Hard Bounce - No Such User", "user-unknown", "recipient", "hard", "now"),
    "mimecast mailbox full": ("Soft Bounce - Mailbox Full", "mailbox-full", "recipient", "soft", "count"),
    "mimecast connection": ("Soft Bounce - Connection Error", "network-error", "network", "soft", "count"),
    "mailchimp no detail": ("Hard Bounce - MC Returned No SMTP Detail", "unknown", "unknown", ("hard", None), "count"),
    "null mx": ("556 5.1.10 Recipient address has null MX", "null-mx", "recipient", "hard", "now"),
}


@pytest.mark.parametrize("name", CASES)
def test_its_own_right_answer(name):
    text, cause, side, type_, suppress = CASES[name]
    answer = explain(text, offline=True)
    assert len(answer.failures) == 1, "one reply, one answer"
    got = answer.failures[0]
    for what, value, want in (("cause", got.cause, cause), ("side", got.side, side), ("type", got.type, type_), ("suppress", got.suppress, suppress)):
        wanted = want if isinstance(want, tuple) else (want,)
        assert want is None or value in wanted, f"{what}: {value}, not {want} ({got.rule}; {got.rivals})"


def test_one_look_keeps_sides_apart():
    """A sender's 5.7.26 beside a network's 451 4.7.1: two answers, nobody deleted."""
    answer = explain("550 5.7.26 This mail is unauthenticated\n451 4.7.1 Greylisted, try again later\n", offline=True)
    assert [f.side for f in answer.failures] == ["sender", "network"]
    assert not [f for f in answer.failures if f.suppress == "now"]


@pytest.mark.parametrize(
    ("text", "when"),
    [("450 4.7.1 Greylisted", (300, 900)), ("550 5.1.1 User unknown", None)],
)
def test_when_to_try_again(text, when):
    retry = explain(text, offline=True).failures[0].retry
    assert (retry.when if retry else None) == when


def test_a_sender_fault_is_tried_again_after_the_fix():
    retry = explain("550 5.7.23 SPF validation failed", offline=True).failures[0].retry
    assert retry is not None
    assert retry.when is None


def test_back_off_ends_after_one_to_three_days():
    retry = explain("421 4.3.2 System not accepting messages", offline=True).failures[0].retry
    assert retry is not None
    assert 24 * 3600 <= retry.until <= 72 * 3600
