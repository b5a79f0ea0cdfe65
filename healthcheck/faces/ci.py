"""What a pipeline wants of the API: did it pass, has it changed, and what would a zone do that is not published yet.

gate(report, fail_on, unknown) -> {"passed", "exit_code", …}     the exit code of the command line, as fields
tagged(body, cache, basis)     -> Response                       with ETag and Cache-Control, or 304 where the client has it
drafted(body, beneath)         -> (World, hash)                  the zones of a POST, laid over the World that answers otherwise
problems()                     -> {slug: row}                    the types of RFC 9457 problems, from data/problems.toml
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from flask import Response, current_app, jsonify, request

from ..catalog import DATA
from ..errors import InputError, TooLargeError
from ..model import MAX_INPUT, Report
from .bulk import exit_code

if TYPE_CHECKING:
    from ..edge.world import World

REPORT = "private, max-age=60"  # a report speaks of one's own domain, and of now
KNOWLEDGE = "public, max-age=3600"
MOST_ZONES, MOST_LINES = 16, 10_000  # a line takes a tenth of a millisecond to read
PASSED = {0: True, 1: False, 3: None}  # null: a core topic could not be checked, which is neither passed nor failed

_TIMES = ("scanned_at", "elapsed_ms", "ttl")
_FILE = re.compile(r"[^\x00-\x1f\x7f-\x9f/\\]{1,200}")


def gate(report: Report, fail_on: str, unknown: str | None) -> dict[str, Any]:
    """Whether a pipeline goes on. Pure. `exit_code` is what `healthcheck scan` exits with; `passed` is null where it is 3."""
    code = exit_code(report, fail_on, unknown)
    return {"passed": PASSED[code], "exit_code": code, "fail_on": fail_on, "unknown": unknown}


def timeless(value: Any) -> Any:
    """A report's JSON without what differs between two looks at the same records: the time of day, durations, what is left of a TTL."""
    if isinstance(value, Mapping):
        return {key: timeless(v) for key, v in value.items() if key not in _TIMES}
    return [timeless(v) for v in value] if isinstance(value, list | tuple) else value


def etag(value: Any) -> str:
    """Weak (RFC 9110 section 8.8.1): two reports with one tag say the same, at different times."""
    octets = json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str).encode()
    return f'W/"{hashlib.sha256(octets).hexdigest()[:32]}"'


def tagged(body: Any, caching: str, basis: Any = None, *, tag: str | None = None) -> Response:
    """The body as JSON with its tag; 304 without a body where If-None-Match holds the tag (RFC 9110 section 13.1.2)."""
    return conditional(jsonify(body), tag or etag(body if basis is None else basis), caching)


def conditional(response: Response, tag: str, caching: str) -> Response:
    asked = request.if_none_match
    if request.method in ("GET", "HEAD") and (asked.star_tag or asked.contains_weak(tag[3:-1])):
        response = current_app.response_class(status=304)
        del response.headers["Content-Type"]
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = caching
    if current_app.extensions["tokens"] and caching.startswith("private"):
        response.vary.add("Authorization")
    return response


# ------------------------------------------------------------------ zones that were sent


def drafted(zones: Mapping[str, str], only: bool, beneath: World) -> tuple[World | None, str]:
    """The zones laid over `beneath`, or alone, and the hash of what they hold. None where there is none.

    Their texts are a stranger's: no file is opened and nothing generated. Raises InputError, TooLargeError, ZoneError.
    """
    if not zones:
        if only:
            raise InputError("only_zone needs a zone to answer from.")
        return None, ""
    from ..edge.world import World

    world = World.drafts(zones, only=only, beneath=None if only else beneath)
    told = json.dumps([only, sorted(zones.items())]).encode("utf-8", "surrogatepass")
    return world, hashlib.sha256(told).hexdigest()


def zones_of(given: str | Mapping[str, str] | None, domain: str) -> dict[str, str]:
    """Texts by name. One without a name is the zone of the domain that is asked about, unless it says otherwise by $ORIGIN or its SOA."""
    zones = {f"{domain}.zone": given} if isinstance(given, str) else dict(given or {})
    if len(zones) > MOST_ZONES:
        raise InputError(f"At most {MOST_ZONES} zones are read at a time.")
    if sum(len(text.encode("utf-8", "surrogatepass")) for text in zones.values()) > MAX_INPUT:
        raise TooLargeError("More than 1 MiB of zones was sent. Leave out what has nothing to do with mail.")
    if sum(text.count("\n") for text in zones.values()) > MOST_LINES:
        raise TooLargeError(f"Zones of more than {MOST_LINES} lines were sent. Leave out what has nothing to do with mail.")
    for name, text in zones.items():
        if not _FILE.fullmatch(name):
            raise InputError("The name of a zone is a file's name: up to 200 characters, without slashes and control characters.")
        if not text.strip():
            raise InputError(f"{name}: the zone is empty.")
    return zones


# ------------------------------------------------------------------ problems


@cache
def problems() -> dict[str, dict[str, Any]]:
    return tomllib.loads((DATA / "problems.toml").read_text(encoding="utf-8"))


def uri(slug: str) -> str:
    """A problem's type: a path on this server, where a GET tells what it means."""
    return f"/api/v1/problems/{slug}"


@cache
def by_status() -> dict[int, str]:
    """The type of a status where nothing more is known: the first row that has it."""
    out: dict[int, str] = {}
    for slug, row in problems().items():
        out.setdefault(row["status"], slug)
    return out


def told(slug: str) -> dict[str, Any]:
    row = problems()[slug]
    return {"type": uri(slug), "title": row["title"], "status": row["status"], "detail": row["meaning"], "do": row["do"]}
