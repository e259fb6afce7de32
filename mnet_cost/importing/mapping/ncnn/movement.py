"""Layers of ncnn that move elements, put blobs together or take parts of them."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.images import pad, resize
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat, slice_of, transpose
from mnet_cost.importing.mapping.ncnn.parameters import axis_of, numbers, parameter, real, whole
from mnet_cost.importing.mapping.parts import split
from mnet_cost.importing.mapping.products import matmul
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value

_REST = -233
"""In the place of a size: what remains."""
_ORDERS: Mapping[int, tuple[str, ...]] = {
    2: ("wh", "hw"),
    3: ("whc", "hwc", "wch", "cwh", "hcw", "chw"),
    4: (
        "whdc", "hwdc", "wdhc", "dwhc", "hdwc", "dhwc", "whcd", "hwcd", "wchd", "cwhd", "hcwd",
        "chwd", "wdch", "dwch", "wcdh", "cwdh", "dcwh", "cdwh", "hdcw", "dhcw", "hcdw", "chdw",
        "dchw", "cdhw",
    ),
}  # fmt: skip
"""Orders of axes by number: the axis with neighbours in memory first."""
_AXES = {2: "hw", 3: "chw", 4: "cdhw"}
_MODES = {1: "nearest", 2: "bilinear", 3: "bicubic"}


def reshape(b: Builder, call: Call) -> Value:
    """Reshape: sizes of width, height, depth and channels; -1 is what remains, 0 stays."""
    x = call.input(0)
    given = [parameter(call, place, _REST) for place in (2, 11, 1, 0)]
    sizes: list[Dim] = [size for size in given if isinstance(size, int) and size != _REST]
    if (
        parameter(call, 3, 0)
        or not sizes
        or any(size < -1 for size in sizes if isinstance(size, int))
    ):
        raise Unmapped("has an order of its own, or sizes that are not known")
    own = x.shape[1:]
    for place, size in enumerate(sizes, -len(sizes)):
        if size == 0:
            if -place > len(own):
                raise Unmapped("keeps the size of an axis that is not there")
            sizes[place] = own[place]
    return b.reshaped_to(x, (x.shape[0], *sizes))


def permute(b: Builder, call: Call) -> Value:
    """Permute: an order of axes by number."""
    x, number = call.input(0), whole(call, 0, 0)
    orders = _ORDERS.get(x.rank - 1, ())
    if not 0 <= number < len(orders):
        raise Unmapped(f"has the order {number} for {x.rank - 1} axes")
    axes = _AXES[x.rank - 1]
    order = [axes.index(axis) + 1 for axis in reversed(orders[number])]
    return transpose(b, x, (0, *order))


def concatenated(b: Builder, call: Call) -> Value:
    """Concat."""
    values = [call.input(number) for number in range(max(1, len(call.inputs)))]
    return concat(b, values, axis_of(values[0], whole(call, 0, 0)))


def copies(b: Builder, call: Call) -> list[Value]:
    """Split: the same blob for several readers."""
    return [call.input(0)] * len(call.node.outputs)


def sliced(b: Builder, call: Call) -> list[Value]:
    """Slice: parts along an axis, of sizes that are given or share what remains."""
    x = call.input(0)
    axis = axis_of(x, whole(call, 1, 0))
    (size,) = plain_sizes(x.shape[axis : axis + 1])
    sizes = list(numbers(call, 0) or ())
    if len(sizes) != len(call.node.outputs):
        raise Unmapped(f"has {len(call.node.outputs)} outputs for {len(sizes)} parts")
    for place, part in enumerate(sizes):
        if part == _REST:
            left = size - sum(sizes[:place])
            sizes[place] = left // (len(sizes) - place)
    return split(b, x, axis, sizes)


def crop(b: Builder, call: Call) -> Value:
    """Crop: positions along named axes, or what is left between offsets."""
    x = call.input(0)
    starts, ends, axes = numbers(call, 9), numbers(call, 10), numbers(call, 11)
    if starts is None or ends is None or len(starts) != len(ends):
        raise Unmapped("has offsets instead of positions")
    named = range(len(starts)) if axes is None else axes
    if len(named) != len(starts):
        raise Unmapped(f"has {len(starts)} positions for {len(named)} axes")
    for axis, start, end in zip(named, starts, ends, strict=True):
        stop = None if end in (_REST, 2**31 - 1) else end
        x = slice_of(b, x, axis_of(x, axis), start, stop)
    return x


def flatten(b: Builder, call: Call) -> Value:
    """Flatten: all axes become one."""
    x = call.input(0)
    return b.reshaped_to(x, (x.shape[0], -1))


def squeeze(b: Builder, call: Call) -> Value:
    """Squeeze: named axes of size 1 go."""
    x = call.input(0)
    gone = {axis_of(x, axis) for axis in numbers(call, 3) or ()}
    if not gone or any(x.shape[axis] != 1 for axis in gone):
        raise Unmapped("takes away axes that are not named, or are not of size 1")
    return b.reshaped(x, [size for axis, size in enumerate(x.shape) if axis not in gone])


def expand_dims(b: Builder, call: Call) -> Value:
    """ExpandDims: new axes of size 1."""
    x, axes = call.input(0), numbers(call, 3) or ()
    rank = x.rank - 1 + len(axes)
    places = sorted(axis + rank if axis < 0 else axis for axis in axes)
    sizes = list(x.shape[1:])
    for place in places:
        if not 0 <= place <= len(sizes):
            raise Unmapped(f"there is no place {place} for an axis")
        sizes.insert(place, 1)
    return b.reshaped(x, (x.shape[0], *sizes))


def interp(b: Builder, call: Call) -> Value:
    """Interp: another size, or a multiple of it."""
    x, mode = call.input(0), _MODES.get(whole(call, 0, 0))
    height, width = whole(call, 3, 0), whole(call, 4, 0)
    if mode is None or len(call.inputs) > 1:
        raise Unmapped("has a size that is that of another blob, or a mode that is not known")
    corners = bool(parameter(call, 6, 0))
    if height > 0 and width > 0:
        return resize(b, x, {2: height, 3: width}, None, mode, corners)
    factors = {2: real(call, 1, 1.0), 3: real(call, 2, 1.0)}
    if min(factors.values()) <= 0 or max(factors.values()) > _LARGEST_FACTOR:
        raise Unmapped(f"has the factors {list(factors.values())}")
    return resize(b, x, None, factors, mode, corners)


_LARGEST_FACTOR = 2**16


def padding(b: Builder, call: Call) -> Value:
    """Padding of rows, columns and channels."""
    x = call.input(0)
    kind = {0: "constant", 1: "replicate", 2: "reflect"}.get(whole(call, 4, 0), "unknown")
    rows = (whole(call, 0, 0), whole(call, 1, 0))
    columns = (whole(call, 2, 0), whole(call, 3, 0))
    channels = (whole(call, 7, 0), whole(call, 8, 0))
    ends = {x.rank - 1: columns}
    if x.rank > 2:
        ends[x.rank - 2] = rows
    if x.rank > 3:
        ends[x.rank - 3] = channels
    return pad(b, x, ends, kind, real(call, 5, 0.0))


def shuffle(b: Builder, call: Call) -> Value:
    """ShuffleChannel."""
    x, groups = call.input(0), whole(call, 0, 1)
    (channels,) = plain_sizes(x.shape[1:2])
    if groups < 1 or channels % groups:
        raise Unmapped(f"has {groups} groups of {channels} channels")
    if parameter(call, 1, 0):
        groups = channels // groups
    return b.layer("channel_shuffle", (x,), x.shape, {"groups": groups})


def pixel_shuffle(b: Builder, call: Call) -> Value:
    """PixelShuffle: modes differ in the order of channels alone."""
    x, factor = call.input(0), whole(call, 0, 1)
    if x.rank != 4 or factor < 1:
        raise Unmapped(f"lays out {x.rank - 1} axes in blocks of {factor}")
    channels, height, width = plain_sizes(x.shape[1:])
    shape = (x.shape[0], channels // factor**2, height * factor, width * factor)
    return b.layer("pixel_shuffle", (x,), shape, {"factor": factor})


def product(b: Builder, call: Call) -> Value:
    """MatMul."""
    first, second = call.input(0), call.input(1)
    return matmul(b, first, second, transpose_second=bool(parameter(call, 0, 0)))


RULES: Mapping[str, Rule] = {
    "Reshape": reshape,
    "Permute": permute,
    "Concat": concatenated,
    "Split": copies,
    "Slice": sliced,
    "Crop": crop,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "ExpandDims": expand_dims,
    "Interp": interp,
    "Padding": padding,
    "ShuffleChannel": shuffle,
    "PixelShuffle": pixel_shuffle,
    "MatMul": product,
    "Dropout": lambda b, call: call.input(0),
    "Noop": lambda b, call: call.input(0),
}
