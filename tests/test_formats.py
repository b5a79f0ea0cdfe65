"""The formats for CI: each read back by what reads it, also where strangers wrote what stands in it."""

import json
import re
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from healthcheck.catalog import DATA, catalog
from healthcheck.edge.world import World
from healthcheck.errors import DomainError, OurFault
from healthcheck.explain import explain
from healthcheck.faces import cli
from healthcheck.faces.outputs import SUMMARY, Summary
from healthcheck.model import Answer, Assertion, Choice, Ignored, Location, Outcome, Record, Status, Warned
from healthcheck.render import badge, escape, github, markdown, outputs, pieces, sarif, text
from healthcheck.render.pieces import Context
from healthcheck.scan import scan

ROOT = Path(__file__).resolve().parent.parent
DEMO = [path for path in sorted((DATA / "demo").glob("*.zone")) if not path.name.startswith("list-")]
ZONES = [part for path in DEMO for part in ("--zone", str(path))]
SCHEMAS = [json.loads((ROOT / "tests" / "schemas" / name).read_text()) for name in ("sarif-schema-2.1.0.json", "sarif-written.json")]
NOW = datetime(2026, 11, 22, tzinfo=UTC)
DOMAINS = ("broken-spf.example", "shop.example", "nodmarc.example", "parked.example", "healthy.example", "nowhere.healthy.example")
CI = [form for form in outputs.FORMATS if form not in ("text", "json", "jsonl")]


@pytest.fixture(scope="module")
def world():
    return World.zones(DEMO, only=True)


@pytest.fixture(scope="module")
def reports(world):
    return {name: pieces.placed(scan(name, world=world, ips=["203.0.113.77"]), world.locate) for name in DOMAINS}


def of(status, reports):
    return next((report, finding) for report in reports.values() for finding in report.findings if finding.status is status)


def rendered(form, those, context=None, *, faults=(), code=0):
    """A whole document, as the command line puts it together."""
    context = context or Context(root=str(ROOT))
    document = outputs.Document(form, alone=len(those) + len(faults) == 1)
    parts = [outputs.part(form, report, context) for report in those] + [outputs.failed(form, source, fault, context) for source, fault in faults]
    return document.head() + "".join(map(document.add, parts)) + document.end(code, NOW)


def run(*args, **more):
    return CliRunner().invoke(cli.main, list(args), **more)


# ------------------------------------------------------------------ SARIF


def log_of(document):
    """The log, judged by both schemas, and by what the text of SARIF asks beyond them."""
    log = json.loads(document)
    for schema in SCHEMAS:
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(log)
    (run_,) = log["runs"]
    rules = run_["tool"]["driver"]["rules"]
    for result in run_["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        # section 3.27.10: a level other than none only where the kind is fail
        assert (result["kind"] == "fail") == (result["level"] != "none")
    prints = [result["partialFingerprints"]["healthcheck/v1"] for result in run_["results"]]
    assert len(set(prints)) == len(prints)
    return run_


def test_sarif_is_valid_for_every_domain(reports):
    run_ = log_of(rendered("sarif", list(reports.values()), faults=[("192.0.2.1", DomainError("an address"))], code=2))
    levels = {(result["properties"]["status"], result["kind"], result["level"]) for result in run_["results"]}
    assert levels == {("fail", "fail", "error"), ("warn", "fail", "warning"), ("note", "fail", "note"), ("unknown", "open", "none")}
    assert not run_["invocations"][0]["executionSuccessful"]
    assert "192.0.2.1" in run_["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    passed = log_of(rendered("sarif", list(reports.values()), Context(root=str(ROOT), passed=True)))
    assert {r["kind"] for r in passed["results"]} == {"fail", "open", "pass"}
    assert passed["invocations"][0]["executionSuccessful"]
    assert all(result["properties"]["evidence"] for result in passed["results"] if result["ruleId"] == "SPF004")


def test_every_code_makes_a_valid_rule():
    row = next(iter(catalog().checks.values()))
    results = [{"ruleId": code, "message": {"text": row.title}} for code in (*catalog().checks, sarif.ASSERTION)]
    log = json.loads(sarif.document([{"results": results, "warned": [], "failed": []}], 0, NOW))
    for schema in SCHEMAS:
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(log)
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len({rule["name"] for rule in rules}) == len(catalog().checks) + 1
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)


def test_a_schema_that_is_broken_is_noticed(reports):
    """The two schemas have teeth: what is not SARIF is told."""
    log = json.loads(rendered("sarif", [reports["shop.example"]]))
    for break_ in (lambda r: r.update(level="bad"), lambda r: r.pop("message"), lambda r: r.update(x=1), lambda r: r["locations"][0].update(uri="x")):
        broken = json.loads(json.dumps(log))
        break_(broken["runs"][0]["results"][0])
        for schema in SCHEMAS:
            assert not jsonschema_rs.validator_for(schema).is_valid(broken)


def test_results_stand_at_the_line_of_their_record(reports):
    run_ = log_of(rendered("sarif", [reports["broken-spf.example"]]))
    found = next(result for result in run_["results"] if result["ruleId"] == "SPF004")["locations"][0]
    where = found["physicalLocation"]
    assert where["artifactLocation"] == {"uri": "healthcheck/data/demo/broken-spf.example.zone", "uriBaseId": "%SRCROOT%"}
    line = (ROOT / where["artifactLocation"]["uri"]).read_text().splitlines()[where["region"]["startLine"] - 1]
    assert "v=spf1" in line
    assert found["logicalLocations"][0]["fullyQualifiedName"] == "broken-spf.example"


def test_a_result_without_a_record_stands_where_the_domain_was_named(world):
    report = scan("shop.example", world=World.zones([DEMO[0]], only=True))
    named = Context(root="/repo", place=Location("/repo/mail domains.txt", 7))
    where = log_of(rendered("sarif", [report], named))["results"][0]["locations"][0]["physicalLocation"]
    assert where == {"artifactLocation": {"uri": "mail%20domains.txt", "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 7}}
    outside = replace(named, place=Location("/else/where.txt", 7))
    where = log_of(rendered("sarif", [report], outside))["results"][0]["locations"][0]["physicalLocation"]
    assert where["artifactLocation"] == {"uri": "file:///else/where.txt"}
    nowhere = log_of(rendered("sarif", [report]))["results"][0]["locations"]
    assert nowhere == [{"logicalLocations": [{"name": "shop.example", "fullyQualifiedName": "shop.example", "kind": "resource"}]}]


def test_fingerprints_are_the_same_in_the_next_run(world):
    def prints():
        report = pieces.placed(scan("nodmarc.example", world=world), world.locate)
        return [(r["ruleId"], r["partialFingerprints"]) for r in log_of(rendered("sarif", [report]))["results"]]

    assert prints() == prints()


def test_policy_in_sarif(reports):
    report, finding = of(Status.FAIL, reports)
    at = Location(str(ROOT / ".healthcheck.toml"), 3)
    lines = [
        Assertion("spf.lookups <= 10", "fails", 11, "", at),
        Assertion('dmarc.p == "reject"', "unknown", None, "no answer", at),
        Assertion("a == 1", "holds", 1),
    ]
    other = next(f for f in report.findings if f is not finding and f.status is not Status.PASS)
    report = replace(
        report, assertions=tuple(lines), ignored=(Ignored(finding, "known, T-1", date(2027, 1, 1), at),), warnings=(Warned("line 9 has expired", at),),
        findings=tuple(f for f in report.findings if f is not finding), new=(other,),
    )  # fmt: skip
    run_ = log_of(rendered("sarif", [report]))
    asserted = [r for r in run_["results"] if r["ruleId"] == sarif.ASSERTION]
    assert [(r["kind"], r["level"]) for r in asserted] == [("fail", "error"), ("open", "none")]
    assert all(r["locations"][0]["physicalLocation"]["region"]["startLine"] == 3 for r in asserted)
    (suppressed,) = [r for r in run_["results"] if "suppressions" in r]
    assert suppressed["ruleId"] == finding.code
    assert "known, T-1" in suppressed["suppressions"][0]["justification"]
    assert [r["ruleId"] for r in run_["results"] if r.get("baselineState") == "new"] == [other.code]
    assert run_["invocations"][0]["toolConfigurationNotifications"][0]["message"]["text"] == "line 9 has expired"


def test_a_message_holds_no_link_and_no_placeholder(reports):
    """Sections 3.11.5 and 3.11.6: a viewer makes [text](target) a link, and {0} an argument."""
    report = tainted(reports["nodmarc.example"], "[x](https://evil.example) {0} %{i}")
    told = [result["message"]["text"] for result in log_of(rendered("sarif", [report]))["results"]]
    assert not any("](" in message for message in told)
    assert any("[x] (https://evil.example) {{0}} %{i}" in message for message in told)


def test_paths_are_those_of_the_checkout(tmp_path, monkeypatch):
    (tmp_path / "dns").mkdir()
    (tmp_path / "dns" / "mail domains.txt").write_text("# ours\nmissing.example\n")
    monkeypatch.chdir(tmp_path / "dns")
    for root, uri in (
        (tmp_path, "dns/mail%20domains.txt"),
        (tmp_path / "dns", "mail%20domains.txt"),
        (tmp_path / "elsewhere", "mail%20domains.txt"),
        ("", "mail%20domains.txt"),
    ):
        result = run("scan", "--file", "mail domains.txt", "--zone", str(DEMO[0]), "--only-zone", "--format", "sarif", env={"GITHUB_WORKSPACE": str(root)})
        places = [r["locations"][0]["physicalLocation"] for r in log_of(result.stdout)["results"]]
        assert {(p["artifactLocation"]["uri"], p["region"]["startLine"]) for p in places} == {(uri, 2)}


def test_a_domain_of_the_configuration_stands_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".healthcheck.toml").write_text('[[domain]]\nname = "missing.example"\nassert = ["spf.lookups <= 10"]\n')
    result = run("scan", "--zone", str(DEMO[0]), "--only-zone", "missing.example", "--format", "sarif", env={"GITHUB_WORKSPACE": "", "CI_PROJECT_DIR": ""})
    places = [(r["ruleId"], r["locations"][0]["physicalLocation"]) for r in log_of(result.stdout)["results"]]
    assert {p["artifactLocation"]["uri"] for _, p in places} == {".healthcheck.toml"}
    assert {p["region"]["startLine"] for code, p in places if code == sarif.ASSERTION} == {3}
    assert {p["region"]["startLine"] for code, p in places if code != sarif.ASSERTION} == {1}


# ------------------------------------------------------------------ JUnit

# The form that Jenkins' xUnit plugin, GitLab and others agree on: element -> (attributes it needs, attributes it may have, children)
FORM = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors", "disabled"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"skipped", "time", "timestamp", "hostname", "id", "package", "file", "group", "log", "url", "version"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"classname", "time", "group"}, {"skipped", "error", "failure", "system-out", "system-err"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
    "system-err": (set(), set(), set()),
}


def suites_of(document):
    root = ElementTree.fromstring(document)
    assert root.tag == "testsuites"
    for element in root.iter():
        needs, may, children = FORM[element.tag]
        assert needs <= set(element.attrib) <= needs | may, element.tag
        assert {child.tag for child in element} <= children, element.tag
    for suite in root:
        cases = suite.findall("testcase")
        counts = {tag: sum(case.find(tag) is not None for case in cases) for tag in ("failure", "error", "skipped")}
        assert [int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")] == [len(cases), *counts.values()]
        assert all(float(case.get("time", "0")) >= 0 for case in cases)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", "2026-01-01T00:00:00"))
        assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
        assert all(sum(case.find(tag) is not None for tag in counts) <= 1 for case in cases)
    return root


def outcomes(suite):
    return {case.get("name"): next((child.tag for child in case if child.tag != "system-out"), "") for case in suite.findall("testcase")}


def test_junit_has_a_suite_a_domain_and_a_case_a_finding(reports):
    root = suites_of(rendered("junit", list(reports.values()), faults=[("192.0.2.1", DomainError("an address"))]))
    assert [suite.get("name") for suite in root] == [*DOMAINS, "192.0.2.1"]
    for report, suite in zip(reports.values(), root, strict=False):
        assert len(suite.findall("testcase")) == len(report.findings)
    assert list(outcomes(root[-1]).values()) == ["error"]


def test_unknown_is_an_error_and_never_a_failure(reports):
    by_status = {"fail": "failure", "warn": "", "note": "", "pass": "", "unknown": "error"}
    for context, changed in (
        (Context(), {}),
        (Context(fail_on="warn"), {"warn": "failure"}),
        (Context(fail_on="note"), {"warn": "failure", "note": "failure"}),
        (Context(unknown="pass"), {"unknown": "skipped"}),
        (Context(unknown="warn"), {"unknown": "skipped"}),
        (Context(unknown="warn", fail_on="warn"), {"warn": "failure"}),
        (Context(unknown="fail"), {}),
    ):
        for report in reports.values():
            (suite,) = suites_of(rendered("junit", [report], context))
            assert list(outcomes(suite).values()) == [(by_status | changed)[f.status.value] for f in report.findings]


def test_policy_in_junit(reports):
    report, finding = of(Status.FAIL, reports)
    lines = (Assertion("a == 1", "holds", 1), Assertion("b == 1", "fails", 2), Assertion("c == 1", "unknown", None, "no answer"))
    rest = tuple(f for f in report.findings if f is not finding)
    with_policy = replace(report, findings=rest, ignored=(Ignored(finding, "known", date(2027, 1, 1)),), assertions=lines, warnings=(Warned("expired"),))
    (suite,) = suites_of(rendered("junit", [with_policy]))
    told = outcomes(suite)
    assert [told[line.text] for line in lines] == ["", "failure", "error"]
    assert "skipped" in told.values()
    assert suite.findtext("system-err") == "expired"
    (suite,) = suites_of(rendered("junit", [replace(report, new=())]))
    assert set(outcomes(suite).values()) == {""}  # the baseline holds them all


# ------------------------------------------------------------------ GitHub


def commands(document):
    """What the runner of GitHub Actions makes of a log: (command, properties, message) of each line that begins with “::”.

    Follows ActionCommand.TryParseV2 of the runner: leading blanks are passed over, the second “::” ends the properties.
    """
    out = []
    for line in re.split(r"\r\n|\r|\n", document):
        if not line.lstrip().startswith("::") or (end := line.lstrip().find("::", 2)) < 0:
            continue
        body = line.lstrip()
        name, _, shown = body[2:end].partition(" ")
        properties = dict(one.split("=", 1) for one in shown.split(",") if one)

        def unescaped(value, more=()):
            for code, letter in (("%0D", "\r"), ("%0A", "\n"), *more, ("%25", "%")):
                value = value.replace(code, letter)
            return value

        named = {key: unescaped(value, (("%3A", ":"), ("%2C", ","))) for key, value in properties.items()}
        out.append((name, named, unescaped(body[end + 2 :])))
    return out


def test_annotations_name_file_line_and_title(reports):
    told = commands(rendered("github", [reports["broken-spf.example"]]))
    kind, properties, message = told[0]
    assert kind == "error"
    assert properties["file"] == "healthcheck/data/demo/broken-spf.example.zone"
    assert "v=spf1" in (ROOT / properties["file"]).read_text().splitlines()[int(properties["line"]) - 1]
    assert properties["title"] == "SPF004 broken-spf.example: SPF needs more than ten DNS look-ups"
    assert "Seen: broken-spf.example TXT: v=spf1 mx a" in message


@pytest.mark.parametrize(("notes", "warns", "fails"), [(10, 0, 0), (11, 0, 0), (9, 10, 10), (10, 11, 25), (40, 40, 40), (0, 0, 11), (0, 0, 0)])
def test_ten_of_each_kind_a_step_and_the_others_are_counted(reports, notes, warns, fails):
    report, finding = of(Status.FAIL, reports)
    statuses = [Status.NOTE] * notes + [Status.WARN] * warns + [Status.FAIL] * fails
    report = replace(report, findings=tuple(replace(finding, status=status, subject=str(n)) for n, status in enumerate(statuses)))
    told = commands(rendered("github", [report, report]))
    by_kind = {kind: [one for one in told if one[0] == kind] for kind in github.KINDS}
    assert all(len(those) <= github.MOST for those in by_kind.values())
    hidden = [message for _, properties, message in told if properties["title"] == "Annotations left out"]
    shown = len(told) - len(hidden)
    assert shown + (int(hidden[0].split()[0]) if hidden else 0) == 2 * len(statuses)
    assert bool(hidden) == any(2 * n > github.MOST for n in (notes, warns, fails))


def test_an_annotation_shows_some_answers_and_counts_the_others(reports):
    report, finding = of(Status.FAIL, reports)
    answers = tuple(Answer(f"n{n}.example.com", "TXT", Outcome.NODATA) for n in range(20))
    ((_, _, message),) = commands(rendered("github", [replace(report, findings=(replace(finding, evidence=answers),))]))
    assert message.count("Seen: n") == github.SEEN
    assert "Seen: 12 more answers" in message


def test_what_the_baseline_holds_is_not_annotated(reports):
    assert commands(rendered("github", [replace(reports["broken-spf.example"], new=())])) == []


def test_the_step_summary_is_added_to(tmp_path):
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    for form in ("github", "text"):
        run("scan", "shop.example", *ZONES, "--only-zone", "--format", form, env={"GITHUB_STEP_SUMMARY": str(path)})
    written = path.read_text()
    assert written.startswith("before\n# ")
    assert written.count("## ") - written.count("### ") == 1  # once: the second run did not choose this format


def test_a_summary_holds_what_github_takes(tmp_path, reports):
    path = tmp_path / "summary.md"
    summary = Summary(str(path))
    part = outputs.part("github", reports["shop.example"], Context())
    for _ in range(200):
        summary.add(part)
    summary.end()
    assert path.stat().st_size <= SUMMARY
    assert re.search(r"^\d+ more domains are left out", path.read_text().splitlines()[-1])


def test_a_text_in_the_log_commands_nothing():
    result = run("scan", "shop.example", *ZONES, "--only-zone", env={"GITHUB_ACTIONS": "true"})
    lines = result.stdout.splitlines()
    (token,) = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[0]).groups()
    assert lines[-1] == f"::{token}::"
    assert "stop-commands" not in run("scan", "shop.example", *ZONES, "--only-zone", "--format", "json", env={"GITHUB_ACTIONS": "true"}).stdout


# ------------------------------------------------------------------ badges


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_badges(reports):
    seen = set()
    for report in reports.values():
        drawn = badge.of(report)
        root = ElementTree.fromstring(badge.svg(drawn))
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.get("role") == "img"
        assert root.find("{http://www.w3.org/2000/svg}title").text == root.get("aria-label") == f"Mail of {report.domain.name}: {drawn.message}"
        assert "href" not in badge.svg(drawn)
        assert "url(" not in badge.svg(drawn)
        told = badge.shields(drawn)
        assert told["schemaVersion"] == 1
        assert {key: type(value) for key, value in told.items()} | {"isError": bool} == {
            "schemaVersion": int, "label": str, "message": str, "color": str, "isError": bool,
        }  # fmt: skip
        assert told["message"]
        assert re.fullmatch("#[0-9a-f]{6}", told["color"])
        seen.add((report.verdict.value, told["message"], told.get("isError", False)))
    assert ("fail", "problems", True) in seen
    assert all(1.05 / (luminance(colour) + 0.05) >= 4.5 for colour in (*badge.COLOURS.values(), badge.GROUND))
    assert badge.badge("example.com").message == "could not check"
    assert not badge.badge("example.com").fails


def test_a_badge_of_a_name_that_is_markup_is_a_picture_still():
    root = ElementTree.fromstring(badge.svg(badge.badge('x"><script>alert(1)</script>', "fail")))
    assert [element.tag.partition("}")[2] for element in root.iter()] == ["svg", "title", "path", "path", "g", "text", "text"]


# ------------------------------------------------------------------ what strangers wrote

HOSTILE = [
    "::set-output name=x::y", "\n::error::pwned", "\r\n::add-mask::a\r", "%0A::error::pwned", "##[error]x", "a,title=b::c", "]]>", "<script>alert(1)</script>",
    "--><img src=x onerror=alert(1)>", "&lt;b&gt; &amp; &#60;", "</failure></testcase></testsuite>", "\x1b[31mred\x1b]0;title\x07", "\u202egnp.exe\u2066",
    "\x00\x01\x08\x0b\x0c\x0e\x1f\x7f\x85\x9f", "\ud800 \udfff half", "\ufffe\uffff", "\ufeff\u200b\u2028\u2029", "x" * 65536, "`" * 70, "```\n# heading\n```", "``",
    "` `", "| a | b |\n|---|---|", "</details><details open>", "[click](https://evil.example)", "![x](https://evil.example/x.png)", "https://evil.example www.evil.example",
    "@octocat #1 GH-1 octocat/repo#1", "<https://evil.example>", "*a* _b_ ~~c~~ **d** $e$", "\\", "\\`", "{0} {1} {{0}}", "[a](0)", "=1+1", "-2+3|cmd", "@SUM(A1)", "+x",
    '"}],"level":"error"', "'\"", " ", "", "\t\t", "\n\n\n", "- [ ] x", "> x", "# x", "{message} {subject} {count}", "v=spf1 a:%{i}._spf.%{d2} -all", "é日本\U0001f600",
    b"\xff\xfe\x80 caf\xe9".decode("utf-8", "replace"), b"\xc3\x28\xa0\xa1".decode("latin-1"), b"\xff\x80".decode("utf-8", "surrogateescape"),
]  # fmt: skip


def tainted(report, payload):
    """A report with a stranger's text in every place that can hold one."""
    answers = (
        Answer(payload, "TXT", Outcome.FOUND, (payload, payload)),
        Answer("example.com", "TXT", Outcome.TIMEOUT, detail=payload),
    )
    record = Record(payload, "TXT", (payload,), (payload,))

    def taint(finding):
        values = dict.fromkeys(finding.values, payload)
        choices = tuple(Choice(choice.key, dict.fromkeys(choice.values, payload), record) for choice in finding.choices)
        return replace(finding, subject=payload, values=values, evidence=answers, record=record if finding.record else None, choices=choices)

    findings = tuple(map(taint, report.findings))
    policy = (Assertion(payload, "fails", payload, "", None, answers), Assertion(payload, "unknown", None, payload or "x"))
    ignored = (Ignored(findings[0], payload, date(2027, 1, 1)),)
    return replace(report, findings=findings, assertions=policy, ignored=ignored, warnings=(Warned(payload),))


MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def tokens(document):
    for token in MARKDOWN.parse(document):
        yield token
        yield from token.children or ()


def skeleton(form, document):
    """Everything of a document but what its fields hold."""
    if form == "sarif":
        (run_,) = json.loads(document)["runs"]
        log_of(document)
        return [(r["ruleId"], r["level"], sorted(r), sorted(r["properties"]), len(r["properties"]["evidence"])) for r in run_["results"]]
    if form == "junit":
        return [(e.tag, sorted(e.attrib), len(e)) for e in suites_of(document).iter()]
    if form == "github":
        return [(name, sorted(properties)) for name, properties, _ in commands(document)] + [len(re.split("[\r\n]", document))]
    shown = [(t.type, t.tag, t.markup if t.type not in ("code_inline", "fence") else "") for t in tokens(document)]
    return [one for one in shown if one[0] not in ("text", "softbreak")]


def check(form, report, payload):
    document = rendered(form, [tainted(report, payload)], faults=[(payload, OurFault(payload))])
    assert skeleton(form, document) == skeleton(form, rendered(form, [tainted(report, "x")], faults=[("x", OurFault("x"))]))
    assert not UNSEEN.search(document), "nothing that cannot be seen"
    document.encode("utf-8")


@pytest.mark.parametrize("form", CI)
@pytest.mark.parametrize("payload", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_record_changes_nothing_outside_its_field(reports, form, payload):
    check(form, reports["nodmarc.example"], payload)


UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
LETTERS = st.text(st.one_of(st.characters(), st.sampled_from(list("`|<>[]()!*_~#@:\\%,\n\r\x1b\u202e\"'&{}-=+$ "))), max_size=60)


@pytest.mark.parametrize("form", CI)
@given(payload=LETTERS.filter(lambda one: not one.isdecimal()))
@settings(max_examples=60, deadline=None)
def test_whatever_a_record_holds_changes_nothing_outside_its_field(reports, form, payload):
    check(form, reports["broken-spf.example"], payload)


@example(heading="100%0A%3A%25", message="%0D%0A%250A::%2C", file="a%3Ab")
@given(heading=LETTERS, message=LETTERS, file=st.text(st.sampled_from("ab:,%= é"), min_size=1, max_size=12))
def test_a_workflow_command_gives_back_what_was_put_in(heading, message, file):
    told = github.command("error", escape.visible(message), heading=heading, place=Location(file, 3), root=".").command
    assert "\n" not in told
    ((kind, properties, said),) = commands(told)
    assert (kind, properties["line"], said) == ("error", "3", escape.visible(message))
    assert (properties["title"], properties["file"]) == (escape.line(heading, 200), pieces.path(file, ".")[0])


@given(lines=st.lists(LETTERS, min_size=1, max_size=4))
def test_nothing_closes_a_fence(lines):
    (token,) = [t for t in MARKDOWN.parse("\n".join(escape.fence([*lines, "```", "~~~", "    x"])) + "\n\nafter\n") if t.type == "fence"]
    assert token.content.split("\n")[:-1] == [escape.visible(one.replace("\n", " ").replace("\t", " ")) for one in [*lines, "```", "~~~", "    x"]]


@given(payload=LETTERS)
def test_a_code_span_holds_what_was_put_in(payload):
    (span,) = [token for token in tokens(f"a {escape.code(payload)} *b*") if token.type == "code_inline"]
    assert span.content.strip(" ") == escape.line(payload, 400).strip(" ")


@given(payload=LETTERS)
def test_xml_gives_back_what_was_put_in(payload):
    element = ElementTree.fromstring(f'<a b="{escape.xml(payload)}">{escape.xml(payload)}</a>')
    assert element.get("b") == (element.text or "") == escape.visible(payload)


@pytest.mark.parametrize("payload", HOSTILE, ids=range(len(HOSTILE)))
def test_markdown_shows_strangers_in_code_alone(reports, payload):
    """No mention, reference or link of GitHub's comes about in a code span or a fenced block."""
    document = rendered("markdown", [tainted(reports["nodmarc.example"], f"zqx{payload}")])
    for token in tokens(document):
        if "zqx" in token.content:
            assert token.type in ("code_inline", "fence", "inline")
        if token.type == "link_open":
            assert re.match(r"https://(www\.rfc-editor\.org|support\.google|[a-z.]+)/", token.attrGet("href"))
            assert "evil" not in token.attrGet("href")
    assert "zqx" in document


@pytest.mark.parametrize("payload", HOSTILE, ids=range(len(HOSTILE)))
def test_json_gives_back_what_was_there_and_a_terminal_is_told_nothing(reports, payload):
    report = tainted(reports["nodmarc.example"], payload)
    lines = rendered("jsonl", [report])
    assert lines.count("\n") == 1
    assert json.loads(lines)["findings"][0]["evidence"][0]["values"] == [payload, payload]
    shown = text.report(replace(report, assertions=(), ignored=(), warnings=()))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)


def test_a_long_value_is_cut_and_what_is_left_out_is_counted(reports):
    report, finding = of(Status.FAIL, reports)
    long = replace(report, findings=(replace(finding, evidence=(Answer("example.com", "TXT", Outcome.FOUND, ("y" * 65536,)),)),))
    for form in ("sarif", "junit", "github"):
        document = rendered(form, [long])
        assert re.search(r"y… |y … \(\d+ more characters\)|y \\u2026 \(\d+ more characters\)", document), form
        assert len(document) < 20000, form
    assert "y" * 65536 in rendered("json", [long])


HOSTILE_ZONE = r"""$ORIGIN hostile.example.
$TTL 300
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
ns1 A 192.0.2.1
@ MX 10 mx
mx A 192.0.2.2
@ TXT "v=spf1 \010::error::pwned include:\027[31m]]>.example <script>alert(1)</script> \255\254 \226\128\174 `a` @octocat -all"
_dmarc TXT "v=DMARC1; p=\013\010::set-output name=a::b</failure>; rua=mailto:[x](https://evil.example)"
s1._domainkey TXT "v=DKIM1; k=rsa; p=\000\001|---|\010# x"
"""


def test_a_hostile_zone_through_the_command_line(tmp_path):
    zone = tmp_path / "hostile.example.zone"
    zone.write_text(HOSTILE_ZONE)
    files = {form: tmp_path / f"report.{form}" for form in outputs.FORMATS if form != "text"}
    more = [part for form, path in files.items() for part in ("--output", f"{form}={path}")]
    result = run("scan", "hostile.example", "--zone", str(zone), "--only-zone", "--selector", "s1", *more)
    assert result.exit_code == 1, result.output
    results = log_of(files["sarif"].read_text())["results"]
    assert {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].rpartition("/")[2] for r in results} == {zone.name}
    suites_of(files["junit"].read_text())
    assert all(properties["title"].partition(" ")[0] in catalog().checks or name == "notice" for name, properties, _ in commands(files["github"].read_text()))
    assert not any(t.type == "link_open" and "evil" in t.attrGet("href") for t in tokens(files["markdown"].read_text()))
    assert json.loads(files["json"].read_text())["domain"] == json.loads(files["jsonl"].read_text())["domain"] == "hostile.example"
    for path in files.values():
        assert b"\x1b" not in path.read_bytes()


# ------------------------------------------------------------------ diagnoses


def test_a_diagnosis_as_markdown():
    hostile = "550 5.7.26 <script>alert(1)</script> @octocat [x](https://evil.example) ``` # x does not pass authentication checks SPF DKIM"
    for given_text in (hostile, "550 5.1.1 <nobody@gmial.com>: Recipient address rejected: User unknown", "hello there", ""):
        document = markdown.diagnosis(explain(given_text or "452 4.2.2 full", offline=True, source="a`b.eml"))
        links = [token.attrGet("href") for token in tokens(document) if token.type == "link_open"]
        assert not any("evil" in link for link in links)
        assert "<script>" not in "".join(t.content for t in tokens(document) if t.type in ("text", "html_inline"))
        assert not any(t.type == "html_inline" for t in tokens(document))


def test_explain_writes_several_formats(tmp_path):
    reply = tmp_path / "reply.txt"
    reply.write_text("550 5.1.1 User unknown\n")
    files = {form: tmp_path / f"out.{form}" for form in ("json", "jsonl", "markdown")}
    result = run("explain", "--offline", str(reply), str(reply), *[p for f, path in files.items() for p in ("--output", f"{f}={path}")])
    assert result.exit_code == 0, result.output
    assert [d["schema"] for d in json.loads(files["json"].read_text())] == ["diagnosis/1"] * 2
    assert len(files["jsonl"].read_text().splitlines()) == 2
    assert files["markdown"].read_text().count("user-unknown") >= 2
    assert catalog().causes["user-unknown"].title in result.stdout
    assert run("explain", "--offline", str(reply), "--format", "sarif").exit_code == 2


# ------------------------------------------------------------------ where it goes

SCAN = ("scan", "shop.example", *ZONES, "--only-zone")


def test_several_outputs_at_once_hold_what_each_holds_alone(tmp_path):
    def stable(document):
        return re.sub(r'\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d|time="[\d.]+"|elapsed_ms": ?[\d.]+|[\d.]+ s\b', "#", document)

    files = {form: tmp_path / form for form in outputs.FORMATS}
    result = run(*SCAN, *[p for form, path in files.items() for p in ("--output", f"{form}={path}")])
    assert result.exit_code == 0
    assert "shop.example" in result.stdout  # the report is printed too
    for form, path in files.items():
        alone = run(*SCAN, "--format", form)
        assert stable(alone.stdout) == stable(path.read_text()), form
        assert stable(run(*SCAN, "--output", f"{form}=-").stdout) == stable(alone.stdout), form


@pytest.mark.parametrize("form", outputs.FORMATS)
def test_a_report_is_printed_also_when_all_is_well(form):
    result = run("scan", "healthy.example", "--selector", "s1", *ZONES, "--only-zone", "--format", form)
    assert result.exit_code == 0
    assert "healthy.example" in result.stdout


def test_many_domains_stand_in_the_order_given(tmp_path):
    listed = tmp_path / "domains.txt"
    listed.write_text("".join(f"{name}\n" for name in DOMAINS) + "192.0.2.1\n")
    result = run(
        "scan", "--file", str(listed), *ZONES, "--only-zone", "--format", "junit", "--jobs", "2", "--output", f"sarif={tmp_path}/r", env={"CI_PROJECT_DIR": ""}
    )
    assert result.exit_code == 2
    assert [suite.get("name") for suite in suites_of(result.stdout)] == [*DOMAINS, "192.0.2.1"]
    run_ = log_of((tmp_path / "r").read_text())
    assert [r["properties"]["domain"] for r in run_["results"]] == sorted((r["properties"]["domain"] for r in run_["results"]), key=DOMAINS.index)
    (note,) = run_["invocations"][0]["toolExecutionNotifications"]
    assert note["locations"][0]["physicalLocation"]["region"]["startLine"] == 7


def test_a_file_is_whole_or_left_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "report.sarif"
    path.write_text("before")
    path.chmod(0o640)
    assert run(*SCAN, "--output", f"sarif={path}").exit_code == 0
    assert log_of(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o640
    path.write_text("before")

    def stopped(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["healthcheck.scan"], "scan", stopped)
    assert run(*SCAN, "--output", f"sarif={path}").exit_code == 130
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["report.sarif"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--output", "sarif"], "FORMAT=FILE"),
        (["--output", "pdf=x"], "FORMAT=FILE"),
        (["--output", "sarif="], "FORMAT=FILE"),
        (["--format", "json", "--output", "sarif=-"], "Standard output takes one format"),
        (["--output", "json=-", "--output", "sarif=-"], "Standard output takes one format"),
        (["--output", "json=same", "--output", "sarif=./same"], "Give each a file of its own"),
        (["--output", "sarif=/nowhere/at/all"], "cannot be written"),
        (["--output", "sarif=."], "is a directory"),
        (["--against", "live", "--format", "sarif"], "--against shows a difference"),
        (["--resume", "x.jsonl", "--output", "sarif=y"], "--resume writes JSON lines"),
    ],
)
def test_outputs_that_cannot_be_are_told_before_the_scan(args, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*SCAN[:2], *ZONES, *([] if "--against" in args else ["--only-zone"]), *args)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert not [p for p in tmp_path.iterdir() if p.suffix != ".jsonl"]


def test_a_pipe_is_written_to_and_not_replaced():
    assert run(*SCAN, "--output", "sarif=/dev/null").exit_code == 0
    assert Path("/dev/null").is_char_device()


def test_the_formats_are_named_once():
    from healthcheck.faces import outputs as face

    assert (face.PLAIN, face.FORMATS) == (outputs.PLAIN, outputs.FORMATS)
    told = (ROOT / "docs" / "formats.md").read_text()
    assert all(f"`{form}`" in told for form in outputs.FORMATS)


def test_findings_know_their_lines_in_json_too():
    told = json.loads(run("scan", "broken-spf.example", *ZONES, "--only-zone", "--format", "json").stdout)
    (found,) = [f for f in told["findings"] if f["code"] == "SPF004"]
    assert found["location"]["file"].endswith("broken-spf.example.zone")
    assert found["location"]["line"] > 1
