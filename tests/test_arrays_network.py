"""A network elaborated once with arrays of knobs costs what it costs at each of their values."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnet_cost.analysis.work import LayerCost, add_up, count_work
from mnet_cost.errors import SpecError, UsageError
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
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
        for many, single_cost in zip(array_costs, costs, strict=True):
            assert shape_at(many.output.shape, i, len(points)) == single_cost.output.shape
            assert row(many, i, len(points)) == row(single_cost, 0, 1)
        for together, apart in zip(astuple(totals), astuple(add_up(costs)), strict=True):
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


GUARDED = parse_spec("""
format: 1
name: guarded
knobs:
  size: 8
  width: {default: 8, choices: [1, 8, 16, 0.5]}
  divisor: 2
  tiles: {default: 8, multiple_of: 4}
let:
  half(x): x / divisor
  wide: width * size
  much: size * size * size
input: {x: [8, size, 8]}
layers:
  - id: a
    conv2d: {channels: {choose: [4, wide, 12]}, kernel: 1}
  - conv2d: {channels: floor(half(wide)) + much % divisor + 1, kernel: 1}
  - id: b
    conv2d: {channels: {choose: [2, 6]}, kernel: 1, bias: true}
  - conv2d: {channels: "make_divisible(wide, divisor)", kernel: [1, 1]}
  - conv2d: {channels: tiles, kernel: 1}
  - resize: {size: [size, size]}
""")
VALUES: dict[str, list[Any]] = {
    "size": [1, 2, 3, 8, 223, 0, -1, 2.5, 8.0, 200_000, 2**31, 2**53, 2**60, float("nan"),
             float("inf"), -(2**63)],
    "width": [1, 8, 16, 0.5, 9, 0, -8, 8.0, float("nan")],
    "divisor": [1, 2, 7, 0.5, 0, -1, 8, float("nan"), 1e-300],
    "tiles": [4, 16, 6, 4.0, 0, -4, 4.5, float("nan"), float("inf")],
    "batch": [1, 2, 2**20, 2**20 + 1, 0, -1, 2.5, 4.0, float("nan")],
    "a.channels": [4, 12, 5, 0, 12.0, 16, 8, float("nan")],
    "b.channels": [2, 6, 7, float("nan")],
}  # fmt: skip


def candidates() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Values of some knobs, the same knobs for all candidates."""
    names = st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4, unique=True)
    return names.flatmap(
        lambda chosen: st.lists(
            st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in chosen}),
            min_size=1,
            max_size=6,
        )
    )


@settings(max_examples=300)
@given(candidates())
def test_candidates_are_valid_where_the_single_run_accepts_them(
    points: list[dict[str, Any]],
) -> None:
    mask = Mask()
    knobs = {name: np.array([point[name] for point in points]) for name in points[0]}
    arrays = elaborate(GUARDED, knobs, check=mask)
    valid = np.broadcast_to(mask.valid, (len(points),))
    costs = count_work(arrays, FP32)
    for i, point in enumerate(points):
        try:
            single = elaborate(GUARDED, {name: plain(value) for name, value in point.items()})
        except (SpecError, UsageError):
            assert not valid[i]
            continue
        assert valid[i]
        for many, single_cost in zip(costs, count_work(single, FP32), strict=True):
            assert shape_at(many.output.shape, i, len(points)) == single_cost.output.shape
            assert row(many, i, len(points)) == row(single_cost, 0, 1)


def plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def test_guards_mark_their_candidates() -> None:
    cases: list[tuple[str, list[Any], list[bool]]] = [
        ("width", [8, 9, 16], [True, False, True]),
        ("a.channels", [4, 5, 12], [True, False, True]),
        ("batch", [1, 2**20, 2**20 + 1, 0], [True, True, False, False]),
        ("size", [8, 10**6, 2**31 - 1], [True, False, False]),
        ("divisor", [1, 0, -1], [True, False, False]),
    ]
    for name, values, valid in cases:
        mask = Mask()
        elaborate(GUARDED, {name: np.array(values)}, check=mask)
        assert mask.valid.tolist() == valid, name


def test_arrays_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(UsageError, match="needs a number"):
        elaborate(GUARDED, {"size": np.array(["a", "b"])}, check=Mask())
    with pytest.raises(UsageError, match="needs a number"):
        elaborate(GUARDED, {"size": np.array([True, False])}, check=Mask())


STACKED = parse_spec("""
format: 1
name: stacked
knobs: {width: 8, other: {default: 8, choices: [8, 200, 70000]}}
input: {x: [3, 8, 8], words: {shape: [2], dtype: int64}}
layers:
  - {id: a, conv2d: {channels: width, kernel: 3}, from: x}
  - {id: b, conv2d: {channels: {choose: [4, 200, 70000]}, kernel: 1}}
  - conv2d: {channels: other, kernel: 1}
  - global_avg_pool
  - linear: {features: width}
  - {id: table, embedding: {vocabulary: width, features: other}, from: words}
""")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32", "int64", "uint64",
                                   "float16", "float32", "float64"])  # fmt: skip
@pytest.mark.parametrize("name", ["width", "other", "b.channels", "batch"])
def test_arrays_of_any_type_count_as_a_single_run_does(name: str, dtype: str) -> None:
    fits = int(np.iinfo(dtype).max if "int" in dtype else np.finfo(dtype).max)
    values = [value for value in (4, 8, 100, 200, 70_000, 2**31 - 1) if value <= fits]
    mask, array = Mask(), np.array(values, dtype=dtype)
    costs = count_work(elaborate(STACKED, {name: array}, check=mask), FP32)
    valid = np.broadcast_to(mask.valid, array.shape)
    for i, value in enumerate(array):
        try:
            single = elaborate(STACKED, {name: value.item()})
        except (SpecError, UsageError):
            assert not valid[i]
            continue
        assert valid[i]
        for many, single_cost in zip(costs, count_work(single, FP32), strict=True):
            # Doubles: exact up to 2^53, and never something else than near what is beyond.
            for count, exact in zip(row(many, i, len(array)), row(single_cost, 0, 1), strict=True):
                near = exact // 2**52 if exact > 2**53 else 0
                assert abs(count - exact) <= near


def test_counts_beyond_whole_numbers_of_64_bits_do_not_wrap_around() -> None:
    layers = "[{linear: {features: n}}, {linear: {features: n}}]"
    spec = parse_spec(
        f"format: 1\nname: n\nknobs: {{n: 1}}\ninput: {{x: [4, 4]}}\nlayers: {layers}"
    )
    values = [6, 2**31 - 1]
    totals: Any = add_up(count_work(elaborate(spec, {"n": np.array(values)}, Mask()), FP32))
    for i, n in enumerate(values):
        assert totals.mult_adds[i] == pytest.approx(4 * (4 * n + n * n), rel=1e-15)
        assert totals.params[i] == pytest.approx(4 * n + n + n * n + n, rel=1e-15)


@pytest.mark.parametrize(
    ("options", "picked"),
    [("3, 5", ["a", "b"]), ("[3, 5], [1, 1]", [3, 5]), ("3, 5", [True, True]),
     ("same, valid", [1, 2])],
)  # fmt: skip
def test_arrays_that_are_no_option(options: str, picked: list[Any]) -> None:
    field = "padding" if "same" in options else "kernel"
    other = "kernel: 3" if field == "padding" else "padding: same"
    spec = parse_spec("format: 1\nname: n\ninput: {x: [3, 8, 8]}\nlayers:\n"
                      f"  - {{id: a, conv2d: {{channels: 4, {field}: {{choose: [{options}]}}, "
                      f"{other}}}}}\n")  # fmt: skip
    with pytest.raises(SpecError, match=f"`a.{field}` has no such option"):
        elaborate(spec, {f"a.{field}": np.array(picked)}, Mask())


def test_an_array_picks_numbers_among_pairs() -> None:
    layer = "{id: a, conv2d: {channels: 4, kernel: {choose: [[3, 3], 3, 5]}}}"
    spec = parse_spec(f"format: 1\nname: n\ninput: {{x: [3, 8, 8]}}\nlayers: [{layer}]\n")
    mask = Mask()
    totals: Any = add_up(count_work(elaborate(spec, {"a.kernel": np.array([3, 4, 5])}, mask), FP32))
    assert mask.valid.tolist() == [True, False, True]
    assert totals.params[[0, 2]].tolist() == [108, 300]
