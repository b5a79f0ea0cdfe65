"""SMTP replies inside text: the code, the enhanced code, continuation lines, replies inside replies.

The patterns here are run by `re`, which is ten times faster than RE2 on a line: each repeats single characters only, and is
put to at most MAX_REPLY characters, so that no text takes them longer than a few milliseconds.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice

from ..model import Reply
from .formats import data

MAX_REPLY = 4000
MAX_OPENED, MAX_NAMED = 2000, 200

# RFC 3463 section 2: class 2, 4 or 5, subject and detail of one to three digits. Registered subjects go from 0 to 7.
ENHANCED = re.compile(r"(?<![0-9.A-Za-z/=_])(?<!\d-)([245])\.([0-7])\.(\d{1,3})(?![0-9]|\.\d|[A-Za-z])")
# What stands before the version of a program, which looks like an enhanced code.
_VERSION = re.compile(r"(?i)(?:\bv|\bver\.?|\bversion|exim|postfix|sendmail|zimbra|exchange|server|smtp|mta|release|build|python|openssl)[ /:v]{1,2}\Z")
_START = re.compile(r"[\s\"'<(\[#*>]{0,6}([2-5]\d\d)(?=[ \-\t:;,.)'\"\]#]|$)")
_BESIDE = re.compile(r"(?<![\d.\-/A-Za-z])([245]\d\d)[ \-]{1,3}[#(\[<'\"]{0,2}([245])\.[0-7]\.\d{1,3}(?![\d.])")
# A code after a word that announces one: the code is looked for first, since it is rarer than the words.
_UNITS = r"[ -]?(?i:k|mb|gb|kb|bytes|px|days?|hours?|h|s|ms|seconds?|minutes?|messages|mails|e-?mails|recipients|connections|people|users|of|per|and|or)\b"
_ANNOUNCED = re.compile(rf"(?<=[ \t:;=\"'(#<>\[\-：（败敗误誤绝信息因示ー])([45]\d\d|2(?:00|11|14|2[01]|35|5[0-3]))(?=[ \-:;,.)'\"\]#]|$)(?!{_UNITS})")
_ASIDE = " \t:;=\"'(#<>[-：（"  # what may stand between such a word and the code
_THREE = re.compile(r"[245]\d\d")
_KNOWN = "4(?:21|22|2[3-9]|3[0-9]|4[0-9]|5[0-9]|71)|5(?:0[0-9]|1[0-9]|2[0-9]|3[0-9]|4[0-9]|5[0-9]|7[0-9]|9[0-9])"
_LOOSE = re.compile(rf"(?<![\w.\-/=@:+#$%])(?<!\w\[)({_KNOWN})(?=[ :;,)'\"\]\-]|$)(?!-\d| \d|{_UNITS})")
# A code that opens a quotation, or follows a host or an address that something was said by or of: "lena@example.com: 554 …", "mx.example.com #550 …".
_OPENED = re.compile(
    rf"(?:[\"'“„«‘`>\](*]|« |[A-Za-z]\.[A-Za-z]{{2,24}}[>)\]\"']{{0,3}} ?(?:->|=>|→|[:#–-]) ?[\"'“]?)(?<!\w')(4(?:21|5[0-4]|71)|5(?:2[1-3]|3[0-58]|5[0-7]|7[01]))(?=[ -](?:[A-Za-z<\[(#]|\d [A-Z]))(?!{_UNITS})"
)
_AFTER = re.compile(r"[ \-:;,.\t]{0,3}[#(\[<'\"]{0,2}(?:(?i:x|smtp;)\s?)?([245]\.[0-7]\.\d{1,3})(?![\d]|\.\d)")


def find_enhanced(text: str, code: int | None = None, *, beside: int = -1) -> str | None:
    """The enhanced status code in a text. `beside`: where the reply code ends; a code right after it wins.

    Otherwise the first one whose class is the reply code's; without a reply code the first. RFC 3463, RFC 2034 section 4.

    >>> find_enhanced("550 5.7.1 relay 5.1.1.9 refused")
    '5.7.1'
    """
    if beside >= 0 and (after := _AFTER.match(text, beside)):
        return after.group(1)
    if "." not in text:
        return None
    first = None
    for found in ENHANCED.finditer(text):
        if _VERSION.search(text, max(0, found.start() - 16), found.start()):
            continue
        if code is None or found.group(1) == str(code)[0]:
            return found.group(0)
        first = first or found.group(0)
    return first


def find_code(text: str, *, loose: bool = True) -> tuple[int | None, int, int]:
    """The reply code in a text with its place: (code, from, to), or (None, -1, -1).

    At the start; else beside an enhanced code; else after a word that announces one; else, where `loose`, a known code that stands alone.
    RFC 5321 section 4.2.
    """
    found = _START.match(text)
    if not found:
        if not _THREE.search(text):
            return None, -1, -1
        found = _BESIDE.search(text) or next(_named(text), None) or _OPENED.search(text[:MAX_OPENED])
        if found and found.group(1)[0] == "2":  # "expected code 250 but got code 552": a text that names two is about the other
            found = next((other for other in chain(_BESIDE.finditer(text), _named(text)) if other.group(1)[0] != "2"), found)
    if not found and loose:
        found = _LOOSE.search(text[:600])
    if not found:
        return None, -1, -1
    return int(found.group(1)), found.start(1), found.end(1)


def _named(text: str) -> Iterator[re.Match[str]]:
    return (found for found in islice(_ANNOUNCED.finditer(text), MAX_NAMED) if announced(text[max(0, found.start() - 32) : found.start()]))


@cache
def _announcers() -> tuple[str, ...]:
    return tuple(data()["reply"]["announces"])


def announced(before: str) -> bool:
    """Whether a text ends with a word after which the code of a reply follows, and what may stand between them."""
    bare = before.rstrip(_ASIDE)
    if not 0 <= len(before) - len(bare) <= 4:
        return False
    low = bare.casefold()
    if low.endswith(_announcers()):  # among them "code" and "message", so that "error code 550" needs no more
        return True
    number = low.rstrip("0123456789")
    return number != low and number.endswith("mail ")


_LINE = re.compile(r"\s*(?:<<<\s*|S:\s*)?([2-5]\d\d)(?:([- ])\s?(?:#?([245]\.\d{1,3}\.\d{1,3})(?:\s|$|(?=[^\d.])))?|$)")


def join_lines(lines: list[str]) -> str:
    """The lines of one reply as one text: continuation lines joined by a space, repeated codes dropped. RFC 5321 section 4.2.1.

    >>> join_lines(["550-5.7.26 Not signed;", "550 5.7.26 see example.com"])
    '550 5.7.26 Not signed; see example.com'
    """
    out: list[str] = []
    code = enhanced = None
    for line in map(str.strip, lines):
        found = _LINE.match(line) if line[:1].isdigit() or line[:1] in "<S" else None
        if found and code is None and not out:
            code, enhanced = found.group(1), found.group(3)
            out.append(f"{code} {line[found.end(1) + 1 :].lstrip()}".rstrip() if found.group(2) == "-" and len(lines) > 1 else line)
        elif found and found.group(1) == code and (found.group(3) == enhanced or not found.group(3)):
            out.append(line[found.end() :].lstrip())
        else:
            out.append(line)
    return _drop_repeats(" ".join(line for line in out if line))


# "There are two To 550-5.7.1 headers": a reply of several lines that lost its head
_TORN = re.compile(r"([A-Za-z][^\d:;,=]{8,300}[A-Za-z,]) ([45]\d\d)-([45]\.\d\.\d{1,3}) ([a-z][^\d].{0,3000})\Z")


def _drop_repeats(text: str) -> str:
    """Drop codes of continuation lines that a relay left standing in the middle of a text that it wrapped anew."""
    found = _START.match(text) or _BESIDE.search(text)
    if not found:
        return text
    if (torn := _TORN.match(text)) is not None and not text.startswith(found.group(0)):
        return f"{torn.group(2)} {torn.group(3)} {torn.group(1)} {torn.group(4)}"
    code, end = found.group(1), found.end(1)
    if text.count(code, end) == 0:
        return text
    after = _AFTER.match(text, end)
    head = text[: after.end() if after else end]
    rest = text[len(head) :]
    if after:
        for mark in (f"{code}-{after.group(1)} ", f"{code} {after.group(1)} "):
            rest = rest.replace(" " + mark, " ")
    if text[end : end + 1] == "-" or f" {code}-" in rest:
        again = f" {code} " if text[end : end + 1] == "-" else None
        rest = rest.replace(f" {code}-", " ")
        if again:
            rest = rest.replace(again, " ")
    # "550 550 5.1.1": a relay put the code before the reply that has it already
    if not after and rest.lstrip(" -").startswith(code) and not rest.lstrip(" -")[3:4].isalnum():
        rest = rest.lstrip(" -")[3:]
        return f"{head} {rest.lstrip(' -')}"
    return " ".join((head + rest).split(" "))


# Words after which the reply of another server follows, as MTAs write them. For texts in lower case: each branch begins with a letter, so
# that the engine skips to those; a lookbehind at a branch's end says that it has to be a whole word.
_INNER = re.compile(
    r"(?:->|said:(?<!\wsaid:)|with message|responded as follows:|frontend with|last transfail:|last error:|refused to talk to me:|responded with(?: failure)?:?|remote server returned|other server returned was:|"
    r"response was:|response from the remote server was:|the remote server responded with:|returned the following error:|reason:(?<!\wreason:)|"
    r"reply:(?<!\wreply:)|stat=(?<!\wstat=)|deferred:|led=(?<!\wled=)|respon[sd]e:(?<!\wrespon[sd]e:)|"
    r"reply from remote:|smtp error from remote (?:mail )?server after [^:<]{1,40}(?::\s?<[^>]{0,320}>)?[^:]{0,60}:|mailer error:|remote host said:|"
    r"recipient [^ :@]{1,64}@[^ :]{3,255}:|exception:|server message:|were rejected:|rejected with:|message failed:|error message:|"
    r"smtp;|lmtp;|\{msg=|error:|minutes\.|host (?<!\whost )[^ ]{1,255} \[[0-9a-f.:]{3,45}\]:|error from remote mail server[^:]{0,80}:)"
    r"[ ]{0,2}[<\"'“(\[#]{0,3}[ ]?(?:(?:smtp|lmtp);\s?)?(?=(?:#)?[245]\d\d[ \-:;,.\"']|#?[245]\.[0-7]\.\d{1,3}[ \-:;])"
)
# What every match of _INNER ends with: most replies have no code after such a sign, and so no reply inside.
_TOKEN = re.compile(r"#?[245](?:\d\d[ \-:;,.\"']|\.[0-7]\.\d{1,3}[ \-:;])")
_SIGNS = frozenset(":>;=.hedHED")
# "5.1.0 - Unknown address error 550-'5.1.1 …'": how AsyncOS (IronPort, Amazon SES of old) hands on a reply.
_QUOTED = re.compile(r"([245]\d\d)-'(.{0,3000})'")
_IN_REPLY = re.compile(r"\s*\(in reply to ([A-Za-z ]{2,40}?) ?command\)|\s*\(in reply to (end of [A-Za-z ]{2,20}|unknown command|initial server greeting)\)")
_HOST_SAID = re.compile(r"(?i)\bhost ([A-Za-z0-9_.\-]{1,255})\s?\[([0-9A-Fa-f.:]{3,45})\]")
_TALKING = re.compile(
    r"(?i)(?:while talking to|conversation with|connect to|connected to|connection to|rejected by|message rejected by:) ([A-Za-z0-9_\-]{1,63}(?:\.[A-Za-z0-9_\-]{1,63}){1,9})"
)
_AFTER_COMMAND = re.compile(
    r"(?i)\bafter (?:pipelined |sending )?(initial connection|ehlo|helo|mail from|rcpt to|end of data|data|starttls|connection|sending data|connect)"
)

_STAGES = (
    ("rcpt", "rcpt"),
    ("mail", "mail"),
    ("data", "data"),
    ("message body", "data"),
    ("bdat", "data"),
    ("ehlo", "helo"),
    ("helo", "helo"),
    ("lhlo", "helo"),
    ("starttls", "helo"),
    ("auth", "helo"),
    ("greeting", "connect"),
    ("connect", "connect"),
)


def stage_of(words: str) -> str | None:
    """The stage that an SMTP command, or an MTA's words for it, belong to: connect | helo | mail | rcpt | data."""
    low = words.lower()
    return next((stage for mark, stage in _STAGES if mark in low), None)


@dataclass(frozen=True, slots=True)
class Read:
    """A reply with what its wrapping tells."""

    reply: Reply
    host: str | None = None
    stage: str | None = None


def read_reply(text: str, *, status: str | None = None, loose: bool = True) -> Read:
    """The innermost reply in a text of one or more lines, the outer one in `wrapped_by`.

    `status` (a DSN's Status field) fills reply.enhanced only where the text has no enhanced code. Pure; never raises.

    >>> read_reply("host mx.example.com[192.0.2.1] said: 550 5.1.1 <lena@example.com> unknown (in reply to RCPT TO command)").reply.enhanced
    '5.1.1'
    """
    text = text[: MAX_REPLY * 2]
    joined = join_lines(text.split("\n")) if "\n" in text else _drop_repeats(" ".join(text.split()))
    joined = joined[:MAX_REPLY]
    stage = None
    if "(in reply to " in joined and (found := _IN_REPLY.search(joined)):
        stage = stage_of(found.group(1) or found.group(2))
        joined = _IN_REPLY.sub("", joined)
    low = joined.lower()
    return Read(_layers(joined, low, status, loose), _host_in(joined, low), stage or _stage_in(joined, low))


def stage_in(text: str) -> str | None:
    """The stage that the words around a reply name. Pure."""
    joined = " ".join(text[:MAX_REPLY].split())
    found = _IN_REPLY.search(joined) if "(in reply to " in joined else None
    return stage_of(found.group(1) or found.group(2)) if found else _stage_in(joined, joined.lower())


def _stage_in(text: str, low: str) -> str | None:
    if "refused to talk to me" in low:
        return "connect"
    found = _AFTER_COMMAND.search(text) if "after " in low else None
    return stage_of(found.group(1)) if found else None


def _host_in(text: str, low: str) -> str | None:
    if "host " in low and "[" in text and (found := _HOST_SAID.search(text)):
        return found.group(1)
    if ("connect" in low or "talking to" in low or "conversation" in low or "rejected by" in low) and (found := _TALKING.search(text)):
        return found.group(1).rstrip(".")
    return None


def _between(text: str, low: str) -> str:
    """Of Exim's "503 … all RCPT commands were rejected with this error: …" the error, without the words about the command that came too early."""
    table = data()["reply"]
    at = next((place + len(mark) for mark in table["all_refused"] if (place := low.find(mark)) >= 0), -1)
    if at < 0 or len(low) != len(text):
        return text
    end = next((place for mark in table["then"] if (place := low.find(mark, at)) >= 0), len(text))
    return text[at:end].strip()


def _layers(text: str, low: str, status: str | None, loose: bool) -> Reply:
    if "with this error:" in low and (between := _between(text, low)):
        text, low = between, between.lower()
    inner = None
    until = len(text)
    if "sender" in low or "verif" in low:
        until = min((at for words in data()["reply"]["about_sender"] if (at := low.find(words)) >= 0), default=until)
    last = deque(_INNER.finditer((low if len(low) == len(text) else text)[:until]), maxlen=1) if _may_hold(text) else deque()
    if last and last[0].end() < len(text):
        inner, outer = _drop_repeats(_trimmed(text[last[0].end() :], text[: last[0].end()])), text[: last[0].start()]
    if "-'" in text and (found := _QUOTED.search(inner if inner is not None else text)):
        whole = inner if inner is not None else text
        outer = text if inner is None else outer
        inner, outer = _trimmed(f"{found.group(1)} {found.group(2)}", ""), whole[: found.start()] if inner is None else f"{outer} {whole[: found.start()]}"
    if inner is None:
        return _one(_trimmed(text, ""), status, loose)
    if "sasl authentication failed" in low:  # of our own relay: what it answered says less than whom it answered
        reply = _one(inner, status, loose)
        return Reply(reply.code, reply.enhanced, text)
    around = _one(outer.strip(" (\"'<#{["), None, False)
    kept = around if around.code is not None or around.enhanced is not None else None
    reply = _one(inner, status, loose)
    if kept is not None and reply.code is None and reply.enhanced is not None and kept.enhanced is None and outer.rstrip(" ,;|").endswith(f" {kept.code}"):
        return Reply(kept.code, reply.enhanced, f"{kept.code} {reply.text}")  # "SMTP code: 550, response: 5.1.1 …" is one reply
    return Reply(reply.code, reply.enhanced, reply.text, kept)


def _may_hold(text: str) -> bool:
    return any(text[max(0, found.start() - 8) : found.start()].rstrip(" <\"'“([#{")[-1:] in _SIGNS for found in _TOKEN.finditer(text))


def _trimmed(text: str, before: str) -> str:
    """Drop what the wrapping put around a reply: quotes, brackets, Exchange's # and ##."""
    text = text.strip()
    for mark in ("##rfc822;", " ##", "}; {", "};{"):
        cut = text.find(mark)
        if cut > 0:
            text = text[:cut].rstrip()
    if text.startswith(("#5", "#4", "#2")):
        text = text[1:]
    if text.startswith(("smtp;", "SMTP;", "lmtp;")):
        text = text[5:].lstrip()
    around = before.rstrip()
    for opening, closing in _PAIRS if around[-1:] in _OPENING else ():
        if around.endswith(opening) and (end := text.rfind(closing)) > 0 and text.count(opening) < text.count(closing) + (opening == closing):
            text = text[:end].rstrip()
    if text[:1] in "'\"" and text[-1:] == text[:1]:
        text = text[1:-1].strip()
    for opening, closing in ("''", "<>", "()", '""', "[]") if text[-1:] in _CLOSING else ():
        odd = text.count(opening) % 2 if opening == closing else text.count(closing) > text.count(opening)
        if text.endswith(closing) and odd:
            text = text[:-1].rstrip()
    return text


_PAIRS = (("'", "'"), ('"', '"'), ("“", "”"), ("(", ")"), ("<", ">"), ("[", "]"), ("{", "}"))
_OPENING, _CLOSING = frozenset("'\"“(<[{"), frozenset("'>)\"]")


def _one(text: str, status: str | None, loose: bool) -> Reply:
    code, _, end = find_code(text, loose=loose)
    enhanced = find_enhanced(text, code, beside=end)
    return Reply(code, enhanced or status, text)


_STATUS = re.compile(r"\s{0,9}([245]\.\d{1,3}\.\d{1,3})")


def status_of(field: str) -> str | None:
    """The code of a DSN's Status field, its comment dropped. RFC 3464 section 2.3.4."""
    found = _STATUS.match(field)
    return found.group(1) if found else None
