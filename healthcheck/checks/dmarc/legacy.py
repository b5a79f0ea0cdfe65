"""What a receiver still on RFC 7489 (obsoleted by RFC 9989 in May 2026) makes of the same answers: the public suffix list
in place of the tree walk, no np, psd and t, and pct. Pure, and asks nothing: its names are among those of the walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ...model import Answer
from .record import POLICIES, DmarcRecord, parse, select

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

    from .walk import Walk


@dataclass(frozen=True, slots=True)
class OldView:
    """RFC 7489's decision. org: by the public suffix list. found_at, policy, applies: as in DmarcFacts, None where there is no
    DMARC for such a receiver; percent: to how much of the mail the policy is applied (section 6.3, pct). known: False where an
    answer is missing. differs: does a receiver of RFC 9989 decide otherwise? None where one of the two is not known; why: the
    key of the reason.
    """

    org: str
    known: bool
    found_at: str | None = None
    policy: str | None = None
    applies: str | None = None
    percent: int = 100
    differs: bool | None = None
    why: str | None = None


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # 30 ms, once a process, and only for names of three labels or more

    return PublicSuffixList()


def org_of(domain: str) -> str:
    """The organizational domain by the public suffix list, its private part included; the name itself where it is a public suffix.

    Pure. Standard: RFC 7489 section 3.2 (not RFC 9989). Two labels need no list: they are the organizational domain or a suffix.

    >>> org_of("mail.shop.example.co.uk"), org_of("co.uk"), org_of("a.b.example.com")
    ('example.co.uk', 'co.uk', 'example.com')
    """
    return domain if domain.count(".") < 2 else _suffixes().privatesuffix(domain) or domain


def old_view(walked: Walk, answers: Mapping[str, Answer], policy: str | None, applies: str | None) -> OldView:
    """The decision of RFC 7489 section 6.6.3 over the answers of a walk, and whether that of RFC 9989 (`policy`, `applies`) differs. Pure."""
    domain = walked.domain
    org = org_of(domain)
    at, record, known = None, None, True
    for name in dict.fromkeys((domain, org)):
        answer = answers.get(name)
        if answer is None or (answer.unsure and not answer.looped):
            known = False
            break
        records = select(answer)
        if records:
            # section 6.6.3 step 5: several end the discovery, where RFC 9989 section 4.10 steps 2 and 6 discards them and goes on
            at, record = (name, parse(records[0])) if len(records) == 1 else (None, None)
            break
    if not known:
        return OldView(org, False)
    old, tag = (None, None) if record is None else _policy(record, own=at == domain)
    percent = 100 if record is None or old in (None, "none") else _percent(record)
    view = OldView(org, True, at, old, tag, percent)
    if not walked.known or (walked.record is not None and walked.record.usable and policy is None):
        return view
    why = _why(view, walked, policy, applies)
    return OldView(org, True, at, old, tag, percent, why is not None, why)


def _policy(record: DmarcRecord, *, own: bool) -> tuple[str | None, str | None]:
    # section 6.6.3 step 6: without a valid p, or with an sp that is none, it is p=none where rua is there, and nothing otherwise
    if record.p is None or any(tag == "sp" for tag, _ in record.bad_policies):
        return ("none", "p") if any(r.tag == "rua" for r in record.reports) else (None, None)
    return (record.sp, "sp") if record.sp and not own else (record.p, "p")


def _percent(record: DmarcRecord) -> int:
    text = dict(record.tags).get("pct", "100")
    return int(text) if text.isascii() and text.isdigit() and int(text[:9]) <= 100 else 100


def _why(old: OldView, walked: Walk, policy: str | None, applies: str | None) -> str | None:
    if (old.policy is None) != (policy is None) or (policy is not None and old.found_at != walked.found_at):
        if walked.several:
            return "several"
        if old.found_at == walked.found_at:
            return "broken"
        return "psd" if walked.by_psd else "suffix"
    if old.policy is None or policy is None:
        return None
    if old.percent < 100:
        return "pct"
    if old.policy == policy:
        return None
    if applies == "np":
        return "np"
    testing = walked.record is not None and walked.record.testing
    return "testing" if testing and POLICIES.index(old.policy) > POLICIES.index(policy) else "broken"
