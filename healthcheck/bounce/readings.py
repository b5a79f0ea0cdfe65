"""What speaks for each cause, heaviest first, and how far the heaviest can be trusted.

What words of ours, codes and patterns amount to depends only on which were seen, never on a reply's other words, so it is kept: a log of a million
bounces has a few thousand such sights, and none of anybody's words stays in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple

from ..catalog import Catalog, CodeRow, catalog
from ..model import Confidence, Party, Retry, Rival, Suppress, Type
from .rules import Form, Seen, Wording, coded, matching, wordings, worth_trying
from .weights import (
    BASIC_CODE,
    ESP_WORD,
    GENERAL,
    GENERIC_CODE,
    PROVIDER_CODE,
    SPECIFIC_CODE,
    VENDOR_CODE,
    WEAK,
    Candidate,
    code_fits,
    fit,
)

KEPT = 1 << 13  # sights; one is about 3 kB
LONG_WORDING = GENERAL + 14  # a general wording of this weight means one thing
SENTENCE = 40  # characters that nobody else puts together by chance
NEAR, CLOSE, NECK_AND_NECK = 20, 12, 6  # how far the next reading with another party has to be for certainty, for likelihood, for anything


class Decision(NamedTuple):
    """The heaviest reading, how far it can be trusted, and the three causes that came next."""

    winner: Candidate
    confidence: Confidence
    rivals: tuple[Rival, ...]


NOTHING = Candidate("unknown", "basic", "none", 0)


class Verdict(NamedTuple):
    """A diagnosis without what is this reply's alone: its words, and where they stand. The fields are those of a Failure."""

    winner: Candidate
    party: Party
    type: Type | None
    final: bool | None
    suppress: Suppress
    scope: str
    confidence: Confidence
    rivals: tuple[Rival, ...]
    retry: Retry | None
    provider: str | None
    rule: str | None


@dataclass(slots=True, eq=False)
class Reading:
    """Every reading of a reply that could matter, heaviest first, and what is made of them."""

    found: tuple[Candidate, ...]
    decision: Decision
    verdict: Verdict | None = None  # classify's, once it has judged


@dataclass(slots=True, eq=False)
class _Weighed:
    """What fragments and codes say, which patterns are to be tried besides, and what came of each outcome of trying so far."""

    found: tuple[Candidate, ...]
    tries: tuple[Form, ...]
    made: dict[tuple[Form, ...], Reading] = field(default_factory=dict)


def reading(seen: Seen, text: str) -> Reading:
    """What a reply says, by its words and codes. Pure.

    A pattern that weighs less than the heaviest fragment is not tried: it could not win, but where that fragment gives no reason. An equal weight is
    settled by the rule's name, so that the answer never depends on file order.
    """
    weighed = _kept(seen) if not seen.terms else _weigh(seen)  # a service's words are somebody's text
    matched = matching(weighed.tries, text)
    return weighed.made.get(matched) or weighed.made.setdefault(matched, _read(seen, weighed.found, matched))


def _read(seen: Seen, weighed: tuple[Candidate, ...], matched: tuple[Form, ...]) -> Reading:
    found = weighed
    if matched:
        found = _reasons_first(sorted((*weighed, *_best([form.wording for form in matched], seen).values()), key=_rank))
    if any(c.rule is not None and c.rule.about == "sender" for c in found):
        found = tuple(map(_of_the_sender, found))
    return Reading(found, decision(found))


def _rank(candidate: Candidate) -> tuple[int, str]:
    return -candidate.weight, candidate.name


def _gives_no_reason(candidate: Candidate) -> bool:
    return candidate.rule is not None and candidate.rule.bare


def _reasons_first(found: list[Candidate]) -> tuple[Candidate, ...]:
    """ "Connection refused: no PTR record" gives a reason: words for a refusal without one go before those of a network's fault only,
    which are the same ("connection refused")."""
    if found and _gives_no_reason(bare := found[0]):
        for c in found[1:]:
            if c.source in ("provider", "general") and c.cause not in (bare.cause, "network-error"):
                found.remove(c)
                return (c, *found)
    return tuple(found)


def decision(found: tuple[Candidate, ...], form: Candidate | None = None) -> Decision:
    """What is made of the readings; `form` is a reading that goes before them all, because the form of the paste gives it away."""
    winner = form or (found[0] if found else NOTHING)
    return Decision(winner, _confidence(winner, found), _rivals(winner, found))


def _best(matched: Iterable[Wording], seen: Seen) -> dict[str, Candidate]:
    """Of each row its heaviest wording that holds."""
    best: dict[str, Candidate] = {}
    known, stage_seen, code, enhanced = seen.known, seen.stage, seen.code, seen.enhanced
    for rule, stage, provider, codes, unknown, of_known in matched:
        if stage and stage != stage_seen:
            continue
        fits = codes is not None and fit(codes, code, enhanced)
        if codes is not None and not fits:
            continue
        one = (of_known if provider in known else unknown)[fits]
        if one is not None and (rule not in best or one.weight > best[rule].weight):
            best[rule] = one
    return {rule: _of_the_sender(one) for rule, one in best.items()} if seen.of_sender else best


def _weigh(seen: Seen) -> _Weighed:
    """What fragments, codes and the service's own words say, heaviest first."""
    named, registered = _of_codes(seen.code, seen.enhanced)
    rest = [*(one for provider, of_known, unknown in named if (one := of_known if provider in seen.known else unknown)), *registered]
    if seen.esp and (said := _said(seen.esp, seen.terms)):
        rest.append(said)
    if seen.of_sender:
        rest = [_of_the_sender(c) for c in rest]
    found = _reasons_first(sorted([*_best(wordings(seen), seen).values(), *rest], key=_rank))
    least = 0 if not found else SPECIFIC_CODE if _gives_no_reason(found[0]) else found[0].weight
    return _Weighed(found, worth_trying(seen, least))


_kept = lru_cache(maxsize=KEPT)(_weigh)
forget = _kept.cache_clear  # for measuring: what is kept changes no answer


def _of_the_sender(candidate: Candidate) -> Candidate:
    if catalog().causes[candidate.cause].party not in (Party.RECIPIENT_ADDRESS, Party.RECIPIENT_MAILBOX):
        return candidate
    return candidate._replace(cause="sender-address-invalid", rule=None)


def _cause_of(row: CodeRow, four: bool) -> str:
    return row.cause4 if four and row.cause4 else row.cause


@lru_cache(maxsize=4096)  # there are not many pairs of codes
def _of_codes(code: int | None, enhanced: str | None) -> tuple[tuple[tuple[str | None, Candidate | None, Candidate | None], ...], tuple[Candidate, ...]]:
    """What the codes alone say: rows that have no words (provider, where it is known, where it is not), and the registries."""
    book = catalog()
    marks = tuple(filter(None, (enhanced, str(code) if code else None)))
    out = []
    for rule in coded(code, enhanced):
        if not code_fits(rule.codes, code, enhanced):
            continue
        weight: int | None = WEAK if rule.weak else SPECIFIC_CODE + 1
        if rule.hosts:
            weight = None
        elif rule.provider and enhanced and book.enhanced(enhanced) is None:
            weight = VENDOR_CODE
        one = Candidate(rule.cause, "provider" if rule.provider else "general", rule.id, PROVIDER_CODE, None, rule, marks=marks)
        out.append((rule.provider, one, one._replace(weight=weight) if weight is not None else None))
    return tuple(out), tuple(_registered(book, code, enhanced))


def _registered(book: Catalog, code: int | None, enhanced: str | None) -> Iterator[Candidate]:
    four = (enhanced or str(code or ""))[:1] == "4"
    if enhanced and (row := book.enhanced(enhanced)):
        specific = row.strength == "specific"
        weight = SPECIFIC_CODE if specific else GENERIC_CODE
        yield Candidate(_cause_of(row, four), "specific" if specific else "generic", f"code {row.code}", weight, marks=(enhanced,))
    if row := book.basic(code):
        yield Candidate(_cause_of(row, four), "basic", f"code {row.code}", BASIC_CODE, marks=(str(code),))


@cache
def _vocabulary(esp: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """A service's own words for each cause, case-folded."""
    row = catalog().esps.get(esp)
    return tuple((cause, frozenset(w.casefold() for w in words.values())) for cause, words in row.equivalents.items()) if row else ()


def _said(esp: str, terms: tuple[str, ...]) -> Candidate | None:
    """What the service's words stand for. Words that stand for several causes say only hard or soft."""
    said = {word.casefold() for word in terms}
    causes = [cause for cause, words in _vocabulary(esp) if words <= said]
    return Candidate(causes[0], "esp", f"{esp} {'/'.join(terms)}", ESP_WORD) if len(causes) == 1 else None


def _confidence(winner: Candidate, found: tuple[Candidate, ...]) -> Confidence:
    """How far a reading can be trusted, by its witnesses: a wording and a code that agree, two wordings, or one that cannot be mistaken."""
    if winner.rule and winner.rule.confidence:
        return Confidence(winner.rule.confidence)
    if winner.source == "form":
        return Confidence.CERTAIN
    if winner.source in ("weak", "generic", "basic"):
        return Confidence.GUESS
    causes = catalog().causes
    party = causes[winner.cause].party
    witnesses: set[str] = set()
    contradicted, nearest = False, GENERAL * 9
    for c in found:
        if c.cause == winner.cause:
            if c.source in ("specific", "provider", "general"):
                witnesses.add(c.name)
        elif causes[c.cause].party is not party and not _gives_no_reason(c):
            contradicted = contradicted or c.source == "specific"
            if c.weight >= SPECIFIC_CODE:
                nearest = min(nearest, winner.weight - c.weight)
    if winner.source in ("specific", "esp"):
        return Confidence.GUESS if nearest < CLOSE else Confidence.LIKELY
    if nearest < NECK_AND_NECK and len(witnesses) < 2:
        return Confidence.GUESS
    if contradicted and winner.source == "general":  # few words against a code that says something else: who is wrong is a guess
        return Confidence.GUESS if nearest < NEAR else Confidence.LIKELY
    if nearest < NEAR:
        return Confidence.LIKELY
    return Confidence.CERTAIN if len(witnesses) > 1 or _unmistakable(winner) else Confidence.LIKELY


def _unmistakable(winner: Candidate) -> bool:
    """Whether one witness is enough: words that everybody uses alike, or a provider's own with a code of their own or in a whole sentence."""
    if winner.source == "general" or winner.rule is None:
        return winner.weight >= LONG_WORDING
    return len(winner.fragment) >= SENTENCE or any("." in code for code in winner.rule.codes)


def _rivals(winner: Candidate, found: tuple[Candidate, ...]) -> tuple[Rival, ...]:
    """The other causes that something spoke for, heaviest first, three at most."""
    out: dict[str, Rival] = {}
    for c in found:
        if c.cause in (winner.cause, "unknown") or c.cause in out:
            continue
        if c.weight <= BASIC_CODE or c.source == "generic":
            why = "generic-code"
        elif c.source == "weak" or c.weight <= WEAK:
            why = "weak-wording"
        elif c.source == "specific":
            why = "registry-loses-to-provider" if winner.source == "provider" else "text-beats-code"
        else:
            why = "less-specific"
        out[c.cause] = Rival(c.cause, c.name, why)
        if len(out) == 3:
            break
    return tuple(out.values())
