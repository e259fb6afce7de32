"""Work that tools are known to miss or to count too often, whatever their convention is.

A defect says by how much the count of a layer changes. It is for layers that a convention counts as
we do: what the rules of a tool (`tool_rules.py`) already have is no defect on top of them. Sources
are runs of the tools on small modules of one layer; for the tools that have rules they are in
`tests/analysis/peers.csv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mnet_cost.analysis.tool_rules import (
    Amount,
    Counted,
    at_one_position,
    at_outputs,
    left_out,
    without_products,
)
from mnet_cost.layers import Layer
from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.conv import ConvTranspose2d
from mnet_cost.layers.dynamic_conv import DeformConv2d, DynamicConv2d
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.recurrent import Gru, Lstm
from mnet_cost.tensors import product


class Defect(NamedTuple):
    """One way in which a tool counts layers of some kinds wrongly."""

    what: str
    known: str
    """The tools that do so, in the versions that were run."""
    amounts: Mapping[type[Layer], Amount]
    """What is counted more than we do (less, if negative), for the whole batch."""
    conventions: tuple[str, ...] = ()
    """The conventions whose tools do so where their rules leave it open. A tool without rules here
    is taken to count as the paper does, but for its defects."""
    of_used_again: bool = False
    """Whether it is about the later uses of a layer alone."""


def _left_out_if_grouped(counted: Counted) -> Any:
    return left_out(counted) * (counted.layer.groups > 1)


def _is_to_itself(counted: Counted) -> bool:
    return bool(counted.layer.laid_out_inputs(len(counted.inputs)) == 1)


def _biases(counted: Counted) -> Any:
    """Of attention to itself: a bias at 1 per output of each projection."""
    positions = product(counted.output.shape[:-1])
    biases = counted.batch * positions * (counted.work.params - counted.work.weights)
    return biases if _is_to_itself(counted) else 0


def _projections_with_bias(counted: Counted) -> Any:
    return without_products(counted) + _biases(counted) if _is_to_itself(counted) else 0


DEFECTS: tuple[Defect, ...] = (
    Defect(
        "attention at nothing",
        "thop 0.1.1, torchinfo 1.8.0, flopth 0.1.6; torch's counter without gradients",
        {Attention: left_out},
        ("torch", "thop", "torchinfo"),
    ),
    Defect(
        "products in attention at nothing",
        "fvcore 0.1.5; torch's counter with gradients",
        {Attention: without_products, ScaledDotProductAttention: left_out},
        ("torch", "fvcore", "timm"),
    ),
    Defect(
        "attention at its projections, with bias at 1 per output",
        "the `aten` backend of ptflops 0.7.5",
        {Attention: _projections_with_bias},
        ("ptflops",),
    ),
    Defect(
        "attention with bias at 1 per output of its projections",
        "the `aten` backend of ptflops 0.7.5, for attention of linear layers",
        {Attention: _biases},
        ("ptflops",),
    ),
    Defect(
        "products of activations at nothing",
        "thop 0.1.1, torchinfo 1.8.0, Torch-Pruning 1.6.1, the `pytorch` backend of ptflops 0.7.5",
        {MatMul: left_out, ScaledDotProductAttention: left_out, DynamicConv2d: left_out},
        ("thop", "torchinfo"),
    ),
    Defect(
        "scaled dot-product attention at nothing",
        "fvcore 0.1.5, ptflops 0.7.5; torch's counter to 2.13",
        {ScaledDotProductAttention: left_out},
        ("torch", "fvcore", "timm", "ptflops"),
    ),
    Defect(
        "linear layers over positions at one of them",
        "torchinfo 1.8.0, flopth 0.1.6",
        {Linear: at_one_position},
        ("torchinfo",),
    ),
    Defect(
        "transposed convolutions at positions of the output",
        "thop 0.1.1, torchinfo 1.8.0, Torch-Pruning 1.6.1, flopth 0.1.6",
        {ConvTranspose2d: at_outputs},
        ("thop", "torchinfo"),
    ),
    Defect(
        "grouped transposed convolutions at nothing",
        "calflops 0.3.2",
        {ConvTranspose2d: _left_out_if_grouped},
    ),
    Defect(
        "recurrent layers at nothing",
        "fvcore 0.1.5, calflops 0.3.2; torch's counter, for fused kernels",
        {Lstm: left_out, Gru: left_out},
        ("torch", "fvcore", "timm"),
    ),
    Defect(
        "deformable convolutions at nothing",
        "thop 0.1.1, fvcore 0.1.5, ptflops 0.7.5, torch's counter",
        {DeformConv2d: left_out},
        ("torch", "fvcore", "timm", "ptflops", "thop"),
    ),
    Defect(
        "layers that are used again at their first use alone",
        "flopth 0.1.6",
        {Layer: left_out},
        of_used_again=True,
    ),
)
