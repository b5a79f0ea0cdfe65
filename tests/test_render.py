"""render: reports and diagnoses as JSON and as text, from values made by hand. Pure, so nothing is asked."""

import json
from datetime import UTC, datetime

import pytest

from healthcheck.catalog import catalog
from healthcheck.checks.base import Later
from healthcheck.model import (
    Answer,
    Because,
    Bounce,
    Choice,
    Confidence,
    Diagnosis,
    Domain,
    Evidence,
    EvidenceVerdict,
    Failure,
    Finding,
    Kind,
    Location,
    Outcome,
    Party,
    Record,
    Reply,
    Report,
    Retry,
    Rival,
    ScanInput,
    Sender,
    Status,
    Suppress,
    Timing,
    TopicResult,
    Type,
)  # fmt: skip
from healthcheck.render import json as as_json
from healthcheck.render import lookup, pictures, words
from healthcheck.render import text as as_text

FAIL = next(code for code, row in catalog().checks.items() if row.severity is Status.FAIL)
PASS = next(code for code, row in catalog().checks.items() if row.severity is Status.PASS)
SILENT = Answer("example.com", "TXT", Outcome.TIMEOUT, detail="192.0.2.53: timed out after 3 tries", server="192.0.2.53")
FOUND = Answer("example.com", "MX", Outcome.FOUND, ("10 mx.example.com",), 300)
RECORD = Record("example.com", "TXT", ("v=spf1 -all",), ("v=spf1 ip4:192.0.2.1 -all",))


def a_report(*findings, domain="example.com"):
    name = Domain.parse(domain)
    given = ScanInput(name, ("192.0.2.1",), ("s1",), source=f"{domain.upper()}.")
    return Report(
        input=given, domain=name, profile="sending", scanned_at=datetime(2026, 11, 2, 9, 15, 2, tzinfo=UTC), verdict=Status.FAIL,
        topics={"mx": TopicResult(Status.FAIL, "No way in")}, findings=findings, facts={"spf": {"lookups": None}, "ptr": {"ips": {"192.0.2.1": (1, 2)}}},
        transcript=(FOUND,), timing=Timing(4, 4, 12.345),
    )  # fmt: skip


def a_failure(**changes):
    reply = Reply(550, "5.1.1", "550 5.1.1 <nobody@example.net>: User unknown")
    start = reply.text.index("User")
    given = {
        "bounce": Bounce(reply, recipient="nobody@example.net", action="failed"), "cause": "user-unknown", "party": Party.RECIPIENT_ADDRESS, "type": Type.HARD,
        "final": True, "suppress": Suppress.NOW, "scope": "address", "confidence": Confidence.CERTAIN,
        "because": (Because("general/user-unknown", "User unknown", (start, start + 12)),), "rivals": (Rival("policy-unstated", "x", "less-specific"),),
    }  # fmt: skip
    return Failure(**{**given, **changes})


# ------------------------------------------------------------------ JSON


def test_a_report_has_the_fields_of_the_contract():
    finding = Finding(FAIL, Status.FAIL, "example.com", {"domain": "example.com"}, (SILENT,), RECORD, location=Location("shop.zone", 3))
    out = as_json.report(a_report(finding, Finding(PASS, Status.PASS, "example.com", evidence=(FOUND,))))
    assert set(out) >= {"schema", "input", "domain", "profile", "scanned_at", "verdict", "counts", "topics", "findings", "facts", "dns"}
    assert out["schema"] == "report/1"
    given = {"source": "EXAMPLE.COM.", "ips": ["192.0.2.1"], "selectors": ["s1"], "mail_from": None, "profile": "sending"}
    assert out["input"] == given | {"topics": None, "starttls": False, "helo": None}
    assert out["scanned_at"] == "2026-11-02T09:15:02Z"
    assert out["counts"] == {"pass": 1, "note": 0, "warn": 0, "fail": 1, "unknown": 0}
    assert out["topics"] == {"mx": {"verdict": "fail", "summary": "No way in"}}
    first = out["findings"][0]
    assert set(first) >= {"code", "slug", "topic", "status", "subject", "title", "message", "why", "fix", "evidence", "location", "refs"}
    assert set(first["fix"]) == {"summary", "steps", "record", "choices", "why_no_record"}
    assert first["fix"]["record"] == {"name": "example.com", "type": "TXT", "current": ["v=spf1 -all"], "proposed": ["v=spf1 ip4:192.0.2.1 -all"]}
    assert first["location"] == {"file": "shop.zone", "line": 3}
    evidence = first["evidence"][0]
    assert {k: evidence[k] for k in ("name", "type", "outcome", "values", "ttl", "secure")} == {
        "name": "example.com", "type": "TXT", "outcome": "timeout", "values": [], "ttl": None, "secure": "unknown",
    }  # fmt: skip
    assert out["dns"] == {"questions": 4, "distinct": 4, "elapsed_ms": 12.3}
    assert out["facts"] == {"spf": {"lookups": None}, "ptr": {"ips": {"192.0.2.1": [1, 2]}}}
    json.dumps(out)


def test_choices_stand_where_only_the_user_knows():
    code, row = next((c, r) for c, r in catalog().checks.items() if r.choices)
    key = next(iter(row.choices))
    fix = words.fix(Finding(code, row.severity, "example.com", choices=(Choice(key, {"name": "x"}, RECORD), Choice(key))))
    assert fix["record"] is None
    assert fix["why_no_record"] is None
    assert [bool(c["record"]) for c in fix["choices"]] == [True, False]
    assert all(c["summary"] for c in fix["choices"])


def test_a_diagnosis_has_the_fields_of_the_contract():
    sender = Sender("example.com", None, ("192.0.2.1",), (), "headers")
    failure = a_failure(bounce=Bounce(Reply(550, "5.1.1", "x", Reply(554, None, "outer")), sender=sender), retry=Retry((300, 900), 259200))
    out = as_json.diagnosis(Diagnosis("a.eml", Kind.DSN, "rfc3464", (failure,)))
    assert out["schema"] == "diagnosis/1"
    assert out["input"] == {"source": "a.eml", "kind": "dsn", "format": "rfc3464"}
    one = out["failures"][0]
    assert set(one) >= {
        "recipient", "action", "reply", "provider", "at", "message_id", "campaign", "reporting_mta", "remote_mta", "stage", "cause", "party", "side", "type",
        "final", "suppress", "scope", "confidence", "because", "rivals", "explanation", "retry", "fix", "sender", "evidence", "equivalents",
    }  # fmt: skip
    assert (one["cause"], one["party"], one["side"], one["type"], one["suppress"]) == ("user-unknown", "recipient-address", "recipient", "hard", "now")
    assert one["retry"] == {"when": [300, 900], "until": 259200}
    assert one["reply"]["wrapped_by"]["code"] == 554
    assert set(one["reply"]["meaning"]) == {"class", "subject", "detail"}
    assert one["sender"] == {"from_domain": "example.com", "mail_from": None, "ips": ["192.0.2.1"], "selectors": [], "source": "headers"}
    assert one["evidence"]["verdict"] == "not looked at"
    assert one["rivals"][0]["why_not"] == catalog().words["why_not"]["less-specific"]
    assert set(one["fix"]) == {"summary", "steps", "record", "choices", "why_no_record"}
    assert as_json.failure(a_failure(retry=Retry(None)))["retry"] == {"when": "after-fix", "until": None}
    json.dumps(out)


def test_nothing_recognised_says_what_was_looked_for():
    out = as_json.diagnosis(Diagnosis("-", Kind.UNRECOGNISED, None, ()))
    assert out["failures"] == []
    assert "550" in out["note"]


def test_the_fix_of_the_evidence_goes_before_that_of_the_cause():
    finding = Finding(FAIL, Status.FAIL, "example.com", record=RECORD)
    failure = a_failure(cause="auth-spf", party=Party.SENDER_AUTHENTICATION, suppress=Suppress.NEVER, fix=finding, evidence=Evidence(EvidenceVerdict.CONFIRMED))
    fix = as_json.failure(failure)["fix"]
    assert fix["record"]["proposed"] == ["v=spf1 ip4:192.0.2.1 -all"]
    assert set(catalog().causes["auth-spf"].steps) <= set(fix["steps"])


def test_an_address_that_only_counts_is_not_called_dead():
    dead = catalog().causes["user-unknown"]
    assert words.address(a_failure()) == dead.address
    assert words.address(a_failure(suppress=Suppress.COUNT)) == catalog().words["suppress"]["count"]


# ------------------------------------------------------------------ words


def test_a_slot_is_filled_and_never_followed():
    assert words.fill("{a}, {b}, {c}", {"a": ["x", "y"], "b": None}) == "x, y, none, …"
    assert words.fill("{a.__class__}", {"a": "x"}) == "…"
    assert words.fill("{a}", {"a": "{b}"}) == "{b}"
    assert words.fill("{", {}) == "{"


@pytest.mark.parametrize("code", ["5.7.26", "4.7.1", "5.1.1", "2.0.0"])
def test_enhanced_codes_are_spelled_out(code):
    spelled = words.meaning(Reply(None, code, ""))
    assert all(spelled.values())


def test_a_code_that_is_not_registered_has_class_and_subject():
    spelled = words.meaning(Reply(550, "5.7.999", ""))
    assert spelled["class"]
    assert spelled["subject"]
    assert words.meaning(Reply(None, None, "no code at all")) is None


def test_every_sentence_of_the_catalog_can_be_shown():
    for code, row in catalog().checks.items():
        out = as_json.finding(Finding(code, row.severity, "example.com"))
        assert out["title"]
        assert out["message"]
    for cause in catalog().causes.values():
        as_json.failure(a_failure(cause=cause.slug, party=cause.party, suppress=cause.suppress))


def test_marks_are_merged_and_kept_inside():
    assert pictures.marked("abcdef", [(1, 3), (2, 4), (90, 99)]) == [("a", False), ("bcd", True), ("ef", False)]
    text = "\n".join(f"line {n}" for n in range(3000))
    at = text.index("line 2500")
    shown, spans = pictures.window(text, [(at, at + 9)])
    assert len(shown) < 6000
    assert shown[slice(*spans[0])] == "line 2500"


def test_the_tree_is_drawn_depth_first_and_has_an_end():
    leaf = {"domain": "c.example", "lookups": 0, "children": []}
    tree = {"domain": "a.example", "lookups": 2, "children": [{"domain": "b.example", "lookups": 1, "children": [leaf]}, leaf]}
    assert [(r["depth"], r["domain"]) for r in pictures.tree_rows(tree)] == [(0, "a.example"), (1, "b.example"), (2, "c.example"), (1, "c.example")]
    assert pictures.tree_rows({"domain": "a.example", "children": [leaf] * 100}, most=10)[-1]["more"] == 91
    assert pictures.tree_rows(None) == []


# ------------------------------------------------------------------ text


def test_text_says_the_verdict_first_and_shows_the_record_unwrapped():
    long = "v=spf1 " + " ".join(f"ip4:192.0.2.{n}" for n in range(30)) + " -all"
    finding = Finding(FAIL, Status.FAIL, "example.com", evidence=(SILENT,), record=Record("example.com", "TXT", (), (long,)))
    out = as_text.report(a_report(finding))
    assert out.splitlines()[0].startswith("✗ example.com")
    assert f"+ {long}" in out
    assert "timed out after 3 tries" in out


def test_no_escape_sequence_reaches_a_terminal():
    hostile = Answer("example.com", "TXT", Outcome.FOUND, ("\x1b[2Jv=spf1\x07\u202e",))
    out = as_text.report(a_report(Finding(FAIL, Status.FAIL, "example.com", {"domain": "\x1b]0;x\x07"}, (hostile,))))
    assert not set(out) & {"\x1b", "\x07", "\u202e"}
    failure = a_failure(bounce=Bounce(Reply(550, None, "550 \x1b[31mno"), recipient="a\x1b@example.net"))
    assert "\x1b" not in as_text.diagnosis(Diagnosis("x\x1b", Kind.REPLY, None, (failure,)))


def test_a_diagnosis_says_whose_side_first():
    out = as_text.diagnosis(Diagnosis("a.eml", Kind.REPLY, None, (a_failure(),)))
    assert words.word("side", "recipient") in out.splitlines()[2]
    assert "nobody@example.net" in out


# ------------------------------------------------------------------ looking up


def test_codes_are_found_however_they_are_written():
    assert lookup.code("5.7.26")["code"] == "5.7.26"
    assert lookup.code(" x.7.26 ")["code"] == "X.7.26"
    assert lookup.code("(550)")["kind"] == "basic"
    assert lookup.code("5.7.509")["registered"] is False
    assert [lookup.code(x) for x in ("hello", "", "9.9.9", "99999", "5.7")] == [None] * 5


def test_every_question_finds_its_page_first():
    for asked in catalog().words["questions"]:
        pages = {asked["page"]} | {f"/glossary/{h.key}" for h in lookup.search(asked["question"])[:1] if h.kind == "glossary"}
        hits = lookup.search(asked["question"])
        assert hits, asked["question"]
        assert any(h.kind == "question" and h.key == asked["page"] for h in hits[:5]) or asked["page"] in pages, asked["question"]


@pytest.mark.parametrize("words_", ["suppress bounces from this recipient", "AWS bounce codes", "mailbox full", "5.7.26", "greylisting"])
def test_what_people_type_finds_something(words_):
    assert lookup.search(words_)


def test_search_takes_anything():
    for text in ("", "   ", "?", "\0", "a" * 5000, "\ud800", "' OR 1=1 --", "the of and"):
        lookup.search(text)


# ------------------------------------------------------------------ JSON as it is written


class _Interrupted(dict):
    def items(self):
        raise KeyboardInterrupt


def test_json_is_written_as_it_is_read_best():
    value = {"empty": [], "none": {}, "text": "“grün”", "later": Later(lambda: {"n": 1, "more": Later(lambda: {"word": Status.FAIL})})}
    told = {**value, "later": {"n": 1, "more": {"word": "fail"}}}
    assert as_json.written(value) == json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    assert as_json.written(value, "utf-8", indent=True) == json.dumps(told, ensure_ascii=False, indent=2)
    assert as_json.written(value, "ascii") == json.dumps(told, separators=(",", ":"))


def test_numbers_of_more_than_64_bits_cost_no_letter():
    assert as_json.written({"ipv6_64": 1 << 64, "shown": "grün"}) == '{"ipv6_64":18446744073709551616,"shown":"grün"}'


def test_half_a_surrogate_pair_is_escaped():
    assert as_json.written({"text": "a\ud83d"}) == '{"text":"a\\ud83d"}'


def test_ctrl_c_while_facts_are_worked_out_is_no_fault_of_theirs():
    with pytest.raises(KeyboardInterrupt):
        as_json.written([_Interrupted(a=1)])
