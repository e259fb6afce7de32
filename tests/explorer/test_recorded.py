"""The outline of an analysis has the numbers of the analysis, on every kind of device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine import sentences

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.time_breakdown import time_breakdown
from mnet_cost.devices.choice import choose_devices
from mnet_cost.explorer.recorded import (
    TOTALS,
    DeviceOutline,
    LayerRow,
    Outline,
    outline_costs,
)
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate

NETWORKS = (
    "mobilenet_v1", "mobilenet_v1:full", "mobilenet_v2", "mobilenet_v3_small", "lenet5", "vgg16",
    "resnet18", "googlenet", "shufflenet_v2_x1_0", "squeezenet1_1", "densenet121",
    "efficientnet_b0", "vit_b_16", "mixer_b16", "nasnet_mobile", "ssdlite320_mobilenet_v2", "unet",
    "mobilevit_xxs",
)  # fmt: skip


def assert_same_device(outline: DeviceOutline, estimate: DeviceEstimate) -> None:
    assert outline.latency_s == estimate.latency_s
    assert (outline.low_s, outline.high_s) == (estimate.low_s, estimate.high_s)
    assert outline.bound_s == estimate.bound_s
    if estimate.latency_s is not None:
        assert outline.basis == estimate.basis
        assert outline.inference_s == estimate.inference_s
        assert sentences(outline.outside) == list(estimate.outside)
    energy = estimate.energy
    assert (outline.energy_j, outline.energy_low_j, outline.energy_high_j, outline.energy_how) == (
        (None, None, None, "")
        if energy is None
        else (energy.energy_j, energy.low_j, energy.high_j, energy.how)
    )
    assert sentences(outline.notes) == list(estimate.notes)
    if outline.basis is not None:
        assert outline.untimed == len(estimate.untimed)
    for row, check in zip(outline.capacity, estimate.memory_fits, strict=True):
        assert (row.what, row.where) == (check.what, check.where)
        assert row.needed_bytes == check.needed_bytes - check.gap_bytes
        assert row.available_bytes == check.available_bytes
    for kernel, timed in zip(outline.kernels, estimate.kernels, strict=True):
        assert kernel.name == timed.kernel.name
        assert kernel.latency_s == timed.latency_s
        parts = time_breakdown(estimate, timed)
        assert (kernel.compute_s, kernel.memory_s, kernel.overhead_s) == tuple(parts)
        assert kernel.bound_compute_s == timed.lower_bound.compute_s
        assert kernel.bound_memory_s == timed.lower_bound.memory_s
        assert kernel.mult_adds == timed.kernel.mult_adds
        assert kernel.traffic_bytes == timed.kernel.traffic_bytes
        assert list(kernel.level_bytes) == [flow.bytes for flow in timed.lower_bound.traffic]
        if timed.latency_s is not None:
            seconds = [kernel.compute_s, kernel.memory_s, kernel.overhead_s]
            assert sum(part or 0.0 for part in seconds) == pytest.approx(timed.latency_s)


def assert_same(outline: Outline, analysis: Analysis) -> None:
    costs = analysis.costs
    assert outline.totals == {name: getattr(costs, name) for name in TOTALS}
    assert outline.live == analysis.memory.live_bytes
    assert max(outline.live) == analysis.memory.peak_bytes
    for row, cost in zip(outline.layers, analysis.layers, strict=True):
        assert_same_layer(row, cost)
    for device, estimate in zip(outline.devices, analysis.devices, strict=True):
        assert_same_device(device, estimate)
    for step in range(len(outline.live)):
        alive = [tensor.bytes for tensor in outline.tensors if tensor.first <= step <= tensor.last]
        assert sum(alive) == outline.live[step]


def assert_same_layer(row: LayerRow, cost: Any) -> None:
    assert row.shape == cost.output.shape
    assert row[3:] == (
        cost.mult_adds, cost.params, cost.weight_bytes, cost.input_bytes, cost.output_bytes
    )  # fmt: skip
    assert row.work == tuple(cost.work)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_outline_has_the_numbers_of_the_analysis(name: str) -> None:
    model = load_model(name)
    network = elaborate(model.spec, model.knobs)
    devices = choose_devices(["all"])
    if len(network.steps) > 120:  # every class of device, not every device
        devices = devices[::7]
    for precision in ("fp32", "int8"):
        assert_same(
            outline_costs(network, devices, precision),
            analyze_network(network, devices, precision=precision),
        )


def test_an_unknown_layer_leaves_what_is_known_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "format: 1\nname: net\ninput: {x: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 1}\n"
        "  - opaque: {operation: sort, shape: [4, 8, 8]}\n"
        "  - linear: {features: 10}\n"
    )
    devices = choose_devices(["pixel_1", "h100", "stm32f746"])
    network = elaborate(load_model(str(tmp_path / "net.yaml")).spec)
    analysis = analyze_network(network, devices)
    outline = outline_costs(network, devices)
    assert outline.totals == dict.fromkeys(TOTALS) | {"peak_bytes": 2304}
    assert analysis.memory.peak_bytes == 2304
    phone, gpu, board = outline.devices
    for device, estimate in zip(outline.devices, analysis.devices, strict=True):
        assert (device.basis, device.latency_s, device.energy_j, device.capacity) == (
            (None, None, None, ())
        )
        assert [kernel.latency_s for kernel in device.kernels] == [
            timed.latency_s for timed in estimate.kernels
        ]
    assert [kernel.latency_s is None for kernel in phone.kernels] == [False, True, False]
    assert len(gpu.kernels) == 3
    assert board.kernels == ()
