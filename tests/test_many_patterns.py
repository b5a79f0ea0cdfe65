"""Each pattern: an input where it has to be found, and a near miss where it must not be."""

import re
from dataclasses import replace

import pytest

from healthcheck.bounce.many.outages import outages
from healthcheck.bounce.many.patterns import patterns, words
from healthcheck.catalog import catalog
from healthcheck.model import Pattern
from tests.support.stream import Stream, reply, said

SLUGS = [slug for slug, row in words().items() if isinstance(row, dict) and "title" in row]


def all_of(stream: Stream, **more) -> tuple[Pattern, ...]:
    return patterns(stream.many(), **more)


def found(stream: Stream, slug: str, **more) -> list[Pattern]:
    return [p for p in all_of(stream, **more) if p.slug == slug and p.state == "found"]


def unsure(stream: Stream, slug: str, **more) -> list[str]:
    return [p.why for p in all_of(stream, **more) if p.slug == slug and p.state == "could-not-check"]


def mail(times: int, provider: str, day: float = 0, stream: Stream | None = None, domain: str = "", **more) -> Stream:
    stream = stream or Stream()
    for n in range(times):
        stream.delivered(f"ok{n}@{domain or provider + '.example'}", day, provider=provider, **more)
    return stream


def fails(stream: Stream, times: int, what, provider: str, day: float = 0, *, name: str = "bad", domain: str = "", **more) -> Stream:
    for n in range(times):
        stream.bounced(f"{name}{n}@{domain or provider + '.example'}", day, what, provider=provider, **more)
    return stream


# ------------------------------------------------------------------ 1 list ageing


def dead(domains: int, each: int, delivered: int = 900) -> Stream:
    stream = mail(delivered, "gmail")
    for d in range(domains):
        fails(stream, each, "user-unknown", f"p{d}", name=f"dead{d}.")
    return stream


def test_list_ageing():
    (one,) = found(dead(10, 2), "list-ageing")
    assert (one.count, one.of, one.values["percent"], one.values["domains"]) == (20, 920, 2.17, 10)
    assert one.scan is None  # the list is at fault, and no record of the sender
    assert len(one.events) == 10
    assert all(event.cause == "user-unknown" and event.source for event in one.events)


def test_list_ageing_near_misses():
    assert not found(dead(9, 2), "list-ageing")  # 1.96 %
    concentrated = fails(dead(4, 1), 20, "user-unknown", "one")
    assert not found(concentrated, "list-ageing")  # most of them at one domain
    blocked = fails(mail(900, "gmail"), 100, "auth-dmarc", "yahoo")
    assert not found(blocked, "list-ageing")


def test_list_ageing_without_a_denominator_is_not_judged():
    bare = Stream()
    for n in range(20):
        bare.bounced(f"x{n}@d{n}.example", 0, "user-unknown", provider=f"d{n}.example")
    assert (found(bare, "list-ageing"), unsure(bare, "list-ageing")) == ([], ["no-denominator"])
    assert found(bare, "list-ageing", sent=500)
    assert not found(bare, "list-ageing", sent=5000)
    assert unsure(bare, "list-ageing", sent=50) == ["few"]


# ------------------------------------------------------------------ 2 a provider denies its users


def denying(days: int = 10, denied: int = 60, others: int = 0) -> Stream:
    stream = Stream()
    for day in range(days):
        mail(100, "apple", day, stream, domain="icloud.com")
        mail(100, "gmail", day, stream)
        fails(stream, 1, "user-unknown", "apple", day, name=f"gone{day}.", domain="icloud.com")
    fails(stream, denied, "user-unknown", "apple", days, name="ok", domain="icloud.com")
    mail(100, "gmail", days, stream)
    return fails(stream, others, "user-unknown", "gmail", days)


def test_provider_denies():
    (one,) = found(denying(), "provider-denies")
    assert (one.count, one.values["provider"], one.values["usual"], one.values["date"], one.values["proven"]) == (60, "apple", 1.0, "2024-10-14", 0)
    assert one.scan is None
    assert not found(denying(), "list-ageing")  # what was denied in an outage is no news of the list


def test_provider_denies_near_misses():
    assert not found(denying(denied=19), "provider-denies")
    assert not found(denying(others=60), "provider-denies")


def test_provider_denies_without_a_past_cannot_be_told():
    stream = denying(days=2)
    assert (found(stream, "provider-denies"), unsure(stream, "provider-denies")) == ([], ["no-history"])


# ------------------------------------------------------------------ 3 throttled at one provider


def throttled(at_gmail: int, elsewhere: int = 0, cause: str = "rate-limited", ended: bool = True) -> Stream:
    stream = mail(100 - at_gmail if ended else 100, "gmail")
    for provider, times in (("gmail", at_gmail), ("yahoo", elsewhere)):
        for n in range(times):
            for again in range(3):
                stream.deferred(f"slow{n}@{provider}.example", again / 100, cause, message=f"{provider}{n}", provider=provider)
            if ended:
                stream.delivered(f"slow{n}@{provider}.example", 0.5, message=f"{provider}{n}", provider=provider)
    return mail(100 - elsewhere, "yahoo", 0, stream)


@pytest.mark.parametrize("ended", [True, False])
def test_throttled(ended):
    (one,) = found(throttled(30, 2, ended=ended), "throttled")
    assert (one.values["provider"], one.count, one.of, one.values["others"]) == ("gmail", 30, 100 if ended else 130, 2.0)
    assert one.scan is not None
    assert one.scan.domain == "example.com"
    assert one.events


def test_throttled_near_misses():
    assert not found(throttled(19), "throttled")
    assert not found(throttled(30, 6), "throttled")  # elsewhere too
    assert not found(throttled(60, cause="greylisted"), "throttled")
    assert not found(throttled(60, cause="mailbox-full"), "throttled")


def test_throttled_where_a_service_names_only_the_end():
    stream = fails(mail(70, "gmail"), 30, "rate-limited", "gmail")
    assert found(mail(100, "yahoo", 0, stream), "throttled")[0].count == 30


def test_throttled_without_others_or_deliveries_cannot_be_told():
    alone = Stream()
    for n in range(30):
        alone.deferred(f"slow{n}@gmail.example", 0, "rate-limited", provider="gmail")
    assert unsure(alone, "throttled") == ["no-denominator"]
    assert unsure(mail(50, "gmail", 0, alone), "throttled") == ["no-others"]


# ------------------------------------------------------------------ 4 listed at several, 5 one list is named


def listed(hours: list[float], cause: str = "ip-blocklisted", blocklist: str | None = None) -> Stream:
    stream = mail(100, "gmail")
    for n, hour in enumerate(hours):
        stream.bounced(f"x{n}@p{n}.example", hour / 24, said(cause, blocklist=blocklist), provider=f"p{n}.example")
    return stream


def test_listed_at_several():
    (one,) = found(listed([20, 30, 43.5]), "listed-at-several")  # over midnight
    assert (one.values["providers"], one.count, one.values["date"]) == (3, 3, "2024-10-04")
    assert one.scan is not None
    assert (one.scan.domain, set(one.scan.topics)) == ("example.com", {"dnsbl", "ptr", "spf"})
    assert {event.cause for event in one.events} == {"ip-blocklisted"}


def test_listed_at_several_near_misses():
    assert not found(listed([0, 12, 25]), "listed-at-several")  # not within a day
    assert not found(listed([0, 1]), "listed-at-several")
    assert not found(listed([0, 1, 2], cause="content-spam"), "listed-at-several")
    same = mail(100, "gmail")
    fails(same, 5, "ip-blocklisted", "yahoo")
    assert not found(same, "listed-at-several")  # five at one provider


def test_listed_at_several_without_times_cannot_be_told():
    stream = Stream()
    for n in range(3):
        stream.bounced(f"x@p{n}.example", None, "ip-blocklisted", provider=f"p{n}.example")
    assert unsure(stream, "listed-at-several") == ["no-times"]


def test_blocklist_named():
    (one,) = found(listed([0, 100, 200], blocklist="zen.spamhaus.org"), "blocklist-named")
    assert (one.values["list"], one.count) == ("zen.spamhaus.org", 3)
    assert one.scan is not None


def test_blocklist_named_near_miss():
    stream = listed([0, 100], blocklist="zen.spamhaus.org")
    stream.bounced("y@q.example", 0, said("ip-blocklisted", blocklist="bl.spamcop.net"), provider="q.example")
    assert not found(stream, "blocklist-named")


# ------------------------------------------------------------------ 6 one campaign's content


def campaigns(spring: int, summer: int, what="content-spam") -> Stream:
    stream = Stream()
    for name, bad in (("spring", spring), ("summer", summer)):
        mail(1000 - bad, "gmail", 0, stream, campaign=name)
        fails(stream, bad, what, "gmail", 0, name=name, campaign=name)
    return stream


def test_campaign_content():
    (one,) = found(campaigns(100, 10), "campaign-content")
    assert (one.values["campaign"], one.count, one.of, one.values["percent"], one.values["others"]) == ("spring", 100, 1000, 10.0, 1.0)
    refused = reply("550 5.7.1 Delivery not authorized, message refused")
    assert found(campaigns(50, 0, refused), "campaign-content")


def test_campaign_content_near_misses():
    assert not found(campaigns(100, 25), "campaign-content")  # four times the others
    assert not found(campaigns(9, 0), "campaign-content")
    assert not found(campaigns(100, 10, "auth-dmarc"), "campaign-content")
    assert not found(campaigns(100, 10, "user-unknown"), "campaign-content")


def test_campaign_content_with_one_campaign_cannot_be_told():
    stream = fails(mail(900, "gmail", campaign="spring"), 100, "content-spam", "gmail", campaign="spring")
    assert unsure(stream, "campaign-content") == ["no-others"]


# ------------------------------------------------------------------ 7 authentication broken, 8 since a day


def test_authentication_broken_for_everybody():
    """5.7.26 for every recipient of a provider."""
    dmarc = reply("550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.")
    stream = mail(100, "yahoo")
    fails(stream, 60, dmarc, "gmail")
    (one,) = found(stream, "authentication-broken")
    assert (one.values["provider"], one.count, one.of, one.values["percent"], one.variant) == ("gmail", 60, 60, 100.0, "")
    assert one.scan is not None
    assert one.scan.domain == "example.com"
    assert {"spf", "dkim", "dmarc", "alignment"} <= set(one.scan.topics)


def test_authentication_broken_at_several_is_one_cluster_and_one_scan():
    stream = mail(10, "gmail")
    for provider in ("gmail", "yahoo", "outlook"):
        fails(stream, 50, "auth-dmarc", provider, sender="news.example.com")
    (one,) = found(stream, "authentication-broken")
    assert (one.variant, one.count, one.of, one.values["providers"]) == ("everywhere", 150, 160, 3)
    assert one.scan is not None
    assert one.scan.domain == "news.example.com"
    assert {event.recipient.split("@")[1] for event in one.events} == {"gmail.example", "yahoo.example", "outlook.example"}


def test_authentication_broken_near_misses():
    assert not found(fails(mail(60, "gmail"), 50, "auth-dmarc", "gmail"), "authentication-broken")  # 45 %: a forwarder, not the sender
    assert not found(fails(mail(100, "gmail"), 4, "auth-dmarc", "yahoo"), "authentication-broken")
    assert not found(fails(mail(10, "gmail"), 50, "reputation-low", "gmail"), "authentication-broken")


def test_authentication_broken_without_deliveries_cannot_be_told_but_can_be_scanned():
    (one,) = [p for p in all_of(fails(Stream(), 50, "auth-spf", "gmail")) if p.slug == "authentication-broken"]
    assert (one.state, one.why, one.count) == ("could-not-check", "no-denominator", 50)
    assert one.scan is not None


def since(before: int, after: int, *, early: int = 0, days: int = 3) -> Stream:
    stream = Stream()
    for day in range(days):
        mail(50, "gmail", day, stream)
        fails(stream, early, "auth-dkim", "gmail", day, name=f"early{day}.")
    for day in range(days, days + 3):
        mail(before, "gmail", day, stream)
        fails(stream, after, "auth-dkim", "gmail", day, name=f"late{day}.")
    return stream


def test_authentication_since():
    (one,) = found(since(40, 10), "authentication-since")
    assert (one.values["date"], one.values["sender"], one.count, one.of, one.values["before"]) == ("2024-10-07", "example.com", 30, 150, 150)
    assert one.scan is not None


def test_authentication_since_near_misses():
    assert not found(since(40, 10, early=8), "authentication-since")  # it always was so
    assert not found(since(40, 4), "authentication-since")  # some forwarders
    assert unsure(since(40, 10, days=1), "authentication-since") == ["no-before"]


# ------------------------------------------------------------------ 9 one domain fully failing


@pytest.mark.parametrize(
    ("cause", "variant"),
    [
        ("domain-not-found", "dead"),
        ("null-mx", "dead"),
        ("user-unknown", "users"),
        ("auth-spf", "gateway"),
        ("policy-other", "gateway"),
        ("network-error", "unreachable"),
    ],
)
def test_domain_failing(cause, variant):
    (one,) = found(fails(mail(100, "gmail"), 5, cause, "corp"), "domain-failing")
    assert (one.values["domain"], one.variant, one.count, one.of) == ("corp.example", variant, 5, 5)
    assert (one.scan is not None) == (cause in ("auth-spf", "policy-other"))
    assert len(one.addresses) == 5


def test_domain_failing_for_several_reasons():
    stream = mail(100, "gmail")
    for n, cause in enumerate(("domain-not-found", "user-unknown", "auth-spf", "network-error", "mailbox-full")):
        stream.bounced(f"x{n}@corp.example", 0, cause, provider="corp")
    assert [p.variant for p in found(stream, "domain-failing")] == [""]


def test_domain_failing_near_misses():
    assert not found(fails(mail(100, "gmail"), 4, "null-mx", "corp"), "domain-failing")
    one_gets_through = fails(mail(100, "gmail"), 5, "auth-spf", "corp").delivered("ok@corp.example", 1, provider="corp")
    assert not found(one_gets_through, "domain-failing")
    then_delivered = fails(mail(100, "gmail"), 5, "network-error", "corp")
    for n in range(5):
        then_delivered.delivered(f"bad{n}@corp.example", 1, provider="corp")
    assert not found(then_delivered, "domain-failing")
    assert not found(fails(mail(100, "gmail"), 20, "greylisted", "corp"), "domain-failing")


# ------------------------------------------------------------------ 10 abandoned mailboxes


def full(times: int, delivery: bool = False) -> Stream:
    stream = Stream()
    for n in range(times):
        stream.bounced("jane@example.net", n * 4, reply("452 4.2.2 The email account that you tried to reach is over quota"))
        if delivery and n == 1:
            stream.delivered("jane@example.net", n * 4 + 1)
    return stream


def test_mailboxes_abandoned():
    """452 three times in a row."""
    (one,) = found(full(3), "mailboxes-abandoned")
    assert (one.count, one.addresses, [event.source for event in one.events]) == (1, ("jane@example.net",), ["log:000001", "log:000002", "log:000003"])


def test_mailboxes_abandoned_near_misses():
    assert not found(full(2), "mailboxes-abandoned")
    assert not found(full(4, delivery=True), "mailboxes-abandoned")
    one_message = Stream()
    for n in range(5):
        one_message.bounced("jane@example.net", n, "mailbox-full", message="one")
    assert not found(one_message, "mailboxes-abandoned")


# ------------------------------------------------------------------ 11 restricted recipients


RESTRICTED = "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed"


def test_recipients_restricted():
    (one,) = found(fails(mail(100, "corp"), 3, reply(RESTRICTED), "corp"), "recipients-restricted")
    assert (one.values["domain"], one.count, one.scan) == ("corp.example", 3, None)


def test_recipients_restricted_near_misses():
    assert not found(fails(mail(100, "corp"), 2, reply(RESTRICTED), "corp"), "recipients-restricted")
    apart = mail(100, "corp")
    for n in range(5):
        fails(apart, 1, reply(RESTRICTED), f"corp{n}")
    assert not found(apart, "recipients-restricted")


# ------------------------------------------------------------------ 12 too heavy


@pytest.mark.parametrize("cause", ["message-too-large", "content-attachment"])
def test_message_too_heavy(cause):
    (one,) = found(fails(mail(990, "gmail", campaign="spring"), 10, cause, "corp", campaign="spring"), "message-too-heavy")
    assert (one.variant, one.values["campaign"], one.count, one.of) == ("campaign", "spring", 10, 1000)
    assert found(fails(mail(990, "gmail"), 10, cause, "corp"), "message-too-heavy")[0].variant == ""


def test_message_too_heavy_near_misses():
    assert not found(fails(mail(991, "gmail"), 9, "message-too-large", "corp"), "message-too-heavy")
    assert not found(fails(mail(10, "gmail"), 2, "message-too-large", "corp"), "message-too-heavy")
    assert unsure(fails(Stream(), 10, "message-too-large", "corp"), "message-too-heavy") == ["no-denominator"]


# ------------------------------------------------------------------ 13 a receiver that could not be reached


def away(failed: int, through: int = 0, other_day: bool = True) -> Stream:
    stream = mail(20, "corp", 5) if other_day else Stream()
    mail(50, "gmail", 0, stream)
    mail(through, "corp", 0, stream)
    return fails(stream, failed, "network-error", "corp", 0)


def test_receiver_unreachable():
    (one,) = found(away(8, 2), "receiver-unreachable")
    assert (one.values["provider"], one.values["date"], one.count, one.of, one.variant) == ("corp", "2024-10-04", 8, 10, "")
    (never,) = found(away(8, other_day=False), "receiver-unreachable")
    assert (never.variant, never.count) == ("never", 8)


def test_receiver_unreachable_counts_what_still_waits():
    stream = mail(20, "corp", 5)
    for n in range(6):
        stream.deferred(f"wait{n}@corp.example", 0, "network-error", provider="corp")
    (one,) = found(stream, "receiver-unreachable")
    assert (one.count, one.of, len(one.events)) == (6, 6, 6)


def test_receiver_unreachable_near_misses():
    assert not found(away(7, 3), "receiver-unreachable")
    assert not found(away(4), "receiver-unreachable")
    assert not found(fails(mail(20, "corp", 5), 8, "user-unknown", "corp", 0), "receiver-unreachable")


# ------------------------------------------------------------------ all of them


def everything() -> Stream:
    """One stream with all of them, each at providers, of a sender and in campaigns of its own."""
    heavy = fails(mail(200, "gmail", campaign="big"), 60, "message-too-large", "corp", campaign="big")
    broken = fails(mail(10, "gmail"), 300, "auth-dmarc", "outlook")
    parts = (denying(), dead(10, 40), throttled(60), listed([0, 1, 2], blocklist="zen.spamhaus.org"), campaigns(400, 0), since(40, 30), full(3), away(8, 2))
    stream = Stream()
    for n, part in enumerate((*parts, heavy, broken, fails(Stream(), 4, reply(RESTRICTED), "strict"))):
        for event in part.events:
            user, _, domain = event.recipient.partition("@")
            own = replace(event, recipient=f"{user}@{n}.{domain}", provider=f"{n}.{event.provider}", sender=f"{n}.example.com")
            stream.events.append(replace(own, campaign=event.campaign and f"{n}. {event.campaign}", source=f"file{n}:{event.source}"))
    return stream


def test_all_thirteen_are_found_in_one_stream_and_every_one_shows_its_events():
    seen = all_of(everything())
    assert {p.slug for p in seen if p.state == "found"} == set(SLUGS)
    assert len(SLUGS) == 13
    for one in seen:
        assert one.events, one.slug
        assert len(one.events) <= 10
        assert all(event.source for event in one.events)
        assert one.count > 0


def test_a_healthy_stream_has_none():
    stream = mail(2000, "gmail", campaign="spring")
    fails(stream, 5, "user-unknown", "gmail", campaign="spring")
    fails(stream, 3, "mailbox-full", "gmail", name="full", campaign="spring")
    for n in range(50):
        stream.deferred(f"ok{n}@gmail.example", -0.01, "greylisted", message=f"g{n}", provider="gmail")
        stream.delivered(f"ok{n}@gmail.example", 0.01, message=f"g{n}", provider="gmail")
    assert all_of(stream) == ()


def test_an_empty_stream_has_none():
    assert all_of(Stream()) == ()


def test_what_is_known_of_outages_need_not_be_asked_for_twice():
    many = everything().many()
    from healthcheck.bounce.many import Policy

    assert patterns(many, found=outages(many, Policy())) == patterns(many)


def test_at_most_twenty_of_a_kind_the_largest_first():
    stream = Stream()
    for d in range(30):
        fails(stream, 5 + d, "null-mx", f"d{d}")
    seen = found(stream, "domain-failing")
    assert [p.count for p in seen] == list(range(34, 14, -1))


def test_the_words_have_what_they_need():
    """Every slot of every row is filled by what the pattern gives; every cause is one; every reason has its sentence."""
    reasons = set()
    bare = Stream()
    for n in range(20):
        fails(bare, 3, "user-unknown", f"d{n}")
    for cause in ("auth-dmarc", "message-too-large", "content-spam"):
        fails(bare, 20, cause, "gmail", name=cause, campaign="spring")
    for n in range(30):
        bare.deferred(f"slow{n}@gmail.example", 0, "rate-limited", provider="gmail")
        bare.bounced(f"x@p{n}.example", None, "ip-blocklisted", provider=f"p{n}.example")
    alone = fails(mail(900, "gmail", campaign="spring"), 100, "content-spam", "gmail", campaign="spring")
    unclear = (bare, alone, denying(days=2), since(40, 10, days=1))
    seen = [one for stream in (everything(), *unclear) for one in all_of(stream)]
    assert {one.slug for one in seen if one.state != "found"} == {slug for slug in SLUGS if "unsure" in words()[slug]}
    for one in (*seen, *all_of(dead(10, 2), sent=50)):
        row = words()[one.slug]
        chosen = {**row, **row.get("choices", {}).get(one.variant, {})}
        if one.variant:
            assert one.variant in row["choices"], one.slug
        said_of_it = chosen["meaning"] if one.state == "found" else chosen["unsure"]
        for text in (chosen["title"], said_of_it, *chosen["next"], words()["why"].get(one.why, "")):
            assert set(re.findall(r"{(\w+)}", text)) <= set(one.values), (one.slug, text)
        reasons.add(one.why)
    for slug in SLUGS:
        row = words()[slug]
        assert row.keys() >= {"title", "meaning", "next", "source"}, slug
        for key in ("causes", "final", "dead", "users"):
            assert set(row.get(key, ())) <= set(catalog().causes), slug
    assert reasons - {""} == set(words()["why"])
