"""The web application: pages and API in one process. `python app.py` serves it on 127.0.0.1.

PORT=8000             the port
HEALTHCHECK_DEMO=1    (or --demo) names under .example and .test are answered by the demo world
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (whoever has an older one gets this sentence)
    sys.exit("This needs Python 3.11 or later; this is Python %d.%d. `make run` looks for a newer one." % sys.version_info[:2])  # noqa: UP031

import os


def create_app(world=None, config=None):
    """The Flask application, which is a WSGI application.

    world    where every DNS question goes; None: the system's resolvers, and the demo world for its own names where DEMO is set
    config   DEMO (false), WORKERS (24 scans at a time), QUEUE (64 more may wait), WAITERS (24 API requests may wait for a scan),
             HURRY (0.8 s that a page waits for its scan), PROXY_HOPS (0: X-Forwarded-For is not believed), and Flask's own keys

    Nothing is asked, and no thread started, before the first scan.
    """
    from healthcheck.faces.site import build

    return build(world, config or {})


def serve(host="127.0.0.1", port=None, demo=False):
    """Serve until stopped. 40 threads: 24 may wait for scans, so that pages, explanations and /healthz always find one."""
    import waitress

    port = port or _port(os.environ.get("PORT"))
    demo = demo or os.environ.get("HEALTHCHECK_DEMO", "") not in ("", "0")
    app = create_app(config={"DEMO": demo})
    print("Serving http://%s:%d%s  (Ctrl-C stops it)" % ("[%s]" % host if ":" in host else host, port, " with the demo world" if demo else ""), flush=True)  # noqa: UP031
    try:
        waitress.serve(app, host=host, port=port, threads=40, ident=None, max_request_body_size=64 << 20, channel_timeout=120)
    except OSError as fault:
        sys.exit("Port %d on %s cannot be used: %s. Choose another with PORT=" % (port, host, (fault.strerror or str(fault)).lower()))  # noqa: UP031


def _port(text):
    if not text:
        return 8000
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        sys.exit("PORT has to be a number from 1 to 65535, not %r." % text)  # noqa: UP031
    return int(text)


if __name__ == "__main__":
    serve(demo="--demo" in sys.argv[1:])
