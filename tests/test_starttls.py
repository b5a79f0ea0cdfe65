"""Topic starttls: each code has a world where it must appear, and one where it must not. Real conversations: tests/real/test_smtp.py."""

import json
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import Faults, world_of
from support.tls import Authority
from support.validating import Validating

from healthcheck.catalog import catalog
from healthcheck.checks import tlsa
from healthcheck.checks.dane import parse
from healthcheck.edge.certificates import describe, seen
from healthcheck.edge.reach import Rows, ungreeted
from healthcheck.edge.world import World
from healthcheck.model import Certificate, Greeted, Reached, Status
from healthcheck.render.json import report as as_json
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Hosts:
    """The greeter of a world: what each host (or a host at an address) says; any other is not asked."""

    def __init__(self, said):
        self.said, self.asked = said, []

    def begin(self, wanted, until):
        self.asked.append((wanted.host, wanted.address))
        found = self.said.get((wanted.host, wanted.address)) or self.said.get(wanted.host.partition(".")[0])
        done = Future()
        done.set_result(replace(found, host=wanted.host, address=wanted.address) if found else ungreeted(wanted, "nobody here"))
        return done

    def close(self):
        return


def certificate(problem="", before=NOW - 40 * DAY, after=NOW + 50 * DAY, names=("mx1.tls.test",), issuer="An Authority"):
    return Certificate("mx1.tls.test", issuer, names, before, after, problem, (b"no certificate",))


EHLO = ("mx1.tls.test", "PIPELINING", "STARTTLS")
GOOD = Greeted("", "", Reached.OK, "mx1.tls.test ESMTP", EHLO, True, "TLSv1.3", "TLS_AES_256_GCM_SHA384", certificate())
NONE = replace(GOOD, ehlo=EHLO[:2], starttls=False, protocol="", cipher="", certificate=None)
FAILED = replace(GOOD, reached=Reached.TLS, protocol="", cipher="", certificate=None, detail="192.0.2.1: TLS failed in the TLS handshake", stage="tls")
EMPTY = Greeted("", "", Reached.OK)


def ended(reached, stage="connect", detail="192.0.2.1: no answer", **more):
    return replace(EMPTY, reached=reached, stage=stage, detail=detail, **more)


def bad(problem, **how):
    return replace(GOOD, certificate=certificate(problem, **how))


SILENT, CLOSED, NO_ROUTE = ended(Reached.TIMEOUT), ended(Reached.REFUSED, detail="192.0.2.1: nobody listens"), ended(Reached.NO_ROUTE)
TURNED_AWAY = ended(Reached.OK, "banner", "554 5.7.1 Your address is listed", banner="5.7.1 Your address is listed")

# domain, what its hosts say, codes that must appear (those of the topic that may not: all others)
CASES = [
    ("one", {"mx1": GOOD}, {"TLS010"}),
    ("two", {"mx1": GOOD, "mx2": GOOD}, {"TLS010"}),
    ("wide", {"both": GOOD}, {"TLS010"}),
    ("implicit", {"implicit": GOOD}, {"TLS010"}),
    # not offered, refused, failing
    ("one", {"mx1": NONE}, {"TLS002"}),
    ("one", {"mx1": replace(NONE, ehlo=("mx1", "PIPELINING", "XXXXXXXA"))}, {"TLS002"}),
    ("one", {"mx1": replace(NONE, ehlo=(), stage="ehlo", detail="502 5.5.1 What?")}, {"TLS002"}),
    ("two", {"mx1": GOOD, "mx2": NONE}, {"TLS002", "TLS010"}),
    ("one", {"mx1": replace(NONE, starttls=True, stage="starttls", detail="454 4.7.0 Not now")}, {"TLS003"}),
    ("one", {"mx1": FAILED}, {"TLS003"}),
    ("one", {"mx1": replace(FAILED, reached=Reached.CLOSED)}, {"TLS003"}),
    ("enforced", {"mx1": NONE}, {"TLS002"}),
    ("enforced", {"mx1": FAILED}, {"TLS003"}),
    ("testing", {"mx1": NONE}, {"TLS002"}),
    # certificates
    *(
        ("one", {"mx1": bad(problem)}, codes)
        for problem, codes in (("wrong-name", {"TLS004", "TLS010"}), ("self-signed", {"TLS004", "TLS010"}), ("untrusted", {"TLS004", "TLS010"}))
    ),
    *(("one", {"mx1": bad(problem)}, {"TLS004"}) for problem in ("expired", "not-yet-valid", "unreadable")),
    *(("enforced", {"mx1": bad(problem)}, {"TLS005"}) for problem in ("wrong-name", "self-signed", "untrusted", "expired", "not-yet-valid", "unreadable")),
    ("testing", {"mx1": bad("wrong-name")}, {"TLS005"}),
    ("lost", {"mx1": bad("wrong-name")}, {"TLS004", "TLS010"}),  # no policy was fetched: nobody goes by it
    ("enforced", {"mx1": GOOD}, {"TLS010"}),
    ("one", {"mx1": bad("", after=NOW + 3 * DAY)}, {"TLS009", "TLS010"}),
    ("one", {"mx1": bad("", before=NOW - 5 * DAY, after=NOW + 1 * DAY)}, {"TLS010"}),  # six days in all: a day is not late
    ("one", {"mx1": bad("", after=NOW + 20 * DAY)}, {"TLS010"}),
    # versions, octets before TLS
    ("one", {"mx1": replace(GOOD, protocol="TLSv1.1")}, {"TLS006"}),
    ("one", {"mx1": replace(GOOD, protocol="TLSv1")}, {"TLS006"}),
    ("one", {"mx1": replace(GOOD, protocol="TLSv1.2", cipher="AES128-SHA", stage="tls", detail="192.0.2.1: TLS failed in the TLS handshake")}, {"TLS006"}),
    ("one", {"mx1": replace(GOOD, protocol="TLSv1.2")}, {"TLS010"}),
    ("one", {"mx1": replace(GOOD, injected=True)}, {"TLS008"}),
    # no connection
    ("one", {"mx1": SILENT}, {"TLS001"}),
    ("one", {"mx1": NO_ROUTE}, {"TLS001"}),
    ("two", {"mx1": SILENT, "mx2": NO_ROUTE}, {"TLS001"}),
    ("wide", {"both": SILENT}, {"TLS001"}),
    ("one", {"mx1": CLOSED}, {"TLS011"}),
    ("two", {"mx1": CLOSED, "mx2": SILENT}, {"TLS001", "TLS011"}),
    ("two", {"mx1": GOOD, "mx2": SILENT}, {"TLS010", "TLS011"}),
    ("two", {"mx1": TURNED_AWAY, "mx2": SILENT}, {"TLS011", "TLS012"}),
    ("wide", {("both.tls.test", "192.0.2.3"): GOOD, ("both.tls.test", "2001:db8::3"): CLOSED}, {"TLS010", "TLS011"}),
    ("wide", {("both.tls.test", "192.0.2.3"): GOOD, ("both.tls.test", "2001:db8::3"): NO_ROUTE}, {"TLS010"}),
    ("newer", {"six": NO_ROUTE, "mx1": GOOD}, {"TLS000", "TLS010"}),
    ("one", {"mx1": ended(Reached.GUARDED)}, {"TLS014"}),
    # connections that told nothing
    ("one", {"mx1": TURNED_AWAY}, {"TLS012"}),
    ("one", {"mx1": ended(Reached.OK, "banner", "421 4.3.2 Later")}, {"TLS012"}),
    ("one", {"mx1": ended(Reached.OK, "ehlo", "550 5.7.1 No")}, {"TLS012"}),
    ("one", {"mx1": ended(Reached.CLOSED, "banner")}, {"TLS012"}),
    ("one", {"mx1": ended(Reached.TIMEOUT, "banner")}, {"TLS012"}),
    ("one", {"mx1": replace(FAILED, reached=Reached.TIMEOUT)}, {"TLS012"}),
    ("one", {"mx1": ended(Reached.PROTOCOL, "banner", "192.0.2.1: no SMTP (HTTP/1.1 400)")}, {"TLS013"}),
    # nobody to be asked
    ("nullmx", {}, {"TLS014"}),
    ("private", {}, {"TLS014"}),
    ("one", {}, {"TLS999"}),
    ("away", {}, {"TLS999"}),
]
ALL = {code for code, row in catalog().checks.items() if row.topic == "starttls"}
NOT_ASKED_FOR = {"TLS007"}
UNANSWERED = {"TLS000", "TLS010"}
TABLES = [(must, ALL - must) for must in (*(case[2] for case in CASES), NOT_ASKED_FOR, UNANSWERED)]


def world_with(said, world=None):
    world = world or World.zones([WORLDS / "starttls.zone"], only=True)
    world.fetcher, world.greeter = Rows(WORLDS / "starttls-https.toml"), Hosts(said)
    world.clock = lambda: NOW
    return world


def look(domain, world, **given):
    try:
        report = scan(f"{domain}.tls.test", world=world, **{"topics": ("starttls", "mta-sts", "dane"), "starttls": True, **given})
    finally:
        world.close()
    for finding in report.findings:
        row = catalog().checks[finding.code]
        if row.topic == "starttls":
            for text in (row.message, row.why, row.fix, *row.steps, row.why_no_record):
                said = text.format(**finding.values)
                assert "None" not in said
                assert "{" not in said
    json.dumps(as_json(report))
    return report


def codes(report):
    return {f.code for f in report.findings} & ALL


@pytest.mark.parametrize(("domain", "said", "must"), CASES, ids=[f"{at}-{case[0]}-{'-'.join(sorted(case[2]))}" for at, case in enumerate(CASES)])
def test_what_is_said(domain, said, must):
    report = look(domain, world_with(said))
    assert codes(report) == must
    assert report.topics["starttls"].summary


def test_nothing_is_connected_where_nobody_asks():
    for given in ({"starttls": False}, {"starttls": False, "topics": None}):
        world = world_with({"mx1": GOOD})
        report = look("one", world, **given)
        assert world.greeter.asked == []
        assert codes(report) == (NOT_ASKED_FOR if given.get("topics", 1) else set())
        assert ("starttls" in report.topics) is bool(given.get("topics", 1))


def test_where_it_is_asked_for_it_is_among_the_topics():
    world = world_with({"mx1": GOOD})
    assert look("one", world, topics=None).topics["starttls"].verdict is Status.PASS
    assert world.greeter.asked == [("mx1.tls.test", "192.0.2.1")]


def test_mail_hosts_that_could_not_be_looked_up():
    world = Faults(World.zones([WORLDS / "starttls.zone"], only=True), timeout={("late.tls.test", "A"), ("late.tls.test", "AAAA")})
    assert codes(look("slow", world_with({"mx1": GOOD}, world))) == UNANSWERED
    world = Faults(World.zones([WORLDS / "starttls.zone"], only=True), servfail={("one.tls.test", "MX")})
    report = look("one", world_with({"mx1": GOOD}, world))
    assert codes(report) == {"TLS000"}
    assert report.topics["starttls"].verdict is Status.UNKNOWN


STATUSES = [
    ("one", NONE, "TLS002", Status.WARN),
    ("enforced", NONE, "TLS002", Status.FAIL),
    ("testing", NONE, "TLS002", Status.WARN),
    ("one", FAILED, "TLS003", Status.WARN),
    ("enforced", FAILED, "TLS003", Status.FAIL),
    ("one", bad("self-signed"), "TLS004", Status.NOTE),
    ("one", bad("wrong-name"), "TLS004", Status.NOTE),
    ("one", bad("expired"), "TLS004", Status.WARN),
    ("enforced", bad("wrong-name"), "TLS005", Status.FAIL),
    ("testing", bad("wrong-name"), "TLS005", Status.WARN),
    ("one", SILENT, "TLS001", Status.UNKNOWN),
    ("one", TURNED_AWAY, "TLS012", Status.UNKNOWN),
    ("one", CLOSED, "TLS011", Status.WARN),
    ("one", GOOD, "TLS010", Status.PASS),
]


@pytest.mark.parametrize(("domain", "said", "code", "status"), STATUSES)
def test_how_bad_it_is(domain, said, code, status):
    assert {f.status for f in look(domain, world_with({"mx1": said})).findings if f.code == code} == {status}


@pytest.mark.parametrize("said", [SILENT, NO_ROUTE, TURNED_AWAY, ended(Reached.TIMEOUT, "banner"), ended(Reached.CLOSED, "banner")])
def test_what_was_not_seen_is_never_a_fault_of_the_host(said):
    report = look("enforced", world_with({"mx1": said}))
    assert report.topics["starttls"].verdict is Status.UNKNOWN


@pytest.mark.parametrize(
    ("domain", "said", "code", "words"),
    [
        ("one", NONE, "TLS002", "does not offer STARTTLS. Senders deliver in the clear instead."),
        ("one", replace(NONE, ehlo=("mx1", "XXXXXXXA")), "TLS002", "words of X"),
        ("enforced", NONE, "TLS002", "do not deliver here at all"),
        ("one", replace(NONE, starttls=True, stage="starttls", detail="454 4.7.0 Not now"), "TLS003", "454 4.7.0 Not now"),
        ("one", bad("expired", after=NOW - DAY), "TLS004", "was valid until 2026-11-21 12:00 UTC"),
        ("one", bad("wrong-name", names=("other.example",)), "TLS004", "for other names (other.example)"),
        ("one", TURNED_AWAY, "TLS012", "“554 5.7.1 Your address is listed”"),
        ("one", GOOD, "TLS010", "mx1.tls.test (TLS 1.3)"),
        ("one", SILENT, "TLS001", "mx1.tls.test (192.0.2.1)"),
    ],
)
def test_the_words(domain, said, code, words):
    finding = next(f for f in look(domain, world_with({"mx1": said})).findings if f.code == code)
    assert words in catalog().checks[code].message.format(**finding.values)


def test_what_holds_of_both_addresses_is_said_once():
    found = [f for f in look("wide", world_with({"both": NONE})).findings if f.code == "TLS002"]
    assert [f.values["address"] for f in found] == ["192.0.2.3, 2001:db8::3"]
    assert len(found[0].evidence) == 2
    apart = {("both.tls.test", "192.0.2.3"): NONE, ("both.tls.test", "2001:db8::3"): GOOD}
    report = look("wide", world_with(apart))
    assert codes(report) == {"TLS002"}  # a host that takes TLS at one of its addresses only does not pass


def test_at_most_eight_hosts():
    world = world_with({f"h{n}": GOOD for n in range(1, 11)})
    report = look("many", world)
    assert len(world.greeter.asked) == 8
    assert report.facts["starttls"]["left"] == 2


def test_the_facts_and_the_evidence():
    report = look("one", world_with({"mx1": bad("wrong-name")}))
    facts = report.facts["starttls"]
    host = facts["hosts"][0]
    assert (host["host"], host["address"], host["state"], host["protocol"]) == ("mx1.tls.test", "192.0.2.1", "secured", "TLSv1.3")
    assert host["certificate"]["problem"] == "wrong-name"
    assert "evidence" not in host
    evidence = next(f for f in report.findings if f.code == "TLS004").evidence[0]
    assert (evidence.name, evidence.rtype, evidence.server) == ("mx1.tls.test:25", "SMTP", "192.0.2.1")
    assert "mx1.tls.test ESMTP" in evidence.values
    assert any("TLSv1.3" in line for line in evidence.values)


# ------------------------------------------------------------------ DANE


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def chains(ca, tmp_path_factory):
    """name -> Certificate as it was shown."""
    now = datetime.now(UTC)
    other = Authority(tmp_path_factory.mktemp("other"), "another root")

    def shown(authority, names, **how):
        chain = [c.public_bytes(_der()) for c in authority.issue(names, **how)[0]]
        return seen(chain, "mx.dane.test", now, trusted=False)

    return {
        "good": shown(ca, ["mx.dane.test"]),
        "named-otherwise": shown(ca, ["other.dane.test"]),
        "expired": shown(ca, ["mx.dane.test"], expired=True),
        "own": shown(ca, ["mx.dane.test"], self_signed=True),
        "rsa": shown(ca, ["mx.dane.test"], rsa_key=True),
        "stranger": shown(other, ["mx.dane.test"]),
    }


def _der():
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER


def record(usage, selector, matching, certificate):
    import hashlib

    octets = certificate if selector == 0 else describe(certificate).spki
    data = {0: octets, 1: hashlib.sha256(octets).digest(), 2: hashlib.sha512(octets).digest()}[matching]
    return parse(f"{usage} {selector} {matching} {data.hex()}")


@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("usage", [0, 1, 2, 3])
def test_which_certificate_a_record_is_about(chains, usage, selector, matching):
    for name in ("good", "rsa"):
        leaf, above = chains[name].chain
        about = leaf if usage in (1, 3) else above
        mine, wrong = record(usage, selector, matching, about), record(usage, selector, matching, chains["stranger"].chain[usage in (0, 2)])
        assert tlsa.fits(mine, about)
        assert not tlsa.fits(mine, chains["stranger"].chain[0])
        assert tlsa.stands(mine, chains[name].chain)
        assert not tlsa.stands(wrong, chains[name].chain)
        assert not tlsa.stands(mine, chains["stranger"].chain)
        assert not tlsa.stands(mine, ())
        # RFC 7671 section 5.2: an authority is above the host's own certificate, and issued it
        swapped = record(usage, selector, matching, above if usage in (1, 3) else leaf)
        assert not tlsa.stands(swapped, chains[name].chain)


def test_an_authority_that_stands_in_the_chain_and_issued_nothing_there(chains):
    mixed = (chains["good"].chain[0], chains["stranger"].chain[1])
    assert not tlsa.stands(record(2, 0, 1, chains["stranger"].chain[1]), mixed)
    assert not tlsa.stands(record(2, 1, 1, chains["stranger"].chain[1]), mixed)


def test_a_whole_authority_in_the_record_need_not_be_sent(chains, ca):
    root = ca.root.public_bytes(_der())
    assert tlsa.stands(record(2, 0, 0, root), chains["good"].chain)
    assert not tlsa.stands(record(2, 0, 1, root), chains["good"].chain)  # a digest alone cannot stand in for what is not sent
    assert not tlsa.stands(record(2, 0, 0, root), chains["stranger"].chain)


@pytest.mark.parametrize("data", ["", "zz", "abc", "00" * 31, "00" * 33])
def test_damaged_records_fit_nothing(chains, data):
    for usage in range(5):
        for selector in range(3):
            for matching in range(4):
                odd = replace(parse("3 1 1 00"), usage=usage, selector=selector, matching=matching, data=data)
                assert not tlsa.fits(odd, chains["good"].chain[0])
                if data not in ("zz", "abc"):
                    assert not tlsa.stands(odd, chains["good"].chain)


NAMES = ("mx.dane.test", "dane.test")
VERDICTS = [
    ("good", [(3, 1, 1, "good", 0)], "matches"),
    ("good", [(3, 1, 1, "rsa", 0)], "differs"),
    ("good", [(3, 1, 1, "rsa", 0), (3, 1, 1, "good", 0)], "matches"),  # a pair for roll-over
    ("good", [(2, 1, 1, "good", 1)], "matches"),
    ("good", [(2, 1, 1, "stranger", 1)], "differs"),
    ("good", [(2, 0, 1, "good", 0)], "differs"),
    ("named-otherwise", [(2, 1, 1, "good", 1)], "name"),
    ("named-otherwise", [(3, 1, 1, "named-otherwise", 0)], "matches"),  # RFC 7671 section 5.1: names do not count
    ("expired", [(3, 0, 1, "expired", 0)], "matches"),  # nor do dates
    ("expired", [(2, 0, 1, "expired", 1)], "expired"),
    ("expired", [(2, 0, 1, "expired", 1), (3, 0, 1, "expired", 0)], "matches"),
    ("own", [(3, 1, 1, "own", 0)], "matches"),
    ("own", [(2, 1, 1, "own", 0)], "differs"),
    ("good", [(1, 1, 1, "rsa", 0), (0, 1, 1, "rsa", 1)], ""),  # RFC 7672 section 3.1.3: no sender uses them
    ("good", [], ""),
]


@pytest.mark.parametrize(("shown", "records", "expected"), VERDICTS)
def test_what_a_sender_with_dane_makes_of_it(chains, shown, records, expected):
    made = [record(usage, selector, matching, chains[name].chain[at]) for usage, selector, matching, name, at in records]
    assert tlsa.verdict(made, chains[shown], NAMES, datetime.now(UTC)) == expected


DANE_CASES = [
    ("good", {"TLS010"}, "matches"),
    ("own", {"TLS010"}, "matches"),  # what nobody else would take is right where its key is in a signed zone
    ("named-otherwise", {"TLS010"}, "matches"),
    ("stranger", {"TLS004", "TLS010"}, "differs"),
]


@pytest.mark.parametrize(("shown", "must", "verdict"), DANE_CASES)
def test_with_dane_other_certificates_are_right(tmp_path, chains, shown, must, verdict):
    about = chains["good"] if verdict == "differs" else chains[shown]
    published = record(3, 1, 1, about.chain[0])
    zone = f"@ MX 10 mx\nmx A 192.0.2.1\n_25._tcp.mx TLSA 3 1 1 {published.data}"
    world = Validating(world_of(tmp_path, {"dane.test": zone}), now=datetime.now(UTC))
    world.greeter = Hosts({"mx": replace(GOOD, certificate=chains[shown])})
    try:
        report = scan("dane.test", world=world, topics=("starttls", "dane"), starttls=True)
    finally:
        world.close()
    host = report.facts["starttls"]["hosts"][0]
    assert host["dane"] == verdict
    assert (f"3 1 1 {host['certificate']['key']}" == f"3 1 1 {published.data}") is (verdict == "matches")
    assert codes(report) == must


def test_with_dane_in_force_a_host_without_tls_gets_no_mail_from_those_who_go_by_it(tmp_path):
    zone = f"@ MX 10 mx\nmx A 192.0.2.1\n_25._tcp.mx TLSA 3 1 1 {'11' * 32}"
    for said, code in ((NONE, "TLS002"), (FAILED, "TLS003")):
        world = Validating(world_of(tmp_path, {"dane.test": zone}))
        world.greeter = Hosts({"mx": said})
        report = scan("dane.test", world=world, topics=("starttls",), starttls=True)
        world.close()
        assert {f.status for f in report.findings if f.code == code} == {Status.FAIL}
