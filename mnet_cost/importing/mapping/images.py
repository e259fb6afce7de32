"""Images padded, resized, sampled, and with positions dealt out to channels and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import (
    Ends,
    channels_first,
    non_default,
    plain_padding,
    plain_pair,
    plain_sizes,
)
from mnet_cost.importing.mapping.movement import transpose
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value, concrete, mixing

_PADDED_AXES = 3
"""How many axes, the last ones, the kind `pad` has."""


def pad(
    b: Builder, x: Value, ends: Mapping[int, tuple[int, int]], mode: str, value: float
) -> Value:
    """x with elements before and after some axes (below 0: cut off), by their places."""
    ends = {place: pair for place, pair in ends.items() if any(pair)}
    if not ends:
        return x
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise Unmapped(f"pads in mode `{mode}`")
    shape: list[Dim] = list(x.shape)
    own: dict[int, tuple[int, int]] = {}
    for place, (before, after) in ends.items():
        size = x.shape[place]
        if isinstance(size, Batch):
            raise mixing()
        if mode == "circular" and min(before, after) < 0 < max(before, after):
            raise Unmapped("repeats one side of an axis, of which the other one is cut off")
        shape[place] = size + before + after
        own[x.axis(place)] = (before, after)
    if min(own) < -_PADDED_AXES:
        raise Unmapped("pads another axis than the last three")
    image, added = x, _PADDED_AXES - len(x.own_shape)
    if added > 0:  # the kind takes a tensor of three axes for an image
        image = b.reshaped(x, (*x.shape[: 1 if x.batch_axis == 0 else 0], *[1] * added, *_rest(x)))
    sides = [number for axis in (-2, -1) for number in own.get(axis, (0, 0))]
    rows, columns = (sides[0], sides[1]), (sides[2], sides[3])
    padding: Any = sides if any(sides) else None
    if padding is not None and rows[0] == rows[1] and columns[0] == columns[1]:
        padding = plain_pair([rows[0], columns[0]])
    fields = {
        "padding": padding,
        "channels": plain_pair(own[-3]) if -3 in own else None,
        "mode": non_default(mode, "constant"),
        "value": value or None,
    }
    made = [*image.shape[: image.rank - x.rank + min(ends)], *shape[min(ends) :]]
    return b.reshaped(b.layer("pad", (image,), made, fields, dtype=x.dtype), shape)


def _rest(x: Value) -> tuple[Dim, ...]:
    return x.shape[1:] if x.batch_axis == 0 else x.shape


def resize(
    b: Builder,
    x: Value,
    sizes: Mapping[int, int] | None,
    factors: Mapping[int, float] | None,
    mode: str,
    align_corners: bool,
) -> Value:
    """[N, C, H, W] or [N, C, L] in other sizes, or in sizes that are multiples of its own."""
    if mode not in ("nearest", "bilinear", "bicubic"):
        raise Unmapped(f"resizes in mode `{mode}`")
    if x.rank not in (3, 4):
        raise Unmapped(f"resizes a tensor of {x.rank} axes")
    changed = _changed(x, b.batch, sizes, factors)
    if not changed:
        return x
    if min(changed) < 2:
        raise Unmapped("resizes another axis than those of positions")
    shape: list[Dim] = [changed.get(i, size) for i, size in enumerate(x.shape)]
    image = x if x.rank == 4 else b.reshaped(x, (*x.shape[:2], 1, x.shape[2]))
    wanted = shape if x.rank == 4 else [*shape[:2], 1, shape[2]]
    scale = _scale(image, wanted, factors, x.rank)
    fields = {
        "size": None
        if scale
        else plain_pair([size for size in wanted[2:] if isinstance(size, int)]),
        "scale": scale,
        "mode": non_default(mode, "nearest"),
        "align_corners": True if align_corners and mode != "nearest" else None,
    }
    return b.reshaped(b.layer("resize", (image,), wanted, fields, dtype=x.dtype), shape)


def _changed(
    x: Value, batch: int, sizes: Mapping[int, Dim] | None, factors: Mapping[int, float] | None
) -> dict[int, int]:
    """New sizes of the axes that have others, in a file of `batch` examples."""
    changed = {}
    for place, old in enumerate(x.shape):
        new: Any = old
        if sizes is not None:
            new = sizes.get(place, old)
        elif factors is not None and factors.get(place, 1) != 1:
            if isinstance(old, Batch):
                raise mixing()
            new = int(old * factors[place])
        if new in (old, concrete(old, batch)):
            continue
        if isinstance(old, Batch) or not isinstance(new, int):
            raise mixing()
        changed[place] = new
    return changed


def _scale(image: Value, wanted: list[Dim], factors: Mapping[int, float] | None, rank: int) -> Any:
    """The factors of height and width, where they give the sizes by the rule of the kind."""
    if factors is None:
        return None
    pair = [factors.get(2, 1), factors.get(3, 1)] if rank == 4 else [1, factors.get(2, 1)]
    plain = [int(factor) if factor == int(factor) else float(factor) for factor in pair]
    for old, new, factor in zip(image.shape[2:], wanted[2:], plain, strict=True):
        if not isinstance(old, int) or int(old * factor) != new:
            return None
    return plain_pair(plain)  # type: ignore[arg-type]


def depth_to_space(b: Builder, x: Value, block: int, *, by_depth: bool) -> Value:
    """[N, C, H, W] with channels laid out as rows and columns of blocks.

    By depth, the places of a block come first among the channels; else the new channels do, as in
    `pixel_shuffle`.
    """
    channels, height, width = _image(x)
    if block < 1 or channels % block**2:
        raise Unmapped(f"lays out {channels} channels in blocks of {block}")
    new = channels // block**2
    shape = (x.shape[0], new, height * block, width * block)
    if not by_depth:
        return b.layer("pixel_shuffle", (x,), shape, {"factor": block}, dtype=x.dtype)
    apart = b.reshaped(x, (x.shape[0], block, block, new, height, width))
    return b.reshaped(transpose(b, apart, (0, 3, 4, 1, 5, 2)), shape)


def space_to_depth(b: Builder, x: Value, block: int) -> Value:
    """[N, C, H, W] with blocks of rows and columns laid out as channels, places first."""
    channels, height, width = _image(x)
    if block < 1 or height % block or width % block:
        raise Unmapped(f"has blocks of {block} in an image of {height} x {width}")
    high, wide = height // block, width // block
    apart = b.reshaped(x, (x.shape[0], channels, high, block, wide, block))
    moved = transpose(b, apart, (0, 3, 5, 1, 2, 4))
    return b.reshaped(moved, (x.shape[0], channels * block**2, high, wide))


def _image(x: Value) -> tuple[int, int, int]:
    if x.rank != 4 or x.batch_axis not in (None, 0):
        raise Unmapped("is of images [N, C, H, W]")
    channels, height, width = plain_sizes(x.shape[1:])
    return channels, height, width


_SAMPLE_MODES = {"linear": "bilinear", "cubic": "bicubic"}


def grid_sample(
    b: Builder, x: Value, places: Value, mode: str, outside: str, align_corners: bool
) -> Value:
    """x [N, C, H, W] at places [N, P, Q, 2] between its elements; of a volume one axis more."""
    mode = _SAMPLE_MODES.get(mode, mode)
    if x.rank not in (4, 5) or places.rank != x.rank or places.shape[-1] != x.rank - 2:
        raise Unmapped("is of images [N, C, H, W] and places [N, P, Q, 2], or of volumes")
    if x.shape[0] != places.shape[0] and not places.static:
        raise mixing()
    batch = x.batch_axis
    if batch is not None and places.batch_axis is None:
        places = b.without_axis(places, batch, x.shape[batch])
    fields = {
        "mode": non_default(mode, "bilinear"),
        "outside": non_default(outside, "zeros"),
        "align_corners": align_corners or None,
    }
    return b.layer("grid_sample", (x, places), channels_first(x), fields)


def fold(
    b: Builder,
    x: Value,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    ends: Ends,
    dilation: Sequence[int],
) -> Value:
    """Windows [N, C * h * w, L] added up to an image."""
    if x.rank != 3 or len(size) != 2 or x.batch_axis not in (None, 0):
        raise Unmapped("is of windows [N, C * h * w, L] of an image")
    fields = {
        "size": plain_pair(list(size)),
        "kernel": plain_pair(list(kernel)),
        "stride": non_default(plain_pair(list(stride)), 1),
        "padding": plain_padding(ends, list(kernel), stride, dilation),
        "dilation": non_default(plain_pair(list(dilation)), 1),
    }
    return b.layer("fold", (x,), lambda made: (x.shape[0], *made.shape[-3:]), fields, dtype=x.dtype)


def unfold(
    b: Builder,
    x: Value,
    kernel: Sequence[int],
    stride: Sequence[int],
    ends: Ends,
    dilation: Sequence[int],
) -> Value:
    """Windows of [N, C, H, W] as columns [N, C * h * w, L]."""
    _image(x)
    fields = {
        "kernel": plain_pair(list(kernel)),
        "stride": non_default(plain_pair(list(stride)), 1),
        "padding": plain_padding(ends, list(kernel), stride, dilation),
        "dilation": non_default(plain_pair(list(dilation)), 1),
    }
    batch = x.shape[:1]
    return b.layer("unfold", (x,), lambda made: (*batch, *made.shape[-2:]), fields, dtype=x.dtype)
