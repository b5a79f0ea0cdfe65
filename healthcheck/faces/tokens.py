"""Bearer tokens of the API (RFC 6750). What is kept is their SHA-256, never the token: a token has 256 random bits, so that no salt is needed.

    fresh()                     -> (token, its hash)        `healthcheck token`
    Tokens.read(setting)        -> Tokens                   HEALTHCHECK_TOKENS: a file, or the hashes themselves
    tokens.holder(authorization header) -> Holder | None    None: no token, or one that is not known

A line of the file, or an item of the list (a comma or white space between them): HASH[:NAME[:SCANS_PER_MINUTE]], `#` starts a comment.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError

PREFIX = "hc_"  # so that a scanner for leaked secrets can tell what it has found
RATE = 600  # scans a minute that a token may start, where its line gives no number of its own
MOST = 512  # characters of an Authorization header that are looked at

_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,40}")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a token was given to. `id` is what its requests are counted under."""

    id: str
    name: str
    scans: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that are known, by their hashes. False where there is none: then nobody needs one."""

    holders: tuple[tuple[str, Holder], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.holders)

    @classmethod
    def read(cls, setting: str | Iterable[str] | None) -> Tokens:
        """From HEALTHCHECK_TOKENS: the path of a file, or the hashes. Raises InputError, which names the line and never what stands there."""
        if not setting:
            return cls()
        where, lines = _lines(setting)
        found: dict[str, Holder] = {}
        for place, line in lines:
            digest, holder = _entry(line, f"{where}{place}")
            if digest in found:
                raise InputError(f"{where}{place}: this hash stands there twice.")
            found[digest] = holder
        if not found:
            raise InputError(f"{where}: no token is in it. Leave HEALTHCHECK_TOKENS unset where none is needed; `healthcheck token` makes one.")
        return cls(tuple(found.items()))

    def holder(self, authorization: str | None) -> Holder | None:
        """Who sent this Authorization header. Every hash is compared, each in constant time, so that the time says nothing."""
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > MOST:
            return None
        digest = hash_of(token)
        found = None
        for known, holder in self.holders:
            if hmac.compare_digest(known, digest):
                found = holder
        return found


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def fresh() -> tuple[str, str]:
    """A new token and its hash. The token is shown once, and kept by whoever uses it; the hash is kept here."""
    token = PREFIX + secrets.token_urlsafe(32)
    return token, hash_of(token)


def _lines(setting: str | Iterable[str]) -> tuple[str, Iterator[tuple[str, str]]]:
    if not isinstance(setting, str):
        return "HEALTHCHECK_TOKENS, item ", ((str(n), item) for n, item in enumerate(setting, 1))
    items = re.split(r"[,\s]+", setting.strip().strip(","))
    if _HASH.fullmatch(items[0].removeprefix("sha256:").partition(":")[0].lower()):
        return "HEALTHCHECK_TOKENS, item ", ((str(n), item) for n, item in enumerate(items, 1))
    if setting.startswith(PREFIX):
        raise InputError("HEALTHCHECK_TOKENS holds a token. Put its hash there, which `healthcheck token` prints beside it.")
    try:
        text = Path(setting).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise InputError(f"HEALTHCHECK_TOKENS: {setting}: {why}. It is a file of hashes, or the hashes themselves with commas between them.") from None
    bare = ((str(n), line.partition("#")[0].strip()) for n, line in enumerate(text.splitlines(), 1))
    return f"{setting}:", ((n, line) for n, line in bare if line)


def _entry(line: str, place: str) -> tuple[str, Holder]:
    digest, _, rest = line.strip().removeprefix("sha256:").partition(":")
    name, _, rate = (part.strip() for part in rest.partition(":"))
    digest = digest.strip().lower()
    if not _HASH.fullmatch(digest):
        raise InputError(f"{place}: this is no SHA-256 in 64 hexadecimal digits. `healthcheck token` prints a token and its hash; the hash belongs here.")
    if name and not _NAME.fullmatch(name):
        raise InputError(f"{place}: a name has up to 40 letters, digits, dots, hyphens and underscores.")
    if rate and not (rate.isascii() and rate.isdigit() and 0 < int(rate) <= 1_000_000):
        raise InputError(f"{place}: the scans a minute are a number from 1 to 1000000.")
    return digest, Holder(digest[:16], name or digest[:8], int(rate) if rate else RATE)
