"""Which blocklists are asked, with which keys, how much a listing weighs, and what every list of the reference is known by."""

import json
from pathlib import Path

import pytest
from support import Faults

from healthcheck.catalog import catalog
from healthcheck.checks import dnsbl
from healthcheck.checks.dnsbl.lists import asked_by_default, configured
from healthcheck.edge.world import World
from healthcheck.errors import InputError
from healthcheck.model import Answer, Outcome, Status
from healthcheck.model.lists import Blocklist
from healthcheck.render.json import report as as_json
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference" / "domain" / "dnsbl.json"
SECRET = "secretkey0123456789"
NAMES = ["dnsbl-more", "dnsbl-refusing", "dnsbl-good", "dnsbl-domains"]


def row(zone, kind="ip", weight="critical", **more):
    return Blocklist(zone=zone, name=zone, kind=kind, weight=weight, source="-", seen="2026-11", **more)


BOTH = row("both.lists.test", codes={"127.0.0.2": "black"}, not_listed={"127.0.0.1": "white"})
SUMS = row(
    "sums.lists.test", "domain", "high", bitmask=True, codes={"bit 2": "black", "bit 4": "grey", "bit 8": "red"}, weights={"bit 4": "low", "bit 8": "info"}
)
KEYED = row("{key}.keyed.lists.test", codes={"127.0.0.2": "spam"}, needs_key=True, key="someone", secret=SECRET)
CLOUDY = row("refusing.test", refusals={"127.255.255.": "not this resolver"}, clouds="This list refuses a whole cloud.")
PLAIN = row("bl.test", codes={"127.0.0.2": "spam", "127.0.0.3": "more spam"})


def look(lists, domain="clean.dom.test", faults=None, **options):
    made = World.zones([WORLDS / f"{name}.zone" for name in NAMES], only=True)
    made.blocklists = lists
    if faults:
        made = Faults(made, **faults)
    return scan(domain, world=made, topics=["dnsbl"], **options)


def codes(report):
    return {f.code for f in report.findings}


CASES = [
    ((CLOUDY,), {"DBL005", "DBL010"}, {"DBL001", "DBL008", "DBL011"}),
    ((PLAIN,), {"DBL008"}, {"DBL005", "DBL010", "DBL011"}),
    ((CLOUDY, PLAIN), {"DBL005", "DBL011"}, {"DBL001", "DBL008"}),
]
TABLES = [(must, must_not) for _, must, must_not in CASES]


@pytest.mark.parametrize(("lists", "must", "must_not"), CASES, ids=["cloudy", "plain", "both"])
def test_codes(lists, must, must_not):
    found = codes(look(lists, ips=["192.0.2.99"]))
    assert must <= found
    assert not must_not & found


# ------------------------------------------------------------------ how an answer is read


@pytest.mark.parametrize(("ip", "state"), [("192.0.2.66", "listed"), ("192.0.2.67", "not-listed"), ("192.0.2.99", "not-listed")])
def test_a_list_that_praises_too(ip, state):
    lists = look((BOTH,), ips=[ip]).facts["dnsbl"]["lists"]
    assert {x["state"] for x in lists if x["subject"] == ip} == {state}


@pytest.mark.parametrize(
    ("domain", "weight", "status"), [("grey.test", "low", Status.WARN), ("red.test", "info", Status.NOTE), ("both.test", "high", Status.FAIL)]
)
def test_an_answer_weighs_what_receivers_make_of_it(domain, weight, status):
    report = look((SUMS,), domain)
    assert {x["weight"] for x in report.facts["dnsbl"]["lists"] if x["state"] == "listed"} == {weight}
    assert {f.status for f in report.findings if f.code == "DBL004"} == {status}


def test_what_is_not_asked_is_named_with_its_reason_and_what_is_dead_with_its_date():
    facts = look(None, ips=["192.0.2.99"]).facts["dnsbl"]
    asked = {x["zone"] for x in facts["lists"]}
    left = {x["zone"] for x in facts["not_asked"]}
    assert not asked & left
    assert {r.zone for r in catalog().blocklists if "{key}" not in r.zone} <= asked | left
    assert all(x["why"] for x in facts["not_asked"])
    assert facts["dead"]["sorbs.net"] == "2024-06-05"
    assert facts["dead"]["ix.dnsbl.manitu.net"] == "2025-01-16"
    assert not asked & set(facts["dead"])


# ------------------------------------------------------------------ keys


def test_a_key_opens_a_list_and_is_never_shown():
    report = look((KEYED,), ips=["192.0.2.66"])
    assert "DBL001" in codes(report)
    names = [a.name for a in report.transcript]
    assert "66.2.0.192.KEY.keyed.lists.test" in names
    assert report.transcript[-1].aliases or any(a.aliases for a in report.transcript)
    for shown in (json.dumps(as_json(report)), repr(report), repr(KEYED)):
        assert SECRET not in shown.lower()


@pytest.mark.parametrize("kind", ["servfail", "timeout", "refused", "error"])
def test_a_key_is_not_shown_where_its_list_is_silent(kind):
    report = look((KEYED,), ips=["192.0.2.66"], faults={kind: {"*"}})
    assert {x["state"] for x in report.facts["dnsbl"]["lists"]} == {"unknown"}
    assert SECRET not in (json.dumps(as_json(report)) + repr(report)).lower()


def test_a_key_takes_the_place_of_the_free_list():
    lists = configured({"HEALTHCHECK_DNSBL_KEYS": f"spamhaus={SECRET}, abusix=another-key"})
    zones = {r.zone for r in lists}
    assert {"{key}.zen.dq.spamhaus.net", "{key}.dbl.dq.spamhaus.net", "{key}.zrd.dq.spamhaus.net", "{key}.combined.mail.abusix.zone"} <= zones
    assert not {"zen.spamhaus.org", "dbl.spamhaus.org"} & zones
    keyed = next(r for r in lists if r.zone == "{key}.zen.dq.spamhaus.net")
    free = next(r for r in catalog().blocklists if r.zone == "zen.spamhaus.org")
    assert (keyed.codes, keyed.refusals, keyed.secret) == (free.codes, free.refusals, SECRET)
    assert configured({}) == asked_by_default()


def test_a_configuration_file(tmp_path):
    path = tmp_path / "lists.toml"
    path.write_text(f'ask = ["dnsbl.dronebl.org"]\nskip = ["dnsrbl.swinog.ch"]\n[keys]\nabusix = "{SECRET}"\n')
    zones = {r.zone for r in configured({"HEALTHCHECK_DNSBL": str(path)})}
    assert {"dnsbl.dronebl.org", "{key}.combined.mail.abusix.zone", "zen.spamhaus.org"} <= zones
    assert "dnsrbl.swinog.ch" not in zones


@pytest.mark.parametrize(
    "text",
    ['ask = ["nobody.example"]', 'ask = "zen.spamhaus.org"', f"keys = {SECRET}", f'[keys]\nnobody = "{SECRET}"', f'[keys]\nabusix = "{SECRET}.a"', "color = 1"],
)
def test_a_bad_configuration_is_refused_without_telling_the_key(tmp_path, text):
    path = tmp_path / "lists.toml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        configured({"HEALTHCHECK_DNSBL": str(path)})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("pairs", ["justakey", f"nobody={SECRET}", "spamhaus=x", "spamhaus=no good key"])
def test_bad_keys_are_refused(pairs):
    with pytest.raises(InputError) as refused:
        configured({"HEALTHCHECK_DNSBL_KEYS": pairs})
    assert "no good key" not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError):
        configured({"HEALTHCHECK_DNSBL": str(tmp_path / "nothing.toml")})


# ------------------------------------------------------------------ the lists of the reference


@pytest.mark.shared
def test_every_list_of_the_reference():
    """Live ones have a row with their codes and refusals, and dead ones are never asked."""
    if not REFERENCE.exists():
        pytest.skip(f"{REFERENCE} is not here")
    raw = json.loads(REFERENCE.read_text())
    entries = raw if isinstance(raw, list) else next(v for v in raw.values() if isinstance(v, list) and v and isinstance(v[0], dict))
    rows = {r.zone: r for r in catalog().blocklists}
    dead = {d.zone for d in catalog().dead_lists}
    live = 0
    for entry in entries:
        zone = entry["zone"].replace("<key>", "{key}").split(" ")[0].removeprefix("*.")
        if entry["status"] == "dead":
            assert any(zone == d or zone.endswith(f".{d}") for d in dead), zone
            assert zone not in rows
            continue
        live += 1
        if zone.startswith("("):
            assert any(entry["name"].split()[0] in h.name for h in catalog().hand_lists)
            continue
        own = rows[zone]
        assert own.terms
        for code in entry.get("error_codes", {}):
            value = code.replace("*", "2")
            assert dnsbl.read_answer(own, Answer("x", "A", Outcome.FOUND, (value,)))[0] == "refused", (zone, code)
        for code in entry.get("listed_codes", entry.get("codes", {})):
            if "-" in code or "x" in code or code == "127.0.0.1":
                continue
            assert dnsbl.read_answer(own, Answer("x", "A", Outcome.FOUND, (code.replace("*", "2"),)))[0] == "listed", (zone, code)
        for code in set(entry.get("codes", {})) - set(entry.get("listed_codes", entry.get("codes", {}))):
            value = code.replace("x", "3")
            assert dnsbl.read_answer(own, Answer("x", "A", Outcome.FOUND, (value,)))[0] == "not-listed", (zone, code)
    assert live >= 35
