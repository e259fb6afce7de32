from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, evaluate, kind_of, refusal

from mnet_cost.layers import KINDS, Layer, Work
from mnet_cost.layers.conv import Conv2d
from mnet_cost.layers.detection import BoxDecode, NonMaxSuppression, RoiAlign, RoiPool
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import BatchNorm
from mnet_cost.layers.pool import GlobalAvgPool

EXAMPLES = [
    # SSD300 with MobileNet V1: 14 for each of 1917 boxes
    Example(BoxDecode(), ((1917, 4),), (1917, 4), Work(0, 26_838, 0, 0, 0, 7668, 7668)),
    Example(BoxDecode(), ((2, 10, 4),), (2, 10, 4), Work(0, 280, 0, 0, 0, 80, 80)),
    Example(BoxDecode(), ((4,),), (4,), Work(0, 14, 0, 0, 0, 4, 4)),
    # areas 3*1000, pairs 13 * 100*1000
    Example(
        NonMaxSuppression(regions=100),
        ((1000, 4), (1000,)),
        (100, 4),
        Work(0, 1_303_000, 0, 0, 0, 5000, 400),
    ),
    # 100 are kept whatever the number of classes: 3*1917 + 13 * 100*1917
    Example(
        NonMaxSuppression(regions=100),
        ((1917, 4), (1917, 90)),
        (100, 4),
        Work(0, 2_497_851, 0, 0, 0, 180_198, 400),
    ),
    # of 5 boxes, each of three classes: 3*5 + 13 * 12*5
    Example(
        NonMaxSuppression(regions=12),
        ((5, 4), (5, 3)),
        (12, 4),
        Work(0, 795, 0, 0, 0, 35, 48),
    ),
    # 2*2 points of 8 operations for each of 100*256*7*7; reads 256*(50*50 + 25*25) and 100*4
    Example(
        RoiAlign(size=7),
        ((256, 50, 50), (256, 25, 25), (100, 4)),
        (100, 256, 7, 7),
        Work(0, 40_140_800, 0, 0, 0, 800_400, 1_254_400),
    ),
    # a point in each of 3*2*2*1 bins: reads the 4 elements around it, and 3*4
    Example(
        RoiAlign(size=(2, 1), samples=1),
        ((2, 50, 60), (3, 4)),
        (3, 2, 2, 1),
        Work(0, 96, 0, 0, 0, 60, 12),
    ),
    # 300 regions of 512 channels: (38+7-1)*(50+7-1); reads 512*38*50 and 300*4
    Example(
        RoiPool(size=7),
        ((512, 38, 50), (300, 4)),
        (300, 512, 7, 7),
        Work(0, 378_470_400, 0, 0, 0, 974_000, 7_526_400),
    ),
    # the larger map counts: 2 channels of (6+2-1)*(8+3-1), not of (3+2-1)*(4+3-1)
    Example(
        RoiPool(size=(2, 3)),
        ((2, 3, 4), (2, 6, 8), (1, 4)),
        (1, 2, 2, 3),
        Work(0, 140, 0, 0, 0, 124, 12),
    ),
    # both maps hold 192, but no more than 140 are compared
    Example(
        RoiPool(size=(2, 3)),
        ((2, 6, 8), (2, 6, 8), (1, 4)),
        (1, 2, 2, 3),
        Work(0, 140, 0, 0, 0, 144, 12),
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize("bins", range(1, 9))
@pytest.mark.parametrize("size", range(1, 20))
def test_roi_pool_is_bounded_by_the_largest_region(size: int, bins: int) -> None:
    """Bin i of n rows sees those from floor(i * n / bins) to ceil((i + 1) * n / bins)."""
    visits = max(
        sum(-(-(i + 1) * rows // bins) - i * rows // bins for i in range(bins))
        for rows in range(1, size + 1)
    )
    _, work = evaluate(RoiPool(size=(bins, 1)), (1, size, 1), (1, 4))
    assert work is not None
    assert visits <= work.vector_ops
    if size % bins == 1 or bins == 1:  # every border cuts a row: nothing is left over
        assert visits == work.vector_ops


HEAD: list[tuple[Layer, Shape]] = [
    (Conv2d(channels=6, kernel=3, bias=True), (5, 7, 7)),
    (BatchNorm(), (6, 7, 7)),
    (GlobalAvgPool(), (6, 7, 7)),
    (Linear(features=4), (6,)),
]


@pytest.mark.parametrize(("layer", "shape"), HEAD, ids=lambda part: getattr(part, "kind", ""))
def test_a_head_works_once_per_region_with_the_same_params(layer: Layer, shape: Shape) -> None:
    class_shape, one_class = evaluate(layer, shape)
    all_shape, work = evaluate(layer, (300, *shape))
    assert one_class is not None
    assert work is not None
    assert all_shape == (300, *class_shape)
    assert (work.params, work.weights, work.buffers) == (
        one_class.params,
        one_class.weights,
        one_class.buffers,
    )
    assert (work.mult_adds, work.vector_ops) == (
        300 * one_class.mult_adds,
        300 * one_class.vector_ops,
    )
    assert work.input_elements == 300 * one_class.input_elements
    assert work.output_elements == 300 * one_class.output_elements


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (BoxDecode(), ((10, 5),), "needs offsets [..., 4]"),
        (NonMaxSuppression(regions=3), ((10, 5), (10,)), "needs boxes [number, 4], then scores"),
        (NonMaxSuppression(regions=3), ((4,), (10,)), "needs boxes [number, 4], then scores"),
        (
            NonMaxSuppression(regions=3),
            ((10, 4), (2, 10, 3)),
            "needs scores [number] or [number, classes]",
        ),
        (
            NonMaxSuppression(regions=3),
            ((10, 4), (9, 2)),
            "needs a score for each box, not 9 for 10",
        ),
        (NonMaxSuppression(regions=11), ((10, 4), (10,)), "cannot keep 11 of 10 boxes"),
        (NonMaxSuppression(regions=21), ((10, 4), (10, 2)), "cannot keep 21 of 20 boxes"),
        *(
            (layer, shapes, "needs maps [channels, height, width], then boxes [number, 4]")
            for layer in (RoiAlign(size=7), RoiPool(size=7))
            for shapes in (
                ((3, 9, 9), (10, 5)),
                ((10, 4), (3, 9, 9)),
                ((9, 9), (10, 4)),
                ((2, 3, 9, 9), (10, 4)),
            )
        ),
        (RoiAlign(size=7), ((3, 9, 9), (4, 9, 9), (10, 4)), "needs maps of equally many channels"),
    ],
)
def test_refusal(layer: Layer, shapes: tuple[Shape, ...], message: str) -> None:
    assert refusal(layer, *shapes) == message


def test_alias() -> None:
    assert KINDS["nms"] is KINDS["non_max_suppression"] is NonMaxSuppression
