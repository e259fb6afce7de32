"""The one list of metrics, and that whatever shows one takes it from there."""

from __future__ import annotations

import ast
import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import mnet_cost
from mnet_cost.analysis import Analysis, analyze, costs_on
from mnet_cost.cli import main
from mnet_cost.errors import UsageError
from mnet_cost.metrics import METRICS, TOTALS, Metric, find_metric, named
from mnet_cost.models.load import parse_spec
from mnet_cost.units import file_unit

REPORTS = Path(mnet_cost.__file__).parent / "report"
DEVICES = ("pixel_1_tflite", "raspberry_pi_4_ncnn", "stm32h743", "h100")
OF_DEVICES = [metric for metric in METRICS if metric.per_device]


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analyze("mobilenet_v1@alpha=0.5", devices=DEVICES)


def odd() -> Analysis:
    """A network whose second layer has no cost rule."""
    text = (
        "format: 1\nname: odd\ninput: {x: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 3}\n  - opaque: {operation: sort, shape: [4, 8, 8]}\n"
    )
    return analyze(parse_spec(text), devices=["pixel_1"])


def test_names_and_keys_stand_for_one_metric_each() -> None:
    names = [name for metric in METRICS for name in {metric.name, metric.key, metric.file_key}]
    assert len(names) == len(set(names))
    assert {metric.key for metric in METRICS if metric.better == "more"} == {
        "top1", "top5", "map", "miou", "accuracy", "auc"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("latency_s", ("latency", "_ms", 1e3)),
        ("energy_high_j", ("energy_high", "_mj", 1e3)),
        ("images_per_s", ("images_per_s", "", 1)),
        ("fp32_macs_per_s", ("fp32_macs_per_s", "", 1)),
        ("peak_memory_bytes", ("peak_memory_bytes", "", 1)),
        ("weights", ("weights", "", 1)),
        ("power_w", ("power_w", "", 1)),
    ],
)
def test_units_of_files(key: str, expected: tuple[str, str, float]) -> None:
    assert file_unit(key) == expected


def test_totals_are_read_off(analysis: Analysis) -> None:
    assert {total.key: total.of(analysis) for total in TOTALS} == {
        "mult_adds": 149_497_088,
        "flops": 2 * 149_497_088,
        "vector_ops": analysis.totals.vector_ops,
        "params": 1_331_592,
        "weights": 1_319_648,
        "buffers": 10_944,
        "weight_bytes": 4 * 1_331_592,
        "activation_bytes": analysis.totals.activation_bytes,
        "traffic_bytes": analysis.totals.traffic_bytes,
        "peak_memory_bytes": 4 * (16 + 32) * 112 * 112,
    }
    for total in TOTALS:
        assert analysis.total(total.name) == analysis.total(total.key) == total.of(analysis)


def test_numbers_of_devices_are_read_off(analysis: Analysis) -> None:
    tflite, ncnn, board, h100 = analysis.devices
    assert find_metric("latency").of(analysis, tflite) == tflite.latency_s
    assert ncnn.energy is not None
    assert find_metric("energy_low").of(analysis, ncnn) == ncnn.energy.low_j
    assert find_metric("energy").of(analysis, board) is None  # no fp32 rate: no time, no energy
    weights, peak = analysis.totals.weight_bytes, analysis.memory.peak_bytes
    assert find_metric("memory").of(analysis, tflite) == weights + peak
    # Weights stay in flash, and 1x1 convolutions write over what they read.
    assert find_metric("memory").of(analysis, board) == 4 * 32 * (112 * 112 + 56 * 56) < peak
    costs = analysis.costs
    assert costs.devices == tuple(map(costs_on, analysis.devices))
    assert [device.device for device in costs.devices] == list(DEVICES)
    assert (costs.is_partial, costs.params, costs.buffers) == (False, 1_331_592, 10_944)
    assert costs.devices[3].bound_s == h100.bound_s


def test_what_adds_up_layers_is_refused_with_a_layer_of_unknown_cost() -> None:
    analysis = odd()
    (estimate,) = analysis.devices
    known = [total.name for total in TOTALS if total.of(analysis) is not None]
    assert known == ["peak_memory"]
    assert [metric.of(analysis, estimate) for metric in OF_DEVICES] == [None] * len(OF_DEVICES)
    bounds = analysis.with_lower_bounds()
    assert (find_metric("params").of(bounds), bounds.costs.is_partial) == (108, True)
    assert find_metric("latency").of(bounds, estimate) == estimate.latency_s


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("mult_add", "there is no total `mult_add`\nhint: did you mean `mult_adds`?"),
        (
            "latency",
            "there is no total `latency`\nhint: there are mult_adds, flops, vector_ops, params, "
            "weights, buffers, weight_bytes, activations, traffic, peak_memory",
        ),
    ],
)
def test_there_is_no_such_total(analysis: Analysis, key: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        analysis.total(key)
    assert str(caught.value) == message


def test_a_number_of_a_device_needs_an_estimate(analysis: Analysis) -> None:
    with pytest.raises(UsageError) as caught:
        find_metric("latency").of(analysis)
    assert str(caught.value) == "`latency` is a number of a device, not of a network"
    assert find_metric("top1").of(analysis) is None


def written(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def in_file(metric: Metric, number: Any) -> Any:
    return None if number is None else number * metric.file_factor


def test_every_format_has_the_same_numbers_below_the_same_keys(
    analysis: Analysis, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON of `analyze` and CSV of `devices --for`, of each metric that they show."""
    on_each = [word for name in DEVICES for word in ("--device", name)]
    command = ["analyze", "mobilenet_v1@alpha=0.5", *on_each, "--format", "json"]
    document = json.loads(written(capsys, *command))
    for total in TOTALS:
        assert document["totals"][total.file_key] == total.of(analysis)
    text = written(
        capsys, "devices", "--for", "mobilenet_v1@alpha=0.5", *DEVICES, "--format", "csv"
    )
    rows = {row["device"]: row for row in csv.DictReader(StringIO(text))}
    shown = [metric for metric in OF_DEVICES if metric.name != "memory"]
    for estimate, in_json in zip(analysis.devices, document["devices"], strict=True):
        row = rows[estimate.device.name]
        for metric in shown:
            number = in_file(metric, metric.of(analysis, estimate))
            assert in_json[metric.file_key] == number
            assert row[metric.file_key] == ("" if number is None else str(number))
        for total in named(("mult_adds", "params", "weights", "traffic", "peak_memory")):
            assert row[total.file_key] == str(total.of(analysis))


def test_no_report_has_a_list_of_its_own() -> None:
    """Columns with the key of a metric are made by `metric_column`, but for other quantities."""
    keys = {metric.key for metric in METRICS}
    own = {
        (path.name, call.args[0].value)
        for path in sorted(REPORTS.rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "Column"
        and isinstance(call.args[0], ast.Constant)
        and call.args[0].value in keys
    }
    assert own == {
        ("advice.py", "accuracy"),  # before and after
        ("calibrate.py", "latency_s"),  # measured
        ("devices.py", "memory_bytes"),  # the size of a memory
        ("measured.py", "energy_j"),  # measured
        ("measured.py", "latency_s"),
        ("measured.py", "peak_memory_bytes"),
        ("paper.py", "mult_adds"),  # ours, beside printed ones
        ("paper.py", "weights"),
        ("reconcile.py", "mult_adds"),  # of one cause
        ("sensitivity.py", "latency_s"),  # what narrower layers save
        ("training_run.py", "accuracy"),  # measured by a test
        ("training_run.py", "memory_bytes"),  # of a training step
    }
