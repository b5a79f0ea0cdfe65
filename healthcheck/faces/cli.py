"""The command line: parse, call one function, render. It never imports flask, and with --offline no DNS library.

Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 usage or an input that cannot be used; 3 a core topic could not be
checked; 4 a fault of ours.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..errors import HealthcheckError, InputError
from ..model import PROFILES
from . import against, diff, gate, given, outputs, tapes
from .bounces import bounces
from .examine_cli import examine
from .streams import Done, named, octets_of, pipe_is_closed, readable

if TYPE_CHECKING:
    pass


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Is this domain's mail set up right? Why did this mail come back, and what do I change?

    Exit codes: 0 fine, 1 problems found, 2 an input that cannot be used, 3 a core check could not be made, 4 a fault of ours.
    """


# ------------------------------------------------------------------ scan


@main.command()
@click.argument("domains", nargs=-1, metavar="[DOMAIN...]")
@click.option("--file", "files", multiple=True, metavar="FILE", help="Domains, one a line (# starts a comment); - reads standard input.")
@click.option("--resume", "out", metavar="OUT.jsonl", help="Add JSON lines to this file, and pass over the domains that stand in it.")
@click.option("--jobs", type=click.IntRange(1, 64), default=None, help="Processes, where many domains are scanned. [default: one a processor]")
@click.option("--at-once", type=click.IntRange(1, 10000), default=500, show_default=True, help="Questions under way at a time, all processes together.")
@click.option("--profile", default="sending", show_default=True, help=f"What the domain is for: {', '.join(PROFILES)}.")
@click.option(
    "--topic", "topics", multiple=True, callback=given.topics, metavar="T", help="Report on this topic only (mx, spf, mta-sts, recipient, …); repeatable."
)
@click.option("--starttls", is_flag=True, help="Connect to the domain's mail hosts on port 25 and see how they take TLS.")
@click.option("--helo", callback=given.helo, metavar="NAME", help="The name that the sending servers say in EHLO.")
@click.option("--fail-on", type=click.Choice(["fail", "warn", "note", "never"]), default="fail", show_default=True, help="What makes the exit code 1.")
@click.option(
    "--unknown", type=click.Choice(["fail", "warn", "pass"]), default=None, help="What a core check that could not be made counts as. [default: exit 3]"
)
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=15.0, show_default=True, metavar="S", callback=given.timeout, help="Seconds for each scan.")
@against.option
@gate.options
@click.option("--passed", is_flag=True, help="List what passed in SARIF too.")
@outputs.options(outputs.FORMATS)
@tapes.options
@given.common
def scan(domains: tuple[str, ...], **options: Any) -> None:
    """Is this domain's mail set up right?"""
    if options["profile"] not in PROFILES:
        raise click.BadParameter(f"there is no profile “{options['profile']}”. Known: {', '.join(PROFILES)}.", param_hint="--profile")
    code = 2
    try:
        code = _scan(domains, options)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        code = 130
    except HealthcheckError as fault:
        raise given.Fault(fault.detail) from None
    sys.exit(code)


def _scan(domains: tuple[str, ...], options: dict[str, Any]) -> int:
    """The exit code. Raises InputError, ZoneError."""
    form, rest = _form(options)
    with tapes.Tape("scan", options) as tape:
        code = _scan_with(tape, domains, options, form, rest)
        tape.keep(code)
    return code


def _scan_with(tape: tapes.Tape, domains: tuple[str, ...], options: dict[str, Any], form: str, rest: tuple[outputs.Output, ...]) -> int:
    from ..checks import given_topics
    from .bulk import Wanted, exit_code, scan_all

    out, world = options["out"], tape.world
    assert world is not None
    files = (*options["files"], *(["-"] if "-" in domains else []))
    for path in files:
        if path != "-":
            readable(path)
    names: list[str] | tuple[str, ...] = tuple(d for d in domains if d != "-")
    if not names and not files and not tape.plays:
        names = diff.domains_of(world)
    policy = gate.policy_of(options, options["timeout"])
    items = named(names, files) if names or files else iter(()) if tape.plays else gate.items(policy)
    items = tape.items(items)
    if (first := next(items, None)) is None:
        raise InputError("No domain was given. Name one, as in: healthcheck scan example.com")
    items = chain([first], items)
    done = Done(out) if out else None
    topics, starttls = given_topics(options["topics"] or (), starttls=options["starttls"])
    said = {key: options[key] for key in ("ips", "selectors", "mail_from", "profile", "helo")} | {"deadline": options["timeout"]}
    said |= {"topics": topics, "starttls": starttls}
    if options["against"]:
        if rest or form not in ("text", "json", "jsonl"):
            raise InputError("--against shows a difference, which --format text, json and jsonl know: leave --output out.")
        options["form"] = form
        return against.run(items, world, said, options)
    wanted = Wanted(
        world=world,
        given=said,
        form=form,
        code_of=policy.exit_code if policy else lambda report: exit_code(report, options["fail_on"], options["unknown"]),
        policy=policy,
        outputs=rest,
        context=outputs.context(options),
        at_once=options["at_once"],
        jobs=1 if tape.on else options["jobs"],
        encoding="utf-8" if out else sys.stdout.encoding,
        tape=tape if tape.on else None,
    )
    total = (_total(names, files) or None) if sys.stderr is not None and sys.stderr.isatty() else None
    with outputs.quiet_runner("" if out else form):
        return scan_all(wanted, done.left(items) if done else items, total=total, out=out)


def _form(options: dict[str, Any]) -> tuple[str, tuple[outputs.Output, ...]]:
    """What standard output gets, and what goes elsewhere."""
    chosen = outputs.chosen()
    form, rest = outputs.wanted(options["form"], options["outputs"], chosen=chosen)
    if not options["out"]:
        return form, rest
    if (chosen or rest or options["outputs"]) and not (form == "jsonl" and not rest):
        raise InputError("--resume writes JSON lines, and nothing else: leave out --format and --output.")
    return "jsonl", ()


def _total(names: Iterable[str], files: tuple[str, ...]) -> int | None:
    """How many domains there are, where that can be known before they are read."""
    return sum(1 for _ in named(names, files)) if all(Path(path).is_file() for path in files) else None


# ------------------------------------------------------------------ explain


@main.command()
@click.argument("files", nargs=-1, metavar="[FILE...|-]")
@click.option("--offline", is_flag=True, help="Ask no network at all.")
@click.option("--redact", is_flag=True, help="Mask the local part of every address in the answer.")
@click.option("--from", "from_domain", callback=given.domain, metavar="DOMAIN", help="The domain of the From header.")
@outputs.options(outputs.PLAIN)
@tapes.options
@given.common
def explain(files: tuple[str, ...], offline: bool, redact: bool, form: str, **options: Any) -> None:
    """Why did this mail come back, and what do I change? Reads files, or standard input."""
    from ..explain import explain as run
    from ..render.outputs import diagnosed

    given.check_offline(offline, options)
    try:
        with tapes.Tape("explain", options | {"offline": offline}) as tape:
            said = {key: tape.options[key] for key in ("from_domain", "mail_from", "ips", "selectors")}

            def one(source: str) -> Any:
                return run(octets_of(source), offline=offline, world=tape.world, source=source, **said)

            code = outputs.answered(one, given.pasted(files, "bounce"), partial(diagnosed, redact=redact), form, options["outputs"], in_turn=offline or tape.on)
            tape.keep(code)
    except HealthcheckError as fault:
        raise given.Fault(fault.detail) from None
    sys.exit(code)


main.add_command(bounces)
main.add_command(examine)


# ------------------------------------------------------------------ codes, serve

main.add_command(gate.config)
main.add_command(gate.facts)
main.add_command(diff.diff)


@main.command()
@click.argument("code", required=False)
def codes(code: str | None) -> None:
    """What a code means: 5.7.26, 550, a finding's code such as SPF004, a cause; all of them where none is named."""
    from ..render import codes_text

    if code is None:
        try:
            click.echo(codes_text.table())
        except BrokenPipeError:
            pipe_is_closed()
        return
    found = codes_text.one(code)
    if found is None:
        raise given.Fault(f"“{code[:60]}” is no code that is known here. Try 5.7.26, 550, SPF004 or user-unknown; without a code the whole table is printed.")
    click.echo(found)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="[default: PORT, else 8000]")
@click.option("--demo", is_flag=True, help="Answer names under .example and .test from the demo world.")
def serve(host: str, port: int | None, demo: bool) -> None:
    """Serve the pages and the API."""
    from .serve import serve as run

    run(host, port, demo=demo)


@main.command()
def token() -> None:
    """Make a token for the API, and the hash of it that the server is given in HEALTHCHECK_TOKENS."""
    from .tokens import fresh

    made, digest = fresh()
    click.echo(f"token  {made}\nhash   {digest}")


def run() -> NoReturn:
    """The entry point: a fault of ours is exit 4 and a sentence, never a traceback."""
    if hasattr(sys.stdout, "reconfigure"):  # a terminal that lacks a letter is no fault; what standard error lacks is escaped anyway
        sys.stdout.reconfigure(errors="replace")
    try:
        main.main(prog_name="healthcheck", standalone_mode=True)
    except HealthcheckError as fault:
        click.echo(f"{fault.title}: {fault.detail}", err=True)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as fault:
        click.echo(f"This is a fault of ours: {type(fault).__name__}: {fault}", err=True)
    sys.exit(4)
