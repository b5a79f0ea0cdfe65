"""Which rows of the knowledge base speak about a reply: one automaton over every fragment, an index over every code.

A pattern is tried only on a text in which the words occur that it needs (bounce/needs.py); those words are in the same automaton. It is built
at once and takes one pass over a text, whatever the text: an `re2.Set` of as many words makes its states as texts come in, which costs a
millisecond a line until it has seen every word.

What was seen of a reply is all that its reading depends on; bounce/readings.py weighs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Set
from functools import cache
from operator import itemgetter
from string import ascii_letters
from typing import Any, NamedTuple

import re2

from ..catalog import Rule, catalog
from ..model import Bounce
from .index import Form, Wording, fragment, index
from .shape import class_of, code_given, said_of
from .weights import Candidate

__all__ = ["Form", "Seen", "Wording", "coded", "fragment", "impersonal", "located", "matching", "recognised", "see", "wordings", "worth_trying"]


class Seen(NamedTuple):
    """What was seen of a reply: all that its diagnosis depends on, beside the patterns that match. None of it is anybody's words but `terms`."""

    words: frozenset[int]  # ours, by their numbers
    code: int | None
    enhanced: str | None
    known: frozenset[str]  # providers
    provider: str | None  # of those the one that was recognised most surely
    stage: str | None
    esp: str | None
    terms: tuple[str, ...]  # the service's own words
    of_sender: bool  # an address that is refused can only be the sender's
    digit: str  # the class: "4", "5" or ""
    given: int | None  # the code that the sender was given
    said: str  # what the service calls it: "hard", "soft" or ""
    notice: str
    action: str | None


def _options() -> Any:
    options = re2.Options()
    options.case_sensitive = False
    return options


_number = itemgetter(0)


@cache
def _searcher(pattern: str) -> Any:
    return re2.compile(pattern, options=_options())


@cache
def _octet_searcher(pattern: str) -> Any:
    return re2.compile(pattern.encode(), options=_options())


@cache
def _tester(pattern: str) -> Callable[[bytes], list[int] | None]:
    """Whether a pattern matches, without where: a set of one costs half of a search. Compiled when it is tried first."""
    one = re2.Set.SearchSet(_options())
    one.Add(pattern)
    one.Compile()
    match: Callable[[bytes], list[int] | None] = one.Match
    return match


@cache
def _tries(pattern: str) -> tuple[Callable[[bytes], list[int] | None], ...]:
    """What a text has to match, the cheaper first: with gaps of any length, where a counted gap has a state for each length, which no memory cache
    holds; then as it is."""
    rough = re2.sub(r"\{0,\d\d+\}", "*", re2.sub(r"\{1,\d\d+\}", "+", pattern))
    return (_tester(pattern),) if rough == pattern else (_tester(rough), _tester(pattern))


@cache
def _hosts() -> Mapping[str, str]:
    """Suffix of a host's name -> provider."""
    out: dict[str, str] = {}
    for p in catalog().providers.values():
        for host in p.hosts:
            out.setdefault(host.lstrip("."), p.id)
    return out


@cache
def _domains() -> Mapping[str, str]:
    return {domain: p.id for p in catalog().providers.values() for domain in p.domains}


def provider_of_host(host: str | None) -> str | None:
    """The provider whose servers carry this name, or None. The longest suffix that is known decides."""
    if not host:
        return None
    name = host.lower().rstrip(".")
    if name in catalog().providers:
        return name
    hosts = _hosts()
    while name:
        if name in hosts:
            return hosts[name]
        name = name.partition(".")[2]
    return None


_NOBODY: frozenset[str] = frozenset()


def recognised(bounce: Bounce, matched: Set[int]) -> tuple[frozenset[str], str | None]:
    """The providers that this reply may come from, and the one of them that is surest: by a sign in the text, before a host's name, before the
    recipient's domain."""
    book = index()
    out = [book.signs[number] for number in matched & book.signed]
    host, other = bounce.receiver, bounce.remote_mta
    if host and (provider := provider_of_host(host)):
        out.append(provider)
    if other and other != host and (provider := provider_of_host(other)):
        out.append(provider)
    if bounce.esp and bounce.esp in catalog().providers:
        out.append(bounce.esp)
    if bounce.recipient and (provider := _domains().get(bounce.recipient.rpartition("@")[2].lower())):
        out.append(provider)
    return (frozenset(out), out[0]) if out else (_NOBODY, None)


def impersonal(bounce: Bounce) -> str:
    """The reply without the names that people gave their mailboxes, and as long: `dmarc@example.com` says nothing of DMARC. Pure.

    >>> from healthcheck.model import Reply
    >>> impersonal(Bounce(Reply(550, None, "550 <spam.box@example.com>: no such user")))
    '550 <xxxx.xxx@example.com>: no such user'
    """
    text = bounce.reply.text
    if "@" not in text:
        return text
    if "<" in text:
        text = _BRACKETED.sub(_masked, text)
    local = (bounce.recipient or "").rpartition("@")[0]
    if local and f"{local}@" in text:
        text = text.replace(f"{local}@", f"{local.translate(_MASK)}@")
    return text


_BRACKETED = re.compile(r"<(?!(?i:imcea))[^\s<>@]{1,64}@")  # what Exchange makes of an X.500 name is no person's choice
_MASK = str.maketrans(ascii_letters, "x" * len(ascii_letters))


def _masked(found: re.Match[str]) -> str:
    return found[0].translate(_MASK)


def see(bounce: Bounce, words: str) -> Seen:
    """Look for every fragment and sign at once. `words`: the `impersonal` reply. Pure; one pass over the text."""
    book, reply = index(), bounce.reply
    text = " ".join(words.lower().split()).encode("utf-8", "replace")
    found = book.words.find(text)
    matched = frozenset(map(_number, found))
    if edged := matched & book.whole:
        within = {number for number, start, end in found if number in edged and _whole(text, start, end)}
        matched = matched - edged | within
    known, provider = recognised(bounce, matched)
    enhanced, digit = reply.enhanced or bounce.status, class_of(bounce)
    said = said_of(bounce, digit) if bounce.esp_terms or not digit else ""
    of_sender, given = _of_sender(bounce, enhanced), code_given(bounce)
    terms, stage, notice, action = bounce.esp_terms, bounce.stage, bounce.notice, bounce.action
    return Seen(matched, reply.code, enhanced, known, provider, stage, bounce.esp, terms, of_sender, digit, given, said, notice, action)


def _of_sender(bounce: Bounce, enhanced: str | None) -> bool:
    """Whether an address that is refused must be the sender's: in reply to MAIL FROM no recipient was named yet (RFC 5321 section 3.3), and X.1.7
    and X.1.8, also around a quoted reply, are about the sender's address by definition (RFC 3463 section 3.2)."""
    if bounce.stage == "mail" or (enhanced or "")[1:] in (".1.7", ".1.8"):
        return True
    outer = bounce.reply.wrapped_by
    while outer:
        if (outer.enhanced or "")[1:] in (".1.7", ".1.8"):
            return True
        outer = outer.wrapped_by
    return False


def _whole(text: bytes, start: int, end: int) -> bool:
    """Whether no digit, letter or underscore touches a digit at the edge of a match: of ASCII, as for RE2's word boundary."""
    before, after = text[start - 1 : start] if start else b"", text[end : end + 1]
    first, last = text[start : start + 1], text[end - 1 : end]
    return not ((first.isdigit() and (before.isalnum() or before == b"_")) or (last.isdigit() and (after.isalnum() or after == b"_")))


def wordings(seen: Seen) -> Iterable[Wording]:
    """Every row that has one of the fragments."""
    book = index()
    return [wording for number in seen.words & book.fragments for wording in book.rows[number]]


def worth_trying(seen: Seen, least: int) -> tuple[Form, ...]:
    """The patterns that can weigh `least`, of those whose every need occurs. Pure."""
    book = index()
    met = 0
    for number in seen.words & book.needers:
        met |= book.met[number]
    tried = {}
    for some in [*map(book.tries.__getitem__, seen.words & book.triers), book.always]:
        for form in some:  # those with the longest reach first
            if form.reach < least:
                break
            if (needed := form.needs) & met == needed:
                tried[form] = True
    return tuple(tried)


def matching(forms: tuple[Form, ...], text: str) -> tuple[Form, ...]:
    """Those of some patterns that match. Most of the cost of a diagnosis. Pure."""
    if not forms:
        return ()
    octets = text.encode("utf-8", "replace")
    found = []
    for form in forms:
        for match in _tries(form.pattern):
            if not match(octets):
                break
        else:
            found.append(form)
    return tuple(found)


def coded(code: int | None, enhanced: str | None) -> Iterable[Rule]:
    """The rows that have no words, only codes, and name one of these."""
    keys = [*((enhanced, "X" + enhanced[1:]) if enhanced else ()), *((str(code), f"{code // 100}xx") if code else ())]
    return {rule.id: rule for key in keys for rule in index().by_code.get(key, ())}.values()


def located(candidate: Candidate, text: str) -> tuple[tuple[int, int] | None, Mapping[str, str]]:
    """Where the words or the code of a candidate stand in the reply, and what its pattern names. Pure."""
    if candidate.span is not None:
        return candidate.span, {}
    if not candidate.pattern:
        for mark in candidate.marks:
            if (at := text.find(mark)) >= 0:
                return (at, at + len(mark)), {}
        return None, {}
    wanted = candidate.fragment
    if not text.isascii():
        match = _searcher(candidate.pattern).search(text)
        return (match.span(), {k: v for k, v in match.groupdict().items() if v}) if match else (None, {})
    if wanted and "  " not in text and text.isprintable():
        # the usual case without a search by RE2; a fragment with a digit at its edge needs a boundary there
        at = text.lower().find(wanted)
        if at >= 0 and not wanted[0].isdigit() and not wanted[-1].isdigit():
            return (at, at + len(wanted)), {}
    # over octets, because the search over a str counts characters, which costs more than the search
    match = _octet_searcher(candidate.pattern).search(text.encode())
    if match is None:
        return None, {}
    return match.span(), {} if wanted else {k.decode(): v.decode() for k, v in match.groupdict().items() if v}
