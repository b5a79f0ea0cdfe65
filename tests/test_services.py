"""What mail services call a bounce, both ways: from a word to its cause, from a cause to its words; and what a word may never do."""

from __future__ import annotations

import pytest

from app import create_app
from healthcheck.bounce.classify import classify
from healthcheck.bounce.phrase import service_word
from healthcheck.catalog import catalog
from healthcheck.explain import explain
from healthcheck.model import Bounce, Confidence, Kind, Party, Reply, Suppress
from healthcheck.render import lookup, services
from healthcheck.render.codes_text import one
from healthcheck.vocabulary import Service, Word, forms

SERVICES = catalog().services
CAUSES = catalog().causes
WORDS = [(service, word) for service in SERVICES.values() for word in service.words]
MAIN = ("amazon_ses", "sendgrid", "mailgun", "postmark", "sparkpost", "mailchimp", "mimecast")
SENDER = {Party.SENDER_AUTHENTICATION, Party.SENDER_REPUTATION, Party.SENDER_CONTENT, Party.SENDER_CONFIG, Party.RECIPIENT_POLICY}


def each_word(check):
    """The check over every word of a service, one test a service."""

    @pytest.mark.parametrize("id_", SERVICES)
    def test(id_: str) -> None:
        bad = []
        for word in SERVICES[id_].words:
            try:
                check(SERVICES[id_], word)
            except AssertionError as error:
                bad.append(f"{'/'.join(word.values)}: {str(error).splitlines()[0]}")
        assert not bad, "\n".join(bad)

    test.__doc__ = check.__doc__
    return test


# ------------------------------------------------------------------ from a word to its cause


@each_word
def test_a_word_leads_to_its_cause_or_decides_none(service: Service, word: Word) -> None:
    failure = classify(Bounce(Reply(None, None, service.spoken(word)), esp=service.id, esp_terms=word.values))
    assert failure.cause == (word.cause or "unknown"), failure.rule
    if word.cause is None:
        assert failure.confidence is not Confidence.CERTAIN
        assert failure.suppress in (Suppress.COUNT, Suppress.NEVER), failure.suppress
    if word.type:
        assert failure.type is not None
        assert failure.type.value == word.type


@each_word
def test_a_word_is_found_again_among_what_the_service_calls_the_cause(service: Service, word: Word) -> None:
    for cause in word.causes:
        row = next(row for row in services.called(cause) if row["id"] == service.id)
        assert row["words"]
        if cause == word.cause:
            assert not row["among_others"]


@each_word
def test_a_word_for_a_fault_of_the_sender_gives_no_address_up(service: Service, word: Word) -> None:
    """Nor does one for what is over and done with: an earlier failure, an unsubscription, a block."""
    failure = classify(Bounce(Reply(None, None, service.spoken(word)), action="failed", esp=service.id, esp_terms=word.values))
    sides = {CAUSES[cause].party for cause in word.causes}
    if sides & SENDER or "esp-suppressed" in word.causes:
        assert failure.suppress is not Suppress.NOW
    if failure.suppress is Suppress.NOW:
        assert word.cause in ("user-unknown", "mailbox-disabled", "domain-not-found", "null-mx", "address-syntax", "complaint", "mailbox-moved"), word.cause


@each_word
def test_a_word_without_a_cause_says_which_it_stands_for(service: Service, word: Word) -> None:
    assert word.cause or word.also
    assert word.cause not in word.also
    assert len(set(word.also)) == len(word.also)
    if word.confidence == "certain":
        assert not word.also


@each_word
def test_the_service_itself_finds_each_word(service: Service, word: Word) -> None:
    """Unless the same value stands in two of its fields; then what stands beside it in the event decides."""
    found = service.word(word.values)
    assert found is not None
    if service.clear(word.values[-1]):
        assert found.cause == word.cause


def test_ids_of_rows_are_their_own():
    ids = [rule.id for rule in catalog().rules if rule.file == "services.toml"]
    assert len(ids) == len(set(ids)) == len(WORDS)


PASTED = {
    "OnAccountSuppressionList": "esp-suppressed",
    "Permanent/OnAccountSuppressionList": "esp-suppressed",
    "SES: Permanent/NoEmail": "user-unknown",
    "AWS SES NoEmail": "user-unknown",
    "bounceType: Transient, bounceSubType: General": "unknown",
    '"bounceType": "Transient", "bounceSubType": "MailboxFull"': "mailbox-full",
    "Amazon SES Transient MessageTooLarge": "message-too-large",
    "SES Transient - ContentRejected": "content-spam",
    "bounce_class 25": "esp-suppressed",
    "SparkPost bounce class 25": "esp-suppressed",
    "SparkPost 10": "user-unknown",
    "bounce_class: 22": "mailbox-full",
    "Mailgun 605": "esp-suppressed",
    "Mailgun code 607": "esp-suppressed",
    "reason: suppress-bounce": "esp-suppressed",
    "suppress-complaint": "esp-suppressed",
    "Postmark SpamNotification": "content-spam",
    "TypeCode 100009": "auth-dmarc",
    "Postmark: Hard bounce": "user-unknown",
    "SendGrid Bounced Address": "esp-suppressed",
    "Bounced Address": "esp-suppressed",
    "SendGrid: Invalid Address": "user-unknown",
    "bounce_classification: Reputation": "reputation-low",
    "Mandrill bad_mailbox": "user-unknown",
    "mandrill invalid_domain": "domain-not-found",
    "Soft Bounce - Mailbox Full": "mailbox-full",
    "Hard Bounce - Blocked Sender": "sender-not-permitted",
    "Azure FilteredSpam": "content-spam",
    "Elastic Email: NoMailbox": "user-unknown",
    "Elastic Email GreyListed": "greylisted",
    "Brevo hard_bounce": "unknown",
    "HubSpot PREVIOUSLY_BOUNCED": "esp-suppressed",
    "Mailjet preblocked": "esp-suppressed",
    "Constant Contact: Suspended": "esp-suppressed",
    "Campaign Monitor SBMF": "mailbox-full",
    "err_user_unknown": "user-unknown",
    "email_mailbox_not_found": "user-unknown",
}


@pytest.mark.parametrize("text", PASTED)
def test_a_pasted_word_is_read(text):
    answer = explain(text, offline=True)
    assert answer.kind is Kind.PHRASE
    assert answer.failures[0].cause == PASTED[text]
    assert answer.failures[0].suppress is not Suppress.NOW  # somebody's question, not a bounce that was received


@pytest.mark.parametrize(
    "text", ["25", "53", "Content", "General", "550", "5.1.1", "Blocked", "Mailbox full", "hard bounce", "spam", "Thank you for lunch", "", "TB"]
)
def test_what_is_no_services_word(text):
    assert service_word(text) is None


def test_words_that_mean_several_causes_among_services_decide_none():
    shared = {}
    for service, word in WORDS:
        for form in forms(service, word):
            shared.setdefault(form, set()).add(word.cause)
    several = [form for form, causes in shared.items() if len(causes) > 1]
    assert several
    assert all(service_word(form) is None for form in several)


# ------------------------------------------------------------------ from a cause to its words


@pytest.mark.parametrize("id_", MAIN)
def test_the_main_services_are_shown_beside_an_answer(id_):
    assert SERVICES[id_].main
    shown = [cause for cause in CAUSES if id_ in services.equivalents(cause)]
    assert len(shown) >= 8
    for cause in shown:
        said = services.equivalents(cause)[id_]
        word = next(word for word in SERVICES[id_].words if dict(word.said) == said)
        assert cause in word.causes


@pytest.mark.parametrize(
    ("cause", "id_", "value"),
    [
        ("mailbox-full", "amazon_ses", "MailboxFull"),
        ("esp-suppressed", "amazon_ses", "OnAccountSuppressionList"),
        ("esp-suppressed", "mailgun", "suppress-bounce"),
        ("esp-suppressed", "sparkpost", "25"),
        ("user-unknown", "sparkpost", "10"),
        ("user-unknown", "sendgrid", "Invalid Address"),
        ("content-spam", "postmark", "SpamNotification"),
        ("mailbox-full", "mimecast", "Soft Bounce - Mailbox Full"),
        ("address-syntax", "mailchimp", "Syntax bounce"),
    ],
)
def test_what_a_cause_is_called(cause, id_, value):
    assert value in services.equivalents(cause)[id_].values()
    assert value in {v for row in services.called(cause) if row["id"] == id_ for said in row["words"] for v in said.values()}


# ------------------------------------------------------------------ looking up


@pytest.mark.parametrize(("asked", "cause"), [("OnAccountSuppressionList", "esp-suppressed"), ("bounce_class 25", "esp-suppressed"), ("Mailgun 605", "esp-suppressed"),
    ("NoEmail", "user-unknown"), ("suppress-bounce", "esp-suppressed"), ("SpamNotification", "content-spam"), ("bad_mailbox", "user-unknown"), ("sparkpost 25", "esp-suppressed")])  # fmt: skip
def test_the_search_leads_from_a_word_to_its_cause(asked, cause):
    hits = lookup.search(asked)[:3]
    assert any(hit.kind == "service" and hit.key == f"/causes/{cause}" for hit in hits), hits


def test_the_search_leads_from_an_ambiguous_word_to_its_place_among_the_services_words():
    (hit,) = [hit for hit in lookup.search("Permanent/General")[:3] if hit.key.startswith("/services/amazon_ses")]
    assert hit.key == "/services/amazon_ses#permanent-general"
    assert "several causes" in hit.text


def test_everybodys_words_do_not_go_before_codes():
    assert next(hit.kind for hit in lookup.search("550")) == "code"
    assert "service" not in {hit.kind for hit in lookup.search("mailbox full")[:3]}


def test_the_command_line_knows_a_word():
    assert "esp-suppressed" in (one("Mailgun 605") or "")
    assert "content-spam" in (one("SpamNotification") or "")
    assert one("no such word at all") is None


@pytest.fixture(scope="module")
def client():
    app = create_app(config={"TESTING": True, "RATELIMIT_ENABLED": False, "HURRY": 20})
    yield app.test_client()
    app.extensions["desk"].close()


@pytest.mark.parametrize("id_", SERVICES)
def test_a_services_page(client, id_):
    answer = client.get(f"/services/{id_}")
    assert answer.status_code == 200
    ids = [row["anchor"] for row in services.service(id_)["words"]]
    assert len(ids) == len(set(ids))
    for anchor in ids:
        assert f'id="{anchor}"' in answer.text


def test_a_service_that_is_none(client):
    assert client.get("/services/no-such").status_code == 404


def test_the_pages_lead_to_one_another(client):
    codes = client.get("/codes").text
    assert all(f"/services/{id_}" in codes for id_ in SERVICES)
    found = client.get("/codes?q=OnAccountSuppressionList").text
    assert "/causes/esp-suppressed" in found
    cause = client.get("/causes/esp-suppressed").text
    assert "/services/mailgun" in cause
    assert "suppress-bounce" in cause
    answer = client.post("/explain", data={"text": "550 5.1.1 User unknown", "offline": "1"}).text
    assert "/services/sparkpost" in answer
