"""Decisions as CSV: all of them with their reasons, and those that are to be suppressed as a service takes them in (data/exports.toml). Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

from ....model import Action, Decision
from . import data

COLUMNS = ("recipient", "action", "why", "cause", "count", "limit", "since", "last", "expires", "delivered", "scope", "provider", "source", "reply")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PLAIN = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")


def services() -> tuple[str, ...]:
    """The services whose form of a list is known."""
    return tuple(data()["import"])


def lines(decisions: Iterable[Decision], service: str | None = None) -> Iterator[str]:
    """The lines of a CSV (RFC 4180, LF), one a decision.

    service   None: every decision with its reason; else one of `services()`: only what is to be suppressed, in that service's form. Whole domains are
              never among them, nor what is counted or held; nor who unsubscribed, where the list is one of bounces.
    """
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")

    def taken() -> str:
        text = out.getvalue()
        out.seek(0)
        out.truncate()
        return text

    if service is None:
        write.writerow(COLUMNS)
        yield taken()
        for one in decisions:
            write.writerow([_safe(field) for field in _row(one)])
            yield taken()
        return
    form = data()["import"][service]
    if "head" in form:
        write.writerow(form["head"])
        yield taken()
    without = form.get("without", ())
    for one in decisions:
        if one.action is Action.SUPPRESS and one.recipient and one.why not in without:
            write.writerow([_field(field, one, form) for field in form["row"]])
            yield taken()


def _row(one: Decision) -> tuple[str, ...]:
    return (
        one.recipient,
        one.action.value,
        one.why,
        one.cause or "",
        str(one.count),
        str(one.limit),
        _when(one.since),
        _when(one.last),
        _when(one.expires),
        _when(one.delivered),
        one.scope,
        one.provider,
        one.source,
        one.text,
    )


def _field(field: str, one: Decision, form: dict[str, str]) -> str:
    match field:
        case "address":
            return one.recipient
        case "reason":
            return form["complaint"] if "complaint" in (one.why, one.cause) else form["default"]
        case "code":
            return next((word for word in one.text.split()[:1] if len(word) == 3 and word.isdigit() and word[0] in "45"), form["default"])
        case "text":
            return _safe(one.text)
        case _:
            return format_datetime(datetime.fromtimestamp(one.since, UTC)) if one.since is not None else ""


def _safe(text: str) -> str:
    """A field that no spreadsheet takes for a formula: it is somebody else's text. A plain address is left as it is, for whoever imports it."""
    return f"'{text}" if text.startswith(_FORMULA) and not _PLAIN.fullmatch(text) else text


def _when(at: float | None) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else ""
