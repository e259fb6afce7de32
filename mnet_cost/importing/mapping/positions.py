"""Positions that a graph calculates for each example, to gather elements by: `as_strided` of torch.

An exporter writes a view with strides of its own as Range, Mul, Add and Gather. A tensor of
positions that grow evenly along each axis is known by its first one and a step for each axis,
however large the batch is. What is gathered by them from one row of elements is often that row in
another shape.
"""

from __future__ import annotations

from typing import NamedTuple

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.known import strides
from mnet_cost.importing.mapping.movement import transpose
from mnet_cost.importing.mapping.values import Unmapped, Value, concrete, joined_shape


class Positions(NamedTuple):
    """Whole numbers that grow evenly: start + sum of step * index over the axes."""

    start: int
    steps: tuple[int, ...]
    """One for each axis; 0 where the axis has size 1."""


def positions_of(value: Value) -> Positions | None:
    """The positions that a value stands for; None where it has others."""
    if isinstance(value.positions, Positions):
        return value.positions
    numbers = value.numbers
    if not numbers or not all(type(number) is int for number in numbers):
        return None
    sizes = [size for size in value.shape if isinstance(size, int)]
    if len(sizes) < value.rank:
        return None
    jumps = strides(sizes)
    steps = [numbers[j] - numbers[0] if s > 1 else 0 for j, s in zip(jumps, sizes, strict=True)]
    for i, number in enumerate(numbers):
        even = sum(i // j % s * step for j, s, step in zip(jumps, sizes, steps, strict=True))
        if number != numbers[0] + even:
            return None
    return Positions(numbers[0], tuple(steps))


def added(first: Value, other: Value) -> Value | None:
    """The sum of positions."""
    a, b = positions_of(first), positions_of(other)
    if a is None or b is None:
        return None
    shape = joined_shape((first.shape, other.shape))
    padded = [(0,) * (len(shape) - len(p.steps)) + p.steps for p in (a, b)]
    steps = tuple([x + y for x, y in zip(*padded, strict=True)])
    made = Positions(a.start + b.start, steps)
    return Value(shape, first.dtype, static=True, positions=made)


def multiplied(first: Value, other: Value) -> Value | None:
    """Positions times one number."""
    for x, number in ((first, other.number), (other, first.number)):
        p = positions_of(x)
        if p is not None and type(number) is int:
            steps = tuple([step * number for step in p.steps])
            made = Positions(p.start * number, steps)
            shape = joined_shape((first.shape, other.shape))
            if len(shape) == len(steps):
                return Value(shape, x.dtype, static=True, positions=made)
    return None


def spread(value: Value, shape: tuple[int | Batch, ...]) -> Value | None:
    """The same positions with axes of size 1 added or gone."""
    p = positions_of(value)
    if p is None:
        return None
    kept = [(size, step) for size, step in zip(value.shape, p.steps, strict=True) if size != 1]
    if [size for size, _ in kept] != [size for size in shape if size != 1]:
        return None
    left = iter([step for _, step in kept])
    steps = tuple([0 if size == 1 else next(left) for size in shape])
    return Value(shape, value.dtype, static=True, positions=Positions(p.start, steps))


def gathered(b: Builder, x: Value, index: Value) -> Value:
    """The elements of x, which has one axis, at positions that name each of them once."""
    p = positions_of(index)
    if p is None or p.start or x.rank != 1:
        raise Unmapped("takes positions that are not known")
    axes = sorted(
        (place for place, size in enumerate(index.shape) if size != 1),
        key=lambda place: -p.steps[place],
    )
    passed = 1
    for place in reversed(axes):
        if p.steps[place] != passed:
            raise Unmapped("takes elements in steps that leave some out or take some twice")
        passed *= concrete(index.shape[place], b.batch)
    if passed != concrete(x.shape[0], b.batch):
        raise Unmapped("takes a part of the elements")
    if axes == sorted(axes):
        return b.reshaped_to(x, index.shape)
    order = [*[place for place in range(index.rank) if place not in axes], *axes]
    ordered = b.reshaped_to(x, [index.shape[place] for place in order])
    return transpose(b, ordered, [order.index(place) for place in range(index.rank)])
