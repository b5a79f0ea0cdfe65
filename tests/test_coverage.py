"""Every provider row of the reference that was seen in a source is read so, or named in docs/coverage.md with the reason."""

import functools
import pathlib

import pytest
import yaml

from healthcheck.bounce.classify import classify
from healthcheck.catalog import catalog
from healthcheck.model import Bounce, Reply

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = ROOT.parent / "shared" / "reference" / "bounce" / "providers.yaml"


@functools.cache
def reference() -> dict:
    if not REFERENCE.exists():
        pytest.skip("the reference is not beside this project (../shared)")
    return yaml.safe_load(REFERENCE.read_text(encoding="utf-8"))


def named() -> set[tuple[str, str, str]]:
    """Provider, codes and words of the rows in docs/coverage.md."""
    rows = [line.strip("|").split("|") for line in (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return {(row[0].strip(), row[1].strip(), row[2].strip()) for row in rows[1:]}


def words_of(row: dict) -> str:
    return (row["match_any"] or [""])[0]


def composed(row: dict, words: str) -> Bounce:
    """A reply as the provider's host would give it; codes that the reference gives as a range or a choice are left out."""
    code = row["basic"] if isinstance(row["basic"], int) else None
    enhanced = row["enhanced"] if isinstance(row["enhanced"], str) and row["enhanced"].replace(".", "").isdigit() else None
    host = (reference()["providers"][row["provider"]].get("mx_or_host_suffixes") or [None])[0]
    text = " ".join(str(part) for part in (code, enhanced, words) if part)
    return Bounce(Reply(code, enhanced, text), receiver="mx." + host.lstrip(".") if host else None)


def covered(row: dict) -> bool:
    causes = catalog().causes
    wanted = causes[row["cause"]].party
    return any(classify(composed(row, words)).party is wanted for words in row["match_any"] or [""])


def test_every_row_is_covered_or_named() -> None:
    rows = [row for row in reference()["entries"] if row["verified"]]
    assert len(rows) > 400
    open_ = {(row["provider"], " ".join(str(code) for code in (row["basic"], row["enhanced"]) if code), words_of(row)) for row in rows if not covered(row)}
    assert open_ == {(provider, codes, words) for provider, codes, words in named()}
