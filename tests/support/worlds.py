"""Worlds as text: zone files in a test's own folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from healthcheck.edge.world import World

SOA = "@ IN SOA ns1.{0} hostmaster.{0} 1 7200 3600 1209600 300\n@ IN NS ns1.{0}\n"


def zone_file(folder: Path, origin: str, records: str = "") -> Path:
    """An authoritative file: `origin` without the trailing dot, `records` relative to it; SOA and NS are written for you."""
    path = folder / f"{origin}.zone"
    path.write_text(f"$ORIGIN {origin}.\n$TTL 300\n" + SOA.format(f"{origin}.") + dedent(records).strip("\n") + "\n", encoding="utf-8")
    return path


def patch_file(folder: Path, records: str, name: str = "patch") -> Path:
    """A file without SOA, whose record sets are merged: names absolute."""
    path = folder / f"{name}.records"
    path.write_text(dedent(records).strip("\n") + "\n", encoding="utf-8")
    return path


def world_of(folder: Path, zones: Mapping[str, str], *, patch: str = "", only: bool = True, beneath: World | None = None) -> World:
    """A World of zone files: {"example.com": "@ TXT \\"v=spf1 -all\\""}; what they do not hold is NOT_ASKED unless `only` is False."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [zone_file(folder, origin, records) for origin, records in zones.items()]
    if patch:
        paths.append(patch_file(folder, patch))
    return World.zones(paths, only=only, beneath=beneath)
