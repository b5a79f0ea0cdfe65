"""One look over a tally and a ledger: the sums that the tests of patterns.py are made of. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ...catalog import DATA, catalog
from ...catalog import _toml as toml_of
from ...model import Counts, Party, Pattern, Proof, Scan
from .ledger import CLOSED, FULL, HELD, NEVER, UNKNOWN_TIME, Failed, State
from .policy import Policy
from .rates import denominator
from .tally import Cell, CellKey, Many, Sample, counts

Cells = list[tuple[CellKey, Cell]]


@cache
def words() -> Mapping[str, Any]:
    """data/patterns.toml: of each pattern the words and the figures of its test, and [why]. Read once."""
    return toml_of(DATA / "patterns.toml")


def test_of(slug: str) -> Mapping[str, Any]:
    row: Mapping[str, Any] = words()[slug]["test"]
    return row


@dataclass(slots=True)
class Domain:
    """The addresses of one domain: how many there are, and of those that only fail the last failure; restricted: refusals by the recipients' rules."""

    addresses: int = 0
    failing: list[tuple[str, Failed]] = field(default_factory=list)
    restricted: list[tuple[str, Failed]] = field(default_factory=list)


@dataclass(slots=True)
class Survey:
    """What was sent where, what failed, and what the addresses show.

    known      whether the input has deliveries, or messages sent: without them there is no denominator for anything
    put_off    provider -> the deferred messages (cause, sample), ended or not
    full       addresses with as many full-mailbox failures in a row as the limit says
    """

    policy: Policy
    sent: int | None
    total: Counts
    providers: dict[str, Counts]
    campaigns: dict[str, Counts]
    senders: dict[str, dict[int, Counts]]
    cells: Cells
    known: bool
    domains: dict[str, Domain]
    put_off: dict[str, list[tuple[str, str, Sample]]]
    full: list[tuple[str, list[Failed]]]
    _at: dict[str, Cells] = field(default_factory=dict)

    def at(self, provider: str) -> Cells:
        """The failures at one provider."""
        if not self._at:
            for key, cell in self.cells:
                self._at.setdefault(key.provider, []).append((key, cell))
        return self._at.get(provider, [])

    def of(self, c: Counts | None) -> int | None:
        return denominator(c) if c is not None and self.known else None

    @property
    def of_all(self) -> int | None:
        return self.sent if self.sent is not None else self.of(self.total)


def survey(many: Many, policy: Policy, sent: int | None) -> Survey:
    """Everything that the patterns need, in one pass over the rows and one over the addresses."""
    providers: dict[str, int] = {}
    campaigns: dict[str, int] = {}
    senders: dict[str, dict[int, int]] = {}
    total = 0
    for (provider, _), row in many.tally.by_provider.items():
        providers[provider] = providers.get(provider, 0) + row
        total += row
    for (campaign, sender, day), row in many.tally.by_mail.items():
        campaigns[campaign] = campaigns.get(campaign, 0) + row
        if day is not None:
            days = senders.setdefault(sender, {})
            days[day] = days.get(day, 0) + row
    waiting_at: Counter[str] = Counter()
    waiting_in: Counter[str] = Counter()
    for _, (_, _, _, _, provider, campaign, _) in many.under_way():
        waiting_at[provider] += 1
        waiting_in[campaign] += 1
    whole = counts(total, sum(waiting_at.values()))
    domains, put_off, full = _addresses(many, policy)
    return Survey(
        policy,
        sent,
        whole,
        {name: counts(providers.get(name, 0), waiting_at[name]) for name in {**providers, **waiting_at}},
        {name: counts(campaigns.get(name, 0), waiting_in[name]) for name in {**campaigns, **waiting_in}},
        {sender: {day: counts(row) for day, row in days.items()} for sender, days in senders.items()},
        sorted(many.tally.cells.items(), key=lambda pair: _cell_order(pair[0])),
        whole.delivered + whole.sent > 0,
        domains,
        put_off,
        sorted(full),
    )


def _cell_order(key: CellKey) -> tuple[Any, ...]:
    return (*key[:5], key.day is None, key.day or 0, key.blocklist)


def _addresses(many: Many, policy: Policy) -> tuple[dict[str, Domain], dict[str, list[tuple[str, str, Sample]]], list[tuple[str, list[Failed]]]]:
    domains: dict[str, Domain] = {}
    put_off: dict[str, list[tuple[str, str, Sample]]] = {}
    full: list[tuple[str, list[Failed]]] = []
    for key, state in many.ledger.items():
        recipient = "" if key[0] == "\0" else key
        for at, _, source, said, provider, _, sender in state.deferred:
            put_off.setdefault(provider, []).append((said.cause if said else "unknown", sender, (at, source, recipient)))
        if not recipient:
            continue
        name = recipient.rpartition("@")[2]
        domain = domains.get(name)
        if domain is None:
            domain = domains[name] = Domain()
        if state.failed or state.delivered:
            domain.addresses += 1
        if state.failed:
            _failing(recipient, state, domain, full, policy)
    return domains, put_off, full


def _failing(recipient: str, state: State, domain: Domain, full: list[tuple[str, list[Failed]]], policy: Policy) -> None:
    taken = state.last_delivery()
    after = taken[0] if taken else None
    rows = [row for row in state.failed if CLOSED <= row[3] <= NEVER and (after is None or row[0] > after)]
    if not rows:
        return
    domain.failing.append((recipient, rows[-1]))
    domain.restricted += [(recipient, row) for row in rows if row[3] == HELD]
    kept = [row for row in rows if row[3] == FULL and row[0] != UNKNOWN_TIME]
    if len({row[1] for row in kept}) >= policy.soft_limit_mailbox_full:
        full.append((recipient, kept))


# ------------------------------------------------------------------ making a pattern


def number(cells: Cells) -> int:
    return sum(cell.number for _, cell in cells)


def proofs(cells: Cells) -> tuple[Proof, ...]:
    """The earliest places where these failures stand, those of different causes and providers first."""
    most = words()["events"]
    rows = sorted((sample, key.cause, key.provider) for key, cell in cells for sample in cell.sample)
    first = {(cause, provider): sample for sample, cause, provider in reversed(rows)}
    ordered = sorted(rows, key=lambda row: (first[row[1], row[2]] != row[0], row[0]))
    return tuple(_proof(sample, cause) for sample, cause, _ in sorted(ordered[:most]))


def _proof(sample: Sample, cause: str) -> Proof:
    at, source, recipient = sample
    return Proof(source, None if at == UNKNOWN_TIME else at, recipient, cause)


def proofs_of_rows(rows: Iterable[tuple[str, Failed]]) -> tuple[Proof, ...]:
    samples = sorted(((row[0], row[2], recipient), row[4].cause) for recipient, row in rows)
    return tuple(_proof(sample, cause) for sample, cause in samples[: words()["events"]])


def proofs_of_samples(rows: Iterable[tuple[str, Sample]]) -> tuple[Proof, ...]:
    return tuple(_proof(sample, cause) for sample, cause in sorted((sample, cause) for cause, sample in rows)[: words()["events"]])


def scan_of(weights: Mapping[tuple[str, str], int]) -> Scan | None:
    """The one scan that explains a cluster: of the sender that is in it most, for what its causes ask for. weights: (sender, cause) -> how many."""
    senders: Counter[str] = Counter()
    for (sender, _), many in weights.items():
        if sender:
            senders[sender] += many
    if not senders:
        return None
    best = min(senders, key=lambda name: (-senders[name], name))
    rows = catalog().causes
    asked = [topic for cause in sorted({cause for sender, cause in weights if sender == best}) if cause in rows for topic in rows[cause].scan]
    return Scan(best, tuple(dict.fromkeys(asked))) if asked else None


def scan_of_cells(cells: Cells) -> Scan | None:
    weights: Counter[tuple[str, str]] = Counter()
    for key, cell in cells:
        if key.kind in (NEVER, HELD):  # what is the recipient's or the network's is never looked for at the sender
            weights[key.sender, key.cause] += cell.number
    return scan_of(weights)


def side(cause: str) -> str:
    row = catalog().causes.get(cause)
    return row.party.side if row else "unknown"


def authentication(cause: str) -> bool:
    row = catalog().causes.get(cause)
    return row is not None and row.party is Party.SENDER_AUTHENTICATION


def percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def pattern(slug: str, cells: Cells, *, of: int | None = None, count: int | None = None, variant: str = "", scan: bool = False, **values: Any) -> Pattern:
    """One that was found, or that could not be judged (`why`). Count, share and proofs come from the cells where they are not given."""
    total = number(cells) if count is None else count
    why = values.pop("why", "")
    given = {"count": total, **({"of": of, "percent": percent(total, of)} if of else {}), **values}
    return Pattern(
        slug,
        "could-not-check" if why else "found",
        variant,
        why,
        given,
        total,
        of,
        proofs(cells),
        tuple(dict.fromkeys(sample[2] for _, cell in cells for sample in cell.sample if sample[2]))[: words()["events"]],
        scan_of_cells(cells) if scan else None,
    )
