"""Reading the JSON of e-mail services: the objects in a text, fields of the expected kind, one Bounce of an event's fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..model import Bounce, Sender
from .build import bounce_of, domain_of
from .formats import Found, clean

MAX_EVENTS = 1000
MAX_NESTING = 60

Event = dict[str, Any]


def objects(text: str) -> Iterator[Event]:
    """The JSON objects in a text: one, an array, a line each, or one followed by something else; also inside a form field."""
    if is_form(text):
        form = _form(text)
        if "mandrill_events" in form:
            yield from objects(form["mandrill_events"])
        else:
            yield form
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
                yield from objects(text.replace("!\n ", ""))
            return
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, dict):
                count += 1
                yield item


_FORM = re.compile(r"[A-Za-z][A-Za-z0-9_.%\[\]-]{0,60}=")


def is_form(text: str) -> bool:
    """Whether a text is a form as a webhook posts it: name=value&name=value, without a blank. application/x-www-form-urlencoded."""
    return bool(_FORM.match(text)) and (text.startswith("mandrill_events=") or text.count("&") > 1) and not re.search(r"\s", text[:4000])


_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def _form(text: str) -> Event:
    """The fields of a form, percent-decoded: application/x-www-form-urlencoded."""
    out: Event = {}
    for field in text.split("&", 200)[:200]:
        name, _, value = field.partition("=")
        octets = (part.replace("+", " ").encode("utf-8", "replace") for part in (name, value))
        key, decoded = (_ESCAPE.sub(lambda found: bytes.fromhex(found.group(1).decode()), part).decode("utf-8", "replace") for part in octets)
        out.setdefault(key, decoded)
    return out


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


def as_dict(value: Any) -> Event:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value[:MAX_EVENTS] if isinstance(value, list) else []


def as_text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def as_address(value: Any) -> str | None:
    text = as_text(value)
    if "<" in text:
        text = text[text.find("<") + 1 :].partition(">")[0]
    return clean(text)


def as_sender(value: Any, mail_from: Any = None) -> Sender | None:
    from_domain = domain_of(as_text(value))
    return Sender(from_domain, domain_of(as_text(mail_from)), (), (), "webhook") if from_domain else None


def made(
    esp: str, recipient: Any, text: Any, terms: tuple[Any, ...], *, action: str | None, status: Any = None, notice: str = "", at: Any = None, **more: Any
) -> Bounce:
    """`more`: message_id, campaign, sender, remote, reporting."""
    found = Found(as_address(recipient), diagnostic(as_text(text)), action, as_text(status) or None, more.get("remote"), at=as_text(at) or None)
    bounce = bounce_of(found, sender=more.get("sender"), reporting=more.get("reporting"))
    return replace(
        bounce,
        esp=esp,
        esp_terms=tuple(t for t in map(as_text, terms) if t),
        notice=notice,
        message_id=as_text(more.get("message_id")).strip("<>") or None,
        campaign=as_text(more.get("campaign")) or None,
    )


def diagnostic(text: str) -> str:
    kind, semicolon, rest = text.partition(";")
    return rest.strip() if semicolon and kind.strip().lower() in ("smtp", "lmtp", "x-unix", "x-postfix") else text


def mta(value: Any) -> str | None:
    return as_text(value).rpartition(";")[2].strip().partition(" ")[0] or None
