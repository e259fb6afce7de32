from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, kind_of, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.pool import (
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool2d,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool2d,
)

EXAMPLES = [
    # ResNet: (112+2-3)//2+1 = 56; 9 comparisons for each of 64*56*56
    Example(
        MaxPool2d(kernel=3, stride=2, padding=1),
        ((64, 112, 112),),
        (64, 56, 56),
        Work(0, 1_806_336, 0, 0, 0, 802_816, 200_704),
    ),
    # same: ceil(7/2) = 4; 9 * 2*4*4
    Example(MaxPool2d(kernel=3, stride=2), ((2, 7, 7),), (2, 4, 4), Work(0, 288, 0, 0, 0, 98, 32)),
    # SqueezeNet: ceil((54-3)/2)+1 = 27, where rounding down leaves 26; 9 * 27*27
    Example(
        MaxPool2d(kernel=3, stride=2, padding=0, round_up=True),
        ((1, 54, 54),),
        (1, 27, 27),
        Work(0, 6561, 0, 0, 0, 2916, 729),
    ),
    # ceil((4+2-2)/3)+1 = 3, but the third window starts at 6 of 1+4: 2; 4 * 2*2
    Example(
        MaxPool2d(kernel=2, stride=3, padding=1, round_up=True),
        ((1, 4, 4),),
        (1, 2, 2),
        Work(0, 16, 0, 0, 0, 16, 4),
    ),
    # the window overhangs by less than a step: ceil((2-3)/2)+1 = 1
    Example(
        AvgPool2d(kernel=3, stride=2, padding=0, round_up=True),
        ((1, 2, 2),),
        (1, 1, 1),
        Work(0, 9, 0, 0, 0, 4, 1),
    ),
    # spans 5 and 1: 7-5+1 rows, 7 columns; 3 * 3*7
    Example(
        MaxPool2d(kernel=(3, 1), dilation=2, padding="valid"),
        ((1, 7, 7),),
        (1, 3, 7),
        Work(0, 63, 0, 0, 0, 49, 21),
    ),
    # 4 * 8*4*4, with and without counting padding; five regions
    Example(
        AvgPool2d(kernel=2, stride=2), ((8, 8, 8),), (8, 4, 4), Work(0, 512, 0, 0, 0, 512, 128)
    ),
    Example(
        AvgPool2d(kernel=2, stride=2, count_include_pad=True),
        ((5, 8, 8, 8),),
        (5, 8, 4, 4),
        Work(0, 2560, 0, 0, 0, 2560, 640),
    ),
    # each of 1024*7*7 elements once
    Example(GlobalAvgPool(), ((1024, 7, 7),), (1024,), Work(0, 50_176, 0, 0, 0, 50_176, 1024)),
    Example(
        GlobalMaxPool(keep=True), ((5, 3, 2, 4),), (5, 3, 1, 1), Work(0, 120, 0, 0, 0, 120, 15)
    ),
    # rows 5+3-gcd(5,3) = 7 (0-2, 1-4, 3-5), columns 4+2-gcd(4,2) = 4; 2*7*4
    Example(AdaptiveAvgPool2d(size=(3, 2)), ((2, 5, 4),), (2, 3, 2), Work(0, 56, 0, 0, 0, 40, 12)),
    # more outputs than inputs: 2+3-gcd(2,3) = 4 (0-1, 0-2, 1-2); 4*4
    Example(AdaptiveMaxPool2d(size=3), ((1, 2, 2),), (1, 3, 3), Work(0, 16, 0, 0, 0, 4, 9)),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            MaxPool2d(kernel=4, padding=0),
            (3, 3, 9),
            "a window 4 high does not fit into an image 3 high with padding 0",
        ),
        (
            AvgPool2d(kernel=5, stride=2, padding=0, round_up=True),
            (3, 9, 3),
            "a window 5 wide does not fit into an image 3 wide with padding 0",
        ),
        (AvgPool2d(kernel=2), (9,), "`avg_pool2d` needs an image [channels, height, width]"),
        (GlobalAvgPool(), (7, 9), "`global_avg_pool` needs an image [channels, height, width]"),
        (
            AdaptiveMaxPool2d(size=1),
            (7, 9),
            "`adaptive_max_pool2d` needs an image [channels, height, width]",
        ),
    ],
)
def test_refusal(layer: Layer, shape: Shape, message: str) -> None:
    assert refusal(layer, shape) == message
