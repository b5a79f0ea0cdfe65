"""The verdict as the receiver would have had it, and why a claim differs from it: a reason is given where something shows it, else none."""

from dataclasses import replace

import pytest

from healthcheck.edge.libs import SpfVerdict, spf_verdict
from healthcheck.edge.libs_verify import verify_arc, verify_dkim
from healthcheck.message.judge import REASONS, DmarcPolicy, alignment, differences, dmarc_seen, spf_seen, with_alignment
from healthcheck.message.parse import Field
from healthcheck.message.results import read_results
from healthcheck.message.way import read_way
from healthcheck.message.whose import BECAUSE, Marks, marks, relays, whose
from healthcheck.model import Answer, ArcSeen, ArcSet, Claim, DmarcSeen, Hop, Outcome, Side, Signature, SpfSeen
from tests.support.signing import MESSAGE, NOW, Zones, rsa_keys, seal, sign, swap

ORGS = {
    "example.com": "example.com",
    "mail.example.com": "example.com",
    "news.example.com": "example.com",
    "example.net": "example.net",
    "esp.example": "esp.example",
}
REJECT = DmarcPolicy(True, True, "reject", orgs=ORGS)
UNSURE = Answer("s1._domainkey.example.com", "TXT", Outcome.TIMEOUT)


def signature(d="example.com", result="pass", reason="", aligned="strict", **more):
    return Signature(d, more.pop("s", "s1"), result, reason, aligned=aligned, **more)


def spf(result="pass", mail_from="ann@example.com", aligned="strict", ip="192.0.2.7", **more):
    return SpfSeen(result, ip, mail_from, aligned=aligned, **more)


# ------------------------------------------------------------------ alignment


@pytest.mark.parametrize(
    ("identifier", "orgs", "expected"),
    [
        ("example.com", ORGS, "strict"),
        ("EXAMPLE.com.", {}, "strict"),
        ("mail.example.com", ORGS, "relaxed"),
        ("example.net", ORGS, "no"),
        ("mail.example.com", {}, None),
        ("mail.example.com", {"mail.example.com": None, "example.com": "example.com"}, None),
        ("notexample.com", {"notexample.com": "notexample.com", "example.com": "example.com"}, "no"),
        (None, ORGS, None),
        ("", ORGS, None),
    ],
)
def test_alignment(identifier, orgs, expected):
    assert alignment(identifier, "example.com", orgs) == expected


def test_signatures_are_aligned_by_the_walk():
    got = with_alignment([signature("mail.example.com", aligned=None), signature("example.net", aligned=None)], "example.com", ORGS)
    assert [s.aligned for s in got] == ["relaxed", "no"]


# ------------------------------------------------------------------ SPF


def test_spf_takes_the_verdict_of_the_library(tmp_path):
    zones = Zones({"example.com": ['@ IN TXT "v=spf1 ip4:192.0.2.0/24 -all"'], "example.net": ['@ IN TXT "v=spf1 include:example.org -all"']})
    with zones.world(tmp_path).open() as session:
        for ip, sender, result, aligned in (
            ("192.0.2.7", "a@example.com", "pass", "strict"),
            ("198.51.100.1", "a@example.com", "fail", "strict"),
            ("192.0.2.7", "a@example.net", "temperror", "no"),
        ):
            verdict = spf_verdict(session.dns, ip, sender, "mx.example.com")
            seen = spf_seen(verdict, ip=ip, mail_from=sender, helo="mx.example.com", from_domain="example.com", orgs=ORGS)
            assert (seen.result, seen.aligned) == (result, aligned)
            assert bool(seen.evidence) == (result == "temperror")


def test_spf_of_the_null_sender_is_judged_by_helo():
    verdict = SpfVerdict("192.0.2.7", "pass", mechanism="a")
    seen = spf_seen(verdict, ip="192.0.2.7", mail_from="", helo="mail.example.com", from_domain="example.com", orgs=ORGS)
    assert (seen.result, seen.aligned, seen.mechanism) == ("pass", "relaxed", "a")


def test_spf_is_unknown_without_an_address():
    assert spf_seen(None, ip=None, mail_from="a@example.com").result == "unknown"
    assert spf_seen(SpfVerdict("192.0.2.7", "error", "ValueError"), ip="192.0.2.7", mail_from="a@example.com").result == "unknown"


# ------------------------------------------------------------------ DMARC


DMARC = [
    ("dkim passes", REJECT, spf("fail"), [signature()], "pass", ("dkim:example.com",)),
    ("spf passes", REJECT, spf(), [], "pass", ("spf:example.com",)),
    ("both", REJECT, spf(), [signature()], "pass", ("dkim:example.com", "spf:example.com")),
    ("relaxed", REJECT, spf(aligned="relaxed"), [], "pass", ("spf:example.com",)),
    ("relaxed where strict is asked", replace(REJECT, aspf="s", adkim="s"), spf(aligned="relaxed"), [signature(aligned="relaxed")], "fail", ()),
    ("strict where strict is asked", replace(REJECT, aspf="s"), spf(), [], "pass", ("spf:example.com",)),
    ("not aligned", REJECT, spf(aligned="no"), [signature("esp.example", aligned="no")], "fail", ()),
    ("nothing passes", REJECT, spf("softfail"), [signature(result="fail", reason="body-altered")], "fail", ()),
    ("no record", DmarcPolicy(True), spf(), [signature()], "none", ()),
    ("record not to be had", DmarcPolicy(False), spf(), [signature()], "temperror", ()),
    ("key not to be had", REJECT, spf("fail"), [signature(result="temperror", reason="could-not-look-up")], "temperror", ()),
    ("another key not to be had", REJECT, spf("fail"), [signature("esp.example", "temperror", "could-not-look-up", "no")], "fail", ()),
    ("spf not to be had", REJECT, spf("temperror"), [], "temperror", ()),
    ("alignment not to be had", REJECT, spf("fail"), [signature(aligned=None)], "temperror", ()),
    ("headers alone", REJECT, spf("fail"), [signature(result="unknown", reason="not-verified")], "unknown", ()),
    ("headers alone, altered", REJECT, spf("fail"), [signature(result="unknown", reason="not-verified", header_intact=False)], "fail", ()),
    ("no address", REJECT, None, [], "unknown", ()),
    ("no address, signed", REJECT, None, [signature()], "pass", ("dkim:example.com",)),
    ("unknown address", REJECT, spf("unknown", aligned=None), [], "unknown", ()),
]


@pytest.mark.parametrize(("policy", "seen", "signatures", "result", "by"), [row[1:] for row in DMARC], ids=[row[0] for row in DMARC])
def test_dmarc(policy, seen, signatures, result, by):
    got = dmarc_seen("example.com", policy, seen, signatures)
    assert (got.result, got.by) == (result, by)
    assert got.disposition == {"pass": "none", "fail": "reject"}.get(result)
    assert got.policy == ("reject" if policy.published else None)


def test_dmarc_of_no_from_domain_is_unknown():
    assert dmarc_seen(None, REJECT, spf(), [signature()]).result == "unknown"


# ------------------------------------------------------------------ differences


def claim(method, result, trusted=True, who="mx.example.net", **properties):
    text = f"{method}={result}"
    return Claim(method, result, who=who, trusted=trusted, properties={k.replace("_", "."): v for k, v in properties.items()}, text=text)


HOPS = (
    Hop("out.example.com", "relay.example.org", "192.0.2.7", side=Side.BETWEEN, order=1),
    Hop("relay.example.org", "mx.example.net", "198.51.100.9", ptr="relay.example.org", side=Side.RECEIVER, order=0),
)
DIRECT = (Hop("out.example.com", "mx.example.net", "192.0.2.7", side=Side.RECEIVER),)
LIST = marks([("List-Post", "<mailto:list@example.org>"), ("X-Mailman-Version", "3.3.9")], "list-bounces+bob=example.net@example.org")


def why(one, *, seen=None, signatures=(), dmarc=None, arc=None, hops=DIRECT, found=None):
    got = differences([one], spf=seen, signatures=signatures, dmarc=dmarc, arc=arc, hops=hops, marks=found)
    assert len(got) < 2
    if not got:
        return None
    assert got[0].reason in REASONS
    return got[0].reason


SPF = [
    ("same", claim("spf", "pass", smtp_mailfrom="ann@example.com"), spf(), DIRECT, None, None),
    ("hardfail is fail", claim("spf", "hardfail"), spf("fail"), DIRECT, None, None),
    ("record changed", claim("spf", "pass", smtp_mailfrom="ann@example.com"), spf("fail"), DIRECT, None, "record-changed"),
    ("softened", claim("spf", "fail", smtp_mailfrom="example.com"), spf("softfail"), DIRECT, None, "record-changed"),
    ("who says so is not known", claim("spf", "pass", False, "nobody.example", smtp_mailfrom="ann@example.com"), spf("fail"), DIRECT, None, "unexplained"),
    ("of which domain is not said", claim("spf", "pass"), spf("fail"), DIRECT, None, "unexplained"),
    ("forwarded", Claim("spf", "pass", "mx.example.net", trusted=True, properties={"client-ip": "192.0.2.7"}), spf("fail", ip="198.51.100.9"), HOPS, None, "forwarded"),
    ("another address, nobody knows whose", Claim("spf", "pass", "mx.example.net", trusted=True, properties={"client-ip": "203.0.113.5"}), spf("fail"), HOPS, None, "other-address"),
    ("said by the forwarder", claim("spf", "pass", False, "relay.example.org", smtp_mailfrom="ann@example.com"), spf("fail", ip="198.51.100.9"), HOPS, None, "forwarded"),
    ("SRS", claim("spf", "pass", smtp_mailfrom="SRS0=ab=cd=example.com=ann@example.org"), spf("fail"), HOPS, marks([], "SRS0=ab=cd=example.com=ann@example.org"), "envelope-rewritten"),
    ("list bounce address", claim("spf", "pass", smtp_mailfrom="list-bounces@example.org"), spf("fail"), HOPS, LIST, "envelope-rewritten"),
    ("another sender", claim("spf", "pass", smtp_mailfrom="bounce@esp.example"), spf("fail"), DIRECT, None, "other-identity"),
    ("they could not", claim("spf", "temperror", smtp_mailfrom="example.com"), spf(), DIRECT, None, "receiver-could-not-look-up"),
    ("we could not", claim("spf", "pass", smtp_mailfrom="example.com"), spf("temperror"), DIRECT, None, "could-not-look-up"),
    ("nothing to judge", claim("spf", "pass"), spf("unknown"), DIRECT, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("one", "seen", "hops", "found", "reason"), [row[1:] for row in SPF], ids=[row[0] for row in SPF])
def test_spf_differences(one, seen, hops, found, reason):
    assert why(one, seen=seen, hops=hops, found=found) == reason


ALTERED = signature(result="fail", reason="body-altered", body_change="footer", shown="to leave the list", b="AbCdEfGhIjKl")
DKIM = [
    ("same", claim("dkim", "pass", header_d="example.com"), signature(), {}, None),
    ("both fail, in other words", claim("dkim", "neutral", header_d="example.com"), signature(result="permerror", reason="key-missing"), {}, None),
    ("rotated", claim("dkim", "pass", header_d="example.com"), signature(result="permerror", reason="key-missing"), {}, "key-rotated"),
    ("revoked", claim("dkim", "pass", header_d="example.com"), signature(result="permerror", reason="key-revoked"), {}, "key-rotated"),
    ("replaced", claim("dkim", "pass", header_d="example.com"), signature(result="fail", reason="wrong-key"), {}, "key-rotated"),
    ("rotated, says nobody", claim("dkim", "pass", False, "nobody.example", header_d="example.com"), signature(result="permerror", reason="key-missing"), {}, "not-the-receiver"),
    ("altered by a list", claim("dkim", "pass", header_d="example.com"), ALTERED, {"found": LIST, "hops": HOPS}, "body-altered-by-list"),
    ("altered by whomever", claim("dkim", "pass", header_d="example.com"), ALTERED, {}, "altered-since"),
    ("said on the way", claim("dkim", "pass", False, "relay.example.org", header_d="example.com"), ALTERED, {"hops": HOPS}, "altered-since"),
    ("by header.b", claim("dkim", "pass", header_b="AbCdEfGh"), ALTERED, {}, "altered-since"),
    ("headers", claim("dkim", "pass", header_d="example.com"), signature(result="unknown", reason="not-verified"), {}, "only-headers"),
    ("we could not", claim("dkim", "pass", header_d="example.com"), signature(result="temperror", reason="could-not-look-up"), {}, "could-not-look-up"),
    ("they could not", claim("dkim", "temperror", header_d="example.com"), signature(), {}, "receiver-could-not-look-up"),
    ("weak", claim("dkim", "pass", header_d="example.com"), signature(result="policy", reason="weak-hash"), {}, "local-policy"),
    ("they found no key", replace(claim("dkim", "permerror", header_d="example.com"), reason="no key for signature"), signature(), {}, "record-changed"),
    ("they say it fails", claim("dkim", "fail", header_d="example.com"), signature(), {}, "unexplained"),
    ("expired there", replace(claim("dkim", "fail", header_d="example.com"), reason="signature expired"), signature(), {}, "expired-since"),
    ("a signature that is gone", claim("dkim", "pass", header_d="esp.example"), signature(), {}, "signature-removed"),
    ("none seen", claim("dkim", "none"), signature(), {}, "unexplained"),
    ("by header.i", claim("dkim", "pass", header_i="@example.com"), signature(), {}, None),
]  # fmt: skip


@pytest.mark.parametrize(("one", "mine", "more", "reason"), [row[1:] for row in DKIM], ids=[row[0] for row in DKIM])
def test_dkim_differences(one, mine, more, reason):
    assert why(one, signatures=[mine], **more) == reason


def test_one_of_several_signatures_of_a_domain_is_enough():
    mine = [ALTERED, signature(s="s2")]
    assert why(claim("dkim", "pass", header_d="example.com"), signatures=mine) is None
    assert why(claim("dkim", "pass", header_d="example.com", header_s="s1"), signatures=mine) == "altered-since"


def test_a_difference_shows_what_it_rests_on():
    (got,) = differences([claim("dkim", "pass", header_d="example.com")], spf=None, signatures=[ALTERED], dmarc=None, arc=None, hops=HOPS, marks=LIST)
    assert got.because == (("change", "footer"), ("shown", "to leave the list"), ("list", "List-Post: <mailto:list@example.org>"))
    (got,) = differences([claim("spf", "pass", smtp_mailfrom="ann@example.com")], spf=spf("fail"), signatures=[], dmarc=None, arc=None, hops=DIRECT)
    assert dict(got.because) == {"claimed": "pass", "ours": "fail", "identity": "example.com"}


def test_dmarc_differs_for_the_reason_that_dkim_does():
    said = [claim("dkim", "pass", header_d="example.com"), claim("dmarc", "pass", header_from="example.com")]
    got = differences(said, spf=spf("fail"), signatures=[ALTERED], dmarc=DmarcSeen("fail", "example.com", "reject"), arc=None, hops=HOPS, marks=LIST)
    assert [d.reason for d in got] == ["body-altered-by-list"] * 2
    assert got[1].ours == "fail"


@pytest.mark.parametrize(
    ("said", "mine", "signatures", "seen", "reason"),
    [
        ("pass", "pass", [], None, None),
        ("bestguesspass", "none", [], None, None),
        ("bestguesspass", "fail", [], None, "policy-changed"),
        ("fail", "none", [], None, "policy-changed"),
        ("pass", "temperror", [], None, "could-not-look-up"),
        ("temperror", "pass", [], None, "receiver-could-not-look-up"),
        ("pass", "unknown", [signature(result="unknown", reason="not-verified")], None, "only-headers"),
        ("fail", "unknown", [], None, "no-address"),
        ("fail", "pass", [], spf(), "unexplained"),
    ],
)
def test_dmarc_differences(said, mine, signatures, seen, reason):
    assert why(claim("dmarc", said), seen=seen, signatures=signatures, dmarc=DmarcSeen(mine, "example.com", "reject")) == reason


@pytest.mark.parametrize(
    ("said", "trusted", "arc", "reason"),
    [
        ("pass", True, ArcSeen("pass"), None),
        ("pass", True, ArcSeen("unknown", "only-headers"), "only-headers"),
        ("pass", True, ArcSeen("unknown", "could-not-look-up"), "could-not-look-up"),
        ("pass", True, ArcSeen("fail", "key-missing"), "key-rotated"),
        ("pass", True, ArcSeen("fail", "message-altered"), "altered-since"),
        ("pass", True, ArcSeen("fail", "seal-fails"), "unexplained"),
        ("pass", False, ArcSeen("fail", "key-missing"), "not-the-receiver"),
        ("none", False, ArcSeen("pass", sealers=("example.org",), sets=(ArcSet(1, "example.org"),)), "written-before"),
        ("fail", True, ArcSeen("pass"), "unexplained"),
    ],
)
def test_arc_differences(said, trusted, arc, reason):
    assert why(claim("arc", said, trusted, "mx.example.net" if trusted else "nobody.example"), arc=arc) == reason


def test_methods_that_we_do_not_reckon_are_no_difference():
    assert why(claim("compauth", "fail"), seen=spf(), signatures=[signature()], dmarc=DmarcSeen("pass"), arc=ArcSeen("none")) is None


# ------------------------------------------------------------------ whose address


def who(ip="192.0.2.7", *, hops=DIRECT, found=None, mail_from="ann@example.com", seen=None, signatures=(), arc=None):
    seen = spf("fail") if seen is None else seen
    got = whose(ip, hops=hops, found=found or Marks(), from_domain="example.com", mail_from=mail_from, spf=seen, signatures=signatures, arc=arc)
    assert {key for key, _ in got.because} <= BECAUSE
    assert got.ours == (got.whose == "sender")
    return got.whose


WHOSE = [
    ("covered by the record", {"seen": spf()}, "sender"),
    ("signed, straight from there", {"signatures": [signature()]}, "sender"),
    ("reverse name of the domain", {"hops": (replace(DIRECT[0], ptr="out.example.com"),)}, "sender"),
    ("HELO of the domain, which anybody may say", {"hops": (replace(DIRECT[0], helo="out.example.com"),)}, "unknown"),
    ("the domain's envelope, which anybody may write", {"hops": (Hop("vps.example.net", "mx.example.org", "192.0.2.7", side=Side.RECEIVER),)}, "unknown"),
    ("a list", {"found": LIST, "hops": HOPS, "ip": "198.51.100.9", "mail_from": "list-bounces@example.org"}, "mailing-list"),
    ("a list, signed by the sender", {"found": LIST, "hops": HOPS, "ip": "198.51.100.9", "signatures": [signature()]}, "mailing-list"),
    ("forwarded with SRS", {"found": marks([], "SRS0=ab=cd=example.com=ann@example.org"), "ip": "198.51.100.9"}, "forwarder"),
    ("forwarded without SRS", {"hops": HOPS, "ip": "198.51.100.9", "signatures": [signature()]}, "forwarder"),
    ("forwarded by Gmail", {"found": marks([], "bob+caf_=carol=example.org@example.net")}, "forwarder"),
    ("resent", {"found": marks([("Resent-From", "bob@example.net")])}, "forwarder"),
    ("delivered twice", {"found": marks([("Delivered-To", "carol@example.org"), ("Delivered-To", "bob@example.net")]), "signatures": [signature()]}, "forwarder"),
    ("sealed on the way", {"arc": ArcSeen("pass", sets=(ArcSet(1, "example.org", seal="pass"),)), "signatures": [signature()]}, "forwarder"),
    ("sealed by the receiver", {"arc": ArcSeen("pass", sets=(ArcSet(1, "example.net", seal="pass"),)), "signatures": [signature()]}, "sender"),
    ("forged", {"hops": (Hop("x", "mx.example.net", "192.0.2.7", helo="vps.example.org", side=Side.RECEIVER),), "mail_from": "x@example.org", "seen": spf("fail", "x@example.org", "no")}, "forged"),
    ("a service that signs for itself", {"mail_from": "b@esp.example", "seen": spf("fail", "b@esp.example", "no"), "signatures": [signature("esp.example", aligned="no")]}, "unknown"),
    ("a signature of the domain that does not hold", {"mail_from": "b@esp.example", "seen": spf("none", aligned="no"), "signatures": [signature(result="fail", reason="body-altered")]}, "unknown"),
    ("no address", {"ip": None}, "unknown"),
    ("SPF could not be looked up", {"mail_from": "x@example.org", "seen": spf("temperror", aligned="no")}, "unknown"),
    ("envelope not known", {"mail_from": None, "seen": spf("unknown", None, None)}, "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in WHOSE], ids=[row[0] for row in WHOSE])
def test_whose_address(given, expected):
    assert who(**given) == expected


def test_a_newsletter_is_no_mailing_list():
    found = marks([("List-Id", "<news.example.com>"), ("List-Unsubscribe", "<https://example.com/u>"), ("Precedence", "bulk")], "bounce-17@news.example.com")
    assert found == Marks()
    assert who(found=found, signatures=[signature()]) == "sender"


@pytest.mark.parametrize(
    ("address", "is_list", "rewritten"),
    [
        ("list-bounces@example.org", True, True),
        ("list-bounces+bob=example.net@example.org", True, True),
        ("owner-list@example.org", True, True),
        ("list-return-17-bob=example.net@example.org", True, True),
        ("list+bncBC1@example.org", True, True),
        ("SRS0=ab=cd=example.com=ann@example.org", False, True),
        ("srs1+ab@example.org", False, True),
        ("bounces+SRS=ab=cd@example.org", False, True),
        ("bob+caf_=carol=example.org@example.net", False, True),
        ("ann@example.com", False, False),
        ("bounce+12345@esp.example", False, False),
        ("bounces@news.example.com", False, False),
        ("", False, False),
    ],
)
def test_envelopes(address, is_list, rewritten):
    found = marks([], address)
    assert (found.list_envelope, bool(found.envelope)) == (is_list, rewritten)
    assert Marks().rewritten(address) == rewritten


def test_marks_are_linear_and_never_raise():
    fields = [("X" * 1000, "y" * 100000)] * 50 + [("", ""), ("Delivered-To", "a@" * 5000), ("Return-Path", "<" * 5000)]
    assert marks(fields).is_list is False
    assert marks(fields, "a" * 100000 + "-bounces@" + "b" * 100000).envelope == ""


def test_the_table_of_relays_is_lower_case():
    rows = relays()
    for kind in ("list", "forwarder"):
        assert all(name == name.lower() for name in rows[kind]["fields"])
        assert rows[kind]["envelope"]
    assert set(rows["results"].values()) <= {"pass", "fail", "none", "neutral", "temperror", "permerror"}


# ------------------------------------------------------------------ whole


def test_a_message_through_a_list_from_end_to_end(tmp_path):
    """Signed by the sender, altered and sealed by a list, delivered: each part says its own, and nothing blames the sender's record."""
    keys = rsa_keys()
    message = seal(sign(MESSAGE, keys), keys, 1, d="example.org", s="arc", said="none")
    message = swap(message, b"Subject: Offer", b"Subject: [list] Offer") + b"to leave: https://lists.example.org/\r\n"
    message = b"List-Post: <mailto:list@lists.example.org>\r\nX-Mailman-Version: 3.3.9\r\n" + message
    received = [
        "from lists.example.org (lists.example.org [198.51.100.9]) by mx.example.net with ESMTPS id 2; Sun, 22 Nov 2026 12:01:00 +0000",
        "from out.example.com (out.example.com [192.0.2.7]) by lists.example.org with ESMTPS id 1; Sun, 22 Nov 2026 11:59:00 +0000",
    ]
    claims = [
        *(replace(c, trusted=True) for c in read_results([Field("Authentication-Results", "mx.example.net; spf=pass smtp.mailfrom=list-bounces@lists.example.org; dkim=fail header.d=example.com; dmarc=fail header.from=example.com", 0)])),
        *(replace(c, trusted=False) for c in read_results([Field("Authentication-Results", "lists.example.org; spf=pass smtp.mailfrom=ann@example.com; dkim=pass header.d=example.com", 1)])),
    ]  # fmt: skip
    zones = Zones({"example.com": ['@ IN TXT "v=spf1 ip4:192.0.2.7 -all"'], "example.org": ['lists IN TXT "v=spf1 ip4:198.51.100.9 -all"']})
    zones.key(keys).key(keys, d="example.org", s="arc")
    with zones.world(tmp_path).open() as session:
        signatures = with_alignment(verify_dkim(message, session.dns, now=NOW), "example.com", ORGS)
        arc = verify_arc(message, session.dns, now=NOW)
        sender = "list-bounces@lists.example.org"
        verdict = spf_verdict(session.dns, "198.51.100.9", sender)
    orgs = {**ORGS, "lists.example.org": "example.org"}
    way = read_way(received, own=["example.com"])
    seen = spf_seen(verdict, ip=way.ip, mail_from=sender, from_domain="example.com", orgs=orgs)
    dmarc = dmarc_seen("example.com", replace(REJECT, orgs=orgs), seen, signatures)
    found = marks([("List-Post", "<mailto:list@lists.example.org>"), ("X-Mailman-Version", "3.3.9")], sender)
    assert (seen.result, seen.aligned, dmarc.result) == ("pass", "no", "fail")
    assert [(s.reason, s.header, s.change, s.body_change) for s in signatures] == [("body-altered", "Subject", "subject-tag", "footer")]
    assert (arc.result, arc.reason) == ("fail", "message-altered")
    address = whose(way.ip, hops=way.hops, found=found, from_domain="example.com", mail_from=sender, spf=seen, signatures=signatures, arc=arc)
    assert (address.ip, address.whose) == ("198.51.100.9", "mailing-list")
    got = differences(claims, spf=seen, signatures=signatures, dmarc=dmarc, arc=arc, hops=way.hops, marks=found)
    assert [(d.claim.who, d.claim.method, d.reason) for d in got] == [("lists.example.org", "dkim", "body-altered-by-list")]
