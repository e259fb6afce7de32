"""Pareto fronts of many points, block by block: what no other point is better than.

A point is dominated by another that is no worse in every objective and better in one. Objectives
are columns; here they are all to be small, since whoever calls negates what is to be large. A front
is exact, keeps each vector of objectives once, and is all that is kept of the points before it.

A time has an error. A point that is dominated only by a difference of times within the error of
their ratio is a near-tie: `dominated` is asked again with the point's times made smaller by that
error, `ratio_width`. It is the least error that the ratio of two networks has, that of networks
whose time is made of the same parts: columns do not say what a time is made of, and ratios of
networks that differ in it are less certain still. So each near-tie is one; not each is found.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from mnet_cost.analysis.times import deviation_of_ratio
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.coefficients import unmeasured_fit
from mnet_cost.devices.terms import TERMS

_PIVOTS = 8
"""Points of a block that are tried on all others before anything is sorted."""


def ratio_width(device: DeviceProfile, precision: str) -> float:
    """Half the interval that holds 80 % of ratios of two times on `device`, in natural logarithms,
    for two networks whose times are made of the same parts; 0 where no error is known."""
    fit = device.latency.get(precision)
    rate = device.compute.get(precision)
    if fit is None and rate is not None:
        fit = unmeasured_fit(device, rate, precision)
    if fit is None:
        return 0.0
    alike = (0.0,) * len(TERMS)
    return float(fit.spread.width * deviation_of_ratio(fit, alike, alike))


class Front:
    """The points so far that no other is better than.

    `vectors` has a row for each point and a column for each objective, rows in ascending order.
    `rows` has for each of them the number under which `add` was given it.
    """

    def __init__(self, objectives: int) -> None:
        import numpy

        self.vectors: Any = numpy.empty((0, objectives))
        self.rows: Any = numpy.empty(0, dtype=numpy.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, vectors: Any, first_row: int) -> None:
        """Take in the rows of `vectors`, numbered from `first_row` on; one with a NaN is left out.

        Of equal vectors the one of the lowest number stays.
        """
        import numpy

        rows = numpy.flatnonzero(~numpy.isnan(vectors).any(axis=1))
        if len(self):
            rows = rows[~dominated(self.vectors, vectors[rows])]
        rows = _unbeaten_by_pivots(vectors, rows)
        both = numpy.concatenate([self.vectors, vectors[rows]])
        numbers = numpy.concatenate([self.rows, rows + first_row])
        kept = front_of(both)
        self.vectors, self.rows = both[kept], numbers[kept]

    def merge(self, other: Front) -> None:
        """Take in the points of another front, which was given other numbers."""
        import numpy

        both = numpy.concatenate([self.vectors, other.vectors])
        numbers = numpy.concatenate([self.rows, other.rows])
        kept = front_of(both)
        self.vectors, self.rows = both[kept], numbers[kept]


def _unbeaten_by_pivots(vectors: Any, rows: Any) -> Any:
    """`rows` without what a few strong ones among them dominate: nearly all, in linear time."""
    import numpy

    for i in range(_PIVOTS):
        if len(rows) < 1000:
            break
        columns = vectors[rows]
        low, high = columns.min(axis=0), columns.max(axis=0)
        span = numpy.where(high > low, high - low, 1.0)
        weights = numpy.ones(columns.shape[1])
        weights[i % len(weights)] += i  # each time another direction
        pivot = columns[(((columns - low) / span) @ weights).argmin()]
        rows = rows[~_beats(pivot, columns)]
    return rows


def _beats(point: Any, vectors: Any) -> Any:
    """For each of `vectors`, whether `point` dominates it."""
    no_worse: Any = True
    better: Any = False
    for k, value in enumerate(point):
        column = vectors[:, k]
        no_worse = no_worse & (column >= value)
        better = better | (column > value)
    return no_worse & better


def front_of(vectors: Any) -> Any:
    """Indices of the front of `vectors` (no NaN among them), each vector once, in ascending order
    of the vectors."""
    import numpy

    if not len(vectors):
        return numpy.empty(0, dtype=numpy.int64)
    # The last key is the first to sort by; the sort is stable, so the first of equals stays first.
    order = numpy.lexsort(vectors.T[::-1])
    ordered = vectors[order]
    is_new = numpy.ones(len(order), dtype=bool)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    order, ordered = order[is_new], ordered[is_new]
    objectives = vectors.shape[1]
    if objectives == 1:
        return order[:1]
    if objectives == 2:
        least_before = numpy.minimum.accumulate(ordered[:, 1])[:-1]
        return order[numpy.concatenate([[True], ordered[1:, 1] < least_before])]
    if objectives == 3:
        return order[_staircase(ordered[:, 1].tolist(), ordered[:, 2].tolist())]
    return order[_one_by_one(ordered)]


def _staircase(ys: Sequence[float], zs: Sequence[float]) -> list[int]:
    """Indices of points, sorted by x, y and z, that none before them dominates.

    What comes later has no smaller x, so only y and z decide. Of those before, the ones that no
    other is below in both are kept in order of y; z falls along them.
    """
    kept: list[int] = []
    steps_y: list[float] = []
    steps_z: list[float] = []
    for i, (y, z) in enumerate(zip(ys, zs, strict=True)):
        at = bisect_right(steps_y, y)
        if at and steps_z[at - 1] <= z:
            continue
        kept.append(i)
        if at and steps_y[at - 1] == y:
            at -= 1
        end = at
        while end < len(steps_y) and steps_z[end] >= z:
            end += 1
        steps_y[at:end], steps_z[at:end] = [y], [z]
    return kept


def _one_by_one(ordered: Any) -> list[int]:
    """As `_staircase`, for any number of objectives: each point against the front before it."""
    import numpy

    kept: list[int] = []
    front = numpy.empty((64, ordered.shape[1]))
    for i, point in enumerate(ordered):
        if kept and (front[: len(kept)] <= point).all(axis=1).any():
            continue
        if len(kept) == len(front):
            front = numpy.concatenate([front, numpy.empty_like(front)])
        front[len(kept)] = point
        kept.append(i)
    return kept


def dominated(front: Any, vectors: Any) -> Any:
    """For each of `vectors`, whether a row of `front` dominates it; false for one with a NaN.

    `front` is what `front_of` gives: no row of it dominates another, and they ascend.
    """
    import numpy

    if not len(front):
        return numpy.zeros(len(vectors), dtype=bool)
    if front.shape[1] == 1:
        return vectors[:, 0] > front[0, 0]
    if front.shape[1] == 2:
        x, y = vectors[:, 0], vectors[:, 1]
        # Of the front's points that are no worse in x, the last is the best in y.
        at = numpy.searchsorted(front[:, 0], x, side="right") - 1
        before, least = front[at, 0], front[at, 1]
        is_beaten = (least < y) | ((least == y) & (before < x))
        return (at >= 0) & is_beaten & ~numpy.isnan(x)
    result = numpy.zeros(len(vectors), dtype=bool)
    if front.shape[1] > 3 or len(front) < _FEW:
        _mark_beaten(result, front, vectors, numpy.arange(len(vectors)))
        return result
    # Slices of the front by its first objective: all slices before the one that a vector falls
    # into have a smaller x, so y and z decide; with its own slice it is compared point by point.
    starts = _slice_starts(front[:, 0])
    slices = numpy.searchsorted(front[starts, 0], vectors[:, 0], side="right") - 1
    slices[numpy.isnan(vectors).any(axis=1)] = -1
    order = numpy.argsort(slices, kind="stable")
    limits = numpy.searchsorted(slices[order], numpy.arange(len(starts) + 1))
    ends = numpy.append(starts[1:], len(front))
    before = numpy.empty((0, 2))
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        rows = order[limits[i] : limits[i + 1]]
        if len(rows) and len(before):
            at = numpy.searchsorted(before[:, 0], vectors[rows, 1], side="right") - 1
            is_beaten = (at >= 0) & (before[at, 1] <= vectors[rows, 2])
            result[rows[is_beaten]] = True
            rows = rows[~is_beaten]
        _mark_beaten(result, front[start:end], vectors, rows)
        both = numpy.concatenate([before, front[start:end, 1:]])
        before = both[front_of(both)]
    return result


_FEW, _SLICES = 256, 256


def _slice_starts(xs: Any) -> Any:
    """Where slices of ascending `xs` begin: about `_SLICES`, equal values in one slice."""
    import numpy

    runs = numpy.flatnonzero(numpy.concatenate([[True], xs[1:] > xs[:-1]]))
    wanted = numpy.linspace(0, len(xs), _SLICES, endpoint=False).astype(numpy.int64)
    return numpy.unique(runs[numpy.searchsorted(runs, wanted, side="right") - 1])


def _mark_beaten(result: Any, front: Any, vectors: Any, rows: Any) -> None:
    """Set `result` for those of `rows` that a point of `front` dominates."""
    for point in _spread(front):  # what beats many comes early, so few are left soon
        if not len(rows):
            break
        beaten = _beats(point, vectors[rows])
        result[rows[beaten]] = True
        rows = rows[~beaten]


def _spread(front: Any) -> Any:
    """The rows of a front, evenly spread ones first."""
    import numpy

    order: dict[int, None] = {}
    step = 1 << max(len(front) - 1, 0).bit_length()
    while step:
        order.update(dict.fromkeys(range(step // 2 if step > 1 else 0, len(front), step)))
        step //= 2
    return front[numpy.fromiter(order, dtype=numpy.int64, count=len(order))]
