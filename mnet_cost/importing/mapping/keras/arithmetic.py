"""Layers and functions of Keras that calculate each element, reduce axes or join tensors."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.elementwise import binary, operation, scaled
from mnet_cost.importing.mapping.image_order import image_axis
from mnet_cost.importing.mapping.keras.parameters import argument, flag, operands, whole
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import concat
from mnet_cost.importing.mapping.operands import (
    as_output,
    axis_of,
    in_file_order,
    is_image,
    left_of,
    made,
    makes_image,
)
from mnet_cost.importing.mapping.products import matmul
from mnet_cost.importing.mapping.reductions import reduce
from mnet_cost.importing.mapping.values import Unmapped, Value


def joined(name: str, *, is_mean: bool = False) -> Rule:
    """A layer or a function of two tensors or more, or of a tensor and a number."""

    def rule(b: Builder, call: Call) -> Value:
        values = operands(b, call)
        if len(values) < 2:
            raise Unmapped(f"joins {len(values)} tensors")
        wires = all(value.known is None for value in values) and len(values) > 2
        if wires and name in ("add", "multiply"):
            tensors, shape = b.joined(values)
            result = b.layer(name, tensors, shape)
        else:
            result = values[0]
            for value in values[1:]:
                result = binary(b, result, value, name)
        if is_mean:
            result = scaled(b, result, 1 / len(values))
        return made(b, call, result, is_image=makes_image(call))

    return rule


def concatenate(b: Builder, call: Call) -> Value:
    """Concatenate along an axis."""
    rank = call.input(0).rank
    axis = whole(call, "axis", -1)
    place = axis + rank if axis < 0 else axis
    if not 0 <= place < rank or any(x is None or x.rank != rank for x in call.inputs):
        raise Unmapped(f"joins tensors of other numbers of axes, or along axis {axis} of {rank}")
    values = [as_output(b, call, number, rank) for number in range(len(call.inputs))]
    place = image_axis(place, rank) if makes_image(call) else place
    return made(b, call, concat(b, values, place), is_image=makes_image(call))


def each(name: str) -> Rule:
    """A function of one tensor."""

    def rule(b: Builder, call: Call) -> Value:
        result = operation(b, call.input(0), name)
        return made(b, call, result, is_image=is_image(call, 0))

    return rule


def over_axes(name: str) -> Rule:
    """A function that reduces axes, or all but none where they are not named."""

    def rule(b: Builder, call: Call) -> Value:
        x, axes = call.input(0), argument(call, "axis")
        axes = [axes] if type(axes) is int else axes
        if not isinstance(axes, list) or any(type(axis) is not int for axis in axes):
            raise Unmapped("reduces the axis of the batch as well")
        keep = flag(call, "keepdims", default=False)
        places = [axis_of(call, 0, axis) for axis in axes]
        result = reduce(b, x, name, places, keep=keep)
        if keep:
            return made(b, call, result, is_image=is_image(call, 0))
        gone = places if is_image(call, 0) else ()
        return left_of(b, call, result, x.rank, gone) if gone else made(b, call, result)

    return rule


def product(b: Builder, call: Call) -> Value:
    """The matrix product of two tensors."""
    if len(call.inputs) != 2:
        raise Unmapped("is no product of two tensors")
    result = matmul(b, in_file_order(b, call, 0), in_file_order(b, call, 1))
    return made(b, call, result)


_EACH = {
    "Exp": "exp", "Log": "log", "Sqrt": "sqrt", "Rsqrt": "rsqrt", "Square": "square",
    "Abs": "absolute", "Absolute": "absolute", "Negative": "negate",
}  # fmt: skip
_JOINED = {
    "Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Divide": "divide",
    "TrueDivide": "divide", "Power": "power", "Maximum": "maximum", "Minimum": "minimum",
}  # fmt: skip
_LAYERS = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
_OVER_AXES = {"Mean": "mean", "Sum": "sum", "Max": "max", "Min": "min"}

RULES: Mapping[str, Rule] = {
    **{name: joined(_JOINED[name]) for name in _LAYERS},
    "Average": joined("add", is_mean=True),
    "Concatenate": concatenate,
    "ops.Concatenate": concatenate,
    "ops.Matmul": product,
    **{f"ops.{name}": joined(own) for name, own in _JOINED.items()},
    **{f"ops.{name}": each(own) for name, own in _EACH.items()},
    **{f"ops.{name}": over_axes(own) for name, own in _OVER_AXES.items()},
}
