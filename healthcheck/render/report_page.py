"""What the page of a report shows beside the findings themselves: its rooms, what to do first, the matrix, and the way from MX to TLS.

Pure, from a report's JSON to what a template can walk; geometry and order, no markup. The words are those of data/report.toml.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from .. import profiles
from ..catalog import DATA
from ..catalog import _toml as toml_of
from . import words

FIRST = 5  # things to do that stand above everything
HOSTS = 8  # mail hosts of the picture
TOP = ("mx", "spf", "dmarc")
BROKEN = {"fail": 0, "unknown": 1, "warn": 2}

Json = Mapping[str, Any]


@cache
def said() -> Mapping[str, Any]:
    """data/report.toml, read once."""
    return toml_of(DATA / "report.toml")


def say(table: str, key: object, **values: Any) -> str:
    """The words for a key of a table, its slots filled; the key itself, made readable, where there are none. Pure."""
    row = said().get(table, {})
    return words.fill(str(row.get(str(key), str(key).replace("-", " ").replace("_", " "))), values)


def view(report: Json) -> dict[str, Any]:
    """All that the template of a report walks beside the report itself. Pure; `report` as render.json.report has it."""
    findings = [{**f, "n": n} for n, f in enumerate(report["findings"])]
    facts = report["facts"]
    return {
        "groups": groups(report, findings),
        "first": first(report, findings),
        "matrix": matrix(report),
        "asked": asked(report),
        "path": path(facts),
        "logo": logo(facts),
    }


# ------------------------------------------------------------------ rooms


def groups(report: Json, findings: Iterable[Json]) -> list[dict[str, Any]]:
    """The topics as rooms, in groups; each with its findings, worst first, and whether it stands open. A topic without findings is a room too.

    Rooms with a problem stand open; where there is none, those with a warning.
    """
    told_all = [t["verdict"] for t in report["topics"].values()]
    stands = "fail" if "fail" in told_all else "warn"
    by_topic: dict[str, list[Json]] = {}
    for finding in findings:
        topic = finding["topic"] if finding["topic"] in report["topics"] else next(iter(report["topics"]), "")
        by_topic.setdefault(topic, []).append(finding)
    out = []
    placed = [topic for group in said()["group"] for topic in group["topics"]]
    rest = [{"id": "more", "title": "", "topics": [t for t in report["topics"] if t not in placed]}]
    for group in (*said()["group"], *rest):
        rooms = []
        for topic in group["topics"]:
            if topic in report["topics"]:
                own = sorted(by_topic.get(topic, []), key=lambda f: words.ORDER.index(f["status"]))
                told = report["topics"][topic]
                shown, passed = together(f for f in own if f["status"] != "pass"), [f for f in own if f["status"] == "pass"]
                rooms.append({"id": topic, **told, "open": told["verdict"] == stands, "findings": shown, "passed": passed})
        if rooms:
            worst = next((s for s in words.ORDER if any(room["verdict"] == s for room in rooms)), "unknown")
            out.append({"id": group["id"], "title": group["title"], "rooms": rooms, "verdict": worst})
    return out


def together(findings: Iterable[Json]) -> list[dict[str, Any]]:
    """Findings that differ in nothing but what they are about, as one: the same code with the same reason and the same thing to do."""
    out: list[dict[str, Any]] = []
    for f in findings:
        held = next((o for o in out if all(o[key] == f[key] for key in ("code", "status", "title", "why", "fix", "breaks"))), None)
        if held is None:
            out.append({**f, "messages": [f["message"]], "subjects": [f["subject"]], "also": [], "evidence": list(f["evidence"])})
            continue
        held["also"].append(f["n"])
        held["messages"] += [f["message"]] if f["message"] not in held["messages"] else []
        held["subjects"] += [f["subject"]] if f["subject"] not in held["subjects"] else []
        held["evidence"] += [e for e in f["evidence"] if e not in held["evidence"]]
    return out


def first(report: Json, findings: Iterable[Json]) -> dict[str, Any]:
    """What to do first: problems, then core topics that could not be checked, then warnings; of a kind those that receivers ask for first."""
    core = profiles.profiles()[report["profile"]].core
    there = [f for f in findings if f["status"] in ("fail", "warn") or (f["status"] == "unknown" and f["topic"] in core)]
    receivers = {r["id"]: r["receiver"] for r in report["requirements"]}
    there.sort(key=lambda f: (BROKEN[f["status"]], -len(f["breaks"]), f["n"]))
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    for f in there:
        # one fault of several hosts or addresses is one thing to do
        item = seen.setdefault((f["code"], f["fix"]["summary"]), {**f, "subjects": [], "asked_by": []})
        item["subjects"].append(f["subject"])
        item["asked_by"] = list(dict.fromkeys([*item["asked_by"], *(receivers[b] for b in f["breaks"] if b in receivers)]))
    items = list(seen.values())
    return {"items": items[:FIRST], "more": max(0, len(items) - FIRST), "notes": bool(report["counts"]["note"])}


# ------------------------------------------------------------------ the matrix


def matrix(report: Json) -> list[dict[str, Any]]:
    """The rows of the requirement matrix: a kind with a field for each receiver. Empty where nothing is asked."""
    rows: dict[str, dict[str, Any]] = {}
    for cell in report["requirements_matrix"]:
        row = rows.setdefault(cell["kind"], {"kind": cell["kind"], "title": cell["title"], "cells": []})
        row["cells"].append({**cell, "both": cell["small"] == cell["bulk"]})
    return list(rows.values())


def asked(report: Json) -> list[dict[str, str]]:
    """For each kind of sender the worst of what receivers ask of it and the DNS shows; a small sender is not warned of what is asked of others."""
    out = []
    for who, side in (("all", "small"), ("bulk", "bulk")):
        states = {cell[side] for cell in report["requirements_matrix"]}
        state = next((s for s in ("broken", "unknown", "met") if s in states), None)
        if state:
            others = who == "bulk" and report["profile"] != "bulk"
            out.append(
                {"who": who, "state": state, "tone": {"broken": "note" if others else "fail", "unknown": "note" if others else "unknown", "met": "pass"}[state]}
            )
    return out


# ------------------------------------------------------------------ from MX to TLS


def path(facts: Json) -> dict[str, Any] | None:
    """How mail reaches the domain, host by host: addresses, DANE, MTA-STS, STARTTLS where it was asked for, and what comes of it together.

    None where the mail hosts were not looked at.
    """
    mx = facts.get("mx")
    if not mx:
        return None
    sts, dane, tls = facts.get("mta_sts"), facts.get("dane"), facts.get("starttls")
    hosts = [] if mx["state"] in ("null", "none", "no-domain", "unknown") else mx["hosts"]
    return {
        "state": mx["state"],
        "mx": (dane or {}).get("mx_state", ""),
        "policy": (sts or {}).get("mode") or "",
        "hosts": [_host(host, sts, dane, tls) for host in hosts[:HOSTS]],
        "more": max(0, len(hosts) - HOSTS),
    }


def _host(host: Json, sts: Json | None, dane: Json | None, tls: Json | None) -> dict[str, Any]:
    by_dane = next((h for h in (dane or {}).get("hosts", ()) if h["host"] == host["host"]), None)
    by_tls = [h for h in (tls or {}).get("hosts", ()) if h["host"] == host["host"]]
    out = {key: host[key] for key in ("host", "preference", "addresses", "state", "alias")}
    out["dane"] = _dane(by_dane) if by_dane else None
    out["sts"] = _sts(host["host"], sts) if sts else None
    out["tls"] = [_tls(h) for h in by_tls]
    out["asked"] = bool(tls and tls["asked"])
    out["way"] = _way(host["state"], out["dane"], out["sts"], out["tls"])
    return {**out, "tone": _WAYS[out["way"]]}


_DANE = {
    "works": "pass",
    "unusable": "warn",
    "ignored": "warn",
    "unproven": "unknown",
    "draft": "note",
    "none": "none",
    "failing": "fail",
    "unknown": "unknown",
}
_WAYS = {
    "dead": "fail", "unsure": "unknown", "held": "fail", "held-dane": "fail", "held-plain": "fail", "plain": "warn", "both": "pass", "dane": "pass",
    "mta-sts": "pass", "draft": "note", "testing": "note", "opportunistic": "note",
}  # fmt: skip
_NO_TLS = ("not-offered", "masked", "refused", "failing")


def _dane(host: Json) -> dict[str, Any]:
    # records of a zone file, or of a zone whose signatures are not known, may be of no use to anybody however it is signed
    useless = host["state"] in ("draft", "unproven") and all(r["problem"] for r in host["records"])
    state = "unusable" if useless else host["state"]
    return {"state": state, "records": len(host["records"]), "tone": _DANE[state]}


def _sts(host: str, sts: Json) -> dict[str, str]:
    mode = sts.get("mode") or ""
    if sts["state"] == "unknown" or sts["policy_state"] == "unknown":
        key, tone = "unknown", "unknown"
    elif sts["state"] == "none":
        key, tone = "none", "none"
    elif sts["state"] != "present" or sts["policy_state"] != "ok" or not mode or sts["problems"]:
        key, tone = "broken", "warn"
    elif mode == "none":
        key, tone = "off", "none"
    elif host not in sts["covers"]:
        key, tone = "unknown", "unknown"
    else:
        covered = sts["covers"][host]
        key, tone = "covered" if covered else "missing", ("pass" if mode == "enforce" else "note") if covered else ("fail" if mode == "enforce" else "warn")
    return {"state": key, "mode": mode, "tone": tone}


def _tls(host: Json) -> dict[str, Any]:
    certificate = host["certificate"]
    state = "weak" if host["weak"] and host["state"] == "secured" else host["state"]
    unsure = ("no-route", "guarded", "not-asked", "silent", "slow", "turned-away")
    tone = "pass" if state == "secured" else "unknown" if state in unsure else "warn"
    until = str(certificate["not_after"])[:10] if certificate else ""
    return {
        "address": host["address"],
        "state": state,
        "protocol": host["protocol"],
        "tone": tone,
        "until": until,
        "problem": certificate["problem"] if certificate else None,
    }


def _way(state: str, dane: Json | None, sts: Json | None, tls: list[dict[str, Any]]) -> str:
    """A key of [path_way]. RFC 7672 section 2.2 and RFC 8461 section 5: what is verified is held back where it cannot be."""
    if state == "unknown":
        return "unsure"
    if state != "ok":
        return "dead"
    by_dane, enforced = bool(dane and dane["state"] == "works"), bool(sts and sts["mode"] == "enforce" and sts["state"] == "covered")
    if dane and dane["state"] == "failing":
        return "held-dane"
    if sts and sts["mode"] == "enforce" and sts["state"] == "missing":
        return "held"
    if tls and all(t["state"] in _NO_TLS for t in tls):
        return "held-plain" if by_dane or enforced else "plain"
    if enforced and tls and all(t["problem"] for t in tls if t["problem"] is not None) and any(t["problem"] for t in tls):
        return "held"
    if by_dane:
        return "both" if enforced else "dane"
    if enforced:
        return "mta-sts"
    if sts and sts["state"] == "covered":
        return "testing"
    return "draft" if dane and dane["state"] == "draft" else "opportunistic"


# ------------------------------------------------------------------ BIMI


def logo(facts: Json) -> dict[str, str] | None:
    """The logo as a data: URI, where it was fetched and nothing is wrong with it; else None. A browser never loads it from elsewhere.

    Shown as an image it runs no script and reads nothing from outside; what the check objects to is not shown at all.
    """
    found = (facts.get("bimi") or {}).get("logo")
    if not found or found["problems"] or not str(found.get("image") or "").startswith("data:image/svg+xml;base64,"):
        return None
    return {"src": found["image"], "title": found["title"]}
