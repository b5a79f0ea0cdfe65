"""Many domains: one loop for all, several processes, bad lines, Ctrl-C, and going on where it stopped."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import Faults, Nameserver, reply_to, world_of

from healthcheck import bulk
from healthcheck.bulk import Item, run, spread
from healthcheck.catalog import DATA, Blocklist
from healthcheck.edge import dns as seam
from healthcheck.edge import poll
from healthcheck.edge.loop import Loop
from healthcheck.edge.world import World
from healthcheck.errors import DomainError, OurFault
from healthcheck.faces import cli, streams
from healthcheck.model import Outcome, Question, Report
from healthcheck.render import json as as_json
from healthcheck.scan import begin, scan

ROOT = Path(__file__).resolve().parent.parent
DEMO = sorted((DATA / "demo").glob("*.zone"))
ZONES = [part for path in DEMO if not path.name.startswith("list-") for part in ("--zone", str(path))]
NAMES = ["healthy.example", "shop.example", "nodmarc.example", "parked.example", "broken-spf.example", "nowhere.healthy.example"]
LISTS = (Blocklist(zone="list.example", name="list", kind="ip", weight="high", source="-", seen="2026-11", codes={"127.0.0.2": "listed"}),)


def cmd(*args, stdin=None):
    return CliRunner().invoke(cli.main, ["scan", *args, *ZONES, "--only-zone"], input=stdin)


def told(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def shape(report):
    """A report without what differs from run to run."""
    value = as_json.report(report)
    return {k: v for k, v in value.items() if k not in ("dns", "scanned_at")}


def items(names):
    return iter([Item(n, name) for n, name in enumerate(names)])


def together(world, names, **given):
    loop = Loop()
    return {item.source: answer for item, answer in run(items(names), lambda item: begin(item.source, world=world, loop=loop, **given), loop)}


# the fixture `patient` for a process of its own
PATIENT = """
from healthcheck.edge import timers
from healthcheck.edge.wire import Wire
Wire.waits, Wire.longest, timers.LONGEST = (60.0,), 60.0, 60.0
from healthcheck.faces.cli import run
run()
"""


@pytest.fixture
def demo():
    return World.zones(DEMO, only=True)


# ------------------------------------------------------------------ one process


def test_many_at_once_say_what_each_says_alone(demo):
    many = together(demo, NAMES, ips=("192.0.2.25",))
    for name in NAMES:
        assert shape(many[name]) == shape(scan(name, ips=("192.0.2.25",), world=demo))


def test_the_report_is_the_same_on_twenty_repeats(tmp_path):
    zone = {f"firm{n}.example": f'@ A 192.0.2.{n}\n@ MX 10 mx\nmx A 192.0.2.{n + 50}\n@ TXT "v=spf1 mx include:spf.firm0.example -all"\n' for n in range(5)}
    zone["firm0.example"] += 'spf TXT "v=spf1 ip4:198.51.100.1 a:out.firm0.example -all"\nout A 192.0.2.99\n'

    inner = world_of(tmp_path, zone)

    def handler(query, tcp):
        with inner.open() as session:
            try:
                return session.dns.query(query)
            except OSError:  # a name that the zones do not hold
                return reply_to(query, rcode=3, soa="example.")

    with Nameserver(handler) as server:
        seen = set()
        for _ in range(20):
            world = World.live([server.at])
            world.blocklists, world.pooled = LISTS, True
            seen.add(json.dumps([shape(r) for _, r in sorted(together(world, list(zone)).items())], sort_keys=True))
        assert len(seen) == 1


def test_no_more_are_begun_than_keep_it_busy(demo):
    loop, under_way, most = Loop(), 0, []

    def start(item):
        nonlocal under_way
        under_way += 1
        most.append(under_way)
        return begin(item.source, world=demo, loop=loop)

    for _ in run(items(NAMES * 10), start, loop):
        under_way -= 1
    assert len(most) == len(NAMES * 10)
    assert max(most) <= bulk.READY + 1  # the one that was finished is taken a moment later


def test_what_is_on_its_way_keeps_nobody_from_beginning_more(tmp_path):
    """While answers are waited for there is nothing to be finished: as many are begun as may be."""
    zone = {f"firm{n}.example": "@ A 192.0.2.1\n@ MX 10 mx\nmx A 192.0.2.2\n" for n in range(40)}
    slow, loop, begun = Faults(world_of(tmp_path, zone), slow={"*": 0.3}), Loop(most=5000), []
    answers = run(items(zone), lambda item: begun.append(time.monotonic()) or begin(item.source, world=slow, loop=loop), loop)
    next(answers)
    assert len(begun) == 40
    assert len(list(answers)) == 39


def test_what_nobody_foresaw_is_waited_for_while_others_are_finished(demo, monkeypatch):
    module = sys.modules["healthcheck.scan"]
    alone = {name: shape(scan(name, world=demo)) for name in NAMES}
    monkeypatch.setattr(module, "foresee", lambda *_: lambda question, answer: ())
    monkeypatch.setattr(module, "first", lambda *_: ())
    slow = Faults(demo, slow={"*": 0.002})
    many = together(slow, NAMES * 2)
    assert {name: shape(many[name]) for name in NAMES} == alone


def test_a_fault_is_a_value_and_the_others_are_answered(demo):
    loop = Loop()

    def start(item):
        if item.source == "fault":
            raise RuntimeError("boom")
        return begin(item.source, world=demo, loop=loop)

    answers = {item.source: answer for item, answer in run(items(["healthy.example", "fault", "com"]), start, loop)}
    assert isinstance(answers["healthy.example"], Report)
    assert isinstance(answers["fault"], OurFault)
    assert isinstance(answers["com"], DomainError)


def test_scans_of_one_run_share_their_answers_and_ask_each_question_once(patient):
    with Nameserver(lambda q, tcp: reply_to(q, rcode=3, soa="example.")) as server:
        world = World.live([server.at])
        world.blocklists, world.pooled = LISTS, True
        reports = together(world, [f"n{n}.example" for n in range(12)], ips=("192.0.2.25",), deadline=60.0)
        # whether the resolver validates is found out beside the scans
        asked = [(name, rtype) for name, rtype, _ in server.asked if name != world.bogus_probe]
    assert len(reports) == 12
    assert len(asked) == len(set(asked)) == sum(r.timing.questions for r in reports.values())
    assert all(r.timing.questions == r.timing.distinct for r in reports.values())


def test_an_answer_is_pooled_for_no_longer_than_it_says():
    with Nameserver(lambda q, tcp: reply_to(q, "@ 0 A 192.0.2.1")) as server:
        world = World.live([server.at])
        world.pooled = True
        for _ in range(2):
            with world.open() as session:
                assert session.dns.ask("a.example.com", "A").found
        assert len(server.asked) == 2


def test_no_more_questions_are_under_way_than_the_cap():
    with Nameserver(lambda q, tcp: None) as server:
        loop = Loop(most=5)
        session = World.live([server.at]).open(loop=loop)
        session.dns.foresee([Question(f"n{n}.example.com", "A", fixed=True) for n in range(30)])
        loop.wait(lambda: len(server.asked) >= 5, time.monotonic() + 5)
        assert (loop.under_way, len(server.asked)) == (5, 5)
        assert not loop.room
        session.close()
        loop.close()


def test_nothing_of_a_scan_is_held_when_it_is_done(demo):
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(o, seam.Seam) for o in gc.get_objects())
        for answer in together(demo, NAMES).values():
            json.dumps(as_json.report(answer))  # the second opinions are worked out, and let go of what they need
        del answer
        assert sum(isinstance(o, seam.Seam) for o in gc.get_objects()) <= before
    finally:
        gc.enable()


def test_a_system_without_epoll_asks_all_the_same(monkeypatch):
    def handler(query, tcp):
        name = query.question[0].name.to_text(True)
        response = reply_to(query, "@ 300 A 192.0.2.1")
        if name.startswith("long") and not tcp:
            response.flags |= 0x0200
        return response

    monkeypatch.setattr(poll, "new", poll.Plain)
    with Nameserver(handler) as server, World.live([server.at]).open() as session:
        assert {a.outcome for a in session.dns.ask_all([Question(f"n{n}.example.com", "A") for n in range(40)])} == {Outcome.FOUND}
        assert session.dns.ask("long.example.com", "A").values == ("192.0.2.1",)


# ------------------------------------------------------------------ several processes


@pytest.mark.skipif(not bulk.can_spread(), reason="this system makes no such processes")
def test_every_domain_is_answered_once_by_several_processes(tmp_path):
    listed = tmp_path / "names.txt"
    listed.write_text("".join(f"n{n}.healthy.example\n" for n in range(60)))
    result = subprocess.run(
        [sys.executable, "-m", "healthcheck", "scan", "--file", str(listed), "--format", "jsonl", "--jobs", "3", *ZONES, "--only-zone"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(line["domain"] for line in lines) == sorted(f"n{n}.healthy.example" for n in range(60))
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.skipif(not bulk.can_spread(), reason="this system makes no such processes")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_dies_is_told_and_the_others_go_on():
    def work(given):
        for item in given:
            if item is None:
                time.sleep(0.001)
                continue
            if item.source == "deadly":
                os._exit(9)
            yield item, os.getpid()

    names = [*(f"n{n}" for n in range(40)), "deadly", *(f"m{n}" for n in range(40))]
    answers = {item.source: answer for item, answer in spread(items(names), work, 2)}
    assert len(answers) == len(names)
    assert isinstance(answers["deadly"], OurFault)
    assert "exit code 9" in answers["deadly"].detail
    assert sum(isinstance(answer, int) for answer in answers.values()) >= 2


@pytest.mark.skipif(not bulk.can_spread(), reason="this system makes no such processes")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("number", [1, 2, 3, 7, 8, 9, 17, 200])
def test_each_item_is_answered_once_however_many_there_are(number):
    def work(given):
        for item in given:
            if item is not None:
                yield item, "x" * 200_000  # more than a pipe takes at once

    def some():
        for n in range(number):
            if n % 3 == 0:
                yield None  # none just now
            yield Item(n, f"n{n}")

    answered = [item.number for item, answer in spread(some(), work, 3) if len(answer) == 200_000]
    assert sorted(answered) == list(range(number))


@pytest.mark.skipif(not bulk.can_spread(), reason="this system makes no such processes")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_slow_process_holds_few_items():
    def work(given):
        slow = False
        for item in given:
            if item is None:
                time.sleep(0.001)
                continue
            slow = slow or item.source == "slow"
            time.sleep(0.3 if slow else 0.001)
            yield item, slow

    names = ["slow", *(f"n{n}" for n in range(150))]
    answers = [slow for _, slow in spread(items(names), work, 2)]
    assert len(answers) == len(names)
    assert 1 <= answers.count(True) <= 2 * bulk.AHEAD


# ------------------------------------------------------------------ what is read


def test_comments_blank_lines_and_line_numbers(tmp_path):
    listed = tmp_path / "names.txt"
    listed.write_bytes(b"\xef\xbb\xbfone.example\r\n\r\n# two.example\r\n  three.example  # ours\r\n" + b"x" * 9000 + b"\nfive.example")
    found = list(streams.entries(str(listed)))
    assert [(text[:13], line) for text, line in found] == [("one.example", 1), ("three.example", 4), ("x" * 13, 5), ("five.example", 6)]


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_a_bad_line_is_told_with_its_number_and_the_rest_is_scanned(tmp_path, form):
    listed = tmp_path / "names.txt"
    listed.write_text("# ours\nhealthy.example\n\nlocalhost\nparked.example\n")
    result = cmd("--file", str(listed), "--format", form)
    assert result.exit_code == 2
    if form == "text":
        assert f"{listed}:4: “localhost” is a top-level domain" in result.stderr
        assert result.stdout.index("healthy.example") < result.stdout.index("parked.example")
        return
    lines = json.loads(result.stdout) if form == "json" else told(result)
    bad = next(line for line in lines if line["schema"] == "error/1")
    assert bad["input"] == {"source": "localhost", "file": str(listed), "line": 4}
    assert {line["domain"] for line in lines if line["schema"] == "report/1"} == {"healthy.example", "parked.example"}
    if form == "json":
        assert [line["input"]["source"] for line in lines] == ["healthy.example", "localhost", "parked.example"]


def test_many_are_printed_in_the_order_given(tmp_path):
    listed = tmp_path / "names.txt"
    names = [f"n{n}.healthy.example" for n in range(30)]
    listed.write_text("\n".join(names))
    assert [value["domain"] for value in json.loads(cmd("--file", str(listed), "--format", "json", "--jobs", "1").stdout)] == names


@pytest.mark.parametrize(
    "args", [["--file", "nowhere.txt"], ["--jobs", "0"], ["--at-once", "0"], ["--file", "."], ["--resume", "."], ["--resume", "no/such/out.jsonl"]]
)
def test_bad_input_is_exit_2(args):
    result = cmd("healthy.example", *args)
    assert result.exit_code == 2
    assert result.stderr.strip()
    assert result.stdout == ""


def test_an_empty_list_is_exit_2(tmp_path):
    (tmp_path / "names.txt").write_text("# nothing\n\n")
    result = cmd("--file", str(tmp_path / "names.txt"))
    assert (result.exit_code, "No domain was given" in result.stderr) == (2, True)


# ------------------------------------------------------------------ going on


def test_what_stands_in_the_output_is_passed_over(tmp_path):
    listed, out = tmp_path / "names.txt", tmp_path / "out.jsonl"
    listed.write_text("healthy.example\nlocalhost\nHTTPS://Shop.example/\nparked.example\n")
    assert cmd("--file", str(listed), "--resume", str(out)).exit_code == 2
    whole = out.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 4
    again = cmd("--file", str(listed), "--resume", str(out))
    assert (again.exit_code, out.read_bytes()) == (0, whole)
    assert "Nothing is left to scan" in again.stderr
    half = next(line for line in lines if b'"shop.example"' in line[:400])
    out.write_bytes(b"".join(line for line in lines if line is not half) + half[: len(half) // 2])
    cmd("--file", str(listed), "--resume", str(out))
    assert sorted(json.loads(line).get("domain", "") for line in out.read_bytes().splitlines()) == ["", "healthy.example", "parked.example", "shop.example"]


def test_a_last_line_that_is_whole_but_not_ended_is_scanned_again(tmp_path):
    out = tmp_path / "out.jsonl"
    cmd("healthy.example", "--resume", str(out))
    out.write_bytes(out.read_bytes().rstrip(b"\n"))
    assert cmd("healthy.example", "--resume", str(out)).exit_code in (0, 1)
    assert len(out.read_bytes().splitlines()) == 1


@pytest.mark.parametrize("text", ["healthy.example\nshop.example\n", "healthy.example", '{"schema":"diagnosis/1","input":{"source":"-"}}\n', "[]\n", "\0\0\n"])
def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path, text):
    out = tmp_path / "out.jsonl"
    out.write_text(text)
    result = cmd("healthy.example", "--resume", str(out))
    assert result.exit_code == 2
    assert f"{out}:1: this is no JSON line of a scan" in result.stderr
    assert out.read_text() == text


def test_resume_writes_json_lines_only(tmp_path):
    result = cmd("healthy.example", "--resume", str(tmp_path / "out.jsonl"), "--format", "text")
    assert (result.exit_code, "leave out --format" in result.stderr) == (2, True)


def answers_but(name):
    """A nameserver that keeps silent about some names."""

    def handler(query, tcp):
        return None if name in query.question[0].name.to_text() else reply_to(query, rcode=3, soa="example.")

    return handler


def stopped(process, ready):
    """The process after Ctrl-C, once it is `ready`. It has less time to end than a scan may take."""
    until = time.monotonic() + 55
    while not ready() and time.monotonic() < until and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    return process.returncode, out, err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_leaves_what_is_done_and_says_how_to_go_on(tmp_path, jobs):
    listed, out = tmp_path / "names.txt", tmp_path / "out.jsonl"
    listed.write_text("".join(f"n{n}.example\n" for n in range(12)) + "".join(f"n{n}.silent.example\n" for n in range(12)))
    with Nameserver(answers_but("silent")) as server:
        # what nobody answers stays under way for a minute, however long the others take on a busy machine
        command = [sys.executable, "-c", PATIENT, "scan", "--file", str(listed), "--resume", str(out), "--nameserver", server.at, "--jobs", jobs]
        command += ["--timeout", "60"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        code, printed, words = stopped(process, lambda: out.exists() and out.read_bytes().count(b"\n") >= 12)
    assert (code, printed) == (130, "")
    assert "Stopped after 12 domains; they stand in" in words
    assert "Traceback" not in words
    assert {json.loads(line)["domain"] for line in out.read_bytes().splitlines()} == {f"n{n}.example" for n in range(12)}
    with Nameserver(answers_but("nobody")) as server:
        command[command.index("--nameserver") + 1] = server.at
        subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert len({json.loads(line)["domain"] for line in out.read_bytes().splitlines()}) == 24


def test_ctrl_c_cancels_a_single_scan_at_once():
    with Nameserver(lambda q, tcp: None) as server:
        command = [sys.executable, "-m", "healthcheck", "scan", "firm.example", "--nameserver", server.at]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        code, printed, words = stopped(process, lambda: bool(server.asked))
    assert (code, printed, words) == (130, "", "Stopped.\n")


def test_how_far_it_is_stands_on_a_terminal(tmp_path):
    import pty

    listed = tmp_path / "names.txt"
    listed.write_text("".join(f"n{n}.healthy.example\n" for n in range(20)) + "localhost\n")
    terminal, other = pty.openpty()
    command = [sys.executable, "-m", "healthcheck", "scan", "--file", str(listed), "--format", "jsonl", "--jobs", "1", *ZONES, "--only-zone"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=other)
    os.close(other)
    seen = []

    def read():
        try:
            while data := os.read(terminal, 4096):
                seen.append(data)
        except OSError:  # the other end has been closed
            return

    reader = threading.Thread(target=read)
    reader.start()
    lines = process.communicate(timeout=120)[0].splitlines()
    reader.join(10)
    os.close(terminal)
    assert len(lines) == 21
    assert all(json.loads(line) for line in lines)
    assert b" of 21 domains" in b"".join(seen)


def test_offline_asks_nobody_so_that_a_zone_file_is_refused():
    for option in (["--zone", str(DEMO[0])], ["--only-zone"], ["--nameserver", "192.0.2.53"]):
        result = CliRunner().invoke(cli.main, ["explain", "--offline", *option, "-"], input="550 5.1.1 no such user\n")
        assert (result.exit_code, option[0] in result.stderr) == (2, True)


def test_whoever_takes_the_results_slowly_keeps_no_question_from_going_out():
    """Between two results nothing waits to be sent: its time is running, and nobody knows when the next round is."""
    loop, left = Loop(), []

    def handler(query, _):
        name, rtype = query.question[0].name.to_text(), query.question[0].rdtype.name
        leads_on = {"MX": f"@ 60 MX 10 mx.{name}", "TXT": f'@ 60 TXT "v=spf1 include:i.{name} -all"'}.get(rtype) if name.count(".") < 8 else None
        return [(0.001 * (len(name) % 7), reply_to(query, *([leads_on] if leads_on else []), soa="example."))]

    with Nameserver(handler) as server:
        world = World.live([server.at])
        world.blocklists = ()
        for _ in run(items(f"d{n}.example" for n in range(20)), lambda item: begin(item.source, world=world, loop=loop), loop, most=6):
            left.append(len(loop._outbox))
        world.close()
    assert left == [0] * 20


def test_a_bell_that_does_not_hang_yet_is_not_rung():
    """Rung once and never heard, it would not be rung again: who waits for another thread would be told a second late."""
    loop = Loop(most=1)
    with Nameserver(lambda query, _: [(0.05, reply_to(query, soa="example."))]) as server:
        world = World.live([server.at])
        world.blocklists = ()
        with world.open(loop=loop) as session:
            session.dns.foresee([Question(f"{n}.example", "A") for n in "abc"])
            threading.Timer(0.02, loop.tell).start()
            session.dns.ask("a.example", "A")
            assert not loop._rung
            session.dns.ask("c.example", "A")
            heard = threading.Event()
            threading.Timer(0.05, lambda: (heard.set(), loop.tell())).start()
            began = time.monotonic()
            assert loop.wait(heard.is_set, began + 5)
            assert time.monotonic() - began < 0.5
        world.close()
    loop.close()
