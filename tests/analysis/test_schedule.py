"""`best_schedule` against all orders there are, and on networks worked out by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from allocator import Rules, rules, simulate, units_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_graphs import networks

from mnet_cost.analysis.memory import trace_memory
from mnet_cost.analysis.schedule import Schedule, best_schedule
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
            made = {one for i in unit for one in network.steps[i].outputs}
            if {one for i in unit for one in network.steps[i].inputs} <= known | made:
                others = [one for one in waiting if one is not unit]
                for rest in longer(known | made, others):
                    yield unit + rest

    for order in longer(set(network.inputs), units):
        yield tuple(network.steps[i].name for i in order)


def check(network: Network, how: Rules, found: Schedule) -> None:
    other, same = ordered(network, how, found.order)
    assert found.peak_bytes == max(simulate(other, same))
    assert found.spec_peak_bytes == max(simulate(network, how)) >= found.peak_bytes
    if found.peak_bytes == found.spec_peak_bytes:
        assert found.order == network.schedule


@settings(max_examples=400)
@given(st.data())
def test_no_order_is_better(data: st.DataObject) -> None:
    network = data.draw(networks(BRANCHES, most=9))
    how = data.draw(rules(network))
    orders = all_orders(network, units_of(network, how.groups))
    peaks = []
    for names in orders:
        other, same = ordered(network, how, names)
        peaks.append(trace_memory(other, FP32, **same._asdict()).peak_bytes)
        assume(len(peaks) < MANY)
    found = best_schedule(network, FP32, **how._asdict())
    check(network, how, found)
    assert found.optimal
    assert found.peak_bytes == min(peaks)


@settings(max_examples=1000)
@given(st.data())
def test_never_worse_than_the_spec(data: st.DataObject) -> None:
    network = data.draw(networks(BRANCHES, most=24))
    how = data.draw(rules(network))
    check(network, how, best_schedule(network, FP32, **how._asdict()))
    few = best_schedule(network, FP32, **how._asdict(), states=2)
    check(network, how, few)
    if few.optimal:
        assert few.peak_bytes == best_schedule(network, FP32, **how._asdict()).peak_bytes
