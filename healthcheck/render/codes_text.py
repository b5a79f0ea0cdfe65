"""Codes and causes as text for a terminal. Pure."""

from __future__ import annotations

import textwrap

from ..catalog import catalog
from . import lookup, receivers, services, words

WIDTH = 100


def _field(label: str, text: str | None) -> list[str]:
    if not text:
        return []
    return textwrap.wrap(" ".join(text.split()), WIDTH, initial_indent=f"  {label}: ", subsequent_indent="    ", break_on_hyphens=False)


def one(text: str) -> str | None:
    """What one code means: an enhanced or reply code, a finding's code or slug, a cause's slug, a mail service's word; None for anything else."""
    if found := lookup.code(text):
        meaning, cause = found["meaning"], catalog().causes.get(found["cause"] or "")
        lines = [f"{found['code']}  {found['name']}"]
        for label, value in (("Class", meaning["class"]), ("Subject", meaning["subject"]), ("Meaning", meaning["detail"]), ("Whose fault", found["fault"])):
            lines += _field(label, value)
        for bare in receivers.bare(found["code"]):
            lines += _field(bare["code"], f"{words.word('type', bare['type'])}; the address: {words.word('suppress_title', bare['suppress'])}")
        lines += _field("What to do", found["action"]) + _field("Note", found["note"])
        lines += _field("Used differently by", ", ".join(name for _, name in receivers.otherwise(found["code"])))
        lines += _field("Cause", f"{cause.slug}: {cause.title}" if cause else None) + _field("Standard", found["rfc"])
        for rule in found["rules"]:
            lines += _field(rule["provider"] or rule["id"], f"{rule['example']} -> {rule['cause']}")
        return "\n".join(lines)
    if row := lookup.check_named(text):
        lines = [f"{row.code}  {row.title}  ({row.severity.value}, {row.slug})"]
        lines += _field("Says", row.message) + _field("Why", row.why) + _field("Do", row.fix)
        return "\n".join([*lines, *(line for step in row.steps for line in _field("-", step)), *_field("See", ", ".join(row.refs))])
    if cause := catalog().causes.get(text.strip().lower()):
        lines = [f"{cause.slug}  {cause.title}"]
        lines += _field("Side", words.word("side", cause.party.side)) + _field("Meaning", cause.meaning) + _field("What to do", cause.fix)
        lines += [line for step in cause.steps for line in _field("-", step)]
        lines += _field("Hard or soft", words.word("cause_type", words.cause_type(cause))) + _field("Address", cause.address)
        return "\n".join([*lines, *_field("Off the list", cause.unsuppress), *_field("Your list", cause.hygiene), *_field("See", ", ".join(cause.refs))])
    return "\n".join(line for named in services.named(text) for line in _service(named)) or None


def _service(named: services.Named) -> list[str]:
    """A mail service's word, with the causes that it stands for."""
    lines = [named.title, *_field("Stands for", named.stands_for), *_field("Cause" if named.word.cause else "Causes", ", ".join(named.word.causes))]
    return [*lines, *_field("Note", named.word.note), *_field("See", named.service.source)]


def table() -> str:
    """Every code and cause, a line each."""
    known = catalog()
    lines = ["Enhanced status codes"]
    lines += [f"  {row.code:<8} {row.name}  [{row.cause}]" for row in known.enhanced_rows.values()]
    lines += ["", "Reply codes", *(f"  {row.code:<8} {row.name}  [{row.cause}]" for row in known.basic_rows.values())]
    lines += ["", "Findings", *(f"  {row.code:<8} {row.severity.value:<8} {row.title}" for row in known.checks.values())]
    return "\n".join([*lines, "", "Causes", *(f"  {row.slug:<24} {row.title}" for row in known.causes.values())])
