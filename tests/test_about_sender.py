"""Law 2: what a reply says of the sender's address is never read as said of the recipient's."""

import pytest

from healthcheck import explain

HEADS = (
    "550 5.7.1 <office@example.net>: Sender address rejected: {}",
    "550 Sender verify failed: {}",
    "550 5.1.8 {}",
    "550 5.1.7 {}",
    "550-Postmaster verification failed while checking <office@example.net> 550-Called: 192.0.2.7 550-Response: 550 {} 550 Sender verify failed",
)
REASONS = (
    "user unknown",
    "mailbox disabled",
    "no such user here",
    "Domain not found",
    "mailbox unavailable",
    "undeliverable address: host mx.example.net[192.0.2.7] said: 550 5.1.1 no such mailbox",
    "this account has been disabled",
    "mailbox full",
    "invalid mailbox",
)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("reason", REASONS)
def test_a_reply_about_the_sender_gives_no_address_up(head: str, reason: str) -> None:
    failure = explain(head.format(reason), offline=True).failures[0]
    assert failure.suppress in ("never", "hold"), (failure.cause, failure.rule)
    assert failure.side != "recipient", (failure.cause, failure.rule)


@pytest.mark.parametrize(
    "text",
    [
        "news@example.org;ann@example.net;550 5.1.1 user unknown",
        "| news@example.org | ann@example.net | 550 5.1.1 user unknown |",
        "news@example.org -> ann@example.net: 550 no such user here",
        "Message-ID: <abc@mail.example.org> 550 5.1.1 user unknown",
    ],
)
def test_an_address_that_may_be_the_senders_is_nobody_to_suppress(text: str) -> None:
    failure = explain(text, offline=True).failures[0]
    assert failure.bounce.recipient is None
    assert failure.cause == "user-unknown"


def test_what_answers_mail_from_is_about_the_sender() -> None:
    failure = explain("smtplib.SMTPSenderRefused: (550, b'5.1.1 no such user', 'news@example.org')", offline=True).failures[0]
    assert (failure.cause, failure.suppress) == ("sender-address-invalid", "never")
