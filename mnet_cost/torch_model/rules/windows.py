"""Rules of convolutions and pools (see `emitter.Rule`): `pads` are (left, right, top, bottom)."""

from __future__ import annotations

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
    is_same,
    sides,
    torch_window,
)
from mnet_cost.layers.dynamic_conv import DeformConv2d, DynamicConv2d
from mnet_cost.layers.pool import AvgPool2d, GlobalAvgPool, GlobalMaxPool, MaxPool2d
from mnet_cost.torch_model import modules
from mnet_cost.torch_model.emitter import Emitter, Rule, Types, folded, unfolded


def _convolution(e: Emitter, layer: Any, x: Any, types: Types, outputs: Types, groups: int) -> Any:
    (type_,), (output,) = types, outputs
    kernel, stride, dilation, pads, rounding = torch_window(layer, type_, output)
    x = folded(e, x, type_, 3)
    padding: Any = 0
    if rounding and (stride == (1, 1) or not e.reused):
        padding = (pads[2], pads[0])
    elif any(pads):
        x = e.call(F.pad, x, pads)
    convolution = e.module(
        nn.Conv2d if layer.trained else modules.ConstantConv2d, type_.shape[-3], output.shape[-3],
        kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=layer.bias,
    )  # fmt: skip
    return unfolded(e, convolution(x), output, 3)


def conv2d(e: Emitter, layer: Conv2d, xs: list[Any], types: Types, outputs: Types) -> Any:
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


def max_pool2d(e: Emitter, layer: MaxPool2d, xs: list[Any], types: Types, outputs: Types) -> Any:
    kernel, stride, dilation, pads, rounding = torch_window(layer, types[0], outputs[0])
    x = folded(e, xs[0], types[0], 3)
    if rounding:
        padding = (pads[2], pads[0])
        x = e.call(F.max_pool2d, x, kernel, stride, padding, dilation, **_ceil_mode(rounding))
    else:
        x = e.call(F.pad, x, pads, value=float("-inf"))
        x = e.call(F.max_pool2d, x, kernel, stride, 0, dilation)
    return unfolded(e, x, outputs[0], 3)


def avg_pool2d(e: Emitter, layer: AvgPool2d, xs: list[Any], types: Types, outputs: Types) -> Any:
    kernel, stride, _, pads, rounding = torch_window(layer, types[0], outputs[0])
    x = folded(e, xs[0], types[0], 3)
    padded = layer.count_include_pad
    if rounding:
        padding = (pads[2], pads[0])
        ceil_mode = _ceil_mode(rounding)
        x = e.call(F.avg_pool2d, x, kernel, stride, padding, **ceil_mode, count_include_pad=padded)
    elif padded:
        inside = pads
        if layer.round_up and not is_same(layer.padding):
            _, below, _, right = sides(layer.padding)
            inside = (pads[0], min(pads[1], right), pads[2], min(pads[3], below))
        beyond = (0, pads[1] - inside[1], 0, pads[3] - inside[3])
        x = e.call(F.pad, x, inside)
        if any(beyond):  # what a last window sees there does not count
            x = e.call(modules.average_windows, x, kernel, stride, beyond)
        else:
            x = e.call(F.avg_pool2d, x, kernel, stride)
    else:
        x = e.call(modules.average_windows, x, kernel, stride, pads)
    return unfolded(e, x, outputs[0], 3)


def _ceil_mode(rounding: str) -> dict[str, bool]:
    """The argument of torch's pools for `rounding`; empty for their default."""
    return {"ceil_mode": True} if rounding == "ceil" else {}


def global_avg_pool(
    e: Emitter, layer: GlobalAvgPool, xs: list[Any], types: Types, outputs: Types
) -> Any:
    return e.call(torch.mean, xs[0], (-2, -1), keepdim=layer.keep)


def global_max_pool(
    e: Emitter, layer: GlobalMaxPool, xs: list[Any], types: Types, outputs: Types
) -> Any:
    return e.call(torch.amax, xs[0], (-2, -1), keepdim=layer.keep)


def adaptive(function: Callable[..., Any]) -> Rule:
    def rule(e: Emitter, layer: Any, xs: list[Any], types: Types, outputs: Types) -> Any:
        x = e.call(function, folded(e, xs[0], types[0], 3), both(layer.size))
        return unfolded(e, x, outputs[0], 3)

    return rule
