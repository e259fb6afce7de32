"""A class before it is written: what it constructs, calls, takes and returns.

A plan is of several calls of a block, its `members`. Symbols stand for the values in the members,
and lines for their acts. A mask says which of the members have a module or a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from mnet_cost.torch_model.source.argument_columns import (
    ArgumentColumn,
    ArgumentExpression,
    ConstructorParameter,
)
from mnet_cost.torch_model.source.call_tree import Instance
from mnet_cost.torch_model.source.record import RecordedValue

Mask = tuple[bool, ...]
"""For each member of a class, whether it has something."""


class DifferentError(Exception):
    """Calls of a block differ by more than arguments of the constructor."""


@dataclass(eq=False)
class Symbol:
    """A variable of a class's `forward`."""

    members: list[RecordedValue | None]
    """Its value in each member; None where the member does not have it."""
    label: str
    """The name of the layer that makes it; empty if the spec does not name that layer."""
    line: int
    """The number of the line that makes it; -1 for an input."""
    other: Symbol | None = None
    """Its value in the members that do not execute the line of `source`."""
    source: Symbol | None = None
    """Its value in the members that do. `other` and `source` are set together or not at all."""


@dataclass(eq=False)
class ConstructorSlot:
    """A module, or a sequence of copies, that instances of a class construct under one name."""

    name: str
    """Its path in the class."""
    mask: Mask
    factory: Any
    """A module class or a `ClassPlan`."""
    columns: dict[str, ArgumentColumn] = field(default_factory=dict)
    """The arguments by name; of a sequence those of its first copy."""
    steps: dict[str, ArgumentColumn] = field(default_factory=dict)
    """For arguments that grow from copy to copy: by how much."""
    rows: tuple[tuple[str, ...], ArgumentColumn] | None = None
    """Names of arguments that differ from copy to copy unevenly, and a tuple of their values."""
    order: tuple[str, ...] = ()
    """The names of all arguments, where some of them are in `rows`."""
    count: ArgumentColumn | None = None
    """The number of copies of a sequence; None for a single module."""
    identity: bool = False
    """Whether it is an `nn.Identity` in the members that leave it out."""
    of_sequence: bool = False
    """Whether it is a copy in a sequence whose copies differ, so that each has a slot."""

    def spaces(self) -> Iterator[str]:
        """The paths above it in the class, the outermost first."""
        parts = self.name.split(".")
        for i in range(1, len(parts)):
            yield ".".join(parts[:i])


@dataclass(eq=False)
class Line:
    """A call in a class's `forward`."""

    key: tuple[str, int]
    """As `keyed` counts the acts of the members."""
    mask: Mask
    target: Any
    """A function, a `Ref`, or an `ArgumentColumn` of functions."""
    arguments: dict[str, Any]
    """Symbols, tuples of symbols, and columns, by name as in `Op.arguments`."""
    results: list[Symbol]


class Run(NamedTuple):
    """Successive lines, from `start` to before `end`, that only the members in `mask` execute."""

    start: int
    end: int
    mask: Mask


@dataclass(eq=False)
class ClassPlan:
    """A class, before it is written."""

    family: tuple[Any, ...]
    """As `Instance.family`."""
    label: str
    """The name of the block, from which the name of the class is made."""
    members: list[Instance]
    inputs: list[str]
    """The names of the arguments of `forward`."""
    symbols: dict[str, Symbol]
    """The inputs by name."""
    slots: list[ConstructorSlot]
    """In the order of construction."""
    lines: list[Line]
    """In the order in which they run."""
    runs: list[Run]
    outputs: list[Symbol]
    """What `forward` returns."""
    parameters: list[ConstructorParameter]
    """In the order of the constructor's signature."""
    guards: dict[Mask, ArgumentExpression]
    """For each mask of a run or slot: the condition that is true for its members alone."""
    used_by: list[Instance] = field(default_factory=list)
    """The `members` that are instances of this class itself, not of a class derived from it."""
    base: ClassPlan | None = None
    """The class that it is derived from: it has the same modules and returns other values."""
    name: str = ""
    """Of the class; set when all plans are there."""

    def arguments(self, member: Instance) -> dict[str, Any]:
        """The value of each parameter of the constructor for `member`."""
        place = self._places[member]
        return {parameter.name: parameter.values[place] for parameter in self.parameters}

    @cached_property
    def _places(self) -> dict[Instance, int]:
        return {member: place for place, member in enumerate(self.members)}

    @cached_property
    def spaces(self) -> frozenset[str]:
        """Paths in the class above its slots, which need an empty module or sequence."""
        return frozenset(space for slot in self.slots for space in slot.spaces())

    @cached_property
    def sequences(self) -> frozenset[str]:
        """The paths of sequences of copies in the class."""
        several = {slot.name for slot in self.slots if slot.count is not None}
        unlike = {slot.name.rpartition(".")[0] for slot in self.slots if slot.of_sequence}
        return frozenset(several | unlike)


Classes = Mapping[Instance, ClassPlan]


def aligned(rows: list[list[Any]], places: Mapping[Any, int] | None = None) -> list[Any]:
    """All names of the rows, in an order that agrees with the order in each row.

    Where the rows leave the order open, that of `places` decides. Raises `DifferentError` where two
    rows contradict each other.
    """
    places = places or {}
    first, *others = sorted(rows, key=len, reverse=True)
    names = [*first]
    at = {name: number for number, name in enumerate(names)}
    for row in others:
        start = 0
        following = _following(row, at)
        for name, later in zip(row, following, strict=True):
            if name in at:
                if at[name] < start:
                    raise DifferentError
                start = at[name] + 1
                continue
            end = len(names) if later is None else at[later]
            while start < end and places.get(names[start], 0) < places.get(name, 0):
                start += 1
            names.insert(start, name)
            at = {name: number for number, name in enumerate(names)}
            start += 1
    return names


def _following(row: list[Any], known: Mapping[Any, int]) -> list[Any]:
    """For each name of a row the next name that is `known`; None behind the last of them."""
    following: list[Any] = []
    later = None
    for name in reversed(row):
        following.append(later)
        later = name if name in known else later
    return following[::-1]


def replaced(argument: Any, old: Symbol, new: Symbol) -> Any:
    """The argument with `new` in place of `old`, in tuples too."""
    if isinstance(argument, tuple):
        return tuple(replaced(element, old, new) for element in argument)
    return new if argument is old else argument


def symbols_in(line: Line) -> Iterator[Symbol]:
    """The symbols that a line reads, with repetitions."""
    for argument in line.arguments.values():
        yield from _within(argument)


def _within(argument: Any) -> Iterator[Symbol]:
    if isinstance(argument, Symbol):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for element in argument:
            yield from _within(element)
