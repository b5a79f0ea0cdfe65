"""How long the command takes to answer: `--version` (floor 0.15 s) and an offline `explain` (floor 0.4 s), from a cold process.

    .venv/bin/python bench/startup.py [--runs 9] [--check]

Each is run once before, so that compiled modules and what kept.py keeps are there, as after the first run on any machine; the first
run's time is printed, too. Prints the best and the middle of the runs; with --check, exit 1 where the best is over its floor (the
middle says what else this machine was doing).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CASES = {
    "--version": (["--version"], None, 0.15),
    "explain, sender's fault": (["explain", "--offline", "-"], "550 5.7.26 Unauthenticated email from example.com is not accepted\n", 0.4),
    "explain, no such user": (["explain", "--offline", "-"], "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown\n", 0.4),
}


def seconds(arguments: list[str], text: str | None, environment: dict[str, str]) -> float:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "healthcheck", *arguments], cwd=ROOT, env=environment, input=text, capture_output=True, text=True, check=True)
    took = time.perf_counter() - start
    assert done.stdout
    return took


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    slow = []
    with tempfile.TemporaryDirectory() as folder:
        # a place of its own: nothing is there at first, and what is there in the end is gone with it
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": folder, "HEALTHCHECK_CACHE": str(Path(folder) / "kept")}
        for name, (arguments, text, floor) in CASES.items():
            first = seconds(arguments, text, environment)
            runs = sorted(seconds(arguments, text, environment) for _ in range(given.runs))
            print(f"{name:24} best {runs[0]:.3f} s, middle {statistics.median(runs):.3f} s (floor {floor} s; first run {first:.2f} s)")
            if runs[0] > floor:
                slow.append(name)
    return int(given.check and bool(slow))


if __name__ == "__main__":
    sys.exit(main())
