"""`scan --zone FILE --against live`: a draft laid over the DNS, and what it changes against the DNS as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import HealthcheckError, InputError, OurFault
from .streams import pipe_is_closed, told

if TYPE_CHECKING:
    from ..bulk import Item
    from ..compare import Difference
    from ..edge.world import World
    from ..model import Report

option = click.option(
    "--against",
    type=click.Choice(["live"]),
    default=None,
    help="Show what the --zone files change against the live DNS: findings gone, new and unchanged.",
)


def check(against: str | None, zones: Sequence[str], only_zone: bool) -> None:
    """Whether the options go together. Raises InputError, in words."""
    if against and not zones:
        raise InputError("--against live needs at least one --zone FILE: the draft that is compared with the live DNS.")
    if against and only_zone:
        raise InputError("--against live compares a draft over the live DNS with the live DNS; leave --only-zone out.")


def differ(name: str, *, draft: World, live: World, given: Mapping[str, Any]) -> Difference:
    """Scan a domain twice with the same inputs, first as it is published, then with the draft over it.

    Raises as scan does. Cost: two scans at once, as long as the longer one. Pure but for the two worlds.
    """
    from concurrent.futures import ThreadPoolExecutor

    from ..compare import compare
    from ..scan import scan

    def run(world: World) -> Report:
        return scan(name, world=world, source=name, **given)

    with ThreadPoolExecutor(1) as pool:
        published = pool.submit(run, live)
        after = run(draft)
        return compare(published.result(), after)


def run(items: Iterable[Item], draft: World, given: Mapping[str, Any], options: Mapping[str, Any]) -> int:
    """Compare each domain, print each difference as it is known, and return the exit code of the drafts' reports: 4 before 2 before
    1 before 3 before 0. Closes both worlds. Raises InputError for options that do not go together."""
    from ..edge.world import World
    from .bulk import exit_code

    live = World.live(options["nameservers"])
    try:
        check(options["against"], options["zones"], options["only_zone"])
        if options.get("out"):
            raise InputError("--resume keeps reports; leave it out with --against.")
        codes, shown = {0}, []
        for item in items:
            answer = _attempt(item, draft, live, given)
            failed = isinstance(answer, HealthcheckError)
            codes.add((4 if isinstance(answer, OurFault) else 2) if failed else exit_code(answer.after, options["fail_on"], options["unknown"]))
            shown += _printed(item, answer, options["form"])
        if options["form"] == "json":
            click.echo(shown[0] if len(shown) == 1 else "[\n" + ",\n".join(shown) + "\n]")
    except BrokenPipeError:  # a reader that has seen enough
        pipe_is_closed()
    finally:
        draft.close()
        live.close()
    return next(code for code in (4, 2, 1, 3, 0) if code in codes)


def _attempt(item: Item, draft: World, live: World, given: Mapping[str, Any]) -> Any:
    """The difference, or the fault as a value: the other domains of the same call are answered all the same."""
    try:
        return differ(item.source, draft=draft, live=live, given=given)
    except HealthcheckError as fault:
        return fault
    except Exception as fault:
        return OurFault(f"{type(fault).__name__}: {fault}")


def _printed(item: Item, answer: Any, form: str) -> list[str]:
    """Print an answer, or hold it back for the end (JSON, which is one array)."""
    from ..render import difference
    from ..render.json import error, written

    failed = isinstance(answer, HealthcheckError)
    if form == "text":
        click.echo(told(item, answer.detail) if failed else difference.as_text(answer), err=failed)
        return []
    value = error(item.source, answer) if failed else difference.as_dict(answer)
    if form == "jsonl":
        click.echo(written(value, sys.stdout.encoding))
        return []
    return [written(value, sys.stdout.encoding, indent=True)]
