"""Examining over HTTP: the page /examine and POST /api/v1/examine. What is pasted is in the answer and nowhere else.

Importing this module adds the routes; `register` what their templates may call.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from flask_openapi3 import Tag  # type: ignore[attr-defined]

from ..errors import InputError, TooLargeError
from ..message.content import spell
from ..model import MAX_INPUT, Examination
from ..render.examination import examination
from ..render.examination_page import view
from ..render.happened import say
from . import api as api_face
from . import forms, schemas
from .api import api, checked, desk, some
from .web import AGAIN, samples, web

LARGE = "Give the header alone, or the message without its attachments."
EMPTY = "Give the header of a message, its whole source, or a bounce."


def register(app: Flask) -> None:
    """What the templates of this page call."""
    app.jinja_env.globals.update(message_words=say, spell=spell)


# ------------------------------------------------------------------ API


@api.post(
    "/examine",
    tags=[Tag(name="messages")],
    summary="Examine a message",
    responses={200: schemas.ExaminationOut, **some(400, 413, 415, 422, 503)},
)
def examine(raw: schemas.ExplainRaw, query: schemas.ExamineQuery) -> Response:
    """What happened to this message? Its way, SPF, DKIM, DMARC and ARC recomputed, and where receivers found something else.

    JSON, or the message itself as message/rfc822 or text/plain. Nothing is stored.
    """
    text, form, given = api_face.pasted(raw, query, schemas.ExamineBody)
    api_face.measured(text, LARGE, EMPTY)
    return jsonify(examination(_examined(text, given.offline, form), redact=given.redact))


def _examined(text: str | bytes, offline: bool, form: dict[str, Any]) -> Examination:
    """The examination; selectors that were given stand in its sender beside those of the message. Raises InputError, BusyError."""
    given = dict(form)
    selectors = given.pop("selectors")
    seen = desk().examine(text, offline=offline, **given)
    if selectors and seen.sender is not None:
        seen = replace(seen, sender=replace(seen.sender, selectors=tuple(dict.fromkeys((*selectors, *seen.sender.selectors)))))
    return seen


# ------------------------------------------------------------------ the page


@web.get("/examine")
def examine_form() -> str:
    return _form_page()


def _form_page(**given: Any) -> str:
    return render_template("examine.html", value=None, samples=_samples(), **given)


def _samples() -> list[dict[str, Any]]:
    return list(samples().get("message", [])) if current_app.config["DEMO"] else []


@web.post("/examine", endpoint="examine")
def examine_page() -> Response | str:
    """The answer at once. The text stands in this page alone, in a form that examines or explains it again."""
    try:
        text, again, form = _pasted()
        seen = _examined(text, bool(request.form.get("offline")), form)
    except InputError as fault:
        page = _form_page(fault=fault, given=request.form.to_dict())
        return make_response(page, 413 if isinstance(fault, TooLargeError) else 400)
    value = examination(seen, redact=bool(request.form.get("redact")))
    return render_template("examine.html", value=value, page=view(value), again=again, now=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")


def _pasted() -> tuple[str | bytes, str, dict[str, Any]]:
    """What was pasted, uploaded or chosen as a sample; the same for a form to send again, "" where it cannot; what is said of the sender.

    Raises InputError, TooLargeError.
    """
    form, upload = request.form, request.files.get("file")
    ips, selectors = checked(forms.split(form.getlist("ip")), forms.split(form.getlist("selector")))
    given: dict[str, Any] = {"from_domain": form.get("from") or None, "mail_from": form.get("mail_from") or None, "ips": ips, "selectors": selectors}
    if sample := form.get("sample"):
        found = next((str(s["text"]) for s in _samples() if s.get("id") == sample), None)
        if found is None:
            raise InputError("There is no such sample.")
        return found, found, given
    octets = upload.read(MAX_INPUT + 1) if upload and upload.filename else b""
    if len(octets) > MAX_INPUT:
        raise TooLargeError(f"The file is larger than 1 MiB. {LARGE}")
    if octets.strip(b"\0 \t\r\n"):
        return octets, repeatable(octets), given
    text = form.get("text", "").replace("\r\n", "\n")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_INPUT:
        raise TooLargeError(f"The text is larger than 1 MiB. {LARGE}")
    if not text.strip("\0 \t\r\n"):
        raise InputError(f"The file is empty. {EMPTY}" if upload and upload.filename else f"Nothing was pasted. {EMPTY}")
    return text, repeatable(text), given


def repeatable(text: str | bytes) -> str:
    """The text for a form that sends it again; "" where it is too long for a page, or would not come back as it was."""
    if len(text) > AGAIN:
        return ""
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return ""
