"""What checkdmarc makes of a record: a second opinion beside ours, over answers that we already have. It never decides.

No function here opens a socket, and none asks a question.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import dns.message
import dns.name
import dns.nameserver
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver

from ..model import Answer, Outcome

MAX_OPINION = 2048  # octets of a record, beyond which it is not asked


@dataclass(frozen=True, slots=True)
class Opinion:
    """What checkdmarc makes of a record. valid: None where it could not say. says: its own words for an error."""

    valid: bool | None
    says: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


# asked by checkdmarc for its warnings alone: the record type that RFC 7208 section 3.1 gave up, aliases, IPv6
NOT_RECORDED = ("SPF", "AAAA", "CNAME")


class _Recording(dns.nameserver.Nameserver):
    """Answers from what was asked already; anything else is SERVFAIL. So a second opinion costs no question."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held = {(a.name, a.rtype): a for a in answers}
        self.missed = False

    def __str__(self) -> str:
        return "recording"

    def kind(self) -> str:
        return "recording"

    def is_always_max_size(self) -> bool:
        return True

    def answer_nameserver(self) -> str:
        return "recording"

    def answer_port(self) -> int:
        return 0

    def query(self, request: dns.message.QueryMessage, *_: Any, **__: Any) -> dns.message.Message:
        asked = request.question[0]
        answer = self.held.get((asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)))
        response = dns.message.make_response(request, recursion_available=True)
        if answer is None and dns.rdatatype.to_text(asked.rdtype) in NOT_RECORDED:
            return response
        if answer is None or answer.unsure:
            self.missed = True
            response.set_rcode(dns.rcode.SERVFAIL)
        elif answer.outcome is Outcome.NXDOMAIN:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif answer.found:
            # by find_rrset, which also enters it into the index that dnspython reads answers by
            rrset = response.find_rrset(response.answer, asked.name, dns.rdataclass.IN, asked.rdtype, create=True)
            for text in _presented(answer):
                rrset.add(dns.rdata.from_text(dns.rdataclass.IN, asked.rdtype, text), answer.ttl or 0)
        return response

    async def async_query(self, *_: Any, **__: Any) -> dns.message.Message:
        raise NotImplementedError


def _presented(answer: Answer) -> Iterator[str]:
    if answer.rtype != "TXT":
        yield from answer.values
        return
    for strings in answer.strings:
        yield " ".join('"' + "".join(chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\{c:03d}" for c in s) + '"' for s in strings) or '""'


_import_lock = threading.Lock()


@cache
def _checkdmarc() -> tuple[Any, Any]:
    # checkdmarc keeps answers for the whole process, by name only, whoever gave them. Ages of nought, set before its first
    # import, are its own way to switch that off.
    ages = ("DNS_CACHE_MAX_AGE_SECONDS", "DNSSEC_CACHE_MAX_AGE_SECONDS", "SMTP_CACHE_MAX_AGE_SECONDS", "CACHE_MAX_AGE_SECONDS")
    with _import_lock:
        os.environ.update(dict.fromkeys(ages, "0"))
        import checkdmarc.dmarc
        import checkdmarc.spf

    return checkdmarc.dmarc, checkdmarc.spf


def prepare() -> None:
    """Import checkdmarc now (half a second, once a process), so that the first scan does not wait for it. For servers."""
    _checkdmarc()


class _Held(NamedTuple):
    """One record, as checkdmarc reads it: the strings of a TXT record, the text of any other."""

    strings: tuple[bytes, ...]
    text: str

    def to_text(self) -> str:
        return self.text

    @property
    def preference(self) -> int:
        return int(self.text.split()[0])

    @property
    def exchange(self) -> dns.name.Name:
        return dns.name.from_text(self.text.split()[1])


class _Resolver:
    """What checkdmarc uses of a dnspython resolver, over a recording. Messages made for it alone would cost ten times as much."""

    lifetime = timeout = 1.0

    def __init__(self, recording: _Recording) -> None:
        self.recording = recording

    def resolve(self, name: str, rtype: str, **_: Any) -> list[_Held]:
        answer = self.recording.held.get((name.lower().removesuffix("."), rtype))
        if answer is None and rtype in NOT_RECORDED:
            raise dns.resolver.NoAnswer
        if answer is None or answer.unsure:
            self.recording.missed = True
            raise dns.resolver.NoNameservers
        if answer.outcome is Outcome.NXDOMAIN:
            raise dns.resolver.NXDOMAIN
        if not answer.found:
            raise dns.resolver.NoAnswer
        if rtype == "TXT":
            return [_Held(strings, "") for strings in answer.strings]
        return [_Held((), value) for value in answer.values]


def dmarc_opinion(record: str, domain: str) -> Opinion:
    """What checkdmarc makes of a DMARC record: valid or not, and each tag's value.

    Only the parsing counts: its questions about report addresses are not answered, and its warnings left out. Never raises. Cost: about a millisecond and no question. Standard: RFC 9989 section 4.8.
    """
    if len(record) > MAX_OPINION:
        return Opinion(None)
    library, _ = _checkdmarc()
    recording = _Recording(())
    try:
        parsed = library.parse_dmarc_record(record, domain, resolver=_Resolver(recording), nameservers=[recording])
    except library.DMARCError as error:
        return Opinion(False, _first(error))
    except Exception as error:
        return Opinion(None, type(error).__name__)
    values = {tag: row["value"] for tag, row in parsed["tags"].items() if tag not in ("rua", "ruf")}
    return Opinion(True, "", values)


def spf_opinion(record: str, domain: str, answers: Iterable[Answer]) -> Opinion:
    """What checkdmarc makes of an SPF record: valid or not, and how many look-ups it counts (it counts the worst case).

    It differs from RFC 7208 in known ways, so that it never decides. `answers` are what we already know; where it wants
    more it cannot say. Never raises. Cost: a few milliseconds and no question.
    """
    held = tuple(answers)
    if len(record) > MAX_OPINION or sum(len(v) for a in held for v in a.values) > 8 * MAX_OPINION:
        return Opinion(None)
    _, library = _checkdmarc()
    recording = _Recording(held)
    try:
        # nameservers too: what stands behind exp= checkdmarc asks without the resolver that it is given
        parsed = library.parse_spf_record(record, domain, resolver=_Resolver(recording), nameservers=[recording])
    except library.SPFError as error:
        return Opinion(None if recording.missed else False, _first(error))
    except Exception as error:
        return Opinion(None, type(error).__name__)
    values = {"lookups": parsed["dns_lookups"], "void_lookups": parsed["void_dns_lookups"]}
    return Opinion(None if recording.missed else True, "", values, tuple(str(w) for w in parsed["warnings"]))


def text_opinion(kind: str, text: str) -> Opinion:
    """What checkdmarc makes of a text: kind "mta-sts" (the record), "mta-sts-policy" or "tls-rpt".

    It reads text and opens nothing. It never decides. Never raises. Cost: at most a few milliseconds. Standard: RFC 8461 section 3, RFC 8460 section 3.
    """
    if len(text) > MAX_OPINION:
        return Opinion(None)
    parse, refusal = _text_parsers()[kind]
    try:
        parse(text)
    except refusal as error:
        return Opinion(False, _first(error))
    except Exception as error:
        return Opinion(None, type(error).__name__)
    return Opinion(True)


@cache
def _text_parsers() -> Mapping[str, tuple[Any, type[Exception]]]:
    _checkdmarc()  # which sets its switches before its first import
    import checkdmarc.mta_sts as sts
    import checkdmarc.smtp_tls_reporting as reporting

    return {
        "mta-sts": (sts.parse_mta_sts_record, sts.MTASTSError),
        "mta-sts-policy": (sts.parse_mta_sts_policy, sts.MTASTSError),
        "tls-rpt": (reporting.parse_smtp_tls_reporting_record, reporting.SMTPTLSReportingError),
    }


def _first(error: BaseException) -> str:
    return str(error.args[0] if error.args else error)[:300]
