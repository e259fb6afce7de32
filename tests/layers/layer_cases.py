"""What the tables of all layer families share: a worked example, and how to check it."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from mnet_cost.layers import Layer, Work
from mnet_cost.tensors import RuleViolation, TensorType, require

Shape = tuple[int, ...]


class Example(NamedTuple):
    """A layer on inputs, with the output and the work found by hand."""

    layer: Layer
    inputs: tuple[Shape, ...]
    output: Shape
    work: Work | None


def evaluate(layer: Layer, *shapes: Shape) -> tuple[Shape, Work | None]:
    inputs = tuple(map(TensorType, shapes))
    output = layer.infer(require, *inputs)
    return output.shape, layer.work(inputs, output)


def check_example(example: Example) -> None:
    shape, work = evaluate(example.layer, *example.inputs)
    assert shape == example.output
    assert work == example.work
    assert {type(number) for number in (*shape, *(work or ()))} == {int}


def refusal(layer: Layer, *shapes: Shape) -> str:
    """What a layer says about shapes that it refuses; three axes or more are an image."""
    with pytest.raises(RuleViolation) as caught:
        layer.infer(require, *(TensorType(shape, None, "image") for shape in shapes))
    return str(caught.value)


def kind_of(example: object) -> str:
    """A name for the example in the list of tests."""
    return example.layer.kind if isinstance(example, Example) else ""
