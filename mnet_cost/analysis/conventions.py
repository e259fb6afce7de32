"""Named counting conventions: which operations a tool counts as mult-adds beside our own.

Each adds itemized extras to the mult-adds of convolutions, linear layers and matrix products,
so that another tool's total is reproduced to the last unit and the gap explained. Params do
not depend on a convention. Not here: tools whose extras we have not reproduced exactly, and what
tools make of attention and recurrent layers, which all conventions count alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mnet_cost.analysis.work import LayerCost
from mnet_cost.errors import ModelReferenceError, Problem, did_you_mean
from mnet_cost.layers import Layer
from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from mnet_cost.layers.pool import AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool
from mnet_cost.layers.recurrent import Gru, Lstm
from mnet_cost.layers.reshape import Resize


class Extra(NamedTuple):
    """Operations that a tool counts as mult-adds."""

    what: str
    applies: Callable[[Layer], bool]
    amount: Callable[[LayerCost], Any]
    """For one example."""


class Convention(NamedTuple):
    """A tool's way to count. `source` says how it is known."""

    name: str
    summary: str
    source: str
    extras: tuple[Extra, ...] = ()


UNKNOWN_TO_TOOLS: tuple[type[Layer], ...] = (
    Attention, Gru, Lstm, MatMul, ScaledDotProductAttention,
)  # fmt: skip
"""Kinds that tools count in ways of their own, which no convention here has."""


class ConventionItem(NamedTuple):
    """One itemized difference to the paper's convention."""

    what: str
    mult_adds: int


def _outputs(cost: LayerCost) -> Any:
    return cost.output.elements


def _inputs(cost: LayerCost) -> Any:
    return cost.work.input_elements if cost.work else 0


def _is_adaptive_average(layer: Layer) -> bool:
    return isinstance(layer, (GlobalAvgPool, AdaptiveAvgPool2d))


def _is_average_window(layer: Layer) -> bool:
    return isinstance(layer, AvgPool2d)


def _is_norm(layer: Layer) -> bool:
    return isinstance(layer, BatchNorm)


def _has_bias(layer: Layer) -> bool:
    # Attention and recurrent layers have several biases inside, not one per output.
    return isinstance(layer, (Conv2d, DepthwiseConv2d, ConvTranspose2d, Linear)) and layer.bias


_BIAS = Extra("bias at 1 per output", _has_bias, _outputs)


def _norm_at(count: int) -> Extra:
    """Tools that count operations of a norm count half of them when it is not affine."""

    def amount(cost: LayerCost) -> Any:
        affine = getattr(cost.step.layer, "affine", True)
        return (count if affine else count // 2) * cost.output.elements

    return Extra(f"batch-norm at {count} per element", _is_norm, amount)


def _norm_of_statistics(cost: LayerCost) -> Any:
    return (5 if getattr(cost.step.layer, "affine", False) else 4) * cost.output.elements


def _upsampling(cost: LayerCost) -> Any:
    layer = cost.step.layer
    bilinear = isinstance(layer, Resize) and layer.mode == "bilinear"
    return (4 if bilinear else 1) * cost.output.elements


CONVENTIONS: tuple[Convention, ...] = (
    Convention(
        "paper",
        "mult-adds of convolutions, linear layers and matrix products; nothing else",
        "arXiv:1704.04861, section 3.1",
    ),
    Convention(
        "torch",
        "half of what torch.utils.flop_counter counts: the same as `paper`",
        "torch 2.13 torch/utils/flop_counter.py: 2 per mult-add of conv and matmul",
    ),
    Convention(
        "fvcore",
        "+ batch-norm at 2 per element, other norms at 5, adaptive average pooling at 1 per input",
        "fvcore 0.1.5 fvcore/nn/flop_count.py, jit_handles.py; its `flops` are mult-adds",
        (
            _norm_at(2),
            Extra(
                "layer, group and instance norm at 5 per element",
                lambda layer: isinstance(layer, (LayerNorm, GroupNorm, InstanceNorm)),
                _norm_of_statistics,
            ),
            Extra(
                "upsampling at 1 or (bilinear) 4 per output",
                lambda layer: isinstance(layer, Resize),
                _upsampling,
            ),
            Extra("adaptive average pooling at 1 per input", _is_adaptive_average, _inputs),
        ),
    ),
    Convention(
        "ptflops",
        "+ bias at 1 per output (its `aten` backend)",
        "ptflops 0.7.5, backend `aten`",
        (_BIAS,),
    ),
    Convention(
        "thop",
        "+ batch-norm at 4 per element, average pooling at 1 per output, adaptive also per input",
        "thop 0.1.1 thop/vision/basic_hooks.py",
        (
            _norm_at(4),
            Extra(
                "adaptive average pooling at 1 per input and output",
                _is_adaptive_average,
                lambda cost: _inputs(cost) + _outputs(cost),
            ),
            Extra("average pooling at 1 per output", _is_average_window, _outputs),
        ),
    ),
    Convention(
        "torchinfo",
        "+ bias at 1 per output, params of batch-norm once",
        "torchinfo 1.8.0 torchinfo/layer_info.py",
        (
            _BIAS,
            Extra("batch-norm params, once", _is_norm, lambda c: c.work.params if c.work else 0),
        ),
    ),
    Convention(
        "timm",
        "+ batch-norm at 2 per output",
        "pytorch-image-models results/benchmark tables (`infer_gmacs`)",
        (_norm_at(2),),
    ),
    Convention(
        "openvino",
        "+ 1 per convolution output for the folded bias; half of its `GFLOPs`",
        "OpenVINO model zoo, mobilenet-v1-1.0-224: 1.148 GFLOPs",
        (Extra("folded bias at 1 per element", _is_norm, _outputs),),
    ),
)


def find_convention(name: str) -> Convention:
    """The convention of that name; `ModelReferenceError` when there is none."""
    for convention in CONVENTIONS:
        if convention.name == name:
            return convention
    names = [convention.name for convention in CONVENTIONS]
    raise ModelReferenceError(
        Problem(
            f"there is no counting convention `{name}`",
            hint=did_you_mean(name, names) or "there are " + ", ".join(names),
        )
    )


def count_by(
    convention: Convention, costs: tuple[LayerCost, ...], batch: int
) -> tuple[tuple[LayerCost, ...], tuple[ConventionItem, ...]]:
    """`costs` with mult-adds as `convention` counts them, and what it adds in all."""
    if not convention.extras:
        return costs, ()
    totals = dict.fromkeys([extra.what for extra in convention.extras], 0)
    counted = []
    for cost in costs:
        added = 0
        for extra in convention.extras:
            if cost.work is not None and extra.applies(cost.step.layer):
                amount = extra.amount(cost) * batch
                totals[extra.what] += amount
                added += amount
        counted.append(cost._replace(mult_adds=cost.mult_adds + added) if added else cost)
    items = tuple(ConventionItem(what, amount) for what, amount in totals.items() if amount)
    return tuple(counted), items
