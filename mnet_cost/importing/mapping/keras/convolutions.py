"""Layers of Keras that slide kernels over images, and matrices."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import (
    convolution,
    plain_sizes,
    transposed_convolution,
)
from mnet_cost.importing.mapping.keras.activations import activated
from mnet_cost.importing.mapping.keras.parameters import (
    argument,
    flag,
    from_windows,
    padding_of,
    stored,
    whole,
    wholes,
    windows_over,
)
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.operands import in_file_order, is_image, made
from mnet_cost.importing.mapping.products import linear
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value


def _channels(x: Value, axis: int = 1) -> int:
    (channels,) = plain_sizes((x.shape[axis],))
    return channels


def _bias(call: Call, size: Dim) -> Value | None:
    return stored(call, "bias", (size,)) if flag(call, "use_bias", default=True) else None


def conv(axes: int) -> Rule:
    """Conv1D, Conv2D and Conv3D."""

    def rule(b: Builder, call: Call) -> Value:
        x = windows_over(b, call, axes)
        filters, groups = whole(call, "filters"), whole(call, "groups", 1)
        kernel = wholes(call, "kernel_size", axes)
        dilation = wholes(call, "dilation_rate", axes, 1)
        channels = _channels(x)
        if groups < 1 or channels % groups:
            raise Unmapped(f"has {groups} groups of {channels} channels")
        weight = stored(call, "kernel", (filters, channels // groups, *kernel))
        padding = padding_of(call, kernel, dilation)
        steps = wholes(call, "strides", axes, 1)
        result = convolution(b, x, weight, _bias(call, filters), steps, padding, dilation, groups)
        return from_windows(b, call, activated(b, result, argument(call, "activation"), 1))

    return rule


def depthwise(axes: int, *, has_pointwise: bool = False) -> Rule:
    """DepthwiseConv1D and 2D; with a convolution 1x1 behind it SeparableConv1D and 2D."""

    def rule(b: Builder, call: Call) -> Value:
        x = windows_over(b, call, axes)
        kernel = wholes(call, "kernel_size", axes)
        dilation = wholes(call, "dilation_rate", axes, 1)
        channels = _channels(x)
        many = channels * whole(call, "depth_multiplier", 1)
        weight = stored(call, "depthwise_kernel", (many, 1, *kernel))
        bias = None if has_pointwise else _bias(call, many)
        padding = padding_of(call, kernel, dilation)
        steps = wholes(call, "strides", axes, 1)
        result = convolution(b, x, weight, bias, steps, padding, dilation, channels)
        if has_pointwise:
            filters, ones = whole(call, "filters"), [1] * axes
            weight = stored(call, "pointwise_kernel", (filters, many, *ones))
            bias = _bias(call, filters)
            result = convolution(b, result, weight, bias, ones, "same", ones, 1)
        return from_windows(b, call, activated(b, result, argument(call, "activation"), 1))

    return rule


def transposed(axes: int) -> Rule:
    """Conv1DTranspose and Conv2DTranspose: padding says what of the output is cut off."""

    def rule(b: Builder, call: Call) -> Value:
        x = windows_over(b, call, axes)
        filters = whole(call, "filters")
        kernel, steps = wholes(call, "kernel_size", axes), wholes(call, "strides", axes, 1)
        dilation = wholes(call, "dilation_rate", axes, 1)
        name, spans = argument(call, "padding", "valid"), []
        for size, step in zip(kernel, dilation, strict=True):
            spans.append((size - 1) * step + 1)
        if name not in ("same", "valid"):
            raise Unmapped(f"has the padding `{str(name)[:40]}`")
        if argument(call, "output_padding") is not None:
            more = wholes(call, "output_padding", axes)
            halves = [span // 2 if name == "same" else 0 for span in spans]
            cut = [(half, half) for half in halves]
        else:
            beyond = [span - step for span, step in zip(spans, steps, strict=True)]
            more = [max(0, -size) for size in beyond]
            all_ = [max(0, size) if name == "same" else 0 for size in beyond]
            cut = [(size // 2, size - size // 2) for size in all_]
        weight = stored(call, "kernel", (_channels(x), filters, *kernel))
        bias = _bias(call, filters)
        result = transposed_convolution(b, x, weight, bias, steps, cut, more, dilation, 1)
        return from_windows(b, call, activated(b, result, argument(call, "activation"), 1))

    return rule


def dense(b: Builder, call: Call) -> Value:
    """Dense: a matrix for the last axis. At each position of an image it is a convolution 1x1."""
    units, activation = whole(call, "units"), argument(call, "activation")
    if is_image(call, 0):
        x = call.input(0)
        ones = [1] * (x.rank - 2)
        weight = stored(call, "kernel", (units, _channels(x), *ones))
        result = convolution(b, x, weight, _bias(call, units), ones, "same", ones, 1)
        return made(b, call, activated(b, result, activation, 1), is_image=True)
    x = in_file_order(b, call, 0)
    if x.rank < 2:
        raise Unmapped("multiplies one number for each example")
    weight = stored(call, "kernel", (units, _channels(x, -1)))
    result = linear(b, x, weight, _bias(call, units))
    return made(b, call, activated(b, result, activation, -1))


RULES: Mapping[str, Rule] = {
    "Conv1D": conv(1),
    "Conv2D": conv(2),
    "Conv3D": conv(3),
    "DepthwiseConv1D": depthwise(1),
    "DepthwiseConv2D": depthwise(2),
    "SeparableConv1D": depthwise(1, has_pointwise=True),
    "SeparableConv2D": depthwise(2, has_pointwise=True),
    "Conv1DTranspose": transposed(1),
    "Conv2DTranspose": transposed(2),
    "Dense": dense,
}
