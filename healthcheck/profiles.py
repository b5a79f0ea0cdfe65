"""What a domain is for, and what that makes of its findings. The topics judge as for a domain that sends and know no profile;
what one asks stands in data/profiles.toml, what large receivers ask in data/requirements.toml, and both are applied here.

    weigh(profile, findings) -> findings      where a topic's findings become those of the report
    asked(report) -> Asked, …                 each requirement of the profile, and which findings break it
    matrix(report) -> Cell, …                 what each receiver asks of small and of bulk senders, whichever of the two it is
    profiles(), receivers(), requirements()   the rows

Pure but for reading the package's own files, once a process. Raises CatalogError for a bad row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from .catalog import DATA, CheckRow, catalog
from .catalog import _once as once
from .catalog import _row as row_of
from .catalog import _toml as toml_of
from .errors import CatalogError, InputError
from .model import VERDICT_ORDER, Finding, Report, Status
from .model.profile import PROFILES, Asked, Cell, Profile, Receiver, Requirement, WeighRule

_NEVER = ("000", "999")  # codes that end so say that something could not be looked up: no profile has a say in that
_ACTS = ("status", "at_most", "instead", "drop", "keep")


# ------------------------------------------------------------------ weighing


def check_profile(name: str) -> str:
    """The name of a profile. Raises InputError for one that there is not."""
    if name not in PROFILES:
        raise InputError(f"There is no profile “{name[:60]}”. Known: {', '.join(PROFILES)}.")
    return name


def weigh(profile: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of one topic as the profile weighs them, in the same order. Pure.

    profile   one of PROFILES. "sending" changes nothing.
    findings  those of one topic, together: some rules look at what else is there.

    A finding may change its status, or be told by another code that fits the profile, with the same evidence, or be left out where
    another one says the same. What could not be looked up is never changed: it neither passes nor fails under any profile.
    Standard: the reason of each rule stands beside it in data/profiles.toml.

    >>> missing = Finding("MX001", Status.NOTE, "example.com")
    >>> [f.status.value for f in weigh("receiving", [missing])]
    ['fail']
    """
    rules = profiles()[profile].rules
    kept = tuple(findings)
    if not rules:
        return kept
    there = {f.code for f in kept}
    out: dict[tuple[Any, ...], Finding] = {}
    for n, finding in enumerate(kept):
        rule = next((r for r in rules if _fits(r, finding, there)), None)
        told = finding if rule is None else _weighed(rule, finding)
        if told is None:
            continue
        # several findings that are told by one code about one subject are one
        key = (told.code, told.subject) if told.code != finding.code else (n,)
        out.setdefault(key, told)
    return tuple(out.values())


def _fits(rule: WeighRule, finding: Finding, there: set[str]) -> bool:
    if rule.beside and (not there.intersection(rule.beside) or finding.code in rule.beside):
        return False
    if finding.code in rule.codes:
        return True
    if finding.status is Status.UNKNOWN or finding.code.endswith(_NEVER):
        return False
    return catalog().checks[finding.code].topic in rule.topics


def _weighed(rule: WeighRule, finding: Finding) -> Finding | None:
    if rule.drop:
        return None
    if rule.instead:
        row = catalog().checks[rule.instead]
        return replace(finding, code=row.code, status=row.severity, record=None, choices=())
    if rule.status:
        return replace(finding, status=rule.status)
    if rule.at_most and VERDICT_ORDER.index(finding.status) < VERDICT_ORDER.index(rule.at_most):
        return replace(finding, status=rule.at_most)
    return finding


def weighed(code: str) -> tuple[tuple[Profile, WeighRule, Status | None], ...]:
    """What each profile makes of a code by name: the profile, its rule, and the status that it leads to where that is told. Pure."""
    out = []
    for profile in profiles().values():
        for rule in profile.rules:
            if code in rule.codes:
                told = rule.status or rule.at_most or (catalog().checks[rule.instead].severity if rule.instead else None)
                out.append((profile, rule, told))
    return tuple(out)


# ------------------------------------------------------------------ requirements


def asked(report: Report) -> tuple[Asked, ...]:
    """What receivers ask of a domain with the report's profile, each with whether the report shows it broken. Pure.

    broken      by the findings in `by`, which fail
    met         nothing in the DNS stands against it, and all of it could be looked at
    unknown     something could not be looked at, or its topic was not scanned
    not-in-dns  only the message, or the receiver, shows it
    """
    kinds, shown = profiles()[report.profile].requirements, _Shown(report)
    return tuple(_asked(row, shown) for row in requirements().values() if row.applies in kinds)


def matrix(report: Report) -> tuple[Cell, ...]:
    """What every receiver asks of small and of bulk senders, kind by kind, and what the report shows of it. Pure.

    Both are told whichever of the two the report was made for: what bulk senders are asked is judged by the findings as a bulk sender's.
    Nothing for a profile that is asked nothing, as the findings about such a domain say nothing of its mail. Order: kinds, then receivers,
    one field for each of both.
    """
    if not profiles()[report.profile].requirements:
        return ()
    as_it_is, as_bulk = _Shown(report), _Shown(replace(report, findings=tuple(_weighed_as("bulk", report.findings))))
    cells: dict[tuple[str, str], Cell] = {}
    for row in requirements().values():
        shown = as_bulk if row.applies == "bulk" else as_it_is
        for n, kind in enumerate(row.kinds):
            state, by = _cell(row, shown, None if row.together or not row.in_dns else n)
            cells[kind, row.receiver] = Cell(kind, row.receiver, state if row.applies == "all" else "not-asked", state, tuple(sorted(by)), row)
    return tuple(cells.get((kind, receiver)) or Cell(kind, receiver, "not-asked", "not-asked") for kind in toml_words()["kind"] for receiver in receivers())


def _weighed_as(profile: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    by_topic: dict[str, list[Finding]] = {}
    for finding in findings:
        by_topic.setdefault(catalog().checks[finding.code].topic, []).append(finding)
    return (weighed for those in by_topic.values() for weighed in weigh(profile, those))


class _Shown:
    """What a report shows, for many rows that name the same few sets of codes."""

    def __init__(self, report: Report) -> None:
        self.findings, self.topics = report.findings, frozenset(report.topics)
        self.codes = frozenset(f.code for f in report.findings)
        self.gaps = [f for f in report.findings if f.code == "DOM001" or f.status is Status.UNKNOWN or f.code.endswith(_NEVER)]
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, tuple[str, ...]]] = {}

    def mechanism(self, row: Requirement, n: int) -> tuple[str, tuple[str, ...]]:
        """Whether one mechanism works, by the codes that show that it does not: broken (by which), unknown or met.

        A domain that is not there meets nothing, and a fault that is a warning here (a key that may be left over) leaves it open.
        """
        key = row.breaks[n], row.open[n]
        if (known := self._known.get(key)) is None:
            known = self._known[key] = self._work_out(*key)
        return known

    def _work_out(self, group: tuple[str, ...], left_open: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        topics = _topics(group)
        there = [f for f in self.findings if f.code in group and f.status in (Status.FAIL, Status.WARN)] if not self.codes.isdisjoint(group) else []
        if broken := _codes(f for f in there if f.status is Status.FAIL or f.code in _proof()):
            return "broken", broken
        unsure = not self.codes.isdisjoint(left_open) or any(_leaves_open(f, topics) for f in self.gaps)
        return "unknown" if there or unsure or not topics <= self.topics else "met", ()


def _cell(row: Requirement, shown: _Shown, n: int | None) -> tuple[str, tuple[str, ...]]:
    """The state of one set of a requirement (all of it for None), and the codes that decide it, in no order."""
    asked = _asked(row, shown)
    state, by = (asked.state, asked.by) if n is None else shown.mechanism(row, n)
    if state == "broken" or not row.in_dns:
        return state, by
    sets = range(len(row.breaks)) if n is None else (n,)
    if state == "unknown":
        topics = _topics(tuple(code for i in sets for code in row.breaks[i]))
        codes = {code for i in sets for code in (*row.breaks[i], *row.open[i])}
        return state, _codes(f for f in shown.findings if f.code in codes or (f in shown.gaps and _leaves_open(f, topics)))
    return state, tuple({code for i in sets for code in row.met[i] if code in shown.codes})


@cache  # of the sets of codes in the rows
def _topics(codes: tuple[str, ...]) -> frozenset[str]:
    checks = catalog().checks
    return frozenset(checks[code].topic for code in codes)


def _codes(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f.code for f in findings))


def _asked(row: Requirement, shown: _Shown) -> Asked:
    if not row.in_dns:
        return Asked(row, "not-in-dns")
    found = [shown.mechanism(row, n) for n in range(len(row.breaks))]
    states = [state for state, _ in found]
    # each of them is asked for; or one of them is enough
    order = ("met", "unknown", "broken") if row.together else ("broken", "unknown", "met")
    state = next(state for state in order if state in states)
    return Asked(row, state, tuple(code for _, codes in found for code in codes) if state == "broken" else ())


def _leaves_open(gap: Finding, topics: frozenset[str]) -> bool:
    """Does a finding that something could not be looked up, or that the domain is not there, concern these topics?"""
    return gap.code == "DOM001" or catalog().checks[gap.code].topic in topics


def broken_by(those: Iterable[Asked], finding: Finding) -> tuple[Requirement, ...]:
    """The requirements that a finding breaks. Pure."""
    return tuple(a.requirement for a in those if finding.code in a.by and finding.status in (Status.FAIL, Status.WARN))


# ------------------------------------------------------------------ rows


@cache
def profiles() -> Mapping[str, Profile]:
    """The profiles by name, in the order of PROFILES."""
    return read_profiles(DATA / "profiles.toml", catalog().checks)


@cache
def receivers() -> Mapping[str, Receiver]:
    return _read_receivers(toml_of(DATA / "requirements.toml"))


@cache
def requirements() -> Mapping[str, Requirement]:
    """The requirements by id, in the order of the file."""
    return read_requirements(DATA / "requirements.toml", catalog().checks)


@cache
def _proof() -> frozenset[str]:
    """Codes that break a requirement as a warning too: what they say is proven."""
    return frozenset(toml_of(DATA / "requirements.toml")["proof"]["codes"])


def words(table: str, key: str) -> str:
    """The words for a state ("state", in a field of the matrix "short"), a row of it ("kind"), whom a requirement concerns ("applies"); above them "title"."""
    return str(toml_words()[table][key])


@cache
def toml_words() -> Mapping[str, Mapping[str, str]]:
    raw = toml_of(DATA / "requirements.toml")
    return {table: raw[table] for table in ("title", "state", "short", "kind", "applies")}


def read_profiles(path: Path, checks: Mapping[str, CheckRow]) -> dict[str, Profile]:
    """The profiles of a file. Raises CatalogError for the first bad row."""
    raw = toml_of(path)
    if set(raw) != set(PROFILES):
        raise CatalogError(f"{path.name}: the profiles are {', '.join(PROFILES)}; the file has {', '.join(raw)}.")
    out = {}
    for name in PROFILES:
        given = dict(raw[name])
        rules = tuple(_rule(path.name, f"{name}, rule {n}", r, checks) for n, r in enumerate(given.pop("rule", ()), 1))
        out[name] = replace(row_of(Profile, path.name, name, {"id": name, **given}), rules=rules)
    return out


def _rule(file: str, key: str, raw: Mapping[str, Any], checks: Mapping[str, CheckRow]) -> WeighRule:
    given = dict(raw)
    for name in ("status", "at_most"):
        if name in given:
            given[name] = _status(file, key, given[name])
    rule: WeighRule = row_of(WeighRule, file, key, given)
    if sum(bool(getattr(rule, act)) for act in _ACTS) != 1:
        raise CatalogError(f"{file}: {key}: does exactly one of {', '.join(_ACTS)}.")
    if bool(rule.codes) == bool(rule.topics):
        raise CatalogError(f"{file}: {key}: names either codes or topics.")
    for code in (*rule.codes, *rule.beside, *filter(None, [rule.instead])):
        if code not in checks:
            raise CatalogError(f"{file}: {key}: “{code}” has no row in checks*.toml.")
    for code in rule.codes:
        if code.endswith(_NEVER):
            raise CatalogError(f"{file}: {key}: {code} says that something could not be looked up; no profile changes that.")
        told = rule.status or rule.at_most or (checks[rule.instead].severity if rule.instead else None)
        if checks[code].severity is Status.UNKNOWN and told is not Status.NOTE:
            raise CatalogError(f"{file}: {key}: {code} is unknown; a profile may call it a note, and nothing else.")
    return rule


def _status(file: str, key: str, text: str) -> Status:
    try:
        return Status(text)
    except ValueError:
        raise CatalogError(f"{file}: {key}: “{text}” is none of {', '.join(Status)}.") from None


def _read_receivers(raw: Mapping[str, Any]) -> dict[str, Receiver]:
    return {id_: row_of(Receiver, "requirements.toml", id_, {"id": id_, **row}) for id_, row in raw["receiver"].items()}


def read_requirements(path: Path, checks: Mapping[str, CheckRow]) -> dict[str, Requirement]:
    """The requirements of a file. Raises CatalogError for the first bad row."""
    raw, file = toml_of(path), path.name
    known = _read_receivers(raw)
    rules = {rule.id for rule in catalog().rules}
    out = []
    for given in raw["requirement"]:
        key, named = given.get("id", "?"), given.get("breaks", ())
        if missing := [name for name in named if name not in raw["codes"]]:
            raise CatalogError(f"{file}: {key}: [codes] has no set “{missing[0]}”.")
        sets = {field: [tuple(raw[table].get(name, ())) for name in named] for field, table in (("breaks", "codes"), ("open", "open"), ("met", "met"))}
        row: Requirement = row_of(Requirement, file, key, {**given, **sets, "kinds": [given["kind"]] if "kind" in given else list(named)})
        for why in _faults(row, known, rules, raw["kind"]):
            raise CatalogError(f"{file}: {key}: {why}")
        out.append(row)
        for code in (*(c for group in (*row.breaks, *row.open, *row.met) for c in group), *raw["proof"]["codes"]):
            if code not in checks:
                raise CatalogError(f"{file}: {row.id}: “{code}” has no row in checks*.toml.")
    if twice := [field for field, n in Counter((row.receiver, kind) for row in out for kind in row.kinds).items() if n > 1]:
        raise CatalogError(f"{file}: two rows stand for “{twice[0][1]}” of {twice[0][0]}.")
    return once(file, out, "id")


def _faults(row: Requirement, known: Mapping[str, Receiver], rules: set[str], kinds: Iterable[str]) -> Iterator[str]:
    if not row.kinds or not set(row.kinds) <= set(kinds):
        yield f"[kind] has no “{', '.join(row.kinds)}”."
    if row.together and not row.kind:
        yield "together needs a kind."
    if row.receiver not in known:
        yield f"receiver “{row.receiver}” has no table."
    if row.applies not in ("all", "bulk"):
        yield f"applies is “all” or “bulk”, not “{row.applies}”."
    if bool(row.breaks) is not row.in_dns:
        yield "needs breaks, or in_dns = false."
    if row.reply and row.reply not in rules:
        yield f"reply “{row.reply}” is no rule of data/replies."
