"""What a training step costs, with numbers worked out by hand. `torch_model` holds it to torch."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mnet_cost.analysis import analyze, training_cost
from mnet_cost.analysis.training import OPTIMIZERS, TrainingCost
from mnet_cost.errors import UsageError
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate

HEAD = "format: 1\nname: hand\n"


def build(text: str, batch: int = 1) -> Network:
    return elaborate(parse_spec(HEAD + text), {"batch": batch})


def saved_bytes(cost: TrainingCost) -> dict[str, int]:
    """Bytes of saved tensors, and of what layers save inside as `in NAME`."""
    return {f"{'in ' * saved.inside}{saved.name}": saved.bytes for saved in cost.saved_tensors}


PLAIN = """\
input: {x: [3, 8, 8]}
layers:
  - conv2d: {channels: 4, kernel: 3}
  - batch_norm
  - relu
  - flatten
  - linear: {features: 5}
"""


def test_convolution_norm_rectifier_linear() -> None:
    cost = training_cost(build(PLAIN, batch=2))
    # Two examples of 3 * 8 * 8 and 4 * 8 * 8 numbers; mean and deviation of 4 channels. What the
    # rectifier and the linear layer save is the same memory, and the linear layer's output nothing.
    assert saved_bytes(cost) == {"x": 1536, "conv2d": 2048, "relu": 2048, "in batch_norm": 32}
    assert cost.activation_bytes == 5664
    # Forward: 27 * 4 * 64 and 256 * 5. The input needs no gradient, so the convolution has one
    # product more and the linear layer two.
    assert cost.forward_mult_adds == 2 * (6912 + 1280)
    assert cost.input_gradient_mult_adds == 2 * 1280
    assert cost.weight_gradient_mult_adds == 2 * (6912 + 1280)
    assert cost.backward_mult_adds == 2 * (6912 + 2 * 1280)
    assert cost.mult_adds == 35_328
    # 108 + 8 + 1285 params; 8 running statistics.
    assert cost.weight_bytes == cost.gradient_bytes == 4 * 1401
    assert cost.statistic_bytes == 32
    assert cost.memory_bytes == 3 * 5604 + 32 + 5664  # with momentum


def test_state_of_optimizers() -> None:
    network = build(PLAIN)
    states = {name: training_cost(network, optimizer=name).optimizer_bytes for name in OPTIMIZERS}
    assert states == {
        "sgd": 0,
        "sgd_momentum": 5604,
        "rmsprop": 5604,
        "rmsprop_momentum": 11208,
        "adam": 11208,
        "adamw": 11208,
    }
    averaged = training_cost(network, optimizer="sgd", weight_average=True)
    assert averaged.average_bytes == 5604
    assert averaged.memory_bytes == training_cost(network, optimizer="sgd").memory_bytes + 5604
    with pytest.raises(UsageError, match="no optimizer `adamm`"):
        training_cost(network, optimizer="adamm")


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_mixed_precision(precision: str) -> None:
    cost = training_cost(build(PLAIN, batch=2), precision)
    # Activations at two bytes, statistics of the norm at four; params and a copy at two bytes.
    assert saved_bytes(cost) == {"x": 768, "conv2d": 1024, "relu": 1024, "in batch_norm": 32}
    assert (cost.weight_bytes, cost.gradient_bytes, cost.cast_weight_bytes) == (5604, 5604, 2802)
    assert cost.memory_bytes == 3 * 5604 + 2802 + 32 + 2848


def test_there_is_no_training_in_int8() -> None:
    with pytest.raises(UsageError, match="no training in `int8`"):
        training_cost(build(PLAIN), "int8")


def test_residual_block() -> None:
    cost = training_cost(
        build(
            """\
input: {x: [4, 4, 4]}
layers:
  - {id: a, conv2d: {channels: 4, kernel: 1}}
  - {id: b, conv2d: {channels: 4, kernel: 1}}
  - {id: sum, add: [a, b]}
  - {id: out, relu6: {}}
"""
        )
    )
    # The sum saves nothing, relu6 its input; `a` is saved once though two layers read it, `b` is
    # saved by nobody.
    assert saved_bytes(cost) == {"x": 256, "a": 256, "sum": 256}
    assert cost.forward_mult_adds == 2 * 256
    assert cost.input_gradient_mult_adds == 256
    assert cost.weight_gradient_mult_adds == 512


def test_squeeze_and_excitation() -> None:
    cost = training_cost(
        build(
            """\
input: {x: [2, 4, 4]}
layers:
  - {id: main, conv2d: {channels: 8, kernel: 1}}
  - {id: mean, global_avg_pool: {keep: true}}
  - {id: down, conv2d: {channels: 2, kernel: 1}}
  - {id: rectified, relu: {}}
  - {id: up, conv2d: {channels: 8, kernel: 1}}
  - {id: gate, sigmoid: {}}
  - {id: out, multiply: [main, gate]}
""",
            batch=3,
        )
    )
    # A mean needs nothing again; both factors of the product are saved, the gate once.
    assert saved_bytes(cost) == {
        "x": 3 * 128,
        "main": 3 * 512,
        "mean": 3 * 32,
        "rectified": 3 * 8,
        "gate": 3 * 32,
    }


def test_a_factor_without_a_gradient() -> None:
    cost = training_cost(
        build(
            """\
input: {x: [8, 1, 1], y: [8, 4, 4]}
layers:
  - {id: gate, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: out, multiply: [gate, y]}
"""
        )
    )
    assert saved_bytes(cost) == {"x": 32, "y": 512}  # `gate` would be for the gradient of y


def test_padding_on_one_side_makes_a_copy() -> None:
    text = """\
input: {{x: [3, {size}, {size}]}}
layers:
  - conv2d: {{channels: 4, kernel: 3, stride: 2}}
  - max_pool2d: {{kernel: 2, stride: 2}}
"""
    even = training_cost(build(text.format(size=8)))
    # 8 -> 4 needs one row below only: 9 x 9. The pool saves its input and an index per output.
    assert saved_bytes(even) == {
        "in conv2d": 4 * 3 * 9 * 9,
        "conv2d": 4 * 4 * 4 * 4,
        "in max_pool2d": 8 * 4 * 2 * 2,
    }
    odd = training_cost(build(text.format(size=7)))
    # 7 -> 4 needs a row on both sides, which torch pads without a copy.
    assert saved_bytes(odd) == {"x": 4 * 3 * 7 * 7, "conv2d": 256, "in max_pool2d": 128}


def test_dropout_and_views() -> None:
    cost = training_cost(
        build(
            """\
input: {x: [4, 6]}
layers:
  - {id: a, linear: {features: 6}}
  - {id: dropped, dropout: {rate: 0.5}}
  - {id: parts, split: {parts: 2}}
  - {id: left, tanh: {}, from: parts.0}
  - {id: right, silu: {}, from: parts.1}
"""
        )
    )
    # `left` leads nowhere, so nothing is saved for it. silu saves its input, which is a view of all
    # that dropout made; dropout saves a factor for each element.
    assert saved_bytes(cost) == {"x": 96, "dropped": 96, "in dropped": 96}


def test_nothing_trained_saves_nothing() -> None:
    cost = training_cost(build("input: {x: [4, 8, 8]}\nlayers:\n  - relu\n  - tanh\n"))
    assert cost.saved_tensors == ()
    assert cost.mult_adds == 0


def test_an_unknown_layer_is_not_zero() -> None:
    text = "input: {x: [4]}\nlayers:\n  - linear: {features: 3}\n  - opaque: {operation: magic, "
    cost = training_cost(build(text + "shape: [3]}\n"))
    assert cost.unmodelled == ("opaque",)
    assert saved_bytes(cost) == {"x": 16}
    stated = training_cost(build(text + "shape: same, mult_adds: 7, params: 0, vector_ops: 0}\n"))
    assert stated.forward_mult_adds == 12 + 7
    assert stated.unmodelled == ("opaque",)  # what it saves is not stated


def test_attention_saves_projections_and_a_number_a_row() -> None:
    cost = training_cost(
        build("input: {x: [5, 6]}\nlayers:\n  - attention: {heads: 2, features: 8}\n", batch=2)
    )
    # Query, keys, values and what is mixed: 5 * 8 each; for each of 2 * 5 rows of scores one.
    assert saved_bytes(cost) == {"x": 2 * 30 * 4, "in attention": 2 * (4 * 40 + 10) * 4}
    # Projections 4 * 5 * 6 * 8, products 2 * 5 * 5 * 8. Backward: the weights' 960, of inputs only
    # the last projection's 240, and twice the products.
    assert cost.forward_mult_adds == 2 * (960 + 400)
    assert cost.weight_gradient_mult_adds == 2 * 960
    assert cost.input_gradient_mult_adds == 2 * (240 + 800)


def test_mobilenet_v1_at_batch_8() -> None:
    model = load_model("mobilenet_v1@batch=8")
    cost = training_cost(elaborate(model.spec, model.knobs), optimizer="rmsprop")
    # arXiv:1704.04861, Table 4: 569 M mult-adds an image. All but the first convolution,
    # 27 * 32 * 112 * 112, have a gradient of their input.
    forward = 8 * 568_740_352
    assert cost.forward_mult_adds == cost.weight_gradient_mult_adds == forward
    assert cost.input_gradient_mult_adds == forward - 8 * 10_838_016
    assert cost.weight_bytes == cost.gradient_bytes == cost.optimizer_bytes == 4 * 4_231_976
    assert cost.statistic_bytes == 4 * 21_888
    # Of each convolution its output (its norm saves that) and the rectified output. The four
    # depthwise ones with a stride and the first convolution save a copy of their input with one row
    # and one column more; what the four would save is saved for the rectifier before them anyway.
    channels = [32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    strided = {(64, 128), (128, 256), (256, 512), (512, 1024)}
    size, copies = 112, 3 * 225**2
    made = 2 * 32 * size**2
    for before, after in pairwise(channels):
        if (before, after) in strided:
            copies += before * (size + 1) ** 2
            size //= 2
        made += 2 * (before + after) * size**2
    pooled, statistics = 1024, 2 * (32 + sum(channels[:-1]) + sum(channels[1:]))
    assert cost.activation_bytes == 4 * (8 * (made + copies + pooled) + statistics)
    assert cost.memory_bytes == (
        3 * cost.weight_bytes + cost.statistic_bytes + cost.activation_bytes
    )


def test_an_analysis_is_the_same_with_training_beside_it() -> None:
    analysis = analyze(load_model("mobilenet_v1"))
    assert training_cost(analysis.network).forward_mult_adds == analysis.totals.mult_adds
