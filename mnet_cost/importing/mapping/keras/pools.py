"""Pools of Keras: over windows, and over all positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.keras.parameters import (
    argument,
    flag,
    from_windows,
    has_channels_first,
    padding_of,
    wholes,
    windows_over,
)
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.operands import axis_of, is_image, made
from mnet_cost.importing.mapping.pools import pool
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.values import Unmapped, Value


def windows(statistic: Literal["avg", "max"], axes: int) -> Rule:
    """MaxPooling and AveragePooling: windows are side by side unless it says otherwise."""

    def rule(b: Builder, call: Call) -> Value:
        x = windows_over(b, call, axes)
        kernel = wholes(call, "pool_size", axes, 2)
        steps = kernel if argument(call, "strides") is None else wholes(call, "strides", axes)
        padding = padding_of(call, kernel, [1] * axes)
        return from_windows(b, call, pool(b, x, statistic, kernel, steps, padding))

    return rule


def everywhere(operation: str, axes: int) -> Rule:
    """GlobalAveragePooling and GlobalMaxPooling."""

    def rule(b: Builder, call: Call) -> Value:
        x = call.input(0)
        if x.rank != axes + 2:
            raise Unmapped(f"pools over {axes} axes of a tensor of {x.rank}")
        first = 2 if has_channels_first(call) else 1
        places = [axis_of(call, 0, axis) for axis in range(first, first + axes)]
        keep = flag(call, "keepdims", default=False)
        result = reduce(b, x, operation, places, keep=keep)
        return (
            made(b, call, result, is_image=True)
            if keep and is_image(call, 0)
            else made(b, call, result)
        )

    return rule


RULES: Mapping[str, Rule] = {
    **{f"MaxPooling{axes}D": windows("max", axes) for axes in (1, 2, 3)},
    **{f"AveragePooling{axes}D": windows("avg", axes) for axes in (1, 2, 3)},
    **{f"GlobalMaxPooling{axes}D": everywhere("max", axes) for axes in (1, 2, 3)},
    **{f"GlobalAveragePooling{axes}D": everywhere("mean", axes) for axes in (1, 2, 3)},
}
