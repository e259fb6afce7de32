from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, kind_of, refusal

from mnet_cost.layers import KINDS, Layer, Work
from mnet_cost.layers.elementwise import Add, Concat, Multiply
from mnet_cost.tensors import DTYPES, TensorType, require

EXAMPLES = [
    # one addition for each of 2*3*4
    Example(Add(), ((2, 3, 4), (2, 3, 4)), (2, 3, 4), Work(0, 24, 0, 0, 0, 48, 24)),
    # three inputs: two additions each
    Example(Add(), ((7, 4), (7, 4), (7, 4)), (7, 4), Work(0, 56, 0, 0, 0, 84, 28)),
    # squeeze-and-excitation: reads 16*5*5 and 16 factors
    Example(Multiply(), ((16, 5, 5), (16, 1, 1)), (16, 5, 5), Work(0, 400, 0, 0, 0, 416, 400)),
    # either may be the smaller, and both at once: 3*4 products of 3 and 4
    Example(Multiply(), ((3, 1), (1, 4)), (3, 4), Work(0, 12, 0, 0, 0, 7, 12)),
    Example(Add(), ((1,), (1,), (5,)), (5,), Work(0, 10, 0, 0, 0, 7, 5)),
    # 16+32 channels of 4*4; read once, written once
    Example(Concat(), ((16, 4, 4), (32, 4, 4)), (48, 4, 4), Work(0, 0, 0, 0, 0, 768, 768)),
    Example(Concat(), ((10,), (5,), (1,)), (16,), Work(0, 0, 0, 0, 0, 16, 16)),
    # scores of two SSD heads
    Example(
        Concat(axis="length"), ((300, 21), (75, 21)), (375, 21), Work(0, 0, 0, 0, 0, 7875, 7875)
    ),
    Example(Concat(axis="width"), ((2, 3, 4), (2, 3, 1)), (2, 3, 5), Work(0, 0, 0, 0, 0, 30, 30)),
    Example(Concat(), ((2, 3, 4),), (2, 3, 4), Work(0, 0, 0, 0, 0, 24, 24)),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (
            Add(),
            ((24, 28, 28), (32, 28, 28)),
            "needs sizes that are equal or 1, from the last axis on, not 24 and 32",
        ),
        (
            Add(),
            ((2, 3, 4), (2, 3, 1), (2, 2, 1)),
            "needs sizes that are equal or 1, from the last axis on, not 3 and 2",
        ),
        (
            Multiply(),
            ((16, 5, 5), (16,)),
            "needs sizes that are equal or 1, from the last axis on, not 5 and 16",
        ),
        (Concat(), ((16, 4, 4), (16, 4, 5)), "needs equal shapes except for `channels`"),
        (Concat(), ((16, 4), (16,)), "needs equal shapes except for `features`"),
        (
            Concat(axis="height"),
            ((2, 3, 4), (2, 5, 4), (3, 5, 4)),
            "needs equal shapes except for `height`",
        ),
        (Concat(axis="length"), ((5,), (5,)), "`concat` finds no `length` in [features]"),
    ],
)
def test_refusal(layer: Layer, shapes: tuple[Shape, ...], message: str) -> None:
    assert refusal(layer, *shapes) == message


def test_alias() -> None:
    assert KINDS["mul"] is KINDS["multiply"] is Multiply


def test_concat_keeps_a_common_type() -> None:
    stored = TensorType((5,), DTYPES["int32"])
    assert Concat().infer(require, stored, stored) == TensorType((10,), DTYPES["int32"])
    assert Concat().infer(require, stored, TensorType((5,))) == TensorType((10,))
