"""Events of e-mail services, as their webhooks, queues and APIs write them: one, an array, or a line each.

Each reader takes one object and gives its Bounces, None where it is not its service's. Shapes: the services' own documentation,
named above each reader. Words of a service go into `esp_terms` as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace as replaced
from typing import Any
from urllib.parse import parse_qs

from ..model import Bounce, Sender
from .build import bounce_of, domain_of
from .formats import Found, clean

MAX_EVENTS = 1000
MAX_NESTING = 60

Event = dict[str, Any]


def read(text: str) -> tuple[str, tuple[Bounce, ...]] | None:
    """The service and the Bounces of a pasted event, or None where it is no event of a known one. Never raises."""
    events = list(_objects(text.strip()))
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


def _objects(text: str) -> Iterator[Event]:
    """The JSON objects in a text: one, an array, a line each, or one followed by something else; also inside a form field."""
    if text.startswith("mandrill_events=") or (text.startswith("event=") and "\n" not in text):
        form = parse_qs(text[: 1 << 20], max_num_fields=200)
        if "mandrill_events" in form:
            yield from _objects(form["mandrill_events"][0])
        else:
            yield {key: values[0] for key, values in form.items()}
        return
    if _too_deep(text):
        return
    decoder = json.JSONDecoder(strict=False)
    at, count = 0, 0
    while at < len(text) and count < MAX_EVENTS:
        while at < len(text) and text[at] in " \t\r\n,;":
            at += 1
        if at >= len(text) or text[at] not in "{[":
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            if at == 0 and "!\n " in text:  # Sendmail breaks lines of over 990 octets like this
                yield from _objects(text.replace("!\n ", ""))
            return
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, dict):
                count += 1
                yield item


def _too_deep(text: str) -> bool:
    """Whether brackets open deeper than any event does; the JSON parser recurses."""
    if text.count("[") + text.count("{") < MAX_NESTING:
        return False
    depth = 0
    for c in text[:200_000]:
        if c in "[{":
            depth += 1
            if depth > MAX_NESTING:
                return True
        elif c in "]}":
            depth -= 1
    return False


def _dict(value: Any) -> Event:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value[:MAX_EVENTS] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _address(value: Any) -> str | None:
    text = _text(value)
    if "<" in text:
        text = text[text.find("<") + 1 :].partition(">")[0]
    return clean(text)


def _sender(value: Any, mail_from: Any = None) -> Sender | None:
    from_domain = domain_of(_text(value))
    return Sender(from_domain, domain_of(_text(mail_from)), (), (), "webhook") if from_domain else None


def _made(esp: str, recipient: Any, text: Any, terms: tuple[Any, ...], *, action: str | None, status: Any = None, notice: str = "", at: Any = None, **more: Any) -> Bounce:
    """`more`: message_id, campaign, sender, remote, reporting."""
    found = Found(_address(recipient), _diagnostic(_text(text)), action, _text(status) or None, more.get("remote"), at=_text(at) or None)
    bounce = bounce_of(found, sender=more.get("sender"), reporting=more.get("reporting"))
    return replaced(
        bounce,
        esp=esp,
        esp_terms=tuple(t for t in map(_text, terms) if t),
        notice=notice,
        message_id=_text(more.get("message_id")).strip("<>") or None,
        campaign=_text(more.get("campaign")) or None,
    )


def _diagnostic(text: str) -> str:
    kind, semicolon, rest = text.partition(";")
    return rest.strip() if semicolon and kind.strip().lower() in ("smtp", "lmtp", "x-unix", "x-postfix") else text


def _mta(value: Any) -> str | None:
    return _text(value).rpartition(";")[2].strip().partition(" ")[0] or None


# https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
def _ses(event: Event) -> list[Bounce] | None:
    if isinstance(event.get("Message"), str) and "TopicArn" in event:
        inner = list(_objects(event["Message"]))
        return _ses(inner[0]) if inner and "Message" not in inner[0] else None
    if "detail-type" in event and isinstance(event.get("detail"), dict):
        event = event["detail"]
    if "Records" in event:  # a Lambda function's input
        got = [_ses({"TopicArn": "", **_dict(_dict(row).get("Sns"))}) for row in _list(event["Records"])]
        return [bounce for part in got if part for bounce in part] or None
    kind = _text(event.get("notificationType") or event.get("eventType"))
    mail = _dict(event.get("mail"))
    if not kind or not mail:
        return None
    common = _dict(mail.get("commonHeaders"))
    sender = _sender(_list(common.get("from"))[0] if _list(common.get("from")) else mail.get("source"), mail.get("source"))
    more: dict[str, Any] = {"message_id": mail.get("messageId"), "sender": sender}
    tags = _dict(mail.get("tags"))
    more["campaign"] = (_list(tags.get("campaign")) or [None])[0]
    if kind == "Bounce":
        bounce = _dict(event.get("bounce"))
        more["reporting"] = _mta(bounce.get("reportingMTA"))
        terms = (bounce.get("bounceType"), bounce.get("bounceSubType"))
        return [
            _made("amazon_ses", r.get("emailAddress"), r.get("diagnosticCode") or "", terms, action=_text(r.get("action")) or "failed", status=r.get("status"), at=bounce.get("timestamp"), **more)
            for r in map(_dict, _list(bounce.get("bouncedRecipients")) or [{"emailAddress": (_list(mail.get("destination")) or [""])[0]}])
        ]
    if kind == "Complaint":
        complaint = _dict(event.get("complaint"))
        terms = ("Complaint", complaint.get("complaintFeedbackType"), complaint.get("complaintSubType"))
        rows = map(_dict, _list(complaint.get("complainedRecipients")) or [{"emailAddress": (_list(mail.get("destination")) or [""])[0]}])
        return [_made("amazon_ses", r.get("emailAddress"), "", terms, action=None, notice="complaint", at=complaint.get("timestamp"), **more) for r in rows]
    if kind == "DeliveryDelay":
        delay = _dict(event.get("deliveryDelay"))
        more["reporting"] = _mta(delay.get("reportingMTA"))
        rows = map(_dict, _list(delay.get("delayedRecipients")))
        return [
            _made("amazon_ses", r.get("emailAddress"), r.get("diagnosticCode") or "", ("DeliveryDelay", delay.get("delayType")), action="delayed", status=r.get("status"), at=delay.get("timestamp"), **more)
            for r in rows
        ]
    to = _list(mail.get("destination")) or [""]
    if kind == "Delivery":
        delivery = _dict(event.get("delivery"))
        more["reporting"] = _mta(delivery.get("reportingMTA"))
        rows = _list(delivery.get("recipients")) or to
        return [_made("amazon_ses", r, delivery.get("smtpResponse") or "", ("Delivery",), action="delivered", notice="receipt", at=delivery.get("timestamp"), **more) for r in rows]
    if kind in ("Reject", "Rendering Failure"):
        inner = _dict(event.get("reject") or event.get("failure"))
        return [_made("amazon_ses", r, inner.get("reason") or inner.get("errorMessage") or "", (kind,), action="failed", **more) for r in to]
    return None


# https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
_SENDGRID = {"bounce": "failed", "dropped": "failed", "deferred": "delayed", "delivered": "delivered", "blocked": "failed", "spamreport": None}


def _sendgrid(event: Event) -> list[Bounce] | None:
    kind = _text(event.get("event"))
    if kind not in _SENDGRID or "email" not in event or not any(k in event for k in ("sg_event_id", "sg_message_id", "smtp-id", "bounce_classification")):
        return None
    notice = "complaint" if kind == "spamreport" else "receipt" if kind == "delivered" else ""
    text = event.get("reason") or event.get("response") or ""
    terms = (kind, event.get("type"), event.get("bounce_classification"), text if kind == "dropped" else None)
    category = event.get("category")
    return [
        _made("sendgrid", event["email"], text, terms, action=_SENDGRID[kind], status=event.get("status"), notice=notice, at=event.get("timestamp"), message_id=event.get("smtp-id"),
              campaign=category[0] if isinstance(category, list) and category else category)
    ]


# https://documentation.mailgun.com (events)
def _mailgun(event: Event) -> list[Bounce] | None:
    data = _dict(event.get("event-data")) or event
    delivery = _dict(data.get("delivery-status"))
    kind = _text(data.get("event"))
    if kind not in ("failed", "rejected", "complained", "delivered", "unsubscribed", "bounced", "dropped") or not ("recipient" in data and (delivery or "log-level" in data or "code" in data or "signature" in event)):
        return None
    severity = _text(data.get("severity"))
    message = _text(delivery.get("message")) or _text(delivery.get("description")) or _text(data.get("error")) or _text(data.get("description")) or _text(_dict(data.get("reject")).get("reason"))
    code = delivery.get("code") or data.get("code")
    # codes from 600 are Mailgun's own, no reply code
    if str(code)[:3].isdigit() and 200 <= int(str(code)[:3]) < 600 and not message.startswith(str(code)[:3]):
        enhanced = _text(delivery.get("enhanced-code"))
        message = f"{code} {'' if not enhanced or enhanced in message else enhanced + ' '}{message}".strip()
    headers = _dict(_dict(data.get("message")).get("headers"))
    action = {"delivered": "delivered", "complained": None, "unsubscribed": None}.get(kind, "delayed" if severity == "temporary" else "failed")
    notice = {"complained": "complaint", "delivered": "receipt"}.get(kind, "")
    terms = (kind, severity, data.get("reason"), code if str(code).startswith("6") else None)
    tags = _list(data.get("tags"))
    return [
        _made("mailgun", data["recipient"], message, terms, action=action, notice=notice, at=data.get("timestamp"), message_id=headers.get("message-id"), campaign=tags[0] if tags else None,
              sender=_sender(headers.get("from")), remote=_text(delivery.get("mx-host")) or None, status=delivery.get("enhanced-code"))
    ]


# https://postmarkapp.com/developer/webhooks/bounce-webhook
def _postmark(event: Event) -> list[Bounce] | None:
    kind = _text(event.get("RecordType")) or ("Bounce" if "TypeCode" in event and "BouncedAt" in event else "")
    if kind not in ("Bounce", "SpamComplaint", "Delivery") or not ("Email" in event or "Recipient" in event):
        return None
    name = _text(event.get("Type")) or kind
    notice = {"SpamComplaint": "complaint", "SpamNotification": "", "AutoResponder": "auto-reply", "ChallengeVerification": "challenge", "Delivery": "receipt"}.get(name, "")
    action = None if notice and name != "Delivery" else "delivered" if kind == "Delivery" else "delayed" if name == "Transient" else "failed"
    text = event.get("Details") or event.get("Description") or ""
    terms = (name, "Inactive" if event.get("Inactive") is True else None)
    return [
        _made("postmark", event.get("Email") or event.get("Recipient"), text, terms, action=action, notice=notice, at=event.get("BouncedAt") or event.get("DeliveredAt"), message_id=event.get("MessageID"),
              campaign=event.get("Tag"), sender=_sender(event.get("From")))
    ]


# https://developers.sparkpost.com/api/webhooks/
_SPARKPOST = {"bounce": "failed", "out_of_band": "failed", "delay": "delayed", "policy_rejection": "failed", "spam_complaint": None, "delivery": "delivered", "generation_failure": "failed",
              "generation_rejection": "failed", "list_unsubscribe": None, "link_unsubscribe": None}
_SPARKPOST_NOTICE = {"60": "auto-reply", "100": "challenge"}


def _sparkpost(event: Event) -> list[Bounce] | None:
    inner = event
    if isinstance(event.get("msys"), dict):
        inner = next((e for e in event["msys"].values() if isinstance(e, dict)), {})
    kind = _text(inner.get("type"))
    if kind not in _SPARKPOST or "rcpt_to" not in inner:
        return None
    bounce_class = _text(inner.get("bounce_class"))
    notice = "complaint" if kind == "spam_complaint" else "receipt" if kind == "delivery" else _SPARKPOST_NOTICE.get(bounce_class, "")
    text = _text(inner.get("raw_reason") or inner.get("reason"))
    code = _text(inner.get("error_code"))
    if code and text and not text[:3].isdigit():
        text = f"{code} {text}"
    return [
        _made("sparkpost", inner.get("raw_rcpt_to") or inner["rcpt_to"], text, (kind, bounce_class), action=_SPARKPOST[kind], notice=notice, at=inner.get("timestamp"),
              message_id=inner.get("message_id"), campaign=inner.get("campaign_id"), sender=_sender(inner.get("friendly_from"), inner.get("msg_from")), remote=_text(inner.get("routing_domain")) or None)
    ]


# https://mailchimp.com/developer/transactional/docs/webhooks/
_MANDRILL = {"hard_bounce": "failed", "soft_bounce": "failed", "deferral": "delayed", "reject": "failed", "spam": None, "unsub": None, "delivered": "delivered"}


def _mandrill(event: Event) -> list[Bounce] | None:
    kind, message = _text(event.get("event")), _dict(event.get("msg"))
    if kind not in _MANDRILL or "email" not in message:
        return None
    text = message.get("diag") or message.get("bounce_description") or _dict(event.get("reject")).get("reason") or ""
    if kind == "deferral" and not text and _list(message.get("smtp_events")):
        text = _dict(_list(message["smtp_events"])[-1]).get("diag", "")
    terms = (kind, message.get("bounce_description"), message.get("bgtools_code"), _dict(event.get("reject")).get("reason"))
    notice = {"spam": "complaint", "delivered": "receipt"}.get(kind, "")
    tags = _list(message.get("tags"))
    return [
        _made("mandrill", message["email"], text, terms, action=_MANDRILL[kind], notice=notice, at=event.get("ts"), message_id=message.get("_id"), campaign=tags[0] if tags else None,
              sender=_sender(message.get("sender")))
    ]


# https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/
def _mailchimp(event: Event) -> list[Bounce] | None:
    data = _dict(event.get("data")) or {"reason": event.get("data[reason]"), "email": event.get("data[email]"), "campaign_id": event.get("data[campaign_id]")}
    if event.get("type") != "cleaned" or not data.get("email"):
        return None
    reason = _text(data.get("reason"))
    notice = "complaint" if reason == "abuse" else ""
    return [_made("mailchimp", data["email"], "", ("cleaned", reason), action=None if notice else "failed", notice=notice, at=event.get("fired_at"), campaign=data.get("campaign_id"))]


# https://developers.brevo.com/docs/transactional-webhooks
_BREVO = {"hard_bounce": "failed", "hardBounce": "failed", "soft_bounce": "failed", "softBounce": "failed", "blocked": "failed", "invalid_email": "failed", "invalid": "failed", "deferred": "delayed",
          "error": "failed", "spam": None, "complaint": None, "delivered": "delivered"}


def _brevo(event: Event) -> list[Bounce] | None:
    kind = _text(event.get("event"))
    if kind not in _BREVO or "email" not in event or not any(k in event for k in ("message-id", "messageId", "ts_epoch", "ts_event", "camp_id")):
        return None
    notice = "complaint" if kind in ("spam", "complaint") else "receipt" if kind == "delivered" else ""
    tags = _list(event.get("tags"))
    return [
        _made("brevo", event["email"], event.get("reason") or "", (kind,), action=_BREVO[kind], notice=notice, at=event.get("date") or event.get("ts_epoch"),
              message_id=event.get("message-id") or event.get("messageId"), campaign=event.get("campaign name") or event.get("tag") or (tags[0] if tags else None), sender=_sender(event.get("sender_email")))
    ]


# https://dev.mailjet.com/email/guides/webhooks/
def _mailjet(event: Event) -> list[Bounce] | None:
    kind = _text(event.get("event"))
    if kind not in ("bounce", "blocked", "spam", "sent") or "email" not in event or not any(k in event for k in ("MessageID", "mj_campaign_id", "mj_contact_id", "error_related_to")):
        return None
    hard = event.get("hard_bounce")
    terms = (kind, {True: "hard_bounce", False: "soft_bounce"}.get(hard) if isinstance(hard, bool) else None, event.get("error_related_to"), event.get("error"))
    notice = "complaint" if kind == "spam" else "receipt" if kind == "sent" else ""
    action = None if kind == "spam" else "delivered" if kind == "sent" else "delayed" if event.get("error") == "greylisted" else "failed"
    text = event.get("comment") or event.get("smtp_reply") or event.get("error") or ""
    return [
        _made("mailjet", event["email"], text, terms, action=action, notice=notice, at=event.get("time"), message_id=event.get("Message_GUID") or event.get("MessageID"),
              campaign=event.get("customcampaign") or event.get("mj_campaign_id"))
    ]


# https://resend.com/docs/webhooks/emails/bounced
_RESEND = {"email.bounced": "failed", "email.delivery_delayed": "delayed", "email.complained": None, "email.failed": "failed", "email.suppressed": "failed", "email.delivered": "delivered"}


def _resend(event: Event) -> list[Bounce] | None:
    kind, data = _text(event.get("type")), _dict(event.get("data"))
    if kind not in _RESEND or not ("email_id" in data or "to" in data):
        return None
    bounce = _dict(data.get("bounce")) or _dict(data.get("suppressed"))
    text = bounce.get("diagnosticCode") or bounce.get("message") or _dict(data.get("failed")).get("reason") or ""
    if isinstance(text, list):
        text = text[0] if text else ""
    notice = {"email.complained": "complaint", "email.delivered": "receipt"}.get(kind, "")
    terms = (kind, bounce.get("type"), bounce.get("subType"))
    to = data.get("to")
    return [
        _made("resend", r, text, terms, action=_RESEND[kind], notice=notice, at=event.get("created_at"), message_id=data.get("email_id"), sender=_sender(data.get("from")))
        for r in (_list(to)[:1] if isinstance(to, list) else [to])
    ]


# https://developers.mailersend.com/api/v1/webhooks.html
_MAILERSEND = {"hard_bounced": "failed", "soft_bounced": "failed", "deferred": "delayed", "spam_complaint": None, "delivered": "delivered", "unsubscribed": None}


def _mailersend(event: Event) -> list[Bounce] | None:
    kind, data = _text(event.get("type")).removeprefix("activity."), _dict(event.get("data"))
    email = _dict(data.get("email"))
    recipient = _dict(email.get("recipient")).get("email")
    if kind not in _MAILERSEND or not recipient:
        return None
    morph = _dict(data.get("morph"))
    notice = {"spam_complaint": "complaint", "delivered": "receipt"}.get(kind, "")
    return [
        _made("mailersend", recipient, morph.get("readable_reason") or morph.get("reason") or "", (kind, morph.get("object"), morph.get("reason")), action=_MAILERSEND[kind], notice=notice, at=event.get("created_at"),
              message_id=_dict(email.get("message")).get("id"), sender=_sender(email.get("from")))
    ]


# https://learn.microsoft.com/azure/event-grid/communication-services-email-events
_AZURE = {"Bounced": "failed", "Suppressed": "failed", "Failed": "failed", "Quarantined": "failed", "FilteredSpam": "failed", "Delivered": "delivered", "Expanded": "expanded"}


def _azure(event: Event) -> list[Bounce] | None:
    data = _dict(event.get("data"))
    if _text(event.get("eventType") or event.get("type")) != "Microsoft.Communication.EmailDeliveryReportReceived":
        return None
    status = _text(data.get("status"))
    details = _dict(data.get("deliveryStatusDetails"))
    return [
        _made("azure_acs", data.get("recipient"), details.get("statusMessage") or "", (status,), action=_AZURE.get(status), notice="receipt" if status in ("Delivered", "Expanded") else "",
              at=data.get("deliveryAttemptTimestamp") or data.get("deliveryAttemptTimeStamp"), message_id=data.get("messageId"), sender=_sender(data.get("sender")),
              remote=_text(details.get("recipientMailServerHostName")) or None)
    ]


# https://elasticemail.com/resources/settings/http-web-notifications (fields as query or JSON)
def _elastic(event: Event) -> list[Bounce] | None:
    category, status = _text(event.get("category")), _text(event.get("status"))
    if not category or "to" not in event or not ("messageid" in event or "transaction" in event):
        return None
    complaint = status == "AbuseReport"
    text = _text(event.get("errormessage") or event.get("error"))
    return [
        _made("elastic_email", event["to"], text, (status, category), action=None if complaint else "delivered" if status == "Sent" else "failed", notice="complaint" if complaint else "",
              at=event.get("date"), message_id=event.get("messageid"), campaign=event.get("channel"), sender=_sender(event.get("from")))
    ]


# https://docs.kumomta.com/reference/log_record/
_KUMO = {"Bounce": "failed", "TransientFailure": "delayed", "Delivery": "delivered", "Expiration": "failed", "OOB": "failed", "AdminBounce": "failed", "Rejection": "failed"}


def _kumomta(event: Event) -> list[Bounce] | None:
    kind, response = _text(event.get("type")), _dict(event.get("response"))
    if kind not in _KUMO or "recipient" not in event or not response:
        return None
    enhanced = _dict(response.get("enhanced_code"))
    code = f"{enhanced.get('class')}.{enhanced.get('subject')}.{enhanced.get('detail')} " if enhanced else ""
    text = f"{_text(response.get('code'))} {code}{_text(response.get('content'))}"
    peer = _dict(event.get("peer_address"))
    recipient = event["recipient"][0] if isinstance(event["recipient"], list) and event["recipient"] else event["recipient"]
    return [
        _made("kumomta", recipient, text, (kind, event.get("bounce_classification")), action=_KUMO[kind], notice="receipt" if kind == "Delivery" else "", at=event.get("timestamp"), message_id=event.get("id"),
              campaign=event.get("campaign"), remote=_text(peer.get("name")).rstrip(".") or None)
    ]


_READERS: tuple[tuple[str, Callable[[Event], list[Bounce] | None]], ...] = (
    ("amazon_ses", _ses),
    ("azure_acs", _azure),
    ("sparkpost", _sparkpost),
    ("mandrill", _mandrill),
    ("mailchimp", _mailchimp),
    ("postmark", _postmark),
    ("resend", _resend),
    ("mailersend", _mailersend),
    ("sendgrid", _sendgrid),
    ("mailgun", _mailgun),
    ("mailjet", _mailjet),
    ("brevo", _brevo),
    ("kumomta", _kumomta),
    ("elastic_email", _elastic),
)
