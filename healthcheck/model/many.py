"""Many bounces: what happened to one message for one recipient, and what is made of an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from .bounce import Party, Suppress, Type


class Happened(StrEnum):
    """What an event says. A bounce is final or soft; a deferral says that tries go on, and is counted nowhere until it ends."""

    SENT = "sent"  # handed over; only for the denominator
    DELIVERED = "delivered"
    BOUNCED = "bounced"  # a final failure of the message
    DEFERRED = "deferred"
    COMPLAINT = "complaint"
    UNSUBSCRIBED = "unsubscribed"
    DROPPED = "dropped"  # the service did not send at all, as the address is on its suppression list: left out of every rate
    OTHER = "other"  # opens, clicks, automatic answers: no news about delivery


@dataclass(frozen=True, slots=True)
class Said:
    """What a reply (or a service's word) was read as: everything of a Failure that does not depend on who and when. Shared by many events."""

    cause: str
    party: Party
    type: Type | None
    suppress: Suppress
    scope: str  # address | domain
    confidence: str
    provider: str | None = None
    code: int | None = None
    enhanced: str | None = None
    blocklist: str | None = None  # the list that the reply names, where it names one
    rule: str | None = None
    text: str = ""  # the first reply that was read so, shortened: the evidence that is shown


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one message for one recipient.

    recipient   normalised: the domain in lower case, A-labels; "" where the event names none (it counts in rates, and decides about no address)
    at          seconds since 1970 UTC, or None where the source does not say
    said        None for anything but BOUNCED, DEFERRED and COMPLAINT
    message     an id that is the same for all events of one message, as far as the source has one; sender: the From or envelope domain
    source      "file:line" or "file#n", for the evidence
    """

    happened: Happened
    recipient: str = ""
    at: float | None = None
    said: Said | None = None
    message: str = ""
    campaign: str = ""
    sender: str = ""
    provider: str = ""  # who takes the recipient's mail: the provider of the reply, of the MX, else the recipient's domain
    source: str = ""

    @property
    def domain(self) -> str:
        return self.recipient.rpartition("@")[2]


class Action(StrEnum):
    """What to do with an address."""

    SUPPRESS = "suppress"
    COUNT = "count"  # mail it on, and remember
    HOLD = "hold"  # leave it out until somebody has looked, or until `expires`
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with one address, and why.

    why       key of [why] in data/policy.toml; its text has slots for the fields of this decision
    since     the time of the event that decided, in seconds, or None where its source has none; source is where that event stands
    first, last   the oldest and the newest event that were counted, and `days` the whole days between; expires is when the count, or the hold, ends by itself: None for never
    sources   all events that were counted, oldest first; at most twenty
    scope     "domain": the whole domain may be suppressed; that is offered (`offers`) and never done
    delivered when this address last took mail; it may be later than `since`
    text      what was replied, as far as it was kept
    """

    recipient: str
    action: Action
    why: str
    cause: str | None = None
    since: float | None = None
    source: str = ""
    count: int = 0
    limit: int = 0
    last: float | None = None
    expires: float | None = None
    sources: tuple[str, ...] = ()
    scope: str = "address"
    provider: str = ""
    delivered: float | None = None
    text: str = ""
    first: float | None = None

    @property
    def days(self) -> int:
        return int((self.last - self.first) // 86400) if self.first is not None and self.last is not None else 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A domain that may be suppressed as a whole: its replies say that it takes no mail, and no address there took any since."""

    domain: str
    cause: str
    addresses: int
    since: float | None
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """A day on which a provider was not itself. start and end are seconds (the UTC day).

    kind    "denies": it called its users unknown, far more often than it does; "unreachable": hardly anybody got through to it
    count   how many messages, usual what is usual on a day with mail; proven how many of the addresses took mail afterwards
    """

    provider: str
    kind: str
    start: float
    end: float
    count: int
    usual: float
    proven: int = 0
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages, by what became of them. uncounted: failed by greylisting, a busy mailbox or a full server, which no rate holds against anybody."""

    sent: int = 0
    delivered: int = 0
    hard: int = 0
    soft: int = 0
    block: int = 0
    uncounted: int = 0
    complaint: int = 0
    unsubscribed: int = 0
    dropped: int = 0
    deferred: int = 0

    @property
    def bounced(self) -> int:
        return self.hard + self.soft + self.block

    @property
    def seen(self) -> int:
        """Messages whose fate is known, and those still under way."""
        return self.delivered + self.bounced + self.uncounted + self.deferred


@dataclass(frozen=True, slots=True)
class Rate:
    """One measure. percent is None where it cannot be told, and `why` (a key of [why] in data/rates.toml) says the reason; band is None also where
    the measure has no bands, or none for this dimension. lines: ids of the [[line]] of data/rates.toml that it has crossed."""

    measure: str  # hard | soft | block | total | deferred | complaint
    count: int
    of: int | None
    percent: float | None = None
    band: str | None = None
    why: str = ""
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RateRow:
    dimension: str  # total | campaign | provider | sender | day
    name: str
    counts: Counts
    rates: tuple[Rate, ...]

    def rate(self, measure: str) -> Rate:
        return next(r for r in self.rates if r.measure == measure)


@dataclass(frozen=True, slots=True)
class Rates:
    kind: str  # marketing | transactional | cold
    total: RateRow
    by: Mapping[str, tuple[RateRow, ...]]


@dataclass(frozen=True, slots=True)
class Proof:
    """An event that shows a pattern."""

    source: str
    at: float | None
    recipient: str
    cause: str


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of the sender that explains a whole cluster. Without a domain none can be made."""

    domain: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A cluster of failures with one cause behind it.

    slug     its row in data/patterns.toml: title, meaning, next; variant: a key of the row's [choices], with words that fit better
    state    "found", or "could-not-check" where what is needed to tell is not there: `why` is a key of [why] in data/patterns.toml
    values   what fills the slots of the words; count of how many messages (or addresses), of what is known of them all
    """

    slug: str
    state: str
    variant: str = ""
    why: str = ""
    values: Mapping[str, str | int | float] = field(default_factory=dict)
    count: int = 0
    of: int | None = None
    events: tuple[Proof, ...] = ()
    addresses: tuple[str, ...] = ()
    scan: Scan | None = None
