"""The name in EHLO, and what IPv6 adds to a missing reverse name."""

from pathlib import Path

import pytest
from support import Faults

from healthcheck.catalog import catalog
from healthcheck.checks.ptr.generic import looks_generic, receiver_of
from healthcheck.checks.ptr.helo import kind_of
from healthcheck.edge.world import World
from healthcheck.errors import InputError
from healthcheck.model import Status, given_helo
from healthcheck.scan import scan

FILES = [Path(__file__).parent / "worlds" / "helo.zone"]
V4, V6 = "192.0.2.25", "2001:db8::25"


def world_of():
    return World.zones(FILES, only=True)


def look(helo, ips=(V4,), world=None, domain="helo.test", **more):
    report = scan(domain, ips=ips, helo=helo, topics=["ptr"], world=world or world_of(), **more)
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            text.format(**finding.values)  # a slot without its value raises KeyError
    return report


def codes(report, *statuses):
    return {f.code for f in report.findings if not statuses or f.status in statuses}


HELO = {f"PTR{n:03}" for n in range(13, 22)}
CASES = [
    ("mail.helo.test", (V4,), {"PTR013"}, HELO - {"PTR013"}),
    ("EHLO Mail.Helo.Test.", (V4, V6), {"PTR013"}, HELO - {"PTR013"}),
    ("alias.helo.test", (V4,), {"PTR013"}, {"PTR014", "PTR015"}),
    ("mail.helo.test", (), {"PTR021"}, {"PTR013", "PTR015", "PTR020"}),
    ("nothing.helo.test", (V4,), {"PTR014"}, {"PTR013", "PTR015", "PTR000"}),
    ("nobody.helo.test", (), {"PTR014"}, {"PTR021", "PTR000"}),
    ("circle1.helo.test", (V4,), {"PTR014"}, {"PTR000", "PTR013"}),
    ("inner.helo.test", (V4,), {"PTR015"}, {"PTR013", "PTR014", "PTR020"}),
    ("plain.helo.test", (V4, V6), {"PTR015"}, {"PTR013"}),
    ("[192.0.2.25]", (V4,), {"PTR016"}, {"PTR013", "PTR014"}),
    ("[IPv6:2001:db8::25]", (V6,), {"PTR016"}, {"PTR014"}),
    ("192.0.2.25", (V4,), {"PTR016"}, {"PTR014"}),
    ("localhost", (V4,), {"PTR016"}, {"PTR014"}),
    ("localhost.localdomain", (V4,), {"PTR016"}, {"PTR014"}),
    ("server1", (V4,), {"PTR016"}, {"PTR014"}),
    ("mail.corp", (V4,), {"PTR016"}, {"PTR014"}),
    ("mail..helo.test", (V4,), {"PTR016"}, {"PTR014"}),
    ("gmail.com", (V4,), {"PTR017"}, {"PTR015", "PTR016", "PTR020"}),
    ("mail-1.gmail.com", (V4,), {"PTR017"}, {"PTR015"}),
    ("gmail.com", (), {"PTR017"}, {"PTR021"}),
    ("mail.outlook.com", (V4,), {"PTR999"}, {"PTR017"}),
    ("mail-1.gmail.com", ("198.51.100.8",), {"PTR013"}, {"PTR017"}),
    ("static-192-0-2-25.dyn.helo.test", (V4,), {"PTR018", "PTR013"}, {"PTR014"}),
    ("wrong-spf.helo.test", (V4,), {"PTR019", "PTR013"}, {"PTR020"}),
    ("broken-spf.helo.test", (V4,), {"PTR019"}, {"PTR020"}),
    ("plain.helo.test", (V4,), {"PTR020", "PTR013"}, {"PTR019"}),
    ("texts.helo.test", (V4,), {"PTR020"}, {"PTR019"}),
    ("helo.test", (V4,), {"PTR014"}, {"PTR020"}),
    ("host.elsewhere.example", (V4,), {"PTR999"}, {"PTR000", "PTR014", "PTR015"}),
    ("elsewhere.helo.test", (V4,), {"PTR999"}, {"PTR014", "PTR015", "PTR020"}),
    (None, (V4,), {"PTR005"}, HELO | {"PTR012"}),
    (None, ("2001:db8::99",), {"PTR001", "PTR012"}, HELO),
    (None, ("192.0.2.99",), {"PTR001"}, {"PTR012"}),
]
TABLES = [(must, must_not) for _, _, must, must_not in CASES]


@pytest.mark.parametrize(("helo", "ips", "must", "must_not"), CASES, ids=[f"{case[0]}-{len(case[1])}" for case in CASES])
def test_helo(helo, ips, must, must_not):
    found = codes(look(helo, ips))
    assert must <= found
    assert not must_not & found


@pytest.mark.parametrize(
    ("helo", "code", "status"),
    [
        ("nothing.helo.test", "PTR014", Status.FAIL),
        ("inner.helo.test", "PTR015", Status.WARN),  # RFC 5321 section 4.1.4
        ("[192.0.2.25]", "PTR016", Status.WARN),  # RFC 5321 section 4.1.3 allows it
        ("mail.corp", "PTR016", Status.WARN),
        ("localhost", "PTR016", Status.FAIL),
        ("server1", "PTR016", Status.FAIL),
        ("plain.helo.test", "PTR020", Status.NOTE),
    ],
)
def test_how_bad_it_is(helo, code, status):
    assert {f.status for f in look(helo).findings if f.code == code} == {status}


def test_a_record_is_proposed_only_where_it_lets_nobody_else_pass():
    records = {helo: next(f.record for f in look(f"{helo}.helo.test").findings if f.code == "PTR020") for helo in ("plain", "texts", "wide")}
    assert (records["plain"].name, records["plain"].proposed) == ("plain.helo.test", ("v=spf1 a -all",))
    assert records["texts"] is None
    assert records["wide"] is None


def test_the_proposed_record_makes_the_name_pass(tmp_path):
    record = next(f.record for f in look("plain.helo.test").findings if f.code == "PTR020")
    patch = tmp_path / "fix.records"
    patch.write_text(f'{record.name}. 300 IN TXT "{record.proposed[0]}"\n')
    after = look("plain.helo.test", world=World.zones([*FILES, patch], only=True))
    assert not {"PTR019", "PTR020"} & codes(after)
    assert after.facts["ptr"]["helo"]["spf"] == {V4: "pass"}


def test_the_facts():
    helo = look("mail.helo.test", (V4, V6, "192.0.2.99")).facts["ptr"]["helo"]
    assert helo["kind"] == "name"
    assert helo["of"] == [V4, V6]
    assert helo["not_of"] == ["192.0.2.99"]
    assert helo["spf"] == {V4: "pass", V6: "pass", "192.0.2.99": "fail"}


@pytest.mark.parametrize("fault", ["timeout", "servfail", "refused"])
def test_what_was_not_answered_is_unknown(fault):
    every = look("mail.helo.test", world=Faults(world_of(), **{fault: {"mail.helo.test"}}))
    assert "PTR000" in codes(every, Status.UNKNOWN)
    assert not HELO & codes(every)
    text = look("mail.helo.test", world=Faults(world_of(), **{fault: {("mail.helo.test", "TXT")}}))
    assert {"PTR000", "PTR013"} <= codes(text)
    assert not {"PTR019", "PTR020"} & codes(text)


def test_the_step_after_a_good_reverse_name_says_which_name_to_greet_with():
    finding = next(f for f in look(None).findings if f.code == "PTR005")
    assert "mail.helo.test" in " ".join(catalog().checks["PTR005"].steps).format(**finding.values)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" Mail.Example.COM. ", "mail.example.com"),
        ("EHLO mail.example.com", "mail.example.com"),
        ("helo [192.0.2.1]", "[192.0.2.1]"),
        ("[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"),
        ("post.bücher.example", "post.xn--bcher-kva.example"),
        ("WIN-ABC123", "win-abc123"),
        ("my_host.example.com", "my_host.example.com"),
        ("-odd-.example.com", "-odd-.example.com"),
    ],
)
def test_a_name_is_taken_as_a_server_says_it(text, name):
    assert given_helo(text) == name


@pytest.mark.parametrize("text", ["", "  ", "a b", "x" * 300, "mail\u0000.example.com", "ü" * 200])
def test_what_no_server_can_say_is_refused(text):
    with pytest.raises(InputError):
        scan("helo.test", helo=text or " ", topics=["ptr"], world=world_of())


def test_the_forms_of_a_name():
    assert [kind_of(n) for n in ("[192.0.2.1]", "[ipv6:2001:db8::1]", "[mail]", "a.b", "x.local", "localhost", "2001:db8::1", "a..b")] == [
        "literal", "literal", "invalid", "name", "internal", "localhost", "address", "invalid",
    ]  # fmt: skip
    assert receiver_of("gmail.com.example.net") == ""


def test_an_address_in_hexadecimal_is_a_pattern_too():
    assert looks_generic("c0000219.cust.example.net", "192.0.2.25")
    assert not looks_generic("c0000219-mail.example.net", "192.0.2.25")
