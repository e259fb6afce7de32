"""`best_schedule` against all orders there are, and on networks worked out by hand."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator

import pytest
from allocator import Rules, rules, simulate, units_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_graphs import networks

from mnet_cost.analysis import analyze
from mnet_cost.analysis.buffers import find_buffers
from mnet_cost.analysis.memory import trace_memory
from mnet_cost.analysis.schedule import Schedule, best_schedule
from mnet_cost.analysis.schedule_cuts import cut
from mnet_cost.analysis.sharing import MemoryRules
from mnet_cost.errors import UsageError
from mnet_cost.models.library import load_model, model_names
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate
from mnet_cost.tensors import DTYPES

FP32, INT8 = DTYPES["fp32"], DTYPES["int8"]
HEAD = "format: 1\nname: hand\n"
BRANCHES = ("compute", "compute", "concat", "add")
MANY = 600


def build(text: str) -> Network:
    return elaborate(parse_spec(HEAD + text))


def ordered(network: Network, how: Rules, names: tuple[str, ...]) -> tuple[Network, Rules]:
    other = network.with_schedule(names)
    return other, how.of(network, other)


def all_orders(network: Network, units: list[list[int]]) -> Iterator[tuple[str, ...]]:
    """Every order of the units in which each runs after what it reads."""

    def longer(known: set[int], waiting: list[list[int]]) -> Iterator[list[int]]:
        if not waiting:
            yield []
        for unit in waiting:
            made = {tensor for i in unit for tensor in network.steps[i].outputs}
            if {tensor for i in unit for tensor in network.steps[i].inputs} <= known | made:
                others = [other_unit for other_unit in waiting if other_unit is not unit]
                for rest in longer(known | made, others):
                    yield unit + rest

    for order in longer(set(network.inputs), units):
        yield tuple(network.steps[i].name for i in order)


def check(network: Network, how: Rules, schedule: Schedule) -> None:
    other, same = ordered(network, how, schedule.order)
    assert schedule.peak_bytes == max(simulate(other, same))
    assert schedule.spec_peak_bytes == max(simulate(network, how)) >= schedule.peak_bytes
    if schedule.peak_bytes == schedule.spec_peak_bytes:
        assert schedule.order == network.schedule


@settings(max_examples=400)
@given(st.data())
def test_no_order_is_better(data: st.DataObject) -> None:
    network = data.draw(networks(BRANCHES, most=9))
    how = data.draw(rules(network))
    orders = all_orders(network, units_of(network, how.units))
    peaks = []
    for names in orders:
        other, same = ordered(network, how, names)
        peaks.append(trace_memory(other, FP32, same.told).peak_bytes)
        assume(len(peaks) < MANY)
    schedule = best_schedule(network, FP32, how.told)
    check(network, how, schedule)
    assert schedule.optimal
    assert schedule.peak_bytes == min(peaks)


@settings(max_examples=1000)
@given(st.data())
def test_never_worse_than_the_spec(data: st.DataObject) -> None:
    network = data.draw(networks(BRANCHES, most=24))
    how = data.draw(rules(network))
    check(network, how, best_schedule(network, FP32, how.told))
    few = best_schedule(network, FP32, how.told, states=2)
    check(network, how, few)
    if few.optimal:
        assert few.peak_bytes == best_schedule(network, FP32, how.told).peak_bytes


def test_one_branch_after_the_other() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: a1, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: b1, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: a2, conv2d: {channels: 1, kernel: 1}, from: a1}
  - {id: b2, conv2d: {channels: 1, kernel: 1}, from: b1}
  - {id: sum, add: [a2, b2]}
"""
    )
    # a1 and b1 are 512 bytes, all else 64. Side by side they need 2 * 512 + 64 (x, then a2); one
    # by one x, a1, a2 or a2, b1, b2: 64 + 512 + 64.
    schedule = best_schedule(network, FP32)
    assert (schedule.spec_peak_bytes, schedule.peak_bytes, schedule.optimal) == (1088, 640, True)
    assert schedule.order == ("a1", "a2", "b1", "b2", "sum")
    assert trace_memory(network.with_schedule(schedule.order), FP32).peak_bytes == 640


def test_writing_over_an_input_is_worth_waiting_for() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: wide, conv2d: {channels: 8, kernel: 1}}
  - {id: rectified, relu: {}}
  - {id: small, conv2d: {channels: 1, kernel: 1}, from: wide}
  - {id: other, conv2d: {channels: 1, kernel: 1}, from: rectified}
  - {id: sum, add: [small, other]}
"""
    )
    # Before `small`, the rectifier needs 512 bytes beside those of `wide`; after it, none.
    schedule = best_schedule(network, FP32)
    assert (schedule.spec_peak_bytes, schedule.peak_bytes, schedule.optimal) == (
        1024 + 64,
        640,
        True,
    )
    assert schedule.order == ("wide", "small", "rectified", "other", "sum")
    apart = best_schedule(network, FP32, MemoryRules(in_place=False))
    assert (apart.spec_peak_bytes, apart.peak_bytes) == (1088, 1088)
    assert apart.order == network.schedule


def test_a_unit_stays_together() -> None:
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: a1, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: b1, conv2d: {channels: 4, kernel: 1}, from: x}
  - {id: a2, conv2d: {channels: 1, kernel: 1}, from: a1}
  - {id: b2, conv2d: {channels: 1, kernel: 1}, from: b1}
  - {id: sum, add: [a2, b2]}
"""
    )
    schedule = best_schedule(network, FP32, MemoryRules(units=((1, 3),)))
    # b1 is never in memory: x 64, b2 64, a1 512 if b comes first; 64 + 512 and 512 + 64 + 64 else.
    assert (schedule.spec_peak_bytes, schedule.peak_bytes, schedule.optimal) == (
        64 + 512 + 64,
        640,
        True,
    )
    apart = best_schedule(network, FP32)
    assert (apart.spec_peak_bytes, apart.peak_bytes) == (64 + 512 + 256, 640)


@pytest.mark.parametrize(
    ("name", "spec_order", "least"),
    [
        ("nasnet_mobile", 1_127_915, 1_026_880),
        ("shufflenet_v2:shufflenet_v2_x2_0", 573_888, 497_056),
        ("faster_rcnn_inception_v2", 63_033_600, 56_448_000),
        ("googlenet", 1_003_520, 1_003_520),
        ("densenet", 1_806_336, 1_806_336),
    ],
)
def test_networks_of_the_library(name: str, spec_order: int, least: int) -> None:
    model = load_model(name)
    network = elaborate(model.spec, model.knobs)
    schedule = best_schedule(network, INT8)
    assert (schedule.spec_peak_bytes, schedule.peak_bytes, schedule.optimal) == (
        spec_order,
        least,
        True,
    )
    assert trace_memory(network.with_schedule(schedule.order), INT8).peak_bytes == least


@pytest.mark.parametrize("name", model_names())
def test_in_seconds(name: str) -> None:
    model = load_model(name)
    network = elaborate(model.spec, model.knobs)
    start = time.process_time()
    schedule = best_schedule(network, FP32)
    assert time.process_time() - start < (5 if name == "nasnet_mobile" else 2)
    assert schedule.optimal


def wide(count: int, seed: int) -> Network:
    """Layers that read any before them, all of which end in one sum of small ones."""
    draw = random.Random(seed)
    layers: list[dict[str, object]] = []
    for number in range(count):
        source = draw.choice(["x", *(f"t{i}" for i in range(number))])
        conv = {"channels": draw.randint(1, 60), "kernel": 1}
        layers.append({"id": f"t{number}", "conv2d": conv, "from": source})
    for number in range(count):
        conv = {"channels": 1, "kernel": 1}
        layers.append({"id": f"p{number}", "conv2d": conv, "from": f"t{number}"})
    layers.append({"id": "sum", "add": [f"p{number}" for number in range(count)]})
    data = {"format": 1, "name": "wide", "input": {"x": [4, 2, 2]}, "layers": layers}
    return elaborate(parse_spec(json.dumps(data)))


@pytest.mark.parametrize(("count", "searched"), [(40, True), (300, True), (1500, False)])
def test_a_graph_that_is_too_wide(count: int, searched: bool) -> None:
    network = wide(count, count)
    start = time.perf_counter()
    schedule = best_schedule(network, INT8)
    assert time.perf_counter() - start < 20
    assert not schedule.optimal
    assert (schedule.peak_bytes < schedule.spec_peak_bytes) is searched
    assert schedule.how == (
        "beam search" if searched else "no search: too many layers side by side"
    )
    assert schedule == best_schedule(network, INT8)


def test_few_states_prove_less() -> None:
    network = wide(12, 1)
    assert best_schedule(network, INT8).optimal
    few = best_schedule(network, INT8, states=3)
    assert not few.optimal
    assert few.peak_bytes <= few.spec_peak_bytes


def test_analyze_in_the_best_order() -> None:
    model = load_model("nasnet_mobile")
    spec_order, best = analyze(model), analyze(model, schedule="best")
    assert spec_order.schedule is None
    assert best.schedule is not None
    assert best.schedule.order == best.network.schedule
    assert best.memory.peak_bytes == best.schedule.peak_bytes == 4 * 1_026_880
    assert spec_order.memory.peak_bytes == best.schedule.spec_peak_bytes == 4_511_660
    assert best.totals == spec_order.totals


def test_no_such_schedule() -> None:
    with pytest.raises(UsageError) as caught:
        analyze(load_model("lenet5"), schedule="bset")
    assert str(caught.value) == "there is no schedule `bset`\nhint: did you mean `best`?"
    with pytest.raises(UsageError, match="hint: there are spec, best"):
        analyze(load_model("lenet5"), schedule="random")


def test_a_dead_end_may_be_written_over_within_its_unit() -> None:
    """Nobody reads `seen`, so it is in memory, until `last` is written there: found by chance."""
    network = build(
        """\
input: {x: [1, 2, 2]}
layers:
  - {id: a, relu: {}}
  - {id: b, relu: {}}
  - {id: c, conv2d: {channels: 2, kernel: 1}, from: a}
  - {id: d, split: {parts: 2}}
  - {id: e, relu: {}, from: c}
  - {id: f, relu: {}, from: c}
  - {id: g, relu: {}, from: e}
  - {id: h, concat: {}, from: [a, c]}
  - {id: i, conv2d: {channels: 1, kernel: 1}, from: f}
  - {id: seen, identity: {}}
  - {id: k, relu: {}, from: c}
  - {id: l, relu: {}, from: c}
  - {id: m, relu: {}, from: h}
  - {id: n, relu: {}}
  - {id: o, relu: {}, from: l}
  - {id: p, relu: {}}
  - {id: last, relu: {}, from: i}
outputs: [last]
"""
    )
    how = Rules(
        ((0, 1), (2, 3), (4, 5, 6), (12, 13), (8, 9, 10, 16, 11), (14, 15)), True, False, {}
    )
    schedule = best_schedule(network, FP32, how.told)
    assert (schedule.spec_peak_bytes, schedule.peak_bytes, schedule.optimal) == (160, 112, True)
    check(network, how, schedule)


def test_the_last_reader_of_a_buffer_may_be_later_in_the_spec() -> None:
    """`t10` may write over `t9` once `t18` has run, which the spec has later: found by chance."""
    network = build(
        """\
input: {x: [1, 2, 2], y: [1, 2, 2]}
layers:
  - {id: t0, relu: {}, from: x}
  - {id: t1, relu: {}, from: t0}
  - {id: t2, relu: {}, from: t0}
  - {id: t3, relu: {}, from: t0}
  - {id: t4, relu: {}, from: x}
  - {id: t6, relu: {}, from: t0}
  - {id: t11, relu: {}, from: t0}
  - {id: t12, relu: {}, from: t0}
  - {id: t17, relu: {}, from: t0}
  - {id: t5, relu: {}, from: t0}
  - {id: t8, relu: {}, from: t0}
  - {id: t9, relu: {}, from: t8}
  - {id: t13, relu: {}, from: t0}
  - {id: t14, relu: {}, from: t13}
  - {id: t16, identity: {}, from: t9}
  - {id: t18, relu: {}, from: t9}
  - {id: t20, relu: {}, from: t0}
  - {id: t10, relu: {}, from: t9}
  - {id: t7, relu: {}, from: t6}
  - {id: t19, concat: {}, from: [t0, t7]}
  - {id: t21, relu: {}, from: t10}
  - {id: t15, relu: {}, from: t14}
  - {id: t22, conv2d: {channels: 3, kernel: 1}, from: t15}
outputs: [t22]
"""
    )
    how = Rules(
        ((3, 4), (5, 6), (7, 8), (10, 12), (13, 21, 11), (17, 9, 14, 22), (16, 20), (15, 18, 19)),
        True, False, {},
    )  # fmt: skip
    schedule = best_schedule(network, FP32, how.told)
    assert (schedule.spec_peak_bytes, schedule.peak_bytes, schedule.optimal) == (144, 112, True)
    check(network, how, schedule)


def test_no_unit_writes_over_a_buffer_of_which_it_reads_a_part() -> None:
    network = build(
        """\
input: {x: [1, 2, 2]}
layers:
  - {id: a, conv2d: {channels: 4, kernel: 1}, from: x}
  - {id: half, slice: {start: 2}}
  - {id: d, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: e, conv2d: {channels: 1, kernel: 1}, from: d}
  - {id: b, relu: {}, from: half}
  - {id: c, relu: {}, from: a}
outputs: [b, c, e]
"""
    )
    # x and e 16, a 64, d 128, b 32, c 64. The spec has a while d is made: x, a, d; and a, d, e:
    # 208. Whatever the order, b and c need room beside a, and one of x and e is there: 16 + 160.
    # With c over a, an order would need 160 (for d and e before a).
    how = Rules(units=((4, 5),))
    schedule = best_schedule(network, FP32, how.told)
    assert (schedule.spec_peak_bytes, schedule.peak_bytes, schedule.optimal) == (208, 176, True)
    check(network, how, schedule)


def test_parameters_cost_nothing_and_hide_nothing() -> None:
    """A weight that is named late, or early, leaves the pieces of the order as they are."""
    branch = """\
  - {id: a1, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: b1, conv2d: {channels: 8, kernel: 1}, from: x}
  - {id: a2, conv2d: {channels: 1, kernel: 1}, from: a1}
  - {id: b2, conv2d: {channels: 1, kernel: 1}, from: b1}
  - {id: sum, add: [a2, b2]}
"""
    chain = "".join(f"  - {{id: c{i}, conv2d: {{channels: 2, kernel: 1}}}}\n" for i in range(200))
    named = "  - {id: p, parameter: {shape: [9, 4, 4]}}\n  - {id: v, slice: {stop: 2}}\n"
    head, end = "input: {x: [1, 4, 4]}\nlayers:\n", "  - {id: e, add: [c199, v]}\n"
    late = build(head + branch + chain + named + end)
    early = build(head + named + branch + chain + end)
    for network, longest in ((late, 4), (early, 6)):
        schedule = best_schedule(network, FP32)
        # As without the weight: 64 + 512 + 64, see `test_one_branch_after_the_other`.
        assert (schedule.spec_peak_bytes, schedule.peak_bytes, schedule.optimal) == (
            1088,
            640,
            True,
        )
        pieces = cut(find_buffers(network, FP32, MemoryRules()), {})
        assert max(len(piece) for piece in pieces) == longest


def test_a_parameter_first_spares_an_input_that_nobody_reads() -> None:
    """Such an input is there for the first unit alone, so it matters which that is."""
    network = build(
        """\
input: {x: [1, 4, 4], unread: [2, 4, 4]}
layers:
  - {id: c, conv2d: {channels: 1, kernel: 1}, from: x}
  - {id: p, parameter: {shape: [1, 4, 4]}}
  - {id: sum, add: [c, p]}
"""
    )
    schedule = best_schedule(network, FP32)
    assert (schedule.spec_peak_bytes, schedule.peak_bytes, schedule.optimal) == (256, 192, True)
    assert schedule.order == ("p", "c", "sum")


def test_scratch_of_a_weight_waits_for_the_least_memory() -> None:
    """Nothing real needs it; yet an order is only proven least if it may stand anywhere."""
    network = build(
        """\
input: {x: [1, 4, 4]}
layers:
  - {id: c, conv2d: {channels: 4, kernel: 1}}
  - {id: p, parameter: {shape: [1, 4, 4]}}
  - {id: d, conv2d: {channels: 1, kernel: 1}, from: c}
  - {id: sum, add: [d, p]}
"""
    )
    schedule = best_schedule(network, FP32, MemoryRules(scratch={1: 200}))
    assert (schedule.spec_peak_bytes, schedule.peak_bytes, schedule.optimal) == (456, 320, True)
