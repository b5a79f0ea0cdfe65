"""Findings about BIMI. Pure. draft-brand-indicators-for-message-identification, draft-fetch-validation-vmc-wchuang, draft-svg-tiny-ps-abrotman."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...model import Answer, Choice, Finding, Record, Status
from ..base import because, could_not_check, finding
from ..facts import Facts
from .record import read, select, texts

if TYPE_CHECKING:
    from . import Asset, BimiFacts
    from .mark import Mark

SHOWN = 8
BAD = (Status.WARN, Status.FAIL, Status.UNKNOWN)


def judge(facts: Facts) -> Iterator[Finding]:
    """Findings about the record, its logo and its certificate. Pure. BIMI is optional: without a record there is one note."""
    bimi = facts.bimi
    if bimi is None or bimi.answer is None:
        return
    out = list(_findings(bimi, bimi.answer))
    yield from out
    shown = bimi.logo is not None or bimi.certificate is not None
    if bimi.state == "present" and shown and not any(f.status in BAD or f.code.endswith("999") for f in out):
        evidence = (bimi.answer, *_evidence(bimi))
        urls = ", ".join(f.url for f in bimi.files)
        yield finding("BIM014", Status.PASS, bimi.domain, evidence, domain=bimi.domain, name=bimi.answer.name, urls=urls)


def _evidence(bimi: BimiFacts) -> tuple[Answer, ...]:
    return tuple(a for file in bimi.files for a in file.evidence)


def _findings(bimi: BimiFacts, answer: Answer) -> Iterator[Finding]:
    values: dict[str, Any] = {"domain": bimi.domain, "name": answer.name}
    match bimi.state:
        case "unknown":
            yield from could_not_check("BIM", bimi.domain, bimi.unsure)
        case "none":
            unsure = tuple(could_not_check("BIM", bimi.domain, bimi.unsure))
            yield from unsure or (finding("BIM001", Status.NOTE, bimi.domain, [answer], **values),)
        case "several":
            found = select(answer)
            # a logo that is shown, or not, harms no mail: each may be kept
            choices = [Choice("keep", {"text": t[:300]}, None if answer.aliases or read(t).bad else _alone(answer, found, t)) for t in found[:SHOWN]]
            yield finding("BIM002", Status.WARN, bimi.domain, [answer], choices=choices, count=len(found), **values)
        case "declined":
            yield finding("BIM004", Status.NOTE, bimi.domain, [answer], **values)
        case _:
            yield from _record(bimi, answer, values)
            yield from _policy(bimi, values)
            for file in bimi.files:
                yield from _served(bimi, file, answer)
            yield from _logo(bimi, answer)
            yield from _certificate(bimi, answer)


def _alone(answer: Answer, found: tuple[str, ...], text: str) -> Record:
    current = texts(answer)
    return Record(answer.name, "TXT", current, (*(t for t in current if t not in found), text))


def _record(bimi: BimiFacts, answer: Answer, values: dict[str, Any]) -> Iterator[Finding]:
    for tag, value, why in bimi.bad[:SHOWN]:
        part = f"{tag}={value}" if value and why != "version" else value or tag
        yield finding("BIM003", Status.WARN, bimi.domain, [answer], part=part, reason=because("BIM003", why), **values)
    if bimi.state == "present" and not bimi.location:
        yield finding("BIM015", Status.NOTE, bimi.domain, [answer], **values)


def _policy(bimi: BimiFacts, values: dict[str, Any]) -> Iterator[Finding]:
    if bimi.enforced is None:
        yield from could_not_check("BIM", bimi.domain, bimi.unsure)
    for why in bimi.dmarc:
        yield finding("BIM005", Status.WARN, bimi.domain, bimi.policies, reason=because("BIM005", why), **values)


def _served(bimi: BimiFacts, file: Asset, answer: Answer) -> Iterator[Finding]:
    """Draft section 7.3 and 7.5: by HTTPS, from a host whose certificate is valid."""
    values: dict[str, Any] = {"domain": bimi.domain, "url": file.url, "tag": file.tag, "http": file.status or "", "location": file.location}
    evidence = (answer, *file.evidence)
    if file.state == "unknown":
        yield from could_not_check("BIM", file.url, file.evidence)
    elif file.state != "ok":
        key = f"certificate-{file.problem}" if file.state == "certificate" else file.state
        reason = because("BIM006", key).format(**values)
        yield finding("BIM006", Status.WARN, file.url, evidence, reason=reason, detail=file.detail, **values)
    elif file.redirected:
        yield finding("BIM016", Status.NOTE, file.url, evidence, target=file.redirected[-1], **values)


def _logo(bimi: BimiFacts, answer: Answer) -> Iterator[Finding]:
    if bimi.logo is None:
        return
    file = next(f for f in bimi.files if f.tag == "l")
    values: dict[str, Any] = {"domain": bimi.domain, "url": file.url}
    evidence = (answer, *file.evidence)
    for why, found in bimi.logo.problems:
        yield finding("BIM007", Status.WARN, file.url, evidence, reason=because("BIM007", why).format(found=found), found=found, **values)
    advice = [*bimi.logo.advice]
    kind = file.content_type.partition(";")[0].strip().lower()
    if kind != "image/svg+xml":
        advice.append(("media-type", kind[:60]))
    for why, found in advice:
        yield finding("BIM008", Status.NOTE, file.url, evidence, reason=because("BIM008", why).format(found=found), found=found, **values)


def _certificate(bimi: BimiFacts, answer: Answer) -> Iterator[Finding]:
    if not bimi.authority and not any(tag == "a" for tag, _, _ in bimi.bad):
        yield finding("BIM009", Status.NOTE, bimi.domain, [answer], domain=bimi.domain, name=answer.name)
        return
    if (mark := bimi.certificate) is None:
        return
    file = next(f for f in bimi.files if f.tag == "a")
    evidence = (answer, *file.evidence)
    values = {"domain": bimi.domain, "url": file.url, **_told(mark)}
    for why in mark.problems:
        yield finding("BIM011", Status.WARN, file.url, evidence, reason=because("BIM011", why).format(**values), **values)
    if bimi.same is False:
        yield finding("BIM012", Status.WARN, file.url, (answer, *_evidence(bimi)), location=bimi.location, **values)
    if mark.soon:
        yield finding("BIM013", Status.NOTE, file.url, evidence, **values)
    if mark.chain == "unknown-root":
        yield finding("BIM017", Status.NOTE, file.url, evidence, **values)


def _told(mark: Mark) -> dict[str, Any]:
    """What a certificate says of itself, for slots."""
    days = {"since": mark.not_before, "until": mark.not_after}
    return {
        "issuer": mark.issuer,
        "names": ", ".join(mark.names[:SHOWN]),
        "kind": mark.kind,
        **{key: value.date().isoformat() if value is not None else "" for key, value in days.items()},
    }
