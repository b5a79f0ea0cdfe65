"""Values of model/ as JSON and back, by the types that their dataclasses name. For what is kept in a file (edge/recording.py). Pure.

What stands at its default is left out. Octets that are printable ASCII are a string, all others {"base64": "…"}.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import types
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

Said = Callable[[str], str]


class NotPlain(ValueError):
    """A JSON value that is not of the type that is wanted. Its text says where it stands and what was expected."""


def _same(text: str) -> str:
    return text


# ------------------------------------------------------------------ to JSON


def as_plain(value: Any, say: Said = _same) -> Any:
    """A value as JSON has it. say: what every string goes through on its way, keys and octets aside."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return say(value)
    if isinstance(value, bytes):
        return _octets(value, say)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): as_plain(one, say) for key, one in value.items()}
    if dataclasses.is_dataclass(value):
        return {f.name: as_plain(held, say) for f in dataclasses.fields(value) if (held := getattr(value, f.name)) != _default(f)}
    return [as_plain(one, say) for one in value]


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _octets(value: bytes, say: Said) -> Any:
    text = value.decode("latin-1")
    if text.isascii() and all(c.isprintable() or c in "\t\r\n" for c in text):
        return say(text)
    return {"base64": base64.b64encode(value).decode("ascii")}


# ------------------------------------------------------------------ from JSON


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def from_plain(kind: Any, value: Any, at: str = "") -> Any:
    """The value of this type that stands in JSON. Raises NotPlain. `at`: where it stands, for the words.

    >>> from_plain(tuple[str, ...], ["a", "b"])
    ('a', 'b')
    """
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), value, at)
    if origin is tuple:
        return _tuple(get_args(kind), value, at)
    if origin is not None and issubclass(origin, Mapping):
        of = get_args(kind)[1]
        return {key: from_plain(of, one, f"{at}.{key}") for key, one in _kind_of(dict, value, at).items()}
    if dataclasses.is_dataclass(kind):
        return _made(kind, _kind_of(dict, value, at), at)
    return _leaf(kind, value, at)


def _leaf(kind: Any, value: Any, at: str) -> Any:
    if kind is bytes:
        return _from_octets(value, at)
    if kind is float and type(value) is int:
        return float(value)
    if kind in (str, int, float, bool):
        return _kind_of(kind, value, at)
    try:
        if kind is datetime:
            moment = datetime.fromisoformat(_kind_of(str, value, at))
            if moment.tzinfo is None:
                raise ValueError
            return moment
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind(value)
    except ValueError:
        raise NotPlain(f"{at or 'the value'} is no {kind.__name__}") from None
    raise NotPlain(f"{at or 'the value'} is of a type that is not kept")


def _kind_of(kind: Any, value: Any, at: str) -> Any:
    if type(value) is not kind:  # True is no number here
        raise NotPlain(f"{at or 'the value'} is {type(value).__name__}, and {kind.__name__} was expected")
    return value


def _one_of(kinds: tuple[Any, ...], value: Any, at: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    fault: NotPlain | None = None
    for kind in kinds:
        if kind is not type(None):
            try:
                return from_plain(kind, value, at)
            except NotPlain as error:
                fault = fault or error
    raise fault or NotPlain(f"{at or 'the value'} is not of any type that is kept")


def _tuple(kinds: tuple[Any, ...], value: Any, at: str) -> tuple[Any, ...]:
    held = _kind_of(list, value, at)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(from_plain(kinds[0], one, f"{at}[{n}]") for n, one in enumerate(held))
    if len(held) != len(kinds):
        raise NotPlain(f"{at} holds {len(held)} values, and {len(kinds)} were expected")
    return tuple(from_plain(kind, one, f"{at}[{n}]") for n, (kind, one) in enumerate(zip(kinds, held, strict=True)))


def _made(kind: Any, held: Mapping[str, Any], at: str) -> Any:
    hints = _hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind) if f.init}
    if unknown := next((key for key in held if key not in fields), None):
        raise NotPlain(f"{at}.{unknown} is not known")
    for name, field in fields.items():
        if name not in held and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise NotPlain(f"{at}.{name} is missing")
    try:
        return kind(**{key: from_plain(hints[key], one, f"{at}.{key}") for key, one in held.items()})
    except NotPlain:
        raise
    except ValueError as error:  # the dataclass itself says no
        raise NotPlain(f"{at}: {error}") from None


def _from_octets(value: Any, at: str) -> bytes:
    try:
        if type(value) is str:
            return value.encode("ascii")
        if type(value) is dict and set(value) == {"base64"}:
            return base64.b64decode(_kind_of(str, value["base64"], at), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        pass
    raise NotPlain(f"{at} is neither ASCII text nor base64")
