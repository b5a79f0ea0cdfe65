"""Many bounces: what happened to one message for one recipient, and what is made of an address."""

from __future__ import annotations

from dataclasses import dataclass
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
