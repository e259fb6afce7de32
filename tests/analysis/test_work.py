"""Work and bytes of single layers, worked by hand."""

from __future__ import annotations

from dataclasses import astuple

from mnet_cost.analysis.work import LayerCost, add_up, count_work
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.tensors import DTYPES

HEAD = "format: 1\nname: hand\n"

SMALL = (
    HEAD
    + """\
input: {image: [3, 8, 8]}
layers:
  - conv2d: {channels: 4, kernel: 3, stride: 2}
  - batch_norm
  - relu
  - flatten
  - linear: {features: 5}
"""
)


def costs(text: str, precision: str = "fp32", batch: int = 1) -> dict[str, LayerCost]:
    network = elaborate(parse_spec(text), {"batch": batch})
    return {cost.step.name: cost for cost in count_work(network, DTYPES[precision])}


def bytes_of(cost: LayerCost) -> tuple[int, int, int]:
    return cost.weight_bytes, cost.input_bytes, cost.output_bytes


def test_counts() -> None:
    layer_costs = costs(SMALL)
    conv, linear = layer_costs["conv2d"], layer_costs["linear"]
    # 3 x 3 kernel, 3 channels in, 4 out, 4 x 4 positions; then 4 * 4 * 4 = 64 features to 5
    assert (conv.mult_adds, conv.vector_ops, conv.weights, conv.params) == (1728, 0, 108, 108)
    assert (linear.mult_adds, linear.vector_ops, linear.weights, linear.params) == (
        320,
        5,
        320,
        325,
    )
    norm = layer_costs["batch_norm"]
    assert (norm.mult_adds, norm.vector_ops, norm.params, norm.buffers) == (0, 128, 8, 8)
    assert layer_costs["relu"].vector_ops == 64


def test_bytes_at_fp32_and_int8() -> None:
    layer_costs = costs(SMALL)
    assert bytes_of(layer_costs["conv2d"]) == (108 * 4, 3 * 64 * 4, 64 * 4)
    assert bytes_of(layer_costs["batch_norm"]) == (8 * 4, 64 * 4, 64 * 4)
    assert bytes_of(layer_costs["relu"]) == (0, 64 * 4, 64 * 4)
    assert bytes_of(layer_costs["flatten"]) == (0, 0, 0)
    assert bytes_of(layer_costs["linear"]) == (325 * 4, 64 * 4, 5 * 4)
    for name, cost in costs(SMALL, "int8").items():
        assert tuple(4 * b for b in bytes_of(cost)) == bytes_of(layer_costs[name])


def test_batch_multiplies_work_and_activations_but_not_weights() -> None:
    batch_1, batch_3 = costs(SMALL), costs(SMALL, batch=3)
    for name, cost in batch_1.items():
        assert batch_3[name].mult_adds == 3 * cost.mult_adds
        assert batch_3[name].vector_ops == 3 * cost.vector_ops
        assert batch_3[name].input_bytes == 3 * cost.input_bytes
        assert batch_3[name].output_bytes == 3 * cost.output_bytes
        assert batch_3[name].weight_bytes == cost.weight_bytes
        assert batch_3[name].params == cost.params
        assert batch_3[name].work == cost.work


def test_weights_used_twice_are_stored_once_and_read_twice() -> None:
    layer_costs = costs(
        HEAD
        + """\
input: {left: [10], right: [10]}
layers:
  - {id: tower, linear: {features: 4, bias: false}, from: left}
  - {id: twin, use: tower, from: right}
  - {id: again, use: twin, from: left}
  - add: [tower, twin, again]
"""
    )
    assert (layer_costs["tower"].params, layer_costs["tower"].weight_bytes) == (40, 160)
    for name in ("twin", "again"):
        cost = layer_costs[name]
        assert (cost.mult_adds, cost.params, cost.weights, cost.weight_bytes) == (40, 0, 0, 0)
        assert cost.read_weight_bytes == 160
        assert cost.traffic_bytes == 160 + 40 + 16
    totals = add_up(tuple(layer_costs.values()))
    assert (totals.mult_adds, totals.params, totals.weight_bytes) == (120, 40, 160)
    assert totals.traffic_bytes == 3 * (160 + 40 + 16) + (3 * 16 + 16)


def test_an_input_with_a_type_of_its_own() -> None:
    text = (
        HEAD
        + """\
input: {pixels: {shape: [1, 4, 4], dtype: uint8}, mask: [2, 4, 4]}
layers:
  - {conv2d: {channels: 2, kernel: 1}, from: pixels}
  - concat: [pixels, mask]
"""
    )
    layer_costs = costs(text)
    assert layer_costs["conv2d"].input_bytes == 16  # one byte each, at any precision
    assert layer_costs["conv2d"].output_bytes == 32 * 4
    assert layer_costs["concat"].input_bytes == 16 * 1 + 32 * 4
    assert costs(text, "int8")["concat"].input_bytes == 48
    assert costs(text.replace("uint8", "int64"), "int8")["conv2d"].input_bytes == 16 * 8
    assert costs(text, batch=5)["concat"].input_bytes == 5 * (16 + 128)


def test_an_embedding_reads_the_rows_it_needs() -> None:
    embedding = costs(
        HEAD
        + """\
input: {tokens: {shape: [7], dtype: int64}}
layers:
  - embedding: {vocabulary: 100, features: 8}
"""
    )["embedding"]
    assert (embedding.params, embedding.weight_bytes) == (800, 3200)
    assert embedding.read_weight_bytes == 0  # but 7 rows of 8, beside the 7 tokens
    assert embedding.input_bytes == 7 * 8 + 7 * 8 * 4
    assert embedding.output_bytes == 7 * 8 * 4


def test_unknown_work_is_not_zero_work() -> None:
    layer_costs = costs(
        HEAD
        + """\
input: {image: [3, 8, 8]}
layers:
  - opaque: {operation: sort, shape: [3, 8, 8]}
  - relu
"""
    )
    assert layer_costs["opaque"].work is None
    assert layer_costs["relu"].work is not None


def test_totals_are_sums() -> None:
    layer_costs = tuple(costs(SMALL).values())
    totals = add_up(layer_costs)
    assert totals.mult_adds == 1728 + 320
    assert totals.flops == 2 * totals.mult_adds
    assert totals.vector_ops == 128 + 64 + 5
    assert totals.params == 108 + 8 + 325
    assert totals.activation_bytes == (64 + 64 + 64 + 5) * 4
    assert totals.traffic_bytes == sum(cost.traffic_bytes for cost in layer_costs)
    assert astuple(add_up(())) == (0,) * 8
