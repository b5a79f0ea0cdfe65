"""One DNS question and what it brought."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from .values import frozen


class Outcome(StrEnum):
    """The outcome of one DNS question. Nine, never two: a bool for "exists" is a bug."""

    FOUND = "found"
    NODATA = "nodata"  # the name exists, without records of this type
    NXDOMAIN = "nxdomain"  # the name does not exist, nor anything below it (RFC 8020)
    SERVFAIL = "servfail"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    BOGUS = "bogus"  # a validating resolver says that DNSSEC is broken here
    ERROR = "error"  # a malformed answer, a CNAME loop, a name that cannot be asked …
    NOT_ASKED = "not-asked"  # budget or deadline spent, or a name outside the files with --only-zone


_SURE = (Outcome.FOUND, Outcome.NODATA, Outcome.NXDOMAIN)


class Secure(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    DRAFT = "draft"  # the answer came from a zone file, not from the DNS


class Question(NamedTuple):
    """One DNS question. `name` is lower case, A-labels, without the trailing dot; `rtype` is "TXT", "MX" …

    role    why it is asked, for the topics' foresee: an answer to a question with role "mx-host" is foreseen as such
    fixed   its name comes from a fixed list (blocklists, common selectors) and is charged to that budget
    shared  its answer holds for every scan (a blocklist's self-test) and is kept by the World for an hour
    signed  the signatures are asked for too (RFC 3225, DO), and whether the resolver that answers validates: where it was shown to,
            the answer's `secure` is yes or no and never left open
    at      the address of the one nameserver that it is put to (Seam.ask_at); "" for the resolvers
    """

    name: str
    rtype: str
    role: str = ""
    fixed: bool = False
    shared: bool = False
    signed: bool = False
    at: str = ""


@frozen
class Answer:
    """What one question brought.

    values   presentation form, one per record: "192.0.2.1", "10 mx.example.net", the joined strings of a TXT record.
             Names without the trailing dot (the root is "."). Only FOUND has any.
    strings  TXT only: the character strings of each record as octets, before joining.
    aliases  the CNAME targets followed, in order.
    secure   DNSSEC state: yes only from a resolver that was shown to validate.
    detail   what went wrong, in words, where something did ("192.0.2.53: timed out after 3 tries").
    server   who answered ("192.0.2.53", "zone file shop.zone:3"), or "".
    authoritative  of a question put to one nameserver (Seam.ask_at): whether it holds the zone, as its AA bit says. None: it did not say, or any other question.

    Of a question that was `signed`:
    signatures  RRSIG records over the answer, in presentation form (RFC 4034 section 3.2)
    unchecked   BOGUS only: what came with checking disabled. It tells why DNSSEC is broken, and nothing else may be taken from it.
    """

    name: str
    rtype: str
    outcome: Outcome
    values: tuple[str, ...] = ()
    ttl: int | None = None
    secure: Secure = Secure.UNKNOWN
    aliases: tuple[str, ...] = ()
    detail: str = ""
    strings: tuple[tuple[bytes, ...], ...] = ()
    server: str = ""
    signatures: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    authoritative: bool | None = None

    @property
    def found(self) -> bool:
        return self.outcome is Outcome.FOUND

    @property
    def absent(self) -> bool:
        """True only where the DNS said that there is none. Not the opposite of `found`."""
        return self.outcome in (Outcome.NODATA, Outcome.NXDOMAIN)

    @property
    def unsure(self) -> bool:
        """Neither found nor absent: nothing may be concluded but that it could not be looked up."""
        return self.outcome not in _SURE

    @property
    def looped(self) -> bool:
        """Does a chain of CNAMEs lead back into itself? That is a fault of the zone, and it stays: not a failure to look it up.

        A chain that is only longer than the seam follows is none: others may follow it to its end.
        """
        seen = (self.name, *self.aliases)
        return self.outcome is Outcome.ERROR and len(set(seen)) < len(seen)

    def mx(self) -> tuple[tuple[int, str], ...]:
        """MX values as (preference, host), best first; a null MX is (0, ".")."""
        pairs = []
        for value in self.values:
            preference, _, host = value.partition(" ")
            pairs.append((int(preference), host))
        return tuple(sorted(pairs))
