"""Mail: a delivery status, a notice in an MTA's own words, a complaint, an automatic answer; or one of these inside another mail."""

from __future__ import annotations

from ..model import Bounce, Kind, Reply
from . import webhooks
from .build import Reading, answer_of, bounce_of, complaints, sender_of
from .formats import MAX_NOTICE, Found, address, body_marks, cut_original, dsn, format_of, only_address
from .formats.blocks import angle, colon, exchange2003, exim
from .formats.cues import cued, exchange, reason, weight
from .formats.html import html_text, is_html
from .formats.mime import MAX_DEPTH, Headers, Mail, Part, headers_of, parse, words
from .formats.notices import from_daemon, has, is_delay, notice_of, subject_of
from .formats.paste import without_entities
from .formats.session import of_transcript, sendmail, transcript
from .formats.whom import greeted, whom
from .lines import coded_line, pasted_replies
from .reply import stage_in

_TEXT_READERS = (sendmail, exim, angle, exchange2003, exchange)


def mail_of(mail: Mail, depth: int = 0) -> Reading | None:
    """A mail of any kind, or the body of one; None where it is no bounce, complaint or automatic answer."""
    statuses = [p for p in mail.parts if p.kind in ("message/delivery-status", "message/global-delivery-status")]
    for part in mail.parts:
        if part.kind == "message/feedback-report":
            return _complaint(mail, dsn.feedback(part.text))
        if part.kind == "message/disposition-notification":
            return _receipt(mail, part.text)
    body = mail.body
    if not mail.was_mail:
        body = html_text(body) if is_html(body) else without_entities(body)
    body = body[:MAX_NOTICE]
    low = body.casefold()
    here = body_marks(low)
    notice, original = cut_original(body, low, here)
    notice_low = low[: len(notice)] if len(low) == len(body) else notice.casefold()
    original = _original(mail) or original
    family = format_of(mail, notice_low, here)
    if statuses or dsn.has_fields(low):
        reading = _dsn(mail, statuses, body, notice, notice_low, original, family)
        if reading is not None:
            return reading
    if mail.was_mail and (event := _json_in(body)) is not None:
        return event
    if not mail.was_mail and "feedback-type:" in low and "user-agent:" in low:
        return _complaint(mail, dsn.feedback(body[low.find("feedback-type:") :]))
    if not mail.was_mail and len(mail.parts) == 1 and "\n" not in body.strip():
        return None
    daemon = mail.was_mail and from_daemon(mail)
    if mail.was_mail and not daemon and (kind := notice_of(mail, notice_low)):
        return _answer(mail, kind, body, original)
    systems = daemon or bool(family) or "x-failed-recipients" in mail.headers
    if systems:
        reading = _notice(mail, notice, notice_low, original, family, daemon, strict=True)
        if reading is not None:
            return reading
    if depth < MAX_DEPTH and (inner := _inside(mail, depth)) is not None:
        return inner
    if systems and (reading := _notice(mail, notice, notice_low, original, family, daemon)) is not None:
        return reading
    if daemon and (kind := notice_of(mail, notice_low)):
        return _answer(mail, kind, body, original)
    return None


def _inside(mail: Mail, depth: int) -> Reading | None:
    """The Reading of a mail that was forwarded inside this one."""
    for part in mail.of("message/rfc822", "message/global"):
        encoded = part.headers.get("content-transfer-encoding", [""])[0].lower() in ("base64", "quoted-printable")
        inner = mail_of(parse(part.text if encoded else part.raw, utf8=part.utf8), depth + 1)
        if inner is not None:
            return inner
    return None


def _original(mail: Mail) -> Headers:
    for part in mail.of("message/rfc822", "text/rfc822-headers", "text/rfc822-header", "message/rfc822-headers", "message/global", "message/global-headers"):
        text = part.text if "content-transfer-encoding" in part.headers else part.raw
        headers, _ = headers_of(text)
        if headers:
            return headers
    return {}


def _dsn(mail: Mail, statuses: list[Part], body: str, notice: str, low: str, original: Headers, family: str | None) -> Reading | None:
    report = dsn.groups("\n\n".join(part.text for part in statuses) if statuses else body)
    found = dsn.found_in(report) or ([] if statuses else dsn.without_recipient(report))
    if not statuses:  # a body: above the fields is what the notice says, below them the mail that came back
        if not found and (not report.message or not low[: dsn.starts_at(low)].strip()):
            return None
        notice, low = notice[: dsn.starts_at(low)], low[: dsn.starts_at(low)]
        original = original or headers_of(report.below)[0]
    if not found:  # a report that lost its recipients: the text, then what came back
        reading = _notice(mail, notice, low, original, family, True)
        if reading is None:
            return None
        return Reading(Kind.DSN, family or "rfc3464", reading.bounces)
    known = [one.strip() for one in mail.first("x-failed-recipients").split(",") if "@" in one]
    _complete(found, notice, low, known)
    sender = sender_of(original, report.message.get("x-postfix-sender") or report.message.get("x-sendgrid-sender"))
    delay = is_delay(subject_of(mail), low)
    bounces = tuple(
        bounce_of(
            one,
            sender=sender,
            reporting=dsn.reporting(report),
            original=original,
            default="delay" if delay else "bounce",
            envelope=report.message.get("original-envelope-id"),
        )
        for one in found
    )
    return Reading(Kind.DSN, family or "rfc3464", bounces)


def _complete(found: list[Found], notice: str, low: str, known: list[str]) -> None:
    """Fill from the notice what the fields of a report left out: the reply, its later lines, the stage, the address of a pipe."""
    said: list[Found] | None = None
    asked = "(in reply" in notice or ">>> " in notice or " server after " in low or "refused to talk to me" in low or "end of data" in low
    for n, one in enumerate(found):
        first = one.text.lstrip()
        cut = first[:3].isdigit() and first[3:4] == "-" and "\n" not in first
        lacking = not first or not any(c.isdigit() for c in first[:40]) or cut
        if one.recipient is None and known:
            one.recipient = known[min(n, len(known) - 1)]
        if not (lacking or (asked and not one.stage)) or not notice:
            continue
        if said is None:
            said = _from_text(notice, low)
        mine = next((s for s in said if s.recipient and one.recipient and s.recipient.casefold() == one.recipient.casefold()), None)
        if mine is None and len(said) == len(found):
            mine = said[n]
        if mine is None:
            continue
        one.recipient = one.recipient or mine.recipient
        one.stage = one.stage or mine.stage
        if one.stage is None and mine.text:
            one.stage = stage_in(mine.text)
        if mine.text and (not first or (cut and len(mine.text) > len(first)) or (lacking and any(c.isdigit() for c in mine.text[:200]) and len(first) < 12)):
            one.text = mine.text


def _from_text(notice: str, low: str) -> list[Found]:
    for reader in _TEXT_READERS:
        if got := [one for one in reader(notice) if one.recipient or one.text]:
            return got
    if "<<< " in notice and ">>> " in notice and (exchanges := transcript(notice)):
        return of_transcript(exchanges)
    return cued(notice, low) or colon(notice)


def _notice(mail: Mail, notice: str, low: str, original: Headers, family: str | None, daemon: bool, *, strict: bool = False) -> Reading | None:
    """A notice in an MTA's own words. `strict`: only where it says for itself whom it is about."""
    known = [failed for field in mail.headers.get("x-failed-recipients", ()) for part in field.split(",") if (failed := address(part))]
    exchanges = transcript(notice) if "\n In:  " in notice or "\n Out: " in notice or "\nOut: " in notice else []
    found = of_transcript(exchanges) if exchanges else _from_text(notice, low)
    if not found and not known and "@" in notice:
        found = [one for one in pasted_replies(notice, strict=True) if one.recipient]
    if not found and not known and (strict or (not family and not _custom(mail, low) and not weight(_said(notice, mail)) > 1)):
        return None
    if not found:
        found = [Found(one) for one in known] or _named(mail, notice, original)
    if len(found) == 1 and weight(found[0].text) == 1 and (apart := pasted_replies(notice, strict=True)):
        found[0].text = apart[0].text
    reply = ""
    for n, one in enumerate(found):
        if one.recipient is None or "@" not in one.recipient:
            one.recipient = known[min(n, len(known) - 1)] if known else _sole(original)
        if not one.text.strip():
            reply = reply or max((reason(notice, low), _said(notice, mail)), key=weight)
            one.text = reply
    if not any(one.text for one in found) and not daemon:
        return None
    action = "delayed" if is_delay(subject_of(mail), low) else None
    sender = sender_of(original, None)
    for one in found:
        one.action = one.action or action
    bounces = tuple(bounce_of(one, sender=sender, reporting=None, original=original, default="delay" if action else "bounce") for one in found)
    return Reading(Kind.BOUNCE, family, bounces)


def _custom(mail: Mail, low: str) -> bool:
    """Whether a subject, or a program in words of its own, says that a mail was not delivered."""
    return has(subject_of(mail), "daemon", "subjects") or has(low[:MAX_SAID], "daemon", "bodies")


def _named(mail: Mail, notice: str, original: Headers) -> list[Found]:
    """Where no reader found an address: the one on a line of its own; the one that the text names; the one that the returned mail went to."""
    own = {one for name in ("to", "from", "return-path", "reply-to", "delivered-to") for value in mail.headers.get(name, ()) if (one := address(value))}
    own |= greeted(notice)
    if (one := whom(notice)) and one not in own:
        return [Found(one)]
    alone: dict[str, None] = {}
    for line in notice.split("\n")[:200]:
        if "@" in line and (bare := only_address(line)) and bare not in own:
            alone[bare] = None
    if alone:
        return [Found(one) for one in list(alone)[:50]]
    for line in notice.split("\n")[:200]:
        if (
            "@" in line
            and (one := address(line))
            and one not in own
            and not one.lower().startswith(("postmaster", "mailer-daemon"))
            and "://" not in line
            and not line.lower().startswith(("hello", "hi ", "dear"))
        ):
            return [Found(one)]
    return [Found(_sole(original))]


def _sole(original: Headers) -> str | None:
    values = original.get("to", ()) or original.get("x-original-to", ()) or original.get("envelope-to", ())
    joined = ", ".join(values)
    return address(joined) if joined.count("@") == 1 or (joined.count("@") == 2 and joined.count("<") == 1) else None


def _said(notice: str, mail: Mail) -> str:
    """The line of a notice that holds a reply; else the paragraph that says most; else the subject."""
    lines = [line.strip() for line in notice.split("\n") if line.strip()]
    replies = pasted_replies(notice, strict=True)
    if replies:
        return replies[0].text
    if coded := coded_line(notice):
        return coded[:1000]
    if telling := _telling(notice):
        return " ".join(telling[:4])[:1000]
    return " ".join(lines[:3])[:600] or words(mail.first("subject"))


MAX_SAID = 8000  # characters


def _telling(notice: str) -> list[str]:
    """The paragraphs that say something of a bounce: with its words, or below one that says only that delivery failed, or with a page that tells whose it is."""
    out, only, first = [], False, ""
    for part in notice[:MAX_SAID].split("\n\n"):
        one = " ".join(part.split())
        low = one.casefold()
        if (has(low, "phrase", "words") and not one.endswith((":", "?"))) or (only and one and "@" not in one) or has(low, "phrase", "pages"):
            out.append(one)
        first = first or (one if len(one) > 40 and not out else "")
        only = len(one) < 200 and has(low, "phrase", "only_failed")
    return [first, *out] if first and out and all(has(one.casefold(), "phrase", "pages") for one in out) else out


def _json_in(body: str) -> Reading | None:
    """An event that was mailed (Amazon SNS puts its JSON first, a footer below). RFC 8259."""
    bare = body.lstrip()
    if bare[:1] not in ("{", "["):
        return None
    got = webhooks.read(bare) or webhooks.read(bare.partition("\n--\n")[0])
    return Reading(Kind.WEBHOOK, got[0], got[1]) if got else None


def _complaint(mail: Mail, report: dsn.Feedback) -> Reading:
    original = _original(mail)
    if not report.recipients and (one := _sole(original)):
        report.recipients.append(one)
    return Reading(Kind.REPORT, "arf", complaints(report, original))


def _answer(mail: Mail, notice: str, body: str, original: Headers) -> Reading:
    return Reading(Kind.REPORT if notice == "complaint" else Kind.BOUNCE, notice, (answer_of(mail, notice, body, original),))


def _receipt(mail: Mail, text: str) -> Reading:
    recipient, disposition = dsn.receipt(text)
    bounce = Bounce(reply=Reply(None, None, disposition), recipient=recipient or address(mail.first("from")), notice="receipt")
    return Reading(Kind.BOUNCE, "mdn", (bounce,))
