from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from layer_cases import Example, Shape, check_example, kind_of, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.fields import RealPair
from mnet_cost.layers.opaque import Opaque
from mnet_cost.layers.reshape import (
    Dropout,
    Flatten,
    Identity,
    Pad,
    Reshape,
    Resize,
    Transpose,
)
from mnet_cost.tensors import DTYPES, Differs, Mask, RuleViolation, TensorType, require

IMAGE = (2, 3, 4)


def moves(read: int, written: int, vector_ops: int = 0) -> Work:
    return Work(vector_ops=vector_ops, input_elements=read, output_elements=written)


EXAMPLES = [
    Example(Identity(), (IMAGE,), IMAGE, Work()),
    Example(Dropout(rate=0.2), (IMAGE,), IMAGE, Work()),
    Example(Flatten(), (IMAGE,), (24,), Work()),
    # regions stay: 256*7*7
    Example(Flatten(), ((100, 256, 7, 7),), (100, 12544), Work()),
    Example(Flatten(), ((7, 4),), (28,), Work()),
    Example(Flatten(), ((9,),), (9,), Work()),
    Example(Flatten(axes=2), (IMAGE,), (2, 12), Work()),
    Example(Flatten(axes=4), ((5, 2, 3, 4),), (120,), Work()),
    Example(Reshape(shape=(6, 4)), (IMAGE,), (6, 4), Work()),
    # 24 / (2*2) = 6
    Example(Reshape(shape=(2, -1, 2)), (IMAGE,), (2, 6, 2), Work()),
    Example(Reshape(shape=(-1,)), (IMAGE,), (24,), Work()),
    Example(Reshape(shape=(24, -1)), (IMAGE,), (24, 1), Work()),
    Example(Transpose(axes=(1, 2, 0)), (IMAGE,), (3, 4, 2), moves(24, 24)),
    Example(Transpose(axes=(-2, -1, 0)), (IMAGE,), (3, 4, 2), moves(24, 24)),
    # 3+1+2 rows, 4+0+3 columns
    Example(Pad(padding=(1, 2, 0, 3)), (IMAGE,), (2, 6, 7), moves(24, 84)),
    # 3+2 rows, 4 columns
    Example(Pad(padding=(1, 0)), (IMAGE,), (2, 5, 4), moves(24, 40)),
    Example(Pad(padding=1, value=-1.0), ((5, *IMAGE),), (5, 2, 5, 6), moves(120, 300)),
    # 3-1+2 rows, 4+3-2 columns; read are (3-1) * (4-2) of each of 2 channels
    Example(Pad(padding=(-1, 2, 3, -2)), (IMAGE,), (2, 4, 5), moves(8, 40)),
    # 2-1+3 channels, of which one is from the input
    Example(Pad(channels=(-1, 3)), (IMAGE,), (4, 3, 4), moves(12, 48)),
    Example(Pad(channels=2, padding=1), ((5, *IMAGE),), (5, 6, 5, 6), moves(120, 900)),
    # 2 rows mirrored behind the last, 3 columns in front; all is read, also what is cut off then
    Example(Pad(padding=(-1, 2, 3, 0), mode="reflect"), (IMAGE,), (2, 4, 7), moves(24, 56)),
    Example(Pad(padding=(0, 9), mode="replicate"), (IMAGE,), (2, 3, 22), moves(24, 132)),
    # the whole image once more on either side is the most
    Example(Pad(padding=(3, 1, 0, 4), mode="circular"), (IMAGE,), (2, 7, 8), moves(24, 112)),
    Example(Resize(size=6), (IMAGE,), (2, 6, 6), moves(24, 72)),
    # 31 for each of 2*6*8
    Example(Resize(scale=2, mode="bicubic"), (IMAGE,), (2, 6, 8), moves(24, 96, 2976)),
    # 7 for each of 2*6*8
    Example(Resize(scale=2, mode="bilinear"), (IMAGE,), (2, 6, 8), moves(24, 96, 672)),
    # floor(3 * 0.5) rows, floor(4 * 1.6) columns
    Example(Resize(scale=(0.5, 1.6)), (IMAGE,), (2, 1, 6), moves(24, 12)),
    # what it does is not known, which is not zero
    Example(Opaque(operation="proposals", shape=(300, 4)), (IMAGE, (9,)), (300, 4), None),
    Example(Opaque(operation="anchors", shape=(1917, 4)), (), (1917, 4), None),
    Example(Opaque(operation="sort", shape="same"), (IMAGE, (9,)), IMAGE, None),
    Example(Opaque(operation="top", outputs=((4, 2), "same")), (IMAGE,), (4, 2), None),
    Example(
        Opaque(operation="fft", shape="same", mult_adds=7, params=5, vector_ops=3),
        (IMAGE, (9,)),
        IMAGE,
        Work(7, 3, 0, 5, 0, prod(IMAGE) + 9, prod(IMAGE)),
    ),
    Example(
        Opaque(operation="top", outputs=((4, 2), "same"), mult_adds=0, params=0, vector_ops=0),
        (IMAGE,),
        (4, 2),
        Work(input_elements=prod(IMAGE), output_elements=8 + prod(IMAGE)),
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Flatten(axes=4), IMAGE, "joins 4 axes of a tensor that has 3"),
        (Reshape(shape=(5, 5)), IMAGE, "cannot make 24 elements into [5, 5]"),
        (Reshape(shape=(5, -1)), IMAGE, "cannot make 24 elements into [5, -1]"),
        (Reshape(shape=(25, -1)), IMAGE, "cannot make 24 elements into [25, -1]"),
        (Reshape(shape=(2, -1, -1)), IMAGE, "only one size may be -1"),
        (
            Reshape(shape=(0, 24)),
            IMAGE,
            "a size must be at least 1, or -1 for all that remains, not 0",
        ),
        (Pad(), IMAGE, "needs `padding` or `channels`"),
        (Pad(padding=(-1, -2, 0, 0)), IMAGE, "nothing is left of height 3"),
        (Pad(padding=(0, 0, -4, 9)), IMAGE, "nothing is left of width 4"),
        (Pad(channels=-1), IMAGE, "nothing is left of channels 2"),
        (
            Pad(padding=(0, 0, 5, 0), mode="circular"),
            IMAGE,
            "cannot repeat 5 behind an edge: of width 4 there are 4",
        ),
        (
            Pad(padding=1, channels=1, mode="reflect"),
            IMAGE,
            "cannot have `channels` in mode `reflect`",
        ),
        (
            Pad(padding=1, value=2.0, mode="replicate"),
            IMAGE,
            "cannot have a `value` in mode `replicate`",
        ),
        (
            Pad(padding=(0, 3, 1, 1), mode="reflect"),
            IMAGE,
            "cannot mirror 3 behind an edge: of height 3 there are 2",
        ),
        (
            Resize(size=2, align_corners=True),
            IMAGE,
            "cannot have `align_corners` in mode `nearest`",
        ),
        (Transpose(axes=(0, 1)), IMAGE, "axes [0, 1] must hold each of 0 to 2 once"),
        (Transpose(axes=(0, 1, 1)), IMAGE, "axes [0, 1, 1] must hold each of 0 to 2 once"),
        (Transpose(axes=(0, -3, 1)), IMAGE, "axes [0, -3, 1] must hold each of 0 to 2 once"),
        (Transpose(axes=(1,)), (9,), "axes [1] must hold 0 once"),
        (Pad(padding=1), (7, 4), "`pad` needs an image [channels, height, width]"),
        (Resize(size=1), (7, 4), "`resize` needs an image [channels, height, width]"),
        (Resize(), IMAGE, "needs either `size` or `scale`"),
        (Resize(size=2, scale=2), IMAGE, "needs either `size` or `scale`"),
        (Resize(scale=0.3), IMAGE, "scale 0.3 leaves nothing of height 3"),
        (Resize(scale=(1, 0.2)), IMAGE, "scale 0.2 leaves nothing of width 4"),
    ],
)
def test_refusal(layer: Layer, shape: Shape, message: str) -> None:
    assert refusal(layer, shape) == message


@pytest.mark.parametrize(
    "layer",
    [
        Identity(),
        Dropout(),
        Flatten(),
        Reshape(shape=(-1,)),
        Transpose(axes=(2, 1, 0)),
        Pad(padding=1),
    ],
    ids=lambda layer: layer.kind,
)
def test_what_only_moves_keeps_the_type(layer: Layer) -> None:
    assert layer.infer(require, TensorType(IMAGE, DTYPES["uint8"])).dtype == DTYPES["uint8"]


@pytest.mark.parametrize(("mode", "name"), [("nearest", "uint8"), ("bilinear", None)])
def test_resize_keeps_the_type_of_what_it_moves(mode: str, name: str | None) -> None:
    output = Resize(size=9, mode=mode).infer(require, TensorType(IMAGE, DTYPES["uint8"]))
    assert (output.dtype and output.dtype.name) == name


def test_structure_is_one_for_all_candidates() -> None:
    several: Any = np.array([1, 2])
    for layer in (Flatten(axes=several), Transpose(axes=(0, several, 2))):
        with pytest.raises(Differs) as error:
            layer.infer(Mask(), TensorType(IMAGE))
        assert error.value.mask.tolist() == [True, False]


def test_scale_is_a_number_or_a_pair() -> None:
    scale = RealPair()
    assert scale.describe() == "number >= 0, or [height, width]"
    assert scale.convert(1.5, require) == 1.5
    assert scale.convert([2, 0.5], require) == (2, 0.5)
    for value, message in (
        ([1, 2, 3], "needs a number or [height, width], not a list of 3"),
        ("twice", "needs a number, not the word `twice`"),
        ([1, -0.5], "must be at least 0.0, not -0.5"),
    ):
        with pytest.raises(RuleViolation) as caught:
            scale.convert(value, require)
        assert str(caught.value) == message
