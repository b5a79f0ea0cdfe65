"""Any input up to the limit is answered by `explain`, within a second, and nothing is raised: seeded mutations of our own mails, and bombs.

Time is that of the process, since other tests may run beside this one.
"""

import random
import string
import time
import tomllib
from pathlib import Path

import pytest
from support.pasted import FORMS

from healthcheck.explain import explain
from healthcheck.model import MAX_INPUT, Kind

HERE = Path(__file__).parents[1] / "bounces"
MAILS = [path.read_bytes() for path in sorted(HERE.iterdir()) if path.is_file()]
MAILS += [row["text"].encode() for path in sorted(HERE.parent.glob("pasted/*.toml")) for row in tomllib.loads(path.read_text())["paste"]]
HEAD = b"From: MAILER-DAEMON@example.net\nTo: a@shop.example\nSubject: Undelivered Mail Returned to Sender\n"
PIECES = (
    b"\n\n",
    b"<",
    b">",
    b"@",
    b"\r",
    b"--",
    b"550 ",
    b"550-5.1.1 ",
    b":",
    b"=?utf-8?B?",
    b"?=",
    b"\xff\xfe",
    b"\x1b$B",
    b"\0",
    b"said: ",
    b"-> ",
    b'"',
    b"\t",
    b",",
)


def filled(unit: bytes, head: bytes = b"") -> bytes:
    room = MAX_INPUT - len(head)
    return head + (unit * (room // len(unit) + 1))[:room]


def nested(depth: int) -> bytes:
    """Multiparts inside multiparts, each with a boundary of its own."""
    out = [HEAD]
    for n in range(depth):
        out.append(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n))
    out.append(b"Content-Type: text/plain\n\n550 5.1.1 nobody\n")
    out += [b"--b%d--\n" % n for n in reversed(range(depth))]
    return b"".join(out)[:MAX_INPUT]


def listed(item: bytes, head: bytes = b"[", tail: bytes = b"{}]") -> bytes:
    """A JSON array up to the limit."""
    return head + item * ((MAX_INPUT - len(head) - len(tail)) // len(item)) + tail


NOTICE = HEAD + b"\nThis is the mail system at host mx.example.net.\n\n"
BOMBS = {
    "encoded words in a subject": filled(b"=?utf-8?B?w6k=?=\n ", HEAD + b"Subject: "),
    "encoded words that do not end": filled(b"=?utf-8?Q?", HEAD + b"From: "),
    "encoded words of a codec": filled(b"=?zlib?B?eJw=?= ", HEAD + b"From: "),
    "encoded words as address": filled(b"=?utf-8?Q?a=40b=2Ec?=, ", HEAD + b"X-Failed-Recipients: "),
    "failed recipients": filled(b"a@b.example, ", HEAD + b"X-Failed-Recipients: "),
    "brackets in an address": filled(b"<<<<", NOTICE + b"<a@b.example"),
    "quotes in an address": filled(b'"\\"', NOTICE + b'<"'),
    "source routes": filled(b"@a,", NOTICE + b"<"),
    "comments in an address": filled(b"(", b"Final-Recipient: rfc822; a"),
    "long local part": filled(b"a", b"550 5.1.1 <") + b"",
    "addresses each with a text": filled(b"<a@b.example>: 550 5.1.1 nobody\n\n", NOTICE),
    "expanded from": filled(b"<a@b.example> (expanded from\n", NOTICE),
    "hosts said": filled(b"host a[192.0.2.1] said: 550 ", b"<a@b.example>: "),
    "hosts without an end": filled(b"host a", b"550 "),
    "servers after": filled(b"SMTP error from remote mail server after ", b"550 "),
    "remote servers": filled(b"error from remote mail server", b"550 "),
    "talking to": filled(b"while talking to a.a.a.a.a.a.", b"550 "),
    "quoted replies": filled(b"550-'", b"5.1.0 - "),
    "continuation lines": filled(b"550-5.7.1 a\n550 ", b""),
    "versions": filled(b"exim 4.80.1 ", b"550 "),
    "enhanced codes": filled(b"5.1.1 "),
    "one line": filled(b"x", b"550 5.1.1 "),
    "words of a rule": filled(b"user unknown ", b"550 "),
    "words between": filled(b"sender domain not ", b"550 "),
    "digits": filled(b"1"),
    "dates": filled(b"2026-01-12 09:15:02 "),
    "postfix lines": filled(b"postfix/smtp[1]: A: to=<a@b.example>, relay=none, dsn=4.4.1, status=deferred (x)\n"),
    "exim lines": filled(b"2026-01-12 09:15:02 1abcde-000001-AA ** a@b.example R=r T=t: 550 no\n"),
    "equals signs": filled(b"to=<,relay=stat=status=", b"postfix "),
    "rows": filled(b"a@b.example,550 5.1.1 nobody,\n"),
    "open quotes in rows": filled(b'a@b.example,"550 5.1.1,\n'),
    "bars": filled(b"|"),
    "mbox": filled(b"From a@b Mon Jan 12 09:15:02 2026\nFrom: MAILER-DAEMON@a.example\nTo: b@c.example\n\n<a@b.example>: 550 no\n\n"),
    "mbox lines without an end": filled(b"From 00:00:0", b"From x\n"),
    "headers in a text": filled(b"From: a@b.example\nTo: c@d.example\nSubject: x\n\n", b"Hello\n\n"),
    "levels of quotation": filled(b">"),
    "quoted lines": filled(b"> > > > 550 5.1.1 no\n"),
    "nested multiparts": nested(8000),
    "nested messages": (HEAD + b"Content-Type: message/rfc822\n\n") * 8000,
    "boundaries that begin alike": filled(b"--ab\n", HEAD + b"Content-Type: multipart/report; boundary=a\n\n"),
    "fields": filled(b"Final-Recipient: rfc822; a@b.example\n"),
    "groups": filled(b"\nFinal-Recipient: rfc822;a@b.example\nStatus: 5.1.1\n"),
    "one field folded": filled(b"\n x", b"Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; a@b.example\nDiagnostic-Code: smtp; 550"),
    "utf-8 addresses": filled(b"\\x{e9}", b"Final-Recipient: utf-8; "),
    "xtext": filled(b"+40", b"Final-Recipient: rfc822; "),
    "feedback": filled(b"Original-Rcpt-To: a@b.example\n", HEAD + b"Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x\n"),
    "lists in json": b'{"notificationType":"Bounce","mail":{},"bounce":{"bouncedRecipients":[' + filled(b"{},")[: MAX_INPUT - 100] + b"{}]}}",
    "json lines": filled(b'{"event":"bounce","email":"a@b.example","sg_event_id":"e","reason":"550 5.1.1 no"}\n'),
    "braces": filled(b'{"a":{"b":['),
    "a form": filled(b"%7B%22", b"mandrill_events="),
    "entities": filled(b"&amp;&#x41;", b"<html><body>"),
    "attributes": filled(b'a="b" ', b"<html><body "),
    "tags that do not end": filled(b"<div ", b"<html>"),
    "comments": filled(b"<!--", b"<html>"),
    "cells": filled(b"<td>550 5.1.1</td>", b"<html><table>"),
    "base64": filled(b"QUFB" * 19 + b"\n"),
    "quoted-printable": filled(b"=3D=\n"),
    "cues": filled(b"unable to deliver to: a@b.example\nreason: 550 no\n"),
    "exchange": filled(b"a@b.example\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n"),
    "transcripts": filled(b">>> RCPT TO:<a@b.example>\n<<< 550 5.1.1 no\n", b"   ----- Transcript of session follows -----\n"),
    "bare carriage returns": filled(b"550 5.1.1 no\r"),
    "form feeds": filled(b"550 no\x0c\x0b\n"),
    "combining marks": filled("550 é́".encode()),
    "sharp s": filled("550 ß unknown ".encode()),
    "fences": filled(b"```\n"),
    "fenced replies": filled(b"```\n550 5.1.1 no\n```\n"),
    "one fence": filled(b"550 5.1.1 no\n", b"```\n"),
    "indented": filled(b"    550 5.1.1 no\n"),
    "bars before lines": filled(b"| 550 5.1.1 no\n"),
    "blanks": filled(b" ", b"550 5.1.1 no") + b"",
    "blanks before an address": filled(b" " * 4000 + b"<a@b.example>: no <c@d.example>: no"),
    "fields on one line": filled(b" Final-Recipient: rfc822;a@b.example Status: 5.1.1"),
    "addresses on one line": filled(b" <a@b.example>: 550 no <c@d.example>: 550 no"),
    "at signs": filled(b"@", b"550 5.1.1 "),
    "recipients": filled(b"to=a@b.example, rcpt to:<", b"550 5.1.1 "),
    "addresses without a domain": filled(b"a" * 64 + b"@", b"550 5.1.1 "),
    "a json string": b'"' + filled(b"\\n550 5.1.1 no")[: MAX_INPUT - 20].rstrip(b"\\") + b'"',
    "escapes": filled(b"\\n\\u003c550"),
    "replies in json": listed(b'{"email":"a@b.example","error":"550 5.1.1 no"},'),
    "parts of replies in json": listed(b'{"smtp_code":550,"message":"no"},'),
    "objects in json": listed(b"{},"),
    "one string in json": b'{"a":"' + filled(b"550 5.1.1 to=<a@b.example> ")[: MAX_INPUT - 20] + b'"}',
    "strings of a program in json": listed(b"{\"e\":\"{'a@b.example': (550, b'" + b"x" * 1400 + b'"},'),
    "smtplib": filled(b"{'a@b.example': (550, b'"),
    "smtplib without an end": filled(b",'" + b"a" * 300, b"': ("),
    "swiftmailer": filled(b'but got code "550", with message "'),
    "phpmailer": filled(b"Detail: SMTP code: 5 "),
    "outlook express": filled(b"Server Response: '550 "),
    "stalwart": filled(b"<a@b.example> (host 'x' rejected with code 550 (5.1.1) '\n"),
    "exim refusals": filled(b"2026-01-12 09:15:02 H=a [192.0.2.1] rejected RCPT <a@b.example>: relay not permitted\n"),
    "exim deferrals": filled(b"1abcde-000001-AA == a@b.example R=r T=t defer (110): Connection timed out H=a [192.0.2.1]\n"),
    "qmail deliveries": filled(b"starting delivery 1: msg 1 to remote a@b.example\ndelivery 1: failure: no_such_user/\n"),
    "amavis": filled(b"amavis[1]: (1-1) Blocked SPAM {a} <a@b.example> "),
    "wrapped log": filled(b"relay=none,\ndsn=4.4.1, status=deferred (x)\n", b"postfix to=<a@b.example>,\n"),
    "labels": filled(b"a: "),
    "labels and codes": filled(b"Fehler: 550 5.1.1 no\n"),
    "address and words": filled(b"a@b.example: host c said: 550\n"),
    "hidden addresses": filled(b"<hidden>: host c said: 550\n"),
    "ruled lines": filled(b"-----\nFrom: a@b.example\n", HEAD + b"\n"),
    "entities without tags": filled(b"&lt;a@b.example&gt;: 550 "),
    "names of codes": filled(b"code 250 "),
}


def answered(octets: bytes) -> None:
    start = time.process_time()
    diagnosis = explain(octets, offline=True)
    spent = time.process_time() - start
    assert spent < 1.0, f"{spent:.2f} s"
    assert (diagnosis.kind is Kind.UNRECOGNISED) == (not diagnosis.failures)


@pytest.fixture(scope="module", autouse=True)
def loaded():
    explain(b"550 5.1.1 user unknown", offline=True)  # the knowledge base is read once a process, and that is measured elsewhere


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name):
    answered(BOMBS[name][:MAX_INPUT])


@pytest.mark.parametrize("seed", range(12))
def test_noise(seed):
    rng = random.Random(seed)
    size = rng.choice((1, 10, 1000, 65_536, MAX_INPUT))
    kinds = (
        lambda: rng.randbytes(size),
        lambda: "".join(rng.choices(string.printable, k=size)).encode(),
        lambda: b"".join(rng.choices(PIECES, k=size // 4))[:size],
        lambda: b"\n".join(b"".join(rng.choices(PIECES, k=rng.randint(0, 30))) for _ in range(size // 40 + 1))[:size],
    )
    answered(kinds[seed % 4]())


def mutated(rng: random.Random, octets: bytes) -> bytes:
    out = bytearray(octets)
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(7):
            case 0 if out:
                out[at % len(out)] = rng.randrange(256)
            case 1:
                del out[at : at + rng.randint(1, 300)]
            case 2:
                out[at:at] = rng.choice(PIECES) * rng.choice((1, 1, 3, 200))
            case 3:
                other = rng.choice(MAILS)
                start = rng.randrange(len(other))
                out[at:at] = other[start : start + rng.randint(1, 600)]
            case 4:
                del out[at:]  # cut off
            case 5:
                lines = bytes(out).split(b"\n")
                rng.shuffle(lines)
                out = bytearray(b"\n".join(lines))
            case _:
                out = bytearray(bytes(out).swapcase())
    return bytes(out)


@pytest.mark.parametrize("seed", range(20))
def test_mutations(seed):
    rng = random.Random(20260112 + seed)
    forms = [lambda octets: octets, *FORMS.values()]
    for _ in range(60):
        octets = mutated(rng, rng.choice(MAILS))
        try:
            pasted = rng.choice(forms)(octets)
        except Exception:  # Python's own mail parser, in the making of the form
            pasted = octets
        answered(pasted if isinstance(pasted, bytes) else pasted.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("seed", range(4))
def test_grown_to_the_limit(seed):
    rng = random.Random(seed)
    octets = b""
    while len(octets) < MAX_INPUT:
        octets += mutated(rng, rng.choice(MAILS)) + b"\n"
    answered(octets[:MAX_INPUT])
