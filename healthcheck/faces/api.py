"""The JSON API. Parse, call one function, render. Errors are RFC 9457 problems; a report is 200 whatever its verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response, current_app, jsonify, make_response, request
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from ..catalog import catalog
from ..errors import BusyError, InputError, TooLargeError
from ..model import MAX_INPUT, Domain, ScanInput, check_ip, given_helo, given_selectors
from ..profiles import check_profile
from ..render import json as render
from ..render import lookup
from . import schemas
from .jobs import Desk, Job

MOST = 16  # addresses, and selectors, of one scan
WAIT = 60.0  # seconds a request waits for its scan, its place in the queue included; the scan goes on, so that asking again joins it

_PROBLEMS: Any = {
    code: {"description": text, "content": {"application/problem+json": {"schema": schemas.Problem.model_json_schema()}}}
    for code, text in (
        (400, "Malformed"),
        (413, "Over 1 MiB"),
        (415, "Another content type"),
        (422, "An input that cannot be used"),
        (429, "Too many"),
        (503, "Busy"),
    )
}
_NO_SUCH: Any = {404: {"description": "Not known", "content": _PROBLEMS[400]["content"]}, 429: _PROBLEMS[429]}


def _some(*codes: int) -> Any:
    return {code: _PROBLEMS[code] for code in codes}


api = APIBlueprint("api", __name__, url_prefix="/api/v1")
_DOMAINS, _BOUNCES, _KNOWLEDGE = Tag(name="domains"), Tag(name="bounces"), Tag(name="knowledge")


def desk() -> Desk:
    found: Desk = current_app.extensions["desk"]
    return found


def scan_input(
    domain: str,
    ips: list[str],
    selectors: list[str],
    mail_from: str | None,
    profile: str = "sending",
    *,
    topics: list[str] | tuple[str, ...] = (),
    starttls: bool = False,
    helo: str | None = None,
) -> ScanInput:
    """What the query asks for. Raises DomainError, InputError."""
    from ..checks import given_topics

    name = Domain.parse(domain)
    envelope = Domain.parse(mail_from).name if mail_from and mail_from.strip() else None
    unique_ips, unique_selectors = checked(ips, selectors, name.name)
    wanted, connect = given_topics(topics, starttls=starttls)
    said = given_helo(helo) if helo and helo.strip() else None
    return ScanInput(name, unique_ips, unique_selectors, envelope if envelope != name.name else None, check_profile(profile), "", wanted, connect, said)


def checked(ips: list[str], selectors: list[str], domain: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Each once, as it is written canonically; a pasted DKIM-Signature stands for its selector. Raises InputError for one that is none, and for more than are checked at a time."""
    unique_ips = tuple(dict.fromkeys(check_ip(ip) for ip in ips if ip.strip()))
    unique_selectors = tuple(dict.fromkeys(name for s in selectors if s.strip() for name in given_selectors(s, domain)))
    if len(unique_ips) > MOST or len(unique_selectors) > MOST:
        raise InputError(f"At most {MOST} addresses and {MOST} selectors are checked at a time.")
    return unique_ips, unique_selectors


def _wait(job: Job) -> None:
    with desk().place():
        if not job.wait(WAIT):
            raise BusyError("The scan waits behind others. It goes on: ask again to join it.", 10)
    if job.fault:
        raise job.fault


@api.get("/scan/<path:domain>", tags=[_DOMAINS], summary="Check a domain", responses={200: schemas.ReportOut, **_some(400, 422, 429, 503)})
def scan(path: schemas.DomainPath, query: schemas.ScanQuery) -> Response:
    """Is this domain's mail set up right? Waits for the scan (15 seconds at most, and its place in the queue).

    A domain that does not exist is a report whose verdict is fail, not an error.
    """
    asked: dict[str, Any] = {"topics": query.topic, "starttls": query.starttls, "helo": query.helo}
    wanted = scan_input(path.domain, query.ip, query.selector, query.mail_from, query.profile, **asked)
    job = desk().scan(wanted)
    _wait(job)
    assert job.report is not None
    return jsonify(render.report(replace(job.report, input=replace(job.report.input, source=path.domain))))


@api.post("/explain", tags=[_BOUNCES], summary="Explain a bounce", responses={200: schemas.DiagnosisOut, **_some(400, 413, 415, 422, 429, 503)})
def explain(raw: schemas.ExplainRaw, query: schemas.ExplainQuery) -> Response:
    """Why did this mail come back, and what to change? JSON, or the mail itself as message/rfc822 or text/plain.

    Looks at the sender's DNS for evidence, where the cause asks for it and the sender is known, unless `offline`. Nothing is stored.
    """
    text, form, offline = _pasted(raw, query)
    size = len(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    if size > MAX_INPUT:
        raise TooLargeError("More than 1 MiB was sent. Send the bounce itself, without its attachments.")
    if not text.strip():
        raise InputError("Nothing was sent. Send a bounce mail, or the reply of the receiving server.")
    case = desk().explain(text, offline=offline, **form)
    if case.jobs:
        with desk().place():
            case.wait(WAIT)
    return jsonify(render.diagnosis(case.now()))


def _pasted(raw: Any, query: schemas.ExplainQuery) -> tuple[str | bytes, dict[str, Any], bool]:
    """The text, what is said of the sender, and whether to stay offline, from JSON or from a raw body and the query."""
    kind = raw.mimetype or ""
    if kind in ("message/rfc822", "text/plain"):
        ips, selectors = query.ip, query.selector
        return raw.get_data(), _form(query.from_domain, query.mail_from, ips, selectors), query.offline
    if kind == "application/json":
        body = raw.get_data()
        try:
            given = schemas.ExplainBody.model_validate_json(body)
        except ValidationError as fault:
            raise _invalid(fault) from None
        ips = [given.ip] if isinstance(given.ip, str) else given.ip or []
        return given.text, _form(given.from_domain, given.mail_from, ips, given.selectors), given.offline
    raise UnsupportedMediaType(f"Send application/json, message/rfc822 or text/plain, not “{kind[:60]}”.")


def described(doc: dict[str, Any]) -> dict[str, Any]:
    """The description with the fields of explain's JSON, of which the library says no more than that it is an object."""
    body = doc["paths"]["/api/v1/explain"]["post"]["requestBody"]
    body["required"] = True
    body["content"]["application/json"]["schema"] = schemas.ExplainBody.model_json_schema()
    return doc


def _form(from_domain: str | None, mail_from: str | None, ips: list[str], selectors: list[str]) -> dict[str, Any]:
    unique_ips, unique_selectors = checked(ips, selectors)
    return {"from_domain": from_domain or None, "mail_from": mail_from or None, "ips": unique_ips, "selectors": unique_selectors}


@api.get("/checks", tags=[_KNOWLEDGE], summary="Every finding code", responses={200: schemas.ChecksOut, **_some(429)})
def checks() -> Response:
    return jsonify({"checks": [lookup.check(row) for row in catalog().checks.values()]})


@api.get("/checks/<code>", tags=[_KNOWLEDGE], summary="One finding code", responses={200: schemas.CheckOut, **_NO_SUCH})
def check(path: schemas.CheckPath) -> Response:
    row = lookup.check_named(path.code)
    return jsonify(lookup.check(row)) if row else problem(404, "Not found", f"There is no check “{path.code[:60]}”.")


@api.get("/codes", tags=[_KNOWLEDGE], summary="Every enhanced status code and reply code", responses={200: schemas.CodesOut, **_some(429)})
def codes() -> Response:
    known = catalog()
    return jsonify({"codes": [lookup.code(row.code) for row in (*known.enhanced_rows.values(), *known.basic_rows.values())]})


@api.get("/codes/<code>", tags=[_KNOWLEDGE], summary="What a code means", responses={200: schemas.CodeOut, **_NO_SUCH})
def code(path: schemas.CodePath) -> Response:
    found = lookup.code(path.code)
    return jsonify(found) if found else problem(404, "Not found", f"“{path.code[:60]}” is no enhanced status code (5.7.26) and no reply code (550).")


@api.get("/causes", tags=[_KNOWLEDGE], summary="Every cause of a bounce", responses={200: schemas.CausesOut, **_some(429)})
def causes() -> Response:
    return jsonify({"causes": [lookup.cause(row) for row in catalog().causes.values()]})


# ------------------------------------------------------------------ errors


def problem(status: int, title: str, detail: str, retry_after: int | None = None, **more: Any) -> Response:
    response = make_response(jsonify(render.problem(status, title, detail, **more)), status)
    response.content_type = "application/problem+json"
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


class _Invalid(InputError):
    def __init__(self, detail: str, errors: list[dict[str, Any]]) -> None:
        super().__init__(detail)
        self.errors = errors


def _invalid(fault: ValidationError) -> _Invalid:
    errors = [{"where": ".".join(str(part) for part in e["loc"]), "detail": e["msg"]} for e in fault.errors(include_url=False, include_input=False)][:10]
    first = errors[0]
    return _Invalid(f"{first['where']}: {first['detail']}" if first["where"] else str(first["detail"]), errors)


def validation_problem(fault: ValidationError) -> Response:
    """What flask-openapi3 calls for a path or query that does not fit."""
    told = _invalid(fault)
    return problem(422, told.title, told.detail, errors=told.errors)


def fault_problem(fault: Exception) -> Response:
    """Any exception that we raise on purpose, as a problem."""
    if isinstance(fault, BusyError):
        return problem(503, fault.title, fault.detail, fault.retry_after)
    if isinstance(fault, TooLargeError | RequestEntityTooLarge):
        return problem(413, TooLargeError.title, getattr(fault, "detail", None) or "More than 1 MiB was sent.")
    if isinstance(fault, _Invalid):
        return problem(422, fault.title, fault.detail, errors=fault.errors)
    if isinstance(fault, InputError):
        return problem(422, fault.title, fault.detail)
    return problem(500, "A fault on our side", "It has been logged. Nothing of what was sent is kept.")


def wanted_here() -> bool:
    """Does this request expect JSON rather than a page?"""
    return request.path.startswith(("/api/", "/openapi/", "/healthz", "/metrics"))
