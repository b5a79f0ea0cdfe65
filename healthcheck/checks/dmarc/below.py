"""Which sub-domains are protected: those that the scan met by name, and those that it did not. RFC 9989 section 4.10.1.

A record holds for its own name; for the names below it, that of their organizational domain does. So a sub-domain is protected
by its own record, else by the sp= (or the np=, where the name does not exist) of its organizational domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ...model import Answer, Outcome, Question
from .record import DmarcRecord, texts
from .walk import Walk, names, walk

MAX_NAMES = 6  # sub-domains that are looked at
MAX_QUESTIONS = 8  # for all of them together
_NAMED = ("include:", "a:", "mx:", "redirect=", "exists:", "ptr:")


@dataclass(frozen=True, slots=True)
class Below:
    """One name below the domain, and the policy in effect for mail from it (after t=y).

    source   mx | spf | envelope: where the scan met it; any | none: whichever exists, whichever does not
    policy   None: no DMARC there, or (known False) not known; protected: does it ask for more than none
    exists   None: not known, and it decides nothing or leaves the policy open
    """

    name: str
    source: str
    known: bool
    found_at: str | None
    policy: str | None
    applies: str | None
    exists: bool | None
    protected: bool | None
    own: bool = False  # it has a record of its own
    answer: Answer | None = None


def policy_of(walked: Walk, exists: bool | None) -> tuple[str, str] | None:
    """Which tag holds for mail from the domain of a walk, and what it asks; None where there is no DMARC, or it is open. Pure.

    Standard: RFC 9989 section 4.10.1: p at the author domain itself, else sp where the name exists and np where it does not; of a
    record that is recovered p=none, wherever it stands.
    """
    record = walked.record
    if record is None or not record.usable:
        return None
    if walked.found_at == walked.domain or record.recovered:
        return "p", record.policy
    if exists is None and record.for_nonexistent != record.for_subdomains:
        return None
    if exists is False and record.np:
        return "np", record.np
    return ("sp", record.sp) if record.sp else ("p", record.policy)


def _below(walked: Walk, name: str, source: str, exists: bool | None, answer: Answer | None = None) -> Below:
    chosen = policy_of(walked, exists)
    record = walked.record
    usable = record is not None and record.usable
    known = walked.known and (chosen is not None or not usable)
    policy = record.lowered(chosen[1]) if record and chosen else None
    protected = None if not known else policy in ("quarantine", "reject")
    tag = chosen[0] if chosen else None
    return Below(name, source, known, walked.found_at, policy, tag, exists, protected, known and walked.found_at == walked.domain, answer)


def kinds(domain: str, answers: Mapping[str, Answer]) -> tuple[Below, ...]:
    """What holds for a sub-domain without a record of its own, one that exists and one that does not. Pure, and asks nothing."""
    child = f"*.{domain}"
    if any(name not in answers for name in names(child)[1:]):
        return ()
    walked = walk(child, {**answers, child: Answer(f"_dmarc.{child}", "TXT", Outcome.NXDOMAIN)})
    return (_below(walked, child, "any", True), _below(walked, child, "none", False))


def unused(record: DmarcRecord, found_at: str, rows: Iterable[Below]) -> tuple[str, ...]:
    """Tags of a record about sub-domains that no sub-domain follows, since another record holds there. Pure. RFC 9989 section 4.7, sp."""
    rows = tuple(rows)
    if record.recovered or not rows or any(not row.known or row.found_at == found_at for row in rows):
        return ()
    return tuple(tag for tag, value in (("sp", record.sp), ("np", record.np)) if value)


def in_mx(domain: str, hosts: Iterable[str]) -> Iterator[str]:
    yield from (host for host in hosts if _is_below(host, domain))


def in_spf(domain: str, answer: Answer) -> Iterator[str]:
    """Names below the domain that its SPF record names, macros left out. Pure."""
    for text in texts(answer) if answer.found else ():
        if text[:7].lower() != "v=spf1 ":
            continue
        for word in text[:4096].lower().split(" "):
            term = word.lstrip("+-~?")
            found = next((term[len(kind) :] for kind in _NAMED if term.startswith(kind)), "")
            name = found.partition("/")[0].rstrip(".")
            if _is_below(name, domain):
                yield name


def _is_below(name: str, domain: str) -> bool:
    """Is it a name that a From header could carry? Labels with an underscore are for records alone (RFC 8552)."""
    if not name.endswith(f".{domain}") or len(name) > 240:
        return False
    return all(label and label[0] != "_" and not set(label) & set("%*\\") for label in name[: -len(domain) - 1].split("."))


def questions(domain: str, known: Iterable[str], wanted: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Which of the wanted sub-domains are looked at, each with the names whose _dmarc is still to be asked. Pure."""
    have, left = set(known), MAX_QUESTIONS
    out: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys(wanted):
        more = tuple(n for n in names(name) if n not in have)
        if len(out) >= MAX_NAMES or name == domain or len(more) > left:
            continue
        out[name] = more
        have.update(more)
        left -= len(more)
    return out


def asked_of(domain: str, wanted: Iterable[str]) -> Iterator[Question]:
    """The questions of some sub-domains, for speculation. Pure."""
    for more in questions(domain, names(domain), wanted).values():
        yield from (Question(f"_dmarc.{name}", "TXT", "dmarc-below") for name in more)


def judged(name: str, source: str, exists: bool | None, answers: Mapping[str, Answer]) -> Below:
    """The row of one sub-domain, over answers that were had. Pure."""
    own = answers[name]
    # a name below which something stands is there itself (RFC 8020)
    there = True if own.found or own.outcome is Outcome.NODATA else exists
    return _below(walk(name, answers), name, source, there, own)
