"""YAML with the file and line of everything in it, and with the keys that stand twice. PyYAML is loaded when there is something to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ZoneError
from .zonetext import text_of

if TYPE_CHECKING:
    import yaml

MAX_NODES = 500_000  # of one file, so that aliases of aliases end
MAX_WITHIN = 16  # files that include one another
STR, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


class Marked:
    """One file, as nodes. root: the folder that !include may not leave; None: it is refused."""

    def __init__(self, shown: str, root: Path | None) -> None:
        self.shown, self.root = shown, root
        self._left = MAX_NODES
        self._within: list[Path] = []

    def twice(self, key: yaml.ScalarNode) -> None:
        """Called for a key that stands there already."""

    def composed(self, text: str, shown: str) -> Any:
        import yaml

        loader = yaml.SafeLoader(text)
        loader.name = shown  # stands in the marks of each node
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()  # type: ignore[no-untyped-call, unused-ignore]

    def pairs(self, node: yaml.MappingNode) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        """The keys and values of a mapping, what it merges ("<<") included; a key that stands twice is noted. The last one counts, as in Python."""
        import yaml

        seen: set[str] = set()
        out: dict[str, tuple[yaml.ScalarNode, yaml.Node]] = {}
        for key, value in node.value:
            self.spend()
            if key.tag == MERGE:
                merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for one in merged:
                    if isinstance(one, yaml.MappingNode):
                        for k, v in self.pairs(one):
                            out.setdefault(k.value, (k, v))
                continue
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                self.twice(key)
            seen.add(key.value)
            out[key.value] = (key, self.followed(value))
        return list(out.values())

    def followed(self, node: yaml.Node) -> yaml.Node:
        """octoDNS's !include: the content of another file stands in its place."""
        if node.tag != "!include" or not isinstance(node.value, str):
            return node
        path = (Path(node.start_mark.name).parent / node.value).resolve()
        if self.root is None:
            raise ZoneError(f"{node.start_mark.name}:{node.start_mark.line + 1}: !include is not followed here")
        if not path.is_relative_to(self.root.resolve()) or not path.is_file() or path in self._within or len(self._within) > MAX_WITHIN:
            raise ZoneError(f"{node.start_mark.name}:{node.start_mark.line + 1}: !include {node.value} leads to no file in {self.root}")
        self._within.append(path)
        shown = str(Path(node.start_mark.name).parent / node.value)
        return self.composed(text_of(path), shown) or node

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ZoneError(f"{self.shown}: the zone has more than {MAX_NODES} entries")


def constructed(node: yaml.ScalarNode) -> Any:
    """What YAML makes of a scalar: 1.10 becomes 1.1, and no becomes False."""
    import yaml

    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        return node.value
    finally:
        loader.dispose()  # type: ignore[no-untyped-call, unused-ignore]


def mapped(node: yaml.Node | None) -> dict[str, str]:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return {}
    return {k.value: str(v.value).lower() for k, v in node.value if isinstance(k, yaml.ScalarNode) and isinstance(v, yaml.ScalarNode)}
