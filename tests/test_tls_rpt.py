"""Topic tls-rpt: each code has a world where it must appear, and one where it must not; hostile records raise nothing."""

import random
import time
from pathlib import Path

import pytest
from support import Faults

from healthcheck.catalog import catalog
from healthcheck.checks.tls_rpt import ReportUri, mended, read
from healthcheck.edge import libs
from healthcheck.edge.reach import Rows
from healthcheck.edge.world import World
from healthcheck.model import Status
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"


def world_of():
    world = World.zones([WORLDS / "tls-rpt.zone"], only=True)
    world.fetcher = Rows(WORLDS / "tls-rpt.toml")
    return world


def look(domain, world=None, topics=("tls-rpt",)):
    world = world or world_of()
    try:
        report = scan(domain, world=world, topics=list(topics))
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


CASES = [
    ("missing", {"TRP001"}, {"TRP000", "TRP002", "TRP003", "TRP004", "TRP005", "TRP006", "TRP999"}),
    ("aliased", {"TRP001"}, {"TRP003", "TRP006"}),
    ("nowhere", {"TRP005"}, {"TRP001", "TRP006"}),
    ("parked", {"TRP005"}, {"TRP001", "TRP006"}),
    ("good", {"TRP006"}, {"TRP001", "TRP002", "TRP003", "TRP004", "TRP005"}),
    ("split", {"TRP006"}, {"TRP003", "TRP004"}),
    ("twice", {"TRP006"}, {"TRP002", "TRP003", "TRP004"}),
    ("two", {"TRP002"}, {"TRP001", "TRP003", "TRP006"}),
    ("capitals", {"TRP003"}, {"TRP001", "TRP004", "TRP006"}),
    ("space", {"TRP003"}, {"TRP001", "TRP004", "TRP006"}),
    ("no-rua", {"TRP003"}, {"TRP001", "TRP004", "TRP006"}),
    ("bad-field", {"TRP003"}, {"TRP004", "TRP006"}),
    ("bare", {"TRP003", "TRP004"}, {"TRP001", "TRP006"}),
    ("sized", {"TRP004"}, {"TRP003", "TRP006"}),
    ("http", {"TRP004"}, {"TRP003", "TRP006"}),
    ("garbled", {"TRP004"}, {"TRP003", "TRP006"}),
    ("policy", {"TRP001"}, {"TRP006"}),
    ("delegated", {"TRP999"}, {"TRP000", "TRP001", "TRP006"}),
]


@pytest.mark.parametrize(("name", "must", "must_not"), CASES, ids=[case[0] for case in CASES])
def test_tls_rpt(name, must, must_not):
    report = look(f"{name}.rpt.test")
    assert must <= codes(report)
    assert not must_not & codes(report)


FAILING = [({"servfail": {"_smtp._tls.good.rpt.test"}}, {"TRP000"}, {"TRP001", "TRP006", "TRP999"})]


@pytest.mark.parametrize(("failing", "must", "must_not"), FAILING)
def test_what_could_not_be_looked_up_is_unknown(failing, must, must_not):
    report = look("good.rpt.test", Faults(world_of(), **failing))
    assert must <= codes(report)
    assert not must_not & codes(report)
    assert {f.status for f in report.findings} == {Status.UNKNOWN}


def test_it_is_a_note_but_where_a_policy_can_keep_mail_out():
    alone = look("policy.rpt.test")
    assert {f.status for f in alone.findings} == {Status.NOTE}
    beside = look("policy.rpt.test", topics=("tls-rpt", "mta-sts"))
    found = next(f for f in beside.findings if f.code == "TRP001")
    assert found.status is Status.WARN
    assert "MTA-STS policy" in found.values["reason"]
    found = next(f for f in look("tlsa.rpt.test", topics=("tls-rpt", "dane")).findings if f.code == "TRP001")
    assert found.status is Status.WARN
    assert "TLSA" in found.values["reason"]


def test_long_records_are_read_in_no_time():
    begun = time.process_time()
    for text in ("a" * 8000, "mailto:" + "a." * 4000, "mailto:a@" + "a-" * 4000, "https://" + "a." * 4000 + "!"):
        read(f"v=TLSRPTv1; rua={text}")
    assert time.process_time() - begun < 1


def test_the_mailbox_is_the_users_to_choose():
    found = next(f for f in look("missing.rpt.test").findings if f.code == "TRP001")
    assert found.record is None
    assert [c.key for c in found.choices] == ["mailbox", "service"]
    assert found.choices[0].record.proposed == ("v=TLSRPTv1; rua=mailto:tls-reports@missing.rpt.test",)
    aliased = next(f for f in look("aliased.rpt.test").findings if f.code == "TRP001")
    assert [c.record for c in aliased.choices] == [None, None]


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("capitals", "v=TLSRPTv1; rua=mailto:tls@capitals.rpt.test"),
        ("space", "v=TLSRPTv1; rua=mailto:tls@space.rpt.test"),
        ("bad-field", "v=TLSRPTv1; rua=mailto:tls@bad-field.rpt.test"),
        ("bare", "v=TLSRPTv1; rua=mailto:tls@bare.rpt.test"),
        ("sized", "v=TLSRPTv1; rua=mailto:tls@sized.rpt.test,mailto:more@sized.rpt.test"),
        ("no-rua", None),
        ("http", None),
        ("garbled", None),
    ],
)
def test_what_is_proposed(name, proposed, tmp_path):
    report = look(f"{name}.rpt.test")
    records = {f.record for f in report.findings if f.record}
    assert {r.proposed for r in records} == ({(proposed,)} if proposed else set())
    for record in records:
        file = tmp_path / "draft.records"
        file.write_text(f'{record.name}. 300 IN TXT "{record.proposed[0]}"\n', encoding="ascii")
        assert codes(look(f"{name}.rpt.test", World.zones([file], beneath=world_of()))) == {"TRP006"}


def test_what_stands_beside_is_kept():
    found = next(f for f in look("two.rpt.test").findings if f.code == "TRP002")
    assert [c.record.proposed for c in found.choices] == [
        ("somebody else's note", "v=TLSRPTv1; rua=mailto:a@two.rpt.test"),
        ("somebody else's note", "v=TLSRPTv1; rua=mailto:b@two.rpt.test"),
    ]


def test_facts():
    facts = look("good.rpt.test").facts["tls_rpt"]
    assert facts["state"] == "present"
    assert [u["domain"] for u in facts["rua"]] == ["good.rpt.test", "reports.example"]
    assert facts["opinion"]["agrees"] is True


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("mailto:tls@example.com", ""),
        ("mailto:tls+a.b@example.com", ""),
        ("MAILTO:tls@example.com?subject=x", ""),
        ("https://example.com", ""),
        ("https://example.com:8443/a?b=%2C", ""),
        ("mailto:tls@example.com!10m", "size"),
        ("https://example.com/!a/b", "not-encoded"),
        ("tls@example.com", "no-scheme"),
        ("ftp://example.com/", "scheme"),
        ("mailto:tls", "not-a-uri"),
        ("mailto:@example.com", "not-a-uri"),
        ("mailto:a b@example.com", "not-a-uri"),
        ("https:///path", "not-a-uri"),
        ("//example.com/", "not-a-uri"),
    ],
)
def test_addresses(uri, problem):
    _, uris = read(f"v=TLSRPTv1; rua={uri}")
    assert [u.problem for u in uris] == [problem]


def test_an_address_that_can_only_be_guessed_at_is_not_mended():
    assert mended("v=TLSRPTv1; rua=x", (ReportUri("x", problem="not-a-uri"),)) is None


PIECES = ["v=TLSRPTv1", ";", "rua=", "mailto:", "https://", "@", ",", "!", "%", "{0}", " ", "\t", "a@b.example", ".." * 20, "x" * 400, "\\255", "ü", "=", "?"]


def mutated(seed):
    rng = random.Random(seed)
    text = "v=TLSRPTv1; rua=mailto:tls@example.com,https://example.com/tls;"
    for _ in range(rng.randint(1, 10)):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(PIECES) + text[at + rng.randint(0, 4) :]
    return text


def test_hostile_records_raise_nothing(tmp_path):
    rows = []
    for seed in range(300):
        text = mutated(seed)
        problem, uris = read(text)
        assert problem or uris
        fixed = mended(text, uris)
        assert fixed is None or read(fixed)[0] == ""
        octets = text.encode()[:2000]
        escaped = " ".join('"' + "".join(f"\\{c:03d}" for c in octets[i : i + 255]) + '"' for i in range(0, len(octets), 255))
        rows += [f"h{seed} MX 10 mx1", f"_smtp._tls.h{seed} TXT {escaped}"]
    file = tmp_path / "hostile.test.zone"
    file.write_text("$ORIGIN hostile.test.\n$TTL 300\n@ SOA ns1 h 1 1 1 1 1\n@ NS ns1\nmx1 A 192.0.2.10\n" + "\n".join(rows) + "\n", encoding="ascii")
    world = World.zones([file], only=True)
    try:
        for seed in range(300):
            report = scan(f"h{seed}.hostile.test", world=world, topics=["tls-rpt"])
            assert report.findings
            for finding in report.findings:
                catalog().checks[finding.code].message.format(**finding.values)
    finally:
        world.close()


def test_opinions_agree_where_both_are_sure():
    apart = []
    for seed in range(300):
        text = mutated(seed)
        problem, uris = read(text)
        said = libs.text_opinion("tls-rpt", text)
        if said.valid is not None and said.valid != (not problem and not any(u.problem for u in uris)):
            apart.append((text, problem, [u for u in uris if u.problem], said.says))
    assert not apart
