"""What is decided about one address: each rule of the policy by name, with the examples that articles on bounce codes give."""

import pytest

from healthcheck.bounce.many import Many, Policy, decisions, offers
from healthcheck.bounce.many import policy as rules
from healthcheck.bounce.many.decide import decide
from healthcheck.bounce.many.ledger import KEPT_DAYS, KEPT_SOFT, State
from healthcheck.bounce.many.outages import outages
from healthcheck.catalog import catalog
from healthcheck.errors import InputError
from healthcheck.model import Action, Event, Happened, Suppress
from tests.support.stream import DAY, Stream, at, reply, said

WHO = "jane@example.net"
FULL = "452 4.2.2 The email account that you tried to reach is over quota"
DMARC = "550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy."
GONE = "550 5.1.1 <jane@example.net>: Recipient address rejected: User unknown"


def decided(stream: Stream, now: float = 100, policy: Policy | None = None):
    state = State()
    for event in stream.events:
        state = state.add(event)
    return decide(WHO, state, policy or Policy(), at(now))


# ------------------------------------------------------------------ closed at once


@pytest.mark.parametrize("cause", rules.words()["default"]["suppress_now"]["value"])
def test_suppress_now(cause):
    answer = decided(Stream().delivered(WHO, 0).bounced(WHO, 1, cause))
    assert (answer.action, answer.why, answer.cause, answer.source) == (Action.SUPPRESS, "closed", cause, "log:000002")
    assert answer.since == at(1)
    assert answer.expires is None


def test_the_earliest_failure_that_closes_is_named():
    answer = decided(Stream().bounced(WHO, 5, reply(GONE)).bounced(WHO, 2, reply(GONE)).bounced(WHO, 9, reply(GONE)))
    assert (answer.action, answer.since, answer.source) == (Action.SUPPRESS, at(2), "log:000002")
    assert answer.text == GONE


def test_a_delivery_after_a_hard_bounce_is_pointed_out_and_lifts_nothing():
    answer = decided(Stream().bounced(WHO, 1, "user-unknown").delivered(WHO, 8))
    assert (answer.action, answer.why, answer.since, answer.delivered) == (Action.SUPPRESS, "closed-delivered-since", at(1), at(8))


def test_a_code_of_class_4_for_an_unknown_user_is_counted():
    answer = decided(Stream().bounced(WHO, 99, reply("450 4.1.1 <jane@example.net>: user unknown")))
    assert (answer.action, answer.why, answer.count) == (Action.COUNT, "soft-count", 1)


def test_suppress_now_can_be_made_narrower():
    policy = Policy.from_mapping({"suppress_now": ["user-unknown"]})
    answer = decided(Stream().bounced(WHO, 99, "mailbox-disabled"), policy=policy)
    assert (answer.action, answer.count) == (Action.COUNT, 1)
    assert decided(Stream().bounced(WHO, 99, "user-unknown"), policy=policy).action is Action.SUPPRESS


# ------------------------------------------------------------------ counting


def test_mailbox_full_three_times_in_a_row():
    """452 4.2.2 three times without a delivery between, over a week: abandoned."""
    stream = Stream().delivered(WHO, 0)
    for day in (1, 5, 9):
        stream.bounced(WHO, day, reply(FULL))
    answer = decided(stream, 10)
    assert (answer.action, answer.why, answer.count, answer.limit) == (Action.SUPPRESS, "full-limit", 3, 3)
    assert (answer.since, answer.source, answer.delivered) == (at(9), "log:000004", at(0))
    assert answer.sources == ("log:000002", "log:000003", "log:000004")
    assert (answer.first, answer.last, answer.days) == (at(1), at(9), 8)


def test_mailbox_full_twice_is_counted():
    answer = decided(Stream().bounced(WHO, 1, reply(FULL)).bounced(WHO, 9, reply(FULL)), 10)
    assert (answer.action, answer.why, answer.count, answer.limit) == (Action.COUNT, "full-count", 2, 3)
    assert (answer.since, answer.last, answer.source) == (at(1), at(9), "log:000001")
    assert answer.expires == at(9 + 1 + 60)


def test_full_min_span_days():
    stream = Stream()
    for day in (1, 2, 3):
        stream.bounced(WHO, day, reply(FULL))
    assert (decided(stream, 4).action, decided(stream, 4).why) == (Action.COUNT, "span-short")
    assert decided(stream, 4, Policy.from_mapping({"full_min_span_days": 2})).why == "full-limit"


def test_full_mailboxes_are_counted_apart():
    stream = Stream()
    for n, day in enumerate((1, 6, 11, 16)):
        stream.bounced(WHO, day, reply(FULL) if n % 2 else "server-error")
    answer = decided(stream, 17)
    assert (answer.action, answer.why, answer.count) == (Action.COUNT, "full-count", 2)


def soft(days, cause="server-error"):
    stream = Stream()
    for day in days:
        stream.bounced(WHO, day, cause)
    return stream


def test_soft_limit():
    assert decided(soft([0, 4, 8, 12]), 13).count == 4
    answer = decided(soft([0, 4, 8, 12, 16]), 17)
    assert (answer.action, answer.why, answer.count, answer.limit, answer.since) == (Action.SUPPRESS, "soft-limit", 5, 5, at(16))


def test_soft_limit_can_be_set():
    assert decided(soft([0, 10, 20]), 21, Policy.from_mapping({"soft_limit": 3})).action is Action.SUPPRESS
    assert decided(soft([0, 4, 8, 12, 16]), 17, Policy.from_mapping({"soft_limit": 7})).action is Action.COUNT


def test_soft_min_span_days():
    answer = decided(soft([0, 1, 2, 3, 4]), 5)
    assert (answer.action, answer.why, answer.count) == (Action.COUNT, "span-short", 5)
    assert decided(soft([0, 1, 2, 3, 14]), 15).action is Action.SUPPRESS


def test_five_within_an_hour_and_the_rest_weeks_later_are_enough():
    """Many on one day: the first of the day is kept, so that the span is seen however many followed."""
    stream = soft([0])
    for n in range(40):
        stream.bounced(WHO, 13 + n / 100, "server-error")
    assert decided(stream, 14).why == "span-short"
    assert decided(stream.bounced(WHO, 14.2, "server-error"), 15).why == "soft-limit"


def test_soft_then_delivery():
    """A delivery sets the count back to nothing."""
    stream = soft([0, 4, 8, 12]).delivered(WHO, 14)
    answer = decided(stream, 15)
    assert (answer.action, answer.why, answer.source, answer.delivered) == (Action.KEEP, "cleared", "log:000005", at(14))
    assert decided(stream.bounced(WHO, 16, "server-error"), 17).count == 1


def test_soft_consecutive_can_be_turned_off():
    stream = soft([0, 4, 8, 12, 16]).delivered(WHO, 14)
    assert decided(stream, 17).count == 1
    assert decided(stream, 17, Policy.from_mapping({"soft_consecutive": False})).action is Action.SUPPRESS


def test_soft_window_days():
    stream = soft([0, 20, 40, 61, 62])
    assert (decided(stream, 63).action, decided(stream, 63).count) == (Action.COUNT, 4)
    assert decided(stream, 63, Policy.from_mapping({"soft_window_days": 90})).action is Action.SUPPRESS
    assert (decided(stream, 200).action, decided(stream, 200).why) == (Action.KEEP, "expired")


def test_a_suppression_that_was_reached_does_not_expire():
    assert decided(soft([0, 4, 8, 12, 16]), 500).action is Action.SUPPRESS


def test_one_message_counts_once():
    stream = Stream()
    for day in (0, 4, 8, 12, 16):
        stream.bounced(WHO, day, "server-error", message="one")
    assert decided(stream, 17).count == 1


def test_without_ids_a_day_and_campaign_count_once():
    stream = Stream()
    for day in (0, 0.1, 0.2, 1):
        stream.bounced(WHO, day, "server-error", message="", campaign="spring")
    stream.bounced(WHO, 1.1, "server-error", message="", campaign="summer")
    assert decided(stream, 2).count == 3


def test_deferred_counts_once_when_final():
    stream = Stream()
    for n in range(30):
        stream.deferred(WHO, n / 10, "server-error", message="one")
    assert (decided(stream, 4).action, decided(stream, 4).why) == (Action.KEEP, "deferred")
    answer = decided(stream.bounced(WHO, 5, "delivery-expired", message="one"), 6)
    assert (answer.action, answer.count, answer.limit) == (Action.COUNT, 1, 5)


def test_greylisted_ten_times():
    stream = Stream()
    for n in range(10):
        stream.deferred(WHO, n, reply("450 4.7.1 Greylisted, please try again in 300 seconds"))
    assert decided(stream, 11).action is Action.KEEP
    for n in range(10):
        stream.bounced(WHO, 20 + n * 3, reply("450 4.7.1 Greylisted, please try again in 300 seconds"))
    answer = decided(stream, 60)
    assert (answer.action, answer.why, answer.cause) == (Action.KEEP, "uncounted", "greylisted")


@pytest.mark.parametrize("cause", ["greylisted", "server-full", "mailbox-busy"])
def test_never_counted(cause):
    assert decided(soft(range(0, 60, 3), cause), 60).action is Action.KEEP


def test_never_suppress_can_be_made_wider_and_not_narrower():
    policy = Policy.from_mapping({"never_suppress": ["server-error"]})
    assert (decided(soft([0, 4, 8, 12, 16]), 17, policy).action, decided(soft([0]), 1, policy).why) == (Action.KEEP, "uncounted")
    assert decided(soft([0, 4, 8, 12, 16], "greylisted"), 17, policy).action is Action.KEEP


def test_undetermined():
    stream = Stream()
    for day in (0, 4, 8, 12, 16):
        stream.bounced(WHO, day)  # the source says nothing but that it failed
    assert decided(stream, 17).why == "soft-limit"
    assert decided(stream, 17, Policy.from_mapping({"undetermined_as": "ignore"})).action is Action.KEEP


def test_a_delivery_that_came_back_was_none():
    """A server takes the message, and sends a bounce a minute later: nothing was delivered, and nothing is cleared."""
    stream = Stream()
    for n, day in enumerate((0, 4, 9)):
        stream.delivered(WHO, day, message=f"x{n}").bounced(WHO, day + 0.001, reply(FULL), message=f"x{n}")
    assert decided(stream, 10).why == "full-limit"
    assert decided(stream.delivered(WHO, 10), 11).why == "cleared"


# ------------------------------------------------------------------ unknown times


def test_failures_without_a_time_never_close_by_their_number():
    stream = Stream()
    for _ in range(9):
        stream.bounced(WHO, None, "server-error")
    answer = decided(stream, 17)
    assert (answer.action, answer.why, answer.count, answer.since) == (Action.COUNT, "time-unknown", 9, None)


def test_a_delivery_without_a_time_may_have_been_in_between():
    answer = decided(soft([0, 4, 8, 12, 16]).delivered(WHO, None), 17)
    assert (answer.action, answer.why) == (Action.COUNT, "time-unknown")


def test_a_closed_address_without_a_time_is_closed():
    answer = decided(Stream().bounced(WHO, None, "user-unknown").delivered(WHO, 3))
    assert (answer.action, answer.why, answer.since) == (Action.SUPPRESS, "closed", None)


# ------------------------------------------------------------------ the sender's side


def test_dmarc_for_everybody():
    """5.7.26 for every recipient: nobody is struck off, nor counted, nor held."""
    many = Many()
    for n in range(200):
        many.add(Event(Happened.BOUNCED, f"user{n}@example.net", at(n % 20), reply(DMARC), f"m{n}", source=f"log:{n}"))
    made = list(decisions(many, Policy(), at(30)))
    assert len(made) == 200
    assert {(d.action, d.why, d.cause) for d in made} == {(Action.KEEP, "sender-side", "auth-dmarc")}


@pytest.mark.parametrize("cause", [slug for slug, row in catalog().causes.items() if row.party.side == "sender"])
def test_no_sender_side_cause_closes_an_address_whatever_is_said_of_it(cause):
    for suppress in Suppress:
        stream = Stream()
        for day in range(0, 60, 2):
            stream.bounced(WHO, day, said(cause, suppress=suppress))
        wild = Policy(suppress_now=(cause,), never_suppress=(), hold={cause: 1, "recipient-policy": 1}, soft_limit=1, soft_min_span_days=0)
        assert {decided(stream, 60).action, decided(stream, 60, wild).action} == {Action.KEEP}


def test_a_refusal_without_a_reason_is_not_held_against_the_address():
    answer = decided(Stream().bounced(WHO, 1, reply("550 5.7.1 Delivery not authorized, message refused")), 2)
    assert (answer.action, answer.why) == (Action.KEEP, "unstated")


# ------------------------------------------------------------------ holds, complaints, drops


def test_hold_recipient_policy():
    stream = Stream().bounced(WHO, 1, "sender-not-permitted")
    answer = decided(stream, 2)
    assert (answer.action, answer.why, answer.cause) == (Action.HOLD, "policy", "sender-not-permitted")
    assert decided(stream.delivered(WHO, 3), 4).action is Action.KEEP


def test_hold_after_several():
    policy = Policy.from_mapping({"hold": {"recipient-policy": 2}})
    stream = Stream().bounced(WHO, 1, "policy-other")
    assert (decided(stream, 2, policy).action, decided(stream, 2, policy).why) == (Action.COUNT, "policy-count")
    assert decided(stream.bounced(WHO, 2, "policy-other"), 3, policy).action is Action.HOLD


def test_a_complaint_is_for_good():
    stream = Stream().put(Happened.COMPLAINT, WHO, 3, said("complaint")).delivered(WHO, 50)
    answer = decided(stream, 500, Policy.from_mapping({"suppress_now": []}))
    assert (answer.action, answer.why, answer.since, answer.expires) == (Action.SUPPRESS, "complaint", at(3), None)


def test_a_complaint_that_a_service_lists_among_bounces():
    assert decided(Stream().bounced(WHO, 1, "complaint"), 2).why == "complaint"


def test_unsubscribed_is_kept_off():
    assert decided(Stream().put(Happened.UNSUBSCRIBED, WHO, 3).delivered(WHO, 4), 9).why == "unsubscribed"


def test_what_the_service_drops_is_held_and_no_bounce():
    stream = Stream().put(Happened.DROPPED, WHO, 3)
    assert (decided(stream, 4).action, decided(stream, 4).why) == (Action.HOLD, "esp-suppressed")
    assert decided(stream.delivered(WHO, 5), 6).action is Action.KEEP


def test_automatic_replies_are_no_news():
    assert decided(Stream().bounced(WHO, 1, "auto-reply"), 2).why == "nothing"


# ------------------------------------------------------------------ domains


def test_a_dead_domain_is_offered_and_not_done():
    stream = Stream().bounced("a@example.org", 1, "null-mx").bounced("b@example.org", 2, "null-mx").delivered("c@example.net", 1)
    stream.delivered("c@example.org", 0)
    many = stream.many()
    made = {d.recipient: d for d in decisions(many, Policy(), at(9), every=True)}
    assert (made["a@example.org"].action, made["a@example.org"].scope) == (Action.SUPPRESS, "domain")
    assert made["c@example.org"].action is Action.KEEP  # not done silently
    (offer,) = offers(many, Policy())
    assert (offer.domain, offer.cause, offer.addresses, offer.since, offer.sources) == ("example.org", "null-mx", 2, at(1), ("log:000001", "log:000002"))


@pytest.mark.parametrize("day", [5, None])
def test_a_domain_that_took_mail_afterwards_is_not_offered(day):
    many = Stream().bounced("a@example.org", 1, "domain-not-found").delivered("c@example.org", day).many()
    assert offers(many, Policy()) == ()


# ------------------------------------------------------------------ outages


def apple(text: str, before: int = 1, others: int = 1, outage: int = 60) -> Stream:
    """Apple's outage of 2021-04-26 in small: days with mail before it, then a day on which many are denied. day 40 is the outage."""
    stream = Stream()
    for day in range(10, 40, 3):
        for n in range(100):
            stream.delivered(f"user{n}@icloud.com", day, provider="apple").delivered(f"user{n}@example.net", day, provider="example.net")
        for n in range(before):
            stream.bounced(f"gone{day}.{n}@icloud.com", day, reply("550 5.1.1 <x@icloud.com>: user does not exist"), provider="apple")
            stream.bounced(f"gone{day}.{n}@example.net", day, "user-unknown", provider="example.net")
    for n in range(outage):
        stream.bounced(f"user{n}@icloud.com", 40.5, reply(text), provider="apple")
    for n in range(outage, 100):
        stream.delivered(f"user{n}@icloud.com", 40.5, provider="apple")
    for n in range(100):
        stream.delivered(f"user{n}@example.net", 40.5, provider="example.net")
    for n in range(others):
        stream.bounced(f"gone40.{n}@example.net", 40.5, "user-unknown", provider="example.net")
    return stream


DENIED = "550 5.1.1 <user@icloud.com>: user lookup success but no user record found"
PLAIN = "550 5.1.1 <user@icloud.com>: user does not exist"


def by_address(many: Many, now: float):
    return {d.recipient: d for d in decisions(many, Policy(), at(now), every=True)}


@pytest.mark.parametrize("text", [DENIED, PLAIN])
def test_outage_breaker_apple_2021_04_26(text):
    many = apple(text).many()
    (outage,) = outages(many, Policy())
    assert (outage.provider, outage.kind, outage.start, outage.end, outage.count, outage.usual) == ("apple", "denies", at(40), at(41), 60, 1.0)
    made = by_address(many, 41.2)
    held = made["user5@icloud.com"]
    assert (held.action, held.why, held.expires) == (Action.HOLD, "outage-hold", at(42))
    assert made["user99@icloud.com"].action is Action.KEEP
    assert made["gone10.0@icloud.com"].action is Action.SUPPRESS  # denied on another day: nothing to do with it
    assert made["gone40.0@example.net"].action is Action.SUPPRESS  # the others are judged as always


def test_outage_hold_hours():
    many = apple(PLAIN).many()
    assert by_address(many, 42.1)["user5@icloud.com"].action is Action.SUPPRESS


def test_an_outage_that_is_proven_lifts_the_denials():
    stream = apple(PLAIN)
    for n in range(10):
        stream.delivered(f"user{n}@icloud.com", 42, provider="apple")
    many = stream.many()
    assert outages(many, Policy())[0].proven == 10
    made = by_address(many, 60)
    assert (made["user5@icloud.com"].action, made["user5@icloud.com"].why) == (Action.KEEP, "outage-over")
    assert (made["user50@icloud.com"].action, made["user50@icloud.com"].why) == (Action.HOLD, "outage-proven")


def test_an_address_that_is_denied_again_after_the_outage_is_closed():
    many = apple(PLAIN).bounced("user5@icloud.com", 41.3, reply(PLAIN), provider="apple").many()
    answer = by_address(many, 41.5)["user5@icloud.com"]
    assert (answer.action, answer.since) == (Action.SUPPRESS, at(41.3))


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(apple(PLAIN, outage=19), id="fewer than 20"),
        pytest.param(apple(PLAIN, before=13), id="less than five times the usual"),
        pytest.param(apple(PLAIN, others=80), id="the others too"),
    ],
)
def test_no_outage(stream):
    assert outages(stream.many(), Policy()) == ()


def test_outage_factor_and_min_can_be_set():
    many = apple(PLAIN, outage=19).many()
    assert len(outages(many, Policy.from_mapping({"outage_breaker": {"min": 10}}))) == 1
    assert outages(many, Policy.from_mapping({"outage_breaker": {"min": 10, "factor": 50}})) == ()


def test_a_day_with_ten_times_the_mail_is_no_outage():
    stream = Stream()
    for day in range(5):
        for n in range(40):
            stream.delivered(f"u{n}@icloud.com", day, provider="apple")
        stream.bounced(f"g{day}@icloud.com", day, "user-unknown", provider="apple")
    for n in range(1000):
        stream.delivered(f"v{n}@icloud.com", 5, provider="apple")
    for n in range(25):
        stream.bounced(f"h{n}@icloud.com", 5, "user-unknown", provider="apple")
    assert outages(stream.many(), Policy()) == ()


def test_what_failed_while_a_receiver_was_away_is_not_counted():
    stream = Stream()
    for n in range(6):
        stream.delivered(f"u{n}@example.org", 0, provider="example.org").bounced(f"u{n}@example.org", 3, "network-error", provider="example.org")
    many = stream.many()
    (outage,) = outages(many, Policy())
    assert (outage.kind, outage.count) == ("unreachable", 6)
    assert {(d.action, d.why) for d in decisions(many, Policy(), at(4))} == {(Action.KEEP, "outage-uncounted")}


# ------------------------------------------------------------------ the policy


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"soft_limit": 1}, "policy.soft_limit: expected 2 to 15"),
        ({"soft_limit": True}, "policy.soft_limit: expected a whole number"),
        ({"soft_limit": "5"}, "policy.soft_limit: expected a whole number of failed messages, 2 to 15, got '5'"),
        ({"soft_limit_mailbox_full": 8}, "2 to 7"),
        ({"soft_window_days": 29}, "30 to 90"),
        ({"soft_limmit": 5}, "there is no such setting. Known: "),
        ({"soft_consecutive": 1}, "expected true or false"),
        ({"suppress_now": ["auth-dmarc"]}, "“auth-dmarc” (sender-authentication) can never close an address"),
        ({"suppress_now": ["sender-not-permitted"]}, "can never close an address at once"),
        ({"suppress_now": ["no-such-cause"]}, "there is no cause"),
        ({"suppress_now": "user-unknown"}, "expected a list"),
        ({"count_greylist": True}, "policy.count_greylist: expected false"),
        ({"count_deferred_events": True}, "policy.count_deferred_events: expected false"),
        ({"undetermined_as": "hard"}, "expected “transient” or “ignore”"),
        ({"hold": {"user-unknown": 1}}, "policy.hold.user-unknown"),
        ({"hold": {"recipient-policy": 0}}, "1 to 5"),
        ({"hold": 1}, "expected a table"),
        ({"outage_breaker": {"min": 4}}, "policy.outage_breaker.min: expected 5 to 1000"),
        ({"outage_breaker": {"often": 4}}, "policy.outage_breaker.often: there is no such setting"),
        ({"outage_breaker": 4}, "expected a table"),
        ({"greylist_retry_minutes": [15, 5]}, "the smaller first"),
        ({"retry_window_hours": 12}, "24 to 72"),
    ],
)
def test_a_wrong_setting_says_what_was_expected(table, words):
    with pytest.raises(InputError) as error:
        Policy.from_mapping(table)
    assert words in error.value.detail


def test_the_defaults_are_the_references():
    policy = Policy()
    assert (policy.soft_limit, policy.soft_limit_mailbox_full, policy.soft_min_span_days, policy.full_min_span_days) == (5, 3, 14, 7)
    assert (policy.soft_window_days, policy.min_sample, policy.outage_factor, policy.outage_min, policy.outage_hold_hours) == (60, 100, 5, 20, 24)
    assert (policy.hold, policy.undetermined_as, policy.retry_window_hours, policy.greylist_retry_minutes) == (
        {"recipient-policy": 1},
        "transient",
        72,
        (5, 15),
    )
    assert Policy.from_mapping({}) == policy
    written = {key: row["value"] for key, row in rules.words()["default"].items() if "value" in row}
    assert Policy.from_mapping(written) == policy
    rules.check()


def test_every_reason_has_words():
    import pathlib
    import re

    source = (pathlib.Path(rules.__file__).parent / "decide.py").read_text(encoding="utf-8")
    keys = {f"{name}-{kind}" for name in ("soft", "full") for kind in ("limit", "count")}
    written = set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', source)) & set(rules.words()["why"]) | keys
    assert written == set(rules.words()["why"])
    for key, row in rules.words()["why"].items():
        assert row.keys() >= {"title", "text", "next"}, key


# ------------------------------------------------------------------ states stay small


def test_a_state_is_bounded():
    state = State()
    for n in range(3000):
        day = n / 7
        for happened, what in ((Happened.DELIVERED, None), (Happened.DEFERRED, "server-error"), (Happened.BOUNCED, ("server-error", "mailbox-full")[n % 2])):
            state = state.add(Event(happened, WHO, at(day), said(what) if what else None, f"{happened}{n}", source=f"log:{n}"))
    assert len(state.delivered) <= 8
    assert len(state.deferred) <= 8
    assert len(state.failed) <= 2 * (KEPT_SOFT + KEPT_DAYS)
    assert state.failed[-1][0] - state.failed[0][0] > 60 * DAY


def test_odd_times_are_unknown_times():
    for odd in (float("nan"), float("inf"), -float("inf"), 1e300):
        assert State().add(Event(Happened.BOUNCED, WHO, odd, said("server-error"))).failed[0][0] == float("-inf")
