"""`ID.*` among inputs: all copies of a repeated entry, or all outputs of a layer."""

from __future__ import annotations

import pytest

from mnet_cost.errors import SpecError
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate

STAGE = """
format: 1
name: stage
knobs: {n: 3}
input: {image: [4, 8, 8]}
layers:
  - {id: first, conv2d: {channels: 2, kernel: 1}}
  - {id: unit, conv2d: {channels: 5, kernel: 3}, repeat: n}
  - {id: joined, concat: [first, unit.*]}
"""


def sizes(network: Network, name: str) -> list[tuple[int, ...]]:
    """Shapes of the inputs of a layer."""
    step = next(step for step in network.steps if step.name == name)
    return [network.tensors[index].type.shape for index in step.inputs]


def test_copies_come_in_their_order() -> None:
    network = elaborate(parse_spec(STAGE))
    joined = network.steps[-1]
    names = [network.tensors[index].name for index in joined.inputs]
    assert names == ["first", "unit.1", "unit.2", "unit.3"]
    assert network.tensors[joined.output].type.shape == (2 + 3 * 5, 8, 8)


@pytest.mark.parametrize(("n", "channels"), [(0, 2), (1, 7), (5, 27)])
def test_a_knob_says_how_many(n: int, channels: int) -> None:
    network = elaborate(parse_spec(STAGE), {"n": n})
    assert network.tensors[network.outputs[0]].type.shape[0] == channels


def test_copies_of_blocks_and_within_copies() -> None:
    text = """
format: 1
name: x
input: {image: [4, 8, 8]}
blocks:
  pair: {layers: [{id: a, conv2d: {channels: 3, kernel: 1}}, {id: b, relu: {}, repeat: 2}]}
layers:
  - {id: p, pair: {}, repeat: 2}
  - {id: sum, add: [p.*]}
  - {id: inner, add: [p.2.a, p.2.b.*]}
"""
    network = elaborate(parse_spec(text))
    assert sizes(network, "sum") == [(3, 8, 8)] * 2
    assert sizes(network, "inner") == [(3, 8, 8)] * 3


def test_outputs_of_a_split() -> None:
    text = """
format: 1
name: x
input: {x: [9]}
layers:
  - {id: part, split: {parts: 3}}
  - add: [part.*]
"""
    network = elaborate(parse_spec(text))
    assert sizes(network, "add") == [(3,)] * 3
    assert network.steps[-1].inputs == network.steps[0].outputs


@pytest.mark.parametrize(
    ("entry", "message", "hint"),
    [
        ("concat: [first.*]", "`first` has one output and no copies", "write `first`"),
        ("subtract: [unit.*]", "`subtract` takes 2 inputs, not 3", ""),
        ("relu: [unit.*]", "`relu` takes 1 input, not 3", ""),
        ("{layers: [relu], from: [unit.*]}", "`layers` has one input, not 3", ""),
        ("add: [none.*]", "no input is left: of `none.*` there is none", ""),
        ("concat: [unit.2.*]", "`unit.2` has one output and no copies", "write `unit.2`"),
        ("use: unit.*", "`unit.*` is all copies or outputs of an entry, and here one tensor", ""),
        ("concat: [unit.*.1]", "an input is named by `previous`, `input` or an id", ""),
        ("concat: [previous.*]", "`previous` has no parts: a path starts with an id", ""),
    ],
)
def test_errors(entry: str, message: str, hint: str) -> None:
    text = f"{STAGE}  - {{id: none, relu: {{}}, when: n > 3}}\n  - {entry}\n"
    with pytest.raises(SpecError) as caught:
        elaborate(parse_spec(text))
    assert message in str(caught.value)
    assert hint in str(caught.value)


def test_many_inputs_are_charged() -> None:
    text = """
format: 1
name: x
input: {x: [1, 1, 1]}
blocks:
  wide: {layers: [{id: r, relu: {}, repeat: 4096}, {add: [r.*]}]}
layers:
  - {id: r, relu: {}, repeat: 4000}
  - {id: all, layers: [{add: [r.*]}], repeat: 4000}
"""
    with pytest.raises(SpecError, match="working out this network takes too long"):
        elaborate(parse_spec(text))
