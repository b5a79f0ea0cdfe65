"""What scanned data can make a scan do is bounded: its questions, its time, its threads; and the same world gives the same report."""

import itertools
import json
import random
import re
import socket
import threading
import time
from pathlib import Path

import dns.flags
import dns.rcode
import dns.rdatatype
import pytest
from support import Faults, Nameserver, reply_to, world_of, zone_file
from support.authority import Authority

from healthcheck.catalog import catalog
from healthcheck.edge.world import BOGUS_PROBE, World
from healthcheck.model import Outcome, Question, Status
from healthcheck.render.json import report as as_json
from healthcheck.scan import scan

WORLDS = Path(__file__).parent / "worlds"
DEMANDED, SPECULATIVE, SENT, REPEATS = 100, 50, 150, 20
HELD = 0.003  # seconds, at most
TEN = range(10)


def chain(name):
    """Eight aliases, from `name` to `name` with an h."""
    return "\n".join(f"{name}{a} CNAME {name}{b}" for a, b in itertools.pairwise(("", *"abcdefgh")))


SELECTORS = catalog().common_selectors
# the names of one sender's address, each of them an alias
SENDERS = {"aliased": "192.0.2.2"}
REVERSE = "\n".join(f"2 PTR k{n}.bombs.test." for n in range(20))

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
{chr(10).join(chain(f"c{n}") for n in TEN)}
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
; ten includes a level, each of them eight aliases away
deep A 192.0.2.1
deep TXT "v=spf1 {" ".join(f"include:d{n}.bombs.test" for n in TEN)} -all"
{chr(10).join(chain(f"d{n}") + chr(10) + f'd{n}h TXT "v=spf1 {" ".join(f"include:d{n}{m}.bombs.test" for m in TEN)} -all"' for n in TEN)}
{chr(10).join(chain(f"d{n}{m}") + chr(10) + f'd{n}{m}h TXT "v=spf1 a -all"' for n in TEN for m in TEN)}
; mail hosts, names of addresses and report domains that are aliases
aliased A 192.0.2.7
aliased TXT "v=spf1 ptr mx {" ".join(f"a:k{n}.bombs.test" for n in range(6))} -all"
{chr(10).join(f"aliased MX {n} k{n}" for n in range(30))}
{chr(10).join(chain(f"k{n}") + chr(10) + f"k{n}h A 192.0.2.{n + 1}" for n in range(30))}
_dmarc.aliased TXT "v=DMARC1; p=none; rua={",".join(f"mailto:a@k{n}.bombs.test" for n in range(30))}"
; every common selector an alias, eight steps from its key
selectors A 192.0.2.1
selectors TXT "v=spf1 mx include:d1.bombs.test -all"
selectors MX 10 hh1
{chr(10).join(f"{s}._domainkey.selectors CNAME q{n}" + chr(10) + chain(f"q{n}")[: -len(f"q{n}h")] + "key" for n, s in enumerate(SELECTORS))}
key TXT "v=DKIM1; p="
; reports to forty domains
reports A 192.0.2.1
_dmarc.reports TXT "v=DMARC1; p=reject; rua={",".join(f"mailto:a@r{n}.bombs.test" for n in range(40))}"
"""
CASES = ("bomb", "loops", "chains", "deep", "wild", "x.y.z.wild", "hosts", "aliased", "selectors", "reports", "nobody")
ALIASED = ("deep", "aliased", "selectors")


@pytest.fixture(scope="module")
def zones(tmp_path_factory):
    # a character string holds 255 octets (RFC 1035 section 3.3); they are joined without a space
    cut = re.sub(r'"([^"\n]{201,})"', lambda m: " ".join(f'"{m[1][i : i + 200]}"' for i in range(0, len(m[1]), 200)), BOMBS)
    folder = tmp_path_factory.mktemp("bombs")
    return [zone_file(folder, "bombs.test", cut), zone_file(folder, "2.0.192.in-addr.arpa", REVERSE)]


class Unchased(Authority):
    """A server that gives an alias and leaves it to the client to ask for its target, as authoritative servers may."""

    def answer(self, query):
        response = super().answer(query)
        if response.answer and response.answer[0].rdtype != query.question[0].rdtype:
            del response.answer[1:], response.authority[:]
            response.set_rcode(dns.rcode.NOERROR)
        return response


class Endless:
    """A world without end: every name but the domain's own is eight aliases away from a record that names ten more."""

    DOMAIN = "endless.test"

    def answer(self, query):
        name, rtype = query.question[0].name.to_text(True), dns.rdatatype.to_text(query.question[0].rdtype)
        step, _, rest = name.partition(".")
        at = int(step[4:]) if re.fullmatch("step[1-8]", step) else 0
        if at < 8 and name != self.DOMAIN:
            return reply_to(query, f"@ 300 CNAME step{at + 1}.{rest if at else name}.")
        more = [f"{rest[:12].replace('.', '')}{n}.{self.DOMAIN}" for n in TEN]
        if "_domainkey" in name:
            said = ["TXT v=DKIM1;p="]
        elif rest.startswith("_dmarc."):
            said = ["TXT v=DMARC1;p=none;rua=" + ",".join(f"mailto:a@{host}" for host in more)]
        else:
            said = ["TXT " + '"v=spf1" ' + " ".join(f'" include:{host}"' for host in more) + '" mx ptr -all"']
        said += [f"{kind}{host}." for kind in ("MX 10 ", "PTR ") for host in more] + ["A 192.0.2.1", "AAAA 2001:db8::1"]
        return reply_to(query, *[f"@ 300 {record}" for record in said if record.startswith(f"{rtype} ")])


def of_fixed_lists(name, domain):
    """Selectors; blocklists are left out of these scans."""
    return f".{name}".endswith(f"._domainkey.{domain}") and not name.startswith("step")


def sent(server, domain):
    """Questions on names that scanned data chose, as the server heard them; one that was sent again because no answer came counts once."""
    heard = {(q.question[0].name.to_text(True).lower(), dns.rdatatype.to_text(q.question[0].rdtype), q.ednsflags & dns.flags.DO) for q in server.queries}
    return len([name for name, _, _ in heard if name != BOGUS_PROBE and not of_fixed_lists(name, domain)])


def demanded(report, chased):
    """The same of those that the report rests on: its transcript, and the targets of its aliases where each of them is a question."""
    out = set()
    for answer in report.transcript:
        names = (answer.name, *(() if chased else answer.aliases))
        # the last one was refused, or is beyond what the seam follows
        names = names[:-1] if answer.outcome is Outcome.NOT_ASKED or "CNAMEs in a row" in answer.detail else names
        out |= {(name, answer.rtype) for name in names if not of_fixed_lists(name, report.domain.name)}
    return len(out)


@pytest.mark.parametrize("case", CASES)
def test_what_data_can_make_a_scan_ask_is_bounded(case, zones):
    world = Faults(World.zones(zones, only=True))
    world.blocklists = ()
    began = time.monotonic()
    report = scan(f"{case}.bombs.test", world=world, ips=[SENDERS.get(case, "192.0.2.1"), "2001:db8::1"], selectors=["s1"])
    assert time.monotonic() - began < 5
    assert len({key for key in world.asked if not of_fixed_lists(key[0], f"{case}.bombs.test")}) <= SENT
    assert 2 < demanded(report, chased=False) <= DEMANDED


def adversarial_names():
    rows = (WORLDS / "adversarial.zone").read_text(encoding="utf-8").splitlines()
    owners = {row.split()[0] for row in rows if row[:1].isalnum() and len(row.split()) > 2}
    return sorted(name for name in owners if "." not in name)


def test_no_case_of_the_adversarial_world_asks_more():
    world = Faults(World.zones([WORLDS / "adversarial.zone"], only=True))
    world.blocklists = ()
    names = adversarial_names()
    assert len(names) > 60
    for name in names:
        world.asked.clear()
        report = scan(f"{name}.adv.test", world=world, ips=["192.0.2.1"], selectors=["s1"])
        assert len({key for key in world.asked if not of_fixed_lists(key[0], f"{name}.adv.test")}) <= SENT
        assert demanded(report, chased=False) <= DEMANDED


def said(report):
    """Everything in a report but when it was made and how long it took."""
    out = as_json(report)
    out.pop("scanned_at", None)
    out.pop("dns", None)
    out["transcript"] = [(a.name, a.rtype, a.outcome.value, a.values, a.aliases) for a in report.transcript]
    return json.dumps(out, sort_keys=True, default=str)


def repeated(domain, answer, *, chased):
    """Twenty scans over the wire, each answer held for a random while, so that they come in another order each time: the reports."""
    dice, known, reports = random.Random(domain), {}, []

    def handler(query, _):
        key = query.question[0].to_text(), query.ednsflags
        octets = known[key] if key in known else known.setdefault(key, answer(query).to_wire())
        return [(dice.random() * HELD, query.id.to_bytes(2, "big") + octets[2:])]

    with Nameserver(handler) as server:
        for _ in range(REPEATS):
            server.queries.clear()
            world = World.live([server.at])
            world.blocklists = ()
            report = scan(domain, world=world, ips=[SENDERS.get(domain.partition(".")[0], "192.0.2.1")], selectors=["s1"])
            world.close()
            assert demanded(report, chased) <= DEMANDED
            assert sent(server, domain) <= SENT
            reports.append(said(report))
    return reports


@pytest.mark.parametrize("case", [case for case in CASES if case not in ALIASED])
def test_the_same_report_however_the_answers_arrive(case, zones):
    assert len(set(repeated(f"{case}.bombs.test", Authority(zones).answer, chased=True))) == 1


@pytest.mark.parametrize("case", [*ALIASED, "chains", "loops"])
def test_the_same_report_where_each_alias_is_a_question(case, zones):
    reports = set(repeated(f"{case}.bombs.test", Unchased(zones).answer, chased=False))
    assert len(reports) == 1
    # what was not asked is told, with the name that the alias leads to
    assert case not in ALIASED or re.search(r"an alias leads to \S+; not asked: this scan has spent ", reports.pop())


def test_the_same_report_of_a_world_without_end():
    assert len(set(repeated(Endless.DOMAIN, Endless().answer, chased=False))) == 1


# ------------------------------------------------------------------ what an alias costs


def numbered(count):
    """A zone of so many chains of eight aliases, and a question to each."""
    records = "\n".join(chain(f"v{n}") + f"\nv{n}h A 192.0.2.{n + 1}" for n in range(count))
    return {"example.com": records + "\nmeet CNAME v1a\nplain A 192.0.2.99"}, [Question(f"v{n}.example.com", "A") for n in range(count)]


@pytest.mark.parametrize("foreseen", [[], [0], [10, 11, 3], list(range(12)), list(range(11, -1, -1))])
def test_an_alias_is_charged_where_it_is_demanded_whatever_was_foreseen(foreseen, tmp_path):
    zones, questions = numbered(12)
    with world_of(tmp_path, zones).open() as session:
        session.dns.foresee([questions[n] for n in foreseen])
        assert session.dns.timing().questions <= SPECULATIVE
        assert session.dns.settled  # what is held back is under way no more
        answers = session.dns.ask_all(questions)
        # twelve questions and 88 aliases: eleven times eight
        assert [a.outcome for a in answers] == [Outcome.FOUND] * 11 + [Outcome.NOT_ASKED]
        assert answers[11].aliases == ("v11a.example.com",)
        assert answers[11].detail == "an alias leads to v11a.example.com; not asked: this scan has spent its 100 questions"
        assert session.dns.ask("plain.example.com", "A").outcome is Outcome.NOT_ASKED
        # of what was paid for, everything can be had
        assert session.dns.ask("v3d.example.com", "A").values == ("192.0.2.4",)
        assert session.dns.ask_all(questions[::-1]) == answers[::-1]
        assert session.dns.timing().questions <= SENT


def test_a_target_that_several_aliases_have_is_charged_once(tmp_path):
    zones, questions = numbered(11)
    with world_of(tmp_path, zones).open() as session:
        assert all(a.found for a in session.dns.ask_all(questions))  # 99
        assert session.dns.ask("meet.example.com", "A").found
        assert session.dns.ask("plain.example.com", "A").outcome is Outcome.NOT_ASKED


@pytest.mark.parametrize("foreseen", [0, 14])
def test_where_a_fixed_list_leads_is_charged_too_and_leaves_something_for_others(foreseen, tmp_path):
    zones, questions = numbered(14)
    fixed = [Question(q.name, "A", fixed=True) for q in questions]
    with world_of(tmp_path, zones).open() as session:
        session.dns.foresee(fixed[:foreseen])
        assert session.dns.timing().questions <= 14 + SPECULATIVE
        answers = session.dns.ask_all(fixed[:6])
        assert [a.outcome for a in answers] == [Outcome.FOUND] * 5 + [Outcome.NOT_ASKED]  # five times eight
        assert answers[5].aliases == ("v5a.example.com",)
        assert "40 questions that it keeps for aliases" in answers[5].detail
        assert all(a.found for a in session.dns.ask_all(questions[6:12]))  # 54 more
        assert session.dns.ask_all(questions[12:13])[0].aliases == tuple(f"v12{step}.example.com" for step in "abcdef")
        assert session.dns.ask("plain.example.com", "A").outcome is Outcome.NOT_ASKED
        assert session.dns.ask("plain.example.com", "A", fixed=True).outcome is Outcome.NOT_ASKED  # as it was demanded first
        assert session.dns.ask("v13h.example.com", "A", fixed=True).found
        assert session.dns.ask("v13.example.com", "A", shared=True).found  # the World's, to its end


def test_selectors_behind_aliases_do_not_keep_spf_from_being_looked_up(zones):
    world = World.zones(zones, only=True)
    world.blocklists = ()
    report = scan("selectors.bombs.test", world=world, selectors=["s1"])
    said = {(a.name, a.rtype): a for a in report.transcript}
    assert said["d1.bombs.test", "TXT"].found
    assert any(f.code == "DKM000" for f in report.findings)


def test_a_demand_is_met_whatever_speculation_has_spent(tmp_path):
    zones, questions = numbered(11)
    junk = [Question(f"n{n}.example.com", "A") for n in range(200)]
    world = Faults(world_of(tmp_path, zones))
    with world.open() as session:
        session.dns.foresee(junk)
        assert all(a.found for a in session.dns.ask_all(questions))
        assert len(world.asked) == len(set(world.asked)) == SPECULATIVE + 99


def test_aliases_of_questions_that_are_demanded_together_are_followed_together():
    def handler(query, _):
        name = query.question[0].name.to_text(True)
        return reply_to(query, "@ 300 A 192.0.2.1" if name.startswith("to-") else f"@ 300 CNAME to-{name}.")

    with Nameserver(handler, delay=0.1) as server, World.live([server.at]).open() as session:
        began = time.monotonic()
        assert all(a.found for a in session.dns.ask_all(numbered(12)[1]))
        assert time.monotonic() - began < 0.6  # two round trips; one after the other would be thirteen


def test_what_many_scans_share_is_charged_to_each(zones):
    """A World that keeps its answers sends less, and says the same."""
    held = Unchased(zones)
    with Nameserver(lambda query, _: held.answer(query)) as server:
        world = World.live([server.at])
        world.blocklists, world.pooled = (), True
        reports = [scan("deep.bombs.test", world=world, ips=["192.0.2.1"]) for _ in range(3)]
        world.close()
    assert len({said(report) for report in reports}) == 1
    assert reports[0].timing.questions > 100 > reports[1].timing.questions


# ------------------------------------------------------------------ time


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
