"""The web application: pages and API in one process. `python app.py` serves it on 127.0.0.1.

PORT=8000                     the port
HEALTHCHECK_DEMO=1            (or --demo) names under .example and .test are answered by the demo world
HEALTHCHECK_TOKENS=FILE       the API answers those only whose token's hash is in it; `healthcheck token` makes one
HEALTHCHECK_TOKENS_FOR=api    api, all or none: what needs a token
HEALTHCHECK_PROXY_HOPS=0      how many proxies of yours stand before it, whose X-Forwarded-For is believed

`create_app` is the WSGI application for other servers; what it takes stands in healthcheck/faces/serve.py.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (whoever has an older one gets this sentence)
    sys.exit("This needs Python 3.11 or later; this is Python %d.%d. `make run` looks for a newer one." % sys.version_info[:2])  # noqa: UP031

from healthcheck.faces.serve import SERVER, create_app, serve

__all__ = ["SERVER", "create_app", "serve"]

if __name__ == "__main__":
    serve(demo="--demo" in sys.argv[1:])
