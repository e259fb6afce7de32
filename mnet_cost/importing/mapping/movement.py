"""Other shapes and other orders of the same elements, parts, and parts put together.

What changes only the axis of the batch, or axes of size 1 beside it, makes no layer.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.importing.graph import FEW_WHOLE, Batch
from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.known import broadcast, joined, permuted, taken
from mnet_cost.importing.mapping.stored import made_of
from mnet_cost.importing.mapping.values import (
    ALONE,
    Dim,
    Unmapped,
    Value,
    elements,
    joined_shape,
    mixing,
    plain,
)


def transpose(b: Builder, x: Value, order: Sequence[int]) -> Value:
    """x with its axes in another order: axis i of the result is axis order[i] of x."""
    places = [x.place(axis) for axis in order]
    if sorted(places) != list(range(x.rank)):
        raise Unmapped(f"has an order {list(order)} for {x.rank} axes")
    shape = tuple([x.shape[place] for place in places])
    if x.numbers is not None and x.batch_axis is None:
        known = permuted(x.numbers, plain(x.shape), places)
        return Value(shape, x.dtype, known=known, static=True)
    own = [place for place in range(x.rank) if x.shape[place] != ALONE]
    axes = [own.index(place) for place in places if place in own]
    if axes == sorted(axes):
        return b.copied(x)._replace(shape=shape)
    long = [place for place in places if x.shape[place] != 1]
    if long == sorted(long):  # only axes of size 1 change places
        return b.reshaped(x, shape)
    return b.layer("transpose", (x,), shape, {"axes": axes}, dtype=x.dtype)


def concat(b: Builder, values: Sequence[Value], axis: int) -> Value:
    """Tensors one after the other along an axis; known numbers stay known."""
    values = [x for x in values if 0 not in x.shape] or values
    if not values:
        raise Unmapped("joins nothing")
    first = values[0]
    place = first.place(axis)
    shape: list[Dim] = list(first.shape)
    if any(x.rank != first.rank for x in values):
        raise Unmapped("joins tensors of different numbers of axes")
    if all(x.numbers is not None and x.batch_axis is None for x in values):
        shapes = [plain(x.shape) for x in values]
        shape[place] = sum(sizes[place] for sizes in shapes)
        if elements(shape) > FEW_WHOLE:  # it may double node by node
            return made_of(b, values, shape, first.dtype)
        known = joined([x.numbers or () for x in values], shapes, place)
        return Value(tuple(shape), first.dtype, known=known, static=True)
    values = [x for x in values if x.shape[place] != 0] or values[:1]
    whole = next((x for x in values if x.batch_axis is not None), first)
    if place == whole.batch_axis:
        raise mixing()
    sizes = [x.shape[place] for x in values]
    if any(isinstance(size, Batch) for size in sizes):
        raise mixing()
    shape = list(whole.shape)
    shape[place] = sum(size for size in sizes if isinstance(size, int))
    wires = []
    for x in values:
        if whole.batch_axis is not None and x.batch_axis is None:
            x = b.without_axis(x, whole.batch_axis, whole.shape[whole.batch_axis])
        wires.append(b.wire(x))
    if len(wires) == 1:
        return first
    return b.layer("concat", wires, shape, {"axis": whole.axis(place)})


def slice_of(b: Builder, x: Value, axis: int, start: int, stop: int | None, step: int = 1) -> Value:
    """Positions from `start` to before `stop` along an axis, as Python counts them."""
    place = x.place(axis)
    size = x.shape[place]
    if isinstance(size, Batch):
        if start == 0 and step == 1 and (stop is None or stop >= 2**31 - 1):
            return x
        raise mixing()
    if x.numbers is not None and x.batch_axis is None and step:
        positions = range(size)[start:stop:step]
        shape = (*x.shape[:place], len(positions), *x.shape[place + 1 :])
        known = taken(x.numbers, plain(x.shape), place, positions)
        return Value(shape, x.dtype, known=known, static=True)
    if not step:
        raise Unmapped("takes positions with a step of 0")
    if step < 0:
        backward = range(size)[start:stop:step]
        if not backward:
            return slice_of(b, x, axis, 0, 0)
        part = slice_of(b, x, axis, backward[-1], backward[0] + 1, -step)
        if len(backward) == 1:
            return part
        return b.layer("flip", (part,), part.shape, {"axes": [part.axis(place)]}, dtype=x.dtype)
    first, last, _ = slice(start, stop, step).indices(size)
    count = max(0, -(-(last - first) // step))
    shape = (*x.shape[:place], count, *x.shape[place + 1 :])
    if not count:
        return Value(shape, x.dtype, known=(), static=True)
    if (first, count) == (0, size):
        return x
    fields = {
        "start": first or None,
        "stop": last if last != size else None,
        "step": step if step != 1 else None,
        "axis": x.axis(place),
    }
    return b.layer("slice", (x,), shape, fields, dtype=x.dtype)


def take(b: Builder, x: Value, axis: int, index: int) -> Value:
    """One position along an axis, which goes."""
    place = x.place(axis)
    size = x.shape[place]
    if isinstance(size, Batch):
        raise mixing()
    if not -size <= index < size:
        raise Unmapped(f"takes position {index} of {size}")
    shape = x.shape[:place] + x.shape[place + 1 :]
    if x.numbers is not None and x.batch_axis is None:
        known = taken(x.numbers, plain(x.shape), place, (index % size,))
        return Value(shape, x.dtype, known=known, static=True)
    if size == 1 or not [s for s in shape if s != ALONE]:
        start = index % size
        return b.reshaped(slice_of(b, x, place, start, start + 1), shape)
    fields = {"index": index, "axis": x.axis(place)}
    return b.layer("take", (x,), shape, fields, dtype=x.dtype)


def expand(b: Builder, x: Value, sizes: Sequence[Dim]) -> Value:
    """x broadcast to sizes, of which those that are 1 leave the axis as it is.

    Axes that grow are copies put together, but for the batch: a tensor is the same in each example.
    """
    rank = max(x.rank, len(sizes))
    shape = (1,) * (rank - x.rank) + x.shape
    wanted = (1,) * (rank - len(sizes)) + tuple(sizes)
    if x.numbers is not None and x.batch_axis is None and _is_few(wanted):
        shape = plain(joined_shape((shape, wanted)))
        return Value(shape, x.dtype, known=broadcast(x.numbers, plain(x.shape), shape), static=True)
    x = b.reshaped(x, shape)
    made = list(x.shape)
    for place, size in enumerate(wanted):
        if size in (1, x.shape[place]):
            continue
        if x.shape[place] != 1:
            raise Unmapped(f"cannot make {x.shape[place]} positions {size}")
        made[place] = size
        if isinstance(size, Batch):
            if size != ALONE or x.batch_axis is not None:
                raise mixing()
            without = b.reshaped(x, x.shape[:place] + x.shape[place + 1 :])
            x = without._replace(shape=(*x.shape[:place], size, *x.shape[place + 1 :]))
    if tuple(made) == x.shape:
        return x
    return Value(tuple(made), x.dtype, static=x.static, spread=x)


def _is_few(sizes: Sequence[Dim]) -> bool:
    return all(isinstance(size, int) for size in sizes) and elements(sizes) <= FEW_WHOLE


def tile(b: Builder, x: Value, repeats: Sequence[int]) -> Value:
    """Copies of x put together along its axes, as many as `repeats` says of each."""
    if len(repeats) != x.rank:
        raise Unmapped(f"has {len(repeats)} repeats for {x.rank} axes")
    for place, count in enumerate(repeats):
        size = x.shape[place]
        if count == 1:
            continue
        if isinstance(size, Batch):
            raise mixing()
        if count < 1:
            raise Unmapped(f"puts {count} copies together")
        if size == 1:
            x = expand(b, x, _with(x.shape, place, count))
            continue
        apart = b.reshaped(x, (*x.shape[:place], 1, *x.shape[place:]))
        shape = (*x.shape[:place], count, *x.shape[place:])
        x = b.reshaped(expand(b, apart, shape), _with(x.shape, place, size * count))
    return x


def _with(shape: Sequence[Dim], place: int, size: int) -> tuple[Dim, ...]:
    return (*shape[:place], size, *shape[place + 1 :])
