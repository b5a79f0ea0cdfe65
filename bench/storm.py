"""Does any scan say something false when the DNS misbehaves? 5,000 scans with faults injected at random.

    .venv/bin/python bench/storm.py [--scans 5000] [--wire 1000] [--first 0] [--processes 2]

Each scan is a seed, and is compared with the same scan without faults: a finding that is no "unknown" and was not there before, or
a list called listed or not listed that was not, is false. --wire of the scans go over loopback, where the packets themselves are
spoiled (SERVFAIL, silence, REFUSED, FORMERR, wrong ID, wrong question, lame, truncation with TCP failing, slow, octets that are no
message); the others get the outcome in place of the answer. Prints the seeds, each falsehood, and the sum; exit 1 where it is not 0.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def one(job: tuple[int, str]) -> tuple[str, list[str]]:
    from support.storm import storm

    seed, kind = job
    try:
        return kind, storm(seed, kind)
    except Exception as error:
        return kind, [f"{kind} seed {seed}: raised {type(error).__name__}: {error}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=5000)
    parser.add_argument("--wire", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    seam = given.scans - given.wire
    jobs = [(given.first + n, "seam") for n in range(seam)] + [(given.first + n, "wire") for n in range(given.wire)]
    print(f"seeds: seam {given.first} to {given.first + seam - 1}, wire {given.first} to {given.first + given.wire - 1}", flush=True)
    began, done, wrong = time.monotonic(), Counter(), []
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        for kind, lines in pool.imap_unordered(one, jobs, chunksize=25):
            done[kind] += 1
            wrong += lines
            for line in lines:
                print(line, flush=True)
            if sum(done.values()) % 500 == 0:
                print(f"  {sum(done.values())} scans, {len(wrong)} false, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{sum(done.values())} scans ({done['seam']} at the seam, {done['wire']} over the wire) in {time.monotonic() - began:.0f} s: {len(wrong)} false")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
