"""The web application and the server that answers with it. `app.py` beside the package, and `healthcheck serve`, come here.

The environment: PORT, HEALTHCHECK_DEMO, HEALTHCHECK_TOKENS, HEALTHCHECK_TOKENS_FOR, HEALTHCHECK_PROXY_HOPS.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import reason

if TYPE_CHECKING:
    from flask import Flask

    from ..edge.world import World

# 24 threads may wait for scans; the rest are for pages, explanations and /healthz. poll, since scans may hold more than 1024 sockets.
# The headers of proxies are left alone: what is believed of them is PROXY_HOPS's to say, and without it nothing is.
SERVER: dict[str, Any] = {
    "threads": 40,
    "ident": None,
    "asyncore_use_poll": True,
    "max_request_body_size": 64 << 20,
    "channel_timeout": 120,
    "clear_untrusted_proxy_headers": False,
}


def create_app(world: World | None = None, config: Mapping[str, Any] | None = None) -> Flask:
    """The Flask application, which is a WSGI application.

    world    where every DNS question goes; None: the system's resolvers, and the demo world for its own names where DEMO is set
    config   DEMO (false), WORKERS (24 scans at a time), QUEUE (64 more may wait), WAITERS (24 API requests may wait for a scan),
             DEADLINE (15 s a scan), HURRY (0.8 s that a page waits for its scan), PROXY_HOPS (0: X-Forwarded-For is not believed),
             TOKENS (none: nobody needs one), TOKENS_FOR (api), SCANS_PER_MINUTE (120), EXAMINED_PER_MINUTE (60), UPLOADS_PER_MINUTE (20)
             and REQUESTS_PER_MINUTE (1200) of an address, and Flask's own keys

    Nothing is asked, and no thread started, before the first scan. Raises InputError for tokens that cannot be read.
    """
    from .site import build

    return build(world, config or {})


def settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """The configuration that the environment holds. Raises InputError."""
    hops = environ.get("HEALTHCHECK_PROXY_HOPS", "") or "0"
    if not (hops.isascii() and hops.isdigit() and int(hops) < 10):
        raise InputError(f"HEALTHCHECK_PROXY_HOPS is how many proxies of yours stand before this server, a number from 0 to 9, not “{hops[:20]}”.")
    return {
        "DEMO": environ.get("HEALTHCHECK_DEMO", "") not in ("", "0"),
        "TOKENS": environ.get("HEALTHCHECK_TOKENS") or None,
        "TOKENS_FOR": environ.get("HEALTHCHECK_TOKENS_FOR") or "api",
        "PROXY_HOPS": int(hops),
    }


def serve(host: str = "127.0.0.1", port: int | None = None, demo: bool = False) -> None:
    """Serve until stopped."""
    import waitress

    _more_files()
    port = port or _port(os.environ.get("PORT"))
    try:
        config = settings(os.environ)
        config["DEMO"] = config["DEMO"] or demo
        app = create_app(config=config)
    except InputError as fault:
        sys.exit(fault.detail)
    from .site import warm

    warm()
    shown = f"[{host}]" if ":" in host else host
    _say(f"Serving http://{shown}:{port}{' with the demo world' if config['DEMO'] else ''}  (Ctrl-C stops it)")
    if not _loopback(host) and not config["TOKENS"]:
        _say("The API answers everyone who reaches this address. HEALTHCHECK_TOKENS makes it ask for a token; see docs/ci.md.")
    try:
        waitress.serve(app, host=host, port=port, **SERVER)
    except OSError as fault:
        sys.exit(f"Port {port} on {host} cannot be used: {reason(fault)}. Choose another with PORT=")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _more_files(wanted: int = 8192) -> None:
    """Allow as many open files as the system lets us, up to `wanted`: each DNS question under way has a socket of its own."""
    try:
        import resource
    except ImportError:  # not on this system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))


def _port(text: str | None) -> int:
    if not text:
        return 8000
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        sys.exit(f"PORT has to be a number from 1 to 65535, not {text!r}.")
    return int(text)
