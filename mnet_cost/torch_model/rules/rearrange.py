"""Rules of shuffled pixels, rolled axes and windows (see `emitter.Rule`)."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from mnet_cost.layers.base import both
from mnet_cost.layers.rearrange import (
    ExpandBatch,
    PixelShuffle,
    PixelUnshuffle,
    Roll,
    Unfold,
    WindowMerge,
    WindowPartition,
)
from mnet_cost.torch_model import modules
from mnet_cost.torch_model.emitter import Emitter, Types, folded, unfolded


def pixel_shuffle(
    e: Emitter, layer: PixelShuffle, xs: list[Any], types: Types, outputs: Types
) -> Any:
    x = e.call(F.pixel_shuffle, folded(e, xs[0], types[0], 3), layer.factor)
    return unfolded(e, x, outputs[0], 3)


def pixel_unshuffle(
    e: Emitter, layer: PixelUnshuffle, xs: list[Any], types: Types, outputs: Types
) -> Any:
    x = e.call(F.pixel_unshuffle, folded(e, xs[0], types[0], 3), layer.factor)
    return unfolded(e, x, outputs[0], 3)


def roll(e: Emitter, layer: Roll, xs: list[Any], types: Types, outputs: Types) -> Any:
    axes, shifts = zip(*layer.shifts(types[0]), strict=True)
    return e.call(torch.roll, xs[0], shifts, axes)


def expand_batch(
    e: Emitter, layer: ExpandBatch, xs: list[Any], types: Types, outputs: Types
) -> Any:
    return xs[0]  # a stored tensor is expanded where it enters a layer that is not stored


def window_partition(
    e: Emitter, layer: WindowPartition, xs: list[Any], types: Types, outputs: Types
) -> Any:
    return e.call(modules.partition_windows, xs[0], both(layer.window))


def window_merge(
    e: Emitter, layer: WindowMerge, xs: list[Any], types: Types, outputs: Types
) -> Any:
    (rows, _), window = layer.window_grid(types)
    return e.call(modules.merge_windows, xs[0], window, rows)


def unfold(e: Emitter, layer: Unfold, xs: list[Any], types: Types, outputs: Types) -> Any:
    kernel, stride, dilation, pads, rounding = layer.torch_window(types[0])
    x, padding = folded(e, xs[0], types[0], 3), (0, 0)
    if rounding:
        padding = (pads[2], pads[0])
    elif any(pads):
        x = e.call(F.pad, x, pads)
    x = e.call(F.unfold, x, kernel, dilation, padding, stride)
    return unfolded(e, x, outputs[0], 2)
