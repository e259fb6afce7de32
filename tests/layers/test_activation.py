from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, kind_of, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.activation import (
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Prelu,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)


def on_24(layer: Layer, ops: int, params: int = 0) -> Example:
    """`layer` on an image of 2*3*4 = 24 elements."""
    return Example(layer, ((2, 3, 4),), (2, 3, 4), Work(0, ops, 0, params, 0, 24, 24))


EXAMPLES = [
    on_24(Relu(), 24),  # max
    on_24(Relu6(), 48),  # max, min
    on_24(LeakyRelu(), 48),  # compare, multiply
    on_24(Prelu(), 48, params=2),  # the same; a slope for each of 2 channels
    on_24(Prelu(per_channel=False), 48, params=1),
    on_24(Sigmoid(), 96),  # negate, exp, add, divide
    on_24(HardSigmoid(), 96),  # add, max, min, divide
    on_24(Tanh(), 24),  # tanh
    on_24(Silu(), 120),  # sigmoid, multiply
    on_24(HardSwish(), 120),  # hard sigmoid, multiply
    on_24(Gelu(), 120),  # multiply, erf, add, multiply, multiply
    on_24(Softmax(), 120),  # max, subtract, exp, add, divide
    on_24(Softmax(axis="width"), 120),
    # features of a sequence have a slope each: 7*4 elements
    Example(Prelu(), ((7, 4),), (7, 4), Work(0, 56, 0, 4, 0, 28, 28)),
    Example(Relu(), ((1000,),), (1000,), Work(0, 1000, 0, 0, 0, 1000, 1000)),
    Example(Softmax(axis="length"), ((7, 4),), (7, 4), Work(0, 140, 0, 0, 0, 28, 28)),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Softmax(axis="length"),
            (2, 3, 4),
            "`softmax` finds no `length` in [channels, height, width]",
        ),
        (Softmax(axis="channels"), (10, 4), "`softmax` finds no `channels` in [length, features]"),
        (Softmax(axis="length"), (10,), "`softmax` finds no `length` in [features]"),
    ],
)
def test_refusal(layer: Layer, shape: Shape, message: str) -> None:
    assert refusal(layer, shape) == message
