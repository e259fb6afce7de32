"""What holds for all layer kinds, and their rules against loops that count one by one."""

from __future__ import annotations

import importlib
import pkgutil
import random
from math import prod
from types import ModuleType

import pytest
from layer_cases import evaluate

from mnet_cost import layers
from mnet_cost.layers import ALIASES, FAMILIES, KINDS, LAYERS, SHORT_FORMS, Layer, Work, names_of
from mnet_cost.layers.activation import Activation, LeakyRelu, Relu, Sigmoid
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d
from mnet_cost.layers.conv1d3d import AxesConvolution
from mnet_cost.layers.detection import RegionPool
from mnet_cost.layers.elementwise import Broadcast
from mnet_cost.layers.fields import fields_of
from mnet_cost.layers.gather import AtPositions
from mnet_cost.layers.layout import Copy
from mnet_cost.layers.pool import (
    AdaptiveAvgPool2d,
    AdaptiveMaxPool,
    AdaptiveMeanPool,
    AdaptivePool,
    AvgPool2d,
    GlobalPool,
    MaxPool2d,
)
from mnet_cost.layers.pool1d3d import AxesAvgPool, AxesMaxPool
from mnet_cost.layers.rearrange import Windows
from mnet_cost.layers.recurrent import Recurrent
from mnet_cost.layers.reshape import View
from mnet_cost.layers.stored import Stored

SHARED = {
    Windows, Layer, Activation, Broadcast, GlobalPool, AdaptivePool, AdaptiveMeanPool,
    AdaptiveMaxPool, AxesConvolution, AxesMaxPool, AxesAvgPool, View, Copy, Recurrent, RegionPool,
    Stored, AtPositions,
}  # fmt: skip
"""Classes that kinds derive from and that are no kinds."""

LINES = ("Shapes", "Mult-adds", "Weights", "Params", "Vector ops", "Bytes", "Source")

Pair = tuple[int, int]
Four = tuple[int, int, int, int]


def test_every_kind_is_listed() -> None:
    modules: list[ModuleType] = [
        importlib.import_module(f"{layers.__name__}.{module.name}")
        for module in pkgutil.iter_modules(layers.__path__)
    ]
    defined = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Layer)
    }
    assert defined - SHARED == set(LAYERS)
    assert len(LAYERS) == len(set(LAYERS))


def test_the_table_names_the_kinds() -> None:
    listed = [kind for kinds in FAMILIES.values() for kind in kinds]
    assert [layer.kind for layer in LAYERS] == listed
    assert len(set(listed)) == len(listed)
    assert not set(ALIASES) & set(listed)
    words = [word for short_forms in SHORT_FORMS.values() for word in short_forms]
    assert sorted(KINDS) == sorted([*listed, *ALIASES, *words])
    assert all(KINDS[name].kind == kind for name, kind in ALIASES.items())
    assert names_of("multiply") == ("multiply", "mul")
    assert names_of("relu") == ("relu",)
    with pytest.raises(KeyError, match="no_kind"):
        KINDS["no_kind"]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.kind)
def test_docstring_says_it_all(layer: type[Layer]) -> None:
    lines = (layer.__doc__ or "").splitlines()
    assert lines[0].endswith(".")
    words = [word for line in lines for word in LINES if line.startswith(f"    {word:<12}")]
    assert tuple(words) == LINES
    assert all(field.help for field in fields_of(layer).values())


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.kind)
def test_layers_are_values(layer: type[Layer]) -> None:
    required = {
        "channels": 8,
        "kernel": 3,
        "features": 8,
        "size": 2,
        "axes": (0,),
        "shape": (4,),
        "groups": 2,
        "height": 2,
        "vocabulary": 8,
        "padding": 1,
        "operation": "sort",
        "heads": 2,
        "regions": 9,
        "index": 0,
        "factor": 2,
        "shift": 1,
        "window": 2,
        "values": "zeros",
        "axis": -1,
        "count": 2,
    }
    fields = fields_of(layer).values()
    make = {field.name: required[field.name] for field in fields if field.required}
    made, same = layer(**make), layer(**make)
    assert made == same
    assert hash(made) == hash(same)
    assert repr(made).startswith(layer.__name__ + "(")
    assert not hasattr(made, "__dict__")
    with pytest.raises((AttributeError, TypeError)):
        made.kind = "other"  # type: ignore[misc]


def test_different_kinds_are_not_equal() -> None:
    window: list[Layer] = [MaxPool2d(kernel=3), AvgPool2d(kernel=3)]
    assert len({*window, MaxPool2d(kernel=3)}) == 2
    assert len({Relu(), Sigmoid(), Relu()}) == 2
    assert LeakyRelu(slope=0.1) != LeakyRelu(slope=0.2)


def starts(size: int, kernel: int, stride: int, before: int, after: int, up: bool) -> list[int]:
    """Where windows start on an axis with padding, found by sliding."""
    starts = []
    start = -before
    while start + kernel <= size + after or (
        up and start < size and start + kernel - stride < size + after
    ):
        starts.append(start)
        start += stride
    return starts


class Draw(random.Random):
    """Small random sizes, the same in every run."""

    def pair(self, low: int, high: int) -> Pair:
        return (self.randint(low, high), self.randint(low, high))


@pytest.mark.parametrize("seed", range(40))
def test_conv_against_loops(seed: int) -> None:
    draw = Draw(seed)
    groups = draw.randint(1, 3)
    channels_in, channels_out = groups * draw.randint(1, 3), groups * draw.randint(1, 3)
    size, kernel, stride = draw.pair(5, 8), draw.pair(1, 3), draw.pair(1, 3)
    dilation = draw.pair(1, 2)
    top, bottom, left, right = (draw.randint(0, 2) for _ in range(4))
    span = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    rows = starts(size[0], span[0], stride[0], top, bottom, up=False)
    columns = starts(size[1], span[1], stride[1], left, right, up=False)
    taps = 0
    weights = set()
    for _row in rows:
        for _column in columns:
            for out in range(channels_out):
                for into in range(channels_in):
                    if out // (channels_out // groups) != into // (channels_in // groups):
                        continue
                    for tap in range(prod(kernel)):
                        taps += 1
                        weights.add((out, into, tap))
    layer = Conv2d(
        channels=channels_out,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=(top, bottom, left, right),
        groups=groups,
    )
    shape, work = evaluate(layer, (channels_in, *size))
    assert work is not None
    assert shape == (channels_out, len(rows), len(columns))
    assert (work.mult_adds, work.weights) == (taps, len(weights))


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("stride", range(1, 5))
def test_same_padding_has_a_window_at_every_step(size: int, stride: int) -> None:
    steps = len(range(0, size, stride))
    for layer in (
        Conv2d(channels=1, kernel=3, stride=stride),
        DepthwiseConv2d(kernel=2, stride=stride, dilation=3),
        MaxPool2d(kernel=5, stride=stride, round_up=True),
        AvgPool2d(kernel=1, stride=stride),
    ):
        assert evaluate(layer, (1, size, size))[0] == (1, steps, steps)


@pytest.mark.parametrize("seed", range(40))
def test_conv_transpose_against_loops(seed: int) -> None:
    draw = Draw(seed)
    groups = draw.randint(1, 3)
    channels_in, channels_out = groups * draw.randint(1, 2), groups * draw.randint(1, 2)
    size, kernel, stride = draw.pair(2, 4), draw.pair(1, 3), draw.pair(1, 3)
    dilation = draw.pair(1, 2)
    padding = tuple(draw.randint(0, k // 2) for k in kernel)
    extra = tuple(draw.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation, strict=True))
    taps = 0
    touched: list[set[int]] = [set(), set()]
    for row in range(size[0]):
        for column in range(size[1]):
            for tap_row in range(kernel[0]):
                for tap_column in range(kernel[1]):
                    touched[0].add(row * stride[0] + tap_row * dilation[0])
                    touched[1].add(column * stride[1] + tap_column * dilation[1])
                    taps += groups * (channels_in // groups) * (channels_out // groups)
    rows, columns = (max(touched[axis]) + 1 + extra[axis] - 2 * padding[axis] for axis in (0, 1))
    layer = ConvTranspose2d(
        channels=channels_out,
        kernel=kernel,
        stride=stride,
        padding=padding,
        output_padding=extra,
        dilation=dilation,
        groups=groups,
    )
    shape, work = evaluate(layer, (channels_in, *size))
    assert work is not None
    assert shape == (channels_out, rows, columns)
    assert work.mult_adds == taps
    assert work.weights == prod(kernel) * channels_in * channels_out // groups


@pytest.mark.parametrize("seed", range(60))
def test_pool_against_loops(seed: int) -> None:
    draw = Draw(seed)
    size, kernel, stride = draw.pair(5, 9), draw.pair(1, 4), draw.pair(1, 4)
    top, bottom = draw.pair(0, kernel[0] // 2)
    left, right = draw.pair(0, kernel[1] // 2)
    for up in (False, True):
        rows = starts(size[0], kernel[0], stride[0], top, bottom, up)
        columns = starts(size[1], kernel[1], stride[1], left, right, up)
        visits = sum(prod(kernel) for _row in rows for _column in columns)
        padding = (top, bottom, left, right)
        for layer in (
            MaxPool2d(kernel=kernel, stride=stride, padding=padding, round_up=up),
            AvgPool2d(kernel=kernel, stride=stride, padding=padding, round_up=up),
        ):
            shape, work = evaluate(layer, (1, *size))
            assert shape == (1, len(rows), len(columns))
            assert work == Work(
                vector_ops=visits, input_elements=prod(size), output_elements=prod(shape)
            )


@pytest.mark.parametrize("size", range(1, 15))
@pytest.mark.parametrize("windows", range(1, 15))
def test_adaptive_pool_against_loops(size: int, windows: int) -> None:
    visits = 0
    for window in range(windows):
        start = window * size // windows
        end = -(-(window + 1) * size // windows)
        visits += len(range(start, end))
    _, work = evaluate(AdaptiveAvgPool2d(size=(windows, 1)), (1, size, 1))
    assert work is not None
    assert work.vector_ops == visits


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_is_a_convolution_with_a_group_per_channel(bias: bool, multiplier: int) -> None:
    shape = (12, 9, 7)
    grouped = Conv2d(channels=12 * multiplier, kernel=3, stride=2, groups=12, bias=bias)
    depthwise = DepthwiseConv2d(kernel=3, stride=2, multiplier=multiplier, bias=bias)
    assert evaluate(depthwise, shape) == evaluate(grouped, shape)


def test_groups_divide_the_work() -> None:
    shape = (12, 9, 7)
    _, plain = evaluate(Conv2d(channels=24, kernel=3), shape)
    assert plain is not None
    assert evaluate(Conv2d(channels=24, kernel=3, groups=1), shape)[1] == plain
    _, grouped = evaluate(Conv2d(channels=24, kernel=3, groups=4), shape)
    assert grouped is not None
    assert (4 * grouped.mult_adds, 4 * grouped.weights) == (plain.mult_adds, plain.weights)


def test_work_adds_up() -> None:
    assert Work(1, 2, 3, 4, 5, 6, 7) + Work(10, 20, 30, 40, 50, 60, 70) == Work(
        11, 22, 33, 44, 55, 66, 77
    )
