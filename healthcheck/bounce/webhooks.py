"""Events of e-mail services, as their webhooks, queues and APIs write them: one, an array, or a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..model import Bounce, Reply
from . import events_cloud, events_esp, events_mailchimp, events_more, events_ses
from .events import MAX_EVENTS, Event, pieces, within

# The lists in which services and their APIs pack several events: Mailtrap, Mailgun, SparkPost, Postmark, UniOne, SES, Event Hubs.
_PACKED = ("events", "items", "results", "Bounces", "bounces", "events_by_user", "records", "data", "SuppressedDestinationSummaries")
_DEEPEST = 3


def read(text: str) -> tuple[str, tuple[Bounce, ...], int] | None:
    """The service and the Bounces of a pasted event, or None where it is no event of a known one. Never raises.

    Of several, those that cannot be read, or that no known service wrote, are left out; last stands how many. Where all that is told of is
    that mails were sent, opened or clicked, one Bounce says that this is none.
    """
    return _of(*pieces(text.lstrip("\ufeff").strip()))


def read_within(text: str) -> tuple[str, tuple[Bounce, ...], int] | None:
    """The same of events that stand inside other text, or are cut short; None where what they tell of is no failure."""
    got = _of(within(text), 0) if "{" in text and '":' in text.replace(" ", "") else None
    return got if got and any(bounce.notice != "not-a-bounce" for bounce in got[1]) else None


def _of(events: list[Event], left_out: int) -> tuple[str, tuple[Bounce, ...], int] | None:
    each = [list(_told(event, _DEEPEST)) for event in events]
    told = [one for ones in each for one in ones]
    if not told:
        return None
    left_out += sum(not ones for ones in each)
    service = next((name for name, got in told if got), told[0][0])
    out = tuple(bounce for _, got in told for bounce in got)[:MAX_EVENTS]
    return service, out or (Bounce(Reply(None, None, ""), notice="not-a-bounce", esp=service),), left_out


def _told(event: Event, deep: int) -> Iterator[tuple[str, list[Bounce]]]:
    """What an object tells: by the reader that knows it, or of the events that are packed in it."""
    for name, reader in _READERS:
        got = reader(event)
        if got is not None:
            yield name, got[:MAX_EVENTS]
            return
    if not deep:
        return
    for key in _PACKED:
        packed = event.get(key)
        for inner in packed[:MAX_EVENTS] if isinstance(packed, list) else ():
            if isinstance(inner, dict):
                yield from _told(inner, deep - 1)


_READERS: tuple[tuple[str, Callable[[Event], list[Bounce] | None]], ...] = (
    ("amazon_ses", events_ses.amazon_ses),
    ("azure_acs", events_cloud.azure_acs),
    ("sparkpost", events_esp.sparkpost),
    ("mandrill", events_mailchimp.mandrill),
    ("mailchimp", events_mailchimp.mailchimp),
    ("postmark", events_esp.postmark),
    ("resend", events_ses.resend),
    ("mailersend", events_cloud.mailersend),
    ("salesforce_marketing_cloud", events_cloud.salesforce),
    ("scaleway", events_cloud.scaleway),
    ("customer_io", events_more.customer_io),
    ("hubspot", events_more.hubspot),
    ("postal", events_more.postal),
    ("unione", events_more.unione),
    ("netcore", events_more.netcore),
    ("smtp2go", events_more.smtp2go),
    ("sweego", events_more.sweego),
    ("mailpace", events_more.mailpace),
    ("mailtrap", events_more.mailtrap),
    ("sendgrid", events_esp.sendgrid),
    ("mailgun", events_esp.mailgun),
    ("mailjet", events_esp.mailjet),
    ("brevo", events_esp.brevo),
    ("kumomta", events_cloud.kumomta),
    ("elastic_email", events_cloud.elastic_email),
)
