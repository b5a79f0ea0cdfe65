"""Readers of many bounces: every form in which they come, what is told of what cannot be read, and that a kind of reply is read as each reply is."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import re
import tomllib
import urllib.parse
from dataclasses import replace
from pathlib import Path

import pytest

from healthcheck.bounce.build import bounce_of
from healthcheck.bounce.classify import classify
from healthcheck.bounce.formats import Found
from healthcheck.bounce.many.formats import FileRead, data, happened_words, plain, title
from healthcheck.bounce.many.formats.kinds import PLAIN, How, Kinds, said_of
from healthcheck.bounce.many.formats.lists import COLUMNS, lines, services
from healthcheck.bounce.many.formats.objects import event_json
from healthcheck.bounce.many.formats.times import LogTimes, moment
from healthcheck.bounce.many.sources import Feed, Part, Source, Told, With, part_events
from healthcheck.catalog import DATA, catalog
from healthcheck.explain import explain
from healthcheck.model import Action, Decision, Event, Happened, Party, Suppress, Type
from healthcheck.render.json import diagnosis

NOW = 1768464000.0  # 2026-01-15 08:00 UTC
ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"


def read(octets: str | bytes, name: str = "x", **how: str) -> tuple[list[Event], FileRead]:
    held = octets.encode() if isinstance(octets, str) else octets
    source = Source(Feed(name, lambda: io.BytesIO(held)), With(NOW, **how))
    return list(source.events()), source.told.done()


def told(octets: str | bytes) -> tuple[list[str], list[str]]:
    """What happened to whom, and what was said of rows that could not be read."""
    events, file = read(octets)
    return [f"{event.happened.value} {event.recipient}" for event in events], [f"{one.line} {one.what}" for one in file.troubles]


# ------------------------------------------------------------------ tables

ACTIVITY = (
    "processed,message_id,event,api_key_id,recv_message_id,credential_id,subject,from,email,asm_group_id,template_id,originating_ip,reason,outbound_ip,"
    "outbound_ip_type,mx,attempt,url,user_agent,type,is_unique,username,categories,marketing_campaign_id,marketing_campaign_name,"
    "marketing_campaign_split_id,marketing_campaign_version,unique_args\n"
)


def activity(event: str, reason: str = "", kind: str = "", mx: str = "mx.example.com", to: str = "lena@example.com") -> str:
    return f'2026-01-15 08:00:00,m1,{event},,r1,,Hi,Shop <news@shop.example>,{to},,,,"{reason}",192.0.2.1,,{mx},,,,{kind},,,,,Spring,,,\n'


def test_sendgrids_activity():
    events, file = read(
        ACTIVITY
        + activity("processed")
        + activity("delivered", to="lena@gmail.com", mx="gmail-smtp-in.l.google.com")
        + activity("bounce", "550 5.1.1 <lena@example.com>: User unknown", "bounce")
        + activity("bounce", "550 5.7.1 client host [192.0.2.1] blocked using zen.spamhaus.org", "blocked")
        + activity("deferred", "451 4.7.1 Greylisted, try again in 300 seconds")
        + activity("drop", "Bounced Address")
        + activity("open")
        + activity("spam_report")
        + activity("unsubscribe")
    )
    assert (file.kind, file.rows, file.events, file.passed, file.bad) == ("sendgrid-activity", 9, 8, 1, 0)
    assert [event.happened.value for event in events] == ["sent", "delivered", "bounced", "bounced", "deferred", "dropped", "complaint", "unsubscribed"]
    bounced, blocked = events[2], events[3]
    assert bounced.said
    assert blocked.said
    assert (bounced.said.cause, bounced.said.type, bounced.said.suppress, bounced.said.code) == ("user-unknown", Type.HARD, Suppress.NOW, 550)
    assert (blocked.said.cause, blocked.said.party, blocked.said.blocklist) == ("ip-blocklisted", Party.SENDER_REPUTATION, "zen.spamhaus.org")
    assert (bounced.at, bounced.message, bounced.campaign, bounced.sender, bounced.source) == (NOW, "m1", "Spring", "shop.example", "x:4")
    assert events[1].provider == "gmail"
    assert bounced.provider == "example.com"
    assert events[4].said
    assert events[4].said.cause == "greylisted"


TABLES = {
    "sendgrid-bounces": ("status,reason,email,created\n5.1.1,550 5.1.1 no such user,lena@example.com,1768464000\n", "bounced"),
    "mailgun-bounces": ('address,code,error,created_at\nlena@example.com,550,5.1.1 no such user,"Thu, 15 Jan 2026 08:00:00 +0000"\n', "bounced"),
    "mailgun-unsubscribes": ("address,tags,created_at\nlena@example.com,*,2026-01-15T08:00:00Z\n", "unsubscribed"),
    "mandrill-activity": (
        "Date,Email Address,Sender,Subject,Status,Tags,Opens,Clicks,Bounce Detail\n"
        "2026-01-15 08:00:00,lena@example.com,news@shop.example,Hi,hard-bounced,news,0,0,smtp;550 5.1.1 no such user\n",
        "bounced",
    ),
    "mandrill-rejects": (
        "email,reason,detail,created_at,expires_at,last_event_at,expires_at,subaccount\n"
        'lena@example.com,hard-bounce,smtp;550 5.1.1 no such user,"2026-01-10 08:00:00.5","2026-02-11","2026-01-15 08:00:00","2026-02-11",\n',
        "bounced",
    ),
    "mailchimp-cleaned": ("Email Address,First Name,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE\nlena@example.com,Lena,2026-01-15 08:00:00,Spring\n", "dropped"),
    "mailchimp-unsubscribed": ("Email Address,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE\nlena@example.com,2026-01-15 08:00:00,Spring\n", "unsubscribed"),
    "brevo-logs": (
        "st_text,ts,sub,frm,email,tag,mid,link\nHard bounce,15-01-2026 08:00:00,Hi,news@shop.example,lena@example.com,NA,<m1@x>,NA\n",
        "bounced",
    ),
    "postmark-bounces": (
        "Email,Type,BouncedAt,Details,Tag,MessageID,From\n"
        "lena@example.com,HardBounce,2026-01-15T08:00:00Z,smtp;550 5.1.1 no such user,news,m1,news@shop.example\n",
        "bounced",
    ),
    "sparkpost-events": (
        "type,rcpt_to,bounce_class,raw_reason,error_code,timestamp,message_id,campaign_id\n"
        "bounce,lena@example.com,10,550 5.1.1 no such user,550,1768464000,m1,Spring\n",
        "bounced",
    ),
    "sendgrid-activity": (ACTIVITY + activity("bounce", "550 5.1.1 no such user"), "bounced"),
}


def test_every_table_is_tried():
    assert set(TABLES) == {row["id"] for row in data()["table"]}


@pytest.mark.parametrize("kind", TABLES)
def test_a_services_table(kind):
    text, happened = TABLES[kind]
    events, file = read(text)
    assert (file.kind, file.events, file.bad, file.troubles) == (kind, 1, 0, ())
    assert (events[0].happened.value, events[0].recipient, events[0].at) == (happened, "lena@example.com", NOW)
    if "550" in text:
        assert events[0].said
        assert (events[0].said.cause, events[0].said.suppress) == ("user-unknown", Suppress.NOW)
    assert title(kind) == file.title
    assert file.title != kind


def test_mandrills_own_word_in_the_place_of_a_reply():
    events, _ = read(
        "Date,Email Address,Sender,Subject,Status,Tags,Opens,Clicks,Bounce Detail\n2026-01-15,lena@example.com,a@shop.example,Hi,soft-bounced,,0,0,mailbox_full\n"
    )
    assert events[0].said
    assert events[0].said.cause == "mailbox-full"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_table_with_addresses_and_events(delimiter, end):
    head = delimiter.join(["E-Mail", "Result", "SMTP response"])
    rows = [
        ("lena@example.com", "failed", "550 5.1.1 unknown user"),
        ("Paul <paul@EXAMPLE.com>", "delivered", "250 ok"),
        ("x@example.com", "tempfail", "451 later"),
    ]
    events, file = read(end.join([head, *[delimiter.join(row) for row in rows], ""]))
    assert [event.happened.value for event in events] == ["bounced", "delivered", "deferred"]
    assert [event.recipient for event in events] == ["lena@example.com", "paul@example.com", "x@example.com"]
    assert [event.source for event in events] == ["x:2", "x:3", "x:4"]
    assert (file.form, file.kind) == ("csv", "csv")


def test_a_table_of_replies_is_one_of_failures():
    assert told("email,reason\na@example.com,550 5.1.1 unknown\nb@example.com,250 2.0.0 ok\nc@example.com,\n") == (
        ["bounced a@example.com", "delivered b@example.com"],
        ["4 event"],
    )


def test_fields_of_several_lines_and_quotes():
    text = 'email,event,reason\r\n"lena@example.com",bounce,"550-5.1.1 no\r\n550 5.1.1 such ""user"""\r\npaul@example.com,delivered,\r\n'
    events, file = read(text)
    assert [event.source for event in events] == ["x:2", "x:4"]
    assert events[0].said
    assert events[0].said.text == '550 5.1.1 no such "user"'
    assert not file.bad


@pytest.mark.parametrize("recode", ["utf-8-sig", "utf-16", "utf-16-le-bom"])
def test_other_encodings(recode):
    text = "email,event,campaign\nlena@example.com,bounce,Frühling\n"
    octets = b"\xff\xfe" + text.encode("utf-16-le") if recode == "utf-16-le-bom" else text.encode(recode)
    events, file = read(octets)
    assert (events[0].recipient, events[0].campaign, file.bad) == ("lena@example.com", "Frühling", 0)


def test_mixed_encodings_are_read_and_named():
    rows = [b"email,event,campaign\n", "a@example.com,bounce,Frühling\n".encode(), "b@example.com,bounce,Frühling\n".encode("cp1252")]
    events, file = read(b"".join(rows))
    assert [event.campaign for event in events] == ["Frühling", "Frühling"]
    assert [(one.line, one.what) for one in file.troubles] == [(3, "encoding")]
    assert file.bad == 0


def test_an_address_with_letters_of_its_own():
    events, _ = read("email,event\nlena@bücher.example,bounce\n")
    assert events[0].recipient == "lena@xn--bcher-kva.example"


def test_campaign_of_what_names_none():
    events, _ = read("email,event,campaign\na@example.com,bounce,\nb@example.com,bounce,Own\nc@example.com,bounce,N/A\n", campaign="Spring")
    assert [event.campaign for event in events] == ["Spring", "Own", "Spring"]


# ------------------------------------------------------------------ what cannot be read

BAD = {
    "a line that is cut": ("email,event,reason\na@example.com,bounce,550 no\nb@exam", ["bounced a@example.com"], ["3 cut"]),
    "no line end, and whole": ("email,event,reason\na@example.com,bounce,550 no", ["bounced a@example.com"], []),
    "a field too many": (
        "email,event\na@example.com,bounce\nb@example.com,bounce,550\nc@example.com,bounce\n",
        ["bounced a@example.com", "bounced c@example.com"],
        ["3 fields"],
    ),
    "a row too short": (
        "a,email,event\nx,a@example.com,bounce\nx\n\ny,c@example.com,bounce\n",
        ["bounced a@example.com", "bounced c@example.com"],
        ["3 fields"],
    ),
    "no address": ("email,event\nlena,bounce\n@example.com,bounce\na@example.com,bounce\n", ["bounced a@example.com"], ["2 address", "3 address"]),
    "no event": ("email,event\na@example.com,rumpelstiltskin\nb@example.com,bounce\n", ["bounced b@example.com"], ["2 event"]),
    "a stray quotation mark": (
        'email,event\na@example.com,bounce\n"b@example.com,bounce\nc@example.com,bounce\nd@example.com,delivered\n',
        ["bounced a@example.com", "bounced c@example.com", "delivered d@example.com"],
        ["3 quote"],
    ),
    "a wrong column": ("name,phone,city\nLena,1,Rome\n", [], ["1 columns"]),
    "an address and nothing else": ("email,name\na@example.com,Lena\n", [], ["1 columns"]),
    "nothing": ("", [], ["0 empty"]),
    "blanks": (" \n\n", [], ["0 empty"]),
    "a letter": ("Dear all,\n\nthe weather is fine.\n", [], ["1 form"]),
    "octets": (b"\x00\x01\x02\x03" * 200, [], ["0 binary"]),
    "a ZIP archive": (b"PK\x03\x04" + b"\0" * 40, [], ["0 zip"]),
    "JSON that is cut": ('{"event":"delivered","email":"a@example.com","sg_event_id":"1"}\n{"event":"deliv', ["delivered a@example.com"], ["2 cut"]),
    "JSON with a bad line": (
        '{"event":"delivered","email":"a@example.com","sg_event_id":"1"}\n{"event":"delivered" "email":}\n{"event":"delivered","email":"b@example.com","sg_event_id":"1"}\n',
        ["delivered a@example.com", "delivered b@example.com"],
        ["2 json"],
    ),
    "an array that is cut": ('[{"event":"delivered","email":"a@example.com","sg_event_id":"1"},\n{"event":"del', ["delivered a@example.com"], ["2 cut"]),
    "JSON of nobody": ('{"a": 1}\n', [], ["1 shape"]),
    "a log that is cut": (
        "Jan 15 07:00:02 mta postfix/smtp[1]: 4AAAAAAAA6: to=<c@example.com>, relay=mx[192.0.2.1]:25, dsn=2.0.0, status=sent (250 ok)\n"
        "Jan 15 07:00:02 mta postfix/smtp[1]: 4AAAAAAAA7: to=<d@exam",
        ["delivered c@example.com"],
        ["2 cut"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_counted_and_named(case):
    text, happened, troubles = BAD[case]
    assert told(text) == (happened, troubles)
    _, file = read(text)
    assert file.bad == len([one for one in troubles if not one.endswith("empty")])
    for one in file.troubles:
        assert one.where.startswith("x")
        assert "{" not in one.words
    if not happened:
        assert file.unreadable or not file.bad


def test_troubles_say_what_was_expected():
    _, file = read("email,event\nlena,bounce\nb@example.com,bounce,550\n")
    assert [one.where for one in file.troubles] == ["x:2", "x:3"]
    assert [one.words for one in file.troubles] == ["no mail address in the column “email”: “lena”", "3 fields, where the head of the table has 2"]
    _, file = read("name,phone,city\nLena,1,Rome\n")
    assert "an address" in file.troubles[0].words
    assert "name, phone, city" in file.troubles[0].words


def test_what_cannot_be_opened():
    def gone():
        raise FileNotFoundError(2, "No such file or directory")

    source = Source(Feed("x", gone), With(NOW))
    assert list(source.events()) == []
    assert [(one.what, one.words) for one in source.told.troubles] == [("opened", "it cannot be opened: no such file or directory")]
    assert source.told.done().unreadable


# ------------------------------------------------------------------ packed


LOG = """\
Jan 15 07:00:00 mta postfix/qmgr[1]: 4AAAAAAAA1: from=<news@shop.example>, size=1, nrcpt=3 (queue active)
Jan 15 07:00:01 mta postfix/smtp[2]: 4AAAAAAAA1: to=<lena@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.1] said: 550 5.1.1 <lena@example.com>: Recipient address rejected: User unknown (in reply to RCPT TO command))
Jan 15 07:00:01 mta postfix/smtp[2]: 4AAAAAAAA1: to=<paul@gmail.com>, orig_to=<p@shop.example>, relay=gmail-smtp-in.l.google.com[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 OK)
Jan 15 07:00:01 mta postfix/smtp[2]: 4AAAAAAAA1: to=<full@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=1, dsn=4.2.2, status=deferred (host mx.example.com[192.0.2.1] said: 452 4.2.2 over quota (in reply to RCPT TO command))
Jan 15 07:30:01 mta postfix/qmgr[2]: 4AAAAAAAA1: from=<news@shop.example>, status=expired, returned to sender
Jan 15 07:30:01 mta postfix/qmgr[2]: 4AAAAAAAA1: removed
"""
OF_LOG = ["bounced lena@example.com", "delivered paul@gmail.com", "deferred full@example.com", "bounced full@example.com"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, lambda octets: gzip.compress(octets[:300]) + gzip.compress(octets[300:])])
def test_packed(pack):
    assert told(pack(LOG.encode())) == (OF_LOG, [])


def test_packed_and_cut():
    lines = "".join(f"a{n}@example.com,bounce,550 5.1.1 no such user {n * 7919}\n" for n in range(30000))
    octets = gzip.compress(f"email,event,reason\n{lines}".encode())
    events, file = read(octets[: len(octets) // 2])
    assert 5000 < len(events) < 30000
    assert [one.what for one in file.troubles][-1] in ("packed", "cut")
    assert "packed" in {one.what for one in file.troubles}


# ------------------------------------------------------------------ logs


def test_a_log_of_postfix():
    events, file = read(LOG)
    assert [f"{event.happened.value} {event.recipient}" for event in events] == OF_LOG
    assert (file.form, file.kind, file.rows, file.bad) == ("log", "postfix", 6, 0)
    assert {event.message for event in events} == {"4AAAAAAAA1"}
    assert {event.sender for event in events} == {"shop.example"}
    assert [event.at for event in events] == [NOW - 3599, NOW - 3599, NOW - 3599, NOW - 1799]
    assert [event.source for event in events] == ["x:2", "x:3", "x:4", "x:5"]
    deferred, expired = events[2].said, events[3].said
    assert deferred
    assert expired
    assert (deferred.cause, deferred.type, expired.cause, expired.type) == ("mailbox-full", Type.DEFERRED, "mailbox-full", Type.SOFT)


@pytest.mark.parametrize(
    "line",
    [
        "postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.9]: 554 5.7.1 <a@b.example>: Relay access denied; from=<x@y.example> to=<a@b.example> proto=ESMTP",
        "postfix/smtp[1]: 4AAAAAAAA3: to=<b@shop.example>, relay=127.0.0.1[127.0.0.1]:10024, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4AAAAAAAA4)",
        "postfix/local[1]: 4AAAAAAAA5: to=<root@mta.example>, relay=local, dsn=2.0.0, status=sent (delivered to mailbox)",
        "postfix/pipe[1]: 4AAAAAAAA5: to=<root@mta.example>, relay=dovecot, dsn=2.0.0, status=sent (delivered via dovecot service)",
        "postfix/lmtp[1]: 4AAAAAAAA5: to=<root@mta.example>, relay=mta.example[private/dovecot-lmtp], dsn=2.0.0, status=sent (250 2.0.0 Saved)",
        "postfix/smtp[1]: 4AAAAAAAA5: to=<a@b.example>, relay=mx[192.0.2.1]:25, dsn=2.1.5, status=deliverable (250 2.1.5 Ok)",
        "postfix/cleanup[1]: 4AAAAAAAA5: message-id=<a@b.example>",
        "dovecot: imap-login: Login: user=<a@b.example>",
    ],
)
def test_what_is_no_mail_of_ours(line):
    events, file = read(f"{LOG}Jan 15 07:40:00 mta {line}\n")
    assert len(events) == len(OF_LOG)
    assert file.bad == 0


def test_notices_are_passed_over():
    log = (
        "2026-01-15T07:00:00.123456+00:00 mta postfix/qmgr[1]: 4AAAAAAAA2: from=<>, size=1, nrcpt=1 (queue active)\n"
        "2026-01-15T07:00:00.123456+00:00 mta postfix/smtp[1]: 4AAAAAAAA2: to=<news@shop.example>, relay=x[192.0.2.3]:25, dsn=5.1.1, status=bounced (550 no)\n"
    )
    events, file = read(log)
    assert (events, file.passed) == ([], 1)


EXIM = """\
2026-01-15 07:00:00 1abcde-000000-AB <= news@shop.example H=x P=local S=1
2026-01-15 07:00:01 1abcde-000000-AB ** lena@example.com R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.1]: SMTP error from remote mail server after RCPT TO:<lena@example.com>: 550 5.1.1 User unknown
2026-01-15 07:00:01 1abcde-000000-AB => paul@example.com R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.1] C="250 OK"
2026-01-15 07:00:01 1abcde-000000-AB -> pia@example.com R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.1] C="250 OK"
2026-01-15 07:00:01 1abcde-000000-AB == full@example.com R=dnslookup T=remote_smtp defer (-44) H=mx.example.com [192.0.2.1]: SMTP error from remote mail server after RCPT TO:<full@example.com>: 452 4.2.2 over quota
2026-01-15 07:00:02 1abcde-000000-AB ** full@example.com: retry timeout exceeded
2026-01-15 07:00:02 1abcde-000000-AB => root <root@mta.example> R=local_user T=local_delivery
2026-01-15 07:00:02 1abcde-000000-AB Completed
2026-01-15 07:00:03 1abcdf-000000-AB <= <> R=1abcde-000000-AB U=Debian-exim P=local S=1
2026-01-15 07:00:03 1abcdf-000000-AB => news@shop.example R=dnslookup T=remote_smtp H=mx.shop.example [192.0.2.1] C="250 OK"
"""


def test_a_log_of_exim():
    events, file = read(EXIM)
    assert [f"{event.happened.value} {event.recipient}" for event in events] == [
        "bounced lena@example.com",
        "delivered paul@example.com",
        "delivered pia@example.com",
        "deferred full@example.com",
        "bounced full@example.com",
    ]
    assert (file.kind, file.passed, file.bad) == ("exim", 2, 0)
    assert {(event.message, event.sender) for event in events} == {("1abcde-000000-AB", "shop.example")}
    said = events[-1].said
    assert said
    assert (said.cause, said.code) == ("mailbox-full", 452)


SENDMAIL = """\
Jan 15 07:00:00 mta sendmail[1]: 60F70000012345: from=<news@shop.example>, size=1, class=0, nrcpts=2, msgid=<x>, relay=localhost
Jan 15 07:00:01 mta sendmail[2]: 60F70000012345: to=<lena@example.com>,<paul@example.com>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.1], dsn=2.0.0, stat=Sent (ok)
Jan 15 07:00:01 mta sendmail[2]: 60F70000012346: to=<gone@example.com>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.1], dsn=5.1.1, stat=User unknown
Jan 15 07:00:01 mta sendmail[2]: 60F70000012347: to=<slow@example.com>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=1, relay=mx.example.com. [192.0.2.1], dsn=4.0.0, stat=Deferred: Connection timed out with mx.example.com.
Jan 20 07:00:01 mta sendmail[2]: 60F70000012347: 60F70000012348: sender notify: Cannot send message for 5 days
Jan 15 07:00:01 mta sendmail[2]: 60F70000012349: to=root, delay=00:00:01, mailer=local, pri=1, dsn=2.0.0, stat=Sent
"""


def test_a_log_of_sendmail():
    events, file = read(SENDMAIL)
    assert [f"{event.happened.value} {event.recipient}" for event in events] == [
        "delivered lena@example.com",
        "delivered paul@example.com",
        "bounced gone@example.com",
        "deferred slow@example.com",
        "bounced slow@example.com",
    ]
    assert (file.kind, file.passed, file.bad, events[0].sender) == ("sendmail", 1, 0, "shop.example")
    assert events[-1].at == 1737356401.0  # 20 January is five days away: it was last year's


def test_memory_of_a_log_is_bounded(monkeypatch):
    from healthcheck.bounce.many.formats import logs

    monkeypatch.setattr(logs, "QUEUED", 50)
    reader = logs.Lines(Told("x"), With(NOW))
    for n in range(500):
        list(reader.events(f"Jan 15 07:00:00 mta postfix/qmgr[1]: 4AAAAAAA{n:03}: from=<news@shop.example>, size=1, nrcpt=3 (queue active)", n))
    assert len(reader._queue) == 50


# ------------------------------------------------------------------ JSON


def sendgrid(event: str, **more: object) -> dict[str, object]:
    return {"event": event, "email": "lena@example.com", "sg_event_id": "1", "sg_message_id": "m1", "timestamp": 1768464000, **more}


SENDGRIDS = [
    sendgrid("processed"),
    sendgrid("delivered", response="250 ok"),
    sendgrid("bounce", type="bounce", reason="550 5.1.1 no such user", status="5.1.1", category=["news"]),
    sendgrid("deferred", response="451 4.3.0 later"),
    sendgrid("dropped", reason="Bounced Address"),
    sendgrid("spamreport"),
    sendgrid("unsubscribe"),
    sendgrid("open"),
]
OF_SENDGRIDS = ["sent", "delivered", "bounced", "deferred", "dropped", "complaint", "unsubscribed"]


@pytest.mark.parametrize(
    "written",
    [
        json.dumps,
        lambda rows: json.dumps(rows, indent=2),
        lambda rows: "\n".join(map(json.dumps, rows)),
        lambda rows: "".join(map(json.dumps, rows)),
        lambda rows: json.dumps({"events": rows, "paging": {"next": "x"}}),
        lambda rows: "\r\n".join(json.dumps([row]) for row in rows),
        lambda rows: "\n".join(json.dumps({"body": json.dumps(row)}) for row in rows),
    ],
    ids=["array", "indented", "lines", "in a row", "wrapped", "arrays", "queue"],
)
def test_json_in_any_arrangement(written):
    events, file = read(written(SENDGRIDS))
    assert [event.happened.value for event in events] == OF_SENDGRIDS
    assert (file.form, file.kind, file.passed, file.bad) == ("json", "sendgrid", 1, 0)
    assert {event.at for event in events} == {NOW}
    assert events[2].campaign == "news"


def test_an_object_with_more_events_than_memory_should_hold(monkeypatch):
    from healthcheck.bounce.many.formats import pieces

    monkeypatch.setattr(pieces, "AHEAD", 2000)
    monkeypatch.setattr(pieces, "LARGEST", 20_000)
    events, file = read(json.dumps({"items": SENDGRIDS * 500, "paging": {"next": "https://example.com/x", "a": [1, 2]}}))
    assert (len(events), file.bad, file.troubles) == (3500, 0, ())


SES = {
    "eventType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [{"emailAddress": "lena@example.com", "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no such user"}],
        "timestamp": "2026-01-15T08:00:00.000Z",
    },
    "mail": {"timestamp": "2026-01-15T07:59:00.000Z", "source": "news@shop.example", "messageId": "m1", "destination": ["lena@example.com"]},
}
EVENTS = {
    "amazon_ses": (SES, "bounced"),
    "amazon_ses sns": ({"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:x", "Message": json.dumps(SES)}, "bounced"),
    "amazon_ses send": ({"eventType": "Send", "send": {}, "mail": SES["mail"]}, "sent"),
    "amazon_ses complaint": (
        {"notificationType": "Complaint", "complaint": {"complainedRecipients": [{"emailAddress": "lena@example.com"}]}, "mail": SES["mail"]},
        "complaint",
    ),
    "mailgun": (
        {
            "signature": {},
            "event-data": {
                "event": "failed",
                "severity": "temporary",
                "recipient": "lena@example.com",
                "timestamp": NOW,
                "log-level": "warn",
                "delivery-status": {"code": 451, "message": "4.3.0 try later"},
            },
        },
        "deferred",
    ),
    "mailgun accepted": ({"event": "accepted", "recipient": "lena@example.com", "log-level": "info", "timestamp": NOW}, "sent"),
    "mailgun suppressed": (
        {
            "event": "failed",
            "severity": "permanent",
            "reason": "suppress-bounce",
            "recipient": "lena@example.com",
            "log-level": "error",
            "delivery-status": {"code": 605, "message": "", "description": "Not delivering to previously bounced address"},
        },
        "dropped",
    ),
    "postmark": (
        {"RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1, "MessageID": "m", "Details": "smtp;550 5.1.1 unknown", "Email": "lena@example.com"},
        "bounced",
    ),
    "postmark change": (
        {
            "RecordType": "SubscriptionChange",
            "MessageID": "m",
            "Recipient": "lena@example.com",
            "SuppressSending": True,
            "SuppressionReason": "ManualSuppression",
        },
        "unsubscribed",
    ),
    "sparkpost": (
        {"msys": {"message_event": {"type": "bounce", "bounce_class": "10", "raw_reason": "550 5.1.1 unknown", "rcpt_to": "lena@example.com"}}},
        "bounced",
    ),
    "sparkpost injection": ({"msys": {"message_event": {"type": "injection", "rcpt_to": "lena@example.com"}}}, "sent"),
    "sparkpost unsubscribe": ({"msys": {"unsubscribe_event": {"type": "list_unsubscribe", "rcpt_to": "lena@example.com"}}}, "unsubscribed"),
    "mandrill": (
        {"event": "hard_bounce", "_id": "m", "ts": NOW, "msg": {"_id": "m", "email": "lena@example.com", "diag": "smtp;550 5.1.1 unknown"}},
        "bounced",
    ),
    "mandrill send": ({"event": "send", "_id": "m", "ts": NOW, "msg": {"_id": "m", "email": "lena@example.com"}}, "sent"),
    "mailchimp": ({"type": "unsubscribe", "fired_at": "2026-01-15 08:00:00", "data": {"email": "lena@example.com", "reason": "manual"}}, "unsubscribed"),
    "brevo": (
        {"event": "hard_bounce", "email": "lena@example.com", "message-id": "<m@x>", "ts_epoch": 1768464000000, "reason": "550 5.1.1 unknown"},
        "bounced",
    ),
    "brevo spam": ({"event": "spam", "email": "lena@example.com", "message-id": "<m@x>", "ts_epoch": 1768464000000}, "complaint"),
}


@pytest.mark.parametrize("case", EVENTS)
def test_an_event_of_a_service(case):
    value, happened = EVENTS[case]
    events, file = read(json.dumps(value))
    assert [(event.happened.value, event.recipient) for event in events] == [(happened, "lena@example.com")]
    assert (file.kind, file.bad) == (case.partition(" ")[0], 0)
    if happened == "bounced":
        assert events[0].said
        assert events[0].said.cause == "user-unknown"
    if happened in ("sent", "delivered", "dropped", "unsubscribed"):
        assert events[0].said is None


def test_a_form_as_a_webhook_posts_it():
    value, _ = EVENTS["mandrill"]
    events, file = read("mandrill_events=" + urllib.parse.quote(json.dumps([value, value])))
    assert ([event.happened for event in events], file.kind) == ([Happened.BOUNCED] * 2, "mandrill")


def test_answers_of_explain():
    reply = "550 5.1.1 <lena@example.com>: Recipient address rejected: User unknown"
    text = "\n".join(json.dumps(diagnosis(explain(one, offline=True))) for one in (reply, "hello"))
    events, file = read(text)
    assert [(event.happened, event.recipient, event.said and event.said.cause) for event in events] == [(Happened.BOUNCED, "lena@example.com", "user-unknown")]
    assert (file.kind, file.passed, file.bad) == ("diagnoses", 1, 0)


def test_our_own_events_come_back_as_they_were():
    events, _ = read(LOG, "mail.log")
    text = "\n".join(json.dumps(event_json(event)) for event in events)
    again, file = read(text)
    assert again == events
    assert file.kind == "own"
    assert told('{"schema":"event/1","happened":"vanished"}\n') == ([], ["1 shape"])


# ------------------------------------------------------------------ mails

NOTICE = """\
From: MAILER-DAEMON@mta.example (Mail Delivery System)
To: news@shop.example
Subject: Undelivered Mail Returned to Sender
Date: Thu, 15 Jan 2026 08:00:00 +0000 (UTC)
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

This is the mail system at host mta.example.

<{to}>: host mx.example.com[192.0.2.1] said: 550 5.1.1 <{to}>: Recipient address rejected: User unknown (in reply to RCPT TO command)

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mta.example

Final-Recipient: rfc822; {to}
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 5.1.1 <{to}>: Recipient address rejected: User unknown

--b
Content-Type: message/rfc822

From: Shop <news@shop.example>
To: {to}
Subject: Offer
Message-ID: <m1@shop.example>

Hello
--b--
"""


def test_a_notice():
    events, file = read(NOTICE.format(to="lena@example.com"), "a.eml")
    assert (file.form, file.rows, file.events, file.bad) == ("mail", 1, 1, 0)
    (event,) = events
    assert (event.happened, event.recipient, event.at, event.message, event.sender, event.source) == (
        Happened.BOUNCED,
        "lena@example.com",
        NOW,
        "m1@shop.example",
        "shop.example",
        "a.eml",
    )
    assert event.said
    assert (event.said.cause, event.said.text) == ("user-unknown", "550 5.1.1 <someone@example.com>: Recipient address rejected: User unknown")


def test_a_mailbox():
    letter = "From: a@example.net\nTo: b@example.net\nSubject: Lunch\nDate: Thu, 15 Jan 2026 08:00:00 +0000\n\n>From here on it is fine.\n"
    mails = [NOTICE.format(to="lena@example.com"), letter, NOTICE.format(to="paul@example.com")]
    text = "".join(f"From mailer@mta.example Thu Jan 15 08:00:00 2026\n{mail}\n" for mail in mails)
    events, file = read(text)
    assert [event.recipient for event in events] == ["lena@example.com", "paul@example.com"]
    assert (file.form, file.rows, file.passed, file.bad) == ("mbox", 3, 1, 0)
    assert events[0].source == "x:1"
    assert int(events[1].source.partition(":")[2]) > 40


def test_an_ordinary_mail_is_passed_over():
    events, file = read("From: a@example.net\nTo: b@example.net\nSubject: Lunch\n\nAt noon?\n")
    assert (events, file.form, file.passed, file.bad) == ([], "mail", 1, 0)


# ------------------------------------------------------------------ kinds


def same(kinds: Kinds, text: str, recipient: str, how: How = PLAIN) -> None:
    """That a reply is read from its kind as it is read by itself."""
    said = kinds.of_text(text, how, recipient)
    bounce = bounce_of(Found(recipient or None, text, how.action, how.status))
    whole = said_of(classify(replace(bounce, notice=how.notice)), text)
    assert replace(said, text="") == replace(whole, text=""), text


def replies() -> list[str]:
    return [rule.example for rule in catalog().rules]


def varied(text: str, random_: random.Random) -> str:
    """The same reply for somebody else: other addresses, hosts' addresses and ids."""
    someone = random_.choice(["lena", "paul.m", "info", "no-reply", "user17", "a.b-c"])
    text = re.sub(r"[\w.+-]{1,60}@(?!example\.com)[\w.-]{1,60}\w", f"{someone}@kunde{random_.randrange(99)}.example", text)
    text = re.sub(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", f"198.51.100.{random_.randrange(1, 255)}", text)
    return re.sub(r"\b(?=\w*\d\w*\d)(?=\w*[a-z])\w{12,}\b", lambda _: f"{random_.getrandbits(60):015x}", text)


def test_a_kind_says_what_each_of_its_replies_says():
    kinds, random_ = Kinds(), random.Random(8)
    for text in replies():
        same(kinds, text, "")
        for _ in range(2):
            other = varied(text, random_)
            same(kinds, other, f"lena{random_.randrange(999)}@kunde{random_.randrange(99)}.example")
            same(kinds, other, "paula@gmail.com", How("5.0.0", "failed"))


@pytest.mark.shared
def test_a_kind_says_what_each_of_its_replies_says_on_real_ones():
    file = CORPUS / "replies.jsonl"
    if not file.is_file():
        pytest.skip("the measuring material is not beside the project")
    kinds, random_ = Kinds(), random.Random(9)
    for line in file.read_text(encoding="utf-8").splitlines():
        text = json.loads(line)["line"]
        same(kinds, text, "")
        for _ in range(3):
            same(kinds, varied(text, random_), "lena@kunde.example", How(None, random_.choice(["failed", "delayed"])))
    assert kinds.whole < 100


def test_kinds_are_few_and_their_text_is_nobodys():
    kinds = Kinds()
    said = set()
    for n in range(400):
        to = f"user{n}@kunde{n}.example"
        said.add(
            kinds.of_text(
                f"host mx{n}.kunde{n}.example[192.0.2.{n % 250}] said: 550 5.1.1 <{to}>: no such user, id {n:08x}a7f9-{n * 31:06d} (in reply to RCPT TO command)",
                PLAIN,
                to,
            )
        )
    assert kinds.read < 5
    assert len(said) == kinds.read
    assert not any("kunde" in one.text for one in said)


def test_which_reply_comes_first_makes_no_difference():
    texts = [(f"550 5.1.1 <user{n}@kunde.example>: User unknown, session {n:012x}", f"user{n}@kunde.example") for n in range(20)]
    first, second = Kinds(), Kinds()
    one = [first.of_text(text, PLAIN, to) for text, to in texts]
    other = [second.of_text(text, PLAIN, to) for text, to in reversed(texts)]
    assert one == other[::-1]


def test_memory_of_kinds_is_bounded():
    kinds = Kinds(kept=64)
    for n in range(500):
        kinds.of_text(f"550 5.1.1 word{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{'uvwxyzabcd'[n // 100]} unknown")
    assert len(kinds._texts) <= 64
    assert len(kinds._kinds) <= 64


# ------------------------------------------------------------------ times


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15T08:00:00Z", "2026-01-15 08:00:00", "2026-01-15 08:00:00 UTC", "2026-01-15 09:00:00 +0100", "2026/01/15 08:00:00", "1768464000", "1768464000000",
        "1768464000.0", "15-01-2026 08:00:00", "15.01.2026 08:00", "01/15/2026 08:00:00", "1/15/2026 8:00:00 AM", "Thu, 15 Jan 2026 09:00:00 +0100",
        "2026-01-15T08:00:00.000000+00:00",
    ],
)  # fmt: skip
def test_moments(text):
    assert moment(text) == NOW


@pytest.mark.parametrize("text", ["", "soon", "5.1.1", "99/99/9999", "2026-13-45", "9" * 400, "Thu, 99 Jan 2026 09:00:00"])
def test_what_is_no_moment(text):
    assert moment(text) is None


def test_a_year_that_is_not_written():
    times = LogTimes(NOW)
    assert times.of("Jan 15 07:59:59 mta x") == NOW - 1
    assert times.of("<22>Jan 15 07:59:59 mta x") == NOW - 1
    assert times.of("Dec 31 00:00:00 mta x") == 1767139200.0
    assert times.of("Feb 29 00:00:00 mta x") == 1709164800.0  # of 2024, the last that there was
    assert times.of("no time at all") is None


# ------------------------------------------------------------------ pieces for several processes


def in_parts(octets: bytes) -> tuple[list[Event], Told]:
    given = With(NOW)
    source = Source(Feed("x", lambda: io.BytesIO(octets)), given)
    assert source.divisible
    found, rows, events = Told("x"), {}, []
    for part in source.parts():
        assert isinstance(part, Part)
        events += part_events(part, found, given, rows)
    return events, found


@pytest.mark.parametrize("form", ["csv", "quoted", "lines"])
def test_parts_are_the_whole(form, monkeypatch):
    from healthcheck.bounce.many import sources
    from healthcheck.bounce.many.formats import blocks

    monkeypatch.setattr(blocks, "BLOCK", 5000)
    monkeypatch.setattr(sources, "HEAD", 4000)
    reason = '"550-5.1.1 <{to}>\n550 5.1.1 no ""such"" user"' if form == "quoted" else "550 5.1.1 <{to}> no such user"
    rows = [(f"user{n}@kunde{n % 7}.example", n) for n in range(2000)]
    if form == "lines":
        text = "\n".join(json.dumps(sendgrid("bounce", type="bounce", email=to, reason=reason.format(to=to), timestamp=NOW + n)) for to, n in rows)
    else:
        text = "email,event,reason,timestamp\n" + "".join(f"{to},bounce,{reason.format(to=to)},{1768464000 + n}\n" for to, n in rows)
    text += "\n" if form == "lines" else "bad row\n"
    whole, file = read(text)
    parts, found = in_parts(text.encode())
    assert len(whole) == 2000
    assert parts == whole
    assert (found.rows, found.events, found.bad) == (file.rows, file.events, file.bad)
    assert [one.where for one in found.troubles] == [one.where for one in file.troubles]


# ------------------------------------------------------------------ lists for services


DECISIONS = [
    Decision("lena@example.com", Action.SUPPRESS, "closed", "user-unknown", NOW, "x:2", text="550 5.1.1 no such user"),
    Decision("paul@example.com", Action.SUPPRESS, "complaint", None, NOW, "x:3"),
    Decision("left@example.com", Action.SUPPRESS, "unsubscribed", None, NOW, "x:5"),
    Decision("full@example.com", Action.COUNT, "full-count", "mailbox-full", NOW, "x:4", 2, 3, text="=cmd()"),
]


def test_lists_for_services():
    assert list(lines(DECISIONS, "ses")) == ["lena@example.com,BOUNCE\n", "paul@example.com,COMPLAINT\n"]
    assert list(lines(DECISIONS, "sendgrid")) == ["email\n", "lena@example.com\n", "paul@example.com\n", "left@example.com\n"]
    assert list(lines(DECISIONS, "postmark")) == ["EmailAddress\n", "lena@example.com\n", "paul@example.com\n", "left@example.com\n"]
    assert list(lines(DECISIONS, "mailgun")) == [
        "address,code,error,created_at\n",
        'lena@example.com,550,550 5.1.1 no such user,"Thu, 15 Jan 2026 08:00:00 +0000"\n',
    ]


def test_the_list_of_all_decisions():
    rows = list(lines(DECISIONS))
    assert rows[0] == ",".join(COLUMNS) + "\n"
    assert rows[1].startswith("lena@example.com,suppress,closed,user-unknown,0,0,2026-01-15T08:00:00Z,")
    assert rows[-1].rstrip().endswith("'=cmd()")


# ------------------------------------------------------------------ data


def test_every_fact_has_its_source():
    held = tomllib.loads((DATA / "exports.toml").read_text(encoding="utf-8"))
    for row in (*held["table"], *held["import"].values()):
        assert row["source"].startswith("https://")
        assert re.fullmatch(r"20\d\d-\d\d", row["seen"])
    assert services() == ("ses", "sendgrid", "postmark", "mailgun")
    for row in held["table"]:
        assert row["esp"] in catalog().services
        assert {plain(name) for name in row["needs"]} == set(row["needs"])
        assert set(row["columns"]) <= set(held["columns"])
    assert happened_words()["hardbounce"] is Happened.BOUNCED
