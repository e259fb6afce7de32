"""Layers and functions of Keras that move elements, and those that do nothing but in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.image_reshapes import reshaped
from mnet_cost.importing.mapping.images import pad, resize
from mnet_cost.importing.mapping.keras.parameters import (
    argument,
    flag,
    from_windows,
    pairs,
    whole,
    wholes,
    windows_over,
)
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import slice_of, take, tile, transpose
from mnet_cost.importing.mapping.operands import axis_of, in_file_order, is_image, made
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value
from mnet_cost.importing.readers.keras import ARGUMENTS


def zero_padding(axes: int) -> Rule:
    """ZeroPadding1D to 3D."""

    def rule(b: Builder, call: Call) -> Value:
        x = windows_over(b, call, axes)
        ends = dict(enumerate(pairs(call, "padding", axes), 2))
        return from_windows(b, call, pad(b, x, ends, "constant", 0.0))

    return rule


def cropping(axes: int) -> Rule:
    """Cropping1D to 3D."""

    def rule(b: Builder, call: Call) -> Value:
        x = windows_over(b, call, axes)
        for place, (before, after) in enumerate(pairs(call, "cropping", axes), 2):
            (size,) = plain_sizes((x.shape[place],))
            if min(before, after) < 0 or before + after >= size:
                raise Unmapped(f"cuts {before} and {after} off {size} positions")
            x = slice_of(b, x, place, before, size - after)
        return from_windows(b, call, x)

    return rule


def center_crop(b: Builder, call: Call) -> Value:
    """CenterCrop of an image that is larger."""
    x = windows_over(b, call, 2)
    for place, name in ((2, "height"), (3, "width")):
        (size,) = plain_sizes((x.shape[place],))
        wanted = whole(call, name)
        if not 0 < wanted <= size:
            raise Unmapped(f"cuts {wanted} out of {size} positions")
        start = (size - wanted) // 2
        x = slice_of(b, x, place, start, start + wanted)
    return from_windows(b, call, x)


def up_sampling(axes: int) -> Rule:
    """UpSampling1D and 2D."""

    def rule(b: Builder, call: Call) -> Value:
        x = windows_over(b, call, axes)
        factors = wholes(call, "size", axes, 2)
        if min(factors) < 1:
            raise Unmapped(f"has the factors {factors}")
        ends = {place: float(factor) for place, factor in enumerate(factors, 2)}
        return from_windows(b, call, resize(b, x, None, ends, _mode(call, "nearest"), False))

    return rule


def resizing(b: Builder, call: Call) -> Value:
    """Resizing of images to sizes."""
    x = windows_over(b, call, 2)
    if any(flag(call, f"{name}_to_aspect_ratio", default=False) for name in ("crop", "pad")):
        raise Unmapped("keeps the ratio of sides")
    sizes = {2: whole(call, "height"), 3: whole(call, "width")}
    return from_windows(b, call, resize(b, x, sizes, None, _mode(call, "bilinear"), False))


def _mode(call: Call, default: str) -> str:
    return str(argument(call, "interpolation", default))[:40]


def flatten(b: Builder, call: Call) -> Value:
    """Flatten: only the order of weights behind it depends on that of an image."""
    x = call.input(0)
    return b.reshaped_to(x, (x.shape[0], -1) if x.rank > 1 else (x.shape[0], 1))


def reshape(b: Builder, call: Call) -> Value:
    """Reshape of each example."""
    return reshaped(b, call, [call.input(0).shape[0], *_sizes(argument(call, "target_shape"))])


def reshape_all(b: Builder, call: Call) -> Value:
    """The function reshape, whose sizes have the batch."""
    return reshaped(b, call, _sizes(argument(call, "newshape", argument(call, "shape"))))


def _sizes(value: Any) -> list[Dim]:
    sizes = value if isinstance(value, list) else None
    if sizes is None or any(type(size) is not int or abs(size) > 2**31 for size in sizes):
        raise Unmapped("has sizes that are not known")
    return list(sizes)


def permute(b: Builder, call: Call) -> Value:
    """Permute: axes of an example are counted from 1."""
    order = [0, *_sizes(argument(call, "dims"))]
    return _turned(b, call, order)


def transpose_all(b: Builder, call: Call) -> Value:
    """The function transpose."""
    return _turned(b, call, _sizes(argument(call, "axes")))


def _turned(b: Builder, call: Call, order: Sequence[Any]) -> Value:
    return made(b, call, transpose(b, in_file_order(b, call, 0), order))


def repeat_vector(b: Builder, call: Call) -> Value:
    """RepeatVector: the same features at each position."""
    x, count = call.input(0), whole(call, "n")
    if x.rank != 2:
        raise Unmapped(f"repeats a tensor of {x.rank} axes")
    apart = b.reshaped(x, (x.shape[0], 1, x.shape[1]))
    return made(b, call, tile(b, apart, (1, count, 1)))


def unchanged(b: Builder, call: Call) -> Value:
    """What does something in training alone."""
    return made(b, call, call.input(0), is_image=is_image(call, 0))


def expand_dims(b: Builder, call: Call) -> Value:
    """The function expand_dims: a new axis of size 1."""
    shape = list(in_file_order(b, call, 0).shape)
    axis = whole(call, "axis")
    place = axis + len(shape) + 1 if axis < 0 else axis
    if not 0 <= place <= len(shape):
        raise Unmapped(f"there is no place {axis} for an axis")
    return reshaped(b, call, [*shape[:place], 1, *shape[place:]])


def squeeze(b: Builder, call: Call) -> Value:
    """The function squeeze: named axes of size 1 go."""
    x = in_file_order(b, call, 0)
    axes = argument(call, "axis")
    named = _sizes([axes] if type(axes) is int else axes)
    gone = {x.place(axis) for axis in named if isinstance(axis, int) if True}
    if any(x.shape[place] != 1 for place in gone):
        raise Unmapped("takes away an axis that has more than one position")
    return reshaped(b, call, [size for place, size in enumerate(x.shape) if place not in gone])


def get_item(b: Builder, call: Call) -> Value:
    """Positions, parts and new axes, as `x[:, 0]` or `x[..., None]`."""
    arguments = call.get(ARGUMENTS)
    if len(arguments) != 2 or len(call.inputs) != 1:
        raise Unmapped("takes positions that are calculated")
    index = arguments[1] if isinstance(arguments[1], list) else [arguments[1]]
    if all(isinstance(part, slice) for part in index) and is_image(call, 0):
        x = call.input(0)
        for axis, part in enumerate(index):
            x = _part(b, x, axis_of(call, 0, axis), part)
        return made(b, call, x, is_image=True)
    return made(b, call, _indexed(b, in_file_order(b, call, 0), index))


def _indexed(b: Builder, x: Value, index: Sequence[Any]) -> Value:
    used = sum(type(part) is int or isinstance(part, slice) for part in index)
    place = 0
    for part in index:
        if part is ...:
            place += x.rank - place - _behind(index)
        elif part is None:
            x = b.reshaped(x, (*x.shape[:place], 1, *x.shape[place:]))
            place += 1
        elif type(part) is int:
            x = take(b, x, place, part)
        elif isinstance(part, slice) and used:
            x = _part(b, x, place, part)
            place += 1
        else:
            raise Unmapped("takes positions that are not known")
    return x


def _behind(index: Sequence[Any]) -> int:
    """Axes of the tensor that what is behind `...` takes."""
    at = next(place for place, part in enumerate(index) if part is ...)
    return sum(part is not None for part in index[at + 1 :])


def _part(b: Builder, x: Value, place: int, part: slice) -> Value:
    step = 1 if part.step is None else part.step
    start = part.start if part.start is not None else 0 if step > 0 else -1
    return slice_of(b, x, place, start, part.stop, step)


_TRAINING = (
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout",
    "GaussianDropout", "GaussianNoise", "ActivityRegularization", "Identity", "StochasticDepth",
    "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast",
    "RandomBrightness",
)  # fmt: skip

RULES: Mapping[str, Rule] = {
    **{f"ZeroPadding{axes}D": zero_padding(axes) for axes in (1, 2, 3)},
    **{f"Cropping{axes}D": cropping(axes) for axes in (1, 2, 3)},
    **{f"UpSampling{axes}D": up_sampling(axes) for axes in (1, 2)},
    "Resizing": resizing,
    "CenterCrop": center_crop,
    "Flatten": flatten,
    "Reshape": reshape,
    "Permute": permute,
    "RepeatVector": repeat_vector,
    **dict.fromkeys(_TRAINING, unchanged),
    "ops.Reshape": reshape_all,
    "ops.Transpose": transpose_all,
    "ops.ExpandDims": expand_dims,
    "ops.Squeeze": squeeze,
    "ops.GetItem": get_item,
}
