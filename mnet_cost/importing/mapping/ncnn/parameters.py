"""Parameters and axes of layers of ncnn."""

from __future__ import annotations

from typing import Any

from mnet_cost.importing.mapping.mapper import Call
from mnet_cost.importing.mapping.values import Unmapped, Value


def parameter(call: Call, place: int, default: Any = None) -> Any:
    """A parameter by its number; `default` where it is left out."""
    return call.get("parameters").get(place, default)


def whole(call: Call, place: int, default: int | None = None) -> int:
    """A parameter that has to be a whole number."""
    value = parameter(call, place, default)
    if not isinstance(value, int):
        raise Unmapped(f"has no whole number as parameter {place}")
    return value


def real(call: Call, place: int, default: float) -> float:
    """A parameter that is a number."""
    value = parameter(call, place, default)
    if not isinstance(value, (int, float)):
        raise Unmapped(f"has a list as parameter {place}")
    return value


def numbers(call: Call, place: int) -> tuple[int, ...] | None:
    """A parameter that is a list of whole numbers, or None where it is left out."""
    value = parameter(call, place)
    if value is None:
        return None
    if not isinstance(value, tuple) or not all(isinstance(x, int) for x in value):
        raise Unmapped(f"has no list of whole numbers as parameter {place}")
    return value


def axis_of(x: Value, axis: int) -> int:
    """The axis of a value, whose batch is in front, that is `axis` of the blob."""
    place = axis + 1 if axis >= 0 else axis + x.rank
    if not 1 <= place < x.rank:
        raise Unmapped(f"there is no axis {axis} in a blob of {x.rank - 1} axes")
    return place


def stored(call: Call, name: str) -> Value | None:
    """A tensor that the layer has stored, or None."""
    value = call.arguments.get(name)
    return value if isinstance(value, Value) else None
