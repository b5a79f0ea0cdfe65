"""octoDNS's YAML zones in, records with file and line out. The zone is the one that the file is named after.

A zone like this is whole but for what octoDNS leaves to the provider (SOA, NS at the top) and for what only the provider knows (ALIAS):
about these the file says nothing. What octoDNS itself refuses is noted as a slip. https://github.com/octodns/octodns/tree/main/docs
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.SPF
import dns.rdtypes.ANY.TXT

from ..errors import ZoneError
from .marked import STR, Marked, constructed, mapped
from .yamlfiles import escapes, origin_of
from .zonefile import DEFAULT_TTL, Noted, Row, Slip
from .zonetext import text_of

if TYPE_CHECKING:
    import yaml

TYPES = {"ALIAS", "URLFWD", "SPF"}  # known to octoDNS beside the types of the DNS
ONE_VALUE = {"CNAME", "ALIAS", "DNAME"}
HOSTS = {"CNAME", "ALIAS", "DNAME", "NS", "PTR"}
TEXTS = {"TXT", "SPF"}
# (names of a field, whether it is a host) in the order of the presentation format; the second name is the older one
FIELDS: dict[str, tuple[tuple[tuple[str, ...], bool], ...]] = {
    "MX": ((("preference", "priority"), False), (("exchange", "value"), True)),
    "SRV": ((("priority",), False), (("weight",), False), (("port",), False), (("target",), True)),
    "CAA": ((("flags",), False), (("tag",), False), (("value",), False)),
    "TLSA": ((("certificate_usage",), False), (("selector",), False), (("matching_type",), False), (("certificate_association_data",), False)),
    "DS": ((("key_tag", "flags"), False), (("algorithm", "protocol"), False), (("digest_type", "algorithm"), False), (("digest", "public_key"), False)),
}
_NUMBERS = {"preference", "priority", "weight", "port", "flags", "certificate_usage", "selector", "matching_type", "key_tag", "algorithm", "digest_type"}
_UNESCAPED = re.compile(r"\w;")  # as octoDNS looks for it
_ONCE_ESCAPED = re.compile(r"\\;")
_TWICE_ESCAPED = re.compile(r"\\\\;")


@dataclass(slots=True)
class YamlZone:
    """What a file holds. unsaid: (owner, type) of which it says nothing; broken: why it cannot be read, "" where it can."""

    origin: dns.name.Name
    file: str
    rows: list[Row] = field(default_factory=list)
    unsaid: set[tuple[dns.name.Name, str]] = field(default_factory=set)
    owners: dict[dns.name.Name, int] = field(default_factory=dict)  # every name, with its line
    broken: str = ""


def read_file(path: str | Path, noted: Noted | None = None, *, root: Path | None = None, text: str | None = None, escaped: bool | None = None) -> YamlZone:
    """The zone of a file. `noted`: where slips go; None: the first one is refused. `root`: the folder that !include may not leave.

    text     what the file holds, where it is no file: then no other one is opened
    escaped  whether semicolons are written with a backslash before them; None: as the file has it

    Raises ZoneError, with file, line and reason.
    """
    shown, origin = str(path), origin_of(path)
    if not origin:
        raise ZoneError(f"{shown}: the zone of an octoDNS file is the one that it is named after, as in example.com.yaml.")
    if text is not None:
        return read_text(text, shown, origin, noted, escaped=escaped)
    return read_text(text_of(path), shown, origin, noted, root=root or Path(path).parent, escaped=escaped)


def read_text(text: str, shown: str, origin: str, noted: Noted | None = None, *, root: Path | None = None, escaped: bool | None = None) -> YamlZone:
    """The same for the text of a file; without a `root` !include is refused. Raises ZoneError."""
    own = noted or Noted()
    before = len(own.slips)
    try:
        reader = _Reader(shown, dns.name.from_text(origin), own, root, escapes([text]) if escaped is None else escaped)
    except dns.exception.DNSException as error:
        raise ZoneError(f"{shown}: {origin} is no name of a zone: {error}") from None
    reader.read(text)
    if noted is None and len(own.slips) > before:
        slip = own.slips[before]
        said = slip.values.get("detail") or slip.values.get("reason") or slip.code
        raise ZoneError(f"{slip.file}:{slip.line}: octoDNS does not take this zone ({said}): {slip.text[:120]}")
    return reader.zone


class _Reader(Marked):
    def __init__(self, shown: str, origin: dns.name.Name, noted: Noted, root: Path | None, escaped: bool) -> None:
        super().__init__(shown, root)
        self.escaped = escaped
        self.origin, self.noted = origin, noted
        self.zone = YamlZone(origin, shown)
        self.lenient = False

    def twice(self, key: yaml.ScalarNode) -> None:
        self._slip("ZON009", key, text=key.value, key=key.value or "''")

    # ------------------------------------------------------------------ YAML

    def read(self, text: str) -> None:
        import yaml

        try:
            node = self.composed(text, self.shown)
        except yaml.YAMLError as error:
            self._broken(error, text)
            return
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            raise ZoneError(f"{self.shown}:{node.start_mark.line + 1}: an octoDNS zone is a mapping of names to records.")
        for key, value in self.pairs(node):
            self._name(key, value)

    def _broken(self, error: yaml.YAMLError, text: str) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark else 1
        problem = str(getattr(error, "problem", None) or error).strip()
        context = getattr(error, "context_mark", None)
        lines = text.split("\n")
        if "\\t" in problem:
            reason = "tab"
        elif "escape" in problem:
            reason = "backslash"
        else:
            # an open quotation mark shows at the end of the file, or where the next one stands
            reason = "yaml"
            if problem.startswith("mapping values") and line > 1 and _lacks_colon(lines[line - 2], lines[line - 1]):
                line -= 1
            if context is not None and "quoted scalar" in str(getattr(error, "context", "")):
                line, reason = context.line + 1, "quote"
        said = lines[line - 1].strip() if line <= len(lines) else ""
        name = self.origin.to_text(omit_final_dot=True)
        self.zone.broken = f"{Path(self.shown).name}:{line} cannot be read"
        self.noted.slips.append(Slip("ZON002", name, "", self.shown, line, said[:300], {"reason": reason, "detail": problem, "what": name}))

    # ------------------------------------------------------------------ slips

    def _slip(self, code: str, node: yaml.Node, *, text: str = "", owner: dns.name.Name | None = None, rtype: str = "", **values: str) -> None:
        name = (owner or self.origin).to_text(omit_final_dot=True).lower()
        mark = node.start_mark
        self.noted.slips.append(Slip(code, name, rtype, mark.name, mark.line + 1, text[:300], values))

    def _refused(self, reason: str, node: yaml.Node, text: str, owner: dns.name.Name, rtype: str, *, always: bool = False, **more: str) -> None:
        if self.lenient and not always:  # octoDNS takes it then, with a word of warning
            return
        name = owner.to_text(omit_final_dot=True)
        self._slip("ZON011", node, text=text, owner=owner, rtype=rtype, what=f"{rtype} {name}".strip(), reason=reason, **more)

    # ------------------------------------------------------------------ records

    def _name(self, key: yaml.ScalarNode, value: yaml.Node) -> None:
        import yaml

        text = key.value
        if key.tag != STR:
            said = constructed(key)
            if str(said) != text:  # octoDNS makes a text of a number again, which is another one for 010 and 1.10
                self._slip("ZON010", key, text=text, key=text, kind=type(said).__name__, read=str(said))
        if text == "@":
            self._refused("at-sign", key, text, self.origin, "")
            text = ""
        try:
            owner = dns.name.from_text(text.rstrip("."), self.origin) if text else self.origin
        except (dns.exception.DNSException, UnicodeError):
            self._refused("name", key, text, self.origin, "", always=True)
            return
        if text.endswith(".") or ".." in text or " " in text or "\t" in text:
            self._refused("name", key, text, owner, "")
        top = self.origin.to_text(omit_final_dot=True).lower()
        if text.lower() == top or text.lower().endswith("." + top):
            becomes = owner.to_text(omit_final_dot=True)
            self._slip("ZON004", key, text=text, owner=owner, reason="owner", written=text, becomes=becomes, at=becomes)
        self.zone.owners.setdefault(owner, key.start_mark.line + 1)
        seen: set[str] = set()
        for one in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            self.spend()
            record = self.followed(one)
            if not isinstance(record, yaml.MappingNode):
                self._refused("no-record", record, text, owner, "", always=True)
                continue
            rtype = self._record(owner, key, record)
            if rtype and rtype in seen:
                self._refused("type-twice", record, rtype, owner, rtype, always=True)
            seen.add(rtype)

    def _record(self, owner: dns.name.Name, key: yaml.ScalarNode, record: yaml.MappingNode) -> str:
        pairs = {k.value: (k, v) for k, v in self.pairs(record)}
        kind = pairs.get("type")
        if kind is None or not isinstance(kind[1].value, str):
            self._refused("no-type", record, key.value, owner, "", always=True)
            self.noted.torn[(owner, "")] = f"a record at {Path(self.shown).name}:{record.start_mark.line + 1} has no type"
            return ""
        rtype = kind[1].value
        if "/" in rtype:  # a type of one provider
            self.zone.unsaid.update((owner, t) for t in ("A", "AAAA"))
            return rtype
        if rtype not in TYPES and not _known(rtype):
            self._refused("unknown-type", kind[1], rtype, owner, rtype, always=True)
            rtype = rtype.upper()
            if not _known(rtype):
                return rtype
        own = mapped(pairs.get("octodns", (None, None))[1])
        self.lenient = own.get("lenient") == "true"
        if own.get("ignored") == "true":  # octoDNS leaves it as it is: what stands there, the file does not say
            self.zone.unsaid.add((owner, rtype))
            return rtype
        ttl = self._ttl(pairs, owner, rtype)
        for node in self._values(pairs, record, owner, rtype):
            self.spend()
            self._value(owner, rtype, ttl, node)
        return rtype

    def _ttl(self, pairs: Mapping[str, tuple[yaml.ScalarNode, yaml.Node]], owner: dns.name.Name, rtype: str) -> int:
        if "ttl" not in pairs:
            return DEFAULT_TTL
        node = pairs["ttl"][1]
        try:
            ttl = int(node.value) if isinstance(node.value, str) else -1
        except ValueError:
            ttl = -1
        if not 0 <= ttl < 2**31:
            self._refused("ttl", node, str(node.value)[:60], owner, rtype, always=True)
            return DEFAULT_TTL
        return ttl

    def _values(self, pairs: Mapping[str, Any], record: yaml.MappingNode, owner: dns.name.Name, rtype: str) -> Iterator[yaml.Node]:
        """The nodes of a record's values; `values` is read before `value`, and a lone value may stand under either but where there can be one only."""
        import yaml

        wanted = ("value",) if rtype in ONE_VALUE else ("values", "value")
        found = next((pairs[key] for key in wanted if key in pairs), None)
        if found is None:
            others = [k for k in pairs if k not in ("type", "ttl", "octodns", "geo", "dynamic", "weighted")]
            near = next((k for k in others if get_close_matches(k.lower(), ("value", "values"), cutoff=0.6)), "")
            reason = "values-for-value" if near == "values" else "misspelt-value" if near else "no-value"
            self._refused(reason, pairs[near][0] if near else record, near or rtype, owner, rtype, always=True)
            self.noted.torn[(owner, rtype)] = f"a record at {Path(self.shown).name}:{record.start_mark.line + 1} has no value"
            if not near:
                return
            found = pairs[near]
        elif "values" in pairs and "value" in pairs and rtype not in ONE_VALUE:
            self._refused("both", pairs["value"][0], "value", owner, rtype, always=True)
        node = self.followed(found[1])
        if node.tag.endswith(":null") or node.value == []:
            self._refused("no-value", found[0], rtype, owner, rtype, always=True)
            self.noted.torn[(owner, rtype)] = f"a record at {Path(self.shown).name}:{found[0].start_mark.line + 1} has no value"
            return
        held = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if rtype in ONE_VALUE and len(held) > 1:
            self._refused("several", node, rtype, owner, rtype, always=True)
        yield from (self.followed(one) for one in held)

    def _value(self, owner: dns.name.Name, rtype: str, ttl: int, node: yaml.Node) -> None:
        import yaml

        if rtype == "ALIAS":
            self.zone.unsaid.update((owner, t) for t in ("A", "AAAA"))
        text = ""
        if rtype in FIELDS:
            text = self._fields(owner, rtype, node)
        elif isinstance(node, yaml.ScalarNode):
            if rtype in TEXTS:
                self._text(owner, rtype, ttl, node)
                return
            text = node.value.strip()
            if rtype in HOSTS:
                text = self._host(owner, rtype, node, text)
        elif rtype in TEXTS | HOSTS | {"A", "AAAA"}:
            self._refused("no-value", node, rtype, owner, rtype, always=True)
        if not text or rtype in TYPES or rtype not in FIELDS.keys() | HOSTS | {"A", "AAAA"}:
            return
        try:
            data = dns.rdata.from_text(dns.rdataclass.IN, rtype, text, self.origin, False)
        except (dns.exception.DNSException, ValueError) as error:
            self._refused("bad-value", self._culprit(node), text, owner, rtype, detail=str(error))
            self.noted.torn[(owner, rtype)] = f"a record at {Path(self.shown).name}:{node.start_mark.line + 1} cannot be read"
            return
        self._add(owner, ttl, data, node, text)

    def _fields(self, owner: dns.name.Name, rtype: str, node: yaml.Node) -> str:
        import yaml

        if not isinstance(node, yaml.MappingNode):
            self._refused("not-mapping", node, str(node.value)[:120], owner, rtype, always=True)
            self.noted.torn[(owner, rtype)] = f"a record at {Path(self.shown).name}:{node.start_mark.line + 1} cannot be read"
            return ""
        pairs = {k.value: v for k, v in self.pairs(node)}
        out = []
        for names, host in FIELDS[rtype]:
            value = next((pairs[n] for n in names if n in pairs), None)
            if value is None or not isinstance(value, yaml.ScalarNode):
                self._refused("no-field", node, rtype, owner, rtype, always=True, field=names[0])
                self.noted.torn[(owner, rtype)] = f"a record at {Path(self.shown).name}:{node.start_mark.line + 1} has no {names[0]}"
                return ""
            text = value.value.strip()
            if host:
                text = self._host(owner, rtype, value, text)
            elif rtype == "CAA" and names == ("value",):
                text = '"' + text.replace("\\;", ";").replace('"', "") + '"'
            out.append(text)
        return " ".join(out)

    def _culprit(self, node: yaml.Node) -> yaml.Node:
        """The field of a value that is no number and has to be one, else the value as a whole."""
        import yaml

        fields = [value for key, value in self.pairs(node) if key.value in _NUMBERS] if isinstance(node, yaml.MappingNode) else []
        return next((one for one in fields if not re.fullmatch(r"\d{1,5}", str(one.value)) or int(one.value) > 65535), node)

    def _host(self, owner: dns.name.Name, rtype: str, node: yaml.ScalarNode, text: str) -> str:
        """octoDNS takes no name without a dot at its end. What is meant is the whole name, so that the rest is checked with that."""
        if text and not text.endswith("."):
            if not self.lenient:
                self._slip("ZON004", node, text=text, owner=owner, rtype=rtype, reason="octodns", written=text, becomes="", at=owner.to_text(True))
            return text + "."
        return text

    def _text(self, owner: dns.name.Name, rtype: str, ttl: int, node: yaml.ScalarNode) -> None:
        text = node.value
        if node.tag != STR and (said := constructed(node)) is not None:
            self._slip("ZON010", node, text=text, owner=owner, rtype=rtype, key=text, kind=type(said).__name__, read=str(said))
        for reason, wrong in (
            ("escape", self.escaped and _UNESCAPED.search(text)),
            ("double-escape", (_TWICE_ESCAPED if self.escaped else _ONCE_ESCAPED).search(text)),
            ("non-ascii", not text.isascii()),
        ):
            if wrong:
                self._refused(reason, node, text, owner, rtype)
        if text.startswith('"'):
            if len(text) < 2 or not text.endswith('"') or re.search(r'" {2,}"|"\s*\n\s*"|""', text):
                self._refused("quotes", node, text, owner, rtype)
            chunks = text[1:-1].split('" "')
        else:
            chunks = text.split('" "')
        octets = [chunk.replace("\\;", ";").encode("utf-8", "surrogateescape") for chunk in chunks]
        strings = [piece for whole in octets for piece in ([whole[n : n + 255] for n in range(0, len(whole), 255)] or [b""])]
        kind = dns.rdatatype.from_text(rtype)
        make: Any = dns.rdtypes.ANY.SPF.SPF if rtype == "SPF" else dns.rdtypes.ANY.TXT.TXT
        data: dns.rdata.Rdata = make(dns.rdataclass.IN, kind, strings)
        self._add(owner, ttl, data, node, text)

    def _add(self, owner: dns.name.Name, ttl: int, data: dns.rdata.Rdata, node: yaml.Node, raw: str) -> None:
        start, end = node.start_mark, node.end_mark
        last = end.line + (1 if end.column or end.line == start.line else 0)
        named = self.zone.owners.get(owner, 0) if start.name == self.shown else 0
        self.zone.rows.append(Row(owner, ttl, data, start.name, start.line + 1, max(start.line + 1, last), raw, self.origin, named))


def _lacks_colon(above: str, below: str) -> bool:
    """A key without its colon swallows the line below, and the parser stumbles there."""
    depth = len(above) - len(above.lstrip())
    return bool(above.strip()) and ":" not in above and above.strip()[0] not in "#-" and depth == len(below) - len(below.lstrip())


def _known(rtype: str) -> bool:
    try:
        return rtype == rtype.upper() and bool(rtype) and dns.rdatatype.from_text(rtype) > 0 and not rtype.startswith("TYPE")
    except (dns.exception.DNSException, ValueError):
        return False
