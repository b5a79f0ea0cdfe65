"""How many domains a second, against checkdmarc?

    .venv/bin/python bench/bulk.py [--domains 200] [--jobs 2] [--rtt 20] [--theirs 5]

The nameserver of bench/scan.py holds every answer for --rtt milliseconds and serves many domains like the one of that bench, each with
names and addresses of its own; what they share are the five services that they include, the sending address and the ten blocklists.
They are scanned as `healthcheck scan --file domains.txt --format jsonl --jobs 2` does it, with all topics: the list is read, processes are
started and ended, JSON lines are written to a file. Only what Python has to load once is loaded before, for both sides.

checkdmarc's check_domains scans --theirs of the same domains, in a process of its own and with its own cache. It works one after the
other, so that its rate for many is taken to be that of these few. Ours is measured before and after it, and both are printed.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import dns.name
import dns.zone

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import scan as single  # noqa: E402

GOAL = 100


def names(count: int) -> list[str]:
    return [f"firm{n}.example" for n in range(count)]


def zones(count: int) -> list[dns.zone.Zone]:
    """The world of bench/scan.py, with as many domains like its own."""
    held = single.zones()
    own = next(z for z in held if z.origin.to_text() == f"{single.DOMAIN}.")
    text = own.to_text(relativize=False)
    out = {z.origin.to_text(): z for z in held if z is not own}
    reverse = out["2.0.192.in-addr.arpa."].to_text(relativize=False)
    more = {"reports.example.": [], "services.example.": [], "113.0.203.in-addr.arpa.": [], "100.51.198.in-addr.arpa.": []}
    key = out["services.example."].get_rdataset(dns.name.from_text("s2.firm.dkim.services.example."), "TXT").to_text()
    for n, name in enumerate(names(count)):
        # documentation addresses (RFC 5737): 203.0.113.0/24 and 198.51.100.0/24 for the two MX hosts, 192.0.2.0/24 for the web host
        mine = text.replace(single.DOMAIN, name).replace("s2.firm.dkim", f"s2.firm{n}.dkim")
        mine = mine.replace("192.0.2.10", f"203.0.113.{n % 250}").replace("192.0.2.11", f"198.51.100.{n % 250}")
        mine = mine.replace("192.0.2.80", f"192.0.2.{30 + n % 220}")
        out[name] = dns.zone.from_text(mine, origin=name, relativize=False, check_origin=False)
        more["reports.example."].append(f'{name}._report._dmarc.reports.example. 3600 IN TXT "v=DMARC1"')
        more["services.example."].append(f"s2.firm{n}.dkim.services.example. 3600 " + key.split(" ", 1)[1])
        for net, host in (("113.0.203", "mx1"), ("100.51.198", "mx2")):
            more[f"{net}.in-addr.arpa."].append(f"{n % 250}.{net}.in-addr.arpa. 3600 IN PTR {host}.{name}.")
    for origin, lines in more.items():
        before = (
            out[origin].to_text(relativize=False) if origin in out else reverse.split("IN PTR")[0].rsplit("\n", 1)[0].replace("2.0.192.in-addr.arpa.", origin)
        )
        out[origin] = dns.zone.from_text("\n".join([before, *lines]), origin=origin, relativize=False, check_origin=False)
    return list(out.values())


def ours(port: int, wanted: argparse.Namespace, listed: str) -> tuple[float, float, list[dict]]:
    """Seconds, seconds of processors (this process and those it started), and the lines."""
    from healthcheck.catalog import Blocklist
    from healthcheck.edge.world import World
    from healthcheck.faces.bulk import Wanted, exit_code, scan_all
    from healthcheck.faces.streams import named

    world = World.live([f"127.0.0.1:{port}"])
    world.blocklists = tuple(
        Blocklist(zone=zone, name=zone, kind=kind, weight="high", source="-", seen="2026-11", codes={"127.0.0.2": "listed"}) for zone, kind in single.LISTS
    )
    given = {"ips": single.IPS, "selectors": single.SELECTORS, "mail_from": None, "profile": "sending", "deadline": 15.0}
    how = Wanted(world, given, "jsonl", lambda report: exit_code(report, "fail", None), jobs=wanted.jobs)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as out:
        before, began = processors(), time.perf_counter()
        scan_all(how, named((), (listed,)), total=None, out=out.name)
        seconds, used = time.perf_counter() - began, processors() - before
        return seconds, used, [json.loads(line) for line in out]


def processors() -> float:
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--domains", type=int, default=200)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--rtt", type=float, default=20.0, help="milliseconds that each answer is held")
    options.add_argument("--theirs", type=int, default=5, help="domains that checkdmarc is given")
    wanted = options.parse_args()
    with single.nameserver(wanted.rtt, partial(zones, wanted.domains)) as port, tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write("\n".join(names(wanted.domains)) + "\n")
        listed.flush()
        ours(port, wanted, listed.name)  # loads the libraries, and the server works its answers out
        runs = [ours(port, wanted, listed.name)]
        slow = single.their_time(port, tuple(names(wanted.theirs))) / 1000
        runs.append(ours(port, wanted, listed.name))
        return told(wanted, runs, slow)


def told(wanted: argparse.Namespace, runs: list[tuple[float, float, list[dict]]], slow: float) -> int:
    reports = runs[-1][2]
    questions, distinct = (sum(r["dns"][key] for r in reports) for key in ("questions", "distinct"))
    rate = wanted.theirs / slow
    print(f"world             {wanted.domains} domains, every answer held {wanted.rtt:g} ms, {len(single.LISTS)} blocklists on our side only")
    print(f"answered          {sum(r['schema'] == 'report/1' for r in reports)} reports, {len({r['domain'] for r in reports if 'domain' in r})} domains")
    print(f"questions         {questions}, distinct {distinct}, {questions / max(1, len(reports)):.0f} a domain")
    print(
        f"checkdmarc        {slow:.2f} s for {wanted.theirs} domains: {rate:.2f} a second (check_domains; {wanted.domains} would take {wanted.domains / rate:.0f} s)"
    )
    for seconds, used, lines in runs:
        own = len(lines) / seconds
        cost = used / len(lines) * 1000
        print(f"healthcheck       {seconds:.2f} s for {len(lines)} domains: {own:.1f} a second in {wanted.jobs} processes, {cost:.1f} ms of processor each")
        print(f"                  {own / rate:.0f} times as many (goal: {GOAL})")
    return 0 if all(len(lines) / seconds / rate >= GOAL for seconds, _, lines in runs) and questions == distinct else 1


if __name__ == "__main__":
    sys.exit(main())
