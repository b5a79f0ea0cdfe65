"""What mail services call a bounce: data/services.toml, both ways.

A service files each bounce under a word of its own ("Permanent" and "NoEmail", class 25, "suppress-bounce"). `Word` says which cause that is
read as, or that it stands for several. From the same rows come the reading of an event that brings no reply of a receiver, the reading of a
word that somebody pastes, and what a cause is called by each service.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import CatalogError


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word, or a few that go together, under which a service files a bounce.

    cause   what it is read as; None where it stands for several causes, and so decides none
    also    the other causes that the service files under it
    alias   the same, as its pages or its numbers have it ("512", "Spam notification")
    alone   it means this even where the service is not named beside it
    """

    said: Mapping[str, str]  # field of an event -> value, in the order in which they are read out
    cause: str | None = None
    also: tuple[str, ...] = ()
    alias: tuple[str, ...] = ()
    alone: bool = False
    confidence: str | None = None
    type: str | None = None
    suppress: str | None = None
    note: str | None = None

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(self.said.values())

    @property
    def first(self) -> tuple[str, ...]:
        return tuple(value.casefold() for value in self.values[:-1])

    @property
    def last(self) -> tuple[str, ...]:
        return tuple(value.casefold() for value in (self.values[-1], *self.alias))

    @property
    def decides(self) -> bool:
        """Whether it is the word for one cause and no other."""
        return self.cause is not None and not self.also and self.confidence != "guess"

    @property
    def causes(self) -> tuple[str, ...]:
        return (self.cause, *self.also) if self.cause else self.also


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A mail service, or a gateway, with its vocabulary. `called`: other names that people use for it, lower case."""

    id: str
    name: str
    source: str
    seen: str
    called: tuple[str, ...] = ()
    main: bool = False  # shown beside every answer
    words: tuple[Word, ...] = field(default_factory=tuple)

    def word(self, terms: Iterable[str]) -> Word | None:
        """The word that an event's terms are: the first of which all values are among them, the last perhaps by another name. None for no known one."""
        given = {term.casefold() for term in terms}
        return next((word for word in self.words if given.issuperset(word.first) and not given.isdisjoint(word.last)), None)

    def spoken(self, word: Word) -> str:
        """A word as a text that says whose it is, and where it stands in the event."""
        return self.name + ": " + " / ".join(f"{key} {value}" for key, value in word.said.items())

    def clear(self, value: str) -> bool:
        """Whether a value means one thing, wherever this service uses it."""
        return len(meanings(self).get(plain(value), ())) == 1


def load(raw: Mapping[str, Mapping[str, Any]], causes: Container[str]) -> dict[str, Service]:
    """The services of services.toml. Raises CatalogError for a table that is not of the form, or that names a cause which `causes` has not."""
    out = {}
    for id_, table in raw.items():
        try:
            out[id_] = _service(id_, table)
        except (TypeError, AttributeError) as error:
            raise CatalogError(f"services.toml: {id_}: {error}") from None
        for word in out[id_].words:
            for cause in word.causes:
                if cause not in causes:
                    raise CatalogError(f"services.toml: {id_}: {'/'.join(word.values)}: cause “{cause}” has no row in causes.toml.")
    return out


def _service(id_: str, raw: Mapping[str, Any]) -> Service:
    words = tuple(Word(**{**row, "also": tuple(row.get("also", ())), "alias": tuple(row.get("alias", ()))}) for row in raw.get("words", ()))
    return Service(**{**raw, "id": id_, "called": tuple(raw.get("called", ())), "words": words})


def rules(one: Service, providers: Container[str]) -> Iterator[dict[str, Any]]:
    """The rows of the knowledge base by which this service's words are read, as replies/*.toml would have them.

    A word that decides nothing is a row too: what is read is then why nothing can be told. Such a row is weak, so that a code goes before it.
    """
    for word in one.words:
        text = one.spoken(word)
        own = one.id in providers
        row: dict[str, Any] = {
            "id": f"{one.id}/said-{slug(word)}" if own else f"services/{one.id}-{slug(word)}",
            "file": "services.toml",
            "text": [" ".join(text.casefold().split())],
            "cause": word.cause or "unknown",
            "weak": word.cause is None,
            "confidence": word.confidence or ("likely" if word.cause else "guess"),
            "example": text,
            "source": one.source,
            "seen": one.seen,
        }
        more = (("provider", one.id if own else None), ("type", word.type), ("suppress", word.suppress), ("note", word.note))
        yield row | {key: value for key, value in more if value}


def equivalents(one: Service) -> dict[str, Mapping[str, str]]:
    """What the service calls each cause: of several words the first.

    Beside a receiver's reply a word counts only where it is that of one cause (bounce/readings.py). So a word that stands for several is
    here beside several, or beside none.
    """
    out: dict[str, Word] = {}
    for word in one.words:
        for cause in word.causes:
            out.setdefault(cause, word)
    often = Counter(id(word) for word in out.values())
    return {cause: word.said for cause, word in out.items() if word.decides or cause == "unknown" or often[id(word)] > 1}


def slug(word: Word) -> str:
    """
    >>> slug(Word(said={"bounceType": "Permanent", "bounceSubType": "NoEmail"}))
    'permanent-noemail'
    """
    parts = word.values if len(word.said) > 1 else next(iter(word.said.items()))
    return re.sub(r"[^a-z0-9_]+", "-", "-".join(parts).lower()).strip("-")


def plain(text: str) -> str:
    """A text as names are compared, however it is written: camel case, with blanks, hyphens or underscores.

    >>> plain('"bounceSubType": "No_Email"') == plain("Bounce sub-type: NoEmail")
    True
    """
    return _BETWEEN.sub("", text).casefold()


_BETWEEN = re.compile(r"[\W_]+")


def meanings(one: Service) -> dict[str, set[str | None]]:
    """What each value of a service's words may mean, as causes; the values as `plain` has them."""
    out: dict[str, set[str | None]] = {}
    for word in one.words:
        for value in word.values:
            out.setdefault(plain(value), set()).add(word.cause)
    return out


def forms(one: Service, word: Word, meant: Mapping[str, set[str | None]] | None = None) -> frozenset[str]:
    """How people write the word, as `plain` has it: after the service's name, after its field's, or, where it says enough, alone.

    "SES: Permanent/NoEmail", "bounceType: Permanent, bounceSubType: NoEmail", "SES NoEmail", "bounce_class 25", "Mailgun 605". A value alone
    ("mailbox_full") is among them as the service writes it: "mailbox full" may be anybody's words. meant: meanings(one), for who asks for many.
    """
    pairs = [(plain(key), plain(value)) for key, value in word.said.items()]
    key, last = pairs[-1]
    alone = {plain(alias) for alias in word.alias}
    if len((meanings(one) if meant is None else meant).get(last, ())) == 1:
        alone |= {last, key + last}
    fields = {"".join(key + value for key, value in pairs)}
    if len(pairs) > 1:
        fields.add("".join(value for _, value in pairs))
    named = {plain(name) + form for name in (one.name, *one.called) for form in alone | fields}
    return frozenset(named | fields | ({said for said in word.last if len(said) > 3} if word.alone else set()))
