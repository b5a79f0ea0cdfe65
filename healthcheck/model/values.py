"""How the values that are made by the hundred are frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: type[T]) -> type[T]:
    """A dataclass with slots and a hash of its fields, whose values nobody changes: the type checker sees to that.

    dataclass(frozen=True) has the interpreter see to it, and takes six times as long to make one: 2.5 against 0.4 microseconds
    for the fields of an Answer, of which a scan makes two hundred.

    >>> @frozen
    ... class Pair:
    ...     one: int
    ...     other: int = 0
    >>> Pair(1) == Pair(1, 0), len({Pair(1), Pair(1, 0)})
    (True, 1)
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)
