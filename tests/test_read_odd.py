"""What people really paste: from a web mail, a phone, a spreadsheet, a list of notes. Each text is ours."""

import pytest

from healthcheck.bounce.classify import classify
from healthcheck.bounce.read import read
from healthcheck.model import Kind

LENA, OMAR, INES = "lena@example.com", "omar@example.org", "ines@example.net"
UNKNOWN = "550 5.1.1 User unknown"
FULL = "452 4.2.2 Mailbox full"
RELAY = "554 5.7.1 Relay access denied"

DIAGNOSTIC = """Delivery has failed to these recipients or groups:

lena@example.com (lena@example.com)
Your message couldn't be delivered because the recipient's mailbox is full.

Diagnostic information for administrators:

Generating server: mail7.prod.example.net

lena@example.com
Remote Server returned '554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded'

Original message headers:

Received: from a.example.net (192.0.2.1) by b.example.net
From: Paula <paula@shop.example>
To: "lena@example.com" <lena@example.com>
Subject: Offer
"""

OFFICE = """Your message to lena@example.com couldn't be delivered.
lena wasn't found at example.com.
paula\tOffice 365\tlena
Action Required\t\tRecipient
Unknown To address

Original Message Details
Created Date:\t1/12/2026 9:15:00 AM
Sender Address:\tpaula@shop.example
Recipient Address:\tlena@example.com
Subject:\tOffer

Error Details
Error:\t550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient lena@example.com not found by SMTP address lookup
Message rejected by:\tmail8.prod.example.com
"""

GMAIL = """Address not found

Your message wasn't delivered to lena@example.com because the address couldn't be found, or is unable to receive mail.

LEARN MORE

The response from the remote server was:
550 5.1.1 <lena@example.com>: Recipient address rejected: User unknown in virtual mailbox table
"""

HTML = (
    '<div class="gmail_quote"><p style="margin:0"><b>Message blocked</b></p><p>Your message to <a href="mailto:lena@example.com">lena@example.com</a> '
    "has been blocked. See technical details below.</p><p>The response from the remote server was:</p>"
    "<p>554 5.7.1 Relay access denied</p></div>"
)

PHONE = """Sent from my phone

Begin forwarded message:

> From: Mail Delivery System <MAILER-DAEMON@relay.example.net>
> Subject: Undelivered Mail Returned to Sender
> Date: 12 January 2026 at 09:15:02 GMT
> To: paula@shop.example
>
> This is the mail system at host relay.example.net.
>
> <lena@example.com>: host mx1.example.com[192.0.2.10] said: 550
>    5.1.1 <lena@example.com>: Recipient address rejected: User
>    unknown (in reply to RCPT TO command)
"""

NARROW = """<lena@example.com>: host
mx1.example.com[192.0.2.10] said:
554 5.7.1 Relay access
denied (in reply to RCPT TO
command)
"""

LEVELS = """>> <lena@example.com>: host mx1.example.com[192.0.2.10] said: 550 5.1.1
>>    <lena@example.com>: Recipient address rejected: User unknown (in reply to
>>    RCPT TO command)
> what does this mean?
"""

FORWARDED = """-------- Forwarded Message --------
Subject: \tUndelivered Mail Returned to Sender
Date: \tMon, 12 Jan 2026 09:15:02 +0000 (UTC)
From: \tMail Delivery System <MAILER-DAEMON@relay.example.net>
To: \tpaula@shop.example

This is the mail system at host relay.example.net.

<lena@example.com>: host mx1.example.com[192.0.2.10] said: 550 5.1.1
    <lena@example.com>: Recipient address rejected: User unknown (in reply to
    RCPT TO command)
"""

OUTLOOK = """Your message did not reach some or all of the intended recipients.

      Subject:\tOffer
      Sent:\t1/12/2026 9:15 AM

The following recipient(s) cannot be reached:

      lena@example.com on 1/12/2026 9:15 AM
            550 5.7.1 Relay access denied
"""

SOURCE = """Hello, look at this please.

From: MAILER-DAEMON@relay.example.net
To: paula@shop.example
Subject: Undelivered Mail Returned to Sender
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

PGxlbmFAZXhhbXBsZS5jb20+OiBob3N0IG14MS5leGFtcGxlLmNvbVsxOTIuMC4yLjEwXSBzYWlk
OiA1NTAgNS4xLjEgVXNlciB1bmtub3duIChpbiByZXBseSB0byBSQ1BUIFRPIGNvbW1hbmQpCg==
"""


def notice(recipient: str, reply: str) -> str:
    return (
        "From MAILER-DAEMON Mon Jan 12 09:15:02 2026\nFrom: MAILER-DAEMON@relay.example.net\nTo: paula@shop.example\n"
        "Subject: Undelivered Mail Returned to Sender\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\n\n--B\n"
        "Content-Type: text/plain\n\nThis is the mail system at host relay.example.net.\n\n--B\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; relay.example.net\n\nFinal-Recipient: rfc822; {recipient}\nAction: failed\nStatus: {reply[4:9]}\n"
        f"Diagnostic-Code: smtp; {reply}\n\n--B--\n\n"
    )


U, F, R = "user-unknown", "mailbox-full", "relay-denied"
PASTES = {
    "a page of Gmail": (GMAIL, [(LENA, U)]),
    "diagnostic information for administrators": (DIAGNOSTIC, [(LENA, F)]),
    "the report of Office 365": (OFFICE, [(LENA, U)]),
    "HTML of a web mail": (HTML, [(LENA, R)]),
    "forwarded by a phone": (PHONE, [(LENA, U)]),
    "wrapped to a phone's width": (NARROW, [(LENA, R)]),
    "levels of quotation": (LEVELS, [(LENA, U)]),
    "forwarded in the text": (FORWARDED, [(LENA, U)]),
    "a notice of Outlook": (OUTLOOK, [(LENA, R)]),
    "the source below a greeting": (SOURCE, [(LENA, U)]),
    "a row with commas": (f'"2026-01-12 09:15","{LENA}","hard bounce","{UNKNOWN}","newsletter 4"', [(LENA, U)]),
    "a row with semicolons": (f"{LENA};Hard;{UNKNOWN};2026-01-12", [(LENA, U)]),
    "a table with a head": (f'email,type,reason\n{LENA},hard,"{UNKNOWN}"\n{OMAR},soft,"{FULL}"\n', [(LENA, U), (OMAR, F)]),
    "columns of a spreadsheet": (f"{LENA}\t{UNKNOWN}\n{OMAR}\t{FULL}\n", [(LENA, U), (OMAR, F)]),
    "replies with blank lines": (f"{UNKNOWN}\n\n{FULL}\n\n\n{RELAY}\n", [(None, U), (None, F), (None, R)]),
    "a numbered list": (f"1. {UNKNOWN}\n2. {FULL}\n3) {RELAY}\n", [(None, U), (None, F), (None, R)]),
    "a list with bullets": (f"- {UNKNOWN}\n* {FULL}\n• {RELAY}\n", [(None, U), (None, F), (None, R)]),
    "an mbox": (notice(LENA, UNKNOWN) + notice(OMAR, FULL) + notice(INES, RELAY), [(LENA, U), (OMAR, F), (INES, R)]),
    "in prose": (f"My mails to Lena come back with error {UNKNOWN}, what shall I do?", [(None, U)]),
    "in quotation marks": (f"“{UNKNOWN}”", [(None, U)]),
    "with no-break spaces": (UNKNOWN.replace(" ", "\u00a0"), [(None, U)]),
    "with tabs": (UNKNOWN.replace(" ", "\t"), [(None, U)]),
    "with characters that nobody sees": (f"\ufeff\u200b{UNKNOWN}\u200b", [(None, U)]),
    "in capitals": (UNKNOWN.upper(), [(None, U)]),
    "with a label": (f"Error: {UNKNOWN}", [(None, U)]),
}


@pytest.mark.parametrize("name", PASTES)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_paste(name, ends):
    text, want = PASTES[name]
    assert [(b.recipient, classify(b).cause) for b in read(text.replace("\n", ends)).bounces] == want


@pytest.mark.parametrize("name", [name for name, (text, _) in PASTES.items() if text.isascii()])
def test_the_same_as_a_utf16_file(name):
    text, want = PASTES[name]
    assert [(b.recipient, classify(b).cause) for b in read(text.encode("utf-16")).bounces] == want


def test_items_of_a_list_have_no_mark():
    assert [b.reply.text for b in read(f"1. {UNKNOWN}\n- {FULL}\n").bounces] == [UNKNOWN, FULL]


def test_a_reply_with_semicolons_is_no_row():
    (one,) = read("550 5.7.23 <lena@example.com>: rejected; see https://example.net/why?id=a@b.example; ip=192.0.2.1; SPF fail").bounces
    assert one.reply.text.endswith("SPF fail")


def test_the_mail_that_came_back_is_no_part_of_a_pasted_report():
    report = (
        "Reporting-MTA: dns; relay.example.net\n\nFinal-Recipient: rfc822; lena@example.com\nAction: failed\nStatus: 5.2.2 (full)\n\n"
        "Return-Path: <a@shop.example>\nReceived: from x.example.net\n\tby y.example.net; 550 5.1.1 no part of it\nFrom: Paula <paula@shop.example>\n"
        "To: lena@example.com\nMessage-ID: <m1@shop.example>\n\nFinal-Recipient: rfc822; omar@example.org\nAction: failed\nStatus: 5.1.1\n"
    )
    (one,) = read(report).bounces
    assert (one.recipient, one.status, one.reply.text, one.message_id) == (LENA, "5.2.2", "full", "m1@shop.example")
    assert one.sender is not None
    assert one.sender.from_domain == "shop.example"


def test_folded_fields_survive_a_quotation_without_blanks():
    mail = (
        "From: MAILER-DAEMON@relay.example.net\nTo: paula@shop.example\nSubject: Undelivered\nContent-Type: multipart/report;\n boundary=B\n\n--B\n"
        f"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; {LENA}\nDiagnostic-Code: smtp;\n {FULL}\n--B--\n"
    )
    for mark in (">", "> ", ">> ", "> > "):
        (one,) = read("\n".join(mark + line for line in mail.split("\n"))).bounces
        assert (one.recipient, one.reply.text) == (LENA, FULL), mark


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\n\t", "\0", "\0" * 100, "550\0 5.1.1", "hello", "[]", "{}", '{"event": 1}', '{"a":', "<html></html>", "> > >", "From ", "--", "=?utf-8?Q??="],
)
def test_nothing_to_read(text):
    reading = read(text)
    assert (reading.kind, reading.bounces) == (Kind.UNRECOGNISED, ())
    assert reading.looked_for


def test_a_truncated_report_keeps_what_it_has():
    cut = notice(LENA, UNKNOWN)
    for end in range(cut.index("Status:"), len(cut), 7):
        (one,) = read(cut[:end]).bounces
        assert one.recipient == LENA
