"""Shapes, params and mult-adds against torch, on random fields. Skipped without torch.

    python -m pip install --editable '.[test,torch]' --constraint constraints.txt

Modules live on the meta device, so nothing is calculated; torch's own flop counter counts 2 per
mult-add. It counts nothing for fused kernels of attention and LSTM on a CPU, but on the meta device
these are the matrix products that they consist of. Where we refuse sizes that the meta device lets
pass (torch refuses them when it runs), there is nothing to compare.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from mnet_cost.layers import Layer
from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d
from mnet_cost.layers.layout import ChannelShuffle
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LocalResponseNorm,
)
from mnet_cost.layers.parameters import Embedding
from mnet_cost.layers.pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from mnet_cost.layers.recurrent import Gru, Lstm, Rnn
from mnet_cost.tensors import RuleViolation, TensorType, axis_names, require

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
    taller = (cin, image[1] + 1, image[2])  # torch refuses statistics of one number
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
            LayerNorm(axis=axis_names(len(any_rank))[-1], affine=up, bias=bias),
            lambda nn: nn.LayerNorm(any_rank[-1], elementwise_affine=up, bias=bias),
            any_rank,
        ),
        (
            GroupNorm(groups=groups, affine=bias),
            lambda nn: nn.GroupNorm(groups, cin, affine=bias),
            taller,
        ),
        (InstanceNorm(affine=bias), lambda nn: nn.InstanceNorm2d(cin, affine=bias), taller),
        (InstanceNorm(), lambda nn: nn.InstanceNorm2d(cin), taller),
        (LocalResponseNorm(size=features), lambda nn: nn.LocalResponseNorm(features), image),
        (ChannelShuffle(groups=groups), lambda nn: nn.ChannelShuffle(groups), image),
        (
            Embedding(vocabulary=cout, features=features),
            lambda nn: of_numbers(nn.Embedding(cout, features)),
            any_rank,
        ),
        (
            Linear(features=features, bias=bias),
            lambda nn: nn.Linear(any_rank[-1], features, bias),
            any_rank,
        ),
    ]


def of_numbers(module: Any) -> Any:
    """`module` with its input taken for whole numbers."""
    module.register_forward_pre_hook(lambda _, inputs: (inputs[0].long(),))
    return module


def sequence_cases(seed: int) -> list[tuple[Layer, Callable[[Any], Any], list[tuple[int, ...]]]]:
    """As `cases`, for what works on sequences, with one input or several."""
    choose = random.Random(seed)
    length, keys, heads, features, other, layers = (choose.randint(1, 5) for _ in range(6))
    bias, both, width = seed % 2 == 0, seed % 3 == 0, heads * features
    first, second = choose.choice([((3,), (3,)), ((3,), (1,)), ((1,), (3,)), ((), ())])
    recurrent: dict[str, Any] = {"layers": layers, "bidirectional": both, "bias": bias}

    def unrolled(module: Any) -> Any:
        return after(
            module(other, features, layers, bias=bias, batch_first=True, bidirectional=both), 0
        )

    def final(module: Any) -> Any:
        states = module(other, features, layers, bias=bias, batch_first=True, bidirectional=both)
        return after(states, lambda got: of_last_layer(got[1], 2 if both else 1))

    sequence: list[tuple[int, ...]] = [(length, other)]
    return [
        (
            MatMul(),
            lambda nn: of_function(nn, torch.matmul),
            [(*first, length, features), (*second, features, other)],
        ),
        (
            MatMul(transpose_second=True),
            lambda nn: of_function(nn, lambda a, b: a @ b.transpose(-1, -2)),
            [(*first, length, features), (*second, other, features)],
        ),
        (
            ScaledDotProductAttention(),
            lambda nn: of_function(nn, nn.functional.scaled_dot_product_attention),
            [(*first, length, features), (*first, keys, features), (*first, keys, other)],
        ),
        (
            Attention(heads=heads, bias=bias),
            lambda nn: attending(nn.MultiheadAttention(width, heads, 0.0, bias, batch_first=True)),
            [(length, width)],
        ),
        (
            Attention(heads=heads, bias=bias),
            lambda nn: attending(
                nn.MultiheadAttention(
                    width, heads, 0.0, bias, kdim=other, vdim=other, batch_first=True
                )
            ),
            [(length, width), (keys, other)],
        ),
        (Lstm(features=features, **recurrent), lambda nn: unrolled(nn.LSTM), sequence),
        (Lstm(features=features, output="last", **recurrent), lambda nn: final(nn.LSTM), sequence),
        (Gru(features=features, **recurrent), lambda nn: unrolled(nn.GRU), sequence),
        (Gru(features=features, output="last", **recurrent), lambda nn: final(nn.GRU), sequence),
        (Rnn(features=features, **recurrent), lambda nn: unrolled(nn.RNN), sequence),
        (Rnn(features=features, output="last", **recurrent), lambda nn: final(nn.RNN), sequence),
    ]


def of_function(nn: Any, function: Callable[..., Any]) -> Any:
    """A module without params that applies `function`."""
    module = nn.Module()
    module.forward = function
    return module


def after(module: Any, part: Any) -> Any:
    """`module` with a part of its output, by index or by function."""
    pick = part if callable(part) else lambda got: got[part]
    module.register_forward_hook(lambda _, inputs, got: pick(got))
    return module


def attending(module: Any) -> Any:
    """Multi-head attention to the last input."""
    module.register_forward_pre_hook(lambda _, inputs: (inputs[0], inputs[-1], inputs[-1]))
    return after(module, 0)


def of_last_layer(states: Any, directions: int) -> Any:
    """Final states of all layers and directions -> those of the last layer side by side."""
    hidden = states[0] if isinstance(states, tuple) else states
    return hidden[-directions:].transpose(0, 1).flatten(1)


@pytest.mark.parametrize("seed", range(60))
def test_sequence_layers_agree_with_torch(seed: int) -> None:
    for layer, make, shapes in sequence_cases(seed):
        agree(layer, make, *shapes)


@pytest.mark.parametrize("seed", range(200))
def test_layers_agree_with_torch(seed: int) -> None:
    for layer, make, shape in cases(seed):
        try:
            layer.infer(require, TensorType(shape))
        except RuleViolation:
            continue
        agree(layer, make, shape)


def agree(layer: Layer, make: Callable[[Any], Any], *shapes: tuple[int, ...]) -> None:
    """Shape, params and mult-adds of `layer` are those of the module."""
    inputs = tuple(map(TensorType, shapes))
    y = layer.infer(require, *inputs)
    work = layer.work(inputs, y)
    assert work is not None
    with torch.device("meta"):
        module, examples = make(torch.nn), [torch.empty((1, *shape)) for shape in shapes]
    with flop_counter.FlopCounterMode(display=False) as counter:
        output = module(*examples)
    assert (layer, tuple(output.shape[1:])) == (layer, y.shape)
    assert sum(p.numel() for p in module.parameters()) == work.params
    assert counter.get_total_flops() == 2 * work.mult_adds
