"""What a draft changes: the findings of two reports about the same domain, told apart. Pure.

compare(published, draft) -> Difference
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .catalog import catalog
from .model import Finding, Report, Status


@dataclass(frozen=True, slots=True)
class Difference:
    """Two reports, and what became of their findings, in the order of the reports (the worst first).

    gone       in the first report only, and the second one looked at everything that could have shown it
    new        in the second report only, and the first one looked at everything that could have shown it
    changed    the same code about the same subject in both, with other values or another status: (before, after)
    unchanged  in both; as the second report has it
    unsure     in one report only, where the other one could not look everything up: (whether it is in the second, the finding).
               Nothing may be concluded from that: what could not be looked up is neither gone nor new.
    """

    before: Report
    after: Report
    gone: tuple[Finding, ...]
    new: tuple[Finding, ...]
    changed: tuple[tuple[Finding, Finding], ...]
    unchanged: tuple[Finding, ...]
    unsure: tuple[tuple[bool, Finding], ...]

    @property
    def cured(self) -> tuple[Finding, ...]:
        """Those gone that said that something is wrong."""
        return tuple(f for f in self.gone if f.status in _WRONG)

    @property
    def broken(self) -> tuple[Finding, ...]:
        """Those new that say that something is wrong."""
        return tuple(f for f in self.new if f.status in _WRONG)


_WRONG = (Status.FAIL, Status.WARN, Status.NOTE, Status.UNKNOWN)


def compare(before: Report, after: Report) -> Difference:
    """The difference between two reports about one domain: what is published and what a draft would make of it.

    before  the report about what stands in the DNS
    after   the report about the draft, with the same inputs

    Two findings are the same where code, subject, status and every value are. It does not say which of the two reports is better,
    nor that a finding that is gone was cured: an UNKNOWN in one report keeps what only the other one has out of `gone` and `new`.

    Raises ValueError where the reports are about two domains. Pure. Cost: no question.

    >>> from healthcheck.edge.world import World
    >>> from healthcheck.scan import scan
    >>> with_demo = World.demo()
    >>> report = scan("shop.example", world=with_demo, topics=["spf"])
    >>> [f.code for f in compare(report, report).unchanged], compare(report, report).gone
    (['SPF001'], ())
    >>> with_demo.close()
    """
    if before.domain.name != after.domain.name:
        raise ValueError(f"a report about {before.domain.name} and one about {after.domain.name} have nothing to compare")
    left, right = list(before.findings), list(after.findings)
    unchanged = [f for f in right if _take(left, f)]
    right = [f for f in after.findings if not any(f is held for held in unchanged)]
    changed = _paired(left, right)
    for one, other in changed:
        left, right = [f for f in left if f is not one], [f for f in right if f is not other]
    dark_after, dark_before = _dark(after, left), _dark(before, right)
    # what is itself a "could not look up" is told as it is: gone, or new
    gone = [f for f in left if _open(f) or _topic(f) not in dark_after]
    new = [f for f in right if _open(f) or _topic(f) not in dark_before]
    unsure = [(False, f) for f in left if f not in gone] + [(True, f) for f in right if f not in new]
    return Difference(before, after, tuple(gone), tuple(new), tuple(changed), tuple(unchanged), tuple(unsure))


def _take(held: list[Finding], wanted: Finding) -> bool:
    """Take the finding that says the same out of a list; whether there was one."""
    for n, finding in enumerate(held):
        if _said(finding) == _said(wanted):
            del held[n]
            return True
    return False


def _said(finding: Finding) -> tuple[str, str, Status, dict[str, object]]:
    return finding.code, finding.subject, finding.status, dict(finding.values)


def _paired(left: list[Finding], right: list[Finding]) -> list[tuple[Finding, Finding]]:
    """Findings of one code about one subject that both reports have once, with other values. Where one of them has several
    (one for each term that cannot be read, say), those are different findings."""
    out = []
    for one in left:
        same_left = [f for f in left if (f.code, f.subject) == (one.code, one.subject)]
        same_right = [f for f in right if (f.code, f.subject) == (one.code, one.subject)]
        if len(same_left) == len(same_right) == 1:
            out.append((one, same_right[0]))
    return out


def _topic(finding: Finding) -> str:
    return catalog().checks[finding.code].topic


def _open(finding: Finding) -> bool:
    """Does it say that something could not be looked up?"""
    return finding.status is Status.UNKNOWN or finding.code.endswith(("000", "999"))


def _dark(report: Report, others: Iterable[Finding]) -> set[str]:
    """Topics in which a report could not look everything up, so that what only the other one has may be there all the same.

    What both could not look up stands in neither list any more (it is unchanged), and tells them not apart.
    """
    topics = {_topic(f) for f in others}
    shown = {_topic(f) for f in report.findings if _open(f) and not _settled(f)}
    return topics & shown


def _settled(finding: Finding) -> bool:
    """An UNKNOWN by nature, which more looking would not resolve: keys may hide under selectors that nobody guesses."""
    return not finding.code.endswith(("000", "999")) and not any(answer.unsure for answer in finding.evidence)
