"""The ARC chain of a message (RFC 8617 section 5.2): does it hold, who sealed, and where did it break?

The chain is walked here, each signature checked by dkimpy: its own walk stops at the first fault without saying whose, takes a key that
could not be had for a broken seal, and looks for " i=1;" in the text of a field. Both agree on the whole suite (tests/test_verify_arc.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..model import Answer, ArcSeen, ArcSet
from .libs import Asks
from .libs_key import LEAST_BITS, Found, host, look_up
from .libs_text import HASHES, MAX_NAMES, MAX_SIGNED, Field, Letter, forms_of, holds, octets, select, split, squeezed, tags_of

MAX_SETS = 50  # RFC 8617 section 4.2.1
MAX_KEYS = 16  # names that a message may have us ask for
MAX_RESULTS = 4000
LEEWAY = 36000  # seconds by which a sealer's clock may be fast; ten hours, as dkimpy has it

RESULTS, MESSAGE, SEAL = b"arc-authentication-results", b"arc-message-signature", b"arc-seal"
KINDS = (RESULTS, MESSAGE, SEAL)
_INSTANCE = re.compile(rb"[ \t\r\n]{0,80}i[ \t]{0,8}=[ \t]{0,8}([0-9]{1,3})[ \t\r\n]{0,8}(?:;|\Z)", re.IGNORECASE)

UNSURE = frozenset({"could-not-look-up", "no-body"})


@dataclass(slots=True)
class _Chain:
    """What is known of one chain while it is walked."""

    letter: Letter
    asks: Asks
    now: float
    whole: bool | None
    found: dict[tuple[str, str], Found] = field(default_factory=dict)
    fields: dict[int, dict[bytes, list[Field]]] = field(default_factory=dict)

    def key(self, selector: str, domain: str) -> Found:
        known = (selector, domain)
        if known not in self.found:
            self.found[known] = look_up(self.asks, selector, domain) if len(self.found) < MAX_KEYS else Found(None)
        return self.found[known]


def verify_arc(raw: bytes, asks: Asks, *, now: float, whole_body: bool | None = None) -> ArcSeen:
    """The ARC chain of a message with today's keys: pass, fail, none, or unknown where a key or the body could not be had.

    Every set is looked at, also behind the one that broke the chain, so that it is known who sealed what. `whole_body` as in verify_dkim.
    A pass says that the sealers' words are theirs, not that they are true. Never raises. Cost: at most sixteen questions.
    Standard: RFC 8617 section 5.2, without the local policy of whom to believe.
    """
    chain = _Chain(split(raw), asks, now, whole_body)
    unread = _collect(chain)
    if not chain.fields and not unread:
        return ArcSeen("none")
    count = max(chain.fields, default=0)
    fault = _structure(chain, count, unread)
    numbers = [n for n in sorted(chain.fields) if 0 < n <= MAX_SETS]
    sets = tuple(_set(chain, n) for n in numbers)
    seen = ArcSeen("pass", sealers=tuple(s.d for s in sets if s.d), sets=sets, intact_from=_intact(sets))
    seen = replace(seen, evidence=tuple(f.answer for f in chain.found.values() if isinstance(f.answer, Answer)))
    if fault:
        return replace(seen, result="fail", reason=fault[0], broke_at=fault[1])
    return _verdict(seen)


def _collect(chain: _Chain) -> bool:
    """Sort the fields by instance. True where one has none that can be read."""
    unread = False
    for kind in KINDS:
        for name, value in chain.letter.named(kind)[: 4 * MAX_SETS]:
            if kind == RESULTS:
                found = _INSTANCE.match(value)
                number = int(found[1]) if found else 0
            else:
                text = (tags_of(value) or {}).get("i", "")
                number = int(text) if re.fullmatch(r"[0-9]{1,3}", text) else 0
            if number:
                chain.fields.setdefault(number, {}).setdefault(kind, []).append((name, value))
            unread = unread or not number
    return unread


def _structure(chain: _Chain, count: int, unread: bool) -> tuple[str, int | None] | None:
    """What is wrong with the chain as such, and where. RFC 8617 section 5.2 steps 1 to 3."""
    if count > MAX_SETS:
        return "too-many", count
    for number in range(count, 0, -1):
        parts = chain.fields.get(number, {})
        if any(len(parts.get(kind, ())) > 1 for kind in KINDS):
            return "repeated", number
        if set(parts) != set(KINDS):
            return "incomplete", number
    return ("malformed", None) if unread else None


def _verdict(seen: ArcSeen) -> ArcSeen:
    """From the sets to the chain. RFC 8617 section 5.2 steps 2 to 6; a fault that is sure goes before what could not be looked up."""
    last = seen.sets[-1]
    # step 2: who sealed last may have found the chain broken already
    for one in reversed(seen.sets):
        if one.said == "fail":
            return replace(seen, result="fail", reason="said-fail", broke_at=one.instance)
        if one.said != ("none" if one.instance == 1 else "pass"):
            return replace(seen, result="fail", reason="bad-status", broke_at=one.instance)
    if last.message == "fail":
        reason = "message-altered" if last.reason in ("body-altered", "altered") else (last.reason or "message-altered")
        return replace(seen, result="fail", reason=reason, broke_at=last.instance)
    for one in reversed(seen.sets):
        if one.seal == "fail":
            return replace(seen, result="fail", reason="seal-fails" if one.reason in ("", "altered", "body-altered") else one.reason, broke_at=one.instance)
        if one.message == "fail" and one.reason == "malformed":
            return replace(seen, result="fail", reason="malformed", broke_at=one.instance)
    for one in (last, *reversed(seen.sets)):
        if one.seal == "unknown" or (one is last and one.message == "unknown"):
            why = "only-headers" if one.reason == "no-body" else "could-not-look-up"
            return replace(seen, result="unknown", reason=why, broke_at=one.instance)
    return seen


def _intact(sets: tuple[ArcSet, ...]) -> int | None:
    """The oldest set from which on the message was not altered (oldest-pass). None where the newest does not hold."""
    oldest = None
    for one in reversed(sets):
        if one.message != "pass":
            break
        oldest = one.instance
    return oldest


# ------------------------------------------------------------------ one set


def _set(chain: _Chain, number: int) -> ArcSet:
    parts = chain.fields[number]
    results = parts.get(RESULTS)
    words = " ".join(results[0][1].decode("utf-8", "replace").split()).partition(";")[2].strip() if results else ""
    message, why = _message(chain, parts[MESSAGE][0]) if MESSAGE in parts else ("fail", "incomplete")
    tags: Mapping[str, str] = {}
    seal, because = "fail", "incomplete"
    if SEAL in parts:
        tags = tags_of(parts[SEAL][0][1]) or {}
        seal, because = _seal(chain, number, parts[SEAL][0], tags)
    domain = host(tags.get("d", "")) or tags.get("d", "")[:253]
    # of two reasons the one that is sure
    reason = next((r for r in (because, why) if r and r not in UNSURE), because or why)
    return ArcSet(number, domain, tags.get("s", "")[:253], tags.get("cv", "").lower()[:20], message, seal, reason, words[:MAX_RESULTS])


def _message(chain: _Chain, own: Field) -> tuple[str, str]:
    """Does this ARC-Message-Signature hold? RFC 8617 section 4.1.2: as a DKIM-Signature, without v=."""
    tags = tags_of(own[1])
    if tags is None or not {"i", "a", "b", "bh", "d", "h", "s"} <= tags.keys():
        return "fail", "malformed"
    names = tuple(squeezed(n).lower() for n in tags["h"].split(":"))
    forms = forms_of(tags.get("c", "relaxed/relaxed"))
    bh = octets(tags["bh"])
    length = tags.get("l")
    # RFC 8617 section 4.1.2: it must not cover an ARC-Seal
    bad = forms is None or bh is None or "arc-seal" in names or len(names) > MAX_NAMES or not re.fullmatch(r"[0-9]{1,12}", length or "0")
    if bad or _malformed(tags, chain.now):
        return "fail", "malformed"
    body = chain.letter.canonical_body(forms[1]) if forms else b""
    body_known = chain.whole is not False and bool((chain.letter.body or b"").strip())
    fits = HASHES["sha256"](body if length is None else body[: int(length)]).digest() == bh
    if not fits and body_known:
        return "fail", "body-altered"
    signed = select(chain.letter, names)
    result, why = _holds(chain, tags, signed, own, forms[0] if forms else "relaxed", names.count("from") if "from" in names else None)
    return ("unknown", "no-body") if result == "pass" and not fits else (result, why)


def _seal(chain: _Chain, number: int, own: Field, tags: Mapping[str, str]) -> tuple[str, str]:
    """Does this ARC-Seal hold over all sets up to its own? RFC 8617 section 5.1.1: relaxed, in the order of the instances."""
    if not {"i", "a", "b", "cv", "d", "s"} <= tags.keys() or tags["cv"].lower() not in ("none", "pass", "fail") or _malformed(tags, chain.now):
        return "fail", "malformed"
    if "h" in tags:
        return "fail", "malformed"  # RFC 8617 section 4.1.3
    signed: list[Field] = []
    # RFC 8617 section 5.1.2: a seal that says cv=fail covers its own set alone, for there may be no order in the rest
    for instance in [number] if tags["cv"].lower() == "fail" else range(1, number + 1):
        for kind in KINDS if instance < number else KINDS[:2]:
            signed += chain.fields.get(instance, {}).get(kind, [])[:1]
    return _holds(chain, tags, tuple(signed), own, "relaxed", None)


def _malformed(tags: Mapping[str, str], now: float) -> bool:
    if octets(tags["b"]) is None or host(tags["d"]) is None or host(tags["s"]) is None:
        return True
    # RFC 8617 section 4.1.2 has no other algorithm
    return tags["a"] != "rsa-sha256" or not re.fullmatch(r"[0-9]{1,12}", tags.get("t", "0")) or int(tags.get("t", "0")) > now + LEEWAY


def _holds(chain: _Chain, tags: Mapping[str, str], signed: tuple[Field, ...], own: Field, form: str, froms: int | None) -> tuple[str, str]:
    found = chain.key(tags["s"], host(tags["d"]) or "")
    if found.missing:
        return ("unknown" if found.missing == "could-not-look-up" else "fail"), found.missing
    if sum(len(name) + len(value) for name, value in signed) > MAX_SIGNED:
        return "unknown", "could-not-look-up"
    places = chain.letter.by_name.get(b"from", [])
    extra = [chain.letter.fields[places[-1 - froms]]] if froms and len(places) > froms else []
    b = octets(tags["b"]) or b""
    why = "altered"
    for key in found.keys:
        refused = key.refuses("rsa", "sha256", below=False)
        if not refused and (key.bits or 0) < LEAST_BITS:
            refused = "weak-key"
        if not refused and holds(signed, own, "rsa-sha256", form, b, key, extra):
            return "pass", ""
        why = refused or "altered"
    return "fail", why
