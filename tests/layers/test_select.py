"""Parts of tensors: shapes, and that they are views."""

from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, kind_of, refusal

from mnet_cost.layers import Layer, Work
from mnet_cost.layers.select import Slice, Split, Take
from mnet_cost.tensors import DTYPES, TensorType, require

IMAGE = (6, 4, 5)

EXAMPLES = [
    Example(Split(parts=2), (IMAGE,), (3, 4, 5), Work()),
    Example(Split(sizes=(1, 5)), (IMAGE,), (1, 4, 5), Work()),
    Example(Split(parts=5, axis="width"), (IMAGE,), (6, 4, 1), Work()),
    Example(Split(parts=3), ((197, 768),), (197, 256), Work()),
    Example(Slice(start=2), (IMAGE,), (4, 4, 5), Work()),
    Example(Slice(start=-2), (IMAGE,), (2, 4, 5), Work()),
    Example(Slice(start=1, stop=-1, axis="height"), (IMAGE,), (6, 2, 5), Work()),
    Example(Slice(stop=4), ((7, 10),), (7, 4), Work()),
    # 0, 4, 8
    Example(Slice(step=4), ((7, 10),), (7, 3), Work()),
    # 1, 3 of 1 to 4; and 9 alone
    Example(Slice(start=1, stop=-1, step=2, axis=-1), (IMAGE,), (6, 4, 2), Work()),
    Example(Slice(start=9, step=50), ((7, 10),), (7, 1), Work()),
    Example(Take(index=0), ((197, 768),), (768,), Work()),
    Example(Take(index=-1, axis="features"), ((197, 768),), (197,), Work()),
    Example(Take(index=1, axis="channels"), (IMAGE,), (4, 5), Work()),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_examples(example: Example) -> None:
    check_example(example)
    assert example.layer.effect == "view"


def test_all_parts() -> None:
    image = TensorType(IMAGE, DTYPES["uint8"])
    parts = Split(sizes=(1, 2, 3)).infer_all(require, image)
    assert [part.shape for part in parts] == [(1, 4, 5), (2, 4, 5), (3, 4, 5)]
    assert {part.dtype for part in parts} == {DTYPES["uint8"]}
    assert Split(parts=6).infer_all(require, image) == (TensorType((1, 4, 5), image.dtype),) * 6


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Split(), IMAGE, "needs either `parts` or `sizes`"),
        (Split(parts=2, sizes=(3, 3)), IMAGE, "needs either `parts` or `sizes`"),
        (Split(parts=4), IMAGE, "cannot cut 6 into 4 equal parts"),
        (Split(sizes=(2, 3)), IMAGE, "the sizes add up to 5, and the axis has 6"),
        (Split(parts=2, axis="length"), IMAGE, "`split` finds no `length` in [channels, height, "
                                               "width]"),
        (Slice(start=6), IMAGE, "nothing is between 6 and 6"),
        (Slice(start=3, stop=3), IMAGE, "nothing is between 3 and 3"),
        (Slice(stop=7), IMAGE, "0 to 7 is not within 0 to 6"),
        (Slice(start=-7), IMAGE, "-1 to 6 is not within 0 to 6"),
        (Take(index=197), (197, 768), "needs a position from -197 to 196, not 197"),
        (Take(index=-198), (197, 768), "needs a position from -197 to 196, not -198"),
        (Take(index=0), IMAGE, "`take` finds no `length` in [channels, height, width]"),
        (Take(index=0, axis="features"), (9,), "needs a tensor of two axes or more"),
    ],
)  # fmt: skip
def test_what_does_not_fit(layer: Layer, shape: Shape, message: str) -> None:
    assert refusal(layer, shape) == message
