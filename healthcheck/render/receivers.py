"""The receivers' wordings to leaf through: who writes what, beside which code, and the pages where a receiver can be asked. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from ..bounce.classify import classify
from ..bounce.read import read
from ..catalog import CauseRow, Provider, Rule, catalog
from ..model import Bounce, Failure, Reply
from . import lookup, words

_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_BASIC = re.compile(r"(?<![\d.])([245][0-5]\d)(?=[ -])")


def written() -> tuple[Rule, ...]:
    """Every wording that a receiver, a mail server or a filter writes; not the mail services' own words, which stand in their events."""
    return tuple(r for r in catalog().rules if lookup.receiver_of(r))


def name_of(key: str) -> str:
    provider = catalog().providers.get(key)
    return provider.name if provider else words.word("receivers", key)


def listed() -> list[dict[str, Any]]:
    """Every receiver with the number of its wordings, providers first, then mail servers and what many share; each by name."""
    count: dict[str, int] = {}
    for rule in written():
        count[lookup.receiver_of(rule)] = count.get(lookup.receiver_of(rule), 0) + 1
    rows = [{"key": key, "name": name_of(key), "count": n, "provider": key in catalog().providers} for key, n in count.items()]
    return sorted(rows, key=lambda row: (not row["provider"], str(row["name"]).casefold()))


def receiver(key: str) -> dict[str, Any] | None:
    """One receiver: its pages, and its wordings by cause, the sender's side first. None for an unknown one."""
    rules = [r for r in written() if lookup.receiver_of(r) == key]
    if not rules:
        return None
    provider = catalog().providers.get(key)
    return {"key": key, "name": name_of(key), "pages": pages_of(provider), "count": len(rules), "groups": by_cause(rules)}


def by_cause(rules: Iterable[Rule], most: int | None = None) -> list[dict[str, Any]]:
    """Wordings under their causes, in the order of causes.toml; at most so many of each, and how many there are."""
    held: dict[str, list[Rule]] = {}
    for rule in rules:
        held.setdefault(rule.cause, []).append(rule)
    out = []
    for slug, row in catalog().causes.items():
        if slug in held:
            shown = spread(held[slug], most) if most else held[slug]
            out.append({"cause": row, "count": len(held[slug]), "rules": [wording(r) for r in shown]})
    return out


def about(cause: CauseRow, most: int = 24) -> dict[str, Any]:
    """What the page of a cause says beside its row: wordings, who writes them, where to ask, codes, terms."""
    rules = [r for r in written() if r.cause == cause.slug]
    whose: dict[str, int] = {}
    for rule in rules:
        whose[lookup.receiver_of(rule)] = whose.get(lookup.receiver_of(rule), 0) + 1
    known = catalog()
    return {
        "wordings": [wording(r) for r in spread(rules, most)],
        "count": len(rules),
        "writers": sorted(({"key": k, "name": name_of(k), "count": n} for k, n in whose.items()), key=lambda row: str(row["name"]).casefold()),
        "asked_at": asked_at(cause),
        "codes": [c for c in (*known.enhanced_rows.values(), *known.basic_rows.values()) if cause.slug in (c.cause, c.cause4) and c.strength == "specific"],
        "terms": [(slug, term["title"]) for slug, term in known.glossary.items() if cause.slug in term.get("see", ())],
        "type": words.cause_type(cause),
    }


def spread(rules: list[Rule], most: int) -> list[Rule]:
    """A few of many: one of each receiver before a second of any."""
    turns: dict[str, int] = {}
    order: list[tuple[int, int, Rule]] = []
    for n, rule in enumerate(rules):
        turn = turns[lookup.receiver_of(rule)] = turns.get(lookup.receiver_of(rule), -1) + 1
        order.append((turn, n, rule))
    chosen = sorted(order, key=lambda row: row[:2])[:most]
    return [rule for _, _, rule in sorted(chosen, key=lambda row: row[1])]


def wording(rule: Rule) -> dict[str, Any]:
    """A wording with what is made of it: whose side, hard or soft, what becomes of the address."""
    found = reading(rule)
    cause = catalog().causes[rule.cause]
    return lookup.rule(rule) | {
        "receiver": lookup.receiver_of(rule),
        "name": name_of(lookup.receiver_of(rule)),
        "anchor": rule.id.rpartition("/")[2],
        "page": rule.help,
        "side": cause.party.side,
        "type": (found.type if found else rule.type or cause.type) or "unstated",
        "suppress": found.suppress if found else rule.suppress or cause.suppress,
    }


@cache
def reading(rule: Rule) -> Failure | None:
    """What is made of a wording's example, where it is read as this wording."""
    bounces = read(rule.example).bounces
    found = classify(bounces[0] if bounces else Bounce(Reply(None, None, rule.example)))
    return found if found.cause == rule.cause else None


# ------------------------------------------------------------------ beside a code


@cache
def _beside() -> dict[str, tuple[Rule, ...]]:
    """code -> the wordings that come with it, by their row or by their example; "X.7.1" holds those of every class."""
    held: dict[str, dict[str, Rule]] = {}
    for rule in written():
        codes = {*rule.codes, *_ENHANCED.findall(rule.example), *_BASIC.findall(rule.example)[:1]}
        for code in codes | {f"X{c[1:]}" for c in codes if "." in c}:
            held.setdefault(code, {})[rule.id] = rule
    return {code: tuple(rules.values()) for code, rules in held.items()}


def beside(code: str) -> tuple[Rule, ...]:
    """The wordings that come with a code ("5.7.1", "X.7.1", "550"), each once."""
    found = _beside()
    if "." not in code or code.startswith("X"):
        return found.get(code, ())
    anyclass = [r for r in found.get("X" + code[1:], ()) if "X" + code[1:] in r.codes]
    return tuple(dict.fromkeys((*found.get(code, ()), *anyclass)))


def otherwise(code: str) -> list[tuple[str, str]]:
    """The receivers that use a registered code, one that says something, for a cause of somebody else: (key, name)."""
    spelled, causes = lookup.code(code), catalog().causes
    if not spelled or spelled["strength"] != "specific" or spelled["cause"] not in causes:
        return []
    party = causes[spelled["cause"]].party
    found = {lookup.receiver_of(r): name_of(lookup.receiver_of(r)) for r in beside(code) if r.provider and causes[r.cause].party is not party}
    return sorted(found.items(), key=lambda row: row[1].casefold())


@cache
def unregistered() -> dict[str, list[tuple[str, str]]]:
    """The enhanced codes that receivers use and no registry holds: whose -> (first, last), a run of codes with the same wordings once."""
    known, held = catalog().enhanced_rows, _beside()
    out: dict[str, list[tuple[str, str]]] = {}
    for code in sorted({f"X{code[1:]}" for code in held if "." in code} - known.keys(), key=_numbers):
        runs = out.setdefault(", ".join(sorted({name_of(lookup.receiver_of(r)) for r in held[code]}, key=str.casefold)), [])
        subject, detail = _numbers(code)
        if runs and _numbers(runs[-1][1]) == [subject, detail - 1] and held[runs[-1][1]] == held[code]:
            runs[-1] = (runs[-1][0], code)
        else:
            runs.append((code, code))
    return out


def _numbers(code: str) -> list[int]:
    return [int(part) for part in code[2:].split(".")]


def bare(code: str) -> list[dict[str, Any]]:
    """What is made of a code that comes without any words: a row for each class that it may have."""
    named = [f"{n}{code[1:]}" for n in "45"] if code.startswith("X") else [code]
    out = []
    for one in named:
        reply = Reply(250 if one.startswith("2") else None, one, one) if "." in one else Reply(int(one), None, one)
        found = classify(Bounce(reply))
        out.append({"code": one, "type": found.type or "unstated", "suppress": found.suppress, "side": found.side, "cause": catalog().causes[found.cause]})
    return out


# ------------------------------------------------------------------ pages


def pages_of(provider: Provider | None) -> list[dict[str, str]]:
    """A receiver's own pages: {kind, title, url}, each address once."""
    if provider is None:
        return []
    given = {"delist": provider.delist, "postmaster": provider.postmaster, "help": provider.help}
    return _pages([(kind, url) for kind, url in given.items() if url], provider.name)


def asked_at(cause: CauseRow) -> list[dict[str, Any]]:
    """Beside a cause: the receivers that have a page for it, each with those pages."""
    keys = dict.fromkeys(r.provider for r in written() if r.cause == cause.slug and r.provider)
    rows = [(catalog().providers[key], _helpful(catalog().providers[key], cause)) for key in keys if key]
    found = [{"name": p.name, "pages": _pages(given, p.name)} for p, given in rows if given]
    return sorted(found, key=lambda row: str(row["name"]).casefold())


def pages(failure: Failure) -> list[dict[str, str]]:
    """The pages that help with this answer: the refusal's own, then the receiver's, where they are for such a cause."""
    cause, rule = words.cause_of(failure), words.rule_named(failure.rule)
    provider = catalog().providers.get(failure.provider or "")
    own = [("refusal", rule.help)] if rule and rule.help and rule.cause == failure.cause else []
    general = _helpful(provider, cause, with_help=True) if provider else []
    # Microsoft has a form for each of its two services: where the row names one, the provider's would be the wrong one.
    return _pages([*own, *(row for row in general if not (own and row[0] == "delist"))], provider.name if provider else "")


def _helpful(provider: Provider, cause: CauseRow, with_help: bool = False) -> list[tuple[str, str]]:
    given = {"delist": provider.delist, "postmaster": provider.postmaster, "help": provider.help if with_help else None}
    return [(kind, url) for kind, url in given.items() if url and _fits(kind, cause)]


def _fits(kind: str, cause: CauseRow) -> bool:
    row = catalog().words["pages"][kind]
    return cause.party.value in row.get("parties", ()) or cause.slug in row.get("causes", ())


def _pages(given: list[tuple[str, str]], name: str) -> list[dict[str, str]]:
    seen: dict[str, dict[str, str]] = {}
    for kind, url in given:
        title = words.fill(words.word("pages", kind, "title"), {"name": name})
        seen.setdefault(url.rstrip("/"), {"kind": kind, "title": title, "url": url})
    return list(seen.values())
