"""What each word of a profile's `kernels` does to the list of kernels."""

from __future__ import annotations

import pytest

from mnet_cost.analysis.kernels import Kernel, form_kernels
from mnet_cost.analysis.work import count_work
from mnet_cost.devices import DEFAULT_KERNEL_RULES, KERNEL_RULES
from mnet_cost.devices.rules import RUNTIME_RULES, runtime_rules
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.tensors import DTYPES

CONV = "  - {id: c, conv2d: {channels: 2, kernel: 3}}\n"


def kernels(layers: str, *rules: str) -> tuple[Kernel, ...]:
    head = "format: 1\nname: hand\ninput: {x: [2, 4, 4]}\nlayers:\n"
    network = elaborate(parse_spec(head + layers))
    fp32 = DTYPES["fp32"]
    return form_kernels(network, count_work(network, fp32), fp32, frozenset(rules))


def grouped(layers: str, *rules: str) -> list[list[str]]:
    all_kernels = kernels(layers, *rules)
    return [[cost.step.name for cost in kernel.layers] for kernel in all_kernels]


def test_without_rules_every_layer_is_a_kernel() -> None:
    layers = CONV + "  - batch_norm\n  - relu\n  - flatten\n"
    assert grouped(layers) == [["c"], ["batch_norm"], ["relu", "flatten"]]


def test_norms_are_folded_into_products_alone() -> None:
    layers = CONV + "  - batch_norm\n  - {id: s, scale: {}}\n  - relu\n"
    assert grouped(layers, "fold_norms") == [["c", "batch_norm", "s"], ["relu"]]
    pooled = "  - max_pool2d: {kernel: 2}\n  - batch_norm\n"
    assert grouped(pooled, "fold_norms") == [["max_pool2d"], ["batch_norm"]]
    deformed = (
        "  - {id: o, conv2d: {channels: 8, kernel: 1}}\n"
        "  - {id: d, deform_conv2d: {channels: 2, kernel: 2}, from: [x, o]}\n  - batch_norm\n"
    )
    assert grouped(deformed, "fold_norms") == [["o"], ["d", "batch_norm"]]
    # What is computed for each example cannot take a norm up.
    dynamic = (
        "  - {id: k, reshape: {shape: [2, 2, 2, 4]}}\n"
        "  - {id: d, dynamic_conv2d: {}, from: [x, k]}\n  - batch_norm\n"
    )
    assert grouped(dynamic, "fold_norms") == [["d"], ["batch_norm"]]
    product = "  - {id: m, matmul: {}, from: [x, x]}\n  - {batch_norm: {axis: -1}}\n"
    assert grouped(product, "fold_norms") == [["m"], ["batch_norm"]]
    # After a clamp a norm is no part of the weights before it any more.
    late = CONV + "  - relu\n  - batch_norm\n"
    assert grouped(late, "fold_norms", "fuse_clamps") == [["c", "relu"], ["batch_norm"]]


def test_clamps_fuse_on_products_and_on_sums_by_rules_of_their_own() -> None:
    layers = CONV + "  - {id: s, add: [x, c]}\n  - {id: r, relu: {}}\n  - relu6\n"
    assert grouped(layers, "fuse_clamps") == [["c"], ["s"], ["r"], ["relu6"]]
    assert grouped(layers, "fuse_add_clamps") == [["c"], ["s", "r"], ["relu6"]]
    swish = CONV + "  - hard_swish\n"
    assert grouped(swish, "fuse_clamps") == [["c"], ["hard_swish"]]
    assert grouped(swish, "fuse_activations") == [["c", "hard_swish"]]


@pytest.mark.parametrize(
    "layer", ["relu", "relu6", "sigmoid", "tanh", "hard_sigmoid", "hard_swish"]
)
def test_cheap_curves_fuse_on_products(layer: str) -> None:
    fused, alone = [["c", layer]], [["c"], [layer]]
    layers = f"{CONV}  - {layer}\n"
    assert grouped(layers, "fuse_cheap_activations") == fused
    assert grouped(layers, "fold_norms") == alone
    assert grouped(layers, "fuse_clamps") == (fused if "relu" in layer else alone)
    # On what does not multiply they are kernels of their own.
    pooled = f"  - {{id: c, max_pool2d: {{kernel: 2}}}}\n  - {layer}\n"
    assert grouped(pooled, "fuse_cheap_activations") == alone
    # A sum that is part of a product's kernel takes them up, one of its own does not.
    residual = f"{CONV}  - {{id: s, add: [x, c]}}\n  - {layer}\n"
    assert grouped(residual, "fuse_cheap_activations", "fuse_adds") == [["c", "s", layer]]
    assert grouped(residual, "fuse_cheap_activations") == [["c"], ["s"], [layer]]


@pytest.mark.parametrize("layer", ["silu", "gelu", "mish"])
def test_other_curves_are_not_cheap(layer: str) -> None:
    layers = f"{CONV}  - {layer}\n"
    assert grouped(layers, "fuse_cheap_activations") == [["c"], [layer]]
    assert grouped(layers, "fuse_activations") == [["c", layer]]


def test_a_sum_fuses_on_the_product_that_is_made_last() -> None:
    layers = """\
  - {id: a, conv2d: {channels: 2, kernel: 3}}
  - {id: b, conv2d: {channels: 2, kernel: 1}, from: x}
  - {id: s, add: [a, b]}
  - relu
"""
    all_kernels = kernels(layers, "fuse_adds", "fuse_add_clamps")
    assert [[cost.step.name for cost in kernel.layers] for kernel in all_kernels] == [
        ["a"],
        ["b", "s", "relu"],
    ]
    # It reads x and what it adds, 32 elements each.
    assert (all_kernels[1].input_elements, all_kernels[1].output_elements) == (64, 32)
    assert (all_kernels[1].input_bytes, all_kernels[1].output_bytes) == (256, 128)
    broadcast = """\
  - {id: a, conv2d: {channels: 2, kernel: 3}}
  - {id: p, global_avg_pool: {keep: true}}
  - {id: s, add: [a, p]}
"""
    assert grouped(broadcast, "fuse_adds") == [["a"], ["p"], ["s"]]
    pooled = "  - {id: p, max_pool2d: {kernel: 3}}\n  - {id: s, add: [x, p]}\n"
    assert grouped(pooled, "fuse_adds") == [["p"], ["s"]]


def test_slices_are_views_or_copies() -> None:
    layers = "  - {id: half, slice: {stop: 1}}\n  - relu\n"
    assert grouped(layers) == [["relu"]]
    copied, relu = kernels(layers, "copy_slices")
    assert (copied.name, copied.input_elements, copied.output_elements) == ("half", 16, 16)
    assert (copied.input_bytes, copied.output_bytes, relu.input_bytes) == (64, 64, 64)
    both = kernels("  - {id: halves, split: {parts: 2}}\n", "copy_slices")
    assert (both[0].input_elements, both[0].output_elements) == (32, 32)
    assert grouped("  - flatten\n  - relu\n", "copy_slices") == [["relu"]]


def test_sizes_of_a_convolution() -> None:
    (kernel,) = kernels("  - conv2d: {channels: 4, kernel: [3, 5], stride: 2, groups: 2}\n")
    sizes = kernel.convolution
    assert sizes is not None
    assert (sizes.groups, sizes.channels_in, sizes.channels_out) == (2, 1, 2)
    assert (sizes.kernel, sizes.stride, sizes.dilation) == ((3, 5), (2, 2), (1, 1))
    assert (sizes.rows, sizes.columns, sizes.images, sizes.positions) == (2, 2, 1, 4)
    assert sizes.is_depthwise
    (linear,) = kernels("  - flatten\n  - linear: {features: 3}\n")
    assert linear.convolution is None


def test_runtimes() -> None:
    for rules in RUNTIME_RULES.values():
        assert rules <= KERNEL_RULES.keys()
    assert runtime_rules("tflite-xnnpack") == RUNTIME_RULES["tflite"]
    assert runtime_rules("torch-compile") == RUNTIME_RULES["torch-compile"]
    assert runtime_rules("any") == runtime_rules("") == DEFAULT_KERNEL_RULES


@pytest.mark.parametrize("rule", [*KERNEL_RULES, ""])
def test_no_rule_loses_work(rule: str) -> None:
    layers = (
        CONV + "  - batch_norm\n  - {id: r, relu: {}}\n  - {id: s, add: [x, r]}\n  - relu6\n"
        "  - depthwise_conv2d: {kernel: 3}\n  - global_avg_pool\n  - linear: {features: 3}\n"
    )
    all_kernels = kernels(layers, *([rule] if rule else []))
    names = [cost.step.name for kernel in all_kernels for cost in kernel.layers]
    assert sorted(names) == sorted(set(names))
    assert len(names) == 8
    assert sum(kernel.mult_adds for kernel in all_kernels) == 9 * 4 * 16 + 9 * 2 * 16 + 6
