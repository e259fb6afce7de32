"""Elements at positions that are calculated, along one axis or several, of any dialect.

What is shared with the positions is told apart from what is not: the batch is shared, or the
examples would be mixed. Not here: positions that are known (`movement.py`, `parts.py`), and rows of
trained tables (`stored.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.values import ALONE, Dim, Unmapped, Value, mixing


class Slices(NamedTuple):
    """Positions of slices: which axes of a tensor they count along, in the file."""

    axis: int
    """The first of them."""
    shared: int = 0
    """How many axes in front both tensors have alike."""
    tuples: bool = False
    """Whether the last axis of the positions has one for each of several axes."""


def gather_elements(b: Builder, x: Value, index: Value, axis: int) -> Value:
    """Elements of x along an axis, at positions with as many axes as x."""
    place = _place(x, index, axis)
    if (slices := _as_slices(b, x, index, place)) is not None:
        return gather_slices(b, x, *slices)
    (index,) = _beside(b, x, (index,))
    shape = _with_batch(x, index)
    return b.layer("gather", (x, index), shape, {"axis": x.axis(place)}, dtype=x.dtype)


def scatter_elements(
    b: Builder, x: Value, index: Value, updates: Value, axis: int, operation: str
) -> Value:
    """x with `updates` at positions along an axis, all with as many axes."""
    place = _place(x, index, axis)
    if (slices := _as_slices(b, x, index, place)) is not None:
        return scatter_slices(b, x, slices[0], updates, slices[1], operation)
    index, updates = _beside(b, x, (index, updates))
    fields = {"axis": x.axis(place), "operation": _not_default(operation)}
    return b.layer("scatter", (x, index, updates), x.shape, fields, dtype=x.dtype)


def gather_slices(b: Builder, x: Value, index: Value, at: Slices) -> Value:
    """x [S, A, n, R] at positions [S, P]: [S, A, P, R]."""
    index = _whole(index)
    made = shape_there(x, index, at)
    own_index, fields = _own(b, x, index, at)
    shape = made
    if own_index.rank > index.rank:  # one position for each example has an axis of its own
        shape = _with_one(made, index, at)
    result = b.layer("gather", (x, own_index), shape, fields, dtype=x.dtype)
    return b.reshaped(result, made)


def scatter_slices(
    b: Builder, x: Value, index: Value, updates: Value, at: Slices, operation: str
) -> Value:
    """x with what is put at positions of slices, of the shape that `gather_slices` gives."""
    index = _whole(index)
    there = shape_there(x, index, at)
    own_index, fields = _own(b, x, index, at)
    if own_index.rank > index.rank:
        there = _with_one(there, index, at)
    (updates,) = _beside(b, x, (b.reshaped(updates, there),))
    fields["operation"] = _not_default(operation)
    inputs = (x, own_index, updates)
    return b.layer("scatter", inputs, x.shape, fields, dtype=x.dtype)


def _place(x: Value, index: Value, axis: int) -> int:
    _whole(index)
    if index.rank != x.rank:
        raise Unmapped(f"has positions with {index.rank} axes in a tensor of {x.rank}")
    return x.place(axis)


def _whole(index: Value) -> Value:
    if index.dtype == "bool":
        raise Unmapped("takes as many elements as a mask has, which is not known")
    return index


def _not_default(operation: str) -> str | None:
    return None if operation == "assign" else operation


def _as_slices(b: Builder, x: Value, index: Value, place: int) -> tuple[Value, Slices] | None:
    """Positions of whole slices, which a file has as copies for each element of a slice."""
    narrow = index.spread
    if narrow is None or narrow.rank != x.rank or place + 1 == x.rank:
        return None
    behind = range(place + 1, x.rank)
    if any(narrow.shape[i] != 1 or index.shape[i] != x.shape[i] for i in behind):
        return None
    if narrow.shape[:place] != x.shape[:place]:
        return None
    return b.reshaped(narrow, narrow.shape[: place + 1]), Slices(place, place)


def _beside(b: Builder, x: Value, others: Sequence[Value]) -> list[Value]:
    """Tensors with as many axes as x, whose batch is that of x."""
    made = []
    for other in others:
        if other.batch_axis == x.batch_axis:
            made.append(other)
        elif x.batch_axis is not None and other.batch_axis is None and other.rank == x.rank:
            made.append(b.without_axis(other, x.batch_axis, x.shape[x.batch_axis]))
        else:
            raise Unmapped("has positions of a batch in a tensor without one")
    return made


def _with_batch(x: Value, index: Value) -> tuple[Dim, ...]:
    """The shape of positions in x: one that lost the batch has it again."""
    batch = x.batch_axis
    if batch is None or index.batch_axis is not None:
        return index.shape
    shape = index.shape
    if len(shape) < x.rank:
        return (*shape[:batch], x.shape[batch], *shape[batch:])
    return (*shape[:batch], x.shape[batch], *shape[batch + 1 :])


def shape_there(x: Value, index: Value, at: Slices) -> tuple[Dim, ...]:
    """The shape of what is at positions of slices."""
    placed = index.shape[:-1] if at.tuples else index.shape
    counted = index.shape[-1] if at.tuples and index.rank else 1
    if not isinstance(counted, int) or at.axis + counted > x.rank or counted < 1:
        raise Unmapped(f"counts along {counted} axes behind {at.axis} of {x.rank}")
    if at.shared > min(at.axis, len(placed)) or x.shape[: at.shared] != placed[: at.shared]:
        raise Unmapped("shares axes that are not alike")
    if any(isinstance(size, Batch) for size in x.shape[at.axis : at.axis + counted]):
        raise mixing()
    of_batch = [value.batch_axis for value in (x, index) if value.batch_axis is not None]
    if len(of_batch) == 2 and max(of_batch) >= at.shared:
        raise mixing()
    return (*x.shape[: at.axis], *placed[at.shared :], *x.shape[at.axis + counted :])


def _own(b: Builder, x: Value, index: Value, at: Slices) -> tuple[Value, dict[str, Any]]:
    """The positions, with an axis at least, and the fields of the layer."""
    gone = sum(size == ALONE for size in index.shape[: at.shared])
    kept = len([size for size in (index.shape[:-1] if at.tuples else index.shape) if size != ALONE])
    if not kept and not at.tuples:
        index = b.reshaped(index, (*index.shape, 1))
    fields = {
        "axis": x.axis(at.axis),
        "of": "slices",
        "shared": at.shared - gone or None,
        "tuples": at.tuples or None,
    }
    return index, fields


def _with_one(there: tuple[Dim, ...], index: Value, at: Slices) -> tuple[Dim, ...]:
    split = at.axis + index.rank - at.shared
    return (*there[:split], 1, *there[split:])
