"""The elaborated network: its graph, its order, its dead ends."""

from __future__ import annotations

import networkx as nx
import pytest
from spec_text import layers, network

from mnet_cost.errors import ModelReferenceError, UsageError
from mnet_cost.network.types import dead_ends

BRANCHES = """
layers:
  - {id: stem, conv2d: {channels: 3, kernel: 3}}
  - {id: a, relu: {}}
  - {id: b, use: stem, from: image}
  - {id: sum, add: [b, a, b]}
  - {id: dead, tanh: {}, from: a}
  - {id: last, relu: {}, from: sum}
"""


def test_the_graph_has_inputs_steps_and_ports() -> None:
    graph = network(BRANCHES).graph
    assert list(graph.nodes) == ["image", "stem", "a", "b", "sum", "dead", "last"]
    assert graph.nodes["image"]["layer"] is None
    assert graph.nodes["sum"]["layer"].kind == "add"
    assert str(graph.nodes["last"]["type"]) == "[3, 32, 32]"
    assert dict(graph.edges) == {
        ("image", "stem"): {"ports": (0,)}, ("image", "b"): {"ports": (0,)},
        ("stem", "a"): {"ports": (0,)}, ("a", "sum"): {"ports": (1,)},
        ("b", "sum"): {"ports": (0, 2)}, ("a", "dead"): {"ports": (0,)},
        ("sum", "last"): {"ports": (0,)},
    }  # fmt: skip
    assert nx.is_frozen(graph)
    assert nx.is_directed_acyclic_graph(graph)


def test_the_graph_is_built_once() -> None:
    net = network(BRANCHES)
    assert net.graph is net.graph


def test_dead_ends_are_found_and_warned_of() -> None:
    net = network(BRANCHES)
    assert [step.name for step in dead_ends(net)] == ["dead"]
    (warning,) = net.warnings
    assert warning.message == "no output depends on `dead`"
    assert warning.span is not None
    assert warning.span.line == 10
    assert dead_ends(network(BRANCHES + "outputs: [dead, last]\n")) == ()
    ends = dead_ends(network(BRANCHES + "outputs: [image]\n"))
    assert [step.name for step in ends] == ["dead", "last"]


def test_an_output_may_be_read_on() -> None:
    net = network(BRANCHES + "outputs: [a, last, dead]\n")
    assert dead_ends(net) == ()
    assert [net.tensors[index].name for index in net.outputs] == ["a", "last", "dead"]


def test_a_step_by_name() -> None:
    net = network(BRANCHES)
    assert net.step("sum").line == 9
    with pytest.raises(ModelReferenceError) as caught:
        net.step("sun")
    assert str(caught.value) == "x has no layer `sun`\nhint: did you mean `sum`?"


def test_another_schedule_is_the_same_network() -> None:
    net = network(BRANCHES)
    order = ["b", "stem", "a", "dead", "sum", "last"]
    other = net.with_schedule(order)
    assert other.schedule == tuple(order)
    assert net.schedule == ("stem", "a", "b", "sum", "dead", "last")
    assert layers(other) == layers(net)
    assert [other.tensors[i].name for i in other.outputs] == ["last"]
    for index, step in enumerate(other.steps):
        assert other.tensors[step.output].producer == index
        assert other.tensors[step.output].name == step.name
    assert [step.shares for step in other.steps] == [1, None, None, None, None, None]
    assert set(other.graph.edges) == set(net.graph.edges)
    assert [step.name for step in dead_ends(other)] == ["dead"]
    assert other.knobs == net.knobs
    assert other.with_schedule(net.schedule).steps == net.steps


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (["stem", "a", "b", "sum", "dead"], "names each of the 6 layers once: see `last`"),
        (["stem", "a", "b", "sum", "dead", "last", "more"], "see `more`"),
        (["stem", "a", "b", "sum", "dead", "last", "a"], "see `a`"),
        (["stem", "b", "sum", "a", "dead", "last"], "the schedule has `sum` before its input `a`"),
        ([], "names each of the 6 layers once: see `a`"),
    ],
)
def test_a_schedule_that_cannot_be(order: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        network(BRANCHES).with_schedule(order)
    assert message in str(caught.value)


def test_the_name_says_what_it_is() -> None:
    assert repr(network(BRANCHES)) == "<Network x: 6 layers>"
