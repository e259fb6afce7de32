"""Peak memory against a simulation that keeps the set of what is alive, and by hand."""

from __future__ import annotations

import pytest
from allocator import Rules, Simulation, rules, size_of, weights_of
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import networks

from mnet_cost.analysis import analyze
from mnet_cost.analysis.memory import find_lifetimes, trace_memory
from mnet_cost.analysis.sharing import MemoryRules
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
    trace = trace_memory(network, FP32, how.told)
    simulation = Simulation(network, how)
    live = simulation.live
    assert list(trace.live_bytes) == live
    assert trace.peak_bytes == max(live)
    lives = find_lifetimes(network, FP32, how.told)
    assert sorted(
        (sorted(lifetime.tensors), lifetime.bytes, lifetime.first, lifetime.last)
        for lifetime in lives
        if lifetime.tensors
    ) == sorted(
        (sorted(block.held), block.size, block.first, block.last) for block in simulation.blocks
    )
    assert trace.live_bytes[trace.peak_step] == trace.peak_bytes
    if not how.units:
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
    activations = set(range(len(network.tensors))) - weights_of(network)
    sizes = [size_of(network, index) for index in activations]
    assert max(sizes, default=0) <= peak <= sum(sizes)


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
    analysis = analyze(load_model("mobilenet_v1").spec, precision=precision)
    memory = analysis.memory
    assert memory.peak_bytes == 4_816_896 // divisor
    # The first pointwise convolution: 32 channels of 112 x 112 in, 64 out.
    assert analysis.network.steps[memory.peak_step].name == "separable.conv2d"
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
    network, eight = elaborate(spec), elaborate(spec, {"batch": 8})
    assert trace_memory(eight, FP32).peak_bytes == 8 * trace_memory(network, FP32).peak_bytes


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
    joined = trace_memory(network, FP32, MemoryRules(units=((0, 1),)))
    assert joined.live_bytes == (64 + 64, 64 + 64, 64 + 128, 128 + 64)
    assert joined.peak_step == 2
    # A unit runs where its first step stands, once it can: x is read for the last time by step 2.
    both = trace_memory(
        network,
        FP32,
        MemoryRules(
            units=(
                (0, 1),
                (3, 2),
            )
        ),
    )
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
    assert trace_memory(network, FP32, MemoryRules(units=((2, 3),))).live_bytes == (
        320,
        512,
        512,
        512,
    )
    network = build(text.replace("SHORTCUT", "b"))
    assert trace_memory(network, FP32, MemoryRules(units=((2, 3),))).live_bytes == (
        320,
        512,
        512,
        512,
    )
    assert trace_memory(network, FP32).live_bytes == (320, 512, 512, 512)
    alone = trace_memory(network, FP32, MemoryRules(units=((1, 2, 3),)))
    assert alone.live_bytes == (320, 512, 512, 512)  # a is convolved, the sum is new


ON_A_VIEW = """\
input: {x: [4, 8, 8]}
layers:
  - {id: wide, conv2d: {channels: 4, kernel: 1}}
  - {id: column, slice: {axis: width, start: 0, stop: 1}}
  - {id: product, multiply: [column, OTHER]}
"""


@pytest.mark.parametrize(
    ("other", "live"),
    [
        ("x", (2048, 2048, 3072)),  # the column is a quarter of what the product needs
        # All of `wide` is read where it is written over, but its column is read eight times.
        ("wide", (2048, 1024, 2048)),
        ("column", (2048, 1024, 1024 + 128)),  # an eighth: the product has its own memory
    ],
)
def test_a_view_is_no_room_for_a_larger_result(other: str, live: tuple[int, ...]) -> None:
    assert trace_memory(build(ON_A_VIEW.replace("OTHER", other)), FP32).live_bytes == live


@pytest.mark.parametrize(
    ("layers", "live"),
    [
        # A view of all of it is written over, whatever its shape.
        ("- {id: v, reshape: {shape: [8, 2]}}\n  - {id: r, relu: {}}", (128, 64, 64)),
        ("- {id: v, slice: {axis: width, stop: 4}}\n  - {id: r, relu: {}}", (128, 64, 64)),
        ("- {id: v, split: {parts: 1}}\n  - {id: r, relu: {}}", (128, 64, 64)),
        # Nor is half of it, be the other half read again or not.
        (
            "- {id: v, split: {parts: 2, axis: width}}\n  - {id: r, relu: {}, from: v.0}",
            (128, 64, 96),
        ),
        # Twice the same, and once as a view.
        ("- {id: v, identity: {}}\n  - {id: r, add: [v, c, v]}", (128, 64, 64)),
        # A view that is read later keeps all of it.
        (
            "- {id: v, slice: {axis: width, stop: 1}}\n  - {id: r, relu: {}, from: c}\n"
            "  - {id: e, multiply: [r, v]}",
            (128, 64, 128, 128),
        ),
        # A column of what is written over, through a layer that is written somewhere else.
        (
            "- {id: v, slice: {axis: width, stop: 1}}\n  - {id: s, relu: {}}\n"
            "  - {id: r, multiply: [s, c]}",
            (128, 64, 80, 80),
        ),
    ],
)
def test_what_is_written_over_is_filled_and_read_in_order(
    layers: str, live: tuple[int, ...]
) -> None:
    text = "input: {x: [1, 4, 4]}\nlayers:\n  - {id: c, conv2d: {channels: 1, kernel: 1}}\n  "
    assert trace_memory(build(text + layers + "\n"), FP32).live_bytes == live


@pytest.mark.parametrize(
    ("dtype", "shape", "live"),
    [
        ("int32", "[2, 2, 1]", (32, 16, 16)),
        # 4 elements of 8 bytes are 8 of 4: as many bytes, but each is read for two of the sum.
        ("int64", "[2, 1, 2]", (64, 32, 64)),
    ],
)
def test_elements_of_another_width_are_not_written_over(
    dtype: str, shape: str, live: tuple[int, ...]
) -> None:
    network = build(
        f"""\
input: {{x: {{shape: {shape}, dtype: {dtype}}}}}
layers:
  - {{id: t, transpose: {{axes: [0, 2, 1]}}}}
  - {{id: p, parameter: {{shape: [2, 1, 2]}}}}
  - {{id: sum, add: [t, p]}}
"""
    )
    assert trace_memory(network, FP32).live_bytes == live


def test_a_unit_does_not_write_over_what_it_reads_out_of_order() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: c, conv2d: {channels: 1, kernel: 1}}
  - {id: v, slice: {axis: width, stop: 1}}
  - {id: wide, multiply: [v, x]}
  - {id: sum, add: [wide, c]}
"""
    )
    # Step by step the sum lies where `wide` is; as a unit it cannot lie where `c` is, whose
    # column is read for each of its elements.
    assert trace_memory(network, FP32).live_bytes == (128, 128, 192, 128)
    unit = MemoryRules(units=((2, 3),))
    assert trace_memory(network, FP32, unit).live_bytes == (128, 128, 192, 192)
    inner = MemoryRules(units=((1, 2, 3),))
    assert trace_memory(network, FP32, inner).live_bytes == (128, 192, 192, 192)


@pytest.mark.parametrize(
    ("rows", "live", "alone"),
    [
        # `b` is 32 bytes and made of the last 32 of `a`, where its kernel may have put `c` by then:
        # 64 + 32 + 64.
        ("start: 2", (128, 64, 160, 160), (128, 64, 96, 96)),
        # Of the first 32: no loop over the 16 elements of `c` is over the 8 of `b` as well.
        ("stop: 2", (128, 64, 160, 160), (128, 64, 96, 96)),
        # All of `a`, element by element: `c` lies there, beside the 64 bytes of `b`.
        ("stop: 4", (128, 64, 128, 128), (128, 64, 128, 128)),
    ],
)
def test_a_unit_does_not_write_over_a_buffer_that_it_reads_a_part_of(
    rows: str, live: tuple[int, ...], alone: tuple[int, ...]
) -> None:
    network = build(
        f"""\
input: {{x: [1, 4, 4]}}
layers:
  - {{id: a, conv2d: {{channels: 1, kernel: 1}}}}
  - {{id: part, slice: {{axis: height, {rows}}}}}
  - {{id: b, relu: {{}}, from: part}}
  - {{id: c, relu: {{}}, from: a}}
outputs: [b, c]
"""
    )
    unit = Rules(units=((2, 3),))
    assert trace_memory(network, FP32, unit.told).live_bytes == live
    check(network, unit)
    # Layer by layer `b` has been made of `a` before `c` is written there.
    assert trace_memory(network, FP32).live_bytes == alone


def test_a_unit_does_not_write_over_a_concatenation_that_it_reads_a_part_of() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: p, conv2d: {channels: 1, kernel: 1}, from: x}
  - {id: q, conv2d: {channels: 1, kernel: 1}, from: x}
  - {id: both, concat: [p, q]}
  - {id: b, relu: {}, from: q}
  - {id: c, relu: {}, from: both}
outputs: [b, c]
"""
    )
    # q is the second half of the 128 bytes of `both`; b is 64, c 128 and in memory of its own.
    unit = Rules(units=((3, 4),), concat_in_place=True)
    assert trace_memory(network, FP32, unit.told).live_bytes == (192, 192, 128, 320, 320)
    check(network, unit)
    # Layer by layer `c` is written over `both`, once `b` has been made.
    alone = MemoryRules(concat_in_place=True)
    assert trace_memory(network, FP32, alone).live_bytes == (192, 192, 128, 192, 192)


def test_a_concatenation_is_not_made_over_what_is_read_out_of_order() -> None:
    text = """\
input: {x: [1, 4, 4]}
layers:
  - {id: c, conv2d: {channels: 1, kernel: 1}}
  - {id: v, slice: {axis: width, STOP}}
  - {id: r, add: [v, c]}
  - {id: d, conv2d: {channels: 1, kernel: 1}, from: x}
  - {id: both, concat: [r, d]}
"""
    rules = MemoryRules(concat_in_place=True)
    # With all of the view, `c` is where the first half of the result will be.
    whole = build(text.replace("STOP", "stop: 4"))
    assert trace_memory(whole, FP32, rules).live_bytes == (192, 192, 192, 192, 128)
    column = build(text.replace("STOP", "stop: 1"))
    assert trace_memory(column, FP32, rules).live_bytes == (128, 128, 256, 192, 128)


def test_a_unit_of_a_concatenation_looks_through_views() -> None:
    """`c` is convolved by the unit that adds a view of it: the sum is no part made over it."""
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: c, conv2d: {channels: 1, kernel: 1}}
  - {id: v, identity: {}}
  - {id: e, conv2d: {channels: 1, kernel: 3}, from: c}
  - {id: r, add: [e, v]}
  - {id: both, concat: [r, x]}
"""
    )
    rules = MemoryRules(concat_in_place=True, units=((1, 2, 3),))
    assert trace_memory(network, FP32, rules).live_bytes == (128, 256, 256, 256, 192)


PARAMETER = """\
input: {x: [4, 8, 8]}
layers:
  - {id: p, parameter: {shape: [1000, 64]}}
  - {global_avg_pool: {}, from: x}
"""


@pytest.mark.parametrize("batch", [1, 3])
def test_a_parameter_is_no_activation(batch: int) -> None:
    network = elaborate(parse_spec(HEAD + PARAMETER), {"batch": batch})
    assert trace_memory(network, FP32).live_bytes == (batch * 1024, batch * (1024 + 16))


@pytest.mark.parametrize(
    ("layers", "live"),
    [
        # What is made of it alone is known beforehand: a weight, too. Nobody reads x.
        ("- {id: r, relu: {}, from: p}", (64, 0)),
        ("- {id: v, reshape: {shape: [2, 8]}, from: p}\n  - relu", (64, 0, 0)),
        # An output that is a view of it: the caller reads weights.
        ("- {id: v, slice: {axis: height, stop: 2}, from: p}", (64, 0)),
        # What is made of it and an activation is one, and may be written over.
        ("- {id: r, sigmoid: {}, from: p}\n  - {add: [r, x]}", (64, 64, 128)),
        ("- {id: r, add: [p, p, x]}\n  - relu", (64, 128, 64)),
    ],
)
def test_what_is_made_of_a_parameter_is_a_weight_until_an_activation_joins(
    layers: str, live: tuple[int, ...]
) -> None:
    head = "input: {x: [1, 4, 4]}\nlayers:\n  - {id: p, parameter: {shape: [1, 4, 4]}}\n  "
    network = build(head + layers + "\n")
    assert trace_memory(network, FP32).live_bytes == live
    for how in (Rules(), Rules(concat_in_place=True), Rules(in_place=False)):
        check(network, how)


def test_a_parameter_is_no_part_of_a_concatenation() -> None:
    text = """\
input: {x: [1, 4, 4]}
layers:
  - {id: p, parameter: {shape: [1, 4, 4]}}
  - {id: c, conv2d: {channels: 1, kernel: 1}, from: x}
  - {id: both, concat: [p, c]}
outputs: [p, both]
"""
    network = build(text)
    rules = MemoryRules(concat_in_place=True)
    assert trace_memory(network, FP32).live_bytes == (64, 128, 64 + 128)
    assert trace_memory(network, FP32, rules).live_bytes == (64, 64 + 128, 128)


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
        trace_memory(network, FP32, MemoryRules(units=((0, 2),)))
    with pytest.raises(ValueError, match="step 1 is in two groups"):
        trace_memory(
            network,
            FP32,
            MemoryRules(
                units=(
                    (0, 1),
                    (1, 2),
                )
            ),
        )
    with pytest.raises(ValueError, match="no such step"):
        trace_memory(network, FP32, MemoryRules(units=((2, 3),)))


def test_scratch_is_there_while_its_unit_runs() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: a, conv2d: {channels: 2, kernel: 3}}
  - {id: b, conv2d: {channels: 1, kernel: 3}}
"""
    )
    trace = trace_memory(network, FP32, MemoryRules(scratch={1: 1000}))
    assert trace.live_bytes == (64 + 128, 128 + 64 + 1000)
    assert trace.live_at_peak == (("scratch of b", 1000), ("a", 128), ("b", 64))
    assert trace_memory(
        network, FP32, MemoryRules(units=((0, 1),), scratch={0: 5, 1: 7})
    ).live_bytes == (
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
    parts = trace_memory(network, FP32, MemoryRules(concat_in_place=True))
    assert parts.live_bytes == (448, 448, 448, 448, 448, 384)
    assert parts.live_at_peak == (("abc", 384), ("x", 64))


def test_a_part_that_others_read_is_not_moved() -> None:
    # c reads `ab`: then the rectifier cannot be written over it, in whatever order the two run.
    network = build(CONCATENATIONS.replace("SOURCE", "ab"))
    expected = (64 + 320, 64 + 320, 320, 320 + 384, 320 + 384, 384)
    assert trace_memory(network, FP32, MemoryRules(concat_in_place=True)).live_bytes == expected
    # a is read by c as well, and stays where it is: a part of `ab`, which is not moved either.
    network = build(CONCATENATIONS.replace("SOURCE", "a"))
    assert trace_memory(network, FP32, MemoryRules(concat_in_place=True)).live_bytes == expected


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
        trace = trace_memory(network, FP32, MemoryRules(concat_in_place=in_place))
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
    assert trace_memory(network, FP32, MemoryRules(concat_in_place=True)).live_bytes == (
        64 + 320,
        320,
        320,
        320 + 192,
        320 + 192,
    )


@pytest.mark.parametrize(
    ("features", "in_the_unit"),
    [
        (1, 4 + 4),  # `rectified` over `small`: what `product` reads of it has no order
        (2, 8 + 8 + 8),  # `product` reads both elements of `small` for each of its own
    ],
)
def test_a_single_element_has_no_order(features: int, in_the_unit: int) -> None:
    network = build(
        f"""\
input: {{x: [4]}}
layers:
  - {{id: small, linear: {{features: {features}}}}}
  - {{id: product, linear: {{features: {features}}}, from: small}}
  - {{id: rectified, relu: {{}}, from: small}}
  - {{id: sum, add: [product, rectified]}}
"""
    )
    trace = trace_memory(network, FP32, MemoryRules(units=((1, 2),)))
    assert trace.live_bytes[1] == in_the_unit
