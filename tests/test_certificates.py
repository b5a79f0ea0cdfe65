"""Certificates as a receiver judges them: names, dates, who issued them. What cannot be read raises nothing."""

from datetime import UTC

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from test_bimi import DAY, MARKS, NOW, Authority

from healthcheck.edge import certificates
from healthcheck.edge.certificates import describe, describe_all, led_to, name_matches, seen


def der(certificate):
    return certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("host", "names", "held"),
    [
        ("mx.example.com", ["mx.example.com"], True),
        ("MX.example.com.", ["mx.EXAMPLE.com"], True),
        ("mx.example.com", ["*.example.com"], True),
        ("a.mx.example.com", ["*.example.com"], False),
        ("example.com", ["*.example.com"], False),
        ("example.com", ["*.com"], False),
        ("mx.example.com", ["m*.example.com", "*"], False),
        ("mx.example.com", [], False),
    ],
)
def test_names(host, names, held):
    assert name_matches(host, names) is held


def test_what_a_certificate_says():
    made = MARKS.mark(names=["A.example.com", "b.example.com"])
    told = describe(der(made))
    assert told.names == ("a.example.com", "b.example.com")
    assert (told.subject, told.issuer) == ("Example Brand", "Example Mark Issuer")
    assert (told.not_before, told.not_after) == (NOW - 30 * DAY, NOW + 300 * DAY)
    assert told.spki == made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert not told.self_signed
    assert not told.authority
    assert describe(made.public_bytes(Encoding.PEM)) == told
    assert describe(der(MARKS.root)).self_signed
    assert describe(der(MARKS.between)).authority


PROBLEMS = [
    (MARKS.mark(names=["x.test"]), "x.test", True, ""),
    (MARKS.mark(names=["x.test"]), "x.test", None, ""),
    (MARKS.mark(names=["x.test"]), "x.test", False, "untrusted"),
    (MARKS.mark(names=["x.test"]), "y.test", True, "wrong-name"),
    (MARKS.mark(names=["x.test"], own=True), "x.test", False, "self-signed"),
    (MARKS.mark(names=["x.test"], own=True), "x.test", None, "self-signed"),
    (MARKS.mark(names=["x.test"], end=NOW - DAY, own=True), "y.test", False, "expired"),
    (MARKS.mark(names=["x.test"], start=NOW + DAY), "x.test", True, "not-yet-valid"),
]


@pytest.mark.parametrize(("made", "host", "trusted", "problem"), PROBLEMS)
def test_the_first_problem_is_told(made, host, trusted, problem):
    assert seen([der(made)], host, NOW, trusted=trusted).problem == problem


def test_nothing_and_rubbish():
    assert seen([], "x.test", NOW, trusted=None) is None
    assert seen([b"rubbish"], "x.test", NOW, trusted=None).problem == "unreadable"
    assert describe(b"") is None
    assert describe_all(b"-----BEGIN CERTIFICATE-----\nAAAA") == (None,)
    assert led_to([]) == led_to([b"rubbish"]) == "unreadable"


def test_where_a_chain_leads(monkeypatch):
    mark, between, root = (der(c) for c in (MARKS.mark(), MARKS.between, MARKS.root))
    monkeypatch.setattr(certificates, "_roots", lambda: (MARKS.root,))
    assert led_to([mark, between]) == led_to([mark, root, between]) == "known"
    assert led_to([mark]) == led_to([mark, root]) == "incomplete"
    # the same names, other keys: the signatures do not fit
    other = Authority()
    assert led_to([mark, der(other.between), der(other.root)]) == "incomplete"
    assert led_to([der(other.mark()), der(other.between)]) == "unknown-root"
    assert led_to([der(MARKS.mark(own=True))]) == "self-signed"


def test_times_are_in_utc():
    assert describe(der(MARKS.root)).not_after.tzinfo is UTC
