"""Events by the line, for the tests of bounce/many."""

import itertools

from healthcheck.bounce.classify import classify
from healthcheck.bounce.many import Many
from healthcheck.bounce.read import read
from healthcheck.catalog import catalog
from healthcheck.model import Event, Happened, Party, Said, Suppress, Type

DAY = 86400
T0 = 20_000 * DAY  # 2024-10-04


def said(cause: str, **more) -> Said:
    """A cause as its row in causes.toml has it."""
    row = catalog().causes[cause]
    type_ = more.pop("type", row.type or (Type.HARD if row.suppress is Suppress.NOW or row.party.side == "sender" else Type.SOFT))
    suppress = more.pop("suppress", row.suppress)
    return Said(cause, row.party, type_, suppress, more.pop("scope", row.scope), "certain", **more)


def reply(text: str, **more) -> Said:
    """A reply as the program reads it: cause, party and suppression are what its rules say."""
    failure = classify(read(text).bounces[0])
    return Said(failure.cause, failure.party, failure.type, failure.suppress, failure.scope, failure.confidence.value, failure.provider, text=text, **more)


def at(day: float) -> float:
    return T0 + day * DAY


_messages = itertools.count(1)


class Stream:
    """Makes events in which only what matters has to be named; each has a source and a message of its own."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def put(self, happened: Happened, who: str = "", day: float | None = 0, what: Said | None = None, **more) -> "Stream":
        n = len(self.events) + 1
        more.setdefault("message", f"m{next(_messages)}")
        more.setdefault("source", f"log:{n:06d}")
        more.setdefault("sender", "example.com")
        self.events.append(Event(happened, who, None if day is None else at(day), what, **more))
        return self

    def delivered(self, who="", day=0, **more):
        return self.put(Happened.DELIVERED, who, day, **more)

    def bounced(self, who="", day=0, what=None, **more):
        return self.put(Happened.BOUNCED, who, day, said(what) if isinstance(what, str) else what, **more)

    def deferred(self, who="", day=0, what=None, **more):
        return self.put(Happened.DEFERRED, who, day, said(what) if isinstance(what, str) else what, **more)

    def many(self) -> Many:
        many = Many()
        for event in self.events:
            many.add(event)
        return many


SENDER_SIDE = tuple(party for party in Party if party.side == "sender")
