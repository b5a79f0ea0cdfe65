"""What is said of an input in which nothing was recognised; and forms whose reading decides the cause (the words of tests/pasted/second.toml)."""

import tomllib
from pathlib import Path

import pytest

from healthcheck.bounce.classify import classify
from healthcheck.bounce.events import within
from healthcheck.bounce.read import read
from healthcheck.explain import explain
from healthcheck.model import Kind
from healthcheck.render import words

SECOND = {row["id"]: row["text"] for row in tomllib.loads((Path(__file__).parent / "pasted" / "second.toml").read_text())["paste"]}

LETTER = "Dear all,\n\nwe meet on Thursday at noon in the small hall, as we did in spring, and everybody is asked to bring a chair and something to eat for the others.\n\nYours, Paula\n"
CODE = "import smtplib\nfrom email.message import EmailMessage\n\ndef send(to):\n    message = EmailMessage()\n    return message.build(to)\n"
LOG = "2026-01-12 09:15:02 INFO server started\n2026-01-12 09:15:03 INFO listening\n2026-01-12 09:15:04 INFO one client\n"


@pytest.mark.parametrize(
    ("text", "seems"),
    [
        (LETTER, "letter"),
        (CODE, "code"),
        (LOG, "log"),
        ("v=spf1 include:_spf.example.net -all", "dns"),
        ("example.com. 300 IN MX 10 mx.example.com.", "dns"),
        ("the quick brown fox", "text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "msg"),
        (b"%PDF-1.7\n\0\1\2\3\4\5\6" * 40, "binary"),
        ('{"name": "lena", "age": 7}', "json"),
        ("From: paula@shop.example\nTo: lena@example.com\nSubject: Lunch\n\nAt noon?\n", "mail"),
    ],
)
def test_what_it_seems_to_be(text, seems):
    reading = read(text)
    assert (reading.kind, reading.looked_for) == (Kind.UNRECOGNISED, seems)
    answer = explain(text, offline=True)
    assert answer.looked_for == seems
    assert words.note(answer) == words.word("unrecognised", seems)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("dragonfly-reason-below", "dns-failure"),
        ("groups-german", "sender-not-permitted"),
        ("groups-french-support", "sender-not-permitted"),
        ("transcript-logrus", "mailbox-full"),
        ("exim-without-its-head", "sender-account-limit"),
        ("popup-russian", "relay-denied"),
        ("postfix-line-cut-at-the-left", "domain-not-found"),
        ("qmail-failure-alone", "user-unknown"),
        ("ticket-received", "auto-reply"),
    ],
)
def test_causes(name, cause):
    assert [classify(bounce).cause for bounce in read(SECOND[name]).bounces] == [cause]


def test_a_filter_that_says_yes_and_discards_is_no_delivery():
    line = "Jan 12 09:15:02 mx postfix/smtp[1]: 4C2A1DEAD1: to=<lena@example.com>, relay=127.0.0.1[127.0.0.1]:10024, dsn=2.7.0, status=sent (250 2.7.0 Ok, {}id=01234-05{})"
    assert [classify(b).cause for b in read(line.format("", "")).bounces] == ["delivered"]
    assert [classify(b).cause for b in read(line.format("discarded, ", " - INFECTED: Eicar")).bounces] == ["content-virus"]


def test_our_own_relay_refused_us_and_not_the_recipient():
    line = "dsn=4.7.0, status=deferred (SASL authentication failed; server smtp.example.net[192.0.2.1] said: 454 4.7.0 Temporary failure)"
    (one,) = read(line).bounces
    assert one.reply.text.startswith("SASL authentication failed")
    assert (one.reply.code, one.reply.enhanced) == (454, "4.7.0")


def test_the_cut_left_side_names_what_became_of_it():
    (one,) = read(SECOND["postfix-status-alone"]).bounces
    assert (one.action, one.status) == ("failed", "5.1.1")


def test_a_sender_that_was_refused_is_one_failure():
    text = "C: MAIL FROM:<>\nS: 550 5.7.1 Sender refused\nC: RCPT TO:<lena@example.com>\nS: 503 5.5.1 need MAIL command\nC: QUIT\nS: 221 Bye\n"
    assert [(b.recipient, b.reply.code) for b in read(text).bounces] == [("lena@example.com", 550)]


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ('a {"b": 1} c {"d": 2}', [{"b": 1}, {"d": 2}]),
        ('log: {"b": {"c": 1}, "d": "e', [{"b": {"c": 1}}]),
        ('[{"b": 1}, {"c": ', [{"b": 1}]),
        ("{ not json }", []),
        ('{"' * 5000, []),
        ('{"a":' * 50000, []),
    ],
)
def test_objects_within_text(text, objects):
    assert within(text) == objects
