"""How fast bounces are read and classified, one process, start-up left out.

    bench/explain.py [FOLDER of .eml files] [FILE of reply lines, one JSON object with "line" each]

Without arguments it measures over the sample mails of the tests and over the examples of the rules.
"""

import json
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from healthcheck.bounce.classify import classify  # noqa: E402
from healthcheck.bounce.read import read  # noqa: E402
from healthcheck.catalog import catalog  # noqa: E402


def rate(inputs: list[bytes], least: float = 2.0) -> tuple[float, int]:
    """Inputs a second over at least `least` seconds, and how many were done."""
    for text in inputs[:20]:
        [classify(b) for b in read(text).bounces]
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < least:
        for text in inputs:
            for bounce in read(text).bounces:
                classify(bounce)
        done += len(inputs)
    return done / (time.perf_counter() - start), done


def main() -> int:
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "bounces"
    mails = [p.read_bytes() for p in sorted(folder.rglob("*.eml"))]
    if len(sys.argv) > 2:
        lines = [json.loads(row)["line"].encode() for row in pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines() if row.strip()]
    else:
        lines = [rule.example.encode() for rule in catalog().rules]
    for name, inputs in (("mails", mails), ("reply lines", lines)):
        if inputs:
            speed, done = rate(inputs)
            print(f"{name:12} {len(inputs)} distinct, {done} done: {speed:,.0f}/s read and classified")
    return 0


if __name__ == "__main__":
    sys.exit(main())
