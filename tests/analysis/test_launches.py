"""Kernels and memory under the rules of a runtime, worked by hand."""

from __future__ import annotations

from mnet_cost.analysis.launches import Launch, activations_of, launch
from mnet_cost.analysis.work import count_work
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES

INT8 = DTYPES["int8"]
NETWORK = elaborate(
    parse_spec(
        """\
format: 1
name: hand
input: {x: [2, 4, 4]}
layers:
  - {id: c, conv2d: {channels: 4, kernel: 3}}
  - batch_norm
  - {id: r, hard_swish: {}}
  - {id: both, concat: [x, r]}
"""
    )
)
"""32 bytes of input, 64 after the convolution, 96 together."""


def launched(*rules: str, network: Network = NETWORK) -> Launch:
    return launch(network, count_work(network, INT8), INT8, frozenset(rules))


def test_what_rides_is_never_in_memory() -> None:
    fused = launched("fold_norms", "fuse_activations")
    assert fused.units == ((0, 1, 2), (3,))
    assert fused.memory.peak_bytes == 32 + 64 + 96
    # Unfused and not in place, two results of 64 stand beside the input.
    apart = launched()
    assert apart.units == ((0,), (1,), (2,), (3,))
    assert apart.memory.live_bytes == (32 + 64, 32 + 64 + 64, 32 + 64 + 64, 32 + 64 + 96)


def test_concatenations_are_written_where_they_are_wanted() -> None:
    rules = ("fold_norms", "fuse_activations", "in_place", "concat_in_place")
    # The input is the caller's, and has to be copied in; the result is there from its first part.
    assert launched(*rules).memory.peak_bytes == 32 + 96


def test_im2col_needs_scratch() -> None:
    rules = ("fold_norms", "fuse_activations", "im2col")
    found = launched(*rules)
    assert found.scratch == {0: 9 * 2 * 16}
    assert found.memory.live_bytes[0] == 32 + 64 + 288
    pointwise = elaborate(
        parse_spec(
            "format: 1\nname: p\ninput: {x: [2, 4, 4]}\nlayers:\n"
            "  - conv2d: {channels: 4, kernel: 1}\n"
        )
    )
    # A 1x1 convolution reads its windows where they are: the paper's own argument.
    assert launched(*rules, network=pointwise).scratch == {}


def test_an_arena_holds_what_the_kernels_need() -> None:
    found = launched(*DEFAULT_KERNEL_RULES)
    needed = activations_of(found, NETWORK, INT8, DEFAULT_KERNEL_RULES)
    assert needed.peak_bytes == found.memory.peak_bytes == 192
    assert needed.arena_bytes == 192
    assert needed.at == "both"
