"""ATen operators with weights, norms, pools, attention: the layers of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping import images, norms
from mnet_cost.importing.mapping.aten.arguments import (
    flag,
    on_axes,
    optional_real,
    optional_tensor,
    places,
    plain,
    plain_whole,
    real,
    tensors,
    whole,
    wholes,
)
from mnet_cost.importing.mapping.attention import attention
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import (
    Ends,
    channels_first,
    convolution,
    plain_pair,
    transposed_convolution,
)
from mnet_cost.importing.mapping.dynamic import dynamic_convolution
from mnet_cost.importing.mapping.einsum import einsum
from mnet_cost.importing.mapping.elementwise import binary, operation
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.pools import pool
from mnet_cost.importing.mapping.products import linear, matmul
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.stored import embedding
from mnet_cost.importing.mapping.values import Refused, Unmapped, Value, mixing


def conv(b: Builder, call: Call) -> Value:
    """conv1d, conv2d, conv3d; `padding` may be a word."""
    x, weight = call.tensor("input"), call.tensor("weight")
    axes = weight.rank - 2
    word = call.get("padding")
    padding: Ends | Literal["same"]
    if word == "same":
        padding = "same"
    elif word == "valid":
        padding = [(0, 0)] * axes
    else:
        padding = [(n, n) for n in on_axes(call, "padding", axes, 0)]
    stride, dilation = on_axes(call, "stride", axes, 1), on_axes(call, "dilation", axes, 1)
    groups = plain(call.get("groups", 1), "groups")
    bias = optional_tensor(call, "bias")
    if not weight.static and bias is None:
        return dynamic_convolution(b, x, weight, stride, padding, dilation, groups)
    if isinstance(groups, Batch):
        raise Unmapped("has groups for each example")
    return convolution(b, x, weight, bias, stride, padding, dilation, groups)


def any_conv(b: Builder, call: Call) -> Value:
    """convolution: the one that conv2d and others are taken apart to."""
    return transposed_conv(b, call) if flag(call, "transposed") else conv(b, call)


def transposed_conv(b: Builder, call: Call) -> Value:
    """conv_transpose1d and conv_transpose2d."""
    x, weight = call.tensor("input"), call.tensor("weight")
    axes = weight.rank - 2
    groups = plain(call.get("groups", 1), "groups")
    if isinstance(groups, Batch):
        raise Unmapped("has groups for each example")
    return transposed_convolution(
        b,
        x,
        weight,
        optional_tensor(call, "bias"),
        on_axes(call, "stride", axes, 1),
        [(n, n) for n in on_axes(call, "padding", axes, 0)],
        on_axes(call, "output_padding", axes, 0),
        on_axes(call, "dilation", axes, 1),
        groups,
    )


def weight_norm(b: Builder, call: Call) -> Value:
    """_weight_norm: g * v / |v|, where v is a kernel and g a factor for each index of `dim`."""
    v, g = call.tensor("v"), call.tensor("g")
    kept = v.place(whole(call, "dim", 0))
    norm = reduce(b, v, "norm", [i for i in range(v.rank) if i != kept], keep=True)
    return binary(b, binary(b, v, norm, "divide"), g, "multiply")


def fully_connected(b: Builder, call: Call) -> Value:
    """linear."""
    x, weight = call.tensor("input"), call.tensor("weight")
    bias = optional_tensor(call, "bias")
    if weight.static:
        x = b.for_each(x)
    if weight.stored is None or x.static:
        product = matmul(b, x, weight, transpose_second=True)
        return product if bias is None else binary(b, product, bias, "add")
    return linear(b, x, weight, bias)


def sum_and_product(b: Builder, call: Call) -> Value:
    """addmm and baddbmm: beta * self + alpha * product."""
    if real(call, "alpha", 1) != 1 or real(call, "beta", 1) != 1:
        raise Unmapped("has a factor")
    first, second = ("mat1", "mat2") if "mat1" in call.arguments else ("batch1", "batch2")
    x, weight, bias = call.tensor(first), call.tensor(second), call.tensor("self")
    if weight.static:
        x = b.for_each(x)
    if weight.stored is not None and weight.rank == 2 and not x.static:
        return linear(b, x, weight, bias, transposed=True)
    return binary(b, matmul(b, x, weight), bias, "add")


def product(b: Builder, call: Call) -> Value:
    """matmul, mm, bmm."""
    other = "other" if "other" in call.arguments else "mat2"
    return matmul(b, call.tensor("self"), call.tensor(other))


def scaled_attention(b: Builder, call: Call) -> Value:
    """scaled_dot_product_attention."""
    return attention(
        b,
        call.tensor("query"),
        call.tensor("key"),
        call.tensor("value"),
        optional_tensor(call, "attn_mask"),
        causal=flag(call, "is_causal"),
        scale=optional_real(call, "scale"),
        grouped=flag(call, "enable_gqa"),
    )


def einsum_of(b: Builder, call: Call) -> Value:
    """einsum; `path` says which two tensors are multiplied first."""
    equation = call.get("equation")
    if not isinstance(equation, str):
        raise Unmapped("has no equation")
    path = wholes(call, "path") if call.get("path") else None
    return einsum(b, equation, tensors(call, "tensors"), path)


def pool_with_places(b: Builder, call: Call) -> list[Value]:
    """max_pool2d_with_indices: where the largest elements are is not known."""
    if len(call.node.outputs) > 1 and b.is_read(call.node.outputs[1]):
        raise Unmapped("also says where the largest elements are")
    made = _pool("max", 2)(b, call)
    assert isinstance(made, Value)
    return [made]


def batch_norm(b: Builder, call: Call) -> Value:
    """batch_norm: by running statistics, or by those of the examples, which are mixed so."""
    x = call.tensor("input")
    scale, shift = optional_tensor(call, "weight"), optional_tensor(call, "bias")
    epsilon = real(call, "eps", 1e-5)
    mean, variance = optional_tensor(call, "running_mean"), optional_tensor(call, "running_var")
    if mean is not None and variance is not None and not flag(call, "training"):
        return norms.batch_norm(b, x, 1, scale, shift, mean, variance, epsilon)
    if x.batch_axis is not None:
        raise Refused(
            "has statistics of the examples, so it mixes them",
            "export the model in evaluation mode: `module.eval()`",
        )
    if x.shape[0] != 1 or x.rank < 3:
        raise Unmapped("has statistics over a first axis that is no batch")
    return norms.group_norm(b, x, _channels(x), scale, shift, epsilon)


def _channels(x: Value) -> int:
    channels = x.shape[1] if x.rank > 1 else 0
    if not isinstance(channels, int):
        raise mixing()
    return channels


def layer_norm(b: Builder, call: Call) -> Value:
    """layer_norm and rms_norm, over the last axes."""
    x, axes = call.tensor("input"), range(-len(wholes(call, "normalized_shape")), 0)
    scale, shift = optional_tensor(call, "weight"), optional_tensor(call, "bias")
    is_rms = call.node.operator.startswith("aten.rms_norm")
    epsilon = real(call, "eps", 1e-5)
    return norms.layer_norm(
        b, x, axes, scale, shift, epsilon, "rms_norm" if is_rms else "layer_norm"
    )


def group_norm(b: Builder, call: Call) -> Value:
    """group_norm."""
    scale, shift = optional_tensor(call, "weight"), optional_tensor(call, "bias")
    x, groups = call.tensor("input"), whole(call, "num_groups")
    return norms.group_norm(b, x, groups, scale, shift, real(call, "eps", 1e-5))


def instance_norm(b: Builder, call: Call) -> Value:
    """instance_norm by statistics of its input."""
    x = call.tensor("input")
    if not flag(call, "use_input_stats", True):
        raise Unmapped("has running statistics")
    scale, shift = optional_tensor(call, "weight"), optional_tensor(call, "bias")
    return norms.group_norm(b, x, _channels(x), scale, shift, real(call, "eps", 1e-5))


def _pool(statistic: Literal["avg", "max"], axes: int) -> Rule:
    def rule(b: Builder, call: Call) -> Value:
        kernel = on_axes(call, "kernel_size", axes, 1)
        stride = on_axes(call, "stride", axes, 1) if call.get("stride") else kernel
        if call.get("divisor_override") is not None:
            raise Unmapped("divides by a number of its own")
        return pool(
            b,
            call.tensor("self"),
            statistic,
            kernel,
            stride,
            [(n, n) for n in on_axes(call, "padding", axes, 0)],
            on_axes(call, "dilation", axes, 1) if statistic == "max" else None,
            round_up=flag(call, "ceil_mode"),
            count_include_pad=flag(call, "count_include_pad", True),
        )

    return rule


def _adaptive_pool(statistic: Literal["avg", "max"], axes: int) -> Rule:
    def rule(b: Builder, call: Call) -> Value | list[Value]:
        x = call.tensor("self")
        places = range(x.rank - axes, x.rank)
        given = call.get("output_size")
        listed = given if isinstance(given, list) else [given] * axes
        if len(listed) != axes or x.rank <= axes:
            raise Unmapped(f"has {len(listed)} sizes for {axes} axes of {x.rank}")
        size = [
            plain_whole(x.shape[place] if wanted is None else wanted, "output_size")
            for place, wanted in zip(places, listed, strict=True)
        ]
        if set(size) == {1}:
            return reduce(b, x, _REDUCTIONS[statistic], places, keep=True)
        return b.layer(
            f"adaptive_{statistic}_pool{axes}d", (x,), channels_first(x), {"size": plain_pair(size)}
        )

    return rule


_REDUCTIONS = {"avg": "mean", "max": "max"}


def _reduction(operation: str) -> Rule:
    def rule(b: Builder, call: Call) -> Value:
        x = call.tensor("self")
        return reduce(b, x, operation, places(call, x), keep=flag(call, "keepdim"))

    return rule


def _deviation(operations: tuple[str, ...]) -> Rule:
    """Variances and deviations, with the mean or without. That of n - 1 is taken for that of n."""

    def rule(b: Builder, call: Call) -> list[Value]:
        x, keep = call.tensor("self"), flag(call, "keepdim")
        return [reduce(b, x, name, places(call, x), keep=keep) for name in operations]

    return rule


def norm(b: Builder, call: Call) -> Value:
    """linalg_vector_norm and norm: the root of a sum of squares, or a sum of absolute values."""
    x = call.tensor("self")
    order = real(call, "ord" if "ord" in call.arguments else "p", 2)
    if order == 1:
        x = operation(b, x, "absolute")
    elif order != 2:
        raise Unmapped(f"is a norm of order {order}")
    name = "norm" if order == 2 else "sum"
    return reduce(b, x, name, places(call, x), keep=flag(call, "keepdim"))


def resized(b: Builder, call: Call) -> Value:
    """upsample_nearest2d and its like."""
    x, operator = call.tensor("input" if "input" in call.arguments else "self"), call.node.operator
    shape = call.stated()
    if shape is None or len(shape) != x.rank:
        raise Unmapped("gives a size that is not known")
    mode = next((ours for ours in ("nearest", "bilinear", "bicubic") if ours in operator), operator)
    wanted = {place: plain_whole(shape[place], "size") for place in range(2, x.rank)}
    scales = call.arguments.get("scale_factors")
    factors = dict(enumerate(scales, 2)) if isinstance(scales, (list, tuple)) else None
    return images.resize(b, x, wanted, factors, mode, flag(call, "align_corners"))


def pixel_shuffle(b: Builder, call: Call) -> Value:
    """pixel_shuffle and pixel_unshuffle."""
    x = call.tensor("self")
    down = "unshuffle" in call.node.operator
    factor = whole(call, "downscale_factor" if down else "upscale_factor")
    kind = "pixel_unshuffle" if down else "pixel_shuffle"
    return b.layer(kind, (x,), channels_first(x), {"factor": factor})


def rows(b: Builder, call: Call) -> Value:
    """embedding."""
    return embedding(b, call.tensor("weight"), call.tensor("indices"))


RULES: Mapping[str, Rule] = {
    "aten.conv1d.default": conv,
    "aten.conv2d.default": conv,
    "aten.conv3d.default": conv,
    "aten.conv1d.padding": conv,
    "aten.conv2d.padding": conv,
    "aten.conv3d.padding": conv,
    "aten.convolution.default": any_conv,
    "aten.conv_transpose1d.default": transposed_conv,
    "aten.conv_transpose2d.input": transposed_conv,
    "aten._weight_norm.default": weight_norm,
    "aten.linear.default": fully_connected,
    "aten.addmm.default": sum_and_product,
    "aten.baddbmm.default": sum_and_product,
    "aten.matmul.default": product,
    "aten.mm.default": product,
    "aten.bmm.default": product,
    "aten.einsum.default": einsum_of,
    "aten.max_pool2d_with_indices.default": pool_with_places,
    "aten.scaled_dot_product_attention.default": scaled_attention,
    "aten.embedding.default": rows,
    "aten.batch_norm.default": batch_norm,
    "aten.layer_norm.default": layer_norm,
    "aten.rms_norm.default": layer_norm,
    "aten.group_norm.default": group_norm,
    "aten.instance_norm.default": instance_norm,
    **{
        f"aten.{statistic}_pool{axes}d.default": _pool(statistic, axes)
        for statistic in ("avg", "max")
        for axes in (1, 2, 3)
    },
    **{
        f"aten.adaptive_{statistic}_pool{axes}d.default": _adaptive_pool(statistic, axes)
        for statistic in ("avg", "max")
        for axes in (1, 2, 3)
    },
    "aten.mean.dim": _reduction("mean"),
    "aten.mean.default": _reduction("mean"),
    "aten.sum.dim_IntList": _reduction("sum"),
    "aten.sum.default": _reduction("sum"),
    "aten.amax.default": _reduction("max"),
    "aten.amin.default": _reduction("min"),
    "aten.max.default": _reduction("max"),
    "aten.min.default": _reduction("min"),
    "aten.prod.dim_int": _reduction("product"),
    "aten.var.correction": _deviation(("variance",)),
    "aten.var.dim": _deviation(("variance",)),
    "aten.std.correction": _deviation(("deviation",)),
    "aten.std.dim": _deviation(("deviation",)),
    "aten.var_mean.correction": _deviation(("variance", "mean")),
    "aten.std_mean.correction": _deviation(("deviation", "mean")),
    "aten.linalg_vector_norm.default": norm,
    "aten.norm.ScalarOpt_dim": norm,
    **dict.fromkeys(
        (
            "aten.upsample_nearest2d.vec",
            "aten.upsample_nearest2d.default",
            "aten._upsample_nearest_exact2d.vec",
            "aten.upsample_bilinear2d.vec",
            "aten.upsample_bilinear2d.default",
            "aten.upsample_bicubic2d.vec",
            "aten.upsample_bicubic2d.default",
            "aten._upsample_bilinear2d_aa.vec",
            "aten._upsample_bicubic2d_aa.vec",
        ),
        resized,
    ),
    "aten.pixel_shuffle.default": pixel_shuffle,
    "aten.pixel_unshuffle.default": pixel_shuffle,
}
