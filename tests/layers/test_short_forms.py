"""Words that stand for `elementwise` with one operation."""

from __future__ import annotations

from typing import Any

import pytest

from mnet_cost.layers import KINDS, LAYERS, SHORT_FORMS
from mnet_cost.layers.arithmetic import OPERATIONS, Elementwise
from mnet_cost.layers.fields import fields_of
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate

KINDS_OF_THEIR_OWN = {"add", "multiply"}


def test_each_operation_is_a_word() -> None:
    words = set(SHORT_FORMS["elementwise"])
    assert words == set(OPERATIONS) - KINDS_OF_THEIR_OWN | {"hard_tanh"}
    assert not words & {layer.kind for layer in LAYERS}


@pytest.mark.parametrize(
    ("word", "fields", "arity"),
    [
        ("mish", [], (1, 1)),
        ("elu", ["number"], (1, 1)),
        ("clamp", ["low", "high"], (1, 1)),
        ("hard_tanh", [], (1, 1)),
        ("maximum", ["number"], (1, 2)),
        ("power", ["number", "reversed"], (1, 2)),
        ("add_product", ["number"], (3, 3)),
        ("select", [], (3, 3)),
    ],
)
def test_it_has_the_fields_of_its_operation(
    word: str, fields: list[str], arity: tuple[int, int]
) -> None:
    assert list(fields_of(KINDS[word])) == fields
    assert KINDS[word].arity == arity


def test_it_makes_the_layer_that_it_is_short_for() -> None:
    assert KINDS["mish"]() == Elementwise(operation="mish")
    assert KINDS["hard_tanh"]() == Elementwise(operation="clamp", low=-1.0, high=1.0)
    power: Any = KINDS["power"]
    assert power(number=2.0, reversed=True) == Elementwise(
        operation="power", number=2.0, reversed=True
    )
    formula = "x * tanh(softplus(x)), where softplus(x) is log(1 + exp(x)).\n"
    assert (KINDS["mish"].__doc__ or "").startswith(formula)


SPEC = """
format: 1
name: x
input: {a: [8], b: [8]}
blocks:
  activated:
    arguments: {activation: mish}
    layers: [linear: {features: 8}, activation]
layers:
  - {elu: {number: 0.5}, from: a}
  - activated
  - activated: {activation: hard_tanh}
  - subtract: [previous, b]
"""


def test_specs_use_it_like_a_kind() -> None:
    layers = [step.layer for step in elaborate(parse_spec(SPEC)).steps]
    assert layers[0] == Elementwise(operation="elu", number=0.5)
    assert layers[2] == Elementwise(operation="mish")
    assert layers[4] == Elementwise(operation="clamp", low=-1.0, high=1.0)
    assert layers[5] == Elementwise(operation="subtract")
