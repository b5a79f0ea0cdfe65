"""The one translator for three strangers: pyspf, dkimpy and checkdmarc. Nobody else imports them.

What we allow ourselves of each, and nothing more (tests/test_libs.py lists every key that is read):

    pyspf       spf.query(...).check()               the SPF verdict for one address; its look-ups are bound to our answers
    dkimpy      dkim.crypto.parse_public_key         the length of an RSA key
    checkdmarc  dmarc.parse_dmarc_record, spf.parse_spf_record   a second opinion, over answers that we already have
                mta_sts.parse_mta_sts_record, mta_sts.parse_mta_sts_policy, smtp_tls_reporting.parse_smtp_tls_reporting_record   the same, over text

No function here opens a socket: pyspf asks through the seam that it is handed, checkdmarc is answered from a recording.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

import dkim.crypto
import spf

from ..model import Answer
from .libs_opinion import Opinion, dmarc_opinion, prepare, spf_opinion, text_opinion

# pyspf's patterns are quadratic in the length of a term, and it compares each modifier with every other one. Beyond these
# sizes (a record that works has a few hundred octets) a record is not handed to it.
MAX_SPF_RECORD = 8192
MAX_SPF_TERM = 1024

__all__ = ["Asks", "Opinion", "SpfVerdict", "dmarc_opinion", "key_octets", "prepare", "presented", "rsa_bits", "spf_opinion", "spf_verdict", "text_opinion"]


class Asks(Protocol):
    """The part of the seam that is needed here."""

    def ask(self, name: str, rtype: str) -> Answer: ...


# ------------------------------------------------------------------ SPF


@dataclass(frozen=True, slots=True)
class SpfVerdict:
    """What a receiver would make of one address.

    result      pass | fail | softfail | neutral | none | permerror | temperror; "error" where pyspf itself broke
    problem     pyspf's words for a permerror or temperror, else ""
    mechanism   the term of the record that decided, as published; None where none matched (the default applied)
    lookups     terms that cost a look-up until the decision; void_lookups those that brought nothing (RFC 7208 section 4.6.4)
    unsure      the answers that kept it from a decision
    """

    ip: str
    result: str
    problem: str = ""
    mechanism: str | None = None
    lookups: int = 0
    void_lookups: int = 0
    unsure: tuple[Answer, ...] = ()

    @property
    def known(self) -> bool:
        return self.result not in ("temperror", "error")


@dataclass(slots=True)
class _Asking:
    dns: Asks
    unsure: list[Answer] = field(default_factory=list)


_asking: ContextVar[_Asking] = ContextVar("who answers pyspf")


def _lookup(name: str, rtype: str, strict: Any = True, timeout: float = 0) -> list[tuple[tuple[str, str], Any]]:  # noqa: ARG001
    """pyspf's port to the DNS: what the seam of this context answers, in the shape that pyspf reads."""
    asking = _asking.get()
    answer = asking.dns.ask(presented(name), rtype)
    if answer.unsure and not answer.looped:
        asking.unsure.append(answer)
        raise spf.TempError(answer.detail or answer.outcome.value)
    return [((name, rtype), value) for value in _values(answer, rtype)]


spf.DNSLookup = _lookup

_ODD = re.compile(rb"[^!-~]|\\")


def presented(name: str) -> str:
    """A name as a zone file writes it: macros may put spaces and other octets into a label (RFC 7208 section 7.3)."""
    return _ODD.sub(lambda m: b"\\%03d" % m[0][0], name.encode("utf-8", "surrogateescape")).decode("ascii")


def _values(answer: Answer, rtype: str) -> Iterator[Any]:
    if not answer.found:
        return
    if rtype == "TXT":
        for strings in answer.strings or tuple((v.encode("utf-8", "surrogateescape"),) for v in answer.values):
            _guard(b"".join(strings))
            yield strings
    elif rtype == "MX":
        yield from (pair for pair in answer.mx() if pair[1] != ".")
    else:
        yield from answer.values


def _guard(record: bytes) -> None:
    if record[:6].lower() != b"v=spf1":
        return
    if len(record) > MAX_SPF_RECORD or any(len(term) > MAX_SPF_TERM for term in record.split(b" ")):
        raise spf.PermError("the record is too long to be evaluated")


@contextmanager
def _bound(dns: Asks) -> Iterator[_Asking]:
    asking = _Asking(dns)
    token = _asking.set(asking)
    try:
        yield asking
    finally:
        _asking.reset(token)


def spf_verdict(dns: Asks, ip: str, mail_from: str, helo: str = "", *, record: str | None = None) -> SpfVerdict:
    """The SPF verdict for one address and one envelope sender, by pyspf over the answers of `dns`.

    mail_from  "postmaster@example.com", or "" for the null sender (then `helo` is judged)
    record     judge this record as if it stood at the domain: for a proposal that is to be tried out

    A look-up that failed gives temperror, never permerror nor none. Never raises on what the network says.
    Cost: at most the questions of RFC 7208 section 4.6.4, each asked once a scan. Standard: RFC 7208.
    """
    with _bound(dns) as asking:
        try:
            query = spf.query(i=ip, s=mail_from, h=helo, strict=True, timeout=0, querytime=0)
            result, _, words = query.check(spf=record)
        except spf.TempError as error:
            return SpfVerdict(ip, "temperror", str(error), unsure=tuple(asking.unsure))
        except spf.PermError as error:
            return SpfVerdict(ip, "permerror", str(error))
        except Exception as error:
            # pyspf on hostile text may break in ways of its own; that is no verdict
            return SpfVerdict(ip, "error", type(error).__name__, unsure=tuple(asking.unsure))
    problem = words.partition(": ")[2] if result in ("permerror", "temperror") else ""
    return SpfVerdict(ip, result, problem, query.mechanism, query.lookups, query.void_lookups, tuple(asking.unsure) if result == "temperror" else ())


# ------------------------------------------------------------------ DKIM


def key_octets(text: str) -> bytes | None:
    """The octets of a base64 p= value (white space left out), or None where it is no base64. Pure. RFC 6376 section 3.6.1."""
    try:
        return base64.b64decode(re.sub(r"[ \t\r\n]", "", text).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeError, ValueError):
        return None


def rsa_bits(der: bytes) -> int | None:
    """The bits of the modulus of an RSA public key (SubjectPublicKeyInfo or bare RSAPublicKey), or None where it is none.

    Pure. Standard: RFC 6376 section 3.6.1, RFC 8017 appendix A.1.1.
    """
    try:
        modulus = dkim.crypto.parse_public_key(der)["modulus"]
    except Exception:
        # dkimpy's ASN.1 reader raises whatever broken octets lead it to (IndexError, TypeError …)
        return None
    return int(modulus).bit_length() or None
