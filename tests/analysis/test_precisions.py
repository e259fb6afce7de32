"""Entries that state a precision: bytes, memory and times follow."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import Any

import pytest

import mnet_cost
from mnet_cost.analysis.costs import network_costs
from mnet_cost.devices import Sourced
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.network.rebuild import with_layers
from mnet_cost.results import Analysis
from mnet_cost.tensors import DTYPES

HEAD = "format: 1\nname: x\ninput: {image: {shape: [3, 8, 8], dtype: uint8}}\nlayers:\n"


def analyzed(layers: str, precision: str = "fp32", head: str = HEAD, **options: Any) -> Analysis:
    """The analysis of a list of layers."""
    return mnet_cost.analyze(parse_spec(head + layers), precision=precision, **options)


MIXED = """\
  - {id: a, conv2d: {channels: 4, kernel: 3, bias: true}, precision: int8}
  - {id: b, relu: {}, precision: int8}
  - {id: c, conv2d: {channels: 8, kernel: 1}, precision: fp16}
  - {id: d, conv2d: {channels: 2, kernel: 1}}
"""


def test_bytes_of_each_layer() -> None:
    analysis = analyzed(MIXED)
    rows = [(cost.weight_bytes, cost.input_bytes, cost.output_bytes) for cost in analysis.layers]
    assert rows == [
        (4 * 27 + 4, 3 * 64, 4 * 64),
        (0, 4 * 64, 4 * 64),
        (2 * 32, 4 * 64, 2 * 8 * 64),
        (4 * 16, 2 * 8 * 64, 4 * 2 * 64),
    ]
    assert analysis.totals.weight_bytes == 112 + 64 + 64
    assert analysis.memory.peak_bytes == 2 * 8 * 64 + 4 * 2 * 64  # at d; `b` is in place
    half = analyzed(MIXED, "fp16")
    assert [cost.output_bytes for cost in half.layers] == [256, 256, 1024, 256]
    assert half.totals.mult_adds == analysis.totals.mult_adds
    (quantized, last) = [k for k in analysis.kernels if k.name in ("a", "d")]
    assert (quantized.weight_bytes, quantized.input_bytes, quantized.output_bytes) == (
        112,
        192,
        256,
    )
    assert (last.weight_bytes, last.input_bytes, last.output_bytes) == (64, 1024, 512)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_an_output_of_other_bytes_is_not_written_over_the_input(precision: str) -> None:
    text = "input: {x: [4, 8, 8]}\nlayers:\n  - {relu: {}, precision: int8}\n  - tanh\n  - relu\n"
    head = "format: 1\nname: x\n"
    analysis = analyzed(text, precision, head)
    width = DTYPES[precision].bytes
    # tanh reads bytes and writes numbers of the analysis; the input is never written over.
    at_relu, at_tanh = (width + 1) * 256, (1 + width) * 256
    peak = max(at_relu, at_tanh) if precision == "fp32" else 2 * 256
    assert analysis.memory.peak_bytes == peak


def test_stored_tensors_and_what_is_made_of_them() -> None:
    layers = (
        "  - {id: p, parameter: {shape: [3, 8, 8]}, precision: int8}\n"
        "  - {id: q, elementwise: {operation: multiply, number: 2}, from: p, precision: int16}\n"
        "  - {add: [image, q], precision: int8}\n"
    )
    analysis = analyzed(layers)
    p, q, add = analysis.layers
    assert (p.weight_bytes, q.weight_bytes, add.input_bytes) == (0, 2 * 192, 192 + 2 * 192)
    (kernel,) = analysis.kernels
    assert (kernel.weight_bytes, kernel.input_bytes, kernel.output_bytes) == (384, 192, 192)
    assert (kernel.input_elements, kernel.trained_elements) == (192, 192)


def test_use_and_weights_of_have_the_precision_of_the_first() -> None:
    layers = (
        "  - {id: a, conv2d: {channels: 3, kernel: 3}, precision: int8}\n  - use: a\n"
        "  - flatten\n  - {id: f, linear: {features: 192, bias: false}, precision: int8}\n"
        "  - {linear: {features: 192, bias: false}, weights_of: f, precision: int8}\n"
    )
    costs = analyzed(layers).layers
    assert [cost.read_weight_bytes for cost in costs] == [81, 81, 0, 192 * 192, 192 * 192]
    assert [cost.output_bytes for cost in costs] == [192, 192, 0, 192, 192]
    with pytest.raises(mnet_cost.MnetCostError, match="which states `int8`"):
        analyzed(layers.replace("f, precision: int8}", "f}"))


def test_blocks_and_other_sizes() -> None:
    head = (
        "format: 1\nname: x\nknobs: {c: 4}\ninput: {image: [3, 8, 8]}\nblocks:\n"
        "  unit: {arguments: {act: relu}, layers: [{conv2d: {channels: c, kernel: 3}, precision: "
        "int8}, {act: {}, precision: int8}]}\nlayers:\n"
    )
    spec = parse_spec(head + "  - {unit: {}, repeat: 2}\n  - unit: {act: tanh}\n")
    network = elaborate(spec)
    assert {step.precision for step in network.steps} == {DTYPES["int8"]}
    assert {network.tensors[step.output].type.dtype for step in network.steps} == {DTYPES["int8"]}
    again = with_layers(network, {0: elaborate(spec, {"c": 6}).steps[0].layer})
    assert {again.tensors[step.output].type.dtype for step in again.steps} == {DTYPES["int8"]}
    swept = mnet_cost.sweep(spec, c="2:8:2").columns["traffic_bytes"]
    assert list(swept) == [mnet_cost.analyze(spec, c=c).totals.traffic_bytes for c in (2, 4, 6, 8)]


def test_time_is_that_of_the_precision_that_all_kernels_have() -> None:
    device = "pixel_3_tflite"
    whole = (
        "  - {conv2d: {channels: 4, kernel: 3}, precision: int8}\n  - {tanh: {}, precision: int8}\n"
    )
    stated = analyzed(whole, devices=[device]).devices[0]
    asked = analyzed(whole, "int8", devices=[device]).devices[0]
    if asked.latency_s is None:
        pytest.fail("the profile has no int8")
    assert (stated.precision, stated.latency_s) == ("int8", asked.latency_s)
    profile = mnet_cost.load_device(device)
    again = network_costs(analyzed(whole).network, [profile]).devices[0]
    assert again.latency_s == asked.latency_s


QUANTIZED = (
    "  - {conv2d: {channels: 8, kernel: 3}, precision: int8}\n"
    "  - {conv2d: {channels: 16, kernel: 1}, precision: int8}\n"
    "  - conv2d: {channels: 4, kernel: 3}\n"
)


def test_kernels_of_several_precisions_are_timed_each_at_its_own() -> None:
    name = "pixel_3_tflite"  # it has a fit of fp32 and one of int8
    analysis = analyzed(QUANTIZED, devices=[name])
    (mixed,) = analysis.devices
    int8 = analyzed(QUANTIZED, "int8", devices=[name]).devices[0]
    fp32 = analyzed(QUANTIZED.replace(", precision: int8", ""), devices=[name]).devices[0]
    times = [kernel.latency_s or 0.0 for kernel in mixed.kernels]
    assert [kernel.precision for kernel in mixed.kernels] == ["int8", "int8", "fp32"]
    assert times[0] == int8.kernels[0].latency_s != fp32.kernels[0].latency_s
    assert times[2] == fp32.kernels[2].latency_s
    assert mixed.latency_s == pytest.approx(sum(times), rel=1e-12)
    assert (mixed.basis, mixed.precision) == ("fitted", "int8 and fp32")
    assert list(mixed.latency_fits) == ["int8", "fp32"]
    assert mixed.latency_fit is None
    assert mixed.adds_up
    # The band is as wide as the mean of those of the two parts, weighted by time.
    quantized = analyzed(QUANTIZED.rsplit("  - ", 1)[0], "int8", devices=[name]).devices[0]
    width, *widths = [
        log((each.high_s or 0.0) / (each.latency_s or 0.0)) for each in (mixed, quantized, fp32)
    ]
    assert min(widths) < width < max(widths)
    assert mixed.outside[0].startswith("its layers are in int8 and fp32, each timed by its precis")
    profile = mnet_cost.load_device(name)
    again = network_costs(analysis.network, [profile]).devices[0]
    assert (again.latency_s, again.low_s, again.high_s) == (
        mixed.latency_s, mixed.low_s, mixed.high_s,
    )  # fmt: skip
    text = analysis.report(by="kernel")
    assert "int8 and fp32" in text


def test_a_mix_without_a_rate_for_one_precision_has_no_time_and_names_it() -> None:
    (estimate,) = analyzed(QUANTIZED, devices=["ryzen_5700g"]).devices
    assert (estimate.latency_s, estimate.basis, estimate.energy) == (None, None, None)
    assert estimate.notes == (
        "no int8 rate in the profile (it has fp32), and 2 of 3 kernels are in int8: "
        "time is unknown",
    )


def test_a_mix_of_lower_bounds_adds_up_lower_bounds_at_their_own_rates() -> None:
    (estimate,) = analyzed(QUANTIZED, devices=["h100"]).devices
    assert (estimate.basis, estimate.low_s) == ("bound", None)
    (int8,) = analyzed(QUANTIZED, "int8", devices=["h100"]).devices
    (fp32,) = analyzed(QUANTIZED.replace(", precision: int8", ""), devices=["h100"]).devices
    compute_s = [kernel.lower_bound.compute_s for kernel in estimate.kernels]
    pairs = (int8.kernels[0], int8.kernels[1], fp32.kernels[2])
    assert compute_s == [kernel.lower_bound.compute_s for kernel in pairs]
    assert compute_s[1] == estimate.kernels[1].kernel.mult_adds / 989.5e12


def test_energies_of_mult_adds_are_those_of_their_precisions() -> None:
    profile = mnet_cost.load_device("h100")
    joules = {"int8": 1e-12, "fp32": 4e-12}
    profile = replace(
        profile, power_w=None, byte_energy_j={},
        mac_energy_j={
            name: Sourced(value=value, source="test", basis="assumed")
            for name, value in joules.items()
        },
    )  # fmt: skip
    analysis = analyzed(QUANTIZED, devices=[profile])
    a, b, c = (layer.mult_adds for layer in analysis.layers)
    energy = analysis.devices[0].energy
    assert energy is not None
    assert energy.energy_j == pytest.approx((a + b) * 1e-12 + c * 4e-12, rel=1e-12)


def test_what_if_refuses_a_mix_and_changes_the_precision_that_all_layers_state() -> None:
    with pytest.raises(mnet_cost.MnetCostError, match="layers are in int8 and fp32"):
        mnet_cost.what_if(analyzed(QUANTIZED, devices=["pixel_3_tflite"]), "macs=x2")
    whole = analyzed("  - {conv2d: {channels: 4, kernel: 3}, precision: int8}\n", devices=["h100"])
    (changed,) = mnet_cost.what_if(whole, "macs=x2").devices
    before, after = (each.kernels[0].lower_bound for each in (changed.before, changed.after))
    assert after.compute_s == (before.compute_s or 0.0) / 2
