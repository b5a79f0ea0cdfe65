"""One bounce, pasted in every form: the same causes and recipients. The mails under bounces/ are ours."""

from pathlib import Path

import pytest
from support.pasted import FORMS

from healthcheck.bounce.classify import classify
from healthcheck.bounce.read import read

MAILS = sorted((Path(__file__).parent / "bounces").glob("*.eml"))
# What these are stands in the header of the mail, which a body does not have.
BY_HEADER = {"auto-reply.eml", "challenge.eml", "receipt.eml", "auth-failure.eml", "complaint.eml"}


def seen(pasted: bytes | str) -> list[tuple[str, str | None]]:
    return [(classify(b).cause, b.recipient) for b in read(pasted).bounces]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.name)
def test_form(path, form):
    if path.name in BY_HEADER and "body" in form:
        return
    octets = path.read_bytes()
    assert seen(FORMS[form](octets)) == seen(octets)
