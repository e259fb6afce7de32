"""A class before it is written: what it constructs, does, takes and gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from mnet_cost.torch_model.source.columns import Column, Expression, Parameter
from mnet_cost.torch_model.source.instances import Instance
from mnet_cost.torch_model.source.record import Value

Mask = tuple[bool, ...]


class DifferentError(Exception):
    """Calls of a block that differ by more than arguments."""


@dataclass(eq=False)
class Symbol:
    """What stands for a value in a class: the value in each call."""

    members: list[Value | None]
    label: str
    """Name of the layer that makes it."""
    line: int
    """Of the line that makes it; -1 for an input."""
    other: Symbol | None = None
    """What it is where `source` is left out."""
    source: Symbol | None = None


@dataclass(eq=False)
class Slot:
    """A module that instances of a class construct under one name."""

    name: str
    mask: Mask
    factory: Any
    """A module class, a `ClassPlan`, or None for a mere name around others."""
    columns: dict[str, Column] = field(default_factory=dict)
    steps: dict[str, Column] = field(default_factory=dict)
    """Of the columns that grow from copy to copy: by how much."""
    rows: tuple[tuple[str, ...], Column] | None = None
    """Arguments that differ from copy to copy in no simple way."""
    order: tuple[str, ...] = ()
    """All arguments, where `rows` has some that `columns` has not."""
    count: Column | None = None
    """Copies, if it is several."""
    identity: bool = False
    """Whether it is an identity where it is left out."""
    of_sequence: bool = False
    """Whether it is one of several copies that are not alike."""

    def spaces(self) -> Iterator[str]:
        """The paths above it, the outermost first."""
        parts = self.name.split(".")
        for i in range(1, len(parts)):
            yield ".".join(parts[:i])


@dataclass(eq=False)
class Line:
    """One line of a class's forward."""

    key: tuple[str, int]
    mask: Mask
    target: Any
    """A function, a `Ref`, or a `Column` of functions."""
    arguments: dict[str, Any]
    """Symbols, tuples of them, and columns."""
    results: list[Symbol]


class Run(NamedTuple):
    """Lines that are left out together."""

    start: int
    end: int
    mask: Mask


@dataclass(eq=False)
class ClassPlan:
    """A class, before it is written."""

    family: tuple[Any, ...]
    label: str
    members: list[Instance]
    inputs: list[str]
    symbols: dict[str, Symbol]
    slots: list[Slot]
    lines: list[Line]
    runs: list[Run]
    outputs: list[Symbol]
    parameters: list[Parameter]
    conditions: dict[Mask, Expression]
    used_by: list[Instance] = field(default_factory=list)
    """Those of `members` that are instances of this class, and not of one derived from it."""
    base: ClassPlan | None = None
    name: str = ""

    def arguments(self, member: Instance) -> dict[str, Any]:
        """The value of each parameter in the call that `member` is."""
        place = self._places[member]
        return {one.name: one.values[place] for one in self.parameters}

    @cached_property
    def _places(self) -> dict[Instance, int]:
        return {member: place for place, member in enumerate(self.members)}

    @cached_property
    def spaces(self) -> frozenset[str]:
        """Paths that have modules below them and are none of `slots`."""
        return frozenset(space for slot in self.slots for space in slot.spaces())

    @cached_property
    def copies(self) -> frozenset[str]:
        """Paths of what holds copies."""
        several = {slot.name for slot in self.slots if slot.count is not None}
        unlike = {slot.name.rpartition(".")[0] for slot in self.slots if slot.of_sequence}
        return frozenset(several | unlike)


Classes = Mapping[Instance, ClassPlan]


def aligned(rows: list[list[Any]], places: Mapping[Any, int] | None = None) -> list[Any]:
    """All names in an order that is that of each row; `DifferentError` if there is none.

    Where rows leave it open, names are in the order of `places`.
    """
    places = places or {}
    first, *others = sorted(rows, key=len, reverse=True)
    found = [*first]
    at = {name: number for number, name in enumerate(found)}
    for row in others:
        start = 0
        following = _following(row, at)
        for name, later in zip(row, following, strict=True):
            if name in at:
                if at[name] < start:
                    raise DifferentError
                start = at[name] + 1
                continue
            end = len(found) if later is None else at[later]
            while start < end and places.get(found[start], 0) < places.get(name, 0):
                start += 1
            found.insert(start, name)
            at = {name: number for number, name in enumerate(found)}
            start += 1
    return found


def _following(row: list[Any], known: Mapping[Any, int]) -> list[Any]:
    """For each name of a row the next one that is `known`, None where there is none."""
    found: list[Any] = []
    later = None
    for name in reversed(row):
        found.append(later)
        later = name if name in known else later
    return found[::-1]


def replaced(argument: Any, old: Symbol, new: Symbol) -> Any:
    """An argument with `new` wherever `old` is."""
    if isinstance(argument, tuple):
        return tuple(replaced(one, old, new) for one in argument)
    return new if argument is old else argument


def symbols_in(line: Line) -> Iterator[Symbol]:
    """What a line reads."""
    for argument in line.arguments.values():
        yield from _within(argument)


def _within(argument: Any) -> Iterator[Symbol]:
    if isinstance(argument, Symbol):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for one in argument:
            yield from _within(one)
