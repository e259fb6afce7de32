from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.dynamic_conv import DeformConv2d, DynamicConv2d

EXAMPLES = [
    # 6*2*3*3 products at 3*4 positions: rows (6-1)//2+1, columns (8-1)//2+1
    Example(
        DynamicConv2d(stride=2, groups=2),
        ((4, 6, 8), (6, 2, 3, 3)),
        (6, 3, 4),
        Work(108 * 12, 0, 0, 0, 0, 192 + 108, 72),
    ),
    # without padding: 5-2+1 rows, 4-3+1 columns
    Example(
        DynamicConv2d(padding="valid"),
        ((3, 5, 4), (2, 3, 2, 3)),
        (2, 4, 2),
        Work(36 * 8, 0, 0, 0, 0, 60 + 36, 16),
    ),
    # 3*3*4*6 weights and 6 biases on 5*5 positions; 7 for each of 4*9*25 places, 6*25 for the bias
    Example(
        DeformConv2d(channels=6, kernel=3, bias=True),
        ((4, 5, 5), (18, 5, 5)),
        (6, 5, 5),
        Work(216 * 25, 7 * 900 + 150, 216, 222, 0, 100 + 450, 150),
    ),
    # two groups of offsets, a mask: 2*1*(4/2)*2 weights on 2*3 positions; 8 for each of 4*2*6
    # places; around 48 places lie at most 192 elements, and the image has 4*3*5
    Example(
        DeformConv2d(channels=2, kernel=(2, 1), stride=2, groups=2),
        ((4, 3, 5), (8, 2, 3), (4, 2, 3)),
        (2, 2, 3),
        Work(8 * 6, 8 * 48, 8, 8, 0, 60 + 48 + 24, 12),
    ),
    # one place of one channel in a large image: 4 elements are read, in each of two frames
    Example(
        DeformConv2d(channels=1, kernel=1, stride=9),
        ((2, 1, 9, 9), (2, 2, 1, 1)),
        (2, 1, 1, 1),
        Work(2, 14, 1, 1, 0, 8 + 4, 2),
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.layer.kind)
def test_by_hand(example: Example) -> None:
    check_example(example)


REFUSED: list[tuple[Layer, tuple[Shape, ...], str]] = [
    (DynamicConv2d(), ((2, 4, 6, 6), (2, 4, 3, 3)), "needs an image [channels, height, width], "
     "then a kernel [channels of the output, channels of the image / groups, height, width]"),
    (DynamicConv2d(), ((4, 6, 6), (4, 3, 3)), "needs an image [channels, height, width], "
     "then a kernel [channels of the output, channels of the image / groups, height, width]"),
    (DynamicConv2d(groups=2), ((4, 6, 6), (2, 4, 3, 3)),
     "the kernel reads 4 channels in each of 2 groups, and the image has 4"),
    (DynamicConv2d(groups=2), ((4, 6, 6), (3, 2, 3, 3)),
     "2 groups do not divide 3 output channels"),
    (DynamicConv2d(padding=0), ((4, 2, 6), (3, 4, 3, 3)),
     "a window 3 high does not fit into an image 2 high with padding 0"),
    (DeformConv2d(channels=4, kernel=3), ((4, 6, 6), (18, 6, 5)),
     "needs offsets, and a mask, for each of 6 by 6 positions of its output"),
    (DeformConv2d(channels=4, kernel=3), ((4, 6, 6), (9, 6, 6)),
     "needs two offsets for each of 9 taps, or a multiple: 9 channels do not divide"),
    (DeformConv2d(channels=4, kernel=3), ((4, 6, 6), (54, 6, 6)),
     "3 groups of offsets do not divide 4 channels"),
    (DeformConv2d(channels=4, kernel=3), ((4, 6, 6), (18, 6, 6), (18, 6, 6)),
     "needs a mask of half as many channels as offsets: 18 and 18"),
    (DeformConv2d(channels=4, kernel=3), ((2, 4, 6, 6), (18, 6, 6)),
     "needs offsets, and a mask, with as many axes as the image"),
    (DeformConv2d(channels=4, kernel=3), ((2, 4, 6, 6), (3, 18, 6, 6)),
     "needs equal axes in front of the channels"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shapes", "message"), REFUSED)
def test_what_does_not_fit(layer: Layer, shapes: tuple[Shape, ...], message: str) -> None:
    assert refusal(layer, *shapes) == message
