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

from typing import Any

from mnet_cost.analysis.times import deviation_of_ratio
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.coefficients import unmeasured_fit
from mnet_cost.devices.terms import TERMS
from mnet_cost.search.dominance import lexicographic, ranks_of, reached

_SAMPLE, _GOLDEN = 1024, 0.6180339887498949
"""Points of a block whose front is tried on all of it before all of it is sorted."""
_FEW = 32
"""Points of a front that are tried on all others before anything is sorted."""
_PIECE = 1 << 14  # points that are compared at once: few enough to stay in a cache


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
        rows = _thinned(vectors, rows)
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


def _thinned(vectors: Any, rows: Any) -> Any:
    """`rows` without what the front of some of them dominates, which is most of them."""
    import numpy

    if len(rows) < 4 * _SAMPLE:
        return rows
    # Evenly spread, and not in step with the rows and columns of a grid.
    spots = (numpy.arange(_SAMPLE) * _GOLDEN % 1 * len(rows)).astype(numpy.int64)
    sample = vectors[rows[spots]]
    return rows[~dominated(sample[front_of(sample)], vectors[rows])]


def front_of(vectors: Any) -> Any:
    """Indices of the front of `vectors` (no NaN among them), each vector once, in ascending order
    of the vectors. Of equal vectors it is the first."""
    import numpy

    if not len(vectors):
        return numpy.empty(0, dtype=numpy.int64)
    ranks = [ranks_of(column) for column in vectors.T]
    key = lexicographic(ranks)
    order = numpy.argsort(key)
    starts = numpy.flatnonzero(numpy.diff(key[order], prepend=-1))
    order = numpy.minimum.reduceat(order, starts)
    if len(ranks) == 1:
        return order[:1]
    everyone = numpy.ones(len(order), dtype=bool)
    return order[~reached([rank[order] for rank in ranks[1:]], everyone, everyone)]


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
    spread = numpy.unique(numpy.linspace(0, len(front) - 1, _FEW).astype(numpy.int64))
    result = _beaten_by_some(front[spread], vectors)
    if len(front) > len(spread):
        rows = numpy.flatnonzero(~(result | numpy.isnan(vectors).any(axis=1)))
        result[rows] = _beaten(front, vectors[rows])
    return result


def _beaten(front: Any, vectors: Any) -> Any:
    """`dominated`, without a NaN, and by the order of all of them."""
    import numpy

    ranks = [ranks_of(column) for column in numpy.concatenate([front, vectors]).T]
    key = lexicographic(ranks)
    # What equals a point of the front is dominated by none. All else that a point of it is no worse
    # than is dominated by that.
    is_source = numpy.arange(len(key)) < len(front)
    is_query = ~numpy.isin(key, key[: len(front)])
    order = numpy.argsort(ranks[0] * 2 + is_query)
    result = numpy.empty(len(key), dtype=bool)
    result[order] = reached([rank[order] for rank in ranks[1:]], is_source[order], is_query[order])
    return result[len(front) :]


def _beaten_by_some(points: Any, vectors: Any) -> Any:
    """For each of `vectors`, whether one of a few points dominates it; pieces of them stay in a
    cache."""
    import numpy

    result = numpy.zeros(len(vectors), dtype=bool)
    for start in range(0, len(vectors), _PIECE):
        piece = slice(start, start + _PIECE)
        columns = vectors[piece].T.copy()
        for point in points:
            result[piece] |= _beats(point, columns)
    return result


def _beats(point: Any, columns: Any) -> Any:
    """For each vector, given by columns, whether `point` dominates it."""
    no_worse: Any = True
    better: Any = False
    for value, column in zip(point, columns, strict=True):
        no_worse = no_worse & (column >= value)
        better = better | (column > value)
    return no_worse & better
