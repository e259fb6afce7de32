"""Memory saved for the backward pass, and its mult-adds, against torch 2.13 on a CPU.

Bytes are those of the storages that autograd packs and still holds when the forward pass is over:
each once, without params and buffers. Mult-adds are half of what torch's flop counter counts
forward and backward on the meta device. Where we differ, and why:

- lstm: torch's fused kernel for CPUs (oneDNN) has a workspace of its own; we say what torch saves
  without it, and the test runs it so. gru has no such kernel.
- non_max_suppression: we take the boxes that it keeps for constant, as detectors train
  (arXiv:1506.01497, section 3.2), and its inputs for outputs that have a loss. So does the test.
- permuted and cut views in front of a copy, one axis of size 1 among permuted ones, attention of
  sequences of length 1: torch may spare a copy that we count, or the other way round.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from oracle import examples  # noqa: E402
from random_networks import random_network  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode, conv_backward_flop  # noqa: E402

from mnet_cost.analysis.training import OPTIMIZERS, training_cost  # noqa: E402
from mnet_cost.layers import LAYERS  # noqa: E402
from mnet_cost.layers.arithmetic import OPERATIONS  # noqa: E402
from mnet_cost.layers.detection import NonMaxSuppression  # noqa: E402
from mnet_cost.layers.opaque import Opaque  # noqa: E402
from mnet_cost.layers.reduce import REDUCTIONS  # noqa: E402
from mnet_cost.models.catalog import Listed, read_catalog  # noqa: E402
from mnet_cost.models.library import load_model  # noqa: E402
from mnet_cost.models.load import parse_spec  # noqa: E402
from mnet_cost.network import Network, elaborate  # noqa: E402
from mnet_cost.torch_model import build_module, modules  # noqa: E402

BATCH = 2


class Packed:
    """A tensor that autograd saves, alive for as long as autograd holds it."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor.detach()  # else an output would keep its own graph alive


def saved_bytes(network: Network) -> int:
    """Bytes that autograd holds after a forward pass of the network's module."""
    module = build_module(network)
    owned = {
        tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())
    }
    packed: list[weakref.ref[Packed]] = []

    def pack(tensor: Any) -> Packed:
        holder = Packed(tensor)
        packed.append(weakref.ref(holder))
        return holder

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda holder: holder.tensor):
        outputs = module(*examples(network, "cpu"))
    held = [holder for holder in (reference() for reference in packed) if holder is not None]
    storages = {
        holder.tensor.untyped_storage().data_ptr(): holder.tensor.untyped_storage().nbytes()
        for holder in held
    }
    del outputs  # which kept the graph alive until here
    return sum(bytes_ for pointer, bytes_ in storages.items() if pointer not in owned)


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What goes into suppression, and so has a loss."""
    losses: list[Any] = []
    keep_best = modules.keep_best

    def constant(boxes: Any, scores: Any, regions: int) -> Any:
        losses.extend((boxes, scores))
        return keep_best(boxes, scores, regions)

    monkeypatch.setattr(modules, "keep_best", constant)
    return losses


@pytest.fixture
def without_onednn() -> Iterator[None]:
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False
    yield
    torch.backends.mkldnn.enabled = before


SIGNAL, VOLUME = "[6, 9]", "[6, 5, 4, 6]"
IMAGE, SEQUENCE, VECTOR = "[6, 9, 8]", "[5, 6]", "[6]"

_OF_ONE_TENSOR = [
    f"operation: {name}"
    for name, operation in OPERATIONS.items()
    if operation.tensors == 1 and operation.number != "always" and name != "clamp"
]
_WITH_A_NUMBER = [
    f"operation: {name}, number: 2"
    for name, operation in OPERATIONS.items()
    if operation.number in ("always", "instead")
]

KINDS: dict[str, tuple[str, list[str]]] = {
    # kind: the shape of what a first, trained layer gives to it, and fields in many ways
    "conv2d": (
        IMAGE,
        [
            "channels: 4, kernel: 3",
            "channels: 4, kernel: 3, stride: 2",
            "channels: 4, kernel: [3, 2], stride: [1, 2], bias: true",
            "channels: 6, kernel: 3, groups: 3, padding: [1, 0, 0, 2], dilation: 2",
            "channels: 4, kernel: 2, stride: 3, padding: valid",
            "channels: 4, kernel: 3, bias: true, trained: false",
            "channels: 4, kernel: 3, bias: true, gain: true",
            "channels: 6, kernel: 3, groups: 3, padding: [1, 0, 0, 2], gain: true",
        ],
    ),
    "depthwise_conv2d": (
        IMAGE,
        [
            "kernel: 3",
            "kernel: 3, stride: 2",
            "kernel: 5, multiplier: 2",
            "kernel: 3, trained: false",
            "kernel: 5, multiplier: 2, gain: true",
        ],
    ),
    "conv_transpose2d": (
        IMAGE,
        [
            "channels: 4, kernel: 3, stride: 2",
            "channels: 4, kernel: 2, stride: 2, padding: 0",
            "channels: 4, kernel: 3, trained: false",
        ],
    ),
    "linear": (SEQUENCE, ["features: 4", "features: 4, bias: false"]),
    "batch_norm": (IMAGE, ["", "affine: false", "axis: height", "axis: -1"]),
    "layer_norm": (IMAGE, ["", "axis: width", "affine: false"]),
    "rms_norm": (IMAGE, ["", "axis: width", "axis: -1, affine: false", "affine: false"]),
    "reduce": (
        IMAGE,
        [
            f"operation: {name}, axes: {axes}"
            for name in REDUCTIONS
            for axes in ("width", "[height, -1]", "[-1, channels], keep: true", "channels")
        ],
    ),
    "group_norm": (IMAGE, ["groups: 3", "groups: 2, affine: false"]),
    "instance_norm": (IMAGE, ["", "affine: true"]),
    "local_response_norm": (IMAGE, ["size: 5", "size: 4", "size: 1"]),
    "l2_normalize": (IMAGE, ["", "axis: height"]),
    "relu": (IMAGE, [""]),
    "relu6": (IMAGE, [""]),
    "leaky_relu": (IMAGE, [""]),
    "prelu": (IMAGE, ["", "per_channel: false", "axis: -1"]),
    "sigmoid": (IMAGE, [""]),
    "hard_sigmoid": (IMAGE, [""]),
    "tanh": (IMAGE, [""]),
    "silu": (IMAGE, [""]),
    "hard_swish": (IMAGE, [""]),
    "gelu": (IMAGE, [""]),
    "softmax": (IMAGE, ["", "axis: width"]),
    "elementwise": (
        IMAGE,
        [
            *_OF_ONE_TENSOR,
            *_WITH_A_NUMBER,
            *(
                f"operation: {name}, number: 2, reversed: true"
                for name in ("subtract", "divide", "power")
            ),
            "operation: clamp, low: 0",
            "operation: clamp, low: 0, high: 6",
            "operation: elu, number: 2",
        ],
    ),
    "max_pool2d": (
        IMAGE,
        [
            "kernel: 3, stride: 2",
            "kernel: 2, stride: 2, padding: 0",
            "kernel: 3, stride: 2, padding: 1, round_up: true",
            "kernel: 2",
            "kernel: 3, dilation: 2, padding: valid",
        ],
    ),
    "avg_pool2d": (
        IMAGE,
        [
            "kernel: 3, stride: 2",
            "kernel: 2, stride: 2",
            "kernel: 2, count_include_pad: true",
            "kernel: 2",
            "kernel: 2, stride: 2, padding: 0, round_up: true",
        ],
    ),
    "global_avg_pool": (IMAGE, ["", "keep: true"]),
    "global_max_pool": (IMAGE, ["", "keep: true"]),
    "adaptive_avg_pool2d": (IMAGE, ["size: 3", "size: 1", "size: [1, 2]"]),
    "adaptive_max_pool2d": (IMAGE, ["size: 3", "size: 1"]),
    "conv1d": (
        SIGNAL,
        [
            "channels: 4, kernel: 3, stride: 2",
            "channels: 6, kernel: 4, groups: 3, bias: true",
            "channels: 4, kernel: 5, stride: 2, padding: [0, 1]",
        ],
    ),
    "conv3d": (
        VOLUME,
        [
            "channels: 4, kernel: 3, stride: 2",
            "channels: 6, kernel: [1, 3, 2], groups: 6",
            "channels: 2, kernel: 3, padding: [1, 0, 1, 1, 2, 0]",
        ],
    ),
    "max_pool1d": (SIGNAL, ["kernel: 3, stride: 2", "kernel: 2", "kernel: 3, dilation: 2"]),
    "max_pool3d": (VOLUME, ["kernel: 3, stride: 2", "kernel: [1, 2, 2]"]),
    "avg_pool1d": (SIGNAL, ["kernel: 3, stride: 2", "kernel: 2", "kernel: 2, stride: 2"]),
    "avg_pool3d": (
        VOLUME,
        [
            "kernel: 3, stride: 2",
            "kernel: [1, 2, 2]",
            "kernel: 2, stride: 2, padding: 0, round_up: true, count_include_pad: true",
        ],
    ),
    "adaptive_avg_pool1d": (SIGNAL, ["size: 3", "size: 1"]),
    "adaptive_avg_pool3d": (VOLUME, ["size: 2", "size: 1", "size: [1, 2, 1]"]),
    "adaptive_max_pool1d": (SIGNAL, ["size: 3"]),
    "adaptive_max_pool3d": (VOLUME, ["size: [2, 1, 3]"]),
    "attention": (
        SEQUENCE,
        [
            "heads: 2",
            "heads: 3, bias: false",
            "heads: 2, features: 8",
            "heads: 3, kv_heads: 1, causal: true",
        ],
    ),
    "gru": (
        SEQUENCE,
        [
            "features: 3",
            "features: 3, layers: 2",
            "features: 3, bidirectional: true, layers: 3",
            "features: 3, bias: false, output: last",
        ],
    ),
    "rnn": (
        SEQUENCE,
        [
            "features: 3",
            "features: 3, layers: 2, function: relu",
            "features: 3, bidirectional: true, layers: 3",
            "features: 3, bias: false, output: last",
        ],
    ),
    "lstm": (
        SEQUENCE,
        [
            "features: 3",
            "features: 3, layers: 2",
            "features: 3, bidirectional: true, layers: 3",
            "features: 3, bias: false, output: last",
            "features: 3, projection: 2",
            "features: 4, projection: 2, layers: 3, bidirectional: true",
            "features: 3, projection: 2, layers: 2, output: last",
        ],
    ),
    "flatten": (IMAGE, ["", "axes: 2"]),
    "reshape": (IMAGE, ["shape: [9, -1]"]),
    "transpose": (IMAGE, ["axes: [1, 2, 0]"]),
    "dropout": (IMAGE, ["", "rate: 0", "rate: 1"]),
    "identity": (IMAGE, [""]),
    "pad": (
        IMAGE,
        [
            "padding: [1, 0, 2, 0]",
            "padding: [-1, 2, 3, -3], channels: [1, -2]",
            "padding: 2, mode: reflect",
            "padding: [-1, 2, 3, -3], mode: replicate",
            "padding: -2, mode: reflect",
            "padding: [2, 1, 0, 3], mode: circular",
            "padding: [-1, 2, 3, -3], mode: circular",
        ],
    ),
    "resize": (
        IMAGE,
        ["scale: 2", "size: [5, 11], mode: bilinear", "scale: 2, mode: bicubic"],
    ),
    "channel_shuffle": (IMAGE, ["groups: 3", "groups: 1", "groups: 6"]),
    "to_sequence": (IMAGE, [""]),
    "to_image": (SEQUENCE, ["height: 5"]),
    "pixel_shuffle": ("[8, 6, 4]", ["factor: 2", "factor: 1"]),
    "pixel_unshuffle": (IMAGE, ["factor: 1"]),
    "roll": (IMAGE, ["shift: [-1, 2]", "shift: 3, axis: channels"]),
    "expand_batch": (IMAGE, [""]),
    "window_partition": (
        IMAGE,
        ["window: [3, 2]", "window: [9, 8]", "window: [3, 8]", "window: 1", "window: [9, 2]"],
    ),
    "window_merge": (
        "[6, 6, 4]",
        [
            "window: [3, 2], height: 6",
            "window: [1, 6], height: 6, width: 6",
            "window: [6, 1], height: 36",
            "window: [6, 1], height: 6",
        ],
    ),
    "unfold": (
        IMAGE,
        ["kernel: 3", "kernel: 2, stride: 2, padding: 0", "kernel: 2, stride: 3"],
    ),
    "fold": (
        "[12, 6]",
        ["size: [4, 6], kernel: 2, stride: 2, padding: 0", "size: [2, 3], kernel: [3, 2]"],
    ),
    "flip": (IMAGE, ["axes: height", "axes: [-1, channels]"]),
    "cumulative": (
        IMAGE,
        [
            f"operation: {name}, axis: width{rest}"
            for name in ("sum", "product")
            for rest in (
                "",
                ", exclusive: true",
                ", reverse: true",
                ", exclusive: true, reverse: true",
            )
        ],
    ),
    "top_k": (IMAGE, ["count: 2", "count: 8, axis: width, smallest: true"]),
    "scale": (IMAGE, ["", "axis: -2"]),
    "class_token": (SEQUENCE, [""]),
    "position_embedding": (SEQUENCE, [""]),
    "split": (IMAGE, ["parts: 2", "sizes: [4, 5], axis: height"]),
    "slice": (IMAGE, ["start: 2", "stop: 5, axis: width", "step: 2"]),
    "take": (SEQUENCE, ["index: 1", "index: 0, axis: features"]),
    "box_decode": ("[5, 4]", [""]),
}

AROUND = {
    # What a network with several inputs, or tokens, looks like.
    "add": "  - {id: b, linear: {features: 6}, from: a}\n  - add: [a, b, x]\n",
    "multiply": "  - {id: b, linear: {features: 6}, from: a}\n  - {multiply: [a, x, b, a]}\n",
    "concat": "  - {id: b, tanh: {}, from: a}\n  - concat: [a, b, x]\n",
    "matmul": "  - {id: b, linear: {features: 6}, from: a}\n"
    "  - {matmul: {transpose_second: true}, from: [a, b]}\n",
    "scaled_dot_product_attention": "  - {id: b, linear: {features: 6}, from: a}\n"
    "  - {scaled_dot_product_attention: {heads: 2}, from: [a, b, a]}\n",
    "parameter": "  - {id: p, parameter: {shape: [5, 6]}}\n  - {id: q, sigmoid: {}}\n"
    "  - {multiply: [a, p, q]}\n",
    "constant": "  - {id: p, constant: {shape: [5, 6], values: sine}}\n"
    "  - {id: q, sigmoid: {}}\n  - {multiply: [p, q, a]}\n",
    "relative_position_bias": "  - {id: b, linear: {features: 5}}\n"
    "  - {id: p, relative_position_bias: {window: [1, 5], heads: 3}}\n  - {id: q, tanh: {}}\n"
    "  - {id: s, multiply: [q, b]}\n  - softmax\n",
    "window_mask": "  - {id: p, window_mask: {size: [3, 6], window: [1, 6], shift: [0, 2]}}\n"
    "  - {id: b, linear: {features: 6}, from: p}\n  - {id: c, take: {index: 0, axis: -2}}\n"
    "  - {id: d, reshape: {shape: [3, 6]}}\n  - {id: s, slice: {stop: 1, axis: -2}}\n"
    "  - {multiply: [a, s]}\n",
}


def spec_of(kind: str, shape: str, fields: str, after: str = "") -> str:
    """A layer after a trained layer, so that it needs a gradient, and then `after`."""
    first = {
        IMAGE: "conv2d: {channels: 6, kernel: 1}",
        SIGNAL: "conv1d: {channels: 6, kernel: 1}",
        VOLUME: "conv3d: {channels: 6, kernel: 1}",
    }.get(shape, "scale")
    if first == "scale":
        first = "{id: first, linear: {features: " + shape.strip("[]").split(",")[-1] + "}}"
    else:
        first = "{id: first, " + first + "}"
    return (
        f"format: 1\nname: one\ninput: {{x: {shape}}}\nlayers:\n  - {first}\n"
        f"  - {{id: one, {kind}: {{{fields}}}}}\n{after}"
    )


def assert_agrees(text: str) -> None:
    network = elaborate(parse_spec(text), {"batch": BATCH})
    assert training_cost(network).activation_bytes == saved_bytes(network), text


ONE_BY_ONE = [(kind, fields) for kind, (_, several) in KINDS.items() for fields in several]


@pytest.mark.parametrize(("kind", "fields"), ONE_BY_ONE)
def test_one_layer(kind: str, fields: str, without_onednn: None) -> None:
    assert_agrees(spec_of(kind, KINDS[kind][0], fields))


@pytest.mark.parametrize(("kind", "fields"), ONE_BY_ONE)
def test_a_layer_whose_output_is_needed_again(kind: str, fields: str, without_onednn: None) -> None:
    part = ".0" if kind in ("split", "top_k") else ""
    assert_agrees(
        spec_of(kind, KINDS[kind][0], fields, f"  - {{id: last, silu: {{}}, from: one{part}}}\n")
    )


@pytest.mark.parametrize(("kind", "fields"), ONE_BY_ONE)
def test_a_layer_on_what_needs_no_gradient(kind: str, fields: str, without_onednn: None) -> None:
    shape = KINDS[kind][0]
    text = f"format: 1\nname: one\ninput: {{x: {shape}}}\nlayers:\n  - {kind}: {{{fields}}}\n"
    network = elaborate(parse_spec(text), {"batch": BATCH})
    assert training_cost(network).activation_bytes == saved_bytes(network)


@pytest.mark.parametrize("kind", AROUND)
def test_several_inputs(kind: str) -> None:
    assert_agrees(
        "format: 1\nname: several\ninput: {x: [5, 6]}\nlayers:\n"
        "  - {id: a, linear: {features: 6}}\n" + AROUND[kind]
    )


@pytest.mark.parametrize("inputs", ["a, b", "a, x", "x, a", "a, c", "c, a", "b, b"])
@pytest.mark.parametrize(
    "operation", [name for name, operation in OPERATIONS.items() if operation.tensors == 2]
)
def test_operations_of_two_tensors(operation: str, inputs: str) -> None:
    assert_agrees(of_tensors(f"{{elementwise: {{operation: {operation}}}, from: [{inputs}]}}"))


@pytest.mark.parametrize(
    "inputs", ["a, b, c", "x, a, b", "x, x, b", "a, x, c", "b, a, x", "a, c, x"]
)
@pytest.mark.parametrize("operation", ["add_product", "add_product, number: 0.5", "select"])
def test_operations_of_three_tensors(operation: str, inputs: str) -> None:
    """What only leads to a condition gets no gradient, so nothing before it is saved."""
    assert_agrees(of_tensors(f"{{elementwise: {{operation: {operation}}}, from: [{inputs}]}}"))


def of_tensors(entry: str) -> str:
    """A layer of tensors a, b [4, 5, 6] and c [5, 6], which need gradients, and x, which does not;
    before a, b and c are layers that save something."""
    return (
        "format: 1\nname: several\ninput: {x: [4, 5, 6]}\nlayers:\n"
        "  - {id: first, linear: {features: 6}, from: x}\n"
        "  - {id: a, sigmoid: {}, from: first}\n  - {id: second, tanh: {}, from: first}\n"
        "  - {id: b, silu: {}, from: second}\n  - {id: part, take: {index: 0, axis: -3}, from: b}\n"
        f"  - {{id: c, tanh: {{}}, from: part}}\n  - {entry}\n"
    )


@pytest.mark.parametrize("leading", ["3", "3, 4"])
@pytest.mark.parametrize(
    "layer",
    [
        "{attention: {heads: 2}, from: a}",
        "{attention: {heads: 2}, from: [a, k]}",
        "{attention: {heads: 3, features: 12, bias: false}, from: [k, a]}",
        "{scaled_dot_product_attention: {heads: 2}, from: [a, a, a]}",
        "{scaled_dot_product_attention: {heads: 2}, from: [a, k, k]}",
        "{scaled_dot_product_attention: {heads: 2}, from: [k, a, a]}",
        "{scaled_dot_product_attention: {}, from: [k, k, b]}",
        "{scaled_dot_product_attention: {heads: 2, causal: true}, from: [a, k, k]}",
        "{scaled_dot_product_attention: {heads: 3, kv_heads: 1}, from: [a, t, t]}",
        "{scaled_dot_product_attention: {heads: 3, kv_heads: 1}, from: [a, t, k]}",
        # a bias that needs no gradient, for a stack or for each of it, and one that does
        "{attention: {heads: 2, score_bias: true}, from: [a, k, m]}",
        "{attention: {heads: 2, score_bias: true}, from: [a, k, w]}",
        "{attention: {heads: 2, score_bias: true}, from: [k, a, n]}",
        "{attention: {heads: 2, score_bias: true, causal: true}, from: [a, k, w]}",
        "{attention: {heads: 2, score_bias: true, kv_heads: 1, features: 8}, from: [a, k, g]}",
        "{scaled_dot_product_attention: {heads: 2}, from: [a, k, k, m]}",
        "{scaled_dot_product_attention: {heads: 2}, from: [a, k, k, w]}",
        "{scaled_dot_product_attention: {heads: 2, causal: true}, from: [a, k, k, m]}",
        "{scaled_dot_product_attention: {heads: 2}, from: [x, y, y, g]}",
        "{scaled_dot_product_attention: {heads: 3, kv_heads: 1}, from: [a, t, t, g]}",
        "{scaled_dot_product_attention: {}, from: [k, k, b, v]}",
        "{scaled_dot_product_attention: {}, from: [x, y, b]}",
        "{scaled_dot_product_attention: {heads: 2}, from: [x, k, y, g]}",
    ],
)
def test_attention_on_stacks(layer: str, leading: str) -> None:
    ones = ", ".join("1" for _ in leading.split(","))
    assert_agrees(
        f"format: 1\nname: stacks\ninput: {{x: [{leading}, 5, 6], y: [{ones}, 7, 6], "
        f"m: [5, 7], w: [{leading}, 2, 5, 7], n: [{ones}, 1, 1, 5], v: [1, 7]}}\nlayers:\n"
        "  - {id: t, linear: {features: 2}, from: y}\n"
        "  - {id: g, scale: {}, from: m}\n"
        "  - {id: a, linear: {features: 6}, from: x}\n"
        "  - {id: k, linear: {features: 6}, from: y}\n"
        "  - {id: b, linear: {features: 4}, from: y}\n"
        f"  - {layer}\n"
    )


@pytest.mark.parametrize("inputs", ["a, b", "b, a", "a, c", "c, a", "x, c", "s, a"])
def test_products_of_different_numbers_of_axes(inputs: str) -> None:
    assert_agrees(
        "format: 1\nname: products\ninput: {x: [3, 5, 6, 6], y: [6, 6], z: [5, 6, 6]}\nlayers:\n"
        "  - {id: a, linear: {features: 6}, from: x}\n"
        "  - {id: b, linear: {features: 6}, from: y}\n"
        "  - {id: c, linear: {features: 6}, from: z}\n"
        "  - {id: s, constant: {shape: [5, 6, 6], values: ones}}\n"
        f"  - {{matmul: {{}}, from: [{inputs}]}}\n"
    )


FINAL_STATES = [
    "layers: 1", "layers: 2", "layers: 3, bias: false", "layers: 2, bidirectional: true",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("fields", FINAL_STATES)
@pytest.mark.parametrize("shape", ["[5, 6]", "[1, 6]", "[4, 3, 6]"])
@pytest.mark.parametrize(
    "rest",
    [
        "",  # nobody saves it
        "  - tanh\n",  # saves its own result
        "  - silu\n",
        "  - {linear: {features: 2}}\n",
        "  - {slice: {stop: 1, axis: -1}}\n  - silu\n",
        "  - {identity: {}}\n  - {dropout: {rate: 0}}\n  - {multiply: [one, previous]}\n",
    ],
)
def test_final_states(kind: str, fields: str, shape: str, rest: str, without_onednn: None) -> None:
    """A layer that saves the state of the last layer holds the memory of all layers."""
    assert_agrees(spec_of(kind, shape, f"features: 3, {fields}, output: last", rest))


MAPS = (
    "format: 1\nname: maps\ninput: {x: [6, 5, 4], k: [2, 3, 3, 2], o: [24, 5, 4], m: [12, 5, 4]}\n"
    "layers:\n"
    "  - {id: a, conv2d: {channels: 6, kernel: 1}, from: x}\n"
    "  - {id: b, linear: {features: 2}, from: k}\n"
    "  - {id: offsets, conv2d: {channels: 24, kernel: 1}, from: o}\n"
    "  - {id: mask, conv2d: {channels: 12, kernel: 1}, from: m}\n"
)


@pytest.mark.parametrize(
    "layer",
    [
        "{dynamic_conv2d: {groups: 2}, from: [a, b]}",
        "{dynamic_conv2d: {groups: 2}, from: [x, b]}",
        "{dynamic_conv2d: {groups: 2, stride: 2}, from: [a, k]}",
        "{dynamic_conv2d: {groups: 2, padding: [1, 0, 2, 0]}, from: [a, k]}",
        "{deform_conv2d: {channels: 4, kernel: [3, 2]}, from: [a, offsets]}",
        "{deform_conv2d: {channels: 4, kernel: [3, 2], bias: true}, from: [x, o]}",
        "{deform_conv2d: {channels: 4, kernel: [3, 2], groups: 2}, from: [x, offsets, m]}",
        "{deform_conv2d: {channels: 4, kernel: [3, 2]}, from: [a, o, mask]}",
        "{deform_conv2d: {channels: 4, kernel: [3, 2]}, from: [x, o, mask]}",
        "{deform_conv2d: {channels: 4, kernel: [3, 4]}, from: [a, offsets]}",
    ],
)
def test_convolutions_with_several_inputs(layer: str) -> None:
    assert_agrees(f"{MAPS}  - {layer}\n")
    # No rule may hide behind another layer that saves the same.
    assert_agrees(f"{MAPS}  - {layer}\n  - silu\n")


@pytest.mark.parametrize("rest", ["", "  - silu\n"])
@pytest.mark.parametrize(
    "layer",
    [
        "{gather: {axis: -1}, from: [a, best.1]}",
        "{gather: {axis: -1}, from: [x, best.1]}",
        "{gather: {axis: -1}, from: [a, x]}",
        "{gather: {axis: -2, of: slices, shared: 1}, from: [a, p]}",
        "{gather: {axis: -3, of: slices, tuples: true}, from: [turned, p]}",
        "{scatter: {axis: -1}, from: [a, best.1, best.0]}",
        "{scatter: {axis: -1, operation: add}, from: [x, x, a]}",
        "{scatter: {axis: -1, operation: maximum}, from: [a, best.1, best.0]}",
        "{scatter: {axis: -1, operation: multiply}, from: [x, x, a]}",
        "{scatter: {axis: -2, of: slices, shared: 1, operation: add}, from: [a, p, q]}",
        "{scatter: {axis: -2, of: slices, shared: 1, operation: minimum}, from: [turned, p, q]}",
        "{grid_sample: {}, from: [a, g]}",
        "{grid_sample: {mode: nearest}, from: [a, h]}",
        "{grid_sample: {mode: bicubic}, from: [x, h]}",
    ],
)
def test_positions(layer: str, rest: str) -> None:
    assert_agrees(
        "format: 1\nname: positions\ninput: {x: [4, 5, 5], p: [4, 2], z: [4, 2, 5], g: [3, 5, 2]}\n"
        "layers:\n"
        "  - {id: a, conv2d: {channels: 4, kernel: 1}, from: x}\n"
        "  - {id: turned, transpose: {axes: [0, 2, 1]}, from: a}\n"
        "  - {id: best, top_k: {count: 2, axis: -1}, from: a}\n"
        "  - {id: q, linear: {features: 5}, from: z}\n"
        "  - {id: h, linear: {features: 2}, from: g}\n"
        f"  - {layer}\n{rest}"
    )


def test_tokens() -> None:
    assert_agrees(
        "format: 1\nname: tokens\ninput: {x: {shape: [7], dtype: int64}}\nlayers:\n"
        "  - embedding: {vocabulary: 2, features: 4}\n  - linear: {features: 3}\n"
    )


@pytest.mark.parametrize("rest", ["", "  - linear: {features: 5}\n", "  - {layer_norm: {}}\n",
                                  "  - {attention: {heads: 2}}\n", "  - {reshape: {shape: [-1]}}\n"
                                  "  - tanh\n", "  - gelu\n  - {linear: {features: 2}}\n",
                                  "  - {to_image: {height: 9}}\n  - {conv2d: {channels: 2, "
                                  "kernel: 3}}\n"])  # fmt: skip
def test_permuted_views(rest: str) -> None:
    assert_agrees(spec_of("to_sequence", IMAGE, "", rest))


@pytest.mark.parametrize("padding", ["[2, 1, 0, 3]", "-1"])
def test_circular_padding_of_a_permuted_image(padding: str) -> None:
    # `linear` saves a copy of what is permuted, beside what `silu` saves
    assert_agrees(
        "format: 1\nname: edges\ninput: {x: [4, 5, 6]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 1}\n  - transpose: {axes: [1, 2, 0]}\n"
        f"  - {{id: p, pad: {{padding: {padding}, mode: circular}}}}\n"
        "  - {id: s, silu: {}}\n  - {id: l, linear: {features: 2}, from: p}\n"
        "outputs: [s, l]\n"
    )


def test_detection(losses: list[Any]) -> None:
    for pool in ("roi_align", "roi_pool"):
        assert_agrees(
            f"""\
format: 1
name: detector
input: {{x: [3, 16, 16]}}
layers:
  - {{id: fine, conv2d: {{channels: 6, kernel: 3}}}}
  - {{id: coarse, conv2d: {{channels: 6, kernel: 3, stride: 2}}}}
  - {{id: anchors, conv2d: {{channels: 4, kernel: 1}}}}
  - to_sequence
  - {{id: boxes, box_decode: {{}}}}
  - {{id: scores, conv2d: {{channels: 2, kernel: 1}}, from: coarse}}
  - to_sequence
  - {{id: objectness, sigmoid: {{}}}}
  - {{id: proposals, non_max_suppression: {{regions: 7}}, from: [boxes, objectness]}}
  - {{{pool}: {{size: 3}}, from: [fine, coarse, proposals]}}
  - conv2d: {{channels: 5, kernel: 3}}
  - relu
  - flatten
  - linear: {{features: 8}}
"""
        )


def test_every_kind_is_here() -> None:
    known = {*KINDS, *AROUND, "embedding", "non_max_suppression", "roi_align", "roi_pool"}
    known |= {"dynamic_conv2d", "deform_conv2d", "gather", "scatter", "grid_sample"}
    assert {layer.kind for layer in LAYERS} == known | {Opaque.kind}


def is_comparable(network: Network) -> bool:
    """Whether none of the differences above can show.

    Boxes made of a stored tensor have a gradient. Of one example torch spares copies: so it does of
    tensors that are made of stored ones alone, and it copies those that meet a batch in products.
    A linear layer copies a part of a tensor whose rows do not lie one behind the other. A
    convolution with a stride that is used twice pads apart, since its inputs may have other sizes.
    """
    if network.batch == 1:
        return False
    parts: set[int] = set()
    for step in network.steps:
        is_part = not parts.isdisjoint(step.inputs)
        if is_part and step.layer.kind == "linear":
            return False
        if step.layer.kind in ("split", "slice", "take") or (
            is_part and step.layer.effect == "view"
        ):
            parts.update(step.outputs)
        if step.layer.kind in ("roi_align", "roi_pool", "non_max_suppression"):
            return False
        if step.shares is not None and getattr(step.layer, "stride", 1) != 1:
            return False
        if step.is_static and step.inputs:
            if step.layer.effect != "elementwise" or step.layer.kind == "batch_norm":
                return False
        elif step.layer.kind in COPYING and any(map(network.is_static, step.inputs)):
            return False
    return True


def test_random_networks(without_onednn: None) -> None:
    networks = {seed: random_network(seed) for seed in range(450)}
    chosen = {seed: net for seed, net in networks.items() if is_comparable(net)}
    assert len(chosen) >= 60
    for seed, network in chosen.items():
        assert training_cost(network).activation_bytes == saved_bytes(network), f"seed {seed}"


COPYING = (
    "matmul", "scaled_dot_product_attention", "attention", "dynamic_conv2d", "deform_conv2d",
)  # fmt: skip
"""Kinds for which torch copies stored tensors that meet a batch, in some sizes."""

NETWORKS = [model for model in read_catalog().networks if model.variant is None]
"""A network of each file: sizes of a family differ in numbers, not in kinds."""


def small(network: Listed) -> Network:
    """A network of the library at a small size, but not too small for its windows and boxes."""
    model = load_model(f"{network.family}:{network.variant}" if network.variant else network.family)
    detector = any(isinstance(layer, NonMaxSuppression) for layer in _layers(elaborate(model.spec)))
    wanted = {"regions": 20, "proposals": 20, "resolution": 128 if detector else 64, "batch": BATCH}
    if network.family == "inception_v3":
        wanted["resolution"] = 299
    if network.family == "ssd300_vgg16":
        wanted["resolution"] = 300
    if network.family == "unet":
        wanted |= {"resolution": 188, "width": 4}
    knobs = {name: value for name, value in wanted.items() if name in {*model.spec.knobs, "batch"}}
    return elaborate(model.spec, {**model.knobs, **knobs})


def _layers(network: Network) -> list[Any]:
    return [step.layer for step in network.steps]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda model: model.name)
def test_networks_of_the_library(network: Listed, losses: list[Any]) -> None:
    built = small(network)
    cost = training_cost(built)
    if cost.forward_mult_adds > 5e9:
        pytest.skip("it would calculate for minutes")
    if network.family == "yolov8":
        pytest.skip("torch does not copy the numbers of its bins where we take it to")
    assert cost.activation_bytes == saved_bytes(built)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda model: model.name)
def test_mult_adds_of_a_step(network: Listed, losses: list[Any]) -> None:
    assert_mult_adds_agree(small(network), losses)


def conv_backward(*shapes: Any, **options: Any) -> int:
    """Operations of the backward pass of a convolution, 2 per mult-add.

    torch's own formula (`conv_backward_flop`) counts the gradient of the weights as if all groups
    saw each other; with groups we count it as large as the forward product, which it is.
    """
    gradient, x, weight, _, _, _, _, transposed, _, groups, mask = shapes[:11]
    if groups == 1:
        return int(conv_backward_flop.__wrapped__(*shapes, **options))
    positions = prod((x if transposed else gradient)[2:])
    return 2 * int((mask[0] + mask[1]) * x[0] * prod(weight) * positions)


def assert_mult_adds_agree(network: Network, losses: Sequence[Any] = ()) -> None:
    with torch.device("meta"):
        module = build_module(network)
        counter = FlopCounterMode(
            display=False, custom_mapping={torch.ops.aten.convolution_backward: conv_backward}
        )
        with counter:
            outputs = module(*examples(network, "meta"))
            ends = [*(outputs if isinstance(outputs, tuple) else (outputs,)), *losses]
            torch.autograd.backward([end.sum() for end in ends if end.requires_grad])
    assert training_cost(network).mult_adds == counter.get_total_flops() // 2


@pytest.mark.parametrize(
    ("kind", "fields"),
    [(k, f) for k, f in ONE_BY_ONE if k in ("conv2d", "depthwise_conv2d", "conv_transpose2d",
                                            "conv1d", "conv3d", "linear", "attention", "gru",
                                            "lstm", "rnn")],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_mult_adds_of_a_layer(kind: str, fields: str, first: bool) -> None:
    text = spec_of(kind, KINDS[kind][0], fields)
    if first:
        text = "\n".join(line for line in text.splitlines() if "id: first" not in line) + "\n"
    assert_mult_adds_agree(elaborate(parse_spec(text), {"batch": BATCH}))


@pytest.mark.parametrize("kind", ["matmul", "scaled_dot_product_attention"])
def test_mult_adds_of_products(kind: str) -> None:
    head = "format: 1\nname: several\ninput: {x: [5, 6]}\nlayers:\n"
    text = head + "  - {id: a, linear: {features: 6}}\n" + AROUND[kind]
    assert_mult_adds_agree(elaborate(parse_spec(text), {"batch": BATCH}))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sgd", lambda p: torch.optim.SGD(p, 0.1)),
        ("sgd_momentum", lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
        ("rmsprop", lambda p: torch.optim.RMSprop(p, 0.1)),
        ("rmsprop_momentum", lambda p: torch.optim.RMSprop(p, 0.1, momentum=0.9)),
        ("adam", lambda p: torch.optim.Adam(p, 0.1)),
        ("adamw", lambda p: torch.optim.AdamW(p, 0.1)),
    ],
)
def test_state_of_optimizers(name: str, make: Any) -> None:
    assert name in OPTIMIZERS
    param = torch.nn.Parameter(torch.randn(7, 3))
    optimizer = make([param])
    param.sum().backward()
    optimizer.step()
    states = [
        state for state in optimizer.state[param].values() if torch.is_tensor(state) and state.dim()
    ]
    assert sum(state.numel() for state in states) == OPTIMIZERS[name] * 21
