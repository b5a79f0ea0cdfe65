"""The API against its own description: schemathesis, all phases, on a running server with the demo world and no network.

    .venv/bin/python bench/api_cases.py [--cases 5000] [--examples 500] [--seed 7] [--workers 2]

Starts the server on loopback, runs `schemathesis run` until every phase is through, and prints how many cases there were and how many
failed. Exit 1 where one failed, or where there were fewer than --cases.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def start():
    import waitress.server

    from app import SERVER, create_app
    from healthcheck.edge.world import World
    from healthcheck.faces.site import warm

    # names that are none of the demo's are answered by nobody: no case leaves this machine
    world = World.demo(World.zones((), only=True))
    unlimited = {f"{what}_PER_MINUTE": 10**7 for what in ("REQUESTS", "SCANS", "EXAMINED", "UPLOADS")}
    app = create_app(world, {**unlimited, "DEADLINE": 5.0, "BADGE_WAIT": 0.3, "WAITERS": 32, "QUEUE": 512})
    warm()
    server = waitress.server.create_server(app, host="127.0.0.1", port=0, **SERVER)
    threading.Thread(target=server.run, daemon=True).start()
    return server.effective_port


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=5000, help="the least number of cases")
    parser.add_argument("--examples", type=int, default=500, help="of each operation, at most, in each phase")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    port, began = start(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            Path(sys.executable).parent / "schemathesis", "--config-file", ROOT / ".ci" / "schemathesis.toml", "run", f"http://127.0.0.1:{port}/openapi/openapi.json", "--checks", "all", "--phases",
            "examples,coverage,fuzzing,stateful", "--max-examples", given.examples, "--seed", given.seed, "--workers", given.workers,
            "--request-timeout", 60, "--continue-on-failure", "--no-color",
        ]  # fmt: skip
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env=os.environ | {"SCHEMATHESIS_HOOKS": str(ROOT / ".ci" / "schemathesis_hooks.py")},
            capture_output=True,
            text=True,
            check=False,
        )
    print(done.stdout[-12000:])
    print(done.stderr[-2000:], file=sys.stderr)
    found = re.search(r"(\d+) generated", done.stdout)
    cases = int(found[1]) if found else 0
    print(f"{cases} cases in {time.monotonic() - began:.0f} s, exit code of schemathesis {done.returncode}")
    return int(done.returncode != 0 or cases < given.cases)


if __name__ == "__main__":
    sys.exit(main())
