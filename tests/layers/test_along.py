"""`cumulative`, `top_k` and `flip`: shapes and work by hand, and what they refuse."""

from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, kind_of, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.along import Cumulative, Flip, TopK
from mnet_cost.tensors import DTYPES, TensorType, require

EXAMPLES = [
    Example(Cumulative(operation="sum"), ((5, 6),), (5, 6), Work(0, 30, 0, 0, 0, 30, 30)),
    Example(
        Cumulative(operation="product", axis="height", exclusive=True, reverse=True),
        ((2, 3, 4),), (2, 3, 4), Work(0, 24, 0, 0, 0, 24, 24),
    ),
    # 30 comparisons; 2 of each 5, and where they are
    Example(TopK(count=2, axis=-2), ((5, 6),), (2, 6), Work(0, 30, 0, 0, 0, 30, 24)),
    Example(TopK(count=6, smallest=True), ((5, 6),), (5, 6), Work(0, 30, 0, 0, 0, 30, 60)),
    Example(Flip(axes=("height", -1)), ((2, 3, 4),), (2, 3, 4), Work(0, 0, 0, 0, 0, 24, 24)),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (TopK(count=7, axis=-1), (5, 6), "cannot keep 7 of 6 elements"),
        (
            Cumulative(operation="sum", axis=-3),
            (5, 6),
            "`cumulative` finds no axis -3: there are -1 to -2",
        ),
        (Flip(axes=(-1, "width")), (2, 3, 4), "`flip` has axis `width` of [2, 3, 4] twice"),
    ],
)
def test_refusal(layer: Layer, shape: Shape, message: str) -> None:
    assert refusal(layer, shape) == message


def test_the_second_output_says_where_the_largest_are() -> None:
    x = TensorType((5, 6), None, "sequence")
    values, positions = TopK(count=2).infer_all(require, x)
    assert (values.shape, values.dtype) == ((5, 2), None)
    assert (positions.shape, positions.dtype) == ((5, 2), DTYPES["int64"])
