"""What was pasted? One reader for each kind; the first that recognises its own answers."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import TooLargeError
from ..model import MAX_INPUT, Bounce, Kind, Reply
from . import webhooks
from .build import answer_of, bounce_of, complaints, sender_of
from .formats import Found, address, cut_original, data, dsn, format_of, only_address
from .formats import logs as log_lines
from .formats.blocks import angle, colon, exchange2003, exim
from .formats.cues import cued, exchange
from .formats.mime import MAX_DEPTH, Headers, Mail, charset_text, headers_of, html_text, is_mail, parse, words
from .formats.notices import from_daemon, has, is_delay, notice_of, subject_of
from .formats.session import of_transcript, sendmail, transcript
from .lines import PHRASE_LIMIT, pasted_replies

_TEXT_READERS = (sendmail, exim, angle, exchange2003, exchange)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was recognised. `text` is the decoded input, on which `Bounce.input_span` counts.

    looked_for: where nothing was recognised, the key of a sentence that says what was looked for: "empty" | "binary" | "json" | "mail" | "text"; else "".
    """

    kind: Kind
    format: str | None
    bounces: tuple[Bounce, ...]
    text: str = ""
    looked_for: str = ""


def read(text: str | bytes, source: str = "") -> Reading:
    """Recognise what was pasted and read every failed recipient from it.

    In: a reply, an SMTP transcript, a log line, a bounce mail (whole, or its body, quoted, or as HTML), a delivery status, an event of an
    e-mail service, a phrase; octets or text, any line ends, any encoding. `source` names the input in an error ("bounce.eml").
    Out: the kind, the format's id, and a Bounce for each recipient; nothing is decided about causes. Kind UNRECOGNISED has no bounces.
    Raises TooLargeError over MAX_INPUT octets; nothing else, whatever the input.
    Cost: pure; linear in the input, under a second for 1 MiB.
    Standard: RFC 5321 section 4.2, RFC 3464, RFC 6533, RFC 5965, RFC 8098, RFC 3834.

    >>> read("550 5.1.1 <lena@example.com>: no such mailbox").bounces[0].reply.enhanced
    '5.1.1'
    """
    is_text = isinstance(text, str)
    octets = text.encode("utf-8", "surrogateescape" if _surrogates(text) else "strict") if isinstance(text, str) else bytes(text)
    if len(octets) > MAX_INPUT:
        name = f"{source}: " if source else ""
        raise TooLargeError(f"{name}{len(octets):,} octets were given; at most {MAX_INPUT:,} are read. Paste the notice without the mail that came back.")
    shown = text if isinstance(text, str) else _shown(octets)
    if not octets.strip():
        return Reading(Kind.UNRECOGNISED, None, (), shown, "empty")
    if b"\0" in octets and not _mail_with_nul(octets):
        if octets[:2] in (b"\xff\xfe", b"\xfe\xff"):  # a text file of Windows
            try:
                return read(octets.decode("utf-16"), source)
            except UnicodeError:
                pass
        return Reading(Kind.UNRECOGNISED, None, (), shown, "binary")
    if _is_binary(octets[:4096]):
        return Reading(Kind.UNRECOGNISED, None, (), shown, "binary")
    octets = octets.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"")
    raw = octets.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("latin-1")
    return _spanned(_read(raw, shown, is_text, 0), shown)


_CONTROLS = bytes(c for c in range(32) if c not in (9, 10, 12, 13, 27)) + b"\x7f"


def _is_binary(head: bytes) -> bool:
    return len(head) - len(head.translate(None, _CONTROLS)) > len(head) // 50 + 2


def _mail_with_nul(octets: bytes) -> bool:
    """Whether it is a mail in whose body a few NUL octets stand (the returned mail may hold anything)."""
    first = octets.find(b"\0")
    if first < 200 or octets.count(b"\0") * 50 > len(octets):
        return False
    headers, _ = headers_of(octets[:first].replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("latin-1"))
    return is_mail(headers) and "from" in headers


def _surrogates(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)


def _shown(octets: bytes) -> str:
    head = octets[:65536].decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    charset = ""
    low = head.lower()
    if (at := low.find("charset=")) >= 0 and not octets.isascii():
        charset = head[at + 8 : at + 50].strip('"').partition("\n")[0].partition(";")[0].strip('" ')
    return charset_text(octets, charset)


def _spanned(reading: Reading, shown: str) -> Reading:
    """Say where each reply stands in the input, where it stands there word for word."""
    out, from_ = [], 0
    for bounce in reading.bounces:
        text = bounce.reply.text
        at = shown.find(text, from_) if text else -1
        if at < 0 and text and from_:
            at = shown.find(text)
        if at >= 0:
            from_ = at
            bounce = webhooks.replaced(bounce, input_span=(at, at + len(text)))
        out.append(bounce)
    return Reading(reading.kind, reading.format, tuple(out), shown, reading.looked_for)


def _read(raw: str, shown: str, is_text: bool, depth: int) -> Reading:
    start = raw.lstrip()[:1]
    if start in ("{", "[") or raw.lstrip().startswith(("mandrill_events=", "event=")):
        got = webhooks.read(shown)
        if got is not None:
            return Reading(Kind.WEBHOOK, got[0], got[1])
        if start == "{" or raw.lstrip()[1:].lstrip()[:1] in ("{", "["):
            plain = _plain(shown)
            return plain if plain.kind is not Kind.UNRECOGNISED else Reading(Kind.UNRECOGNISED, None, (), "", "json")
    unquoted = _unquoted(raw)
    mail = parse(unquoted, utf8=is_text)
    reading = _mail(mail, depth)
    if reading is not None:
        return reading
    if mail.was_mail:
        return Reading(Kind.UNRECOGNISED, None, (), "", "mail")
    return _plain(mail.parts[0].text if len(mail.parts) == 1 else mail.body)


def _unquoted(raw: str) -> str:
    """Without the marks of a quotation, where most lines have one. Lines of a transcript (>>> RCPT …) are no quotation."""
    if ">" not in raw[:4000] and "|" not in raw[:200]:
        return raw
    for _ in range(4):
        lines = raw.split("\n")
        filled = [line for line in lines if line.strip()]
        quoted = [line for line in filled if line.lstrip()[:1] == ">" and not line.lstrip().startswith(">>> ")]
        if len(quoted) * 10 < len(filled) * 6:
            return raw
        raw = "\n".join(_unquote(line) for line in lines if line.lstrip()[:1] == ">" or not line.strip())
    return raw


def _unquote(line: str) -> str:
    bare = line.lstrip()
    if bare[:1] != ">":
        return line
    return bare[2:] if bare[1:2] == " " else bare[1:]


# ------------------------------------------------------------------ mail


def _mail(mail: Mail, depth: int) -> Reading | None:
    """A mail of any kind, or the body of one; None where it is no bounce, complaint or automatic answer."""
    statuses = [p for p in mail.parts if p.kind in ("message/delivery-status", "message/global-delivery-status")]
    for part in mail.parts:
        if part.kind == "message/feedback-report":
            return _complaint(mail, dsn.feedback(part.text))
        if part.kind == "message/disposition-notification":
            return _receipt(mail, part.text)
    body = mail.body
    if not mail.was_mail and _is_html(body):
        body = html_text(body)
    low = body.casefold()
    notice, original = cut_original(body, low)
    notice_low = low[: len(notice)] if len(low) == len(body) else notice.casefold()
    original = _original(mail) or original
    family = format_of(mail, notice_low)
    if statuses or dsn.has_fields(low):
        reading = _dsn(mail, statuses, body, notice, notice_low, original, family)
        if reading is not None:
            return reading
    if mail.was_mail and (event := _json_in(body)) is not None:
        return event
    if not mail.was_mail and "feedback-type:" in low and "user-agent:" in low:
        return _complaint(mail, dsn.feedback(body[low.find("feedback-type:") :]))
    daemon = mail.was_mail and from_daemon(mail)
    if mail.was_mail and not daemon and (kind := notice_of(mail, notice_low)):
        return _answer(mail, kind, body, original)
    systems = daemon or bool(family) or "x-failed-recipients" in mail.headers
    if systems:
        reading = _notice(mail, notice, notice_low, original, family, daemon, strict=True)
        if reading is not None:
            return reading
    if depth < MAX_DEPTH:
        for part in mail.of("message/rfc822", "message/global"):
            inner = _mail(parse(part.text if part.headers.get("content-transfer-encoding", [""])[0].lower() in ("base64", "quoted-printable") else part.raw, utf8=part.utf8), depth + 1)
            if inner is not None:
                return inner
    if systems and (reading := _notice(mail, notice, notice_low, original, family, daemon)) is not None:
        return reading
    if daemon and (kind := notice_of(mail, notice_low)):
        return _answer(mail, kind, body, original)
    return None


def _is_html(text: str) -> bool:
    low = text[:3000].lower()
    return "<" in low and any(mark in low for mark in ("<html", "<body", "<div", "<table", "<br", "<p>", "<p ", "<span", "<!doctype html"))


def _original(mail: Mail) -> Headers:
    for part in mail.of("message/rfc822", "text/rfc822-headers", "text/rfc822-header", "message/rfc822-headers", "message/global", "message/global-headers"):
        text = part.text if "content-transfer-encoding" in part.headers else part.raw
        headers, _ = headers_of(text)
        if headers:
            return headers
    return {}


def _dsn(mail: Mail, statuses: list, body: str, notice: str, low: str, original: Headers, family: str | None) -> Reading | None:  # type: ignore[type-arg]
    report = dsn.groups("\n\n".join(part.text for part in statuses) if statuses else body)
    found = dsn.found_in(report)
    if not found and not statuses:
        return None
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
        bounce_of(one, sender=sender, reporting=dsn.reporting(report), original=original, default="delay" if delay else "bounce", envelope=report.message.get("original-envelope-id"))
        for one in found
    )
    return Reading(Kind.DSN, family or "rfc3464", bounces)


def _complete(found: list[Found], notice: str, low: str, known: list[str]) -> None:
    """Fill from the notice what the fields of a report left out: the reply, its later lines, the stage, the address of a pipe."""
    said: list[Found] | None = None
    for n, one in enumerate(found):
        first = one.text.lstrip()
        cut = first[:3].isdigit() and first[3:4] == "-" and "\n" not in first
        lacking = not first or not any(c.isdigit() for c in first[:40]) or cut
        asked = "(in reply to" in notice or ">>> " in notice or "after rcpt to" in low or "after mail from" in low or "end of data" in low
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
        if one.stage is None and "in reply to" in mine.text:
            from .reply import read_reply

            one.stage = read_reply(mine.text).stage
        if mine.text and (not first or (cut and len(mine.text) > len(first)) or (lacking and any(c.isdigit() for c in mine.text[:200]) and len(first) < 12)):
            one.text = mine.text


def _from_text(notice: str, low: str) -> list[Found]:
    for reader in _TEXT_READERS:
        if got := [one for one in reader(notice) if one.recipient or one.text]:
            return got
    return cued(notice, low) or colon(notice)


def _notice(mail: Mail, notice: str, low: str, original: Headers, family: str | None, daemon: bool, *, strict: bool = False) -> Reading | None:
    """A notice in an MTA's own words. `strict`: only where it says for itself whom it is about."""
    known = [one for field in mail.headers.get("x-failed-recipients", ()) for part in field.split(",") if (one := address(part))]
    exchanges = transcript(notice) if "\n In:  " in notice or "\n Out: " in notice or "\nOut: " in notice else []
    found = of_transcript(exchanges) if exchanges else _from_text(notice, low)
    if not found and not known and (strict or (not family and not has(subject_of(mail), "daemon", "subjects"))):
        return None
    if not found:
        found = [Found(one) for one in known] or _named(mail, notice, original)
    reply = ""
    for n, one in enumerate(found):
        if one.recipient is None or "@" not in one.recipient:
            one.recipient = known[min(n, len(known) - 1)] if known else _sole(original)
        if not one.text.strip():
            reply = reply or _said(notice, low, mail)
            one.text = reply
    if not any(one.text for one in found) and not daemon:
        return None
    action = "delayed" if is_delay(subject_of(mail), low) else None
    sender = sender_of(original, None)
    for one in found:
        one.action = one.action or action
    bounces = tuple(bounce_of(one, sender=sender, reporting=None, original=original, default="delay" if action else "bounce") for one in found)
    return Reading(Kind.BOUNCE, family, bounces)


def _named(mail: Mail, notice: str, original: Headers) -> list[Found]:
    """Where no reader found an address: the one on a line of its own; the one that the text names; the one that the returned mail went to."""
    own = {one for name in ("to", "from", "return-path", "reply-to", "delivered-to") for value in mail.headers.get(name, ()) if (one := address(value))}
    alone: dict[str, None] = {}
    for line in notice.split("\n")[:200]:
        if "@" in line and (one := only_address(line)) and one not in own:
            alone[one] = None
    if alone:
        return [Found(one) for one in list(alone)[:50]]
    for line in notice.split("\n")[:200]:
        if "@" in line and (one := address(line)) and one not in own and "postmaster" not in one.lower() and "://" not in line:
            return [Found(one)]
    return [Found(_sole(original))]


def _sole(original: Headers) -> str | None:
    values = original.get("to", ()) or original.get("x-original-to", ()) or original.get("envelope-to", ())
    joined = ", ".join(values)
    return address(joined) if joined.count("@") == 1 or (joined.count("@") == 2 and joined.count("<") == 1) else None


def _said(notice: str, low: str, mail: Mail) -> str:
    """The line of a notice that holds a reply; else the paragraph that says most; else the subject."""
    lines = [line.strip() for line in notice.split("\n") if line.strip()]
    replies = pasted_replies(notice, strict=True)
    if replies:
        return replies[0].text
    telling = [line for line in lines[:120] if has(line.casefold(), "phrase", "words") and not line.endswith(":")]
    if telling:
        return " ".join(telling[:3])[:1000]
    return " ".join(lines[:3])[:600] or words(mail.first("subject"))


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


# ------------------------------------------------------------------ what is no mail


def _plain(text: str) -> Reading:
    """A transcript, log lines, replies or a phrase."""
    if _is_html(text):
        text = html_text(text)
    exchanges = transcript(text)
    if exchanges:
        return Reading(Kind.TRANSCRIPT, None, tuple(bounce_of(one) for one in of_transcript(exchanges)))
    logged = [got for line in text.split("\n")[:3000] if (got := log_lines.of_line(line))][: log_lines.MAX_FOUND]
    if logged:
        return Reading(Kind.LOG, logged[0][0], tuple(bounce_of(one) for _, one in logged))
    low = text.casefold()
    pasted = angle(text) or (sendmail(text) if "-----" in text else []) or exchange(text)
    if not pasted and len(low) == len(text):
        pasted = [one for one in cued(text, low) if one.text]
    if pasted and any(one.text for one in pasted):
        return Reading(Kind.BOUNCE if "\n" in text.strip() else Kind.REPLY, None, tuple(bounce_of(one, default="") for one in pasted))
    replies = pasted_replies(text)
    if replies:
        return Reading(Kind.REPLY, None, tuple(bounce_of(one, default="") for one in replies))
    bare = " ".join(text.split())
    if len(bare) <= PHRASE_LIMIT and has(f"{bare.casefold()} ", "phrase", "words"):
        notice = "auto-reply" if has(bare.casefold(), "auto_reply", "bodies") else ""
        one = bounce_of(Found(None, text.strip()), default="")
        return Reading(Kind.PHRASE, None, (webhooks.replaced(one, notice=notice),))
    return Reading(Kind.UNRECOGNISED, None, (), "", "text")


def known_formats() -> tuple[str, ...]:
    """The ids of every family that is recognised, for the documentation."""
    return tuple(dict.fromkeys(row["id"] for row in data()["format"]))
