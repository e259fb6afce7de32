"""Counts of a network by class of layer, as forward hooks on a reference implementation give them.

A grouped convolution is depthwise when each of its groups is one channel. Matrix products within
attention are a class of their own: hooks on convolutions and linear layers do not see them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.analysis.work import LayerCost
from mnet_cost.layers.base import both
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import BatchNorm
from mnet_cost.models.library import load_model


class Counts(NamedTuple):
    """Mult-adds in all and by class; params in all, of norms and of biases; running statistics."""

    mult_adds: int
    conv1x1: int
    depthwise: int
    grouped: int
    conv_other: int
    fc: int
    matmul: int
    params: int
    bn_affine: int
    bn_running: int
    bias: int


@cache
def cost(reference: str) -> Analysis:
    """The analysis of a model of the library, which must know the cost of every layer."""
    analysis = analyze(load_model(reference))
    assert analysis.unmodelled == ()
    return analysis


@cache
def counts(reference: str) -> Counts:
    """The counts of a model of the library."""
    analysis = cost(reference)
    network = analysis.network
    mult_adds = dict.fromkeys(("conv1x1", "depthwise", "grouped", "conv_other", "fc", "matmul"), 0)
    affine = running = bias = 0
    for layer in analysis.layers:
        channels = network.tensors[layer.step.inputs[0]].type.shape if layer.step.inputs else ()
        mult_adds[_class(layer, channels)] += layer.mult_adds
        kind = layer.step.layer
        if isinstance(kind, BatchNorm):
            affine += layer.params
            running += layer.buffers
        elif isinstance(kind, (Conv2d, DepthwiseConv2d, ConvTranspose2d, Linear)):
            bias += layer.params - layer.weights
    return Counts(
        mult_adds=analysis.totals.mult_adds,
        **mult_adds,
        params=analysis.totals.params,
        bn_affine=affine,
        bn_running=running,
        bias=bias,
    )


def _class(layer: LayerCost, shape: tuple[int, ...]) -> str:
    kind = layer.step.layer
    if isinstance(kind, Linear):
        return "fc"
    if isinstance(kind, DepthwiseConv2d):
        return "depthwise"
    if isinstance(kind, Conv2d) and kind.groups > 1:
        return "depthwise" if kind.groups == shape[-3] else "grouped"
    if isinstance(kind, Conv2d) and both(kind.kernel) == (1, 1):
        return "conv1x1"
    if isinstance(kind, (Conv2d, ConvTranspose2d)):
        return "conv_other"
    return "matmul"
