"""The knowledge base: the rows are complete, the laws hold word by word, and a bad row is refused with file and key."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from healthcheck.catalog import DATA, catalog, load
from healthcheck.errors import CatalogError
from healthcheck.model import EvidenceVerdict, Kind, Outcome, Party, Status, Suppress, Type

SHARED = Path(__file__).resolve().parents[2] / "shared"
CAUSES = catalog().causes
GIVE_UP = re.compile(r"(?i)\b(remov|delet|suppress|unsubscrib|drop)\w*|\btake \w+ off (the|your) list\b")
SENDERS_DNS = re.compile(r"(?i)\b(spf|dkim|dmarc|dns|records?|ptr|alignment|publish\w*|zone)\b")
TOPICS = [
    "mx",
    "spf",
    "dkim",
    "dmarc",
    "alignment",
    "dnsbl",
    "ptr",
    "mta-sts",
    "tls-rpt",
    "dane",
    "dnssec",
    "starttls",
    "bimi",
    "nameservers",
    "recipient-domain",
    "requirements",
]


def of_side(side):
    return sorted(slug for slug, row in CAUSES.items() if row.party.side == side)


def words_of(row):
    return " ".join(filter(None, [row.title, row.meaning, row.fix, row.address, row.hygiene, row.unsuppress, *row.steps]))


def sentences(text):
    return len(re.findall(r"[.!?](?:\s|$)", text))


# ------------------------------------------------------------------ the laws


@pytest.mark.parametrize("slug", of_side("recipient"))
def test_a_recipient_cause_never_advises_a_dns_change(slug):
    assert not SENDERS_DNS.findall(words_of(CAUSES[slug]))


@pytest.mark.parametrize("slug", of_side("sender"))
def test_a_sender_cause_never_advises_giving_up_the_address(slug):
    row = CAUSES[slug]
    assert row.suppress is Suppress.NEVER
    assert row.address.startswith("Keep the address")
    for sentence in (row.address, row.fix, *row.steps):
        assert not GIVE_UP.search(sentence), sentence


def test_what_is_undecided_keeps_the_address():
    row = CAUSES["policy-unstated"]
    assert row.suppress is Suppress.NEVER
    assert row.address.startswith("Keep it")
    assert not [s for s in (row.address, row.fix, *row.steps) if GIVE_UP.search(s)]


@pytest.mark.parametrize("row", [*catalog().enhanced_rows.values(), *catalog().basic_rows.values()], ids=lambda row: row.code)
def test_a_code_keeps_the_laws_too(row):
    side = CAUSES[row.cause].party.side
    if side == "recipient":
        assert not SENDERS_DNS.search(f"{row.meaning} {row.fault} {row.action}")
    if side == "sender":
        assert not GIVE_UP.search(row.action)
    if row.cause == "policy-unstated":
        assert "keep the address" in row.action


# ------------------------------------------------------------------ rows are complete


@pytest.mark.parametrize("slug", sorted(CAUSES))
def test_a_cause_is_complete(slug):
    row = CAUSES[slug]
    assert 2 <= sentences(row.meaning) <= 4
    assert sentences(row.fix) == 1
    assert sentences(row.address) == 1
    assert 2 <= len(row.steps) <= 5
    assert row.refs
    assert row.scope in ("address", "domain")
    assert set(row.scan) <= set(TOPICS)
    assert "{" not in words_of(row)
    if row.suppress is Suppress.NOW:
        assert row.unsuppress, "it has to be said how an address comes off the list"
    if row.party is Party.RECIPIENT_ADDRESS:
        assert row.hygiene
        assert row.retry is None
    if row.suppress is not Suppress.NOW and row.party is not Party.NOT_A_BOUNCE and slug not in ("routing-loop", "delivery-expired"):
        assert row.retry or row.after_fix or row.suppress is Suppress.HOLD, "when to try again"


@pytest.mark.parametrize("slug", [slug for slug, row in CAUSES.items() if row.retry])
def test_retries_end_after_one_to_three_days(slug):
    row = CAUSES[slug]
    assert 60 <= row.retry[0] <= row.retry[1] <= 86400
    assert 24 * 3600 <= row.retry_until <= 72 * 3600


def test_greylisting_is_five_to_fifteen_minutes():
    assert CAUSES["greylisted"].retry == (300, 900)
    assert CAUSES["rate-limited"].retry[1] > CAUSES["greylisted"].retry[1]


@pytest.mark.parametrize("slug", of_side("sender"))
def test_a_senders_fault_is_tried_again(slug):
    assert CAUSES[slug].after_fix or CAUSES[slug].retry


@pytest.mark.shared
def test_causes_agree_with_the_taxonomy():
    path = SHARED / "reference" / "bounce" / "taxonomy.json"
    if not path.exists():
        pytest.skip("the measuring material is not beside the project")
    want = json.loads(path.read_text(encoding="utf-8"))["causes"]
    want["user-unknown"]["scan"] = ["recipient-domain"]  # a mistyped domain, or one that is gone, is looked for here as well
    got = {slug: (str(row.party), str(row.suppress), row.scope, list(row.scan)) for slug, row in CAUSES.items()}
    assert got == {slug: (row["party"], row["suppress"], row["scope"], row["scan"]) for slug, row in want.items()}


@pytest.mark.shared
def test_every_registered_code_has_its_row():
    path = SHARED / "reference" / "bounce" / "iana.yaml"
    if not path.exists():
        pytest.skip("the measuring material is not beside the project")
    codes = set(re.findall(r"^- code: (\S+)", path.read_text(encoding="utf-8"), re.M))
    assert codes <= {*catalog().enhanced_rows, *catalog().basic_rows}


# ------------------------------------------------------------------ codes

BARE = {
    "5.1.1": "user-unknown", "5.1.2": "domain-not-found", "5.1.3": "address-syntax", "5.1.6": "mailbox-moved", "5.1.8": "sender-address-invalid",
    "5.1.10": "null-mx", "5.2.1": "mailbox-disabled", "5.2.2": "mailbox-full", "5.3.4": "message-too-large", "4.3.1": "server-full", "4.4.1": "network-error",
    "5.4.6": "routing-loop", "5.4.7": "delivery-expired", "4.5.3": "too-many-recipients", "5.7.0": "policy-unstated", "5.7.1": "policy-unstated",
    "5.7.8": "smtp-auth-required", "5.7.20": "auth-dkim", "5.7.23": "auth-spf", "5.7.25": "ptr-missing", "5.7.26": "auth-dmarc", "5.7.27": "sender-address-invalid",
    "5.7.30": "tls-required", "5.0.0": "unknown",
}  # fmt: skip
BASIC = {250: "delivered", 421: "server-error", 450: "mailbox-busy", 451: "server-error", 452: "server-full", 503: "protocol-error", 530: "smtp-auth-required",
         535: "smtp-auth-required", 550: "unknown", 551: "mailbox-moved", 552: "mailbox-full", 553: "address-syntax", 554: "policy-unstated", 556: "null-mx"}  # fmt: skip


@pytest.mark.parametrize("code", BARE)
def test_the_bare_enhanced_code(code):
    assert catalog().enhanced(code).cause == BARE[code]


@pytest.mark.parametrize("code", BASIC)
def test_the_bare_reply_code(code):
    assert catalog().basic(code).cause == BASIC[code]


@pytest.mark.parametrize("code", ["5.7.1", "5.7.0", "5.0.0", "5.1.0", "5.2.0"])
def test_codes_that_say_little_give_way_to_words(code):
    assert catalog().enhanced(code).strength == "generic"


def test_codes_are_written_out():
    for row in (*catalog().enhanced_rows.values(), *catalog().basic_rows.values()):
        assert row.strength in ("specific", "generic")
        assert row.fault.endswith(".")
        assert row.action.endswith(".")
    assert set(catalog().words["class"]) == {"2", "4", "5"}
    assert set(catalog().words["subject"]) == set("01234567")


# ------------------------------------------------------------------ sentences, terms, services


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("status", list(Status)), ("outcome", list(Outcome)), ("type", list(Type)), ("suppress", list(Suppress)), ("party", list(Party)), ("kind", list(Kind)),
        ("evidence", list(EvidenceVerdict)), ("confidence", ["certain", "likely", "guess"]), ("side", ["sender", "recipient", "network", "unknown", "none"]),
        ("topic", TOPICS), ("verdict", list(Status)), ("retry", ["none", "after-fix", "when", "until"]),
        ("why_not", ["less-specific", "generic-code", "registry-loses-to-provider", "text-beats-code", "weak-wording", "evidence"]),
    ],
)  # fmt: skip
def test_every_value_has_its_words(table, keys):
    assert {str(key) for key in keys} <= set(catalog().words[table])


def test_every_reason_that_the_code_gives_has_its_sentence():
    """Keys of [evidence] and [why_not] are written in Python and in data/evidence.toml; none may be without words."""
    pattern = re.compile(r"""why_not ?= ?"([a-z-]+)\"""")
    used = {key for path in (*DATA.parent.rglob("*.py"), DATA / "evidence.toml") for key in pattern.findall(path.read_text(encoding="utf-8"))}
    assert used
    assert used <= set(catalog().words["evidence"])


def test_the_policy_in_numbers_is_the_policy_in_words():
    policy, said = catalog().words["policy"], catalog().words["suppress"]["count"]
    assert policy["soft_limit"] == 5
    assert policy["mailbox_full_limit"] == 3
    assert f"at least {policy['soft_min_span_days']} days" in said
    assert f"at least {policy['mailbox_full_min_span_days']} days" in said


QUESTIONS = [
    "suppress bounces from this recipient",
    "AWS bounce codes",
    "hard bounce deferred",
    "denied by policy",
    "rejected by reviewer",
    "MC returned no SMTP detail",
]


@pytest.mark.parametrize("phrase", QUESTIONS)
def test_a_question_that_people_ask_has_its_term(phrase):
    assert [slug for slug, row in catalog().glossary.items() if phrase.lower() in (p.lower() for p in row["asked"])]


@pytest.mark.parametrize("slug", sorted(catalog().glossary))
def test_a_term_is_complete(slug):
    row = catalog().glossary[slug]
    assert set(row) - {"refs"} == {"title", "text", "see", "asked"}
    assert set(row["see"]) <= {*catalog().glossary, *catalog().causes}
    assert all(ref.startswith("https://") for ref in row.get("refs", ()))
    assert row["text"].endswith(".")
    assert row["asked"]


def test_the_pages_of_questions_exist():
    book = catalog()
    for row in book.words["questions"]:
        _, kind, key = row["page"].split("/")
        assert {"glossary": key in book.glossary, "causes": key in book.causes, "codes": book.enhanced(key) or book.basic_rows.get(key)}[kind], row


def test_services_carry_their_source():
    for esp in catalog().esps.values():
        assert esp.source.startswith("https://")
        assert esp.spf or esp.mx or esp.selectors
        for name in (*esp.spf, *esp.mx, *esp.selectors):
            assert name == name.lower().strip()
    assert len(catalog().esps) >= 60
    assert len(set(catalog().common_selectors)) == len(catalog().common_selectors) >= 60


@pytest.mark.parametrize("id_", ["amazon_ses", "sendgrid", "mailgun", "postmark", "sparkpost", "mailchimp"])
def test_a_service_has_words_for_the_common_causes(id_):
    assert {"user-unknown", "mailbox-full", "esp-suppressed", "complaint", "auth-dmarc", "policy-unstated", "unknown"} <= set(catalog().esps[id_].equivalents)


@pytest.mark.parametrize("esp", list(catalog().esps.values()), ids=lambda esp: esp.id)
def test_a_services_word_for_a_dead_address_decides_nothing_where_it_files_senders_faults_too(esp):
    """Law 2: what a service calls hard may be a sender's fault; such a word has to be ambiguous (bounce/rules.py)."""
    by_words = {}
    for cause, words in esp.equivalents.items():
        by_words.setdefault(tuple(sorted(words.values())), set()).add(CAUSES[cause].party.side)
    for words in ("General", "Permanent"), ("Hard bounce",), ("bounce", "failed", "permanent"):
        assert by_words.get(words) is None or {"sender", "recipient"} <= by_words[words]


@pytest.mark.parametrize("name", ["causes.toml", "status_codes.toml", "words.toml", "glossary.toml", "esps.toml", "services.toml"])
def test_nothing_of_this_machine_stands_in_the_data(name):
    text = (DATA / name).read_text(encoding="utf-8")
    assert "/work/" not in text
    assert "/home/" not in text
    assert not re.search(r"\b(?!192\.0\.2\.|198\.51\.100\.|203\.0\.113\.)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", re.sub(r"section [\d.]+", "", text))


# ------------------------------------------------------------------ refusals


def broken(tmp_path, name, old, new):
    """A copy of the knowledge base with one change."""
    data = tmp_path / "data"
    shutil.copytree(DATA, data, ignore=shutil.ignore_patterns("demo"))
    path = data / name
    text = path.read_text(encoding="utf-8")
    assert old in text, "the test no longer fits the data"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return data


REFUSED = {
    "unknown key": ("causes.toml", 'title = "The mailbox does not exist"', 'titel = "The mailbox does not exist"', "user-unknown"),
    "missing key": ("causes.toml", 'title = "The mailbox does not exist"\n', "", "user-unknown"),
    "empty": ("causes.toml", 'title = "The mailbox does not exist"', 'title = ""', "user-unknown"),
    "no party": ("causes.toml", 'party = "recipient-address"', 'party = "nobody"', "party"),
    "no suppression": ("causes.toml", 'suppress = "now"', 'suppress = "maybe"', "suppress"),
    "not a string": ("causes.toml", 'title = "The mailbox does not exist"', "title = 7", "title"),
    "not true or false": ("causes.toml", "after_fix = true", 'after_fix = "yes"', "after_fix"),
    "not TOML": ("causes.toml", "[user-unknown]", "[user-unknown", "causes.toml"),
    "code's cause": ("status_codes.toml", 'cause = "user-unknown"', 'cause = "user-unknwon"', "user-unknwon"),
    "code twice": ("status_codes.toml", 'code = "X.1.1"', 'code = "X.1.0"', "X.1.0"),
    "code without name": ("status_codes.toml", 'name = "Other undefined status"\n', "", "X.0.0"),
    "service's cause": ("services.toml", 'cause = "mailbox-full"', 'cause = "mailbox-fool"', "mailbox-fool"),
    "unknown key of a service's word": ("services.toml", "also = [", "als = [", "als"),
    "service twice": ("esps.toml", 'id = "sendgrid"', 'id = "amazon_ses"', "amazon_ses"),
    "unknown key of a service": ("esps.toml", "spf = [", "sfp = [", "sfp"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_bad_row_is_refused_with_file_and_key(tmp_path, fault):
    name, old, new, key = REFUSED[fault]
    with pytest.raises(CatalogError) as refused:
        load(broken(tmp_path, name, old, new))
    assert name in refused.value.detail
    assert key in refused.value.detail


RULE = '[[rule]]\nid = "test/one"\ncause = "user-unknown"\nexample = "550 no such test"\nsource = "https://example.com/"\nseen = "2026-11"\n'
BAD_RULES = {
    "nothing to match": (RULE, "codes, text or pattern"),
    "no cause": (RULE.replace("user-unknown", "nothing") + 'text = "no such test"\n', "nothing"),
    "no code": (RULE + 'codes = ["5.7"]\n', "5.7"),
    "capitals": (RULE + 'text = "No such test"\n', "case-folded"),
    "no provider": (RULE + 'text = "no such test"\nhosts = true\n', "hosts"),
    "no source": (RULE.replace('source = "https://example.com/"\n', "") + 'text = "no such test"\n', "source"),
    "unknown table": ("[rules]\n", "rules"),
}


@pytest.mark.parametrize("fault", BAD_RULES)
def test_a_bad_rule_is_refused_with_file_and_key(tmp_path, fault):
    text, key = BAD_RULES[fault]
    data = tmp_path / "data"
    shutil.copytree(DATA, data, ignore=shutil.ignore_patterns("demo"))
    (data / "replies" / "zz_test.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as refused:
        load(data)
    assert "replies/zz_test.toml" in refused.value.detail
    assert key in refused.value.detail


def test_the_data_is_plain_toml():
    for path in DATA.rglob("*.toml"):
        tomllib.loads(path.read_text(encoding="utf-8"))
