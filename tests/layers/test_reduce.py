"""`reduce` and `rms_norm`: worked examples, axes, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from layer_cases import Example, Shape, check_example, kind_of, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.reduce import REDUCTIONS, Reduce
from mnet_cost.layers.rms_norm import RmsNorm
from mnet_cost.tensors import Layout, TensorType

EXAMPLES = [
    # one operation for each of 8*5*7
    Example(
        Reduce(operation="mean", axes=("height", "width")), ((8, 5, 7),), (8,),
        Work(0, 280, 0, 0, 0, 280, 8),
    ),
    Example(
        Reduce(operation="max", axes=("channels",), keep=True), ((8, 5, 7),), (1, 5, 7),
        Work(0, 280, 0, 0, 0, 280, 35),
    ),
    # squares and their sum, 2 for each of 3*4, and 4 roots
    Example(Reduce(operation="norm", axes=(-2,)), ((3, 4),), (4,), Work(0, 28, 0, 0, 0, 12, 4)),
    Example(Reduce(operation="variance", axes=(-1,)), ((3, 4),), (3,), Work(0, 48, 0, 0, 0, 12, 3)),
    Example(
        Reduce(operation="deviation", axes=(-1, -2), keep=True), ((3, 4),), (1, 1),
        Work(0, 49, 0, 0, 0, 12, 1),
    ),
    Example(
        Reduce(operation="product", axes=(-4, -2)), ((2, 3, 4, 5),), (3, 5),
        Work(0, 120, 0, 0, 0, 120, 15),
    ),
    # square, sum and product for each of 197*64, and the scale
    Example(RmsNorm(), ((197, 64),), (197, 64), Work(0, 50432, 0, 64, 0, 12608, 12608)),
    Example(RmsNorm(affine=False), ((197, 64),), (197, 64), Work(0, 37824, 0, 0, 0, 12608, 12608)),
    Example(RmsNorm(axis="channels"), ((6, 2, 3),), (6, 2, 3), Work(0, 144, 0, 6, 0, 36, 36)),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Reduce(operation="sum", axes=("length",)),
            (3, 4, 5),
            "`reduce` finds no `length` in [channels, height, width]",
        ),
        (
            Reduce(operation="sum", axes=(-3,)),
            (4, 5),
            "`reduce` finds no axis -3: there are -1 to -2",
        ),
        (
            Reduce(operation="sum", axes=("width", -1)),
            (3, 4, 5),
            "`reduce` has axis -1 of [3, 4, 5] twice",
        ),
        (
            Reduce(operation="sum", axes=(-2, -1)),
            (4, 5),
            "`reduce` leaves no axis: `keep: true` keeps them",
        ),
        (RmsNorm(axis="channels"), (4, 5), "`rms_norm` finds no `channels` in [length, features]"),
    ],
)
def test_refusal(layer: Layer, shape: Shape, message: str) -> None:
    assert refusal(layer, shape) == message


@pytest.mark.parametrize(
    ("axes", "keep", "given", "layout"),
    [
        ((-4,), False, "image", "image"),
        ((-4,), False, "input", None),
        ((-1,), False, "image", None),
        ((-1,), True, "image", "image"),
        ((-3,), False, "sequence", "sequence"),
        ((-2,), False, "sequence", None),
        (("channels",), True, "input", "image"),
        (("length", "features"), True, "input", "sequence"),
    ],
)
def test_what_the_axes_are_afterwards(
    axes: tuple[Any, ...], keep: bool, given: Layout, layout: Layout | None
) -> None:
    reduce = Reduce(operation="mean", axes=axes, keep=keep)
    assert reduce.layout((TensorType((2, 3, 4, 5, 6), None, given),)) == layout


def test_the_card_names_every_reduction() -> None:
    card = Reduce.__doc__ or ""
    assert all(name in card for name in REDUCTIONS)
