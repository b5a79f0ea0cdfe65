"""The OpenAPI description: what flask-openapi3 says of the routes, with bodies, examples, headers, problem types and tokens added.

The examples of answers are answers: they are made from a zone of three lines and a reply, once, when the description is first asked for.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from . import ci, schemas

ZONE = """$ORIGIN shop.example.
@       IN MX  10 mail
@       IN TXT "v=spf1 mx -all"
_dmarc  IN TXT "v=DMARC1; p=reject"
mail    IN A   192.0.2.10
"""
REPLY = "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown"
HEADER = "Received: from out.shop.example ([192.0.2.10]) by mx.example.net with ESMTP id 1; Sun, 22 Nov 2026 12:00:00 +0000\nFrom: lena@shop.example\n"
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
    draft = {"domain": "shop.example", "zone": ZONE, "only_zone": True, "fail_on": "warn"}
    _body(paths["/api/v1/scan"]["post"], schemas.ScanBody, {"zone": {"summary": "A zone before it is published", "value": draft}})
    doc.setdefault("components", {})["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "Where the server was given HEALTHCHECK_TOKENS; `healthcheck token` makes one."}
    }
    for path, operations in paths.items():
        for method, operation in operations.items():
            where = "api" if path.startswith("/api/") else "pages"
            must = tokens and (tokens_for == "all" or (tokens_for == "api" and where == "api"))
            operation["security"] = [{"token": []}] if must else [{}, {"token": []}]
            _answer(path, method, operation)
    return doc


def _body(operation: dict[str, Any], model: Any, examples: dict[str, Any]) -> None:
    body = operation["requestBody"]
    body["required"] = True
    body["content"]["application/json"] = {"schema": model.model_json_schema(), "examples": examples}


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
    from ..render import badge, facts, lookup
    from ..render import json as render
    from ..render.examination import examination
    from ..scan import scan

    world = World.drafts({"shop.example.zone": ZONE}, only=True)
    report = scan("shop.example", world=world, topics=("mx", "spf", "dmarc"))
    world.close()
    told = render.report(report)
    told |= {"findings": told["findings"][:2], "requirements": told["requirements"][:1], "requirements_matrix": told["requirements_matrix"][:1], "facts": {}}
    told |= ci.gate(report, "fail", None)
    known = catalog()
    check, code, cause = lookup.check(known.checks["SPF004"]), lookup.code("5.7.26"), lookup.cause(next(iter(known.causes.values())))
    slug = "too-many-requests"
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
        "/badge/{domain}.json": badge.shields(badge.of(report)),
    }
