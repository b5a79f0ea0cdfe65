"""Events of Mailchimp: of its transactional mail (Mandrill), and of its audiences.

Each reader takes one object and gives its Bounces: none for an event that tells of no delivery (sent, opened), None where it is not its service's.
"""

from __future__ import annotations

from ..model import Bounce
from .events import Event, as_dict, as_list, as_sender, as_text, made

# https://mailchimp.com/developer/transactional/docs/webhooks/
_MANDRILL = {"hard_bounce": "failed", "soft_bounce": "failed", "deferral": "delayed", "reject": "failed", "spam": None, "unsub": None, "delivered": "delivered"}


_MANDRILL_QUIET = ("send", "open", "click")
_MANDRILL_NOTICE = {"spam": "complaint", "delivered": "receipt", "unsub": "not-a-bounce"}


def mandrill(event: Event) -> list[Bounce] | None:
    kind, message = as_text(event.get("event")), as_dict(event.get("msg"))
    if event.get("type") in ("blacklist", "whitelist") and isinstance(event.get("reject") or event.get("entry"), dict):
        return _mandrill_list(event)
    if event.get("status") in ("rejected", "invalid", "bounced") and "reject_reason" in event and "email" in event:  # the answer to a call that sends
        words = ("reject", event.get("reject_reason") or event["status"])
        return [made("mandrill", event["email"], "", words, action="failed", message_id=event.get("_id"))]
    if "email" not in message or not (kind in _MANDRILL or kind in _MANDRILL_QUIET):
        return None
    if kind in _MANDRILL_QUIET:
        return []
    tries, tags = as_list(message.get("smtp_events")), as_list(message.get("tags"))
    reason = as_text((as_dict(event.get("reject")) or as_dict(message.get("reject"))).get("reason"))
    return [
        made(
            "mandrill",
            message["email"],
            message.get("diag") or (as_dict(tries[-1]).get("diag", "") if kind == "deferral" and tries else ""),
            (kind, message.get("bounce_description"), message.get("bgtools_code"), reason),
            action=_MANDRILL[kind],
            notice=_MANDRILL_NOTICE.get(kind, ""),
            at=event.get("ts"),
            message_id=message.get("_id"),
            campaign=tags[0] if tags else None,
            sender=as_sender(message.get("sender")),
        )
    ]


def _mandrill_list(event: Event) -> list[Bounce]:
    """An address came onto the rejection list, or left it."""
    if event["type"] == "whitelist" or event.get("action") == "remove":
        return []
    row = as_dict(event.get("reject") or event.get("entry"))
    words = ("blacklist", event.get("action"), row.get("reason"))
    spoken = ("reject", *words)
    sender = as_sender(row.get("sender"))
    return [
        made(
            "mandrill",
            row.get("email"),
            row.get("detail") or "",
            spoken if not row.get("detail") else words,
            action="failed",
            at=event.get("ts"),
            sender=sender,
        )
    ]


# https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/
def mailchimp(event: Event) -> list[Bounce] | None:
    data = as_dict(event.get("data")) or {"reason": event.get("data[reason]"), "email": event.get("data[email]"), "campaign_id": event.get("data[campaign_id]")}
    if event.get("type") in ("subscribe", "unsubscribe", "profile", "upemail", "campaign") and "fired_at" in event and data:
        return [] if data.get("reason") != "abuse" else [made("mailchimp", data.get("email"), "", ("abuse",), action=None, notice="complaint")]
    if event.get("type") != "cleaned" or not data.get("email"):
        return None
    reason = as_text(data.get("reason"))
    notice = "complaint" if reason == "abuse" else ""
    return [
        made(
            "mailchimp",
            data["email"],
            "",
            ("cleaned", reason),
            action=None if notice else "failed",
            notice=notice,
            at=event.get("fired_at"),
            campaign=data.get("campaign_id"),
        )
    ]
