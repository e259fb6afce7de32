"""Work that tools are known to miss or to count too often, whatever their convention is.

A defect says by how much the count of a layer changes. It is for layers that a convention counts as
we do: what the rules of a tool (`tool_rules.py`) already have is no defect on top of them. Sources
are runs of the tools on small modules of one layer; for the tools that have rules they are in
`tests/analysis/peers.csv`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mnet_cost.analysis.tool_rules import (
    Amount,
    Counted,
    at_one_position,
    at_outputs,
    is_pointwise,
    left_out,
    without_products,
)
from mnet_cost.layers import Layer
from mnet_cost.layers.attention import Attention, MatMul, ScaledDotProductAttention
from mnet_cost.layers.base import both
from mnet_cost.layers.conv import Conv2d, ConvTranspose2d, DepthwiseConv2d, is_same, sides
from mnet_cost.layers.dynamic_conv import DeformConv2d, DynamicConv2d
from mnet_cost.layers.linear import Linear
from mnet_cost.layers.norm import BatchNorm, LayerNorm
from mnet_cost.layers.recurrent import Gru, Lstm, Rnn
from mnet_cost.layers.reshape import Pad
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
        {Lstm: left_out, Gru: left_out, Rnn: left_out},
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


class ModuleDefect(NamedTuple):
    """What a tool counts of layers by the class or the use of their module, which no spec tells."""

    what: str
    known: str
    """The tool with the place in its code, and modules that are counted so."""
    convention: str
    layers: Mapping[type[Layer], Callable[[Counted, str], bool]]
    """Kinds that have such modules, and whether a layer may be one: given the kind of the layer
    before it."""
    amount: Amount = left_out
    """As in `Defect`."""


def _any(counted: Counted, before: str) -> bool:
    return True


def _pads_itself(counted: Counted, before: str) -> bool:
    """Whether it may be a module that pads its input unevenly when it is called."""
    layer = counted.layer
    if is_same(layer.padding):
        return any(stride > 1 for stride in both(layer.stride))
    top, bottom, left, right = sides(layer.padding)
    return before == Pad.kind or bool((top != bottom) | (left != right))


def _is_of_sequences(counted: Counted, before: str) -> bool:
    return len(counted.output.shape) > 2


def _is_plain_pointwise(counted: Counted, before: str) -> bool:
    """Whether it may be a linear layer without bias over positions."""
    return not counted.layer.bias and is_pointwise(counted.layer)


def _once(counted: Counted) -> Any:
    """The params for each example."""
    return counted.batch * counted.work.params + left_out(counted)


def _once_for_each_sequence(counted: Counted) -> Any:
    """The params for each sequence of each example."""
    sequences = counted.batch * product(counted.output.shape[:-2])
    return sequences * counted.work.params + left_out(counted)


_THOP = "thop 0.1.1, thop/profile.py: it looks up the class of a module itself, as not of timm's"
_TORCHINFO = "torchinfo 1.8.0, torchinfo/"

MODULE_DEFECTS: tuple[ModuleDefect, ...] = (
    ModuleDefect(
        "batch-norm of a class derived from nn.BatchNorm2d at nothing",
        f"{_THOP} BatchNormAct2d",
        "thop",
        {BatchNorm: _any},
    ),
    ModuleDefect(
        "layer norm of a class derived from nn.LayerNorm at nothing",
        f"{_THOP} LayerNorm and torchvision's LayerNorm2d",
        "thop",
        {LayerNorm: _any},
    ),
    ModuleDefect(
        "linear layers of a class derived from nn.Linear at nothing",
        f"{_THOP} Linear",
        "thop",
        {Linear: _any},
    ),
    ModuleDefect(
        "convolutions of a class derived from nn.Conv2d at nothing",
        f"{_THOP} Conv2dSame",
        "thop",
        dict.fromkeys((Conv2d, DepthwiseConv2d), _pads_itself),
    ),
    ModuleDefect(
        "batch-norm of a module that holds its activation at nothing",
        f"{_TORCHINFO}model_statistics.py: it adds up modules without children, as timm's "
        "BatchNormAct2d is not",
        "torchinfo",
        {BatchNorm: _any},
    ),
    ModuleDefect(
        "linear layers over positions, without bias, at one of them",
        f"{_TORCHINFO}layer_info.py: it multiplies params with the first axis alone",
        "torchinfo",
        {Conv2d: _is_plain_pointwise},
        _once,
    ),
    ModuleDefect(
        "layers over sequences at their params for each sequence",
        f"{_TORCHINFO}layer_info.py: it multiplies params with the first axis alone, in which "
        "sequences are joined with the batch",
        "torchinfo",
        dict.fromkeys((Linear, LayerNorm, Attention), _is_of_sequences),
        _once_for_each_sequence,
    ),
)
