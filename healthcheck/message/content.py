"""What a message must have so that receivers take it, and what they ask of bulk mail: findings with the lines that show it.

Evidence is an Answer of the type "header": the field's name, and the lines with this name; NODATA where the message has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..bounce.formats import clean
from ..bounce.formats.mime import words
from ..model import Answer, Finding, Outcome, Signature, Status
from . import data
from .dates import read_date
from .fields import Field
from .parse import Pasted
from .way import Way, same_side

MAX_LINES = 5  # of one name that are shown
MAX_LINE = 300
MAX_LENGTH = 998  # RFC 5322 section 2.1.1: characters of a line
AHEAD = 3600.0  # seconds by which Date may lie after the first server's clock
BEHIND = 7 * 86400.0  # and before it
CLIPPED = 102 * 1024  # octets of HTML from which on Gmail shows only the beginning
# RFC 5322 section 3.6: fields of which a message has one at most
SINGLE = ("date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject")


def findings(pasted: Pasted, way: Way, signatures: Sequence[Signature] = ()) -> tuple[Finding, ...]:
    """What the header of a message, and its size, say against its being taken. Pure, never raises.

    signatures   as verified, or as far as they could be: one-click unsubscribe has to be covered by one that is valid
    Returns at least one finding for From, the identification fields and the unsubscribe header each, a PASS where it is in order.
    Of returned headers that were cut, what is not there may have been there: then nothing is called missing.
    Standard: RFC 5322 section 3.6, RFC 8058, RFC 2369, RFC 9989 section 4.
    """
    if not pasted.fields:
        return ()
    subject = _subject(pasted)
    out = [*_from(pasted, subject), *_reply_to(pasted, subject), *_identity(pasted, way, subject), *_repeated(pasted, subject)]
    out += [*_unsubscribe(pasted, signatures, subject), *_feedback(pasted, subject), *_size(pasted, subject)]
    return tuple(out)


def lines(pasted: Pasted, *names: str) -> tuple[Answer, ...]:
    """The fields of these names as evidence; NODATA where there is none."""
    out = []
    for name in names:
        found = pasted.all(name.lower())
        values = tuple(shortened(one.value) for one in found[:MAX_LINES])
        out.append(Answer(name, "header", Outcome.FOUND if found else Outcome.NODATA, values))
    return tuple(out)


def shortened(text: str) -> str:
    """What strangers wrote, at most MAX_LINE characters of it."""
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…"


def _subject(pasted: Pasted) -> str:
    """What the findings are about: the From domain, else the message."""
    return from_domain(pasted) or "message"


def addresses(value: str) -> list[str]:
    """The addresses in a From or To field, without names, groups and comments. RFC 5322 section 3.4. Linear.

    >>> addresses('"Doe, Jane" <jane@example.com> (work), lena@example.net')
    ['jane@example.com', 'lena@example.net']
    """
    out = []
    for part in _mailboxes(value[:8192])[:50]:
        # between angle brackets, where there are some; else the whole
        inside = part[part.rfind("<") + 1 :].partition(">")[0] if "<" in part else part.rpartition(":")[2].strip("; ")
        if "@" in inside and (bare := clean(inside)):
            out.append(bare)
    return out


def _mailboxes(value: str) -> list[str]:
    """The parts between commas, without comments; a comma in a quoted string or between angle brackets is none."""
    out, part = [], [""]
    depth, quoted, angled, skip = 0, False, False, False
    for c in value:
        if skip or (c == "\\" and (quoted or depth)):
            skip = not skip
        elif c == '"' and not depth:
            quoted = not quoted
        elif not quoted and c == "(":
            depth += 1
        elif not quoted and c == ")" and depth:
            depth -= 1
            continue
        elif not quoted and not depth and c in "<>":
            angled = c == "<"
        elif c == "," and not (quoted or depth or angled):
            out.append("".join(part))
            part = [""]
            continue
        if not depth:
            part.append(c)
    return [*out, "".join(part)]


def from_domain(pasted: Pasted) -> str | None:
    """The domain of From, lower case, A-labels where it had U-labels; None where there is not one From with one domain. RFC 9989 section 4.1."""
    found = pasted.all("from")
    domains = {one.rpartition("@")[2].lower().rstrip(".") for field in found for one in addresses(field.value)}
    if len(domains) != 1:
        return None
    domain = domains.pop()
    try:
        return domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def _cut(pasted: Pasted) -> bool:
    """May fields be missing that were there when the message was sent? A bounce may return some of them, a person may copy some."""
    there = {one.key for one in pasted.fields} & {"from", "to", "subject", "date", "message-id"}
    return "dsn-headers" in pasted.how or (not pasted.body.strip() and len(there) < 3)


# ------------------------------------------------------------------ From, Reply-To


def _from(pasted: Pasted, subject: str) -> Iterator[Finding]:
    found = pasted.all("from")
    evidence = lines(pasted, "From")
    if not found:
        if not _cut(pasted):
            yield Finding("MSG010", Status.FAIL, subject, {}, evidence)
        return
    if len(found) > 1:
        yield Finding("MSG011", Status.FAIL, subject, {"count": len(found)}, evidence)
        return
    named = addresses(found[0].value)
    if not named:
        yield Finding("MSG012", Status.FAIL, subject, {"value": shortened(found[0].value)}, evidence)
    elif len(named) > 1:
        yield Finding("MSG013", Status.WARN, subject, {"count": len(named), "addresses": named[:5]}, evidence)
    elif (shown := _shown_address(found[0].value, named[0])) is not None:
        yield Finding("MSG014", Status.WARN, subject, {"shown": shown, "address": named[0]}, evidence)
    else:
        yield Finding("MSG015", Status.PASS, subject, {"address": named[0]}, evidence)


_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")


def _shown_address(value: str, address: str) -> str | None:
    """An address of another organization in the name that people see beside the real one: how forged mail looks."""
    name = words(value[:8192]).rpartition("<")[0]
    found = _ADDRESS.search(name)
    return found[0] if found and not same_side(found[0].rpartition("@")[2], address.rpartition("@")[2]) else None


def _reply_to(pasted: Pasted, subject: str) -> Iterator[Finding]:
    found = pasted.all("reply-to")
    if len(found) != 1:
        return
    named, domain = addresses(found[0].value), from_domain(pasted)
    evidence = lines(pasted, "From", "Reply-To")
    if not named:
        yield Finding("MSG016", Status.WARN, subject, {"value": shortened(found[0].value)}, evidence)
        return
    others = [one for one in named if domain and not same_side(one.rpartition("@")[2], domain)]
    if others:
        yield Finding("MSG017", Status.NOTE, subject, {"reply_to": others[:5], "domain": domain}, evidence)


# ------------------------------------------------------------------ Message-ID, Date, fields that stand there twice

_MESSAGE_ID = re.compile(r"<([^<>\s@]{1,250})@([^<>\s@]{1,250})>")


def _identity(pasted: Pasted, way: Way, subject: str) -> Iterator[Finding]:
    found = [*_message_id(pasted, subject), *_date(pasted, way, subject)]
    if found:
        yield from found
    elif pasted.all("message-id") and pasted.all("date"):
        yield Finding("MSG020", Status.PASS, subject, {}, lines(pasted, "Message-ID", "Date"))


def _message_id(pasted: Pasted, subject: str) -> Iterator[Finding]:
    found = pasted.all("message-id")
    if not found:
        if not _cut(pasted):
            yield Finding("MSG021", Status.WARN, subject, {}, lines(pasted, "Message-ID"))
    elif len(found) == 1 and not _MESSAGE_ID.search(found[0].value):
        yield Finding("MSG022", Status.WARN, subject, {"value": shortened(found[0].value)}, lines(pasted, "Message-ID"))


def _date(pasted: Pasted, way: Way, subject: str) -> Iterator[Finding]:
    found = pasted.all("date")
    if not found:
        if not _cut(pasted):
            yield Finding("MSG023", Status.FAIL, subject, {}, lines(pasted, "Date"))
        return
    moment = read_date(found[0].value)
    if moment is None:
        yield Finding("MSG024", Status.WARN, subject, {"value": shortened(found[0].value)}, lines(pasted, "Date"))
        return
    # the receiver's clock, where it is known, else the first server's: an author's own server has the author's clock
    hop = way.hops[way.entry] if way.entry is not None else next(iter(way.hops), None)
    if hop is None or hop.at is None:
        return
    apart = moment.at - hop.at
    if apart > AHEAD or apart < -BEHIND:
        evidence = (*lines(pasted, "Date"), received_line(hop.text, hop.order))
        yield Finding(
            "MSG025", Status.WARN, subject, {"seconds": int(abs(apart)), "time": spell(abs(apart)), "direction": "after" if apart > 0 else "before"}, evidence
        )


def received_line(text: str, order: int) -> Answer:
    """A Received field as evidence: "Received 1" is the newest."""
    return Answer(f"Received {order + 1}", "header", Outcome.FOUND, (shortened(text),))


def spell(seconds: float) -> str:
    """A time as people say it: "2 h 5 min"; the two largest units.

    >>> spell(7500), spell(41), spell(200000)
    ('2 h 5 min', '41 s', '2 d 7 h')
    """
    left = int(abs(seconds))
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        number, left = divmod(left, size)
        if number or parts:
            parts.append(f"{number} {unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0 ")) or "0 s"


def _repeated(pasted: Pasted, subject: str) -> Iterator[Finding]:
    counts = {name: len(pasted.all(name)) for name in SINGLE if name != "from"}
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        named = [one.name for name in twice for one in pasted.all(name)[:1]]
        yield Finding("MSG026", Status.FAIL, subject, {"fields": named}, lines(pasted, *named))
    long = [one for one in pasted.fields if len(one.raw) > MAX_LENGTH and max(map(len, one.raw.split("\n"))) > MAX_LENGTH]
    if long and "unfolded" not in pasted.how and pasted.kind != "headers":
        yield Finding("MSG027", Status.WARN, subject, {"fields": sorted({one.name for one in long})[:5], "limit": MAX_LENGTH}, lines(pasted, long[0].name))


# ------------------------------------------------------------------ bulk mail


def bulk_signs(pasted: Pasted) -> tuple[Field, ...]:
    """The fields by which a message shows that it went to many: those of lists and of mail services (data/message.toml)."""
    marks = data()["bulk"]
    named = frozenset(marks["fields"])
    out = [one for one in pasted.fields if one.key in named]
    out += [one for one in pasted.fields if one.key == "precedence" and one.value.strip().lower() in marks["precedence"]]
    return tuple(out)


def _unsubscribe(pasted: Pasted, signatures: Sequence[Signature], subject: str) -> Iterator[Finding]:
    where, post = pasted.all("list-unsubscribe"), pasted.all("list-unsubscribe-post")
    signs = bulk_signs(pasted)
    evidence = lines(pasted, "List-Unsubscribe", "List-Unsubscribe-Post")
    shows = tuple(dict.fromkeys(one.name for one in signs if one.key not in ("list-unsubscribe", "list-unsubscribe-post")))[:4]
    values = {"signs": shows or ("nothing",)}
    if not where:
        if not _cut(pasted):
            yield Finding("MSG030", Status.WARN if shows else Status.NOTE, subject, values, (*evidence, *lines(pasted, *shows)))
        return
    links = re.findall(r"<\s*([^<>\s]{1,2000})\s*>", where[0].value)
    secure = [link for link in links if link.lower().startswith("https://")]
    if not links:
        yield Finding("MSG031", Status.WARN, subject, {"value": shortened(where[0].value), **values}, evidence)
    elif not post:
        yield Finding("MSG032", Status.WARN, subject, {"links": [shortened(link) for link in links[:3]], **values}, evidence)
    elif len(where) > 1 or len(post) > 1 or post[0].value.strip().lower() != "list-unsubscribe=one-click":
        # RFC 8058 section 3.1: one of each, and this very pair
        yield Finding("MSG033", Status.WARN, subject, {"value": shortened(post[0].value), **values}, evidence)
    elif not secure:
        # RFC 8058 section 3.1: one HTTPS URI; a mailto: may stand beside it
        yield Finding("MSG034", Status.WARN, subject, {"links": [shortened(link) for link in links[:3]], **values}, evidence)
    else:
        yield from _covered(pasted, signatures, subject, (*evidence, *lines(pasted, "DKIM-Signature")), secure[0])


def _covered(pasted: Pasted, signatures: Sequence[Signature], subject: str, evidence: tuple[Answer, ...], link: str) -> Iterator[Finding]:
    """RFC 8058 section 4: a valid signature has to cover both fields."""
    wanted = {"list-unsubscribe", "list-unsubscribe-post"}
    covering = [one for one in signatures if wanted <= {name.lower() for name in one.signed}]
    good = [one for one in covering if one.result == "pass"]
    open_ = [one for one in covering if one.result in ("unknown", "temperror") or one.reason in ("not-verified", "could-not-look-up")]
    values = {"link": shortened(link), "domains": list(dict.fromkeys(one.d for one in (good or open_ or covering or list(signatures))))[:5] or ["none"]}
    if good:
        yield Finding("MSG036", Status.PASS, subject, values, evidence)
    elif open_:
        yield Finding("MSG037", Status.UNKNOWN, subject, values, evidence)
    elif pasted.kind == "dsn" and not signatures:
        return  # taken before it was signed, or cut
    else:
        yield Finding("MSG035", Status.WARN, subject, values | {"state": "covered" if covering else "left-out" if signatures else "unsigned"}, evidence)


def _feedback(pasted: Pasted, subject: str) -> Iterator[Finding]:
    found = pasted.all("feedback-id")
    evidence = lines(pasted, "Feedback-ID")
    if found:
        # Gmail reads the last four parts; of these the last is the sender's own, of 5 to 15 characters, and has to be there
        last = found[0].value.rpartition(":")[2].strip()
        if len(found) > 1 or not 5 <= len(last) <= 15:
            yield Finding("MSG041", Status.NOTE, subject, {"value": shortened(found[0].value)}, evidence)
    elif bulk_signs(pasted) and not _cut(pasted):
        yield Finding("MSG040", Status.NOTE, subject, {}, evidence)


def _size(pasted: Pasted, subject: str) -> Iterator[Finding]:
    if pasted.whole_body and (html := _html_size(pasted)) > CLIPPED:
        yield Finding("MSG042", Status.NOTE, subject, {"octets": html, "limit": CLIPPED}, lines(pasted, "Content-Type"))


def _html_size(pasted: Pasted) -> int:
    """Octets of the HTML, as it is decoded."""
    if len(pasted.body) <= CLIPPED:
        return 0
    from ..bounce.formats import mime

    mail = mime.parse(pasted.raw.decode("latin-1").replace("\r\n", "\n"), utf8=False)
    return max((len(part.text.encode("utf-8", "replace")) for part in mail.of("text/html")), default=0)
