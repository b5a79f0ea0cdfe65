"""A DMARC record read tag by tag, as RFC 9989 section 4.8 has it. Pure; raises nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ...model import Answer, frozen

POLICIES = ("none", "quarantine", "reject")  # weakest first
REMOVED = ("pct", "rf", "ri")  # of RFC 7489; gone with RFC 9989
VALUES = {"p": POLICIES, "sp": POLICIES, "np": POLICIES, "adkim": ("r", "s"), "aspf": ("r", "s"), "t": ("y", "n"), "psd": ("y", "n", "u")}
KNOWN = (*VALUES, "v", "rua", "ruf", "fo", *REMOVED)
RECORD_LIMIT = 16384
URI_LIMIT = 50

# RFC 9989 sections 4.7 and 4.8: the record begins with the version; its value is case-sensitive, its name is not
_VERSION = re.compile(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_VERSION_ANY = re.compile(r"\W{0,4}v?\W{0,3}dmarc\W{0,2}\d?\b", re.IGNORECASE)
# RFC 3986 section 3, without the comma and the exclamation mark, which RFC 9989 section 4.8 wants encoded
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:(?:[A-Za-z0-9._~:/?#\[\]@$&'()*+=-]|%[0-9A-Fa-f]{2})+")
_SIZE = re.compile(r"[0-9]+[kmgt]?", re.IGNORECASE)
_MAILTO = re.compile(r"mailto:([^@\s]{1,256})@([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}))", re.IGNORECASE)


@frozen
class ReportAddress:
    """One address of rua or ruf that is a URI. domain: where the reports go, "" where it is no mailto: address that can be served."""

    tag: str
    text: str
    domain: str
    sized: bool = False  # carries "!10m", which RFC 9989 section 4.8 has receivers ignore


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """One record. tags: as published, first of each; bad: (tag, value, reason) of those whose value is discarded; p, sp, np: as
    published where they are valid, whether they count (`recovered`) or not."""

    text: str
    tags: tuple[tuple[str, str], ...]
    bad: tuple[tuple[str, str, str], ...]
    reports: tuple[ReportAddress, ...]
    unknown: tuple[str, ...]
    removed: tuple[str, ...]
    p: str | None
    sp: str | None
    np: str | None
    adkim: str = "r"
    aspf: str = "r"
    testing: bool = False
    psd: str = "u"

    @property
    def bad_policies(self) -> tuple[tuple[str, str], ...]:
        """The tags p, sp and np whose value is no policy, with that value."""
        return tuple((tag, value) for tag, value, why in self.bad if why == "bad-policy")

    @property
    def recovered(self) -> bool:
        """Does the record count as p=none, or not at all, whatever else it says? RFC 9989 section 4.10.1: it does without a valid p, and
        with an sp or np that is not valid.

        Section 4.8 has any syntax error discarded for a default; 4.10.1 speaks of these three tags, and goes before it. Section 4.7
        takes a record without p for p=none also where it names no report address; 4.10.1 does not.
        """
        return self.p is None or bool(self.bad_policies)

    @property
    def usable(self) -> bool:
        """Is there DMARC by this record? RFC 9989 section 4.10.1: one to be recovered needs a rua with a URI that is one by its syntax."""
        return not self.recovered or any(r.tag == "rua" for r in self.reports)

    @property
    def policy(self) -> str:
        return self.p if self.p and not self.recovered else POLICIES[0]

    @property
    def for_subdomains(self) -> str:
        return self.sp if self.sp and not self.recovered else self.policy

    @property
    def for_nonexistent(self) -> str:
        return self.np if self.np and not self.recovered else self.for_subdomains

    @property
    def served(self) -> bool:
        """Does rua name an address that receivers can be expected to serve?"""
        return any(r.tag == "rua" and r.domain for r in self.reports)

    def lowered(self, policy: str) -> str:
        """RFC 9989 section 4.7: t=y asks that the policy be applied one level down."""
        return POLICIES[max(0, POLICIES.index(policy) - 1)] if self.testing else policy


def texts(answer: Answer) -> tuple[str, ...]:
    if answer.values:
        return answer.values
    return tuple(b"".join(s).decode("utf-8", "backslashreplace") for s in answer.strings)


def select(answer: Answer) -> tuple[str, ...]:
    """The DMARC records among the TXT records of a name; other text is nobody's business (RFC 9989 section 4.10 steps 2 and 6)."""
    return tuple(text for text in texts(answer) if _VERSION.match(text[:64]))


def nearly(answer: Answer) -> tuple[str, ...]:
    """Records that were meant as DMARC and are none ("v=dmarc1", "DMARC1; p=none")."""
    good = select(answer)
    return tuple(text for text in texts(answer) if text not in good and _VERSION_ANY.match(text[:40]))


@lru_cache(maxsize=256)  # a scan reads the same one for each name that it covers
def parse(text: str) -> DmarcRecord:
    """Read one record. A value that cannot be is discarded for its default and listed in `bad`. Pure. RFC 9989 section 4.8.

    Of a tag that stands twice the first is taken: RFC 6376 section 3.2, whose tag lists these are, gives the whole list up; RFC 9989
    section 4.8 keeps what can be read.
    """
    tags: dict[str, str] = {}
    bad: list[tuple[str, str, str]] = []
    unknown: list[str] = []
    for part in text[:RECORD_LIMIT].split(";"):
        name, equals, value = part.partition("=")
        name, value = name.strip(" \t").lower(), value.strip(" \t")
        if not name and not equals:
            continue
        if not equals or not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
            bad.append((part.strip()[:60], "", "no-tag"))
        elif name in tags:
            bad.append((name, value[:60], "repeated"))
        elif name not in KNOWN:
            # RFC 9989 section 4.7: unknown tags are ignored
            unknown.append(name)
        else:
            tags[name] = value
    chosen: dict[str, str] = {}
    for name, allowed in VALUES.items():
        if name not in tags:
            continue
        # RFC 5234 section 2.3: literals of a grammar are case-insensitive
        value = tags[name].lower()
        if value in allowed:
            chosen[name] = value
        else:
            bad.append((name, tags[name][:60], "bad-policy" if allowed is POLICIES else "bad-value"))
    # RFC 9989 section 4.7: what fo says is ignored without ruf
    if "fo" in tags and "ruf" in tags and not _fo_valid(tags["fo"]):
        bad.append(("fo", tags["fo"][:60], "bad-value"))
    reports = tuple(_reports(tags, bad))
    return DmarcRecord(
        text=text,
        tags=tuple(tags.items()),
        bad=tuple(bad),
        reports=reports,
        unknown=tuple(dict.fromkeys(unknown)),
        removed=tuple(n for n in REMOVED if n in tags),
        p=chosen.get("p"),
        sp=chosen.get("sp"),
        np=chosen.get("np"),
        adkim=chosen.get("adkim", "r"),
        aspf=chosen.get("aspf", "r"),
        testing=chosen.get("t") == "y",
        psd=chosen.get("psd", "u"),
    )


def _fo_valid(text: str) -> bool:
    options = text.lower().split(":")
    # RFC 9989 sections 4.7 and 4.8: 0 and 1 exclude each other, each stands once, in any order and without blanks
    return set(options) <= {"0", "1", "d", "s"} and len(set(options)) == len(options) and not {"0", "1"} <= set(options)


def _reports(tags: dict[str, str], bad: list[tuple[str, str, str]]) -> list[ReportAddress]:
    out: list[ReportAddress] = []
    for tag in ("rua", "ruf"):
        for uri in tags.get(tag, "").split(",")[:URI_LIMIT] if tag in tags else ():
            text = uri.strip()
            address, mark, size = text.partition("!")
            sized = bool(mark)
            found = _MAILTO.fullmatch(address.partition("?")[0])
            if not _URI.fullmatch(address) or (sized and not _SIZE.fullmatch(size)):
                bad.append((tag, text[:60], "bad-address"))
            elif found and "." in found.group(2) and ".." not in found.group(2):
                out.append(ReportAddress(tag, text[:300], found.group(2).lower().rstrip("."), sized))
            else:
                # RFC 9989 section 4.7: any URI may stand there, only mailto is sure to be served; either makes the record count (4.10.1)
                out.append(ReportAddress(tag, text[:300], "", sized))
                bad.append((tag, text[:60], "bad-address" if text[:7].lower() == "mailto:" else "not-mailto"))
    return out
