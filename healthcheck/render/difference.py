"""What a draft changes, as `difference/1` for programs and as text for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..compare import Difference
from ..model import Finding, Status
from . import json, text, words


def as_dict(value: Difference) -> dict[str, Any]:
    """A difference as `difference/1`. Pure.

    `gone`, `new` and `unchanged` hold findings as a report does; `changed` holds them as {"before", "after"}; `unsure` as
    {"in": "before" | "after", "finding"}, where the other report could not look everything up, so that nothing may be concluded.
    """
    given = value.after.input
    return {
        "schema": "difference/1",
        "input": {"source": given.source or given.domain.name, "ips": list(given.ips), "selectors": list(given.selectors), "mail_from": given.mail_from},
        "domain": value.after.domain.name,
        "verdict": {"before": value.before.verdict.value, "after": value.after.verdict.value},
        "gone": [json.finding(f) for f in value.gone],
        "new": [json.finding(f) for f in value.new],
        "changed": [{"before": json.finding(one), "after": json.finding(other)} for one, other in value.changed],
        "unchanged": [json.finding(f) for f in value.unchanged],
        "unsure": [{"in": "after" if there else "before", "finding": json.finding(f)} for there, f in value.unsure],
        "before": json.report(value.before),
        "after": json.report(value.after),
    }


def as_text(value: Difference, table: str = "difference") -> str:
    """A difference for a terminal: the two verdicts, then what is gone, new, changed, and what stays a problem. `table`: its words in data/words.toml."""

    def group(key: str, shown: Iterable[str], count: int, more: str = "") -> Iterator[str]:
        return _group(words.word(table, key), shown, count, more)

    icon, verdict = words.ICONS, (value.before.verdict.value, value.after.verdict.value)
    lines = [f"{text.clean(value.after.domain.shown)}: {words.word(table, 'title')}"]
    for side, status in zip(("before", "after"), verdict, strict=True):
        lines.append(f"  {icon[status]} {words.word(table, side)}: {words.word('verdict', status)}")
    lines.append("")
    if not (value.gone or value.new or value.changed or value.unsure):
        lines += [words.word(table, "nothing"), ""]
    lines += group("gone", (_line(f) for f in value.gone), len(value.gone))
    lines += group("new", (_line(f) for f in value.new), len(value.new))
    lines += group("changed", (f"{_line(one)}\n{_line(other)}" for one, other in value.changed), len(value.changed))
    if value.unsure:
        lines += group("unsure", (_line(f) for _, f in value.unsure), len(value.unsure), words.word(table, "unsure_text"))
    still = [f for f in value.unchanged if f.status is not Status.PASS]
    lines += group("unchanged", (_line(f) for f in still), len(value.unchanged), _passed(value.unchanged))
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _passed(findings: Iterable[Finding]) -> str:
    passed = [f.code for f in findings if f.status is Status.PASS]
    return f"{words.ICONS['pass']} {', '.join(dict.fromkeys(passed))}" if passed else ""


def _group(title: str, shown: Iterable[str], count: int, more: str = "") -> Iterator[str]:
    if count:
        yield f"{title} ({count})"
        for block in shown:
            yield from block.split("\n")
        if more:
            yield f"  {more}"
        yield ""


def _line(finding: Finding) -> str:
    """One finding on a line of its own: what it says, and where it stands in a file."""
    at = f" [{text.clean(finding.location.file)}:{finding.location.line}]" if finding.location else ""
    return f"  {words.ICONS[finding.status.value]} {finding.code} {text.clean(' '.join(words.message(finding).split()))}{at}"
