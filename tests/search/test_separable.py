"""Grids of rows and columns give what NumPy gives on the whole grid, whatever was calculated."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnet_cost.recording import Recorded, Recording
from mnet_cost.search.separable import Grid, Mixed
from mnet_cost.search.steps import dependencies, steps_to
from mnet_cost.search.sums import Sum
from mnet_cost.search.tiles import Rectangle, Tile
from mnet_cost.tensors import ceil_div, largest, smallest, square_root, where

WHOLE: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "floor_divide": lambda a, b: a // largest(b, 1),
    "ceil_div": lambda a, b: ceil_div(a, largest(b, 1)),
    "remainder": lambda a, b: a % largest(b, 1),
    "largest": largest,
    "smallest": smallest,
    "clamp": lambda a, b: smallest(b, largest(a - 50, 0)),
    "where": lambda a, b: where(a < b, a + 1, b * 2),
    "where_equal": lambda a, b: where(a == b, a, b + 3),
    "factor": lambda a, b: a + b * (a <= b),
}
REAL: dict[str, Callable[..., Any]] = {
    "divide": lambda a, b: a / largest(b, 1),
    "scale": lambda a, b: (a + b) * 0.37,
    "root": lambda a, b: square_root(largest(a, 0) * largest(b, 1)),
    "most": lambda a, b: largest(a * 0.5, b * 0.7),
}
MAGNITUDE = 2.0**40
"""Numbers above it are scaled down, so that products stay exact."""


def evaluated(
    recording: Recording,
    number: Any,
    rows: Mapping[int, Any],
    columns: Mapping[int, Any],
    large: bool = True,
) -> Any:
    """The values of a recorded number at all rows and columns."""
    shape = len(next(iter(rows.values()))), len(next(iter(columns.values())))
    if not isinstance(number, Recorded):
        return np.full(shape, float(number))
    graph = recording.graph
    depends = dependencies(graph, list(rows), list(columns))
    grid = Grid(graph, depends, shape, {**rows, **columns})
    grid.is_large = large
    grid.calculate(steps_to(graph, [number.node], depends))
    values = np.empty(shape)
    half, third = (shape[0] + 1) // 2, (shape[1] + 2) // 3
    for top in range(0, shape[0], half):
        for left in range(0, shape[1], third):
            tile = Rectangle(top, min(top + half, shape[0]), left, min(left + third, shape[1]))
            Tile(grid, tile).fill(
                grid.number(number.node), values[top : tile.bottom, left : tile.right]
            )
    return values


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_calculation_of_whole_numbers_is_exact(data: st.DataObject) -> None:
    whole = st.integers(1, 300)
    rows = np.array(data.draw(st.lists(whole, min_size=1, max_size=40), "rows"), dtype=float)
    columns = np.array(data.draw(st.lists(whole, min_size=1, max_size=40), "columns"), dtype=float)
    recording = Recording()
    recorded: list[Any] = [
        recording.input("a", int(rows[0]), True),
        recording.input("b", int(columns[0]), True),
        data.draw(st.integers(0, 20)),
    ]
    inputs = [number.node for number in recorded[:2]]
    arrays: list[Any] = [rows[:, None] + 0 * columns, columns + 0 * rows[:, None], recorded[2]]
    real = False
    for _ in range(data.draw(st.integers(1, 12), "operations")):
        a, b = (data.draw(st.integers(0, len(recorded) - 1)) for _ in range(2))
        name = data.draw(st.sampled_from(sorted(WHOLE)))
        with np.errstate(all="ignore"):
            array = WHOLE[name](arrays[a], arrays[b])
        if np.max(np.abs(array)) < MAGNITUDE:
            recorded.append(WHOLE[name](recorded[a], recorded[b]))
            arrays.append(array)
    if data.draw(st.booleans(), "real"):
        name = data.draw(st.sampled_from(sorted(REAL)))
        recorded.append(REAL[name](recorded[-1], recorded[0]))
        arrays.append(REAL[name](arrays[-1], arrays[0]))
        real = True
    assert not recording.guards or all(
        recording.graph.nodes[guard].name in ("less", "not") for guard in recording.guards
    )
    holds = np.ones((len(rows), len(columns)), dtype=bool)
    for guard, outcome in recording.guards.items():  # factors that were cancelled are above 0
        condition = Recorded(recording, guard, outcome, True)
        values = evaluated(recording, condition, {inputs[0]: rows}, {inputs[1]: columns})
        holds &= (values != 0) == outcome
    large = data.draw(st.booleans(), "large")
    result = evaluated(recording, recorded[-1], {inputs[0]: rows}, {inputs[1]: columns}, large)
    expected = np.broadcast_to(arrays[-1], result.shape).astype(float)
    if real:
        assert result[holds] == pytest.approx(expected[holds], rel=1e-12, abs=1e-9)
    else:
        assert (result[holds] == expected[holds]).all()


def test_a_rounded_number_of_both_axes_is_refused() -> None:
    """floor(a * b) of numbers that are not whole could be off by one: sums are rounded."""
    recording = Recording()
    a, b = recording.input("a", 0.5, False), recording.input("b", 0.7, False)
    with pytest.raises(Mixed):
        evaluated(
            recording,
            (a * b).apply("floor", a * b),
            {a.node: np.array([0.5, 0.7])},
            {b.node: np.array([0.7, 0.9])},
        )


def test_a_maximum_that_bounds_decide_is_a_sum() -> None:
    """The kernel with the larger area wins everywhere, so no point is evaluated by itself."""
    recording = Recording()
    width, side = recording.input("width", 8, True), recording.input("side", 7, True)
    most = largest(64 * width * side * side, largest(8 * width * side, 3 * width))
    widths, sides = np.arange(1.0, 200.0), np.arange(4.0, 300.0)
    graph = recording.graph
    depends = dependencies(graph, [width.node], [side.node])
    shape = len(widths), len(sides)
    grid = Grid(graph, depends, shape, {width.node: widths, side.node: sides})
    grid.calculate(steps_to(graph, [most.node], depends))
    assert grid.nodes == []
    number = grid.number(most.node)
    assert isinstance(number, Sum)
    values = Tile(grid, Rectangle(0, len(widths), 0, len(sides))).values(number)
    assert (values == 64 * widths[:, None] * sides**2).all()
