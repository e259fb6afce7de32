from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, evaluate, kind_of, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.layout import ChannelShuffle, ToImage, ToSequence
from mnet_cost.tensors import DTYPES, TensorType, require

IMAGE = (6, 3, 4)


def copied(elements: int) -> Work:
    return Work(input_elements=elements, output_elements=elements)


EXAMPLES = [
    Example(ChannelShuffle(groups=3), (IMAGE,), IMAGE, copied(72)),
    Example(ChannelShuffle(groups=1), ((5, *IMAGE),), (5, *IMAGE), copied(360)),
    Example(ToSequence(), (IMAGE,), (12, 6), copied(72)),
    # ViT-B/16: 14*14 patches
    Example(ToSequence(), ((768, 14, 14),), (196, 768), copied(150_528)),
    Example(ToSequence(), ((5, *IMAGE),), (5, 12, 6), copied(360)),
    # 12 / 3 columns
    Example(ToImage(height=3), ((12, 6),), IMAGE, copied(72)),
    Example(ToImage(height=3, width=4), ((12, 6),), IMAGE, copied(72)),
    Example(ToImage(height=1), ((5, 12, 6),), (5, 6, 1, 12), copied(360)),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (ChannelShuffle(groups=4), IMAGE, "4 groups do not divide 6 channels"),
        (
            ChannelShuffle(groups=2),
            (7, 4),
            "`channel_shuffle` needs an image [channels, height, width]",
        ),
        (ToSequence(), (7, 4), "`to_sequence` needs an image [channels, height, width]"),
        (ToImage(height=3), (9,), "`to_image` needs a sequence [length, features]"),
        (ToImage(height=5), (12, 6), "cannot arrange 12 positions in 5 rows"),
        (ToImage(height=13), (12, 6), "cannot arrange 12 positions in 13 rows"),
        (ToImage(height=3, width=5), (12, 6), "cannot arrange 12 positions in 3 rows of 5"),
        (ToImage(height=3, width=3), (12, 6), "cannot arrange 12 positions in 3 rows of 3"),
    ],
)
def test_refusal(layer: Layer, shape: Shape, message: str) -> None:
    assert refusal(layer, shape) == message


def test_there_and_back() -> None:
    sequence, _ = evaluate(ToSequence(), IMAGE)
    assert evaluate(ToImage(height=3), sequence)[0] == IMAGE


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(ChannelShuffle(groups=2), IMAGE), (ToSequence(), IMAGE), (ToImage(height=3), (12, 6))],
)
def test_what_only_moves_keeps_the_type(layer: Layer, shape: Shape) -> None:
    assert layer.infer(require, TensorType(shape, DTYPES["uint8"])).dtype == DTYPES["uint8"]
