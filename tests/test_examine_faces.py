"""An examination as JSON, text and page, over the API and on the command line: its contract, its words, what is masked, and that nothing pasted stays."""

import json
import logging
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import world_of

from app import create_app
from healthcheck import examine
from healthcheck.catalog import catalog
from healthcheck.edge.libs_verify import RESULTS
from healthcheck.faces import schemas
from healthcheck.faces.cli import main
from healthcheck.message import data
from healthcheck.message.judge import REASONS
from healthcheck.message.whose import BECAUSE
from healthcheck.model import Outcome
from healthcheck.render import examination_text, happened
from healthcheck.render.examination import examination, moment
from healthcheck.render.examination_page import view
from healthcheck.render.redact import masked
from healthcheck.render.timeline import timeline
from tests.support.signing import MESSAGE, Zones, rsa_keys, sign

ROOT = Path(__file__).resolve().parent.parent
MESSAGES = ROOT / "tests" / "messages"
FILES = sorted(path.name for path in MESSAGES.glob("*.eml"))
RSA = rsa_keys(2048)
QUIET = {"TESTING": True, "RATELIMIT_ENABLED": False}
SPF = '@ IN TXT "v=spf1 ip4:192.0.2.0/24 -all"\nmail IN TXT "v=spf1 ip4:192.0.2.0/24 -all"\n'
REJECT = '_dmarc IN TXT "v=DMARC1; p=reject"\n'


def text_of(name):
    return (MESSAGES / name).read_text(encoding="utf-8")


def zones(tmp_path, mine=SPF + REJECT, **others):
    made = {"example.com": mine, "example.org": '_dmarc IN TXT "v=DMARC1; p=none"', "example.net": "@ IN A 192.0.2.2", **others}
    return world_of(tmp_path, made, patch='_dmarc.com. 300 IN TXT "none"\n_dmarc.org. 300 IN TXT "none"\n')


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    key = Zones().key(RSA).records["example.com"][0]
    world = zones(tmp_path_factory.mktemp("zones"), SPF + REJECT + key)
    yield world
    world.close()


@pytest.fixture(scope="module")
def app(world):
    app = create_app(world, QUIET)
    yield app
    app.extensions["desk"].close()


@pytest.fixture
def client(app):
    return app.test_client()


def said(world, text, **options):
    return examination(examine(text, world=world), **options)


def with_path(message, path=b"<ann@example.com>"):
    return message.replace(b"From:", b"Return-Path: " + path + b"\r\nFrom:", 1)


# ------------------------------------------------------------------ the contract

HOP = {"from", "by", "ip", "ptr", "helo", "protocol", "tls", "at", "delay_s", "side"}
TOP = {"schema", "input", "hops", "spf", "dkim", "dmarc", "arc", "claimed", "differences", "sender", "findings"}


@pytest.mark.parametrize("name", FILES)
def test_the_fields_are_those_of_the_contract(world, name):
    value = json.loads(json.dumps(said(world, text_of(name))))
    assert set(value) >= TOP
    assert value["schema"] == "examination/1"
    assert all(set(hop) >= HOP for hop in value["hops"])
    assert all(set(one) >= {"claim", "ours", "reason"} for one in value["differences"])
    schemas.ExaminationOut.model_validate(value, strict=True)
    assert value["summary"]["text"]


def test_a_signed_message_that_passes(world):
    value = said(world, with_path(sign(MESSAGE, RSA)))
    (dkim,) = value["dkim"]
    assert (dkim["d"], dkim["s"], dkim["result"], dkim["reason"], dkim["aligned"]) == ("example.com", "s1", "pass", "", "strict")
    assert (value["spf"]["result"], value["dmarc"]["result"], value["summary"]["key"]) == ("pass", "pass", "dmarc-pass")
    assert value["advice"] == []
    assert value["hops"][0]["at"] == "2026-11-22T11:59:00Z"
    assert value["sender"]["ips"] == ["192.0.2.7"]


def test_every_reason_has_words_and_what_to_do():
    tables = data()
    assert set(tables["difference"]) == set(REASONS)
    assert set(tables["whose"]) >= set(BECAUSE)
    assert set(tables["reason"]) >= set(RESULTS) - {""}
    assert set(tables["whose_is"]) == {"sender", "forwarder", "mailing-list", "forged", "unknown"}
    for reason in set(RESULTS) - {""}:
        assert {"title", "meaning", "fix"} <= set(tables["reason"][reason])
    # what undoes an alteration names it in front of the octets: yield "footer", …, _Way("added", …), Altered(…, "whitespace"), BodyChange("footer", …)
    source = "".join((ROOT / "healthcheck" / "edge" / f"libs_{part}.py").read_text(encoding="utf-8") for part in ("altered", "body", "verify"))
    made = set(re.findall(r'(?:\byield (?:from )?\(*|_Way\(|BodyChange\(|Altered\([^"\n]+, |\)?, )"([a-z-]+)", (?!")', source)) & set(tables["change"]) | set(
        re.findall(r'(?:yield |yield from \(\(|_Way\(|BodyChange\()"([a-z-]+)"', source)
    )
    assert made <= set(tables["change"]), made - set(tables["change"])
    assert {"footer", "rewritten", "wrapped", "re-encoded", "removed", "charset"} <= made
    noted = set(re.findall(r'notes\.append\("([a-z-]+)"\)', source)) | {"too-long", "copy-differs"}
    assert noted == set(tables["note"])
    arc = {"incomplete", "repeated", "too-many", "malformed", "said-fail", "bad-status", "message-altered", "seal-fails", "altered", "no-body", "only-headers"}
    assert arc <= set(tables["reason"])
    assert {"claimed", "ours", "envelope", "hop", "answer", "identity", "key", "change", "shown", "list", "sealed"} == set(tables["shows"])


def test_no_slot_is_left_open_in_any_sentence(world):
    for name in FILES:
        for value in (said(world, text_of(name)), examination(examine(text_of(name), offline=True))):
            told = [value["summary"]["text"], *value["summary"]["more"], *(one["text"] for one in value["advice"])]
            told += [one["meaning"] for one in (value["spf"], value["dmarc"], value["arc"], *value["dkim"], *value["differences"]) if one]
            assert not [text for text in told if "{" in text or "  " in text or ": ." in text], told


# ------------------------------------------------------------------ the sentence, and the one thing to change


def advised(value):
    return [one["key"] for one in value["advice"]]


FAILS = {
    "nobody's address": (b"", SPF.replace("192.0.2.0/24", "198.51.100.0/24"), ["spf-unknown", "dkim-none"]),
    "no record": (b"", "", ["spf-unknown", "dkim-none"]),
    "too many look-ups": (b"", '@ IN TXT "v=spf1 foo:bar -all"\n', ["spf-permerror", "dkim-none"]),
}


@pytest.mark.parametrize("name", FAILS)
def test_what_to_change_where_spf_fails(tmp_path, name):
    _, spf, want = FAILS[name]
    mine = MESSAGE.replace(b"(out.example.com [192.0.2.7])", b"([192.0.2.7])")
    value = said(zones(tmp_path, spf + REJECT), with_path(mine))
    assert value["summary"]["key"] == "dmarc-fail"
    assert advised(value) == want
    assert "192.0.2.7" in value["advice"][0]["text"] or name == "too many look-ups"


def test_an_address_that_the_message_shows_to_be_the_senders_may_go_into_spf(tmp_path):
    value = said(zones(tmp_path, SPF.replace("192.0.2.0/24", "198.51.100.0/24") + REJECT), with_path(MESSAGE))
    assert (value["address"]["whose"], advised(value)[0]) == ("sender", "spf-own")
    assert value["sender"]["own_ips"]


@pytest.mark.parametrize("name", ["forwarded.eml"])
def test_a_relays_address_is_never_proposed_for_spf(world, name):
    value = said(world, text_of(name))
    assert value["address"]["whose"] in ("forwarder", "mailing-list")
    assert not value["sender"]["own_ips"]
    assert not {"spf-own", "spf-unknown"} & set(advised(value))
    assert "out of your SPF record" in " ".join(one["text"] for one in value["advice"])


def relayed(message, *more):
    head = b"Received: from lists.example.org (lists.example.org [203.0.113.9])\r\n\tby mx.example.net with ESMTPS id 2; Sun, 22 Nov 2026 12:10:00 +0000\r\n"
    results = b"Authentication-Results: mx.example.net; dkim=pass header.d=example.com header.s=s1; spf=fail smtp.mailfrom=ann@example.com smtp.remote-ip=203.0.113.9\r\n"
    return (
        head
        + results
        + b"List-Post: <mailto:list@lists.example.org>\r\nList-Archive: <https://lists.example.org/>\r\nReturn-Path: <ann@example.com>\r\n"
        + b"".join(more)
        + message
    )


def test_what_a_mailing_list_altered_is_not_the_senders_to_mend(world):
    message = relayed(sign(MESSAGE, RSA).replace(b"easy.\r\n\r\nAnn\r\n", b"easy.\r\n\r\nAnn\r\n-- \r\nList footer\r\n"))
    value = said(world, message)
    (dkim,) = value["dkim"]
    assert (dkim["reason"], dkim["changes"]) == ("body-altered", ["lines were added at the end of the body"])
    assert "List footer" in dkim["shown"]
    assert advised(value) == ["relay-altered", "spf-leave"]
    assert {one["reason"] for one in value["differences"]} == {"body-altered-by-list"}
    rows = {row["method"]: row for row in view(value)["rows"]}
    assert [one["state"] for one in rows["dkim"]["theirs"]] == ["differs"]
    assert [one["state"] for one in rows["spf"]["theirs"]] == ["agrees"]
    assert [one["state"] for one in view(value)["joins"]] == ["broken", "broken"]


def test_strict_alignment_is_named(tmp_path):
    strict = '_dmarc IN TXT "v=DMARC1; p=reject; aspf=s; adkim=s"\n'
    value = said(zones(tmp_path, SPF + strict), with_path(MESSAGE, b"<b@mail.example.com>"))
    assert "(aspf=s)" in value["summary"]["text"]
    assert advised(value)[0] == "strict-spf"


def test_of_a_bounce_it_is_told_who_said_no_and_where(world):
    value = said(world, text_of("dsn-postfix.eml"))
    assert value["summary"]["text"] == "mx.example.net said no at the recipient (RCPT TO)."
    (bounce,) = value["bounces"]
    assert (bounce["stage"], bounce["side"], bounce["cause"]) == ("rcpt", "sender", "auth-spf")
    assert "explain" in advised(value)


def test_a_recipients_fault_asks_for_no_change_in_the_dns(world):
    text = (
        text_of("dsn-postfix.eml")
        .replace("5.7.23 SPF fail: 192.0.2.7 may not send for example.com", "5.1.1 User unknown")
        .replace("5.7.23 SPF\n    fail: 192.0.2.7 may not send for example.com", "5.1.1 User\n    unknown")
        .replace("5.7.23", "5.1.1")
    )
    value = said(world, text)
    assert value["bounces"][0]["side"] == "recipient"
    assert advised(value) == ["recipient", "explain"]


def test_what_could_not_be_looked_up_is_no_failure(tmp_path):
    from support.faults import Faults

    down = Faults(zones(tmp_path), down=True)
    value = said(down, with_path(sign(MESSAGE, RSA)))
    assert value["summary"]["key"] == "dmarc-temperror"
    assert advised(value) == ["again"]
    assert [one["sign"] for row in view(value)["rows"] for one in row["ours"]] == ["unknown"] * 3
    assert value["dkim"][0]["evidence"][0]["outcome"] == Outcome.TIMEOUT.value


def test_offline_leaves_open_what_the_dns_would_say():
    value = examination(examine(with_path(sign(MESSAGE, RSA)), offline=True))
    assert (value["spf"], value["dmarc"], value["summary"]["key"], advised(value)) == (None, None, "offline", ["online"])
    assert value["dkim"][0]["result"] in ("temperror", "unknown")
    assert not value["differences"]
    assert value["input"]["looked_up"] is False


# ------------------------------------------------------------------ masking

MASKED = {
    "from ann@example.com": "from ***@example.com",
    "<bounce+lena=example.net@mail.example.com>": "<***@mail.example.com>",
    'smtp.mailfrom="a b"@example.com; x': "smtp.mailfrom=***@example.com; x",
    "<mailto:leave-lena=example.net@lists.example.com>": "<mailto:***@lists.example.com>",
    "z=From:ann=40example.com|To:bob=40x.example": "z=From:***=40example.com|To:***=40x.example",
    "https://example.com/u?e=ann%40example.org&x=1": "https://example.com/u?***%40example.org&x=1",
    "=?utf-8?B?YW5uQGV4YW1wbGUuY29t?= hello": "*** hello",
    "header.i=@example.com header.s=s1": "header.i=@example.com header.s=s1",
    "(Authenticated sender: ann) by x": "(Authenticated sender: ***) by x",
    "ann@[192.0.2.1], j\u00fcrgen@ex\u00e4mple.example": "***@[192.0.2.1], ***@ex\u00e4mple.example",
    "nothing here": "nothing here",
}


@pytest.mark.parametrize("text", MASKED)
def test_the_local_part_is_masked(text):
    assert masked(text) == MASKED[text]


SECRETS = ("lena", "ann@", "bounce@", "bob@", "carol@", "shop@", "news@", "leave@")


@pytest.mark.parametrize("name", FILES)
def test_no_local_part_is_left_anywhere(world, name):
    text = text_of(name)
    open_ = json.dumps(said(world, text))
    value = said(world, text, redact=True)
    assert value["input"]["redacted"]
    for form in (json.dumps(value), examination_text.examination(value)):
        assert not [secret for secret in SECRETS if secret in form.lower().replace("ann example", "")], form
        assert not re.search(r"[A-Za-z0-9]@[A-Za-z0-9]", form), re.findall(r".{20}[A-Za-z0-9]@[A-Za-z0-9].{9}", form)
    assert re.search(r"[A-Za-z0-9]@[A-Za-z0-9]", open_)
    assert [hop["ip"] for hop in value["hops"]] == [hop["ip"] for hop in json.loads(open_)["hops"]]


def test_what_a_list_put_in_is_masked_too(world):
    message = relayed(sign(MESSAGE, RSA).replace(b"\r\nAnn\r\n", b"\r\nAnn\r\n-- \r\nTo leave, write to lena-leave@lists.example.org\r\n"))
    value = json.dumps(said(world, message, redact=True))
    assert "***@lists.example.org" in value
    assert "lena" not in value
    assert not re.search(r"[A-Za-z0-9]@[A-Za-z0-9]", value)


def test_an_address_that_was_cut_short_is_masked_too(world):
    head = (
        "Received: from out.example.com (out.example.com [192.0.2.7]) by mx.example.net with ESMTPS id 1 (" + "x" * 270 + ")\n for <a.long.local.part.of.lena"
    )
    text = f"{head}@example.net>; Sun, 22 Nov 2026 12:00:00 +0000\nX-Y: 1\nFrom: ann@example.com\nTo: lena@example.net\nSubject: x\n\n"
    for more in range(60):
        value = said(world, text.replace("xxx", "x" * (3 + more), 1), redact=True)
        assert "long.local" not in json.dumps(value)
        assert "a.lon" not in json.dumps(value)


def test_masking_is_quick():
    began = time.process_time()
    for text in ("a" * 300_000, "a=40" * 100_000, "a@" * 200_000, "@" * 400_000, "a." * 200_000 + "%40", "=?utf-8?q?a" * 30_000):
        masked(text)
    assert time.process_time() - began < 3


# ------------------------------------------------------------------ text, and the picture


@pytest.mark.parametrize("name", FILES)
def test_as_text_for_a_terminal(world, name):
    text = examination_text.examination(said(world, text_of(name)))
    assert text.index("The way") < text.index("Recomputed today")
    assert max(map(len, text.split("\n"))) <= 400
    hostile = examination_text.examination(said(world, text_of(name).replace("out.example.com", "out\x1b[31m.example.com").replace("Subject", "Subj\x07ect")))
    assert "\x1b" not in hostile


def hops(count, delay=1):
    return (
        "".join(
            f"Received: from h{n}.example.com (h{n}.example.com [192.0.2.{n}]) by h{n + 1}.example.com (Postfix) with ESMTPS id i{n};\n\tSun, 22 Nov 2026 {12 + n * delay // 3600:02}:{n * delay // 60 % 60:02}:{n * delay % 60:02} +0000\n"
            for n in range(count, 0, -1)
        )
        + "From: a@example.com\nTo: b@example.net\nSubject: x\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <1@example.com>\n\nHello\n"
    )


@pytest.mark.parametrize(("count", "stops"), [(1, 2), (5, 6), (12, 13), (60, 13), (100, 13)])
def test_the_picture_holds_the_telling_hops(count, stops):
    drawn = timeline(examination(examine(hops(count), offline=True)))
    for layout in drawn["layouts"]:
        assert len(layout["stops"]) == stops
        assert len(layout["ways"]) == stops - 1
        assert all(0 < stop["x"] < layout["text"] and 0 < stop["y"] < layout["height"] for stop in layout["stops"])
        assert len(layout["gaps"]) == (count > 12)
    assert str(count) in drawn["label"]


def test_the_picture_marks_waits_clocks_and_the_door():
    text = text_of("forwarded.eml").replace("12:00:30 +0000", "14:30:30 +0000").replace("12:00:10 +0000", "11:00:10 +0000")
    value = examination(examine(text, offline=True))
    wide = timeline(value)["layouts"][1]
    assert [way["tone"] for way in wide["ways"]] == ["plain", "skew", "slow"]
    assert "waited 3 h 30 min" in wide["ways"][2]["label"]
    assert [stop["side"] for stop in wide["stops"]] == ["sender", "sender", "between", "receiver"]
    assert [bool(stop["mark"]) for stop in wide["stops"]] == [False, False, False, True]
    refused = timeline(examination(examine(text_of("dsn-postfix.eml"), offline=True)))["layouts"][1]
    assert (refused["stops"][-1]["side"], refused["stops"][-1]["name"]) == ("refused", "mx.example.net")
    assert timeline({"hops": [], "bounces": []}) is None


def test_dates_that_no_calendar_has():
    assert [moment(None), moment(0), moment(1e20), moment(-1e20)] == [None, "1970-01-01T00:00:00Z", None, None]


# ------------------------------------------------------------------ API


def test_the_api_takes_json_and_raw_bodies(client):
    text = text_of("forwarded.eml")
    answers = [
        client.post("/api/v1/examine", json={"text": text, "redact": True}),
        client.post("/api/v1/examine?redact=true", data=text.encode(), content_type="message/rfc822"),
        client.post("/api/v1/examine?redact=1", data=text.encode(), content_type="text/plain"),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.data
        assert answer.json["schema"] == "examination/1"
        assert answer.json["dmarc"]["result"] == "fail"
        assert "ann@" not in answer.text
    assert answers[0].json == answers[1].json == answers[2].json
    schemas.ExaminationOut.model_validate(answers[0].json, strict=True)


def test_what_is_said_of_the_sender_goes_first(client):
    text = text_of("newsletter.eml")
    value = client.post(
        "/api/v1/examine", json={"text": text, "mail_from": "mail.example.com", "ip": "192.0.2.9", "selectors": ["k1"], "from": "example.com"}
    ).json
    assert (value["spf"]["result"], value["spf"]["ip"]) == ("pass", "192.0.2.9")
    assert (value["sender"]["mail_from"], value["sender"]["selectors"], value["sender"]["own_ips"]) == ("mail.example.com", ["k1"], True)
    offline = client.post("/api/v1/examine", json={"text": text, "offline": True}).json
    assert (offline["spf"], offline["dmarc"], offline["dns"]["distinct"]) == (None, None, 0)


def test_every_error_of_the_api_is_a_problem(client):
    post = client.post
    for answer, status in (
        (client.get("/api/v1/examine"), 405), (post("/api/v1/examine", data="x", content_type="image/png"), 415), (post("/api/v1/examine", json={"text": ""}), 422),
        (post("/api/v1/examine", json={"text": "x", "ip": "y"}), 422), (post("/api/v1/examine", json={"txt": "x"}), 422), (post("/api/v1/examine", json={"text": "x", "redact": "so"}), 422),
        (post("/api/v1/examine", json={"text": "x", "from": "192.0.2.1"}), 422), (post("/api/v1/examine", data=b"x" * ((1 << 20) + 1), content_type="text/plain"), 413),
    ):  # fmt: skip
        assert (answer.status_code, answer.content_type, answer.json["status"]) == (status, "application/problem+json", status), answer.data
    assert "bounce" not in post("/api/v1/examine", json={"text": " "}).json["detail"].split(",")[0]
    noise = post("/api/v1/examine", json={"text": "the quick brown fox"}).json
    assert (noise["input"]["kind"], noise["summary"]["key"], noise["hops"]) == ("unrecognised", "unrecognised", [])


# ------------------------------------------------------------------ the page


def text_in(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_the_form_is_linked_from_every_page(client):
    assert 'href="/examine"' in client.get("/").text
    page = client.get("/examine")
    assert page.status_code == 200
    assert 'action="/examine"' in page.text
    assert client.get("/codes").text.count('href="/examine"') == 1


@pytest.mark.parametrize("name", FILES)
def test_the_page_of_a_message(client, name):
    page = client.post("/examine", data={"text": text_of(name).replace("\n", "\r\n")})
    assert page.status_code == 200
    for part in ("Its way", "Recomputed today", "The facts in it", "The line"):
        assert part in page.text
    assert page.text.count("<svg class=") >= 2
    assert "style=" not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_the_sentence_stands_on_top_and_the_parts_in_their_order(client):
    page = client.post("/examine", data={"text": relayed(sign(MESSAGE, RSA).replace(b"\r\nAnn\r\n", b"\r\nAnn\r\n-- \r\nfooter\r\n")).decode()})
    order = [
        page.text.index(part)
        for part in (
            'id="h-what"',
            'id="h-do"',
            'class="picture journey"',
            'class="hoplist"',
            'id="h-auth"',
            'class="picture joins"',
            'id="h-facts"',
            'id="h-must"',
        )
    ]
    assert order == sorted(order)
    seen = text_in(page)
    assert "DMARC fails today for example.com" in seen
    assert "differs: a mailing list changed the body" in seen
    assert "aligned, did not pass" in seen


def test_the_facts_lead_to_a_scan_and_a_strange_address_is_not_called_ones_own(client):
    page = client.post("/examine", data={"text": text_of("forwarded.eml")}).text
    form = page[page.index('action="/scan"') : page.index("Check the domain with these")]
    assert re.search(r'name="domain" value="example.com"', form)
    assert re.search(r'name="mail_from" value="example.com"', form)
    assert re.search(r'id="f-ip" name="ip" value=""', form)
    assert re.search(r'type="checkbox" value="203.0.113.9"', form)
    assert "checked" not in form
    own = client.post("/examine", data={"text": with_path(sign(MESSAGE, RSA)).decode()}).text
    assert re.search(r'id="f-ip" name="ip" value="192.0.2.7"', own)
    assert re.search(r'name="selector" value="s1"', own)
    report = client.get("/scan?domain=example.com&mail_from=example.com&selector=s1&ip=192.0.2.7")
    assert report.status_code == 200


def repeated(page):
    found = re.search(r'<textarea name="text" hidden>\n(.*?)</textarea>', page.text, re.DOTALL)
    return found and found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&")


def test_a_bounce_leads_to_its_explanation_and_back(client):
    text = text_of("dsn-postfix.eml")
    page = client.post("/examine", data={"text": text})
    assert 'formaction="/explain"' in page.text
    assert repeated(page) == text
    explained = client.post("/explain", data={"text": repeated(page)})
    assert "SPF did not pass" in explained.text
    assert 'action="/examine"' in explained.text
    assert repeated(explained) == text
    again = client.post("/examine", data={"text": repeated(explained)})
    assert "said no at the recipient" in again.text
    bare = client.post("/explain", data={"text": "550 5.1.1 User unknown"})
    assert 'action="/examine"' not in bare.text


def upload(client, octets, path="/examine"):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.eml"\r\nContent-Type: message/rfc822\r\n\r\n'
    return client.post(path, data=head + octets + b"\r\n--b--\r\n", content_type="multipart/form-data; boundary=b")


def test_files_are_read_octet_by_octet(client):
    assert "DMARC passes today" in upload(client, with_path(sign(MESSAGE, RSA))).text
    assert "The file is empty." in upload(client, b"").text
    latin = with_path(MESSAGE).replace(b"\xc3\xa9", b"\xe9")
    page = upload(client, latin)
    assert page.status_code == 200
    assert repeated(page) is None  # it would not come back as it was
    assert repeated(upload(client, text_of("dsn-postfix.eml").encode(), "/explain"))


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"text": ""}, 400),
        ({"text": "x", "ip": "nonsense"}, 400),
        ({"text": "x" * ((1 << 20) + 1)}, 413),
        ({"sample": "nothing"}, 400),
        ({"text": "x", "from": "192.0.2.1"}, 400),
    ],
)
def test_what_cannot_be_used_is_told_in_the_form(client, form, status):
    page = client.post("/examine", data=form)
    assert page.status_code == status
    assert 'role="alert"' in page.text
    assert 'id="examine"' in page.text


def test_nonsense_and_hostile_text_are_answered(client):
    assert "No message was recognised" in client.post("/examine", data={"text": "hello there"}).text
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
    text = f"Received: from {evil} ({evil} [192.0.2.7]) by {evil} with ESMTP id {evil}; Sun, 22 Nov 2026 12:00:00 +0000\nFrom: {evil} <a@example.com>\nAuthentication-Results: {evil}; spf={evil} smtp.mailfrom={evil}\nDKIM-Signature: v=1; d={evil}; s={evil}\nReply-To: {evil}\n\n{evil}"
    page = client.post("/examine", data={"text": text})
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert "49" not in re.sub(r"[0-9.]{3,}", "", page.text[: page.text.index("<textarea")].split("<main")[1][:200])


def test_offline_and_masked_as_ticked(client):
    page = client.post("/examine", data={"text": text_of("gmail.eml"), "offline": "1", "redact": "1"}).text
    shown = page[: page.index("<textarea")]
    assert "Nothing was looked up" in shown
    assert "lena.example@" not in shown
    assert "***@gmail.com" in shown


def test_many_hops_are_folded_away_and_answered_quickly(client):
    client.post("/examine", data={"text": hops(2)})
    began = time.process_time()
    page = client.post("/examine", data={"text": hops(60)})
    assert time.process_time() - began < 1
    assert '<details class="every">' in page.text
    assert page.text.count("<summary>The line</summary>") == 60


def test_nothing_pasted_is_kept_or_logged(app, client, caplog, capfd):
    secret = "zebra-in-the-snow"
    text = text_of("dsn-postfix.eml").replace("Is this right?", secret).replace("Subject: Question", f"Subject: {secret}").replace("lena", secret)
    before = list(app.extensions["desk"]._cases)
    with caplog.at_level(logging.DEBUG):
        assert client.post("/examine", data={"text": text}).status_code == 200
        assert client.post("/api/v1/examine", json={"text": text}).status_code == 200
        assert client.post("/examine", data={"text": text, "ip": "nonsense"}).status_code == 400
        broken = app.view_functions["web.examine"]
        app.view_functions["web.examine"] = lambda: 1 / 0
        app.config["PROPAGATE_EXCEPTIONS"] = False
        try:
            assert client.post("/examine", data={"text": text}).status_code == 500
        finally:
            app.view_functions["web.examine"] = broken
            del app.config["PROPAGATE_EXCEPTIONS"]
    assert "POST /examine failed" in caplog.text  # a fault is logged, with its path alone
    assert secret not in caplog.text
    assert secret not in "".join(capfd.readouterr())
    desk = app.extensions["desk"]
    assert secret not in repr([before, desk.__dict__, *(case.__dict__ for case in desk._cases.values()), *(job.__dict__ for job in desk._jobs.values())])
    assert list(desk._cases) == before
    assert secret not in client.get("/metrics").text
    assert "healthcheck_examined_total" in client.get("/metrics").text


def test_demo_names_are_answered_by_the_demo_world():
    app = create_app(config={**QUIET, "DEMO": True})
    try:
        text = "Received: from x (x [203.0.113.77]) by mx.recipient.example with ESMTPS id 1; Sun, 22 Nov 2026 12:00:00 +0000\nReturn-Path: <a@shop.example>\nFrom: a@shop.example\nTo: b@recipient.example\nSubject: x\n\nx\n"
        value = app.test_client().post("/api/v1/examine", json={"text": text}).json
        assert value["spf"]["result"] in ("fail", "softfail")
        assert value["dmarc"]["policy"]
    finally:
        app.extensions["desk"].close()


def test_a_full_house_is_503(world):
    app = create_app(world, {**QUIET, "WAITERS": 1})
    try:
        with app.extensions["desk"].place():
            answer = app.test_client().post("/api/v1/examine", json={"text": text_of("gmail.eml")})
            assert (answer.status_code, answer.headers["Retry-After"] != "") == (503, True)
            assert app.test_client().post("/api/v1/examine", json={"text": text_of("gmail.eml"), "offline": True}).status_code == 200
    finally:
        app.extensions["desk"].close()


# ------------------------------------------------------------------ the command


def run(*args, stdin=None):
    return CliRunner().invoke(main, ["examine", *args], input=stdin)


def zone_file(tmp_path):
    path = tmp_path / "example.com.zone"
    path.write_text(f"$ORIGIN example.com.\n$TTL 300\n@ IN SOA ns. h. 1 1 1 1 1\n{SPF}{REJECT}", encoding="utf-8")
    return str(path)


def test_the_command_answers_files_and_standard_input(tmp_path):
    zone = ("--zone", zone_file(tmp_path), "--only-zone")
    for result in (run(*zone, str(MESSAGES / "forwarded.eml")), run(*zone, stdin=text_of("forwarded.eml")), run(*zone, "-", stdin=text_of("forwarded.eml"))):
        assert result.exit_code == 0, result.output
        assert "DMARC fails today for example.com" in result.output
        assert "203.0.113.9" in result.output
    value = json.loads(run(*zone, "--format", "json", "--redact", str(MESSAGES / "forwarded.eml")).output)
    assert (value["schema"], value["input"]["source"]) == ("examination/1", str(MESSAGES / "forwarded.eml"))
    assert "ann@" not in json.dumps(value)
    given = json.loads(run(*zone, "--format", "json", "--ip", "192.0.2.9", "--mail-from", "mail.example.com", str(MESSAGES / "newsletter.eml")).output)
    assert given["spf"]["result"] == "pass"


def test_several_files_are_answered_in_order_and_one_that_cannot_be_read_is_exit_2(tmp_path):
    empty = tmp_path / "empty.eml"
    empty.write_bytes(b" \n")
    names = [str(MESSAGES / "gmail.eml"), str(empty), str(tmp_path / "missing.eml"), str(MESSAGES / "dsn-exim.eml")]
    result = run("--offline", "--format", "jsonl", *names)
    assert result.exit_code == 2
    lines = [json.loads(line) for line in result.output.splitlines()]
    assert [line["schema"] for line in lines] == ["examination/1", "error/1", "error/1", "examination/1"]
    assert [line["input"]["source"] for line in lines] == names
    assert "header of a message" in lines[1]["error"]["detail"]
    assert len(json.loads(run("--offline", "--format", "json", names[0], names[3]).output)) == 2


@pytest.mark.parametrize(
    ("args", "stdin", "code"),
    [
        (("--help",), None, 0), (("--offline",), "hello there", 0), (("--offline",), "", 2), (("--offline",), "x" * ((1 << 20) + 1), 2), (("--ip", "x"), "x", 2), (("--from", "192.0.2.1"), "x", 2),
        (("--offline", "--zone", "x.zone"), "x", 2), (("--only-zone",), "x", 2), (("--format", "xml"), "x", 2), (("--timeout", "nan"), "x", 2), (("--offline", "/"), None, 2), (("--offline",), "\0\xff", 0),
    ],
)  # fmt: skip
def test_exit_codes(args, stdin, code):
    result = run(*args, stdin=stdin)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert result.output.strip()


def test_the_command_needs_no_web_and_offline_no_dns():
    script = (
        "import sys; from healthcheck.faces import cli; sys.argv = ['healthcheck']\n"
        "try: cli.main(['examine', '--offline', '--format', 'jsonl', '-'])\nexcept SystemExit: pass\n"
        "print([m for m in ('flask', 'dns', 'dkim', 'spf', 'checkdmarc') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=text_of("gmail.eml"), capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["schema"] == "examination/1"


def test_a_warmed_up_process_examines_at_once():
    """The figure that people feel is what the first answer of a server takes once it serves."""
    script = (
        "import time, pathlib; from healthcheck.faces.site import warm; from app import create_app; warm()\n"
        f"text = pathlib.Path({str(MESSAGES / 'gmail.eml')!r}).read_text()\n"
        "client = create_app(config={'TESTING': True, 'RATELIMIT_ENABLED': False}).test_client(); began = time.process_time()\n"
        "assert client.post('/api/v1/examine', json={'text': text, 'offline': True}).status_code == 200; print(time.process_time() - began)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert float(done.stdout) < 0.5


def test_words_keep_the_two_laws():
    """No address of a recipient is given up for a sender's fault; nothing of a relay's or a stranger's goes into SPF."""
    tables = data()
    told = [*tables["advice"].values(), *(row.get("fix", "") for row in (*tables["reason"].values(), *tables["difference"].values()))]
    assert not [text for text in told if re.search(r"(?i)\b(delete|suppress|remove)\w*\b.*\baddress", text)]
    assert not re.search(r"(?i)spf|dkim|publish", tables["advice"]["recipient"].replace("DNS", ""))
    assert all(
        "SPF record" not in text or "Leave" in text
        for text in (tables["advice"]["spf-relay"], tables["advice"]["spf-leave"], tables["advice"]["relay-altered"])
    )
    assert catalog().words["privacy"]["short"]
    assert happened.say("reason", "nothing-such") == ""
