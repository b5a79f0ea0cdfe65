"""What mail services call a bounce, to look up both ways: from a cause to their words, and from a word to the cause. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from ..catalog import catalog
from ..vocabulary import Service, Word, forms, plain, slug

MOST = 8  # causes that are named of those that a word stands for


class Named(NamedTuple):
    """A word of a service, with what it stands for."""

    service: Service
    word: Word

    @property
    def title(self) -> str:
        return self.service.spoken(self.word)

    @property
    def page(self) -> str:
        """Where it leads: to its cause, or, where it stands for several, to its place among the service's words."""
        return f"/causes/{self.word.cause}" if self.word.cause else f"/services/{self.service.id}#{slug(self.word)}"

    @property
    def stands_for(self) -> str:
        titles = [catalog().causes[cause].title for cause in self.word.causes]
        if len(titles) > MOST:
            titles = [*titles[:MOST], f"and {len(titles) - MOST} more"]
        if self.word.cause:
            return "; or else ".join([titles[0], "; ".join(titles[1:])]) if titles[1:] else titles[0]
        return "One word for several causes: " + "; ".join(titles) if titles[1:] else "It says no more than that the mail came back."


def _every() -> Iterator[Named]:
    for service in catalog().services.values():
        for word in service.words:
            yield Named(service, word)


@cache
def _written() -> Mapping[str, tuple[Named, ...]]:
    """The words by each way in which people write them; also those that several services have, and a value without what stands before it."""
    out: dict[str, list[Named]] = {}
    for one in _every():
        values = map(plain, (one.title, one.word.values[-1], *one.word.alias))
        for form in {*forms(one.service, one.word), *values}:
            out.setdefault(form, []).append(one)
    return {form: tuple(sorted(found, key=lambda one: one.word.cause is None)) for form, found in out.items()}


def named(text: str) -> tuple[Named, ...]:
    """The words of services that a text is: "OnAccountSuppressionList", "bounce_class 25", "Mailgun 605"; those that decide first.

    >>> [one.word.cause for one in named("Mailgun 605")]
    ['esp-suppressed']
    """
    return _written().get(plain(text[:200]), ())


def called(cause: str) -> list[dict[str, Any]]:
    """What each service calls a cause: {id, name, words}; of each the words that are read as the cause, else those that cover it among others."""
    out = []
    for service in catalog().services.values():
        own = [word for word in service.words if word.cause == cause]
        words = own or [word for word in service.words if cause in word.also][:2]
        if words:
            out.append({"id": service.id, "name": service.name, "words": [dict(word.said) for word in words[:4]], "among_others": not own})
    return sorted(out, key=lambda row: str(row["name"]).casefold())


def equivalents(cause: str) -> dict[str, dict[str, str]]:
    """What the services that most people use call a cause, by the service's id: one word of each, one that means it alone where there is one."""
    out: dict[str, dict[str, str]] = {}
    for service in catalog().services.values():
        words = sorted((word for word in service.words if cause in word.causes), key=lambda word: (word.cause != cause, bool(word.also)))
        if service.main and words:
            out[service.id] = dict(words[0].said)
    return out


def listed() -> list[Service]:
    return sorted(catalog().services.values(), key=lambda service: service.name.casefold())


def service(id_: str) -> dict[str, Any] | None:
    """A service with its words, spelled out; None for an unknown one."""
    found = catalog().services.get(id_)
    if found is None:
        return None
    return {"id": found.id, "name": found.name, "source": found.source, "seen": found.seen, "words": [_row(word) for word in found.words]}


def _row(word: Word) -> dict[str, Any]:
    causes = catalog().causes
    return {
        "anchor": slug(word),
        "said": dict(word.said),
        "alias": list(word.alias),
        "cause": causes[word.cause] if word.cause else None,
        "also": [causes[cause] for cause in word.also],
        "type": word.type,
        "note": word.note,
    }


def entries() -> Iterator[tuple[str, str, str, list[str]]]:
    """For the search: the page, the title, what it stands for, and the names under which a word is looked for."""
    for one in _every():
        names = [one.service.name, *one.service.called, *one.word.said, *one.word.values, *one.word.alias]
        yield one.page, one.title, one.stands_for, names
