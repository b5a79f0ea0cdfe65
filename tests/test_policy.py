"""Facts, assertions, ignored findings, baselines: what is published is listed, and what could not be had is neither true nor false."""

import dataclasses
import importlib
import json
import re
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.faults import Faults
from support.worlds import world_of

from healthcheck.catalog import DATA, catalog
from healthcheck.checks import SHOWN
from healthcheck.edge.reach import Rows
from healthcheck.edge.world import World
from healthcheck.edge.zones import ZoneSet
from healthcheck.errors import InputError, ZoneError
from healthcheck.model import Domain, Finding, Status
from healthcheck.policy import baseline
from healthcheck.policy.apply import Policy, exit_code, ignoring
from healthcheck.policy.facts import ANY, EACH, can_be_asserted, catalogue, joined, split
from healthcheck.policy.grammar import OPERATORS, Line, Slip, parse
from healthcheck.policy.had import Facts
from healthcheck.policy.judge import judge
from healthcheck.policy.reader import read
from healthcheck.render import json as as_json
from healthcheck.render import text as as_text
from healthcheck.render.facts import rows
from healthcheck.scan import _shown, scan

WORLDS = Path(__file__).parent / "worlds"
IP = "192.0.2.25"


# ------------------------------------------------------------------ the list of facts


def look(domain, world, **given):
    return scan(domain, world=world, **{"topics": SHOWN, "starttls": True, "ips": [IP], "selectors": ["s1"], "helo": f"mail.{domain}"[:200], **given})


def strays(value, path):
    """What in a report is not listed, or has another type than the list says."""
    row = catalogue().row(path)
    if row is None:
        if len(path) > 1:
            yield f"{joined(path)} is not listed"
            return
    elif value is None:
        if not row.null:
            yield f"{joined(path)} is null, and the list says {row.type}"
        return
    else:
        kinds = {"string": str, "time": str, "boolean": bool, "integer": int, "object": Mapping}
        wanted = kinds.get(row.kind) or (list if row.kind.startswith("list") else Mapping)
        if not isinstance(value, wanted) or (row.kind == "integer" and isinstance(value, bool)):
            yield f"{joined(path)} is {value!r}, and the list says {row.type}"
            return
        if row.words and value not in row.words:
            yield f"{joined(path)} is “{value}”, which is none of its words"
        if row.item == "lists":
            return
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from strays(below, (*path, key))
    elif isinstance(value, list):
        for below in value:
            yield from strays(below, (*path, EACH))


def wrong(report):
    facts = json.loads(json.dumps(as_json.report(report)["facts"]))
    return sorted({told for topic, value in facts.items() for told in strays(value, (topic,))})


@pytest.fixture(scope="module")
def demo():
    world = World.demo()
    yield world
    world.close()


@pytest.fixture(scope="module")
def alone():
    """The demo world's files and nothing else: what they do not hold is not asked."""
    world = World.zones(sorted((DATA / "demo").glob("*.zone")), only=True)
    world.fetcher = Rows(DATA / "demo" / "https.toml")
    yield world
    world.close()


@pytest.fixture(scope="module")
def healthy(demo):
    return look("healthy.example", demo)


@pytest.mark.parametrize("domain", sorted(p.name.removesuffix(".zone") for p in (DATA / "demo").glob("*.example.zone")))
def test_each_fact_of_the_demo_world_is_listed_with_its_type(demo, domain):
    assert wrong(look(domain, demo)) == []


def domains(path):
    """Some of the names of a zone file, spread over it."""
    held = ZoneSet.read([path])
    names = set()
    for wire in {*held.patch.sets, *(w for zone in held.zones.values() for w in zone.sets)}:
        from healthcheck.edge.codec import name_text

        name = re.sub(r"^(?:(?:_[^.]*|\*|[^.]*\._[^.]*)\.)+", "", name_text(wire))
        try:
            names.add(Domain.parse(name).name)
        except InputError:
            continue
    kept = sorted(n for n in names if not n.endswith(".arpa"))
    return kept[:: max(1, len(kept) // 5)]


@pytest.mark.parametrize("path", sorted(WORLDS.glob("*.zone")), ids=lambda p: p.stem)
def test_each_fact_of_the_worlds_is_listed_with_its_type(path):
    try:
        world = World.zones([path], only=True)
    except ZoneError:
        pytest.skip("this file needs another one beside it")
    world.blocklists = catalog().blocklists[:2]
    for rows_file in (path.with_suffix(".toml"), path.with_name(f"{path.stem}-https.toml")):
        if rows_file.exists() and path.stem != "peers":
            world.fetcher = Rows(rows_file)
    told = [one for domain in domains(path) for one in wrong(look(domain, world, helo="mail.example"))]
    world.close()
    assert told == []


def fields(kind, path, seen=()):
    """Every field of the facts' dataclasses, by its path without [] and *."""
    for name in _shown(kind) or ():
        yield (*path, name)
        spec = next(f for f in dataclasses.fields(kind) if f.name == name)
        for word in re.findall(r"\w+", str(spec.type)):
            below = getattr(sys.modules[kind.__module__], word, None)
            if dataclasses.is_dataclass(below) and below not in seen:
                yield from fields(below, (*path, name), (*seen, below))


def test_each_field_of_the_facts_is_listed():
    """Also those that no world of the tests fills."""
    listed = {tuple(part for part in split(path) if part not in (EACH, ANY)) for path in catalogue().facts}
    likes = {
        tuple(p for p in split(f.path) if p not in (EACH, ANY)): tuple(p for p in split(f.like) if p not in (EACH, ANY))
        for f in catalogue().facts.values()
        if f.like
    }
    missing = []
    for topic in SHOWN:
        module = importlib.import_module(f"healthcheck.checks.{topic.replace('-', '_')}")
        kind = getattr(module, "".join(part.title() for part in topic.split("-")) + "Facts")
        for path in fields(kind, (topic.replace("-", "_"),), (kind,)):
            known = path
            for like, target in likes.items():
                if path[: len(like)] == like and len(path) > len(like):
                    known = (*target, *path[len(like) :])
            if known not in listed:
                missing.append(".".join(path))
    assert missing == []


def test_each_condition_of_the_list_can_be_read_and_names_words_that_there_are():
    from healthcheck.policy.had import _condition

    known = catalogue()
    conditions = [c for fact in known.facts.values() for c in (*fact.known, *fact.absent, *fact.complete)]
    conditions += [c for topic in known.topics.values() for c in (*topic.known, *topic.absent)]
    assert len(conditions) > 50
    for text in conditions:
        path, operator, value = _condition(text)
        row = known.row(path)
        assert row is not None, text
        assert operator in ("==", "in"), text
        if row.words:
            assert set(value if operator == "in" else [value]) <= set(row.words), text


def test_each_fact_is_told_with_type_unit_and_topic():
    for row in rows():
        assert row["meaning"], row
        assert row["topic"] in SHOWN, row
        assert re.fullmatch(r"(string|integer|boolean|time|object|(list|map) of \w+)( or null)?", row["type"]), row
    units = {row["path"]: row["unit"] for row in rows()}
    assert units["spf.lookups"] == "DNS look-ups"
    assert units["mta_sts.max_age"] == "seconds"
    assert units["dkim.selectors.*.bits"] == "bits"


# ------------------------------------------------------------------ the grammar


@pytest.mark.parametrize(
    ("text", "path", "operator", "value"),
    [
        ("spf.lookups <= 10", ("spf", "lookups"), "<=", 10),
        ('dmarc.p == "reject"', ("dmarc", "asked"), "==", "reject"),
        ("dkim.selectors.s1.bits >= 2048", ("dkim", "selectors", "s1", "bits"), ">=", 2048),
        ('mta_sts.mode == "enforce"', ("mta_sts", "mode"), "==", "enforce"),
        ("dnsbl.listed == false", ("dnsbl", "listed"), "==", False),
        ("ptr.fcrdns==true", ("ptr", "fcrdns"), "==", True),
        ("  spf.lookups  in  [ 1, 2 , ]  ", ("spf", "lookups"), "in", [1, 2]),
        ("ptr.ips.'192.0.2.1'.state == 'confirmed'", ("ptr", "ips", "192.0.2.1", "state"), "==", "confirmed"),
        ('mx.hosts[].host contains "mx1.example.com"', ("mx", "hosts", "[]", "host"), "contains", "mx1.example.com"),
        ("spf.own_addresses == []", ("spf", "own_addresses"), "==", []),
        ('spf.record contains "say \\"hi\\""', ("spf", "record"), "contains", 'say "hi"'),
        ("dkim.selectors.20230601.bits > 1024.5", ("dkim", "selectors", "20230601", "bits"), ">", 1024.5),
        ('dnssec.expires > "2027-01-31"', ("dnssec", "expires"), ">", "2027-01-31"),
        ("dkim.selectors.s-1_a.usable != false", ("dkim", "selectors", "s-1_a", "usable"), "!=", False),
    ],
)
def test_lines_are_read(text, path, operator, value):
    line = parse(text)
    assert (line.path, line.operator, line.value) == (path, operator, value)
    assert type(line.value) is type(value)


@pytest.mark.parametrize(
    ("text", "at", "problem", "expected"),
    [
        ("spf.lokups <= 10", 1, "no fact “spf.lokups”", "spf.lookups"),
        ("dkim.selectors.s1.bit >= 1", 1, "no fact", "dkim.selectors.s1.bits"),
        ("lookups < 3", 1, "no fact “lookups”", "spf.lookups"),
        ("spf.lookups = 10", 13, "single =", "=="),
        ("spf.lookups is 10", 13, "“is”", "=="),
        ("spf.lookups =< 10", 13, "", "=="),
        ('dmarc.p == "rejct', 12, "not closed", 'second "'),
        ("dmarc.p == reject", 12, "“reject” is no value", '"reject"'),
        ('dmarc.p == "rejct"', 12, "never “rejct”", "“reject”"),
        ("dmarc.p == “reject”", 12, "curly quote", "straight"),
        ('mx.state == "unknown"', 13, "could not be told", '"present"'),
        ("dnsbl.listed == True", 17, "no value", "true"),
        ("dnsbl.listed < true", 14, "boolean", "=="),
        ('spf.lookups <= "10"', 16, "integer", "a number"),
        ("spf.lookups in 10", 16, "list", "spf.lookups in"),
        ("dmarc.p in []", 12, "empty", "a value"),
        ('spf.includes in ["a"]', 14, "is a list", "contains"),
        ('dnssec.expires > "soon"', 18, "time", "2027"),
        ("spf.tree == true", 1, "object", "spf.tree.domain"),
        ('ptr.ips.192.0.2.1.state == "confirmed"', 1, "no fact", 'ptr.ips."192.0.2.1".state'),
        ("spf.lookups <= 10 and spf.void_lookups <= 2", 19, "behind the comparison", "second line"),
        ("spf.lookups", 12, "end of the line", "=="),
        ("spf.lookups <=", 15, "end of the line", "number"),
        ("", 1, "end of the line", "spf.lookups"),
        ("__import__('os').system('true') == 1", 11, "no meaning", "spf.lookups <= 10"),
        ("spf.lookups <= 10 # fine", 19, "#", "a path"),
        ("spf.lookups <= [1, 2", 21, "list", "]"),
        ("x" * 600, 500, "longer", "one comparison"),
    ],
)
def test_a_slip_is_told_with_its_place_and_what_was_expected(text, at, problem, expected):
    with pytest.raises(Slip) as slip:
        parse(text)
    assert (slip.value.at, problem in slip.value.problem, expected in slip.value.expected) == (at, True, True), (slip.value.problem, slip.value.expected)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(st.sampled_from([*catalogue().facts, *OPERATORS, "[]", ".", "*", '"', "'", "true", "10", "[", "]", ",", "\\", " "]), max_size=8).map("".join),
    )
)
def test_whatever_is_written_is_a_line_or_a_slip(text):
    try:
        said = parse(text)
    except Slip as slip:
        said = slip
    if isinstance(said, Slip):
        assert 1 <= said.at <= len(text) + 1
        assert said.problem
        assert said.expected
    else:
        assert said.operator in OPERATORS


# ------------------------------------------------------------------ law 1


def samples(fact):
    """Lines about a fact, one of which holds and one of which fails where it is known."""
    keys = {"dkim.selectors": "s1", "ptr.ips": f'"{IP}"', "ptr.mail_hosts": '"192.0.2.10"', "spf.verdicts": f'"{IP}"'}
    path = fact.path
    for front, key in keys.items():
        path = path.replace(f"{front}.*", f"{front}.{key}")
    sure = [word for word in fact.words if word not in fact.unsure]
    match fact.kind:
        case "boolean":
            return [f"{path} == true", f"{path} == false"]
        case "integer":
            return [f"{path} >= 0", f"{path} < 0"]
        case "time":
            return [f'{path} > "2000-01-01"', f'{path} < "2000-01-01"']
        case "string":
            return [f'{path} {op} "{sure[0] if sure else "zz"}"' for op in ("==", "!=")]
    return [f"{path} == []", f"{path} != []", f'{path} contains "x"']


LINES = [parse(text) for fact in catalogue().facts.values() if can_be_asserted(fact) and not fact.same_as for text in samples(fact)]


def results(report):
    facts = Facts(report)
    return {line.text: judge(line, report, None, facts) for line in LINES}


def test_where_nothing_answers_every_assertion_is_unknown(demo):
    """Law 1, over every fact that an assertion may name."""
    told = results(look("healthy.example", Faults(demo, down=True)))
    known = [line.text for line in LINES if not line.fact.always and told[line.text].result != "unknown"]
    assert known == []
    assert sum(one.result == "unknown" for one in told.values()) > 400
    assert all(one.why for one in told.values() if one.result == "unknown")


LOST = [
    {("healthy.example", "TXT")},
    {("healthy.example", "MX")},
    {("_dmarc.healthy.example", "TXT")},
    {("s1._domainkey.healthy.example", "TXT")},
    {("_mta-sts.healthy.example", "TXT")},
    {("mta-sts.healthy.example", "A"), ("mta-sts.healthy.example", "AAAA")},
    {("_smtp._tls.healthy.example", "TXT")},
    {("default._bimi.healthy.example", "TXT")},
    {("mx1.healthy.example", "A"), ("mx1.healthy.example", "AAAA")},
    {("_25._tcp.mx1.healthy.example", "TLSA")},
    {("healthy.example", "NS"), ("healthy.example", "SOA")},
    {("25.2.0.192.in-addr.arpa", "PTR")},
]


@pytest.mark.parametrize("lost", LOST, ids=lambda lost: sorted(lost)[0][0])
@pytest.mark.parametrize("how", ["servfail", "timeout"])
def test_an_answer_that_is_lost_turns_no_assertion_round(alone, lost, how):
    """What held may become unknown, and never fail; what failed may become unknown, and never hold."""
    whole = results(look("healthy.example", alone))
    told = results(look("healthy.example", Faults(alone, **{how: lost})))
    # how far a look-up came is what these say, and they are right both times; the sub-domains that a scan meets come from other answers
    of_itself = re.compile(r"(complete|counted|known) [!=]|below\[\]\.source")
    turned = {
        text: (whole[text].result, one.result, whole[text].actual, one.actual)
        for text, one in told.items()
        if {whole[text].result, one.result} == {"holds", "fails"} and not of_itself.search(text)
    }
    assert turned == {}


ZONES = {
    "plain.example": '@ TXT "v=spf1 include:_spf.plain.example -all"\n_spf TXT "v=spf1 ip4:192.0.2.25 -all"\n@ MX 10 mx\nmx A 192.0.2.10\n_dmarc TXT "v=DMARC1; p=none; rua=mailto:d@plain.example"',
    "bare.example": "@ A 192.0.2.1",
}


@pytest.mark.parametrize(
    ("domain", "text", "result", "actual", "why"),
    [
        ("plain.example", "spf.lookups <= 10", "holds", 1, ""),
        ("plain.example", "spf.lookups == 0", "fails", 1, ""),
        ("plain.example", 'spf.includes contains "_spf.plain.example"', "holds", ["_spf.plain.example"], ""),
        ("plain.example", 'spf.record contains "-all"', "holds", "v=spf1 include:_spf.plain.example -all", ""),
        ("plain.example", f'spf.verdicts."{IP}".result == "pass"', "holds", "pass", ""),
        ("plain.example", 'spf.verdicts."192.0.2.77".result == "pass"', "unknown", None, "192.0.2.77 was not looked at"),
        ("plain.example", 'dmarc.p in ["quarantine", "reject"]', "fails", "none", ""),
        ("plain.example", 'dmarc.p != "reject"', "holds", "none", ""),
        ("plain.example", 'dmarc.tags.rua contains "mailto:"', "holds", "mailto:d@plain.example", ""),
        ("plain.example", 'dmarc.tags.ruf contains "mailto:"', "fails", None, "there is none"),
        ("plain.example", 'mx.hosts[].host contains "mx.plain.example"', "holds", ["mx.plain.example"], ""),
        ("plain.example", 'mx.hosts[].state == "ok"', "holds", ["ok"], ""),
        ("plain.example", "spf.tree.children[].lookups <= 5", "holds", [0], ""),
        # absent, with the answer that shows it: every comparison fails, != among them
        ("plain.example", 'mta_sts.mode == "enforce"', "fails", None, "there is none"),
        ("plain.example", 'mta_sts.mode != "testing"', "fails", None, "there is none"),
        ("plain.example", "dkim.selectors.s1.bits >= 2048", "fails", None, "there is none"),
        ("plain.example", 'dkim.selectors.s1.state == "key"', "fails", "absent", ""),
        ("bare.example", "spf.lookups <= 10", "fails", None, "there is none"),
        ("bare.example", 'dmarc.p == "none"', "fails", None, "there is none"),
        ("bare.example", "dmarc.testing == false", "fails", None, "there is none"),
        # what nobody can know from here
        ("plain.example", 'dnssec.state == "secure"', "unknown", None, "cannot be told"),
        ("plain.example", "recipient.takes_mail == true", "holds", True, ""),
    ],
)
def test_assertions_hold_fail_or_are_unknown(tmp_path, domain, text, result, actual, why):
    world = world_of(tmp_path, ZONES)
    told = judge(parse(text), scan(domain, world=world, topics=SHOWN, ips=[IP], selectors=["s1"]))
    assert (told.result, told.actual, why in told.why) == (result, actual, True), told
    if result == "fails" and "there is none" in why:
        assert told.evidence, "a claim shows its evidence"
        assert all(not answer.unsure for answer in told.evidence)


def test_what_is_known_to_be_at_least_so_much_decides(tmp_path):
    terms = " ".join(f"include:i{n}.m.example" for n in range(11))
    zone = {"m.example": f'@ TXT "v=spf1 {terms} -all"\n' + "\n".join(f'i{n} TXT "v=spf1 ip4:192.0.2.{n} -all"' for n in range(11))}
    report = scan("m.example", world=Faults(world_of(tmp_path, zone), servfail={("i3.m.example", "TXT")}))
    assert report.facts["spf"]["lookups"] is None
    said = {
        text: judge(parse(text), report).result
        for text in ("spf.lookups <= 10", "spf.lookups <= 100", "spf.lookups > 5", "spf.lookups == 3", "spf.lookups != 3")
    }
    assert said == {
        "spf.lookups <= 10": "fails",
        "spf.lookups <= 100": "unknown",
        "spf.lookups > 5": "holds",
        "spf.lookups == 3": "fails",
        "spf.lookups != 3": "holds",
    }


def test_where_one_of_several_is_not_known_it_is_not_true_of_each(tmp_path):
    zone = {"two.example": "@ MX 10 a\n@ MX 20 b\na A 192.0.2.1\nb A 192.0.2.2"}
    world = world_of(tmp_path, zone)
    lines = ['mx.hosts[].state == "ok"', 'mx.hosts[].host contains "a.two.example"', 'dane.hosts[].state == "none"', "dane.hosts[].records[].usage == 3"]
    whole = scan("two.example", world=world)
    assert [judge(parse(text), whole).result for text in lines[:2]] == ["holds", "holds"]
    report = scan("two.example", world=Faults(world, servfail={("b.two.example", "A"), ("b.two.example", "AAAA")}))
    assert [judge(parse(text), report).result for text in lines] == ["unknown", "holds", "unknown", "fails"]  # the last of host a


def test_a_topic_that_was_left_out_is_unknown_and_changes_no_exit_code(demo):
    report = scan("healthy.example", world=demo, topics=["mx"])
    told = judge(parse("spf.lookups <= 10"), report)
    assert (told.result, told.counts) == ("unknown", False)
    assert "left out the topic spf" in told.why


def test_what_lies_outside_the_zone_files_changes_no_exit_code(tmp_path):
    world = world_of(tmp_path, {"part.example": '@ TXT "v=spf1 include:_spf.elsewhere.test -all"\n@ MX 10 mx\nmx A 192.0.2.1'})
    told = judge(parse("spf.lookups <= 10"), scan("part.example", world=world))
    assert (told.result, told.counts) == ("unknown", False)
    assert any(answer.name == "_spf.elsewhere.test" and answer.unsure for answer in told.evidence)


# ------------------------------------------------------------------ ignored, baseline, exit codes

TODAY = date(2026, 11, 22)


def config(text):
    return read(text, ".healthcheck.toml", TODAY)


def entry(code, expires="2099-01-01", more=""):
    return f'[[ignore]]\ncode = "{code}"\nreason = "known"\nexpires = {expires}\n{more}\n'


@pytest.fixture(scope="module")
def broken(demo):
    return scan("broken-spf.example", world=demo)


def test_what_is_ignored_counts_for_nothing_and_stays_visible(broken):
    codes = [f.code for f in broken.findings if f.status is Status.FAIL]
    assert codes == ["SPF004"]
    told = ignoring(broken, config(entry("SPF004")).ignores, TODAY)
    assert "SPF004" not in [f.code for f in told.findings]
    assert [i.finding.code for i in told.ignored] == ["SPF004"]
    assert told.verdict is not Status.FAIL
    assert told.topics["spf"].verdict is not Status.FAIL
    assert told.topics["spf"].verdict is not Status.PASS or any(f.code.startswith("SPF") for f in told.findings)
    assert (exit_code(broken, "fail", None), exit_code(told, "fail", None)) == (1, 0)
    value = as_json.report(told)
    assert [(i["code"], i["reason"], i["expires"], i["entry"]["line"]) for i in value["ignored"]] == [("SPF004", "known", "2099-01-01", 1)]
    assert "SPF004" in as_text.report(told)
    assert "ignored until 2099-01-01: known" in " ".join(as_text.report(told).split())


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ('domain = "broken-spf.example"', False),
        ('domain = "other.example"', True),
        ('subject = "Broken-SPF.example"', False),
        ('subject = "other.example"', True),
    ],
)
def test_an_entry_may_speak_of_one_domain_or_subject(broken, more, kept):
    told = ignoring(broken, config(entry("SPF004", more=more)).ignores, TODAY)
    assert ("SPF004" in [f.code for f in told.findings]) is kept


@pytest.mark.parametrize(("expires", "kept"), [("2026-11-21", True), ("2026-11-22", False), ("2026-11-23", False)])
def test_an_entry_that_is_over_brings_its_finding_back_with_a_warning(broken, expires, kept):
    told = ignoring(broken, config(entry("SPF004", expires)).ignores, TODAY)
    assert ("SPF004" in [f.code for f in told.findings]) is kept
    assert [(w.location.line, "expired on 2026-11-21" in w.text) for w in told.warnings] == ([(1, True)] if kept else [])
    if kept:
        assert "expired on 2026-11-21" in " ".join(as_text.report(told).split())
        assert as_json.report(told)["warnings"][0]["location"] == {"file": ".healthcheck.toml", "line": 1}


def test_what_could_not_be_checked_is_not_ignored(demo):
    report = scan("healthy.example", world=Faults(demo, down=True))
    told = ignoring(report, config("".join(entry(code) for code in catalog().checks if not code.endswith(("000", "999")))).ignores, TODAY)
    assert [f for f in told.findings if f.status is Status.UNKNOWN] == [f for f in report.findings if f.status is Status.UNKNOWN]


def find(code, status, subject="example.com"):
    return Finding(code, Status(status), subject)


def test_a_baseline_holds_what_was_as_bad_before(broken):
    def with_findings(*findings):
        return dataclasses.replace(broken, findings=findings)

    held = baseline.Baseline(baseline.entries(with_findings(find("SPF004", "warn"), find("SPF002", "fail"), find("SPF005", "note"))))
    now = (find("SPF004", "fail"), find("SPF002", "fail"), find("SPF002", "fail"), find("SPF005", "note", "other.example"), find("SPF001", "pass"))
    new = held.new(with_findings(*now))
    assert [(f.code, f.status.value, f.subject) for f in new] == [
        ("SPF004", "fail", "example.com"),
        ("SPF002", "fail", "example.com"),
        ("SPF005", "note", "other.example"),
    ]
    assert held.new(with_findings(find("SPF002", "warn"), find("SPF000", "unknown"))) == ()


def forms(report):
    value = as_json.report(report)
    return {
        "report": json.dumps(value, indent=2),
        "array": json.dumps([value, {"schema": "error/1", "input": {"source": "x"}, "error": {}}]),
        "lines": json.dumps(value) + "\n\n" + json.dumps({"schema": "error/1"}) + "\n",
        "own": baseline.written(baseline.entries(report)),
    }


@pytest.mark.parametrize("form", ["report", "array", "lines", "own"])
def test_each_form_of_a_baseline_is_taken(broken, tmp_path, form):
    path = tmp_path / "baseline.json"
    path.write_text(forms(broken)[form], encoding="utf-8")
    held = baseline.read(str(path))
    assert held.new(broken) == ()
    assert len(held.new(dataclasses.replace(broken, domain=Domain("other.example", "other.example")))) == len(baseline.entries(broken)) > 0
    known = Policy({"fail_on": "note", "unknown": None}, baseline=held).applied(broken)
    assert exit_code(known, "note", None) == 0
    assert all(f["new"] is False for f in as_json.report(known)["findings"])
    assert "Known: the baseline holds it." in as_text.report(known)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", None),
        ("{", ":1: this is no JSON"),
        ('{"schema": "report/1"}', "lacks"),
        ('{"schema":"error/1"}\nnonsense', ":2: this is no JSON"),
        ('{"schema": "diagnosis/1"}', "no report of a scan"),
        ("[1]", "no report of a scan"),
        ("[" * 100000, ":1: this is no JSON"),
    ],
)
def test_what_is_no_baseline_is_told(tmp_path, text, told):
    path = tmp_path / "b.json"
    path.write_text(text)
    if told is None:
        assert baseline.read(str(path)).new is not None
        return
    with pytest.raises(InputError) as fault:
        baseline.read(str(path))
    assert told in fault.value.detail
    assert "b.json" in fault.value.detail


@pytest.mark.parametrize(
    ("result", "counts", "fail_on", "unknown", "code"),
    [
        ("holds", True, "fail", None, 0),
        ("fails", True, "fail", None, 1),
        ("fails", True, "never", None, 0),
        ("unknown", True, "fail", None, 3),
        ("unknown", True, "fail", "fail", 1),
        ("unknown", True, "fail", "warn", 0),
        ("unknown", True, "warn", "warn", 1),
        ("unknown", True, "fail", "pass", 0),
        ("unknown", False, "fail", None, 0),
    ],
)
def test_what_an_assertion_makes_of_the_exit_code(healthy, result, counts, fail_on, unknown, code):
    from healthcheck.model import Assertion

    report = dataclasses.replace(healthy, findings=(), assertions=(Assertion("spf.lookups <= 10", result, counts=counts),))
    assert exit_code(report, fail_on, unknown) == code


def test_assertions_stand_in_text_and_json(healthy):
    held = config("[defaults]\nassert = ['spf.lookups <= 10',\n'dmarc.p == \"none\"', 'dnssec.linked == true']\n")
    told = Policy({"fail_on": "fail", "unknown": None}, config=held).applied(healthy)
    rows = as_json.report(told)["assertions"]
    assert [(r["text"], r["result"], r["actual"], r["location"]["line"]) for r in rows] == [
        ("spf.lookups <= 10", "holds", 1, 2),
        ('dmarc.p == "none"', "fails", "reject", 3),
        ("dnssec.linked == true", "unknown", None, 3),
    ]
    assert rows[1]["evidence"][0]["name"] == "_dmarc.healthy.example"
    text = as_text.report(told)
    assert re.search(r'fails: dmarc.p == "none" \[\.healthcheck\.toml:3\]\n +Found: "reject"', text)
    assert isinstance(parse("spf.lookups <= 10"), Line)
