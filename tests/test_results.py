"""Authentication-Results and its relations, read and judged: what receivers wrote, and which of it can be believed."""

import random
import re
import time
from pathlib import Path

import pytest

from healthcheck.message.fields import Field
from healthcheck.message.parse import read_message
from healthcheck.message.results import judged, judged_ip, read_results, split
from healthcheck.message.way import read_way

SHARED = Path(__file__).resolve().parents[2] / "shared"
AR = "Authentication-Results"


def read(name, value):
    return read_results([Field(name, value)])


# name: (field, value, [(who, method, result, reason, properties), …])
FORMS = {
    "one": (AR, "mx.example.net; spf=pass smtp.mailfrom=example.com", [("mx.example.net", "spf", "pass", "", {"smtp.mailfrom": "example.com"})]),
    "several, folded": (AR, "mx.example.net;\r\n\tspf=softfail smtp.mailfrom=a@example.com;\r\n\tdkim=fail (bad signature) header.d=example.com header.s=s1 header.b=\"ab/c\"",
                        [("mx.example.net", "spf", "softfail", "", {"smtp.mailfrom": "a@example.com"}),
                         ("mx.example.net", "dkim", "fail", "bad signature", {"header.d": "example.com", "header.s": "s1", "header.b": "ab/c"})]),
    "version": (AR, "mx.example.net 1; dkim/1 = pass header.d = example.com", [("mx.example.net", "dkim", "pass", "", {"header.d": "example.com"})]),
    "none": (AR, "mx.example.net; none", [("mx.example.net", "none", "none", "", {})]),
    "none with a comment": (AR, "mx.example.net 1 (x; y); none (nothing (to) say)", [("mx.example.net", "none", "none", "", {})]),
    "reason": (AR, 'mx.example.net; dkim=fail reason="signature; did (not) verify" header.d=example.com', [("mx.example.net", "dkim", "fail", "signature; did (not) verify", {"header.d": "example.com"})]),
    "comments with semicolons": (AR, "mx.example.net (a; b (c; d)); spf=pass (x; \\) y) smtp.mailfrom=a@example.com", [("mx.example.net", "spf", "pass", "x; \\) y", {"smtp.mailfrom": "a@example.com"})]),
    "no authserv-id": (AR, "dkim=pass header.d=example.com", [("", "dkim", "pass", "", {"header.d": "example.com"})]),
    "microsoft": (AR, "spf=fail (sender IP is 192.0.2.7)\r\n smtp.mailfrom=example.com; dkim=none (message not signed)\r\n header.d=none;dmarc=fail action=oreject\r\n header.from=example.com;compauth=fail reason=000",
                  [("", "spf", "fail", "sender IP is 192.0.2.7", {"smtp.mailfrom": "example.com", "client-ip": "192.0.2.7"}),
                   ("", "dkim", "none", "message not signed", {"header.d": "none"}),
                   ("", "dmarc", "fail", "", {"action": "oreject", "header.from": "example.com"}),
                   ("", "compauth", "fail", "000", {})]),
    "microsoft, with the recipient's domain between": (
        AR,
        "spf=pass (sender IP is 192.0.2.7) smtp.mailfrom=example.com; example.net; dkim=pass (signature was verified) header.d=example.com;example.net; dmarc=pass action=none header.from=example.com;",
        [
            ("", "spf", "pass", "sender IP is 192.0.2.7", {"smtp.mailfrom": "example.com", "client-ip": "192.0.2.7"}),
            ("", "dkim", "pass", "signature was verified", {"header.d": "example.com"}),
            ("", "dmarc", "pass", "", {"action": "none", "header.from": "example.com"}),
        ],
    ),
    "microsoft's own name": ("X-MS-Exchange-Authentication-Results", "spf=pass (sender IP is 2001:db8::7) smtp.mailfrom=example.com;",
                             [("", "spf", "pass", "sender IP is 2001:db8::7", {"smtp.mailfrom": "example.com", "client-ip": "2001:db8::7"})]),
    "gmail": (AR, "mx.google.com; dkim=pass header.i=@example.com header.s=s1 header.b=AbC/+=; spf=pass (google.com: domain of b@example.com designates 192.0.2.7 as permitted sender) smtp.mailfrom=b@example.com; dmarc=pass (p=REJECT sp=NONE dis=NONE) header.from=example.com",
              [("mx.google.com", "dkim", "pass", "", {"header.i": "@example.com", "header.s": "s1", "header.b": "AbC/+="}),
               ("mx.google.com", "spf", "pass", "google.com: domain of b@example.com designates 192.0.2.7 as permitted sender", {"smtp.mailfrom": "b@example.com", "client-ip": "192.0.2.7"}),
               ("mx.google.com", "dmarc", "pass", "p=REJECT sp=NONE dis=NONE", {"header.from": "example.com"})]),
    "yahoo": (AR, "atlas-production.v2-mail-prod1-gq1.omega.yahoo.com; dkim=perm_fail header.i=@example.com header.s=s1; spf=pass smtp.mailfrom=example.com; dmarc=fail(p=REJECT) header.from=example.com;",
              [("atlas-production.v2-mail-prod1-gq1.omega.yahoo.com", "dkim", "perm_fail", "", {"header.i": "@example.com", "header.s": "s1"}),
               ("atlas-production.v2-mail-prod1-gq1.omega.yahoo.com", "spf", "pass", "", {"smtp.mailfrom": "example.com"}),
               ("atlas-production.v2-mail-prod1-gq1.omega.yahoo.com", "dmarc", "fail", "p=REJECT", {"header.from": "example.com"})]),
    "quoted local part": (AR, 'mx.example.net; spf=pass smtp.mailfrom="joe q"@example.com', [("mx.example.net", "spf", "pass", "", {"smtp.mailfrom": '"joe q"@example.com'})]),
    "arc": ("ARC-Authentication-Results", "i=2; mx.example.net; arc=pass (as.1.example.org=pass); dmarc=none",
            [("mx.example.net", "arc", "pass", "as.1.example.org=pass", {"arc.instance": "2"}), ("mx.example.net", "dmarc", "none", "", {"arc.instance": "2"})]),
    "received-spf": ("Received-SPF", "Pass (mx.example.net: domain of b@example.com designates 192.0.2.7 as permitted sender) receiver=mx.example.net; client-ip=192.0.2.7; envelope-from=\"b@example.com\"; helo=out.example.com; mechanism=ip4:192.0.2.0/24",
                     [("mx.example.net", "spf", "pass", "mx.example.net: domain of b@example.com designates 192.0.2.7 as permitted sender",
                       {"client-ip": "192.0.2.7", "smtp.mailfrom": "b@example.com", "smtp.helo": "out.example.com", "mechanism": "ip4:192.0.2.0/24"})]),
    "received-spf of policyd": ("Received-SPF", "Softfail (mailfrom) identity=mailfrom; client-ip=2001:db8::7; helo=h.example; envelope-from=<b@example.com>; receiver=<UNKNOWN>",
                                [("unknown", "spf", "softfail", "mailfrom", {"client-ip": "2001:db8::7", "smtp.helo": "h.example", "smtp.mailfrom": "b@example.com", "identity": "mailfrom"})]),
    "received-spf of gmail": ("Received-SPF", "neutral (google.com: 192.0.2.7 is neither permitted nor denied by best guess record for domain of b@example.com) client-ip=192.0.2.7;",
                              [("google.com", "spf", "neutral", "google.com: 192.0.2.7 is neither permitted nor denied by best guess record for domain of b@example.com", {"client-ip": "192.0.2.7"})]),
    "received-spf of yahoo": ("Received-SPF", "fail (domain of example.com does not designate 192.0.2.7 as permitted sender)", [("", "spf", "fail", "domain of example.com does not designate 192.0.2.7 as permitted sender", {})]),
    "received-spf alone": ("Received-SPF", "none", [("", "spf", "none", "", {})]),
    "received-spf of old": ("Received-SPF", "error (x)", [("", "spf", "temperror", "x", {})]),
    "forefront": ("X-Forefront-Antispam-Report", "CIP:192.0.2.7;CTRY:ZZ;LANG:en;SCL:5;SFV:SPM;H:out.example.com;PTR:InfoDomainNonexistent;CAT:SPOOF;",
                  [("", "filter", "spoof", "", {"client-ip": "192.0.2.7", "smtp.helo": "out.example.com", "policy.ptr": "InfoDomainNonexistent", "policy.sfv": "SPM", "policy.scl": "5"})]),
    "forefront from within": ("X-Forefront-Antispam-Report", "CIP:255.255.255.255;CTRY:;SCL:-1;", []),
    "dkim-filter": ("DKIM-Filter", "OpenDKIM Filter v2.11.0 mx.example.net 4XyZ", [("mx.example.net", "dkim-filter", "present", "", {})]),
    "unclosed comment": (AR, "mx.example.net; spf=pass (never closed; dkim=pass header.d=example.com", [("mx.example.net", "spf", "pass", "never closed", {}), ("mx.example.net", "dkim", "pass", "", {"header.d": "example.com"})]),
    "unclosed string": (AR, 'mx.example.net; dkim=fail reason="no end; spf=pass', [("mx.example.net", "dkim", "fail", "no end", {}), ("mx.example.net", "spf", "pass", "", {})]),
    "odd authserv-id": (AR, "example/net; dkim=pass header.d=example.com", [("example/net", "dkim", "pass", "", {"header.d": "example.com"})]),
    "empty": (AR, "", []),
    "no result": (AR, "mx.example.net;", []),
    "some other field": ("X-Spam-Status", "No, score=-1 spf=pass", []),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_field_of_each_form(form):
    name, value, want = FORMS[form]
    got = [(c.who, c.method, c.result, c.reason, dict(c.properties)) for c in read(name, value)]
    assert [(who, method, result, reason) for who, method, result, reason, _ in got] == [row[:4] for row in want]
    for (*_, properties), (*_, wanted) in zip(got, want, strict=True):
        assert properties == wanted
    assert all(c.field_name == name for c in read(name, value))


def test_a_semicolon_in_a_string_or_comment_ends_nothing():
    assert split('a; b (c; d); e "f; g"') == ["a", " b (c; d)", ' e "f; g"']


# ------------------------------------------------------------------ which can be believed

AT = "Sun, 22 Nov 2026 12:00:05 +0000"
ENTRY = f"Received: from out.example.com (out.example.com [192.0.2.7]) by mx.example.net (Postfix) with ESMTPS id r1; {AT}"
INNER = f"Received: from mx.example.net ([10.9.0.1]) by store.example.net with LMTP id r2; {AT}"
SENT = f"Received: from [10.0.0.5] (dsl.example.org [198.51.100.3]) by out.example.com (Postfix) with ESMTPSA id s1; {AT}"
GOOGLE = f"Received: from out.example.com (out.example.com. [192.0.2.7]) by mx.google.com with ESMTPS id g1; {AT}"
AUTHOR = "From: ann@example.com\nSubject: x"
MINE, FOREIGN = f"{AR}: mx.example.net; spf=pass", f"{AR}: mx.example.org; spf=pass"

# name: (lines from the top, `trusted` of each claim)
PLACES = {
    "above the entry": ([MINE, ENTRY, SENT, AUTHOR], [True]),
    "between two of the receiver's": ([INNER, f"{AR}: store.example.net; dkim=pass", ENTRY, SENT, AUTHOR], [True]),
    "above, by somebody else": ([FOREIGN, ENTRY, SENT, AUTHOR], [None]),
    "above, without a name": ([f"{AR}: spf=pass", ENTRY, SENT, AUTHOR], [True]),
    "right below, and none above": ([ENTRY, MINE, SENT, AUTHOR], [True]),
    "right below, and one above": ([MINE, ENTRY, MINE, SENT, AUTHOR], [True, False]),
    "right below, by somebody else": ([ENTRY, FOREIGN, SENT, AUTHOR], [False]),
    "right below, without a name": ([ENTRY, f"{AR}: spf=pass", SENT, AUTHOR], [False]),
    "below the sender's": ([MINE, ENTRY, SENT, MINE, AUTHOR], [True, False]),
    "among the author's": ([ENTRY, SENT, AUTHOR, MINE], [False]),
    "google writes below": ([GOOGLE, "Received-SPF: pass (google.com: x) client-ip=192.0.2.7;", f"{AR}: mx.google.com; spf=pass", SENT, AUTHOR], [True, True]),
    "google's name again": ([GOOGLE, f"{AR}: mx.google.com; spf=pass", f"{AR}: mx.google.com; spf=fail", SENT, AUTHOR], [True, False]),
    "google's name further down": ([GOOGLE, SENT, f"{AR}: mx.google.com; spf=pass", AUTHOR], [False]),
    "kept under another name": ([f"{AR}-Original: mx.example.net; spf=pass", ENTRY, SENT, AUTHOR], [False]),
    "an arc set of a forwarder": ([MINE, ENTRY, "ARC-Authentication-Results: i=1; fwd.example.org; spf=pass", SENT, AUTHOR], [True, None]),
    "no received at all": ([MINE, AUTHOR], [None]),
}


@pytest.mark.parametrize("name", PLACES)
def test_who_wrote_it(name):
    lines, want = PLACES[name]
    claims, _ = chain("\n".join(lines))
    assert [claim.trusted for claim in claims] == want


def chain(text):
    pasted = read_message(text)
    received = pasted.all("received")
    way = read_way([one.value for one in received])
    ends = next(one.order for one in pasted.fields if one.key == "from")
    return judged(read_results(pasted.fields), way, [one.order for one in received], ends), way


def test_the_address_that_was_judged_is_taken_from_what_can_be_believed():
    below = "Received-SPF: pass (mx.example.net: x) client-ip=203.0.113.99; receiver=mx.example.net"
    claims, _ = chain("\n".join([f"{AR}: mx.example.net; spf=pass (sender ip is 192.0.2.7)", ENTRY, SENT, below, AUTHOR]))
    assert judged_ip(claims) == "192.0.2.7"
    claims, _ = chain("\n".join([ENTRY, SENT, below, AUTHOR]))
    assert judged_ip(claims) is None


# ------------------------------------------------------------------ real ones, odd ones


@pytest.mark.shared
def test_every_message_of_the_suite_is_read():
    files = sorted((SHARED / "suites" / "authentication-results").rglob("*.eml"))
    if not files:
        pytest.skip("the measuring material is not beside the project")
    assert len(files) == 21
    for path in files:
        text = path.read_text(encoding="utf-8")
        head = text.partition("\n\n")[0]
        blocks = re.findall(r"(?m)^Authentication-Results:(.*(?:\n[ \t].*)*)", head)
        claims = read_results(read_message(text).fields)
        # what the field says by its own punctuation: a result for each "method=result", or one for "none"
        want = [len(re.findall(r"(?:^|;)\s*[a-z]+=", " ".join(block.split()))) or 1 for block in blocks]
        assert len(claims) == sum(want), path.name
        assert [len([c for c in claims if c.order == order]) for order in sorted({c.order for c in claims})] == want, path.name
        for claim in claims:
            assert claim.result, path.name


@pytest.mark.shared
def test_what_some_of_the_suite_say():
    folder = SHARED / "suites" / "authentication-results" / "arh"
    if not folder.exists():
        pytest.skip("the measuring material is not beside the project")

    def said(name):
        return [(c.who, c.method, c.result, c.properties.get("header.d")) for c in read_results(read_message((folder / name).read_bytes()).fields)]

    assert said("multiple_arh-newest_no_authserv.eml") == [
        ("", "dkim", "pass", "01.example.com"),
        ("unrelated.com", "dkim", "pass", "unrelated.com"),
        ("", "dkim", "pass", "02.example.com"),
    ]
    assert said("multiple_arh-newest_no_result.eml")[0] == ("example.net", "none", "none", None)
    assert [row[1:3] for row in said("multiple_spf_and_dmarc_results.eml")][-2:] == [("dmarc", "none"), ("dmarc", "temperror")]
    assert said("dkim-unknown_result.eml") == [("example.net", "dkim", "timeout", "example.com")]


def test_a_thousand_broken_fields_raise_nothing():
    chance = random.Random(11)
    rows = [(name, value) for name, value, _ in FORMS.values()]
    alphabet = "()[]<>;:,=\\\"' \t./@abz019\u00e9"
    for _ in range(1000):
        name, value = chance.choice(rows)
        text = list(value)
        for _ in range(chance.randrange(1, 25)):
            place = chance.randrange(len(text) + 1)
            text[place : place + chance.randrange(0, 9)] = "".join(chance.choices(alphabet, k=chance.randrange(0, 7)))
        for claim in read(name, "".join(text)):
            assert len(claim.text) <= 300


@pytest.mark.parametrize(
    "text", ["(" * 100_000, ";" * 100_000, '"' * 100_000, "a=b " * 40_000, "spf=pass;" * 20_000, "a.b=" * 40_000, "x" * 100_000, "designates " * 20_000]
)
@pytest.mark.parametrize("name", [AR, "Received-SPF", "X-Forefront-Antispam-Report"])
def test_hostile_fields_are_answered_at_once(name, text):
    began = time.process_time()
    assert len(read(name, text) + read(name, "spf=pass (" + text)) <= 120
    assert time.process_time() - began < 1.0
