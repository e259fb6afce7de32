"""Rules of convolutions and pools (see `emitter.Rule`).

`pads` are (left, right, top, bottom), as `F.pad` takes them: the last axis comes first.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mnet_cost.layers.base import both
from mnet_cost.layers.conv import (
    Conv2d,
    ConvTranspose2d,
    DepthwiseConv2d,
    ends,
    is_same,
    sides,
    torch_window,
)
from mnet_cost.layers.conv1d3d import AxesConvolution
from mnet_cost.layers.dynamic_conv import DeformConv2d, DynamicConv2d
from mnet_cost.layers.pool import GlobalAvgPool, GlobalMaxPool, GlobalPool
from mnet_cost.torch_model import modules
from mnet_cost.torch_model.emitter import Emitter, Rule, Types, folded, unfolded

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_CONSTANT_CONVOLUTIONS = (
    modules.ConstantConv1d,
    modules.ConstantConv2d,
    modules.ConstantConv3d,
)
_MAX_POOLS = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
_AVG_POOLS = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
"""By the number of axes that a window slides over, from one on."""


def _plain(sizes: tuple[int, ...]) -> Any:
    """Sizes as people write them for torch: the one of a signal is no tuple."""
    return sizes[0] if len(sizes) == 1 else sizes


def _convolution(e: Emitter, layer: Any, x: Any, types: Types, outputs: Types, groups: int) -> Any:
    (type_,), (output,) = types, outputs
    window = torch_window(layer, type_, output)
    axes, pads = len(window.kernel), window.padding
    padding: Any = 0
    x = folded(e, x, type_, 1 + axes)
    if window.rounding and (set(window.stride) == {1} or not e.reused):
        padding = _plain(window.before)
    elif any(pads):
        x = e.call(F.pad, x, pads)
    kind: Any = (_CONVOLUTIONS if layer.trained else _CONSTANT_CONVOLUTIONS)[axes - 1]
    if getattr(layer, "gain", False):  # of images alone
        kind = modules.ScaledConv2d
    convolution = e.module(
        kind, type_.shape[-1 - axes], output.shape[-1 - axes],
        _plain(window.kernel), stride=_plain(window.stride),
        padding=padding, dilation=_plain(window.dilation), groups=groups, bias=layer.bias,
    )  # fmt: skip
    return unfolded(e, convolution(x), output, 1 + axes)


def convolution(
    e: Emitter, layer: Conv2d | AxesConvolution, xs: list[Any], types: Types, outputs: Types
) -> Any:
    return _convolution(e, layer, xs[0], types, outputs, layer.groups)


def depthwise_conv2d(
    e: Emitter, layer: DepthwiseConv2d, xs: list[Any], types: Types, outputs: Types
) -> Any:
    return _convolution(e, layer, xs[0], types, outputs, types[0].shape[-3])


def conv_transpose2d(
    e: Emitter, layer: ConvTranspose2d, xs: list[Any], types: Types, outputs: Types
) -> Any:
    (type_,), (output,) = types, outputs
    kernel, stride, dilation = both(layer.kernel), both(layer.stride), both(layer.dilation)
    cut, extra, native = [], [], True
    for i, side in ((0, 0), (1, 2)):
        full = (type_.shape[i - 2] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1
        total = full - output.shape[i - 2]
        before = max(total, 0) // 2 if is_same(layer.padding) else sides(layer.padding)[side]
        cut.append(before)
        extra.append(output.shape[i - 2] - (full - 2 * before))
        native = native and 0 <= extra[i] < max(stride[i], dilation[i])
    padding: Any = tuple(cut) if native else 0
    convolution = e.module(
        nn.ConvTranspose2d if layer.trained else modules.ConstantConvTranspose2d, type_.shape[-3],
        output.shape[-3], kernel, stride=stride, padding=padding,
        output_padding=tuple(extra) if native else 0, groups=layer.groups, bias=layer.bias,
        dilation=dilation,
    )  # fmt: skip
    x = convolution(folded(e, xs[0], type_, 3))
    if not native:  # cut off, or add, on each side
        x = e.call(F.pad, x, (-cut[1], extra[1] - cut[1], -cut[0], extra[0] - cut[0]))
    return unfolded(e, x, output, 3)


def dynamic_conv2d(
    e: Emitter, layer: DynamicConv2d, xs: list[Any], types: Types, outputs: Types
) -> Any:
    x, kernel = xs
    window = torch_window(layer, types[0], outputs[0], types[1].shape[-2:])
    padding = (window.padding[2], window.padding[0])
    if not window.rounding:
        x, padding = e.call(F.pad, x, window.padding), (0, 0)
    return e.call(
        modules.convolve_each, x, kernel, window.stride, padding, window.dilation, layer.groups
    )


def deform_conv2d(
    e: Emitter, layer: DeformConv2d, xs: list[Any], types: Types, outputs: Types
) -> Any:
    left, _, top, _ = torch_window(layer, types[0], outputs[0]).padding
    convolution = e.module(
        modules.DeformConv2d, types[0].shape[-3], layer.channels, both(layer.kernel),
        stride=both(layer.stride), padding=(top, left), dilation=both(layer.dilation),
        groups=layer.groups, bias=layer.bias,
    )  # fmt: skip
    inputs = [folded(e, x, type_, 3) for x, type_ in zip(xs, types, strict=True)]
    return unfolded(e, convolution(*inputs), outputs[0], 3)


def max_pool(e: Emitter, layer: Any, xs: list[Any], types: Types, outputs: Types) -> Any:
    window = torch_window(layer, types[0], outputs[0])
    axes = len(window.kernel)
    function = _MAX_POOLS[axes - 1]
    kernel, stride, dilation = map(_plain, (window.kernel, window.stride, window.dilation))
    x = folded(e, xs[0], types[0], 1 + axes)
    if window.rounding:
        ceil_mode = _ceil_mode(window.rounding)
        x = e.call(function, x, kernel, stride, _plain(window.before), dilation, **ceil_mode)
    else:
        x = e.call(F.pad, x, window.padding, value=float("-inf"))
        x = e.call(function, x, kernel, stride, 0, dilation)
    return unfolded(e, x, outputs[0], 1 + axes)


def avg_pool(e: Emitter, layer: Any, xs: list[Any], types: Types, outputs: Types) -> Any:
    window = torch_window(layer, types[0], outputs[0])
    axes, pads = len(window.kernel), window.padding
    function = _AVG_POOLS[axes - 1]
    kernel, stride = _plain(window.kernel), _plain(window.stride)
    x = folded(e, xs[0], types[0], 1 + axes)
    padded = layer.count_include_pad
    if window.rounding:
        padding, ceil_mode = _plain(window.before), _ceil_mode(window.rounding)
        x = e.call(function, x, kernel, stride, padding, **ceil_mode, count_include_pad=padded)
    elif padded:
        inside = pads
        if layer.round_up and not is_same(layer.padding):
            declared = [after for _, after in reversed(ends(layer.padding, axes))]
            inside = _with_ends(pads, tuple(map(min, pads[1::2], declared)))
        beyond = _with_ends((0,) * len(pads), tuple(map(operator.sub, pads[1::2], inside[1::2])))
        x = e.call(F.pad, x, inside)
        if any(beyond):  # what a last window sees there does not count
            x = e.call(modules.average_windows, x, window.kernel, window.stride, beyond)
        else:
            x = e.call(function, x, kernel, stride)
    else:
        x = e.call(modules.average_windows, x, window.kernel, window.stride, pads)
    return unfolded(e, x, outputs[0], 1 + axes)


def _with_ends(pads: tuple[int, ...], ends: tuple[int, ...]) -> tuple[int, ...]:
    """`pads` with other numbers for what is behind along each axis."""
    return tuple([size for pair in zip(pads[::2], ends, strict=True) for size in pair])


def _ceil_mode(rounding: str) -> dict[str, bool]:
    """The argument of torch's pools for `rounding`; empty for their default."""
    return {"ceil_mode": True} if rounding == "ceil" else {}


def global_avg_pool(
    e: Emitter, layer: GlobalAvgPool, xs: list[Any], types: Types, outputs: Types
) -> Any:
    return e.call(torch.mean, xs[0], _behind_channels(layer, types), keepdim=layer.keep)


def global_max_pool(
    e: Emitter, layer: GlobalMaxPool, xs: list[Any], types: Types, outputs: Types
) -> Any:
    return e.call(torch.amax, xs[0], _behind_channels(layer, types), keepdim=layer.keep)


def _behind_channels(layer: GlobalPool, types: Types) -> tuple[int, ...]:
    return tuple(range(1 - layer.own_axes(types[0]), 0))


def adaptive(function: Callable[..., Any]) -> Rule:
    def rule(e: Emitter, layer: Any, xs: list[Any], types: Types, outputs: Types) -> Any:
        own = layer.own_axes(types[0])
        x = e.call(function, folded(e, xs[0], types[0], own), _plain(outputs[0].shape[1 - own :]))
        return unfolded(e, x, outputs[0], own)

    return rule
