"""`healthcheck bounces FILE…`: many bounces from the command line. Parse, read with a progress bar, render, write whole files or none.

Exit codes: 0 read and told; 1 a rate at or above --fail-on (which is “never” unless it is asked for); 2 an input or an option that cannot be used, or
nothing that could be read; 4 a fault of ours; 130 stopped.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..errors import HealthcheckError, InputError, OurFault
from ..files import reason
from . import given
from .streams import pipe_is_closed

if TYPE_CHECKING:
    from ..edge.world import World
    from ..many import Progress, Result
    from ..model import Report

KINDS = ("marketing", "transactional", "cold")
BANDS = ("watch", "bad", "critical", "emergency")
SERVICES = ("ses", "sendgrid", "postmark", "mailgun")
CONFIGURATION = ".healthcheck.toml"
MOST_SCANS = 4
HOW_TO_SEE = "{bad} could not be read; the report names the first of them."


class _Fault(click.ClickException):
    exit_code = 2


class _Ours(click.ClickException):
    exit_code = 4


def _moment(_context: Any, _option: Any, value: str | None) -> float | None:
    if value is None:
        return None
    from ..bounce.many.formats.times import moment

    at = moment(value)
    if at is None:
        raise click.BadParameter(f"“{value[:60]}” is no time. Give one as in 2026-11-22 or 2026-11-22T08:00:00Z.")
    return at


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--sent", type=click.IntRange(1), metavar="N", help="How many messages were sent, where the files do not say: the denominator of the rates.")
@click.option("--kind", type=click.Choice(KINDS), default="marketing", show_default=True, help="The kind of mail; cold mail has stricter bands.")
@click.option("--campaign", default="", metavar="NAME", help="The campaign of events that name none.")
@click.option("--now", "--as-of", "now", callback=_moment, metavar="TIME", help="Decide as of this time. [default: the newest event]")
@click.option("--policy", "policy", metavar="FILE", help=f"A TOML file with a table [policy]. [default: {CONFIGURATION} in this folder, where there is one]")
@click.option("--format", "form", type=click.Choice(["text", "json", "html"]), default="text", show_default=True, help="How to write the report.")
@click.option("--output", metavar="FILE", help="Write the report to this file; it is there whole, or not at all.")
@click.option("--decisions", metavar="FILE.csv", help="Write what to do with each address to this file.")
@click.option("--for", "service", type=click.Choice(SERVICES), help="With --decisions: only what is to be suppressed, as this service takes it in.")
@click.option("--events", "events", metavar="FILE.jsonl", help="Write every event that was read to this file; it can be read again.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes.")
@click.option("--scan", is_flag=True, help="Where a cause of the sender's side is shared: look into the sender's DNS, once. Nothing else asks the network.")
@click.option("--nameserver", "nameservers", multiple=True, metavar="IP[:PORT]", help="With --scan: ask this server instead of the system's resolvers.")
@click.option("--zone", "zones", multiple=True, metavar="FILE", help="With --scan: a zone file laid over the live DNS.")
@click.option("--only-zone", is_flag=True, help="With --scan: ask nothing but the zone files.")
@click.option(
    "--fail-on",
    type=click.Choice(["never", *BANDS]),
    default="never",
    show_default=True,
    help="A rate of the whole in this band, or worse, makes the exit code 1.",
)
def bounces(files: tuple[str, ...], **options: Any) -> None:
    """How many of how many came back, why, and whom to stop mailing? Reads files and folders; - is standard input.

    Bounce mails, mailboxes, maildirs, CSV and JSON exports of mail services, logs of Postfix, Exim and Sendmail, answers of `explain`; also packed
    (.gz); mixed in one call. Each is recognised by what is in it.
    """
    code = 2
    try:
        code = run(files, options)
    except KeyboardInterrupt:
        click.echo("Stopped. Nothing was written.", err=True)
        code = 130
    except HealthcheckError as fault:
        raise (_Ours if isinstance(fault, OurFault) else _Fault)(fault.detail) from None
    except BrokenPipeError:
        pipe_is_closed()
        code = 0
    sys.exit(code)


def run(files: tuple[str, ...], options: dict[str, Any]) -> int:
    """The exit code. Raises InputError for options and files that cannot be used."""
    from ..many import many

    _check(options)
    policy = policy_of(options["policy"])
    world = given.world_of(options["zones"], options["only_zone"], options["nameservers"]) if options["scan"] else None
    bar = Bar()
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(whole(options["events"])) if options["events"] else None
        result = many(
            files,
            sent=options["sent"],
            kind=options["kind"],
            campaign=options["campaign"],
            now=options["now"],
            policy=policy,
            jobs=options["jobs"],
            progress=bar.show if bar.on else None,
            events_to=_keeper(kept) if kept is not None else None,
        )
    bar.clear()
    _tell(result)
    if result.nothing_read:
        raise InputError("Nothing could be read." if not result.files else "\n".join(["Nothing could be read.", *_troubles(result)]))
    reports = scans(result, world) if world is not None else {}
    if options["decisions"]:
        from ..bounce.many.formats.lists import lines

        _write(options["decisions"], lines(result.decisions(), options["service"]))
    report = rendered(result, options["form"], reports)
    if options["output"]:
        _write(options["output"], [report if report.endswith("\n") else report + "\n"])
    else:
        click.echo(report, nl=not report.endswith("\n"))
    return exit_code(result, options["fail_on"])


def _check(options: dict[str, Any]) -> None:
    if options["service"] and not options["decisions"]:
        raise InputError(f"--for {options['service']} is the form of a list; name the file with --decisions FILE.csv.")
    for option, value in (("--zone", options["zones"]), ("--only-zone", options["only_zone"]), ("--nameserver", options["nameservers"])):
        if value and not options["scan"]:
            raise InputError(f"{option} is for --scan; without it the network is not asked.")
    places = [os.path.abspath(options[key]) for key in ("output", "decisions", "events") if options[key]]
    if len(set(places)) < len(places):
        raise InputError("Two outputs have the same name. Give each a file of its own.")
    for place in places:
        if os.path.isdir(place):
            raise InputError(f"{place} is a directory. Name a file to write to.")
        if not os.path.isdir(os.path.dirname(place)):
            raise InputError(f"{place} cannot be written: there is no such directory.")


def policy_of(path: str | None) -> Any:
    """The policy of a file, or of .healthcheck.toml in this folder where none is named; None where neither is there. Raises InputError."""
    from ..bounce.many.policy import Policy

    if path is None:
        if not Path(CONFIGURATION).is_file():
            return None
        path = CONFIGURATION
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {reason(fault)}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise InputError(f"{path} is no TOML: {fault}.") from None
    rules = table.get("policy")
    if rules is None and path == CONFIGURATION:
        return None
    if not isinstance(rules, dict):
        raise InputError(f"{path} has no table [policy].")
    try:
        return Policy.from_mapping(rules)
    except InputError as fault:
        raise InputError(f"{path}: {fault.detail}") from None


# ------------------------------------------------------------------ progress, and what could not be read


class Bar:
    """How far it is, on standard error where that is a terminal: files, events, events a second, time left."""

    def __init__(self) -> None:
        self.on = sys.stderr is not None and sys.stderr.isatty()
        self._began = time.monotonic()
        self._shown = False

    def show(self, at: Progress) -> None:
        self._shown = True
        click.echo("\r\033[K" + self.line(at, time.monotonic() - self._began), nl=False, err=True)

    def line(self, at: Progress, seconds: float) -> str:
        seconds = max(seconds, 0.001)
        part = min(1.0, at.octets / at.of) if at.of else 0.0
        drawn = f"[{'#' * int(24 * part):24}] " if at.of else ""
        left = f", about {seconds * (1 - part) / part:.0f} s left" if 0 < part < 1 and seconds > 1 else ""
        return f"{drawn}{at.files} of {at.of_files} files, {at.events:,} events, {at.events / seconds:,.0f} a second{left}"

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\033[K", nl=False, err=True)


def _troubles(result: Result) -> Iterator[str]:
    for file in result.files[:20]:
        yield from (f"{one.where}: {one.words}." for one in file.troubles[:5])


def _tell(result: Result) -> None:
    """On standard error: the inputs that could not be read at all. The rest stands in the report."""
    if result.nothing_read:
        return
    for file in result.unreadable[:20]:
        for one in file.troubles[:1]:
            click.echo(f"{one.where}: {one.words}.", err=True)
    if bad := sum(file.bad for file in result.files if not file.unreadable):
        click.echo(HOW_TO_SEE.format(bad=f"{bad:,} row{'s' if bad > 1 else ''}"), err=True)


# ------------------------------------------------------------------ output


def rendered(result: Result, form: str, reports: dict[str, Report]) -> str:
    """The report, with the scans of the sender beneath it."""
    from ..render import json as json_of
    from ..render import many as render
    from ..render import text as text_of

    if form == "json":
        value: dict[str, Any] = render.as_json(result)
        if reports:
            value["scans"] = {domain: json_of.report(report) for domain, report in reports.items()}
        return json_of.written(value, sys.stdout.encoding, indent=True)
    if form == "html":
        return str(render.html(result))
    text = str(render.text(result))
    for report in reports.values():
        text = f"{text.rstrip()}\n\n{text_of.report(report)}\n"
    return text


@contextlib.contextmanager
def whole(path: str) -> Iterator[TextIO]:
    """A file to write to that is there whole, or not at all: it gets its name when everything is written. Raises InputError for what cannot be written.

    Until then it has no name where the system can do that (Linux, most file systems), so that not even a killed run leaves a trace; else a passing one.
    """
    folder, name = os.path.split(os.path.abspath(path))
    passing = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(6)}.part")
    try:
        handle, named = _unnamed(folder), False
        if handle is None:
            handle, named = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), True
    except OSError as fault:
        raise InputError(f"{path} cannot be written: {reason(fault)}.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
            file.flush()
            os.fsync(handle)
            if not named:
                _name(handle, passing)
        with contextlib.suppress(OSError):
            os.chmod(passing, _mode(path))
        os.replace(passing, path)
    except BaseException as fault:
        with contextlib.suppress(OSError):
            os.unlink(passing)
        if isinstance(fault, OSError) and not isinstance(fault, BrokenPipeError):
            raise InputError(f"{path} cannot be written: {reason(fault)}.") from None
        raise


def _name(handle: int, path: str) -> None:
    """Gives a file without a name one; see open(2), O_TMPFILE."""
    held = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.link(str(handle), path, src_dir_fd=held, follow_symlinks=True)  # with a folder it is linkat(2), which alone follows the link
    finally:
        os.close(held)


def _unnamed(folder: str) -> int | None:
    """A file without a name in a folder, or None where there is no such thing."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except OSError:
        return None


def _mode(path: str) -> int:
    """That of the file that is replaced, else what a new file gets here."""
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _write(path: str, parts: Iterable[str]) -> None:
    with whole(path) as file:
        for part in parts:
            file.write(part)


def _keeper(file: TextIO) -> Callable[[Any], None]:
    from ..bounce.many.formats.objects import event_json
    from ..render import json as json_of

    def keep(event: Any) -> None:
        file.write(json_of.written(event_json(event)) + "\n")

    return keep


# ------------------------------------------------------------------ the sender, and the exit code


def scans(result: Result, world: World) -> dict[str, Report]:
    """One scan for each sending domain that a pattern blames, at most MOST_SCANS, with the topics of all its patterns. The only thing that asks the network."""
    from ..scan import scan

    wanted: dict[str, set[str]] = {}
    for pattern in result.patterns:
        if pattern.state == "found" and pattern.scan is not None and pattern.scan.domain:
            wanted.setdefault(pattern.scan.domain, set()).update(pattern.scan.topics)
    out: dict[str, Report] = {}
    try:
        for domain, topics in list(wanted.items())[:MOST_SCANS]:
            try:
                out[domain] = scan(domain, topics=tuple(sorted(topics)) or None, world=world, source=domain)
            except InputError as fault:  # what stood there as a sender's domain is none
                click.echo(f"{domain[:120]}: {fault.detail}", err=True)
    finally:
        world.close()
    return out


def exit_code(result: Result, fail_on: str) -> int:
    """0, or 1 where a rate of the whole is in that band or a worse one."""
    if fail_on == "never":
        return 0
    bad = BANDS[BANDS.index(fail_on) :]
    return int(any(rate.band in bad for rate in result.rates.total.rates))
