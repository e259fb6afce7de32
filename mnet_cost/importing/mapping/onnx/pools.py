"""Pools of ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Literal

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import operation, scaled
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.onnx.convolutions import padding, per_axis
from mnet_cost.importing.mapping.pools import pool
from mnet_cost.importing.mapping.reductions import positions, reduce
from mnet_cost.importing.mapping.values import Unmapped, Value


def pool_rule(statistic: Literal["avg", "max"]) -> Rule:
    """AveragePool and MaxPool."""

    def rule(b: Builder, call: Call) -> Value:
        x = call.input(0)
        kernel = per_axis(call, "kernel_shape", x.rank - 2)
        stride = per_axis(call, "strides", len(kernel))
        dilation = per_axis(call, "dilations", len(kernel))
        if len(call.node.outputs) > 1 and call.node.outputs[1]:
            raise Unmapped("also says where the largest elements are")
        return pool(
            b,
            x,
            statistic,
            kernel,
            stride,
            padding(call, x, kernel, stride, dilation),
            dilation,
            round_up=bool(call.get("ceil_mode", 0)),
            count_include_pad=bool(call.get("count_include_pad", 0)),
        )

    return rule


def global_pool(operation: str) -> Rule:
    """GlobalAveragePool and others: axes of positions stay, with size 1."""

    def rule(b: Builder, call: Call) -> Value:
        x = call.input(0)
        if operation == "norm" and call.get("p", 2) != 2:
            raise Unmapped(f"is a norm of power {call.get('p')}")
        return reduce(b, x, operation, positions(x), keep=True)

    return rule


def length_pool(b: Builder, call: Call) -> Value:
    """LpPool: the root of the sum of squares in each window."""
    x = call.input(0)
    if call.get("p", 2) != 2:
        raise Unmapped(f"is a norm of power {call.get('p')}")
    squares = operation(b, x, "square")
    means = pool_rule("avg")(b, call._replace(inputs=(squares,)))
    assert isinstance(means, Value)
    size = prod(call.get("kernel_shape", ()))
    return operation(b, scaled(b, means, size), "sqrt")


RULES: Mapping[str, Rule] = {
    "AveragePool": pool_rule("avg"),
    "MaxPool": pool_rule("max"),
    "GlobalAveragePool": global_pool("mean"),
    "GlobalMaxPool": global_pool("max"),
    "GlobalLpPool": global_pool("norm"),
    "LpPool": length_pool,
}
