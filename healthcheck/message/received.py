"""Received fields, of whatever server wrote them: who handed the message to whom, when, and how.

RFC 5321 section 4.4 gives the form, and servers write their own. What they agree on are the words that open a clause (from, by, via,
with, id, for) and the date at the end; comments hold the rest. So a field is cut into clauses, each with its words and comments, and
what is looked for is looked for where some server puts it. Linear, never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ..bounce.formats import address
from ..model import Hop
from . import data
from .dates import Moment, read_date

MAX_FIELD = 4096  # characters of a field that are read
MAX_TEXT = 400  # of it that are kept to be shown
_CLAUSES = frozenset(("from", "by", "via", "with", "id", "for"))


@dataclass(slots=True)
class Clause:
    words: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Parts:
    """A field cut up: its clauses by name, comments before any clause, and what stands behind the semicolons."""

    clauses: dict[str, Clause]
    loose: list[str]
    tails: list[str]

    def __getitem__(self, name: str) -> Clause:
        return self.clauses.get(name) or Clause()

    def comments(self) -> Iterable[str]:
        yield from self.loose
        for clause in self.clauses.values():
            yield from clause.comments


def read_received(value: str, order: int = 0) -> Hop:
    """One Received field as a Hop. Never raises; what a field does not say stays None or "".

    value   the field's body, folded or not
    order   its place among the Received fields, 0 being the newest
    What stands there is what its writer noted. Who wrote it, and whether that can be believed, `way` says.
    Standard: RFC 5321 section 4.4, RFC 3848 and RFC 6531 section 4.3 (protocols).

    >>> hop = read_received("from a.example (b.example [192.0.2.7]) by mx.example.net with ESMTPS id 4X; Sun, 22 Nov 2026 12:00:00 +0000")
    >>> hop.helo, hop.ptr, hop.ip, hop.by, hop.protocol
    ('a.example', 'b.example', '192.0.2.7', 'mx.example.net', 'ESMTPS')
    """
    text = " ".join(value[:MAX_FIELD].split())
    parts = cut(text)
    come, by = parts["from"], parts["by"]
    name = come.words[0] if come.words else None
    if name is None and (sent := next((c for c in parts.loose if c.lower().startswith("from ")), "")):
        name = sent[5:].strip() or None  # Sendmail: (from root@localhost) by …
    ip = client_address(come)
    helo, ptr = _names(come, name, text)
    protocol, tls = _protocol(parts)
    when = _when(parts, text)
    local = _local(parts, protocol)
    return Hop(
        from_name=name[:255] if name else None,
        by=_host(by.words[0]) if by.words else None,
        ip=ip,
        ptr=ptr,
        helo=helo,
        protocol=protocol,
        tls=tls,
        id=parts["id"].words[0].strip("<>;,")[:120] if parts["id"].words else "",
        for_=(address(" ".join(parts["for"].words[:2])) or "") if parts["for"].words else "",
        at=when.at if when else None,
        zone=when.zone if when else None,
        order=order,
        text=text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…",
        submission=local or _authenticated(parts, protocol),
        internal=local or (name is None and ip is None),
        mail_from=_envelope(parts),
    )


# ------------------------------------------------------------------ cutting


def cut(text: str) -> Parts:
    """The clauses of an unfolded field. Comments may be nested, and hold quoted pairs (RFC 5322 section 3.2.2)."""
    clauses: dict[str, Clause] = {}
    loose: list[str] = []
    tails: list[str] = []
    current: Clause | None = None
    position, size = 0, len(text)
    while position < size:
        c = text[position]
        if c == " ":
            position += 1
        elif c == "(":
            end = _comment_end(text, position)
            (current.comments if current else loose).append(text[position + 1 : end].strip())
            position = end + 1
        elif c == ";":
            position += 1
            tails[5:] = [text[position : position + 200]]  # the first five, and the last
            current = None
        else:
            end = _word_end(text, position)
            word = text[position:end]
            low = word.lower()
            if low in _CLAUSES and not (current is not None and not current.words and not current.comments and low == "from"):
                current = clauses.setdefault(low, Clause())
            elif current is not None:
                current.words.append(word)
            position = max(end, position + 1)
    return Parts(clauses, loose, tails)


def _comment_end(text: str, start: int) -> int:
    depth, position = 0, start
    while position < len(text):
        c = text[position]
        if c == "\\":
            position += 1
        elif c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return len(text)


_WORD_ENDS = frozenset(" (;")


def _word_end(text: str, start: int) -> int:
    closing = {'"': '"', "[": "]", "<": ">"}.get(text[start])
    if closing and (end := text.find(closing, start + 1, start + 400)) > 0:
        start = end + 1
    while start < len(text) and text[start] not in _WORD_ENDS:
        start += 1
    return start


# ------------------------------------------------------------------ the client

_SAID = re.compile(r"\b(?:he|eh|lh)lo[ =]\s?(\[[^\]\s]{0,80}\]|[^\s()]{1,255})", re.IGNORECASE)
_NOT_CLIENT = re.compile(r"\b(?:helo|ident|port|envelope-from|envelope-sender|account|user|auth)=\S+", re.IGNORECASE)
_LITERAL = re.compile(r"\[(?:ipv6:)?([0-9a-f:.]{2,60})(?:%[\w.-]{1,30})?\]", re.IGNORECASE)
_V4 = re.compile(r"(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?![\w.-])")
_UNNAMED = frozenset(("unknown", "unverified", "localhost?", "no-rdns", "nordns", "-", ""))


def client_address(come: Clause) -> str | None:
    """The client's address in a from clause, as the server saw it: in a comment, else in brackets, else bare.

    What a client says of itself in HELO is no address, also where it looks like one.
    """
    comments = [_NOT_CLIENT.sub(" ", _SAID.sub(" ", comment)) for comment in come.comments]
    for comment in comments:
        if found := _LITERAL.search(comment):
            return plain_ip(found[1])
    for comment in comments:
        for word in (comment, *comment.replace("@", " ").split(" ")):
            if found_ip := plain_ip(word.strip("[],")):
                return found_ip
        if bare := _V4.search(comment):
            return plain_ip(bare[0])
    for word in come.words[:3]:
        if found := _LITERAL.fullmatch(word):
            return plain_ip(found[1])
    return plain_ip(come.words[0]) if come.words else None


def plain_ip(text: str) -> str | None:
    """An address in its canonical form, IPv4 where it was mapped into IPv6 (RFC 4291 section 2.5.5.2); None for anything else."""
    if not 2 <= len(text) <= 60 or not (text[0] in "[:" or text[0].isalnum()):
        return None
    text = text.strip("[]").partition("%")[0]
    if text[:5].lower() == "ipv6:":
        text = text[5:]
    try:
        one = ip_address(text)
    except ValueError:
        return None
    if isinstance(one, IPv6Address) and one.ipv4_mapped:
        one = one.ipv4_mapped
    return str(one)


def _names(come: Clause, name: str | None, text: str) -> tuple[str | None, str | None]:
    """(HELO, reverse name) of the client, each where it is sure which it is."""
    said = next((found[1] for comment in come.comments if (found := _SAID.search(comment))), None)
    called = name if name and plain_ip(name) is None and not name.startswith("[") and name.lower() not in _UNNAMED else None
    if said is not None:  # Exim, qmail, Cisco, Yahoo: the name before it is what the DNS says
        return said, _host(called) if called else None
    for comment in come.comments:
        if literal := _LITERAL.search(comment):
            before = comment[: literal.start()].split()
            if before:  # Postfix, Sendmail, Gmail: HELO (reverse name [address])
                reverse = _host(before[-1].rpartition("@")[2])
                return name, None if reverse.lower() in _UNNAMED or plain_ip(reverse) else reverse
            if "(Exim " in text and called:  # Exim leaves helo= out where it is the verified name
                return called, _host(called)
            return None, None
    if called and "Microsoft SMTP Server" in text:
        return called, None
    return None, None


def _host(name: str) -> str:
    return name.strip("<>,;").rstrip(".")[:255]


# ------------------------------------------------------------------ how

_KNOWN = re.compile(
    r"(?:utf8)?[el]?smtps?a?|utf8l?mtps?a?|lmtps?a?|https?(?:rest)?|pop3s?|imaps?|mapi|local|submission|lhlo|lmtpproxy|nnfmp|uucp|bsmtp", re.IGNORECASE
)
_AUTH_PROTOCOLS = frozenset(("ESMTPA", "ESMTPSA", "SMTPA", "SMTPSA", "UTF8SMTPA", "UTF8SMTPSA", "SUBMISSION"))
_USER_PROTOCOLS = frozenset(("HTTP", "HTTPS", "HTTPREST", "LOCAL", "MAPI"))
_VERSION = re.compile(r"\b(TLS|SSL)[ v_]{0,2}([123])(?:[._]?([0-3]))?(?![\w.-]*\.[a-z]{2})", re.IGNORECASE)
_CIPHER = re.compile(
    r"\b((?:TLS(?:13)?_(?:AES|CHACHA|ECDHE|DHE|RSA|ECDH)|ECDHE|DHE|EDH|AECDH|ADH|RC4|DES|AES\d|CAMELLIA|CHACHA20|TLS_ECDHE)[A-Z0-9_-]{2,60})\b"
)
_CIPHER_NAMED = re.compile(r"\bcipher[ =:]\s?([A-Za-z0-9_+-]{3,70})")
_TLS_WORD = re.compile(r"\busing tls\b|\(tls\)|\bvia ssl\b|\bstarttls\b|\bencrypted smtp\b|\bover tls\b|\bgoogle transport security\b", re.IGNORECASE)
_AUTHENTICATED = re.compile(r"\bauthenticated\b|\bauth[:=]|\bsmtp-auth\b|^account ", re.IGNORECASE)
_NOT_AUTHENTICATED = re.compile(r"\bun-?authenticated\b|\bnot authenticated\b", re.IGNORECASE)


def _protocol(parts: Parts) -> tuple[str, str]:
    """(protocol, TLS as noted)."""
    words = parts["with"].words
    protocol = ""
    for word in words[:8]:
        head = word.partition("/")[0].rstrip(",")
        if _KNOWN.fullmatch(head):
            protocol = "local" if head.lower() == "local" else head.upper()
            break
    if not protocol and words:
        protocol = " ".join(words)[:60]
    where = " ".join((*(c for c in parts.comments() if "[" not in c or "tls" in c.lower()), *words[:10], *parts["by"].words[1:6]))
    where += " via " + " ".join(parts["via"].words[:4])
    tls = _tls(where)
    secure = protocol in ("ESMTPS", "ESMTPSA", "SMTPS", "LMTPS", "LMTPSA", "UTF8SMTPS", "UTF8SMTPSA", "HTTPS", "POP3S", "IMAPS", "SMTPSA")
    if not tls and (secure or _TLS_WORD.search(where) or any(c.lower() == "tls" for c in parts.comments())):
        tls = "TLS"
    return protocol, tls


def _tls(where: str) -> str:
    """Version and cipher as servers note them: "TLSv1.3 TLS_AES_256_GCM_SHA384"; "" where neither stands there."""
    version = ""
    for found in _VERSION.finditer(where):
        kind, major, minor = found[1].upper(), found[2], found[3]
        if kind == "TLS" and major != "1":
            continue
        version = f"{kind}v{major}" + (f".{minor}" if minor else ".0" if kind == "TLS" else "")
        break
    named = _CIPHER_NAMED.search(where)
    cipher = named or _CIPHER.search(where)
    return " ".join(part for part in (version, cipher[1] if cipher else "") if part)


def _authenticated(parts: Parts, protocol: str) -> bool:
    if protocol in _AUTH_PROTOCOLS:
        return True
    return any(_AUTHENTICATED.search(c) and not _NOT_AUTHENTICATED.search(c) for c in parts.comments())


def signed_in(hop: Hop) -> bool:
    """Did the client of this hop authenticate itself as a user?"""
    return hop.protocol in _AUTH_PROTOCOLS or (_AUTHENTICATED.search(hop.text) is not None and not _NOT_AUTHENTICATED.search(hop.text))


_USER = re.compile(r"\binvoked by (?:uid|alias)\b|\bfrom userid \d|^uid \d|/Submit\b|^from \S+@\S+$|\[local\]|\bunix socket\b", re.IGNORECASE)


def _local(parts: Parts, protocol: str) -> bool:
    """A user of this host, or a program of it: no SMTP client."""
    return protocol.upper() in _USER_PROTOCOLS or any(_USER.search(c) for c in parts.comments())


_SENDER = re.compile(r"\benvelope[- ](?:from|sender)[: =]{0,3}<?([^\s<>()]{0,320})|\breturn path[: =]{0,2}<?([^\s<>()]{0,320})", re.IGNORECASE)


def _envelope(parts: Parts) -> str | None:
    """The envelope sender that a server noted beside the client; "" for the null sender."""
    for text in (*parts.comments(), *parts.tails):
        if found := _SENDER.search(text):
            return (found[1] if found[1] is not None else found[2]).strip(" ;,")
    words = parts["id"].words
    if "envelope-from" in words[:6] and (at := words.index("envelope-from") + 1) < len(words):  # Haraka
        return words[at].strip("<>;")
    return None


def _when(parts: Parts, text: str) -> Moment | None:
    for tail in reversed(parts.tails):
        if moment := read_date(tail):
            return moment
    return read_date(text[-120:])  # some servers write no semicolon


_DOCUMENTATION = tuple(ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))


@cache
def _inner() -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(n) for n in data()["inner"]["networks"])


@lru_cache(maxsize=256)
def inner(ip: str | None) -> bool:
    """An address that only its own network uses: private, loopback, link-local, or of a provider's inner network (data/message.toml).

    RFC 5737 addresses count as public: in an example they stand for any.
    """
    if ip is None:
        return False
    one = ip_address(ip)
    if any(one in net for net in _DOCUMENTATION):
        return False
    return one.is_private or one.is_loopback or one.is_link_local or any(one in net for net in _inner())
