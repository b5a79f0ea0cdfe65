"""JSON: exports, dumps of webhooks and queues, one object or a million, a line each or in an array; our own answers and events among them. RFC 8259.

formats/pieces.py takes the objects out of a stream; here events are made of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ....model import Bounce, Event, Happened, Party, Said, Suppress, Type
from ...events import as_text
from ...webhooks import _READERS, _told
from . import Told, With, counted, happened_words, plain, settled
from .kinds import shown
from .times import moment

_PACKED = ("events", "items", "results", "Bounces", "bounces", "Records", "records", "data", "SuppressedDestinationSummaries")
_EVENT_KEYS = ("event", "eventType", "notificationType", "RecordType", "type")
_TO_KEYS = ("email", "recipient", "rcpt_to", "Email", "Recipient", "to")
_UNSUBSCRIBES = ("listunsubscribe", "linkunsubscribe", "90", "16")
_STATES: dict[str | None, Happened] = {
    "delivered": Happened.DELIVERED,
    "relayed": Happened.DELIVERED,
    "expanded": Happened.DELIVERED,
    "delayed": Happened.DEFERRED,
}


# ------------------------------------------------------------------ events


class Objects:
    """The events of objects, whoever wrote them."""

    def __init__(self, told: Told, given: With) -> None:
        self.told, self.given = told, given
        self._readers: dict[Any, tuple[str, Callable[[dict[str, Any]], list[Bounce] | None]]] = {}

    def _bounces(self, value: dict[str, Any]) -> list[tuple[str, list[Bounce]]]:
        """What the readers of events make of an object. Which of them knows it shows in the names of its fields and the word for what happened."""
        shape = (*value, *[value[key] for key in _EVENT_KEYS if isinstance(value.get(key), str)])
        known = self._readers.get(shape)
        if known is not None and (bounces := known[1](value)) is not None:
            return [(known[0], bounces)]
        found = list(_told(value, 0))
        if len(found) == 1 and len(self._readers) < 512 and len(shape) < 100:
            self._readers[shape] = (found[0][0], dict(_READERS)[found[0][0]])
        return found

    def events(self, line: int, value: dict[str, Any], source: str = "") -> Iterator[Event]:
        """The events of one object. What is none of a known service is told. Never raises."""
        told = self.told
        told.rows += 1
        source = source or f"{told.name}:{line}"
        schema = value.get("schema")
        if schema == "event/1":
            told.kind = "own"
            yield from self._own(line, value, source)
        elif schema == "diagnosis/1":
            told.kind = "diagnoses"
            yield from self._diagnosed(value, source)
        elif schema == "error/1":
            told.passed += 1
        else:
            yield from self._foreign(line, value, source)

    def _foreign(self, line: int, value: dict[str, Any], source: str) -> Iterator[Event]:
        told = self.told
        understood = False
        for one in _unpacked(value, 3):
            for service, bounces in self._bounces(one):
                understood = True
                if told.kind in ("json", "unknown", "own", "diagnoses"):
                    told.kind = service
                if not bounces:
                    yield from self._quiet(one, source)
                for bounce in bounces:
                    yield from self._event(bounce, one, source)
        if not understood:
            told.trouble(line, "shape")

    def _quiet(self, value: Mapping[str, Any], source: str) -> Iterator[Event]:
        """What the readers of single bounces pass over: sent, unsubscribed; of opens and clicks nothing is made."""
        inner = _inner(value)
        word = next((as_text(inner[key]) for key in _EVENT_KEYS if isinstance(inner.get(key), str)), "")
        happened = happened_words().get(plain(word), Happened.OTHER)
        if happened not in (Happened.SENT, Happened.UNSUBSCRIBED):
            self.told.passed += 1
            return
        for to in _to(inner):
            recipient = self.given.address(to)
            if recipient or happened is Happened.SENT:
                at = next((as_text(inner[key]) for key in ("timestamp", "ts", "time", "date", "fired_at", "created_at") if key in inner), "")
                message = next(
                    (as_text(inner[key]) for key in ("sg_message_id", "smtp-id", "message_id", "message-id", "_id", "messageId") if key in inner), ""
                )
                provider = self.given.provider(recipient, None)
                event = Event(happened, recipient, moment(at), None, message.strip("<>"), self.given.campaign, "", provider, source)
                yield counted(self.told, event)

    def _event(self, bounce: Bounce, value: Mapping[str, Any], source: str) -> Iterator[Event]:
        event = event_of(bounce, self.given, source, dropped=_was_dropped(bounce), unsubscribed=_left(bounce, value))
        if event is None or (not event.recipient and event.happened in (Happened.UNSUBSCRIBED, Happened.DROPPED)):
            self.told.passed += 1
        else:
            yield counted(self.told, event)

    def _own(self, line: int, value: Mapping[str, Any], source: str) -> Iterator[Event]:
        try:
            said = value.get("said")
            event = Event(
                Happened(value["happened"]),
                self.given.address(as_text(value.get("recipient"))),
                _number(value.get("at")),
                said_from(said) if said else None,
                as_text(value.get("message")),
                self.given.name(as_text(value.get("campaign"))) or self.given.campaign,
                self.given.name(as_text(value.get("sender"))),
                self.given.name(as_text(value.get("provider"))),
                as_text(value.get("source")) or source,
            )
        except (KeyError, ValueError, TypeError, AttributeError):
            self.told.trouble(line, "shape")
            return
        yield counted(self.told, event)

    def _diagnosed(self, value: Mapping[str, Any], source: str) -> Iterator[Event]:
        """The failures of an answer of `explain`."""
        given, read = self.given, 0
        rows = value.get("failures")
        for row in rows if isinstance(rows, list) else ():
            try:
                reply = row["reply"]
                said = said_from({**row, "code": reply["code"], "enhanced": reply["enhanced"], "text": shown(as_text(reply["text"]))})
                happened = _happened(row.get("action"), said)
                recipient = given.address(as_text(row.get("recipient")))
                sender = row.get("sender") or {}
                event = Event(
                    happened,
                    recipient,
                    moment(as_text(row.get("at"))),
                    said if happened in (Happened.BOUNCED, Happened.DEFERRED, Happened.COMPLAINT) else None,
                    as_text(row.get("message_id")),
                    given.name(as_text(row.get("campaign"))) or given.campaign,
                    given.name(as_text(sender.get("from_domain") or sender.get("mail_from"))),
                    given.provider(recipient, said, as_text(row.get("remote_mta")) or None),
                    source,
                )
            except (KeyError, ValueError, TypeError, AttributeError):
                continue
            read += 1
            if happened is Happened.OTHER:
                self.told.passed += 1
            else:
                yield counted(self.told, event)
        if not read:
            self.told.passed += 1  # an answer that nothing was recognised


def said_from(row: Mapping[str, Any]) -> Said:
    """A Said out of JSON. Raises ValueError, KeyError, TypeError for what is none."""
    kind = row.get("type")
    return Said(
        str(row["cause"]),
        Party(row["party"]),
        Type(kind) if kind else None,
        Suppress(row["suppress"]),
        as_text(row.get("scope")) or "address",
        as_text(row.get("confidence")) or "guess",
        row.get("provider"),
        row.get("code"),
        row.get("enhanced"),
        row.get("blocklist"),
        row.get("rule"),
        as_text(row.get("text")),
    )


def event_json(event: Event) -> dict[str, Any]:
    """An event as `event/1`: what `--events FILE` writes, and what is read here again. Pure."""
    said = event.said
    return {
        "schema": "event/1",
        "happened": event.happened.value,
        "recipient": event.recipient,
        "at": event.at,
        "message": event.message,
        "campaign": event.campaign,
        "sender": event.sender,
        "provider": event.provider,
        "source": event.source,
        "said": {
            name: getattr(said, name)
            for name in ("cause", "party", "type", "suppress", "scope", "confidence", "provider", "code", "enhanced", "blocklist", "rule", "text")
        }
        if said
        else None,
    }


LATEST = 253402300800  # seconds since 1970 to the year 10000, which no date of this language can name


def _number(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 <= value < LATEST else None
    return moment(value) if isinstance(value, str) else None


def _happened(action: Any, said: Said) -> Happened:
    if said.party is Party.NOT_A_BOUNCE:
        return settled(Happened.BOUNCED, said)
    return _STATES.get(action, Happened.BOUNCED)


def event_of(bounce: Bounce, given: With, source: str, *, at: float | None = None, dropped: bool = False, unsubscribed: bool = False) -> Event | None:
    """The event of a Bounce, or None where it tells of no delivery."""
    said: Said | None = None
    if unsubscribed:
        happened = Happened.UNSUBSCRIBED
    elif bounce.notice == "complaint":
        happened, said = Happened.COMPLAINT, given.kinds.of_bounce(bounce)
    elif bounce.notice in ("auto-reply", "challenge", "not-a-bounce", "auth-failure-report"):
        return None
    elif bounce.notice == "receipt" or bounce.action in ("delivered", "relayed", "expanded"):
        happened = Happened.DELIVERED
    elif dropped:
        happened = Happened.DROPPED
    else:
        happened = Happened.DEFERRED if bounce.action == "delayed" or bounce.notice == "delay" else Happened.BOUNCED
        said = given.kinds.of_bounce(bounce)
        happened = settled(happened, said)
        if happened is Happened.OTHER:
            return None
        if happened not in (Happened.BOUNCED, Happened.DEFERRED, Happened.COMPLAINT):
            said = None
    recipient = given.address(bounce.recipient or "")
    sender = bounce.sender
    when = moment(bounce.at) if bounce.at else None
    return Event(
        happened,
        recipient,
        when if when is not None else at,
        said,
        bounce.message_id or "",
        given.name(bounce.campaign or "") or given.campaign,
        given.name((sender.from_domain or sender.mail_from or "") if sender else ""),
        given.provider(recipient, said, bounce.receiver or bounce.remote_mta),
        source,
    )


def _was_dropped(bounce: Bounce) -> bool:
    return bool(bounce.esp_terms) and happened_words().get(plain(bounce.esp_terms[0])) is Happened.DROPPED


def _left(bounce: Bounce, value: Mapping[str, Any]) -> bool:
    if value.get("RecordType") == "SubscriptionChange":  # Postmark says it of bounces and complaints too
        return value.get("SuppressSending") is True and value.get("SuppressionReason") == "ManualSuppression"
    if bounce.notice != "not-a-bounce":
        return False
    return any(happened_words().get(plain(term)) is Happened.UNSUBSCRIBED or term in _UNSUBSCRIBES for term in bounce.esp_terms)


def _inner(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where an event's own fields stand: within Mailgun's "event-data", SparkPost's "msys", the text of an SNS notification."""
    if isinstance(value.get("event-data"), dict):
        return dict(value["event-data"])
    if isinstance(value.get("msys"), dict):
        return next((one for one in value["msys"].values() if isinstance(one, dict)), {})
    if isinstance(value.get("detail"), dict) and "mail" in value["detail"]:
        return dict(value["detail"])
    if isinstance(value.get("Message"), str) and "TopicArn" in value:
        try:
            inner = json.loads(value["Message"], strict=False)
        except (ValueError, RecursionError):
            return {}
        return inner if isinstance(inner, dict) else {}
    return value


def _to(value: Mapping[str, Any]) -> list[str]:
    for holder in (value, value.get("msg"), value.get("data")):
        if isinstance(holder, dict):
            for key in _TO_KEYS:
                if isinstance(holder.get(key), str):
                    return [holder[key]]
                if isinstance(holder.get(key), list):
                    return [one for one in holder[key] if isinstance(one, str)]
    mail = value.get("mail")
    to = mail.get("destination") if isinstance(mail, dict) else None
    return [one for one in to if isinstance(one, str)] if isinstance(to, list) else [""]


def _unpacked(value: dict[str, Any], deep: int) -> Iterator[dict[str, Any]]:
    """The events that an object holds: itself, or those of its lists, however many."""
    if deep and not any(key in value for key in ("event", "msys", "mail", "event-data", "RecordType")):
        for key in _PACKED:
            packed = value.get(key)
            if isinstance(packed, list) and packed and isinstance(packed[0], dict) and "Sns" not in packed[0]:
                for one in packed:
                    if isinstance(one, dict):
                        yield from _unpacked(one, deep - 1)
                return
        if isinstance(value.get("body"), str) and value["body"].lstrip()[:1] == "{":  # a message of SQS, a request to a Lambda function
            try:
                inner = json.loads(value["body"], strict=False)
            except (ValueError, RecursionError):
                inner = None
            if isinstance(inner, dict):
                yield from _unpacked(inner, deep - 1)
                return
    yield value
