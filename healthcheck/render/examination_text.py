"""An examination as text for a terminal, made of its JSON. Pure.

What servers wrote is hostile: control characters are shown as U+FFFD and never sent to a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..message.content import spell
from . import words
from .text import clean, wrapped

SIGNS = {"pass": "pass", "none": "note", "neutral": "note", "softfail": "warn", "policy": "warn", "fail": "fail", "permerror": "fail"}
Value = Mapping[str, Any]


def beside(value: Value) -> list[Value]:
    """The findings that the part about authentication does not tell already. Those about it (MSG050 to MSG070) stand in the JSON, and are evidence for `explain`."""
    return [one for one in value["findings"] if not "MSG050" <= one["code"] <= "MSG070"]


def sign(result: str) -> str:
    """The status whose icon stands for a result: what could not be seen or looked up is "unknown", never a failure."""
    return SIGNS.get(result, "unknown")


def examination(value: Value) -> str:
    """The answer first: what happened and what to change; then the way, authentication, differences, findings."""
    source = value["input"]["source"]
    lines = [clean(f"{source}: {value['input']['meaning']}" if source else value["input"]["meaning"].capitalize()), ""]
    lines += wrapped(value["summary"]["text"], "")
    for more in value["summary"]["more"]:
        lines += wrapped(more, "")
    for number, one in enumerate(value["advice"], 1):
        lines += wrapped(one["text"], " " * 5, f"  {number}. ")
    for one in value["input"]["recognised"]:
        lines += wrapped(one["meaning"], " " * 6, "  i ")
    for part in (_bounces(value), _way(value), _authentication(value), _differences(value), _findings(value)):
        found = list(part)
        lines += ["", *found] if found else []
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _bounces(value: Value) -> Iterator[str]:
    for one in value["bounces"][:20]:
        at = f", {one['at_stage']}" if one["at_stage"] else ""
        yield from wrapped(f"{one['remote_mta'] or 'A server'}{at}: {one['reply']['text']}", "    ", "Said no: ")
        yield from wrapped(f"{words.word('side', one['side'])}: {one['title']} ({one['cause']})", "    ")


def _way(value: Value) -> Iterator[str]:
    if value["hops"]:
        yield "The way"
    for number, one in enumerate(value["hops"], 1):
        delay = "" if one["delay_s"] is None else f"{'-' if one['delay_s'] < 0 else '+'}{spell(one['delay_s'])}"
        marks = "; ".join(filter(None, ("came into the receiver's system" if one["entry"] else "", "last of the sender's" if one["left"] else "")))
        yield from wrapped(f"{_client(one)} -> {one['by'] or '?'}{f'  [{marks}]' if marks else ''}", " " * 6, f"{number:>4}. ")
        how = ", ".join(filter(None, (one["side"], one["protocol"], one["tls"], one["at"] or "no date", delay)))
        yield from wrapped(how, " " * 6)


def _client(one: Value) -> str:
    name = one["ptr"] or one["from"] or ("(on this host)" if one["internal"] else "?")
    return f"{name} [{one['ip']}]" if one["ip"] else str(name)


def _authentication(value: Value) -> Iterator[str]:
    rows = [("SPF", value["spf"])] if value["spf"] else []
    rows += [("DKIM", one) for one in value["dkim"]]
    rows += [(name.upper(), value[name]) for name in ("dmarc", "arc") if value[name]]
    if rows:
        yield "Recomputed today" if value["input"]["looked_up"] else "What the message alone shows"
    for name, one in rows:
        about = f" d={one['d']} s={one['s']}" if name == "DKIM" else f" for {one['identity']}" if name == "SPF" and one["identity"] else ""
        why = f" ({one['title']})" if one.get("title") else ""
        yield clean(f"  {words.ICONS[sign(one['result'])]} {name}{about}: {one['result']}{why}")
        if one["meaning"]:
            yield from wrapped(one["meaning"], " " * 6)
        if name == "DKIM":
            yield from _signature(one)
        for answer in one["evidence"]:
            said = "; ".join(answer["values"]) or words.word("outcome", answer["outcome"])
            yield from wrapped(f"{answer['name']} {answer['type']}: {said}", " " * 12, "      Seen: ")
    if value["address"] and value["address"]["ip"]:
        one = value["address"]
        yield from wrapped(f"{one['ip']} is {one['title']}. {one['meaning']}", " " * 6, "  Address: ")
        for because in one["because"]:
            shown = f" ({because['value']})" if because["value"] else ""
            yield from wrapped(f"{because['meaning']}{shown}", " " * 8, "      - ")


def _signature(one: Value) -> Iterator[str]:
    changes = "; ".join(one["changes"])
    if one["header"] or changes:
        yield from wrapped(": ".join(filter(None, (one["header"], changes))), " " * 15, "      Altered: ")
    if one["shown"]:
        yield from wrapped(f"“{one['shown']}”", " " * 12, "      Words: ")
    for note in one["notes"]:
        yield from wrapped(note["meaning"], " " * 12, "      Note: ")
    if one["fix"]:
        yield from wrapped(one["fix"], " " * 10, "      Do: ")


def _differences(value: Value) -> Iterator[str]:
    if value["claimed"]:
        yield "What others wrote into it"
    for one in value["claimed"]:
        forged = "" if one["trusted"] else " (not shown to be the receiver's)"
        yield from wrapped(f"{one['who'] or one['field']}: {one['method']}={one['result']}{forged}", " " * 6, "  ")
    for one in value["differences"]:
        claim = one["claim"]
        head = f"{claim['who'] or claim['field']} wrote {claim['method']}={claim['result']}, found today: {one['ours']}. {one['title'].capitalize()}."
        yield from wrapped(head, " " * 4, "  ≠ ")
        yield from wrapped(one["meaning"], " " * 6)
        for because in one["because"]:
            yield from wrapped(f"{because['meaning']}: {because['value']}", " " * 8, "      - ")
        if one["fix"]:
            yield from wrapped(one["fix"], " " * 10, "      Do: ")


def _findings(value: Value) -> Iterator[str]:
    for status in words.ORDER:
        for one in beside(value):
            if one["status"] != status:
                continue
            if status == "pass":
                yield from wrapped(one["message"], " " * 6, f"  {words.ICONS['pass']} {one['code']} ")
                continue
            yield clean(f"{words.ICONS[status]} {status.upper()} {one['code']} {one['title']}")
            yield from wrapped(one["message"])
            yield from wrapped(one["why"], first="    Why: ")
            yield from wrapped(one["fix"]["summary"], first="    Do: ")
            for answer in one["evidence"]:
                said = "; ".join(answer["values"]) or words.word("outcome", answer["outcome"])
                yield from wrapped(f"{answer['name']}: {said}", " " * 10, "    Seen: ")
