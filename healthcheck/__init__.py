"""Mail deliverability health check.

    scan(domain, …)   -> Report      Is this domain's mail set up right?
    explain(text, …)  -> Diagnosis   Why did this mail come back, and what do I change?
    examine(text, …)  -> Examination What happened to this message?

Importing this loads nothing; what is asked for brings what it needs, and a DNS library comes with the first scan.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (whoever has an older one gets this sentence)
    raise SystemExit("This needs Python 3.11 or later; this is Python %d.%d. `make run` looks for a newer one." % sys.version_info[:2])  # noqa: UP031

from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .examine import examine
    from .explain import explain
    from .model import Diagnosis, Examination, Finding, Report
    from .scan import scan

__version__ = "0.1.0"
__all__ = ["Diagnosis", "Examination", "Finding", "Report", "examine", "explain", "scan"]


class _Door(ModuleType):
    """`scan`, `explain` and `examine` are functions here, and modules of the same name are in the package: importing such a module sets it as an
    attribute of the package, which a property passes over."""

    def _scan(self) -> Any:
        from .scan import scan

        return scan

    def _explain(self) -> Any:
        from .explain import explain

        return explain

    def _examine(self) -> Any:
        from .examine import examine

        return examine

    def _stays(self, _: Any) -> None:
        return

    scan = property(_scan, _stays)
    explain = property(_explain, _stays)
    examine = property(_examine, _stays)

    def __getattr__(self, name: str) -> Any:
        if name in __all__:
            from . import model

            return getattr(model, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


sys.modules[__name__].__class__ = _Door
