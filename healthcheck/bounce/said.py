"""What a receiver wrote of the sender into its reply, beside the words that name the cause: domains, the address, what SPF, DKIM and DMARC came to.

The forms stand in data/reply_facts.toml. What is read is the receiver's word, and says nothing of whose address it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..model import check_ip

_FILE = Path(__file__).parents[1] / "data" / "reply_facts.toml"
METHODS = ("spf", "dkim", "dmarc")


@cache
def data() -> Mapping[str, Any]:
    """data/reply_facts.toml, read once."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@cache
def _forms() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["word"], re.compile(row["pattern"], re.IGNORECASE)) for row in data()["row"])


def said(text: str) -> dict[str, str]:
    """from_domain, mail_from, ip, and the results spf, dkim, dmarc in the words of RFC 8601, as far as a reply states them. Pure, linear.

    Of what stands there twice the first counts. Never raises. Cost: a microsecond where no form is met.

    >>> said("550 5.7.515 Access denied. Spf= Fail , Dkim= Pass , DMARC= Fail")
    {'spf': 'fail', 'dkim': 'pass', 'dmarc': 'fail'}
    """
    low = text[:4000].lower()
    out: dict[str, str] = {}
    for word, pattern in _forms():
        if word in low and (found := pattern.search(low)) is not None:
            for name, value in found.groupdict().items():
                if value and (name != "ip" or _is_ip(value)):
                    out.setdefault(name, data()["results"].get(value, value) if name in METHODS else value.replace("%40", "@"))
    return out


def _is_ip(text: str) -> bool:
    try:
        return bool(check_ip(text))
    except InputError:
        return False
