"""`--format` and `--output FORMAT=FILE`: where reports go, several places at once, each file whole or not there."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import click

from ..errors import HealthcheckError, InputError, OurFault
from ..files import reason
from . import given
from .streams import pipe_is_closed, shown

if TYPE_CHECKING:
    from ..render.outputs import Document
    from ..render.pieces import Context

PLAIN = ("text", "json", "jsonl", "markdown")  # as in render/outputs.py, which costs more to load than a command line may
FORMATS = (*PLAIN, "junit", "sarif", "github")
SUMMARY = 1 << 20  # octets that the summary of a step may hold


class Output(NamedTuple):
    """path: a file, or "-" for standard output."""

    form: str
    path: str


def options(forms: Sequence[str]) -> Callable[[Any], Any]:
    """--format and --output, for a command that knows these formats."""

    def add(command: Any) -> Any:
        told = "Also write the report to a file, in this format; - is standard output. Repeatable."
        command = click.option("--output", "outputs", multiple=True, metavar="FORMAT=FILE", callback=_given(forms), help=told)(command)
        return click.option("--format", "form", type=click.Choice(forms), default="text", show_default=True, help="How to print the answer.")(command)

    return add


def _given(forms: Sequence[str]) -> Callable[..., tuple[Output, ...]]:
    def check(_context: Any, _option: Any, values: tuple[str, ...]) -> tuple[Output, ...]:
        out = []
        for value in values:
            form, equals, path = value.partition("=")
            if form not in forms or not equals or not path:
                raise click.BadParameter(f"“{value[:100]}” is no FORMAT=FILE; as in sarif=report.sarif. Formats: {', '.join(forms)}.")
            out.append(Output(form, path))
        return tuple(out)

    return check


def wanted(form: str, outputs: Sequence[Output], *, chosen: bool) -> tuple[str, tuple[Output, ...]]:
    """What standard output gets, and what goes elsewhere.

    chosen  whether --format was given, or is the default, which gives way to an --output to standard output
    Raises InputError for two that want standard output, or the same file.
    """
    here = [one.form for one in outputs if one.path == "-"]
    rest = tuple(one for one in outputs if one.path != "-")
    if len(here) + chosen > 1:
        raise InputError(
            f"Standard output takes one format, and {' and '.join([form] * chosen + here)} want it. Give the others a file, as in {here[-1]}=FILE."
        )
    seen: set[str] = set()
    for one in rest:
        if (place := os.path.realpath(one.path)) in seen:
            raise InputError(f"Two --output options name {one.path}. Give each a file of its own.")
        seen.add(place)
    return (here[0] if here else form), rest


def context(options: Mapping[str, Any]) -> Context:
    """How reports are rendered, by the options of scan. Paths are shown from where CI has checked out the repository, else from here."""
    from ..render.pieces import Context

    here = Path.cwd()
    given = os.environ.get("GITHUB_WORKSPACE") or os.environ.get("CI_PROJECT_DIR")
    root = Path(os.path.realpath(given)) if given else here
    return Context(str(root if here.is_relative_to(root) else here), options["fail_on"], options["unknown"], options["passed"])


# ------------------------------------------------------------------ files


class File:
    """A file that is put in its place once all of it is written; what stood there before is left alone until then."""

    def __init__(self, path: str) -> None:
        """Raises InputError for a place that cannot be written to: before anything is scanned, not after."""
        import tempfile

        self._path, self._place = path, os.path.realpath(path)
        self._temporary = ""
        try:
            if Path(path).is_dir():
                raise InputError(f"{path} is a directory. Name the file to write to.")
            if os.path.exists(self._place) and not os.path.isfile(self._place):  # a pipe or a device has nothing to be replaced
                self.stream = _opened(self._place)
                return
            handle, self._temporary = tempfile.mkstemp(prefix=".healthcheck-", suffix=".tmp", dir=os.path.dirname(self._place))
            self.stream = _opened(handle)
        except OSError as fault:
            raise InputError(f"{path} cannot be written: {reason(fault)}.") from None

    def keep(self) -> None:
        """Raises InputError, as for a full disk."""
        try:
            self.stream.flush()
            if self._temporary:
                os.fsync(self.stream.fileno())
                self.stream.close()
                os.chmod(self._temporary, _mode(self._place))
                os.replace(self._temporary, self._place)
                self._temporary = ""
            self.stream.close()
        except OSError as fault:
            raise InputError(f"{self._path} cannot be written: {reason(fault)}.") from None

    def drop(self) -> None:
        """What was begun is taken away; nothing where it was kept already."""
        with contextlib.suppress(OSError):
            self.stream.close()
        if self._temporary:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)


def _opened(file: str | int) -> TextIO:
    return open(file, "w", encoding="utf-8", errors="replace", newline="\n")  # closed by File


def _mode(place: str) -> int:
    """The rights of the file that is replaced, else those that a new file gets."""
    with contextlib.suppress(OSError):
        return stat.S_IMODE(os.stat(place).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


# ------------------------------------------------------------------ all of them


class Sinks:
    """Where parts go: a context manager. Leaving it without end() leaves every file as it was."""

    def __init__(self, outputs: Sequence[Output], *, here: str = "", alone: bool = False, env: Mapping[str, str] = os.environ) -> None:
        """here: the format of standard output where it is written by this, else "". Raises InputError, as File does."""
        from ..render.outputs import Document

        self.forms = tuple(dict.fromkeys([*([here] if here else []), *(one.form for one in outputs)]))
        self._files: list[tuple[File, Document]] = []
        self._here = Document(here, alone=alone) if here else None
        # GitHub's own summary of the step, beside its annotations
        self._summary = Summary(env.get("GITHUB_STEP_SUMMARY", "")) if "github" in self.forms else None
        try:
            for one in outputs:
                self._files.append((File(one.path), Document(one.form, alone=alone)))
        except InputError:
            self.__exit__()
            raise

    def __enter__(self) -> Sinks:
        return self

    def __exit__(self, *_: object) -> None:
        for file, _document in self._files:
            file.drop()

    def _each(self) -> Iterator[tuple[Callable[[str], Any], Document]]:
        if self._here is not None:
            yield partial(_echo, self._here.form), self._here
        yield from ((file.stream.write, document) for file, document in self._files)

    def begin(self) -> None:
        for write, document in self._each():
            write(document.head())

    def add(self, parts: Mapping[str, Any]) -> None:
        """The next input, in the order in which they are to stand. parts: what it is in each of `forms`; one that is missing is left out."""
        for write, document in self._each():
            if document.form in parts:
                write(document.add(parts[document.form]))
        if self._summary and "github" in parts:
            self._summary.add(parts["github"])

    def end(self, code: int, now: datetime | None = None) -> None:
        """Closes every document and puts the files in their places. code: the exit code; now: when the run ended. Raises InputError."""
        for write, document in self._each():
            write(document.end(code, now or datetime.now(UTC)))
        for file, _document in self._files:
            file.keep()
        if self._summary:
            self._summary.end()


def _echo(form: str, text: str) -> None:
    """To standard output. A letter that its encoding lacks is written as JSON and XML write such letters."""
    if not text:
        return
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        if form == "junit":
            text = text.encode("ascii", "xmlcharrefreplace").decode("ascii")
        elif form in ("json", "jsonl"):  # letters beyond ASCII stand in strings only
            text = "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)
    click.echo(text, nl=False)


class Summary:
    """The Markdown of a step, added to what other steps' commands have written there; at most what GitHub takes."""

    def __init__(self, path: str) -> None:
        self._path, self._left_out, self._count = path, 0, 0
        self._room = SUMMARY - 4096  # for the line that says what was left out
        with contextlib.suppress(OSError):
            self._room -= os.path.getsize(path)
        self._text: list[str] = []

    def add(self, part: Any) -> None:
        if not self._path:
            return
        from ..render.outputs import summary

        text = summary(part) + "\n"
        if (size := len(text.encode("utf-8", "replace"))) > self._room:
            self._left_out += 1
            return
        self._room -= size
        self._text.append(text)

    def end(self) -> None:
        """Raises InputError where the file cannot be added to."""
        if not self._path:
            return
        from ..render import markdown, words

        text = markdown.heading() + "".join(self._text)
        if self._left_out:
            text += words.fill(words.word("ci", "not_shown"), {"count": self._left_out}) + "\n"
        try:
            with open(self._path, "a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as fault:
            raise InputError(f"{self._path} cannot be written: {reason(fault)}.") from None


@contextlib.contextmanager
def quiet_runner(form: str, env: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Keeps the runner of GitHub Actions from taking a line of a text for one of its commands, which begins like any word: “::”.

    JSON and XML cannot begin a line so; the format github is made of commands, and escapes what it quotes.
    """
    import secrets

    token = secrets.token_hex(16) if env.get("GITHUB_ACTIONS") == "true" and form in ("text", "markdown") else ""
    if token:
        click.echo(f"::stop-commands::{token}")
    try:
        yield
    finally:
        if token:
            with contextlib.suppress(BrokenPipeError):
                click.echo(f"::{token}::")


# ------------------------------------------------------------------ explain, examine


def chosen() -> bool:
    """Was --format given?"""
    source = click.get_current_context().get_parameter_source("form")
    return source is not None and source.name != "DEFAULT"


def answered(
    one: Callable[[str], Any],
    sources: list[str],
    part: Callable[[str, Any], Any],
    form: str,
    given_outputs: Sequence[Output],
    *,
    in_turn: bool,
) -> int:
    """Answer each input and write it as it comes, and say which exit code they make: 4 before 2 before 0. Raises InputError, as Sinks does.

    one      what answers an input; several at a time, where they wait for the network
    in_turn  one after the other
    part     (format, answer) -> what the answer is in that format
    A reader that has seen enough (`| head -1`) ends it quietly; the exit code is that of what was answered so far.
    """
    from ..render import outputs
    from ..render.pieces import Context

    form, rest = wanted(form, given_outputs, chosen=chosen())
    answers = ((source, given.attempt(one, source)) for source in sources) if in_turn else given.each_of(one, sources)
    codes, context = [0], Context()
    with quiet_runner(form), Sinks(rest, here=form, alone=len(sources) == 1) as sinks:
        try:
            sinks.begin()
            for source, answer in answers:
                if isinstance(answer, HealthcheckError):
                    codes.append(4 if isinstance(answer, OurFault) else 2)
                    if form in ("text", "markdown"):
                        click.echo(_told(source, answer.detail), err=True)
                    sinks.add({one: outputs.failed(one, source, answer, context) for one in sinks.forms if (one, form) != ("text", "text")})
                else:
                    sinks.add({one: part(one, answer) for one in sinks.forms})
            code = max(codes)
            sinks.end(code)
        except BrokenPipeError:
            pipe_is_closed()
    return max(codes)


def _told(source: str, detail: str) -> str:
    """The fault with its input in front, where the sentence does not begin with it."""
    return detail if not source or detail.startswith(shown(source)) else f"{source[:120]}: {detail}"
