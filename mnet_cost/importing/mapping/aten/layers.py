"""ATen operators with weights, norms, pools, attention: the layers of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.aten.arguments import (
    flag,
    on_axes,
    optional_real,
    optional_tensor,
    plain,
    real,
    whole,
    wholes,
)
from mnet_cost.importing.mapping.attention import attention
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import Ends, convolution
from mnet_cost.importing.mapping.dynamic import dynamic_convolution
from mnet_cost.importing.mapping.elementwise import binary
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.products import linear, matmul
from mnet_cost.importing.mapping.stored import embedding
from mnet_cost.importing.mapping.values import Unmapped, Value


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
    if flag(call, "transposed"):
        raise Unmapped("is transposed")
    return conv(b, call)


def fully_connected(b: Builder, call: Call) -> Value:
    """linear."""
    x, weight = call.tensor("input"), call.tensor("weight")
    bias = optional_tensor(call, "bias")
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
    if weight.stored is not None and weight.rank == 2 and not x.static:
        return linear(b, x, weight, bias, transposed=True)
    return binary(b, matmul(b, x, weight), bias, "add")


def product(b: Builder, call: Call) -> Value:
    """matmul, mm, bmm."""
    other = "other" if "other" in call.arguments else "mat2"
    return matmul(b, call.tensor("self"), call.tensor(other))


def scaled_attention(b: Builder, call: Call) -> Value:
    """scaled_dot_product_attention."""
    if flag(call, "enable_gqa"):
        raise Unmapped("has fewer heads of keys than of queries")
    return attention(
        b,
        call.tensor("query"),
        call.tensor("key"),
        call.tensor("value"),
        optional_tensor(call, "attn_mask"),
        causal=flag(call, "is_causal"),
        scale=optional_real(call, "scale"),
    )


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
    "aten.linear.default": fully_connected,
    "aten.addmm.default": sum_and_product,
    "aten.baddbmm.default": sum_and_product,
    "aten.matmul.default": product,
    "aten.mm.default": product,
    "aten.bmm.default": product,
    "aten.scaled_dot_product_attention.default": scaled_attention,
    "aten.embedding.default": rows,
}
