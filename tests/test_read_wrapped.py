"""Every reply in every form in which people paste: recipient, codes and cause are those of the bare reply."""

from __future__ import annotations

import html
import json
import re
import textwrap
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import pytest

from healthcheck.bounce.classify import classify
from healthcheck.bounce.read import read
from healthcheck.model import Confidence, Kind, Suppress

HERE = Path(__file__).parent / "pasted" / "wrapped"
REPLIES = tomllib.loads((HERE / "replies.toml").read_text(encoding="utf-8"))["reply"]
FORMS = tomllib.loads((HERE / "forms.toml").read_text(encoding="utf-8"))["form"]
RCPT = "lena@example.com"
PARTS = ("recipient", "code", "enhanced", "cause")
_CODES = re.compile(r"([45]\d\d)(?: ([45]\.\d\.\d{1,3}))? (.*)", re.DOTALL)


def parts(row: dict[str, Any]) -> dict[str, str]:
    """What a template may say of a reply."""
    lines = row["said"].split("|")
    found = _CODES.fullmatch(" ".join(lines))
    assert found, row["id"]
    code, enhanced, words = found.group(1), found.group(2) or "", found.group(3)
    said, lead, first = found.group(0), f"{code}-{enhanced} " if enhanced else f"{code}-", lines[0][len(f"{code} {enhanced} ") - (not enhanced) :]
    bodies = [first, *lines[1:]]
    sent = [f"{lead}{line}" for line in bodies[:-1]] + [f"{lead.replace('-', ' ', 1)}{bodies[-1]}"]
    soft = code[0] == "4"
    host = row.get("host", "mx.example.com")
    folded = textwrap.fill(
        f"<{RCPT}>: host {host}[192.0.2.25] said: {said} (in reply to RCPT TO command)", 72, subsequent_indent="    ", break_on_hyphens=False
    )
    digits = [int(n) for n in enhanced.split(".")] if enhanced else []
    return {
        "rcpt": RCPT,
        "host": host,
        "code": code,
        "dsn": enhanced or f"{code[0]}.0.0",
        "enh_sp": enhanced + " " * bool(enhanced),
        "words": words,
        "words_json": json.dumps(words)[1:-1],
        "words_py": words.replace("'", "\\'"),
        "said": said,
        "lines": "\n".join(sent),
        "lines_flat": " ".join(sent),
        "lines_4": "\n    ".join(sent),
        "lines_sendmail": "\n<<< ".join(sent),
        "json": json.dumps(said)[1:-1],
        "js": said.replace("'", "\\'"),
        "crlf": "\r\n".join(sent),
        "py": said.replace("'", "\\'"),
        "smtplib": "\\n".join(line[4:].replace("'", "\\'") for line in sent),
        "exim": "\\n".join(sent),
        "csv": said.replace('"', '""'),
        "html": html.escape(said),
        "under": said.replace(" ", "_"),
        "fold_postfix": folded,
        "additional": f" Additional SMTP info: {enhanced}" if enhanced else "",
        "kumo": json.dumps(dict(zip(("class", "subject", "detail"), digits, strict=True)) if digits else None),
        "stalwart": enhanced or "0.0.0",
        "state": "deferred" if soft else "bounced",
        "sign": "==" if soft else "**",
        "defer": " defer (-44)" if soft else "",
        "perm": "TempFail" if soft else "PermFail",
        "failure": "deferral" if soft else "failure",
        "action": "delayed" if soft else "failed",
    }


def _wrapped_at(width: int, indent: str = "") -> Callable[[str], str]:
    """As a mail program wraps long lines, at blanks."""
    return lambda text: "\n".join(
        textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) if len(line) > width else line
        for line in text.split("\n")
    )


def _cut_at(width: int) -> Callable[[str], str]:
    """As a terminal breaks long lines, wherever they are full."""
    return lambda text: "\n".join("\n".join(line[at : at + width] for at in range(0, max(len(line), 1), width)) for line in text.split("\n"))


def _prosed(text: str) -> str:
    return f"Hi, we get this error since Monday:\n\n{text}\n\nWhat should we do? Thanks, Paula\n"


CHANGES: dict[str, Callable[[str], str]] = {
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "quoted": lambda text: "\n".join(f"> {line}" for line in text.split("\n")),
    "quoted-wrapped": lambda text: "\n".join(f"> {line}" for line in _wrapped_at(68)(text).split("\n")),
    "indented": lambda text: "\n".join(f"    {line}" for line in text.split("\n")),
    "wrapped-60": _wrapped_at(60),
    "wrapped-72": _wrapped_at(72),
    "wrapped-78-indented": _wrapped_at(78, "    "),
    "cut-80": _cut_at(80),
    "entities": lambda text: html.escape(text, quote=True),
    "hard-blanks": lambda text: text.replace("  ", " \xa0").replace(": ", ":\xa0"),
    "zero-width": lambda text: "\u200b" + text.replace("@", "\u200b@").replace(". ", ".\u200b "),
    "prose": _prosed,
    "fenced": lambda text: f"Hello,\n\n```\n{text}\n```\n\nthanks!",
}
# The forms that are changed as well: one of each family, so that a run stays short.
CHANGED = (
    "bare",
    "bare-lines",
    "address-before",
    "postfix",
    "exim",
    "sendmail",
    "notice-postfix",
    "notice-exchange",
    "notice-gmail",
    "notice-dsn",
    "javamail",
    "symfony",
    "csv",
    "telnet",
)
# What a change cannot leave whole: a table's row on several lines, a session whose lines were broken.
NOT_CHANGED = {("csv", "wrapped-60"), ("csv", "wrapped-72"), ("csv", "wrapped-78-indented"), ("csv", "quoted-wrapped"), ("csv", "cut-80"), ("csv", "entities")}


Paste = tuple[str, dict[str, Any], frozenset[str], str]  # form, reply, what is lost, text


def pastes() -> list[Paste]:
    """Every form with every third reply."""
    out = []
    for n, form in enumerate(FORMS):
        template = Template(form["text"].removeprefix("\n"))
        loses = frozenset(form.get("loses", ())) | (frozenset() if "$rcpt" in form["text"] or "$fold" in form["text"] else {"recipient"})
        out += [(form["id"], row, loses, template.substitute(parts(row))) for k, row in enumerate(REPLIES) if (n + k) % 3 == 0]
    return out


def changed() -> list[Paste]:
    """The forms of CHANGED with every third reply, and each of those with every second change."""
    return [
        (f"{form}/{name}", row, loses, change(text))
        for n, (form, row, loses, text) in enumerate(p for p in pastes() if p[0] in CHANGED)
        for k, (name, change) in enumerate(CHANGES.items())
        if (form, name) not in NOT_CHANGED and (n + k) % 2 == 0
    ]


@cache
def bare(said: str) -> tuple[str | None, int | None, str | None]:
    reply = read(" ".join(said.split("|"))).bounces[0]
    return reply.recipient, reply.reply.code, reply.reply.enhanced


def missed(paste: Paste) -> set[str]:
    """What is not taken as of the bare reply: parts, "several" answers for one, "certain" and wrong, an "unsafe" advice."""
    _, row, loses, text = paste
    want = dict(zip(PARTS, (*bare(row["said"]), row["cause"]), strict=True))
    bounces = read(text).bounces
    if not bounces:
        return {part for part in PARTS if part not in loses}
    one, failure = bounces[0], classify(bounces[0])
    got = dict(zip(PARTS, (one.recipient, one.reply.code, one.reply.enhanced, failure.cause), strict=True))
    want["recipient"] = want["recipient"] if "recipient" in loses else RCPT
    if want["enhanced"] is None and (got["enhanced"] or "").endswith(".0.0"):
        got["enhanced"] = None  # a report has to have one: RFC 3464 section 2.3.4
    wrong = {part for part in PARTS if got[part] != want[part] and not (part in loses and (part == "enhanced" or got[part] is None))}
    wrong |= {"several"} if len({(b.recipient, b.reply.code) for b in bounces}) > 1 else set()
    wrong |= {"certain"} if "cause" in wrong and failure.confidence is Confidence.CERTAIN else set()
    dead = ("user-unknown", "mailbox-disabled")
    return wrong | ({"unsafe"} if failure.suppress is Suppress.NOW and row["cause"] not in dead else set())


def check(all_: list[Paste], floors: dict[str, float]) -> None:
    wrong = [(form, row["id"], found) for form, row, *rest in all_ if (found := missed((form, row, *rest)))]  # type: ignore[arg-type]
    shares = {part: 1 - sum(part in found for *_, found in wrong) / len(all_) for part in floors}
    assert not [(part, f"{share:.4f}") for part, share in shares.items() if share < floors[part]], wrong[:40]


def test_every_form():
    every = pastes()
    assert len(every) > 3000
    check(every, {"recipient": 0.99, "code": 0.995, "enhanced": 0.998, "cause": 0.99, "several": 0.998, "certain": 1.0, "unsafe": 1.0})


def test_every_change():
    every = changed()
    assert len(every) > 1500
    check(every, {"recipient": 0.995, "code": 0.995, "enhanced": 0.995, "cause": 0.995, "several": 0.998, "certain": 1.0, "unsafe": 1.0})


@pytest.mark.parametrize("row", REPLIES, ids=lambda row: row["id"])
def test_bare(row):
    """What the forms are measured by."""
    (one,) = read(" ".join(row["said"].split("|"))).bounces
    found = _CODES.fullmatch(" ".join(row["said"].split("|")))
    assert found
    assert classify(one).cause == row["cause"]
    assert str(one.reply.code) == found.group(1)
    assert found.group(2) in (None, one.reply.enhanced)


@pytest.mark.parametrize(
    ("text", "recipient", "said"),
    [
        # what people say of themselves is nothing that the receiver said
        (
            "Our mails to lena@example.com bounce: 550 Requested action not taken. We have SPF and DKIM. Why?",
            "lena@example.com",
            "550 Requested action not taken.",
        ),
        ('I get "550 5.7.1 Message refused" since Monday, but our DMARC is fine', None, "550 5.7.1 Message refused"),
        ("550 5.7.1 Our system refused this message\nWhat can we do?", None, "550 5.7.1 Our system refused this message"),
        # nor is an address that a sentence of a reply names, or a signature
        ("550 5.7.1 refused\n\nCan anybody help?\n\n-- \nPaula\npaula@shop.example", None, "550 5.7.1 refused"),
        ("550 Verification failed for <paula@shop.example>", None, None),
        ("553 5.1.8 <paula@shop.example>... Domain of sender address paula@shop.example does not exist", None, None),
        ("mfrom;id=paula@shop.example;550 5.7.23 SPF fail", None, None),
        # lines that were wrapped at blanks are of one length by chance
        (f"550 {'x' * 56}\n{'y' * 60}\nthe end of it is here", None, f"550 {'x' * 56} {'y' * 60} the end of it is here"),
        ("\x1b[31m550 5.1.1 User unknown\x1b[0m", None, "550 5.1.1 User unknown"),
        ("[31m550 5.1.1 User unknown[0m", None, "550 5.1.1 User unknown"),
        ("550 5.7.1 [mail.example.com] refused the mail", None, "550 5.7.1 [mail.example.com] refused the mail"),
        ("550\u00a05.1.1\u00a0<le\u200bna@example.com>: User unknown", "lena@example.com", "550 5.1.1 <lena@example.com>: User unknown"),
        # Exim says so of DATA only since every recipient was refused
        (
            "503-All RCPT commands were rejected with this error:\n503-550 5.1.1 User unknown\n503 Valid RCPT command must precede DATA",
            None,
            "550 5.1.1 User unknown",
        ),
        # codes apart from the words
        (
            "**NDR code**\n550 5.5.0\n\n**Description**\nRequested action not taken: mailbox unavailable",
            None,
            "550 5.5.0 Requested action not taken: mailbox unavailable",
        ),
        ("SMTPSendFailedException: 554 5.7.1 Rejected due to invalid DKIM signature\n(554)", None, None),
    ],
)
def test_what_was_said(text, recipient, said):
    (one,) = read(text).bounces
    assert one.recipient == recipient
    assert said is None or one.reply.text == said
    assert one.reply.code is not None


@pytest.mark.parametrize("text", ["Our shop sold 550 people a ticket", 'He lives at "550 Sunset Boulevard"', "example.com: 500 messages were sent", "a=1 [0m"])
def test_numbers_are_no_codes(text):
    reading = read(text)
    assert reading.kind is Kind.UNRECOGNISED or all(b.reply.code is None for b in reading.bounces)
