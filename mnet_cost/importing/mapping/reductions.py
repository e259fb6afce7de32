"""Reductions over axes: means, sums, largest elements, and those made of several steps."""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.values import Dim, Unmapped, Value, mixing

_GLOBAL_POOLS = {"mean": "global_avg_pool", "max": "global_max_pool"}


def reduce(
    b: Builder,
    x: Value,
    operation: str,
    axes: Sequence[int],
    *,
    keep: bool,
    dtype: str | None = None,
) -> Value:
    """One of the operations of the kind `reduce` over `axes`; all of them where there are none.

    A mean or a maximum over all positions of [N, C, H, W] is a global pool.
    """
    places = sorted({x.place(axis) for axis in axes} or range(x.rank))
    shape = tuple(
        [1 if i in places else size for i, size in enumerate(x.shape) if keep or i not in places]
    )
    if any(isinstance(x.shape[place], Batch) for place in places):
        raise mixing()
    if all(x.shape[place] == 1 for place in places) and operation in ("mean", "sum", "max", "min"):
        return b.reshaped(x, shape)
    if operation in _GLOBAL_POOLS and places == [2, 3] and x.rank == 4 and x.batch_axis == 0:
        pool = _GLOBAL_POOLS[operation]
        return b.layer(pool, (x,), shape, {"keep": keep or None}, dtype=dtype)
    own = [x.axis(place) for place in places]
    if keep or len(own) < len(x.own_shape):
        fields = {"operation": operation, "axes": own, "keep": keep or None}
        return b.layer("reduce", (x,), shape, fields, dtype=dtype)
    kept: list[Dim] = [1 if i in places else size for i, size in enumerate(x.shape)]
    fields = {"operation": operation, "axes": own, "keep": True}
    return b.reshaped(b.layer("reduce", (x,), kept, fields, dtype=dtype), shape)


def all_axes(x: Value) -> list[int]:
    """The axes of x but for that of the batch."""
    return [i for i in range(x.rank) if i != x.batch_axis]


def positions(x: Value) -> range:
    """The axes of x [N, C, ...] behind the channels."""
    if x.rank < 3:
        raise Unmapped(f"pools over positions of a tensor of {x.rank} axes")
    return range(2, x.rank)
