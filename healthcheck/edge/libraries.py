"""The seam as those see it who speak dnspython: a nameserver that a resolver of theirs asks. checkdmarc, pyspf and dkimpy ask through it, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dns.exception
import dns.flags
import dns.message
import dns.nameserver
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset

from ..model import Answer, Outcome, Question, Secure
from .codec import name_text
from .loop import Loop
from .memo import Head

if TYPE_CHECKING:
    from .world import World

Sections = tuple[list[dns.rrset.RRset], list[dns.rrset.RRset]]


class Unanswered(dns.exception.Timeout, OSError):
    """What a library is told about a question without any answer. An OSError, so that dnspython does not ask again."""


class ForLibraries(dns.nameserver.Nameserver):
    """A part of the seam (edge/dns.py). What a library asks is demanded, and charged, as any other question."""

    _world: World
    _loop: Loop
    _deadline: float

    def _demand(self, question: Question, *, do: bool = False, server: str = "") -> Answer | Head:
        raise NotImplementedError

    def _await(self, head: Head) -> Answer:
        raise NotImplementedError

    def __str__(self) -> str:
        return self._world.describe

    def kind(self) -> str:
        return "Seam"

    def is_always_max_size(self) -> bool:
        return True

    def answer_nameserver(self) -> str:
        return self._world.nameservers[0] if self._world.nameservers else "zone files"

    def answer_port(self) -> int:
        return 53

    def resolver(self) -> dns.resolver.Resolver:
        """A dnspython resolver that asks through this seam and through nothing else."""
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = [self]
        resolver.lifetime = resolver.timeout = self._deadline
        resolver.search = []
        return resolver

    def query(self, request: dns.message.QueryMessage, *_: Any, **__: Any) -> dns.message.Message:
        """dnspython's way to ask: demanded, and charged. The time it allows is not looked at; the scan's deadline is.

        Raises Unanswered for a time-out and for what was not asked; everything else is a message, BOGUS and ERROR as SERVFAIL.
        """
        asked = request.question[0]
        response = dns.message.make_response(request, recursion_available=True)
        if asked.rdclass != dns.rdataclass.IN:
            response.set_rcode(dns.rcode.REFUSED)
            return response
        do = bool(request.ednsflags & dns.flags.DO)
        name = name_text(asked.name.to_digestable())
        with self._loop.lock:
            item = self._demand(Question(name, dns.rdatatype.to_text(asked.rdtype)), do=do)
        answer = item if isinstance(item, Answer) else self._await(item)
        if answer.outcome in (Outcome.TIMEOUT, Outcome.NOT_ASKED):
            raise Unanswered(timeout=self._deadline)  # type: ignore[no-untyped-call]
        rcodes = {Outcome.NXDOMAIN: dns.rcode.NXDOMAIN, Outcome.REFUSED: dns.rcode.REFUSED}
        response.set_rcode(rcodes.get(answer.outcome, dns.rcode.SERVFAIL if answer.unsure else dns.rcode.NOERROR))
        if answer.secure is Secure.YES:
            response.flags |= dns.flags.AD
        if not answer.unsure:
            response.index = None  # type: ignore[assignment]  # dnspython would look for what is added here in an index that knows nothing of it
            section, response.authority = self._brought(item)
            response.answer.extend(section)
        return response

    def _brought(self, item: Answer | Head) -> Sections:
        """The answer section of all that a question was led over, and the last authority section."""
        answer: list[dns.rrset.RRset] = []
        authority: list[dns.rrset.RRset] = []
        for raw in item.trail if isinstance(item, Head) else ():
            if raw.reply is not None:
                section, authority = raw.reply.sections()
                answer.extend(section)
        return answer, authority
