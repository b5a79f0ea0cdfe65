"""Events of e-mail services. The payloads are ours, in the shapes that the services document."""

import json
from pathlib import Path

import pytest

from healthcheck.bounce.read import read
from healthcheck.model import Kind

HERE = Path(__file__).parent / "bounces"
TO = "lena@example.com"

EVENTS = {
    "amazon_ses": {
        "eventType": "DeliveryDelay",
        "mail": {"messageId": "m", "destination": [TO], "source": "a@shop.example"},
        "deliveryDelay": {"delayType": "MailboxFull", "delayedRecipients": [{"emailAddress": TO, "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 full"}]},
    },
    "sendgrid": {"email": TO, "event": "deferred", "sg_event_id": "e", "response": "452 4.2.2 full", "timestamp": 1768464000},
    "mailgun": {
        "signature": {"token": "t"},
        "event-data": {
            "event": "failed",
            "severity": "temporary",
            "reason": "generic",
            "recipient": TO,
            "delivery-status": {"code": 452, "message": "4.2.2 full", "mx-host": "mx1.example.com"},
        },
    },
    "postmark": {
        "RecordType": "Bounce",
        "Type": "Transient",
        "TypeCode": 2,
        "Email": TO,
        "Details": "smtp;452 4.2.2 full",
        "BouncedAt": "2026-01-15T08:00:00Z",
        "From": "a@shop.example",
    },
    "sparkpost": {"msys": {"message_event": {"type": "delay", "bounce_class": "22", "error_code": "452", "raw_reason": "452 4.2.2 full", "rcpt_to": TO}}},
    "mandrill": {"event": "deferral", "ts": 1768464000, "msg": {"email": TO, "diag": "smtp;452 4.2.2 full", "bounce_description": "mailbox_full"}},
    "brevo": {"event": "deferred", "email": TO, "message-id": "<m@shop.example>", "ts_epoch": 1768464000000, "reason": "452 4.2.2 full"},
    "mailjet": {
        "event": "bounce",
        "email": TO,
        "MessageID": 1,
        "hard_bounce": False,
        "error_related_to": "domain",
        "error": "greylisted",
        "comment": "452 4.2.2 full",
    },
    "resend": {
        "type": "email.delivery_delayed",
        "data": {"email_id": "i", "from": "A <a@shop.example>", "to": [TO], "bounce": {"message": "452 4.2.2 full", "type": "Transient"}},
    },
    "mailersend": {
        "type": "activity.deferred",
        "data": {"email": {"recipient": {"email": TO}}, "morph": {"object": "recipient_bounce", "reason": "452 4.2.2 full"}},
    },
    "kumomta": {
        "type": "TransientFailure",
        "recipient": TO,
        "response": {"code": 452, "enhanced_code": {"class": 4, "subject": 2, "detail": 2}, "content": "full"},
    },
}


@pytest.mark.parametrize("esp", EVENTS)
@pytest.mark.parametrize("form", ["object", "array", "lines"])
def test_event(esp, form):
    one = json.dumps(EVENTS[esp])
    text = {"object": one, "array": f"[{one}, {one}]", "lines": f"{one}\n{one}\n"}[form]
    reading = read(text)
    assert (reading.kind, reading.format, len(reading.bounces)) == (Kind.WEBHOOK, esp, 1 if form == "object" else 2)
    got = reading.bounces[0]
    assert (got.esp, got.recipient, got.action, got.reply.code, got.reply.enhanced) == (esp, TO, "delayed", 452, "4.2.2")
    assert got.esp_terms


def test_sns_envelope():
    (one,) = read((HERE / "ses-sns.json").read_bytes()).bounces
    assert (one.recipient, one.reply.text, one.status, one.esp_terms) == (TO, "550 5.1.1 no such mailbox here", "5.1.1", ("Permanent", "General"))
    assert one.sender is not None
    assert (one.sender.from_domain, one.sender.mail_from, one.sender.source) == ("shop.example", "news.shop.example", "webhook")


def test_eventbridge():
    event = {"detail-type": "Email Delivery Delayed", "source": "aws.ses", "detail": EVENTS["amazon_ses"]}
    assert read(json.dumps(event)).bounces[0].recipient == TO


def test_mandrill_form():
    from urllib.parse import quote

    text = "mandrill_events=" + quote(json.dumps([EVENTS["mandrill"]]))
    assert read(text).format == "mandrill"


@pytest.mark.parametrize(
    ("event", "notice"),
    [
        ({"email": TO, "event": "spamreport", "sg_event_id": "e"}, "complaint"),
        ({"RecordType": "SpamComplaint", "Type": "SpamComplaint", "TypeCode": 100001, "Email": TO}, "complaint"),
        ({"RecordType": "Bounce", "Type": "AutoResponder", "TypeCode": 64, "Email": TO}, "auto-reply"),
        ({"event": "complained", "recipient": TO, "log-level": "warn"}, "complaint"),
        ({"notificationType": "Complaint", "mail": {"messageId": "m"}, "complaint": {"complainedRecipients": [{"emailAddress": TO}]}}, "complaint"),
        ({"msys": {"message_event": {"type": "bounce", "bounce_class": "60", "rcpt_to": TO}}}, "auto-reply"),
    ],
)
def test_no_bounce(event, notice):
    (one,) = read(json.dumps(event)).bounces
    assert (one.recipient, one.notice) == (TO, notice)


def test_codes_of_mailgun_are_no_reply_codes():
    event = {
        "event": "failed",
        "severity": "permanent",
        "reason": "suppress-bounce",
        "recipient": TO,
        "delivery-status": {"code": 605, "message": "", "description": "Not delivering to previously bounced address"},
    }
    (one,) = read(json.dumps(event)).bounces
    assert one.reply.code is None
    assert "605" in one.esp_terms


@pytest.mark.parametrize(
    "text", ['{"a": {"b": 1}}', "[1, 2]", '[{"x": "y"}]', "{" * 5000, "[" * 5000, '{"event":', '{"event": "bounce"}', '{"event": ["bounce"], "email": {}}']
)
def test_no_event(text):
    assert read(text).kind is Kind.UNRECOGNISED
