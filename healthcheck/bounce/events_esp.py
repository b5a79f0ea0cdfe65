"""Events of e-mail services: SendGrid, Mailgun, Postmark, SparkPost, Mandrill and Mailchimp, Brevo, Mailjet.

Each reader takes one object and gives its Bounces, None where it is not its service's. The shape's documentation stands above each.
Words of a service go into `esp_terms` as they are.
"""

from __future__ import annotations

from ..model import Bounce
from .events import Event, as_dict, as_list, as_sender, as_text, made
from .formats import data

# https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
_SENDGRID = {"bounce": "failed", "dropped": "failed", "deferred": "delayed", "delivered": "delivered", "blocked": "failed", "spamreport": None}


def sendgrid(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("event"))
    if kind not in _SENDGRID or "email" not in event or not any(k in event for k in ("sg_event_id", "sg_message_id", "smtp-id", "bounce_classification")):
        return None
    notice = "complaint" if kind == "spamreport" else "receipt" if kind == "delivered" else ""
    text = event.get("reason") or event.get("response") or ""
    terms = (kind, event.get("type"), event.get("bounce_classification"), text if kind == "dropped" else None)
    category = event.get("category")
    return [
        made(
            "sendgrid",
            event["email"],
            text,
            terms,
            action=_SENDGRID[kind],
            status=event.get("status"),
            notice=notice,
            at=event.get("timestamp"),
            message_id=event.get("smtp-id"),
            campaign=category[0] if isinstance(category, list) and category else category,
        )
    ]


# https://documentation.mailgun.com (events)
def mailgun(event: Event) -> list[Bounce] | None:
    data = as_dict(event.get("event-data")) or event
    delivery = as_dict(data.get("delivery-status"))
    kind = as_text(data.get("event"))
    if kind not in ("failed", "rejected", "complained", "delivered", "unsubscribed", "bounced", "dropped") or not (
        "recipient" in data and (delivery or "log-level" in data or "code" in data or "signature" in event)
    ):
        return None
    severity = as_text(data.get("severity"))
    message = (
        as_text(delivery.get("message"))
        or as_text(delivery.get("description"))
        or as_text(data.get("error"))
        or as_text(data.get("description"))
        or as_text(as_dict(data.get("reject")).get("reason"))
    )
    code = delivery.get("code") or data.get("code")
    # codes from 600 are Mailgun's own, no reply code
    if str(code)[:3].isdigit() and 200 <= int(str(code)[:3]) < 600 and not message.startswith(str(code)[:3]):
        enhanced = as_text(delivery.get("enhanced-code"))
        message = f"{code} {'' if not enhanced or enhanced in message else enhanced + ' '}{message}".strip()
    headers = as_dict(as_dict(data.get("message")).get("headers"))
    action = {"delivered": "delivered", "complained": None, "unsubscribed": None}.get(kind, "delayed" if severity == "temporary" else "failed")
    notice = {"complained": "complaint", "delivered": "receipt", "unsubscribed": "not-a-bounce"}.get(kind, "")
    terms = (kind, severity, data.get("reason"), code if str(code).startswith("6") else None)
    tags = as_list(data.get("tags"))
    return [
        made(
            "mailgun",
            data["recipient"],
            message,
            terms,
            action=action,
            notice=notice,
            at=data.get("timestamp"),
            message_id=headers.get("message-id"),
            campaign=tags[0] if tags else None,
            sender=as_sender(headers.get("from")),
            remote=as_text(delivery.get("mx-host")) or None,
            status=delivery.get("enhanced-code"),
        )
    ]


# https://postmarkapp.com/developer/webhooks/bounce-webhook
def postmark(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("RecordType")) or ("Bounce" if "TypeCode" in event and "BouncedAt" in event else "")
    if kind not in ("Bounce", "SpamComplaint", "Delivery") or not ("Email" in event or "Recipient" in event):
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
    }.get(name, "")
    action = None if notice and name != "Delivery" else "delivered" if kind == "Delivery" else "delayed" if name == "Transient" else "failed"
    text = event.get("Details") or event.get("Description") or ""
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
_SPARKPOST_KINDS = {"spam_complaint": "complaint", "delivery": "receipt", "list_unsubscribe": "not-a-bounce", "link_unsubscribe": "not-a-bounce"}
_SPARKPOST_NOTICE = {"60": "auto-reply", "100": "challenge", "80": "not-a-bounce", "90": "not-a-bounce"}


def sparkpost(event: Event) -> list[Bounce] | None:
    inner = event
    if isinstance(event.get("msys"), dict):
        inner = next((e for e in event["msys"].values() if isinstance(e, dict)), {})
    kind = as_text(inner.get("type"))
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


# https://mailchimp.com/developer/transactional/docs/webhooks/
_MANDRILL = {"hard_bounce": "failed", "soft_bounce": "failed", "deferral": "delayed", "reject": "failed", "spam": None, "unsub": None, "delivered": "delivered"}


def mandrill(event: Event) -> list[Bounce] | None:
    kind, message = as_text(event.get("event")), as_dict(event.get("msg"))
    if event.get("type") == "blacklist" and isinstance(event.get("reject"), dict):  # an address came onto the reject list
        row = as_dict(event["reject"])
        words = ("blacklist", event.get("action"), row.get("reason"))
        return [made("mandrill", row.get("email"), row.get("detail") or "", words, action="failed", at=event.get("ts"), sender=as_sender(row.get("sender")))]
    if kind not in _MANDRILL or "email" not in message:
        return None
    text = message.get("diag") or message.get("bounce_description") or as_dict(event.get("reject")).get("reason") or ""
    if kind == "deferral" and not text and as_list(message.get("smtp_events")):
        text = as_dict(as_list(message["smtp_events"])[-1]).get("diag", "")
    terms = (kind, message.get("bounce_description"), message.get("bgtools_code"), as_dict(event.get("reject")).get("reason"))
    notice = {"spam": "complaint", "delivered": "receipt", "unsub": "not-a-bounce"}.get(kind, "")
    tags = as_list(message.get("tags"))
    return [
        made(
            "mandrill",
            message["email"],
            text,
            terms,
            action=_MANDRILL[kind],
            notice=notice,
            at=event.get("ts"),
            message_id=message.get("_id"),
            campaign=tags[0] if tags else None,
            sender=as_sender(message.get("sender")),
        )
    ]


# https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/
def mailchimp(event: Event) -> list[Bounce] | None:
    data = as_dict(event.get("data")) or {"reason": event.get("data[reason]"), "email": event.get("data[email]"), "campaign_id": event.get("data[campaign_id]")}
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


# https://developers.brevo.com/docs/transactional-webhooks
_BREVO = {
    "hard_bounce": "failed",
    "hardBounce": "failed",
    "soft_bounce": "failed",
    "softBounce": "failed",
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


def brevo(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("event"))
    if kind not in _BREVO or "email" not in event or not any(k in event for k in ("message-id", "messageId", "ts_epoch", "ts_event", "camp_id")):
        return None
    notice = {"spam": "complaint", "complaint": "complaint", "delivered": "receipt", "unsubscribed": "not-a-bounce", "unsubscribe": "not-a-bounce"}.get(
        kind, ""
    )
    tags = as_list(event.get("tags"))
    return [
        made(
            "brevo",
            event["email"],
            event.get("reason") or "",
            (kind,),
            action=_BREVO[kind],
            notice=notice,
            at=event.get("date") or event.get("ts_epoch"),
            message_id=event.get("message-id") or event.get("messageId"),
            campaign=event.get("campaign name") or event.get("tag") or (tags[0] if tags else None),
            sender=as_sender(event.get("sender_email")),
        )
    ]


# https://dev.mailjet.com/email/guides/webhooks/
def mailjet(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("event"))
    if (
        kind not in ("bounce", "blocked", "spam", "sent", "unsub")
        or "email" not in event
        or not any(k in event for k in ("MessageID", "mj_campaign_id", "mj_contact_id", "error_related_to"))
    ):
        return None
    hard = event.get("hard_bounce")
    terms = (kind, {True: "hard_bounce", False: "soft_bounce"}.get(hard) if isinstance(hard, bool) else None, event.get("error_related_to"), event.get("error"))
    notice = {"spam": "complaint", "sent": "receipt", "unsub": "not-a-bounce"}.get(kind, "")
    action = None if kind in ("spam", "unsub") else "delivered" if kind == "sent" else "delayed" if event.get("error") == "greylisted" else "failed"
    text = event.get("comment") or event.get("smtp_reply") or event.get("error") or ""
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
