"""For pre-commit (https://pre-commit.com), which names the files that are to be committed: `healthcheck-zones [OPTION…] FILE…` is
`healthcheck scan --only-zone --zone FILE …`. Options are those of `scan`, each with its value behind `=`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def arguments(given: Sequence[str]) -> list[str]:
    """What `healthcheck` is called with. Pure.

    >>> arguments(["--fail-on=warn", "zones/shop.example.zone"])
    ['scan', '--only-zone', '--fail-on=warn', '--zone=zones/shop.example.zone']
    """
    options = [one for one in given if one.startswith("--")]
    return ["scan", "--only-zone", *options, *(f"--zone={one}" for one in given if not one.startswith("--"))]


def main() -> None:
    if not any(not one.startswith("--") for one in sys.argv[1:]):
        return  # nothing to look at
    sys.argv[1:] = arguments(sys.argv[1:])
    from .cli import run

    run()
