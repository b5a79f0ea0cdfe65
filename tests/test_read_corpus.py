"""The measuring corpus, where it lies beside the project: how many recipients and codes are read right."""

import json
from pathlib import Path

import pytest

from healthcheck.bounce.read import read

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "bounces"

pytestmark = [pytest.mark.shared, pytest.mark.skipif(not CORPUS.is_dir(), reason="the measuring corpus is not beside the project")]


@pytest.mark.parametrize("ends", ["lf", "crlf", "cr"])
def test_shares(ends):
    labels = json.loads((CORPUS / "labels.json").read_text())
    right: dict[str, list[bool]] = {"failures": [], "recipient": [], "status": [], "code": []}
    for name, label in labels.items():
        octets = (CORPUS / "mail" / name).read_bytes()
        if ends != "lf":
            octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n" if ends == "crlf" else b"\r")
        got = read(octets, name).bounces
        right["failures"].append(len(got) == len(label["bounces"]))
        if label["recipients"]:
            right["recipient"].append(sorted({(b.recipient or "").lower() for b in got}) == sorted(label["recipients"]))
        for n, want in enumerate(label["bounces"]):
            one = got[n].reply if n < len(got) else None
            if want["status"]:
                right["status"].append(one is not None and one.enhanced == want["status"])
            if want["code"]:
                right["code"].append(one is not None and str(one.code) == want["code"])
    shares = {name: sum(hits) / len(hits) for name, hits in right.items()}
    assert {name: share for name, share in shares.items() if share < 0.97} == {}
