"""A made-up export, so that somebody can see a report before they hand in their own. The same octets every time; data/demo/export.toml tells the story."""

from __future__ import annotations

import csv
import io
import random
import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from ..catalog import DATA

SPREAD = 3 * 3600  # seconds over which a campaign goes out
RETRY = 900  # seconds until a message that was put off is taken
REACT = 7200  # seconds until somebody complains or leaves


@cache
def story() -> dict[str, Any]:
    return tomllib.loads((DATA / "demo" / "export.toml").read_text(encoding="utf-8"))


def name() -> str:
    return str(story()["name"])


@cache
def export() -> bytes:
    """The export as CSV; about 4,500 rows, 600 kB. Not random: drawn with a fixed seed."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(story()["columns"])
    for at, row in sorted(_rows(), key=lambda pair: (pair[0], pair[1])):
        write.writerow([row[0], row[1], at.strftime("%Y-%m-%dT%H:%M:%SZ"), *row[2:]])
    return out.getvalue().encode()


def _rows() -> Iterator[tuple[datetime, tuple[str, ...]]]:
    """(when, (address, event, reply, campaign, sender, message id)) of everything that happened."""
    draw, told, number = random.Random(8), story(), 0  # noqa: S311  (a story, not a secret)
    gone: set[str] = set()
    for campaign in told["campaign"]:
        for domain, size in told["domains"].items():
            for n in range(size):
                address = f"reader{n + 1:03}@{domain}"
                if address in gone:
                    continue
                number += 1
                at = campaign["at"] + timedelta(seconds=draw.randrange(SPREAD))
                met = next((f for f in told["failure"] if _meets(f, campaign["id"], domain, n, draw)), None)
                rest = (campaign["id"], told["sender"], f"m{number}@shop.example")
                if met is None or met.get("after"):
                    yield at, (address, "delivered", told["delivered"], *rest)
                if met is None:
                    continue
                later = at + timedelta(seconds=REACT if met.get("after") else 0)
                yield later, (address, met["event"], met["reply"].replace("{to}", address), *rest)
                if met.get("then"):
                    yield at + timedelta(seconds=RETRY), (address, "delivered", told["delivered"], *rest)
                if met.get("once") or met.get("after"):
                    gone.add(address)


def _meets(failure: dict[str, Any], campaign: str, domain: str, n: int, draw: random.Random) -> bool:
    if campaign not in failure.get("campaigns", (campaign,)) or domain not in failure["domains"]:
        return False
    return n < int(failure["number"]) if "number" in failure else draw.random() * 100 < float(failure["percent"])
