"""Badges: /badge/{domain}.svg, and /badge/{domain}.json for shields.io. The verdict of a scan, or that it could not be had; never longer than a moment.

Whoever shows a picture gives up after a few seconds, so that a scan which takes longer goes on, and the picture says meanwhile that
nothing is known yet. That is never red: what could not be checked is no fault.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Response, current_app
from flask_openapi3 import APIBlueprint, Tag  # type: ignore[attr-defined]

from ..errors import BusyError, HealthcheckError
from ..render import badge
from . import api as api_face
from . import ci, schemas, schemas_scan

if TYPE_CHECKING:
    from .jobs import Job

WAIT = 3.0  # seconds
KNOWN, SOON = "public, max-age=300", "public, max-age=15"

badges = APIBlueprint("badges", __name__, url_prefix="/badge")
_BADGES = Tag(name="badges")
_SVG = {"image/svg+xml": {"schema": {"type": "string"}, "example": badge.svg(badge.Badge("mail", "ok", badge.COLOURS["pass"], "mail: ok"))}}
_ANSWERS: Any = {304: schemas.NOT_CHANGED}


@badges.get(
    "/<path:domain>.svg",
    tags=[_BADGES],
    summary="A domain's badge, as a picture",
    responses={200: {"description": "The badge", "content": _SVG}, **_ANSWERS, **api_face.some(401, 422, 429)},
)
def picture(path: schemas.DomainPath, query: schemas_scan.BadgeQuery) -> Response:
    """The verdict of a scan in two words. Where it is not had within three seconds the badge says so, in grey, and the scan goes on."""
    drawn, caching = _badge(path.domain, query)
    return _answer(badge.svg(drawn), "image/svg+xml; charset=utf-8", caching)


@badges.get(
    "/<path:domain>.json",
    tags=[_BADGES],
    summary="A domain's badge, as shields.io draws it",
    responses={200: schemas_scan.ShieldOut, **_ANSWERS, **api_face.some(401, 422, 429)},
)
def endpoint(path: schemas.DomainPath, query: schemas_scan.BadgeQuery) -> Response:
    """The endpoint badge of shields.io: label, message and colour."""
    drawn, caching = _badge(path.domain, query)
    return _answer(json.dumps(badge.shields(drawn), ensure_ascii=False), "application/json", caching)


def _badge(domain: str, query: schemas_scan.BadgeQuery) -> tuple[badge.Badge, str]:
    """The badge, and how long it may be kept. Raises InputError for what is no domain."""
    wanted = api_face.scan_input(domain, query.ip, query.selector, None, query.profile)
    desk = api_face.desk()
    job: Job | None = None
    try:
        job = desk.scan(wanted)
        with desk.place():
            job.wait(current_app.config.get("BADGE_WAIT", WAIT))
    except BusyError:
        pass  # the scan may be done all the same
    except HealthcheckError:
        job = None
    if job is None or job.report is None:
        return badge.badge(wanted.domain.name), SOON
    return badge.of(job.report), KNOWN


def _answer(text: str, kind: str, caching: str) -> Response:
    return ci.conditional(Response(text, content_type=kind), ci.etag(text), caching)
