"""Topic recipient: does a domain take mail, and is it the one that was meant? Each code has a world where it must appear, and one where it must not."""

import random
import string
from pathlib import Path

import pytest
from support import Faults

from healthcheck.catalog import catalog
from healthcheck.checks.recipient import corrected, first, likely_meant, role_of, well_known
from healthcheck.edge.world import World
from healthcheck.mailboxes import _data, _mailboxes, disposable, distance, parking
from healthcheck.model import Domain, ScanInput, Status
from healthcheck.render import json as as_json
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
ZONES = ["recipient", "recipient-com", "recipient-parked", "recipient-expired"]
COM = ("RCP007", "RCP008")

CASES = [
    ("good.recipient.test", {"RCP001"}, {"RCP000", "RCP002", "RCP003", "RCP004", "RCP005", "RCP006", "RCP009", "RCP010", "RCP999", *COM}),
    ("half.recipient.test", {"RCP001"}, {"RCP005"}),
    ("gone.recipient.test", {"RCP002"}, {"RCP001", "RCP004", "RCP000"}),
    ("null.recipient.test", {"RCP003"}, {"RCP001", "RCP002", "RCP004"}),
    ("none.recipient.test", {"RCP004"}, {"RCP002", "RCP003", "RCP006"}),
    ("dead.recipient.test", {"RCP005"}, {"RCP001", "RCP004", "RCP000"}),
    ("inside.recipient.test", {"RCP005"}, {"RCP001"}),
    ("implicit.recipient.test", {"RCP006"}, {"RCP001", "RCP004"}),
    ("away.recipient.test", {"RCP999"}, {"RCP000", "RCP001", "RCP005"}),
    ("quick.recipient.test", {"RCP001", "RCP009"}, {"RCP007", "RCP008"}),
    ("parked.test", {"RCP006", "RCP010"}, {"RCP009"}),
    ("expired.test", {"RCP001", "RCP010"}, {"RCP006"}),
    ("gmial.com", {"RCP001", "RCP008"}, {"RCP007", "RCP002"}),
    ("gamil.com", {"RCP003", "RCP007"}, {"RCP008", "RCP001"}),
    ("hotmial.com", {"RCP006", "RCP008"}, {"RCP007"}),
    ("yaho.com", {"RCP004", "RCP007"}, {"RCP008"}),
    ("gnail.com", {"RCP002", "RCP007"}, {"RCP008"}),
    ("gmali.com", {"RCP001"}, {"RCP007", "RCP008"}),  # the provider's own: the same hosts
    ("gmail.com", {"RCP001"}, {"RCP007", "RCP008"}),
    ("www.gmail.com", {"RCP006", "RCP008"}, {"RCP001"}),
    ("mailinator.com", {"RCP001", "RCP009"}, {"RCP007", "RCP008"}),
]
UNANSWERED = ({"RCP000"}, {"RCP001", "RCP002", "RCP003", "RCP004", "RCP005"})
TABLES = [*((must, must_not) for _, must, must_not in CASES), UNANSWERED]


@pytest.fixture(scope="module")
def world():
    world = World.zones([WORLDS / f"{name}.zone" for name in ZONES], only=True)
    yield world
    world.close()


def look(domain, world, **given):
    report = scan(domain, world=world, topics=["recipient"], **given)
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            text.format(**finding.values)  # a slot without its value raises KeyError
    return report


def codes(report):
    return {f.code for f in report.findings}


@pytest.mark.parametrize(("domain", "must", "must_not"), CASES, ids=[case[0] for case in CASES])
def test_recipient(domain, must, must_not, world):
    found = codes(look(domain, world))
    assert must <= found
    assert not must_not & found


@pytest.mark.parametrize(
    ("domain", "code", "status"),
    [
        ("gmial.com", "RCP008", Status.WARN),
        ("gamil.com", "RCP007", Status.FAIL),
        ("gone.recipient.test", "RCP002", Status.FAIL),
        ("implicit.recipient.test", "RCP006", Status.WARN),
        ("parked.test", "RCP010", Status.NOTE),
        ("quick.recipient.test", "RCP009", Status.WARN),
    ],
)
def test_how_bad_it_is(domain, code, status, world):
    assert {f.status for f in look(domain, world).findings if f.code == code} == {status}


@pytest.mark.parametrize("fault", ["servfail", "timeout", "refused", "bogus", "error"])
def test_what_is_not_answered_is_not_known(fault, world):
    report = look("good.recipient.test", Faults(world, **{fault: {"*"}}))
    must, must_not = UNANSWERED
    assert must <= codes(report)
    assert not must_not & codes(report)
    assert report.facts["recipient"]["takes_mail"] is None
    assert report.facts["recipient"]["nameservers"] is None


def test_nameservers_that_cannot_be_looked_up_leave_the_rest(world):
    report = look("good.recipient.test", Faults(world, timeout={("recipient.test", "NS")}))
    assert {"RCP000", "RCP001"} <= codes(report)
    assert "RCP010" not in codes(report)


def test_a_mail_host_that_cannot_be_looked_up_may_be_the_one_that_works(world):
    report = look("dead.recipient.test", Faults(world, timeout={"nowhere.recipient.test"}))
    assert "RCP005" not in codes(report)
    assert "RCP000" in codes(report)


def test_a_slip_whose_mail_is_not_known_is_a_warning(world):
    report = look("gmial.com", Faults(world, timeout={("gmial.com", "MX")}))
    assert {f.status for f in report.findings if f.code == "RCP007"} == {Status.WARN}
    assert "RCP008" not in codes(report)


def test_it_is_said_only_where_it_is_asked_for(world):
    assert "recipient" not in scan("good.recipient.test", world=world).topics
    assert not [f for f in scan("gmial.com", world=world).findings if f.code.startswith("RCP")]


def test_no_finding_of_a_recipients_domain_proposes_a_record(world):
    for domain, *_ in CASES:
        for finding in as_json.report(look(domain, world))["findings"]:
            if finding["topic"] == "recipient":
                assert finding["fix"]["record"] is None
                assert finding["fix"]["choices"] == []


def test_the_facts(world):
    facts = look("gmial.com", world).facts["recipient"]
    assert (facts["takes_mail"], facts["meant"], facts["slip"], facts["disposable"]) == (True, "gmail.com", "swapped", None)
    assert look("gmali.com", world).facts["recipient"]["same_hosts"] is True
    assert look("null.recipient.test", world).facts["recipient"]["takes_mail"] is False
    assert look("implicit.recipient.test", world).facts["recipient"]["takes_mail"] is None
    parked = look("parked.test", world).facts["recipient"]
    assert (parked["parking"], parked["parking_state"]) == ("Sedo", "parked")
    assert look("expired.test", world).facts["recipient"]["parking_state"] == "expired"


def test_the_evidence_of_a_slip_is_both_domains(world):
    (finding,) = (f for f in look("gmial.com", world).findings if f.code == "RCP008")
    assert {a.name for a in finding.evidence} == {"gmial.com", "gmail.com"}


def test_all_of_it_can_be_asked_at_once():
    asked = [(q.name, q.rtype) for q in first(ScanInput(Domain.parse("mail.gmial.com")))]
    assert asked == [("gmial.com", "NS")]
    assert ("gmail.com", "MX") in [(q.name, q.rtype) for q in first(ScanInput(Domain.parse("gmial.com")))]


# ------------------------------------------------------------------ slips

SLIPS = {
    "gmial.com": "gmail.com", "gamil.com": "gmail.com", "gmal.com": "gmail.com", "gmil.com": "gmail.com", "gmai.com": "gmail.com", "gmali.com": "gmail.com",
    "gnail.com": "gmail.com", "gmsil.com": "gmail.com", "gmaill.com": "gmail.com", "gmail.con": "gmail.com", "gmail.cmo": "gmail.com", "gmail.co": "gmail.com",
    "gmail.comm": "gmail.com", "gmail.co.uk": "gmail.com", "gmail.com.com": "gmail.com", "gmial.con": "gmail.com", "g.mail.com": "gmail.com",
    "www.gmail.com": "gmail.com", "gmail.c.om": "gmail.com", "hotmial.com": "hotmail.com", "hotmil.com": "hotmail.com", "hotmail.con": "hotmail.com",
    "htomail.com": "hotmail.com", "hotmial.fr": "hotmail.fr", "hotmail.couk": "hotmail.co.uk", "yaho.com": "yahoo.com", "yahooo.com": "yahoo.com",
    "yhaoo.com": "yahoo.com", "yahoo.cmo": "yahoo.com", "yahoo.con": "yahoo.com", "outlok.com": "outlook.com", "outlook.con": "outlook.com",
    "icluod.com": "icloud.com", "iclud.com": "icloud.com", "aol.con": "aol.com", "live.con": "live.com", "tonline.de": "t-online.de", "gmx.ed": "gmx.de",
    "wanado.fr": "wanadoo.fr", "ornage.fr": "orange.fr", "comcat.net": "comcast.net", "comcast.ner": "comcast.net", "protnmial.com": "protonmail.com",
    "btinternet.co.uk": "btinternet.com", "rediffmial.com": "rediffmail.com", "qq.con": "qq.com", "yandex.ri": "yandex.ru", "interi.pl": "interia.pl",
}  # fmt: skip
OWN = [
    "gmail.com", "googlemail.com", "ymail.com", "mail.com", "email.com", "hotmail.be", "hotmail.cz", "yahoo.cz", "outlook.bg", "live.lv", "me.com", "me.co",
    "cloud.com", "never.com", "grail.com", "globe.com", "online.de", "smartmail.com", "photon.me", "comcast.com", "verizon.com", "att.com", "cox.com", "laposte.fr",
    "vega.ocn.ne.jp", "cfl.rr.com", "google.com", "microsoft.com", "yahoo-inc.com", "example.com", "horizon.net", "pocketmail.com", "mailinator.com", "web.dev",
    "proton.ch", "gmx.io", "mail.me", "a.com", "x.y", "com",
]  # fmt: skip


@pytest.mark.parametrize("typed", SLIPS)
def test_a_slip_is_told(typed):
    slip = likely_meant(typed)
    assert slip is not None
    assert slip.meant == SLIPS[typed]
    assert slip.kind in catalog().checks["RCP007"].reasons


@pytest.mark.parametrize("domain", OWN)
def test_a_domain_of_its_own_is_no_slip(domain):
    assert likely_meant(domain) is None


def test_no_well_known_domain_is_called_a_slip():
    known = {d for row in _mailboxes() for d in row.domains} | {d for p in catalog().providers.values() for d in p.domains}
    assert len(known) > 400
    assert all(well_known(d) and likely_meant(d) is None for d in known)


def test_a_slip_leads_to_a_well_known_domain_whatever_is_typed():
    """Four thousand ways to mistype: nothing raises, and what is suggested is on the list and within two slips (the suffix apart)."""
    chance = random.Random(5)
    targets = [d for row in _mailboxes() for d in row.domains]
    told = 0
    for _ in range(4_000):
        typed = list(chance.choice(targets))
        for _ in range(chance.randint(1, 2)):
            at = chance.randrange(len(typed))
            match chance.randrange(4):
                case 0 if len(typed) > 1:
                    del typed[at]
                case 1:
                    typed.insert(at, chance.choice(string.ascii_lowercase + ".-"))
                case 2:
                    typed[at] = chance.choice(string.ascii_lowercase + ".")
                case _ if at:
                    typed[at - 1], typed[at] = typed[at], typed[at - 1]
        name = "".join(typed)
        if slip := likely_meant(name):
            told += 1
            assert well_known(slip.meant)
            assert not well_known(name)
            assert distance(name.partition(".")[0], slip.meant.partition(".")[0]) <= 2 or slip.kind in ("subdomain", "dots", "other")
    assert told > 1_000


@pytest.mark.parametrize(
    ("one", "other", "want"), [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("gmial", "gmail", 1), ("abc", "xyz", 3), ("kitten", "sitting", 3), ("ca", "abc", 3)]
)
def test_the_distance(one, other, want):
    assert distance(one, other) == distance(other, one) == want


# ------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("address", "role"),
    [
        ("postmaster@example.com", "standard"), ("ABUSE@example.com", "standard"), ("info", "standard"), ("sales+de@example.com", "standard"),
        ("noreply@example.com", "machine"), ("no-reply@example.com", "machine"), ("office@example.com", "common"), ("hr@example.com", "common"),
        ("ietf-request@example.com", "lists"), ("owner-list@example.com", "lists"), ("jane@example.com", None), ("information@example.com", None),
        ("jane.sales@example.com", None), ("-request@example.com", None), ("", None), ("@", None), ('"info"@example.com', "standard"),
    ],
)  # fmt: skip
def test_role_addresses(address, role):
    assert role_of(address) == role


def test_every_role_has_its_words():
    assert set(_data()["role"]) <= set(catalog().words["role"])


@pytest.mark.parametrize(("names", "service"), [(["yopmail.com"], "YOPmail"), (["x.yopmail.com"], "YOPmail"), (["example.com", "MX.Mailinator.com."], "Mailinator"), ([], None), (["notyopmail.com"], None)])  # fmt: skip
def test_throw_away_services(names, service):
    assert disposable(names) == service


def test_parking():
    assert parking(["ns2.bodis.com"]) == ("Bodis", "parked")
    assert parking(["ns1.example.net", "ns2.example.net"]) is None


@pytest.mark.parametrize(
    ("address", "want"), [("jane@gmial.com", "jane@gmail.com"), ("<Jane.Doe@GMIAL.com>", "Jane.Doe@gmail.com"), ("jane@example.com", None), ("gmial.com", None), ("@gmial.com", None)]
)  # fmt: skip
def test_the_address_that_was_probably_meant(address, want):
    assert corrected(address) == want


def test_the_list_carries_its_sources():
    data = _data()
    rows = [*data["mailbox"], *data["disposable"], *data["parking"]]
    assert data["seen"] >= "2026-11"
    assert all(row["source"].startswith("https://") and row["name"] for row in rows)
    names = [d for row in rows for d in (*row.get("domains", ()), *row.get("hosts", ()), *row.get("slips", {}))]
    assert len(names) == len(set(names))
    assert all(name == name.lower().strip(". ") for name in names)
    assert len({row["country"] for row in data["mailbox"]}) >= 25
    assert all(target in {d for row in data["mailbox"] for d in row["domains"]} for row in data["mailbox"] for target in row.get("slips", {}).values())
