"""What is asked of a host by HTTPS or SMTP, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Reached(StrEnum):
    """How far a connection came. Only OK says something of the content; NOT_ASKED, NO_ROUTE and GUARDED say nothing of the host."""

    OK = "ok"  # an answer was read to its end
    NOT_ASKED = "not-asked"  # no time was left, or only zone files are to answer
    GUARDED = "guarded"  # not a public address: nothing was connected
    NO_ROUTE = "no-route"  # this machine has no way there (no IPv6, port 25 closed on the way out): says nothing of the host
    REFUSED = "refused"  # the host is there, and nobody listens
    TIMEOUT = "timeout"
    TLS = "tls"  # the handshake failed before a certificate could be judged
    CERTIFICATE = "certificate"  # not trusted, another name, not valid now: see Certificate.problem
    PROTOCOL = "protocol"  # what was said is no HTTP, or no SMTP
    TOO_LARGE = "too-large"
    CLOSED = "closed"  # the connection ended before the answer did

    @property
    def unsure(self) -> bool:
        """Nothing may be concluded about the host, but that it could not be looked at from here and now."""
        return self in (Reached.NOT_ASKED, Reached.NO_ROUTE, Reached.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificate that a server showed, as a receiver would judge it for `asked_name` at the time of the scan.

    names        dNSName entries of subjectAltName, in lower case; the common name counts for nothing (RFC 9525 section 2)
    problem      "" | expired | not-yet-valid | wrong-name | self-signed | untrusted | unreadable; the first that holds in that order
    chain        each certificate as sent, DER, the server's own first: what TLSA records are compared with
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    problem: str = ""
    chain: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetch:
    """One GET. `addresses` were looked up by the seam: no name is resolved again on the way. `limit`: octets of the body.

    An https URL of port 443, without user, query or fragment; anything else raises ValueError where it is made.
    """

    url: str
    addresses: tuple[str, ...]
    limit: int = 65536

    def __post_init__(self) -> None:
        host, _, path = self.url.removeprefix("https://").partition("/")
        if not self.url.startswith("https://") or not host or any(c in host for c in ":@?#[]\\ ") or any(c <= " " or c in "#\x7f" for c in path):
            raise ValueError(f"no URL that is fetched: {self.url[:80]!r}")

    @property
    def host(self) -> str:
        return self.url.removeprefix("https://").partition("/")[0].lower()

    @property
    def path(self) -> str:
        return "/" + self.url.removeprefix("https://").partition("/")[2]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a GET brought. A redirect is never followed: it is an answer with its status and `location` (RFC 8461 section 3.3)."""

    url: str
    reached: Reached
    status: int = 0
    content_type: str = ""
    body: bytes = b""
    location: str = ""
    address: str = ""  # the one that was connected
    detail: str = ""  # what went wrong, in words, where something did
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class Greeted:
    """How a mail host answered on port 25: banner, EHLO, STARTTLS. Only where the user asked for it.

    starttls   offered: True or False; None where the conversation did not come so far
    reached    OK where the conversation came to its end, also with a certificate that a browser would not take (see certificate.problem),
               and where the host turned this client away (`stage`)
    stage      where it ended before its end: connect | banner | ehlo | starttls | tls. With OK: the host answered no there, and `detail` is its reply;
               for tls: TLS came about only with what is given up elsewhere (old versions, short keys), and `detail` says how it failed without
    injected   something came in the clear between the answer to STARTTLS and TLS; it was not looked at (RFC 3207 section 6)
    """

    host: str
    address: str
    reached: Reached
    banner: str = ""
    ehlo: tuple[str, ...] = ()  # the lines of the answer to EHLO, without the codes
    starttls: bool | None = None
    protocol: str = ""  # "TLSv1.3"
    cipher: str = ""
    certificate: Certificate | None = None
    detail: str = ""
    stage: str = ""
    injected: bool = False
