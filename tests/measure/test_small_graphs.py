"""Small graphs: which there are, which say most, and that they are in no error of networks."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mnet_cost.devices.coefficients import shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.measure.calibrate import calibrate
from mnet_cost.measure.measurements import Measurement, read_measurements
from mnet_cost.measure.mult_adds_alone import left_out_by_mult_adds
from mnet_cost.measure.networks import Networks
from mnet_cost.measure.runs.machine_plan import FIRST_GRAPHS, MachinePlan
from mnet_cost.measure.runs.small_graphs import (
    Knowledge,
    Work,
    candidates,
    clear_of_caches,
    work_of,
)
from mnet_cost.measure.settings import Setting
from mnet_cost.measure.trials import WIDER, spreads_beside

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "accuracy" / "measurements"
RULES = runtime_rules("onnxruntime")
SHARED = shared_coefficients("onnxruntime")


@cache
def work() -> Work:
    return work_of([each.reference for each in candidates()], RULES, 16, SHARED, Networks())


def test_candidates_are_those_that_were_measured() -> None:
    with (FOLDER / "onnxruntime_small_graphs.csv").open(newline="") as file:
        measured = {row["model"]: row["family"] for row in csv.DictReader(file)}
    paths = {each.reference: each.path for each in candidates()}
    assert paths.items() >= measured.items()
    assert len(measured) == 87
    # These came later.
    later = {path for reference, path in paths.items() if reference not in measured}
    assert later == {"convnext", "pixel_unshuffle", "windowed"}
    assert work().references == tuple(each.reference for each in candidates())


def test_the_first_graphs_are_of_different_paths() -> None:
    setting = Setting("onnxruntime", RULES, "onnxruntime")
    plan = MachinePlan(setting, SHARED, 16, 32 << 20, Networks())
    first = plan.first()
    assert len(first) == FIRST_GRAPHS == len(set(first))
    paths = {each.reference: each.path for each in candidates()}
    assert len({paths[name] for name in first}) >= 15
    for kind in ("attention", "depthwise", "convnext", "stem", "average_pool", "layer_norm"):
        assert any(kind in name for name in first), kind
    # What cannot be measured is passed over, and so is what was measured.
    measured = read_measurements(FOLDER / "onnxruntime_small_graphs.csv")
    known = [row for row in measured if row.model in first]
    more = plan.more(known, 3)
    others = plan.more(known, 3, more[:1])
    assert len(more) == 3
    assert not set(more) & set(first)
    assert more[0] not in others


def test_at_last_a_graph_for_each_code_that_none_has_run() -> None:
    plan = MachinePlan(Setting("onnxruntime", RULES, "onnxruntime"), SHARED, 16, 0, Networks())
    measured = {
        row.model: row for row in read_measurements(FOLDER / "onnxruntime_small_graphs.csv")
    }
    paths = {each.reference: each.path for each in candidates()}
    unknown = paths.keys() - measured.keys()
    chosen = list(plan.first(unknown))
    while more := plan.more([measured[name] for name in chosen], 5, unknown):
        chosen += more
    assert len(chosen) == len(set(chosen)) < 60
    assert {paths[name] for name in chosen} == {paths[name] for name in measured}
    # Nothing but these is missing, though they hardly narrow what is open.
    others = plan.more([measured[name] for name in chosen], 5)
    assert {paths[name] for name in others} == {"convnext", "pixel_unshuffle", "windowed"}
    assert len(others) >= 3


def test_more_is_known_after_each_graph() -> None:
    amounts = work().amounts
    known = Knowledge(SHARED, amounts)
    may_be = np.ones(len(amounts), dtype=bool)
    for _ in range(3):
        choice = known.next(amounts, may_be)
        assert choice is not None
        assert choice.open_after < choice.open_before == pytest.approx(known.open)
        known.measured(amounts[choice.place], True)
        assert known.open == pytest.approx(choice.open_after)
        may_be[choice.place] = False
    assert known.next(amounts, np.zeros(len(amounts), dtype=bool)) is None


def test_graphs_whose_weights_may_stay_in_a_cache() -> None:
    clear = dict(zip(work().references, clear_of_caches(work(), SHARED, 32 << 20), strict=True))
    # 20 MB of weights fit into a cache of 32 MB, which a network has not to itself; 39 MB do not.
    assert not clear["small_graphs:linear_heavy@channels=1280,count=3"]
    assert clear["small_graphs:linear_heavy@channels=1280,count=6"]
    assert clear["small_graphs:pointwise@channels=128,size=28,count=6"]
    small = clear_of_caches(work(), SHARED, 0)
    assert small[work().references.index("small_graphs:linear_heavy@channels=1280,count=3")]


def test_spreads_are_wide_where_a_graph_tells() -> None:
    from mnet_cost.devices.terms import TERM_NAMES

    graph = np.zeros((1, len(TERM_NAMES)))
    graph[0, TERM_NAMES.index("pooling")] = 1.0
    spreads = spreads_beside(graph, SHARED)
    for name, spread, usual in zip(TERM_NAMES, spreads, SHARED.spreads, strict=True):
        assert spread == pytest.approx(WIDER * usual if name == "pooling" else usual)
    assert list(spreads_beside(graph[:0], SHARED)) == list(SHARED.spreads)


def rows(networks: int, graphs: int) -> list[Measurement]:
    return [
        *read_measurements(FOLDER / "onnxruntime_avx512_core.csv")[:networks],
        *read_measurements(FOLDER / "onnxruntime_small_graphs.csv")[:graphs],
    ]


def test_small_graphs_count_in_no_error() -> None:
    calibration = calibrate(rows(4, 10), tile=16, runtime="onnxruntime", form="coefficients")
    fit = calibration.fit
    assert isinstance(fit, CoefficientFit)
    assert fit.fitted_on is not None
    assert (fit.fitted_on.networks, fit.fitted_on.small_graphs) == (4, 10)
    assert fit.fitted_on.families == ("V1",)
    assert fit.held_out is not None
    assert (fit.held_out.protocol, fit.held_out.measurements) == ("one network at a time", 4)
    assert [time_s is None for time_s in calibration.held_out_s] == [False] * 4 + [True] * 10


def test_one_network_is_left_out_from_small_graphs_alone() -> None:
    fit = calibrate(rows(1, 30), tile=16, runtime="onnxruntime", form="coefficients").fit
    assert fit.held_out is not None
    assert (fit.held_out.protocol, fit.held_out.measurements) == ("all networks", 1)
    assert fit.held_out.mean < 0.2


def test_small_graphs_alone() -> None:
    fit = calibrate(rows(0, 12), tile=16, runtime="onnxruntime", form="coefficients").fit
    assert fit.held_out is None
    assert fit.fitted_on is not None
    assert (fit.fitted_on.networks, fit.fitted_on.families) == (0, ())


def test_by_mult_adds_alone() -> None:
    mult_adds = np.array([1.0, 2.0, 4.0, 0.0, 100.0])
    seconds = np.array([1.0, 2.0, 8.0, 1.0, 1.0])
    small = np.array([False, False, False, False, True])
    predicted = left_out_by_mult_adds(mult_adds, seconds, ["a", "b", "c", "d", ""], small)
    # The rates of the others: 1 and 2 seconds, 1 and 2, 1 and 1; small graphs do not count.
    assert list(predicted[:3]) == pytest.approx([1.5, 3.0, 4.0])
    assert np.isnan(predicted[3:]).all()  # no mult-adds; a small graph
    alone = left_out_by_mult_adds(mult_adds[-2:], seconds[-2:], ["a", ""], small[-2:])
    assert np.isnan(alone).all()
    one = left_out_by_mult_adds(mult_adds[2:], seconds[2:], ["c", "c", ""], small[2:])
    assert one[0] == pytest.approx(0.04)  # where no other network tells, small graphs do
