"""`healthcheck bounces`: many inputs in one call, what is written and when, exit codes, several processes, and a run that is killed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from healthcheck.errors import InputError
from healthcheck.faces.bounces import Bar, whole
from healthcheck.faces.cli import main
from healthcheck.feeds import feeds
from healthcheck.many import Feed, Progress, many
from healthcheck.model import Action

ROOT = Path(__file__).resolve().parent.parent
WORLDS = Path(__file__).resolve().parent / "worlds"
LOG = (
    "Jan 15 07:00:00 mta postfix/qmgr[1]: 4AAAAAAAA1: from=<news@shop.example>, size=1, nrcpt=3 (queue active)\n"
    "Jan 15 07:00:01 mta postfix/smtp[2]: 4AAAAAAAA1: to=<gone@example.com>, relay=mx.example.com[192.0.2.1]:25, dsn=5.1.1, "
    "status=bounced (host mx.example.com[192.0.2.1] said: 550 5.1.1 <gone@example.com>: Recipient address rejected: User unknown (in reply to RCPT TO command))\n"
    "Jan 15 07:00:01 mta postfix/smtp[2]: 4AAAAAAAA1: to=<paul@example.com>, relay=mx.example.com[192.0.2.1]:25, dsn=2.0.0, status=sent (250 ok)\n"
)
TABLE = "email,event,reason,timestamp\n" + "".join(
    f"user{n}@kunde{n % 5}.example,{'bounce' if n % 10 == 0 else 'delivered'},{f'550 5.1.1 <user{n}@kunde{n % 5}.example> no such user' if n % 10 == 0 else ''},"
    f"{1768400000 + n}\n"
    for n in range(300)
)
EVENT = {"event": "spamreport", "email": "angry@example.com", "sg_event_id": "1", "sg_message_id": "m", "timestamp": 1768464000}
NOTICE = """From: MAILER-DAEMON@mta.example
To: news@shop.example
Subject: Undelivered Mail Returned to Sender
Date: Thu, 15 Jan 2026 08:00:00 +0000

<{to}>: host mx.example.com[192.0.2.1] said: 550 5.1.1 <{to}>: Recipient address rejected: User unknown (in reply to RCPT TO command)
"""


def run(*words: str | Path, **how: object) -> Result:
    return CliRunner().invoke(main, ["bounces", *map(str, words)], **how)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    (folder / "mails").mkdir(parents=True)
    (folder / "maildir" / "new").mkdir(parents=True)
    (folder / "maildir" / "cur").mkdir()
    (folder / "maildir" / "tmp").mkdir()
    (folder / "export").write_text(TABLE)  # without an ending: files are recognised by what is in them
    (folder / "mail.log.1.gz").write_bytes(gzip.compress(LOG.encode()))
    (folder / "hooks.txt").write_text(json.dumps([EVENT]))
    (folder / "mails" / "a.eml").write_text(NOTICE.format(to="first@example.com"))
    (folder / "mails" / "b.eml").write_text(NOTICE.format(to="second@example.com"))
    (folder / "maildir" / "new" / "1.M2P3.mta").write_text(NOTICE.format(to="third@example.com"))
    (folder / "maildir" / "tmp" / "half").write_text("From: x")
    return folder


def test_mixed_in_one_call(inputs: Path):
    got = run(
        inputs / "export",
        inputs / "mail.log.1.gz",
        inputs / "hooks.txt",
        inputs / "mails",
        inputs / "maildir",
        "--format",
        "json",
        "--now",
        "2026-01-15T09:00:00Z",
    )
    assert got.exit_code == 0, got.output
    report = json.loads(got.stdout)
    assert report["schema"] == "bounces/1"
    assert {(Path(row["name"]).name, row["form"], row["kind"], row["events"]) for row in report["input"]["files"]} == {
        ("export", "csv", "csv", 300),
        ("mail.log.1.gz", "log", "postfix", 2),
        ("hooks.txt", "json", "sendgrid", 1),
        ("mails", "mail", "mail", 2),
        ("maildir", "mail", "mail", 1),
    }
    suppressed = {row["recipient"] for row in report["decisions"]["rows"] if row["action"] == "suppress"}
    assert {"gone@example.com", "angry@example.com", "first@example.com", "second@example.com", "third@example.com", "user0@kunde0.example"} <= suppressed
    assert report["decisions"]["counts"]["suppress"] == 30 + 5


def test_the_order_of_files_changes_nothing(inputs: Path):
    paths = [inputs / name for name in ("export", "mail.log.1.gz", "hooks.txt", "mails")]
    first = many(paths, now=1768464000.0)
    random.Random(1).shuffle(paths)
    second = many(reversed(paths), now=1768464000.0)
    assert list(first.decisions()) == list(second.decisions())
    assert (first.rates, first.patterns, first.offers) == (second.rates, second.patterns, second.offers)


def test_text_says_what_was_read_and_whom_to_stop_mailing(inputs: Path):
    got = run(inputs / "export", inputs / "mail.log.1.gz")
    assert got.exit_code == 0
    assert "user0@kunde0.example" in got.stdout
    assert "Postfix: log" in got.stdout
    assert got.stderr == ""


def test_a_page(inputs: Path, tmp_path: Path):
    page = tmp_path / "report.html"
    got = run(inputs / "export", "--format", "html", "--output", page)
    assert (got.exit_code, got.stdout) == (0, "")
    text = page.read_text()
    assert text.lstrip().lower().startswith("<!doctype html")
    assert 'src="http' not in text
    assert list(tmp_path.glob(".*")) == []


def test_a_folder_is_read_once(inputs: Path):
    assert len(feeds([inputs, inputs / "export", inputs / "mails"])) == len(feeds([inputs])) == 6
    assert {feed.name for feed in feeds([inputs])} == {str(p) for p in inputs.rglob("*") if p.is_file() and p.name != "half"}


def test_standard_input():
    got = run("-", "--format", "json", input=TABLE)
    assert got.exit_code == 0
    assert [(row["name"], row["events"]) for row in json.loads(got.stdout)["input"]["files"]] == [("standard input", 300)]


# ------------------------------------------------------------------ rates


def test_sent_is_the_denominator(tmp_path: Path):
    file = tmp_path / "x.csv"
    file.write_text("email,event,reason\n" + "".join(f"a{n}@example.com,bounce,550 5.1.1 unknown user\n" for n in range(30)))
    without, with_sent = (json.loads(run(file, "--format", "json", *more).stdout) for more in ((), ("--sent", "1000")))

    def hard(report):
        return next(rate for rate in report["rates"]["total"]["rates"] if rate["measure"] == "hard")

    assert hard(without)["percent"] is None
    assert (hard(with_sent)["count"], hard(with_sent)["of"], hard(with_sent)["percent"]) == (30, 1000, 3.0)
    assert run(file, "--sent", "1000", "--fail-on", "bad").exit_code == 1
    assert run(file, "--sent", "1000", "--fail-on", "critical").exit_code == 0
    assert run(file, "--sent", "1000", "--kind", "cold", "--fail-on", "critical").exit_code == 1
    assert run(file, "--sent", "1000").exit_code == 0


def test_policy_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "x.csv"
    file.write_text("email,event,reason,timestamp\n" + "".join(f"a@example.com,bounce,452 4.2.2 over quota,2026-01-{1 + 5 * n:02}\n" for n in range(3)))
    rules = tmp_path / "rules.toml"
    rules.write_text("[policy]\nsoft_limit_mailbox_full = 5\n")

    def action(*more: str | Path) -> str:
        (row,) = json.loads(run(file, "--format", "json", *more).stdout)["decisions"]["rows"]
        return row["action"]

    assert action() == "suppress"
    assert action("--policy", rules) == "count"
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".healthcheck.toml").write_text(rules.read_text())
    assert action() == "count"
    rules.write_text("[policy]\nsoft_limit = 99\n")
    got = run(file, "--policy", rules)
    assert got.exit_code == 2
    assert "rules.toml: policy.soft_limit" in got.stderr


# ------------------------------------------------------------------ outputs


def test_decisions_as_csv(inputs: Path, tmp_path: Path):
    out = tmp_path / "d.csv"
    assert run(inputs / "export", inputs / "hooks.txt", "--decisions", out).exit_code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert len(rows) == 31
    assert {row["action"] for row in rows} == {"suppress"}
    assert next(row for row in rows if row["recipient"] == "user0@kunde0.example")["source"].endswith("export:2")
    assert run(inputs / "export", inputs / "hooks.txt", "--decisions", out, "--for", "ses").exit_code == 0
    assert "angry@example.com,COMPLAINT" in out.read_text().splitlines()
    assert "user0@kunde0.example,BOUNCE" in out.read_text().splitlines()


def test_events_can_be_read_again(inputs: Path, tmp_path: Path):
    out = tmp_path / "events.jsonl"
    first = run(inputs / "export", inputs / "mail.log.1.gz", "--events", out, "--format", "json", "--now", "2026-01-16")
    again = run(out, "--format", "json", "--now", "2026-01-16")
    assert (first.exit_code, again.exit_code) == (0, 0)
    one, other = json.loads(first.stdout), json.loads(again.stdout)
    assert one["decisions"] == other["decisions"]
    assert one["rates"] == other["rates"]
    assert other["input"]["files"][0]["kind"] == "own"


def test_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "out.csv"
    path.write_text("before")
    os.chmod(path, 0o640)
    with pytest.raises(RuntimeError), whole(str(path)) as file:  # noqa: PT012 - what is written before the fault is the point
        file.write("half")
        raise RuntimeError
    assert path.read_text() == "before"
    with whole(str(path)) as file:
        file.write("after")
        assert path.read_text() == "before"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("after", 0o640)
    assert os.listdir(tmp_path) == ["out.csv"]


def test_whole_where_there_are_no_nameless_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("healthcheck.faces.bounces._unnamed", lambda _: None)
    test_whole_or_not_at_all(tmp_path)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("old", [None, "an older report\n"])
def test_a_killed_run_leaves_nothing_half_written(tmp_path: Path, old: str | None):
    """Killed while it reads, with its events being written: what was there before is there still."""
    outputs = [tmp_path / name for name in ("report.txt", "d.csv", "events.jsonl")]
    for path in outputs:
        if old is not None:
            path.write_text(old)
    words = ["-", "--output", outputs[0], "--decisions", outputs[1], "--events", outputs[2]]
    command = [sys.executable, "-m", "healthcheck", "bounces", *map(str, words)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        rows = "".join(f"user{n}@kunde{n % 5}.example,bounce,550 5.1.1 no such user\n" for n in range(40_000))
        process.stdin.write(f"email,event,reason\n{rows}".encode())
        process.stdin.flush()
        until = time.monotonic() + 30
        while time.monotonic() < until and not _is_writing(process.pid, tmp_path):
            time.sleep(0.02)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    assert process.returncode == -signal.SIGKILL
    assert sorted(os.listdir(tmp_path)) == (sorted(path.name for path in outputs) if old is not None else [])
    for path in outputs if old is not None else ():
        assert path.read_text() == old


def _is_writing(pid: int, folder: Path) -> bool:
    """Whether a process holds a file in a folder that has something in it."""
    held = Path(f"/proc/{pid}/fd")
    if not held.is_dir():
        time.sleep(3)
        return True
    for link in held.iterdir():
        try:
            if os.readlink(link).startswith(str(folder)) and os.stat(link).st_size > 10_000:
                return True
        except OSError:
            continue
    return False


# ------------------------------------------------------------------ what cannot be used


def test_nothing_could_be_read(tmp_path: Path):
    for name, octets in {"a.bin": b"\0\1\2" * 99, "b.csv": b"name,city\nLena,Rome\n", "c.txt": b""}.items():
        (tmp_path / name).write_bytes(octets)
    got = run(tmp_path, "--output", tmp_path / "out.txt")
    assert (got.exit_code, got.stdout) == (2, "")
    assert "a.bin: no text" in got.stderr
    assert "b.csv:1: no column for an address" in got.stderr
    assert "c.txt: the file is empty" in got.stderr
    assert not (tmp_path / "out.txt").exists()


def test_the_rest_is_done(tmp_path: Path):
    (tmp_path / "bad.csv").write_text("name,city\nLena,Rome\n")
    (tmp_path / "good.csv").write_text("email,event,reason\na@example.com,bounce,550 5.1.1 unknown\nno,bounce,550\nb@exam")
    got = run(tmp_path, "--format", "json")
    assert got.exit_code == 0
    report = json.loads(got.stdout)
    assert report["decisions"]["counts"]["suppress"] == 1
    assert {(Path(row["file"]).name, row["line"]) for row in report["input"]["troubles"]} == {("bad.csv", 1), ("good.csv", 3), ("good.csv", 4)}
    assert "bad.csv:1: no column for an address" in got.stderr
    assert "2 rows could not be read" in got.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["missing.csv"], "missing.csv cannot be read"),
        (["."], "there is nothing to read"),
        (["x.csv", "--sent", "0"], "--sent"),
        (["x.csv", "--for", "ses"], "--decisions"),
        (["x.csv", "--zone", "a.zone"], "--scan"),
        (["x.csv", "--output", "nowhere/x.txt"], "no such directory"),
        (["x.csv", "--output", "a", "--decisions", "a"], "same name"),
        (["x.csv", "--now", "soon"], "no time"),
        (["x.csv", "--policy", "missing.toml"], "missing.toml cannot be read"),
        (["x.csv", "--policy", "x.csv"], "no TOML"),
        ([], "missing argument"),
    ],
)
def test_what_cannot_be_used(words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    if words != ["."]:
        (tmp_path / "x.csv").write_text("email,event\na@example.com,bounce\n")
    got = run(*words)
    assert (got.exit_code, got.stdout) == (2, "")
    assert told in got.stderr.lower().replace("\n", " ") or told in got.stderr


# ------------------------------------------------------------------ several processes, progress


@pytest.mark.skipif(sys.platform == "darwin", reason="one process does it all here")
@pytest.mark.parametrize("packing", ["as it is", "up and down"])
def test_two_processes_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packing: str):
    from itertools import cycle

    from healthcheck import reading
    from healthcheck.bounce.many import sources
    from healthcheck.bounce.many.formats import blocks

    if packing == "up and down":  # dense rows after sparse ones: who was told to end is handed nothing more
        guess = cycle((0.0, 1e12, 0.0, 0.0))
        monkeypatch.setattr(reading.Reading, "_while_packing", lambda self, held: next(guess))
    monkeypatch.setattr(reading, "SMALL", 10_000)
    monkeypatch.setattr("healthcheck.many.SMALL", 10_000)
    monkeypatch.setattr(blocks, "BLOCK", 20_000)
    monkeypatch.setattr(sources, "HEAD", 8_000)
    rows = "".join(
        f"user{n % 900}@kunde{n % 7}.example,{('delivered', 'bounce', 'deferred')[n % 3]},{('', '550 5.1.1 no such user', '451 later')[n % 3]},{1768400000 + n}\n"
        for n in range(5000)
    )
    (tmp_path / "large.csv").write_text(f"email,event,reason,timestamp\n{rows}bad\n")
    (tmp_path / "large.log").write_text(LOG * 100)
    (tmp_path / "lines.jsonl").write_text((json.dumps(EVENT) + "\n") * 400)
    (tmp_path / "a.eml").write_text(NOTICE.format(to="first@example.com"))
    one, two = many([tmp_path], now=1768490000.0), many([tmp_path], now=1768490000.0, jobs=2)
    assert one.many.events == two.many.events == 5000 + 200 + 400 + 1
    assert list(one.decisions(every=True)) == list(two.decisions(every=True))
    assert (one.rates, one.patterns, one.outages, one.files) == (two.rates, two.patterns, two.outages, two.files)


def test_progress():
    seen: list[Progress] = []
    octets = TABLE.encode()
    many([Feed("x", lambda: io.BytesIO(octets), len(octets))], progress=seen.append)
    assert seen[-1] == Progress(1, 1, 300, len(octets), len(octets))
    line = Bar().line(Progress(1, 4, 30_000, 500, 1000), 2.0)
    assert line == "[############            ] 1 of 4 files, 30,000 events, 15,000 a second, about 2 s left"
    assert "left" not in Bar().line(Progress(0, 1, 5, 99, None), 2.0)


def test_no_bar_where_nobody_sees_it(inputs: Path):
    assert run(inputs / "export").stderr == ""


# ------------------------------------------------------------------ the sender, once


ZONE = """$ORIGIN shop.example.
$TTL 3600
@ IN SOA ns.shop.example. admin.shop.example. 1 3600 600 86400 60
@ IN NS ns.shop.example.
@ IN MX 10 mx.shop.example.
mx IN A 192.0.2.10
@ IN TXT "v=spf1 ip4:192.0.2.10 -all"
_dmarc IN TXT "v=DMARC1; p=reject; adkim=s; aspf=s"
"""


def test_one_scan_for_a_cluster(tmp_path: Path):
    zone = tmp_path / "shop.zone"
    zone.write_text(ZONE)
    reply = "550 5.7.26 Unauthenticated email from shop.example is not accepted due to domain's DMARC policy."
    rows = "".join(f"lena{n}@gmail.com,bounce,{reply},news@shop.example,{1768400000 + n}\n" for n in range(120))
    rows += "".join(f"lena{n}@example.com,delivered,,news@shop.example,{1768400000 + n}\n" for n in range(300))
    file = tmp_path / "x.csv"
    file.write_text(f"email,event,reason,from,timestamp\n{rows}")
    without, scanned = run(file, "--format", "json"), run(file, "--format", "json", "--scan", "--zone", zone, "--only-zone")
    assert (without.exit_code, scanned.exit_code) == (0, 0), scanned.output
    assert "scans" not in json.loads(without.stdout)
    report = json.loads(scanned.stdout)
    assert list(report["scans"]) == ["shop.example"]
    assert report["scans"]["shop.example"]["schema"] == "report/1"
    assert report["decisions"]["counts"]["suppress"] == 0
    text = run(file, "--scan", "--zone", zone, "--only-zone")
    assert "DMARC" in text.stdout
    assert "shop.example" in text.stdout


def test_sender_side_causes_suppress_nobody():
    replies = [
        "550 5.7.26 This mail has been blocked because the sender is unauthenticated",
        "554 5.7.1 blocked using zen.spamhaus.org",
        "550 5.7.1 [192.0.2.1] rejected as spam",
    ]
    rows = "".join(f"a{n}@example.com,bounce,{replies[n % 3]},{1768400000 + 86400 * n}\n" for n in range(60))
    octets = f"email,event,reason,timestamp\n{rows}".encode()
    result = many([Feed("x", lambda: io.BytesIO(octets))])
    assert {one.action for one in result.decisions()} == {Action.KEEP}


def test_bad_sent_and_kind():
    with pytest.raises(InputError):
        many([Feed("x", lambda: io.BytesIO(b""))], kind="holiday")
    with pytest.raises(InputError):
        many([])
