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


def test_there_are_forty_and_ten():
    assert len(EXPECTED) == 40
    assert len(CLEAN) == 10
    assert set(EXPECTED) | set(CLEAN) == {path.name for path in ZONES.iterdir() if path.is_dir()}
    assert {row["code"] for row in EXPECTED.values()} <= set(catalog().checks)
