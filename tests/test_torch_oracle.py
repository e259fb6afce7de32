"""Shapes, params and mult-adds against torch, on random fields. Skipped without torch.

    python -m pip install --editable '.[test,torch]' --constraint constraints.txt

Modules live on the meta device, so nothing is calculated; torch's own flop counter counts 2 per
mult-add. Where we refuse sizes that the meta device lets pass (torch refuses them when it runs),
there is nothing to compare.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from mnet_cost.layers import Layer
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import BatchNorm
from mnet_cost.layers.pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from mnet_cost.tensors import RuleViolation, TensorType, require

torch = pytest.importorskip("torch")
flop_counter = pytest.importorskip("torch.utils.flop_counter")

Case = tuple[Layer, Callable[[Any], Any], tuple[int, ...]]


def cases(seed: int) -> list[Case]:
    """One layer of each kind with the torch module that it stands for, and an input shape."""
    choose = random.Random(seed)

    def pair(low: int, high: int) -> tuple[int, int]:
        return choose.randint(low, high), choose.randint(low, high)

    groups = choose.choice([1, 1, 2, 3, 4])
    cin, cout = groups * choose.randint(1, 4), groups * choose.randint(1, 4)
    kernel, stride, dilation, padding = pair(1, 5), pair(1, 3), pair(1, 3), pair(0, 3)
    extra, multiplier, bias, up = pair(0, 2), choose.randint(1, 3), seed % 2 == 0, seed % 3 == 0
    half = (min(padding[0], kernel[0] // 2), min(padding[1], kernel[1] // 2))
    size, features = pair(1, 20), choose.randint(1, 9)
    image = (cin, *pair(1, 15))
    any_rank = tuple(choose.randint(1, 5) for _ in range(choose.randint(1, 4)))
    window: dict[str, Any] = {"kernel": kernel, "stride": stride}
    conv: dict[str, Any] = window | {"dilation": dilation, "padding": padding, "bias": bias}
    return [
        (
            Conv2d(channels=cout, groups=groups, **conv),
            lambda nn: nn.Conv2d(cin, cout, kernel, stride, padding, dilation, groups, bias),
            image,
        ),
        (
            DepthwiseConv2d(multiplier=multiplier, **conv),
            lambda nn: nn.Conv2d(
                cin, cin * multiplier, kernel, stride, padding, dilation, cin, bias
            ),
            image,
        ),
        (
            ConvTranspose2d(channels=cout, groups=groups, output_padding=extra, **conv),
            lambda nn: nn.ConvTranspose2d(
                cin, cout, kernel, stride, padding, extra, groups, bias, dilation
            ),
            image,
        ),
        (
            MaxPool2d(padding=half, dilation=dilation, round_up=up, **window),
            lambda nn: nn.MaxPool2d(kernel, stride, half, dilation, ceil_mode=up),
            image,
        ),
        (
            AvgPool2d(padding=half, round_up=up, **window),
            lambda nn: nn.AvgPool2d(kernel, stride, half, ceil_mode=up),
            image,
        ),
        (AdaptiveAvgPool2d(size=size), lambda nn: nn.AdaptiveAvgPool2d(size), image),
        (BatchNorm(), lambda nn: nn.BatchNorm2d(cin).eval(), image),
        (
            Linear(features=features, bias=bias),
            lambda nn: nn.Linear(any_rank[-1], features, bias),
            any_rank,
        ),
    ]


@pytest.mark.parametrize("seed", range(200))
def test_layers_agree_with_torch(seed: int) -> None:
    for layer, make, shape in cases(seed):
        x = TensorType(shape)
        try:
            y = layer.infer(require, x)
        except RuleViolation:
            continue
        work = layer.work((x,), y)
        assert work is not None
        with torch.device("meta"):
            module, example = make(torch.nn), torch.empty((1, *shape))
        with flop_counter.FlopCounterMode(display=False) as counter:
            output = module(example)
        assert (layer, tuple(output.shape[1:])) == (layer, y.shape)
        assert sum(p.numel() for p in module.parameters()) == work.params
        assert counter.get_total_flops() == 2 * work.mult_adds
