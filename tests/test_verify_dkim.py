"""DKIM verification: signatures made by dkimpy, each message altered in one way, each way told apart. Keys over zone files and faults."""

import hashlib
import random
import re
import time

import dkim
import pytest

from healthcheck.edge import libs_text
from healthcheck.edge.libs_key import read_key
from healthcheck.edge.libs_verify import RESULTS, key_names, verify_dkim
from tests.support.faults import Faults
from tests.support.signing import MESSAGE, NOW, Zones, ed25519_keys, rsa_keys, seal, sign, swap

FORMS = ("relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple")
KINDS = {"rsa-1024": rsa_keys(1024), "rsa-2048": rsa_keys(2048), "ed25519": ed25519_keys()}
RSA = KINDS["rsa-1024"]


@pytest.fixture
def check(tmp_path):
    """verify(message, key=…, faults=…) -> the signatures, over a world in which the key stands."""
    count = iter(range(1000))

    def verify(message, zones=None, *, now=NOW, faults=None, from_domain="example.com", **options):
        folder = tmp_path / str(next(count))
        world = (zones or Zones().key(RSA)).world(folder)
        if faults:
            world = Faults(world, **faults)
        with world.open(deadline=0.4 if faults and "silent" in faults else 5) as session:
            return verify_dkim(message, session.dns, now=now, from_domain=from_domain, **options)

    return verify


def one(signatures):
    (signature,) = signatures
    assert signature.result == RESULTS[signature.reason]
    return signature


# ------------------------------------------------------------------ what holds


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ends", ["crlf", "lf"])
def test_what_dkimpy_signed_holds(check, form, kind, ends):
    keys = KINDS[kind]
    message = sign(MESSAGE, keys, canonical=form)
    if ends == "lf":
        message = message.replace(b"\r\n", b"\n")
    got = one(check(message, Zones().key(keys)))
    assert (got.result, got.reason, got.d, got.s, got.aligned) == ("pass", "", "example.com", "s1", "strict")
    assert (got.header_intact, got.body_intact, got.canonical) == (True, True, form)
    assert got.bits == {"rsa-1024": 1024, "rsa-2048": 2048, "ed25519": 256}[kind]
    assert ("short-key" in got.notes) == (kind == "rsa-1024")
    assert got.evidence[0].name == "s1._domainkey.example.com"
    assert got.evidence[0].found
    assert got.at == NOW - 60
    assert "from" in got.signed


def test_several_signatures_each_by_itself(check):
    message = sign(MESSAGE, RSA, s="s1")
    message = sign(message, KINDS["rsa-2048"], d="mail.example.net", s="s2")
    message = sign(message, KINDS["ed25519"], s="gone")
    zones = Zones().key(RSA).key(KINDS["rsa-2048"], d="mail.example.net", s="s2")
    got = check(message, zones)
    assert [(s.order, s.d, s.s, s.result, s.reason, s.aligned) for s in got] == [
        (0, "example.com", "gone", "permerror", "key-missing", "strict"),
        (1, "mail.example.net", "s2", "pass", "", None),
        (2, "example.com", "s1", "pass", "", "strict"),
    ]
    assert len({s.b for s in got}) == 3
    assert all(re.search(re.escape(s.b.encode()), message.replace(b"\r\n ", b"")) for s in got)


def test_no_more_than_ten_are_verified(check):
    message = MESSAGE
    for _ in range(12):
        message = sign(message, RSA)
    got = check(message)
    assert len(got) == 10
    assert {s.result for s in got} == {"pass"}


def test_dkimpy_itself_agrees(check):
    """Over altered and unaltered messages: where we say pass, so does dkimpy, and the other way round."""

    def answer(name, timeout=5):
        return RSA.record.encode()

    source = random.Random(6)
    told = {"pass": 0, "fail": 0}
    for form in FORMS:
        message = sign(MESSAGE, RSA, canonical=form, tags={"t": str(int(time.time()))})
        for _ in range(40):
            altered = bytearray(message)
            if source.random() < 0.8:
                at = source.randrange(len(MESSAGE)) + len(message) - len(MESSAGE)
                altered[at : at + source.randrange(2)] = source.choice([b" ", b"x", b"\t", b"", b"  ", b" \r\n"])
            try:
                theirs = dkim.DKIM(bytes(altered)).verify(dnsfunc=answer)
            except dkim.MessageFormatError:
                continue  # dkimpy gives up where a line of the header is no field; the signature may hold for all that
            except dkim.ValidationError:
                theirs = False
            ours = one(check(bytes(altered), now=time.time()))
            assert (ours.result == "pass") == theirs, bytes(altered)
            told[ours.result if ours.result == "pass" else "fail"] += 1
    assert min(told.values()) > 20


@pytest.mark.parametrize(
    "body", [b"", b" ", b"\r\n", b"a", b"a ", b"a\r\n\r\n", b"a \t b\t\r\n c\r\n\r\n \r\n", b"\r\n\r\na", b"a\r\n \t\r\n", b"\xff\xfe\r\n"]
)
def test_canonical_bodies_are_those_of_dkimpy(body):
    """RFC 6376 section 3.4. dkimpy leaves blanks at the end of a last line that has no CRLF, where the RFC takes them away."""
    theirs = {"simple": libs_text.Simple, "relaxed": libs_text.Relaxed}
    whole = body + b"\r\n" if body.strip(b"\r\n") and not body.endswith(b"\n") else body
    for form, policy in theirs.items():
        if body != b" ":
            assert libs_text.canonical_body(body, form) == policy.canonicalize_body(whole)


# ------------------------------------------------------------------ one thing altered, and told


BODY = [
    ("footer", lambda m: m + b"-- \r\nlist@lists.example.net\r\nto leave: https://lists.example.net/\r\n", "footer", "list@lists.example.net"),
    ("banner", lambda m: swap(m, b"Dear Bob,", b"CAUTION: this mail comes from outside\r\n\r\nDear Bob,"), "banner", "CAUTION"),
    ("in the middle", lambda m: swap(m, b"From here on", b"[checked by a gateway]\r\nFrom here on"), "inserted", "checked by a gateway"),
    ("From escaped", lambda m: swap(m, b"\r\nFrom here", b"\r\n>From here"), "from-escaped", ">From"),
    ("charset", lambda m: m.replace("café €".encode(), "café €".encode("cp1252")), "charset", ""),
    ("one word", lambda m: swap(m, b"Dear Bob", b"Dear Rob"), "", ""),
    ("cut", lambda m: swap(m, b"\r\nAnn\r\n", b"\r\n"), "", ""),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("alter", "change", "shown"), [row[1:] for row in BODY], ids=[row[0] for row in BODY])
def test_body_altered(check, form, alter, change, shown):
    got = one(check(alter(sign(MESSAGE, RSA, canonical=form))))
    assert (got.result, got.reason, got.body_change) == ("fail", "body-altered", change)
    assert (got.header_intact, got.body_intact) == (True, False)
    assert (got.header, got.change) == ("", "")
    assert shown in got.shown


def test_quoted_printable_on_the_way(check):
    import quopri

    message = sign(MESSAGE, RSA)
    head, body = message.split(b"\r\n\r\n", 1)
    coded = quopri.encodestring(body.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    got = one(check(head.replace(b"8bit", b"quoted-printable") + b"\r\n\r\n" + coded))
    assert (got.reason, got.body_change) == ("body-altered", "transfer-encoding")
    # the field that says so was altered with it
    assert (got.header_intact, got.header, got.change) == (False, "Content-Transfer-Encoding", "transfer-encoding")


def test_wrapped_by_a_list(check):
    message = sign(MESSAGE, RSA, headers=["From", "To", "Subject", "Date", "Message-ID", "Content-Type", "Content-Transfer-Encoding"])
    head, body = message.split(b"\r\n\r\n", 1)
    head = head.replace(b"Content-Type: text/plain; charset=utf-8", b'Content-Type: multipart/mixed; boundary="==x"').replace(
        b"Transfer-Encoding: 8bit", b"Transfer-Encoding: 7bit"
    )
    part = b"--==x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + body
    got = one(check(head + b"\r\n\r\n" + part + b"\r\n--==x\r\nContent-Type: text/plain\r\n\r\nfooter of the list\r\n--==x--\r\n"))
    assert (got.reason, got.body_change, got.body_intact, got.header_intact) == ("body-altered", "wrapped", False, False)
    assert got.header == "Content-Type, Content-Transfer-Encoding"


HEADER = [
    ("list prefix", b"Subject: Offer", b"Subject: [list] Offer", "Subject", "subject-tag", "[list]"),
    ("spam mark", b"Subject: Offer", b"Subject: ***SPAM*** Offer", "Subject", "subject-tag", "***SPAM***"),
    ("outside mark", b"Subject: Offer for", b"Subject: Offer EXTERNAL: for", "Subject", "subject-tag", "EXTERNAL:"),
    ("From by list", b"From: Ann Example <ann@example.com>", b'From: "Ann Example via List" <list@lists.example.net>\r\nReply-To: Ann Example <ann@example.com>', "From", "rewritten", "via List"),
    ("From kept elsewhere", b"From: Ann Example <ann@example.com>", b"From: list@lists.example.net\r\nX-Original-From: Ann Example <ann@example.com>", "From", "rewritten", "list@"),
    ("To quoted", b"To: Bob <bob", b'To: "Bob" <bob', "To", "rewritten", "Bob"),
    ("type", b"charset=utf-8", b'charset="UTF-8"', "Content-Type", "content-type", "UTF-8"),
    ("encoding", b"Content-Transfer-Encoding: 8bit", b"Content-Transfer-Encoding: base64", "Content-Transfer-Encoding", "transfer-encoding", "base64"),
    ("lost", b"MIME-Version: 1.0\r\n", b"", "Mime-Version", "removed", "1.0"),
    ("date comment", b"+0000\r\nMessage", b"+0000 (UTC)\r\nMessage", "Date", "rewritten", "UTC"),
    ("other words", b"Offer for November", b"Something else altogether", "", "", ""),
]  # fmt: skip


@pytest.mark.parametrize("form", ["relaxed/relaxed", "simple/simple"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("old", "new", "header", "change", "shown"), [row[1:] for row in HEADER], ids=[row[0] for row in HEADER])
def test_header_altered(check, form, kind, old, new, header, change, shown):
    keys = KINDS[kind]
    message = sign(MESSAGE, keys, canonical=form)
    at = message.index(b"Received:")
    if header == "Mime-Version" and form.startswith("simple"):
        header, change, shown = "", "", ""  # how it was spelt is lost with it
    got = one(check(message[:at] + swap(message[at:], old, new), Zones().key(keys)))
    assert (got.result, got.reason) == ("fail", "header-altered")
    assert (got.header_intact, got.body_intact) == (False, True)
    assert (got.header, got.change) == (header, change)
    assert shown in got.shown
    assert ("or-wrong-key" in got.notes) == (kind == "ed25519" and not header)


@pytest.mark.parametrize(
    ("old", "new", "header"),
    [
        (b"Date: Sun, 22", b"Date:  Sun,  22", "Date"),
        (b"Bob <bob@example.net>, Carol", b"Bob <bob@example.net>,\r\n\tCarol", "To"),
        (b"Message-ID:", b"Message-Id:", "Message-Id"),
        (b"Subject: Offer for November\r\n", b"Subject: Offer for November \r\n", "Subject"),
    ],
)
def test_white_space_counts_in_simple_form_alone(check, old, new, header):
    simple = swap(sign(MESSAGE, RSA, canonical="simple/simple"), old, new)
    got = one(check(simple))
    assert (got.reason, got.header, got.change) == ("header-altered", header, "whitespace")
    assert one(check(swap(sign(MESSAGE, RSA), old, new))).result == "pass"


def test_all_fields_unfolded_at_once(check):
    folded = swap(MESSAGE, b"Bob <bob@example.net>, Carol", b"Bob <bob@example.net>,\r\n Carol").replace(b"Offer for November", b"Offer for\r\n November")
    message = sign(folded, RSA, canonical="simple/simple")
    at = message.index(b"Received:")
    got = one(check(message[:at] + message[at:].replace(b",\r\n Carol", b", Carol").replace(b"for\r\n Nov", b"for Nov")))
    assert (got.reason, got.change) == ("header-altered", "")  # where they were folded cannot be known
    flat = sign(MESSAGE, RSA, canonical="simple/simple")
    at = flat.index(b"Received:")
    got = one(check(flat[:at] + flat[at:].replace(b", Carol", b",\r\n Carol").replace(b"for Nov", b"for\r\n Nov")))
    assert (got.header, got.change) == ("To, Subject", "whitespace")


def test_several_fields_at_once(check):
    headers = ["From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Id"]
    message = sign(MESSAGE, RSA, headers=headers)  # Reply-To and List-Id are signed as not there
    at = message.index(b"Received:")
    fields = swap(message[at:], b"Subject: Offer", b"Reply-To: list@lists.example.net\r\nList-Id: <list.lists.example.net>\r\nSubject: [list] Offer")
    got = one(check(message[:at] + fields))
    assert (got.reason, got.header) == ("header-altered", "Subject, Reply-To, List-Id")
    assert "[list]" in got.shown


def test_a_field_added_where_one_was_signed(check):
    message = sign(MESSAGE, RSA, headers=["From", "From", "To", "Subject", "Date"])
    for added, header in ((b"From: eve@example.org\r\n", "From"), (b"X-Odd: 1\r\n", "")):
        got = one(check(added + message))
        assert (got.result, got.header) == (("fail", header) if header else ("pass", ""))
    got = one(check(b"From: eve@example.org\r\n" + sign(MESSAGE, RSA, headers=["From", "To"])))
    assert got.result == "fail"  # a second From is refused, though h= counts one (RFC 6376 section 8.15)


def test_copies_in_z_say_what_it_was(check):
    message = sign(MESSAGE, RSA, tags={"z": "From:Ann=20Example=20<ann@example.com>|Subject:=20Offer=20for=20November"})
    at = message.index(b"Received:")
    got = one(check(message[:at] + swap(message[at:], b"Offer for November", b"Something else altogether")))
    assert (got.header, got.change) == ("Subject", "rewritten")
    assert "Offer for November" in got.shown


# ------------------------------------------------------------------ l=


def test_length_counts(check):
    message = sign(MESSAGE, RSA, length=True)
    got = one(check(message))
    assert (got.result, got.appended, "body-length" in got.notes) == ("pass", 0, True)
    got = one(check(message + b"anything at all\r\n"))
    assert (got.result, got.appended) == ("pass", 17)
    assert got.body_length is not None
    got = one(check(swap(message, b"\r\nAnn\r\n", b"\r\n")))
    assert (got.reason, got.body_change) == ("body-altered", "cut-short")
    got = one(check(swap(message, b"Dear Bob", b"Dear Rob")))
    assert (got.reason, got.body_change) == ("body-altered", "")


# ------------------------------------------------------------------ the key


KEY_RECORDS = [
    ("revoked", "v=DKIM1; k=rsa; p=", "key-revoked"),
    ("no p", "v=DKIM1; k=rsa", "key-unreadable"),
    ("broken base64", "v=DKIM1; p=MIGf!!!", "key-unreadable"),
    ("broken DER", "v=DKIM1; p=MIGfMA0GCSqGSIb3", "key-unreadable"),
    ("bad version", RSA.record.replace("DKIM1", "DKIM2"), "key-unreadable"),
    ("twice", RSA.record + "; k=rsa", "key-unreadable"),
    ("type", KINDS["ed25519"].record, "key-type"),
    ("unknown type", RSA.record.replace("k=rsa", "k=dsa"), "unsupported"),
    ("sha1 alone", RSA.record + "; h=sha1", "key-hash"),
    ("other service", RSA.record + "; s=tlsrpt", "key-service"),
    ("another key", rsa_keys(1024, 1).record, "wrong-key"),
    ("another length", rsa_keys(2048, 1).record, "wrong-key"),
    ("even modulus", "v=DKIM1; p=MBgCEQDQAAAAAAAAAAAAAAAAAAAAAgMBAAE=", "key-unreadable"),
]


@pytest.mark.parametrize(("record", "reason"), [row[1:] for row in KEY_RECORDS], ids=[row[0] for row in KEY_RECORDS])
def test_what_is_wrong_with_the_key(check, record, reason):
    got = one(check(sign(MESSAGE, RSA), Zones().key(record)))
    assert got.reason == reason
    assert got.result != "pass"
    assert got.body_intact is True  # said whatever the key is


@pytest.mark.parametrize("extra", ["; h=sha256", "; h=sha1:sha256", "; s=email", "; s=other:*", "; s=web:email", "; n=note; x=1", ""])
def test_keys_that_do(check, extra):
    assert one(check(sign(MESSAGE, RSA), Zones().key(RSA.record + extra))).result == "pass"


def test_a_testing_key_is_noted(check):
    got = one(check(sign(MESSAGE, RSA), Zones().key(RSA.record + "; t=y")))
    assert (got.result, "testing-key" in got.notes) == ("pass", True)


def test_strict_key_and_identity_below(check):
    below = sign(MESSAGE, RSA, tags={"i": "ann@news.example.com"})
    assert one(check(below)).result == "pass"
    got = one(check(below, Zones().key(RSA.record + "; t=s")))
    assert (got.reason, got.identity) == ("strict-key", "ann@news.example.com")
    assert one(check(sign(MESSAGE, RSA), Zones().key(RSA.record + "; t=s"))).result == "pass"
    assert one(check(sign(MESSAGE, RSA, tags={"i": "ann=20b@example.com"}))).result == "pass"


def test_several_records_at_the_selector(check):
    zones = Zones().key(KINDS["rsa-2048"]).key(RSA)
    got = one(check(sign(MESSAGE, RSA), zones))
    assert (got.result, "several-records" in got.notes) == ("pass", True)
    got = one(check(sign(MESSAGE, RSA), Zones().key("v=spf1 -all").key("v=DKIM1; p=")))
    assert (got.reason, "several-records" in got.notes) == ("key-revoked", True)


FAULTS = {
    "servfail": {"servfail": {"s1._domainkey.example.com"}},
    "timeout": {"timeout": {"s1._domainkey.example.com"}},
    "refused": {"refused": {"*"}},
    "bogus": {"bogus": {"*"}},
    "silent": {"silent": {"s1._domainkey.example.com"}},
    "down": {"down": True},
    "not asked": {"not_asked": {"*"}},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_could_not_be_looked_up_is_never_missing(check, fault):
    for altered in (False, True):
        message = sign(MESSAGE, RSA)
        got = one(check(message + b"footer\r\n" if altered else message, faults=FAULTS[fault]))
        assert (got.result, got.reason) == ("temperror", "could-not-look-up")
        assert got.body_intact is not altered
        assert got.header_intact is None
        assert got.evidence[0].unsure
        assert got.body_change == ("footer" if altered else "")


@pytest.mark.parametrize("how", ["nxdomain", "nodata"])
def test_what_is_not_there_is_missing(check, how):
    message = sign(MESSAGE, RSA)
    if how == "nxdomain":
        got = one(check(message, faults={"nxdomain": {"s1._domainkey.example.com"}}))
    else:
        zones = Zones({"example.com": ["s1._domainkey IN A 192.0.2.1"]})
        got = one(check(message, zones))
    assert (got.result, got.reason, got.evidence[0].outcome.value) == ("permerror", "key-missing", how)


def test_a_zone_that_the_files_do_not_hold(check):
    got = one(check(sign(MESSAGE, RSA, d="example.org"), from_domain="example.org"))
    assert (got.reason, got.evidence[0].outcome.value) == ("could-not-look-up", "not-asked")


# ------------------------------------------------------------------ weak, old, expired


def test_weak_keys_are_refused(check):
    weak = rsa_keys(512)
    got = one(check(sign(MESSAGE, weak), Zones().key(weak)))
    assert (got.result, got.reason, got.bits, got.header_intact) == ("policy", "weak-key", 512, True)


def test_sha1_is_refused(check):
    got = one(check(sign(MESSAGE, RSA, algorithm=b"rsa-sha1")))
    assert (got.result, got.reason, got.algorithm, got.header_intact, got.body_intact) == ("policy", "weak-hash", "rsa-sha1", True, True)
    got = one(check(sign(MESSAGE, RSA, algorithm=b"rsa-sha1") + b"footer\r\n"))
    assert (got.reason, got.body_intact) == ("weak-hash", False)


def test_expired_and_not_yet_valid(check):
    message = sign(MESSAGE, RSA, tags={"t": str(int(NOW) - 1000), "x": str(int(NOW) + 1000)})
    assert one(check(message)).result == "pass"
    got = one(check(message, now=NOW + 2000))
    assert (got.result, got.reason, got.expires, got.header_intact) == ("fail", "expired", NOW + 1000, True)
    # it was good when it arrived, which is what the receiver saw
    got = one(check(message, now=NOW + 900000, at=NOW))
    assert (got.result, "expired-since" in got.notes) == ("pass", True)
    got = one(check(message, now=NOW - 5000))
    assert (got.result, got.reason) == ("fail", "not-yet-valid")
    got = one(check(message, now=NOW - 1100))
    assert got.result == "pass"  # clocks differ


# ------------------------------------------------------------------ the field


FIELDS = [
    ("version", {"v": "2"}, "unsupported"),
    ("no version", {"v": None}, "malformed"),
    ("algorithm", {"a": "rsa-md5"}, "unsupported"),
    ("canonical", {"c": "nofws"}, "unsupported"),
    ("query", {"q": "dns/other"}, "unsupported"),
    ("identity", {"i": "ann@example.org"}, "wrong-domain"),
    ("identity beside", {"i": "ann@notexample.com"}, "wrong-domain"),
    ("no domain", {"d": ""}, "malformed"),
    ("odd domain", {"d": "exa mple.com"}, "malformed"),
    ("odd selector", {"s": "-"}, "malformed"),
    ("long selector", {"s": "a" * 300}, "malformed"),
    ("no hash", {"bh": None}, "malformed"),
    ("odd hash", {"bh": "%%%"}, "malformed"),
    ("length", {"l": "-5"}, "malformed"),
    ("expiry", {"x": "soon"}, "malformed"),
    ("expiry before", {"x": "5"}, "malformed"),
    ("no From", {"h": "to:subject:date"}, "from-not-signed"),
    ("empty h", {"h": "from::to"}, "malformed"),
]


@pytest.mark.parametrize(("tags", "reason"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS])
def test_what_is_wrong_with_the_field(check, tags, reason):
    message = sign(MESSAGE, RSA)
    head, rest = message.split(b"Received:", 1)
    text = head.partition(b":")[2].replace(b"\r\n", b"").decode()
    fields = dict(part.strip().split("=", 1) for part in text.split(";") if part.strip())
    fields.update(tags)
    field = "; ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
    got = one(check(f"DKIM-Signature: {field}\r\n".encode() + b"Received:" + rest))
    assert got.reason == reason


def test_query_lists_and_spaces(check):
    assert one(check(sign(MESSAGE, RSA, tags={"q": "other/x:dns/txt"}))).result == "pass"
    assert one(check(sign(MESSAGE, RSA, tags={"zz": "unknown"}))).result == "pass"


@pytest.mark.parametrize("value", ["", ";", "v=1", "v=1;;a=b", "a=rsa-sha256; a=rsa-sha256", "=", "b" * 20000, "v=1;" + " " * 5000 + "a=x", "\xff\xfe"])
def test_malformed_fields_say_so(check, value):
    got = one(check(b"DKIM-Signature: " + value.encode("latin-1") + b"\r\n" + MESSAGE))
    assert (got.result, got.reason) == ("neutral", "malformed")


def test_no_signature_no_answer(check):
    assert check(MESSAGE) == ()
    assert check(b"") == ()
    assert check(b"\r\n\r\n") == ()


# ------------------------------------------------------------------ headers alone


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n", b"\r\n\r\n   \r\n"])
def test_headers_alone_are_neither_pass_nor_fail(check, end):
    head = sign(MESSAGE, RSA).partition(b"\r\n\r\n")[0]
    got = one(check(head + end))
    assert (got.result, got.reason) == ("unknown", "not-verified")
    assert (got.header_intact, got.body_intact, got.bits) == (True, None, 1024)
    got = one(check(swap(head, b"Subject: Offer", b"Subject: [list] Offer") + end))
    assert (got.result, got.reason, got.header_intact, got.header, got.change) == ("unknown", "not-verified", False, "Subject", "subject-tag")
    # what needs no body is sure
    got = one(check(head + end, Zones().key("v=DKIM1; p=")))
    assert (got.result, got.reason) == ("permerror", "key-revoked")
    got = one(check(head + end, Zones().key(rsa_keys(1024, 1))))
    assert (got.result, got.reason) == ("fail", "wrong-key")


def test_a_body_known_to_be_cut_short_is_not_called_altered(check):
    message = sign(MESSAGE, RSA)
    cut = message[: message.index(b"From here")]
    assert one(check(cut)).reason == "body-altered"
    assert one(check(cut, whole_body=False)).reason == "not-verified"
    assert one(check(message, whole_body=False)).result == "pass"


def test_an_empty_body_that_was_signed(check):
    empty = sign(MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", RSA)
    assert one(check(empty)).result == "pass"
    got = one(check(empty + b"a footer\r\n"))
    assert (got.reason, got.body_change, got.shown) == ("body-altered", "footer", "a footer")


# ------------------------------------------------------------------ hostile


def _mutated(count, seed):
    source = random.Random(seed)
    base = [sign(MESSAGE, RSA, canonical=form) for form in FORMS] + [sign(sign(MESSAGE, KINDS["ed25519"], s="e"), RSA, length=True)]
    base += [seal(seal(MESSAGE, RSA, 1, d="example.net", said="none"), RSA, 2, d="example.org")]
    bits = [b";", b"=", b"\r\n", b"\r\n ", b" ", b"\t", b"\0", b"\xff", b"b=", b"bh=", b"h=from:from", b"l=99999999999", b"x=0", b"i=@", b"d=.", b"s=", b":", b"From: x\r\n", b"=?utf-8?q?=ff?=", b"\r\n\r\n", b"--x\r\n"]  # fmt: skip
    for number in range(count):
        message = bytearray(source.choice(base))
        for _ in range(source.randrange(1, 12)):
            at = source.randrange(min(len(message), 1400))
            kind = source.randrange(5)
            if kind == 0:
                message[at : at + source.randrange(40)] = b""
            elif kind == 1:
                message[at:at] = source.choice(bits) * source.choice((1, 1, 1, 50, 3000))
            elif kind == 2:
                message[at] = source.randrange(256)
            elif kind == 3:
                stop = at + source.randrange(200)
                message[at:at] = message[at:stop]
            else:
                message[at : at + 1] = source.choice(bits)
        yield number, bytes(message)


def test_mutated_signatures_never_raise_and_answer_in_time(tmp_path):
    from healthcheck.edge.libs_verify import verify_arc

    zones = Zones().key(RSA).key(KINDS["ed25519"], s="e").key(RSA, d="example.net", s="arc").key(RSA, d="example.org", s="arc")
    results = set()
    with zones.world(tmp_path).open(deadline=60) as session:
        for number, message in _mutated(320, 6):
            start = time.perf_counter()
            got = verify_dkim(message, session.dns, now=NOW, from_domain="example.com")
            chain = verify_arc(message, session.dns, now=NOW)
            took = time.perf_counter() - start
            assert took < 1, (number, took)
            assert all(s.result == RESULTS[s.reason] for s in got)
            assert chain.result in ("pass", "fail", "none", "unknown")
            results |= {s.reason for s in got} | {chain.result}
    assert {"header-altered", "malformed", "", "fail", "none"} <= results


LARGE = {
    "blanks in the body": lambda: MESSAGE + b" " * (1 << 20),
    "blank lines": lambda: MESSAGE + b"\r\n" * (1 << 19) + b"x",
    "short lines": lambda: MESSAGE + b"a\r\n" * (1 << 18),
    "many fields": lambda: b"X: y\r\n" * 150000 + MESSAGE,
    "a long subject": lambda: swap(MESSAGE, b"Offer", b"[a] " * 100000),
    "a folded subject": lambda: swap(MESSAGE, b"Offer", b"a\r\n " * 100000),
    "boundaries": lambda: MESSAGE + b"--x\r\nA: b\r\n\r\n" * 50000,
    "encoded words": lambda: swap(MESSAGE, b"Offer", b"=?utf-8?q?a?= " * 30000),
    "equal signs": lambda: MESSAGE + b"=41=\r\n" * 100000,
    "addresses": lambda: swap(MESSAGE, b"Bob <bob@example.net>", b"a@b," * 20000 + b"<x"),
    "quotes": lambda: swap(MESSAGE, b"To: Bob", b'To: "' + b'"' * 3900),
    "no colon": lambda: b"x" * (1 << 20) + b"\r\n" + MESSAGE,
}


@pytest.mark.parametrize("what", LARGE)
def test_a_mebibyte_of_anything_answers_in_a_second(check, what):
    field = sign(MESSAGE, RSA, canonical="simple/simple").partition(b"Received:")[0]
    field += sign(MESSAGE, KINDS["ed25519"], s="e").partition(b"Received:")[0]
    message = field + LARGE[what]()
    start = time.perf_counter()
    got = check(message, Zones().key(RSA).key(KINDS["ed25519"], s="e"))
    assert time.perf_counter() - start < 1
    assert len(got) == 2
    assert all(s.result == RESULTS[s.reason] for s in got)


def test_keys_to_be_paid_for_by_the_verifier_are_refused():
    import base64

    huge = (
        rsa_keys(1024).record[:20] + base64.b64encode(bytes([0x30, 0x82, 0x20, 0x0A, 2, 0x82, 0x20, 1, 0]) + b"\xff" * 8192 + bytes([2, 3, 1, 0, 1])).decode()
    )
    start = time.perf_counter()
    assert read_key(huge).error == "key-unreadable"
    assert read_key("p=" + "A" * 40000).error == "key-unreadable"
    assert time.perf_counter() - start < 0.5


def test_nothing_is_logged(check, caplog, capsys):
    caplog.set_level(0)
    check(sign(MESSAGE, RSA) + b"footer\r\n")
    check(swap(sign(MESSAGE, RSA), b"Subject: Offer", b"Subject: secret words"))
    assert not caplog.records
    assert capsys.readouterr() == ("", "")


def test_the_names_of_keys_are_known_beforehand():
    message = seal(sign(sign(MESSAGE, RSA), RSA, d="Example.NET.", s="S2"), RSA, 1, d="example.org", said="none")
    assert key_names(message) == ("s2._domainkey.example.net", "s1._domainkey.example.com", "arc._domainkey.example.org")
    assert key_names(b"DKIM-Signature: d=..; s=%\r\n\r\n") == ()


def test_an_opened_signature_is_the_header_hash():
    message = libs_text.split(sign(MESSAGE, RSA))
    tags = libs_text.tags_of(message.fields[0][1])
    name, digest = libs_text.digest_within(libs_text.octets(tags["b"]), read_key(RSA.record))
    names = [n.strip().lower() for n in tags["h"].split(":")]
    pieces = [libs_text.canonical_field(f, "relaxed") for f in libs_text.select(message, names)]
    own = libs_text.canonical_field((message.fields[0][0], libs_text.without_b(message.fields[0][1])), "relaxed").rstrip()
    assert (name, digest) == ("sha256", hashlib.sha256(b"".join(pieces) + own).digest())
    assert libs_text.digest_within(libs_text.octets(tags["b"]), read_key(rsa_keys(1024, 1).record)) is None
