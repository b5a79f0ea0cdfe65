"""`--record FILE` and `--replay FILE`: what a run was told is kept in a file, and the same answer comes out of it again, without network."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..errors import InputError
from ..files import reason
from ..model import Domain
from . import given
from .outputs import File

if TYPE_CHECKING:
    from ..bulk import Item
    from ..edge.recording import Recording
    from ..edge.tape import Recorder
    from ..edge.world import World

# the options of each command that decide what is asked; all others are about how the answer is shown
DECIDE = {
    "scan": ("ips", "selectors", "mail_from", "profile", "topics", "starttls", "helo", "timeout"),
    "explain": ("from_domain", "mail_from", "ips", "selectors"),
    "examine": ("from_domain", "mail_from", "ips", "timeout"),
}
# those that say no to either: (option, its name in `options`, why)
APART = (
    ("--offline", "offline", "which asks nobody"),
    ("--against", "against", "which looks twice"),
    ("--resume", "out", "which adds one run to another"),
)


def options(command: Callable[..., None]) -> Callable[..., None]:
    """--record and --replay, for a command of DECIDE."""
    for option in (
        click.option("--replay", metavar="FILE", help="Answer from a recording, without network, as it was answered then."),
        click.option("--record", metavar="FILE", help="Keep what the DNS and the hosts said in this file, for --replay."),
    ):
        command = option(command)
    return command


def _check(options: Mapping[str, Any]) -> None:
    """Whether the options go together. Raises InputError, in words."""
    if options["record"] and options["replay"]:
        raise InputError("--record and --replay do not go together: what is replayed was recorded already. Leave one of the two out.")
    if not (used := "--record" if options["record"] else "--replay" if options["replay"] else ""):
        return
    for option, name, why in APART:
        if options.get(name):
            raise InputError(f"{used} does not go with {option}, {why}. Leave one of the two out.")
    if (options.get("jobs") or 1) > 1:
        raise InputError(f"{used} is done by one process: leave --jobs out, or give --jobs 1.")
    if options["record"] and os.path.realpath(options["record"]) in {os.path.realpath(one.path) for one in options["outputs"] if one.path != "-"}:
        raise InputError(f"--record and --output both name {options['record']}. Give each a file of its own.")


class Tape:
    """What the two options make of a command: a context manager, which leaves no file behind where `keep` was not called.

    world    where the command asks; None with --offline
    options  those of the command, completed by those that a recording was made with
    plays    is a recording answered from?
    """

    def __init__(self, command: str, options: dict[str, Any]) -> None:
        """Completes `options` in place. Raises InputError, ZoneError for what cannot be done: before anything is asked."""
        _check(options)
        self._command, self.options = command, options
        self._path = options["record"] or options["replay"] or ""
        self._recorder: Recorder | None = None
        self._recording: Recording | None = None
        self._file: File | None = None
        self._done: list[Item] = []
        self._ended: datetime | None = None
        self.world: World | None = None
        if options["replay"]:
            self._play(options["replay"])
        elif not options.get("offline"):
            self.world = given.world_of(options["zones"], options["only_zone"], options["nameservers"])
        if options["record"] and self.world is not None:
            from ..edge.tape import Recorder

            self._file = File(options["record"])
            self._recorder = Recorder(self.world)

    def __enter__(self) -> Tape:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.drop()
        if self.world is not None:
            self.world.close()

    @property
    def plays(self) -> bool:
        return self._recording is not None

    @property
    def on(self) -> bool:
        """Is there a recording at all? Then one input is answered after the other."""
        return self.plays or self._recorder is not None

    # -------------------------------------------------------------- replay

    def _play(self, path: str) -> None:
        from ..edge.recording import Recording
        from ..edge.tape import replayed

        options, self._recording = self.options, Recording.read(path)
        place = self._recording.place
        if options["nameservers"]:
            from ..edge.world import World

            if (named := World.live(options["nameservers"]).nameservers) != place.nameservers:
                asked = ", ".join(place.nameservers) or "no nameserver"
                raise InputError(f"--replay asks nobody: {path} is what {asked} said, and not {', '.join(named)}. Leave --nameserver out.")
        if options["only_zone"] and not place.only_zone:
            raise InputError(f"{path} was recorded without --only-zone. Leave it out.")
        self._complete()
        self.world = replayed(self._recording, options["zones"])
        given.tell_notes(self.world)

    def _complete(self) -> None:
        """What the recorded command was given and this one is not holds here too."""
        assert self._recording is not None
        said = self._recording.command
        if said.name != self._command:
            return
        context = click.get_current_context()
        known = {param.name: param for param in context.command.params}
        for name in DECIDE[self._command]:
            if name not in said.options or _given(context, name):
                continue
            try:
                self.options[name] = known[name].process_value(context, said.options[name])
            except (click.ClickException, TypeError, ValueError) as fault:
                raise InputError(f"{self._path} is a recording that was changed or damaged: {name} ({fault}).") from None
            context.set_parameter_source(name, ParameterSource.COMMANDLINE)

    def items(self, items: Iterator[Item]) -> Iterator[Item]:
        """What is to be scanned, in the order in which it was scanned then: reports come out in the order in which they are done.

        items   what was named; all that was recorded where that is nothing
        Raises InputError for a domain that the recording does not hold.
        """
        if self._recording is None:
            return items
        wanted = list(items)
        held = self._held()
        if not wanted:
            return iter(held)
        named: dict[str, deque[Item]] = {}
        for item in wanted:
            named.setdefault(_domain(item.source), deque()).append(item)
        known = {_domain(item.source) for item in held}
        if strange := next((name for name in named if name not in known and not name.startswith("?")), None):
            raise InputError(f"{self._path} holds nothing about {strange}. {_about(self._recording)}")
        ordered = [named[key].popleft() for item in held if named.get(key := _domain(item.source))]
        return chain(ordered, (item for left in named.values() for item in left))

    def _held(self) -> list[Item]:
        """The inputs that were recorded, in the order in which they were done."""
        from ..bulk import Item

        assert self._recording is not None
        inputs = self._recording.command.inputs if self._recording.command.name == self._command else ()
        if not inputs:
            return [Item(number, domain) for number, domain in enumerate(self._recording.domains)]
        order = sorted(range(len(inputs)), key=lambda n: inputs[n].number)
        numbers = {at: number for number, at in enumerate(order)}
        return [Item(numbers[at], one.source, one.file, one.line) for at, one in enumerate(inputs)]

    # -------------------------------------------------------------- recording

    def note(self, item: Item) -> None:
        """An input that was answered."""
        if self._recorder is not None:
            self._done.append(item)

    def clock(self) -> datetime:
        """The time at which the run has ended; that of then in a replay."""
        if self._recording is not None:
            then = self._recording.command.ended or max((one.now for one in self._recording.scans), default=None)
            return then or datetime.now(UTC)
        self._ended = datetime.now(UTC)
        return self._ended

    def keep(self, code: int = 0) -> None:
        """Writes the recording. code: the exit code; of a run that was stopped nothing is kept. Raises InputError, as for a full disk."""
        if self._file is None or self._recorder is None:
            return
        if code == 130:
            click.echo("The run was stopped, so that no recording was written.", err=True)
            return
        from .. import __version__
        from ..edge.plain import as_plain
        from ..edge.recording import Command, Given

        context = click.get_current_context()
        said = {name: as_plain(self.options[name]) for name in DECIDE[self._command] if _given(context, name)}
        inputs = tuple(Given(item.source, item.file, item.line, item.number) for item in self._done)
        try:
            self._recorder.write(self._file.stream, Command(self._command, said, inputs, self._ended), f"healthcheck {__version__}")
        except OSError as fault:
            raise InputError(f"{self._path} cannot be written: {reason(fault)}.") from None
        self._file.keep()


def _given(context: click.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source is not ParameterSource.DEFAULT


def _domain(source: str) -> str:
    """The domain that an input is about; what is none as it stands, behind a mark."""
    try:
        return Domain.parse(source).name
    except InputError:
        return "?" + source


def _about(recording: Recording) -> str:
    from ..edge.tape import shown

    return f"It is about: {shown(recording.domains)}."
