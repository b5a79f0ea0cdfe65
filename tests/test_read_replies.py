"""Replies, transcripts, log lines and phrases: codes, enhanced codes, continuation lines, replies inside replies."""

from pathlib import Path

import pytest

from healthcheck.bounce.read import read
from healthcheck.bounce.reply import find_enhanced, join_lines, read_reply
from healthcheck.model import Kind

HERE = Path(__file__).parent / "bounces"

# text, code, enhanced, text of the reply, code of the outer one
REPLIES = [
    ("550 5.1.1 <lena@example.com>: unknown", 550, "5.1.1", "550 5.1.1 <lena@example.com>: unknown", None),
    ("550-5.7.26 Not signed;\n550-5.7.26 see\n550 5.7.26 example.com", 550, "5.7.26", "550 5.7.26 Not signed; see example.com", None),
    ("550-First line\n550 last line", 550, None, "550 First line last line", None),
    ("smtp; 552 5.2.2 full", 552, "5.2.2", "552 5.2.2 full", None),
    ("550 550 5.1.1 nobody (state 14).", 550, "5.1.1", "550 5.1.1 nobody (state 14).", None),
    ("511 sorry, no mailbox here by that name (#5.1.1)", 511, "5.1.1", "511 sorry, no mailbox here by that name (#5.1.1)", None),
    ("550 refused, 10.5.1.1 is no friend", 550, None, "550 refused, 10.5.1.1 is no friend", None),
    ("554 refused by Exim 4.80.1 here", 554, None, "554 refused by Exim 4.80.1 here", None),
    ("4.4.7 Message expired", None, "4.4.7", "4.4.7 Message expired", None),
    ("421", 421, None, "421", None),
    ("250 2.0.0 OK", 250, "2.0.0", "250 2.0.0 OK", None),
    ("host mx1.example.com[192.0.2.10] said: 450 4.2.1 wait (in reply to RCPT TO command)", 450, "4.2.1", "450 4.2.1 wait", None),
    ("550 5.7.350 Remote server returned message detected as spam -> 554 5.7.1 no thanks", 554, "5.7.1", "554 5.7.1 no thanks", 550),
    ("554 5.4.7 [internal] message timeout (last transfail: 421 4.7.0 try later)", 421, "4.7.0", "421 4.7.0 try later", 554),
    ("5.1.0 - Unknown address error 550-'5.7.1 not you' (delivery attempts: 0)", 550, "5.7.1", "550 5.7.1 not you", None),
    ("#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##rfc822;lena@example.com", 550, "5.1.1", "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found", None),
    ("Remote Server returned '550 5.7.1 Unable to relay'", 550, "5.7.1", "550 5.7.1 Unable to relay", None),
    ("Remote Server returned '< #5.7.1 smtp; 550 5.7.1 Unable to relay>'", 550, "5.7.1", "550 5.7.1 Unable to relay", None),
    (
        '451 4.4.0 Primary target IP address responded with: "421 4.4.2 Connection dropped." Attempted failover',
        421,
        "4.4.2",
        "421 4.4.2 Connection dropped.",
        451,
    ),
    ("450 4.4.317 Cannot connect [{LED=450 4.7.320 Certificate failed};{MSG=};{FQDN=mx1.example.com}]", 450, "4.7.320", "450 4.7.320 Certificate failed", 450),
    ("<lena@example.com>... Deferred: 452 4.2.2 full", 452, "4.2.2", "452 4.2.2 full", None),
    ("host mx1.example.com[192.0.2.10] refused to talk to me: 421 4.7.0 busy", 421, "4.7.0", "421 4.7.0 busy", None),
    ("554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.2 Connection timed out>", 421, "4.4.2", "421 4.4.2 Connection timed out", 554),
]


@pytest.mark.parametrize(("text", "code", "enhanced", "inner", "outer"), REPLIES)
def test_reply(text, code, enhanced, inner, outer):
    reply = read_reply(text).reply
    assert (reply.code, reply.enhanced, reply.text) == (code, enhanced, inner)
    assert (reply.wrapped_by.code if reply.wrapped_by else None) == outer


@pytest.mark.parametrize(("text", "code", "enhanced", "inner", "outer"), REPLIES)
def test_pasted_reply(text, code, enhanced, inner, outer):
    reading = read(text)
    assert reading.kind in (Kind.REPLY, Kind.PHRASE)
    assert [(b.reply.code, b.reply.enhanced) for b in reading.bounces] == [(code, enhanced)]


def test_status_only_where_the_text_has_no_code():
    assert read_reply("550 5.7.1 no", status="5.0.0").reply.enhanced == "5.7.1"
    assert read_reply("550 no", status="5.0.0").reply.enhanced == "5.0.0"


def test_enhanced_of_the_same_class_goes_first():
    assert find_enhanced("550 after 4.2.0 came 5.2.1", 550) == "5.2.1"
    assert find_enhanced("see https://example.com/5.1.1", None) is None


def test_join_lines_keeps_other_codes():
    assert join_lines(["550-a", "551 b"]) == "550 a 551 b"


def test_join_lines_drops_a_repeated_code_with_a_hash():  # as AsyncOS writes it
    assert join_lines(["550-#5.7.1 Your access has been", "550 #5.7.1 rejected."]) == "550 #5.7.1 Your access has been rejected."


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        ("(in reply to MAIL FROM command)", "mail"),
        ("(in reply to end of DATA command)", "data"),
        ("(in reply to EHLO command)", "helo"),
        ("(in reply to DATA command)", "data"),
    ],
)
def test_stage(words, stage):
    assert read_reply(f"host mx.example.com[192.0.2.1] said: 550 no {words}").stage == stage


def test_several_replies_are_each_answered():
    reading = read("550 5.1.1 nobody\n\n452 4.2.2 mailbox\nomar@example.com: 550-5.7.1 not\n550 5.7.1 you\nlena@example.com\n421 try later\n")
    assert [(b.recipient, b.reply.code, b.reply.enhanced) for b in reading.bounces] == [
        (None, 550, "5.1.1"),
        (None, 452, "4.2.2"),
        ("omar@example.com", 550, "5.7.1"),
        ("lena@example.com", 421, None),
    ]


def test_wrapped_line_goes_on():
    (one,) = read("550 5.7.1 The mail that you sent was refused because it was not\nsigned by the domain that it claims to be from").bounces
    assert one.reply.text.endswith("claims to be from")


def test_prose_around_a_reply():
    (one,) = read("Hi there,\nour newsletter got this:\n\n    550 5.7.1 Relaying denied\n\nWhat does it mean?").bounces
    assert one.reply.text == "550 5.7.1 Relaying denied"


def test_html_paste():
    (one,) = read("<div><p>The reply was</p><pre>550 5.1.1 &lt;lena@example.com&gt; unknown</pre></div>").bounces
    assert one.reply.text == "550 5.1.1 <lena@example.com> unknown"


@pytest.mark.parametrize(
    "text", ["MC returned no SMTP detail", "Hard Bounce - Rejected by Reviewer", "denied by policy", "Recipient address rejected: Access denied"]
)
def test_phrase(text):
    reading = read(text)
    assert reading.kind is Kind.PHRASE
    assert reading.bounces[0].reply.text == text
    assert reading.bounces[0].reply.code is None


def test_transcript():
    reading = read((HERE / "session.txt").read_text())
    assert reading.kind is Kind.TRANSCRIPT
    assert [(b.recipient, b.reply.code, b.reply.enhanced, b.stage) for b in reading.bounces] == [
        ("omar@example.com", 550, "5.1.1", "rcpt"),
        ("lena@example.com", 554, "5.7.1", "data"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        ">>> MAIL FROM:<a@shop.example>\n<<< 250 ok\n>>> RCPT TO:<lena@example.com>\n<<< 550 5.1.1 no",
        " -> RCPT TO:<lena@example.com>\n<** 550 5.1.1 no",
        "CLIENT -> SERVER: RCPT TO:<lena@example.com>\nSERVER -> CLIENT: 550 5.1.1 no",
        "send: 'rcpt TO:<lena@example.com>\\r\\n'\nreply: b'550 5.1.1 no\\r\\n'",
        "rcpt to:<lena@example.com>\n550 5.1.1 no",
    ],
)
def test_transcripts_of_tools(text):
    reading = read(text)
    assert reading.kind is Kind.TRANSCRIPT
    assert [(b.recipient, b.reply.code, b.reply.enhanced, b.stage) for b in reading.bounces] == [("lena@example.com", 550, "5.1.1", "rcpt")]


SAID = "host mx1.example.com[192.0.2.10] said: 550 5.1.1 no (in reply to RCPT TO command)"
LOGS = [
    (
        f"Jan 12 09:15:02 relay postfix/smtp[99]: 4F00BA1: to=<lena@example.com>, relay=mx1.example.com[192.0.2.10]:25, delay=1, dsn=5.1.1, status=bounced ({SAID})",
        "failed",
        550,
        "5.1.1",
    ),
    (
        "Jan 12 09:15:02 relay postfix/smtp[99]: 4F00BA1: to=<lena@example.com>, relay=none, delay=1, dsn=4.4.1, status=deferred (connect to mx1.example.com[192.0.2.10]:25: Connection timed out)",
        "delayed",
        None,
        "4.4.1",
    ),
    (
        "Jan 12 09:15:02 mx postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[203.0.113.5]: 554 5.7.1 <lena@example.com>: Relay access denied; from=<a@shop.example> to=<lena@example.com> proto=ESMTP helo=<x>",
        "failed",
        554,
        "5.7.1",
    ),
    (
        "Jan 12 09:15:02 s sendmail[7]: 60C9: to=<lena@example.com>, delay=00:00:01, mailer=esmtp, relay=mx1.example.com. [192.0.2.10], dsn=4.2.2, stat=Deferred: 452 4.2.2 full",
        "delayed",
        452,
        "4.2.2",
    ),
    (
        "2026-01-12 09:15:02 1abcde-000001-AA ** lena@example.com R=dnslookup T=remote_smtp H=mx1.example.com [192.0.2.10]: SMTP error from remote mail server after RCPT TO:<lena@example.com>: 550 5.1.1 no",
        "failed",
        550,
        "5.1.1",
    ),
    (
        "2026-01-12 09:15:02 1abcde-000001-AA == lena@example.com R=dnslookup T=remote_smtp defer (-44) H=mx1.example.com [192.0.2.10]: SMTP error from remote mail server after RCPT TO:<lena@example.com>: 451 4.7.1 later",
        "delayed",
        451,
        "4.7.1",
    ),
    (
        'b,2026-01-12 09:15:02+0000,2026-01-12 09:15:01+0000,a@shop.example,lena@example.com,,failed,5.1.1 (bad destination mailbox address),"smtp;550 5.1.1 no",mx1.example.com (192.0.2.10),bad-mailbox',
        "failed",
        550,
        "5.1.1",
    ),
    ('2026-01-12T09:15:02.001Z,Outbound,08D1,9,192.0.2.1:4000,192.0.2.10:25,<,"550 5.1.1 no",', None, 550, "5.1.1"),
]


@pytest.mark.parametrize(("line", "action", "code", "enhanced"), LOGS)
def test_log(line, action, code, enhanced):
    reading = read(line)
    assert reading.kind is Kind.LOG
    (one,) = reading.bounces
    assert (one.action, one.reply.code, one.reply.enhanced) == (action, code, enhanced)
    assert one.recipient == ("lena@example.com" if "lena@" in line else None)
