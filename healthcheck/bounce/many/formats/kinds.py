"""What replies say, each kind read once.

A log of a million bounces has a few thousand kinds of replies: what differs are addresses, hosts, ids. Those are put aside before a reply is looked
up, with every word of ours that stands in one of them left in the key. Where a kind is met first, the reply is read both as it stands and put aside;
if that makes a difference, replies of this kind are read whole, each by itself.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache, lru_cache
from operator import itemgetter
from typing import NamedTuple

from ....catalog import catalog
from ....model import Bounce, Failure, Reply, Said
from ...build import bounce_of
from ...classify import classify
from ...events import made
from ...formats import Found
from ...index import index as _index
from ...rules import _domains, _searcher, _whole, provider_of_host

KEPT = 1 << 12  # kinds, and texts, that are held; either is about 500 octets
SHOWN = 300  # characters of a reply that are shown as evidence
PLACE = "someone@example.com"
_PLACED = re.compile(r"[^\s<>@]*@example\.com")


class How(NamedTuple):
    """What else than its text a reply's reading depends on. All of it comes out of the source, as it stands there."""

    status: str | None = None
    action: str | None = None
    notice: str = ""
    esp: str | None = None
    terms: tuple[str, ...] = ()
    stage: str | None = None


PLAIN = How()


class _Key(NamedTuple):
    text: str
    how: How
    remote: str | None  # the provider of the host that answered
    domain: str | None  # the provider of the recipient's domain
    read: tuple[object, ...] = ()


class Kinds:
    """`of_text(reply, …) -> Said` and `of_bounce(bounce) -> Said`: the same as of classify(…), from memory where the kind is known.

    Memory is bounded; nobody's address stays in it for longer than the next KEPT texts. Not for several threads.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.read = self.whole = 0  # kinds that were read; replies that had to be read by themselves
        self._kept = kept
        self._texts: dict[_Key, Said] = {}
        self._kinds: dict[_Key, Said | None] = {}

    def of_text(self, text: str, how: How = PLAIN, recipient: str = "", remote: str | None = None) -> Said:
        """What a reply says, as it stands in a log or an export. Never raises, whatever the text."""
        if recipient and recipient in text:
            text = text.replace(recipient, _placed(recipient))
        key = _Key(text, how, _provider_of_host(remote) if remote else None, provider_of_domain(recipient.rpartition("@")[2]) if recipient else None)
        said = self._texts.get(key)
        if said is not None:
            return said
        kind = _Key(_kind(text, recipient), how, key.remote, key.domain)
        said = self._known(kind, key, _failure)
        self._hold(self._texts, key, said)
        return said

    def of_bounce(self, bounce: Bounce) -> Said:
        """What a Bounce says that a reader has made already."""
        reply, recipient = bounce.reply, bounce.recipient or ""
        text = reply.text.replace(recipient, _placed(recipient)) if recipient and recipient in reply.text else reply.text
        wrapped = []
        outer = reply.wrapped_by
        while outer:
            wrapped.append((outer.code, outer.enhanced))
            outer = outer.wrapped_by
        read = (reply.code, reply.enhanced, tuple(wrapped))
        how = How(bounce.status, bounce.action, bounce.notice, bounce.esp, bounce.esp_terms, bounce.stage)
        remote = provider_of_host(bounce.receiver) or provider_of_host(bounce.remote_mta)
        key = _Key(text, how, remote, provider_of_domain(recipient.rpartition("@")[2]), read)
        said = self._texts.get(key)
        if said is None:
            kind = key._replace(text=_kind(text, recipient))
            said = self._known(kind, key, lambda one: _reread(bounce, one))
            self._hold(self._texts, key, said)
        return said

    def _known(self, kind: _Key, key: _Key, read) -> Said:  # type: ignore[no-untyped-def]
        if kind in self._kinds:
            said = self._kinds[kind]
            if said is None:
                self.whole += 1
                return _said(read(key), key.text)
            return said
        self.read += 1
        whole, said = _said(read(key), key.text), _said(read(kind), kind.text)
        same = replace(whole, text="") == replace(said, text="")
        self._hold(self._kinds, kind, said if same else None)
        return said if same else whole

    def _hold(self, held, key, value) -> None:  # type: ignore[no-untyped-def]
        if len(held) >= self._kept:
            for old in [one for one, _ in zip(held, range(self._kept // 4), strict=False)]:
                del held[old]
        held[key] = value


def _failure(key: _Key) -> Failure:
    """The reply of a key, read and classified; hosts and the recipient stand there as the provider that they belong to."""
    how = key.how
    recipient = _someone(key.domain)
    if how.esp:
        bounce = made(how.esp, recipient, key.text, how.terms, action=how.action, status=how.status, notice=how.notice, remote=key.remote)
        return classify(bounce)
    found = Found(recipient, key.text, how.action, how.status, key.remote, how.stage, terms=how.terms)
    bounce = bounce_of(found)
    return classify(replace(bounce, notice=how.notice) if how.notice else bounce)


def _reread(bounce: Bounce, key: _Key) -> Failure:
    reply = bounce.reply
    return classify(
        replace(
            bounce,
            reply=Reply(reply.code, reply.enhanced, key.text, reply.wrapped_by),
            recipient=_someone(key.domain),
            receiver=key.remote,
            remote_mta=key.remote,
            sender=None,
        )
    )


def _said(failure: Failure, text: str) -> Said:
    reply = failure.bounce.reply
    return Said(
        cause=failure.cause,
        party=failure.party,
        type=failure.type,
        suppress=failure.suppress,
        scope=failure.scope,
        confidence=failure.confidence.value,
        provider=failure.provider,
        code=reply.code,
        enhanced=reply.enhanced or failure.bounce.status,
        blocklist=_blocklist(failure, text) if failure.party.value == "sender-reputation" or "blocklist" in failure.cause else None,
        rule=failure.rule,
        text=_shown(reply.text or text),
    )


def said_of(failure: Failure, text: str) -> Said:
    """The Said of a diagnosis that somebody made already. Pure."""
    return _said(failure, text)


def _shown(text: str) -> str:
    text = _PLACED.sub(PLACE, " ".join(text.split()))
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def shown(text: str) -> str:
    """A reply as it is shown with a kind: without what differs from address to address. Pure."""
    return _shown(_kind(text, ""))


@lru_cache(maxsize=1 << 12)
def provider_of_domain(domain: str) -> str | None:
    """The provider whose addresses end in a domain, or None."""
    return _domains().get(domain.lower()) if domain else None


_provider_of_host = lru_cache(maxsize=1 << 12)(provider_of_host)


@cache
def _someone(provider: str | None) -> str | None:
    row = catalog().providers.get(provider) if provider else None
    return f"someone@{row.domains[0]}" if row and row.domains else None


# ------------------------------------------------------------------ what is put aside


def _words(text: str) -> tuple[str, ...] | None:
    """Words of the knowledge base that stand in a part that is put aside, the longest only; None where one touches an @, so that it has to stay."""
    low = text.lower().encode("utf-8", "replace")
    found = _index().words.find(low)
    if not found:
        return ()
    numbers = tuple(map(_number, found))
    if numbers in _MET:  # which words were met decides; where they stand matters only beside digits
        return _MET[numbers]
    whole, odd = _index().whole, _numerals()  # a number within a longer one is no word
    met = {low[start:end].decode("utf-8", "replace") for n, start, end in found if n not in odd and (n not in whole or _whole(low, start, end))}
    words = None if any("@" in word or " " in word for word in met) else tuple(sorted(w for w in met if not any(w != other and w in other for other in met)))
    if whole.isdisjoint(numbers):
        if len(_MET) >= KEPT:
            _MET.clear()
        _MET[numbers] = words
    return words


_MET: dict[tuple[int, ...], tuple[str, ...] | None] = {}
_number = itemgetter(0)


@cache
def _numerals() -> frozenset[int]:
    """Needed words that are short numbers, or a lone @. A pattern that needs one has words of its own around it, which no address or id has."""
    known = _index()
    only = known.needers - known.fragments - known.signed
    out = set()
    for text in ("@", *(f"{n}" for n in range(1000))):
        out |= {number for number, start, end in known.words.find(text.encode()) if end - start <= 3}
    return frozenset(out & only)


def _placed(address: str) -> str:
    words = _words(address)
    return address if words is None else f"{'.'.join(words)}@example.com" if words else PLACE


_HOST = re.compile(r"\bhost ([A-Za-z0-9._-]{3,255})(?=\s?\[)")
_VARIES = re.compile(
    r"(?P<addr>[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,80}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,200}[A-Za-z0-9])?)"
    r"|(?P<ip4>(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w]|\.\d))"
    r"|(?P<ip6>(?<![\w:.])(?:[0-9a-fA-F]{1,4}:){2,7}(?::?[0-9a-fA-F]{1,4}){1,6}(?![\w:]))"
    r"|(?P<token>\b(?![2-5]\d\d[-.])(?=[A-Za-z._+-]{0,60}\d)[A-Za-z0-9](?:[A-Za-z0-9._+-]|:(?=\d)){9,200})"
    r"|(?P<number>(?<![\w.:-])\d{5,19}(?![\w.-]))"
)
_PARTS = re.compile(r"[A-Za-z0-9]{6,}")
WORDS = 1 << 12  # words that are held with what they become


def _kind(text: str, recipient: str) -> str:
    """A reply without what differs from address to address. Linear: each repetition is bounded."""
    text = text[:8000]
    if "host " in text:
        text = _HOST.sub(lambda found: "host " + _hosted(found.group(1)), text)
    known = _COMMON
    text = " ".join([known.get(word) or _word(word) for word in text.split(" ")])
    domain = recipient.rpartition("@")[2]
    if len(domain) > 3 and "." in domain and domain != "example.com" and domain in text and not provider_of_domain(domain) and not _words(domain):
        text = text.replace(domain, "example.com")
    return text


def _hosted(host: str) -> str:
    words = _words(host)
    if words is None:
        return host
    return provider_of_host(host) or ".".join([*words, "mx.example.com"])


_COMMON: dict[str, str] = {}  # words of replies as they come again and again: none that has an address or an id in it


def _word(word: str) -> str:
    out = _VARIES.sub(_aside, word)
    if out == word and len(word) < 40:
        if len(_COMMON) >= WORDS:
            _COMMON.clear()
        _COMMON[word] = out
    return out


def _aside(found: re.Match[str]) -> str:
    part = found.group()
    which = found.lastgroup
    if which == "addr":
        if part == PLACE or part.endswith("@example.com"):
            return part
        # a sign of punctuation that ends a sentence is no part of an address
        return _placed(part)
    if which in ("ip4", "ip6"):
        return part if _words(part) else "192.0.2.1" if which == "ip4" else "2001:db8::1"
    if which == "number":
        return part if _words(part) else "00000"
    return _token(part)


def _token(part: str) -> str:
    if sum(map(str.isdigit, part)) < 2 or part.replace(".", "").isdigit():
        return part
    if not _words(part):
        return "ID"
    return _PARTS.sub(lambda one: "ID" if sum(map(str.isdigit, one.group())) > 1 and not _words(one.group()) else one.group(), part)


# ------------------------------------------------------------------ the list that a reply names


@cache
def _lists() -> tuple[tuple[tuple[str, str], ...], ...]:
    """Marks of each list, with its zone: zones, then the domains they are under, then the operators' names."""
    rows = [row.zone.replace("{key}.", "") for row in catalog().blocklists]
    own = [(zone, ".".join(zone.split(".")[-2:])) for zone in rows]
    return (
        tuple((zone, zone) for zone in rows),
        tuple((domain, zone) for zone, domain in own),
        tuple((domain.partition(".")[0], zone) for zone, domain in own if len(domain.partition(".")[0]) > 5),
    )


def _blocklist(failure: Failure, text: str) -> str | None:
    """The zone of the list that a reply names, or what stands there in its place; None where it names none."""
    low = (text or failure.bounce.reply.text).lower()
    for marks in _lists():
        for mark, zone in marks:
            if mark in low:
                return zone
    rule = next((row for row in catalog().rules if row.id == failure.rule), None) if failure.rule else None
    if rule and rule.pattern and "(?P<list>" in rule.pattern:
        found = _searcher(rule.pattern).search(low)
        name = found.groupdict().get("list") if found else None
        return name.strip(".,;:()<>[]'\"").lower() or None if name else None
    return None
