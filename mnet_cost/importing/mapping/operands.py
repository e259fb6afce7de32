"""Tensors of a node in the order of axes that its rule works in."""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.image_order import (
    IMAGES,
    channels_first,
    channels_last,
    image_axis,
)
from mnet_cost.importing.mapping.known import strides
from mnet_cost.importing.mapping.mapper import Call
from mnet_cost.importing.mapping.movement import transpose
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value


def is_image(call: Call, number: int) -> bool:
    """Whether an input is an image, and so has its channels in front."""
    return call.node.inputs[number] in call.get(IMAGES)


def makes_image(call: Call) -> bool:
    """Whether the first output has to be an image."""
    return bool(call.node.outputs) and call.node.outputs[0] in call.get(IMAGES)


def image(b: Builder, call: Call, number: int) -> Value:
    """An input with channels in front, whatever it is; of four axes where it has fewer."""
    value = call.input(number)
    return value if is_image(call, number) else as_image(b, value, 4)


def in_file_order(b: Builder, call: Call, number: int) -> Value:
    """An input with the axes of the file."""
    value = call.input(number)
    return permuted(b, value, channels_last(range(value.rank))) if is_image(call, number) else value


def as_output(b: Builder, call: Call, number: int, rank: int) -> Value:
    """An input in the order of the output, which has `rank` axes, to be broadcast with others."""
    if not makes_image(call):
        return in_file_order(b, call, number)
    value = call.input(number)
    return value if is_image(call, number) else as_image(b, value, rank)


def made(b: Builder, call: Call, value: Value, *, is_image: bool = False) -> Value:
    """An output in the order that it has to have, of a value that is an image or is not."""
    wanted = makes_image(call)
    if wanted == is_image:
        return value
    if wanted:
        return as_image(b, value, value.rank)
    return permuted(b, value, channels_last(range(value.rank)))


def left_of(b: Builder, call: Call, value: Value, rank: int, gone: Sequence[int]) -> Value:
    """What is left of the first input, of `rank` axes, once axes `gone` of it went: an output."""
    if is_image(call, 0):
        left = [axis for axis in range(rank) if axis not in gone]
        wanted = [axis for axis in channels_last(range(rank)) if axis not in gone]
        value = permuted(b, value, [left.index(axis) for axis in wanted])
    return made(b, call, value)


def as_image(b: Builder, value: Value, rank: int) -> Value:
    """A tensor with the axes of the file, with channels in front. A number stays one."""
    if value.number is not None:
        return value
    if value.rank > rank:
        raise Unmapped(f"joins a tensor of {value.rank} axes with an image")
    if value.rank < rank:
        value = b.reshaped(value, (1,) * (rank - value.rank) + value.shape)
    return permuted(b, value, channels_first(range(rank)))


def permuted(b: Builder, value: Value, order: Sequence[int]) -> Value:
    """A tensor with its axes in another order. What is stored is so at once, and what moves only
    axes of size 1 is a view."""
    shape = tuple([value.shape[axis] for axis in order])
    if value.wire is None:
        known = None if value.known is None else permuted_elements(value.known, value.shape, order)
        stored = value.stored
        if stored is not None:
            stored = stored._replace(shape=plain_sizes(shape), values=known)
        return value._replace(shape=shape, known=known, stored=stored)
    moved = [axis for axis in order if value.shape[axis] != 1]
    if moved == sorted(moved):
        return b.reshaped(value, shape)
    return transpose(b, value, order)


def permuted_elements(
    elements: Sequence[object], shape: Sequence[Dim], order: Sequence[int]
) -> tuple[object, ...]:
    """Elements in row-major order, after axes were put in another order."""
    sizes = [size if isinstance(size, int) else 1 for size in shape]
    steps = strides(sizes)
    places = [0]
    for axis in order:
        places = [place + steps[axis] * i for place in places for i in range(sizes[axis])]
    return tuple([elements[place] for place in places])


def axis_of(call: Call, number: int, axis: int, rank: int | None = None) -> int:
    """The axis of an input that is `axis` of the file, which may be below 0."""
    rank = call.input(number).rank if rank is None else rank
    place = axis + rank if axis < 0 else axis
    if not 0 <= place < rank:
        raise Unmapped(f"there is no axis {axis} in a tensor of {rank} axes")
    return image_axis(place, rank) if is_image(call, number) else place


def known_number(call: Call, number: int, what: str) -> int:
    """The one element of an input of whole numbers that has to be known."""
    (element, *more) = known_numbers(call, number, what) or (None,)
    if element is None or more:
        raise Unmapped(f"has {len(more) + 1 if more else 0} {what}, not one")
    return element


def known_numbers(call: Call, number: int, what: str, count: int | None = None) -> tuple[int, ...]:
    """The elements of an input of whole numbers that has to be known, `count` of them."""
    known = call.input(number).known
    if known is None or not all(isinstance(x, int) for x in known):
        raise Unmapped(f"has {what} that are not known")
    if count is not None and len(known) != count:
        raise Unmapped(f"has {len(known)} {what}, not {count}")
    return known
