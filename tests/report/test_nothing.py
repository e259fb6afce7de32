"""Networks with nothing to divide by: no kernel, no mult-adds, no parameters, no known time."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import product
from math import isfinite
from typing import Any

import pytest

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.changes.what_if import compare_what_if, parse_changes
from mnet_cost.devices import DeviceProfile, device_names, load_device
from mnet_cost.differences.compare import ratio_breakdowns, time_ratio
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.report import FORMATS, render
from mnet_cost.report.analysis import analysis_report
from mnet_cost.report.compare import compare_report
from mnet_cost.report.device_choice import device_choice
from mnet_cost.report.explain import explain_report
from mnet_cost.report.rows import Grain
from mnet_cost.report.types import Report
from mnet_cost.report.what_if import with_what_if

GRAINS: tuple[Grain, ...] = ("layer", "block", "kind")
HEAD = "format: 1\nname: small\n"
SMALL = {
    "view": "input: {x: [1, 4, 4]}\nlayers: [flatten]",
    "views": "input: {x: [1, 4, 4]}\nlayers: [{slice: {axis: height, start: 0, stop: 2}}, flatten]",
    "relu": "input: {x: [1]}\nlayers: [relu]",
    "one_mult_add": "input: {x: [1]}\nlayers: [{linear: {features: 1, bias: false}}]",
    "parameter": "input: {x: [1, 1, 1]}\nlayers: [{parameter: {shape: [1]}}]",
    "unknown": "input: {x: [1, 4, 4]}\nlayers: [{opaque: {operation: sort, shape: [1]}}]",
    "partly": "input: {x: [1, 4, 4]}\n"
    "layers: [{conv2d: {channels: 1, kernel: 1}}, {opaque: {operation: sort, shape: [1]}}]",
}
"""Models with nothing of something, by what they have."""
LIBRARY = (
    "autoencoder", "lenet5", "mobilenet_v1@alpha=0.25,resolution=96", "ssdlite320_mobilenet_v2",
)  # fmt: skip
DEVICES = ("pixel_1_tflite", "raspberry_pi_4", "h100", "pixel_3_tflite_gpu", "a10", "coral_usb")
"""One for each way to a time: coefficients, shared coefficients, lower bounds, a roofline; without
kernel launches; none."""


def _devices(names: tuple[str, ...] = DEVICES) -> tuple[DeviceProfile, ...]:
    return tuple(map(load_device, names))


def _small(name: str) -> Any:
    return parse_spec(f"{HEAD}{SMALL[name]}\n")


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, Analysis]]:
    """Networks without devices and with some."""
    models = {**{name: _small(name) for name in SMALL}, **{n: load_model(n) for n in LIBRARY}}
    return [(name, analyze(model, devices=_devices())) for name, model in models.items()]


def _written(report: Report) -> None:
    """The report in all formats; numbers of JSON are finite."""
    for form in FORMATS:
        text = render(report, form, 100)
        assert text.endswith("\n")
        assert not re.search(r"\bnan\b", text.lower())
        if form == "json":
            _finite(json.loads(text))


def _finite(value: Any) -> None:
    if isinstance(value, float):
        assert isfinite(value)
    elif isinstance(value, dict):
        _finite(list(value.values()))
    elif isinstance(value, list):
        for part in value:
            _finite(part)


def _without_devices(analysis: Analysis) -> Analysis:
    return replace(analysis, devices=(), runtime_plans=())


def test_every_pair_is_compared(pairs: list[tuple[str, Analysis]]) -> None:
    for (first, first_analysis), (other, other_analysis) in product(pairs, repeat=2):
        analyses = [first_analysis, other_analysis]
        _written(compare_report([first, other], analyses, "kind"))
        bounds = [analysis.with_lower_bounds() for analysis in analyses]
        _written(compare_report([first, other], bounds, "kind"))


@pytest.mark.parametrize("by", GRAINS)
def test_every_grain(pairs: list[tuple[str, Analysis]], by: Grain) -> None:
    few = [pair for pair in pairs if pair[0] in SMALL or pair[0] in LIBRARY[:2]]
    for (first, first_analysis), (other, other_analysis) in product(few, repeat=2):
        bare = [_without_devices(analysis) for analysis in (first_analysis, other_analysis)]
        _written(compare_report([first, other], bare, by))
    names = [name for name, _ in few]
    _written(compare_report(names, [analysis.with_lower_bounds() for _, analysis in few], by))


@pytest.mark.parametrize("name", SMALL)
def test_every_report_of_one_network(name: str) -> None:
    model = _small(name)
    for device in _devices():
        plain = analyze(model, devices=[device])
        for analysis in (plain, plain.with_lower_bounds()):
            for by in (*GRAINS, "kernel"):
                _written(analysis_report(analysis, by))  # type: ignore[arg-type]
            _written(device_choice(analysis))
    plain = analyze(model, devices=_devices(("pixel_1_tflite", "h100", "a10")))
    for analysis in (plain, plain.with_lower_bounds()):
        _written(explain_report(analysis, None))
        for change in ("macs=x2", "launch=/2,bandwidth=1GB/s"):
            what_ifs = compare_what_if(analysis, parse_changes(change))
            _written(with_what_if(analysis_report(analysis), analysis, what_ifs))
    for cost in analysis.layers:
        _written(explain_report(analysis, cost.step.name))


def test_mult_adds_without_a_time_of_their_own() -> None:
    """Coefficients of linear layers are coefficients of their weights: nothing is spent on
    multiplying."""
    devices = _devices(("pixel_1_tflite",))
    first, other = (analyze(load_model(n), devices=devices) for n in ("autoencoder", "lenet5"))
    (there,), (back,) = ratio_breakdowns(first, other), ratio_breakdowns(other, first)
    assert there.first_mac_share == 0.0
    assert back.other_mac_share == 0.0
    assert there.coefficient_ratio is None
    assert back.coefficient_ratio is None
    assert there.time_ratio == pytest.approx(1 / back.time_ratio)  # type: ignore[operator]
    text = render(compare_report(["linear", "lenet5"], [first, other]), "text", 200)
    assert "; no product where mult-adds take no time of their own in one of the two\n" in text


def test_a_small_ratio_is_not_zero() -> None:
    devices = _devices(("pixel_1_tflite",))
    models = [_small("one_mult_add"), load_model("mobilenet_v1")]
    report = compare_report(
        ["large", "small"], [analyze(model, devices=devices) for model in models[::-1]]
    )
    (sentence,) = [note for note in report.notes if "the mult-adds of" in note]
    assert sentence.startswith("pixel_1_tflite: small has 1.8e-09x the mult-adds of large and")


@pytest.mark.parametrize("name", ["view", "views"])
def test_without_a_kernel_there_is_no_time(name: str) -> None:
    analysis = analyze(_small(name), devices=_devices(device_names()))
    note = "no layer computes or copies anything: no kernel is launched, and time is unknown"
    some = [
        estimate
        for estimate in analysis.devices
        if "fp32" in {**estimate.device.compute, **estimate.device.latency}
    ]
    timed = [estimate for estimate in some if estimate.kernels]  # runtimes that copy parts out
    assert len(timed) < len(some)
    assert (name == "views") or not timed
    for estimate in some:
        if estimate.kernels:
            continue
        known = (
            estimate.latency_s,
            estimate.low_s,
            estimate.high_s,
            estimate.bound_s,
            estimate.energy,
            estimate.basis,
        )
        assert known == (None,) * 6
        assert estimate.notes == (note,)
        assert time_ratio(estimate, estimate).value is None


def test_without_a_kernel_no_time_is_zero() -> None:
    analysis = analyze(_small("view"), devices=_devices(DEVICES[:5]))
    text = render(analysis_report(analysis), "text", 200)
    assert "0 s" not in text
    assert "more time than" not in text
    assert (
        "* pixel_1_tflite, raspberry_pi_4, h100, pixel_3_tflite_gpu and 1 more: no layer computes"
        in text
    )
    chosen = render(device_choice(analysis), "text", 200)
    assert "no fp32 rate" not in chosen
    assert "no layer computes or copies anything" in chosen


def test_a_sum_of_nothing_known_is_unknown() -> None:
    analysis = analyze(_small("unknown"), devices=_devices(DEVICES[:3]))
    tflite, shared, lower_bound = analysis.devices
    assert (tflite.latency_s, tflite.bound_s, tflite.outside) == (None, None, ())
    assert (shared.latency_s, shared.bound_s) == (None, None)
    assert tflite.notes == ("1 kernel is not timed: no rule counts what it does",)
    assert lower_bound.latency_s == load_device("h100").kernel_overhead_s.least  # type: ignore[union-attr]
    assert lower_bound.bound_s is None
