"""What the commands share: the options that name a sender and where DNS questions go, and several inputs answered side by side."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import HealthcheckError, InputError, OurFault
from ..model import Domain, check_ip, given_helo, given_selectors
from .streams import readable

if TYPE_CHECKING:
    from ..edge.world import World

AT_ONCE = 4  # bounces at a time, where several are given


class Fault(click.ClickException):
    exit_code = 2

    def format_message(self) -> str:
        return self.message


# ------------------------------------------------------------------ options


def ips(_context: Any, _option: Any, values: tuple[str, ...]) -> tuple[str, ...]:
    return _each(lambda value: (check_ip(value),), values)


def selectors(_context: Any, _option: Any, values: tuple[str, ...]) -> tuple[str, ...]:
    return _each(given_selectors, values)


def _each(check: Callable[[str], tuple[str, ...]], values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(one for value in values for one in check(value)))
    except InputError as fault:
        raise click.BadParameter(fault.detail) from None


def domain(_context: Any, _option: Any, value: str | None) -> str | None:
    try:
        return Domain.parse(value).name if value is not None else None
    except InputError as fault:
        raise click.BadParameter(fault.detail) from None


def topics(_context: Any, _option: Any, values: tuple[str, ...]) -> tuple[str, ...] | None:
    if not values:
        return None
    from ..checks import given_topics

    try:
        return given_topics(values)[0]
    except InputError as fault:
        raise click.BadParameter(fault.detail) from None


def helo(_context: Any, _option: Any, value: str | None) -> str | None:
    try:
        return None if value is None else given_helo(value)
    except InputError as fault:
        raise click.BadParameter(fault.detail) from None


def common(command: Callable[..., None]) -> Callable[..., None]:
    """The options that scan and explain share."""
    for option in (
        click.option("--only-zone", is_flag=True, help="Ask nothing but the zone files."),
        click.option("--zone", "zones", multiple=True, metavar="FILE", help="A zone file (BIND, octoDNS), or a folder of them, laid over the live DNS."),
        click.option("--nameserver", "nameservers", multiple=True, metavar="IP[:PORT]", help="Ask this server instead of the system's resolvers."),
        click.option(
            "--selector",
            "selectors",
            multiple=True,
            callback=selectors,
            help="A DKIM selector in use (the s= of a signature), or a DKIM-Signature header that names it.",
        ),
        click.option("--ip", "ips", multiple=True, callback=ips, help="An address that the mail is sent from."),
        click.option("--mail-from", callback=domain, metavar="DOMAIN", help="The domain of the envelope sender, where it differs."),
    ):
        command = option(command)
    return command


def world_of(zones: tuple[str, ...], only_zone: bool, nameservers: tuple[str, ...]) -> World:
    """The world that the options describe. Raises InputError for options that do not go together, ZoneError for a bad file."""
    from ..edge.world import World

    if only_zone and not zones:
        raise InputError("--only-zone needs at least one --zone FILE to answer from.")
    if only_zone and nameservers:
        raise InputError("--only-zone asks no nameserver; leave --nameserver out.")
    for path in zones:
        if not Path(path).is_dir():
            readable(path)
    if not zones:
        return World.live(nameservers)
    world = World.zones(zones, only=only_zone, beneath=World.live(nameservers) if nameservers else None, careful=True)
    tell_notes(world)
    return world


def tell_notes(world: World) -> None:
    """What was passed over in zone files."""
    for note in world.files.notes if world.files else ():
        click.echo(note, err=True)


def timeout(_context: Any, _option: Any, value: float) -> float:
    if math.isnan(value):  # it is in no range, yet click lets it pass
        raise click.BadParameter("nan is no number of seconds.")
    return value


def check_offline(offline: bool, options: Mapping[str, Any]) -> None:
    """Raises Fault for options that would make no difference with --offline."""
    for option, value in (("--zone", options["zones"]), ("--only-zone", options["only_zone"]), ("--nameserver", options["nameservers"])):
        if offline and value:
            raise Fault(f"--offline asks nobody, so that {option} would make no difference. Leave one of the two out; --only-zone with --zone asks no network.")


# ------------------------------------------------------------------ several inputs


def pasted(files: tuple[str, ...], what: str) -> list[str]:
    """The inputs to read, standard input where none is named; somebody at a terminal is told how to end."""
    if not files and sys.stdin and sys.stdin.isatty():
        click.echo(f"Paste the {what}, then end with Ctrl-D.", err=True)
    return list(files) or ["-"]


def attempt(one: Callable[[str], Any], source: str) -> Any:
    """The answer, or the fault as a value: the other inputs of the same call are answered all the same."""
    try:
        return one(source)
    except HealthcheckError as fault:
        return fault
    except Exception as fault:
        return OurFault(f"{type(fault).__name__}: {fault}")


def each_of(one: Callable[[str], Any], sources: list[str]) -> Iterator[tuple[str, Any]]:
    """(source, answer) of each input, a few at a time, in the order given."""
    if len(sources) == 1:
        yield sources[0], attempt(one, sources[0])
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {pool.submit(attempt, one, source): source for source in sources}
        try:
            for job, source in jobs.items():
                yield source, job.result()
        finally:  # whoever reads the answers has stopped
            for job in jobs:
                job.cancel()
