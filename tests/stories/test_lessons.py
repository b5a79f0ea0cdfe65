"""What the stories taught, without servers: zone files, and the replies and notices as they were."""

import pytest
from support import world_of

from healthcheck import examine, explain
from healthcheck.explain import ScanPlan, diagnose, plans
from healthcheck.message.whose import marks
from healthcheck.model import EvidenceVerdict

ORIGINAL = (
    "Return-Path: <{envelope}>\nReceived: from app (localhost [127.0.0.1]) by mail.shop.example (Postfix) with ESMTP id 1; Sun, 22 Nov 2026 12:00:00 +0000\n"
    "{fields}From: Shop <news@shop.example>\nTo: <lena@old.example.net>\nSubject: Offer\nDate: Sun, 22 Nov 2026 11:58:00 +0000\nMessage-ID: <1@shop.example>\n\nHello\n"
)
NOTICE = """From: MAILER-DAEMON@mta.example.net
To: <{envelope}>
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mta.example.net

Final-Recipient: rfc822; lena@example.net
Action: failed
Status: 5.0.0
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; {reply}

--b
Content-Type: message/rfc822

{original}
--b--
"""
DMARC = "550 5.7.26 Unauthenticated email from shop.example is not accepted due to domain's DMARC policy."
HELO = "550 5.7.506 Access denied, bad HELO [AM0EUR02FT019.eop-EUR02.prod.protection.outlook.com]"
UNRESOLVABLE = "451 Message temporarily deferred due to unresolvable RFC.5321 from domain. See https://senders.yahooinc.com/error-codes"


def notice(reply, envelope="news@shop.example", fields=""):
    return NOTICE.format(reply=reply, envelope=envelope, original=ORIGINAL.format(envelope=envelope, fields=fields))


def planned(text, **given):
    (plan,) = plans(diagnose(text, pending=True, **given))
    assert isinstance(plan, ScanPlan)
    return plan


@pytest.fixture
def world(tmp_path):
    shop = """
    @ IN MX 10 mail
    @ IN TXT "v=spf1 ip4:192.0.2.7 -all"
    mail IN A 192.0.2.7
    _dmarc IN TXT "v=DMARC1; p=reject{strict}"
    s1._domainkey IN TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    bounce IN TXT "v=spf1 ip4:192.0.2.7 -all"
    """

    def make(strict=""):
        zones = {"shop.example": shop.replace("{strict}", strict), "mailer.example": '@ IN TXT "v=spf1 ip4:192.0.2.7 -all"'}
        return world_of(tmp_path / (strict or "relaxed"), zones, patch='_dmarc.example. 300 IN TXT "none"\n')

    return make


def test_an_envelope_that_does_not_align_leaves_a_dmarc_failure_open(world):
    """SPF passes for another domain, and a key stands in the DNS: whether the message was signed with it neither shows."""
    (failure,) = explain(notice(DMARC, "bounces@mailer.example"), ips=("192.0.2.7",), world=world()).failures
    assert failure.evidence.verdict is EvidenceVerdict.CANNOT_TELL
    (failure,) = explain(notice(DMARC, "bounces@bounce.shop.example"), ips=("192.0.2.7",), world=world("; aspf=s")).failures
    assert failure.evidence.verdict is EvidenceVerdict.CANNOT_TELL
    assert {"ALN004", "MSG067"} >= {f.code for f in failure.evidence.support} >= {"ALN004"}


def test_what_else_a_refuted_claim_can_be_is_said(world):
    (failure,) = explain(notice(DMARC), ips=("192.0.2.7",), world=world()).failures
    assert (failure.evidence.verdict, failure.evidence.why_not) == (EvidenceVerdict.REFUTED, "message-holds")


def test_an_envelope_domain_that_does_not_resolve_is_itself_looked_at():
    assert planned(notice(UNRESOLVABLE, "bounces@bounce.shop.example")).domain == "bounce.shop.example"
    of_header = UNRESOLVABLE.replace("451 Message temporarily deferred", "554 Message not allowed").replace("5321", "5322")
    assert planned(notice(of_header, "bounces@bounce.shop.example")).domain == "shop.example"


def test_the_name_in_ehlo_is_that_of_the_server_that_reports():
    assert planned(notice(HELO)).helo == "mta.example.net"
    assert planned(notice(DMARC)).helo is None
    assert planned(HELO, from_domain="shop.example").helo is None


@pytest.mark.parametrize(("signer", "selectors"), [("shop.example", ("s9",)), ("mail.shop.example", ()), ("example", ()), ("mailer.example", ())])
def test_a_selector_is_looked_up_only_where_its_key_would_stand(signer, selectors):
    field = f"DKIM-Signature: v=1; a=rsa-sha256; d={signer}; s=s9; h=from; bh=AA==; b=AA==\n"
    text = notice(DMARC, fields=field)
    assert planned(text).selectors == selectors
    assert examine(text, offline=True).sender.selectors == selectors


def test_delivered_elsewhere_before_it_was_refused_is_forwarded():
    fields = [("Delivered-To", "lena@school.example")]
    assert marks(fields, refused=["lena@example.net"]).forward == ("Delivered-To: lena@school.example",)
    assert marks(fields, refused=["lena@school.example", None]).forward == ()
    assert marks([], refused=["lena@example.net"]).forward == ()
