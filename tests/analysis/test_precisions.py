"""Entries that state a precision: bytes and memory follow, and a time is of one precision."""

from __future__ import annotations

import pytest

import mnet_cost
from mnet_cost.analysis import Analysis
from mnet_cost.analysis.costs import network_costs
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.network.rebuild import with_layers
from mnet_cost.tensors import DTYPES

HEAD = "format: 1\nname: x\ninput: {image: {shape: [3, 8, 8], dtype: uint8}}\nlayers:\n"


def analyzed(layers: str, precision: str = "fp32", head: str = HEAD, **options: object) -> Analysis:
    """The analysis of a list of layers."""
    return mnet_cost.analyze(parse_spec(head + layers), precision=precision, **options)  # type: ignore[arg-type]


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
    mixed = analyzed(MIXED, devices=[device])
    assert mixed.devices[0].latency_s is None
    assert mixed.devices[0].notes == (
        "layers state several precisions, and no rate or fit is of a mix: time is unknown",
    )
    profile = mnet_cost.load_device(device)
    assert network_costs(mixed.network, [profile]).devices[0].latency_s is None
    again = network_costs(analyzed(whole).network, [profile]).devices[0]
    assert again.latency_s == asked.latency_s
