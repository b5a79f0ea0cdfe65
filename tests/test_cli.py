"""The command line: its options, its formats, its exit codes, and whatever may be handed to it."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from healthcheck.catalog import DATA, catalog
from healthcheck.faces import cli

ROOT = Path(__file__).resolve().parent.parent
DEMO = sorted((DATA / "demo").glob("*.zone"))
ZONES = [part for path in DEMO if not path.name.startswith("list-") for part in ("--zone", str(path))]
REPLY = "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown\n"


def run(*args, stdin=None):
    return CliRunner().invoke(cli.main, list(args), input=stdin)


def offline(*args, stdin=None):
    return run("explain", "--offline", *args, stdin=stdin)


@pytest.fixture
def reply(tmp_path):
    path = tmp_path / "reply.txt"
    path.write_text(REPLY)
    return str(path)


# ------------------------------------------------------------------ explain


def test_explain_reads_a_file_or_standard_input(reply):
    for result in (offline(reply), offline("-", stdin=REPLY), offline(stdin=REPLY)):
        assert result.exit_code == 0
        assert catalog().causes["user-unknown"].title in result.stdout


def test_json_is_one_object_and_several_are_an_array(reply):
    assert json.loads(offline("--format", "json", reply).stdout)["schema"] == "diagnosis/1"
    assert [d["schema"] for d in json.loads(offline("--format", "json", reply, reply).stdout)] == ["diagnosis/1"] * 2


def test_jsonl_answers_every_input_in_order_and_names_those_that_failed(reply, tmp_path):
    gone, empty, binary, big = (str(tmp_path / name) for name in ("gone.eml", "empty.eml", "binary.eml", "big.eml"))
    Path(empty).write_text("\n \0\n")
    Path(binary).write_bytes(bytes(range(256)) * 40)
    Path(big).write_bytes(b"a" * ((1 << 20) + 1))
    sources = [reply, gone, str(tmp_path), empty, binary, big, reply]
    result = offline("--format", "jsonl", *sources)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["input"]["source"] for line in lines] == sources
    assert [line["schema"].partition("/")[0] for line in lines] == ["diagnosis", "error", "error", "error", "diagnosis", "error", "diagnosis"]
    assert all(set(line["error"]) == {"title", "detail"} and line["error"]["detail"] for line in lines if line["schema"] == "error/1")
    assert result.exit_code == 2


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"\n\n", b"\xff\xfe\x00\x01" * 50, "náïve ☃ noise".encode(), b"a" * ((1 << 20) + 1), b"\x1b[2J"])
def test_no_content_ends_in_a_traceback(content, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(content)
    result = offline(str(path))
    assert result.exit_code in (0, 2)
    assert not result.exception or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert "\x1b" not in result.output


def test_what_cannot_be_read_is_named(tmp_path):
    result = offline(str(tmp_path / "nowhere.eml"), str(tmp_path))
    assert result.exit_code == 2
    assert "nowhere.eml cannot be read: no such file or directory" in result.stderr
    assert "is a directory" in result.stderr


@pytest.mark.parametrize(
    "args", [["--ip", "example.com"], ["--from", "192.0.2.1"], ["--selector", "a b"], ["--mail-from", "com"], ["--only-zone"], ["--zone", "/nowhere"]]
)
def test_options_that_make_no_sense_are_exit_2(args, reply):
    result = run("explain", *args, reply)
    assert result.exit_code == 2
    assert result.stderr


def test_evidence_comes_from_the_zone_files():
    text = "550 5.7.26 Unauthenticated email from shop.example is not accepted due to domain's DMARC policy."
    result = run("explain", "--from", "shop.example", "--ip", "203.0.113.77", *ZONES, "--only-zone", "--format", "json", stdin=text)
    assert result.exit_code == 0, result.output
    failure = json.loads(result.stdout)["failures"][0]
    assert failure["sender"]["from_domain"] == "shop.example"
    assert failure["evidence"]["verdict"] in ("confirmed", "refuted", "cannot tell")
    assert failure["evidence"]["support"] or failure["evidence"]["against"] or failure["evidence"]["why_not"]
    assert json.loads(offline("--from", "shop.example", "--format", "json", stdin=text).stdout)["failures"][0]["evidence"]["verdict"] == "not looked at"


def test_a_thousand_files_are_answered_in_one_go(tmp_path):
    import time

    files = [tmp_path / f"{n}.txt" for n in range(1000)]
    for n, path in enumerate(files):
        path.write_text(f"550 5.1.1 <user{n}@example.net>: Recipient address rejected: User unknown\n")
    start = time.perf_counter()
    result = offline("--format", "jsonl", *map(str, files))
    took = time.perf_counter() - start
    assert len(result.stdout.splitlines()) == 1000
    assert took < 10, f"{took:.1f} s"


def test_a_file_without_a_name_and_a_closed_standard_input_are_told(monkeypatch):
    assert "without a name" in offline("").stderr
    assert "without a name" in run("scan", "--file", "", "example.com", *ZONES, "--only-zone").stderr
    monkeypatch.setattr(cli.sys, "stdin", None)
    with pytest.raises(cli.InputError, match="closed"):
        cli.octets_of("-")


def test_an_input_is_named_once(tmp_path):
    gone = str(tmp_path / "gone.eml")
    assert offline(gone).stderr.count(gone) == 1
    assert offline("-", stdin="").stderr.startswith("Standard input is empty")


def test_json_is_valid_whatever_the_output_can_take():
    for encoding in ("latin-1", "ascii", "utf-8:strict"):
        command = [sys.executable, "-m", "healthcheck", "explain", "--offline", "--format", "jsonl", b"/nowhere/\xff \xe2\x98\x83", "-"]
        env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
        result = subprocess.run(command, cwd=ROOT, env=env, input="550 5.1.1 Empfänger ☃ \U0001f600".encode(), capture_output=True, timeout=60, check=False)
        assert result.returncode == 2, result.stderr
        failed, answer = (json.loads(line.decode(encoding.partition(":")[0])) for line in result.stdout.splitlines())
        assert failed["input"]["source"].endswith("\udcff ☃")
        assert answer["failures"][0]["reply"]["text"].endswith("Empfänger ☃ \U0001f600")


@pytest.mark.parametrize("args", [["codes"], ["explain", "--offline", "-"], ["explain", "--offline", "--format", "jsonl", "-"]])
def test_a_reader_that_has_seen_enough_ends_it_quietly(args):
    process = subprocess.Popen([sys.executable, "-m", "healthcheck", *args], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()  # before anything is printed: it waits for its input, or still starts
    process.stdin.write(REPLY.encode())
    process.stdin.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


# ------------------------------------------------------------------ scan


def scan(*args):
    return run("scan", *args, *ZONES, "--only-zone")


def test_scan_prints_a_report():
    result = scan("Shop.Example.", "--ip", "203.0.113.77")
    assert result.exit_code == 1, result.output
    assert "shop.example" in result.stdout
    assert json.loads(scan("https://Shop.Example/", "--format", "json").stdout)["input"]["source"] == "https://Shop.Example/"


def test_one_is_not_called_many():
    counted = [scan(name).stdout.splitlines()[1] for name in ("shop.example", "nodmarc.example", "parked.example", "broken-spf.example")]
    assert any(re.search(r"\b1 (note|warning|problem)\b", line) for line in counted), counted
    assert not any(re.search(r"\b1 (notes|warnings|problems)\b", line) for line in counted), counted


def test_a_time_that_is_no_number_is_refused():
    assert scan("healthy.example", "--timeout", "nan").exit_code == 2


def test_a_list_of_domains_is_read_line_by_line(tmp_path):
    listed, zeros = tmp_path / "listed.txt", tmp_path / "zeros.txt"
    listed.write_bytes(b"\xef\xbb\xbfhealthy.example\r\n# nothing\r\n")
    assert json.loads(scan("--file", str(listed), "--format", "json").stdout)["input"]["source"] == "healthy.example"
    zeros.write_bytes(bytes(1 << 21))
    result = scan("--file", str(zeros))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "zeros.txt:1: this line is longer than 1 MiB" in result.stderr


def test_fail_on_decides_the_exit_code():
    assert scan("shop.example", "--ip", "203.0.113.77", "--fail-on", "never").exit_code == 0
    assert scan("healthy.example", "--selector", "s1").exit_code == 0
    assert scan("healthy.example", "--selector", "s1", "--fail-on", "note").exit_code == 1


def test_a_domain_that_does_not_exist_is_a_report():
    result = scan("nowhere.healthy.example", "--format", "json")
    assert json.loads(result.stdout)["verdict"] == "fail"
    assert result.exit_code == 1


def test_a_core_topic_that_could_not_be_checked_is_exit_3():
    # port 9 of loopback: nobody answers there
    silent = ["scan", "example.com", "--nameserver", "127.0.0.1:9", "--timeout", "0.5"]
    assert run(*silent).exit_code == 3
    assert run(*silent, "--unknown", "fail").exit_code == 1
    assert run(*silent, "--unknown", "warn").exit_code == 0
    assert run(*silent, "--unknown", "pass").exit_code == 0
    assert run(*silent, "--fail-on", "never").exit_code == 0


def test_several_domains_some_of_them_none(tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("# ours\nhealthy.example\n\nlocalhost  # none\n")
    result = scan("192.0.2.1", "--file", str(names), "--format", "jsonl")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted((line["schema"], line["input"]["source"]) for line in lines) == [  # as they finish
        ("error/1", "192.0.2.1"), ("error/1", "localhost"), ("report/1", "healthy.example"),
    ]  # fmt: skip
    assert result.exit_code == 2


@pytest.mark.parametrize(
    "name", ["", "192.0.2.1", "2001:db8::1", "com", "a" * 64 + ".example", "x." * 160 + "example", "a..b", "exa mple.com", "\u2603", "a\0b.example"]
)
def test_names_that_are_none_are_exit_2(name):
    result = scan(name)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.stderr.strip()


@pytest.mark.parametrize("name", ["_dmarc.healthy.example", "someone@healthy.example", "HEALTHY.example.", "http://healthy.example:8080/a?b"])
def test_the_obvious_reading_is_taken(name):
    assert json.loads(scan(name, "--format", "json").stdout)["domain"] == "healthy.example"


def test_usage_errors_are_exit_2(tmp_path):
    bad = tmp_path / "bad.zone"
    bad.write_text("this is no zone file\n")
    for args in (["scan", "--nameserver", "127.0.0.1:9"], ["scan", "example.com", "--profile", "parked"], ["scan", "example.com", "--format", "xml"], ["nothing"],
                 ["scan", "example.com", "--zone", str(bad), "--only-zone"], ["scan", "--file", str(tmp_path), "example.com"],
                 ["scan", "example.com", "--nameserver", "dns.example"]):  # fmt: skip
        result = run(*args)
        assert result.exit_code == 2, args
        assert result.stderr.strip(), args
    assert "sending" in run("scan", "example.com", "--profile", "parked").stderr


# ------------------------------------------------------------------ codes, and the rest


@pytest.mark.parametrize("code", ["5.7.26", "x.7.26", "550", "SPF001", "user-unknown"])
def test_codes_says_what_a_code_means(code):
    result = run("codes", code)
    assert result.exit_code == 0
    assert len(result.stdout) > 80


def test_codes_without_one_is_a_table_and_an_unknown_one_an_error():
    table = run("codes").stdout
    assert all(code in table for code in ("X.7.26", "550", "SPF001", "user-unknown"))
    assert run("codes", "nonsense").exit_code == 2


def in_a_process(code):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_offline_loads_neither_flask_nor_a_dns_library():
    code = (
        "import sys, io\nfrom healthcheck.faces import cli\n"
        f"sys.stdin = io.TextIOWrapper(io.BytesIO({REPLY.encode()!r}))\n"
        "try: cli.main(['explain', '--offline', '--format', 'jsonl', '-'])\nexcept SystemExit: pass\n"
        "print(sorted({'flask', 'dns', 'spf', 'dkim', 'checkdmarc', 'pydantic'} & set(sys.modules)))"
    )
    result = in_a_process(code)
    assert result.stdout.splitlines()[-1] == "[]", result.stdout + result.stderr


def test_a_fault_of_ours_is_exit_4_and_a_sentence(monkeypatch, capsys):
    def broken(*_args, **_kwargs):
        raise RuntimeError("boom")

    monkeypatch.setattr(cli.main, "main", broken)
    with pytest.raises(SystemExit) as caught:
        cli.run()
    assert caught.value.code == 4
    assert "fault of ours" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["app.py", "healthcheck/__init__.py"])
def test_an_older_python_can_read_the_sentence(name):
    source = (ROOT / name).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 6))
    ours = [n for n, node in enumerate(tree.body) if isinstance(node, ast.If) and "version_info" in ast.dump(node)]
    before = [node for node in tree.body[: ours[0]] if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.dump(node) for node in before] == [ast.dump(ast.parse("import sys").body[0])]


def test_a_pasted_signature_stands_for_its_selector():
    """The s= of a DKIM-Signature, folded as mail programs show it; one of another domain is refused in words."""
    header = "DKIM-Signature: v=1; a=rsa-sha256; d=healthy.example;\r\n s=S1; h=from:to; b=abc="
    out = run("scan", "healthy.example", "--only-zone", *ZONES, "--selector", header, "--format", "json")
    assert json.loads(out.output)["input"]["selectors"] == ["s1"]
    nobody = run("scan", "healthy.example", "--only-zone", *ZONES, "--selector", "v=1; h=from")
    assert nobody.exit_code == 2
    assert "no DKIM selector" in nobody.output
