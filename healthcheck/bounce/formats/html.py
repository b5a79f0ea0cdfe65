"""The words of a text that is HTML, as a web mail or a decorated report gives it. Linear, never raises."""

from __future__ import annotations

import re
from html import unescape

MAX_HTML = 250_000
_BREAK = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/?h[1-6]|/?table|/?ul|/?ol|/?pre|/?blockquote|hr)(?:[\s/][^<>]{0,2000})?>", re.IGNORECASE)
_CELL = re.compile(r"</t[dh]\s{0,4}>", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z!][A-Za-z0-9:-]{0,40}(?:\s[^<>]{0,8000})?/?>")


def _without(html: str) -> str:
    """HTML without what is not shown: comments, style, script, the head. An element that does not end goes on to the end."""
    for start, end in (("<!--", "-->"), ("<style", "</style"), ("<script", "</script"), ("<head>", "</head"), ("<title", "</title")):
        low = html.lower()
        if len(low) != len(html) or start not in low:
            continue
        kept, at = [], 0
        while (opening := low.find(start, at)) >= 0:
            kept.append(html[at:opening])
            closing = low.find(end, opening)
            at = (closing + len(end) if end == "-->" else low.find(">", closing) + 1) if closing >= 0 else len(html)
            if at <= 0:
                at = len(html)
        html = " ".join([*kept, html[at:]])
    return html


def is_html(text: str) -> bool:
    """Whether a text is the source of an HTML page: tags, with hardly a line before the first (further down they are of a mail that came back)."""
    if "<" not in text[:3000]:
        return False
    low = text.lstrip()[:3000].lower()
    found = _HTML.search(low)
    return found is not None and low.count("\n", 0, found.start()) < 5


_HTML = re.compile(r"<(?:html|body|div|table|br|p>|p |span|!doctype html)")


def html_text(html: str) -> str:
    """The words of an HTML text, a line for each block. An address in angle brackets stays."""
    html, _, below = html[:MAX_HTML].partition("</html>")  # what was pasted below a page is no HTML
    text = _without(html)
    if "<pre" not in text.lower():
        text = text.replace("\n", " ")
    text = unescape(_TAG.sub("", _CELL.sub(" ", _BREAK.sub("\n", text))))
    return "\n".join(" ".join(line.split()) for line in text.replace("\xa0", " ").split("\n")) + below
