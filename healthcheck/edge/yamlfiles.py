"""Which YAML files are zones of octoDNS, of which zone, and how they write semicolons."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

EXTENSIONS = (".yaml", ".yml")
CONFIG = {"providers", "zones", "manager", "processors"}  # keys of octoDNS's own configuration
_RAW = re.compile(r"(?:v=(?:DMARC1|DKIM1|STSv1|TLSRPTv1|BIMI1)|k=rsa|p=\w+)\s*;", re.IGNORECASE)
_ESCAPED = re.compile(r"(?:v=(?:DMARC1|DKIM1|STSv1|TLSRPTv1|BIMI1)|k=rsa|p=\w+)\s*\\{1,2};", re.IGNORECASE)
_SETTING = re.compile(r"^\s*escaped_semicolons:\s*(true|false)\b", re.IGNORECASE | re.MULTILINE)


def is_yaml(path: str | Path) -> bool:
    return str(path).lower().endswith(EXTENSIONS)


def origin_of(path: str | Path) -> str:
    """The zone that a file, or the folder of a zone that is split into files ("example.com./"), is named after; "" where none is."""
    path = Path(path)
    if path.parent.name.endswith(".") and "." in path.parent.name[:-1]:
        return path.parent.name.rstrip(".")
    name = path.stem.removeprefix("$").rstrip(".")
    return name if "." in name else ""


def home_of(path: str | Path) -> Path:
    """The folder that octoDNS is told of: a zone's file and the folder of its parts stand in it, side by side."""
    folder = Path(path).parent
    return folder.parent if folder.name.endswith(".") and folder.name != "." else folder


def is_zone(text: str) -> bool:
    """Does a YAML text look like a zone of octoDNS, rather than like anything else that is written in YAML? Also where it is broken."""
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return re.search(r"^\s+(?:- )?type: *['\"]?[A-Z]", text, re.MULTILINE) is not None
    if not isinstance(node, yaml.MappingNode) or {key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)} & CONFIG:
        return False
    held = [one for _, value in node.value for one in (value.value if isinstance(value, yaml.SequenceNode) else [value])]
    return any(isinstance(one, yaml.MappingNode) and any(key.value in ("type", "value", "values") for key, _ in one.value) for one in held)


def escapes(texts: Iterable[str]) -> bool:
    """Whether semicolons are written with a backslash in some zones and their configuration: octoDNS 1 wants it so, unless it is told
    otherwise (escaped_semicolons), and from version 2 on it wants none (pull request 1419). Who says nothing is taken by the word of
    the most: a zone in which every policy lacks the backslash is one of version 2, and one that lacks it once has a slip."""
    raw = escaped = 0
    said: set[str] = set()
    for text in texts:
        said |= {value.lower() for value in _SETTING.findall(text)}
        raw += len(_RAW.findall(text))
        escaped += len(_ESCAPED.findall(text))
    if len(said) == 1:
        return said == {"true"}
    values = escaped + raw
    return not (values > 1 and raw > escaped and (escaped == 0 or raw > 2 * escaped))
