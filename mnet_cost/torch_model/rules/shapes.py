"""Rules of joins, reshapes, slices and boxes (see `emitter.Rule`)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mnet_cost.layers import Layer
from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.base import both
from mnet_cost.layers.detection import BoxDecode, NonMaxSuppression, RoiAlign, RoiPool
from mnet_cost.layers.elementwise import Concat
from mnet_cost.layers.layout import ChannelShuffle, ToImage, ToSequence
from mnet_cost.layers.reshape import Dropout, Flatten, Identity, Pad, Reshape, Resize, Transpose
from mnet_cost.layers.select import Slice, Split, Take
from mnet_cost.torch_model import modules
from mnet_cost.torch_model.emitter import Emitter, Rule, Types, aligned, folded, unfolded


def joined(function: Callable[..., Any]) -> Rule:
    def rule(e: Emitter, layer: Layer, xs: list[Any], types: Types, outputs: Types) -> Any:
        total, *rest = aligned(e, xs, types)
        for x in rest:
            total = e.call(function, total, x)
        return total

    return rule


def concat(e: Emitter, layer: Concat, xs: list[Any], types: Types, outputs: Types) -> Any:
    # Counted from the front: ONNX Runtime keeps blocks of channels through a concatenation along
    # axis 1, and not along axis -3.
    return e.call(torch.cat, tuple(xs), 1 + len(types[0].shape) + layer.joined(types))


def identity(e: Emitter, layer: Identity, xs: list[Any], types: Types, outputs: Types) -> Any:
    return xs[0]


def dropout(e: Emitter, layer: Dropout, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.module(nn.Dropout, layer.rate)(xs[0])


def flatten(e: Emitter, layer: Flatten, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.call(torch.flatten, xs[0], len(outputs[0].shape))


def reshape(e: Emitter, layer: Reshape, xs: list[Any], types: Types, outputs: Types) -> Any:
    flat = e.call(torch.flatten, xs[0], 1)
    return e.call(torch.unflatten, flat, 1, outputs[0].shape)


def transpose(e: Emitter, layer: Transpose, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.call(
        torch.permute, xs[0], (0, *(axis + 1 for axis in layer.order(len(types[0].shape))))
    )


def pad(e: Emitter, layer: Pad, xs: list[Any], types: Types, outputs: Types) -> Any:
    channels, (top, bottom), (left, right) = layer.ends()
    pads = (left, right, top, bottom)
    if layer.mode == "constant":
        ends = (*pads, *channels) if any(channels) else pads
        return e.call(F.pad, xs[0], ends, value=layer.value)
    x = xs[0]
    if layer.copies_edges():
        x = folded(e, x, types[0], 3)
        x = e.call(F.pad, x, tuple(max(pad, 0) for pad in pads), mode=layer.mode)
        x = unfolded(e, x, outputs[0], 3)
    if min(pads) < 0:  # after what is mirrored, which may be cut off on the other side
        x = e.call(F.pad, x, tuple(min(pad, 0) for pad in pads))
    return x


def resize(e: Emitter, layer: Resize, xs: list[Any], types: Types, outputs: Types) -> Any:
    x = folded(e, xs[0], types[0], 3)
    options = {} if layer.mode == "nearest" else {"align_corners": layer.align_corners}
    x = e.call(F.interpolate, x, outputs[0].shape[-2:], mode=layer.mode, **options)
    return unfolded(e, x, outputs[0], 3)


def channel_shuffle(
    e: Emitter, layer: ChannelShuffle, xs: list[Any], types: Types, outputs: Types
) -> Any:
    apart = e.call(torch.unflatten, xs[0], -3, (layer.groups, -1))
    return e.call(torch.flatten, e.call(torch.transpose, apart, -4, -3), -4, -3)


def to_sequence(e: Emitter, layer: ToSequence, xs: list[Any], types: Types, outputs: Types) -> Any:
    flat = e.call(torch.flatten, xs[0], 1 - layer.own_axes(types[0]))
    return e.call(torch.transpose, flat, -2, -1)


def to_image(e: Emitter, layer: ToImage, xs: list[Any], types: Types, outputs: Types) -> Any:
    turned = e.call(torch.transpose, xs[0], -2, -1)
    return e.call(torch.unflatten, turned, -1, outputs[0].shape[-2:])


def split(e: Emitter, layer: Split, xs: list[Any], types: Types, outputs: Types) -> list[Any]:
    axis = named_axis(types[0], layer.axis, layer.kind)
    parts = e.call(torch.split, xs[0], [output.shape[axis] for output in outputs], axis)
    return [e.call(operator.getitem, parts, number) for number in range(len(outputs))]


def slice_(e: Emitter, layer: Slice, xs: list[Any], types: Types, outputs: Types) -> Any:
    axis = named_axis(types[0], layer.axis, layer.kind)
    whole, count = types[0].shape[axis], outputs[0].shape[axis]
    start = layer.start + whole * (layer.start < 0)
    if layer.step == 1:
        return e.call(torch.narrow, xs[0], axis, start, count)
    stop = start + (count - 1) * layer.step + 1
    return e.call(modules.every, xs[0], axis, start, stop, layer.step)


def take(e: Emitter, layer: Take, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.call(torch.select, xs[0], layer.taken(types[0]), layer.index)


def box_decode(e: Emitter, layer: BoxDecode, xs: list[Any], types: Types, outputs: Types) -> Any:
    return e.call(modules.decode_boxes, xs[0])


def non_max_suppression(
    e: Emitter, layer: NonMaxSuppression, xs: list[Any], types: Types, outputs: Types
) -> Any:
    boxes, scores = xs
    if len(types[1].shape) == 1:
        scores = e.call(torch.unsqueeze, scores, -1)
    return e.call(modules.keep_best, boxes, scores, layer.regions)


def roi_align(e: Emitter, layer: RoiAlign, xs: list[Any], types: Types, outputs: Types) -> Any:
    *maps, boxes = xs
    options = {"size": both(layer.size), "samples": layer.samples}
    return e.call(modules.align_regions, boxes, *maps, **options)


def roi_pool(e: Emitter, layer: RoiPool, xs: list[Any], types: Types, outputs: Types) -> Any:
    *maps, boxes = xs
    return e.call(modules.pool_regions, boxes, *maps, size=both(layer.size))
