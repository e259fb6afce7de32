"""Where boxes and arrows of a diagram stand: in rows from top to bottom, with few crossings.

A box is one row below the lowest of those that it reads (longest path). An arrow that passes rows
has a place in each, so that boxes make way for it. Within rows, places are ordered by the middle of
their neighbours (barycenters), down and up in turn; the order with the fewest crossings is kept.
Then each row is moved as near to its neighbours as its widths allow.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

Point = tuple[float, float]

_SWEEPS = 8
_SETTLED = 40
"""How often rows are moved towards their neighbours, down and up in turn."""
_STRAIGHT = 1000.0
_GAP = 16.0
"""Between boxes of a row."""
_LANE = 14.0
"""The width of an arrow that passes a row."""
_SHORT, _LONG = 16.0, 28.0
"""Between rows: of straight arrows, and of those that bend."""


class Layout(NamedTuple):
    """Places of boxes and arrows, in the units of the sizes."""

    corners: list[Point]
    """The upper left corner of each box."""
    routes: list[list[Point]]
    """The points that each arrow passes, from the lower edge of a box to the upper one of
    another."""
    width: float
    height: float


class _Rows(NamedTuple):
    """Places by row. The first places are the boxes, the others are those of passing arrows."""

    rows: list[list[int]]
    above: list[list[int]]
    """The neighbours of each place in the row before."""
    below: list[list[int]]
    chains: list[list[int]]
    """The places of each arrow, from box to box."""


def layout_of(sizes: Sequence[Point], arrows: Sequence[tuple[int, int]]) -> Layout:
    """Place boxes of `sizes` (width, height), given in the order in which they run."""
    places = _rows(len(sizes), arrows)
    _order(places)
    lanes = len(places.above) - len(sizes)
    widths = [width for width, _ in sizes] + [_LANE] * lanes
    centres = _centres(places, widths, len(sizes))
    edges = [(x - width / 2, x + width / 2) for x, width in zip(centres, widths, strict=True)]
    left = min((edge for edge, _ in edges), default=0.0)
    right = max((edge for _, edge in edges), default=0.0)
    top = 0.0
    upper, lower = [0.0] * len(widths), [0.0] * len(widths)
    for row in places.rows:
        if row is not places.rows[0]:
            top += _room_above(places, row, centres)
        height = max((sizes[place][1] for place in row if place < len(sizes)), default=0.0)
        for place in row:
            own = sizes[place][1] if place < len(sizes) else height
            upper[place] = top + (height - own) / 2
            lower[place] = upper[place] + own
        top += height
    routes = []
    for (start, end), chain in zip(arrows, places.chains, strict=True):
        points = [(centres[chain[0]] - left, lower[chain[0]])]
        for place in chain[1:-1]:
            points += [(centres[place] - left, y) for y in (upper[place], lower[place])]
        points.append((centres[chain[-1]] - left, upper[chain[-1]]))
        routes.append(points if start < end else points[::-1])
    corners = [(edges[i][0] - left, upper[i]) for i in range(len(sizes))]
    return Layout(corners, routes, right - left, top)


def _rows(count: int, arrows: Sequence[tuple[int, int]]) -> _Rows:
    """Rows by longest path, and a place for each arrow in each row that it passes.

    An arrow to a box that stands earlier (a block that is left and entered again) is turned for
    this, so that there is no circle.
    """
    down = [(min(arrow), max(arrow)) for arrow in arrows]
    row = [0] * count
    for start, end in sorted(down):  # boxes stand in the order in which they run
        row[end] = max(row[end], row[start] + 1)
    least: dict[int, int] = {}
    reached = {end for _, end in down}
    for start, end in down:
        least[start] = min(least.get(start, row[end]), row[end])
    for start, end in least.items():  # what reads nothing stands just above its first reader
        if start not in reached:
            row[start] = end - 1
    rows: list[list[int]] = [[] for _ in range(max(row, default=0) + 1)]
    for place in range(count):
        rows[row[place]].append(place)
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    chains = []
    for start, end in down:
        chain = [start]
        for passed in range(row[start] + 1, row[end]):
            place = len(above)
            rows[passed].append(place)
            above.append([])
            below.append([])
            chain.append(place)
        chain.append(end)
        for first, second in pairwise(chain):
            below[first].append(second)
            above[second].append(first)
        chains.append(chain)
    return _Rows(rows, above, below, chains)


def _order(places: _Rows) -> None:
    """Order rows by the barycenters of neighbours; the order with the fewest crossings stays."""
    best, least = [list(row) for row in places.rows], _crossings(places)
    for sweep in range(_SWEEPS):
        if not least:
            return
        beside, rows = places.above, places.rows
        if sweep % 2:
            beside, rows = places.below, places.rows[::-1]
        at: dict[int, float] = {}
        for row in rows:
            middle = {
                place: sum(at[other] for other in beside[place]) / len(beside[place])
                if beside[place]
                else float(number)
                for number, place in enumerate(row)
            }
            row.sort(key=middle.__getitem__)
            at = {place: float(number) for number, place in enumerate(row)}
        crossings = _crossings(places)
        if crossings < least:
            best, least = [list(row) for row in places.rows], crossings
    places.rows[:] = best


def _crossings(places: _Rows) -> int:
    """How many pairs of arrows cross between rows."""
    count = 0
    for row, next_row in pairwise(places.rows):
        at = {place: number for number, place in enumerate(next_row)}
        ends: list[int] = []
        for place in row:
            own = sorted(at[other] for other in places.below[place])
            count += sum(len(ends) - bisect_right(ends, end) for end in own)
            for end in own:
                insort(ends, end)
    return count


def _centres(places: _Rows, widths: Sequence[float], boxes: int) -> list[float]:
    """The middle of each place: near those of its neighbours, in the order of its row, no two
    overlapping. At last, chains and arrows that pass rows are made straight."""
    centres = [0.0] * len(widths)
    for row in places.rows:
        _settle(row, [0.0] * len(row), [1.0] * len(row), widths, centres)
    near = [[*above, *below] for above, below in zip(places.above, places.below, strict=True)]
    for sweep in range(_SETTLED):
        beside = (places.above, places.below, near)[min(sweep % 2 + 2 * (sweep >= _SWEEPS), 2)]
        for row in places.rows if sweep % 2 == 0 else reversed(places.rows):
            wanted = [
                sum(centres[other] for other in beside[place]) / len(beside[place])
                if beside[place]
                else centres[place]
                for place in row
            ]
            _settle(row, wanted, [1.0] * len(row), widths, centres)
    for row in places.rows:
        straight = [_is_straight(places, place, boxes) for place in row]
        wanted = [
            centres[places.above[place][0] if follows else place]
            for place, follows in zip(row, straight, strict=True)
        ]
        weights = [_STRAIGHT if follows else 1.0 for follows in straight]
        _settle(row, wanted, weights, widths, centres)
    return centres


def _room_above(places: _Rows, row: Sequence[int], centres: Sequence[float]) -> float:
    """How far a row is below the one before it."""
    bends = any(
        abs(centres[place] - centres[other]) >= 0.5
        for place in row
        for other in places.above[place]
    )
    return _LONG if bends else _SHORT


def _is_straight(places: _Rows, place: int, boxes: int) -> bool:
    """Whether a place is to stand below the one before it."""
    above = places.above[place]
    if len(above) != 1:
        return False
    return min(place, above[0]) >= boxes or (place < boxes and len(places.below[above[0]]) == 1)


def _settle(
    row: Sequence[int],
    wanted: Sequence[float],
    weights: Sequence[float],
    widths: Sequence[float],
    centres: list[float],
) -> None:
    """Place a row with the least sum of squared distances to what is wanted (pooling of adjacent
    violators, after taking off the least distances between places)."""
    offsets = [0.0]
    for first, second in pairwise(row):
        offsets.append(offsets[-1] + (widths[first] + widths[second]) / 2 + _GAP)
    pools: list[tuple[float, float, int]] = []  # (mean, weight, how many)
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, heavy, size = want - offset, weight, 1
        while pools and pools[-1][0] >= mean:
            other, more, count = pools.pop()
            mean = (mean * heavy + other * more) / (heavy + more)
            heavy, size = heavy + more, size + count
        pools.append((mean, heavy, size))
    means = [mean for mean, _, size in pools for _ in range(size)]
    for place, mean, offset in zip(row, means, offsets, strict=True):
        centres[place] = mean + offset
