"""Layers of ncnn that have weights or slide windows, norms, and fused activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mnet_cost.importing.mapping import activations
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import (
    Ends,
    channels_first,
    convolution,
    plain_pair,
    plain_sizes,
    transposed_convolution,
)
from mnet_cost.importing.mapping.elementwise import binary, function, operation
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.ncnn.parameters import (
    parameter,
    real,
    stored,
    whole,
)
from mnet_cost.importing.mapping.norms import batch_norm, group_norm, layer_norm
from mnet_cost.importing.mapping.pools import pool
from mnet_cost.importing.mapping.products import linear
from mnet_cost.importing.mapping.reductions import positions, reduce
from mnet_cost.importing.mapping.stored import embedding
from mnet_cost.importing.mapping.values import Unmapped, Value

_SAME_UPPER, _SAME_LOWER = -233, -234
_BY_DATA = -233
"""In the place of a number of factors that are the second input."""


def hard_sigmoid(b: Builder, x: Value, slope: float, shift: float) -> Value:
    """min(max(slope * x + shift, 0), 1)."""
    if abs(slope - 1 / 6) < 1e-6 and shift == 0.5:
        return function(b, x, "hard_sigmoid")
    scaled = operation(b, x, "multiply", number=slope)
    return activations.clamp(b, operation(b, scaled, "add", number=shift), 0, 1)


def hard_swish(b: Builder, x: Value, slope: float, shift: float) -> Value:
    """x * min(max(slope * x + shift, 0), 1)."""
    if abs(slope - 1 / 6) < 1e-6 and shift == 0.5:
        return function(b, x, "hard_swish")
    return binary(b, x, hard_sigmoid(b, x, slope, shift), "multiply")


def _activated(b: Builder, call: Call, x: Value) -> Value:
    """x with the activation that is fused into its layer."""
    kind = parameter(call, 9, 0)
    given = parameter(call, 10, ())
    values = given if isinstance(given, tuple) else (given,)
    try:
        if kind == 0:
            return x
        if kind == 1:
            return activations.clamp(b, x, 0, None)
        if kind == 2:
            return activations.leaky_relu(b, x, values[0])
        if kind == 3:
            return activations.clamp(b, x, values[0], values[1])
        if kind == 4:
            return function(b, x, "sigmoid")
        if kind == 5:
            return operation(b, x, "mish")
        if kind == 6:
            return hard_swish(b, x, *(values[:2] if len(values) > 1 else (1 / 6, 0.5)))
    except IndexError:
        raise Unmapped(f"has too few numbers for its activation {kind}") from None
    raise Unmapped(f"has the activation {kind}")


def _ends(call: Call, first: int) -> Ends | Literal["same"]:
    """Padding at the top, bottom, left and right, whose parameters begin with the left one."""
    left = whole(call, first, 0)
    if left == _SAME_UPPER:
        return "same"
    if left == _SAME_LOWER:
        raise Unmapped("is padded like `same`, with more in front")
    top = whole(call, first + 10, left)
    right, bottom = whole(call, first + 11, left), whole(call, first + 12, top)
    return [(top, bottom), (left, right)]


def _pair(call: Call, place: int, default: int) -> list[int]:
    """(height, width): that of the width is first, that of the height 10 behind."""
    width = whole(call, place, default)
    return [whole(call, place + 10, width), width]


def _weight(call: Call) -> Value:
    weight = stored(call, "weight")
    if weight is None:
        raise Unmapped("has no stored weights")
    return weight


def conv(b: Builder, call: Call) -> Value:
    """Convolution, ConvolutionDepthWise."""
    x, weight, groups = call.input(0), _weight(call), whole(call, 7, 1)
    if groups < 1:
        raise Unmapped(f"has {groups} groups")
    made = convolution(
        b,
        x,
        weight,
        stored(call, "bias"),
        _pair(call, 3, 1),
        _ends(call, 4),
        _pair(call, 2, 1),
        groups,
    )
    return _activated(b, call, made)


def conv_1d(b: Builder, call: Call) -> Value:
    """Convolution1D."""
    left = whole(call, 4, 0)
    ends: Ends | Literal["same"] = [(left, whole(call, 15, left))]
    if left == _SAME_UPPER:
        ends = "same"
    step, apart = [whole(call, 3, 1)], [whole(call, 2, 1)]
    made = convolution(b, call.input(0), _weight(call), stored(call, "bias"), step, ends, apart, 1)
    return _activated(b, call, made)


def deconv(b: Builder, call: Call) -> Value:
    """Deconvolution."""
    weight = _weight(call)
    right = whole(call, 18, 0)
    ends = _ends(call, 4)
    if ends == "same" or parameter(call, 20, 0) or parameter(call, 21, 0):
        raise Unmapped("has a size of its output instead of padding")
    channels, depth, *kernel = weight.shape
    made = transposed_convolution(
        b,
        call.input(0),
        weight._replace(shape=(depth, channels, *kernel)),
        stored(call, "bias"),
        _pair(call, 3, 1),
        ends,
        [whole(call, 19, right), right],
        _pair(call, 2, 1),
        1,
    )
    return _activated(b, call, made)


def inner_product(b: Builder, call: Call) -> Value:
    """InnerProduct: of all elements of a blob, or of each row of a blob of two axes."""
    x, weight = call.input(0), _weight(call)
    if x.rank != 3 or x.shape[-1] != weight.shape[1]:
        x = b.reshaped_to(x, (x.shape[0], -1))
    return _activated(b, call, linear(b, x, weight, stored(call, "bias")))


def pooling(b: Builder, call: Call) -> Value:
    """Pooling: over windows, over all positions, or to a size."""
    x = call.input(0)
    kind = whole(call, 0, 0)
    if kind not in (0, 1):
        raise Unmapped(f"has pooling type {kind}")
    statistic: Literal["avg", "max"] = "avg" if kind else "max"
    if parameter(call, 4, 0):
        return reduce(b, x, "mean" if kind else "max", list(positions(x)), keep=False)
    if parameter(call, 7, 0):
        size = _pair(call, 8, 0)
        fields = {"size": plain_pair(size)}
        return b.layer(f"adaptive_{statistic}_pool2d", (x,), channels_first(x), fields)
    mode = whole(call, 5, 0)
    if mode not in (0, 1, 2):
        raise Unmapped(f"has the padding mode {mode}")
    padding: Ends | Literal["same"] = "same" if mode == 2 else _ends(call, 3)
    includes = bool(parameter(call, 6, 0))
    return pool(
        b,
        x,
        statistic,
        _pair(call, 1, 0),
        _pair(call, 2, 1),
        padding,
        round_up=mode == 0,
        count_include_pad=includes,
    )


def batch_normalization(b: Builder, call: Call) -> Value:
    """BatchNorm."""
    mean, variance = stored(call, "mean"), stored(call, "variance")
    if mean is None or variance is None:
        raise Unmapped("has no statistics")
    scale, shift = stored(call, "scale"), stored(call, "shift")
    return batch_norm(b, call.input(0), 1, scale, shift, mean, variance, real(call, 1, 0.0))


def layer_normalization(b: Builder, call: Call) -> Value:
    """LayerNorm over the last axis, or over all positions of a channel."""
    x, size = call.input(0), whole(call, 0)
    axes = [x.rank - 1] if x.shape[-1] == size else [x.rank - 2, x.rank - 1]
    if x.rank < 3 and len(axes) > 1:
        raise Unmapped(f"is a norm over {size} elements")
    return layer_norm(b, x, axes, stored(call, "scale"), stored(call, "shift"), real(call, 1, 1e-3))


def group_normalization(b: Builder, call: Call) -> Value:
    """GroupNorm."""
    scale, shift = stored(call, "scale"), stored(call, "shift")
    return group_norm(b, call.input(0), whole(call, 0, 1), scale, shift, real(call, 2, 1e-3))


def instance_normalization(b: Builder, call: Call) -> Value:
    """InstanceNorm."""
    x = call.input(0)
    (channels,) = plain_sizes(x.shape[1:2])
    scale, shift = stored(call, "scale"), stored(call, "shift")
    return group_norm(b, x, channels, scale, shift, real(call, 1, 1e-3))


def scale(b: Builder, call: Call) -> Value:
    """Scale: a factor and a shift for each channel, or factors that are an input."""
    x = call.input(0)
    factors = call.input(1) if whole(call, 0) == _BY_DATA else stored(call, "scale")
    for operand, name in ((factors, "multiply"), (stored(call, "bias"), "add")):
        if operand is not None:
            x = binary(b, x, per_channel(b, operand, x), name)
    return x


def per_channel(b: Builder, value: Value, x: Value) -> Value:
    """Numbers of channels in the shape in which they are broadcast to x."""
    shape = value.shape
    own = shape[1:] if value.batch_axis == 0 else shape
    lead = shape[: len(shape) - len(own)]
    return b.reshaped(value, (*lead, *own, *[1] * (x.rank - 1 - len(own))))


def prelu(b: Builder, call: Call) -> Value:
    """PReLU."""
    slope = stored(call, "slope")
    if slope is None:
        raise Unmapped("has no slopes")
    return activations.prelu(b, call.input(0), slope)


def constant(b: Builder, call: Call) -> Value:
    """MemoryData: a stored tensor."""
    value = stored(call, "constant")
    if value is None:
        raise Unmapped("has no stored tensor")
    return value


def embed(b: Builder, call: Call) -> Value:
    """Embed: rows of a stored matrix."""
    rows = embedding(b, _weight(call), call.input(0))
    bias = stored(call, "bias")
    return rows if bias is None else binary(b, rows, bias, "add")


def attention(b: Builder, call: Call) -> Value:
    """MultiHeadAttention of one sequence, with a bias in each projection."""
    parts = [stored(call, name) for name in ("query", "key", "value", "output")]
    x = call.input(0)
    if len(call.inputs) > 1 or None in parts or x.rank != 3 or parameter(call, 5, 0):
        raise Unmapped("is of several sequences, or has a mask")
    features, size = whole(call, 0), x.shape[-1]
    if any(part is None or part.shape != (features, size) for part in parts[:3]):
        raise Unmapped("has projections of several sizes")
    fields = {"heads": whole(call, 1, 1), "features": None if size == features else features}
    owns = [part.stored for part in parts if part is not None]
    return b.layer("attention", (x,), x.shape, fields, owns=owns)


def softmax(b: Builder, call: Call) -> Value:
    """Softmax."""
    x, axis = call.input(0), whole(call, 0, 0)
    return activations.softmax(b, x, axis + 1 if axis >= 0 else axis)


RULES: Mapping[str, Rule] = {
    "Convolution": conv,
    "ConvolutionDepthWise": conv,
    "Convolution1D": conv_1d,
    "Deconvolution": deconv,
    "InnerProduct": inner_product,
    "Pooling": pooling,
    "BatchNorm": batch_normalization,
    "LayerNorm": layer_normalization,
    "GroupNorm": group_normalization,
    "InstanceNorm": instance_normalization,
    "Scale": scale,
    "PReLU": prelu,
    "MemoryData": constant,
    "Embed": embed,
    "MultiHeadAttention": attention,
    "Softmax": softmax,
}
