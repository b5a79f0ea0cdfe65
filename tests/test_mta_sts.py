"""Topic mta-sts: each code has a world where it must appear, and one where it must not; hostile records and policies raise nothing."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import Faults

from healthcheck.catalog import catalog
from healthcheck.checks import web
from healthcheck.checks.mta_sts import foresee, judge
from healthcheck.checks.mta_sts.policy import MAX_AGE, covered, mended, read_policy, read_record, written
from healthcheck.edge import libs
from healthcheck.edge.reach import Rows
from healthcheck.edge.world import World
from healthcheck.model import Answer, Certificate, Domain, Fetch, Fetched, Outcome, Question, Reached, ScanInput, Status
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
FILES = [WORLDS / "mta-sts.zone"]


def world_of(rows=WORLDS / "mta-sts.toml"):
    world = World.zones(FILES, only=True)
    if rows:
        world.fetcher = Rows(rows)
    return world


def look(domain, world=None, topics=("mta-sts",), **options):
    world = world or world_of()
    try:
        report = scan(domain, world=world, topics=list(topics), **options)
    finally:
        world.close()
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            text.format(**finding.values)  # a slot without its value raises KeyError
        for choice in finding.choices:
            row.choices[choice.key].format(**choice.values)
        assert finding.evidence, finding.code
    return report


def codes(report):
    return {f.code for f in report.findings}


BROKEN = {"STS002", "STS003", "STS004", "STS005", "STS006", "STS007", "STS008", "STS009", "STS010", "STS011"}
CASES = [
    ("missing", {"STS001"}, {"STS000", "STS015", "STS016"} | BROKEN),
    ("good", {"STS016"}, {"STS001", "STS012", "STS013", "STS014", "STS999"} | BROKEN),
    ("wild", {"STS016"}, {"STS001", "STS014"} | BROKEN),
    ("two", {"STS002", "STS013", "STS014"}, {"STS001", "STS003", "STS009", "STS016"}),
    ("two-enforced", {"STS002"}, {"STS001", "STS003", "STS009", "STS016"}),
    ("junk", {"STS016", "STS014"}, {"STS001"} | BROKEN),
    ("capitals", {"STS003"}, {"STS001", "STS002", "STS016"}),
    ("no-id", {"STS003"}, {"STS001", "STS002", "STS016"}),
    ("bad-id", {"STS003"}, {"STS001", "STS002", "STS016"}),
    ("long-id", {"STS003"}, {"STS001", "STS016"}),
    ("space", {"STS003"}, {"STS001", "STS016"}),
    ("bad-field", {"STS003"}, {"STS001", "STS016"}),
    ("no-host", {"STS004"}, {"STS000", "STS005", "STS006", "STS016", "STS999"}),
    ("no-address", {"STS004"}, {"STS000", "STS005", "STS016", "STS999"}),
    ("inside", {"STS004"}, {"STS000", "STS005", "STS016"}),
    ("redirect", {"STS005"}, {"STS000", "STS004", "STS006", "STS007", "STS010", "STS016"}),
    ("notfound", {"STS005"}, {"STS000", "STS004", "STS007", "STS016"}),
    ("refused", {"STS005"}, {"STS000", "STS004", "STS006", "STS016"}),
    ("handshake", {"STS005"}, {"STS000", "STS006", "STS016"}),
    ("endless", {"STS005"}, {"STS000", "STS007", "STS016"}),
    ("no-http", {"STS005"}, {"STS000", "STS016"}),
    ("cut", {"STS005"}, {"STS000", "STS007", "STS016"}),
    ("slow", {"STS000"}, {"STS999", "STS016"} | BROKEN),
    ("no-way", {"STS000"}, {"STS999", "STS016"} | BROKEN),
    ("certificate", {"STS006"}, {"STS000", "STS004", "STS005", "STS016"}),
    ("unheld", {"STS999"}, {"STS000", "STS016"} | BROKEN),
    ("elsewhere", {"STS999"}, {"STS000", "STS016"} | BROKEN),
    ("html", {"STS007", "STS010"}, {"STS009", "STS016"}),
    ("typed", {"STS010"}, {"STS007", "STS009", "STS016"}),
    ("untyped", {"STS010"}, {"STS007", "STS016"}),
    ("incomplete", {"STS007"}, {"STS009", "STS010", "STS016"}),
    ("wrong", {"STS007"}, {"STS008", "STS009", "STS016"}),
    ("listed", {"STS007", "STS009"}, {"STS008", "STS016"}),
    ("odd", {"STS008"}, {"STS007", "STS009", "STS016"}),
    ("uncovered", {"STS009"}, {"STS007", "STS013", "STS016"}),
    ("deep", {"STS009"}, {"STS007", "STS016"}),
    ("testing", {"STS009", "STS013"}, {"STS011", "STS012", "STS016"}),
    ("short", {"STS011"}, {"STS009", "STS012", "STS016"}),
    ("days", {"STS011", "STS016"}, {"STS009", "STS013"}),
    ("off", {"STS012"}, {"STS007", "STS009", "STS011", "STS013", "STS014", "STS016"}),
    ("parked", {"STS015"}, {"STS000", "STS001", "STS016"}),
    ("dead", {"STS016"}, {"STS009"}),
    ("implicit", {"STS016"}, {"STS009", "STS015"}),
    ("away", {"STS009"}, {"STS016"}),
]


@pytest.mark.parametrize(("name", "must", "must_not"), CASES, ids=[case[0] for case in CASES])
def test_mta_sts(name, must, must_not):
    report = look(f"{name}.sts.test")
    assert must <= codes(report)
    assert not must_not & codes(report)


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("missing", "STS001", Status.NOTE),
        ("uncovered", "STS009", Status.FAIL),
        ("testing", "STS009", Status.WARN),
        ("short", "STS011", Status.WARN),
        ("days", "STS011", Status.NOTE),
        ("slow", "STS000", Status.UNKNOWN),
        ("elsewhere", "STS999", Status.NOTE),
    ],
)
def test_how_bad_it_is(name, code, status):
    assert {f.status for f in look(f"{name}.sts.test").findings if f.code == code} == {status}


REASONS = [
    ("capitals", "STS003", "begin with"),
    ("no-id", "STS003", "no “id=”"),
    ("bad-id", "STS003", "letters and digits"),
    ("long-id", "STS003", "32 characters"),
    ("space", "STS003", "white space"),
    ("bad-field", "STS003", "name=value"),
    ("no-host", "STS004", "does not exist"),
    ("no-address", "STS004", "has no address"),
    ("inside", "STS004", "nobody outside"),
    ("redirect", "STS005", "HTTP 301 to https://www.sts.test/"),
    ("notfound", "STS005", "HTTP 404"),
    ("refused", "STS005", "nobody listens"),
    ("html", "STS007", "web page"),
    ("wrong", "STS007", "ends in a dot"),
    ("wrong", "STS007", "31557600"),
    ("wrong", "STS007", "not STSv1"),
    ("wrong", "STS007", "none of enforce"),
    ("listed", "STS007", "a line of its own"),
    ("listed", "STS007", "whole first label"),
    ("odd", "STS008", "empty line"),
    ("odd", "STS008", "white space"),
    ("odd", "STS008", "stands twice"),
]


@pytest.mark.parametrize(("name", "code", "words"), REASONS)
def test_the_reason_is_told(name, code, words):
    assert any(words in str(f.values["reason"]) for f in look(f"{name}.sts.test").findings if f.code == code)


@pytest.mark.parametrize("problem", ["expired", "not-yet-valid", "wrong-name", "self-signed", "untrusted", "unreadable"])
def test_certificate_problems_are_told_apart(problem):
    class Port:
        def begin(self, wanted, until):
            from concurrent.futures import Future

            done = Future()
            when = datetime(2026, 1, 1, tzinfo=UTC)
            done.set_result(Fetched(wanted.url, Reached.CERTIFICATE, certificate=Certificate("s", "i", ("x.test",), when, when, problem)))
            return done

        def close(self):
            pass

    world = world_of()
    world.fetcher = Port()
    report = look("good.sts.test", world)
    assert report.facts["mta_sts"]["problem"] == problem
    words = catalog().checks["STS006"].reasons[problem]
    assert [f.values["reason"] for f in report.findings if f.code == "STS006"] == [words]


def test_facts():
    facts = look("uncovered.sts.test").facts["mta_sts"]
    assert facts["record"] == "v=STSv1; id=1;"
    assert facts["id"] == "1"
    assert facts["mode"] == "enforce"
    assert facts["max_age"] == 1209600
    assert facts["mx"] == ["mx1.sts.test", "backup.sts.test"]
    assert facts["covers"] == {"mx1.sts.test": True, "mx2.sts.test": False}
    assert facts["opinion"]["agrees"] is True
    assert facts["opinion"]["policy_agrees"] is True


def test_a_dead_mail_host_needs_no_pattern():
    assert look("dead.sts.test").facts["mta_sts"]["covers"] == {"mx1.sts.test": True}


def test_the_whole_file_is_given():
    found = next(f for f in look("uncovered.sts.test").findings if f.code == "STS009")
    assert found.subject == "mx2.sts.test"
    assert found.values["lines"] == "“mx: mx2.sts.test”"
    assert found.values["policy"].split(", ") == [f"“{line}”" for line in written("enforce", 1209600, ("mx1.sts.test", "backup.sts.test", "mx2.sts.test"))]


def proposals(report):
    return [r for f in report.findings for r in (f.record, *(c.record for c in f.choices)) if r is not None]


@pytest.mark.parametrize(("name", "count"), [("two", 2), ("bad-id", 1), ("capitals", 1), ("long-id", 1), ("space", 1), ("two-enforced", 0), ("no-id", 0)])
def test_a_record_is_handed_over_only_where_the_policy_enforces_nothing(name, count, tmp_path):
    report = look(f"{name}.sts.test")
    records = proposals(report)
    assert len(records) == count
    for record in records:
        file = tmp_path / "draft.records"
        rows = [f'{record.name}. 300 IN TXT "{text}"' for text in record.proposed]
        file.write_text("\n".join(rows) + "\n", encoding="ascii")
        world = World.zones([file], beneath=world_of())
        after = look(f"{name}.sts.test", world)
        assert not {"STS002", "STS003"} & codes(after)
        assert "somebody else's note" in record.proposed or name != "two"


def test_the_fetch_starts_when_the_address_is_known():
    record = Question("_mta-sts.good.sts.test", "TXT", role="mta-sts")
    found = Answer(record.name, "TXT", Outcome.FOUND, ("v=STSv1; id=1",))
    next_, reports = list(foresee(record, found))
    assert (next_.name, next_.rtype) == ("mta-sts.good.sts.test", "A")
    assert reports.name == "_smtp._tls.good.sts.test"
    fetch = list(foresee(next_, Answer(next_.name, "A", Outcome.FOUND, ("192.0.2.80",))))
    assert fetch == [Fetch("https://mta-sts.good.sts.test/.well-known/mta-sts.txt", ("192.0.2.80",))]
    six = list(foresee(next_, Answer(next_.name, "A", Outcome.NODATA)))
    assert [q.rtype for q in six] == ["AAAA"]
    assert next(iter(foresee(six[0], Answer(next_.name, "AAAA", Outcome.FOUND, ("2001:db8::80",))))).addresses == ("2001:db8::80",)
    assert not list(foresee(six[0], Answer(next_.name, "AAAA", Outcome.NODATA)))
    assert not list(foresee(record, replace(found, values=("v=spf1 -all",))))
    assert not list(foresee(Question("x.test", "TXT", role="spf"), found))


def test_one_request_a_scan():
    seen = []

    class Port(Rows):
        def begin(self, wanted, until):
            seen.append(wanted)
            return super().begin(wanted, until)

    world = world_of(None)
    world.fetcher = Port(WORLDS / "mta-sts.toml")
    assert "STS016" in codes(look("good.sts.test", world))
    assert [fetch.addresses for fetch in seen] == [("192.0.2.80",)]
    assert not web.wish("https://x.test:8443/", (), 1)


FAILING = [
    ({"servfail": {"_mta-sts.good.sts.test"}}, {"STS000"}, {"STS001", "STS999", "STS016"}),
    ({"timeout": {("mta-sts.good.sts.test", "A"), ("mta-sts.good.sts.test", "AAAA")}}, {"STS000"}, {"STS004", "STS016"}),
    ({"timeout": {("good.sts.test", "MX")}}, {"STS000"}, {"STS009", "STS016"}),
]


@pytest.mark.parametrize(("failing", "must", "must_not"), FAILING)
def test_what_could_not_be_looked_up_is_unknown(failing, must, must_not):
    under = world_of()
    world = Faults(under, **failing)
    world.fetcher = under.fetcher
    report = look("good.sts.test", world)
    assert must <= codes(report)
    assert not must_not & codes(report)


def test_with_zone_files_alone_a_policy_is_a_note():
    report = look("good.sts.test", world_of(None))
    assert codes(report) == {"STS999"}
    assert report.verdict is Status.NOTE


def test_reports_are_missed_once():
    """Beside the topic tls-rpt, which says it too, nothing is said here."""
    assert "STS014" in codes(look("junk.sts.test"))
    both = codes(look("junk.sts.test", topics=("mta-sts", "tls-rpt")))
    assert "STS014" not in both
    assert "TRP001" in both


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize(
    ("host", "pattern", "held"),
    [
        ("mx.example.com", "mx.example.com", True),
        ("MX.Example.com.", "mx.example.com", True),
        ("mx.example.com", "*.example.com", True),
        ("a.mx.example.com", "*.example.com", False),
        ("example.com", "*.example.com", False),
        ("mx.example.com.evil.test", "*.example.com", False),
        ("mx.example.net", "mx.example.com", False),
        ("com", "*.", False),
    ],
)
def test_patterns(host, pattern, held):
    assert covered(host, (pattern,)) is held


@pytest.mark.parametrize(
    ("text", "id_", "problem"),
    [
        ("v=STSv1; id=20160831085700Z;", "20160831085700Z", ""),
        ("v=STSv1;id=1", "1", ""),
        ("v=STSv1; ext=a; id=1;", "1", ""),
        ("v=STSv1; id=1; id=2", "1", ""),
        ("v=STSv1; ID=1", None, "no-id"),
        ("v=STSv1; id=", "", "bad-id"),
        ("v=STSv1;; id=1", "1", "bad-field"),
        ("v=STSv1; id=1; a=b=c", "1", "bad-field"),
        ("v=STSv1\t; id=1", "1", "space"),
        ("v=STSv1", None, "no-id"),
        ("v=STSv2; id=1", "1", "version"),
    ],
)
def test_records(text, id_, problem):
    record = read_record(text)
    assert (record.id, record.problem) == (id_, problem)


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (b"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 0\n", []),
        (b"max_age:31557600\r\nmode:none\r\nversion:STSv1", []),
        (b"version: STSv1\nmode: testing\nmx: a.example  \nmax_age: 1\nx-note: any thing\n", []),
        (b"\xef\xbb\xbfversion: STSv1\nmode: none\nmax_age: 1\n", ["byte-order-mark"]),
        (b"version: STSv1\nmode: none\nmax_age: 31557601\n", ["max-age-too-large"]),
        (b"version: STSv1\nmode: none\nmax_age: -1\n", ["bad-max-age"]),
        (b"version: STSv1\nmode: none\nmax_age: 1_0\n", ["bad-max-age"]),
        (b"version: STSv1\rmode: none\rmax_age: 1\r", ["control", "no-version", "no-mode", "no-max-age"]),
        (b"version: STSv1\nmode: enforce\nmax_age: 1\n", ["no-mx"]),
        (b"version: STSv1\nmode: enforce\nmax_age: 1\nmx: *.*.example\n", ["mx-wildcard"]),
        (b"version: STSv1\nmode: enforce\nmax_age: 1\nmx: .example.com\n", ["mx-wildcard"]),
        (b"version: STSv1\nmode: enforce\nmax_age: 1\nmx: m\xc3\xbcx.example\n", ["bad-mx"]),
        (b"", ["empty"]),
        (b"\xff\xfe", ["not-text"]),
    ],
)
def test_policies(body, reasons):
    assert [p.reason for p in read_policy(body).problems] == reasons


def test_every_reason_has_its_words():
    rows = catalog().checks
    said = {"STS003": set(), "STS007": set(), "STS008": set()}
    source = (Path(__file__).parent.parent / "healthcheck" / "checks" / "mta_sts" / "policy.py").read_text(encoding="utf-8")
    for code in said:
        for reason in rows[code].reasons:
            assert reason in source or reason.startswith("no-"), (code, reason)
    assert not mended(read_record("v=STSv1; id=--"))
    assert mended(read_record("v=STSv1; id=2026-1")) == "v=STSv1; id=20261;"


# ------------------------------------------------------------------ hostile input

PIECES = [
    b"version: STSv1", b"mode: enforce", b"mx: mx1.sts.test", b"max_age: 604800", b"\r\n", b"\n", b"\r", b":", b"*.", b"\x00", b"\xff", b"\xc3\xbc", b" ", b";",
    b"mx: " + b"a" * 300, b"max_age: " + b"9" * 40, b"mx: *." + b"a." * 200, b"<html>", b"v=STSv1; id=", b"{0}", b"%s", "\u2028".encode(), b"id=1" * 50,
]  # fmt: skip


def mutated(seed):
    rng = random.Random(seed)
    data = bytearray(b"version: STSv1\nmode: enforce\nmx: mx1.sts.test\nmax_age: 604800\n")
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(len(data) + 1)
        if rng.random() < 0.6:
            data[at:at] = rng.choice(PIECES)
        elif data:
            del data[at : at + rng.randint(1, 9)]
        if data and rng.random() < 0.4:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


class Served:
    """A policy host that answers with whatever it is given."""

    def __init__(self, body, content_type):
        self.body, self.content_type = body, content_type

    def begin(self, wanted, until):
        from concurrent.futures import Future

        done = Future()
        done.set_result(Fetched(wanted.url, Reached.OK, 200, self.content_type, self.body))
        return done

    def close(self):
        pass


@pytest.mark.parametrize("start", range(0, 300, 30))
def test_hostile_policies_raise_nothing(start):
    world = world_of(None)
    try:
        for seed in range(start, start + 30):
            body = mutated(seed)
            world.fetcher = Served(body, body[:40].decode("latin-1"))
            report = scan("uncovered.sts.test", world=world, topics=["mta-sts"])
            assert report.findings
            for finding in report.findings:
                catalog().checks[finding.code].message.format(**finding.values)
            policy = read_policy(body)
            assert policy.max_age is None or 0 <= policy.max_age <= MAX_AGE
    finally:
        world.close()


def test_hostile_records_raise_nothing():
    facts = look("uncovered.sts.test")
    assert facts.findings
    for seed in range(300):
        text = mutated(seed).decode("utf-8", "backslashreplace").replace("version: STSv1\nmode:", "v=STSv1; id=")
        record = read_record(text)
        assert record.problem or record.id
        answer = Answer("_mta-sts.x.test", "TXT", Outcome.FOUND, (text, f"v=STSv1; {text}"))
        assert list(foresee(Question(answer.name, "TXT", role="mta-sts"), answer))


def test_opinions_agree_where_both_are_sure():
    """Where checkdmarc says otherwise of what we take without a word, or refuse, the reason is known."""
    apart = []
    for seed in range(300):
        body = mutated(seed)
        policy = read_policy(body)
        said = libs.text_opinion("mta-sts-policy", body.decode("utf-8", "replace"))
        if said.valid is not None and not policy.odd and said.valid != (not policy.problems):
            apart.append((body, policy.problems, said.says))
    assert not apart


def test_nothing_is_said_without_facts():
    from healthcheck.checks.facts import Facts

    assert not list(judge(Facts(ScanInput(Domain.parse("example.com")))))
