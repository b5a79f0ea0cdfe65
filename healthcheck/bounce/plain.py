"""What is no mail: a transcript, log lines, a notice without its header, replies, a phrase. The first reader that recognises its own answers."""

from __future__ import annotations

import re
from dataclasses import replace

from ..model import Kind
from .build import Reading, bounce_of
from .formats import MAX_NOTICE, Found
from .formats import logs as log_lines
from .formats.blocks import angle, exchange2003
from .formats.cues import cued, exchange, weight
from .formats.entries import beside_replies
from .formats.html import html_text, is_html
from .formats.notices import has
from .formats.paste import unbolded, uncoloured, uncut, unescaped, without_entities
from .formats.session import of_transcript, sendmail, transcript
from .formats.whom import whom
from .formats.wrapped import wrapped
from .lines import PHRASE_LIMIT, alone_above, coded_line, pasted_replies, recipient_of

LEAST_WORDS = 30  # characters of a reply that is more than its codes


def read_plain(text: str) -> Reading:
    """The Reading of a text that is no mail; UNRECOGNISED, with what was looked for, where nothing fits. Pure; never raises."""
    text = uncoloured(html_text(text) if is_html(text) else without_entities(text))[:MAX_NOTICE]
    if "\n" in text:
        text = uncut(text)
    return _session(text) or _logged(text) or _unlogged(unbolded(unescaped(beside_replies(text) if "\n" in text else text)))


def _unlogged(text: str) -> Reading:
    low = text.casefold()
    return _programs(text, low) or _notice(text, low) or _replies(text) or _phrase(text) or Reading(Kind.UNRECOGNISED, None, (), "", seems(text))


LETTER = 25  # words


def seems(text: str) -> str:
    """What a text of no known form seems to be, as a key of [unrecognised] in data/words.toml: "dns", "log", "code", "letter", or "text". Pure."""
    lines = [line.strip() for line in text[:20_000].split("\n") if line.strip()]
    if any(_DNS.match(line) for line in lines[:40]):
        return "dns"
    if sum(bool(_DATED.match(line)) for line in lines) * 2 > len(lines):
        return "log"
    if len(lines) > 2 and sum(line.endswith(_CODE_ENDS) or bool(_CODE.match(line)) for line in lines) * 2 > len(lines):
        return "code"
    return "letter" if sum(len(line.split()) for line in lines) >= LETTER else "text"


_DNS = re.compile(r"\"?v=(?:spf1|DMARC1|DKIM1|STSv1|TLSRPTv1)\b|[\w.*-]{1,255}\s{1,9}(?:\d{1,9}\s{1,9})?IN\s{1,9}(?:TXT|MX|A|AAAA|CNAME|NS|PTR|SOA)\s")
_DATED = re.compile(r"[\[<(]?(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d\d[./-]\w{2,3}[./-]\d{4}[ :]\d\d:\d\d)")
_CODE_ENDS = (";", "{", "}", "});", "):", "*/", "/>", "</div>")
_CODE = re.compile(
    r"(?:import|from|def|class|function|const|let|var|public|private|use|return|#include|package|if|for|while|else|echo|print|try|catch)\b.{0,80}[(={;:.\"'<]|</?\w{1,12}[ >]|//|\$\w{1,40} ?[-=]"
)


def _session(text: str) -> Reading | None:
    if "\n" not in text:
        return None
    exchanges = transcript(text)
    return Reading(Kind.TRANSCRIPT, None, tuple(bounce_of(one) for one in of_transcript(exchanges))) if exchanges else None


def _logged(text: str) -> Reading | None:
    logged = log_lines.of_text(text)
    return Reading(Kind.LOG, logged[0][0], tuple(bounce_of(one) for _, one in logged)) if logged else None


def _programs(text: str, low: str) -> Reading | None:
    """The exception of a library, the pop-up of a mail program."""
    found = wrapped(text, low)
    return _answered(Kind.REPLY, found, text) if found else None


def _notice(text: str, low: str) -> Reading | None:
    """A notice whose header was not pasted: blocks with an address each, or cues for one."""
    if "@" not in text and ">: host " not in text and "---" not in text:
        return None
    found = angle(text) or (sendmail(text) if "---" in text else []) or exchange(text) or exchange2003(text)
    if not found and len(low) == len(text):
        found = cued(text, low) if has(low, "phrase", "words") else []
        if len(found) == 1 and weight(found[0].text) < 2:
            found[0].text = _apart(text) or found[0].text
        for one in found:
            one.text = one.text or " ".join(text.split())[:PHRASE_LIMIT]
    if not any(one.text for one in found):
        return None
    return Reading(Kind.BOUNCE if "\n" in text.strip() else Kind.REPLY, None, tuple(bounce_of(one, default="") for one in found))


def _apart(text: str) -> str:
    """The reply that stands apart from the address; all of a short text where that is a bare code, as of a list "Code: 550"."""
    opening = pasted_replies(text, strict=True)
    if len(opening) == 1 and len(opening[0].text) < LEAST_WORDS and len(text) <= PHRASE_LIMIT:
        return text
    return "\n".join(one.text for one in opening) or coded_line(text)


def _replies(text: str) -> Reading | None:
    found = pasted_replies(text)
    return _answered(Kind.REPLY, found, text) if found else None


def _answered(kind: Kind, found: list[Found], text: str) -> Reading:
    """Replies as they stand; the recipient of one alone may be named anywhere in the text."""
    if len(found) == 1 and found[0].recipient is None:
        said = found[0].text
        found[0].recipient = whom(text) or (None if said in text else whom(said)) or alone_above(text, said)
    return Reading(kind, None, tuple(bounce_of(one, default="") for one in found))


def _phrase(text: str) -> Reading | None:
    """A short text without a code in the words of a bounce; or the body of what answers ours and is no bounce, without its header."""
    bare = " ".join(text.split())
    if len(bare) <= PHRASE_LIMIT and has(f"{bare.casefold()} ", "phrase", "words") and seems(text) not in ("code", "dns"):
        low = bare.casefold()
        notice = "challenge" if has(low, "challenge", "bodies") else "auto-reply" if has(low, "auto_reply", "bodies") else ""
        return Reading(Kind.PHRASE, None, (replace(bounce_of(Found(recipient_of([text.strip()]), text.strip())), notice=notice),))
    for table, notice in (("challenge", "challenge"), ("auto_reply", "auto-reply"), ("complaint", "complaint")):
        if has(bare[:600].casefold(), table, "bodies"):
            answer = replace(bounce_of(Found(None, bare[:PHRASE_LIMIT])), notice=notice)
            return Reading(Kind.REPORT if notice == "complaint" else Kind.BOUNCE, notice, (answer,))
    return None
