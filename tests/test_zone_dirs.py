"""Folders of zones as people keep them: forty with one slip each, told at its file and line, and ten without any."""

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from healthcheck.catalog import catalog
from healthcheck.edge.world import World
from healthcheck.faces.cli import main
from healthcheck.scan import scan

ZONES = Path(__file__).parent / "zones"
EXPECTED = tomllib.loads((ZONES / "expected.toml").read_text(encoding="utf-8"))
CLEAN = sorted(path.name for path in ZONES.glob("clean-*"))


def reports(folder):
    world = World.zones([folder], only=True, careful=True)
    try:
        return [scan(name, world=world) for name in world.files.domains()]
    finally:
        world.close()


def places(report):
    return {(f.code, str(Path(f.location.file).relative_to(ZONES)), f.location.line) for f in report.findings if f.location and f.status != "pass"}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_slip_is_told_at_its_file_and_line(name):
    row = EXPECTED[name]
    found = {place for report in reports(ZONES / name) if report.domain.name == row["domain"] for place in places(report)}
    assert (row["code"], f"{name}/{row['file']}", row["line"]) in found


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_zone_has_neither_slip_nor_failure(name):
    for report in reports(ZONES / name):
        codes = {f.code: f.status.value for f in report.findings}
        assert codes.get("ZON001") == "pass", codes
        assert "fail" not in codes.values(), {f.code: dict(f.values) for f in report.findings if f.status == "fail"}


def test_there_are_forty_and_more_than_ten():
    assert len(EXPECTED) == 40
    assert len(CLEAN) >= 10
    assert set(EXPECTED) | set(CLEAN) == {path.name for path in ZONES.iterdir() if path.is_dir()}
    assert {row["code"] for row in EXPECTED.values()} <= set(catalog().checks)


# ------------------------------------------------------------------ the command line


def run(*args):
    return CliRunner().invoke(main, [str(arg) for arg in args])


def test_a_folder_is_scanned_as_a_whole():
    result = run("scan", "--no-config", "--only-zone", "--zone", ZONES / "clean-mixed-folder", "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert [report["domain"] for report in json.loads(result.stdout)] == ["example.com", "example.net"]
    assert "pipeline.yaml is no zone" in result.stderr
    assert all(report["topics"]["zone"]["verdict"] == "pass" for report in json.loads(result.stdout))


def test_a_slip_makes_the_exit_code_1_and_has_its_place():
    folder = ZONES / "bind-comment-cuts"
    result = run("scan", "--no-config", "--only-zone", "--zone", folder, "--format", "json")
    assert result.exit_code == 1
    found = {f["code"]: f["location"] for f in json.loads(result.stdout)["findings"]}
    assert found["ZON003"] == found["DMA004"] == {"file": str(folder / "example.com.zone"), "line": EXPECTED["bind-comment-cuts"]["line"]}
    text = run("scan", "--no-config", "--only-zone", "--zone", folder).stdout
    assert f"[{folder}/example.com.zone:{EXPECTED['bind-comment-cuts']['line']}]" in text


@pytest.mark.parametrize("name", [n for n in sorted(EXPECTED) if n.startswith("bind-") and "beside-mx" not in n])
def test_the_difference_names_the_slip_and_nothing_is_added_the_other_way(name):
    clean, slip = ZONES / "clean-bind", ZONES / name
    result = run("diff", "--only-zone", "--before", clean, "--after", slip, "--format", "json")
    difference = json.loads(result.stdout)
    told = {f["code"] for f in difference["new"]} | {pair["after"]["code"] for pair in difference["changed"]}
    assert EXPECTED[name]["code"] in told
    assert result.exit_code == 1
    back = run("diff", "--only-zone", "--before", slip, "--after", clean, "--format", "json")
    assert back.exit_code == 0
    assert EXPECTED[name]["code"] in {f["code"] for f in json.loads(back.stdout)["gone"]}


def test_a_change_that_moves_lines_changes_nothing(tmp_path):
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    text = (ZONES / "bind-two-spf-records" / "example.com.zone").read_text(encoding="utf-8")
    (tmp_path / "before" / "example.com.zone").write_text(text, encoding="utf-8")
    (tmp_path / "after" / "example.com.zone").write_text("; a comment\n\n" + text, encoding="utf-8")
    result = run("diff", "--only-zone", "--before", tmp_path / "before", "--after", tmp_path / "after")
    assert result.exit_code == 0
    assert "0 findings gone, 0 new, 0 changed" in result.stdout


def test_a_zone_that_comes_and_one_that_goes():
    result = run("diff", "--only-zone", "--before", ZONES / "bind-include-misspelt", "--after", ZONES / "octodns-tab", "--format", "jsonl")
    gone, new = (json.loads(line) for line in result.stdout.splitlines())
    assert (gone["domain"], new["domain"]) == ("example.com", "example.net")
    assert "SPF005" in {f["code"] for f in gone["gone"]}
    assert not gone["new"]
    assert "ZON002" in {f["code"] for f in new["new"]}
    assert result.exit_code == 1


def test_fail_on_decides_what_an_addition_counts():
    args = ("diff", "--only-zone", "--before", ZONES / "clean-octodns", "--after", ZONES / "octodns-dmarc-without-policy")
    assert run(*args).exit_code == 0
    assert run(*args, "--fail-on", "warn").exit_code == 1
    assert run(*args, "--fail-on", "never").exit_code == 0


def test_what_cannot_be_compared_is_exit_2(tmp_path):
    assert run("diff", "--before", tmp_path / "nowhere", "--after", ZONES / "clean-bind").exit_code == 2
    assert run("diff", "--before", tmp_path, "--after", ZONES / "clean-bind").exit_code == 2
    assert run("diff", "--before", ZONES / "clean-bind", "--after", ZONES / "clean-bind", "--only-zone", "--nameserver", "127.0.0.1").exit_code == 2
