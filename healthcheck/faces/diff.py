"""`healthcheck diff --before DIR --after DIR`: which findings a change to zone files adds, and which it removes."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import HealthcheckError, InputError
from ..model import PROFILES, Status
from .streams import pipe_is_closed, readable

if TYPE_CHECKING:
    from ..compare import Difference
    from ..edge.world import World
    from ..model import Finding, Report

_ORDER = (Status.FAIL, Status.WARN, Status.NOTE)


@click.command()
@click.argument("domains", nargs=-1, metavar="[DOMAIN...]")
@click.option("--before", required=True, metavar="DIR", help="The zone files as they were: a folder, or a file.")
@click.option("--after", required=True, metavar="DIR", help="The zone files as they are to be.")
@click.option("--only-zone", is_flag=True, help="Ask nothing but the zone files.")
@click.option("--nameserver", "nameservers", multiple=True, metavar="IP[:PORT]", help="Ask this server for names outside the files.")
@click.option("--ip", "ips", multiple=True, help="An address that the mail is sent from.")
@click.option("--selector", "selectors", multiple=True, help="A DKIM selector in use.")
@click.option("--profile", default="sending", show_default=True, help=f"What the domains are for: {', '.join(PROFILES)}.")
@click.option("--fail-on", type=click.Choice(["fail", "warn", "note", "never"]), default="fail", show_default=True, help="What added makes the exit code 1.")
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=15.0, show_default=True, metavar="S", help="Seconds for each scan.")
@click.option("--format", "form", type=click.Choice(["text", "json", "jsonl"]), default="text", show_default=True, help="How to print the answer.")
def diff(domains: tuple[str, ...], **options: Any) -> None:
    """Which findings does a change to zone files add and remove?

    Every domain of the two folders is scanned with the one, then with the other. Exit codes: 0 the change adds nothing at or above
    --fail-on, 1 it does, 2 the files cannot be used, 3 it cannot be told, since not everything could be looked up.
    """
    code = 2
    try:
        code = run(domains, options)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        code = 130
    except HealthcheckError as fault:
        click.echo(f"Error: {fault.detail}", err=True)
    sys.exit(code)


def run(domains: Iterable[str], options: Mapping[str, Any]) -> int:
    """Print the differences and return the exit code. Raises InputError, ZoneError. Cost: two scans a domain."""
    from ..checks import given_topics

    if options["only_zone"] and options["nameservers"]:
        raise InputError("--only-zone asks no nameserver; leave --nameserver out.")
    before, after = (_world(options[side], options) for side in ("before", "after"))
    given = {key: options[key] for key in ("ips", "selectors", "profile")} | {"deadline": options["timeout"], "topics": given_topics(())[0]}
    try:
        assert before.files is not None
        assert after.files is not None
        names = list(dict.fromkeys(domains)) or sorted({*before.files.domains(), *after.files.domains()}, key=lambda name: name.split(".")[::-1])
        found = [_differ(name, before, after, given, options["only_zone"]) for name in names]
    finally:
        before.close()
        after.close()
    try:
        _print(found, options["form"])
    except BrokenPipeError:
        pipe_is_closed()
    return max((_code(one, options["fail_on"]) for one in found), key=(0, 3, 1).index, default=0)


def domains_of(world: World) -> tuple[str, ...]:
    """Every domain that the zone files hold mail of. Raises InputError where there is none and the files have slips: no report would tell them."""
    files = world.files
    names = files.domains() if files else ()
    if files and files.slips and not names:
        from ..catalog import catalog

        told = "; ".join(f"{s.file}:{s.line}: {catalog().checks[s.code].title} ({s.text[:80]})" for s in files.slips[:20])
        raise InputError(f"The zone files hold no domain with mail records. In them: {told}")
    return names


def _world(path: str, options: Mapping[str, Any]) -> World:
    from ..edge.world import World

    if not Path(path).is_dir():
        readable(path)
    beneath = World.live(options["nameservers"]) if options["nameservers"] else None
    world = World.zones([path], only=options["only_zone"], beneath=beneath, careful=True)
    for note in world.files.notes if world.files else ():
        click.echo(note, err=True)
    return world


def _differ(name: str, before: World, after: World, given: Mapping[str, Any], only: bool) -> Difference:
    """The difference for a domain. What one of the folders does not hold at all has no finding there, where nobody else may be asked."""
    from ..compare import compare
    from ..scan import scan

    reports = []
    for world in (before, after):
        report = scan(name, world=world, source=name, **given)
        reports.append(_empty(report) if only and not _held(world, report.domain.name) else report)
    return _sure(compare(*reports))


def _sure(found: Difference) -> Difference:
    """The difference, with what only one report has told apart by what it rests on: where the other one had an answer to each of those
    questions, it would have shown it. That an include of somebody else was not looked at, in both, is no reason to doubt a misspelt term."""
    answered = [{(a.name, a.rtype) for a in report.transcript if not a.unsure} for report in (found.before, found.after)]

    def sure(after: bool, finding: Finding) -> bool:
        other = answered[0 if after else 1]
        return bool(finding.evidence) and all((a.name, a.rtype) in other for a in finding.evidence)

    told = [(after, f) for after, f in found.unsure if sure(after, f)]
    return dataclasses.replace(
        found,
        gone=(*found.gone, *(f for after, f in told if not after)),
        new=(*found.new, *(f for after, f in told if after)),
        unsure=tuple(one for one in found.unsure if one not in told),
    )


def _held(world: World, name: str) -> bool:
    return world.files is not None and any(name == one or name.endswith("." + one) for one in {*world.files.tops, *world.files.domains()})


def _empty(report: Report) -> Report:
    return dataclasses.replace(report, findings=(), verdict=Status.PASS)


def _code(found: Difference, fail_on: str) -> int:
    if fail_on == "never":
        return 0
    bad = _ORDER[: [status.value for status in _ORDER].index(fail_on) + 1]
    worse = [other for one, other in found.changed if one.status not in bad]
    if any(f.status in bad for f in (*found.new, *worse)):
        return 1
    # in one report only, and the other one could not see: it may be new, and it may have been there before
    return 3 if any(after and f.status in bad for after, f in found.unsure) or any(_blind(f) for f in found.new) else 0


def _blind(finding: Finding) -> bool:
    from ..catalog import catalog
    from ..profiles import profiles

    return finding.status is Status.UNKNOWN and catalog().checks[finding.code].topic in profiles()["sending"].core


def _print(found: list[Difference], form: str) -> None:
    from ..render import difference, words
    from ..render.json import written

    if form == "jsonl":
        for one in found:
            click.echo(written(difference.as_dict(one), sys.stdout.encoding))
        return
    if form == "json":
        shown = [written(difference.as_dict(one), sys.stdout.encoding, indent=True) for one in found]
        click.echo(shown[0] if len(shown) == 1 else "[\n" + ",\n".join(shown) + "\n]")
        return
    if not found:
        click.echo(words.word("change", "none"))
        return
    for one in found:
        same = not (one.gone or one.new or one.changed or one.unsure)
        click.echo(f"{one.after.domain.shown}: {words.word('change', 'same')}" if same else difference.as_text(one, "change"))
    gone, new, changed = (sum(len(getattr(one, key)) for one in found) for key in ("gone", "new", "changed"))
    click.echo(words.word("change", "total").format(domains=len(found), gone=gone, new=new, changed=changed))
