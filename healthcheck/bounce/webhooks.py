"""Events of e-mail services, as their webhooks, queues and APIs write them: one, an array, or a line each."""

from __future__ import annotations

from collections.abc import Callable

from ..model import Bounce
from . import events_cloud, events_esp
from .events import MAX_EVENTS, Event, objects


def read(text: str) -> tuple[str, tuple[Bounce, ...]] | None:
    """The service and the Bounces of a pasted event, or None where it is no event of a known one. Never raises."""
    events = list(objects(text.lstrip("\ufeff").strip()))
    if not events:
        return None
    service, out = None, []
    for event in events[:MAX_EVENTS]:
        for name, reader in _READERS:
            got = reader(event)
            if got is not None:
                service = service or name
                out.extend(got[:MAX_EVENTS])
                break
    return (service, tuple(out[:MAX_EVENTS])) if service and out else None


_READERS: tuple[tuple[str, Callable[[Event], list[Bounce] | None]], ...] = (
    ("amazon_ses", events_cloud.amazon_ses),
    ("azure_acs", events_cloud.azure_acs),
    ("sparkpost", events_esp.sparkpost),
    ("mandrill", events_esp.mandrill),
    ("mailchimp", events_esp.mailchimp),
    ("postmark", events_esp.postmark),
    ("resend", events_cloud.resend),
    ("mailersend", events_cloud.mailersend),
    ("sendgrid", events_esp.sendgrid),
    ("mailgun", events_esp.mailgun),
    ("mailjet", events_esp.mailjet),
    ("brevo", events_esp.brevo),
    ("kumomta", events_cloud.kumomta),
    ("elastic_email", events_cloud.elastic_email),
)
