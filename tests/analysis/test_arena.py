"""Offsets of buffers: none that are alive together overlap."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from allocator import rules
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import networks

from mnet_cost.analysis import analyze, analyze_network
from mnet_cost.analysis.arena import Arena, plan_arena
from mnet_cost.analysis.buffers import find_buffers
from mnet_cost.analysis.memory import trace_memory
from mnet_cost.devices import load_device
from mnet_cost.devices.rules import runtime_rules
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES

FP32, INT8 = DTYPES["fp32"], DTYPES["int8"]
OFTEN = ("concat", "relu", "compute", "compute", "add")
STM32 = replace(load_device("stm32h743"), kernel_rules=runtime_rules("tflm"))


def build(text: str) -> Network:
    return elaborate(parse_spec("format: 1\nname: hand\n" + text))


def library(name: str) -> Network:
    model = load_model(name)
    return elaborate(model.spec, model.knobs)


def offsets(arena: Arena) -> dict[str, int]:
    return {slot.name: slot.offset for slot in arena.slots}


@settings(max_examples=1000)
@given(st.data(), st.sampled_from([1, 4, 16, 64]))
def test_what_is_alive_together_does_not_overlap(data: st.DataObject, alignment: int) -> None:
    network = data.draw(networks(OFTEN, most=20))
    how = data.draw(rules(network))
    arena = plan_arena(network, FP32, how.told, alignment=alignment)
    trace = trace_memory(network, FP32, how.told)
    units = find_buffers(network, FP32, how.told).units
    for number, unit in enumerate(units):
        alive = [slot for slot in arena.slots if slot.first <= number <= slot.last]
        assert sum(slot.bytes for slot in alive) == trace.live_bytes[unit[0]]
        alive.sort(key=lambda slot: slot.offset)
        for below, above in pairwise(alive):
            assert below.offset + below.bytes <= above.offset
    assert all(slot.offset % alignment == 0 for slot in arena.slots)
    assert arena.bytes == max(slot.offset + slot.bytes for slot in arena.slots)
    assert arena.bytes >= trace.peak_bytes
    assert [slot.first for slot in arena.slots] == sorted(slot.first for slot in arena.slots)


CHAIN = """\
input: {x: [1, 4, 4]}
layers:
  - {id: a, conv2d: {channels: 2, kernel: 1}}
  - {id: b, conv2d: {channels: 1, kernel: 1}}
  - {id: c, conv2d: {channels: 3, kernel: 1}}
"""


def test_largest_first() -> None:
    # x 64 bytes at step 0, a 128 at 0 and 1, b 64 at 1 and 2, c 192 at 2. By birth, c would lie
    # behind b, which is behind a: 384 bytes.
    arena = plan_arena(build(CHAIN), FP32)
    assert offsets(arena) == {"c": 0, "a": 0, "x": 128, "b": 192}
    assert (arena.bytes, arena.how) == (256, "largest first")
    assert [(slot.first, slot.last) for slot in arena.slots] == [(0, 1), (0, 0), (1, 2), (2, 2)]


def test_alignment() -> None:
    arena = plan_arena(build(CHAIN), FP32, alignment=100)
    assert offsets(arena) == {"c": 0, "a": 0, "x": 200, "b": 200}
    assert arena.bytes == 264


def test_by_birth() -> None:
    arena = plan_arena(library("mlperf_tiny_mobilenet_v1"), INT8)
    assert (arena.bytes, arena.how) == (55_296, "by birth")


@pytest.mark.parametrize(
    ("name", "peak", "arena"),
    [("mobilenet_v1", 1_204_224, 1_204_224), ("densenet", 1_806_336, 2_007_040)],
)
def test_networks_of_the_library(name: str, peak: int, arena: int) -> None:
    network = library(name)
    assert trace_memory(network, INT8).peak_bytes == peak
    assert plan_arena(network, INT8).bytes == arena


def test_a_microcontroller_has_to_hold_the_arena() -> None:
    analysis = analyze(load_model("densenet"), devices=[STM32], precision="int8")
    activations, weights = analysis.devices[0].memory_fits
    assert (activations.needed_bytes, activations.gap_bytes) == (2_207_744, 100_352)
    assert activations.over_bytes == 2_207_744 - 512 * 1024
    # Its runtime fuses no relu after a norm that stands alone, so one more tensor is there.
    assert sum(tensor.bytes for tensor in activations.because) == 2_207_744 - 100_352
    assert activations.at in {cost.step.name for cost in analysis.layers}
    assert weights.over_bytes == weights.needed_bytes - 2 * 1024 * 1024
    assert (weights.because, weights.gap_bytes) == ((), 0)


def test_what_fits_is_not_explained() -> None:
    model = load_model("mobilenet_v1@alpha=0.25,resolution=96")
    analysis = analyze(model, devices=[STM32], precision="int8")
    for fit in analysis.devices[0].memory_fits:
        assert (fit.fits, fit.over_bytes, fit.because, fit.at) == (True, 0, (), "")


def test_another_order_can_make_it_fit() -> None:
    model = load_model("shufflenet_v2:shufflenet_v2_x2_0")
    fits = [
        analyze(model, devices=[STM32], precision="int8", schedule=schedule)
        .devices[0]
        .memory_fits[0]
        for schedule in ("spec", "best")
    ]
    assert [fit.fits for fit in fits] == [False, True]
    assert fits[0].over_bytes == fits[0].needed_bytes - 512 * 1024 > 0


def test_an_unknown_size_stays_unknown() -> None:
    sram = replace(STM32.memory[-1], size_bytes=None)
    device = replace(STM32, memory=(*STM32.memory[:-1], sram))
    analysis = analyze(load_model("densenet"), devices=[device], precision="int8")
    activations = analysis.devices[0].memory_fits[0]
    assert activations.needed_bytes == 2_207_744
    assert (activations.fits, activations.over_bytes, activations.because) == (None, None, ())


def test_without_storage_weights_are_beside_the_activations() -> None:
    analysis = analyze(load_model("densenet"), devices=[load_device("pixel_1")])
    (fit,) = analysis.devices[0].memory_fits
    assert fit.needed_bytes == analysis.totals.weight_bytes + analysis.memory.peak_bytes


@pytest.mark.parametrize("batch", [1, 3])
def test_a_parameter_is_in_flash_and_not_in_the_arena(batch: int) -> None:
    network = build(
        """\
input: {x: [4, 8, 8]}
layers:
  - {id: p, parameter: {shape: [1000, 64]}}
  - {id: v, slice: {axis: length, stop: 500}}
  - {id: mean, global_avg_pool: {}, from: x}
outputs: [v, mean]
"""
    )
    network = elaborate(network.spec, {"batch": batch})
    analysis = analyze_network(network, [STM32], precision="int8")
    activations, weights = analysis.devices[0].memory_fits
    # At the offset of x and behind it; the view is an output, and the caller reads the weights.
    assert activations.needed_bytes == 256 * batch + 4 * batch
    assert weights.needed_bytes == analysis.totals.weight_bytes == 64_000
    assert analysis.memory.peak_bytes == 260 * batch
    names = [slot.name for slot in plan_arena(network, INT8).slots]
    assert sorted(names) == ["mean", "x"]
