"""A configuration's text -> Config, or every fault in it with file, line and what was expected. Pure."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ..catalog import catalog
from ..errors import ConfigError, InputError
from ..model import Domain, Location, check_ip, given_helo, given_selectors
from .grammar import Line, Slip, parse
from .options import Option, of_table, options, tables
from .positions import Place, lines_of

NEVER_IGNORED = ("000", "999")  # codes that end so say that something could not be looked up, which nobody can know beforehand


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. expected: what could stand there instead; warning: the file can be used all the same."""

    location: Location
    text: str
    expected: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.location.file}:{self.location.line}: {'warning: ' if self.warning else ''}{self.text}. Expected: {self.expected}{'' if self.expected.endswith('?') else '.'}"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says of a domain, or of all of them. given: by the names of data/config.toml, as scan takes them."""

    location: Location
    given: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[tuple[Line, Location], ...] = ()


@dataclass(frozen=True, slots=True)
class Ignore:
    code: str
    reason: str
    expires: date
    location: Location
    domain: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration file, read. domains: in the order of the file."""

    file: str
    defaults: Settings
    domains: Mapping[str, Settings]
    ignores: tuple[Ignore, ...]
    warnings: tuple[Problem, ...] = ()

    def of(self, domain: str) -> Settings:
        """What holds for a domain: its own settings over the defaults, the assertions of both. Pure."""
        own = self.domains.get(domain)
        if own is None:
            return self.defaults
        lines = {line.text: (line, at) for line, at in (*self.defaults.lines, *own.lines)}
        return Settings(own.location, {**self.defaults.given, **own.given}, tuple(lines.values()))


def read(text: str, file: str, today: date, within: Place = ()) -> Config:
    """Read a configuration. within: the table that holds it, as ("tool", "healthcheck"). Raises ConfigError, which tells every fault. Pure."""
    reader = _Reader(text, file, today, within)
    config = reader.config()
    faults = [problem for problem in reader.problems if not problem.warning]
    if faults:
        raise ConfigError("\n".join(str(problem) for problem in sorted(faults, key=lambda p: p.location.line)))
    return config


_TYPES = {bool: "true or false", str: "a string", int: "a number", float: "a number", list: "a list", dict: "a table", datetime: "a time", date: "a day"}


def _is(value: Any) -> str:
    return "true" if value is True else "false" if value is False else _TYPES.get(type(value), "something else")


def _near(name: str, known: Any) -> str:
    found = difflib.get_close_matches(name.lower(), {str(one).lower(): one for one in known}, 1, 0.6)
    return next((str(one) for one in known if found and str(one).lower() == found[0]), "")


def _meant(name: str, known: Any) -> str:
    return f". Did you mean “{near}”?" if (near := _near(name, known)) else ""


class _Meant(Exception):
    """A word that there is not, and the one that was probably meant."""

    def __init__(self, problem: str, meant: str) -> None:
        super().__init__(problem)
        self.problem, self.meant = problem, meant


class _Reader:
    def __init__(self, text: str, file: str, today: date, within: Place) -> None:
        self.file, self.today, self.within = file, today, within
        self.problems: list[Problem] = []
        self._lines: Mapping[Place, int] = {}
        self._raw = self._toml(text)

    # -------------------------------------------------------------- places and faults

    def _at(self, *place: str | int) -> Location:
        """The place of a key, or of the nearest thing around it that has one."""
        whole = (*self.within, *place)
        while whole and whole not in self._lines:
            whole = whole[:-1]
        return Location(self.file, self._lines.get(whole, 1))

    def _fault(self, place: Place, text: str, expected: str, *, warning: bool = False) -> None:
        self.problems.append(Problem(self._at(*place), text, expected.removesuffix("."), warning))

    def _toml(self, text: str) -> dict[str, Any]:
        try:
            raw: Any = tomllib.loads(text.removeprefix("\ufeff"))
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(str(self._broken(str(error), text))) from None
        self._lines = lines_of(text.removeprefix("\ufeff"))
        for key in self.within:
            raw = raw.get(key, {})
        if not isinstance(raw, dict):
            self._fault((), f"{'.'.join(map(str, self.within))} is {_is(raw)}", "a table")
            return {}
        return raw

    def _broken(self, told: str, text: str) -> Problem:
        """What tomllib says, with its line. At the end of the text the line is the last one that holds something."""
        found = re.search(r"\(at line (\d+), column (\d+)\)", told)
        line = int(found[1]) if found else len(text.rstrip().splitlines()) or 1
        what = told[: found.start()].strip() if found else told.partition(" (at end")[0].strip()
        source = text.splitlines()[line - 1].strip() if line <= len(text.splitlines()) else ""
        expected = 'TOML, as in fail_on = "warn": a key, =, and a value; text in straight quotes'
        if re.search(r"[“”„‘’]", source):
            expected = "straight quotes, \" or ', where this line has curly ones"
        elif re.match(r"[\w.-]+\s*:", source):
            expected = "key = value; TOML has no “key: value”"
        elif "overwrite" in what or "declare" in what.lower():
            expected = "each key and each table once; several domains are several [[domain]]"
        return Problem(Location(self.file, line), f"this is no TOML: {what[:1].lower()}{what[1:]}", expected)

    # -------------------------------------------------------------- tables

    def config(self) -> Config:
        known = tables()
        for key, value in self._raw.items():
            if key not in known:
                self._stray(key, value)
        defaults = self._settings(("defaults",), self._table("defaults"), "defaults")
        domains: dict[str, Settings] = {}
        for number, table in self._tables("domain"):
            settings = self._settings(("domain", number), table, "domain")
            name = settings.given.get("name")
            if name in domains:
                self._fault(("domain", number, "name"), f"{name} stands there twice, first in line {domains[name].location.line}", "each domain once")
            elif name:
                domains[name] = Settings(settings.location, {k: v for k, v in settings.given.items() if k != "name"}, settings.lines)
        ignores = tuple(ignore for number, table in self._tables("ignore") if (ignore := self._ignore(number, table, domains)) is not None)
        config = Config(self.file, defaults, domains, ignores, tuple(p for p in self.problems if p.warning))
        self._reported(config)
        self._policy(self._table("policy"))
        return config

    def _policy(self, table: Mapping[str, Any]) -> None:
        """What `healthcheck bounces` reads; here it is only judged."""
        if not table:
            return
        from ..bounce.many.policy import Policy

        known = of_table("policy")
        for key, value in table.items():
            if key not in known:
                self._fault(("policy", key), f"“{key}” is no key of policy", f"one of {', '.join(known)}{_meant(key, known)}")
                continue
            try:
                Policy.from_mapping({key: value})
            except InputError as fault:
                self._fault(("policy", key), f"{key} is {str(value)[:60]}", fault.detail.partition(": ")[2].removeprefix("expected "))

    def _stray(self, key: str, value: Any) -> None:
        where = [f"[[{t}]]" if tables()[t].many else f"[{t}]" for t in options()[key].tables] if key in options() else []
        if where:
            self._fault((key,), f"“{key}” stands outside a table", f"it below {' or '.join(where)}")
            return
        shown = f"[{key}]" if isinstance(value, dict) else f"[[{key}]]" if isinstance(value, list) and value and isinstance(value[0], dict) else f"“{key}”"
        self._fault((key,), f"{shown} is not known here", f"[defaults], [[domain]], [[ignore]] or [policy]{_meant(key, [*tables(), 'domains', 'ignores'])}")

    def _table(self, name: str) -> dict[str, Any]:
        value = self._raw.get(name, {})
        if not isinstance(value, dict):
            self._fault((name,), f"{name} is {_is(value)}", f"[{name}], a table, once")
            return {}
        return value

    def _tables(self, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
        value = self._raw.get(name, [])
        if not isinstance(value, list):
            self._fault((name,), f"[{name}] is {_is(value)}", f"[[{name}]], in two brackets: there may be several")
            return
        for number, table in enumerate(value):
            if isinstance(table, dict):
                yield number, table
            else:
                self._fault((name, number), f"{name} holds {_is(table)}", f"[[{name}]] and its keys below it")

    def _keys(self, place: Place, table: Mapping[str, Any], kind: str) -> dict[str, Any]:
        """The values of a table that are right, and a fault for each that is not."""
        known = of_table(kind)
        out: dict[str, Any] = {}
        for key, value in table.items():
            if key not in known:
                self._fault((*place, key), f"“{key}” is no key of {kind}", f"one of {', '.join(known)}{_meant(key, known)}")
            elif (read := self._value((*place, key), known[key], value)) is not None:
                out[key] = read
        for key, option in known.items():
            if option.required and key not in table:
                self._fault(place, f"this {kind} has no “{key}”", f"{key} = {option.example}")
        return out

    def _settings(self, place: Place, table: Mapping[str, Any], kind: str) -> Settings:
        given = self._keys(place, table, kind)
        lines = given.pop("assert", ())
        return Settings(self._at(*place), given, tuple(lines))

    def _ignore(self, number: int, table: Mapping[str, Any], domains: Mapping[str, Settings]) -> Ignore | None:
        place: Place = ("ignore", number)
        given = self._keys(place, table, "ignore")
        if {"code", "reason", "expires"} - set(given):
            return None
        ignore = Ignore(location=self._at(*place), **given)
        if ignore.expires < self.today:
            text = f"this entry expired on {ignore.expires}: {ignore.code} is no longer ignored"
            self._fault((*place, "expires"), text, "a later day, or no such entry", warning=True)
        if ignore.domain and domains and ignore.domain not in domains:
            text = f"no domain of this file is {ignore.domain}"
            self._fault((*place, "domain"), text, f"one of {', '.join(list(domains)[:8])}{_meant(ignore.domain, domains)}", warning=True)
        return ignore

    def _reported(self, config: Config) -> None:
        """An assertion about a topic that the scan leaves out could never be anything but unknown."""
        for settings in map(config.of, config.domains or [""]):
            topics, starttls = settings.given.get("topics"), settings.given.get("starttls")
            for line, at in settings.lines:
                topic = line.topic.replace("_", "-")
                optional = topic == "recipient" or (topic == "starttls" and not starttls)
                if (topics is None and optional) or (topics is not None and topic not in topics):
                    expected = "starttls = true" if topic == "starttls" else f"“{topic}” in topics"
                    told = Problem(at, f"“{line.text}” is about the topic {topic}, which the scan leaves out", expected)
                    if told not in self.problems:
                        self.problems.append(told)

    # -------------------------------------------------------------- values

    def _value(self, place: Place, option: Option, value: Any) -> Any:
        """A value as the scan takes it, or None where it is wrong, which is told then."""
        if not option.listed:
            return self._one(place, option, value)
        if not isinstance(value, list):
            self._fault(place, f"{option.name} is {_is(value)}", option.expected)
            return None
        if option.most and len(value) > option.most:
            self._fault(place, f"{option.name} holds {len(value)}", f"at most {option.most}")
        read = [self._one((*place, n), option, one) for n, one in enumerate(value)]
        kept = [one for one in read if one is not None]
        return tuple(kept) if option.kind == "assertions" else tuple(dict.fromkeys(kept))

    def _one(self, place: Place, option: Option, value: Any) -> Any:
        kind = option.kind
        right = isinstance(value, bool) if kind == "flag" else isinstance(value, str) or (kind == "date" and isinstance(value, date))
        if not right:
            inside = " holds" if option.listed else " is"
            self._fault(place, f"{option.name}{inside} {_is(value)}", option.expected)
            return None
        if kind == "flag":
            return value
        if isinstance(value, str) and not value.strip():
            self._fault(place, f"{option.name} is empty", option.expected)
            return None
        try:
            return self._checked(place, option, value)
        except InputError as fault:
            self._fault(place, fault.detail.rstrip("."), option.expected)
        except _Meant as wrong:
            self._fault(place, wrong.problem, f"{option.expected}{wrong.meant}")
        except Slip as slip:
            self._fault(place, f"{slip.problem} (column {slip.at} of “{str(value)[:80]}”)", slip.expected)
        return None

    def _checked(self, place: Place, option: Option, value: Any) -> Any:
        match option.kind:
            case "domain":
                return Domain.parse(value).name
            case "host":
                return given_helo(value)
            case "ips":
                return check_ip(value)
            case "selectors":
                return given_selectors(value)[0]
            case "assertions":
                return parse(value), self._at(*place)
            case "date":
                return _day(value)
            case "code":
                return self._code(value)
        if option.words and value not in option.words:
            raise _Meant(f"“{value[:60]}” is not known for {option.name}", _meant(value, option.words))
        return value.strip()

    @staticmethod
    def _code(value: str) -> str:
        code = value.strip().upper()
        known = catalog().checks
        if code not in known:
            slug = next((row.code for row in known.values() if row.slug == value.strip().lower()), None)
            if slug is None:
                raise _Meant(f"there is no finding “{value[:40]}”", _meant(value, known))
            code = slug
        if code.endswith(NEVER_IGNORED):
            raise InputError(f'{code} says that something could not be looked up, which is not ignored; unknown = "pass" lets it pass')
        return code


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        raise InputError(f"{value.isoformat()} is a time")
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise InputError(f"“{value[:40]}” is no day of the calendar") from None
