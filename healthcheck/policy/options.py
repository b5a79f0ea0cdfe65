"""What the configuration may say: data/config.toml as rows, and the JSON Schema that is made from them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..catalog import DATA
from ..catalog import _row as row_of
from ..catalog import _toml as toml_of
from ..model import PROFILES

_LISTS = ("ips", "selectors", "topics", "assertions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One key. The fields are told at the head of data/config.toml."""

    name: str
    kind: str
    tables: tuple[str, ...]
    meaning: str
    expects: str
    example: str
    required: bool = False
    words: tuple[str, ...] = ()
    most: int = 0

    @property
    def listed(self) -> bool:
        return self.kind in _LISTS

    @property
    def expected(self) -> str:
        return self.expects.replace("{words}", ", ".join(f'"{word}"' for word in self.words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    name: str
    meaning: str
    many: bool


@cache
def tables() -> Mapping[str, Table]:
    return {name: row_of(Table, "config.toml", name, {"name": name, **row}) for name, row in toml_of(DATA / "config.toml")["table"].items()}


@cache
def options() -> Mapping[str, Option]:
    """Every key by its name; each stands for the same wherever it may stand."""
    from ..checks import SHOWN

    words = {"profile": PROFILES, "topics": SHOWN}
    out = {}
    for name, row in toml_of(DATA / "config.toml")["option"].items():
        rest = {key: value for key, value in row.items() if key != "in"}
        given = {"name": name, "tables": row["in"], **rest}
        if row["kind"] in words:
            given["words"] = words[row["kind"]]
        out[name] = row_of(Option, "config.toml", name, given)
    return out


def of_table(table: str) -> Mapping[str, Option]:
    """The keys of a table."""
    if table == "policy":
        return {name: option for name, (option, _) in _settings().items()}
    return {name: option for name, option in options().items() if table in option.tables}


@cache
def _settings() -> Mapping[str, tuple[Option, dict[str, Any]]]:
    """The keys of [policy], which data/policy.toml lists, each with its JSON Schema."""
    from ..bounce.many.policy import words

    out = {}
    for name, row in words()["default"].items():
        single = "value" in row
        value = row["value"] if single else {key: part["value"] for key, part in row.items()}
        meaning = row["text"] if single else " ".join(part["text"] for part in row.values()).replace("… …", "…")
        shape = _shape(value, row) if single else {"type": "object", "properties": {k: _shape(part["value"], part) for k, part in row.items()}}
        option = Option(name=name, kind="setting", tables=("policy",), meaning=meaning, expects="", example=_toml_value(value))
        out[name] = (option, shape | ({} if single else {"additionalProperties": False}))
    return out


def _shape(value: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    number = {"type": "integer", "minimum": row.get("least"), "maximum": row.get("most")}
    if "choices" in row:
        return {"enum": row["choices"]}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return number
    if isinstance(value, dict):
        return {"type": "object", "additionalProperties": number}
    return {"type": "array", "items": number if isinstance(value[0], int) else {"type": "string"}}


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def schema() -> dict[str, Any]:
    """The JSON Schema of .healthcheck.toml, for editors. Standard: JSON Schema 2020-12.

    It holds what can be said of the form: that a path or a code is known, that no domain stands there twice and that a line of
    `assert` is one, only `healthcheck config check` tells.
    """
    out: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": ".healthcheck.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {},
    }
    for name, table in tables().items():
        keys = of_table(name)
        shape = {
            "type": "object",
            "additionalProperties": False,
            "properties": {key: _schema(option) for key, option in keys.items()},
            "required": [key for key, option in keys.items() if option.required],
        }
        told = {"description": table.meaning}
        out["properties"][name] = {**told, "type": "array", "items": shape} if table.many else {**told, **shape}
    return out


def _schema(option: Option) -> dict[str, Any]:
    told = {"description": option.meaning}
    if option.kind == "setting":
        return told | _settings()[option.name][1]
    text: dict[str, Any] = {"type": "string", "minLength": 1}
    if option.words:
        text = {"type": "string", "enum": list(option.words)}
    if option.listed:
        return {**told, "type": "array", "items": text, "uniqueItems": True} | ({"maxItems": option.most} if option.most else {})
    if option.kind == "flag":
        return {**told, "type": "boolean"}
    if option.kind == "date":
        # a bare date of TOML is a string to those who read TOML as JSON
        return {**told, "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
    return {**told, **text}
