"""What scanned data can make a scan do is bounded: its questions, its time, its threads; and the same world gives the same report."""

import json
import random
import re
import socket
import threading
import time
from pathlib import Path

import pytest
from support import Nameserver, zone_file
from support.authority import Authority

import healthcheck.edge.world as world_module
from healthcheck.edge.dns import Seam
from healthcheck.edge.world import World
from healthcheck.model import Status
from healthcheck.render.json import report as as_json
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
DEMANDED, SENT, REPEATS = 100, 150, 20
TEN = range(10)

INCLUDES = " ".join(f"include:x{n}.{{0}}" for n in TEN)
BOMBS = f"""
; ten includes a level, four levels deep
bomb A 192.0.2.1
bomb TXT "v=spf1 {" ".join(f"include:a{n}.bombs.test" for n in TEN)} -all"
{chr(10).join(f'a{n} TXT "v=spf1 {" ".join(f"include:a{n}{m}.bombs.test" for m in TEN)} -all"' for n in TEN)}
{chr(10).join(f'a{n}{m} TXT "v=spf1 {" ".join(f"include:a{n}{m}{k}.bombs.test" for k in TEN)} -all"' for n in TEN for m in TEN)}
; each include is an alias into a loop, each MX host and report address too
loops A 192.0.2.1
loops TXT "v=spf1 {" ".join(f"include:l{n}.bombs.test" for n in TEN)} mx -all"
{chr(10).join(f"loops MX {n} l{n}" for n in TEN)}
{chr(10).join(f"l{n} CNAME l{(n + 1) % 10}" for n in TEN)}
_dmarc.loops TXT "v=DMARC1; p=none; rua={",".join(f"mailto:a@l{n}.bombs.test" for n in TEN)}"
; aliases that lead eight names on
chains A 192.0.2.1
chains TXT "v=spf1 {" ".join(f"include:c{n}.bombs.test" for n in TEN)} -all"
{chr(10).join(f"c{n} CNAME c{n}a" + chr(10) + chr(10).join(f"c{n}{a} CNAME c{n}{b}" for a, b in zip("abcdefg", "bcdefgh", strict=True)) for n in TEN)}
{chr(10).join(f'c{n}h TXT "v=spf1 {" ".join(f"include:c{n}x{m}.bombs.test" for m in TEN)} -all"' for n in TEN)}
; every name is there, and each record leads on to ten more
wild A 192.0.2.1
wild MX 10 m.wild
wild TXT "v=spf1 {INCLUDES.format("wild.bombs.test")} mx a -all"
*.wild TXT "v=spf1 include:y.%{{d}} {" ".join(f"include:w{n}.wild.bombs.test" for n in range(9))} ~all"
*.wild MX 10 n.wild
*.wild A 192.0.2.9
*.wild AAAA 2001:db8::9
; fifty mail hosts, each with many addresses
hosts A 192.0.2.1
hosts TXT "v=spf1 {" ".join(f"mx:h{n}.bombs.test" for n in TEN)} -all"
{chr(10).join(f"hosts MX {n} hh{n}" for n in range(50))}
{chr(10).join(f"hh{n} A 192.0.2.{m}" for n in range(50) for m in range(100, 112))}
{chr(10).join(f"h{n} MX {m} hm{n}x{m}" for n in TEN for m in TEN)}
; reports to forty domains
reports A 192.0.2.1
_dmarc.reports TXT "v=DMARC1; p=reject; rua={",".join(f"mailto:a@r{n}.bombs.test" for n in range(40))}"
"""
CASES = ("bomb", "loops", "chains", "wild", "x.y.z.wild", "hosts", "reports", "nobody")


@pytest.fixture(scope="module")
def zone(tmp_path_factory):
    # a character string holds 255 octets (RFC 1035 section 3.3); they are joined without a space
    cut = re.sub(r'"([^"\n]{201,})"', lambda m: " ".join(f'"{m[1][i : i + 200]}"' for i in range(0, len(m[1]), 200)), BOMBS)
    return zone_file(tmp_path_factory.mktemp("bombs"), "bombs.test", cut)


@pytest.fixture
def seams(monkeypatch):
    """Each seam that a scan opens, to count what it sent."""
    opened = []

    class Counted(Seam):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            opened.append(self)

    monkeypatch.setattr(world_module, "Seam", Counted)
    return opened


def chosen_by_data(seam):
    """(demanded, sent) questions on names that scanned data chose: fixed lists and the World's own left out, each alias followed counted."""
    heads = [h for h in seam._heads.values() if not h.fixed and not h.shared]
    demanded = seam._spent[False]
    return demanded, len({raw.key for head in heads for raw in head.trail if raw.mine})


def within(seams):
    demanded, sent = chosen_by_data(seams[-1])
    assert demanded <= DEMANDED
    assert sent <= SENT
    return demanded, sent


@pytest.mark.parametrize("case", CASES)
def test_what_data_can_make_a_scan_ask_is_bounded(case, zone, seams):
    world = World.zones([zone], only=True)
    began = time.monotonic()
    scan(f"{case}.bombs.test", world=world, ips=["192.0.2.1", "2001:db8::1"], selectors=["s1"])
    assert time.monotonic() - began < 5
    within(seams)


def adversarial_names():
    rows = (WORLDS / "adversarial.zone").read_text(encoding="utf-8").splitlines()
    owners = {row.split()[0] for row in rows if row[:1].isalnum() and len(row.split()) > 2}
    return sorted(name for name in owners if "." not in name)


def test_no_case_of_the_adversarial_world_asks_more(seams):
    world = World.zones([WORLDS / "adversarial.zone"], only=True)
    world.blocklists = ()
    names = adversarial_names()
    assert len(names) > 60
    for name in names:
        scan(f"{name}.adv.test", world=world, ips=["192.0.2.1"], selectors=["s1"])
        within(seams)


def said(report):
    """Everything in a report but when it was made and how long it took."""
    out = as_json(report)
    out.pop("scanned_at", None)
    out.pop("dns", None)
    out["transcript"] = [(a.name, a.rtype, a.outcome.value, a.values, a.aliases) for a in report.transcript]
    return json.dumps(out, sort_keys=True, default=str)


@pytest.mark.parametrize("case", CASES)
def test_the_same_report_however_the_answers_arrive(case, zone, seams):
    """Twenty scans over the wire, each answer held for a random while, so that they come in another order each time."""
    held, dice = Authority([zone]), random.Random(case)

    def handler(query, _):
        return [(dice.random() * 0.01, held.answer(query))]

    with Nameserver(handler) as server:
        reports = []
        for _ in range(REPEATS):
            world = World.live([server.at])
            world.blocklists = ()
            reports.append(said(scan(f"{case}.bombs.test", world=world, ips=["192.0.2.1"], selectors=["s1"])))
            world.close()
            within(seams)
    assert len(set(reports)) == 1


@pytest.mark.parametrize("case", ["shop.example", "listed.example"])
def test_every_server_silent(case, no_thread_left):
    """Whatever is asked for: over in 16 seconds, nothing claimed, no thread left."""
    before = threading.active_count()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        world = World.live([f"127.0.0.1:{silent.getsockname()[1]}"])
        began = time.monotonic()
        report = scan(case, world=world, ips=["192.0.2.1", "198.51.100.66", "2001:db8::1"], selectors=["s1", "s2"], mail_from="bounce.example")
        took = time.monotonic() - began
        world.close()
    assert took < 16
    assert {f.status for f in report.findings} <= {Status.UNKNOWN, Status.NOTE}
    assert threading.active_count() <= before
