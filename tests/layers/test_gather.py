"""`gather`, `scatter` and `grid_sample`: shapes and bytes by hand, and what they refuse."""

from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, evaluate, kind_of, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.gather import Gather, Scatter
from mnet_cost.layers.grid_sample import GridSample
from mnet_cost.tensors import DTYPES, Layout, RuleViolation, TensorType, require

EXAMPLES = [
    # 4*2 elements at 4*2 positions
    Example(Gather(axis=-1), ((4, 9), (4, 2)), (4, 2), Work(0, 0, 0, 0, 0, 16, 8)),
    # 50 positions in 12 elements: each element once
    Example(Gather(axis=0 - 2), ((4, 3), (50, 3)), (50, 3), Work(0, 0, 0, 0, 0, 12 + 150, 150)),
    # rows: 5 of 7, in each of 2
    Example(
        Gather(of="slices", axis=-2, shared=1), ((2, 7, 3), (2, 5)), (2, 5, 3),
        Work(0, 0, 0, 0, 0, 30 + 10, 30),
    ),
    # the same rows of each of 2
    Example(
        Gather(of="slices", axis=-2), ((2, 7, 3), (5,)), (2, 5, 3), Work(0, 0, 0, 0, 0, 30 + 5, 30)
    ),
    Example(
        Gather(of="slices", axis=-3), ((6, 7, 3), (5, 4)), (5, 4, 7, 3),
        Work(0, 0, 0, 0, 0, 126 + 20, 420),
    ),
    # 5 places (row, column) of 3 features
    Example(
        Gather(of="slices", axis=-3, tuples=True), ((6, 7, 3), (5, 2)), (5, 3),
        Work(0, 0, 0, 0, 0, 15 + 10, 15),
    ),
    # all axes go: one element
    Example(
        Gather(of="slices", axis=-2, tuples=True), ((6, 7), (2,)), (1,), Work(0, 0, 0, 0, 0, 3, 1)
    ),
    Example(
        Scatter(axis=-1), ((4, 9), (4, 2), (4, 2)), (4, 9), Work(0, 0, 0, 0, 0, 36 + 16, 36)
    ),
    Example(
        Scatter(axis=-2, of="slices", shared=1, operation="add"), ((2, 7, 3), (2, 5), (2, 5, 3)),
        (2, 7, 3), Work(0, 30, 0, 0, 0, 42 + 10 + 30, 42),
    ),
    # 7 for each of 8*3*5; 8*6*10 elements, but at most 4 for each, and 3*5*2 numbers
    Example(
        GridSample(), ((8, 6, 10), (3, 5, 2)), (8, 3, 5), Work(0, 840, 0, 0, 0, 480 + 30, 120)
    ),
    Example(
        GridSample(mode="nearest"), ((8, 6, 10), (3, 5, 2)), (8, 3, 5),
        Work(0, 0, 0, 0, 0, 120 + 30, 120),
    ),
    Example(
        GridSample(mode="bicubic"), ((2, 8, 6, 10), (2, 3, 5, 2)), (2, 8, 3, 5),
        Work(0, 31 * 240, 0, 0, 0, 960 + 60, 240),
    ),
    # of a volume 8 products and 7 sums
    Example(
        GridSample(), ((4, 3, 6, 10), (2, 3, 5, 3)), (4, 2, 3, 5),
        Work(0, 15 * 120, 0, 0, 0, 720 + 90, 120),
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (
            Gather(axis=-1),
            ((4, 9), (3,)),
            "needs positions with as many axes as [4, 9]: [3]; whole slices have fewer: "
            "`of: slices`",
        ),
        (Gather(axis=-1), ((4, 9), (5, 3)), "has 5 positions where there are 4"),
        (
            Gather(axis=-1, shared=1),
            ((4, 9), (4, 3)),
            "has `shared` and `tuples` of slices alone: `of: slices`",
        ),
        (Gather(axis=-3), ((4, 9), (4, 9)), "`gather` finds no axis -3: there are -1 to -2"),
        (
            Gather(of="slices", axis=-2, shared=1),
            ((4, 9), (4, 3)),
            "cannot share 1 axes of [4, 9] and positions [4, 3]",
        ),
        (
            Gather(of="slices", axis=-1, shared=1),
            ((4, 9), (5, 3)),
            "shares an axis of 4 with one of 5 positions",
        ),
        (
            Gather(of="slices", axis=-1, tuples=True),
            ((4, 9), (5, 2)),
            "counts along more axes than there are behind axis 1 of [4, 9]",
        ),
        (
            Scatter(axis=-1),
            ((4, 9), (4, 2), (4, 3)),
            "needs 2 to put there where it has 3",
        ),
        (
            Scatter(axis=-2, of="slices"),
            ((4, 9), (3,), (3,)),
            "needs [3, 9] to put there, not [3]",
        ),
        (
            GridSample(),
            ((8, 6, 10), (3, 5, 4)),
            "needs an image, then places [rows, columns, 2], or a volume, then places "
            "[depth, rows, columns, 3]",
        ),
        (
            GridSample(),
            ((8, 6, 10), (1, 3, 5, 2)),
            "needs places [..., 2] of an image, or [..., 3] of a volume, with as many axes as it: "
            "[8, 6, 10] and [1, 3, 5, 2]",
        ),
        (
            GridSample(),
            ((4, 8, 6, 10), (3, 3, 5, 2)),
            "needs equal axes in front: 4 and 3",
        ),
    ],
)
def test_refusal(layer: Layer, shapes: tuple[Shape, ...], message: str) -> None:
    assert refusal(layer, *shapes) == message


def test_a_volume_has_no_bicubic_samples() -> None:
    x, places = TensorType((2, 3, 4, 5)), TensorType((1, 1, 1, 3))
    with pytest.raises(RuleViolation, match="cannot be `bicubic` in a volume"):
        GridSample(mode="bicubic").infer(require, x, places)


def test_what_is_moved_keeps_its_type() -> None:
    x, positions = TensorType((4, 9), DTYPES["int16"]), TensorType((4, 2), DTYPES["int64"])
    assert Gather(axis=-1).infer(require, x, positions).dtype == DTYPES["int16"]
    assert Scatter(axis=-1).infer(require, x, positions, positions).dtype == DTYPES["int16"]


@pytest.mark.parametrize(
    ("layer", "shapes", "given", "layout"),
    [
        (Gather(axis=-1), ((3, 4, 5), (3, 4, 2)), "image", "image"),
        (Gather(axis="length"), ((3, 4, 5), (3, 2, 5)), "input", "sequence"),
        (Gather(axis=-2, of="slices", shared=1), ((3, 4, 5), (3, 2)), "sequence", "sequence"),
        (Gather(axis=-2, of="slices"), ((3, 4, 5), (3, 2)), "sequence", None),
        (Scatter(axis=-1), ((3, 4, 5), (3, 4, 2), (3, 4, 2)), "image", "image"),
        (GridSample(), ((3, 4, 5), (3, 4, 2)), "input", "image"),
        (GridSample(), ((3, 4, 5, 6), (3, 4, 2, 3)), "volume", "volume"),
    ],
)
def test_what_the_axes_are_afterwards(
    layer: Layer, shapes: tuple[Shape, ...], given: Layout, layout: Layout | None
) -> None:
    x, *others = shapes
    inputs = (TensorType(x, None, given), *map(TensorType, others))
    layer.infer(require, *inputs)
    assert layer.layout(inputs) == layout


def test_positions_get_no_gradient() -> None:
    assert [Scatter(axis=-1).passes_gradient(i) for i in range(3)] == [True, False, True]


def test_a_sum_is_work_and_moving_is_none() -> None:
    shapes = ((4, 9), (4, 2), (4, 2))
    for operation, ops in (("assign", 0), ("add", 8), ("maximum", 8)):
        _, work = evaluate(Scatter(axis=-1, operation=operation), *shapes)
        assert work is not None
        assert work.vector_ops == ops
