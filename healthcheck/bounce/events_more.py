"""Events of more services: Mailtrap, Postal, UniOne, Netcore, Customer.io, HubSpot, SMTP2GO, Sweego, MailPace.

Each reader takes one object and gives its Bounces: none for an event that tells of no delivery (sent, opened), None where it is not its service's.
The shape's documentation stands above each.
"""

from __future__ import annotations

from ..model import Bounce
from .events import Event, as_dict, as_sender, as_text, known, made

# https://docs.mailtrap.io/email-api-smtp/advanced/webhooks
_MAILTRAP = {
    "bounce": "failed",
    "soft bounce": "delayed",
    "suspension": "delayed",
    "reject": "failed",
    "delivery": "delivered",
    "spam": None,
    "unsubscribe": None,
}
_MAILTRAP_NOTICE = {"delivery": "receipt", "spam": "complaint", "unsubscribe": "not-a-bounce"}


def mailtrap(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("event")).replace("_", " ")
    if kind not in (*_MAILTRAP, "open", "click") or not ({"email", "event_id", "message_id"} <= event.keys()) or "sg_event_id" in event:
        return None
    if kind in ("open", "click"):
        return []
    text, code = as_text(event.get("response") or event.get("reason")), as_text(event.get("response_code"))
    return [
        made(
            "mailtrap",
            event["email"],
            f"{code} {text}" if code[:3].isdigit() and text and not text[:3].isdigit() else text,
            (kind, event.get("bounce_category")),
            action=_MAILTRAP[kind],
            notice=_MAILTRAP_NOTICE.get(kind, ""),
            at=event.get("timestamp"),
            message_id=event.get("message_id"),
            campaign=event.get("category"),
        )
    ]


# https://docs.postalserver.io/developer/webhooks
_POSTAL = {"HardFail": "failed", "SoftFail": "delayed", "Held": "delayed", "Sent": "delivered", "Bounced": "failed"}
_POSTAL_QUIET = ("MessageLinkClicked", "MessageLoaded", "DomainDNSError", "SendLimitApproaching", "SendLimitExceeded")


def postal(event: Event) -> list[Bounce] | None:
    payload, kind = as_dict(event.get("payload")) or event, as_text(event.get("event"))
    if kind in _POSTAL_QUIET and "payload" in event:
        return []
    message = as_dict(payload.get("message")) or as_dict(payload.get("original_message"))
    status = as_text(payload.get("status")) or ("MessageBounced" if "bounce" in payload and "original_message" in payload else "")
    if "token" not in message or status not in (*_POSTAL, "MessageBounced"):
        return None
    if message.get("direction") == "incoming":
        return []
    text = as_text(payload.get("output")) or ("" if status in ("Sent", "MessageBounced") else as_text(payload.get("details")))
    return [
        made(
            "postal",
            message.get("to"),
            text,
            (status,),
            action=_POSTAL.get(status, "failed"),
            notice="receipt" if status == "Sent" else "",
            at=payload.get("timestamp") or event.get("timestamp"),
            message_id=message.get("message_id"),
            campaign=message.get("tag"),
            sender=as_sender(message.get("from")),
        )
    ]


# https://docs.unione.io/en/web-api-ref#webhook-set (Unisender Go has the same)
_UNIONE = {"hard_bounced": "failed", "soft_bounced": "delayed", "delivered": "delivered", "spam": None, "unsubscribed": None}
_UNIONE_QUIET = ("sent", "opened", "clicked", "subscribed", "accepted")
_UNIONE_NOTICE = {"delivered": "receipt", "spam": "complaint", "unsubscribed": "not-a-bounce"}


def unione(event: Event) -> list[Bounce] | None:
    data = as_dict(event.get("event_data")) if event.get("event_name") == "transactional_email_status" else event
    status, info = as_text(data.get("status")), as_dict(data.get("delivery_info"))
    if event.get("event_name") == "transactional_spam_block":
        return []
    if "email" not in data or "job_id" not in data or status not in (*_UNIONE, *_UNIONE_QUIET):
        return None
    if status in _UNIONE_QUIET:
        return []
    return [
        made(
            "unione",
            data["email"],
            info.get("destination_response") or "",
            (status, info.get("delivery_status")),
            action=_UNIONE[status],
            notice=_UNIONE_NOTICE.get(status, ""),
            at=data.get("event_time"),
            message_id=data["job_id"],
        )
    ]


# https://emaildocs.netcorecloud.com/docs/webhooks
_NETCORE = {"bounced": "failed", "bounce": "failed", "invalid": "failed", "dropped": "failed", "spam": None, "abuse": None, "unsubscribed": None}
_NETCORE_QUIET = ("sent", "opened", "clicked", "processed", "delivered", "request")
_NETCORE_NOTICE = {"spam": "complaint", "abuse": "complaint", "unsubscribed": "not-a-bounce"}


def netcore(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("EVENT")).lower()
    if "EMAIL" not in event or "TRANSID" not in event or kind not in (*_NETCORE, *_NETCORE_QUIET):
        return None
    if kind in _NETCORE_QUIET:
        return []
    return [
        made(
            "netcore",
            event["EMAIL"],
            event.get("RESPONSE") or event.get("BOUNCE_REASON") or "",
            (kind, event.get("BOUNCE_TYPE")),
            action=_NETCORE[kind],
            notice=_NETCORE_NOTICE.get(kind, ""),
            at=event.get("TIMESTAMP"),
            message_id=event["TRANSID"],
            campaign=event.get("TAGS"),
            sender=as_sender(event.get("FROMADDRESS")),
        )
    ]


# https://docs.customer.io/api/webhooks
_CUSTOMER_IO = {
    "bounced": "failed",
    "dropped": "failed",
    "failed": "failed",
    "deferred": "delayed",
    "delivered": "delivered",
    "spammed": None,
    "unsubscribed": None,
}
_CUSTOMER_IO_NOTICE = {"delivered": "receipt", "spammed": "complaint", "unsubscribed": "not-a-bounce"}


def customer_io(event: Event) -> list[Bounce] | None:
    kind, data = as_text(event.get("metric")), as_dict(event.get("data"))
    if not kind or "event_id" not in event or event.get("object_type", "email") != "email" or not data:
        return None
    if kind not in _CUSTOMER_IO:
        return []
    return [
        made(
            "customer_io",
            data.get("recipient") or data.get("email_address"),
            data.get("failure_message") or data.get("bounce_message") or "",
            (kind,),
            action=_CUSTOMER_IO[kind],
            notice=_CUSTOMER_IO_NOTICE.get(kind, ""),
            at=event.get("timestamp"),
            message_id=data.get("delivery_id"),
            campaign=data.get("campaign_id"),
        )
    ]


# https://legacydocs.hubspot.com/docs/methods/email/email_events_overview
_HUBSPOT = {"BOUNCE": "failed", "DROPPED": "failed", "DEFERRED": "delayed", "DELIVERED": "delivered", "SPAMREPORT": None, "STATUSCHANGE": None}
_HUBSPOT_QUIET = ("SENT", "PROCESSED", "OPEN", "CLICK", "PRINT", "FORWARD", "SUPPRESSED", "UNBOUNCE")
_HUBSPOT_NOTICE = {"DELIVERED": "receipt", "SPAMREPORT": "complaint", "STATUSCHANGE": "not-a-bounce"}


def hubspot(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("type"))
    if "portalId" not in event or "recipient" not in event or kind not in (*_HUBSPOT, *_HUBSPOT_QUIET):
        return None
    if kind in _HUBSPOT_QUIET:
        return []
    reason = as_text(event.get("dropReason"))
    return [
        made(
            "hubspot",
            event["recipient"],
            event.get("response") or ("" if known("hubspot", reason) else event.get("dropMessage") or ""),
            (kind, event.get("category"), reason),
            action=_HUBSPOT[kind],
            notice=_HUBSPOT_NOTICE.get(kind, ""),
            at=event.get("created"),
            message_id=event.get("smtpId") or event.get("id"),
            campaign=event.get("emailCampaignId"),
            sender=as_sender(event.get("from")),
        )
    ]


# https://support.smtp2go.com/hc/en-gb/articles/223087827-Webhooks
_SMTP2GO = {"bounce": "failed", "reject": "failed", "delivered": "delivered", "spam": None, "unsubscribe": None}
_SMTP2GO_QUIET = ("processed", "open", "click", "resubscribe")
_SMTP2GO_NOTICE = {"delivered": "receipt", "spam": "complaint", "unsubscribe": "not-a-bounce"}


def smtp2go(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("event"))
    if "rcpt" not in event or "email_id" not in event or kind not in (*_SMTP2GO, *_SMTP2GO_QUIET):
        return None
    if kind in _SMTP2GO_QUIET:
        return []
    return [
        made(
            "smtp2go",
            event["rcpt"],
            event.get("message") or event.get("context") or event.get("reason") or "",
            (kind, event.get("bounce")),
            action=_SMTP2GO[kind],
            notice=_SMTP2GO_NOTICE.get(kind, ""),
            at=event.get("time"),
            message_id=event.get("message-id") or event["email_id"],
            sender=as_sender(event.get("from") or event.get("sender")),
            remote=as_text(event.get("host")) or None,
        )
    ]


# https://learn.sweego.io/docs/webhooks/webhook_intro
_SWEEGO = {
    "hard_bounce": "failed",
    "hard-bounce": "failed",
    "soft-bounce": "delayed",
    "soft_bounce": "delayed",
    "delivered": "delivered",
    "complaint": None,
    "list_unsub": None,
}
_SWEEGO_NOTICE = {"delivered": "receipt", "complaint": "complaint", "list_unsub": "not-a-bounce"}


def sweego(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("event_type"))
    if "swg_uid" not in event or "recipient" not in event:
        return None
    if kind not in _SWEEGO:
        return []
    text, code = as_text(event.get("details")), as_text(event.get("response_code"))
    return [
        made(
            "sweego",
            event["recipient"],
            f"{code} {text}" if code[:3].isdigit() and text and not text[:3].isdigit() else text,
            (kind.replace("-", "_"),),
            action=_SWEEGO[kind],
            notice=_SWEEGO_NOTICE.get(kind, ""),
            at=event.get("timestamp"),
            message_id=event["swg_uid"],
        )
    ]


# https://docs.mailpace.com/guide/webhooks
_MAILPACE = {"email.bounced": "failed", "email.deferred": "delayed", "email.delivered": "delivered", "email.spam": "failed"}


def mailpace(event: Event) -> list[Bounce] | None:
    kind, payload = as_text(event.get("event")), as_dict(event.get("payload"))
    if kind not in (*_MAILPACE, "email.queued") or "to" not in payload or "message_id" not in payload:
        return None
    if kind == "email.queued":
        return []
    return [
        made(
            "mailpace",
            payload["to"],
            payload.get("bounce_reason") or "",
            (kind,),
            action=_MAILPACE[kind],
            notice="receipt" if kind == "email.delivered" else "",
            at=payload.get("updated_at") or payload.get("created_at"),
            message_id=payload["message_id"],
            sender=as_sender(payload.get("from")),
        )
    ]
