"""explain() with the message that came back: what it shows is evidence, what it does not show is left open, and a fault of others is called theirs."""

import dataclasses
import json
import re
import time

import pytest
from click.testing import CliRunner
from support import world_of
from support.faults import Faults

from app import create_app
from healthcheck import examine, explain
from healthcheck.catalog import catalog
from healthcheck.edge.world import World
from healthcheck.explain import diagnose, join, look, looks, plans
from healthcheck.faces.cli import main
from healthcheck.message.shows import CODES
from healthcheck.model import EvidenceVerdict, Status
from healthcheck.render import words
from healthcheck.render.happened import advice, summary
from healthcheck.scan import scan
from tests.stories.test_lessons import NOTICE
from tests.support.signing import MESSAGE, rsa_keys, sign, swap

CONFIRMED, REFUTED, CANNOT_TELL = EvidenceVerdict.CONFIRMED, EvidenceVerdict.REFUTED, EvidenceVerdict.CANNOT_TELL
KEYS, OTHER, WEAK = rsa_keys(2048), rsa_keys(2048, 1), rsa_keys(512)
DKIM = "550-5.7.30 This mail has been blocked because DKIM does not pass. Authentication results: DKIM = did not pass. - gsmtp"
DMARC = "550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy. - gsmtp"
NO_REASON = "550 5.7.1 Delivery not authorized, message refused"
UNKNOWN_USER = "550 5.1.1 <lena@example.net>: Recipient address rejected: User unknown"
POSTFIX = "This is the mail system at host mta.example.net.\n\nIt could not be delivered.\n"
# our own server had it, and nobody else yet
ORIGINAL = swap(
    MESSAGE,
    b"Received: from out.example.com (out.example.com [192.0.2.7]) by mx.example.net with ESMTPS id 1;",
    b"Received: by out.example.com (Postfix, from userid 1) id 1;",
)
LIST = b"List-Id: <club.example.org>\r\nList-Post: <mailto:club@example.org>\r\nPrecedence: list\r\n"
FOOTER = b"-- \r\nclub mailing list\r\n"


def key(keys=KEYS, name="s1", text=None):
    value = text or keys.record
    return f"{name}._domainkey IN TXT " + " ".join('"' + value[n : n + 200] + '"' for n in range(0, len(value), 200))


def notice(reply, message, *, envelope="ann@example.com", text=POSTFIX, kind="message/rfc822"):
    original = f"Return-Path: <{envelope}>\n" + message.decode("utf-8").replace("\r\n", "\n")
    made = NOTICE.format(reply=reply, envelope=envelope, original=original).replace("It could not be delivered.\n", text)
    return made.replace("Content-Type: message/rfc822", f"Content-Type: {kind}")


@pytest.fixture
def world(tmp_path):
    """example.com, which publishes a key and asks for DMARC; more records, or another policy, laid in."""

    def make(*more, dmarc="v=DMARC1; p=reject", spf="v=spf1 ip4:192.0.2.7 -all"):
        zone = f'@ IN A 192.0.2.1\n@ IN MX 10 @\n@ IN TXT "{spf}"\n_dmarc IN TXT "{dmarc}"\nmail IN TXT "v=spf1 ip4:192.0.2.7 -all"\n' + "\n".join(more)
        zones = {"example.com": zone, "example.org": '@ IN TXT "v=spf1 ip4:198.51.100.3 -all"', "example.net": "@ IN A 192.0.2.2"}
        patch = '_dmarc.com. 300 IN TXT "none"\n_dmarc.org. 300 IN TXT "none"\n'
        return world_of(tmp_path / str(len(list(tmp_path.iterdir()))), zones, patch=patch)

    return make


def one(text, world, **said):
    (failure,) = explain(text, world=world, **said).failures
    return failure


def codes(findings):
    return {f.code for f in findings}


# ------------------------------------------------------------------ each fault is told apart

NAMES = ["from", "to", "subject", "date", "message-id"]
FAULTS = {
    "body altered": (lambda: sign(ORIGINAL, KEYS) + FOOTER, (key(),), "MSG051"),
    "header altered": (lambda: swap(sign(ORIGINAL, KEYS), b"Subject: Offer", b"Subject: [ext] Offer"), (key(),), "MSG052"),
    "altered by a list": (lambda: LIST + sign(ORIGINAL, KEYS, headers=NAMES) + FOOTER, (key(),), "MSG053"),
    "expired": (lambda: sign(ORIGINAL, KEYS, tags={"t": "1767225600", "x": "1767830400"}), (key(),), "MSG054"),
    "not yet valid": (lambda: sign(ORIGINAL, KEYS, tags={"t": "1900000000"}), (key(),), "MSG055"),
    "no key": (lambda: sign(ORIGINAL, KEYS), (), "MSG056"),
    "key revoked": (lambda: sign(ORIGINAL, KEYS), (key(text="v=DKIM1; p="),), "MSG056"),
    "key unreadable": (lambda: sign(ORIGINAL, KEYS), (key(text="v=DKIM1; p=~~~"),), "MSG057"),
    "key of another kind": (lambda: sign(ORIGINAL, KEYS), (key(text="v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),), "MSG057"),
    "another key": (lambda: sign(ORIGINAL, OTHER), (key(),), "MSG058"),
    "weak key": (lambda: sign(ORIGINAL, WEAK), (key(WEAK),), "MSG059"),
    "malformed": (lambda: swap(sign(ORIGINAL, KEYS), b"v=1;", b"v=2;"), (key(),), "MSG060"),
    "not signed": (lambda: ORIGINAL, (key(),), "MSG062"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_refusal_for_dkim_is_borne_out_by_the_message(name, world):
    """SPF passes and is aligned, so that DMARC passes: the receiver asks for a signature all the same."""
    message, records, code = FAULTS[name]
    failure = one(notice(DKIM, message()), world(*records), ips=("192.0.2.7",))
    assert (failure.cause, failure.evidence.verdict, failure.evidence.message) == ("auth-dkim", CONFIRMED, "whole")
    (shown,) = [f for f in failure.evidence.support if f.code == code]
    assert code in CODES.values() or code in ("MSG053", "MSG062")
    assert shown.evidence
    assert shown.record is None
    assert "{" not in words.message(shown)
    assert "…" not in words.message(shown).replace("…”", "")
    assert failure.fix is not None
    assert failure.suppress == "never"


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ("not signed",)])
def test_where_the_signature_holds_the_claim_is_refuted(name, world):
    """The same receiver, and a message that is signed as it should be: the bounce is not believed, and what else it can be is said."""
    failure = one(notice(DKIM, sign(ORIGINAL, KEYS)), world(key()), ips=("192.0.2.7",))
    assert (failure.evidence.verdict, failure.evidence.why_not) == (REFUTED, "message-holds")
    assert not codes(failure.evidence.support) & {FAULTS[name][2]}
    assert "MSG050" in codes(failure.evidence.against)
    assert failure.fix is None


DMARC_FAILS = {
    # message, envelope, records, DMARC record, code, code of the fix
    "envelope elsewhere": (lambda: ORIGINAL, "b@example.org", (), "v=DMARC1; p=reject", "MSG066", "MSG066"),
    "signed by another": (lambda: sign(ORIGINAL, OTHER, d="example.org"), "b@example.org", (), "v=DMARC1; p=reject", "MSG061", "MSG061"),
    "strict asked": (lambda: sign(ORIGINAL, KEYS, d="mail.example.com"), "b@mail.example.com", (key(name="s1").replace("s1._domainkey", "s1._domainkey.mail"),), "v=DMARC1; p=reject; adkim=s; aspf=s", "MSG067", "MSG067"),
    "footer of a list": (lambda: LIST + sign(ORIGINAL, KEYS, headers=NAMES) + FOOTER, "club-bounces@example.org", (key(),), "v=DMARC1; p=reject", "MSG053", "MSG053"),
}  # fmt: skip


@pytest.mark.parametrize("name", DMARC_FAILS)
def test_a_refusal_for_dmarc_is_borne_out_by_the_message(name, world, tmp_path):
    message, envelope, records, policy, code, fix = DMARC_FAILS[name]
    made = world(*records, dmarc=policy)
    if name == "signed by another":
        made = World.zones([_patch(tmp_path, key(OTHER).replace("s1._domainkey", "s1._domainkey.example.org."))], beneath=made)
    ips = () if "list" in name else ("192.0.2.7",)
    failure = one(notice(DMARC, message(), envelope=envelope), made, ips=ips)
    assert (failure.cause, failure.evidence.verdict) == ("auth-dmarc", CONFIRMED)
    assert {code, "MSG069"} <= codes(failure.evidence.support)
    assert "MSG062" not in codes(failure.evidence.support) or code == "MSG066"
    assert failure.fix.code == fix
    assert failure.fix.record is None
    assert words.fix(failure.fix)["why_no_record"]


def _patch(folder, line):
    path = folder / "patch.records"
    path.write_text(line.replace(" IN TXT", " 300 IN TXT") + "\n")
    return path


def test_of_a_list_it_is_said_whose_fault_it_is(world):
    failure = one(notice(DMARC, LIST + sign(ORIGINAL, KEYS, headers=NAMES) + FOOTER, envelope="club-bounces@example.org"), world(key()))
    assert failure.evidence.why_not == "passed-on"
    assert "list" in words.failure_fix(failure)["summary"]
    assert "your side" not in words.address(failure)
    assert words.side(failure) == "Somebody else's side"
    assert failure.side == "sender", "the party of the cause stays; a list is no reason to give up the address"
    assert "example.org" not in json.dumps([f.record and f.record.proposed for f in failure.evidence.support])


def test_the_forwarders_address_is_named_and_left_out_of_spf(world):
    text = "550-5.7.26 The MAIL FROM domain [example.com] has an SPF record with a hard fail policy (-all) but it fails to pass SPF checks with the ip: [198.51.100.3]."
    forwarded = b"Delivered-To: lena@school.example\r\nX-Forwarded-To: lena@example.net\r\n" + ORIGINAL
    failure = one(notice(text, forwarded), world())
    assert (failure.evidence.verdict, failure.evidence.why_not, failure.fix.code) == (CONFIRMED, "another-sender", "MSG070")
    assert all(f.record is None for f in failure.evidence.support)
    told = one(notice(text, ORIGINAL), world())
    assert "MSG070" not in codes(told.evidence.support), "nothing in the message speaks of a relay"


def test_a_signature_that_holds_lets_dmarc_pass_whatever_spf_says(world):
    failure = one(notice(DMARC, sign(ORIGINAL, KEYS)), world(key(), spf="v=spf1 -all"), ips=("192.0.2.7",))
    assert (failure.evidence.verdict, failure.fix) == (REFUTED, None)
    assert "SPF018" in codes(failure.evidence.support), "what is wrong besides is shown"


def test_a_refusal_without_a_reason_becomes_one_for_dmarc(world):
    failure = one(notice(NO_REASON, ORIGINAL, envelope="b@example.org"), world(key()), ips=("198.51.100.3",))
    assert (failure.cause, failure.evidence.promoted_from, failure.side, failure.suppress) == ("auth-dmarc", "policy-unstated", "sender", "never")
    assert failure.fix.code == "MSG066"
    none = one(notice(NO_REASON, ORIGINAL, envelope="b@example.org"), world(key(), dmarc="v=DMARC1; p=none"), ips=("198.51.100.3",))
    assert none.cause == "policy-unstated", "a policy that asks for nothing refuses nothing"


LEVEL = "550 5.7.515 Access denied, sending domain example.com doesn't meet the required authentication level. Spf= Fail , Dkim= Fail , DMARC= Fail"


def test_a_receiver_that_asks_for_all_is_refuted_where_all_pass(world):
    failure = one(notice(LEVEL, sign(ORIGINAL, KEYS)), world(key()), ips=("192.0.2.7",))
    assert (failure.cause, failure.evidence.verdict, failure.evidence.why_not) == ("auth-other", REFUTED, "message-holds")
    unsigned = one(notice(LEVEL, ORIGINAL), world(key()), ips=("192.0.2.7",))
    assert unsigned.evidence.verdict is CANNOT_TELL, "DMARC passes by SPF, and DKIM was asked for too"
    assert "MSG062" in codes(unsigned.evidence.support)


# ------------------------------------------------------------------ each code, where it must and where it must not be

BROKEN = {code for _, _, code in FAULTS.values()} | {"MSG061", "MSG066", "MSG067", "MSG069", "MSG070"}
SHOWS = {
    # message, envelope, records, DMARC record, codes that must be there, codes that must not
    **{name: (message, "ann@example.com", records, "v=DMARC1; p=reject", {code, "MSG068"}, BROKEN - {code, "MSG070"} | {"MSG050"}) for name, (message, records, code) in FAULTS.items()},
    **{name: (message, envelope, records, policy, {code, "MSG069"}, {"MSG068", "MSG065"}) for name, (message, envelope, records, policy, code, _) in DMARC_FAILS.items() if "another" not in name},
    "all well": (lambda: sign(ORIGINAL, KEYS), "ann@example.com", (key(),), "v=DMARC1; p=reject", {"MSG050", "MSG065", "MSG068"}, BROKEN | {"MSG063", "MSG064"}),
    "signed in part": (lambda: sign(ORIGINAL, KEYS, length=True) + b"buy now\r\n", "ann@example.com", (key(),), "v=DMARC1; p=reject", {"MSG050", "MSG064"}, BROKEN | {"MSG063"}),
    "forwarded": (lambda: b"X-Forwarded-To: lena@example.net\r\n" + sign(ORIGINAL, KEYS), "ann@example.com", (key(),), "v=DMARC1; p=reject", {"MSG050", "MSG070"}, BROKEN - {"MSG070"}),
    "cut": (lambda: swap(sign(ORIGINAL, KEYS), b"here is what we spoke", b"----- Message truncated -----"), "ann@example.com", (key(),), "v=DMARC1; p=reject", {"MSG063"}, {"MSG050", "MSG051"}),
}  # fmt: skip
TABLES = [*((must, must_not) for *_, must, must_not in SHOWS.values()), ({"MSG061"}, {"MSG062"})]  # the second is told apart by the test above


@pytest.mark.parametrize("name", SHOWS)
def test_what_a_message_shows(name, world):
    message, envelope, records, policy, must, must_not = SHOWS[name]
    found = codes(examine(notice(DKIM, message(), envelope=envelope), world=world(*records, dmarc=policy), ips=("192.0.2.7",)).findings)
    assert must <= found
    assert not must_not & found


# ------------------------------------------------------------------ unknown is never absent

TRUNCATED = b"\r\n".join(sign(ORIGINAL, KEYS).split(b"\r\n")[:-4]) + b"\r\n"
LONG = sign(swap(ORIGINAL, b"Ann\r\n", b"Ann\r\n" + b"and more of it\r\n" * 400), KEYS)
OPEN = {
    "headers alone": notice(DKIM, sign(ORIGINAL, KEYS).partition(b"\r\n\r\n")[0] + b"\r\n", kind="text/rfc822-headers"),
    "Gmail cut it": notice(DKIM, sign(ORIGINAL, KEYS).partition(b"\r\n\r\n")[0] + b"\r\n\r\n----- Message truncated -----\r\n"),
    "Exim cut it": notice(
        DKIM, LONG[:3000], text="------ The body of the message is 9000 characters long; only the first\n------ 2000 or so are included here.\n"
    ),
    "cut without a word": notice(DKIM, TRUNCATED),
    "the paste was cut": notice(DKIM, LONG[:3000]).rpartition("\n--b--")[0],
    "altered, nobody knows how": notice(DKIM, swap(sign(ORIGINAL, KEYS), b"here is what we spoke", b"this is all that was said")),
}


@pytest.mark.parametrize("name", OPEN)
def test_a_body_that_came_back_cut_is_never_called_altered(name, world):
    failure = one(OPEN[name], world(key()), ips=("192.0.2.7",))
    assert failure.evidence.verdict is CANNOT_TELL
    assert failure.evidence.why_not == "message-open"
    assert not {c for c in codes(failure.evidence.support) if c.startswith("MSG")}
    assert failure.fix is None
    seen = examine(OPEN[name], world=world(key()))
    assert [(s.result, s.reason) for s in seen.dkim] == [("unknown", "not-verified")]
    assert [f.status for f in seen.findings if f.code == "MSG063"] == [Status.UNKNOWN]


def test_a_copy_that_may_have_been_taken_before_it_was_signed_is_not_called_unsigned(world):
    """Exim signs as it sends, so that what it returns is unsigned (its notices do not say what was sent)."""
    exim = (
        "This message was created automatically by mail delivery software.\nA message that you sent could not be delivered to one or more of its recipients.\n"
    )
    failure = one(notice(DKIM, ORIGINAL, text=exim), world(key()), ips=("192.0.2.7",))
    assert failure.evidence.verdict is CANNOT_TELL
    assert "MSG062" not in codes(failure.evidence.support)
    seen = examine(notice(DMARC, ORIGINAL, envelope="b@example.org", text=exim), world=world(key()), ips=("198.51.100.3",))
    assert seen.dmarc.result == "unknown"
    assert one(notice(DKIM, ORIGINAL), world(key()), ips=("192.0.2.7",)).evidence.verdict is CONFIRMED, "a Postfix' copy holds what was sent"


@pytest.mark.parametrize("fault", ["servfail", "timeout"])
@pytest.mark.parametrize("reply", [DKIM, DMARC, NO_REASON])
def test_a_silent_dns_confirms_and_refutes_nothing(reply, fault, world):
    failure = one(notice(reply, sign(ORIGINAL, KEYS)), Faults(world(key()), **{fault: {"*"}}), ips=("192.0.2.7",))
    assert failure.evidence.verdict is CANNOT_TELL
    assert failure.fix is None
    assert not [f for f in failure.evidence.support if f.status is Status.FAIL]


def test_a_key_that_was_not_answered_is_not_missing(world):
    faults = Faults(world(key()), servfail={"s1._domainkey.example.com"})
    failure = one(notice(DKIM, sign(ORIGINAL, KEYS)), faults, ips=("192.0.2.7",))
    assert failure.evidence.verdict is CANNOT_TELL
    assert "MSG056" not in codes(failure.evidence.support)


def test_when_it_expired_counts_from_the_arrival(world):
    """Good when it was sent, and expired by now: that is no fault of the message."""
    message = sign(ORIGINAL, KEYS, tags={"t": "1795348000", "x": "1795352000"})
    seen = examine(notice(DKIM, message), world=world(key()))
    assert [(s.result, s.reason) for s in seen.dkim] == [("pass", "")]


# ------------------------------------------------------------------ whose message, and when at all


@pytest.mark.parametrize("reply", [UNKNOWN_USER, "552 5.2.2 Mailbox full", "451 4.4.1 Connection timed out", "550 5.7.1 Message contains a virus"])
def test_what_the_message_cannot_decide_it_is_not_examined_for(reply, world):
    answer = diagnose(notice(reply, LIST + sign(ORIGINAL, OTHER) + FOOTER), pending=True)
    assert not looks(answer)
    failure = one(notice(reply, LIST + sign(ORIGINAL, OTHER) + FOOTER), world(key()))
    assert failure.evidence.message == ""
    assert not {c for c in codes((*failure.evidence.support, *failure.evidence.against)) if c.startswith("MSG")}


def test_another_domains_message_is_no_evidence(world):
    failure = one(
        notice(DMARC, sign(ORIGINAL, OTHER)).replace("ann@example.com", "ann@example.org"), world(key()), from_domain="example.com", ips=("192.0.2.7",)
    )
    shown = look(notice(DKIM, sign(ORIGINAL, OTHER)), world=world(key()))
    assert (shown.from_domain, "MSG058" in codes(shown.findings)) == ("example.com", True)
    answer = diagnose(DMARC.replace("example.com", "example.net"), pending=True)
    (plan,) = plans(answer)
    joined = join(answer, {plan: scan("example.net", topics=plan.topics, world=world())}, shown).failures[0]
    assert not {c for c in codes(joined.evidence.support) if c.startswith("MSG05")}
    assert failure.evidence.message == "whole"


@pytest.mark.parametrize(
    "text",
    [
        DMARC,
        "From: MAILER-DAEMON@example.com\nTo: ann@example.com\nSubject: Undelivered\n\n" + DMARC,
        f"From: Bob\nSent: Monday\nTo: help\nSubject: bounce\n\nwhy? {DMARC}",
        "",
    ],
)
def test_without_a_message_nothing_is_looked_at(text, world):
    assert look(text, world=world(key())) is None


def test_a_header_below_the_reply_is_taken_for_the_message(world):
    header = sign(ORIGINAL, KEYS, tags={"t": "1767225600", "x": "1767830400"}).partition(b"\r\n\r\n")[0].decode().replace("\r\n", "\n")
    failure = one(f"{DKIM}\n\n{header}\n", world(key()))
    assert (failure.bounce.sender.from_domain, failure.bounce.sender.selectors) == ("example.com", ("s1",))
    assert (failure.evidence.verdict, failure.fix.code, failure.evidence.message) == (CONFIRMED, "MSG054", "headers")
    quoted = f"{NO_REASON}\n\nFrom: Bob <bob@example.org>\nTo: help@example.net\nSubject: what is this\n\nhello\n"
    assert diagnose(quoted).failures[0].bounce.sender is None, "what a program shows of a quoted mail is not the message that bounced"


def test_offline_nothing_is_examined():
    (failure,) = explain(notice(DKIM, sign(ORIGINAL, KEYS)), offline=True).failures
    assert (failure.evidence.verdict, failure.evidence.message) == (EvidenceVerdict.NOT_LOOKED_AT, "")


def test_every_code_of_the_table_is_made_here():
    """The codes about a message that the table of evidence names are those that the message makes."""
    row = catalog().evidence
    named = {
        code
        for one in row.values()
        for code in (*one.confirms, *one.refutes, *one.decides, *one.together, *one.warned, *one.outcome, *one.first)
        if code.startswith("MSG")
    }
    made = {*CODES.values(), "MSG050", "MSG053", "MSG061", "MSG062", "MSG064", "MSG065", "MSG066", "MSG067", "MSG068", "MSG069", "MSG070"}
    assert named == made


def test_a_part_that_is_left_out_of_the_body_is_told(world):
    seen = examine(sign(ORIGINAL, KEYS, length=True) + b"buy now\r\n", world=world(key()))
    assert {"MSG050", "MSG064"} <= codes(seen.findings)
    assert "MSG064" not in codes(examine(sign(ORIGINAL, KEYS, length=True), world=world(key())).findings)


# ------------------------------------------------------------------ faces


@pytest.fixture
def client(world):
    app = create_app(world(key()), {"TESTING": True, "PER_MINUTE": 0, "SCANS_PER_MINUTE": 0})
    yield app.test_client()
    app.extensions["desk"].close()


EXPIRED = notice(DKIM, sign(ORIGINAL, KEYS, tags={"t": "1767225600", "x": "1767830400"}))


def test_the_api_examines_the_message_too(client):
    value = client.post("/api/v1/explain", json={"text": EXPIRED, "ip": "192.0.2.7"}).get_json()
    evidence = value["failures"][0]["evidence"]
    assert evidence["verdict"] == "confirmed"
    assert evidence["message"]["examined"] == "whole"
    assert "MSG054" in {f["code"] for f in evidence["support"]}
    assert value["failures"][0]["fix"]["record"] is None


def test_the_page_answers_at_once_and_the_message_follows(client, monkeypatch):
    import healthcheck.faces.jobs as jobs

    real = jobs.look

    def slow(*args, **given):
        time.sleep(1.0)
        return real(*args, **given)

    monkeypatch.setattr(jobs, "look", slow)
    client.application.config["HURRY"] = 0.05
    started = time.monotonic()
    page = client.post("/explain", data={"text": EXPIRED, "ip": "192.0.2.7"}, content_type="multipart/form-data").get_data(as_text=True)
    assert time.monotonic() - started < 0.9
    assert "Being looked up" in page
    where = re.search(r'data-evidence="([^"]+)"', page)[1]
    for _ in range(60):
        answer = client.get(f"{where}0")
        if answer.headers["X-Over"] == "1":
            break
        time.sleep(0.1)
    told = answer.get_data(as_text=True)
    assert "MSG054" in told
    assert "The message that came back was examined too." in told


def test_an_examination_that_fails_is_said_to_have_failed(client, monkeypatch, caplog):
    import healthcheck.faces.jobs as jobs

    def broken(*args, **given):
        raise RuntimeError("in the pasted text: ann@example.com")

    monkeypatch.setattr(jobs, "look", broken)
    value = client.post("/api/v1/explain", json={"text": EXPIRED, "ip": "192.0.2.7"}).get_json()
    assert value["failures"][0]["evidence"]["message"]["examined"] == "failed"
    assert value["failures"][0]["evidence"]["verdict"] != "confirmed"
    assert "ann@example.com" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_nothing_pasted_is_logged_and_a_case_keeps_no_text(client, caplog, capfd):
    secret = "the-very-private-offer"
    text = EXPIRED.replace("here is what we spoke", secret)
    client.post("/explain", data={"text": text, "ip": "192.0.2.7"}, content_type="multipart/form-data")
    desk = client.application.extensions["desk"]
    for case in desk._cases.values():
        case.wait(10)
        assert secret not in repr(dataclasses.asdict(case.now()))
        assert secret not in repr(case.look and case.look.shown)
    assert secret not in caplog.text
    assert secret not in "".join(capfd.readouterr())


# ------------------------------------------------------------------ addresses are masked

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "markdown"])
def test_redact_masks_every_address_in_every_format(form, tmp_path):
    path = tmp_path / "bounce.eml"
    path.write_text(EXPIRED.replace("DKIM = did not pass", "DKIM = did not pass for lena@example.net (Authenticated sender: ann)"))
    shown = CliRunner().invoke(main, ["explain", "--offline", "--redact", "--format", form, str(path)])
    assert shown.exit_code == 0, shown.output
    assert not ADDRESS.findall(shown.output)
    assert "***@example.net" in shown.output
    assert "Authenticated sender: ann" not in shown.output
    open_ = CliRunner().invoke(main, ["explain", "--offline", "--format", form, str(path)])
    assert ADDRESS.findall(open_.output)


def test_redact_masks_the_evidence_and_keeps_our_own_words(client):
    plain = client.post("/api/v1/explain", json={"text": EXPIRED, "ip": "192.0.2.7"}).get_json()
    value = client.post("/api/v1/explain?redact=1&ip=192.0.2.7", data=EXPIRED, content_type="message/rfc822").get_json()
    assert not ADDRESS.findall(json.dumps(value, ensure_ascii=False))
    assert ADDRESS.findall(json.dumps(plain, ensure_ascii=False))
    one, other = plain["failures"][0], value["failures"][0]
    for name in ("cause", "title", "explanation", "address", "fix", "suppress", "type"):
        assert one[name] == other[name]
    span = other["because"][0]["span"]
    assert other["reply"]["text"][span[0] : span[1]] == other["because"][0]["text"]
    assert other["because"][0]["input_span"] is None


def test_a_record_to_publish_is_not_masked(world):
    from healthcheck.render.redact import diagnosis

    answer = explain(DMARC, ips=("203.0.113.77",), world=World.demo(), from_domain="shop.example")
    masked = diagnosis(answer)
    assert masked.failures[0].fix.record == answer.failures[0].fix.record
    assert masked.failures[0].cause == answer.failures[0].cause


# ------------------------------------------------------------------ whoever forged the sender, and what examine says of the same bounces


def test_a_forged_sender_is_told_to_change_nothing(world):
    """An envelope of another's, no signature, an address that nobody knows: the refusal did its work."""
    text = "550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy. SPF [example.org] with ip: [203.0.113.9] = did not pass - gsmtp"
    failure = one(notice(text, ORIGINAL, envelope="x@example.org"), world(key()))
    assert (failure.evidence.verdict, failure.evidence.why_not) == (CONFIRMED, "another-sender")
    assert failure.fix.code == "MSG070"
    assert "your side" not in words.address(failure)
    own = one(notice(text, ORIGINAL, envelope="x@example.org"), world(key()), ips=("203.0.113.9",))
    assert own.fix.code == "MSG066", "where the user calls the address theirs it is a service that is not set up"


def test_words_of_the_body_are_not_kept_by_the_server(client):
    secret = b"this was added by the gateway of ann's office"
    text = notice(DKIM, sign(ORIGINAL, KEYS) + secret + b"\r\n")
    page = client.post("/explain", data={"text": text, "ip": "192.0.2.7"}, content_type="multipart/form-data").text
    assert "lines were added at the end of the body" in page
    (case,) = client.application.extensions["desk"]._cases.values()
    assert "ann's office" not in repr(case.now())


def advised(text, made, **said):
    return {row["key"] for row in advice(examine(text, world=made, **said))}


@pytest.mark.parametrize(("name", "key_"), [("no key", "dkim-key-missing"), ("expired", "dkim-expired"), ("weak key", "dkim-weak-key"), ("key unreadable", "dkim-key-unreadable"), ("not signed", "dkim-none")])  # fmt: skip
def test_where_dkim_was_asked_for_its_fault_is_named_though_dmarc_passes(name, key_, world):
    message, records, _ = FAULTS[name]
    seen = examine(notice(DKIM, message()), world=world(*records), ips=("192.0.2.7",))
    assert seen.dmarc.result == "pass"
    assert key_ in {row["key"] for row in advice(seen)}
    told = summary(seen)
    assert any(text.startswith("The receiver asks for DKIM as well") for text in told["more"])
    assert not {"dkim-none", key_} & advised(notice(DMARC, message()), world(*records), ips=("192.0.2.7",)), "nobody asked for it there"


def test_nothing_is_advised_for_a_signature_that_holds(world):
    seen = examine(notice(DKIM, sign(ORIGINAL, KEYS)), world=world(key()), ips=("192.0.2.7",))
    assert {row["key"] for row in advice(seen)} == {"explain"}
    assert not any("asks for DKIM" in text for text in summary(seen)["more"])


def test_without_a_servers_line_none_is_counted():
    told = summary(examine("From: ann@example.com\nTo: lena@example.net\nSubject: x\nDate: Sun, 22 Nov 2026 12:00:00 +0000\n", offline=True))
    assert "0 servers" not in told["text"]
    assert "No line of any server" in told["text"]
    assert summary(examine(ORIGINAL, offline=True))["text"].startswith("It went through one server.")


def test_an_envelope_of_another_organization_is_told_without_the_address(world):
    seen = examine(notice(DMARC, ORIGINAL, envelope="b@example.org"), world=world(key()))
    assert (seen.spf.result, seen.spf.aligned, seen.dmarc.result) == ("unknown", "no", "fail")
    assert "the envelope sender is of example.org, which is not example.com" in " ".join(summary(seen)["more"])
    unknown = examine(ORIGINAL.replace(b"Return-Path", b"X"), world=world(key()))
    assert unknown.spf.aligned is None, "HELO is no envelope sender"
