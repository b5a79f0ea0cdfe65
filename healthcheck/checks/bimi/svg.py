"""A logo, held against SVG Tiny Portable/Secure. Pure; raises nothing; nothing outside the file is ever read, and no entity is expanded.

Standard: draft-svg-tiny-ps-abrotman (the profile), SVG Tiny 1.2 (the elements that there are); data/bimi.toml has the lists and the sizes.
"""

from __future__ import annotations

import base64
import hashlib
import re
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from xml.parsers import expat

from ...catalog import DATA

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
MOST = 1 << 19  # octets that are read of a file that was compressed
SHOWN = 8

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_OUTSIDE = re.compile(r"url\(\s*+['\"]?+\s*+(?!#)", re.IGNORECASE)  # possessive: a long run of spaces is read once


@cache
def known() -> Mapping[str, Mapping[str, Any]]:
    """data/bimi.toml, read once."""
    return tomllib.loads((DATA / "bimi.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Logo:
    """One logo. problems: (reason, what was found) that keep receivers from showing it; advice: what some of them ask for besides.

    octets and sha256 are those of the file as it was served, opened where it was compressed.
    image: the file as a data: URI, for a page to show; "" where it has problems or is larger than it should be.
    """

    octets: int
    sha256: str
    title: str = ""
    problems: tuple[tuple[str, str], ...] = ()
    advice: tuple[tuple[str, str], ...] = ()
    image: str = ""


def opened(body: bytes) -> bytes | None:
    """The file itself where it was compressed by gzip (svgz, RFC 1952); None where that is broken or too much. Pure."""
    if body[:2] != b"\x1f\x8b":
        return body
    try:
        reader = zlib.decompressobj(31)
        out = reader.decompress(body, MOST)
    except zlib.error:
        return None
    return out if reader.eof else None


def read(body: bytes) -> Logo:
    """Hold a file against the profile. Pure; never raises. Cost: a few milliseconds."""
    data = opened(body)
    if data is None:
        return Logo(len(body), hashlib.sha256(body).hexdigest(), problems=(("compression", ""),))
    reader = _Reader()
    reader.read(data)
    advice = [*reader.advice]
    if len(data) > known()["svg"]["octets"]:
        advice.insert(0, ("large", str(len(data))))
    problems, more = tuple(dict.fromkeys(reader.problems))[:SHOWN], tuple(dict.fromkeys(advice))[:SHOWN]
    image = "data:image/svg+xml;base64," + base64.b64encode(data).decode() if not problems and len(data) <= known()["svg"]["octets"] else ""
    return Logo(len(data), hashlib.sha256(data).hexdigest(), reader.title.strip()[:200], problems, more, image)


class _Refused(Exception):
    """The file declares what is not read."""


@dataclass(slots=True)
class _Reader:
    """One walk through a file, element by element; keeps no tree."""

    problems: list[tuple[str, str]] = field(default_factory=list)
    advice: list[tuple[str, str]] = field(default_factory=list)
    title: str = ""
    path: list[str] = field(default_factory=list)
    titles: int = 0

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = lambda _: self.path.pop()
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._entity
        parser.ProcessingInstructionHandler = self._instruction
        try:
            parser.Parse(data, True)
        except _Refused:
            self.problems.append(("entities", ""))
            return
        except (expat.ExpatError, ValueError, LookupError) as error:
            self.problems.append(("not-svg", str(error)[:120]))
            return
        if self.titles == 0 or not self.title.strip():
            self.problems.append(("no-title", ""))
        elif len(self.title.strip()) > known()["svg"]["title"]:
            self.advice.append(("long-title", str(len(self.title.strip()))))

    def _entity(self, *_: object) -> None:
        # a few of them can stand for gigabytes, or for a file of whoever reads
        raise _Refused

    def _instruction(self, target: str, _: str) -> None:
        if target.lower() == "xml-stylesheet":
            self.problems.append(("style", f"<?{target}?>"))

    def _text(self, text: str) -> None:
        if self.path == ["svg", "title"] and len(self.title) < 1000:
            self.title += text

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        space, _, name = tag.rpartition(" ")
        if not self.path:
            self._root(space, name, attributes)
        elif space != SVG:
            self.problems.append(("foreign", name[:60]))
        else:
            self._element(name)
        if name == "title" and self.path == ["svg"]:
            self.titles += 1
        self.path.append(name if space == SVG else f"?{name}")
        for key, value in attributes.items():
            self._attribute(key, value)

    def _element(self, name: str) -> None:
        lists = known()["svg"]
        if name not in lists["elements"]:
            kind = next((k for k in ("script", "moving", "media") if name in lists[k]), "style" if name == "style" else "element")
            self.problems.append((kind, f"<{name[:60]}>"))

    def _attribute(self, key: str, value: str) -> None:
        space, _, name = key.rpartition(" ")
        local = value.strip()
        if name == "href" and space in ("", XLINK):
            if local.lower().startswith("data:"):
                self.problems.append(("media", f"{name}={local[:30]}"))
            elif not local.startswith("#"):
                self.problems.append(("reference", f"{name}={local[:60]}"))
        elif not space and name.startswith("on"):
            self.problems.append(("script", f"{name[:30]}="))
        elif not space and name == "style":
            self.problems.append(("style", f"{name}="))
        elif _OUTSIDE.search(value):
            self.problems.append(("reference", f"{name[:30]}={local[:60]}"))

    def _root(self, space: str, name: str, attributes: dict[str, str]) -> None:
        if name != "svg" or space != SVG:
            self.problems.append(("root", f"<{name[:60]}>"))
            return
        if (version := attributes.get("version", "")) != "1.2":
            self.problems.append(("version", version[:30]))
        if (profile := attributes.get("baseProfile", "")) != "tiny-ps":
            self.problems.append(("profile", profile[:30]))
        for key in ("x", "y"):
            if key in attributes:
                self.problems.append(("position", f"{key}={attributes[key][:30]}"))
        self._shape(attributes)

    def _shape(self, attributes: dict[str, str]) -> None:
        sides = [attributes.get("width", ""), attributes.get("height", "")]
        pixels = [_number(side.strip().removesuffix("px")) for side in sides]
        box = [_number(n) for n in re.split(r"[\s,]+", attributes.get("viewBox", "").strip())]
        if len(box) == 4 and None not in box:
            width, height = box[2], box[3]
        else:
            width, height = pixels
        if width is None or height is None or width <= 0 or height <= 0:
            self.problems.append(("no-size", attributes.get("viewBox", "")[:60]))
        elif abs(width - height) > 0.001 * max(width, height):
            self.problems.append(("not-square", f"{width:g} x {height:g}"))
        if any(side and pixel is None for side, pixel in zip(sides, pixels, strict=True)):
            self.advice.append(("relative-size", " x ".join(sides)[:60]))
        elif any(pixel is not None and pixel < known()["svg"]["side"] for pixel in pixels):
            self.advice.append(("small", " x ".join(sides)[:60]))


def _number(text: str) -> float | None:
    return float(text) if len(text) <= 40 and _NUMBER.fullmatch(text) else None
