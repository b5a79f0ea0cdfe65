"""Many bounces: pure functions over a stream of `Event` (model/many.py). docs/architecture.md, section "many bounces", has the whole of it.

tally.Many          takes events in, merges; holds the ledger (address -> ledger.State) and the tally.Tally
policy.Policy       the rules by which an address is given up
outages.outages     when a provider was not itself
decide.decisions    what to do with each address; decide.offers which domains may be suppressed as a whole
rates.rates         how much came back, and whether that is too much; rates.calculate the same from bare figures
patterns.patterns   what the failures have in common
"""

from .decide import decisions, offers
from .policy import Policy
from .rates import calculate
from .tally import Many

__all__ = ["Many", "Policy", "calculate", "decisions", "offers"]
