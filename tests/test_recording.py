"""Recording and replay: the same report comes out again, byte for byte, without network; what was not recorded is unknown and never absent."""

import io
import json
import random
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Faults, Nameserver, reply_to, world_of, zone_file
from support.authority import Authority
from support.validating import Validating

from healthcheck import explain
from healthcheck.bulk import Item, run
from healthcheck.catalog import DATA, Blocklist
from healthcheck.edge.loop import Loop
from healthcheck.edge.plain import NotPlain, as_plain, from_plain
from healthcheck.edge.reach import Greet, Rows, Spoken
from healthcheck.edge.recording import HIDDEN, Command, Place, Recording, Taken
from healthcheck.edge.tape import MISSING, Recorder
from healthcheck.edge.world import World
from healthcheck.edge.zones import ZoneSet
from healthcheck.errors import InputError
from healthcheck.faces import bulk as faces_bulk
from healthcheck.faces import cli
from healthcheck.model import Answer, Certificate, EvidenceVerdict, Fetch, Fetched, Greeted, Outcome, Question, Reached, Secure, Status, Timing
from healthcheck.render import json as as_json
from healthcheck.render import markdown
from healthcheck.render import text as as_text
from healthcheck.render.pieces import Context
from healthcheck.scan import begin, scan

WORLDS = Path(__file__).parent / "worlds"
DEMO = sorted((DATA / "demo").glob("*.zone"))
SECRET = "secretkey0123456789"
LISTS = (Blocklist(zone="list.example", name="list", kind="ip", weight="high", source="-", seen="2026-11", codes={"127.0.0.2": "listed"}),)


@pytest.fixture
def no_network(monkeypatch):
    """Call it, and no socket can be made any more. (That no name is looked up through the system, conftest.py sees to.)"""

    def refused(*_args, **_options):
        raise AssertionError("a replay opened a socket")

    def cut():
        monkeypatch.setattr(socket, "socket", refused)

    return cut


def shown(report):
    """Everything that a report says, in three formats."""
    return as_json.written(as_json.report(report), "utf-8", indent=2), as_text.report(report), markdown.report(report, Context())


def kept(recorder, folder, **command):
    path = folder / "run.json"
    with path.open("w", encoding="utf-8") as file:
        recorder.write(file, Command(**command))
    return path


def same(world, folder, domain, **given):
    """The report of a world and that of its recording, which says the same in all formats. For further questions: the replay's world."""
    recorder = Recorder(world)
    first = scan(domain, world=world, **given)
    told = shown(first)
    again = World.replay(kept(recorder, folder))
    assert shown(scan(domain, world=again, **given)) == told
    return first, again


# ------------------------------------------------------------------ each world


@pytest.mark.parametrize("domain", sorted({d for d in ZoneSet.read(DEMO).domains() if d.endswith((".example", ".test"))}))
def test_the_demo_world(domain, tmp_path):
    world = World.demo(World.zones([], only=True))
    report, again = same(world, tmp_path, domain, ips=("192.0.2.25", "203.0.113.77"), starttls=True)
    assert report.transcript
    assert again.describe == world.describe
    world.close()


@pytest.mark.parametrize("path", sorted(WORLDS.glob("*.zone")), ids=lambda path: path.stem)
def test_every_world_of_the_tests(path, tmp_path):
    """Domains of each file, scanned with all topics, and the recording of all of them together."""
    world = World.zones([path], only=True)
    rows = path.with_suffix(".toml")
    if rows.exists() and "starttls" not in path.stem and "peers" not in path.stem:
        world.fetcher = Rows(rows)
    domains = ZoneSet.read([path]).domains()[:6]
    recorder = Recorder(world)
    told = [shown(scan(domain, ips=("192.0.2.1",), selectors=("s1",), world=world)) for domain in domains]
    again = World.replay(kept(recorder, tmp_path))
    assert [shown(scan(domain, ips=("192.0.2.1",), selectors=("s1",), world=again)) for domain in domains] == told


FAULTS = {
    "servfail": {"servfail": {"*.healthy.example"}},
    "time-out": {"timeout": {("healthy.example", "TXT"), ("mx1.healthy.example", "A")}},
    "refused": {"refused": {"*.zen.spamhaus.org", "*.bl.spamcop.net"}},
    "bogus": {"bogus": {("_dmarc.healthy.example", "TXT")}},
    "truncated": {"truncated": {("healthy.example", "MX")}},
    "a lie": {"nxdomain": {"_dmarc.healthy.example"}},
    "nobody answers": {"down": True},
    "not asked": {"not_asked": {"*"}},
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_faults_are_said_again_as_faults(faults, tmp_path):
    world = Faults(World.zones(DEMO, only=True), **faults)
    report, again = same(world, tmp_path, "healthy.example", ips=("192.0.2.25",))
    unsure = {(a.name, a.rtype): a.outcome for a in report.transcript if a.unsure}
    replayed = scan("healthy.example", ips=("192.0.2.25",), world=again)
    assert {(a.name, a.rtype): a.outcome for a in replayed.transcript if a.unsure} == unsure
    assert unsure or faults == FAULTS["a lie"]


def test_what_no_time_was_left_for(tmp_path):
    world = Faults(World.zones(DEMO, only=True), silent={("healthy.example", "TXT"), ("_dmarc.healthy.example", "TXT")})
    report, _ = same(world, tmp_path, "healthy.example", deadline=0.3)
    assert {a.outcome for a in report.transcript if a.name == "healthy.example" and a.rtype == "TXT"} == {Outcome.TIMEOUT}
    assert report.verdict is Status.UNKNOWN
    assert report.timing.elapsed_ms >= 300


def test_what_was_over_budget(tmp_path):
    """An SPF record that leads to more names than a scan may ask of data."""
    mechanisms = " ".join(f"a:n{n}.wide.example" for n in range(150))
    record = f"v=spf1 {mechanisms} -all"
    strings = " ".join(f'"{record[at : at + 200]}"' for at in range(0, len(record), 200))
    report, _ = same(world_of(tmp_path, {"wide.example": f"@ TXT {strings}\n@ MX 10 mx\nmx A 192.0.2.1\n"}), tmp_path, "wide.example")
    assert any(f.code.startswith("SPF") for f in report.findings)


@pytest.mark.parametrize("validates", [True, False, None])
def test_a_resolver_that_validates(tmp_path, validates):
    """Who validates is asked of the World and not of the DNS: that too is in the recording."""
    world = Validating(World.zones(sorted(WORLDS.glob("dnssec*.zone")), only=True), bogus={"island.dnssec.test"}, validates=validates)
    seen = {
        same(world, tmp_path, domain)[0].facts["dnssec"]["resolver"]["validates"] for domain in ("good.dnssec.test", "plain.dnssec.test", "island.dnssec.test")
    }
    assert validates in seen


# ------------------------------------------------------------------ servers


def test_real_time_real_servers_and_their_names(tmp_path, no_network, monkeypatch):
    """Two resolvers that say different things, one of them not at all: what each said stands in the report, and so does how long it took."""
    zone = zone_file(tmp_path, "firm.example", '@ MX 10 mx\nmx A 192.0.2.7\n@ TXT "v=spf1 mx -all"\n_dmarc TXT "v=DMARC1; p=none"\n')
    answers = Authority([zone])
    with Nameserver(lambda q, tcp: (0.02, answers.answer(q))) as one, Nameserver(lambda q, tcp: reply_to(q, rcode=2)) as two:
        world = World.live([one.at, two.at])
        world.blocklists = LISTS
        recorder = Recorder(world)
        report = scan("firm.example", ips=("192.0.2.7",), world=world)
        told, names = shown(report), (one.at, two.at)
        world.close()
    path = kept(recorder, tmp_path)
    no_network()
    again = World.replay(path)
    assert again.nameservers == names
    replayed = scan("firm.example", ips=("192.0.2.7",), world=again)
    assert shown(replayed) == told
    assert replayed.timing == report.timing
    assert replayed.timing.elapsed_ms > 20
    assert replayed.scanned_at == report.scanned_at
    assert names[0] in told[0]


def test_a_machine_without_a_way_out_is_told_as_such(tmp_path):
    """The system's resolver denies everything, the root of the DNS too: what the seam made of that is in the recording, with the question it put."""
    with Nameserver(lambda q, tcp: reply_to(q, rcode=3)) as server:
        world = World.live([server.at])
        world.sceptical, world.blocklists = True, LISTS
        report, again = same(world, tmp_path, "firm.example")
    assert not [a for a in report.transcript if a.absent and a.name != "."]
    assert [a.name for a in report.transcript].count(".") == 1
    assert report.transcript == scan("firm.example", world=again).transcript


def test_hosts_their_certificates_and_what_they_sent(tmp_path):
    world = World.zones([WORLDS / "mta-sts.zone"], only=True)
    world.fetcher = Rows(WORLDS / "mta-sts.toml")
    recorder = Recorder(world)
    domains = ZoneSet.read([WORLDS / "mta-sts.zone"]).domains()
    told = {domain: scan(domain, topics=["mta-sts"], world=world) for domain in domains}
    assert {a.outcome for report in told.values() for a in report.transcript if a.rtype == "GET"} > {Outcome.FOUND, Outcome.TIMEOUT}
    again = World.replay(kept(recorder, tmp_path))
    for domain, report in told.items():
        assert shown(scan(domain, topics=["mta-sts"], world=again)) == shown(report)


def test_a_host_that_nobody_asked_is_not_said_to_be_silent(tmp_path):
    world = World.demo(World.zones([], only=True))
    world.for_domain("healthy.example").greeter = Spoken(DATA / "demo" / "smtp.toml")
    recorder = Recorder(world)
    scan("healthy.example", world=world)
    report = scan("healthy.example", starttls=True, world=World.replay(kept(recorder, tmp_path)))
    hosts = [a for a in report.transcript if a.rtype == "SMTP"]
    assert hosts
    assert {(a.outcome, a.detail) for a in hosts} == {(Outcome.NOT_ASKED, MISSING)}
    assert {f.status for f in report.findings if f.code.startswith("TLS")} <= {Status.UNKNOWN, Status.NOTE}


# ------------------------------------------------------------------ what is not in the recording


def test_what_is_not_in_the_recording_is_unknown_and_never_absent(tmp_path):
    world = World.zones(DEMO, only=True)
    recorder = Recorder(world)
    first = scan("healthy.example", topics=["mx"], world=world)
    again = World.replay(kept(recorder, tmp_path))
    report = scan("healthy.example", ips=("192.0.2.25", "198.51.100.9"), selectors=("s1",), starttls=True, world=again)
    held = {(a.name, a.rtype) for a in first.transcript}
    others = [a for a in report.transcript if (a.name, a.rtype) not in held and a.rtype not in ("SMTP", "GET")]
    assert len(others) > 50
    assert {(a.outcome, a.detail) for a in others} == {(Outcome.NOT_ASKED, MISSING)}
    # what is said to be wrong rests on what was recorded, the SPF record among it
    assert all((a.name, a.rtype) in held for f in report.findings if f.status is Status.FAIL for a in f.evidence)
    assert {"DMA000", "DKM000", "PTR000", "DBL000"} <= {f.code for f in report.findings if f.status is Status.UNKNOWN}


def test_a_domain_that_is_not_in_the_recording_is_told(tmp_path):
    world = World.zones(DEMO, only=True)
    recorder = Recorder(world)
    scan("healthy.example", world=world)
    with pytest.raises(InputError, match=r"holds nothing about shop\.example\. It is about: healthy\.example"):
        scan("shop.example", world=World.replay(kept(recorder, tmp_path)))


def test_of_several_scans_of_a_domain_the_one_with_the_same_inputs_is_said_again(tmp_path):
    world = World.zones(DEMO, only=True)
    recorder = Recorder(world)
    ways = [{}, {"profile": "bulk"}, {"ips": ("192.0.2.25",)}, {"topics": ("mx", "spf")}, {}]
    told = [shown(scan("healthy.example", world=world, **way)) for way in ways]
    again = World.replay(kept(recorder, tmp_path))
    for n in (3, 0, 2, 4, 1):
        assert shown(scan("healthy.example", world=again, **ways[n])) == told[n]
    assert shown(scan("healthy.example", world=again)) == told[0]  # asked once more than it was then: the first again


def test_scans_side_by_side_are_each_taken_down(tmp_path):
    world = World.zones(DEMO, only=True)
    world.pooled = True
    recorder, loop = Recorder(world), Loop()
    names = ["healthy.example", "shop.example", "nodmarc.example", "parked.example", "healthy.example"]
    found = list(run((Item(n, name) for n, name in enumerate(names)), lambda item: begin(item.source, world=world, loop=loop), loop))
    again = World.replay(kept(recorder, tmp_path))
    assert [shown(scan(item.source, world=again)) for item, _ in found] == [shown(report) for _, report in found]


# ------------------------------------------------------------------ what is in the file


def test_a_key_of_a_blocklist_is_never_written(tmp_path):
    keyed = replace(LISTS[0], zone="{key}.keyed.example", needs_key=True, key="someone", secret=SECRET)
    world = world_of(tmp_path / "zones", {"firm.example": '@ MX 10 mx\nmx A 192.0.2.7\n@ TXT "v=spf1 mx -all"'})
    world.blocklists = (keyed,)
    report, again = same(world, tmp_path, "firm.example", ips=("192.0.2.7",))
    text = (tmp_path / "run.json").read_text()
    assert SECRET not in text.lower()
    assert any("KEY.keyed.example" in a.name for a in report.transcript)
    assert again.blocklists[0].secret == HIDDEN
    assert f".{HIDDEN}.keyed.example" in text
    assert HIDDEN not in "".join(shown(report))


def test_the_file_is_the_same_however_often_it_is_read_and_written(tmp_path):
    world = World.demo(World.zones([], only=True))
    recorder = Recorder(world)
    scan("healthy.example", ips=("192.0.2.25",), starttls=True, world=world)
    path = kept(recorder, tmp_path, name="scan", options={"ips": ["192.0.2.25"]}, ended=datetime(2026, 11, 22, tzinfo=UTC))
    text = path.read_text(encoding="ascii")
    assert text.startswith('{\n  "schema": "recording/1",\n')
    assert json.loads(text)["scans"][0]["domain"] == "healthy.example"
    again = io.StringIO()
    Recording.read(path).write(again)
    assert again.getvalue() == text


ODD = [
    Answer("weird.example", "TXT", Outcome.FOUND, ("a", "b"), 5, strings=((b"\xff\x00", b""), (b"b",))),
    Answer("weird.example", "TXT", Outcome.FOUND, ("Grüße", "x\ny"), 5, strings=(("Grüße".encode(),), (b"x\ny",))),
    Answer("weird.example", "TXT", Outcome.FOUND, ("ab",), 5, strings=((b"a", b"b"),)),
    Answer("\udcffodd \\000.example", "MX", Outcome.ERROR, detail="a\u2028b\x1b[0m"),
    Answer("signed.example", "MX", Outcome.BOGUS, secure=Secure.UNKNOWN, signatures=("MX 8 …",), unchecked=("10 mx.example",), authoritative=False),
    Answer("x.example", "A", Outcome.NODATA, (), None, Secure.NO, ("y.example",), server="[2001:db8::53]:5353"),
]
CERTIFICATE = Certificate(
    "CN=ü", "CN=y", ("a.example",), datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC) - timedelta(microseconds=1), "expired", (b"\x30\x82",)
)


def test_odd_values_come_back_as_they_were(tmp_path):
    taken = Taken(datetime(2026, 11, 22, 1, 2, 3, 456789, tzinfo=UTC), "weird.example", {"topics": None}, Timing(1, 1, 0.1), {"192.0.2.53": None, "x": True})
    for number, answer in enumerate(ODD):
        taken.answers[f"n{number}.example", answer.rtype, bool(number % 2), "" if number % 3 else "@192.0.2.1"] = answer
    taken.answers["nobody-waited.example", "A", False, ""] = None
    taken.barred["b.example", "NS", False, "@10.0.0.1"] = ODD[0]
    taken.fetched[Fetch("https://a.example/x", ("192.0.2.1",), 9)] = Fetched(
        "https://a.example/x", Reached.OK, 200, "text/plain", b"\x00\xff", certificate=CERTIFICATE
    )
    taken.greeted[Greet("mx.example", "192.0.2.2")] = Greeted("mx.example", "192.0.2.2", Reached.OK, "ünï\x07", ("a", "b"), None, certificate=CERTIFICATE)
    made = Recording(
        Place("a world", "bogus.example", ("192.0.2.53",), True, (("a.zone", "0"),)), (taken,), Command("scan", {"ips": ["x"]}), LISTS, made_by="us"
    )
    with (tmp_path / "r.json").open("w", encoding="ascii") as file:
        made.write(file)
    read = Recording.read(tmp_path / "r.json")
    del taken.answers["nobody-waited.example", "A", False, ""]
    assert read == replace(made, path=str(tmp_path / "r.json"))


TEXTS = st.text(max_size=12)
ANSWERS = st.builds(
    Answer,
    name=TEXTS,
    rtype=st.sampled_from(["TXT", "PTR", "TYPE65280"]),
    outcome=st.sampled_from(Outcome),
    values=st.lists(TEXTS, max_size=3).map(tuple),
    ttl=st.none() | st.integers(0, 1 << 31),
    secure=st.sampled_from(Secure),
    aliases=st.lists(TEXTS, max_size=2).map(tuple),
    detail=TEXTS,
    strings=st.lists(st.lists(st.binary(max_size=5), max_size=2).map(tuple), max_size=2).map(tuple),
    server=TEXTS,
    authoritative=st.none() | st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ANSWERS, max_size=4), st.lists(TEXTS, min_size=4, max_size=4, unique=True))
def test_any_answer_comes_back(tmp_path_factory, answers, names):
    taken = Taken(datetime(2026, 11, 22, tzinfo=UTC))
    for name, answer in zip(names, answers, strict=False):
        taken.answers[name, "A", False, ""] = answer
    path = tmp_path_factory.getbasetemp() / "any.json"
    with path.open("w", encoding="ascii") as file:
        Recording(Place(), (taken,)).write(file)
    assert Recording.read(path).scans[0].answers == taken.answers


# ------------------------------------------------------------------ files that are none


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    world = World.demo(World.zones([], only=True))
    recorder = Recorder(world)
    scan("healthy.example", starttls=True, topics=["mx", "spf", "mta-sts", "starttls"], world=world)
    return kept(recorder, folder).read_text()


def test_files_that_are_no_recording(tmp_path, good):
    path = tmp_path / "r.json"
    cases = {
        "": "is no recording",
        "{}": "is no recording",
        "[]": "is no recording",
        '{"schema": "report/1"}': "is no recording",
        "v=spf1 -all": "is no recording",
        "\0\0\xff": "is no recording",
        "[" * 100_000: "is no recording",
        good.replace("recording/1", "recording/2", 1): "version 2",
        good[: len(good) // 2]: "cut short",
        good[:-3]: "cut short",
        good.replace('"outcome": "found"', '"outcome": "perhaps"', 1): "changed or damaged",
        good.replace('"now": "2', '"now": "x2', 1): "changed or damaged",
        good.replace('"scans": [', '"scans": 7, "x": [', 1): "changed or damaged",
    }
    for text, words in cases.items():
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=words) as told:
            World.replay(path)
        assert str(path) in told.value.detail
    with pytest.raises(InputError, match="cannot be read"):
        World.replay(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="cannot be read"):
        World.replay(tmp_path)
    with pytest.raises(InputError, match="no file name"):
        World.replay("a\0b")


def _changed(value, dice):
    """The JSON value with one thing in it replaced by something else."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice(sorted(value))
        return value | {key: _changed(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        return [*value[:at], _changed(value[at], dice), *value[at + 1 :]]
    return dice.choice([None, True, 7, -1, 0.5, "", "x", [], {}, ["x"], {"x": 1}, "2026-11-22T00:00:00", "2026-11-22T00:00:00+00:00"])


def test_a_damaged_recording_is_refused_or_read_and_nothing_else(tmp_path, good):
    dice, path, refused = random.Random(6), tmp_path / "r.json", 0
    whole = json.loads(good)
    for _ in range(300):
        path.write_text(json.dumps(_changed(whole, dice)))
        try:
            Recording.read(path)
        except InputError:
            refused += 1
    assert refused > 100


def test_what_was_changed_by_hand_is_refused_or_scanned_and_no_fault_of_ours(tmp_path, good):
    """A value that no DNS message could have brought is told at once, and does not come as far as a topic."""
    dice, path, whole, refused = random.Random(7), tmp_path / "r.json", json.loads(good), 0
    odd = ["", "x", "10", "x y", "1 2 3", "99999999999 a.b", "\udcff", "-1 a", "::", "1.2.3", ". . 1 2 3 4 5"]
    for _ in range(120):
        changed = json.loads(json.dumps(whole))
        answer = dice.choice([a for a in changed["scans"][0]["dns"] if a.get("values")])
        answer["values"][0] = dice.choice(odd)
        path.write_text(json.dumps(changed))
        try:
            world = World.replay(path)
        except InputError:
            refused += 1
            continue
        assert shown(scan("healthy.example", starttls=True, topics=["mx", "spf", "mta-sts", "starttls"], world=world))
    assert 40 < refused < 120


def test_a_value_of_another_type_is_not_taken():
    for kind, value in [
        (int, True),
        (int, "1"),
        (str, 1),
        (bool, 0),
        (bytes, "ü"),
        (bytes, {"base64": "?"}),
        (datetime, "2026-11-22T00:00:00"),
        (Answer, {}),
        (Answer, []),
    ]:
        with pytest.raises(NotPlain):
            from_plain(kind, value)
    assert from_plain(bytes, as_plain(bytes(range(256)))) == bytes(range(256))
    assert from_plain(float, 1) == 1.0


# ------------------------------------------------------------------ the command line

HEALTHY = ["healthy.example", "shop.example", "localhost", "nodmarc.example", "healthy.example"]
ZONES = [part for path in DEMO for part in ("--zone", str(path))]


def cmd(*args, stdin=None):
    return CliRunner().invoke(cli.main, [str(a) for a in args], input=stdin)


def out(result):
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "markdown", "sarif", "junit", "github"])
def test_every_format_is_the_same_byte_for_byte(tmp_path, form, no_network):
    path = tmp_path / "r.json"
    options = ["--ip", "192.0.2.25", "--profile", "bulk", "--only-zone", *ZONES, "--format", form]
    first = cmd("scan", *HEALTHY, *options, "--record", path)
    assert first.exit_code == 2  # localhost is no domain
    no_network()
    assert out(cmd("scan", *HEALTHY, *options, "--replay", path)) == out(first)
    # what was recorded need not be said again
    assert out(cmd("scan", "--replay", path, *ZONES, "--format", form)) == out(first)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.json"]


def test_files_that_are_written_are_the_same_too(tmp_path):
    listed = tmp_path / "names.txt"
    listed.write_text("# ours\nparked.example\n\nlocalhost\nhealthy.example\n")
    sides = {}
    for side, option in (("first", "--record"), ("again", "--replay")):
        (tmp_path / side).mkdir()
        files = [part for form in ("json", "sarif", "junit", "markdown") for part in ("--output", f"{form}={tmp_path / side / form}")]
        result = cmd("scan", "--file", listed, *ZONES, "--only-zone", *files, option, tmp_path / "r.json")
        sides[side] = (out(result), {p.name: p.read_bytes() for p in (tmp_path / side).iterdir()})
    assert sides["first"] == sides["again"]
    assert len(sides["first"][1]) == 4
    # the lines at which domains were named are in the recording
    only = cmd("scan", "--replay", tmp_path / "r.json", *ZONES, "--format", "sarif")
    assert only.stdout.encode() == sides["first"][1]["sarif"]


def live(tmp_path):
    zone = zone_file(tmp_path, "firm.example", '@ MX 10 mx\nmx A 192.0.2.7\n@ TXT "v=spf1 mx -all"\n_dmarc TXT "v=DMARC1; p=none"\n')
    other = zone_file(tmp_path, "other.example", "@ MX 10 mx\nmx A 192.0.2.8\n")
    answers = Authority([zone, other])
    return Nameserver(lambda q, tcp: answers.answer(q))


def test_from_a_nameserver_and_without_it(tmp_path, no_network):
    path = tmp_path / "r.json"
    with live(tmp_path) as server:
        first = cmd("scan", "other.example", "firm.example", "--nameserver", server.at, "--format", "json", "--record", path)
        assert server.asked
    no_network()
    assert out(cmd("scan", "other.example", "firm.example", "--nameserver", server.at, "--format", "json", "--replay", path)) == out(first)
    assert out(cmd("scan", "--format", "json", "--replay", path)) == out(first)
    one = cmd("scan", "firm.example", "--format", "json", "--replay", path)
    assert json.loads(one.stdout) == json.loads(first.stdout)[1]
    other = cmd("scan", "firm.example", "third.example", "--replay", path)
    assert (other.exit_code, other.stdout) == (2, "")
    assert "holds nothing about third.example. It is about: " in other.stderr
    strange = cmd("scan", "firm.example", "--nameserver", "192.0.2.53", "--replay", path)
    assert (strange.exit_code, "Leave --nameserver out" in strange.stderr) == (2, True)


def test_json_lines_come_in_the_order_in_which_scans_were_done(tmp_path):
    path, names = tmp_path / "r.json", [f"n{n}.healthy.example" for n in range(6)]
    first = cmd("scan", *names, *ZONES, "--only-zone", "--format", "jsonl", "--record", path)
    assert out(cmd("scan", *names, *ZONES, "--format", "jsonl", "--replay", path)) == out(first)
    held = json.loads(path.read_text())
    held["command"]["inputs"].reverse()  # as if the last one had been done first
    path.write_text(json.dumps(held))
    turned = cmd("scan", *ZONES, "--format", "jsonl", "--replay", path).stdout
    assert turned.splitlines() == first.stdout.splitlines()[::-1]
    some = cmd("scan", names[1], names[4], *ZONES, "--format", "jsonl", "--replay", path).stdout
    assert [json.loads(line)["domain"] for line in some.splitlines()] == [names[4], names[1]]
    whole = cmd("scan", *ZONES, "--format", "json", "--replay", path).stdout
    assert [one["domain"] for one in json.loads(whole)] == names


def test_a_header_that_was_pasted_as_an_option_is_kept_as_the_name_in_it(tmp_path):
    path = tmp_path / "r.json"
    header = "DKIM-Signature: v=1; a=rsa-sha256; d=healthy.example; s=s1; h=from; bh=emVicmE=; b=emVicmE="
    first = cmd("scan", "healthy.example", "--selector", header, *ZONES, "--only-zone", "--record", path)
    assert json.loads(path.read_text())["command"]["options"] == {"selectors": ["s1"]}
    assert "emVicmE" not in path.read_text()
    assert out(cmd("scan", "--replay", path, *ZONES)) == out(first)


def test_other_inputs_than_those_that_were_recorded(tmp_path):
    path = tmp_path / "r.json"
    cmd("scan", "healthy.example", *ZONES, "--only-zone", "--topic", "mx", "--record", path)
    more = cmd("scan", "healthy.example", "--topic", "dmarc", "--replay", path, *ZONES, "--format", "json")
    report = json.loads(more.stdout)
    assert next(iter(report["topics"])) == "dmarc"
    assert {f["status"] for f in report["findings"] if f["topic"] == "dmarc"} == {"unknown"}
    assert MISSING in more.stdout
    assert more.exit_code == 3


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["healthy.example", "--record", "{}/a", "--replay", "{}/b"], "do not go together"),
        (["healthy.example", "--record", "{}/a", "--jobs", "2"], "--jobs"),
        (["healthy.example", "--replay", "{}/r", "--jobs", "2"], "--jobs"),
        (["healthy.example", "--record", "{}/a", "--resume", "{}/o.jsonl"], "--resume"),
        (["healthy.example", "--record", "{}/a", "--against", "live"], "--against"),
        (["healthy.example", "--record", "{}/a", "--output", "json={}/a"], "Give each a file of its own"),
        (["healthy.example", "--record", "{}/no/such/place"], "cannot be written"),
        (["healthy.example", "--record", "{}"], "is a directory"),
        (["healthy.example", "--replay", "{}"], "cannot be read"),
        (["healthy.example", "--replay", "{}/nowhere"], "cannot be read"),
        (["healthy.example", "--replay", "{}/names"], "is no recording"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_asked(tmp_path, monkeypatch, args, words):
    (tmp_path / "names").write_text("healthy.example\n")
    monkeypatch.setattr(World, "open", lambda *_, **__: pytest.fail("something was asked"))
    zones = [] if "--replay" in args else [*ZONES, "--only-zone"]
    result = cmd("scan", *(a.format(tmp_path) for a in args), *zones)
    assert (result.exit_code, result.stdout, words in result.stderr) == (2, "", True), result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["names"]


def test_zone_files_are_to_be_those_of_then(tmp_path):
    path, zone = tmp_path / "r.json", zone_file(tmp_path, "firm.example", '@ TXT "v=spf1 +all"\n@ MX 10 mx\nmx A 192.0.2.1\n')
    first = cmd("scan", "--zone", zone, "--only-zone", "--record", path)
    assert "firm.example.zone" in first.stdout
    assert out(cmd("scan", "--zone", zone, "--replay", path)) == out(first)
    without = cmd("scan", "firm.example", "--replay", path)
    assert (without.exit_code, "Name them again: firm.example.zone." in without.stderr) == (2, True)
    zone.write_text(zone.read_text() + "new A 192.0.2.2\n")
    changed = cmd("scan", "--zone", zone, "--replay", path)
    assert (changed.exit_code, "as they were before (firm.example.zone)" in changed.stderr) == (2, True)
    plain = tmp_path / "plain.json"
    with live(tmp_path) as server:
        cmd("scan", "firm.example", "--nameserver", server.at, "--record", plain)
    for more in (["--zone", str(zone)], ["--zone", str(zone), "--only-zone"]):
        laid = cmd("scan", "firm.example", *more, "--replay", plain)
        assert (laid.exit_code, laid.stdout) == (2, "")
        assert "without" in laid.stderr


def test_of_a_run_that_was_stopped_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(faces_bulk, "scan_all", lambda *_, **__: 130)
    result = cmd("scan", "healthy.example", *ZONES, "--only-zone", "--record", tmp_path / "r.json")
    assert (result.exit_code, "no recording was written" in result.stderr) == (130, True)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told(tmp_path):
    result = cmd("scan", "healthy.example", *ZONES, "--only-zone", "--record", "/dev/full")
    assert (result.exit_code, "/dev/full cannot be written: no space left on device." in result.stderr) == (2, True)
    assert "healthy.example" in result.stdout


def test_what_stood_in_the_file_is_left_alone_where_nothing_is_recorded(tmp_path):
    path = tmp_path / "r.json"
    path.write_text("mine")
    assert cmd("scan", "--record", path, "--nameserver", "127.0.0.1:9").exit_code == 2  # no domain was named
    assert path.read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


# ------------------------------------------------------------------ bounces and messages

BOUNCE = """From: MAILER-DAEMON@mx.example.net
Subject: Undelivered Mail Returned to Sender (zebra-subject)

<zebra-local@example.net>: host mx.example.net[192.0.2.99] said: 550 5.7.23 zebra-reply: SPF validation
failed for healthy.example (in reply to end of DATA command)
"""
MESSAGE = """Received: from mail.healthy.example (mail.healthy.example [192.0.2.25]) by mx.example.net with ESMTP id zebraid; Sun, 22 Nov 2026 12:00:00 +0000
From: Zebra Name <zebra-local@healthy.example>
To: zebra-other@example.net
Return-Path: <zebra-envelope@healthy.example>
Subject: zebra-subject
Date: Sun, 22 Nov 2026 12:00:00 +0000
Message-ID: <zebra-id@healthy.example>

zebra-body
"""


@pytest.mark.parametrize(("command", "text", "options"), [("explain", BOUNCE, ["--from", "healthy.example", "--ip", "192.0.2.25"]), ("examine", MESSAGE, [])])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_bounce_and_a_message_are_answered_the_same_and_nothing_pasted_is_kept(tmp_path, no_network, command, text, options, form):
    files = [tmp_path / "zebra-one.eml", tmp_path / "zebra-two.eml"]
    for file in files:
        file.write_text(text)
    path = tmp_path / "r.json"
    first = cmd(command, *files, *options, *ZONES, "--only-zone", "--format", form, "--record", path)
    assert (first.exit_code, first.stderr) == (0, "")
    assert "healthy.example" in first.stdout
    held = path.read_text()
    assert "zebra" not in held.lower()
    assert len(json.loads(held)["scans"]) == 2
    no_network()
    assert out(cmd(command, *files, *options, *ZONES, "--only-zone", "--format", form, "--replay", path)) == out(first)
    # what the sender was said to be is in the recording
    assert out(cmd(command, *files, *ZONES, "--format", form, "--replay", path)) == out(first)


def test_another_message_than_the_one_that_was_recorded(tmp_path):
    path = tmp_path / "r.json"
    cmd("examine", "-", *ZONES, "--only-zone", "--record", path, stdin=MESSAGE)
    other = cmd("examine", "-", *ZONES, "--replay", path, stdin=MESSAGE.replace("healthy.example", "shop.example"))
    assert (other.exit_code, other.stdout) == (2, "")
    assert "holds nothing about shop.example" in other.stderr


@pytest.mark.parametrize("option", ["--record", "--replay"])
@pytest.mark.parametrize("command", ["explain", "examine"])
def test_offline_there_is_nothing_to_record(tmp_path, command, option):
    result = cmd(command, "--offline", option, tmp_path / "r.json", "-", stdin=MESSAGE)
    assert (result.exit_code, "--offline" in result.stderr, result.stdout) == (2, True, "")
    assert not list(tmp_path.iterdir())


def test_a_bounce_is_explained_by_the_dns_of_the_day_it_came(tmp_path):
    """A scan that was recorded then answers for the sender's domain when the bounce is explained now."""
    path = tmp_path / "then.json"
    cmd("scan", "healthy.example", *ZONES, "--only-zone", "--ip", "192.0.2.25", "--record", path)
    told = explain(BOUNCE, from_domain="healthy.example", ips=("192.0.2.25",), world=World.replay(path, zones=DEMO))
    assert told.failures[0].evidence.verdict is EvidenceVerdict.REFUTED


# ------------------------------------------------------------------ the seam of a replay


def test_questions_of_every_kind(tmp_path):
    zone = zone_file(tmp_path, "firm.example", 'a A 192.0.2.1\nb CNAME a\nc CNAME b\nt TXT "x \\"y\\"" "z"\nm MX 5 a\n')
    with Nameserver(lambda q, tcp: Authority([zone]).answer(q)) as one, Nameserver(lambda q, tcp: reply_to(q, rcode=5)) as two:
        world = World.live([one.at, two.at])
        recorder = Recorder(world)

        def asked(session):
            dns = session.dns
            return (
                dns.ask_all([Question(f"{n}.firm.example", rtype) for n, rtype in (("A", "A"), ("c", "A"), ("t", "TXT"), ("m", "MX"), ("no", "A"))]),
                dns.ask("a.firm.example.", "a"),
                dns.ask_each("a.firm.example", "A"),
                dns.ask("..", "A"),
                dns.ask("x.example", "ANY"),
                dns.ask_at("10.0.0.1", "firm.example", "SOA"),
                dns.ask_all([Question("m.firm.example", "MX", signed=True)]),
                dns.transcript(),
                session.now,
            )

        with world.open() as session:
            told = asked(session)
            records = [[r.to_text() for r in session.dns.resolver().resolve(f"{n}.firm.example", t).rrset] for n, t in (("c", "A"), ("t", "TXT"), ("m", "MX"))]
    again = World.replay(kept(recorder, tmp_path))
    with again.open() as session:
        session.dns.foresee([Question("a.firm.example", "A")])
        assert session.settled
        assert asked(session) == told
        assert [
            [r.to_text() for r in session.dns.resolver().resolve(f"{n}.firm.example", t).rrset] for n, t in (("c", "A"), ("t", "TXT"), ("m", "MX"))
        ] == records
        assert session.dns.ask("b.firm.example", "AAAA").detail == MISSING
        assert session.dns.transcript()[-1].detail == MISSING
