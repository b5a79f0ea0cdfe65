"""How specific a reading is: the candidate, its weight, and how a row's codes are compared.

A weight is computed from how specific a match is, never from where its row stands in a file.
"""

from __future__ import annotations

from typing import NamedTuple

from ..catalog import Rule

# How much a kind of match weighs before the length of what matched is added. A wording goes before a registered code,
# a provider's own wording before a general one, a weak wording only before codes that say nothing.
PROVIDER_KNOWN = 45
PROVIDER_TEXT = 24
PROVIDER_CODE = 42  # the code alone, the provider recognised
VENDOR_CODE = 38  # a code that no registry holds, one provider's own
GENERAL = 20
AGREEING_CODE = 12
SPECIFIC_CODE = 20
ESP_WORD = 18
WEAK = 6
GENERIC_CODE = 5
BASIC_CODE = 2
LONGEST = 60  # characters of a match that count


class Candidate(NamedTuple):
    """A reading of a reply: the cause, what speaks for it, and the words it rests on.

    Where that is, `rules.located` finds for the winner: it costs more than all the weighing. `marks` are the codes that it rests on.
    """

    cause: str
    source: str  # provider | general | weak | specific | esp | generic | basic | form
    name: str  # the rule's id, or "code X.7.1", "code 550"
    weight: int
    span: tuple[int, int] | None = None
    rule: Rule | None = None
    pattern: str = ""  # what matched, as RE2
    fragment: str = ""  # the same as the row has it, "" for a pattern
    marks: tuple[str, ...] = ()


class Codes(NamedTuple):
    """A row's `codes`, sorted by kind."""

    enhanced: frozenset[str]
    basic: frozenset[str]
    classes: frozenset[str]  # "4", "5" of 4xx, 5xx


def sorted_codes(codes: tuple[str, ...]) -> Codes:
    basic = [c for c in codes if "." not in c]
    return Codes(
        frozenset(c for c in codes if "." in c), frozenset(c for c in basic if not c.endswith("xx")), frozenset(c[0] for c in basic if c.endswith("xx"))
    )


def code_fits(codes: tuple[str, ...], reply_code: int | None, enhanced: str | None) -> bool | None:
    """Whether a row's `codes` hold: None where the row has none. Each kind that it names has to match.

    >>> code_fits(("X.7.26", "5xx"), 550, "5.7.26")
    True
    """
    return fit(sorted_codes(codes), reply_code, enhanced) if codes else None


def fit(wanted: Codes, reply_code: int | None, enhanced: str | None) -> bool:
    if wanted.enhanced and not (enhanced and (enhanced in wanted.enhanced or "X" + enhanced[1:] in wanted.enhanced)):
        return False
    if not (wanted.basic or wanted.classes):
        return True
    return str(reply_code) in wanted.basic or (str(reply_code)[0] if reply_code else (enhanced or " ")[0]) in wanted.classes


def source_of(rule: Rule) -> str:
    return "weak" if rule.weak else "provider" if rule.provider else "general"


def weight_of(rule: Rule, length: int, fits: bool, known: bool) -> int | None:
    """The weight of a row whose words matched, or None where it does not hold. `fits`: it has codes, and they agree."""
    if (rule.codes and not fits) or (rule.hosts and not known):
        return None
    agreeing = AGREEING_CODE if fits and any("." in c for c in rule.codes) else 4 if fits else 0
    agreeing += AGREEING_CODE if rule.stage else 0
    length = min(length, LONGEST)
    if rule.weak:
        return min(SPECIFIC_CODE - 1, WEAK + length // 3 + agreeing // 2)
    base = GENERAL if rule.provider is None else PROVIDER_KNOWN if known else PROVIDER_TEXT
    return base + length + agreeing
