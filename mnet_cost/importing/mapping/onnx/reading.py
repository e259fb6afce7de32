"""What rules of ONNX operators read alike: settings that moved from attributes to inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mnet_cost.importing.graph import Stored
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value, own_shape


def version(b: Builder) -> int:
    """The version of the standard operators (opset)."""
    return b.graph.versions.get("", 1)


def setting(call: Call, name: str, number: int, default: Any = None) -> Any:
    """A list of numbers, or one, that is an attribute in old versions and an input in new ones.

    Raises `Unmapped` where it is a tensor whose values are not known.
    """
    value = call.optional(number)
    if value is None:
        return call.get(name, default)
    if value.known is None:
        raise Unmapped(f"has `{name}` that is not known")
    return list(value.known) if value.rank else value.number


def whole(numbers: list[Any]) -> list[int]:
    """`numbers` if they are whole ones, and none is a multiple of the batch; else `Unmapped`."""
    if not all(isinstance(number, int) for number in numbers):
        raise Unmapped("has sizes or axes that depend on the batch")
    return numbers


def axes_of(call: Call, number: int) -> list[int] | None:
    """The axes of an operator, from the attribute or the input `axes`; None without them."""
    axes = setting(call, "axes", number)
    return None if axes is None else whole(axes if isinstance(axes, list) else [axes])


def stored(call: Call, shape: tuple[Dim, ...], dtype: str | None) -> Value:
    """A tensor that the node makes of nothing but known sizes: a constant of any size."""
    name = next(filter(None, call.node.outputs), call.node.name)
    tensor = Stored(name, dtype or "float32", own_shape(shape), None, trained=False)
    return Value(shape, dtype, None, tensor, static=True)


def rule_of(function: Callable[[Builder, Value], Value]) -> Rule:
    """The rule of an operator that has one tensor and no settings."""
    return lambda b, call: function(b, call.input(0))
