"""Random faults over many worlds: what a scan says under faults it says without them too, or it says that it does not know."""

import random
from functools import cache
from pathlib import Path

import pytest
from support import Faults

from healthcheck.catalog import DATA, catalog
from healthcheck.edge.world import World
from healthcheck.model import Status
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
DEMO = sorted((DATA / "demo").glob("*.zone"))
KINDS = ("servfail", "timeout", "refused", "bogus", "error", "truncated", "not_asked")
SCANS = 300
# What may be said under faults alone, since it says less than what is said without: how much could be counted.
LESS = {"SPF027", "PTR004", "PTR006"}

SUBJECTS = [
    *((DEMO, f"{name}.example", ["203.0.113.77"], ["shop"]) for name in ("shop", "saas", "newsletter", "nodmarc", "broken-spf")),
    *((DEMO, name, ["198.51.100.66"], []) for name in ("listed.example", "healthy.example")),
    (DEMO, "parked.example", [], []),
    *(([WORLDS / "mx-cases.zone"], f"{name}.mx.test", [], []) for name in ("good", "half", "aliased", "implicit", "mixed", "none", "missing")),
    *(
        ([WORLDS / "spf-cases.zone"], f"{name}.spf.test", ["192.0.2.1", "192.0.2.9"], [])
        for name in ("good", "eleven", "deep", "voids", "several", "include-none")
    ),
    *(([WORLDS / "dkim-cases.zone"], f"{name}.dkim.test", [], ["s1"]) for name in ("good", "none", "ed", "wild", "several", "parked", "looped")),
    *(
        ([WORLDS / f"{zone}.zone" for zone in ("dmarc-cases", "dmarc-agreed", "dmarc-refusing")], f"{name}.dmarc.test", [], [])
        for name in ("good", "foreign", "missing", "child.weak-sub", "several", "stray")
    ),
    *(([WORLDS / "alignment-cases.zone"], f"{name}.align.test", ["192.0.2.1"], ["s1"]) for name in ("both", "strict", "nothing", "dkim-only")),
    *(
        ([WORLDS / "adversarial.zone"], f"{name}.adv.test", ["192.0.2.1"], ["s1"])
        for name in (
            "bomb",
            "inc-chain",
            "inc-loop",
            "mx-loop",
            "macros",
            "rl1",
            "mxself",
            "m-rua",
            "m-cname",
            "x.m-psdy",
            "m-wild",
            "k2048",
            "ktwo",
            "x-50",
            "park2",
        )
    ),
]


def key(finding):
    return finding.code, finding.subject


@cache
def world_of(files):
    return World.zones(files, only=True)


@cache
def without_faults(n):
    files, domain, ips, selectors = SUBJECTS[n]
    return scan(domain, world=world_of(tuple(files)), ips=ips, selectors=selectors)


def states(report):
    return {(x["zone"], x["subject"]): x["state"] for x in report.facts["dnsbl"]["lists"]}


@pytest.mark.parametrize("seed", range(0, SCANS, 10))
def test_faults_take_away_and_never_add(seed):
    for turn in range(seed, seed + 10):
        dice = random.Random(turn)
        n = dice.randrange(len(SUBJECTS))
        files, domain, ips, selectors = SUBJECTS[n]
        plain = without_faults(n)
        asked = sorted({(a.name, a.rtype) for a in plain.transcript})
        faults = {}
        for _ in range(dice.choice((1, 1, 2, 4, 12, 40))):
            name, rtype = dice.choice(asked)
            place = dice.choice(((name, rtype), name, "*." + ".".join(name.split(".")[-3:])))
            faults.setdefault(dice.choice(KINDS), set()).add(place)
        report = scan(domain, world=Faults(world_of(tuple(files)), **faults), ips=ips, selectors=selectors)
        told = f"seed {turn}: {domain} with {faults}"
        known = {key(f) for f in plain.findings}
        added = [f for f in report.findings if f.status is not Status.UNKNOWN and not f.code.endswith("999") and f.code not in LESS and key(f) not in known]
        assert not added, f"{told}: {[(f.code, f.subject, dict(f.values)) for f in added]}"
        clean = states(plain)
        wrong = {place: state for place, state in states(report).items() if state in ("listed", "not-listed") and state != clean.get(place)}
        assert not wrong, f"{told}: {wrong}"
        silent = [name for name, result in report.topics.items() if not result.summary]
        assert not silent, f"{told}: {silent} say nothing"
        for finding in report.findings:
            if finding.status in (Status.FAIL, Status.WARN, Status.PASS):
                assert not finding.evidence or not all(a.unsure and "loop" not in a.detail for a in finding.evidence), f"{told}: {finding.code}"


def test_the_storm_reaches_every_topic():
    topics = {catalog().checks[f.code].topic for n in range(len(SUBJECTS)) for f in without_faults(n).findings}
    assert topics == {"mx", "spf", "dkim", "dmarc", "alignment", "ptr", "dnsbl"}
