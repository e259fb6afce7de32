"""Parts of tensors and parts put together: split, unbind, stack, roll, windows that slide.

Not here: one stretch or one position (`slice_of`, `take`) and `concat`, which `movement.py` has.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mnet_cost.importing.graph import Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.movement import concat, slice_of, take, transpose
from mnet_cost.importing.mapping.values import Unmapped, Value, mixing

_MOST_WINDOWS = 64
"""Most windows that slide along an axis: each is a slice."""


def plain_size(x: Value, axis: int) -> int:
    """The size of an axis that does not have the batch; `Refused` for one that has."""
    size = x.shape[x.place(axis)]
    if isinstance(size, Batch):
        raise mixing()
    return size


def split(b: Builder, x: Value, axis: int, sizes: Sequence[int]) -> list[Value]:
    """Parts of the given sizes along an axis, which add up to it."""
    place, whole = x.place(axis), plain_size(x, axis)
    if sum(sizes) != whole or any(size < 1 for size in sizes):
        raise Unmapped(f"cuts {whole} into {list(sizes)}")
    if len(sizes) == 1:
        return [x]
    if x.known is not None and x.rank == 1:
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        return [slice_of(b, x, 0, i, i + size) for i, size in zip(starts, sizes, strict=True)]
    shapes = [(*x.shape[:place], size, *x.shape[place + 1 :]) for size in sizes]
    equal = len(set(sizes)) == 1
    fields = {
        "parts": len(sizes) if equal else None,
        "sizes": None if equal else list(sizes),
        "axis": x.axis(place),
    }
    return list(b.outputs("split", (x,), shapes, fields, dtype=x.dtype))


def split_evenly(b: Builder, x: Value, axis: int, size: int) -> list[Value]:
    """Parts of `size` along an axis; the last one may be smaller."""
    whole = plain_size(x, axis)
    if size < 1:
        raise Unmapped(f"cuts {whole} into parts of {size}")
    sizes = [size] * (whole // size) + [whole % size] * (whole % size > 0)
    return split(b, x, axis, sizes)


def unbind(b: Builder, x: Value, axis: int) -> list[Value]:
    """Each position along an axis, which goes."""
    return [take(b, x, axis, i) for i in range(plain_size(x, axis))]


def stack(b: Builder, values: Sequence[Value], axis: int) -> Value:
    """Tensors of one shape put together along a new axis."""
    place = axis + values[0].rank + 1 if axis < 0 else axis
    with_axis = [b.reshaped(x, (*x.shape[:place], 1, *x.shape[place:])) for x in values]
    return concat(b, with_axis, place)


def roll(b: Builder, x: Value, shifts: Sequence[int], axes: Sequence[int]) -> Value:
    """Elements moved along axes; those moved past the end come in again at the start."""
    if len(shifts) != len(axes):
        raise Unmapped("moves elements along all axes together")
    for shift, axis in zip(shifts, axes, strict=True):
        plain_size(x, axis)
        if shift:
            fields = {"shift": shift, "axis": x.axis(axis)}
            x = b.layer("roll", (x,), x.shape, fields, dtype=x.dtype)
    return x


def sliding_windows(b: Builder, x: Value, axis: int, size: int, step: int) -> Value:
    """Windows along an axis: the axis counts them, and a new last axis has their elements."""
    place, whole = x.place(axis), plain_size(x, axis)
    if not 0 < size <= whole or step < 1:
        raise Unmapped(f"has windows of {size} along an axis of {whole}")
    count = (whole - size) // step + 1
    if count > _MOST_WINDOWS:
        raise Unmapped(f"has {count} windows that overlap")
    if size == step and whole == count * size:
        windows = b.reshaped(x, (*x.shape[:place], count, size, *x.shape[place + 1 :]))
    else:
        starts = [i * step for i in range(count)]
        windows = stack(b, [slice_of(b, x, place, i, i + size) for i in starts], place)
    order = [i for i in range(windows.rank) if i != place + 1]
    return transpose(b, windows, [*order, place + 1])


def picked(b: Builder, x: Value, axis: int, indices: Sequence[int]) -> Value:
    """The positions that a known list names along an axis, which keeps them in that order."""
    whole = plain_size(x, axis)
    positions = [i + whole if i < 0 else i for i in indices]
    if any(not 0 <= i < whole for i in positions) or not positions:
        raise Unmapped(f"takes positions {list(indices)[:5]} of {whole}")
    steps = {after - before for before, after in pairwise(positions)}
    if len(positions) == 1 or (len(steps) == 1 and min(steps) > 0):
        step = steps.pop() if steps else 1
        return slice_of(b, x, axis, positions[0], positions[-1] + 1, step)
    if len(positions) > _MOST_WINDOWS:
        raise Unmapped(f"takes {len(positions)} positions in an order of their own")
    return concat(b, [slice_of(b, x, axis, i, i + 1) for i in positions], axis)
