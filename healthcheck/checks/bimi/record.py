"""A BIMI assertion record, read as the draft has it. Pure; raises nothing. draft-brand-indicators-for-message-identification section 4."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...model import Answer

LIMIT = 4096
URL_LIMIT = 1000

_VERSION = re.compile(r"[ \t]*v[ \t]*=[ \t]*BIMI1[ \t]*(?:;|$)")
_NEARLY = re.compile(r"\W{0,4}v?\W{0,3}bimi\W{0,2}\d?\b", re.IGNORECASE)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?", re.IGNORECASE)  # a last label of digits is an address
_OTHER_FORMATS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf", ".bmp", ".ico", ".eps", ".ai")


@dataclass(frozen=True, slots=True)
class BimiRecord:
    """One record. location and authority: the URLs of l= and a=, "" where empty. bad: (tag, value, reason) of what receivers do not take."""

    text: str
    location: str = ""
    authority: str = ""
    avatar: str = "brand"
    bad: tuple[tuple[str, str, str], ...] = ()

    @property
    def declined(self) -> bool:
        """Draft section 4.3.1: both empty is a refusal to take part, which is not the same as no record."""
        return not self.location and not self.authority and not self.bad


def texts(answer: Answer) -> tuple[str, ...]:
    if answer.values:
        return answer.values
    return tuple(b"".join(s).decode("utf-8", "backslashreplace") for s in answer.strings)


def select(answer: Answer) -> tuple[str, ...]:
    """The BIMI records among the TXT records of a name; the draft (section 7.2) discards every other text."""
    return tuple(text for text in texts(answer) if _VERSION.match(text[:64]))


def nearly(answer: Answer) -> tuple[str, ...]:
    """Records that were meant as BIMI and are none ("v=bimi1; …")."""
    good = select(answer)
    return tuple(text for text in texts(answer) if text not in good and _NEARLY.match(text[:40]))


def read(text: str) -> BimiRecord:
    """Read one record: tags and values as in DKIM (RFC 6376 section 3.2), names and values exactly as written."""
    bad: list[tuple[str, str, str]] = []
    tags: dict[str, str] = {}
    if not _VERSION.match(text[:64]):
        bad.append(("v", text[:40], "version"))
    for part in text[:LIMIT].split(";")[1:]:
        name, equals, value = (piece.strip(" \t\r\n") for piece in part.partition("="))
        if not name and not equals:
            continue
        if not equals or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", name):
            bad.append((part.strip()[:60], "", "no-tag"))
        elif name in tags:
            bad.append((name, value[:60], "repeated"))
        else:
            tags[name] = value
    if "l" not in tags:
        bad.append(("l", "", "no-l"))
    if tags.get("avp", "brand") not in ("brand", "personal"):
        bad.append(("avp", tags["avp"][:60], "avp"))
    urls = {}
    for tag in ("l", "a"):
        url, reason = tidy(tags.get(tag, ""))
        if not reason and tag == "l" and url.partition("?")[0].lower().endswith(_OTHER_FORMATS):
            reason = "format"
        if reason:
            bad.append((tag, tags[tag][:200], reason))
        urls[tag] = "" if reason else url
    return BimiRecord(text, urls["l"], urls["a"], tags.get("avp", "brand"), tuple(bad))


def tidy(url: str) -> tuple[str, str]:
    """A URL that can be asked for, its host in lower case and without the usual port; and why receivers would not ask. Pure."""
    if not url:
        return "", ""
    scheme, colon, rest = url.partition("://")
    if not colon or scheme.lower() != "https":
        return "", "not-https" if colon else "bad-url"
    host, slash, path = rest.partition("/")
    host = host.lower().removesuffix(":443")
    if "," in url:
        return "", "comma"
    if len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url or not _HOST.fullmatch(host.partition(":")[0]):
        return "", "bad-url"
    if ":" in host:
        return "", "port" if re.fullmatch(r"[^:]+:[0-9]{1,5}", host) else "bad-url"
    return f"https://{host}{slash or '/'}{path.partition('#')[0]}", ""
