from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, kind_of, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d

EXAMPLES = [
    # MobileNet V1, first layer: 3*3*3*32 weights on 112*112 positions
    Example(
        Conv2d(channels=32, kernel=3, stride=2),
        ((3, 224, 224),),
        (32, 112, 112),
        Work(10_838_016, 0, 864, 864, 0, 150_528, 401_408),
    ),
    # 4*8 weights and 8 biases on 5*6 positions; 8*5*6 additions
    Example(
        Conv2d(channels=8, kernel=1, bias=True),
        ((4, 5, 6),),
        (8, 5, 6),
        Work(960, 240, 32, 40, 0, 120, 240),
    ),
    # 3*1*(4/2)*6 weights; valid: 7-3+1 rows, all 5 columns
    Example(
        Conv2d(channels=6, kernel=(3, 1), groups=2, padding="valid"),
        ((4, 7, 5),),
        (6, 5, 5),
        Work(900, 0, 36, 36, 0, 140, 150),
    ),
    # spans 2*2+1 and 3: rows (9+1-5)//2+1 = 3, columns (8+2-3)//2+1 = 4; 3*3*1*2 weights
    Example(
        Conv2d(channels=2, kernel=3, stride=2, dilation=(2, 1), padding=(1, 0, 2, 0)),
        ((1, 9, 8),),
        (2, 3, 4),
        Work(216, 0, 18, 18, 0, 72, 24),
    ),
    # padding (height, width): rows 5+2-3+1, columns 5-3+1; 3*3*1*1 weights
    Example(
        Conv2d(channels=1, kernel=3, padding=(1, 0)),
        ((1, 5, 5),),
        (1, 5, 3),
        Work(135, 0, 9, 9, 0, 25, 15),
    ),
    # a factor for each output channel more, and not a multiplication more
    Example(
        Conv2d(channels=2, kernel=3, bias=True, gain=True),
        ((4, 6, 6),),
        (2, 6, 6),
        Work(2592, 72, 72, 72 + 2 + 2, 0, 144, 72),
    ),
    Example(
        DepthwiseConv2d(kernel=3, multiplier=2, gain=True),
        ((4, 6, 6),),
        (8, 6, 6),
        Work(2592, 0, 72, 72 + 8, 0, 144, 288),
    ),
    # a constant kernel, as a blur has: no params, 4*2 and 2 buffers
    Example(
        Conv2d(channels=2, kernel=1, bias=True, trained=False),
        ((4, 3, 3),),
        (2, 3, 3),
        Work(72, 18, 8, 0, 10, 36, 18),
    ),
    Example(
        DepthwiseConv2d(kernel=3, stride=2, trained=False),
        ((4, 6, 6),),
        (4, 3, 3),
        Work(324, 0, 36, 0, 36, 144, 36),
    ),
    # 3*3*(4/2)*2 on 5*5 positions
    Example(
        ConvTranspose2d(channels=2, kernel=3, groups=2, trained=False),
        ((4, 5, 5),),
        (2, 5, 5),
        Work(900, 0, 36, 0, 36, 100, 50),
    ),
    # five regions: 4*2 weights on 5*7*7 positions
    Example(
        Conv2d(channels=2, kernel=1),
        ((5, 4, 7, 7),),
        (5, 2, 7, 7),
        Work(1960, 0, 8, 8, 0, 980, 490),
    ),
    # MobileNet V1, the depthwise layer with stride 2 before 7x7: 3*3*512 on 14*14
    Example(
        DepthwiseConv2d(kernel=3, stride=2),
        ((512, 28, 28),),
        (512, 14, 14),
        Work(903_168, 0, 4608, 4608, 0, 401_408, 100_352),
    ),
    # 2*2*3*2 weights, 6 biases; 3*3 positions
    Example(
        DepthwiseConv2d(kernel=2, multiplier=2, padding=0, bias=True),
        ((3, 4, 4),),
        (6, 3, 3),
        Work(216, 54, 24, 30, 0, 48, 54),
    ),
    # U-Net: 2*2*4*2 weights on 3*5 input positions; 2*6*10 additions of a bias
    Example(
        ConvTranspose2d(channels=2, kernel=2, stride=2, bias=True),
        ((4, 3, 5),),
        (2, 6, 10),
        Work(480, 120, 32, 34, 0, 60, 120),
    ),
    # (4-1)*2 + 3 + 1 - 2 = 8; 3*3*1*3 weights on 4*4 positions
    Example(
        ConvTranspose2d(channels=3, kernel=3, stride=2, padding=1, output_padding=1),
        ((1, 4, 4),),
        (3, 8, 8),
        Work(432, 0, 27, 27, 0, 16, 192),
    ),
    # rows 4 + 2*2+1 = 9, columns 4 + 1 = 5; 3*1*(4/2)*2 weights on 5*5 positions
    Example(
        ConvTranspose2d(channels=2, kernel=(3, 1), dilation=2, groups=2, padding="valid"),
        ((4, 5, 5),),
        (2, 9, 5),
        Work(300, 0, 12, 12, 0, 100, 90),
    ),
    # three regions: 1*2 weights on 3*2*2 positions
    Example(
        ConvTranspose2d(channels=2, kernel=1),
        ((3, 1, 2, 2),),
        (3, 2, 2, 2),
        Work(24, 0, 2, 2, 0, 12, 24),
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Conv2d(channels=8, kernel=3),
            (10, 64),
            "`conv2d` needs an image [channels, height, width]",
        ),
        (
            Conv2d(channels=8, kernel=1, groups=3),
            (4, 5, 5),
            "3 groups do not divide 4 input channels",
        ),
        (
            Conv2d(channels=8, kernel=1, groups=3),
            (6, 5, 5),
            "3 groups do not divide 8 output channels",
        ),
        (
            Conv2d(channels=8, kernel=3, dilation=2, padding=1),
            (4, 2, 9),
            "a window 5 high does not fit into an image 2 high with padding 2",
        ),
        (
            DepthwiseConv2d(kernel=(1, 7), padding=(0, 0, 1, 2)),
            (4, 9, 3),
            "a window 7 wide does not fit into an image 3 wide with padding 3",
        ),
        (
            ConvTranspose2d(channels=8, kernel=3, stride=2, padding=1, output_padding=2),
            (4, 5, 5),
            "output_padding 2 must be below stride 2 or dilation 1",
        ),
        (
            ConvTranspose2d(channels=8, kernel=3, stride=2, output_padding=(0, 1)),
            (4, 5, 5),
            "padding `same` fixes the output: give output_padding with a number",
        ),
        (
            ConvTranspose2d(channels=8, kernel=1, padding=2),
            (4, 4, 9),
            "padding 2 leaves nothing of the output",
        ),
        (
            ConvTranspose2d(channels=8, kernel=1, padding=(0, 2)),
            (4, 4, 4),
            "padding (0, 2) leaves nothing of the output",
        ),
    ],
)
def test_refusal(layer: Layer, shape: Shape, message: str) -> None:
    assert refusal(layer, shape) == message
