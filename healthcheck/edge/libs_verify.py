"""Every DKIM signature of a message, verified by dkimpy through the seam, and what a failure comes from.

A receiver says "fail". Here it is told whether the key is missing, or not to be had, or another one; whether the body was altered, or
which field of the header, and how. RFC 6376 section 6, RFC 8301, RFC 8463. `verify_arc` (libs_arc.py) does the same for an ARC chain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dkim

from ..model import Answer, Signature
from .libs import Asks
from .libs_altered import MAX_ED25519, Altered, Budget, search
from .libs_arc import verify_arc as verify_arc  # noqa: PLC0414 - imported from here by others
from .libs_body import BodyChange, Purse
from .libs_body import search as search_body
from .libs_key import LEAST_BITS, Found, Key, host, look_up
from .libs_text import HASHES, MAX_NAMES, MAX_SIGNED, Field, Letter, digest_within, forms_of, holds, octets, select, split, squeezed, tags_of, tame, without_b

MAX_SIGNATURES = 10
LEEWAY = 300  # seconds that clocks may differ
SHORT_BITS = 2048  # RFC 8301 section 3.2: signers should use 2048 at least

# RFC 8601 section 2.7.1: what each reason is called in Authentication-Results
RESULTS: Mapping[str, str] = {
    "": "pass",
    "malformed": "neutral",
    "unsupported": "neutral",
    "from-not-signed": "permerror",
    "wrong-domain": "permerror",
    "expired": "fail",
    "not-yet-valid": "fail",
    "could-not-look-up": "temperror",
    "key-missing": "permerror",
    "key-revoked": "permerror",
    "key-unreadable": "permerror",
    "key-type": "permerror",
    "key-hash": "permerror",
    "key-service": "permerror",
    "strict-key": "permerror",
    # RFC 8301: never to be accepted, whatever they are worth otherwise
    "weak-hash": "policy",
    "weak-key": "policy",
    "wrong-key": "fail",
    "body-altered": "fail",
    "header-altered": "fail",
    "not-verified": "unknown",
}


@dataclass(slots=True)
class _Work:
    """What the verification of one message goes by."""

    letter: Letter
    asks: Asks
    now: float
    at: float
    whole: bool | None
    found: dict[tuple[str, str], Found] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    purse: Purse = field(default_factory=Purse)
    bodies: dict[tuple[Any, ...], tuple[bool | None, BodyChange | None]] = field(default_factory=dict)

    def key(self, selector: str, domain: str) -> Found:
        if (selector, domain) not in self.found:
            self.found[selector, domain] = look_up(self.asks, selector, domain)
        return self.found[selector, domain]


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A DKIM-Signature, read. reason: why it cannot stand as it is written, "" where it can."""

    tags: Mapping[str, str]
    reason: str
    algorithm: str
    forms: tuple[str, str]
    names: tuple[str, ...]
    b: bytes
    bh: bytes
    length: int | None
    at: float | None
    expires: float | None


def verify_dkim(
    raw: bytes, asks: Asks, *, now: float, from_domain: str | None = None, at: float | None = None, whole_body: bool | None = None
) -> tuple[Signature, ...]:
    """Every DKIM-Signature of a message, from the top, as a verifier judges it with today's keys.

    raw         the message as it arrived, lines ending in CRLF or LF, or its header alone: then a signature is neither pass nor fail, but
                "not-verified", and what the key and the header say is said all the same
    now         seconds since 1970, UTC; at: when the message arrived, if that is known: what has expired since then was good then
    from_domain the domain of From, to say whether a signature is aligned where the names alone tell (judge.aligned says the rest)
    whole_body  False: the body is known to be cut short, so nothing is said of it; None: it is taken for whole if there is one

    A key that could not be looked up gives temperror, never key-missing. Beyond ten signatures none is verified. Never raises.
    Cost: a question a key; some milliseconds a signature, at most about half a second where what was altered is searched for.
    Standard: RFC 6376 section 6.1, RFC 8301 section 3, RFC 8463, RFC 8601 section 2.7.1.
    """
    letter = split(raw)
    work = _Work(letter, asks, now, now if at is None else at, whole_body)
    fields = letter.named(b"dkim-signature")[:MAX_SIGNATURES]
    return tuple(replace(_verify(work, own), order=order, aligned=_aligned(own, from_domain)) for order, own in enumerate(fields))


def key_names(raw: bytes) -> tuple[str, ...]:
    """The names at which the keys of a message's signatures stand, those of its ARC sets included: to be asked for at once. Pure."""
    letter = split(raw)
    names = []
    for kind, most in ((b"dkim-signature", MAX_SIGNATURES), (b"arc-message-signature", 5), (b"arc-seal", 5)):
        for _, value in letter.named(kind)[:most]:
            tags = tags_of(value) or {}
            names.append(host(f"{tags.get('s', '')}._domainkey.{tags.get('d', '')}"))
    return tuple(dict.fromkeys(name for name in names if name))


def _aligned(own: Field, from_domain: str | None) -> str | None:
    domain = host((tags_of(own[1]) or {}).get("d", ""))
    return "strict" if domain and from_domain and domain == host(from_domain) else None


# ------------------------------------------------------------------ the field


def _verify(work: _Work, own: Field) -> Signature:
    tags = tags_of(own[1])
    if tags is None:
        return Signature("", "", "neutral", "malformed", notes=() if tame(own[1]) else ("too-long",))
    read = _read(tags, work.now, work.at)
    shown = Signature(
        d=(host(tags.get("d", "")) or tags.get("d", "")[:253]),
        s=tags.get("s", "")[:253],
        result=RESULTS[read.reason],
        reason=read.reason,
        algorithm=read.algorithm,
        signed=read.names[:100],
        body_length=read.length,
        at=read.at,
        expires=read.expires,
        canonical="/".join(read.forms),
        identity=tags.get("i", "")[:320],
        b=squeezed(tags.get("b", ""))[:16],
    )
    if read.reason in ("malformed", "unsupported"):
        return shown
    return _checked(work, own, read, shown)


def _read(tags: Mapping[str, str], now: float, at: float) -> _Parsed:
    reason = ""
    names = tuple(squeezed(n).lower() for n in tags.get("h", "").split(":"))
    forms = forms_of(tags.get("c", "simple/simple"))
    algorithm = tags.get("a", "").lower()
    b, bh = octets(tags.get("b", "")), octets(tags.get("bh", ""))
    places = host(tags.get("d", "")), host(tags.get("s", ""))
    numbers = {tag: int(tags[tag]) for tag in ("l", "t", "x") if re.fullmatch(r"[0-9]{1,12}", tags.get(tag, ""))}
    bad = any(tag in tags and tag not in numbers for tag in ("l", "x")) or (numbers.get("x", 1 << 40) <= numbers.get("t", -1))
    if not {"v", "a", "b", "bh", "d", "h", "s"} <= tags.keys() or b is None or bh is None or bad or not all(names) or len(names) > MAX_NAMES or None in places:
        reason = "malformed"
    elif tags["v"] != "1" or algorithm not in ("rsa-sha1", "rsa-sha256", "ed25519-sha256") or forms is None:
        reason = "unsupported"
    elif "q" in tags and "dns/txt" not in [squeezed(q).lower() for q in tags["q"].split(":")]:
        # RFC 6376 section 3.5: a list of ways to get the key, of which one that is not known is passed over
        reason = "unsupported"
    elif not _within(tags):
        reason = "wrong-domain"
    elif "from" not in names:
        reason = "from-not-signed"
    elif numbers.get("x", 1 << 40) + LEEWAY < at:
        reason = "expired"
    elif numbers.get("t", 0) > max(at, now) + LEEWAY:
        reason = "not-yet-valid"
    return _Parsed(tags, reason, algorithm[:40], forms or ("", ""), names, b or b"", bh or b"", numbers.get("l"), numbers.get("t"), numbers.get("x"))


def _identity(tags: Mapping[str, str]) -> str:
    """The domain of i=, which is written in dkim-quoted-printable (RFC 6376 section 2.11)."""
    text = re.sub(r"=([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), squeezed(tags.get("i", "")))
    return (host(text.rpartition("@")[2]) or "") if "@" in text else ""


def _within(tags: Mapping[str, str]) -> bool:
    domain, identity = host(tags["d"]) or "", _identity(tags)
    return "i" not in tags or identity == domain or identity.endswith(f".{domain}")


# ------------------------------------------------------------------ key, body, header


def _checked(work: _Work, own: Field, read: _Parsed, shown: Signature) -> Signature:
    kind, _, hashing = read.algorithm.partition("-")
    found = work.key(shown.s, shown.d)
    intact, body_change = _body(work, read, hashing)
    below = "i" in read.tags and _identity(read.tags) != shown.d
    why, key, whole, altered = found.missing, Key(), None, None
    if not why:
        why, key, whole = _header(work, own, read, found, kind, hashing, below)
        if whole is False and not why:
            why, altered = _which(work, own, read, key, hashing)
    reason = read.reason or _reason(why, hashing, key, intact, whole)
    notes = _notes(work, read, found, key, "" if altered else reason, intact)
    appended = None
    if read.length is not None and work.letter.body is not None:
        appended = max(0, len(work.letter.canonical_body(read.forms[1])) - read.length)
    return replace(
        shown,
        result=RESULTS[reason],
        reason=reason,
        bits=key.bits,
        evidence=(found.answer,) if isinstance(found.answer, Answer) else (),
        header=altered.header if altered else "",
        change=altered.change if altered else "",
        body_change=body_change.change if body_change else "",
        shown="; ".join(x.shown for x in (altered, body_change) if x and x.shown),
        header_intact=whole,
        body_intact=intact,
        appended=appended,
        notes=notes,
    )


def _reason(why: str, hashing: str, key: Key, intact: bool | None, whole: bool | None) -> str:
    """The first thing that a verifier would stop at. RFC 6376 section 6.1."""
    if why and why != "header-altered":
        return why
    if hashing == "sha1":
        return "weak-hash"
    if key.type == "rsa" and (key.bits or 0) < LEAST_BITS:
        return "weak-key"
    if intact is None:
        return "not-verified"
    if intact is False:
        return "body-altered"
    return "header-altered" if whole is False else ""


def _body(work: _Work, read: _Parsed, hashing: str) -> tuple[bool | None, BodyChange | None]:
    """Is the body that bh= was made of still there? None where no body was given, or it is cut short. RFC 6376 section 3.7."""
    form, letter = read.forms[1], work.letter
    known = (form, hashing, read.length, read.bh)
    if known in work.bodies:
        return work.bodies[known]
    hasher = HASHES[hashing]
    body = letter.canonical_body(form)
    part = body if read.length is None else body[: read.length]
    enough = read.length is None or len(body) >= read.length
    if enough and hasher(part).digest() == read.bh:
        out: tuple[bool | None, BodyChange | None] = (True, None)
    elif work.whole is False or not (letter.body or b"").strip():
        # an empty body that does not fit was most likely never pasted
        out = (None, None)
    else:
        out = (False, search_body(letter.body or b"", form, read.bh, hasher, work.purse, read.length))
    work.bodies[known] = out
    return out


def _header(work: _Work, own: Field, read: _Parsed, found: Found, kind: str, hashing: str, below: bool) -> tuple[str, Key, bool | None]:
    """(why no key does, the key, does b= hold for the header), of the first key that does best. Several keys: RFC 6376 section 3.6.2.2."""
    signed = select(work.letter, read.names)
    if sum(len(name) + len(value) for name, value in signed) > MAX_SIGNED:
        return "not-verified", Key(), None
    extra = _more_from(work.letter, read.names)
    best: tuple[str, Key, bool | None] | None = None
    for key in found.keys:
        why = key.refuses(kind, hashing, below=below)
        fits = None if why and why not in ("key-hash", "key-service", "strict-key") else holds(signed, own, read.algorithm, read.forms[0], read.b, key, extra)
        if fits and not why:
            return "", key, True
        if best is None or (best[0] and not why):
            best = (why, key, fits)
    return best or ("key-missing", Key(), None)


def _more_from(letter: Letter, names: Sequence[str]) -> list[Field]:
    """A From beyond those that h= counts. Verifiers refuse a message with more than it says (RFC 6376 section 8.15)."""
    places = letter.by_name.get(b"from", [])
    counted = sum(name == "from" for name in names)
    return [letter.fields[places[-1 - counted]]] if counted and len(places) > counted else []


def _which(work: _Work, own: Field, read: _Parsed, key: Key, hashing: str) -> tuple[str, Altered | None]:
    """b= does not hold: was it made by this key at all, and if so, what was altered?"""
    hasher = HASHES[hashing]
    budget = work.budget
    if key.type == "rsa":
        opened = digest_within(read.b, key)
        if opened is None or opened[0] != hashing:
            return "wrong-key", None
        wanted = opened[1]

        def fits(digest: bytes) -> bool:
            return digest == wanted
    else:
        left = [MAX_ED25519]

        def fits(digest: bytes) -> bool:
            left[0] -= 1
            return left[0] > 0 and _ed25519(digest, read.b, key)

    bare = (own[0], without_b(own[1]))
    signed = select(work.letter, read.names)
    return "header-altered", search(work.letter, signed, read.names, bare, read.forms[0], hasher, fits, budget, _copies(read.tags.get("z", "")))


def _ed25519(digest: bytes, b: bytes, key: Key) -> bool:
    try:
        key_of, *_ = dkim.evaluate_pk("key", key.record)
        key_of.verify(digest, b)
    except Exception:
        # nacl: BadSignatureError, and ValueError for a signature of a wrong length
        return False
    return True


def _copies(text: str) -> dict[bytes, bytes]:
    """z=: the fields as they were signed. RFC 6376 section 3.5; for people who look for a fault, never for verifying."""
    out: dict[bytes, bytes] = {}
    for copy in squeezed(text).split("|")[:100]:
        name, colon, value = copy.partition(":")
        if colon and name:
            plain = re.sub(rb"=([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), value.encode("utf-8", "surrogateescape"))
            out[name.lower().encode("utf-8", "surrogateescape")] = plain
    return out


def _notes(work: _Work, read: _Parsed, found: Found, key: Key, reason: str, intact: bool | None) -> tuple[str, ...]:
    notes = []
    if found.several:
        notes.append("several-records")
    if key.testing:
        notes.append("testing-key")
    if key.type == "rsa" and LEAST_BITS <= (key.bits or 0) < SHORT_BITS:
        notes.append("short-key")
    if read.length is not None:
        notes.append("body-length")
    if read.expires is not None and work.at <= read.expires + LEEWAY < work.now:
        notes.append("expired-since")
    if reason == "header-altered" and key.type == "ed25519":
        # an Ed25519 signature cannot be opened: that it is another key's is as likely
        notes.append("or-wrong-key")
    if intact is None:
        notes.append("no-body")
    return tuple(notes)
