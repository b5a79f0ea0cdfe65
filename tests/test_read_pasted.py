"""What people paste, form by form (tests/pasted): recipient, reply code and enhanced code of each answer are taken right."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from healthcheck.bounce.classify import classify
from healthcheck.bounce.read import read
from healthcheck.model import Kind

HERE = Path(__file__).parent / "pasted"
PASTES = [pytest.param(row, id=f"{path.stem}-{row['id']}") for path in sorted(HERE.glob("*.toml")) for row in tomllib.loads(path.read_text())["paste"]]


@pytest.mark.parametrize("row", PASTES)
def test_pasted(row: dict[str, Any]):
    reading = read(row["text"])
    got = [[b.recipient or "", b.reply.code or 0, b.reply.enhanced or ""] for b in reading.bounces]
    want = [[g[0] if w[0] == "*" else w[0], *w[1:]] for w, g in zip(row["want"], got, strict=False)]  # "*": whoever it names, or nobody
    assert got == want
    assert len(got) == len(row["want"])
    assert (reading.kind is Kind.UNRECOGNISED) == (not got)


def test_ids_are_one():
    ids = [param.id for param in PASTES]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "text",
    [
        'Expected response code 250 but got code "552", with message "552 message line is too long"',
        "Error: Expected smtp code 250, got 552",
        "SERVER -> CLIENT: 354 Go ahead\nCLIENT -> SERVER: .\nSMTP ERROR: DATA END command failed:",
        'Expected response code 220 but got code "", with message ""',
        ">> RCPT TO:<lena@example.com> << 250 2.1.5 Ok >> DATA << 554 5.7.1 Message rejected as spam",
    ],
)
def test_a_failure_is_never_called_delivered(text):
    assert [classify(b).cause for b in read(text).bounces] not in ([], ["delivered"])


@pytest.mark.parametrize(
    ("text", "recipient"),
    [
        ("553 5.7.1 <paula@shop.example>: Sender address rejected: not owned by user lena", None),
        ("550 5.7.1 rejected; write to help@example.net", None),
        ("550 5.1.1 User unknown. Please contact postmaster@example.com", None),
        ("451 4.1.8 Domain of sender address paula@shop.example does not resolve", None),
        ("The following From address failed: paula@shop.example : MAIL FROM command failed,Sender address rejected,550,5.1.8", None),
        ("550 5.1.1 <lena@example.com>: Recipient address rejected: User unknown", "lena@example.com"),
        ("Mail to lena@example.com was refused with 550 5.1.1 User unknown, so I wrote to help@example.net", "lena@example.com"),
        ("rejected: from=<paula@shop.example> to=<lena@example.com> 550 5.7.1 Relay access denied", "lena@example.com"),
        ("Mail to lena@example.com comes back:\n```\n550 5.1.1 User unknown\n```\n", "lena@example.com"),
        ("lena@example.comへのメッセージ: 550 5.1.1 User unknown", "lena@example.com"),
    ],
)
def test_whom_a_reply_names(text, recipient):
    assert [b.recipient for b in read(text).bounces] == [recipient]


def test_json_that_is_no_event():
    assert read('{"a": [1, 2], "b": "nothing of a bounce"}').looked_for == "json"
    assert read('{"status": 500, "message": "Internal server error"}').kind is Kind.UNRECOGNISED  # HTTP, not SMTP
    (one,) = read('{"level": "error", "to": "lena@example.com", "err": {"msg": "550 5.1.1 User unknown"}}').bounces
    assert (one.recipient, one.reply.enhanced) == ("lena@example.com", "5.1.1")


@pytest.mark.parametrize("text", ["Please call me on 555 0100 tomorrow.", "Our office is at 550 Main Street.", "Invoice 551 is paid, thank you"])
def test_a_number_is_no_reply(text):
    assert read(text).bounces == ()


def test_an_mbox_of_many():
    mail = "From MAILER-DAEMON Mon Jan 12 09:15:02 2026\nFrom: MAILER-DAEMON@a.example\nTo: b@shop.example\nSubject: failure notice\n\n<u{}@example.com>: 550 no\n\n"
    reading = read("".join(mail.format(n) for n in range(400)))
    assert [b.recipient for b in reading.bounces] == [f"u{n}@example.com" for n in range(400)]
