"""Findings about DKIM keys. Pure. RFC 6376, RFC 8301, RFC 8463."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...model import Answer, Finding, Record, Status
from ..base import because, could_not_check, finding
from ..facts import Facts
from .record import DkimKey, looks_like_key, parse, texts

if TYPE_CHECKING:
    from . import DkimFacts, SelectorFacts

SMALL = 1024  # RFC 8301 section 3.2: a verifier must not accept less
RECOMMENDED = 2048
LARGEST = 4096  # RFC 8301 section 3.2: a larger one a verifier may, and need not, be able to use
UNREADABLE = ("bad-base64", "quoted", "bad-key", "split-records")
SHOWN = 12  # selectors that a message names


def judge(facts: Facts) -> Iterator[Finding]:
    """A finding for each key that was given or found, or what can be said where none was. Pure. RFC 6376 section 3.6.1."""
    dkim = facts.dkim
    if dkim is None or dkim.domainkey is None:
        return
    for read in dkim.selectors.values():
        yield from _selector(dkim, read)
    yield from _dangling(dkim)
    yield from _wildcard(dkim, facts.parked)
    yield from could_not_check("DKM", dkim.domain, dkim.unsure)
    if any(s.state in ("key", "several") for s in dkim.selectors.values()):
        yield from _ed25519_alone(dkim)
        return
    which = ", ".join(dkim.asked[:SHOWN]) + (" …" if len(dkim.asked) > SHOWN else "")
    values: dict[str, Any] = {"domain": dkim.domain, "name": dkim.domainkey.name, "tried": dkim.tried, "asked": len(dkim.asked), "which": which}
    values["outcome"] = dkim.domainkey.outcome.value
    if facts.parked:
        # who sends no mail signs none: no key is what has to be found
        if not dkim.unsure and not _told(dkim) and not dkim.revoked_wildcard:
            yield finding("DKM019", Status.NOTE, dkim.domain, [a for a in (dkim.domainkey, dkim.probe) if a is not None], **values)
    elif dkim.no_keys:
        yield finding("DKM009", Status.WARN, dkim.domain, [dkim.domainkey], **values)
    elif dkim.denied and not _told(dkim) and dkim.wildcard is not True:
        # RFC 8020 section 2, but the denial is not signed: likely is not certain
        yield finding("DKM020", Status.UNKNOWN, dkim.domain, [dkim.domainkey], **values)
    elif dkim.tried and not _told(dkim):
        evidence = [a for a in (dkim.domainkey, dkim.probe) if a is not None]
        yield finding("DKM010", Status.UNKNOWN, dkim.domain, evidence, **values)


def _told(dkim: DkimFacts) -> bool:
    """Is it said already what there is to say: of a selector that was given, of a wildcard's key, of names outside the zone files?"""
    given = any(s.source == "given" and s.state != "unknown" for s in dkim.selectors.values())
    outside = any(f.code == "DKM999" for f in could_not_check("DKM", dkim.domain, dkim.unsure))
    one_key = bool(dkim.probe and dkim.probe.found and not dkim.revoked_wildcard and any(looks_like_key(t) for t in texts(dkim.probe)))
    return given or outside or one_key


def _selector(dkim: DkimFacts, read: SelectorFacts) -> Iterator[Finding]:
    answer = read.answer
    given = read.source == "given"
    if answer is None or (answer.unsure and not answer.looped):
        return
    values: dict[str, Any] = {"selector": read.selector, "domain": dkim.domain, "name": answer.name}
    # what nobody said is in use may be left over from an old service: that is worth a warning, no more
    fault = Status.FAIL if given else Status.WARN
    # in a file that is about to be published, a key that nobody can read is a slip: no key gets so by age
    broken = Status.FAIL if given or read.source == "zone" else Status.WARN
    if read.state == "absent":
        yield finding("DKM002", Status.FAIL, answer.name, [answer], outcome=answer.outcome.value, **values)
    elif read.state in ("no-key", "several"):
        if read.state == "several":
            yield finding("DKM007", broken, answer.name, [answer], count=len(texts(answer)), **values)
        elif given or read.source == "zone":
            yield finding("DKM012", broken, answer.name, [answer], reason=because("DKM012", "no-key"), **values)
    elif read.state in ("key", "wildcard"):
        if read.error == "split-records":
            yield finding("DKM008", broken, answer.name, [answer], reason=because("DKM008", "split-records"), type=read.type, bits=0, **values)
        elif read.type:
            yield from _key(read, parse(next(t for t in texts(answer) if looks_like_key(t))), answer, fault, values)
        elif given:  # a wildcard's text that is no key
            yield finding("DKM012", fault, answer.name, [answer], reason=because("DKM012", "no-key"), **values)


def _key(read: SelectorFacts, key: DkimKey, answer: Answer, fault: Status, values: dict[str, Any]) -> Iterator[Finding]:
    """One key record. The first fault that makes it useless is told; the rest would only repeat it."""
    given = read.source == "given"
    what: dict[str, Any] = {"type": key.type, "bits": key.bits or 0, **values}
    broken = Status.FAIL if given or read.source == "zone" else Status.WARN
    if key.revoked:
        yield finding("DKM005", Status.FAIL if given else Status.NOTE, answer.name, [answer], **what)
    elif key.error == "unknown-type":
        yield finding("DKM015", fault, answer.name, [answer], **what)
    elif key.error in UNREADABLE:
        yield finding("DKM008", broken, answer.name, [answer], reason=because("DKM008", key.error), **what)
    elif key.error:
        yield finding("DKM012", broken, answer.name, [answer], reason=because("DKM012", key.error), **what)
    elif not key.sha256:
        # RFC 8301 section 3.1: rsa-sha1 is not used any more
        yield finding("DKM013", fault, answer.name, [answer], hashes=":".join(key.hashes), **what)
    elif not key.for_mail:
        yield finding("DKM014", fault, answer.name, [answer], services=":".join(key.services), **what)
    elif key.type == "rsa" and (key.bits or 0) < SMALL:
        yield finding("DKM003", fault, answer.name, [answer], **what)
    else:
        if key.type == "rsa" and (key.bits or 0) < RECOMMENDED:
            yield finding("DKM004", Status.NOTE, answer.name, [answer], **what)
        elif key.type == "rsa" and (key.bits or 0) > LARGEST:
            yield finding("DKM022", Status.WARN, answer.name, [answer], **what)
        else:
            yield finding("DKM001", Status.PASS, answer.name, [answer], **what)
        if key.testing:
            yield finding("DKM006", Status.WARN, answer.name, [answer], record=_without_test(answer), **what)
        if key.strict:
            yield finding("DKM021", Status.NOTE, answer.name, [answer], **what)


def _without_test(answer: Answer) -> Record | None:
    """The record without its test flag; everything else, the key above all, as it is."""
    if answer.aliases or len(answer.values) != 1:
        return None
    parts = []
    for part in answer.values[0].split(";"):
        name, equals, value = part.partition("=")
        if name.strip() == "t" and equals:
            flags = [flag.strip() for flag in value.split(":") if flag.strip().lower() not in ("y", "")]
            if not flags:
                continue
            parts.append(f"t={':'.join(flags)}")
        elif part.strip():
            parts.append(part.strip())
    return Record(answer.name, "TXT", answer.values, ("; ".join(parts),))


def _dangling(dkim: DkimFacts) -> Iterator[Finding]:
    """Aliases without a key at their end. A note: the service has no key there yet, or no longer; or it is a selector in reserve."""
    for read in dkim.dangling:
        if read.answer is not None:
            values: dict[str, Any] = {"selector": read.selector, "domain": dkim.domain, "name": read.answer.name, "target": read.alias}
            yield finding("DKM023", Status.NOTE, read.answer.name, [read.answer], service=f" ({read.service})" if read.service else "", **values)


def _wildcard(dkim: DkimFacts, parked: bool) -> Iterator[Finding]:
    probe = dkim.probe
    if probe is None or not probe.found or not any(looks_like_key(t) for t in texts(probe)):
        return
    code = "DKM011" if dkim.revoked_wildcard else "DKM018"
    status = Status.NOTE if dkim.revoked_wildcard and parked else Status.WARN
    yield finding(code, status, dkim.domain, [probe], domain=dkim.domain, name=f"*._domainkey.{dkim.domain}")


def _ed25519_alone(dkim: DkimFacts) -> Iterator[Finding]:
    good = [s for s in dkim.selectors.values() if s.usable]
    if dkim.unsure:
        return  # an RSA key may stand under one that was not answered
    if good and all(s.type == "ed25519" for s in good):
        evidence = [s.answer for s in good if s.answer is not None]
        yield finding("DKM016", Status.NOTE, dkim.domain, evidence, domain=dkim.domain, selectors=", ".join(s.selector for s in good))
