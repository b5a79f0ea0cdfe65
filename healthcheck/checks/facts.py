"""Where the topics meet. A topic never imports another one; it reads what another gathered from here.

Facts is filled topic by topic, in the order of checks.STAGES, and complete before the first judge runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import ScanInput

if TYPE_CHECKING:
    from .alignment import AlignmentFacts
    from .dkim import DkimFacts
    from .dmarc import DmarcFacts
    from .dnsbl import DnsblFacts
    from .mx import MxFacts
    from .ptr import PtrFacts
    from .spf import SpfFacts


@dataclass(slots=True)
class Facts:
    """What is known of a domain. None: this topic was not gathered (left out, or it comes later)."""

    input: ScanInput
    mx: MxFacts | None = None
    spf: SpfFacts | None = None
    dkim: DkimFacts | None = None
    dmarc: DmarcFacts | None = None
    alignment: AlignmentFacts | None = None
    dnsbl: DnsblFacts | None = None
    ptr: PtrFacts | None = None
