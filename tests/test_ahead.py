"""Thinking ahead (healthcheck/ahead.py): a report is the same, word for word and in every order, as that of a scan that thinks of nothing before its turn."""

import contextlib
import dataclasses
import json
import random
import sys
from pathlib import Path

import pytest
from support.authority import Authority
from support.nameserver import Nameserver, reply_to
from support.storm import DEMO

from healthcheck import ahead
from healthcheck.checks import dkim
from healthcheck.edge.dns import Seam
from healthcheck.edge.tape import Recorder
from healthcheck.edge.world import Session, World
from healthcheck.model import Fetch, Question
from healthcheck.render.json import plain
from healthcheck.render.json import report as as_json
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
HELD = 0.004  # seconds that an answer is held at most
LATE = 0.04  # and those of the records that SPF includes, so that these are what is waited for
# names of worlds, with what their topics have to say: aliases, loops, policies, signed zones, hosts that take no mail, budgets
SCANNED = [
    *(
        (tuple(DEMO), f"{name}.example", ["203.0.113.77"], ["shop"])
        for name in ("shop", "healthy", "saas", "newsletter", "broken-spf", "parked", "nothing-there")
    ),
    *(((WORLDS / "adversarial.zone",), f"{name}.adv.test", ["192.0.2.1"], ["s1"]) for name in ("bomb", "inc-chain", "inc-loop", "mx-loop", "macros", "m-rua")),
    *(((WORLDS / "mx-cases.zone",), f"{name}.mx.test", [], []) for name in ("good", "half", "aliased", "mixed", "none", "missing")),
    *(((WORLDS / "dkim-cases.zone",), f"{name}.dkim.test", [], ["s1"]) for name in ("good", "wild", "looped", "parked")),
]


def said(report):
    """All of a report but the time it took."""
    out = as_json(report)
    del out["dns"], out["scanned_at"]
    return json.dumps(plain(out), sort_keys=True), [(a.name, a.rtype, a.outcome, a.values, a.aliases, a.server) for a in report.transcript]


@contextlib.contextmanager
def held(files, seed="", *, spoil=0.0, **more):
    """A world on the wire whose answers come after a while each, in an order that the seed draws; `spoil`: how many of them are SERVFAIL."""
    own: list[list[str]] = []
    answer, dice, bad = Authority(list(files)).answer, random.Random(seed), {}

    def handler(query, _):
        asked, labels = query.question[0].to_text(), query.question[0].name.to_text(omit_final_dot=True).split(".")
        own.append(labels)  # the first one is that of the domain
        of_spf = " TXT" in asked and labels != own[0] and (labels[0] == "_spf" or not any(label.startswith("_") for label in labels))
        wait = dice.random() * HELD + LATE * of_spf
        if bad.setdefault(asked, random.Random(f"{seed} {asked}").random() < spoil):
            return [(wait, reply_to(query, rcode=2))]
        return [(wait, answer(query))]

    with Nameserver(handler) as server:
        world = World.live([server.at], **more)
        world.blocklists = ()
        try:
            yield world
        finally:
            world.close()


@contextlib.contextmanager
def nothing_meanwhile(self, think):
    yield


@pytest.fixture(autouse=True)
def one_after_the_other(monkeypatch):
    """Topics that wait for hosts do so in threads, where any of them may be the first to ask."""
    monkeypatch.setattr(sys.modules[scan.__module__], "PATIENT", ())


@pytest.fixture
def trials(monkeypatch):
    """What was kept of trials, and what was not."""
    kept = {True: [], False: []}
    holds = ahead._Trial.holds

    def noted(self):
        kept[found := holds(self)].append(self)
        return found

    monkeypatch.setattr(ahead._Trial, "holds", noted)
    return kept


@pytest.mark.parametrize(("files", "domain", "ips", "selectors"), SCANNED, ids=[row[1] for row in SCANNED])
@pytest.mark.parametrize("spoil", [0.0, 0.15])
def test_the_report_is_that_of_a_scan_that_does_not_think_ahead(files, domain, ips, selectors, spoil, monkeypatch):
    with held(files, domain, spoil=spoil) as world:
        once = [said(scan(domain, world=world, ips=ips, selectors=selectors)) for _ in range(2)]
        monkeypatch.setattr(Session, "meanwhile", nothing_meanwhile)
        assert {json.dumps(plain(one)) for one in once} == {json.dumps(plain(said(scan(domain, world=world, ips=ips, selectors=selectors))))}


def test_later_topics_do_think_while_spf_waits(trials):
    with held(DEMO, "1") as world:
        for _ in range(5):
            scan("shop.example", world=world)
    assert len(trials[True]) >= 10
    assert not trials[False]


@pytest.mark.parametrize("changed", [False, True])
def test_what_was_found_of_dkim_holds_unless_a_second_look_changes_it(changed, monkeypatch):
    made, again = [], dkim.again

    def noted(self, *given):
        init(self, *given)
        made.append(self)

    def look(session, facts):
        assert "dkim" in made[-1].findings  # thought of while SPF waited
        found = again(session, facts)
        return dataclasses.replace(found, selectors={}) if changed else found

    init = ahead.Ahead.__init__
    monkeypatch.setattr(ahead.Ahead, "__init__", noted)
    monkeypatch.setattr(dkim, "again", look)
    with held(DEMO, "4") as world:
        report = scan("shop.example", world=world, selectors=["shop"])
    told = {f.code for f in report.findings if f.code.startswith("DKM")}
    assert ("dkim" in made[-1].findings) is not changed
    assert ("DKM001" in told) is not changed, told


@pytest.mark.parametrize("profile", ["bulk", "non-sending", "receiving"])
def test_every_profile_judges_the_same(profile, monkeypatch):
    with held(DEMO, profile) as world:
        thought = said(scan("shop.example", world=world, profile=profile))
        monkeypatch.setattr(Session, "meanwhile", nothing_meanwhile)
        assert thought == said(scan("shop.example", world=world, profile=profile))


def test_where_it_is_told_something_else_in_its_turn_it_is_gathered_anew(trials, monkeypatch):
    monkeypatch.setattr(Seam, "same", lambda *_: False)
    with held(DEMO, "2") as world:
        anew = said(scan("shop.example", world=world))
        assert trials[False]
        assert not trials[True]
        monkeypatch.setattr(Session, "meanwhile", nothing_meanwhile)
        assert anew == said(scan("shop.example", world=world))


def test_a_recording_holds_all_that_a_trial_was_told(trials, tmp_path):
    with held(DEMO, "3") as world:
        recorder = Recorder(world)
        live = scan("shop.example", world=world, ips=["203.0.113.77"])
        assert trials[True]
        with (tmp_path / "scan.json").open("w", encoding="utf-8") as file:
            recorder.write(file)
    assert said(scan("shop.example", world=World.replay(tmp_path / "scan.json"), ips=["203.0.113.77"])) == said(live)


def test_a_trial_asks_and_charges_nothing():
    with held(DEMO, "4") as world, world.open() as session:
        session.dns.ask("shop.example", "MX")
        before = session.dns.timing().questions, session.dns.transcript()
        trial = ahead._Trial(session)
        assert trial.dns.ask("shop.example", "MX") == session.dns.ask("shop.example", "MX")
        for wish in (
            lambda: trial.dns.ask("shop.example", "TXT"),
            lambda: trial.dns.ask_all([Question("shop.example", "MX"), Question("other.example", "MX")]),
            lambda: trial.fetch.get(Fetch("https://mta-sts.shop.example/.well-known/mta-sts.txt", ("203.0.113.1",), 1000)),
            lambda: trial.dns.foresee([Question("shop.example", "TXT")]),
            lambda: trial.greet,
            lambda: trial.world.files,
        ):
            with pytest.raises(ahead.NotYet):
                wish()
        assert (session.dns.timing().questions, session.dns.transcript()) == before
        assert trial.holds()


def test_where_the_budget_may_not_do_nothing_is_demanded():
    with held(DEMO, "5") as world, world.open() as session:
        session.dns.foresee([Question("shop.example", "TXT")])
        session.dns.ask("shop.example", "MX")
        while session.dns.here([Question("shop.example", "TXT")]) is None:
            session.dns._loop.wait(lambda: session.dns.settled, float("inf"))
        _, told = session.dns.here([Question("shop.example", "TXT")])
        assert list(told) == [Question("shop.example", "TXT")]
        session.dns._spent[False] = 100
        before = session.dns.transcript()
        assert not session.dns.same(told)
        assert session.dns.transcript() == before
        session.dns._spent[False] = 99
        assert session.dns.same(told)
        assert [a.rtype for a in session.dns.transcript()] == ["MX", "TXT"]


def test_a_scan_that_shares_its_loop_has_others_to_think_of():
    from healthcheck.edge.loop import Loop

    loop = Loop()
    loop.idle = others = lambda: False
    with held(DEMO, "6") as world, world.open(loop=loop) as session, session.meanwhile(lambda: True):
        assert loop.idle is others
    loop.close()
