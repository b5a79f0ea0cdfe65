"""Topics mx, ptr and dnsbl: each code has a world where it must appear, and one where it must not."""

from pathlib import Path

import pytest
from support import Faults

from healthcheck.catalog import Blocklist, catalog
from healthcheck.checks import dnsbl
from healthcheck.checks.addresses import is_reachable
from healthcheck.checks.ptr import looks_generic
from healthcheck.edge.world import World
from healthcheck.model import Answer, Outcome, Status
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"


def world_of(*names, lists=None):
    world = World.zones([WORLDS / f"{name}.zone" for name in names], only=True)
    world.blocklists = lists
    return world


def look(names, domain, topic, lists=None, **options):
    world = world_of(*names, lists=lists)
    try:
        report = scan(domain, world=world, topics=[topic], **options)
    finally:
        world.close()
    for finding in report.findings:
        row = catalog().checks[finding.code]
        for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record or ""):
            text.format(**finding.values)  # a slot without its value raises KeyError
    return report


def codes(report):
    return {f.code for f in report.findings}


# ------------------------------------------------------------------ mx

MX = [
    ("good", {"MX010"}, {"MX009", "MX001", "MX002", "MX005", "MX006", "MX007"}),
    ("one", {"MX009", "MX010"}, {"MX001", "MX006"}),
    ("null-parked", {"MX003"}, {"MX001", "MX004", "MX010"}),
    ("null-sends", {"MX003"}, {"MX004", "MX010"}),
    ("mixed", {"MX004", "MX010"}, {"MX003"}),
    ("implicit", {"MX002"}, {"MX001", "MX003", "MX010"}),
    ("none", {"MX001"}, {"MX002", "DOM001", "MX000"}),
    ("aliased", {"MX005", "MX010"}, {"MX006"}),
    ("gone", {"MX006"}, {"MX010", "MX001"}),
    ("half", {"MX006", "MX010"}, {"MX001"}),
    ("private", {"MX007"}, {"MX006", "MX010"}),
    ("literal", {"MX008"}, {"MX006", "MX010"}),
    ("missing", {"DOM001"}, {"MX001", "MX000"}),
    ("away", {"MX999"}, {"MX000", "MX006", "MX010", "MX008"}),
    ("half", {"MX010"}, {"DOM001", "MX007", "MX999"}),
    ("alias-away", {"MX001"}, {"DOM001"}),
    ("looped", {"MX006"}, {"MX000", "MX005"}),
    ("crowd", {"MX006"}, {"MX004"}),
]


@pytest.mark.parametrize(("name", "must", "must_not"), MX, ids=[f"{case[0]}-{'-'.join(sorted(case[1]))}" for case in MX])
def test_mx(name, must, must_not):
    found = codes(look(["mx-cases"], f"{name}.mx.test", "mx"))
    assert must <= found
    assert not must_not & found


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("null-parked", "MX003", Status.NOTE),
        ("null-silent", "MX003", Status.WARN),
        ("null-sends", "MX003", Status.FAIL),
        ("one", "MX009", Status.NOTE),
        ("gone", "MX006", Status.FAIL),
        ("half", "MX006", Status.WARN),
        ("crowd", "MX006", Status.WARN),
        ("missing", "DOM001", Status.FAIL),
    ],
)
def test_how_bad_it_is_depends_on_the_rest(name, code, status):
    report = look(["mx-cases"], f"{name}.mx.test", "mx")
    assert {f.status for f in report.findings if f.code == code} == {status}


@pytest.mark.parametrize("rtype", ["A", "AAAA"])
def test_a_loop_that_one_type_shows_holds_for_the_other(rtype):
    world = Faults(world_of("mx-cases"), not_asked={("circle1.mx.test", rtype)})
    found = codes(scan("looped.mx.test", world=world, topics=["mx"]))
    assert "MX006" in found
    assert not found & {"MX000", "MX005"}


def test_outside_the_zone_files_is_a_note():
    report = look(["mx-cases"], "elsewhere.example", "mx")
    assert codes(report) == {"MX999"}
    assert report.verdict is Status.NOTE


def test_facts_of_mx():
    mx = look(["mx-cases"], "good.mx.test", "mx").facts["mx"]
    assert mx["state"] == "present"
    assert mx["hosts"][0] == {
        "host": "host1.mx.test",
        "preference": 10,
        "addresses": ["192.0.2.10", "2001:db8::10"],
        "state": "ok",
        "alias": None,
    }


@pytest.mark.parametrize(
    ("address", "reachable"),
    [
        ("192.0.2.1", True),
        ("2001:db8::1", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.1.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
    ],
)
def test_which_addresses_can_be_reached(address, reachable):
    assert is_reachable(address) is reachable


# ------------------------------------------------------------------ ptr

PTR_WORLD = ["ptr-reverse4", "ptr-reverse6", "ptr-names"]
PTR = [
    ("192.0.2.1", {"PTR005"}, {"PTR001", "PTR002", "PTR003", "PTR004"}, True),
    ("2001:db8::1", {"PTR005"}, {"PTR001", "PTR002"}, True),
    ("192.0.2.2", {"PTR001"}, {"PTR000", "PTR002", "PTR005"}, False),
    ("2001:db8::2", {"PTR001"}, {"PTR000", "PTR005"}, False),
    ("192.0.2.3", {"PTR002"}, {"PTR001", "PTR005"}, False),
    ("192.0.2.4", {"PTR003", "PTR005"}, {"PTR001", "PTR002"}, True),
    ("192.0.2.5", {"PTR005"}, {"PTR002"}, True),
    ("192.0.2.6", {"PTR007"}, {"PTR001", "PTR005"}, False),
    ("10.0.0.1", {"PTR006"}, {"PTR001"}, None),
    ("198.51.100.1", {"PTR999"}, {"PTR001", "PTR000"}, None),
]


@pytest.mark.parametrize(("ip", "must", "must_not", "fcrdns"), PTR, ids=[case[0] for case in PTR])
def test_ptr(ip, must, must_not, fcrdns):
    report = look(PTR_WORLD, "ptr.test", "ptr", ips=[ip])
    assert must <= codes(report)
    assert not must_not & codes(report)
    assert report.facts["ptr"]["fcrdns"] is fcrdns
    assert set(report.facts["ptr"]["ips"]) == {ip}


WITHOUT_ADDRESS = ({"PTR004"}, {"PTR000", "PTR001", "PTR006", "PTR007", "PTR999"})


def test_without_an_address_one_note_says_how_to_give_one():
    report = look(PTR_WORLD, "ptr.test", "ptr")
    assert codes(report) == WITHOUT_ADDRESS[0]
    assert report.facts["ptr"] == {"fcrdns": None, "ips": {}, "mail_hosts": {}, "helo": None}


@pytest.mark.parametrize(
    ("name", "ip", "generic"),
    [
        ("mail.example.com", "192.0.2.1", False),
        ("mx2.example.com", "192.0.2.2", False),
        ("web01.example.com", "192.0.2.1", False),
        ("192-0-2-9.dyn.example.net", "192.0.2.9", True),
        ("static-192-0-2-9.example.net", "192.0.2.9", True),
        ("ec2-192-0-2-9.compute-1.example.net", "192.0.2.9", True),
        ("9.2.0.192.example.net", "192.0.2.9", True),
        ("mail-192-0-2-9.example.net", "192.0.2.9", False),
        ("pool7.example.net", "192.0.2.9", True),
        ("carpool.example.net", "192.0.2.9", False),
    ],
)
def test_generic_names(name, ip, generic):
    assert looks_generic(name, ip) is generic


# ------------------------------------------------------------------ dnsbl


def row(zone, kind="ip", weight="critical", **more):
    return Blocklist(zone=zone, name=zone, kind=kind, weight=weight, source="-", seen="2026-11", **more)


GOOD = row(
    "bl.test",
    ipv6=True,
    codes={"127.0.0.2": "spam", "127.0.0.3": "more spam"},
    not_listed={"127.0.0.13": "neutral"},
    delist="https://bl.test/",
)
LIGHT = row("bl.test", weight="low", codes=GOOD.codes)
WORLD_LISTER = row("world.test", codes={"127.0.0.2": "spam"})
PARKED = row("parked.test", codes={"127.0.0.2": "spam"})
REFUSING = row("refusing.test", refusals={"127.255.255.254": "a public resolver"})
EMPTY = row("empty.test", codes={"127.0.0.2": "spam"})
NAMES = row("names.test", "domain", codes={"127.0.1.2": "spam"})
BITS = row("bits.test", "domain", bitmask=True, codes={"bit 2": "black", "bit 4": "grey", "bit 8": "red"}, refusals={"bit 1": "blocked"})
DNSBL_WORLD = ["dnsbl-good", "dnsbl-world", "dnsbl-parked", "dnsbl-refusing", "dnsbl-empty", "dnsbl-names", "dnsbl-bits", "dnsbl-domains", "dnsbl-bad"]

DNSBL = [
    (
        "clean.dom.test",
        ["192.0.2.99"],
        (GOOD, NAMES),
        {"DBL008"},
        {"DBL000", "DBL001", "DBL002", "DBL003", "DBL004", "DBL005", "DBL006", "DBL007", "DBL999"},
        False,
    ),
    ("clean.dom.test", ["192.0.2.66"], (GOOD, NAMES), {"DBL001"}, {"DBL008", "DBL003"}, True),
    ("clean.dom.test", ["2001:db8::66"], (GOOD, NAMES), {"DBL001"}, {"DBL008"}, True),
    ("good.dom.test", [], (GOOD, NAMES), {"DBL002", "DBL003"}, {"DBL001", "DBL008"}, True),
    ("clean.dom.test", ["192.0.2.99"], (WORLD_LISTER,), {"DBL006"}, {"DBL001", "DBL008"}, None),
    ("clean.dom.test", ["192.0.2.99"], (EMPTY,), {"DBL006"}, {"DBL001", "DBL008"}, None),
    ("clean.dom.test", ["192.0.2.99"], (PARKED,), {"DBL007"}, {"DBL001", "DBL008"}, None),
    ("clean.dom.test", ["192.0.2.99"], (REFUSING,), {"DBL005"}, {"DBL001", "DBL008"}, None),
    ("clean.dom.test", ["192.0.2.99"], (REFUSING, GOOD), {"DBL005", "DBL011"}, {"DBL001", "DBL008"}, None),
    ("bare.dom.test", ["192.0.2.68"], (GOOD,), {"DBL009"}, {"DBL001", "DBL008"}, None),
    ("clean.dom.test", ["192.0.2.69"], (GOOD,), {"DBL008"}, {"DBL001", "DBL009"}, False),
    ("bare.dom.test", ["192.0.2.70"], (GOOD,), {"DBL009"}, {"DBL001", "DBL008"}, None),
    ("clean.dom.test", ["10.0.0.1"], (GOOD, NAMES), {"DBL008"}, {"DBL001", "DBL000"}, False),
    ("bad.test", [], (NAMES,), {"DBL004"}, {"DBL008", "DBL001"}, True),
    ("bad.test", [], (BITS,), {"DBL004"}, {"DBL008", "DBL005"}, True),
    ("blocked.test", [], (BITS,), {"DBL005"}, {"DBL004", "DBL008"}, None),
    ("clean.dom.test", ["192.0.2.99"], (row("nowhere.test"),), {"DBL999"}, {"DBL000", "DBL001", "DBL008"}, None),
]


@pytest.mark.parametrize(("domain", "ips", "lists", "must", "must_not", "listed"), DNSBL, ids=[f"{c[0]}-{'-'.join(r.zone for r in c[2])}" for c in DNSBL])
def test_dnsbl(domain, ips, lists, must, must_not, listed):
    report = look(DNSBL_WORLD, domain, "dnsbl", lists, ips=ips)
    assert must <= codes(report)
    assert not must_not & codes(report)
    assert report.facts["dnsbl"]["listed"] is listed
    assert all(x["state"] in ("listed", "not-listed", "refused", "unknown") for x in report.facts["dnsbl"]["lists"])


def test_a_listing_weighs_what_its_list_weighs():
    heavy = look(DNSBL_WORLD, "clean.dom.test", "dnsbl", (GOOD,), ips=["192.0.2.66"])
    light = look(DNSBL_WORLD, "clean.dom.test", "dnsbl", (LIGHT,), ips=["192.0.2.66"])
    own = look(DNSBL_WORLD, "good.dom.test", "dnsbl", (GOOD,))
    assert {f.status for f in heavy.findings if f.code == "DBL001"} == {Status.FAIL}
    assert {f.status for f in light.findings if f.code == "DBL001"} == {Status.WARN}
    assert {f.status for f in own.findings if f.code == "DBL002"} == {Status.WARN}
    assert {f.status for f in own.findings if f.code == "DBL003"} == {Status.NOTE}


def test_the_bits_of_a_sum_are_told_one_by_one():
    report = look(DNSBL_WORLD, "bad.test", "dnsbl", (BITS,))
    assert {x["meaning"] for x in report.facts["dnsbl"]["lists"] if x["state"] == "listed"} == {"black; grey"}


def test_at_most_eight_addresses_that_nobody_named():
    report = look(DNSBL_WORLD, "many.dom.test", "dnsbl", (GOOD,))
    asked = {(x["subject"], x["role"]) for x in report.facts["dnsbl"]["lists"]}
    assert len(asked) == 8
    assert {role for _, role in asked} == {"spf"}


def test_a_list_of_domains_is_never_asked_about_an_address():
    report = look(DNSBL_WORLD, "good.dom.test", "dnsbl", (GOOD, NAMES, BITS), ips=["192.0.2.66", "2001:db8::66"])
    asked = [a.name for a in report.transcript if a.name.endswith((".names.test", ".bits.test"))]
    assert asked
    assert not [name for name in asked if name.removesuffix(".names.test").removesuffix(".bits.test").replace(".", "").isdigit()]


def test_no_dead_list_is_ever_asked():
    report = look(DNSBL_WORLD, "good.dom.test", "dnsbl", ips=["192.0.2.66", "2001:db8::66"])
    dead = {d.zone for d in catalog().dead_lists}
    assert len([a for a in report.transcript if a.name.endswith("zen.spamhaus.org")]) >= 4
    for answer in report.transcript:
        assert not [zone for zone in dead if answer.name == zone or answer.name.endswith("." + zone)], answer.name


def test_the_rows_of_the_lists():
    rows, dead = catalog().blocklists, {d.zone for d in catalog().dead_lists}
    asked = [r for r in rows if r.ask]
    assert 12 <= len([r for r in asked if r.kind == "ip"]) <= 16
    assert 5 <= len([r for r in asked if r.kind == "domain"]) <= 6
    for r in rows:
        assert r.source.startswith(("https://", "http://"))
        assert r.kind in ("ip", "domain")
        assert r.weight in ("critical", "high", "medium", "low", "info")
        assert not [zone for zone in dead if r.zone == zone or r.zone.endswith("." + zone)]
        assert not (r.ask and r.needs_key)
        assert r.ask or r.note, "a list that is not asked says why"
        if r.ask:
            assert r.test_listed
            assert r.test_clean
            assert r.codes or r.any_code
            # RFC 5782 section 5: what a working list answers at its test points is read as it should be
    # one combined zone in place of its parts
    assert not [r.zone for r in asked if r.zone.startswith(("sbl.", "xbl.", "pbl.", "css.", "black.", "grey.", "red."))]


@pytest.mark.parametrize("zone", ["zen.spamhaus.org", "dbl.spamhaus.org", "multi.surbl.org", "multi.uribl.com", "rep.mailspike.net", "list.dnswl.org"])
def test_refusals_and_praise_are_no_listings(zone):
    r = next(r for r in catalog().blocklists if r.zone == zone)
    names = {**r.refusals, **r.not_listed}
    values = ["127.0.0.1" if n == "bit 1" else n + "10.2" if n.endswith(".") else n for n in names]
    assert values
    for value in values:
        state, *_ = dnsbl.read_answer(r, Answer("x." + zone, "A", Outcome.FOUND, (value,)))
        assert state in ("refused", "not-listed"), value


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in (Outcome.FOUND, Outcome.NODATA, Outcome.NXDOMAIN)])
def test_no_answer_is_neither_listed_nor_clean(outcome):
    assert dnsbl.read_answer(GOOD, Answer("x.bl.test", "A", outcome))[0] == "unknown"


# ------------------------------------------------------------------ could not check


# a question that gets no answer, and the code that must appear with it and must not without it
UNANSWERED = [
    ("mx", ["mx-cases"], "good.mx.test", "good.mx.test", "MX000"),
    ("mx", ["mx-cases"], "good.mx.test", "host1.mx.test", "MX000"),
    ("mx", ["mx-cases"], "implicit.mx.test", ("implicit.mx.test", "A"), "MX000"),
    ("ptr", PTR_WORLD, "ptr.test", "1.2.0.192.in-addr.arpa", "PTR000"),
    ("ptr", PTR_WORLD, "ptr.test", "mail.ptr.test", "PTR000"),
    ("dnsbl", DNSBL_WORLD, "clean.dom.test", "1.2.0.192.bl.test", "DBL000"),
    ("dnsbl", DNSBL_WORLD, "clean.dom.test", "2.0.0.127.bl.test", "DBL000"),
]


@pytest.mark.parametrize(("topic", "names", "domain", "place", "code"), UNANSWERED)
def test_what_was_not_answered_could_not_be_checked(topic, names, domain, place, code):
    inner = world_of(*names, lists=(GOOD,))
    for faults, there in (({"timeout": {place}}, True), ({}, False)):
        world = Faults(inner, **faults)
        report = scan(domain, ips=["192.0.2.1"], topics=[topic], world=world)
        assert (code in codes(report)) is there
        assert all(f.status is Status.UNKNOWN for f in report.findings if f.code == code)
