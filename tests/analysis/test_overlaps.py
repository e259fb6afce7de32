"""Results that lie over the input that they are made from, worked by hand."""

from __future__ import annotations

from itertools import permutations

import pytest

from mnet_cost.analysis.arena import plan_arena
from mnet_cost.analysis.memory import find_lifetimes, trace_memory
from mnet_cost.analysis.runtime_plan import RuntimePlan, activations_of, in_best_order, launch
from mnet_cost.analysis.work import count_work
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES, runtime_rules
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES

INT8 = DTYPES["int8"]
HEAD = "format: 1\nname: hand\n"
ALL = ("overlap_depthwise", "overlap_windows", "overlap_pointwise")

CHAIN = """\
input: {x: [2, 8, 8]}
layers:
  - {id: wide, conv2d: {channels: 16, kernel: 1}}
  - {id: deep, depthwise_conv2d: {kernel: 3}}
  - {id: narrow, conv2d: {channels: 4, kernel: 1}}
  - {id: pool, max_pool2d: {kernel: 2, stride: 2}}
"""
"""Bytes: 128, 1024, 1024, 256, 64; rows 16, 128, 128, 32."""


def build(text: str) -> Network:
    return elaborate(parse_spec(HEAD + text))


def plan(text: str, *rules: str) -> RuntimePlan:
    network = build(text)
    return launch(network, count_work(network, INT8), INT8, DEFAULT_KERNEL_RULES.union(rules))


def test_input_and_result_together_take_the_larger_and_the_rows_of_a_window() -> None:
    assert plan(CHAIN).memory.live_bytes == (1152, 2048, 1280, 320)
    in_place = plan(CHAIN, "overlap_depthwise")
    assert in_place.memory.live_bytes == (1152, 1024 + 3 * 128, 1280, 320)
    everything = plan(CHAIN, *ALL)
    # The input of the network is the caller's. A 1x1 window is one row, the pool's two.
    assert everything.memory.live_bytes == (1152, 1408, 1024 + 128, 256 + 2 * 32)
    assert plan(CHAIN, *ALL, "overlap_inputs").memory.live_bytes[0] == 1024 + 16
    assert plan(CHAIN, "overlap_inputs").memory.live_bytes == plan(CHAIN).memory.live_bytes


def test_what_is_alive_adds_up() -> None:
    trace = plan(CHAIN, *ALL).memory
    assert (trace.peak_bytes, trace.peak_step) == (1408, 1)
    assert [(name, bytes_) for name, bytes_ in trace.live_at_peak] == [
        ("deep", 1024), ("wide", 384),
    ]  # fmt: skip


def test_an_overlap_is_never_more_than_there_is() -> None:
    """A window as tall as the image keeps all of it."""
    tall = CHAIN.replace("depthwise_conv2d: {kernel: 3}", "depthwise_conv2d: {kernel: 9}")
    assert plan(tall, *ALL).memory.live_bytes[1] == plan(tall).memory.live_bytes[1] == 2048


@pytest.mark.parametrize(
    "text",
    [
        # Read again: by a sum, by the caller, by another kernel.
        "input: {x: [4, 8, 8]}\nlayers:\n  - {id: a, conv2d: {channels: 4, kernel: 1}}\n"
        "  - {id: b, depthwise_conv2d: {kernel: 3}}\n  - add: [a, b]\n",
        "input: {x: [4, 8, 8]}\nlayers:\n  - {id: a, conv2d: {channels: 4, kernel: 1}}\n"
        "  - {id: b, depthwise_conv2d: {kernel: 3}}\noutputs: [a, b]\n",
        "input: {x: [4, 8, 8]}\nlayers:\n  - {id: a, conv2d: {channels: 4, kernel: 1}}\n"
        "  - {id: b, depthwise_conv2d: {kernel: 3}}\n"
        "  - {id: c, depthwise_conv2d: {kernel: 3}, from: a}\n  - concat: [b, c]\n",
        # Through a view, which is no tensor of its own.
        "input: {x: [4, 8, 8]}\nlayers:\n  - {id: a, conv2d: {channels: 4, kernel: 1}}\n"
        "  - reshape: {shape: [4, 4, 16]}\n  - {id: b, depthwise_conv2d: {kernel: 3}}\n",
    ],
)  # fmt: skip
def test_what_somebody_else_reads_is_kept(text: str) -> None:
    assert plan(text, *ALL).memory.live_bytes == plan(text).memory.live_bytes


def test_a_residual_block_of_mobilenet_v2() -> None:
    """The depthwise convolution is in place, the expansion's input waits for the sum."""
    text = """\
input: {x: [4, 8, 8]}
layers:
  - {id: start, conv2d: {channels: 4, kernel: 1}}
  - {id: expand, conv2d: {channels: 24, kernel: 1}}
  - {id: deep, depthwise_conv2d: {kernel: 3}}
  - {id: project, conv2d: {channels: 4, kernel: 1}}
  - add: [start, project]
"""
    assert plan(text).memory.peak_bytes == 256 + 2 * 1536
    assert plan(text, *ALL).memory.peak_bytes == 256 + 1536 + 3 * 192


def test_the_arena_of_a_chain_is_its_peak() -> None:
    everything = plan(CHAIN, *ALL, "overlap_inputs")
    arena = plan_arena(everything.network, INT8, everything.sharing)
    assert arena.bytes == everything.memory.peak_bytes == 1408
    assert activations_of(everything).arena_bytes == 1408
    lives = {
        life.name: life for life in find_lifetimes(everything.network, INT8, everything.sharing)
    }
    assert (lives["wide"].first, lives["wide"].last, lives["wide"].bytes) == (0, 0, 1024)
    assert (lives["rest of wide"].first, lives["rest of wide"].bytes) == (1, 384)
    assert (lives["x"].first, lives["x"].last, lives["x"].bytes) == (0, 0, 16)


def test_the_best_order_is_the_best_of_all() -> None:
    """Two branches side by side: the search must know what overlaps to find the order."""
    text = """\
input: {x: [2, 8, 8]}
layers:
  - {id: a1, conv2d: {channels: 16, kernel: 1}, from: x}
  - {id: b1, conv2d: {channels: 12, kernel: 1}, from: x}
  - {id: a2, depthwise_conv2d: {kernel: 3}, from: a1}
  - {id: b2, depthwise_conv2d: {kernel: 3}, from: b1}
  - {id: a3, conv2d: {channels: 2, kernel: 1}, from: a2}
  - {id: b3, conv2d: {channels: 6, kernel: 1}, from: b2}
  - concat: [a3, b3]
"""
    spec = plan(text, *ALL)
    best = in_best_order(spec)
    peaks = []
    names = spec.network.schedule
    for order in permutations(names[:-1]):
        if [n for n in order if n[0] == "a"] == ["a1", "a2", "a3"] and [
            n for n in order if n[0] == "b"
        ] == ["b1", "b2", "b3"]:
            network = spec.network.with_schedule((*order, names[-1]))
            other = launch(network, count_work(network, INT8), INT8, spec.rules)
            peaks.append(trace_memory(network, INT8, other.sharing).peak_bytes)
    assert len(peaks) == 20
    assert best.schedule is not None
    assert best.schedule.optimal
    assert best.memory.peak_bytes == best.schedule.peak_bytes == min(peaks) < max(peaks)


def test_runtimes_that_are_known_to() -> None:
    assert "overlap_depthwise" in runtime_rules("tinyengine")
    assert runtime_rules("x-cube-ai") == runtime_rules("stedgeai")
    assert {"overlap_windows", "overlap_pointwise", "overlap_inputs"} <= runtime_rules("x-cube-ai")
    assert not any(word.startswith("overlap") for word in runtime_rules("tflm"))
