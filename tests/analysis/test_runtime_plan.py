"""Kernels and memory under the rules of a runtime, worked by hand."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import networks

from mnet_cost.analysis.runtime_plan import (
    RuntimePlan,
    activations_of,
    in_best_order,
    in_smallest_arena,
    launch,
)
from mnet_cost.analysis.work import count_work
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES, KERNEL_RULES
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


def plan(*rules: str, network: Network = NETWORK) -> RuntimePlan:
    return launch(network, count_work(network, INT8), INT8, frozenset(rules))


def test_what_fuses_is_never_in_memory() -> None:
    fused = plan("fold_norms", "fuse_activations")
    assert fused.sharing.units == ((0, 1, 2), (3,))
    assert fused.memory.peak_bytes == 32 + 64 + 96
    # Unfused and not in place, two results of 64 stand beside the input.
    apart = plan()
    assert apart.sharing.units == ((0,), (1,), (2,), (3,))
    assert apart.memory.live_bytes == (32 + 64, 32 + 64 + 64, 32 + 64 + 64, 32 + 64 + 96)


def test_concatenations_are_written_where_they_are_wanted() -> None:
    rules = ("fold_norms", "fuse_activations", "in_place", "concat_in_place")
    # The input is the caller's, and has to be copied in; the result is there from its first part.
    assert plan(*rules).memory.peak_bytes == 32 + 96


def test_im2col_needs_scratch() -> None:
    rules = ("fold_norms", "fuse_activations", "im2col")
    runtime_plan = plan(*rules)
    assert runtime_plan.sharing.scratch == {0: 9 * 2 * 16}
    assert runtime_plan.memory.live_bytes[0] == 32 + 64 + 288
    pointwise = elaborate(
        parse_spec(
            "format: 1\nname: p\ninput: {x: [2, 4, 4]}\nlayers:\n"
            "  - conv2d: {channels: 4, kernel: 1}\n"
        )
    )
    # A 1x1 convolution reads its windows where they are: the paper's own argument.
    assert plan(*rules, network=pointwise).sharing.scratch == {}


def test_an_arena_holds_what_the_kernels_need() -> None:
    runtime_plan = plan(*DEFAULT_KERNEL_RULES)
    needed = activations_of(runtime_plan)
    assert needed.peak_bytes == runtime_plan.memory.peak_bytes == 192
    assert needed.arena_bytes == 192
    assert needed.at == "both"


BRANCHES = elaborate(
    parse_spec(
        """\
format: 1
name: branches
input: {x: [1, 4, 4]}
layers:
  - {id: a1, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: b1, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: a2, conv2d: {channels: 1, kernel: 1}, from: a1}
  - {id: b2, conv2d: {channels: 1, kernel: 1}, from: b1}
  - {id: sum, add: [a2, b2]}
"""
    )
)


def test_the_best_order_of_kernels() -> None:
    as_in_spec = plan("fold_norms", network=BRANCHES)
    best = in_best_order(as_in_spec)
    assert best.spec_order == as_in_spec
    assert best.schedule is not None
    assert best.network.schedule == best.schedule.order == ("a1", "a2", "b1", "b2", "sum")
    assert [kernel.name for kernel in best.kernels] == list(best.schedule.order)
    assert best.sharing.units == ((0,), (1,), (2,), (3,), (4,))
    assert (as_in_spec.memory.peak_bytes, best.memory.peak_bytes) == (16 + 2 * 128, 16 + 128 + 16)
    chosen, needed = in_smallest_arena(best)
    assert chosen == best
    assert (needed.arena_bytes, needed.spec_order_bytes, needed.is_least) == (160, 272, True)


def test_the_order_of_the_spec_where_there_is_no_better_one() -> None:
    as_in_spec = plan("fold_norms")
    best = in_best_order(as_in_spec)
    assert replace(best, schedule=None, spec_order=None) == as_in_spec
    _, needed = in_smallest_arena(best)
    assert needed.arena_bytes == needed.spec_order_bytes
    alone, needed = in_smallest_arena(as_in_spec)
    assert alone == as_in_spec
    assert (needed.spec_order_bytes, needed.is_least) == (None, None)


@settings(max_examples=150)
@given(networks(), st.sets(st.sampled_from(sorted(KERNEL_RULES))))
def test_never_more_than_in_the_order_of_the_spec(network: Network, rules: set[str]) -> None:
    as_in_spec = plan(*rules, network=network)
    best = in_best_order(as_in_spec)
    assert best.schedule is not None
    assert best.memory.peak_bytes == best.schedule.peak_bytes <= as_in_spec.memory.peak_bytes
    assert sorted(best.kernels, key=lambda kernel: kernel.name) == sorted(
        as_in_spec.kernels, key=lambda kernel: kernel.name
    )
    chosen, needed = in_smallest_arena(best)
    assert needed.arena_bytes <= activations_of(as_in_spec).arena_bytes
    assert needed.arena_bytes == activations_of(chosen).arena_bytes
    assert needed.peak_bytes == chosen.memory.peak_bytes
    if needed.is_least:
        assert needed.arena_bytes == best.schedule.peak_bytes
        assert best.schedule.optimal
