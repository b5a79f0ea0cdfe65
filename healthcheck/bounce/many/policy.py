"""The rules by which an address is given up: numbers with their allowed ranges, out of data/policy.toml, and what a user set in their place.

Two rules are no settings. An event of a sender-side cause never closes an address, and a complaint always does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Self

from ...catalog import DATA, catalog
from ...catalog import _toml as toml_of
from ...errors import CatalogError, InputError
from ...model import Party

_MERGED = {"outage_breaker": {"factor": "outage_factor", "min": "outage_min", "hold_hours": "outage_hold_hours"}}
_FIXED = ("count_greylist", "count_deferred_events")  # may be written down, with the one value that they have


@cache
def words() -> Mapping[str, Any]:
    """data/policy.toml: [default] with range, source and reason of each number, [outage], and [why] with the words of each decision. Read once."""
    return toml_of(DATA / "policy.toml")


def outage_rules() -> Mapping[str, Any]:
    """[outage]: which causes the breaker looks at, and over how many days."""
    rules: Mapping[str, Any] = words()["outage"]
    return rules


def _default(name: str) -> Any:
    rows = words()["default"]
    for group, names in _MERGED.items():
        for key, field in names.items():
            if field == name:
                return rows[group][key]["value"]
    value = rows[name]["value"]
    return dict(value) if isinstance(value, dict) else tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When an address is given up. Every field has its default, range, source and reason in data/policy.toml.

    suppress_now    causes that close an address at once; all of them the recipient's
    never_suppress  causes that are never counted, beside all of the sender's side
    hold            party or cause -> after how many failed messages the address waits
    undetermined_as "transient" (counted like any passing failure) or "ignore"
    retry_window_hours, greylist_retry_minutes   what the advice names; nothing is computed from them
    """

    soft_limit: int
    soft_limit_mailbox_full: int
    soft_min_span_days: int
    full_min_span_days: int
    soft_window_days: int
    soft_consecutive: bool
    retry_window_hours: int
    greylist_retry_minutes: tuple[int, ...]
    min_sample: int
    undetermined_as: str
    suppress_now: tuple[str, ...]
    never_suppress: tuple[str, ...]
    hold: Mapping[str, int]
    outage_factor: int
    outage_min: int
    outage_hold_hours: int

    def __init__(self, **given: Any) -> None:
        known = {f.name for f in fields(self)}
        if odd := sorted(set(given) - known):
            raise TypeError(f"no such setting: {', '.join(odd)}")
        for name in sorted(known):
            object.__setattr__(self, name, given[name] if name in given else _default(name))

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any]) -> Self:
        """A policy out of a table such as [policy] of .healthcheck.toml. What it leaves out has its default. Pure.

        table   keys as in [default] of data/policy.toml; numbers within their range.

        Raises InputError for the first key that is unknown, of a wrong kind or out of its range, naming the key, what was expected and what is
        allowed; and for a cause of the sender's side in suppress_now, whatever anybody thinks of it.

        >>> Policy.from_mapping({"soft_limit": 7}).soft_limit
        7
        """
        rows = words()["default"]
        given: dict[str, Any] = {}
        for key, value in table.items():
            if key in _MERGED:
                if not isinstance(value, Mapping):
                    raise InputError(f"policy.{key}: expected a table with {_listed(_MERGED[key])}, got {_shown(value)}.")
                for name, one in value.items():
                    if name not in _MERGED[key]:
                        raise InputError(f"policy.{key}.{name}: there is no such setting. Known: {_listed(_MERGED[key])}.")
                    given[_MERGED[key][name]] = _checked(f"{key}.{name}", one, rows[key][name])
            elif key not in rows:
                raise InputError(f"policy.{key}: there is no such setting. Known: {_listed(rows)}.")
            else:
                checked = _checked(key, value, rows[key])
                if key not in _FIXED:
                    given[key] = checked
        return cls(**given)


def _listed(names: Any) -> str:
    return ", ".join(sorted(map(str, names)))


def _shown(value: Any) -> str:
    return repr(value)[:60]


def _checked(key: str, value: Any, row: Mapping[str, Any]) -> Any:
    """A value of the kind of the default, within its range. Raises InputError."""
    default = row["value"]
    if "choices" in row:
        if not any(value is choice or (isinstance(value, str) and value == choice) for choice in row["choices"]):
            raise InputError(f"policy.{key}: expected {' or '.join(_toml(c) for c in row['choices'])}, got {_shown(value)}. {row['text']}")
        return value
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise InputError(f"policy.{key}: expected true or false, got {_shown(value)}.")
        return value
    if isinstance(default, int):
        return _number(key, value, row)
    if isinstance(default, dict):
        return _hold(key, value, row)
    if not isinstance(value, list | tuple):
        raise InputError(f"policy.{key}: expected a list, got {_shown(value)}.")
    return _minutes(key, value, row) if isinstance(default[0], int) else _causes(key, value, row)


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"“{value}”"


def _number(key: str, value: Any, row: Mapping[str, Any]) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"policy.{key}: expected a whole number of {row['unit']}, {row['least']} to {row['most']}, got {_shown(value)}.")
    if not row["least"] <= value <= row["most"]:
        raise InputError(f"policy.{key}: expected {row['least']} to {row['most']} {row['unit']}, got {value}.")
    return value


def _minutes(key: str, value: Any, row: Mapping[str, Any]) -> tuple[int, ...]:
    if len(value) != 2 or sorted(_number(key, one, row) for one in value) != list(value):
        raise InputError(f"policy.{key}: expected two numbers of {row['unit']}, the smaller first, got {_shown(value)}.")
    return tuple(value)


def _causes(key: str, value: Any, row: Mapping[str, Any]) -> tuple[str, ...]:
    causes = catalog().causes
    for one in value:
        if key == "never_suppress" and one in set(Party):
            continue  # "sender-authentication" and its like are never counted: they may be written down
        if one not in causes:
            raise InputError(f"policy.{key}: there is no cause “{_shown(one)}”.")
        if key == "suppress_now" and one != "complaint" and one not in row["value"]:
            raise InputError(f"policy.{key}: “{one}” ({causes[one].party}) can never close an address at once. Expected some of {_listed(row['value'])}.")
    # what is left out of never_suppress would be counted against an address for something that is no fault of its own
    kept = dict.fromkeys((*row["value"], *value)) if key == "never_suppress" else dict.fromkeys(one for one in value if one != "complaint")
    return tuple(kept)


def _hold(key: str, value: Any, row: Mapping[str, Any]) -> dict[str, int]:
    if not isinstance(value, Mapping):
        raise InputError(f"policy.{key}: expected a table of causes with numbers, got {_shown(value)}.")
    causes = catalog().causes
    for name in value:
        if name != Party.RECIPIENT_POLICY and (name not in causes or causes[name].party is not Party.RECIPIENT_POLICY):
            raise InputError(f"policy.{key}.{name}: expected “{Party.RECIPIENT_POLICY}” or one of its causes.")
    return {name: _number(f"{key}.{name}", number, row) for name, number in value.items()}


def check() -> None:
    """Every row has what `from_mapping` needs. Raises CatalogError; for the tests."""
    named = {f.name for f in fields(Policy)} | set(_FIXED)
    rows = words()["default"]
    for key in named - set(_MERGED["outage_breaker"].values()):
        if not {"value", "text", "source", "seen"} <= set(rows.get(key, ())):
            raise CatalogError(f"policy.toml: default.{key}: value, text, source and seen have to stand there.")
