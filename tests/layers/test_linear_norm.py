from __future__ import annotations

import pytest
from layer_cases import Example, check_example, kind_of

from mnet_cost.layers import Work
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import BatchNorm

EXAMPLES = [
    # MobileNet V1, last layer: 1024*1000 weights, 1000 biases
    Example(
        Linear(features=1000),
        ((1024,),),
        (1000,),
        Work(1_024_000, 1000, 1_024_000, 1_025_000, 0, 1024, 1000),
    ),
    # 64*8 weights at each of 10 positions
    Example(
        Linear(features=8, bias=False),
        ((10, 64),),
        (10, 8),
        Work(5120, 0, 512, 512, 0, 640, 80),
    ),
    # 4*5 weights and 5 biases at each of 2*3 positions
    Example(
        Linear(features=5),
        ((2, 3, 4),),
        (2, 3, 5),
        Work(120, 30, 20, 25, 0, 24, 30),
    ),
    # 2 * 32*112*112 operations; scale, shift, mean and variance of 32 channels
    Example(
        BatchNorm(),
        ((32, 112, 112),),
        (32, 112, 112),
        Work(0, 802_816, 0, 64, 64, 401_408, 401_408),
    ),
    # features of a sequence are its last axis: 2 * 7*4 operations
    Example(BatchNorm(), ((7, 4),), (7, 4), Work(0, 56, 0, 8, 8, 28, 28)),
    # nothing trained, but statistics are stored
    Example(BatchNorm(affine=False), ((10,),), (10,), Work(0, 20, 0, 0, 20, 10, 10)),
    # regions share the channels' params: 2 * 5*3*2*2 operations
    Example(BatchNorm(), ((5, 3, 2, 2),), (5, 3, 2, 2), Work(0, 120, 0, 6, 6, 60, 60)),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=kind_of)
def test_example(example: Example) -> None:
    check_example(example)
