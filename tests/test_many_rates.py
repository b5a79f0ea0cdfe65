"""Rates have a denominator or say why not, and fall into the bands of data/rates.toml."""

import pickle

import pytest

from healthcheck.bounce.many import Many, Policy, calculate
from healthcheck.bounce.many import rates as module
from healthcheck.bounce.many.rates import band, denominator, rates, words
from healthcheck.errors import InputError
from healthcheck.model import Counts, Happened
from tests.support.stream import Stream, said


def stream(delivered=0, **causes) -> Stream:
    out = Stream()
    for n in range(delivered):
        out.delivered(f"ok{n}@example.net", provider="example.net", campaign="spring")
    for cause, times in causes.items():
        for n in range(times):
            out.bounced(f"{cause}{n}@example.net", 0, cause.replace("_", "-"), provider="example.net", campaign="spring")
    return out


def total(source: Stream, **more):
    return rates(source.many(), **more).total


# ------------------------------------------------------------------ what counts as what


@pytest.mark.parametrize(
    ("cause", "column"),
    [
        ("user-unknown", "hard"),
        ("null-mx", "hard"),
        ("mailbox-disabled", "hard"),
        ("mailbox-full", "soft"),
        ("server-error", "soft"),
        ("delivery-expired", "soft"),
        ("unknown", "soft"),
        ("auth-dmarc", "block"),
        ("ip-blocklisted", "block"),
        ("content-spam", "block"),
        ("message-too-large", "block"),
        ("rate-limited", "block"),
        ("sender-not-permitted", "block"),
        ("policy-unstated", "block"),
        ("greylisted", "uncounted"),
        ("mailbox-busy", "uncounted"),
        ("server-full", "uncounted"),
        ("complaint", "complaint"),
        ("esp-suppressed", "dropped"),
    ],
)
def test_a_cause_counts_in_its_column(cause, column):
    row = total(Stream().bounced("jane@example.net", 0, cause))
    assert row.counts == Counts(**{column: 1})


def test_an_unknown_user_of_class_4_is_soft():
    from healthcheck.model import Suppress

    assert total(Stream().bounced("jane@example.net", 0, said("user-unknown", suppress=Suppress.COUNT))).counts == Counts(soft=1)


def test_a_failure_without_a_word_is_soft_and_an_automatic_reply_nothing():
    assert total(Stream().bounced("jane@example.net", 0).bounced("jane@example.net", 0, "auto-reply")).counts == Counts(soft=1)


# ------------------------------------------------------------------ denominators


def test_a_rate_of_deliveries_and_failures():
    row = total(stream(960, user_unknown=20, server_error=12, auth_dmarc=8))
    assert {r.measure: (r.count, r.of, r.percent) for r in row.rates} == {
        "hard": (20, 1000, 2.0),
        "soft": (12, 1000, 1.2),
        "block": (8, 1000, 0.8),
        "total": (40, 1000, 4.0),
        "deferred": (0, 1000, 0.0),
        "complaint": (0, 960, 0.0),
    }


def test_greylisting_and_deferrals_are_in_no_rate():
    source = stream(990)
    for n in range(10):
        source.deferred(f"slow{n}@example.net", 0, "rate-limited", provider="example.net").bounced(
            f"grey{n}@example.net", 0, "greylisted", provider="example.net"
        )
    row = total(source)
    assert (row.counts.uncounted, row.counts.deferred, row.rate("total").count, row.rate("total").of) == (10, 10, 0, 1010)


def test_a_message_that_was_put_off_often_counts_once_and_only_while_it_is_under_way():
    source = stream(100)
    for n in range(10):
        source.deferred("slow@example.net", n / 100, "rate-limited", message="one", provider="example.net")
        source.deferred("done@example.net", n / 100, "rate-limited", message="two", provider="example.net")
        source.deferred("lost@example.net", n / 100, "rate-limited", message="three", provider="example.net")
    source.delivered("done@example.net", 0.5, message="two", provider="example.net")
    source.bounced("lost@example.net", 0.5, "delivery-expired", message="three", provider="example.net")
    row = total(source)
    assert (row.counts.deferred, row.counts.soft, row.counts.delivered) == (1, 1, 101)


def test_deferrals_without_a_recipient_are_told_by_their_message():
    source = stream(100).deferred("", 0, "rate-limited", message="one").deferred("", 1, "rate-limited", message="one").deferred("", 0, message="two")
    assert total(source.delivered("", 2, message="two")).counts.deferred == 1


def test_without_ids_anything_final_afterwards_ends_a_deferral():
    source = stream(100).deferred("jane@example.net", 0, "rate-limited", message="")
    assert total(source).counts.deferred == 1
    assert total(source.delivered("jane@example.net", 0.1, message="")).counts.deferred == 0


def test_without_deliveries_there_is_no_rate():
    row = total(stream(user_unknown=300))
    assert {(r.percent, r.band, r.why) for r in row.rates} == {(None, None, "no-denominator")}
    assert row.rate("hard").count == 300


def test_sent_gives_the_denominator():
    row = total(stream(user_unknown=300), sent=10_000)
    assert (row.rate("hard").percent, row.rate("hard").band, row.rate("hard").of) == (3.0, "bad", 10_000)
    assert rates(stream(user_unknown=300).many(), sent=10_000).by["campaign"][0].rate("hard").percent == 3.0  # the only campaign


def test_sent_that_cannot_be_is_said():
    row = total(stream(user_unknown=300), sent=200)
    assert (row.rate("hard").percent, row.rate("hard").why) == (None, "sent-too-few")


def test_what_was_dropped_was_not_sent():
    source = Stream()
    for n in range(200):
        source.put(Happened.SENT, f"u{n}@example.net")
    for n in range(50):
        source.put(Happened.DROPPED, f"u{n}@example.net")
    row = total(source.bounced("u60@example.net", 0, "user-unknown"))
    assert (row.rate("hard").of, row.counts.dropped, row.rate("total").count) == (150, 50, 1)


def test_sent_is_what_was_sent_or_what_turned_up():
    assert denominator(Counts(sent=100, delivered=40, hard=2)) == 100
    assert denominator(Counts(sent=10, delivered=40, hard=2, deferred=1, uncounted=3)) == 46


def test_a_campaign_without_deliveries_has_no_rate_beside_one_that_has_them():
    source = stream(500)
    for n in range(200):
        source.bounced(f"x{n}@example.net", 0, "user-unknown", campaign="other", provider="example.net")
    by = {row.name: row for row in rates(source.many()).by["campaign"]}
    assert (by["other"].rate("hard").percent, by["other"].rate("hard").why) == (None, "no-deliveries")
    assert by["spring"].rate("hard").percent == 0.0


def test_complaints_are_measured_against_deliveries():
    source = stream(1000, user_unknown=1000)
    for n in range(2):
        source.put(Happened.COMPLAINT, f"ok{n}@example.net", 1, said("complaint"))
    rate = total(source).rate("complaint")
    assert (rate.count, rate.of, rate.percent, rate.band) == (2, 1000, 0.2, "watch")


def test_fewer_than_100_are_not_judged():
    row = total(stream(50, user_unknown=49))
    assert (row.rate("hard").percent, row.rate("hard").band, row.rate("hard").why, row.rate("hard").of) == (None, None, "few", 99)
    assert total(stream(50, user_unknown=50)).rate("hard").band == "emergency"
    assert total(stream(50, user_unknown=49), policy=Policy.from_mapping({"min_sample": 50})).rate("hard").band == "emergency"


# ------------------------------------------------------------------ dimensions


def test_by_campaign_provider_sender_and_day():
    source = stream(150)
    for n in range(120):
        source.delivered(f"g{n}@example.org", 1, provider="gmail", campaign="summer", sender="news.example.com")
    for n in range(30):
        source.bounced(f"h{n}@example.org", 1, "auth-dmarc", provider="gmail", campaign="summer", sender="news.example.com")
    by = rates(source.many()).by
    assert {d: [(row.name, row.rate("block").percent) for row in rows] for d, rows in by.items()} == {
        "campaign": [("spring", 0.0), ("summer", 20.0)],
        "provider": [("example.net", 0.0), ("gmail", 20.0)],
        "sender": [("example.com", 0.0), ("news.example.com", 20.0)],
        "day": [("2024-10-04", 0.0), ("2024-10-05", 20.0)],
    }
    assert {d: [row.rate("block").band for row in rows] for d, rows in by.items()} == {
        "campaign": [None, None],
        "provider": ["good", "critical"],  # block and deferred are judged at a provider only
        "sender": [None, None],
        "day": [None, None],
    }


def test_deferred_at_a_provider():
    source = stream(80)
    for n in range(20):
        source.deferred(f"slow{n}@example.net", 0, "rate-limited", provider="example.net", campaign="spring")
    rate = rates(source.many()).by["provider"][0].rate("deferred")
    assert (rate.percent, rate.band) == (20.0, "bad")


def test_a_day_that_is_unknown_comes_last():
    source = stream(100).delivered("x@example.net", None)
    assert [row.name for row in rates(source.many()).by["day"]] == ["2024-10-04", ""]


# ------------------------------------------------------------------ bands


@pytest.mark.parametrize(
    ("hard", "kind", "expected"),
    [
        (49, "marketing", "good"),
        (50, "marketing", "watch"),
        (199, "marketing", "watch"),
        (200, "marketing", "bad"),
        (499, "transactional", "bad"),
        (500, "marketing", "critical"),
        (999, "marketing", "critical"),
        (1000, "marketing", "emergency"),
        (49, "cold", "good"),
        (50, "cold", "watch"),
        (100, "cold", "bad"),
        (200, "cold", "critical"),
        (500, "cold", "emergency"),
    ],
)
def test_bands_of_hard_bounces(hard, kind, expected):
    assert calculate(sent=10_000, hard=hard, kind=kind).rate("hard").band == expected


@pytest.mark.parametrize(("figure", "expected"), [(199, "good"), (200, "watch"), (500, "bad"), (1000, "critical")])
def test_bands_of_all_bounces(figure, expected):
    assert calculate(sent=10_000, soft=figure).rate("total").band == expected


@pytest.mark.parametrize(("figure", "expected"), [(9, "good"), (10, "watch"), (30, "bad"), (50, "critical")])
def test_bands_of_complaints(figure, expected):
    assert calculate(sent=10_000, complaint=figure).rate("complaint").band == expected


def test_lines_of_others():
    row = calculate(sent=10_000, hard=500, complaint=50)
    assert row.rate("hard").lines == ("ses-bounce-target", "ses-bounce-review")
    assert row.rate("complaint").lines == ("ses-complaint-review", "ses-complaint-pause", "google-complaint-aim", "google-complaint-limit")
    assert calculate(sent=10_000, hard=1000).rate("hard").lines[-1] == "ses-bounce-pause"
    assert calculate(sent=10_000, hard=199).rate("hard").lines == ()


def test_googles_lines_are_googles():
    source = Stream()
    for provider in ("gmail", "yahoo"):
        for n in range(1000):
            source.delivered(f"{provider}{n}@example.net", provider=provider)
        for n in range(3):
            source.put(Happened.COMPLAINT, f"{provider}{n}@example.net", 1, said("complaint"), provider=provider)
    lines = {row.name: row.rate("complaint").lines for row in rates(source.many()).by["provider"]}
    assert lines == {"gmail": ("google-complaint-aim", "google-complaint-limit"), "yahoo": ()}


@pytest.mark.parametrize(
    "figures", [{"sent": 100, "hard": 101}, {"sent": 100, "hard": -1}, {"sent": -1}, {"sent": 100, "hard": 60, "soft": 60}, {"sent": 100, "kind": "bulk"}]
)
def test_figures_that_cannot_be(figures):
    with pytest.raises(InputError):
        calculate(**figures)


def test_nothing_sent_is_not_judged():
    assert {r.why for r in calculate(sent=0).rates} == {"few"}


def test_the_file_is_whole():
    data = words()
    assert data["names"] == ["good", "watch", "bad", "critical", "emergency"]
    assert set(data["band"]) == set(data["names"])
    for name, kind in data["kind"].items():
        for measure in ("hard", "total", "block", "deferred", "complaint"):
            assert kind[measure] == sorted(kind[measure]), (name, measure)
            used = {band(edge, kind[measure]) for edge in [0, *kind[measure]]}
            assert used == set(data["measure"][measure]["advice"]) or measure not in data["measure"] or used <= set(data["names"])
            assert used <= set(data["measure"][measure]["advice"]), (name, measure)
        assert kind["source"]
        assert kind["seen"]
    assert set(data["measure"]) == set(module.MEASURES)
    assert len({line["id"] for line in data["line"]}) == len(data["line"])
    for line in data["line"]:
        assert line["source"].startswith("https://")
        assert line["measure"] in module.MEASURES
    for table in data["benchmark"]:
        assert table["date"]
        assert table["source"]
        assert table["rows"]
    assert set(data["why"]) == {"no-denominator", "no-deliveries", "few", "sent-too-few", "no-band"}


def test_a_tally_goes_to_another_process_and_comes_back():
    source = stream(30, user_unknown=3, mailbox_full=4, auth_dmarc=2).deferred("slow@example.net", 0, "rate-limited").deferred("", 0, message="x")
    many = source.many()
    back: Many = pickle.loads(pickle.dumps(many, protocol=5))
    assert (back.ledger, back.tally, back.events, back.latest) == (many.ledger, many.tally, many.events, many.latest)
    assert rates(back) == rates(many)
