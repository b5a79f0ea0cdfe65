"""The way of a message as a picture: places of its servers in three lanes, what lies between them, and the labels. Pure: geometry, no markup.

Drawn from the JSON of an examination. A template makes SVG of it, in two widths; the table beneath holds every hop, the picture the telling ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..message.content import spell
from .happened import say

SLOW = 300.0  # seconds from which on a wait is marked, as message/way has it
SKEW = -60.0
MOST = 12  # hops that are drawn
LANES = {"sender": 0, "between": 1, "unknown": 1, "receiver": 2}
PLAIN = frozenset({"SMTP", "ESMTP", "ESMTPA", "UTF8SMTP", "LMTP"})  # protocols by which a server says that there was no TLS (RFC 3848)
ROW = 70.0
TOP = 26.0
WIDTHS = {"narrow": 320, "wide": 720}
LETTER = 9.7  # the width of a wide letter of a name, in units; a name of narrow ones is cut early


def timeline(value: Mapping[str, Any]) -> dict[str, Any] | None:
    """{label, layouts: [{kind, width, height, lanes, stops, ways, gaps}]} for the templates; None where there are no hops."""
    hops: Sequence[Mapping[str, Any]] = value["hops"]
    if not hops:
        return None
    shown = _telling(hops)
    bounce = next((b for b in value["bounces"] if b["remote_mta"] and b["action"] != "delayed"), None)
    refused = bounce if bounce and not any(hop["by"] == bounce["remote_mta"] for hop in hops) else None
    layouts = [_laid(hops, shown, kind, width, refused) for kind, width in WIDTHS.items()]
    return {"label": say("timeline", "picture", count=len(hops)), "layouts": layouts}


def _telling(hops: Sequence[Mapping[str, Any]]) -> list[int]:
    """The hops to draw: all of a few; else the ends, where it changed hands, and where it waited."""
    if len(hops) <= MOST:
        return list(range(len(hops)))
    last = len(hops) - 1
    wanted = [0, last]
    wanted += [n for n, hop in enumerate(hops) if hop["entry"] or hop["left"]]
    delays = [n for n, hop in enumerate(hops) if hop["delay_s"] is not None and (hop["delay_s"] >= SLOW or hop["delay_s"] < SKEW)]
    wanted += sorted(delays, key=lambda n: -abs(hops[n]["delay_s"]))[:3]
    wanted += [n for n in range(1, last) if hops[n]["side"] != hops[n - 1]["side"]][:3]
    wanted += [1, last - 1, 2, last - 2, *range(3, last)]
    return sorted(list(dict.fromkeys(wanted))[:MOST])


def _laid(hops: Sequence[Mapping[str, Any]], shown: Sequence[int], kind: str, width: int, refused: Mapping[str, Any] | None) -> dict[str, Any]:
    lane = 24.0 if kind == "narrow" else 34.0
    text = 3 * lane + 18
    letters = int((width - text - 4) / LETTER)
    at = {side: 8 + lane * (n + 0.5) for side, n in LANES.items()}
    first = hops[shown[0]]
    start = _cut(first["ptr"] or first["from"] or say("timeline", "local"), letters)
    stops = [_stop(at["sender" if first["side"] != "receiver" or first["entry"] else "receiver"], TOP, start, first["ip"] or "", "sender", letters)]
    ways, gaps = [], []
    for before, n in zip([-1, *shown], shown, strict=False):
        hop, top = hops[n], stops[-1]
        y = top["y"] + ROW
        if n - before > 1:
            gaps.append({"x": text, "y": y - ROW / 2 + 4, "label": say("timeline", "more", count=n - before - 1)})
        stops.append(_stop(at[hop["side"]], y, _cut(hop["by"] or "?", letters), _detail(hop, letters), hop["side"], letters))
        stops[-1]["mark"] = say("timeline", "entry") if hop["entry"] else ""
        ways.append(_way(top, stops[-1], hop, text, dotted=n - before > 1))
    if refused is not None:
        top = stops[-1]
        mark = say("timeline", "refused", stage=refused["at_stage"] or "").strip()
        stop = _stop(at["receiver"], top["y"] + ROW, _cut(str(refused["remote_mta"]), letters), _cut(mark, letters + 2), "refused", letters)
        ways.append({**_line(top, stop), "tone": "refused", "label": "", "lock": "", "x": text, "y": top["y"] + ROW / 2 + 4})
        stops.append(stop)
    height = stops[-1]["y"] + 34
    lanes = [{"x": 8 + lane * n, "width": lane, "side": side, "height": height - 4} for n, side in enumerate(("sender", "between", "receiver"))]
    return {"kind": kind, "width": width, "height": height, "text": text, "lanes": lanes, "stops": stops, "ways": ways, "gaps": gaps}


def _stop(x: float, y: float, name: str, detail: str, side: str, letters: int) -> dict[str, Any]:
    return {"x": x, "y": y, "name": name, "detail": _cut(detail, letters + 4), "side": side, "mark": ""}


def _line(top: Mapping[str, Any], stop: Mapping[str, Any]) -> dict[str, Any]:
    """From one stop to the next: straight within a lane, a bend where it changes hands."""
    x1, y1, x2, y2 = top["x"], top["y"] + 9, stop["x"], stop["y"] - 9
    middle = (y1 + y2) / 2
    return {"path": f"M{x1:g} {y1:g}V{y2:g}" if x1 == x2 else f"M{x1:g} {y1:g}C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {y2:g}"}


def _way(top: Mapping[str, Any], stop: Mapping[str, Any], hop: Mapping[str, Any], text: float, *, dotted: bool) -> dict[str, Any]:
    seconds = hop["delay_s"]
    key = "" if seconds is None or dotted else "waited" if seconds >= SLOW else "behind" if seconds < SKEW else "took"
    tone = {"waited": "slow", "behind": "skew"}.get(key, "plain")
    label = say("timeline", key, time=("" if key != "took" else "+") + spell(seconds)) if key and (seconds or key != "took") else ""
    lock = "" if dotted or hop["internal"] else "tls" if hop["tls"] else "plain" if hop["protocol"] in PLAIN else ""
    label = ", ".join(filter(None, (label, say("timeline", lock) if lock and tone == "plain" else "")))
    return {**_line(top, stop), "tone": "dotted" if dotted else tone, "label": label, "lock": lock, "x": text, "y": (top["y"] + stop["y"]) / 2 + 4}


def _detail(hop: Mapping[str, Any], letters: int) -> str:
    """What stands under a server's name: the receiver's door first, in the words that fit."""
    when = str(hop["at"])[11:19] + " UTC" if hop["at"] else ""
    if not hop["entry"]:
        return ", ".join(filter(None, (when, hop["protocol"])))
    long, short = (", ".join(filter(None, (say("timeline", key), when))) for key in ("entry", "door"))
    return long if len(long) <= letters + 4 else short


def _cut(text: str, most: int) -> str:
    """A name that fits: of a long one both ends, which tell more than its middle.

    >>> _cut("a-very-long-host-name.mail.example.com", 20)
    'a-very-l…example.com'
    """
    if len(text) <= most:
        return text
    tail = most * 11 // 20
    return f"{text[: most - tail - 1]}…{text[-tail:]}"
