"""Reading what was pasted: kinds, formats, recipients, replies. The mails under bounces/ are ours."""

from pathlib import Path

import pytest

from healthcheck.bounce.read import read
from healthcheck.errors import TooLargeError
from healthcheck.model import MAX_INPUT, Kind

HERE = Path(__file__).parent / "bounces"


def sample(name: str) -> bytes:
    return (HERE / name).read_bytes()


# name, kind, [(recipient, code, enhanced, action, notice)]
MAILS = [
    ("postfix-two.eml", Kind.DSN, [("lena@example.com", 550, "5.1.1", "failed", "bounce"), ("omar@example.org", 550, "5.7.26", "failed", "bounce")]),
    ("gmail-nested.eml", Kind.DSN, [("lena@example.com", 550, "5.1.0", "failed", "bounce")]),
    ("exim.eml", Kind.BOUNCE, [("lena@example.com", 550, "5.1.1", None, "bounce"), ("omar@example.com", 554, "5.7.1", None, "bounce")]),
    ("qmail.eml", Kind.BOUNCE, [("lena@example.com", 450, "4.2.2", None, "bounce"), ("omar@nowhere.example", None, "5.1.2", None, "bounce")]),
    ("sendmail.eml", Kind.DSN, [("lena@example.com", 552, "5.7.0", "failed", "bounce")]),
    ("delayed.eml", Kind.DSN, [("lena@example.com", None, "4.4.1", "delayed", "delay")]),
    ("exchange.eml", Kind.BOUNCE, [("lena@example.com", 554, "5.7.1", None, "bounce")]),
    ("utf8-address.eml", Kind.DSN, [("jörg@example.com", 553, "5.6.7", "failed", "bounce")]),
    ("forwarded.eml", Kind.DSN, [("lena@example.com", 552, "5.2.2", "failed", "bounce")]),
    ("complaint.eml", Kind.REPORT, [("lena@example.com", None, None, None, "complaint"), ("omar@example.com", None, None, None, "complaint")]),
    ("auth-failure.eml", Kind.REPORT, [("lena@example.com", None, None, None, "auth-failure-report")]),
    ("auto-reply.eml", Kind.BOUNCE, [("lena@example.com", None, None, None, "auto-reply")]),
    ("challenge.eml", Kind.BOUNCE, [("lena@example.com", None, None, None, "challenge")]),
    ("receipt.eml", Kind.BOUNCE, [("lena@example.com", None, None, None, "receipt")]),
    ("newsletter.eml", Kind.UNRECOGNISED, []),
    ("delivery-status.txt", Kind.DSN, [("lena@example.com", 550, "5.7.1", "failed", "bounce"), ("omar@example.com", None, "2.1.5", "relayed", "receipt")]),
]


def seen(octets: bytes | str) -> tuple[Kind, list[tuple[object, ...]]]:
    reading = read(octets)
    return reading.kind, [(b.recipient, b.reply.code, b.reply.enhanced, b.action, b.notice) for b in reading.bounces]


@pytest.mark.parametrize(("name", "kind", "want"), MAILS, ids=[m[0] for m in MAILS])
def test_mail(name, kind, want):
    assert seen(sample(name)) == (kind, want)


@pytest.mark.parametrize(("name", "kind", "want"), MAILS, ids=[m[0] for m in MAILS])
@pytest.mark.parametrize("change", ["crlf", "cr", "text", "quoted", "mbox"])
def test_mail_however_it_was_pasted(name, kind, want, change):
    octets = sample(name)
    if change == "crlf":
        octets = octets.replace(b"\n", b"\r\n")
    elif change == "cr":
        octets = octets.replace(b"\n", b"\r")
    elif change == "quoted":
        octets = b"\n".join(b"> " + line for line in octets.split(b"\n"))
    elif change == "mbox" and name.endswith(".eml"):
        octets = b"From MAILER-DAEMON Mon Jan 12 09:15:02 2026\n" + octets
    assert seen(octets.decode() if change == "text" else octets) == (kind, want)


@pytest.mark.parametrize("name", [m[0] for m in MAILS if m[1] is Kind.DSN and m[0].endswith(".eml") and m[0] != "forwarded.eml"])
def test_mail_without_its_header(name):
    octets = sample(name)
    want = {m[0]: m[2] for m in MAILS}[name]
    assert seen(octets.partition(b"\n\n")[2])[1] == want


def test_what_came_back_is_no_part_of_the_notice():
    assert all("no reply" not in b.reply.text for b in read(sample("exim.eml")).bounces)


def test_longer_reply_of_the_transcript_goes_before_the_cut_one():
    reply = read(sample("sendmail.eml")).bounces[0].reply
    assert reply.text == "552 5.7.0 The attachment is of a kind that is not let in here."


def test_a_relay_repeats_codes_and_the_text_does_not():
    reply = read(sample("postfix-two.eml")).bounces[1].reply
    assert reply.text.count("5.7.26") == 1
    assert reply.text.endswith("so the policy of shop.example says reject.")


def test_outer_reply_is_kept():
    reply = read(sample("exchange.eml")).bounces[0].reply
    assert reply.wrapped_by is not None
    assert (reply.wrapped_by.code, reply.wrapped_by.enhanced) == (550, "5.7.350")


def test_sender_comes_from_the_returned_headers():
    one = read(sample("postfix-two.eml")).bounces[0]
    assert one.sender is not None
    assert (one.sender.from_domain, one.sender.mail_from, one.sender.selectors, one.sender.ips) == ("shop.example", "news.shop.example", ("news2026",), ())
    assert (one.receiver, one.reporting_mta, one.stage, one.message_id) == ("mx1.example.com", "relay.example.net", "rcpt", "77.offer@shop.example")
    assert read(sample("postfix-two.eml")).bounces[1].stage == "data"


def test_sender_never_from_a_domain_in_the_text():
    assert read("550 5.1.1 <lena@example.com>: example.com knows nobody of that name").bounces[0].sender is None


def test_source_ip_of_a_complaint():
    sender = read(sample("complaint.eml")).bounces[0].sender
    assert sender is not None
    assert sender.ips == ("203.0.113.5",)


def test_input_span_is_where_the_reply_stands():
    text = "Hello,\n\nthis came back:\n550 5.7.1 mail from 203.0.113.5 refused\n\nthanks"
    reading = read(text)
    (one,) = reading.bounces
    assert one.input_span is not None
    assert reading.text[slice(*one.input_span)] == one.reply.text == "550 5.7.1 mail from 203.0.113.5 refused"


@pytest.mark.parametrize("charset", ["iso-2022-jp", "shift_jis", "euc-jp", "gb2312", "koi8-r", "utf-8"])
@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
def test_character_sets(charset, encoding):
    import base64
    import quopri

    words = {"gb2312": "邮箱不存在", "koi8-r": "Ящик переполнен"}.get(charset, "宛先不明")
    octets = f"<lena@example.com>:\nRemote host said: 550 {words}\n".encode(charset)
    octets = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(encoding, bytes)(octets)
    mail = (
        b"From: MAILER-DAEMON@q.example.net\nTo: hello@shop.example\nSubject: failure notice\n"
        + f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n".encode()
        + octets
    )
    (one,) = read(mail).bounces
    assert (one.recipient, one.reply.code, one.reply.text) == ("lena@example.com", 550, f"550 {words}")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"  \n\t\n",
        b"\0\0\0",
        b"550 5.1.1 no\0body",
        bytes(range(256)) * 8,
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"hello world",
        b'{"a": 1}',
        b"[]",
        b"{",
        b"lorem ipsum dolor",
    ],
)
def test_not_recognised(octets):
    reading = read(octets)
    assert (reading.kind, reading.bounces) == (Kind.UNRECOGNISED, ())
    assert reading.looked_for in ("empty", "binary", "msg", "json", "mail", "text", "letter", "code", "log", "dns")


def test_too_large():
    with pytest.raises(TooLargeError, match=r"bounce\.eml"):
        read(b"x" * (MAX_INPUT + 1), "bounce.eml")
    assert read(b"x" * MAX_INPUT).kind is Kind.UNRECOGNISED


def test_surrogates_do_not_raise():
    assert read("550 5.1.1 \udcff no such user").bounces[0].reply.code == 550
