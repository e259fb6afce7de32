"""Operators of ONNX that move elements, and those that calculate with shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.at_positions import Slices, gather_slices
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.images import (
    depth_to_space,
    pad,
    resize,
    space_to_depth,
)
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat, expand, slice_of, take, tile, transpose
from mnet_cost.importing.mapping.onnx.reading import (
    axes_of,
    each,
    number_of,
    setting,
    sizes_of,
    stored,
    version,
    whole,
)
from mnet_cost.importing.mapping.parts import picked, split
from mnet_cost.importing.mapping.positions import gathered, spread
from mnet_cost.importing.mapping.stored import embedding, looked_up, made_of
from mnet_cost.importing.mapping.values import Dim, Refused, Unmapped, Value, plain
from mnet_cost.importing.readers.onnx_messages import TENSOR_TYPES
from mnet_cost.tensors import product

_END = 2**31 - 1


def shape(b: Builder, call: Call) -> Value:
    """Shape: sizes as known numbers."""
    x = call.input(0)
    sizes = x.shape[call.get("start", 0) : call.get("end", None)]
    return Value((len(sizes),), "int64", known=sizes, static=True)


def size(b: Builder, call: Call) -> Value:
    """Size: the number of elements, which is known."""
    total: Any = 1
    for part in call.input(0).shape:
        if isinstance(total, Batch) and isinstance(part, Batch):
            raise Unmapped("counts elements of examples twice")
        if isinstance(part, Batch):
            total = Batch(part.times * total)
        else:
            total = Batch(total.times * part) if isinstance(total, Batch) else total * part
    return Value((), "int64", known=(total,), static=True)


def reshape(b: Builder, call: Call) -> Value:
    """Reshape: 0 stands for the size of the input, -1 for what remains."""
    x, target = call.input(0), sizes_of(call.input(1))
    sizes: list[Dim] = []
    for i, wanted in enumerate(target):
        if wanted == 0 and not call.get("allowzero", 0):
            if i >= x.rank:
                raise Unmapped("takes over the size of an axis that is not there")
            wanted = x.shape[i]
        sizes.append(wanted)
    return b.reshaped_to(x, sizes)


def flatten(b: Builder, call: Call) -> Value:
    """Flatten: into two axes, cut in front of `axis`."""
    x = call.input(0)
    axis = call.get("axis", 1)
    cut = axis + x.rank if axis < 0 else axis
    if not 0 <= cut <= x.rank:
        raise Unmapped(f"cuts {x.rank} axes at {axis}")
    if cut == 1:
        return b.reshaped_to(x, (x.shape[0], -1))
    if any(isinstance(part, Batch) for part in x.shape[cut:]):
        return b.reshaped_to(x, (product(plain(x.shape[:cut])), -1))
    return b.reshaped_to(x, (-1, product(plain(x.shape[cut:]))))


def squeeze(b: Builder, call: Call) -> Value:
    """Squeeze: axes of size 1 go, all of them where none are named."""
    x, axes = call.input(0), axes_of(call, 1)
    if axes is None:
        places = [i for i, part in enumerate(x.shape) if part == 1]
    else:
        places = [x.place(axis) for axis in axes]
    if any(x.shape[place] != 1 for place in places):
        raise Unmapped("takes away an axis that is not of size 1")
    return b.reshaped(x, [part for i, part in enumerate(x.shape) if i not in places])


def unsqueeze(b: Builder, call: Call) -> Value:
    """Unsqueeze: new axes of size 1."""
    x, axes = call.input(0), axes_of(call, 1)
    if axes is None:
        raise Unmapped("has no axes")
    rank = x.rank + len(axes)
    places = {axis + rank if axis < 0 else axis for axis in axes}
    if len(places) < len(axes) or not all(0 <= place < rank for place in places):
        raise Unmapped(f"has axes {axes} for {x.rank} axes")
    old = iter(x.shape)
    made = tuple([1 if place in places else next(old) for place in range(rank)])
    if x.positions and (result := spread(x, made)) is not None:
        return result
    return b.reshaped(x, made)


def gather(b: Builder, call: Call) -> Value:
    """Gather: a position, some positions, rows of a table for numbers of an input."""
    x, index = call.input(0), call.input(1)
    axis = x.place(call.get("axis", 0))
    if index.known is not None and all(isinstance(i, int) for i in index.known):
        if index.rank == 0:
            return take(b, x, axis, index.known[0])
        if x.numbers is not None and x.rank == 1:
            known = tuple([_at(x.numbers, i) for i in index.known])
            return Value(index.shape, x.dtype, known=known, static=True)
        if index.rank == 1 and len(index.known):
            return picked(b, x, axis, index.known)
    made = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    if x.stored is not None and index.static:
        return looked_up(b, x, made)
    if x.rank == 1 and index.positions:
        return gathered(b, x, index)
    if axis == 0 and index.wire is not None and x.stored is not None and x.rank == 2:
        return embedding(b, x, index)
    return gather_slices(b, x, index, Slices(axis))


def _at(elements: tuple[Any, ...], index: int) -> Any:
    if not -len(elements) <= index < len(elements):
        raise Unmapped(f"takes position {index} of {len(elements)}")
    return elements[index]


def slices(b: Builder, call: Call) -> Value:
    """Slice: bounds are attributes before version 10."""
    x = call.input(0)
    starts, stops = setting(call, "starts", 1), setting(call, "ends", 2)
    axes, steps = setting(call, "axes", 3), setting(call, "steps", 4)
    if starts is None or stops is None or len(starts) != len(stops):
        raise Unmapped("has no bounds")
    axes = whole(list(range(len(starts))) if axes is None else axes)
    steps = whole([1] * len(starts) if steps is None else steps)
    if not len(axes) == len(steps) == len(starts):
        raise Unmapped(f"has {len(axes)} axes and {len(steps)} steps for {len(starts)} bounds")
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        place = x.place(axis)
        if x.shape[place] == stop and start == 0 and step == 1:
            continue  # the whole axis, which may be the batch
        (start,) = whole([start])
        last = None if isinstance(stop, int) and stop >= _END else whole([stop])[0]
        x = slice_of(b, x, place, start, last, step)
    return x


def split_rule(b: Builder, call: Call) -> list[Value]:
    """Split: sizes are an attribute before version 13; without them parts are equal."""
    x = call.input(0)
    axis = x.place(call.get("axis", 0))
    sizes = setting(call, "split", 1)
    if sizes is None:
        parts = call.get("num_outputs", len(call.node.outputs))
        whole_size = x.shape[axis]
        if isinstance(whole_size, Batch) or not 0 < parts <= whole_size:
            raise Unmapped(f"cuts {whole_size} into {parts} parts")
        each = -(-whole_size // parts)
        sizes = [each] * (parts - 1) + [whole_size - each * (parts - 1)]
    sizes = whole(sizes)
    parts = iter(split(b, x, axis, [part for part in sizes if part]))
    empty = (*x.shape[:axis], 0, *x.shape[axis + 1 :])
    return [next(parts) if part else Value(empty, x.dtype, known=()) for part in sizes]


def expand_rule(b: Builder, call: Call) -> Value:
    """Expand: a broadcast to a shape, whose axes of size 1 stay as they are."""
    return expand(b, call.input(0), sizes_of(call.input(1)))


def tile_rule(b: Builder, call: Call) -> Value:
    """Tile."""
    repeats = call.input(1).known
    if repeats is None:
        raise Unmapped("has repeats that are not known")
    return tile(b, call.input(0), whole(list(repeats)))


def pad_rule(b: Builder, call: Call) -> Value:
    """Pad: ends are an attribute before version 11; all numbers before come first."""
    x = call.input(0)
    pads, value = setting(call, "pads", 1), number_of(call, "value", 2) or 0.0
    axes = setting(call, "axes", 3)
    if pads is None:
        raise Unmapped("has no pads")
    places = [x.place(axis) for axis in whole(list(range(x.rank)) if axes is None else axes)]
    half = len(places)
    if len(pads) != 2 * half:
        raise Unmapped(f"has {len(pads)} pads for {half} axes")
    ends = dict(zip(places, zip(whole(pads[:half]), whole(pads[half:]), strict=True), strict=True))
    mode = call.get("mode", "constant")
    return pad(b, x, ends, {"edge": "replicate", "wrap": "circular"}.get(mode, mode), value)


def resize_rule(b: Builder, call: Call) -> Value:
    """Resize, and Upsample before version 10: to sizes, or by factors."""
    x = call.input(0)
    is_old = call.node.operator == "Upsample" or version(b) < 11
    factors = setting(call, "scales", 1 if is_old else 2)
    sizes = None if is_old else setting(call, "sizes", 3)
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(
        call.get("mode", "nearest"), call.get("mode", "nearest")
    )
    axes = call.get("axes", range(x.rank))
    places = [x.place(axis) for axis in axes]
    if call.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Unmapped("keeps the ratio of the sides")
    if sizes:
        return resize(b, x, each(places, sizes), None, mode, is_aligned(call))
    if not factors:
        raise Unmapped("has neither sizes nor factors that are known")
    if not all(isinstance(factor, (int, float)) and 0 < factor < _END for factor in factors):
        raise Unmapped("has factors that are not above 0")
    return resize(b, x, None, each(places, factors), mode, is_aligned(call))


def is_aligned(call: Call) -> bool:
    """Whether corners stay corners."""
    return bool(call.get("coordinate_transformation_mode") == "align_corners")


def depth_to_space_rule(b: Builder, call: Call) -> Value:
    """DepthToSpace."""
    return depth_to_space(
        b, call.input(0), call.get("blocksize", 1), by_depth=call.get("mode", "DCR") == "DCR"
    )


def center(b: Builder, call: Call) -> Value:
    """CenterCropPad: cut off or padded on both sides alike."""
    x, sizes = call.input(0), sizes_of(call.input(1))
    axes = call.get("axes", range(x.rank))
    places = [x.place(axis) for axis in axes]
    for place, wanted in each(places, whole(sizes)).items():
        (old,) = whole([x.shape[place]])
        if wanted < old:
            start = (old - wanted) // 2
            x = slice_of(b, x, place, start, start + wanted)
        elif wanted > old:
            before = (wanted - old) // 2
            x = pad(b, x, {place: (before, wanted - old - before)}, "constant", 0.0)
    return x


def dropout(b: Builder, call: Call) -> list[Value]:
    """Dropout at inference: its input, and a mask that is true everywhere."""
    x, training = call.input(0), call.optional(2)
    if training is not None and training.number is not False:
        raise Refused(
            "leaves out elements by chance, as in training",
            "export the model in evaluation mode: `model.eval()`",
        )
    if len(call.node.outputs) < 2:
        return [x]
    return [x, stored(call, x.shape, "bool")]


def bits(b: Builder, call: Call) -> Value:
    """BitCast: the same memory as another type; numbers that are known are others then."""
    x, dtype = call.input(0), TENSOR_TYPES.get(call.get("to", 0))
    if x.wire is None:
        return made_of(b, (x,), x.shape, dtype)
    return x._replace(dtype=dtype, known=None)


RULES: Mapping[str, Rule] = {
    "Shape": shape,
    "Size": size,
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Gather": gather,
    "Slice": slices,
    "Split": split_rule,
    "Expand": expand_rule,
    "Tile": tile_rule,
    "Pad": pad_rule,
    "Resize": resize_rule,
    "Upsample": resize_rule,
    "DepthToSpace": depth_to_space_rule,
    "SpaceToDepth": lambda b, call: space_to_depth(b, call.input(0), call.get("blocksize", 1)),
    "CenterCropPad": center,
    "Transpose": lambda b, call: transpose(
        b, call.input(0), call.get("perm", range(call.input(0).rank)[::-1])
    ),
    "Concat": lambda b, call: concat(
        b, [x for x in call.inputs if x is not None], call.get("axis", 0)
    ),
    "Identity": lambda b, call: call.input(0),
    "Dropout": dropout,
    "BitCast": bits,
}
