"""What rules of ONNX operators read alike: settings that moved from attributes to inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mnet_cost.importing.graph import Batch, Stored
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.mapper import Call
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value, own_shape


def version(b: Builder) -> int:
    """The version of the standard operators (opset)."""
    return b.graph.versions.get("", 1)


def setting(call: Call, name: str, number: int) -> list[Any] | None:
    """A list of numbers that is an attribute in old versions and an input in new ones; None
    without it.

    Raises `Unmapped` where it is a tensor whose numbers are not known.
    """
    value = call.optional(number)
    if value is None:
        return call.get(name)  # type: ignore[no-any-return]
    if value.known is None or not all(isinstance(x, _NUMBERS) for x in value.known):
        raise Unmapped(f"has `{name}` that is not known")
    return list(value.known)


def number_of(call: Call, name: str, number: int) -> float | None:
    """As `setting`, for one number; infinity is the largest number of 32 bits."""
    value = call.optional(number)
    if value is None:
        return call.get(name)  # type: ignore[no-any-return]
    if not isinstance(value.number, (int, float)) or math.isnan(value.number):
        raise Unmapped(f"has `{name}` that is not known")
    return min(max(value.number, -LARGEST), LARGEST)


def short(value: float) -> float:
    """A number of a file, which has it with the precision of 32 bits, as people write it."""
    return float(f"{value:.7g}")


def channels_of(x: Value) -> int:
    """The size of axis 1."""
    if x.rank < 2:
        raise Unmapped("has no channels")
    return plain_sizes(x.shape[1:2])[0]


def tensors(call: Call) -> list[Value]:
    """The inputs that are there, or `Unmapped` without any."""
    given = [x for x in call.inputs if x is not None]
    if not given:
        raise Unmapped("has no inputs")
    return given


LARGEST = 3.4028235e38
"""Of 32 bits."""
_NUMBERS = (int, float, Batch)


def whole(numbers: Sequence[Any]) -> list[int]:
    """`numbers` if they are whole ones, and none is a multiple of the batch; else `Unmapped`."""
    if not all(type(number) is int for number in numbers):
        raise Unmapped("has sizes or axes that are not whole numbers, or depend on the batch")
    return list(numbers)


def sizes_of(value: Value) -> tuple[Dim, ...]:
    """A shape that a tensor holds, or `Unmapped` where it is not known."""
    if value.known is None or not all(type(x) is int or isinstance(x, Batch) for x in value.known):
        raise Unmapped("has a shape that is not known")
    return value.known


def each(places: Sequence[int], numbers: Sequence[Any]) -> dict[int, Any]:
    """A number for each place; `Unmapped` where there are not as many."""
    if len(places) != len(numbers):
        raise Unmapped(f"has {len(numbers)} numbers for {len(places)} axes")
    return dict(zip(places, numbers, strict=True))


def axes_of(call: Call, number: int) -> list[int] | None:
    """The axes of an operator, from the attribute or the input `axes`; None without them."""
    axes = setting(call, "axes", number)
    return None if axes is None else whole(axes)


def stored(call: Call, shape: tuple[Dim, ...], dtype: str | None) -> Value:
    """A tensor that the node makes of nothing but known sizes: a constant of any size."""
    name = next(filter(None, call.node.outputs), call.node.name)
    tensor = Stored(name, dtype or "float32", own_shape(shape), None, trained=False)
    return Value(shape, dtype, None, tensor, static=True)
