"""What many failures have in common. One function a pattern, in the order of data/patterns.toml; each says what was found, with its proof, or that it
could not be told. Words, figures and causes stand in that file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ...model import Outage, Pattern, Proof
from .ledger import CLOSED, DAY, HELD, NEVER, day_of
from .outages import outages as find
from .outages import provider_days, suspects
from .policy import Policy, outage_rules
from .rates import day_name, denominator
from .survey import (
    Cells,
    Survey,
    authentication,
    number,
    pattern,
    percent,
    proofs_of_rows,
    proofs_of_samples,
    scan_of,
    scan_of_cells,
    side,
    survey,
    test_of,
    words,
)
from .tally import LISTED, Many

FOUND, UNSURE = "found", "could-not-check"
__all__ = ["patterns", "words"]


def patterns(many: Many, policy: Policy | None = None, *, sent: int | None = None, found: Sequence[Outage] | None = None) -> tuple[Pattern, ...]:
    """The clusters in a stream, each with the events that prove it and, where its cause is the sender's, the one scan that explains it all. Pure.

    sent   how many messages were sent, where the input does not show it
    found  what `outages.outages(many, policy)` said, where it was asked for already

    state "could-not-check" is a cluster that shows, but whose test needs what is not in the input; a pattern that is not in the answer was looked for
    and is not there. Of one kind at most twenty are named, the largest. The order is that of data/patterns.toml, then by size.
    Cost: some 2 s for a million addresses.
    """
    policy = policy or Policy()
    seen = survey(many, policy, sent)
    ill = find(many, policy) if found is None else found
    tests: dict[str, Callable[[], Iterator[Pattern]]] = {
        "list-ageing": partial(_list_ageing, seen, ill),
        "provider-denies": partial(_provider_denies, seen, ill, many),
        "throttled": partial(_throttled, seen),
        "listed-at-several": partial(_listed_at_several, seen, many),
        "blocklist-named": partial(_blocklist_named, seen),
        "campaign-content": partial(_campaign_content, seen),
        "authentication-broken": partial(_authentication_broken, seen),
        "authentication-since": partial(_authentication_since, seen),
        "domain-failing": partial(_domain_failing, seen),
        "mailboxes-abandoned": partial(_mailboxes_abandoned, seen),
        "recipients-restricted": partial(_recipients_restricted, seen),
        "message-too-heavy": partial(_message_too_heavy, seen),
        "receiver-unreachable": partial(_receiver_unreachable, seen, ill, many),
    }
    out: list[Pattern] = []
    for test in tests.values():
        largest = sorted(test(), key=lambda one: (one.state != FOUND, -one.count, sorted(map(str, one.values.values()))))
        out += largest[: words()["most"]]
    return tuple(out)


def _list_ageing(seen: Survey, ill: Sequence[Outage]) -> Iterator[Pattern]:
    """Dead addresses all over the list. What a provider denied in an outage is no news of the list."""
    causes, test = words()["list-ageing"]["causes"], test_of("list-ageing")
    out = {(outage.provider, int(outage.start // DAY)) for outage in ill if outage.kind == "denies"}
    cells = [(key, cell) for key, cell in seen.cells if key.kind == CLOSED and key.cause in causes and (key.provider, key.day) not in out]
    dead, of = number(cells), seen.of_all
    if dead < test["least"]:
        return
    domains: Counter[str] = Counter()
    for name, domain in seen.domains.items():
        rows = [row for _, row in domain.failing if row[3] == CLOSED and row[4].cause in causes and (row[5], day_of(row[0])) not in out]
        if rows:
            domains[name] = len(rows)
    if domains and max(domains.values()) * 100 > test["one_domain_percent"] * sum(domains.values()):
        return
    if of is None or of < seen.policy.min_sample:
        yield pattern("list-ageing", cells, of=of, why="few" if of is not None else "no-denominator", min=seen.policy.min_sample, domains=len(domains))
    elif dead * 100 >= test["percent"] * of:
        yield pattern("list-ageing", cells, of=of, domains=len(domains))


def _provider_denies(seen: Survey, ill: Sequence[Outage], many: Many) -> Iterator[Pattern]:
    """A provider that denies its users as it never did: see outages.py. Without a past it cannot be told."""
    for outage in ill:
        if outage.kind == "denies":
            day = int(outage.start // DAY)
            yield pattern(
                "provider-denies",
                _denials(seen, outage.provider, day),
                count=outage.count,
                provider=outage.provider,
                date=day_name(day),
                usual=round(outage.usual, 1),
                proven=outage.proven,
            )
    told = {(outage.provider, outage.start) for outage in ill}
    days, least = provider_days(many), outage_rules()["history_least"]
    if len(days) < 2:
        return  # nothing to compare with: all that fails is at one provider
    for provider, day, one, past in suspects(days, seen.policy):
        if past.days < least and (provider, day * DAY) not in told:
            yield pattern(
                "provider-denies",
                _denials(seen, provider, day),
                count=one.denied,
                why="no-history",
                provider=provider,
                date=day_name(day),
                usual=round(past.usual, 1),
                proven=0,
            )


def _denials(seen: Survey, provider: str, day: int) -> Cells:
    causes = outage_rules()["denies"]
    return [(key, cell) for key, cell in seen.at(provider) if key.day == day and key.cause in causes]


def _throttled(seen: Survey) -> Iterator[Pattern]:
    """Much put off at one provider and little elsewhere. Each message counts once, ended or not; greylisting is no throttling."""
    causes, test = set(words()["throttled"]["causes"]), test_of("throttled")
    finals = words()["throttled"]["final"]
    given_up = {provider: [(key, cell) for key, cell in seen.at(provider) if key.kind == NEVER and key.cause in finals] for provider in seen.providers}
    put_off = {provider: [row for row in seen.put_off.get(provider, ()) if row[0] in causes] for provider in seen.providers}
    # what was put off and then given up is in both: the larger of the two is what is sure
    times = {provider: max(len(rows), number(given_up[provider])) for provider, rows in put_off.items()}
    whole = sum(times.values())
    for provider, rows in put_off.items():
        if times[provider] < test["least"]:
            continue
        of, of_all = seen.of(seen.providers.get(provider)), seen.of(seen.total)
        base = pattern("throttled", given_up[provider], count=times[provider], of=of, provider=provider)
        weights = Counter((sender, cause) for cause, sender, _ in rows) + Counter({(k.sender, k.cause): c.number for k, c in given_up[provider]})
        proof = proofs_of_samples((cause, sample) for cause, _, sample in rows) or base.events
        base = replace(base, events=proof, addresses=_who(proof), scan=scan_of(weights))
        if of is None or of_all is None:
            yield replace(base, state=UNSURE, why="no-denominator")
            continue
        if times[provider] * 100 < test["percent"] * of:
            continue
        if of_all - of < test["others_least"]:
            yield replace(base, state=UNSURE, why="no-others")
        elif (others := percent(whole - times[provider], of_all - of)) < test["others_percent"]:
            yield replace(base, values={**base.values, "others": others})


def _who(proof: Sequence[Proof]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.recipient for one in proof if one.recipient))


def _listed_at_several(seen: Survey, many: Many) -> Iterator[Pattern]:
    """Refusals for a listing at several providers within a day: any 24 hours, not a calendar's day."""
    test = test_of("listed-at-several")
    cells = [(key, cell) for key, cell in seen.cells if key.kind == NEVER and key.cause in LISTED]
    untimed = [(key, cell) for key, cell in cells if key.day is None]
    by_hour: dict[int, Counter[str]] = {}
    for (hour, provider), times in many.tally.hours.items():
        by_hour.setdefault(hour, Counter())[provider] += times
    best: tuple[int, int, int] = (0, 0, 0)  # providers, messages, minus the hour: the earliest of the widest
    for hour in by_hour:
        within: Counter[str] = Counter()
        for later in range(hour, hour + test["hours"]):
            within.update(by_hour.get(later, {}))
        best = max(best, (len(within), sum(within.values()), -hour))
    if best[0] >= test["providers"]:
        first, hours = -best[2], test["hours"]
        days = range(first // 24, (first + hours - 1) // 24 + 1)
        named = {provider for (hour, provider) in many.tally.hours if first <= hour < first + hours}
        proof = [(key, cell) for key, cell in cells if key.day in days and key.provider in named]
        yield pattern("listed-at-several", proof, count=best[1], scan=True, providers=best[0], date=day_name(first // 24))
    elif len({key.provider for key, _ in untimed}) >= test["providers"]:
        yield pattern("listed-at-several", untimed, scan=True, why="no-times", providers=len({key.provider for key, _ in untimed}), date="")


def _blocklist_named(seen: Survey) -> Iterator[Pattern]:
    for name in sorted({key.blocklist for key, _ in seen.cells if key.blocklist}):
        cells = [(key, cell) for key, cell in seen.cells if key.blocklist == name]
        if number(cells) >= test_of("blocklist-named")["least"]:
            yield pattern("blocklist-named", cells, scan=True, list=name)


def _campaign_content(seen: Survey) -> Iterator[Pattern]:
    """One campaign that is refused far more than the others."""
    causes, test = words()["campaign-content"]["causes"], test_of("campaign-content")
    cells = [(key, cell) for key, cell in seen.cells if key.kind == NEVER and key.cause in causes]
    refused: Counter[str] = Counter()
    for key, cell in cells:
        refused[key.campaign] += cell.number
    for campaign, times in refused.items():
        if not campaign or times < test["least"]:
            continue
        mine = [(key, cell) for key, cell in cells if key.campaign == campaign]
        of = seen.of(seen.campaigns[campaign])
        others = sum(denominator(c) for name, c in seen.campaigns.items() if name != campaign)
        made = pattern("campaign-content", mine, of=of, scan=True, campaign=campaign, others=percent(sum(refused.values()) - times, others))
        enough = seen.policy.min_sample
        if of is None or seen.campaigns[campaign].delivered + seen.campaigns[campaign].sent == 0:
            yield replace(made, state=UNSURE, why="no-denominator", of=None)
        elif of < enough or times * 100 < test["percent"] * of:
            continue
        elif others < enough:
            yield replace(made, state=UNSURE, why="no-others")
        elif times * others >= test["factor"] * (sum(refused.values()) - times) * of:
            yield made


def _authentication_broken(seen: Survey) -> Iterator[Pattern]:
    """Half of a provider's mail or more refused for authentication. All providers that say so are one cluster, and one scan."""
    test = test_of("authentication-broken")
    cells = [(key, cell) for key, cell in seen.cells if key.kind == NEVER and authentication(key.cause)]
    refused: Counter[str] = Counter()
    for key, cell in cells:
        refused[key.provider] += cell.number
    many = {provider: times for provider, times in refused.items() if times >= test["least"]}
    names = sorted(p for p, times in many.items() if not seen.known or times * 100 >= test["percent"] * denominator(seen.providers[p]))
    if names:
        of = sum(denominator(seen.providers[p]) for p in names) if seen.known else None
        mine = [(key, cell) for key, cell in cells if key.provider in names]
        variant = "everywhere" if len(names) > 1 else ""
        why = "" if seen.known else "no-denominator"
        yield pattern("authentication-broken", mine, of=of, variant=variant, scan=True, why=why, provider=", ".join(names[:5]), providers=len(names))


def _authentication_since(seen: Survey) -> Iterator[Pattern]:
    """Before a day hardly any authentication failure, from that day on many: something was changed."""
    test = test_of("authentication-since")
    for sender, days in sorted(seen.senders.items()):
        cells = [(key, cell) for key, cell in seen.cells if key.sender == sender and key.day is not None and authentication(key.cause)]
        failed: Counter[int] = Counter()
        for key, cell in cells:
            failed[key.day or 0] += cell.number
        first = next((d for d in sorted(failed) if failed[d] >= test["least"] and failed[d] * 100 >= test["percent"] * denominator(days[d])), None)
        if first is None or not seen.known:
            continue
        before = sum(denominator(c) for day, c in days.items() if day < first)
        since = sum(denominator(c) for day, c in days.items() if day >= first)
        early = sum(times for day, times in failed.items() if day < first)
        late = [(key, cell) for key, cell in cells if (key.day or 0) >= first]
        if number(late) * 100 < test["percent"] * since or early * 100 >= test["before_percent"] * max(before, 1):
            continue
        why = "no-before" if before < test["before_least"] else ""
        yield pattern("authentication-since", late, of=since, scan=True, why=why, sender=sender, date=day_name(first), before=before, failed_before=early)


def _domain_failing(seen: Survey) -> Iterator[Pattern]:
    """A domain to which nothing gets through: it is dead, or its server lets nobody, or only you, not in."""
    row, test = words()["domain-failing"], test_of("domain-failing")
    for name, domain in seen.domains.items():
        failing = domain.failing
        if domain.addresses < test["least"] or len(failing) * 100 < test["percent"] * domain.addresses:
            continue
        groups = Counter(_group(one[4].cause, one[3], row) for _, one in failing)
        variant, most = min(groups.items(), key=lambda pair: (-pair[1], pair[0]))
        variant = variant if most * 2 > len(failing) else ""
        proof = proofs_of_rows(failing)
        made = pattern("domain-failing", [], of=domain.addresses, count=len(failing), variant=variant, domain=name)
        at = sorted({one[5] for _, one in failing}) if variant == "gateway" else []
        senders = [pair for provider in at for pair in seen.at(provider)]
        yield replace(made, events=proof, addresses=_who(proof), scan=scan_of_cells(senders))


def _group(cause: str, kind: int, row: Mapping[str, Any]) -> str:
    if kind in (NEVER, HELD):
        return "gateway"
    for group in ("dead", "users"):
        if cause in row[group]:
            return group
    return "unreachable" if side(cause) == "network" else ""


def _mailboxes_abandoned(seen: Survey) -> Iterator[Pattern]:
    if seen.full:
        proof = proofs_of_rows((recipient, row) for recipient, rows in seen.full for row in rows)
        made = pattern("mailboxes-abandoned", [], count=len(seen.full), limit=seen.policy.soft_limit_mailbox_full)
        yield replace(made, events=proof, addresses=tuple(recipient for recipient, _ in seen.full)[: words()["events"]])


def _recipients_restricted(seen: Survey) -> Iterator[Pattern]:
    causes, test = words()["recipients-restricted"]["causes"], test_of("recipients-restricted")
    for name, domain in seen.domains.items():
        rows = [(recipient, row) for recipient, row in domain.restricted if row[4].cause in causes]
        if len(rows) >= test["least"]:
            proof = proofs_of_rows(rows)
            yield replace(pattern("recipients-restricted", [], count=len(rows), domain=name), events=proof, addresses=_who(proof))


def _message_too_heavy(seen: Survey) -> Iterator[Pattern]:
    """By campaign where there are campaigns, since a message is what is too heavy."""
    causes, test = words()["message-too-heavy"]["causes"], test_of("message-too-heavy")
    cells = [(key, cell) for key, cell in seen.cells if key.cause in causes]
    for campaign in sorted({key.campaign for key, _ in cells}):
        mine = [(key, cell) for key, cell in cells if key.campaign == campaign]
        of = seen.of(seen.campaigns[campaign]) if campaign or len(seen.campaigns) > 1 else seen.of_all
        if number(mine) < test["least"]:
            continue
        variant = "campaign" if campaign else ""
        if of is None:
            yield pattern("message-too-heavy", mine, variant=variant, why="no-denominator", campaign=campaign)
        elif number(mine) * 100 >= test["percent"] * of:
            yield pattern("message-too-heavy", mine, of=of, variant=variant, campaign=campaign)


def _receiver_unreachable(seen: Survey, ill: Sequence[Outage], many: Many) -> Iterator[Pattern]:
    """A day on which a provider did not answer, or one that never did."""
    rules, test = outage_rules(), test_of("receiver-unreachable")
    days = provider_days(many)
    for outage in ill:
        if outage.kind == "unreachable":
            day = int(outage.start // DAY)
            yield _unreached(seen, days[outage.provider][day].seen, outage.provider, day, outage.count, rules)
    for provider, own in days.items():
        whole, lost = sum(one.seen for one in own.values()), sum(one.unreached for one in own.values())
        if lost >= test["least"] and lost * 100 >= test["percent"] * whole and not any(one.delivered for one in own.values()):
            yield _unreached(seen, whole, provider, None, lost, rules)


def _unreached(seen: Survey, of: int, provider: str, day: int | None, lost: int, rules: Mapping[str, Any]) -> Pattern:
    causes = rules["unreachable"]
    cells = [(key, cell) for key, cell in seen.at(provider) if key.cause in causes and day in (None, key.day)]
    waiting = [(cause, sample) for cause, _, sample in seen.put_off.get(provider, ()) if cause in causes and day in (None, day_of(sample[0]))]
    made = pattern("receiver-unreachable", cells, of=of, count=lost, variant="" if day is not None else "never", provider=provider, date=day_name(day))
    return made if made.events else replace(made, events=proofs_of_samples(waiting))
