"""Peak memory against a simulation that keeps the set of what is alive, and by hand."""

from __future__ import annotations

import pytest
from allocator import Rules, rules, simulate, size_of
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import networks

from mnet_cost.analysis import analyze
from mnet_cost.analysis.memory import trace_memory
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES

FP32 = DTYPES["fp32"]
HEAD = "format: 1\nname: hand\n"


def build(text: str) -> Network:
    return elaborate(parse_spec(HEAD + text))


OFTEN = ("concat", "concat", "concat", "relu", "relu", "relu", "compute", "compute")


@settings(max_examples=1000)
@given(st.data())
def test_equals_the_simulation(data: st.DataObject) -> None:
    network = data.draw(networks())
    check(network, Rules())
    check(network, data.draw(rules(network)))


@settings(max_examples=1000)
@given(st.data())
def test_equals_the_simulation_with_concatenations(data: st.DataObject) -> None:
    network = data.draw(networks(OFTEN))
    check(network, data.draw(rules(network))._replace(concat_in_place=True))


def check(network: Network, how: Rules) -> None:
    trace = trace_memory(network, FP32, **how._asdict())
    live = simulate(network, how)
    assert list(trace.live_bytes) == live
    assert trace.peak_bytes == max(live)
    assert trace.live_bytes[trace.peak_step] == trace.peak_bytes
    if not how.groups:
        assert trace.peak_step == live.index(max(live))
    assert sum(tensor.bytes for tensor in trace.live_at_peak) == trace.peak_bytes
    names = [tensor.name for tensor in trace.live_at_peak]
    assert len(set(names)) == len(names)
    sizes = [tensor.bytes for tensor in trace.live_at_peak]
    assert sizes == sorted(sizes, reverse=True)


@settings(max_examples=200)
@given(networks())
def test_is_between_its_bounds(network: Network) -> None:
    peak = trace_memory(network, FP32).peak_bytes
    sizes = [size_of(network, index) for index in range(len(network.tensors))]
    assert peak >= max(sizes[step.output] for step in network.steps)
    assert peak <= sum(sizes)


def test_two_orders_of_one_graph() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: a1, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: a2, conv2d: {channels: 1, kernel: 1}, from: a1}
  - {id: b1, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: b2, conv2d: {channels: 1, kernel: 1}, from: b1}
  - {id: sum, add: [a2, b2]}
"""
    )
    # x, a2, b2 and the sum are 16 elements, 64 bytes; a1 and b1 are 512 bytes.
    one_by_one = trace_memory(network, FP32)
    assert one_by_one.live_bytes == (64 + 512, 64 + 512 + 64, 64 + 64 + 512, 64 + 512 + 64, 128)
    assert one_by_one.peak_bytes == 640
    both_wide = trace_memory(network.with_schedule(["a1", "b1", "a2", "b2", "sum"]), FP32)
    assert both_wide.live_bytes == (64 + 512, 64 + 1024, 1024 + 64, 64 + 512 + 64, 128)
    assert both_wide.peak_bytes == 1088
    assert both_wide.peak_step == 1
    assert both_wide.live_at_peak == (("a1", 512), ("b1", 512), ("x", 64))


@pytest.mark.parametrize(("precision", "divisor"), [("fp32", 1), ("fp16", 2), ("int8", 4)])
def test_mobilenet_v1(precision: str, divisor: int) -> None:
    found = analyze(load_model("mobilenet_v1").spec, precision=precision)
    memory = found.memory
    assert memory.peak_bytes == 4_816_896 // divisor
    # The first pointwise convolution: 32 channels of 112 x 112 in, 64 out.
    assert found.network.steps[memory.peak_step].name == "separable.conv2d"
    assert memory.live_at_peak == (
        ("separable.conv2d", 3_211_264 // divisor),
        ("separable.relu", 1_605_632 // divisor),
    )


def test_elementwise_layers_write_over_what_nobody_reads_again() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: first, relu: {}}
  - {id: second, relu: {}}
  - {id: third, sigmoid: {}}
  - add: [second, third]
"""
    )
    # The input is the caller's: `first` cannot write over it. `third` cannot: `second` is read.
    assert trace_memory(network, FP32).live_bytes == (128, 64, 128, 128)


def test_no_layer_writes_over_an_output() -> None:
    text = """\
input: {x: [1, 4, 4]}
layers:
  - {id: features, conv2d: {channels: 4, kernel: 1}}
  - {id: mask, sigmoid: {}}
outputs: [features, mask]
"""
    assert trace_memory(build(text), FP32).live_bytes == (64 + 256, 256 + 256)
    only_mask = text.replace("[features, mask]", "[mask]")
    assert trace_memory(build(only_mask), FP32).live_bytes == (64 + 256, 256)


def test_a_view_keeps_its_buffer_alive() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: wide, conv2d: {channels: 4, kernel: 1}}
  - {id: flat, flatten: {}}
  - {id: small, linear: {features: 2}}
  - {id: other, linear: {features: 3}, from: flat}
  - concat: [small, other]
"""
    )
    assert trace_memory(network, FP32).live_bytes == (
        64 + 256,
        256,
        256 + 8,
        256 + 8 + 12,
        8 + 12 + 20,
    )


def test_parts_keep_the_whole_alive() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: wide, conv2d: {channels: 4, kernel: 1}}
  - {id: halves, split: {parts: 2}}
  - {id: top, relu: {}, from: halves.0}
  - concat: [top, halves.1]
"""
    )
    # The halves are memory of `wide`, which stays until halves.1 is read; `top` is new.
    assert trace_memory(network, FP32).live_bytes == (
        64 + 256,
        256,
        256 + 128,
        256 + 128 + 256,
    )


def test_batch_multiplies_memory() -> None:
    spec = load_model("mobilenet_v1").spec
    one, eight = elaborate(spec), elaborate(spec, {"batch": 8})
    assert trace_memory(eight, FP32).peak_bytes == 8 * trace_memory(one, FP32).peak_bytes


def test_what_stays_inside_a_unit_is_never_in_memory() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: wide, conv2d: {channels: 8, kernel: 1}}
  - {id: narrow, conv2d: {channels: 1, kernel: 1}}
  - {id: other, conv2d: {channels: 2, kernel: 1}, from: x}
  - {id: last, conv2d: {channels: 1, kernel: 1}}
"""
    )
    assert trace_memory(network, FP32).live_bytes == (64 + 512, 64 + 512 + 64, 64 + 128, 128 + 64)
    # `narrow` is nobody's input: it is written, and then forgotten.
    joined = trace_memory(network, FP32, groups=[(0, 1)])
    assert joined.live_bytes == (64 + 64, 64 + 64, 64 + 128, 128 + 64)
    assert joined.peak_step == 2
    # A unit runs where its first step stands, once it can: x is read for the last time by step 2.
    both = trace_memory(network, FP32, groups=[(0, 1), (3, 2)])
    assert both.live_bytes == (64 + 64, 64 + 64, 64 + 64, 64 + 64)


def test_a_unit_writes_over_a_residual_but_not_over_what_it_convolves() -> None:
    text = """\
input: {x: [1, 4, 4]}
layers:
  - {id: a, conv2d: {channels: 4, kernel: 1}}
  - {id: b, conv2d: {channels: 4, kernel: 3}}
  - {id: c, conv2d: {channels: 4, kernel: 1}}
  - {id: sum, add: [c, SHORTCUT]}
"""
    # The convolution `c` reads b alone, so the sum lies where a is.
    network = build(text.replace("SHORTCUT", "a"))
    assert trace_memory(network, FP32, groups=[(2, 3)]).live_bytes == (320, 512, 512, 512)
    network = build(text.replace("SHORTCUT", "b"))
    assert trace_memory(network, FP32, groups=[(2, 3)]).live_bytes == (320, 512, 512, 512)
    assert trace_memory(network, FP32).live_bytes == (320, 512, 512, 512)
    alone = trace_memory(network, FP32, groups=[(1, 2, 3)])
    assert alone.live_bytes == (320, 512, 512, 512)  # a is convolved, the sum is new


def test_groups_that_cannot_be() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: a, relu: {}}
  - {id: b, relu: {}}
  - {id: c, relu: {}}
"""
    )
    with pytest.raises(ValueError, match="wait for each other"):
        trace_memory(network, FP32, groups=[(0, 2)])
    with pytest.raises(ValueError, match="step 1 is in two groups"):
        trace_memory(network, FP32, groups=[(0, 1), (1, 2)])
    with pytest.raises(ValueError, match="no such step"):
        trace_memory(network, FP32, groups=[(2, 3)])


def test_scratch_is_there_while_its_unit_runs() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: a, conv2d: {channels: 2, kernel: 3}}
  - {id: b, conv2d: {channels: 1, kernel: 3}}
"""
    )
    trace = trace_memory(network, FP32, scratch={1: 1000})
    assert trace.live_bytes == (64 + 128, 128 + 64 + 1000)
    assert trace.live_at_peak == (("scratch of b", 1000), ("a", 128), ("b", 64))
    assert trace_memory(network, FP32, groups=[(0, 1)], scratch={0: 5, 1: 7}).live_bytes == (
        64 + 64 + 12,
        64 + 64 + 12,
    )


CONCATENATIONS = """\
input: {x: [1, 4, 4]}
layers:
  - {id: a, conv2d: {channels: 2, kernel: 1}, from: x}
  - {id: b, conv2d: {channels: 3, kernel: 1}, from: x}
  - {id: ab, concat: [a, b]}
  - {id: rectified, relu: {}}
  - {id: c, conv2d: {channels: 1, kernel: 1}, from: SOURCE}
  - {id: abc, concat: [rectified, c]}
"""


def test_inputs_of_a_concatenation_are_parts_of_it() -> None:
    network = build(CONCATENATIONS.replace("SOURCE", "x"))
    # x 64, a 128, b 192, their concatenation 320, c 64, all 384.
    assert trace_memory(network, FP32).live_bytes == (
        64 + 128,
        64 + 128 + 192,
        64 + 128 + 192 + 320,
        64 + 320,
        64 + 320 + 64,
        320 + 64 + 384,
    )
    # All is part of the last one: also what the rectifier is written over.
    parts = trace_memory(network, FP32, concat_in_place=True)
    assert parts.live_bytes == (448, 448, 448, 448, 448, 384)
    assert parts.live_at_peak == (("abc", 384), ("x", 64))


def test_a_part_that_others_read_is_not_moved() -> None:
    # c reads `ab`: then the rectifier cannot be written over it, in whatever order the two run.
    network = build(CONCATENATIONS.replace("SOURCE", "ab"))
    expected = (64 + 320, 64 + 320, 320, 320 + 384, 320 + 384, 384)
    assert trace_memory(network, FP32, concat_in_place=True).live_bytes == expected
    # a is read by c as well, and stays where it is: a part of `ab`, which is not moved either.
    network = build(CONCATENATIONS.replace("SOURCE", "a"))
    assert trace_memory(network, FP32, concat_in_place=True).live_bytes == expected


def test_what_cannot_be_a_part() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: a, conv2d: {channels: 2, kernel: 1}}
  - {id: parts, split: {parts: 2}}
  - {id: b, conv2d: {channels: 3, kernel: 1}, from: x}
  - {id: all, concat: [x, parts.0, b, b]}
outputs: [b, all]
"""
    )
    # x is the caller's, `parts.0` is a piece of a, and b is an output.
    expected = (64 + 128, 64 + 128, 64 + 128 + 192, 64 + 128 + 192 + 512)
    for in_place in (False, True):
        trace = trace_memory(network, FP32, concat_in_place=in_place)
        assert trace.live_bytes == expected


def test_a_tensor_of_two_concatenations_is_part_of_the_first() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: a, conv2d: {channels: 2, kernel: 1}}
  - {id: b, conv2d: {channels: 3, kernel: 1}}
  - {id: first, concat: [a, b]}
  - {id: c, conv2d: {channels: 1, kernel: 1}}
  - {id: second, concat: [a, c]}
"""
    )
    assert trace_memory(network, FP32, concat_in_place=True).live_bytes == (
        64 + 320,
        320,
        320,
        320 + 192,
        320 + 192,
    )
