"""From what a reader found to a Bounce: the innermost reply, its codes, the stage, the sender."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..model import Bounce, Kind, Reply, Sender
from .formats import Found, address, dsn
from .formats.mime import Headers, Mail, words
from .reply import read_reply, status_of


@dataclass(frozen=True, slots=True)
class Reading:
    """What was recognised. `text` is the decoded input, on which `Bounce.input_span` counts.

    left_out: of several events, how many are not among `bounces`, because they cannot be read or no known service wrote them.
    looked_for: where nothing was recognised, the key of a sentence that says what was looked for, and what the input seems to be:
    "empty" | "binary" | "msg" | "json" | "mail" | "text", and of a text "letter" | "code" | "log" | "dns"; else "".
    """

    kind: Kind
    format: str | None
    bounces: tuple[Bounce, ...]
    text: str = ""
    looked_for: str = ""
    left_out: int = 0

    @property
    def unread(self) -> bool:
        """Whether it is text of no known form, in which words alone may still be known."""
        return self.looked_for in ("text", "letter", "code", "log", "dns")


def bounce_of(
    found: Found,
    *,
    sender: Sender | None = None,
    reporting: str | None = None,
    original: Headers | None = None,
    default: str = "",
    envelope: str | None = None,
) -> Bounce:
    """A Bounce of what stands in a notice. `default` is the notice where the action does not say otherwise."""
    status = status_of(found.status) if found.status else None
    got = read_reply(found.text, status=status)
    remote = found.remote or got.host
    notice = default
    if found.action == "delayed":
        notice = "delay" if default else default
    elif found.action in ("delivered", "relayed", "expanded"):
        notice = "receipt" if default else default
    elif found.action == "failed" and default:
        notice = "bounce"
    return Bounce(
        reply=got.reply,
        recipient=found.recipient,
        action=found.action,
        status=status,
        notice=notice,
        esp_terms=found.terms,
        receiver=remote,
        reporting_mta=reporting,
        remote_mta=remote,
        stage=found.stage or got.stage,
        at=found.at,
        message_id=_message_id(original) if original else None,
        campaign=envelope,
        sender=sender,
    )


def _message_id(original: Headers) -> str | None:
    value = original.get("message-id", [""])[0].strip()
    return value.strip("<> ")[:300] or None


def domain_of(value: str) -> str | None:
    """The domain of the address in a header field, lower case."""
    one = address(value)
    return one.rpartition("@")[2].lower() if one else None


def sender_of(original: Headers, envelope: str | None) -> Sender | None:
    """What the mail that came back says of its sender: the From domain, the envelope sender's, and the selectors that signed for it.

    None where it has no From domain, or is itself a notice: what a mail system sends has the null sender, and its host is nobody's From domain.
    RFC 5322 section 3.6.2, RFC 6376 section 3.5, RFC 3464 section 2.
    """
    if original.get("content-type", [""])[0].lstrip().lower().startswith("multipart/report"):
        return None
    from_domain = domain_of(words(original.get("from", [""])[0])) if original else None
    if from_domain is None:
        return None
    mail_from = domain_of(envelope or "") or domain_of(original.get("return-path", [""])[0])
    if mail_from is None:
        mail_from = next(
            (d for line in original.get("received", ()) if "envelope-from" in line and (d := domain_of(line.partition("envelope-from")[2][:340]))), None
        )
    selectors = []
    for field in original.get("dkim-signature", ())[:10]:
        signer, selector = _tag(_SIGNER, field), _tag(_SELECTOR, field)
        if selector and signer == from_domain:  # a selector of another domain is published there, and would be missed here
            selectors.append(selector)
    return Sender(from_domain, mail_from, (), tuple(dict.fromkeys(selectors)), "headers")


_SIGNER, _SELECTOR = re.compile(r"(?:\A|;)\s*d\s*=([^;]*)"), re.compile(r"(?:\A|;)\s*s\s*=([^;]*)")


def _tag(pattern: re.Pattern[str], field: str) -> str:
    found = pattern.search(field)
    return "".join(found.group(1).split()).lower() if found else ""


def complaints(report: dsn.Feedback, original: Headers) -> tuple[Bounce, ...]:
    """A Bounce for each address that a feedback report names, else one without. RFC 5965 section 3.2."""
    notice = (
        "auth-failure-report" if report.kind in ("auth-failure", "dmarc", "authentication-failure") else "receipt" if report.kind == "not-spam" else "complaint"
    )
    sender = sender_of(original, f"<{report.mail_from}>" if report.mail_from else None)
    # RFC 5965 section 3.2: Source-IP is the address from which the mail was received, as the receiver saw it
    if sender is not None and report.ip:
        sender = Sender(sender.from_domain, sender.mail_from, (report.ip,), sender.selectors, sender.source)
    return tuple(
        Bounce(
            reply=Reply(None, None, ""),
            recipient=recipient,
            notice=notice,
            esp_terms=report.terms,
            reporting_mta=report.reporting,
            at=report.at,
            message_id=_message_id(original) if original else None,
            sender=sender,
        )
        for recipient in report.recipients or [None]  # type: ignore[list-item]
    )


def answer_of(mail: Mail, notice: str, body: str, original: Headers) -> Bounce:
    """The Bounce of an automatic answer or the like; its recipient is the address that it came from. RFC 3834 section 4."""
    text = " ".join(part for part in (words(mail.first("subject")), " ".join(body[:2000].split())[:400]) if part)
    return Bounce(
        reply=Reply(None, None, text),
        recipient=address(mail.first("from")) or address(mail.first("reply-to")),
        notice=notice,
        message_id=mail.first("in-reply-to").strip("<> ")[:300] or None,
        sender=sender_of(original, None),
    )
