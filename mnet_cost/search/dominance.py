"""Which points are no better than another in any objective, by divide and conquer over arrays.

Points are in the order of their first objective. A point is compared with those before it at the
level of the highest bit in which their places differ: all pairs of halves of one size are compared
at once, by the other objectives alone. With one objective left, it is a running minimum. So n
points of d objectives take O(n log^(d - 1) n), and a level is a handful of calls of NumPy.

After Kung, Luccio, Preparata: On finding the maxima of a set of vectors, J. ACM 22(4), 1975.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_NEAR = 5
"""Points whose places differ in so many low bits alone are compared pair by pair."""


def ranks_of(column: Any) -> Any:
    """For each number its place among the different numbers of `column`, from 0 on."""
    import numpy

    return numpy.unique(column, return_inverse=True)[1]


def lexicographic(ranks: Sequence[Any]) -> Any:
    """One number for each point: smaller where the first ranks are, equal where all ranks are."""
    key, size = ranks[0], _size(ranks[0])
    for rank in ranks[1:]:
        if size * _size(rank) >= 2**62:
            key = ranks_of(key)
            size = _size(key)
        key = key * _size(rank) + rank
        size *= _size(rank)
    return key


def reached(ranks: Sequence[Any], is_source: Any, is_query: Any) -> Any:
    """For each point whether it is a query, and a source before it has no larger rank in `ranks`.

    Points are ordered by an objective that is not in `ranks`. A point may be a source and a query.
    """
    import numpy

    points = len(is_source)
    return _reached(ranks, numpy.arange(points), points.bit_length(), is_source, is_query)


def _reached(ranks: Sequence[Any], places: Any, bits: int, is_source: Any, is_query: Any) -> Any:
    """`reached`, within groups: `places` ascend, and their last `bits` bits are within a group."""
    import numpy

    if len(ranks) == 1:
        return _under_minimum(ranks[0], places >> bits, is_source, is_query)
    first, *rest = ranks
    result = numpy.zeros(len(places), dtype=bool)
    # What was reached is left out, as a source, too: what reached it reaches what it would reach.
    left = numpy.arange(len(places))
    for level in reversed(range(_NEAR, bits)):
        # Sources of a half that has the bit 0 and queries of its other half, in order of `first`.
        is_upper = (places[left] >> level & 1).astype(bool)
        taken = numpy.flatnonzero(numpy.where(is_upper, is_query[left], is_source[left]))
        is_upper, points = is_upper[taken], left[taken]
        group = places[points] >> (level + 1)
        order = numpy.argsort((group * _size(first) + first[points]) * 2 + is_upper)
        is_upper, points, group = is_upper[order], points[order], group[order]
        inner = (group << (level + 1)) + _places_within(group)
        others = [rank[points] for rank in rest]
        hits = points[_reached(others, inner, level + 1, ~is_upper, is_upper)]
        if len(hits):
            result[hits] = True
            left = left[~result[left]]
    near = _reached_by_near([rank[left] for rank in ranks], places[left] >> bits, is_source[left])
    result[left] = near & is_query[left]
    return result


def _under_minimum(rank: Any, group: Any, is_source: Any, is_query: Any) -> Any:
    """`reached` by one rank, where groups ascend."""
    import numpy

    # Each group is below the one before it, so that minima begin anew.
    height = _size(rank)
    floor = group * (height + 1)
    least = numpy.minimum.accumulate(numpy.where(is_source, rank, height) - floor)
    result = numpy.zeros(len(rank), dtype=bool)
    result[1:] = is_query[1:] & (least[:-1] <= (rank - floor)[1:])
    return result


def _reached_by_near(ranks: Sequence[Any], group: Any, is_source: Any) -> Any:
    """Whether one of the `2^_NEAR - 1` points before is a source of the group, and in no rank
    larger."""
    import numpy

    result = numpy.zeros(len(group), dtype=bool)
    for distance in range(1, min(1 << _NEAR, len(group))):
        is_hit = is_source[:-distance] & (group[:-distance] == group[distance:])
        for rank in ranks:
            is_hit &= rank[:-distance] <= rank[distance:]
        result[distance:] |= is_hit
    return result


def _places_within(group: Any) -> Any:
    """Places of points within their groups, which ascend."""
    import numpy

    numbers = numpy.arange(len(group))
    starts = numpy.zeros_like(numbers)
    starts[1:] = numpy.where(group[1:] > group[:-1], numbers[1:], 0)
    return numbers - numpy.maximum.accumulate(starts)


def _size(rank: Any) -> int:
    """One more than the largest rank."""
    return int(rank.max(initial=-1)) + 1
