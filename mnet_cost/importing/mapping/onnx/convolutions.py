"""Convolutions of ONNX, and what windows of any operator of it have: strides, padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import (
    Ends,
    channels_first,
    convolution,
    non_default,
    plain_padding,
    plain_pair,
    plain_sizes,
    transposed_convolution,
)
from mnet_cost.importing.mapping.elementwise import function
from mnet_cost.importing.mapping.images import pad
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat, slice_of
from mnet_cost.importing.mapping.onnx.reading import channels_of
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value


def conv(b: Builder, call: Call) -> Value:
    """Conv."""
    x, weight = call.input(0), call.input(1)
    axes = weight.rank - 2
    stride, dilation = per_axis(call, "strides", axes), per_axis(call, "dilations", axes)
    ends = padding(call, x, weight.shape[2:], stride, dilation)
    return convolution(b, x, weight, call.optional(2), stride, ends, dilation, call.get("group", 1))


def causal_convolution(b: Builder, call: Call) -> list[Value]:
    """CausalConvWithState: each channel of [N, C, L] by itself, behind the positions that were
    before; and the last positions, for those that will be."""
    x, weight, past = call.input(0), call.input(1), call.optional(3)
    if x.rank != 3 or weight.rank != 3:
        raise Unmapped("is of sequences [N, C, L]")
    before = plain_sizes(weight.shape[2:])[0] - 1
    joined = (
        pad(b, x, {2: (before, 0)}, "constant", 0.0) if past is None else concat(b, (past, x), 2)
    )
    made = convolution(b, joined, weight, call.optional(2), [1], [(0, 0)], [1], channels_of(x))
    activation = call.get("activation", "none")
    if activation not in ("none", "silu", "swish"):
        raise Unmapped(f"has activation {activation}")
    if activation != "none":
        made = function(b, made, "silu")
    if len(call.node.outputs) < 2 or not call.node.outputs[1]:
        return [made]
    if not before:
        return [made, Value((*x.shape[:2], 0), x.dtype, known=())]
    return [made, slice_of(b, joined, 2, -before, None)]


def per_axis(call: Call, name: str, axes: int) -> list[int]:
    """A number for each axis that a window slides over; 1 by default."""
    numbers = list(call.get(name, [1] * axes))
    if len(numbers) != axes or any(n < 1 for n in numbers):
        raise Unmapped(f"has {name} {numbers} for {axes} axes")
    return numbers


def padding(
    call: Call, x: Value, kernel: Sequence[Dim], stride: Sequence[int], dilation: Sequence[int]
) -> Ends | Literal["same"]:
    """Padding of a window: ONNX has all numbers before, then all after."""
    axes = len(stride)
    word = call.get("auto_pad", "NOTSET")
    if word == "VALID":
        return [(0, 0)] * axes
    if word == "SAME_UPPER":
        return "same"
    if word == "SAME_LOWER":  # as `same`, with an odd row or column in front
        ends = []
        sizes = plain_sizes(x.shape[2:])
        for old, k, s, d in zip(sizes, plain_sizes(kernel), stride, dilation, strict=True):
            total = max(0, (-(-old // s) - 1) * s + d * (k - 1) + 1 - old)
            ends.append((total - total // 2, total // 2))
        return ends
    if word != "NOTSET":
        raise Unmapped(f"has auto_pad {word}")
    pads = list(call.get("pads", [0] * 2 * axes))
    if len(pads) != 2 * axes:
        raise Unmapped(f"has {len(pads)} pads for {axes} axes")
    return list(zip(pads[:axes], pads[axes:], strict=True))


def conv_transpose(b: Builder, call: Call) -> Value:
    """ConvTranspose: the size of the output may be stated, and then says what is cut off."""
    x, weight = call.input(0), call.input(1)
    axes = weight.rank - 2
    stride, dilation = per_axis(call, "strides", axes), per_axis(call, "dilations", axes)
    more = list(call.get("output_padding", [0] * axes))
    kernel = plain_sizes(weight.shape[2:])
    wanted = call.get("output_shape")
    word = call.get("auto_pad", "NOTSET")
    if len(more) != axes or x.rank != axes + 2:
        raise Unmapped(
            f"has {len(more)} sizes to add and {x.rank - 2} axes for {axes} of the kernel"
        )
    if wanted is None and word in ("NOTSET", "VALID"):
        ends = padding(call, x, kernel, stride, dilation)
        assert ends != "same"
        return transposed_convolution(
            b, x, weight, call.optional(2), stride, ends, more, dilation, call.get("group", 1)
        )
    if wanted is not None and len(wanted) < axes:
        raise Unmapped(f"has sizes of the output for other axes than {axes}")
    cut = []
    for i, old in enumerate(plain_sizes(x.shape[2:])):
        whole = (old - 1) * stride[i] + more[i] + dilation[i] * (kernel[i] - 1) + 1
        target = old * stride[i] if wanted is None else wanted[len(wanted) - axes + i]
        total = whole - target
        less = total // 2
        cut.append((less, total - less) if word != "SAME_UPPER" else (total - less, less))
    return transposed_convolution(
        b, x, weight, call.optional(2), stride, cut, more, dilation, call.get("group", 1)
    )


def deformed(b: Builder, call: Call) -> Value:
    """DeformConv: offsets, and a mask, are inputs."""
    x, weight, offset = call.input(0), call.input(1), call.input(2)
    bias, mask = call.optional(3), call.optional(4)
    if weight.rank != 4 or weight.stored is None or (bias is not None and bias.stored is None):
        raise Unmapped("has a kernel that is not stored, or is no convolution of an image")
    stride, dilation = per_axis(call, "strides", 2), per_axis(call, "dilations", 2)
    channels, *kernel = plain_sizes((weight.shape[0], *weight.shape[2:]))
    ends = padding(call, x, kernel, stride, dilation)
    fields = {
        "channels": channels,
        "kernel": plain_pair(kernel),
        "stride": non_default(plain_pair(stride), 1),
        "padding": plain_padding(ends, kernel, stride, dilation),
        "dilation": non_default(plain_pair(dilation), 1),
        "groups": non_default(call.get("group", 1), 1),
        "bias": True if bias is not None else None,
    }
    inputs = (x, offset) if mask is None else (x, offset, mask)
    owns = [weight.stored, None if bias is None else bias.stored]
    return b.layer("deform_conv2d", inputs, channels_first(x), fields, owns=owns)


RULES: Mapping[str, Rule] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "CausalConvWithState": causal_convolution,
    "DeformConv": deformed,
}
