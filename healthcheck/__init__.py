"""Mail deliverability health check.

    scan(domain, …)   -> Report      Is this domain's mail set up right?
    explain(text, …)  -> Diagnosis   Why did this mail come back, and what do I change?

Importing this loads no DNS library; the first scan does.
"""

from .explain import explain
from .model import Diagnosis, Finding, Report
from .scan import scan

__version__ = "0.1.0"
__all__ = ["Diagnosis", "Finding", "Report", "explain", "scan"]
