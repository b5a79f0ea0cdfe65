"""How fast bounces are read and classified: one process, start-up left out.

    bench/explain.py [FOLDER of .eml files] [FILE of reply lines, one JSON object with "line" each]

Without arguments it measures over the sample mails of the tests and over the examples of the rules. Each figure is the best and the
middle one of several rounds over all inputs, since a machine is seldom idle: mails read and classified, reply lines read and classified,
and replies classified that were read before. The first round is printed by itself: in it the matcher compiles patterns and builds its states.

What was made of a kind of reply is kept by the product, so every round begins with that forgotten; "kept" is the same as a long log shows it, where
few kinds come again and again. "unseen" is each second reply, once, after the others.
"""

import json
import pathlib
import sys
import time
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from healthcheck.bounce.classify import classify  # noqa: E402
from healthcheck.bounce.read import read  # noqa: E402
from healthcheck.bounce.readings import forget  # noqa: E402
from healthcheck.catalog import catalog  # noqa: E402

ROUNDS = 15


def both(text: bytes) -> None:
    for bounce in read(text).bounces:
        classify(bounce)


def measure(name: str, one: Callable[[object], object], inputs: list, rounds: int = ROUNDS, keep: bool = False) -> None:
    speeds = []
    for _ in range(rounds + 1):
        if not keep:
            forget()
        start = time.perf_counter()
        for value in inputs:
            one(value)
        speeds.append(len(inputs) / (time.perf_counter() - start))
    first, *warm = speeds
    warm.sort()
    print(f"{name:30} {len(inputs):5} distinct  best {warm[-1]:8,.0f}/s  middle {warm[len(warm) // 2]:8,.0f}/s  first round {first:8,.0f}/s")


def main() -> int:
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "bounces"
    mails = [p.read_bytes() for p in sorted(folder.rglob("*.eml"))]
    if len(sys.argv) > 2:
        lines = [json.loads(row)["line"] for row in pathlib.Path(sys.argv[2]).read_text(encoding="utf-8").splitlines() if row.strip()]
    else:
        lines = [rule.example for rule in catalog().rules]
    both(b"550 5.1.1 user unknown")  # the catalog and the patterns are loaded here
    replies = [bounce for line in dict.fromkeys(lines) for bounce in read(line).bounces]
    half = max(1, len(replies) // 2)
    for bounce in replies[::2]:
        classify(bounce)
    start = time.perf_counter()
    for bounce in replies[1::2]:
        classify(bounce)
    unseen = half / (time.perf_counter() - start)
    measure("mails, read and classified", both, mails)
    measure("mails, read, classified, kept", both, mails, keep=True)
    measure("lines, read and classified", both, [line.encode() for line in lines])
    measure("replies, classified", classify, replies)
    measure("replies, classified, kept", classify, replies, keep=True)
    print(f"{'replies, classified, unseen':30} {half:5} distinct  once {unseen:8,.0f}/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
