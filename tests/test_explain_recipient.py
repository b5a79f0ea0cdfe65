"""A bounce joined with what the recipient's domain publishes: shown as evidence, never as something for the sender to change."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from support import Faults

from app import create_app
from healthcheck import explain
from healthcheck.bounce.corroborate import topics_of, whose
from healthcheck.catalog import catalog
from healthcheck.checks import TOPICS
from healthcheck.edge.world import World
from healthcheck.explain import BUILT, MAX_SCANS, diagnose, join, plan, plans
from healthcheck.model import Confidence, EvidenceVerdict, Suppress
from healthcheck.render import json as as_json
from healthcheck.render import text as as_text
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
ZONES = ["recipient", "recipient-com", "recipient-parked", "recipient-expired"]
DNS_WORDS = re.compile(r"(?i)\b(spf|dkim|dmarc|records?|ptr|publish\w*|zone)\b")
CONFIRMED, REFUTED, CANNOT_TELL = EvidenceVerdict.CONFIRMED, EvidenceVerdict.REFUTED, EvidenceVerdict.CANNOT_TELL

UNKNOWN_USER = "550 5.1.1 <jane@{}>: Recipient address rejected: User unknown"
NO_DOMAIN = "550 5.1.2 <jane@{}>: Host or domain name not found"
NULL_MX = "556 5.1.10 <jane@{}>: Recipient address has a null MX"
NO_ANSWER = (
    "Nov 20 10:00:00 mx postfix/smtp[1]: 4A1: to=<jane@{}>, relay=none, delay=30, dsn=4.4.1, status=deferred "
    "(connect to mx.example.net[192.0.2.9]:25: Connection timed out)"
)
THEIRS = [slug for slug, row in catalog().causes.items() if whose(row) == "recipient"]
DOMAINS = [
    "good.recipient.test", "half.recipient.test", "gone.recipient.test", "null.recipient.test", "none.recipient.test", "dead.recipient.test",
    "inside.recipient.test", "implicit.recipient.test", "away.recipient.test", "quick.recipient.test", "parked.test", "expired.test",
    "gmial.com", "gamil.com", "hotmial.com", "yaho.com", "gnail.com", "gmali.com", "gmail.com",
]  # fmt: skip


@pytest.fixture(scope="module")
def world():
    world = World.zones([WORLDS / f"{name}.zone" for name in ZONES], only=True)
    yield world
    world.close()


def one(text, world, **said):
    (failure,) = explain(text, world=world, **said).failures
    return failure


def codes(findings):
    return {f.code for f in findings}


# ------------------------------------------------------------------ verdicts


@pytest.mark.parametrize(
    ("text", "domain", "verdict", "support"),
    [
        (NO_DOMAIN, "gone.recipient.test", CONFIRMED, {"RCP002"}),
        (NO_DOMAIN, "null.recipient.test", CONFIRMED, {"RCP003"}),
        (NO_DOMAIN, "none.recipient.test", CONFIRMED, {"RCP004"}),
        (NO_DOMAIN, "gnail.com", CONFIRMED, {"RCP002", "RCP007"}),
        (NO_DOMAIN, "good.recipient.test", REFUTED, set()),
        (NO_DOMAIN, "gmail.com", REFUTED, set()),
        (NO_DOMAIN, "gmial.com", CANNOT_TELL, {"RCP008"}),
        (NO_DOMAIN, "implicit.recipient.test", CANNOT_TELL, {"RCP006"}),
        (NO_DOMAIN, "expired.test", CANNOT_TELL, {"RCP010"}),
        (NO_DOMAIN, "away.recipient.test", CANNOT_TELL, set()),
        (NULL_MX, "null.recipient.test", CONFIRMED, {"RCP003"}),
        (NULL_MX, "good.recipient.test", REFUTED, set()),
        (UNKNOWN_USER, "gamil.com", CONFIRMED, {"RCP003", "RCP007"}),
        (UNKNOWN_USER, "gmial.com", CANNOT_TELL, {"RCP008"}),
        (UNKNOWN_USER, "quick.recipient.test", CANNOT_TELL, {"RCP009"}),
        (UNKNOWN_USER, "good.recipient.test", CANNOT_TELL, set()),
        (NO_ANSWER, "dead.recipient.test", CONFIRMED, {"RCP005", "MX006"}),
        (NO_ANSWER, "half.recipient.test", CANNOT_TELL, {"MX006"}),
        (NO_ANSWER, "good.recipient.test", CANNOT_TELL, set()),
        (NO_ANSWER, "yaho.com", CONFIRMED, {"RCP004", "RCP007"}),
    ],
)
def test_what_the_recipients_domain_says_of_it(text, domain, verdict, support, world):
    evidence = one(text.format(domain), world).evidence
    assert (evidence.verdict, evidence.of, evidence.domain) == (verdict, "recipient", domain)
    assert codes(evidence.support) == support
    if verdict is REFUTED:
        assert codes(evidence.against) == {"RCP001"}


@pytest.mark.parametrize("fault", ["servfail", "timeout", "refused", "bogus"])
@pytest.mark.parametrize("text", [NO_DOMAIN, NULL_MX, UNKNOWN_USER, NO_ANSWER])
def test_a_silent_dns_confirms_and_refutes_nothing(text, fault, world):
    failure = one(text.format("gone.recipient.test"), Faults(world, **{fault: {"*"}}))
    assert failure.evidence.verdict is CANNOT_TELL
    assert failure.evidence.why_not == "could-not-look-up"
    assert failure.evidence.support == ()
    assert failure.suppress is diagnose(text.format("gone.recipient.test")).failures[0].suppress


def test_outside_the_zone_files_nothing_is_told(world):
    failure = one(NO_DOMAIN.format("elsewhere.example"), world)
    assert (failure.evidence.verdict, failure.evidence.why_not) == (CANNOT_TELL, "could-not-look-up")


def test_a_domain_that_takes_mail_is_not_given_up(world):
    said = diagnose(NO_DOMAIN.format("good.recipient.test")).failures[0]
    assert (said.suppress, said.scope) == (Suppress.NOW, "domain")
    failure = one(NO_DOMAIN.format("good.recipient.test"), world)
    assert (failure.suppress, failure.scope, failure.cause) == (Suppress.COUNT, "address", "domain-not-found")
    told = as_json.failure(failure)
    assert "takes mail today" in as_text.diagnosis(explain(NO_DOMAIN.format("good.recipient.test"), world=world))
    assert not told["address"].startswith("Suppress")


@pytest.mark.parametrize("domain", ["gone.recipient.test", "null.recipient.test", "gnail.com", "gmial.com", "implicit.recipient.test"])
def test_the_advice_to_suppress_stays_where_it_is_not_refuted(domain, world):
    assert one(NO_DOMAIN.format(domain), world).suppress is Suppress.NOW


# ------------------------------------------------------------------ law 2


def pending(slug, domain):
    """A pending failure of this cause for a recipient at this domain, however its words read."""
    row = catalog().causes[slug]
    base = diagnose(UNKNOWN_USER.format(domain), pending=True, from_domain="example.net", ips=("192.0.2.1",))
    (failure,) = base.failures
    changed = replace(failure, cause=slug, party=row.party, suppress=row.suppress, scope=row.scope, confidence=Confidence.CERTAIN)
    evidence = replace(changed.evidence, verdict=EvidenceVerdict.PENDING, why_not="pending", of="recipient")
    return replace(base, failures=(replace(changed, evidence=evidence),))


@pytest.mark.parametrize("slug", THEIRS)
def test_nothing_of_the_recipients_domain_is_the_senders_to_change(slug, world):
    looked = 0
    for domain in DOMAINS:
        case = pending(slug, domain)
        wanted = plan(case.failures[0])
        if wanted == "known-mailboxes":
            continue
        assert (wanted.of, wanted.domain, wanted.ips, wanted.selectors, wanted.mail_from) == ("recipient", domain, (), (), None)
        report = scan(wanted.domain, topics=wanted.topics, world=world)
        (failure,) = join(case, {wanted: report}).failures
        looked += 1
        assert failure.fix is None
        assert failure.evidence.verdict in (CONFIRMED, REFUTED, CANNOT_TELL)
        assert failure.evidence.of == "recipient"
        told = as_json.failure(failure)
        assert told["fix"]["record"] is None
        assert told["fix"]["choices"] == []
        for finding in (*told["evidence"]["support"], *told["evidence"]["against"]):
            assert finding["fix"]["record"] is None
            assert finding["fix"]["choices"] == []
            for sentence in (finding["fix"]["summary"], *finding["fix"]["steps"]):
                assert not DNS_WORDS.search(sentence), sentence
        for finding in (*failure.evidence.support, *failure.evidence.against):
            assert finding.record is None
            assert finding.choices == ()
            assert finding.evidence, "every claim shows what it rests on"
    assert looked >= len(DOMAINS) - 1


@pytest.mark.parametrize("slug", sorted(catalog().causes))
def test_each_side_looks_at_its_own_domain(slug):
    row = catalog().causes[slug]
    if row.party.side == "recipient" and whose(row) == "sender":
        assert not row.scan or row.party == "recipient-policy"  # may only promote a rival
    if row.party.side == "network" and row.scan:
        assert whose(row) == "recipient"
    assert set(topics_of(row)) <= {topic.TOPIC for topic in TOPICS} == set(BUILT)


def test_a_sender_in_the_paste_is_not_looked_at_for_a_recipients_cause(world):
    failure = one(UNKNOWN_USER.format("gmial.com"), world, from_domain="good.recipient.test", ips=("203.0.113.9",), selectors=("s1",))
    assert failure.evidence.domain == "gmial.com"
    assert not [f for f in (*failure.evidence.support, *failure.evidence.against) if not f.code.startswith("RCP")]


# ------------------------------------------------------------------ suggestions


@pytest.mark.parametrize(
    ("text", "domain", "want"),
    [
        (UNKNOWN_USER, "gmial.com", "jane@gmail.com"),
        (NO_DOMAIN, "gnail.com", "jane@gmail.com"),
        (NO_ANSWER, "yaho.com", "jane@yahoo.com"),
        (UNKNOWN_USER, "gmali.com", None),  # the provider's own, as its mail hosts show
        (UNKNOWN_USER, "gmail.com", None),
        (UNKNOWN_USER, "good.recipient.test", None),
    ],
)
def test_the_address_that_was_meant_is_suggested_and_never_changed(text, domain, want, world):
    failure = one(text.format(domain), world)
    told = as_json.failure(failure)
    assert (told["suggestion"] or {}).get("address") == want
    assert told["recipient"] == f"jane@{domain}"
    if want:
        assert want in told["suggestion"]["text"]
        assert f"jane@{domain}" in told["fix"]["steps"][0]
        assert want in as_text.diagnosis(explain(text.format(domain), world=world))


def test_without_a_look_the_name_alone_suggests():
    told = as_json.failure(explain(UNKNOWN_USER.format("gmial.com"), offline=True).failures[0])
    assert told["suggestion"]["address"] == "jane@gmail.com"
    assert told["evidence"]["of"] == "recipient"
    assert told["evidence"]["verdict"] == "not looked at"


def test_a_sender_cause_suggests_nothing():
    text = "550 5.7.26 <jane@gmial.com>: Unauthenticated email from shop.example is not accepted due to domain's DMARC policy."
    told = as_json.failure(explain(text, offline=True).failures[0])
    assert (told["suggestion"], told["evidence"]["of"]) == (None, "sender")


@pytest.mark.parametrize(("local", "role"), [("info", "standard"), ("office", "common"), ("no-reply", "machine"), ("jane", None)])
def test_a_role_address_is_named(local, role, world):
    told = as_json.failure(one(f"550 5.1.1 <{local}@good.recipient.test>: User unknown", world))
    assert told["role"] == role


# ------------------------------------------------------------------ plans


def test_no_recipient_no_look():
    assert plan(diagnose("550 5.1.1 User unknown").failures[0]) == "no-recipient"
    assert plan(diagnose("550 5.1.2 <jane@[192.0.2.1]>: Host not found").failures[0]) == "no-recipient"


def test_one_mailbox_of_a_large_provider_is_no_matter_for_the_dns():
    assert plan(diagnose(UNKNOWN_USER.format("gmail.com")).failures[0]) == "known-mailboxes"
    assert plan(diagnose(NO_DOMAIN.format("gmail.com")).failures[0]).domain == "gmail.com"


def test_a_paste_of_many_recipients_is_bounded():
    answer = diagnose("\n".join(UNKNOWN_USER.format(f"n{i}.example") for i in range(9)), pending=True)
    assert len(answer.failures) == 9
    assert len(plans(answer)) == MAX_SCANS
    assert {f.evidence.why_not for f in answer.failures[MAX_SCANS:]} == {"too-many-recipients"}


def test_several_addresses_at_one_domain_are_one_scan():
    text = "\n".join(f"550 5.1.1 <n{i}@gmial.com>: User unknown" for i in range(6))
    assert len(plans(diagnose(text, pending=True))) == 1


# ------------------------------------------------------------------ pages


def test_the_page_says_whose_domain_it_is(world):
    app = create_app(world, {"TESTING": True, "RATELIMIT_ENABLED": False, "HURRY": 20})
    try:
        page = app.test_client().post("/explain", data={"text": NO_DOMAIN.format("gnail.com")}).text
        shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.replace("&#39;", "'")))
        assert "Evidence from the DNS of the recipient's domain gnail.com" in shown
        assert "Did you mean jane@gmail.com?" in shown
        assert "The sender's DNS" not in shown
        assert 'href="/scan?domain=gnail.com' not in page
    finally:
        app.extensions["desk"].close()
