"""Topic bimi (draft-brand-indicators-for-message-identification): the record, its logo, its certificate, and whether DMARC lets any of it be shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...model import Answer, Fetch, Question, ScanInput
from .. import web
from ..facts import Facts
from .judge import judge
from .mark import Mark
from .mark import read as read_mark
from .record import BimiRecord, nearly, read, select, tidy
from .svg import Logo
from .svg import read as read_logo

if TYPE_CHECKING:
    from ...edge.world import Session

__all__ = ["TOPIC", "BimiFacts", "first", "foresee", "gather", "judge"]

TOPIC = "bimi"
LIMITS = {"l": 131072, "a": 262144}  # octets; a logo should have 32 kilobytes, a certificate brings its logo and those above it along
ROLES = frozenset({"bimi", "bimi-above", *(f"bimi-{tag}" for tag in LIMITS)})
PARENTS = 3  # names above a domain whose record is looked for before the organizational domain is known
REDIRECTS = 3


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the record names by a tag. state, problem: see checks/web.py. redirected: the addresses that it led to, in order."""

    tag: str
    url: str
    state: str
    status: int | None = None
    content_type: str = ""
    location: str = ""
    redirected: tuple[str, ...] = ()
    problem: str = ""
    detail: str = ""
    evidence: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class BimiFacts:
    """What is known of BIMI, selector "default".

    state     present | none | declined (both l= and a= empty) | several (which count as none) | broken | unknown
    found_at  the domain whose record holds: the domain itself or its organizational domain
    bad       (tag, value, reason) of what receivers do not take in the record
    enforced  does DMARC ask for enforcement as far as BIMI wants it? None: not known; dmarc: the reasons why not
    same      is the logo the one in the certificate? None where one of them is not known
    """

    domain: str
    state: str
    found_at: str | None = None
    record: str | None = None
    location: str = ""
    authority: str = ""
    avatar: str = ""
    bad: tuple[tuple[str, str, str], ...] = ()
    enforced: bool | None = None
    dmarc: tuple[str, ...] = ()
    files: tuple[Asset, ...] = ()
    logo: Logo | None = None
    certificate: Mark | None = None
    same: bool | None = None
    answer: Answer | None = None
    unsure: tuple[Answer, ...] = ()
    policies: tuple[Answer, ...] = ()


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:
    """The record of the domain itself. Pure."""
    yield Question(_at(wanted.domain.name), "TXT", role="bimi")


def foresee(question: Question, answer: Answer) -> Iterator[Question | Fetch]:
    """The files that a record names; where there is none, the record of the names above, one of which is the organizational domain. Pure."""
    if question.role in ("bimi", "bimi-above"):
        if found := select(answer):
            yield from (web.first(url, f"bimi-{tag}") for tag, url in _urls(read(found[0])))
        elif question.role == "bimi" and answer.absent:
            yield from (Question(_at(name), "TXT", role="bimi-above") for name in _above(question.name.removeprefix(_at(""))))
    else:
        for tag, limit in LIMITS.items():
            yield from web.follow(question, answer, f"bimi-{tag}", limit)


def _at(domain: str) -> str:
    return f"default._bimi.{domain}"


def _above(domain: str) -> tuple[str, ...]:
    """The names above a domain, those nearest the root first, without the top-level domain."""
    labels = domain.split(".")
    return tuple(".".join(labels[-n:]) for n in range(2, len(labels)))[:PARENTS]


def _urls(record: BimiRecord) -> tuple[tuple[str, str], ...]:
    return tuple((tag, url) for tag, url in (("l", record.location), ("a", record.authority)) if url)


def gather(session: Session, facts: Facts) -> BimiFacts:
    """Look up the record (that of the organizational domain where the domain has none), then fetch the logo and the certificate.

    Cost: at most two questions; for each file two questions and one request, one more of both for each redirect (at most three).
    """
    domain = facts.input.domain.name
    org = facts.dmarc.org if facts.dmarc is not None else None
    found_at, answer = domain, session.dns.ask(_at(domain), "TXT")
    if not answer.unsure and not select(answer) and not nearly(answer) and org not in (None, domain):
        # draft section 7.2 step 6: an empty set sends the receiver to the organizational domain
        found_at, answer = str(org), session.dns.ask(_at(str(org)), "TXT")
    if answer.unsure:
        return BimiFacts(domain, "unknown", answer=answer, unsure=(answer,))
    records = select(answer)
    meant = records or nearly(answer)
    if not meant:
        # with the organizational domain unknown, so is whether there is a record at it
        unsure = facts.dmarc.unsure if facts.dmarc is not None and org is None else ()
        return BimiFacts(domain, "none", answer=answer, unsure=unsure)
    record = read(meant[0])
    state = "several" if len(records) > 1 else "declined" if record.declined else "broken" if record.bad else "present"
    told: dict[str, Any] = {
        "found_at": found_at,
        "record": record.text,
        "location": record.location,
        "authority": record.authority,
        "avatar": record.avatar,
        "bad": record.bad,
        "answer": answer,
    }
    if state in ("several", "declined"):
        return BimiFacts(domain, state, **told)
    return BimiFacts(domain, state, **told, **_enforcement(facts), **_files(session, record, _allowed(domain, found_at, org)))


def _allowed(domain: str, found_at: str, org: str | None) -> tuple[str, ...]:
    """The names that a certificate may be for: the domain or its organizational domain, with the selector or without. draft-fetch-validation-vmc-wchuang."""
    names = dict.fromkeys((found_at, domain, *([org] if org else [])))
    return (*names, *map(_at, names))


def _files(session: Session, record: BimiRecord, allowed: tuple[str, ...]) -> dict[str, Any]:
    for tag, url in _urls(record):
        session.dns.foresee([web.first(url, f"bimi-{tag}")])  # both are on their way before one is waited for
    files: list[Asset] = []
    logo: Logo | None = None
    mark: Mark | None = None
    for tag, url in _urls(record):
        asset, body = _fetched(session, tag, url)
        files.append(asset)
        if body is not None and tag == "l":
            logo = read_logo(body)
        elif body is not None:
            mark = read_mark(body, allowed, session.now)
    same = logo.sha256 == mark.sha256 if logo is not None and mark is not None and mark.sha256 else None
    return {"files": tuple(files), "logo": logo, "certificate": mark, "same": same}


def _fetched(session: Session, tag: str, url: str) -> tuple[Asset, bytes | None]:
    """A file, redirects followed by us: each leads to a request of its own, its host looked up and guarded as the first."""
    seen: list[str] = []
    evidence: tuple[Answer, ...] = ()
    visit = web.visit(session, url, LIMITS[tag])
    while visit.state == "redirect" and visit.got is not None and len(seen) < REDIRECTS:
        location = visit.got.location.strip()
        onward, why = tidy(f"https://{web.host_of(visit.url)}{location}" if location.startswith("/") and not location.startswith("//") else location)
        if why or not onward or onward in (url, *seen):
            break
        evidence = (*evidence, *visit.evidence())
        seen.append(onward)
        visit = web.visit(session, onward, LIMITS[tag])
    got = visit.got
    asset = Asset(
        tag=tag,
        url=url,
        state=visit.state,
        status=got.status or None if got is not None else None,
        content_type=got.content_type if got is not None else "",
        location=got.location[:200] if got is not None else "",
        redirected=tuple(seen),
        problem=visit.problem,
        detail=got.detail if got is not None else "",
        evidence=(*evidence, *visit.evidence()),
    )
    return asset, got.body if got is not None and visit.state == "ok" else None


# ------------------------------------------------------------------ DMARC


def _enforcement(facts: Facts) -> dict[str, Any]:
    """What BIMI asks of DMARC, at the domain and at its organizational domain. Draft section 7.1, steps 7 to 9."""
    dmarc = facts.dmarc
    if dmarc is None or not dmarc.known:
        return {"enforced": None, "unsure": dmarc.unsure if dmarc is not None else ()}
    texts = {at: dmarc.record for at in [dmarc.found_at] if at and dmarc.record}
    policies = [a for a in dmarc.answers if a.name in {f"_dmarc.{at}" for at in (dmarc.found_at, dmarc.org)}]
    for answer in policies:
        own = [v for v in answer.values if v.replace(" ", "").startswith("v=DMARC1")]
        if len(own) == 1:
            texts.setdefault(answer.name.removeprefix("_dmarc."), own[0])
    reasons = [] if dmarc.policy else ["missing"]
    if dmarc.policy == "none":
        reasons.append("testing" if dmarc.asked not in (None, "none") else "p-none")
    for at, text in texts.items():
        tags = {name.strip().lower(): value.strip().lower() for name, _, value in (part.partition("=") for part in text.split(";"))}
        if at != dmarc.found_at and tags.get("p", "none") == "none":
            reasons.append("org-p-none")
        if tags.get("sp") == "none":
            reasons.append("sp-none")
        if tags.get("p") == "quarantine" and tags.get("pct", "100") != "100":
            reasons.append("pct")
    return {"enforced": not reasons, "dmarc": tuple(dict.fromkeys(reasons)), "policies": tuple(policies or dmarc.answers[:1])}
