"""The third question: ten thousand mails came back. How many of how many, what do they have in common, and whom do I stop mailing?

    many(["export.csv", "mail.log.gz", "bounces/"]) -> Result

Reads every input once, as a stream; no network. What is told of the whole stands in bounce/many/, what is read in bounce/many/sources.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .bounce.many.decide import decisions, offers
from .bounce.many.outages import outages
from .bounce.many.patterns import patterns
from .bounce.many.policy import Policy
from .bounce.many.rates import rates
from .bounce.many.sources import Feed, FileRead, Trouble, With
from .bounce.many.tally import Many
from .errors import InputError
from .feeds import feeds
from .model import Decision, Event, Offer, Outage, Pattern, Rates
from .reading import SMALL, Progress, Reading, can_spread, collecting_less

__all__ = ["Feed", "FileRead", "Progress", "Result", "Trouble", "many"]


@dataclass(frozen=True)
class Result:
    """What many bounces say.

    many        everything that is remembered: addresses (`many.ledger`) and counters (`many.tally`)
    rates       of the whole, by campaign, provider, sending domain and day; without a denominator a rate's percent is None and its `why` says so
    patterns    what the failures have in common; those found, and those that could not be judged
    outages     days on which a provider was not itself; what it said then is held, or not counted
    offers      domains that may be suppressed as a whole: for a human to take
    files       what each input was taken for, how much was read, and what could not be
    now         the time that the decisions are as of
    """

    many: Many
    rates: Rates
    patterns: tuple[Pattern, ...]
    outages: tuple[Outage, ...]
    offers: tuple[Offer, ...]
    files: tuple[FileRead, ...]
    policy: Policy
    now: float
    kind: str = "marketing"
    sent: int | None = None
    seconds: float = field(default=0.0, compare=False)  # for reading, without what was made of it

    def decisions(self, *, every: bool = False) -> Iterator[Decision]:
        """What to do with each address that failed or was closed, by address; worked out anew each time, so that a million of them need no memory."""
        return decisions(self.many, self.policy, self.now, self.outages, every=every)

    @property
    def unreadable(self) -> tuple[FileRead, ...]:
        """The inputs of which nothing was understood."""
        return tuple(file for file in self.files if file.unreadable)

    @cached_property
    def nothing_read(self) -> bool:
        """Whether there is nothing to tell of: no input could be read."""
        return not self.many.events and (not self.files or all(file.unreadable or file.form == "unknown" for file in self.files))


def many(
    inputs: Iterable[str | Path | Feed],
    *,
    sent: int | None = None,
    kind: str = "marketing",
    campaign: str = "",
    now: float | None = None,
    policy: Policy | None = None,
    jobs: int = 1,
    progress: Callable[[Progress], None] | None = None,
    events_to: Callable[[Event], None] | None = None,
) -> Result:
    """Read bounces and deliveries from files of any size, and say what they amount to.

    inputs     paths of files or folders, "-" for standard input, or Feeds; in any order, which changes nothing: bounce mails, mailboxes, maildirs,
               CSV and JSON exports of services, logs of Postfix, Exim and Sendmail, answers of `explain`, events of our own; also packed (.gz, .bz2, .xz).
               Each is recognised by what is in it.
    sent       how many messages were sent, where the inputs do not say; the denominator of the rates
    kind       of mail: "marketing", "transactional" or "cold", which has stricter bands
    campaign   the campaign of events that name none
    now        seconds since 1970: the time that decisions are as of, and before which a log's lines without a year happened. Without it decisions are
               as of the newest event, so that the same input gives the same answer on any day.
    policy     when an address is given up; Policy() where None
    jobs       processes; one does it all where the system cannot fork
    progress   called every now and then; events_to  called with every event (one process)

    The result says what servers answered, not what is true. What could not be read is in `files`, and never counted as delivered.
    Raises InputError for a path that cannot be read, a `sent` or a `kind` that is none; nothing for what is in a file.
    Cost: about 25 µs an event; memory for what is remembered of each address (some 0.5 kB), whatever the size of the inputs. No network.
    Standard: RFC 5321, RFC 3463, RFC 3464, RFC 5965.

    >>> from io import BytesIO
    >>> csv = b"email,event,reason\\nlena@example.com,bounce,550 5.1.1 no such user\\n"
    >>> result = many([Feed("export.csv", lambda: BytesIO(csv))])
    >>> [(one.recipient, one.action.value) for one in result.decisions()]
    [('lena@example.com', 'suppress')]
    """
    begun = time.monotonic()
    wanted = feeds(inputs)
    if not wanted:
        raise InputError("There is nothing to read: the folder holds no file.")
    policy = policy or Policy()
    rates(Many(), policy, kind=kind, sent=sent)  # says at once what is wrong with them
    given = With(now if now is not None else time.time(), campaign)
    reading = Reading(wanted, given, progress, events_to)
    with collecting_less():
        if jobs > 1 and events_to is None and can_spread() and (len(wanted) > 1 or (wanted[0].size or SMALL) >= SMALL):
            held = reading.spread(min(jobs, 64))
        else:
            held = reading.alone()
        reading.tell(True)
        seconds, files = time.monotonic() - begun, reading.files()
        del reading, given  # what was kept for reading makes room
        at = now if now is not None else held.latest if held.latest is not None else 0.0
        found = outages(held, policy)
        return Result(
            held,
            rates(held, policy, kind=kind, sent=sent),
            patterns(held, policy, sent=sent, found=found),
            found,
            offers(held, policy),
            files,
            policy,
            at,
            kind,
            sent,
            seconds,
        )
