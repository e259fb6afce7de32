"""Operators of TFLite that move elements, and those that calculate with shapes.

A file reshapes what has channels last. Where an image becomes one row of features, or is made of
one, only the order of weights before or after it depends on that, so no layer puts channels last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import channels_first, plain_sizes
from mnet_cost.importing.mapping.image_order import channels_first as with_channels_first
from mnet_cost.importing.mapping.image_order import channels_last
from mnet_cost.importing.mapping.image_reshapes import reshaped
from mnet_cost.importing.mapping.images import pad, resize
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat, expand, slice_of, take, tile
from mnet_cost.importing.mapping.operands import (
    as_output,
    axis_of,
    image,
    in_file_order,
    is_image,
    known_number,
    known_numbers,
    left_of,
    made,
    makes_image,
    permuted,
)
from mnet_cost.importing.mapping.parts import picked, split, stack, unbind
from mnet_cost.importing.mapping.stored import constant, embedding
from mnet_cost.importing.mapping.tflite.idioms import CHANNEL_SHUFFLE, REPEAT
from mnet_cost.importing.mapping.tflite.layers import fused
from mnet_cost.importing.mapping.tflite.positions import slices_at
from mnet_cost.importing.mapping.values import ALONE, Dim, Unmapped, Value, mixing
from mnet_cost.tensors import MAX_SIZE


def shape(b: Builder, call: Call) -> Value:
    """SHAPE: sizes as known numbers, in the order of the file."""
    sizes = call.input(0).shape
    if is_image(call, 0):
        sizes = channels_last(sizes)
    return Value((len(sizes),), "int32", known=sizes, static=True)


def rank(b: Builder, call: Call) -> Value:
    """RANK: the number of axes."""
    return Value((), "int32", known=(call.input(0).rank,), static=True)


def reshape(b: Builder, call: Call) -> Value:
    """RESHAPE: the shape is an input, or an option in old files."""
    target = call.input(1).known if call.optional(1) is not None else call.get("new_shape")
    if target is None:
        raise Unmapped("has a shape that is not known")
    return reshaped(b, call, list(target))


def squeeze(b: Builder, call: Call) -> Value:
    """SQUEEZE: axes of size 1 go, all of them or those that are named."""
    x = call.input(0)
    sizes = list(channels_last(x.shape) if is_image(call, 0) else x.shape)
    named = [
        axis % len(sizes) for axis in call.get("squeeze_dims") if -len(sizes) <= axis < len(sizes)
    ]
    if any(sizes[axis] not in (1, ALONE) for axis in named):
        raise Unmapped("takes away an axis that has more than one position")
    gone = named or [axis for axis, size in enumerate(sizes) if size == 1]
    target = [size for axis, size in enumerate(sizes) if axis not in gone]
    return reshaped(b, call, target)


def expand_dims(b: Builder, call: Call) -> Value:
    """EXPAND_DIMS: a new axis of size 1."""
    x = call.input(0)
    sizes = list(channels_last(x.shape) if is_image(call, 0) else x.shape)
    axis = known_number(call, 1, "axes")
    if not -len(sizes) - 1 <= axis <= len(sizes):
        raise Unmapped(f"there is no place {axis} for an axis beside {len(sizes)}")
    sizes.insert(axis % (len(sizes) + 1), 1)
    if x.known is not None and x.wire is None and not makes_image(call):
        return x._replace(shape=tuple(sizes))
    return reshaped(b, call, sizes)


def transposed(b: Builder, call: Call) -> Value:
    """TRANSPOSE: of images, an order that puts channels elsewhere may be none."""
    x = call.input(0)
    order: Sequence[int] = known_numbers(call, 1, "an order of axes")
    if sorted(order) != list(range(x.rank)):
        raise Unmapped(f"has an order {list(order)} for {x.rank} axes")
    if is_image(call, 0):
        places = channels_last(range(x.rank))
        order = [places[axis] for axis in order]
    if makes_image(call):
        order = with_channels_first(order)
    return permuted(b, x, order)


def concatenation(b: Builder, call: Call) -> Value:
    """CONCATENATION."""
    numbers = range(max(1, len(call.inputs)))
    values = [as_output(b, call, i, call.input(i).rank) for i in numbers]
    return concat(b, values, _axis_of_output(call, values[0], call.get("axis")))


def _axis_of_output(call: Call, x: Value, axis: int) -> int:
    place = x.place(axis)
    return channels_last(range(x.rank))[place] if makes_image(call) else place


def pack(b: Builder, call: Call) -> Value:
    """PACK: tensors one after the other along a new axis."""
    values = [in_file_order(b, call, i) for i in range(max(1, len(call.inputs)))]
    rank = values[0].rank
    if not -rank - 1 <= call.get("axis") <= rank:
        raise Unmapped(f"there is no place {call.get('axis')} for an axis beside {rank}")
    return made(b, call, stack(b, values, call.get("axis")))


def unpack(b: Builder, call: Call) -> list[Value]:
    """UNPACK: all positions along an axis."""
    x, place = call.input(0), axis_of(call, 0, call.get("axis"))
    if x.shape[place] != len(call.node.outputs):
        raise Unmapped(f"takes {len(call.node.outputs)} of {x.shape[place]} positions")
    return [left_of(b, call, part, x.rank, [place]) for part in unbind(b, x, place)]


def split_evenly(b: Builder, call: Call) -> list[Value]:
    """SPLIT into equal parts; the axis is the first input."""
    axis = known_number(call, 0, "axes")
    x, parts = call.input(1), call.get("num_splits")
    place = axis_of(call, 1, axis)
    (size,) = plain_sizes(x.shape[place : place + 1])
    if parts != len(call.node.outputs) or parts < 1 or size % parts:
        raise Unmapped(f"cuts {size} positions into {parts} parts")
    return _parts(b, call, x, place, [size // parts] * parts)


def split_v(b: Builder, call: Call) -> list[Value]:
    """SPLIT_V into parts of known sizes."""
    x, axis = call.input(0), known_number(call, 2, "axes")
    sizes = list(known_numbers(call, 1, "sizes"))
    place = axis_of(call, 0, axis)
    (size,) = plain_sizes(x.shape[place : place + 1])
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = size - sum(sizes) - 1
    return _parts(b, call, x, place, sizes)


def _parts(b: Builder, call: Call, x: Value, place: int, sizes: list[int]) -> list[Value]:
    if len(sizes) != len(call.node.outputs):
        raise Unmapped(f"has {len(call.node.outputs)} outputs for {len(sizes)} parts")
    return split(b, x, place, sizes)


def sliced(b: Builder, call: Call) -> Value:
    """SLICE: from known positions on, so many as known."""
    x = call.input(0)
    starts = known_numbers(call, 1, "positions", x.rank)
    counts = known_numbers(call, 2, "sizes", x.rank)
    for axis, (start, count) in enumerate(zip(starts, counts, strict=True)):
        place = axis_of(call, 0, axis)
        stop = None if count == -1 or x.shape[place] in (ALONE, count) else start + count
        x = slice_of(b, x, place, start, stop)
    return x


def strided_slice(b: Builder, call: Call) -> Value:
    """STRIDED_SLICE: bits of masks say which bounds are left out, and which axes go."""
    x = call.input(0)
    if call.get("ellipsis_mask") or call.get("new_axis_mask"):
        raise Unmapped("has an ellipsis or a new axis")
    starts = known_numbers(call, 1, "positions")
    stops = known_numbers(call, 2, "positions", len(starts))
    steps = known_numbers(call, 3, "steps", len(starts))
    gone = []
    for axis, (start, stop, step) in enumerate(zip(starts, stops, steps, strict=True)):
        bit = 1 << axis
        place = axis_of(call, 0, axis)
        if call.get("shrink_axis_mask") & bit:
            x = slice_of(b, x, place, start, start + 1 if start != -1 else None)
            gone.append(axis)
            continue
        if step < 1:
            raise Unmapped(f"takes positions with a step of {step}")
        first = 0 if call.get("begin_mask") & bit else start
        end = stop + start if call.get("offset") else stop
        last = None if call.get("end_mask") & bit or x.shape[place] == ALONE else end
        x = slice_of(b, x, place, first, last, step)
    if not gone:
        return made(b, call, x, is_image=is_image(call, 0))
    sizes = list(channels_last(x.shape) if is_image(call, 0) else x.shape)
    left = [size for axis, size in enumerate(sizes) if axis not in gone]
    if x.known is not None:
        return x._replace(shape=tuple(left))
    if any(sizes[axis] != 1 for axis in gone):
        raise mixing()
    return reshaped(b, call._replace(inputs=(x, *call.inputs[1:])), left)


def gather(b: Builder, call: Call) -> Value:
    """GATHER with known indices, of known numbers, of rows of a stored matrix, or at any place."""
    x, index = call.input(0), call.input(1)
    place = axis_of(call, 0, call.get("axis"))
    if index.known is not None:
        known_numbers(call, 1, "indices")
    if x.known is not None and x.rank == 1 and index.known is not None and index.rank:
        if not all(0 <= i < len(x.known) for i in index.known):
            raise Unmapped("takes positions that are not there")
        known = tuple([x.known[i] for i in index.known])
        return Value(index.shape, x.dtype, known=known, static=True)
    if index.known is not None and not index.rank:
        return left_of(b, call, take(b, x, place, index.known[0]), x.rank, [place])
    if index.known is not None and index.rank == 1:
        return made(b, call, picked(b, x, place, index.known), is_image=is_image(call, 0))
    if x.rank == 2 and place == 0 and x.stored is not None:
        return embedding(b, x, index)
    return slices_at(b, call)


def padded(b: Builder, call: Call) -> Value:
    """PAD, PADV2, MIRROR_PAD: positions before and after each axis."""
    x = call.input(0)
    ends = known_numbers(call, 1, "ends", 2 * x.rank)
    places = [axis_of(call, 0, axis) for axis in range(x.rank)]
    pairs = dict(zip(places, zip(ends[::2], ends[1::2], strict=True), strict=True))
    if call.node.operator == "MIRROR_PAD":
        return pad(b, x, pairs, {"REFLECT": "reflect"}.get(call.get("mode"), "symmetric"), 0)
    value = call.input(2).number if call.node.operator == "PADV2" else 0
    if not isinstance(value, (int, float)):
        raise Unmapped("has a constant that is not known")
    return pad(b, x, pairs, "constant", value)


def resized(mode: str) -> Rule:
    """RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR to a known size."""

    def rule(b: Builder, call: Call) -> Value:
        height, width = known_numbers(call, 1, "sizes", 2)
        corners = bool(call.get("align_corners"))
        return resize(b, image(b, call, 0), {2: height, 3: width}, None, mode, corners)

    return rule


def blocks(kind: str) -> Rule:
    """DEPTH_TO_SPACE and SPACE_TO_DEPTH: the order of channels is another one, and no size."""

    def rule(b: Builder, call: Call) -> Value:
        x = image(b, call, 0)
        return b.layer(kind, (x,), channels_first(x), {"factor": call.get("block_size")})

    return rule


def channel_shuffle(b: Builder, call: Call) -> Value:
    """Channels dealt out, one from each group in turn."""
    x = image(b, call, 0)
    return b.layer("channel_shuffle", (x,), x.shape, {"groups": call.get("groups")})


def repeat(b: Builder, call: Call) -> Value:
    """Rows and columns, each several times: the nearest neighbour in a larger image."""
    factors = {2: call.get("rows"), 3: call.get("columns")}
    return resize(b, image(b, call, 0), None, factors, "nearest", False)


def broadcast_to(b: Builder, call: Call) -> Value:
    """BROADCAST_TO: axes of size 1 grow."""
    sizes: Sequence[Dim] = known_numbers(call, 1, "sizes")
    x = in_file_order(b, call, 0)
    if x.shape[:1] == (ALONE,) and len(sizes) == x.rank and sizes[0] == 1:
        sizes = (ALONE, *sizes[1:])
    return made(b, call, expand(b, x, sizes))


def tiled(b: Builder, call: Call) -> Value:
    """TILE: copies along each axis."""
    x = call.input(0)
    counts = known_numbers(call, 1, "repeats", x.rank)
    repeats = with_channels_first(counts) if is_image(call, 0) else counts
    return made(b, call, tile(b, x, repeats), is_image=is_image(call, 0))


def fill(b: Builder, call: Call) -> Value:
    """FILL: a known number in a known shape."""
    sizes, number = known_numbers(call, 0, "sizes"), call.input(1).number
    if any(size < 1 for size in sizes) or prod(sizes) > MAX_SIZE:
        raise Unmapped(f"has the shape {list(sizes)}")
    return constant(b, sizes, call.input(1).dtype, number)


def range_of(b: Builder, call: Call) -> Value:
    """RANGE: known whole numbers from one to before another."""
    first, last, step = (call.input(number).number for number in range(3))
    if not all(isinstance(number, int) for number in (first, last, step)) or not step:
        raise Unmapped("has bounds that are not known")
    numbers = range(first, last, step)
    if len(numbers) > _MOST_FILLED:
        raise Unmapped("has elements that are not known")
    return Value((len(numbers),), "int32", known=tuple(numbers), static=True)


_MOST_FILLED = 1024

RULES: Mapping[str, Rule] = {
    "SHAPE": shape,
    "RANK": rank,
    "RESHAPE": reshape,
    "SQUEEZE": squeeze,
    "EXPAND_DIMS": expand_dims,
    "TRANSPOSE": transposed,
    "CONCATENATION": fused(concatenation),
    "PACK": pack,
    "UNPACK": unpack,
    "SPLIT": split_evenly,
    "SPLIT_V": split_v,
    "SLICE": sliced,
    "STRIDED_SLICE": strided_slice,
    "GATHER": gather,
    "PAD": padded,
    "PADV2": padded,
    "MIRROR_PAD": padded,
    "RESIZE_BILINEAR": resized("bilinear"),
    "RESIZE_NEAREST_NEIGHBOR": resized("nearest"),
    "DEPTH_TO_SPACE": blocks("pixel_shuffle"),
    "SPACE_TO_DEPTH": blocks("pixel_unshuffle"),
    "BROADCAST_TO": broadcast_to,
    "TILE": tiled,
    "FILL": fill,
    "RANGE": range_of,
    CHANNEL_SHUFFLE: channel_shuffle,
    REPEAT: repeat,
}
