"""What a person may name: a domain, an address, a selector."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

import idna

from ..errors import DomainError, InputError

MAX_INPUT = 1 << 20  # octets of pasted text that are answered; more is HTTP 413, or exit 2


_URL = re.compile(r"^[a-z][a-z0-9+.-]*://([^/?#]*)", re.IGNORECASE)
_IPV4 = re.compile(r"^\d{1,3}(\.\d{1,3}){3}$")


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain name, ready to be asked: lower case, A-labels, no trailing dot."""

    name: str
    shown: str  # with U-labels, for people

    @classmethod
    def parse(cls, text: str) -> Domain:
        """The domain that a person meant: a pasted URL, an address, a trailing dot and capitals are all understood.

        Raises DomainError, with what to enter instead, for anything that cannot be one. Pure.
        Standard: RFC 1035 section 2.3.4 (63 octets a label, 253 a name), RFC 5891 (IDNA).

        >>> Domain.parse("https://Example.COM:443/path").name
        'example.com'
        >>> Domain.parse("Jane <jane@bücher.example>").name
        'xn--bcher-kva.example'
        """
        raw = text.strip().strip("\"'`,;").strip()
        short = raw if len(raw) <= 60 else raw[:57] + "…"
        if not raw:
            raise DomainError("Nothing was entered. Enter a domain such as example.com.")
        if any(ord(c) < 32 or ord(c) == 127 for c in raw):
            raise DomainError("The name holds control characters. Enter a domain such as example.com.")
        if url := _URL.match(raw):
            raw = url.group(1).rpartition("@")[2]
        elif "@" in raw:
            raw = raw.rpartition("@")[2].rstrip(">) ")
        elif "/" in raw:
            raw = raw.partition("/")[0]
        if raw.startswith("[") or raw.count(":") > 1 or _IPV4.match(raw):
            raise DomainError(
                f"“{short}” is an IP address. Enter the domain that the mail is sent from; an address goes into the field for sending addresses (--ip)."
            )
        host, _, port = raw.partition(":")
        if port and not port.isdigit():
            raise DomainError(f"“{short}” is no domain name. Enter a domain such as example.com.")
        host = host.replace("。", ".").rstrip(".").strip()
        if not host or host.startswith(".") or ".." in host:
            raise DomainError(f"“{short}” has an empty label (two dots in a row, or a dot in front). Enter a domain such as example.com.")
        labels = [_label(label, short) for label in host.split(".")]
        if marked := [i for i, label in enumerate(labels) if label.startswith("_")]:
            labels = labels[marked[-1] + 1 :]  # _dmarc.example.com, s1._domainkey.example.com: the domain it belongs to
        name = ".".join(labels)
        if len(name) > 253:
            raise DomainError(f"“{short}” is {len(name)} characters long; a domain name has at most 253 (RFC 1035 section 2.3.4).")
        if len(labels) < 2:
            raise DomainError(f"“{short}” is a top-level domain or a lone host name. Enter a domain with a dot, such as example.com.")
        if labels[-1].isdigit():
            raise DomainError(f"“{short}” ends in a number, which no top-level domain does. Enter a domain such as example.com.")
        return cls(name, ".".join(_shown(label) for label in labels))

    def __str__(self) -> str:
        return self.name


def _label(label: str, short: str) -> str:
    if label.isascii():
        out = label.lower()
        if not re.fullmatch(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", out):
            raise DomainError(f"“{short}” has a label with characters that no domain name holds: “{label[:40]}”. Letters, digits and hyphens make a label.")
    else:
        try:
            out = idna.encode(label, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            if len(label) > 63:
                raise DomainError(f"“{short}” has a label of {len(label)} characters; a label has at most 63 (RFC 1035 section 2.3.4).") from None
            raise DomainError(f"“{short}” is no internationalised domain name: {error}.") from None
    if len(out) > 63:
        raise DomainError(f"“{short}” has a label of {len(out)} characters; a label has at most 63 (RFC 1035 section 2.3.4).")
    return out


def _shown(label: str) -> str:
    if label.startswith("xn--"):
        try:
            return idna.decode(label)
        except (idna.IDNAError, UnicodeError):
            return label
    return label


def check_ip(text: str) -> str:
    """An address in its canonical form.

    Raises InputError for anything else. Pure.

    >>> check_ip(" 2001:DB8::1 ")
    '2001:db8::1'
    """
    try:
        address = ip_address(text.strip().strip("[]"))
        if getattr(address, "scope_id", None):
            raise ValueError("a zone index names an interface of one machine")  # RFC 4007 section 11
        return str(address)
    except ValueError:
        raise InputError(f"“{text.strip()[:60]}” is no IP address. Give one address such as 192.0.2.1 or 2001:db8::1.") from None


def given_helo(text: str) -> str:
    """The name of an EHLO or HELO command in lower case, A-labels: any that a server may say, also one that it had better not.

    A name of one label and an address (bare, or in brackets as in RFC 5321 section 4.1.3) are taken as they are, for the checks to judge.
    Raises InputError for what no server can say (nothing, spaces within, over 255 octets). Pure.

    >>> given_helo("EHLO Mail.Example.COM"), given_helo("[192.0.2.1]"), given_helo("localhost")
    ('mail.example.com', '[192.0.2.1]', 'localhost')
    """
    raw = re.sub(r"(?i)^(?:ehlo|helo)\s+", "", text.strip()).strip("\"'`<>,;")
    if not raw or len(raw) > 255 or re.search(r"[\s\x00-\x20\x7f]", raw):
        raise InputError(f"“{text.strip()[:60]}” is no name that a server could say in EHLO. Give the one that yours says, such as mail.example.com.")
    if raw.startswith("[") or raw.count(":") > 1 or _IPV4.match(raw):
        return raw.lower()
    try:
        return ".".join(_label(label, raw[:60]) for label in raw.rstrip(".").replace("。", ".").split("."))
    except DomainError:
        if raw.isascii() and re.fullmatch(r"[!-~]+", raw):
            return raw.lower()
        raise InputError(f"“{raw[:60]}” is no name that a server could say in EHLO. Give the one that yours says, such as mail.example.com.") from None


_MAX_HEADER = 16384
_HEADER = re.compile(r"[ \t>]*dkim-signature[ \t]*:", re.IGNORECASE)
_VALUE = re.compile(r"\s*[a-zA-Z]{1,4}\s*=")  # the value of such a header, pasted without its name


def signatures(text: str) -> tuple[tuple[str, str], ...]:
    """(selector, signing domain) of each DKIM-Signature header in a text: whole headers, or the value of one. Pure; raises nothing.

    What is there says which key was meant to be used; it does not say that the signature is valid.
    Standard: RFC 6376 section 3.5 (tags s= and d=), section 3.2 (folding).

    >>> signatures("DKIM-Signature: v=1; a=rsa-sha256; d=Example.com; s=mail2026;\\r\\n h=from:to; b=abc=")
    (('mail2026', 'example.com'),)
    """
    lines: list[str] = []
    for line in text[:MAX_INPUT].splitlines():
        # RFC 5322 section 2.2.3: what begins with white space goes on with the header before
        if lines and line[:1] in (" ", "\t") and not _HEADER.match(line):
            if len(lines[-1]) < _MAX_HEADER:
                lines[-1] += line
        else:
            lines.append(line)
    out = []
    for line in lines:
        value = line[found.end() :] if (found := _HEADER.match(line)) else line if _VALUE.match(line) else ""
        pairs = (part.partition("=") for part in value.split(";"))
        tags = {name.strip().lower(): "".join(tag.split()).lower() for name, equals, tag in pairs if equals}
        if tags.get("s") and tags.get("d"):
            out.append((tags["s"], tags["d"].rstrip(".")))
    return tuple(dict.fromkeys(out))


def given_selectors(text: str, domain: str = "") -> tuple[str, ...]:
    """The selectors that a person entered: one, or those of pasted DKIM-Signature headers that sign for `domain` (any, where it is "").

    Raises InputError for what is neither, and for headers that sign for other domains only. Pure. Standard: RFC 6376 section 3.1.

    >>> given_selectors("s1._domainkey")
    ('s1',)
    >>> given_selectors("v=1; d=example.com; s=mail2026; b=", "example.com")
    ('mail2026',)
    """
    if "=" not in text:
        return (check_selector(text),)
    found = signatures(text)
    if not found:
        raise InputError(f"“{text.strip()[:60]}” is no DKIM selector and no DKIM-Signature header with s= and d=.")
    kept = tuple(check_selector(selector) for selector, signer in found if not domain or signer == domain)
    if not kept:
        others = ", ".join(dict.fromkeys(signer for _, signer in found))
        raise InputError(f"The pasted DKIM-Signature signs for {others[:100]}, not for {domain}. Scan that domain, or paste the header with d={domain}.")
    return tuple(dict.fromkeys(kept))


def check_selector(text: str) -> str:
    """A DKIM selector (one or more labels) in lower case.

    Raises InputError for anything else. Pure. Standard: RFC 6376 section 3.1.
    """
    out = text.strip().lower().removesuffix("._domainkey").strip(".")
    if not out or len(out) > 190 or not all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in out.split(".")):
        raise InputError(f"“{text.strip()[:60]}” is no DKIM selector. It is the s= of a signature, such as s1 or 2026-05.mail.")
    return out
