"""The shapes that cross a wall: frozen values, no behaviour beyond reading themselves.

A domain's way: Question -> Answer -> (facts of a topic) -> Finding -> Report.
A bounce's way: text -> Bounce -> Failure -> Diagnosis.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .bounce import Because, Bounce, Confidence, Diagnosis, Evidence, EvidenceVerdict, Failure, Kind, Party, Reply, Retry, Rival, Sender, Suppress, Type
from .dns import Answer, Outcome, Question, Secure
from .domain import MAX_INPUT, Domain, check_ip, check_selector, given_helo, given_selectors, signatures
from .policy import Assertion, Ignored, Warned
from .profile import PROFILES, Asked, Cell, Profile, Receiver, Requirement
from .report import VERDICT_ORDER, Choice, Finding, Location, Record, Report, ScanInput, Status, Timing, TopicResult, worst
from .values import frozen

if TYPE_CHECKING:
    from .many import Action, Counts, Decision, Event, Happened, Offer, Outage, Pattern, Proof, Rate, RateRow, Rates, Said, Scan
    from .message import Address, ArcSeen, ArcSet, Claim, Difference, DmarcSeen, Examination, Hop, Side, Signature, SpfSeen
    from .transport import Certificate, Fetch, Fetched, Greeted, Reached

__all__ = [
    "MAX_INPUT",
    "PROFILES",
    "VERDICT_ORDER",
    "Action",
    "Address",
    "Answer",
    "ArcSeen",
    "ArcSet",
    "Asked",
    "Assertion",
    "Because",
    "Bounce",
    "Cell",
    "Certificate",
    "Choice",
    "Claim",
    "Confidence",
    "Counts",
    "Decision",
    "Diagnosis",
    "Difference",
    "DmarcSeen",
    "Domain",
    "Event",
    "Evidence",
    "EvidenceVerdict",
    "Examination",
    "Failure",
    "Fetch",
    "Fetched",
    "Finding",
    "Greeted",
    "Happened",
    "Hop",
    "Ignored",
    "Kind",
    "Location",
    "Offer",
    "Outage",
    "Outcome",
    "Party",
    "Pattern",
    "Profile",
    "Proof",
    "Question",
    "Rate",
    "RateRow",
    "Rates",
    "Reached",
    "Receiver",
    "Record",
    "Reply",
    "Report",
    "Requirement",
    "Retry",
    "Rival",
    "Said",
    "Scan",
    "ScanInput",
    "Secure",
    "Sender",
    "Side",
    "Signature",
    "SpfSeen",
    "Status",
    "Suppress",
    "Timing",
    "TopicResult",
    "Type",
    "Warned",
    "check_ip",
    "check_selector",
    "frozen",
    "given_helo",
    "given_selectors",
    "signatures",
    "worst",
]


# loaded when they are wanted: one bounce is explained without them
_LATER = {
    **dict.fromkeys(("Address", "ArcSeen", "ArcSet", "Claim", "Difference", "DmarcSeen", "Examination", "Hop", "Side", "Signature", "SpfSeen"), "message"),
    **dict.fromkeys(("Certificate", "Fetch", "Fetched", "Greeted", "Reached"), "transport"),
}


def __getattr__(name: str) -> Any:
    """The shapes of messages, of hosts that are connected to and of many bounces."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATER.get(name, 'many')}", __name__), name)
