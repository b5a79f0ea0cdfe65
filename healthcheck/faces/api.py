"""The JSON API. Parse, call one function, render. Errors are RFC 9457 problems; a report is 200 whatever its verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from flask import Response, current_app, jsonify, make_response, request
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from ..catalog import catalog
from ..errors import BusyError, DomainError, InputError, TooLargeError, ZoneError
from ..model import MAX_INPUT, Domain, ScanInput, check_ip, given_helo, given_selectors
from ..profiles import check_profile
from ..render import facts as lookup_facts
from ..render import json as render
from ..render import lookup
from ..render.redact import diagnosis as masked
from . import ci, schemas, schemas_known, schemas_scan
from .describe import described_problem
from .jobs import Desk, Job

MOST = 16  # addresses, and selectors, of one scan
WAIT = 60.0  # seconds a request waits for its scan, its place in the queue included; the scan goes on, so that asking again joins it


def some(*statuses: int) -> Any:
    """The problems that a route may answer with, for its description. A token is needed, and too many are refused, everywhere."""
    return {status: described_problem(status) for status in (*statuses, 401, 429)}


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


@api.get(
    "/scan/<path:domain>",
    tags=[_DOMAINS],
    summary="Check a domain",
    responses={200: schemas_scan.ReportOut, 304: schemas.NOT_CHANGED, **some(400, 422, 503)},
)
def scan(path: schemas.DomainPath, query: schemas_scan.ScanQuery) -> Response:
    """Is this domain's mail set up right? Waits for the scan (15 seconds at most, and its place in the queue).

    A domain that does not exist is a report whose verdict is fail, not an error. A report of the last ten minutes is given again;
    with `Cache-Control: no-cache` the scan is made anew. `passed` says whether a pipeline goes on.
    """
    asked: dict[str, Any] = {"topics": query.topic, "starttls": query.starttls, "helo": query.helo}
    wanted = scan_input(path.domain, query.ip, query.selector, query.mail_from, query.profile, **asked)
    job = desk().scan(wanted, again=request.cache_control.no_cache is not None)
    return _reported(job, path.domain, query)


@api.post("/scan", tags=[_DOMAINS], summary="Check a domain before it is published", responses={200: schemas_scan.ReportOut, **some(400, 413, 415, 422, 503)})
def scan_posted(raw: schemas_scan.ScanRaw) -> Response:
    """Is this domain's mail set up right, once these zones are published? Without a zone: as it is now. Waits for the scan; no zone is stored.

    A finding about a record of a zone names its text and line in `location`.
    """
    body = _json(raw, schemas_scan.ScanBody)
    asked: dict[str, Any] = {"topics": body.topics, "starttls": body.starttls, "helo": body.helo}
    wanted = scan_input(body.domain, body.ips, body.selectors, body.mail_from, body.profile, **asked)
    zones = ci.zones_of(body.zone, wanted.domain.name)
    world, draft = ci.drafted(zones, body.only_zone, desk().choose(wanted))
    job = desk().scan(wanted, again=request.cache_control.no_cache is not None, world=world, draft=draft)
    return _reported(job, body.domain, body)


def _reported(job: Job, source: str, given: schemas_scan.ScanQuery | schemas_scan.ScanBody) -> Response:
    _wait(job)
    assert job.report is not None
    told = render.report(replace(job.report, input=replace(job.report.input, source=source))) | ci.gate(job.report, given.fail_on, given.unknown)
    return ci.tagged(told, ci.REPORT, ci.timeless(told))


@api.post("/explain", tags=[_BOUNCES], summary="Explain a bounce", responses={200: schemas.DiagnosisOut, **some(400, 413, 415, 422, 503)})
def explain(raw: schemas.ExplainRaw, query: schemas.ExplainQuery) -> Response:
    """Why did this mail come back, and what to change? JSON, or the mail itself as message/rfc822 or text/plain.

    Looks at the sender's DNS for evidence, where the cause asks for it and the sender is known, and examines the message that came back, unless
    `offline`. Nothing is stored.
    """
    text, form, given = pasted(raw, query, schemas.ExplainBody)
    measured(text, "Send the bounce itself, without its attachments.", "Send a bounce mail, or the reply of the receiving server.")
    case = desk().explain(text, offline=given.offline, **form)
    if case.jobs:
        with desk().place():
            case.wait(WAIT)
    answer = case.now()
    return jsonify(render.diagnosis(masked(answer) if given.redact else answer))


def pasted(raw: Any, query: Any, shape: Any) -> tuple[str | bytes, dict[str, Any], Any]:
    """The text, what is said of the sender, and all that was given, from JSON of this shape or from a raw body and the query."""
    kind = raw.mimetype or ""
    for said in filter(None, (query.from_domain, query.mail_from)):
        Domain.parse(said)
    if kind in ("message/rfc822", "text/plain"):
        return raw.get_data(), _form(query.from_domain, query.mail_from, query.ip, query.selector), query
    if kind == "application/json":
        given = _json(raw, shape)
        # what the body leaves out is taken from the query: “offline” is never passed over without a word
        asked = {key: getattr(query, key) for key in type(query).model_fields if key != "selector"} | {"selectors": query.selector}
        given = given.model_copy(update={key: value for key, value in asked.items() if key not in given.model_fields_set})
        ips = [given.ip] if isinstance(given.ip, str) else given.ip or []
        return given.text, _form(given.from_domain, given.mail_from, ips, given.selectors), given
    raise UnsupportedMediaType(f"Send application/json, message/rfc822 or text/plain, not “{kind[:60]}”.")


M = TypeVar("M", bound=BaseModel)


def _json(raw: Any, model: type[M]) -> M:
    """The body as the model has it. Raises UnsupportedMediaType, InputError."""
    if raw.mimetype != "application/json":
        raise UnsupportedMediaType(f"Send application/json, not “{(raw.mimetype or '')[:60]}”.")
    try:
        return model.model_validate_json(raw.get_data())
    except ValidationError as fault:
        raise _invalid(fault) from None


def measured(text: str | bytes, large: str, empty: str) -> None:
    """Raises TooLargeError, InputError for more than is read, and for nothing; `large`, `empty`: what to send instead."""
    if len(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")) > MAX_INPUT:
        raise TooLargeError(f"More than 1 MiB was sent. {large}")
    if not text.strip():
        raise InputError(f"Nothing was sent. {empty}")


def _form(from_domain: str | None, mail_from: str | None, ips: list[str], selectors: list[str]) -> dict[str, Any]:
    unique_ips, unique_selectors = checked(ips, selectors)
    return {"from_domain": from_domain or None, "mail_from": mail_from or None, "ips": unique_ips, "selectors": unique_selectors}


@api.get("/checks", tags=[_KNOWLEDGE], summary="Every finding code", responses={200: schemas_known.ChecksOut, 304: schemas.NOT_CHANGED, **some()})
def checks() -> Response:
    return ci.tagged({"checks": [lookup.check(row) for row in catalog().checks.values()]}, ci.KNOWLEDGE)


@api.get("/checks/<code>", tags=[_KNOWLEDGE], summary="One finding code", responses={200: schemas_known.CheckOut, 304: schemas.NOT_CHANGED, **some(404)})
def check(path: schemas_known.CheckPath) -> Response:
    row = lookup.check_named(path.code)
    return ci.tagged(lookup.check(row), ci.KNOWLEDGE) if row else problem(404, detail=f"There is no check “{path.code[:60]}”.")


@api.get(
    "/codes",
    tags=[_KNOWLEDGE],
    summary="Every enhanced status code and reply code",
    responses={200: schemas_known.CodesOut, 304: schemas.NOT_CHANGED, **some()},
)
def codes() -> Response:
    known = catalog()
    return ci.tagged({"codes": [lookup.code(row.code) for row in (*known.enhanced_rows.values(), *known.basic_rows.values())]}, ci.KNOWLEDGE)


@api.get("/codes/<code>", tags=[_KNOWLEDGE], summary="What a code means", responses={200: schemas_known.CodeOut, 304: schemas.NOT_CHANGED, **some(404)})
def code(path: schemas_known.CodePath) -> Response:
    found = lookup.code(path.code)
    if not found:
        return problem(404, detail=f"“{path.code[:60]}” is no enhanced status code (5.7.26) and no reply code (550).")
    return ci.tagged(found, ci.KNOWLEDGE)


@api.get("/causes", tags=[_KNOWLEDGE], summary="Every cause of a bounce", responses={200: schemas_known.CausesOut, 304: schemas.NOT_CHANGED, **some()})
def causes() -> Response:
    return ci.tagged({"causes": [lookup.cause(row) for row in catalog().causes.values()]}, ci.KNOWLEDGE)


@api.get("/facts", tags=[_KNOWLEDGE], summary="Every fact of a report", responses={200: schemas_known.FactsOut, 304: schemas.NOT_CHANGED, **some()})
def facts() -> Response:
    """What an assertion of .healthcheck.toml may name, and whatever else stands under `facts` in a report."""
    return ci.tagged({"facts": lookup_facts.rows()}, ci.KNOWLEDGE)


@api.get("/problems", tags=[_KNOWLEDGE], summary="Every type of problem", responses={200: schemas_known.ProblemsOut, 304: schemas.NOT_CHANGED, **some()})
def problems() -> Response:
    return ci.tagged({"problems": [ci.told(slug) for slug in ci.problems()]}, ci.KNOWLEDGE)


@api.get("/problems/<slug>", tags=[_KNOWLEDGE], summary="A type of problem", responses={200: schemas_known.ProblemOut, 304: schemas.NOT_CHANGED, **some(404)})
def problem_type(path: schemas_known.ProblemPath) -> Response:
    """What a problem's `type` leads to."""
    if path.slug not in ci.problems():
        return problem(404, detail=f"There is no type of problem “{path.slug[:60]}”.")
    return ci.tagged(ci.told(path.slug), ci.KNOWLEDGE)


# ------------------------------------------------------------------ errors


def problem(status: int, title: str = "", detail: str = "", retry_after: int | None = None, *, kind: str = "", **more: Any) -> Response:
    """RFC 9457. `kind` is a key of data/problems.toml; without it the first of that status."""
    slug = kind or ci.by_status().get(status, "")
    row = ci.problems().get(slug, {})
    type_ = ci.uri(slug) if slug else "about:blank"
    body = render.problem(status, title or row.get("title", ""), detail or row.get("meaning", ""), kind=type_, **more)
    response = make_response(jsonify(body), status)
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
        kind = "not-a-domain" if isinstance(fault, DomainError) else "zone-unreadable" if isinstance(fault, ZoneError) else "invalid-input"
        return problem(422, fault.title, fault.detail, kind=kind)
    return problem(500, "A fault on our side", "It has been logged. Nothing of what was sent is kept.")


def wanted_here() -> bool:
    """Does this request expect JSON rather than a page?"""
    return request.path.startswith(("/api/", "/badge/", "/openapi/", "/healthz", "/metrics"))
