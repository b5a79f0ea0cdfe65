"""Fail when a measured figure falls below the floor that was reached before: floors.py BOUNCES.txt REPLIES.txt"""

import pathlib
import sys

# Least shares, and most counts ("unsafe" has to stay 0). Raise a floor when a change earns it; never lower one.
FLOORS = {
    "bounces": {
        "answered": 1.0, "failures": 0.99, "recipient": 0.98, "status": 0.99, "code": 0.99, "cause": 0.95, "party": 0.97,
        "certain": 0.985, "likely": 0.9, "sayscert": 0.5,
    },
    "replies": {"cause": 0.97, "side": 0.98, "party": 0.98, "certain": 0.99, "likely": 0.9, "sayscert": 0.5},
}  # fmt: skip
MOST = {"bounces": {"unsafe": 0, "missed": 0.03}, "replies": {"unsafe": 0, "missed": 0.03, "swapped": 3}}


def figures(path: str) -> dict[str, float]:
    out = {}
    for line in pathlib.Path(path).read_text().splitlines():
        words = line.split()
        if len(words) in (2, 3) and words[0] != "speed":
            out[words[0]] = float(words[-1])
    return out


def main() -> int:
    bad = []
    for name, path in zip(("bounces", "replies"), sys.argv[1:], strict=True):
        got = figures(path)
        bad += [f"{name}: {key} is {got.get(key)}, has to be at least {least}" for key, least in FLOORS[name].items() if got.get(key, -1) < least]
        bad += [f"{name}: {key} is {got.get(key)}, has to be at most {most}" for key, most in MOST[name].items() if got.get(key, 99) > most]
    print("\n".join(bad) or "every figure is at or above its floor")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
