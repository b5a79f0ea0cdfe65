"""What is to be done with an address: the rules of the policy, put to a State. Pure; the rules in words stand in data/policy.toml."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ...model import Action, Decision, Offer, Outage, Party
from .ledger import CLOSED, COMPLAINED, DAY, DROPPED, FULL, HELD, LEFT, NEVER, SOFT, UNCOUNTED, UNKNOWN_TIME, Failed, State
from .outages import outages as find
from .policy import Policy, outage_rules
from .tally import Many

SHOWN = 20  # sources that a decision names


class _Run(NamedTuple):
    """Soft failures in a row: how many messages, over how many days, and whether that was ever enough (then the last one is what decided)."""

    why: str
    rows: tuple[Failed, ...]
    number: int
    limit: int
    enough: bool


def decide(recipient: str, state: State, policy: Policy, now: float, outages: Sequence[Outage] = ()) -> Decision:
    """What to do with one address, and on which event. Pure; about 2 µs for one that only took mail, 10 to 50 µs for one that failed.

    recipient  for the decision only
    now        seconds; what the window of the count is measured from. A suppression that was reached stays, whatever `now` is.
    outages    what `outages(many, policy)` found: in one of them a denial closes nothing at once, and a failure to reach the server is not counted

    In this order: a complaint; an unsubscription; a closed address; too many failures in a row; what waits for a human or for an outage to end; a
    count that runs; nothing. The result says what the events show: `keep` does not promise that the address is good.
    An event of the sender's side leads to nothing but keep, whatever else is set. Events without a time never close an address by their number.

    >>> decide("jane@example.net", State(), Policy(), 0).action.value
    'keep'
    """
    rows = state.failed
    if not rows:
        return _calm(recipient, state, policy, ())
    for kind, why in ((COMPLAINED, "complaint"), (LEFT, "unsubscribed")):
        for row in rows:
            if row[3] == kind:
                return _made(recipient, Action.SUPPRESS, why, row, state)
    taken = state.last_delivery()
    outages = _live(outages, policy, now)
    denied = [(row, outage) for row in rows if row[3] in (CLOSED, SOFT) and (outage := _outage(row, outages, "denies"))]
    inside = {id(row) for row, _ in denied}
    now_causes = set(policy.suppress_now).difference(policy.never_suppress)
    closing = [row for row in rows if row[3] == CLOSED and row[4].cause in now_causes and id(row) not in inside]
    if closing:
        first = _earliest(closing)
        since = taken is not None and taken[0] > first[0] != UNKNOWN_TIME
        return _made(recipient, Action.SUPPRESS, "closed-delivered-since" if since else "closed", first, state)
    runs = _runs(state, policy, now, outages, taken[0] if taken else None)
    if found := next((run for run in runs if run.enough), None):
        return _counted(recipient, Action.SUPPRESS, found, state)
    if denied:
        return _denied(recipient, denied, state, policy, now)
    if held := _held(recipient, rows, state, policy, taken[0] if taken else None):
        return held
    if counting := max((run for run in runs if run.number), key=lambda run: (run.number / run.limit, run.why == "full-count"), default=None):
        return _counted(recipient, Action.COUNT, counting, state, policy.soft_window_days * DAY)
    return _calm(recipient, state, policy, outages)


def _live(outages: Sequence[Outage], policy: Policy, now: float) -> Sequence[Outage]:
    """Those that still have a say: a denial is held for some hours; after that only where others who were denied have been seen alive since."""
    hold = policy.outage_hold_hours * 3600
    return [outage for outage in outages if outage.kind == "unreachable" or outage.proven or now < outage.end + hold] if outages else outages


def _earliest(rows: Iterable[Failed]) -> Failed:
    return min(rows, key=lambda row: (row[0] == UNKNOWN_TIME, *row[:3]))


def _outage(row: Failed, outages: Sequence[Outage], kind: str) -> Outage | None:
    for outage in outages:
        if outage.kind == kind and outage.provider == row[5] and outage.start <= row[0] < outage.end and row[4].cause in outage_rules()[kind]:
            return outage
    return None


def _denied(recipient: str, denied: list[tuple[Failed, Outage]], state: State, policy: Policy, now: float) -> Decision:
    """An address that was denied in an outage, and that nothing else speaks against."""
    row, outage = max(denied, key=lambda pair: pair[0][:3])
    taken = state.last_delivery()
    if taken is not None and taken[0] > row[0]:
        return _made(recipient, Action.KEEP, "outage-over", row, state)
    until = outage.end + policy.outage_hold_hours * 3600
    if now < until:
        return _made(recipient, Action.HOLD, "outage-hold", row, state, expires=until)
    return _made(recipient, Action.HOLD, "outage-proven", row, state)


def _held(recipient: str, rows: Sequence[Failed], state: State, policy: Policy, after: float | None) -> Decision | None:
    """Refusals by the recipient's own rules, and what the service itself leaves out. A delivery afterwards ends both."""
    later = [row for row in rows if row[3] in (HELD, DROPPED) and (after is None or row[0] > after)]
    refused = [row for row in later if row[3] == HELD and row[4].cause not in policy.never_suppress]
    limit = policy.hold.get(refused[-1][4].cause, policy.hold.get(Party.RECIPIENT_POLICY.value, 0)) if refused else 0
    if limit and len(refused) >= limit:
        return _made(recipient, Action.HOLD, "policy", refused[limit - 1], state, among=refused)
    if dropped := next((row for row in later if row[3] == DROPPED), None):
        return _made(recipient, Action.HOLD, "esp-suppressed", dropped, state)
    return _counted(recipient, Action.COUNT, _Run("policy-count", tuple(refused), len(refused), limit, False), state) if limit else None


# ------------------------------------------------------------------ counting


def _runs(state: State, policy: Policy, now: float, outages: Sequence[Outage], after: float | None) -> list[_Run]:
    """The two counts: full mailboxes, and everything else that may pass."""
    if not policy.soft_consecutive:
        after = None
    # a delivery of unknown time may have been in between: then nothing is known to have failed in a row
    unsure = policy.soft_consecutive and any(row[0] == UNKNOWN_TIME for row in state.delivered)
    counted: dict[str, list[Failed]] = {"full": [], "soft": []}
    for row in state.failed:
        cause = row[4].cause
        if row[3] not in (SOFT, FULL, CLOSED) or _uncounted(cause, policy):
            continue
        if row[3] == CLOSED and cause in policy.suppress_now:
            continue
        if (after is not None and row[0] <= after) or _outage(row, outages, "unreachable") or _outage(row, outages, "denies"):
            continue
        counted["full" if row[3] == FULL else "soft"].append(row)
    runs = [
        _run("full", counted["full"], policy.soft_limit_mailbox_full, policy.full_min_span_days, policy.soft_window_days, now),
        _run("soft", counted["soft"], policy.soft_limit, policy.soft_min_span_days, policy.soft_window_days, now),
    ]
    return [run._replace(why="time-unknown", enough=False) if unsure and run.enough else run for run in runs]


def _uncounted(cause: str, policy: Policy) -> bool:
    return cause in policy.never_suppress or (cause == "unknown" and policy.undetermined_as == "ignore")


def _run(name: str, rows: list[Failed], limit: int, span: int, window: int, now: float) -> _Run:
    """Whether so many messages in a row ever failed within the window, spread widely enough; else what counts now. The window is of whole UTC days,
    since of each day the first failure is kept."""
    timed = [row for row in rows if row[0] != UNKNOWN_TIME]
    if len(timed) >= limit:
        for end, last in enumerate(timed):
            if end + 1 < limit:
                continue
            within = [row for row in timed[: end + 1] if row[0] // DAY >= last[0] // DAY - window]
            if last[0] - within[0][0] >= span * DAY and _messages(within) >= limit:
                return _Run(f"{name}-limit", tuple(within), _messages(within), limit, True)
    fresh = tuple(row for row in timed if row[0] // DAY >= now // DAY - window)
    if not fresh:
        untimed = tuple(row for row in rows if row[0] == UNKNOWN_TIME)
        return _Run("time-unknown", untimed, _messages(untimed), limit, False)
    count = _messages(fresh)
    return _Run("span-short" if count >= limit else f"{name}-count", fresh, count, limit, False)


def _messages(rows: Iterable[Failed]) -> int:
    return len({row[1] for row in rows})


# ------------------------------------------------------------------ decisions


def _known(at: float) -> float | None:
    return None if at == UNKNOWN_TIME else at


def _made(
    recipient: str, action: Action, why: str, row: Failed, state: State, *, expires: float | None = None, among: Sequence[Failed] | None = None
) -> Decision:
    at, _, source, kind, said, provider = row
    taken = state.last_delivery()
    told = kind <= UNCOUNTED
    return Decision(
        recipient,
        action,
        why,
        cause=said.cause if told else None,
        since=_known(at),
        source=source,
        last=_known((among or (row,))[-1][0]),
        expires=expires,
        sources=tuple(r[2] for r in among or (row,))[:SHOWN],
        scope=said.scope if told and kind == CLOSED else "address",
        provider=provider,
        delivered=_known(taken[0]) if taken else None,
        text=said.text if told else "",
        first=_known((among or (row,))[0][0]),
    )


def _counted(recipient: str, action: Action, run: _Run, state: State, window: float = 0) -> Decision:
    """A suppression is since the event that made it enough; a count since the first that it counts, and it ends when the newest is too old."""
    first, last = run.rows[0], run.rows[-1]
    decisive = last if run.enough else first
    taken = state.last_delivery()
    ends = (last[0] // DAY + 1) * DAY + window if window and last[0] != UNKNOWN_TIME else None
    return Decision(
        recipient,
        action,
        run.why,
        cause=last[4].cause,
        since=_known(decisive[0]),
        source=decisive[2],
        count=run.number,
        limit=run.limit,
        last=_known(last[0]),
        expires=ends,
        sources=tuple(dict.fromkeys(row[2] for row in run.rows))[-SHOWN:],
        provider=last[5],
        delivered=_known(taken[0]) if taken else None,
        text=last[4].text,
        first=_known(first[0]),
    )


def _calm_why(row: Failed, policy: Policy, outages: Sequence[Outage]) -> str:
    if row[3] == NEVER:
        return "sender-side" if row[4].party.side == "sender" else "unstated"
    if row[3] == HELD:
        return "unstated"
    if row[3] == UNCOUNTED or _uncounted(row[4].cause, policy):
        return "uncounted"
    return "outage-uncounted" if _outage(row, outages, "unreachable") else "expired"


def _calm(recipient: str, state: State, policy: Policy, outages: Sequence[Outage]) -> Decision:
    """Nothing speaks against the address. The reason that is given is the newest thing that could have been taken for one."""
    taken = state.last_delivery()
    rows = [row for row in state.failed if row[3] <= UNCOUNTED]
    last = rows[-1] if rows else None
    if last and not (taken and taken[0] >= last[0]):
        return _made(recipient, Action.KEEP, _calm_why(last, policy, outages), last, state)
    under_way = state.open()
    if taken or (state.delivered and not under_way):
        at, _, source = taken or state.delivered[-1]
        return Decision(
            recipient,
            Action.KEEP,
            "cleared" if rows and rows[0][0] != UNKNOWN_TIME else "delivered",
            since=_known(at),
            source=source,
            sources=(source,),
            delivered=_known(at),
        )
    if state.deferred:
        at, _, source, said, provider, *_ = state.deferred[-1]
        return Decision(
            recipient,
            Action.KEEP,
            "deferred",
            cause=said.cause if said else None,
            since=_known(at),
            source=source,
            last=_known(at),
            sources=(source,),
            provider=provider,
            text=said.text if said else "",
        )
    return Decision(recipient, Action.KEEP, "nothing")


# ------------------------------------------------------------------ all of them


def decisions(many: Many, policy: Policy, now: float, outages: Sequence[Outage] | None = None, *, every: bool = False) -> Iterator[Decision]:
    """A decision for each address that failed, was closed or is under way, by address; with `every` for those too that only took mail. Pure.

    outages   what `outages.outages(many, policy)` found; it is asked for where this is None
    Cost: about 2 µs for an address that only took mail, 20 for one that failed.
    """
    found = find(many, policy) if outages is None else outages
    wanted = sorted(key for key, state in many.addresses() if every or state.failed or state.deferred)
    for recipient in wanted:
        yield decide(recipient, many.ledger[recipient], policy, now, found)


def offers(many: Many, policy: Policy) -> tuple[Offer, ...]:
    """Domains that may be suppressed as a whole, since a reply said that the domain takes no mail, and none of its addresses took any afterwards. Pure.

    An offer is for a human to take: nothing is decided about addresses that did not fail themselves.
    """
    said: dict[str, list[tuple[Failed, str]]] = {}
    for recipient, state in many.addresses():
        for row in state.failed:
            if row[3] == CLOSED and row[4].scope == "domain" and row[4].cause in policy.suppress_now and row[4].cause not in policy.never_suppress:
                said.setdefault(recipient.rpartition("@")[2], []).append((row, recipient))
    if not said:
        return ()
    taken = dict.fromkeys(said, UNKNOWN_TIME)
    known = dict.fromkeys(said, False)
    for recipient, state in many.addresses():
        domain = recipient.rpartition("@")[2]
        if domain in said and (last := state.last_delivery()):
            taken[domain] = max(taken[domain], last[0])
            known[domain] = known[domain] or last[0] == UNKNOWN_TIME
    out = []
    for domain, rows in sorted(said.items()):
        first = _earliest(row for row, _ in rows)
        latest = max(row[0] for row, _ in rows)
        if known[domain] or taken[domain] > latest or (taken[domain] != UNKNOWN_TIME and latest == UNKNOWN_TIME):
            continue
        sources = tuple(dict.fromkeys(row[2] for row, _ in sorted(rows, key=lambda pair: pair[0][:3])))[:SHOWN]
        out.append(Offer(domain, first[4].cause, len({who for _, who in rows}), _known(first[0]), sources))
    return tuple(out)
