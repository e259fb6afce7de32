"""Rules of layers that read and write at positions, and of those along an axis (see
`emitter.Rule`)."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.nn import functional as F

from mnet_cost.layers.along import Cumulative, Flip, TopK
from mnet_cost.layers.gather import Gather, Scatter
from mnet_cost.layers.grid_sample import GridSample
from mnet_cost.layers.rearrange import Fold
from mnet_cost.torch_model import positions
from mnet_cost.torch_model.emitter import Emitter, Types, folded, unfolded


def _slices(
    layer: Gather | Scatter, types: Types
) -> tuple[tuple[int, int, int, int], tuple[int, ...]]:
    """`at` and `sizes` as `slices_at` takes them."""
    x, index = types[0].shape, types[1].shape
    first, count = len(x) + layer.along(types[0]), layer.counted(types[1])
    placed = len(index) - layer.tuples - layer.shared
    sizes = x[first : first + count] if layer.tuples else ()
    return (layer.shared + 1, first - layer.shared, placed, len(x) - first - count), sizes


def gather(e: Emitter, layer: Gather, xs: list[Any], types: Types, outputs: Types) -> Any:
    axis = layer.along(types[0])
    if layer.of == "elements":
        return e.call(positions.gather_elements, *xs, axis)
    return e.call(positions.gather_slices, *xs, *_slices(layer, types), outputs[0].shape)


def scatter(e: Emitter, layer: Scatter, xs: list[Any], types: Types, outputs: Types) -> Any:
    axis = layer.along(types[0])
    if layer.of == "elements":
        return e.call(positions.scatter_elements, *xs, axis, layer.operation)
    return e.call(positions.scatter_slices, *xs, *_slices(layer, types), layer.operation)


def grid_sample(e: Emitter, layer: GridSample, xs: list[Any], types: Types, outputs: Types) -> Any:
    own = layer.axes(types[1]) + 1
    x, places = (folded(e, x, type_, own) for x, type_ in zip(xs, types, strict=True))
    made = e.call(
        F.grid_sample,
        x,
        places,
        mode=layer.mode,
        padding_mode=layer.outside,
        align_corners=layer.align_corners,
    )
    return unfolded(e, made, outputs[0], own)


def cumulative(e: Emitter, layer: Cumulative, xs: list[Any], types: Types, outputs: Types) -> Any:
    axis = layer.along(types[0])
    if not layer.exclusive and not layer.reverse:
        return e.call(torch.cumsum if layer.operation == "sum" else torch.cumprod, xs[0], axis)
    return e.call(
        positions.accumulate, xs[0], axis, layer.operation, layer.exclusive, layer.reverse
    )


def top_k(e: Emitter, layer: TopK, xs: list[Any], types: Types, outputs: Types) -> list[Any]:
    axis = layer.along(types[0])
    both = e.call(torch.topk, xs[0], layer.count, axis, not layer.smallest)
    return [e.call(operator.getitem, both, number) for number in range(2)]


def flip(e: Emitter, layer: Flip, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.call(torch.flip, xs[0], layer.places(types[0]))


def fold(e: Emitter, layer: Fold, xs: list[Any], types: Types, outputs: Types) -> Any:
    kernel, stride, dilation, pads, rounding = layer.torch_window(outputs[0])
    x, size = folded(e, xs[0], types[0], 2), outputs[0].shape[-2:]
    if rounding:
        made = e.call(F.fold, x, size, kernel, dilation, (pads[2], pads[0]), stride)
    else:
        made = e.call(positions.fold_windows, x, size, kernel, dilation, pads, stride)
    return unfolded(e, made, outputs[0], 3)
