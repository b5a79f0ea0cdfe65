"""explain() and examine() as an unkind user has them: copies that the way back rewrote, several signatures, lists and forwarders of every kind, replies with
a method that passed, notices inside other mail. What was not seen confirms nothing, what is another's is nobody's fault here, and nothing is advised twice."""

import base64
import quopri
import time

import pytest
from click.testing import CliRunner
from support import world_of
from support.faults import Faults

from healthcheck import examine, explain
from healthcheck.explain import diagnose
from healthcheck.faces.cli import main
from healthcheck.message.whose import marks, own_list
from healthcheck.model import EvidenceVerdict, Status
from healthcheck.render import words
from healthcheck.render.happened import advice, summary
from healthcheck.render.redact import masked
from tests.support.signing import MESSAGE, ed25519_keys, rsa_keys, seal, sign, swap
from tests.test_explain_message import DKIM, DMARC, FOOTER, LEVEL, LIST, NAMES, ORIGINAL, UNKNOWN_USER, codes, key, notice, one

CONFIRMED, REFUTED, CANNOT_TELL = EvidenceVerdict.CONFIRMED, EvidenceVerdict.REFUTED, EvidenceVerdict.CANNOT_TELL
KEYS, OTHER, ESP, SEALER = rsa_keys(2048), rsa_keys(2048, 1), rsa_keys(2048, 2), rsa_keys(2048, 3)
SPF = "550-5.7.26 The MAIL FROM domain [{}] has an SPF record with a hard fail policy (-all) but it fails to pass SPF checks with the ip: [{}]. - gsmtp"
BOTH = (
    "550-5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM."
    " Authentication results: DKIM = did not pass SPF [example.com] with ip: [{}] = did not pass - gsmtp"
)
PTR = "550-5.7.25 [{}] The IP address sending this message does not have a PTR record setup. - gsmtp"
LISTED = "550 5.7.1 Service unavailable, Client host [{0}] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/{0}"
SIGNED = sign(ORIGINAL, KEYS, headers=NAMES)
HEAD, BODY = SIGNED.split(b"\r\n\r\n", 1)
FORWARDED = b"X-Forwarded-To: lena@example.net\r\n"


@pytest.fixture
def world(tmp_path):
    """example.com, which asks for DMARC and publishes a key; a list and a forwarder at example.org; a service at esp.example."""

    def make(*more, dmarc="v=DMARC1; p=reject", spf="v=spf1 ip4:192.0.2.7 -all"):
        zones = {
            "example.com": f'@ IN A 192.0.2.1\n@ IN MX 10 @\n@ IN TXT "{spf}"\n_dmarc IN TXT "{dmarc}"\n{key()}\n' + "\n".join(more),
            "example.org": f'@ IN TXT "v=spf1 ip4:198.51.100.3 -all"\n_dmarc IN TXT "v=DMARC1; p=reject"\nlists IN A 198.51.100.3\n{key(SEALER, "arc")}',
            "esp.example": f'@ IN TXT "v=spf1 ip4:203.0.113.0/24 -all"\n_dmarc IN TXT "v=DMARC1; p=none"\n{key(ESP, "e1")}',
            "example.net": "@ IN A 192.0.2.2\n@ IN MX 10 @",
            "100.51.198.in-addr.arpa": "3 IN PTR lists.example.org.",
        }
        patch = "".join(f'_dmarc.{tld}. 300 IN TXT "none"\n' for tld in ("com", "org", "net", "example"))
        return world_of(tmp_path / str(len(list(tmp_path.iterdir()))), zones, patch=patch)

    return make


def records(failure):
    found = [*failure.evidence.support, *failure.evidence.against, *([failure.fix] if failure.fix else [])]
    return " ".join(text for f in found if f.record for text in f.record.proposed)


# ------------------------------------------------------------------ the copy is not what the receiver had


def encoded(name, body):
    return (
        swap(HEAD, b"Content-Transfer-Encoding: 8bit", b"Content-Transfer-Encoding: " + name)
        + b"\r\n\r\n"
        + body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    )


SIMPLE = sign(swap(ORIGINAL, b"Dear Bob,", b"Dear Bob,  "), KEYS, canonical="simple/simple", headers=NAMES)
REWRITTEN = {
    "made quoted-printable on the way back": encoded(b"quoted-printable", quopri.encodestring(BODY.replace(b"\r\n", b"\n"))),
    "made base64 on the way back": encoded(b"base64", base64.encodebytes(BODY)),
    "a mailbox escaped From": swap(SIGNED, b"\r\nFrom here", b"\r\n>From here"),
    "blanks at line ends lost": swap(SIMPLE, b"Dear Bob,  ", b"Dear Bob,"),
    "a field folded anew": swap(SIMPLE, b"Subject: Offer for November", b"Subject: Offer for\r\n November"),
    "a signed field left out": swap(SIGNED, b"Subject: Offer for November\r\n", b""),
    "read in another character set": SIGNED.decode("latin-1").encode("utf-8"),
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_what_the_way_back_may_have_done_is_not_held_against_the_message(name, world):
    failure = one(notice(DKIM, REWRITTEN[name]), world(), ips=("192.0.2.7",))
    assert (failure.evidence.verdict, failure.evidence.why_not, failure.fix) == (CANNOT_TELL, "message-open", None)
    seen = examine(notice(DKIM, REWRITTEN[name]), world=world())
    assert [(s.result, s.reason) for s in seen.dkim] == [("unknown", "not-verified")]
    told = " ".join([*summary(seen)["more"], *(row["text"] for row in advice(seen))])
    assert "body is not there" not in told, "the body is there, and does not fit"
    assert "way back" in told


def test_a_message_below_a_reply_is_a_copy_too(world):
    text = f"{DKIM}\n\n" + REWRITTEN["blanks at line ends lost"].decode()
    assert one(text, world(), ips=("192.0.2.7",)).evidence.verdict is CANNOT_TELL
    assert one(f"{DKIM}\n\n" + SIGNED.decode(), world(), ips=("192.0.2.7",)).evidence.verdict is REFUTED


def test_the_source_that_a_mailbox_took_is_still_judged(world):
    """No bounce: what was pasted is the message itself, and a conversion is what broke the signature."""
    (found,) = examine(REWRITTEN["made quoted-printable on the way back"], world=world()).dkim
    assert (found.reason, found.body_change) == ("body-altered", "transfer-encoding")


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
@pytest.mark.parametrize("before", ["", "> ", ">> ", "    "])
def test_line_ends_and_quotation_marks_change_nothing(ends, before, world):
    text = "".join(f"{before}{line}{ends}" for line in notice(DKIM, SIGNED).splitlines())
    failure = one(text, world(), ips=("192.0.2.7",))
    assert (failure.evidence.verdict, failure.evidence.why_not) == (REFUTED, "message-holds")


# ------------------------------------------------------------------ several signatures

TWO = sign(SIGNED, OTHER, s="gone", headers=NAMES)
MANY = b"".join(sign(ORIGINAL, OTHER, s=f"x{n}", headers=NAMES).partition(b"Received:")[0] for n in range(12)) + SIGNED


@pytest.mark.parametrize("reply", [DKIM, DMARC])
def test_a_broken_signature_confirms_nothing_where_another_was_not_verified(reply, world):
    silent = Faults(world(), timeout={"s1._domainkey.example.com"})
    assert one(notice(reply, TWO), silent).evidence.verdict is CANNOT_TELL
    assert one(notice(reply, TWO.split(b"\r\n\r\n", 1)[0] + b"\r\n", kind="text/rfc822-headers"), world()).evidence.verdict is CANNOT_TELL
    assert one(notice(DKIM, sign(sign(ORIGINAL, OTHER, s="a"), OTHER, s="b")), world()).evidence.verdict is CONFIRMED, "both keys are gone"
    assert one(notice(reply, TWO), world()).evidence.verdict is REFUTED, "one of them holds"


def test_more_signatures_than_are_verified_are_not_called_broken(world):
    failure = one(notice(DKIM, MANY), world(), ips=("192.0.2.7",))
    assert failure.evidence.verdict is CANNOT_TELL
    seen = examine(notice(DMARC, MANY, envelope="b@esp.example"), world=world())
    assert seen.dmarc.result == "unknown"
    (left,) = [f for f in seen.findings if f.code == "MSG063"]
    assert (left.status, "3 more" in words.message(left), bool(left.evidence)) == (Status.UNKNOWN, True, True)


def test_a_key_that_is_missing_is_told_though_the_copy_is_unsigned(world):
    """The user names the selector: that its key is not there stands, whatever the copy shows."""
    text = notice(DKIM, ORIGINAL, text="This message was created automatically by mail delivery software.\n")
    failure = one(text, world(), from_domain="example.com", selectors=("none",))
    assert "DKM002" in {f.code for f in failure.evidence.support if f.status is Status.FAIL}


# ------------------------------------------------------------------ what the receiver asked for


def test_where_one_of_the_two_is_enough_a_signature_that_holds_refutes(world):
    failure = one(notice(BOTH.format("198.51.100.3"), FORWARDED + SIGNED), world())
    assert (failure.evidence.verdict, failure.evidence.why_not, failure.fix) == (REFUTED, "message-holds", None)
    broken = one(notice(BOTH.format("198.51.100.3"), FORWARDED + ORIGINAL), world())
    assert (broken.evidence.verdict, broken.evidence.why_not, broken.fix.code) == (CONFIRMED, "another-sender", "MSG062")


def test_what_the_receiver_says_passed_needs_no_proof(world):
    passed = LEVEL.replace("Spf= Fail", "Spf= Pass")
    assert one(notice(passed, SIGNED), world()).evidence.verdict is REFUTED, "the address is not known, and SPF passed there"
    assert one(notice(LEVEL, SIGNED), world()).evidence.verdict is CANNOT_TELL
    all_passed = "Spf= Pass , Dkim= Pass , DMARC= Pass".join(LEVEL.partition("Spf= Fail , Dkim= Fail , DMARC= Fail")[::2])
    assert one(notice(all_passed, ORIGINAL), world()).evidence.verdict is not REFUTED, "nothing of ours speaks for it"


def test_refuted_advises_nothing_that_is_there_already(world):
    fix = words.failure_fix(one(notice(DKIM, SIGNED), world()))
    assert "Change nothing" in fix["summary"]
    assert "DKIM" not in fix["summary"]
    assert fix["record"] is None
    assert "DKIM" in words.failure_fix(one(notice(DKIM, ORIGINAL), world(), ips=("192.0.2.7",)))["summary"]


def test_strict_alignment_shows_while_spf_is_open(world):
    """The signature holds for the organization and the record asks for the very name: it does not speak for the author, whatever SPF comes to."""
    message = sign(swap(ORIGINAL, b"<ann@example.com>", b"<ann@news.example.com>"), KEYS, headers=NAMES)
    news = 'news IN TXT "v=spf1 ip4:192.0.2.7 -all"'
    for policy, there, absent in (("v=DMARC1; p=reject; adkim=s", "MSG067", "MSG050"), ("v=DMARC1; p=reject", "MSG050", "MSG067")):
        found = codes(examine(notice(DMARC, message, envelope="ann@news.example.com"), world=world(news, dmarc=policy)).findings)
        assert there in found
        assert absent not in found
    unknown = Faults(world(news, dmarc="v=DMARC1; p=reject; adkim=s"), timeout={"_dmarc.example.com", "_dmarc.news.example.com"})
    assert "MSG067" not in codes(examine(notice(DMARC, message, envelope="ann@news.example.com"), world=unknown).findings)


def test_of_a_domain_without_dmarc_no_message_is_called_unaligned(world):
    text = notice(DMARC, ORIGINAL, envelope="b@esp.example")
    failure = one(text, world(dmarc="something else"))
    assert failure.evidence.verdict is CANNOT_TELL
    assert one(text, world()).evidence.verdict is CONFIRMED


# ------------------------------------------------------------------ whose it is


def test_a_silent_dns_goes_before_what_the_user_could_add(world):
    failure = one(notice(DMARC, SIGNED), Faults(world(), timeout={"s1._domainkey.example.com"}))
    assert failure.evidence.why_not == "could-not-look-up"
    assert one(notice(DMARC, SIGNED.split(b"\r\n\r\n")[0] + b"\r\n", kind="text/rfc822-headers"), world()).evidence.why_not == "no-ip"


@pytest.mark.parametrize(
    "reply", [SPF.format("example.com", "198.51.100.9"), BOTH.format("198.51.100.9"), PTR.format("198.51.100.9"), LISTED.format("198.51.100.9")]
)
def test_a_forwarders_address_is_never_the_users_to_mend(reply, world):
    failure = one(notice(reply, FORWARDED + ORIGINAL), world())
    assert "MSG070" in codes(failure.evidence.support)
    assert failure.fix.code in ("MSG070", "MSG062")
    assert "198.51.100.9" not in records(failure)
    assert failure.suppress == "never"


def test_a_forwarders_address_that_is_in_order_refutes_all_the_same(world):
    """Its reverse name is there, and leads back: the note on whose it is keeps no claim alive."""
    failure = one(notice(PTR.format("198.51.100.3"), FORWARDED + ORIGINAL), world())
    assert (failure.evidence.verdict, failure.fix) == (REFUTED, None)
    assert "MSG070" in codes(failure.evidence.support)


def test_the_user_knows_better_whose_address_it_is(world):
    """Said to be the user's own, it is mended, though the message was forwarded once."""
    failure = one(notice(SPF.format("example.com", "192.0.2.99"), FORWARDED + ORIGINAL), world(), ips=("192.0.2.99",))
    assert failure.fix.code == "SPF018"
    assert "ip4:192.0.2.99" in records(failure)


def test_an_envelope_that_a_forwarder_wrote_is_not_the_service_s_to_change(world):
    text = notice(LEVEL.replace("Dkim= Fail", "Dkim= Pass"), FORWARDED + SIGNED, envelope="SRS0=ab=XY=example.com=ann@example.org")
    failure = one(text, world())
    assert failure.fix is None or failure.fix.code != "MSG066"
    assert {f.status for f in failure.evidence.support if f.code == "MSG066"} <= {Status.NOTE}


def test_a_hop_between_is_told_though_no_address_is_known(world):
    """Sealed and then given a footer by who passed it on: that is theirs, and not the last program of the sender's."""
    hop = b"Received: from out.example.com (out.example.com [192.0.2.7]) by fwd.example.org with ESMTPS id 2;\r\n Sun, 22 Nov 2026 11:59:30 +0000\r\n"
    sealed = seal(hop + SIGNED, SEALER, 1, d="example.org", said="none")
    failure = one(notice(DMARC, sealed + FOOTER), world())
    assert (failure.evidence.why_not, failure.fix.code) == ("passed-on", "MSG053")
    seen = examine(notice(DMARC, sealed), world=world())
    assert (seen.address.whose, seen.address.ip, seen.arc.result) == ("forwarder", None, "pass")
    assert one(notice(DMARC, sealed), world()).evidence.verdict is REFUTED


def test_the_senders_own_way_out_is_no_forwarder(world):
    """A gateway that adds a disclaimer after the mail was signed had it for the very recipient; a forwarder had it for another one."""
    hop = b"Received: from out.example.com (out.example.com [192.0.2.7]) by gate.esp.example with ESMTPS id 2 for <%s>;\r\n Sun, 22 Nov 2026 11:59:30 +0000\r\n"
    own = one(notice(DMARC, hop % b"lena@example.net" + SIGNED + FOOTER), world())
    assert (own.evidence.why_not, own.fix.code) == (None, "MSG051")
    passed = one(notice(DMARC, hop % b"lena@school.example" + SIGNED + FOOTER), world())
    assert (passed.evidence.why_not, passed.fix.code) == ("passed-on", "MSG053")
    text = SPF.format("example.com", "203.0.113.9")
    unknown = one(notice(text, hop % b"lena@example.net" + SIGNED), world())
    assert (unknown.evidence.why_not, unknown.fix.code) == ("another-sender", "SPF018"), "whose it is does not show"
    assert "203.0.113.9" not in records(unknown)
    assert one(notice(text, hop % b"lena@school.example" + SIGNED), world()).fix.code == "MSG070"


OWN_LIST = LIST.replace(b"example.org", b"example.com")


def test_a_list_of_the_authors_own_is_no_stranger(world):
    failure = one(notice(DMARC, OWN_LIST + SIGNED + FOOTER, envelope="club-bounces@example.com"), world())
    assert "MSG051" in codes(failure.evidence.support)
    assert not {"MSG053", "MSG070"} & codes(failure.evidence.support)
    other = one(notice(DMARC, LIST + SIGNED + FOOTER, envelope="club-bounces@example.org"), world())
    assert other.evidence.why_not == "passed-on"


@pytest.mark.parametrize(
    ("fields", "envelope", "own"),
    [
        ([("List-Post", "<mailto:club@lists.example.com>")], "club-bounces@example.com", True),
        ([("List-Post", "<mailto:club@example.org>")], "club-bounces@example.com", False),
        ([("List-Post", "<mailto:club@example.com>")], "club-bounces@example.org", False),
        ([("List-Post", "NO"), ("Precedence", "list")], "ann@example.com", False),
        ([("List-Post", "<mailto:club@example.com>"), ("X-Forwarded-To", "lena@example.net")], None, False),
        ([], None, False),
    ],
)
def test_whose_list_it_is_has_to_show(fields, envelope, own):
    assert own_list(marks(fields, envelope), "example.com") is own


def test_a_message_that_nobody_signed_may_be_a_forgers(world):
    """A refusal that came back to the forged address: the fault is borne out, and that it may be another's message is said."""
    forged = swap(MESSAGE, b"out.example.com (out.example.com [192.0.2.7])", b"[203.0.113.77] (unknown [203.0.113.77])")
    failure = one(notice(DMARC, forged), world())
    assert (failure.evidence.verdict, failure.evidence.why_not) == (CONFIRMED, "another-sender")
    for reply in (DMARC, SPF.format("example.com", "203.0.113.77"), UNKNOWN_USER):
        assert "203.0.113.77" not in records(one(notice(reply, forged), world()))
    assert one(notice(DMARC, ORIGINAL, envelope="b@esp.example"), world(), ips=("203.0.113.9",)).evidence.why_not is None, "the user says whose it is"


def test_the_null_sender_is_judged_by_the_name_in_the_reply(world):
    """RFC 7208 section 2.4: what the reply calls the MAIL FROM domain of an empty one is the name in HELO."""
    seen = examine(notice(SPF.format("out.example.com", "192.0.2.7"), ORIGINAL, envelope=""), world=world('out IN TXT "v=spf1 a -all"', "out IN A 192.0.2.7"))
    assert (seen.spf.result, seen.spf.helo, seen.spf.aligned) == ("pass", "out.example.com", "relaxed")


def test_a_notice_inside_a_mail_gives_no_sender_away(world):
    """Sent on as text: the header of the notice is a mail system's, and its host is not the From domain."""
    text = "From: boss@example.org\nTo: ann@example.com\nSubject: Fwd: what is this\n\nsee below\n\n-------- Forwarded Message --------\n" + notice(
        DKIM, SIGNED
    )
    for pasted in (text, text.partition("\n\n")[2]):
        sender = diagnose(pasted).failures[0].bounce.sender
        assert sender is None or sender.from_domain == "example.com"
    assert "mta.example.net" not in records(one(text, world()))


# ------------------------------------------------------------------ speed, privacy, faces

LINE = b"Received: from h%d.example.org (h%d.example.org [198.51.100.7])\r\n by h.example.net with ESMTPS id %d; %s\r\n"
DATES = {"true": b"Sun, 22 Nov 2026 11:50:00 +0000", "none": b"", "forged": b"Mon, 31 Feb 99999999 99:99:99 +9999 ((((((", "folded": b"Sun,\r\n\t22\r\n Nov 2026 11:50:00", "8-bit": b"\xe9\xff\xfe"}  # fmt: skip
ROOM = 1_040_000 - len(SIGNED)
BIG = {
    **{f"60 hops, {name} dates": b"".join(LINE % (n, n, n, date) for n in range(60)) + SIGNED for name, date in DATES.items()},
    "body of 1 MiB": SIGNED + b"a line of text that is not long\r\n" * (ROOM // 33),
    "one line of 1 MiB": SIGNED + b"a" * ROOM,
    "one field of 1 MiB": b"X-A: " + b"b" * ROOM + b"\r\n" + SIGNED,
    "signatures of 1 MiB": b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=AA; b=BB\r\n" * (ROOM // 80) + SIGNED,
    "lists of 1 MiB": b"List-Post: " + b"<mailto:a@" * (ROOM // 10) + b"\r\n" + SIGNED,
}


@pytest.mark.parametrize("name", BIG)
def test_an_answer_within_a_second(name, world):
    served, text = world(), notice(DMARC, b"").encode().replace(b"Content-Type: message/rfc822\n\n", b"Content-Type: message/rfc822\n\n" + BIG[name])
    for given in ({"offline": True}, {"world": served}):
        for work in (examine, explain):
            started = time.process_time()
            work(text, **given)
            assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    "text",
    [
        'envelope-from="local@example.com"; helo=x', '"local" (in words) <local@example.com>', "local (a comment) @example.com", "@local@example.com", "local\uff20example.com",
        '{"from":"local@example.com"}', '\\"local@example.com\\"',
    ],
)  # fmt: skip
def test_an_address_is_masked_however_it_is_written(text):
    assert "local@" not in masked(text).replace(" ", "").replace("(acomment)", "")
    assert "local\uff20" not in masked(text)
    assert "example.com" in masked(text)


def test_no_format_shows_a_local_part_that_was_masked(tmp_path):
    header = b'Received-SPF: fail (mx.example.net: domain of localpart@example.com) client-ip=192.0.2.9; envelope-from="localpart@example.com"; helo=out.example.com;\r\n'
    message = header + sign(swap(ORIGINAL, b"ann@example.com", b"localpart@example.com"), ed25519_keys(), headers=NAMES)
    (tmp_path / "m.eml").write_text(notice(DMARC, message, envelope="localpart@example.com"))
    for command in ("examine", "explain"):
        for form in ("text", "json", "jsonl"):
            result = CliRunner().invoke(main, [command, str(tmp_path / "m.eml"), "--offline", "--redact", "--format", form])
            assert result.exit_code in (0, 1)
            assert "example.com" in result.output
            assert "localpart" not in result.output


@pytest.mark.parametrize("command", ["examine", "explain"])
def test_the_command_line_answers_nonsense_in_words(command, tmp_path):
    (tmp_path / "empty").write_text("")
    (tmp_path / "binary").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    for name, code in (("empty", 2), (".", 2), ("absent", 2), ("binary", 0)):
        result = CliRunner().invoke(main, [command, str(tmp_path / name), "--offline"])
        assert (name, result.exit_code) == (name, code)
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
