"""The local part of every address in an answer, masked: in text as servers wrote it, in evidence, in findings. Pure, linear.

More is masked rather than less: message ids, envelope senders that hold another address (VERP, SRS), and words before an @ that are none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from email.header import decode_header
from enum import Enum
from typing import Any

from ..model import Because, Bounce, Diagnosis, Failure, Record

MASK = "***"
# lengths at which texts of others are cut, maybe within an address: message/results, content and whose, edge/libs_altered, libs_body and libs_arc
CUTS = frozenset({120, 160, 200, 300, 320, 400, 4000})
# keys that hold what strangers wrote, where it may have been cut short
FOREIGN = frozenset({"text", "shown", "value", "values", "reason", "problem", "detail", "results", "properties"})

# What may stand before a local part without belonging to it. A VERP address holds a "=" of its own, so the names are told one by one.
_NAMES = r"(?:(?:smtp|header|policy|x)\.[a-z-]{1,20}|envelope-(?:from|sender|to)|mail-?from|rcpt-?to|from|to|i|d|s|h|helo|receiver|identity|sender|orcpt|for|user|auth|z|e|email|mail|rcpt|address|r|u)="
_KEPT = re.compile(_NAMES, re.IGNORECASE)
_LOCAL = re.compile(
    rf"(?i)(?<![^\s<>()\[\]:;,@\\|\"])({_NAMES}(?:rfc822;)?)?(\"(?:[^\"\\\r\n]|\\.){{1,200}}\"|[^\s<>()\[\]:;,@\uff20\\|\"]++)(\s{{0,3}}(?:\([^()]{{0,60}}\)\s{{0,3}})?(?:@|&#64;|\uff20)\s{{0,3}})(?=[^\s@])"
)
# an @ as URLs, and z= of a signature, write it: all of the word before it is masked
_RUN = re.compile(r"[^\s<>()\[\]:;,@\\|\"&?]++")
_CODED = re.compile(r"(?i)%40|=40(?=[a-z0-9-]{1,63}\.)")
_WORD = re.compile(r"=\?[^?\s]{1,40}\?[bq]\?[^?\s]{0,400}\?=", re.IGNORECASE)
# servers that note who signed in
_USER = re.compile(
    r"(?i)\b((?:authenticated(?: (?:sender|user|as|id|by))?|auth(?:enticated)?[-_]?(?:user|sender|id)|sasl_username|login|from user(?:id)?|account)[:=]? ?)([^\s();,]{1,120})"
)
_TAIL = re.compile(r"(?<![^\s<>()\[\]:;,\\|\"])[^\s<>()\[\]:;,@\\|\"]+…?\Z")


def masked(text: str, *, users: bool = True) -> str:
    """One text with the local part of each address in it masked. users: also the names of accounts, as servers note them; not in sentences of ours.

    >>> masked("from ann@example.com to <lena+x=example.org@lists.example.net>")
    'from ***@example.com to <***@lists.example.net>'
    >>> masked("spf=pass smtp.mailfrom=ann@example.com; (Authenticated sender: ann)")
    'spf=pass smtp.mailfrom=***@example.com; (Authenticated sender: ***)'
    """
    if "=?" in text:
        text = _WORD.sub(_word, text)
    if "%40" in text or "=40" in text:
        text = _RUN.sub(_coded, text)
    if "@" in text or "&#64;" in text or "\uff20" in text:
        text = _LOCAL.sub(lambda m: m[0] if _KEPT.fullmatch(m[2]) else (m[1] or "") + MASK + m[3], text)
    return _USER.sub(lambda m: m[1] + MASK, text) if users else text


def _coded(run: re.Match[str]) -> str:
    last = None
    for last in _CODED.finditer(run[0]):  # noqa: B007  (the last one is wanted)
        pass
    return run[0] if last is None else MASK + run[0][last.start() :]


def _word(found: re.Match[str]) -> str:
    """An encoded word is masked where an address may be in it. RFC 2047."""
    try:
        plain = b"".join(part if isinstance(part, bytes) else part.encode() for part, _ in decode_header(found[0]))
    except Exception:
        return MASK
    return MASK if b"@" in plain else found[0]


def redacted(value: Any, key: str = "") -> Any:
    """The same answer, each text in it masked. Names of fields stay as they are."""
    if isinstance(value, str):
        out = masked(value, users=key in FOREIGN)
        if key in FOREIGN and (value.endswith("…") or len(value) in CUTS or (key == "shown" and len(value) >= min(CUTS))):
            out = _TAIL.sub(_cut, out)
        return out
    if isinstance(value, Mapping):
        return {k: redacted(v, key if key in ("properties", "values") else k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(v, key) for v in value]
    return value


def diagnosis(value: Diagnosis) -> Diagnosis:
    """The same diagnosis with the local part of every address masked, for whatever is made of it: JSON, text, Markdown. Pure.

    A record to publish is left as it is: it stands in the DNS for everybody, and with a mask in it it would be a wrong one. Places within the
    reply are those of the masked reply; places in what was pasted are left out.
    """
    return replace(value, failures=tuple(_failure(one) for one in value.failures), source=masked(value.source, users=False))


def _failure(value: Failure) -> Failure:
    bounce: Bounce = _model(value.bounce)
    if bounce.recipient and "@" not in bounce.recipient:
        bounce = replace(bounce, recipient=MASK)
    made: Failure = _model(replace(value, bounce=replace(bounce, input_span=None)))
    return replace(made, because=tuple(_placed(one, made.bounce.reply.text) for one in made.because))


def _placed(one: Because, text: str) -> Because:
    at = text.find(one.text)
    return replace(one, span=(at, at + len(one.text)) if at >= 0 else (0, 0), input_span=None)


def _model(value: Any, key: str = "") -> Any:
    """A value of model/ with each text in it masked; its own words (keys, names of rules) are no addresses and stay."""
    if isinstance(value, Enum | Record):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: _model(getattr(value, one.name), one.name) for one in fields(value) if one.init})
    if isinstance(value, str):
        return redacted(value, key)
    if isinstance(value, Mapping):
        return {name: _model(one, key) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_model(one, key) for one in value)
    return value


def _cut(found: re.Match[str]) -> str:
    """The last word of a text that was cut: the rest of an address may be missing. What ends a date or a sentence stays."""
    return found[0] if re.fullmatch(r"[+-]?[0-9:.]{1,12}|[a-z]{1,12}=[a-z]{1,12}", found[0]) else MASK
