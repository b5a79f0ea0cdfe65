"""How long /healthz and an offline explanation take beside 20 scans whose servers are silent, and when those scans end.

bench/beside.py [SCANS]
"""

import http.client
import json
import pathlib
import socket
import sys
import threading
import time

import waitress.server

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app import SERVER, create_app  # noqa: E402
from healthcheck.edge.world import World  # noqa: E402
from healthcheck.faces.site import warm  # noqa: E402

REPLY = {"text": "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown", "offline": True}


def ask(port: int, path: str, body: dict | None = None) -> tuple[int, float]:
    """Status and seconds of one request."""
    start = time.perf_counter()
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("POST" if body else "GET", path, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
    answer = link.getresponse()
    answer.read()
    link.close()
    return answer.status, time.perf_counter() - start


def main() -> int:
    scans = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        app = create_app(World.live((f"127.0.0.1:{deaf.getsockname()[1]}",)), {"RATELIMIT_ENABLED": False})
        warm()
        server = waitress.server.create_server(app, host="127.0.0.1", port=0, **SERVER)
        threading.Thread(target=server.run, daemon=True).start()
        port, ended = server.effective_port, []
        threads = [threading.Thread(target=lambda n=n: ended.append(ask(port, f"/api/v1/scan/silent{n}.example"))) for n in range(scans)]
        for thread in threads:
            thread.start()
        took: dict[str, list[float]] = {"/healthz": [], "/api/v1/explain": []}
        while any(thread.is_alive() for thread in threads):
            took["/healthz"].append(ask(port, "/healthz")[1])
            took["/api/v1/explain"].append(ask(port, "/api/v1/explain", REPLY)[1])
            time.sleep(0.02)
        for path, seconds in took.items():
            seconds.sort()
            print(
                f"{path:16} {len(seconds)} requests: median {seconds[len(seconds) // 2] * 1000:.1f} ms, slowest {seconds[-1] * 1000:.0f} ms (goal: at most 200)"
            )
        print(
            f"{scans} silent scans ended after {max(s for _, s in ended):.1f} s at the latest (goal: at most 16), all answered: {all(code == 200 for code, _ in ended)}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
