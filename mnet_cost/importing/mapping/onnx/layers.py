"""Operators of ONNX with stored weights: convolutions, matrix products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import Ends, convolution
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.products import linear, matmul
from mnet_cost.importing.mapping.values import Unmapped, Value


def conv(b: Builder, call: Call) -> Value:
    """Conv."""
    x, weight = call.input(0), call.input(1)
    axes = weight.rank - 2
    return convolution(
        b,
        x,
        weight,
        call.optional(2),
        call.get("strides", [1] * axes),
        padding(call, axes),
        call.get("dilations", [1] * axes),
        call.get("group", 1),
    )


def padding(call: Call, axes: int) -> Ends | Literal["same"]:
    """Padding of a window: ONNX has all numbers before, then all after."""
    word = call.get("auto_pad", "NOTSET")
    if word == "SAME_UPPER":
        return "same"
    if word == "VALID":
        return [(0, 0)] * axes
    if word != "NOTSET":
        raise Unmapped(f"has auto_pad {word}")
    pads: list[int] = call.get("pads", [0] * 2 * axes)
    return list(zip(pads[:axes], pads[axes:], strict=True))


def gemm(b: Builder, call: Call) -> Value:
    """Gemm: alpha * A B + beta * C."""
    if call.get("transA", 0) or call.get("alpha", 1.0) != 1 or call.get("beta", 1.0) != 1:
        raise Unmapped("has a factor, or a transposed first matrix")
    x, weight = call.input(0), call.input(1)
    return linear(b, x, weight, call.optional(2), transposed=not call.get("transB", 0))


def mat_mul(b: Builder, call: Call) -> Value:
    """MatMul."""
    return matmul(b, call.input(0), call.input(1))


RULES: Mapping[str, Rule] = {"Conv": conv, "Gemm": gemm, "MatMul": mat_mul}
