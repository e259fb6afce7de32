"""A network elaborated once with arrays of knobs costs what it costs at each of their values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnet_cost.analysis.work import LayerCost, add_up, count_work
from mnet_cost.errors import SpecError
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate
from mnet_cost.tensors import DTYPES, Mask

FP32 = DTYPES["fp32"]
COLUMNS = ("mult_adds", "vector_ops", "params", "weights", "buffers", "weight_bytes",
           "read_weight_bytes", "input_bytes", "output_bytes")  # fmt: skip
GRID = [(a, r) for a in (0.25, 0.29, 0.5, 0.75, 1.0, 1.4) for r in (32, 128, 160, 192, 223, 224)]


def whole(value: Any) -> int:
    assert int(value) == value
    return int(value)


def shape_at(shape: tuple[Any, ...], index: int, count: int) -> tuple[int, ...]:
    return tuple(whole(np.broadcast_to(size, (count,))[index]) for size in shape)


def assert_equal_to_single_runs(reference: str, points: list[tuple[float, int]]) -> None:
    spec = load_model(reference).spec
    alpha, resolution = (np.array(values) for values in zip(*points, strict=True))
    mask = Mask()
    arrays = elaborate(spec, {"alpha": alpha, "resolution": resolution}, check=mask)
    array_costs = count_work(arrays, FP32)
    totals = add_up(array_costs)
    for i, (a, r) in enumerate(points):
        try:
            single = elaborate(spec, {"alpha": a, "resolution": r})
        except SpecError:
            assert not np.broadcast_to(mask.valid, alpha.shape)[i]
            continue
        assert np.broadcast_to(mask.valid, alpha.shape)[i]
        costs = count_work(single, FP32)
        assert arrays.schedule == single.schedule
        for many, one in zip(array_costs, costs, strict=True):
            assert shape_at(many.output.shape, i, len(points)) == one.output.shape
            assert row(many, i, len(points)) == row(one, 0, 1)
        for together, apart in zip(totals, add_up(costs), strict=True):
            assert whole(np.broadcast_to(together, alpha.shape)[i]) == apart


def row(cost: LayerCost, index: int, count: int) -> list[int]:
    values = [getattr(cost, column) for column in COLUMNS]
    return [whole(np.broadcast_to(value, (count,))[index]) for value in values]


@pytest.mark.parametrize("reference", ["mobilenet_v1", "full", "shallow", "mobilenet_v3_large"])
def test_a_grid(reference: str) -> None:
    assert_equal_to_single_runs(reference, GRID)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.floats(0.01, 2.0), st.integers(1, 512)), min_size=1, max_size=6, unique=True
    )
)
def test_any_points(points: list[tuple[float, int]]) -> None:
    # The narrowest leave no channel at 1 % of the width: those points are marked, not counted.
    assert_equal_to_single_runs("mobilenet_v1", points)


def test_totals_of_the_paper_come_out_of_one_run() -> None:
    spec = load_model("mobilenet_v1").spec
    knobs = {"alpha": np.array([1.0, 0.75, 0.5, 0.25])}
    totals: Any = add_up(count_work(elaborate(spec, knobs, check=Mask()), FP32))
    assert totals.mult_adds.tolist() == [568_740_352, 325_400_448, 149_497_088, 41_030_272]
    assert totals.params.tolist() == [4_231_976, 2_585_560, 1_331_592, 470_072]
