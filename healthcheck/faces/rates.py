"""The pages about rates and many bounces, and their part of the API: a calculator, and the report about a file that was handed in."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

from ..bounce.many.formats import data as exports
from ..bounce.many.policy import Policy
from ..bounce.many.rates import calculate, kinds
from ..bounce.many.rates import words as known_rates
from ..errors import BusyError, InputError, TooLargeError
from ..model import RateRow
from ..render.many import page as report_page
from ..render.many.rates import lines_json, row_json
from ..render.many.said import say
from . import example, schemas_many
from .api import _BOUNCES, WAIT, api, desk, fault_problem, some
from .limits import UPLOADS, a_minute
from .uploads import LIMIT, TOO_LARGE, Upload, Uploads

pages = Blueprint("rates", __name__)
FIGURES = ("sent", "hard", "soft", "block", "complaint", "deferred")
MOST = 10**12  # messages: more than anybody sends
SPARE = 1 << 16  # octets of the other fields of a form


def register(app: Flask) -> None:
    """The routes with their limits, and the pool that reads files."""
    app.register_blueprint(pages)
    app.extensions["uploads"] = Uploads()
    report_page.install(app.jinja_env)
    limiter, views = app.extensions["limiter_of_ours"], app.view_functions
    for name in ("rates.upload", "rates.shown_example", "api.bounces"):
        views[name] = limiter.limit(a_minute("UPLOADS_PER_MINUTE", UPLOADS))(views[name])


def uploads() -> Uploads:
    found: Uploads = current_app.extensions["uploads"]
    return found


# ------------------------------------------------------------------ the calculator


def whole_number(name: str, text: str) -> int:
    """A count as people write it: "12000", "12,000", "12 000". Raises InputError for anything else, and for more than anybody sends."""
    plain = text.strip().replace(",", "").replace(" ", "").replace("\N{NO-BREAK SPACE}", "").replace("\N{NARROW NO-BREAK SPACE}", "").replace("_", "")
    if not plain:
        return 0
    if not (plain.isascii() and plain.isdigit()):
        raise InputError(f"{name}: expected a whole number, 0 or more, got “{text.strip()[:40]}”.")
    if len(plain.lstrip("0")) > 13 or int(plain) > MOST:
        raise InputError(f"{name}: that is more mail than anybody sends.")
    return int(plain)


def calculated(given: Any) -> RateRow:
    """The row that a query asks for. Raises InputError."""
    figures: dict[str, Any] = {name: whole_number(name, given.get(name, "")) for name in FIGURES}
    if not figures["sent"]:
        raise InputError("sent: how many messages were sent is what every rate is measured by. Give a number above 0.")
    return calculate(kind=kind_of(given), **figures)


def kind_of(given: Any) -> str:
    kind = str(given.get("kind") or kinds()[0])
    if kind not in kinds():
        raise InputError(f"There is no kind of mail “{kind[:60]}”. Known: {', '.join(kinds())}.")
    return kind


@pages.get("/rates")
def rates() -> Response | str:
    if not any(request.args.get(name, "").strip() for name in FIGURES):
        return _form()
    try:
        return _form(row=calculated(request.args))
    except InputError as fault:
        return make_response(_form(fault=fault, box="calculator"), 400)


def _form(**given: Any) -> str:
    row = given.pop("row", None)
    known = known_rates()
    judged = {"row": row_json(row, Policy()), "lines": lines_json(row)} if row else {}
    asked = {name: request.args.get(name, "")[:40] for name in FIGURES} | {"kind": request.args.get("kind", "")}
    return render_template("rates.html", kinds=known["kind"], measures=known["measure"], asked=asked, known=known, **judged, **given)


# ------------------------------------------------------------------ a file


def _options(given: Any) -> dict[str, Any]:
    sent = given.get("sent", "").strip()
    return {"kind": kind_of(given), "sent": whole_number("sent", sent) if sent else None}


@pages.post("/rates")
def upload() -> Response:
    """Takes a file, begins to read it, and leads to its report. The file is gone as soon as it was read."""
    request.max_content_length = LIMIT + SPARE
    try:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise InputError("No file was chosen. Choose an export, a mail log or a mailbox.")
        try:
            begun = uploads().start(file.stream, file.filename, _options(request.form))
        finally:
            file.close()
    except RequestEntityTooLarge:
        return make_response(_form(fault=TooLargeError(TOO_LARGE), box="upload"), 413)
    except InputError as fault:
        return make_response(_form(fault=fault, box="upload"), 413 if isinstance(fault, TooLargeError) else 400)
    return _led(begun)


def _led(begun: Upload) -> Response:
    begun.wait(current_app.config["HURRY"])
    return make_response(redirect(url_for("rates.report", id_=begun.id), 303))


@pages.get("/rates/example")
def shown_example() -> Response:
    """The report about a made-up export, for who wants to see one first."""
    known = uploads().find(current_app.extensions.get("example_upload", ""))
    if known is None or known.fault:
        known = uploads().start(BytesIO(example.export()), example.name(), {"kind": kinds()[0], "sent": None})
        current_app.extensions["example_upload"] = known.id
    return _led(known)


@pages.get("/rates/example.csv")
def example_file() -> Response:
    return _file(example.export().decode(), example.name())


def _found(id_: str) -> Upload:
    return uploads().find(id_) or abort(404, "Reports are kept for ten minutes only. Hand the file in again.")


@pages.get("/rates/report/<id_>")
def report(id_: str) -> Response | str:
    found = _found(id_)
    if found.fault:
        uploads().drop(found)
        if isinstance(found.fault, InputError):
            return make_response(_form(fault=found.fault, box="upload", file=found.name), 400)
        raise found.fault
    if found.report is None:
        return render_template("reading.html", upload=found, poll=url_for("rates.progress", id_=id_))
    links = [{"kind": kind, "title": _list_title(kind), "url": url_for("rates.list_of", id_=id_, kind=kind)} for kind in found.lists]
    return render_template(
        "bounces.html",
        **report_page.context(found.report),
        downloads=links,
        alone=url_for("rates.alone", id_=id_),
        name=found.name,
        is_example=found.id == current_app.extensions.get("example_upload"),
        scan_url=lambda domain: url_for("web.scan", domain=domain),
        cause_url=lambda cause: url_for("web.cause", slug=cause),
    )


def _list_title(kind: str) -> str:
    return say("report", "decisions-csv") if kind == "decisions" else str(exports()["import"][kind]["title"])


@pages.get("/rates/report/<id_>/progress")
def progress(id_: str) -> Response:
    found = _found(id_)
    response = make_response(render_template("_reading.html", upload=found))
    response.headers["X-Over"] = "1" if found.over else "0"
    return response


@pages.get("/rates/report/<id_>/page.html")
def alone(id_: str) -> Response:
    """The report as a page that stands alone, to be kept or sent on."""
    found = _found(id_)
    if found.report is None:
        abort(404)
    return _file(report_page.alone(found.report), "bounces.html", "text/html")


@pages.get("/rates/report/<id_>/<kind>.csv")
def list_of(id_: str, kind: str) -> Response:
    text = _found(id_).list_of(kind)
    return _file(text, f"{kind}.csv") if text is not None else abort(404, "There is no such list.")


def _file(text: str, name: str, mimetype: str = "text/csv") -> Response:
    response = Response(text, content_type=f"{mimetype}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


# ------------------------------------------------------------------ the API


@api.get("/rates", tags=[_BOUNCES], summary="Judge the rates of a send", responses={200: schemas_many.RatesOut, **some(422)})
def judged(query: schemas_many.RatesQuery) -> Response:
    """Which bands do these figures fall in, and which lines of receivers and services do they cross?"""
    return jsonify(judgement(query.kind, **{name: getattr(query, name) for name in FIGURES}))


def judgement(kind: str, *, sent: int, **counts: Any) -> dict[str, Any]:
    """What is said of these figures, as `rates/1`."""
    row = calculate(kind=kind, sent=sent, **counts)
    return {"schema": "rates/1", "kind": kind, **row_json(row, Policy()), "lines": lines_json(row)}


@api.post("/bounces", tags=[_BOUNCES], summary="Report about many bounces", responses={200: schemas_many.BouncesOut, **some(413, 415, 422, 503)})
def bounces(raw: schemas_many.BouncesRaw, query: schemas_many.BouncesQuery) -> Response:
    """Rates, patterns, and what to do with each address, out of a file of at most 20 MiB: an export of a mail service (CSV, JSON, JSON lines), a mail log,
    a mailbox, or one of these packed by gzip (as application/octet-stream). Nothing is stored.
    """
    request.max_content_length = LIMIT
    try:
        begun = uploads().start(raw.stream, query.name, {"kind": query.kind, "sent": query.sent}, most=query.most)
    except RequestEntityTooLarge:
        return fault_problem(TooLargeError(TOO_LARGE))
    try:
        with desk().place():
            if not begun.wait(WAIT):
                raise BusyError("The file takes longer than a request may wait. Hand in a part, or use the command line.", 60)
    finally:
        uploads().drop(begun)
    if begun.fault:
        raise begun.fault
    return jsonify(begun.report)
