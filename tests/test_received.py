"""Received fields of many servers, read; and the way that they tell: sides, entry, delays, clocks, loops.

The lines are composed by us after what the servers' documentation and source say of their form, with example names and addresses.
"""

import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from healthcheck.message.dates import read_date
from healthcheck.message.received import read_received
from healthcheck.message.way import read_way, same_side
from healthcheck.model import Side

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus" / "bounces"
D = "Sun, 22 Nov 2026 12:00:05 +0000"
AT = datetime(2026, 11, 22, 12, 0, 5, tzinfo=UTC).timestamp()

# server: (field, what has to be read from it)
FORMS = {
    "postfix": (
        f"from mail.example.com (out1.example.com [192.0.2.7])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n\t key-exchange X25519 "
        f"server-signature RSA-PSS (2048 bits) server-digest SHA256)\n\t(No client certificate requested)\n\tby mx.example.net (Postfix) with ESMTPS id 4XyZ1\n\tfor <lena@example.net>; {D} (UTC)",
        {"helo": "mail.example.com", "ptr": "out1.example.com", "ip": "192.0.2.7", "by": "mx.example.net", "protocol": "ESMTPS", "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384",
         "id": "4XyZ1", "for_": "lena@example.net", "at": AT, "zone": 0, "submission": False},
    ),
    "postfix unknown": (f"from [203.0.113.9] (unknown [IPv6:2001:db8::7]) by mx.example.net (Postfix) with ESMTP id A1; {D}",
                        {"from_name": "[203.0.113.9]", "helo": "[203.0.113.9]", "ptr": None, "ip": "2001:db8::7", "tls": ""}),
    "postfix submission": (f"from [192.168.1.5] (dsl.example.org [198.51.100.3]) (Authenticated sender: lena@example.com) by out.example.com (Postfix) with ESMTPSA id B2; {D}",
                           {"ip": "198.51.100.3", "submission": True, "protocol": "ESMTPSA", "tls": "TLS"}),
    "postfix local": (f"by web.example.com (Postfix, from userid 33) id C3; {D}", {"by": "web.example.com", "submission": True, "ip": None, "from_name": None, "internal": True}),
    "exim": (
        f"from out1.example.com ([192.0.2.7]:41234 helo=mail.example.com) by mx.example.net with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.98) "
        f"(envelope-from <bounce@example.com>) id 1tExyz-000000001Ab-2Cd for lena@example.net; {D}",
        {"helo": "mail.example.com", "ptr": "out1.example.com", "ip": "192.0.2.7", "protocol": "ESMTPS", "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384", "mail_from": "bounce@example.com",
         "id": "1tExyz-000000001Ab-2Cd", "for_": "lena@example.net"},
    ),
    "exim bare": (f"from [192.0.2.7] (helo=[10.0.0.9]) by mx.example.net with esmtp (Exim 4.98) id 1t; {D}", {"ip": "192.0.2.7", "helo": "[10.0.0.9]", "ptr": None}),
    "exim same": (f"from out1.example.com ([192.0.2.7]) by mx.example.net with esmtp (Exim 4.98) id 1t; {D}", {"helo": "out1.example.com", "ptr": "out1.example.com", "ip": "192.0.2.7"}),
    "exim old tls": (f"from x.example ([192.0.2.7]:99) by mx.example.net with esmtps (TLSv1.2:ECDHE-RSA-AES256-GCM-SHA384:256) (Exim 4.80) id 2; {D}",
                     {"tls": "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"}),
    "exim local": (f"from www-data by web.example.com with local (Exim 4.98) (envelope-from <www-data@web.example.com>) id 1t; {D}",
                   {"from_name": "www-data", "protocol": "local", "submission": True, "mail_from": "www-data@web.example.com"}),
    "sendmail": (
        f"from mail.example.com (out1.example.com [192.0.2.7] (may be forged)) by mx.example.net (8.18.1/8.18.1) with ESMTPS id 4AMC05 "
        f"(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO) for <lena@example.net>; {D} (envelope-from bounce@example.com)",
        {"helo": "mail.example.com", "ptr": "out1.example.com", "ip": "192.0.2.7", "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384", "mail_from": "bounce@example.com", "at": AT},
    ),
    "sendmail auth": (f"from [10.1.1.1] (dsl.example.org [198.51.100.3]) (authenticated bits=0) by out.example.com (8.18.1/8.18.1) with ESMTP id 4A; {D}", {"submission": True}),
    "sendmail local": (f"(from root@localhost) by web.example.com (8.18.1/8.18.1/Submit) id 4AM; {D}", {"from_name": "root@localhost", "by": "web.example.com", "submission": True}),
    "sendmail ident": (f"from mail.example.com (IDENT:root@out1.example.com [192.0.2.7]) by mx.example.net (8.11.6/8.11.6) with ESMTP id g; {D}", {"ptr": "out1.example.com"}),
    "exchange frontend": (
        f"from mail.example.com (192.0.2.7) by AB1PEPF00001234.mail.protection.outlook.com\n (10.167.240.21) with Microsoft SMTP Server (version=TLS1_3,\n cipher=TLS_AES_256_GCM_SHA384) "
        f"id 15.20.9999.1 via Frontend\n Transport; {D}",
        {"from_name": "mail.example.com", "helo": "mail.example.com", "ip": "192.0.2.7", "by": "AB1PEPF00001234.mail.protection.outlook.com", "protocol": "SMTP",
         "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384", "id": "15.20.9999.1", "internal": False},
    ),
    "exchange mapi": (f"from AB1.eurprd01.prod.example ([fe80::1:2]) by AB1.eurprd01.prod.example ([fe80::1:2%4]) with mapi id 15.20.9999.001; {D}",
                      {"ip": "fe80::1:2", "protocol": "MAPI", "submission": True}),
    "exchange 2010": (f"from ex1.example.com (10.0.0.1) by edge.example.com (192.0.2.7) with Microsoft SMTP Server (TLS) id 14.3.123.4; {D}", {"ip": "10.0.0.1", "tls": "TLS"}),
    "iis": (f"from mail.example.com ([192.0.2.7]) by mx.example.net over TLS secured channel with Microsoft SMTPSVC(8.5.9600.16384); {D}",
            {"ip": "192.0.2.7", "by": "mx.example.net", "tls": "TLS"}),
    "gmail": (
        "from mail.example.com (out1.example.com. [192.0.2.7])\n        by mx.google.com with ESMTPS id a1-b2.3.2026.11.22.04.00.05\n        for <lena@example.net>\n"
        "        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);\n        Sun, 22 Nov 2026 04:00:05 -0800 (PST)",
        {"helo": "mail.example.com", "ptr": "out1.example.com", "ip": "192.0.2.7", "by": "mx.google.com", "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384", "at": AT, "zone": -480},
    ),
    "gmail inner": ("by 2002:a05:7300:1234:b0:123:4567:89ab with SMTP id x1csp123456; Sun, 22 Nov 2026 04:00:05 -0800 (PST)",
                    {"by": "2002:a05:7300:1234:b0:123:4567:89ab", "protocol": "SMTP", "ip": None, "at": AT, "internal": True}),
    "gmail api": ("from 123456789012 named unknown by gmailapi.google.com with HTTPREST; Sun, 22 Nov 2026 04:00:05 -0800", {"by": "gmailapi.google.com", "submission": True, "ip": None}),
    "gmail transport security": (f"from mail-x1.example (mail-x1.example. [192.0.2.8]) by mx.google.com with SMTPS id a1 for <b@example.net> (Google Transport Security); {D}",
                                 {"protocol": "SMTPS", "tls": "TLS"}),
    "yahoo": (f"from 192.0.2.7 (EHLO mail.example.com) by 10.196.1.2 with SMTPs\n (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256); {D}",
              {"ip": "192.0.2.7", "helo": "mail.example.com", "ptr": None, "protocol": "SMTPS", "tls": "TLSv1.3 TLS_AES_128_GCM_SHA256"}),
    "yahoo loopback": (f"from 127.0.0.1 (EHLO mail.example.com) (192.0.2.7) by mta9.example.net with SMTPS; {D}", {"ip": "192.0.2.7", "helo": "mail.example.com"}),
    "yahoo hermes": (f"by hermes--production-ab1-2 (Yahoo Inc. Hermes SMTP Server) with ESMTPA ID 0123abc; {D}", {"submission": True, "protocol": "ESMTPA", "id": "0123abc"}),
    "icloud": (f"from outbound.example.com (unknown [10.0.0.4]) by p00-asmtp.example (Postfix) with ESMTPSA id 11; {D}", {"ip": "10.0.0.4", "submission": True}),
    "oracle": (f"from a.example ([192.0.2.7]) by b.example (Oracle Communications Messaging Server 8.1.0.1 64bit (built Aug 27 2020)) with ESMTP id <0ABC@b.example> for l@example.net (ORCPT l@example.net); {D}",
               {"ip": "192.0.2.7", "by": "b.example", "id": "0ABC@b.example", "for_": "l@example.net", "at": AT}),
    "amazon ses": (f"from a1-2.smtp-out.example (a1-2.smtp-out.example [192.0.2.7]) by inbound-smtp.us-east-1.amazonaws.com with SMTP id abc123 for l@example.net; {D} (UTC)",
                   {"ip": "192.0.2.7", "protocol": "SMTP", "for_": "l@example.net"}),
    "sendgrid": ("by recvd-abc-1 with SMTP id recvd-abc-1-65-1; 2026-11-22 12:00:05.123456789 +0000 UTC m=+1.234", {"by": "recvd-abc-1", "at": AT, "zone": 0}),
    "sendgrid geopod": ("from MTIzNDU (unknown) by geopod-ismtpd-1 (SG) with ESMTP id AbC1; Sun, 22 Nov 2026 12:00:05.000 +0000 (UTC)", {"from_name": "MTIzNDU", "ip": None, "at": AT}),
    "sendgrid api": ("from MTIzNDU (out.example.com [198.51.100.3]) by geopod-ismtpd-1 (SG) with HTTP id AbC1; Sun, 22 Nov 2026 12:00:05.000 +0000 (UTC)",
                     {"submission": True, "ip": "198.51.100.3"}),
    "mailgun": (f"by 0123456789ab with HTTP id 65a1b2c3; {D}", {"submission": True, "id": "65a1b2c3"}),
    "mailgun smtp": (f"from out.example.com (out.example.com [198.51.100.3]) by 0123abcd with SMTP id 65a (version=TLS1.3, cipher=TLS_AES_128_GCM_SHA256); {D}",
                     {"tls": "TLSv1.3 TLS_AES_128_GCM_SHA256", "ip": "198.51.100.3"}),
    "qmail network": ("(qmail 12345 invoked from network); 22 Nov 2026 12:00:05 -0000", {"by": None, "at": AT, "zone": None, "submission": False, "internal": True}),
    "qmail uid": ("(qmail 12346 invoked by uid 1000); 22 Nov 2026 12:00:05 -0000", {"submission": True}),
    "qmail smtp": ("from unknown (HELO mail.example.com) (lena@192.0.2.7) by mx.example.net with SMTP; 22 Nov 2026 12:00:05 -0000",
                   {"ip": "192.0.2.7", "helo": "mail.example.com", "ptr": None, "protocol": "SMTP"}),
    "qmail named": ("from out1.example.com (HELO mail.example.com) (192.0.2.7) by mx.example.net with ESMTPS (ECDHE-RSA-AES256-GCM-SHA384 encrypted); 22 Nov 2026 12:00:05 -0000",
                    {"ptr": "out1.example.com", "helo": "mail.example.com", "tls": "ECDHE-RSA-AES256-GCM-SHA384"}),
    "courier": (f"from mail.example.com (out1.example.com [::ffff:192.0.2.7])\n  (TLS: TLSv1.3,256bits,TLS_AES_256_GCM_SHA384)\n  by mx.example.net with ESMTPS\n  id 000123; {D}",
                {"ip": "192.0.2.7", "ptr": "out1.example.com", "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384"}),
    "courier auth": (f"from pc (dsl.example.org [::ffff:198.51.100.3]) (AUTH: LOGIN lena) by out.example.com with ESMTPSA id 01; {D}", {"submission": True}),
    "mailenable": (f"from mail.example.com ([192.0.2.7]) by mx.example.net with MailEnable ESMTP; {D}", {"ip": "192.0.2.7", "protocol": "ESMTP"}),
    "hmailserver": (f"from mail.example.com (out1.example.com [192.0.2.7])\n\tby mx.example.net with ESMTPSA\n\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256)\n\t; {D}",
                    {"protocol": "ESMTPSA", "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384", "at": AT}),
    "zimbra lmtp": (f"from zimbra.example.net (LHLO zimbra.example.net) (10.0.0.8) by zimbra.example.net with LMTP; {D}", {"helo": "zimbra.example.net", "ip": "10.0.0.8", "protocol": "LMTP"}),
    "dovecot lmtp": (f"from mx.example.net ([10.0.0.2])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n\tby back.example.net with LMTPS\n\tid abc\n\t(envelope-from <bounce@example.com>)\n\tfor <l@example.net>; {D}",
                     {"protocol": "LMTPS", "mail_from": "bounce@example.com", "ip": "10.0.0.2"}),
    "dovecot socket": (f"from mx.example.net ([unix socket]) by mx.example.net (Cyrus 3.8) with LMTPA; {D}", {"ip": None, "protocol": "LMTPA"}),
    "fastmail": (f"from mailmx.internal ([10.202.2.201]) by mailuser.internal (LMTPProxy); {D}", {"ip": "10.202.2.201", "by": "mailuser.internal"}),
    "proofpoint": (f"from pps.filterd (m01.example [127.0.0.1]) by mx0a-001.pphosted.com (8.18.1.2/8.18.1.2) with ESMTP id 4AM for <l@example.net>; {D}", {"ip": "127.0.0.1"}),
    "mimecast": (f"from mail.example.com (out1.example.com [192.0.2.7]) by relay.mimecast.com with ESMTP with STARTTLS\n (version=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384) id us-mta-1; {D}",
                 {"tls": "TLSv1.3 TLS_AES_256_GCM_SHA384", "id": "us-mta-1", "protocol": "ESMTP"}),
    "barracuda": (f"from mail.example.com (out1.example.com [192.0.2.7]) by bar.example.net with ESMTP id aBc1 (version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NO) for <l@example.net>; {D}",
                  {"tls": "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384", "for_": "l@example.net"}),
    "cisco": (f"from unknown (HELO mail.example.com) ([192.0.2.7])\n  by esa1.example.net with ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384; {D}",
              {"ip": "192.0.2.7", "helo": "mail.example.com", "protocol": "ESMTP", "tls": "ECDHE-RSA-AES256-GCM-SHA384"}),
    "domino": (f"from mail.example.com ([192.0.2.7])\n          by dom.example.net (HCL Domino Release 12.0.2)\n          with ESMTP id 2026112212000512-1234 ;\n          {D}",
               {"by": "dom.example.net", "id": "2026112212000512-1234", "at": AT}),
    "mox": ("from mail.example.com (out1.example.com [192.0.2.7]) by mx.example.net ([203.0.113.2]) via tcp with ESMTPS id AbC (TLS1.3 TLS_AES_128_GCM_SHA256) for <l@example.net>; 22 Nov 2026 12:00:05 +0000",
            {"by": "mx.example.net", "tls": "TLSv1.3 TLS_AES_128_GCM_SHA256", "at": AT, "protocol": "ESMTPS"}),
    "stalwart": (f"from mail.example.com (out1.example.com [192.0.2.7] (AS64496 EXAMPLE, ZZ))\n\t(using TLSv1.3 with cipher TLS13_AES_256_GCM_SHA384)\n\tby mx.example.net (Stalwart SMTP) with ESMTPS id 1A2B3C;\n\t{D}",
                 {"ptr": "out1.example.com", "ip": "192.0.2.7", "tls": "TLSv1.3 TLS13_AES_256_GCM_SHA384", "id": "1A2B3C"}),
    "opensmtpd": (f"from mail.example.com (out1.example.com [192.0.2.7]) by mx.example.net (OpenSMTPD) with ESMTPS id 1a2b3c4d (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO) for <l@example.net>; {D}",
                  {"tls": "TLSv1.3 TLS_AES_256_GCM_SHA384", "id": "1a2b3c4d"}),
    "opensmtpd local": (f"from localhost (out.example.com [local]) by out.example.com (OpenSMTPD) with ESMTPA id 5e; {D}", {"ip": None, "submission": True}),
    "haraka": (f"from mail.example.com (out1.example.com [192.0.2.7]) by mx.example.net (Haraka/3.0.5) with ESMTPS id 0A-1.1 envelope-from <bounce@example.com> tls TLS_AES_256_GCM_SHA384 (no); {D}",
               {"id": "0A-1.1", "mail_from": "bounce@example.com", "ip": "192.0.2.7"}),
    "powermta": (f"from app.example.com (198.51.100.3) by out.example.com (PowerMTA(TM) v5.0r8) id h1a2b3 for <l@example.net>; {D} (envelope-from <bounce@example.com>)",
                 {"ip": "198.51.100.3", "by": "out.example.com", "id": "h1a2b3", "mail_from": "bounce@example.com", "at": AT}),
    "mdaemon": (f"from mail.example.com by mx.example.net (MDaemon PRO v24.5) with ESMTP id md5001.msg for <l@example.net>; {D}", {"from_name": "mail.example.com", "ip": None, "id": "md5001.msg"}),
    "communigate": (f"from [198.51.100.3] (account lena@example.com HELO pc.example) by out.example.com (CommuniGate Pro SMTP 6.3) with ESMTPSA id 1234; {D}",
                    {"ip": "198.51.100.3", "submission": True, "helo": "pc.example"}),
    "fetchmail": (f"from pop.example.com [192.0.2.9] by home.example.org with POP3 (fetchmail-6.5.0) for <lena@localhost> (single-drop); {D}", {"ip": "192.0.2.9", "protocol": "POP3"}),
    "squirrelmail": (f"from 198.51.100.3 (SquirrelMail authenticated user lena) by web.example.com with HTTP; {D}", {"ip": "198.51.100.3", "submission": True}),
    "postini": (f"from source ([192.0.2.7]) (using TLSv1) by exprod1mx1.example.com ([198.51.100.4]) with SMTP; {D}", {"ip": "192.0.2.7", "tls": "TLSv1.0"}),
    "dma": (f"from root (uid 0) (envelope-from root@web.example.com) id e072c by web.example.com (DragonFly Mail Agent v0.13); {D}", {"by": "web.example.com", "submission": True}),
    "smartermail": (f"from mail.example.com (out1.example.com [192.0.2.7]) by mx.example.net with SMTP\n (version=TLS\\Tls12 cipher=Aes256 bits=256); {D}", {"ip": "192.0.2.7"}),
    "upper case": (f"FROM mail.example.com (out1.example.com [192.0.2.7]) BY mx.example.net WITH ESMTP ID x1; {D}", {"by": "mx.example.net", "id": "x1", "ip": "192.0.2.7"}),
    "no semicolon": ("from mail.example.com [192.0.2.7] by mx.example.net with ESMTP (SMTPD32-5.05) id A1 Sun, 22 Nov 2026 12:00:05 +0000", {"at": AT, "ip": "192.0.2.7", "id": "A1"}),
    "unclosed": (f"from m.example ([192.0.2.7]:25 helo=h.example) by mx.example.net (x) with ESMTPS (cipher=AES256-GCM-SHA384 id 22; {D}", {"ip": "192.0.2.7", "at": AT}),
    "no date": ("from mail.example.com (out1.example.com [192.0.2.7]) by mx.example.net with ESMTP id 1", {"at": None, "zone": None, "ip": "192.0.2.7"}),
    "no from name": (f"from (unknown [192.0.2.7]) by mx.example.net with SMTP id 1; {D}", {"from_name": None, "ip": "192.0.2.7"}),
    "address out of range": (f"from x.example (y.example [192.0.2.777]) by mx.example.net with SMTP id 1; {D}", {"ip": None, "ptr": "y.example"}),
    "nothing": ("", {"by": None, "ip": None, "at": None}),
    "words": ("it was received with love", {"by": None, "ip": None, "at": None}),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_field_of_each_server(form):
    text, want = FORMS[form]
    hop = read_received(text)
    assert {name: getattr(hop, name) for name in want} == want


@pytest.mark.parametrize("form", FORMS)
def test_line_ends_and_folding_change_nothing(form):
    text, want = FORMS[form]
    hop = read_received(text.replace("\n", "\r\n\t").replace(" ", "  "))
    assert {name: getattr(hop, name) for name in want} == want


DATES = [
    ("Sun, 22 Nov 2026 11:59:00 -0500 (EST)", "2026-11-22T16:59:00", -300),
    ("22 Nov 2026 16:59 +0000", "2026-11-22T16:59:00", 0),
    ("22 Nov 26 16:59:01 UT", "2026-11-22T16:59:01", 0),
    ("22 Nov 99 16:59:01 GMT", "1999-11-22T16:59:01", 0),
    ("22 Nov 126 16:59:01 GMT", "2026-11-22T16:59:01", 0),
    ("Sun, 22 Nov 2026 11:59:00 EST", "2026-11-22T16:59:00", -300),
    ("Sun, 22 Nov 2026 11:59:00 A", "2026-11-22T11:59:00", None),
    ("Sun, 22 Nov 2026 16:59:00 -0000", "2026-11-22T16:59:00", None),
    ("Sun, 22 Nov 2026 17:59:00 CET", "2026-11-22T16:59:00", 60),
    ("Sun, 22 Nov 2026 17:59:00 XYZ", "2026-11-22T17:59:00", None),
    ("Sun (comment), 22 (it (is) nested) Nov 2026 11 (x):59", None, None),
    ("Sun, 22 (x) Nov (y) 2026 (z) 11:59:00 (q) -0500", "2026-11-22T16:59:00", -300),
    ("Sun, 22 Nov 2026 11:59:60 +0000", "2026-11-22T11:59:59", 0),
    ("Sun Nov 22 16:59:00 2026", "2026-11-22T16:59:00", None),
    ("Sun Nov 22 16:59:00 GMT 2026", "2026-11-22T16:59:00", 0),
    ("2026-11-22T16:59:00Z", "2026-11-22T16:59:00", 0),
    ("2026-11-22 16:59:00.5 +0000 UTC m=+2.5", "2026-11-22T16:59:00", 0),
    ("Nov 22, 2026, 4:59:00 PM +0000", "2026-11-22T16:59:00", 0),
    ("Sun, 22-Nov-2026 16:59:00 GMT+0100", "2026-11-22T15:59:00", 60),
    ("Sun, 31 Feb 2026 11:59:00 +0000", None, None),
    ("Sun, 22 Nov 2026 25:59:00 +0000", None, None),
    ("Sun, 22 Nov 2026", None, None),
    ("Fri, 31 Dec 9999 23:59:59 -2359", None, None),
    ("", None, None),
]


@pytest.mark.parametrize(("text", "want", "zone"), DATES)
def test_a_date(text, want, zone):
    moment = read_date(text)
    if want is None:
        # a year that no clock has is no date, or one far away; never an error
        assert moment is None or moment.at > 2e11
        return
    assert datetime.fromtimestamp(moment.at, UTC).strftime("%Y-%m-%dT%H:%M:%S") == want
    assert moment.zone == zone


# ------------------------------------------------------------------ the way


def at(seconds):
    return datetime.fromtimestamp(AT + seconds, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")


SUBMITTED = f"from [10.0.0.5] (dsl.example.org [198.51.100.3]) by out.example.com (Postfix) with ESMTPSA id s1; {at(0)}"
ENTRY = f"from out.example.com (out.example.com [192.0.2.7]) by mx.example.net (Postfix) with ESMTPS id r1; {at(2)}"
LMTP = f"from mx.example.net ([10.9.0.1]) by store.example.net with LMTP id r2; {at(3)}"
GOOGLE = [
    f"by 2002:a05:6a10:1111:b0:1:2:3 with SMTP id x1; {at(4)}",
    f"from out.example.com (out.example.com. [192.0.2.7]) by mx.google.com with ESMTPS id g1 for <l@gmail.com>; {at(3)}",
]
MICROSOFT = [
    f"from AB1.eurprd01.prod.outlook.com (2603:10a6:1::1) by AB2.eurprd01.prod.outlook.com with HTTPS; {at(6)}",
    f"from AB3.eurprd01.prod.outlook.com (2603:10a6:1::2) by AB1.eurprd01.prod.outlook.com (2603:10a6:1::1) with Microsoft SMTP Server (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.1; {at(5)}",
    f"from AB4.eop-EUR01.prod.protection.outlook.com (2603:10a6:2::3) by AB3.outlook.office365.com (2603:10a6:1::2) with Microsoft SMTP Server (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.1 via Frontend Transport; {at(4)}",
    f"from out.example.com (192.0.2.7) by AB4.mail.protection.outlook.com (10.1.2.3) with Microsoft SMTP Server (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.1 via Frontend Transport; {at(3)}",
]

# name: (fields from the top, arguments, sides from the oldest, connecting address)
WAYS = {
    "plain": ([LMTP, ENTRY, SUBMITTED], {}, "s r r", "192.0.2.7"),
    "gmail": ([*GOOGLE, SUBMITTED], {}, "s r r", "192.0.2.7"),
    "microsoft": ([*MICROSOFT, SUBMITTED], {}, "s r r r r", "192.0.2.7"),
    "microsoft to gmail": (
        [
            GOOGLE[0],
            f"from AB-obe.outbound.protection.outlook.com (mail-ab.outbound.protection.outlook.com. [192.0.2.40]) by mx.google.com with ESMTPS id g1; {at(3)}",
            f"from AB1.eurprd01.prod.outlook.com (2603:10a6:1::1) by AB2.eurprd01.prod.outlook.com (2603:10a6:1::2) with Microsoft SMTP Server (version=TLS1_2, cipher=ECDHE-RSA-AES256-GCM-SHA384) id 15.20.1; {at(2)}",
            f"from AB1.eurprd01.prod.outlook.com ([fe80::1]) by AB1.eurprd01.prod.outlook.com ([fe80::1%4]) with mapi id 15.20.1; {at(1)}",
        ],
        {}, "s s r r", "192.0.2.40",
    ),
    "gmail to gmail": (
        [GOOGLE[0], f"from mail-sor.google.com (mail-sor.google.com. [192.0.2.41]) by mx.google.com with SMTPS id g1; {at(3)}", f"by 2002:a05:6a10::1 with HTTP; {at(1)}"],
        {}, "s r r", "192.0.2.41",
    ),
    "a filter of the sender's own": (
        [ENTRY, f"from localhost (localhost [127.0.0.1]) by out.example.com (Postfix) with ESMTP id s3; {at(1)}", f"from out.example.com ([127.0.0.1]) by localhost (out.example.com [127.0.0.1]) (amavis, port 10024) with ESMTP id s2; {at(1)}", SUBMITTED],
        {"own": ["example.com"]}, "s s s r", "192.0.2.7",
    ),
    "forwarded": (
        [f"from fwd.example.org (fwd.example.org [203.0.113.9]) by mx.example.net (Postfix) with ESMTPS id r1; {at(9)}",
         f"from out.example.com (out.example.com [192.0.2.7]) by fwd.example.org (Postfix) with ESMTPS id f1; {at(5)}", SUBMITTED],
        {"own": ["example.com"]}, "s b r", "203.0.113.9",
    ),
    "service for the sender": (
        [ENTRY.replace("out.example.com", "o1.sender.example"), f"from app.example.com (app.example.com [198.51.100.3]) by o1.sender.example (PowerMTA v5) with ESMTPSA id p1; {at(1)}",
         f"from web.example.com (localhost [127.0.0.1]) by app.example.com (Postfix) with ESMTP id a1; {at(0)}"],
        {"own": ["example.com"]}, "s s r", "192.0.2.7",
    ),
    "greeted as the receiver": (
        [f"from mx.example.net (bad.example.org [203.0.113.66]) by mx.example.net (Postfix) with ESMTP id r1; {at(2)}", f"from mx.example.net (x [10.0.0.1]) by mx.example.net (Postfix) with ESMTP id zz; {at(1)}"],
        {}, "s r", "203.0.113.66",
    ),
    "the bounce of the sender's own server": ([SUBMITTED], {"refused_by": "mx.example.net"}, "s", None),
    "the bounce of a forwarder": (
        [f"from out.example.com (out.example.com [192.0.2.7]) by fwd.example.org (Postfix) with ESMTPS id f1; {at(5)}", SUBMITTED],
        {"own": ["example.com"], "refused_by": "mx.example.net"}, "s b", None,
    ),
    "what the receiver says it judged": (
        [f"from gw.filter.example (gw.filter.example [203.0.113.20]) by mx.example.net (Postfix) with ESMTPS id r1; {at(9)}",
         f"from out.example.com (out.example.com [192.0.2.7]) by gw.filter.example (Postfix) with ESMTPS id f1; {at(5)}", SUBMITTED],
        {"judged_ip": "192.0.2.7"}, "s r r", "192.0.2.7",
    ),
    "one field": ([ENTRY], {}, "r", "192.0.2.7"),
    "local alone": ([f"by web.example.com (Postfix, from userid 33) id C3; {at(0)}"], {}, "s", None),
    "submitted alone": ([SUBMITTED], {}, "s", None),
    "an inner host that nobody looked up": (
        [
            f"from gw.example.net ([198.51.100.25]) by store.example.net with ESMTP; {at(3)}",
            f"from out.example.com ([192.0.2.7]) by gw.example.net with ESMTP; {at(2)}",
        ],
        {},
        "r r",
        "192.0.2.7",
    ),
    "a name of the receiver's that nobody had before": (
        [f"from gw.example.net ([203.0.113.66]) by store.example.net with ESMTP; {at(3)}", f"from x.example ([192.0.2.7]) by y.example.net with ESMTP; {at(2)}"],
        {},
        "s r",
        "203.0.113.66",
    ),
    "none": ([], {}, "", None),
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_whose_host_it_is(name):
    fields, given, sides, ip = WAYS[name]
    way = read_way(fields, **given)
    assert " ".join(hop.side.value[0] for hop in way.hops) == sides
    assert way.ip == ip


def test_order_delays_and_the_whole_time():
    way = read_way([LMTP, ENTRY, SUBMITTED])
    assert [hop.by for hop in way.hops] == ["out.example.com", "mx.example.net", "store.example.net"]
    assert [hop.order for hop in way.hops] == [2, 1, 0]
    assert [hop.delay_s for hop in way.hops] == [None, 2.0, 1.0]
    assert (way.seconds, way.slow, way.skews, way.loops, way.left) == (3.0, None, (), (), 0)


def test_a_hop_without_a_date_has_no_delay_and_neither_has_the_next():
    way = read_way([LMTP, ENTRY.partition(";")[0], SUBMITTED])
    assert [hop.delay_s for hop in way.hops] == [None, None, None]
    assert way.seconds == 3.0


def test_the_slow_hop_and_the_wrong_clock():
    way = read_way([LMTP.replace(at(3), at(7300)), ENTRY.replace(at(2), at(7200)), SUBMITTED])
    assert (way.slow, way.hops[way.slow].delay_s) == (1, 7200.0)
    way = read_way([LMTP, ENTRY.replace(at(2), at(-600)), SUBMITTED])
    assert way.skews == ((1, -600.0),)
    assert way.seconds == 3.0


def test_a_second_or_two_are_no_wrong_clock():
    assert read_way([ENTRY.replace(at(2), at(-30)), SUBMITTED]).skews == ()


def test_a_loop_is_the_same_host_again():
    here = "from b.example.org (b.example.org [203.0.113.2]) by a.example.net (Postfix) with ESMTP id {}; " + at(0)
    there = "from a.example.net (a.example.net [203.0.113.1]) by b.example.org (Postfix) with ESMTP id {}; " + at(0)
    fields = [form.format(f"id{n}") for n, form in enumerate([here, there] * 4)]
    way = read_way(fields)
    assert dict(way.loops) == {"a.example.net": (1, 3, 5, 7), "b.example.org": (0, 2, 4, 6)}
    assert dict(read_way([ENTRY, SUBMITTED, ENTRY]).loops) == {"mx.example.net": (0, 2)}, "the same id again"


def test_a_filter_on_the_same_host_is_no_loop():
    fields = [
        f"from localhost (localhost [127.0.0.1]) by mx.example.net (Postfix) with ESMTP id q{n}; {at(n)}"
        if n % 2
        else f"from mx.example.net ([127.0.0.1]) by localhost (mx.example.net [127.0.0.1]) (amavis, port 10024) with ESMTP id a{n}; {at(n)}"
        for n in range(9, 0, -1)
    ]
    assert read_way([*fields, ENTRY, SUBMITTED]).loops == ()


def test_more_hops_than_are_read():
    way = read_way([ENTRY] * 140)
    assert (len(way.hops), way.left_out) == (100, 40)
    assert {hop.side for hop in way.hops} == {Side.SENDER, Side.RECEIVER} or way.hops[-1].side is Side.RECEIVER


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("mx.example.co.uk", "out.example.co.uk", True),
        ("a.co.uk", "b.co.uk", False),
        ("AB.mail.protection.outlook.com", "AB.outlook.office365.com", True),
        ("192.0.2.1", "192.0.2.1", False),
        ("localhost", "localhost", False),
        (None, None, False),
    ],
)
def test_one_organization(one, other, same):
    assert same_side(one, other) is same


def test_sixty_hops_are_read_at_once():
    fields = [
        f"from h{n}.example.com (h{n}.example.com [192.0.2.{n}]) by h{n + 1}.example.com (Postfix) with ESMTPS id i{n}; {at(n)}" for n in range(60, 0, -1)
    ]
    began = time.process_time()
    way = read_way(fields)
    assert time.process_time() - began < 0.5
    assert len(way.hops) == 60
    assert way.seconds == 59.0


def test_a_thousand_broken_fields_raise_nothing():
    chance = random.Random(8)
    texts = [text for text, _ in FORMS.values()]
    alphabet = "()[]<>;:,\\\"' \t\r\nfrombywithidfor@0123456789.\u00e9\u2028"
    for n in range(1000):
        text = list(chance.choice(texts) * (1 + (n % 3)))
        for _ in range(chance.randrange(1, 30)):
            place = chance.randrange(len(text) + 1)
            text[place : place + chance.randrange(0, 12)] = "".join(chance.choices(alphabet, k=chance.randrange(0, 9)))
        hop = read_received("".join(text))
        assert len(hop.text) <= 400


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "from " * 50_000, "[" * 100_000, '"' * 100_000, "a(b)" * 50_000, ";" * 100_000, "1:11 " * 50_000, "from x (" + "[1" * 50_000]
)
def test_hostile_fields_are_answered_at_once(text):
    began = time.process_time()
    read_way([text] * 20)
    assert time.process_time() - began < 1.0


@pytest.mark.shared
def test_fields_of_real_mail_are_read():
    files = sorted(CORPUS.rglob("*.eml"))
    if not files:
        pytest.skip("the measuring material is not beside the project")
    from healthcheck.message.parse import read_message

    fields = [one for path in files for one in read_message(path.read_bytes()).all("received")]
    hops = [read_received(one.value) for one in fields]
    whole = [(one, hop) for one, hop in zip(fields, hops, strict=True) if ";" in one.value]
    assert len(hops) > 400
    assert sum(hop.at is not None for _, hop in whole) >= 0.99 * len(whole)
    named = [(one, hop) for one, hop in whole if " by " in f" {one.value}" and not one.value.startswith("(qmail")]
    assert sum(hop.by is not None for _, hop in named) == len(named)
