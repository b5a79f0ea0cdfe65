"""Whose record an include is: the services of data/esps.toml. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from ...catalog import Esp, catalog


@cache
def _named() -> tuple[Mapping[str, Esp], tuple[tuple[str, Esp], ...]]:
    exact: dict[str, Esp] = {}
    below: list[tuple[str, Esp]] = []
    for esp in catalog().esps.values():
        for name in esp.spf:
            if name.startswith("."):
                below.append((name.lower(), esp))
            else:
                held = exact.setdefault(name.lower(), esp)
                # a service that has mailboxes at that name is asked before one that only sends through it
                if esp.mx and not held.mx:
                    exact[name.lower()] = esp
    return exact, tuple(sorted(below, key=lambda pair: -len(pair[0])))


@lru_cache(maxsize=1024)  # a few services stand in most records
def service(name: str) -> Esp | None:
    """The service that an included name belongs to, or None. A name with macros is told by what follows the last of them.

    >>> service("_spf.google.com").name
    'Google Workspace'
    >>> service("%{ir}.%{v}.%{d}.spf.has.pphosted.com").id
    'proofpoint'
    """
    exact, below = _named()
    plain = name.lower().rpartition("}")[2].rstrip(".")
    if found := exact.get(plain):
        return found
    dotted = "." + plain.lstrip(".")
    return next((esp for suffix, esp in below if dotted.endswith(suffix)), None)


def vendor_of(name: str) -> str:
    """The service's name for people, "" where it is none that is known."""
    found = service(name)
    return found.name if found else ""
