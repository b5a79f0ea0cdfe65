"""Events of Amazon SES, and of Resend, which sends through it and has its words.

Each reader takes one object and gives its Bounces: none for an event that tells of no delivery (sent, opened), None where it is not its service's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..model import Bounce
from .events import Event, as_dict, as_list, as_sender, as_text, known, made, mta, objects

_QUIET = ("Send", "Open", "Click", "Subscription")  # events that say nothing of a delivery


# https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
# https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
def amazon_ses(event: Event) -> list[Bounce] | None:
    if isinstance(event.get("Message"), str) and "TopicArn" in event:
        if event.get("Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
            return []
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
    if kind in _QUIET:
        return []
    reader = {"Bounce": _bounced, "Complaint": _complained, "DeliveryDelay": _delayed, "Delivery": _delivered}.get(kind)
    if reader is None and kind not in ("Reject", "Rendering Failure"):
        return None
    common, tags = as_dict(mail.get("commonHeaders")), as_dict(mail.get("tags"))
    author = (as_list(common.get("from")) or [mail.get("source")])[0]
    more = {"message_id": mail.get("messageId"), "sender": as_sender(author, mail.get("source")), "campaign": (as_list(tags.get("campaign")) or [None])[0]}
    to = as_list(mail.get("destination")) or [""]
    return (reader or _rejected)(event, to, more)


def _rows(recipients: Any, to: list[Any]) -> Iterable[Event]:
    return map(as_dict, as_list(recipients) or [{"emailAddress": to[0]}])


def _bounced(event: Event, to: list[Any], more: Event) -> list[Bounce]:
    bounce = as_dict(event.get("bounce"))
    terms = (bounce.get("bounceType"), bounce.get("bounceSubType"))
    more = {**more, "reporting": mta(bounce.get("reportingMTA")), "at": bounce.get("timestamp")}
    return [
        made(
            "amazon_ses",
            r.get("emailAddress"),
            r.get("diagnosticCode") or "",
            terms,
            action=as_text(r.get("action")) or "failed",
            status=r.get("status"),
            **more,
        )
        for r in _rows(bounce.get("bouncedRecipients"), to)
    ]


# Two types of feedback are no complaint: RFC 6430 (not-spam), RFC 6591 (auth-failure).
_FEEDBACK = {"not-spam": "not-a-bounce", "auth-failure": "auth-failure-report"}


def _complained(event: Event, to: list[Any], more: Event) -> list[Bounce]:
    complaint = as_dict(event.get("complaint"))
    kind, sub = as_text(complaint.get("complaintFeedbackType")), as_text(complaint.get("complaintSubType"))
    # with a subtype nothing was sent: the person had complained before
    notice, action = ("", "failed") if sub else (_FEEDBACK.get(kind, "complaint"), None)
    words = ("Complaint", kind, sub)
    return [
        made("amazon_ses", r.get("emailAddress"), "", words, action=action, notice=notice, at=complaint.get("timestamp"), **more)
        for r in _rows(complaint.get("complainedRecipients"), to)
    ]


def _delayed(event: Event, to: list[Any], more: Event) -> list[Bounce]:
    delay = as_dict(event.get("deliveryDelay"))
    more = {**more, "reporting": mta(delay.get("reportingMTA")), "at": delay.get("timestamp")}
    words = ("DeliveryDelay", delay.get("delayType"))
    return [
        made("amazon_ses", r.get("emailAddress"), r.get("diagnosticCode") or "", words, action="delayed", status=r.get("status"), **more)
        for r in _rows(delay.get("delayedRecipients"), to)
    ]


def _delivered(event: Event, to: list[Any], more: Event) -> list[Bounce]:
    delivery = as_dict(event.get("delivery"))
    more = {**more, "reporting": mta(delivery.get("reportingMTA")), "at": delivery.get("timestamp")}
    reply = delivery.get("smtpResponse") or ""
    return [made("amazon_ses", r, reply, ("Delivery",), action="delivered", notice="receipt", **more) for r in as_list(delivery.get("recipients")) or to]


def _rejected(event: Event, to: list[Any], more: Event) -> list[Bounce]:
    """Amazon SES itself sent nothing: it found a virus, or could not fill in the template."""
    kind = as_text(event.get("notificationType") or event.get("eventType"))
    fault = as_dict(event.get("reject") or event.get("failure"))
    reason = as_text(fault.get("reason") or fault.get("errorMessage"))
    text = "" if known("amazon_ses", reason, kind) else reason
    return [made("amazon_ses", r, text, (kind, reason), action="failed", **more) for r in to]


# https://resend.com/docs/webhooks/emails/bounced
_RESEND = {
    "email.bounced": "failed",
    "email.delivery_delayed": "delayed",
    "email.complained": None,
    "email.failed": "failed",
    "email.suppressed": "failed",
    "email.delivered": "delivered",
}
_RESEND_QUIET = ("email.sent", "email.opened", "email.clicked", "email.scheduled", "email.received")


def resend(event: Event) -> list[Bounce] | None:
    kind, data = as_text(event.get("type")), as_dict(event.get("data"))
    if kind not in (*_RESEND, *_RESEND_QUIET) or not ("email_id" in data or "to" in data):
        return None
    if kind in _RESEND_QUIET:
        return []
    bounce = as_dict(data.get("bounce")) or as_dict(data.get("suppressed"))
    reason = as_text(as_dict(data.get("failed")).get("reason"))
    text = bounce.get("diagnosticCode") or bounce.get("message") or ("" if known("resend", reason) else reason)
    if isinstance(text, list):
        text = text[0] if text else ""
    notice = {"email.complained": "complaint", "email.delivered": "receipt"}.get(kind, "")
    terms = (kind, bounce.get("type"), bounce.get("subType"), reason)
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
