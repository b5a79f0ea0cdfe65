"""Changes of a DMARC record that are safe to propose. Pure.

Nothing here makes DMARC stricter for mail that may be real: p=none asks nothing of receivers, and p=reject is proposed only
where the domain itself says that it sends none (parked). What else stands at the name is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ...model import Answer, Record
from ..facts import Facts
from .record import DmarcRecord, parse, texts

if TYPE_CHECKING:
    from . import DmarcFacts

STARTER = "v=DMARC1; p=none"  # asks nothing of receivers, names no address
PARKED = "v=DMARC1; p=reject"
_POLICY = re.compile(r"p(?![a-z0-9_])")
_SIZE = re.compile(r"(mailto:[^,;!\s]+)![0-9]+[kmgt]?", re.IGNORECASE)


def parked(facts: Facts) -> bool:
    """Does the domain say that it neither sends nor takes mail, and was no key found that would let any pass?"""
    dkim = facts.dkim
    return facts.parked and dkim is not None and not dkim.usable and not dkim.unsure


def starter(facts: Facts, own: Answer) -> Record | None:
    """A first record for a domain without any; None where the name is an alias, so that its records stand in another zone."""
    if own.aliases:
        return None
    return Record(own.name, "TXT", own.values, (*own.values, PARKED if parked(facts) else STARTER))


def instead(dmarc: DmarcFacts, answer: Answer, text: str) -> Record | None:
    """The record set with this text in place of the record that holds; None where the name is an alias."""
    return None if answer.aliases or dmarc.record is None else in_place(answer, [dmarc.record], text)


def in_place(answer: Answer, old: Iterable[str], text: str) -> Record:
    """The record set with one text in place of some; what else stands at the name stays."""
    gone, current = set(old), texts(answer)
    return Record(answer.name, "TXT", current, (*(t for t in current if t not in gone), text))


def _parts(record: DmarcRecord, keep: Callable[[str], bool]) -> list[str]:
    parts = [part.strip() for part in record.text.split(";")]
    return [part for part in parts if part and keep(part.partition("=")[0].strip().lower())]


def without(record: DmarcRecord, tags: Iterable[str]) -> str:
    gone = set(tags)
    return "; ".join(_parts(record, lambda tag: tag not in gone))


def with_policy(record: DmarcRecord, policy: str) -> str:
    """p= right after the version, where older receivers want it. What was meant as one ("p:reject") gives way too: some read it as such."""
    version, *rest = _parts(record, lambda tag: not _POLICY.match(tag))
    return "; ".join([version, f"p={policy}", *rest])


def asking_nothing(record: DmarcRecord) -> str:
    """The record as p=none. Tags about sub-domains that say anything else are left out: what they ask is not in effect today and would
    come into it."""
    return with_policy(parse(without(record, [tag for tag in ("sp", "np") if below(record, tag) != "none"])), "none")


def below(record: DmarcRecord, tag: str) -> str:
    """What is written for sub-domains, valid or not; none where nothing is."""
    return dict(record.tags).get(tag, "none").lower()


def asks_nothing(record: DmarcRecord) -> bool:
    """Is it none for the domain and for everything below it?"""
    return record.policy == record.for_subdomains == record.for_nonexistent == "none"


def unsized(record: DmarcRecord) -> str:
    return _SIZE.sub(r"\1", record.text)
