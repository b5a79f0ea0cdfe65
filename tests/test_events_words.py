"""Events that bring no reply of a receiver: what the service's own words are read as, and what a word may never do.

The events are ours, in the shapes that the services document; the sources stand in data/services.toml.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from healthcheck.bounce.classify import classify
from healthcheck.bounce.read import read
from healthcheck.model import Failure, Kind, Party

TO = "lena@example.com"
FROM = "news@shop.example"


def ses(kind: str = "", sub: str = "", **recipient: Any) -> dict[str, Any]:
    bounce = {"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": [{"emailAddress": TO, **recipient}]}
    return {"notificationType": "Bounce", "mail": {"messageId": "m1", "source": FROM, "destination": [TO]}, "bounce": bounce}


def ses_event(kind: str, **more: Any) -> dict[str, Any]:
    return {"eventType": kind, "mail": {"messageId": "m1", "source": FROM, "destination": [TO]}, **more}


def delay(kind: str) -> dict[str, Any]:
    return ses_event("DeliveryDelay", deliveryDelay={"delayType": kind, "delayedRecipients": [{"emailAddress": TO}]})


def sendgrid(event: str, **more: Any) -> list[dict[str, Any]]:
    return [{"email": TO, "event": event, "sg_event_id": "e", "timestamp": 1768464000, **more}]


def mailgun(event: str = "failed", code: int = 0, **more: Any) -> dict[str, Any]:
    return {"signature": {"token": "t"}, "event-data": {"event": event, "recipient": TO, "delivery-status": {"code": code, "message": ""}, **more}}


def postmark(kind: str, **more: Any) -> dict[str, Any]:
    return {"RecordType": "Bounce", "Type": kind, "TypeCode": 1, "Email": TO, "From": FROM, "BouncedAt": "2026-01-15T08:00:00Z", **more}


def sparkpost(bounce_class: str, kind: str = "bounce") -> dict[str, Any]:
    return {"msys": {"message_event": {"type": kind, "bounce_class": bounce_class, "rcpt_to": TO}}}


def mandrill(event: str, **message: Any) -> list[dict[str, Any]]:
    return [{"event": event, "ts": 1768464000, "msg": {"email": TO, "sender": FROM, **message}}]


def brevo(event: str, **more: Any) -> dict[str, Any]:
    return {"event": event, "email": TO, "message-id": "<m@shop.example>", "ts_epoch": 1768464000000, **more}


def mailjet(error: str, related: str = "recipient", event: str = "bounce", **more: Any) -> dict[str, Any]:
    return {"event": event, "email": TO, "MessageID": 1, "error_related_to": related, "error": error, **more}


def resend(kind: str = "email.bounced", **data: Any) -> dict[str, Any]:
    return {"type": kind, "data": {"email_id": "i", "from": FROM, "to": [TO], **data}}


def azure(status: str) -> list[dict[str, Any]]:
    return [{"eventType": "Microsoft.Communication.EmailDeliveryReportReceived", "data": {"recipient": TO, "sender": FROM, "status": status}}]


def elastic(category: str, status: str = "Error") -> dict[str, Any]:
    return {"to": TO, "status": status, "category": category, "messageid": "m"}


def mailtrap(event: str, category: str = "") -> dict[str, Any]:
    return {"events": [{"event": event, "email": TO, "event_id": "e", "message_id": "m", "timestamp": 1768464000, "bounce_category": category}]}


def unione(status: str, delivery: str) -> dict[str, Any]:
    data = {"job_id": "j", "email": TO, "status": status, "delivery_info": {"delivery_status": delivery}}
    return {"auth": "x", "events_by_user": [{"user_id": 1, "events": [{"event_name": "transactional_email_status", "event_data": data}]}]}


def hubspot(kind: str, **more: Any) -> dict[str, Any]:
    return {"id": "i", "type": kind, "recipient": TO, "portalId": 1, "created": 1768464000000, **more}


# what the event is -> event, cause, type, what to do with the address
WORDS: dict[str, tuple[object, str, str | None, str]] = {
    "SES Permanent/General": (ses("Permanent", "General"), "unknown", "hard", "count"),
    "SES Permanent/NoEmail": (ses("Permanent", "NoEmail"), "user-unknown", "hard", "count"),
    "SES Permanent/Suppressed": (ses("Permanent", "Suppressed"), "esp-suppressed", "none", "never"),
    "SES Permanent/OnAccountSuppressionList": (ses("Permanent", "OnAccountSuppressionList"), "esp-suppressed", "none", "never"),
    "SES Permanent/EmailValidationSuppressed": (ses("Permanent", "EmailValidationSuppressed"), "esp-suppressed", "none", "never"),
    "SES Permanent/UnsubscribedRecipient": (ses("Permanent", "UnsubscribedRecipient"), "esp-suppressed", "none", "never"),
    "SES Transient/General": (ses("Transient", "General"), "unknown", "soft", "count"),
    "SES Transient/MailboxFull": (ses("Transient", "MailboxFull"), "mailbox-full", "soft", "count"),
    "SES Transient/MessageTooLarge": (ses("Transient", "MessageTooLarge"), "message-too-large", "soft", "never"),
    "SES Transient/ContentRejected": (ses("Transient", "ContentRejected"), "content-spam", "soft", "never"),
    "SES Transient/AttachmentRejected": (ses("Transient", "AttachmentRejected"), "content-attachment", "soft", "never"),
    "SES Transient/CustomTimeoutExceeded": (ses("Transient", "CustomTimeoutExceeded"), "delivery-expired", "soft", "count"),
    "SES Undetermined": (ses("Undetermined", "Undetermined"), "unknown", "soft", "count"),
    "SES reject": (ses_event("Reject", reject={"reason": "Bad content"}), "content-virus", None, "never"),
    "SES rendering": (ses_event("Rendering Failure", failure={"errorMessage": "Attribute 'name' is not present", "templateName": "t"}), "content-format", None, "never"),
    "SES rendering, bare": (ses_event("Rendering Failure", failure={}), "content-format", None, "never"),
    "SES delay": (delay("Undetermined"), "delay-warning", "deferred", "never"),
    "SES delay, general": (delay("General"), "delay-warning", "deferred", "never"),
    "SES delay, its own": (delay("SendingDeferral"), "delay-warning", "deferred", "never"),
    "SES delay, full": (delay("MailboxFull"), "mailbox-full", "deferred", "count"),
    "SES delay, spam": (delay("SpamDetected"), "reputation-low", "deferred", "never"),
    "SES delay, server": (delay("RecipientServerError"), "server-error", "deferred", "count"),
    "SES delay, IP": (delay("IPFailure"), "reputation-low", "deferred", "never"),
    "SES delay, network": (delay("TransientCommunicationFailure"), "network-error", "deferred", "count"),
    "SES delay, host name": (delay("BYOIPHostNameLookupUnavailable"), "ptr-missing", "deferred", "never"),
    "SES complaint, not sent": (ses_event("Complaint", complaint={"complaintSubType": "OnAccountSuppressionList", "complainedRecipients": [{"emailAddress": TO}]}), "esp-suppressed", "none", "never"),
    "SES complaint": (ses_event("Complaint", complaint={"complaintFeedbackType": "abuse", "complainedRecipients": [{"emailAddress": TO}]}), "complaint", "none", "now"),
    "SES complaint taken back": (ses_event("Complaint", complaint={"complaintFeedbackType": "not-spam", "complainedRecipients": [{"emailAddress": TO}]}), "not-a-bounce", "none", "never"),
    "SES complaint about authentication": (ses_event("Complaint", complaint={"complaintFeedbackType": "auth-failure"}), "not-a-bounce", "none", "never"),
    "SendGrid Invalid Address": (sendgrid("bounce", type="bounce", bounce_classification="Invalid Address"), "user-unknown", None, "now"),
    "SendGrid Mailbox Unavailable": (sendgrid("bounce", type="blocked", bounce_classification="Mailbox Unavailable"), "mailbox-full", "soft", "count"),
    "SendGrid Reputation": (sendgrid("bounce", type="blocked", bounce_classification="Reputation"), "reputation-low", None, "never"),
    "SendGrid Content": (sendgrid("bounce", type="blocked", bounce_classification="Content"), "content-spam", None, "never"),
    "SendGrid Frequency": (sendgrid("bounce", type="blocked", bounce_classification="Frequency or Volume Too High"), "rate-limited", None, "never"),
    "SendGrid Frequency, old": (sendgrid("bounce", type="blocked", bounce_classification="Frequency/Volume"), "rate-limited", None, "never"),
    "SendGrid Technical": (sendgrid("bounce", type="blocked", bounce_classification="Technical"), "unknown", None, "count"),
    "SendGrid Technical Failure": (sendgrid("bounce", type="blocked", bounce_classification="Technical Failure"), "unknown", None, "count"),
    "SendGrid Unclassified": (sendgrid("bounce", type="bounce", bounce_classification="Unclassified"), "unknown", None, "count"),
    "SendGrid blocked": (sendgrid("bounce", type="blocked"), "reputation-low", None, "never"),
    "SendGrid bounce": (sendgrid("bounce", type="bounce"), "unknown", "hard", "count"),
    "SendGrid deferred": (sendgrid("deferred"), "delay-warning", "deferred", "never"),
    "SendGrid Bounced Address": (sendgrid("dropped", reason="Bounced Address"), "esp-suppressed", "none", "never"),
    "SendGrid Spam Reporting Address": (sendgrid("dropped", reason="Spam Reporting Address"), "esp-suppressed", "none", "never"),
    "SendGrid Unsubscribed Address": (sendgrid("dropped", reason="Unsubscribed Address"), "esp-suppressed", "none", "never"),
    "SendGrid Invalid": (sendgrid("dropped", reason="Invalid"), "address-syntax", None, "now"),
    "SendGrid SMTPAPI": (sendgrid("dropped", reason="Invalid SMTPAPI header"), "content-format", None, "never"),
    "SendGrid Spam Content": (sendgrid("dropped", reason="Spam Content"), "content-spam", None, "never"),
    "SendGrid quota": (sendgrid("dropped", reason="Recipient List over Package Quota"), "sender-account-limit", None, "never"),
    "Mailgun suppress-bounce": (mailgun(code=605, severity="permanent", reason="suppress-bounce"), "esp-suppressed", "none", "never"),
    "Mailgun suppress-unsubscribe": (mailgun(code=606, severity="permanent", reason="suppress-unsubscribe"), "esp-suppressed", "none", "never"),
    "Mailgun suppress-complaint": (mailgun(code=607, severity="permanent", reason="suppress-complaint"), "esp-suppressed", "none", "never"),
    "Mailgun 605": (mailgun(code=605, severity="permanent", reason="generic"), "esp-suppressed", "none", "never"),
    "Mailgun 607, old": ({"event": "dropped", "recipient": TO, "code": "607", "signature": "s"}, "esp-suppressed", "none", "never"),
    "Mailgun bounce": (mailgun(severity="permanent", reason="bounce"), "unknown", "hard", "count"),
    "Mailgun generic": (mailgun(severity="permanent", reason="generic"), "unknown", "hard", "count"),
    "Mailgun generic, for now": (mailgun(severity="temporary", reason="generic"), "delay-warning", "deferred", "never"),
    "Mailgun espblock": (mailgun(severity="temporary", reason="espblock"), "reputation-low", "deferred", "never"),
    "Mailgun greylisted": (mailgun(severity="temporary", reason="greylisted"), "greylisted", "deferred", "never"),
    "Mailgun old": (mailgun(code=602, severity="permanent", reason="old"), "delivery-expired", "hard", "count"),
    "Mailgun rejected": ({"event-data": {"event": "rejected", "reject": {"reason": "", "description": ""}, "message": {"headers": {"to": TO}}}}, "sender-account-blocked", None, "never"),
    "Postmark HardBounce": (postmark("HardBounce"), "user-unknown", "hard", "count"),
    "Postmark Transient": (postmark("Transient"), "delay-warning", "deferred", "never"),
    "Postmark DnsError": (postmark("DnsError"), "dns-failure", None, "count"),
    "Postmark SpamNotification": (postmark("SpamNotification"), "content-spam", None, "never"),
    "Postmark Unknown": (postmark("Unknown"), "unknown", None, "count"),
    "Postmark SoftBounce": (postmark("SoftBounce"), "unknown", "soft", "count"),
    "Postmark VirusNotification": (postmark("VirusNotification"), "content-virus", None, "never"),
    "Postmark BadEmailAddress": (postmark("BadEmailAddress"), "address-syntax", None, "now"),
    "Postmark ManuallyDeactivated": (postmark("ManuallyDeactivated"), "esp-suppressed", "none", "never"),
    "Postmark Unconfirmed": (postmark("Unconfirmed"), "esp-suppressed", "none", "never"),
    "Postmark Blocked": (postmark("Blocked"), "reputation-low", None, "never"),
    "Postmark SMTPApiError": (postmark("SMTPApiError"), "protocol-error", None, "never"),
    "Postmark DMARCPolicy": (postmark("DMARCPolicy"), "auth-dmarc", None, "never"),
    "Postmark TemplateRenderingFailed": (postmark("TemplateRenderingFailed"), "content-format", None, "never"),
    "Postmark AddressChange": (postmark("AddressChange"), "mailbox-moved", None, "count"),
    "Postmark InboundError": (postmark("InboundError"), "not-a-bounce", "none", "never"),
    "Postmark OpenRelayTest": (postmark("OpenRelayTest"), "not-a-bounce", "none", "never"),
    "Postmark canned words": (postmark("HardBounce", Description="The server was unable to deliver your message (ex: unknown user, mailbox not found)."), "user-unknown", "hard", "count"),
    "SparkPost 1": (sparkpost("1"), "unknown", "soft", "count"),
    "SparkPost 10": (sparkpost("10"), "user-unknown", None, "now"),
    "SparkPost 20": (sparkpost("20"), "unknown", "soft", "count"),
    "SparkPost 21": (sparkpost("21"), "dns-failure", None, "count"),
    "SparkPost 22": (sparkpost("22"), "mailbox-full", "soft", "count"),
    "SparkPost 23": (sparkpost("23"), "message-too-large", None, "never"),
    "SparkPost 24": (sparkpost("24"), "delivery-expired", None, "count"),
    "SparkPost 25": (sparkpost("25"), "esp-suppressed", "none", "never"),
    "SparkPost 26": (sparkpost("26"), "esp-suppressed", "none", "never"),
    "SparkPost 30": (sparkpost("30"), "unknown", "hard", "count"),
    "SparkPost 40": (sparkpost("40"), "unknown", "soft", "count"),
    "SparkPost 50": (sparkpost("50"), "policy-unstated", None, "never"),
    "SparkPost 51": (sparkpost("51"), "ip-blocklisted", None, "never"),
    "SparkPost 52": (sparkpost("52"), "content-spam", None, "never"),
    "SparkPost 53": (sparkpost("53"), "content-attachment", None, "never"),
    "SparkPost 54": (sparkpost("54"), "relay-denied", None, "never"),
    "SparkPost 60": (sparkpost("60"), "auto-reply", "none", "never"),
    "SparkPost 70": (sparkpost("70"), "unknown", "soft", "count"),
    "SparkPost 80": (sparkpost("80"), "not-a-bounce", "none", "never"),
    "SparkPost 90": (sparkpost("90"), "not-a-bounce", "none", "never"),
    "SparkPost 100": (sparkpost("100"), "challenge-response", "none", "never"),
    "SparkPost generation_failure": (sparkpost("", "generation_failure"), "content-format", None, "never"),
    "Mandrill bad_mailbox": (mandrill("hard_bounce", bounce_description="bad_mailbox"), "user-unknown", "hard", "now"),
    "Mandrill invalid_domain": (mandrill("hard_bounce", bounce_description="invalid_domain"), "domain-not-found", "hard", "now"),
    "Mandrill mailbox_full": (mandrill("soft_bounce", bounce_description="mailbox_full"), "mailbox-full", "soft", "count"),
    "Mandrill general": (mandrill("soft_bounce", bounce_description="general"), "unknown", "soft", "count"),
    "Mandrill class 22": (mandrill("soft_bounce", bgtools_code=22), "mailbox-full", "soft", "count"),
    "Mandrill hard_bounce": (mandrill("hard_bounce"), "unknown", "hard", "count"),
    "Mandrill reject hard-bounce": (mandrill("reject", state="rejected", reject={"reason": "hard-bounce"}), "esp-suppressed", "none", "never"),
    "Mandrill reject spam": (mandrill("reject", reject={"reason": "spam"}), "esp-suppressed", "none", "never"),
    "Mandrill reject unsub": (mandrill("reject", reject={"reason": "unsub"}), "esp-suppressed", "none", "never"),
    "Mandrill reject unsigned": (mandrill("reject", reject={"reason": "unsigned"}), "auth-other", None, "never"),
    "Mandrill answer": ([{"email": TO, "status": "rejected", "reject_reason": "invalid-sender", "_id": "i"}], "sender-address-invalid", None, "never"),
    "Mandrill list": ([{"type": "blacklist", "action": "add", "reject": {"email": TO, "reason": "custom"}}], "esp-suppressed", "none", "never"),
    "Mailchimp cleaned": ({"type": "cleaned", "fired_at": "2026-01-15 08:00:00", "data": {"reason": "hard", "email": TO}}, "esp-suppressed", "none", "never"),
    "Brevo hard_bounce": (brevo("hard_bounce"), "unknown", "hard", "count"),
    "Brevo hardBounce": (brevo("hardBounce"), "unknown", "hard", "count"),
    "Brevo soft_bounce": (brevo("soft_bounce"), "unknown", "soft", "count"),
    "Brevo blocked": (brevo("blocked"), "esp-suppressed", "none", "never"),
    "Brevo invalid_email": (brevo("invalid_email"), "address-syntax", None, "count"),
    "Brevo deferred": (brevo("deferred"), "delay-warning", "deferred", "never"),
    "Brevo error": (brevo("error"), "unknown", None, "count"),
    "Brevo spam": (brevo("spam"), "complaint", "none", "now"),
    "Mailjet user unknown": (mailjet("user unknown", hard_bounce=True), "user-unknown", "hard", "now"),
    "Mailjet mailbox inactive": (mailjet("mailbox inactive", hard_bounce=True), "mailbox-disabled", "hard", "now"),
    "Mailjet quota exceeded": (mailjet("quota exceeded", hard_bounce=False), "mailbox-full", "soft", "count"),
    "Mailjet blacklisted": (mailjet("blacklisted", event="blocked"), "esp-suppressed", "none", "never"),
    "Mailjet spam reporter": (mailjet("spam reporter", event="blocked"), "esp-suppressed", "none", "never"),
    "Mailjet invalid domain": (mailjet("invalid domain", "domain", hard_bounce=True), "domain-not-found", "hard", "now"),
    "Mailjet no mail host": (mailjet("no mail host", "domain"), "dns-failure", None, "count"),
    "Mailjet access denied": (mailjet("relay/access denied", "domain"), "policy-unstated", None, "never"),
    "Mailjet greylisted": (mailjet("greylisted", "domain"), "greylisted", "deferred", "never"),
    "Mailjet typofix": (mailjet("typofix", "domain", event="blocked"), "domain-not-found", None, "now"),
    "Mailjet sender blocked": (mailjet("sender blocked", "spam"), "reputation-low", None, "never"),
    "Mailjet content blocked": (mailjet("content blocked", "spam"), "content-spam", None, "never"),
    "Mailjet policy issue": (mailjet("policy issue", "spam"), "policy-unstated", None, "never"),
    "Mailjet system issue": (mailjet("system issue", "system"), "unknown", "soft", "count"),
    "Mailjet connection issue": (mailjet("connection issue", "system"), "network-error", None, "count"),
    "Mailjet preblocked": (mailjet("preblocked", "mailjet", event="blocked"), "esp-suppressed", "none", "never"),
    "Mailjet duplicate": (mailjet("duplicate in campaign", "mailjet", event="blocked"), "not-a-bounce", "none", "never"),
    "Resend General": (resend(bounce={"type": "Permanent", "subType": "General"}), "unknown", "hard", "count"),
    "Resend MailboxFull": (resend(bounce={"type": "Transient", "subType": "MailboxFull"}), "mailbox-full", "soft", "count"),
    "Resend Suppressed": (resend(bounce={"type": "Permanent", "subType": "Suppressed"}), "esp-suppressed", "none", "never"),
    "Resend suppressed": (resend("email.suppressed", suppressed={"type": "OnAccountSuppressionList"}), "esp-suppressed", "none", "never"),
    "Resend suppressed, bare": (resend("email.suppressed"), "esp-suppressed", "none", "never"),
    "Resend quota": (resend("email.failed", failed={"reason": "reached_daily_quota"}), "sender-account-limit", None, "never"),
    "Resend delayed": (resend("email.delivery_delayed"), "delay-warning", "deferred", "never"),
    "MailerSend hard": ({"type": "activity.hard_bounced", "data": {"recipient": TO, "meta": []}}, "unknown", "hard", "count"),
    "MailerSend soft": ({"type": "activity.soft_bounced", "data": {"email": {"recipient": {"email": TO}}}}, "unknown", "soft", "count"),
    "MailerSend suppressed": ({"type": "activity.suppressed", "data": {"recipient": TO}}, "esp-suppressed", "none", "never"),
    "Azure Bounced": (azure("Bounced"), "unknown", "hard", "count"),
    "Azure Suppressed": (azure("Suppressed"), "esp-suppressed", "none", "never"),
    "Azure FilteredSpam": (azure("FilteredSpam"), "content-spam", None, "never"),
    "Azure Quarantined": (azure("Quarantined"), "content-spam", None, "never"),
    "Azure Failed": (azure("Failed"), "unknown", None, "count"),
    "Azure Expanded": (azure("Expanded"), "delivered", "none", "never"),
    "Elastic NoMailbox": (elastic("NoMailbox"), "user-unknown", None, "now"),
    "Elastic Spam": (elastic("Spam"), "content-spam", None, "never"),
    "Elastic BlackListed": (elastic("BlackListed"), "ip-blocklisted", None, "never"),
    "Elastic Throttled": (elastic("Throttled"), "rate-limited", None, "never"),
    "Elastic GreyListed": (elastic("GreyListed"), "greylisted", None, "never"),
    "Elastic AccountProblem": (elastic("AccountProblem"), "mailbox-full", "soft", "count"),
    "Elastic DNSProblem": (elastic("DNSProblem"), "dns-failure", None, "count"),
    "Elastic SPFProblem": (elastic("SPFProblem"), "auth-spf", None, "never"),
    "Elastic Timeout": (elastic("Timeout"), "network-error", None, "count"),
    "Elastic Ignore": (elastic("Ignore"), "esp-suppressed", "none", "never"),
    "Elastic CodeError": (elastic("CodeError"), "unknown", None, "count"),
    "Mailtrap badrecipient": (mailtrap("bounce", "badrecipient"), "user-unknown", None, "now"),
    "Mailtrap overquota": (mailtrap("soft bounce", "overquota"), "mailbox-full", "deferred", "count"),
    "Mailtrap block": (mailtrap("bounce", "block"), "policy-unstated", None, "never"),
    "Mailtrap spam_gmail": (mailtrap("bounce", "spam_gmail"), "reputation-low", None, "never"),
    "Mailtrap suspension": (mailtrap("suspension"), "sender-account-blocked", "deferred", "never"),
    "Mailtrap reject": (mailtrap("reject"), "unknown", None, "count"),
    "Mailtrap spam report": (mailtrap("spam"), "complaint", "none", "now"),
    "Postal HardFail": ({"event": "MessageDeliveryFailed", "payload": {"status": "HardFail", "message": {"token": "t", "to": TO, "direction": "outgoing"}}}, "unknown", "hard", "count"),
    "Postal bounced": ({"event": "MessageBounced", "payload": {"original_message": {"token": "t", "to": TO}, "bounce": {"token": "u"}}}, "unknown", "hard", "count"),
    "UniOne err_user_unknown": (unione("hard_bounced", "err_user_unknown"), "user-unknown", None, "now"),
    "UniOne err_spam_rejected": (unione("hard_bounced", "err_spam_rejected"), "content-spam", None, "never"),
    "UniOne err_unsubscribed": (unione("hard_bounced", "err_unsubscribed"), "esp-suppressed", "none", "never"),
    "UniOne err_will_retry": (unione("soft_bounced", "err_will_retry"), "delay-warning", "deferred", "never"),
    "Netcore hard": ([{"EVENT": "bounced", "EMAIL": TO, "TRANSID": 1, "BOUNCE_TYPE": "HARDBOUNCE"}], "unknown", "hard", "count"),
    "Netcore dropped": ([{"EVENT": "dropped", "EMAIL": TO, "TRANSID": 1}], "esp-suppressed", "none", "never"),
    "Customer.io dropped": ({"event_id": "e", "object_type": "email", "metric": "dropped", "data": {"recipient": TO}}, "esp-suppressed", "none", "never"),
    "Customer.io bounced": ({"event_id": "e", "object_type": "email", "metric": "bounced", "data": {"recipient": TO}}, "unknown", "hard", "count"),
    "HubSpot UNKNOWN_USER": (hubspot("BOUNCE", category="UNKNOWN_USER"), "user-unknown", None, "now"),
    "HubSpot POLICY": (hubspot("BOUNCE", category="POLICY"), "policy-unstated", None, "never"),
    "HubSpot DMARC": (hubspot("BOUNCE", category="DMARC"), "auth-dmarc", None, "never"),
    "HubSpot PREVIOUSLY_BOUNCED": (hubspot("DROPPED", dropReason="PREVIOUSLY_BOUNCED"), "esp-suppressed", "none", "never"),
    "HubSpot deferred": (hubspot("DEFERRED"), "delay-warning", "deferred", "never"),
    "SMTP2GO hard": ({"event": "bounce", "bounce": "hard", "rcpt": TO, "email_id": "i"}, "unknown", "hard", "count"),
    "SMTP2GO reject": ({"event": "reject", "rcpt": TO, "email_id": "i"}, "unknown", None, "count"),
    "Scaleway not found": ({"type": "email_mailbox_not_found", "email_to": TO, "email_id": "i"}, "user-unknown", None, "now"),
    "Scaleway spam": ({"type": "email_spam", "email_to": TO, "email_id": "i"}, "content-spam", None, "never"),
    "Salesforce not sent": ({"eventCategoryType": "TransactionalSendEvents.EmailNotSent", "info": {"to": TO, "statusMessage": "Unsubscribed", "reason": "The subscriber's status is unsubscribed"}}, "esp-suppressed", "none", "never"),
    "Salesforce hard": ([{"eventCategoryType": "TransactionalSendEvents.EmailBounced", "info": {"to": TO, "bounceCode": "HARD"}}], "unknown", "hard", "count"),
}  # fmt: skip


def answer(event: object) -> Failure:
    reading = read(json.dumps(event))
    assert reading.kind is Kind.WEBHOOK
    (one,) = reading.bounces
    assert one.recipient == TO
    return classify(one)


@pytest.mark.parametrize("name", WORDS)
def test_word(name: str) -> None:
    event, cause, type_, suppress = WORDS[name]
    failure = answer(event)
    assert (failure.cause, failure.type, failure.suppress) == (cause, type_, suppress)
    if failure.party is not Party.NOT_A_BOUNCE or cause == "esp-suppressed":
        assert failure.bounce.reply.text  # what was read is shown
