"""The configuration file: where it is found, what it may say, what is told of a mistake, and a repository that runs it as CI would."""

import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from healthcheck.bounce.many.policy import Policy as Rules
from healthcheck.config import find, load
from healthcheck.errors import ConfigError, InputError
from healthcheck.faces import cli
from healthcheck.faces.bounces import policy_of
from healthcheck.policy.apply import Policy
from healthcheck.policy.options import of_table, schema, tables
from healthcheck.policy.positions import lines_of
from healthcheck.policy.reader import read

ROOT = Path(__file__).resolve().parent.parent
REPO = ROOT / "tests" / "fixture_repo"
TODAY = date(2026, 11, 22)
GOOD = """\
[defaults]
fail_on = "warn"
profile = "bulk"
selectors = ["s1"]
assert = ['spf.lookups <= 10']

[[domain]]
name = "Example.COM."
ips = ["192.0.2.25", "2001:DB8::25"]
mail_from = "bounce.example.com"
helo = "mail.example.com"
topics = ["spf", "mx"]
unknown = "pass"
assert = [
  'spf.void_lookups <= 2',  # a comment
  'mx.state == "present"',
]

[[domain]]
name = "example.net"
profile = "sending"

[[ignore]]
code = "spf-too-many-lookups"
domain = "example.net"
reason = "The CRM moves in March."
expires = 2027-03-31
"""


def config(text):
    return read(text, ".healthcheck.toml", TODAY)


def run(*args):
    return CliRunner().invoke(cli.main, list(args))


# ------------------------------------------------------------------ what it says


def test_a_configuration_is_read():
    held = config(GOOD)
    assert list(held.domains) == ["example.com", "example.net"]
    own = held.of("example.com")
    assert own.given == {
        "fail_on": "warn",
        "profile": "bulk",
        "selectors": ("s1",),
        "ips": ("192.0.2.25", "2001:db8::25"),
        "mail_from": "bounce.example.com",
        "helo": "mail.example.com",
        "topics": ("spf", "mx"),
        "unknown": "pass",
    }
    assert [(line.text, at.line) for line, at in own.lines] == [("spf.lookups <= 10", 5), ("spf.void_lookups <= 2", 15), ('mx.state == "present"', 16)]
    assert held.of("example.net").given["profile"] == "sending"
    assert held.of("elsewhere.example").given == held.defaults.given
    ignored = held.ignores[0]
    assert (ignored.code, ignored.expires, ignored.location.line) == ("SPF004", date(2027, 3, 31), 23)


def test_the_command_line_goes_before_the_domain_and_that_before_the_defaults():
    policy = Policy({"profile": "sending", "fail_on": "fail", "unknown": None, "ips": (), "deadline": 15.0}, {"fail_on": "never"}, config(GOOD))
    assert {k: policy.settings("example.com")[k] for k in ("profile", "fail_on", "unknown")} == {"profile": "bulk", "fail_on": "never", "unknown": "pass"}
    assert policy.settings("example.net")["profile"] == "sending"
    assert policy.settings("elsewhere.example")["profile"] == "bulk"
    given = policy.given("example.com")
    assert given["topics"] == ("mx", "spf")
    assert not {"fail_on", "unknown"} & set(given)


def test_an_empty_file_says_nothing():
    held = config("")
    assert (held.domains, held.ignores, held.of("example.com").given) == ({}, (), {})


@settings(max_examples=150, deadline=None)
@given(st.recursive(st.one_of(st.booleans(), st.integers(-9, 9), st.text("a\"'=[]#\\\n", max_size=6)), lambda inner: st.lists(inner, max_size=3), max_leaves=6))
def test_the_line_of_each_value_is_found(value):
    """Of whatever TOML the text is, the key behind it stands where it stands."""
    text = f"before = {json.dumps(value, ensure_ascii=False)}\n[[domain]]\nname = 'x'\n"
    places = lines_of(text)
    assert places[("before",)] == 1
    assert places[("domain", 0, "name")] == 3


def test_lines_are_found_in_every_kind_of_toml():
    text = "a.b = 1\n\"c d\" = '''\nx\n'''\ne = { f = [\n 1,\n 2 ] }\n[[t]]\nk = 1\n[t.u]\nv = \"\"\"\\\n  y\"\"\"\n[[t]]\n'k' = 2 # [no]\n"
    places = lines_of(text)
    assert {k: places[k] for k in [("a", "b"), ("c d",), ("e", "f"), ("e", "f", 1), ("t", 0, "k"), ("t", 0, "u", "v"), ("t", 1), ("t", 1, "k")]} == {
        ("a", "b"): 1,
        ("c d",): 2,
        ("e", "f"): 5,
        ("e", "f", 1): 7,
        ("t", 0, "k"): 9,
        ("t", 0, "u", "v"): 11,
        ("t", 1): 13,
        ("t", 1, "k"): 14,
    }


# ------------------------------------------------------------------ mistakes

DOMAIN = '[[domain]]\nname = "example.com"\n'
IGNORE = '[[ignore]]\ncode = "SPF004"\nreason = "known"\nexpires = 2099-01-01\n'
MISTAKES = [  # name, text, line, what is told, what was expected
    ("key", DOMAIN + 'selector = ["s1"]', 3, "“selector” is no key of domain", "Did you mean “selectors”?"),
    ("table", '[[domains]]\nname = "example.com"', 1, "[[domains]] is not known", "[[domain]]"),
    ("key outside", 'fail_on = "warn"\n', 1, "“fail_on” stands outside a table", "[defaults]"),
    ("one bracket", '\n[domain]\nname = "example.com"', 2, "[domain] is a table", "[[domain]], in two brackets"),
    ("two brackets", '[[defaults]]\nfail_on = "warn"', 1, "defaults is a list", "[defaults]"),
    ("text for a list", DOMAIN + '\nips = "192.0.2.1"', 4, "ips is a string", 'a list of IP addresses, as in ["192.0.2.25"'),
    ("number for text", DOMAIN + "profile = 3", 3, "profile is a number", '"sending"'),
    ("text for a flag", DOMAIN + 'starttls = "yes"', 3, "starttls is a string", "true or false"),
    ("number in a list", DOMAIN + 'selectors = [\n "s1",\n 2,\n]', 5, "selectors holds a number", "a list of selectors"),
    ("profile", DOMAIN + 'profile = "bulky"', 3, "“bulky” is not known for profile", "Did you mean “bulk”?"),
    ("topic", DOMAIN + 'topics = ["mx",\n "dkmi"]', 4, "“dkmi” is not known for topics", "Did you mean “dkim”?"),
    ("fail_on", '[defaults]\nfail_on = "error"', 2, "“error” is not known for fail_on", '"fail", "warn", "note", "never"'),
    ("domain name", '[[domain]]\nname = "192.0.2.1"', 2, "192.0.2.1", "a domain name"),
    ("no name", '[defaults]\n\n[[domain]]\nprofile = "bulk"', 3, "has no “name”", 'name = "example.com"'),
    ("domain twice", DOMAIN + '\n[[domain]]\nname = "EXAMPLE.com"', 5, "example.com stands there twice, first in line 1", "each domain once"),
    ("address", DOMAIN + 'ips = ["192.0.2.25",\n"192.0.2.256"]', 4, "“192.0.2.256” is no IP address", "a list of IP addresses"),
    ("too many", DOMAIN + f"ips = {json.dumps([f'192.0.2.{n}' for n in range(17)])}", 3, "ips holds 17", "at most 16"),
    ("selector", DOMAIN + 'selectors = ["s 1"]', 3, "s 1", "a list of selectors"),
    ("path", DOMAIN + "assert = ['spf.lokups <= 10']", 3, "no fact “spf.lokups”", "Did you mean spf.lookups?"),
    ("string not closed", DOMAIN + "assert = [\n  'spf.lookups <= 10',\n  'dmarc.p == \"reject',\n]", 5, "this string is not closed (column 12", 'a second "'),
    ("operator", DOMAIN + "assert = ['spf.lookups = 10']", 3, "a single = compares nothing", "=="),
    ("type in assert", DOMAIN + "assert = ['dnsbl.listed == \"no\"']", 3, 'dnsbl.listed is a boolean, and "no" is none', "true or false"),
    ("word in assert", DOMAIN + "assert = ['mta_sts.mode == \"enforced\"']", 3, "mta_sts.mode is never “enforced”", "Did you mean “enforce”?"),
    ("topic of assert", DOMAIN + "topics = ['mx']\nassert = ['spf.lookups <= 10']", 4, "the topic spf, which the scan leaves out", "“spf” in topics"),
    (
        "starttls in assert",
        DOMAIN + "assert = ['starttls.hosts[].state == \"secured\"']",
        3,
        "the topic starttls, which the scan leaves out",
        "starttls = true",
    ),
    ("no reason", IGNORE.replace('reason = "known"\n', ""), 1, "this ignore has no “reason”", "reason = "),
    ("empty reason", IGNORE.replace('"known"', '"  "'), 3, "reason is empty", "a sentence"),
    ("no expiry", IGNORE.replace("expires = 2099-01-01\n", ""), 1, "this ignore has no “expires”", "expires = 2027-03-31"),
    ("day", IGNORE.replace("2099-01-01", '"2099-02-30"'), 4, "“2099-02-30” is no day of the calendar", "a day, as in 2027-03-31"),
    ("time for a day", IGNORE.replace("2099-01-01", "2099-01-01T00:00:00Z"), 4, "is a time", "a day"),
    ("code", IGNORE.replace("SPF004", "SPF4"), 2, "there is no finding “SPF4”", "the code of a finding"),
    ("code of what is unknown", IGNORE.replace("SPF004", "SPF000"), 2, "SPF000 says that something could not be looked up", "the code of a finding"),
    ("bad TOML", DOMAIN + "profile = bulk", 3, "this is no TOML", "a key, =, and a value"),
    ("curly quotes", DOMAIN + "profile = “bulk”", 3, "this is no TOML", "straight quotes"),
    ("colon", DOMAIN + "profile: bulk", 3, "this is no TOML", "key = value"),
    ("key twice", DOMAIN + 'profile = "bulk"\nprofile = "sending"', 4, "this is no TOML", "each key and each table once"),
    ("bare date", IGNORE.replace("2099-01-01", "2099-13-01"), 4, "this is no TOML", "TOML"),
    ("list not closed", DOMAIN + 'selectors = ["s1"\n\n', 3, "this is no TOML", "TOML"),
]


@pytest.mark.parametrize(("text", "line", "problem", "expected"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_told_with_file_line_and_what_was_expected(tmp_path, text, line, problem, expected):
    path = tmp_path / ".healthcheck.toml"
    path.write_text(text, encoding="utf-8")
    result = run("config", "check", str(path))
    assert result.exit_code == 2
    told = [one for one in result.stderr.splitlines() if f".healthcheck.toml:{line}: " in one and problem in one]
    assert len(told) == 1, result.stderr
    assert expected in told[0].partition("Expected: ")[2], told[0]
    assert len(result.stderr.splitlines()) == 1, "one mistake is told once"


def test_there_are_25_mistakes_and_more():
    assert len({name for name, *_ in MISTAKES}) == len(MISTAKES) >= 25


def test_an_entry_that_is_over_is_told_and_the_file_can_be_used(tmp_path):
    path = tmp_path / ".healthcheck.toml"
    path.write_text(DOMAIN + IGNORE.replace("2099-01-01", "2026-01-31"), encoding="utf-8")
    result = run("config", "check", str(path))
    assert result.exit_code == 1
    assert ".healthcheck.toml:6: warning: this entry expired on 2026-01-31: SPF004 is no longer ignored. Expected: a later day" in result.stderr
    assert load(path).warnings


def test_all_mistakes_of_a_file_are_told_at_once():
    with pytest.raises(ConfigError) as fault:
        config('[defaults]\nfail_on = "no"\nx = 1\n[[domain]]\nips = ["a", "b"]\n')
    assert [int(n) for n in re.findall(r"toml:(\d+)", fault.value.detail)] == [2, 3, 4, 5, 5]


@pytest.mark.parametrize("octets", [b"\xff\xfe", b'[defaults]\nfail_on = "\xe9"\n'])
def test_what_is_no_utf_8_is_told_with_its_line(tmp_path, octets):
    path = tmp_path / "c.toml"
    path.write_bytes(octets)
    with pytest.raises(ConfigError, match=rf"c\.toml:{octets.count(bytes([10]), 0, -1) + 1}: this is no text in UTF-8"):
        load(path)


@pytest.mark.parametrize("text", ["[tool]\nhealthcheck = 3\n", "[tool.healthcheck]\ndomain = 3\n", '[tool.healthcheck]\ndefaults = "x"\n'])
def test_pyproject_is_judged_as_well(tmp_path, text):
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"pyproject\.toml:2: "):
        load(path)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120) | st.lists(st.sampled_from([m[1] for m in MISTAKES] + [GOOD, "\n", "[[", "]", '"', "'''"]), max_size=4).map("\n".join))
def test_whatever_stands_in_the_file_is_read_or_told(text):
    try:
        config(text)
    except ConfigError as fault:
        told = fault.detail
    else:
        told = ".healthcheck.toml:1: Expected: "
    assert all(re.match(r"\.healthcheck\.toml:\d+: ", line) and "Expected: " in line for line in told.splitlines())


# ------------------------------------------------------------------ where it is found


def test_the_nearest_file_upwards_holds(tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find(deep) is None or tmp_path not in find(deep).parents
    (tmp_path / "pyproject.toml").write_text('[tool.healthcheck.defaults]\nfail_on = "warn"\n')
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert find(deep) == tmp_path / "pyproject.toml"
    assert load(find(deep)).defaults.given == {"fail_on": "warn"}
    (tmp_path / ".healthcheck.toml").write_text("")
    assert find(deep) == tmp_path / ".healthcheck.toml"
    (tmp_path / "a" / "pyproject.toml").write_text("[[[ no TOML")
    assert find(deep) == tmp_path / ".healthcheck.toml"


@pytest.mark.parametrize("path", ["nowhere.toml", ".", "a\0b"])
def test_what_cannot_be_read_is_told(path):
    with pytest.raises(InputError):
        load(path)
    assert run("config", "check", path).exit_code == 2


# ------------------------------------------------------------------ the schema


def fits(value, shape, where="$"):
    """The faults of a value by a JSON Schema, as far as ours uses the language."""
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool}
    if not isinstance(value, kinds[shape["type"]]):
        return [f"{where}: not {shape['type']}"]
    if isinstance(value, dict):
        out = [f"{where}.{key}: unknown" for key in value if key not in shape["properties"] and shape["additionalProperties"] is False]
        out += [f"{where}.{key}: missing" for key in shape.get("required", ()) if key not in value]
        return out + [fault for key in value if key in shape["properties"] for fault in fits(value[key], shape["properties"][key], f"{where}.{key}")]
    if isinstance(value, list):
        out = [f"{where}: too many"] if len(value) > shape.get("maxItems", 10**9) else []
        return out + [fault for n, one in enumerate(value) for fault in fits(one, shape["items"], f"{where}[{n}]")]
    if isinstance(value, str) and (
        value not in shape.get("enum", [value]) or len(value) < shape.get("minLength", 0) or not re.search(shape.get("pattern", ""), value)
    ):
        return [f"{where}: {value}"]
    return []


def plain(text):
    import tomllib

    return json.loads(json.dumps(tomllib.loads(text), default=str))


def test_the_policy_of_bounces_stands_in_the_same_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".healthcheck.toml"
    path.write_text('[[domain]]\nname = "example.com"\n\n[policy]\nsoft_limit = 7\noutage_breaker = { factor = 9 }\n', encoding="utf-8")
    assert CliRunner().invoke(cli.main, ["config", "check"]).exit_code == 0
    assert policy_of(None).soft_limit == 7
    wrong = {
        "soft_limit = 99": "2 to 15",
        "soft_limi = 7": "Did you mean “soft_limit”",
        'suppress_now = ["auth-dmarc"]': "user-unknown",
        "outage_breaker = 5": "a table",
    }
    for line, expected in wrong.items():
        path.write_text(f"[defaults]\n\n[policy]\n{line}\n", encoding="utf-8")
        said = CliRunner().invoke(cli.main, ["config", "check"])
        assert said.exit_code == 2
        assert f"{path.name}:4: " in said.stderr
        assert expected in said.stderr
    assert Rules.from_mapping({key: tomllib.loads(f"x = {option.example}")["x"] for key, option in of_table("policy").items()}) == Rules()


def test_the_schema_takes_what_the_reader_takes():
    shape = json.loads(run("config", "schema").stdout)
    assert shape == schema()
    assert shape["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for text in (GOOD, DOMAIN, IGNORE, "", *((REPO / name).read_text() for name in (".healthcheck.toml", "reject.toml"))):
        assert fits(plain(text), shape) == []
    assert set(shape["properties"]) == set(tables())
    assert set(shape["properties"]["domain"]["items"]["properties"]) == set(of_table("domain"))


OF_FORM = ["key", "table", "key outside", "one bracket", "two brackets", "text for a list", "number for text", "text for a flag", "number in a list", "profile", "topic", "fail_on", "no name", "too many", "no reason", "no expiry"]  # fmt: skip


@pytest.mark.parametrize("name", OF_FORM)
def test_the_schema_refuses_what_is_wrong_by_its_form(name):
    text = next(m[1] for m in MISTAKES if m[0] == name)
    assert fits(plain(text), schema())


def test_the_schema_holds_by_a_reader_of_json_schema():
    validators = pytest.importorskip("jsonschema_rs", reason="comes with schemathesis")
    validator = validators.Draft202012Validator(schema())
    assert validator.is_valid(plain(GOOD))
    for name in OF_FORM:
        assert not validator.is_valid(plain(next(m[1] for m in MISTAKES if m[0] == name))), name


# ------------------------------------------------------------------ as CI runs it

ZONES = ["--zone", "zones/shop.example.zone", "--zone", "zones/news.example.zone"]


def ci(*args, cwd=REPO):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "healthcheck", *args], cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False)


def inside(monkeypatch, *args, cwd=REPO):
    """The same without a process of its own."""
    monkeypatch.chdir(cwd)
    result = run(*args)
    return subprocess.CompletedProcess(args, result.exit_code, result.stdout, result.stderr)


def reports(result):
    return {r["domain"]: r for r in map(json.loads, result.stdout.splitlines())}


def test_exit_code_0_all_that_is_promised_holds():
    result = ci("scan", *ZONES, "--only-zone", "--format", "jsonl")
    assert result.returncode == 0, result.stderr
    told = reports(result)
    assert list(told) == ["news.example", "shop.example"] or set(told) == {"news.example", "shop.example"}
    shop, news = told["shop.example"], told["news.example"]
    assert shop["input"]["selectors"] == ["s1"]
    assert set(shop["topics"]) == {"mx", "spf", "dkim", "dmarc", "alignment"}
    assert [a["result"] for a in shop["assertions"]] == ["holds"] * 5
    assert [(i["code"], i["entry"]["file"], i["expires"]) for i in news["ignored"]] == [("DKM006", ".healthcheck.toml", "2099-06-30")]
    # it lies outside the zone files: told, and no matter of the exit code
    assert [(a["text"], a["result"]) for a in news["assertions"] if a["result"] != "holds"] == [("spf.lookups <= 10", "unknown")]


def test_exit_code_1_an_assertion_fails(monkeypatch):
    result = ci("scan", *ZONES, "--only-zone", "--config", "reject.toml", "--format", "jsonl", "news.example")
    assert result.returncode == 1, result.stderr
    failed = reports(result)["news.example"]["assertions"][0]
    assert (failed["result"], failed["actual"], failed["location"]) == ("fails", "quarantine", {"file": "reject.toml", "line": 4})
    assert inside(monkeypatch, "scan", *ZONES, "--only-zone", "--config", "reject.toml", "--fail-on", "never", "news.example").returncode == 0


def test_exit_code_1_a_finding_that_is_no_longer_ignored(tmp_path, monkeypatch):
    path = tmp_path / "over.toml"
    path.write_text((REPO / ".healthcheck.toml").read_text().replace("2099-06-30", "2026-06-30").replace('fail_on = "fail"', 'fail_on = "warn"'))
    result = inside(monkeypatch, "scan", *ZONES, "--only-zone", "--config", str(path))
    assert result.returncode == 1
    assert "DKM006 is no longer ignored: its entry expired on 2026-06-30" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    "args", [["--config", "typo.toml"], ["--config", "nowhere.toml"], ["--config", "typo.toml", "--no-config"], ["--baseline", "typo.toml"]]
)
def test_exit_code_2_the_configuration_cannot_be_used(args, monkeypatch):
    result = (ci if args == ["--config", "typo.toml"] else partial(inside, monkeypatch))("scan", *ZONES, "--only-zone", *args)
    assert (result.returncode, result.stdout) == (2, "")
    if args == ["--config", "typo.toml"]:
        assert [int(n) for n in re.findall(r"typo\.toml:(\d+): ", result.stderr)] == [6, 7]
        assert "Did you mean “selectors”?" in result.stderr
        assert "Did you mean spf.lookups?" in result.stderr


def test_exit_code_3_what_is_promised_could_not_be_checked(monkeypatch):
    """Names outside the zones are asked from a port where nobody listens."""
    args = ["scan", *ZONES, "--nameserver", "127.0.0.1:9", "--format", "jsonl"]
    result = ci(*args)
    assert result.returncode == 3, result.stderr
    unknown = [a for a in reports(result)["news.example"]["assertions"] if a["result"] == "unknown"]
    assert [a["text"] for a in unknown] == ["spf.lookups <= 10"]
    assert any(e["name"] == "_spf.mailer.example" for a in unknown for e in a["evidence"])
    assert inside(monkeypatch, *args, "--unknown", "fail").returncode == 1
    assert inside(monkeypatch, *args, "--unknown", "pass").returncode == 0


def test_without_a_domain_those_of_the_configuration_are_scanned(monkeypatch):
    result = inside(monkeypatch, "scan", "--nameserver", "127.0.0.1:9", "--format", "jsonl", "--timeout", "2")
    assert result.returncode == 3
    assert set(reports(result)) == {"shop.example", "news.example"}
    assert "No domain was given" in inside(monkeypatch, "scan", "--no-config").stderr


def test_a_baseline_is_written_and_fails_on_what_is_new(tmp_path, monkeypatch):
    known = str(tmp_path / "known.json")
    strict = ["scan", *ZONES, "--only-zone", "--no-config", "--fail-on", "note", "--selector", "n1", "--topic", "dkim"]
    assert inside(monkeypatch, *strict).returncode == 1
    assert inside(monkeypatch, *strict, "--write-baseline", known).returncode == 0
    held = json.loads(Path(known).read_text())
    assert held["schema"] == "baseline/1"
    assert ("news.example", "DKM006") in {(f["domain"], f["code"]) for f in held["findings"]}
    assert inside(monkeypatch, *strict, "--baseline", known).returncode == 0
    Path(known).write_text(json.dumps(held | {"findings": [f for f in held["findings"] if f["code"] != "DKM006"]}))
    result = inside(monkeypatch, *strict, "--baseline", known)
    assert result.returncode == 1
    assert "New: the baseline does not hold it." in result.stdout


def test_config_check_and_facts_from_the_command_line(monkeypatch):
    assert inside(monkeypatch, "config", "check").stdout == ".healthcheck.toml: domains: 2, assertions: 7, ignored findings: 1.\n"
    assert inside(monkeypatch, "config", "check", cwd=REPO / "zones").returncode == 0
    told = run("facts", "spf").stdout
    assert re.search(r"^spf\.lookups +what the whole record costs .*\(integer or null, DNS look-ups\)$", told, re.MULTILINE)
    assert not re.search(r"^dkim", told, re.MULTILINE)
    listed = json.loads(run("facts", "--format", "json").stdout)["facts"]
    assert len(listed) > 400
    assert run("facts", "nothing").exit_code == 2


def test_the_api_lists_the_facts():
    from app import create_app

    client = create_app().test_client()
    answer = client.get("/api/v1/facts")
    assert answer.status_code == 200
    assert answer.json["facts"] == json.loads(run("facts", "--format", "json").stdout)["facts"]
    assert "/api/v1/facts" in client.get("/openapi/openapi.json").json["paths"]
