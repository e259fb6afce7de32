"""Convolutions, pools and norms of signals and volumes, by hand."""

from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, kind_of

from mnet_cost.analysis.winograd import applies
from mnet_cost.layers import Layer, Work
from mnet_cost.layers.base import Convolution
from mnet_cost.layers.conv1d3d import Conv1d, Conv3d
from mnet_cost.layers.gradient import GradInput
from mnet_cost.layers.layout import ToSequence
from mnet_cost.layers.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from mnet_cost.layers.pool import GlobalAvgPool, GlobalMaxPool
from mnet_cost.layers.pool1d3d import (
    AdaptiveAvgPool1d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool3d,
    MaxPool1d,
    MaxPool3d,
)
from mnet_cost.layers.reshape import Flatten
from mnet_cost.tensors import Layout, RuleViolation, TensorType, require

EXAMPLES = [
    # wav2vec 2.0, first layer: (16000-10)//5+1 = 3199 places, 10*1*512 weights
    Example(
        Conv1d(channels=512, kernel=10, stride=5, padding="valid"),
        ((1, 16000),),
        (512, 3199),
        Work(16_378_880, 0, 5120, 5120, 0, 16_000, 1_637_888),
    ),
    # two signals, same: ceil(7/2) = 4 places; 3*(4/2)*6 weights, 6 biases; 2*6*4 additions
    Example(
        Conv1d(channels=6, kernel=3, stride=2, groups=2, bias=True),
        ((2, 4, 7),),
        (2, 6, 4),
        Work(288, 48, 36, 42, 0, 56, 48),
    ),
    # span 2*2+1: 9+1-5+1 = 6 places; 3*1*2 weights
    Example(
        Conv1d(channels=2, kernel=3, dilation=2, padding=(1, 0)),
        ((1, 9),),
        (2, 6),
        Work(36, 0, 6, 6, 0, 9, 12),
    ),
    # C3D, first layer: 3*3*3*3*64 weights at 16*112*112 places, and 64 biases
    Example(
        Conv3d(channels=64, kernel=3, padding=1, bias=True),
        ((3, 16, 112, 112),),
        (64, 16, 112, 112),
        Work(1_040_449_536, 12_845_056, 5184, 5248, 0, 602_112, 12_845_056),
    ),
    # sides: depth (5+1-2)//1+1 = 5, rows (6+2-3)//2+1 = 3, columns (7+1-1)//3+1 = 3
    Example(
        Conv3d(
            channels=4, kernel=(2, 3, 1), stride=(1, 2, 3), padding=(1, 0, 2, 0, 0, 1), groups=2
        ),
        ((2, 5, 6, 7),),
        (4, 5, 3, 3),
        Work(24 * 45, 0, 24, 24, 0, 420, 180),
    ),
    # same: ceil(7/2) = 4; 3 comparisons for each of 2*4
    Example(MaxPool1d(kernel=3, stride=2), ((2, 7),), (2, 4), Work(0, 24, 0, 0, 0, 14, 8)),
    # ceil((8-3)/2)+1 = 4
    Example(
        AvgPool1d(kernel=3, stride=2, padding=0, round_up=True),
        ((2, 8),),
        (2, 4),
        Work(0, 24, 0, 0, 0, 16, 8),
    ),
    # (4+2-3)//2+1 = 2 on each axis of 4, 1*2*2 of the depth kept: 18 for each of 2*3*2*2
    Example(
        MaxPool3d(kernel=(2, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
        ((2, 4, 4, 4),),
        (2, 3, 2, 2),
        Work(0, 432, 0, 0, 0, 128, 24),
    ),
    Example(
        AvgPool3d(kernel=2, stride=2),
        ((1, 4, 5, 6),),
        (1, 2, 3, 3),
        Work(0, 144, 0, 0, 0, 120, 18),
    ),
    # 7 + 3 - gcd(7, 3) = 9 visited in each of 2 channels
    Example(AdaptiveAvgPool1d(size=3), ((2, 7),), (2, 3), Work(0, 18, 0, 0, 0, 14, 6)),
    # 4 + 2 - 2, 5 + 2 - 1, 6 + 4 - 2
    Example(
        AdaptiveMaxPool3d(size=(2, 2, 4)), ((3, 4, 5, 6),), (3, 2, 2, 4),
        Work(0, 3 * 4 * 6 * 8, 0, 0, 0, 360, 48),
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


BY_LAYOUT: list[tuple[Layer, Shape, Layout, Shape, Work]] = [
    # 2 of 4 channels are C; a signal has them at -2, a volume at -4
    (BatchNorm(), (4, 10), "signal", (4, 10), Work(0, 80, 0, 8, 8, 40, 40)),
    (BatchNorm(), (3, 4, 10), "signal", (3, 4, 10), Work(0, 240, 0, 8, 8, 120, 120)),
    (BatchNorm(), (4, 2, 3, 5), "volume", (4, 2, 3, 5), Work(0, 240, 0, 8, 8, 120, 120)),
    (LayerNorm(), (4, 10), "signal", (4, 10), Work(0, 280, 0, 8, 0, 40, 40)),
    (GroupNorm(groups=2), (4, 10), "signal", (4, 10), Work(0, 280, 0, 8, 0, 40, 40)),
    (GroupNorm(groups=2), (4, 2, 3, 5), "volume", (4, 2, 3, 5), Work(0, 840, 0, 8, 0, 120, 120)),
    (InstanceNorm(affine=True), (3, 4, 10), "signal", (3, 4, 10), Work(0, 840, 0, 8, 0, 120, 120)),
    (GlobalAvgPool(), (4, 10), "signal", (4,), Work(0, 40, 0, 0, 0, 40, 4)),
    (GlobalMaxPool(keep=True), (4, 10), "signal", (4, 1), Work(0, 40, 0, 0, 0, 40, 4)),
    (GlobalAvgPool(), (7, 4, 2, 3, 5), "volume", (7, 4), Work(0, 840, 0, 0, 0, 840, 28)),
    (GlobalAvgPool(keep=True), (4, 2, 3, 5), "volume", (4, 1, 1, 1), Work(0, 120, 0, 0, 0, 120, 4)),
    (Flatten(), (3, 4, 10), "signal", (3, 40), Work()),
    (Flatten(), (7, 4, 2, 3, 5), "volume", (7, 120), Work()),
    (ToSequence(), (4, 10), "signal", (10, 4), Work(0, 0, 0, 0, 0, 40, 40)),
    (ToSequence(), (7, 4, 2, 3, 5), "volume", (7, 30, 4), Work(0, 0, 0, 0, 0, 840, 840)),
]


@pytest.mark.parametrize(("layer", "shape", "layout", "output", "work"), BY_LAYOUT)
def test_what_works_along_channels_finds_them(
    layer: Layer, shape: Shape, layout: Layout, output: Shape, work: Work
) -> None:
    x = TensorType(shape, None, layout)
    made = layer.infer(require, x)
    assert made.shape == output
    assert layer.work((x,), made) == work


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Conv1d(channels=2, kernel=3), (8,), "`conv1d` needs a signal [channels, length]"),
        (
            Conv3d(channels=2, kernel=3),
            (3, 8, 8),
            "`conv3d` needs a volume [channels, depth, height, width]",
        ),
        (
            Conv1d(channels=2, kernel=5, padding=1),
            (3, 2),
            "a window 5 long does not fit into a signal 2 long with padding 2",
        ),
        (
            Conv3d(channels=2, kernel=(4, 1, 1), padding="valid"),
            (3, 2, 8, 8),
            "a window 4 deep does not fit into a volume 2 deep with padding 0",
        ),
        (Conv1d(channels=4, kernel=1, groups=3), (6, 9), "3 groups do not divide 4 output "
         "channels"),
        (MaxPool1d(kernel=3, padding=2), (2, 9), "padding 2 is more than half of a kernel 3 long"),
        (
            MaxPool3d(kernel=2, dilation=(9, 1, 1)),
            (2, 4, 4, 4),
            "with dilation 9 a window can miss a volume 4 deep",
        ),
    ],
)  # fmt: skip
def test_refusal(layer: Layer, shape: Shape, message: str) -> None:
    with pytest.raises(RuleViolation) as caught:
        layer.infer(require, TensorType(shape))
    assert str(caught.value) == message


def convolution(layer: Layer, *shape: int) -> Convolution:
    x = TensorType(shape)
    sizes = layer.convolution((x,), layer.infer(require, x))
    assert sizes is not None
    return sizes


def test_sizes_by_which_runtimes_choose() -> None:
    """A signal is an image of one row. Winograd's tiles are for images alone."""
    signal = convolution(Conv1d(channels=8, kernel=3, bias=True), 5, 4, 10)
    assert signal == Convolution(1, 4, 8, (1, 3), (1, 1), (1, 1), 1, 10, 5)
    assert (signal.positions, signal.outputs) == (50, (1, 10))
    volume = convolution(Conv3d(channels=8, kernel=3, stride=(1, 2, 2)), 4, 5, 6, 7)
    assert volume == Convolution(1, 4, 8, (3, 3, 3), (1, 2, 2), (1, 1, 1), 3, 4, 1, 5)
    assert (volume.positions, volume.outputs) == (60, (5, 3, 4))
    cube = convolution(Conv3d(channels=8, kernel=3), 4, 6, 6, 6)
    flat = convolution(Conv3d(channels=8, kernel=(1, 3, 3)), 4, 6, 6, 6)
    assert not any(map(applies, (signal, volume, cube, flat)))
    assert convolution(Conv1d(channels=8, kernel=1), 4, 10).is_pointwise
    assert convolution(Conv3d(channels=8, kernel=1), 4, 5, 6, 7).is_pointwise
    assert not cube.is_pointwise
    assert convolution(Conv1d(channels=8, kernel=5, groups=4), 4, 10).is_depthwise


def test_names_with_their_kernel() -> None:
    assert Conv1d(channels=1, kernel=9).variety() == "conv1d 9"
    assert Conv3d(channels=1, kernel=3).variety() == "conv3d 3x3x3"
    assert Conv3d(channels=1, kernel=(1, 3, 3)).variety() == "conv3d 1x3x3"


def test_depthwise_stays_depthwise_for_other_channels() -> None:
    before, after = TensorType((4, 10)), TensorType((6, 10))
    layer = Conv1d(channels=8, kernel=3, groups=4)
    assert layer.following((before,), (after,)) == Conv1d(channels=12, kernel=3, groups=6)


def test_statistics_that_training_saves() -> None:
    """One for each group, or channel, of each signal: in fp32 a mean and a deviation."""
    x = TensorType((3, 4, 10), None, "signal")
    for layer, rows in ((GroupNorm(groups=2), 3 * 2), (InstanceNorm(), 3 * 4)):
        assert layer.saved_tensors((GradInput(x, True),), x).statistics == 2 * rows
