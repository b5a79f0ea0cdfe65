"""Looking things up in the knowledge base: a code spelled out, a finding's row, a cause, and a search over all of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ..bounce.classify import classify
from ..catalog import CauseRow, CheckRow, CodeRow, Rule, catalog
from ..model import Bounce, Confidence, Reply
from . import services, words

_ENHANCED = re.compile(r"^([245X])\.(\d{1,3})\.(\d{1,3})$", re.IGNORECASE)
_FINDING = re.compile(r"^[A-Z]{3}\d{3}$")
_ANY_CODE = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3}|[2-5]\d\d)\b")
_WORD = re.compile(r"[^\W_]+(?:[.'-][^\W_]+)*")
_STOP = frozenset("a an and are as at be by do does for from how i in is it my of on or that the this to was what when where which who why with you".split())  # noqa: SIM905


def code(text: str) -> dict[str, Any] | None:
    """An enhanced status code or reply code spelled out, or None for what is neither.

    A well-formed enhanced code that is not registered has its class and subject, `registered` false. Standard: RFC 3463, RFC 5321.
    """
    text = text.strip().strip("#[]()<>:,;").upper()
    if match := _ENHANCED.match(text):
        row = catalog().enhanced_rows.get(f"X.{int(match[2])}.{int(match[3])}")
        named = f"{match[1]}.{int(match[2])}.{int(match[3])}"
        head = match[1] if match[1] != "X" else "5"
        spelled = words.meaning(Reply(None, f"{head}.{int(match[2])}.{int(match[3])}", "")) or {}
        if match[1] == "X":
            spelled["class"] = None
        return _code(named, "enhanced", row, spelled)
    if re.fullmatch(r"[2-5]\d\d", text):
        row = catalog().basic_rows.get(text)
        return _code(text, "basic", row, words.meaning(Reply(int(text), None, "")) or {})
    return None


def _code(named: str, kind: str, row: CodeRow | None, spelled: Mapping[str, str | None]) -> dict[str, Any]:
    cause = (row.cause4 if row.cause4 and named.startswith("4") else row.cause) if row else None
    fault, action = (row.fault, row.action) if row else (None, None)
    if row and kind == "enhanced" and named.startswith("2"):  # a success whatever the rest says (RFC 3463 section 3.1)
        done = catalog().basic_rows["250"]
        cause, fault, action = done.cause, done.fault, done.action
    return {
        "code": named,
        "kind": kind,
        "registered": row is not None,
        "name": row.name if row else "Not registered" if kind == "enhanced" else "No standard meaning",
        "meaning": {"class": spelled.get("class"), "subject": spelled.get("subject"), "detail": spelled.get("detail")},
        "cause": cause,
        "strength": row.strength if row else None,
        "fault": fault,
        "action": action,
        "note": row.note if row else None,
        "rfc": row.rfc if row else None,
        "rules": [rule(r) for r in rules_for(named)],
    }


def rules_for(named: str) -> list[Rule]:
    """The receivers' wordings that name this code."""
    anyclass = "X" + named[1:]
    wanted = {named, anyclass} if not named.startswith("X") else {f"{c}{named[1:]}" for c in "X245"}
    return [r for r in catalog().rules if wanted & set(r.codes)]


def rule(row: Rule) -> dict[str, Any]:
    provider = catalog().providers.get(row.provider or "")
    return {
        "id": row.id,
        "provider": provider.name if provider else None,
        "codes": list(row.codes),
        "cause": row.cause,
        "title": catalog().causes[row.cause].title,
        "example": row.example,
        "note": row.note,
        "help": row.help or (provider.help if provider else None),
        "source": row.source,
        "seen": row.seen,
    }


def receiver_of(row: Rule) -> str:
    """Under which receiver a wording is found: the provider's id, else the name of the file that holds it; "" for a mail service's own word."""
    folder, _, name = row.file.partition("/")
    return (row.provider or name.removesuffix(".toml")) if folder == "replies" else ""


def page_of(row: Rule) -> str:
    """Where a wording stands; a mail service's own word, which is nobody's reply, at its cause."""
    receiver = receiver_of(row)
    return f"/receivers/{receiver}#{row.id.rpartition('/')[2]}" if receiver else f"/causes/{row.cause}"


def check(row: CheckRow) -> dict[str, Any]:
    """The row of a finding code, with its slots unfilled."""
    return {
        "code": row.code,
        "slug": row.slug,
        "topic": row.topic,
        "severity": row.severity.value,
        "title": row.title,
        "message": row.message,
        "why": row.why,
        "fix": row.fix,
        "steps": list(row.steps),
        "refs": list(row.refs),
        "since": row.since,
    }


def cause(row: CauseRow) -> dict[str, Any]:
    """The row of a cause: who has to act, what to do with the address, what is scanned for evidence."""
    return {
        "slug": row.slug,
        "title": row.title,
        "party": row.party.value,
        "side": row.party.side,
        "suppress": row.suppress.value,
        "scope": row.scope,
        "scan": list(row.scan),
        "meaning": row.meaning,
        "fix": row.fix,
        "steps": list(row.steps),
        "address": row.address,
        "hygiene": row.hygiene,
        "unsuppress": row.unsuppress,
        "retry": {"when": list(row.retry) if row.retry else "after-fix", "until": row.retry_until} if row.retry or row.after_fix else None,
        "refs": list(row.refs),
        "equivalents": words.equivalents(row.slug),
    }


def check_named(text: str) -> CheckRow | None:
    """By code ("SPF004") or slug ("spf-too-many-lookups")."""
    known = catalog()
    return known.checks.get(text.strip().upper()) or known.check_by_slug(text.strip().lower())


# ------------------------------------------------------------------ search


@dataclass(frozen=True, slots=True)
class Hit:
    kind: str  # code | check | cause | glossary | rule | service | question
    key: str  # what the page of it is called; of a question, a receiver's wording and a mail service's word the page itself
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class _Entry:
    hit: Hit
    strong: frozenset[str]  # words of the title, and of questions that it answers
    weak: frozenset[str]
    phrases: tuple[str, ...]  # questions, as they are asked
    said: str = ""  # of a receiver's wording: its fragments and its example
    rule: str = ""


def _words(*texts: str) -> frozenset[str]:
    return frozenset(_stem(w) for text in texts for w in _WORD.findall(text.casefold()) if w not in _STOP)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _entry(hit: Hit, strong: Iterable[str], weak: Iterable[str], phrases: Iterable[str] = ()) -> _Entry:
    asked = tuple(phrases)
    return _Entry(hit, _words(*strong, *asked), _words(*weak), tuple(" ".join(p.casefold().split()).rstrip("?") for p in asked))


@cache
def _entries() -> tuple[_Entry, ...]:
    known, out = catalog(), []
    for slug, term in known.glossary.items():
        hit = Hit("glossary", slug, str(term["title"]), str(term["text"]))
        out.append(_entry(hit, [hit.title], [hit.text], term.get("asked", ())))
    for asked in known.words.get("questions", ()):
        hit = Hit("question", str(asked["page"]), str(asked["question"]), "")
        out.append(_entry(hit, [], [], [hit.title]))
    for row in (*known.enhanced_rows.values(), *known.basic_rows.values()):
        hit = Hit("code", row.code, f"{row.code} {row.name}", row.meaning)
        out.append(_entry(hit, [row.code, row.name], [row.meaning, row.fault, row.action, row.cause.replace("-", " ")]))
    for cause_row in known.causes.values():
        hit = Hit("cause", cause_row.slug, cause_row.title, cause_row.meaning)
        out.append(_entry(hit, [cause_row.title, cause_row.slug.replace("-", " ")], [cause_row.meaning, cause_row.fix]))
    for check_row in known.checks.values():
        hit = Hit("check", check_row.code, f"{check_row.code} {check_row.title}", check_row.why)
        out.append(_entry(hit, [check_row.code, check_row.title, check_row.topic], [check_row.why, check_row.fix]))
    for page, title, meaning, names in services.entries():
        out.append(_entry(Hit("service", page, title, meaning), names, [meaning]))
    for reply_rule in (r for r in known.rules if receiver_of(r)):  # a mail service's own words are found through what they are called
        provider = known.providers.get(reply_rule.provider or "")
        hit = Hit("rule", page_of(reply_rule), reply_rule.example, known.causes[reply_rule.cause].title)
        entry = _entry(hit, [provider.name if provider else ""], [reply_rule.example, hit.text, *reply_rule.codes])
        out.append(replace(entry, said="\n".join((*reply_rule.text, reply_rule.example.casefold())), rule=reply_rule.id))
    return tuple(out)


def _phrased(asked: str, phrases: tuple[str, ...]) -> float:
    """How much of a known question this is: all of one, or a part of some length."""
    parts = [20.0 * len(asked) / len(p) for p in phrases if len(asked) > 8 and asked in p]
    return 26.0 if asked in phrases else max(parts, default=0.0)


_SURE = {Confidence.CERTAIN: 10.0, Confidence.LIKELY: 3.0}


def _read_as(text: str) -> tuple[str, float]:
    """The wording that a text would be read as in a reply, and what that weighs: a receiver's own code ("OFR_103") stands in no title."""
    found = classify(Bounce(Reply(None, None, text)))
    return found.rule or "", _SURE.get(found.confidence, 0.0)


FEW = 4  # services that have a word


def search(text: str, most: int = 40) -> list[Hit]:
    """What of the knowledge base a few words, a question or a code is about, best first. Pure; below a millisecond or two.

    A question of the glossary asked as it stands there comes first; then codes, what the words would be read as in a reply, and what holds
    most of the words, titles before texts.
    """
    text = text[:300]
    asked = " ".join(text.casefold().split()).rstrip("?")
    tokens = _words(text)
    for found in _ANY_CODE.findall(text):
        tokens |= {found, "x" + found[1:]} if "." in found else {found}
    if not tokens:
        return []
    said = services.named(text)
    spoken = {(one.page, one.title) for one in said} if len(said) <= FEW else set()  # "mailbox full" is everybody's
    (read, sure), code_like = _read_as(text), " " not in asked and any(c.isdigit() for c in asked)
    scored = []
    for n, entry in enumerate(_entries()):
        strong, weak = len(tokens & entry.strong), len(tokens & (entry.weak - entry.strong))
        score = 3.0 * strong + weak - (1.5 if entry.hit.kind == "rule" else 0) + _phrased(asked, entry.phrases)
        named = entry.hit.kind in ("code", "check") and entry.hit.key.casefold() in tokens
        named = named or (entry.hit.kind == "service" and (entry.hit.key, entry.hit.title) in spoken)
        written = sure if entry.rule and entry.rule == read else 0.0
        if code_like and len(asked) > 3 and asked.strip("[]()") in entry.said:
            written = 10.0
        score += (15 if named else 0) + written
        if score > 0 and (named or written or (strong + weak) * 2 >= min(len(tokens), 4)):
            scored.append((-score, n, entry.hit))
    scored.sort(key=lambda row: row[:2])
    return [hit for _, _, hit in scored[:most]]
