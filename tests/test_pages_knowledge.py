"""The reference as it is read: every code and every wording can be found, says whose fault it is, hard or soft, and what to do; pages stay light."""

import gzip
import html
import re

import pytest

from app import create_app
from healthcheck import explain
from healthcheck.catalog import catalog
from healthcheck.model import Party
from healthcheck.render import json as as_json
from healthcheck.render import lookup, receivers, words
from healthcheck.render import text as as_text

KNOWN = catalog()
CODES = [*KNOWN.enhanced_rows, *KNOWN.basic_rows]
KEYS = [row["key"] for row in receivers.listed()]


@pytest.fixture(scope="module")
def client():
    app = create_app(config={"TESTING": True, "RATELIMIT_ENABLED": False, "HURRY": 20})
    yield app.test_client()
    app.extensions["desk"].close()


def text_of(answer):
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


def told(text):
    return as_json.failure(explain(text, offline=True).failures[0])


# ------------------------------------------------------------------ every wording has its place


def test_every_wording_stands_under_one_receiver():
    assert sum(row["count"] for row in receivers.listed()) == len(receivers.written())
    shown = [r["id"] for key in KEYS for group in receivers.receiver(key)["groups"] for r in group["rules"]]
    assert sorted(shown) == sorted(r.id for r in receivers.written())


def test_only_what_receivers_write_is_shown_as_theirs():
    assert {r.file.partition("/")[0] for r in receivers.written()} == {"replies"}


def test_no_receiver_goes_by_the_name_of_a_file():
    named = KNOWN.words["receivers"]
    files = {row["key"] for row in receivers.listed() if not row["provider"]}
    assert files <= set(named), "data/words.toml, [receivers], names what a file without a [provider] holds"


@pytest.mark.parametrize("key", KEYS)
def test_a_receiver_shows_its_words_and_what_they_mean(client, key):
    answer = client.get(f"/receivers/{key}")
    page = text_of(answer)
    for rule in (r for r in receivers.written() if lookup.receiver_of(r) == key):
        assert f'id="{rule.id.rpartition("/")[2]}"' in answer.text
        assert " ".join(rule.example.split())[:60] in " ".join(page.split())
        assert KNOWN.causes[rule.cause].title in page
    assert len(re.findall(r' id="([^"]+)"', answer.text)) == len(set(re.findall(r' id="([^"]+)"', answer.text))), "an id stands twice"
    assert "seen 20" in page


def test_a_receiver_that_is_none_is_told_so(client):
    assert client.get("/receivers/nobody").status_code == 404
    assert client.get("/receivers/../etc").status_code == 404


def test_no_wording_of_the_senders_fault_is_shown_with_suppression():
    for rule in receivers.written():
        shown = receivers.wording(rule)
        if shown["side"] in ("sender", "unknown"):
            assert str(shown["suppress"]) != "now", rule.id


# ------------------------------------------------------------------ codes


def test_the_index_names_every_code_and_every_receiver(client):
    answer = client.get("/codes")
    for code in CODES:
        assert f'href="/codes/{code}"' in answer.text
    for key in KEYS:
        assert f'href="/receivers/{key}"' in answer.text
    for runs in receivers.unregistered().values():
        for first, _ in runs:
            assert f'href="/codes/{first}"' in answer.text


@pytest.mark.parametrize("code", CODES)
def test_a_code_says_whose_fault_hard_or_soft_and_what_to_do(client, code):
    page = text_of(client.get(f"/codes/{code}"))
    for heading in ("Detail", "Whose fault", "Hard or soft", "The address", "What to do", "Cause", "Standard"):
        assert heading in page
    if "." in code:
        assert "Subject" in page


HARD_OR_SOFT = {
    "5.1.1": ("hard", "now"), "4.1.1": ("soft", "count"), "5.2.2": ("soft", "count"), "5.7.1": ("hard", "never"), "5.7.26": ("hard", "never"),
    "4.7.0": ("deferred", "never"), "2.0.0": ("none", "never"), "250": ("none", "never"), "450": ("deferred", "never"), "552": ("soft", "count"), "556": ("hard", "count"), "5.1.10": ("hard", "now"),
}  # fmt: skip


@pytest.mark.parametrize("code", HARD_OR_SOFT)
def test_a_bare_code_is_read_as_a_reply_without_words_is(code):
    (row,) = receivers.bare(code)
    assert (str(row["type"]), str(row["suppress"])) == HARD_OR_SOFT[code]


@pytest.mark.parametrize("code", CODES)
def test_the_advice_beside_a_code_agrees_with_what_is_made_of_it(code):
    """Where the advice is to suppress without a condition, the bare code suppresses; and the other way round."""
    row = {**KNOWN.enhanced_rows, **KNOWN.basic_rows}[code]
    for bare in receivers.bare(code):
        if bare["code"].startswith("5"):
            flat = re.search(r"(?i)\bsuppress", row.action) and not re.search(
                r"(?i)\bsuppress\b.*\b(once|where|after three)\b|which is suppressed|suppress it only", row.action
            )
            assert bool(flat) == (str(bare["suppress"]) == "now"), row.action


def test_a_code_of_any_class_is_told_for_both():
    assert [(b["code"], str(b["type"]), str(b["suppress"])) for b in receivers.bare("X.1.1")] == [("4.1.1", "soft", "count"), ("5.1.1", "hard", "now")]


@pytest.mark.parametrize("code", ["2.0.0", "2.1.5", "2.6.0", "2.2.2"])
def test_a_success_is_no_failure_whatever_stands_behind_the_two(code):
    assert lookup.code(code)["cause"] == "delivered"
    assert "success" in lookup.code(code)["fault"]


@pytest.mark.parametrize(
    ("code", "who"), [("5.7.9", "yahoo"), ("5.7.23", "gmail"), ("5.7.27", "gmail"), ("5.7.12", "microsoft"), ("5.4.1", "microsoft"), ("5.4.5", "gmail")]
)
def test_who_uses_a_code_otherwise_is_named(client, code, who):
    assert who in dict(receivers.otherwise(code))
    assert f'href="/receivers/{who}"' in client.get(f"/codes/{code}").text


def test_a_code_that_says_nothing_is_used_by_nobody_otherwise():
    assert receivers.otherwise("5.7.1") == []


def test_a_code_of_one_receiver_has_its_page(client):
    page = text_of(client.get("/codes/5.7.509"))
    assert KNOWN.causes["auth-dmarc"].title in page
    assert words.word("bare", "by-receivers") in page
    assert "Microsoft" in page


def test_what_receivers_write_beside_an_overloaded_code_is_sorted_by_cause(client):
    groups = receivers.by_cause(receivers.beside("5.7.1"), most=2)
    assert len(groups) > 10
    assert all(len(g["rules"]) <= 2 <= g["count"] or g["count"] == 1 for g in groups)
    assert {"auth-dmarc", "ip-blocklisted", "content-spam", "relay-denied", "policy-unstated"} <= {g["cause"].slug for g in groups}
    assert words.word("bare", "several") in text_of(client.get("/codes/5.7.1"))


def test_few_of_many_are_of_different_receivers():
    rules = [r for r in receivers.written() if r.cause == "user-unknown"]
    assert len({lookup.receiver_of(r) for r in receivers.spread(rules, 12)}) == 12


# ------------------------------------------------------------------ causes


@pytest.mark.parametrize("slug", KNOWN.causes)
def test_a_cause_says_all_of_it(client, slug):
    row, page = KNOWN.causes[slug], text_of(client.get(f"/causes/{slug}"))
    for said in (row.title, row.meaning, row.fix, row.address, *row.steps, row.hygiene, row.unsuppress, words.word("cause_type", words.cause_type(row))):
        assert not said or said in page
    if row.party is not Party.NOT_A_BOUNCE:
        assert "What receivers write" in page


@pytest.mark.parametrize("slug", [slug for slug, row in KNOWN.causes.items() if row.unsuppress])
def test_how_an_address_comes_off_the_list_is_one_click_away(client, slug):
    assert 'href="/glossary/taking-off-a-suppression-list"' in client.get(f"/causes/{slug}").text


LIST_CAUSES = [
    "user-unknown",
    "address-syntax",
    "domain-not-found",
    "null-mx",
    "mailbox-full",
    "mailbox-disabled",
    "ip-blocklisted",
    "reputation-low",
    "complaint",
]


@pytest.mark.parametrize("slug", LIST_CAUSES)
def test_where_it_is_the_list_its_hygiene_is_named(slug):
    assert re.search(r"opt-in|verif|re-engagement|spam trap", KNOWN.causes[slug].hygiene)


def test_every_measure_of_list_hygiene_is_told():
    said = " ".join(row.hygiene or "" for row in KNOWN.causes.values())
    for measure in ("confirmed opt-in", "verify old lists", "re-engagement", "recycled"):
        assert measure in said


# ------------------------------------------------------------------ pages where somebody can be asked


def test_pages_of_receivers_are_addresses():
    for provider in KNOWN.providers.values():
        for kind, url in (("help", provider.help), ("postmaster", provider.postmaster), ("delist", provider.delist)):
            assert url is None or re.match(r"https?://[^/\s]+\.[a-z]+(/\S*)?$", url) or (kind == "delist" and re.match(r"mailto:\S+@\S+\.\S+$", url)), (
                provider.id
            )
    for rule in KNOWN.rules:
        assert rule.help is None or rule.help.startswith(("https://", "http://")), rule.id


@pytest.mark.parametrize("id_", ["gmail", "microsoft", "yahoo", "apple", "comcast", "orange", "laposte", "gmx", "tonline", "mailru", "yandex", "cox"])
def test_a_large_provider_has_its_page_for_senders(id_):
    assert KNOWN.providers[id_].postmaster


ASKED = {
    "gmail": "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address 192.0.2.25. gsmtp",
    "yahoo": "421 4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to unexpected volume or user complaints - 4.16.55",
    "comcast": "554 resimta.sys.comcast.net comcast 192.0.2.25 Comcast block for spam. Please see https://postmaster.comcast.net/smtp-error-codes.php#BL000001",
    "gmx": "554-gmx.net (mxgmx108) Nemesis ESMTP Service not available 554-No SMTP service 554-Reject due to policy restrictions. "
    "554 For explanation visit https://postmaster.gmx.net/en/case?c=r0103&i=ip",
}


@pytest.mark.parametrize("id_", ASKED)
def test_an_answer_names_the_receivers_own_pages(client, id_):
    answer, provider = told(ASKED[id_]), KNOWN.providers[id_]
    assert answer["provider"] == id_
    shown = [page["url"] for page in answer["pages"]]
    assert provider.postmaster in shown or provider.delist in shown
    page = client.post("/explain", data={"text": ASKED[id_], "offline": "1"}).text
    for url in shown:
        assert f'href="{html.escape(url)}"' in page
    assert all(url in as_text.diagnosis(explain(ASKED[id_], offline=True)).replace("\n", "") for url in shown if len(url) < 60)


TWO_DOORS = {
    "https://olcsupport.office.com/": "550 5.7.1 Unfortunately, messages from [192.0.2.25] weren't sent. Please contact your Internet service provider since part of "
    "their network is on our block list (S3140).",
    "https://sender.office.com/": "550 5.7.606 Access denied, banned sending IP [192.0.2.25]. To request removal from this list please visit https://sender.office.com/",
    "https://check.spamhaus.org/": "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using zen.spamhaus.org",
}


@pytest.mark.parametrize("url", TWO_DOORS)
def test_a_refusals_own_form_goes_before_the_receivers(url):
    pages = told(TWO_DOORS[url])["pages"]
    assert pages[0] == {"kind": "refusal", "title": "The page on this refusal", "url": url}
    assert not [page for page in pages if page["kind"] == "delist"], "two doors, and one of them is the wrong one"


def test_a_dead_address_is_nothing_to_ask_about():
    for text in ("550 5.1.1 The email account that you tried to reach does not exist. gsmtp", "550 5.1.1 <jane@icloud.com>: user does not exist"):
        assert not {page["kind"] for page in told(text)["pages"]} & {"delist", "postmaster"}


def test_the_answer_says_what_is_about_the_list(client):
    text = "550 5.1.1 <jane@example.net>: User unknown"
    row = KNOWN.causes["user-unknown"]
    assert told(text)["hygiene"] == row.hygiene
    assert told(text)["unsuppress"] == row.unsuppress
    assert row.hygiene in text_of(client.post("/explain", data={"text": text, "offline": "1"}))
    assert told("450 4.1.1 <jane@example.net>: User unknown")["unsuppress"] is None, "nothing was put on a list"


def test_where_a_reading_was_documented_is_one_click_away(client):
    page = client.post("/explain", data={"text": ASKED["gmail"], "offline": "1"}).text
    assert re.search(r'gmail/[a-z-]+, <a href="https?://[^"]+" rel="noopener noreferrer">seen 20', page)


def test_a_cause_lists_where_receivers_can_be_asked(client):
    page = client.get("/causes/ip-blocklisted").text
    for id_ in ("yahoo", "gmx", "comcast"):
        assert f'href="{KNOWN.providers[id_].delist}"' in page
    assert "Where the receivers can be asked" not in client.get("/causes/user-unknown").text


# ------------------------------------------------------------------ the glossary, and what people ask

# What the field's explainers set out to teach: what is asked -> the page that has to come first.
TOPICS = {
    "What is a bounce?": "/glossary/bounce", "What is a hard bounce?": "/glossary/hard-bounce", "What is a soft bounce?": "/glossary/soft-bounce",
    "Is SMTP authentication failure a hard bounce or soft bounce?": "/glossary/authentication-failure", "550 hard bounce deferred": "/glossary/hard-bounce-deferred",
    "denied by policy": "/glossary/denied-by-policy", "class subject detail": "/glossary/enhanced-status-code", "AWS bounce codes": "/glossary/amazon-ses-bounce-types",
    "Rejected by Reviewer": "/glossary/rejected-by-reviewer", "Mimecast bounce types": "/glossary/mimecast-bounces",
    "MC returned no SMTP detail": "/glossary/mc-returned-no-smtp-detail", "acceptable bounce rate": "/glossary/bounce-rate",
    "suppress bounces from this recipient": "/glossary/suppression-list", "How many soft bounces before you suppress an address": "/glossary/soft-bounce-limit",
    "should I retry hard bounced addresses": "/glossary/hard-bounce", "why do different ESPs show different bounce categories": "/glossary/bounce-category",
    "can email verification prevent bounces": "/glossary/address-verification", "reading bounce patterns": "/glossary/bounce-patterns",
    "do soft bounces hurt my sender reputation": "/glossary/soft-bounce", "can broken email authentication cause bounces": "/glossary/authentication-failure",
    "double opt-in": "/glossary/confirmed-opt-in", "recycled spam trap": "/glossary/spam-trap", "chronic inactives": "/glossary/re-engagement",
    "deferred vs soft bounce": "/glossary/deferred", "exponential backoff": "/glossary/back-off", "greylisting": "/glossary/greylisting", "throttling": "/glossary/rate-limiting",
    "hard bounce 5xx soft bounce 4xx": "/glossary/codes-that-mislead", "how to diagnose a bounce": "/glossary/finding-the-reply", "how do I unsuppress an address":
    "/glossary/taking-off-a-suppression-list", "get off a blocklist": "/glossary/delisting", "SNDS": "/glossary/postmaster-tools", "list hygiene": "/glossary/list-hygiene",
}  # fmt: skip


def page_of(hit):
    return {"glossary": f"/glossary/{hit.key}", "cause": f"/causes/{hit.key}", "code": f"/codes/{hit.key}"}.get(hit.kind, hit.key)


@pytest.mark.parametrize("asked", TOPICS)
def test_what_explainers_teach_is_found_first(asked):
    assert TOPICS[asked] in {page_of(hit) for hit in lookup.search(asked)[:2]}


OWN_CODES = {
    "S3140": "microsoft",
    "TSS04": "yahoo",
    "[TSS04]": "yahoo",
    "OFR_103": "orange",
    "IB504": "godaddy",
    "LPN007_101": "laposte",
    "5.7.509": "microsoft",
}


@pytest.mark.parametrize("asked", OWN_CODES)
def test_a_receivers_own_code_finds_its_wording(asked):
    assert lookup.search(asked)[0].key.startswith(f"/receivers/{OWN_CODES[asked]}#")


def test_a_code_beside_a_name_is_found():
    assert lookup.search("5.4.1 exchange")[0].key == "X.4.1"


@pytest.mark.parametrize("slug", KNOWN.glossary)
def test_a_term_is_shown_in_paragraphs_with_its_neighbours(client, slug):
    row, page = KNOWN.glossary[slug], text_of(client.get(f"/glossary/{slug}"))
    for part in row["text"].split("\n\n"):
        assert part in page
    for see in row["see"]:
        assert (KNOWN.glossary.get(see, {}).get("title") or KNOWN.causes[see].title) in page


def test_a_cause_names_the_terms_that_speak_of_it(client):
    assert 'href="/glossary/warm-up"' in client.get("/causes/reputation-low").text


def test_the_numbers_of_the_policy_stand_in_the_terms():
    policy, terms = KNOWN.words["policy"], KNOWN.glossary
    assert f"older than {policy['soft_window_days']} days" in terms["soft-bounce-limit"]["text"]
    assert f"at least {policy['soft_min_span_days']} days" in terms["soft-bounce-limit"]["text"]
    for percent in policy["hard_rate_percent"]:
        assert f"{percent} " in terms["bounce-rate"]["text"]
    for percent in policy["complaint_rate_percent"]:
        assert f"{percent} %" in terms["complaint-rate"]["text"]


# ------------------------------------------------------------------ light


@pytest.mark.parametrize("path", ["/codes", "/glossary", "/causes", "/codes/550", "/codes/5.7.1", "/codes/554", *(f"/causes/{slug}" for slug in KNOWN.causes)])
def test_a_page_stays_light(client, path):
    size = len(client.get(path).data)
    assert size <= 64_000
    packed = client.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.data) <= 12_000
    assert len(gzip.decompress(packed.data)) == size


@pytest.mark.parametrize("key", KEYS)
def test_a_receivers_page_stays_light(client, key):
    assert len(client.get(f"/receivers/{key}", headers={"Accept-Encoding": "gzip"}).data) <= 20_000


def test_what_holds_a_paste_is_not_packed(client):
    answer = client.post("/explain", data={"text": "550 5.1.1 User unknown", "offline": "1"}, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
