"""The OpenAPI description: what flask-openapi3 says of the routes, with bodies, examples, headers, problem types and tokens added.

The examples of answers are answers: they are made from a zone of three lines and a reply, once, when the description is first asked for.
"""

from __future__ import annotations

import json
from functools import cache
from io import BytesIO
from typing import Any

from . import ci, schemas, schemas_scan

ZONE = """$ORIGIN shop.example.
@       IN MX  10 mail
@       IN TXT "v=spf1 mx -all"
_dmarc  IN TXT "v=DMARC1; p=reject"
mail    IN A   192.0.2.10
"""
REPLY = "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown"
HEADER = "Received: from out.shop.example ([192.0.2.10]) by mx.example.net with ESMTP id 1; Sun, 22 Nov 2026 12:00:00 +0000\nFrom: lena@shop.example\n"
EXPORT = """email,event,timestamp,reason
nobody@example.net,bounce,2026-11-20T08:00:00Z,550 5.1.1 User unknown
lena@example.org,delivered,2026-11-20T08:00:01Z,250 OK
"""
EVENT = dict(zip(*(line.split(",") for line in EXPORT.splitlines()[:2]), strict=True))
BOUNCE = "From: mailer-daemon@shop.example\nTo: news@shop.example\nSubject: Undelivered\n\n<nobody@example.net>: 550 5.1.1 User unknown\n"
EVENTS = {
    "application/x-ndjson": json.dumps(EVENT) + "\n",
    "application/mbox": f"From mailer-daemon@shop.example Fri Nov 20 08:00:00 2026\n{BOUNCE}",
    "message/rfc822": BOUNCE,
}
_HEADERS = {
    401: {"WWW-Authenticate": {"description": "Bearer, RFC 6750.", "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}, **schemas.LEFT},
    503: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
}
_CACHED = ("checks", "codes", "causes", "facts", "problems", "scan")


def described_problem(status: int) -> dict[str, Any]:
    """A status with the types of problem that come with it, each with an example."""
    rows = {slug: row for slug, row in ci.problems().items() if row["status"] == status}
    schema = schemas.Problem.model_json_schema()
    schema["properties"]["type"]["examples"] = [ci.uri(slug) for slug in rows]
    examples = {
        slug: {"summary": row["meaning"], "value": {"type": ci.uri(slug), "title": row["title"], "status": status, "detail": row["do"]}}
        for slug, row in rows.items()
    }
    told: dict[str, Any] = {"description": " / ".join(row["title"] for row in rows.values())}
    told["content"] = {"application/problem+json": {"schema": schema, "examples": examples}}
    if status in _HEADERS:
        told["headers"] = _HEADERS[status]
    return told


def described(doc: dict[str, Any], *, tokens: bool = False, tokens_for: str = "api") -> dict[str, Any]:
    """The description with what the library leaves out. `tokens`: this server knows some."""
    paths = doc["paths"]
    _body(paths["/api/v1/explain"]["post"], schemas.ExplainBody, {"reply": {"summary": "A reply", "value": {"text": REPLY, "offline": True}}})
    _body(paths["/api/v1/examine"]["post"], schemas.ExamineBody, {"header": {"summary": "A header", "value": {"text": HEADER, "offline": True}}})
    for path, example in (("/api/v1/explain", REPLY), ("/api/v1/examine", HEADER)):
        for kind in ("message/rfc822", "text/plain"):
            paths[path]["post"]["requestBody"]["content"][kind] = {"example": example}  # any octets will do
    for kind, content in paths["/api/v1/bounces"]["post"]["requestBody"]["content"].items():
        content.clear()
        content.update(_file(kind))
    draft = {"domain": "shop.example", "zone": ZONE, "only_zone": True, "fail_on": "warn"}
    _body(paths["/api/v1/scan"]["post"], schemas_scan.ScanBody, {"zone": {"summary": "A zone before it is published", "value": draft}})
    doc.setdefault("components", {})["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "Where the server was given HEALTHCHECK_TOKENS; `healthcheck token` makes one."}
    }
    for path, operations in paths.items():
        for method, operation in operations.items():
            operation["description"] = operation.get("description", operation["summary"]).replace("<br/>", "\n")  # the library's, for a line end
            where = "api" if path.startswith("/api/") else "pages"
            must = tokens and (tokens_for == "all" or (tokens_for == "api" and where == "api"))
            operation["security"] = [{"token": []}] if must else [{}, {"token": []}]
            _answer(path, method, operation)
    return doc


def _body(operation: dict[str, Any], model: Any, examples: dict[str, Any]) -> None:
    body = operation["requestBody"]
    body["required"] = True
    body["content"]["application/json"] = {"schema": model.model_json_schema(), "examples": examples}


def _file(kind: str) -> dict[str, Any]:
    """A file of this media type. Any octets will do: what the file is, its octets tell."""
    return {"example": [EVENT] if kind == "application/json" else EVENTS.get(kind, EXPORT)}


def _answer(path: str, method: str, operation: dict[str, Any]) -> None:
    """The 200 of a route: its headers, and an example of what it holds."""
    for status, told in operation["responses"].items():
        if status[0] in "45" and "application/problem+json" not in told.get("content", {}):  # the library's own 422
            operation["responses"][status] = described_problem(int(status))
    answer = operation["responses"]["200"]
    answer["headers"] = dict(schemas.LEFT)
    if method == "get" and (path.startswith("/badge/") or path.split("/")[3] in _CACHED):
        answer["headers"] |= schemas.TAG | {"Cache-Control": {"description": "How long it may be kept.", "schema": {"type": "string"}}}
    example = _examples().get(path)
    if example is not None and "application/json" in answer.get("content", {}):
        answer["content"]["application/json"]["example"] = example


@cache
def _examples() -> dict[str, Any]:
    """Path -> what it answers. Asks no network: a scan of ZONE alone, and a diagnosis offline."""
    from ..catalog import catalog
    from ..edge.world import World
    from ..examine import examine
    from ..explain import explain
    from ..many import Feed, many
    from ..render import badge, facts, lookup
    from ..render import json as render
    from ..render.examination import examination
    from ..render.many import as_json
    from ..scan import scan
    from .rates import judgement

    world = World.drafts({"shop.example.zone": ZONE}, only=True)
    report = scan("shop.example", world=world, topics=("mx", "spf", "dmarc"))
    world.close()
    told = render.report(report)
    told |= {"findings": told["findings"][:2], "requirements": told["requirements"][:1], "requirements_matrix": told["requirements_matrix"][:1], "facts": {}}
    told |= ci.gate(report, "fail", None)
    known = catalog()
    check, code, cause = lookup.check(known.checks["SPF004"]), lookup.code("5.7.26"), lookup.cause(next(iter(known.causes.values())))
    slug = "too-many-requests"
    handed_in = as_json(many([Feed("export.csv", lambda: BytesIO(EXPORT.encode()))], kind="marketing"))
    handed_in["rates"] |= {"by": {}, "lines": handed_in["rates"]["lines"][:1]}
    return {
        "/api/v1/scan/{domain}": told,
        "/api/v1/scan": told,
        "/api/v1/explain": render.diagnosis(explain(REPLY, offline=True)),
        "/api/v1/examine": examination(examine(HEADER, offline=True)),
        "/api/v1/checks": {"checks": [check]},
        "/api/v1/checks/{code}": check,
        "/api/v1/codes": {"codes": [code]},
        "/api/v1/codes/{code}": code,
        "/api/v1/causes": {"causes": [cause]},
        "/api/v1/facts": {"facts": facts.rows()[:3]},
        "/api/v1/problems": {"problems": [ci.told(slug)]},
        "/api/v1/problems/{slug}": ci.told(slug),
        "/api/v1/rates": judgement("marketing", sent=12000, hard=90, complaint=4),
        "/api/v1/bounces": handed_in,
        "/badge/{domain}.json": badge.shields(badge.of(report)),
    }
