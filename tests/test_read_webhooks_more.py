"""Every shape in which a service tells of a bounce, composed by us from its documentation: recipient, status, reply, the service's own words."""

import json
from urllib.parse import urlencode

import pytest

from healthcheck.bounce.classify import classify
from healthcheck.bounce.read import read
from healthcheck.model import Kind

TO = "lena@example.com"
UNKNOWN = "550 5.1.1 no such mailbox"
FROM = "news@shop.example"


def ses(**bounce: object) -> dict[str, object]:
    recipient = {"emailAddress": TO, "action": "failed", "status": "5.1.1", "diagnosticCode": f"smtp; {UNKNOWN}"}
    inner = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [recipient], "reportingMTA": "dsn; a1.mail.example.net"} | bounce
    mail = {"messageId": "m1", "source": FROM, "destination": [TO], "commonHeaders": {"from": [f"News <{FROM}>"]}}
    return {"notificationType": "Bounce", "mail": mail, "bounce": inner}


def postmark(kind: str, code: int, **more: object) -> dict[str, object]:
    return {
        "RecordType": "Bounce",
        "Type": kind,
        "TypeCode": code,
        "Email": TO,
        "From": FROM,
        "BouncedAt": "2026-01-15T08:00:00Z",
        "Details": f"smtp;{UNKNOWN}",
    } | more


def sparkpost(**event: object) -> dict[str, object]:
    return {
        "msys": {
            "message_event": {"type": "bounce", "rcpt_to": TO, "raw_reason": UNKNOWN, "error_code": "550", "bounce_class": "10", "friendly_from": FROM} | event
        }
    }


def mailgun(**event: object) -> dict[str, object]:
    status = {"code": 550, "enhanced-code": "5.1.1", "message": "5.1.1 no such mailbox"}
    return {
        "signature": {"token": "t"},
        "event-data": {"event": "failed", "severity": "permanent", "reason": "bounce", "recipient": TO, "delivery-status": status} | event,
    }


SHAPES: dict[str, tuple[str, object, tuple[str, ...]]] = {
    "SES notification": ("amazon_ses", ses(), ("Permanent", "General")),
    "SES event": ("amazon_ses", {"eventType": "Bounce"} | {k: v for k, v in ses().items() if k != "notificationType"}, ("Permanent", "General")),
    "SES in SNS": ("amazon_ses", {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:000000000000:b", "Message": json.dumps(ses())}, ("Permanent", "General")),
    "SES in EventBridge": ("amazon_ses", {"detail-type": "Email Bounced", "source": "aws.ses", "detail": ses()}, ("Permanent", "General")),
    "SES in Lambda": ("amazon_ses", {"Records": [{"EventSource": "aws:sns", "Sns": {"TopicArn": "t", "Message": json.dumps(ses())}}]}, ("Permanent", "General")),
    "SendGrid": (
        "sendgrid",
        [{"email": TO, "event": "bounce", "type": "bounce", "sg_event_id": "e", "status": "5.1.1", "reason": UNKNOWN, "bounce_classification": "Invalid Address"}],
        ("bounce", "bounce", "Invalid Address"),
    ),
    "Mailgun": ("mailgun", mailgun(), ("failed", "permanent", "bounce")),
    "Mailgun events API": ("mailgun", mailgun()["event-data"] | {"log-level": "error"}, ("failed", "permanent", "bounce")),  # type: ignore[operator]
    "Mailgun legacy form": ("mailgun", urlencode({"event": "bounced", "recipient": TO, "code": "550", "error": "5.1.1 no such mailbox", "signature": "s"}), ("bounced",)),
    "Postmark": ("postmark", postmark("HardBounce", 1, Inactive=True), ("HardBounce", "Inactive")),
    "Postmark API": ("postmark", {k: v for k, v in postmark("HardBounce", 1).items() if k != "RecordType"}, ("HardBounce",)),
    "SparkPost": ("sparkpost", [sparkpost()], ("bounce", "10", "Invalid Recipient")),
    "SparkPost out of band": ("sparkpost", [sparkpost(type="out_of_band")], ("out_of_band", "10", "Invalid Recipient")),
    "SparkPost unwrapped": ("sparkpost", sparkpost()["msys"]["message_event"], ("bounce", "10", "Invalid Recipient")),  # type: ignore[index]
    "Mandrill": ("mandrill", [{"event": "hard_bounce", "ts": 1768464000, "msg": {"email": TO, "diag": f"smtp;{UNKNOWN}", "bounce_description": "bad_mailbox", "bgtools_code": 10, "sender": FROM}}], ("hard_bounce", "bad_mailbox", "10")),
    "Mandrill form": ("mandrill", urlencode({"mandrill_events": json.dumps([{"event": "hard_bounce", "msg": {"email": TO, "diag": UNKNOWN}}])}), ("hard_bounce",)),
    "Mandrill reject list": ("mandrill", [{"type": "blacklist", "action": "add", "reject": {"email": TO, "reason": "hard-bounce", "detail": UNKNOWN}}], ("blacklist", "add", "hard-bounce")),
    "Brevo": ("brevo", {"event": "hard_bounce", "email": TO, "message-id": "<m@shop.example>", "ts_epoch": 1768464000000, "reason": f" RecipientError: {UNKNOWN}"}, ("hard_bounce",)),
    "Brevo marketing": ("brevo", {"event": "hard_bounce", "email": TO, "camp_id": 4, "campaign name": "January", "reason": UNKNOWN}, ("hard_bounce",)),
    "Mailjet": ("mailjet", {"event": "bounce", "email": TO, "MessageID": 1, "hard_bounce": True, "error_related_to": "recipient", "error": "user unknown", "comment": UNKNOWN}, ("bounce", "hard_bounce", "recipient", "user unknown")),
    "Resend": ("resend", {"type": "email.bounced", "data": {"email_id": "i", "from": f"News <{FROM}>", "to": [TO], "bounce": {"type": "Permanent", "subType": "General", "message": UNKNOWN}}}, ("email.bounced", "Permanent", "General")),
    "MailerSend": ("mailersend", {"type": "activity.hard_bounced", "data": {"email": {"recipient": {"email": TO}}, "morph": {"object": "recipient_bounce", "reason": UNKNOWN}}}, ("hard_bounced", "recipient_bounce", UNKNOWN)),
    "Azure": (
        "azure_acs",
        [{"eventType": "Microsoft.Communication.EmailDeliveryReportReceived", "data": {"sender": FROM, "recipient": TO, "status": "Bounced", "deliveryStatusDetails": {"statusMessage": UNKNOWN}}}],
        ("Bounced",),
    ),
    "Azure as a cloud event": (
        "azure_acs",
        {"type": "Microsoft.Communication.EmailDeliveryReportReceived", "data": {"recipient": TO, "status": "Bounced", "deliveryStatusDetails": {"statusMessage": UNKNOWN}}},
        ("Bounced",),
    ),
    "Elastic Email": ("elastic_email", {"to": TO, "from": FROM, "status": "Error", "category": "NoMailbox", "messageid": "m", "errormessage": UNKNOWN}, ("Error", "NoMailbox")),
    "Elastic Email form": ("elastic_email", urlencode({"to": TO, "status": "Error", "category": "NoMailbox", "messageid": "m", "errormessage": UNKNOWN}), ("Error", "NoMailbox")),
    "KumoMTA": ("kumomta", {"type": "Bounce", "recipient": TO, "response": {"code": 550, "enhanced_code": {"class": 5, "subject": 1, "detail": 1}, "content": "no such mailbox"}}, ("Bounce",)),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name):
    service, event, terms = SHAPES[name]
    reading = read(event if isinstance(event, str) else json.dumps(event))
    assert (reading.kind, reading.format) == (Kind.WEBHOOK, service)
    (one,) = reading.bounces
    assert (one.esp, one.recipient, one.action, one.esp_terms) == (service, TO, "failed", terms)
    assert (one.reply.code, one.reply.enhanced) == (550, "5.1.1")
    assert classify(one).cause == "user-unknown"


@pytest.mark.parametrize("name", [name for name, (_, event, _) in SHAPES.items() if not isinstance(event, str)])
@pytest.mark.parametrize("form", ["indented", "array", "lines", "crlf", "with a byte order mark"])
def test_shape_however_it_was_saved(name, form):
    service, event, _ = SHAPES[name]
    events = event if isinstance(event, list) else [event]
    text = {
        "indented": json.dumps(event, indent=2),
        "array": json.dumps(events * 3),
        "lines": "\n".join(json.dumps(one) for one in events * 3),
        "crlf": json.dumps(event, indent=2).replace("\n", "\r\n"),
        "with a byte order mark": "\ufeff" + json.dumps(event),
    }[form]
    reading = read(text.encode())
    assert (reading.kind, reading.format) == (Kind.WEBHOOK, service)
    assert {b.recipient for b in reading.bounces} == {TO}
    assert len(reading.bounces) == (3 if form in ("array", "lines") else 1)


@pytest.mark.parametrize(
    ("text", "terms", "notice"),
    [
        ("type=cleaned&fired_at=2026-01-15+08%3A00%3A00&data%5Breason%5D=hard&data%5Bemail%5D=lena%40example.com", ("cleaned", "hard"), ""),
        ("type=cleaned&data[reason]=abuse&data[email]=lena%40example.com", ("cleaned", "abuse"), "complaint"),
    ],
)
def test_mailchimp_marketing(text, terms, notice):
    (one,) = read(text).bounces
    assert (one.esp, one.recipient, one.esp_terms, one.notice) == ("mailchimp", TO, terms, notice)


@pytest.mark.parametrize(
    ("event", "notice"),
    [
        (
            ses() | {"notificationType": "Complaint", "complaint": {"complainedRecipients": [{"emailAddress": TO}], "complaintFeedbackType": "abuse"}},
            "complaint",
        ),
        ([{"email": TO, "event": "spamreport", "sg_event_id": "e"}], "complaint"),
        (mailgun(event="complained"), "complaint"),
        (postmark("SpamComplaint", 100001), "complaint"),
        (sparkpost(type="spam_complaint"), "complaint"),
        ([{"event": "spam", "msg": {"email": TO}}], "complaint"),
        ({"event": "complaint", "email": TO, "message-id": "<m>"}, "complaint"),
        ({"event": "spam", "email": TO, "MessageID": 1, "source": "JMRPP"}, "complaint"),
        ({"type": "email.complained", "data": {"email_id": "i", "to": [TO]}}, "complaint"),
        ({"type": "activity.spam_complaint", "data": {"email": {"recipient": {"email": TO}}}}, "complaint"),
        ({"to": TO, "status": "AbuseReport", "category": "Unknown", "messageid": "m"}, "complaint"),
        (postmark("AutoResponder", 64), "auto-reply"),
        (postmark("ChallengeVerification", 16384), "challenge"),
        (sparkpost(bounce_class="60"), "auto-reply"),
        (sparkpost(bounce_class="100"), "challenge"),
        (sparkpost(type="list_unsubscribe"), "not-a-bounce"),
        (mailgun(event="unsubscribed"), "not-a-bounce"),
        ([{"event": "unsub", "msg": {"email": TO}}], "not-a-bounce"),
        ({"event": "unsubscribed", "email": TO, "message-id": "<m>"}, "not-a-bounce"),
        ({"event": "unsub", "email": TO, "MessageID": 1}, "not-a-bounce"),
        (postmark("Unsubscribe", 16), "not-a-bounce"),
    ],
)
def test_what_is_no_bounce(event, notice):
    (one,) = read(json.dumps(event)).bounces
    assert (one.recipient, one.notice) == (TO, notice)
    failure = classify(one)
    assert failure.party == "not-a-bounce"
    assert failure.suppress == ("now" if notice == "complaint" else "never")


@pytest.mark.parametrize(
    ("event", "action"),
    [
        (mailgun(severity="temporary", reason="generic"), "delayed"),
        (sparkpost(type="delay"), "delayed"),
        ([{"event": "deferral", "msg": {"email": TO, "smtp_events": [{"type": "deferral", "diag": "421 4.7.0 later"}]}}], "delayed"),
        ({"event": "deferred", "email": TO, "message-id": "<m>", "reason": "421 4.7.0 later"}, "delayed"),
        ([{"email": TO, "event": "deferred", "sg_event_id": "e", "response": "421 4.7.0 later", "attempt": "2"}], "delayed"),
        ({"event": "bounce", "email": TO, "MessageID": 1, "error": "greylisted", "hard_bounce": False}, "delayed"),
        ({"type": "email.delivery_delayed", "data": {"email_id": "i", "to": [TO]}}, "delayed"),
        ({"type": "activity.deferred", "data": {"email": {"recipient": {"email": TO}}}}, "delayed"),
        (postmark("Transient", 2), "delayed"),
        ([{"email": TO, "event": "dropped", "sg_event_id": "e", "reason": "Bounced Address"}], "failed"),
        ([{"email": TO, "event": "delivered", "sg_event_id": "e", "response": "250 ok"}], "delivered"),
        ([{"eventType": "Microsoft.Communication.EmailDeliveryReportReceived", "data": {"recipient": TO, "status": "Expanded"}}], "expanded"),
    ],
)
def test_action(event, action):
    (one,) = read(json.dumps(event)).bounces
    assert (one.recipient, one.action) == (TO, action)


def test_several_recipients_of_one_event():
    event = ses(
        bouncedRecipients=[
            {"emailAddress": a, "status": s, "diagnosticCode": d} for a, s, d in ((TO, "5.1.1", UNKNOWN), ("omar@example.org", "5.2.2", "552 5.2.2 full"))
        ]
    )
    assert [(b.recipient, b.reply.enhanced) for b in read(json.dumps(event)).bounces] == [(TO, "5.1.1"), ("omar@example.org", "5.2.2")]


def test_the_sender_of_an_event():
    (one,) = read(json.dumps(ses())).bounces
    assert one.sender is not None
    assert (one.sender.from_domain, one.sender.mail_from, one.sender.source, one.message_id) == ("shop.example", "shop.example", "webhook", "m1")
