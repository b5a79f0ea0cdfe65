"""Mail deliverability health check.

    scan(domain, …)   -> Report      Is this domain's mail set up right?
    explain(text, …)  -> Diagnosis   Why did this mail come back, and what do I change?
    examine(text, …)  -> Examination What happened to this message?

Importing this loads no DNS library; the first scan does.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (whoever has an older one gets this sentence)
    raise SystemExit("This needs Python 3.11 or later; this is Python %d.%d. `make run` looks for a newer one." % sys.version_info[:2])  # noqa: UP031

from .examine import examine
from .explain import explain
from .model import Diagnosis, Examination, Finding, Report
from .scan import scan

__version__ = "0.1.0"
__all__ = ["Diagnosis", "Examination", "Finding", "Report", "examine", "explain", "scan"]
