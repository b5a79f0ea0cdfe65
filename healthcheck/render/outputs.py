"""Which formats there are, and how each is put together of many reports. Pure: a report becomes a part, parts become a document. A format is loaded
when it is asked for, so that a command starts the quicker.

part(form, report, context)    what one report is in a format: made in the process that scanned, and sent through a pipe
Document(form)                 head, each part in turn, end: written as it comes, so that no report is held
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..errors import HealthcheckError
from ..model import Diagnosis, Report
from . import json as as_json
from . import text

if TYPE_CHECKING:
    from . import github
    from .pieces import Context

PLAIN = ("text", "json", "jsonl", "markdown")  # for a diagnosis too
FORMATS = (*PLAIN, "junit", "sarif", "github")


# ------------------------------------------------------------------ parts


def part(form: str, report: Report, context: Context) -> Any:
    """What a report is in a format. Values that can be pickled; only Document knows what they are."""
    if form == "text":
        return text.report(report)
    if form in PLAIN[1:3]:
        return _json(form, as_json.report(report))
    from . import github, junit, markdown, sarif

    if form == "markdown":
        return markdown.report(report, context)
    if form == "junit":
        return junit.suite(report, context)
    if form == "sarif":
        return {"results": sarif.results(report, context), "warned": [sarif.warned(one, context) for one in report.warnings], "failed": []}
    if form == "github":
        return [(github.line(report), github.annotated(report, context)), markdown.report(report, context)]
    raise ValueError(form)


def failed(form: str, source: str, fault: HealthcheckError, context: Context) -> Any:
    """What an input that could not be answered is in a format. It never disappears: the exit code speaks of it too."""
    if form == "text":
        return f"{text.clean(source[:200])}: {text.clean(fault.detail)}"
    if form in PLAIN[1:3]:
        value = as_json.error(source, fault)
        if context.place:
            value["input"] |= {"file": context.place.file, "line": context.place.line}
        return _json(form, value)
    from . import github, junit, markdown, sarif

    if form == "markdown":
        return markdown.failed(source, fault)
    if form == "junit":
        return junit.failed(source, fault, context)
    if form == "sarif":
        return {"results": [], "warned": [], "failed": [sarif.failed(source, fault, context)]}
    if form == "github":
        return [("", github.failed(source, fault, context)), markdown.failed(source, fault)]
    raise ValueError(form)


def diagnosed(form: str, diagnosis: Diagnosis, *, redact: bool = False) -> Any:
    """What a diagnosis is in a format of PLAIN. redact: with the local part of every address masked."""
    if redact:
        from . import redact as masks

        diagnosis = masks.diagnosis(diagnosis)
    if form == "text":
        return text.diagnosis(diagnosis)
    if form == "markdown":
        from . import markdown

        return markdown.diagnosis(diagnosis)
    return _json(form, as_json.diagnosis(diagnosis))


def examined(form: str, told: Mapping[str, Any]) -> Any:
    """What an examination, as render.examination tells it, is in text, json or jsonl."""
    if form == "text":
        from . import examination_text

        return examination_text.examination(told)
    return _json(form, told)


def _json(form: str, value: Any) -> str:
    return as_json.written(value, indent=form == "json")


# ------------------------------------------------------------------ documents


class Document:
    """A document of one format, written piece by piece.

    alone  whether there is one input only: JSON is then an object and no array
    """

    def __init__(self, form: str, *, alone: bool = False) -> None:
        self.form, self._alone, self._count = form, alone, 0
        self._own: Any = None  # what the format itself keeps from one part to the next
        if form in ("sarif", "github"):
            from . import github, sarif

            self._own = sarif.Log() if form == "sarif" else github.Step()

    def head(self) -> str:
        if self.form == "sarif":
            return str(self._own.head())
        if self.form == "json" and not self._alone:
            return "["
        if self.form == "markdown":
            from . import markdown

            return markdown.heading()
        if self.form == "junit":
            from . import junit

            return junit.HEAD
        return ""

    def add(self, value: Any) -> str:
        """The next piece, for a part that part() or failed() made."""
        self._count += 1
        if self.form == "sarif":
            return str(self._own.add(value))
        if self.form == "github":
            return "".join(f"{one}\n" for one in self._annotated(*value[0]))
        if self.form == "json" and not self._alone:
            return ("\n  " if self._count == 1 else ",\n  ") + str(value).replace("\n", "\n  ")
        return str(value) + ("" if self.form == "junit" else "\n")

    def _annotated(self, line: str, annotations: list[github.Annotation]) -> Iterator[str]:
        if line:
            yield line
        yield from self._own.add(annotations)

    def end(self, code: int, ended: datetime) -> str:
        """What closes it. code: the exit code; ended: the time, aware."""
        if self.form == "sarif":
            return str(self._own.end(code, ended))
        if self.form == "github":
            return "".join(f"{one}\n" for one in self._own.end())
        if self.form == "json" and not self._alone:
            return "\n]\n"
        if self.form == "junit":
            from . import junit

            return junit.END
        return ""


def summary(value: Any) -> str:
    """The Markdown that a part of the format github brings along, for the summary of the step."""
    return str(value[1])
