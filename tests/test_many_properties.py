"""Laws of many bounces, over random streams: no sender-side event closes an address, and neither order nor splits nor merges change an answer."""

import pickle
import random
from functools import reduce

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthcheck.bounce.many import Many, Policy, decisions, offers
from healthcheck.bounce.many.decide import decide
from healthcheck.bounce.many.ledger import KEPT_DAYS, KEPT_SOFT, State
from healthcheck.bounce.many.outages import outages
from healthcheck.bounce.many.patterns import patterns
from healthcheck.bounce.many.rates import rates
from healthcheck.catalog import catalog
from healthcheck.model import Action, Event, Happened, Said, Suppress, Type
from tests.support.stream import at

NOW = 90
OTHERS = [Happened.DELIVERED, Happened.SENT, Happened.OTHER, Happened.DEFERRED]
SENDER = [row for row in catalog().causes.values() if row.party.side == "sender"]
ANY = list(catalog().causes.values())
# as sharp as can be: whatever leads to a suppression at all does so here
WILD = Policy(
    suppress_now=tuple(catalog().causes), never_suppress=(), hold=dict.fromkeys(catalog().causes, 1), soft_limit=1, soft_limit_mailbox_full=1, soft_min_span_days=0, full_min_span_days=0,
)  # fmt: skip
EASY = Policy(outage_min=3, outage_factor=2, min_sample=5)  # outages and rates that small streams can show


def laws(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def saids(rows) -> list[Said]:
    return [Said(row.slug, row.party, Type.HARD, suppress, row.scope, "guess", text=f"{row.slug} {suppress}") for row in rows for suppress in Suppress]


SENDER_SAID, ANY_SAID = saids(SENDER), [Said(r.slug, r.party, r.type, r.suppress, r.scope, "certain", text=r.slug) for r in ANY]
LISTS = [
    Said("ip-blocklisted", r.party, Type.HARD, Suppress.NEVER, "address", "certain", blocklist=name, text=name)
    for r in ANY
    if r.slug == "ip-blocklisted"
    for name in ("a", "b")
]


def made(seed: int, size: int, pool: list[Said], happened: list[Happened], addresses: int = 4, silent: float = 0.0) -> list[Event]:
    """A stream out of one number: hypothesis shrinks that and the size. Ids, times and places collide often, and may be missing."""
    draw = random.Random(seed)
    out = []
    for _ in range(size):
        what = draw.choice(happened)
        user, domain = draw.randrange(addresses), draw.choice(["example.net", "example.org", "example.com"])
        known = what in (Happened.BOUNCED, Happened.DEFERRED, Happened.COMPLAINT) and draw.random() >= silent
        out.append(
            Event(
                what,
                f"u{user}@{domain}" if draw.random() < 0.95 else "",
                at(draw.randrange(0, 80) + draw.choice([0, 0.25, 0.5])) if draw.random() < 0.9 else None,
                draw.choice(pool) if known else None,
                draw.choice(["", *(f"m{n}" for n in range(12))]) if draw.random() < 0.5 else f"x{draw.randrange(10**6)}",
                draw.choice(["", "spring", "summer"]),
                draw.choice(["", "example.com", "news.example.com"]),
                draw.choice(["", "gmail", "yahoo", "outlook"]),
                f"file:{draw.randrange(40)}",
            )
        )
    return out


def gathered(events) -> Many:
    many = Many()
    for event in events:
        many.add(event)
    return many


BURSTS = [
    "user-unknown", "null-mx", "rate-limited", "ip-blocklisted", "content-spam", "auth-dmarc", "mailbox-full", "sender-not-permitted", "message-too-large", "network-error", "server-error",
]  # fmt: skip


def lively(seed: int, size: int) -> list[Event]:
    """A stream like those of real senders: deliveries day by day, some failures among them, and now and then a burst of one cause at one provider."""
    draw = random.Random(seed)
    calm = [said for said in ANY_SAID if said.party.side != "none"]
    out = [e for e in made(seed, size, calm, [Happened.DELIVERED, Happened.BOUNCED, Happened.DEFERRED], addresses=6, silent=0.02) if e.recipient]
    out += made(seed + 1, size // 12, ANY_SAID, list(Happened), addresses=6)
    for n in range(draw.randrange(4)):
        burst, provider, day, who = draw.choice(BURSTS), draw.choice(["gmail", "yahoo", "outlook"]), draw.randrange(80), draw.choice([1, 3, 40])
        said, campaign = draw.choice([s for s in [*ANY_SAID, *LISTS] if s.cause == burst]), draw.choice(["spring", "summer"])
        for k in range(draw.randrange(4, 30)):
            what = draw.choice([Happened.BOUNCED, Happened.DEFERRED]) if burst in ("rate-limited", "network-error") else Happened.BOUNCED
            when = day + (4 * k if who == 1 else k / 100)
            address = f"b{k % who}@{draw.choice(['example.net', 'burst.example'])}"
            out.append(Event(what, address, at(when), said, f"b{n}.{k}", campaign, "example.com", provider, f"burst{n}:{k}"))
    return out


streams = st.tuples(st.integers(0, 2**32), st.integers(0, 60))


@laws(2500)
@given(streams)
def test_no_sender_side_event_ever_leads_to_a_suppressed_address(stream):
    """Whatever its `suppress` says, under the sharpest policy that can be built, and with outages looked for."""
    many = gathered(made(*stream, SENDER_SAID, [Happened.BOUNCED, Happened.BOUNCED, *OTHERS]))
    for policy in (Policy(), WILD):
        for decision in decisions(many, policy, at(NOW), every=True):
            assert decision.action is Action.KEEP, decision


@laws(2000)
@given(streams, st.integers(0, 2**32))
def test_sender_side_events_among_others_suppress_nobody_who_would_not_be_suppressed_without_them(stream, seed):
    mixed = made(*stream, ANY_SAID, [*Happened, Happened.BOUNCED, Happened.BOUNCED])
    ours = made(seed, 20, SENDER_SAID, [Happened.BOUNCED])
    without, together = gathered(mixed).ledger, gathered([*mixed, *ours]).ledger
    for policy in (Policy(), WILD):
        for recipient, state in together.items():
            decision = decide(recipient, state, policy, at(NOW))
            if decision.action is not Action.KEEP:
                before = decide(recipient, without.get(recipient, State()), policy, at(NOW))
                assert (decision.action, decision.since, decision.source) == (before.action, before.since, before.source)


def answers(many: Many):
    found = outages(many, EASY)
    return (
        list(decisions(many, Policy(), at(NOW), every=True)),
        list(decisions(many, EASY, at(NOW), found)),
        offers(many, Policy()),
        found,
        rates(many, EASY),
        patterns(many, EASY, found=found),
        (many.events, many.latest),
    )


@laws(400)
@given(streams, st.integers(1, 5), st.randoms(use_true_random=False))
def test_orders_splits_and_merges_give_the_same_decisions_rates_and_patterns(stream, parts, chance):
    events = lively(*stream)
    whole = gathered(events)
    shuffled = events[:]
    chance.shuffle(shuffled)
    split: list[list[Event]] = [[] for _ in range(parts)]
    for event in shuffled:
        chance.choice(split).append(event)
    halves = [gathered(part) for part in split]
    halves = [pickle.loads(pickle.dumps(half, protocol=5)) if chance.random() < 0.3 else half for half in halves]
    while len(halves) > 1:  # in any order, as any tree
        one = halves.pop(chance.randrange(len(halves)))
        halves[chance.randrange(len(halves))].merge(one)
    merged = halves[0]
    assert merged.ledger == whole.ledger
    assert merged.tally == whole.tally
    assert answers(merged) == answers(whole)


@laws(400)
@given(streams, st.randoms(use_true_random=False))
def test_a_state_merges_like_a_set(stream, chance):
    """Commutative, associative, idempotent; and what is read twice counts once for an address."""
    events = made(*stream, ANY_SAID, [*Happened, Happened.BOUNCED, Happened.BOUNCED], addresses=1)
    cut = sorted(chance.randrange(len(events) + 1) for _ in range(2))
    a, b, c = (reduce(State.add, part, State()) for part in (events[: cut[0]], events[cut[0] : cut[1]], events[cut[1] :]))
    whole = reduce(State.add, events, State())
    assert a.merge(b) == b.merge(a)
    assert a.merge(b).merge(c) == a.merge(b.merge(c)) == whole
    assert whole.merge(whole) == whole == whole.merge(a) == whole.merge(State()) == State().merge(whole)
    assert reduce(State.add, events, whole) == whole


@laws(20)
@given(st.integers(0, 2**32))
def test_long_streams_of_one_address_merge_too_and_stay_small(seed):
    """Far more than a state keeps: many failures a day, for years, in any order."""
    draw = random.Random(seed)
    pool = [s for s in ANY_SAID if s.cause in ("server-error", "mailbox-full", "user-unknown", "greylisted", "auth-spf", "policy-other")]
    events = []
    for _ in range(600):
        said, day = draw.choice(pool), draw.choice([draw.random() * 400, 200 + draw.random()])
        what = draw.choice([Happened.BOUNCED] * 4 + [Happened.DELIVERED, Happened.DEFERRED])
        events.append(Event(what, "u@example.net", at(day), said, f"m{draw.randrange(400)}", source=f"f:{draw.randrange(50)}"))
    whole = reduce(State.add, events, State())
    draw.shuffle(events)
    cut = draw.randrange(600)
    assert reduce(State.add, events[:cut], State()).merge(reduce(State.add, events[cut:], State())) == whole
    assert len(whole.failed) <= 2 * (KEPT_SOFT + KEPT_DAYS) + 30


def test_the_streams_above_are_no_empty_ones():
    """They show outages, most patterns and nearly every reason; else the law would hold of nothing."""
    slugs, reasons, kinds = set(), set(), set()
    for seed in range(150):
        many = gathered(lively(seed, 60))
        found = outages(many, EASY)
        slugs |= {p.slug for p in patterns(many, EASY, found=found)}
        kinds |= {outage.kind for outage in found}
        reasons |= {(d.action, d.why) for d in decisions(many, EASY, at(NOW), found, every=True)}
    assert {action for action, _ in reasons} == set(Action)
    assert len(reasons) >= 15, reasons
    assert len(slugs) >= 9, slugs
    assert kinds == {"denies", "unreachable"}
