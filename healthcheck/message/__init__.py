"""A message as it arrived, read from what was pasted: pure, text in, values out.

    parse      what was pasted: headers, a message, or a bounce, of which the mail that came back is taken
    fields     where a header begins, and its fields, also where copying broke their lines
    dates      the dates that servers write, also the odd ones
    received   each Received field -> Hop
    way        the hops in order: whose they are, delays, clocks, loops, the address that SPF was judged on
    results    what receivers wrote of SPF, DKIM, DMARC and ARC, and which of it can be believed
    content    what a message, and a sender of bulk mail, must have: findings
    relay      what the way and the results give to say: findings

The tables that they read by stand in data/message.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parents[1] / "data" / "message.toml"


@cache
def data() -> Mapping[str, Any]:
    """data/message.toml, read once."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
