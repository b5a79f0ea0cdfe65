"""The web application: pages and API in one process. `python app.py` serves it on 127.0.0.1.

PORT=8000             the port
HEALTHCHECK_DEMO=1    (or --demo) names under .example and .test are answered by the demo world
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (whoever has an older one gets this sentence)
    sys.exit("This needs Python 3.11 or later; this is Python %d.%d. `make run` looks for a newer one." % sys.version_info[:2])  # noqa: UP031

import os

# 24 threads may wait for scans; the rest are for pages, explanations and /healthz. poll, since scans may hold more than 1024 sockets.
SERVER = {"threads": 40, "ident": None, "asyncore_use_poll": True, "max_request_body_size": 64 << 20, "channel_timeout": 120}


def create_app(world=None, config=None):
    """The Flask application, which is a WSGI application.

    world    where every DNS question goes; None: the system's resolvers, and the demo world for its own names where DEMO is set
    config   DEMO (false), WORKERS (24 scans at a time), QUEUE (64 more may wait), WAITERS (24 API requests may wait for a scan),
             DEADLINE (15 s a scan), HURRY (0.8 s that a page waits for its scan), PROXY_HOPS (0: X-Forwarded-For is not believed), and Flask's own keys

    Nothing is asked, and no thread started, before the first scan.
    """
    from healthcheck.faces.site import build

    return build(world, config or {})


def serve(host="127.0.0.1", port=None, demo=False):
    """Serve until stopped."""
    import waitress

    _more_files()
    port = port or _port(os.environ.get("PORT"))
    demo = demo or os.environ.get("HEALTHCHECK_DEMO", "") not in ("", "0")
    app = create_app(config={"DEMO": demo})
    from healthcheck.faces.site import warm

    warm()
    print("Serving http://%s:%d%s  (Ctrl-C stops it)" % ("[%s]" % host if ":" in host else host, port, " with the demo world" if demo else ""), flush=True)  # noqa: UP031
    try:
        waitress.serve(app, host=host, port=port, **SERVER)
    except OSError as fault:
        sys.exit("Port %d on %s cannot be used: %s. Choose another with PORT=" % (port, host, (fault.strerror or str(fault)).lower()))  # noqa: UP031


def _more_files(wanted=8192):
    """Allow as many open files as the system lets us, up to `wanted`: each DNS question under way has a socket of its own."""
    try:
        import resource
    except ImportError:  # not on this system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))


def _port(text):
    if not text:
        return 8000
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        sys.exit("PORT has to be a number from 1 to 65535, not %r." % text)  # noqa: UP031
    return int(text)


if __name__ == "__main__":
    serve(demo="--demo" in sys.argv[1:])
