"""Where the topics meet. A topic never imports another one; it reads what another gathered from here.

Facts is filled topic by topic, in the order of checks.STAGES, and complete before the first judge runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import ScanInput

if TYPE_CHECKING:
    from .alignment import AlignmentFacts
    from .bimi import BimiFacts
    from .dane import DaneFacts
    from .dkim import DkimFacts
    from .dmarc import DmarcFacts
    from .dnsbl import DnsblFacts
    from .dnssec import DnssecFacts
    from .mta_sts import MtaStsFacts
    from .mx import MxFacts
    from .nameservers import NameserversFacts
    from .ptr import PtrFacts
    from .recipient import RecipientFacts
    from .spf import SpfFacts
    from .starttls import StarttlsFacts
    from .tls_rpt import TlsRptFacts


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
    mta_sts: MtaStsFacts | None = None
    tls_rpt: TlsRptFacts | None = None
    dane: DaneFacts | None = None
    dnssec: DnssecFacts | None = None
    starttls: StarttlsFacts | None = None
    bimi: BimiFacts | None = None
    nameservers: NameserversFacts | None = None
    recipient: RecipientFacts | None = None

    @property
    def sends_nothing(self) -> bool:
        """Does the domain say that nobody sends for it ("v=spf1 -all", RFC 7208 section 10.1.2), and does the user not say otherwise?"""
        if self.spf is None or self.input.ips or self.input.selectors or self.input.mail_from:
            return False
        return (self.spf.record or "").lower().split() == ["v=spf1", "-all"]

    @property
    def parked(self) -> bool:
        """Does it say besides that it takes no mail either (a null MX alone, RFC 7505)?"""
        return self.mx is not None and self.mx.state == "null" and self.sends_nothing
