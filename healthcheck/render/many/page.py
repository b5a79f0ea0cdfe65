"""A report about many bounces as HTML: what the templates need, and the page that stands alone. Pure, but for reading templates and sheet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...bounce.many.rates import words as known_rates
from ...model import Report
from ..words import fill
from . import charts
from .figures import moment, number, percent
from .found import NONE
from .said import say
from .view import ORDER, as_json

if TYPE_CHECKING:
    from jinja2 import Environment

    from ...many import Result

ROOT = Path(__file__).resolve().parents[3]
ADDRESSES = 200  # decisions that a page names
TONES = {
    "good": "pass", "watch": "note", "bad": "warn", "critical": "fail", "emergency": "fail",
    "suppress": "fail", "hold": "warn", "count": "note", "keep": "pass",
}  # fmt: skip
KINDS = ("hard", "soft", "block")
LINES = ("hard", "total")  # what is drawn day by day
DRAWN = 5  # causes with a colour of their own


def install(env: Environment) -> None:
    """What the templates of this report call, for an environment of jinja2. It has to escape by itself."""
    env.globals.update(told=say, tone=TONES.__getitem__, bands=known_rates()["band"])
    env.filters.update(
        num=number,
        pct=lambda value: percent(value).replace(" ", "\N{NO-BREAK SPACE}"),
        moment=moment,
        shorten=shorten,
        slot=lambda sentence, **values: fill(sentence, values),
    )


def shorten(text: str, most: int = 80) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def context(report: Mapping[str, Any]) -> dict[str, Any]:
    """What _many.html is given, out of `bounces/1`."""
    counts = report["decisions"]["counts"]
    actions = [{"action": a.value, "count": counts[a.value], "title": say("action", a), "text": say("action", a, "text")} for a in ORDER]
    return {"r": report, "actions": actions, "charts": drawn(report), "counted": counted(report), "span": span(report)}


def counted(report: Mapping[str, Any]) -> str:
    """What became of the messages that are no bounces, in a sentence."""
    total = report["rates"]["total"]
    sent = number(total["sent"]) if total["sent"] is not None else say("report", "sent-unknown")
    return fill(say("report", "counted"), {"sent": sent, **{key: number(count) for key, count in total["counts"].items() if key != "sent"}})


def span(report: Mapping[str, Any]) -> str:
    given = report["input"]
    key = "span" if given["first_day"] else "span-unknown"
    values = {"events": number(given["events"]), "addresses": number(given["addresses"]), "first": given["first_day"], "last": given["last_day"]}
    return fill(say("report", key), values)


def drawn(report: Mapping[str, Any]) -> dict[str, Any]:
    """The pictures: rates per day between the bands, causes per day, providers. None for one that there is nothing to draw for."""
    rates, titles = report["rates"], {name: row["title"] for name, row in known_rates()["measure"].items()}
    edges = zip(known_rates()["names"][1:], rates["bands"].get("hard", ()), strict=False)
    bands = [(known_rates()["band"][name]["title"], float(edge)) for name, edge in edges]
    days = [(row["name"], {rate["measure"]: rate["percent"] for rate in row["rates"]}) for row in rates["by"]["day"]["rows"]]
    main, others = report["causes"][:DRAWN], report["causes"][DRAWN:]
    keys = [f"c{n}" for n in range(len(main))]
    stacks: dict[str, dict[str, int]] = {}
    for key, cause in [*zip(keys, main, strict=True), *(("rest", cause) for cause in others)]:
        for day, count in cause["days"].items():
            stacks.setdefault(day, {})
            stacks[day][key] = stacks[day].get(key, 0) + count
    names = [(key, cause["title"]) for key, cause in zip(keys, main, strict=True)] + ([("rest", say("chart", "other"))] if others else [])
    providers = [(row["title"], row["counts"]) for row in rates["by"]["provider"]["rows"]]
    return {
        "rates": charts.rates_by_day(days, bands, LINES),
        "measures": [(name, titles[name]) for name in LINES],
        "causes": charts.counts_by_day(list(stacks.items()), [name for name, _ in names]),
        "cause_names": names,
        "providers": charts.lying(providers, KINDS),
        "kinds": [(name, titles[name]) for name in KINDS],
    }


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader

    env = Environment(loader=FileSystemLoader(ROOT / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    install(env)
    return env


def html(result: Result, *, most: int = ADDRESSES, scans: Mapping[str, Report] = NONE, made: datetime | None = None) -> str:
    """A page that stands alone: no script, nothing fetched, light and dark, to be printed or sent on. Every text of the input is escaped.

    most   addresses that are named, the worst first; the page says how many it leaves out.
    scans  reports about the senders that patterns blame, by domain
    made   the time that the page shows; None: now
    """
    return alone(as_json(result, most=most, scans=scans), made)


def alone(report: Mapping[str, Any], made: datetime | None = None) -> str:
    """`html` of a report that is there already."""
    sheet = (ROOT / "static" / "style.css").read_text(encoding="utf-8")
    at = (made or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M")
    return _environment().get_template("_many_page.html").render(**context(report), sheet=sheet, made=fill(say("report", "printed"), {"at": at}))
