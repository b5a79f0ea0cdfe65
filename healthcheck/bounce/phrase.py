"""A short text without a code: a bounce where the knowledge base knows its words."""

from __future__ import annotations

from ..catalog import catalog
from ..model import Bounce, Party, Reply
from .readings import candidates
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
    for reading in candidates(see(bounce), words):
        told = catalog().causes[reading.cause].party is Party.NOT_A_BOUNCE
        if (reading.weight >= LEAST and reading.source in ("provider", "general")) or (told and reading.source == "weak"):
            return bounce
    return None
