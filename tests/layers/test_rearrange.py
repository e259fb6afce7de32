"""Shuffled pixels, rolled axes, windows: shapes and work by hand, and what they refuse."""

from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, evaluate, kind_of, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.rearrange import (
    ExpandBatch,
    Fold,
    PixelShuffle,
    PixelUnshuffle,
    Roll,
    Unfold,
    WindowMerge,
    WindowPartition,
)
from mnet_cost.tensors import DTYPES, RuleViolation, TensorType, require


def moved(read: int, written: int | None = None) -> Work:
    return Work(input_elements=read, output_elements=read if written is None else written)


EXAMPLES = [
    # 36 / 3^2 channels, 2*3 rows, 5*3 columns
    Example(PixelShuffle(factor=3), ((36, 2, 5),), (4, 6, 15), moved(360)),
    Example(PixelShuffle(factor=2), ((7, 4, 1, 1),), (7, 1, 2, 2), moved(28)),
    Example(PixelUnshuffle(factor=3), ((4, 6, 15),), (36, 2, 5), moved(360)),
    Example(Roll(shift=-3), ((6, 3, 4),), (6, 3, 4), moved(72)),
    Example(Roll(shift=(-3, 100)), ((5, 6, 3, 4),), (5, 6, 3, 4), moved(360)),
    Example(Roll(shift=2, axis="features"), ((9,),), (9,), moved(9)),
    # Swin-T, stage 1: 56 / 7 = 8 windows in each direction
    Example(WindowPartition(window=7), ((96, 56, 56),), (64, 49, 96), moved(301_056)),
    Example(WindowPartition(window=(3, 2)), ((5, 4, 6, 8),), (5, 8, 6, 4), moved(960)),
    Example(WindowMerge(window=7, height=56), ((64, 49, 96),), (96, 56, 56), moved(301_056)),
    # 6 windows of 3 x 2 in 4 / 2 ... : 2 rows of 3
    Example(WindowMerge(window=(3, 2), height=6), ((6, 6, 4),), (4, 6, 6), moved(144)),
    Example(
        WindowMerge(window=(3, 2), height=6, width=6), ((5, 6, 6, 4),), (5, 4, 6, 6), moved(720)
    ),
    # positions of a 3x3 convolution with stride 2: 2 x 3 of ceil(4 / 2), ceil(6 / 2)
    Example(Unfold(kernel=3, stride=2), ((8, 4, 6),), (72, 6), moved(192, 432)),
    # floor((4 - 2) / 2) + 1 = 2, floor((6 - 2) / 2) + 1 = 3: each element once
    Example(Unfold(kernel=2, stride=2, padding=0), ((2, 8, 4, 6),), (2, 32, 6), moved(384)),
    # the same undone: an addition for each of 32*6
    Example(
        Fold(size=(4, 6), kernel=2, stride=2, padding=0),
        ((2, 32, 6),),
        (2, 8, 4, 6),
        Work(0, 384, 0, 0, 0, 384, 384),
    ),
    Example(
        Fold(size=(4, 6), kernel=3, stride=2),
        ((72, 6),),
        (8, 4, 6),
        Work(0, 432, 0, 0, 0, 432, 192),
    ),
    Example(ExpandBatch(), ((6, 3),), (6, 3), moved(18)),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (PixelShuffle(factor=2), (6, 3, 4), "factor 2 needs channels that 4 divides, not 6"),
        (PixelUnshuffle(factor=2), (6, 3, 4), "factor 2 does not divide height 3"),
        (PixelUnshuffle(factor=3), (6, 3, 4), "factor 3 does not divide width 4"),
        (Fold(size=4, kernel=3), (8, 16), "needs columns of a multiple of 9 elements, not 8"),
        (Fold(size=4, kernel=3, stride=2), (9, 9), "needs 4 windows, 2 by 2, not 9"),
        (Roll(shift=1), (3, 4), "`roll` needs an image [channels, height, width]"),
        (
            Roll(shift=(1, 2), axis=-1),
            (3, 4),
            "needs one `shift` along one `axis`, not [height, width]",
        ),
        (Roll(shift=1, axis=-3), (3, 4), "`roll` finds no axis -3: there are -1 to -2"),
        (WindowPartition(window=7), (6, 56, 50), "windows 7 wide do not divide width 50"),
        (WindowPartition(window=(5, 2)), (6, 4, 50), "windows 5 high do not divide height 4"),
        (
            WindowPartition(window=7),
            (49, 96),
            "`window_partition` needs an image [channels, height, width]",
        ),
        (
            WindowMerge(window=7, height=56),
            (49, 96),
            "needs a stack of windows [windows, positions, features]",
        ),
        (
            WindowMerge(window=7, height=56),
            (64, 48, 96),
            "a window of 7 x 7 has 49 positions, not 48",
        ),
        (WindowMerge(window=7, height=50), (64, 49, 96), "windows 7 high do not divide height 50"),
        (
            WindowMerge(window=7, height=56),
            (63, 49, 96),
            "cannot arrange 63 windows in 8 rows of windows",
        ),
        (
            WindowMerge(window=7, height=56, width=50),
            (64, 49, 96),
            "windows 7 wide do not divide width 50",
        ),
        (
            WindowMerge(window=7, height=56, width=49),
            (64, 49, 96),
            "cannot arrange 64 windows in 8 rows of 7 windows",
        ),
        (
            Unfold(kernel=5, padding=0),
            (6, 9, 4),
            "a window 5 wide does not fit into an image 4 wide with padding 0",
        ),
    ],
)
def test_refusal(layer: Layer, shape: Shape, message: str) -> None:
    assert refusal(layer, shape) == message


def test_there_and_back() -> None:
    image = (36, 6, 12)
    for there, back in [
        (PixelShuffle(factor=3), PixelUnshuffle(factor=3)),
        (WindowPartition(window=(2, 3)), WindowMerge(window=(2, 3), height=6)),
    ]:
        assert evaluate(back, evaluate(there, image)[0])[0] == image


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.layer.kind)
def test_what_only_moves_keeps_the_type(example: Example) -> None:
    x = TensorType(example.inputs[0], DTYPES["uint8"])
    assert example.layer.infer(require, x).dtype == DTYPES["uint8"]


def test_what_the_axes_are() -> None:
    image, stack = (TensorType((4, 6, 6), None, layout) for layout in ("image", "sequence"))
    assert WindowPartition(window=2).layout((image,)) == "sequence"
    assert WindowMerge(window=(3, 2), height=6).layout((stack,)) == "image"
    assert Roll(shift=1).layout((image,)) == "image"
    assert Roll(shift=1, axis=-1).layout((stack,)) == "sequence"
    with pytest.raises(RuleViolation, match="needs an `axis`: a stack of sequences is no image"):
        Roll(shift=1).infer(require, stack)
    assert Unfold(kernel=3).layout((image,)) is None
