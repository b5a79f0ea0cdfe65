"""The command line: parse, call one function, render. It never imports flask, and with --offline no DNS library.

Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 usage or an input that cannot be used; 3 a core topic could not be
checked; 4 a fault of ours.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..errors import HealthcheckError, InputError, OurFault, TooLargeError
from ..model import MAX_INPUT, Domain, Status, check_ip, check_selector

if TYPE_CHECKING:
    from ..edge.world import World
    from ..model import Report

FORMATS = ("text", "json", "jsonl")
PROFILES = ("sending",)
AT_ONCE = 4  # scans at a time, where several domains are given


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
    return _each(check_ip, values)


def _selectors(_context: Any, _option: Any, values: tuple[str, ...]) -> tuple[str, ...]:
    return _each(check_selector, values)


def _each(check: Callable[[str], str], values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(check(value) for value in values))
    except InputError as fault:
        raise click.BadParameter(fault.detail) from None


def _domain(_context: Any, _option: Any, value: str | None) -> str | None:
    try:
        return Domain.parse(value).name if value is not None else None
    except InputError as fault:
        raise click.BadParameter(fault.detail) from None


def _common(command: Callable[..., None]) -> Callable[..., None]:
    """The options that scan and explain share."""
    for option in (
        click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print the answer."),
        click.option("--only-zone", is_flag=True, help="Ask nothing but the zone files."),
        click.option("--zone", "zones", multiple=True, metavar="FILE", help="A zone file laid over the live DNS: try a change before it is published."),
        click.option("--nameserver", "nameservers", multiple=True, metavar="IP[:PORT]", help="Ask this server instead of the system's resolvers."),
        click.option("--selector", "selectors", multiple=True, callback=_selectors, help="A DKIM selector in use (the s= of a signature)."),
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
        _readable(path)
    if not zones:
        return World.live(nameservers)
    if only_zone:
        return World.zones(zones, only=True)
    return World.zones(zones, beneath=World.live(nameservers)) if nameservers else World.zones(zones)


def _timeout(_context: Any, _option: Any, value: float) -> float:
    if math.isnan(value):  # it is in no range, yet click lets it pass
        raise click.BadParameter("nan is no number of seconds.")
    return value


def _readable(path: str) -> None:
    if not path:
        raise InputError("A file without a name was given.")
    if Path(path).is_dir():
        raise InputError(f"{path} is a directory. Give a file.")
    try:
        with open(path, "rb"):
            pass
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {_reason(fault)}.") from None


def _reason(fault: OSError) -> str:
    return (fault.strerror or str(fault)).lower()


def _named(source: str) -> str:
    return "Standard input" if source == "-" else source


def _standard_input() -> bytes:
    """Up to 1 MiB and one octet of it."""
    if sys.stdin is None:
        raise InputError("Standard input is closed. Name a file.")
    return sys.stdin.buffer.read(MAX_INPUT + 1)


def _lines(path: str) -> list[str]:
    """The domains of a file, one a line; # starts a comment."""
    if path == "-":
        octets = _standard_input()
    else:
        _readable(path)
        with open(path, "rb") as file:
            octets = file.read(MAX_INPUT + 1)
    if len(octets) > MAX_INPUT:
        raise TooLargeError(f"{_named(path)} is larger than 1 MiB. Give the domains in several files.")
    return [name for line in octets.decode("utf-8-sig", "replace").splitlines() if (name := line.partition("#")[0].strip())]


# ------------------------------------------------------------------ scan


@main.command()
@click.argument("domains", nargs=-1, metavar="[DOMAIN...]")
@click.option("--file", "files", multiple=True, metavar="FILE", help="Domains, one a line; - reads standard input.")
@click.option("--profile", default="sending", show_default=True, help=f"What the domain is for: {', '.join(PROFILES)}.")
@click.option("--fail-on", type=click.Choice(["fail", "warn", "note", "never"]), default="fail", show_default=True, help="What makes the exit code 1.")
@click.option(
    "--unknown", type=click.Choice(["fail", "warn", "pass"]), default=None, help="What a core check that could not be made counts as. [default: exit 3]"
)
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=15.0, show_default=True, metavar="S", callback=_timeout, help="Seconds for each scan.")
@_common
def scan(domains: tuple[str, ...], **options: Any) -> None:
    """Is this domain's mail set up right?"""
    if options["profile"] not in PROFILES:
        raise click.BadParameter(f"there is no profile “{options['profile']}”. Known: {', '.join(PROFILES)}.", param_hint="--profile")
    try:
        world = _world(options["zones"], options["only_zone"], options["nameservers"])
        files = (*options["files"], *(["-"] if "-" in domains else []))
        wanted = [*(d for d in domains if d != "-"), *(name for path in files for name in _lines(path))] or _origins(options["zones"])
    except HealthcheckError as fault:
        raise _Fault(fault.detail) from None
    if not wanted:
        raise _Fault("No domain was given. Name one, as in: healthcheck scan example.com")
    given = {key: options[key] for key in ("ips", "selectors", "mail_from", "profile")} | {"deadline": options["timeout"]}

    def one(name: str) -> Report:
        from ..scan import scan as run

        return run(name, world=world, source=name, **given)

    from ..render import json as as_json
    from ..render import text as as_text

    code = _print(
        _map(one, wanted, in_order=options["form"] != "jsonl"),
        form=options["form"],
        as_dict=as_json.report,
        as_text=as_text.report,
        code_of=lambda report: _exit_code(report, options["fail_on"], options["unknown"]),
    )
    world.close()
    sys.exit(code)


def _origins(paths: tuple[str, ...]) -> list[str]:
    """The domains that zone files are about, where none was named: the zones, and the topmost names of a file without SOA."""
    from ..edge.codec import name_text
    from ..edge.zones import ZoneSet

    held = ZoneSet.read(paths)
    zones, patched = ({n for n in map(_parsed, map(name_text, wires)) if n} for wires in (held.zones, held.patch.sets))
    tops = {n for n in patched if not any(n.endswith("." + other) for other in patched)}
    return sorted(zones | tops)


def _parsed(name: str) -> str:
    """The domain to scan, or "" for a reverse zone, a top-level domain, a wildcard."""
    try:
        domain = Domain.parse(name).name
    except InputError:
        return ""
    return "" if domain.endswith(".arpa") else domain


def _attempt(one: Callable[[str], Any], source: str) -> Any:
    """The answer, or the fault as a value: the other inputs of the same call are answered all the same."""
    try:
        return one(source)
    except HealthcheckError as fault:
        return fault
    except Exception as fault:
        return OurFault(f"{type(fault).__name__}: {fault}")


def _map(one: Callable[[str], Any], sources: list[str], *, in_order: bool) -> Iterator[tuple[str, Any]]:
    """(source, answer) of each input, a few at a time; in the order given, or as they finish."""
    if len(sources) == 1:
        yield sources[0], _attempt(one, sources[0])
        return
    from concurrent.futures import ThreadPoolExecutor, as_completed

    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {pool.submit(_attempt, one, source): source for source in sources}
        try:
            for job in jobs if in_order else as_completed(jobs):
                yield jobs[job], job.result()
        finally:  # whoever reads the answers has stopped
            for job in jobs:
                job.cancel()


def _exit_code(report: Report, fail_on: str, unknown: str | None) -> int:
    """0, 1 or 3 for one report; 1 wins over 3."""
    if fail_on == "never":
        return 0
    from ..catalog import findings_of
    from ..checks import CORE

    bad = (Status.FAIL, Status.WARN, Status.NOTE)[: ("fail", "warn", "note").index(fail_on) + 1]
    blind = any(finding.status is Status.UNKNOWN for finding in findings_of(report, CORE))
    if any(finding.status in bad for finding in report.findings) or (blind and unknown in bad):
        return 1
    return 3 if blind and unknown is None else 0


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
        _pipe_is_closed()
    return next(code for code in (4, 2, 1, 3, 0) if code in codes)


def _told(source: str, detail: str) -> str:
    """The fault with its input in front, where the sentence does not begin with it."""
    return detail if not source or detail.startswith(_named(source)) else f"{source[:120]}: {detail}"


def _pipe_is_closed() -> None:
    """What is still held goes nowhere, so that Python does not complain when it ends."""
    import os

    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


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
    try:
        if not offline:
            world = _world(options["zones"], options["only_zone"], options["nameservers"])
    except HealthcheckError as fault:
        raise _Fault(fault.detail) from None
    given = {key: options[key] for key in ("from_domain", "mail_from", "ips", "selectors")}

    def one(source: str) -> Any:
        return run(_octets(source), offline=offline, world=world, source=source, **given)

    wanted = list(files) or ["-"]
    if not files and sys.stdin and sys.stdin.isatty():
        click.echo("Paste the bounce, then end with Ctrl-D.", err=True)
    answers = ((source, _attempt(one, source)) for source in wanted) if offline else _map(one, wanted, in_order=True)
    code = _print(answers, form=form, as_dict=as_json.diagnosis, as_text=as_text.diagnosis, code_of=lambda _: 0)
    if world:
        world.close()
    sys.exit(code)


def _octets(source: str) -> bytes:
    """What a file, or standard input, holds. Raises InputError, TooLargeError in words; never an OSError."""
    named = _named(source)
    if not source:
        raise InputError("A file without a name was given.")
    try:
        if source == "-":
            octets = _standard_input()
        else:
            if Path(source).is_dir():
                raise InputError(f"{named} is a directory. Give a file.")
            with open(source, "rb") as file:
                octets = file.read(MAX_INPUT + 1)
    except OSError as fault:
        raise InputError(f"{named} cannot be read: {_reason(fault)}.") from None
    except ValueError:
        raise InputError(f"{named[:60]!r} is no file name.") from None
    if len(octets) > MAX_INPUT:
        raise TooLargeError(f"{named} is larger than 1 MiB. Give the bounce itself, without its attachments.")
    if not octets.strip(b"\0 \t\r\n"):
        raise InputError(f"{named} is empty. Give a bounce mail, or the reply of the receiving server.")
    return octets


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
            _pipe_is_closed()
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
