"""What receivers wrote of SPF, DKIM, DMARC and ARC: Authentication-Results (RFC 8601), Received-SPF (RFC 7208 section 9.1), and their relations.

A field is only what somebody wrote. `judged` says which of them the receiver's own system can have written: those above the hop with
which the message came in, and right below it where a server adds them there (RFC 8601 section 5). Linear, never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..model import Claim
from . import data
from .fields import Field
from .received import plain_ip
from .way import Way, org, same_side

MAX_RESULT = 16384  # characters of a field that are read
MAX_CLAIMS = 60
MAX_TEXT = 300

_RESULTS = frozenset(("authentication-results", "x-ms-exchange-authentication-results", "authentication-results-original", "x-original-authentication-results",
                      "x-authentication-results", "x-google-original-authentication-results", "original-authentication-results", "old-authentication-results"))  # fmt: skip
_OTHERS = frozenset(("authentication-results-original", "x-original-authentication-results", "original-authentication-results", "old-authentication-results",
                     "x-google-original-authentication-results"))  # fmt: skip
_ARC = frozenset(("arc-authentication-results", "x-ms-exchange-arc-authentication-results", "x-google-arc-authentication-results"))
FIELDS = _RESULTS | _ARC | {"received-spf", "x-received-spf", "x-spf-result", "dkim-filter", "x-forefront-antispam-report"}


def read_results(fields: Iterable[Field]) -> tuple[Claim, ...]:
    """Every claim in the fields that hold some, in the order of the message. `trusted` stays None: `judged` decides it.

    One claim for each method and result; a field that says "none" gives one with this method. A field that cannot be read gives none.
    Standard: RFC 8601 section 2.2, RFC 7208 section 9.1, RFC 8617 section 4.1.1.

    >>> from healthcheck.message.fields import Field
    >>> claim, = read_results([Field("Authentication-Results", "mx.example.net; spf=fail (not allowed) smtp.mailfrom=a@example.com")])
    >>> claim.who, claim.method, claim.result, claim.reason, dict(claim.properties)
    ('mx.example.net', 'spf', 'fail', 'not allowed', {'smtp.mailfrom': 'a@example.com'})
    """
    out: list[Claim] = []
    for one in fields:
        key = one.key
        if key not in FIELDS or len(out) >= MAX_CLAIMS:
            continue
        value = " ".join(one.value[:MAX_RESULT].split())
        if key in ("received-spf", "x-received-spf"):
            out += _received_spf(value, one)
        elif key == "x-forefront-antispam-report":
            out += _forefront(value, one)
        elif key == "dkim-filter":
            host = value.split(" ")[3:4]
            out.append(Claim("dkim-filter", "present", who=host[0] if host else "", field_name=one.name, order=one.order, text=value[:MAX_TEXT]))
        elif key == "x-spf-result":
            continue
        else:
            out += _authentication(value, one)
    return tuple(out[:MAX_CLAIMS])


# ------------------------------------------------------------------ Authentication-Results


def _authentication(value: str, one: Field) -> list[Claim]:
    segments = [_tokens(part) for part in split(value)]
    instance = ""
    if one.key in _ARC and segments and (found := re.match(r"i\s?=\s?(\d{1,3})", segments[0].bare)):
        instance, segments = found[1], segments[1:]  # RFC 8617 section 4.1.1
    who = ""
    if segments and not segments[0].is_result:
        # the authserv-id, perhaps with a version behind it (RFC 8601 section 2.2)
        who = segments[0].bare.split(" ")[0].strip('"').lower()[:255]
        segments = segments[1:]
    out = []
    for segment in segments:
        claim = _claim(segment, who, one)
        if claim is not None:
            out.append(replace(claim, properties={**claim.properties, "arc.instance": instance}) if instance else claim)
    if not out and any(segment.bare.lower() == "none" for segment in segments):
        out.append(Claim("none", "none", who=who, field_name=one.name, order=one.order, text=value[:MAX_TEXT]))
    return out


@dataclass(frozen=True, slots=True)
class Segment:
    """What stands between two semicolons: the words without comments, and the comments."""

    bare: str
    comments: tuple[str, ...]
    text: str

    @property
    def is_result(self) -> bool:
        return _METHOD.match(self.bare) is not None


_METHOD = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,40})(?:\s?/\s?\d{1,3})?\s?=\s?([A-Za-z][A-Za-z0-9_-]{0,40})?")
_PROPERTY = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,60})\s?=\s?")


def split(value: str) -> list[str]:
    """The parts between semicolons that stand in no comment and no quoted string."""
    out, depth, quoted, start, position = [], 0, False, 0, 0
    while position < len(value):
        c = value[position]
        if c == "\\" and (quoted or depth):
            position += 1
        elif c == '"' and not depth:
            quoted = not quoted
        elif not quoted:
            if c == "(":
                depth += 1
            elif c == ")":
                depth = max(0, depth - 1)
            elif c == ";" and not depth:
                out.append(value[start:position])
                start = position + 1
        position += 1
    if (depth or quoted) and ";" in value[start:]:
        return [*out, *value[start:].split(";")]  # a comment or a string that never ends hides nothing
    return [*out, value[start:]]


def _tokens(part: str) -> Segment:
    bare: list[str] = []
    comments: list[str] = []
    depth, quoted, start, escaped = 0, False, 0, False
    for position, c in enumerate(part):
        if escaped or (c == "\\" and (quoted or depth)):  # a quoted pair (RFC 5322 section 3.2.1)
            escaped = not escaped
        elif c == '"' and not depth:
            quoted = not quoted
        elif c == "(" and not quoted:
            if depth == 0:
                start = position + 1
                bare.append(" ")
            depth += 1
        elif c == ")" and not quoted and depth:
            depth -= 1
            if depth == 0:
                comments.append(part[start:position].strip())
            continue
        if not depth:
            bare.append(c)
    if depth:
        comments.append(part[start:].strip())
    return Segment(" ".join("".join(bare).split()), tuple(comments), part.strip())


def _claim(segment: Segment, who: str, one: Field) -> Claim | None:
    found = _METHOD.match(segment.bare)
    if found is None:
        return None
    properties = _properties(segment.bare[found.end() :])
    reason = properties.pop("reason", "")
    comment = "; ".join(c for c in segment.comments if c)[:MAX_TEXT]
    if ip := _said_ip(comment):
        properties.setdefault("client-ip", ip)
    return Claim(
        method=found[1].lower(),
        result=(found[2] or "").lower(),
        who=who,
        reason=(reason or comment)[:MAX_TEXT],
        properties=properties,
        field_name=one.name,
        order=one.order,
        text=segment.text[:MAX_TEXT],
    )


def _properties(rest: str) -> dict[str, str]:
    """ "smtp.mailfrom=a@example.com header.d=…": ptype.property, or a lone name as Microsoft writes it (action, reason). Values may be quoted."""
    out: dict[str, str] = {}
    position = 0
    while found := _PROPERTY.search(rest, position):
        position = found.end()
        if rest[position : position + 1] == '"':
            end = rest.find('"', position + 1)
            end = len(rest) if end < 0 else end + 1
            while end < len(rest) and rest[end] != " ":
                end += 1  # "joe q"@example.com
            value = rest[position:end]
            value = value.strip('"') if value.count('"') < 3 and (value.endswith('"') or value.count('"') == 1) else value
        else:
            end = rest.find(" ", position)
            end = len(rest) if end < 0 else end
            value = rest[position:end]
        out.setdefault(found[1].lower(), value.strip(",")[:320])
        position = end
        if len(out) > 20:
            break
    return out


_IP = r"([0-9A-Fa-f:.]{3,45})"
# the words in which servers name the address that they judged: data of the forms, not of their wording
_SAID_IPS = re.compile(
    rf"\bdesignates {_IP} as\b|\bsender ip is {_IP}\b|\bclient-ip=\"?{_IP}|\bwith ip {_IP}|\bip=\[?{_IP}|\bhost {_IP} is\b|\b{_IP} is (?:neither|not)|\bof {_IP} as\b",
    re.IGNORECASE,
)


def _said_ip(text: str) -> str | None:
    """The address that a comment says was judged."""
    for found in _SAID_IPS.finditer(text[:1000]):
        if ip := plain_ip(next(group for group in found.groups() if group).rstrip(".")):
            return ip
    return None


# ------------------------------------------------------------------ Received-SPF and others

_SPF_RESULT = re.compile(r"\s*(pass|fail|softfail|soft fail|neutral|none|temperror|permerror|error|unknown)\b", re.IGNORECASE)
_PAIR = re.compile(
    r"\b(receiver|client-ip|envelope-from|helo|mechanism|problem|identity|x-ip|x-sender|x-helo)\s?=\s?(\"[^\"]{0,320}\"|<[^>]{0,320}>|[^\s;]{1,320})",
    re.IGNORECASE,
)
_SPF_WHO = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})+")
_OLD = {"error": "temperror", "unknown": "permerror", "soft fail": "softfail"}  # RFC 4408 and before


def _received_spf(value: str, one: Field) -> list[Claim]:
    """RFC 7208 section 9.1: the result, a comment, pairs. The comment opens with the host that judged, or with its "receiver=" in it."""
    found = _SPF_RESULT.match(value)
    if found is None:
        return []
    segment = _tokens(value[found.end() :])
    comment = segment.comments[0] if segment.comments else ""
    pairs = {name.lower(): text.strip('"<>')[:320] for name, text in _PAIR.findall(value)}
    properties: dict[str, str] = {}
    for name, key in (
        ("client-ip", "client-ip"),
        ("x-ip", "client-ip"),
        ("envelope-from", "smtp.mailfrom"),
        ("x-sender", "smtp.mailfrom"),
        ("helo", "smtp.helo"),
        ("x-helo", "smtp.helo"),
    ):
        if pairs.get(name):
            properties.setdefault(key, pairs[name])
    if ip := plain_ip(properties.get("client-ip", "")) or _said_ip(comment):
        properties["client-ip"] = ip
    else:
        properties.pop("client-ip", None)
    for name in ("mechanism", "problem", "identity"):
        if pairs.get(name):
            properties[name] = pairs[name]
    head = _SPF_WHO.match(comment.partition(":")[0].strip()) if ":" in comment else None
    who = pairs.get("receiver") or (head[0] if head else "")
    result = found[1].lower()
    return [
        Claim(
            "spf",
            _OLD.get(result, result),
            who=who.lower(),
            reason=comment[:MAX_TEXT],
            properties=properties,
            field_name=one.name,
            order=one.order,
            text=value[:MAX_TEXT],
        )
    ]


def _forefront(value: str, one: Field) -> list[Claim]:
    """Microsoft's report of its filter: CIP is the address that connected, H its HELO, PTR its reverse name.

    https://learn.microsoft.com/en-us/defender-office-365/message-headers-eop-mdo
    """
    pairs = {name.strip().upper(): text.strip() for name, colon, text in (part.partition(":") for part in value.split(";")[:40]) if colon}
    ip = plain_ip(pairs.get("CIP", "").strip("[]"))
    if ip is None or ip == "255.255.255.255":  # it stands there for mail from within
        return []
    properties = {"client-ip": ip} | {
        key: pairs[name] for name, key in (("H", "smtp.helo"), ("PTR", "policy.ptr"), ("SFV", "policy.sfv"), ("SCL", "policy.scl")) if pairs.get(name)
    }
    return [Claim("filter", pairs.get("CAT", "").lower() or "noted", properties=properties, field_name=one.name, order=one.order, text=value[:MAX_TEXT])]


# ------------------------------------------------------------------ which can be believed


def judged(claims: Sequence[Claim], way: Way, places: Sequence[int], ends: int) -> tuple[Claim, ...]:
    """Each claim with `trusted`: True where the receiver wrote it, False where it was in the message when it came, None where that cannot be told.

    way     the relay chain, with the hop of entry
    places  where each Received field stands among all fields, the newest first
    ends    the place of the first field that an author writes (From, Subject …): what a server adds stands above it

    Standard: RFC 8601 sections 4.1 and 5: a result counts only where it was added within the reader's own boundary.
    """
    entry = None if way.entry is None else places[way.hops[way.entry].order]
    receivers = way.receivers
    newest = min((place for place in places), default=None)
    above = {claim.who for claim in claims if entry is not None and claim.order < entry}
    block = _block(claims, places, entry, ends)
    out = []
    for claim in claims:
        own = not claim.who or any(claim.who == host.lower() or same_side(claim.who, host) for host in receivers)
        trusted: bool | None
        if claim.field_name.lower() in _OTHERS:
            trusted = False  # a receiver kept under this name what was there when the message came
        elif entry is None:
            # no way of its own to go by: what stands above every Received field was written last
            trusted = True if newest is not None and claim.order < newest and own and receivers else None
        elif claim.order < entry:
            trusted = True if own else None
        elif claim.order in block and (_writes_below(claim.who) or (own and bool(claim.who) and claim.who not in above)):
            trusted = True
        else:
            # an ARC set is worth what its seal is worth, and that is not for its place to say
            trusted = None if claim.field_name.lower() in _ARC else False
        out.append(replace(claim, trusted=trusted))
    return tuple(out)


def _block(claims: Sequence[Claim], places: Sequence[int], entry: int | None, ends: int) -> frozenset[int]:
    """The places right below the field of entry that hold results, without a gap: the topmost field of each name and writer."""
    if entry is None:
        return frozenset()
    after = min((place for place in places if place > entry), default=ends)
    seen: dict[tuple[str, str, str], int] = {}
    expected = entry + 1
    out: set[int] = set()
    by_place: dict[int, list[Claim]] = {}
    for claim in claims:
        by_place.setdefault(claim.order, []).append(claim)
    while expected in by_place and expected < min(after, ends):
        here = by_place[expected]
        keys = {(claim.field_name.lower(), claim.who, claim.method) for claim in here}
        if not any(seen.get(key, expected) != expected for key in keys):
            out.add(expected)
        for key in keys:
            seen.setdefault(key, expected)
        expected += 1
    return frozenset(out)


def _writes_below(who: str) -> bool:
    """Whether this receiver adds its results below its own Received field (data/message.toml)."""
    return org(who) in data()["results"]["below"]


def judged_ip(claims: Iterable[Claim]) -> str | None:
    """The address that the receiver says SPF was judged on, out of what can be believed; Received-SPF goes first."""
    sure = [claim for claim in claims if claim.trusted and claim.properties.get("client-ip")]
    sure.sort(key=lambda claim: ("spf" not in claim.field_name.lower(), claim.method != "spf", claim.order))
    for claim in sure:
        if claim.method in ("spf", "filter"):
            return claim.properties["client-ip"]
    return None
