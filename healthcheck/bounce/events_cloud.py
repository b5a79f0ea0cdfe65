"""Events of the clouds and of mail servers that log JSON: Azure, MailerSend, Elastic Email, KumoMTA, Salesforce Marketing Cloud, Scaleway.

Each reader takes one object and gives its Bounces: none for an event that tells of no delivery (sent, opened), None where it is not its service's.
The shape's documentation stands above each.
"""

from __future__ import annotations

from ..model import Bounce
from .events import Event, as_dict, as_sender, as_text, known, made

# https://learn.microsoft.com/azure/event-grid/communication-services-email-events
_AZURE = {
    "Bounced": "failed",
    "Suppressed": "failed",
    "Failed": "failed",
    "Quarantined": "failed",
    "FilteredSpam": "failed",
    "Delivered": "delivered",
    "Expanded": "expanded",
}


def azure_acs(event: Event) -> list[Bounce] | None:
    data = as_dict(event.get("data"))
    if as_text(event.get("eventType") or event.get("type")) != "Microsoft.Communication.EmailDeliveryReportReceived":
        return None
    status = as_text(data.get("status"))
    details = as_dict(data.get("deliveryStatusDetails"))
    return [
        made(
            "azure_acs",
            data.get("recipient"),
            details.get("statusMessage") or "",
            (status,),
            action=_AZURE.get(status),
            notice="receipt" if status in ("Delivered", "Expanded") else "",
            at=data.get("deliveryAttemptTimestamp") or data.get("deliveryAttemptTimeStamp"),
            message_id=data.get("messageId"),
            sender=as_sender(data.get("sender")),
            remote=as_text(details.get("recipientMailServerHostName")) or None,
        )
    ]


# https://developers.mailersend.com/api/v1/webhooks.html (version 1: the recipient under data.email; version 2: under data)
_MAILERSEND = {
    "hard_bounced": "failed",
    "soft_bounced": "failed",
    "deferred": "delayed",
    "suppressed": "failed",
    "spam_complaint": None,
    "spam_complaints": None,
    "delivered": "delivered",
    "unsubscribed": None,
}
_MAILERSEND_QUIET = ("sent", "opened", "opened_unique", "clicked", "clicked_unique", "survey_opened", "survey_submitted")
_MAILERSEND_NOTICE = {"spam_complaint": "complaint", "spam_complaints": "complaint", "delivered": "receipt", "unsubscribed": "not-a-bounce"}


def mailersend(event: Event) -> list[Bounce] | None:
    kind, data = as_text(event.get("type")).removeprefix("activity."), as_dict(event.get("data"))
    email, meta = as_dict(data.get("email")), as_dict(data.get("meta"))
    recipient = as_dict(email.get("recipient")).get("email") or data.get("recipient")
    if not recipient or not (kind in _MAILERSEND or (kind in _MAILERSEND_QUIET and as_text(event.get("type")).startswith("activity."))):
        return None
    if kind in _MAILERSEND_QUIET:
        return []
    morph = as_dict(data.get("morph"))
    reason = next((meta[key] for key in ("bounce_reason", "suppression_reason", "reject_reason") if meta.get(key)), "")
    text = as_text(morph.get("readable_reason") or morph.get("reason") or reason)
    code = as_text(meta.get("bounce_code"))
    if code[:3].isdigit() and text and not text.startswith(code[:3]):
        text = f"{code} {text}"
    return [
        made(
            "mailersend",
            recipient,
            text,
            (kind, morph.get("object"), morph.get("reason")),
            action=_MAILERSEND[kind],
            notice=_MAILERSEND_NOTICE.get(kind, ""),
            at=event.get("created_at"),
            message_id=as_dict(email.get("message")).get("id") or data.get("message_id"),
            sender=as_sender(email.get("from") or data.get("from")),
        )
    ]


# https://elasticemail.com/resources/settings/http-web-notifications (fields as query or JSON)
_ELASTIC = {"AbuseReport": None, "Unsubscribed": None, "Sent": "delivered", "Delivered": "delivered"}


def elastic_email(event: Event) -> list[Bounce] | None:
    category, status = as_text(event.get("category")), as_text(event.get("status"))
    if not category or "to" not in event or not ("messageid" in event or "transaction" in event):
        return None
    if status in ("Opened", "Clicked"):
        return []
    text = as_text(event.get("errormessage") or event.get("error"))
    return [
        made(
            "elastic_email",
            event["to"],
            text,
            (status, category),
            action=_ELASTIC.get(status, "failed"),
            notice={"AbuseReport": "complaint", "Sent": "receipt", "Delivered": "receipt", "Unsubscribed": "not-a-bounce"}.get(status, ""),
            at=event.get("date"),
            message_id=event.get("messageid"),
            campaign=event.get("channel"),
            sender=as_sender(event.get("from")),
        )
    ]


# https://docs.kumomta.com/reference/log_record/
_KUMO = {
    "Bounce": "failed",
    "TransientFailure": "delayed",
    "Delivery": "delivered",
    "Expiration": "failed",
    "OOB": "failed",
    "AdminBounce": "failed",
    "Rejection": "failed",
}


def kumomta(event: Event) -> list[Bounce] | None:
    kind, response = as_text(event.get("type")), as_dict(event.get("response"))
    if kind not in _KUMO or "recipient" not in event or not response:
        return None
    enhanced = as_dict(response.get("enhanced_code"))
    code = f"{enhanced.get('class')}.{enhanced.get('subject')}.{enhanced.get('detail')} " if enhanced else ""
    text = f"{as_text(response.get('code'))} {code}{as_text(response.get('content'))}"
    peer = as_dict(event.get("peer_address"))
    recipient = event["recipient"][0] if isinstance(event["recipient"], list) and event["recipient"] else event["recipient"]
    return [
        made(
            "kumomta",
            recipient,
            text,
            (kind, event.get("bounce_classification")),
            action=_KUMO[kind],
            notice="receipt" if kind == "Delivery" else "",
            at=event.get("timestamp"),
            message_id=event.get("id"),
            campaign=event.get("campaign"),
            remote=as_text(peer.get("name")).rstrip(".") or None,
        )
    ]


# https://developer.salesforce.com/docs/marketing/marketing-cloud/guide/transactional_email_events.html
def salesforce(event: Event) -> list[Bounce] | None:
    kind, info = as_text(event.get("eventCategoryType")).rpartition(".")[2], as_dict(event.get("info"))
    if kind not in ("EmailBounced", "EmailNotSent", "EmailSent", "EmailOpen", "EmailClick", "EmailUnsubscribe") or "info" not in event:
        return None
    if kind in ("EmailOpen", "EmailClick", "EmailSent"):  # sent: handed to the mail server, which says nothing of the receiver
        return []
    message = as_text(info.get("statusMessage"))
    text = as_text(info.get("bounceMessage")) or ("" if known("salesforce_marketing_cloud", message) else as_text(info.get("reason")) or message)
    code = as_text(info.get("bounceCode"))
    return [
        made(
            "salesforce_marketing_cloud",
            info.get("to") or info.get("subscriberKey"),
            text,
            (kind, {"HARD": "Hard bounce", "SOFT": "Soft bounce"}.get(code.upper(), code), info.get("bounceCategory"), message),
            action=None if kind == "EmailUnsubscribe" else "failed",
            notice="not-a-bounce" if kind == "EmailUnsubscribe" else "",
            status=info.get("smtpReason"),
            at=event.get("timestampUTC"),
            message_id=info.get("messageKey"),
            campaign=event.get("definitionKey"),
        )
    ]


# https://www.scaleway.com/en/docs/transactional-email/reference-content/webhook-events-payloads/
_SCALEWAY = {
    "email_dropped": "failed",
    "email_deferred": "delayed",
    "email_delivered": "delivered",
    "email_spam": "failed",
    "email_mailbox_not_found": "failed",
    "email_blocklisted": "failed",
}


def scaleway(event: Event) -> list[Bounce] | None:
    kind = as_text(event.get("type"))
    if kind not in (*_SCALEWAY, "email_queued") or "email_to" not in event:
        return None
    if kind == "email_queued":
        return []
    text, code = as_text(event.get("email_response_message") or event.get("email_error")), as_text(event.get("email_response_code"))
    if code[:3].isdigit() and text and not text[:3].isdigit():
        text = f"{code} {text}"
    return [
        made(
            "scaleway",
            event["email_to"],
            text,
            (kind,),
            action=_SCALEWAY[kind],
            notice="receipt" if kind == "email_delivered" else "",
            at=event.get("created_at"),
            message_id=event.get("email_id"),
            sender=as_sender(event.get("email_from")),
        )
    ]
