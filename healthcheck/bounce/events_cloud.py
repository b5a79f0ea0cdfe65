"""Events of the clouds and of mail servers that log JSON: Amazon SES, Azure, Resend, MailerSend, Elastic Email, KumoMTA.

Each reader takes one object and gives its Bounces, None where it is not its service's. The shape's documentation stands above each.
"""

from __future__ import annotations

from typing import Any

from ..model import Bounce
from .events import Event, as_dict, as_list, as_sender, as_text, made, mta, objects


# https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
def amazon_ses(event: Event) -> list[Bounce] | None:
    if isinstance(event.get("Message"), str) and "TopicArn" in event:
        inner = list(objects(event["Message"]))
        return amazon_ses(inner[0]) if inner and "Message" not in inner[0] else None
    if "detail-type" in event and isinstance(event.get("detail"), dict):
        event = event["detail"]
    if "Records" in event:  # a Lambda function's input
        got = [amazon_ses({"TopicArn": "", **as_dict(as_dict(row).get("Sns"))}) for row in as_list(event["Records"])]
        return [bounce for part in got if part for bounce in part] or None
    kind = as_text(event.get("notificationType") or event.get("eventType"))
    mail = as_dict(event.get("mail"))
    if not kind or not mail:
        return None
    common = as_dict(mail.get("commonHeaders"))
    sender = as_sender(as_list(common.get("from"))[0] if as_list(common.get("from")) else mail.get("source"), mail.get("source"))
    more: dict[str, Any] = {"message_id": mail.get("messageId"), "sender": sender}
    tags = as_dict(mail.get("tags"))
    more["campaign"] = (as_list(tags.get("campaign")) or [None])[0]
    if kind == "Bounce":
        bounce = as_dict(event.get("bounce"))
        more["reporting"] = mta(bounce.get("reportingMTA"))
        terms = (bounce.get("bounceType"), bounce.get("bounceSubType"))
        return [
            made(
                "amazon_ses",
                r.get("emailAddress"),
                r.get("diagnosticCode") or "",
                terms,
                action=as_text(r.get("action")) or "failed",
                status=r.get("status"),
                at=bounce.get("timestamp"),
                **more,
            )
            for r in map(as_dict, as_list(bounce.get("bouncedRecipients")) or [{"emailAddress": (as_list(mail.get("destination")) or [""])[0]}])
        ]
    if kind == "Complaint":
        complaint = as_dict(event.get("complaint"))
        words = ("Complaint", complaint.get("complaintFeedbackType"), complaint.get("complaintSubType"))
        rows = map(as_dict, as_list(complaint.get("complainedRecipients")) or [{"emailAddress": (as_list(mail.get("destination")) or [""])[0]}])
        return [made("amazon_ses", r.get("emailAddress"), "", words, action=None, notice="complaint", at=complaint.get("timestamp"), **more) for r in rows]
    if kind == "DeliveryDelay":
        delay = as_dict(event.get("deliveryDelay"))
        more["reporting"] = mta(delay.get("reportingMTA"))
        rows = map(as_dict, as_list(delay.get("delayedRecipients")))
        return [
            made(
                "amazon_ses",
                r.get("emailAddress"),
                r.get("diagnosticCode") or "",
                ("DeliveryDelay", delay.get("delayType")),
                action="delayed",
                status=r.get("status"),
                at=delay.get("timestamp"),
                **more,
            )
            for r in rows
        ]
    to = as_list(mail.get("destination")) or [""]
    if kind == "Delivery":
        delivery = as_dict(event.get("delivery"))
        more["reporting"] = mta(delivery.get("reportingMTA"))
        taken = as_list(delivery.get("recipients")) or to
        return [
            made("amazon_ses", r, delivery.get("smtpResponse") or "", ("Delivery",), action="delivered", notice="receipt", at=delivery.get("timestamp"), **more)
            for r in taken
        ]
    if kind in ("Reject", "Rendering Failure"):
        fault = as_dict(event.get("reject") or event.get("failure"))
        return [made("amazon_ses", r, fault.get("reason") or fault.get("errorMessage") or "", (kind,), action="failed", **more) for r in to]
    return None


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


# https://resend.com/docs/webhooks/emails/bounced
_RESEND = {
    "email.bounced": "failed",
    "email.delivery_delayed": "delayed",
    "email.complained": None,
    "email.failed": "failed",
    "email.suppressed": "failed",
    "email.delivered": "delivered",
}


def resend(event: Event) -> list[Bounce] | None:
    kind, data = as_text(event.get("type")), as_dict(event.get("data"))
    if kind not in _RESEND or not ("email_id" in data or "to" in data):
        return None
    bounce = as_dict(data.get("bounce")) or as_dict(data.get("suppressed"))
    text = bounce.get("diagnosticCode") or bounce.get("message") or as_dict(data.get("failed")).get("reason") or ""
    if isinstance(text, list):
        text = text[0] if text else ""
    notice = {"email.complained": "complaint", "email.delivered": "receipt"}.get(kind, "")
    terms = (kind, bounce.get("type"), bounce.get("subType"))
    to = data.get("to")
    return [
        made(
            "resend",
            r,
            text,
            terms,
            action=_RESEND[kind],
            notice=notice,
            at=event.get("created_at"),
            message_id=data.get("email_id"),
            sender=as_sender(data.get("from")),
        )
        for r in (as_list(to)[:1] if isinstance(to, list) else [to])
    ]


# https://developers.mailersend.com/api/v1/webhooks.html
_MAILERSEND = {
    "hard_bounced": "failed",
    "soft_bounced": "failed",
    "deferred": "delayed",
    "spam_complaint": None,
    "delivered": "delivered",
    "unsubscribed": None,
}


def mailersend(event: Event) -> list[Bounce] | None:
    kind, data = as_text(event.get("type")).removeprefix("activity."), as_dict(event.get("data"))
    email = as_dict(data.get("email"))
    recipient = as_dict(email.get("recipient")).get("email")
    if kind not in _MAILERSEND or not recipient:
        return None
    morph = as_dict(data.get("morph"))
    notice = {"spam_complaint": "complaint", "delivered": "receipt", "unsubscribed": "not-a-bounce"}.get(kind, "")
    return [
        made(
            "mailersend",
            recipient,
            morph.get("readable_reason") or morph.get("reason") or "",
            (kind, morph.get("object"), morph.get("reason")),
            action=_MAILERSEND[kind],
            notice=notice,
            at=event.get("created_at"),
            message_id=as_dict(email.get("message")).get("id"),
            sender=as_sender(email.get("from")),
        )
    ]


# https://elasticemail.com/resources/settings/http-web-notifications (fields as query or JSON)
def elastic_email(event: Event) -> list[Bounce] | None:
    category, status = as_text(event.get("category")), as_text(event.get("status"))
    if not category or "to" not in event or not ("messageid" in event or "transaction" in event):
        return None
    complaint = status == "AbuseReport"
    text = as_text(event.get("errormessage") or event.get("error"))
    return [
        made(
            "elastic_email",
            event["to"],
            text,
            (status, category),
            action=None if complaint else "delivered" if status == "Sent" else "failed",
            notice="complaint" if complaint else "",
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
