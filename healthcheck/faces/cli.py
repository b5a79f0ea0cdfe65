"""The command line: parse, call one function, render. It never imports flask, and with --offline no DNS library.

Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 usage or an input that cannot be used; 3 a core topic could not be
checked; 4 a fault of ours.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..errors import HealthcheckError, InputError, OurFault
from ..model import PROFILES, Domain, check_ip, given_helo, given_selectors
from . import against
from .bounces import bounces
from .streams import Done, named, octets_of, origins, pipe_is_closed, readable, shown

if TYPE_CHECKING:
    from ..edge.world import World

FORMATS = ("text", "json", "jsonl")
AT_ONCE = 4  # bounces at a time, where several are given


class _Fault(click.ClickException):
    exit_code = 2

    def format_message(self) -> str:
        return self.message


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Is this domain's mail set up right? Why did this mail come back, and what do I change?

    Exit codes: 0 fine, 1 problems found, 2 an input that cannot be used, 3 a core check could not be made, 4 a fault of ours.
    """


def _ips(_context: Any, _option: Any, values: tuple[str, ...]) -> tuple[str, ...]:
    return _each(lambda value: (check_ip(value),), values)


def _selectors(_context: Any, _option: Any, values: tuple[str, ...]) -> tuple[str, ...]:
    return _each(given_selectors, values)


def _each(check: Callable[[str], tuple[str, ...]], values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(one for value in values for one in check(value)))
    except InputError as fault:
        raise click.BadParameter(fault.detail) from None


def _domain(_context: Any, _option: Any, value: str | None) -> str | None:
    try:
        return Domain.parse(value).name if value is not None else None
    except InputError as fault:
        raise click.BadParameter(fault.detail) from None


def _topics(_context: Any, _option: Any, values: tuple[str, ...]) -> tuple[str, ...] | None:
    if not values:
        return None
    from ..checks import given_topics

    try:
        return given_topics(values)[0]
    except InputError as fault:
        raise click.BadParameter(fault.detail) from None


def _helo(_context: Any, _option: Any, value: str | None) -> str | None:
    try:
        return None if value is None else given_helo(value)
    except InputError as fault:
        raise click.BadParameter(fault.detail) from None


def _common(command: Callable[..., None]) -> Callable[..., None]:
    """The options that scan and explain share."""
    for option in (
        click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print the answer."),
        click.option("--only-zone", is_flag=True, help="Ask nothing but the zone files."),
        click.option("--zone", "zones", multiple=True, metavar="FILE", help="A zone file laid over the live DNS: try a change before it is published."),
        click.option("--nameserver", "nameservers", multiple=True, metavar="IP[:PORT]", help="Ask this server instead of the system's resolvers."),
        click.option(
            "--selector",
            "selectors",
            multiple=True,
            callback=_selectors,
            help="A DKIM selector in use (the s= of a signature), or a DKIM-Signature header that names it.",
        ),
        click.option("--ip", "ips", multiple=True, callback=_ips, help="An address that the mail is sent from."),
        click.option("--mail-from", callback=_domain, metavar="DOMAIN", help="The domain of the envelope sender, where it differs."),
    ):
        command = option(command)
    return command


def _world(zones: tuple[str, ...], only_zone: bool, nameservers: tuple[str, ...]) -> World:
    """The world that the options describe. Raises InputError for options that do not go together, ZoneError for a bad file."""
    from ..edge.world import World

    if only_zone and not zones:
        raise InputError("--only-zone needs at least one --zone FILE to answer from.")
    if only_zone and nameservers:
        raise InputError("--only-zone asks no nameserver; leave --nameserver out.")
    for path in zones:
        readable(path)
    if not zones:
        return World.live(nameservers)
    if only_zone:
        return World.zones(zones, only=True)
    return World.zones(zones, beneath=World.live(nameservers)) if nameservers else World.zones(zones)


def _timeout(_context: Any, _option: Any, value: float) -> float:
    if math.isnan(value):  # it is in no range, yet click lets it pass
        raise click.BadParameter("nan is no number of seconds.")
    return value


# ------------------------------------------------------------------ scan


@main.command()
@click.argument("domains", nargs=-1, metavar="[DOMAIN...]")
@click.option("--file", "files", multiple=True, metavar="FILE", help="Domains, one a line (# starts a comment); - reads standard input.")
@click.option("--resume", "out", metavar="OUT.jsonl", help="Add JSON lines to this file, and pass over the domains that stand in it.")
@click.option("--jobs", type=click.IntRange(1, 64), default=None, help="Processes, where many domains are scanned. [default: one a processor]")
@click.option("--at-once", type=click.IntRange(1, 10000), default=500, show_default=True, help="Questions under way at a time, all processes together.")
@click.option("--profile", default="sending", show_default=True, help=f"What the domain is for: {', '.join(PROFILES)}.")
@click.option("--topic", "topics", multiple=True, callback=_topics, metavar="T", help="Report on this topic only (mx, spf, mta-sts, recipient, …); repeatable.")
@click.option("--starttls", is_flag=True, help="Connect to the domain's mail hosts on port 25 and see how they take TLS.")
@click.option("--helo", callback=_helo, metavar="NAME", help="The name that the sending servers say in EHLO.")
@click.option("--fail-on", type=click.Choice(["fail", "warn", "note", "never"]), default="fail", show_default=True, help="What makes the exit code 1.")
@click.option(
    "--unknown", type=click.Choice(["fail", "warn", "pass"]), default=None, help="What a core check that could not be made counts as. [default: exit 3]"
)
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=15.0, show_default=True, metavar="S", callback=_timeout, help="Seconds for each scan.")
@against.option
@_common
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
        raise _Fault(fault.detail) from None
    sys.exit(code)


def _scan(domains: tuple[str, ...], options: dict[str, Any]) -> int:
    """The exit code. Raises InputError, ZoneError."""
    from ..checks import given_topics
    from .bulk import Wanted, exit_code, scan_all

    out, form = options["out"], _form(options)
    world = _world(options["zones"], options["only_zone"], options["nameservers"])
    files = (*options["files"], *(["-"] if "-" in domains else []))
    for path in files:
        if path != "-":
            readable(path)
    names: list[str] | tuple[str, ...] = tuple(d for d in domains if d != "-")
    if not names and not files:
        names = origins(options["zones"])
    items = named(names, files)
    if (first := next(items, None)) is None:
        raise InputError("No domain was given. Name one, as in: healthcheck scan example.com")
    items = chain([first], items)
    done = Done(out) if out else None
    topics, starttls = given_topics(options["topics"] or (), starttls=options["starttls"])
    given = {key: options[key] for key in ("ips", "selectors", "mail_from", "profile", "helo")} | {"deadline": options["timeout"]}
    given |= {"topics": topics, "starttls": starttls}
    if options["against"]:
        return against.run(items, world, given, options)
    wanted = Wanted(
        world=world,
        given=given,
        form=form,
        code_of=lambda report: exit_code(report, options["fail_on"], options["unknown"]),
        at_once=options["at_once"],
        jobs=options["jobs"],
        encoding="utf-8" if out else sys.stdout.encoding,
    )
    total = _total(names, files) if sys.stderr is not None and sys.stderr.isatty() else None
    try:
        return scan_all(wanted, done.left(items) if done else items, total=total, out=out)
    finally:
        world.close()


def _form(options: dict[str, Any]) -> str:
    if not options["out"]:
        return str(options["form"])
    source = click.get_current_context().get_parameter_source("form")
    if options["form"] != "jsonl" and source is not None and source.name != "DEFAULT":
        raise InputError(f"--resume writes JSON lines; leave out --format {options['form']}.")
    return "jsonl"


def _total(names: Iterable[str], files: tuple[str, ...]) -> int | None:
    """How many domains there are, where that can be known before they are read."""
    return sum(1 for _ in named(names, files)) if all(Path(path).is_file() for path in files) else None


def _attempt(one: Callable[[str], Any], source: str) -> Any:
    """The answer, or the fault as a value: the other inputs of the same call are answered all the same."""
    try:
        return one(source)
    except HealthcheckError as fault:
        return fault
    except Exception as fault:
        return OurFault(f"{type(fault).__name__}: {fault}")


def _map(one: Callable[[str], Any], sources: list[str]) -> Iterator[tuple[str, Any]]:
    """(source, answer) of each input, a few at a time, in the order given."""
    if len(sources) == 1:
        yield sources[0], _attempt(one, sources[0])
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {pool.submit(_attempt, one, source): source for source in sources}
        try:
            for job, source in jobs.items():
                yield source, job.result()
        finally:  # whoever reads the answers has stopped
            for job in jobs:
                job.cancel()


def _print(answers: Iterable[tuple[str, Any]], *, form: str, as_dict: Any, as_text: Any, code_of: Callable[[Any], int]) -> int:
    """Print each answer as it comes, and say which exit code they make: 4 before 2 before 1 before 3 before 0.

    A reader that has seen enough (`| head -1`) ends it quietly; the exit code is that of what was answered so far.
    """
    from ..render.json import error, written

    codes, gathered = [0], []
    try:
        for source, answer in answers:
            failed = isinstance(answer, HealthcheckError)
            codes.append((4 if isinstance(answer, OurFault) else 2) if failed else code_of(answer))
            if form == "text":
                if failed:
                    click.echo(_told(source, answer.detail), err=True)
                else:
                    click.echo(as_text(answer))
                continue
            value = error(source, answer) if failed else as_dict(answer)
            if form == "jsonl":
                click.echo(written(value, sys.stdout.encoding, separators=(",", ":")))
            else:
                gathered.append(value)
        if form == "json":
            click.echo(written(gathered[0] if len(gathered) == 1 else gathered, sys.stdout.encoding, indent=2))
    except BrokenPipeError:
        pipe_is_closed()
    return next(code for code in (4, 2, 1, 3, 0) if code in codes)


def _told(source: str, detail: str) -> str:
    """The fault with its input in front, where the sentence does not begin with it."""
    return detail if not source or detail.startswith(shown(source)) else f"{source[:120]}: {detail}"


# ------------------------------------------------------------------ explain


@main.command()
@click.argument("files", nargs=-1, metavar="[FILE...|-]")
@click.option("--offline", is_flag=True, help="Ask no network at all.")
@click.option("--from", "from_domain", callback=_domain, metavar="DOMAIN", help="The domain of the From header.")
@_common
def explain(files: tuple[str, ...], offline: bool, form: str, **options: Any) -> None:
    """Why did this mail come back, and what do I change? Reads files, or standard input."""
    from ..explain import explain as run
    from ..render import json as as_json
    from ..render import text as as_text

    world = None
    for option, given_so in (("--zone", options["zones"]), ("--only-zone", options["only_zone"]), ("--nameserver", options["nameservers"])):
        if offline and given_so:
            raise _Fault(
                f"--offline asks nobody, so that {option} would make no difference. Leave one of the two out; --only-zone with --zone asks no network."
            )
    try:
        if not offline:
            world = _world(options["zones"], options["only_zone"], options["nameservers"])
    except HealthcheckError as fault:
        raise _Fault(fault.detail) from None
    given = {key: options[key] for key in ("from_domain", "mail_from", "ips", "selectors")}

    def one(source: str) -> Any:
        return run(octets_of(source), offline=offline, world=world, source=source, **given)

    wanted = list(files) or ["-"]
    if not files and sys.stdin and sys.stdin.isatty():
        click.echo("Paste the bounce, then end with Ctrl-D.", err=True)
    answers = ((source, _attempt(one, source)) for source in wanted) if offline else _map(one, wanted)
    code = _print(answers, form=form, as_dict=as_json.diagnosis, as_text=as_text.diagnosis, code_of=lambda _: 0)
    if world:
        world.close()
    sys.exit(code)


main.add_command(bounces)
from . import examine_cli as examine_cli  # noqa: E402, PLC0414  (the command examine; it is made of what stands above)

# ------------------------------------------------------------------ codes, serve


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
        raise _Fault(f"“{code[:60]}” is no code that is known here. Try 5.7.26, 550, SPF004 or user-unknown; without a code the whole table is printed.")
    click.echo(found)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="[default: PORT, else 8000]")
@click.option("--demo", is_flag=True, help="Answer names under .example and .test from the demo world.")
def serve(host: str, port: int | None, demo: bool) -> None:
    """Serve the pages and the API."""
    import importlib

    # the application stands beside the package, not in it
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    importlib.import_module("app").serve(host, port, demo=demo)


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
