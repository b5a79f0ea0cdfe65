"""The twenty stories: what is broken, the mail that is sent, and what the receiver says to it."""

from __future__ import annotations

import re

from tests.support.signing import Keys, rsa_keys, sign
from tests.support.story import KEYS, Mail, Part, Story, signed, text, written

_GMAIL = "https://support.google.com/mail/answer/81126 d9443c01a7336-29f3de2 - gsmtp"
_MICROSOFT = "[AM0EUR02FT019.eop-EUR02.prod.protection.outlook.com]"
_YAHOO = "see https://postmaster.yahooinc.com/error-codes"


def gmail(code: int, enhanced: str, *lines: str) -> str:
    """A reply in Gmail's form: the code on each line, the page and the session at the end."""
    return "\n".join([*(f"{code}-{enhanced} {line}" for line in lines), f"{code} {enhanced} {_GMAIL}"])


DMARC = gmail(
    550, "5.7.26",
    "Unauthenticated email from {d} is not accepted due to domain's",
    "DMARC policy. Please contact the administrator of {d} domain if",
    "this was a legitimate mail. For more information, go to",
)  # fmt: skip
SPF = gmail(
    550, "5.7.26",
    "The MAIL FROM domain [{d}] has an SPF record with a hard fail",
    "policy (-all) but it fails to pass SPF checks with the ip: [{ip}].",
    "For more information, go to",
)  # fmt: skip
NEITHER = gmail(
    550, "5.7.26",
    "This mail has been blocked because the sender is unauthenticated.",
    "Gmail requires all senders to authenticate with either SPF or DKIM.",
    " Authentication results: DKIM = did not pass SPF [{d}] with ip: [{ip}] =",
    "did not pass. For more information, go to",
)  # fmt: skip
DKIM = gmail(
    550, "5.7.30",
    "This mail has been blocked because DKIM does not pass. Gmail requires",
    "all large senders to authenticate with DKIM. Authentication results:",
    "DKIM = did not pass. For more information, go to",
)  # fmt: skip


def level(spf: str, dkim: str, dmarc: str) -> str:
    """Microsoft's refusal of a domain that sends much and does not authenticate all of it."""
    return (
        "550 5.7.515 Access denied, sending domain {d} doesn't meet the required authentication level. The sender's domain in the 5322.From address "
        f"doesn't meet the authentication requirements defined for the sender. Spf= {spf} , Dkim= {dkim} , DMARC= {dmarc} {_MICROSOFT}"
    )


NO_OTHER = text("v=spf1 ip4:198.51.100.7 -all")  # covers another server than the one that sends
WEAK = rsa_keys(512)
OLD_KEYS = rsa_keys(2048, 1)
ELEVEN = " ".join(f"include:s{n}.{{d}}" for n in range(11))


def with_footer(part: Part) -> Mail:
    """A mailing list took the signed mail, put its footer beneath, and sent it on with an envelope sender of its own."""
    return _through_list(part, footer=True)


def untouched(part: Part) -> Mail:
    return _through_list(part, footer=False)


def _through_list(part: Part, *, footer: bool) -> Mail:
    club = f"list{part.domain}"
    octets = sign(written(part, to=f"readers@{club}"), KEYS, d=part.domain)
    octets += b"-- \r\nreaders mailing list\r\nhttps://" + club.encode() + b"/readers\r\n" if footer else b""
    fields = f"List-Id: <readers.{club}>\r\nList-Post: <mailto:readers@{club}>\r\nList-Unsubscribe: <mailto:readers-leave@{club}>\r\nPrecedence: list\r\n"
    return Mail(fields.encode() + octets, f"readers-bounces@{club}", f"lists.{club}", f"mail.{part.domain} 198.51.100.7")


def forwarded(part: Part) -> Mail:
    """The recipient's old provider sends it on as it came, with the sender's own envelope."""
    school = f"school{part.domain}"
    return Mail(
        f"Delivered-To: lena@{school}\r\n".encode() + written(part, to=f"lena@{school}"), part.sender, f"mx.{school}", f"mail.{part.domain} 198.51.100.7"
    )


def forged(part: Part) -> Mail:
    """Somebody else sends in the domain's name, by a server of theirs, and the notice comes back to the domain."""
    return Mail(written(part, body="Your invoice is attached.\r\n"), part.sender, f"out.bulk{part.domain}", f"vps.bulk{part.domain} 192.0.2.250")


def own_envelope(name: str):
    """The mail with an envelope sender at `name` (in which {d} is the domain), unsigned."""

    def make(part: Part) -> Mail:
        return Mail(written(part), f"bounces@{part.fill(name)}", part.host)

    return make


def strict(part: Part) -> Mail:
    return Mail(sign(written(part), KEYS, d=f"mail.{part.domain}"), f"bounces@mail.{part.domain}", part.host)


def from_offers(part: Part) -> Mail:
    return Mail(written(part, from_=f"news@offers.{part.domain}"), f"bounces@offers.{part.domain}", part.host)


def expired(part: Part) -> Mail:
    return signed(part, tags={"t": "1767225600", "x": "1767830400"})  # January 2026


def weak(part: Part) -> Mail:
    return signed(part, WEAK)


def mistyped(part: Part) -> Mail:
    return Mail(sign(written(part, to="lena@gmial.com" if part.broken else "lena@old20.receiver.example"), KEYS, d=part.domain), part.sender, part.host)


def damaged(keys: Keys) -> str:
    """A key's record with a character in it that base64 does not have."""
    return re.sub(r"(p=.{40}).", r"\1~", keys.record)


STORIES = (
    Story(1, "ip-not-in-spf", SPF, {"@ TXT": NO_OTHER}),
    Story(
        2, "include-over-ten-lookups", level("Fail", "None", "Fail"),
        {"@ TXT": text(f"v=spf1 {ELEVEN} -all"), **{f"s{n} TXT": text("v=spf1 ip4:{ip} -all" if n == 10 else f"v=spf1 ip4:198.51.100.{n} -all") for n in range(11)}},
        healthy=signed,
    ),
    Story(
        3, "list-footer", DMARC, {"@ TXT": NO_OTHER, "list{d}. TXT": text("v=spf1 ip4:{ip} -all"), "{reversed}.in-addr.arpa. PTR": "lists.list{d}.",
        "lists.list{d}. A": "{ip}", "list{d}. MX": "10 lists.list{d}."}, with_footer, untouched,
        {"@ TXT": NO_OTHER, "list{d}. TXT": text("v=spf1 ip4:{ip} -all"), "list{d}. MX": "10 lists.list{d}."},
    ),
    Story(4, "key-rotated-away", f"554 5.7.5 (AU01) Message not accepted for policy reasons. {_YAHOO}", {"s1._domainkey TXT": None, "s2._domainkey TXT": text(OLD_KEYS.record)}, signed),
    Story(
        5, "strict-asked", DMARC, {"_dmarc TXT": text("v=DMARC1; p=reject; aspf=s; adkim=s; rua=mailto:dmarc@{d}"), "s1._domainkey.mail TXT": text(KEYS.record), "s1._domainkey TXT": None},
        strict, well={"s1._domainkey.mail TXT": text(KEYS.record), "s1._domainkey TXT": None},
    ),
    Story(
        6, "subdomain-with-sp-reject", gmail(550, "5.7.26", "Unauthenticated email from offers.{d} is not accepted due to domain's", "DMARC policy. For more information, go to"),
        {"_dmarc TXT": text("v=DMARC1; p=none; sp=reject; rua=mailto:dmarc@{d}"), "offers MX": "10 mail.{d}."}, from_offers,
        well={"_dmarc TXT": text("v=DMARC1; p=none; sp=reject; rua=mailto:dmarc@{d}"), "offers MX": "10 mail.{d}.", "offers TXT": text("v=spf1 ip4:{ip} -all")},
    ),
    Story(7, "forwarded-without-srs", SPF, {"@ TXT": NO_OTHER, "{reversed}.in-addr.arpa. PTR": "mx.school{d}.", "mx.school{d}. A": "{ip}"}, forwarded, signed),
    Story(
        8, "listed-address", f"553 5.7.1 [BL21] Connections will not be accepted from {{ip}}, because the ip is in Spamhaus's list; {_YAHOO}",
        {"{reversed}.bl.lists.example. A": "127.0.0.2", "{reversed}.bl.lists.example. TXT": text("sends spam")}, signed, stage="RCPT",
    ),
    Story(
        9, "no-ptr", gmail(550, "5.7.25", "[{ip}] The IP address sending this message does not have a PTR", "record setup, or the corresponding forward DNS entry does not", "point to the sending IP. For more information, go to"),
        {"{reversed}.in-addr.arpa. PTR": None}, signed,
    ),
    Story(10, "expired-signature", DKIM, {}, expired, signed),
    Story(11, "weak-key", DKIM, {"s1._domainkey TXT": text(WEAK.record)}, weak, signed),
    Story(12, "two-spf-records", NEITHER, {"@ TXT": (text("v=spf1 ip4:{ip} -all"), text("v=spf1 include:_spf.{d} -all")), "_spf TXT": NO_OTHER}, healthy=signed),
    Story(13, "forged-sender", SPF, {"@ TXT": NO_OTHER, "{reversed}.in-addr.arpa. PTR": "out.bulk{d}.", "out.bulk{d}. A": "{ip}"}, forged, signed),
    Story(14, "spf-syntax-slip", level("Fail", "None", "Fail"), {"@ TXT": text("v=spf1 ip4: {ip} -all")}, healthy=signed),
    Story(
        15, "unaligned-envelope-only", f"554 5.7.9 Message not accepted for policy reasons. {_YAHOO}",
        {"bounce.mailer{d}. TXT": text("v=spf1 ip4:{ip} -all"), "@ TXT": NO_OTHER}, own_envelope("bounce.mailer{d}"), signed,
    ),
    Story(16, "no-dmarc", level("Pass", "Pass", "None"), {"_dmarc TXT": None}, signed),
    Story(17, "helo-that-does-not-resolve", f"550 5.7.506 Access denied, bad HELO {_MICROSOFT}", {"mail A": None, "mail TXT": None, "@ MX": "10 mx.{d}.", "mx A": "{ip}", "{reversed}.in-addr.arpa. PTR": "mx.{d}."}, signed),
    Story(
        18, "mail-from-without-mx-or-a", "451 Message temporarily deferred due to unresolvable RFC.5321 from domain. See https://senders.yahooinc.com/error-codes#unresolvable-from-domain",
        {}, own_envelope("bounce.{d}"), well={"bounce MX": "10 mail.{d}.", "bounce TXT": text("v=spf1 ip4:{ip} -all")},
    ),
    Story(19, "key-with-broken-base64", DKIM, {"s1._domainkey TXT": text(damaged(KEYS))}, signed),
    Story(
        20, "recipient-mistyped", gmail(553, "5.1.2", "We weren't able to find the recipient domain. Please check for any", "spelling errors, and make sure you didn't enter any spaces, periods,", "or other punctuation after the recipient's email address. For more", "information, go to"),
        {"gmail.com. MX": "5 mx.gmail.com.", "mx.gmail.com. A": "192.0.2.99"}, mistyped, stage="RCPT", recipient="lena@gmial.com",
        well={"old20.receiver.example. MX": "10 mail.{d}."},
    ),
)  # fmt: skip
