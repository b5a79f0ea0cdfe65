"""python -m healthcheck"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (whoever has an older one gets this sentence)
    sys.exit("This needs Python 3.11 or later; this is Python %d.%d. `make run` looks for a newer one." % sys.version_info[:2])  # noqa: UP031

from healthcheck.faces.cli import run

if __name__ == "__main__":
    run()
