"""Zone files served as a recursive resolver would, for a Nameserver: wildcards (RFC 4592), aliases, empty non-terminals."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.zone


class Authority:
    """answer(query) is what a resolver says that knows these zones and nothing else: REFUSED for any other name."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.zones = [dns.zone.from_file(str(path), relativize=False, check_origin=False) for path in paths]
        self.names = {z.origin: {p for n in z.nodes for p in _above(n, z.origin)} for z in self.zones}

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query, recursion_available=True)
        asked = query.question[0]
        name = asked.name
        for _ in range(16):
            zone = max((z for z in self.zones if name.is_subdomain(z.origin)), key=lambda z: len(z.origin), default=None)
            if zone is None:
                response.set_rcode(dns.rcode.REFUSED)
                return response
            node = self._node(zone, name)
            sets = [] if node is None else list(node)
            found = next((s for s in sets if s.rdtype == asked.rdtype), None)
            alias = None if found else next((s for s in sets if s.rdtype == dns.rdatatype.CNAME), None)
            if found or alias:
                response.answer.append(dns.rrset.from_rdata_list(name, 300, list(found or alias)))
            else:
                exists = node is not None or name in self.names[zone.origin]
                response.set_rcode(dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN)
                response.authority.append(dns.rrset.from_rdata_list(zone.origin, 300, list(zone.get_rdataset(zone.origin, "SOA"))))
            if alias is None:
                return response
            name = alias[0].target
            if any(s.name == name for s in response.answer):
                return response  # a loop: the client sees it
        return response

    def _node(self, zone: dns.zone.Zone, name: dns.name.Name):
        if (node := zone.get_node(name)) is not None or name in self.names[zone.origin]:
            return node
        # RFC 4592 section 3.3.1: the wildcard of the closest encloser, and of no other
        while name != zone.origin:
            name = name.parent()
            if name in self.names[zone.origin]:
                return zone.get_node(dns.name.Name((b"*", *name.labels)))
        return None


def _above(name: dns.name.Name, origin: dns.name.Name) -> Iterable[dns.name.Name]:
    while name != origin:
        yield name
        name = name.parent()
    yield origin
