"""The measuring corpus, where it lies beside the project: how many recipients and codes are read right, and how many causes stay the same
when the same mail is pasted in another form."""

import json
from pathlib import Path

import pytest
from support.pasted import FORMS

from healthcheck.bounce.classify import classify
from healthcheck.bounce.read import read

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "bounces"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the measuring corpus is not beside the project (../shared/{'/'.join(CORPUS.parts[-2:])})"),
]


def mails() -> dict[str, bytes]:
    return {name: (CORPUS / "mail" / name).read_bytes() for name in json.loads((CORPUS / "labels.json").read_text())}


@pytest.mark.parametrize("ends", ["lf", "crlf", "cr"])
def test_shares(ends):
    labels = json.loads((CORPUS / "labels.json").read_text())
    right: dict[str, list[bool]] = {"failures": [], "recipient": [], "status": [], "code": []}
    for name, label in labels.items():
        octets = (CORPUS / "mail" / name).read_bytes()
        got = read(FORMS[ends](octets) if ends != "lf" else octets, name).bounces
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


def test_same_cause_in_every_form():
    whole = {name: [classify(b).cause for b in read(octets).bounces] for name, octets in mails().items()}
    shares, lost = {}, {}
    for form, change in FORMS.items():
        same = {name: [classify(b).cause for b in read(change(octets)).bounces] == whole[name] for name, octets in mails().items()}
        shares[form] = round(sum(same.values()) / len(same), 3)
        lost[form] = [name for name, kept in same.items() if not kept]
    print(shares, {form: names for form, names in lost.items() if names})
    assert {form: (share, lost[form]) for form, share in shares.items() if share < 0.97} == {}


def test_old_line_ends_as_they_came():
    """Mails that were saved with bare CR (mac) and with CRLF (dos): each is read, and its recipient found in 0.97."""
    for folder in ("mac", "dos"):
        files = sorted((CORPUS / folder).glob("*.eml"))
        found = [any(b.recipient for b in read(path.read_bytes(), path.name).bounces) for path in files]
        assert sum(found) >= 0.97 * len(files), [path.name for path, hit in zip(files, found, strict=True) if not hit]
