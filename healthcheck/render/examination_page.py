"""What the page of an examination shows beside its JSON: results of one method side by side, alignment, findings in their order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import words
from .examination_text import beside, sign
from .happened import say
from .timeline import timeline

METHODS = ("spf", "dkim", "dmarc", "arc")
MOST = 8  # results of others that are shown of one method
Value = Mapping[str, Any]


def view(value: Value) -> dict[str, Any]:
    """{tone, rows, others, joins, timeline, todo, passed}: see the functions below."""
    findings = beside(value)
    rows = [_row(value, method) for method in METHODS if _wanted(value, method)]
    told: set[tuple[str, str]] = set()
    for said in [one for row in rows for one in row["theirs"] if one["difference"]]:
        key = (said["who"], said["difference"]["reason"])
        said["repeated"] = key in told  # what made SPF or DKIM differ makes DMARC differ: its words stand there once
        told.add(key)
    return {
        "tone": _tone(value),
        "rows": rows,
        "others": _told([one for one in value["claimed"] if one["method"] not in METHODS], value)[:MOST],
        "joins": _joins(value),
        "timeline": timeline(value),
        "todo": [one for status in words.ORDER[:-1] for one in findings if one["status"] == status],
        "passed": [one for one in findings if one["status"] == "pass"],
    }


def _tone(value: Value) -> str:
    """A key of the colours: what the sentence on top says. Nothing seen is no failure."""
    key = value["summary"]["key"]
    if key in ("refused", "refused-many", "dmarc-fail", "no-from"):
        return "fail"
    return {"dmarc-pass": "pass", "dmarc-none": "warn", "delayed": "warn", "bounced": "warn"}.get(key, "note" if key == "offline" else "unknown")


# ------------------------------------------------------------------ ours beside theirs


def _ours(value: Value, method: str) -> list[dict[str, Any]]:
    found = value["dkim"] if method == "dkim" else [value[method]] if value[method] else []
    return [{**one, "sign": sign(one["result"])} for one in found]


def _wanted(value: Value, method: str) -> bool:
    """Is there anything to show of this method? That nobody sealed a message is not worth a box."""
    return bool(_claims(value, method)) or any(method != "arc" or one["result"] != "none" for one in _ours(value, method))


def _claims(value: Value, method: str) -> list[Value]:
    return [one for one in value["claimed"] if one["method"] == method]


def _row(value: Value, method: str) -> dict[str, Any]:
    """One method: what was found here, and what others wrote of it, each with whether the two agree."""
    return {"method": method, "ours": _ours(value, method), "theirs": _told(_claims(value, method), value)[:MOST]}


def _told(claims: Sequence[Value], value: Value) -> list[dict[str, Any]]:
    """Claims, those that say the same as one. state: agrees | differs | apart (of that method nothing was worked out here)."""
    parted = [(one["claim"], one) for one in value["differences"]]
    out: dict[tuple[str, ...], dict[str, Any]] = {}
    for claim in claims:
        difference = next((one for key, one in parted if key == claim), None)
        compared = value["input"]["looked_up"] and claim["method"] in METHODS
        state = "differs" if difference else "agrees" if compared and _comparable(claim, value) else "apart"
        about = _about(claim)
        told = {"who": claim["who"] or claim["field"], "method": claim["method"], "result": claim["result"], "about": about, "trusted": claim["trusted"]}
        told |= {"text": claim["text"], "state": state, "difference": difference, "sign": sign(claim["result"])}
        out.setdefault((str(told["who"]), claim["method"], claim["result"], about, str(claim["trusted"]), difference["reason"] if difference else ""), told)
    return list(out.values())


def _about(claim: Value) -> str:
    """The domain that a claim about a signature names, "" where it names none."""
    properties = claim["properties"]
    about = str(properties.get("header.d") or properties.get("header.i", "").rpartition("@")[2])
    return "" if about == "none" else about


def _comparable(claim: Value, value: Value) -> bool:
    """Was something found here that a claim of this method can agree with?"""
    ours = value["dkim"] if claim["method"] == "dkim" else value[claim["method"]]
    if claim["method"] == "dkim":
        about = _about(claim)
        meant = [one for one in ours if not about or about in (one["d"], one["identity"].rpartition("@")[2])]
        return (not ours and claim["result"] == "none") or any(one["result"] != "unknown" for one in meant)
    return bool(ours) and ours["result"] != "unknown"


# ------------------------------------------------------------------ alignment


def _joins(value: Value) -> list[dict[str, Any]]:
    """Who could speak for the From domain: each identifier, how it stands to it, and whether it passed. One that joins and passes is enough."""
    dmarc = value["dmarc"]
    if not dmarc or not dmarc["from_domain"]:
        return []
    rows = [("DKIM", one["d"], one) for one in value["dkim"] if one["d"]]
    if value["spf"] and value["spf"]["identity"]:
        rows.insert(0, ("SPF", value["spf"]["identity"], value["spf"]))
    by = set(dmarc["by"])
    return [_join(kind, name, one, f"{kind.lower()}:{name}" in by) for kind, name, one in rows]


def _join(kind: str, name: str, one: Value, counts: bool) -> dict[str, Any]:
    aligned = one["aligned"] or "unknown"
    state = "joined" if counts else "apart" if aligned == "no" else "unknown" if aligned == "unknown" or sign(one["result"]) == "unknown" else "broken"
    tone = {"joined": "pass", "unknown": "unknown"}.get(state, "warn")
    return {"kind": kind, "name": name, "result": one["result"], "aligned": aligned, "meaning": say("aligned", aligned), "state": state, "tone": tone}
