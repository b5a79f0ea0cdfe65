"""Reports with fields: delivery status (RFC 3464, RFC 6533), feedback (RFC 5965), disposition (RFC 8098)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..reply import status_of
from . import Found, address, clean, data

MAX_RECIPIENTS = 500

Fields = dict[str, str]

_KNOWN = {
    *("reporting-mta", "dsn-gateway", "received-from-mta", "arrival-date", "original-envelope-id", "final-recipient", "original-recipient", "action", "status"),
    *("remote-mta", "diagnostic-code", "last-attempt-date", "final-log-id", "will-retry-until", "localized-final-recipient"),
}
_RECIPIENT = frozenset(("final-recipient", "original-recipient", "x-actual-recipient", "localized-final-recipient"))


@dataclass(slots=True)
class Report:
    """The fields of one delivery status: those of the message, and a group for each recipient."""

    message: Fields = field(default_factory=dict)
    recipients: list[Fields] = field(default_factory=list)
    below: str = ""  # what follows the report in the same text: the mail that came back


def has_fields(low: str) -> bool:
    """Whether a text holds a delivery status: a recipient field at the start of a line, with an action or a status. `low` is case-folded."""
    if "final-recipient:" in low or "original-recipient:" in low:
        return "action:" in low or "status:" in low or "diagnostic-code:" in low
    # a report that lost its recipients, or only the last of its fields
    return "diagnostic-code:" in low and ("reporting-mta:" in low or "action:" in low or "status:" in low)


def starts_at(low: str) -> int:
    """Where the first field of a delivery status stands in a text, or its end. `low` is case-folded."""
    for names in (("reporting-mta:", "final-recipient:", "original-recipient:", "arrival-date:"), ("action:", "status:", "diagnostic-code:")):
        places = [0 if low.startswith(name) else low.find("\n" + name) for name in names]
        if found := [place for place in places if place >= 0]:
            return min(found)
    return len(low)


def groups(text: str) -> Report:
    """The field groups of a delivery status. RFC 3464 section 2.1.

    An empty line between groups may be missing (then a field that comes again starts the next group), or too many (then fields that are still missing go on).
    A line that is no known field continues the last one, also where its folding was lost.
    """
    report = Report()
    group: Fields = {}
    last, gap, at = "", False, 0
    of_recipient = False
    for line in text.split("\n"):
        at += len(line) + 1
        if not line.strip():
            gap = True
            if of_recipient and "diagnostic-code" in group:
                last = ""
            continue
        name = _field_name(line)
        if not name:
            if gap and (report.recipients or of_recipient) and _of_mail(line):
                report.below = text[at - len(line) - 1 :]  # pasted without its MIME structure
                break
            if last and len(group[last]) < 8000 and (not gap or line[0] in " \t"):
                group[last] += "\n" + line.strip()
            continue
        if group and (name in group or (gap and (not of_recipient or name in _RECIPIENT)) or (name in _RECIPIENT and "reporting-mta" in group)):
            _close(report, group)
            group, of_recipient = {}, False
            if len(report.recipients) >= MAX_RECIPIENTS:
                return report
        gap = False
        last = name
        of_recipient = of_recipient or name in _RECIPIENT
        group[name] = line.partition(":")[2].strip()
    _close(report, group)
    return report


_MAIL_FIELDS = frozenset(
    ("return-path", "received", "from", "to", "cc", "subject", "date", "message-id", "mime-version", "content-type", "dkim-signature", "delivered-to", "sender")
)


def _of_mail(line: str) -> bool:
    name, colon, _ = line[:64].partition(":")
    return bool(colon) and name.rstrip().lower() in _MAIL_FIELDS


def _field_name(line: str) -> str:
    colon = line.find(":", 0, 64)
    if colon < 4 or line[0] in " \t":
        name = line[:colon].strip().lower() if colon >= 4 else ""
        return name if name in _RECIPIENT or name in ("action", "status", "diagnostic-code", "remote-mta", "reporting-mta") else ""
    name = line[:colon].strip().lower()
    return name if name in _KNOWN or (name.startswith("x-") and " " not in name) else ""


def _close(report: Report, group: Fields) -> None:
    if group.keys() & _RECIPIENT and (group.keys() & {"action", "status", "diagnostic-code", "remote-mta"} or group.keys() & {"final-recipient"}):
        report.recipients.append(group)
    else:
        for name, value in group.items():
            report.message.setdefault(name, value)


_HEX = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


def typed_address(value: str) -> str | None:
    """The address of a recipient field. RFC 3464 section 2.3.1 (type; address), RFC 6533 section 3 (utf-8, \\x{HEX}), RFC 3461 section 4 (xtext)."""
    value = " ".join(value.split())
    kind, semicolon, rest = value.partition(";")
    if not semicolon or "@" in kind:
        kind, rest = "rfc822", value
    rest = rest.strip()
    if kind.strip().lower() == "utf-8":
        rest = _HEX.sub(lambda found: chr(min(int(found.group(1), 16), 0x10FFFF)), rest)
    if "@" not in rest and "+40" in rest:
        rest = _XTEXT.sub(lambda found: chr(int(found.group(1), 16)), rest)
    if rest.startswith(("|", "/", ":")) or (" " in rest.rpartition("@")[0] and not rest.startswith('"') and "<" not in rest):
        return None  # a pipe or a file, not the address that was mailed
    return clean(rest) or address(rest)


def _mta(value: str) -> str | None:
    """The name in "dns; mx.example.com (192.0.2.1)". RFC 3464 section 2.1.2."""
    name = value[:2000].rpartition(";")[2].strip().split(" ")[0].split("\n")[0].strip("()<>.,")
    return name[:255] or None


_TYPE = re.compile(r"\s{0,9}([A-Za-z][A-Za-z0-9._-]{0,23})\s{0,3};\s{0,9}")


def found_in(report: Report) -> list[Found]:
    """One Found for each recipient group."""
    out = []
    for group in report.recipients:
        recipient = _recipient(group)
        text = group.get("diagnostic-code", "")
        kind = _TYPE.match(text)
        text = text[kind.end() :] if kind else text
        if kind and kind.group(1).lower() == "x-unix" and text.strip().isdigit():
            text = ""  # the exit status of a program, no reply
        status = group.get("status", "")
        comment = status[status.find("(") + 1 : status.rfind(")")] if "(" in status else ""
        if comment.strip().casefold() in data()["status"]["empty"]:
            comment = ""
        if not text.strip():
            text = comment
        action = group.get("action", "").strip().split(" ")[0].split("\n")[0].strip("();,.").lower() or None
        if action not in ("failed", "delayed", "delivered", "relayed", "expanded"):
            action = None
        category = group.get("x-powermta-bouncecategory", "")
        out.append(
            Found(
                recipient,
                text,
                action,
                status_of(status),
                _mta(group.get("remote-mta", "")),
                at=group.get("last-attempt-date"),
                terms=(category,) if category else (),
            )
        )
    return out


def _recipient(group: Fields) -> str | None:
    """The address that failed: the final one where it is one, else the original one."""
    final, original = group.get("final-recipient", ""), group.get("original-recipient", "")
    got = typed_address(final) if final else None
    if got and ("." in got.rpartition("@")[2] or got.endswith("]")) and ";@" not in final.replace(" ", ""):
        return got
    return (typed_address(original) if original else None) or got or typed_address(group.get("x-actual-recipient", "")) or None


def without_recipient(report: Report) -> list[Found]:
    """The Found of a report of which only the last fields were pasted, from "Action:" or "Status:" on."""
    fields = report.message
    return found_in(Report(recipients=[fields])) if "diagnostic-code" in fields and fields.keys() & {"action", "status"} else []


def reporting(report: Report) -> str | None:
    return _mta(report.message.get("reporting-mta", ""))


# ------------------------------------------------------------------ complaints and receipts


@dataclass(slots=True)
class Feedback:
    kind: str  # abuse, fraud, virus, other, opt-out, not-spam, auth-failure …
    recipients: list[str]
    mail_from: str | None
    ip: str | None
    at: str | None
    reporting: str | None
    reported_domain: str | None
    terms: tuple[str, ...]


def feedback(text: str) -> Feedback:
    """A feedback report. RFC 5965 section 3; authentication failures: RFC 6591 section 3."""
    seen: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in text.split("\n")[:400]:
        if line[:1] in (" ", "\t") and last:
            last[-1] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        if colon and name and " " not in name.strip():
            last = seen.setdefault(name.strip().lower(), [])
            last.append(value.strip()[:2000])
    one = {name: values[0] for name, values in seen.items()}
    recipients = [
        a for value in (*seen.get("original-rcpt-to", ()), *seen.get("removal-recipient", ()), *seen.get("redacted-address", ())) if (a := address(value))
    ]
    ip = one.get("source-ip", "").split(" ")[0].strip("[]") or None
    kind = one.get("feedback-type", "abuse").strip().lower()
    return Feedback(
        kind,
        list(dict.fromkeys(recipients)),
        address(one.get("original-mail-from", "")),
        ip,
        one.get("arrival-date") or one.get("received-date"),
        _mta(one.get("reporting-mta", "")),
        one.get("reported-domain"),
        tuple(v for v in (kind, one.get("auth-failure", ""), one.get("delivery-result", "")) if v),
    )


def receipt(text: str) -> tuple[str | None, str]:
    """The recipient and the disposition of a message disposition notification. RFC 8098 section 3.2."""
    recipient, disposition = None, ""
    for line in text.split("\n")[:200]:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        if name == "final-recipient" or (name == "original-recipient" and not recipient):
            recipient = typed_address(value) or recipient
        elif name == "disposition":
            disposition = value.strip()
    return recipient, disposition
