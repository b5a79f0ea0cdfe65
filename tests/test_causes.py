"""Every cause has a bounce that ends at it, and none ends at the wrong side."""

import pathlib
from functools import cache

import pytest

from healthcheck import explain
from healthcheck.catalog import catalog
from healthcheck.model import Suppress

BOUNCES = pathlib.Path(__file__).parent / "bounces"
# What no wording says, only the form of a paste, or nothing at all.
BY_FORM = {
    "delay-warning": "From: MAILER-DAEMON@mx.example.org\nSubject: Warning: message delayed\nContent-Type: multipart/report; report-type=delivery-status; "
    'boundary="b"\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; jane@example.net\n'
    "Action: delayed\nStatus: 4.0.0\n\n--b--\n",
    "delivered": "250 2.0.0 OK",
    "unknown": "550 hard bounce deferred",
}


@cache
def reached() -> dict[str, str]:
    """cause -> one of our own inputs that ends there: the sample mails, the examples of the rules, and the forms above."""
    out: dict[str, str] = {}
    inputs = [(p.name, p.read_bytes()) for p in sorted(BOUNCES.rglob("*.eml"))] + [(r.id, r.example) for r in catalog().rules] + list(BY_FORM.items())
    for name, text in inputs:
        for failure in explain(text, offline=True).failures:
            out.setdefault(failure.cause, name)
    return out


@pytest.mark.parametrize("cause", catalog().causes)
def test_a_bounce_ends_at_it(cause):
    assert cause in reached(), f"no sample mail and no rule's example is explained as {cause}"


def test_no_sample_of_a_senders_fault_suppresses():
    for rule in catalog().rules:
        for failure in explain(rule.example, offline=True).failures:
            if failure.side == "sender" or failure.side == "unknown":
                assert failure.suppress is not Suppress.NOW, rule.id
