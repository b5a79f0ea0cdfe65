"""What people and attackers publish: no claim is false, every message can be read, and every proposal cures what it is for."""

import json
import re
import socket
import time
from pathlib import Path

import pytest
from support import world_of

from healthcheck.catalog import DATA
from healthcheck.edge.world import World
from healthcheck.model import Status
from healthcheck.render import words
from healthcheck.scan import scan

ZONE = Path(__file__).parent / "worlds" / "adversarial.zone"
IP = "192.0.2.1"
STRANGER = "203.0.113.254"

# case, codes that must appear, codes that would be false; with the sending address 192.0.2.1 and the selector s1
CASES = [
    ("bomb", {"SPF004", "SPF021"}, {"SPF001", "SPF013", "SPF000"}),
    ("inc-chain", {"SPF000"}, {"SPF001", "SPF013", "SPF002"}),
    ("inc-short", {"SPF001"}, {"SPF013"}),
    ("inc-loop", {"SPF013"}, {"SPF000", "SPF001"}),
    ("inc-dang", {"SPF013"}, {"SPF000"}),
    ("l1", {"SPF002", "MX000"}, {"DOM001"}),
    ("dang", {"MX001"}, {"DOM001"}),
    ("mx-loop", {"MX006"}, {"MX005", "MX000"}),
    ("any.wild", {"SPF001", "SPF017", "MX010"}, {"SPF024"}),
    ("nul", {"SPF005", "SPF021"}, {"SPF001", "SPF017"}),
    ("utf", {"SPF005"}, {"SPF001", "SPF017"}),
    ("bad8", {"SPF005"}, {"SPF001", "SPF017"}),
    ("noise8", {"SPF001", "SPF017"}, {"SPF003", "SPF005"}),
    ("quoted", {"SPF024"}, {"SPF001", "SPF002"}),
    ("unbal", {"SPF005"}, {"SPF001"}),
    ("curlyv", {"SPF024"}, {"SPF001", "SPF002"}),
    ("tab2", {"SPF024"}, {"SPF001", "SPF002"}),
    ("tab3", {"SPF005"}, {"SPF001"}),
    ("upper", {"SPF001", "SPF017"}, {"SPF005", "SPF024"}),
    ("macros", {"SPF016"}, {"SPF001", "SPF005"}),
    ("badmacro", {"SPF005"}, {"SPF016"}),
    ("exp", {"SPF001"}, {"SPF016"}),
    ("inc-exp", {"SPF001"}, {"SPF016"}),
    ("rl1", {"SPF014"}, {"SPF001", "SPF000"}),
    ("port", {"SPF005"}, {"SPF013"}),
    ("ipname", {"SPF005"}, {"SPF013"}),
    ("ip6", {"SPF005"}, set()),
    ("idn", {"SPF005"}, {"SPF013"}),
    ("idnok", {"SPF001"}, {"SPF005"}),
    ("comma", {"SPF005"}, {"SPF001"}),
    ("noprefix", {"SPF005"}, set()),
    ("allmid", {"SPF023", "SPF018"}, set()),
    ("noall", {"SPF007"}, {"SPF001", "SPF008"}),
    ("all4", {"SPF028"}, {"SPF001"}),
    ("all8", {"SPF028"}, {"SPF001"}),
    ("exists1", {"SPF006", "SPF021"}, {"SPF001"}),
    ("two", {"SPF003"}, {"SPF001"}),
    ("m-cname", {"DMA008"}, {"DMA002"}),
    ("m-dang", {"DMA002"}, {"DMA000"}),
    ("m-loop", {"DMA002"}, {"DMA000"}),
    ("sub.m-ok", {"DMA015", "DMA001"}, {"DMA002"}),
    ("a.b.c.d.e.f.g.h.i.j.m-ok", {"DMA015"}, {"DMA002"}),
    ("y.x.m-psdy", {"DMA015"}, {"DMA002"}),
    ("x.m-psdn", {"DMA015"}, {"DMA002"}),
    ("m-two", {"DMA003"}, {"DMA001", "DMA002"}),
    ("m-rua", {"DMA008"}, {"DMA001", "DMA006"}),
    ("m-semi", {"DMA014"}, {"DMA001", "DMA002"}),
    ("m-low", {"DMA014"}, {"DMA001", "DMA002"}),
    ("m-comma", {"DMA014"}, {"DMA001", "DMA002"}),
    ("m-typo", {"DMA005"}, {"DMA001"}),
    ("m-nomailto", {"DMA013"}, {"DMA001"}),
    ("m-spaces", {"DMA001"}, {"DMA014", "DMA013"}),
    ("m-trail", {"DMA001"}, {"DMA013"}),
    ("m-stray", {"DMA017"}, {"DMA001", "DMA002"}),
    ("m-wild", {"DMA002", "DKM012"}, {"DMA014"}),
    ("k512", {"DKM003"}, {"DKM001"}),
    ("k1024", {"DKM004"}, {"DKM003", "DKM001"}),
    ("k2048", {"DKM001"}, {"DKM004"}),
    ("kquote", {"DKM008"}, {"DKM001"}),
    ("ktwo", {"DKM007"}, {"DKM001"}),
    ("ksame", {"DKM001"}, {"DKM007"}),
    ("ked31", {"DKM008"}, {"DKM001"}),
    ("ked32", {"DKM001", "DKM016"}, {"DKM008"}),
    ("kcut", {"DKM008"}, {"DKM001"}),
    ("kcname", {"DKM002"}, {"DKM000"}),
    ("kloop", {"DKM002"}, {"DKM000", "DKM010"}),
    ("kupper", {"DKM012"}, {"DKM001"}),
    ("knov", {"DKM001"}, {"DKM012"}),
    ("ksemi", {"DKM012"}, {"DKM001"}),
    ("x-cname", {"MX005", "MX010"}, {"MX006"}),
    ("x-priv", {"MX007"}, {"MX010"}),
    ("x-priv2", {"MX007", "MX010"}, set()),
    ("x-ip", {"MX008"}, {"MX010", "MX006"}),
    ("x-self", {"MX010"}, {"MX005"}),
    ("x-null2", {"MX004"}, {"MX003"}),
    ("x-null10", {"MX003"}, {"MX010"}),
    ("x-50", {"MX010"}, {"MX006", "MX000"}),
    ("x-6", {"MX010"}, {"MX006"}),
    ("x-map", {"MX007"}, {"MX010"}),
    ("x-dang", {"MX006", "MX005"}, {"MX010"}),
    ("xdang", {"MX001"}, {"DOM001"}),
]


def look(case, world, **options):
    world.blocklists = ()
    return scan(f"{case}.adv.test", world=world, **{"ips": [IP], "selectors": ["s1"], **options})


def codes(report):
    return {f.code for f in report.findings}


@pytest.fixture(scope="module")
def adversarial():
    return World.zones([ZONE], only=True)


@pytest.mark.parametrize(("case", "must", "false"), CASES, ids=[c[0] for c in CASES])
def test_no_claim_is_false(case, must, false, adversarial):
    report = look(case, adversarial)
    assert must <= codes(report)
    assert not false & codes(report)
    assert report.timing.elapsed_ms < 2000
    json.dumps(report.facts)
    for finding in report.findings:
        for sentence in (words.message(finding), words.fix(finding)["summary"]):
            # neither a slot left open, nor the word of a programmer for a reason, nor Python's way to write octets
            assert not re.search(r"(?<!%)\{[a-z_]+\}|\b(bad|unknown|missing|too)-[a-z]+\b|b'|None\b", sentence), sentence
        assert finding.status is Status.UNKNOWN or finding.evidence or finding.code in ("PTR004", "ALN007"), finding.code


def quoted(text):
    octets = text.encode("utf-8", "backslashreplace")
    pieces = [octets[i : i + 250] for i in range(0, len(octets), 250)]
    return " ".join('"' + "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\{c:03d}" for c in piece) + '"' for piece in pieces)


def published(record, world, folder):
    """The world with the proposal in place of what it replaces; other TXT records of the name stay."""
    with world.open() as session:
        stands = session.dns.ask(record.name, record.rtype)
    assert set(record.current) <= set(stands.values)
    rows = [*record.proposed, *(v for v in stands.values if v not in record.current)]
    patch = folder / "patch.records"
    patch.write_text("".join(f"{record.name}. 300 IN TXT {quoted(row)}\n" for row in rows))
    return World.zones([ZONE, patch], only=True)


@pytest.mark.parametrize("case", [c[0] for c in CASES])
def test_each_proposal_cures_and_harms_nothing(case, adversarial, tmp_path):
    before = look(case, adversarial)
    passed = {ip for ip, v in before.facts["spf"]["verdicts"].items() if v["result"] == "pass"}
    for finding in before.findings:
        for record in [finding.record, *(choice.record for choice in finding.choices)]:
            if record is None:
                continue
            changed = published(record, adversarial, tmp_path)
            after = look(case, changed)
            assert (finding.code, finding.subject) not in {(f.code, f.subject) for f in after.findings}, record
            assert passed <= {ip for ip, v in after.facts["spf"]["verdicts"].items() if v["result"] == "pass"}, record
            # nothing is let in that was not named: of an address that nobody gave the verdict is no better than before
            then, now = (look(case, world, ips=[STRANGER], topics=["spf"]).facts["spf"]["verdicts"][STRANGER]["result"] for world in (adversarial, changed))
            assert now != "pass" or then == "pass", record


def test_the_include_bomb_says_at_least(adversarial):
    report = look("bomb", adversarial)
    count = next(f.values["count"] for f in report.findings if f.code == "SPF004")
    assert count.endswith("+")
    assert report.facts["spf"]["lookups"] is None


@pytest.mark.parametrize("case", ["exp", "inc-exp", "m-rua", "macros"])
def test_a_second_opinion_asks_nobody(case, adversarial, monkeypatch):
    """checkdmarc asks for what stands behind exp= through the system's resolver unless it is kept from it."""
    opened = []
    monkeypatch.setattr(socket, "socket", lambda *a, **k: opened.append(a))
    json.dumps(look(case, adversarial).facts)
    assert not opened


def test_txt_of_64_kilobytes(tmp_path):
    big = " ".join('"' + "x" * 250 + '"' for _ in range(240))
    long = " ".join(f'"ip4:192.0.2.{n % 250} "' for n in range(3000))
    key = " ".join('"' + "A" * 200 + '"' for _ in range(200))
    world = world_of(
        tmp_path,
        {
            "big.test": f'@ TXT ( {big} )\n@ TXT "v=spf1 ip4:{IP} -all"\n_dmarc TXT ( "v=DMARC1; p=reject; rua=" {big} )',
            "long.test": f'@ TXT ( "v=spf1 " {long} "-all" )\ns1._domainkey TXT ( "p=" {key} )',
        },
    )
    began = time.monotonic()
    assert {"SPF001", "SPF017"} <= codes(scan("big.test", world=world, ips=[IP]))
    assert {"SPF005", "SPF021", "DKM008"} <= codes(scan("long.test", world=world, ips=[IP], selectors=["s1"]))
    assert time.monotonic() - began < 3


def test_a_parked_domain_is_in_order():
    world = World.demo(World.zones([], only=True))
    report = scan("parked.example", world=world)
    assert report.verdict in (Status.PASS, Status.NOTE)
    assert {f.status for f in report.findings} <= {Status.PASS, Status.NOTE}
    assert {"MX003", "DKM011", "ALN007"} <= codes(report)
    # whoever says that it sends after all is not told so
    assert "ALN007" not in codes(scan("parked.example", world=world, ips=[IP]))


def test_without_the_network_one_note_a_topic_and_the_verdict_stays(tmp_path):
    zones = {
        "shop.test": 'ns1 A 192.0.2.53\n@ MX 10 mx1.away.example.\n@ MX 20 mx2.away.example.\n@ TXT "v=spf1 include:a.away.example include:b.away.example -all"\n_dmarc TXT "v=DMARC1; p=reject; rua=mailto:a@away.example"'
    }
    report = scan("shop.test", world=world_of(tmp_path, zones), ips=["192.0.2.1", "192.0.2.2"])
    outside = [f.code for f in report.findings if f.code.endswith("999")]
    assert len(outside) == len(set(outside))
    assert {"MX999", "SPF999", "PTR999", "DBL999"} <= set(outside)
    assert {f.code for f in report.findings if f.status not in (Status.NOTE, Status.PASS)} <= {"DKM009", "ALN005"}
    for finding in report.findings:
        if finding.code == "PTR999":
            assert {a.name for a in finding.evidence} == {"1.2.0.192.in-addr.arpa", "2.2.0.192.in-addr.arpa"}


def test_a_count_of_keys_tells_only_those_that_were_answered():
    """With every question unanswered it is not said that no usual selector has a key."""
    from support import Faults

    report = scan("shop.example", world=Faults(World.zones(sorted((DATA / "demo").glob("*.zone")), only=True), timeout={"*._domainkey.shop.example"}))
    assert "DKM000" in codes(report)
    assert "DKM010" not in codes(report)
