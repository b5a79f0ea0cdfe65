"""JSON as it comes: several events of which some are broken, events in what services pack them in, and JSON that is nobody's event."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner

from healthcheck.bounce.events import MAX_EVENTS, pieces
from healthcheck.bounce.read import read
from healthcheck.explain import explain
from healthcheck.faces.cli import main
from healthcheck.model import Kind
from healthcheck.render import json as as_json
from healthcheck.render import text as as_text

TO = "lena@example.com"


def event(n: int = 1, reason: str = "550 5.1.1 User unknown", **more: object) -> str:
    return json.dumps({"email": f"lena{n}@example.com", "event": "bounce", "type": "bounce", "reason": reason, "sg_event_id": str(n), "timestamp": n, **more})


GOOD = [event(1), event(2), event(3)]

BROKEN = {
    "a line cut short": [GOOD[0], GOOD[1][:40], GOOD[1], GOOD[2]],
    "a log's own words": [GOOD[0], "2026-01-15 08:00:00 worker restarted", GOOD[1], "--", GOOD[2]],
    "a line of nothing": [GOOD[0], "", GOOD[1], "   ", GOOD[2]],
    "an object of somebody else": [GOOD[0], '{"level": "info", "message": "started"}', GOOD[1], GOOD[2]],
    "a quote that does not end": [GOOD[0], '{"email": "x@example.com, "event": "bounce"}', GOOD[1], GOOD[2]],
    "numbers and null": [GOOD[0], "7", "null", GOOD[1], '"text"', GOOD[2]],
    "a broken first line": [GOOD[0][:30], *GOOD],
    "a broken last line": [*GOOD, GOOD[0][:30]],
    "python's notation": [GOOD[0], "{'email': 'x@example.com', 'event': 'bounce'}", GOOD[1], GOOD[2]],
    "a bare array in a line": [GOOD[0], f"[{GOOD[1]}]", GOOD[2]],
    "commas between": [GOOD[0] + ",", GOOD[1] + ",", GOOD[2]],
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_of_which_some_are_broken(name, end):
    answer = explain(end.join(BROKEN[name]), offline=True)
    assert answer.kind is Kind.WEBHOOK
    assert [f.bounce.recipient for f in answer.failures] == ["lena1@example.com", "lena2@example.com", "lena3@example.com"]
    assert {f.cause for f in answer.failures} == {"user-unknown"}
    left = name not in ("a line of nothing", "a bare array in a line", "commas between")
    assert bool(answer.left_out) is left
    note = as_json.diagnosis(answer).get("note", "")
    assert bool(note) is left
    assert str(answer.left_out or "") in note
    assert (not left) or note[:20] in as_text.diagnosis(answer)


@pytest.mark.parametrize(
    "text",
    [
        f"[{', '.join(GOOD)}",  # breaks off after an element
        f"[{', '.join(GOOD)}, {GOOD[0][:25]}",  # within one
        f"[{GOOD[0]}, null, 5, {GOOD[1]}, [], {GOOD[2]}]",
        f"[\n  {GOOD[0]},\n  {GOOD[1]},\n  {GOOD[2]},\n]",  # a comma too many
        f"[{GOOD[0]}]\n[{GOOD[1]}]\n[{GOOD[2]}]",
    ],
)
def test_an_array_that_is_broken(text):
    answer = explain(text, offline=True)
    assert [f.bounce.recipient for f in answer.failures] == ["lena1@example.com", "lena2@example.com", "lena3@example.com"]


def test_an_event_that_nothing_can_be_read_from_does_not_take_the_others_along():
    odd = (
        {"event": 5},
        {"event": "bounce", "email": 7},
        {"msys": []},
        {"event-data": "x"},
        {"notificationType": "Bounce", "bounce": "x"},
        {"RecordType": ["Bounce"]},
    )
    answer = explain(json.dumps([json.loads(GOOD[0]), *odd, json.loads(GOOD[2])]), offline=True)
    assert {"lena1@example.com", "lena3@example.com"} <= {f.bounce.recipient for f in answer.failures}


def test_more_events_than_are_read_are_not_left_out_unsaid():
    answer = explain("\n".join(event(n, "550 x")[:400] for n in range(MAX_EVENTS + 20)), offline=True)
    assert len(answer.failures) == MAX_EVENTS
    assert answer.left_out >= 1


@pytest.mark.parametrize(
    "text",
    ["{" * 5000, "[" * 5000, '{"a":' * 3000, "{\n" * 60_000, "[[[[" * 40 + "\n{}" * 20_000, ('{"email": "' + "x" * 90 + "\n") * 9000, "[" + "{}, " * 100_000],
)
def test_broken_json_takes_no_time(text):
    start = time.perf_counter()
    pieces(text[: 1 << 20])
    assert time.perf_counter() - start < 2


# ------------------------------------------------------------------ what events are packed in

INNER = {"type": "bounce", "bounce_class": "10", "rcpt_to": TO, "raw_reason": "550 5.1.1 User unknown"}
PACKED = {
    "SparkPost's batch": ([{"msys": {"message_event": INNER}}], "sparkpost"),
    "SparkPost's events API": ({"results": [INNER | {"event_id": "1", "message_id": "m"}], "total_count": 1}, "sparkpost"),
    "Mailgun's events API": (
        {"items": [{"event": "failed", "severity": "permanent", "reason": "bounce", "recipient": TO, "id": "i", "delivery-status": {"code": 550, "message": "5.1.1 User unknown"}}]},
        "mailgun",
    ),
    "Mailtrap's batch": ({"events": [{"event": "bounce", "email": TO, "message_id": "m", "response": "550 5.1.1 User unknown", "event_id": "e"}]}, "mailtrap"),
    "Postmark's bounce API": ({"TotalCount": 1, "Bounces": [{"ID": 1, "Type": "HardBounce", "TypeCode": 1, "BouncedAt": "2026-01-15T08:00:00Z", "Email": TO, "Details": "550 5.1.1 User unknown"}]}, "postmark"),
}  # fmt: skip


@pytest.mark.parametrize("name", PACKED)
def test_packed(name):
    value, esp = PACKED[name]
    answer = explain(json.dumps(value), offline=True)
    assert answer.format == esp
    assert [(f.bounce.recipient, f.cause) for f in answer.failures] == [(TO, "user-unknown")]
    assert answer.left_out == 0


QUIET = {
    "SendGrid open": [{"email": TO, "event": "open", "sg_event_id": "e", "timestamp": 1}, {"email": TO, "event": "click", "sg_event_id": "f", "timestamp": 2}],
    "SES open": {"eventType": "Open", "mail": {"messageId": "m", "destination": [TO]}, "open": {"userAgent": "x"}},
    "Mailgun clicked": {"signature": {}, "event-data": {"event": "clicked", "recipient": TO}},
    "SNS subscription": {"Type": "SubscriptionConfirmation", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:t", "Message": "You have chosen to subscribe", "SubscribeURL": "https://sns.example/"},
    "Postmark open": {"RecordType": "Open", "Recipient": TO, "MessageID": "m"},
}  # fmt: skip


@pytest.mark.parametrize("name", QUIET)
def test_what_tells_of_no_failure_is_no_bounce(name):
    answer = explain(json.dumps(QUIET[name]), offline=True)
    assert answer.kind is Kind.WEBHOOK
    assert {f.cause for f in answer.failures} == {"not-a-bounce"}
    assert all(f.suppress.value == "never" for f in answer.failures)


# ------------------------------------------------------------------ nobody's event

STRANGERS = ['{"kind": "order.created", "id": 7}', '[{"level": "info"}]', '{"email": "lena@example.com"}', "{}", "[{}]", '{"email": "lena@exa']


@pytest.mark.parametrize("text", STRANGERS)
def test_json_that_is_nobodys_event(text):
    answer = explain(text, offline=True, source="events.json")
    assert (answer.kind, answer.failures, answer.looked_for) == (Kind.UNRECOGNISED, (), "json")
    value = as_json.diagnosis(answer)
    assert value["input"]["source"] == "events.json"
    assert "JSON" in value["note"]
    assert "notificationType" in value["note"]
    assert as_text.diagnosis(answer).startswith("events.json: not recognised")


@pytest.mark.parametrize(("octets", "said"), [(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40), "no text"), (b"Thank you for lunch", "reads like a bounce")])
def test_other_things_say_what_was_expected_too(octets, said):
    assert said in as_json.diagnosis(explain(octets, offline=True))["note"]


def test_of_several_files_the_others_are_answered(tmp_path):
    for name, text in (("a.json", STRANGERS[0]), ("b.ndjson", "\n".join(BROKEN["a line cut short"])), ("c.txt", "550 5.2.2 Mailbox full")):
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / name) for name in ("a.json", "gone.json", "b.ndjson", "c.txt")]
    result = CliRunner().invoke(main, ["explain", "--offline", "--format", "jsonl", *files])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["input"]["source"] for row in rows] == files
    assert "JSON" in rows[0]["note"]
    assert files[1] in rows[1]["error"]["detail"]
    assert len(rows[2]["failures"]) == 3
    assert rows[3]["failures"][0]["cause"] == "mailbox-full"


def test_reading_of_an_event_says_how_many_were_left_out():
    assert read("\n".join(BROKEN["numbers and null"])).left_out == 3
