"""Who may ask, and how often.

A client is its token where it sent one that is known, else its address: that of the connection, and of nothing that the client says of itself.
X-Forwarded-For is believed only where PROXY_HOPS says how many proxies of ours have written there.

    register(app)          limits with headers, and tokens where HEALTHCHECK_TOKENS (TOKENS) names some
    limiter(app).exempt    for a route that counts for nothing

TOKENS_FOR   api (the API needs a token, the pages do not), all (everything but /healthz does), none (a token only raises the limits)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter

from ..errors import InputError
from .tokens import Holder, Tokens

ALL, SCANS, AGAIN = 1200, 120, 30  # a minute: requests, scans through the API and badges (and looks at a scan's page), scans made anew
EXAMINED, UPLOADS = 60, 20  # a minute: messages that are examined, files of bounces that are read
FOR = ("api", "all", "none")
OPEN = frozenset({"healthz", "static", "favicon"})
_API_SCANS = ("api.scan", "api.scan_posted", "badges.picture", "badges.endpoint")


def register(app: Flask) -> None:
    """Raises InputError for a setting that cannot be used."""
    config = app.config
    config.setdefault("TOKENS", None)
    config.setdefault("TOKENS_FOR", "api")
    if config["TOKENS_FOR"] not in FOR:
        raise InputError(f"TOKENS_FOR is “{config['TOKENS_FOR']}”, and can be one of {', '.join(FOR)}.")
    app.extensions["tokens"] = Tokens.read(config["TOKENS"])
    # The moving window: at no time were more than so many let through in the minute before. A fixed one lets twice as many pass at its border.
    made = Limiter(client, app=app, storage_uri="memory://", strategy="moving-window", headers_enabled=False, default_limits=[_all])
    views: dict[str, Any] = app.view_functions
    shared = made.shared_limit(_scans, scope="scans")
    for name in _API_SCANS:
        if name in views:
            views[name] = shared(views[name])
    for name, rate in (("web.scan", SCANS), ("web.scan_again", AGAIN)):
        views[name] = made.limit(f"{rate} per minute")(views[name])
    for name in ("web.examine", "api.examine"):
        views[name] = made.limit(a_minute("EXAMINED_PER_MINUTE", EXAMINED))(views[name])
    app.extensions["limiter_of_ours"] = made
    app.before_request(_known)  # after the limiter's: guesses at a token are counted, too
    app.after_request(_headers)


def limiter(app: Flask) -> Limiter:
    found: Limiter = app.extensions["limiter_of_ours"]
    return found


def holder() -> Holder | None:
    """Whose token this request carries; None without one that is known."""
    if "holder" not in g:
        g.holder = current_app.extensions["tokens"].holder(request.headers.get("Authorization")) if current_app.extensions["tokens"] else None
    found: Holder | None = g.holder
    return found


def client() -> str:
    """What a request is counted under."""
    known = holder()
    return f"token {known.id}" if known else f"address {address(request.remote_addr)}"


def address(remote: str | None) -> str:
    """An IPv4 address; of an IPv6 address its /64, since whoever has one address there has them all (RFC 6177, RFC 7421)."""
    try:
        found = ip_address((remote or "").partition("%")[0])
    except ValueError:
        return "local"  # a Unix socket
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped) if found.ipv4_mapped else f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)


def a_minute(key: str, usual: int) -> Callable[[], str]:
    """A limit that the configuration may set."""
    return lambda: f"{current_app.config.get(key, usual)} per minute"


def _scans() -> str:
    known = holder()
    return f"{known.scans if known else current_app.config.get('SCANS_PER_MINUTE', SCANS)} per minute"


def _all() -> str:
    known, most = holder(), current_app.config.get("REQUESTS_PER_MINUTE", ALL)
    return f"{max(most, 10 * known.scans) if known else most} per minute"


def needed() -> bool:
    """Does this request need a token?"""
    config = current_app.config
    if not current_app.extensions["tokens"] or config["TOKENS_FOR"] == "none" or request.endpoint in OPEN:
        return False
    return config["TOKENS_FOR"] == "all" or request.path.startswith("/api/") or (request.endpoint or "").startswith("api.")


def _known() -> Response | None:
    if not needed() or holder():
        return None
    from .api import problem

    sent = bool(request.headers.get("Authorization"))
    response = problem(401, kind="token-unknown" if sent else "token-needed")
    # RFC 6750 section 3.1: no error code where no token was sent
    response.headers["WWW-Authenticate"] = 'Bearer realm="healthcheck"' + (', error="invalid_token"' if sent else "")
    response.headers["Cache-Control"] = "no-store"
    return response


def _headers(response: Response) -> Response:
    """How many are left in this minute, and in how many seconds the oldest of them is forgotten."""
    current = limiter(current_app).current_limit if limiter(current_app).enabled else None
    if current is None:
        return response
    left = min(current.limit.get_expiry(), max(1, round(current.reset_at - time.time())))  # the storage counts in whole seconds, and one too many
    response.headers["RateLimit-Limit"] = str(current.limit.amount)
    response.headers["RateLimit-Remaining"] = str(max(0, current.remaining))
    response.headers["RateLimit-Reset"] = str(left)
    if response.status_code == 429:
        response.headers["Retry-After"] = str(left)
    return response
