"""Reading the JSON of e-mail services: the objects in a text, fields of the expected kind, one Bounce of an event's fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..catalog import catalog
from ..model import Bounce, Sender
from .build import bounce_of, domain_of
from .formats import Found, clean

MAX_EVENTS = 1000
MAX_NESTING = 60

Event = dict[str, Any]


def objects(text: str) -> Iterator[Event]:
    """The JSON objects in a text, see `pieces`."""
    yield from pieces(text)[0]


def pieces(text: str) -> tuple[list[Event], int]:
    """The JSON objects in a text: one, an array, a line each, or one followed by something else; also inside a form field.

    With them the number of pieces that are none, or that come after the first MAX_EVENTS.
    """
    if is_form(text):
        form = _form(text)
        return pieces(form["mandrill_events"]) if "mandrill_events" in form else ([form], 0)
    if _too_deep(text):
        return [], 0
    found, bad = _decoded(text)
    if not found and "!\n " in text:  # Sendmail breaks lines of over 990 octets like this
        found, bad = _decoded(text.replace("!\n ", ""))
    return found[:MAX_EVENTS], bad + len(found[MAX_EVENTS:])


def _decoded(text: str) -> tuple[list[Event], int]:
    """The objects of a text, one after another, and how many pieces between them are none.

    A piece that cannot be read (a line cut short, a log's own words) is left out, and reading goes on at the next line that begins like an
    object; of an array that breaks off, what stands before the break is taken.
    """
    decoder, bad, at, spent = json.JSONDecoder(strict=False), 0, 0, 0
    out: list[Event] = []
    while len(out) < MAX_EVENTS and bad < MAX_BAD and spent < MAX_SPENT:
        at = _START.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing at least
        if at >= len(text):
            break
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            bad += 1
            spent += getattr(error, "pos", len(text)) - at
            # past an opening bracket stands the first element of an array; else the next line that begins like an object
            after = _BEGINS.search(text, at + 1)
            at = at + 1 if text[at] == "[" else after.start(1) if after else len(text)
            continue
        items = value if isinstance(value, list) else [value]
        out += [item for item in items if isinstance(item, dict)]
        bad += sum(not isinstance(item, dict) for item in items)
    return out, bad + (at < len(text) and not text[at:].isspace())


def within(text: str) -> list[Event]:
    """The JSON objects that stand inside other text: after the prefix of a log, between the sentences of a letter.

    Of one that breaks off, or lacks its last brackets, what stands before the break is taken.
    """
    decoder, at, spent = json.JSONDecoder(strict=False), 0, 0
    out: list[Event] = []
    if _too_deep(text):
        return out
    for turn in range(MAX_BAD):
        found = _INSIDE.search(text, at)
        if not found or len(out) >= MAX_EVENTS or spent > MAX_SPENT:
            break
        at = found.start()
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            spent += getattr(error, "pos", len(text)) - at
            value = _closed(text[at : at + MAX_CUT]) if not out and turn < MAX_CLOSED else None
            at = at + 1 if value is None else len(text)
        out += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
    return out


_INSIDE = re.compile(r"[\[{]\s{0,80}[{\"]")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
MAX_CUT, MAX_CLOSED = 100_000, 3


def _closed(text: str) -> Any:
    """The value of JSON that breaks off, without the member that it breaks off in; None where it does not break off, or is none. RFC 8259."""
    open_: list[str] = []
    whole, left = 0, ""  # up to where it can be cut, and what has to follow then
    end = 0
    for found in _TOKEN.finditer(text):
        end, token = found.end(), found.group()
        if token in "[{":
            open_.append("]" if token == "[" else "}")
        elif token in "]}":
            if not open_ or open_.pop() != token or not open_:
                return None
            whole, left = end, "".join(reversed(open_))
        elif token == "," and text[whole:end].strip():
            whole, left = found.start(), "".join(reversed(open_))
    brackets = "".join(reversed(open_))
    for cut in (text[:end] + brackets, text[:whole] + left):  # the last member may be whole
        try:
            return json.loads(cut, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


MAX_BAD = 100  # pieces that are skipped
MAX_SPENT = 4 << 20  # characters that were read in vain
_START = re.compile(r"[ \t\r\n,;\]]*")
_BEGINS = re.compile(r"\n[ \t]*([{\[])")


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
    """The Bounce of an event. Where it brings no reply of a receiver, its service's own words are what is read.

    `more`: message_id, campaign, sender, remote, reporting.
    """
    words = tuple(t for t in map(as_text, terms) if t)
    reply = diagnostic(as_text(text)) or ("" if notice else _spoken(esp, words))
    found = Found(as_address(recipient), reply, action, as_text(status) or None, more.get("remote"), at=as_text(at) or None)
    bounce = bounce_of(found, sender=more.get("sender"), reporting=more.get("reporting"))
    return replace(
        bounce,
        esp=esp,
        esp_terms=words,
        notice=notice,
        message_id=as_text(more.get("message_id")).strip("<>") or None,
        campaign=as_text(more.get("campaign")) or None,
    )


def _spoken(esp: str, terms: tuple[str, ...]) -> str:
    """The service's words as one text: those that it is known for, or all that there are."""
    service = catalog().services.get(esp)
    if service is None or not terms:
        return ""
    word = service.word(terms)
    return service.spoken(word) if word else f"{service.name}: {' / '.join(dict.fromkeys(terms))}"


def known(esp: str, value: str, *beside: str) -> bool:
    """Whether a value, with those beside it, is one of the service's words, and so needs no reading as a receiver's text."""
    service = catalog().services.get(esp)
    word = service.word((value, *beside)) if service and value else None
    return word is not None and value.casefold() in (*word.first, *word.last)


def diagnostic(text: str) -> str:
    kind, semicolon, rest = text.partition(";")
    return rest.strip() if semicolon and kind.strip().lower() in ("smtp", "lmtp", "x-unix", "x-postfix") else text


def mta(value: Any) -> str | None:
    return as_text(value).rpartition(";")[2].strip().partition(" ")[0] or None
