"""Which layers run in one kernel, and what that kernel moves."""

from __future__ import annotations

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.analysis.kernels import Kernel, form_kernels
from mnet_cost.analysis.work import count_work
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.tensors import DTYPES


def kernels(layers: str, after: str = "") -> tuple[Kernel, ...]:
    head = "format: 1\nname: hand\ninput: {x: [2, 4, 4]}\nlayers:\n"
    network = elaborate(parse_spec(head + layers + after))
    return form_kernels(network, count_work(network, DTYPES["fp32"]), DTYPES["fp32"])


def grouped(all_kernels: tuple[Kernel, ...]) -> list[list[str]]:
    return [[cost.step.name for cost in kernel.layers] for kernel in all_kernels]


def test_mobilenet_v1() -> None:
    analysis = analyze(load_model("mobilenet_v1").spec)
    names = [kernel.anchor.step.layer.kind for kernel in analysis.kernels]
    assert len(names) == 29
    assert names.count("conv2d") + names.count("depthwise_conv2d") == 27
    assert names[-2:] == ["global_avg_pool", "linear"]
    assert all(len(kernel.layers) == 3 for kernel in analysis.kernels[:27])
    assert sum(kernel.mult_adds for kernel in analysis.kernels) == 568_740_352
    assert sum(kernel.weight_bytes for kernel in analysis.kernels) == analysis.totals.weight_bytes


def test_norm_and_activation_fuse() -> None:
    (kernel,) = kernels("  - conv2d: {channels: 3, kernel: 1}\n  - batch_norm\n  - relu\n")
    assert grouped((kernel,)) == [["conv2d", "batch_norm", "relu"]]
    assert kernel.name == "conv2d"
    assert kernel.mult_adds == 2 * 3 * 16
    assert kernel.vector_ops == 0
    assert kernel.weight_bytes == (6 + 6) * 4
    assert (kernel.input_bytes, kernel.output_bytes) == (32 * 4, 48 * 4)
    assert kernel.traffic_bytes == 48 + 128 + 192


def test_what_acts_on_a_part_does_not_fuse_on_the_whole() -> None:
    all_kernels = kernels(
        """\
  - conv2d: {channels: 4, kernel: 1}
  - {id: halves, split: {parts: 2}}
  - {id: top, relu: {}, from: halves.0}
  - {id: rest, slice: {start: 1}}
  - batch_norm
"""
    )
    assert grouped(all_kernels) == [["conv2d"], ["top"], ["batch_norm"]]
    assert [kernel.output_bytes for kernel in all_kernels] == [4 * 64, 2 * 64, 64]


def test_a_kernel_without_mult_adds_takes_its_operations() -> None:
    (kernel,) = kernels("  - max_pool2d: {kernel: 2, stride: 2, padding: 0}\n  - relu\n")
    assert grouped((kernel,)) == [["max_pool2d", "relu"]]
    assert kernel.vector_ops == kernel.anchor.vector_ops > 0


@pytest.mark.parametrize("inputs", ["[x, previous]", "[previous, x]"])
def test_a_residual_add_is_a_kernel_of_its_own(inputs: str) -> None:
    all_kernels = kernels(
        f"""\
  - {{id: main, conv2d: {{channels: 2, kernel: 3}}}}
  - batch_norm
  - {{id: sum, add: {inputs}}}
  - relu
"""
    )
    assert grouped(all_kernels) == [["main", "batch_norm"], ["sum", "relu"]]
    assert all_kernels[1].input_bytes == 2 * 32 * 4


def test_what_is_read_twice_lets_nothing_fuse() -> None:
    conv = "  - {id: c, conv2d: {channels: 2, kernel: 1}}\n"
    twice = kernels(conv + "  - {id: r, relu: {}}\n  - add: [c, r]\n")
    assert grouped(twice) == [["c"], ["r"], ["add"]]
    by_one = kernels(conv + "  - {id: s, sigmoid: {}}\n  - {id: again, add: [s, s]}\n")
    assert grouped(by_one) == [["c", "s"], ["again"]]


def test_an_output_of_the_network_lets_nothing_fuse() -> None:
    layers = "  - {id: c, conv2d: {channels: 2, kernel: 1}}\n  - {id: r, relu: {}}\n"
    assert grouped(kernels(layers)) == [["c", "r"]]
    assert grouped(kernels(layers, "outputs: [c, r]\n")) == [["c"], ["r"]]


def test_views_cost_nothing_and_do_not_stop_fusion() -> None:
    layers = """\
  - {id: c, conv2d: {channels: 2, kernel: 1}}
  - {id: flat, flatten: {}}
  - {id: r, relu: {}}
  - linear: {features: 3}
"""
    all_kernels = kernels(layers)
    assert grouped(all_kernels) == [["c", "flat", "r"], ["linear"]]
    assert all_kernels[0].output_bytes == 32 * 4
    only_view = kernels("  - {id: c, conv2d: {channels: 2, kernel: 1}}\n  - flatten\n")
    assert only_view[0].output_bytes == 32 * 4


def test_a_view_of_what_others_read_is_no_kernel() -> None:
    all_kernels = kernels(
        """\
  - {id: c, conv2d: {channels: 2, kernel: 1}}
  - {id: i, identity: {}}
  - {id: r, relu: {}}
  - add: [c, r]
"""
    )
    assert grouped(all_kernels) == [["c"], ["r"], ["add"]]


def test_a_layer_on_the_input_stands_alone() -> None:
    assert grouped(kernels("  - relu\n  - sigmoid\n")) == [["relu", "sigmoid"]]
    assert grouped(kernels("  - identity\n  - relu\n")) == [["relu"]]


def test_shared_weights_are_read_by_each_kernel() -> None:
    all_kernels = kernels("  - {id: a, conv2d: {channels: 2, kernel: 1}}\n  - {id: b, use: a}\n")
    assert [kernel.weight_bytes for kernel in all_kernels] == [16, 16]
