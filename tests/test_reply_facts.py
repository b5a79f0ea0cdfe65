"""What receivers write of the sender into the reply: domains, the address, what SPF, DKIM and DMARC came to. It is read, used, and shown to be set right."""

import re
import time

import pytest
from support import world_of

from app import create_app
from healthcheck import explain
from healthcheck.bounce.said import METHODS, data, said
from healthcheck.edge.world import World
from healthcheck.explain import diagnose, plans
from healthcheck.model import EvidenceVerdict
from healthcheck.render.json import diagnosis
from healthcheck.render.text import diagnosis as as_text

LEVEL = "550 5.7.515 Access denied, sending domain example.com doesn't meet the required authentication level. Spf= {} , Dkim= {} , DMARC= {} [x.prod.protection.outlook.com]"
NEITHER = "550-5.7.26 This mail has been blocked because the sender is unauthenticated. 550-5.7.26 Authentication results: DKIM = did not pass SPF [example.com] with ip: [192.0.2.7] = did not pass. - gsmtp"


@pytest.mark.parametrize("row", data()["row"], ids=lambda row: row["id"])
def test_each_form_finds_what_its_example_says(row):
    found = said(row["example"])
    assert row["finds"].items() <= found.items()
    assert row["word"] in row["example"].lower()
    assert set(row["finds"]) <= {"from_domain", "mail_from", "ip", *METHODS}
    assert row["source"].startswith("https://")
    assert re.fullmatch(r"\d{4}-\d{2}", row["seen"])


# reply -> (From domain, envelope domain, addresses, what the receiver found)
REPLIES = {
    NEITHER: (None, "example.com", ("192.0.2.7",), {"spf": "fail", "dkim": "fail"}),
    "550-5.7.27 550-5.7.27 SPF [example.com] with ip: [2001:db8::7] = did not pass - gsmtp": (None, "example.com", ("2001:db8::7",), {"spf": "fail"}),
    "550-5.7.30 This mail has been blocked because DKIM does not pass. Authentication results: DKIM = did not pass. - gsmtp": (None, None, (), {"dkim": "fail"}),
    LEVEL.format("Fail", "Pass", "Fail"): ("example.com", None, (), {"spf": "fail", "dkim": "pass", "dmarc": "fail"}),
    LEVEL.format("Pass", "None", "None").replace("example.com", "[EXAMPLE.COM]"): ("example.com", None, (), {"spf": "pass", "dkim": "none", "dmarc": "none"}),
    "550 5.7.509 Access denied, sending domain [example.com] does not pass DMARC verification and has a DMARC policy of reject": ("example.com", None, (), {}),
    "550 5.7.606 Access denied, banned sending IP [192.0.2.7]. To request removal from this list please visit https://sender.office.com/": (None, None, ("192.0.2.7",), {}),
    "421 4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes": (None, None, ("192.0.2.7",), {}),
    "421 4.7.1 [TS03] All messages from 192.0.2.7 will be permanently deferred; Retrying will NOT succeed. See https://postmaster.yahooinc.com/error-codes": (None, None, ("192.0.2.7",), {}),
    "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.7, because the ip is in Spamhaus's list; see https://postmaster.yahooinc.com/error-codes": (None, None, ("192.0.2.7",), {}),
}  # fmt: skip


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply[:40])
def test_what_gmail_microsoft_and_yahoo_write_is_read(reply):
    from_domain, mail_from, ips, found = REPLIES[reply]
    (failure,) = diagnose(reply).failures
    sender = failure.bounce.sender
    read = (sender.from_domain, sender.mail_from, sender.ips) if sender else (None, None, ())
    assert read == (from_domain, mail_from, ips)
    assert dict(failure.said) == found
    assert sender is None or (sender.source, sender.own_ips) == ("reply", False)
    told = diagnosis(diagnose(reply))["failures"][0]["said"]
    assert {one["method"]: one["result"] for one in told} == found
    assert not found or "The receiver found:" in as_text(diagnose(reply))


def test_it_starts_the_scan_and_the_user_goes_first():
    (plan,) = plans(diagnose(NEITHER, pending=True))
    assert (plan.domain, plan.ips) == ("example.com", ("192.0.2.7",))
    (plan,) = plans(diagnose(NEITHER, pending=True, from_domain="shop.example", ips=("198.51.100.7",)))
    assert (plan.domain, plan.ips) == ("shop.example", ("198.51.100.7",))


@pytest.mark.parametrize(
    "reply",
    [
        "550 5.1.1 <lena@example.net>: user unknown; unauthenticated email from example.com is not accepted",
        "550 5.1.2 The sending domain example.com does not exist, recipient not found: no such user",
        "552 5.2.2 mailbox full; SPF [example.com] with ip: [192.0.2.7] = passed",
    ],
)
def test_of_a_recipients_cause_nothing_is_taken_for_the_sender(reply):
    (failure,) = diagnose(reply).failures
    assert failure.side != "recipient" or (failure.bounce.sender is None and failure.said == ())


def test_what_the_receiver_found_to_pass_is_not_what_it_refused_for(tmp_path):
    """The key of a selector is broken; the receiver says that DKIM passed, by another one: SPF is what there is to mend."""
    zone = '@ IN A 192.0.2.1\n@ IN MX 10 @\n@ IN TXT "v=spf1 -all"\n_dmarc IN TXT "v=DMARC1; p=reject"\ns1._domainkey IN TXT "v=DKIM1; p=~~~"\n'
    made = world_of(tmp_path, {"example.com": zone}, patch='_dmarc.com. 300 IN TXT "none"\n')
    given = {"ips": ("192.0.2.7",), "selectors": ("s1",), "world": made}
    (failure,) = explain(LEVEL.format("Fail", "Pass", "Fail"), **given).failures
    assert failure.evidence.verdict is EvidenceVerdict.CONFIRMED
    assert not [f.code for f in failure.evidence.support if f.code.startswith("DKM")]
    (failure,) = explain(LEVEL.format("Fail", "Fail", "Fail"), **given).failures
    assert [f.code for f in failure.evidence.support if f.code.startswith("DKM")]


@pytest.mark.parametrize(
    "text", ["", "x" * 100_000, "with ip: " * 20_000, "spf [" * 20_000 + "a." * 20_000, "\0\ud800 dkim = ", "ip= openspf.org/why?id=" * 5000]
)
def test_whatever_stands_there_it_is_read_quickly(text):
    began = time.process_time()
    assert isinstance(said(text), dict)
    assert time.process_time() - began < 0.5


# ------------------------------------------------------------------ the page


@pytest.fixture(scope="module")
def client():
    app = create_app(World.demo(), {"TESTING": True})
    yield app.test_client()
    app.extensions["desk"].close()


def test_the_facts_are_shown_and_can_be_set_right(client):
    reply = NEITHER.replace("example.com", "shop.example")
    page = client.post("/explain", data={"text": reply, "offline": "1"}).text
    for name, value in (("from", ""), ("mail_from", "shop.example"), ("selector", "")):
        assert re.search(rf'<input id="{name}" name="{name}" value="{re.escape(value)}"', page), name
    assert re.search(r'<input id="own" name="ip" type="checkbox" value="192\.0\.2\.7">', page), "that it is one's own is for the user to say"
    assert "The receiver found" in page
    by_hand = client.post("/explain", data={"text": "550 5.7.23 SPF validation failed", "from": "shop.example", "ip": "203.0.113.77", "selector": "s1"}).text
    assert 'value="shop.example"' in by_hand
    assert "SPF018" in by_hand or "pending" in by_hand


def test_of_a_recipients_fault_nobody_asks_for_the_sender(client):
    assert 'id="h-more"' not in client.post("/explain", data={"text": "550 5.1.1 <lena@recipient.example>: User unknown", "offline": "1"}).text
