"""Where boxes stand: rows follow the arrows, nothing overlaps, chains are straight."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet_cost.drawing.layout import Layout, layout_of


def graphs() -> st.SearchStrategy[tuple[list[tuple[float, float]], list[tuple[int, int]]]]:
    """Sizes of up to twelve boxes, and arrows between them, forward mostly."""

    def of(
        count: int,
    ) -> st.SearchStrategy[tuple[list[tuple[float, float]], list[tuple[int, int]]]]:
        box = st.integers(0, count - 1)
        arrow = st.tuples(box, box).filter(lambda pair: pair[0] != pair[1])
        size = st.tuples(st.sampled_from([20.0, 90.0, 200.0]), st.sampled_from([20.0, 46.0]))
        return st.tuples(
            st.lists(size, min_size=count, max_size=count),
            st.lists(arrow, max_size=20, unique_by=lambda pair: tuple(sorted(pair))),
        )

    return st.integers(2, 12).flatmap(of)


@given(graphs())
def test_nothing_overlaps_and_arrows_lead_from_box_to_box(
    graph: tuple[list[tuple[float, float]], list[tuple[int, int]]],
) -> None:
    sizes, arrows = graph
    layout = layout_of(sizes, arrows)
    boxes = [
        (x, y, x + width, y + height)
        for (x, y), (width, height) in zip(layout.corners, sizes, strict=True)
    ]
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert left >= -1e-6
        assert right <= layout.width + 1e-6
        assert bottom <= layout.height + 1e-6
        for other in boxes[:i]:
            apart = left >= other[2] - 1e-6 or other[0] >= right - 1e-6
            assert apart or top >= other[3] or other[1] >= bottom
    for (start, end), route in zip(arrows, layout.routes, strict=True):
        first, last = (start, end) if start < end else (end, start)
        points = route if start < end else route[::-1]
        x, y, right, bottom = boxes[first]
        assert points[0] == pytest.approx(((x + right) / 2, bottom))
        x, y, right, _ = boxes[last]
        assert points[-1] == pytest.approx(((x + right) / 2, y))
        assert all(above[1] <= below[1] for above, below in pairwise(points))


def middles(layout: Layout, sizes: list[tuple[float, float]]) -> list[float]:
    return [x + width / 2 for (x, _), (width, _) in zip(layout.corners, sizes, strict=True)]


def test_a_chain_is_a_straight_line() -> None:
    sizes = [(100.0, 20.0), (200.0, 46.0), (50.0, 20.0)]
    layout = layout_of(sizes, [(0, 1), (1, 2)])
    assert [y for _, y in layout.corners] == [0, 36, 98]
    assert middles(layout, sizes) == pytest.approx([100, 100, 100])
    assert (layout.width, layout.height) == (200, 118)


def test_branches_are_side_by_side_and_join_in_the_middle() -> None:
    sizes = [(100.0, 20.0)] * 5
    layout = layout_of(sizes, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)])
    assert [y for _, y in layout.corners] == [0, 48, 48, 48, 96]
    assert middles(layout, sizes) == pytest.approx([166, 50, 166, 282, 166], abs=0.5)


def test_an_arrow_that_passes_a_row_makes_way() -> None:
    sizes = [(100.0, 20.0)] * 3
    layout = layout_of(sizes, [(0, 1), (0, 2), (1, 2)])
    route = layout.routes[1]
    assert len(route) == 4
    left = layout.corners[1][0]
    assert not left <= route[1][0] <= left + 100  # beside the box that it passes
    assert route[1][0] == route[2][0]


def test_branches_that_could_cross_do_not() -> None:
    # 0 -> 1, 2; 1 -> 4, 2 -> 3: as given, 3 stands before 4.
    sizes = [(100.0, 20.0)] * 5
    layout = layout_of(sizes, [(0, 1), (0, 2), (1, 4), (2, 3)])
    x = middles(layout, sizes)
    assert (x[1] < x[2]) == (x[4] < x[3])


def test_what_reads_nothing_stands_above_its_first_reader() -> None:
    layout = layout_of([(10.0, 10.0)] * 4, [(0, 1), (1, 3), (2, 3)])
    assert [y for _, y in layout.corners] == [0, 26, 26, 64]


def test_an_arrow_back_is_turned_for_the_rows() -> None:
    layout = layout_of([(10.0, 10.0)] * 2, [(0, 1), (1, 0)])
    assert [y for _, y in layout.corners] == [0, 26]
    assert layout.routes[1] == [(5, 26), (5, 10)]
