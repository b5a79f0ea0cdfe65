"""Events of e-mail services: SendGrid, Mailgun, Postmark, SparkPost, Brevo, Mailjet.

Each reader takes one object and gives its Bounces: none for an event that tells of no delivery (sent, opened), None where it is not its service's.
The shape's documentation stands above each. Words of a service go into `esp_terms` as they are.
"""

from __future__ import annotations

from ..model import Bounce
from .events import Event, as_dict, as_list, as_sender, as_text, known, made
from .formats import data

# https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
_SENDGRID = {
    "bounce": "failed",
    "dropped": "failed",
    "deferred": "delayed",
    "delivered": "delivered",
    "blocked": "failed",
    "spamreport": None,
    "unsubscribe": None,
    "group_unsubscribe": None,
}
_SENDGRID_QUIET = ("processed", "open", "click", "group_resubscribe", "machine_opened")
_SENDGRID_NOTICE = {"spamreport": "complaint", "delivered": "receipt", "unsubscribe": "not-a-bounce", "group_unsubscribe": "not-a-bounce"}
_SENDGRID_LISTED = {"created", "email", "reason", "status"}  # a row of the bounce list, out of the API: /v3/suppression/bounces


def sendgrid(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("event"))
    if not kind and event.keys() <= {*_SENDGRID_LISTED, "type"} and event.keys() >= _SENDGRID_LISTED:
        return [made("sendgrid", event["email"], event["reason"], (), action="failed", status=event["status"], at=event["created"])]
    if "email" not in event or not any(k in event for k in ("sg_event_id", "sg_message_id", "smtp-id", "bounce_classification")):
        return None
    if kind in _SENDGRID_QUIET:
        return []
    if kind not in _SENDGRID:
        return None
    reason = as_text(event.get("reason") or event.get("response"))
    terms = (kind, event.get("type"), event.get("bounce_classification"), reason if kind == "dropped" else None)
    text = "" if kind == "dropped" and known("sendgrid", reason, kind) else reason
    category = event.get("category")
    return [
        made(
            "sendgrid",
            event["email"],
            text,
            terms,
            action=_SENDGRID[kind],
            status=event.get("status"),
            notice=_SENDGRID_NOTICE.get(kind, ""),
            at=event.get("timestamp"),
            message_id=event.get("smtp-id"),
            campaign=category[0] if isinstance(category, list) and category else category,
        )
    ]


# https://documentation.mailgun.com/docs/mailgun/user-manual/events/events/
_MAILGUN = {
    "delivered": "delivered",
    "complained": None,
    "unsubscribed": None,
    "failed": "failed",
    "rejected": "failed",
    "bounced": "failed",
    "dropped": "failed",
}
_MAILGUN_QUIET = ("accepted", "opened", "clicked", "stored")
_MAILGUN_NOTICE = {"complained": "complaint", "delivered": "receipt", "unsubscribed": "not-a-bounce"}


def mailgun(event: Event) -> list[Bounce] | None:
    data = as_dict(event.get("event-data")) or event
    if "address" in data and "created_at" in data and "code" in data and "error" in data:  # a row of the bounce list, out of the API
        return [made("mailgun", data["address"], f"{as_text(data['code'])} {as_text(data['error'])}", (), action="failed", at=data["created_at"])]
    delivery, headers = as_dict(data.get("delivery-status")), as_dict(as_dict(data.get("message")).get("headers"))
    kind = as_text(data.get("event"))
    recipient = data.get("recipient") or (headers.get("to") if kind == "rejected" else None)
    if not recipient or not (delivery or "log-level" in data or "code" in data or "signature" in event or "reject" in data):
        return None
    if kind in _MAILGUN_QUIET:
        return []
    if kind not in _MAILGUN:
        return None
    severity, code = as_text(data.get("severity")), as_text(delivery.get("code") or data.get("code"))
    tags = as_list(data.get("tags"))
    return [
        made(
            "mailgun",
            recipient,
            _mailgun_reply(data, delivery, code),
            (kind, severity, data.get("reason"), code if code.startswith("6") else None),
            action="delayed" if severity == "temporary" else _MAILGUN[kind],
            notice=_MAILGUN_NOTICE.get(kind, ""),
            at=data.get("timestamp"),
            message_id=headers.get("message-id"),
            campaign=tags[0] if tags else None,
            sender=as_sender(headers.get("from")),
            remote=as_text(delivery.get("mx-host")) or None,
            status=delivery.get("enhanced-code"),
        )
    ]


def _mailgun_reply(data: Event, delivery: Event, code: str) -> str:
    """What the receiver said, the codes before it. Codes from 600 are Mailgun's own, no reply code."""
    said = (delivery.get("message"), delivery.get("description"), data.get("error"), data.get("description"), as_dict(data.get("reject")).get("reason"))
    message = next((text for text in map(as_text, said) if text), "")
    if not (code[:3].isdigit() and 200 <= int(code[:3]) < 600) or message.startswith(code[:3]):
        return message
    enhanced = as_text(delivery.get("enhanced-code"))
    return f"{code} {'' if not enhanced or enhanced in message else enhanced + ' '}{message}".strip()


# https://postmarkapp.com/developer/webhooks/bounce-webhook
def postmark(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("RecordType")) or ("Bounce" if "TypeCode" in event and "BouncedAt" in event else "")
    if kind in ("Open", "Click") and "MessageID" in event:
        return []
    if kind not in ("Bounce", "SpamComplaint", "Delivery", "SubscriptionChange") or not ("Email" in event or "Recipient" in event):
        return None
    name = as_text(event.get("Type")) or kind
    notice = {
        "SpamComplaint": "complaint",
        "SpamNotification": "",
        "AutoResponder": "auto-reply",
        "ChallengeVerification": "challenge",
        "Delivery": "receipt",
        "Unsubscribe": "not-a-bounce",
        "Subscribe": "not-a-bounce",
        "OpenRelayTest": "not-a-bounce",
        "InboundError": "not-a-bounce",
        "SubscriptionChange": "not-a-bounce",
    }.get(name, "")
    action = None if notice and name != "Delivery" else "delivered" if kind == "Delivery" else "delayed" if name == "Transient" else "failed"
    text = event.get("Details") or ("" if known("postmark", name) else event.get("Description") or "")
    terms = (name, "Inactive" if event.get("Inactive") is True else None)
    return [
        made(
            "postmark",
            event.get("Email") or event.get("Recipient"),
            text,
            terms,
            action=action,
            notice=notice,
            at=event.get("BouncedAt") or event.get("DeliveredAt"),
            message_id=event.get("MessageID"),
            campaign=event.get("Tag"),
            sender=as_sender(event.get("From")),
        )
    ]


# https://developers.sparkpost.com/api/webhooks/
_SPARKPOST = {
    "bounce": "failed",
    "out_of_band": "failed",
    "delay": "delayed",
    "policy_rejection": "failed",
    "spam_complaint": None,
    "delivery": "delivered",
    "generation_failure": "failed",
    "generation_rejection": "failed",
    "list_unsubscribe": None,
    "link_unsubscribe": None,
}
_SPARKPOST_QUIET = ("injection", "open", "initial_open", "click", "amp_open", "amp_initial_open", "amp_click")
_SPARKPOST_KINDS = {"spam_complaint": "complaint", "delivery": "receipt", "list_unsubscribe": "not-a-bounce", "link_unsubscribe": "not-a-bounce"}
_SPARKPOST_NOTICE = {"60": "auto-reply", "100": "challenge", "80": "not-a-bounce", "90": "not-a-bounce"}


def sparkpost(event: Event) -> list[Bounce] | None:
    inner = event
    if isinstance(event.get("msys"), dict):
        inner = next((e for e in event["msys"].values() if isinstance(e, dict)), {})
    kind = as_text(inner.get("type"))
    if kind in _SPARKPOST_QUIET and "rcpt_to" in inner:
        return []
    if kind not in _SPARKPOST or "rcpt_to" not in inner:
        return None
    bounce_class = as_text(inner.get("bounce_class"))
    notice = _SPARKPOST_KINDS.get(kind) or _SPARKPOST_NOTICE.get(bounce_class, "")
    text = as_text(inner.get("raw_reason") or inner.get("reason"))
    code = as_text(inner.get("error_code"))
    if code and text and not text[:3].isdigit():
        text = f"{code} {text}"
    return [
        made(
            "sparkpost",
            inner.get("raw_rcpt_to") or inner["rcpt_to"],
            text,
            (kind, bounce_class, data()["sparkpost_class"].get(bounce_class)),
            action=_SPARKPOST[kind],
            notice=notice,
            at=inner.get("timestamp"),
            message_id=inner.get("message_id"),
            campaign=inner.get("campaign_id"),
            sender=as_sender(inner.get("friendly_from"), inner.get("msg_from")),
            remote=as_text(inner.get("routing_domain")) or None,
        )
    ]


# https://developers.brevo.com/docs/transactional-webhooks
_BREVO = {
    "hard_bounce": "failed",
    "soft_bounce": "failed",
    "blocked": "failed",
    "invalid_email": "failed",
    "invalid": "failed",
    "deferred": "delayed",
    "error": "failed",
    "spam": None,
    "complaint": None,
    "unsubscribed": None,
    "unsubscribe": None,
    "delivered": "delivered",
}


_BREVO_QUIET = ("request", "requests", "sent", "opened", "unique_opened", "click", "clicks", "proxy_open", "unique_proxy_open", "loadedByProxy")
_BREVO_API = {"hardBounces": "hard_bounce", "softBounces": "soft_bounce", "hardBounce": "hard_bounce", "softBounce": "soft_bounce"}
_BREVO_NOTICE = {"spam": "complaint", "complaint": "complaint", "delivered": "receipt", "unsubscribed": "not-a-bounce", "unsubscribe": "not-a-bounce"}


def brevo(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("event"))
    kind = _BREVO_API.get(kind, kind)
    if "email" not in event or not any(k in event for k in ("message-id", "messageId", "ts_epoch", "ts_event", "camp_id")):
        return None
    if kind in _BREVO_QUIET:
        return []
    if kind not in _BREVO:
        return None
    tags = as_list(event.get("tags"))
    return [
        made(
            "brevo",
            event["email"],
            event.get("reason") or "",
            (kind,),
            action=_BREVO[kind],
            notice=_BREVO_NOTICE.get(kind, ""),
            at=event.get("date") or event.get("ts_epoch"),
            message_id=event.get("message-id") or event.get("messageId"),
            campaign=event.get("campaign name") or event.get("tag") or (tags[0] if tags else None),
            sender=as_sender(event.get("sender_email")),
        )
    ]


# https://dev.mailjet.com/email/guides/webhooks/
def mailjet(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("event"))
    if "email" not in event or not any(k in event for k in ("MessageID", "mj_campaign_id", "mj_contact_id", "error_related_to")):
        return None
    if kind in ("open", "click"):
        return []
    if kind not in ("bounce", "blocked", "spam", "sent", "unsub"):
        return None
    hard = event.get("hard_bounce")
    terms = (kind, {True: "hard_bounce", False: "soft_bounce"}.get(hard) if isinstance(hard, bool) else None, event.get("error_related_to"), event.get("error"))
    notice = {"spam": "complaint", "sent": "receipt", "unsub": "not-a-bounce"}.get(kind, "")
    action = None if kind in ("spam", "unsub") else "delivered" if kind == "sent" else "delayed" if event.get("error") == "greylisted" else "failed"
    error = as_text(event.get("error"))
    text = event.get("comment") or event.get("smtp_reply") or ("" if known("mailjet", error) else error)
    return [
        made(
            "mailjet",
            event["email"],
            text,
            terms,
            action=action,
            notice=notice,
            at=event.get("time"),
            message_id=event.get("Message_GUID") or event.get("MessageID"),
            campaign=event.get("customcampaign") or event.get("mj_campaign_id"),
        )
    ]
