"""Any input up to the limit is answered, and within a second: bombs of nesting, folding, encoded words, addresses, patterns."""

import random
import time
from pathlib import Path

import pytest

from healthcheck.bounce.read import read
from healthcheck.model import MAX_INPUT

HERE = Path(__file__).parent / "bounces"
HEAD = b"From: MAILER-DAEMON@example.net\nTo: a@shop.example\nSubject: Undelivered Mail Returned to Sender\n"


def filled(unit: bytes, head: bytes = b"") -> bytes:
    room = MAX_INPUT - len(head)
    return head + (unit * (room // len(unit) + 1))[:room]


BOMBS = {
    "angle brackets": filled(b"<"),
    "at signs": filled(b"@"),
    "addresses": filled(b"a@b.c "),
    "address lines": filled(b"<a@b.c>: x\n"),
    "codes": filled(b"550 "),
    "replies": filled(b"550 5.1.1 x\n"),
    "continuations": filled(b"550-5.1.1 x\n"),
    "dots": filled(b"5.1."),
    "arrows": filled(b"said: 550 -> "),
    "braces": filled(b"{"),
    "nested json": filled(b'[{"a":'),
    "many headers": filled(b"X-A: b\n", HEAD),
    "folded header": filled(b"a\n b", HEAD + b"X: "),
    "encoded words": filled(b"=?utf-8?Q?=41?= ", HEAD + b"Subject: "),
    "many parts": filled(b"--a\n\nx\n", HEAD + b"Content-Type: multipart/mixed; boundary=a\n\n"),
    "same boundary": filled(b"--a\nContent-Type: multipart/mixed; boundary=a\n\n", HEAD + b"Content-Type: multipart/mixed; boundary=a\n\n"),
    "deep mail": HEAD + b"Content-Type: message/rfc822\n\nFrom: a@b.c\nTo: x@y.z\n" * 15000,
    "dashes": filled(b"\n--"),
    "recipients": filled(b"Final-Recipient: rfc822; a@b.c\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 x\n\n"),
    "cues": filled(b"your message to:\n", HEAD + b"\n"),
    "transcript": filled(b"RCPT TO:<a@b.c>\n550 x\n"),
    "commas": filled(b","),
    "quotes": filled(b'"', b"b,"),
    "tags": filled(b"<div>", b"<html><body>"),
    "open tags": filled(b"<a ", b"<html>"),
    "open styles": filled(b"<style>", b"<html>"),
    "quoted nothing": filled(b"> \n"),
    "escapes": filled(b"\x1b$B"),
    "high octets": filled(b"\xff"),
    "dotted capital i": filled("İ".encode()),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name):
    start = time.process_time()  # of this process, since other tests may run beside
    read(BOMBS[name][:MAX_INPUT])
    assert time.process_time() - start < 1.0


def test_mutations_never_raise():
    rng = random.Random(20260112)
    mails = [path.read_bytes() for path in sorted(HERE.iterdir())]
    for _ in range(1500):
        octets = bytearray(rng.choice(mails))
        for _ in range(rng.randint(1, 12)):
            at = rng.randrange(len(octets))
            match rng.randrange(4):
                case 0:
                    octets[at] = rng.randrange(256)
                case 1:
                    del octets[at : at + rng.randint(1, 200)]
                case 2:
                    octets[at:at] = rng.choice((b"\n\n", b"<", b">", b"@", b"\r", b"--", b"550 ", b":", b"=?", b"\xff\xfe", b"\x1b$B"))
                case _:
                    other = rng.choice(mails)
                    octets[at:at] = other[: rng.randint(1, 400)]
            if not octets:
                break
        read(bytes(octets))
        read(octets.decode("utf-8", "replace"))
