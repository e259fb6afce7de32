from __future__ import annotations

import pytest
from layer_cases import Example, Shape, check_example, kind_of, refusal

from mnet_cost.layers import KINDS, Layer, Work
from mnet_cost.layers.norm import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    L2Normalize,
    LayerNorm,
    LocalResponseNorm,
)
from mnet_cost.tensors import DTYPES, TensorType, require

IMAGE = (6, 3, 4)
"""72 elements."""


def on(shape: Shape, elements: int, layer: Layer, ops: int, params: int = 0) -> Example:
    return Example(layer, (shape,), shape, Work(0, ops, 0, params, 0, elements, elements))


EXAMPLES = [
    # ViT-B/16: (5 + scale + shift) * 197*768 operations; 768 scales, 768 shifts
    on((197, 768), 151_296, LayerNorm(), 1_059_072, 1536),
    # an image has its statistics along the channels, at each of 3*4 places: 7*72
    on(IMAGE, 72, LayerNorm(), 504, 12),
    on(IMAGE, 72, LayerNorm(bias=False), 432, 6),
    on(IMAGE, 72, LayerNorm(affine=False), 360),
    on(IMAGE, 72, LayerNorm(affine=False, bias=False), 360),
    # windows of a sequence are images to the rules, and their features the width: 4 and 4
    on(IMAGE, 72, LayerNorm(axis="width"), 504, 8),
    on((7, 4), 28, LayerNorm(axis="length"), 196, 14),
    on((10,), 10, LayerNorm(), 70, 20),
    # how many groups there are changes neither work nor params: 7*72
    on(IMAGE, 72, GroupNorm(groups=1), 504, 12),
    on(IMAGE, 72, GroupNorm(groups=3), 504, 12),
    on(IMAGE, 72, GroupNorm(groups=6, affine=False), 360),
    # regions share the channels' params: 7 * 5*72
    on((5, *IMAGE), 360, GroupNorm(groups=2), 2520, 12),
    on(IMAGE, 72, InstanceNorm(), 360),
    on((5, *IMAGE), 360, InstanceNorm(affine=True), 2520, 12),
    # AlexNet's first: square, 4 additions, multiply, add, power, divide: 9 * 96*55*55
    on((96, 55, 55), 290_400, LocalResponseNorm(), 2_613_600),
    # a sum of one has no addition: 5*72
    on(IMAGE, 72, LocalResponseNorm(size=1), 360),
    # square, add, divide
    on(IMAGE, 72, L2Normalize(), 216),
    on((7, 4), 28, L2Normalize(axis="features"), 84),
    on((128,), 128, L2Normalize(), 384),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            LayerNorm(axis="length"),
            IMAGE,
            "`layer_norm` finds no `length` in [channels, height, width]",
        ),
        (
            L2Normalize(axis="channels"),
            (7, 4),
            "`l2_normalize` finds no `channels` in [length, features]",
        ),
        (GroupNorm(groups=4), IMAGE, "4 groups do not divide 6 channels"),
        (GroupNorm(groups=2), (7, 4), "`group_norm` needs an image [channels, height, width]"),
        (InstanceNorm(), (7, 4), "`instance_norm` needs an image [channels, height, width]"),
        (
            LocalResponseNorm(),
            (9,),
            "`local_response_norm` needs an image [channels, height, width]",
        ),
    ],
)
def test_refusal(layer: Layer, shape: Shape, message: str) -> None:
    assert refusal(layer, shape) == message


def test_only_stored_statistics_ride_along() -> None:
    """Others need a pass over the tensor before the first element can be written."""
    assert BatchNorm.effect == "elementwise"
    for kind in (LayerNorm, GroupNorm, InstanceNorm, LocalResponseNorm, L2Normalize):
        assert kind.effect == "compute"


def test_lrn_is_short_for_local_response_norm() -> None:
    assert KINDS["lrn"] is LocalResponseNorm


@pytest.mark.parametrize(
    "layer",
    [LayerNorm(), GroupNorm(groups=1), InstanceNorm(), LocalResponseNorm(), L2Normalize()],
    ids=lambda layer: layer.kind,
)
def test_what_is_calculated_has_no_type_of_its_own(layer: Layer) -> None:
    assert layer.infer(require, TensorType(IMAGE, DTYPES["uint8"])) == TensorType(IMAGE)
