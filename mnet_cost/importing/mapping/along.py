"""Along one axis, of any dialect: running sums and products, the largest elements, the other
order."""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.parts import plain_size
from mnet_cost.importing.mapping.values import Unmapped, Value


def cumulative(
    b: Builder,
    x: Value,
    operation: str,
    axis: int,
    *,
    exclusive: bool = False,
    reverse: bool = False,
) -> Value:
    """The sum or product of all elements up to each one."""
    plain_size(x, axis)
    fields = {
        "operation": operation,
        "axis": x.axis(axis),
        "exclusive": exclusive or None,
        "reverse": reverse or None,
    }
    return b.layer("cumulative", (x,), x.shape, fields, dtype=x.dtype)


def top_k(
    b: Builder, x: Value, count: int, axis: int, *, smallest: bool = False
) -> tuple[Value, Value]:
    """The largest elements along an axis, and where they are."""
    place, whole = x.place(axis), plain_size(x, axis)
    if not 0 < count <= whole:
        raise Unmapped(f"takes {count} of {whole} elements")
    shape = (*x.shape[:place], count, *x.shape[place + 1 :])
    fields = {"count": count, "axis": x.axis(place), "smallest": smallest or None}
    values, positions = b.outputs("top_k", (x,), (shape, shape), fields, dtype=x.dtype)
    return values, positions._replace(dtype="int64")


def flip(b: Builder, x: Value, axes: Sequence[int]) -> Value:
    """The elements along axes in the other order."""
    places = sorted({x.place(axis) for axis in axes})
    places = [place for place in places if plain_size(x, place) > 1]
    if not places:
        return x
    fields = {"axes": [x.axis(place) for place in places]}
    return b.layer("flip", (x,), x.shape, fields, dtype=x.dtype)
