"""scan(): the input it takes, the report it makes, the demo world it is shown with."""

import json
import tomllib
from pathlib import Path

import pytest

from healthcheck.catalog import DATA, catalog, findings_of
from healthcheck.checks import NEEDS, OPTIONAL, SHOWN, STAGES, TOPICS, needed
from healthcheck.edge.world import World
from healthcheck.errors import DomainError, InputError
from healthcheck.model import VERDICT_ORDER, Answer, Outcome, Question, Status, worst
from healthcheck.scan import scan

USUAL = [name for name in SHOWN if name not in OPTIONAL]

WORLDS = Path(__file__).parent / "worlds"
DEMO = DATA / "demo"
SAMPLES = tomllib.loads((DEMO / "samples.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def demo():
    world = World.demo(beneath=World.zones([], only=True))
    yield world
    world.close()


def report_of(demo, sample_id):
    s = next(s for s in SAMPLES["domain"] if s["id"] == sample_id)
    return scan(s["domain"], ips=s["ips"], selectors=s["selectors"], world=demo)


def codes(report, *statuses):
    return {f.code for f in report.findings if not statuses or f.status in statuses}


# ------------------------------------------------------------------ the report


def test_a_healthy_domain_has_nothing_to_mend(demo):
    report = report_of(demo, "healthy")
    assert not codes(report, Status.FAIL, Status.WARN, Status.UNKNOWN)
    assert set(report.topics) == set(USUAL)
    assert {"MX010", "PTR005", "DBL008"} <= codes(report)


def test_findings_stand_worst_first_and_then_in_the_order_of_topics(demo):
    report = report_of(demo, "shop")
    rows = catalog().checks
    order = [(VERDICT_ORDER.index(f.status), SHOWN.index(rows[f.code].topic)) for f in report.findings]
    assert order == sorted(order)
    assert report.verdict is Status.FAIL


def test_a_topic_shows_its_worst_finding(demo):
    report = report_of(demo, "listed")
    assert report.topics["dnsbl"].verdict is Status.FAIL
    assert report.topics["dnsbl"].summary == catalog().checks["DBL001"].title
    for name, result in report.topics.items():
        assert result.verdict is worst(f.status for f in findings_of(report, [name])), name


def test_facts_are_ready_for_json_and_hold_no_answers(demo):
    for sample in SAMPLES["domain"]:
        facts = report_of(demo, sample["id"]).facts
        assert set(facts) == {name.replace("-", "_") for name in USUAL}
        text = json.dumps(facts)
        assert '"outcome"' not in text
    assert facts["ptr"].keys() >= {"fcrdns", "ips"}
    assert facts["dnsbl"].keys() >= {"listed", "lists"}


def test_each_question_is_asked_once(demo):
    for sample in SAMPLES["domain"]:
        report = report_of(demo, sample["id"])
        asked = [(a.name, a.rtype) for a in report.transcript]
        assert len(asked) == len(set(asked))
        assert report.timing.questions == report.timing.distinct


def test_the_evidence_of_a_finding_stands_in_the_transcript(demo):
    for sample in SAMPLES["domain"]:
        report = report_of(demo, sample["id"])
        asked = {(a.name, a.rtype) for a in report.transcript}
        for finding in report.findings:
            assert {(a.name, a.rtype) for a in finding.evidence} <= asked, finding.code


def test_a_domain_that_does_not_exist_is_told_once(demo):
    report = scan("nobody-has-this.example", world=demo)
    assert report.verdict is Status.FAIL
    assert "DOM001" in codes(report)
    assert not [f for f in report.findings if catalog().checks[f.code].topic in ("spf", "dkim", "dmarc", "alignment")]
    assert {report.topics[t].verdict for t in ("spf", "dkim", "dmarc", "alignment")} == {Status.FAIL}
    for topics in (["spf", "mx"], ["spf"], ["dmarc"]):
        only = scan("nobody-has-this.example", world=demo, topics=topics)
        assert codes(only) == {"DOM001"}
        assert {result.verdict for result in only.topics.values()} == {Status.FAIL}


def test_unknown_counts_in_the_core_topics_only():
    world = World.zones([WORLDS / "mx-cases.zone", WORLDS / "dnsbl-refusing.zone"], only=True)
    from healthcheck.catalog import Blocklist

    world.blocklists = (Blocklist(zone="refusing.test", name="r", kind="domain", weight="high", source="-", seen="-"),)
    try:
        report = scan("good.mx.test", world=world, topics=["mx", "dnsbl"])
    finally:
        world.close()
    assert "DBL005" in codes(report, Status.UNKNOWN)
    assert report.topics["dnsbl"].verdict is Status.UNKNOWN
    assert report.verdict is Status.PASS


# ------------------------------------------------------------------ the input


def test_input_is_understood_as_a_person_writes_it(demo):
    report = scan(
        " https://Healthy.EXAMPLE/shop ", ips=[" 2001:DB8:1::25 "], selectors=["S1._domainkey"], mail_from="a@healthy.example", world=demo, source="line 7"
    )
    assert report.domain.name == "healthy.example"
    assert report.input.ips == ("2001:db8:1::25",)
    assert report.input.selectors == ("s1",)
    assert report.input.mail_from is None
    assert report.input.source == "line 7"


@pytest.mark.parametrize("domain", ["", "192.0.2.1", "com", "a" * 64 + ".example", "x" * 60 + "." + "y.example" * 40])
def test_what_is_no_domain_is_refused(domain, demo):
    with pytest.raises(DomainError):
        scan(domain, world=demo)


@pytest.mark.parametrize("more", [{"ips": ["nine"]}, {"selectors": ["a b"]}, {"ips": [f"192.0.2.{n}" for n in range(17)]}])
def test_other_bad_input_is_refused(more, demo):
    with pytest.raises(InputError):
        scan("healthy.example", world=demo, **more)


def test_topics_limit_the_report_and_those_not_built_are_named(demo):
    report = scan("shop.example", topics=["alignment", "mta-tls", "smime"], world=demo)
    assert set(report.topics) == {"alignment"}
    assert set(report.facts) == {"alignment"}
    assert {catalog().checks[f.code].topic for f in report.findings} == {"alignment"}
    assert report.left_out == ("mta-tls", "smime")


def test_progress_tells_each_reported_topic_once(demo):
    told = []
    scan("healthy.example", world=demo, progress=lambda topic, verdict: told.append((topic, verdict)))
    assert sorted(topic for topic, _ in told) == sorted(USUAL)
    assert all(isinstance(verdict, Status) for _, verdict in told)


def test_a_fault_of_ours_is_not_hidden(demo):
    def broken(topic, verdict):
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError):
        scan("healthy.example", world=demo, progress=broken)


def test_the_registry_is_consistent():
    ids = [topic.TOPIC for stage in STAGES for topic in stage]
    assert sorted(ids) == sorted(SHOWN)
    order = {topic.TOPIC: n for n, topic in enumerate(TOPICS)}
    stage_of = {topic.TOPIC: n for n, stage in enumerate(STAGES) for topic in stage}
    once_more = {topic.TOPIC for topic in TOPICS if hasattr(topic, "again")}
    for name, needs in NEEDS.items():
        assert set(needs) <= set(ids)
        if name not in ("mx", "spf", "dmarc"):  # there the report reads it, the gathering does not
            assert all(order[need] < order[name] or (name in once_more and stage_of[need] == stage_of[name]) for need in needs)
        assert {t.TOPIC for t in needed([name])} >= {name, *needs}
    assert needed(None) == TOPICS


# ------------------------------------------------------------------ the demo world


def test_the_demo_tells_its_stories(demo):
    assert report_of(demo, "broken-spf").facts["spf"]["lookups"] == 11
    listed = report_of(demo, "listed")
    assert {"DBL001", "DBL004"} <= codes(listed)
    parked = report_of(demo, "parked")
    assert not codes(parked, Status.FAIL)
    shop = report_of(demo, "shop")
    assert shop.facts["spf"]["verdicts"]["203.0.113.77"]["result"] in ("fail", "softfail")
    assert shop.facts["ptr"]["fcrdns"] is True
    assert "PTR003" in codes(report_of(demo, "nodmarc"))


def test_the_demo_world_answers_each_question_by_itself(demo):
    for sample in SAMPLES["domain"]:
        report = report_of(demo, sample["id"])
        assert not [f"{a.rtype} {a.name}: {a.outcome}" for a in report.transcript if a.unsure and not a.name.endswith("_domainkey." + sample["domain"])]


def test_each_list_that_is_asked_has_its_test_point_in_the_demo():
    for row in catalog().blocklists:
        assert row.ask is (DEMO / f"list-{row.zone}.zone").exists(), row.zone


def test_samples_are_complete_and_hold_example_names_only():
    for sample in SAMPLES["domain"]:
        assert set(sample) == {"id", "title", "domain", "ips", "selectors"}
        assert sample["domain"].endswith((".example", ".test"))
    for sample in SAMPLES["bounce"]:
        assert set(sample) - {"ips", "selectors", "from_domain", "mail_from"} == {"id", "title", "text"}
        assert sample["text"].strip()


def test_a_topic_names_every_role_that_it_foresees():
    """What foresee would do with a role that it does not name would never happen: no topic reads one."""
    roles = {role for topic in TOPICS for role in topic.ROLES} | {"", "spf-exp", "mx-addresses"}
    answers = [
        Answer("firm.example", "MX", Outcome.FOUND, ("10 mx.firm.example",)),
        Answer("firm.example", "TXT", Outcome.FOUND, ("v=spf1 a mx include:_spf.example.net ip4:192.0.2.1 -all",)),
        Answer("_dmarc.firm.example", "TXT", Outcome.FOUND, ("v=DMARC1; p=none; rua=mailto:a@reports.example",)),
        Answer("mx.firm.example", "A", Outcome.FOUND, ("192.0.2.1",)),
        Answer("1.2.0.192.in-addr.arpa", "PTR", Outcome.FOUND, ("mx.firm.example",)),
        Answer("firm.example", "TXT", Outcome.NODATA),
    ]
    for topic in TOPICS:
        for role in roles - topic.ROLES:
            for answer in answers:
                assert not list(topic.foresee(Question(answer.name, answer.rtype, role), answer)), f"{topic.TOPIC} reads {role!r}, which its ROLES lack"
