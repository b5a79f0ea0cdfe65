"""How many events a second, and how much memory?

    .venv/bin/python bench/many.py [--events 1000000] [--addresses 1000000,50000] [--jobs 1,2] [--rounds 3]

CSV exports are generated, with the columns of a service's export: four of five events are deliveries, the others failures whose replies name the
recipient, an address of the network and an id, so that no two replies are the same text; 5,000 domains, 20 campaigns, 23 days. Each is read as
`healthcheck bounces` does it: recognised, every row an event, every reply read, states and counters kept, those of several processes put together.
What is made of it then (rates, patterns, all decisions) is printed apart. Every reading is a process of its own, whose peak of resident memory, of
everything it does, is printed with it. Only what Python has to load once is loaded before.

A machine that does something else meanwhile measures that too: the best round and the middle one are printed, with the seconds of processor beside
those of the clock. What two processes can be at all is a matter of the machine, whose processors may be halves of one, or share a cache and a way to the
memory: so before and after every measurement of several processes as many whole readings that share nothing are done beside each other, and the best of that
is printed beside ours.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

RATE, SPEEDUP = 30_000, 1.7
MEMORY = {1_000_000: 1000, 50_000: 300}  # MB of 10^6 octets, by distinct addresses
REPLIES = (
    '"550-5.1.1 <{to}>: Recipient address rejected: User unknown, session {id}"',
    '"552 5.2.2 <{to}>: The mailbox is over quota [{ip}]"',
    '"554 5.7.1 Service unavailable; client host [{ip}] blocked using zen.spamhaus.org, id {id}"',
    '"550 5.7.26 Unauthenticated email from shop.example is not accepted due to domain\'s DMARC policy. {id} - gsmtp"',
    '"host mx{n}.mail.example[{ip}] said: 450 4.7.1 <{to}>: Greylisted, please try again later"',
)


def generate(path: Path, events: int, addresses: int) -> None:
    draw = random.Random(8)
    order = list(range(addresses))
    draw.shuffle(order)
    with path.open("w", encoding="utf-8") as file:
        file.write("processed,message_id,event,recv_message_id,from,email,reason,mx,type,marketing_campaign_name\n")
        for n in range(events):
            who = order[n % addresses]
            to = f"customer{who}@kunde{who % 4999}.example"
            at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1_764_547_200 + n * 2))
            event, reason = "delivered", ""
            if n % 5 == 0:
                event = "deferred" if n % 25 == 0 else "bounce"
                reply = REPLIES[4] if n % 25 == 0 else REPLIES[n // 5 % 4]
                reason = reply.format(to=to, id=f"{draw.getrandbits(48):012x}-{n:07d}", ip=f"198.51.100.{n % 250}", n=n % 97)
            file.write(f"{at},m{n}.filter,{event},r{n},news@shop.example,{to},{reason},mx{who % 4999}.kunde.example,,Campaign {n * 20 // events}\n")


def measure(path: str, jobs: int) -> dict[str, float]:
    """One reading, in this process."""
    from io import BytesIO

    from healthcheck.many import Feed, many

    many([Feed("warm", lambda: BytesIO(b"email,event,reason\nlena@example.com,bounce,550 5.1.1 no such user\n"))])
    read = [time.process_time()]  # of this process, whenever something was read; last at the end of it
    began, cpu = time.monotonic(), read[0]
    result = many([path], jobs=jobs, progress=lambda _: read.append(time.process_time()))
    used = read[-1] - cpu
    decided = sum(1 for _ in result.decisions())
    mine, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "events": result.many.events,
        "seconds": result.seconds,
        "cpu": used + theirs.ru_utime + theirs.ru_stime,
        "made": time.monotonic() - began - result.seconds,
        "decisions": decided,
        "mb": mine.ru_maxrss * unit / 1e6,
        "child_mb": theirs.ru_maxrss * unit / 1e6,
    }


def beside(path: Path, jobs: int) -> float:
    """Events a second of so many readings that share nothing, done beside each other."""
    got = [subprocess.Popen(command(path, 1), stdout=subprocess.PIPE, text=True) for _ in range(jobs)]
    told = [json.loads(one.communicate()[0]) for one in got]
    return sum(row["events"] / row["seconds"] for row in told)


def command(path: Path, jobs: int) -> list[str]:
    return [sys.executable, __file__, "--measure", str(path), "--jobs", str(jobs)]


def rounds(path: Path, jobs: int, count: int) -> list[dict[str, float]]:
    return [json.loads(subprocess.run(command(path, jobs), check=True, capture_output=True, text=True).stdout) for _ in range(count)]


def shown(name: str, got: list[dict[str, float]]) -> tuple[float, float]:
    rates = sorted(row["events"] / row["seconds"] for row in got)
    best, middle = rates[-1], statistics.median(rates)
    cpu = max(row["events"] / row["cpu"] for row in got)
    mb, child = max(row["mb"] for row in got), max(row["child_mb"] for row in got)
    made = min(row["made"] for row in got)
    print(
        f"{name:34} {best:>8,.0f} events/s best, {middle:>8,.0f} middle; {cpu:>8,.0f} a second of processor; "
        f"rates, patterns and {got[0]['decisions']:,.0f} decisions in {made:.1f} s; peak {mb:,.0f} MB"
        + (f", others {child:,.0f} MB each" if child > 60 else "")
    )
    return best, mb


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--addresses", default="1000000,50000")
    parser.add_argument("--jobs", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure")
    wanted = parser.parse_args()
    if wanted.measure:
        print(json.dumps(measure(wanted.measure, int(wanted.jobs))))
        return 0
    missed = []
    with tempfile.TemporaryDirectory(prefix="healthcheck-bench-") as folder:
        for addresses in map(int, wanted.addresses.split(",")):
            path = Path(folder) / f"{addresses}.csv"
            generate(path, wanted.events, addresses)
            print(f"{wanted.events:,} events, {addresses:,} addresses, {path.stat().st_size / 1e6:.0f} MB")
            alone = 0.0
            for jobs in map(int, wanted.jobs.split(",")):
                before = beside(path, jobs) if jobs > 1 else 0.0
                best, mb = shown(f"  {jobs} process{'es' if jobs > 1 else ''}", rounds(path, jobs, wanted.rounds))
                if jobs == 1:
                    alone = best
                    if best < RATE:
                        missed.append(f"{best:,.0f} events/s, wanted {RATE:,}")
                    if mb > MEMORY.get(addresses, mb):
                        missed.append(f"{mb:,.0f} MB with {addresses:,} addresses, wanted {MEMORY[addresses]}")
                elif alone:
                    bound = max(before, beside(path, jobs)) / alone
                    print(
                        f"    {best / alone:.2f} times one process, {best / RATE:.2f} times {RATE:,}; {jobs} readings that share nothing: {bound:.2f} times one"
                    )
                    if jobs == 2 and best / alone < SPEEDUP:
                        missed.append(f"2 processes {best / alone:.2f} times one with {addresses:,} addresses, wanted {SPEEDUP}; the machine does {bound:.2f}")
            path.unlink()
    for one in missed:
        print(f"missed: {one}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
