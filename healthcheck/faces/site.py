"""The application put together: configuration, security headers, limits, error pages, health and metrics."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_openapi3 import Info, OpenAPI  # type: ignore[attr-defined]
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ..errors import BusyError, HealthcheckError, InputError, TooLargeError
from ..model import MAX_INPUT, ScanInput
from . import api as api_face
from . import badges, describe, limits, rates, schemas, web
from . import examine as examine_face
from .jobs import Desk

if TYPE_CHECKING:
    from ..edge.world import World

HERE = Path(__file__).resolve().parent
ROOT = HERE if (HERE / "templates").is_dir() else HERE.parents[1]  # an installed package holds them; in the project they stand beside it

DEFAULTS: dict[str, Any] = {
    "DEMO": False,
    "WORKERS": 24,
    "QUEUE": 64,
    "WAITERS": 24,
    "DEADLINE": 15.0,
    "HURRY": 0.8,
    "PROXY_HOPS": 0,
    "TOKENS": None,
    "TOKENS_FOR": "api",
    # A text of 1 MiB grows on its way: JSON escapes, line ends of forms. What it is once decoded is measured again.
    "MAX_CONTENT_LENGTH": 3 * MAX_INPUT + 65536,
    "MAX_FORM_MEMORY_SIZE": 3 * MAX_INPUT,
    "MAX_FORM_PARTS": 64,
}

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_TITLES = {400: "That was not understood", 404: "There is no such page", 405: "Not allowed here", 413: TooLargeError.title, 429: "Too many requests"}


def build(world: World | None, config: Mapping[str, Any]) -> Flask:
    """The application; see create_app in app.py for the keys of `config`."""
    app = OpenAPI(
        "healthcheck",
        root_path=str(ROOT),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
        security_schemes={},  # None is written out as null, which is no valid description
        info=Info(title="Mail health check", version="1", description="Check a domain's mail set-up; explain a bounce, with evidence from the sender's DNS."),
        doc_ui=False,
        validation_error_callback=api_face.validation_problem,
        validation_error_model=schemas.Problem,
    )
    app.config.update(DEFAULTS)
    app.config.update(config)
    app.url_map.merge_slashes = False  # /api/v1/scan/https://example.com is read as a person meant it
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    sizes = {key.lower(): app.config[key] for key in ("WORKERS", "QUEUE", "WAITERS", "DEADLINE")}
    app.extensions["desk"] = Desk(_chooser(world, app.config["DEMO"]), **sizes)
    app.extensions["seen"] = Counter()
    if app.config["PROXY_HOPS"]:
        from werkzeug.middleware.proxy_fix import ProxyFix

        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=app.config["PROXY_HOPS"], x_proto=app.config["PROXY_HOPS"])  # type: ignore[method-assign]
    app.register_api(api_face.api)
    app.register_api(badges.badges)
    web.register(app)
    examine_face.register(app)
    limits.register(app)
    rates.register(app)
    _service(app)
    _faults(app)
    app.after_request(_guard)
    return app


WARM = (
    "Received: from out.example (out.example [192.0.2.1]) by mx.example with ESMTPS id 1; Sun, 22 Nov 2026 12:00:00 +0000\n"
    "Return-Path: <a@warm.example>\nDKIM-Signature: v=1; a=rsa-sha256; d=warm.example; s=s; h=from; bh=AA==; b=AA==\nFrom: a@warm.example\n\nx\n"
)


def warm() -> None:
    """Load what the first scan and the first answer need, so that neither they nor those beside them wait for it. Asks no network."""
    from ..bounce.index import prepare
    from ..catalog import catalog
    from ..edge import libs
    from ..edge.world import World
    from ..examine import examine
    from ..explain import explain
    from ..render.examination import examination
    from ..scan import scan

    libs.prepare()
    catalog()
    prepare()
    explain("550 5.1.1 no such user", offline=True)
    nothing = World.zones((), only=True)
    scan("warm.example", ips=("192.0.2.1",), world=nothing)
    examination(examine(WARM, world=nothing))
    nothing.close()


def _chooser(given: World | None, demo: bool) -> Callable[[ScanInput | None], World]:
    """ScanInput -> World; None -> the World that tells by the domain itself. The demo world answers for its own names only, and only where it is on. Worlds are made once, when first needed."""
    made: list[World] = [given] if given is not None else []
    lock = threading.Lock()

    def choose(wanted: ScanInput | None) -> World:
        with lock:
            if not made:
                from ..edge.world import World

                made.append(World.demo() if demo else World.live())
        return made[0] if wanted is None else made[0].for_domain(wanted.domain.name)

    return choose


def _service(app: OpenAPI) -> None:
    limiter = limits.limiter(app)

    @app.get("/healthz", doc_ui=False)
    @limiter.exempt
    def healthz() -> Response:
        return jsonify({"status": "ok"})

    @app.get("/openapi/openapi.json", doc_ui=False)
    def openapi() -> Response:
        return jsonify(describe.described(app.api_doc, tokens=bool(app.extensions["tokens"]), tokens_for=app.config["TOKENS_FOR"]))

    @app.get("/metrics", doc_ui=False)
    @limiter.exempt
    def metrics() -> Response:
        desk: Desk = app.extensions["desk"]
        lines = [f"# TYPE healthcheck_{name}_total counter\nhealthcheck_{name}_total {value}" for name, value in desk.counters.items()]
        lines.append(f"# TYPE healthcheck_scans_under_way gauge\nhealthcheck_scans_under_way {desk.under_way}")
        lines.append("# TYPE healthcheck_responses_total counter")
        lines += [f'healthcheck_responses_total{{status="{status}"}} {n}' for status, n in sorted(app.extensions["seen"].items())]
        return Response("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")

    def count(response: Response) -> Response:
        app.extensions["seen"][response.status_code] += 1
        return response

    app.after_request(count)


def _guard(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if response.mimetype == "text/html":
        response.headers["Cache-Control"] = "no-store"
    return response


def _faults(app: Flask) -> None:
    """Every error, as a page or as a problem; never a stack trace."""

    @app.errorhandler(HealthcheckError)
    def ours(fault: HealthcheckError) -> Response:
        if api_face.wanted_here():
            return api_face.fault_problem(fault)
        status = 503 if isinstance(fault, BusyError) else 413 if isinstance(fault, TooLargeError) else 400 if isinstance(fault, InputError) else 500
        return page(status, fault.title, fault.detail, getattr(fault, "retry_after", None))

    @app.errorhandler(HTTPException)
    def http(fault: HTTPException) -> Response:
        if fault.response is not None:  # abort(response), and redirects
            return make_response(fault.response)
        status = fault.code or 500
        title, detail = _TITLES.get(status, fault.name), str(fault.description or fault.name)
        if isinstance(fault, RequestEntityTooLarge):
            detail = "More than 1 MiB was sent. Send the bounce itself, without its attachments."
        if status == 429:
            detail = "There is a limit for each address, and for each token. Wait as long as Retry-After says, then go on."
        headers = {k: v for k, v in fault.get_headers() if k.lower() not in ("content-type", "content-length")}
        retry = 60 if status == 429 else None
        response = api_face.problem(status, title, detail, retry) if api_face.wanted_here() else page(status, title, detail, retry)
        response.headers.update(headers)
        return response

    @app.errorhandler(Exception)
    def surprise(fault: Exception) -> Response:
        # the path, never the query nor the body: what was pasted does not go into a log
        logging.getLogger("healthcheck").error("%s %s failed", request.method, request.path, exc_info=fault)
        if api_face.wanted_here():
            return api_face.fault_problem(fault)
        return page(500, "A fault on our side", "It has been logged. Nothing that you entered is kept.")

    def page(status: int, title: str, detail: str, retry_after: int | None = None) -> Response:
        response = make_response(render_template("error.html", status=status, title=title, detail=detail), status)
        if retry_after:
            response.headers["Retry-After"] = str(retry_after)
        return response
