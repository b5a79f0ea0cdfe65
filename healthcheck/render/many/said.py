"""The words of a report about many bounces: out of data/many_words.toml, and what else is called by a key. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ...catalog import DATA, catalog
from ...catalog import _toml as toml_of


@cache
def words() -> Mapping[str, Any]:
    """data/many_words.toml: what a report about many bounces says. Read once."""
    return toml_of(DATA / "many_words.toml")


def say(table: str, key: str, part: str = "title") -> str:
    """The words for a key; the key itself, made readable, where there are none."""
    row = words().get(table, {}).get(key, key.replace("-", " "))
    return str(row.get(part, "")) if isinstance(row, Mapping) else str(row)


def title_of(cause: str | None) -> str:
    row = catalog().causes.get(cause or "")
    return row.title if row else (cause or say("report", "no-cause"))


def provider_name(id_: str) -> str:
    row = catalog().providers.get(id_)
    return row.name if row else id_ or say("report", "unnamed")


def side_of(cause: str) -> str:
    """Who has to act: sender, recipient, network, unknown, none."""
    row = catalog().causes.get(cause)
    return row.party.side if row else "unknown"


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
