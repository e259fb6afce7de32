"""Every setting of a grid costs what an analysis of it alone says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnet_cost.analysis.costs import network_costs
from mnet_cost.devices.load import load_device
from mnet_cost.errors import MnetCostError
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import Model
from mnet_cost.network import elaborate
from mnet_cost.search.blocks import COSTS, Block, cost_columns, cost_values
from mnet_cost.search.grids import GridSweep, Task, evaluate_points

Axes = dict[str, list[Any]]

DEVICES = (
    "pixel_1_tflite", "raspberry_pi_4_ncnn", "v100", "stm32f746", "pixel_1", "jetson_nano",
)  # fmt: skip


def single(
    model: Model, knobs: Mapping[str, Any], devices: Sequence[str], precision: str = "fp32"
) -> dict[str, float | None]:
    """The metrics of one setting, by its analysis alone."""
    network = elaborate(model.spec, {**model.knobs, **knobs})
    profiles = [load_device(name) for name in devices]
    costs = network_costs(network, profiles, precision, "paper")
    return dict(zip(cost_columns(COSTS, profiles), cost_values(COSTS, costs), strict=True))


def assert_same(block: Block, index: int, expected: Mapping[str, float | None]) -> None:
    """Counts are equal, times equal but for the last bits."""
    assert set(expected) == set(block.metrics)
    for key, value in expected.items():
        number = block.metrics[key][index]
        if value is None:
            assert np.isnan(number), key
        elif isinstance(value, int):
            assert number == value, (key, {n: v[index] for n, v in block.knobs.items()})
        else:
            assert number == pytest.approx(value, rel=1e-12), key


def check(
    model: Model,
    axes: Mapping[str, Sequence[Any]],
    devices: Sequence[str] = (),
    *,
    picks: int = 12,
    precisions: Sequence[str] = ("fp32",),
    seed: int = 0,
) -> int:
    """Compare some settings, and the number of all that hold; how many of the picks hold."""
    profiles = [load_device(name) for name in devices]
    blocks = list(GridSweep(model, axes, profiles, precisions).blocks("model"))
    place = {
        (block.precision, *(column[i] for column in (block.knobs[n] for n in axes))): (
            block,
            i,
        )
        for block in blocks
        for i in range(block.points)
    }
    combinations = list(product(*axes.values()))
    broken = sum(sum(block.broken.values()) for block in blocks)
    assert len(place) + broken == len(combinations) * len(precisions)
    holding = 0
    rng = np.random.default_rng(seed)
    for number in rng.choice(len(combinations), min(picks, len(combinations)), replace=False):
        setting = combinations[number]
        for precision in precisions:
            held = place.get((precision, *setting))
            try:
                expected = single(model, dict(zip(axes, setting, strict=True)), devices, precision)
            except MnetCostError:
                assert held is None, setting
                continue
            assert held is not None, setting
            assert_same(*held, expected)
            holding += 1
    return holding


STEPS = [round(0.03 + 0.07 * step, 2) for step in range(20)]
SIDES = [8, 9, 31, 32, 33, 63, 96, 128, 160, 192, 223, 224, 225, 320]


@pytest.mark.parametrize(
    ("reference", "axes"),
    [
        ("mobilenet_v1", {"alpha": STEPS, "resolution": SIDES}),
        ("mobilenet_v1:full", {"alpha": STEPS, "resolution": SIDES}),
        ("mobilenet_v1", {"rho": [0.5, 0.7, 1.0], "resolution": SIDES, "batch": [1, 3]}),
        ("mobilenet_v2", {"alpha": STEPS, "resolution": SIDES}),
        ("mobilenet_v3_large", {"alpha": STEPS, "resolution": SIDES}),
        ("resnet50", {"classes": [1, 4, 10, 1000], "resolution": SIDES}),
        ("densenet121", {"classes": [1, 4, 10, 1000], "resolution": SIDES}),
        ("efficientnet_b0", {"classes": [1, 10, 1000], "resolution": SIDES}),
        ("nasnet_mobile", {"resolution": SIDES[5:10]}),
        ("vit_b_16", {"classes": [10, 1000], "resolution": [160, 224, 320]}),
    ],
)
def test_library_networks(reference: str, axes: dict[str, list[Any]]) -> None:
    assert check(load_model(reference), axes, DEVICES) > 0


def test_precisions_share_one_program() -> None:
    axes: Axes = {"alpha": STEPS[4:], "resolution": SIDES[5:]}
    precisions = ("fp32", "fp16", "int8")
    assert check(load_model("mobilenet_v2"), axes, DEVICES[:3], precisions=precisions) == 36


def test_a_million_settings_of_the_paper() -> None:
    """Mult-adds and params of all settings against formulas written here (Table 1)."""
    alphas = [step / 1000 for step in range(200, 1200)]
    sides = range(32, 288)
    (block,) = GridSweep(
        load_model("mobilenet_v1"),
        {"alpha": alphas, "resolution": sides},
        metrics=["mult_adds", "params"],
    ).blocks("model")
    alpha, side = block.knobs["alpha"], block.knobs["resolution"]
    channels = np.floor(32 * alpha)
    side = np.ceil(side / 2)
    mult_adds, params = 27 * channels * side * side, 29 * channels
    for width, stride in zip(
        (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024),
        (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1),
        strict=True,
    ):
        side, out = np.ceil(side / stride), np.floor(width * alpha)
        mult_adds = mult_adds + (9 + out) * channels * side * side
        params = params + (11 + out) * channels + 2 * out
        channels = out
    assert block.points == 256_000
    assert (block.metrics["mult_adds"] == mult_adds + 1000 * channels).all()
    assert (block.metrics["params"] == params + 1000 * channels + 1000).all()


def assert_columns_alone(sweep: GridSweep, columns: frozenset[str]) -> list[Block]:
    """Evaluated alone, some columns have the settings and the bits that they have among all."""
    blocks = list(sweep.blocks("model", 300))
    some = list(sweep.blocks("model", 300, columns=columns))
    assert len(some) == len(blocks)
    for alone, block in zip(some, blocks, strict=True):
        assert alone.points == block.points
        assert alone.broken == block.broken
        for name, values in block.knobs.items():
            assert (alone.knobs[name] == values).all()
        assert set(alone.metrics) == columns
        for name in columns:
            assert alone.metrics[name].tobytes() == block.metrics[name].tobytes(), name
    return blocks


@pytest.mark.parametrize(
    "columns",
    [
        {"params"},
        {"mult_adds", "latency_ms@pixel_1_tflite"},
        {"bound_ms@v100", "energy_high_mj@v100", "latency_low_ms@pixel_1_tflite"},
        set(),
    ],
)
@pytest.mark.parametrize("reference", ["mobilenet_v1", "mobilenet_v3_large"])
def test_some_columns_alone(reference: str, columns: set[str]) -> None:
    profiles = [load_device(name) for name in DEVICES[:3]]
    axes: Axes = {"alpha": STEPS[::3], "resolution": SIDES[1::3], "batch": [1, 7]}
    sweep = GridSweep(load_model(reference), axes, profiles, ("fp32", "int8"))
    assert sum(block.points for block in assert_columns_alone(sweep, frozenset(columns))) > 100


@pytest.mark.parametrize("metric", ["latency", "latency_high", "energy_low", "energy"])
def test_a_metric_alone_is_what_it_is_among_all(metric: str) -> None:
    """Bands and energies are recorded only where they are asked for."""
    model = load_model("mobilenet_v1")
    axes: Axes = {"alpha": [0.5, 0.77, 1.0], "resolution": SIDES[5:9]}
    profiles = [load_device("pixel_1_tflite"), load_device("raspberry_pi_4_ncnn")]
    (alone,) = GridSweep(model, axes, profiles, metrics=[metric]).blocks("model")
    (block,) = GridSweep(model, axes, profiles).blocks("model")
    assert alone.points == 12
    assert len(alone.metrics) == 2
    for name, values in alone.metrics.items():
        assert values == pytest.approx(block.metrics[name], rel=1e-12, nan_ok=True)
    assert not np.isnan(list(alone.metrics.values())).all()


def test_a_count_that_is_too_large_breaks_settings_whatever_is_asked() -> None:
    axes: Axes = {"alpha": [0.5, 1.0], "resolution": [224, 448, 896], "batch": [1, 2**20]}
    sweep = GridSweep(load_model("mobilenet_v1"), axes)
    (block,) = assert_columns_alone(sweep, frozenset({"params"}))
    # At 896 pixels 16 x 567,716,352 + 1,024,000 mult-adds of an image; 2^53 / 2^20 is 8.59e9.
    assert block.points == 11
    held = zip(*(block.knobs[name].tolist() for name in axes), strict=True)
    assert (1.0, 896, 2**20) not in set(held)
    assert dict(block.broken) == {"a count is larger than 2^53": 1}


def test_a_column_that_is_none_is_refused() -> None:
    sweep = GridSweep(load_model("mobilenet_v1"), {"alpha": [0.5, 1.0]})
    with pytest.raises(ValueError, match="no column latency_ms@v100"):
        next(sweep.blocks("model", columns=frozenset({"latency_ms@v100", "params"})))


def test_settings_that_break_are_counted_by_cause() -> None:
    axes: Axes = {"alpha": [0.01, 0.5], "resolution": [0, 32, 64]}
    (block,) = GridSweep(load_model("mobilenet_v1"), axes).blocks("model")
    assert block.points == 2
    assert dict(block.broken) == {
        "`image` must be at least 1, not 0": 2,
        "`channels` must be at least 1, not 0": 2,
    }


def test_a_grid_where_nothing_holds_is_empty() -> None:
    axes: Axes = {"alpha": [0.001, 0.002], "resolution": SIDES}
    (block,) = GridSweep(load_model("mobilenet_v1"), axes).blocks("model")
    assert block.points == 0
    assert dict(block.broken) == {"`channels` must be at least 1, not 0": 28}


def test_points_are_settings_of_their_own() -> None:
    points: Axes = {"alpha": [0.5, 0.31, 1.0], "resolution": [224, 97, 160]}
    (block,) = evaluate_points(load_model("mobilenet_v1"), points, [load_device("pixel_1_tflite")])
    for index, setting in enumerate(zip(*points.values(), strict=True)):
        knobs = dict(zip(points, setting, strict=True))
        assert_same(block, index, single(load_model("mobilenet_v1"), knobs, ["pixel_1_tflite"]))


SPEC = """
format: 1
name: random
knobs:
  width: {{default: 8}}
  side: {{default: 16}}
  kernel: {{default: 3}}
  depth: {{default: 1}}
let:
  channels(n): {rounding}(n * width / 3)
  edge: round(side * {scale})
input: {{image: [3, edge, side]}}
blocks:
  unit:
    arguments: {{out: required, stride: 1}}
    layers:
      - conv2d: {{channels: out, kernel: kernel, stride: stride, padding: same}}
      - batch_norm
      - {activation}
      - {{add: [input, previous], when: stride == 1 and input.channels == out}}
layers:
  - {{id: first, unit: {{out: channels(4), stride: 2}}}}
  - {{id: more, unit: {{out: channels({second})}}, repeat: depth}}
  - {{max_pool2d: {{kernel: 2}}, when: edge > {least}}}
  - {{id: left, depthwise_conv2d: {{kernel: 3, padding: same}}}}
  - {{id: right, from: first, conv2d: {{channels: channels(6), kernel: 1}}, when: width % 2 == 0}}
  - global_avg_pool
  - linear: {{features: 10}}
"""


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_random_networks(data: st.DataObject) -> None:
    text = SPEC.format(
        rounding=data.draw(st.sampled_from(["floor", "ceil", "round", "make_divisible"])),
        scale=data.draw(st.sampled_from(["1", "0.5", "1.37"])),
        activation=data.draw(st.sampled_from(["relu", "hard_swish", "silu"])),
        second=data.draw(st.integers(1, 9)),
        least=data.draw(st.integers(1, 40)),
    )
    numbers = st.lists(st.integers(1, 40), min_size=1, max_size=6, unique=True)
    axes: dict[str, list[Any]] = {
        "width": data.draw(numbers, "width"),
        "side": data.draw(numbers, "side"),
        "kernel": data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=2, unique=True)),
        "depth": data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True)),
        "batch": data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=2, unique=True)),
    }
    devices = data.draw(st.lists(st.sampled_from(DEVICES), max_size=2, unique=True))
    check(Model(parse_spec(text), {}), axes, devices, picks=6)


def columns_of_task(sweep: GridSweep, task: Task) -> list[tuple[str, bytes]]:
    """Every column of a task, bit by bit."""
    return [
        (name, column.tobytes())
        for block in sweep.blocks("it", 500, task)
        for name, column in {**block.knobs, **block.metrics}.items()
    ]


@pytest.mark.parametrize(
    ("reference", "axes", "points"),
    [
        ("mobilenet_v1", {"alpha": STEPS, "resolution": SIDES}, 50),
        ("mobilenet_v3_large", {"alpha": STEPS[6:], "resolution": SIDES[4:]}, 40),
        ("mobilenet_v1", {"batch": [1, 2, 3], "resolution": SIDES}, 10**6),
        ("mobilenet_v1", {"classes": [None, 10, 100], "alpha": STEPS}, 45),
    ],
)
def test_a_task_does_not_depend_on_those_before_it(
    reference: str, axes: Mapping[str, Sequence[Any]], points: int
) -> None:
    model, devices = load_model(reference), [load_device("pixel_1_tflite")]

    def new() -> GridSweep:
        return GridSweep(model, axes, devices)

    sweep = new()
    tasks = sweep.tasks(points)
    assert new().tasks(points) == tasks
    assert sum(task.points for task in tasks) == sweep.points
    later = {task: columns_of_task(sweep, task) for task in reversed(tasks)}
    for task in tasks:
        assert columns_of_task(new(), task) == later[task]


def test_tasks_of_many_combinations_record_nothing() -> None:
    axes: Axes = {"alpha": [0.5, 1.0], **{f"features.conv_{i}.x": [1, 2, 3] for i in range(8)}}
    sweep = GridSweep(load_model("mobilenet_v1"), axes)
    tasks = sweep.tasks(1000)
    assert [(task.first, task.end) for task in tasks[:2]] == [(0, 500), (500, 1000)]
    assert tasks[-1] == Task(6500, 6561, 0, None, 122)
    assert sum(task.points for task in tasks) == sweep.points == 2 * 3**8
