"""A short text without a code: a bounce where the knowledge base knows its words, be they a receiver's or a mail service's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ..catalog import catalog
from ..model import Bounce, Confidence, Party, Reply
from ..vocabulary import Service, Word, forms, meanings, plain
from .classify import classify
from .readings import reading
from .rules import see
from .weights import GENERAL

LONGEST = 1200  # characters; a longer text is a letter, and a letter holds every word by chance
LEAST = GENERAL + 8  # a wording of eight characters at least


def phrase(text: str) -> Bounce | None:
    """The bounce that a text without a code is, or None where no wording of a receiver stands in it.

    The reader knows the forms of a bounce; this knows only words, and so asks for a few of them in a short text, one that is not
    a lone link or label. A weak wording counts only for what is no bounce at all (an absence note). Pure.

    >>> phrase("Recipient address rejected: User unknown in local recipient table") is not None
    True
    >>> phrase("Thank you for lunch") is None
    True
    """
    words = " ".join(text.split())
    if not words or len(words) > LONGEST or (words.isascii() and " " not in words):
        return None
    bounce = Bounce(Reply(None, None, words))
    for one in reading(see(bounce, words), words).found:
        told = catalog().causes[one.cause].party is Party.NOT_A_BOUNCE
        if (one.weight >= LEAST and one.source in ("provider", "general")) or (told and one.source == "weak"):
            return bounce
    return None


LONGEST_WORD = 160
_AROUND = " \"'`“”.:;,"


def service_word(text: str) -> Bounce | None:
    """The bounce that a text is which is nothing but a word of a mail service: "SES: Permanent/NoEmail", "bounce_class 25", "Mailgun 605".

    None for any other text, and for a word under which two services file different causes. Pure.

    >>> service_word("OnAccountSuppressionList").esp
    'amazon_ses'
    """
    if len(text) > LONGEST_WORD:
        return None
    known, bare = _written(), " ".join(text.split()).strip(_AROUND)
    found = known.get(bare.casefold()) or known.get(plain(bare))
    if found is None:
        return None
    service, word = found
    if word.alone and " " in bare and bare.casefold() in word.last and classify(Bounce(Reply(None, None, bare))).confidence is Confidence.CERTAIN:
        return None  # "Invalid email address": no service's words alone
    return Bounce(Reply(None, None, service.spoken(word)), esp=service.id, esp_terms=word.values)


@cache
def _written() -> Mapping[str, tuple[Service, Word]]:
    """Every word of every service, however people write it. Of a form that two services share, what it is read as must be one thing."""
    out: dict[str, tuple[Service, Word]] = {}
    twice = set()
    for service in catalog().services.values():
        meant = meanings(service)
        for word in service.words:
            for form in forms(service, word, meant):
                if out.setdefault(form, (service, word))[1].cause != word.cause:
                    twice.add(form)
    return {form: found for form, found in out.items() if form not in twice}
