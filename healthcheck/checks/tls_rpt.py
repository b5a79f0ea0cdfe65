"""Topic tls-rpt (RFC 8460): where senders report deliveries that failed for want of encryption."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ..model import Answer, Choice, Finding, Question, Record, ScanInput, Status
from .base import Later, because, could_not_check, finding

if TYPE_CHECKING:
    from ..edge.world import Session
    from .facts import Facts

TOPIC = "tls-rpt"
ROLES: frozenset[str] = frozenset()
SHOWN = 8
URIS = 50  # report addresses that are read
NO_MAIL = ("null", "none", "no-domain")  # states of mx: nobody delivers there, so nobody reports

_VERSION = re.compile(r"v=TLSRPTv1[ \t]*(?:;|$)")
_NEARLY = re.compile(r"\W{0,4}v?\W{0,3}tls-?rpt\W{0,2}v?\W?\d?\b", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_VALUE = re.compile(r"[\x21-\x3a\x3c\x3e-\x7e]+")
_HOST = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)+"
_MAILTO = re.compile(rf"mailto:[!-+\--:=?A-~<>\[\]^`{{|}}]{{1,256}}@({_HOST})(?:\?\S*)?", re.IGNORECASE)
_HTTPS = re.compile(rf"https://({_HOST})(?::[0-9]{{1,5}})?(?:[/?#]\S*)?", re.IGNORECASE)
_BARE = re.compile(rf"[^\s@:/;,!]{{1,256}}@{_HOST}")
_SIZED = re.compile(r"![0-9]+[kmgt]?$", re.IGNORECASE)


# ------------------------------------------------------------------ facts


@dataclass(frozen=True, slots=True)
class ReportUri:
    """One address of rua. problem: why nobody can report to it, "" where they can. domain: where the reports go."""

    text: str
    domain: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TlsRptFacts:
    """state: present | none | several (which count as none) | broken (no sender takes the record) | unknown. record: as published."""

    domain: str
    state: str
    record: str | None = None
    problem: str = ""
    rua: tuple[ReportUri, ...] = ()
    opinion: Mapping[str, Any] = field(default_factory=dict)
    answer: Answer | None = None


# ------------------------------------------------------------------ gather


def first(wanted: ScanInput) -> Iterator[Question]:
    """The record. Pure."""
    yield Question(f"_smtp._tls.{wanted.domain.name}", "TXT", role="tls-rpt")


def foresee(question: Question, answer: Answer) -> Iterator[Question]:  # noqa: ARG001 - the shape of a topic
    """Nothing follows from the record. Pure."""
    yield from ()


def gather(session: Session, facts: Facts) -> TlsRptFacts:
    """Look up the record. Cost: one question."""
    domain = facts.input.domain.name
    answer = session.dns.ask(f"_smtp._tls.{domain}", "TXT")
    if answer.unsure:
        return TlsRptFacts(domain, "unknown", answer=answer)
    records = select(answer)
    meant = records or nearly(answer)
    if not meant:
        return TlsRptFacts(domain, "none", answer=answer)
    problem, uris = read(meant[0])
    state = "several" if len(records) > 1 else "broken" if problem else "present"
    opinion = Later(partial(_opinion, meant[0], problem, uris))
    return TlsRptFacts(domain, state, meant[0], problem, uris, opinion, answer)


def _opinion(text: str, problem: str, uris: tuple[ReportUri, ...]) -> dict[str, Any]:
    from ..edge.libs import text_opinion

    said = text_opinion("tls-rpt", text)
    return {"agrees": None if said.valid is None else said.valid == (not problem and not any(u.problem for u in uris)), "says": said.says}


def texts(answer: Answer) -> tuple[str, ...]:
    if answer.values:
        return answer.values
    return tuple(b"".join(s).decode("utf-8", "backslashreplace") for s in answer.strings)


def select(answer: Answer) -> tuple[str, ...]:
    """The records among the TXT records of a name: RFC 8460 section 3 discards every other text."""
    return tuple(text for text in texts(answer) if _VERSION.match(text[:64]))


def nearly(answer: Answer) -> tuple[str, ...]:
    """Records that were meant for TLS reporting and are none ("v=TLSRPTV1; …")."""
    good = select(answer)
    return tuple(text for text in texts(answer) if text not in good and _NEARLY.match(text[:40]))


def read(text: str) -> tuple[str, tuple[ReportUri, ...]]:
    """Why senders do not use a record ("" where they do), and its report addresses. Pure; raises nothing. RFC 8460 section 3."""
    version, *parts = text[:8192].split(";")
    fields = [part.strip(" \t") for part in parts]
    if fields and not fields[-1]:
        fields.pop()  # a delimiter may end the record
    # several rua fields are all read; the names are case-sensitive
    uris = tuple(_uri(u.strip(" \t")) for f in fields if f.startswith("rua=") for u in f[4:].split(",") if u.strip(" \t"))[:URIS]
    if not _VERSION.match(text[:64]):
        return "version", uris
    if not all(f.startswith("rua=") or (_NAME.fullmatch(f.partition("=")[0]) and _VALUE.fullmatch(f.partition("=")[2])) for f in fields):
        return "bad-field", uris
    if not uris:
        return "no-rua", ()
    if all(u.problem for u in uris):
        return "no-usable-rua", uris
    # the grammar has white space before the first ";", the rule for discarding records has none
    return ("space" if version != "v=TLSRPTv1" else ""), uris


def _uri(text: str) -> ReportUri:
    """RFC 8460 section 3: mailto: or https:, in which ",", "!" and ";" are encoded."""
    shown = text[:300]
    if _SIZED.search(text):
        return ReportUri(shown, problem="size")
    if "!" in text:
        return ReportUri(shown, problem="not-encoded")
    for pattern in (_MAILTO, _HTTPS):
        if (found := pattern.fullmatch(text)) and ".." not in text.partition("@")[2]:
            return ReportUri(shown, found.group(1).lower())
    if _BARE.fullmatch(text):
        return ReportUri(shown, problem="no-scheme")
    scheme = text.partition(":")[0].lower()
    return ReportUri(shown, problem="scheme" if re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme) and scheme not in ("mailto", "https") else "not-a-uri")


def mended(text: str, uris: tuple[ReportUri, ...]) -> str | None:
    """The record with the same addresses, written as they have to be; None where one of them can only be guessed at. Pure."""
    out = []
    for uri in uris:
        fixed = {"": uri.text, "size": _SIZED.sub("", uri.text), "no-scheme": f"mailto:{uri.text}"}.get(uri.problem)
        if fixed is None or _uri(fixed).problem:
            return None
        out.append(fixed)
    return f"v=TLSRPTv1; rua={','.join(out)}" if out and len(text) < 8192 else None


# ------------------------------------------------------------------ judge


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about TLS reporting. Pure. RFC 8460 section 3. It is optional: a domain without it is warned only where a policy can make mail fail."""
    rpt = facts.tls_rpt
    if rpt is None or rpt.answer is None:
        return
    answer = rpt.answer
    values: dict[str, Any] = {"domain": rpt.domain, "name": answer.name}
    if rpt.state == "unknown":
        yield from could_not_check("TRP", rpt.domain, [answer])
    elif facts.mx is not None and facts.mx.state in NO_MAIL:
        yield finding("TRP005", Status.NOTE, rpt.domain, [answer, facts.mx.answer], **values)
    elif rpt.state == "none" and facts.mx is not None and facts.mx.state == "unknown":
        # whether anybody delivers there is not known, so neither is whether reports are missed
        yield from could_not_check("TRP", rpt.domain, [facts.mx.answer, *facts.mx.others])
    elif rpt.state == "none":
        used = _used(facts)
        status = Status.WARN if used else Status.NOTE
        yield finding("TRP001", status, rpt.domain, [answer], choices=_new(facts, answer), reason=because("TRP001", used or "optional"), **values)
    elif rpt.state == "several":
        found = select(answer)
        choices = [Choice("keep", {"text": t[:300]}, None if read(t)[0] or answer.aliases else _in_place(answer, found, t)) for t in found[:SHOWN]]
        yield finding("TRP002", Status.WARN, rpt.domain, [answer], choices=choices, count=len(found), **values)
    elif rpt.record is not None:
        yield from _record(rpt, rpt.record, answer, values)


def _record(rpt: TlsRptFacts, text: str, answer: Answer, values: dict[str, Any]) -> Iterator[Finding]:
    fixed = mended(text, rpt.rua)
    record = _in_place(answer, (text,), fixed) if fixed and not answer.aliases else None
    if rpt.problem:
        yield finding("TRP003", Status.WARN, rpt.domain, [answer], record=record, text=text[:200], reason=because("TRP003", rpt.problem), **values)
    for uri in [u for u in rpt.rua if u.problem][:SHOWN]:
        yield finding("TRP004", Status.WARN, rpt.domain, [answer], record=record, text=uri.text[:200], reason=because("TRP004", uri.problem), **values)
    if not rpt.problem and not any(u.problem for u in rpt.rua):
        yield finding("TRP006", Status.PASS, rpt.domain, [answer], addresses=", ".join(u.text for u in rpt.rua[:SHOWN]), **values)


def _in_place(answer: Answer, old: tuple[str, ...], text: str) -> Record:
    """The record set with one text in place of some; what else stands at the name stays."""
    current = texts(answer)
    return Record(answer.name, "TXT", current, (*(t for t in current if t not in old), text))


def _new(facts: Facts, answer: Answer) -> tuple[Choice, ...]:
    """Which mailbox takes the reports is the user's to say: one of their own, or one of a service that reads them."""
    domain = facts.input.domain.name
    text = f"v=TLSRPTv1; rua=mailto:tls-reports@{domain}"
    takes = facts.mx is not None and facts.mx.state in ("present", "implicit")
    own = Record(answer.name, "TXT", answer.values, (*answer.values, text)) if takes and not answer.aliases else None
    return Choice("mailbox", {"text": text}, own), Choice("service", {"name": answer.name})


def _used(facts: Facts) -> str:
    """What can make a delivery fail for want of encryption: mta-sts | dane, "" for nothing."""
    if facts.mta_sts is not None and facts.mta_sts.mode in ("enforce", "testing"):
        return "mta-sts"
    hosts = facts.dane.hosts if facts.dane is not None else ()
    return "dane" if any(host.usable and host.state in ("works", "draft", "unproven") for host in hosts) else ""
