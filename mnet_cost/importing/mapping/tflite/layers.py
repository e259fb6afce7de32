"""Operators of TFLite that slide windows over images or multiply with matrices, and fused
activations.

Kernels are [K, kernel_h, kernel_w, C] in the file, those of depthwise convolutions [1, kernel_h,
kernel_w, K].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from mnet_cost.importing.mapping.activations import clamp
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import (
    Ends,
    channels_first,
    convolution,
    non_default,
    plain_pair,
    plain_sizes,
)
from mnet_cost.importing.mapping.elementwise import function
from mnet_cost.importing.mapping.image_order import channels_first as with_channels_first
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import transpose
from mnet_cost.importing.mapping.operands import (
    image,
    in_file_order,
    is_image,
    made,
    permuted,
)
from mnet_cost.importing.mapping.owners import is_trained
from mnet_cost.importing.mapping.pools import pool
from mnet_cost.importing.mapping.products import linear, matmul
from mnet_cost.importing.mapping.values import Unmapped, Value

_FUSED: Mapping[str, Callable[[Builder, Value], Value]] = {
    "NONE": lambda b, x: x,
    "RELU": lambda b, x: clamp(b, x, 0, None),
    "RELU6": lambda b, x: clamp(b, x, 0, 6),
    "RELU_N1_TO_1": lambda b, x: clamp(b, x, -1, 1),
    "TANH": lambda b, x: function(b, x, "tanh"),
}


def fused(rule: Callable[[Builder, Call], Value]) -> Rule:
    """A rule of an operator that may have an activation fused into it, which is a layer here."""

    def with_activation(b: Builder, call: Call) -> Value:
        name = call.get("fused_activation_function", "NONE")
        if name not in _FUSED:
            raise Unmapped(f"has the activation {name}")
        return _FUSED[name](b, rule(b, call))

    return with_activation


def strides(call: Call) -> list[int]:
    """Steps along height and width."""
    return [call.get("stride_h"), call.get("stride_w")]


def padding(call: Call, axes: int = 2) -> Ends | Literal["same"]:
    """Padding as convolutions take it."""
    return "same" if call.get("padding") == "SAME" else [(0, 0)] * axes


def conv_2d(b: Builder, call: Call) -> Value:
    """CONV_2D: groups follow from the channels of the kernel."""
    x, weight = image(b, call, 0), _kernel(b, call.input(1))
    dilation = [call.get("dilation_h_factor"), call.get("dilation_w_factor")]
    groups = _groups(x, weight)
    return convolution(
        b, x, weight, call.optional(2), strides(call), padding(call), dilation, groups
    )


def conv_3d(b: Builder, call: Call) -> Value:
    """CONV_3D: the kernel is [kernel_d, kernel_h, kernel_w, C, K]."""
    x, weight = image(b, call, 0), call.input(1)
    if weight.rank != 5 or x.rank != 5:
        raise Unmapped(f"has a kernel of {weight.rank} axes for {x.rank}")
    weight = permuted(b, weight, (4, 3, 0, 1, 2))
    steps = [call.get("stride_d"), *strides(call)]
    dilation = [call.get(f"dilation_{axis}_factor") for axis in "dhw"]
    groups = _groups(x, weight)
    return convolution(b, x, weight, call.optional(2), steps, padding(call, 3), dilation, groups)


def depthwise_conv_2d(b: Builder, call: Call) -> Value:
    """DEPTHWISE_CONV_2D."""
    x, weight = image(b, call, 0), call.input(1)
    if weight.rank != 4 or x.rank != 4 or weight.shape[0] != 1:
        raise Unmapped(f"has a kernel of shape {list(map(str, weight.shape))}")
    weight = permuted(b, weight, (3, 0, 1, 2))
    dilation = [call.get("dilation_h_factor"), call.get("dilation_w_factor")]
    groups = x.shape[1]
    if not isinstance(groups, int):
        raise Unmapped("works over an axis that has the batch")
    return convolution(
        b, x, weight, call.optional(2), strides(call), padding(call), dilation, groups
    )


def _kernel(b: Builder, weight: Value) -> Value:
    if weight.rank != 4:
        raise Unmapped(f"has a kernel of {weight.rank} axes")
    return permuted(b, weight, with_channels_first(range(4)))


def _groups(x: Value, weight: Value) -> int:
    if x.rank != weight.rank:
        raise Unmapped(f"has a kernel of {weight.rank} axes for {x.rank}")
    channels, of_kernel = x.shape[1], weight.shape[1]
    if not isinstance(channels, int) or not isinstance(of_kernel, int):
        raise Unmapped("works over an axis that has the batch")
    if not of_kernel or channels % of_kernel:
        raise Unmapped(f"has a kernel of {of_kernel} channels for {channels} channels")
    return channels // of_kernel


def transpose_conv(b: Builder, call: Call) -> Value:
    """TRANSPOSE_CONV: the size of the output says what is cut off, or added at the end."""
    x, weight, bias = image(b, call, 2), _kernel(b, call.input(1)), call.optional(3)
    if weight.stored is None or (bias is not None and bias.stored is None):
        raise Unmapped("has a kernel or a bias that is not stored")
    size = call.input(0).known
    if size is None or len(size) != 4:
        raise Unmapped("has the size of an output that is not known")
    before, kernel, steps = (
        plain_sizes(x.shape[2:]),
        plain_sizes(weight.shape[2:]),
        strides(call),
    )
    whole = [(n - 1) * step + k for n, k, step in zip(before, kernel, steps, strict=True)]
    fields: dict[str, Any] = {
        "channels": weight.shape[0],
        "kernel": plain_pair(kernel),
        "stride": non_default(plain_pair(steps), 1),
        "bias": True if bias is not None else None,
        "trained": None if is_trained(weight.stored) else False,
    }
    usual = [n * step for n, step in zip(before, steps, strict=True)]
    if padding(call) != "same" or list(size[1:3]) != usual:
        cuts = [max(0, all_ - wanted) for all_, wanted in zip(whole, size[1:3], strict=True)]
        added = [max(0, wanted - all_) for all_, wanted in zip(whole, size[1:3], strict=True)]
        ends = [(cut // 2, cut - cut // 2) for cut in cuts]
        plain = all(before == after for before, after in ends)
        fields["padding"] = plain_pair([n for n, _ in ends]) if plain else [*ends[0], *ends[1]]
        fields["output_padding"] = non_default(plain_pair(added), 0)
    owns = [weight.stored, None if bias is None else bias.stored]
    return b.layer("conv_transpose2d", (x,), channels_first(x), fields, owns=owns)


def pool_2d(statistic: Literal["avg", "max"]) -> Rule:
    """MAX_POOL_2D and AVERAGE_POOL_2D."""

    def rule(b: Builder, call: Call) -> Value:
        kernel = [call.get("filter_height"), call.get("filter_width")]
        return pool(b, image(b, call, 0), statistic, kernel, strides(call), padding(call))

    return fused(rule)


def fully_connected(b: Builder, call: Call) -> Value:
    """FULLY_CONNECTED: all axes but the last are joined, or stay as they are."""
    x, weight, bias = call.input(0), call.input(1), call.optional(2)
    if weight.rank != 2 or not x.rank:
        raise Unmapped(f"multiplies {x.rank} axes with a matrix of {weight.rank}")
    keeps = call.get("keep_num_dims")
    if keeps and is_image(call, 0) and weight.stored is not None:
        # A matrix at each position of an image is a convolution with a kernel of one element.
        kernel = b.reshaped(weight, (*weight.shape, 1, 1))
        result = convolution(b, x, kernel, bias, (1, 1), "same", (1, 1), 1)
        return made(b, call, result, is_image=True)
    depth = weight.shape[1]
    if keeps or (is_image(call, 0) and x.shape[1] == depth):
        # Of an image that is flattened, only the order of the matrix is another one.
        x = in_file_order(b, call, 0)
    if not keeps and x.rank != 2:
        x = b.reshaped_to(x, (-1, depth))
    result = _product(b, x, weight, bias)
    return made(b, call, result)


def _product(b: Builder, x: Value, weight: Value, bias: Value | None) -> Value:
    if weight.stored is not None:
        return linear(b, x, weight, bias)
    result = matmul(b, x, weight, transpose_second=True)
    if bias is None:
        return result
    wires, shape = b.joined((result, bias))
    return b.layer("add", wires, shape)


def batch_matmul(b: Builder, call: Call) -> Value:
    """BATCH_MATMUL: either tensor may be transposed."""
    first, second = in_file_order(b, call, 0), in_file_order(b, call, 1)
    if call.get("adj_x"):
        first = transpose(b, first, (*range(first.rank - 2), first.rank - 1, first.rank - 2))
    return made(b, call, matmul(b, first, second, transpose_second=call.get("adj_y")))


RULES: Mapping[str, Rule] = {
    "CONV_2D": fused(conv_2d),
    "CONV_3D": fused(conv_3d),
    "DEPTHWISE_CONV_2D": fused(depthwise_conv_2d),
    "TRANSPOSE_CONV": fused(transpose_conv),
    "MAX_POOL_2D": pool_2d("max"),
    "AVERAGE_POOL_2D": pool_2d("avg"),
    "FULLY_CONNECTED": fused(fully_connected),
    "BATCH_MATMUL": batch_matmul,
}
