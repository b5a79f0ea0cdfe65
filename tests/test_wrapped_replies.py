"""What receivers put around a reason ("Connection rejected: …", "… by the recipient's mail server") takes the reason away from no row, nor does the form it comes in."""

from __future__ import annotations

import re
import textwrap
from functools import cache

import pytest

from healthcheck.catalog import Rule, catalog
from healthcheck.explain import diagnose
from healthcheck.model import Failure, Suppress

CODES = re.compile(r"(\d{3} (?:#?\d\.\d{1,3}\.\d{1,3} )?)(.*)", re.DOTALL)
NO_REASON = ("policy-unstated", "unknown")
# words for a reason that only mean it where they begin the reply, or stand alone; a row that is found by its length wins no longer either
MOST = 0.025
WRAPPED = [
    "Access denied. {}",
    "Connection rejected: {}",
    "Service denied. {}",
    "Message rejected: {}",
    "{} Rejected by the recipient's mail server",
    "Sorry, {}",
]


@cache
def examples() -> tuple[tuple[Rule, str, str], ...]:
    rows = [(rule, found[1], found[2]) for rule in catalog().rules if rule.cause not in NO_REASON and (found := CODES.fullmatch(rule.example))]
    return tuple(row for row in rows if read(row[1] + row[2]).cause == row[0].cause)


@cache
def read(reply: str) -> Failure:
    (failure,) = diagnose(reply).failures
    return failure


def side(rule: Rule) -> str:
    return catalog().causes[rule.cause].party.side


@pytest.mark.parametrize("around", WRAPPED)
def test_the_reason_stays_the_reason(around):
    changed = [f"{rule.id}: {now}" for rule, codes, words in examples() if (now := read(codes + around.format(words)).cause) != rule.cause]
    assert len(examples()) > 1500
    assert len(changed) <= MOST * len(examples()), "\n".join(changed)


@pytest.mark.parametrize("around", [*WRAPPED, "Mailbox unavailable. {}", "Recipient rejected: {}"])
def test_a_senders_fault_costs_no_address_whatever_stands_around_it(around):
    lost = {
        rule.id
        for rule, codes, words in examples()
        if side(rule) == "sender" and (now := read(codes + around.format(words))).suppress is Suppress.NOW and now.suppress is not read(codes + words).suppress
    }
    # Courier's 517 means the sender's domain only where the words begin the reply; the patterns of the other two weigh less than the words
    # around them here, and such are not tried
    assert lost <= {"mail-stores/courier-sender-domain", "cox/ipbl", "general/spam-word"}


def several_lines(codes: str, words: str) -> str:
    """A reply over several lines, each with the codes. RFC 5321 section 4.2.1, RFC 2034 section 4."""
    lines = textwrap.wrap(words, 40, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"{codes[:3]}{'-' if line is not lines[-1] else ' '}{codes[4:]}{line}" for line in lines)


def in_a_notice(codes: str, words: str) -> str:
    text = f"<jane@example.net>: host mx.example.net[192.0.2.9] said: {codes}{words} (in reply to RCPT TO command)"
    return textwrap.fill(text, 78, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def in_a_log(codes: str, words: str) -> str:
    status = "bounced" if codes[0] == "5" else "deferred"
    return (
        "Nov 23 06:25:01 mail postfix/smtp[123]: 4ABC3: to=<jane@example.net>, relay=mx.example.net[192.0.2.9]:25, delay=1, delays=0/0/0/1, "
        f"dsn={codes[4:].strip(' #') or codes[0] + '.0.0'}, status={status} (host mx.example.net[192.0.2.9] said: {codes}{words} (in reply to RCPT TO command))"
    )


def in_a_report(codes: str, words: str) -> str:
    action = "failed" if codes[0] == "5" else "delayed"
    status = codes[4:].strip(" #") or codes[0] + ".0.0"
    return f"Final-Recipient: rfc822; jane@example.net\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {codes}{words}\n"


@pytest.mark.parametrize("form", [several_lines, in_a_notice, in_a_log, in_a_report])
def test_the_same_words_mean_the_same_in_every_form(form):
    changed = [f"{rule.id}: {now}" for rule, codes, words in examples() if (now := read(form(codes, words)).cause) != rule.cause]
    assert not changed, "\n".join(changed)


NAMES = ("dmarc-reports", "blacklist", "spam.blocked", "no-such-user", "virus.attachment", "mailbox.full", "greylisting")
BRACKETED = re.compile(r"(?<=<)[\w.+-]+(?=@)")


@pytest.mark.parametrize("local", NAMES)
def test_what_a_mailbox_is_called_says_nothing(local):
    named = [(rule, codes, words) for rule, codes, words in examples() if BRACKETED.search(words)]
    changed = [f"{rule.id}: {now}" for rule, codes, words in named if (now := read(codes + BRACKETED.sub(local, words)).cause) != rule.cause]
    assert len(named) > 80
    assert not changed, "\n".join(changed)
    assert read(f"550 No such user {local}@example.com").cause == "user-unknown"
    assert read(f"552 5.2.2 {local}@example.com: quota exceeded").because[0].text == "quota exceeded"


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        ("554 Connection refused: your host has no PTR record", "ptr-missing"),
        ("550 connection refused: too many connections from your host", "rate-limited"),
        ("550 Connection denied. Invalid HELO", "helo-invalid"),
        ("550 You are not allowed to connect: SPF check failed", "auth-spf"),
        ("550 connection refused, TLS is required", "tls-required"),
        ("550 5.7.1 Connection refused. 192.0.2.1 does not have a valid reverse DNS", "ptr-missing"),
        ("550 Connection refused", "policy-unstated"),
        ("421 Connection refused", "network-error"),
        (
            "550 5.0.350 One or more of the attachments in your email is of a file type that is NOT allowed by the recipient's organization.",
            "content-attachment",
        ),
        ("550 Blocked by the recipient's spam filter", "content-spam"),
        ("552 message exceeds the size allowed by the recipient's organization", "message-too-large"),
        ("451 greylisted by the recipient's server, try again later", "greylisted"),
        ("550 Message was rejected by the recipient's domain", "policy-unstated"),
        ("550 You are blocked by the recipient", "sender-not-permitted"),
        ("550 sender blocked by the recipient's block list", "sender-not-permitted"),
        ("550 refused by recipient <jane@example.net>", "sender-not-permitted"),
    ],
)
def test_a_stated_reason_goes_before_a_bare_refusal(reply, cause):
    assert read(reply).cause == cause
