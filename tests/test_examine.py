"""examine(): what was pasted is recognised, its way and its claims are read, and what the DNS says of it is joined. Our own messages, zone files."""

import dataclasses
import gzip
import json
import logging
import random
import time
from pathlib import Path

import pytest
from support import world_of
from support.faults import Faults

import healthcheck
from healthcheck import examine
from healthcheck.catalog import catalog
from healthcheck.errors import DomainError, InputError, TooLargeError
from healthcheck.message import data
from healthcheck.message.content import addresses, spell
from healthcheck.message.parse import read_message
from healthcheck.model import MAX_INPUT, Outcome, Side, Status
from healthcheck.render import words
from tests import test_explain_message as shown
from tests.support.signing import MESSAGE, Zones, rsa_keys, sign, swap

MESSAGES = Path(__file__).parent / "messages"
RSA = rsa_keys(2048)
ZONES = {
    "example.com": '@ IN A 192.0.2.1\n@ IN TXT "v=spf1 ip4:192.0.2.0/24 -all"\nmail IN TXT "v=spf1 ip4:192.0.2.0/24 -all"\n_dmarc IN TXT "v=DMARC1; p=reject"',
    "example.org": '_dmarc IN TXT "v=DMARC1; p=none"',
    "example.net": "@ IN A 192.0.2.2",
}


def text_of(name):
    return (MESSAGES / name).read_text(encoding="utf-8")


@pytest.fixture
def world(tmp_path):
    """The World of ZONES, with more records laid in: world("s1._domainkey TXT …")."""

    def make(more="", **zones):
        made = {**ZONES, "example.com": ZONES["example.com"] + "\n" + more, **zones}
        return world_of(tmp_path / str(len(list(tmp_path.iterdir()))), made, patch='_dmarc.com. 300 IN TXT "none"\n_dmarc.org. 300 IN TXT "none"\n')

    return make


def signed(message=MESSAGE, **options):
    """(message with a signature, the key's record)."""
    zones = Zones().key(RSA)
    return sign(message, RSA, **options), zones.records["example.com"][0]


def codes(seen):
    return {finding.code for finding in seen.findings}


# ------------------------------------------------------------------ each sample

# file: (kind, recognised, sides from the oldest, the address that connected, From domain, envelope domain)
SAMPLES = {
    "gmail.eml": ("message", (), "s r r", "192.0.2.7", "example.com", "mail.example.com"),
    "microsoft365.eml": ("headers", (), "s r r r r", "192.0.2.7", "example.com", "example.com"),
    "forwarded.eml": ("message", (), "s b r", "203.0.113.9", "example.com", "example.com"),
    "forged-results.eml": ("headers", (), "s r", "203.0.113.66", "bad.example", "bad.example"),
    "newsletter.eml": ("message", (), "s r", "192.0.2.7", "example.com", None),
    "dsn-postfix.eml": ("dsn", ("dsn-original",), "s", None, "example.com", "example.com"),
    "dsn-exim.eml": ("dsn", ("dsn-headers",), "s", "198.51.100.3", "example.com", "example.com"),
    "headers-only-of-a-bounce.eml": ("dsn", ("dsn-headers",), "r", "192.0.2.7", "example.com", None),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample(name):
    kind, recognised, sides, ip, from_domain, envelope = SAMPLES[name]
    seen = examine(text_of(name), offline=True, source=name)
    assert (seen.source, seen.kind, seen.recognised) == (name, kind, recognised)
    assert " ".join(hop.side.value[0] for hop in seen.hops) == sides
    assert (seen.sender.from_domain, seen.sender.mail_from) == (from_domain, envelope)
    if name != "dsn-exim.eml":
        assert seen.sender.ips == ((ip,) if ip else ())
    assert seen.spf is None
    assert seen.dmarc is None
    assert seen.transcript == ()


@pytest.mark.parametrize("name", SAMPLES)
def test_every_finding_has_its_words_and_its_lines(name):
    for finding in examine(text_of(name), offline=True).findings:
        assert "…" not in words.fill(
            catalog().checks[finding.code].message, {k: v for k, v in words.slots(finding).items() if not (isinstance(v, str) and "…" in v)}
        )
        assert "{" not in words.message(finding)
        assert finding.evidence or finding.code in ("MSG007", "MSG009")
        assert all(a.rtype == "header" for a in finding.evidence)


def test_of_a_bounce_the_server_that_said_no_is_told():
    seen = examine(text_of("dsn-postfix.eml"), offline=True)
    (bounce,) = seen.bounces
    assert (bounce.remote_mta, bounce.stage, bounce.reply.code, bounce.recipient) == ("mx.example.net", "rcpt", 550, "lena@example.net")
    assert seen.entry is None, "the receiver wrote none of these lines"
    assert seen.whole_body


def test_gmails_order_of_fields_and_microsofts_form():
    gmail = examine(text_of("gmail.eml"), offline=True)
    assert [c.trusted for c in gmail.claimed if c.field_name == "Authentication-Results"] == [True] * 3
    microsoft = examine(text_of("microsoft365.eml"), offline=True)
    assert {(c.method, c.result, c.trusted) for c in microsoft.claimed} >= {("spf", "fail", True), ("dmarc", "fail", True), ("compauth", "fail", True)}
    assert microsoft.hops[0].submission


def test_results_that_came_with_the_message_are_marked():
    seen = examine(text_of("forged-results.eml"), offline=True)
    assert {c.trusted for c in seen.claimed} == {False}
    assert "MSG008" in codes(seen)
    assert seen.hops[-1].from_name == "mx.example.net", "the client greeted with the receiver's own name"
    assert [(c.who, c.trusted) for c in examine(text_of("forwarded.eml"), offline=True).claimed][-1] == ("fwd.example.org", False)


# ------------------------------------------------------------------ how it was copied

TABLE = "Original Message\n\nMessage ID\t<1@example.com>\nCreated at:\tSun, Nov 22, 2026 at 12:00 PM (Delivered after 5 seconds)\nFrom:\tAnn Example <ann@example.com>\nTo:\tlena.example@gmail.com\nSubject:\tOur meeting\nSPF:\tPASS with IP 192.0.2.7 Learn more\nDKIM:\t'PASS' with domain example.com Learn more\nDMARC:\t'PASS' Learn more\n\n\nDownload Original\nCopy to clipboard\n\n"
COPIED = {
    "as it is": (lambda t: t, ()),
    "crlf": (lambda t: t.replace("\n", "\r\n"), ()),
    "cr": (lambda t: t.replace("\n", "\r"), ()),
    "blank lines above": (lambda t: "\n\n \n" + t, ()),
    "mbox": (lambda t: "From ann@example.com Sun Nov 22 12:00:00 2026\n" + t, ()),
    "quoted": (lambda t: "".join(f"> {line}\n" for line in t.split("\n")), ("quoted",)),
    "quoted without a blank": (lambda t: "".join(f">{line}\n" for line in t.split("\n")), ("quoted",)),
    "quoted twice": (lambda t: "".join(f"> > {line}\n" for line in t.split("\n")), ("quoted",)),
    "indented": (lambda t: "".join(f"    {line}\n" if line else "\n" for line in t.split("\n")), ("indented",)),
    "fenced": (lambda t: f"Here it is:\n```\n{t}\n```\nthanks", ("fenced",)),
    "unfolded": (lambda t: t.replace("\n ", "\n").replace("\n\t", "\n").replace("\n       ", "\n"), ("unfolded",)),
    "with words above": (lambda t: "Hello,\nwhy is this?\n\n" + t, ("above",)),
    "with Gmail's table": (lambda t: TABLE + t, ("gmail-original",)),
    "utf-16": (lambda t: t.encode("utf-16"), ()),
    "with a mark of order": (lambda t: b"\xef\xbb\xbf" + t.encode(), ()),
    "with nul": (lambda t: t.replace("Tuesday", "Tues\0day"), ()),
}


@pytest.mark.parametrize("how", COPIED)
def test_however_it_was_copied_the_same_is_read(how):
    change, told = COPIED[how]
    want, got = examine(text_of("gmail.eml"), offline=True), examine(change(text_of("gmail.eml")), offline=True)
    assert set(told) <= set(got.recognised) <= {*told, "above"}
    assert [dataclasses.replace(h, text="") for h in got.hops] == [dataclasses.replace(h, text="") for h in want.hops]
    assert got.sender == want.sender
    mine = [c for c in got.claimed if c.order >= 0]
    assert [(c.method, c.result, c.who, c.trusted, dict(c.properties)) for c in mine] == [
        (c.method, c.result, c.who, c.trusted, dict(c.properties)) for c in want.claimed
    ]


def test_gmails_table_is_read_too():
    said = [c for c in examine(TABLE + text_of("gmail.eml"), offline=True).claimed if c.field_name == "show-original"]
    assert [(c.method, c.result, dict(c.properties)) for c in said] == [
        ("spf", "pass", {"client-ip": "192.0.2.7"}),
        ("dkim", "pass", {"header.d": "example.com"}),
        ("dmarc", "pass", {}),
    ]


def test_blank_lines_between_the_fields_are_undone():
    text = "\n\n".join(line for line in text_of("microsoft365.eml").replace("\n ", " ").replace("\n\t", " ").strip().split("\n"))
    seen = examine(text, offline=True)
    assert "spaced" in seen.recognised
    assert len(seen.hops) == 5
    assert seen.sender.from_domain == "example.com"


def test_a_signature_keeps_its_octets_where_nothing_was_undone(world):
    message, key = signed()
    with_table = TABLE.encode() + message.replace(b"\r\n", b"\n")
    for text in (message, message.decode(), message.replace(b"\r\n", b"\n"), with_table):
        seen = examine(text, world=world(key))
        assert [(s.result, s.aligned) for s in seen.dkim] == [("pass", "strict")]
        assert seen.whole_body


def test_what_was_undone_makes_no_signature_fail(world):
    message, key = signed(canonical="simple/simple")
    quoted = "".join(f"> {line}\n" for line in message.decode().replace("here is", "here  is").split("\r\n"))
    seen = examine(quoted, world=world(key))
    assert [(s.result, s.reason) for s in seen.dkim] == [("unknown", "not-verified")]
    assert "MSG009" in codes(seen)


@pytest.mark.parametrize(
    "text", ["", " \n\n", "hello", "550 5.1.1 no such user", "From: me", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), '{"a": 1}', "Subject only"]
)
def test_what_is_no_message_is_called_so(text):
    seen = examine(text, offline=True)
    assert (seen.kind in ("unrecognised", "dsn"), seen.hops, seen.dkim) == (True, (), ())


def test_every_way_of_copying_has_its_words():
    import re

    used = set()
    for path in Path(healthcheck.__file__).parent.joinpath("message").glob("*.py"):
        used |= set(
            re.findall(
                r'"(gmail-original|fenced|indented|quoted|spaced|above|unfolded|too-many-fields|dsn-original|dsn-headers|no-original)"',
                path.read_text(encoding="utf-8"),
            )
        )
    assert used == set(data()["recognised"])


# ------------------------------------------------------------------ with the DNS


def test_a_good_message(world):
    message, key = signed()
    seen = examine(message, world=world(key), mail_from="example.com")
    assert (seen.spf.result, seen.spf.ip, seen.spf.aligned, seen.spf.mechanism) == ("pass", "192.0.2.7", "strict", "ip4:192.0.2.0/24")
    assert (seen.dmarc.result, seen.dmarc.policy, seen.dmarc.by) == ("pass", "reject", ("dkim:example.com", "spf:example.com"))
    assert seen.arc.result == "none"
    assert seen.address.whose == "sender"
    assert seen.sender.own_ips
    assert seen.sender.selectors == ("s1",)
    assert {a.name for a in seen.transcript} >= {"example.com", "_dmarc.example.com", "s1._domainkey.example.com"}
    assert "MSG000" not in codes(seen)


def test_an_altered_body_is_told_and_dmarc_rests_on_spf(world):
    message, key = signed()
    seen = examine(swap(message, b"Dear Bob", b"Dear Rob"), world=world(key))
    assert [(s.result, s.reason) for s in seen.dkim] == [("fail", "body-altered")]
    assert seen.dmarc.result in ("fail", "unknown"), "no envelope sender is known"
    assert examine(swap(message, b"Dear Bob", b"Dear Rob"), world=world(key), mail_from="example.com").dmarc.by == ("spf:example.com",)


def test_an_address_that_spf_does_not_cover(world):
    seen = examine(text_of("forwarded.eml"), world=world())
    assert (seen.spf.ip, seen.spf.result) == ("203.0.113.9", "fail")
    assert (seen.dmarc.result, seen.dmarc.disposition) == ("fail", "reject")
    assert seen.address.whose == "forwarder"
    assert not seen.sender.own_ips, "a forwarder's address is never proposed for SPF"


def test_what_the_form_says_goes_first(world):
    seen = examine(text_of("forwarded.eml"), world=world(), ips=("192.0.2.9",), mail_from="mail.example.com", from_domain="example.com")
    assert (seen.spf.ip, seen.spf.mail_from, seen.spf.result, seen.spf.aligned) == ("192.0.2.9", "mail.example.com", "pass", "relaxed")
    assert (seen.sender.source, seen.sender.own_ips, seen.sender.ips) == ("form", True, ("192.0.2.9",))


def test_a_claim_that_differs_gets_its_reason(world):
    text = text_of("gmail.eml").replace("192.0.2.7", "203.0.113.40")
    seen = examine(text, world=world())
    spf = next(d for d in seen.differences if d.claim.method == "spf")
    assert (spf.claim.result, spf.ours, spf.reason) == ("pass", "fail", "record-changed")


def test_what_could_not_be_looked_up_is_unknown_and_never_absent(world):
    message, key = signed()
    lame = Faults(world(key), servfail=["s1._domainkey.example.com", "_dmarc.example.com", "example.com"])
    seen = examine(message, world=lame, mail_from="example.com")
    assert [(s.result, s.reason) for s in seen.dkim] == [("temperror", "could-not-look-up")]
    assert (seen.spf.result, seen.dmarc.result) == ("temperror", "temperror")
    assert seen.dmarc.policy is None
    (unknown,) = [f for f in seen.findings if f.code == "MSG000"]
    assert unknown.status is Status.UNKNOWN
    assert {a.outcome for a in unknown.evidence} == {Outcome.SERVFAIL}


def test_a_name_outside_the_zone_files_is_a_note(tmp_path):
    seen = examine(text_of("gmail.eml"), world=world_of(tmp_path, {"example.org": ""}))
    assert codes(seen) >= {"MSG999"}
    assert "MSG000" not in codes(seen)
    assert seen.dmarc.result == "temperror"


def test_the_same_world_gives_the_same_answer(world):
    message, key = signed()
    one, other = (examine(message, world=world(key), mail_from="example.com") for _ in range(2))
    strip = [dataclasses.replace(x, transcript=(), spf=dataclasses.replace(x.spf, evidence=()), dkim=(), dmarc=None, findings=()) for x in (one, other)]
    assert strip[0] == strip[1]


# ------------------------------------------------------------------ content, code by code

HEAD = "Received: from out.example.com (out.example.com [192.0.2.7]) by mx.example.net (Postfix) with ESMTPS id r1; Sun, 22 Nov 2026 12:00:05 +0000\n"
BASE = {"From": "Ann <ann@example.com>", "To": "lena@example.net", "Subject": "x", "Date": "Sun, 22 Nov 2026 12:00:00 +0000", "Message-ID": "<1@example.com>"}
BULK = {**BASE, "List-Id": "<news.example.com>", "Feedback-ID": "a:b:c:sender1", "List-Unsubscribe": "<https://example.com/u?1>, <mailto:u@example.com>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}  # fmt: skip
LONG = "<html>" + "word " * 25_000 + "</html>"


def mail(fields, body="Hello\n", head=HEAD, more=""):
    return head + "".join(f"{name}: {value}\n" for name, value in fields.items() if value is not None) + more + "\n" + body


GOOD = {"MSG001", "MSG015", "MSG020", "MSG030"}
# (message, codes that must be there, codes that must not)
CASES = {
    "good": (mail(BASE), GOOD, {code for code in catalog().checks if code.startswith("MSG")} - GOOD),
    "no received": (mail(BASE, head=""), {"MSG002"}, {"MSG001", "MSG006"}),
    "slow": (mail(BASE, head=HEAD.replace("12:00:05", "14:00:05") + "Received: by out.example.com (Postfix, from userid 1) id 9; Sun, 22 Nov 2026 12:00:05 +0000\n"), {"MSG003"}, {"MSG004"}),
    "clocks": (mail(BASE, head=HEAD + "Received: by out.example.com (Postfix, from userid 1) id 9; Sun, 22 Nov 2026 12:10:05 +0000\n"), {"MSG004"}, {"MSG003"}),
    "loop": (mail(BASE, head=HEAD * 2), {"MSG005"}, {"MSG007"}),
    "unencrypted": (mail(BASE, head=HEAD.replace("ESMTPS", "ESMTP")), {"MSG006"}, set()),
    "encrypted": (mail(BASE), set(), {"MSG006", "MSG005", "MSG003", "MSG004"}),
    "many hops": (mail(BASE, head="".join(HEAD.replace("r1", f"id{n}") for n in range(120))), {"MSG007"}, set()),
    "forged results": (mail(BASE, more="Authentication-Results: mx.example.net; spf=pass\n"), {"MSG008"}, set()),
    "only headers": (mail({**BASE, "DKIM-Signature": "v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=AAAA; b=BBBB"}, body=""), {"MSG009"}, set()),
    "no from": (mail({**BASE, "From": None}), {"MSG010"}, {"MSG015"}),
    "two from": (mail(BASE, more="From: other@example.org\n"), {"MSG011"}, {"MSG010", "MSG015"}),
    "unreadable from": (mail({**BASE, "From": "nobody"}), {"MSG012"}, {"MSG015", "MSG010"}),
    "two authors": (mail({**BASE, "From": "a@example.com, b@example.com"}), {"MSG013"}, {"MSG015", "MSG011"}),
    "another shown": (mail({**BASE, "From": '"boss@example.org" <x@example.com>'}), {"MSG014"}, {"MSG015", "MSG013"}),
    "own address shown": (mail({**BASE, "From": '"ann@mail.example.com" <ann@example.com>'}), {"MSG015"}, {"MSG014"}),
    "unreadable reply-to": (mail({**BASE, "Reply-To": "me"}), {"MSG016"}, {"MSG017"}),
    "reply-to elsewhere": (mail({**BASE, "Reply-To": "x@example.org"}), {"MSG017"}, {"MSG016"}),
    "reply-to at home": (mail({**BASE, "Reply-To": "x@shop.example.com"}), {"MSG015"}, {"MSG016", "MSG017"}),
    "no message-id": (mail({**BASE, "Message-ID": None}), {"MSG021"}, {"MSG020", "MSG022"}),
    "malformed message-id": (mail({**BASE, "Message-ID": "1@example.com"}), {"MSG022"}, {"MSG020", "MSG021"}),
    "no date": (mail({**BASE, "Date": None}), {"MSG023"}, {"MSG020", "MSG024"}),
    "unreadable date": (mail({**BASE, "Date": "yesterday"}), {"MSG024"}, {"MSG020", "MSG023"}),
    "date ahead": (mail({**BASE, "Date": "Mon, 23 Nov 2026 12:00:00 +0000"}), {"MSG025"}, {"MSG020", "MSG024"}),
    "date long past": (mail({**BASE, "Date": "Thu, 22 Oct 2026 12:00:00 +0000"}), {"MSG025"}, {"MSG020"}),
    "date a day before": (mail({**BASE, "Date": "Sat, 21 Nov 2026 12:00:00 +0000"}), {"MSG020"}, {"MSG025"}),
    "two subjects": (mail(BASE, more="Subject: y\n"), {"MSG026"}, {"MSG011"}),
    "long line": (mail({**BASE, "X-Long": "x" * 1200}), {"MSG027"}, {"MSG026"}),
    "short line": (mail({**BASE, "X-Long": "x" * 900}), set(), {"MSG027"}),
    "bulk without unsubscribe": (mail({**BULK, "List-Unsubscribe": None, "List-Unsubscribe-Post": None}), {"MSG030"}, {"MSG031", "MSG032"}),
    "malformed unsubscribe": (mail({**BULK, "List-Unsubscribe": "https://example.com/u"}), {"MSG031"}, {"MSG030", "MSG034"}),
    "not one click": (mail({**BULK, "List-Unsubscribe-Post": None}), {"MSG032"}, {"MSG030", "MSG033"}),
    "malformed one click": (mail({**BULK, "List-Unsubscribe-Post": "yes"}), {"MSG033"}, {"MSG032", "MSG034"}),
    "without https": (mail({**BULK, "List-Unsubscribe": "<mailto:u@example.com>"}), {"MSG034"}, {"MSG033", "MSG035"}),
    "not signed": (mail(BULK), {"MSG035"}, {"MSG034", "MSG036", "MSG037", "MSG040", "MSG041"}),
    "not verified": (
        mail({**BULK, "DKIM-Signature": "v=1; a=rsa-sha256; d=example.com; s=s1; h=from:list-unsubscribe:list-unsubscribe-post; bh=AAAA; b=BBBB"}, body=""), {"MSG037"}, {"MSG035", "MSG036"},
    ),
    "no feedback-id": (mail({**BULK, "Feedback-ID": None}), {"MSG040"}, {"MSG041"}),
    "malformed feedback-id": (mail({**BULK, "Feedback-ID": "a:b:c:"}), {"MSG041"}, {"MSG040"}),
    "long html": (mail({**BASE, "MIME-Version": "1.0", "Content-Type": "text/html"}, body=LONG), {"MSG042"}, set()),
    "short html": (mail({**BASE, "MIME-Version": "1.0", "Content-Type": "text/html"}, body="<p>hi</p>\n"), set(), {"MSG042"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_message_and_its_findings(name):
    text, must, must_not = CASES[name]
    found = codes(examine(text, offline=True))
    assert must <= found
    assert not must_not & found


def test_one_click_counts_only_under_a_valid_signature(world):
    message = mail(BULK).replace("\n", "\r\n").encode()
    names = [b"from", b"list-unsubscribe", b"list-unsubscribe-post"]
    both, key = signed(message, headers=[n.decode() for n in names])
    one, _ = signed(message, headers=["from", "list-unsubscribe"])
    assert "MSG036" in codes(examine(both, world=world(key)))
    assert "MSG035" in codes(examine(one, world=world(key)))
    altered = examine(swap(both, b"Hello", b"Hallo"), world=world(key))
    assert "MSG035" in codes(altered)
    assert "MSG036" not in codes(altered)
    assert "MSG037" in codes(examine(both, offline=True)), "without the DNS nobody knows"


def test_of_headers_that_a_bounce_returned_nothing_is_called_missing():
    text = text_of("headers-only-of-a-bounce.eml").replace("Message-ID: <10@example.com>\n", "")
    assert not codes(examine(text, offline=True)) & {"MSG010", "MSG021", "MSG023", "MSG030", "MSG040"}


# every code of the topic: a message where it must appear, and one where it must not (tests/test_worlds_complete.py)
TABLES = [
    *((must, must_not) for _, must, must_not in CASES.values()),
    ({"MSG036"}, {"MSG000", "MSG999", "MSG001", "MSG003", "MSG036", "MSG030"}),
    ({"MSG000", "MSG999"}, set()),
    *shown.TABLES,
]


def test_every_code_of_the_topic_is_in_the_tables():
    mine = {code for code in catalog().checks if code.startswith("MSG")}
    assert mine == {code for must, _ in TABLES for code in must}


# ------------------------------------------------------------------ limits, oddities, privacy


def test_inputs_that_cannot_be_used():
    with pytest.raises(TooLargeError, match=r"big\.eml"):
        examine(b"x" * (MAX_INPUT + 1), source="big.eml", offline=True)
    with pytest.raises(DomainError):
        examine("From: a@example.com\nTo: b@example.com", from_domain="192.0.2.1")
    with pytest.raises(InputError):
        examine("From: a@example.com\nTo: b@example.com", ips=("nonsense",))


HOPS = "".join(
    f"Received: from h{n}.example.com (h{n}.example.com [192.0.2.{n}]) by h{n + 1}.example.com (Postfix) with ESMTPS id i{n}; Sun, 22 Nov 2026 12:{n // 60:02}:{n % 60:02} +0000\n"
    for n in range(60, 0, -1)
)
BIG = {
    "60 hops": mail(BASE, head=HOPS),
    "60 hops without dates": mail(BASE, head="\n".join(line.partition(";")[0] for line in HOPS.split("\n"))),
    "60 hops with forged dates": mail(BASE, head="\n".join(line.partition(";")[0] + "; Thu, 99 Foo 99999 99:99:99 +9999 (\u00e9)" for line in HOPS.strip().split("\n")) + "\n"),
    "60 hops folded at each blank": mail(BASE, head="\n".join(line.replace(" ", "\n\t") for line in HOPS.strip().split("\n")) + "\n"),
    "1 MiB of body": mail(BASE, body="line of text\n" * 79_000),
    "1 MiB of received": (HEAD * 8000)[: MAX_INPUT - 3000] + "\n" + mail(BASE),
    "1 MiB of one field": HEAD + "X-A: " + "a " * 500_000 + "\n" + mail(BASE, head=""),
    "1 MiB of folds": HEAD + "X-A: 1\n" + " a\n" * 330_000 + mail(BASE, head=""),
    "1 MiB of fields": HEAD + "A: b\n" * 200_000 + mail(BASE, head=""),
    "1 MiB of results": HEAD + "Authentication-Results: a; " + "spf=pass;" * 110_000 + "\n" + mail(BASE, head=""),
    "1 MiB of signatures": HEAD + "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=AA==; b=AA==\n" * 12_000 + mail(BASE, head=""),
    "1 MiB of addresses": mail({**BASE, "From": ", ".join(["a@example.com"] * 65_000)}),
    "1 MiB of parts": mail({**BASE, "MIME-Version": "1.0", "Content-Type": 'multipart/mixed; boundary="b"'}, body="--b\n\nx\n" * 120_000),
    "1 MiB of brackets": mail(BASE, body="(" * 1_000_000),
    "1 MiB of quotes": "> " * 500_000,
    "1 MiB of blank lines": HEAD + "\n" * 1_000_000,
    "8 bit": mail({**BASE, "From": "J\u00fcrgen <j@example.com>", "Subject": "\u20ac\u00e9\u4e2d" * 50}).encode(),
    "latin-1": mail({**BASE, "From": "J\u00fcrgen <j@example.com>"}).encode("latin-1"),
    "surrogates": mail({**BASE, "Subject": "\udcff\ud800"}),
    "controls": mail({**BASE, "Subject": "\x01\x7f\x0b\x0c"}),
    "compressed": gzip.compress(mail(BASE).encode()),
}  # fmt: skip


@pytest.mark.parametrize("name", BIG)
def test_an_answer_within_a_second(name):
    text = BIG[name]
    examine(text_of("gmail.eml"), offline=True)  # what is loaded once a process
    began = time.process_time()  # the machine may have other things to do
    seen = examine(text, offline=True)
    assert time.process_time() - began < 1.0
    assert len(seen.hops) <= 100
    if name.startswith("60"):
        assert len(seen.hops) == 60
        assert (seen.hops[0].at is None) == ("dates" in name)


def test_a_thousand_mutations_raise_nothing():
    chance = random.Random(20261122)
    texts = [path.read_bytes() for path in sorted(MESSAGES.glob("*.eml"))]
    slowest = 0.0
    for n in range(1000):
        text = bytearray(chance.choice(texts))
        for _ in range(chance.randrange(1, 40)):
            at = chance.randrange(len(text))
            match chance.randrange(5):
                case 0:
                    text[at] = chance.randrange(256)
                case 1:
                    del text[at : at + chance.randrange(1, 80)]
                case 2:
                    text[at:at] = bytes(chance.choices(b'\n\r\t ;:()<>"=@.,[]\\\xe9\0', k=chance.randrange(1, 6)))
                case 3:
                    text[at:at] = text[at : at + chance.randrange(1, 300)]
                case 4:
                    text[at:at] = b"\n"
            if not text:
                text += b"x"
        began = time.process_time()
        seen = examine(bytes(text), offline=True)
        slowest = max(slowest, time.process_time() - began)
        assert seen.kind in ("message", "headers", "dsn", "unrecognised"), n
        assert all(hop.side is not Side.UNKNOWN for hop in seen.hops)
        for finding in seen.findings:
            words.message(finding)
    assert slowest < 1.0


def test_nothing_pasted_is_logged(caplog, capsys, world):
    message, key = signed()
    with caplog.at_level(logging.DEBUG):
        examine(message, world=world(key))
        examine(text_of("dsn-postfix.eml"), offline=True)
    assert "Bob" not in caplog.text
    assert "lena" not in caplog.text
    assert capsys.readouterr() == ("", "")


def test_the_door_has_it_and_its_values_are_plain(world):
    assert {"examine", "Examination"} <= set(healthcheck.__all__)
    seen = examine(text_of("newsletter.eml"), offline=True)
    assert isinstance(seen, healthcheck.Examination)
    assert json.dumps(dataclasses.asdict(dataclasses.replace(seen, findings=())), default=dict)
    assert {"MSG003", "MSG006", "MSG022", "MSG026", "MSG034", "MSG041"} <= codes(seen)


@pytest.mark.parametrize(
    ("value", "want"),
    [
        ('"Doe, Jane" <jane@example.com> (at (the) office), lena@example.net', ["jane@example.com", "lena@example.net"]),
        ("Team: a@example.com, b@example.com;", ["a@example.com", "b@example.com"]),
        ('"x@y.example" <z@example.org>', ["z@example.org"]),
        ("undisclosed-recipients:;", []),
        ("<a@example.com", ["a@example.com"]),
        ("=?utf-8?q?J=C3=BC?= <j@example.com>", ["j@example.com"]),
        ("", []),
    ],
)
def test_addresses_of_a_field(value, want):
    assert addresses(value) == want


def test_times_as_people_say_them():
    assert [spell(s) for s in (0, 59, 60, 3600, 7265, 90000, -5)] == ["0 s", "59 s", "1 min", "1 h", "2 h 1 min", "1 d 1 h", "5 s"]


def test_the_original_is_taken_with_its_own_fields_alone():
    pasted = read_message(text_of("dsn-exim.eml"))
    assert [one.name for one in pasted.fields][:2] == ["Return-path", "Received"]
    assert pasted.first("message-id") == "<8@example.com>"
    assert "MAILER" not in pasted.raw.decode().upper()
